/**
 * `<sys/ipc.h>` and the permission bits of `<sys/stat.h>`: what the three kinds of System V objects share.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt } from "../../native/check.ts";
import { call, header } from "../../native/header.ts";
import { as, cName, i32, mode, string, u16, u32, u64 } from "../../native/kinds.ts";
import { layout, Struct } from "../../native/layout.ts";
import { cstring, errno } from "../../native/libc.ts";

const c = header({
  ftok: call(i32, [["pathname", string], ["proj_id", i32]]),
});

/**
 * Who owns an IPC object and who may use it: `struct ipc_perm`, the first member of
 * {@linkcode shmid_ds}, {@linkcode msqid_ds} and {@linkcode semid_ds}; see `svipc(7)`.
 */
export class ipc_perm extends Struct {
  /** The key that the object was made with, `0` for `IPC_PRIVATE`. */
  declare readonly key: number;
  /** The owner's user id; `IPC_SET` changes it. */
  declare uid: number;
  /** The owner's group id; `IPC_SET` changes it. */
  declare gid: number;
  /** The creator's user id. */
  declare readonly cuid: number;
  /** The creator's group id. */
  declare readonly cgid: number;
  /** Permission bits, such as `0o600`; for segments also `SHM_DEST` and `SHM_LOCKED`. `IPC_SET` changes the lower nine. */
  declare mode: number;
  /** The sequence number that makes ids of reused slots differ. */
  declare readonly seq: number;
}
layout(ipc_perm, "shmctl", {
  key: cName("__key", i32),
  uid: u32,
  gid: u32,
  cuid: u32,
  cgid: u32,
  mode: as(u16, mode),
  __pad1: u16,
  seq: cName("__seq", u16),
  __pad2: u16,
  __glibc_reserved1: u64,
  __glibc_reserved2: u64,
}, ["uid", "gid", "mode"]);

/** Make the object if there is none with this key. */
export const IPC_CREAT = 0o1000;
/** With `IPC_CREAT`: fail with `EEXIST` if there is one already. */
export const IPC_EXCL = 0o2000;
/** Fail instead of waiting. */
export const IPC_NOWAIT = 0o4000;
/** The key of objects without a key: each `get` makes a new one. */
export const IPC_PRIVATE = 0;
/** Remove the object. */
export const IPC_RMID = 0;
/** Change owner, group and permissions. */
export const IPC_SET = 1;
/** Ask what the kernel knows about the object. */
export const IPC_STAT = 2;
/** Ask for the system's limits. */
export const IPC_INFO = 3;

/**
 * Makes a key from a file and a number, `ftok(3)`.
 *
 * Two programs that name the same file get the same key, but not nobody else does: the key holds 16 bits of the
 * inode, 8 of the device and 8 of `proj_id`, so different files can collide.
 *
 * @param pathname A file that exists and can be seen.
 * @param proj_id Tells keys from the same file apart; only its lowest 8 bits count, and they must not be 0.
 * @returns The key.
 * @throws {LibcError} `ENOENT`, `EACCES`, `ENOTDIR` … as for `stat(2)`.
 *
 * @example
 * ```ts
 * import { ftok } from "./mod.ts";
 *
 * const key = ftok("/etc/passwd", 1);
 * console.log(key === ftok("/etc/passwd", 1)); // true
 * ```
 */
export function ftok(pathname: string, proj_id: number): number {
  const path = cstring(pathname, "ftok", "pathname");
  const key = c.ftok(path, asInt(proj_id, "ftok", "proj_id"));
  if (key === -1) throw new LibcError("ftok", errno(), pathname);
  return key;
}
