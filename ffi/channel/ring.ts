/**
 * The ring of a channel: how messages are written and read, by one at a time on each side.
 *
 * A message is there from the moment in which the tail is behind it, and gone from that in which the head is. Both are one store:
 * who is killed before it has done nothing.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { bufferOf, byteLengthOf, offsetOf, plain } from "../native/bytes.ts";
import { type Cell, cellIn, mindCell } from "../native/cells.ts";
import { shown } from "../native/check.ts";
import { anyGone } from "../native/faults.ts";
import type { Memory } from "../native/memory.ts";
import { Frame, Header, LEAST, MAGIC, MOST, VERSION, WRITER } from "./layout.ts";

const FRAME = Frame.size;
const { tail, head } = Header.offsets;
const TAIL = tail / 4, HEAD = head / 4;
const COUNT = 2; // in 32-bit words, behind a position
const DATA = Header.size / 4;

/** There is no message. */
export const NOTHING = -1;

// copying up to so many bytes word by word is faster than to ask for it
const SHORT = 256;
/** The whole words of an array, if it begins with one. */
function wordsOf(data: Uint8Array): Int32Array | undefined {
  const from = offsetOf(data);
  return from & 3 ? undefined : new Int32Array(bufferOf(data), from, byteLengthOf(data) >> 2);
}

const { load, store } = Atomics;
const set = Function.prototype.call.bind(Uint8Array.prototype.set) as (
  to: Uint8Array,
  from: Uint8Array,
  at: number,
) => void;

/** Throws unless a number of bytes can be a ring's. */
export function checkCapacity(capacity: number, syscall: string, what = "capacity"): void {
  if (typeof capacity === "number" && capacity >= LEAST && capacity <= MOST && Number.isInteger(Math.log2(capacity))) {
    return;
  }
  throw new LibcError(
    syscall,
    "EINVAL",
    `${what} must be a power of two from ${LEAST} to ${MOST}, got ${shown(capacity)}`,
  );
}

/** How many bytes a message may have in a ring: that it fits wherever in the ring the next one begins. */
export function longestOf(capacity: number): number {
  return capacity / 2 - FRAME;
}

/** What is written at the beginning of a channel. */
export interface Kind {
  readonly capacity: number;
  readonly many: number;
  readonly size: number;
}

/** So many bytes of an array, whose memory another thread may have made longer. */
function exactly(data: Uint8Array, length: number): Uint8Array {
  const now = byteLengthOf(data);
  if (now === length) return data;
  if (now > length) return plain(data, 0, length);
  throw new LibcError("Channel.send", "EFAULT", "the memory of the message has become shorter");
}

/** A ring in memory. */
export class Ring {
  /** All of the channel. */
  readonly cell: Cell;
  /** All of it as 32-bit words. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly capacity: number;
  readonly many: number;
  /** How many bytes each message has; 0 if they differ. */
  readonly size: number;
  /** How many bytes one may have at most. */
  readonly longest: number;
  readonly #mask: number;
  // as they were when they were looked at last: they have gone further since at most
  #head = 0;
  #tail = 0;
  // the message that was looked at last, or the place for one
  #at = 0;
  #next = 0;
  // the array that was read or written last, and once it comes again, its words
  #last: Uint8Array | undefined;
  #words: Int32Array | undefined;

  private constructor(cell: Cell, { capacity, many, size }: Kind) {
    this.cell = cell;
    this.words = cell.words;
    this.bytes = new Uint8Array(cell.words.buffer, cell.words.byteOffset, cell.words.byteLength);
    this.capacity = capacity;
    this.many = many;
    this.size = size;
    this.longest = longestOf(capacity);
    this.#mask = capacity - 1;
  }

  /** Makes a channel in memory that nobody uses. */
  static make(memory: Memory, offset: number, kind: Kind, syscall: string): Ring {
    const cell = cellIn(memory, offset, Header.size + kind.capacity, syscall);
    const { words } = cell;
    store(words, Header.offsets.ready / 4, 0);
    words.fill(0, 0, DATA);
    const bytes = new Uint8Array(words.buffer, words.byteOffset, Header.size);
    set(bytes, new TextEncoder().encode(MAGIC), Header.offsets.magic);
    words[Header.offsets.version / 4] = VERSION;
    words[Header.offsets.capacity / 4] = kind.capacity;
    words[Header.offsets.many / 4] = kind.many;
    words[Header.offsets.size / 4] = kind.size;
    return new Ring(cell, kind);
  }

  /** Tells whether something is one, whatever it says of itself. */
  static is(value: unknown): value is Ring {
    return typeof value === "object" && value !== null && #mask in value;
  }

  /** Takes one that is there. */
  static find(memory: Memory, offset: number, kind: Kind, syscall: string): Ring {
    return new Ring(cellIn(memory, offset, Header.size + kind.capacity, syscall), kind);
  }

  /** Throws if the memory is gone. */
  mind(syscall: string): void {
    mindCell(this.cell, syscall);
  }

  /** Where the next message goes. */
  get tail(): number {
    return load(this.words, TAIL);
  }

  /** Where the oldest message is. */
  get head(): number {
    return load(this.words, HEAD);
  }

  /** Forgets what it knows of the other side. */
  begin(): void {
    this.#head = this.head;
    this.#tail = this.tail;
  }

