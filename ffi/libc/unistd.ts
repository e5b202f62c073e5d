/**
 * `<unistd.h>`: processes and descriptors.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { asCount, asInt, asLong, asSize, asUint, shown } from "../native/check.ts";
import { closing, disown, fd as asFd } from "../native/descriptors.ts";
import { safely } from "../native/fork.ts";
import { always, call, header, openNow } from "../native/header.ts";
import {
  array,
  bytes,
  descriptor,
  filled,
  flags,
  i32,
  id,
  type Kind,
  long,
  memory,
  nothing,
  oneOf,
  received,
  size,
  string,
  strings,
  u32,
} from "../native/kinds.ts";
import { cstring, errno } from "../native/libc.ts";
import { armTrap, isEnding, runChild, setTrap } from "../native/traps.ts";
import { cstrings } from "./_argv.ts";
import { SEEK } from "./_seek.ts";
import { O_CLOEXEC, O_DIRECT, O_NONBLOCK } from "./fcntl.ts";

export { SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET } from "./_seek.ts";

const opensEnds = (args: unknown[]) => [...args[0] as Int32Array];
const newFlags = flags({ O_NONBLOCK, O_CLOEXEC, O_DIRECT }, { radix: 16 });

const NOBODY = 0xffff_ffff; // (uid_t) -1

/** A user or a group: -1 is none. */
const user = { ...u32, decode: (value: unknown) => value === NOBODY ? -1 : Number(value) };
/** As many groups as the call gives. */
const groups: Kind<"buffer"> = memory((data, call) => {
  const list = new Uint32Array(data.buffer, data.byteOffset, Math.min(call.result ?? 0, data.byteLength / 4));
  return Array.from(list);
});

const c = header({
  fork: call(id, [], { lifecycle: true, around: forking }),
  _exit: call(nothing, [["status", i32]], { lifecycle: true }),
  getpid: call(id, []),
  getppid: call(id, []),
  pipe: call(i32, [["pipefd", filled(array(id))]], { opens: opensEnds }),
  pipe2: call(i32, [["pipefd", filled(array(id))], ["flags", newFlags]], { opens: opensEnds }),
  // the kernel moves at most 0x7ffff000 bytes at a time: a 64-bit result would cost a BigInt a call
  read: call(i32, [["fd", id], ["buf", filled(received("count"))], ["count", size]], { waits: always, input: "fd" }),
  write: call(i32, [["fd", id], ["buf", bytes("count")], ["count", size]], { waits: always, output: "fd" }),
  close: call(i32, [["fd", id]]),
  dup: call(descriptor, [["oldfd", id]]),
  dup2: call(descriptor, [["oldfd", id], ["newfd", id]]),
  dup3: call(descriptor, [["oldfd", id], ["newfd", id], ["flags", newFlags]]),
  lseek: call(long, [["fd", id], ["offset", long], ["whence", oneOf(SEEK, 16)]]),
  ftruncate: call(i32, [["fd", id], ["length", long]]),
  fsync: call(i32, [["fd", id]], { waits: always }),
  chdir: call(i32, [["path", string]]),
  alarm: call(u32, [["seconds", u32]]),
  sleep: call(u32, [["seconds", u32]], { waits: always }),
  usleep: call(i32, [["usec", u32]], { waits: always }),
  unlink: call(i32, [["pathname", string]]),
  execve: call(i32, [["pathname", string], ["argv", strings], ["envp", strings]], { lifecycle: true }),
  execv: call(i32, [["pathname", string], ["argv", strings]], { lifecycle: true }),
  execvp: call(i32, [["file", string], ["argv", strings]], { lifecycle: true }),
  execvpe: call(i32, [["file", string], ["argv", strings], ["envp", strings]], { lifecycle: true }),
  fexecve: call(i32, [["fd", id], ["argv", strings], ["envp", strings]], { lifecycle: true }),
  gettid: call(id, []),
  getuid: call(u32, []),
  geteuid: call(u32, []),
  getgid: call(u32, []),
  getegid: call(u32, []),
  getresuid: call(i32, [["ruid", filled(array(user))], ["euid", filled(array(user))], ["suid", filled(array(user))]]),
  getresgid: call(i32, [["rgid", filled(array(user))], ["egid", filled(array(user))], ["sgid", filled(array(user))]]),
  getgroups: call(i32, [["size", i32], ["list", filled(groups)]]),
  setuid: call(i32, [["uid", user]]),
  setgid: call(i32, [["gid", user]]),
  seteuid: call(i32, [["euid", user]]),
  setegid: call(i32, [["egid", user]]),
  setreuid: call(i32, [["ruid", user], ["euid", user]]),
  setregid: call(i32, [["rgid", user], ["egid", user]]),
  setresuid: call(i32, [["ruid", user], ["euid", user], ["suid", user]]),
  setresgid: call(i32, [["rgid", user], ["egid", user], ["sgid", user]]),
  setgroups: call(i32, [["size", size], ["list", array(user, "size")]]),
  getpgid: call(id, [["pid", id]]),
  setpgid: call(i32, [["pid", id], ["pgid", id]]),
  getpgrp: call(id, []),
  setpgrp: call(i32, []),
  getsid: call(id, [["pid", id]]),
  setsid: call(id, []),
});

