/**
 * What the objects of this process have made, and how to remove it: System V objects, POSIX queues, and the files of
 * unix sockets.
 *
 * It stands here, and not in the objects, so that nothing that is done to an object from outside can make it remove
 * something else.
 *
 * @module
 */
import { getpid } from "../libc/unistd.ts";
import { enter, leave, type Target, undisturbed } from "../native/removal.ts";

/** Something that was made. */
export interface Made {
  /** Who made it. A forked child has a copy of this list, but what is in it is the parent's. */
  readonly pid: number;
  /** What it is. */
  readonly target: Target;
  /** Removes it; it is fine if it is gone already. */
  readonly remove: () => void;
  /** Its place among what a signal removes. */
  place?: number;
}

const madeBy = new WeakMap<object, Made>();
/** All that is to be removed by somebody yet. */
export const allMade: Set<Made> = new Set();

/**
 * Notes that an object has made something; that has to be in a function that is `undisturbed`. What is noted holds on to
 * what was made, not to the object.
 *
 * @param owner The object.
 * @param target What was made.
 * @param remove What to do when it is disposed of.
 */
export function noteMade(owner: object, target: Target, remove: () => void): void {
  const made: Made = { pid: getpid(), target, remove, place: enter(target) };
  madeBy.set(owner, made);
  allMade.add(made);
}

/** Notes that it need not be removed any more. */
export function forgetMade(owner: object): void {
  const made = madeBy.get(owner);
  if (made === undefined) return;
  madeBy.delete(owner);
  allMade.delete(made);
  if (made.pid === getpid()) leave(made.place);
}

/** Removes what an object has made, in this process. Then it is forgotten. */
export function removeMade(owner: object): void {
  const made = madeBy.get(owner);
  if (made === undefined || made.pid !== getpid()) return;
  made.remove();
  forgetMade(owner);
}

/** Has signals remove what this process has made by now. */
export const enterAllMade: () => void = undisturbed(() => {
  const pid = getpid();
  for (const made of allMade) if (made.pid === pid) made.place ??= enter(made.target);
});
