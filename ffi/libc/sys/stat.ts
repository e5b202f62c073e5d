/**
 * `<sys/stat.h>`: what files are, and who may do what with them.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt } from "../../native/check.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { call, header } from "../../native/header.ts";
import { as, char, filled, flags, i32, id, long, mode, only, size, string, u32, u64 } from "../../native/kinds.ts";
import { layout, layoutOf, nested, Struct, struct, structBytes } from "../../native/layout.ts";
import { cstring, errno } from "../../native/libc.ts";
import { timespec } from "../time.ts";

/** The bits of `st_mode` that are the kind of file. */
export const S_IFMT = 0o170000;
/** A socket. */
export const S_IFSOCK = 0o140000;
/** A symbolic link. */
export const S_IFLNK = 0o120000;
/** A regular file. */
export const S_IFREG = 0o100000;
/** A block device. */
export const S_IFBLK = 0o60000;
/** A directory. */
export const S_IFDIR = 0o40000;
/** A character device. */
export const S_IFCHR = 0o20000;
/** A FIFO, or a pipe. */
export const S_IFIFO = 0o10000;
/** Runs as the file's owner. */
export const S_ISUID = 0o4000;
/** Runs as the file's group; what is made in such a directory has its group. */
export const S_ISGID = 0o2000;
/** Of such a directory, only owners remove their files. */
export const S_ISVTX = 0o1000;
/** The owner may read, write and execute. */
export const S_IRWXU = 0o700;
/** The owner may read. */
export const S_IRUSR = 0o400;
/** The owner may write. */
export const S_IWUSR = 0o200;
/** The owner may execute, or look names up in the directory. */
export const S_IXUSR = 0o100;
/** The group may read, write and execute. */
export const S_IRWXG = 0o70;
/** The group may read. */
export const S_IRGRP = 0o40;
/** The group may write. */
export const S_IWGRP = 0o20;
/** The group may execute. */
export const S_IXGRP = 0o10;
/** Others may read, write and execute. */
export const S_IRWXO = 0o7;
/** Others may read. */
export const S_IROTH = 0o4;
/** Others may write. */
export const S_IWOTH = 0o2;
/** Others may execute. */
export const S_IXOTH = 0o1;

const kindAndMode = flags({
  S_IFSOCK,
  S_IFLNK,
  S_IFREG,
  S_IFBLK,
  S_IFDIR,
  S_IFCHR,
  S_IFIFO,
  S_ISUID,
  S_ISGID,
  S_ISVTX,
}, { radix: 8, mask: S_IFMT });

/**
 * What the kernel knows about a file, `struct stat` of `stat(3type)`.
 *
 * @example See {@linkcode fstat}.
 */
export class struct_stat extends Struct {
  /** The device that it is on. */
  declare readonly st_dev: number;
  /** Its number there, exactly: some file systems use all 64 bits. */
  declare readonly st_ino: bigint;
  /** How many names it has. */
  declare readonly st_nlink: number;
  /** What kind of file it is, `st_mode & S_IFMT`, and its permissions. */
  declare readonly st_mode: number;
  /** The owner. */
  declare readonly st_uid: number;
  /** The group. */
  declare readonly st_gid: number;
  /** The device that it is, if it is one. */
  declare readonly st_rdev: number;
  /** Its size in bytes. */
  declare readonly st_size: number;
  /** How many bytes are best read or written at a time. */
  declare readonly st_blksize: number;
  /** How many blocks of 512 bytes it takes. */
  declare readonly st_blocks: number;
  /** When it was last read. */
  declare readonly st_atim: timespec;
  /** When it was last written. */
  declare readonly st_mtim: timespec;
  /** When it, or what is known of it, was last changed. */
  declare readonly st_ctim: timespec;
}
layout(struct_stat, "fstat", {
  st_dev: size,
  st_ino: u64,
  st_nlink: only("x86_64", size),
  st_mode: as(u32, kindAndMode),
  st_nlink_: only("aarch64", u32, "st_nlink"),
  st_uid: u32,
  st_gid: u32,
  __pad0: only("x86_64", i32),
  st_rdev: size,
  __pad1: only("aarch64", u64),
  st_size: long,
  st_blksize: only("x86_64", long),
  st_blksize_: only("aarch64", i32, "st_blksize"),
  __pad2: only("aarch64", i32),
  st_blocks: long,
  st_atim: nested(timespec),
  st_mtim: nested(timespec),
  st_ctim: nested(timespec),
  __glibc_reserved: only("x86_64", char(24)),
  __glibc_reserved_: only("aarch64", char(8)),
}, []);
const STAT = layoutOf(struct_stat).size;

