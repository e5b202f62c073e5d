/**
 * Sees every libc call of the library, as strace(1) would, and what it cannot see: reads and writes of shared memory.
 *
 * @module
 */
import { errnoCode, errnoMessage, errnoNumber, LibcError } from "../errors.ts";
import { cstring, errno, getenv, libc, onLoad, preload, raw, setErrno } from "../native/libc.ts";
import { access, type Memory, segmentOf } from "../native/memory.ts";
import { observer } from "../native/observer.ts";
import { sockaddrFrom } from "../native/sockaddr.ts";
import { layouts } from "../native/structs.ts";
import { type Name, table } from "../native/table.ts";
import { argument, bytes, type Parameter, parametersOf, type TracedArgument, type TracedBytes } from "./decode.ts";

export type { TracedArgument, TracedBytes } from "./decode.ts";

/** The version of the events' form; the `start` event of each process tells it. */
export const TRACE_VERSION = 1;

/** What all events have. */
export interface TraceEventBase {
  /** When, in microseconds of `CLOCK_MONOTONIC`: one clock for all processes. */
  t: number;
  /** In which process. */
  pid: number;
}

/** The first event of a process. */
export interface StartEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "start";
  /** {@linkcode TRACE_VERSION}. */
  v: number;
  /** The parent. */
  ppid: number;
  /** The program's file name. */
  name: string;
  /** True for a child made by `fork`. */
  forked: boolean;
}

/** A call has begun. Without an `exit` event after it, the process is still in it, or has ended there. */
export interface EnterEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "enter";
  /** The function. */
  call: string;
  /** Its arguments, by their names in the manual page; null where the call has yet to fill them. */
  args: Record<string, TracedArgument>;
}

/** A call is back. */
export interface ExitEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "exit";
  /** The function. */
  call: string;
  /** Its arguments, with what it filled. */
  args: Record<string, TracedArgument>;
  /** What it returned. */
  result: number;
  /** The error's name, if it failed. */
  errno?: string;
  /** How long it took, in microseconds. */
  dur: number;
  /** For `accept` and `connect`: this end of the connection. */
  local?: string;
  /** For `accept` and `connect`: the other end. */
  peer?: string;
}

/** The program has read or written shared memory through `peek`, `poke`, `sprintf`, `SharedMemory` … */
export interface MemoryEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "memory";
  /** What it did. */
  op: "read" | "write";
  /** The segment. */
  shmid: number;
  /** The first byte. */
  offset: number;
  /** What was read or written. */
  data: TracedBytes;
}

/** A handler that was set by `signal` is about to run. */
export interface SignalEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "signal";
  /** The signal's name. */
  sig: string;
}

/** The process ends by itself. There is none if a signal ends it. */
export interface EndEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "end";
  /** Its exit status. */
  status: number;
}

/** What tracing tells. As JSON, one a line, this is the format of `IPC_TRACE` files. */
export type TraceEvent = StartEvent | EnterEvent | ExitEvent | MemoryEvent | SignalEvent | EndEvent;

type Listener = (event: TraceEvent) => void;
const listeners = new Set<Listener>();

// deno-lint-ignore no-explicit-any -- functions of every type are wrapped by one
type AnyFunction = (...args: any[]) => any;
const functions = libc as unknown as Record<Name, AnyFunction>;

let pid = 0; // of the process that emitted last; 0 before its start event
let ended = false;
let busy = false; // a listener's own calls are not traced

const clock = new BigInt64Array(2);

function now(): number {
  const CLOCK_MONOTONIC = 1;
  raw.clock_gettime(CLOCK_MONOTONIC, clock);
  return Number(clock[0]) * 1e6 + Number(clock[1]) / 1e3;
}

function emit(event: TraceEvent): void {
  busy = true;
  observer.depth++;
  try {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        // a broken listener must not change what the program does
        console.error("trace listener:", error);
      }
    }
  } finally {
    observer.depth--;
    busy = observer.depth > 0;
  }
}

function programName(): string {
  return decodeURIComponent(Deno.mainModule.split("/").pop()!);
}

