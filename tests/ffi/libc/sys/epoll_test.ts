import { assert, assertEquals } from "@std/assert";
import * as ipc from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { compile, fails, run, runSource } from "../../../support.ts";

const { close, EPOLL_CLOEXEC, epoll_create1, epoll_ctl, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, epoll_event } =
  ipc;
const { epoll_events, epoll_pwait, epoll_wait, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLONESHOT, EPOLLOUT, pipe, read, write } =
  ipc;

function event(events: number, fd: number): ipc.epoll_event {
  const made = new epoll_event();
  made.events = events;
  made.data.fd = fd;
  return made;
}

function ready(set: number, timeout = 0): unknown[] {
  const events = new epoll_events(8);
  const count = epoll_wait(set, events, timeout);
  return Array.from({ length: count }, (_, i) => [events[i].data.fd, events[i].events]);
}

Deno.test("epoll tells which descriptors are ready, each with what was noted", () => {
  const set = epoll_create1(EPOLL_CLOEXEC);
  const [reader, writer] = pipe();
  epoll_ctl(set, EPOLL_CTL_ADD, reader, event(EPOLLIN, reader));
  assertEquals(ready(set), []);
  epoll_ctl(set, EPOLL_CTL_ADD, writer, event(EPOLLOUT, writer));
  assertEquals(ready(set), [[writer, EPOLLOUT]]);
  write(writer, "x");
  assertEquals(ready(set, -1), [[writer, EPOLLOUT], [reader, EPOLLIN]]);
  epoll_ctl(set, EPOLL_CTL_DEL, writer, null);
  epoll_ctl(set, EPOLL_CTL_MOD, reader, event(EPOLLIN | EPOLLET, reader));
  assertEquals([ready(set), ready(set)], [[[reader, EPOLLIN]], []]); // told once
  epoll_ctl(set, EPOLL_CTL_MOD, reader, event(EPOLLIN | EPOLLONESHOT, reader));
  assertEquals([ready(set), ready(set)], [[[reader, EPOLLIN]], []]);
  write(writer, "x");
  assertEquals(ready(set), []);
  close(writer);
  epoll_ctl(set, EPOLL_CTL_MOD, reader, event(0, reader));
  assertEquals(ready(set), [[reader, EPOLLHUP]]);
  close(reader);
  close(set);
});

Deno.test("epoll_event has the data as C's union has it, and flags with and without a sign", () => {
  const made = new epoll_event();
  made.data.u64 = 0x1234_5678_9abc_def0n;
  assertEquals([made.data.u32, made.data.fd], [0x9abc_def0, 0x9abc_def0 | 0]);
  for (const events of [EPOLLIN | EPOLLET, EPOLLIN + EPOLLET]) {
    made.events = events;
    assertEquals(made.events, 0x8000_0001);
  }
  for (const bad of [2 ** 32, -(2 ** 31) - 1, 0.5, "1", null]) {
    fails("EINVAL", () => made.events = bad as number);
  }
});

Deno.test("epoll_wait() fills no more than there is room for, and waits no longer than its timeout", () => {
  const set = epoll_create1();
  const fds = Array.from({ length: 5 }, () => ipc.eventfd(1));
  for (const fd of fds) epoll_ctl(set, EPOLL_CTL_ADD, fd, event(EPOLLIN, fd));
  const events = new epoll_events(3);
  assertEquals([events.length, epoll_wait(set, events, -1)], [3, 3]);
  const seen = [0, 1, 2].map((i) => events[i].data.fd);
  assertEquals(epoll_wait(set, events, -1), 3); // the others have their turn
  assertEquals(new Set([...seen, ...[0, 1, 2].map((i) => events[i].data.fd)]), new Set(fds));
  for (const fd of fds) read(fd, new Uint8Array(8));
  const start = performance.now();
  assertEquals(epoll_wait(set, events, 20), 0);
  assert(performance.now() - start >= 19);
  [...fds, set].forEach(close);
});

Deno.test("epoll_pwait() blocks other signals while it waits", async () => {
  const set = epoll_create1();
  const mask = new ipc.sigset_t();
  ipc.sigaddset(mask, ipc.SIGUSR1);
  assertEquals(epoll_pwait(set, new epoll_events(1), 1, mask), 0);
  assertEquals(epoll_pwait(set, new epoll_events(1), 1, null), 0);
  close(set);
  const ended = await runSource(`
    import * as m from "@mod";
    const set = new m.sigset_t(), none = new m.sigset_t();
    m.sigaddset(set, m.SIGUSR2);
    m.signal(m.SIGUSR2, () => console.log("handled"));
    m.sigprocmask(m.SIG_BLOCK, set);
    m.raise(m.SIGUSR2);
    const epoll = m.epoll_create1(), events = new m.epoll_events(1);
    console.log(m.epoll_pwait(epoll, events, 0, set));
    try { m.epoll_pwait(epoll, events, -1, none); } catch (error) { console.log(error.code); }
    await m.pause();`);
  assertEquals(ended, { code: 0, signal: null, stdout: "0\nEINTR\nhandled\n", stderr: "" });
});

