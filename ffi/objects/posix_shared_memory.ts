/**
 * POSIX shared memory for people who don't want to think in C.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import {
  F_ADD_SEALS,
  F_GET_SEALS,
  F_GETFL,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  fcntl,
  O_ACCMODE,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
} from "../libc/fcntl.ts";
import { memfd_create, MFD_ALLOW_SEALING, MFD_CLOEXEC, shm_open, shm_unlink } from "../libc/sys/mman.ts";
import { fstat, struct_stat } from "../libc/sys/stat.ts";
import { close, ftruncate } from "../libc/unistd.ts";
import { shown } from "../native/check.ts";
import { known, optionsOf } from "../native/options.ts";
import { undisturbed } from "../native/removal.ts";
import { checkMode, isCode } from "./_common.ts";
import { forgetMade, noteMade, removeMade } from "./_made.ts";
import { checkSize, mapAnew, MappedMemory, presentOf } from "./mapped_memory.ts";
import type { AttachOptions } from "./shared_memory.ts";

/** How {@linkcode PosixSharedMemory.create} makes an object. */
export interface PosixSharedMemoryOptions {
  /** Who may use it, as in `chmod(1)`, less the umask; by default only its owner, `0o600`. */
  mode?: number;
  /** Fail with `EEXIST` if there is one of this name already (the default); `false` takes that one, as it is. */
  exclusive?: boolean;
}

/** How {@linkcode PosixSharedMemory.anonymous} makes one. */
export interface AnonymousOptions {
  /** What `/proc/self/fd` shows of it, for people. */
  name?: string;
  /** Whether programs that this process starts inherit its descriptor; not unless given. */
  inherited?: boolean;
}

/** What a memory file can be kept from, for all and for good: see {@linkcode PosixSharedMemory.seal}. */
export type Seal = "grow" | "shrink" | "write" | "seal";

const SEALS = new Map<unknown, number>([
  ["grow", F_SEAL_GROW],
  ["shrink", F_SEAL_SHRINK],
  ["write", F_SEAL_WRITE],
  ["seal", F_SEAL_SEAL],
]);

const CREATE = known<PosixSharedMemoryOptions>(({ mode, exclusive }) => ({ mode, exclusive }));
const OPEN = known<AttachOptions>(({ readOnly }) => ({ readOnly }));
const ANONYMOUS = known<AnonymousOptions>(({ name, inherited }) => ({ name, inherited }));

/**
 * A POSIX shared memory object, mapped by this process: see `shm_overview(7)`.
 *
 * It has a name that others find it by (Python's `multiprocessing.shared_memory` and Boost.Interprocess make such objects, too), or
 * none ({@linkcode anonymous}) and is passed on by its descriptor. One with a name is the system's and outlives the process,
 * unless the handle that made it is disposed of (`using`) or {@linkcode remove} is called.
 *
 * Nothing keeps two processes from writing at the same time.
 *
 * @example
 * ```ts
 * import { PosixSharedMemory } from "./mod.ts";
 *
 * const name = `/example-${crypto.randomUUID()}`;
 * using made = PosixSharedMemory.create(name, 4096);
 * made.writeString("Writing to shared memory");
 *
 * using found = PosixSharedMemory.open(name, { readOnly: true });
 * console.log(found.readString(), found.size); // Writing to shared memory 4096
 * ```
 */
export class PosixSharedMemory extends MappedMemory {
  readonly #name: string | undefined;

  private constructor(fd: number, name: string | undefined, readOnly = false) {
    if (name !== undefined) checkName(name);
    const length = sizeOf(fd, name);
    // what nobody may write to is the same in private, which all kernels allow
    const sealed = sealsOf(fd) & F_SEAL_WRITE;
    const how = { length, readOnly: readOnly || sealed !== 0, private: sealed !== 0 };
    super(fd, how, "PosixSharedMemory", "object", name ?? `descriptor ${fd}`);
    this.#name = name;
  }