/** Makes sure that the process has introduced itself, and gives what all events begin with. */
function base(forked = false, at?: number): TraceEventBase {
  if (pid === 0) {
    pid = raw.getpid();
    ended = false;
    const start = { t: at ?? now(), pid, v: TRACE_VERSION, ppid: raw.getppid(), name: programName(), forked };
    emit({ ...start, ev: "start" });
  }
  return { t: at ?? now(), pid };
}

function end(status: number): void {
  if (ended || !listeners.size) return;
  ended = true;
  emit({ ...base(), ev: "end", status });
}

function decoded(
  call: string,
  parameters: Parameter[],
  args: unknown[],
  result?: number,
): Record<string, TracedArgument> {
  const list: Record<string, TracedArgument> = {};
  parameters.forEach(({ name, kind }, i) => {
    try {
      list[name] = argument(call, kind, args, i, result);
    } catch {
      list[name] = null; // whatever it is, tracing does not make a call fail
    }
  });
  if (call === "msgsnd" || call === "msgrcv") {
    const buffer = args[1];
    if (
      (call === "msgsnd" || (result !== undefined && result >= 0)) && buffer instanceof Uint8Array && buffer.length >= 8
    ) {
      list.mtype = Number(new DataView(buffer.buffer, buffer.byteOffset).getBigInt64(0, true));
    }
  }
  return list;
}

/** Both ends of a connection. */
function endsOf(fd: number): { local?: string; peer?: string } {
  const name = (call: typeof raw.getsockname): string | undefined => {
    const address = new Uint8Array(layouts.sockaddr_storage.size);
    const length = new Uint32Array([address.length]);
    if (call(fd, address, length) === 0) return String(sockaddrFrom(address.subarray(0, length[0])));
  };
  return { local: name(raw.getsockname), peer: name(raw.getpeername) };
}

const FAILED_POINTER = 0xffff_ffff_ffff_ffffn;

function asNumber(result: unknown): number {
  if (typeof result === "number") return result;
  if (result === undefined || result === null) return 0;
  const address = Deno.UnsafePointer.value(result as Deno.PointerObject);
  return address === FAILED_POINTER ? -1 : Number(address);
}

function traced(call: Name, parameters: Parameter[], bare: AnyFunction): AnyFunction {
  const shown = call === "semctl_buf" ? "semctl" : call;
  return (...args) => {
    if (busy) return bare(...args);
    emit({ ...base(), ev: "enter", call: shown, args: decoded(shown, parameters, args) });
    if (call === "_exit") end(args[0]);
    const before = now();
    const result = bare(...args);
    const code = errno();
    const after = now();
    const dur = after - before;
    const number = asNumber(result);
    let forked = false;
    if (call === "fork" && number === 0) {
      pid = 0;
      forked = true;
    }
    const failed = number === -1 && call !== "getaddrinfo" || undefined;
    emit({
      ...base(forked, after),
      ev: "exit",
      call: shown,
      args: decoded(shown, parameters, args, number),
      result: number,
      errno: failed && errnoCode(code),
      dur: Math.round(dur * 1000) / 1000,
      ...(!failed && (call === "accept" || call === "accept4")
        ? endsOf(number)
        : !failed && call === "connect"
        ? endsOf(args[0])
        : {}),
    });
    setErrno(code);
    return result;
  };
}

/** What stood in the place of each traced function. */
let bare: Partial<Record<Name, AnyFunction>> | undefined;
const untracedAccess = { ...access };
const { depth: _depth, ...unobserved } = observer;

function touched(op: "read" | "write", memory: Memory, offset: number, data: () => Uint8Array): void {
  const shmid = busy ? undefined : segmentOf(memory);
  if (shmid !== undefined) {
    emit({
      ...base(),
      ev: "memory",
      op,
      shmid,
      offset: offset + (memory instanceof Uint8Array ? memory.byteOffset : 0),
      data: bytes(data()),
    });
  }
}

