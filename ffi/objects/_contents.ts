/**
 * What is in shared memory, as all classes of it read and write it.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { byteLengthOf, isBytes } from "../native/bytes.ts";
import { shown } from "../native/check.ts";
import { isAttached, type Memory, read, ReadOnlyMemory, write } from "../native/memory.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Whose memory it is, for errors. */
export interface Owner {
  /** The class. */
  readonly of: string;
  /** What has the bytes: "segment". */
  readonly kind: string;
  /** Which one: "shmid 3". */
  readonly what: string;
  /** How it came here: "attached". */
  readonly how: string;
}

/** The memory, which must be there. */
export function present(memory: Memory, owner: Owner, method: string): Memory {
  if (isAttached(memory)) return memory;
  throw new LibcError(`${owner.of}.${method}`, "EINVAL", `${owner.what} is detached`);
}

/** The same, to be written to. */
export function writable(memory: Memory, owner: Owner, method: string): Uint8Array {
  const found = present(memory, owner, method);
  if (!(found instanceof ReadOnlyMemory)) return found;
  throw new LibcError(`${owner.of}.${method}`, "EACCES", `${owner.what} is ${owner.how} for reading only`);
}

/** A copy of some bytes. */
export function readBytes(
  memory: Memory,
  owner: Owner,
  offset: number | undefined,
  length: number | undefined,
): Uint8Array<ArrayBuffer> {
  const { length: size } = present(memory, owner, "read");
  const from = inside(offset, 0, size, owner, "read");
  const count = length ?? size - from;
  inside(from, count, size, owner, "read");
  return read(memory, from, count, `${owner.of}.read`);
}

/** Copies bytes, or text, in. */
export function writeBytes(
  memory: Memory,
  owner: Owner,
  data: Uint8Array | string,
  offset: number | undefined,
  method = "write",
): void {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  const name = `${owner.of}.${method}`;
  if (!isBytes(bytes)) {
    throw new LibcError(name, "EINVAL", `data must be a Uint8Array or a string, got ${shown(data)}`);
  }
  const found = writable(memory, owner, method);
  write(found, inside(offset, byteLengthOf(bytes), found.length, owner, method), bytes, name);
}

/** Text up to its NUL. */
export function readText(memory: Memory, owner: Owner, offset: number | undefined): string {
  present(memory, owner, "readString");
  const from = inside(offset, 0, memory.length, owner, "readString");
  let length = 0;
  if (memory instanceof ReadOnlyMemory) {
    // in pieces, so that a short text in a large segment costs no copy of the whole
    for (let at = from; at < memory.length; at += 4096) {
      const piece = memory.read(at, Math.min(4096, memory.length - at));
      const end = piece.indexOf(0);
      length += end < 0 ? piece.length : end;
      if (end >= 0) break;
    }
  } else {
    const end = memory.indexOf(0, from);
    length = (end < 0 ? memory.length : end) - from;
  }
  return decoder.decode(read(memory, from, length, `${owner.of}.readString`));
}

/** Writes text with a NUL behind it. */
export function writeText(memory: Memory, owner: Owner, text: string, offset: number | undefined): void {
  if (typeof text !== "string") {
    throw new LibcError(`${owner.of}.writeString`, "EINVAL", `text must be a string, got ${shown(text)}`);
  }
  writeBytes(memory, owner, `${text}\0`, offset, "writeString");
}

/** Gives an offset, 0 unless there is one. Throws unless the bytes there lie inside the memory. */
function inside(offset: number | undefined, length: number, size: number, owner: Owner, method: string): number {
  const from = offset === undefined ? 0 : offset;
  const whole = Number.isSafeInteger(from) && Number.isSafeInteger(length);
  if (whole && from >= 0 && length >= 0 && from + length <= size) return from;
  const what = `${shown(length)} bytes at ${shown(from)}`;
  throw new LibcError(`${owner.of}.${method}`, "EINVAL", `${what} are not inside the ${owner.kind}'s ${size} bytes`);
}
