/**
 * Sees every libc call of the library, as strace(1) would, and what it cannot see: reads and writes of shared memory.
 *
 * @module
 */
import { errnoCode, LibcError } from "../errors.ts";
import { signalFlags } from "../libc/_signals.ts";
import { sockaddrFrom } from "../libc/sys/_sockaddr.ts";
import { shown } from "../native/check.ts";
import { isForked } from "../native/child.ts";
import { bare, type Declared, entries, type Entry } from "../native/header.ts";
import { type Call, type Kind, traced as tracedBytes } from "../native/kinds.ts";
import { type AnyFunction, errno, setErrno } from "../native/libc.ts";
import { fileOf, type Memory, offsetIn, regionOf } from "../native/memory.ts";
import { numberOf } from "../native/pointed.ts";
import { type Observer, tracing } from "../native/observer.ts";
import { own } from "../native/own.ts";
import { TRACE_VERSION, type TracedArgument, type TracedPlace, type TraceEvent, type TraceEventBase } from "./event.ts";
import { isStandardError, rememberStandardError } from "./outlet.ts";
import { place } from "./place.ts";

/** Who is told. */
interface Sink {
  tell(event: TraceEvent): unknown;
  /** It has thrown something. */
  failed?: true;
  /** How many events of each process it takes, besides those of the process's life. */
  readonly most: number;
  /** How many of this process it still takes. */
  left: number;
  /** How many it was not told of. */
  lost: number;
}

const sinks = new Set<Sink>();

let pid = 0; // of the process that emitted last; 0 before its start event
let ended = false;
let busy = false; // a listener's own calls are not traced

const clock = new BigInt64Array(2);

function now(): number {
  const CLOCK_MONOTONIC = 1;
  own.clock_gettime(CLOCK_MONOTONIC, clock);
  return Number(clock[0]) * 1e6 + Number(clock[1]) / 1e3;
}

/** A listener has failed: said once of each, and never so that the program would notice. */
function complain(sink: Sink, error: unknown): void {
  if (sink.failed) return;
  sink.failed = true;
  try {
    if (isStandardError()) console.error("trace listener:", error);
  } catch {
    // an error that cannot be shown
  }
}

function tell(sink: Sink, event: TraceEvent): void {
  try {
    const result: unknown = sink.tell(event);
    // an asynchronous one
    if (result instanceof Promise) Promise.prototype.then.call(result, undefined, (error) => complain(sink, error));
  } catch (error) {
    complain(sink, error);
  }
}

/** Does what tracing has to do around a call; whatever goes wrong there, the call itself is made. */
function unnoticed<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined; // no room on the stack, or a program that has changed what is built in
  }
}

/** Tells everybody, or those who still want it. */
function emit(event: TraceEvent, life: boolean): void {
  busy = true;
  tracing.depth++;
  try {
    // a listener may let others listen, who are told from the next event on
    const teller = pid;
    for (const sink of [...sinks]) {
      if (life || sink.left > 0) {
        if (!life) sink.left--;
        tell(sink, event);
      } else sink.lost++;
      // a child that a listener has forked: its parent goes on telling
      if (pid !== teller) break;
    }
  } finally {
    tracing.depth--;
    busy = tracing.depth > 0;
  }
}

/** Whether anybody wants to hear of what is not the life of a process. Those who don't are told how much they missed. */
function wanted(): boolean {
  let any = false;
  for (const sink of sinks) {
    if (sink.left > 0) any = true;
    else sink.lost++;
  }
  return any;
}

/** The main module's URL; a worker's own, which has not got the other. */
function mainModule(): string {
  return Deno.mainModule as string | undefined ?? globalThis.location?.href ?? "";
}

/** The main module's name, whatever kind of URL it has. */
export function programName(main: string): string {
  const url = URL.parse(main);
  const known = url !== null && /^(file|https?):$/.test(url.protocol);
  if (!known) return main.slice(0, 32);
  const name = url.pathname.split("/").findLast((part) => part !== "") ?? url.host;
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // bytes that are no UTF-8
  }
}

/** Makes sure that the process has introduced itself, and gives what all events begin with. */
function base(at?: number): TraceEventBase {
  // nobody is left if the listener went in the middle of a call; the next one is to be told of the process. A listener
  // that is told may fork: its child begins anew
  while (pid === 0 && sinks.size > 0) {
    pid = own.getpid();
    ended = false;
    for (const sink of sinks) {
      sink.left = sink.most;
      sink.lost = 0;
    }
    const start = {
      t: at ?? now(),
      pid,
      v: TRACE_VERSION,
      ppid: own.getppid(),
      name: programName(mainModule()),
      forked: isForked(),
    };
    emit({ ...start, ev: "start" }, true);
  }
  return { t: at ?? now(), pid };
}