function install(): void {
  if (bare) return;
  raw.getpid(); // the first call may install the tracing that IPC_TRACE asks for
  if (bare) return;
  bare = {};
  for (const name of Object.keys(table) as Name[]) {
    const parameters = parametersOf(name);
    if (!parameters) continue;
    preload(name); // or the first call would seem to take longer
    bare[name] = functions[name];
    functions[name] = traced(name, parameters, functions[name]);
  }
  access.load = (memory, offset) => {
    const byte = untracedAccess.load(memory, offset);
    touched("read", memory, offset, () => new Uint8Array([byte]));
    return byte;
  };
  access.store = (memory, offset, byte) => {
    untracedAccess.store(memory, offset, byte);
    touched("write", memory, offset, () => new Uint8Array([byte]));
  };
  access.read = (memory, offset, length) => {
    const data = untracedAccess.read(memory, offset, length);
    touched("read", memory, offset, () => data);
    return data;
  };
  access.write = (memory, offset, data) => {
    untracedAccess.write(memory, offset, data);
    touched("write", memory, offset, () => data);
  };
  let since = 0;
  Object.assign(
    observer,
    {
      installed(sig, handler) {
        const call = { call: "signal", args: { sig, handler } };
        emit({ ...base(), ev: "enter", ...call });
        emit({ ...base(), ev: "exit", ...call, result: 0, dur: 0 });
      },
      delivered: (sig) => emit({ ...base(), ev: "signal", sig }),
      paused(waiting) {
        if (waiting) {
          since = now();
          emit({ ...base(), ev: "enter", call: "pause", args: {} });
        } else {
          emit({ ...base(), ev: "exit", call: "pause", args: {}, result: -1, errno: "EINTR", dur: now() - since });
        }
      },
      exiting: end,
    } satisfies typeof unobserved,
  );
  globalThis.addEventListener("unload", unload);
}

const unload = () => end(Deno.exitCode);

