/**
 * `<sys/eventfd.h>`: counters that are descriptors.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt, asUint, shown } from "../../native/check.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { always, call, header } from "../../native/header.ts";
import { array, descriptor, filled, flags, i32, id, u32, u64 } from "../../native/kinds.ts";
import { errno } from "../../native/libc.ts";

/** Each read takes 1 from the counter, as from a semaphore. */
export const EFD_SEMAPHORE = 0o1;
/** Fail with `EAGAIN` instead of waiting. */
export const EFD_NONBLOCK = 0o4000;
/** Close it on `execve`. */
export const EFD_CLOEXEC = 0o2000000;

const c = header({
  eventfd: call(descriptor, [["initval", u32], [
    "flags",
    flags({ EFD_SEMAPHORE, EFD_CLOEXEC, EFD_NONBLOCK }, { radix: 16 }),
  ]]),
  eventfd_read: call(i32, [["fd", id], ["value", filled(array(u64, 1))]], { waits: always, input: "fd" }),
  eventfd_write: call(i32, [["fd", id], ["value", u64]], { waits: always, output: "fd" }),
});

/**
 * Makes a counter that is a descriptor, `eventfd(2)`: it can be read while it is above 0, so `poll` and `epoll_wait` can wait for it.
 *
 * @param initval What it begins with.
 * @param flags `EFD_SEMAPHORE`, `EFD_NONBLOCK`, `EFD_CLOEXEC`; 0 unless given.
 * @returns The descriptor.
 * @throws {LibcError} `EINVAL` a flag that is none; `EMFILE`, `ENFILE` too many descriptors; `ENODEV`, `ENOMEM`.
 *
 * @example
 * ```ts
 * import { close, eventfd, eventfd_read, eventfd_write } from "./mod.ts";
 *
 * const fd = eventfd(1);
 * eventfd_write(fd, 4n);
 * console.log(eventfd_read(fd)); // 5n
 * close(fd);
 * ```
 */
export function eventfd(initval: number, flags?: number): number {
  if (flags === undefined) flags = 0;
  const fd = c.eventfd(asUint(initval, "eventfd", "initval"), asInt(flags, "eventfd", "flags"));
  if (fd < 0) throw new LibcError("eventfd", errno(), `flags ${flags}`);
  return fd;
}

/**
 * Takes what is in a counter, or 1 of it with `EFD_SEMAPHORE`, `eventfd_read(3)`. Blocks the whole program while it is 0.
 *
 * @param fd The descriptor.
 * @returns What was taken, where C fills a pointer's memory.
 * @throws {LibcError} `EAGAIN` it is 0, with `EFD_NONBLOCK`; `EBADF`; `EINTR`; `EINVAL` the descriptor is something else.
 *
 * @example See {@linkcode eventfd}.
 */
export function eventfd_read(fd: number): bigint {
  const value = new BigUint64Array(1);
  if (c.eventfd_read(asFd(fd, "eventfd_read"), value) < 0) {
    throw new LibcError("eventfd_read", errno(), `descriptor ${fd}`);
  }
  return value[0];
}

/**
 * Adds to a counter, `eventfd_write(3)`. Blocks the whole program if it would get above 2^64 − 2.
 *
 * @param fd The descriptor.
 * @param value What to add, as a number or, exactly, as a bigint.
 * @throws {LibcError} `EAGAIN` it would get too large, with `EFD_NONBLOCK`; `EBADF`; `EINTR`; `EINVAL` 2^64 − 1, or the
 * descriptor is something else.
 *
 * @example See {@linkcode eventfd}.
 */
export function eventfd_write(fd: number, value: number | bigint): void {
  const fits = typeof value === "bigint"
    ? BigInt.asUintN(64, value) === value
    : Number.isSafeInteger(value) && value >= 0;
  if (!fits) {
    const what = "value must be 0 to 2^64 - 1 (a bigint beyond 2^53)";
    throw new LibcError("eventfd_write", "EINVAL", `${what}, got ${shown(value)}`);
  }
  if (c.eventfd_write(asFd(fd, "eventfd_write"), BigInt(value)) < 0) {
    throw new LibcError("eventfd_write", errno(), `descriptor ${fd}, ${value}`);
  }
}
