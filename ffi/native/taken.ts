/**
 * Signals that the library takes for itself, as libc does with 32 and 33: they can be neither handled nor blocked by a
 * program. They are the last ones that nobody uses at that moment.
 *
 * @module
 */
import { functionAddress } from "./libc.ts";
import { own } from "./own.ts";

const SIG_DFL = 0n;
const SIG_BLOCK = 0;
const FIRST = 34; // those below are libc's
const LAST = 62; // qemu lets its programs send none of the two beyond

const action = new BigUint64Array(19); // a struct sigaction; the handler comes first

/** Handlers that are the library's, or another thread's library's. */
const handlers = new Set<bigint>();

/** The handler that does nothing: a function of libc's that takes a number. */
export function idleHandler(): bigint {
  const address = functionAddress("abs");
  handlers.add(address);
  return address;
}

/**
 * Takes a signal that nobody uses: the last ones are the least likely to be wanted later.
 *
 * @param wanted A `struct sigaction`.
 * @param soon What a program is about to use, as a `sigset_t` has it: only if there are no others.
 * @returns The signal; undefined if there is none to be had.
 */
export function take(wanted: BigUint64Array<ArrayBuffer>, soon = 0n): number | undefined {
  handlers.add(wanted[0]);
  const blocked = new BigUint64Array(16); // a sigset_t
  own.sigprocmask(SIG_BLOCK, null, blocked);
  blocked[0] |= soon;
  for (let sig = LAST; sig >= FIRST; sig--) {
    if (blocked[0] >> BigInt(sig - 1) & 1n) continue; // threads that Deno makes have the mask of their maker
    if (own.sigaction(sig, null, action) < 0) continue;
    // ours already: in `deno test` each file has a library of its own, and a process has no signal for each
    if (action[0] !== SIG_DFL && action[0] !== wanted[0]) continue;
    if (own.sigaction(sig, wanted, null) === 0) return sig;
  }
  return soon === 0n ? undefined : take(wanted);
}

/** Finds the signal that has a certain handler, judged by that one's address. */
export function findTaken(is: (handler: bigint) => boolean): number | undefined {
  for (let sig = LAST; sig >= FIRST; sig--) {
    if (own.sigaction(sig, null, action) === 0 && is(action[0])) {
      handlers.add(action[0]);
      return sig;
    }
  }
  return undefined;
}

/** Tells whether the library has taken a signal. */
export function isTaken(sig: number): boolean {
  if (sig < FIRST || sig > LAST) return false;
  if (handlers.size === 0) idleHandler();
  return own.sigaction(sig, null, action) === 0 && handlers.has(action[0]);
}

/** All that it has taken, as a `sigset_t` has them. */
export function takenSignals(): bigint {
  let set = 0n;
  for (let sig = LAST; sig >= FIRST; sig--) if (isTaken(sig)) set |= 1n << BigInt(sig - 1);
  return set;
}
