import { assertEquals } from "@std/assert";
import * as ipc from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { fails, runSource } from "../../../support.ts";

const { close, EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE, eventfd, eventfd_read, eventfd_write } = ipc;

Deno.test("eventfd() counts: a read takes all, or one with EFD_SEMAPHORE", () => {
  const fd = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC);
  eventfd_write(fd, 4);
  assertEquals(eventfd_read(fd), 7n);
  fails("EAGAIN", () => eventfd_read(fd));
  eventfd_write(fd, 2n ** 64n - 2n);
  fails("EAGAIN", () => eventfd_write(fd, 1));
  assertEquals(eventfd_read(fd), 2n ** 64n - 2n);
  close(fd);
  const semaphore = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);
  assertEquals([eventfd_read(semaphore), eventfd_read(semaphore)], [1n, 1n]);
  fails("EAGAIN", () => eventfd_read(semaphore));
  close(semaphore);
});

Deno.test("eventfd(): poll() and read() see the counter, and a forked child shares it", async () => {
  const fd = eventfd(0);
  const fds = new ipc.pollfds([fd, ipc.POLLIN]);
  assertEquals(ipc.poll(fds, 0), 0);
  ipc.write(fd, new Uint8Array(new BigUint64Array([5n]).buffer));
  assertEquals([ipc.poll(fds, -1), eventfd_read(fd)], [1, 5n]);
  close(fd);
  const ended = await runSource(`
    import { enableFork, eventfd, eventfd_read, eventfd_write, fork, wait } from "@mod";
    enableFork();
    const fd = eventfd(0);
    fork(() => eventfd_write(fd, 42));
    console.log(eventfd_read(fd));
    wait();`);
  assertEquals(ended, { code: 0, signal: null, stdout: "42n\n", stderr: "" });
});

needs("python3")("eventfd(): Python writes to a descriptor that it inherits, and reads from it", async () => {
  const ended = await runSource(`
    import { enableFork, eventfd, eventfd_read, eventfd_write, execve, fork, wait } from "@mod";
    enableFork();
    const [there, back] = [eventfd(0), eventfd(0)];
    fork(() => execve("/usr/bin/env", ["env", "python3", "-c",
      \`import os; value = int.from_bytes(os.read(\${there}, 8), "little"); os.write(\${back}, (value * 2).to_bytes(8, "little"))\`],
      ["PATH=/usr/local/bin:/usr/bin:/bin"]));
    eventfd_write(there, 21);
    console.log(eventfd_read(back));
    wait();`);
  assertEquals(ended, { code: 0, signal: null, stdout: "42n\n", stderr: "" });
});

Deno.test("eventfd functions fail with EINVAL or EBADF on wrong arguments", () => {
  const fd = eventfd(0, EFD_NONBLOCK);
  for (const bad of [...NOT_INTEGERS, -1, 2 ** 32]) fails("EINVAL", () => eventfd(bad as number));
  for (const bad of [2, -1, ...NOT_INTEGERS]) fails("EINVAL", () => eventfd(0, bad as number));
  for (const bad of NOT_INTEGERS) {
    fails("EINVAL", () => eventfd_read(bad as number));
    fails("EINVAL", () => eventfd_write(bad as number, 1));
    if (typeof bad !== "bigint" && bad !== 2 ** 33) fails("EINVAL", () => eventfd_write(fd, bad as number));
  }
  for (const bad of [-1, -1n, 2 ** 53, 2n ** 64n, 2n ** 64n - 1n]) fails("EINVAL", () => eventfd_write(fd, bad));
  fails("EAGAIN", () => eventfd_read(fd)); // nothing was added
  close(fd);
  fails("EBADF", () => eventfd_read(fd));
  fails("EBADF", () => eventfd_write(fd, 1));
});
