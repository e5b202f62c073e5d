import { assert, assertEquals } from "@std/assert";
import * as ipc from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { fails, runSource } from "../../../support.ts";

const { alarm, getitimer, ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, itimerval, setitimer } = ipc;

Deno.test("alarm() tells what was left of the alarm before, and getitimer() sees it", () => {
  assertEquals([alarm(100), alarm(200), alarm(0), alarm(0)], [0, 100, 200, 0]);
  alarm(100);
  const left = new itimerval();
  getitimer(ITIMER_REAL, left);
  assertEquals(alarm(0), 100);
  assert(left.it_value.tv_sec >= 98 && left.it_value.tv_sec <= 100);
  for (const bad of [-1, 2 ** 32, ...NOT_INTEGERS]) fails("EINVAL", () => alarm(bad as number));
});

Deno.test("setitimer() sends its signal again and again, and tells what was left", async () => {
  let count = 0;
  for (const [which, sig] of [[ITIMER_REAL, ipc.SIGALRM], [ITIMER_VIRTUAL, ipc.SIGVTALRM]]) {
    ipc.signal(sig, () => void count++);
    const when = new itimerval();
    when.it_value.tv_usec = when.it_interval.tv_usec = 2000;
    setitimer(which, when);
    const end = performance.now() + 20_000;
    while (count < 3 && performance.now() < end) {
      for (let i = 0; i < 1e5; i++); // what uses processor time
      await new Promise((resolve) => setTimeout(resolve));
    }
    const before = new itimerval();
    setitimer(which, new itimerval(), before);
    // the kernel may round up
    assert(before.it_interval.tv_usec >= 2000 && before.it_interval.tv_usec <= 10_000);
    assert(count >= 3);
    count = 0;
    ipc.signal(sig, ipc.SIG_IGN);
    ipc.signal(sig, ipc.SIG_DFL);
  }
});

Deno.test("alarm() ends a program that has not said otherwise, and interrupts what blocks in one that has", async () => {
  const ended = await runSource(`import * as m from "@mod"; m.alarm(1); m.usleep(60_000_000);`);
  assertEquals([ended.signal, ended.stderr], ["SIGALRM", ""]);
  const other = await runSource(`import * as m from "@mod";
    const action = new m.struct_sigaction();
    action.sa_handler = () => console.log("handled");
    m.sigaction(m.SIGALRM, action);
    m.alarm(1);
    const [reader] = m.pipe();
    try { m.read(reader, new Uint8Array(1)); } catch (error) { console.log(error.code); }
    await m.pause();`);
  assertEquals(other, { code: 0, signal: null, stdout: "EINTR\nhandled\n", stderr: "" });
});

Deno.test("setitimer() and getitimer() fail with EINVAL or EFAULT on wrong arguments", () => {
  const when = new itimerval();
  for (const bad of [3, -1, ...NOT_INTEGERS]) {
    fails("EINVAL", () => setitimer(bad as number, when));
    fails("EINVAL", () => getitimer(bad as number, when));
  }
  when.it_value.tv_usec = 1_000_000;
  fails("EINVAL", () => setitimer(ITIMER_PROF, when));
  const gone = new itimerval();
  gone.bytes.buffer.transfer();
  for (const bad of [null, undefined, 5, {}, new Uint8Array(32), new ipc.timeval(), gone]) {
    // deno-lint-ignore no-explicit-any -- what a caller without types may pass
    const any = bad as any;
    fails("EFAULT", () => setitimer(ITIMER_PROF, any));
    fails("EFAULT", () => getitimer(ITIMER_PROF, any));
    if (bad !== null && bad !== undefined) fails("EFAULT", () => setitimer(ITIMER_PROF, new itimerval(), any));
  }
});
