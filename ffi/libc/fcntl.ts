/**
 * `<fcntl.h>`: opening files, what belongs to a descriptor, and locks on parts of files.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { asInt } from "../native/check.ts";
import { adopt, fd as asFd } from "../native/descriptors.ts";
import { blocking } from "../native/elsewhere.ts";
import { always, call, header } from "../native/header.ts";
import {
  as,
  by,
  type Call,
  descriptor,
  filled,
  flags,
  i16,
  i32,
  id,
  type Kind,
  long,
  mode,
  oneOf,
  string,
} from "../native/kinds.ts";
import { layout, layoutOf, Struct, struct, structBytes } from "../native/layout.ts";
import { cstring, errno, setErrno } from "../native/libc.ts";
import { signalKind } from "./_signals.ts";
import { locks } from "./_locks.ts";
import { SEEK } from "./_seek.ts";

/** Open for reading. */
export const O_RDONLY = 0;
/** Open for writing. */
export const O_WRONLY = 1;
/** Open for both. */
export const O_RDWR = 2;
/** The bits of the three above, in what `F_GETFL` gives. */
export const O_ACCMODE = 3;
/** Make the file if there is none. */
export const O_CREAT = 0o100;
/** With `O_CREAT`: fail with `EEXIST` if there is one. */
export const O_EXCL = 0o200;
/** A terminal does not become the one that the process belongs to. */
export const O_NOCTTY = 0o400;
/** Empty the file. */
export const O_TRUNC = 0o1000;
/** Write at the end, wherever that is at each write. */
export const O_APPEND = 0o2000;
/** Fail with `EAGAIN` instead of waiting. */
export const O_NONBLOCK = 0o4000;
/** A write is back when its bytes, and what is needed to find them, are on the disk. */
export const O_DSYNC = 0o10000;
/** Send a signal when there is something to read or to write; see `F_SETOWN`. Set by `F_SETFL` only. */
export const O_ASYNC = 0o20000;
/** Do not note when the file was read. */
export const O_NOATIME = 0o1000000;
/** Close it on `execve`. */
export const O_CLOEXEC = 0o2000000;
/** A write is back when its bytes, and all that is known of the file, are on the disk. */
export const O_SYNC = 0o4010000;
/** Only a place in the file system, that can be looked at but neither read nor written. */
export const O_PATH = 0o10000000;

const arm = Deno.build.arch === "aarch64";

/** By-pass the kernel's cache; with `pipe2`: each write is a packet of its own. */
export const O_DIRECT: number = arm ? 0o200000 : 0o40000;
/** Fail with `ENOTDIR` if it is no directory. */
export const O_DIRECTORY: number = arm ? 0o40000 : 0o200000;
/** Fail with `ELOOP` if it is a symbolic link. */
export const O_NOFOLLOW: number = arm ? 0o100000 : 0o400000;
/** Make a file without a name in the directory that is given. */
export const O_TMPFILE: number = 0o20000000 | O_DIRECTORY;

/** `fcntl`: a second descriptor, the lowest that is free from `arg` on. */
export const F_DUPFD = 0;
/** `fcntl`: the descriptor's flag, `FD_CLOEXEC` or 0. */
export const F_GETFD = 1;
/** `fcntl`: set the descriptor's flag. */
export const F_SETFD = 2;
/** `fcntl`: how the file was opened, and its flags. */
export const F_GETFL = 3;
/** `fcntl`: set the file's flags: of `O_APPEND`, `O_ASYNC`, `O_DIRECT`, `O_NOATIME` and `O_NONBLOCK`. */
export const F_SETFL = 4;
/** `fcntl`: which lock is in the way of this one; `F_UNLCK` in `l_type` if none is. */
export const F_GETLK = 5;
/** `fcntl`: lock or unlock part of a file for this process; fail with `EAGAIN` where it would have to wait. */
export const F_SETLK = 6;
/** `fcntl`: the same, but wait. */
export const F_SETLKW = 7;
/** `fcntl`: set which process gets the signals of `O_ASYNC`; a negative number is a process group. */
export const F_SETOWN = 8;
/** `fcntl`: which process gets them. */
export const F_GETOWN = 9;
/** `fcntl`: set which signal it is; 0 is `SIGIO`. */
export const F_SETSIG = 10;
/** `fcntl`: which signal it is. */
export const F_GETSIG = 11;
/** `fcntl`: as `F_GETLK`, for locks that belong to what was opened. */
export const F_OFD_GETLK = 36;
/** `fcntl`: as `F_SETLK`, but the lock belongs to what was opened: to all descriptors made from one `open`, and to no other. */
export const F_OFD_SETLK = 37;
/** `fcntl`: the same, but wait. */
export const F_OFD_SETLKW = 38;
/** `fcntl`: as `F_DUPFD`, with `FD_CLOEXEC`. */
export const F_DUPFD_CLOEXEC = 1030;
/** `fcntl`: set how many bytes a pipe holds; the kernel takes no less than a page, and a power of two. */
export const F_SETPIPE_SZ = 1031;
/** `fcntl`: how many bytes a pipe holds. */
export const F_GETPIPE_SZ = 1032;
/** `fcntl`: seal a file of memory; what is sealed stays so. */
export const F_ADD_SEALS = 1033;
/** `fcntl`: what a file of memory is sealed against. */
export const F_GET_SEALS = 1034;

