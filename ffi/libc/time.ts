/**
 * `<time.h>`: a span of time, and the clocks.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import { long } from "../native/kinds.ts";
import { layout, Struct } from "../native/layout.ts";

/** The clock of the time of day, which can be set. */
export const CLOCK_REALTIME = 0;
/** A clock that only goes on, from some moment such as the machine's start; it stands still while the machine sleeps. */
export const CLOCK_MONOTONIC = 1;
/** As `CLOCK_MONOTONIC`, but it goes on while the machine sleeps. */
export const CLOCK_BOOTTIME = 7;
/** As `CLOCK_REALTIME`; a timer of it wakes the machine, which needs `CAP_WAKE_ALARM`. */
export const CLOCK_REALTIME_ALARM = 8;
/** As `CLOCK_BOOTTIME`; a timer of it wakes the machine, which needs `CAP_WAKE_ALARM`. */
export const CLOCK_BOOTTIME_ALARM = 9;

/** A span of time or a moment, `struct timespec`: for {@linkcode itimerspec}. */
export class timespec extends Struct {
  /** Seconds. */
  declare tv_sec: number;
  /** And nanoseconds, 0 to 999999999. */
  declare tv_nsec: number;
}
layout(timespec, "timerfd_settime", { tv_sec: long, tv_nsec: long });

/** A span of time or a moment, as a call takes it: seconds, or `null` for ever. */
export function timeoutOf(
  timeout: number | null,
  syscall: string,
  what = "timeout must be seconds",
): BigInt64Array<ArrayBuffer> | null {
  if (timeout === null) return null;
  if (typeof timeout !== "number" || !(timeout >= 0 && timeout <= Number.MAX_SAFE_INTEGER)) {
    throw new LibcError(syscall, "EINVAL", `${what} or null, got ${shown(timeout)}`);
  }
  const seconds = Math.floor(timeout);
  const until = new BigInt64Array(2); // a struct timespec
  until[0] = BigInt(seconds);
  until[1] = BigInt(Math.floor((timeout - seconds) * 1e9)); // rounding up could give a whole second, which is EINVAL
  return until;
}

/** A moment of the clock of the time of day, as a call takes it: seconds since 1970, or `null` for never. */
export function momentOf(abs_timeout: number | null, syscall: string): BigInt64Array<ArrayBuffer> | null {
  return timeoutOf(abs_timeout, syscall, "abs_timeout must be seconds since 1970");
}
