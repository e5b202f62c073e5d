/**
 * Reading what is in traced arguments.
 *
 * @module
 */
import type {
  TracedArgument,
  TracedBytes,
  TracedFlags,
  TracedInteger,
  TracedPointer,
  TracedStruct,
} from "../../../mod.ts";

type Maybe = TracedArgument | undefined;

const has = <K extends string>(value: Maybe, key: K): value is Extract<TracedArgument, Record<K, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && key in value;

/** Tells whether an argument is a number with names. */
export const isFlags = (value: Maybe): value is TracedFlags => has(value, "names");
/** Tells whether an argument is bytes. */
export const isBytes = (value: Maybe): value is TracedBytes => has(value, "bytes");
/** Tells whether an argument is a structure. */
export const isStruct = (value: Maybe): value is TracedStruct => has(value, "struct");
/** Tells whether an argument is an address that nothing is known about. */
export const isPointer = (value: Maybe): value is TracedPointer => has(value, "pointer");
/** Tells whether an argument is a number beyond what JSON can hold. */
export const isInteger = (value: Maybe): value is TracedInteger => has(value, "integer");

/** The number that was passed, whatever names it has. */
export function numberOf(value: Maybe): number | undefined {
  if (typeof value === "number") return value;
  if (isFlags(value)) return value.value;
  return isInteger(value) ? Number(value.integer) : undefined;
}

/** The bytes that were passed, if that is what the argument is. */
export function bytesOf(value: Maybe): TracedBytes | undefined {
  return isBytes(value) ? value : undefined;
}

/** A member of a structure. */
export function field(value: Maybe, name: string): Maybe {
  return isStruct(value) && Object.hasOwn(value.fields, name) ? value.fields[name] : undefined;
}

/** The bytes of a message's parts, one after the other, as far as they are told. */
export function partsOf(msg: Maybe): TracedBytes | undefined {
  const iov = field(msg, "msg_iov");
  if (!Array.isArray(iov)) return undefined;
  const all: TracedBytes = { length: 0, bytes: "" };
  for (const part of iov) {
    const data = bytesOf(field(part, "iov_base"));
    if (!data) continue;
    if (all.bytes.length === all.length) all.bytes += data.bytes;
    all.length += data.length;
  }
  return all;
}

/** The numbers of an array. */
export function numbersOf(value: Maybe): number[] {
  return Array.isArray(value) ? value.map(numberOf).filter((number) => number !== undefined) : [];
}

/** Tells whether a number's names have this one. */
export function isNamed(value: Maybe, ...names: string[]): boolean {
  return isFlags(value) && value.names.some((name) => names.includes(name));
}
