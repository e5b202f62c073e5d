/**
 * Mutexes inside shared memory for people who don't want to think in C.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { futex, FUTEX_WAIT, FUTEX_WAKE } from "../libc/linux/futex.ts";
import {
  EOWNERDEAD,
  mutexCell,
  pthread_mutex_consistent,
  pthread_mutex_init,
  pthread_mutex_lock,
  PTHREAD_MUTEX_ROBUST,
  pthread_mutex_t,
  pthread_mutex_timedlock,
  pthread_mutex_trylockOrNot,
  pthread_mutex_unlock,
  pthread_mutexattr_init,
  pthread_mutexattr_setpshared,
  pthread_mutexattr_setrobust,
  pthread_mutexattr_t,
  PTHREAD_PROCESS_SHARED,
} from "../libc/pthread.ts";
import { shown } from "../native/check.ts";
import type { Cell } from "../native/cells.ts";
import { generation } from "../native/child.ts";
import { known, optionsOf } from "../native/options.ts";
import { isLocked } from "../native/robust.ts";
import { keyOf, memoryFor, type SharedPlace, stay, waitForWord } from "./_cells.ts";
import { isCode, waitOptionsOf } from "./_common.ts";
import { wait } from "./_line.ts";
import { BUSY, deadline } from "./_time.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";

const LOCK_WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const LOCK_SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));

// the first word: the owner's thread, whether somebody waits, and whether the owner has ended
const WAITERS = 0x8000_0000 | 0;
const OWNER_DIED = 0x4000_0000;

/** Mutexes for which a thread of ours was woken, and nobody has tried since. */
const woken = new Set<string>();

/** Sees to it that the one who has a mutex wakes another; tells whether somebody has it. */
function mark(words: Int32Array): boolean {
  for (let word = Atomics.load(words, 0);;) {
    if (word === 0 || word & OWNER_DIED) return false;
    if (word & WAITERS) return true;
    const found = Atomics.compareExchange(words, 0, word, word | WAITERS);
    if (found === word) return true;
    word = found;
  }
}

/** Who can be locked, for {@linkcode MutexLock} and for conditions. */
interface Lockable {
  readonly mutex: pthread_mutex_t;
  readonly cell: Cell;
}

/** Tries it; where it cannot be locked any more, all who wait are to hear of that. */
function tryNow(mutex: pthread_mutex_t, { words }: Cell): number | undefined {
  try {
    return pthread_mutex_trylockOrNot(mutex);
  } catch (error) {
    if (isCode(error, "ENOTRECOVERABLE")) futex(words.subarray(0, 1), FUTEX_WAKE, 0x7fff_ffff);
    throw error;
  }
}

/** Locks it if nobody has it. */
function attempt({ mutex, cell }: Lockable): number | typeof BUSY {
  const key = keyOf("mutex", cell);
  // another part of the program has it, whatever the memory says
  if (isLocked(cell)) return BUSY;
  const take = () => tryNow(mutex, cell);
  if (!woken.delete(key)) return take() ?? BUSY;
  // who unlocked it has woken us alone, and has forgotten the others
  for (;;) {
    const result = take();
    if (mark(cell.words)) return result ?? BUSY;
    if (result !== undefined) {
      futex(cell.words.subarray(0, 1), FUTEX_WAKE, 1);
      return result;
    }
  }
}

function lockNow(of: Lockable, signal?: AbortSignal): Promise<number> {
  const { words } = of.cell;
  const release = stay(of.cell, "a mutex");
  return wait<number>({
    syscall: "pthread_mutex_lock",
    key: keyOf("mutex", of.cell),
    shared: true,
    stays: true,
    attempt: () => attempt(of),
    block() {
      const has = mark(words);
      const word = Atomics.load(words, 0);
      const taken = has && (word & WAITERS) !== 0 && (word & OWNER_DIED) === 0;
      const release = stay(of.cell, "a mutex");
      // if it is free, it is back at once
      const begun = waitForWord(words, FUTEX_WAIT, taken ? word : ~word, (was) => {
        if (was) woken.add(keyOf("mutex", of.cell));
        release();
      });
      if (begun === undefined) release();
      return begun;
    },
  }, signal).finally(release);
}

function lockNowSync({ mutex, cell }: Lockable, timeout: number | undefined): number {
  const limit = deadline(timeout, "pthread_mutex_timedlock");
  if (isLocked(cell)) throw new LibcError("pthread_mutex_lock", "EDEADLK", "this program has locked it");
  if (limit === undefined) return pthread_mutex_lock(mutex);
  for (;;) {
    const { left } = limit;
    try {
      return pthread_mutex_timedlock(mutex, (Date.now() + left) / 1000);
    } catch (error) {
      if (!isCode(error, "ETIMEDOUT")) throw error;
      if (left === 0) throw limit.over();
    }
  }
}

