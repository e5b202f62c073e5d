/**
 * Semaphore sets for people who don't want to think in C.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import { IPC_NOWAIT } from "../libc/sys/ipc.ts";
import {
  GETALL,
  GETNCNT,
  GETPID,
  GETVAL,
  GETZCNT,
  SEM_UNDO,
  sembuf,
  semctl,
  semget,
  type semid_ds,
  semop,
  semopElsewhere,
  semopOrNot,
  semtimedop,
  SETALL,
  SETVAL,
} from "../libc/sys/sem.ts";
import { getpid } from "../libc/unistd.ts";
import { isCode, waitOptionsOf } from "./_common.ts";
import { wait } from "./_line.ts";
import { byteLengthOf } from "../native/bytes.ts";
import { ownBytes } from "../native/layout.ts";
import { tracing } from "../native/observer.ts";
import { known, optionsOf } from "../native/options.ts";
import { CREATE, create, date, find } from "./_system_v.ts";
import { BUSY, deadline, LONGEST_PAUSE, pause, sleepSync } from "./_time.ts";
import { type CreateOptions, IpcObject } from "./ipc_object.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";

/** How much to take or give. */
export interface AcquireOptions {
  /** How much; 1 unless given. */
  by?: number;
  /** Have the kernel take it back when this process ends, however it ends; `false` unless given. */
  undo?: boolean;
}

const ACQUIRE = known<AcquireOptions>(({ by, undo }) => ({ by, undo }));
const ACQUIRE_WAIT = known<AcquireOptions & WaitOptions>(({ by, undo, signal }) => ({ by, undo, signal }));
const ACQUIRE_SYNC = known<AcquireOptions & WaitSyncOptions>(({ by, undo, timeout }) => ({ by, undo, timeout }));
const WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));

const PATIENCE = 2; // seconds: what a maker may take to give a set its values
const LARGEST = 0x7fff; // SEMVMX

function checkValue(value: number, name: string, from: number, syscall = "semop"): number {
  if (Number.isInteger(value) && value >= from && value <= LARGEST) return value;
  const code = Number.isInteger(value) && value > LARGEST ? "ERANGE" : "EINVAL";
  throw new LibcError(syscall, code, `${name} must be ${from} to ${LARGEST}, got ${shown(value)}`);
}

const FIELDS = 3; // of a struct sembuf, 16 bits each
const FLAGS = 2; // the last of them

/** A copy of operations: as many as there are bytes for, whatever has become of the buffer. */
function copyOf(ops: sembuf): sembuf {
  const bytes = ownBytes(ops);
  if (bytes === undefined) throw new LibcError("semop", "EFAULT", "ops has not the bytes of a sembuf");
  const count = Math.trunc(byteLengthOf(bytes) / (2 * FIELDS));
  const copy = new sembuf(...Array.from({ length: count }, (): [number, number] => [0, 0]));
  if (count > 0) copy.bytes.set(bytes.subarray(0, count * 2 * FIELDS));
  return copy;
}

/** Tells whether operations wait: none has `IPC_NOWAIT`. */
function isPatient(ops: sembuf): boolean {
  const fields = new Int16Array(copyOf(ops).bytes.buffer);
  for (let at = FLAGS; at < fields.length; at += FIELDS) if (fields[at] & IPC_NOWAIT) return false;
  return true;
}

const MOST = 0xffff; // semaphores of a set that have a number in a struct sembuf

/** Values as the kernel takes them; a plain `Uint16Array.from` would cut them. */
function valuesOf(list: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  if (list === null || typeof list !== "object") {
    throw new LibcError("semctl", "EINVAL", `the values must be a list of numbers, got ${shown(list)}`);
  }
  const values: number[] = [];
  try {
    const { length } = list;
    if (!Number.isInteger(length) || length < 0 || length > MOST) {
      throw new LibcError("semctl", "EINVAL", `there must be up to ${MOST} values, got ${shown(length)}`);
    }
    for (let i = 0; i < length; i++) values.push(checkValue(list[i], "a value", 0, "semctl"));
  } catch (error) {
    if (error instanceof LibcError) throw error;
    throw new LibcError("semctl", "EINVAL", "the values cannot be read");
  }
  return Uint16Array.from(values);
}