/** What is around the bare call. */
function forking(bare: () => number): () => number {
  // else each child would open it
  openNow(c, "_exit");
  return () => safely(bare);
}

/**
 * Makes a copy of this process, `fork(2)`.
 *
 * The child must do its work synchronously and end with `exit`. It has no event loop: should it return to one (by
 * an `await`, or by running off the end of the program), call one of Deno's asynchronous functions, or throw, it ends
 * with the error on standard error and with exit code `CHILD_FAILED`. Nothing that its parent had awaited or queued since
 * `enableFork` runs in it (but a context of `node:vm` has promises of its own), and nothing that it opens or closes changes what
 * its parent waits for; only closing a `Deno.Conn` that it inherited shuts that down for both, and closing a listener on a
 * unix socket removes its file. Signal handlers are not inherited, ignored signals are. Memory is copied, descriptors and
 * attached segments are shared. `Math.random` goes on with the same numbers in each child; `crypto` does not.
 *
 * @param child What the child is to do. It exits with the number that this function returns, or 0. It must not
 * be asynchronous. Without it, `fork` returns twice, as in C.
 * @returns 0 in the child, the child's pid in the parent.
 * @throws {LibcError} `EOPNOTSUPP` without `enableFork`, while a Worker runs, in tests with `--parallel`, or without a function
 * where the program is ending (in `unload`, and in node's `exit`); `EAGAIN` too many processes; `ENOMEM`; `EMFILE`, `ENFILE`;
 * `ENOENT` without `/proc`; `EINVAL` `child` is not a function.
 *
 * @example
 * ```ts ignore
 * import { enableFork, fork, wait } from "./mod.ts";
 *
 * enableFork();
 * const pid = fork(() => {
 *   console.log("I'm alive (temporarily)");
 *   return 3;
 * });
 * console.log(wait() === pid); // true
 * ```
 *
 * @example As in C
 * ```ts ignore
 * import { enableFork, exit, fork, wait } from "./mod.ts";
 *
 * enableFork();
 * if (fork() === 0) exit(3);
 * wait();
 * ```
 */
export function fork(child?: () => number | void): number {
  if (child !== undefined && typeof child !== "function") {
    throw new LibcError("fork", "EINVAL", `child must be a function, got ${shown(child)}`);
  }
  if (!child && isEnding()) {
    throw new LibcError(
      "fork",
      "EOPNOTSUPP",
      "the program is ending; give fork() the function that the child is to run",
    );
  }
  if (!child) armTrap();
  const pid = c.fork();
  if (pid < 0) throw new LibcError("fork", errno());
  if (pid === 0) {
    if (child) runChild(child);
    setTrap();
  }
  return pid;
}

/**
 * Ends this process at once, `_exit(2)`: nothing that waits for the end of the program is run.
 *
 * @param status The exit status; its lowest 8 bits count.
 *
 * @example
 * ```ts ignore
 * import { _exit } from "./mod.ts";
 *
 * _exit(0);
 * ```
 */
export function _exit(status: number): never {
  c._exit(asInt(status, "_exit", "status"));
  throw new Error("unreachable");
}

/**
 * The pid of this process, `getpid(2)`.
 *
 * @returns The pid.
 *
 * @example
 * ```ts
 * import { getpid } from "./mod.ts";
 *
 * console.log(getpid() === Deno.pid); // true
 * ```
 */
export function getpid(): number {
  return c.getpid();
}

/**
 * The pid of the parent, `getppid(2)`; that of init or a subreaper once the parent has ended.
 *
 * @returns The pid.
 *
 * @example
 * ```ts
 * import { getppid } from "./mod.ts";
 *
 * console.log(getppid() === Deno.ppid); // true
 * ```
 */
export function getppid(): number {
  return c.getppid();
}

/**
 * Makes a pipe, `pipe(2)`: what is written to one descriptor is read from the other.
 *
 * @returns The reading and the writing end.
 * @throws {LibcError} `EMFILE`, `ENFILE` too many descriptors.
 *
 * @example
 * ```ts
 * import { close, pipe, read, write } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * write(writer, "hello");
 * const buffer = new Uint8Array(80);
 * console.log(read(reader, buffer)); // 5
 * close(reader);
 * close(writer);
 * ```
 */
export function pipe(): [reader: number, writer: number] {
  const ends = new Int32Array(2);
  if (c.pipe(ends) < 0) throw new LibcError("pipe", errno());
  return [ends[0], ends[1]];
}

/**
 * Makes a pipe, `pipe2(2)`.
 *
 * @param flags `O_CLOEXEC`: `execve` closes both ends. `O_NONBLOCK`: `EAGAIN` instead of waiting. `O_DIRECT`: each write is a
 * packet, which one read takes, and whose rest is lost if it does not fit.
 * @returns The reading and the writing end.
 * @throws {LibcError} `EINVAL` other flags; `EMFILE`, `ENFILE` too many descriptors; `ENOPKG` a flag that this kernel has not got.
 *
 * @example
 * ```ts
 * import { close, O_CLOEXEC, O_DIRECT, pipe2, read, write } from "./mod.ts";
 *
 * const [reader, writer] = pipe2(O_CLOEXEC | O_DIRECT);
 * write(writer, "hello");
 * write(writer, "world");
 * console.log(read(reader, new Uint8Array(80))); // 5
 * close(reader);
 * close(writer);
 * ```
 */
