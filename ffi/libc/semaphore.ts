/**
 * `<semaphore.h>`: POSIX semaphores, with a name or inside shared memory.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { asInt, asUint, shown } from "../native/check.ts";
import { type Cell, cell, cellAt, cellIn, dropCell, hand, handedAt, isThere, mindCell } from "../native/cells.ts";
import { always, call, header } from "../native/header.ts";
import { array, filled, flags, i32, type Kind, mode, string, u32 } from "../native/kinds.ts";
import { struct } from "../native/layout.ts";
import { cstring, errno, setErrno } from "../native/libc.ts";
import type { Memory } from "../native/memory.ts";
import { O_CREAT, O_EXCL } from "./fcntl.ts";
import { momentOf, timespec } from "./time.ts";

/** The largest value of a semaphore. */
export const SEM_VALUE_MAX = 2147483647;

const SIZE = 32; // bytes
// its words: the value, who waits, and whether it is for this process alone
const VALUE = 0;
const PRIVATE = 2;
const FUTEX_PRIVATE_FLAG = 128;
const EAGAIN = 11;

const sem: Kind<"pointer"> = cell("sem_t", (words) => ({ value: words[VALUE] }));

type OfSemaphore = (sem: Deno.PointerObject, more?: unknown) => number;

/** Tells whether it is something else; with that, libc would end the process at once. */
function isOther({ words }: Cell): boolean {
  const alone = words[PRIVATE];
  return alone !== 0 && alone !== FUTEX_PRIVATE_FLAG;
}

/** Right around the bare call: who is told of it by a trace may do anything to the memory before. */
const minding = (bare: OfSemaphore): OfSemaphore => (sem, more) => {
  const found = handedAt(sem);
  return isThere(found) && !isOther(found) ? bare(sem, more) : refused();
};

function refused(): number {
  const EINVAL = 22;
  setErrno(EINVAL);
  return -1;
}

const c = header({
  sem_open: call({ ...sem }, [
    ["name", string],
    ["oflag", flags({ O_CREAT, O_EXCL }, { radix: 16 })],
    ["mode", mode],
    ["value", u32],
  ], { failed: (result) => result === 0 }),
  sem_close: call(i32, [["sem", sem]]),
  sem_unlink: call(i32, [["name", string]]),
  sem_init: call(i32, [["sem", sem], ["pshared", i32], ["value", u32]], {
    around: (bare) => (sem, ...rest) => isThere(handedAt(sem)) ? bare(sem, ...rest) : refused(),
  }),
  sem_destroy: call(i32, [["sem", sem]], { around: minding }),
  sem_wait: call(i32, [["sem", sem]], { waits: always, around: minding }),
  sem_trywait: call(i32, [["sem", sem]], { around: minding }),
  sem_timedwait: call(i32, [["sem", sem], ["abs_timeout", struct(timespec)]], { waits: always, around: minding }),
  sem_post: call(i32, [["sem", sem]], { around: minding }),
  sem_getvalue: call(i32, [["sem", sem], ["sval", filled(array(i32, 1))]], { around: minding }),
});

type Named = Cell & { place: number };
/** Where the next semaphore lies, if libc has mapped it. */
let opened: Named | undefined;

let cellOf: (sem: sem_t, syscall: string) => Cell;
let namedOf: (sem: sem_t) => Named | undefined;

/**
 * A POSIX semaphore, `sem_t`: a place inside shared memory, where {@linkcode sem_init} makes one of it, or a named one that
 * {@linkcode sem_open} gave. See `sem_overview(7)`. What was written over one is found before libc works with it, except while a call
 * blocks: a process that writes nonsense there just then can have libc end those that block, as it does C programs.
 *
 * @example Inside shared memory
 * ```ts
 * import { MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE, sem_init, sem_post, sem_t, sem_wait } from "./mod.ts";
 *
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * const sem = new sem_t(memory, 64);
 * sem_init(sem, 1, 0); // shared by processes, with the value 0
 * sem_post(sem); // a forked child would do this
 * sem_wait(sem);
 * munmap(memory);
 * ```
 */
export class sem_t {
  readonly #cell: Cell;
  readonly #named: Named | undefined;

  static {
    const has = (value: unknown): value is sem_t => typeof value === "object" && value !== null && #cell in value;
    cellOf = (sem, syscall) => {
      if (!has(sem)) throw new LibcError(syscall, "EINVAL", `sem must be a sem_t, got ${shown(sem)}`);
      return sem.#cell;
    };
    namedOf = (sem) => sem.#named;
  }

  /**
   * A place for a semaphore, of 32 bytes. Nothing is written there.
   *
   * @param memory What `shmat` or `mmap` gave.
   * @param offset Where in it, a multiple of 8; 0 unless given.
   * @throws {LibcError} `EINVAL` no such memory or offset; `EACCES` it may only be read.
   */
  constructor(memory: Memory, offset: number = 0) {
    const here = opened;
    opened = undefined;
    this.#named = here;
    this.#cell = here ?? cellIn(memory, offset, SIZE, "sem_t");
  }
}

