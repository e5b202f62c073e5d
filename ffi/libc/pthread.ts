/**
 * `<pthread.h>`: mutexes and conditions inside shared memory, for processes that share it.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { type Cell, cell, cellIn, hand, handedAt, isThere, mindCell } from "../native/cells.ts";
import { asInt, shown } from "../native/check.ts";
import { always, call, type CallOptions, header } from "../native/header.ts";
import { array, filled, i32, type Kind, memory, named, oneOf, viewOn } from "../native/kinds.ts";
import { struct } from "../native/layout.ts";
import type { Memory } from "../native/memory.ts";
import {
  beforeLocking,
  dropLocked,
  hasLocked,
  isKept,
  isLocked,
  isLost,
  mendList,
  noteLocked,
  noteUnlocked,
  saysOurs,
} from "../native/robust.ts";
import { CLOCK_MONOTONIC, CLOCK_REALTIME, momentOf, timeoutOf, timespec } from "./time.ts";

/** A mutex that does not look who unlocks it; who locks it twice waits for ever. */
export const PTHREAD_MUTEX_NORMAL = 0;
/** A mutex that its owner may lock again and again, and has to unlock as often. */
export const PTHREAD_MUTEX_RECURSIVE = 1;
/** A mutex that says so if it is used wrongly. */
export const PTHREAD_MUTEX_ERRORCHECK = 2;
/** What a mutex is unless something else is said. */
export const PTHREAD_MUTEX_DEFAULT = 0;
/** Only threads of one process use it. */
export const PTHREAD_PROCESS_PRIVATE = 0;
/** All processes use it that share its memory. */
export const PTHREAD_PROCESS_SHARED = 1;
/** When its owner ends without unlocking it, all others wait for ever. */
export const PTHREAD_MUTEX_STALLED = 0;
/** When its owner ends without unlocking it, the next one to lock it is told. */
export const PTHREAD_MUTEX_ROBUST = 1;
/** `<errno.h>`: what {@linkcode pthread_mutex_lock} gives if it has locked the mutex of one who has ended. */
export const EOWNERDEAD = 130;

// a mutex's 32-bit words
const LOCK = 0;
const COUNT = 1;
const OWNER = 2;
const KIND = 4;
// bits of the kind
const TYPE = 3;
const ROBUST = 16;
const PRIO_INHERIT = 32;
const PRIO_PROTECT = 64;
const PSHARED = 128;
const NO_ELISION = 512; // with the other one libc would undo a transaction that it had not begun
// in a condition: how many wait, above three other bits
const REFERENCES = 9;
const EBUSY = 16;
const ENOTRECOVERABLE = 131;
const NOT_RECOVERABLE = 0x7fff_fffe; // who owns it then
const MUTEX_SIZE = Deno.build.arch === "aarch64" ? 48 : 40; // bytes
const COND_SIZE = 48;

const types = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK };
const shared = { PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED };
const robustness = { PTHREAD_MUTEX_STALLED, PTHREAD_MUTEX_ROBUST };

const mutexKind = cell("pthread_mutex_t", (words) => ({
  type: named(words[KIND] & TYPE, types, { mask: -1 }),
  robust: Number((words[KIND] & ROBUST) !== 0),
  pshared: Number((words[KIND] & PSHARED) !== 0),
  owner: words[OWNER],
}));
const condKind = cell("pthread_cond_t", () => ({}));
const mutexattrKind: Kind<"buffer"> = memory((data) => {
  const bits = viewOn(data).getInt32(0, true);
  return {
    struct: "pthread_mutexattr_t",
    fields: {
      type: named(bits & TYPE, types, { mask: -1 }),
      robust: Number((bits & 1 << 30) !== 0),
      pshared: Number(bits < 0),
    },
  };
});
const condattrKind: Kind<"buffer"> = memory((data) => {
  const bits = viewOn(data).getInt32(0, true);
  return { struct: "pthread_condattr_t", fields: { pshared: bits & 1, clock: bits >> 1 } };
});
const number = filled(array(i32, 1));
const pthread: CallOptions = { givesError: true, failed: (result) => result !== 0 && result !== EOWNERDEAD };
const waiting: CallOptions = { ...pthread, waits: always };
const abs_timeout = struct(timespec);

// errors that are found here, so that libc does not end the process, or write to anywhere
const EPERM = 1;
const EINVAL = 22;
const EDEADLK = 35;
const ENOTSUP = 95;
const ETIMEDOUT = 110;

/** Tells whether nobody has a mutex, and yet it has an owner: who has only just unlocked it is not seen so for long. */
function isGarbled(words: Int32Array): boolean {
  for (let looks = 0; looks < 100; looks++) {
    if (Atomics.load(words, LOCK) !== 0 || Atomics.load(words, OWNER) === 0) return false;
  }
  return true;
}

function isRobust({ words }: Cell): boolean {
  return (words[KIND] & ROBUST) !== 0;
}

/** Why there is no mutex that libc can work with: an error's number, or 0. */
function faultOf(found: Cell): number {
  if (!isThere(found)) return EINVAL;
  const { words } = found;
  const other = words[KIND] & ~(TYPE | ROBUST | PSHARED | NO_ELISION);
  if (other === PRIO_INHERIT || other === PRIO_PROTECT) return ENOTSUP;
  if (other !== 0) return EINVAL;
  if (isRobust(found)) return isKept() ? 0 : ENOTSUP;
  return isLocked(found) || isGarbled(words) ? EINVAL : 0;
}

