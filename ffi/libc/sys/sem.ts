/**
 * `<sys/sem.h>`: semaphore sets.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { byteLengthOf, isBytes, isWords } from "../../native/bytes.ts";
import { int, key as asKey, keyText, long, size } from "../../native/check.ts";
import { errno, libc, raw } from "../../native/libc.ts";
import { bytesOf, layouts, type sembuf, semid_ds, type seminfo } from "../../native/structs.ts";
import { IPC_INFO, IPC_SET, IPC_STAT } from "./ipc.ts";

export { sembuf, semid_ds, seminfo } from "../../native/structs.ts";

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
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, semctl, semget } from "@ipc/playground";
 *
 * const id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0o600);
 * semctl(id, 0, IPC_RMID);
 * ```
 */
export function semget(key: number, nsems: number, semflg: number): number {
  const id = libc.semget(asKey(key, "semget"), int(nsems, "semget", "nsems"), int(semflg, "semget", "semflg"));
  if (id < 0) throw new LibcError("semget", errno(), `${keyText(key)}, ${nsems} semaphores`);
  return id;
}

/** The operations' bytes. How many there are is told from these, so that the kernel never reads beyond them. */
function operations(sops: sembuf, syscall: string): Uint8Array<ArrayBuffer> {
  const bytes = sops?.bytes;
  if (isBytes(bytes)) return bytes;
  throw new LibcError(syscall, "EFAULT", `sops must be a sembuf, got ${Deno.inspect(sops)}`);
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
 * import { IPC_PRIVATE, IPC_RMID, SEM_UNDO, sembuf, semctl, semget, semop } from "@ipc/playground";
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
  const nsops = size(byteLengthOf(bytes) / layouts.sembuf.size >>> 0, "semop", "nsops");
  if (libc.semop(int(semid, "semop", "semid"), bytes, nsops) < 0) {
    throw new LibcError("semop", errno(), `semid ${semid}, ${nsops} operations`);
  }
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
 * import { IPC_PRIVATE, IPC_RMID, LibcError, sembuf, semctl, semget, semtimedop } from "@ipc/playground";
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
  const nsops = size(byteLengthOf(bytes) / layouts.sembuf.size >>> 0, "semtimedop", "nsops");
  let until: BigInt64Array<ArrayBuffer> | null = null;
  if (timeout !== null) {
    if (typeof timeout !== "number" || !(timeout >= 0 && timeout <= Number.MAX_SAFE_INTEGER)) {
      throw new LibcError("semtimedop", "EINVAL", `timeout must be seconds or null, got ${Deno.inspect(timeout)}`);
    }
    const seconds = Math.floor(timeout);
    const timespec = new BigInt64Array(2);
    timespec[0] = BigInt(seconds);
    timespec[1] = BigInt(Math.floor((timeout - seconds) * 1e9)); // rounding up could give a whole second, which is EINVAL
    until = timespec;
  }
  if (libc.semtimedop(int(semid, "semtimedop", "semid"), bytes, nsops, until) < 0) {
    throw new LibcError(
      "semtimedop",
      errno(),
      `semid ${semid}, ${nsops} operations, ${timeout ?? "unlimited"} seconds`,
    );
  }
}

const SLOT = 0x7fff; // the part of an id that is its place in the kernel's table

/** How many semaphores a set has, also where one may change but not read it: `SEM_STAT_ANY` asks for no permission. */
function semaphores(semid: number): number {
  const ds = new semid_ds();
  if (raw.semctl_buf(semid, 0, IPC_STAT, ds.bytes) === 0) return ds.sem_nsems;
  const failed = new LibcError("semctl", errno(), `semid ${semid}`);
  if (failed.code === "EACCES" && raw.semctl_buf(semid & SLOT, 0, SEM_STAT_ANY, ds.bytes) === semid) {
    return ds.sem_nsems;
  }
  throw failed;
}

/** The memory that a command works on. */
function argument(semid: number, cmd: number, arg: unknown): Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  if (cmd !== GETALL && cmd !== SETALL) {
    const needed = cmd === IPC_INFO || cmd === SEM_INFO ? layouts.seminfo.size : layouts.semid_ds.size;
    return bytesOf(arg as semid_ds, needed, "semctl", "arg");
  }
  if (!isWords(arg)) {
    throw new LibcError("semctl", "EFAULT", `arg must be a Uint16Array, got ${Deno.inspect(arg)}`);
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
 * import { GETALL, GETVAL, IPC_PRIVATE, IPC_RMID, semctl, semget, SETVAL } from "@ipc/playground";
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
  arg: number | Uint16Array | semid_ds | seminfo | null = null,
): number {
  int(semid, "semctl", "semid");
  int(semnum, "semctl", "semnum");
  let result: number;
  switch (int(cmd, "semctl", "cmd")) {
    case GETALL:
    case SETALL:
    case IPC_STAT:
    case IPC_SET:
    case SEM_STAT:
    case SEM_STAT_ANY:
    case IPC_INFO:
    case SEM_INFO:
      result = libc.semctl_buf(semid, semnum, cmd, argument(semid, cmd, arg));
      break;
    case SETVAL:
      result = libc.semctl(semid, semnum, cmd, long(int(arg as number, "semctl", "arg"), "semctl", "arg"));
      break;
    default:
      result = libc.semctl(semid, semnum, cmd, 0n);
  }
  if (result < 0) throw new LibcError("semctl", errno(), `semid ${semid}, semaphore ${semnum}`);
  return result;
}
