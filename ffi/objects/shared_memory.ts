/**
 * Shared memory for people who don't want to think in C.
 *
 * @module
 */
import { type Memory, ReadOnlyMemory, SHM_RDONLY, shmat, shmdt, shmget, type shmid_ds } from "../libc/sys/shm.ts";
import { hold, isAttached } from "../native/memory.ts";
import { known, optionsOf } from "../native/options.ts";
import { type Owner, readBytes, readText, writable, writeBytes, writeText } from "./_contents.ts";
import { create, date, find } from "./_system_v.ts";
import { type CreateOptions, IpcObject } from "./ipc_object.ts";
import type { MemoryObject } from "./memory_object.ts";

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
export class SharedMemory extends IpcObject<shmid_ds> implements MemoryObject {
  readonly #memory: Memory;
  readonly #owner: Owner;

  private constructor(id: number, readOnly = false) {
    super(id, "shm");
    this.#memory = shmat(id, null, readOnly ? SHM_RDONLY : 0);
    this.#owner = { of: "SharedMemory", kind: "segment", what: `shmid ${id}`, how: "attached" };
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

  /** Whether it is attached for reading only. */
  get readOnly(): boolean {
    return this.#memory instanceof ReadOnlyMemory;
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
    return writable(this.#memory, this.#owner, "bytes");
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
    return readBytes(this.#memory, this.#owner, offset, length);
  }

  /**
   * Copies bytes into the segment.
   *
   * @param data The bytes, or text that is written as UTF-8, without a NUL at its end.
   * @param offset Where the first byte goes; 0 unless given.
   * @throws {LibcError} `EINVAL` more than fits, or detached; `EACCES` attached for reading only.
   */
  write(data: Uint8Array | string, offset?: number): void {
    writeBytes(this.#memory, this.#owner, data, offset);
  }

  /**
   * Reads text up to its NUL, or to the end of the segment, as UTF-8.
   *
   * @param offset Where the text starts; 0 unless given.
   * @returns The text, without the NUL.
   * @throws {LibcError} `EINVAL` outside of the segment, or detached.
   */
  readString(offset?: number): string {
    return readText(this.#memory, this.#owner, offset);
  }

  /**
   * Writes text as UTF-8, with a NUL behind it, as C programs expect it.
   *
   * @param text The text.
   * @param offset Where it goes; 0 unless given.
   * @throws {LibcError} `EINVAL` more than fits, or detached; `EACCES` attached for reading only.
   */
  writeString(text: string, offset?: number): void {
    writeText(this.#memory, this.#owner, text, offset);
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
