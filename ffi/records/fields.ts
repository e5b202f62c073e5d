/**
 * What a record's fields can be: numbers by their width, `bool`, enumerations, fixed text, bytes, arrays, and what has
 * to be atomic. Records, too, are fields of others.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import type { TracedArgument } from "../trace/event.ts";
import { byteLengthOf, isBytes, lengthOfArray, plain } from "../native/bytes.ts";
import { itemsOf, shown } from "../native/check.ts";
import * as kinds from "../native/kinds.ts";
import type { Member } from "../native/kinds.ts";
import type { Described, NumberNames } from "./description.ts";
import { classesOf, elementsOf, live, LiveArray, type LiveClasses, placedOf } from "./live.ts";
import type { Part, WordsClass } from "./place.ts";

/** The largest record, in bytes: read whole, each of its bytes may become a number or an object. */
export const LARGEST = 2 ** 22;
/** How many levels of parts a record may have: more, a trace would not take for an event. */
export const DEEPEST = 6;

/** What was made here, or for a record. */
const genuine = new WeakSet<object>();

/** Lets fields be made of a part. */
// deno-lint-ignore no-explicit-any -- of whatever value
export function made<T extends Part<any>>(part: T): T {
  genuine.add(part);
  return part;
}

let partIn: (field: unknown) => Part | undefined;
/** Where a field wants to lie; undefined for the next place that there is. */
export let offsetOf: (field: unknown) => number | undefined;

/**
 * The type of a record's field.
 *
 * @typeParam T What it is as a plain value.
 * @typeParam V What a live view has in its place.
 * @typeParam S What sort of field it is: `value` and `atomic` can be assigned, `part` is an object of its own.
 */
// deno-lint-ignore no-explicit-any -- of whatever fields
export class Field<T = any, V = any, S extends "value" | "atomic" | "part" = any> {
  /** Bytes. */
  readonly size: number;
  /** Its offset is a multiple of this, unless the record is packed. */
  readonly align: number;
  /** For the types alone. */
  declare readonly types?: { value: T; view: V; sort: S };
  readonly #part: Part;
  readonly #offset: number | undefined;

  static {
    partIn = (field) => typeof field === "object" && field !== null && #part in field ? field.#part : undefined;
    offsetOf = (field) => partIn(field) ? (field as Field).#offset : undefined;
  }

  /** @ignore */
  constructor(part: Part, offset?: number) {
    if (!genuine.has(part)) {
      throw new LibcError("record", "EINVAL", "the types of fields are made by functions, such as array()");
    }
    this.size = part.size;
    this.align = part.align;
    this.#part = part;
    this.#offset = offset;
    if (new.target === Field) Object.freeze(this);
  }
}

/** A field of a part. */
// deno-lint-ignore no-explicit-any -- of whatever part; the functions that call this say what it is
function fieldOf(part: Part<any>, offset?: number): Field {
  return new Field(made(part), offset);
}

/** What is behind a field. */
export function partOf(field: unknown, syscall: string, name: string, placed = false): Part {
  const part = partIn(field);
  if (part && (placed || offsetOf(field) === undefined)) return part;
  if (part) throw new LibcError(syscall, "EINVAL", `${name} has an offset, which only a record's field can have`);
  throw new LibcError(syscall, "EINVAL", `${name} must be the type of a field, such as i32, got ${shown(field)}`);
}

type Settable<T> = Member<T> & Required<Pick<Member<T>, "write">>;

function number<T>(member: Settable<T>, names: NumberNames): Field<T, T, "value"> {
  const { size, align, read, write, trace } = member;
  return fieldOf({ size, align, read, write, trace, type: { kind: "number", names }, depth: 0, atomic: 1 } as Part);
}

function named(c: string, python: string, format: string, rust: string, rustAtomic?: string): NumberNames {
  return { c, python: `ctypes.c_${python}`, format, rust, rustAtomic };
}

