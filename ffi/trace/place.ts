/**
 * Where in the program a call stands.
 *
 * @module
 */
import type { TracedPlace } from "./event.ts";

/** Where the library's own files are: what calls from there is not what one wants to know. */
const LIBRARY = new URL("../", import.meta.url).href;

/** What V8 tells of a frame of the stack. */
interface CallSite {
  getScriptNameOrSourceURL(): string | null | undefined;
  getFileName(): string | null | undefined;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
}

const DEEPEST = 16; // frames of the library between a program and a call

// frames as they are cost a third of their text
const asTheyAre = (_error: Error, sites: CallSite[]) => sites;

/** The nearest place outside of the library from which this is being called; undefined if there is none in sight. */
export function place(): TracedPlace | undefined {
  const constructor = Error as unknown as { prepareStackTrace?: unknown; stackTraceLimit: number };
  const { prepareStackTrace, stackTraceLimit } = constructor;
  let sites: unknown;
  try {
    constructor.prepareStackTrace = asTheyAre;
    constructor.stackTraceLimit = DEEPEST;
    sites = new Error().stack;
  } finally {
    constructor.prepareStackTrace = prepareStackTrace;
    constructor.stackTraceLimit = stackTraceLimit;
  }
  if (!Array.isArray(sites)) return undefined;
  for (const site of sites as CallSite[]) {
    const file = urlOf(site);
    if (file === undefined || file.startsWith(LIBRARY)) continue;
    return { file, line: site.getLineNumber() ?? 0, column: site.getColumnNumber() ?? 0 };
  }
}

/** A frame's file, unless it is one of the runtime's own. */
function urlOf(site: CallSite): string | undefined {
  const name = site.getFileName() ?? site.getScriptNameOrSourceURL();
  if (!name || name.startsWith("ext:") || name.startsWith("node:")) return undefined;
  return name.startsWith("/") ? `file://${name.split("/").map(encodeURIComponent).join("/")}` : name;
}
