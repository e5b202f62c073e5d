/**
 * How a header's file declares its functions: once, and everything else follows from it: what `Deno.dlopen` needs,
 * what a trace tells, whether a call may wait, whose the descriptors are that it gives.
 *
 * @example
 * ```ts ignore
 * const c = header({
 *   msgget: call(id, [["key", key], ["msgflg", flags({ IPC_CREAT, IPC_EXCL }, { radix: 8 })]]),
 *   msgrcv: call(i32, [["msqid", id], ["msgp", filled(message)], …], { waits: unless("msgflg", IPC_NOWAIT) }),
 * });
 * c.msgget(1234, 0o600);
 * ```
 *
 * @module
 */
import { adopt } from "./descriptors.ts";
import type { Call, Kind } from "./kinds.ts";
import { tracing } from "./observer.ts";
import { type AnyFunction, type Ffi, type Native, onFirstCall, open, openElsewhere } from "./libc.ts";

/** What a call has besides its types. */
export interface CallOptions {
  /** C's name, where a second declaration has other types. */
  symbol?: string;
  /** The number of the system call, where not every libc has a function for it. */
  syscall?: Readonly<Record<typeof Deno.build.arch, number>>;
  /** How many arguments follow the others that are always 0, and that no trace shows. */
  zeros?: number;
  /** Whether it may make the process wait, judged by its arguments. */
  waits?: (call: Call) => boolean;
  /** The parameter with the descriptor from which it waits for something: a look there tells whether it will wait. */
  input?: string;
  /** The same for one to which it gives something. */
  output?: string;
  /** Tells a failed result; `-1` is one unless given. */
  failed?: (result: number) => boolean;
  /** What it gives is the error's number, and `errno` stays as it is. */
  givesError?: true;
  /** The descriptors that it gave, besides a result of kind `fd`. */
  opens?: (args: unknown[]) => number[];
  /** Nothing that a trace should show. */
  quiet?: boolean;
  /** It tells of the life of processes: a trace that has become too long still has these. */
  lifecycle?: boolean;
  /** What has to be done around the bare call. */
  around?: (bare: AnyFunction) => AnyFunction;
  /** After success: a descriptor whose ends a trace tells. */
  connects?: (args: unknown[], result: number) => number;
}

/** One declared function. */
export interface Declared<P extends readonly Ffi[] = readonly Ffi[], R extends Ffi = Ffi> extends CallOptions {
  /** C's name. */
  symbol: string;
  /** Each parameter's name and kind. */
  parameters: readonly (readonly [name: string, kind: Kind])[];
  /** What it gives. */
  result: Kind;
  /** For the types alone. */
  types?: Native<P, R>;
}

type FfiOf<P extends readonly (readonly [string, Kind])[]> = { -readonly [I in keyof P]: P[I][1]["ffi"] };

/** Declares a function: what it gives, and its parameters with their names in the manual page. */
export function call<R extends Kind, const P extends readonly (readonly [string, Kind])[]>(
  result: R,
  parameters: P,
  options: CallOptions = {},
): Declared<FfiOf<P>, R["ffi"]> {
  return { symbol: "", ...options, parameters, result };
}

/** A judge of whether a call waits: not if this argument has this flag. */
export function unless(parameter: string, flag: number): (call: Call) => boolean {
  return (call) => (Number(call.argument(parameter)) & flag) === 0;
}

/** A judge of whether a call waits: always. */
export const always = (): boolean => true;

/** The declared functions as they are called. */
// deno-lint-ignore no-explicit-any -- the types are those of each function
export type Functions<T extends Record<string, Declared<any, any>>> = {
  [K in keyof T]: T[K] extends Declared<infer P, infer R> ? Native<P, R> : never;
};

/** A declared function and where it can be put something else in its place. */
export interface Entry {
  readonly declared: Declared;
  readonly functions: Record<string, AnyFunction>;
  readonly name: string;
  /** What opens it at its first call. */
  stub?: AnyFunction;
}

/** All functions declared so far. */
export const entries: Entry[] = [];

/** Declares a header's functions, and makes them callable. */
// deno-lint-ignore no-explicit-any -- the types are those of each function
export function header<T extends Record<string, Declared<any, any>>>(list: T): Functions<T> {
  const functions: Record<string, AnyFunction> = {};
  for (const name in list) {
    const declared: Declared = list[name];
    declared.symbol ||= name;
    const entry: Entry = { declared, functions, name };
    functions[name] = entry.stub = stub(entry);
    entries.push(entry);
    tracing.current?.declared(entry);
  }
  return functions as unknown as Functions<T>;
}

function stub(entry: Entry): AnyFunction {
  const { functions, name, declared } = entry;
  const first: AnyFunction = (...args) => {
    onFirstCall(declared.symbol);
    // what is run at the first call may have put something else here
    if (functions[name] !== first) return functions[name](...args);
    return (functions[name] = bare(declared))(...args);
  };
  return first;
}

/** Opens a function now, which is going to be called where it would cost more. */
export function openNow(functions: object, name: string): void {
  const entry = entries.find((entry) => entry.functions === functions && entry.name === name);
  if (entry && entry.functions[name] === entry.stub) entry.functions[name] = bare(entry.declared);
}

/** The function itself, opened now. */
export function bare(declared: Declared): AnyFunction {
  onFirstCall(declared.symbol);
  const { symbol, syscall, zeros, parameters, result, around, opens } = declared;
  const types = parameters.map(([, { ffi }]) => ffi);
  let found: AnyFunction;
  if (syscall) {
    const number = BigInt(syscall[Deno.build.arch]);
    const call = open("syscall", { parameters: ["i64", ...types], result: result.ffi });
    found = (...args) => call(number, ...args);
  } else if (zeros) {
    const rest = Array<bigint>(zeros).fill(0n);
    const call = open(symbol, { parameters: [...types, ...rest.map((): Ffi => "u64")], result: result.ffi });
    found = (...args) => call(...args, ...rest);
  } else found = open(symbol, { parameters: types, result: result.ffi });
  if (around) found = around(found);
  if (!result.descriptor && !opens) return found;
  // what it gives belongs to the program
  return (...args) => {
    const n = found(...args);
    if (n >= 0) {
      if (result.descriptor) adopt(n);
      opens?.(args).forEach(adopt);
    }
    return n;
  };
}

/** The same function on another thread. Its `errno` stays there. */
export function elsewhere<P extends readonly Ffi[], R extends Ffi>(
  { symbol, parameters, result }: Declared<P, R>,
): (...args: Parameters<Native<P, R>>) => Promise<ReturnType<Native<P, R>>> {
  return openElsewhere(symbol, parameters.map(([, { ffi }]) => ffi), result.ffi);
}
