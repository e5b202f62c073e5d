/**
 * Calls that block on another thread, for as long as it takes, and can be called off.
 *
 * A signal to the thread ends the call: a handler that does nothing is enough for `EINTR`.
 *
 * @module
 */
import { isForked } from "./child.ts";
import type { Declared } from "./header.ts";
import type { Ffi, Native } from "./libc.ts";
import { tracing } from "./observer.ts";
import { own, preload } from "./own.ts";
import { idleHandler, take } from "./taken.ts";
import { type Job, startCall } from "./thread.ts";
import { isWorker } from "./threads.ts";

/** A call under way. */
export interface Blocked {
  /** What it gives; -1 if it has failed. */
  readonly result: Promise<number>;
  /** Tells a trace that it is back. */
  back(result: number): void;
  /**
   * Has it return. It may have succeeded by then.
   *
   * @returns Whether it has returned. If not, ask again a little later.
   */
  callOff(): boolean;
}

/** The number of a system call on each processor. */
type Numbers = Readonly<Record<typeof Deno.build.arch, number>>;

/**
 * Makes of a declared function one that blocks elsewhere. What is handed to it may be given to no other call before it is
 * back. It gives nothing if there is no thread for it.
 *
 * @param declared The function; it is traced as this.
 * @param numbers The system call that it makes, with the same arguments.
 * @param fine The number of an error that is as good as success.
 */
export function blocking<P extends readonly Ffi[]>(
  declared: Declared<P, "i32">,
  numbers: Numbers,
  fine?: number,
): (...args: Parameters<Native<P, "i32">>) => Blocked | undefined {
  return (...args) => {
    const job = startCall(numbers[Deno.build.arch], args);
    if (job === undefined) return undefined;
    underWay.add(job);
    const told = tracing.current?.blocks(declared, args);
    let failed = 0;
    return {
      result: job.result.then((n) => {
        underWay.delete(job);
        if (n >= 0) return n;
        failed = -n;
        return failed === fine ? 0 : -1;
      }),
      back: (n) => told?.(failed === 0 ? n : -1, failed),
      callOff: () => interrupt(job),
    };
  };
}

// each a struct sigaction; the handler comes first
const action = new BigUint64Array(19);
const handler = new BigUint64Array(19);

/** The signal that ends calls; 0 before the first, undefined if there is none to be had. */
let interruption: number | undefined = 0;

/** Calls that may still write to memory of this program's. */
const underWay = new Set<Job>();
let ended = false;

/**
 * Ends all calls: where the process goes on after the program, as in `deno test` with the next file, they would take what
 * comes for others, and write it where this program's memory was.
 */
function end(): void {
  if (isForked()) return;
  ended = true;
  const limit = performance.now() + 1000;
  for (const job of underWay) while (!interrupt(job) && interruption !== undefined && performance.now() < limit);
}

/**
 * Tells whether calls can be called off here. If not, none should block.
 *
 * @param soon Signals that a program is about to use.
 */
export function canCallOff(soon?: bigint): boolean {
  if (ended || isForked() || isWorker) return false; // nothing would tell a thread that its worker has been ended
  if (interruption === 0) {
    try {
      preload("tgkill");
      handler[0] = idleHandler();
      interruption = take(handler, soon);
      globalThis.addEventListener("unload", end);
    } catch {
      interruption = undefined;
    }
  }
  return interruption !== undefined;
}

const PATIENCE = 2; // milliseconds: what a thread takes to begin the call, or to leave it, if it gets to run
const AGAIN = 0.1; // milliseconds: a signal that comes before the call has begun is lost

/** Interrupts a call, and tells whether it is back. */
function interrupt(job: Job): boolean {
  const start = performance.now();
  for (let next = start, now = start; !job.isBack() && now < start + PATIENCE; now = performance.now()) {
    if (now >= next && !signal(job.tid())) return false;
    if (now >= next) next = now + AGAIN;
    own.sched_yield();
  }
  return job.isBack();
}

/** Sends the signal, and tells whether there is one. */
function signal(tid: number): boolean {
  // the program may have taken it for itself meanwhile
  const taken = () => own.sigaction(interruption!, null, action) < 0 || action[0] !== handler[0];
  if (interruption === undefined || taken()) interruption = take(handler);
  if (interruption === undefined) return false;
  if (tid > 0) own.tgkill(own.getpid(), tid, interruption);
  return true;
}
