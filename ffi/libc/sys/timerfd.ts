/**
 * `<sys/timerfd.h>`: timers that are descriptors.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt } from "../../native/check.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { call, header } from "../../native/header.ts";
import { descriptor, filled, flags, i32, id, oneOf } from "../../native/kinds.ts";
import { layout, layoutOf, nested, Struct, struct, structBytes } from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  timespec,
} from "../time.ts";

/** Fail with `EAGAIN` instead of waiting. */
export const TFD_NONBLOCK = 0o4000;
/** Close it on `execve`. */
export const TFD_CLOEXEC = 0o2000000;
/** `timerfd_settime`: `it_value` is a moment of the clock, and not a span of time from now. */
export const TFD_TIMER_ABSTIME = 1;
/** With `TFD_TIMER_ABSTIME` and `CLOCK_REALTIME`: a read fails with `ECANCELED` when the clock was set. */
export const TFD_TIMER_CANCEL_ON_SET = 2;

/**
 * When a timer is over, `struct itimerspec` of `timerfd_settime(2)`.
 *
 * @example See {@linkcode timerfd_create}.
 */
export class itimerspec extends Struct {
  /** How often again after that; 0 for never. */
  declare readonly it_interval: timespec;
  /** When for the first time; 0 stops the timer. */
  declare readonly it_value: timespec;
}
layout(itimerspec, "timerfd_settime", { it_interval: nested(timespec), it_value: nested(timespec) }, []);

const SIZE = layoutOf(itimerspec).size;
const spec = struct(itimerspec);
const clock = oneOf(
  { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM },
  16,
);

const c = header({
  timerfd_create: call(descriptor, [["clockid", clock], [
    "flags",
    flags({ TFD_CLOEXEC, TFD_NONBLOCK }, { radix: 16 }),
  ]]),
  timerfd_settime: call(i32, [
    ["fd", id],
    ["flags", flags({ TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET }, { radix: 16 })],
    ["new_value", spec],
    ["old_value", filled(spec)],
  ]),
  timerfd_gettime: call(i32, [["fd", id], ["curr_value", filled(spec)]]),
});

/**
 * Makes a timer that is a descriptor, `timerfd_create(2)`. When it is over it can be read: 8 bytes, how often it was.
 *
 * @param clockid `CLOCK_MONOTONIC`, `CLOCK_REALTIME`, `CLOCK_BOOTTIME` …
 * @param flags `TFD_NONBLOCK`, `TFD_CLOEXEC`; 0 unless given.
 * @returns The descriptor.
 * @throws {LibcError} `EINVAL` no such clock or flag; `EPERM` a clock that wakes the machine; `EMFILE`, `ENFILE` too many
 * descriptors; `ENODEV`, `ENOMEM`.
 *
 * @example
 * ```ts
 * import { close, CLOCK_MONOTONIC, itimerspec, read, timerfd_create, timerfd_settime } from "./mod.ts";
 *
 * const fd = timerfd_create(CLOCK_MONOTONIC);
 * const when = new itimerspec();
 * when.it_value.tv_nsec = 1_000_000; // in a millisecond
 * timerfd_settime(fd, 0, when);
 * const times = new BigUint64Array(1);
 * read(fd, new Uint8Array(times.buffer));
 * console.log(times[0]); // 1n
 * close(fd);
 * ```
 */
export function timerfd_create(clockid: number, flags?: number): number {
  if (flags === undefined) flags = 0;
  const clock = asInt(clockid, "timerfd_create", "clockid");
  const fd = c.timerfd_create(clock, asInt(flags, "timerfd_create", "flags"));
  if (fd < 0) throw new LibcError("timerfd_create", errno(), `clock ${clockid}, flags ${flags}`);
  return fd;
}

/**
 * Starts or stops a timer, `timerfd_settime(2)`.
 *
 * @param fd The descriptor.
 * @param flags `TFD_TIMER_ABSTIME`, `TFD_TIMER_CANCEL_ON_SET`, or 0.
 * @param new_value When it is over.
 * @param old_value Where to store what was left, or `null`.
 * @throws {LibcError} `EBADF`; `EINVAL` no timer, a flag that is none, or nanoseconds beyond 999999999; `ECANCELED` the clock
 * was set since, with `TFD_TIMER_CANCEL_ON_SET`.
 *
 * @example See {@linkcode timerfd_create}.
 */
export function timerfd_settime(
  fd: number,
  flags: number,
  new_value: itimerspec,
  old_value?: itimerspec | null,
): void {
  const name = "timerfd_settime";
  const before = old_value === undefined || old_value === null ? null : structBytes(old_value, SIZE, name, "old_value");
  const value = structBytes(new_value, SIZE, name, "new_value");
  flags = asInt(flags, name, "flags");
  if (c.timerfd_settime(asFd(fd, name), flags, value, before) < 0) {
    throw new LibcError(name, errno(), `descriptor ${fd}, flags ${flags}`);
  }
}

/**
 * Tells what is left of a timer's time, `timerfd_gettime(2)`.
 *
 * @param fd The descriptor.
 * @param curr_value Where to store it: as a span of time, also after `TFD_TIMER_ABSTIME`; 0 if it is stopped.
 * @throws {LibcError} `EBADF`; `EINVAL` no timer.
 *
 * @example
 * ```ts
 * import { close, CLOCK_MONOTONIC, itimerspec, timerfd_create, timerfd_gettime } from "./mod.ts";
 *
 * const fd = timerfd_create(CLOCK_MONOTONIC);
 * const left = new itimerspec();
 * timerfd_gettime(fd, left);
 * console.log(left.it_value.tv_sec, left.it_value.tv_nsec); // 0 0
 * close(fd);
 * ```
 */
export function timerfd_gettime(fd: number, curr_value: itimerspec): void {
  const value = structBytes(curr_value, SIZE, "timerfd_gettime", "curr_value");
  if (c.timerfd_gettime(asFd(fd, "timerfd_gettime"), value) < 0) {
    throw new LibcError("timerfd_gettime", errno(), `descriptor ${fd}`);
  }
}
