/**
 * Doing a call, and telling whether what comes of it is a value or a typed error.
 *
 * @module
 */
import type { Spec } from "./_numbers.ts";
import { say, verbose } from "./_run.ts";
import { LibcError, m, type World } from "./_world.ts";

/** A function to call, what to call it with, and what to do about its result. */
export interface Call {
  readonly name: string;
  // deno-lint-ignore no-explicit-any -- as above
  run(w: World, ...args: any[]): unknown;
  readonly params: readonly Spec[][];
  after?(result: unknown, w: World): void;
  /** Which other errors it may throw. */
  readonly allows?: (error: unknown) => boolean;
}

/** The function of this name, with its arguments. */
export function thin(name: string, params: Spec[][], after?: Call["after"]): Call {
  if (typeof m[name] !== "function") throw new Error(`no ${name}`);
  return { name, run: (_w, ...args) => m[name](...args), params, after };
}

export const closes = (result: unknown) => m.close(result);

/** Waits no longer than this. */
export const soon = () => AbortSignal.timeout(1);
const aborted = (error: unknown) => error instanceof DOMException && error.name === "TimeoutError";

export function method(
  name: string,
  // deno-lint-ignore no-explicit-any -- as above
  run: (w: World, ...args: any[]) => unknown,
  params: Spec[][],
  after?: Call["after"],
): Call {
  return { name, run, params, after, allows: aborted };
}

/** Does a call and throws if what comes of it is neither a value nor a typed error. */
export function perform(call: Call, specs: readonly Spec[], w: World): unknown {
  const text = `${call.name}(${specs.map(({ name }) => name).join(", ")})`;
  if (verbose) say(text);
  const args = specs.map((spec) => spec.make(w));
  const failed = (error: unknown) => {
    w.checkGuards(() => text);
    if (error instanceof LibcError) {
      if (typeof error.errno !== "number" || !error.code) throw new Error(`${text}: no code`, { cause: error });
      return;
    }
    if (call.allows?.(error)) return;
    throw new Error(`${text} threw ${Deno.inspect(error)}`);
  };
  const succeeded = (result: unknown) => {
    w.checkGuards(() => text);
    if (result !== undefined) call.after?.(result, w);
    const taken = specs.findIndex((spec) => spec.bad);
    if (taken >= 0) throw new Error(`${text} took argument ${taken + 1} for a value, and gave ${Deno.inspect(result)}`);
  };
  let result: unknown;
  try {
    result = call.run(w, ...args);
  } catch (error) {
    return failed(error);
  }
  if (result instanceof Promise) return result.then(succeeded, failed);
  succeeded(result);
}

export const disposes = (object: unknown) => (object as Disposable)[Symbol.dispose]();
export const given = (name: string, value: unknown) => value === undefined ? {} : { [name]: value };