function uninstall(): void {
  Object.assign(functions, bare);
  bare = undefined;
  Object.assign(access, untracedAccess);
  Object.assign(observer, unobserved);
  globalThis.removeEventListener("unload", unload);
  pid = 0; // who traces again is told of the process again
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
 *
 * @example
 * ```ts
 * import { formatTraceEvent, getppid, trace } from "@ipc/playground";
 *
 * {
 *   using _tracing = trace((event) => console.log(formatTraceEvent(event)));
 *   getppid(); // getppid() = 4711
 * }
 * ```
 */
export function trace(listener: (event: TraceEvent) => void): Disposable {
  if (typeof listener !== "function") {
    throw new LibcError("trace", "EINVAL", `listener must be a function, got ${Deno.inspect(listener)}`);
  }
  install();
  const own = (event: TraceEvent) => listener(event); // the same listener may be given twice
  listeners.add(own);
  return {
    [Symbol.dispose]() {
      if (listeners.delete(own) && listeners.size === 0) uninstall();
    },
  };
}

function argumentText(value: TracedArgument): string {
  if (value === null) return "NULL";
  if (typeof value === "object") return `"${value.preview}"${value.preview.length && value.length > 48 ? "..." : ""}`;
  return String(value);
}

const QUOTED = new Set(["addr", "dest_addr", "src_addr", "pathname", "node", "service"]);

function callText(event: EnterEvent | ExitEvent): string {
  const args = Object.entries(event.args).map(([name, value]) => {
    if (name === "mtype" || (name === "mode" && !String(event.args.flags).includes("O_CREAT"))) return "";
    const text = argumentText(value);
    if (name === "msgp" && event.args.mtype !== undefined) return `{${event.args.mtype}, ${text}}`;
    if (name === "wstatus" && value !== null) return `[${text}]`;
    return QUOTED.has(name) && value !== null ? `"${text}"` : text;
  });
  return `${event.call}(${args.filter(Boolean).join(", ")})`;
}

/**
 * An event in one line, as strace(1) prints it: `shmget(5678, 27, IPC_CREAT|0666) = 3`.
 *
 * @param event The event.
 * @returns The line, without pid and time.
 *
 * @example See {@linkcode trace}.
 */
export function formatTraceEvent(event: TraceEvent): string {
  switch (event.ev) {
    case "start":
      return `+++ ${event.name} ${event.forked ? `forked by ${event.ppid}` : "started"} +++`;
    case "enter":
      return `${callText(event)} ...`;
    case "exit": {
      const reason = event.errno && ` ${event.errno} (${errnoMessage(errnoNumber(event.errno))})`;
      const result = event.call === "shmat" && !event.errno ? "0x" + event.result.toString(16) : event.result;
      return `${callText(event)} = ${result}${reason ?? ""}`;
    }
    case "memory":
      return `shm ${event.shmid} [${event.offset}] ${event.op === "read" ? "→" : "←"} "${event.data.preview}"`;
    case "signal":
      return `--- ${event.sig} ---`;
    case "end":
      return `+++ exited with ${event.status} +++`;
  }
}

/**
 * Reads the events of an `IPC_TRACE` file, in the order they happened.
 *
 * A line that a process could not finish, because it was killed or because it is writing just now, is left out.
 *
 * @param text The file's content.
 * @returns The events of all processes, by time.
 *
 * @example
 * ```ts
 * import { parseTrace } from "@ipc/playground";
 *
 * const file = '{"t":1,"pid":7,"ev":"end","status":0}\n{"t":2,"pi';
 * console.log(parseTrace(file).length); // 1
 * ```
 */
export function parseTrace(text: string): TraceEvent[] {
  const events: TraceEvent[] = [];
  for (const line of text.split("\n")) {
    try {
      const event = JSON.parse(line);
      if (typeof event?.t === "number" && typeof event.pid === "number" && typeof event.ev === "string") {
        events.push(event);
      }
    } catch {
      // torn
    }
  }
  return events.sort((a, b) => a.t - b.t);
}

const WAITING = new Set(
  "connect msgsnd msgrcv semop semtimedop wait waitpid wait3 wait4 sleep usleep pause poll".split(" "),
);
const WAITING_FOR_INPUT = new Set("accept accept4 read recv recvfrom".split(" "));

/** Tells whether a call is about to wait; then it is printed when it begins, too, or a program that is stuck would not show where. */
function mayWait(event: EnterEvent): boolean {
  const { options, msgflg, flags, fd, sockfd } = event.args;
  if (/WNOHANG|IPC_NOWAIT|MSG_DONTWAIT/.test(`${options} ${msgflg} ${flags}`)) return false;
  if (!WAITING_FOR_INPUT.has(event.call)) return WAITING.has(event.call);
  const POLLIN = 1;
  const pollfd = new Int32Array([(fd ?? sockfd) as number, POLLIN]);
  return raw.poll(pollfd, 1n, 0) === 0;
}

/** Opens an `IPC_TRACE` file for appending; −1 if it cannot be. */
function openTrace(path: string): number {
  const O_WRONLY_CREAT_APPEND_CLOEXEC = 0o1 | 0o100 | 0o2000 | 0o2000000;
  const opened = raw.open(cstring(path, "open", "IPC_TRACE"), O_WRONLY_CREAT_APPEND_CLOEXEC, 0o600);
  if (opened < 0) {
    console.error(`IPC_TRACE: ${path}: ${errnoMessage(errno())}`);
    return -1;
  }
  // out of the way: the program's own descriptors get the numbers that they would have without tracing
  const F_DUPFD_CLOEXEC = 1030;
  const fd = raw.fcntl(opened, F_DUPFD_CLOEXEC, 900);
  if (fd < 0) return opened;
  raw.close(opened);
  return fd;
}

/** What `IPC_TRACE` asks for. */
function traceByEnvironment(): void {
  const target = getenv("IPC_TRACE");
  if (!target) return;
  let fd: number | undefined = target === "-" ? 2 : undefined;
  const encoder = new TextEncoder();
  // one write a line: O_APPEND keeps the lines of several processes whole
  const put = (line: string) => {
    fd ??= openTrace(target);
    if (fd < 0) return;
    const data = encoder.encode(line + "\n");
    raw.write(fd, data, BigInt(data.length));
  };
  let open: string | undefined; // the call that was printed when it began
  const strace = (event: TraceEvent) => {
    const line = formatTraceEvent(event);
    if (event.ev === "enter") {
      if (!mayWait(event)) return;
      put(`${event.pid} ${line.replace(/(, NULL)*\) \.\.\.$/, "")} <unfinished ...>`);
      open = event.call;
    } else if (event.ev === "exit" && event.call === open) {
      open = undefined;
      put(`${event.pid} <... ${event.call} resumed> ${line.slice(event.call.length)}`);
    } else {
      put(`${event.pid} ${line}`);
    }
  };
  trace(target === "-" ? strace : (event) => put(JSON.stringify(event)));
}

onLoad.push(traceByEnvironment);