Deno.test("epoll: the runtime's sets and descriptors are out of reach, and a forked child shares the program's", async () => {
  const mine = epoll_create1();
  const before = new Set([mine]);
  let others = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const fd = Number(name);
    let target = "";
    try {
      target = Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch { /* that of the directory itself */ }
    if (target !== "anon_inode:[eventpoll]" || before.has(fd)) continue;
    others++;
    fails("EBADF", () => epoll_ctl(fd, EPOLL_CTL_ADD, 0, event(EPOLLIN, 0)));
    fails("EBADF", () => epoll_ctl(mine, EPOLL_CTL_ADD, fd, event(EPOLLIN, 0)));
    fails("EBADF", () => epoll_wait(fd, new epoll_events(1), 0));
    fails("EBADF", () => epoll_pwait(fd, new epoll_events(1), 0, null));
  }
  assert(others > 0);
  close(mine);
  const ended = await runSource(`
    import * as m from "@mod";
    m.enableFork();
    const set = m.epoll_create1(m.EPOLL_CLOEXEC), [reader, writer] = m.pipe();
    const event = new m.epoll_event(), events = new m.epoll_events(4);
    event.events = m.EPOLLIN;
    event.data.fd = reader;
    m.epoll_ctl(set, m.EPOLL_CTL_ADD, reader, event);
    const status = new m.WaitStatus();
    m.fork(() => { m.epoll_wait(set, events, -1); return events[0].data.fd === reader ? 3 : 1; });
    m.write(writer, "x");
    m.wait(status);
    console.log(String(status), m.epoll_wait(set, events, 0));
    await fetch("data:,still"); // the event loop is as it was
    console.log("alive");`);
  assertEquals(ended, { code: 0, signal: null, stdout: "exited with 3 1\nalive\n", stderr: "" });
});

Deno.test("epoll functions fail with EINVAL, EFAULT, EBADF, EEXIST, ENOENT, EPERM and ELOOP", () => {
  const set = epoll_create1();
  const [reader, writer] = pipe();
  const events = new epoll_events(1);
  for (const bad of [1, ...NOT_INTEGERS]) fails("EINVAL", () => epoll_create1(bad as number));
  for (const bad of [0, -1, 4097, 2 ** 31, ...NOT_INTEGERS]) fails("EINVAL", () => new epoll_events(bad as number));
  for (const bad of NOT_INTEGERS) {
    const any = bad as number;
    fails("EINVAL", () => epoll_ctl(any, EPOLL_CTL_ADD, reader, event(EPOLLIN, reader)));
    fails("EINVAL", () => epoll_ctl(set, any, reader, event(EPOLLIN, reader)));
    fails("EINVAL", () => epoll_ctl(set, EPOLL_CTL_ADD, any, event(EPOLLIN, reader)));
    fails("EINVAL", () => epoll_wait(any, events, 0));
    fails("EINVAL", () => epoll_wait(set, events, any));
    fails("EINVAL", () => epoll_pwait(set, events, any, null));
  }
  const gone = new epoll_events(1);
  gone.bytes.buffer.transfer();
  for (const bad of [null, undefined, {}, [], new Uint8Array(12), new ipc.timeval(), Object.create(events), gone]) {
    // deno-lint-ignore no-explicit-any -- what a caller without types may pass
    const any = bad as any;
    fails("EFAULT", () => epoll_wait(set, any, 0));
    fails("EFAULT", () => epoll_pwait(set, any, 0, null));
    if (bad !== null && bad !== gone) fails("EFAULT", () => epoll_pwait(set, events, 0, any));
    if (bad instanceof ipc.Struct && bad !== gone) continue; // it is large enough
    fails("EFAULT", () => epoll_ctl(set, EPOLL_CTL_ADD, reader, any));
  }
  epoll_ctl(set, EPOLL_CTL_ADD, reader, event(EPOLLIN, reader));
  fails("EEXIST", () => epoll_ctl(set, EPOLL_CTL_ADD, reader, event(EPOLLIN, reader)));
  fails("ENOENT", () => epoll_ctl(set, EPOLL_CTL_MOD, writer, event(EPOLLIN, writer)));
  fails("ENOENT", () => epoll_ctl(set, EPOLL_CTL_DEL, writer));
  fails("EINVAL", () => epoll_ctl(set, EPOLL_CTL_ADD, set, event(EPOLLIN, set)));
  fails("EINVAL", () => epoll_ctl(reader, EPOLL_CTL_ADD, writer, event(EPOLLIN, writer)));
  fails("EINVAL", () => epoll_wait(reader, events, 0));
  const other = epoll_create1();
  epoll_ctl(set, EPOLL_CTL_ADD, other, event(EPOLLIN, other));
  fails("ELOOP", () => epoll_ctl(other, EPOLL_CTL_ADD, set, event(EPOLLIN, set)));
  const file = ipc.open("/proc/self/maps", ipc.O_RDONLY);
  const plain = ipc.open("/etc/passwd", ipc.O_RDONLY);
  fails("EPERM", () => epoll_ctl(set, EPOLL_CTL_ADD, plain, event(EPOLLIN, plain)));
  [file, plain, other, reader, writer, set].forEach(close);
  fails("EBADF", () => epoll_wait(set, events, 0));
  fails("EBADF", () => epoll_ctl(set, EPOLL_CTL_DEL, reader));
});

needs("cc")("epoll_event lies in memory as C has it", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    await compile(
      `#include <stdio.h>
       #include <sys/epoll.h>
       int main(void) {
         struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.fd = 7 };
         unsigned char *p = (unsigned char *) &e;
         e.data.u64 = 0x1122334455667788;
         for (unsigned i = 0; i < sizeof e; i++) printf("%02x", p[i]);
       }`,
      `${directory}/event`,
    );
    const { stdout } = await run(`${directory}/event`, []);
    const made = event(EPOLLIN | EPOLLET, 7);
    made.data.u64 = 0x1122_3344_5566_7788n;
    assertEquals(made.bytes.toHex(), stdout);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
