/**
 * `<sys/ipc.h>` and the permission bits of `<sys/stat.h>`: what the three kinds of System V objects share.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { int } from "../../native/check.ts";
import { cstring, errno, libc } from "../../native/libc.ts";

export { ipc_perm } from "../../native/structs.ts";

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

/** The owner may read. */
export const S_IRUSR = 0o400;
/** The owner may write. */
export const S_IWUSR = 0o200;
/** The group may read. */
export const S_IRGRP = 0o040;
/** The group may write. */
export const S_IWGRP = 0o020;
/** Others may read. */
export const S_IROTH = 0o004;
/** Others may write. */
export const S_IWOTH = 0o002;

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
 * import { ftok } from "@ipc/playground";
 *
 * const key = ftok("/etc/passwd", 1);
 * console.log(key === ftok("/etc/passwd", 1)); // true
 * ```
 */
export function ftok(pathname: string, proj_id: number): number {
  const path = cstring(pathname, "ftok", "pathname");
  const key = libc.ftok(path, int(proj_id, "ftok", "proj_id"));
  if (key === -1) throw new LibcError("ftok", errno(), pathname);
  return key;
}