function end(status: number): void {
  if (ended || !sinks.size) return;
  ended = true;
  const begin = base();
  for (const sink of sinks) if (sink.lost > 0) tell(sink, { ...begin, ev: "lost", count: sink.lost });
  emit({ ...begin, ev: "end", status }, true);
}

/** A call, and how its arguments are told. */
class TracedCall implements Call {
  result?: number;
  done = false;
  #before: Record<string, TracedArgument> | undefined;

  constructor(readonly declared: Declared, readonly args: readonly unknown[]) {}

  argument(name: string): unknown {
    return this.args[this.declared.parameters.findIndex(([parameter]) => parameter === name)];
  }

  before(name: string): TracedArgument | undefined {
    return this.#before?.[name];
  }

  decoded(): Record<string, TracedArgument> {
    const list: Record<string, TracedArgument> = {};
    this.declared.parameters.forEach(([name, kind], i) => {
      list[name] = argument(kind, this.args[i], this, name);
    });
    return this.#before ??= list, list;
  }
}

function argument(kind: Kind, value: unknown, call: Call, name: string): TracedArgument {
  if (value === null || value === undefined) return null;
  try {
    return kind.decode(value, call, name);
  } catch {
    return null; // whatever it is, tracing does not make a call fail
  }
}

/** The text of the address at one end of a connection. */
function endOf(call: typeof own.getsockname, fd: number): string | undefined {
  const address = new Uint8Array(128);
  const length = new Uint32Array([address.length]);
  if (call(fd, address, length) === 0) return String(sockaddrFrom(address.subarray(0, length[0])));
}

const failedByDefault = (result: number) => result === -1;

/** What tells of a function's calls; `below` is the function that the program called. */
function teller(declared: Declared, below?: AnyFunction) {
  const { lifecycle = false, failed = failedByDefault, waits, opens, connects, symbol: call } = declared;
  const { result: kind } = declared;
  /** Tells that it begins. */
  const enter = (made: TracedCall) => {
    const at = where(below);
    emit({
      ...base(),
      ev: "enter",
      call,
      args: made.decoded(),
      ...at,
      ...(waits?.(made) && { waits: true as const }),
    }, lifecycle);
    if (call === "_exit") end(Number(made.args[0]));
    return { at, began: now() };
  };
  /** Tells that it is back, with this result. */
  const exit = (made: TracedCall, result: number, code: number, { at, began }: Entered) => {
    const after = now();
    const args = made.args as unknown[];
    const bad = failed(result);
    made.result = result;
    made.done = !bad;
    const opened = bad ? [] : [...(kind.descriptor ? [result] : []), ...(opens?.(args) ?? [])];
    const connection = bad ? undefined : connects?.(args, result);
    emit({
      ...base(after),
      ev: "exit",
      call,
      args: made.decoded(),
      result,
      ...(bad && { errno: errnoCode(code) }),
      dur: Math.round((after - began) * 1000) / 1000,
      ...(opened.length && { opened }),
      ...(connection !== undefined &&
        { local: endOf(own.getsockname, connection), peer: endOf(own.getpeername, connection) }),
      ...at,
    }, lifecycle);
  };
  return { enter, exit };
}

function traced({ declared }: Entry, bare: AnyFunction): AnyFunction {
  const { lifecycle = false, symbol: call } = declared;
  const seen: AnyFunction = (...args) => {
    const quiet = busy || !(lifecycle || wanted());
    const made = new TracedCall(declared, args);
    const entered = quiet ? undefined : unnoticed(() => enter(made));
    const result = bare(...args);
    const number = numberOf(result);
    const code = declared.givesError ? number : errno();
    if (call === "fork" && number === 0) pid = 0; // it has to introduce itself, even if a listener has forked it
    if (entered) unnoticed(() => exit(made, number, code, entered));
    if (!declared.givesError) setErrno(code);
    return result;
  };
  const { enter, exit } = teller(declared, seen);
  return seen;
}

/** What is known when a call begins. */
interface Entered {
  /** Where it stands, as a part of an event. */
  at: { at?: TracedPlace };
  /** When it began. */
  began: number;
}

/** What stood in the place of each traced function. */
let replaced: Map<Entry, AnyFunction> | undefined;

function replace(entry: Entry): void {
  const { functions, name, declared } = entry;
  if (declared.quiet) return;
  const before = functions[name];
  replaced!.set(entry, before);
  // opened now, or the first call would seem to take longer
  functions[name] = traced(entry, bare(declared));
}

let since = 0;

/** Where in the program this belongs, as a part of an event. */
function where(below?: AnyFunction): { at?: TracedPlace } {
  const at = tracing.at ?? unnoticed(() => place(below));
  return at ? { at } : {};
}

