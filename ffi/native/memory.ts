/**
 * Attached segments as typed arrays, such that nothing can be read or written once they are detached.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { bufferOf, byteLengthOf, isBytes, offsetOf, plain } from "./bytes.ts";
import { asBytes, shown } from "./check.ts";
import { errno } from "./libc.ts";
import { tracing } from "./observer.ts";
import { own } from "./own.ts";

/** What `shmat(2)` gives when it fails. */
const FAILED = 0xffff_ffff_ffff_ffffn;

interface Segment {
  address: Deno.PointerObject;
  shmid: number;
}

const attached = new WeakMap<ArrayBufferLike, Segment>();
const windows = new WeakMap<ReadOnlyMemory, Segment>();

// taken from the prototypes, as a property of the buffer itself could say or do something else
const isDetached = Function.prototype.call.bind(
  Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "detached")!.get!,
) as (buffer: ArrayBufferLike) => boolean;
const transfer = Function.prototype.call.bind(ArrayBuffer.prototype.transfer) as (
  buffer: ArrayBufferLike,
) => ArrayBuffer;

const set = Function.prototype.call.bind(Uint8Array.prototype.set) as (
  to: Uint8Array,
  from: Uint8Array,
  at: number,
) => void;
const { load: atomicLoad, store: atomicStore } = Atomics;

/** What is known of an attached segment. */
function segment(memory: Memory): Segment | undefined {
  if (isBytes(memory)) return attached.get(bufferOf(memory));
  return windows.get(memory as ReadOnlyMemory);
}

/** Tells whether a value was made as a {@linkcode ReadOnlyMemory}: its prototype is not enough. */
let isWindow: (value: unknown) => value is ReadOnlyMemory;

/**
 * A segment that is attached with `SHM_RDONLY`. JavaScript has no read-only arrays, and a write to such
 * memory would end the process, so its bytes are only to be had as copies.
 */
export class ReadOnlyMemory {
  /** The segment's size in bytes. */
  readonly length: number;
  readonly #length: number;

  static {
    isWindow = (value): value is ReadOnlyMemory => typeof value === "object" && value !== null && #length in value;
  }

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
   * @throws {LibcError} `EINVAL` outside of the segment or after `shmdt`; `ENOMEM` no room for a copy.
   */
  read(offset = 0, length?: number): Uint8Array<ArrayBuffer> {
    const segment = windows.get(this);
    if (!segment) throw new LibcError("ReadOnlyMemory.read", "EINVAL", "the segment is detached");
    range(offset, length ?? 0, this.#length, "ReadOnlyMemory.read");
    const copy = room(length ?? this.#length - offset, "ReadOnlyMemory.read");
    if (copy.length > 0) Deno.UnsafePointerView.copyInto(segment.address, copy, offset);
    return copy;
  }
}

const readWindow = Function.prototype.call.bind(ReadOnlyMemory.prototype.read) as (
  memory: ReadOnlyMemory,
  offset: number,
  length: number,
) => Uint8Array<ArrayBuffer>;

/** What `shmat` gives: the segment's bytes, or with `SHM_RDONLY` a window on them. */
export type Memory = Uint8Array | ReadOnlyMemory;

/** Memory for a copy. */
function room(length: number, syscall: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch {
    throw new LibcError(syscall, "ENOMEM", `a copy of ${length} bytes`);
  }
}

/** A copy of bytes of JavaScript's own class. */
function copyOf(bytes: Uint8Array, syscall: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes); // of all ways the fastest that asks no class for its constructor
  } catch {
    throw new LibcError(syscall, "ENOMEM", `a copy of ${bytes.length} bytes`);
  }
}

/** Throws unless `length` bytes from `offset` lie inside `total` bytes. */
export function range(offset: number, length: number, total: number, syscall: string): void {
  if (
    !Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 ||
    offset + length > total
  ) {
    const what = `${shown(length)} bytes at ${shown(offset)}`;
    throw new LibcError(syscall, "EINVAL", total === 0 ? "detached" : `${what} are not inside the ${total} bytes`);
  }
}

/** Tells whether `shmat(2)` failed. */
export function isFailed(address: Deno.PointerValue): address is null {
  return address === null || Deno.UnsafePointer.value(address) === FAILED;
}

/**
 * Takes the huge pages of a segment that was made with `SHM_HUGETLB`, now: where none were reserved (`SHM_NORESERVE`), or
 * somebody else has used them up, the first touch would end the process by `SIGBUS`. That it is such a segment shows by
 * `madvise` refusing to have its pages swapped out earlier, which does nothing to a segment just attached. Before Linux 5.14
 * the kernel can't be asked.
 */
export function populate(address: Deno.PointerObject, shmid: number, size: number, readOnly: boolean): void {
  const MADV_COLD = 20, MADV_POPULATE_READ = 22, MADV_POPULATE_WRITE = 23;
  const EINTR = 4, EFAULT = 14, EINVAL = 22;
  const start = Deno.UnsafePointer.value(address);
  if (own.madvise(start, 1n, MADV_COLD) === 0 || errno() !== EINVAL) return;
  const advice = readOnly ? MADV_POPULATE_READ : MADV_POPULATE_WRITE;
  while (own.madvise(start, BigInt(size), advice) < 0) {
    const code = errno();
    if (code === EINTR) continue;
    if (code === EINVAL) return;
    if (code !== EFAULT) throw new LibcError("shmat", code, `shmid ${shmid}`);
    throw new LibcError("shmat", "ENOMEM", `shmid ${shmid}: not enough free huge pages, see /proc/sys/vm/nr_hugepages`);
  }
}

