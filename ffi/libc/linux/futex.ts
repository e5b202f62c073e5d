/**
 * `<linux/futex.h>`: waiting for a word of memory to change, which is what mutexes and semaphores are made of.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { byteLengthOf, isWords32 } from "../../native/bytes.ts";
import { asInt, asUint, itemsOf, shown } from "../../native/check.ts";
import { type Blocked, blocking } from "../../native/elsewhere.ts";
import { call, type CallOptions, header } from "../../native/header.ts";
import { array, as, flags, i32, type Kind, named, oneOf, opaque, size, u32, u64 } from "../../native/kinds.ts";
import { element, layout, layoutOf, Struct, struct } from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import { addressOfWords } from "../../native/pointed.ts";
import { CLOCK_MONOTONIC, CLOCK_REALTIME, timeoutOf, timespec } from "../time.ts";

/** `futex`: wait while the word has a value. */
export const FUTEX_WAIT = 0;
/** `futex`: wake some who wait. */
export const FUTEX_WAKE = 1;
/** `futex`: wake some, and have the others wait for another word. */
export const FUTEX_REQUEUE = 3;
/** `futex`: the same, if the word still has a value. */
export const FUTEX_CMP_REQUEUE = 4;
/** `futex`: wait to be woken by who has one of these bits. */
export const FUTEX_WAIT_BITSET = 9;
/** `futex`: wake some who wait for one of these bits. */
export const FUTEX_WAKE_BITSET = 10;
/** `futex`: with one of the others: only threads of this process do this, which is faster. */
export const FUTEX_PRIVATE_FLAG = 128;
/** `futex`: with `FUTEX_WAIT_BITSET`: the moment is one of the time of day. */
export const FUTEX_CLOCK_REALTIME = 256;
/** `futex`: all bits. */
export const FUTEX_BITSET_MATCH_ANY = 0xffff_ffff;
/** How many words {@linkcode futex_waitv} can wait for. */
export const FUTEX_WAITV_MAX = 128;

const NUMBER = { x86_64: 202, aarch64: 98 };
const COMMAND = ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);

const operation = flags({
  FUTEX_WAIT,
  FUTEX_WAKE,
  FUTEX_REQUEUE,
  FUTEX_CMP_REQUEUE,
  FUTEX_WAIT_BITSET,
  FUTEX_WAKE_BITSET,
  FUTEX_WAIT_PRIVATE: FUTEX_WAIT | FUTEX_PRIVATE_FLAG,
  FUTEX_WAKE_PRIVATE: FUTEX_WAKE | FUTEX_PRIVATE_FLAG,
  FUTEX_REQUEUE_PRIVATE: FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG,
  FUTEX_CMP_REQUEUE_PRIVATE: FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG,
  FUTEX_WAIT_BITSET_PRIVATE: FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
  FUTEX_WAKE_BITSET_PRIVATE: FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG,
  FUTEX_CLOCK_REALTIME,
}, { radix: 16, mask: 0xff });
const bits: Kind<"u32"> = {
  ...u32,
  decode: (value) => {
    const all = value === FUTEX_BITSET_MATCH_ANY;
    return {
      value: Number(value),
      names: all ? ["FUTEX_BITSET_MATCH_ANY"] : [],
      rest: all ? 0 : Number(value),
      radix: 16,
    };
  },
};
const time = struct(timespec);
const start = [["uaddr", opaque], ["futex_op", operation], ["val", u32]] as const;
const futexCall: CallOptions = { symbol: "futex", syscall: NUMBER };
const waiting: CallOptions = { ...futexCall, waits: () => true };

/** One of the words that {@linkcode futex_waitv} waits for, as the kernel has it. */
class struct_futex_waitv extends Struct {
  declare val: bigint;
  declare uaddr: bigint;
  declare flags: number;
}
layout(struct_futex_waitv, "futex_waitv", {
  val: as(u64, { decode: (value) => named(Number(value), {}, { radix: 16 }) }),
  uaddr: as(u64, { decode: (value) => ({ pointer: Number(value) }) }),
  flags: as(u32, oneOf({ FUTEX_32: 2 })),
  __reserved: u32,
});
const ENTRY = layoutOf(struct_futex_waitv);
const FUTEX2_SIZE_U32 = 2;

const WAIT = call(i32, [...start, ["timeout", time]], waiting);
const EAGAIN = 11;
const waitElsewhere = blocking(WAIT, NUMBER, EAGAIN);

