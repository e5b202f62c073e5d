/**
 * What keeps a forked child from the event loop, which only its parent has: it ends by itself, or here.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { tracing } from "./observer.ts";
import { own } from "./own.ts";

const EX_SOFTWARE = 70;

/** Exit code of a forked child that failed: it threw, awaited, or ran on without `exit`. */
export const CHILD_FAILED: number = EX_SOFTWARE;

let forked = false;

/** Tells whether this process is a child made by `fork`. */
export function isForked(): boolean {
  return forked;
}

/** Notes that this process is one, or that it was only rehearsed. */
export function setForked(value: boolean): void {
  forked = value;
}

/** Lets a child end by `Deno.exit`. */
export function guardExit(): void {
  const original = Deno.exit;
  Deno.exit = function exit(code?: number): never {
    return forked ? exitChild(code ?? Deno.exitCode) : original(code);
  };
}

/** Ends this child at once. */
export function exitChild(status: number, rehearsal = false): never {
  if (rehearsal) return undefined as never;
  tracing.current?.exiting(status & 0xff);
  own._exit(status & 0xff);
  throw new Error("unreachable");
}

/** Prints what went wrong in this child, and ends it. */
export function failChild(error: unknown): never {
  console.error("Uncaught (in forked child)", error);
  exitChild(CHILD_FAILED);
}

const RAN_ON = "fork: the child ran on to the event loop, which only the parent has. " +
  "End it with exit(); it cannot await anything.";

type Core = {
  setPromiseHooks(
    init?: undefined,
    before?: (p: object) => void,
    after?: undefined,
    resolve?: (p: object) => void,
  ): void;
  getPromiseDetails(promise: object): [state: number, result: unknown];
};

// Deno's inner workings, where they can be had
const internals = Deno as unknown as { internal?: symbol } & Record<symbol, { core?: Core } | undefined>;
const core = internals.internal && internals[internals.internal]?.core;

/** The promises that were settled in this child. */
const settled: object[] = [];

function failIfRejected(promise: object): void {
  const REJECTED = 2;
  const [state, error] = core?.getPromiseDetails?.(promise) ?? [];
  if (state === REJECTED) failChild(error);
}

/** Ends a child that came back from the code that forked, with the error that brought it here if there is one. */
function springTrap(): void {
  if (!forked) return;
  for (const promise of settled.reverse()) failIfRejected(promise);
  console.error(RAN_ON);
  exitChild(CHILD_FAILED);
}

/**
 * A child that returned to the event loop would wait there forever for the parent's. A microtask runs before that
 * and ends it. Promise hooks do the same before a callback that the parent had queued could run twice, and they
 * know the error: what a module throws is the rejection of its promise.
 */
export function setTrap(rehearsal = false): void {
  queueMicrotask(springTrap);
  if (typeof core?.setPromiseHooks !== "function" || typeof core.getPromiseDetails !== "function") return;
  // set in the parent, the hooks would slow down all its promises
  if (rehearsal) core.setPromiseHooks();
  else core.setPromiseHooks(undefined, springTrap, undefined, (promise) => settled.push(promise));
}

let guarded = false;

/** Keeps callbacks that the parent had queued by `queueMicrotask` from running in a child. */
export function guardMicrotasks(): void {
  if (guarded) return;
  guarded = true;
  const original = globalThis.queueMicrotask;
  globalThis.queueMicrotask = function queueMicrotask(callback: () => void): void {
    if (typeof callback !== "function") return original(callback);
    original(() => forked ? springTrap() : callback());
  };
}

/** What a child made by `fork(child)` does instead of returning. */
export function runChild(child: () => number | void, rehearsal = false): never {
  let result: unknown;
  try {
    result = child();
  } catch (error) {
    failChild(error);
  }
  if (result === undefined) return exitChild(0, rehearsal);
  if (typeof result === "number" && Number.isInteger(result)) exitChild(result);
  if (!(result instanceof Promise)) {
    const what = `the child's function must return an exit code or nothing, got ${Deno.inspect(result)}`;
    failChild(new LibcError("fork", "EINVAL", what));
  }
  // an asynchronous function that threw before its first await has an error of its own to show
  failIfRejected(result);
  failChild(
    new LibcError("fork", "EINVAL", "the child's function must not be asynchronous: a child has no event loop"),
  );
}