/** The descriptor is closed by `execve`. */
export const FD_CLOEXEC = 1;

/** A lock that others may have, too. */
export const F_RDLCK = 0;
/** A lock that nobody else has. */
export const F_WRLCK = 1;
/** No lock. */
export const F_UNLCK = 2;

/** No more seals. */
export const F_SEAL_SEAL = 0x1;
/** The file does not become shorter. */
export const F_SEAL_SHRINK = 0x2;
/** The file does not become longer. */
export const F_SEAL_GROW = 0x4;
/** Nobody writes to the file. */
export const F_SEAL_WRITE = 0x8;
/** Nobody but through the mappings that there are writes to the file. */
export const F_SEAL_FUTURE_WRITE = 0x10;

/**
 * A lock on part of a file, `struct flock` of `fcntl(2)`.
 *
 * @example See {@linkcode fcntl}.
 */
export class struct_flock extends Struct {
  /** `F_RDLCK`, `F_WRLCK` or `F_UNLCK`. */
  declare l_type: number;
  /** What `l_start` counts from: `SEEK_SET`, `SEEK_CUR` or `SEEK_END`. */
  declare l_whence: number;
  /** Where it begins, in bytes. */
  declare l_start: number;
  /** How many bytes it has; 0 for all up to the end of the file, wherever that comes to be. */
  declare l_len: number;
  /** `F_GETLK`: whose lock it is; -1 for one of `F_OFD_SETLK`. It has to be 0 for the `F_OFD_` commands. */
  declare l_pid: number;

  /**
   * Makes a lock; of the whole file unless more is given.
   *
   * @param type `F_RDLCK`, which it is unless given, `F_WRLCK` or `F_UNLCK`.
   * @param whence What `start` counts from.
   * @param start Where it begins.
   * @param len How many bytes it has; 0 for all up to the end.
   */
  constructor(type?: number, whence?: number, start?: number, len?: number) {
    super();
    this.l_type = type === undefined ? F_RDLCK : type;
    this.l_whence = whence === undefined ? 0 : whence;
    this.l_start = start === undefined ? 0 : start;
    this.l_len = len === undefined ? 0 : len;
  }
}
layout(struct_flock, "fcntl", {
  l_type: as(i16, oneOf({ F_RDLCK, F_WRLCK, F_UNLCK }, 16)),
  l_whence: as(i16, oneOf(SEEK, 16)),
  l_start: long,
  l_len: long,
  l_pid: i32,
});
const FLOCK = layoutOf(struct_flock).size;

// each before those that are part of it
const openFlags = flags({
  O_RDONLY,
  O_WRONLY,
  O_RDWR,
  O_CREAT,
  O_EXCL,
  O_NOCTTY,
  O_TRUNC,
  O_APPEND,
  O_NONBLOCK,
  O_SYNC,
  O_DSYNC,
  O_DIRECT,
  O_NOFOLLOW,
  O_NOATIME,
  O_CLOEXEC,
  O_PATH,
  O_TMPFILE,
  O_DIRECTORY,
  O_ASYNC,
}, { radix: 16, mask: O_ACCMODE });
const seals = flags({ F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE }, { radix: 16 });