/** Why it cannot be locked, the same way: `again` if this thread has it. */
function faultOfLocking(found: Cell, again: number): number {
  const fault = faultOf(found);
  if (fault !== 0 || !isRobust(found)) return fault;
  if (!isLocked(found)) return saysOurs(found) ? EINVAL : 0;
  if (isLost(found)) return EINVAL;
  const type = found.words[KIND] & TYPE;
  if (type === PTHREAD_MUTEX_RECURSIVE) return 0;
  return type === PTHREAD_MUTEX_NORMAL ? again : EDEADLK;
}

/** Why it cannot be unlocked. One that was overwritten is not ours any more. */
function faultOfUnlocking(found: Cell): number {
  const fault = faultOf(found);
  if (!isThere(found) || (fault === 0 && !isRobust(found))) return fault;
  if (!isLocked(found)) return fault || EPERM;
  if (fault === 0 && !isLost(found)) return 0;
  dropLocked(found);
  return fault || EINVAL;
}

type OfMutex = (mutex: Deno.PointerObject, more?: unknown) => number;

// Right around the bare calls: who is told of one by a trace may do anything to the memory before, and lock others after

const locking = (again: number) => (bare: OfMutex): OfMutex => (mutex, more) => {
  const found = handedAt(mutex);
  const fault = faultOfLocking(found, again);
  if (fault !== 0) return fault;
  if (!isRobust(found)) return bare(mutex, more);
  beforeLocking();
  const result = bare(mutex, more);
  noteLocked(found);
  return result;
};

const unlocking = (bare: OfMutex): OfMutex => (mutex) => {
  const found = handedAt(mutex);
  const fault = faultOfUnlocking(found);
  if (fault !== 0) return fault;
  if (!isRobust(found)) return bare(mutex);
  mendList();
  const stays = (found.words[KIND] & TYPE) === PTHREAD_MUTEX_RECURSIVE && found.words[COUNT] > 1;
  const result = bare(mutex);
  if (result === 0 && !stays) noteUnlocked(found);
  return result;
};

/** For calls that neither lock nor unlock. */
const looking = (unheld: boolean) => (bare: OfMutex): OfMutex => (mutex) => {
  const found = handedAt(mutex);
  const fault = faultOf(found);
  if (fault !== 0) return fault;
  return unheld && isLocked(found) ? EBUSY : bare(mutex);
};

const making = (bare: OfMutex): OfMutex => (mutex, attr) => {
  const found = handedAt(mutex);
  if (!isThere(found)) return EINVAL;
  return isLocked(found) || (isRobust(found) && hasLocked() && saysOurs(found)) ? EBUSY : bare(mutex, attr);
};

const ofCondition = (bare: OfMutex): OfMutex => (cond, attr) => isThere(handedAt(cond)) ? bare(cond, attr) : EINVAL;

type Waiting = (cond: Deno.PointerObject, mutex: Deno.PointerObject, until?: unknown) => number;

const waitingFor = (bare: Waiting): Waiting => (cond, mutex, until) => {
  const found = handedAt(mutex);
  if (!isThere(handedAt(cond))) return EINVAL;
  const fault = faultOfUnlocking(found);
  if (fault !== 0) return fault;
  mendList();
  const result = bare(cond, mutex, until);
  if (result === 0 || result === ETIMEDOUT || result === EOWNERDEAD || result === ENOTRECOVERABLE) {
    // it was unlocked, and has come into the list anew, if it has
    noteUnlocked(found);
    noteLocked(found);
  }
  return result;
};

const c = header({
  pthread_mutexattr_init: call(i32, [["attr", mutexattrKind]], pthread),
  pthread_mutexattr_destroy: call(i32, [["attr", mutexattrKind]], pthread),
  pthread_mutexattr_settype: call(i32, [["attr", mutexattrKind], ["type", oneOf(types)]], pthread),
  pthread_mutexattr_gettype: call(i32, [["attr", mutexattrKind], ["type", number]], pthread),
  pthread_mutexattr_setpshared: call(i32, [["attr", mutexattrKind], ["pshared", oneOf(shared)]], pthread),
  pthread_mutexattr_getpshared: call(i32, [["attr", mutexattrKind], ["pshared", number]], pthread),
  pthread_mutexattr_setrobust: call(i32, [["attr", mutexattrKind], ["robustness", oneOf(robustness)]], pthread),
  pthread_mutexattr_getrobust: call(i32, [["attr", mutexattrKind], ["robustness", number]], pthread),
  pthread_mutex_init: call(i32, [["mutex", mutexKind], ["attr", mutexattrKind]], { ...pthread, around: making }),
  pthread_mutex_destroy: call(i32, [["mutex", mutexKind]], { ...pthread, around: looking(true) }),
  pthread_mutex_lock: call(i32, [["mutex", mutexKind]], { ...waiting, around: locking(EDEADLK) }),
  pthread_mutex_trylock: call(i32, [["mutex", mutexKind]], { ...pthread, around: locking(EBUSY) }),
  pthread_mutex_timedlock: call(i32, [["mutex", mutexKind], ["abstime", abs_timeout]], {
    ...waiting,
    around: locking(EDEADLK),
  }),
  pthread_mutex_unlock: call(i32, [["mutex", mutexKind]], { ...pthread, around: unlocking }),
  pthread_mutex_consistent: call(i32, [["mutex", mutexKind]], { ...pthread, around: looking(false) }),
  pthread_condattr_init: call(i32, [["attr", condattrKind]], pthread),
  pthread_condattr_destroy: call(i32, [["attr", condattrKind]], pthread),
  pthread_condattr_setpshared: call(i32, [["attr", condattrKind], ["pshared", oneOf(shared)]], pthread),
  pthread_condattr_getpshared: call(i32, [["attr", condattrKind], ["pshared", number]], pthread),
  pthread_condattr_setclock: call(i32, [["attr", condattrKind], ["clock_id", clock()]], pthread),
  pthread_condattr_getclock: call(i32, [["attr", condattrKind], ["clock_id", number]], pthread),
  pthread_cond_init: call(i32, [["cond", condKind], ["attr", condattrKind]], { ...pthread, around: ofCondition }),
  pthread_cond_destroy: call(i32, [["cond", condKind]], { ...pthread, around: ofCondition }),
  pthread_cond_wait: call(i32, [["cond", condKind], ["mutex", mutexKind]], { ...waiting, around: waitingFor }),
  pthread_cond_timedwait: call(i32, [["cond", condKind], ["mutex", mutexKind], ["abstime", abs_timeout]], {
    ...waiting,
    around: waitingFor,
  }),
  pthread_cond_signal: call(i32, [["cond", condKind]], { ...pthread, around: ofCondition }),
  pthread_cond_broadcast: call(i32, [["cond", condKind]], { ...pthread, around: ofCondition }),
});

