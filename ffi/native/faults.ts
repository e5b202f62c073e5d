/**
 * What happens when memory is touched that is gone: a mapping may be longer than its file, as everybody who may write to
 * the file can make it shorter. The kernel says so by `SIGBUS`, which ends a process, and nothing tells beforehand.
 *
 * A handler of machine code puts a page of zeros there instead, as JavaScript cannot be a signal's handler. It knows the mappings by a table
 * beside it, and notes in which of them it happened. For anything else it takes itself away, and things take their course.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { codeOf, type Listing, mapCode } from "./code.ts";
import { errno, open } from "./libc.ts";
import { own } from "./own.ts";

const SIGBUS = 7;

// the table lies so far behind the code, which says so itself; no page is larger
const TABLE = 0x10000;
// its beginning: how many ranges there are, and whether anything was gone, in 32 bits each; and in 64-bit words what was
// to happen on the signal before
const COUNT = 0;
const SEEN = 1;
const BEFORE = 2;
const HEADER = 8; // words
// a range: where it begins, where it ends, whether something of it was gone, a page's size; what ends at 0 is free
const END = 1;
const GONE = 2;
const PAGE = 3;
const RANGE = 4; // words
const MOST = 1 << 16;

/** The handler. */
export const CODE: Listing = {
  x86_64: `
53               start:  push rbx
55                       push rbp
488d2df7ff0000           lea rbp, [rip + start + 0x10000]
837e0802                 cmp dword ptr [rsi + 8], 2      # BUS_ADRERR
7562                     jne old
488b5e10                 mov rbx, [rsi + 16]             # the address
8b4d00                   mov ecx, [rbp]                  # how many ranges there are
4c8d4540                 lea r8, [rbp + 64]
85c9             next:   test ecx, ecx
7453                     jz old
493b18                   cmp rbx, [r8]
7206                     jb skip
493b5808                 cmp rbx, [r8 + 8]
7208                     jb found
4983c020         skip:   add r8, 32
ffc9                     dec ecx
ebe9                     jmp next
49c7401001000000 found:  mov qword ptr [r8 + 16], 1      # it is noted
c7450401000000           mov dword ptr [rbp + 4], 1
498b7018                 mov rsi, [r8 + 24]              # a page
4889f7                   mov rdi, rsi
48f7df                   neg rdi
4821df                   and rdi, rbx
ba03000000               mov edx, 3                      # PROT_READ | PROT_WRITE
41ba32000000             mov r10d, 0x32                  # MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
49c7c0ffffffff           mov r8, -1
4531c9                   xor r9d, r9d
b809000000               mov eax, 9                      # mmap
0f05                     syscall
483d00f0ffff             cmp rax, -4096
7618                     jna back
b80d000000       old:    mov eax, 13                     # rt_sigaction: as it was; the access comes again
bf07000000               mov edi, 7
488d7510                 lea rsi, [rbp + 16]
31d2                     xor edx, edx
41ba08000000             mov r10d, 8
0f05                     syscall
5d               back:   pop rbp
5b                       pop rbx
c3                       ret`,
  aarch64: `
09000810 start:  adr x9, start + 0x10000
2a0840b9         ldr w10, [x1, #8]
5f090071         cmp w10, #2                     // BUS_ADRERR
61030054         b.ne old
2b0840f9         ldr x11, [x1, #16]              // the address
2c0140b9         ldr w12, [x9]                   // how many ranges there are
2d010191         add x13, x9, #64
ec020034 next:   cbz w12, old
ae3d40a9         ldp x14, x15, [x13]
7f010eeb         cmp x11, x14
63000054         b.lo skip
7f010feb         cmp x11, x15
83000054         b.lo found
ad810091 skip:   add x13, x13, #32
8c050051         sub w12, w12, #1
f8ffff17         b next
2e0080d2 found:  mov x14, #1
ae0900f9         str x14, [x13, #16]             // it is noted
2e0500b9         str w14, [x9, #4]
a10d40f9         ldr x1, [x13, #24]              // a page
e00301cb         neg x0, x1
00000b8a         and x0, x0, x11
620080d2         mov x2, #3                      // PROT_READ | PROT_WRITE
430680d2         mov x3, #0x32                   // MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
04008092         mov x4, #-1
050080d2         mov x5, #0
c81b80d2         mov x8, #222                    // mmap
010000d4         svc #0
1ffc3fb1         cmn x0, #4095
e3000054         b.lo back
e00080d2 old:    mov x0, #7                      // rt_sigaction: as it was; the access comes again
21410091         add x1, x9, #16
020080d2         mov x2, #0
030180d2         mov x3, #8
c81080d2         mov x8, #134
010000d4         svc #0
c0035fd6 back:   ret`,
};

