/**
 * Tracing that the environment asks for: `IPC_TRACE`.
 *
 * @module
 */
import { entries } from "../native/header.ts";
import { tracing } from "../native/observer.ts";
import { getenv, own } from "../native/own.ts";
import { type EnterEvent, TRACE_LIMIT, type TraceEvent } from "./event.ts";
import { formatResumed, isBackFrom, lineOfEvent } from "./format.ts";
import { Outlet, rememberStandardError, say } from "./outlet.ts";
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
  rememberStandardError();
  const outlet = new Outlet(target);
  if (target !== "-") {
    listen((event) => outlet.put(JSON.stringify(event)), limit());
    return;
  }
  const open: EnterEvent[] = []; // the calls that were printed when they began
  const put = (pid: number, text: string) => outlet.put(`${pid} ${text}`);
  listen((event: TraceEvent) => {
    if (event.ev === "enter") {
      if (!isGoingToWait(event)) return;
      open.push(event);
      return put(event.pid, lineOfEvent(event));
    }
    if (event.ev === "exit") {
      const at = open.findIndex((began) => isBackFrom(event, began));
      if (at >= 0) return put(event.pid, formatResumed(open.splice(at, 1)[0], event));
    }
    put(event.pid, lineOfEvent(event));
  }, Infinity);
};
