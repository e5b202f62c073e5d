/**
 * Where in the program a call stands.
 *
 * @module
 */
import type { TracedPlace } from "./event.ts";

/** Where the library's own files are: what calls from there is not what one wants to know. */
const LIBRARY = URL.parse("../", import.meta.url)?.href ?? import.meta.url; // a bundle may be a data: URL

/** What V8 tells of a frame of the stack. */
interface CallSite {
  getScriptNameOrSourceURL(): string | null | undefined;
  getFileName(): string | null | undefined;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
}

const USUAL = 4; // frames of the library between a program and a call, and the program's own
const DEEPEST = 20;

// frames as they are cost a third of their text
const asTheyAre = (_error: unknown, sites: CallSite[]) => sites;

const constructor = Error as unknown as { prepareStackTrace?: unknown; stackTraceLimit: number };
const { captureStackTrace } = Error;

/**
 * The nearest place outside of the library from which this is being called; undefined if there is none in sight.
 *
 * @param below A function whose caller is where to begin: each frame costs.
 */
export function place(below: (...args: never[]) => unknown = place): TracedPlace | undefined {
  const { prepareStackTrace, stackTraceLimit } = constructor;
  try {
    constructor.prepareStackTrace = asTheyAre;
    for (const limit of [USUAL, DEEPEST]) {
      constructor.stackTraceLimit = limit;
      const holder: { stack?: unknown } = {};
      captureStackTrace(holder, below);
      const sites = holder.stack;
      if (!Array.isArray(sites)) return undefined;
      for (const site of sites as CallSite[]) {
        const file = urlOf(site);
        if (file === undefined || file.startsWith(LIBRARY)) continue;
        return { file, line: site.getLineNumber() ?? 0, column: site.getColumnNumber() ?? 0 };
      }
      if (sites.length < limit) return undefined;
    }
  } finally {
    constructor.prepareStackTrace = prepareStackTrace;
    constructor.stackTraceLimit = stackTraceLimit;
  }
}

/** A frame's file, unless it is one of the runtime's own. */
function urlOf(site: CallSite): string | undefined {
  const name = (site.getFileName() ?? site.getScriptNameOrSourceURL())?.toWellFormed();
  if (!name || name.startsWith("ext:") || name.startsWith("node:")) return undefined;
  return name.startsWith("/") ? `file://${name.split("/").map(encodeURIComponent).join("/")}` : name;
}