function clock() {
  return oneOf({ CLOCK_REALTIME, CLOCK_MONOTONIC });
}

/** Throws if a function gives an error's number. */
function mind(result: number, syscall: string, what?: string): void {
  if (result !== 0) throw new LibcError(syscall, result, what);
}

let mutexattrOf: (attr: unknown) => Int32Array<ArrayBuffer> | undefined;
let condattrOf: (attr: unknown) => Int32Array<ArrayBuffer> | undefined;
let mutexOf: (mutex: unknown) => Cell | undefined;
let condOf: (cond: unknown) => Cell | undefined;

/**
 * What a mutex is to be, `pthread_mutexattr_t`: {@linkcode pthread_mutexattr_init} makes it ready.
 *
 * @example See {@linkcode pthread_mutex_t}.
 */
export class pthread_mutexattr_t {
  readonly #words = new Int32Array(2);

  static {
    mutexattrOf = (attr) =>
      typeof attr === "object" && attr !== null && #words in attr ? (attr as pthread_mutexattr_t).#words : undefined;
  }
}

/**
 * What a condition is to be, `pthread_condattr_t`: {@linkcode pthread_condattr_init} makes it ready.
 *
 * @example See {@linkcode pthread_cond_t}.
 */
export class pthread_condattr_t {
  readonly #words = new Int32Array(2);

  static {
    condattrOf = (attr) =>
      typeof attr === "object" && attr !== null && #words in attr ? (attr as pthread_condattr_t).#words : undefined;
  }
}

/**
 * A place for a mutex inside shared memory, `pthread_mutex_t`; {@linkcode pthread_mutex_init} makes one of it. Zeros are a
 * mutex, too, but one for a single process (`PTHREAD_MUTEX_INITIALIZER`).
 *
 * What was written over a mutex is found before libc works with it. While a call **blocks**, that cannot be: a process that writes
 * nonsense into the memory just then can have libc end those that block there, as it does C programs.
 *
 * @example
 * ```ts
 * import * as ipc from "./mod.ts";
 *
 * const memory = ipc.mmap(null, 4096, ipc.PROT_READ | ipc.PROT_WRITE, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
 * const attr = new ipc.pthread_mutexattr_t();
 * ipc.pthread_mutexattr_init(attr);
 * ipc.pthread_mutexattr_setpshared(attr, ipc.PTHREAD_PROCESS_SHARED);
 * ipc.pthread_mutexattr_setrobust(attr, ipc.PTHREAD_MUTEX_ROBUST);
 * const mutex = new ipc.pthread_mutex_t(memory, 128);
 * ipc.pthread_mutex_init(mutex, attr);
 *
 * // any process that has the memory
 * if (ipc.pthread_mutex_lock(mutex) === ipc.EOWNERDEAD) {
 *   // who had it is dead: put in order what it left half done, then
 *   ipc.pthread_mutex_consistent(mutex);
 * }
 * ipc.pthread_mutex_unlock(mutex);
 * ipc.munmap(memory);
 * ```
 */
export class pthread_mutex_t {
  readonly #cell: Cell;

  static {
    mutexOf = (mutex) =>
      typeof mutex === "object" && mutex !== null && #cell in mutex ? (mutex as pthread_mutex_t).#cell : undefined;
  }

  /**
   * A place for a mutex, of 40 bytes on x86-64 and 48 on arm64. Nothing is written there.
   *
   * @param memory What `shmat` or `mmap` gave.
   * @param offset Where in it, a multiple of 8; 0 unless given.
   * @throws {LibcError} `EINVAL` no such memory or offset; `EACCES` it may only be read.
   */
  constructor(memory: Memory, offset: number = 0) {
    this.#cell = cellIn(memory, offset, MUTEX_SIZE, "pthread_mutex_t");
  }
}

/**
 * A place for a condition inside shared memory, `pthread_cond_t`; {@linkcode pthread_cond_init} makes one of it.
 *
 * It is not robust: a process that is killed while it waits may take a `pthread_cond_signal` with it. And what other bytes
 * are written there, libc believes: it may wait for ever.
 *
 * @example
 * ```ts
 * import * as ipc from "./mod.ts";
 *
 * const memory = ipc.mmap(null, 4096, ipc.PROT_READ | ipc.PROT_WRITE, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
 * const attr = new ipc.pthread_condattr_t();
 * ipc.pthread_condattr_init(attr);
 * ipc.pthread_condattr_setpshared(attr, ipc.PTHREAD_PROCESS_SHARED);
 * const condition = new ipc.pthread_cond_t(memory, 256);
 * ipc.pthread_cond_init(condition, attr);
 * ipc.pthread_cond_broadcast(condition); // nobody waits
 * ipc.munmap(memory);
 * ```
 */
