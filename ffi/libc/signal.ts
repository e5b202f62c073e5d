/**
 * `<signal.h>`: signals.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { int } from "../native/check.ts";
import { isForked } from "../native/fork.ts";
import { errno, libc, raw } from "../native/libc.ts";
import { observer } from "../native/observer.ts";
import { layouts } from "../native/structs.ts";

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

/** What a signal does when nobody has said otherwise. */
export const SIG_DFL = 0;
/** Ignore a signal. */
export const SIG_IGN = 1;

/** The names of the signals: the one of number `n` is at index `n`. */
const NAMES = [
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
 * import { signalName } from "@ipc/playground";
 *
 * console.log(signalName(17)); // SIGCHLD
 * ```
 */
export function signalName(sig: number): string {
  int(sig, "sigabbrev_np", "sig");
  const SIGRTMIN = 34; // the first that glibc leaves to programs
  if (sig >= SIGRTMIN && sig <= 64) return sig === SIGRTMIN ? "SIGRTMIN" : `SIGRTMIN+${sig - SIGRTMIN}`;
  return NAMES[sig] ?? String(sig);
}

/** What {@linkcode signal} takes and gives: a function, `SIG_DFL` or `SIG_IGN`. */
export type SignalHandler = ((sig: number) => void) | typeof SIG_DFL | typeof SIG_IGN;

type Entry = { handler: (sig: number) => void; listener: () => void };
const entries = new Map<number, Entry>();
/** Room for a `struct sigaction`, whose first member is the handler: 0, 1, or a function's address. */
const newAction = () => new BigUint64Array(layouts.sigaction.size / 8);

/** Tells whether a signal has a handler, and fetches it. */
function hasHandler(sig: number, action: BigUint64Array<ArrayBuffer>): boolean {
  return raw.sigaction(sig, null, action) === 0 && action[0] > BigInt(SIG_IGN);
}

/** Deno's handler, which is the same for all signals: that of one that has it. */
function denoAction(): BigUint64Array<ArrayBuffer> {
  const action = newAction();
  const nothing = () => {};
  // signals that are ignored by default: nobody has reason to set these to SIG_DFL
  for (const sig of [SIGURG, SIGWINCH, SIGCHLD]) {
    Deno.addSignalListener(NAMES[sig] as Deno.Signal, nothing);
    const found = hasHandler(sig, action);
    Deno.removeSignalListener(NAMES[sig] as Deno.Signal, nothing);
    if (found) return action;
  }
  throw new LibcError("signal", "EINVAL", "Deno's signal handler has been taken away");
}

/** Who waits in {@linkcode pause}. */
const paused = new Set<() => void>();

function listen(sig: number, handler: (sig: number) => void): void {
  const listener = () => {
    observer.delivered(signalName(sig));
    try {
      entries.get(sig)?.handler(sig);
    } finally {
      for (const resume of paused) resume();
    }
  };
  try {
    Deno.addSignalListener(NAMES[sig] as Deno.Signal, listener);
  } catch (error) {
    throw new LibcError("signal", "EINVAL", `${signalName(sig)}: ${(error as Error).message}`);
  }
  // Deno sets up its handler for a signal only once a process; after SIG_DFL took it away it has to be put back
  if (!hasHandler(sig, newAction())) raw.sigaction(sig, denoAction(), null);
  entries.set(sig, { handler, listener });
}

/**
 * Says what is to happen on a signal, `signal(2)`.
 *
 * A handler here is not interrupted code but a function that **runs on the event loop**: it waits until the program awaits something
 * (such as {@linkcode pause}), and a program that blocks in `accept` or `sleep` never comes to it. In return it may do anything.
 * It stays in place until it is replaced. A forked child starts with none.
 *
 * @param sig The signal.
 * @param handler A function, `SIG_IGN` or `SIG_DFL`.
 * @returns What was to happen before.
 * @throws {LibcError} `EINVAL` no such signal, or one that can't be caught; `EOPNOTSUPP` a function in a forked child.
 *
 * @example
 * ```ts
 * import { kill, getpid, pause, SIG_DFL, signal, SIGUSR1 } from "@ipc/playground";
 *
 * signal(SIGUSR1, (sig) => console.log("caught", sig)); // caught 10
 * kill(getpid(), SIGUSR1);
 * await pause();
 * signal(SIGUSR1, SIG_DFL);
 * ```
 */
export function signal(sig: number, handler: SignalHandler): SignalHandler {
  int(sig, "signal", "sig");
  const ordinary = handler === SIG_DFL || handler === SIG_IGN;
  if (!ordinary && typeof handler !== "function") {
    throw new LibcError(
      "signal",
      "EINVAL",
      `handler must be a function, SIG_DFL or SIG_IGN, got ${Deno.inspect(handler)}`,
    );
  }
  const before = newAction();
  if (raw.sigaction(sig, null, before) < 0) throw new LibcError("signal", errno(), signalName(sig));
  const entry = isForked() ? undefined : entries.get(sig);
  const previous = entry?.handler ?? (before[0] === 1n ? SIG_IGN : SIG_DFL);
  if (ordinary) {
    const SIG_ERR = 0xffff_ffff_ffff_ffffn;
    const result = raw.signal(sig, BigInt(handler));
    if (result !== null && Deno.UnsafePointer.value(result) === SIG_ERR) {
      throw new LibcError("signal", errno(), signalName(sig));
    }
    if (entry) Deno.removeSignalListener(NAMES[sig] as Deno.Signal, entry.listener);
    entries.delete(sig);
  } else if (isForked()) {
    throw new LibcError("signal", "EOPNOTSUPP", "handlers run on the event loop, which a forked child has not got");
  } else if (entry) {
    entry.handler = handler;
  } else {
    listen(sig, handler);
  }
  observer.installed(signalName(sig), ordinary ? ["SIG_DFL", "SIG_IGN"][handler] : handler.name || "(handler)");
  return previous;
}

/**
 * Waits for a signal that has a handler, `pause(2)`, and is back when the handler has run.
 *
 * In C a signal that comes before `pause` is waited for in vain. Here its handler cannot run before the program is back on the event loop,
 * so a signal between `fork()` and `await pause()` ends the pause.
 *
 * @param options `signal`: gives up waiting.
 * @returns When a handler has run.
 *
 * @example
 * ```ts
 * import { getpid, kill, pause, SIG_DFL, signal, SIGUSR1 } from "@ipc/playground";
 *
 * signal(SIGUSR1, () => {});
 * kill(getpid(), SIGUSR1);
 * await pause();
 * signal(SIGUSR1, SIG_DFL);
 * ```
 */
export function pause(options: { signal?: AbortSignal } = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted();
    // signal listeners alone do not keep the program alive
    const alive = setInterval(() => {}, 2 ** 31 - 1);
    const done = () => {
      paused.delete(resume);
      clearInterval(alive);
      options.signal?.removeEventListener("abort", abort);
      observer.paused(false);
    };
    const resume = () => (done(), resolve());
    const abort = () => (done(), reject(options.signal!.reason));
    options.signal?.addEventListener("abort", abort);
    paused.add(resume);
    observer.paused(true);
  });
}

/**
 * Sends a signal, `kill(2)`.
 *
 * @param pid A process; 0 this process group; -1 every process that one may; below -1 group `-pid`.
 * @param sig The signal; 0 only asks whether the process is there and may be sent to.
 * @throws {LibcError} `ESRCH` no such process; `EPERM`; `EINVAL` no such signal.
 *
 * @example
 * ```ts
 * import { getpid, kill } from "@ipc/playground";
 *
 * kill(getpid(), 0); // I am alive
 * ```
 */
export function kill(pid: number, sig: number): void {
  if (libc.kill(int(pid, "kill", "pid"), int(sig, "kill", "sig")) < 0) {
    throw new LibcError("kill", errno(), `pid ${pid}, ${signalName(sig)}`);
  }
}

/**
 * Sends a signal to this process, `raise(3)`.
 *
 * @param sig The signal.
 * @throws {LibcError} `EINVAL` no such signal.
 *
 * @example
 * ```ts
 * import { raise, SIG_IGN, signal, SIGUSR2 } from "@ipc/playground";
 *
 * signal(SIGUSR2, SIG_IGN);
 * raise(SIGUSR2);
 * ```
 */
export function raise(sig: number): void {
  if (libc.raise(int(sig, "raise", "sig")) !== 0) throw new LibcError("raise", errno(), signalName(sig));
}
