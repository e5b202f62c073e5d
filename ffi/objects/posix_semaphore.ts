/**
 * POSIX semaphores for people who don't want to think in C.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { O_CREAT, O_EXCL } from "../libc/fcntl.ts";
import { futex, FUTEX_PRIVATE_FLAG, FUTEX_WAIT, FUTEX_WAKE } from "../libc/linux/futex.ts";
import {
  sem_close,
  sem_getvalue,
  sem_init,
  sem_open,
  sem_post,
  sem_t,
  sem_timedwait,
  sem_trywaitOrNot,
  sem_unlink,
  sem_wait,
  semCell,
} from "../libc/semaphore.ts";
import { byteLengthOf } from "../native/bytes.ts";
import type { Cell } from "../native/cells.ts";
import { generation, isForked } from "../native/child.ts";
import { known, optionsOf } from "../native/options.ts";
import { undisturbed } from "../native/removal.ts";
import { keyOf, memoryFor, type SharedPlace, stay, waitForWord } from "./_cells.ts";
import { checkMode, isCode, waitOptionsOf } from "./_common.ts";
import { wait } from "./_line.ts";
import { forgetMade, noteMade, removeMade } from "./_made.ts";
import { BUSY, deadline } from "./_time.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";

/** How {@linkcode PosixSemaphore.create} makes a semaphore. */
export interface PosixSemaphoreOptions {
  /** Its first value; 0 unless given. */
  value?: number;
  /** Who may use it, as in `chmod(1)`, less the umask; by default only its owner, `0o600`. */
  mode?: number;
  /** Fail with `EEXIST` if there is one of this name already (the default); `false` takes that one, with the value it has. */
  exclusive?: boolean;
}

/** What {@linkcode PosixSemaphore.at} does. */
export interface SemaphorePlaceOptions {
  /** Make a semaphore there, with this value. Without it, there is one. */
  value?: number;
}

const CREATE = known<PosixSemaphoreOptions>(({ value, mode, exclusive }) => ({ value, mode, exclusive }));
const PLACE = known<SemaphorePlaceOptions>(({ value }) => ({ value }));
const WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));

// a sem_t's words: the value, how many wait, and 128 where processes share it, 0 where threads do
const PRIVATE = 2;
const ONE = 1n << 32n; // who waits, as the first two words have it

/** Finds or makes a semaphore, and tells which. */
function obtain(name: string, mode: number, value: number, exclusive: boolean): [sem: sem_t, made: boolean] {
  while (true) {
    try {
      return [sem_open(name, O_CREAT | O_EXCL, mode, value), true];
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
      // a program that was ended before it removed its semaphore finds this when it is started again
      if (exclusive) {
        const hint = "open() finds it, exclusive: false takes it, sem_unlink() removes it";
        throw new LibcError("sem_open", "EEXIST", `${name} is taken: ${hint}`);
      }
    }
    try {
      return [sem_open(name, 0), false];
    } catch (error) {
      // somebody removed it between the two calls: make it, then
      if (!isCode(error, "ENOENT")) throw error;
    }
  }
}

