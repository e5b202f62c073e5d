/**
 * What arguments, results and members of structures can be. A kind is one object: how FFI passes it, and what a
 * trace tells of it. Kinds that a member can have also know their size, and how to read and write it.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "./check.ts";
import {
  TRACED_BYTES,
  type TracedArgument,
  type TracedBytes,
  type TracedFlags,
  type TracedPointer,
} from "../trace/event.ts";
import type { Ffi } from "./libc.ts";
import { byteLengthOf, plain } from "./bytes.ts";
import { textAt } from "./pointed.ts";

/** A call as a trace sees it: before it goes out, or when it is back. */
export interface Call {
  /** Its bare arguments. */
  readonly args: readonly unknown[];
  /** What it gave; undefined before it is back. */
  readonly result?: number;
  /** Whether it is back, and has not failed: what it fills is filled. */
  readonly done: boolean;
  /** The bare argument of a name in the manual page. */
  argument(name: string): unknown;
  /** What was told of the argument before the call. */
  before(name: string): TracedArgument | undefined;
}

/** What an argument or a result is. */
export interface Kind<F extends Ffi = Ffi> {
  /** How FFI passes it. */
  readonly ffi: F;
  /** A result that is a descriptor: the program's from then on. */
  readonly descriptor?: true;
  /** What a trace tells of it. */
  decode(value: unknown, call: Call, name: string): TracedArgument;
}

/** What a member of a structure is. */
export interface Member<T = unknown> {
  /** Bytes. */
  readonly size: number;
  /** Its address is a multiple of this. */
  readonly align: number;
  /** C's name of it, where ours is another. */
  readonly c?: string;
  /** The one architecture that has it. */
  readonly arch?: typeof Deno.build.arch;
  /** Our name of it, where the other architecture has it in another place of the list. */
  readonly name?: string;
  /** The member at whose place it lies, too, as in a union. */
  readonly over?: string;
  /** Where it lies, if not right behind the one before. */
  readonly offset?: number;
  /** Reads it; what is a structure itself is told whose member it is. */
  read(view: DataView, at: number, syscall?: string): T;
  /** Writes it, or throws as `syscall` if the value is not one. Without this it cannot be set. */
  write?(view: DataView, at: number, value: T, name: string, syscall: string): void;
  /** What a trace tells of it. */
  trace(view: DataView, at: number): TracedArgument;
}

/** A number, as an argument or a member. */
export type Scalar<F extends Ffi, T = number> = Kind<F> & Member<T>;

function numbered(value: unknown): TracedArgument {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : { integer: String(value) };
}

/** A number with a fraction; what JSON cannot hold has C's name. */
function real(value: number): TracedArgument {
  if (Number.isFinite(value)) return value;
  return { value: 0, names: [Number.isNaN(value) ? "NAN" : value > 0 ? "INFINITY" : "-INFINITY"], rest: 0 };
}

type Settable<T> = Required<Pick<Member<T>, "write">>;

// a property of an object, such that V8 does not reckon with a call in the middle of a loop before there was one
const no = { refuse };

function refuse(name: string, what: string, value: unknown, syscall: string): never {
  throw new LibcError(syscall, "EINVAL", `${name} must be ${what}, got ${shown(value)}`);
}

/** An integer kind; `least` and `most` are what its member holds. */
function integer<F extends Ffi>(
  ffi: F,
  size: number,
  read: (view: DataView, at: number) => number,
  put: (view: DataView, at: number, value: number) => void,
  least: number,
  most: number,
): Settable<number> & Scalar<F> {
  const range = `${least} to ${most}`;
  return {
    ffi,
    size,
    align: size,
    read,
    write(view, at, value, name, syscall) {
      // of all ways to tell an integer, one that costs nothing in a loop
      if (typeof value !== "number" || !(value >= least && value <= most) || Math.floor(value) !== value) {
        no.refuse(name, range, value, syscall);
      }
      put(view, at, value);
    },
    decode: numbered,
    trace: (view, at) => numbered(read(view, at)),
  };
}

/** The same of 64 bits, exactly. */
function wide<F extends Ffi>(
  ffi: F,
  read: (view: DataView, at: number) => bigint,
  put: (view: DataView, at: number, value: bigint) => void,
  cut: (bits: number, value: bigint) => bigint,
  range: string,
): Settable<bigint> & Scalar<F, bigint> {
  return {
    ffi,
    size: 8,
    align: 8,
    read,
    write(view, at, value, name, syscall) {
      if (typeof value !== "bigint" || cut(64, value) !== value) no.refuse(name, range, value, syscall);
      put(view, at, value);
    },
    decode: numbered,
    trace: (view, at) => numbered(read(view, at)),
  };
}

/** A number with a fraction, as a member. */
function floating(
  size: number,
  read: (view: DataView, at: number) => number,
  put: (view: DataView, at: number, value: number) => void,
): Settable<number> & Member<number> {
  return {
    size,
    align: size,
    read,
    write(view, at, value, name, syscall) {
      if (typeof value !== "number") no.refuse(name, "a number", value, syscall);
      put(view, at, value);
    },
    trace: (view, at) => real(read(view, at)),
  };
}

