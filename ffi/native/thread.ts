/**
 * Threads of our own, each for one system call that may block. Deno's are few, and shared with all that it does, and
 * nobody knows which of them makes a call.
 *
 * A thread enters the kernel and, when it is back, writes down what came out and says so to an eventfd, which a poll on one
 * of Deno's threads waits for. It runs no JavaScript, so it is machine code.
 *
 * @module
 */
import { codeOf, type Listing, mapCode } from "./code.ts";
import { open } from "./libc.ts";
import { lasting, own, pollElsewhere } from "./own.ts";

// a job, in 64-bit words: the call's number and arguments, its result, the eventfd, what is written to that, the thread,
// and whether that has written
const RESULT = 6;
const EVENTFD = 7;
const ONE = 8;
const TID = 9;
const WRITTEN = 10;
const JOB = 88; // bytes

/** What a thread does with a job. */
export const CODE: Listing = {
  x86_64: `
53             push rbx
4889fb         mov rbx, rdi
b8ba000000     mov eax, 186              # gettid
0f05           syscall
48894348       mov [rbx + 72], rax
488b03         mov rax, [rbx]
488b7b08       mov rdi, [rbx + 8]
488b7310       mov rsi, [rbx + 16]
488b5318       mov rdx, [rbx + 24]
4c8b5320       mov r10, [rbx + 32]
4c8b4328       mov r8, [rbx + 40]
0f05           syscall
48894330       mov [rbx + 48], rax
b801000000     mov eax, 1                # write
488b7b38       mov rdi, [rbx + 56]
488d7340       lea rsi, [rbx + 64]
ba08000000     mov edx, 8
0f05           syscall
c7435001000000 mov dword ptr [rbx + 80], 1
31c0           xor eax, eax
5b             pop rbx
c3             ret`,
  aarch64: `
f37bbfa9       stp x19, x30, [sp, #-16]!
f30300aa       mov x19, x0
481680d2       mov x8, #178              // gettid
010000d4       svc #0
602600f9       str x0, [x19, #72]
680240f9       ldr x8, [x19]
608640a9       ldp x0, x1, [x19, #8]
628e41a9       ldp x2, x3, [x19, #24]
641640f9       ldr x4, [x19, #40]
010000d4       svc #0
601a00f9       str x0, [x19, #48]
080880d2       mov x8, #64               // write
601e40f9       ldr x0, [x19, #56]
61020191       add x1, x19, #64
020180d2       mov x2, #8
010000d4       svc #0
210080d2       mov x1, #1
612a00f9       str x1, [x19, #80]
000080d2       mov x0, #0
f37bc1a8       ldp x19, x30, [sp], #16
c0035fd6       ret`,
};

/** What the result is as long as there is none. */
const PENDING = -(2n ** 63n);

/** A call under way. */
export interface Job {
  /** What the kernel gave: a negative one is the error's number. */
  readonly result: Promise<number>;
  /** Whether the call is back; its result is told then, whether or not the poll is. */
  isBack(): boolean;
  /** The thread; 0 before it runs. */
  tid(): number;
}

interface Pending {
  readonly words: BigInt64Array<ArrayBuffer>;
  /** So that the memory stays that the kernel has been given. */
  readonly args: readonly unknown[];
  resolve(result: number): void;
}

/** How many threads there may be. */
const MOST = 1000;
const pending = new Set<Pending>();
/** Memory of jobs that are over. */
const spare: BigInt64Array<ArrayBuffer>[] = [];

interface Threads {
  create(tid: BufferSource, attributes: BufferSource, start: Deno.PointerValue, job: BufferSource): number;
  readonly attributes: BigUint64Array<ArrayBuffer>;
  readonly start: Deno.PointerObject;
  /** The structure to wait with, for an eventfd that there is only while somebody waits. */
  readonly fds: Int32Array<ArrayBuffer>;
}

let threads: Threads | undefined;