/** `int8_t`. */
export const i8: Field<number, number, "value"> = number(kinds.i8, named("int8_t", "int8", "b", "i8", "AtomicI8"));
/** `uint8_t`. */
export const u8: Field<number, number, "value"> = number(kinds.u8, named("uint8_t", "uint8", "B", "u8", "AtomicU8"));
/** `int16_t`. */
export const i16: Field<number, number, "value"> = number(
  kinds.i16,
  named("int16_t", "int16", "h", "i16", "AtomicI16"),
);
/** `uint16_t`. */
export const u16: Field<number, number, "value"> = number(
  kinds.u16,
  named("uint16_t", "uint16", "H", "u16", "AtomicU16"),
);
/** `int32_t`. */
export const i32: Field<number, number, "value"> = number(
  kinds.i32,
  named("int32_t", "int32", "i", "i32", "AtomicI32"),
);
/** `uint32_t`. */
export const u32: Field<number, number, "value"> = number(
  kinds.u32,
  named("uint32_t", "uint32", "I", "u32", "AtomicU32"),
);
/** `int64_t`, as a bigint; {@linkcode long} is the same as a number. */
export const i64: Field<bigint, bigint, "value"> = number(
  kinds.i64,
  named("int64_t", "int64", "q", "i64", "AtomicI64"),
);
/** `uint64_t`, as a bigint; {@linkcode size_t} is the same as a number. */
export const u64: Field<bigint, bigint, "value"> = number(
  kinds.u64,
  named("uint64_t", "uint64", "Q", "u64", "AtomicU64"),
);
/** `long`, as a number. One beyond 2^53 cannot be written, and is read as the nearest number that there is. */
export const long: Field<number, number, "value"> = number(kinds.long, named("long", "long", "q", "i64"));
/** `size_t`, as a number. One beyond 2^53 cannot be written, and is read as the nearest number that there is. */
export const size_t: Field<number, number, "value"> = number(kinds.size, named("size_t", "size_t", "Q", "usize"));
/** `float`: what is written is rounded to it. */
export const f32: Field<number, number, "value"> = number(kinds.f32, named("float", "float", "f", "f32"));
/** `double`. */
export const f64: Field<number, number, "value"> = number(kinds.f64, named("double", "double", "d", "f64"));
/** `bool`: a byte, of which anything but 0 is true. */
export const bool: Field<boolean, boolean, "value"> = number({
  size: 1,
  align: 1,
  read: (view, at) => view.getUint8(at) !== 0,
  write(view, at, value, name, syscall) {
    if (typeof value !== "boolean") {
      throw new LibcError(syscall, "EINVAL", `${name} must be true or false, got ${shown(value)}`);
    }
    view.setUint8(at, value ? 1 : 0);
  },
  trace: (view, at) => view.getUint8(at) === 0 ? constant(0, "false") : constant(1, "true"),
}, named("bool", "bool", "?", "bool"));

function constant(value: number, name: string): TracedArgument {
  return { value, names: [name], rest: 0 };
}

function count(length: unknown, syscall: string, most: number): number {
  if (typeof length === "number" && Number.isInteger(length) && length >= 1 && length <= most) return length;
  throw new LibcError(syscall, "EINVAL", `length must be 1 to ${most}, got ${shown(length)}`);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The bytes of a field, whatever is redefined of their class. */
function bytesAt(view: DataView, at: number, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + at, length);
}

/**
 * `char name[length]`: text as UTF-8. It is filled up with NULs, and read up to the first. Of a text that takes all of the
 * bytes there is no NUL behind it, which some C programs expect.
 *
 * @param length How many bytes.
 * @returns The field's type. What is longer, or has a NUL in it, cannot be written.
 * @throws {LibcError} `EINVAL` a length that is none.
 *
 * @example See {@linkcode record}.
 */
export function char(length: number): Field<string, string, "value"> {
  const size = count(length, "char", LARGEST);
  return fieldOf(
    {
      size,
      align: 1,
      read(view, at) {
        let end = 0;
        while (end < size && view.getUint8(at + end) !== 0) end++;
        return decoder.decode(new Uint8Array(bytesAt(view, at, end))); // of a copy, as what is shared cannot be decoded
      },
      write(view, at, value, name, syscall) {
        if (typeof value !== "string" || !value.isWellFormed() || value.includes("\0")) {
          throw new LibcError(syscall, "EINVAL", `${name} must be a text without a NUL, got ${shown(value)}`);
        }
        // a text has no fewer bytes than UTF-16 units
        const bytes = value.length > size ? undefined : encoder.encode(value);
        if (bytes === undefined || bytes.length > size) {
          throw new LibcError(syscall, "EINVAL", `${name} must have at most ${size} bytes, got ${shown(value)}`);
        }
        const to = bytesAt(view, at, size);
        to.set(bytes);
        to.fill(0, bytes.length);
      },
      trace(view, at) {
        const bytes = bytesAt(view, at, size);
        const end = bytes.indexOf(0);
        const text = end < 0 ? bytes : bytes.subarray(0, end);
        return kinds.traced(text);
      },
      type: { kind: "char", length: size },
      depth: 0,
      atomic: 1,
    } satisfies Part<string> as Part,
  );
}

