/**
 * Draws what happens over and over as one.
 *
 * @module
 */
import type { TracedBytes } from "../../../mod.ts";
import type { Deed, Step } from "./picture.ts";

const LONGEST_GROUP = 4;
const PASSES = 3; // what is found first may be part of a longer repetition: "reads ×2, prints" ×26
const KEPT_BYTES = 200; // of a line that is put together from pieces

/**
 * Puts repetitions together. Takes time in proportion to the steps.
 *
 * @param steps In the order they happened.
 */
export function fold(steps: Step[]): Step[] {
  let result = joined(steps);
  for (let pass = 0; pass < PASSES; pass++) {
    const before = result.length;
    result = repetitionsAsOne(result);
    if (result.length === before || result.some(({ group }) => group)) break;
  }
  return result;
}

/** The bytes that a step moved. */
export function dataOf(deed: Deed): TracedBytes | undefined {
  return "data" in deed ? deed.data : undefined;
}

/** What has to be the same for two steps to be drawn as one; their bytes are compared apart from it. */
function signature({ from, to, deed }: Step): string {
  const what = deed.kind === "call"
    ? [deed.call, deed.args, deed.errno, deed.mtype, deed.priority, deed.end]
    : { ...deed, data: undefined, offset: undefined, us: undefined, value: undefined, field: fieldOf(deed) };
  return JSON.stringify([from.id, to?.id, deed.kind, what]);
}

/** The field of a record, whichever of an array's elements it is in. */
function fieldOf(deed: Deed): string | undefined {
  return deed.kind === "memory" ? deed.field?.replaceAll(/\[\d+\]/g, "[]") : undefined;
}

/** Puts pieces together: of memory that is written byte by byte, of a line that is printed in parts. */
function joined(steps: Step[]): Step[] {
  const result: Step[] = [];
  for (const step of steps) {
    const before = result.at(-1);
    if (before && isContinuation(before, step)) append(before, step);
    else result.push({ ...step, deed: { ...step.deed } });
  }
  return result;
}

function isContinuation({ from, to, deed: a }: Step, { from: nextFrom, to: nextTo, deed: b }: Step): boolean {
  if (from !== nextFrom || to !== nextTo) return false;
  if (a.kind === "memory" && b.kind === "memory") {
    const named = a.field !== undefined || b.field !== undefined; // which a field would lose
    return !named && a.op === b.op && a.offset + a.data.length === b.offset;
  }
  return a.kind === "print" && b.kind === "print" && a.data !== undefined && b.data !== undefined;
}

function append({ deed: a }: Step, { deed: b }: Step): void {
  const [first, second] = [dataOf(a)!, dataOf(b)!];
  const whole = first.bytes.length === first.length; // else there would be a gap
  const bytes = whole ? (first.bytes + second.bytes).slice(0, KEPT_BYTES) : first.bytes;
  if ("data" in a) a.data = { length: first.length + second.length, bytes };
}

function repetitionsAsOne(steps: Step[]): Step[] {
  const signatures = numbered(steps.map(signature));
  const result: Step[] = [];
  for (let at = 0; at < steps.length;) {
    const { size, times } = repetition(steps, signatures, at);
    if (times < 2) {
      result.push(steps[at++]);
      continue;
    }
    const group = steps.slice(at, at + size).map((first, i) => {
      const { deed } = steps[at + (times - 1) * size + i];
      return isSameData(first.deed, deed) ? first : { ...first, last: deed };
    });
    result.push(size === 1 ? { ...group[0], times: group[0].times * times } : { ...group[0], times, group });
    at += size * times;
  }
  return result;
}

/** Numbers in the place of texts: they are compared often. */
function numbered(texts: string[]): number[] {
  const numbers = new Map<string, number>();
  return texts.map((text) => numbers.getOrInsert(text, numbers.size));
}

function repetition(steps: Step[], signatures: number[], at: number): { size: number; times: number } {
  let best = { size: 1, times: 1 };
  for (let size = 1; size <= LONGEST_GROUP; size++) {
    // the renderer would draw a note that opens a loop before it
    if (size > 1 && !steps[at].to) continue;
    let end = at + size;
    while (end < steps.length && signatures[end] === signatures[end - size] && isSame(steps[end - size], steps[end])) {
      end++;
    }
    const times = Math.floor((end - at) / size);
    if (times > 1 && size * times > best.size * best.times) best = { size, times };
  }
  return best;
}

/** Tells whether two steps of one signature are the same, or the same one place further in memory. */
function isSame(a: Step, b: Step): boolean {
  if (a.times !== b.times || a.group || b.group) return false;
  const data = dataOf(a.deed);
  // lines differ; pieces of a line are put together
  if (a.deed.kind === "print" && data?.bytes.endsWith("\n")) return data.bytes === dataOf(b.deed)?.bytes;
  if (a.deed.kind === "memory" && b.deed.kind === "memory" && a.deed.offset === b.deed.offset) {
    return isSameData(a.deed, b.deed);
  }
  return true;
}

function isSameData(a: Deed, b: Deed): boolean {
  const offset = (deed: Deed) => deed.kind === "memory" ? deed.offset : undefined;
  return offset(a) === offset(b) && dataOf(a)?.bytes === dataOf(b)?.bytes && dataOf(a)?.length === dataOf(b)?.length;
}
