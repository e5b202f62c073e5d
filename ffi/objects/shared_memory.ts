/**
 * Shared memory for people who don't want to think in C.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import { type Memory, ReadOnlyMemory, SHM_RDONLY, shmat, shmdt, shmget, type shmid_ds } from "../libc/sys/shm.ts";
import { byteLengthOf, isBytes } from "../native/bytes.ts";
import { hold, isAttached, read as readMemory, write as writeMemory } from "../native/memory.ts";
import { known, optionsOf } from "../native/options.ts";
import { create, date, find } from "./_system_v.ts";
import { type CreateOptions, IpcObject } from "./ipc_object.ts";

/** How to attach a segment. */
export interface AttachOptions {
  /** Attach for reading only. */
  readOnly?: boolean;
}

const ATTACH = known<AttachOptions>(({ readOnly }) => ({ readOnly }));
const CREATE_AND_ATTACH = known<CreateOptions & AttachOptions>(({ key, mode, exclusive, readOnly }) => ({
  key,
  mode,
  exclusive,
  readOnly,
}));

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * A shared memory segment, attached to this process: see `svipc(7)`, `shmget(2)`, `shmat(2)`.
 *
 * Nothing keeps two processes from writing at the same time; a {@linkcode SemaphoreSet} does, or `Atomics` on
 * {@linkcode bytes}. The segment is the system's and outlives the process, unless the handle that made it is disposed
 * of (`using`) or {@linkcode remove} is called.
 *
 * @example
 * ```ts
 * import { SharedMemory } from "./mod.ts";
 *
 * using segment = SharedMemory.create(4096);
 * segment.writeString("Writing to shared memory");
 *
 * // another process would say SharedMemory.fromId(id), or open(key)
 * using other = SharedMemory.fromId(segment.id);
 * console.log(other.readString()); // Writing to shared memory
 * ```
 */
export class SharedMemory extends IpcObject<shmid_ds> {
  readonly #memory: Memory;

  private constructor(id: number, readOnly = false) {
    super(id, "shm");
    this.#memory = shmat(id, null, readOnly ? SHM_RDONLY : 0);
    hold(this, this.#memory);
  }

  /**
   * Makes a segment of zeros and attaches it.
   *
   * @param size Size in bytes. The kernel rounds the memory up to whole pages, but not the size.
   * @param options Key, permissions, and whether an existing segment will do.
   * @returns The segment; disposing of it removes it, unless it was there before.
   * @throws {LibcError} `EEXIST`; `EINVAL` a size of 0, above the limit, or above an existing segment's; `EACCES`; `ENOMEM`;
   * `ENOSPC`.
   *
   * @example
   * ```ts
   * import { SharedMemory } from "./mod.ts";
   *
   * using segment = SharedMemory.create(27, { key: 0x7e57_0002, mode: 0o660 });
   * console.log(segment.size, segment.mode.toString(8)); // 27 660
   * ```
   */
  static create(size: number, options?: CreateOptions & AttachOptions): SharedMemory {
    const { readOnly, ...how } = optionsOf(options, CREATE_AND_ATTACH, "shmget");
    return create("shm", (key, flags) => shmget(key, size, flags), how, (id) => new SharedMemory(id, readOnly));
  }

  /**
   * Attaches the segment with a key.
   *
   * @param key The key that it was made with.
   * @param options Whether to attach for reading only.
   * @returns The segment; disposing of it detaches it and no more.
   * @throws {LibcError} `ENOENT` there is none; `EACCES`.
   *
   * @example
   * ```ts
   * import { SharedMemory } from "./mod.ts";
   *
   * using made = SharedMemory.create(27, { key: 0x7e57_0003 });
   * using found = SharedMemory.open(0x7e57_0003, { readOnly: true });
   * console.log(found.id === made.id); // true
   * ```
   */
  static open(key: number, options?: AttachOptions): SharedMemory {
    const { readOnly } = optionsOf(options, ATTACH, "shmat");
    const id = find("shm", (key, flags) => shmget(key, 0, flags), key);
    return new SharedMemory(id, readOnly);
  }

  /**
   * Attaches the segment with an id.
   *
   * @param id The id, such as a child inherits it.
   * @param options Whether to attach for reading only.
   * @returns The segment; disposing of it detaches it and no more.
   * @throws {LibcError} `EINVAL` there is none; `EACCES`.
   */
  static fromId(id: number, options?: AttachOptions): SharedMemory {
    return new SharedMemory(id, optionsOf(options, ATTACH, "shmat").readOnly);
  }

  /** Whether the segment is attached by this handle. */
  get attached(): boolean {
    return isAttached(this.#memory);
  }

  #attached(name: string): Memory {
    if (!isAttached(this.#memory)) throw new LibcError(name, "EINVAL", `shmid ${this.id} is detached`);
    return this.#memory;
  }

  #writable(name: string): Uint8Array {
    const memory = this.#attached(name);
    if (memory instanceof ReadOnlyMemory) {
      throw new LibcError(name, "EACCES", `shmid ${this.id} is attached for reading only`);
    }
    return memory;
  }

  #write(data: Uint8Array | string, offset: number | undefined, name: string): void {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    if (!isBytes(bytes)) {
      throw new LibcError(name, "EINVAL", `data must be a Uint8Array or a string, got ${shown(data)}`);
    }
    const memory = this.#writable(name);
    writeMemory(memory, inside(offset, byteLengthOf(bytes), memory.length, name), bytes, name);
  }

