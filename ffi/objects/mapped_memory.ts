/**
 * What mappings of files and of memory objects have in common.
 *
 * @module
 */
import { MAP_PRIVATE, MAP_SHARED, mlock, mmap, munlock, munmap, PROT_READ, PROT_WRITE } from "../libc/sys/mman.ts";
import { fstat, struct_stat } from "../libc/sys/stat.ts";
import { close } from "../libc/unistd.ts";
import { LibcError } from "../errors.ts";
import { hold, isAttached, type Memory, ReadOnlyMemory, wholeOf } from "../native/memory.ts";
import { known, optionsOf } from "../native/options.ts";
import { type Owner, present, readBytes, readText, writable, writeBytes, writeText } from "./_contents.ts";
import type { MemoryObject } from "./memory_object.ts";

/** How {@linkcode MappedMemory} maps. */
export interface Mapping {
  /** How many bytes. */
  readonly length: number;
  /** Where in the file they begin. */
  readonly offset?: number;
  /** For reading only. */
  readonly readOnly?: boolean;
  /** What is written stays with this process. */
  readonly private?: boolean;
}

const MAPPING = known<Mapping>(({ length, offset, readOnly, private: own }) => ({
  length,
  offset,
  readOnly,
  private: own,
}));

/** The memory of an object, which must be there. */
export let presentOf: (object: MappedMemory, method: string) => Memory;
/** Where in its file the memory of an object ends. */
export let endOf: (object: MappedMemory) => number;
/** Does something to the file of an object and maps it anew. The arrays of before are empty then. */
export let mapAnew: (object: MappedMemory, method: string, change: () => void, how: Mapping) => void;

/** Memory that is mapped from a descriptor, `mmap(2)`: a {@linkcode PosixSharedMemory} or a {@linkcode MappedFile}. */
export abstract class MappedMemory implements MemoryObject {
  #fd: number;
  #memory: Memory;
  /** Where in its file what was mapped first ends. */
  readonly #end: number;
  readonly #owner: Owner;

