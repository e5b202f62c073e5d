/**
 * Where in the program a call stands.
 *
 * @module
 */
import { type CallSite, callSites } from "../native/stack.ts";
import type { TracedPlace } from "./event.ts";

/** Where the library's own files are: what calls from there is not what one wants to know. */
const LIBRARY = URL.parse("../", import.meta.url)?.href ?? import.meta.url; // a bundle may be a data: URL

const USUAL = 4; // frames of the library between a program and a call, and the program's own
const DEEPEST = 20;

/**
 * The nearest place outside of the library from which this is being called; undefined if there is none in sight.
 *
 * @param below A function whose caller is where to begin: each frame costs.
 */
export function place(below: (...args: never[]) => unknown = place): TracedPlace | undefined {
  for (const limit of [USUAL, DEEPEST]) {
    const sites = callSites(below, limit);
    if (typeof sites === "string") return undefined;
    for (const site of sites) {
      const file = urlOf(site);
      if (file === undefined || file.startsWith(LIBRARY)) continue;
      return { file, line: site.getLineNumber() ?? 0, column: site.getColumnNumber() ?? 0 };
    }
    if (sites.length < limit) return undefined;
  }
}

/** A frame's file, unless it is one of the runtime's own. */
function urlOf(site: CallSite): string | undefined {
  const name = (site.getFileName() ?? site.getScriptNameOrSourceURL())?.toWellFormed();
  if (!name || name.startsWith("ext:") || name.startsWith("node:")) return undefined;
  return name.startsWith("/") ? `file://${name.split("/").map(encodeURIComponent).join("/")}` : name;
}
