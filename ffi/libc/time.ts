/**
 * `<time.h>`: a span of time.
 *
 * @module
 */
import { long } from "../native/kinds.ts";
import { layout, Struct } from "../native/layout.ts";

/** A span of time, `struct timespec`, as `semtimedop(2)` takes it. */
export class timespec extends Struct {
  /** Seconds. */
  declare tv_sec: number;
  /** And nanoseconds, 0 to 999999999. */
  declare tv_nsec: number;
}
layout(timespec, "semtimedop", { tv_sec: long, tv_nsec: long });
