/**
 * The one `Deno.dlopen` of the project.
 *
 * How a call gets to libc: a header's file declares its functions with `header()` (header.ts) and gets an object of
 * callable entries; `own.ts` has a second such object for what the library does for itself, which no trace shows.
 * Each entry is at first a stub. Its first call opens the symbol here and puts the bare FFI function in its place,
 * so that from then on there is nothing between a wrapper and libc. Tracing (observer.ts) puts functions of its own
 * into the headers' entries, and takes them away again.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "./check.ts";
import { tracing } from "./observer.ts";

/** The FFI types that the library uses. `buffer` takes a typed array's memory. */
export type Ffi = "void" | "i32" | "u32" | "i64" | "u64" | "usize" | "buffer" | "pointer";

type Argument<F> = F extends "i32" | "u32" ? number
  : F extends "i64" | "u64" | "usize" ? bigint
  : F extends "buffer" ? BufferSource | null
  : Deno.PointerValue;
type Result<F> = F extends "void" ? void : Argument<F>;

/** The function of FFI types. 64-bit arguments are BigInts: the fast path takes them as they are. */
export type Native<P extends readonly Ffi[], R extends Ffi> = (
  ...args: { -readonly [I in keyof P]: Argument<P[I]> }
) => Result<R>;

let errnoCell: Int32Array<ArrayBuffer> | undefined;

/** How the program came by its permission. */
export const permission: {
  /** Somebody at the terminal was asked for it. */
  asked: boolean;
} = { asked: false };

/** Makes libc ready, at the first call. */
export function onFirstCall(caller: string): void {
  if (errnoCell) return;
  const { os, arch } = Deno.build;
  if (os !== "linux" || (arch !== "x86_64" && arch !== "aarch64")) {
    throw new LibcError(caller, "ENOSYS", `needs Linux with glibc on x86-64 or arm64; this is ${os} on ${arch}`);
  }
  // Asked for or looked up by dlopen(), the permission would be for a file of this name in the working directory, which
  // is of no use; so it is all or nothing, and who has said no is not asked again
  const ffi = { name: "ffi" } as const;
  let status = Deno.permissions.querySync(ffi);
  if (status.state === "prompt") {
    permission.asked = Deno.stdin.isTerminal();
    status = Deno.permissions.requestSync(ffi);
  }
  if (status.state !== "granted" || status.partial) {
    throw new Deno.errors.NotCapable("Requires ffi access, run again with the --allow-ffi flag");
  }
  try {
    const location = open("__errno_location", { parameters: [], result: "pointer" });
    errnoCell = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location(), 4));
  } catch (error) {
    throw new LibcError(caller, "ENOSYS", `needs glibc, and libc.so.6 cannot be loaded: ${(error as Error).message}`);
  }
  tracing.start();
}

type Signature = { parameters: readonly Ffi[]; result: Ffi; nonblocking?: boolean };

// deno-lint-ignore no-explicit-any -- functions of every type are handled by one
export type AnyFunction = (...args: any[]) => any;

const opened = new Map<string, AnyFunction>();

/**
 * A symbol of libc. Opening one takes a tenth of a millisecond, so it is done only for those that are called, and once
 * for the headers and the library itself.
 */
export function open(symbol: string, signature: Signature): AnyFunction {
  const { parameters, result, nonblocking } = signature;
  const key = `${symbol} ${parameters} ${result} ${nonblocking}`;
  let found = opened.get(key);
  if (!found) {
    opened.set(key, found = load(symbol, signature as Deno.ForeignFunction));
  }
  return found;
}

/** Before glibc 2.34, POSIX queues, semaphores and threads were in libraries of their own. */
function load(symbol: string, signature: Deno.ForeignFunction): AnyFunction {
  const from = (library: string) => Deno.dlopen(library, { [symbol]: signature }).symbols[symbol] as AnyFunction;
  try {
    return from("libc.so.6");
  } catch (error) {
    for (const library of ["libpthread.so.0", "librt.so.1"]) {
      try {
        return from(library);
      } catch { /* said below */ }
    }
    throw error;
  }
}

/** A function on another thread, opened when it is first called. Its `errno` stays there. */
export function openElsewhere(symbol: string, parameters: readonly Ffi[], result: Ffi): AnyFunction {
  return (...args) => {
    onFirstCall(symbol);
    return open(symbol, { parameters, result, nonblocking: true })(...args);
  };
}

/** `errno` of this thread. Read it right after the call that failed: it is the first argument to write. */
export function errno(): number {
  return errnoCell![0];
}

/** Puts `errno` back after calls that should not be noticed. */
export function setErrno(value: number): void {
  errnoCell![0] = value;
}

const encoder = new TextEncoder();

/** A NUL-terminated copy of a string; a NUL inside it would cut it short, so it is refused. */
export function cstring(text: string, syscall: string, name: string): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string" || text.includes("\0")) {
    throw new LibcError(syscall, "EINVAL", `${name} must be a string without NUL, got ${shown(text)}`);
  }
  try {
    return encoder.encode(text + "\0");
  } catch {
    // longer than memory is
    throw new LibcError(syscall, "ENAMETOOLONG", `${name} has ${text.length} characters`);
  }
}

/** The text at a `char *`. */
export function text(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

/** Tells whether a call gave the address by which it says that it has failed. */
export function isFailed(address: Deno.PointerValue): address is null {
  return address === null || Deno.UnsafePointer.value(address) === 0xffff_ffff_ffff_ffffn;
}

/** Where a function of libc lies. */
export function functionAddress(name: string): bigint {
  const { symbols } = Deno.dlopen("libc.so.6", { [name]: { type: "pointer" } });
  return BigInt(Deno.UnsafePointer.value(symbols[name] as Deno.PointerObject));
}

/** The addresses of the environment's strings, `environ(7)`. */
export function environment(): bigint[] {
  onFirstCall("environ");
  const list: bigint[] = [];
  // the symbol is where the variable `char **environ` lies
  const { symbols } = Deno.dlopen("libc.so.6", { environ: { type: "pointer" } });
  const variable = new Deno.UnsafePointerView(symbols.environ as Deno.PointerObject);
  const array = Deno.UnsafePointer.create(variable.getBigUint64(0));
  if (array === null) return list;
  const view = new Deno.UnsafePointerView(array);
  for (let at = 0;; at += 8) {
    const address = view.getBigUint64(at);
    if (address === 0n) return list;
    list.push(address);
  }
}
