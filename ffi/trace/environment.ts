/**
 * Tracing that the environment asks for: `IPC_TRACE`.
 *
 * @module
 */
import { errnoMessage } from "../errors.ts";
import { entries } from "../native/header.ts";
import { cstring, errno } from "../native/libc.ts";
import { tracing } from "../native/observer.ts";
import { getenv, own } from "../native/own.ts";
import { type EnterEvent, TRACE_LIMIT, type TraceEvent } from "./event.ts";
import { formatResumed, formatTraceEvent } from "./format.ts";
import { listen } from "./trace.ts";

/**
 * Tells whether a call is about to wait. Then it is printed when it begins, too, or a program that is stuck would not
 * show where. Of a call that waits for a descriptor it is enough to look whether that is ready.
 */
function isGoingToWait({ call, args, waits }: EnterEvent): boolean {
  if (!waits) return false;
  const { input, output } = entries.find(({ declared }) => declared.symbol === call)?.declared ?? {};
  const fd = input ?? output;
  if (fd === undefined) return true;
  const POLLIN = 1, POLLOUT = 4;
  return own.poll(new Int32Array([Number(args[fd]), input ? POLLIN : POLLOUT]), 1n, 0) === 0;
}

const HIGH = 900; // descriptors of the program get the numbers that they would have without tracing

/** A copy of a descriptor out of the program's way; the descriptor itself where there is no room. */
function outOfTheWay(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  const copy = own.fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
  return copy < 0 ? fd : copy;
}

/** Opens an `IPC_TRACE` file for appending; −1 if it cannot be. */
function openTrace(path: string): number {
  const O_WRONLY_CREAT_APPEND_NONBLOCK_CLOEXEC = 0o1 | 0o100 | 0o2000 | 0o4000 | 0o2000000;
  const opened = own.open(cstring(path, "open", "IPC_TRACE"), O_WRONLY_CREAT_APPEND_NONBLOCK_CLOEXEC, 0o600);
  if (opened < 0) {
    say(`IPC_TRACE: ${path}: ${errnoMessage(errno())}`);
    return -1;
  }
  const F_SETFL = 4, O_APPEND = 0o2000;
  own.fcntl(opened, F_SETFL, O_APPEND); // only the opening was not to wait, for the reader of a FIFO
  const fd = outOfTheWay(opened);
  if (fd !== opened) own.close(opened);
  return fd;
}

/** Writes all of it, mostly at once; waits for a terminal or a pipe that is full, but not for ever. */
function writeAll(fd: number, data: Uint8Array<ArrayBuffer>): boolean {
  const EINTR = 4, EAGAIN = 11, POLLOUT = 4, SECOND = 1000;
  for (let done = 0, tries = 0; done < data.length;) {
    const n = own.write(fd, data.subarray(done), BigInt(data.length - done));
    if (n >= 0) done += n;
    else if (errno() === EAGAIN && tries++ < 10) own.poll(new Int32Array([fd, POLLOUT]), 1n, SECOND);
    else if (errno() !== EINTR) return false;
  }
  return true;
}

function say(text: string): void {
  try {
    console.error(text);
  } catch {
    // nobody to say it to
  }
}

/** How many events of each process are kept. */
function limit(): number {
  const text = getenv("IPC_TRACE_LIMIT");
  if (text === undefined) return TRACE_LIMIT;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && text !== "") return value;
  say(`IPC_TRACE_LIMIT: ${text} is no whole number; it is ${TRACE_LIMIT}`);
  return TRACE_LIMIT;
}

tracing.start = () => {
  const target = getenv("IPC_TRACE");
  if (!target) return;
  const encoder = new TextEncoder();
  let fd: number | undefined;
  // one write a line: O_APPEND keeps the lines of several processes whole
  const put = (line: string) => {
    fd ??= target === "-" ? outOfTheWay(2) : openTrace(target);
    if (fd < 0) return;
    if (writeAll(fd, encoder.encode(line + "\n"))) return;
    // a full disk, mostly; a line that is not whole is left out by who reads the trace
    say(`IPC_TRACE: ${target}: ${errnoMessage(errno())}: nothing more is traced`);
    fd = -1;
  };
  if (target !== "-") {
    listen((event) => put(JSON.stringify(event)), limit());
    return;
  }
  let open: EnterEvent | undefined; // the call that was printed when it began
  listen((event: TraceEvent) => {
    if (event.ev === "enter") {
      if (!isGoingToWait(event)) return;
      open = event;
      put(`${event.pid} ${formatTraceEvent(event)}`);
    } else if (event.ev === "exit" && event.call === open?.call) {
      put(`${event.pid} ${formatResumed(open, event)}`);
      open = undefined;
    } else {
      put(`${event.pid} ${formatTraceEvent(event)}`);
    }
  }, Infinity);
};
