/**
 * Arrays of pointers that go out, and what pointers that come back lead to.
 *
 * @module
 */

/** An array of addresses as C wants it, with a null at its end. */
export function pointers(list: bigint[]): BigUint64Array<ArrayBuffer> {
  const array = new BigUint64Array(list.length + 1);
  array.set(list);
  return array;
}

/** Where bytes lie: for the call that is made right now, as they may be gone later. */
export function addressOfBytes(bytes: Uint8Array<ArrayBuffer>): bigint {
  const at = Deno.UnsafePointer.of(bytes);
  return at === null ? 0n : Deno.UnsafePointer.value(at);
}

const pointedTo = new WeakMap<BigUint64Array, Uint8Array[]>();

/** The same of what arrays hold; these live as long as the array of their addresses. */
export function pointersTo(list: Uint8Array<ArrayBuffer>[]): BigUint64Array<ArrayBuffer> {
  const array = pointers(list.map((bytes) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes))));
  pointedTo.set(array, list);
  return array;
}

/** A copy of the bytes at an address that a call has given. */
export function bytesAt(address: bigint, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const from = Deno.UnsafePointer.create(address);
  if (from !== null && length > 0) Deno.UnsafePointerView.copyInto(from, bytes);
  return bytes;
}

/** The text at an address that a call has given; undefined for null. */
export function textAt(address: bigint): string | undefined {
  const from = Deno.UnsafePointer.create(address);
  return from === null ? undefined : Deno.UnsafePointerView.getCString(from);
}

/** The address as a pointer, to give it back to libc. */
export function pointerOf(address: bigint): Deno.PointerValue {
  return Deno.UnsafePointer.create(address);
}

/** Where an array's first element lies; 0 once its memory is gone. */
export function addressOfWords(words: Int32Array | Uint32Array): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(words as Int32Array<ArrayBuffer>)));
}

/** A pointer's address. */
export function addressOf(pointer: Deno.PointerObject): bigint {
  return BigInt(Deno.UnsafePointer.value(pointer));
}

/** What a call gave, as a number: −1 for the address with which one says that it has failed. */
export function numberOf(result: unknown): number {
  if (typeof result === "number") return result;
  if (typeof result === "bigint") return Number(result);
  if (result === undefined || result === null) return 0;
  return Number(BigInt.asIntN(64, Deno.UnsafePointer.value(result as Deno.PointerObject)));
}