/**
 * `uint8_t name[length]`: bytes, of which a program has copies.
 *
 * @param length How many bytes.
 * @returns The field's type; it takes a `Uint8Array` of just that length.
 * @throws {LibcError} `EINVAL` a length that is none.
 *
 * @example
 * ```ts
 * import { bytes, record } from "./mod.ts";
 *
 * const Packet = record({ digest: bytes(32) });
 * const view = Packet.at(new Uint8Array(Packet.size));
 * view.digest = crypto.getRandomValues(new Uint8Array(32));
 * console.log(view.digest.length); // 32
 * ```
 */
export function bytes(length: number): Field<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>, "value"> {
  const size = count(length, "bytes", LARGEST);
  return fieldOf(
    {
      size,
      align: 1,
      read: (view, at) => new Uint8Array(bytesAt(view, at, size)),
      write(view, at, value, name, syscall) {
        if (!isBytes(value) || byteLengthOf(value) !== size) {
          throw new LibcError(syscall, "EINVAL", `${name} must be a Uint8Array of ${size} bytes, got ${shown(value)}`);
        }
        bytesAt(view, at, size).set(plain(value, 0));
      },
      trace: (view, at) => kinds.traced(bytesAt(view, at, size)),
      type: { kind: "bytes", length: size },
      depth: 0,
      atomic: 1,
    } satisfies Part<Uint8Array<ArrayBuffer>> as Part,
  );
}

/**
 * Bytes that are no value of the program's: they are zeros in what is written whole.
 *
 * @param length How many bytes.
 * @returns The field's type; views and values don't have it.
 * @throws {LibcError} `EINVAL` a length that is none.
 *
 * @example
 * ```ts
 * import { i32, padding, record } from "./mod.ts";
 *
 * const Line = record({ head: i32, _rest: padding(60) });
 * console.log(Line.size, Line.encode({ head: 1 }).length); // 64 64
 * ```
 */
export function padding(length: number): Field<never, never, "part"> {
  const size = count(length, "padding", LARGEST);
  return fieldOf({
    size,
    align: 1,
    read: () => undefined,
    write() {},
    trace: (view, at) => kinds.traced(bytesAt(view, at, size)),
    type: { kind: "padding", length: size },
    depth: 0,
    atomic: 1,
    hidden: true,
  }) as Field<never, never, "part">;
}

/** The names of an enumeration, and its numbers beyond them. */
export type EnumValue<E> = (keyof E & string) | (number & Record<never, never>);

const STORAGES = new Map<unknown, NonNullable<ReturnType<typeof partIn>>>(
  [i8, u8, i16, u16, i32, u32].map((field) => [field, partIn(field)!]),
);

/**
 * An enumeration, `enum` in C: its constants by their names.
 *
 * @param values The constants.
 * @param storage What it is stored as: as in C an `int` unless given.
 * @returns The field's type. A name or a number is written; read is a name, or a number that has none.
 * @throws {LibcError} `EINVAL` a name that C could not have, a number that the storage does not hold.
 *
 * @example
 * ```ts
 * import { enumOf, record, u8 } from "./mod.ts";
 *
 * const Job = record({ state: enumOf({ IDLE: 0, BUSY: 1 }), priority: enumOf({ LOW: 0, HIGH: 9 }, u8) });
 * const view = Job.at(new Uint8Array(Job.size));
 * view.state = "BUSY";
 * console.log(view.state, view.priority, Job.size); // BUSY LOW 8
 * ```
 */
