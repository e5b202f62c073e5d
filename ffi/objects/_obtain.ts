/**
 * How the resource classes find and make their objects.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { IPC_CREAT, IPC_EXCL, IPC_PRIVATE } from "../libc/sys/ipc.ts";
import type { CreateOptions } from "./ipc_object.ts";

/** A call of `shmget`, `msgget` or `semget`, less what makes them differ. */
type Get = (key: number, flags: number) => number;

/** Finds or makes an object, and tells which. */
export function obtain(get: Get, name: string, options: CreateOptions): [id: number, made: boolean] {
  const { key = IPC_PRIVATE, mode = 0o600, exclusive = true } = options;
  checkMode(mode, name);
  while (true) {
    try {
      return [get(key, IPC_CREAT | IPC_EXCL | mode), true];
    } catch (error) {
      if (exclusive || !is(error, "EEXIST")) throw error;
    }
    try {
      return [get(key, 0), false];
    } catch (error) {
      // somebody removed it between the two calls: make it, then
      if (!is(error, "ENOENT")) throw error;
    }
  }
}

/** Finds an object by its key. */
export function find(get: Get, name: string, key: number): number {
  if (key === IPC_PRIVATE) {
    throw new LibcError(name, "EINVAL", "IPC_PRIVATE finds nothing, it makes: use an id instead");
  }
  return get(key, 0);
}

/** Throws unless a number is made of permission bits, and of no others. */
export function checkMode(mode: number, name: string): void {
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return;
  throw new LibcError(name, "EINVAL", `mode must be 0 to 0o777, got ${Deno.inspect(mode)}`);
}

/** Tells whether an error has one of these codes. */
export function is(error: unknown, ...codes: string[]): boolean {
  return error instanceof LibcError && codes.includes(error.code);
}

/** A time of the kernel's; `null` for never. */
export function date(seconds: number): Date | null {
  return seconds === 0 ? null : new Date(seconds * 1000);
}