  /**
   * Makes an object of zeros and maps it.
   *
   * @param name A slash and up to 254 bytes without one.
   * @param size Size in bytes.
   * @param options Permissions, and whether an existing object will do.
   * @returns The object; disposing of it removes it, unless it was there before.
   * @throws {LibcError} `EEXIST`; `EACCES`; `EINVAL` no such name or size, or an existing object is smaller; `EMFILE`; `ENOMEM`;
   * `ENAMETOOLONG`.
   */
  static create(name: string, size: number, options?: PosixSharedMemoryOptions): PosixSharedMemory {
    const { mode = 0o600, exclusive = true } = optionsOf(options, CREATE, "shm_open");
    checkName(name);
    checkSize(size, "shm_open");
    checkMode(mode, "shm_open");
    return undisturbed(() => {
      const [fd, made] = obtain(name, mode, exclusive);
      try {
        if (made) ftruncate(fd, size);
        const object = new PosixSharedMemory(fd, name);
        if (made) noteMade(object, { path: `/dev/shm${name}` }, () => unlinked(name));
        else if (object.size < size) {
          const found = object.size;
          object.detach();
          throw new LibcError("shm_open", "EINVAL", `${name} has ${found} bytes, fewer than ${size}`);
        }
        return object;
      } catch (error) {
        if (made) unlinked(name);
        close(fd);
        throw error;
      }
    })();
  }

  /**
   * Maps the object of a name.
   *
   * @param name The name that it was made with.
   * @param options Whether to map it for reading only.
   * @returns The object; disposing of it leaves it in the system.
   * @throws {LibcError} `ENOENT` there is none; `EACCES`; `EINVAL` no such name, or it has no bytes yet.
   */
  static open(name: string, options?: AttachOptions): PosixSharedMemory {
    const { readOnly } = optionsOf(options, OPEN, "shm_open");
    checkName(name);
    const fd = shm_open(name, readOnly ? O_RDONLY : O_RDWR);
    return closedUnless(fd, () => new PosixSharedMemory(fd, name, readOnly));
  }

  /**
   * Makes memory without a name, `memfd_create(2)`: it is gone with its last descriptor and mapping. Others get it by inheriting
   * {@linkcode fd}, or by being sent it.
   *
   * @param size Size in bytes.
   * @param options What it is called for people, and whether programs inherit it.
   * @returns The object.
   * @throws {LibcError} `EINVAL` no such size; `EMFILE`; `ENOMEM`.
   *
   * @example
   * ```ts
   * import { dup, PosixSharedMemory } from "./mod.ts";
   *
   * using memory = PosixSharedMemory.anonymous(100);
   * using other = PosixSharedMemory.fromFd(dup(memory.fd));
   * memory.writeString("hello");
   * console.log(other.readString()); // hello
   * ```
   */
  static anonymous(size: number, options?: AnonymousOptions): PosixSharedMemory {
    const { name = "deno", inherited = false } = optionsOf(options, ANONYMOUS, "memfd_create");
    checkSize(size, "memfd_create");
    const fd = memfd_create(name, MFD_ALLOW_SEALING | (inherited ? 0 : MFD_CLOEXEC));
    return closedUnless(fd, () => {
      ftruncate(fd, size);
      return new PosixSharedMemory(fd, undefined);
    });
  }

  /**
   * Takes over a descriptor, such as one that was inherited or received.
   *
   * @param fd A descriptor of a memory file or object. What it is not open for writing to is mapped for reading only.
   * @returns The object, which closes it.
   * @throws {LibcError} `EBADF`; `EINVAL` it has no bytes; `EACCES`, `ENODEV` it cannot be mapped.
   */
  static fromFd(fd: number): PosixSharedMemory {
    return new PosixSharedMemory(fd, undefined, (fcntl(fd, F_GETFL) & O_ACCMODE) === O_RDONLY);
  }

  /** The name that others find it by; `undefined` if it has none. */
  get name(): string | undefined {
    return this.#name;
  }

  /**
   * Makes it larger or smaller, `ftruncate(2)`, and maps it anew: arrays and records over the memory of before are empty from then on.
   * Others go on with what they have mapped; what is cut off reads as zeros for this library, and ends a C program.
   *
   * @param size The new size in bytes.
   * @throws {LibcError} `EINVAL` no such size, detached, or for reading only; `EPERM` it is sealed; `EBUSY` something in it is in use.
   */
  resize(size: number): void {
    checkSize(size, "PosixSharedMemory.resize");
    mapAnew(this, "resize", () => ftruncate(this.fd, size), {
      length: size,
      readOnly: this.readOnly,
      private: (sealsOf(this.fd) & F_SEAL_WRITE) !== 0,
    });
  }

