/**
 * What a record's fields are, and where they lie.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { byteLengthOf, plain } from "../native/bytes.ts";
import { anyGone } from "../native/faults.ts";
import type { Member } from "../native/kinds.ts";
import type { Layout } from "../native/layout.ts";
import { copied, mindGone, regionOf, write } from "../native/memory.ts";
import { type Field, tracing } from "../native/observer.ts";
import type { Described } from "./description.ts";

/** Numbers for `Atomics`. */
export type Words =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** The class of such numbers. */
export interface WordsClass {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): Words;
}

/** The operations of `Atomics` that take a value and give the one before. */
export type Operation = "add" | "sub" | "and" | "or" | "xor" | "exchange";

/** A field: a member of a structure, as the kernel's have them, and what a record needs besides. */
export interface Part<T = unknown> extends Member<T> {
  write(view: DataView, at: number, value: T, name: string, syscall: string): void;
  /** What it is, as data. */
  readonly type: Described;
  /** How many levels of parts there are in it. */
  readonly depth: number;
  /** What its address has to be a multiple of for `Atomics`, also where it is packed; 1 if nothing in it is atomic. */
  readonly atomic: number;
  /** It is atomic: read and written as one of these. */
  readonly words?: WordsClass;
  /** There for its bytes alone: padding. */
  readonly hidden?: true;
  /** What has parts shows itself as an object that lies there. */
  live?(place: Place, at: number): object;
  /** A record's parts. */
  readonly layout?: Layout;
  /** An array's. */
  readonly element?: Part;
}

const scratch = new DataView(new ArrayBuffer(8));

/** Throws unless a value is one of a number's. */
export function check(part: Part, value: unknown, name: string, syscall: string): void {
  part.write(scratch, 0, value, name, syscall);
}

/** Bytes for a value of the program's. */
export function room(length: number, syscall: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch {
    throw new LibcError(syscall, "ENOMEM", `${length} bytes`);
  }
}

/** The bytes of one record, or of an array of records, with all that views of them need. */
export class Place {
  /** Just these bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same. */
  readonly view: DataView<ArrayBuffer>;
  /** What lies there as a whole. */
  readonly root: Part;
  /** What it is called. */
  readonly name: string;
  /** The same, for errors. */
  readonly syscall: string;
  /** Whether it is in the mapping of a file, which may become shorter. */
  readonly ofFile: boolean;
  /** Whether a write would end the process. */
  readonly readOnly: boolean;
  readonly #words = new Map<WordsClass, Words>();

  constructor(bytes: Uint8Array<ArrayBuffer>, root: Part, name: string) {
    const { buffer, byteOffset, byteLength } = bytes;
    this.bytes = bytes;
    this.view = new DataView(buffer, byteOffset, byteLength);
    this.root = root;
    this.name = name;
    this.syscall = name || "record";
    const region = regionOf(bytes);
    this.ofFile = region?.place !== undefined;
    this.readOnly = region !== undefined && region.access !== "write";
  }

  /** Throws unless it may be written to. */
  mindWrite(): void {
    if (this.readOnly) throw new LibcError(this.syscall, "EACCES", "the memory is only readable");
  }

  /** Whether the memory is still there. */
  get isThere(): boolean {
    return this.root.size === 0 || byteLengthOf(this.bytes) > 0;
  }

  /** Some of its bytes as a place of their own. */
  part(part: Part, at: number, length: number): Place {
    return new Place(plain(this.bytes, at, at + length), part, this.path(part, at));
  }

  /** The bytes as numbers for `Atomics`. */
  words(of: WordsClass): Int32Array {
    let words = this.#words.get(of);
    if (!words) {
      const { buffer, byteOffset, byteLength } = this.bytes;
      words = new of(buffer, byteOffset, Math.floor(byteLength / of.BYTES_PER_ELEMENT));
      this.#words.set(of, words);
    }
    return words as Int32Array; // as one of the types that Atomics takes
  }

  /** What a part is called: `Reading.next.samples[3]`. */
  path(part: Part, at: number): string {
    let path = this.name;
    let rest = at;
    for (let node = this.root; node !== part;) {
      if (node.layout) {
        const found = Object.entries(node.layout.members).findLast(([, { at }]) => at <= rest);
        if (!found) break;
        const [name, { at: start, member }] = found;
        path += path === "" ? name : `.${name}`;
        rest -= start;
        node = member as Part;
      } else if (node.element) {
        const index = Math.floor(rest / node.element.size);
        path += `[${index}]`;
        rest -= index * node.element.size;
        node = node.element;
      } else break;
    }
    return path;
  }

