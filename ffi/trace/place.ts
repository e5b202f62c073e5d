/**
 * Where in the program a call stands.
 *
 * @module
 */
import type { TracedPlace } from "./event.ts";

/** Where the library's own files are: what calls from there is not what one wants to know. */
const LIBRARY = new URL("../", import.meta.url).href;

// at name (file:///x.ts:1:2)   at file:///x.ts:1:2
const FRAME = /^ *at (?:.* \()?((?:file|https?|data|blob|npm|jsr):.*):(\d+):(\d+)\)?$/;

const DEEPEST = 16; // frames of the library between a program and a call

/** The nearest place outside of the library from which this is being called; undefined if there is none in sight. */
export function place(): TracedPlace | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = DEEPEST;
  const { stack } = new Error();
  Error.stackTraceLimit = limit;
  if (typeof stack !== "string") return undefined;
  for (const row of stack.split("\n")) {
    const [, file, line, column] = FRAME.exec(row) ?? [];
    if (file !== undefined && !file.startsWith(LIBRARY)) return { file, line: Number(line), column: Number(column) };
  }
}
