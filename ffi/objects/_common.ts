/**
 * What all classes use.
 *
 * @module
 */
import { LibcError } from "../errors.ts";

/** Tells whether this is the library's error, with one of these codes. */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof LibcError && codes.includes(error.code);
}

/** Throws unless a number is made of permission bits, and of no others. */
export function checkMode(mode: number, name: string): void {
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return;
  throw new LibcError(name, "EINVAL", `mode must be 0 to 0o777, got ${Deno.inspect(mode)}`);
}
