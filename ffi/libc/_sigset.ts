/**
 * Sets of signals.
 *
 * @module
 */
import { byteLengthOf } from "../native/bytes.ts";
import { type Call, char, type Kind, memory, u64, viewOn } from "../native/kinds.ts";
import { layout, layoutOf, Struct, structBytes } from "../native/layout.ts";
import type { TracedArgument } from "../trace/event.ts";
import { signalFlags } from "./_signals.ts";

/**
 * A set of signals, `sigset_t` of `sigsetops(3)`; empty when it is made. {@linkcode sigaddset} and its like work on it.
 *
 * @example
 * ```ts
 * import { sigaddset, sigismember, sigset_t, SIGUSR1, SIGUSR2 } from "./mod.ts";
 *
 * const set = new sigset_t();
 * sigaddset(set, SIGUSR1);
 * console.log(sigismember(set, SIGUSR1), sigismember(set, SIGUSR2)); // true false
 * ```
 */
export class sigset_t extends Struct {}
layout(sigset_t, "sigaddset", { __bits: u64, __rest: char(120) }, []);

const SIZE = layoutOf(sigset_t).size;

/** The signals of a set, as a trace has them. */
export function tracedSet(data: Uint8Array, at = 0): TracedArgument {
  if (byteLengthOf(data) < at + 8) return null;
  const bits = viewOn(data).getBigUint64(at, true);
  const list: TracedArgument[] = [];
  for (let sig = 1; sig <= 64; sig++) if (bits >> BigInt(sig - 1) & 1n) list.push(signalFlags(sig));
  return list;
}

/** A set, as an argument. */
export const sigset: Kind<"buffer"> = memory((data: Uint8Array, _call: Call) => tracedSet(data));

/** The bytes of a set that is an argument. */
export function setBytes(set: sigset_t, syscall: string, name = "set"): Uint8Array<ArrayBuffer> {
  return structBytes(set, SIZE, syscall, name);
}
