/**
 * What all classes use.
 *
 * @module
 */
import { needsLoop } from "../abort.ts";
import { LibcError } from "../errors.ts";
import { asSignal, shown } from "../native/check.ts";
import { type Known, optionsOf } from "../native/options.ts";
import type { WaitOptions } from "./options.ts";

/** Tells whether this is the library's error, with one of these codes. */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof LibcError && codes.includes(error.code);
}

/** Throws unless a number is made of permission bits, and of no others. */
export function checkMode(mode: number, name: string): void {
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return;
  throw new LibcError(name, "EINVAL", `mode must be 0 to 0o777, got ${shown(mode)}`);
}

/** {@linkcode optionsOf} for what waits on the event loop: in a forked child it fails before anything has begun. */
export function waitOptionsOf<T extends WaitOptions>(options: T | undefined, known: Known<T>, syscall: string): T {
  needsLoop(syscall);
  const taken = optionsOf(options, known, syscall);
  asSignal(taken.signal, syscall);
  return taken;
}
