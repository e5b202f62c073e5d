/**
 * `<poll.h>`: wait for any of several descriptors.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { int, size } from "../native/check.ts";
import { errno, libc } from "../native/libc.ts";
import type { pollfds } from "../native/pollfds.ts";
import { bytesOf, layouts } from "../native/structs.ts";

export { pollfd, pollfds } from "../native/pollfds.ts";

/** There is something to read, to accept, or the end of the file. */
export const POLLIN = 0x1;
/** There is something urgent to read. */
export const POLLPRI = 0x2;
/** A write would not block. */
export const POLLOUT = 0x4;
/** Answer only: there is an error. */
export const POLLERR = 0x8;
/** Answer only: the other side hung up. */
export const POLLHUP = 0x10;
/** Answer only: the descriptor is not open. */
export const POLLNVAL = 0x20;
/** The other side closed, or shut down its writing half. */
export const POLLRDHUP = 0x2000;

/**
 * Waits until one of several descriptors is ready, `poll(2)`.
 *
 * @param fds The descriptors, and what to wait for; the answers are in each one's `revents`.
 * @param timeout For how many milliseconds; -1 forever, 0 not at all.
 * @returns How many descriptors have something in `revents`; 0 if the time is over.
 * @throws {LibcError} `EINTR` a signal arrived; `EINVAL` too many descriptors, or not a number.
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, poll, pollfds, POLLIN, send, SOCK_STREAM, socketpair } from "@ipc/playground";
 *
 * const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
 * const fds = new pollfds([a, POLLIN]);
 * console.log(poll(fds, 0)); // 0
 * send(b, "x", 1, 0);
 * console.log(poll(fds, -1), fds[0].revents === POLLIN); // 1 true
 * close(a);
 * close(b);
 * ```
 */
export function poll(fds: pollfds, timeout: number): number {
  const length = fds?.length;
  const bytes = bytesOf(fds, length * layouts.pollfd.size, "poll", "fds");
  const ready = libc.poll(bytes, size(length, "poll", "nfds"), int(timeout, "poll", "timeout"));
  if (ready < 0) throw new LibcError("poll", errno(), `${length} descriptors`);
  return ready;
}