export function pipe2(flags: number): [reader: number, writer: number] {
  const ends = new Int32Array(2);
  if (c.pipe2(ends, asInt(flags, "pipe2", "flags")) < 0) throw new LibcError("pipe2", errno());
  return [ends[0], ends[1]];
}

/**
 * Reads from a descriptor, `read(2)`. Blocks the whole program until something comes.
 *
 * @param fd The descriptor.
 * @param buf Where to put the bytes.
 * @param count At most how many; the buffer's length unless given.
 * @returns How many bytes were read; 0 at the end.
 * @throws {LibcError} `EBADF`; `EAGAIN`; `EINTR`; `EIO`; `ECONNRESET`; `EFAULT` `count` exceeds the buffer.
 *
 * @example See {@linkcode pipe}.
 */
export function read(fd: number, buf: Uint8Array<ArrayBuffer>, count?: number): number {
  const n = c.read(asFd(fd, "read"), buf, asSize(asCount(buf, count, "read"), "read", "count"));
  if (n < 0) throw new LibcError("read", errno(), `descriptor ${fd}`);
  return n;
}

const encoder = new TextEncoder();

/**
 * Writes to a descriptor, `write(2)`. Blocks the whole program while a pipe or socket is full.
 *
 * Where C would be killed by `SIGPIPE`, this throws `EPIPE`: Deno ignores that signal.
 *
 * @param fd The descriptor.
 * @param buf The bytes, or text to encode as UTF-8.
 * @param count At most how many bytes; all unless given.
 * @returns How many bytes were written; it may be fewer.
 * @throws {LibcError} `EBADF`; `EPIPE` nobody reads; `EAGAIN`; `EINTR`; `EFAULT` `count` exceeds the buffer.
 *
 * @example See {@linkcode pipe}.
 */
export function write(fd: number, buf: Uint8Array<ArrayBuffer> | string, count?: number): number {
  const bytes = typeof buf === "string" ? encoder.encode(buf) : buf;
  const n = c.write(asFd(fd, "write"), bytes, asSize(asCount(bytes, count, "write"), "write", "count"));
  if (n < 0) throw new LibcError("write", errno(), `descriptor ${fd}`);
  return n;
}

/**
 * Closes a descriptor, `close(2)`.
 *
 * @param fd The descriptor. Those that belong to the Deno runtime are refused with `EBADF`.
 * @throws {LibcError} `EBADF`; `EINTR`; `EIO`.
 *
 * @example See {@linkcode pipe}.
 */
export function close(fd: number): void {
  fd = asFd(fd, "close");
  closing.run(fd);
  const result = c.close(fd);
  const code = errno();
  // whatever it says, on Linux the descriptor is closed
  disown(fd);
  if (result < 0) throw new LibcError("close", code, `descriptor ${fd}`);
}

/**
 * Makes a second descriptor for the same open file, `dup(2)`: the lowest that is free.
 *
 * @param oldfd The descriptor.
 * @returns The second one, without `FD_CLOEXEC`.
 * @throws {LibcError} `EBADF`; `EMFILE`.
 *
 * @example
 * ```ts
 * import { close, dup, pipe } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * close(dup(writer));
 * close(reader);
 * close(writer);
 * ```
 */
export function dup(oldfd: number): number {
  const result = c.dup(asFd(oldfd, "dup", "oldfd"));
  if (result < 0) throw new LibcError("dup", errno(), `descriptor ${oldfd}`);
  return result;
}

/**
 * Gives a descriptor a second number, `dup2(2)`.
 *
 * @param oldfd The descriptor.
 * @param newfd Its second number; what was open there is closed. The Deno runtime's are refused with `EBADF`.
 * @returns `newfd`.
 * @throws {LibcError} `EBADF`; `EBUSY`; `EINTR`; `EMFILE`.
 *
 * @example
 * ```ts
 * import { close, dup2, pipe } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * close(dup2(writer, 200));
 * close(reader);
 * close(writer);
 * ```
 */
export function dup2(oldfd: number, newfd: number): number {
  oldfd = asFd(oldfd, "dup2", "oldfd");
  newfd = asFd(newfd, "dup2", "newfd");
  const result = c.dup2(oldfd, newfd);
  if (result < 0) throw new LibcError("dup2", errno(), `${oldfd} to ${newfd}`);
  // only now: one that fails closes nothing
  if (newfd !== oldfd) closing.run(newfd);
  return result;
}

/**
 * The same with flags, `dup3(2)`.
 *
 * @param oldfd The descriptor.
 * @param newfd Its second number; what was open there is closed. The Deno runtime's are refused with `EBADF`.
 * @param flags `O_CLOEXEC` or 0.
 * @returns `newfd`.
 * @throws {LibcError} `EBADF`; `EBUSY`; `EINTR`; `EINVAL` other flags, or both are the same; `EMFILE`.
 *
 * @example
 * ```ts
 * import { close, dup3, O_CLOEXEC, pipe } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * close(dup3(writer, 200, O_CLOEXEC));
 * close(reader);
 * close(writer);
 * ```
 */
