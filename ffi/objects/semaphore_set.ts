/**
 * Semaphore sets for people who don't want to think in C.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { IPC_NOWAIT, type ipc_perm } from "../libc/sys/ipc.ts";
import {
  GETALL,
  GETNCNT,
  GETPID,
  GETZCNT,
  SEM_STAT_ANY,
  SEM_UNDO,
  sembuf,
  semctl,
  semget,
  semid_ds,
  semop,
  SETALL,
} from "../libc/sys/sem.ts";
import { getpid, usleep } from "../libc/unistd.ts";
import { byteLengthOf, isBytes } from "../native/bytes.ts";
import { observer } from "../native/observer.ts";
import { BUSY, Line } from "./_line.ts";
import { date, find, is, obtain } from "./_obtain.ts";
import { type CreateOptions, IpcObject, type WaitOptions } from "./ipc_object.ts";

/** How much to take or give. */
export interface AcquireOptions {
  /** How much; 1 unless given. */
  by?: number;
  /** Have the kernel take it back when this process ends, however it ends; `false` unless given. */
  undo?: boolean;
}

const LARGEST = 0x7fff; // SEMVMX

function checkValue(value: number, name: string, from: number): number {
  if (Number.isInteger(value) && value >= from && value <= LARGEST) return value;
  const code = Number.isInteger(value) && value > LARGEST ? "ERANGE" : "EINVAL";
  throw new LibcError("semop", code, `${name} must be ${from} to ${LARGEST}, got ${Deno.inspect(value)}`);
}

/** Values as the kernel takes them; a plain `Uint16Array.from` would cut them. */
function valuesOf(list: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  if (list === null || typeof list !== "object") {
    throw new LibcError("semctl", "EINVAL", `the values must be a list of numbers, got ${Deno.inspect(list)}`);
  }
  return Uint16Array.from(Array.from(list, (value) => checkValue(value, "a value", 0)));
}

