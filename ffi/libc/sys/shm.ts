/**
 * `<sys/shm.h>`: shared memory segments.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { int, key as asKey, keyText, size as asSize } from "../../native/check.ts";
import { errno, libc } from "../../native/libc.ts";
import { access, attach, detach, type Memory, type ReadOnlyMemory } from "../../native/memory.ts";
import { bytesOf, layouts, type shm_info, type shmid_ds, type shminfo } from "../../native/structs.ts";
import { IPC_INFO, IPC_SET, IPC_STAT } from "./ipc.ts";

export { type Memory, ReadOnlyMemory } from "../../native/memory.ts";
export { shm_info, shmid_ds, shminfo } from "../../native/structs.ts";

/** `shmat`: attach for reading only. */
export const SHM_RDONLY = 0o10000;
/** `shmget`: use huge pages. */
export const SHM_HUGETLB = 0o4000;
/** `shmget`: reserve no swap space. */
export const SHM_NORESERVE = 0o10000;
/** In `shm_perm.mode`: removed, and gone when the last process detaches. */
export const SHM_DEST = 0o1000;
/** In `shm_perm.mode`: locked in memory. */
export const SHM_LOCKED = 0o2000;
/** `shmctl`: keep the segment out of swap. */
export const SHM_LOCK = 11;
/** `shmctl`: let it be swapped again. */
export const SHM_UNLOCK = 12;
/** `shmctl`: what the segment in a slot of the kernel's table is, and its id. */
export const SHM_STAT = 13;
/** `shmctl`: what all segments use, and the highest slot in use. */
export const SHM_INFO = 14;
/** `shmctl`: as `SHM_STAT`, for segments that one may not read, too. */
export const SHM_STAT_ANY = 15;

/**
 * Finds or makes a segment, `shmget(2)`.
 *
 * @param key A number that the processes have agreed on, or `IPC_PRIVATE`.
 * @param size Size in bytes; for a segment that exists, at most its size.
 * @param shmflg Permissions such as `0o600`, with `IPC_CREAT` and `IPC_EXCL`.
 * @returns The segment's id.
 * @throws {LibcError} `ENOENT` there is none; `EEXIST` with `IPC_EXCL`; `EACCES`; `EINVAL` a size of 0, above the
 * limit, or above an existing segment's; `ENOMEM`; `ENOSPC`.
 *
 * @example
 * ```ts
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, shmctl, shmget } from "@ipc/playground";
 *
 * const id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0o600);
 * shmctl(id, IPC_RMID);
 * ```
 */
export function shmget(key: number, size: number, shmflg: number): number {
  const id = libc.shmget(asKey(key, "shmget"), asSize(size, "shmget", "size"), int(shmflg, "shmget", "shmflg"));
  if (id < 0) throw new LibcError("shmget", errno(), `${keyText(key)}, ${size} bytes`);
  return id;
}

/**
 * Attaches a segment, `shmat(2)`.
 *
 * The array is the memory itself: what it holds changes when another process writes there. It ends with {@linkcode shmdt};
 * its length is what the kernel says.
 *
 * @param shmid The segment's id.
 * @param shmaddr Always `null`: the kernel chooses the address.
 * @param shmflg `0`, or `SHM_RDONLY`, which gives a {@linkcode ReadOnlyMemory}.
 * @returns The segment's bytes.
 * @throws {LibcError} `EINVAL` no such segment; `EACCES`; `ENOMEM`.
 *
 * @example
 * ```ts
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, shmat, shmctl, shmdt, shmget } from "@ipc/playground";
 *
 * const id = shmget(IPC_PRIVATE, 27, IPC_CREAT | 0o600);
 * const shm = shmat(id, null, 0);
 * shm[0] = 42;
 * shmdt(shm);
 * shmctl(id, IPC_RMID);
 * ```
 */
export function shmat(shmid: number, shmaddr: null, shmflg: typeof SHM_RDONLY): ReadOnlyMemory;
/** Attaches a segment for reading and writing. */
export function shmat(shmid: number, shmaddr?: null, shmflg?: 0): Uint8Array<ArrayBuffer>;
/** Attaches a segment with flags that are only known when the program runs. */
export function shmat(shmid: number, shmaddr: null, shmflg: number): Memory;
export function shmat(shmid: number, shmaddr: null = null, shmflg: number = 0): Memory {
  if (shmaddr !== null) throw new LibcError("shmat", "EINVAL", "shmaddr must be null");
  return attach(shmid, shmflg);
}

/**
 * Detaches a segment, `shmdt(2)`. Every array over it is empty from then on.
 *
 * @param shmaddr What {@linkcode shmat} gave.
 * @throws {LibcError} `EINVAL` not attached, or its buffer was transferred to somebody else.
 *
 * @example
 * ```ts
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, shmat, shmctl, shmdt, shmget } from "@ipc/playground";
 *
 * const id = shmget(IPC_PRIVATE, 27, IPC_CREAT | 0o600);
 * const shm = shmat(id);
 * shmdt(shm);
 * console.log(shm.length, shm[0]); // 0 undefined
 * shmctl(id, IPC_RMID);
 * ```
 */
