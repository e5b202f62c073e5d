/**
 * `<sys/wait.h>`: how children ended.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt, asUint } from "../../native/check.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { call, header, unless } from "../../native/header.ts";
import { filled, flags, i32, id, type Kind, memory, oneOf, u32, viewOn } from "../../native/kinds.ts";
import { layout, layoutOf, Struct, struct, structBytes } from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import type { TracedArgument } from "../../trace/event.ts";
import { siginfo, siginfo_t } from "../_siginfo.ts";
import { signalFlags, signalName } from "../_signals.ts";
import { rusage } from "./resource.ts";

/** Return 0 at once if no child has ended. */
export const WNOHANG = 1;
/** Report stopped children, too. */
export const WUNTRACED = 2;
/** Report stopped children that go on, too. */
export const WCONTINUED = 8;
/** {@linkcode waitid}: report stopped children. */
export const WSTOPPED = 2;
/** {@linkcode waitid}: report children that have ended. */
export const WEXITED = 4;
/** {@linkcode waitid}: leave the child as it is, to be waited for again. */
export const WNOWAIT = 0x1000000;

/** {@linkcode waitid}: any child. */
export const P_ALL = 0;
/** {@linkcode waitid}: the child of a pid. */
export const P_PID = 1;
/** {@linkcode waitid}: any child of a process group. */
export const P_PGID = 2;
/** {@linkcode waitid}: the child of a `pidfd_open` descriptor. */
export const P_PIDFD = 3;

/**
 * How a child ended: C's `int wstat` with the macros of `wait(2)` as properties. A property is `null`
 * where its question does not apply.
 *
 * @example
 * ```ts
 * import { WaitStatus } from "./mod.ts";
 *
 * console.log(String(new WaitStatus(103 << 8))); // exited with 103
 * console.log(new WaitStatus(9).terminatingSignal); // SIGKILL
 * ```
 */
export class WaitStatus extends Struct {
  /**
   * Makes a status.
   *
   * @param raw The number that `wait(2)` stored; 0 for a status that a call is going to fill.
   */
  constructor(raw?: number) {
    super();
    this.raw = raw === undefined ? 0 : raw;
  }
  /** The number as `wait(2)` stored it. */
  declare raw: number;
  get #signal(): number {
    return this.raw & 0x7f;
  }
  /** `WIFEXITED`: it called `exit` or returned from `main`. */
  get exited(): boolean {
    return this.#signal === 0;
  }
  /** `WEXITSTATUS`: the lowest 8 bits of what it gave to `exit`. */
  get exitStatus(): number | null {
    return this.exited ? this.w_retcode : null;
  }
  /** `WIFSIGNALED`: a signal ended it. */
  get signaled(): boolean {
    return this.#signal !== 0 && this.#signal !== 0x7f;
  }
  /** `WTERMSIG`: the name of the signal that ended it. */
  get terminatingSignal(): string | null {
    return this.signaled ? signalName(this.#signal) : null;
  }
  /** `WCOREDUMP`: it left a core dump. */
  get coreDumped(): boolean {
    return this.signaled && (this.raw & 0x80) !== 0;
  }
  /** `WIFSTOPPED`: it is stopped, reported with `WUNTRACED`. */
  get stopped(): boolean {
    return (this.raw & 0xff) === 0x7f;
  }
  /** `WSTOPSIG`: the name of the signal that stopped it. */
  get stoppingSignal(): string | null {
    return this.stopped ? signalName(this.w_retcode) : null;
  }
  /** `WIFCONTINUED`: it goes on after a stop, reported with `WCONTINUED`. */
  get continued(): boolean {
    return this.raw === 0xffff;
  }
  /** The exit code as `union wait` of BSD and SunOS calls it: bits 8 to 15, whatever they mean. */
  get w_retcode(): number {
    return this.raw >> 8 & 0xff;
  }
  /** Says it in words: `exited with 103`, `killed by SIGKILL`, `stopped by SIGTSTP`, `continued`. */
  override toString(): string {
    if (this.continued) return "continued";
    if (this.stopped) return `stopped by ${this.stoppingSignal}`;
    if (this.signaled) return `killed by ${this.terminatingSignal}${this.coreDumped ? " (core dumped)" : ""}`;
    return `exited with ${this.exitStatus}`;
  }
}

layout(WaitStatus, "wait", { raw: i32 });

