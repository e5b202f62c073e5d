/**
 * What the classes need of a descriptor, and nobody else.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { errno, libc } from "./libc.ts";

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** Sets `O_NONBLOCK`, which all who share the open file get to feel. */
export function setNonblocking(fd: number): void {
  const flags = libc.fcntl(fd, F_GETFL, 0);
  if (flags < 0) throw new LibcError("fcntl", errno(), `descriptor ${fd}`);
  if (flags & O_NONBLOCK) return;
  if (libc.fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) throw new LibcError("fcntl", errno(), `descriptor ${fd}`);
}

/**
 * Sets the permissions of the file that binding this unix socket will make, so that there is no moment at which it
 * is open to everybody. (Linux gives the file the permissions of the socket, less the umask.)
 */
export function setMode(fd: number, mode: number): void {
  if (libc.fchmod(fd, mode) < 0) throw new LibcError("fchmod", errno(), `mode 0${mode.toString(8)}`);
}
