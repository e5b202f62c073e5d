/**
 * `<unistd.h>`: processes and descriptors.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { asCount, asInt, asSize, asUint, shown } from "../native/check.ts";
import { closing, disown, fd as asFd } from "../native/descriptors.ts";
import { safely } from "../native/fork.ts";
import { always, call, header, openNow } from "../native/header.ts";
import {
  array,
  bytes,
  descriptor,
  filled,
  i32,
  id,
  nothing,
  received,
  size,
  string,
  strings,
  u32,
} from "../native/kinds.ts";
import { cstring, errno } from "../native/libc.ts";
import { pointersTo } from "../native/pointed.ts";
import { armTrap, isEnding, runChild, setTrap } from "../native/traps.ts";

const c = header({
  fork: call(id, [], { lifecycle: true, around: forking }),
  _exit: call(nothing, [["status", i32]], { lifecycle: true }),
  getpid: call(id, []),
  getppid: call(id, []),
  pipe: call(i32, [["pipefd", filled(array(id))]], { opens: (args) => [...args[0] as Int32Array] }),
  // the kernel moves at most 0x7ffff000 bytes at a time: a 64-bit result would cost a BigInt a call
  read: call(i32, [["fd", id], ["buf", filled(received("count"))], ["count", size]], { waits: always, input: "fd" }),
  write: call(i32, [["fd", id], ["buf", bytes("count")], ["count", size]], { waits: always, output: "fd" }),
  close: call(i32, [["fd", id]]),
  dup2: call(descriptor, [["oldfd", id], ["newfd", id]]),
  sleep: call(u32, [["seconds", u32]], { waits: always }),
  usleep: call(i32, [["usec", u32]], { waits: always }),
  unlink: call(i32, [["pathname", string]]),
  execve: call(i32, [["pathname", string], ["argv", strings], ["envp", strings]], { lifecycle: true }),
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
 * Replaces this process by another program, `execve(2)`. It comes back only by throwing.
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
  const args = cstrings(argv, "argv");
  const env = cstrings(envp, "envp");
  c.execve(file, pointersTo(args), pointersTo(env));
  throw new LibcError("execve", errno(), pathname);
}

const MOST = 2 ** 20; // strings: the kernel has room for fewer

function cstrings(list: string[], name: string): Uint8Array<ArrayBuffer>[] {
  const strings: Uint8Array<ArrayBuffer>[] = [];
  try {
    if (!Array.isArray(list)) {
      throw new LibcError("execve", "EINVAL", `${name} must be an array of strings, got ${shown(list)}`);
    }
    if (list.length > MOST) throw new LibcError("execve", "E2BIG", `${name} has ${list.length} strings`);
    // by index: a hole is undefined here, and nobody's iterator is asked
    for (let i = 0; i < list.length; i++) strings.push(cstring(list[i], "execve", name));
  } catch (error) {
    throw error instanceof LibcError ? error : new LibcError("execve", "EINVAL", `${name} cannot be read`);
  }
  return strings;
}