export class pthread_cond_t {
  readonly #cell: Cell;

  static {
    condOf = (cond) =>
      typeof cond === "object" && cond !== null && #cell in cond ? (cond as pthread_cond_t).#cell : undefined;
  }

  /**
   * A place for a condition, of 48 bytes. Nothing is written there.
   *
   * @param memory What `shmat` or `mmap` gave.
   * @param offset Where in it, a multiple of 8; 0 unless given.
   * @throws {LibcError} `EINVAL` no such memory or offset; `EACCES` it may only be read.
   */
  constructor(memory: Memory, offset: number = 0) {
    this.#cell = cellIn(memory, offset, COND_SIZE, "pthread_cond_t");
  }
}

function attrWords(words: Int32Array<ArrayBuffer> | undefined, syscall: string): Int32Array<ArrayBuffer> {
  if (words !== undefined) return words;
  throw new LibcError(syscall, "EINVAL", "attr is not of the class that this takes");
}

/** A place whose pages are there, also where a file has become shorter. */
function placeFor(found: Cell | undefined, value: unknown, syscall: string): Cell {
  if (found === undefined) {
    throw new LibcError(syscall, "EINVAL", `not of the class that this takes: ${shown(value)}`);
  }
  mindCell(found, syscall);
  return found;
}

/** A mutex, for a call. */
function mutexAt(mutex: pthread_mutex_t, syscall: string): Cell {
  return placeFor(mutexOf(mutex), mutex, syscall);
}

/** Throws if a call with a mutex gives an error's number. */
function mindMutex(result: number, syscall: string): number {
  if (result === EOWNERDEAD) return result;
  mind(result, syscall, result === EINVAL ? "there is no mutex there, or it was overwritten" : undefined);
  return 0;
}

/**
 * Makes attributes ready, `pthread_mutexattr_init(3)`: a mutex of the type `PTHREAD_MUTEX_DEFAULT`, of this process alone, not robust.
 *
 * @param attr The attributes.
 * @throws {LibcError} `EINVAL` they are none.
 *
 * @example See {@linkcode pthread_mutex_t}.
 */
export function pthread_mutexattr_init(attr: pthread_mutexattr_t): void {
  mind(
    c.pthread_mutexattr_init(attrWords(mutexattrOf(attr), "pthread_mutexattr_init")),
    "pthread_mutexattr_init",
  );
}

/**
 * Is done with attributes, `pthread_mutexattr_destroy(3)`. With glibc that does nothing.
 *
 * @param attr The attributes.
 * @throws {LibcError} `EINVAL` they are none.
 *
 * @example
 * ```ts
 * import { pthread_mutexattr_destroy, pthread_mutexattr_init, pthread_mutexattr_t } from "./mod.ts";
 *
 * const attr = new pthread_mutexattr_t();
 * pthread_mutexattr_init(attr);
 * pthread_mutexattr_destroy(attr);
 * ```
 */
export function pthread_mutexattr_destroy(attr: pthread_mutexattr_t): void {
  mind(
    c.pthread_mutexattr_destroy(attrWords(mutexattrOf(attr), "pthread_mutexattr_destroy")),
    "pthread_mutexattr_destroy",
  );
}

/**
 * Says what a mutex does if it is used wrongly, `pthread_mutexattr_settype(3)`.
 *
 * @param attr The attributes.
 * @param type `PTHREAD_MUTEX_NORMAL`, `PTHREAD_MUTEX_RECURSIVE` or `PTHREAD_MUTEX_ERRORCHECK`.
 * @throws {LibcError} `EINVAL` there is no such thing.
 *
 * @example
 * ```ts
 * import { PTHREAD_MUTEX_RECURSIVE, pthread_mutexattr_init, pthread_mutexattr_settype, pthread_mutexattr_t } from "./mod.ts";
 *
 * const attr = new pthread_mutexattr_t();
 * pthread_mutexattr_init(attr);
 * pthread_mutexattr_settype(attr, PTHREAD_MUTEX_RECURSIVE);
 * ```
 */
export function pthread_mutexattr_settype(attr: pthread_mutexattr_t, type: number): void {
  const words = attrWords(mutexattrOf(attr), "pthread_mutexattr_settype");
  mind(
    c.pthread_mutexattr_settype(words, asInt(type, "pthread_mutexattr_settype", "type")),
    "pthread_mutexattr_settype",
    `${type}`,
  );
}

/**
 * What a mutex does if it is used wrongly, `pthread_mutexattr_gettype(3)`.
 *
 * @param attr The attributes.
 * @returns The type, such as `PTHREAD_MUTEX_NORMAL`.
 * @throws {LibcError} `EINVAL` they are none.
 *
 * @example
 * ```ts
 * import { pthread_mutexattr_gettype, pthread_mutexattr_t, pthread_mutexattr_init } from "./mod.ts";
 *
 * const attr = new pthread_mutexattr_t();
 * pthread_mutexattr_init(attr);
 * console.log(pthread_mutexattr_gettype(attr)); // 0
 * ```
 */
export function pthread_mutexattr_gettype(attr: pthread_mutexattr_t): number {
  const words = attrWords(mutexattrOf(attr), "pthread_mutexattr_gettype");
  const into = new Int32Array(1);
  mind(c.pthread_mutexattr_gettype(words, into), "pthread_mutexattr_gettype");
  return into[0];
}

