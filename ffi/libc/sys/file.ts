/**
 * `<sys/file.h>`: locks on files.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt } from "../../native/check.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { call, header } from "../../native/header.ts";
import { type Call, flags, i32, id } from "../../native/kinds.ts";
import { errno } from "../../native/libc.ts";

/** A lock that others may have, too. */
export const LOCK_SH = 1;
/** A lock that nobody else has. */
export const LOCK_EX = 2;
/** Fail with `EAGAIN` where it would have to wait. */
export const LOCK_NB = 4;
/** No lock any more. */
export const LOCK_UN = 8;

const waits = (call: Call) => (Number(call.argument("operation")) & (LOCK_NB | LOCK_UN)) === 0;

const c = header({
  flock: call(i32, [["fd", id], ["operation", flags({ LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN }, { radix: 16 })]], {
    waits,
  }),
});

/**
 * Locks a whole file or unlocks it, `flock(2)`. Blocks the whole program while somebody else has a lock that is in the way.
 *
 * The lock belongs to what `open` has made: a forked child and a second descriptor have it, too, and it goes with the last of
 * them. It binds those only who ask for it in the same way, and none of `fcntl`'s.
 *
 * @param fd A descriptor of the file.
 * @param operation `LOCK_SH`, `LOCK_EX` or `LOCK_UN`, with `LOCK_NB` not to wait.
 * @throws {LibcError} `EAGAIN` somebody else has it, with `LOCK_NB`; `EBADF`; `EINTR` a signal came; `EINVAL`; `ENOLCK`.
 *
 * @example
 * ```ts
 * import { close, flock, LOCK_EX, LOCK_NB, LOCK_UN, O_RDONLY, open } from "./mod.ts";
 *
 * const fd = open(".", O_RDONLY);
 * flock(fd, LOCK_EX | LOCK_NB);
 * flock(fd, LOCK_UN);
 * close(fd);
 * ```
 */
export function flock(fd: number, operation: number): void {
  const failed = c.flock(asFd(fd, "flock"), asInt(operation, "flock", "operation")) < 0;
  if (failed) throw new LibcError("flock", errno(), `descriptor ${fd}`);
}