/**
 * A set of semaphores: see `svipc(7)`, `semget(2)`, `semop(2)`, `semctl(2)`.
 *
 * Methods that wait come in two kinds: those that end in `Sync` block the program as in C; the others leave it running.
 *
 * **What a wait is.** {@linkcode acquire}, {@linkcode lock}, {@linkcode waitZero} and {@linkcode op} wait in the kernel, in a
 * `semop` that blocks on another thread: they are woken at once, get their turn beside others as the kernel gives it (also
 * beside one who takes again at once), and cost nothing while nothing happens. {@linkcode getWaitingForIncrease} and
 * {@linkcode getWaitingForZero} count them: who waits for the same on one semaphore shares one thread, is served in the order
 * of coming, and counts as one. Called off by their signal, they have done nothing; what was to be had first is done all
 * the same, and the signal came too late. The promise is settled once the thread is back, a moment after the signal. Before
 * all that a wait looks for a moment whether it need not: {@linkcode MessageQueue} says more.
 *
 * Where that cannot be (it is the same as for {@linkcode MessageQueue}: more than 1,000 different waits at a time, a Worker), a
 * wait tries again every few milliseconds: it may be up to 5 ms late, finds nothing beside one who takes again
 * at once, and is not counted.
 *
 * A process that dies with what it acquired leaves the others waiting. {@linkcode lock} has the kernel undo that
 * (`SEM_UNDO`); {@linkcode acquire} and {@linkcode release} do so only when asked to, because where one process acquires and
 * another releases, as with a producer and a consumer, undoing would count everything twice.
 *
 * @example
 * ```ts
 * import { SemaphoreSet } from "./mod.ts";
 *
 * using set = SemaphoreSet.create([1, 0]);
 * {
 *   using _lock = await set.lock(0);
 *   console.log(set.values); // [ 0, 0 ]
 * }
 * set.release(1, { by: 3 });
 * console.log(set.values, set.tryAcquire(1), set.values); // [ 1, 3 ] true [ 1, 2 ]
 * ```
 */
export class SemaphoreSet extends IpcObject<semid_ds> {
  readonly #id: number;
  readonly #single: sembuf = new sembuf([0, 0]);
  readonly #fields: Int16Array<ArrayBuffer> = new Int16Array(this.#single.bytes.buffer);

  private constructor(id: number) {
    super(id, "sem");
    this.#id = id;
  }

  /**
   * Makes a set.
   *
   * C has a gap between making a set and giving it its values, in which another process may find it. Here that one waits
   * until the values are there, and so does this, blocking the program, with a set that was there before: see {@linkcode open}.
   *
   * @param semaphores How many semaphores, all 0; or the value of each.
   * @param options Key, permissions, and whether an existing set will do; that one keeps its values.
   * @returns The set; disposing of it removes it, unless it was there before.
   * @throws {LibcError} `EEXIST`; `EACCES`; `EINVAL` no or too many semaphores, or more than an existing set has; `ERANGE` a
   * value above 32767; `ENOMEM`; `ENOSPC` too many sets.
   *
   * @example
   * ```ts
   * import { SemaphoreSet } from "./mod.ts";
   *
   * using set = SemaphoreSet.create([1, 5], { key: 0x7e57_0006 });
   * console.log(set.length, set.values); // 2 [ 1, 5 ]
   * ```
   */
  static create(semaphores: number | ArrayLike<number>, options?: CreateOptions): SemaphoreSet {
    const how = optionsOf(options, CREATE, "semget");
    const values = typeof semaphores === "number" ? null : valuesOf(semaphores);
    const count = values === null ? semaphores as number : values.length;
    return create("sem", (key, flags) => semget(key, count, flags), how, (id, made) => {
      const set = new SemaphoreSet(id);
      if (!made) {
        set.#settle();
        return set;
      }
      if (values !== null) semctl(id, 0, SETALL, values);
      set.#announce(values?.[0] ?? 0);
      return set;
    });
  }

