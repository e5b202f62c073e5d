/**
 * `<sys/shm.h>`: shared memory segments.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt, asKey, asSize, keyText } from "../../native/check.ts";
import { call, header } from "../../native/header.ts";
import { address, by, filled, flags, i32, id, long, oneOf, size, u64 } from "../../native/kinds.ts";
import { layout, layoutOf, memberOf, nested, settable, Struct, struct, structBytes } from "../../native/layout.ts";
import { errno, isFailed } from "../../native/libc.ts";
import { attach, detach, type Memory, populate, type ReadOnlyMemory } from "../../native/memory.ts";
import { own } from "../../native/own.ts";
import { IPC_CREAT, IPC_EXCL, IPC_INFO, ipc_perm, IPC_PRIVATE, IPC_RMID, IPC_SET, IPC_STAT } from "./ipc.ts";

export { type Memory, ReadOnlyMemory } from "../../native/memory.ts";

/** `shmat`: attach for reading only. */
export const SHM_RDONLY = 0o10000;
/** `shmget`: use huge pages, which {@linkcode shmat} takes all at once. */
export const SHM_HUGETLB = 0o4000;
/** `shmget`: reserve no swap space, and with `SHM_HUGETLB` no huge pages. */
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

/** What the kernel knows about a segment, `struct shmid_ds` of `shmctl(2)`. */
export class shmid_ds extends Struct {
  /** Owner, creator and permissions. */
  declare readonly shm_perm: ipc_perm;
  /** Size in bytes, as asked for when the segment was made. */
  declare readonly shm_segsz: number;
  /** When it was last attached, in seconds since 1970; 0 for never. */
  declare readonly shm_atime: number;
  /** When it was last detached, in seconds since 1970; 0 for never. */
  declare readonly shm_dtime: number;
  /** When it was made or last changed by `IPC_SET`, in seconds since 1970. */
  declare readonly shm_ctime: number;
  /** The process that made it. */
  declare readonly shm_cpid: number;
  /** The process that last attached or detached it; 0 for none. */
  declare readonly shm_lpid: number;
  /** How many times it is attached now. */
  declare readonly shm_nattch: number;
}
layout(shmid_ds, "shmctl", {
  shm_perm: nested(ipc_perm),
  shm_segsz: long,
  shm_atime: long,
  shm_dtime: long,
  shm_ctime: long,
  shm_cpid: i32,
  shm_lpid: i32,
  shm_nattch: long,
  __glibc_reserved5: u64,
  __glibc_reserved6: u64,
}, []);

/** The system's limits for segments, `struct shminfo` of `shmctl(2)`, by `IPC_INFO`. */
export class shminfo extends Struct {
  /** The largest segment, in bytes; a bigint, as it is near 2^64 by default. */
  declare readonly shmmax: bigint;
  /** The smallest segment, in bytes. */
  declare readonly shmmin: number;
  /** How many segments there may be. */
  declare readonly shmmni: number;
  /** How many segments a process may attach; unused by Linux. */
  declare readonly shmseg: number;
  /** How much shared memory there may be, in pages; a bigint, as it is near 2^64 by default. */
  declare readonly shmall: bigint;
}
layout(shminfo, "shmctl", {
  shmmax: u64,
  shmmin: long,
  shmmni: long,
  shmseg: long,
  shmall: u64,
  __glibc_reserved_1: u64,
  __glibc_reserved_2: u64,
  __glibc_reserved_3: u64,
  __glibc_reserved_4: u64,
}, []);

/** What the system's segments use, `struct shm_info` of `shmctl(2)`, by `SHM_INFO`. */
export class shm_info extends Struct {
  /** How many segments there are. */
  declare readonly used_ids: number;
  /** All segments together, in pages. */
  declare readonly shm_tot: number;
  /** How much of that is in memory, in pages. */
  declare readonly shm_rss: number;
  /** How much of that is swapped out, in pages. */
  declare readonly shm_swp: number;
}
layout(shm_info, "shmctl", {
  used_ids: i32,
  shm_tot: long,
  shm_rss: long,
  shm_swp: long,
  __swap_attempts: u64,
  __swap_successes: u64,
}, []);

const stat = filled(struct(shmid_ds));
const buf = by("cmd", {
  [IPC_STAT]: stat,
  [SHM_STAT]: stat,
  [SHM_STAT_ANY]: stat,
  [IPC_SET]: settable(shmid_ds),
  [IPC_INFO]: filled(struct(shminfo)),
  [SHM_INFO]: filled(struct(shm_info)),
});
const cmd = oneOf({
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  IPC_INFO,
  SHM_LOCK,
  SHM_UNLOCK,
  SHM_STAT,
  SHM_INFO,
  SHM_STAT_ANY,
}, 16);
const shmflg = flags({ IPC_CREAT, IPC_EXCL, SHM_HUGETLB, SHM_NORESERVE }, { radix: 8 });

const SIZE = {
  shmid_ds: layoutOf(shmid_ds).size,
  shminfo: layoutOf(shminfo).size,
  shm_info: layoutOf(shm_info).size,
};

