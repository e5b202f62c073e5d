/**
 * What keeps a forked child from the event loop, which only its parent has: it ends by itself, or here.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "./check.ts";
import { CHILD_FAILED, exitChild, isForked } from "./child.ts";
import { core } from "./internals.ts";
import { type CallSite, callSites } from "./stack.ts";
import { complain } from "./streams.ts";

/** Prints what went wrong in this child, and ends it. */
export function failChild(error: unknown): never {
  try {
    complain("Uncaught (in forked child)", error);
  } catch {
    // an error whose own code fails to show it
    complain("Uncaught (in forked child) an error that cannot be shown");
  } finally {
    exitChild(CHILD_FAILED);
  }
}

const RAN_ON = "fork: the child ran on to the event loop, which only the parent has. " +
  "End it with exit(); it cannot await anything.";

/** The promises that were rejected in this child, and the last one that was settled. */
const settled: object[] = [];

const REJECTED = 2;

/** A promise is about to be settled. */
function noteSettled(promise: object): void {
  const last = settled.at(-1);
  if (last && core.getPromiseDetails?.(last)[0] !== REJECTED) settled.pop();
  settled.push(promise);
}

function failIfRejected(promise: object): void {
  const [state, error] = core.getPromiseDetails?.(promise) ?? [];
  if (state === REJECTED) failChild(error);
}

/** Ends a child that came back from the code that forked, with the error that brought it here if there is one. */
function springTrap(): void {
  if (!isForked()) return;
  try {
    for (const promise of settled.reverse()) failIfRejected(promise);
    complain(RAN_ON);
  } finally {
    exitChild(CHILD_FAILED);
  }
}

let armed = false;
let ticking = true;

function spring(): void {
  armed = false;
  springTrap();
}

/**
 * Ends a child that comes back from `fork()` before it returns to the event loop: there it would wait forever for what is
 * its parent's. A microtask runs before that. It is queued in the parent, where it does nothing, once for all forks until
 * it has run: in a child each page that is touched costs.
 */
export function armTrap(): void {
  ticking = core.hasTickScheduled?.() !== false;
  if (armed) return;
  armed = true;
  queue(spring);
}

/** What is left to do for that in a child: what `nextTick()` was given by the parent would run before any microtask. */
export function setTrap(): void {
  if (ticking) core.setAsyncHooksEmit?.(springTrap, springTrap, springTrap);
}

/**
 * Watches over promises: in a child nothing may go on that the parent had awaited, and an error may be known only by
 * them (what a module throws is the rejection of its promise). It is done from the start on, though all promises get
 * slower by it (an `await` by a tenth of a microsecond): what is awaited before is not seen, and in a child it would
 * take a tenth of the time of a fork.
 */
function guardPromises(): void {
  core.setPromiseHooks?.(
    () => isForked() && forbidWaiting(),
    () => isForked() && springTrap(),
    undefined,
    (promise) => isForked() && noteSettled(promise),
  );
}

/**
 * A promise is made in this child. If that is by one of Deno's asynchronous functions, the child ends here: they hand
 * their work to other threads, and a lock that one of those held at the fork is never released in a child.
 */
function forbidWaiting(): void {
  if (failing) return;
  const name = runtimeFunction();
  if (name === undefined) return;
  failing = true;
  if (name === EVENT_LOOP) springTrap();
  refuse(name ? name + "()" : "this");
}

function refuse(what: string): never {
  failChild(
    new LibcError("fork", "EOPNOTSUPP", `a child has no event loop, which ${what} needs: use what is synchronous`),
  );
}

/** Functions of Deno that hand on their work before they make a promise: a child is stopped before it is one of these. */
export function guardOperations(): void {
  for (const name of ["makeTempDir", "makeTempFile", "readLink", "realPath"] as const) {
    const original = Deno[name] as (...args: unknown[]) => unknown;
    const { [name]: guarded } = {
      [name]: (...args: unknown[]) => isForked() ? refuse(`${name}()`) : original(...args),
    };
    Object.defineProperty(Deno, name, { ...Object.getOwnPropertyDescriptor(Deno, name), value: guarded });
  }
}

let failing = false;
const EVENT_LOOP = "(event loop)";

type Site = Pick<CallSite, "getFileName" | "getFunctionName">;

/** The function of Deno that the program has called and within which this is called, or the event loop, or neither. */
function runtimeFunction(): string | undefined {
  const stack = callSites(runtimeFunction, 50);
  const sites: Site[] = typeof stack === "string" ? printedSites(stack) : stack;
  if (sites.length === 0) return "";
  let found: string | undefined;
  for (const site of sites) {
    const file = site.getFileName();
    // a module of Deno's own is only read in
    if (site.getFunctionName() === "lazyLoad") return undefined;
    // of JavaScript itself, and what is around each hook and operation
    if (!file || import.meta.url.endsWith(file) || file.startsWith("ext:core/")) continue;
    if (!/^(ext|node):/.test(file)) return found;
    found = site.getFunctionName() ?? "";
  }
  return found === undefined ? undefined : EVENT_LOOP;
}

/** The same from what V8 prints: `at Object.name (file:line:column)`, or without a name and parentheses. */
function printedSites(stack: string): Site[] {
  const lines = stack.matchAll(/^ +at (?:async )?(?:([^(]*) \()?(\S+):\d+:\d+\)?$/gm);
  return Array.from(lines, ([, name = "", file]) => ({
    getFileName: () => file,
    getFunctionName: () => name.slice(name.lastIndexOf(".") + 1),
  }));
}

const queue = globalThis.queueMicrotask;

/** Keeps what the parent queues from now on from running in a child. */
export function guardQueues(): void {
  guardPromises();
  globalThis.queueMicrotask = function queueMicrotask(callback: () => void): void {
    if (typeof callback !== "function") return queue(callback);
    queue(() => isForked() ? springTrap() : callback());
  };
}

const listen = globalThis.addEventListener;

/** Ends children in events after which no microtask is run. */
export function guardEvents(): void {
  // what a timer's callback or a listener throws comes by here
  listen("error", (event) => {
    if (isForked()) failChild(event.error);
  }, { capture: true });
  listen("beforeunload", springTrap);
  listen("unload", springTrap);
}

const unloading = Symbol.for("Deno.isUnloadDispatched");

/** Tells whether the program is ending: what comes back from a listener then goes to the runtime's end, and not by a trap. */
export function isEnding(): boolean {
  return (globalThis as unknown as Record<symbol, unknown>)[unloading] === true;
}

/** What a child made by `fork(child)` does instead of returning. */
export function runChild(child: () => number | void): never {
  let status = CHILD_FAILED;
  try {
    status = outcome(child);
  } catch (error) {
    failChild(error);
  } finally {
    exitChild(status);
  }
}

/** What the child's function gave. */
export function outcome(child: () => number | void): number {
  const result: unknown = child();
  if (result === undefined) return 0;
  if (typeof result === "number" && Number.isInteger(result)) return result;
  if (!(result instanceof Promise)) {
    const what = `the child's function must return an exit code or nothing, got ${shown(result)}`;
    throw new LibcError("fork", "EINVAL", what);
  }
  // an asynchronous function that threw before its first await has an error of its own to show
  failIfRejected(result);
  throw new LibcError(
    "fork",
    "EINVAL",
    "the child's function must not be asynchronous: a child has no event loop",
  );
}
