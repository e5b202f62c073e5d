/**
 * Conditions inside shared memory.
 *
 * @module
 */
import { futex, FUTEX_WAIT, FUTEX_WAKE } from "../libc/linux/futex.ts";
import { type Cell, mindCell } from "../native/cells.ts";
import { known, optionsOf } from "../native/options.ts";
import { keyOf, placeIn, type SharedPlace, stay, waitForWord } from "./_cells.ts";
import { isCode, waitOptionsOf } from "./_common.ts";
import { wait } from "./_line.ts";
import { BUSY, deadline } from "./_time.ts";
import { insideOf, type MutexLock } from "./mutex.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";

const WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const WAIT_SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));

const SIZE = 8; // bytes
const NOTIFIED = 0;
const ALL = 1;
const EVERYBODY = 0x7fff_ffff;

/** Those of this program who wait for the same condition. */
interface Crowd {
  /** The first word when it was looked at last. */
  seen: number;
  /** How many may go on: some of these notifications may have been others'. */
  credits: number;
  waiting: number;
}

const crowds = new Map<string, Crowd>();

/**
 * A condition inside shared memory, beside a {@linkcode Mutex}: who has that locked waits until another process says that something
 * has changed.
 *
 * It is not C's `pthread_cond_t`, which can be waited for only on the thread that has the mutex (for that one there are
 * {@linkcode pthread_cond_wait} and its kin, which block the program). It is two 32-bit words, at a multiple of 8, both 0 at
 * the beginning: how often somebody was notified, and how often all were. In C, beside a robust `pthread_mutex_t`:
 *
 * ```c
 * unsigned now = atomic_load(&word[0]);                                   // wait, with the mutex locked
 * pthread_mutex_unlock(mutex);
 * syscall(SYS_futex, &word[0], FUTEX_WAIT, now, NULL, NULL, 0);
 * pthread_mutex_lock(mutex);                                              // and look whether it is so
 *
 * atomic_fetch_add(&word[0], 1);                                          // notify one
 * syscall(SYS_futex, &word[0], FUTEX_WAKE, 1, NULL, NULL, 0);
 *
 * atomic_fetch_add(&word[1], 1); atomic_fetch_add(&word[0], 1);           // notify all
 * syscall(SYS_futex, &word[0], FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
 * ```
 *
 * As with every condition, a wait may be over without a reason: look in a loop. Who waits in one program shares one thread, and is
 * notified in the order of coming; the waits are those of {@linkcode Mutex}.
 *
 * @example
 * ```ts
 * import { Condition, Mutex, SharedMemory } from "./mod.ts";
 *
 * using segment = SharedMemory.create(4096);
 * const mutex = Mutex.create(segment, 0), condition = Condition.create(segment, 64);
 * setTimeout(async () => { // another process would
 *   using _lock = await mutex.lock();
 *   segment.write(new Uint8Array([1]), 128);
 *   condition.notify();
 * });
 * using lock = await mutex.lock();
 * while (segment.read(128, 1)[0] === 0) await condition.wait(lock);
 * ```
 */
export class Condition {
  /** How many bytes it has. */
  static readonly size: number = SIZE;
  readonly #cell: Cell;

  private constructor(cell: Cell) {
    this.#cell = cell;
  }