/** The memory at the address that `shmat(2)` gave; `size` is the kernel's. */
export function attach(address: Deno.PointerObject, shmid: number, size: number, readOnly: boolean): Memory {
  if (readOnly) {
    const memory = new ReadOnlyMemory(size);
    windows.set(memory, { address, shmid });
    return memory;
  }
  try {
    const buffer = Deno.UnsafePointerView.getArrayBuffer(address, size);
    attached.set(buffer, { address, shmid });
    return new Uint8Array(buffer);
  } catch (error) {
    throw new LibcError("shmat", "ENOMEM", `V8 cannot address shmid ${shmid}: ${(error as Error).message}`);
  }
}

/** Makes every array over a segment empty, and tells where it is attached. */
export function detach(memory: Memory): Deno.PointerObject {
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
    if (offsetOf(memory) !== 0) throw new LibcError("shmdt", "EINVAL", "not the segment's beginning");
    transfer(buffer);
    attached.delete(buffer);
  } else {
    windows.delete(memory as ReadOnlyMemory);
  }
  return found.address;
}

/** Tells whether a value is an attached segment. */
export function isAttached(memory: Memory): boolean {
  return segment(memory) !== undefined && !(isBytes(memory) && isDetached(bufferOf(memory)));
}

/** The id of the segment that an array lies over, if it does. */
export function segmentOf(memory: Memory): number | undefined {
  return segment(memory)?.shmid;
}

/** Where in its buffer an array begins. */
export function offsetIn(memory: Memory): number {
  return isBytes(memory) ? offsetOf(memory) : 0;
}

function readOnly(memory: Memory, syscall: string): ReadOnlyMemory {
  if (isWindow(memory)) return memory;
  throw new LibcError(syscall, "EFAULT", `shm must be what shmat gave, got ${shown(memory)}`);
}

/** The bytes, to be written to. */
function writable(memory: Memory, syscall: string): Uint8Array {
  if (isBytes(memory)) return memory;
  readOnly(memory, syscall);
  throw new LibcError(syscall, "EACCES", "attached with SHM_RDONLY");
}

// How the library's own helpers touch a segment, so that tracing sees it; plain indexing (`shm[0]`) stays invisible.
// `syscall` is the helper's name, for its errors.

/** One byte, read afresh from memory. */
export function load(memory: Memory, offset: number, syscall: string): number {
  let byte: number;
  if (!isBytes(memory)) byte = copied(readOnly(memory, syscall), offset, 1, syscall)[0];
  else {
    const inside = typeof offset === "number" && offset >>> 0 === offset && offset < byteLengthOf(memory);
    if (!inside) range(offset, 1, byteLengthOf(memory), syscall);
    byte = atomicLoad(memory, offset);
  }
  if (tracing.current !== undefined) tracing.current.touched("read", memory, offset, new Uint8Array([byte]));
  return byte;
}

/** Writes one byte. */
export function store(memory: Memory, offset: number, byte: number, syscall: string): void {
  const bytes = writable(memory, syscall);
  range(offset, 1, byteLengthOf(bytes), syscall);
  atomicStore(bytes, offset, byte);
  if (tracing.current !== undefined) tracing.current.touched("write", bytes, offset, new Uint8Array([byte]));
}

/** A copy of some bytes. */
export function read(memory: Memory, offset: number, length: number, syscall: string): Uint8Array<ArrayBuffer> {
  const data = copied(memory, offset, length, syscall);
  if (tracing.current !== undefined) tracing.current.touched("read", memory, offset, data);
  return data;
}

function copied(memory: Memory, offset: number, length: number, syscall: string): Uint8Array<ArrayBuffer> {
  if (isBytes(memory)) {
    range(offset, length, byteLengthOf(memory), syscall);
    return copyOf(plain(memory, offset, offset + length), syscall);
  }
  const { length: total } = readOnly(memory, syscall);
  range(offset, length, total, syscall);
  return readWindow(memory as ReadOnlyMemory, offset, length);
}

/** Copies bytes in. */
export function write(memory: Memory, offset: number, data: Uint8Array, syscall: string): void {
  const bytes = writable(memory, syscall);
  const length = byteLengthOf(data);
  range(offset, length, byteLengthOf(bytes), syscall);
  if (length > 0) set(bytes, data, offset);
  if (tracing.current !== undefined) tracing.current.touched("write", bytes, offset, data);
}

const indexOf = Function.prototype.call.bind(Uint8Array.prototype.indexOf) as (s: Uint8Array, byte: number) => number;

/** How many bytes come before the first NUL, or how many there are. */
export function stringLength(s: Uint8Array, syscall: string): number {
  let end: number;
  try {
    end = indexOf(asBytes(s, syscall, "s"), 0);
  } catch (error) {
    throw error instanceof LibcError ? error : new LibcError(syscall, "EFAULT", "the memory of s is gone");
  }
  return end < 0 ? byteLengthOf(s) : end;
}
