/**
 * fork(2) and execve(2) under V8.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { cstring, environment, errno, libc, preload, raw, slurp } from "./libc.ts";
import { layouts } from "./structs.ts";

const MADV_DOFORK = 11;
const SIG_DFL = 0n;
const EX_SOFTWARE = 70;

/** Exit code of a forked child that failed: it threw, awaited, or ran on without `exit`. */
export const CHILD_FAILED: number = EX_SOFTWARE;

let forked = false;

/** Tells whether this process is a child made by `fork`. */
export function isForked(): boolean {
  return forked;
}

/** The command line of this process, without the program's own arguments. */
function runtimeArguments(): string[] {
  const line = new TextDecoder().decode(slurp("/proc/self/cmdline")).split("\0").slice(0, -1);
  return line.slice(0, line.length - Deno.args.length);
}

let single: boolean | undefined;
let guarded = false;

/** Tells whether V8 was started with `--single-threaded`; without it, a forked child may wait for a thread that it lacks. */
export function isSingleThreaded(): boolean {
  if (single === undefined) {
    const flags = [...runtimeArguments().filter((arg) => arg.startsWith("--v8-flags")), v8Flags() ?? ""];
    single = flags.some((text) => /(^|[=,\s])--?single[-_]threaded(?=$|[,\s])/.test(text));
  }
  return single;
}

const V8_FLAGS = "DENO_V8_FLAGS=";

function v8Flags(): string | undefined {
  for (const address of environment()) {
    const text = Deno.UnsafePointerView.getCString(Deno.UnsafePointer.create(address)!);
    if (text.startsWith(V8_FLAGS)) return text.slice(V8_FLAGS.length);
  }
}

/** Why this process cannot start itself again, if it can't. */
function obstacle(): string | undefined {
  if (typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope === "function") {
    return "this is a worker";
  }
  const main = Deno.mainModule;
  if (main.endsWith("/$deno$stdin.mts")) return "the program came from standard input, and that has been read";
  if (main.endsWith("/$deno$repl.mts")) return "this is a REPL";
  if (runtimeArguments()[1] === "test") return "this is a test run";
}

// without --no-lazy each child would compile anew what only children call
const FLAGS = "--single-threaded,--no-lazy";

const ADD_FLAG =
  "start deno with --v8-flags=--single-threaded, or with DENO_V8_FLAGS=--single-threaded in the environment";

/** Starts the process again, in place and single-threaded, unless it is so already. */
export function restartSingleThreaded(): void {
  if (isSingleThreaded()) {
    guardMicrotasks();
    return;
  }
  const why = obstacle();
  if (why) throw new LibcError("fork", "EOPNOTSUPP", `${why}; ${ADD_FLAG}`);
  const flags = v8Flags();
  const setting = cstring(`${V8_FLAGS}${flags ? flags + "," : ""}${FLAGS}`, "execve", "environment");
  const environ = environment().filter((address) =>
    !Deno.UnsafePointerView.getCString(Deno.UnsafePointer.create(address)!).startsWith(V8_FLAGS)
  );
  const argv = slurp("/proc/self/cmdline");
  const starts: bigint[] = [];
  const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(argv));
  for (let at = 0; at < argv.length; at = argv.indexOf(0, at) + 1) starts.push(base + BigInt(at));
  const path = new Uint8Array(4097);
  // the real path, so that the process keeps its name in ps(1)
  const length = raw.readlink(cstring("/proc/self/exe", "readlink", "path"), path, 4096n);
  const exe = length > 0 ? path.subarray(0, length + 1) : cstring("/proc/self/exe", "execve", "path");
  const variables = [...environ, Deno.UnsafePointer.value(Deno.UnsafePointer.of(setting))];
  raw.execve(exe, pointers(starts), pointers(variables));
  throw new LibcError("execve", errno(), ADD_FLAG);
}

