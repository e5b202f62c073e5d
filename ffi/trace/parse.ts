/**
 * Reading traces.
 *
 * @module
 */
import type { TraceEvent } from "./event.ts";

/** What each kind of event has to have, besides a time and a process. */
const NEEDED: Readonly<Record<TraceEvent["ev"], Readonly<Record<string, "number" | "string" | "object">>>> = {
  start: { ppid: "number", name: "string" },
  enter: { call: "string", args: "object" },
  exit: { call: "string", args: "object", result: "number", dur: "number" },
  memory: { op: "string", shmid: "number", offset: "number", data: "object" },
  signal: { sig: "string" },
  lost: { count: "number" },
  end: { status: "number" },
};

function isEvent(value: unknown): value is TraceEvent {
  if (typeof value !== "object" || value === null) return false;
  const event = value as Record<string, unknown>;
  const needed = typeof event.ev === "string" && Object.hasOwn(NEEDED, event.ev)
    ? NEEDED[event.ev as TraceEvent["ev"]]
    : undefined;
  return needed !== undefined && Number.isFinite(event.t) && Number.isInteger(event.pid) &&
    Object.entries(needed).every(([name, type]) => typeof event[name] === type && event[name] !== null);
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
 * import { parseTrace } from "./mod.ts";
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
      if (isEvent(event)) events.push(event);
    } catch {
      // torn
    }
  }
  return events.sort((a, b) => a.t - b.t);
}
