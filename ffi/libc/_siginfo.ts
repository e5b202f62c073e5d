/**
 * What comes with a signal.
 *
 * @module
 */
import { char, i32, type Kind, long, memory, oneOf, over, u32, u64, viewOn } from "../native/kinds.ts";
import { layout, layoutOf, nested, Struct } from "../native/layout.ts";
import type { TracedArgument } from "../trace/event.ts";
import { SIGCHLD, signalFlags } from "./_signals.ts";

/** `si_code`: sent by `kill(2)`. */
export const SI_USER = 0;
/** `si_code`: sent by the kernel. */
export const SI_KERNEL = 0x80;
/** `si_code`: sent by {@linkcode sigqueue}, with a value. */
export const SI_QUEUE: number = -1;
/** `si_code`: a timer of `timer_create(2)` is over. */
export const SI_TIMER: number = -2;
/** `si_code`: a message came to a POSIX message queue, `mq_notify(3)`. */
export const SI_MESGQ: number = -3;
/** `si_code`: an asynchronous transfer of POSIX's is done. */
export const SI_ASYNCIO: number = -4;
/** `si_code`: a descriptor is ready, as `SIGIO` said before it had codes of its own. */
export const SI_SIGIO: number = -5;
/** `si_code`: sent to one thread, as by {@linkcode raise}. */
export const SI_TKILL: number = -6;

/** `si_code` of `SIGCHLD`: the child has ended by itself; `si_status` is its exit status. */
export const CLD_EXITED = 1;
/** `si_code` of `SIGCHLD`: a signal ended the child; `si_status` is its number. */
export const CLD_KILLED = 2;
/** `si_code` of `SIGCHLD`: the same, and it left a core dump. */
export const CLD_DUMPED = 3;
/** `si_code` of `SIGCHLD`: a traced child has stopped. */
export const CLD_TRAPPED = 4;
/** `si_code` of `SIGCHLD`: the child has stopped; `si_status` is the signal's number. */
export const CLD_STOPPED = 5;
/** `si_code` of `SIGCHLD`: the child goes on; `si_status` is `SIGCONT`. */
export const CLD_CONTINUED = 6;

/** The value that comes with a signal, `union sigval` of `sigqueue(3)`: the same bytes in two ways. */
export class sigval extends Struct {
  /** As an `int`. */
  declare readonly sival_int: number;
  /** As a pointer's 64 bits. */
  declare readonly sival_ptr: bigint;
}
layout(sigval, "sigqueue", { sival_int: i32, sival_ptr: over("sival_int", { ...u64, align: 4 }) }, []);

/**
 * What comes with a signal, `siginfo_t` of `sigaction(2)`. As in C, it is a union: which members there are depends on the
 * signal and on `si_code`, and one that doesn't belong to them is bytes of another.
 *
 * | there are | when |
 * |---|---|
 * | `si_pid`, `si_uid` | a process sent it, or is the child |
 * | `si_value`, `si_int`, `si_ptr` | `SI_QUEUE`, `SI_TIMER`, `SI_MESGQ` |
 * | `si_status`, `si_utime`, `si_stime` | `SIGCHLD` with `CLD_*` |
 * | `si_timerid`, `si_overrun` | `SI_TIMER` |
 * | `si_band`, `si_fd` | `SIGIO` |
 * | `si_addr` | a fault |
 */
