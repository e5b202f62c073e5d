/**
 * The one `Deno.dlopen` of the project: libc, loaded at the first call.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { type Name, table } from "./table.ts";

type Library = Deno.DynamicLibrary<typeof table>;
/** The functions of the table, typed as `Deno.dlopen` types them. */
export type Functions = { -readonly [K in Name]: Library["symbols"][K] };

let errnoCell: Int32Array<ArrayBuffer> | undefined;

// deno-lint-ignore no-explicit-any -- functions of every type are handled by one
type AnyFunction = (...args: any[]) => any;
type Entries = Record<Name, AnyFunction>;

const names = Object.keys(table).filter((name) => name !== "environ") as Name[];

/**
 * The functions themselves. Each entry starts as a stub that opens its symbol, and is then the bare symbol; tracing
 * puts its own functions here and takes them away again, so that there is nothing in the way of a call while
 * tracing is off.
 */
export const libc: Functions = stubs();

/** The same functions, which tracing leaves alone: for the library's own housekeeping. */
export const raw: Functions = stubs();

/** What to run at the first call, before it goes out. */
export const onLoad: (() => void)[] = [];

function stubs(): Functions {
  // V8 finds the entries of an object made this way faster than of one that grew
  const entries: Entries = Object.fromEntries(names.map((name) => {
    const stub: AnyFunction = (...args) => {
      // what is run at the first call may have put something else here
      if (load(name) && entries[name] !== stub) return entries[name](...args);
      const bare = open(name);
      if (entries[name] === stub) entries[name] = bare;
      return bare(...args);
    };
    return [name, stub];
  })) as Entries;
  return entries as unknown as Functions;
}

const opened: Partial<Record<Name | "environ", unknown>> = {};

/** A symbol of libc. Opening one takes a tenth of a millisecond, so it is done only for those that are called. */
function open(name: Name): AnyFunction;
function open(name: "environ"): Deno.PointerObject;
function open(name: Name | "environ"): unknown {
  return opened[name] ??= Deno.dlopen("libc.so.6", { [name]: table[name] as Deno.ForeignFunction }).symbols[name];
}

/** Opens symbols now, which are going to be called where it would cost more. */
export function preload(...list: Name[]): void {
  for (const name of list) raw[name] = open(name) as never;
}

/** Makes libc ready; true at the first call. */
function load(caller: string): boolean {
  if (errnoCell) return false;
  const { os, arch } = Deno.build;
  if (os !== "linux" || (arch !== "x86_64" && arch !== "aarch64")) {
    throw new LibcError(caller, "ENOSYS", `needs Linux with glibc on x86-64 or arm64; this is ${os} on ${arch}`);
  }
  try {
    const cell = open("__errno_location")();
    errnoCell = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(cell, 4));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new LibcError(caller, "ENOSYS", `needs glibc, and libc.so.6 cannot be loaded: ${(error as Error).message}`);
  }
  for (const run of onLoad) run();
  return true;
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
    throw new LibcError(syscall, "EINVAL", `${name} must be a string without NUL, got ${Deno.inspect(text)}`);
  }
  return encoder.encode(text + "\0");
}

/** The text at a `char *`. */
export function text(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

/** An environment variable, by libc: `Deno.env` would want a permission of its own. */
export function getenv(name: string): string | undefined {
  const pointer = raw.getenv(cstring(name, "getenv", "name"));
  return pointer === null ? undefined : text(pointer);
}

/** The addresses of the environment's strings, `environ(7)`. */
export function environment(): bigint[] {
  load("environ");
  const list: bigint[] = [];
  // the symbol is where the variable `char **environ` lies
  const variable = new Deno.UnsafePointerView(open("environ"));
  const array = Deno.UnsafePointer.create(variable.getBigUint64(0));
  if (array === null) return list;
  const view = new Deno.UnsafePointerView(array);
  for (let at = 0;; at += 8) {
    const address = view.getBigUint64(at);
    if (address === 0n) return list;
    list.push(address);
  }
}

/** The whole content of a file, by libc: `Deno.readFile` would want a permission of its own. */
export function slurp(path: string): Uint8Array<ArrayBuffer> {
  const fd = raw.open(cstring(path, "open", "path"), 0o2000000, /* O_RDONLY | O_CLOEXEC */ 0);
  if (fd < 0) throw new LibcError("open", errno(), path);
  let content = new Uint8Array(1 << 14);
  let length = 0;
  while (true) {
    const n = raw.read(fd, content.subarray(length), BigInt(content.length - length));
    if (n < 0) {
      const error = new LibcError("read", errno(), path);
      raw.close(fd);
      throw error;
    }
    if (n === 0) break;
    length += n;
    if (length === content.length) {
      const larger = new Uint8Array(length * 2);
      larger.set(content);
      content = larger;
    }
  }
  raw.close(fd);
  return content.slice(0, length);
}
