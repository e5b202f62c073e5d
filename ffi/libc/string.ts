/**
 * `<string.h>`: C strings and error messages.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { byteLengthOf, plain } from "../native/bytes.ts";
import { asBytes, asInt, asString, shown } from "../native/check.ts";
import { call, header } from "../native/header.ts";
import { address, i32 } from "../native/kinds.ts";
import { text } from "../native/libc.ts";
import { isAttached, read, stringLength, write } from "../native/memory.ts";

const c = header({
  strerror: call(address, [["errnum", i32]], { quiet: true }),
});

const encoder = new TextEncoder();

/**
 * The message of an error number, `strerror(3)`.
 *
 * @param errnum The number.
 * @returns Its message.
 *
 * @example
 * ```ts
 * import { strerror } from "./mod.ts";
 *
 * console.log(strerror(2)); // No such file or directory
 * ```
 */
export function strerror(errnum: number): string {
  return text(c.strerror(asInt(errnum, "strerror", "errnum")));
}

/**
 * The length of a C string, `strlen(3)`: how many bytes come before the first NUL.
 *
 * @param s The bytes.
 * @returns The length; that of the whole array if it has no NUL.
 * @throws {LibcError} `EFAULT` not an array of bytes, or its memory was detached or transferred away.
 *
 * @example
 * ```ts
 * import { strcpy, strlen } from "./mod.ts";
 *
 * console.log(strlen(strcpy(new Uint8Array(80), "hello"))); // 5
 * ```
 */
export function strlen(s: Uint8Array): number {
  return stringLength(s, "strlen");
}

/**
 * Copies a string and a NUL into an array, `strcpy(3)`; unlike C's it never writes past the end.
 *
 * @param dest The array.
 * @param src The text, encoded as UTF-8.
 * @returns `dest`.
 * @throws {LibcError} `EOVERFLOW` the array is too small.
 *
 * @example See {@linkcode strlen}.
 */
export function strcpy<T extends Uint8Array>(dest: T, src: string): T {
  asString(src, "strcpy", "src");
  const room = byteLengthOf(asBytes(dest, "strcpy", "dest"));
  if (src.length >= room) throw new LibcError("strcpy", "EOVERFLOW", `${src.length} characters into ${room}`);
  const bytes = encoder.encode(src + "\0");
  if (bytes.length > room) throw new LibcError("strcpy", "EOVERFLOW", `${bytes.length} bytes into ${room}`);
  write(dest, 0, bytes, "strcpy");
  return dest;
}

/**
 * Copies bytes, `memcpy(3)`; unlike C's it never reads or writes past an end. Shows in traces where shared memory takes part.
 *
 * @param dest Where to, from its beginning.
 * @param src Where from, from its beginning.
 * @param n How many bytes.
 * @returns `dest`.
 * @throws {LibcError} `EFAULT` more bytes than one of them has, or not an array of bytes.
 *
 * @example
 * ```ts
 * import { memcpy } from "./mod.ts";
 *
 * console.log(memcpy(new Uint8Array(3), new Uint8Array([1, 2, 3, 4]), 2)); // 1 2 0
 * ```
 */
export function memcpy<T extends Uint8Array>(dest: T, src: Uint8Array, n: number): T {
  const room = byteLengthOf(asBytes(dest, "memcpy", "dest"));
  const there = byteLengthOf(asBytes(src, "memcpy", "src"));
  if (!Number.isInteger(n) || n < 0 || n > room || n > there) {
    throw new LibcError("memcpy", "EFAULT", `${shown(n)} bytes from ${there} into ${room}`);
  }
  if (n > 0) write(dest, 0, isAttached(src) ? read(src, 0, n, "memcpy") : plain(src, 0, n), "memcpy");
  return dest;
}
