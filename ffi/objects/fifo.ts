/**
 * Pipes that have a name in the file system.
 *
 * @module
 */
import { O_CLOEXEC, O_NONBLOCK, O_PATH, O_RDONLY, O_WRONLY, open } from "../libc/fcntl.ts";
import { mkfifo } from "../libc/sys/stat.ts";
import { close } from "../libc/unistd.ts";
import { asString } from "../native/check.ts";
import { known, optionsOf } from "../native/options.ts";
import { linkTarget } from "../native/own.ts";
import { undisturbed } from "../native/removal.ts";
import { checkMode, isCode, waitOptionsOf } from "./_common.ts";
import { removeFile } from "./_descriptor.ts";
import { noteMade, removeMade } from "./_made.ts";
import { BUSY, deadline, LONGEST_PAUSE, pause, sleepSync } from "./_time.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";
import { PipeReader, PipeWriter } from "./pipe.ts";

/** How {@linkcode Fifo.create} makes one. */
export interface FifoOptions {
  /** Who may use it, as in `chmod(1)`, less the umask; by default only its owner, `0o600`. */
  mode?: number;
  /** Fail with `EEXIST` if there is a file of this name already (the default); `false` takes a FIFO that is there, as it is. */
  exclusive?: boolean;
}

const CREATE = known<FifoOptions>(({ mode, exclusive }) => ({ mode, exclusive }));
const WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));

/** What a path means from any directory; where /proc can't say, it stays as it is. */
function absolute(path: string): string {
  if (path === "" || path.startsWith("/")) return path;
  const cwd = linkTarget("/proc/self/cwd");
  return cwd === undefined ? path : `${cwd}/${path}`;
}

/** Opens a FIFO, and takes it over if it is one. */
function end<T>(path: string, flags: number, of: (fd: number) => T): T {
  const fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);
  try {
    return of(fd);
  } catch (error) {
    close(fd);
    throw error;
  }
}

const reader = (path: string) => end(path, O_RDONLY, (fd) => PipeReader.fromFd(fd));

/** The writing end, if somebody reads. */
function writer(path: string): PipeWriter | typeof BUSY {
  try {
    return end(path, O_WRONLY, (fd) => PipeWriter.fromFd(fd));
  } catch (error) {
    if (isCode(error, "ENXIO")) return BUSY;
    throw error;
  }
}

/**
 * A pipe with a name, `fifo(7)`: who knows its path opens an end of it.
 *
 * @example
 * ```ts
 * import { Fifo } from "./mod.ts";
 *
 * using fifo = Fifo.create(`/tmp/example_${crypto.randomUUID()}`);
 * using reader = await fifo.openReader();
 * using writer = await fifo.openWriter();
 * await writer.write("hello");
 * console.log(await reader.read(new Uint8Array(256))); // 5
 * ```
 */
export class Fifo implements Disposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = absolute(asString(path, "open", "path"));
  }

  /** Its path, absolute. */
  get path(): string {
    return this.#path;
  }

  /**
   * Makes a FIFO, `mkfifo(3)`.
   *
   * @param path Where.
   * @param options Permissions, and whether an existing one will do.
   * @returns The FIFO; disposing of it removes its path, unless it was there before.
   * @throws {LibcError} `EEXIST`; `EACCES`; `ENOENT` no such directory; `EINVAL` no such mode, or what is there is no FIFO.
   */
  static create(path: string, options?: FifoOptions): Fifo {
    const { mode = 0o600, exclusive = true } = optionsOf(options, CREATE, "mkfifo");
    checkMode(mode, "mkfifo");
    const fifo = new Fifo(path);
    const made = fifo.#path;
    return undisturbed(() => {
      try {
        mkfifo(made, mode);
      } catch (error) {
        if (exclusive || !isCode(error, "EEXIST")) throw error;
        return Fifo.open(made);
      }
      noteMade(fifo, { path: made }, () => removeFile(made));
      return fifo;
    })();
  }

  /**
   * Names a FIFO that is there.
   *
   * @param path Where.
   * @returns The FIFO; disposing of it leaves it there.
   * @throws {LibcError} `ENOENT`; `EACCES`; `EINVAL` it is something else.
   */
  static open(path: string): Fifo {
    const fifo = new Fifo(path);
    // a writer that waits must not take this for a reader
    end(fifo.#path, O_PATH, (fd) => PipeReader.fromFd(fd)).close();
    return fifo;
  }

  /**
   * Opens the end to read. It does not wait for a writer: the first read does.
   *
   * @param options A signal; it only matters if it is aborted already.
   * @returns The end, to be closed.
   * @throws {LibcError} `ENOENT`; `EACCES`; `EMFILE`; `EINVAL` no FIFO any more; `EOPNOTSUPP` in a forked child.
   */
  // deno-lint-ignore require-await
  async openReader(options?: WaitOptions): Promise<PipeReader> {
    waitOptionsOf(options, WAIT, "open").signal?.throwIfAborted();
    return reader(this.#path);
  }

  /**
   * As {@linkcode openReader}, which does not wait either.
   *
   * @returns The end, to be closed.
   * @throws {LibcError} As {@linkcode openReader}, in a forked child it works.
   */
  openReaderSync(): PipeReader {
    return reader(this.#path);
  }

  /**
   * Opens the end to write, as soon as somebody has it open to read; it looks every few milliseconds.
   *
   * @param options A signal to give up.
   * @returns The end, to be closed.
   * @throws {LibcError} As {@linkcode openReader}.
   */
  async openWriter(options?: WaitOptions): Promise<PipeWriter> {
    const { signal } = waitOptionsOf(options, WAIT, "open");
    signal?.throwIfAborted();
    for (let ms = 1;; ms = Math.min(ms + 1, LONGEST_PAUSE)) {
      const opened = writer(this.#path);
      if (opened !== BUSY) return opened;
      await pause(ms, signal);
    }
  }

  /**
   * As {@linkcode openWriter}, but blocks the program while it waits.
   *
   * @param options For how long.
   * @returns The end, to be closed.
   * @throws {LibcError} `ETIMEDOUT`; otherwise as {@linkcode openReader}.
   */
  openWriterSync(options?: WaitSyncOptions): PipeWriter {
    const limit = deadline(optionsOf(options, SYNC, "open").timeout, "open");
    for (let ms = 1;; ms = Math.min(ms + 1, LONGEST_PAUSE)) {
      const left = limit?.left ?? Infinity;
      const opened = writer(this.#path);
      if (opened !== BUSY) return opened;
      if (left === 0) throw limit!.over();
      sleepSync(Math.min(ms, left));
    }
  }

  /** Removes the path if this object made it, in this process. Ends that are open stay so. */
  close(): void {
    removeMade(this);
  }

  /** How `console.log` shows it: with its path. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    return `Fifo ${inspect({ path: this.#path }, options)}`;
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