/** An array of addresses as C wants it, with a null at its end. */
function pointers(list: bigint[]): BigUint64Array<ArrayBuffer> {
  const array = new BigUint64Array(list.length + 1);
  array.set(list);
  return array;
}

/** `execve(2)` with strings. */
export function execve(path: string, argv: string[], envp: string[]): never {
  const file = cstring(path, "execve", "pathname");
  const strings = (list: string[], name: string) => {
    if (Array.isArray(list)) return list.map((text) => cstring(text, "execve", name));
    throw new LibcError("execve", "EINVAL", `${name} must be an array of strings, got ${Deno.inspect(list)}`);
  };
  const args = strings(argv, "argv");
  const env = strings(envp, "envp");
  const addresses = (list: Uint8Array<ArrayBuffer>[]) =>
    pointers(list.map((bytes) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes))));
  libc.execve(file, addresses(args), addresses(env));
  throw new LibcError("execve", errno(), path);
}

// V8 keeps its memory out of children (MADV_DONTFORK); these are the ranges to give back. The kernel's
// own pages among them ([vvar]) would stop madvise(2), hence the gaps.
let ranges: [start: bigint, length: bigint][] | undefined;

function addressSpace(): [bigint, bigint][] {
  const end = Deno.build.arch === "aarch64" ? 0x1_0000_0000_0000n : 0x7fff_ffff_f000n;
  const list: [bigint, bigint][] = [];
  let at = 0n;
  for (const line of new TextDecoder().decode(slurp("/proc/self/maps")).split("\n")) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) .*\[(vvar|vsyscall)/.exec(line);
    if (!match) continue;
    const [from, to] = [BigInt("0x" + match[1]), BigInt("0x" + match[2])];
    if (from >= end) break;
    if (from > at) list.push([at, from - at]);
    at = to;
  }
  list.push([at, end - at]);
  return list;
}

const action = new BigUint64Array(layouts.sigaction.size / 8);
const SIG_IGN = 1n;
const SIG_SETMASK = 2;
const everySignal = new Uint8Array(128).fill(0xff); // a sigset_t
const signalMask = new Uint8Array(128);

/** The signals that have a handler. */
function handledSignals(): number[] {
  const list: number[] = [];
  for (let sig = 1; sig <= 64; sig++) {
    if (raw.sigaction(sig, null, action) === 0 && action[0] > SIG_IGN) list.push(sig);
  }
  return list;
}

/** `fork(2)`: what V8 needs before it, and what a child must not inherit after it. */
function safeFork(): number {
  if (!isSingleThreaded()) {
    throw new LibcError("fork", "EOPNOTSUPP", `call enableFork() first thing in the program, or ${ADD_FLAG}`);
  }
  ranges ??= prepare();
  // in the parent, where it touches no page that is still to be copied
  const handled = handledSignals();
  // a signal that reaches the child before becomeChild() would end up with the parent's handler, and be lost
  raw.sigprocmask(SIG_SETMASK, everySignal, signalMask);
  // no allocation from here to the fork: V8 could map new memory
  for (let i = 0; i < ranges.length; i++) raw.madvise(ranges[i][0], ranges[i][1], MADV_DOFORK);
  const pid = raw.fork();
  if (pid === 0) becomeChild(handled);
  raw.sigprocmask(SIG_SETMASK, signalMask, null);
  return pid;
}

libc.fork = safeFork;

function becomeChild(handled: number[]): void {
  forked = true;
  // handlers run on the event loop, which a child hasn't got: it would ignore what should end it
  for (const sig of handled) raw.signal(sig, SIG_DFL);
}

/** What other modules want done before the first fork, because it would cost each child more. */
export const rehearsals: (() => void)[] = [];

/** Called once, in the parent, for what a child would else have to do: there every page that is written to is copied first. */
function prepare(): [bigint, bigint][] {
  preload("fork", "madvise", "_exit", "signal", "sigprocmask", "read", "write", "close");
  guardExit();
  guardMicrotasks();
  // what a timer's callback or a listener throws comes by here, and no microtask is run after it
  addEventListener("error", (event) => {
    if (forked) failChild(event.error);
  }, { capture: true });
  // V8 compiles a function when it is first called; these are first called in a child
  becomeChild([]);
  forked = false;
  setTrap(true);
  runChild(() => {}, true);
  for (const rehearse of rehearsals) rehearse();
  return addressSpace();
}