const c = header({
  futexWait: WAIT,
  futexWake: call(i32, start, futexCall),
  futexBitset: call(i32, [...start, ["timeout", time], ["uaddr2", opaque], ["val3", bits]], {
    ...futexCall,
    waits: (call) => (Number(call.argument("futex_op")) & COMMAND) === FUTEX_WAIT_BITSET,
  }),
  futexRequeue: call(i32, [...start, ["val2", size], ["uaddr2", opaque]], futexCall),
  futexCompare: call(i32, [...start, ["val2", size], ["uaddr2", opaque], ["val3", u32]], futexCall),
  futex_waitv: call(i32, [
    ["waiters", array(element(ENTRY), "nr_futexes")],
    ["nr_futexes", u32],
    ["flags", u32],
    ["timeout", time],
    ["clockid", oneOf({ CLOCK_REALTIME, CLOCK_MONOTONIC })],
  ], { syscall: { x86_64: 449, aarch64: 449 }, waits: () => true }),
});

/** A word of memory: the first of an array. */
export type FutexWord = Int32Array | Uint32Array;

function wordAt(words: FutexWord, syscall: string, name: string): BufferSource {
  if (!isWords32(words) || byteLengthOf(words) === 0) {
    throw new LibcError(syscall, "EFAULT", `${name} must be an Int32Array or a Uint32Array, got ${shown(words)}`);
  }
  return words as BufferSource;
}

/** A value of a word, which programs write signed, too. */
function valueOf(value: number, syscall: string, name: string): number {
  return typeof value === "number" && value < 0 ? asInt(value, syscall, name) >>> 0 : asUint(value, syscall, name);
}

/**
 * Waits for a word of memory to change, or wakes those who wait, `futex(2)`.
 *
 * The word is the first of an array that lies over shared memory: `new Int32Array(memory.buffer, 64, 1)`. Change it by `Atomics`
 * before waking anybody. `Atomics.wait` itself does not take such memory; and what this does may end without a reason, so look
 * at the word again.
 *
 * | `futex_op` | what it does | `val` | `timeout` | `uaddr2` | `val3` |
 * |---|---|---|---|---|---|
 * | `FUTEX_WAIT` | waits while the word is `val` | the value | seconds; `null` for ever | | |
 * | `FUTEX_WAKE` | wakes some | how many at most | | | |
 * | `FUTEX_WAIT_BITSET` | as `FUTEX_WAIT` | the value | a moment, in seconds of `CLOCK_MONOTONIC` | | the bits |
 * | `FUTEX_WAKE_BITSET` | as `FUTEX_WAKE` | how many | | | the bits |
 * | `FUTEX_REQUEUE` | wakes some and moves others | how many to wake | how many to move | where to | |
 * | `FUTEX_CMP_REQUEUE` | the same | how many to wake | how many to move | where to | the value |
 *
 * @param uaddr An array whose first element is the word.
 * @param futex_op One of the above, with or without `FUTEX_PRIVATE_FLAG` and `FUTEX_CLOCK_REALTIME`. Others are refused.
 * @param val See above.
 * @param timeout See above; in C a `struct timespec`, or a number instead of the pointer.
 * @param uaddr2 See above.
 * @param val3 See above.
 * @returns How many were woken; for `FUTEX_CMP_REQUEUE` with those that were moved; 0 for those that wait.
 * @throws {LibcError} `EAGAIN` the word has another value; `ETIMEDOUT`; `EINTR` a signal came; `EFAULT` no such array;
 * `EINVAL` wrong arguments; `ENOSYS` another operation.
 *
 * @example
 * ```ts
 * import { FUTEX_WAIT, FUTEX_WAKE, futex, LibcError, MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE } from "./mod.ts";
 *
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * const word = new Int32Array(memory.buffer, 64, 1);
 * try {
 *   futex(word, FUTEX_WAIT, 0, 0.01); // while it is 0, for a hundredth of a second
 * } catch (error) {
 *   console.log(error instanceof LibcError && error.code); // ETIMEDOUT
 * }
 * Atomics.store(word, 0, 1);
 * console.log(futex(word, FUTEX_WAKE, 1)); // 0: nobody waited
 * munmap(memory);
 * ```
 */
