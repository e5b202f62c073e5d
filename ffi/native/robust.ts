/**
 * Robust mutexes that this thread has locked. libc keeps a list of them for the kernel, which tells the others if the thread
 * ends. The list goes through the mutexes themselves, where everybody may write, and libc follows it when one is locked or
 * unlocked. So it is known here, too: before libc goes along it, it is written as it has to be; no mutex comes into it twice;
 * and the memory of what is in it stays.
 *
 * @module
 */
import type { Cell } from "./cells.ts";
import { generation } from "./child.ts";
import { open } from "./libc.ts";

// in a mutex, as 64-bit words: the one before it in the list, and the one behind; each is known by the address of the latter
const BEFORE = 3;
const BEHIND = 4;
// the mutex's first word has its owner's thread, and two bits
const TID = 0x3fff_ffff;
const OWNER_DIED = 0x4000_0000;

/** A mutex in the list. */
interface Locked {
  readonly name: bigint;
  readonly cell: Cell;
  /** The mutex, whatever a program does to the memory's other arrays. */
  readonly longs: BigInt64Array<ArrayBuffer>;
}

/** This thread's list, as libc and the kernel have it. */
interface Thread {
  /** Since which {@linkcode generation}: a forked child has locked nothing, and is another thread. */
  readonly since: number;
  readonly tid: number;
  /** How the list's beginning is known as a member of it. */
  readonly head: bigint;
  /** Which is the first. */
  readonly first: BigInt64Array<ArrayBuffer>;
  /** What the list had before ours. */
  base: bigint;
  /** The one that was locked last comes first. */
  readonly list: Locked[];
}

let thread: Thread | undefined;

function here(): Thread {
  if (thread?.since === generation) return thread;
  const get_robust_list = { x86_64: 274n, aarch64: 100n }[Deno.build.arch];
  const found = new BigInt64Array(2);
  const types = ["i64", "i32", "buffer", "buffer"] as const;
  open("syscall", { parameters: types, result: "i64" })(get_robust_list, 0, found, found.subarray(1));
  const pointer = Deno.UnsafePointer.create(BigInt(found[0]));
  // under an emulator the kernel may keep no lists: this one stays empty
  const first = new BigInt64Array(
    pointer === null ? new ArrayBuffer(8) : Deno.UnsafePointerView.getArrayBuffer(pointer, 8),
  );
  const tid = open("gettid", { parameters: [], result: "i32" })();
  return thread = { since: generation, tid, head: found[0], first, base: first[0], list: [] };
}

function nameOf({ address }: Cell): bigint {
  return address + BigInt(BEHIND * 8);
}

function reason({ at }: Cell): string {
  return `a robust mutex at ${at} is locked`;
}

function indexOf(cell: Cell): number {
  const { list } = here();
  const name = nameOf(cell);
  for (let i = 0; i < list.length; i++) if (list[i].name === name) return i;
  return -1;
}

/** Tells whether there is such a list: without, nobody would be told that the owner of a mutex has ended. */
export function isKept(): boolean {
  return here().head !== 0n;
}

/** Tells whether this thread has locked a robust mutex. */
export function isLocked(cell: Cell): boolean {
  return thread !== undefined && indexOf(cell) >= 0;
}

/** Tells whether it has locked any. */
export function hasLocked(): boolean {
  return here().list.length > 0;
}

/** Tells whether the mutex itself says that this thread has it. */
export function saysOurs({ words }: Cell): boolean {
  return (words[0] & TID) === here().tid;
}

/** Tells whether it does not say any more what it has to say of one that this thread has locked. */
export function isLost(cell: Cell): boolean {
  return !saysOurs(cell) || (cell.words[0] & OWNER_DIED) !== 0;
}

/** Writes the list as it has to be. */
export function mendList(): void {
  const { list, head, first, base } = here();
  for (let i = 0; i < list.length; i++) {
    const { longs } = list[i];
    longs[BEFORE] = i === 0 ? head : list[i - 1].name;
    longs[BEHIND] = i === list.length - 1 ? base : list[i + 1].name;
  }
  if (list.length > 0) first[0] = list[0].name;
}

/** What is to be known before a call that may bring a mutex into the list. */
export function beforeLocking(): void {
  const current = here();
  if (current.list.length === 0) current.base = current.first[0];
  else mendList();
}

/** Notes that a mutex is in the list now, if it is. */
export function noteLocked(cell: Cell): void {
  const { list, first } = here();
  const name = nameOf(cell);
  if ((first[0] & ~1n) !== name || indexOf(cell) >= 0) return;
  list.unshift({
    name,
    cell,
    longs: new BigInt64Array(Deno.UnsafePointerView.getArrayBuffer(cell.pointer, (BEHIND + 1) * 8)),
  });
  cell.region?.held.set(reason(cell), generation);
}

/** Notes that it is not any more. */
export function noteUnlocked(cell: Cell): void {
  const at = indexOf(cell);
  if (at < 0) return;
  here().list.splice(at, 1);
  cell.region?.held.delete(reason(cell));
}

/** Takes a mutex out of the list that libc cannot unlock any more, as somebody has overwritten it. */
export function dropLocked(cell: Cell): void {
  if (indexOf(cell) < 0) return;
  noteUnlocked(cell);
  const { list, first, base } = here();
  if (list.length === 0) first[0] = base;
  else mendList();
}
