/**
 * `<sys/pidfd.h>`: processes as descriptors.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt, asUint } from "../../native/check.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { call, header } from "../../native/header.ts";
import { descriptor, flags, i32, id } from "../../native/kinds.ts";
import { structBytes } from "../../native/layout.ts";
import { cstring, errno, setErrno } from "../../native/libc.ts";
import { tracing } from "../../native/observer.ts";
import { own, slurp } from "../../native/own.ts";
import { INFO_SIZE, siginfo, type siginfo_t } from "../_siginfo.ts";
import { signalKind, signalName } from "../_signals.ts";

/** {@linkcode pidfd_open}: `waitid` with the descriptor fails with `EAGAIN` instead of waiting. */
export const PIDFD_NONBLOCK = 0o4000;

// by their numbers: glibc has functions of these names only since 2.36
const c = header({
  pidfd_open: call(descriptor, [["pid", id], ["flags", flags({ PIDFD_NONBLOCK }, { radix: 16 })]], {
    syscall: { x86_64: 434, aarch64: 434 },
  }),
  pidfd_send_signal: call(
    i32,
    [["pidfd", id], ["sig", signalKind], ["info", siginfo], ["flags", flags({})]],
    {
      syscall: { x86_64: 424, aarch64: 424 },
    },
  ),
  pidfd_getfd: call(descriptor, [["pidfd", id], ["targetfd", id], ["flags", flags({})]], {
    syscall: { x86_64: 438, aarch64: 438 },
    // who is told of the call could have changed what the number is
    around: (bare) => (pidfd, targetfd, flags) => {
      if (tracing.current !== undefined && isRuntimes(pidfd, targetfd)) {
        setErrno(EBADF);
        return -1;
      }
      return bare(pidfd, targetfd, flags);
    },
  }),
});

/**
 * Gives a descriptor of a process, `pidfd_open(2)`, since Linux 5.3. It stays that process's when its pid is another's already;
 * `poll` says `POLLIN` when the process has ended. It is closed on `execve`.
 *
 * A child that has ended is still to be reaped, by `waitid` with `P_PIDFD` or by its pid.
 *
 * @param pid The process.
 * @param flags `PIDFD_NONBLOCK`; none unless given.
 * @returns The descriptor.
 * @throws {LibcError} `ESRCH` no such process; `EINVAL` no positive pid, a thread's id, or a wrong flag; `EMFILE`, `ENFILE`; `ENOSYS`
 * an older kernel.
 *
 * @example
 * ```ts
 * import { close, P_PIDFD, pidfd_open, pidfd_send_signal, poll, pollfds, POLLIN, posix_spawnp } from "./mod.ts";
 * import { siginfo_t, SIGTERM, waitid, WEXITED } from "./mod.ts";
 *
 * const pid = posix_spawnp("sleep", null, null, ["sleep", "60"]);
 * const pidfd = pidfd_open(pid);
 * pidfd_send_signal(pidfd, SIGTERM);
 * console.log(poll(new pollfds([pidfd, POLLIN]), -1)); // 1
 * const info = new siginfo_t();
 * waitid(P_PIDFD, pidfd, info, WEXITED);
 * console.log(info.si_status === SIGTERM); // true
 * close(pidfd);
 * ```
 */
export function pidfd_open(pid: number, flags?: number): number {
  if (flags === undefined) flags = 0;
  const fd = c.pidfd_open(asInt(pid, "pidfd_open", "pid"), asInt(flags, "pidfd_open", "flags"));
  if (fd < 0) throw new LibcError("pidfd_open", errno(), `pid ${pid}`);
  return fd;
}

/**
 * Sends a signal to a process by its descriptor, `pidfd_send_signal(2)`, since Linux 5.1: never to another that has got its pid.
 *
 * @param pidfd The descriptor of the process.
 * @param sig The signal; 0 only asks whether it could be sent.
 * @param info What the process is told of it; `null`, or left out, for what `kill` would tell.
 * @param flags 0; there are none.
 * @throws {LibcError} `ESRCH` it has ended and was reaped; `EPERM`; `EBADF`; `EINVAL` no such signal, or not that of `info`; `ENOSYS` an
 * older kernel.
 *
 * @example See {@linkcode pidfd_open}.
 */