  /**
   * Maps a descriptor, which is the object's from then on.
   *
   * @param fd The descriptor.
   * @param how What of it, and for what.
   * @param of The class, for errors.
   * @param kind What it is, for errors.
   * @param what Which one, for errors.
   * @throws {LibcError} As {@linkcode mmap}.
   */
  protected constructor(fd: number, how: Mapping, of: string, kind: string, what: string) {
    const right = how !== undefined && [of, kind, what].every((text) => typeof text === "string");
    if (!right) throw new LibcError("mmap", "EINVAL", "use the functions of the classes that extend this one");
    const taken = optionsOf(how, MAPPING, "mmap");
    this.#memory = map(fd, taken);
    this.#end = (taken.offset ?? 0) + this.#memory.length;
    this.#fd = fd;
    this.#owner = { of, kind, what, how: "mapped" };
    hold(this, this.#memory);
  }

  /** Its descriptor, to be inherited or sent to others; -1 once it is disposed of. */
  get fd(): number {
    return this.#fd;
  }

  /** Size in bytes: of what is mapped. 0 once it is detached. */
  get size(): number {
    return isAttached(this.#memory) ? this.#memory.length : 0;
  }

  /** Its permissions, as in `chmod(1)`. */
  get mode(): number {
    return stat(this.#fd).st_mode & 0o7777;
  }

  /** Whether it is mapped by this handle. */
  get attached(): boolean {
    return isAttached(this.#memory);
  }

  /** Whether it may only be read. */
  get readOnly(): boolean {
    return this.#memory instanceof ReadOnlyMemory;
  }

  /**
   * The memory itself: what another process writes shows here at once. It is empty once it is detached. What works on another
   * thread doesn't hear of that: see {@linkcode SharedMemory.bytes}.
   *
   * @throws {LibcError} `EACCES` mapped for reading only: use {@linkcode read}; `EINVAL` detached.
   */
  get bytes(): Uint8Array {
    return writable(this.#memory, this.#owner, "bytes");
  }

  /**
   * Copies bytes out.
   *
   * @param offset The first byte; 0 unless given.
   * @param length How many bytes; all that follow unless given.
   * @returns A copy.
   * @throws {LibcError} `EINVAL` outside of the memory, or detached; `EFAULT` the file has become shorter.
   */
  read(offset?: number, length?: number): Uint8Array<ArrayBuffer> {
    return readBytes(this.#memory, this.#owner, offset, length);
  }

  /**
   * Copies bytes in.
   *
   * @param data The bytes, or text that is written as UTF-8, without a NUL at its end.
   * @param offset Where the first byte goes; 0 unless given.
   * @throws {LibcError} `EINVAL` more than fits, or detached; `EACCES` mapped for reading only; `EFAULT` as {@linkcode read}.
   */
  write(data: Uint8Array | string, offset?: number): void {
    writeBytes(this.#memory, this.#owner, data, offset);
  }

  /**
   * Reads text up to its NUL, or to the end, as UTF-8.
   *
   * @param offset Where the text starts; 0 unless given.
   * @returns The text, without the NUL.
   * @throws {LibcError} As {@linkcode read}.
   */
  readString(offset?: number): string {
    return readText(this.#memory, this.#owner, offset);
  }

  /**
   * Writes text as UTF-8, with a NUL behind it, as C programs expect it.
   *
   * @param text The text.
   * @param offset Where it goes; 0 unless given.
   * @throws {LibcError} As {@linkcode write}.
   */
  writeString(text: string, offset?: number): void {
    writeText(this.#memory, this.#owner, text, offset);
  }

  /**
   * Keeps the memory out of swap, `mlock(2)`.
   *
   * @throws {LibcError} `ENOMEM`, `EPERM` more than `RLIMIT_MEMLOCK` allows; `EINVAL` detached.
   */
  lock(): void {
    mlock(present(this.#memory, this.#owner, "lock"));
  }

  /**
   * Lets it be swapped again, `munlock(2)`.
   *
   * @throws {LibcError} `EINVAL` detached.
   */
  unlock(): void {
    munlock(present(this.#memory, this.#owner, "unlock"));
  }

  /**
   * Unmaps the memory. Every array over it is empty from then on; what it is of stays.
   *
   * @throws {LibcError} `EINVAL` it is detached already; `EBUSY` as {@linkcode munmap}.
   */
  detach(): void {
    munmap(this.#memory);
  }

  /** Unmaps the memory, and closes the descriptor. */
  [Symbol.dispose](): void {
    const fd = this.#fd;
    this.#fd = -1;
    try {
      if (isAttached(this.#memory)) munmap(this.#memory);
    } finally {
      if (fd >= 0) close(fd);
    }
  }

  static {
    endOf = (object) => object.#end;
    presentOf = (object, method) => present(object.#memory, object.#owner, method);
    mapAnew = (object, method, change, how) => {
      const before = presentOf(object, method);
      // nobody may need the mapping of before
      wholeOf(before, `${object.#owner.of}.${method}`, "mapping");
      change();
      const memory = map(object.#fd, how);
      try {
        munmap(before);
      } catch (error) {
        munmap(memory);
        throw error;
      }
      object.#memory = memory;
      hold(object, memory);
    };
  }
}

function map(fd: number, { length, offset = 0, readOnly = false, private: own = false }: Mapping): Memory {
  const flags = own ? MAP_PRIVATE : MAP_SHARED;
  return mmap(null, length, readOnly ? PROT_READ : PROT_READ | PROT_WRITE, flags, fd, offset);
}

/** What the kernel knows about a descriptor. */
function stat(fd: number): struct_stat {
  const found = new struct_stat();
  fstat(fd, found);
  return found;
}

/** Throws unless a size is one. */
export function checkSize(size: number, syscall: string, name = "size"): void {
  if (Number.isSafeInteger(size) && size > 0) return;
  throw new LibcError(syscall, "EINVAL", `${name} must be a positive integer`);
}