export function enumOf<const E extends Readonly<Record<string, number>>>(
  values: E,
  storage: Field<number, number, "value"> = i32,
): Field<EnumValue<E>, EnumValue<E>, "value"> {
  const base = STORAGES.get(storage);
  if (!base) throw new LibcError("enumOf", "EINVAL", `storage must be one of i8 to u32, got ${shown(storage)}`);
  const numbers = new Map<string, number>();
  const names = new Map<number, string>();
  for (const [name, value] of entriesOf(values, "enumOf", "values")) {
    if (!isName(name)) throw new LibcError("enumOf", "EINVAL", `${shown(name)} is no name in C`);
    base.write(new DataView(new ArrayBuffer(8)), 0, value, name, "enumOf");
    numbers.set(name, value as number);
    if (!names.has(value as number)) names.set(value as number, name);
  }
  if (numbers.size === 0) throw new LibcError("enumOf", "EINVAL", "values must have a constant");
  const { size, align } = base;
  const read = base.read as (view: DataView, at: number) => number;
  return fieldOf(
    {
      size,
      align,
      read(view, at) {
        const value = read(view, at);
        return names.get(value) ?? value;
      },
      write(view, at, value, name, syscall) {
        const found = typeof value === "string" ? numbers.get(value) : value;
        if (found === undefined) {
          const known = [...numbers.keys()].join(", ");
          throw new LibcError(syscall, "EINVAL", `${name} must be one of ${known}, got ${shown(value)}`);
        }
        base.write(view, at, found, name, syscall);
      },
      trace(view, at) {
        const value = read(view, at);
        const name = names.get(value);
        return name === undefined ? value : constant(value, name);
      },
      type: {
        kind: "enum",
        names: (base.type as Described & { kind: "number" }).names,
        values: Object.fromEntries(numbers),
      },
      depth: 0,
      atomic: 1,
    } satisfies Part<string | number> as Part,
  );
}

const WORDS = new Map<unknown, WordsClass>([
  [i8, Int8Array],
  [u8, Uint8Array],
  [i16, Int16Array],
  [u16, Uint16Array],
  [i32, Int32Array],
  [u32, Uint32Array],
  [i64, BigInt64Array],
  [u64, BigUint64Array],
]);

/**
 * A number that is read and written by `Atomics`, `_Atomic` in C: no other process sees half of it, and what was written
 * before it is there once it is seen. A record with one has to lie at a multiple of its size. More than one step at once,
 * as to add to it, is what the record's functions do: {@linkcode RecordType.add}, {@linkcode RecordType.compareExchange} …
 *
 * @param kind `i8` to `u64`.
 * @returns The field's type.
 * @throws {LibcError} `EINVAL` what is none of these.
 *
 * @example
 * ```ts
 * import { atomic, record, SharedMemory, u32 } from "./mod.ts";
 *
 * const Counters = record({ served: atomic(u32), failed: atomic(u32) });
 * using segment = SharedMemory.create(Counters.size);
 * const counters = Counters.at(segment);
 * Counters.add(counters, "served", 1);
 * console.log(counters.served, counters.failed); // 1 0
 * ```
 */
export function atomic<T extends number | bigint>(kind: Field<T, T, "value">): Field<T, T, "atomic"> {
  const words = WORDS.get(kind);
  if (!words) throw new LibcError("atomic", "EINVAL", `kind must be one of i8 to u64, got ${shown(kind)}`);
  const part = partOf(kind, "atomic", "kind");
  const type = { ...part.type, atomic: true } as Described;
  return fieldOf({ ...part, type, words, align: part.size, atomic: part.size });
}

const arrays = new WeakMap<Part, LiveClasses>();

/** The classes of all live arrays of such elements. */
function classesFor(element: Part): LiveClasses {
  let found = arrays.get(element);
  if (!found) arrays.set(element, found = classesOf(LiveArray, elementsOf(element)));
  return found;
}

const SHOWN = 32; // elements that a trace tells