/** A call that has no counterpart in libc here, as handlers and `pause` run on the event loop. */
function told(call: string, args: Record<string, TracedArgument>, rest: { waits?: true } = {}): { at?: TracedPlace } {
  const at = where();
  emit({ ...base(), ev: "enter", call, args, ...at, ...rest }, false);
  return at;
}

const looking: Observer = {
  declared: (entry) => replace(entry as Entry),
  blocks(declared, args) {
    if (busy || !wanted()) return;
    const { enter, exit } = teller(declared as Declared);
    const made = new TracedCall(declared as Declared, args);
    const entered = unnoticed(() => enter(made));
    if (!entered) return;
    return (result, errno) => busy || unnoticed(() => exit(made, result, errno, entered));
  },
  touched(op, of, offset, data, field) {
    if (busy) return;
    unnoticed(() => {
      const memory = of as Memory;
      const region = regionOf(memory);
      if (region === undefined || !wanted()) return;
      const { shmid } = region;
      emit({
        ...base(),
        ev: "memory",
        op,
        ...(shmid === undefined ? { file: fileOf(region) } : { shmid }),
        offset: region.from + offset + offsetIn(memory),
        data: tracedBytes(data),
        ...(field && { field: field.name, value: field.value }),
        ...where(),
      }, false);
    });
  },
  installed(sig, handler) {
    if (busy) return;
    unnoticed(() => {
      const args: Record<string, TracedArgument> = {
        sig: signalFlags(sig),
        handler: typeof handler === "string"
          ? handler
          : { value: handler, names: [handler === 0 ? "SIG_DFL" : "SIG_IGN"], rest: 0 },
      };
      const at = told("signal", args);
      emit({ ...base(), ev: "exit", call: "signal", args, result: 0, dur: 0, ...at }, false);
    });
  },
  delivered(sig) {
    if (!busy) unnoticed(() => emit({ ...base(), ev: "signal", sig }, false));
  },
  paused(waiting) {
    if (busy) return;
    unnoticed(() => {
      if (waiting) {
        since = now();
        told("pause", {}, { waits: true });
      } else {
        const dur = now() - since;
        emit({ ...base(), ev: "exit", call: "pause", args: {}, result: -1, errno: "EINTR", dur }, false);
      }
    });
  },
  here: () => unnoticed(place),
  exiting: (status) => unnoticed(() => end(status)),
};

const unload = () => looking.exiting(Deno.exitCode);

function install(): void {
  if (replaced) return;
  own.getpid(); // the first call may install the tracing that IPC_TRACE asks for
  if (replaced) return;
  rememberStandardError();
  replaced = new Map();
  entries.forEach(replace);
  tracing.current = looking;
  for (const change of tracing.changes) change();
  globalThis.addEventListener("unload", unload);
}

function uninstall(): void {
  for (const [{ functions, name }, before] of replaced!) functions[name] = before;
  replaced = undefined;
  tracing.current = undefined;
  for (const change of tracing.changes) change();
  globalThis.removeEventListener("unload", unload);
  pid = 0; // who traces again is told of the process again
}

/** Tells a function of the events from now on, of so many of them besides those of the processes' life. */
export function listen(tell: (event: TraceEvent) => void, most: number): Disposable {
  install();
  const sink: Sink = { tell: (event) => tell(event), most, left: most, lost: 0 }; // the same listener may be given twice
  sinks.add(sink);
  return {
    [Symbol.dispose]() {
      if (sinks.delete(sink) && sinks.size === 0) uninstall();
    },
  };
}

/**
 * Tells a function of every libc call that the library makes from now on, in this process and the children that it forks.
 *
 * Nothing is in the way of the calls while no one traces. Each call is told twice, when it begins and when it is back,
 * so that one which blocks can be seen to. The listener's own calls are not traced.
 *
 * Without changing a program, the environment does the same: `IPC_TRACE=FILE` appends the events to a file as JSON Lines, `IPC_TRACE=-` prints
 * them on standard error as strace(1) would.
 *
 * @param listener What to call with each event.
 * @returns A handle that ends the tracing.
 * @throws {LibcError} `EINVAL` what is no function. What it throws itself changes no call; it is said once on standard error.
 *
 * @example
 * ```ts
 * import { formatTraceEvent, getppid, trace } from "./mod.ts";
 *
 * {
 *   using _tracing = trace((event) => console.log(formatTraceEvent(event)));
 *   getppid(); // getppid() = 4711
 * }
 * ```
 */
export function trace(listener: (event: TraceEvent) => void): Disposable {
  if (typeof listener !== "function") {
    throw new LibcError("trace", "EINVAL", `listener must be a function, got ${shown(listener)}`);
  }
  return listen(listener, Infinity);
}
