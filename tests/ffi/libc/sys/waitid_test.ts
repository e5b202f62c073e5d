import { assert, assertEquals } from "@std/assert";
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  close,
  getuid,
  kill,
  P_ALL,
  P_PGID,
  P_PID,
  P_PIDFD,
  PIDFD_NONBLOCK,
  pidfd_open,
  POSIX_SPAWN_SETPGROUP,
  posix_spawnattr_setflags,
  posix_spawnattr_t,
  posix_spawnp,
  SIGCHLD,
  SIGCONT,
  siginfo_t,
  SIGKILL,
  SIGSTOP,
  timeval,
  waitid,
  waitpid,
  WaitStatus,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WSTOPPED,
} from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { fails, process, run } from "../../../support.ts";

// deno-lint-ignore no-explicit-any -- what no type allows
const any = (value: unknown) => value as any;

const exiting = (code: number) => posix_spawnp("sh", null, null, ["sh", "-c", `exit ${code}`]);
const sleeping = (attributes: posix_spawnattr_t | null = null) =>
  posix_spawnp("sleep", null, attributes, ["sleep", "600"]);

/** What happened to a child. */
const told = ({ si_signo, si_code, si_pid, si_uid, si_status }: siginfo_t) => [
  si_signo,
  si_code,
  si_pid,
  si_uid,
  si_status,
];

Deno.test("waitid() tells how a child ended, and reaps it", () => {
  const info = new siginfo_t();
  const pid = exiting(3);
  waitid(P_PID, pid, info, WEXITED);
  assertEquals(told(info), [SIGCHLD, CLD_EXITED, pid, getuid(), 3]);
  assertEquals([info.si_errno, info.si_int, info.si_ptr, info.si_fd], [0, 3, 3n, 3]);
  assert(info.si_utime >= 0 && info.si_stime >= 0);
  assertEquals(process(pid), undefined);
  fails("ECHILD", () => waitid(P_PID, pid, info, WEXITED));
});

Deno.test("waitid() tells which signal ended, stopped or continued a child", () => {
  const info = new siginfo_t();
  const pid = sleeping();
  const uid = getuid();
  try {
    kill(pid, SIGSTOP);
    waitid(P_PID, pid, info, WSTOPPED);
    assertEquals(told(info), [SIGCHLD, CLD_STOPPED, pid, uid, SIGSTOP]);
    kill(pid, SIGCONT);
    waitid(P_PID, pid, info, WCONTINUED);
    assertEquals(told(info), [SIGCHLD, CLD_CONTINUED, pid, uid, SIGCONT]);
  } finally {
    kill(pid, SIGKILL);
    waitid(P_PID, pid, info, WEXITED);
  }
  assertEquals(told(info), [SIGCHLD, CLD_KILLED, pid, uid, SIGKILL]);
});

needs("python3")("waitid() tells of a core dump where the system makes one, as it tells Python", async () => {
  // whether it does is a matter of the limits of this process, so ask another language
  const code = "import os\nif not (p := os.fork()): os.abort()\nprint(os.waitid(os.P_PID, p, os.WEXITED).si_code)";
  const cwd = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const { stdout } = await run("python3", ["-c", code], { cwd });
    const info = new siginfo_t();
    const pid = posix_spawnp("sh", null, null, ["sh", "-c", `cd ${cwd}; kill -ABRT $$`]);
    waitid(P_PID, pid, info, WEXITED);
    assertEquals(info.si_code, Number(stdout));
    assert([CLD_KILLED, CLD_DUMPED].includes(info.si_code));
  } finally {
    Deno.removeSync(cwd, { recursive: true });
  }
});

Deno.test("waitid() with WNOWAIT leaves the child to be reaped", () => {
  const info = new siginfo_t();
  const pid = exiting(4);
  for (let i = 0; i < 3; i++) {
    waitid(P_PID, pid, info, WEXITED | WNOWAIT);
    assertEquals(told(info).slice(1), [CLD_EXITED, pid, getuid(), 4]);
    assertEquals(process(pid)?.state, "Z");
  }
  const wstat = new WaitStatus();
  assertEquals([waitpid(pid, wstat), wstat.exitStatus], [pid, 4]);
});

Deno.test("waitid() with WNOHANG stores zeros while nothing has happened", () => {
  const info = new siginfo_t();
  info.bytes.fill(0xff);
  const pid = sleeping();
  waitid(P_PID, pid, info, WEXITED | WNOHANG);
  assertEquals([info.si_signo, info.si_pid], [0, 0]);
  kill(pid, SIGKILL);
  waitid(P_PID, pid, null, WEXITED);
});

Deno.test("waitid() waits for any child, for those of a group, and for that of a descriptor", () => {
  const info = new siginfo_t();
  const group = new posix_spawnattr_t();
  posix_spawnattr_setflags(group, POSIX_SPAWN_SETPGROUP);
  const leader = sleeping(group);
  const other = exiting(5);
  waitid(P_ALL, 0, info, WEXITED);
  assertEquals([info.si_pid, info.si_status], [other, 5]);
  const pidfd = pidfd_open(leader, PIDFD_NONBLOCK);
  const plain = pidfd_open(leader);
  try {
    fails("EAGAIN", () => waitid(P_PIDFD, pidfd, info, WEXITED));
    waitid(P_PGID, leader, info, WEXITED | WNOHANG);
    assertEquals(info.si_pid, 0);
    fails("ECHILD", () => waitid(P_PGID, other, info, WEXITED | WNOHANG));
    kill(leader, SIGKILL);
    waitid(P_PGID, leader, info, WEXITED | WNOWAIT);
    assertEquals([info.si_pid, info.si_code], [leader, CLD_KILLED]);
    waitid(P_PIDFD, plain, info, WEXITED);
    assertEquals([info.si_pid, info.si_code], [leader, CLD_KILLED]);
    fails("ECHILD", () => waitid(P_PIDFD, plain, info, WEXITED));
  } finally {
    close(pidfd);
    close(plain);
  }
});

Deno.test("waitid() fails with EINVAL, EBADF or EFAULT for what is no argument of its", () => {
  const info = new siginfo_t();
  fails("EINVAL", () => waitid(P_ALL, 0, info, 0));
  fails("EINVAL", () => waitid(P_ALL, 0, info, WNOHANG));
  fails("EINVAL", () => waitid(7, 0, info, WEXITED));
  fails("EINVAL", () => waitid(P_PID, 0, info, WEXITED));
  fails("EINVAL", () => waitid(P_ALL, 0, info, WEXITED | 0x40));
  fails("EBADF", () => waitid(P_PIDFD, 777, info, WEXITED));
  fails("EINVAL", () => waitid(P_PIDFD, -1, info, WEXITED));
  fails("EBADF", () => waitid(P_PIDFD, 0, info, WEXITED));
  for (const bad of NOT_INTEGERS) {
    fails("EINVAL", () => waitid(any(bad), 0, info, WEXITED));
    fails("EINVAL", () => waitid(P_PID, any(bad), info, WEXITED));
    fails("EINVAL", () => waitid(P_PIDFD, any(bad), info, WEXITED));
    fails("EINVAL", () => waitid(P_ALL, 0, info, any(bad)));
  }
  for (const bad of [undefined, 5, {}, new timeval(), new Proxy(info, {})]) {
    fails("EFAULT", () => waitid(P_ALL, 0, any(bad), WEXITED));
  }
  info.bytes.buffer.transfer();
  fails("EFAULT", () => waitid(P_ALL, 0, info, WEXITED));
  fails("EFAULT", () => info.si_ptr);
});
