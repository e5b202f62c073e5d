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

/** How many bytes a typed array has. */
export const byteLengthOf = getter("byteLength") as (view: Uint8Array | Uint16Array | Int32Array) => number;