/**
 * Says who uses a mutex, `pthread_mutexattr_setpshared(3)`.
 *
 * @param attr The attributes.
 * @param pshared `PTHREAD_PROCESS_SHARED` or `PTHREAD_PROCESS_PRIVATE`.
 * @throws {LibcError} `EINVAL` there is no such thing.
 *
 * @example See {@linkcode pthread_mutex_t}.
 */
export function pthread_mutexattr_setpshared(attr: pthread_mutexattr_t, pshared: number): void {
  const words = attrWords(mutexattrOf(attr), "pthread_mutexattr_setpshared");
  mind(
    c.pthread_mutexattr_setpshared(words, asInt(pshared, "pthread_mutexattr_setpshared", "pshared")),
    "pthread_mutexattr_setpshared",
    `${pshared}`,
  );
}

/**
 * Who uses a mutex, `pthread_mutexattr_getpshared(3)`.
 *
 * @param attr The attributes.
 * @returns `PTHREAD_PROCESS_SHARED` or `PTHREAD_PROCESS_PRIVATE`.
 * @throws {LibcError} `EINVAL` they are none.
 *
 * @example
 * ```ts
 * import { pthread_mutexattr_getpshared, pthread_mutexattr_t, pthread_mutexattr_init } from "./mod.ts";
 *
 * const attr = new pthread_mutexattr_t();
 * pthread_mutexattr_init(attr);
 * console.log(pthread_mutexattr_getpshared(attr)); // 0
 * ```
 */
export function pthread_mutexattr_getpshared(attr: pthread_mutexattr_t): number {
  const words = attrWords(mutexattrOf(attr), "pthread_mutexattr_getpshared");
  const into = new Int32Array(1);
  mind(c.pthread_mutexattr_getpshared(words, into), "pthread_mutexattr_getpshared");
  return into[0];
}

/**
 * Says what happens when the owner of a mutex ends, `pthread_mutexattr_setrobust(3)`.
 *
 * @param attr The attributes.
 * @param robustness `PTHREAD_MUTEX_ROBUST` or `PTHREAD_MUTEX_STALLED`.
 * @throws {LibcError} `EINVAL` there is no such thing.
 *
 * @example See {@linkcode pthread_mutex_t}.
 */
export function pthread_mutexattr_setrobust(attr: pthread_mutexattr_t, robustness: number): void {
  const words = attrWords(mutexattrOf(attr), "pthread_mutexattr_setrobust");
  mind(
    c.pthread_mutexattr_setrobust(words, asInt(robustness, "pthread_mutexattr_setrobust", "robustness")),
    "pthread_mutexattr_setrobust",
    `${robustness}`,
  );
}

/**
 * What happens when the owner of a mutex ends, `pthread_mutexattr_getrobust(3)`.
 *
 * @param attr The attributes.
 * @returns `PTHREAD_MUTEX_ROBUST` or `PTHREAD_MUTEX_STALLED`.
 * @throws {LibcError} `EINVAL` they are none.
 *
 * @example
 * ```ts
 * import { pthread_mutexattr_getrobust, pthread_mutexattr_t, pthread_mutexattr_init } from "./mod.ts";
 *
 * const attr = new pthread_mutexattr_t();
 * pthread_mutexattr_init(attr);
 * console.log(pthread_mutexattr_getrobust(attr)); // 0
 * ```
 */
export function pthread_mutexattr_getrobust(attr: pthread_mutexattr_t): number {
  const words = attrWords(mutexattrOf(attr), "pthread_mutexattr_getrobust");
  const into = new Int32Array(1);
  mind(c.pthread_mutexattr_getrobust(words, into), "pthread_mutexattr_getrobust");
  return into[0];
}

/**
 * Makes a mutex, `pthread_mutex_init(3)`.
 *
 * @param mutex Where.
 * @param attr What it is to be; `null` for one of this process alone, which is hardly what one wants in shared memory.
 * @throws {LibcError} `EBUSY` this thread has locked the one that is there; `EINVAL` no mutex, or its memory is gone; `EOPNOTSUPP`.
 *
 * @example See {@linkcode pthread_mutex_t}.
 */
export function pthread_mutex_init(mutex: pthread_mutex_t, attr: pthread_mutexattr_t | null): void {
  const found = placeFor(mutexOf(mutex), mutex, "pthread_mutex_init");
  const words = attr === null ? null : attrWords(mutexattrOf(attr), "pthread_mutex_init");
  mind(c.pthread_mutex_init(hand(found), words), "pthread_mutex_init");
}

/**
 * Ends a mutex, `pthread_mutex_destroy(3)`.
 *
 * @param mutex The mutex.
 * @throws {LibcError} `EBUSY` it is locked; `EINVAL` there is none.
 *
 * @example
 * ```ts
 * import { MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE, pthread_mutex_destroy, pthread_mutex_init, pthread_mutex_t } from "./mod.ts";
 *
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * const mutex = new pthread_mutex_t(memory);
 * pthread_mutex_init(mutex, null);
 * pthread_mutex_destroy(mutex);
 * munmap(memory);
 * ```
 */
export function pthread_mutex_destroy(mutex: pthread_mutex_t): void {
  const found = mutexAt(mutex, "pthread_mutex_destroy");
  mindMutex(c.pthread_mutex_destroy(hand(found)), "pthread_mutex_destroy");
}

/**
 * Locks a mutex, `pthread_mutex_lock(3)`. Blocks the whole program while another has it; signals do not end that.
 *
 * @param mutex The mutex.
 * @returns 0, or `EOWNERDEAD`: it is locked, but who had it has ended, and what it protects may be half done. Then
 * {@linkcode pthread_mutex_consistent} says that all is in order again.
 * @throws {LibcError} `EDEADLK` an error-checking one that this thread has locked; `ENOTRECOVERABLE` after `EOWNERDEAD` it was
 * unlocked without {@linkcode pthread_mutex_consistent}; `EAGAIN` locked too often; `EINVAL` no mutex; `EOPNOTSUPP` one with a
 * protocol for priorities, or a robust one under an emulator that does not have them.
 *
 * @example See {@linkcode pthread_mutex_t}.
 */