export function dup3(oldfd: number, newfd: number, flags: number): number {
  oldfd = asFd(oldfd, "dup3", "oldfd");
  newfd = asFd(newfd, "dup3", "newfd");
  const result = c.dup3(oldfd, newfd, asInt(flags, "dup3", "flags"));
  if (result < 0) throw new LibcError("dup3", errno(), `${oldfd} to ${newfd}`);
  closing.run(newfd);
  return result;
}

/**
 * Sets where in an open file the next read or write is, `lseek(2)`.
 *
 * @param fd The descriptor.
 * @param offset How many bytes from there; it may be negative.
 * @param whence From where: `SEEK_SET`, `SEEK_CUR`, `SEEK_END`, `SEEK_DATA` or `SEEK_HOLE`.
 * @returns The position, in bytes from the beginning.
 * @throws {LibcError} `EBADF`; `ESPIPE` a pipe or a socket; `EINVAL` before the beginning, or no such `whence`; `ENXIO` no data or
 * hole there; `EOVERFLOW` it is beyond 2^53 now, which no number says exactly.
 *
 * @example
 * ```ts
 * import { close, lseek, O_RDWR, O_TMPFILE, open, read, SEEK_END, SEEK_SET, write } from "./mod.ts";
 *
 * const fd = open("/tmp", O_RDWR | O_TMPFILE);
 * write(fd, "hello");
 * console.log(lseek(fd, 0, SEEK_END)); // 5
 * lseek(fd, 1, SEEK_SET);
 * console.log(read(fd, new Uint8Array(80))); // 4
 * close(fd);
 * ```
 */
export function lseek(fd: number, offset: number, whence: number): number {
  fd = asFd(fd, "lseek");
  const result = c.lseek(fd, asLong(offset, "lseek", "offset"), asInt(whence, "lseek", "whence"));
  if (result < 0n) throw new LibcError("lseek", errno(), `descriptor ${fd}, ${offset}`);
  const position = Number(result);
  if (Number.isSafeInteger(position)) return position;
  throw new LibcError("lseek", "EOVERFLOW", `descriptor ${fd} is at ${result} now`);
}

/**
 * Sets the size of an open file, `ftruncate(2)`: what is beyond is lost, what is new reads as zeros.
 *
 * @param fd A descriptor that may write.
 * @param length The size in bytes.
 * @throws {LibcError} `EBADF`; `EINVAL` no file that can be written to, or a negative size; `EFBIG`; `EINTR`; `EIO`; `EPERM` it is
 * sealed.
 *
 * @example
 * ```ts
 * import { close, ftruncate, lseek, O_RDWR, O_TMPFILE, open, SEEK_END } from "./mod.ts";
 *
 * const fd = open("/tmp", O_RDWR | O_TMPFILE);
 * ftruncate(fd, 4096);
 * console.log(lseek(fd, 0, SEEK_END)); // 4096
 * close(fd);
 * ```
 */
export function ftruncate(fd: number, length: number): void {
  fd = asFd(fd, "ftruncate");
  const failed = c.ftruncate(fd, asLong(length, "ftruncate", "length")) < 0;
  if (failed) throw new LibcError("ftruncate", errno(), `descriptor ${fd}, ${length} bytes`);
}

/**
 * Waits until what was written to a file is on the disk, `fsync(2)`. Blocks the whole program.
 *
 * @param fd The descriptor.
 * @throws {LibcError} `EBADF`; `EINVAL` a pipe or a socket; `EIO`, `ENOSPC`, `EDQUOT` it could not be written; `EINTR`; `EROFS`.
 *
 * @example
 * ```ts
 * import { close, fsync, O_RDWR, O_TMPFILE, open, write } from "./mod.ts";
 *
 * const fd = open("/tmp", O_RDWR | O_TMPFILE);
 * write(fd, "hello");
 * fsync(fd);
 * close(fd);
 * ```
 */
export function fsync(fd: number): void {
  fd = asFd(fd, "fsync");
  if (c.fsync(fd) < 0) throw new LibcError("fsync", errno(), `descriptor ${fd}`);
}

/**
 * Has the kernel send `SIGALRM` to this process, `alarm(2)`: that ends it, if nobody has said otherwise. There is one such alarm;
 * a new one takes the place of the one before.
 *
 * @param seconds In how many seconds; 0 for not any more.
 * @returns How many seconds were left of the one before; 0 if there was none.
 * @throws {LibcError} `EINVAL` no number of seconds.
 *
 * @example
 * ```ts
 * import { alarm } from "./mod.ts";
 *
 * alarm(60);
 * console.log(alarm(0)); // 60
 * ```
 */
export function alarm(seconds: number): number {
  return c.alarm(asUint(seconds, "alarm", "seconds"));
}

/**
 * Sleeps, `sleep(3)`. Blocks the whole program; handlers run when it is back on its event loop.
 *
 * @param seconds How long.
 * @returns 0, or how many seconds were left when a signal came.
 *
 * @example
 * ```ts
 * import { sleep } from "./mod.ts";
 *
 * sleep(0);
 * ```
 */
export function sleep(seconds: number): number {
  return c.sleep(asUint(seconds, "sleep", "seconds"));
}