export function shmdt(shmaddr: Memory): void {
  detach(shmaddr);
}

/**
 * Controls a segment, `shmctl(2)`.
 *
 * @param shmid The segment's id; for `SHM_STAT` and `SHM_STAT_ANY` a slot of the kernel's table; for `IPC_INFO` and
 * `SHM_INFO` anything.
 * @param cmd `IPC_STAT`, `IPC_SET`, `IPC_RMID`, `SHM_LOCK`, `SHM_UNLOCK`, `SHM_STAT`, `SHM_STAT_ANY`, `IPC_INFO` or `SHM_INFO`.
 * @param buf What is read or filled: {@linkcode shmid_ds}, for `IPC_INFO` {@linkcode shminfo}, for `SHM_INFO` {@linkcode shm_info}.
 * @returns For `SHM_STAT` and `SHM_STAT_ANY` the id, for `IPC_INFO` and `SHM_INFO` the highest slot in use, else 0.
 * @throws {LibcError} `EINVAL` no such segment or command; `EIDRM`; `EACCES`; `EPERM`; `EFAULT` the wrong structure.
 *
 * @example
 * ```ts
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, IPC_STAT, shmctl, shmget, shmid_ds } from "@ipc/playground";
 *
 * const id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0o600);
 * const ds = new shmid_ds();
 * shmctl(id, IPC_STAT, ds);
 * console.log(ds.shm_segsz, ds.shm_nattch, ds.shm_perm.mode.toString(8)); // 4096 0 600
 * shmctl(id, IPC_RMID);
 * ```
 */
export function shmctl(shmid: number, cmd: number, buf: shmid_ds | shminfo | shm_info | null = null): number {
  const bytes = buf === null ? null : bytesOf(
    buf,
    cmd === SHM_INFO ? layouts.shm_info.size : cmd === IPC_INFO ? layouts.shminfo.size : layouts.shmid_ds.size,
    "shmctl",
    "buf",
  );
  // a buffer of nobody's is not for the kernel to find out: it would write into the void and say EFAULT only with luck
  if (
    bytes === null &&
    (cmd === IPC_STAT || cmd === IPC_SET || cmd === IPC_INFO || cmd === SHM_INFO || cmd === SHM_STAT ||
      cmd === SHM_STAT_ANY)
  ) {
    throw new LibcError("shmctl", "EFAULT", "this command needs a structure");
  }
  const result = libc.shmctl(int(shmid, "shmctl", "shmid"), int(cmd, "shmctl", "cmd"), bytes);
  if (result < 0) throw new LibcError("shmctl", errno(), `shmid ${shmid}`);
  return result;
}

/**
 * Reads one byte of a segment, afresh: what `*(volatile char *)(shm + offset)` is in C. A loop that waits for
 * another process's write needs this (or `Atomics.load`), as the compiler may keep a plain `shm[0]` in a register. Shows in traces.
 *
 * @param shm What {@linkcode shmat} gave.
 * @param offset Which byte.
 * @returns The byte.
 * @throws {LibcError} `EINVAL` outside of the segment, or detached.
 *
 * @example
 * ```ts
 * import { IPC_PRIVATE, IPC_RMID, peek, poke, shmat, shmctl, shmdt, shmget } from "@ipc/playground";
 *
 * const id = shmget(IPC_PRIVATE, 1, 0o600);
 * const shm = shmat(id);
 * poke(shm, 0, "*");
 * console.log(peek(shm, 0) === "*".charCodeAt(0)); // true
 * shmdt(shm);
 * shmctl(id, IPC_RMID);
 * ```
 */
export function peek(shm: Memory, offset: number): number {
  return access.load(shm, offset);
}

/**
 * Writes one byte of a segment, so that other processes see it: `shm[offset] = byte` in C. Shows in traces.
 *
 * @param shm What {@linkcode shmat} gave.
 * @param offset Which byte.
 * @param byte A number of which the lowest 8 bits count, or a character.
 * @throws {LibcError} `EINVAL` outside of the segment, or detached, or not a byte; `EACCES` attached read-only.
 *
 * @example See {@linkcode peek}.
 */
export function poke(shm: Uint8Array, offset: number, byte: number | string): void {
  const value = typeof byte === "string" ? byte.charCodeAt(0) : byte;
  if (!Number.isInteger(value) || typeof byte === "string" && value > 0xff) {
    throw new LibcError(
      "shmat",
      "EINVAL",
      `byte must be an integer or a character of one byte, got ${Deno.inspect(byte)}`,
    );
  }
  access.store(shm, offset, value);
}