/** What a trace tells of a status: the macros of `wait(2)` that apply. */
const wstatus: Kind<"buffer"> = memory((data) => {
  const status = new WaitStatus(viewOn(data).getInt32(0, true));
  const fields: Record<string, TracedArgument> = {};
  if (status.continued) fields.WIFCONTINUED = 1;
  else if (status.stopped) fields.WSTOPSIG = signalFlags(status.w_retcode);
  else if (status.exited) fields.WEXITSTATUS = status.w_retcode;
  else fields.WTERMSIG = signalFlags(status.raw & 0x7f);
  if (status.coreDumped) fields.WCOREDUMP = 1;
  return { struct: "wstatus", fields };
});

// nothing is stored if no child had anything to tell
const told = filled(wstatus, (call) => call.result! > 0);
const used = filled(struct(rusage), (call) => call.result! > 0);
const options = flags({ WNOHANG, WUNTRACED, WCONTINUED }, { radix: 16 });
const waiting = { waits: unless("options", WNOHANG), lifecycle: true };

const c = header({
  wait: call(id, [["wstatus", told]], { ...waiting, waits: () => true }),
  waitpid: call(id, [["pid", id], ["wstatus", told], ["options", options]], waiting),
  wait3: call(id, [["wstatus", told], ["options", options], ["rusage", used]], waiting),
  wait4: call(id, [["pid", id], ["wstatus", told], ["options", options], ["rusage", used]], waiting),
  waitid: call(i32, [
    ["idtype", oneOf({ P_ALL, P_PID, P_PGID, P_PIDFD })],
    ["id", u32],
    ["infop", filled(siginfo)],
    ["options", flags({ WNOHANG, WSTOPPED, WEXITED, WCONTINUED, WNOWAIT }, { radix: 16 })],
  ], waiting),
});

const SIZE = {
  status: layoutOf(WaitStatus).size,
  rusage: layoutOf(rusage).size,
  siginfo: layoutOf(siginfo_t).size,
};

function status(wstatus: WaitStatus | null, syscall: string): Uint8Array<ArrayBuffer> | null {
  return wstatus === null ? null : structBytes(wstatus, SIZE.status, syscall, "wstatus");
}

function usage(used: rusage | null, syscall: string): Uint8Array<ArrayBuffer> | null {
  return used === null ? null : structBytes(used, SIZE.rusage, syscall, "rusage");
}

/**
 * Waits for any child to end and reaps it, `wait(2)`. Blocks the whole program, handlers included.
 *
 * @param wstatus Where to store how it ended, or `null`.
 * @returns The child's pid.
 * @throws {LibcError} `ECHILD` there are no children; `EINTR`.
 *
 * @example
 * ```ts ignore
 * import { enableFork, fork, wait, WaitStatus } from "./mod.ts";
 *
 * enableFork();
 * const pid = fork(() => 3);
 * const wstat = new WaitStatus();
 * console.log(wait(wstat) === pid, String(wstat)); // true exited with 3
 * ```
 */
export function wait(wstatus?: WaitStatus | null): number {
  if (wstatus === undefined) wstatus = null;
  const pid = c.wait(status(wstatus, "wait"));
  if (pid < 0) throw new LibcError("wait", errno());
  return pid;
}

/**
 * Waits for certain children, `waitpid(2)`.
 *
 * @param pid A child; -1 any; 0 any of this process group; below -1 any of group `-pid`.
 * @param wstatus Where to store how it ended, or `null`.
 * @param options `WNOHANG`, `WUNTRACED`, `WCONTINUED`.
 * @returns The child's pid; 0 with `WNOHANG` if none has ended.
 * @throws {LibcError} `ECHILD` no such child; `EINTR`; `EINVAL`.
 *
 * @example
 * ```ts ignore
 * import { enableFork, fork, waitpid, WaitStatus } from "./mod.ts";
 *
 * enableFork();
 * const wstat = new WaitStatus();
 * waitpid(fork(() => 3), wstat, 0);
 * console.log(wstat.exitStatus); // 3
 * ```
 */
export function waitpid(pid: number, wstatus?: WaitStatus | null, options?: number): number {
  if (wstatus === undefined) wstatus = null;
  if (options === undefined) options = 0;
  const result = c.waitpid(
    asInt(pid, "waitpid", "pid"),
    status(wstatus, "waitpid"),
    asInt(options, "waitpid", "options"),
  );
  if (result < 0) throw new LibcError("waitpid", errno(), `pid ${pid}`);
  return result;
}

