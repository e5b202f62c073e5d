/**
 * Memory as C programs treat it: single bytes, and text that ends with a NUL.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import { load, type Memory, read, store, stringLength } from "../native/memory.ts";

const decoder = new TextDecoder();

/** Bytes as text. */
function textOf(bytes: Uint8Array<ArrayBuffer>, syscall: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new LibcError(syscall, "EOVERFLOW", `${bytes.length} bytes are more than a string can be long`);
  }
}

/**
 * Reads one byte of a segment, afresh: what `*(volatile char *)(shm + offset)` is in C. A loop that waits for
 * another process's write needs this (or `Atomics.load`), as the compiler may keep a plain `shm[0]` in a register. Shows in traces.
 *
 * @param shm What {@linkcode shmat} gave.
 * @param offset Which byte.
 * @returns The byte.
 * @throws {LibcError} `EINVAL` outside of the segment, or detached.
 *
 * @example
 * ```ts
 * import { IPC_PRIVATE, IPC_RMID, peek, poke, shmat, shmctl, shmdt, shmget } from "./mod.ts";
 *
 * const id = shmget(IPC_PRIVATE, 1, 0o600);
 * const shm = shmat(id);
 * poke(shm, 0, "*");
 * console.log(peek(shm, 0) === "*".charCodeAt(0)); // true
 * shmdt(shm);
 * shmctl(id, IPC_RMID);
 * ```
 */
export function peek(shm: Memory, offset: number): number {
  return load(shm, offset, "peek");
}

/**
 * Writes one byte of a segment, so that other processes see it: `shm[offset] = byte` in C. Shows in traces.
 *
 * @param shm What {@linkcode shmat} gave.
 * @param offset Which byte.
 * @param byte A number of which the lowest 8 bits count, or a character.
 * @throws {LibcError} `EINVAL` outside of the segment, or detached, or not a byte; `EACCES` attached read-only.
 *
 * @example See {@linkcode peek}.
 */
export function poke(shm: Uint8Array, offset: number, byte: number | string): void {
  const value = typeof byte === "string" ? byte.charCodeAt(0) : byte;
  if (!Number.isInteger(value) || typeof byte === "string" && value > 0xff) {
    throw new LibcError(
      "poke",
      "EINVAL",
      `byte must be an integer or a character of one byte, got ${shown(byte)}`,
    );
  }
  store(shm, offset, value, "poke");
}

/**
 * The text of a C string: what comes before the first NUL, decoded as UTF-8.
 *
 * @param s The bytes.
 * @returns The text.
 * @throws {LibcError} `EFAULT` not an array of bytes, or its memory was detached or transferred away; `EOVERFLOW` longer than a
 * string can be.
 *
 * @example
 * ```ts
 * import { cstr, strcpy } from "./mod.ts";
 *
 * console.log(cstr(strcpy(new Uint8Array(80), "hello"))); // hello
 * ```
 */
export function cstr(s: Uint8Array): string {
  return textOf(read(s, 0, stringLength(s, "cstr"), "cstr"), "cstr");
}
