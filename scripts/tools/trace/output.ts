/**
 * Files that a command writes: it is found out before the work begins whether they can be written.
 *
 * @module
 */
import { Failure, reasonOf, USAGE } from "../shared/failure.ts";

const encoder = new TextEncoder();

/** A file that is open for writing; its content stays until something is written. */
export class Output implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  /** It was not there before. */
  readonly #isNew: boolean;
  #written = false;

  /** Opens it, or says in a line why that can't be. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#isNew = !exists(path);
      this.#file = Deno.openSync(path, { write: true, create: true });
    } catch (error) {
      throw new Failure(`${path}: ${reasonOf(error)}`, USAGE);
    }
  }

  /** Writes behind what was written before. */
  write(text: string): void {
    try {
      // only a file can be shortened, and need be
      if (!this.#written && this.#file.statSync().isFile) this.#file.truncateSync();
      this.#written = true;
      let bytes = encoder.encode(text);
      while (bytes.length > 0) bytes = bytes.subarray(this.#file.writeSync(bytes));
    } catch (error) {
      throw new Failure(`${this.#path}: ${reasonOf(error)}`);
    }
  }

  /** Closes it. If nothing was written, the file is as it was before. */
  [Symbol.dispose](): void {
    this.#file.close();
    if (this.#written || !this.#isNew) return;
    try {
      Deno.removeSync(this.#path);
    } catch {
      // somebody else was faster
    }
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
