/**
 * How one is to hear of something, `struct sigevent` of `sigevent(3type)`.
 *
 * @module
 */
import { char, i32, type Member, oneOf } from "../native/kinds.ts";
import { layout, Struct } from "../native/layout.ts";
import { signalFlags } from "./_signals.ts";

/** By a signal. */
export const SIGEV_SIGNAL = 0;
/** Not at all. */
export const SIGEV_NONE = 1;

/** `union sigval`, of which this is `sival_int`. */
const sigval: Member<number> = {
  size: 8,
  align: 8,
  read: (view, at) => i32.read(view, at),
  write(view, at, value, name, syscall) {
    i32.write(view, at, value, name, syscall);
    view.setInt32(at + i32.size, 0, true);
  },
  trace: (view, at) => ({
    struct: "sigval",
    fields: { sival_int: i32.read(view, at), sival_ptr: { pointer: Number(view.getBigUint64(at, true)) } },
  }),
};

/** A signal's number; where none is to come, it is no more than that. The member behind it says so. */
const signo: Member<number> = {
  ...i32,
  trace: (view, at) => {
    const sig = i32.read(view, at);
    return i32.read(view, at + i32.size) === SIGEV_SIGNAL ? signalFlags(sig) : sig;
  },
};

/**
 * How one is to hear of something: `struct sigevent` of `sigevent(3type)`, as `mq_notify(3)` takes it.
 *
 * @example See `mq_notify`.
 */
export class sigevent extends Struct {
  /** `sigev_value.sival_int`: a number that goes with the signal, for who reads it by `sigwaitinfo(2)` or `signalfd(2)`. */
  declare sigev_value: number;
  /** The signal. */
  declare sigev_signo: number;
  /**
   * `SIGEV_SIGNAL` (which is 0) or `SIGEV_NONE`. `SIGEV_THREAD` is refused with `EINVAL`: libc would call the function on a
   * thread of its own, and JavaScript has none there.
   */
  declare sigev_notify: number;
}
layout(sigevent, "mq_notify", {
  sigev_value: sigval,
  sigev_signo: signo,
  sigev_notify: oneOf({ SIGEV_SIGNAL, SIGEV_NONE }),
  __sigev_un: char(48),
}, ["sigev_value", "sigev_signo", "sigev_notify"]);
