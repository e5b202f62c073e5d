/**
 * `<signal.h>`: signals.
 *
 * @module
 */
import { abortable } from "../abort.ts";
import { LibcError } from "../errors.ts";
import { asInt, asSignal, shown } from "../native/check.ts";
import { isForked } from "../native/child.ts";
import { call, header } from "../native/header.ts";
import { i32, id } from "../native/kinds.ts";
import { errno } from "../native/libc.ts";
import { isFailed } from "../native/memory.ts";
import { tracing } from "../native/observer.ts";
import { known, optionsOf } from "../native/options.ts";
import { own } from "../native/own.ts";
import { install, isRemoval, removeAndEnd } from "../native/removal.ts";
import {
  NAMES,
  SIGCHLD,
  SIGHUP,
  SIGINT,
  signalKind,
  signalName,
  SIGQUIT,
  SIGTERM,
  SIGURG,
  SIGWINCH,
} from "./_signals.ts";

export { SIGEV_NONE, SIGEV_SIGNAL, sigevent } from "./_sigevent.ts";
export {
  SIGABRT,
  SIGALRM,
  SIGBUS,
  SIGCHLD,
  SIGCONT,
  SIGFPE,
  SIGHUP,
  SIGILL,
  SIGINT,
  SIGIO,
  SIGKILL,
  signalName,
  SIGPIPE,
  SIGPROF,
  SIGPWR,
  SIGQUIT,
  SIGSEGV,
  SIGSTKFLT,
  SIGSTOP,
  SIGSYS,
  SIGTERM,
  SIGTRAP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGURG,
  SIGUSR1,
  SIGUSR2,
  SIGVTALRM,
  SIGWINCH,
  SIGXCPU,
  SIGXFSZ,
} from "./_signals.ts";

const c = header({
  kill: call(i32, [["pid", id], ["sig", signalKind]]),
  raise: call(i32, [["sig", signalKind]], { failed: (result) => result !== 0 }),
});

/** What a signal does when nobody has said otherwise. */
export const SIG_DFL = 0;
/** Ignore a signal. */
export const SIG_IGN = 1;

/** What {@linkcode signal} takes and gives: a function, `SIG_DFL` or `SIG_IGN`. */
export type SignalHandler = ((sig: number) => void) | typeof SIG_DFL | typeof SIG_IGN;

type Entry = { handler: (sig: number) => void; listener: () => void };
const entries = new Map<number, Entry>();
/** Room for a `struct sigaction`, whose first member is the handler: 0, 1, or a function's address. */
const newAction = () => new BigUint64Array(19);