export function pidfd_send_signal(pidfd: number, sig: number, info?: siginfo_t | null, flags?: number): void {
  if (info === undefined) info = null;
  if (flags === undefined) flags = 0;
  const result = c.pidfd_send_signal(
    asFd(pidfd, "pidfd_send_signal", "pidfd"),
    asInt(sig, "pidfd_send_signal", "sig"),
    info === null ? null : structBytes(info, INFO_SIZE, "pidfd_send_signal", "info"),
    asUint(flags, "pidfd_send_signal", "flags") | 0,
  );
  if (result < 0) throw new LibcError("pidfd_send_signal", errno(), `descriptor ${pidfd}, ${signalName(sig)}`);
}

const F_GETFD = 1;
const SELF = cstring("/proc/self", "readlink", "path");

/** Tells whether a descriptor is one of this process. */
function isOurs(pidfd: number): boolean {
  if (own.fcntl(pidfd, F_GETFD, 0) < 0) throw new LibcError("pidfd_getfd", errno(), `descriptor ${pidfd}`);
  try {
    const [, pid] = /^Pid:\s*(\d+)$/m.exec(decoder.decode(slurp(`/proc/self/fdinfo/${pidfd}`))) ?? [];
    // not getpid(): /proc may be that of another pid namespace
    const name = new Uint8Array(32);
    const length = own.readlink(SELF, name, 32n);
    return pid !== undefined && pid === decoder.decode(name.subarray(0, Math.max(0, length)));
  } catch (error) {
    throw error instanceof LibcError ? new LibcError("pidfd_getfd", error.errno, `it needs ${error.detail}`) : error;
  }
}

const decoder = new TextDecoder();

const EBADF = 9;

/** Tells whether it would be a copy of one of the Deno runtime's descriptors, or that cannot be told. */
function isRuntimes(pidfd: number, targetfd: number): boolean {
  try {
    if (isOurs(pidfd)) asFd(targetfd, "pidfd_getfd", "targetfd");
    return false;
  } catch {
    return true;
  }
}

/**
 * Takes a copy of another process's descriptor, `pidfd_getfd(2)`, since Linux 5.6: it may do so if it might debug it. The copy is
 * closed on `execve`.
 *
 * @param pidfd The descriptor of the process.
 * @param targetfd The number that the descriptor has there. The Deno runtime's own of this process are refused with `EBADF`.
 * @param flags 0; there are none.
 * @returns The descriptor.
 * @throws {LibcError} `EBADF` no such descriptor here or there; `EPERM` not allowed; `ESRCH` it has ended; `EINVAL` a flag; `EMFILE`,
 * `ENFILE`; `ENOENT` without `/proc`; `ENOSYS` an older kernel.
 *
 * @example
 * ```ts
 * import { close, getpid, pidfd_getfd, pidfd_open, pipe, read, write } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * const pidfd = pidfd_open(getpid());
 * const copy = pidfd_getfd(pidfd, writer);
 * console.log(write(copy, "hello"), read(reader, new Uint8Array(80))); // 5 5
 * for (const fd of [reader, writer, pidfd, copy]) close(fd);
 * ```
 */
export function pidfd_getfd(pidfd: number, targetfd: number, flags?: number): number {
  if (flags === undefined) flags = 0;
  pidfd = asFd(pidfd, "pidfd_getfd", "pidfd");
  targetfd = asInt(targetfd, "pidfd_getfd", "targetfd");
  flags = asUint(flags, "pidfd_getfd", "flags") | 0;
  if (isOurs(pidfd)) asFd(targetfd, "pidfd_getfd", "targetfd");
  const fd = c.pidfd_getfd(pidfd, targetfd, flags);
  if (fd < 0) throw new LibcError("pidfd_getfd", errno(), `descriptor ${targetfd} of ${pidfd}`);
  return fd;
}
