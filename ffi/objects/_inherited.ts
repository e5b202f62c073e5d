/**
 * Sockets that a service manager has opened and passed on, as `sd_listen_fds(3)` finds them.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { getsockopt, SO_ACCEPTCONN, SOL_SOCKET } from "../libc/sys/socket.ts";
import { shown } from "../native/check.ts";
import { adopt, fd as asFd } from "../native/descriptors.ts";
import { errno } from "../native/libc.ts";
import { getenv, own } from "../native/own.ts";
import { isCode } from "./_common.ts";

const FIRST = 3; // SD_LISTEN_FDS_START
const MOST = 1 << 16; // more than anybody passes
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** Those that an object has taken over: what has its number later is something else. */
const taken = new Set<number>();

function failed(code: "ENOENT" | "EINVAL", detail: string): LibcError {
  return new LibcError("sd_listen_fds", code, detail);
}

/** A number in the environment. */
function numberIn(name: string, most: number): number {
  const text = getenv(name);
  if (text === undefined) throw failed("ENOENT", `${name} is not set: no socket was passed to this process`);
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= most) return value;
  throw failed("EINVAL", `${name} is ${shown(text)}`);
}

/** The names of so many sockets. */
function namesOf(count: number): string[] {
  const names = getenv("LISTEN_FDNAMES")?.split(":") ?? Array(count).fill("unknown");
  if (names.length !== count) throw failed("EINVAL", `LISTEN_FDNAMES has ${names.length} names for ${count} sockets`);
  return names;
}

/** Tells whether a socket listens; undefined for what is no socket. */
function listens(fd: number): boolean | undefined {
  try {
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN) !== 0;
  } catch (error) {
    if (isCode(error, "ENOTSOCK")) return undefined;
    throw error;
  }
}

/**
 * Takes over the sockets that were passed: those that listen, or those that don't.
 *
 * @param listening Which of them.
 * @param name Only those of this name.
 * @returns Their descriptors, which `execve` closes from now on.
 */
export function takeInherited(listening: boolean, name: string | undefined): number[] {
  const pid = numberIn("LISTEN_PID", 2 ** 31 - 1);
  if (pid !== own.getpid()) throw failed("ENOENT", `LISTEN_PID is ${pid}: the sockets are for another process`);
  const count = numberIn("LISTEN_FDS", MOST);
  const names = namesOf(count);
  const fds = names.map((_, i) => FIRST + i).filter((fd, i) =>
    !taken.has(fd) && (name === undefined || names[i] === name) &&
    listens(asFd(fd, "sd_listen_fds")) === listening
  );
  if (fds.length === 0) {
    const kind = listening ? "that listens" : "that doesn't listen";
    throw failed("ENOENT", `no socket ${kind}${name === undefined ? "" : ` and is called ${shown(name)}`} is left`);
  }
  for (const fd of fds) {
    taken.add(adopt(fd));
    if (own.fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) throw new LibcError("fcntl", errno(), `descriptor ${fd}`);
  }
  return fds;
}
