/**
 * What a signal does that ends the process: calls of the kernel, written down beforehand, in a handler of machine code.
 *
 * JavaScript cannot be a signal's handler, as it may be anywhere at that moment, and code that waits for the event loop does not
 * reach a program that blocks or computes. A handler that only enters the kernel may run at any time, on any thread. What
 * it does is in a table beside it; then it has the signal end the process.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { codeOf, type Listing, mapCode } from "./code.ts";
import { cstring, errno, onFirstCall, open } from "./libc.ts";
import { own } from "./own.ts";

/** The signals that the handler is for. */
export const ENDS: readonly number[] = [1, 2, 15]; // SIGHUP, SIGINT, SIGTERM

// the table lies so far behind the code, which says so itself; no page is larger
const TABLE = 0x10000;
const SIZE = 1 << 25; // bytes, of which each page is real once something is in it
// its beginning, in 32-bit words; then there are 32 zero bytes, a struct sigaction as the kernel has it
const STATE = 0; // how many make something just now; and above 16 bits the signals that have come, each a bit
const PID = 1;
const COUNT = 2; // of the calls
const HEADER = 64;
// a call: its number, three arguments, and room for a path, or the longest name of a queue
const CALL = 296;
const PATH = 32;
const MOST = 100_000;

/** The handler. */
export const CODE: Listing = {
  x86_64: `
53             start:  push rbx
55                     push rbp
89fb                   mov ebx, edi
488d2df5ff0000         lea rbp, [rip + start + 0x10000]
b827000000             mov eax, 39                     # getpid
0f05                   syscall
3b4504                 cmp eax, [rbp + 4]              # a copy of the process has nothing to remove
7541                   jne end
8d430f                 lea eax, [rbx + 15]
f00fab4500             lock bts dword ptr [rbp], eax   # the signal is noted
7208                   jc run                          # the second time nothing keeps it
0fb74500               movzx eax, word ptr [rbp]       # who makes something will send it again
85c0                   test eax, eax
755b                   jnz back
4c8d4540       run:    lea r8, [rbp + 64]
448b4d08               mov r9d, [rbp + 8]
4585c9         next:   test r9d, r9d
7422                   jz end
498b00                 mov rax, [r8]                   # the call's number, 0 for none
4885c0                 test rax, rax
740e                   jz skip
498b7808               mov rdi, [r8 + 8]
498b7010               mov rsi, [r8 + 16]
498b5018               mov rdx, [r8 + 24]
0f05                   syscall
4981c028010000 skip:   add r8, 296
41ffc9                 dec r9d
ebd9                   jmp next
b80d000000     end:    mov eax, 13                     # rt_sigaction(sig, SIG_DFL)
89df                   mov edi, ebx
488d7510               lea rsi, [rbp + 16]
31d2                   xor edx, edx
41ba08000000           mov r10d, 8
0f05                   syscall
b827000000             mov eax, 39                     # getpid
0f05                   syscall
83f801                 cmp eax, 1                      # a namespace's first process can't be ended so
740e                   je first
89c7                   mov edi, eax
89de                   mov esi, ebx
b83e000000             mov eax, 62                     # kill
0f05                   syscall
5d             back:   pop rbp
5b                     pop rbx
c3                     ret
8dbb80000000   first:  lea edi, [rbx + 128]
b8e7000000             mov eax, 231                    # exit_group
0f05                   syscall`,
  aarch64: `
f353bfa9       start:  stp x19, x20, [sp, #-16]!
f303002a               mov w19, w0
d4ff0710               adr x20, start + 0x10000
881580d2               mov x8, #172                    // getpid
010000d4               svc #0
810640b9               ldr w1, [x20, #4]               // a copy of the process has nothing to remove
1f00016b               cmp w0, w1
e1020054               b.ne end
01009052               mov w1, #0x8000
2120d31a               lsl w1, w1, w19
82fe5f88       again:  ldaxr w2, [x20]
4400012a               orr w4, w2, w1
84fe0388               stlxr w3, w4, [x20]             // the signal is noted
a3ffff35               cbnz w3, again
bf3b03d5               dmb ish
5f00016a               tst w2, w1
61000054               b.ne run                        // the second time nothing keeps it
81024079               ldrh w1, [x20]                  // who makes something will send it again
21030035               cbnz w1, back
89020191       run:    add x9, x20, #64
8a0a40b9               ldr w10, [x20, #8]
2a010034       next:   cbz w10, end
28fddfc8               ldar x8, [x9]                   // the call's number, 0 for none
880000b4               cbz x8, skip
200540f9               ldr x0, [x9, #8]
210941a9               ldp x1, x2, [x9, #16]
010000d4               svc #0
29a10491       skip:   add x9, x9, #296
4a050051               sub w10, w10, #1
f8ffff17               b next
e003132a       end:    mov w0, w19
81420091               add x1, x20, #16
020080d2               mov x2, #0
030180d2               mov x3, #8
c81080d2               mov x8, #134                    // rt_sigaction(sig, SIG_DFL)
010000d4               svc #0
881580d2               mov x8, #172                    // getpid
010000d4               svc #0
1f040071               cmp w0, #1                      // a namespace's first process can't be ended so
c0000054               b.eq first
e103132a               mov w1, w19
281080d2               mov x8, #129                    // kill
010000d4               svc #0
f353c1a8       back:   ldp x19, x20, [sp], #16
c0035fd6               ret
60020211       first:  add w0, w19, #128
c80b80d2               mov x8, #94                     // exit_group
010000d4               svc #0`,
};