/** Removes a semaphore's name; it is fine if it is gone already. */
function remove(name: string): void {
  try {
    sem_unlink(name);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
}

/** Those who are counted in a semaphore as waiting. */
const counted = new Set<Counted>();

/** One who is counted as waiting, as libc counts who waits in C: `sem_post` wakes only where somebody is. */
class Counted {
  readonly #cell: Cell;
  readonly #data: BigUint64Array;

  constructor(cell: Cell) {
    this.#cell = cell;
    this.#data = new BigUint64Array(cell.words.buffer, cell.words.byteOffset, 1);
    Atomics.add(this.#data, 0, ONE);
    counted.add(this);
  }

  leave(): void {
    if (!counted.delete(this) || byteLengthOf(this.#cell.words) === 0) return;
    // somebody may have made a new semaphore there
    for (let data = Atomics.load(this.#data, 0); data >= ONE;) {
      const found = Atomics.compareExchange(this.#data, 0, data, data - ONE);
      if (found === data) return;
      data = found;
    }
  }

  /** The same at the program's end, and wakes another one instead, if this was woken. */
  end(): void {
    this.leave();
    const { words } = this.#cell;
    if (byteLengthOf(words) > 0 && Atomics.load(words, 0) > 0) futex(words, FUTEX_WAKE | flagOf(words), 1);
  }
}

/** What the kernel has to be told of a semaphore that only threads share. */
function flagOf(words: Int32Array): number {
  return words[PRIVATE] ^ FUTEX_PRIVATE_FLAG;
}

let prepared = false;

/** Has none be counted who has ended, unless it is killed. What blocks has been ended before. */
function prepare(): void {
  if (prepared) return;
  prepared = true;
  globalThis.addEventListener("unload", () => {
    if (!isForked()) { for (const one of counted) one.end(); }
  });
}

/**
 * A POSIX semaphore, with a name or inside shared memory: see `sem_overview(7)`.
 *
 * It is the same that C programs have, a `sem_t`: who waits here is woken by their `sem_post`, and they by
 * {@linkcode post}. Methods that wait come in two kinds: those that end in `Sync` block the program; the others leave it running.
 *
 * A named one is the system's and outlives the process; on Linux it is a file in `/dev/shm`. `using` closes it, and removes what
 * this handle made (in the process that made it: not in a forked child). One inside shared memory ({@linkcode PosixSemaphore.at})
 * is there as long as the memory.
 *
 * **What a wait is.** {@linkcode wait} waits in the kernel, in a `futex` on another thread, and is counted in the semaphore
 * as libc counts: it is woken at once, and costs nothing while nothing happens. Who waits for the same semaphore in one program
 * shares one thread and is served in the order of coming. Between processes nothing is fair, as in C: a `post` wakes
 * the one who has been waiting longest, but who comes by meanwhile may take it first, and who blocks in C is faster. Called off
 * by its signal, a wait has taken nothing; what was to be had first is taken all the same. Before all that it looks for a moment
 * whether it need not wait, as {@linkcode MessageQueue} does, and where there is no thread (more than 1,000 different waits, a
 * Worker) it tries again every few milliseconds.
 *
 * Memory in which something waits cannot be detached: `EBUSY`. A process that is killed while it waits stays counted, which
 * does no harm; if it was woken and had not taken yet, others that wait go on at the next `post`, as in C. One
 * that dies with what it took leaves the others waiting: {@linkcode Mutex} and {@linkcode SemaphoreSet.lock} are for that.
 *
 * @example
 * ```ts
 * import { PosixSemaphore } from "./mod.ts";
 *
 * using sem = PosixSemaphore.create(undefined, { value: 1 });
 * {
 *   using _permit = await sem.hold();
 *   console.log(sem.value, sem.tryWait()); // 0 false
 * }
 * console.log(sem.value); // 1
 * ```
 *
 * @example Inside shared memory
 * ```ts
 * import { PosixSemaphore, SharedMemory } from "./mod.ts";
 *
 * using segment = SharedMemory.create(4096);
 * using made = PosixSemaphore.at(segment, 0, { value: 0 });
 * // another process has attached the segment
 * using found = PosixSemaphore.at(segment, 0);
 * found.post();
 * await made.wait();
 * ```
 */
export class PosixSemaphore implements Disposable {
  readonly #sem: sem_t;
  readonly #cell: Cell;
  readonly #name: string | null;
  readonly #closing = new AbortController();
  /** How many of this process's waits and threads use it. */
  #users = 0;
  #since = generation;

  private constructor(sem: sem_t) {
    this.#sem = sem;
    this.#cell = semCell(sem, "sem_open");
    this.#name = this.#cell.name ?? null;
  }

  /**
   * Makes a semaphore with a name.
   *
   * @param name A slash and up to 251 bytes without one; a name that nobody has unless given.
   * @param options Value, permissions, and whether an existing one will do.
   * @returns The semaphore; disposing of it removes it, unless it was there before.
   * @throws {LibcError} `EEXIST`; `EACCES`; `EINVAL` no such name, or a value above `SEM_VALUE_MAX`; `EMFILE`; `ENAMETOOLONG`;
   * `ENOMEM`.
   *
   * @example
   * ```ts
   * import { PosixSemaphore } from "./mod.ts";
   *
   * using sem = PosixSemaphore.create(`/example-${Deno.pid}`, { value: 3 });
   * console.log(sem.value); // 3
   * ```
   */
  static create(name?: string, options?: PosixSemaphoreOptions): PosixSemaphore {
    const { value = 0, mode = 0o600, exclusive = true } = optionsOf(options, CREATE, "sem_open");
    checkMode(mode, "sem_open");
    const path = name === undefined ? `/deno_${crypto.randomUUID()}` : name;
    return undisturbed(() => {
      const [sem, made] = obtain(path, mode, value, exclusive);
      try {
        const found = new PosixSemaphore(sem);
        if (made) noteMade(found, { path: `/dev/shm/sem.${path.replace(/^\/+/, "")}` }, () => remove(path));
        return found;
      } catch (error) {
        sem_close(sem);
        if (made) remove(path);
        throw error;
      }
    })();
  }

  /**
   * Finds the semaphore of a name.
   *
   * @param name The name that it was made with.
   * @returns The semaphore; disposing of it leaves it in the system.
   * @throws {LibcError} `ENOENT` there is none; `EACCES`; `EINVAL` no such name, or something else; `ENAMETOOLONG`; `EMFILE`.
   *
   * @example
   * ```ts
   * import { PosixSemaphore } from "./mod.ts";
   *
   * using made = PosixSemaphore.create();
   * using found = PosixSemaphore.open(made.name!);
   * found.post();
   * console.log(made.tryWait()); // true
   * ```
   */
  static open(name: string): PosixSemaphore {
    const sem = sem_open(name, 0);
    try {
      return new PosixSemaphore(sem);
    } catch (error) {
      sem_close(sem);
      throw error;
    }
  }

  /**
   * A semaphore inside shared memory: makes one there, or takes the one that is there.
   *
   * @param memory What `mmap` or `shmat` gave, or a {@linkcode SharedMemory}.
   * @param offset Where in it, a multiple of 8, with 32 bytes; 0 unless given.
   * @param options The first value, to make one. Only one process may, before others use it.
   * @returns The semaphore; disposing of it ends its waits here, and leaves it there.
   * @throws {LibcError} `EINVAL` no such memory, offset or value, or no semaphore for several processes is there; `EACCES` the
   * memory may only be read.
   *
   * @example See {@linkcode PosixSemaphore}.
   */
  static at(memory: SharedPlace, offset: number = 0, options?: SemaphorePlaceOptions): PosixSemaphore {
    const { value } = optionsOf(options, PLACE, "sem_init");
    const sem = new sem_t(memoryFor(memory), offset);
    if (value !== undefined) sem_init(sem, 1, value);
    // zeros would be one that others are not woken from
    else if (semCell(sem, "sem_init").words[PRIVATE] !== FUTEX_PRIVATE_FLAG) {
      throw new LibcError("sem_init", "EINVAL", `no semaphore for several processes at ${offset}`);
    }
    return new PosixSemaphore(sem);
  }

  #open(syscall: string): sem_t {
    if (!this.#closing.signal.aborted) return this.#sem;
    throw new LibcError(syscall, "EINVAL", "the semaphore is closed");
  }

  /** The name that others find it by; `null` for one inside shared memory. */
  get name(): string | null {
    return this.#name;
  }

  /** Its value; 0 also while others wait. It is asked for each time. */
  get value(): number {
    return sem_getvalue(this.#open("sem_getvalue"));
  }

  /** Notes that it is in use; what this gives says that it isn't any more, and closes it if that has been put off. */
  #use(): () => void {
    if (this.#since !== generation) {
      this.#since = generation;
      this.#users = 0; // they were the parent's
    }
    this.#users++;
    const release = stay(this.#cell, "a semaphore");
    return () => {
      release();
      if (--this.#users === 0 && this.#closing.signal.aborted) this.#end();
    };
  }

  #attempt(): void | typeof BUSY {
    if (!sem_trywaitOrNot(this.#sem)) return BUSY;
  }

  /**
   * Takes one. Waits while it is 0.
   *
   * @param options A signal to end the wait with; then nothing has been taken.
   * @throws {LibcError} `EINVAL` closed, also while waiting.
   */
  async wait(options?: WaitOptions): Promise<void> {
    const { signal } = waitOptionsOf(options, WAIT, "sem_wait");
    this.#open("sem_wait");
    signal?.throwIfAborted();
    const closing = this.#closing.signal;
    const unused = this.#use();
    try {
      await wait<void>({
        syscall: "sem_wait",
        key: keyOf("sem", this.#cell),
        shared: true,
        stays: true,
        attempt: () => this.#attempt(),
        block: () => this.#block(),
      }, signal ? AbortSignal.any([signal, closing]) : closing);
    } finally {
      unused();
    }
  }

  /** Waits on another thread until it may be above 0. */
  #block() {
    prepare();
    const { words } = this.#cell;
    const waiting = new Counted(this.#cell);
    const unused = this.#use();
    const back = () => {
      waiting.leave();
      unused();
    };
    const begun = waitForWord(words, FUTEX_WAIT | flagOf(words), 0, back);
    if (begun === undefined) back();
    return begun;
  }

  /**
   * Takes one. Blocks the program while it is 0.
   *
   * @param options For how long to block.
   * @throws {LibcError} As {@linkcode wait}; `EINTR` a signal came (with `SA_RESTART` it waits on); `ETIMEDOUT` the time is over.
   */
  waitSync(options?: WaitSyncOptions): void {
    const { timeout } = optionsOf(options, SYNC, "sem_timedwait");
    const sem = this.#open("sem_timedwait");
    const limit = deadline(timeout, "sem_timedwait");
    if (limit === undefined) return sem_wait(sem);
    for (;;) {
      const { left } = limit;
      try {
        return sem_timedwait(sem, (Date.now() + left) / 1000);
      } catch (error) {
        if (!isCode(error, "ETIMEDOUT")) throw error;
        // the clock that libc waits by may have been set
        if (left === 0) throw limit.over();
      }
    }
  }

  /**
   * Takes one if it is above 0.
   *
   * @returns Whether one was taken.
   * @throws {LibcError} `EINVAL` closed.
   */
  tryWait(): boolean {
    return sem_trywaitOrNot(this.#open("sem_trywait"));
  }

  /**
   * Adds one; one that waits goes on. This never waits.
   *
   * @throws {LibcError} `EOVERFLOW` it is `SEM_VALUE_MAX`; `EINVAL` closed.
   */
  post(): void {
    sem_post(this.#open("sem_post"));
  }

  #permit(): Disposable {
    const since = generation;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        // a forked child has a copy of this object, but has taken nothing
        if (!held || since !== generation) return;
        held = false;
        if (!this.#closing.signal.aborted) return this.post();
        if (this.#name !== null || byteLengthOf(this.#cell.words) === 0) return;
        sem_post(this.#sem);
      },
    };
  }

  /**
   * Takes one for as long as a block lasts: `using _permit = await sem.hold()`. Nobody gives it back if this process is killed.
   *
   * @param options A signal to end the wait with; then nothing has been taken.
   * @returns What gives it back when it is disposed of; not once a named one is closed.
   * @throws {LibcError} As {@linkcode wait}.
   */
  async hold(options?: WaitOptions): Promise<Disposable> {
    await this.wait(options);
    return this.#permit();
  }

  /**
   * As {@linkcode hold}, but blocks the program: `using _permit = sem.holdSync()`.
   *
   * @param options For how long to block.
   * @returns What gives it back when it is disposed of.
   * @throws {LibcError} As {@linkcode waitSync}.
   */
  holdSync(options?: WaitSyncOptions): Disposable {
    this.waitSync(options);
    return this.#permit();
  }

  /**
   * Removes the semaphore's name from the system. Who has it open, as this handle, may go on with it.
   *
   * @throws {LibcError} `ENOENT` it is gone already; `EACCES` not the owner; `EINVAL` it has no name.
   */
  remove(): void {
    if (this.#name === null) throw new LibcError("sem_unlink", "EINVAL", "a semaphore without a name");
    sem_unlink(this.#name);
    forgetMade(this);
  }

  /**
   * Closes the semaphore, and removes the name if this handle made it, in this process; whoever waits here gets `EINVAL`. Closing it
   * again does nothing.
   */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new LibcError("sem_wait", "EINVAL", "the semaphore was closed"));
    try {
      removeMade(this);
    } finally {
      // a thread that is not back yet uses the memory
      if (this.#users === 0 || this.#since !== generation) this.#end();
    }
  }

  #end(): void {
    if (this.#name !== null && byteLengthOf(this.#cell.words) > 0) sem_close(this.#sem);
  }

  /** How `console.log` shows it: with its name. It is not asked for its value. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    return `PosixSemaphore ${inspect({ name: this.#name }, options)}`;
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
