/**
 * A socket that waits for connections.
 *
 * @module
 */
import { POLLIN } from "../libc/poll.ts";
import {
  accept4,
  getsockname,
  getsockopt,
  SO_DOMAIN,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  type sockaddr,
  SOL_SOCKET,
} from "../libc/sys/socket.ts";
import { setNonblocking } from "../native/descriptor.ts";
import { addressFor, isCode, madeFile, release, type SocketFile, waitSync } from "./descriptor.ts";
import type { WaitOptions } from "./ipc_object.ts";
import { ready } from "./reactor.ts";
import { Socket } from "./socket.ts";

/**
 * A socket that waits for connections; {@linkcode Socket.listen} makes one.
 *
 * @example
 * ```ts
 * import { Socket } from "@ipc/playground";
 *
 * using listener = Socket.listen("@example");
 * const client = Socket.connectSync("@example");
 * for await (const connection of listener) {
 *   await connection.write("I got your message");
 *   connection.close();
 *   break;
 * }
 * console.log(await client.read(new Uint8Array(256))); // 18
 * client.close();
 * ```
 */
export class Listener implements Disposable, AsyncIterable<Socket> {
  #fd: number;
  readonly #file: SocketFile | undefined;

  /**
   * Takes over a descriptor. It becomes `O_NONBLOCK`, also for others who share it.
   *
   * @param fd A socket that listens.
   * @param path The file to remove when it is closed.
   * @throws {LibcError} `EBADF`; `ENOTSOCK`.
   */
  constructor(fd: number, path?: string) {
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN);
    setNonblocking(fd);
    this.#fd = fd;
    this.#file = madeFile(path);
  }

  /** The descriptor, for the functions that are named as in C; -1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  /** Where it listens. */
  get address(): sockaddr {
    const address = addressFor(getsockopt(this.#fd, SOL_SOCKET, SO_DOMAIN));
    getsockname(this.#fd, address);
    return address;
  }

  /**
   * Takes the next connection.
   *
   * @param options A signal to give up; no connection is lost then.
   * @returns The connection.
   * @throws {LibcError} `EMFILE` too many descriptors; `EINVAL` does not listen; `EBADF` closed, also while waiting.
   */
  async accept(options: WaitOptions = {}): Promise<Socket> {
    const { signal } = options;
    signal?.throwIfAborted();
    for (;;) {
      const connection = this.#accept();
      if (connection) return connection;
      await ready(this.#fd, POLLIN, signal);
    }
  }

  /**
   * As {@linkcode Listener.accept}, but stops the program until there is one.
   *
   * @returns The connection.
   * @throws {LibcError} As {@linkcode Listener.accept}.
   */
  acceptSync(): Socket {
    for (;;) {
      const connection = this.#accept();
      if (connection) return connection;
      waitSync(this.#fd, POLLIN);
    }
  }

  #accept(): Socket | undefined {
    try {
      return Socket.fromFd(accept4(this.#fd, null, SOCK_NONBLOCK | SOCK_CLOEXEC));
    } catch (error) {
      // a connection that was given up before it got here is none
      if (isCode(error, "EAGAIN") || isCode(error, "ECONNABORTED")) return undefined;
      throw error;
    }
  }

  /** One connection after the other, until the listener is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Socket, void, void> {
    while (this.#fd >= 0) {
      let connection: Socket;
      try {
        connection = await this.accept();
      } catch (error) {
        if (this.#fd < 0) return;
        throw error;
      }
      yield connection;
    }
  }

  /** Closes the socket and removes its file; whoever waits in `accept` gets `EBADF`. Closing it again does nothing. */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    release(fd, this.#file);
  }

  /** As {@linkcode Listener.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
