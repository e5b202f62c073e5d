/**
 * `<signal.h>`: signals.
 *
 * @module
 */
import { abortable } from "../abort.ts";
import { LibcError } from "../errors.ts";
import { asInt, asLong, asSignal, shown } from "../native/check.ts";
import { isForked } from "../native/child.ts";
import { blockEverywhere, prepareMasks } from "../native/mask.ts";
import { canCallOff } from "../native/elsewhere.ts";
import { always, call, type CallOptions, header } from "../native/header.ts";
import { array, type Call, filled, i32, i64, id, oneOf } from "../native/kinds.ts";
import { at, struct, structBytes } from "../native/layout.ts";
import { type AnyFunction, errno, isFailed, setErrno } from "../native/libc.ts";
import { tracing } from "../native/observer.ts";
import { known, optionsOf } from "../native/options.ts";
import { own } from "../native/own.ts";
import { isHandler, nextInfo, prepareHandler, realTime } from "../native/action.ts";
import { install, isRemoval, removeAndEnd } from "../native/removal.ts";
import { isTaken, takenSignals } from "../native/taken.ts";
import {
  ACTION_SIZE,
  FLAGS_AT,
  handlerOf,
  KNOWN_FLAGS,
  MASK_AT,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SA_RESTORER,
  SA_SIGINFO,
  setHandlerOf,
  SIG_DFL,
  SIG_IGN,
  type SigactionHandler,
  sigactionKind,
  type struct_sigaction,
} from "./_sigaction.ts";
import { INFO_SIZE, siginfo, siginfo_t } from "./_siginfo.ts";
import { setBytes, sigset, type sigset_t } from "./_sigset.ts";
import { timeoutOf, timespec } from "./time.ts";
import {
  NAMES,
  SIGBUS,
  SIGCHLD,
  SIGFPE,
  SIGHUP,
  SIGILL,
  SIGINT,
  signalKind,
  signalName,
  SIGQUIT,
  SIGRTMIN,
  SIGSEGV,
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
  SIGRTMAX,
  SIGRTMIN,
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

export {
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SA_SIGINFO,
  SIG_DFL,
  SIG_IGN,
  type SigactionHandler,
  struct_sigaction,
} from "./_sigaction.ts";
export {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  CLD_TRAPPED,
  SI_ASYNCIO,
  SI_KERNEL,
  SI_MESGQ,
  SI_QUEUE,
  SI_SIGIO,
  SI_TIMER,
  SI_TKILL,
  SI_USER,
  siginfo_t,
  sigval,
} from "./_siginfo.ts";
export { sigset_t } from "./_sigset.ts";

/** `sigprocmask`: block these, too. */
export const SIG_BLOCK = 0;
/** `sigprocmask`: block these no more. */
export const SIG_UNBLOCK = 1;
/** `sigprocmask`: block these and no others. */
export const SIG_SETMASK = 2;

/** Has a function that gives an error's number fail as others do. */
const around = (bare: AnyFunction): AnyFunction => (...args) => {
  const code: number = bare(...args);
  if (code === 0) return 0;
  setErrno(code);
  return -1;
};

const how = oneOf({ SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK }, 16);
const masking = [["how", how], ["set", sigset], ["oldset", filled(sigset)]] as const;
const oneMore = [["set", filled(sigset)], ["signum", signalKind]] as const;
const waiting: CallOptions = { waits: always };

const c = header({
  kill: call(i32, [["pid", id], ["sig", signalKind]]),
  raise: call(i32, [["sig", signalKind]], { failed: (result) => result !== 0 }),
  sigaction: call(i32, [["signum", signalKind], ["act", sigactionKind], ["oldact", filled(sigactionKind)]]),
  sigemptyset: call(i32, [["set", filled(sigset)]]),
  sigfillset: call(i32, [["set", filled(sigset)]]),
  sigaddset: call(i32, oneMore),
  sigdelset: call(i32, oneMore),
  sigismember: call(i32, [["set", sigset], ["signum", signalKind]]),
  sigprocmask: call(i32, masking),
  pthread_sigmask: call(i32, masking, { around }),
  sigpending: call(i32, [["set", filled(sigset)]]),
  sigqueue: call(i32, [["pid", id], ["sig", signalKind], ["value", i64]]),
  sigwaitinfo: call(i32, [["set", sigset], ["info", filled(siginfo)]], waiting),
  sigtimedwait: call(i32, [["set", sigset], ["info", filled(siginfo)], ["timeout", struct(timespec)]], {
    waits: (call: Call) => !isZero(call.argument("timeout")),
  }),
  sigwait: call(i32, [["set", sigset], ["sig", filled(array(signalKind, 1))]], { waits: always, around }),
});

/** Whether it is a span of no time. */
function isZero(timeout: unknown): boolean {
  return timeout instanceof BigInt64Array && timeout[0] === 0n && timeout[1] === 0n;
}

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

let denos: BigUint64Array<ArrayBuffer> | undefined;

/** Deno's handler, which is the same for all signals: that of one that has it. */
function denoAction(): BigUint64Array<ArrayBuffer> {
  if (denos) return denos;
  const action = newAction();
  const nothing = () => {};
  // signals that are ignored by default: nobody has reason to set these to SIG_DFL
  for (const sig of [SIGURG, SIGWINCH, SIGCHLD]) {
    addListener(sig, nothing);
    const found = hasHandler(sig, action);
    Deno.removeSignalListener(NAMES[sig] as Deno.Signal, nothing);
    if (found && !isHandler(action[0]) && !isRemoval(action[0])) return denos = action;
  }
  throw new LibcError("signal", "EINVAL", "Deno's signal handler has been taken away");
}

const PAUSE = known<{ signal?: AbortSignal }>(({ signal }) => ({ signal }));

/** Who waits in {@linkcode pause}. */
const paused = new Set<() => void>();

/** Signals that a terminal or a system sends to end programs. */
const ENDING = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/** What is to happen on a signal, if that is to stay so: it is ignored, removes and ends, or was said by `sigaction`. */
function settled(sig: number): BigUint64Array<ArrayBuffer> | undefined {
  const action = newAction();
  if (own.sigaction(sig, null, action) < 0) return;
  return action[0] === BigInt(SIG_IGN) || isRemoval(action[0]) || isHandler(action[0]) ? action : undefined;
}

let begun = false;

/** The first listener of all makes two descriptors, and Deno does not survive it if there are none. */
function needsDescriptors(syscall: string): void {
  if (begun) return;
  const EFD_CLOEXEC = 0o2000000;
  const made = [own.eventfd(0, EFD_CLOEXEC), own.eventfd(0, EFD_CLOEXEC)];
  const code = made[1] < 0 ? errno() : 0;
  for (const fd of made) if (fd >= 0) own.close(fd);
  if (code !== 0) throw new LibcError(syscall, code, "Deno needs two descriptors for its first listener");
  begun = true;
}

/** Gives Deno a listener. The first of a process makes it look after other signals, too. */
function addListener(sig: number, listener: () => void, syscall = "signal"): void {
  needsDescriptors(syscall);
  const kept = ENDING.map((other) => [other, other === sig ? undefined : settled(other)] as const);
  try {
    Deno.addSignalListener(NAMES[sig] as Deno.Signal, listener);
  } catch (error) {
    throw new LibcError(syscall, "EINVAL", `${signalName(sig)}: ${(error as Error).message}`);
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
  if (!hasHandler(sig, now) || isRemoval(now[0]) || isHandler(now[0])) own.sigaction(sig, denoAction(), null);
  entries.set(sig, { handler, listener });
}

/** What `sigaction` has said of a signal. */
interface Act {
  readonly handler: SigactionHandler;
  /** As `sa_flags` has them. */
  readonly flags: number;
  readonly mask: Uint8Array<ArrayBuffer>;
}

const acts = new Map<number, Act>();

/** The signals by which Deno wakes the event loop, each for others: it knows none of real time. */
const bells = new Map<number, Set<number>>();
const bellOf = (sig: number) => sig >= SIGRTMIN ? SIGURG : sig;

/** Has a signal's handler wake the event loop. */
function hang(sig: number, syscall: string): void {
  const bell = bellOf(sig);
  const rung = bells.get(bell) ?? new Set();
  if (rung.size === 0) addListener(bell, drain, syscall);
  bells.set(bell, rung.add(sig));
}

/** Nobody is told of a signal by `sigaction` any more. */
function forget(sig: number): void {
  acts.delete(sig);
  realTime.delete(sig);
  const bell = bellOf(sig);
  const rung = bells.get(bell);
  if (!rung?.delete(sig) || rung.size > 0) return;
  Deno.removeSignalListener(NAMES[bell] as Deno.Signal, drain);
}

const report = globalThis.reportError;

/** Runs handlers of signals that have come, in that order. */
function drain(): void {
  for (let bytes; (bytes = nextInfo()) !== undefined;) {
    const info = at(siginfo_t, bytes);
    const sig = info.si_signo;
    const act = acts.get(sig);
    if (typeof act?.handler !== "function") continue;
    if (act.flags & SA_RESETHAND) forget(sig); // as the kernel has
    tracing.current?.delivered(signalName(sig));
    try {
      if (act.flags & SA_SIGINFO) act.handler(sig, info);
      else (act.handler as (sig: number) => void)(sig);
    } catch (error) {
      report(error); // the others still have their turn, if the program has it go on
    } finally {
      for (const resume of paused) resume();
    }
  }
}

let resetting = false;

/**
 * Where the process goes on after the program, as in `deno test`, what nobody handles any more is to do what it did. Where
 * it ends with the program, a signal that comes in the meantime is to change nothing of how.
 */
function reset(): void {
  if (own.gettid() === own.getpid()) return; // on the main thread
  const action = newAction();
  for (const sig of isForked() ? [] : acts.keys()) {
    if (hasHandler(sig, action) && isHandler(action[0])) own.signal(sig, BigInt(SIG_DFL));
  }
}

/** Signals of the processor. Their handlers are the runtime's and the library's: WebAssembly, for one, needs them. */
const FAULTS = [SIGILL, SIGBUS, SIGFPE, SIGSEGV];

/** Does what `sigaction` is to do. */
function perform(
  sig: number,
  wanted: Act,
  old: BigUint64Array<ArrayBuffer> | null,
  syscall: "signal" | "sigaction",
): void {
  refuse(sig, syscall);
  const { handler, flags, mask } = wanted;
  if (handler === removeAndEnd) {
    installRemoval(sig);
    return replace(sig, undefined);
  }
  const action = newAction();
  let hung = true;
  if (typeof handler === "function") {
    if (isForked()) throw noLoop(syscall);
    action[0] = prepareHandler(denoAction()[0]);
    action.fill(~0n, 1, 17); // no other signal meanwhile
    action[17] = BigInt((flags | SA_SIGINFO | SA_ONSTACK) >>> 0);
    hung = bells.get(bellOf(sig))?.has(sig) === true;
    if (!hung) hang(sig, syscall);
    if (!resetting) globalThis.addEventListener("unload", reset);
    resetting = true;
  } else {
    action[0] = BigInt(handler);
    new Uint8Array(action.buffer).set(mask, MASK_AT);
    action[17] = BigInt((flags & ~SA_SIGINFO) >>> 0);
  }
  // signal() is traced as itself
  if ((syscall === "signal" ? own : c).sigaction(sig, action, old) < 0) {
    const code = errno();
    if (!hung) forget(sig);
    throw new LibcError(syscall, code, signalName(sig));
  }
  replace(sig, typeof handler === "function" ? wanted : undefined);
}

/** Notes what `sigaction` has said of a signal, in the place of what was said before. */
function replace(sig: number, wanted: Act | undefined): void {
  if (isForked()) return;
  const entry = entries.get(sig);
  if (entry) Deno.removeSignalListener(NAMES[sig] as Deno.Signal, entry.listener);
  entries.delete(sig);
  if (!wanted) return forget(sig);
  acts.set(sig, wanted);
  if (sig >= SIGRTMIN) realTime.add(sig);
}

/** Leaves signals alone that are not the program's. */
function refuse(sig: number, syscall: string): void {
  if (isTaken(sig)) throw new LibcError(syscall, "EINVAL", `${signalName(sig)} is in use by the library itself`);
  if (!FAULTS.includes(sig)) return;
  throw new LibcError(syscall, "EINVAL", `${signalName(sig)} is for the runtime and the library to handle`);
}

function noLoop(syscall: string): LibcError {
  return new LibcError(syscall, "EOPNOTSUPP", "handlers run on the event loop, which a forked child has not got");
}

/** What is to happen on a signal, given what the kernel says. */
function current(sig: number, action: BigUint64Array<ArrayBuffer>): SigactionHandler {
  if (isRemoval(action[0])) return removeAndEnd;
  const said = isForked() ? undefined : isHandler(action[0]) ? acts.get(sig)?.handler : entries.get(sig)?.handler;
  return said ?? (action[0] === BigInt(SIG_IGN) ? SIG_IGN : SIG_DFL);
}

/**
 * Tells whether a signal does what it does when nobody has said otherwise.
 *
 * @ignore
 */
export function isDefault(sig: number): boolean {
  const action = newAction();
  return own.sigaction(sig, null, action) === 0 && current(sig, action) === SIG_DFL;
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
 * @throws {LibcError} `EINVAL` no such signal, one that can't be caught, or one that the runtime or the library needs itself;
 * `EOPNOTSUPP` a function in a forked child; `EMFILE`, `ENFILE` no descriptors are left for the first handler.
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
  refuse(sig, "signal");
  const entry = isForked() ? undefined : entries.get(sig);
  const previous = current(sig, before) as SignalHandler;
  if (ordinary || handler === removeAndEnd) {
    if (ordinary) {
      const before = own.signal(sig, BigInt(handler));
      if (before !== null && isFailed(before)) throw new LibcError("signal", errno(), signalName(sig));
    } else {
      installRemoval(sig);
    }
    replace(sig, undefined);
  } else if (isForked()) {
    throw noLoop("signal");
  } else if (sig >= SIGRTMIN || sig === SIGURG) {
    // Deno knows none of real time, and SIGURG wakes the event loop for those
    perform(sig, { handler, flags: SA_RESTART, mask: new Uint8Array(128) }, null, "signal");
  } else if (entry) {
    entry.handler = handler;
  } else {
    listen(sig, handler);
    forget(sig);
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

/**
 * Says what is to happen on a signal, and asks what was to, `sigaction(2)`.
 *
 * As with {@linkcode signal}, a handler is a function that **runs on the event loop**. Here nothing is lost of what comes with the
 * signal: with `SA_SIGINFO` the handler gets a {@linkcode siginfo_t} as its second argument, and each real-time signal has a run of
 * its own, with its value. (Beyond some thousands that nobody has come to, signals are told once, without that.) Signals that come
 * in quick succession may be taken by different threads of the runtime, and so be told in another order than they were sent in;
 * who needs that order blocks them by {@linkcode sigprocmask} and takes them by {@linkcode sigwaitinfo} or `signalfd`.
 *
 * Without `SA_RESTART`, calls that block fail with `EINTR`. `sa_mask` and `SA_NODEFER` change nothing, as handlers run one after
 * the other. A listener of `Deno.addSignalListener` for the same signal is called, too. A forked child starts with no handlers, and
 * with what was ignored.
 *
 * @param sig The signal.
 * @param act What is to happen; `null` to ask only.
 * @param oldact Where to store what was to happen, or `null`.
 * @throws {LibcError} `EINVAL` no such signal, one that can't be caught, one that the runtime or the library needs itself, or an
 * unknown flag; `EFAULT` no such structures; `EOPNOTSUPP` a function in a forked child; `EMFILE`, `ENFILE`, `ENOMEM`; `EACCES` the
 * system lets no process make code.
 *
 * @example
 * ```ts
 * import { getpid, pause, SA_SIGINFO, SIG_DFL, sigaction, sigqueue, SIGRTMIN, struct_sigaction } from "./mod.ts";
 *
 * const action = new struct_sigaction();
 * action.sa_sigaction = (sig, info) => console.log(sig, info.si_int, info.si_pid === getpid()); // 34 5 true
 * action.sa_flags = SA_SIGINFO;
 * sigaction(SIGRTMIN, action);
 * sigqueue(getpid(), SIGRTMIN, 5);
 * await pause();
 * action.sa_handler = SIG_DFL;
 * sigaction(SIGRTMIN, action);
 * ```
 */
export function sigaction(sig: number, act?: struct_sigaction | null, oldact?: struct_sigaction | null): void {
  sig = asInt(sig, "sigaction", "sig");
  const wanted = act === undefined || act === null ? undefined : actOf(act);
  if (oldact === undefined) oldact = null;
  if (oldact !== null && handlerOf(oldact) === undefined) throw noAction("oldact", oldact);
  const old = oldact === null ? null : structBytes(oldact, ACTION_SIZE, "sigaction", "oldact");
  const before = newAction();
  const known = own.sigaction(sig, null, before) === 0;
  const said = known ? acts.get(sig) : undefined;
  const handler = current(sig, before);
  const kernels = old === null ? null : newAction();
  if (known && wanted) perform(sig, wanted, kernels, "sigaction");
  else if (c.sigaction(sig, null, kernels) < 0) throw new LibcError("sigaction", errno(), signalName(sig));
  if (oldact === null || old === null) return;
  setHandlerOf(oldact, handler);
  old.fill(0);
  if (handler === SIG_DFL || handler === SIG_IGN) old.set(new Uint8Array(before.buffer).subarray(MASK_AT), MASK_AT);
  const flags = new Uint32Array(old.buffer, old.byteOffset, ACTION_SIZE / 4);
  if (typeof handler !== "function") flags[FLAGS_AT] = Number(before[17] & 0xffff_ffffn) & ~SA_RESTORER;
  else if (said?.handler !== handler) flags[FLAGS_AT] = SA_RESTART;
  else {
    flags[FLAGS_AT] = said.flags;
    old.set(said.mask, MASK_AT);
  }
}

function noAction(name: string, value: unknown): LibcError {
  return new LibcError("sigaction", "EFAULT", `${name} must be a struct_sigaction, got ${shown(value)}`);
}

/** What a structure says, as it is now. */
function actOf(value: struct_sigaction): Act {
  const handler = handlerOf(value);
  if (handler === undefined) throw noAction("act", value);
  const bytes = structBytes(value, ACTION_SIZE, "sigaction", "act").slice();
  const flags = new Uint32Array(bytes.buffer)[FLAGS_AT];
  if (flags & ~KNOWN_FLAGS) throw new LibcError("sigaction", "EINVAL", `sa_flags 0x${flags.toString(16)}`);
  return { handler, flags, mask: bytes.slice(MASK_AT, MASK_AT + 128) };
}

/**
 * Empties a set, `sigemptyset(3)`.
 *
 * @param set The set.
 * @throws {LibcError} `EFAULT` no set.
 *
 * @example See {@linkcode sigset_t}.
 */
export function sigemptyset(set: sigset_t): void {
  if (c.sigemptyset(setBytes(set, "sigemptyset")) < 0) throw new LibcError("sigemptyset", errno());
}

/**
 * Puts all signals into a set, `sigfillset(3)`, but those that libc needs itself.
 *
 * @param set The set.
 * @throws {LibcError} `EFAULT` no set.
 *
 * @example
 * ```ts
 * import { sigfillset, SIGINT, sigismember, sigset_t } from "./mod.ts";
 *
 * const set = new sigset_t();
 * sigfillset(set);
 * console.log(sigismember(set, SIGINT)); // true
 * ```
 */
export function sigfillset(set: sigset_t): void {
  if (c.sigfillset(setBytes(set, "sigfillset")) < 0) throw new LibcError("sigfillset", errno());
}

/**
 * Puts a signal into a set, `sigaddset(3)`.
 *
 * @param set The set.
 * @param sig The signal.
 * @throws {LibcError} `EINVAL` no such signal; `EFAULT` no set.
 *
 * @example See {@linkcode sigset_t}.
 */
export function sigaddset(set: sigset_t, sig: number): void {
  const bytes = setBytes(set, "sigaddset");
  if (c.sigaddset(bytes, asInt(sig, "sigaddset", "sig")) < 0) {
    throw new LibcError("sigaddset", errno(), signalName(sig));
  }
}

/**
 * Takes a signal out of a set, `sigdelset(3)`.
 *
 * @param set The set.
 * @param sig The signal.
 * @throws {LibcError} `EINVAL` no such signal; `EFAULT` no set.
 *
 * @example
 * ```ts
 * import { sigdelset, sigfillset, SIGINT, sigismember, sigset_t } from "./mod.ts";
 *
 * const set = new sigset_t();
 * sigfillset(set);
 * sigdelset(set, SIGINT);
 * console.log(sigismember(set, SIGINT)); // false
 * ```
 */
export function sigdelset(set: sigset_t, sig: number): void {
  const bytes = setBytes(set, "sigdelset");
  if (c.sigdelset(bytes, asInt(sig, "sigdelset", "sig")) < 0) {
    throw new LibcError("sigdelset", errno(), signalName(sig));
  }
}

/**
 * Tells whether a signal is in a set, `sigismember(3)`.
 *
 * @param set The set.
 * @param sig The signal.
 * @returns Whether it is.
 * @throws {LibcError} `EINVAL` no such signal; `EFAULT` no set.
 *
 * @example See {@linkcode sigset_t}.
 */
export function sigismember(set: sigset_t, sig: number): boolean {
  const bytes = setBytes(set, "sigismember");
  const result = c.sigismember(bytes, asInt(sig, "sigismember", "sig"));
  if (result < 0) throw new LibcError("sigismember", errno(), signalName(sig));
  return result === 1;
}

const bit = (sig: number) => 1n << BigInt(sig - 1);
const ALL_FAULTS = FAULTS.reduce((set, sig) => set | bit(sig), 0n);
const REAL_TIME = ~0n << BigInt(SIGRTMIN - 1);

/** The signals that this thread blocks. */
function maskNow(): bigint {
  const mask = new BigUint64Array(16);
  own.sigprocmask(SIG_BLOCK, null, mask);
  return mask[0];
}

function changeMask(
  syscall: "sigprocmask" | "pthread_sigmask",
  how: number,
  set: sigset_t | null | undefined,
  oldset: sigset_t | null | undefined,
): void {
  how = asInt(how, syscall, "how");
  const bytes = set === null || set === undefined ? null : setBytes(set, syscall);
  const old = oldset === null || oldset === undefined ? null : setBytes(oldset, syscall, "oldset");
  const everywhere = syscall === "sigprocmask" && bytes !== null;
  let mask: BigUint64Array<ArrayBuffer> | null = null;
  if (bytes !== null) {
    mask = new BigUint64Array(bytes.slice().buffer, 0, 16);
    // those that the library needs have to be taken before none is left
    if (mask[0] & REAL_TIME) canCallOff(mask[0]);
    if (everywhere) prepareMasks(mask[0]);
    if (how !== SIG_UNBLOCK) mask[0] &= ~(ALL_FAULTS | takenSignals());
  }
  const before = everywhere ? maskNow() : 0n;
  if (c[syscall](how, mask, old) < 0) throw new LibcError(syscall, errno(), `how ${how}`);
  if (!everywhere || mask === null) return;
  const now = maskNow();
  blockEverywhere(now, (before ^ now) | mask[0] & ~(ALL_FAULTS | takenSignals()));
}

/**
 * Blocks signals, `sigprocmask(2)`: they stay pending until they are unblocked, or taken by {@linkcode sigwaitinfo} or a
 * `signalfd`.
 *
 * The Deno runtime has threads beside the program's, and the kernel gives a signal to any that doesn't block it. So here **all
 * threads** of the process block it, as if it had one, which is what C's programs with one thread rely on. (Each is told
 * by a signal that the library takes for itself; {@linkcode pthread_sigmask} is for the calling thread alone.) A forked child,
 * and a program that `execve` or `Deno.Command` starts, begin with the same mask.
 *
 * Like `SIGKILL` and `SIGSTOP`, which the kernel leaves out without an error, some are never blocked: `SIGILL`, `SIGBUS`, `SIGFPE` and
 * `SIGSEGV`, which the runtime handles, and one or two real-time signals that the library uses. While a signal is blocked, neither
 * handlers nor listeners of `Deno.addSignalListener` hear of it, and Ctrl-C ends nothing if it is `SIGINT`.
 *
 * @param how `SIG_BLOCK` adds to what is blocked, `SIG_UNBLOCK` takes from it, `SIG_SETMASK` replaces it.
 * @param set The signals; `null` changes nothing.
 * @param oldset Where to store what was blocked, or `null`.
 * @throws {LibcError} `EINVAL` none of these three; `EFAULT` no set; `EAGAIN` a thread does not answer, or no real-time signal is
 * left; `ENOENT` without `/proc`; `EACCES` the system lets no process make code.
 *
 * @example
 * ```ts
 * import { getpid, kill, SIG_BLOCK, SIG_UNBLOCK, sigaddset, sigismember, sigpending, sigprocmask, sigset_t, SIGUSR1, sigwait } from "./mod.ts";
 *
 * const set = new sigset_t();
 * sigaddset(set, SIGUSR1);
 * sigprocmask(SIG_BLOCK, set);
 * kill(getpid(), SIGUSR1);
 * const pending = new sigset_t();
 * sigpending(pending);
 * console.log(sigismember(pending, SIGUSR1), sigwait(set)); // true 10
 * sigprocmask(SIG_UNBLOCK, set);
 * ```
 */
export function sigprocmask(how: number, set?: sigset_t | null, oldset?: sigset_t | null): void {
  changeMask("sigprocmask", how, set, oldset);
}

/**
 * Blocks signals in the calling thread alone, `pthread_sigmask(3)`. Another thread of the runtime gets those that are sent to the
 * process: {@linkcode sigprocmask} is what programs mostly want.
 *
 * @param how `SIG_BLOCK` adds to what is blocked, `SIG_UNBLOCK` takes from it, `SIG_SETMASK` replaces it.
 * @param set The signals; `null` changes nothing.
 * @param oldset Where to store what was blocked, or `null`.
 * @throws {LibcError} `EINVAL` none of these three; `EFAULT` no set.
 *
 * @example
 * ```ts
 * import { pthread_sigmask, raise, SIG_BLOCK, SIG_UNBLOCK, sigaddset, sigset_t, SIGUSR1, sigwait } from "./mod.ts";
 *
 * const set = new sigset_t();
 * sigaddset(set, SIGUSR1);
 * pthread_sigmask(SIG_BLOCK, set);
 * raise(SIGUSR1); // to this thread
 * console.log(sigwait(set)); // 10
 * pthread_sigmask(SIG_UNBLOCK, set);
 * ```
 */
export function pthread_sigmask(how: number, set?: sigset_t | null, oldset?: sigset_t | null): void {
  changeMask("pthread_sigmask", how, set, oldset);
}

/**
 * Tells which blocked signals have come, to this thread or to the process, `sigpending(2)`.
 *
 * @param set Where to store them.
 * @throws {LibcError} `EFAULT` no set.
 *
 * @example See {@linkcode sigprocmask}.
 */
export function sigpending(set: sigset_t): void {
  if (c.sigpending(setBytes(set, "sigpending")) < 0) throw new LibcError("sigpending", errno());
}

/**
 * Sends a signal and a value with it, `sigqueue(3)`. Real-time signals are queued, each with its value; of others, one that is
 * pending already stays alone.
 *
 * @param pid A process.
 * @param sig The signal; 0 only asks whether the process is there and may be sent to.
 * @param value An `int`, `sival_int` in C; or a bigint of 64 bits, `sival_ptr`.
 * @throws {LibcError} `ESRCH` no such process; `EPERM`; `EINVAL` no such signal; `EAGAIN` too many are queued, see
 * `RLIMIT_SIGPENDING`.
 *
 * @example See {@linkcode sigwaitinfo}.
 */
export function sigqueue(pid: number, sig: number, value: number | bigint): void {
  const data = typeof value === "bigint"
    ? asLong(BigInt.asUintN(64, value) === value ? BigInt.asIntN(64, value) : value, "sigqueue", "value")
    : BigInt(asInt(value, "sigqueue", "value"));
  if (c.sigqueue(asInt(pid, "sigqueue", "pid"), asInt(sig, "sigqueue", "sig"), data) < 0) {
    throw new LibcError("sigqueue", errno(), `pid ${pid}, ${signalName(sig)}, ${value}`);
  }
}

function infoBytes(info: siginfo_t | null | undefined, syscall: string): Uint8Array<ArrayBuffer> | null {
  return info === undefined || info === null ? null : structBytes(info, INFO_SIZE, syscall, "info");
}

/**
 * Takes a signal of a set, and waits until there is one, `sigwaitinfo(2)`. Blocks the whole program. They have to be blocked by
 * {@linkcode sigprocmask}, or they do what they would do without this. Of several, that with the lowest number is taken, and those
 * of a number in the order in which they were sent.
 *
 * @param set The signals.
 * @param info Where to store what came with it, or `null`.
 * @returns The signal.
 * @throws {LibcError} `EINTR` another signal came, which has a handler; `EFAULT` no such structures.
 *
 * @example
 * ```ts
 * import { getpid, SIG_BLOCK, SIG_UNBLOCK, sigaddset, siginfo_t, sigprocmask, sigqueue, SIGRTMIN, sigset_t, sigwaitinfo } from "./mod.ts";
 *
 * const set = new sigset_t(), info = new siginfo_t();
 * sigaddset(set, SIGRTMIN);
 * sigprocmask(SIG_BLOCK, set);
 * sigqueue(getpid(), SIGRTMIN, 5);
 * console.log(sigwaitinfo(set, info), info.si_int); // 34 5
 * sigprocmask(SIG_UNBLOCK, set);
 * ```
 */
export function sigwaitinfo(set: sigset_t, info?: siginfo_t | null): number {
  const sig = c.sigwaitinfo(setBytes(set, "sigwaitinfo"), infoBytes(info, "sigwaitinfo"));
  if (sig < 0) throw new LibcError("sigwaitinfo", errno());
  return sig;
}

/**
 * As {@linkcode sigwaitinfo}, but waits no longer than `timeout`, `sigtimedwait(2)`.
 *
 * @param set The signals.
 * @param info Where to store what came with it, or `null`.
 * @param timeout How long to wait, in seconds (`0.25` is a quarter of one), where C has a `struct timespec`; `null` for ever.
 * @returns The signal.
 * @throws {LibcError} `EAGAIN` the time is over; `EINTR` another signal came, which has a handler; `EINVAL` no span of time; `EFAULT`
 * no such structures.
 *
 * @example
 * ```ts
 * import { LibcError, sigaddset, sigset_t, sigtimedwait, SIGUSR1 } from "./mod.ts";
 *
 * const set = new sigset_t();
 * sigaddset(set, SIGUSR1);
 * try {
 *   sigtimedwait(set, null, 0.01);
 * } catch (error) {
 *   console.log((error as LibcError).code); // EAGAIN
 * }
 * ```
 */
export function sigtimedwait(set: sigset_t, info: siginfo_t | null, timeout: number | null): number {
  const name = "sigtimedwait";
  const sig = c.sigtimedwait(setBytes(set, name), infoBytes(info, name), timeoutOf(timeout, name));
  if (sig < 0) throw new LibcError(name, errno(), `${timeout ?? "unlimited"} seconds`);
  return sig;
}

/**
 * Takes a signal of a set, and waits until there is one, `sigwait(3)`: {@linkcode sigwaitinfo} that goes on after other signals.
 *
 * @param set The signals.
 * @returns The signal, where C fills a pointer's memory.
 * @throws {LibcError} `EFAULT` no set.
 *
 * @example See {@linkcode sigprocmask}.
 */
export function sigwait(set: sigset_t): number {
  const sig = new Int32Array(1);
  if (c.sigwait(setBytes(set, "sigwait"), sig) < 0) throw new LibcError("sigwait", errno());
  return sig[0];
}