/** What is to be removed: an object of System V, a file, or a POSIX queue, whose name begins with a slash. */
export type Target =
  | { readonly kind: "shm" | "msg" | "sem"; readonly id: number }
  | { readonly path: string }
  | { readonly queue: string };

const NUMBERS = {
  x86_64: { shm: 31, msg: 71, sem: 66, unlinkat: 263, mq_unlink: 241 },
  aarch64: { shm: 195, msg: 187, sem: 191, unlinkat: 35, mq_unlink: 181 },
}[Deno.build.arch];

interface Table {
  /** Where the handler begins. */
  readonly start: Deno.PointerObject;
  /** The table's first words. */
  readonly words: Int32Array<ArrayBuffer>;
}

let table: Table | undefined;
/** Places in the table that are free again. */
let free: number[] = [];

const action = new BigUint64Array(19); // a struct sigaction of glibc's: handler, mask, flags

function at(address: bigint): Deno.PointerObject {
  return Deno.UnsafePointer.create(address)!;
}

function tableAt(start: Deno.PointerObject): Table {
  return { start, words: new Int32Array(Deno.UnsafePointerView.getArrayBuffer(start, HEADER, TABLE)) };
}

/** The handler of this process that there is already: another thread's, as dispositions are the whole process's. */
function installed(code: Uint8Array): Table | undefined {
  for (const sig of ENDS) {
    if (own.sigaction(sig, null, action) < 0) continue;
    const [address] = action;
    if (address === 0n || address & 0xfffn) continue; // it begins a page
    const bytes = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(at(address), code.length));
    if (bytes.every((byte, i) => byte === code[i])) return tableAt(at(address));
  }
}

/** Makes the table ready, and empty in a forked child, which has a copy of its parent's. */
export function prepare(): void {
  if (table === undefined) {
    onFirstCall("mmap");
    const code = codeOf(CODE);
    table = installed(code) ?? tableAt(mapCode(code, TABLE, SIZE, "a signal handler"));
  }
  const pid = own.getpid();
  if (table.words[PID] === pid) return;
  for (let n = 0; n < table.words[COUNT]; n++) place(n)[0] = 0n;
  table.words[STATE] = table.words[COUNT] = 0;
  table.words[PID] = pid;
  free = [];
}

/** Tells whether a signal's handler is this one. */
export function isRemoval(handler: bigint): boolean {
  return table !== undefined && handler === Deno.UnsafePointer.value(table.start);
}

/**
 * Has a signal remove what is in the table, and end the process. As a function it does so now.
 *
 * It is also what {@linkcode signal} takes and gives for that.
 */
export function removeAndEnd(sig: number): void {
  install(sig);
  kill(sig);
}