/** How libc gets a semaphore that it can work with. */
function pointerOf(sem: sem_t, syscall: string): Deno.PointerObject {
  const found = cellOf(sem, syscall);
  mindCell(found, syscall);
  // libc would end the process at once if it were something else
  const alone = found.words[PRIVATE];
  if (alone !== 0 && alone !== FUTEX_PRIVATE_FLAG) {
    throw new LibcError(syscall, "EINVAL", "there is no semaphore there");
  }
  return hand(found);
}

/**
 * Opens a named semaphore, `sem_open(3)`. It is the system's and outlives the process, until {@linkcode sem_unlink}; on Linux it is
 * a file in `/dev/shm`.
 *
 * @param name Its name, `/` and no other slash.
 * @param oflag 0, or `O_CREAT`, with or without `O_EXCL`.
 * @param mode Permissions of one that is made; 0600 unless given. The umask takes some away.
 * @param value The value of one that is made; 0 unless given.
 * @returns The semaphore.
 * @throws {LibcError} `ENOENT` there is none; `EEXIST` with `O_EXCL`; `EACCES`; `EINVAL` no such name or value; `EMFILE`;
 * `ENAMETOOLONG`; `ENOMEM`.
 *
 * @example
 * ```ts
 * import { O_CREAT, O_EXCL, sem_close, sem_open, sem_post, sem_unlink, sem_wait } from "./mod.ts";
 *
 * const name = `/example-${Deno.pid}`;
 * const sem = sem_open(name, O_CREAT | O_EXCL, 0o600, 1);
 * sem_wait(sem); // nobody else is between these
 * sem_post(sem);
 * sem_close(sem);
 * sem_unlink(name);
 * ```
 */
export function sem_open(name: string, oflag: number, mode?: number, value?: number): sem_t {
  if (mode === undefined) mode = 0o600;
  if (value === undefined) value = 0;
  const path = cstring(name, "sem_open", "name");
  const found = c.sem_open(
    path,
    asInt(oflag, "sem_open", "oflag"),
    asInt(mode, "sem_open", "mode"),
    asUint(value, "sem_open", "value"),
  );
  if (found === null) throw new LibcError("sem_open", errno(), name);
  try {
    opened = cellAt(found, SIZE, name);
  } catch (error) {
    c.sem_close(found);
    throw error;
  }
  return new sem_t(undefined as unknown as Memory);
}

/**
 * Closes a named semaphore, `sem_close(3)`. It goes on to exist.
 *
 * @param sem What {@linkcode sem_open} gave.
 * @throws {LibcError} `EINVAL` it is closed already, or has no name.
 *
 * @example See {@linkcode sem_open}.
 */
export function sem_close(sem: sem_t): void {
  mindCell(cellOf(sem, "sem_close"), "sem_close");
  const named = namedOf(sem);
  if (named === undefined) throw new LibcError("sem_close", "EINVAL", "a semaphore without a name");
  dropCell(named);
  if (c.sem_close(named.pointer) < 0) throw new LibcError("sem_close", errno());
}

/**
 * Removes the name of a semaphore, `sem_unlink(3)`. Who has it open may go on with it.
 *
 * @param name Its name.
 * @throws {LibcError} `ENOENT` there is none; `EACCES`; `ENAMETOOLONG`; `EINVAL` no such name.
 *
 * @example See {@linkcode sem_open}.
 */
export function sem_unlink(name: string): void {
  if (c.sem_unlink(cstring(name, "sem_unlink", "name")) < 0) throw new LibcError("sem_unlink", errno(), name);
}

/**
 * Makes a semaphore inside shared memory, `sem_init(3)`.
 *
 * @param sem Where.
 * @param pshared 1 if other processes share it, 0 if only threads of this one do.
 * @param value Its first value.
 * @throws {LibcError} `EINVAL` a value above `SEM_VALUE_MAX`, a named semaphore, or the memory is gone.
 *
 * @example See {@linkcode sem_t}.
 */
export function sem_init(sem: sem_t, pshared: number, value: number): void {
  const found = cellOf(sem, "sem_init");
  mindCell(found, "sem_init");
  if (namedOf(sem)) throw new LibcError("sem_init", "EINVAL", "a named semaphore");
  if (c.sem_init(hand(found), asInt(pshared, "sem_init", "pshared"), asUint(value, "sem_init", "value")) < 0) {
    throw new LibcError("sem_init", errno(), `value ${value}`);
  }
}

/**
 * Ends a semaphore inside shared memory, `sem_destroy(3)`. Nobody may wait for it.
 *
 * @param sem The semaphore.
 * @throws {LibcError} `EINVAL` no semaphore, or a named one.
 *
 * @example
 * ```ts
 * import { MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE, sem_destroy, sem_init, sem_t } from "./mod.ts";
 *
 * const memory = mmap(null, 32, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * const sem = new sem_t(memory);
 * sem_init(sem, 1, 5);
 * sem_destroy(sem);
 * munmap(memory);
 * ```
 */
