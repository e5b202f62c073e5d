/**
 * `<sys/sem.h>`: semaphore sets.
 *
 * @module
 */
import { errnoCode, LibcError } from "../../errors.ts";
import { byteLengthOf, isWords } from "../../native/bytes.ts";
import { asInt, asKey, asLong, asSize, itemsOf, keyText, shown } from "../../native/check.ts";
import { type Blocked, blocking } from "../../native/elsewhere.ts";
import { call, header } from "../../native/header.ts";
import {
  array,
  as,
  by,
  bytesOf,
  type Call,
  filled,
  flags,
  i16,
  i32,
  id,
  type Kind,
  long,
  oneOf,
  only,
  size,
  u16,
  u64,
} from "../../native/kinds.ts";
import {
  bytesOfNew,
  element,
  laidOut,
  layout,
  layoutOf,
  memberOf,
  nested,
  settable,
  Struct,
  struct,
  structBytes,
} from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import { own } from "../../native/own.ts";
import { timeoutOf, timespec } from "../time.ts";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_INFO,
  IPC_NOWAIT,
  ipc_perm,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
} from "./ipc.ts";

/** `semop`: take the operation back when the process ends. */
export const SEM_UNDO = 0x1000;
/** `semctl`: the process that last operated on the semaphore. */
export const GETPID = 11;
/** `semctl`: the semaphore's value. */
export const GETVAL = 12;
/** `semctl`: the values of the whole set. */
export const GETALL = 13;
/** `semctl`: how many wait for the value to grow. */
export const GETNCNT = 14;
/** `semctl`: how many wait for the value to become 0. */
export const GETZCNT = 15;
/** `semctl`: set the semaphore's value. */
export const SETVAL = 16;
/** `semctl`: set the values of the whole set. */
export const SETALL = 17;
/** `semctl`: what the set in a slot of the kernel's table is, and its id. */
export const SEM_STAT = 18;
/** `semctl`: what all sets use, and the highest slot in use. */
export const SEM_INFO = 19;
/** `semctl`: as `SEM_STAT`, for sets that one may not read, too. */
export const SEM_STAT_ANY = 20;

/** What the kernel knows about a semaphore set, `struct semid_ds` of `semctl(2)`. */
export class semid_ds extends Struct {
  /** Owner, creator and permissions. */
  declare readonly sem_perm: ipc_perm;
  /** When the set was last operated on, in seconds since 1970; 0 for never. */
  declare readonly sem_otime: number;
  /** When the set was made or last changed, in seconds since 1970. */
  declare readonly sem_ctime: number;
  /** How many semaphores the set has. */
  declare readonly sem_nsems: number;
}
layout(semid_ds, "semctl", {
  sem_perm: nested(ipc_perm),
  sem_otime: long,
  __sem_otime_high: only("x86_64", u64),
  sem_ctime: long,
  __sem_ctime_high: only("x86_64", u64),
  sem_nsems: long,
  __glibc_reserved3: u64,
  __glibc_reserved4: u64,
}, []);

/** The system's limits for semaphores, `struct seminfo` of `semctl(2)`, by `IPC_INFO` and `SEM_INFO`. */
export class seminfo extends Struct {
  /** How many sets there may be. */
  declare readonly semmni: number;
  /** How many semaphores there may be in all sets. */
  declare readonly semmns: number;
  /** How many semaphores a set may have. */
  declare readonly semmsl: number;
  /** How many operations a `semop` may have. */
  declare readonly semopm: number;
  /** The largest value of a semaphore. */
  declare readonly semvmx: number;
  /** With `SEM_INFO`: how many sets there are; else the size of an undo structure. */
  declare readonly semusz: number;
  /** With `SEM_INFO`: how many semaphores there are in all sets; else the largest undo value. */
  declare readonly semaem: number;
}
layout(seminfo, "semctl", {
  semmap: i32,
  semmni: i32,
  semmns: i32,
  semmnu: i32,
  semmsl: i32,
  semopm: i32,
  semume: i32,
  semusz: i32,
  semvmx: i32,
  semaem: i32,
}, []);

