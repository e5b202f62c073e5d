/**
 * Segments and mappings as typed arrays, such that nothing can be read or written once they are detached.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { bufferOf, byteLengthOf, isBytes, offsetOf, plain } from "./bytes.ts";
import { asBytes, shown } from "./check.ts";
import { generation } from "./child.ts";
import { anyGone, wasGone } from "./faults.ts";
import { errno } from "./libc.ts";
import { type Field, tracing } from "./observer.ts";
import { own, slurp } from "./own.ts";
import { addressOf } from "./pointed.ts";

/** What may be done with memory. */
export type Access = "write" | "read" | "none";

/** A segment that is attached, or a mapping. */
export interface Region {
  readonly address: Deno.PointerObject;
  /** Bytes. */
  readonly length: number;
  /** The segment's id; undefined for a mapping. */
  readonly shmid?: number;
  /** For the mapping of a file, its place among those that {@linkcode survive}. */
  readonly place?: number;
  /** The first byte's place in the file. */
  readonly from: number;
  readonly access: Access;
  /** Why it has to stay for now, if it has to, and since which {@linkcode generation}: a forked child holds nothing. */
  readonly held: Map<string, number>;
}

const attached = new WeakMap<ArrayBufferLike, Region>();
const windows = new WeakMap<ReadOnlyMemory, Region>();

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

/** What is known of the segment or mapping that an array lies over; undefined for other memory. */
export function regionOf(memory: Memory): Region | undefined {
  if (isBytes(memory)) return attached.get(bufferOf(memory));
  return windows.get(memory as ReadOnlyMemory);
}

/** Tells whether a value was made as a {@linkcode ReadOnlyMemory}: its prototype is not enough. */
let isWindow: (value: unknown) => value is ReadOnlyMemory;

/**
 * A segment that is attached with `SHM_RDONLY`, or a mapping without `PROT_WRITE`. JavaScript has no read-only arrays, and a
 * write to such memory would end the process, so its bytes are only to be had as copies.
 */
export class ReadOnlyMemory {
  /** The memory's size in bytes. */
  readonly length: number;
  readonly #length: number;

  static {
    isWindow = (value): value is ReadOnlyMemory => typeof value === "object" && value !== null && #length in value;
  }

  /**
   * Only `shmat` and `mmap` make these so that there is something to read.
   *
   * @param length The memory's size in bytes.
   */
  constructor(length: number) {
    this.length = this.#length = length;
    Object.freeze(this); // a greater length would let read() go beyond the segment
  }

