/**
 * Timers that have a descriptor.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { POLLIN } from "../libc/poll.ts";
import {
  itimerspec,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
  TFD_TIMER_ABSTIME,
  timerfd_create,
  timerfd_gettime,
  timerfd_settime,
} from "../libc/sys/timerfd.ts";
import { CLOCK_MONOTONIC, CLOCK_REALTIME, type timespec } from "../libc/time.ts";
import { close, read } from "../libc/unistd.ts";
import { shown } from "../native/check.ts";
import { fd as asFd } from "../native/descriptors.ts";
import { known, optionsOf } from "../native/options.ts";
import { attempt, nonblocking, opened, retry, retrySync } from "./_attempts.ts";
import { waitOptionsOf } from "./_common.ts";
import { BUSY, deadline } from "./_time.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";

/** When {@linkcode TimerFd.every} begins. */
export interface TimerFdOptions {
  /** In how many seconds for the first time; as for the others unless given. */
  first?: number;
}

const EVERY = known<TimerFdOptions>(({ first }) => ({ first }));
const WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));

/** Puts seconds into a structure; something is always left, as 0 would stop the timer. */
function put(time: timespec, seconds: number, name: string): void {
  if (typeof seconds !== "number" || !(seconds >= 0 && seconds <= Number.MAX_SAFE_INTEGER)) {
    throw new LibcError("timerfd_settime", "EINVAL", `${name} must be seconds, got ${shown(seconds)}`);
  }
  time.tv_sec = Math.floor(seconds);
  time.tv_nsec = Math.floor((seconds - time.tv_sec) * 1e9) || (time.tv_sec === 0 ? 1 : 0);
}

const seconds = ({ tv_sec, tv_nsec }: timespec) => tv_sec + tv_nsec / 1e9;

/**
 * A timer of the kernel's with a descriptor, `timerfd_create(2)`: it can be waited for beside sockets and pipes (`poll`, `epoll`), blocked on
 * in a forked child, inherited, and sent to others. For what a program wants for itself there is `setTimeout`.
 *
 * @example
 * ```ts
 * import { TimerFd } from "./mod.ts";
 *
 * using timer = TimerFd.every(0.01);
 * let ticks = 0;
 * for await (const count of timer) {
 *   ticks += count; // more than 1 if nobody looked in time
 *   if (ticks >= 3) break;
 * }
 * ```
 */
export class TimerFd implements Disposable {
  #fd: number;

