/**
 * Waiting for a descriptor of the thin layer on the event loop: what lets handlers run while a server waits for clients.
 *
 * @module
 */
import { POLLIN, POLLNVAL, POLLOUT } from "../libc/poll.ts";
import { fd as asFd } from "../native/descriptors.ts";
import { known } from "../native/options.ts";
import { waitOptionsOf } from "./_common.ts";
import { lookAgain, ready } from "./_reactor.ts";
import type { WaitOptions } from "./options.ts";

const SIGNAL = known<WaitOptions>(({ signal }) => ({ signal }));

/**
 * Waits until `read`, `recv` or `accept` would not block: `poll(2)` with `POLLIN`, without stopping the event loop, except
 * for a moment at first, as {@linkcode Socket} does.
 *
 * @param fd The descriptor.
 * @param options `signal`: gives up waiting.
 * @returns When there is something to read or to accept, or the other end has closed.
 * @throws {LibcError} `EBADF` not an open descriptor, or closed meanwhile; `EINVAL` not a number, or no such option;
 * `EOPNOTSUPP` in a forked child. As a rejection; also the signal's reason.
 *
 * @example
 * ```ts
 * import { close, pipe, read, readable, write } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * setTimeout(() => write(writer, "hello"), 10);
 * await readable(reader);
 * console.log(read(reader, new Uint8Array(80))); // 5
 * close(reader);
 * close(writer);
 * ```
 */
export async function readable(fd: number, options?: WaitOptions): Promise<void> {
  const { signal } = waitOptionsOf(options, SIGNAL, "poll");
  await until(asFd(fd, "poll"), POLLIN, signal);
}

/**
 * Waits until `write`, `send` or a pending `connect` would not block: `poll(2)` with `POLLOUT`, without stopping the event
 * loop, except for a moment at first, as {@linkcode Socket} does.
 *
 * @param fd The descriptor.
 * @param options `signal`: gives up waiting.
 * @returns When there is room, or nobody is left to read.
 * @throws {LibcError} `EBADF` not an open descriptor, or closed meanwhile; `EINVAL` not a number, or no such option;
 * `EOPNOTSUPP` in a forked child. As a rejection; also the signal's reason.
 *
 * @example
 * ```ts
 * import { close, pipe, writable, write } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * await writable(writer);
 * write(writer, "hello");
 * close(reader);
 * close(writer);
 * ```
 */
export async function writable(fd: number, options?: WaitOptions): Promise<void> {
  const { signal } = waitOptionsOf(options, SIGNAL, "poll");
  await until(asFd(fd, "poll"), POLLOUT, signal);
}

async function until(fd: number, events: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const found = lookAgain(fd, events);
  if (found === 0 || found & POLLNVAL) await ready(fd, events, signal);
}