  /**
   * Finds the set with a key, and waits until it has its values.
   *
   * Its maker may be about to give it these. It has them when somebody has operated on it (`create` shows it by an operation
   * that changes nothing but the time), when each semaphore has been set, as `SETVAL` and `SETALL` of C do, or when
   * somebody waits there. A set of which none of this is true for two or three seconds after it was made is meant to be as it is.
   *
   * @param key The key that it was made with.
   * @param options A signal to end the wait with.
   * @returns The set; disposing of it leaves it in the system.
   * @throws {LibcError} `ENOENT` there is none; `EACCES`; `EINVAL` it was removed meanwhile.
   *
   * @example
   * ```ts
   * import { SemaphoreSet } from "./mod.ts";
   *
   * using made = SemaphoreSet.create([1], { key: 0x7e57_0007 });
   * using found = await SemaphoreSet.open(0x7e57_0007);
   * console.log(found.id === made.id, found.values); // true [ 1 ]
   * ```
   */
  static async open(key: number, options?: WaitOptions): Promise<SemaphoreSet> {
    const { signal } = waitOptionsOf(options, WAIT, "semget");
    signal?.throwIfAborted();
    const set = SemaphoreSet.#find(key);
    const limit = performance.now() + 1000 * PATIENCE;
    for (let ms = 1; !set.#isReady() && performance.now() < limit; ms = Math.min(ms + 1, LONGEST_PAUSE)) {
      await pause(ms, signal);
    }
    return set;
  }

  /**
   * As {@linkcode open}, but blocks the program.
   *
   * @param key The key that it was made with.
   * @returns The set; disposing of it leaves it in the system.
   * @throws {LibcError} As {@linkcode open}.
   */
  static openSync(key: number): SemaphoreSet {
    const set = SemaphoreSet.#find(key);
    set.#settle();
    return set;
  }