  /**
   * Makes a condition. Only one process may, before others use it.
   *
   * @param memory What `mmap` or `shmat` gave, or a {@linkcode SharedMemory}.
   * @param offset Where in it, a multiple of 8; 0 unless given.
   * @returns The condition.
   * @throws {LibcError} `EINVAL` no such memory or offset; `EACCES` the memory may only be read.
   *
   * @example See {@linkcode Condition}.
   */
  static create(memory: SharedPlace, offset: number = 0): Condition {
    const made = Condition.open(memory, offset);
    Atomics.store(made.#cell.words, NOTIFIED, 0);
    Atomics.store(made.#cell.words, ALL, 0);
    return made;
  }

  /**
   * Takes the condition that is there.
   *
   * @param memory As for {@linkcode create}.
   * @param offset Where in it; 0 unless given.
   * @returns The condition.
   * @throws {LibcError} As {@linkcode create}.
   *
   * @example
   * ```ts
   * import { Condition, SharedMemory } from "./mod.ts";
   *
   * using segment = SharedMemory.create(4096); // zeros are a condition
   * Condition.open(segment, 64).notifyAll(); // nobody waits
   * ```
   */
  static open(memory: SharedPlace, offset: number = 0): Condition {
    return new Condition(placeIn(memory, offset, SIZE, "futex"));
  }

  #words(): Int32Array<ArrayBuffer> {
    mindCell(this.#cell, "futex");
    return this.#cell.words;
  }

  /**
   * Unlocks the mutex, waits to be notified, and locks it again.
   *
   * @param lock What {@linkcode Mutex.lock} gave. It may say afterwards that another owner has died.
   * @param options A signal to end the wait with. The mutex is locked again first, however long that takes.
   * @throws {LibcError} `EPERM` the lock is not held; `ENOTRECOVERABLE` the mutex cannot be locked again; `EINVAL`.
   */
  async wait(lock: MutexLock, options?: WaitOptions): Promise<void> {
    const { signal } = waitOptionsOf(options, WAIT, "futex");
    signal?.throwIfAborted();
    const inside = insideOf(lock, "futex");
    const words = this.#words();
    const key = keyOf("condition", this.#cell);
    const mine = Atomics.load(words, NOTIFIED), all = Atomics.load(words, ALL);
    inside.suspend("futex");
    const release = stay(this.#cell, "a condition");
    let crowd = crowds.get(key);
    if (crowd === undefined) crowds.set(key, crowd = { seen: mine, credits: 0, waiting: 0 });
    crowd.waiting++;
    try {
      await wait<void>({
        syscall: "futex",
        key,
        shared: true,
        stays: true,
        attempt() {
          const now = Atomics.load(words, NOTIFIED);
          crowd.credits = Math.min(crowd.credits + (now - crowd.seen >>> 0), crowd.waiting);
          crowd.seen = now;
          if (Atomics.load(words, ALL) !== all) return;
          if (now === mine || crowd.credits === 0) return BUSY;
          crowd.credits--;
        },
        block: () => {
          const release = stay(this.#cell, "a condition");
          const begun = waitForWord(words, FUTEX_WAIT, crowd.seen, release);
          if (begun === undefined) release();
          return begun;
        },
      }, signal);
    } finally {
      if (--crowd.waiting === 0) crowds.delete(key);
      release();
      await inside.resume();
    }
  }

  /**
   * As {@linkcode wait}, but blocks the program; signals do not end that.
   *
   * @param lock What {@linkcode Mutex.lockSync} gave.
   * @param options For how long to block; the mutex is locked again first, however long that takes.
   * @throws {LibcError} As {@linkcode wait}; `ETIMEDOUT` the time is over.
   */
  waitSync(lock: MutexLock, options?: WaitSyncOptions): void {
    const { timeout } = optionsOf(options, WAIT_SYNC, "futex");
    const limit = deadline(timeout, "futex");
    const inside = insideOf(lock, "futex");
    const words = this.#words();
    const mine = Atomics.load(words, NOTIFIED);
    inside.suspend("futex");
    try {
      while (Atomics.load(words, NOTIFIED) === mine) {
        const left = limit === undefined ? null : limit.left;
        try {
          futex(words, FUTEX_WAIT, mine, left === null ? null : left / 1000);
        } catch (error) {
          if (isCode(error, "ETIMEDOUT") && left === 0) throw limit!.over();
          if (!isCode(error, "EAGAIN", "EINTR", "ETIMEDOUT")) throw error;
        }
      }
    } finally {
      inside.resumeSync();
    }
  }

  /**
   * Wakes one that waits, whether or not one has the mutex.
   *
   * @throws {LibcError} `EINVAL` the memory is gone.
   */
  notify(): void {
    const words = this.#words();
    Atomics.add(words, NOTIFIED, 1);
    futex(words, FUTEX_WAKE, 1);
  }

  /**
   * Wakes all that wait.
   *
   * @throws {LibcError} As {@linkcode notify}.
   */
  notifyAll(): void {
    const words = this.#words();
    Atomics.add(words, ALL, 1);
    Atomics.add(words, NOTIFIED, 1);
    futex(words, FUTEX_WAKE, EVERYBODY);
  }
}
