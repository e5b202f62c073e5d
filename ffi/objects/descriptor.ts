/**
 * What {@linkcode Socket} and {@linkcode Listener} share.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { sockaddr_in, sockaddr_in6 } from "../libc/netinet/in.ts";
import { poll, pollfds } from "../libc/poll.ts";
import { AF_INET, AF_INET6, AF_UNIX, type sockaddr, sockaddr_storage, sockaddr_un } from "../libc/sys/socket.ts";
import { close, getpid, unlink } from "../libc/unistd.ts";
import { forget } from "./reactor.ts";

/** Tells whether this is the library's error with this code. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof LibcError && error.code === code;
}

/** Waits until a descriptor is ready, and lets nothing else run. */
export function waitSync(fd: number, events: number): void {
  try {
    poll(new pollfds([fd, events]), -1);
  } catch (error) {
    // after a signal, the caller tries again and comes back
    if (!isCode(error, "EINTR")) throw error;
  }
}

/** An empty address of a family. */
export function addressFor(domain: number): sockaddr {
  switch (domain) {
    case AF_INET:
      return new sockaddr_in();
    case AF_INET6:
      return new sockaddr_in6();
    case AF_UNIX:
      return new sockaddr_un();
    default:
      return new sockaddr_storage();
  }
}

/** The file that a socket has in the file system, and the process that made it. */
export interface SocketFile {
  readonly path: string;
  readonly pid: number;
}

/** Notes a file that this process has made. */
export function madeFile(path: string | undefined): SocketFile | undefined {
  return path === undefined ? undefined : { path, pid: getpid() };
}

/** Closes a descriptor, and removes its file unless it is that of the parent. */
export function release(fd: number, file: SocketFile | undefined): void {
  forget(fd);
  close(fd);
  if (file === undefined || file.pid !== getpid()) return;
  try {
    unlink(file.path);
  } catch (error) {
    // somebody was faster
    if (!isCode(error, "ENOENT")) throw error;
  }
}