let made: { of: Lockable; result: number } | undefined;
let inside: (lock: unknown) => Inside | undefined;

/** What a lock is, for conditions. */
interface Inside {
  /** Gives it up; throws unless it is held. */
  suspend(syscall: string): void;
  /** Has it again, as soon as it is free. */
  resume(): Promise<void>;
  resumeSync(): void;
}

/** A mutex that is locked: what {@linkcode Mutex.lock} gives. `using` unlocks it. */
export class MutexLock implements Disposable {
  readonly #of: Lockable;
  readonly #since = generation;
  #state: "held" | "waiting" | "released" = "held";
  #ownerDied: boolean;

  static {
    inside = (lock) =>
      typeof lock === "object" && lock !== null && #of in lock ? (lock as MutexLock).#inside() : undefined;
  }

  /**
   * Only a {@linkcode Mutex} makes these.
   *
   * @throws {LibcError} `EINVAL` always, else.
   */
  constructor() {
    if (made === undefined) throw new LibcError("pthread_mutex_lock", "EINVAL", "Mutex.lock() makes this");
    this.#of = made.of;
    this.#ownerDied = made.result === EOWNERDEAD;
    made = undefined;
  }

  #inside(): Inside {
    const back = (result: number) => {
      this.#ownerDied = result === EOWNERDEAD;
      const disposed = this.#state === "released";
      this.#state = "held";
      if (disposed) this.unlock();
    };
    return {
      suspend: (syscall) => {
        if (this.#state !== "held" || this.#since !== generation) {
          throw new LibcError(syscall, "EPERM", "the lock is not held");
        }
        pthread_mutex_unlock(this.#of.mutex);
        this.#state = "waiting";
      },
      resume: async () => back(await lockNow(this.#of)),
      resumeSync: () => back(lockNowSync(this.#of, undefined)),
    };
  }

  /** Whether it is held: not any more once it is unlocked, nor while it waits for a {@linkcode Condition}. */
  get held(): boolean {
    return this.#state === "held" && this.#since === generation;
  }

  /**
   * Whether who had the mutex before has ended without unlocking it: what it protects may be half done. Put that in order, and
   * then say so by {@linkcode makeConsistent}.
   */
  get ownerDied(): boolean {
    return this.#ownerDied;
  }

  /**
   * Says that what the mutex protects is in order again. If it is unlocked without that, nobody can lock it any more.
   *
   * @throws {LibcError} `EINVAL` it is in order; `EPERM` it is not held.
   */
  makeConsistent(): void {
    if (!this.held) throw new LibcError("pthread_mutex_consistent", "EPERM", "the lock is not held");
    pthread_mutex_consistent(this.#of.mutex);
    this.#ownerDied = false;
  }

  /**
   * Unlocks the mutex. Again, or in a forked child, it does nothing; while it waits for a {@linkcode Condition}, it is unlocked as
   * soon as it is back.
   *
   * @throws {LibcError} `EINVAL` the mutex was overwritten.
   */
  unlock(): void {
    const { held } = this;
    if (this.#since === generation) this.#state = "released";
    if (held) pthread_mutex_unlock(this.#of.mutex);
  }

  /** As {@linkcode unlock}, for `using`. */
  [Symbol.dispose](): void {
    this.unlock();
  }
}

/** What a condition needs of a lock. */
export function insideOf(lock: MutexLock, syscall: string): Inside {
  const found = inside(lock);
  if (found !== undefined) return found;
  throw new LibcError(syscall, "EINVAL", `lock must be a MutexLock, got ${shown(lock)}`);
}

/**
 * A robust mutex inside shared memory, for processes that share it: see `pthread_mutexattr_setrobust(3)`.
 *
 * It is the `pthread_mutex_t` of C programs, which may make it and lock it as well. When the process that has it ends, however
 * it ends, the next one gets it and is told: {@linkcode MutexLock.ownerDied}.
 *
 * **What a wait is.** {@linkcode lock} waits in the kernel, in a `futex` on another thread, and then locks the mutex on the
 * program's own, whose it is. Who waits in one program shares one thread and is served in the order of coming, also beside
 * one of the same program that has it. Between processes nothing is fair, as in C: who asks when it is free has
 * it, and who blocks in C is faster. Called off by its signal, a wait has locked nothing; if it was to be had first, it is locked all
 * the same. Where there is no thread it tries again every few milliseconds, as the waits of {@linkcode SemaphoreSet} do.
 *
 * A program that is busy when it is woken keeps others from being woken until it gets to its `await`; killed at that very moment,
 * it takes the wake-up with it, until somebody else has to wait for the mutex. {@linkcode lockSync} does not. Memory in which
 * a mutex is locked or waited for cannot be detached: `EBUSY`.
 *
 * @example
 * ```ts
 * import { Mutex, SharedMemory } from "./mod.ts";
 *
 * using segment = SharedMemory.create(4096);
 * const mutex = Mutex.create(segment);
 * {
 *   using lock = await mutex.lock();
 *   if (lock.ownerDied) {
 *     // put in order what it left half done, then
 *     lock.makeConsistent();
 *   }
 *   console.log(mutex.tryLock()); // null: somebody has it
 * }
 * ```
 */
export class Mutex {
  /** How many bytes it has: 40 on x86-64, 48 on arm64. */
  static readonly size: number = Deno.build.arch === "aarch64" ? 48 : 40;
  readonly #of: Lockable;

  private constructor(of: Lockable) {
    this.#of = of;
  }

  /**
   * Makes a mutex. Only one process may, before others use it.
   *
   * @param memory What `mmap` or `shmat` gave, or a {@linkcode SharedMemory}.
   * @param offset Where in it, a multiple of 8; 0 unless given.
   * @returns The mutex, which nobody has.
   * @throws {LibcError} `EINVAL` no such memory or offset, or this program has locked one there; `EACCES` the memory may only be read.
   *
   * @example See {@linkcode Mutex}.
   */
  static create(memory: SharedPlace, offset: number = 0): Mutex {
    const mutex = new pthread_mutex_t(memoryFor(memory), offset);
    const attr = new pthread_mutexattr_t();
    pthread_mutexattr_init(attr);
    pthread_mutexattr_setpshared(attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, attr);
    return new Mutex({ mutex, cell: mutexCell(mutex, "pthread_mutex_init") });
  }

  /**
   * Takes the mutex that is there.
   *
   * @param memory As for {@linkcode create}.
   * @param offset Where in it; 0 unless given.
   * @returns The mutex.
   * @throws {LibcError} `EINVAL` no such memory or offset, or no robust mutex is there; `EACCES` the memory may only be read.
   *
   * @example
   * ```ts
   * import { Mutex, SharedMemory } from "./mod.ts";
   *
   * using segment = SharedMemory.create(4096);
   * Mutex.create(segment, 64);
   * using lock = Mutex.open(segment, 64).lockSync();
   * console.log(lock.held, lock.ownerDied); // true false
   * ```
   */
  static open(memory: SharedPlace, offset: number = 0): Mutex {
    const mutex = new pthread_mutex_t(memoryFor(memory), offset);
    const cell = mutexCell(mutex, "pthread_mutex_lock");
    if (!cell.robust) throw new LibcError("pthread_mutex_lock", "EINVAL", `no robust mutex at ${offset}`);
    return new Mutex({ mutex, cell });
  }

  #lock(result: number): MutexLock {
    made = { of: this.#of, result };
    return new MutexLock();
  }

  /**
   * Locks the mutex: `using lock = await mutex.lock()`. Waits while somebody has it.
   *
   * @param options A signal to end the wait with; then it isn't locked.
   * @returns What unlocks it when it is disposed of.
   * @throws {LibcError} `ENOTRECOVERABLE` after its owner's end it was not made consistent; `EINVAL` it was overwritten.
   */
  async lock(options?: WaitOptions): Promise<MutexLock> {
    const { signal } = waitOptionsOf(options, LOCK_WAIT, "pthread_mutex_lock");
    signal?.throwIfAborted();
    return this.#lock(await lockNow(this.#of, signal));
  }

  /**
   * As {@linkcode lock}, but blocks the program; signals do not end that.
   *
   * @param options For how long to block.
   * @returns What unlocks it when it is disposed of.
   * @throws {LibcError} As {@linkcode lock}; `EDEADLK` this program has locked it; `ETIMEDOUT` the time is over.
   */
  lockSync(options?: WaitSyncOptions): MutexLock {
    const { timeout } = optionsOf(options, LOCK_SYNC, "pthread_mutex_timedlock");
    return this.#lock(lockNowSync(this.#of, timeout));
  }

  /**
   * Locks the mutex if nobody has it.
   *
   * @returns What unlocks it when it is disposed of; `null` if it was not to be had.
   * @throws {LibcError} As {@linkcode lock}.
   */
  tryLock(): MutexLock | null {
    const result = isLocked(this.#of.cell) ? undefined : pthread_mutex_trylockOrNot(this.#of.mutex);
    return result === undefined ? null : this.#lock(result);
  }
}