  /**
   * The memory itself: what another process writes shows here at once. It is empty once the segment is detached.
   *
   * What works on another thread doesn't hear of that: the asynchronous `pbkdf2` and `scrypt` of `node:crypto` would end the
   * process, `read` of `node:fs` and of a `Deno.FsFile` would write to whatever lies there by then. Give them a copy
   * ({@linkcode read}), or await them before the segment is detached, also by `using`.
   *
   * @throws {LibcError} `EACCES` attached for reading only: use {@linkcode read}; `EINVAL` detached.
   */
  get bytes(): Uint8Array {
    return this.#writable("SharedMemory.bytes");
  }

  /**
   * Copies bytes out of the segment.
   *
   * @param offset The first byte; 0 unless given.
   * @param length How many bytes; all that follow unless given.
   * @returns A copy.
   * @throws {LibcError} `EINVAL` outside of the segment, or detached.
   */
  read(offset?: number, length?: number): Uint8Array<ArrayBuffer> {
    const memory = this.#attached("SharedMemory.read");
    const from = inside(offset, 0, memory.length, "SharedMemory.read");
    const count = length ?? memory.length - from;
    inside(from, count, memory.length, "SharedMemory.read");
    return readMemory(memory, from, count, "SharedMemory.read");
  }

  /**
   * Copies bytes into the segment.
   *
   * @param data The bytes, or text that is written as UTF-8, without a NUL at its end.
   * @param offset Where the first byte goes; 0 unless given.
   * @throws {LibcError} `EINVAL` more than fits, or detached; `EACCES` attached for reading only.
   */
  write(data: Uint8Array | string, offset?: number): void {
    this.#write(data, offset, "SharedMemory.write");
  }

  /**
   * Reads text up to its NUL, or to the end of the segment, as UTF-8.
   *
   * @param offset Where the text starts; 0 unless given.
   * @returns The text, without the NUL.
   * @throws {LibcError} `EINVAL` outside of the segment, or detached.
   */
  readString(offset?: number): string {
    const memory = this.#attached("SharedMemory.readString");
    const from = inside(offset, 0, memory.length, "SharedMemory.readString");
    let length = 0;
    if (memory instanceof ReadOnlyMemory) {
      // in pieces, so that a short text in a large segment costs no copy of the whole
      for (let at = from; at < memory.length; at += 4096) {
        const piece = memory.read(at, Math.min(4096, memory.length - at));
        const end = piece.indexOf(0);
        length += end < 0 ? piece.length : end;
        if (end >= 0) break;
      }
    } else {
      const end = memory.indexOf(0, from);
      length = (end < 0 ? memory.length : end) - from;
    }
    return decoder.decode(readMemory(memory, from, length, "SharedMemory.readString"));
  }

  /**
   * Writes text as UTF-8, with a NUL behind it, as C programs expect it.
   *
   * @param text The text.
   * @param offset Where it goes; 0 unless given.
   * @throws {LibcError} `EINVAL` more than fits, or detached; `EACCES` attached for reading only.
   */
  writeString(text: string, offset?: number): void {
    if (typeof text !== "string") {
      throw new LibcError("SharedMemory.writeString", "EINVAL", `text must be a string, got ${shown(text)}`);
    }
    this.#write(`${text}\0`, offset, "SharedMemory.writeString");
  }

  /**
   * Detaches the segment. Every array over it is empty from then on; the segment itself stays. Not while another thread
   * works on {@linkcode bytes}.
   *
   * @throws {LibcError} `EINVAL` it is detached already.
   */
  detach(): void {
    shmdt(this.#memory);
  }

  /** Size in bytes. */
  get size(): number {
    return this.stat().shm_segsz;
  }
  /** How many times the segment is attached, over all processes. */
  get attachCount(): number {
    return this.stat().shm_nattch;
  }
  /** The process that made it. */
  get creatorPid(): number {
    return this.stat().shm_cpid;
  }
  /** The process that last attached or detached it; 0 for none. */
  get lastPid(): number {
    return this.stat().shm_lpid;
  }
  /** When it was last attached, to the second. */
  get attachedAt(): Date | null {
    return date(this.stat().shm_atime);
  }
  /** When it was last detached, to the second. */
  get detachedAt(): Date | null {
    return date(this.stat().shm_dtime);
  }
  /** When it was made or its permissions last changed, to the second. */
  get changedAt(): Date | null {
    return date(this.stat().shm_ctime);
  }

  /** Detaches the segment, and removes it if this handle made it, in this process. */
  override [Symbol.dispose](): void {
    if (isAttached(this.#memory)) shmdt(this.#memory);
    super[Symbol.dispose]();
  }
}

/** Gives an offset, 0 unless there is one. Throws unless the bytes there lie inside the segment. */
function inside(offset: number | undefined, length: number, size: number, name: string): number {
  const from = offset === undefined ? 0 : offset;
  const whole = Number.isSafeInteger(from) && Number.isSafeInteger(length);
  if (whole && from >= 0 && length >= 0 && from + length <= size) return from;
  const what = `${shown(length)} bytes at ${shown(from)}`;
  throw new LibcError(name, "EINVAL", `${what} are not inside the segment's ${size} bytes`);
}