/**
 * A set of semaphores: see `svipc(7)`, `semget(2)`, `semop(2)`, `semctl(2)`.
 *
 * Methods that wait come in two kinds: those that end in `Sync` block the program as in C; the others leave it running, and
 * try again every few milliseconds, as the kernel has no descriptor to wait for on a semaphore. So these may be up to 5 ms
 * late, and don't show in {@linkcode waitingForIncrease} and {@linkcode waitingForZero}. On one handle,
 * who waited first tries first.
 *
 * A process that dies with what it acquired leaves the others waiting. {@linkcode lock} has the kernel undo that
 * (`SEM_UNDO`); {@linkcode acquire} and {@linkcode release} do so only when asked to, because where one process acquires and
 * another releases, as with a producer and a consumer, undoing would count everything twice.
 *
 * @example
 * ```ts
 * import { SemaphoreSet } from "@ipc/playground";
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
  readonly #line = new Line();
  readonly #single: sembuf = new sembuf([0, 0]);
  readonly #fields: Int16Array<ArrayBuffer> = new Int16Array(this.#single.bytes.buffer);

  private constructor(id: number, made: boolean) {
    super(id, made, SEM_STAT_ANY);
  }

  /**
   * Makes a set.
   *
   * C has a gap between making a set and giving it its values, in which another process may find it. Here that one waits
   * until the values are there: see {@linkcode open}.
   *
   * @param semaphores How many semaphores, all 0; or the value of each.
   * @param options Key, permissions, and whether an existing set will do; that one keeps its values.
   * @returns The set; disposing of it removes it, unless it was there before.
   * @throws {LibcError} `EEXIST`; `EACCES`; `EINVAL` no or too many semaphores, or more than an existing set has; `ERANGE` a
   * value above 32767; `ENOMEM`; `ENOSPC` too many sets.
   *
   * @example
   * ```ts
   * import { SemaphoreSet } from "@ipc/playground";
   *
   * using set = SemaphoreSet.create([1, 5], { key: 0x7e57_0006 });
   * console.log(set.length, set.values); // 2 [ 1, 5 ]
   * ```
   */
  static create(semaphores: number | ArrayLike<number>, options: CreateOptions = {}): SemaphoreSet {
    const values = typeof semaphores === "number" ? null : valuesOf(semaphores);
    const count = values === null ? semaphores as number : values.length;
    const [id, made] = obtain((key, flags) => semget(key, count, flags), "semget", options);
    const set = new SemaphoreSet(id, made);
    if (!made) {
      set.#settle();
      return set;
    }
    try {
      if (values !== null) semctl(id, 0, SETALL, values);
      set.#announce(values?.[0] ?? 0);
    } catch (error) {
      // what nobody has a handle for, nobody would remove
      set[Symbol.dispose]();
      throw error;
    }
    return set;
  }

  /**
   * Finds the set with a key.
   *
   * If the set is only a second old and nobody has operated on it, its maker may still be about to give it its values. Then
   * this blocks until that has happened (`create` shows it by an operation that changes nothing but the time), at most a tenth
   * of a second: a C program's set may be meant to be like that.
   *
   * @param key The key that it was made with.
   * @returns The set; disposing of it leaves it in the system.
   * @throws {LibcError} `ENOENT` there is none; `EACCES`.
   *
   * @example
   * ```ts
   * import { SemaphoreSet } from "@ipc/playground";
   *
   * using made = SemaphoreSet.create([1], { key: 0x7e57_0007 });
   * using found = SemaphoreSet.open(0x7e57_0007);
   * console.log(found.id === made.id, found.values); // true [ 1 ]
   * ```
   */
  static open(key: number): SemaphoreSet {
    const id = find((key, flags) => semget(key, 0, flags), "semget", key);
    const set = new SemaphoreSet(id, false);
    set.#settle();
    return set;
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
   * import { SemaphoreSet } from "@ipc/playground";
   *
   * using made = SemaphoreSet.create(3);
   * using found = SemaphoreSet.fromId(made.id);
   * console.log(found.length); // 3
   * ```
   */
  static fromId(id: number): SemaphoreSet {
    const set = new SemaphoreSet(id, false);
    set.stat();
    return set;
  }

  /** `semctl`. */
  protected override control(id: number, cmd: number, ds: semid_ds | null): number {
    return semctl(id, 0, cmd, ds);
  }
  /** An empty `semid_ds`. */
  protected override structure(): semid_ds {
    return new semid_ds();
  }
  /** Its `sem_perm`. */
  protected override permissions(ds: semid_ds): ipc_perm {
    return ds.sem_perm;
  }

  /** Sets `sem_otime`, which is 0 in a new set, without changing a value. */
  #announce(first: number): void {
    try {
      semop(
        this.id,
        first === 0 ? new sembuf([0, 0, IPC_NOWAIT]) : new sembuf([0, -1, IPC_NOWAIT], [0, 1, IPC_NOWAIT]),
      );
    } catch (error) {
      // somebody was faster, and has set it thereby
      if (!is(error, "EAGAIN")) throw error;
    }
  }

  /** Waits until a set that was just made has got its values. */
  #settle(): void {
    for (let tries = 0; tries < 100; tries++) {
      const ds = this.stat();
      if (ds.sem_otime !== 0 || Date.now() / 1000 - ds.sem_ctime > 2) return;
      try {
        usleep(1000);
      } catch (error) {
        if (!is(error, "EINTR")) throw error;
      }
    }
  }

  /** The one operation in the reused structure. */
  #one(n: number, value: number, flags: number): sembuf {
    if (!Number.isInteger(n) || n < 0 || n > 0xffff) {
      throw new LibcError("semop", "EFBIG", `semid ${this.id} has no semaphore ${Deno.inspect(n)}`);
    }
    // a trace's listener calls in between two uses of the one that is kept
    if (observer.depth > 0) return new sembuf([n, value, flags]);
    this.#fields[0] = n;
    this.#fields[1] = value;
    this.#fields[2] = flags;
    return this.#single;
  }

  #try(ops: sembuf): boolean {
    try {
      semop(this.id, ops);
      return true;
    } catch (error) {
      if (is(error, "EAGAIN")) return false;
      throw error;
    }
  }

  #wait(n: number, value: number, flags: number, signal?: AbortSignal): Promise<void> {
    return this.#line.wait<void>(
      () => this.#try(this.#one(n, value, flags | IPC_NOWAIT)) ? undefined : BUSY,
      typeof n === "number" ? `${n} ${value}` : "", // what is no number will be told at once
      signal,
    );
  }

  /**
   * Takes from a semaphore. Waits until there is enough.
   *
   * @param n Which semaphore.
   * @param options How much, whether to undo it when this process ends, and a signal to end the wait with; then nothing has
   * been taken.
   * @throws {LibcError} `EFBIG` no such semaphore; `EINVAL` the set is gone; `EIDRM` it was removed meanwhile; `EACCES`.
   */
  async acquire(n = 0, options: AcquireOptions & WaitOptions = {}): Promise<void> {
    const { by = 1, undo = false, signal } = options;
    await this.#wait(n, -checkValue(by, "by", 1), undo ? SEM_UNDO : 0, signal);
  }

  /**
   * Takes from a semaphore. Blocks the program until there is enough.
   *
   * @param n Which semaphore.
   * @param options How much, and whether to undo it when this process ends.
   * @throws {LibcError} As {@linkcode acquire}; `EINTR` a signal came.
   */
  acquireSync(n = 0, options?: AcquireOptions): void {
    semop(this.id, this.#one(n, -checkValue(options?.by ?? 1, "by", 1), options?.undo ? SEM_UNDO : 0));
  }

  /**
   * Takes from a semaphore if there is enough.
   *
   * @param n Which semaphore.
   * @param options How much, and whether to undo it when this process ends.
   * @returns Whether it was taken.
   * @throws {LibcError} As {@linkcode acquire}.
   */
  tryAcquire(n = 0, options?: AcquireOptions): boolean {
    const flags = options?.undo ? SEM_UNDO | IPC_NOWAIT : IPC_NOWAIT;
    return this.#try(this.#one(n, -checkValue(options?.by ?? 1, "by", 1), flags));
  }

  /**
   * Gives to a semaphore. This never waits.
   *
   * @param n Which semaphore.
   * @param options How much, and whether to undo it when this process ends.
   * @throws {LibcError} `EFBIG` no such semaphore; `ERANGE` the value would exceed 32767; `EINVAL` the set is gone; `EACCES`.
   */
  release(n = 0, options?: AcquireOptions): void {
    semop(this.id, this.#one(n, checkValue(options?.by ?? 1, "by", 1), options?.undo ? SEM_UNDO : 0));
  }

  /**
   * Waits until a semaphore is 0.
   *
   * @param n Which semaphore.
   * @param options A signal to end the wait with.
   * @throws {LibcError} As {@linkcode acquire}.
   */
  async waitZero(n = 0, options: WaitOptions = {}): Promise<void> {
    await this.#wait(n, 0, 0, options.signal);
  }

  /**
   * Blocks the program until a semaphore is 0.
   *
   * @param n Which semaphore.
   * @throws {LibcError} As {@linkcode acquireSync}.
   */
  waitZeroSync(n = 0): void {
    semop(this.id, this.#one(n, 0, 0));
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
   * import { sembuf, SemaphoreSet } from "@ipc/playground";
   *
   * using forks = SemaphoreSet.create([1, 1, 1]);
   * await forks.op(new sembuf([0, -1], [1, -1])); // both forks, or none
   * console.log(forks.values); // [ 0, 0, 1 ]
   * ```
   */
  async op(ops: sembuf, options: WaitOptions = {}): Promise<void> {
    if (!(ops instanceof sembuf)) {
      throw new LibcError("semop", "EINVAL", `ops must be a sembuf, got ${Deno.inspect(ops)}`);
    }
    // as many as there are bytes for, whatever has become of the buffer
    const { bytes } = ops;
    if (!isBytes(bytes)) throw new LibcError("semop", "EFAULT", "ops has not the bytes of a sembuf");
    const count = Math.trunc(byteLengthOf(bytes) / 6);
    const patient = new sembuf(...Array.from({ length: count }, (): [number, number] => [0, 0]));
    if (count > 0) patient.bytes.set(bytes.subarray(0, count * 6));
    const fields = new Int16Array(patient.bytes.buffer);
    let waits = true;
    for (let at = 2; at < fields.length; at += 3) {
      waits &&= (fields[at] & IPC_NOWAIT) === 0;
      fields[at] |= IPC_NOWAIT;
    }
    if (!waits) return semop(this.id, ops);
    await this.#line.wait<void>(() => this.#try(patient) ? undefined : BUSY, fields.join(), options.signal);
  }

  /**
   * Does several operations at once, or none. Blocks the program until all can be done.
   *
   * @param ops The operations.
   * @throws {LibcError} As {@linkcode op}; `EINTR` a signal came.
   */
  opSync(ops: sembuf): void {
    semop(this.id, ops);
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
          this.release(n, { undo: true });
        } catch (error) {
          if (!is(error, "EINVAL", "EIDRM")) throw error;
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
  async lock(n = 0, options: WaitOptions = {}): Promise<Disposable> {
    await this.#wait(n, -1, SEM_UNDO, options.signal);
    return this.#lock(n);
  }

  /**
   * As {@linkcode lock}, but blocks the program until the semaphore is free: `using _lock = set.lockSync()`.
   *
   * @param n Which semaphore.
   * @returns What gives it back when it is disposed of.
   * @throws {LibcError} As {@linkcode acquireSync}.
   */
  lockSync(n = 0): Disposable {
    this.acquireSync(n, { undo: true });
    return this.#lock(n);
  }

  /** How many semaphores the set has. */
  get length(): number {
    return this.stat().sem_nsems;
  }

  /** The values of all semaphores, at one moment. */
  get values(): number[] {
    const values = new Uint16Array(this.length);
    semctl(this.id, 0, GETALL, values);
    return Array.from(values);
  }

  /**
   * Sets the values of all semaphores. What processes would have undone at their end is forgotten.
   *
   * @param values As many values as there are semaphores.
   * @throws {LibcError} `EINVAL` another number of values, or the set is gone; `ERANGE` a value above 32767; `EACCES`.
   */
  setAll(values: ArrayLike<number>): void {
    const all = valuesOf(values);
    const { length } = this;
    if (all.length !== length) {
      throw new LibcError("semctl", "EINVAL", `semid ${this.id} has ${length} semaphores, got ${all.length} values`);
    }
    semctl(this.id, 0, SETALL, all);
  }

  /** The process that last operated on a semaphore; 0 for none. */
  lastPid(n = 0): number {
    return semctl(this.id, n, GETPID);
  }
  /** How many processes block until a semaphore grows. */
  waitingForIncrease(n = 0): number {
    return semctl(this.id, n, GETNCNT);
  }
  /** How many processes block until a semaphore is 0. */
  waitingForZero(n = 0): number {
    return semctl(this.id, n, GETZCNT);
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
