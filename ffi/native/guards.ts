/**
 * What is put around the program's own means before it forks, so that its children have what is right for them.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { guardProcess } from "./child.ts";
import { guardUUIDs } from "./random.ts";
import { guardStreams } from "./streams.ts";
import { guardEvents, guardOperations, guardQueues } from "./traps.ts";

let state: "missing" | "there" | "impossible" = "missing";

/** Puts it there, once: `enableFork()` does it before the program can change or freeze anything, else the first fork. */
export function guard(): void {
  if (state === "missing") {
    // not tried again: each would go around what is there already
    state = "impossible";
    try {
      guardProcess();
      guardQueues();
      guardStreams();
      guardEvents();
      guardOperations();
      guardUUIDs();
      state = "there";
    } catch { /* said below */ }
  }
  if (state === "impossible") {
    const what = "Deno, console, crypto or globalThis is frozen, or works no more; call enableFork() before";
    throw new LibcError("fork", "EOPNOTSUPP", what);
  }
}