/**
 * Waits for any child and tells what it used, `wait3(2)`.
 *
 * @param wstatus Where to store how it ended, or `null`.
 * @param options `WNOHANG`, `WUNTRACED`, `WCONTINUED`.
 * @param used Where to store what it used, or `null`.
 * @returns The child's pid; 0 with `WNOHANG` if none has ended.
 * @throws {LibcError} `ECHILD` there are no children; `EINTR`; `EINVAL`.
 *
 * @example
 * ```ts ignore
 * import { enableFork, fork, rusage, wait3, WaitStatus } from "./mod.ts";
 *
 * enableFork();
 * fork(() => 3);
 * const wstat = new WaitStatus(), used = new rusage();
 * wait3(wstat, 0, used);
 * console.log(String(wstat), used.ru_maxrss, "KiB");
 * ```
 */
export function wait3(wstatus?: WaitStatus | null, options?: number, used?: rusage | null): number {
  if (wstatus === undefined) wstatus = null;
  if (options === undefined) options = 0;
  if (used === undefined) used = null;
  const pid = c.wait3(status(wstatus, "wait3"), asInt(options, "wait3", "options"), usage(used, "wait3"));
  if (pid < 0) throw new LibcError("wait3", errno());
  return pid;
}

/**
 * Waits for certain children and tells what they used, `wait4(2)`: {@linkcode waitpid} with {@linkcode wait3}'s `rusage`.
 *
 * @param pid A child; -1 any; 0 any of this process group; below -1 any of group `-pid`.
 * @param wstatus Where to store how it ended, or `null`.
 * @param options `WNOHANG`, `WUNTRACED`, `WCONTINUED`.
 * @param used Where to store what it used, or `null`.
 * @returns The child's pid; 0 with `WNOHANG` if none has ended.
 * @throws {LibcError} `ECHILD` no such child; `EINTR`; `EINVAL`.
 *
 * @example
 * ```ts ignore
 * import { enableFork, fork, rusage, wait4, WaitStatus } from "./mod.ts";
 *
 * enableFork();
 * const used = new rusage();
 * wait4(fork(() => 0), new WaitStatus(), 0, used);
 * console.log(used.ru_utime, "s");
 * ```
 */
export function wait4(
  pid: number,
  wstatus?: WaitStatus | null,
  options?: number,
  used?: rusage | null,
): number {
  if (wstatus === undefined) wstatus = null;
  if (options === undefined) options = 0;
  if (used === undefined) used = null;
  const result = c.wait4(
    asInt(pid, "wait4", "pid"),
    status(wstatus, "wait4"),
    asInt(options, "wait4", "options"),
    usage(used, "wait4"),
  );
  if (result < 0) throw new LibcError("wait4", errno(), `pid ${pid}`);
  return result;
}

/**
 * Waits for certain children to change, and tells how, `waitid(2)`: also without reaping them (`WNOWAIT`), only for their
 * stopping or going on, and by a `pidfd_open` descriptor, whose number cannot be taken by another process meanwhile.
 *
 * @param idtype What `id` is: `P_PID`, `P_PGID`, `P_PIDFD`, or `P_ALL` for any child.
 * @param id A pid, a process group (0 this one), a descriptor; nothing with `P_ALL`.
 * @param infop Where to store what happened: `si_pid`, `si_code` (`CLD_EXITED`, `CLD_KILLED` …), `si_status`; or `null`. With
 * `WNOHANG`, `si_pid` is 0 if nothing has.
 * @param options What to wait for: `WEXITED`, `WSTOPPED`, `WCONTINUED`; and `WNOHANG`, `WNOWAIT`.
 * @throws {LibcError} `ECHILD` no such child; `EINTR`; `EINVAL` nothing to wait for; `EBADF`; `EAGAIN` a `PIDFD_NONBLOCK` descriptor
 * whose process has not ended.
 *
 * @example
 * ```ts
 * import { CLD_EXITED, P_PID, posix_spawnp, siginfo_t, waitid, waitpid, WEXITED, WNOWAIT } from "./mod.ts";
 *
 * const pid = posix_spawnp("sh", null, null, ["sh", "-c", "exit 3"]);
 * const info = new siginfo_t();
 * waitid(P_PID, pid, info, WEXITED | WNOWAIT);
 * console.log(info.si_code === CLD_EXITED, info.si_status); // true 3
 * waitpid(pid); // it was not reaped
 * ```
 */
export function waitid(idtype: number, id: number, infop: siginfo_t | null, options: number): void {
  idtype = asInt(idtype, "waitid", "idtype");
  id = idtype === P_PIDFD ? asFd(id, "waitid", "id") >>> 0 : asUint(id, "waitid", "id");
  const info = infop === null ? null : structBytes(infop, SIZE.siginfo, "waitid", "infop");
  if (c.waitid(idtype, id, info, asInt(options, "waitid", "options")) < 0) {
    throw new LibcError("waitid", errno(), `id ${id}`);
  }
}