  static #find(key: number): SemaphoreSet {
    return new SemaphoreSet(find("sem", (key, flags) => semget(key, 0, flags), key));
  }

  /**
   * Finds the set with an id.
   *
   * @param id The id, such as a child inherits it.
   * @returns The set; disposing of it leaves it in the system.
   * @throws {LibcError} `EINVAL` there is none.
   *
   * @example
   * ```ts
   * import { SemaphoreSet } from "./mod.ts";
   *
   * using made = SemaphoreSet.create(3);
   * using found = SemaphoreSet.fromId(made.id);
   * console.log(found.length); // 3
   * ```
   */
  static fromId(id: number): SemaphoreSet {
    const set = new SemaphoreSet(id);
    set.stat();
    return set;
  }

  /** Sets `sem_otime`, which is 0 in a new set, without changing a value. */
  #announce(first: number): void {
    // if it would have to wait, somebody was faster, and has set it thereby
    semopOrNot(
      this.#id,
      first === 0 ? new sembuf([0, 0, IPC_NOWAIT]) : new sembuf([0, -1, IPC_NOWAIT], [0, 1, IPC_NOWAIT]),
    );
  }

  /** Blocks until a set that was just made has got its values. */
  #settle(): void {
    const limit = performance.now() + 1000 * PATIENCE;
    while (!this.#isReady() && performance.now() < limit) sleepSync(1);
  }

  /** Tells whether the set has its values, as far as can be seen. */
  #isReady(): boolean {
    const { sem_otime, sem_ctime, sem_nsems } = this.stat();
    if (sem_otime !== 0 || Date.now() / 1000 - sem_ctime > PATIENCE) return true;
    try {
      let n = 0;
      while (n < sem_nsems && semctl(this.#id, n, GETPID) !== 0) n++;
      return n === sem_nsems || semctl(this.#id, n, GETNCNT) + semctl(this.#id, n, GETZCNT) > 0;
    } catch (error) {
      if (isCode(error, "EACCES")) return false; // who may not read can tell it by the times only
      throw error;
    }
  }

  /** The one operation in the reused structure. */
  #one(n: number, value: number, flags: number): sembuf {
    if (!Number.isInteger(n) || n < 0 || n > 0xffff) {
      throw new LibcError("semop", "EFBIG", `semid ${this.#id} has no semaphore ${shown(n)}`);
    }
    // a trace's listener calls in between two uses of the one that is kept
    if (tracing.depth > 0) return new sembuf([n, value, flags]);
    this.#fields[0] = n;
    this.#fields[1] = value;
    this.#fields[2] = flags;
    return this.#single;
  }

  /** Does operations, and blocks until they can be done. */
  #block(ops: sembuf, timeout: number | undefined): void {
    const limit = deadline(timeout, "semtimedop");
    if (limit === undefined) return semop(this.#id, ops);
    try {
      semtimedop(this.#id, ops, limit.left / 1000);
    } catch (error) {
      throw isCode(error, "EAGAIN") && isPatient(ops) ? limit.over() : error;
    }
  }

  #wait(n: number, value: number, flags: number, signal?: AbortSignal): Promise<void> {
    return this.#waitFor(
      typeof n === "number" ? `${n} ${value} ${flags}` : "", // what is no number will be told at once
      () => semopOrNot(this.#id, this.#one(n, value, flags | IPC_NOWAIT)),
      () => new sembuf([n, value, flags]),
      signal,
    );
  }

  /** Waits until operations can be done; those with the same key are the same. */
  #waitFor(key: string, attempt: () => boolean, ops: () => sembuf, signal?: AbortSignal): Promise<void> {
    return wait<void>({
      syscall: "semop",
      key: `semop ${this.#id} ${key}`,
      shared: true,
      attempt: () => attempt() ? undefined : BUSY,
      block: () => {
        const call = semopElsewhere(this.#id, ops());
        return call && { call, got: () => {} };
      },
    }, signal);
  }

  /**
   * Takes from a semaphore. Waits until there is enough.
   *
   * @param n Which semaphore.
   * @param options How much, whether to undo it when this process ends, and a signal to end the wait with; then nothing has
   * been taken.
   * @throws {LibcError} `EFBIG` no such semaphore; `EINVAL` the set is gone; `EIDRM` it was removed meanwhile; `EACCES`.
   */
  async acquire(n: number, options?: AcquireOptions & WaitOptions): Promise<void> {
    const { by = 1, undo = false, signal } = waitOptionsOf(options, ACQUIRE_WAIT, "semop");
    await this.#wait(n, -checkValue(by, "by", 1), undo ? SEM_UNDO : 0, signal);
  }

  /**
   * Takes from a semaphore. Blocks the program until there is enough.
   *
   * @param n Which semaphore.
   * @param options How much, whether to undo it when this process ends, and for how long to block.
   * @throws {LibcError} As {@linkcode acquire}; `EINTR` a signal came; `ETIMEDOUT` the time is over.
   *
   * @example
   * ```ts
   * import { LibcError, SemaphoreSet } from "./mod.ts";
   *
   * using set = SemaphoreSet.create([0]);
   * try {
   *   set.acquireSync(0, { timeout: 10 });
   * } catch (error) {
   *   console.log((error as LibcError).code); // ETIMEDOUT
   * }
   * ```
   */
  acquireSync(n: number, options?: AcquireOptions & WaitSyncOptions): void {
    const { by = 1, undo, timeout } = optionsOf(options, ACQUIRE_SYNC, "semop");
    this.#block(this.#one(n, -checkValue(by, "by", 1), undo ? SEM_UNDO : 0), timeout);
  }

  /**
   * Takes from a semaphore if there is enough.
   *
   * @param n Which semaphore.
   * @param options How much, and whether to undo it when this process ends.
   * @returns Whether it was taken.
   * @throws {LibcError} As {@linkcode acquire}.
   */
  tryAcquire(n: number, options?: AcquireOptions): boolean {
    const { by = 1, undo } = optionsOf(options, ACQUIRE, "semop");
    return semopOrNot(this.#id, this.#one(n, -checkValue(by, "by", 1), undo ? SEM_UNDO | IPC_NOWAIT : IPC_NOWAIT));
  }

  /**
   * Gives to a semaphore. This never waits.
   *
   * @param n Which semaphore.
   * @param options How much, and whether to undo it when this process ends.
   * @throws {LibcError} `EFBIG` no such semaphore; `ERANGE` the value would exceed 32767; `EINVAL` the set is gone; `EACCES`.
   */
  release(n: number, options?: AcquireOptions): void {
    const { by = 1, undo } = optionsOf(options, ACQUIRE, "semop");
    semop(this.#id, this.#one(n, checkValue(by, "by", 1), undo ? SEM_UNDO : 0));
  }

  /**
   * Waits until a semaphore is 0.
   *
   * @param n Which semaphore.
   * @param options A signal to end the wait with.
   * @throws {LibcError} As {@linkcode acquire}.
   */
  async waitZero(n: number, options?: WaitOptions): Promise<void> {
    const { signal } = waitOptionsOf(options, WAIT, "semop");
    await this.#wait(n, 0, 0, signal);
  }

  /**
   * Blocks the program until a semaphore is 0.
   *
   * @param n Which semaphore.
   * @param options For how long to block.
   * @throws {LibcError} As {@linkcode acquireSync}.
   */
  waitZeroSync(n: number, options?: WaitSyncOptions): void {
    const { timeout } = optionsOf(options, SYNC, "semop");
    this.#block(this.#one(n, 0, 0), timeout);
  }

  /**
   * Tells whether a semaphore is 0.
   *
   * @param n Which semaphore.
   * @returns Whether it is; then the operation counts, for {@linkcode operatedAt} and {@linkcode getLastPid}.
   * @throws {LibcError} As {@linkcode acquire}.
   */
  tryWaitZero(n: number): boolean {
    return semopOrNot(this.#id, this.#one(n, 0, IPC_NOWAIT));
  }

  /**
   * Does several operations at once, or none. Waits until all can be done.
   *
   * @param ops The operations. If one has `IPC_NOWAIT`, this doesn't wait but throws `EAGAIN`.
   * @param options A signal to end the wait with; then nothing has been done.
   * @throws {LibcError} As {@linkcode acquire}; `EAGAIN`; `ERANGE`; `E2BIG` too many operations.
   *
   * @example
   * ```ts
   * import { sembuf, SemaphoreSet } from "./mod.ts";
   *
   * using forks = SemaphoreSet.create([1, 1, 1]);
   * await forks.op(new sembuf([0, -1], [1, -1])); // both forks, or none
   * console.log(forks.values); // [ 0, 0, 1 ]
   * ```
   */
  async op(ops: sembuf, options?: WaitOptions): Promise<void> {
    const { signal } = waitOptionsOf(options, WAIT, "semop");
    if (ownBytes(ops) === undefined) {
      throw new LibcError("semop", "EINVAL", `ops must be a sembuf, got ${shown(ops)}`);
    }
    const patient = copyOf(ops);
    if (!isPatient(patient)) return semop(this.#id, patient);
    const hasty = copyOf(patient);
    const fields = new Int16Array(hasty.bytes.buffer);
    for (let at = FLAGS; at < fields.length; at += FIELDS) fields[at] |= IPC_NOWAIT;
    await this.#waitFor(fields.join(), () => semopOrNot(this.#id, hasty), () => copyOf(patient), signal);
  }

  /**
   * Does several operations at once, or none. Blocks the program until all can be done.
   *
   * @param ops The operations. If one has `IPC_NOWAIT`, this doesn't wait for it but throws `EAGAIN`.
   * @param options For how long to block.
   * @throws {LibcError} As {@linkcode op}; `EINTR` a signal came; `ETIMEDOUT` the time is over.
   */
  opSync(ops: sembuf, options?: WaitSyncOptions): void {
    const { timeout } = optionsOf(options, SYNC, "semop");
    this.#block(ops, timeout);
  }

  #lock(n: number): Disposable {
    const holder = getpid();
    let held = true;
    return {
      [Symbol.dispose]: () => {
        // a forked child has a copy of this object, but not of the lock
        if (!held || getpid() !== holder) return;
        held = false;
        try {
          semop(this.#id, this.#one(n, 1, SEM_UNDO));
        } catch (error) {
          if (!isCode(error, "EINVAL", "EIDRM")) throw error;
        }
      },
    };
  }

  /**
   * Takes one from a semaphore for as long as a block lasts: `using _lock = await set.lock()`. The semaphore should have
   * been made with the value 1. If this process ends meanwhile, the kernel gives it back.
   *
   * @param n Which semaphore.
   * @param options A signal to end the wait with; then the lock isn't taken.
   * @returns What gives it back when it is disposed of.
   * @throws {LibcError} As {@linkcode acquire}.
   */
  async lock(n: number, options?: WaitOptions): Promise<Disposable> {
    const { signal } = waitOptionsOf(options, WAIT, "semop");
    await this.#wait(n, -1, SEM_UNDO, signal);
    return this.#lock(n);
  }

  /**
   * As {@linkcode lock}, but blocks the program until the semaphore is free: `using _lock = set.lockSync()`.
   *
   * @param n Which semaphore.
   * @param options For how long to block.
   * @returns What gives it back when it is disposed of.
   * @throws {LibcError} As {@linkcode acquireSync}.
   */
  lockSync(n: number, options?: WaitSyncOptions): Disposable {
    const { timeout } = optionsOf(options, SYNC, "semop");
    this.#block(this.#one(n, -1, SEM_UNDO), timeout);
    return this.#lock(n);
  }

  /** How many semaphores the set has. */
  get length(): number {
    return this.stat().sem_nsems;
  }

  /** The values of all semaphores, at one moment; {@linkcode setValues} changes them. */
  get values(): number[] {
    const values = new Uint16Array(this.stat().sem_nsems);
    semctl(this.#id, 0, GETALL, values);
    return Array.from(values);
  }

  /**
   * Sets the values of all semaphores. What processes would have undone at their end is forgotten.
   *
   * @param values As many values as there are semaphores.
   * @throws {LibcError} `EINVAL` another number of values, or the set is gone; `ERANGE` a value above 32767; `EACCES`.
   */
  setValues(values: ArrayLike<number>): void {
    const all = valuesOf(values);
    const length = this.stat().sem_nsems;
    if (all.length !== length) {
      throw new LibcError("semctl", "EINVAL", `semid ${this.#id} has ${length} semaphores, got ${all.length} values`);
    }
    semctl(this.#id, 0, SETALL, all);
  }

  /**
   * The value of a semaphore.
   *
   * @param n Which semaphore.
   * @returns Its value; {@linkcode setValue} changes it.
   * @throws {LibcError} `EINVAL` no such semaphore, or the set is gone; `EACCES`.
   *
   * @example
   * ```ts
   * import { SemaphoreSet } from "./mod.ts";
   *
   * using set = SemaphoreSet.create([1, 5]);
   * set.setValue(1, 7);
   * console.log(set.getValue(1), set.values); // 7 [ 1, 7 ]
   * ```
   */
  getValue(n: number): number {
    return semctl(this.#id, n, GETVAL);
  }

  /**
   * Sets the value of a semaphore. What processes would have undone to it at their end is forgotten.
   *
   * @param n Which semaphore.
   * @param value 0 to 32767.
   * @throws {LibcError} `EINVAL` no such semaphore, or the set is gone; `ERANGE` a value above 32767; `EACCES`.
   */
  setValue(n: number, value: number): void {
    semctl(this.#id, n, SETVAL, checkValue(value, "value", 0, "semctl"));
  }

  /**
   * The process that last operated on a semaphore.
   *
   * @param n Which semaphore.
   * @returns Its pid; 0 for none.
   * @throws {LibcError} As {@linkcode getValue}.
   */
  getLastPid(n: number): number {
    return semctl(this.#id, n, GETPID);
  }

  /**
   * How many processes block until a semaphore grows.
   *
   * @param n Which semaphore.
   * @returns How many.
   * @throws {LibcError} As {@linkcode getValue}.
   */
  getWaitingForIncrease(n: number): number {
    return semctl(this.#id, n, GETNCNT);
  }

  /**
   * How many processes block until a semaphore is 0.
   *
   * @param n Which semaphore.
   * @returns How many.
   * @throws {LibcError} As {@linkcode getValue}.
   */
  getWaitingForZero(n: number): number {
    return semctl(this.#id, n, GETZCNT);
  }

  /** When the set was last operated on, to the second. */
  get operatedAt(): Date | null {
    return date(this.stat().sem_otime);
  }
  /** When the set was made, or its values or permissions last set, to the second. */
  get changedAt(): Date | null {
    return date(this.stat().sem_ctime);
  }
}