function prepare(): Threads {
  const STACK = 1 << 17; // libc's own data takes some of it
  const PTHREAD_CREATE_DETACHED = 1;
  const attributes = new BigUint64Array(16); // more than a pthread_attr_t
  const create = open("pthread_create", { parameters: ["buffer", "buffer", "pointer", "buffer"], result: "i32" });
  open("pthread_attr_init", { parameters: ["buffer"], result: "i32" })(attributes);
  const set = { parameters: ["buffer", "i32"], result: "i32" } as const;
  open("pthread_attr_setdetachstate", set)(attributes, PTHREAD_CREATE_DETACHED);
  open("pthread_attr_setstacksize", { parameters: ["buffer", "usize"], result: "i32" })(attributes, BigInt(STACK));
  const start = mapCode(codeOf(CODE), 1 << 16, 0, "a thread");
  const POLLIN = 1;
  const fds = new Int32Array(lasting(8));
  fds[1] = POLLIN;
  return { create, attributes, start, fds };
}

/** An argument as a register has it. */
function word(argument: unknown): bigint {
  if (typeof argument !== "object") return BigInt(argument as number);
  if (argument === null) return 0n;
  if (!ArrayBuffer.isView(argument)) return BigInt(Deno.UnsafePointer.value(argument as Deno.PointerObject));
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(argument as Uint8Array<ArrayBuffer>)));
}

/**
 * Makes a system call on a thread of its own. Memory that it is given has to be left alone until it is back.
 *
 * @param number The call's number.
 * @param args Its arguments, five at most: numbers and memory.
 * @returns The call; undefined where the system gives no thread.
 */
export function startCall(number: number, args: readonly unknown[]): Job | undefined {
  if (pending.size >= MOST) return undefined;
  try {
    threads ??= prepare();
  } catch {
    return undefined; // an old libc, or a system that allows no code to be made
  }
  const { create, attributes, start, fds } = threads;
  if (!watching) {
    const EFD_NONBLOCK = 0o4000, EFD_CLOEXEC = 0o2000000;
    fds[0] = own.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fds[0] < 0) return undefined; // no descriptor left
  }
  const words = spare.pop() ?? new BigInt64Array(lasting(JOB));
  words.fill(0n, 0, RESULT);
  words.set([BigInt(number), ...args.map(word)]);
  words[RESULT] = PENDING;
  words[EVENTFD] = BigInt(fds[0]);
  words[ONE] = 1n;
  words[TID] = 0n;
  words[WRITTEN] = 0n;
  if (create(new BigUint64Array(1), attributes, start, words) !== 0) {
    spare.push(words);
    if (!watching) own.close(fds[0]);
    return undefined;
  }
  const { promise, resolve } = Promise.withResolvers<number>();
  const entry: Pending = { words, args, resolve };
  pending.add(entry);
  if (!watching) watch(fds);
  return {
    result: promise,
    isBack() {
      if (!pending.has(entry)) return true;
      collect();
      return !pending.has(entry);
    },
    tid: () => Number(Atomics.load(words, TID)),
  };
}

/** Tells the results of those who are back. */
function collect(): void {
  for (const job of pending) {
    const result = Atomics.load(job.words, RESULT);
    if (result === PENDING) continue;
    // it will not write to what has its eventfd's number then
    while (Atomics.load(job.words, WRITTEN) === 0n) own.sched_yield();
    pending.delete(job);
    spare.push(job.words);
    job.resolve(Number(result));
  }
}

let watching = false;

/** Waits for those who are back, as long as there is anybody to wait for. */
async function watch(fds: Int32Array<ArrayBuffer>): Promise<void> {
  watching = true;
  const count = new BigUint64Array(1);
  while (pending.size > 0) {
    await pollElsewhere(fds, 1n, -1);
    own.eventfd_read(fds[0], count);
    collect();
  }
  own.close(fds[0]);
  watching = false;
}