/**
 * Sleeps, `usleep(3)`. Blocks the whole program.
 *
 * @param usec How long, in microseconds.
 * @throws {LibcError} `EINTR` a signal came.
 *
 * @example
 * ```ts
 * import { usleep } from "./mod.ts";
 *
 * usleep(1000); // a millisecond
 * ```
 */
export function usleep(usec: number): void {
  if (c.usleep(asUint(usec, "usleep", "usec")) < 0) throw new LibcError("usleep", errno());
}

/**
 * Removes a name from the file system, `unlink(2)`: that of a unix socket, above all.
 *
 * @param pathname The name.
 * @throws {LibcError} `ENOENT`, `EACCES`, `EISDIR` …
 *
 * @example
 * ```ts
 * import { LibcError, unlink } from "./mod.ts";
 *
 * try {
 *   unlink("/no/such/file");
 * } catch (error) {
 *   console.log(error instanceof LibcError && error.code); // ENOENT
 * }
 * ```
 */
export function unlink(pathname: string): void {
  const path = cstring(pathname, "unlink", "pathname");
  if (c.unlink(path) < 0) throw new LibcError("unlink", errno(), pathname);
}

/**
 * Sets which directory names of files begin in, `chdir(2)`.
 *
 * @param path The directory.
 * @throws {LibcError} `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG` …
 *
 * @example
 * ```ts
 * import { chdir } from "./mod.ts";
 *
 * chdir(".");
 * ```
 */
export function chdir(path: string): void {
  const name = cstring(path, "chdir", "path");
  if (c.chdir(name) < 0) throw new LibcError("chdir", errno(), path);
}

/**
 * The id of the thread that runs this JavaScript, `gettid(2)`: the pid on the program's main thread, another one in a Worker
 * and in `deno test`.
 *
 * @returns The id.
 *
 * @example
 * ```ts
 * import { gettid } from "./mod.ts";
 *
 * console.log(gettid() > 0); // true
 * ```
 */
export function gettid(): number {
  return c.gettid();
}

/**
 * The real user of this process, `getuid(2)`.
 *
 * @returns The id.
 *
 * @example
 * ```ts
 * import { getuid } from "./mod.ts";
 *
 * console.log(getuid() === Deno.uid()); // true, unless rights were changed
 * ```
 */
export function getuid(): number {
  return c.getuid();
}

/**
 * The effective user of this process, whose rights it has, `geteuid(2)`.
 *
 * @returns The id.
 *
 * @example
 * ```ts
 * import { geteuid } from "./mod.ts";
 *
 * console.log(geteuid() === Deno.uid()); // true, unless rights were changed
 * ```
 */
export function geteuid(): number {
  return c.geteuid();
}

/**
 * The real group of this process, `getgid(2)`.
 *
 * @returns The id.
 *
 * @example
 * ```ts
 * import { getgid } from "./mod.ts";
 *
 * console.log(getgid() === Deno.gid()); // true, unless rights were changed
 * ```
 */
export function getgid(): number {
  return c.getgid();
}

/**
 * The effective group of this process, `getegid(2)`.
 *
 * @returns The id.
 *
 * @example
 * ```ts
 * import { getegid } from "./mod.ts";
 *
 * console.log(getegid() === Deno.gid()); // true, unless rights were changed
 * ```
 */
export function getegid(): number {
  return c.getegid();
}

/**
 * The real, effective and saved users of this process, `getresuid(2)`.
 *
 * @returns The three.
 *
 * @example
 * ```ts
 * import { getuid, getresuid } from "./mod.ts";
 *
 * const [real, effective, saved] = getresuid();
 * console.log(real === getuid(), effective === saved);
 * ```
 */
export function getresuid(): [real: number, effective: number, saved: number] {
  const [real, effective, saved] = [new Uint32Array(1), new Uint32Array(1), new Uint32Array(1)];
  if (c.getresuid(real, effective, saved) < 0) throw new LibcError("getresuid", errno());
  return [real[0], effective[0], saved[0]];
}

/**
 * The real, effective and saved groups of this process, `getresgid(2)`.
 *
 * @returns The three.
 *
 * @example
 * ```ts
 * import { getgid, getresgid } from "./mod.ts";
 *
 * const [real, effective, saved] = getresgid();
 * console.log(real === getgid(), effective === saved);
 * ```
 */
export function getresgid(): [real: number, effective: number, saved: number] {
  const [real, effective, saved] = [new Uint32Array(1), new Uint32Array(1), new Uint32Array(1)];
  if (c.getresgid(real, effective, saved) < 0) throw new LibcError("getresgid", errno());
  return [real[0], effective[0], saved[0]];
}

/**
 * The supplementary groups of this process, `getgroups(2)`.
 *
 * @returns The groups' ids.
 * @throws {LibcError} `EINVAL` another thread has set more meanwhile.
 *
 * @example
 * ```ts
 * import { getgroups } from "./mod.ts";
 *
 * console.log(Array.isArray(getgroups())); // true
 * ```
 */
export function getgroups(): number[] {
  const count = c.getgroups(0, null);
  if (count < 0) throw new LibcError("getgroups", errno());
  if (count === 0) return [];
  const list = new Uint32Array(count);
  const n = c.getgroups(count, list);
  if (n < 0) throw new LibcError("getgroups", errno(), `${count} groups`);
  return Array.from(list.subarray(0, n));
}

