/**
 * The calls within which something is called, as V8 tells them, whatever the program has done to `Error`.
 *
 * @module
 */

/** What V8 tells of a frame of the stack. */
export interface CallSite {
  getScriptNameOrSourceURL(): string | null | undefined;
  getFileName(): string | null | undefined;
  getFunctionName(): string | null | undefined;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
}

// the one whose settings V8 looks at
const constructor = Error;
const { captureStackTrace } = Error;

// frames as they are cost a third of their text
const asTheyAre = (_error: unknown, sites: CallSite[]) => sites;

/**
 * The calls, the innermost first; their text, if `Error` is frozen.
 *
 * @param below A function whose caller is where to begin: each frame costs.
 * @param most How many.
 */
export function callSites(below: (...args: never[]) => unknown, most: number): CallSite[] | string {
  const { prepareStackTrace, stackTraceLimit } = constructor as unknown as Record<string, unknown>;
  try {
    Reflect.set(constructor, "prepareStackTrace", asTheyAre);
    Reflect.set(constructor, "stackTraceLimit", most);
    const holder: { stack?: unknown } = {};
    captureStackTrace(holder, below);
    return Array.isArray(holder.stack) ? holder.stack : String(holder.stack);
  } finally {
    Reflect.set(constructor, "prepareStackTrace", prepareStackTrace);
    Reflect.set(constructor, "stackTraceLimit", stackTraceLimit);
  }
}