  /**
   * Writes a message, as the only one who does at that time.
   *
   * @param data Its bytes; they are not more than fit.
   * @param length How many there are.
   * @returns Whether there was room.
   */
  put(data: Uint8Array, length: number, syscall: string): boolean {
    const { words, capacity } = this;
    const total = FRAME + (length + 7 & ~7);
    const tail = words[TAIL];
    const at = tail & this.#mask;
    const skip = capacity - at < total ? capacity - at : 0;
    const room = capacity - (tail - this.#head >>> 0);
    // where others write, too, more than 2^32 bytes may have gone by since
    if (skip + total > room || (this.many & WRITER) !== 0) {
      const head = this.#head = load(words, HEAD);
      const used = tail - head >>> 0;
      if (used > capacity || (tail | head) & 7) throw this.#damaged(syscall, `${used} bytes are in it`);
      if (skip + total > capacity - used) return false;
    }
    if (tail & 7) throw this.#damaged(syscall, `its tail is ${tail}`);
    if (skip > 0) {
      words[DATA + (at >> 2)] = skip - FRAME;
      words[DATA + (at >> 2) + 1] = 1;
    }
    const to = DATA + ((skip > 0 ? 0 : at) >> 2);
    words[to] = length;
    words[to + 1] = 0;
    this.#copyIn(data, length, to + 2);
    store(words, TAIL, tail + skip + total | 0);
    this.#count(TAIL);
    if (anyGone()) this.mind(syscall);
    this.#at = to + 2 << 2;
    return true;
  }

  /** Tells whether an array is the one that was written from or read into last. */
  isLast(data: unknown): data is Uint8Array<ArrayBuffer> {
    return data === this.#last && data !== undefined;
  }

  /** Where the bytes are of the message that was written or looked at last. */
  get at(): number {
    return this.#at;
  }

  /**
   * Looks for the oldest message, as the only one who reads at that time.
   *
   * @param alone Nobody else has read since the last time.
   * @returns How many bytes it has; {@linkcode NOTHING} if there is none.
   */
  look(alone: boolean, syscall: string): number {
    const { words, capacity } = this;
    const head = words[HEAD];
    if (!alone || head === this.#tail) {
      this.#tail = load(words, TAIL);
      if (head === this.#tail) return NOTHING;
    }
    const used = this.#tail - head >>> 0;
    let at = head & this.#mask;
    if (used > capacity || (used | head) & 7) throw this.#damaged(syscall, `${used} bytes are in it`);
    let skip = 0;
    if (words[DATA + (at >> 2) + 1] === 1) {
      skip = capacity - at;
      at = 0;
    }
    const from = DATA + (at >> 2);
    const length = words[from] >>> 0;
    const total = FRAME + length + 7 & ~7;
    const wrong = length > this.longest || words[from + 1] !== 0 || skip + total > used || at + total > capacity;
    if (wrong) throw this.#damaged(syscall, `a message of ${length} bytes`);
    this.#at = from + 2 << 2;
    this.#next = head + skip + total | 0;
    return length;
  }

  /** Copies the message that was looked at. */
  copy(length: number): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(this.#at, this.#at + length);
  }

  /** The same into an array that is long enough. */
  copyInto(data: Uint8Array, length: number): void {
    if (length === 0) return; // its memory may be gone
    const list = length > SHORT ? undefined : this.#asWords(data);
    const from = this.#at >> 2, whole = length >> 2;
    if (list === undefined || list.length < whole) {
      return set(data, this.bytes.subarray(this.#at, this.#at + length), 0);
    }
    const { words } = this;
    for (let i = 0; i < whole; i++) list[i] = words[from + i];
    for (let i = whole << 2; i < length; i++) data[i] = this.bytes[this.#at + i];
  }

  /** Takes the message away that was looked at. */
  take(syscall: string): void {
    store(this.words, HEAD, this.#next);
    this.#count(HEAD);
    if (anyGone()) this.mind(syscall);
  }

  /** How many messages have been written, or read. */
  counted(side: "written" | "read"): number {
    const at = (side === "written" ? TAIL : HEAD) + COUNT;
    return (this.words[at] >>> 0) + (this.words[at + 1] >>> 0) * 2 ** 32;
  }

  #count(side: number): void {
    const { words } = this;
    const n = words[side + COUNT] + 1 | 0;
    words[side + COUNT] = n;
    if (n === 0) words[side + COUNT + 1]++;
  }

  #copyIn(data: Uint8Array, length: number, to: number): void {
    if (length === 0) return; // its memory may be gone
    const list = length > SHORT ? undefined : this.#asWords(data);
    const whole = length >> 2;
    if (list === undefined || list.length < whole) return set(this.bytes, exactly(data, length), to << 2);
    const { words } = this;
    for (let i = 0; i < whole; i++) words[to + i] = list[i];
    for (let i = whole << 2; i < length; i++) this.bytes[(to << 2) + i] = data[i];
  }

  /** An array as words, if it is the one that was here last. */
  #asWords(data: Uint8Array): Int32Array | undefined {
    if (data === this.#last) return this.#words ??= wordsOf(data);
    this.#last = data;
    this.#words = undefined;
  }

  #damaged(syscall: string, what: string): LibcError {
    return new LibcError(syscall, "EBADMSG", `the ring is damaged: ${what}, of ${this.capacity}`);
  }
}
