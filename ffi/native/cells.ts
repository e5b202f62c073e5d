/**
 * What libc keeps in shared memory: semaphores, mutexes, conditions. It takes such a thing by its address, and believes what
 * it finds there; so it is looked at here first, and never used once its memory is gone.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { bufferOf, byteLengthOf, isBytes, offsetOf } from "./bytes.ts";
import { anyGone, forgetRange, survive, wasGone } from "./faults.ts";
import type { Kind } from "./kinds.ts";
import { addressAt, fileOf, type Memory, partOf, range, type Region } from "./memory.ts";
import { addressOf } from "./pointed.ts";
import type { TracedArgument } from "../trace/event.ts";

/** A thing of libc's in shared memory. */
export interface Cell {
  /** How libc gets it. */
  readonly pointer: Deno.PointerObject;
  /** The same as a number. */
  readonly address: bigint;
  /** Its 32-bit words, which nobody else has: there are none once the memory is gone. */
  readonly words: Int32Array<ArrayBuffer>;
  /** Where it lies; undefined for what libc has mapped itself. */
  readonly region?: Region;
  /** Where in the region it begins. */
  readonly at: number;
  /** Its name, if libc has mapped it by that. */
  readonly name?: string;
}

const ALIGN = 8; // bytes: what these have in them is no larger

/** The thing of a size at an offset of shared memory that may be written to. */
export function cellIn(memory: Memory, offset: number, size: number, syscall: string): Cell {
  const { region, at, length } = partOf(memory, syscall, "the memory");
  if (!isBytes(memory)) throw new LibcError(syscall, "EACCES", "the memory is only readable");
  range(offset, size, length, syscall);
  if ((at + offset) % ALIGN !== 0) {
    throw new LibcError(syscall, "EINVAL", `it must lie at a multiple of ${ALIGN}, not at ${at + offset}`);
  }
  const words = new Int32Array(bufferOf(memory), offsetOf(memory) + offset, size / 4);
  const pointer = addressAt(region, at + offset);
  return noted({ pointer, address: addressOf(pointer), words, region, at: at + offset });
}

const transfer = Function.prototype.call.bind(ArrayBuffer.prototype.transfer) as (buffer: ArrayBuffer) => ArrayBuffer;

/** What libc has mapped itself, at the beginning of a file. */
export function cellAt(pointer: Deno.PointerObject, size: number, name: string): Cell & { place: number } {
  const words = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, size));
  const address = addressOf(pointer);
  return noted({ pointer, address, words, at: 0, name, place: survive(address, size, -1) });
}

/** Notes that libc is about to unmap it. */
export function dropCell({ words, place }: Cell & { place: number }): void {
  forgetRange(place);
  transfer(words.buffer);
}

/** Throws if the memory of a thing is gone. */
export function mindCell({ words, region }: Cell, syscall: string): void {
  if (byteLengthOf(words) === 0) throw new LibcError(syscall, "EINVAL", "its memory is not there any more");
  Atomics.load(words, 0);
  Atomics.load(words, words.length - 1);
  const place = region?.place;
  if (anyGone() && place !== undefined && wasGone(place)) {
    throw new LibcError(syscall, "EFAULT", "the file has become shorter than its mapping");
  }
}

/** Tells whether the memory of a thing is there. */
export function isThere({ words }: Cell): boolean {
  return byteLengthOf(words) !== 0;
}

let handed: Cell | undefined;

/** Hands a thing to a declared function: how libc gets it. */
export function hand(cell: Cell): Deno.PointerObject {
  handed = cell;
  return cell.pointer;
}

/** The thing that libc is about to get. Who was told of the call by a trace may have handed over others since. */
export function handedAt(pointer: Deno.PointerObject): Cell {
  return handed?.pointer === pointer ? handed : cells.get(pointer)!;
}

const cells = new WeakMap<Deno.PointerObject, Cell>();

function noted<C extends Cell>(cell: C): C {
  cells.set(cell.pointer, cell);
  return cell;
}

/** Where a thing lies, as a trace has it; with what `look` finds in its words. */
export function cell(struct: string, look: (words: Int32Array) => Record<string, TracedArgument>): Kind<"pointer"> {
  return {
    ffi: "pointer",
    decode(value) {
      const found = cells.get(value as Deno.PointerObject);
      if (found === undefined) return null;
      const { region, at, words, name } = found;
      const where: Record<string, TracedArgument> = region?.shmid !== undefined
        ? { shmid: region.shmid, offset: at }
        : region !== undefined
        ? { path: fileOf(region).path, inode: fileOf(region).inode, offset: region.from + at }
        : { name: name! };
      return { struct, fields: { ...where, ...(byteLengthOf(words) === 0 ? {} : look(words)) } };
    },
  };
}
