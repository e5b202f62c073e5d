/**
 * Argument checks. V8 hands numbers to a hot native function without looking (2³¹ becomes −2³¹,
 * `NaN` becomes 0), so every number is looked at here first.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { byteLengthOf, isBytes } from "./bytes.ts";

/** A value as an error names it, also one that does not let itself be looked at. */
export function shown(value: unknown): string {
  try {
    return Deno.inspect(value, { strAbbreviateSize: 200 });
  } catch {
    return `what cannot be shown (${typeof value})`;
  }
}

function bad(syscall: string, name: string, what: string, value: unknown): LibcError {
  return new LibcError(syscall, "EINVAL", `${name} must be ${what}, got ${shown(value)}`);
}

/** A C `int`. */
export function asInt(value: number, syscall: string, name: string): number {
  // −0 is equal to 0, but no integer to V8
  if (typeof value === "number" && (value | 0) === value) return value | 0;
  throw bad(syscall, name, "a 32-bit integer", value);
}

/** A C `unsigned int`. */
export function asUint(value: number, syscall: string, name: string): number {
  if (typeof value === "number" && (value >>> 0) === value) return value >>> 0;
  throw bad(syscall, name, "an unsigned 32-bit integer", value);
}

/** A `key_t`: an `int`, which people also write unsigned, `0xdeadbeef`. */
export function asKey(value: number, syscall: string): number {
  if (typeof value === "number" && ((value | 0) === value || (value >>> 0) === value)) return value | 0;
  throw bad(syscall, "key", "a 32-bit integer", value);
}

/** How a key reads in an error message. */
export function keyText(value: number): string {
  return value === 0 ? "key IPC_PRIVATE" : `key 0x${(value >>> 0).toString(16)}`;
}

// BigInts are what the fast path takes for 64-bit parameters; these save making one a call
const small: readonly bigint[] = Array.from({ length: 1025 }, (_, n) => BigInt(n));

// The functions of the hot path are kept so short that V8 inlines them: what goes wrong is told elsewhere.

/** A `size_t`, ready for the call. */
export function asSize(value: number, syscall: string, name: string): bigint {
  return (typeof value === "number" ? small[value] : undefined) ?? largeSize(value, syscall, name);
}

function largeSize(value: number, syscall: string, name: string): bigint {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 64) return BigInt(value);
  throw bad(syscall, name, "0 to 2^64 - 1 bytes", value);
}

/** A C `long`, ready for the call. */
export function asLong(value: number | bigint, syscall: string, name: string): bigint {
  return (typeof value === "number" ? small[value] : undefined) ?? largeLong(value, syscall, name);
}

function largeLong(value: number | bigint, syscall: string, name: string): bigint {
  if (typeof value === "bigint" ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value)) {
    return BigInt(value);
  }
  throw bad(syscall, name, "a 64-bit integer (a bigint beyond 2^53)", value);
}

/** A `Uint8Array`, of whatever memory. */
export function asBytes<T extends Uint8Array>(value: T, syscall: string, name: string): T {
  if (isBytes(value)) return value;
  throw new LibcError(syscall, "EFAULT", `${name} must be a Uint8Array, got ${shown(value)}`);
}

/** A member of an options object; undefined without one. */
export function option<T extends object, K extends keyof T & string>(
  options: T | null | undefined,
  name: K,
  syscall: string,
): T[K] | undefined {
  if (options === undefined || options === null) return undefined;
  if (typeof options !== "object") throw bad(syscall, "options", "an object", options);
  try {
    return options[name];
  } catch {
    throw new LibcError(syscall, "EINVAL", `${name} of the options cannot be read`);
  }
}

const aborted = Function.prototype.call.bind(
  Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted")!.get!,
) as (signal: unknown) => boolean;

/** An `AbortSignal`, or none: what has only its methods may never say that it is aborted, or say it wrong. */
export function asSignal(value: AbortSignal | undefined, syscall: string): AbortSignal | undefined {
  if (value === undefined) return undefined;
  try {
    aborted(value);
    return value;
  } catch {
    throw bad(syscall, "signal", "an AbortSignal", value);
  }
}

/** The first items of an array, a hole as undefined; none of what is no array, or cannot be read. */
export function itemsOf(list: unknown, most: number): unknown[] {
  const items: unknown[] = [];
  try {
    if (!Array.isArray(list)) return items;
    const length = Math.min(list.length, most);
    for (let i = 0; i < length; i++) items.push(list[i]);
    return items;
  } catch {
    return [];
  }
}

/** The items of an array, a hole as undefined; of a longer one as many as `most`. */
export function asItems(list: unknown, most: number, syscall: string, name: string): unknown[] {
  const items: unknown[] = [];
  try {
    if (Array.isArray(list)) {
      const length = Math.min(list.length, most);
      for (let i = 0; i < length; i++) items.push(list[i]);
      return items;
    }
  } catch {
    throw new LibcError(syscall, "EFAULT", `${name} cannot be read`);
  }
  throw bad(syscall, name, "an array", list);
}

/** A string. */
export function asString(value: string, syscall: string, name: string): string {
  if (typeof value === "string") return value;
  throw bad(syscall, name, "a string", value);
}

/** The bytes of a buffer and how many of them take part; the count never exceeds the buffer. */
export function asCount(buffer: Uint8Array, length: number | undefined, syscall: string): number {
  if (!isBytes(buffer)) {
    throw new LibcError(syscall, "EFAULT", `the buffer must be a Uint8Array, got ${shown(buffer)}`);
  }
  const room = byteLengthOf(buffer);
  if (length === undefined) return Math.min(room, 0x7ffff000);
  if (typeof length === "number" && (length >>> 0) === length && length <= room) return Math.min(length, 0x7ffff000);
  throw new LibcError(syscall, "EFAULT", `count is ${shown(length)}, the buffer has ${room} bytes`);
}
