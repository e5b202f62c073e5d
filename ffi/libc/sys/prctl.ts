/**
 * `<sys/prctl.h>`: what a process says of itself. Of the operations there are those that can do the runtime no harm.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt, asLong, shown } from "../../native/check.ts";
import { call, header } from "../../native/header.ts";
import { array, as, by, filled, i32, memory, oneOf, u64 } from "../../native/kinds.ts";
import { cstring, errno } from "../../native/libc.ts";
import { isWorker } from "../../native/threads.ts";
import { signalKind } from "../_signals.ts";

/** Set the signal that this process gets when its parent ends; 0 for none. A child made by `fork` begins with none. */
export const PR_SET_PDEATHSIG = 1;
/** Tell that signal. */
export const PR_GET_PDEATHSIG = 2;
/** Tell whether others of the same user may look into this process: 1 if so. */
export const PR_GET_DUMPABLE = 3;
/** Say whether others of the same user may look into this process: 1 or 0. With 0 it leaves no core dump either. */
export const PR_SET_DUMPABLE = 4;
/** Tell whether `setuid` leaves the capabilities. */
export const PR_GET_KEEPCAPS = 7;
/** Say whether `setuid` leaves the capabilities: 1 or 0. */
export const PR_SET_KEEPCAPS = 8;
/** Name this thread, and with it a process of one thread, in `ps(1)` and `/proc`: at most 15 bytes. */
export const PR_SET_NAME = 15;
/** Tell this thread's name. */
export const PR_GET_NAME = 16;
/** Set how late this thread's timers may be, in nanoseconds; 0 for what it began with. */
export const PR_SET_TIMERSLACK = 29;
/** Tell how late this thread's timers may be. */
export const PR_GET_TIMERSLACK = 30;
/** With 1, this process becomes the parent of its descendants whose parents have ended; it has to reap them. */
export const PR_SET_CHILD_SUBREAPER = 36;
/** Tell whether it does: 1 or 0. */
export const PR_GET_CHILD_SUBREAPER = 37;
/** With 1, nothing that this thread executes gets privileges any more (of a setuid program, say). It cannot be undone. */
export const PR_SET_NO_NEW_PRIVS = 38;
/** Tell whether that is so: 1 or 0. */
export const PR_GET_NO_NEW_PRIVS = 39;
/** Where the Yama security module is: let a process look into this one; 0 none, `PR_SET_PTRACER_ANY` everyone. */
export const PR_SET_PTRACER = 0x59616d61;
/** {@linkcode PR_SET_PTRACER}: every process that might otherwise. */
export const PR_SET_PTRACER_ANY: number = -1;

/** Those without another argument. */
const QUESTIONS = { PR_GET_DUMPABLE, PR_GET_KEEPCAPS, PR_GET_TIMERSLACK, PR_GET_NO_NEW_PRIVS } as const;
/** Those with a number. */
const NUMBERS = {
  PR_SET_PDEATHSIG,
  PR_SET_DUMPABLE,
  PR_SET_KEEPCAPS,
  PR_SET_TIMERSLACK,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PTRACER,
} as const;
/** Those with memory. */
const MEMORY = { PR_GET_PDEATHSIG, PR_SET_NAME, PR_GET_NAME, PR_GET_CHILD_SUBREAPER } as const;
const option = oneOf({ ...QUESTIONS, ...NUMBERS, ...MEMORY });
const questions: ReadonlySet<number> = new Set(Object.values(QUESTIONS));
const numbers: ReadonlySet<number> = new Set(Object.values(NUMBERS));

const name = memory((data) => decoder.decode(data.subarray(0, Math.max(0, data.indexOf(0)))));
const decoder = new TextDecoder();

const c = header({
  prctl: call(i32, [["option", option], ["arg2", {
    ...u64,
    decode: (value, call) =>
      call.argument("option") === PR_SET_PDEATHSIG
        ? signalKind.decode(Number(value), call, "arg2")
        : Number(BigInt.asIntN(64, value as bigint)),
  }]], { zeros: 3 }),
  prctl_question: call(i32, [["option", option]], { symbol: "prctl", zeros: 4 }),
  prctl_memory: call(i32, [
    ["option", option],
    [
      "arg2",
      by("option", {
        [PR_GET_PDEATHSIG]: filled(array(as(i32, signalKind))),
        [PR_SET_NAME]: name,
        [PR_GET_NAME]: filled(name),
        [PR_GET_CHILD_SUBREAPER]: filled(array(i32)),
      }),
    ],
  ], { symbol: "prctl", zeros: 3 }),
});

