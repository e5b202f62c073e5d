/**
 * Being a forked child, and ending as one.
 *
 * @module
 */
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
  generation += value ? 1 : -1;
}

/** How many forks lie between the program's first process and this one: what was noted before the last is the parent's. */
export let generation = 0;

/** What is to be done before a child ends by itself. */
export const beforeExit: Set<() => void> = new Set();

/** Ends this child at once. */
export function exitChild(status: number): never {
  try {
    if (status !== CHILD_FAILED) { for (const step of beforeExit) step(); }
    tracing.current?.exiting(status & 0xff);
  } finally {
    // nothing that a listener throws can bring a child back
    own._exit(status & 0xff);
  }
  throw new Error("unreachable");
}

/** Lets a child end by `Deno.exit`, and know its pid: that which Deno has noted is its parent's. */
export function guardProcess(): void {
  const { pid } = Deno;
  Object.defineProperty(Deno, "pid", {
    get: () => forked ? own.getpid() : pid,
    enumerable: true,
    configurable: true,
  });
  const original = Deno.exit;
  Deno.exit = function exit(code?: number): never {
    return forked ? exitChild(code ?? Deno.exitCode) : original(code);
  };
}