/** `int8_t`. */
export const i8 = integer("i32", 1, (v, at) => v.getInt8(at), (v, at, n) => v.setInt8(at, n), -0x80, 0x7f);
/** `uint8_t`. */
export const u8 = integer("i32", 1, (v, at) => v.getUint8(at), (v, at, n) => v.setUint8(at, n), 0, 0xff);
/** `int16_t`. */
export const i16 = integer(
  "i32",
  2,
  (v, at) => v.getInt16(at, true),
  (v, at, n) => v.setInt16(at, n, true),
  -0x8000,
  0x7fff,
);
/** `uint16_t`. */
export const u16 = integer(
  "i32",
  2,
  (v, at) => v.getUint16(at, true),
  (v, at, n) => v.setUint16(at, n, true),
  0,
  0xffff,
);
/** `int`. */
export const i32 = integer(
  "i32",
  4,
  (v, at) => v.getInt32(at, true),
  (v, at, n) => v.setInt32(at, n, true),
  -0x8000_0000,
  0x7fff_ffff,
);
/** `unsigned int`. */
export const u32 = integer(
  "u32",
  4,
  (v, at) => v.getUint32(at, true),
  (v, at, n) => v.setUint32(at, n, true),
  0,
  0xffff_ffff,
);
/** `uint64_t`, exactly. */
export const u64 = wide(
  "u64",
  (v, at) => v.getBigUint64(at, true),
  (v, at, n) => v.setBigUint64(at, n, true),
  BigInt.asUintN,
  `0 to ${2n ** 64n - 1n}`,
);
/** `int64_t`, exactly. */
export const i64 = wide(
  "i64",
  (v, at) => v.getBigInt64(at, true),
  (v, at, n) => v.setBigInt64(at, n, true),
  BigInt.asIntN,
  `${-(2n ** 63n)} to ${2n ** 63n - 1n}`,
);
/** `float`. */
export const f32 = floating(4, (v, at) => v.getFloat32(at, true), (v, at, n) => v.setFloat32(at, n, true));
/** `double`. */
export const f64 = floating(8, (v, at) => v.getFloat64(at, true), (v, at, n) => v.setFloat64(at, n, true));
/** `long`; as a member, one of the many that stay below 2^53. */
export const long = integer(
  "i64",
  8,
  (v, at) => Number(v.getBigInt64(at, true)),
  (v, at, n) => v.setBigInt64(at, BigInt(n), true),
  Number.MIN_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER,
);
/** `size_t`, `unsigned long`; as a member, one of the many that stay below 2^53. */
export const size = integer(
  "usize",
  8,
  (v, at) => Number(v.getBigUint64(at, true)),
  (v, at, n) => v.setBigUint64(at, BigInt(n), true),
  0,
  Number.MAX_SAFE_INTEGER,
);

/** Nothing, as a result. */
export const nothing: Kind<"void"> = { ffi: "void", decode: () => null };
/** The address of a segment, as a result or an argument: its trace is the address. */
export const address: Kind<"pointer"> = {
  ffi: "pointer",
  decode: (value) => value === null ? null : { pointer: Number(Deno.UnsafePointer.value(value as Deno.PointerObject)) },
};
/** A result that is a new descriptor. */
export const descriptor: Kind<"i32"> = { ffi: "i32", descriptor: true, decode: numbered };
/** The id of an object, a descriptor, a process. */
export const id: Scalar<"i32"> = i32;
/** A file's permissions. */
export const mode: Kind<"i32"> = flags({}, { radix: 8 });

/** How flags are told apart. */
export interface FlagOptions {
  /** How the rest reads: 10 unless given. */
  radix?: 8 | 16;
  /** Bits that are not flags, but together a number with a name. */
  mask?: number;
}

/** A number as the constants that it is made of. */
export function named(value: number, names: Readonly<Record<string, number>>, options: FlagOptions = {}): TracedFlags {
  const { radix, mask = 0 } = options;
  const found: string[] = [];
  let rest = value;
  let exact = mask === 0;
  for (const name in names) {
    const bits = names[name];
    if (mask !== 0 && (bits & ~mask) === 0) {
      if (exact || bits !== (value & mask)) continue;
      exact = true;
    } else if (bits === 0 || (rest & bits) !== bits) continue;
    found.push(name);
    rest &= ~bits;
  }
  return { value, names: found, rest, ...(radix && { radix }) };
}

/** A set of flags. */
export function flags(names: Readonly<Record<string, number>>, options?: FlagOptions): Scalar<"i32"> {
  return {
    ...i32,
    decode: (value) => named(Number(value), names, options),
    trace: (view, at) => named(i32.read(view, at), names, options),
  };
}

/** One of several constants. */
export function oneOf(names: Readonly<Record<string, number>>, radix?: 8 | 16): Scalar<"i32"> {
  return flags(names, { mask: -1, radix });
}

/** The same constants, or the same display, for a member of another width. */
export function as<T, U>(member: Member<T>, shown: Pick<Kind, "decode">): Member<T> {
  return { ...member, trace: (view, at) => shown.decode(member.read(view, at), NO_CALL, "") };
}