/** A user or group id; -1 for none. */
function asUser(value: number, syscall: string, name: string): number {
  return value === -1 ? NOBODY : asUint(value, syscall, name);
}

/**
 * Sets the effective user, and for a privileged process the real and the saved one: for good, `setuid(2)`. libc does it on all threads of the process, Deno's among them.
 *
 * @param uid The user.
 * @throws {LibcError} `EPERM`; `EINVAL` no such id in this user namespace; `EAGAIN`.
 *
 * @example
 * ```ts
 * import { getuid, setuid } from "./mod.ts";
 *
 * setuid(getuid()); // it is already
 * ```
 */
export function setuid(uid: number): void {
  if (c.setuid(asUser(uid, "setuid", "uid")) < 0) throw new LibcError("setuid", errno(), `${uid}`);
}

/**
 * Sets the effective group, and for a privileged process the real and the saved one, `setgid(2)`. libc does it on all threads of the process, Deno's among them.
 *
 * @param gid The group.
 * @throws {LibcError} `EPERM`; `EINVAL` no such id in this user namespace; `EAGAIN`.
 *
 * @example
 * ```ts
 * import { getgid, setgid } from "./mod.ts";
 *
 * setgid(getgid()); // it is already
 * ```
 */
export function setgid(gid: number): void {
  if (c.setgid(asUser(gid, "setgid", "gid")) < 0) throw new LibcError("setgid", errno(), `${gid}`);
}

/**
 * Sets the effective user: a privileged process can go back, `seteuid(2)`. libc does it on all threads of the process, Deno's among them.
 *
 * @param euid The user.
 * @throws {LibcError} `EPERM`; `EINVAL` no such id in this user namespace; `EAGAIN`.
 *
 * @example
 * ```ts
 * import { getuid, seteuid } from "./mod.ts";
 *
 * seteuid(getuid()); // it is already
 * ```
 */
export function seteuid(euid: number): void {
  if (c.seteuid(asUser(euid, "seteuid", "euid")) < 0) throw new LibcError("seteuid", errno(), `${euid}`);
}

/**
 * Sets the effective group, `setegid(2)`. libc does it on all threads of the process, Deno's among them.
 *
 * @param egid The group.
 * @throws {LibcError} `EPERM`; `EINVAL` no such id in this user namespace; `EAGAIN`.
 *
 * @example
 * ```ts
 * import { getgid, setegid } from "./mod.ts";
 *
 * setegid(getgid()); // it is already
 * ```
 */
export function setegid(egid: number): void {
  if (c.setegid(asUser(egid, "setegid", "egid")) < 0) throw new LibcError("setegid", errno(), `${egid}`);
}

/**
 * Sets the real and the effective user, `setreuid(2)`. libc does it on all threads of the process, Deno's among them.
 *
 * @param ruid The real user; -1 leaves it as it is.
 * @param euid The effective user; -1 leaves it as it is.
 * @throws {LibcError} `EPERM`; `EINVAL` no such id in this user namespace; `EAGAIN`.
 *
 * @example
 * ```ts
 * import { setreuid } from "./mod.ts";
 *
 * setreuid(-1, -1); // nothing changes
 * ```
 */
export function setreuid(ruid: number, euid: number): void {
  if (c.setreuid(asUser(ruid, "setreuid", "ruid"), asUser(euid, "setreuid", "euid")) < 0) {
    throw new LibcError("setreuid", errno(), `${ruid}, ${euid}`);
  }
}

/**
 * Sets the real and the effective group, `setregid(2)`. libc does it on all threads of the process, Deno's among them.
 *
 * @param rgid The real group; -1 leaves it as it is.
 * @param egid The effective group; -1 leaves it as it is.
 * @throws {LibcError} `EPERM`; `EINVAL` no such id in this user namespace; `EAGAIN`.
 *
 * @example
 * ```ts
 * import { setregid } from "./mod.ts";
 *
 * setregid(-1, -1); // nothing changes
 * ```
 */
export function setregid(rgid: number, egid: number): void {
  if (c.setregid(asUser(rgid, "setregid", "rgid"), asUser(egid, "setregid", "egid")) < 0) {
    throw new LibcError("setregid", errno(), `${rgid}, ${egid}`);
  }
}

/**
 * Sets the real, effective and saved user, `setresuid(2)`. libc does it on all threads of the process, Deno's among them.
 *
 * @param ruid The real user; -1 leaves it as it is.
 * @param euid The effective user; -1 leaves it as it is.
 * @param suid The saved user; -1 leaves it as it is.
 * @throws {LibcError} `EPERM`; `EINVAL` no such id in this user namespace; `EAGAIN`.
 *
 * @example
 * ```ts
 * import { setresuid } from "./mod.ts";
 *
 * setresuid(-1, -1, -1); // nothing changes
 * ```
 */
export function setresuid(ruid: number, euid: number, suid: number): void {
  if (
    c.setresuid(
      asUser(ruid, "setresuid", "ruid"),
      asUser(euid, "setresuid", "euid"),
      asUser(suid, "setresuid", "suid"),
    ) < 0
  ) throw new LibcError("setresuid", errno(), `${ruid}, ${euid}, ${suid}`);
}

