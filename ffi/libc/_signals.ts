/**
 * The signals, by number and by name.
 *
 * @module
 */
import { asInt } from "../native/check.ts";
import { i32, named, type Scalar } from "../native/kinds.ts";
import type { TracedFlags } from "../trace/event.ts";

/** The terminal was closed. */
export const SIGHUP = 1;
/** Ctrl-C. */
export const SIGINT = 2;
/** Ctrl-\\. */
export const SIGQUIT = 3;
/** An illegal instruction. */
export const SIGILL = 4;
/** A breakpoint. */
export const SIGTRAP = 5;
/** `abort(3)`. */
export const SIGABRT = 6;
/** A bad memory access. */
export const SIGBUS = 7;
/** A wrong arithmetic operation. */
export const SIGFPE = 8;
/** Ends a process; it can't be caught. */
export const SIGKILL = 9;
/** For the program to use. */
export const SIGUSR1 = 10;
/** An invalid memory access. */
export const SIGSEGV = 11;
/** For the program to use. */
export const SIGUSR2 = 12;
/** A write to a pipe or socket that nobody reads; Deno ignores it. */
export const SIGPIPE = 13;
/** `alarm(2)`. */
export const SIGALRM = 14;
/** A request to end. */
export const SIGTERM = 15;
/** Unused. */
export const SIGSTKFLT = 16;
/** A child has ended or stopped. */
export const SIGCHLD = 17;
/** Go on after a stop. */
export const SIGCONT = 18;
/** Stops a process; it can't be caught. */
export const SIGSTOP = 19;
/** Ctrl-Z. */
export const SIGTSTP = 20;
/** A background process reads from the terminal. */
export const SIGTTIN = 21;
/** A background process writes to the terminal. */
export const SIGTTOU = 22;
/** Urgent data on a socket. */
export const SIGURG = 23;
/** Too much processor time. */
export const SIGXCPU = 24;
/** A file too large. */
export const SIGXFSZ = 25;
/** A virtual timer. */
export const SIGVTALRM = 26;
/** A profiling timer. */
export const SIGPROF = 27;
/** The terminal's size has changed. */
export const SIGWINCH = 28;
/** A descriptor is ready. */
export const SIGIO = 29;
/** The power fails. */
export const SIGPWR = 30;
/** A bad system call. */
export const SIGSYS = 31;

/**
 * The first of the real-time signals, which are queued, each with its value, and come in the order of their numbers. The last ones
 * are the library's: it takes one or two, counted down from 62, which no program uses at that moment.
 */
export const SIGRTMIN = 34;
/** The last of them. */
export const SIGRTMAX = 64;

/** The names of the signals: the one of number `n` is at index `n`. */
export const NAMES: readonly string[] = [
  "0",
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGILL",
  "SIGTRAP",
  "SIGABRT",
  "SIGBUS",
  "SIGFPE",
  "SIGKILL",
  "SIGUSR1",
  "SIGSEGV",
  "SIGUSR2",
  "SIGPIPE",
  "SIGALRM",
  "SIGTERM",
  "SIGSTKFLT",
  "SIGCHLD",
  "SIGCONT",
  "SIGSTOP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGPROF",
  "SIGWINCH",
  "SIGIO",
  "SIGPWR",
  "SIGSYS",
];

/**
 * The name of a signal: `17` → `"SIGCHLD"`, as `sigabbrev_np(3)` has it; real-time signals as `"SIGRTMIN+n"`.
 *
 * @param sig The signal's number.
 * @returns Its name, or the number as text where there is no such signal.
 *
 * @example
 * ```ts
 * import { signalName } from "./mod.ts";
 *
 * console.log(signalName(17)); // SIGCHLD
 * ```
 */
export function signalName(sig: number): string {
  asInt(sig, "sigabbrev_np", "sig");
  if (sig >= SIGRTMIN && sig <= SIGRTMAX) return sig === SIGRTMIN ? "SIGRTMIN" : `SIGRTMIN+${sig - SIGRTMIN}`;
  return NAMES[sig] ?? String(sig);
}

const BY_NAME: Readonly<Record<string, number>> = Object.fromEntries(
  Array.from({ length: 65 }, (_, sig) => [signalName(sig), sig]).filter(([name]) => String(name).startsWith("SIG")),
);

/** A signal as a trace has it. */
export function signalFlags(sig: number): TracedFlags {
  return named(sig, BY_NAME, { mask: -1 });
}

/** A signal, as an argument. */
export const signalKind: Scalar<"i32"> = { ...i32, decode: (value) => signalFlags(Number(value)) };
