/**
 * What sockets do with their descriptors and files.
 *
 * @module
 */
import { sockaddr_in, sockaddr_in6 } from "../libc/netinet/in.ts";
import { poll, pollfds } from "../libc/poll.ts";
import { AF_INET, AF_INET6, AF_UNIX, type sockaddr, sockaddr_storage } from "../libc/sys/socket.ts";
import { sockaddr_un } from "../libc/sys/un.ts";
import { close, unlink } from "../libc/unistd.ts";
import { isCode } from "./_common.ts";
import { noteMade, removeMade } from "./_made.ts";
import type { Deadline } from "./_time.ts";

const LONGEST_POLL = 0x7fff_ffff; // an int

/** Waits until a descriptor is ready, and lets nothing else run. */
export function waitSync(fd: number, events: number, limit?: Deadline): void {
  const left = limit === undefined ? -1 : Math.min(Math.ceil(limit.left), LONGEST_POLL);
  if (left === 0) throw limit!.over();
  try {
    poll(new pollfds([fd, events]), left);
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

/** The file that binding to an address makes, if it makes one. */
export function fileOf(address: sockaddr): string | undefined {
  const { path } = address;
  return path && !path.startsWith("@") ? path : undefined;
}

/** Removes a socket's file. */
export function removeFile(path: string): void {
  try {
    unlink(path);
  } catch (error) {
    // somebody was faster
    if (!isCode(error, "ENOENT")) throw error;
  }
}

/** Notes the file that a socket made when it was bound, if it made one. */
export function noteFile(owner: object, address: sockaddr): void {
  const path = fileOf(address);
  if (path !== undefined) noteMade(owner, { path }, () => removeFile(path));
}

/** Closes a socket's descriptor, and removes its file unless it is that of the parent. */
export function release(fd: number, owner: object): void {
  close(fd);
  removeMade(owner);
}