  /** The plain value of a part, from a copy of its bytes. */
  get(part: Part, at: number, syscall: string): unknown {
    const data = copied(this.bytes, at, part.size, syscall);
    const value = part.read(new DataView(data.buffer), 0, syscall);
    if (anyGone()) mindGone(this.bytes, syscall);
    tracing.current?.touched("read", this.bytes, at, data, this.#field(part, at, data));
    return value;
  }

  /** The same, of which nobody is told. */
  peek(part: Part, at: number): unknown {
    return part.read(new DataView(copied(this.bytes, at, part.size, this.syscall).buffer), 0, this.syscall);
  }

  /** Writes a part whole; if the value is none, nothing of it. */
  put(part: Part, at: number, value: unknown, name: string, syscall: string): void {
    this.mindWrite();
    const data = room(part.size, syscall);
    part.write(new DataView(data.buffer), 0, value, name, syscall);
    write(this.bytes, at, data, syscall, tracing.current && this.#field(part, at, data));
  }

  /** An atomic number. */
  load(part: Part, words: WordsClass, at: number): unknown {
    const value = Atomics.load(this.words(words), at / part.size);
    this.seen("read", part, at, value);
    return value;
  }

  /** Writes an atomic number. */
  store(part: Part, words: WordsClass, at: number, value: unknown, name: string, syscall: string): void {
    this.mindWrite();
    check(part, value, name, syscall);
    Atomics.store(this.words(words), at / part.size, value as number);
    this.seen("write", part, at, value);
  }

  /** An element of an array: its value, or a view of it. */
  element(part: Part, at: number): unknown {
    try {
      if (part.live) return part.live(this, at);
      if (part.words) return this.load(part, part.words, at);
      const value = part.read(this.view, at);
      this.seen("read", part, at, value);
      return value;
    } catch (error) {
      throw this.failed(error, "the element");
    }
  }

  /** One of the operations of `Atomics`: gives the value before. */
  operate(operation: Operation, part: Part, at: number, value: unknown, name: string, syscall: string): unknown {
    this.mindWrite();
    check(part, value, name, syscall);
    const before = Atomics[operation](this.words(part.words!), at / part.size, value as number);
    if (tracing.current !== undefined || anyGone()) {
      const after = new part.words!(new ArrayBuffer(8)) as Int32Array;
      after[0] = before;
      Atomics[operation](after, 0, value as number);
      this.seen("write", part, at, after[0]);
    }
    return before;
  }

  /** Writes a value if the one before is what is expected: gives the value before. */
  exchange(part: Part, at: number, expected: unknown, replacement: unknown, syscall: string): unknown {
    this.mindWrite();
    check(part, expected, "expected", syscall);
    check(part, replacement, "replacement", syscall);
    const words = this.words(part.words!);
    const before = Atomics.compareExchange(words, at / part.size, expected as number, replacement as number);
    if (tracing.current !== undefined || anyGone()) {
      const done = Object.is(before, expected);
      this.seen(done ? "write" : "read", part, at, done ? replacement : before);
    }
    return before;
  }

  /**
   * What an access has seen, with the value that was read or written, whatever is there by now: it is an error where a
   * file has become shorter than its mapping, and a trace is told of it.
   */
  seen(op: "read" | "write", part: Part, at: number, value: unknown): void {
    if (this.ofFile && anyGone()) mindGone(this.bytes, this.syscall);
    if (tracing.current !== undefined) this.#tell(op, part, at, value);
  }

  #tell(op: "read" | "write", part: Part, at: number, value: unknown): void {
    const data = new Uint8Array(part.size);
    try {
      part.write(new DataView(data.buffer), 0, value, "", "");
    } catch {
      data.set(plain(this.bytes, at, at + part.size)); // it was no text that can be written
    }
    tracing.current!.touched(op, this.bytes, at, data, this.#field(part, at, data));
  }

  #field(part: Part, at: number, data: Uint8Array<ArrayBuffer>): Field {
    return { name: this.path(part, at) || "record", value: part.trace(new DataView(data.buffer), 0) };
  }

  /** Why something could not be read or written: the caller's mistake, or the memory is no longer there. */
  failed(error: unknown, name: string): LibcError {
    if (error instanceof LibcError) return error;
    return new LibcError(
      this.syscall,
      "EFAULT",
      !this.isThere ? `the memory of ${name} is gone` : `${name}: ${String(error)}`,
    );
  }
}
