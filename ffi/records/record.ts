/**
 * Records: one declaration, typed here, the same bytes in C and Python.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { isBytes, offsetOf as offsetIn, plain } from "../native/bytes.ts";
import { shown } from "../native/check.ts";
import { anyGone } from "../native/faults.ts";
import { laidOut, type Layout } from "../native/layout.ts";
import {
  copied,
  isMemory,
  lengthOf,
  type Memory,
  memoryOf,
  mindGone,
  part as partOfMemory,
  range,
  readablePart,
} from "../native/memory.ts";
import type { ReadOnlyMemory } from "../native/memory.ts";
import { type Field as TracedField, tracing } from "../native/observer.ts";
import { known, optionsOf } from "../native/options.ts";
import { Message } from "../objects/message.ts";
import { PosixMessage } from "../objects/posix_message.ts";
import type { MappedMemory } from "../objects/mapped_memory.ts";
import type { SharedMemory } from "../objects/shared_memory.ts";
import { type Described, DESCRIPTION, type Description } from "./description.ts";
import {
  arrayOf,
  checkStride,
  DEEPEST,
  entriesOf,
  Field,
  isName,
  LARGEST,
  made,
  offsetOf,
  partOf,
  type RecordArray,
} from "./fields.ts";
import { classesOf, fieldAt, Live, live, type Placed, placedOf } from "./live.ts";
import { type Operation, type Part, Place, room } from "./place.ts";
import { type RecordLanguage, textOf } from "./text.ts";
import type { FieldName, Fields, FieldValue, FieldValues, FieldViews } from "./types.ts";

/** How a record differs from what a C compiler makes of its fields by itself. */
export interface RecordOptions {
  /** What it is called in errors, in traces and in other languages. */
  name?: string;
  /** Whether its fields lie one right behind the other, whatever their alignment: `__attribute__((packed))`. */
  packed?: boolean;
  /** Its size in bytes, if there is to be room behind its fields. */
  size?: number;
}

const OPTIONS = known<RecordOptions>(({ name, packed, size }) => ({ name, packed, size }));

/** Where a record can be: bytes of any memory, a segment, a message that was received. */
export type RecordMemory = Uint8Array | ReadOnlyMemory | SharedMemory | MappedMemory | Message | PosixMessage;

const messageData = Object.getOwnPropertyDescriptor(Message.prototype, "data")!.get!;

/** The memory that is meant. */
function memoryFor(memory: unknown, syscall: string): Memory {
  if (isMemory(memory)) return memory;
  if (typeof memory === "object" && memory !== null) {
    const held = memoryOf(memory);
    if (held) return held;
    try {
      const data: unknown = memory instanceof PosixMessage ? memory.data : messageData.call(memory);
      if (isBytes(data)) return data;
    } catch { /* no message */ }
  }
  throw new LibcError(
    syscall,
    "EFAULT",
    `memory must be a Uint8Array, a segment or a message, got ${shown(memory)}`,
  );
}

/** What is known of a record. */
interface Declared {
  readonly name: string;
  readonly layout: Layout;
  readonly part: Part;
}

let declared: Declared | undefined;

/**
 * What a record's bytes are to a trace. Throws if it is no record.
 *
 * @ignore
 */
export let fieldOfRecord: (
  record: RecordType,
  data: Uint8Array | undefined,
  syscall: string,
) => TracedField | undefined;

/**
 * A record's type: what {@linkcode record} gives. It can be the type of another record's field.
 *
 * @typeParam F The types of its fields.
 */
export class RecordType<F extends Fields = Fields> extends Field<FieldValues<F>, FieldViews<F>, "part"> {
  /** Where each field begins, in bytes. */
  readonly offsets: { readonly [K in keyof F]: number };
  readonly #name: string;
  readonly #part: Part;
  readonly #description: Description;

