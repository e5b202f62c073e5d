/**
 * Time limits, and waiting where there is nothing to wait for but time.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import { usleep } from "../libc/unistd.ts";
import { abortable } from "../abort.ts";
import { isCode } from "./_common.ts";

/** What an attempt gives when it would have to wait. */
export const BUSY: unique symbol = Symbol("busy");

/** The longest pause between two attempts, in milliseconds. */
export const LONGEST_PAUSE = 5;

/** The time by which something has to be done. */
export class Deadline {
  /** The function whose time it is. */
  readonly syscall: string;
  readonly #timeout: number;
  readonly #end: number;

  /** The time starts to run. */
  constructor(timeout: number, syscall: string) {
    if (typeof timeout !== "number" || !(timeout >= 0 && timeout <= Number.MAX_SAFE_INTEGER)) {
      throw new LibcError(syscall, "EINVAL", `timeout must be milliseconds, got ${shown(timeout)}`);
    }
    this.syscall = syscall;
    this.#timeout = timeout;
    this.#end = performance.now() + timeout;
  }

  /** How many milliseconds are left. */
  get left(): number {
    return Math.max(0, this.#end - performance.now());
  }

  /** The error to throw when there are none left. */
  over(): LibcError {
    return new LibcError(this.syscall, "ETIMEDOUT", `waited for ${this.#timeout} ms`);
  }
}

/** A time limit as an option has it; none unless given. */
export function deadline(timeout: number | undefined, syscall: string): Deadline | undefined {
  return timeout === undefined ? undefined : new Deadline(timeout, syscall);
}

/** Waits for some milliseconds, and lets nothing else run. */
export function sleepSync(ms: number): void {
  try {
    usleep(Math.ceil(ms * 1000));
  } catch (error) {
    // after a signal, the caller tries again and comes back
    if (!isCode(error, "EINTR")) throw error;
  }
}

/** Repeats an attempt until it gives something or the time is over, as the kernel has no time limit for it. */
export function retrySync<T>(attempt: () => T | typeof BUSY, limit: Deadline): T {
  for (let pause = 1;; pause = Math.min(pause + 1, LONGEST_PAUSE)) {
    const { left } = limit;
    const result = attempt();
    if (result !== BUSY) return result;
    if (left === 0) throw limit.over();
    try {
      usleep(Math.ceil(Math.min(pause, left) * 1000));
    } catch (error) {
      // what blocks in the kernel would say so
      throw isCode(error, "EINTR") ? new LibcError(limit.syscall, "EINTR") : error;
    }
  }
}

/** Waits for some milliseconds. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return abortable(signal, (resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    return (reason) => {
      clearTimeout(timer);
      reject(reason);
    };
  });
}
