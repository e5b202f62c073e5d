/**
 * `<sys/time.h>`: a span of time.
 *
 * @module
 */
import { long, type Member } from "../../native/kinds.ts";
import { fieldsOf, layout, layoutOf, Struct } from "../../native/layout.ts";

/**
 * A span of time, `struct timeval`: for `SO_RCVTIMEO` and `SO_SNDTIMEO` of `socket(7)`.
 *
 * @example See `setsockopt`.
 */
export class timeval extends Struct {
  /** Seconds. */
  declare tv_sec: number;
  /** And microseconds, 0 to 999999. */
  declare tv_usec: number;

  /**
   * Makes a span, 0 unless given.
   *
   * @param sec Seconds.
   * @param usec And microseconds, 0 to 999999.
   */
  constructor(sec?: number, usec?: number) {
    super();
    this.tv_sec = sec === undefined ? 0 : sec;
    this.tv_usec = usec === undefined ? 0 : usec;
  }
}
layout(timeval, "setsockopt", { tv_sec: long, tv_usec: long });

const LAYOUT = layoutOf(timeval);

/** A `struct timeval` as a number of seconds. */
export const seconds: Member<number> = {
  size: LAYOUT.size,
  align: LAYOUT.align,
  read: (view, at) => long.read(view, at) + long.read(view, at + long.size) / 1e6,
  trace: (view, at) => fieldsOf(LAYOUT, view, at),
};
