/**
 * `struct pollfd` of poll(2).
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { layouts, Struct } from "./structs.ts";

const P = layouts.pollfd;

/** What is asked and what is answered about one descriptor, `struct pollfd` of `poll(2)`. */
export class pollfd {
  readonly #view: DataView;
  readonly #at: number;

  /**
   * Made by {@linkcode pollfds}.
   *
   * @param view The memory of the array that this is an element of.
   * @param at Where in it.
   */
  constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
  }
  /** The descriptor; a negative one is passed over. */
  get fd(): number {
    return this.#view.getInt32(this.#at + P.fd, true);
  }
  set fd(value: number) {
    if (typeof value !== "number" || (value | 0) !== value) {
      throw new LibcError("poll", "EINVAL", `fd must be a 32-bit integer, got ${Deno.inspect(value)}`);
    }
    this.#view.setInt32(this.#at + P.fd, value, true);
  }
  /** What to wait for, such as `POLLIN`. */
  get events(): number {
    return this.#view.getInt16(this.#at + P.events, true);
  }
  set events(value: number) {
    if (typeof value !== "number" || (value << 16 >> 16) !== value) {
      throw new LibcError("poll", "EINVAL", `events must be a 16-bit integer, got ${Deno.inspect(value)}`);
    }
    this.#view.setInt16(this.#at + P.events, value, true);
  }
  /** What there is: some of `events`, or `POLLERR`, `POLLHUP` or `POLLNVAL`. */
  get revents(): number {
    return this.#view.getInt16(this.#at + P.revents, true);
  }
}

/**
 * The descriptors of one `poll(2)`, an array of `struct pollfd`. Make it once and use it often.
 *
 * @example
 * ```ts
 * import { POLLIN, pollfds } from "@ipc/playground";
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

  /**
   * Makes the array.
   *
   * @param fds For each descriptor `[fd, events]`.
   */
  constructor(...fds: [fd: number, events: number][]) {
    super(fds.length * P.size);
    this.length = fds.length;
    for (let i = 0; i < fds.length; i++) {
      const entry = new pollfd(this.view, i * P.size);
      if (!Array.isArray(fds[i])) {
        throw new LibcError("poll", "EINVAL", `${Deno.inspect(fds[i])} is not [fd, events]`);
      }
      [entry.fd, entry.events] = fds[i];
      (this as Record<number, pollfd>)[i] = entry;
    }
  }
}