const COMMANDS = {
  F_DUPFD,
  F_GETFD,
  F_SETFD,
  F_GETFL,
  F_SETFL,
  F_GETLK,
  F_SETLK,
  F_SETLKW,
  F_SETOWN,
  F_GETOWN,
  F_SETSIG,
  F_GETSIG,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_DUPFD_CLOEXEC,
  F_SETPIPE_SZ,
  F_GETPIPE_SZ,
  F_ADD_SEALS,
  F_GET_SEALS,
};
const cmd = oneOf(COMMANDS, 16);

const numbers: Readonly<Record<number, Kind>> = {
  [F_SETFD]: flags({ FD_CLOEXEC }, { radix: 16 }),
  [F_SETFL]: openFlags,
  [F_SETSIG]: signalKind,
  [F_ADD_SEALS]: seals,
};

/** The number that some commands take. */
const number: Kind<"i32"> = {
  ffi: "i32",
  decode: (value, call, name) => (numbers[Number(call.argument("cmd"))] ?? i32).decode(value, call, name),
};

const lock = struct(struct_flock);
const waits = (call: Call) => [F_SETLKW, F_OFD_SETLKW].includes(Number(call.argument("cmd")));

const LOCK = call(i32, [["fd", id], ["cmd", cmd], [
  "arg",
  by("cmd", {
    [F_GETLK]: filled(lock),
    [F_OFD_GETLK]: filled(lock),
    [F_SETLK]: lock,
    [F_SETLKW]: lock,
    [F_OFD_SETLK]: lock,
    [F_OFD_SETLKW]: lock,
  }),
]], { symbol: "fcntl", waits });

// fcntl(2) is variadic: what its third argument is, the second one says
const c = header({
  open: call(descriptor, [["pathname", string], ["flags", openFlags], ["mode", mode]], { waits: always }),
  fcntl: call(i32, [["fd", id], ["cmd", cmd]]),
  fcntl_number: call(i32, [["fd", id], ["cmd", cmd], ["arg", number]], { symbol: "fcntl" }),
  fcntl_descriptor: call(descriptor, [["fd", id], ["cmd", cmd], ["arg", number]], { symbol: "fcntl" }),
  fcntl_lock: LOCK,
});

/**
 * Opens a file, `open(2)`.
 *
 * @param pathname Its name.
 * @param flags How, such as `O_RDONLY` or `O_WRONLY | O_CREAT`.
 * @param mode Permissions of a file that is made; 0600 unless given.
 * @returns A descriptor.
 * @throws {LibcError} `ENOENT`, `EACCES`, `EEXIST`, `EISDIR`, `EMFILE` …
 *
 * @example
 * ```ts
 * import { close, O_RDONLY, open, read } from "./mod.ts";
 *
 * const fd = open("/proc/self/comm", O_RDONLY);
 * const buffer = new Uint8Array(16);
 * console.log(read(fd, buffer)); // 5: "deno" and a newline
 * close(fd);
 * ```
 */
export function open(pathname: string, flags: number, mode?: number): number {
  if (mode === undefined) mode = 0o600;
  const path = cstring(pathname, "open", "pathname");
  const fd = c.open(path, asInt(flags, "open", "flags"), asInt(mode, "open", "mode"));
  if (fd < 0) throw new LibcError("open", errno(), pathname);
  return fd;
}