export function futex(
  uaddr: FutexWord,
  futex_op: number,
  val: number,
  timeout: number | null = null,
  uaddr2: FutexWord | null = null,
  val3: number = 0,
): number {
  const word = wordAt(uaddr, "futex", "uaddr");
  const op = asInt(futex_op, "futex", "futex_op");
  const waits = (op & COMMAND) === FUTEX_WAIT || (op & COMMAND) === FUTEX_WAIT_BITSET;
  const value = waits ? valueOf(val, "futex", "val") : asUint(val, "futex", "val");
  let result: number;
  switch (op & COMMAND) {
    case FUTEX_WAIT:
      result = c.futexWait(word, op, value, timeoutOf(timeout, "futex"));
      break;
    case FUTEX_WAKE:
      result = c.futexWake(word, op, value);
      break;
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAKE_BITSET:
      result = c.futexBitset(word, op, value, timeoutOf(timeout, "futex"), null, valueOf(val3, "futex", "val3"));
      break;
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE: {
      if (uaddr2 === null) throw new LibcError("futex", "EFAULT", "this operation needs uaddr2");
      const most = BigInt(asUint(timeout ?? 0, "futex", "timeout"));
      const other = wordAt(uaddr2, "futex", "uaddr2");
      result = (op & COMMAND) === FUTEX_REQUEUE
        ? c.futexRequeue(word, op, value, most, other)
        : c.futexCompare(word, op, value, most, other, valueOf(val3, "futex", "val3"));
      break;
    }
    default:
      throw new LibcError("futex", "ENOSYS", `operation ${op}`);
  }
  if (result < 0) throw new LibcError("futex", errno());
  return result;
}

/**
 * `FUTEX_WAIT` on another thread. It gives 0 also where the word has another value.
 *
 * @ignore
 */
export function futexElsewhere(word: Int32Array<ArrayBuffer>, futex_op: number, val: number): Blocked | undefined {
  return waitElsewhere(word, futex_op, val >>> 0, null);
}

/**
 * `FUTEX_WAIT` that makes no error of its time being over, of a signal and of another value.
 *
 * @param timeout A `struct timespec`.
 * @ignore
 */
export function futexWaitOrNot(word: Int32Array<ArrayBuffer>, val: number, timeout: BigInt64Array<ArrayBuffer>): void {
  c.futexWait(word, FUTEX_WAIT, val >>> 0, timeout);
}

/**
 * Waits for one of several words of memory to change, `futex_waitv(2)`; since Linux 5.16.
 *
 * @param waiters For each word an array that begins with it, and the value that it has: `[uaddr, val]`.
 * @param timeout A moment, in seconds of the clock; `null` for never.
 * @param clockid The clock: `CLOCK_MONOTONIC` unless given, or `CLOCK_REALTIME`.
 * @returns The index of one that was woken. Others may have been, too.
 * @throws {LibcError} `EAGAIN` a word has another value; `ETIMEDOUT`; `EINTR`; `EINVAL` no or too many words; `EFAULT`;
 * `ENOSYS` the kernel is older.
 *
 * @example
 * ```ts
 * import { futex_waitv, LibcError, MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE } from "./mod.ts";
 *
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * const [one, two] = [0, 64].map((at) => new Int32Array(memory.buffer, at, 1));
 * Atomics.store(two, 0, 5);
 * try {
 *   futex_waitv([[one, 0], [two, 0]], null);
 * } catch (error) {
 *   console.log(error instanceof LibcError && error.code); // EAGAIN: the second one is not 0
 * }
 * munmap(memory);
 * ```
 */
export function futex_waitv(
  waiters: readonly (readonly [uaddr: FutexWord, val: number])[],
  timeout: number | null,
  clockid: number = CLOCK_MONOTONIC,
): number {
  const list = itemsOf(waiters, FUTEX_WAITV_MAX + 1);
  if (list.length === 0 || list.length > FUTEX_WAITV_MAX) {
    throw new LibcError("futex_waitv", "EINVAL", `waiters must be 1 to ${FUTEX_WAITV_MAX} of [uaddr, val]`);
  }
  const { val, uaddr, flags } = ENTRY.members;
  const bytes = new Uint8Array(list.length * ENTRY.size);
  const entries = new DataView(bytes.buffer);
  const until = timeoutOf(timeout, "futex_waitv");
  const clock = asInt(clockid, "futex_waitv", "clockid");
  const pairs = list.map((item) => {
    const [word, value] = itemsOf(item, 2) as [FutexWord, number];
    wordAt(word, "futex_waitv", "uaddr");
    return [word, valueOf(value, "futex_waitv", "val")] as const;
  });
  // nothing of the program's runs from here to the call
  for (const [i, [word, value]] of pairs.entries()) {
    const at = i * ENTRY.size;
    entries.setBigUint64(at + val.at, BigInt(value), true);
    entries.setBigUint64(at + uaddr.at, addressOfWords(word), true);
    entries.setUint32(at + flags.at, FUTEX2_SIZE_U32, true);
  }
  const result = c.futex_waitv(bytes, list.length, 0, until, clock);
  if (result < 0) throw new LibcError("futex_waitv", errno());
  return result;
}
