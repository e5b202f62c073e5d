import { assert, assertEquals, assertRejects } from "@std/assert";
import { close, dup, pipe, poll, pollfds, POLLIN, TimerFd } from "../../../mod.ts";
import { fails, mod, rejects, runSource } from "../../support.ts";

Deno.test("TimerFd.after() expires once", async () => {
  using timer = TimerFd.after(1);
  assert(timer.remaining > 0 && timer.remaining <= 1);
  assertEquals([timer.interval, timer.tryExpired()], [0, 0]);
  assertEquals(await timer.expired(), 1);
  assertEquals([timer.tryExpired(), timer.remaining], [0, 0]);
  fails("ETIMEDOUT", () => timer.expiredSync({ timeout: 5 }));
  using now = TimerFd.after(0);
  assertEquals(now.expiredSync(), 1);
});

Deno.test("TimerFd.every() expires again and again, and tells how often", async () => {
  using timer = TimerFd.every(0.005, { first: 0.001 });
  assertEquals(timer.interval, 0.005);
  assert(timer.expiredSync() >= 1);
  let ticks = 0;
  for await (const count of timer) if ((ticks += count) >= 4) break;
  assert(ticks >= 4);
  timer.stop();
  timer.tryExpired();
  assertEquals([timer.remaining, timer.tryExpired()], [0, 0]);
});

Deno.test("TimerFd.at() expires at a moment, at once if that is past", async () => {
  using timer = TimerFd.at(new Date(Date.now() + 20));
  assertEquals(await timer.expired(), 1);
  using past = TimerFd.at(new Date(-5));
  assertEquals(past.expiredSync(), 1);
  using far = TimerFd.at(new Date(Date.now() + 3_600_000));
  assert(far.remaining > 3000 && far.remaining <= 3601);
});

Deno.test("TimerFd: a wait ends by its signal, by close, and so does for await", async () => {
  const timer = TimerFd.after(1000);
  await assertRejects(() => timer.expired({ signal: AbortSignal.timeout(5) }), DOMException);
  const waiting = rejects("EBADF", timer.expired());
  const all = (async () => {
    for await (const _ of timer);
    return "over";
  })();
  await new Promise((resolve) => setTimeout(resolve, 5));
  timer.close();
  await waiting;
  assertEquals(await all, "over");
  timer.close();
  for (const use of [() => timer.tryExpired(), () => timer.expiredSync(), () => timer.stop(), () => timer.remaining]) {
    fails("EBADF", use);
  }
  await rejects("EBADF", timer.expired());
});

Deno.test("TimerFd refuses what is no time, no timer, or the runtime's", () => {
  for (const bad of [-1, NaN, Infinity, "1", null, undefined, {}, 1n]) {
    fails("EINVAL", () => TimerFd.after(bad as number));
    fails("EINVAL", () => TimerFd.every(bad as number));
    if (bad !== undefined) fails("EINVAL", () => TimerFd.every(1, { first: bad as number }));
    fails("EINVAL", () => TimerFd.at(bad as unknown as Date));
  }
  fails("EINVAL", () => TimerFd.every(0));
  fails("EINVAL", () => TimerFd.at(new Date(NaN)));
  const [reader, writer] = pipe();
  fails("EINVAL", () => TimerFd.fromFd(reader));
  for (const fd of [reader, writer]) close(fd);
  fails("EBADF", () => TimerFd.fromFd(777));
});

Deno.test("TimerFd is ready for poll() when it has expired, by any of its descriptors", () => {
  using timer = TimerFd.after(0.001);
  using other = TimerFd.fromFd(dup(timer.fd));
  const fds = new pollfds([other.fd, POLLIN]);
  assertEquals(poll(fds, -1), 1);
  assertEquals([other.tryExpired(), timer.tryExpired()], [1, 0]);
});

Deno.test("TimerFd goes on in a forked child, which has no timers of Deno's", async () => {
  const { stdout, stderr } = await runSource(
    `
    import * as ipc from ${JSON.stringify(mod)};
    ipc.waitpid(ipc.fork(() => {
      using timer = ipc.TimerFd.after(0.01);
      console.log(timer.expiredSync());
    }));`,
    [],
    { flags: ["--v8-flags=--single-threaded"] },
  );
  assertEquals([stdout, stderr], ["1\n", ""]);
});