  /**
   * Keeps memory without a name from changes, for all who have it and for good, `F_ADD_SEALS` of `fcntl(2)`.
   *
   * `"write"` needs that nobody has it mapped for writing; this handle's own mapping is for reading only afterwards, and the arrays
   * over it are empty.
   *
   * @param seals What is no longer possible: to `"grow"`, to `"shrink"`, to `"write"`; `"seal"`: to seal further.
   * @throws {LibcError} `EPERM` it is sealed against that; `EBUSY` somebody has it mapped for writing; `EINVAL` no such seal, it has
   * a name, or it is detached.
   *
   * @example
   * ```ts
   * import { PosixSharedMemory } from "./mod.ts";
   *
   * using memory = PosixSharedMemory.anonymous(100);
   * memory.writeString("constant");
   * memory.seal("grow", "shrink", "write");
   * console.log(memory.readOnly, memory.readString(), memory.seals.join()); // true constant grow,shrink,write
   * ```
   */
  seal(...seals: Seal[]): void {
    let flags = 0;
    for (const seal of seals) {
      const flag = SEALS.get(seal);
      if (flag === undefined) {
        const names = [...SEALS.keys()].join(", ");
        throw new LibcError("PosixSharedMemory.seal", "EINVAL", `no seal ${shown(seal)}, only ${names}`);
      }
      flags |= flag;
    }
    presentOf(this, "seal");
    if (flags & F_SEAL_WRITE && !this.readOnly) {
      // it must not be mapped for writing, so its own mapping is private meanwhile
      const { size: length } = this;
      mapAnew(this, "seal", () => {}, { length, readOnly: true, private: true });
      try {
        fcntl(this.fd, F_ADD_SEALS, flags);
      } catch (error) {
        mapAnew(this, "seal", () => {}, { length });
        throw error;
      }
    } else fcntl(this.fd, F_ADD_SEALS, flags);
  }

  /** What it is sealed against. */
  get seals(): Seal[] {
    const flags = sealsOf(this.fd);
    return [...SEALS].filter(([, flag]) => flags & flag).map(([name]) => name as Seal);
  }

  /**
   * Removes its name, `shm_unlink(3)`. Who has mapped it may go on with it.
   *
   * @throws {LibcError} `ENOENT` it is removed already; `EACCES`; `EINVAL` it has no name.
   */
  remove(): void {
    if (this.#name === undefined) throw new LibcError("shm_unlink", "EINVAL", "it has no name");
    shm_unlink(this.#name);
    forgetMade(this);
  }

  /** Unmaps it, closes its descriptor, and removes it if this handle made it, in this process. */
  override [Symbol.dispose](): void {
    try {
      super[Symbol.dispose]();
    } finally {
      removeMade(this);
    }
  }
}

function checkName(name: string): void {
  if (typeof name === "string" && /^\/[^/\0]+$/.test(name) && name !== "/." && name !== "/..") return;
  throw new LibcError("shm_open", "EINVAL", `the name must be a slash and others, got ${shown(name)}`);
}

/** Finds or makes an object, and tells which. */
function obtain(name: string, mode: number, exclusive: boolean): [fd: number, made: boolean] {
  while (true) {
    try {
      return [shm_open(name, O_RDWR | O_CREAT | O_EXCL, mode), true];
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
      if (exclusive) {
        const hint = "open() finds it, exclusive: false takes it, shm_unlink() removes it";
        throw new LibcError("shm_open", "EEXIST", `${name} is taken: ${hint}`);
      }
    }
    try {
      return [shm_open(name, O_RDWR), false];
    } catch (error) {
      // somebody removed it between the two calls: make it, then
      if (!isCode(error, "ENOENT")) throw error;
    }
  }
}

/** Removes a name; it is fine if it is gone already. */
function unlinked(name: string): void {
  try {
    shm_unlink(name);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
}

function sizeOf(fd: number, name: string | undefined): number {
  const stat = new struct_stat();
  fstat(fd, stat);
  if (stat.st_size > 0) return stat.st_size;
  throw new LibcError("mmap", "EINVAL", `${name ?? `descriptor ${fd}`} has no bytes to map`);
}

/** Its seals; none for what cannot be sealed. */
function sealsOf(fd: number): number {
  try {
    return fcntl(fd, F_GET_SEALS);
  } catch (error) {
    if (isCode(error, "EINVAL")) return 0;
    throw error;
  }
}

function closedUnless<T>(fd: number, made: () => T): T {
  try {
    return made();
  } catch (error) {
    close(fd);
    throw error;
  }
}
