/**
 * Attached segments as typed arrays, such that nothing can be read or written once they are detached.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { byteLengthOf, isBytes } from "./bytes.ts";
import { errno, libc, raw } from "./libc.ts";
import { int } from "./check.ts";
import { shmid_ds } from "./structs.ts";

const IPC_STAT = 2;
const SHM_RDONLY = 0o10000;

interface Segment {
  address: Deno.PointerObject;
  shmid: number;
}

const attached = new WeakMap<ArrayBufferLike, Segment>();
const windows = new WeakMap<ReadOnlyMemory, Segment>();

// taken from the prototypes, as a property of the buffer itself could say or do something else
const getter = (of: object, name: string) =>
  Function.prototype.call.bind(Object.getOwnPropertyDescriptor(of, name)!.get!);
const bufferOf = getter(Object.getPrototypeOf(Uint8Array.prototype), "buffer") as (view: Uint8Array) => ArrayBufferLike;
const isDetached = getter(ArrayBuffer.prototype, "detached") as (buffer: ArrayBufferLike) => boolean;
const transfer = Function.prototype.call.bind(ArrayBuffer.prototype.transfer) as (
  buffer: ArrayBufferLike,
) => ArrayBuffer;

/** What is known of an attached segment. */
function segment(memory: Memory): Segment | undefined {
  if (isBytes(memory)) return attached.get(bufferOf(memory));
  return memory instanceof Object ? windows.get(memory as ReadOnlyMemory) : undefined;
}

/**
 * A segment that is attached with `SHM_RDONLY`. JavaScript has no read-only arrays, and a write to such
 * memory would end the process, so its bytes are only to be had as copies.
 */
export class ReadOnlyMemory {
  /** The segment's size in bytes. */
  readonly length: number;
  readonly #length: number;

  /**
   * Only `shmat` makes these so that there is something to read.
   *
   * @param length The segment's size in bytes.
   */
  constructor(length: number) {
    this.length = this.#length = length;
    Object.freeze(this); // a greater length would let read() go beyond the segment
  }

  /**
   * Copies bytes out of the segment.
   *
   * @param offset The first byte.
   * @param length How many bytes; all that follow unless given.
   * @returns A copy.
   * @throws {LibcError} `EINVAL` outside of the segment or after `shmdt`.
   */
  read(offset = 0, length?: number): Uint8Array<ArrayBuffer> {
    const segment = windows.get(this);
    if (!segment) throw new LibcError("shmdt", "EINVAL", "the segment is detached");
    range(offset, length ?? 0, this.#length);
    const copy = new Uint8Array(length ?? this.#length - offset);
    if (copy.length > 0) Deno.UnsafePointerView.copyInto(segment.address, copy, offset);
    return copy;
  }
}

/** What `shmat` gives: the segment's bytes, or with `SHM_RDONLY` a window on them. */
export type Memory = Uint8Array | ReadOnlyMemory;

/** Throws unless `length` bytes from `offset` lie inside `total` bytes. */
export function range(offset: number, length: number, total: number): void {
  if (
    !Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 ||
    offset + length > total
  ) {
    throw new LibcError(
      "shmat",
      "EINVAL",
      `${Deno.inspect(length)} bytes at ${Deno.inspect(offset)} are not inside the segment's ${total} bytes`,
    );
  }
}

/** `shmat(2)`; the length is the kernel's. */
export function attach(shmid: number, shmflg: number): Memory {
  const flags = int(shmflg, "shmat", "shmflg");
  const pointer = libc.shmat(int(shmid, "shmat", "shmid"), null, flags);
  // failure is the address -1
  if (pointer === null || Deno.UnsafePointer.value(pointer) === 0xffff_ffff_ffff_ffffn) {
    throw new LibcError("shmat", errno(), `shmid ${shmid}`);
  }
  try {
    const ds = new shmid_ds();
    if (raw.shmctl(shmid, IPC_STAT, ds.bytes) < 0) throw new LibcError("shmat", errno(), `shmid ${shmid}`);
    let memory: Memory;
    if (flags & SHM_RDONLY) {
      memory = new ReadOnlyMemory(ds.shm_segsz);
      windows.set(memory, { address: pointer, shmid });
    } else {
      const buffer = Deno.UnsafePointerView.getArrayBuffer(pointer, ds.shm_segsz);
      memory = new Uint8Array(buffer);
      attached.set(buffer, { address: pointer, shmid });
    }
    return memory;
  } catch (error) {
    raw.shmdt(pointer);
    if (error instanceof LibcError) throw error;
    throw new LibcError("shmat", "ENOMEM", `V8 cannot address shmid ${shmid}: ${(error as Error).message}`);
  }
}

/** `shmdt(2)`; every array over the segment is empty from then on. */
export function detach(memory: Memory): void {
  const found = segment(memory);
  if (!found) throw new LibcError("shmdt", "EINVAL", "not an attached segment");
  if (isBytes(memory)) {
    const buffer = bufferOf(memory);
    if (isDetached(buffer)) {
      // somebody holds the memory under another name, maybe on another thread: unmapping it would crash there
      throw new LibcError(
        "shmdt",
        "EINVAL",
        "its buffer was transferred away; the segment stays attached until the process ends",
      );
    }
    transfer(buffer);
    attached.delete(buffer);
  } else {
    windows.delete(memory as ReadOnlyMemory);
  }
  if (libc.shmdt(found.address) < 0) throw new LibcError("shmdt", errno());
}

/** Tells whether a value is an attached segment. */
export function isAttached(memory: Memory): boolean {
  return segment(memory) !== undefined && !(isBytes(memory) && isDetached(bufferOf(memory)));
}

/** The id of the segment that an array lies over, if it does. */
export function segmentOf(memory: Memory): number | undefined {
  return segment(memory)?.shmid;
}

function readOnly(memory: Memory): ReadOnlyMemory {
  if (memory instanceof ReadOnlyMemory) return memory;
  throw new LibcError("shmat", "EFAULT", `shm must be what shmat gave, got ${Deno.inspect(memory)}`);
}

function writable(memory: Memory): Uint8Array {
  if (isBytes(memory)) return memory;
  readOnly(memory);
  throw new LibcError("shmat", "EACCES", "attached with SHM_RDONLY");
}

/**
 * How the library's own helpers touch a segment. Tracing puts its functions here to see the reads
 * and writes; plain indexing (`shm[0]`) stays invisible to it.
 */
export const access = {
  /** One byte, read afresh from memory. */
  load(memory: Memory, offset: number): number {
    if (!isBytes(memory)) return readOnly(memory).read(offset, 1)[0];
    const inside = typeof offset === "number" && offset >>> 0 === offset && offset < memory.length;
    if (!inside) range(offset, 1, memory.length);
    return Atomics.load(memory, offset);
  },
  /** Writes one byte. */
  store(memory: Uint8Array, offset: number, byte: number): void {
    range(offset, 1, writable(memory).length);
    Atomics.store(memory, offset, byte);
  },
  /** A copy of some bytes. */
  read(memory: Memory, offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (!isBytes(memory)) return readOnly(memory).read(offset, length);
    range(offset, length, memory.length);
    return memory.slice(offset, offset + length);
  },
  /** Copies bytes in. */
  write(memory: Uint8Array, offset: number, bytes: Uint8Array): void {
    range(offset, byteLengthOf(bytes), writable(memory).length);
    memory.set(bytes, offset);
  },
};