const c = header({
  // libc has a function of this name since 2.33 only
  fstat: call(i32, [["fd", id], ["statbuf", filled(struct(struct_stat))]], { syscall: { x86_64: 5, aarch64: 80 } }),
  mkfifo: call(i32, [["pathname", string], ["mode", mode]]),
  chmod: call(i32, [["pathname", string], ["mode", mode]]),
  fchmod: call(i32, [["fd", id], ["mode", mode]]),
  umask: call(mode, [["mask", mode]]),
});

/**
 * Asks what is known about an open file, `fstat(2)`.
 *
 * @param fd A descriptor of it.
 * @param statbuf What to fill.
 * @throws {LibcError} `EBADF`; `EFAULT` `statbuf` is no {@linkcode struct_stat}; `ENOMEM`; `EOVERFLOW`.
 *
 * @example
 * ```ts
 * import { close, fstat, pipe, S_IFIFO, S_IFMT, struct_stat } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * const statbuf = new struct_stat();
 * fstat(reader, statbuf);
 * console.log((statbuf.st_mode & S_IFMT) === S_IFIFO); // true
 * close(reader);
 * close(writer);
 * ```
 */
export function fstat(fd: number, statbuf: struct_stat): void {
  fd = asFd(fd, "fstat");
  if (c.fstat(fd, structBytes(statbuf, STAT, "fstat", "statbuf")) < 0) {
    throw new LibcError("fstat", errno(), `descriptor ${fd}`);
  }
}

/**
 * Makes a FIFO, `mkfifo(3)`: a pipe with a name. `open` waits until there is somebody at the other end.
 *
 * @param pathname Its name.
 * @param mode Its permissions, less those of {@linkcode umask}; 0600 unless given.
 * @throws {LibcError} `EEXIST`; `ENOENT`, `ENOTDIR` the directory is not there; `EACCES`; `EROFS`; `ENAMETOOLONG`; `ENOSPC`.
 *
 * @example
 * ```ts
 * import { close, mkfifo, O_NONBLOCK, O_RDONLY, open, unlink } from "./mod.ts";
 *
 * const name = `/tmp/example-${Deno.pid}`;
 * mkfifo(name);
 * close(open(name, O_RDONLY | O_NONBLOCK));
 * unlink(name);
 * ```
 */
export function mkfifo(pathname: string, mode?: number): void {
  if (mode === undefined) mode = 0o600;
  const path = cstring(pathname, "mkfifo", "pathname");
  if (c.mkfifo(path, asInt(mode, "mkfifo", "mode")) < 0) throw new LibcError("mkfifo", errno(), pathname);
}

/**
 * Sets a file's permissions, `chmod(2)`.
 *
 * @param pathname The file's name; of a symbolic link, what it leads to.
 * @param mode The permissions, such as `0o600`.
 * @throws {LibcError} `EPERM` it is somebody else's; `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `EROFS` …
 *
 * @example
 * ```ts
 * import { chmod } from "./mod.ts";
 *
 * const name = Deno.makeTempFileSync();
 * chmod(name, 0o400);
 * Deno.removeSync(name);
 * ```
 */
export function chmod(pathname: string, mode: number): void {
  const path = cstring(pathname, "chmod", "pathname");
  if (c.chmod(path, asInt(mode, "chmod", "mode")) < 0) throw new LibcError("chmod", errno(), pathname);
}

/**
 * Sets an open file's permissions, `fchmod(2)`. On a unix socket that is not bound yet, those of the file that `bind` will make.
 *
 * @param fd A descriptor of it.
 * @param mode The permissions, such as `0o600`.
 * @throws {LibcError} `EBADF`; `EPERM` it is somebody else's; `EROFS`.
 *
 * @example
 * ```ts
 * import { close, fchmod, pipe } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * fchmod(reader, 0o400);
 * close(reader);
 * close(writer);
 * ```
 */
export function fchmod(fd: number, mode: number): void {
  fd = asFd(fd, "fchmod");
  if (c.fchmod(fd, asInt(mode, "fchmod", "mode")) < 0) throw new LibcError("fchmod", errno(), `descriptor ${fd}`);
}

/**
 * Sets which permissions the files are not to have that this process makes, `umask(2)`.
 *
 * @param mask The permissions, such as `0o077`: nothing for others.
 * @returns What it was before.
 *
 * @example
 * ```ts
 * import { umask } from "./mod.ts";
 *
 * const before = umask(0o077);
 * console.log(umask(before) === 0o077); // true
 * ```
 */
export function umask(mask: number): number {
  return c.umask(asInt(mask, "umask", "mask"));
}
