/**
 * `<sys/time.h>`: a span of time, and timers that send signals.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt } from "../../native/check.ts";
import { call, header } from "../../native/header.ts";
import { filled, i32, long, type Member, oneOf } from "../../native/kinds.ts";
import { fieldsOf, layout, layoutOf, nested, Struct, struct, structBytes } from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";

/** A timer of real time; it sends `SIGALRM`, as {@linkcode alarm} does, whose timer it is. */
export const ITIMER_REAL = 0;
/** A timer of the processor time that the program itself uses; it sends `SIGVTALRM`. */
export const ITIMER_VIRTUAL = 1;
/** A timer of all processor time that the process uses; it sends `SIGPROF`. */
export const ITIMER_PROF = 2;

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
    // as the member of another structure, it has what lies there
    if (sec !== undefined) this.tv_sec = sec;
    if (usec !== undefined) this.tv_usec = usec;
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

/** When a timer is over, `struct itimerval` of `setitimer(2)`. */
export class itimerval extends Struct {
  /** How often again after that; 0 for never. */
  declare readonly it_interval: timeval;
  /** When for the first time; 0 stops the timer. */
  declare readonly it_value: timeval;
}
layout(itimerval, "setitimer", { it_interval: nested(timeval), it_value: nested(timeval) }, []);

const SIZE = layoutOf(itimerval).size;
const which = oneOf({ ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF }, 16);
const value = struct(itimerval);

const c = header({
  getitimer: call(i32, [["which", which], ["curr_value", filled(value)]]),
  setitimer: call(i32, [["which", which], ["new_value", value], ["old_value", filled(value)]]),
});

/**
 * Tells what is left of a timer's time, `getitimer(2)`.
 *
 * @param which `ITIMER_REAL`, `ITIMER_VIRTUAL` or `ITIMER_PROF`.
 * @param curr_value Where to store it; 0 if it is stopped.
 * @throws {LibcError} `EINVAL` no such timer; `EFAULT`.
 *
 * @example See {@linkcode setitimer}.
 */
export function getitimer(which: number, curr_value: itimerval): void {
  const bytes = structBytes(curr_value, SIZE, "getitimer", "curr_value");
  if (c.getitimer(asInt(which, "getitimer", "which"), bytes) < 0) {
    throw new LibcError("getitimer", errno(), `timer ${which}`);
  }
}

/**
 * Starts or stops a timer that sends a signal, `setitimer(2)`: which ends the program, if nobody has said otherwise.
 *
 * @param which `ITIMER_REAL`, `ITIMER_VIRTUAL` or `ITIMER_PROF`.
 * @param new_value When it is over.
 * @param old_value Where to store what was left, or `null`.
 * @throws {LibcError} `EINVAL` no such timer, or microseconds beyond 999999; `EFAULT`.
 *
 * @example
 * ```ts
 * import { getitimer, ITIMER_REAL, itimerval, setitimer } from "./mod.ts";
 *
 * const when = new itimerval();
 * when.it_value.tv_sec = 60;
 * setitimer(ITIMER_REAL, when);
 * const left = new itimerval();
 * getitimer(ITIMER_REAL, left);
 * console.log(left.it_value.tv_sec); // 59
 * setitimer(ITIMER_REAL, new itimerval());
 * ```
 */
export function setitimer(which: number, new_value: itimerval, old_value?: itimerval | null): void {
  const before = old_value === undefined || old_value === null
    ? null
    : structBytes(old_value, SIZE, "setitimer", "old_value");
  const bytes = structBytes(new_value, SIZE, "setitimer", "new_value");
  if (c.setitimer(asInt(which, "setitimer", "which"), bytes, before) < 0) {
    throw new LibcError("setitimer", errno(), `timer ${which}`);
  }
}