/** An array, which a record's own may also be longer than a field. */
export function arrayOf(element: Part, length: number, syscall: string): Part<unknown[]> {
  const { size, align, depth, atomic } = element;
  const of = classesFor(element);
  const part: Part<unknown[]> = {
    size: size * length,
    align,
    depth: depth + 1,
    atomic,
    element,
    type: { kind: "array", of: element.type, length, size },
    read(view, at) {
      if (size * length > LARGEST) {
        throw new LibcError(syscall, "EFBIG", `${length} elements are too many to be read at once`);
      }
      return Array.from({ length }, (_, i) => element.read(view, at + i * size));
    },
    write(view, at, value, name, syscall) {
      const placed = placedOf(value); // of another record, or another place
      const items = placed?.part.element === element && placed.length === length
        ? placed.place.peek(placed.part, placed.at) as unknown[]
        : itemsIn(value, length);
      if (!items) {
        throw new LibcError(syscall, "EINVAL", `${name} must be an array of ${length}, got ${shown(value)}`);
      }
      for (let i = 0; i < length; i++) element.write(view, at + i * size, items[i], `${name}[${i}]`, syscall);
    },
    trace(view, at) {
      const told = Math.min(length, SHOWN);
      const list = Array.from({ length: told }, (_, i) => element.trace(view, at + i * size));
      return told < length ? [...list, constant(0, "...")] : list;
    },
    live: (place, at) => live(of, place, part as Part, at, length),
  };
  return part;
}

/** The items of an array, or of a typed array, of just that length; undefined for anything else. */
function itemsIn(value: unknown, length: number): ArrayLike<unknown> | undefined {
  const typed = lengthOfArray(value);
  // a typed array of the program's own class may have another `length`, but no other elements
  if (typed !== undefined) return typed === length ? value as ArrayLike<unknown> : undefined;
  const items = itemsOf(value, length + 1);
  return items.length === length && isArray(value) ? items : undefined;
}

function isArray(value: unknown): boolean {
  try {
    return Array.isArray(value);
  } catch {
    return false; // a proxy that was revoked
  }
}

/** An array in memory. */
export interface FieldArray<T, V = T> extends Iterable<V> {
  /** How many elements. */
  readonly length: number;
  /**
   * An element: a value, or a view of what is a record or an array itself.
   *
   * @param index Which, from 0.
   * @throws {LibcError} `EINVAL` there is none; `EFAULT` the memory is gone.
   */
  get(index: number): V;
  /**
   * Writes an element.
   *
   * @param index Which, from 0.
   * @param value What it is to be.
   * @throws {LibcError} `EINVAL` there is none, or such a value cannot be; `EFAULT` the memory is gone.
   */
  set(index: number, value: T): void;
  /**
   * Writes all elements, or if a value is wrong none.
   *
   * @param values As many values; for numbers a typed array will do.
   * @throws {LibcError} As {@linkcode set}.
   */
  write(values: readonly T[] | ArrayLike<T> & ArrayBufferView): void;
  /**
   * A copy of all elements as plain values.
   *
   * @throws {LibcError} `EINVAL` the memory is gone; `EFBIG` more than 4 MiB.
   */
  toArray(): T[];
}

/** An array of atomic numbers in memory. */
export interface AtomicArray<T> extends FieldArray<T> {
  /** Adds to an element, and gives what it was before. */
  add(index: number, value: T): T;
  /** Subtracts from an element, and gives what it was before. */
  sub(index: number, value: T): T;
  /** Leaves those bits of an element that the value has, too, and gives what it was before. */
  and(index: number, value: T): T;
  /** Sets bits of an element, and gives what it was before. */
  or(index: number, value: T): T;
  /** Flips bits of an element, and gives what it was before. */
  xor(index: number, value: T): T;
  /** Writes an element, and gives what it was before. */
  exchange(index: number, value: T): T;
  /** Writes an element if it is what is expected, and gives what it was before. */
  compareExchange(index: number, expected: T, replacement: T): T;
}

/** An array of records in memory. */
export interface RecordArray<T, V> extends FieldArray<T, V> {
  /**
   * For loops: what has the same view for all elements, one after the other, so that none is made for each.
   *
   * @returns The cursor. The view that its `get` has given is of another element after the next `get`.
   * @throws {LibcError} `EFAULT` the memory is gone.
   */
  cursor(): RecordCursor<V>;
}

/** One view for all elements of an array of records. */
export interface RecordCursor<V> {
  /**
   * The view, which is that of this element from now on.
   *
   * @param index Which element, from 0.
   * @throws {LibcError} `EINVAL` there is none; `EFAULT` the memory is gone.
   */
  get(index: number): V;
}

