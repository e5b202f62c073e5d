/**
 * `recv(2)` and `send(2)` for those who try before they wait. To make an error and throw it takes as long as to copy 20 KB,
 * and that one would have to wait is none to them.
 *
 * @module
 */

/** The functions; socket.ts, which has the calls, puts them here. They throw as theirs do. */
export const attempts: {
  /** Receives; -1 if there is nothing yet. */
  recv(sockfd: number, buf: Uint8Array<ArrayBuffer>): number;
  /** Sends, without `SIGPIPE`; -1 if there is no room. */
  send(sockfd: number, buf: Uint8Array<ArrayBuffer>): number;
} = { recv: () => -1, send: () => -1 };