  private constructor(fd: number) {
    this.#fd = asFd(fd, "timerfd_create");
    timerfd_gettime(this.#fd, new itimerspec()); // it is one
    nonblocking(this.#fd);
  }

  static #start(clock: number, flags: number, spec: itimerspec): TimerFd {
    const fd = timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC);
    try {
      timerfd_settime(fd, flags, spec, null);
      return new TimerFd(fd);
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  /**
   * Begins a timer that expires once.
   *
   * @param delay In how many seconds.
   * @returns The timer; disposing of it ends it.
   * @throws {LibcError} `EINVAL` no such time; `EMFILE`, `ENFILE` too many descriptors.
   */
  static after(delay: number): TimerFd {
    const spec = new itimerspec();
    put(spec.it_value, delay, "delay");
    return TimerFd.#start(CLOCK_MONOTONIC, 0, spec);
  }

  /**
   * Begins a timer that expires again and again.
   *
   * @param interval How often, in seconds; above 0.
   * @param options When for the first time.
   * @returns The timer; disposing of it ends it.
   * @throws {LibcError} As {@linkcode after}.
   */
  static every(interval: number, options?: TimerFdOptions): TimerFd {
    const { first = interval } = optionsOf(options, EVERY, "timerfd_settime");
    if (interval === 0) throw new LibcError("timerfd_settime", "EINVAL", "interval must be above 0");
    const spec = new itimerspec();
    put(spec.it_interval, interval, "interval");
    put(spec.it_value, first, "first");
    return TimerFd.#start(CLOCK_MONOTONIC, 0, spec);
  }

  /**
   * Begins a timer that expires at a moment of the clock on the wall, also if that is set meanwhile.
   *
   * @param moment The moment; one that is past is over at once.
   * @returns The timer; disposing of it ends it.
   * @throws {LibcError} As {@linkcode after}.
   */
  static at(moment: Date): TimerFd {
    let time = NaN;
    try {
      time = Date.prototype.getTime.call(moment);
    } catch { /* said below */ }
    const spec = new itimerspec();
    put(spec.it_value, Math.max(0, time / 1000), "moment");
    return TimerFd.#start(CLOCK_REALTIME, TFD_TIMER_ABSTIME, spec);
  }

  /**
   * Takes over the descriptor of a timer, such as one that was inherited or received.
   *
   * @param fd The descriptor.
   * @returns The timer, which closes it.
   * @throws {LibcError} `EBADF` it is not open; `EINVAL` it is of something else.
   */
  static fromFd(fd: number): TimerFd {
    return new TimerFd(fd);
  }

  /** Its descriptor; -1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  /** In how many seconds it expires next; 0 if it does not, or was stopped. */
  get remaining(): number {
    const spec = new itimerspec();
    timerfd_gettime(opened(this.#fd, "timerfd_gettime"), spec);
    return seconds(spec.it_value);
  }

  /** How many seconds there are from one time to the next; 0 if it expires once. */
  get interval(): number {
    const spec = new itimerspec();
    timerfd_gettime(opened(this.#fd, "timerfd_gettime"), spec);
    return seconds(spec.it_interval);
  }

  /**
   * Waits until the timer has expired.
   *
   * @param options What may end the wait.
   * @returns How often it has, since somebody was told last.
   * @throws {LibcError} `EBADF` closed; `EOPNOTSUPP` in a forked child.
   */
  async expired(options?: WaitOptions): Promise<number> {
    const { signal } = waitOptionsOf(options, WAIT, "read");
    return await retry(() => opened(this.#fd, "read"), POLLIN, signal, count);
  }

  /**
   * As {@linkcode expired}, but blocks the program while it waits.
   *
   * @param options For how long.
   * @returns How often it has expired.
   * @throws {LibcError} `ETIMEDOUT`; otherwise as {@linkcode expired}.
   */
  expiredSync(options?: WaitSyncOptions): number {
    const { timeout } = optionsOf(options, SYNC, "read");
    const limit = deadline(timeout, "read");
    return retrySync(() => opened(this.#fd, "read"), POLLIN, limit, count);
  }

  /**
   * Tells how often the timer has expired since somebody was told last.
   *
   * @returns How often; 0 if it has not.
   * @throws {LibcError} As {@linkcode expired}.
   */
  tryExpired(): number {
    const fd = opened(this.#fd, "read");
    const found = attempt(() => count(fd));
    return found === BUSY ? 0 : found;
  }

  /**
   * Has it not expire any more.
   *
   * @throws {LibcError} `EBADF` closed.
   */
  stop(): void {
    timerfd_settime(opened(this.#fd, "timerfd_settime"), 0, new itimerspec(), null);
  }

  /** As often as it expires, how often it has since the last time. It ends when the timer is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<number, void, void> {
    while (this.#fd >= 0) {
      try {
        yield await this.expired();
      } catch (error) {
        if (this.#fd >= 0) throw error;
      }
    }
  }

  /** Closes the descriptor; who waits gets `EBADF`. Closing it again does nothing. */
  close(): void {
    const fd = this.#fd;
    this.#fd = -1;
    if (fd >= 0) close(fd);
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** How often a timer has expired. */
function count(fd: number): number {
  const bytes = new Uint8Array(8);
  read(fd, bytes);
  return Number(new DataView(bytes.buffer).getBigUint64(0, true));
}