export function pthread_mutex_lock(mutex: pthread_mutex_t): number {
  const found = mutexAt(mutex, "pthread_mutex_lock");
  return mindMutex(c.pthread_mutex_lock(hand(found)), "pthread_mutex_lock");
}

/**
 * Locks a mutex if nobody has it, `pthread_mutex_trylock(3)`.
 *
 * @param mutex The mutex.
 * @returns As {@linkcode pthread_mutex_lock}.
 * @throws {LibcError} `EBUSY` somebody has it; otherwise as {@linkcode pthread_mutex_lock}.
 *
 * @example
 * ```ts
 * import { LibcError, MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE, pthread_mutex_lock, pthread_mutex_t, pthread_mutex_trylock } from "./mod.ts";
 *
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * const mutex = new pthread_mutex_t(memory); // zeros are a mutex
 * pthread_mutex_lock(mutex);
 * try {
 *   pthread_mutex_trylock(mutex);
 * } catch (error) {
 *   console.log(error instanceof LibcError && error.code); // EBUSY
 * }
 * munmap(memory);
 * ```
 */
export function pthread_mutex_trylock(mutex: pthread_mutex_t): number {
  const found = mutexAt(mutex, "pthread_mutex_trylock");
  return mindMutex(c.pthread_mutex_trylock(hand(found)), "pthread_mutex_trylock");
}

/**
 * The same, but without an error if somebody has it.
 *
 * @returns As {@linkcode pthread_mutex_lock}; undefined if it was not locked.
 * @ignore
 */
export function pthread_mutex_trylockOrNot(mutex: pthread_mutex_t): number | undefined {
  const found = mutexAt(mutex, "pthread_mutex_trylock");
  const dead = found.words[OWNER] === NOT_RECOVERABLE;
  const result = dead ? ENOTRECOVERABLE : c.pthread_mutex_trylock(hand(found));
  // glibc's forgets to unlock it then, and who tries again would be told that somebody has it
  if (result === ENOTRECOVERABLE) Atomics.store(found.words, LOCK, 0);
  return result === EBUSY ? undefined : mindMutex(result, "pthread_mutex_trylock");
}

/**
 * Where a mutex lies, and whether it is robust; throws if there is none.
 *
 * @ignore
 */
export function mutexCell(mutex: pthread_mutex_t, syscall: string): Cell & { robust: boolean } {
  const found = mutexAt(mutex, syscall);
  mindMutex(faultOf(found), syscall);
  return { ...found, robust: isRobust(found) };
}

/**
 * As {@linkcode pthread_mutex_lock}, but waits no longer than until a moment, `pthread_mutex_timedlock(3)`.
 *
 * @param mutex The mutex.
 * @param abstime The moment: seconds since 1970, where C has a `struct timespec`; `null` for never.
 * @returns As {@linkcode pthread_mutex_lock}.
 * @throws {LibcError} `ETIMEDOUT` it is over; otherwise as {@linkcode pthread_mutex_lock}.
 *
 * @example
 * ```ts
 * import { LibcError, MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE, pthread_mutex_lock, pthread_mutex_t, pthread_mutex_timedlock } from "./mod.ts";
 *
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * const mutex = new pthread_mutex_t(memory);
 * pthread_mutex_lock(mutex);
 * try {
 *   pthread_mutex_timedlock(mutex, Date.now() / 1000 + 0.01);
 * } catch (error) {
 *   console.log(error instanceof LibcError && error.code); // ETIMEDOUT
 * }
 * munmap(memory);
 * ```
 */
export function pthread_mutex_timedlock(mutex: pthread_mutex_t, abstime: number | null): number {
  const until = momentOf(abstime, "pthread_mutex_timedlock");
  if (until === null) return pthread_mutex_lock(mutex);
  const found = mutexAt(mutex, "pthread_mutex_timedlock");
  return mindMutex(c.pthread_mutex_timedlock(hand(found), until), "pthread_mutex_timedlock");
}

/**
 * Unlocks a mutex, `pthread_mutex_unlock(3)`. A robust one that was locked with `EOWNERDEAD` and not made consistent can never be
 * locked again.
 *
 * @param mutex The mutex.
 * @throws {LibcError} `EPERM` this thread has not locked it (unless it is a normal one, which does not know); `EINVAL` no mutex.
 *
 * @example See {@linkcode pthread_mutex_t}.
 */
export function pthread_mutex_unlock(mutex: pthread_mutex_t): void {
  const found = mutexAt(mutex, "pthread_mutex_unlock");
  mindMutex(c.pthread_mutex_unlock(hand(found)), "pthread_mutex_unlock");
}

/**
 * Says that what a mutex protects is in order again, after `EOWNERDEAD`, `pthread_mutex_consistent(3)`.
 *
 * @param mutex The mutex.
 * @throws {LibcError} `EINVAL` it is not robust, or in order.
 *
 * @example See {@linkcode pthread_mutex_t}.
 */
export function pthread_mutex_consistent(mutex: pthread_mutex_t): void {
  const found = mutexAt(mutex, "pthread_mutex_consistent");
  mindMutex(c.pthread_mutex_consistent(hand(found)), "pthread_mutex_consistent");
}