/** Sets the handler, for one of those signals. */
export function install(sig: number): void {
  const SA_RESTART = 0x1000_0000n, SA_ONSTACK = 0x0800_0000n;
  if (!ENDS.includes(sig)) {
    throw new LibcError("signal", "EINVAL", "only SIGHUP, SIGINT and SIGTERM can remove and end");
  }
  prepare();
  const action = new BigUint64Array(19).fill(~0n); // no other signal meanwhile
  action[0] = Deno.UnsafePointer.value(table!.start);
  action[17] = SA_RESTART | SA_ONSTACK;
  action[18] = 0n;
  if (own.sigaction(sig, action, null) < 0) throw new LibcError("signal", errno());
}

function kill(sig: number): void {
  open("kill", { parameters: ["i32", "i32"], result: "i32" })(own.getpid(), sig);
}

/** The words of a call, of which the last are for a path. */
function place(n: number): BigInt64Array<ArrayBuffer> {
  return new BigInt64Array(Deno.UnsafePointerView.getArrayBuffer(table!.start, CALL, TABLE + HEADER + n * CALL));
}

/** Whether the table is there, and this process's. */
function isReady(): boolean {
  return table !== undefined && table.words[PID] === own.getpid();
}

/** Enters something into the table, if that is in use, and gives its place. Only while {@linkcode undisturbed}. */
export function enter(target: Target): number | undefined {
  if (!isReady()) return;
  const text = textOf(target);
  if (text && text.length > CALL - PATH) return;
  const n = free.pop() ?? Atomics.add(table!.words, COUNT, 1);
  if (n >= MOST) return void Atomics.sub(table!.words, COUNT, 1);
  const words = place(n);
  if (text) new Uint8Array(words.buffer).set(text, PATH);
  const address = BigInt(Deno.UnsafePointer.value(table!.start)) + BigInt(TABLE + HEADER + n * CALL + PATH);
  let number: number;
  if ("kind" in target) {
    number = NUMBERS[target.kind];
    words.set([BigInt(target.id), 0n, 0n], 1);
  } else if ("queue" in target) {
    number = NUMBERS.mq_unlink;
    words.set([address + 1n, 0n, 0n], 1); // the kernel's names have no slash, but qemu looks for it before them
  } else {
    const AT_FDCWD = -100n;
    number = NUMBERS.unlinkat;
    words.set([AT_FDCWD, address, 0n], 1);
  }
  // the last: the call is complete now
  Atomics.store(words, 0, BigInt(number));
  return n;
}

/** A path, or a queue's name. */
function textOf(target: Target): Uint8Array | undefined {
  if ("path" in target) return cstring(target.path, "unlink", "path");
  if ("queue" in target) return cstring(target.queue, "mq_unlink", "name");
}

/** Takes something out of the table again. */
export function leave(n: number | undefined): void {
  if (n === undefined || !isReady()) return;
  Atomics.store(place(n), 0, 0n);
  free.push(n);
}

/** How many calls of {@linkcode undisturbed} this thread is in. */
let depth = 0;

/**
 * A function that makes something and enters it into the table: between the two a signal has to wait, as what it does not
 * find there would be left.
 */
export function undisturbed<A extends unknown[], T>(make: (...args: A) => T): (...args: A) => T {
  return (...args) => {
    if (!isReady()) return make(...args);
    // a signal has come already: another thread ends the process
    while (Atomics.add(table!.words, STATE, 1) >> 16 !== 0 && depth === 0) {
      resume();
      own.usleep(1000);
    }
    depth++;
    try {
      return make(...args);
    } finally {
      depth--;
      resume();
    }
  };
}

/** Sends signals again that came while something was made. */
function resume(): void {
  // a child that was forked meanwhile has made its own empty
  if ((Atomics.load(table!.words, STATE) & 0xffff) === 0) return;
  const state = Atomics.sub(table!.words, STATE, 1) - 1;
  if (state >> 16 === 0 || (state & 0xffff) !== 0) return;
  const came = Atomics.and(table!.words, STATE, 0xffff);
  for (const sig of ENDS) if (came & 1 << 15 + sig) kill(sig);
}
