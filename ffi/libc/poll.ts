/**
 * `<poll.h>`: wait for any of several descriptors.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { asInt, asSize, itemsOf, shown } from "../native/check.ts";
import { call, header } from "../native/header.ts";
import { array, as, type Call, flags, i16, i32, size } from "../native/kinds.ts";
import { at, bytesOfNew, element, layout, layoutOf, Struct, structBytes } from "../native/layout.ts";
import { errno } from "../native/libc.ts";

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

/** What is asked and what is answered about one descriptor, `struct pollfd` of `poll(2)`; {@linkcode pollfds} has them. */
export class pollfd extends Struct {
  /** The descriptor; a negative one is passed over. */
  declare fd: number;
  /** What to wait for, such as `POLLIN`. */
  declare events: number;
  /** What there is: some of `events`, or `POLLERR`, `POLLHUP` or `POLLNVAL`. */
  declare readonly revents: number;
}
const events = as(i16, flags({ POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL, POLLRDHUP }, { radix: 16 }));
layout(pollfd, "poll", { fd: i32, events, revents: events }, ["fd", "events"]);
const POLLFD = layoutOf(pollfd);

/** How many descriptors there are, whatever the property says; undefined for anything else than {@linkcode pollfds}. */
let countOf: (fds: unknown) => number | undefined;

/**
 * The descriptors of one `poll(2)`, an array of `struct pollfd`. Make it once and use it often.
 *
 * @example
 * ```ts
 * import { POLLIN, pollfds } from "./mod.ts";
 *
 * const fds = new pollfds([0, POLLIN]); // standard input
 * console.log(fds.length, fds[0].fd, fds[0].events === POLLIN); // 1 0 true
 * ```
 */
export class pollfds extends Struct {
  /** How many descriptors there are. */
  readonly length: number;
  /** Each of them, as in C: `fds[0].revents`. */
  readonly [index: number]: pollfd;
  readonly #count: number;

  static {
    countOf = (fds) => typeof fds === "object" && fds !== null && #count in fds ? fds.#count : undefined;
  }

  /**
   * Makes the array.
   *
   * @param fds For each descriptor `[fd, events]`.
   */
  constructor(...fds: [fd: number, events: number][]) {
    super(fds.length * POLLFD.size);
    const bytes = bytesOfNew(this, "poll");
    this.length = this.#count = fds.length;
    for (let i = 0; i < fds.length; i++) {
      const entry = at(pollfd, bytes.subarray(i * POLLFD.size, (i + 1) * POLLFD.size));
      const items = itemsOf(fds[i], 2);
      if (items.length < 2) throw new LibcError("poll", "EINVAL", `${shown(fds[i])} is not [fd, events]`);
      [entry.fd, entry.events] = items as [number, number];
      (this as Record<number, pollfd>)[i] = entry;
    }
  }
}

const waits = (call: Call) => Number(call.argument("timeout")) !== 0;
const c = header({
  poll: call(i32, [["fds", array(element(POLLFD), "nfds")], ["nfds", size], ["timeout", i32]], { waits }),
});

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
 * import { AF_UNIX, close, poll, pollfds, POLLIN, send, SOCK_STREAM, socketpair } from "./mod.ts";
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
  const length = countOf(fds);
  if (length === undefined) throw new LibcError("poll", "EFAULT", `fds must be pollfds, got ${shown(fds)}`);
  const bytes = structBytes(fds, length * POLLFD.size, "poll", "fds");
  const ready = c.poll(bytes, asSize(length, "poll", "nfds"), asInt(timeout, "poll", "timeout"));
  if (ready < 0) throw new LibcError("poll", errno(), `${length} descriptors`);
  return ready;
}