/** Lets a child end by `Deno.exit`. */
function guardExit(): void {
  const original = Deno.exit;
  Deno.exit = function exit(code?: number): never {
    return forked ? exitChild(code ?? Deno.exitCode) : original(code);
  };
}

/** Ends this child at once. */
export function exitChild(status: number, rehearsal = false): never {
  if (rehearsal) return undefined as never;
  libc._exit(status & 0xff);
  throw new Error("unreachable");
}

/** Prints what went wrong in this child, and ends it. */
export function failChild(error: unknown): never {
  console.error("Uncaught (in forked child)", error);
  exitChild(CHILD_FAILED);
}

const RAN_ON = "fork: the child ran on to the event loop, which only the parent has. " +
  "End it with exit(); it cannot await anything.";

type Core = {
  setPromiseHooks(
    init?: undefined,
    before?: (p: object) => void,
    after?: undefined,
    resolve?: (p: object) => void,
  ): void;
  getPromiseDetails(promise: object): [state: number, result: unknown];
};

// Deno's inner workings, where they can be had
const internals = Deno as unknown as { internal?: symbol } & Record<symbol, { core?: Core } | undefined>;
const core = internals.internal && internals[internals.internal]?.core;

/** The promises that were settled in this child. */
const settled: object[] = [];

function failIfRejected(promise: object): void {
  const REJECTED = 2;
  const [state, error] = core?.getPromiseDetails?.(promise) ?? [];
  if (state === REJECTED) failChild(error);
}

/** Ends a child that came back from the code that forked, with the error that brought it here if there is one. */
function springTrap(): void {
  if (!forked) return;
  for (const promise of settled.reverse()) failIfRejected(promise);
  console.error(RAN_ON);
  exitChild(CHILD_FAILED);
}

/**
 * A child that returned to the event loop would wait there forever for the parent's. A microtask runs before that
 * and ends it. Promise hooks do the same before a callback that the parent had queued could run twice, and they
 * know the error: what a module throws is the rejection of its promise.
 */
export function setTrap(rehearsal = false): void {
  queueMicrotask(springTrap);
  if (typeof core?.setPromiseHooks !== "function" || typeof core.getPromiseDetails !== "function") return;
  // set in the parent, the hooks would slow down all its promises
  if (rehearsal) core.setPromiseHooks();
  else core.setPromiseHooks(undefined, springTrap, undefined, (promise) => settled.push(promise));
}

/** Keeps callbacks that the parent had queued by `queueMicrotask` from running in a child. */
function guardMicrotasks(): void {
  if (guarded) return;
  guarded = true;
  const original = globalThis.queueMicrotask;
  globalThis.queueMicrotask = function queueMicrotask(callback: () => void): void {
    if (typeof callback !== "function") return original(callback);
    original(() => forked ? springTrap() : callback());
  };
}

/** What a child made by `fork(child)` does instead of returning. */
export function runChild(child: () => number | void, rehearsal = false): never {
  let result: unknown;
  try {
    result = child();
  } catch (error) {
    failChild(error);
  }
  if (result === undefined) return exitChild(0, rehearsal);
  if (typeof result === "number" && Number.isInteger(result)) exitChild(result);
  if (!(result instanceof Promise)) {
    const what = `the child's function must return an exit code or nothing, got ${Deno.inspect(result)}`;
    failChild(new LibcError("fork", "EINVAL", what));
  }
  // an asynchronous function that threw before its first await has an error of its own to show
  failIfRejected(result);
  failChild(
    new LibcError("fork", "EINVAL", "the child's function must not be asynchronous: a child has no event loop"),
  );
}