export function sem_destroy(sem: sem_t): void {
  const pointer = pointerOf(sem, "sem_destroy");
  if (namedOf(sem)) throw new LibcError("sem_destroy", "EINVAL", "a named semaphore");
  if (c.sem_destroy(pointer) < 0) throw new LibcError("sem_destroy", errno());
}

/**
 * Takes one from a semaphore, `sem_wait(3)`. Blocks the whole program while it is 0.
 *
 * @param sem The semaphore.
 * @throws {LibcError} `EINTR` a signal came (with `SA_RESTART`, as handlers of `signal` have it, it waits on); `EINVAL` no semaphore.
 *
 * @example See {@linkcode sem_open}.
 */
export function sem_wait(sem: sem_t): void {
  if (c.sem_wait(pointerOf(sem, "sem_wait")) < 0) throw new LibcError("sem_wait", errno());
}

/**
 * Takes one from a semaphore if it is above 0, `sem_trywait(3)`.
 *
 * @param sem The semaphore.
 * @throws {LibcError} `EAGAIN` it is 0; `EINVAL` no semaphore.
 *
 * @example
 * ```ts
 * import { LibcError, MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE, sem_init, sem_t, sem_trywait } from "./mod.ts";
 *
 * const memory = mmap(null, 32, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * const sem = new sem_t(memory);
 * sem_init(sem, 1, 0);
 * try {
 *   sem_trywait(sem);
 * } catch (error) {
 *   console.log(error instanceof LibcError && error.code); // EAGAIN
 * }
 * munmap(memory);
 * ```
 */
export function sem_trywait(sem: sem_t): void {
  if (c.sem_trywait(pointerOf(sem, "sem_trywait")) < 0) throw new LibcError("sem_trywait", errno());
}

/**
 * The same, but without an error if it is 0.
 *
 * @returns Whether one was taken.
 * @ignore
 */
export function sem_trywaitOrNot(sem: sem_t): boolean {
  if (c.sem_trywait(pointerOf(sem, "sem_trywait")) === 0) return true;
  const failed = errno();
  if (failed === EAGAIN) return false;
  throw new LibcError("sem_trywait", failed);
}

/**
 * Where a semaphore lies; throws if there is none.
 *
 * @ignore
 */
export function semCell(sem: sem_t, syscall: string): Cell {
  pointerOf(sem, syscall);
  return cellOf(sem, syscall);
}

/**
 * As {@linkcode sem_wait}, but waits no longer than until a moment, `sem_timedwait(3)`.
 *
 * @param sem The semaphore.
 * @param abs_timeout The moment: seconds since 1970, such as `Date.now() / 1000 + 0.5`, where C has a `struct timespec`;
 * `null` for never.
 * @throws {LibcError} `ETIMEDOUT` it is over; `EINTR` a signal came; `EINVAL` no semaphore or moment.
 *
 * @example
 * ```ts
 * import { LibcError, MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE, sem_init, sem_t, sem_timedwait } from "./mod.ts";
 *
 * const memory = mmap(null, 32, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * const sem = new sem_t(memory);
 * sem_init(sem, 1, 0);
 * try {
 *   sem_timedwait(sem, Date.now() / 1000 + 0.01);
 * } catch (error) {
 *   console.log(error instanceof LibcError && error.code); // ETIMEDOUT
 * }
 * munmap(memory);
 * ```
 */
export function sem_timedwait(sem: sem_t, abs_timeout: number | null): void {
  if (abs_timeout === null) return sem_wait(sem);
  const until = momentOf(abs_timeout, "sem_timedwait");
  if (c.sem_timedwait(pointerOf(sem, "sem_timedwait"), until) < 0) throw new LibcError("sem_timedwait", errno());
}

/**
 * Adds one to a semaphore, `sem_post(3)`; one that waits for it goes on.
 *
 * @param sem The semaphore.
 * @throws {LibcError} `EOVERFLOW` it is `SEM_VALUE_MAX`; `EINVAL` no semaphore.
 *
 * @example See {@linkcode sem_open}.
 */
export function sem_post(sem: sem_t): void {
  if (c.sem_post(pointerOf(sem, "sem_post")) < 0) throw new LibcError("sem_post", errno());
}

const value = new Int32Array(1);

/**
 * A semaphore's value, `sem_getvalue(3)`. Others may have changed it by now.
 *
 * @param sem The semaphore.
 * @returns Its value; 0 also while others wait.
 * @throws {LibcError} `EINVAL` no semaphore.
 *
 * @example
 * ```ts
 * import { MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE, sem_getvalue, sem_init, sem_t } from "./mod.ts";
 *
 * const memory = mmap(null, 32, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * const sem = new sem_t(memory);
 * sem_init(sem, 1, 5);
 * console.log(sem_getvalue(sem)); // 5
 * munmap(memory);
 * ```
 */
export function sem_getvalue(sem: sem_t): number {
  if (c.sem_getvalue(pointerOf(sem, "sem_getvalue"), value) < 0) throw new LibcError("sem_getvalue", errno());
  return value[0];
}
