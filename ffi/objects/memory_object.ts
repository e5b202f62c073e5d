/**
 * What all shared memory has in common, wherever it comes from.
 *
 * @module
 */

/**
 * Memory that several processes may have: {@linkcode SharedMemory}, {@linkcode PosixSharedMemory}, {@linkcode MappedFile}.
 *
 * @example
 * ```ts
 * import { type MemoryObject, PosixSharedMemory, SharedMemory } from "./mod.ts";
 *
 * function greet(memory: MemoryObject) {
 *   memory.writeString("hello");
 *   return memory.readString();
 * }
 * using segment = SharedMemory.create(100);
 * using object = PosixSharedMemory.anonymous(100);
 * console.log(greet(segment), greet(object)); // hello hello
 * ```
 */
export interface MemoryObject extends Disposable {
  /** The memory itself; empty once it is detached. */
  readonly bytes: Uint8Array;
  /** Size in bytes. */
  readonly size: number;
  /** Whether this handle has the memory. */
  readonly attached: boolean;
  /** Whether it may only be read. */
  readonly readOnly: boolean;
  /** Copies bytes out. */
  read(offset?: number, length?: number): Uint8Array<ArrayBuffer>;
  /** Copies bytes, or text as UTF-8, in. */
  write(data: Uint8Array | string, offset?: number): void;
  /** Reads text up to its NUL. */
  readString(offset?: number): string;
  /** Writes text with a NUL behind it. */
  writeString(text: string, offset?: number): void;
  /** Gives the memory back: every array over it is empty from then on. */
  detach(): void;
}
