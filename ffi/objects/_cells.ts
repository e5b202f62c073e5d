/**
 * Waiting for what lies in shared memory.
 *
 * @module
 */
import { futexElsewhere } from "../libc/linux/futex.ts";
import { generation } from "../native/child.ts";
import { type Cell, cellIn } from "../native/cells.ts";
import type { Blocked } from "../native/elsewhere.ts";
import { isMemory, type Memory, memoryOf, type Region, regionOf } from "../native/memory.ts";
import { addressOf } from "../native/pointed.ts";
import type { MemoryObject } from "./memory_object.ts";

/** Where such a thing can lie: in a mapping, in an attached segment, or in the memory of an object that has some. */
export type SharedPlace = Memory | MemoryObject;

/** The memory that is meant; what is none will be told by who takes it. */
export function memoryFor(memory: SharedPlace): Memory {
  if (isMemory(memory) || typeof memory !== "object" || memory === null) return memory as Memory;
  return memoryOf(memory) ?? memory as unknown as Memory;
}

/** A place of a size in shared memory. */
export function placeIn(memory: SharedPlace, offset: number, size: number, syscall: string): Cell {
  return cellIn(memoryFor(memory), offset, size, syscall);
}

/** What waits for the same address waits in one line. */
export function keyOf(what: string, { pointer }: Cell): string {
  return `${what} ${addressOf(pointer)}`;
}

const counts = new WeakMap<Region, Map<string, { count: number; since: number }>>();

/** Has memory stay, until what this gives is called. */
export function stayOf(memory: Memory, what: string): () => void {
  return stay({ region: regionOf(memory), at: 0 }, what);
}

/** Has the memory of a thing stay, until what this gives is called. */
export function stay({ region, at }: Pick<Cell, "region" | "at">, what: string): () => void {
  if (region === undefined) return () => {};
  const reason = `${what} at ${at} is waited for`;
  let reasons = counts.get(region);
  if (reasons === undefined) counts.set(region, reasons = new Map());
  let entry = reasons.get(reason);
  // in a forked child, the count is the parent's
  if (entry === undefined || entry.since !== generation) {
    reasons.set(reason, entry = { count: 0, since: generation });
    region.held.set(reason, generation);
  }
  entry.count++;
  return () => {
    if (--entry.count > 0 || reasons.get(reason) !== entry) return;
    reasons.delete(reason);
    region.held.delete(reason);
  };
}

/**
 * Waits on another thread while a word has a value; undefined if there is no thread.
 *
 * @param back What to do when it is back, with whether it was woken, or found another value.
 */
export function waitForWord(
  words: Int32Array<ArrayBuffer>,
  futex_op: number,
  val: number,
  back: (woken: boolean) => void,
): { call: Blocked } | undefined {
  const call = futexElsewhere(words.subarray(0, 1), futex_op, val);
  return call && {
    call: {
      result: call.result,
      back(result) {
        call.back(result);
        back(result >= 0);
      },
      callOff: () => call.callOff(),
    },
  };
}
