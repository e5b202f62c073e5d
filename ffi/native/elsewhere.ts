/**
 * Calls that block on another thread, for as long as it takes, and can be called off.
 *
 * A signal to the thread ends the call: a handler that does nothing is enough for `EINTR`. The thread is the one that the
 * kernel shows in a call with the memory that ours has been given.
 *
 * @module
 */
import { isForked } from "./child.ts";
import { type Declared, elsewhere } from "./header.ts";
import type { Ffi } from "./libc.ts";
import { cstring, functionAddress } from "./libc.ts";
import { tracing } from "./observer.ts";
import { own, preload } from "./own.ts";
import { type Job, startCall } from "./thread.ts";
import { isWorker, numbersIn } from "./threads.ts";

/** A call under way. */
export interface Blocked {
  /** What it gives; its `errno` stays on the other thread. */
  readonly result: Promise<number>;
  /** Tells a trace that it is back, and with which `errno` if it has failed. */
  back(result: number, errno: () => number): void;
  /**
   * Has it return. It may have succeeded by then.
   *
   * @returns Whether it was found in the kernel. If not, it has not begun or is back: ask again a little later.
   */
  callOff(): boolean;
}

/** How many of Deno's threads may block; it has 32 for all that it does. They are the quickest to begin. */
const DENOS = 16;
/** How many of our own may, beyond those. */
const OURS = 1000;
let denos = 0;
let ours = 0;

/** The number of a system call on each processor. */
type Numbers = Readonly<Record<typeof Deno.build.arch, number>>;

/**
 * Makes of a declared function one that blocks elsewhere. What is handed to it may be given to no other call before it is
 * back. It gives nothing if there is no thread for it.
 *
 * @param declared The function; its second argument is memory.
 * @param numbers The system call that it makes, with the same arguments.
 */
export function blocking<P extends readonly Ffi[]>(
  declared: Declared<P, "i32">,
  numbers: Numbers,
): (...args: Parameters<ReturnType<typeof elsewhere<P, "i32">>>) => Blocked | undefined {
  const call = elsewhere(declared);
  return (...args) => {
    const memory = args[1] as Uint8Array<ArrayBuffer>;
    let result: Promise<number>;
    let callOff: () => boolean;
    let failed = 0;
    if (denos < DENOS) {
      denos++;
      result = (call(...args) as Promise<number>).finally(() => denos--);
      callOff = () => interrupt(memory);
    } else {
      if (ours >= OURS) return undefined;
      const job = startCall(numbers[Deno.build.arch], args.map(word));
      if (job === undefined) return undefined;
      ours++;
      result = job.result.then((n) => {
        ours--;
        if (n < 0) failed = -n;
        return n < 0 ? -1 : n;
      });
      callOff = () => interrupt(memory, job);
    }
    const told = tracing.current?.blocks(declared, args);
    return { result, back: (n, errno) => told?.(n, n < 0 ? failed || errno() : 0), callOff };
  };
}

function addressOf(memory: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory)));
}

/** An argument as a register has it. */
function word(argument: unknown): bigint {
  return typeof argument === "object" ? addressOf(argument as Uint8Array<ArrayBuffer>) : BigInt(argument as number);
}

const SIG_DFL = 0n;
const SIG_BLOCK = 0;
const FIRST = 34; // those below are libc's
const LAST = 64;
const O_RDONLY_CLOEXEC = 0o2000000;
const TASKS = cstring("/proc/self/task", "open", "path");

// each a struct sigaction; the handler comes first
const action = new BigUint64Array(19);
const handler = new BigUint64Array(19);

/** The signal that ends calls; 0 before the first, undefined if there is none to be had. */
let interruption: number | undefined = 0;

/** Tells whether calls can be called off here. If not, none should block. */
export function canCallOff(): boolean {
  if (isForked() || isWorker) return false; // nothing would tell a thread that its worker has been ended
  if (interruption === 0) {
    try {
      preload("tgkill");
      handler[0] = functionAddress("abs");
      if (state("self").length > 0) interruption = choose();
      else interruption = undefined;
    } catch {
      interruption = undefined;
    }
  }
  return interruption !== undefined;
}

/** Takes a signal that nobody uses: the last ones are the least likely to be wanted later. */
function choose(): number | undefined {
  const blocked = new BigUint64Array(16); // a sigset_t
  own.sigprocmask(SIG_BLOCK, null, blocked);
  for (let sig = LAST; sig >= FIRST; sig--) {
    if (blocked[0] >> BigInt(sig - 1) & 1n) continue; // threads that Deno makes have the mask of their maker
    if (own.sigaction(sig, null, action) === 0 && action[0] === SIG_DFL && own.sigaction(sig, handler, null) === 0) {
      return sig;
    }
  }
  return undefined;
}

const text = new Uint8Array(256);

/** Which call a thread is in, and with what: its number, arguments, stack and place, as text; nothing if that is not to be known. */
function state(task: number | "self"): string {
  const directory = task === "self" ? "/proc/thread-self" : `/proc/self/task/${task}`;
  const fd = own.open(cstring(`${directory}/syscall`, "open", "path"), O_RDONLY_CLOEXEC, 0);
  if (fd < 0) return "";
  const length = own.read(fd, text, BigInt(text.length));
  own.close(fd);
  return String.fromCharCode(...text.subarray(0, Math.max(length, 0)));
}

const PATIENCE = 2; // milliseconds: what a thread takes to begin the call, or to leave it, if it gets to run

/** Interrupts the call that has this memory as its second argument, and tells whether it has been seen to leave the kernel. */
function interrupt(memory: Uint8Array<ArrayBuffer>, job?: Job): boolean {
  // the program may have taken the signal for itself meanwhile
  if (own.sigaction(interruption!, null, action) < 0) return false;
  if (action[0] !== handler[0]) {
    interruption = choose();
    if (interruption === undefined) return false;
  }
  const address = `0x${addressOf(memory).toString(16)}`;
  const isThere = (tid: number, text = state(tid)) => text.split(" ")[2] === address;
  const find = () =>
    job ? [job.tid()].find((tid) => tid > 0 && isThere(tid)) : numbersIn(TASKS).find((tid) => isThere(tid));
  const limit = performance.now() + PATIENCE;
  let tid: number | undefined;
  while ((tid = find()) === undefined) {
    if (job?.isBack()) return true;
    if (performance.now() > limit) return false;
    own.sched_yield();
  }
  own.tgkill(own.getpid(), tid, interruption!);
  // until it has left the kernel it may still get what it waits for; then one of Deno's threads waits for other work
  const isOut = () => {
    if (job) return job.isBack();
    const text = state(tid);
    return !text.startsWith("running") && !isThere(tid, text);
  };
  while (!isOut() && performance.now() < limit + PATIENCE) own.sched_yield();
  return true;
}
