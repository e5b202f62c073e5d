/**
 * The one language in which structures are declared: their members' names and types, in C's order. Offsets and sizes
 * follow, as C's compiler has them.
 *
 * @example
 * ```ts ignore
 * export class timeval extends Struct {
 *   /** Seconds. *\/
 *   declare tv_sec: number;
 *   /** Microseconds. *\/
 *   declare tv_usec: number;
 * }
 * layout(timeval, "setsockopt", { tv_sec: long, tv_usec: long });
 * ```
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "./check.ts";
import type { TracedArgument, TracedStruct } from "../trace/event.ts";
import { byteLengthOf } from "./bytes.ts";
import { type Kind, type Member, memory, traced, viewOn } from "./kinds.ts";

/** A declared structure. */
export interface Layout {
  /** C's name. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Its address is a multiple of this. */
  readonly align: number;
  /** Each member, and where it lies. */
  readonly members: Readonly<Record<string, { readonly at: number; readonly member: Member }>>;
}

type Members = Readonly<Record<string, Member>>;

/** How members are laid out, if not as C does unless told otherwise. */
export interface LayoutOptions {
  /** One right behind the other: everywhere, or on this architecture. */
  readonly packed?: boolean | typeof Deno.build.arch;
  /** How large the whole is, if larger than its members. */
  readonly size?: number;
}

/** Lays members out one after the other, each at a multiple of its alignment. */
export function laidOut(
  name: string,
  list: Members,
  arch: typeof Deno.build.arch = Deno.build.arch,
  { packed, size = 0 }: LayoutOptions = {},
): Layout {
  const machine = arch === "aarch64" ? "aarch64" : "x86_64";
  const dense = packed === true || packed === machine;
  const members: Record<string, { at: number; member: Member }> = {};
  let end = 0;
  let align = 1;
  for (const key in list) {
    const member = list[key];
    if (member.arch !== undefined && member.arch !== machine) continue;
    const own = dense ? 1 : member.align;
    const at = member.over === undefined ? aligned(member.offset ?? end, own) : members[member.over].at;
    members[member.name ?? key] = { at, member };
    end = Math.max(end, at + member.size);
    align = Math.max(align, own);
  }
  return { name, size: aligned(Math.max(end, size), align), align, members };
}

function aligned(at: number, to: number): number {
  return Math.ceil(at / to) * to;
}

/** What is told of a structure's members. */
export function fieldsOf({ name, members }: Layout, view: DataView, at = 0): TracedStruct {
  const fields: Record<string, TracedArgument> = {};
  for (const key in members) {
    const { at: offset, member } = members[key];
    const shown = member.c ?? key;
    if (!shown.startsWith("__") || member.c) fields[key] = member.trace(view, at + offset);
  }
  return { struct: name, fields };
}

// deno-lint-ignore no-explicit-any -- of whatever arguments
type Class<T extends Struct = Struct> = abstract new (...args: any[]) => T;

interface Known extends Layout {
  readonly list: Members;
  readonly options?: LayoutOptions;
  readonly syscall: string;
  readonly settable: readonly string[];
}

const layouts = new Map<Class, Known>();

/** The layout of a class, here or on another architecture. */
export function layoutOf(of: Class, arch: typeof Deno.build.arch = Deno.build.arch): Layout {
  const known = knownLayout(of);
  return arch === Deno.build.arch ? known : laidOut(known.name, known.list, arch, known.options);
}

/** Every declared class, for the tests. */
export function declaredLayouts(): Map<Class, Layout> {
  return layouts;
}

/** The layout of a class, or of the one that it extends. */
function layoutFor(of: Class): Known | undefined {
  for (let c: Class | null = of; c !== null; c = Object.getPrototypeOf(c)) {
    const known = layouts.get(c);
    if (known) return known;
  }
}

function knownLayout(of: Class): Known {
  const known = layoutFor(of);
  if (known) return known;
  throw new LibcError("Struct", "EINVAL", "a class without a layout");
}