/**
 * Asks or sets what belongs to a descriptor, and locks parts of files, `fcntl(2)`.
 *
 * | `cmd` | `arg` | result |
 * |---|---|---|
 * | `F_DUPFD`, `F_DUPFD_CLOEXEC` | the least number that it may have | a second descriptor |
 * | `F_GETFD` | | `FD_CLOEXEC` or 0 |
 * | `F_SETFD` | `FD_CLOEXEC` or 0 | 0 |
 * | `F_GETFL` | | how it was opened, such as `O_RDWR \| O_NONBLOCK` |
 * | `F_SETFL` | flags | 0 |
 * | `F_GETLK`, `F_OFD_GETLK` | {@linkcode struct_flock}, which is filled | 0 |
 * | `F_SETLK`, `F_SETLKW`, `F_OFD_SETLK`, `F_OFD_SETLKW` | {@linkcode struct_flock} | 0 |
 * | `F_GETPIPE_SZ` | | how many bytes the pipe holds |
 * | `F_SETPIPE_SZ` | how many it is to hold | how many it does |
 * | `F_GET_SEALS` | | seals, such as `F_SEAL_SHRINK` |
 * | `F_ADD_SEALS` | seals | 0 |
 * | `F_GETOWN` | | a process, or a group as a negative number |
 * | `F_SETOWN` | the same | 0 |
 * | `F_GETSIG` | | a signal; 0 for `SIGIO` |
 * | `F_SETSIG` | the same | 0 |
 *
 * A lock of `F_SETLK` belongs to the process: a forked child has not got it, and closing any descriptor of that file gives it
 * up. One of `F_OFD_SETLK` belongs to what `open` has made, wherever it was inherited or passed to, and goes with its last
 * descriptor. `F_SETLKW` and `F_OFD_SETLKW` block the whole program. As in C, the signal of `O_ASYNC` ends a program that has
 * no handler for it.
 *
 * @param fd The descriptor.
 * @param cmd What to do, of the table above.
 * @param arg What the command works on.
 * @returns See above.
 * @throws {LibcError} `EBADF`; `EAGAIN`, `EACCES` somebody else has the lock; `EDEADLK` who has the lock waits for this
 * process; `EINTR` a signal came while it waited; `ENOLCK`; `EINVAL` a command that is not in the table, or a wrong argument;
 * `EMFILE`; `EPERM`; `EBUSY`; `ESRCH`; `EFAULT` an argument of the wrong kind.
 *
 * @example
 * ```ts
 * import { close, F_GETPIPE_SZ, F_RDLCK, F_SETLK, F_UNLCK, fcntl, O_RDONLY, open, pipe, struct_flock } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * console.log(fcntl(writer, F_GETPIPE_SZ)); // 65536
 * close(reader);
 * close(writer);
 *
 * const fd = open(".", O_RDONLY);
 * const lock = new struct_flock(F_RDLCK);
 * fcntl(fd, F_SETLK, lock);
 * lock.l_type = F_UNLCK;
 * fcntl(fd, F_SETLK, lock);
 * close(fd);
 * ```
 */
export function fcntl(fd: number, cmd: number, arg?: number | struct_flock | null): number {
  fd = asFd(fd, "fcntl");
  cmd = asInt(cmd, "fcntl", "cmd");
  let result: number;
  switch (cmd) {
    case F_GETFD:
    case F_GETFL:
    case F_GETSIG:
    case F_GETPIPE_SZ:
    case F_GET_SEALS:
      result = c.fcntl(fd, cmd);
      break;
    case F_GETOWN:
      // -1 may be process group 1
      setErrno(0);
      result = c.fcntl(fd, cmd);
      if (result < 0 && errno() === 0) return result;
      break;
    case F_SETFD:
    case F_SETFL:
    case F_SETOWN:
    case F_SETSIG:
    case F_SETPIPE_SZ:
    case F_ADD_SEALS:
      result = c.fcntl_number(fd, cmd, asInt(arg as number, "fcntl", "arg"));
      // an inherited one that gets FD_CLOEXEC would look like one of the runtime's
      if (cmd === F_SETFD && result === 0) adopt(fd);
      break;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      result = c.fcntl_descriptor(fd, cmd, asInt(arg as number, "fcntl", "arg"));
      break;
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      result = c.fcntl_lock(fd, cmd, structBytes(arg as struct_flock, FLOCK, "fcntl", "arg"));
      break;
    default:
      // it might take an address
      throw new LibcError("fcntl", "EINVAL", `the command ${cmd} is not one of the library's`);
  }
  if (result < 0) {
    const code = errno();
    const [name] = Object.entries(COMMANDS).find(([, number]) => number === cmd)!;
    throw new LibcError("fcntl", code, `descriptor ${fd}, ${name}`);
  }
  return result;
}

const EAGAIN = 11;
const EACCES = 13;

locks.orNot = (fd, lock) => {
  if (c.fcntl_lock(asFd(fd, "fcntl"), F_OFD_SETLK, structBytes(lock, FLOCK, "fcntl", "arg")) === 0) return true;
  const code = errno();
  if (code === EAGAIN || code === EACCES) return false;
  throw new LibcError("fcntl", code, `descriptor ${fd}, F_OFD_SETLK`);
};

const lockElsewhere = blocking(LOCK, { x86_64: 72, aarch64: 25 });

locks.elsewhere = (fd, lock) =>
  lockElsewhere(asFd(fd, "fcntl"), F_OFD_SETLKW, structBytes(lock, FLOCK, "fcntl", "arg"));
