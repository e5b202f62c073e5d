/**
 * Reading traces.
 *
 * @module
 */
import { asString } from "../native/check.ts";
import type { TraceEvent } from "./event.ts";
import { isEvent } from "./shape.ts";

/**
 * Reads the events of an `IPC_TRACE` file, in the order they happened.
 *
 * A line that a process could not finish, because it was killed or because it is writing just now, is left out, and so
 * is everything else that has not the form of an event in all its parts.
 *
 * @param text The file's content.
 * @returns The events of all processes, by time.
 * @throws {LibcError} `EINVAL` what is no text.
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
  for (const line of asString(text, "parseTrace", "text").split("\n")) {
    try {
      const event = JSON.parse(line);
      if (isEvent(event)) events.push(event);
    } catch {
      // torn, or nested too deeply
    }
  }
  return events.sort((a, b) => a.t - b.t);
}