/** Why a member cannot be read or written: its own error, or the memory was transferred to somebody else. */
function gone(error: unknown, syscall: string, name: string): unknown {
  return error instanceof LibcError ? error : new LibcError(syscall, "EFAULT", `the memory of ${name} is gone`);
}

const LARGEST = 2 ** 31 + 7; // bytes: a message of the largest size

function bytesFor(size: number | undefined): number {
  if (size === undefined) return 0;
  if (Number.isInteger(size) && size >= 0 && size <= LARGEST) return size;
  throw new LibcError("Struct", "EINVAL", `size must be 0 to ${LARGEST} bytes, got ${shown(size)}`);
}

function newBytes(size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch {
    throw new LibcError("Struct", "ENOMEM", `${size} bytes`);
  }
}

/** Where the next structure is to lie, if it is a member of another one. */
let placed: { bytes: Uint8Array<ArrayBuffer>; syscall?: string } | undefined;

let ownBytesOf: (struct: unknown) => Uint8Array<ArrayBuffer> | undefined;
let viewOf: (struct: Struct) => DataView;
let define: (of: Class, layout: Known) => void;

/** A block of memory that has the layout of a C structure. */
export abstract class Struct {
  // nobody else has this view, so what it says of its length is true, also when the memory was transferred away
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #shown: Uint8Array<ArrayBuffer> | undefined; // the one that programs have
  readonly #view: DataView<ArrayBuffer>;
  readonly #syscall: string | undefined; // that of the structure that this one is a member of

