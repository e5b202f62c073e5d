/**
 * Where a trace is kept while its programs run: a directory of its own, which is gone at the end, however that comes.
 *
 * @module
 */

import { Failure, reasonOf } from "../shared/failure.ts";

const PREFIX = "ipc-trace-";
const LOCK = "lock"; // a file that is locked as long as its process lives
const DAY_MS = 86_400_000;

/** A directory for a trace. Those of processes that were killed are removed when the next one is made. */
export class Place implements Disposable {
  readonly path: string;
  readonly #lock: Deno.FsFile;
  readonly #remove = () => this[Symbol.dispose]();

  constructor() {
    try {
      this.path = Deno.makeTempDirSync({ prefix: PREFIX });
    } catch (error) {
      throw new Failure(`no place for the trace: ${reasonOf(error)}`);
    }
    // Deno.exit() comes by here
    globalThis.addEventListener("unload", this.#remove);
    // it has the name by which others know it only when it is locked
    const unnamed = `${this.path}/new`;
    this.#lock = Deno.openSync(unnamed, { write: true, createNew: true });
    this.#lock.lockSync(true);
    Deno.renameSync(unnamed, `${this.path}/${LOCK}`);
    removeAbandoned(this.path.slice(0, this.path.lastIndexOf("/")));
  }

  [Symbol.dispose](): void {
    globalThis.removeEventListener("unload", this.#remove);
    try {
      Deno.removeSync(this.path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    } finally {
      this.#lock?.close();
    }
  }
}

/** Removes this user's own directories whose processes have ended without doing it. */
function removeAbandoned(temporary: string): void {
  try {
    for (const { name, isDirectory } of Deno.readDirSync(temporary)) {
      if (isDirectory && name.startsWith(PREFIX)) removeIfAbandoned(`${temporary}/${name}`);
    }
  } catch {
    // a directory that cannot be listed: then not
  }
}

function removeIfAbandoned(path: string): void {
  try {
    const { isDirectory, uid, mode, mtime } = Deno.lstatSync(path);
    // what only this user can have put something into
    if (!isDirectory || uid !== Deno.uid() || (mode! & 0o777) !== 0o700) return;
    if (isLocked(`${path}/${LOCK}`, Date.now() - mtime!.getTime())) return;
    Deno.removeSync(path, { recursive: true });
  } catch {
    // it is gone already, or is somebody else's
  }
}

/** Tells whether somebody lives who has locked this; who has got no further than to make the directory may still do it. */
function isLocked(path: string, age: number): boolean {
  try {
    if (!Deno.lstatSync(path).isFile) return true;
    using file = Deno.openSync(path, { write: true });
    return !file.tryLockSync(true);
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound) || age < DAY_MS;
  }
}
