import { assert, assertEquals } from "@std/assert";
import {
  fork,
  getpid,
  kill,
  raise,
  rusage,
  SIGABRT,
  SIGCONT,
  SIGKILL,
  SIGSTOP,
  SIGTERM,
  usleep,
  wait,
  wait3,
  wait4,
  waitpid,
  WaitStatus,
  WCONTINUED,
  WNOHANG,
  WUNTRACED,
} from "../../../../mod.ts";
import { needs } from "../../../needs.ts";
import { fails, process, run } from "../../../support.ts";

/** A child that waits to be killed. */
const sleeper = () =>
  fork(() => {
    while (true) usleep(100_000);
  });

/** Everything that a status answers. */
const answers = (wstat: WaitStatus) => ({
  exited: wstat.exited,
  exitStatus: wstat.exitStatus,
  signaled: wstat.signaled,
  terminatingSignal: wstat.terminatingSignal,
  coreDumped: wstat.coreDumped,
  stopped: wstat.stopped,
  stoppingSignal: wstat.stoppingSignal,
  continued: wstat.continued,
  text: String(wstat),
});

const nothing = {
  exited: false,
  exitStatus: null,
  signaled: false,
  terminatingSignal: null,
  coreDumped: false,
  stopped: false,
  stoppingSignal: null,
  continued: false,
};

Deno.test("wait() reaps a child and tells how it exited", () => {
  for (const status of [0, 1, 103, 255]) {
    const wstat = new WaitStatus();
    const pid = fork(() => status);
    assertEquals(wait(wstat), pid);
    assertEquals(answers(wstat), { ...nothing, exited: true, exitStatus: status, text: `exited with ${status}` });
    assertEquals(wstat.w_retcode, status);
    assertEquals(process(pid), undefined);
  }
});

Deno.test("waitpid() tells which signal ended a child", () => {
  for (const [sig, name] of [[SIGKILL, "SIGKILL"], [SIGTERM, "SIGTERM"]] as const) {
    const wstat = new WaitStatus();
    const pid = sleeper();
    kill(pid, sig);
    assertEquals(waitpid(pid, wstat), pid);
    assertEquals(answers(wstat), { ...nothing, signaled: true, terminatingSignal: name, text: `killed by ${name}` });
  }
});

needs("perl")("waitpid() tells of a core dump where the system makes one", async () => {
  // whether it does is a matter of the limits of this process, so ask another language
  const { stdout } = await run("perl", [
    "-e",
    "if (!fork) { kill ABRT => $$; sleep } wait; print $? & 128 ? 1 : 0; unlink 'core'",
  ], {
    cwd: "/tmp",
  });
  const wstat = new WaitStatus();
  waitpid(fork(() => raise(SIGABRT)), wstat);
  assertEquals(wstat.terminatingSignal, "SIGABRT");
  assertEquals(wstat.coreDumped, stdout === "1");
});

Deno.test("waitpid() with WUNTRACED and WCONTINUED tells of a child's stop and going on", () => {
  const wstat = new WaitStatus();
  const pid = sleeper();
  kill(pid, SIGSTOP); // the others that stop don't stop an orphaned process group
  assertEquals(waitpid(pid, wstat, WUNTRACED), pid);
  assertEquals(answers(wstat), { ...nothing, stopped: true, stoppingSignal: "SIGSTOP", text: "stopped by SIGSTOP" });
  assertEquals(waitpid(pid, wstat, WUNTRACED | WNOHANG), 0);
  kill(pid, SIGCONT);
  assertEquals(waitpid(pid, wstat, WCONTINUED), pid);
  assertEquals(answers(wstat), { ...nothing, continued: true, text: "continued" });
  kill(pid, SIGKILL);
  assertEquals(waitpid(pid, wstat, WUNTRACED | WCONTINUED), pid);
  assertEquals(wstat.terminatingSignal, "SIGKILL");
});

Deno.test("waitpid(), wait3() and wait4() return 0 with WNOHANG while the child lives", () => {
  const pid = sleeper();
  try {
    const wstat = new WaitStatus(0x1234);
    const used = new rusage();
    assertEquals([waitpid(pid, wstat, WNOHANG), wait3(wstat, WNOHANG, used), wait4(pid, wstat, WNOHANG, used)], [
      0,
      0,
      0,
    ]);
  } finally {
    kill(pid, SIGKILL);
    waitpid(pid);
  }
});