/**
 * Makes attributes ready, `pthread_condattr_init(3)`: a condition of this process alone, by `CLOCK_REALTIME`.
 *
 * @param attr The attributes.
 * @throws {LibcError} `EINVAL` they are none.
 *
 * @example See {@linkcode pthread_cond_t}.
 */
export function pthread_condattr_init(attr: pthread_condattr_t): void {
  mind(c.pthread_condattr_init(attrWords(condattrOf(attr), "pthread_condattr_init")), "pthread_condattr_init");
}

/**
 * Is done with attributes, `pthread_condattr_destroy(3)`. With glibc that does nothing.
 *
 * @param attr The attributes.
 * @throws {LibcError} `EINVAL` they are none.
 *
 * @example
 * ```ts
 * import { pthread_condattr_destroy, pthread_condattr_init, pthread_condattr_t } from "./mod.ts";
 *
 * const attr = new pthread_condattr_t();
 * pthread_condattr_init(attr);
 * pthread_condattr_destroy(attr);
 * ```
 */
export function pthread_condattr_destroy(attr: pthread_condattr_t): void {
  mind(c.pthread_condattr_destroy(attrWords(condattrOf(attr), "pthread_condattr_destroy")), "pthread_condattr_destroy");
}

/**
 * Says who uses a condition, `pthread_condattr_setpshared(3)`.
 *
 * @param attr The attributes.
 * @param pshared `PTHREAD_PROCESS_SHARED` or `PTHREAD_PROCESS_PRIVATE`.
 * @throws {LibcError} `EINVAL` there is no such thing.
 *
 * @example See {@linkcode pthread_cond_t}.
 */
export function pthread_condattr_setpshared(attr: pthread_condattr_t, pshared: number): void {
  const words = attrWords(condattrOf(attr), "pthread_condattr_setpshared");
  mind(
    c.pthread_condattr_setpshared(words, asInt(pshared, "pthread_condattr_setpshared", "pshared")),
    "pthread_condattr_setpshared",
    `${pshared}`,
  );
}

/**
 * Who uses a condition, `pthread_condattr_getpshared(3)`.
 *
 * @param attr The attributes.
 * @returns `PTHREAD_PROCESS_SHARED` or `PTHREAD_PROCESS_PRIVATE`.
 * @throws {LibcError} `EINVAL` they are none.
 *
 * @example
 * ```ts
 * import { pthread_condattr_getpshared, pthread_condattr_t, pthread_condattr_init } from "./mod.ts";
 *
 * const attr = new pthread_condattr_t();
 * pthread_condattr_init(attr);
 * console.log(pthread_condattr_getpshared(attr)); // 0
 * ```
 */
export function pthread_condattr_getpshared(attr: pthread_condattr_t): number {
  const words = attrWords(condattrOf(attr), "pthread_condattr_getpshared");
  const into = new Int32Array(1);
  mind(c.pthread_condattr_getpshared(words, into), "pthread_condattr_getpshared");
  return into[0];
}

/**
 * Says which clock the moments of `pthread_cond_timedwait` are of, `pthread_condattr_setclock(3)`.
 *
 * @param attr The attributes.
 * @param clock_id `CLOCK_REALTIME` or `CLOCK_MONOTONIC`.
 * @throws {LibcError} `EINVAL` there is no such thing.
 *
 * @example
 * ```ts
 * import { CLOCK_MONOTONIC, pthread_condattr_init, pthread_condattr_setclock, pthread_condattr_t } from "./mod.ts";
 *
 * const attr = new pthread_condattr_t();
 * pthread_condattr_init(attr);
 * pthread_condattr_setclock(attr, CLOCK_MONOTONIC);
 * ```
 */
export function pthread_condattr_setclock(attr: pthread_condattr_t, clock_id: number): void {
  const words = attrWords(condattrOf(attr), "pthread_condattr_setclock");
  mind(
    c.pthread_condattr_setclock(words, asInt(clock_id, "pthread_condattr_setclock", "clock_id")),
    "pthread_condattr_setclock",
    `${clock_id}`,
  );
}

/**
 * Which clock the moments of `pthread_cond_timedwait` are of, `pthread_condattr_getclock(3)`.
 *
 * @param attr The attributes.
 * @returns `CLOCK_REALTIME` or `CLOCK_MONOTONIC`.
 * @throws {LibcError} `EINVAL` they are none.
 *
 * @example
 * ```ts
 * import { pthread_condattr_getclock, pthread_condattr_t, pthread_condattr_init } from "./mod.ts";
 *
 * const attr = new pthread_condattr_t();
 * pthread_condattr_init(attr);
 * console.log(pthread_condattr_getclock(attr)); // 0
 * ```
 */
export function pthread_condattr_getclock(attr: pthread_condattr_t): number {
  const words = attrWords(condattrOf(attr), "pthread_condattr_getclock");
  const into = new Int32Array(1);
  mind(c.pthread_condattr_getclock(words, into), "pthread_condattr_getclock");
  return into[0];
}

/**
 * Makes a condition, `pthread_cond_init(3)`.
 *
 * @param cond Where.
 * @param attr What it is to be; `null` for one of this process alone.
 * @throws {LibcError} `EINVAL` no condition, or its memory is gone.
 *
 * @example See {@linkcode pthread_cond_t}.
 */
export function pthread_cond_init(cond: pthread_cond_t, attr: pthread_condattr_t | null): void {
  const found = placeFor(condOf(cond), cond, "pthread_cond_init");
  const words = attr === null ? null : attrWords(condattrOf(attr), "pthread_cond_init");
  mind(c.pthread_cond_init(hand(found), words), "pthread_cond_init");
}

