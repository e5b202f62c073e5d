/**
 * A signal's handler that loses nothing of what the kernel tells of the signal: it writes that into a pipe, and has Deno's
 * own handler wake the event loop, which reads it there.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { codeOf, type Listing, mapCode } from "./code.ts";
import { errno } from "./libc.ts";
import { own } from "./own.ts";

// the table lies so far behind the code, which says so itself; no page is larger
const TABLE = 0x10000;
const SIZE = 1 << 16; // bytes

// its beginning, in 32-bit words; then, in 64-bit words, what came when there was no room, and the handler of Deno's
const PID = 0;
const PIPE = 1;
const LOST = 1;
const DENO = 2;

/** Bytes of a `siginfo_t`. */
export const INFO = 128;

/** The handler. */
export const CODE: Listing = {
  x86_64: `
53             start:  push rbx
52                     push rdx
56                     push rsi
57                     push rdi
488d1df5ff0000         lea rbx, [rip + start + 0x10000]
b827000000             mov eax, 39                     # getpid
0f05                   syscall
3b03                   cmp eax, [rbx]                  # a copy of the process has nobody to tell
7536                   jne away
b801000000             mov eax, 1                      # write
8b7b04                 mov edi, [rbx + 4]
ba80000000             mov edx, 128
0f05                   syscall
483d80000000           cmp rax, 128
740b                   je told
8b0c24                 mov ecx, [rsp]
ffc9                   dec ecx
f0480fab4b08           lock bts qword ptr [rbx + 8], rcx   # no room: that it came is noted
5f             told:   pop rdi
5e                     pop rsi
5a                     pop rdx
488b4310               mov rax, [rbx + 16]
5b                     pop rbx
83ff20                 cmp edi, 32
7205                   jb known
bf17000000             mov edi, 23                     # SIGURG stands for those that Deno does not know
ffe0           known:  jmp rax
4883c418       away:   add rsp, 24
5b                     pop rbx
c3                     ret`,
  aarch64: `
e90300aa       start:  mov x9, x0
ea0301aa               mov x10, x1
eb0302aa               mov x11, x2
acff0710               adr x12, start + 0x10000
881580d2               mov x8, #172                    // getpid
010000d4               svc #0
8d0140b9               ldr w13, [x12]                  // a copy of the process has nobody to tell
1f000d6b               cmp w0, w13
01030054               b.ne away
800540b9               ldr w0, [x12, #4]
e1030aaa               mov x1, x10
021080d2               mov x2, #128
080880d2               mov x8, #64                     // write
010000d4               svc #0
1f0002f1               cmp x0, #128
20010054               b.eq told
2d050051               sub w13, w9, #1
2e0080d2               mov x14, #1
ce21cd9a               lsl x14, x14, x13
8f210091               add x15, x12, #8
f0fd5fc8       again:  ldaxr x16, [x15]
10020eaa               orr x16, x16, x14
f0fd11c8               stlxr w17, x16, [x15]           // no room: that it came is noted
b1ffff35               cbnz w17, again
e00309aa       told:   mov x0, x9
e1030aaa               mov x1, x10
e2030baa               mov x2, x11
900940f9               ldr x16, [x12, #16]
1f800071               cmp w0, #32
43000054               b.lo known
e0028052               mov w0, #23                     // SIGURG stands for those that Deno does not know
00021fd6       known:  br x16
c0035fd6       away:   ret`,
};

interface Handler {
  readonly address: bigint;
  /** The end of the pipe that is read. */
  readonly reader: number;
  readonly writer: number;
  /** The signals of which nothing is known but that they came. */
  readonly lost: BigInt64Array<ArrayBuffer>;
}

let handler: Handler | undefined;

/** Makes the handler ready. It is never taken away again: a thread may be in it. */
export function prepareHandler(denos: bigint): bigint {
  return (handler ??= make(denos)).address;
}

function make(denos: bigint): Handler {
  const O_NONBLOCK = 0o4000, O_CLOEXEC = 0o2000000, F_SETPIPE_SZ = 1031;
  const start = mapCode(codeOf(CODE), TABLE, SIZE, "a signal handler");
  const memory = Deno.UnsafePointerView.getArrayBuffer(start, 24, TABLE);
  const ends = new Int32Array(2);
  if (own.pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) throw new LibcError("sigaction", errno(), "a pipe for what comes");
  own.fcntl(ends[1], F_SETPIPE_SZ, 1 << 20); // else there is room for 512 signals
  const words = new Int32Array(memory);
  words[PID] = own.getpid();
  words[PIPE] = ends[1];
  new BigUint64Array(memory)[DENO] = denos;
  const lost = new BigInt64Array(memory, LOST * 8, 1);
  return { address: Deno.UnsafePointer.value(start), reader: ends[0], writer: ends[1], lost };
}

/** Tells whether a signal's handler is this one. */
export function isHandler(address: bigint): boolean {
  return handler !== undefined && address === handler.address;
}

/** What the kernel told of the next signal that came, as a `siginfo_t` has it; undefined if there is no more. */
export function nextInfo(): Uint8Array<ArrayBuffer> | undefined {
  if (!handler) return undefined;
  const info = new Uint8Array(INFO);
  if (own.read(handler.reader, info, BigInt(INFO)) === INFO) return info;
  const lost = Atomics.exchange(handler.lost, 0, 0n);
  if (lost === 0n) return undefined;
  let first = 1;
  while (!(lost >> BigInt(first - 1) & 1n)) first++;
  Atomics.or(handler.lost, 0, BigInt.asIntN(64, lost & ~(1n << BigInt(first - 1))));
  new Int32Array(info.buffer)[0] = first;
  return info;
}

/** The real-time signals that have this handler. */
export const realTime: Set<number> = new Set();

/** A forked child has none of it: its handlers are gone, and the pipe is its parent's. */
export function leaveHandler(): void {
  if (!handler) return;
  own.close(handler.reader);
  own.close(handler.writer);
  handler = undefined;
}