/** One operation, `struct sembuf`. */
const OPERATION = laidOut("sembuf", {
  sem_num: u16,
  sem_op: i16,
  sem_flg: as(i16, flags({ SEM_UNDO, IPC_NOWAIT }, { radix: 16 })),
});

/** The bytes of operations, to hand to the kernel; undefined for anything else than a {@linkcode sembuf}. */
let ownOperations: (ops: sembuf) => Uint8Array<ArrayBuffer> | undefined;

/**
 * The operations of one `semop(2)`, an array of `struct sembuf`. Make it once and use it often: the
 * call hands it over as it is.
 *
 * @example
 * ```ts
 * import { SEM_UNDO, sembuf } from "./mod.ts";
 *
 * const P = new sembuf([0, -1, SEM_UNDO]); // wait for semaphore 0, take one
 * const V = new sembuf([0, +1, SEM_UNDO]); // give it back
 * const both = new sembuf([0, -1], [1, -1]); // all or nothing
 * ```
 */
export class sembuf extends Struct {
  /** How many operations there are. */
  readonly length: number;
  readonly #own: Uint8Array<ArrayBuffer>;

  static {
    ownOperations = (ops) => typeof ops === "object" && ops !== null && #own in ops ? ops.#own : undefined;
  }

  /**
   * Makes the operations.
   *
   * @param ops For each operation `[sem_num, sem_op, sem_flg]`; flags are `IPC_NOWAIT` and `SEM_UNDO`.
   */
  constructor(...ops: [sem_num: number, sem_op: number, sem_flg?: number][]) {
    super(ops.length * OPERATION.size);
    this.length = ops.length;
    this.#own = bytesOfNew(this, "semop");
    const fields = new Int16Array(this.#own.buffer);
    ops.forEach((op, i) => {
      const [num, value, flags = 0] = itemsOf(op, 3);
      const at = 3 * i;
      if (
        typeof num !== "number" || typeof value !== "number" || typeof flags !== "number" || (num & 0xffff) !== num ||
        (value << 16 >> 16) !== value ||
        (flags << 16 >> 16) !== flags
      ) {
        throw new LibcError(
          "semop",
          "EINVAL",
          `${shown(op)} is not [semaphore 0 to 65535, 16-bit value, flags]`,
        );
      }
      fields.set([num, value, flags], at);
    });
  }
}

/** Tells whether operations may wait: those that give never do. */
function mayWait(call: Call): boolean {
  const ops = bytesOf(call.argument("sops") as Uint8Array<ArrayBuffer>);
  const fields = new Int16Array(ops.buffer, ops.byteOffset, ops.byteLength >> 1);
  for (let at = 0; at + 2 < fields.length; at += 3) {
    if (fields[at + 1] <= 0 && (fields[at + 2] & IPC_NOWAIT) === 0) return true;
  }
  return false;
}

const stat = filled(struct(semid_ds));
const info = filled(struct(seminfo));
const values = array(u16);
const arg = by("cmd", {
  [IPC_STAT]: stat,
  [SEM_STAT]: stat,
  [SEM_STAT_ANY]: stat,
  [IPC_SET]: settable(semid_ds),
  [IPC_INFO]: info,
  [SEM_INFO]: info,
  [GETALL]: filled(values),
  [SETALL]: values,
});
const cmd = oneOf({
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  IPC_INFO,
  GETPID,
  GETVAL,
  GETALL,
  GETNCNT,
  GETZCNT,
  SETVAL,
  SETALL,
  SEM_STAT,
  SEM_INFO,
  SEM_STAT_ANY,
}, 16);
const sops = array(element(OPERATION), "nsops");

/** The number that `SETVAL` takes; the others take none. */
const number: Kind<"i64"> = {
  ffi: "i64",
  decode: (value, call) => call.argument("cmd") === SETVAL ? Number(value) : null,
};

const EAGAIN = 11;

const SEMOP = call(i32, [["semid", id], ["sops", sops], ["nsops", size]], { waits: mayWait });

const c = header({
  semget: call(id, [
    ["key", oneOf({ IPC_PRIVATE }, 16)],
    ["nsems", i32],
    ["semflg", flags({ IPC_CREAT, IPC_EXCL }, { radix: 8 })],
  ]),
  semop: SEMOP,
  semtimedop: call(i32, [["semid", id], ["sops", sops], ["nsops", size], ["timeout", struct(timespec)]], {
    waits: mayWait,
  }),
  // semctl(2) is variadic: its fourth argument is a number or a pointer, and both travel in one register
  semctl: call(i32, [["semid", id], ["semnum", i32], ["cmd", cmd], ["arg", number]]),
  semctl_memory: call(i32, [["semid", id], ["semnum", i32], ["cmd", cmd], ["arg", arg]], { symbol: "semctl" }),
});

const operate = blocking(SEMOP, { x86_64: 65, aarch64: 193 });

const SIZE = { semid_ds: layoutOf(semid_ds).size, seminfo: layoutOf(seminfo).size };

/**
 * Finds or makes a set of semaphores, `semget(2)`. Linux makes them with the value 0; other systems need not.
 *
 * @param key A number that the processes have agreed on, or `IPC_PRIVATE`.
 * @param nsems How many semaphores; for a set that exists, at most as many as it has.
 * @param semflg Permissions such as `0o600`, with `IPC_CREAT` and `IPC_EXCL`.
 * @returns The set's id.
 * @throws {LibcError} `ENOENT` there is none; `EEXIST` with `IPC_EXCL`; `EACCES`; `EINVAL` a count of 0, above the limit,
 * or above an existing set's; `ENOMEM`; `ENOSPC` too many sets.
 *
 * @example
 * ```ts
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, semctl, semget } from "./mod.ts";
 *
 * const id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0o600);
 * semctl(id, 0, IPC_RMID);
 * ```
 */
export function semget(key: number, nsems: number, semflg: number): number {
  const id = c.semget(asKey(key, "semget"), asInt(nsems, "semget", "nsems"), asInt(semflg, "semget", "semflg"));
  if (id < 0) throw new LibcError("semget", errno(), `${keyText(key)}, ${nsems} semaphores`);
  return id;
}

/** How many operations there are bytes for: the kernel never reads beyond them. It is one mostly, and that is quickly told. */
function countOf(bytes: Uint8Array, syscall: string): bigint {
  return bytes.byteLength === OPERATION.size ? 1n : asSize(bytes.byteLength / OPERATION.size >>> 0, syscall, "nsops");
}

/** The operations' bytes. */
function operations(sops: sembuf, syscall: string): Uint8Array<ArrayBuffer> {
  const bytes = ownOperations(sops);
  if (bytes !== undefined) return bytes;
  throw new LibcError(syscall, "EFAULT", `sops must be a sembuf, got ${shown(sops)}`);
}

/**
 * Does all operations at once, or none, `semop(2)`. Waits until they can be done, except for those with `IPC_NOWAIT`.
 *
 * @param semid The set's id.
 * @param sops The operations; each adds to a semaphore, takes from it, or (with 0) waits for it to become 0.
 * @throws {LibcError} `EAGAIN` would have to wait, with `IPC_NOWAIT`; `EINVAL` no such set, or no operation; `EFBIG` no
 * such semaphore; `ERANGE` the value would get too large; `E2BIG` too many operations; `EIDRM` the set was removed
 * meanwhile; `EACCES`; `EINTR`; `ENOSPC` and `ENOMEM` with `SEM_UNDO`.
 *
 * @example
 * ```ts
 * import { IPC_PRIVATE, IPC_RMID, SEM_UNDO, sembuf, semctl, semget, semop } from "./mod.ts";
 *
 * const id = semget(IPC_PRIVATE, 1, 0o600);
 * const P = new sembuf([0, -1, SEM_UNDO]);
 * const V = new sembuf([0, +1, SEM_UNDO]);
 * semop(id, V);
 * semop(id, P);
 * semctl(id, 0, IPC_RMID);
 * ```
 */
export function semop(semid: number, sops: sembuf): void {
  const bytes = operations(sops, "semop");
  const nsops = countOf(bytes, "semop");
  if (c.semop(asInt(semid, "semop", "semid"), bytes, nsops) < 0) {
    const failed = errno();
    throw new LibcError("semop", failed, described(semid, sops, failed));
  }
}

/**
 * The same, but without an error if it would have to wait; all operations have `IPC_NOWAIT`.
 *
 * @returns Whether they were done.
 * @ignore
 */
export function semopOrNot(semid: number, sops: sembuf): boolean {
  const bytes = operations(sops, "semop");
  const nsops = countOf(bytes, "semop");
  if (c.semop(asInt(semid, "semop", "semid"), bytes, nsops) === 0) return true;
  const failed = errno();
  if (failed === EAGAIN) return false;
  throw new LibcError("semop", failed, described(semid, sops, failed));
}

/**
 * The same on another thread, which blocks until the operations can be done. They have to be left alone until it is back.
 *
 * @ignore
 */
export function semopElsewhere(semid: number, sops: sembuf): Blocked | undefined {
  const bytes = operations(sops, "semop");
  const nsops = countOf(bytes, "semop");
  return operate(asInt(semid, "semop", "semid"), bytes, nsops);
}

/**
 * As {@linkcode semop}, but waits no longer than `timeout`, `semtimedop(2)`.
 *
 * @param semid The set's id.
 * @param sops The operations.
 * @param timeout How long to wait, in seconds (`0.25` is a quarter of one), where C has a `struct timespec`; `null` for
 * ever.
 * @throws {LibcError} `EAGAIN` the time is over; else as {@linkcode semop}.
 *
 * @example
 * ```ts
 * import { IPC_PRIVATE, IPC_RMID, LibcError, sembuf, semctl, semget, semtimedop } from "./mod.ts";
 *
 * const id = semget(IPC_PRIVATE, 1, 0o600);
 * try {
 *   semtimedop(id, new sembuf([0, -1]), 0.01);
 * } catch (error) {
 *   console.log((error as LibcError).code); // EAGAIN
 * }
 * semctl(id, 0, IPC_RMID);
 * ```
 */
export function semtimedop(semid: number, sops: sembuf, timeout: number | null): void {
  const bytes = operations(sops, "semtimedop");
  const nsops = countOf(bytes, "semtimedop");
  const until = timeoutOf(timeout, "semtimedop");
  if (c.semtimedop(asInt(semid, "semtimedop", "semid"), bytes, nsops, until) < 0) {
    const failed = errno();
    throw new LibcError(
      "semtimedop",
      failed,
      `${described(semid, sops, failed)}, ${timeout ?? "unlimited"} seconds`,
    );
  }
}

/** What an error says of operations: how many, or of a single one, which. */
function described(semid: number, sops: sembuf, failed: number): string {
  const bytes = operations(sops, "semop");
  const count = byteLengthOf(bytes) / OPERATION.size;
  if (count !== 1) return `semid ${semid}, ${count} operations`;
  const fields = new Int16Array(bytes.buffer);
  const which = `semid ${semid}, semaphore ${fields[0] & 0xffff}`;
  if (errnoCode(failed) === "EFBIG") {
    try {
      return `${which} of ${semaphores(semid)}, counted from 0`;
    } catch {
      // the set is gone by now
    }
  }
  return `${which}, ${fields[1] > 0 ? "+" : ""}${fields[1]}`;
}

const SLOT = 0x7fff; // the part of an id that is its place in the kernel's table

/** How many semaphores a set has, also where one may change but not read it: `SEM_STAT_ANY` asks for no permission. */
function semaphores(semid: number): number {
  const ds = new semid_ds();
  const bytes = structBytes(ds, SIZE.semid_ds, "semctl", "semid_ds");
  if (own.semctl(semid, 0, IPC_STAT, bytes) === 0) return memberOf(semid_ds, ds, "sem_nsems");
  const failed = new LibcError("semctl", errno(), `semid ${semid}`);
  if (failed.code === "EACCES" && own.semctl(semid & SLOT, 0, SEM_STAT_ANY, bytes) === semid) {
    return memberOf(semid_ds, ds, "sem_nsems");
  }
  throw failed;
}

/** The memory that a command works on. */
function argument(semid: number, cmd: number, arg: unknown): Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  if (cmd !== GETALL && cmd !== SETALL) {
    const needed = cmd === IPC_INFO || cmd === SEM_INFO ? SIZE.seminfo : SIZE.semid_ds;
    return structBytes(arg as semid_ds, needed, "semctl", "arg");
  }
  if (!isWords(arg)) {
    throw new LibcError("semctl", "EFAULT", `arg must be a Uint16Array, got ${shown(arg)}`);
  }
  // the kernel takes it on trust that there is room for the whole set. A set of another size cannot get this id between
  // the two calls: ids carry a sequence number
  const nsems = semaphores(semid);
  const room = byteLengthOf(arg) / 2;
  if (room < nsems) {
    throw new LibcError("semctl", "EFAULT", `arg has room for ${room} values, semid ${semid} has ${nsems}`);
  }
  return arg;
}

