/**
 * `<sys/signalfd.h>`: signals that are read from a descriptor.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt } from "../../native/check.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { call, header } from "../../native/header.ts";
import { char, descriptor, flags, i32, id, u16, u32, u64 } from "../../native/kinds.ts";
import { layout, Struct } from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import { setBytes, sigset, type sigset_t } from "../_sigset.ts";

/** Fail with `EAGAIN` instead of waiting. */
export const SFD_NONBLOCK = 0o4000;
/** Close it on `execve`. */
export const SFD_CLOEXEC = 0o2000000;

/** What is read of each signal, `struct signalfd_siginfo` of `signalfd(2)`: the members of {@linkcode siginfo_t}, side by side. */
export class signalfd_siginfo extends Struct {
  /** The signal. */
  declare readonly ssi_signo: number;
  /** An error's number; Linux hardly ever sets it. */
  declare readonly ssi_errno: number;
  /** Why it was sent, such as `SI_USER` or `CLD_EXITED`. */
  declare readonly ssi_code: number;
  /** The process that sent it, or the child. */
  declare readonly ssi_pid: number;
  /** Its user. */
  declare readonly ssi_uid: number;
  /** `SIGIO`: the descriptor. */
  declare readonly ssi_fd: number;
  /** `SI_TIMER`: the timer. */
  declare readonly ssi_tid: number;
  /** `SIGIO`: the events, as of `poll(2)`. */
  declare readonly ssi_band: number;
  /** `SI_TIMER`: how often the timer was over besides. */
  declare readonly ssi_overrun: number;
  /** A fault's number. */
  declare readonly ssi_trapno: number;
  /** `SIGCHLD`: the exit status, or a signal. */
  declare readonly ssi_status: number;
  /** `SI_QUEUE`: the value as an `int`. */
  declare readonly ssi_int: number;
  /** `SI_QUEUE`: the value as a pointer's 64 bits. */
  declare readonly ssi_ptr: bigint;
  /** `SIGCHLD`: the processor time that the child used itself, in clock ticks. */
  declare readonly ssi_utime: bigint;
  /** `SIGCHLD`: the processor time that the kernel used for it, in clock ticks. */
  declare readonly ssi_stime: bigint;
  /** The address of a fault. */
  declare readonly ssi_addr: bigint;
}
layout(signalfd_siginfo, "signalfd", {
  ssi_signo: u32,
  ssi_errno: i32,
  ssi_code: i32,
  ssi_pid: u32,
  ssi_uid: u32,
  ssi_fd: i32,
  ssi_tid: u32,
  ssi_band: u32,
  ssi_overrun: u32,
  ssi_trapno: u32,
  ssi_status: i32,
  ssi_int: i32,
  ssi_ptr: u64,
  ssi_utime: u64,
  ssi_stime: u64,
  ssi_addr: u64,
  __addr_lsb: u16,
  __rest: char(46),
}, []);

const c = header({
  signalfd: call(descriptor, [["fd", id], ["mask", sigset], [
    "flags",
    flags({ SFD_CLOEXEC, SFD_NONBLOCK }, { radix: 16 }),
  ]]),
});

/**
 * Makes a descriptor from which signals are read, `signalfd(2)`: 128 bytes each, a {@linkcode signalfd_siginfo}. They have to be
 * blocked by {@linkcode sigprocmask}, or they do what they would do without it.
 *
 * @param fd -1 for a new one; else one that has been made before, which gets this set.
 * @param mask The signals.
 * @param flags `SFD_NONBLOCK`, `SFD_CLOEXEC`; 0 unless given.
 * @returns The descriptor.
 * @throws {LibcError} `EBADF`; `EINVAL` the descriptor is something else, or a flag that is none; `EMFILE`, `ENFILE` too
 * many descriptors; `ENODEV`, `ENOMEM`.
 *
 * @example
 * ```ts
 * import { close, getpid, kill, read, SIG_BLOCK, SIG_UNBLOCK, sigaddset, signalfd, signalfd_siginfo, sigprocmask, sigset_t, SIGUSR1 } from "./mod.ts";
 *
 * const set = new sigset_t();
 * sigaddset(set, SIGUSR1);
 * sigprocmask(SIG_BLOCK, set);
 * const fd = signalfd(-1, set);
 * kill(getpid(), SIGUSR1);
 * const info = new signalfd_siginfo();
 * read(fd, info.bytes);
 * console.log(info.ssi_signo, info.ssi_pid === getpid()); // 10 true
 * close(fd);
 * sigprocmask(SIG_UNBLOCK, set);
 * ```
 */
export function signalfd(fd: number, mask: sigset_t, flags?: number): number {
  if (flags === undefined) flags = 0;
  const set = setBytes(mask, "signalfd", "mask");
  flags = asInt(flags, "signalfd", "flags");
  const result = c.signalfd(fd === -1 ? -1 : asFd(fd, "signalfd"), set, flags);
  if (result < 0) throw new LibcError("signalfd", errno(), `descriptor ${fd}, flags ${flags}`);
  return result;
}
