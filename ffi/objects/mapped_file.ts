/**
 * Files as memory.
 *
 * @module
 */
import { abortable } from "../abort.ts";
import { LibcError } from "../errors.ts";
import { O_CLOEXEC, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, open } from "../libc/fcntl.ts";
import { MS_SYNC, msync, msyncElsewhere } from "../libc/sys/mman.ts";
import { fstat, S_IFMT, S_IFREG, struct_stat } from "../libc/sys/stat.ts";
import { close, ftruncate } from "../libc/unistd.ts";
import { shown } from "../native/check.ts";
import { canCallOff } from "../native/elsewhere.ts";

import { known, optionsOf } from "../native/options.ts";
import { stayOf } from "./_cells.ts";
import { checkMode, waitOptionsOf } from "./_common.ts";
import { checkSize, endOf, MappedMemory, type Mapping, presentOf } from "./mapped_memory.ts";
import type { WaitOptions } from "./options.ts";

/** How {@linkcode MappedFile.open} maps a file. */
export interface MappedFileOptions {
  /** For reading only. */
  readOnly?: boolean;
  /** What is written stays with this process, and never gets to the file. */
  private?: boolean;
  /** Where in the file the memory begins: a multiple of the page size; 0 unless given. */
  offset?: number;
  /** How many bytes; all that follow unless given. */
  length?: number;
  /** Make the file if there is none, or make it longer: it has at least so many bytes then. It stays when the object is disposed of. */
  size?: number;
  /** Permissions of a file that is made, less the umask; `0o600` unless given. */
  mode?: number;
}

const WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const OPEN = known<MappedFileOptions>(({ readOnly, private: own, offset, length, size, mode }) => ({
  readOnly,
  private: own,
  offset,
  length,
  size,
  mode,
}));

/**
 * A file as memory, `mmap(2)`: what is written is in the file for all others at once, and on its disk after {@linkcode flush}.
 *
 * A file can become shorter than its mapping. What is gone reads as zeros then, and once that was touched, methods throw
 * `EFAULT`; {@linkcode truncated} asks for it beforehand.
 *
 * @example
 * ```ts
 * import { MappedFile } from "./mod.ts";
 *
 * const path = Deno.makeTempFileSync();
 * using file = MappedFile.open(path, { size: 100 });
 * file.write("hello");
 * await file.flush();
 * console.log(Deno.readTextFileSync(path).slice(0, 5), file.truncated); // hello false
 * Deno.removeSync(path);
 * ```
 */
export class MappedFile extends MappedMemory {
  readonly #path: string;

  private constructor(fd: number, how: Mapping, path: string) {
    super(fd, how, "MappedFile", "mapping", path);
    this.#path = path;
  }

  /**
   * Maps a file.
   *
   * @param path Its path.
   * @param options What of it, and for what.
   * @returns The mapping.
   * @throws {LibcError} `ENOENT`; `EACCES`; `EINVAL` no bytes there, or an offset inside a page; `ENODEV` it is no file;
   * `ENOMEM`; `EFBIG`.
   */
  static open(path: string, options?: MappedFileOptions): MappedFile {
    const taken = optionsOf(options, OPEN, "mmap");
    if (typeof path !== "string") throw new LibcError("open", "EINVAL", `path must be a string, got ${shown(path)}`);
    const { readOnly = false, private: own = false, offset = 0, size, mode = 0o600 } = taken;
    if (size !== undefined) {
      checkSize(size, "ftruncate");
      if (readOnly || own) throw new LibcError("ftruncate", "EINVAL", "a size is for what may be written to");
    }
    checkMode(mode, "open");
    if (offset !== 0) checkSize(offset, "mmap", "offset");
    if (taken.length !== undefined) checkSize(taken.length, "mmap", "length");
    // O_NONBLOCK: a FIFO would have it wait
    const access = readOnly || own ? O_RDONLY : O_RDWR;
    const fd = open(path, access | O_CLOEXEC | O_NONBLOCK | (size === undefined ? 0 : O_CREAT), mode);
    try {
      let total = lengthOf(fd, path);
      if (size !== undefined && total < size) {
        ftruncate(fd, size);
        total = size;
      }
      const { length = total - offset } = taken;
      if (length <= 0 || offset + length > total) {
        throw new LibcError(
          "mmap",
          "EINVAL",
          `${length} bytes at ${offset} are not inside the ${total} bytes of ${path}`,
        );
      }
      return new MappedFile(fd, { length, offset, readOnly, private: own }, path);
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  /** The path that it was opened by. */
  get path(): string {
    return this.#path;
  }

  /** Whether its file has become shorter than the mapping. */
  get truncated(): boolean {
    return lengthOf(this.fd, this.#path) < endOf(this);
  }

  /**
   * Has what was written be on the file's disk, `msync(2)`, and waits for that on another thread. The memory cannot be detached
   * until then.
   *
   * @param options A signal to wait no longer; it is written all the same.
   * @throws {LibcError} `EIO`; `EINVAL` detached; `EOPNOTSUPP` in a forked child.
   */
  async flush(options?: WaitOptions): Promise<void> {
    const { signal } = waitOptionsOf(options, WAIT, "msync");
    signal?.throwIfAborted();
    const memory = presentOf(this, "flush");
    const release = stayOf(memory, "a flush");
    const call = canCallOff() ? msyncElsewhere(memory, MS_SYNC) : undefined;
    if (call === undefined) {
      release();
      return msync(memory, MS_SYNC);
    }
    const done = call.result.then((result) => {
      call.back(result);
      release();
      // the cause stays on the other thread
      if (result < 0) msync(presentOf(this, "flush"), MS_SYNC);
    });
    await abortable<void>(signal, (resolve, reject) => {
      done.then(resolve, reject);
      return reject;
    }, "msync");
  }

  /**
   * As {@linkcode flush}, but blocks the program.
   *
   * @throws {LibcError} `EIO`; `EINVAL` detached.
   */
  flushSync(): void {
    msync(presentOf(this, "flushSync"), MS_SYNC);
  }
}

function lengthOf(fd: number, path: string): number {
  const stat = new struct_stat();
  fstat(fd, stat);
  if ((stat.st_mode & S_IFMT) === S_IFREG) return stat.st_size;
  throw new LibcError("mmap", "ENODEV", `${path} is no file that can be mapped`);
}