/**
 * Controls a set or one of its semaphores, `semctl(2)`.
 *
 * | `cmd` | `arg` | result |
 * |---|---|---|
 * | `GETVAL`, `GETPID`, `GETNCNT`, `GETZCNT` | | the value, process, or number of waiters of `semnum` |
 * | `SETVAL` | the value, 0 to 32767 | 0 |
 * | `GETALL`, `SETALL` | a `Uint16Array` with a place for each semaphore | 0 |
 * | `IPC_STAT`, `IPC_SET` | {@linkcode semid_ds} | 0 |
 * | `IPC_RMID` | | 0 |
 * | `IPC_INFO`, `SEM_INFO` | {@linkcode seminfo} | the highest slot in use |
 * | `SEM_STAT`, `SEM_STAT_ANY` | {@linkcode semid_ds} | the id of the set in slot `semid` |
 *
 * @param semid The set's id; for `SEM_STAT` and `SEM_STAT_ANY` a slot of the kernel's table; for `IPC_INFO` and `SEM_INFO`
 * anything.
 * @param semnum Which semaphore, from 0; commands about the whole set ignore it.
 * @param cmd What to do.
 * @param arg What the command works on.
 * @returns See above.
 * @throws {LibcError} `EINVAL` no such set, semaphore or command; `ERANGE` a value outside of 0 to 32767; `EIDRM`;
 * `EACCES`; `EPERM`; `EFAULT` an argument that is too short or of the wrong kind.
 *
 * @example
 * ```ts
 * import { GETALL, GETVAL, IPC_PRIVATE, IPC_RMID, semctl, semget, SETVAL } from "./mod.ts";
 *
 * const id = semget(IPC_PRIVATE, 2, 0o600);
 * semctl(id, 1, SETVAL, 5);
 * console.log(semctl(id, 1, GETVAL)); // 5
 * const values = new Uint16Array(2);
 * semctl(id, 0, GETALL, values);
 * console.log(values); // Uint16Array(2) [ 0, 5 ]
 * semctl(id, 0, IPC_RMID);
 * ```
 */
export function semctl(
  semid: number,
  semnum: number,
  cmd: number,
  arg?: number | Uint16Array | semid_ds | seminfo | null,
): number {
  if (arg === undefined) arg = null;
  semid = asInt(semid, "semctl", "semid");
  semnum = asInt(semnum, "semctl", "semnum");
  cmd = asInt(cmd, "semctl", "cmd");
  let result: number;
  switch (cmd) {
    case GETALL:
    case SETALL:
    case IPC_STAT:
    case IPC_SET:
    case SEM_STAT:
    case SEM_STAT_ANY:
    case IPC_INFO:
    case SEM_INFO:
      result = c.semctl_memory(semid, semnum, cmd, argument(semid, cmd, arg));
      break;
    case SETVAL:
      result = c.semctl(semid, semnum, cmd, asLong(asInt(arg as number, "semctl", "arg"), "semctl", "arg"));
      break;
    default:
      result = c.semctl(semid, semnum, cmd, 0n);
  }
  if (result < 0) throw new LibcError("semctl", errno(), `semid ${semid}, semaphore ${semnum}`);
  return result;
}
