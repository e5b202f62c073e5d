/**
 * Robust mutexes that this thread has locked. libc keeps a list of them for the kernel, which tells the others if the thread
 * ends; the list goes through the mutexes themselves, and libc follows it when one is unlocked. So the memory has to stay,
 * and what stands in it has to be what libc wrote.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import type { Cell } from "./cells.ts";
import { generation } from "./child.ts";
import { open } from "./libc.ts";
import { addressOf } from "./pointed.ts";

// in a mutex, as 64-bit words: the one before it in the list, and the one behind; each is known by the address of the latter
const BEFORE = 3;
const BEHIND = 4;

interface Locked {
  /** What stood behind it when it came into the list. */
  readonly behind: bigint;
  /** Since which {@linkcode generation}: a forked child has locked nothing. */
  readonly since: number;
}

const locked = new Map<bigint, Locked>();
let head: bigint | undefined;

/** Where this thread's list begins. */
function headOf(): bigint {
  if (head === undefined) {
    const get_robust_list = { x86_64: 274n, aarch64: 100n }[Deno.build.arch];
    const found = new BigInt64Array(2);
    const types = ["i64", "i32", "buffer", "buffer"] as const;
    open("syscall", { parameters: types, result: "i64" })(get_robust_list, 0, found, found.subarray(1));
    head = found[0];
  }
  return head;
}

function longs({ words }: Cell): BigInt64Array<ArrayBuffer> {
  return new BigInt64Array(words.buffer, words.byteOffset, words.length >> 1);
}

function nameOf(cell: Cell): bigint {
  return addressOf(cell.pointer) + BigInt(BEHIND * 8);
}

function reason({ at }: Cell): string {
  return `a robust mutex at ${at} is locked`;
}

/** Tells whether this thread has locked a robust mutex. */
export function isLocked(cell: Cell): boolean {
  return locked.get(nameOf(cell))?.since === generation;
}

/** Notes that it has. */
export function noteLocked(cell: Cell): void {
  locked.set(nameOf(cell), { behind: longs(cell)[BEHIND], since: generation });
  cell.region?.held.set(reason(cell), generation);
}

/** Notes that it has not any more. */
export function noteUnlocked(cell: Cell): void {
  locked.delete(nameOf(cell));
  cell.region?.held.delete(reason(cell));
}

/** Throws unless libc can take a mutex out of the list. */
export function mindList(cell: Cell, syscall: string): void {
  const words = longs(cell);
  const known = (name: bigint) => name === headOf() || locked.has(name);
  const [before, behind] = [words[BEFORE] & ~1n, words[BEHIND] & ~1n];
  if (known(before) && (known(behind) || behind === (locked.get(nameOf(cell))!.behind & ~1n))) return;
  throw new LibcError(syscall, "EINVAL", "the mutex was overwritten while it was locked");
}