/** Tells whether a signal has a handler, and fetches it. */
function hasHandler(sig: number, action: BigUint64Array<ArrayBuffer>): boolean {
  return own.sigaction(sig, null, action) === 0 && action[0] > BigInt(SIG_IGN);
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

const PAUSE = known<{ signal?: AbortSignal }>(({ signal }) => ({ signal }));

/** Who waits in {@linkcode pause}. */
const paused = new Set<() => void>();

/** Signals that a terminal or a system sends to end programs. */
const ENDING = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/** What is to happen on a signal, if that is to stay so: it is ignored, or removes and ends. */
function settled(sig: number): BigUint64Array<ArrayBuffer> | undefined {
  const action = newAction();
  if (own.sigaction(sig, null, action) < 0) return;
  return action[0] === BigInt(SIG_IGN) || isRemoval(action[0]) ? action : undefined;
}

/** Gives Deno a listener. The first of a process makes it look after other signals, too. */
function addListener(sig: number, listener: () => void): void {
  const kept = ENDING.map((other) => [other, other === sig ? undefined : settled(other)] as const);
  try {
    Deno.addSignalListener(NAMES[sig] as Deno.Signal, listener);
  } catch (error) {
    throw new LibcError("signal", "EINVAL", `${signalName(sig)}: ${(error as Error).message}`);
  }
  for (const [other, action] of kept) if (action) own.sigaction(other, action, null);
}

function listen(sig: number, handler: (sig: number) => void): void {
  const listener = () => {
    tracing.current?.delivered(signalName(sig));
    try {
      entries.get(sig)?.handler(sig);
    } finally {
      for (const resume of paused) resume();
    }
  };
  addListener(sig, listener);
  // Deno sets up its handler for a signal only once a process; what has replaced it has to go again
  const now = newAction();
  if (!hasHandler(sig, now) || isRemoval(now[0])) own.sigaction(sig, denoAction(), null);
  entries.set(sig, { handler, listener });
}

/** Has a signal remove and end. */
function installRemoval(sig: number): void {
  if (!isForked()) {
    // Deno's handlers come first: set up later, they would replace this one, and call it nevertheless
    const nothing = () => {};
    addListener(SIGURG, nothing);
    Deno.removeSignalListener("SIGURG", nothing);
  }
  install(sig);
}

/**
 * Says what is to happen on a signal, `signal(2)`.
 *
 * A handler here is not interrupted code but a function that **runs on the event loop**: it waits until the program awaits something
 * (such as {@linkcode pause}), so one that blocks in `accept` or computes comes to it only after that (what blocks in `msgrcv`,
 * `semop`, `poll` or `usleep` fails with `EINTR`, and `sleep` returns early). In return it may do anything.
 * It stays in place until it is replaced. A forked child starts with none.
 *
 * @param sig The signal.
 * @param handler A function, `SIG_IGN` or `SIG_DFL`.
 * @returns What was to happen before.
 * @throws {LibcError} `EINVAL` no such signal, or one that can't be caught; `EOPNOTSUPP` a function in a forked child.
 *
 * @example
 * ```ts
 * import { kill, getpid, pause, SIG_DFL, signal, SIGUSR1 } from "./mod.ts";
 *
 * signal(SIGUSR1, (sig) => console.log("caught", sig)); // caught 10
 * kill(getpid(), SIGUSR1);
 * await pause();
 * signal(SIGUSR1, SIG_DFL);
 * ```
 */
export function signal(sig: number, handler: SignalHandler): SignalHandler {
  sig = asInt(sig, "signal", "sig");
  const ordinary = handler === SIG_DFL || handler === SIG_IGN;
  if (!ordinary && typeof handler !== "function") {
    throw new LibcError(
      "signal",
      "EINVAL",
      `handler must be a function, SIG_DFL or SIG_IGN, got ${shown(handler)}`,
    );
  }
  const before = newAction();
  if (own.sigaction(sig, null, before) < 0) throw new LibcError("signal", errno(), signalName(sig));
  const entry = isForked() ? undefined : entries.get(sig);
  const previous = isRemoval(before[0]) ? removeAndEnd : entry?.handler ?? (before[0] === 1n ? SIG_IGN : SIG_DFL);
  if (ordinary || handler === removeAndEnd) {
    if (ordinary) {
      const before = own.signal(sig, BigInt(handler));
      if (before !== null && isFailed(before)) throw new LibcError("signal", errno(), signalName(sig));
    } else {
      installRemoval(sig);
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
  tracing.current?.installed(sig, ordinary ? handler : nameOf(handler));
  return previous;
}

/** What a trace calls a handler: a name that cannot be read would change what tracing must not. */
function nameOf(handler: { name: string }): string {
  try {
    const { name } = handler;
    return typeof name === "string" && name ? name : "(handler)";
  } catch {
    return "(handler)";
  }
}

/**
 * Waits for a signal that has a handler, `pause(2)`, and is back when the handler has run.
 *
 * In C a signal that comes before `pause` is waited for in vain. Here its handler cannot run before the program is back on the event loop,
 * so a signal between `fork()` and `await pause()` ends the pause.
 *
 * @param options `signal`: gives up waiting.
 * @returns When a handler has run.
 * @throws {LibcError} `EINVAL` another option, or what is no `AbortSignal`; `EOPNOTSUPP` in a forked child.
 *
 * @example
 * ```ts
 * import { getpid, kill, pause, SIG_DFL, signal, SIGUSR1 } from "./mod.ts";
 *
 * signal(SIGUSR1, () => {});
 * kill(getpid(), SIGUSR1);
 * await pause();
 * signal(SIGUSR1, SIG_DFL);
 * ```
 */
export function pause(options?: { signal?: AbortSignal }): Promise<void> {
  let signal: AbortSignal | undefined;
  try {
    signal = asSignal(optionsOf(options, PAUSE, "pause").signal, "pause");
  } catch (error) {
    return Promise.reject(error);
  }
  return abortable<void>(signal, (resolve, reject) => {
    // signal listeners alone do not keep the program alive
    const alive = setInterval(() => {}, 2 ** 31 - 1);
    const done = () => {
      paused.delete(resume);
      clearInterval(alive);
      tracing.current?.paused(false);
    };
    const resume = () => (done(), resolve());
    paused.add(resume);
    tracing.current?.paused(true);
    return (reason) => (done(), reject(reason));
  }, "pause");
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
 * import { getpid, kill } from "./mod.ts";
 *
 * kill(getpid(), 0); // I am alive
 * ```
 */
export function kill(pid: number, sig: number): void {
  if (c.kill(asInt(pid, "kill", "pid"), asInt(sig, "kill", "sig")) < 0) {
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
 * import { raise, SIG_IGN, signal, SIGUSR2 } from "./mod.ts";
 *
 * signal(SIGUSR2, SIG_IGN);
 * raise(SIGUSR2);
 * ```
 */
export function raise(sig: number): void {
  if (c.raise(asInt(sig, "raise", "sig")) !== 0) throw new LibcError("raise", errno(), signalName(sig));
}
