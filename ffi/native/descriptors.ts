/**
 * Which descriptors are the program's: 0, 1, 2, those it inherited, and those made through this library. The others
 * are the Deno runtime's (its epoll set, its caches), and closing one would bring the process down.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { asInt } from "./check.ts";
import { errno } from "./libc.ts";
import { tracing } from "./observer.ts";
import { own } from "./own.ts";

const F_GETFD = 1;
const FD_CLOEXEC = 1;

const programs = new Uint8Array(1 << 20);
programs[0] = programs[1] = programs[2] = 1;

/**
 * A descriptor, or an error as if there were none where it is the runtime's. These are told by `FD_CLOEXEC`, which
 * what a process inherits never has.
 */
export function fd(value: number, syscall: string, name = "fd"): number {
  if (typeof value === "number" && programs[value] === 1) return value | 0;
  value = asInt(value, syscall, name);
  const flags = own.fcntl(value, F_GETFD, 0);
  if (flags >= 0 && flags & FD_CLOEXEC && !tracing.leave(value)) {
    throw new LibcError(syscall, "EBADF", `descriptor ${value} belongs to the Deno runtime`);
  }
  return value;
}

/** Notes a new descriptor as the program's own. */
export function adopt(value: number): number {
  if (value >= 0) programs[value] = 1;
  return value;
}

/** Tells whether a descriptor was made through this library. */
export function isOwned(value: number): boolean {
  return programs[value] === 1;
}

/** Notes that a descriptor is closed. */
export function disown(value: number): void {
  programs[value] = 0;
}

/** What is done when a descriptor is about to be closed, or has been by `dup2`: those who wait for it hear of it. */
export const closing: { run(fd: number): void } = { run() {} };

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** Sets `O_NONBLOCK`, which all who share the open file get to feel. */
export function setNonblocking(fd: number): void {
  const flags = own.fcntl(fd, F_GETFL, 0);
  if (flags < 0) throw failed("fcntl", fd);
  if (!(flags & O_NONBLOCK) && own.fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) throw failed("fcntl", fd);
}

/**
 * Sets the permissions of the file that binding this unix socket will make, so that there is no moment at which it
 * is open to everybody. (Linux gives the file the permissions of the socket, less the umask.)
 */
export function setMode(fd: number, mode: number): void {
  if (own.fchmod(fd, mode) < 0) throw failed("fchmod", fd);
}

function failed(syscall: string, fd: number): LibcError {
  return new LibcError(syscall, errno(), `descriptor ${fd}`);
}