/**
 * Sets the real, effective and saved group, `setresgid(2)`. libc does it on all threads of the process, Deno's among them.
 *
 * @param rgid The real group; -1 leaves it as it is.
 * @param egid The effective group; -1 leaves it as it is.
 * @param sgid The saved group; -1 leaves it as it is.
 * @throws {LibcError} `EPERM`; `EINVAL` no such id in this user namespace; `EAGAIN`.
 *
 * @example
 * ```ts
 * import { setresgid } from "./mod.ts";
 *
 * setresgid(-1, -1, -1); // nothing changes
 * ```
 */
export function setresgid(rgid: number, egid: number, sgid: number): void {
  if (
    c.setresgid(
      asUser(rgid, "setresgid", "rgid"),
      asUser(egid, "setresgid", "egid"),
      asUser(sgid, "setresgid", "sgid"),
    ) < 0
  ) throw new LibcError("setresgid", errno(), `${rgid}, ${egid}, ${sgid}`);
}

/**
 * Sets the supplementary groups, `setgroups(2)`: who gives up privileges does it first, as `setuid` takes the right to. libc does it
 * on all threads of the process, Deno's among them.
 *
 * @param list The groups' ids, at most 65536.
 * @throws {LibcError} `EPERM`; `EINVAL` too many, or what is no id.
 *
 * @example
 * ```ts
 * import { LibcError, setgroups } from "./mod.ts";
 *
 * try {
 *   setgroups([-1]);
 * } catch (error) {
 *   console.log(error instanceof LibcError); // true: that is no group
 * }
 * ```
 */
export function setgroups(list: readonly number[]): void {
  const MOST = 65536;
  const ids: number[] = [];
  try {
    if (!Array.isArray(list) || list.length > MOST) {
      throw new LibcError("setgroups", "EINVAL", `list must be an array of at most ${MOST} groups, got ${shown(list)}`);
    }
    for (let i = 0; i < list.length && i < MOST; i++) ids.push(asUint(list[i], "setgroups", "list"));
  } catch (error) {
    throw error instanceof LibcError ? error : new LibcError("setgroups", "EINVAL", "list cannot be read");
  }
  const groups = new Uint32Array(Math.max(1, ids.length));
  groups.set(ids);
  if (c.setgroups(BigInt(ids.length), groups) < 0) throw new LibcError("setgroups", errno(), `${ids.length} groups`);
}

/**
 * The process group of a process, `getpgid(2)`.
 *
 * @param pid The process; 0 this one.
 * @returns The group's id, which is the pid of its first leader.
 * @throws {LibcError} `ESRCH` no such process; `EPERM`.
 *
 * @example
 * ```ts
 * import { getpgid, getpgrp } from "./mod.ts";
 *
 * console.log(getpgid(0) === getpgrp()); // true
 * ```
 */
export function getpgid(pid: number): number {
  const result = c.getpgid(asInt(pid, "getpgid", "pid"));
  if (result < 0) throw new LibcError("getpgid", errno(), `pid ${pid}`);
  return result;
}

/**
 * Puts a process into a process group, `setpgid(2)`: this one, or a child that has not called `execve` yet. `kill` with a negative pid
 * reaches a whole group; so does Ctrl-C that in the foreground.
 *
 * @param pid The process; 0 this one.
 * @param pgid A group of the same session; 0 for a new one, of which `pid` is the leader.
 * @throws {LibcError} `ESRCH` neither this process nor a child; `EACCES` the child runs a program already; `EPERM`; `EINVAL`.
 *
 * @example
 * ```ts
 * import { getpgrp, setpgid } from "./mod.ts";
 *
 * setpgid(0, getpgrp()); // it is in there already
 * ```
 */
export function setpgid(pid: number, pgid: number): void {
  if (c.setpgid(asInt(pid, "setpgid", "pid"), asInt(pgid, "setpgid", "pgid")) < 0) {
    throw new LibcError("setpgid", errno(), `pid ${pid}, group ${pgid}`);
  }
}

/**
 * The process group of this process, `getpgrp(2)`.
 *
 * @returns The group's id.
 *
 * @example See {@linkcode getpgid}.
 */
export function getpgrp(): number {
  return c.getpgrp();
}

/**
 * Makes this process the leader of a new process group, `setpgrp(2)`: `setpgid(0, 0)`.
 *
 * @throws {LibcError} `EPERM` it leads a session.
 *
 * @example
 * ```ts ignore
 * import { getpgrp, getpid, setpgrp } from "./mod.ts";
 *
 * setpgrp(); // Ctrl-C does not reach it any more
 * console.log(getpgrp() === getpid()); // true
 * ```
 */
export function setpgrp(): void {
  if (c.setpgrp() < 0) throw new LibcError("setpgrp", errno());
}

/**
 * The session of a process, `getsid(2)`.
 *
 * @param pid The process; 0 this one.
 * @returns The session's id, which is the pid of its leader.
 * @throws {LibcError} `ESRCH` no such process; `EPERM`.
 *
 * @example
 * ```ts
 * import { getsid } from "./mod.ts";
 *
 * console.log(getsid(0) >= 0); // true
 * ```
 */
export function getsid(pid: number): number {
  const result = c.getsid(asInt(pid, "getsid", "pid"));
  if (result < 0) throw new LibcError("getsid", errno(), `pid ${pid}`);
  return result;
}