let table: BigInt64Array<ArrayBuffer> | undefined;
let counts: Int32Array<ArrayBuffer> | undefined;

/** The handler's address, once it is there; a forked child keeps it. */
export let faultHandler = 0n;

const action = new BigUint64Array(19); // a struct sigaction of glibc's: handler, mask, flags

function tableAt(start: Deno.PointerObject): BigInt64Array<ArrayBuffer> {
  return new BigInt64Array(Deno.UnsafePointerView.getArrayBuffer(start, (HEADER + MOST * RANGE) * 8, TABLE));
}

/** The handler that another thread has set: dispositions are the whole process's. */
function installed(code: Uint8Array): Deno.PointerObject | undefined {
  if (own.sigaction(SIGBUS, null, action) < 0 || action[0] < 2n || action[0] & 0xfffn) return; // it begins a page
  const start = Deno.UnsafePointer.create(action[0])!;
  const bytes = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(start, code.length));
  return bytes.every((byte, i) => byte === code[i]) ? start : undefined;
}

function install(code: Uint8Array): Deno.PointerObject {
  const start = mapCode(code, TABLE, (HEADER + MOST * RANGE) * 8, "a signal handler");
  const words = tableAt(start);
  // as the kernel has it, which the handler asks
  const syscall = open("syscall", { parameters: ["i64", "i64", "buffer", "buffer", "i64"], result: "i64" });
  const rt_sigaction = { x86_64: 13n, aarch64: 134n }[Deno.build.arch];
  if (syscall(rt_sigaction, BigInt(SIGBUS), null, words.subarray(BEFORE, HEADER), 8n) < 0n) {
    throw new LibcError("sigaction", errno());
  }
  const SA_ONSTACK = 0x0800_0000n, SA_RESTART = 0x1000_0000n;
  action.fill(0n);
  action[0] = Deno.UnsafePointer.value(start);
  const SA_SIGINFO = 4n;
  action[17] = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  if (own.sigaction(SIGBUS, action, null) < 0) throw new LibcError("sigaction", errno());
  return start;
}

/** A page's size in the mapping of a file. */
function pageOf(fd: number): bigint {
  const HUGETLBFS_MAGIC = 0x9584_58f6n, _SC_PAGESIZE = 30;
  const statfs = new BigUint64Array(16); // f_type, f_bsize …
  const known = open("fstatfs", { parameters: ["i32", "buffer"], result: "i32" })(fd, statfs) === 0;
  if (known && statfs[0] === HUGETLBFS_MAGIC) return statfs[1];
  return open("sysconf", { parameters: ["i32"], result: "i64" })(_SC_PAGESIZE);
}

/**
 * Has the mapping of a file read as zeros where that has become shorter. What is written there is lost.
 *
 * @returns Its place in the table, for the other functions.
 */
export function survive(start: bigint, length: number, fd: number): number {
  if (table === undefined) {
    const code = codeOf(CODE);
    const handler = installed(code) ?? install(code);
    table = tableAt(handler);
    counts = new Int32Array(table.buffer, 0, 2);
    faultHandler = BigInt(Deno.UnsafePointer.value(handler));
  }
  for (let n = 0; n < MOST; n++) {
    const at = HEADER + n * RANGE;
    if (Atomics.compareExchange(table, at, 0n, start) !== 0n) continue;
    table[at + GONE] = 0n;
    table[at + PAGE] = pageOf(fd);
    Atomics.store(table, at + END, start + BigInt(length));
    for (;;) {
      const count = Atomics.load(counts!, COUNT);
      if (count > n || Atomics.compareExchange(counts!, COUNT, count, n + 1) === count) return n;
    }
  }
  throw new LibcError("mmap", "ENOMEM", `${MOST} mappings of files`);
}

/** Takes a range out of the table, before it is unmapped. */
export function forgetRange(place: number): void {
  const at = HEADER + place * RANGE;
  Atomics.store(table!, at + END, 0n);
  Atomics.store(table!, at, 0n);
}

/** Tells whether anything was gone when it was touched. */
export function anyGone(): boolean {
  return counts !== undefined && counts[SEEN] !== 0;
}

/** Tells whether a part of a range was. */
export function wasGone(place: number): boolean {
  return Atomics.load(table!, HEADER + place * RANGE + GONE) !== 0n;
}
