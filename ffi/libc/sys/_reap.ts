/**
 * `waitid(2)` as the kernel has it: libc's hides that it tells what the child used.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { call, header, unless } from "../../native/header.ts";
import { filled, flags, i32, oneOf, u32 } from "../../native/kinds.ts";
import { layoutOf, memberOf, struct, structBytes } from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import { CLD_DUMPED, CLD_EXITED, INFO_SIZE, siginfo, siginfo_t } from "../_siginfo.ts";
import { rusage } from "./resource.ts";
import { P_ALL, P_PGID, P_PID, P_PIDFD, WaitStatus, WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WSTOPPED } from "./wait.ts";

const c = header({
  waitid: call(i32, [
    ["idtype", oneOf({ P_ALL, P_PID, P_PGID, P_PIDFD })],
    ["id", u32],
    ["infop", filled(siginfo)],
    ["options", flags({ WNOHANG, WSTOPPED, WEXITED, WCONTINUED, WNOWAIT }, { radix: 16 })],
    ["rusage", filled(struct(rusage))],
  ], {
    syscall: { x86_64: 247, aarch64: 95 },
    waits: unless("options", WNOHANG),
    lifecycle: true,
  }),
});

const USAGE = layoutOf(rusage).size;

/** How a child ended, and what it used. */
export interface Reaped {
  readonly status: WaitStatus;
  readonly usage: rusage;
}

/**
 * Reaps the child of a descriptor if it has ended.
 *
 * @param pidfd The descriptor of the child, checked.
 * @returns Nothing if it has not ended.
 * @throws {LibcError} `ECHILD` no child, or it was reaped; `EBADF`.
 */
export function reap(pidfd: number): Reaped | undefined {
  const info = new siginfo_t();
  const usage = new rusage();
  const infop = structBytes(info, INFO_SIZE, "waitid", "infop");
  const used = structBytes(usage, USAGE, "waitid", "rusage");
  if (c.waitid(P_PIDFD, pidfd >>> 0, infop, WEXITED | WNOHANG, used) < 0) throw new LibcError("waitid", errno());
  const member = (name: "si_pid" | "si_code" | "si_status") => memberOf(siginfo_t, info, name);
  if (member("si_pid") === 0) return undefined;
  const [code, status] = [member("si_code"), member("si_status")];
  const raw = code === CLD_EXITED ? (status & 0xff) << 8 : status | (code === CLD_DUMPED ? 0x80 : 0);
  return { status: new WaitStatus(raw), usage };
}