  static {
    fieldOfRecord = (record, data, syscall) => {
      if (typeof record !== "object" || record === null || !(#part in record)) {
        throw new LibcError(syscall, "EINVAL", `record must be one that record() gave, got ${shown(record)}`);
      }
      const { name } = record.#description;
      return data &&
        { name, value: record.#part.trace(new DataView(data.buffer, data.byteOffset, data.byteLength), 0) };
    };
    // also for a program that has another copy of this class
    Object.defineProperty(this.prototype, DESCRIPTION, {
      get(this: RecordType) {
        return this.#description;
      },
    });
  }

  /** @ignore */
  private constructor() {
    const found = declared;
    declared = undefined;
    if (!found) throw new LibcError("record", "EINVAL", "records are made by record()");
    super(found.part);
    const members = Object.entries(found.layout.members);
    this.offsets = Object.freeze(Object.fromEntries(members.map(([name, { at }]) => [name, at]))) as this["offsets"];
    this.#name = found.name || "record";
    this.#part = found.part;
    this.#description = (found.part.type as Extract<Described, { kind: "record" }>).of;
    Object.freeze(this);
  }

  /**
   * A live view: its properties are the fields in memory, as they are at that moment, and as they are set. None of them
   * makes an object, but text, bytes and bigints; a nested record or an array is an object that stays the same.
   *
   * A view is good until the memory is detached; each access is an error then.
   *
   * @param memory Where the record is. Of what is attached or mapped for reading only, a property that is set is an error.
   * @param offset Its first byte; 0 unless given. With atomic fields it has to be a multiple of their size.
   * @returns The view.
   * @throws {LibcError} `EINVAL` not inside the memory, or detached; `EFAULT` no memory.
   *
   * @example See {@linkcode record}.
   */
  at(memory: RecordMemory, offset: number = 0): FieldViews<F> {
    const bytes = this.#bytes(memory, offset, this.size);
    return this.#part.live!(new Place(bytes, this.#part, this.#named), 0) as FieldViews<F>;
  }

  /**
   * A live array of records.
   *
   * @param memory Where they are.
   * @param offset The first byte of the first; 0 unless given.
   * @param length How many; as many as there is room for unless given.
   * @returns The array: `get(i)` makes a view of one; in loops, `cursor()` has one view for all of them.
   * @throws {LibcError} As {@linkcode at}.
   *
   * @example
   * ```ts
   * import { f64, i32, record, SharedMemory } from "./mod.ts";
   *
   * const Point = record({ id: i32, value: f64 });
   * using segment = SharedMemory.create(1000 * Point.size);
   * const points = Point.arrayAt(segment);
   * const cursor = points.cursor();
   * for (let i = 0; i < points.length; i++) cursor.get(i).value = i / 2;
   * console.log(points.length, points.get(999).value); // 1000 499.5
   * ```
   */
  arrayAt(memory: RecordMemory, offset: number = 0, length?: number): RecordArray<FieldValues<F>, FieldViews<F>> {
    const from = memoryFor(memory, this.#name);
    const total = lengthOf(from, this.#name);
    range(offset, 0, total, this.#name);
    const count = length === undefined ? Math.floor((total - offset) / this.size) : length;
    if (!(typeof count === "number" && Number.isSafeInteger(count) && count >= 0)) {
      throw new LibcError(this.#name, "EINVAL", `length must be 0 or more, got ${shown(length)}`);
    }
    if (count > 1) checkStride(this.#part, this.#name);
    const bytes = this.#bytes(from, offset, count * this.size);
    const root = arrayOf(this.#part, count, this.#name) as Part;
    return root.live!(new Place(bytes, root, this.#named), 0) as never;
  }

  /**
   * Reads a record whole.
   *
   * @param memory Where it is, or a live view of it.
   * @param offset Its first byte; 0 unless given.
   * @returns Its fields as a plain object: a copy, of which the fields need not be of one moment if somebody writes.
   * @throws {LibcError} `EINVAL` not inside the memory, or detached; `EFAULT` no memory.
   */
  read(memory: RecordMemory | FieldViews<F>, offset: number = 0): FieldValues<F> {
    const placed = placedOf(memory);
    if (placed) {
      const { place, at } = this.#own(placed, offset);
      return place.get(this.#part, at, this.#name) as FieldValues<F>;
    }
    const from = memoryFor(memory, this.#name);
    const data = copied(from, offset, this.size, this.#name);
    const view = new DataView(data.buffer);
    const value = this.#part.read(view, 0, this.#name) as FieldValues<F>;
    if (anyGone()) mindGone(from, this.#name);
    if (tracing.current !== undefined) {
      tracing.current.touched("read", from, offset, data, { name: this.#name, value: this.#part.trace(view, 0) });
    }
    return value;
  }

  /**
   * Writes a record whole, with zeros between its fields; not as one step, if somebody reads.
   *
   * @param memory Where it goes, or a live view of it.
   * @param value All of its fields; with one too few, one too many or a wrong one, nothing is written.
   * @param offset Its first byte; 0 unless given.
   * @throws {LibcError} `EINVAL` a value that cannot be, not inside the memory, or detached; `EACCES` attached for reading
   * only; `EFAULT` no memory.
   */
  write(memory: RecordMemory | FieldViews<F>, value: FieldValues<F>, offset: number = 0): void {
    const placed = placedOf(memory);
    if (placed) {
      const { place, at } = this.#own(placed, offset);
      return place.put(this.#part, at, value, "", this.#name);
    }
    const bytes = this.#bytes(memory, offset, this.size, true);
    new Place(bytes, this.#part, this.#named).put(this.#part, 0, value, "", this.#name);
  }

  /**
   * A record's bytes, to be sent as a message or written to a file.
   *
   * @param value All of its fields.
   * @returns New bytes; {@linkcode read} makes a value of them again.
   * @throws {LibcError} `EINVAL` a value that cannot be.
   *
   * @example
   * ```ts
   * import { char, i32, MessageQueue, record } from "./mod.ts";
   *
   * const Greeting = record({ id: i32, text: char(28) });
   * using queue = MessageQueue.create();
   * queue.sendSync(Greeting.encode({ id: 1, text: "Did you get this?" }));
   * console.log(Greeting.read(queue.receiveSync()).text); // Did you get this?
   * ```
   */
  encode(value: FieldValues<F>): Uint8Array<ArrayBuffer> {
    const data = room(this.size, this.#name);
    this.#part.write(new DataView(data.buffer), 0, value, "", this.#name);
    return data;
  }

  /**
   * The bytes under a live view, such as to send them: the memory itself.
   *
   * @param view The view.
   * @returns The bytes; none of them once the memory is gone.
   * @throws {LibcError} `EINVAL` not a view of this record; `EACCES` the memory may only be read.
   */
  bytes(view: FieldViews<F>): Uint8Array<ArrayBuffer> {
    const { place, at } = this.#own(placedOf(view), 0);
    place.mindWrite();
    try {
      return plain(place.bytes, at, at + this.size);
    } catch {
      return new Uint8Array(0);
    }
  }

  /**
   * Adds to an atomic field, in one step.
   *
   * @param view A live view of this record.
   * @param field The field.
   * @param value What to add; the sum wraps around as in C.
   * @returns What it was before.
   * @throws {LibcError} `EINVAL` no such field or value; `EACCES` the memory may only be read; `EFAULT` it is gone.
   *
   * @example See {@linkcode atomic}.
   */
  add<K extends FieldName<F, "atomic">>(view: FieldViews<F>, field: K, value: FieldValue<F[K]>): FieldValue<F[K]> {
    return this.#operate("add", view, field, value) as FieldValue<F[K]>;
  }

  /**
   * Subtracts from an atomic field, in one step.
   *
   * @param view A live view of this record.
   * @param field The field.
   * @param value What to subtract.
   * @returns What it was before.
   * @throws {LibcError} As {@linkcode add}.
   */
  sub<K extends FieldName<F, "atomic">>(view: FieldViews<F>, field: K, value: FieldValue<F[K]>): FieldValue<F[K]> {
    return this.#operate("sub", view, field, value) as FieldValue<F[K]>;
  }

  /**
   * Leaves those bits of an atomic field that the value has, too, in one step.
   *
   * @param view A live view of this record.
   * @param field The field.
   * @param value The bits.
   * @returns What it was before.
   * @throws {LibcError} As {@linkcode add}.
   */
  and<K extends FieldName<F, "atomic">>(view: FieldViews<F>, field: K, value: FieldValue<F[K]>): FieldValue<F[K]> {
    return this.#operate("and", view, field, value) as FieldValue<F[K]>;
  }

  /**
   * Sets bits of an atomic field, in one step.
   *
   * @param view A live view of this record.
   * @param field The field.
   * @param value The bits.
   * @returns What it was before.
   * @throws {LibcError} As {@linkcode add}.
   */
  or<K extends FieldName<F, "atomic">>(view: FieldViews<F>, field: K, value: FieldValue<F[K]>): FieldValue<F[K]> {
    return this.#operate("or", view, field, value) as FieldValue<F[K]>;
  }

  /**
   * Flips bits of an atomic field, in one step.
   *
   * @param view A live view of this record.
   * @param field The field.
   * @param value The bits.
   * @returns What it was before.
   * @throws {LibcError} As {@linkcode add}.
   */
  xor<K extends FieldName<F, "atomic">>(view: FieldViews<F>, field: K, value: FieldValue<F[K]>): FieldValue<F[K]> {
    return this.#operate("xor", view, field, value) as FieldValue<F[K]>;
  }

  /**
   * Writes an atomic field, and gives what it was, in one step.
   *
   * @param view A live view of this record.
   * @param field The field.
   * @param value What it is to be.
   * @returns What it was before.
   * @throws {LibcError} As {@linkcode add}.
   */
  exchange<K extends FieldName<F, "atomic">>(view: FieldViews<F>, field: K, value: FieldValue<F[K]>): FieldValue<F[K]> {
    return this.#operate("exchange", view, field, value) as FieldValue<F[K]>;
  }

  /**
   * Writes an atomic field if it is what is expected, in one step.
   *
   * @param view A live view of this record.
   * @param field The field.
   * @param expected What it has to be.
   * @param replacement What it is to be then.
   * @returns What it was before: if that is what was expected, it has been written.
   * @throws {LibcError} As {@linkcode add}.
   */
  compareExchange<K extends FieldName<F, "atomic">>(
    view: FieldViews<F>,
    field: K,
    expected: FieldValue<F[K]>,
    replacement: FieldValue<F[K]>,
  ): FieldValue<F[K]> {
    const { place, part, at } = this.#atomic(view, field);
    try {
      return place.exchange(part, at, expected, replacement, this.#name) as FieldValue<F[K]>;
    } catch (error) {
      throw place.failed(error, field as string);
    }
  }

  /**
   * The record in another language, with all records in it: what has the same bytes there.
   *
   * @param language `"c"` for a header, `"python"` for `ctypes` and `struct`, `"rust"` for `repr(C)`.
   * @returns The text. The record has to have a name for it; `deno task ipc record FILE` takes that of the export.
   * @throws {LibcError} `EINVAL` it has none, or two records in it have the same one.
   *
   * @example
   * ```ts
   * import { i32, record } from "./mod.ts";
   *
   * console.log(record({ id: i32 }, { name: "Reading" }).text("c").includes("struct Reading {")); // true
   * ```
   */
  text(language: RecordLanguage): string {
    return textOf([this.#description], language);
  }

  /** How `console.log` shows it: by its name, and where its fields are. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    return `${this.#name} ${inspect({ size: this.size, align: this.align, offsets: this.offsets }, options)}`;
  }

  /** What paths in it begin with. */
  get #named(): string {
    return this.#description.name;
  }

  /** The bytes that a record takes, where it can lie: for views, or to be written whole. */
  #bytes(
    memory: unknown,
    offset: number,
    length: number,
    whole: boolean = false,
  ): Uint8Array<ArrayBuffer> {
    const from = memoryFor(memory, this.#name);
    const bytes = whole || isBytes(from)
      ? partOfMemory(from, offset, length, this.#name)
      : readablePart(from, offset, length, this.#name);
    const align = whole ? 1 : this.#part.atomic;
    if (length > 0 && offsetIn(bytes) % align !== 0) {
      throw new LibcError(
        this.#name,
        "EINVAL",
        `its atomic fields need a multiple of ${align}, got ${offsetIn(bytes)}`,
      );
    }
    return bytes;
  }

  #own(placed: Placed | undefined, offset: number): Placed {
    if (placed?.part === this.#part && offset === 0) return placed;
    const what = placed?.part === this.#part ? "a view has no offset" : "not a view of this record";
    throw new LibcError(this.#name, "EINVAL", what);
  }

  #atomic(view: unknown, name: unknown): { place: Place; part: Part; at: number } {
    const { place, at } = this.#own(placedOf(view), 0);
    const { members } = this.#part.layout!;
    const found = typeof name === "string" && Object.hasOwn(members, name) ? members[name] : undefined;
    const part = found?.member as Part | undefined;
    if (!part?.words) throw new LibcError(this.#name, "EINVAL", `no atomic field ${shown(name)}`);
    return { place, part, at: at + found!.at };
  }

  #operate(operation: Operation, view: unknown, name: unknown, value: unknown): unknown {
    const { place, part, at } = this.#atomic(view, name);
    try {
      return place.operate(operation, part, at, value, name as string, this.#name);
    } catch (error) {
      throw place.failed(error, name as string);
    }
  }
}

// another class above it would be handed the fields' functions, and so what they are asked to read
Object.preventExtensions(RecordType);

function descriptionOf(name: string, layout: Layout, packed: boolean): Description {
  return {
    name,
    size: layout.size,
    align: layout.align,
    packed,
    fields: Object.entries(layout.members).map(([name, { at, member }]) => {
      const { size, align, type } = member as Part;
      return { name, at, size, align, type };
    }),
  };
}

/**
 * Declares a record: data that lies in memory as C's compiler puts it there, each field at a multiple of its alignment.
 *
 * Of it there are live views (`at`, `arrayAt`), plain objects (`read`, `write`, `encode`), and its declarations in C, Python
 * and Rust (`text`, or `deno task ipc record FILE --c`). The layout is the same on x86-64 and arm64. Numbers have their
 * width for a name; C's `int` is {@linkcode i32}. A trace tells each access to a segment with the field's name.
 *
 * @param fields Their types by their names, in their order: {@linkcode i32}, {@linkcode f64}, {@linkcode char},
 * {@linkcode array}, another record …
 * @param options Its name, and whether it is packed, or larger than its fields.
 * @returns The record's type.
 * @throws {LibcError} `EINVAL` a name that C could not have, what is no type of a field, offsets that overlap, atomic fields
 * where they cannot be, more than 4 MiB or 6 levels of records and arrays.
 *
 * @example
 * ```ts
 * import { array, char, f32, f64, i32, record, SharedMemory, u16, type ValueOf } from "./mod.ts";
 *
 * const Inner = record({ flags: u16 }, { name: "Inner" });
 * const Reading = record({ id: i32, value: f64, name: char(16), samples: array(f32, 8), next: Inner }, { name: "Reading" });
 * console.log(Reading.size, Reading.offsets.value); // 72 8
 *
 * using segment = SharedMemory.create(4096);
 * const reading = Reading.at(segment, 64);
 * reading.value = 21.5; // as `reading->value = 21.5` in C
 * reading.samples.set(3, 0.25);
 * reading.next.flags |= 1;
 *
 * const copy: ValueOf<typeof Reading> = Reading.read(reading);
 * console.log(copy.value, copy.samples[3], copy.next.flags); // 21.5 0.25 1
 * ```
 */
export function record<const F extends Fields>(fields: F, options?: RecordOptions): RecordType<F> {
  const { name = "", packed = false, size = 0 } = optionsOf(options, OPTIONS, "record");
  if (typeof name !== "string" || name !== "" && !isName(name)) {
    throw new LibcError("record", "EINVAL", `name must be one that C can have, got ${shown(name)}`);
  }
  if (typeof packed !== "boolean") {
    throw new LibcError("record", "EINVAL", `packed must be true or false, got ${shown(packed)}`);
  }
  if (!(typeof size === "number" && Number.isInteger(size) && size >= 0 && size <= LARGEST)) {
    throw new LibcError("record", "EINVAL", `size must be 1 to ${LARGEST}, got ${shown(size)}`);
  }
  const parts = partsOf(fields);
  const list = Object.fromEntries(parts.map(([name, part, offset]) => [name, { ...part, offset }]));
  const laid = laidOut(name || "record", list, Deno.build.arch, { packed, size });
  const members: Record<string, { at: number; member: Part }> = {};
  let end = 0;
  for (const [name, part, offset] of parts) {
    const { at } = laid.members[name];
    if (offset !== undefined && (offset < end || at !== offset)) {
      const why = offset < end ? `the fields before it end at ${end}` : `it has to be at a multiple of ${part.align}`;
      throw new LibcError("record", "EINVAL", `${name} cannot be at ${offset}: ${why}`);
    }
    if (at % part.atomic !== 0) {
      throw new LibcError("record", "EINVAL", `${name} is atomic and at ${at}, which is no multiple of ${part.atomic}`);
    }
    members[name] = { at, member: part };
    end = at + part.size;
  }
  if (size > 0 && laid.size !== size) {
    throw new LibcError(
      "record",
      "EINVAL",
      `size cannot be ${size}: its fields take ${laid.size} bytes, or it is no multiple of ${laid.align}`,
    );
  }
  if (laid.size > LARGEST) throw new LibcError("record", "EINVAL", `${laid.size} bytes are more than ${LARGEST}`);
  const layout: Layout = { ...laid, members };
  const part = made(recordPart(name, layout, packed));
  declared = { name, layout, part };
  return new (RecordType as unknown as new () => RecordType<F>)();
}

/** The fields' names and what they are. */
function partsOf(fields: unknown): [name: string, part: Part, offset: number | undefined][] {
  const parts = entriesOf(fields, "record", "fields").map(([name, field]): [string, Part, number | undefined] => {
    if (!isName(name)) throw new LibcError("record", "EINVAL", `${shown(name)} is no name for a field in C`);
    const part = partOf(field, "record", name, true);
    if (part.depth >= DEEPEST) throw new LibcError("record", "EINVAL", `${name}: more than ${DEEPEST} levels deep`);
    return [name, part, offsetOf(field)];
  });
  if (parts.length > 0) return parts;
  throw new LibcError("record", "EINVAL", "a record has at least one field");
}

/** A record as a part, with the class of its views. */
function recordPart(name: string, layout: Layout, packed: boolean): Part {
  const { size, align, members } = layout;
  const all = Object.entries(members) as [string, { at: number; member: Part }][];
  const fields = all.filter(([, { member }]) => !member.hidden)
    .map(([name, { at, member: part }]) => ({ name, at, part }));
  const names = new Set(fields.map(({ name }) => name));
  const part: Part = {
    size,
    align,
    depth: 1 + Math.max(...all.map(([, { member }]) => member.depth)),
    atomic: Math.max(...all.map(([, { member }]) => member.atomic)),
    layout,
    type: { kind: "record", of: descriptionOf(name, layout, packed) },
    read(view, from) {
      const value: Record<string, unknown> = {};
      for (const { name, at, part } of fields) value[name] = part.read(view, from + at);
      return value;
    },
    write(view, to, value, path, syscall) {
      const given = fieldsOfValue(part, value, names, path, syscall);
      for (const { name, at, part } of fields) {
        const inner = path === "" ? name : `${path}.${name}`;
        let one: unknown;
        try {
          one = given[name];
        } catch {
          throw new LibcError(syscall, "EINVAL", `${inner} cannot be read`);
        }
        if (one === undefined) throw new LibcError(syscall, "EINVAL", `${inner} is missing`);
        part.write(view, to + at, one, inner, syscall);
      }
    },
    trace: (view, from) => ({
      struct: name || "record",
      fields: Object.fromEntries(fields.map(({ name, at, part }) => [name, part.trace(view, from + at)])),
    }),
    live: (place, at) => live(of, place, part, at),
  };
  const properties = fields.map(({ name: field, at, part }, index) =>
    [field, fieldAt(field, at, part, index, name || "record")] as const
  );
  const of = classesOf(Live, Object.fromEntries(properties));
  return part;
}

/** A value that has no other fields than a record. */
function fieldsOfValue(
  part: Part,
  value: unknown,
  names: ReadonlySet<string>,
  path: string,
  syscall: string,
): Record<string, unknown> {
  const placed = placedOf(value); // a view, of this place or another
  if (placed?.part === part) return placed.place.peek(part, placed.at) as Record<string, unknown>;
  const entire = path || "value";
  if (typeof value !== "object" || value === null) {
    throw new LibcError(syscall, "EINVAL", `${entire} must be an object with the record's fields, got ${shown(value)}`);
  }
  let other: string | undefined;
  try {
    other = Object.keys(value).find((key) => !names.has(key));
  } catch {
    throw new LibcError(syscall, "EINVAL", `${entire} cannot be read`);
  }
  if (other !== undefined) throw new LibcError(syscall, "EINVAL", `${entire} has ${shown(other)}, which is no field`);
  return value as Record<string, unknown>;
}