const NAME = 16; // bytes, with the NUL

/**
 * Asks or tells the kernel something about this process or thread, `prctl(2)`. Operations that take addresses, or would
 * break the runtime, are refused.
 *
 * What a child inherits is said in the manual page; `PR_SET_NO_NEW_PRIVS`, `PR_SET_KEEPCAPS`, `PR_SET_NAME` and
 * `PR_SET_TIMERSLACK` are about the thread that runs this JavaScript, and not about Deno's others.
 *
 * @param option `PR_SET_NAME` …
 * @param arg2 What the operation needs: a number, a boolean, or for `PR_SET_NAME` a string.
 * @returns 0, or what was asked for: a number, for `PR_GET_NAME` a string.
 * @throws {LibcError} `EINVAL` an operation that is not among them, or a wrong value; `EOPNOTSUPP` `PR_SET_NAME` in a Worker, or a name
 * like those of V8's and Deno's threads: `fork` tells by them which there are.
 *
 * @example
 * ```ts
 * import { PR_GET_NAME, PR_GET_PDEATHSIG, PR_SET_PDEATHSIG, prctl, SIGTERM } from "./mod.ts";
 *
 * prctl(PR_SET_PDEATHSIG, SIGTERM); // end with the parent
 * console.log(prctl(PR_GET_PDEATHSIG) === SIGTERM); // true
 * prctl(PR_SET_PDEATHSIG, 0);
 * console.log(typeof prctl(PR_GET_NAME)); // string
 * ```
 */
export function prctl(option: typeof PR_GET_NAME): string;
/**
 * The same with the operations that deal in numbers.
 *
 * @param option `PR_SET_PDEATHSIG` …
 * @param arg2 What the operation needs.
 * @returns 0, or what was asked for.
 */
export function prctl(option: number, arg2?: number | boolean | string): number;
export function prctl(option: number, arg2?: number | boolean | string): number | string {
  option = asInt(option, "prctl", "option");
  if (questions.has(option)) {
    const result = c.prctl_question(option);
    if (result < 0) throw failed(option);
    return result;
  }
  if (numbers.has(option)) {
    const value = typeof arg2 === "boolean" ? Number(arg2) : arg2 === undefined ? 0 : arg2;
    const long = BigInt.asUintN(64, asLong(value as number, "prctl", "arg2"));
    // what is asked for later comes as an int
    if (option === PR_SET_TIMERSLACK && long > 0x7fff_ffffn) {
      throw new LibcError("prctl", "EINVAL", `arg2 must be 0 to 2^31 - 1 nanoseconds, got ${shown(arg2)}`);
    }
    const result = c.prctl(option, long);
    if (result < 0) throw failed(option);
    return result;
  }
  const value = new Int32Array(1);
  switch (option) {
    case PR_GET_PDEATHSIG:
    case PR_GET_CHILD_SUBREAPER:
      if (c.prctl_memory(option, value) < 0) throw failed(option);
      return value[0];
    case PR_GET_NAME: {
      const bytes = new Uint8Array(NAME);
      if (c.prctl_memory(option, bytes) < 0) throw failed(option);
      return decoder.decode(bytes.subarray(0, bytes.indexOf(0)));
    }
    case PR_SET_NAME:
      if (c.prctl_memory(option, nameBytes(arg2)) < 0) throw failed(option);
      return 0;
  }
  throw new LibcError("prctl", "EINVAL", `option ${option} is none that can be used here`);
}

function nameBytes(value: unknown): Uint8Array<ArrayBuffer> {
  if (typeof value !== "string") throw new LibcError("prctl", "EINVAL", `arg2 must be a string, got ${shown(value)}`);
  const bytes = cstring(value, "prctl", "arg2");
  const reserved = isWorker || /^(V8 |worker-|serve-worker)/.test(value);
  if (reserved) {
    throw new LibcError("prctl", "EOPNOTSUPP", "fork() tells by their names which threads V8 and Deno have");
  }
  return bytes;
}

function failed(option: number): LibcError {
  return new LibcError("prctl", errno(), `option ${option}`);
}