Deno.test("wait functions fail with ECHILD without a child", () => {
  fails("ECHILD", () => wait());
  fails("ECHILD", () => waitpid(-1));
  fails("ECHILD", () => wait3());
  fails("ECHILD", () => wait4(-1));
  fails("ECHILD", () => waitpid(getpid()));
  fails("ECHILD", () => waitpid(1, null, WNOHANG));
});

Deno.test("waitpid() takes a child out of order, by -1, by 0 and by its group", () => {
  const first = fork(() => 1);
  const second = fork(() => 2);
  const wstat = new WaitStatus();
  assertEquals([waitpid(second, wstat), wstat.exitStatus], [second, 2]);
  assertEquals([waitpid(-1, wstat), wstat.exitStatus], [first, 1]);
  const third = fork(() => 3);
  assertEquals([waitpid(0, wstat), wstat.exitStatus], [third, 3]);
  const group = Number(/\) \S \d+ (\d+)/.exec(Deno.readTextFileSync("/proc/self/stat"))![1]);
  const fourth = fork(() => 4);
  assertEquals([waitpid(-group, wstat), wstat.exitStatus], [fourth, 4]);
  const fifth = fork(() => 5);
  fails("ECHILD", () => waitpid(-0x7ffffffe));
  assertEquals(waitpid(fifth), fifth);
});

Deno.test("wait functions work without a status", () => {
  const pids = [fork(() => 1), fork(() => 1), fork(() => 1), fork(() => 1)];
  assertEquals([wait(), waitpid(-1), wait3(), wait4(-1)].sort(), pids.sort());
});

Deno.test("wait3() and wait4() tell what a child used", () => {
  for (const waiting of [(u: rusage) => wait3(null, 0, u), (u: rusage) => wait4(-1, null, 0, u)]) {
    const used = new rusage();
    const pid = fork(() => {
      const fills = new Uint8Array(20_000_000).fill(1); // pages to touch
      for (const end = performance.now() + 50; performance.now() < end;);
      usleep(1000);
      return fills[0];
    });
    assertEquals(waiting(used), pid);
    const seconds = used.ru_utime + used.ru_stime;
    assert(seconds > 0.02 && seconds < 30, `${seconds} s`);
    assert(used.ru_maxrss > 20_000 && used.ru_maxrss < 10_000_000, `${used.ru_maxrss} KiB`);
    assert(used.ru_minflt > 100, `${used.ru_minflt} faults`);
    assert(used.ru_nvcsw >= 1, "it slept");
  }
});

Deno.test("wait functions fail with EINVAL or EFAULT for arguments that make no sense", () => {
  // deno-lint-ignore no-explicit-any
  const any = (value: unknown) => value as any;
  fails("EFAULT", () => wait(any({})));
  fails("EFAULT", () => wait(any(new Uint8Array(4))));
  fails("EINVAL", () => waitpid(1.5));
  fails("EINVAL", () => waitpid(any("1")));
  fails("EINVAL", () => waitpid(-1, null, 0x40));
  fails("EINVAL", () => waitpid(-1, null, NaN));
  fails("EFAULT", () => wait3(null, 0, any(new WaitStatus())));
  fails("EINVAL", () => wait4(2 ** 31));
});

needs("perl")("WaitStatus answers for a number as Perl does for the same $?", async () => {
  const raws = [0, 1 << 8, 103 << 8, 255 << 8, 9, 15, 6 | 128, 11 | 128, 64];
  const { stdout } = await run("perl", [
    "-MPOSIX=:sys_wait_h",
    "-e",
    `print join(",", map { WIFEXITED($_) ? "e" . WEXITSTATUS($_) : "s" . WTERMSIG($_) . ($_ & 128 ? "c" : "") } @ARGV)`,
    ...raws.map(String),
  ]);
  const mine = raws.map((raw) => {
    const wstat = new WaitStatus(raw);
    return wstat.exited ? `e${wstat.exitStatus}` : `s${raw & 127}${wstat.coreDumped ? "c" : ""}`;
  });
  assertEquals(mine.join(","), stdout);
  assertEquals(new WaitStatus(0x7f | 20 << 8).stoppingSignal, "SIGTSTP");
  assertEquals(new WaitStatus(0xffff).continued, true);
  assertEquals(new WaitStatus(64).terminatingSignal, "SIGRTMIN+30");
});
