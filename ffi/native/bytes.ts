/**
 * How long a typed array really is. A subclass, or a property of the array itself, can say otherwise, and the kernel
 * would write beyond the memory that there is.
 *
 * @module
 */
const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);

function getter(name: string | symbol): (view: unknown) => unknown {
  const { get } = Object.getOwnPropertyDescriptor(typedArray, name)!;
  return Function.prototype.call.bind(get!);
}

const tag = getter(Symbol.toStringTag);

/** Tells whether a value is a `Uint8Array`, which a proxy of one or an object with its prototype is not. */
export function isBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return tag(value) === "Uint8Array";
}

/** Tells whether a value is a `Uint16Array`. */
export function isWords(value: unknown): value is Uint16Array<ArrayBuffer> {
  return tag(value) === "Uint16Array";
}

/** Tells whether a value is a `Uint32Array`. */
export function isUints(value: unknown): value is Uint32Array<ArrayBuffer> {
  return tag(value) === "Uint32Array";
}

/** Tells whether a value is an array of 32-bit integers. */
export function isWords32(value: unknown): value is Int32Array | Uint32Array {
  const name = tag(value);
  return name === "Int32Array" || name === "Uint32Array";
}

/** How many bytes a typed array has; none once its memory is gone. */
export const byteLengthOf = getter("byteLength") as (
  view: Uint8Array | Uint16Array | Uint32Array | Int32Array,
) => number;

const length = getter("length");

/** How many elements a typed array of whatever kind has; undefined for what is none. */
export function lengthOfArray(value: unknown): number | undefined {
  return tag(value) === undefined ? undefined : length(value) as number;
}

/** The buffer that a typed array lies over. */
export const bufferOf = getter("buffer") as (view: Uint8Array) => ArrayBuffer;

/** Where in its buffer a typed array begins. */
export const offsetOf = getter("byteOffset") as (view: Uint8Array) => number;

/** Part of an array's bytes, of JavaScript's own class, of which nothing was redefined; what has none may be gone. */
export function plain(view: Uint8Array, start: number, end: number = byteLengthOf(view)): Uint8Array<ArrayBuffer> {
  if (end <= start) return new Uint8Array(0);
  return new Uint8Array(bufferOf(view), offsetOf(view) + start, end - start);
}
