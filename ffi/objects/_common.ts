/**
 * What all classes use.
 *
 * @module
 */
import { needsLoop } from "../abort.ts";
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
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

/** What options a method has. */
export interface Known<T> {
  /** Their names. */
  readonly names: readonly string[];
  /** Reads them, each once. */
  readonly read: (options: T) => T;
}

/** The options that a function reads: written out, as that is many times faster than by their names. */
export function known<T extends object>(read: (options: T) => T): Known<T> {
  return { names: Object.keys(read({} as T)), read };
}

const NONE = Object.freeze({});

/**
 * Options as they are now. One that a method doesn't know is an error: `timeout` where there is only a `signal` would be
 * waited for in vain.
 *
 * @param options What was given; undefined for none.
 * @param known What there is.
 * @param syscall Whose options these are.
 */
export function optionsOf<T extends object>(options: T | undefined, { names, read }: Known<T>, syscall: string): T {
  if (options === undefined) return NONE as T;
  if (typeof options !== "object" || options === null) {
    throw new LibcError(syscall, "EINVAL", `options must be an object, got ${shown(options)}`);
  }
  let unknown: string | undefined;
  try {
    for (const name in options) {
      if (!names.includes(name) && Object.hasOwn(options, name)) unknown ??= name;
    }
    if (unknown === undefined) return read(options);
  } catch (cause) {
    const error = new LibcError(syscall, "EINVAL", "the options cannot be read");
    error.cause = cause;
    throw error;
  }
  const hint = unknown === "timeout" ? ": AbortSignal.timeout() as signal is a time limit" : "";
  throw new LibcError(syscall, "EINVAL", `no option ${shown(unknown)}, only ${names.join(", ")}${hint}`);
}

const isAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted")!.get!;

/** The same for what waits on the event loop: in a forked child it fails before anything has begun. */
export function waitOptionsOf<T extends WaitOptions>(options: T | undefined, known: Known<T>, syscall: string): T {
  needsLoop(syscall);
  const taken = optionsOf(options, known, syscall);
  if (taken.signal !== undefined) {
    try {
      isAborted.call(taken.signal);
    } catch {
      throw new LibcError(syscall, "EINVAL", `signal must be an AbortSignal, got ${shown(taken.signal)}`);
    }
  }
  return taken;
}