/** What a live view has for an array. */
export type ArrayView<T, V, S> = S extends "atomic" ? AtomicArray<T>
  : V extends Iterable<unknown> ? FieldArray<T, V>
  : S extends "part" ? RecordArray<T, V>
  : FieldArray<T, V>;

/**
 * An array of fixed length: `kind name[length]`. In a live view it has `get(i)`, `set(i, value)`, `write(values)`,
 * `toArray()`, `length`, and can be iterated; of atomic numbers also `add(i, value)` and the others, of records `cursor()`.
 *
 * @param kind What the elements are: also arrays or records.
 * @param length How many.
 * @returns The field's type.
 * @throws {LibcError} `EINVAL` no such field, a length that is none, more than 4 MiB, or more than 6 levels deep.
 *
 * @example
 * ```ts
 * import { array, f32, record } from "./mod.ts";
 *
 * const Matrix = record({ rows: array(array(f32, 2), 2) });
 * const view = Matrix.at(Matrix.encode({ rows: [[1, 2], [3, 4]] }));
 * view.rows.get(1).set(0, 5);
 * console.log(view.rows.toArray()); // [ [ 1, 2 ], [ 5, 4 ] ]
 * ```
 */
export function array<T, V, S extends "value" | "atomic" | "part">(
  kind: Field<T, V, S>,
  length: number,
): Field<T[], ArrayView<T, V, S>, "part"> {
  const element = partOf(kind, "array", "kind");
  const number = count(length, "array", Math.floor(LARGEST / element.size));
  if (element.hidden) throw new LibcError("array", "EINVAL", "padding has no elements: give it the whole length");
  if (element.depth >= DEEPEST) throw new LibcError("array", "EINVAL", `more than ${DEEPEST} levels deep`);
  checkStride(element, "array");
  return fieldOf(arrayOf(element, number, "array") as Part);
}

/** Throws if only some elements of an array would be where atomic numbers can be. */
export function checkStride({ size, atomic }: Part, syscall: string): void {
  if (size % atomic === 0) return;
  throw new LibcError(
    syscall,
    "EINVAL",
    `elements of ${size} bytes don't all lie at a multiple of ${atomic}, as atomic numbers must`,
  );
}

/**
 * A field at an offset of one's own choice, instead of the next that there is. Fields stay in their order.
 *
 * @param offset Where it begins, in bytes.
 * @param kind What it is.
 * @returns The field's type.
 * @throws {LibcError} `EINVAL` an offset that is none, or no multiple of the field's alignment, unless the record is packed.
 *
 * @example
 * ```ts
 * import { atOffset, i32, record } from "./mod.ts";
 *
 * const Header = record({ magic: i32, length: atOffset(64, i32) }, { size: 128 });
 * console.log(Header.offsets.length, Header.size); // 64 128
 * ```
 */
export function atOffset<T, V, S extends "value" | "atomic" | "part">(
  offset: number,
  kind: Field<T, V, S>,
): Field<T, V, S> {
  const part = partOf(kind, "atOffset", "kind");
  if (!(typeof offset === "number" && Number.isInteger(offset) && offset >= 0 && offset <= LARGEST)) {
    throw new LibcError("atOffset", "EINVAL", `offset must be 0 to ${LARGEST}, got ${shown(offset)}`);
  }
  return fieldOf(part, offset);
}

const NO_NAMES = new Set(
  ("__proto__ constructor bool true false NULL offsetof auto break case char const continue default do double else enum extern float for goto if inline int " +
    "long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while")
    .split(" "),
);

/** Whether C can have something of this name, and JavaScript a property. */
export function isName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z_0-9]*$/.test(name) && !NO_NAMES.has(name);
}

/** The names and values of an object, each read once. */
export function entriesOf(object: unknown, syscall: string, name: string): [string, unknown][] {
  try {
    if (typeof object === "object" && object !== null && !Array.isArray(object)) return Object.entries(object);
  } catch {
    throw new LibcError(syscall, "EINVAL", `${name} cannot be read`);
  }
  throw new LibcError(syscall, "EINVAL", `${name} must be an object, got ${shown(object)}`);
}
