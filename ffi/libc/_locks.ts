/**
 * Locks of `fcntl(2)` for those who try before they wait: that one would have to wait is no error to them.
 *
 * @module
 */
import type { Blocked } from "../native/elsewhere.ts";
import type { struct_flock } from "./fcntl.ts";

/** The functions; fcntl.ts, which has the calls, puts them here. They throw as `fcntl` does. */
export const locks: {
  /** `F_OFD_SETLK`; tells whether the lock was to be had. */
  orNot(fd: number, lock: struct_flock): boolean;
  /** `F_OFD_SETLKW` on another thread, if there is one. The lock has to be left alone until it is back. */
  elsewhere(fd: number, lock: struct_flock): Blocked | undefined;
} = { orNot: () => false, elsewhere: () => undefined };