const c = header({
  shmget: call(id, [["key", oneOf({ IPC_PRIVATE }, 16)], ["size", size], ["shmflg", shmflg]]),
  shmat: call(address, [["shmid", id], ["shmaddr", address], ["shmflg", flags({ SHM_RDONLY }, { radix: 16 })]]),
  shmdt: call(i32, [["shmaddr", address]]),
  shmctl: call(i32, [["shmid", id], ["cmd", cmd], ["buf", buf]]),
});

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
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, shmctl, shmget } from "./mod.ts";
 *
 * const id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0o600);
 * shmctl(id, IPC_RMID);
 * ```
 */
export function shmget(key: number, size: number, shmflg: number): number {
  const id = c.shmget(asKey(key, "shmget"), asSize(size, "shmget", "size"), asInt(shmflg, "shmget", "shmflg"));
  if (id < 0) throw new LibcError("shmget", errno(), `${keyText(key)}, ${size} bytes`);
  return id;
}

/**
 * Attaches a segment, `shmat(2)`.
 *
 * The array is the memory itself: what it holds changes when another process writes there. It ends with {@linkcode shmdt};
 * its length is what the kernel says.
 *
 * The kernel gives a segment its pages when they are first touched. If it has promised more than there is, it ends some
 * process then (`SIGKILL`, see `/proc/sys/vm/overcommit_memory`); nothing can be done about that here. Huge pages, of which
 * it says so by a signal too, are all taken by `shmat` itself, which fails if there are too few (Linux 5.14 or later).
 *
 * @param shmid The segment's id.
 * @param shmaddr Always `null`: the kernel chooses the address.
 * @param shmflg `0`, or `SHM_RDONLY`, which gives a {@linkcode ReadOnlyMemory}.
 * @returns The segment's bytes.
 * @throws {LibcError} `EINVAL` no such segment; `EACCES`; `ENOMEM`, also too few huge pages; `EHWPOISON` broken memory.
 *
 * @example
 * ```ts
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, shmat, shmctl, shmdt, shmget } from "./mod.ts";
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
  shmid = asInt(shmid, "shmat", "shmid");
  const flags = asInt(shmflg, "shmat", "shmflg");
  const address = c.shmat(shmid, null, flags);
  if (isFailed(address)) throw new LibcError("shmat", errno(), `shmid ${shmid}`);
  try {
    // the length is the kernel's
    const ds = new shmid_ds();
    const bytes = structBytes(ds, SIZE.shmid_ds, "shmat", "shmid_ds");
    if (own.shmctl(shmid, IPC_STAT, bytes) < 0) throw new LibcError("shmat", errno(), `shmid ${shmid}`);
    const length = memberOf(shmid_ds, ds, "shm_segsz");
    const readOnly = (flags & SHM_RDONLY) !== 0;
    populate(address, length, readOnly, "shmat", `shmid ${shmid}`);
    return attach(address, length, readOnly ? "read" : "write", { shmid });
  } catch (error) {
    own.shmdt(address);
    throw error;
  }
}

/**
 * Detaches a segment, `shmdt(2)`. Every array over it is empty from then on.
 *
 * Other threads don't hear of that: **don't detach while a call that was given such an array is still under way on one**,
 * such as the asynchronous `pbkdf2` and `scrypt` of `node:crypto`, which end the process then, or `read` of `node:fs` and of
 * a `Deno.FsFile`, which write to whatever lies there by then. Await it first, or give it a copy: `shm.slice()`.
 *
 * @param shmaddr What {@linkcode shmat} gave.
 * @throws {LibcError} `EINVAL` not attached, or its buffer was transferred to somebody else.
 *
 * @example
 * ```ts
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, shmat, shmctl, shmdt, shmget } from "./mod.ts";
 *
 * const id = shmget(IPC_PRIVATE, 27, IPC_CREAT | 0o600);
 * const shm = shmat(id);
 * shmdt(shm);
 * console.log(shm.length, shm[0]); // 0 undefined
 * shmctl(id, IPC_RMID);
 * ```
 */
export function shmdt(shmaddr: Memory): void {
  if (c.shmdt(detach(shmaddr, "shmdt", "segment").address) < 0) throw new LibcError("shmdt", errno());
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
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, IPC_STAT, shmctl, shmget, shmid_ds } from "./mod.ts";
 *
 * const id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0o600);
 * const ds = new shmid_ds();
 * shmctl(id, IPC_STAT, ds);
 * console.log(ds.shm_segsz, ds.shm_nattch, ds.shm_perm.mode.toString(8)); // 4096 0 600
 * shmctl(id, IPC_RMID);
 * ```
 */
export function shmctl(shmid: number, cmd: number, buf?: shmid_ds | shminfo | shm_info | null): number {
  if (buf === undefined) buf = null;
  const needed = cmd === SHM_INFO ? SIZE.shm_info : cmd === IPC_INFO ? SIZE.shminfo : SIZE.shmid_ds;
  const bytes = buf === null ? null : structBytes(buf, needed, "shmctl", "buf");
  // a buffer of nobody's is not for the kernel to find out: it would write into the void and say EFAULT only with luck
  if (
    bytes === null &&
    (cmd === IPC_STAT || cmd === IPC_SET || cmd === IPC_INFO || cmd === SHM_INFO || cmd === SHM_STAT ||
      cmd === SHM_STAT_ANY)
  ) {
    throw new LibcError("shmctl", "EFAULT", "this command needs a structure");
  }
  const result = c.shmctl(asInt(shmid, "shmctl", "shmid"), asInt(cmd, "shmctl", "cmd"), bytes);
  if (result < 0) throw new LibcError("shmctl", errno(), `shmid ${shmid}`);
  return result;
}