export class siginfo_t extends Struct {
  /** The signal. */
  declare readonly si_signo: number;
  /** An error's number; Linux hardly ever sets it. */
  declare readonly si_errno: number;
  /** Why it was sent, such as `SI_USER` or `CLD_EXITED`. */
  declare readonly si_code: number;
  /** The process that sent it, or the child; 0 if it is none of this PID namespace. */
  declare readonly si_pid: number;
  /** Its user. */
  declare readonly si_uid: number;
  /** The value that was sent. */
  declare readonly si_value: sigval;
  /** The same, as an `int`. */
  declare readonly si_int: number;
  /** The same, as a pointer's 64 bits. */
  declare readonly si_ptr: bigint;
  /** The child's exit status, or the signal that ended, stopped or continued it. */
  declare readonly si_status: number;
  /** The processor time that the child used itself, in clock ticks (a hundredth of a second). */
  declare readonly si_utime: number;
  /** The processor time that the kernel used for it, in clock ticks. */
  declare readonly si_stime: number;
  /** The timer. */
  declare readonly si_timerid: number;
  /** How often the timer was over besides. */
  declare readonly si_overrun: number;
  /** The events, as of `poll(2)`. */
  declare readonly si_band: number;
  /** The descriptor. */
  declare readonly si_fd: number;
  /** The address of a fault. */
  declare readonly si_addr: bigint;
}
layout(siginfo_t, "sigwaitinfo", {
  si_signo: i32,
  si_errno: i32,
  si_code: i32,
  __pad0: i32,
  si_pid: i32,
  si_uid: u32,
  si_value: nested(sigval),
  si_int: over("si_value", i32),
  si_ptr: over("si_value", u64),
  si_status: over("si_value", i32),
  si_utime: long,
  si_stime: long,
  si_timerid: over("si_pid", i32),
  si_overrun: over("si_uid", i32),
  si_band: over("si_pid", long),
  si_fd: over("si_value", i32),
  si_addr: over("si_pid", u64),
  __rest: char(80),
}, []);

/** Bytes of a `siginfo_t`. */
export const INFO_SIZE: number = layoutOf(siginfo_t).size;

const AT = Object.fromEntries(Object.entries(layoutOf(siginfo_t).members).map(([name, { at }]) => [name, at]));

const CODES = { SI_USER, SI_KERNEL, SI_QUEUE, SI_TIMER, SI_MESGQ, SI_ASYNCIO, SI_SIGIO, SI_TKILL };
const CHILD = { CLD_EXITED, CLD_KILLED, CLD_DUMPED, CLD_TRAPPED, CLD_STOPPED, CLD_CONTINUED };
const codes = oneOf(CODES);
const childs = oneOf({ ...CODES, ...CHILD });

/** What is told of it: the members that there are. */
export function tracedInfo(data: Uint8Array): TracedArgument {
  const view = viewOn(data);
  const int = (name: string) => view.getInt32(AT[name], true);
  const ptr = view.getBigUint64(AT.si_ptr, true);
  const [signo, code] = [int("si_signo"), int("si_code")];
  if (signo === 0) return { struct: "siginfo_t", fields: {} }; // nothing has come
  const ofChild = signo === SIGCHLD && code > 0 && code <= CLD_CONTINUED;
  const fields: Record<string, TracedArgument> = {
    si_signo: signalFlags(signo),
    si_code: (ofChild ? childs : codes).trace(view, AT.si_code),
  };
  if (code === SI_TIMER) {
    fields.si_timerid = int("si_timerid");
    fields.si_overrun = int("si_overrun");
  } else if (code !== SI_KERNEL) {
    fields.si_pid = int("si_pid");
    fields.si_uid = view.getUint32(AT.si_uid, true);
  }
  if (ofChild) {
    fields.si_status = code === CLD_EXITED ? int("si_status") : signalFlags(int("si_status"));
    fields.si_utime = Number(view.getBigInt64(AT.si_utime, true));
    fields.si_stime = Number(view.getBigInt64(AT.si_stime, true));
  }
  if (code === SI_TIMER || code === SI_QUEUE || code === SI_MESGQ) {
    fields.si_int = int("si_int");
    const address = Number(ptr);
    fields.si_ptr = Number.isSafeInteger(address) ? { pointer: address } : { integer: String(ptr) };
  }
  return { struct: "siginfo_t", fields };
}

/** It, as an argument. */
export const siginfo: Kind<"buffer"> = memory(tracedInfo);
