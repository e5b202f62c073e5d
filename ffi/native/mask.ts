/**
 * The signals that are blocked in every thread. Each thread of a process has a mask of its own, and what one of them
 * blocks, the kernel gives to another that doesn't: Deno has many. So those have to block it, too.
 *
 * No thread can set another's mask but in a handler, on whose return the kernel takes the mask from what the handler was
 * given. That handler is machine code, as it runs on threads that know no JavaScript.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { isForked } from "./child.ts";
import { codeOf, type Listing, mapCode } from "./code.ts";
import { cstring } from "./libc.ts";
import { own, slurp } from "./own.ts";
import { findTaken, take } from "./taken.ts";
import { numbersIn } from "./threads.ts";

// the table lies so far behind the code, which says so itself; no page is larger
const TABLE = 0x10000;
const SIZE = 1 << 16; // bytes

// its words: the signals that programs have said something about, and those of them that are blocked
const NAMED = 0;
const BLOCKED = 1;

/** The handler. */
export const CODE: Listing = {
  x86_64: `
488d0df9ff0000 start:  lea rcx, [rip + start + 0x10000]
488b01                 mov rax, [rcx]                  # what programs have said something about
48f7d0                 not rax
48238228010000         and rax, [rdx + 296]            # the mask that the thread has afterwards
480b4108               or rax, [rcx + 8]
48898228010000         mov [rdx + 296], rax
c3                     ret`,
  aarch64: `
03000810       start:  adr x3, start + 0x10000
641440a9               ldp x4, x5, [x3]                // what programs have said something about, and what of it is blocked
461440f9               ldr x6, [x2, #40]               // the mask that the thread has afterwards
c600248a               bic x6, x6, x4
c60005aa               orr x6, x6, x5
461400f9               str x6, [x2, #40]
c0035fd6               ret`,
};

interface Table {
  /** The signal that brings it about. */
  readonly sig: number;
  readonly words: BigUint64Array<ArrayBuffer>;
}

let table: Table | undefined;

function tableAt(start: Deno.PointerObject, sig: number): Table {
  return { sig, words: new BigUint64Array(Deno.UnsafePointerView.getArrayBuffer(start, 16, TABLE)) };
}

/** Makes the handler ready, or finds another thread's: dispositions are the whole process's. */
function prepare(soon: bigint): Table {
  const code = codeOf(CODE);
  const sig = findTaken((address) => {
    if (address <= 1n || address & 0xfffn) return false; // it begins a page
    const bytes = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(at(address), code.length));
    return bytes.every((byte, i) => byte === code[i]);
  });
  const action = new BigUint64Array(19); // a struct sigaction of glibc's: handler, mask, flags
  if (sig !== undefined) {
    own.sigaction(sig, null, action);
    return tableAt(at(action[0]), sig);
  }
  const SA_SIGINFO = 0x4n, SA_RESTART = 0x1000_0000n, SA_ONSTACK = 0x0800_0000n;
  const start = mapCode(code, TABLE, SIZE, "a signal handler");
  action.fill(~0n); // no other signal meanwhile
  action[0] = Deno.UnsafePointer.value(start);
  action[17] = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  action[18] = 0n;
  const taken = take(action, soon);
  if (taken === undefined) throw new LibcError("sigprocmask", "EAGAIN", "no signal is left to tell the threads by");
  return tableAt(start, taken);
}

function at(address: bigint): Deno.PointerObject {
  return Deno.UnsafePointer.create(address)!;
}

/** Sees to it that the threads can be told; `soon` are signals that a program is about to block. */
export function prepareMasks(soon: bigint): void {
  if (!isForked()) table ??= prepare(soon);
}

const PATIENCE = 10_000; // milliseconds: longer than a thread has to wait for a processor
const AGAIN = 20; // milliseconds
const DEAF = 1000; // milliseconds: that it then hears of as soon as it hears again

/** A thread's mask, or undefined if it has ended. */
function maskOf(tid: number): bigint | undefined {
  try {
    const status = new TextDecoder().decode(slurp(`/proc/self/task/${tid}/status`));
    if (/^State:\s+[ZX]/m.test(status)) return undefined;
    const found = /^SigBlk:\s+([0-9a-f]+)/m.exec(status);
    return found ? BigInt("0x" + found[1]) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Has every other thread block what this one does.
 *
 * @param mask This thread's mask, as it is now.
 * @param changed What has changed in it, or was named.
 */
export function blockEverywhere(mask: bigint, changed: bigint): void {
  if (isForked()) return; // it has one thread
  const { words, sig } = table!;
  words[NAMED] |= changed;
  words[BLOCKED] = mask & words[NAMED];
  const [named, blocked] = words;
  const pid = own.getpid();
  const sent = new Map<number, number>();
  const start = performance.now();
  for (;;) {
    let behind = 0;
    const now = performance.now();
    for (const tid of threadsNow()) {
      const theirs = maskOf(tid);
      if (theirs === undefined) continue;
      // libc blocks everything where a thread begins, makes another or ends, and puts back what was; or for good
      const deaf = theirs >> BigInt(sig - 1) & 1n;
      if (deaf ? sent.has(tid) && now - start > DEAF : (theirs & named) === blocked) continue;
      behind = tid;
      if (now - (sent.get(tid) ?? -AGAIN) < AGAIN) continue;
      sent.set(tid, now);
      own.tgkill(pid, tid, sig);
    }
    // those that come meanwhile have the mask of who has made them, which may not have been told by then
    if (behind === 0) return;
    if (now - start > PATIENCE) throw new LibcError("sigprocmask", "EAGAIN", `thread ${behind} does not answer`);
    own.sched_yield();
  }
}

function threadsNow(): number[] {
  try {
    return numbersIn(cstring("/proc/self/task", "open", "path"));
  } catch (error) {
    const { code, detail } = error as LibcError;
    throw new LibcError("sigprocmask", code as "ENOENT", detail);
  }
}
