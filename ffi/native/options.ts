/**
 * Objects of options: what is in them is known, or an error.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "./check.ts";

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