/**
 * Makes this process the leader of a new session, without a terminal, and of a new process group in it, `setsid(2)`.
 *
 * @returns The session's id: this process's pid.
 * @throws {LibcError} `EPERM` it leads a process group already, as every program does that a shell starts: call it in a child.
 *
 * @example
 * ```ts ignore
 * import { enableFork, fork, setsid } from "./mod.ts";
 *
 * enableFork();
 * fork(() => {
 *   setsid(); // what the terminal sends does not reach this child
 * });
 * ```
 */
export function setsid(): number {
  const result = c.setsid();
  if (result < 0) throw new LibcError("setsid", errno());
  return result;
}

/**
 * Replaces this process by another program, `execve(2)`. It comes back only by throwing.
 *
 * Signals with handlers get their default actions, ignored ones stay ignored (Deno ignores `SIGPIPE`), and descriptors without
 * `FD_CLOEXEC` stay open. The functions with a variable number of arguments, `execl` and its like, are these with an
 * array.
 *
 * @param pathname The program's file.
 * @param argv Its arguments; the first is its name.
 * @param envp Its environment, as `NAME=value`.
 * @throws {LibcError} `ENOENT`, `EACCES`, `ENOEXEC`, `E2BIG` …
 *
 * @example
 * ```ts
 * import { execve, LibcError } from "./mod.ts";
 *
 * try {
 *   execve("/no/such/program", ["program"], []);
 * } catch (error) {
 *   console.log(error instanceof LibcError && error.code); // ENOENT
 * }
 * ```
 */
export function execve(pathname: string, argv: string[], envp: string[]): never {
  const file = cstring(pathname, "execve", "pathname");
  const args = cstrings(argv, "execve", "argv");
  const env = cstrings(envp, "execve", "envp");
  c.execve(file, args, env);
  throw new LibcError("execve", errno(), pathname);
}

/** How many arguments these two take: for a script without `#!` libc copies them to the stack. */
const MOST_SEARCHED = 2 ** 16;

/**
 * As {@linkcode execve}, with this process's environment, `execv(3)`.
 *
 * @param pathname The program's file.
 * @param argv Its arguments; the first is its name.
 * @throws {LibcError} As {@linkcode execve}.
 *
 * @example
 * ```ts ignore
 * import { execv } from "./mod.ts";
 *
 * execv("/bin/ls", ["ls", "-l"]);
 * ```
 */
export function execv(pathname: string, argv: string[]): never {
  const file = cstring(pathname, "execv", "pathname");
  c.execv(file, cstrings(argv, "execv", "argv"));
  throw new LibcError("execv", errno(), pathname);
}

/**
 * As {@linkcode execv}, but a name without a slash is searched for in `PATH`, `execvp(3)`; what is no program is given to `/bin/sh`.
 *
 * @param file The program's name or file.
 * @param argv Its arguments, at most 65536; the first is its name.
 * @throws {LibcError} As {@linkcode execve}.
 *
 * @example
 * ```ts ignore
 * import { execvp } from "./mod.ts";
 *
 * execvp("ls", ["ls", "-l"]);
 * ```
 */
export function execvp(file: string, argv: string[]): never {
  const path = cstring(file, "execvp", "file");
  c.execvp(path, cstrings(argv, "execvp", "argv", MOST_SEARCHED));
  throw new LibcError("execvp", errno(), file);
}

/**
 * As {@linkcode execvp}, with another environment, `execvpe(3)`. `PATH` is this process's.
 *
 * @param file The program's name or file.
 * @param argv Its arguments, at most 65536; the first is its name.
 * @param envp Its environment, as `NAME=value`.
 * @throws {LibcError} As {@linkcode execve}.
 *
 * @example
 * ```ts ignore
 * import { execvpe } from "./mod.ts";
 *
 * execvpe("ls", ["ls", "-l"], ["LANG=C"]);
 * ```
 */
export function execvpe(file: string, argv: string[], envp: string[]): never {
  const path = cstring(file, "execvpe", "file");
  const args = cstrings(argv, "execvpe", "argv", MOST_SEARCHED);
  c.execvpe(path, args, cstrings(envp, "execvpe", "envp"));
  throw new LibcError("execvpe", errno(), file);
}

/**
 * As {@linkcode execve}, with a descriptor of the program's file, `fexecve(3)`.
 *
 * @param fd The descriptor; a script's must stay open on `execve`, as its interpreter opens it again.
 * @param argv Its arguments; the first is its name.
 * @param envp Its environment, as `NAME=value`.
 * @throws {LibcError} As {@linkcode execve}; `EBADF`; `ENOENT` a script, and the descriptor has `O_CLOEXEC`.
 *
 * @example
 * ```ts ignore
 * import { fexecve, O_CLOEXEC, O_RDONLY, open } from "./mod.ts";
 *
 * fexecve(open("/bin/ls", O_RDONLY | O_CLOEXEC), ["ls", "-l"], []);
 * ```
 */
export function fexecve(fd: number, argv: string[], envp: string[]): never {
  fd = asFd(fd, "fexecve");
  const args = cstrings(argv, "fexecve", "argv");
  const env = cstrings(envp, "fexecve", "envp");
  c.fexecve(fd, args, env);
  throw new LibcError("fexecve", errno(), `descriptor ${fd}`);
}
