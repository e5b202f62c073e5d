import { assert, assertEquals, assertRejects } from "@std/assert";
import { close, dup, EventFd, pipe, poll, pollfds, POLLIN, trace } from "../../../mod.ts";
import { needs } from "../../needs.ts";
import { fails, mod, rejects, runSource } from "../../support.ts";

Deno.test("EventFd counts, and who takes has all, or one", async () => {
  using event = EventFd.create({ initial: 2 });
  assertEquals(event.takeSync(), 2n);
  assertEquals(event.tryTake(), 0n);
  event.addSync(3);
  await event.add(4n);
  assert(event.tryAdd());
  assertEquals(await event.take(), 8n);
  using semaphore = EventFd.create({ initial: 2, semaphore: true });
  assertEquals([await semaphore.take(), semaphore.takeSync(), semaphore.tryTake()], [1n, 1n, 0n]);
});

Deno.test("EventFd: whoever waits is woken, one after the other, and the event loop goes on", async () => {
  using event = EventFd.create({ semaphore: true });
  using other = EventFd.fromFd(dup(event.fd));
  const taken = Promise.all(Array.from({ length: 10 }, () => event.take()));
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (let i = 0; i < 10; i++) await other.add();
  assertEquals(await taken, Array(10).fill(1n));
});

Deno.test("EventFd: a full counter makes adding wait", async () => {
  using event = EventFd.create();
  event.addSync(2n ** 64n - 2n);
  assertEquals(event.tryAdd(), false);
  fails("ETIMEDOUT", () => event.addSync(1, { timeout: 5 }));
  const added = event.add(7);
  assertEquals(event.takeSync(), 2n ** 64n - 2n);
  await added;
  assertEquals(event.takeSync(), 7n);
});

Deno.test("EventFd: a wait that is called off has taken nothing, and has a time limit in Sync", async () => {
  using event = EventFd.create();
  await assertRejects(() => event.take({ signal: AbortSignal.timeout(5) }), DOMException);
  await assertRejects(() => event.take({ signal: AbortSignal.abort() }), DOMException);
  fails("ETIMEDOUT", () => event.takeSync({ timeout: 5 }));
  fails("ETIMEDOUT", () => event.takeSync({ timeout: 0 }));
  event.addSync(5);
  assertEquals(await event.take(), 5n);
});

Deno.test("EventFd that is closed ends its waits with EBADF, and refuses everything else", async () => {
  const event = EventFd.create();
  const waiting = rejects("EBADF", event.take());
  await new Promise((resolve) => setTimeout(resolve, 5));
  event.close();
  await waiting;
  event.close();
  assertEquals(event.fd, -1);
  fails("EBADF", () => event.addSync());
  fails("EBADF", () => event.tryAdd());
  fails("EBADF", () => event.takeSync());
  fails("EBADF", () => event.tryTake());
  await rejects("EBADF", event.take());
  await rejects("EBADF", event.add());
});

Deno.test("EventFd refuses what is no number, no counter, or the runtime's", async () => {
  using event = EventFd.create();
  for (const bad of [-1, 1.5, NaN, "1", null, {}, 2n ** 64n, 2n ** 64n - 1n, -1n]) {
    fails("EINVAL", () => event.addSync(bad as number));
    fails("EINVAL", () => event.tryAdd(bad as number));
    await rejects("EINVAL", event.add(bad as number));
  }
  for (const initial of [-1, 2 ** 32, NaN, "1", null]) {
    fails("EINVAL", () => EventFd.create({ initial: initial as number }));
  }
  const [reader, writer] = pipe();
  fails("EINVAL", () => EventFd.fromFd(reader));
  for (const fd of [reader, writer]) close(fd);
  fails("EBADF", () => EventFd.fromFd(-1));
  fails("EBADF", () => EventFd.fromFd(777));
  for (const bad of [undefined, null, "1", {}, NaN]) fails("EINVAL", () => EventFd.fromFd(bad as number));
});

Deno.test("EventFd is ready for poll() when there is something", () => {
  using event = EventFd.create();
  const fds = new pollfds([event.fd, POLLIN]);
  assertEquals(poll(fds, 0), 0);
  event.addSync();
  assertEquals([poll(fds, 0), fds[0].revents], [1, POLLIN]);
});

Deno.test("EventFd wakes a forked child, and it its parent", async () => {
  const { stdout, stderr } = await runSource(
    `
    import * as ipc from ${JSON.stringify(mod)};
    using there = ipc.EventFd.create(), back = ipc.EventFd.create();
    ipc.fork(() => {
      back.addSync(there.takeSync() * 2n);
    });
    there.addSync(21);
    console.log(await back.take());
    ipc.wait();`,
    [],
    { flags: ["--v8-flags=--single-threaded"] },
  );
  assertEquals([stdout, stderr], ["42n\n", ""]);
});

Deno.test("EventFd that is closed in the midst of a wait takes nothing of another one with its descriptor", async () => {
  for (const take of [(event: EventFd) => event.take(), async (event: EventFd) => await event.takeSync()]) {
    const event = EventFd.create();
    const { fd } = event;
    let other: EventFd | undefined;
    let taken: Promise<bigint>;
    {
      using _ = trace(({ ev }) => {
        if (ev !== "exit" || other !== undefined) return;
        event.close();
        other = EventFd.create({ initial: 7 });
      });
      taken = take(event);
    }
    await rejects("EBADF", taken);
    assertEquals([other!.fd, other!.tryTake()], [fd, 7n]);
    other!.close();
  }
});

needs("python3")("EventFd is inherited by a Python program, which adds to it", async () => {
  const { stdout, stderr } = await runSource(`
    import * as ipc from ${JSON.stringify(mod)};
    using event = ipc.EventFd.create({ inherited: true });
    using child = ipc.Process.spawn("python3", { args: ["-c", "import os, struct; os.write(" + event.fd + ", struct.pack('Q', 7))"] });
    console.log(await event.take(), String(await child.status()));`);
  assertEquals([stdout, stderr], ["7n exited with 0\n", ""]);
});
