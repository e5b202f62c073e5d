/**
 * Descriptors that are tried, and waited for where there is nothing to be had yet.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { F_GETFL, F_SETFL, fcntl, O_NONBLOCK } from "../libc/fcntl.ts";
import { linkTarget } from "../native/own.ts";
import { isCode } from "./_common.ts";
import { waitSync } from "./_descriptor.ts";
import { lookAgain, ready, turn } from "./_reactor.ts";
import { BUSY, type Deadline } from "./_time.ts";

/** Has calls through a descriptor fail instead of waiting. */
export function nonblocking(fd: number): void {
  const flags = fcntl(fd, F_GETFL);
  if (!(flags & O_NONBLOCK)) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/** Tells whether a descriptor is of the kernel's things of this name; where /proc can't say, it is. */
export function leadsTo(fd: number, name: string): boolean {
  const target = linkTarget(`/proc/self/fd/${fd}`);
  if (target === undefined) fcntl(fd, F_GETFL); // it throws if there is none
  return target === undefined || target.endsWith(name);
}

/** Does a call once; a signal that interrupts it is no end to it. */
export function attempt<T>(call: () => T): T | typeof BUSY {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (isCode(error, "EAGAIN")) return BUSY;
      if (!isCode(error, "EINTR")) throw error;
    }
  }
}

/**
 * Repeats a call until it need not wait.
 *
 * @param open Gives the descriptor; throws once it is closed, as its number may be another's by then.
 */
export async function retry<T>(
  open: () => number,
  events: number,
  signal: AbortSignal | undefined,
  call: (fd: number) => T | typeof BUSY,
): Promise<T> {
  signal?.throwIfAborted();
  for (;;) {
    const result = attempt(() => call(open()));
    if (result !== BUSY) return result;
    const others = turn();
    if (others) {
      await others;
      signal?.throwIfAborted();
    }
    const fd = open();
    if (lookAgain(fd, events) === 0) await ready(fd, events, signal);
  }
}

/** The same, and nothing else runs meanwhile but a trace's listener. */
export function retrySync<T>(
  open: () => number,
  events: number,
  limit: Deadline | undefined,
  call: (fd: number) => T | typeof BUSY,
): T {
  for (;;) {
    const result = attempt(() => call(open()));
    if (result !== BUSY) return result;
    waitSync(open(), events, limit);
  }
}

/** Throws if a descriptor was closed. */
export function opened(fd: number, syscall: string): number {
  if (fd >= 0) return fd;
  throw new LibcError(syscall, "EBADF", "it is closed");
}