  /**
   * Copies bytes out.
   *
   * @param offset The first byte.
   * @param length How many bytes; all that follow unless given.
   * @returns A copy.
   * @throws {LibcError} `EINVAL` outside of the memory, or after `shmdt` or `munmap`; `EACCES` a mapping with `PROT_NONE`;
   * `ENOMEM` no room for a copy.
   */
  read(offset = 0, length?: number): Uint8Array<ArrayBuffer> {
    const region = windows.get(this);
    if (!region) throw new LibcError("ReadOnlyMemory.read", "EINVAL", "the memory is detached");
    if (region.access === "none") throw new LibcError("ReadOnlyMemory.read", "EACCES", "mapped with PROT_NONE");
    range(offset, length ?? 0, this.#length, "ReadOnlyMemory.read");
    const copy = room(length ?? this.#length - offset, "ReadOnlyMemory.read");
    if (copy.length > 0) Deno.UnsafePointerView.copyInto(region.address, copy, offset);
    return copy;
  }
}

const readWindow = Function.prototype.call.bind(ReadOnlyMemory.prototype.read) as (
  memory: ReadOnlyMemory,
  offset: number,
  length: number,
) => Uint8Array<ArrayBuffer>;

/** What `shmat` and `mmap` give: the memory's bytes, or where they may only be read, a window on them. */
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

/**
 * Takes the huge pages of a segment or a mapping that was made with them, now: where none were reserved (`SHM_NORESERVE`), or
 * somebody else has used them up, the first touch would end the process by `SIGBUS`. That it is such a segment shows by
 * `madvise` refusing to have its pages swapped out earlier, which does nothing to a segment just attached. Before Linux 5.14
 * the kernel can't be asked.
 */
export function populate(
  address: Deno.PointerObject,
  size: number,
  readOnly: boolean,
  syscall: string,
  what: string,
): void {
  const MADV_COLD = 20, MADV_POPULATE_READ = 22, MADV_POPULATE_WRITE = 23;
  const EINTR = 4, EFAULT = 14, EINVAL = 22;
  const start = Deno.UnsafePointer.value(address);
  if (own.madvise(start, 1n, MADV_COLD) === 0 || errno() !== EINVAL) return;
  const advice = readOnly ? MADV_POPULATE_READ : MADV_POPULATE_WRITE;
  while (own.madvise(start, BigInt(size), advice) < 0) {
    const code = errno();
    if (code === EINTR) continue;
    if (code === EINVAL) return;
    if (code !== EFAULT) throw new LibcError(syscall, code, what);
    throw new LibcError(syscall, "ENOMEM", `${what}: not enough free huge pages, see /proc/sys/vm/nr_hugepages`);
  }
}

/** The memory at an address that `shmat(2)` or `mmap(2)` gave; the length is the kernel's. */
export function attach(
  address: Deno.PointerObject,
  length: number,
  access: Access,
  known: Partial<Pick<Region, "shmid" | "place" | "from">>,
): Memory {
  const region: Region = { from: 0, ...known, address, length, access, held: new Map() };
  if (access !== "write") {
    const memory = new ReadOnlyMemory(length);
    windows.set(memory, region);
    return memory;
  }
  try {
    const buffer = Deno.UnsafePointerView.getArrayBuffer(address, length);
    const bytes = new Uint8Array(buffer);
    attached.set(buffer, region);
    return bytes;
  } catch (error) {
    const { shmid } = region;
    const [syscall, what] = shmid === undefined ? ["mmap", `${length} bytes`] : ["shmat", `shmid ${shmid}`];
    throw new LibcError(syscall, "ENOMEM", `V8 cannot address ${what}: ${(error as Error).message}`);
  }
}

/** The whole region that an array lies over, if it may be detached now. */
export function wholeOf(memory: Memory, syscall: string, kind: "segment" | "mapping"): Region {
  const found = regionOf(memory);
  if (!found || (found.shmid === undefined) !== (kind === "mapping")) {
    throw new LibcError(syscall, "EINVAL", `not an attached ${kind}`);
  }
  if (isBytes(memory)) {
    if (isDetached(bufferOf(memory))) {
      // somebody holds the memory under another name, maybe on another thread: unmapping it would crash there
      throw new LibcError(
        syscall,
        "EINVAL",
        `its buffer was transferred away; the ${kind} stays attached until the process ends`,
      );
    }
    if (offsetOf(memory) !== 0) throw new LibcError(syscall, "EINVAL", `not the ${kind}'s beginning`);
  }
  for (const [reason, since] of found.held) if (since === generation) throw new LibcError(syscall, "EBUSY", reason);
  return found;
}

/** Makes every array over a region empty. */
export function letGo(memory: Memory): void {
  if (isBytes(memory)) {
    const buffer = bufferOf(memory);
    transfer(buffer);
    attached.delete(buffer);
  } else {
    windows.delete(memory as ReadOnlyMemory);
    const buffer = readers.get(memory as ReadOnlyMemory);
    if (buffer === undefined) return;
    transfer(buffer);
    attached.delete(buffer);
  }
}

/** Makes every array over a segment or a mapping empty, and tells what it was. */
export function detach(memory: Memory, syscall: string, kind: "segment" | "mapping"): Region {
  const found = wholeOf(memory, syscall, kind);
  letGo(memory);
  return found;
}

/** Tells whether a value is an attached segment, or a mapping. */
export function isAttached(memory: Memory): boolean {
  return regionOf(memory) !== undefined && !(isBytes(memory) && isDetached(bufferOf(memory)));
}

/** The region that an array lies over, and where in it the array begins and ends; throws for other memory. */
export function partOf(memory: Memory, syscall: string, name: string): { region: Region; at: number; length: number } {
  const region = regionOf(memory);
  if (region === undefined || !isAttached(memory)) {
    throw new LibcError(syscall, "EINVAL", `${name} must be memory that shmat or mmap gave, got ${shown(memory)}`);
  }
  if (!isBytes(memory)) return { region, at: 0, length: region.length };
  return { region, at: offsetOf(memory), length: byteLengthOf(memory) as number };
}

/** An address inside a region. */
export function addressAt({ address }: Region, at: number): Deno.PointerObject {
  return at === 0 ? address : Deno.UnsafePointer.offset(address, at)!;
}

const files = new WeakMap<Region, { path: string; inode: number }>();

/** The file that a mapping shows, as the kernel lists it. */
export function fileOf(region: Region): { path: string; inode: number } {
  let file = files.get(region);
  if (file === undefined) {
    const start = addressOf(region.address).toString(16).padStart(8, "0");
    const [, inode, path] = new RegExp(`^${start}-\\w+ \\S+ \\S+ \\S+ (\\d+) *(.*)$`, "m").exec(maps()) ?? [];
    file = { path: path?.startsWith("/dev/zero") ? "" : path ?? "", inode: Number(inode ?? 0) };
    files.set(region, file);
  }
  return file;
}

function maps(): string {
  try {
    return new TextDecoder().decode(slurp("/proc/self/maps"));
  } catch {
    return ""; // without /proc
  }
}

/** Where in its buffer an array begins. */
export function offsetIn(memory: Memory): number {
  return isBytes(memory) ? offsetOf(memory) : 0;
}

const held = new WeakMap<object, Memory>();

/** Notes which memory an object of a class is about. */
export function hold(object: object, memory: Memory): void {
  held.set(object, memory);
}

/** The memory that an object is about; undefined for one that is about none. */
export function memoryOf(object: object): Memory | undefined {
  return held.get(object);
}

function readOnly(memory: Memory, syscall: string): ReadOnlyMemory {
  if (isWindow(memory)) return memory;
  throw new LibcError(syscall, "EFAULT", `the memory must be what shmat or mmap gave, got ${shown(memory)}`);
}

/** The bytes, to be written to. */
function writable(memory: Memory, syscall: string): Uint8Array {
  if (isBytes(memory)) return memory;
  readOnly(memory, syscall);
  const mapped = windows.get(memory as ReadOnlyMemory)?.shmid === undefined;
  throw new LibcError(syscall, "EACCES", mapped ? "mapped without PROT_WRITE" : "attached with SHM_RDONLY");
}

// How the library's own helpers touch shared memory, so that tracing sees it; plain indexing (`shm[0]`) stays invisible.
// `syscall` is the helper's name, for its errors.

/** Throws if the memory is a mapping of which a part was gone: there are zeros now, and nothing of it gets to the file. */
export function mindGone(memory: Memory, syscall: string): void {
  const place = regionOf(memory)?.place;
  if (place !== undefined && wasGone(place)) {
    throw new LibcError(syscall, "EFAULT", "the file has become shorter than its mapping");
  }
}

/** One byte, read afresh from memory. */
export function load(memory: Memory, offset: number, syscall: string): number {
  let byte: number;
  if (!isBytes(memory)) byte = copied(readOnly(memory, syscall), offset, 1, syscall)[0];
  else {
    const inside = typeof offset === "number" && offset >>> 0 === offset && offset < byteLengthOf(memory);
    if (!inside) range(offset, 1, byteLengthOf(memory), syscall);
    byte = atomicLoad(memory, offset);
  }
  if (anyGone()) mindGone(memory, syscall);
  if (tracing.current !== undefined) tracing.current.touched("read", memory, offset, new Uint8Array([byte]));
  return byte;
}

/** Writes one byte. */
export function store(memory: Memory, offset: number, byte: number, syscall: string): void {
  const bytes = writable(memory, syscall);
  range(offset, 1, byteLengthOf(bytes), syscall);
  atomicStore(bytes, offset, byte);
  if (anyGone()) mindGone(memory, syscall);
  if (tracing.current !== undefined) tracing.current.touched("write", bytes, offset, new Uint8Array([byte]));
}

const readers = new WeakMap<ReadOnlyMemory, ArrayBuffer>();

/**
 * Some bytes of memory that may only be read, as an array: whoever writes to it ends the process, so a program must never get
 * hold of it.
 */
export function readablePart(
  memory: Memory,
  offset: number,
  length: number,
  syscall: string,
): Uint8Array<ArrayBuffer> {
  const window = readOnly(memory, syscall);
  const region = windows.get(window);
  if (region === undefined) throw new LibcError(syscall, "EINVAL", "the memory is detached");
  range(offset, length, region.length, syscall);
  if (region.access === "none") throw new LibcError(syscall, "EACCES", "mapped with PROT_NONE");
  let buffer = readers.get(window);
  if (buffer === undefined) {
    buffer = Deno.UnsafePointerView.getArrayBuffer(region.address, region.length);
    readers.set(window, buffer);
    attached.set(buffer, region);
  }
  return new Uint8Array(buffer, offset, length);
}

/** Some bytes themselves, to be read and written: a view of just these, of JavaScript's own class. */
export function part(memory: Memory, offset: number, length: number, syscall: string): Uint8Array<ArrayBuffer> {
  const bytes = writable(memory, syscall);
  range(offset, length, byteLengthOf(bytes), syscall);
  return plain(bytes, offset, offset + length);
}

/** Whether a value is memory at all. */
export function isMemory(value: unknown): value is Memory {
  return isBytes(value) || isWindow(value);
}

/** How many bytes there are. */
export function lengthOf(memory: Memory, syscall: string): number {
  return isBytes(memory) ? byteLengthOf(memory) : readOnly(memory, syscall).length;
}

/** A copy of some bytes. */
export function read(memory: Memory, offset: number, length: number, syscall: string): Uint8Array<ArrayBuffer> {
  const data = copied(memory, offset, length, syscall);
  if (anyGone()) mindGone(memory, syscall);
  if (tracing.current !== undefined) tracing.current.touched("read", memory, offset, data);
  return data;
}

/** The same, of which nobody is told. */
export function copied(memory: Memory, offset: number, length: number, syscall: string): Uint8Array<ArrayBuffer> {
  if (isBytes(memory)) {
    range(offset, length, byteLengthOf(memory), syscall);
    return copyOf(plain(memory, offset, offset + length), syscall);
  }
  const { length: total } = readOnly(memory, syscall);
  range(offset, length, total, syscall);
  return readWindow(memory as ReadOnlyMemory, offset, length);
}

/** Copies bytes in; what they are to the program is told with them. */
export function write(memory: Memory, offset: number, data: Uint8Array, syscall: string, field?: Field): void {
  const bytes = writable(memory, syscall);
  const length = byteLengthOf(data);
  range(offset, length, byteLengthOf(bytes), syscall);
  if (length > 0) set(bytes, data, offset);
  if (anyGone()) mindGone(memory, syscall);
  if (tracing.current !== undefined) tracing.current.touched("write", bytes, offset, data, field);
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