const NO_CALL: Call = { args: [], done: true, argument: () => undefined, before: () => undefined };

/** A member that C calls otherwise. */
export function cName<T>(c: string, member: Member<T>): Member<T> {
  return { ...member, c };
}

/** A member that only one architecture has, or has here; then `name` is that of the same member of the other. */
export function only<T>(arch: typeof Deno.build.arch, member: Member<T>, name?: string): Member<T> {
  return { ...member, arch, name };
}

/** A member that lies where another one does, as in a union. */
export function over<T>(name: string, member: Member<T>): Member<T> {
  return { ...member, over: name };
}

/**
 * Flags of 32 bits, of which the highest is one. JavaScript's operators make a negative number of it, so both ways of
 * writing the number are right; read, it has no sign.
 */
export function flags32(names: Readonly<Record<string, number>>): Member<number> {
  const signed = Object.fromEntries(Object.entries(names).map(([name, bits]) => [name, bits | 0]));
  return {
    ...u32,
    write(view, at, value, name, syscall) {
      if (typeof value === "number" && (value | 0) === value) value >>>= 0;
      u32.write(view, at, value, name, syscall);
    },
    trace: (view, at) => named(u32.read(view, at) | 0, signed, { radix: 16 }),
  };
}

/** Bytes: a fixed text, or what nobody looks at. */
export function char(length: number): Member<Uint8Array<ArrayBuffer>> {
  const read = (view: DataView, at: number) => new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + at, length);
  return { size: length, align: 1, read, trace: (view, at) => traced(read(view, at)) };
}

/** Bytes as an event has them. */
export function traced(data: Uint8Array, length: number = data.length): TracedBytes {
  const first = plain(data, 0, Math.min(length, TRACED_BYTES, byteLengthOf(data)));
  return { length, bytes: String.fromCharCode(...first) };
}

/** Where a typed array lies. */
export function pointer(value: unknown): TracedPointer | null {
  if (value === null || value === undefined) return null;
  const at = ArrayBuffer.isView(value) ? Deno.UnsafePointer.of(value as Uint8Array<ArrayBuffer>) : value;
  return { pointer: Number(Deno.UnsafePointer.value(at as Deno.PointerValue)) };
}

/** The same bytes, to read numbers from. */
export function viewOn({ buffer, byteOffset, byteLength }: ArrayBufferView): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** A view of all bytes of a typed array, of which nothing was redefined; of none if its memory is gone. */
export function bytesOf(value: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return plain(value as Uint8Array, 0);
}

/** What lies in memory that is passed: input, unless it is `filled`. */
export function memory(
  decode: (data: Uint8Array, call: Call, name: string) => TracedArgument,
): Kind<"buffer"> {
  return {
    ffi: "buffer",
    decode: (value, call, name) => ArrayBuffer.isView(value) ? decode(bytesOf(value), call, name) : null,
  };
}

/** Memory of which nothing is told but where it is. */
export const opaque: Kind<"buffer"> = { ffi: "buffer", decode: pointer };

/** Text that ends with a NUL. */
export const string: Kind<"buffer"> = memory((data) =>
  new TextDecoder().decode(data.subarray(0, Math.max(0, data.indexOf(0))))
);

/** An array of pointers to such texts, with a null at its end. */
export const strings: Kind<"buffer"> = memory((data) => {
  const addresses = new BigUint64Array(data.buffer, data.byteOffset, data.byteLength / 8);
  return Array.from(addresses.subarray(0, -1), (address) => textAt(address) ?? null);
});

/** Bytes; how many, another argument says. */
export function bytes(length: string): Kind<"buffer"> {
  return memory((data, call) => traced(data, Math.min(Number(call.argument(length)), data.length)));
}

/** Bytes; as many as the call gives back, which can be more than were asked for: another argument says how many. */
export function received(length: string): Kind<"buffer"> {
  return memory((data, call) => traced(data, Math.min(call.result ?? 0, Number(call.argument(length)), data.length)));
}

/** What the call fills: until then, and if it fails, there is only an address. */
export function filled(kind: Kind<"buffer">, when: (call: Call) => boolean = () => true): Kind<"buffer"> {
  return {
    ffi: "buffer",
    decode: (value, call, name) => call.done && when(call) ? kind.decode(value, call, name) : pointer(value),
  };
}

/** What another argument decides about. */
export function by(parameter: string, kinds: Readonly<Record<number, Kind<"buffer">>>): Kind<"buffer"> {
  return {
    ffi: "buffer",
    decode: (value, call, name) => (kinds[Number(call.argument(parameter))] ?? opaque).decode(value, call, name),
  };
}

/** An array of members; how many, another argument says. */
export function array(member: Pick<Member, "size" | "trace">, length: string | number = Infinity): Kind<"buffer"> {
  return memory((data, call) => {
    const most = typeof length === "number" ? length : Number(call.argument(length));
    const view = viewOn(data);
    const list: TracedArgument[] = [];
    for (let at = 0; list.length < most && at + member.size <= data.byteLength; at += member.size) {
      list.push(member.trace(view, at));
    }
    return list;
  });
}