  static {
    ownBytesOf = (struct) =>
      typeof struct === "object" && struct !== null && #bytes in struct ? struct.#bytes : undefined;
    viewOf = (struct) => struct.#view;
    define = ({ prototype }, { members, syscall, settable }) => {
      for (const name in members) {
        const { at, member } = members[name];
        Object.defineProperty(prototype, name, {
          configurable: true,
          get(this: Struct) {
            try {
              return member.read(this.#view, at, this.#syscall ?? syscall);
            } catch (error) {
              throw gone(error, this.#syscall ?? syscall, name);
            }
          },
          set: member.write && settable.includes(name)
            ? function (this: Struct, value: unknown) {
              try {
                member.write!(this.#view, at, value, name, this.#syscall ?? syscall);
              } catch (error) {
                throw gone(error, this.#syscall ?? syscall, name);
              }
            }
            : undefined,
        });
      }
    };
  }

  /**
   * Makes an empty structure.
   *
   * @param size Its size in bytes, where its class does not say it.
   */
  constructor(size?: number) {
    const here = placed;
    placed = undefined;
    this.#syscall = here?.syscall;
    this.#bytes = here?.bytes ?? newBytes(layoutFor(new.target)?.size ?? bytesFor(size));
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  /** The structure's bytes, which are handed to the kernel. */
  get bytes(): Uint8Array<ArrayBuffer> {
    try {
      const { buffer, byteOffset, byteLength } = this.#bytes;
      return this.#shown ??= new Uint8Array(buffer, byteOffset, byteLength);
    } catch (error) {
      throw gone(error, this.#syscall ?? "Struct", "the structure");
    }
  }

  /** Shows the members when a structure is logged: as accessors of the prototype they would not be seen. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    const shown: Record<string, unknown> = {};
    const known = typeof this.constructor === "function" ? layoutFor(this.constructor as Class) : undefined;
    if (known && #bytes in this && byteLengthOf(this.#bytes) >= known.size) {
      for (const name in known.members) {
        if (!name.startsWith("__")) shown[name] = this[name as keyof this];
      }
    }
    return `${typeof this.constructor === "function" ? this.constructor.name : "Struct"} ${
      inspect(Object.assign(shown, this), options)
    }`;
  }
}

/**
 * Declares the layout of a class. `syscall` is the function that takes it, for the errors of its members. All
 * members can be set, unless `settable` names those that can. `options` is for those that C does not lay out as usual.
 */
export function layout<T extends Struct, M extends { [K in keyof M]: K extends keyof T ? Member<T[K]> : Member }>(
  of: Class<T>,
  syscall: string,
  members: M,
  settable: readonly (keyof M & keyof T)[] = Object.keys(members) as (keyof M & keyof T)[],
  options?: LayoutOptions,
): void {
  const list = members as unknown as Members;
  // C has functions and structures of the same name
  const laid = laidOut(of.name.replace(/^struct_/, ""), list, Deno.build.arch, options);
  const known = { ...laid, list, options, syscall, settable: settable as readonly string[] };
  layouts.set(of, known);
  define(of, known);
}

/** A structure that lies in memory that is there already. */
function place<T extends Struct>(of: Class<T>, where: NonNullable<typeof placed>): T {
  placed = where;
  try {
    return new (of as unknown as new () => T)();
  } finally {
    placed = undefined; // a class that was made to extend something else has not taken it
  }
}

/** A structure as the member of another one. */
export function nested<T extends Struct>(of: Class<T>): Member<T> {
  const known = knownLayout(of);
  const made = new WeakMap<DataView, T>();
  const member: Member<T> = {
    size: known.size,
    align: known.align,
    read(view, at, syscall) {
      let inner = made.get(view);
      if (!inner) {
        const bytes = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + at, known.size);
        made.set(view, inner = place(of, { bytes, syscall }));
      }
      return inner;
    },
    trace: (view, at) => fieldsOf(known, view, at),
  };
  nestedIn.set(member, known);
  return member;
}

/** A structure as an element of an array. */
export function element(of: Layout): Pick<Member, "size" | "trace"> {
  return { size: of.size, trace: (view, at) => fieldsOf(of, view, at) };
}

/** What is told of the members that a program can set. */
function settableFields(of: Known, view: DataView, at = 0): TracedStruct {
  const fields: Record<string, TracedArgument> = {};
  for (const [name, { at: offset, member }] of Object.entries(of.members)) {
    const inner = nestedIn.get(member);
    if (inner) fields[name] = settableFields(inner, view, at + offset);
    else if (of.settable.includes(name)) fields[name] = member.trace(view, at + offset);
  }
  return { struct: of.name, fields };
}

/** The classes of the members that are structures. */
const nestedIn = new WeakMap<Member, Known>();

/** A structure that is passed to a call which takes no more from it than what can be set. */
export function settable(of: Class): Kind<"buffer"> {
  const known = knownLayout(of);
  return memory((data) => settableFields(known, viewOn(data)));
}

/** A structure that is passed to a call; fewer bytes than it has are told as bytes. */
export function struct(of: Class): Kind<"buffer"> {
  const known = knownLayout(of);
  return memory((data) => data.byteLength < known.size ? traced(data) : fieldsOf(known, viewOn(data)));
}

/** The bytes that a structure was made with, whatever its properties say; undefined for anything else. */
export function ownBytes(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  return ownBytesOf(value);
}

/** The same of a structure that is being made. */
export function bytesOfNew(struct: Struct, syscall: string): Uint8Array<ArrayBuffer> {
  const bytes = ownBytesOf(struct);
  if (bytes !== undefined) return bytes;
  throw new LibcError(syscall, "EFAULT", "the class was made to extend something that is no Struct");
}

/** A member of a structure that a call has filled, whatever its properties say. */
export function memberOf<T extends Struct, K extends keyof T & string>(of: Class<T>, struct: T, name: K): T[K] {
  const { at, member } = knownLayout(of).members[name];
  return member.read(viewOf(struct), at) as T[K];
}

/** Checks that an argument is a structure of the size that a call needs, and gives its bytes. */
export function structBytes(value: Struct, size: number, syscall: string, name: string): Uint8Array<ArrayBuffer> {
  const bytes = ownBytesOf(value);
  if (bytes !== undefined && byteLengthOf(bytes) >= size) return bytes;
  throw new LibcError(syscall, "EFAULT", `${name} is not a structure of ${size} bytes`);
}

/** A structure that one array of structures has at a place; it reads and writes there. */
export function at<T extends Struct>(of: Class<T>, bytes: Uint8Array<ArrayBuffer>): T {
  return place(of, { bytes });
}