/**
 * Ends a condition, `pthread_cond_destroy(3)`. C's waits for those who have been woken and are not back yet, and for ever for one who
 * was killed while it waited; this says so.
 *
 * @param cond The condition.
 * @throws {LibcError} `EBUSY` somebody waits for it, or was killed then; `EINVAL` there is none.
 *
 * @example
 * ```ts
 * import { MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE, pthread_cond_destroy, pthread_cond_init, pthread_cond_t } from "./mod.ts";
 *
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * const condition = new pthread_cond_t(memory);
 * pthread_cond_init(condition, null);
 * pthread_cond_destroy(condition);
 * munmap(memory);
 * ```
 */
export function pthread_cond_destroy(cond: pthread_cond_t): void {
  const found = placeFor(condOf(cond), cond, "pthread_cond_destroy");
  if (found.words[REFERENCES] >>> 3 !== 0) {
    throw new LibcError("pthread_cond_destroy", "EBUSY", "somebody waits for it, or was killed while he did");
  }
  mind(c.pthread_cond_destroy(hand(found)), "pthread_cond_destroy");
}

/**
 * Unlocks a mutex and waits for a condition, `pthread_cond_wait(3)`; the mutex is locked again when it is back. It may be back
 * without a reason: look whether there is one, in a loop. Blocks the whole program; signals do not end that.
 *
 * @param cond The condition.
 * @param mutex A mutex that this thread has locked, once.
 * @returns 0, or `EOWNERDEAD` as {@linkcode pthread_mutex_lock}.
 * @throws {LibcError} `EPERM` this thread has not locked the mutex; `ENOTRECOVERABLE` it cannot be locked again; `EINVAL`.
 *
 * @example
 * ```ts
 * import * as ipc from "./mod.ts";
 *
 * const memory = ipc.mmap(null, 4096, ipc.PROT_READ | ipc.PROT_WRITE, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
 * const mutex = new ipc.pthread_mutex_t(memory, 0);
 * const condition = new ipc.pthread_cond_t(memory, 64);
 * memory[128] = 1; // what others would set, and then signal
 *
 * ipc.pthread_mutex_lock(mutex);
 * while (ipc.peek(memory, 128) === 0) ipc.pthread_cond_wait(condition, mutex);
 * ipc.pthread_mutex_unlock(mutex);
 * ipc.munmap(memory);
 * ```
 */
export function pthread_cond_wait(cond: pthread_cond_t, mutex: pthread_mutex_t): number {
  const place = placeFor(condOf(cond), cond, "pthread_cond_wait");
  const found = mutexAt(mutex, "pthread_cond_wait");
  return mindMutex(c.pthread_cond_wait(place.pointer, hand(found)), "pthread_cond_wait");
}

/**
 * As {@linkcode pthread_cond_wait}, but waits no longer than until a moment, `pthread_cond_timedwait(3)`. The mutex is locked again also
 * when the time is over.
 *
 * @param cond The condition.
 * @param mutex A mutex that this thread has locked, once.
 * @param abstime The moment, in seconds of the condition's clock: since 1970, unless it is another; `null` for never.
 * @returns As {@linkcode pthread_cond_wait}.
 * @throws {LibcError} `ETIMEDOUT` it is over; otherwise as {@linkcode pthread_cond_wait}.
 *
 * @example
 * ```ts
 * import * as ipc from "./mod.ts";
 *
 * const memory = ipc.mmap(null, 4096, ipc.PROT_READ | ipc.PROT_WRITE, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
 * const mutex = new ipc.pthread_mutex_t(memory, 0);
 * const condition = new ipc.pthread_cond_t(memory, 64);
 * ipc.pthread_mutex_lock(mutex);
 * try {
 *   ipc.pthread_cond_timedwait(condition, mutex, Date.now() / 1000 + 0.01);
 * } catch (error) {
 *   console.log(error instanceof ipc.LibcError && error.code); // ETIMEDOUT
 * }
 * ipc.pthread_mutex_unlock(mutex);
 * ipc.munmap(memory);
 * ```
 */
export function pthread_cond_timedwait(cond: pthread_cond_t, mutex: pthread_mutex_t, abstime: number | null): number {
  const until = timeoutOf(abstime, "pthread_cond_timedwait", "abstime must be seconds");
  if (until === null) return pthread_cond_wait(cond, mutex);
  const place = placeFor(condOf(cond), cond, "pthread_cond_timedwait");
  const found = mutexAt(mutex, "pthread_cond_timedwait");
  return mindMutex(c.pthread_cond_timedwait(place.pointer, hand(found), until), "pthread_cond_timedwait");
}

/**
 * Wakes one that waits for a condition, `pthread_cond_signal(3)`.
 *
 * @param cond The condition.
 * @throws {LibcError} `EINVAL` there is none.
 *
 * @example
 * ```ts
 * import { MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE, pthread_cond_signal, pthread_cond_t } from "./mod.ts";
 *
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * pthread_cond_signal(new pthread_cond_t(memory)); // nobody waits
 * munmap(memory);
 * ```
 */
export function pthread_cond_signal(cond: pthread_cond_t): void {
  mind(c.pthread_cond_signal(hand(placeFor(condOf(cond), cond, "pthread_cond_signal"))), "pthread_cond_signal");
}

/**
 * Wakes all who wait for a condition, `pthread_cond_broadcast(3)`.
 *
 * @param cond The condition.
 * @throws {LibcError} `EINVAL` there is none.
 *
 * @example See {@linkcode pthread_cond_t}.
 */
export function pthread_cond_broadcast(cond: pthread_cond_t): void {
  const found = placeFor(condOf(cond), cond, "pthread_cond_broadcast");
  mind(c.pthread_cond_broadcast(hand(found)), "pthread_cond_broadcast");
}
