import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as mod from "../../../mod.ts";
import {
  close,
  enableFork,
  exit,
  fork,
  mq_attr,
  mq_close,
  mq_getattr,
  mq_notify,
  mq_open,
  MQ_PRIO_MAX,
  mq_receive,
  mq_send,
  mq_setattr,
  mq_timedreceive,
  mq_timedsend,
  mq_unlink,
  O_CREAT,
  O_EXCL,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  pause,
  poll,
  pollfds,
  POLLIN,
  POLLOUT,
  SA_SIGINFO,
  SI_MESGQ,
  SIG_DFL,
  sigaction,
  SIGEV_NONE,
  SIGEV_SIGNAL,
  sigevent,
  signal,
  SIGRTMIN,
  SIGUSR1,
  struct_sigaction,
  waitpid,
  WaitStatus,
} from "../../../mod.ts";
import { attributes, exists, freshName, partner, PYTHON, queue, removed } from "../../_mqueue.ts";
import { NOT_INTEGERS } from "../../_peers.ts";
import { needs, works } from "../../needs.ts";
import { fails, FFI, file, Program, run, runSource, waitsIn } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
type Anything = any;

const NOBODYS = 777; // a descriptor

const decoder = new TextDecoder();

/** Receives a message: its priority and text. */
function receive(mqdes: number, room = 64): [number, string] {
  const buffer = new Uint8Array(room);
  const prio = new Uint32Array(1);
  const n = mq_receive(mqdes, buffer, undefined, prio);
  return [prio[0], decoder.decode(buffer.subarray(0, n))];
}

function getattr(mqdes: number): number[] {
  const attr = new mq_attr();
  mq_getattr(mqdes, attr);
  return [attr.mq_flags, attr.mq_maxmsg, attr.mq_msgsize, attr.mq_curmsgs];
}

const soon = (ms: number) => (Date.now() + ms) / 1000;

Deno.test("mq_open() makes a queue that others find by its name, until mq_unlink()", () => {
  const name = freshName();
  const mqdes = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600, attributes(3, 32));
  assertEquals(getattr(mqdes), [0, 3, 32, 0]);
  fails("EEXIST", () => mq_open(name, O_RDWR | O_CREAT | O_EXCL));
  const again = mq_open(name, O_RDONLY | O_NONBLOCK);
  assertEquals(getattr(again), [O_NONBLOCK, 3, 32, 0]);
  mq_send(mqdes, "one");
  assertEquals(receive(again, 32), [0, "one"]);
  fails("EBADF", () => mq_send(again, "read only"));
  mq_unlink(name);
  fails("ENOENT", () => mq_open(name, O_RDWR));
  fails("ENOENT", () => mq_unlink(name));
  // who has it open still has it
  mq_send(mqdes, "two");
  assertEquals(receive(again, 32), [0, "two"]);
  mq_close(again);
  mq_close(mqdes);
});

Deno.test("mq_open() without attributes takes what the system has", () => {
  const name = freshName();
  using _removed = removed(name);
  const mqdes = mq_open(name, O_RDWR | O_CREAT);
  const limit = (file: string) => Number(Deno.readTextFileSync(`/proc/sys/fs/mqueue/${file}`));
  const expected = [
    Math.min(limit("msg_default"), limit("msg_max")),
    Math.min(limit("msgsize_default"), limit("msgsize_max")),
  ];
  assertEquals(getattr(mqdes).slice(1, 3), expected);
  mq_close(mqdes);
});

Deno.test("mq_open() fails with ENOENT, EINVAL, EACCES or ENAMETOOLONG if the name is none, and says why", () => {
  assertEquals(
    fails("ENOENT", () => mq_open("/ipc_playground_none", O_RDWR)).message,
    "mq_open: No such file or directory (/ipc_playground_none)",
  );
  assertEquals(
    fails("EINVAL", () => mq_open("none", O_RDWR)).message,
    'mq_open: Invalid argument ("none" does not begin with a slash)',
  );
  assertEquals(
    fails("EACCES", () => mq_open("/a/b", O_RDWR)).message,
    "mq_open: Permission denied (/a/b: there may be no second slash)",
  );
  fails("ENOENT", () => mq_open("/", O_RDWR | O_CREAT));
  fails("EINVAL", () => mq_open("", O_RDWR | O_CREAT));
  fails("ENAMETOOLONG", () => mq_open("/" + "x".repeat(256), O_RDWR | O_CREAT));
  fails("EINVAL", () => mq_unlink("none"));
  fails("EACCES", () => mq_unlink("/a/b"));
  fails("ENAMETOOLONG", () => mq_unlink("/" + "x".repeat(256)));
  const longest = freshName().padEnd(256, "x");
  mq_close(mq_open(longest, O_RDWR | O_CREAT, 0o600, attributes(1, 1)));
  mq_unlink(longest);
});

Deno.test("mq_open() fails with EINVAL if the attributes are none, and says what they were", () => {
  const name = freshName();
  using _removed = removed(name);
  const open = (attr: mq_attr) => () => mq_open(name, O_RDWR | O_CREAT, 0o600, attr);
  assertStringIncludes(
    fails("EINVAL", open(attributes(2 ** 31, 64))).message,
    "2147483648 messages of 64 bytes; /proc/sys/fs/mqueue has the limits",
  );
  for (const [maxmsg, msgsize] of [[0, 64], [-1, 64], [4, 0], [4, -1], [4, 2 ** 40], [2 ** 52, 2 ** 52]]) {
    fails("EINVAL", open(attributes(maxmsg, msgsize)));
  }
  assert(!exists(name));
});

Deno.test("mq_open() takes the permissions less the umask", () => {
  const name = freshName();
  using _removed = removed(name);
  const before = Deno.umask(0o027);
  try {
    const mqdes = mq_open(name, O_RDWR | O_CREAT, 0o666, attributes(1, 1));
    assertEquals(Deno.statSync(`/proc/self/fd/${mqdes}`).mode! & 0o777, 0o640);
    mq_close(mqdes);
  } finally {
    Deno.umask(before);
  }
});

Deno.test("mq_receive() gives the highest priority first, of the same the oldest", () => {
  using q = queue(6);
  for (const [text, prio] of [["a", 1], ["b", 5], ["c", 0], ["d", 5], ["", 1], ["e", MQ_PRIO_MAX - 1]] as const) {
    mq_send(q.mqdes, text, undefined, prio);
  }
  assertEquals(getattr(q.mqdes)[3], 6);
  assertEquals(Array.from({ length: 6 }, () => receive(q.mqdes)), [
    [32767, "e"],
    [5, "b"],
    [5, "d"],
    [1, "a"],
    [1, ""],
    [0, "c"],
  ]);
});

Deno.test("mq_send() and mq_receive() take bytes, counts, views, and no priority", () => {
  using q = queue();
  const bytes = new Uint8Array(100).map((_, i) => i);
  mq_send(q.mqdes, bytes.subarray(10), 5);
  mq_send(q.mqdes, "größer", 4);
  mq_send(q.mqdes, new Uint8Array(0));
  const room = new Uint8Array(100).fill(9);
  assertEquals([mq_receive(q.mqdes, room.subarray(20), 64), [...room.subarray(19, 26)]], [5, [
    9,
    10,
    11,
    12,
    13,
    14,
    9,
  ]]);
  assertEquals([mq_receive(q.mqdes, room, undefined, null), decoder.decode(room.subarray(0, 4))], [4, "grö"]);
  assertEquals(mq_receive(q.mqdes, room, undefined, new Uint32Array(3)), 0);
  const shared = new Uint8Array(new SharedArrayBuffer(64));
  mq_send(q.mqdes, "shared");
  assertEquals([mq_receive(q.mqdes, shared as Anything), shared[0]], [6, 115]);
});

Deno.test("mq_send() and mq_receive() fail with EMSGSIZE if the message or the room has not the queue's size", () => {
  using q = queue();
  assertStringIncludes(fails("EMSGSIZE", () => mq_send(q.mqdes, "x".repeat(65))).message, "65 bytes; mq_msgsize is 64");
  mq_send(q.mqdes, "x".repeat(64));
  mq_send(q.mqdes, "short");
  for (
    const call of [
      () => mq_receive(q.mqdes, new Uint8Array(63)),
      () => mq_receive(q.mqdes, new Uint8Array(64), 63),
      () => mq_timedreceive(q.mqdes, new Uint8Array(63), undefined, null, null),
    ]
  ) assertStringIncludes(fails("EMSGSIZE", call).message, "63 bytes; mq_msgsize is 64");
  fails("EMSGSIZE", () => mq_timedsend(q.mqdes, new Uint8Array(65), undefined, 0, null));
  assertEquals(getattr(q.mqdes)[3], 2, "nothing is lost");
});

Deno.test("mq_setattr() changes whether calls wait; full and empty are EAGAIN then", () => {
  using q = queue(1);
  const attr = attributes(7, 7);
  attr.mq_flags = O_NONBLOCK;
  const old = new mq_attr();
  mq_setattr(q.mqdes, attr, old);
  assertEquals([old.mq_flags, old.mq_maxmsg, old.mq_msgsize], [0, 1, 64]);
  assertEquals(getattr(q.mqdes), [O_NONBLOCK, 1, 64, 0], "nothing else");
  fails("EAGAIN", () => receive(q.mqdes));
  fails("EAGAIN", () => mq_timedreceive(q.mqdes, new Uint8Array(64), undefined, null, soon(10_000)));
  mq_send(q.mqdes, "one");
  fails("EAGAIN", () => mq_send(q.mqdes, "two"));
  fails("EAGAIN", () => mq_timedsend(q.mqdes, "two", undefined, 0, soon(10_000)));
  mq_setattr(q.mqdes, new mq_attr());
  assertEquals(getattr(q.mqdes)[0], 0);
  attr.mq_flags = 1;
  fails("EINVAL", () => mq_setattr(q.mqdes, attr));
});

Deno.test("mq_timedsend() and mq_timedreceive() give up with ETIMEDOUT when the time has come", () => {
  using q = queue(1);
  const start = performance.now();
  fails("ETIMEDOUT", () => mq_timedreceive(q.mqdes, new Uint8Array(64), undefined, null, soon(30)));
  mq_timedsend(q.mqdes, "at once", undefined, 7, 0);
  fails("ETIMEDOUT", () => mq_timedsend(q.mqdes, "too late", undefined, 0, soon(30)));
  assert(performance.now() - start >= 55);
  fails("ETIMEDOUT", () => mq_timedsend(q.mqdes, "too late", undefined, 0, 0));
  const prio = new Uint32Array(1);
  assertEquals([mq_timedreceive(q.mqdes, new Uint8Array(64), undefined, prio, 0), prio[0]], [7, 7]);
  fails("ETIMEDOUT", () => mq_timedreceive(q.mqdes, new Uint8Array(64), undefined, prio, Date.now() / 1000 - 5));
  mq_timedsend(q.mqdes, "for ever", undefined, 0, null);
  mq_timedreceive(q.mqdes, new Uint8Array(64), undefined, null, Number.MAX_SAFE_INTEGER);
});

Deno.test("mq_timedsend() and mq_timedreceive() fail with EINVAL if the time is none", () => {
  using q = queue();
  for (const bad of [-1, -0.001, NaN, Infinity, 2 ** 60, "1", undefined, {}, [], 1n, true] as Anything[]) {
    fails("EINVAL", () => mq_timedsend(q.mqdes, "x", undefined, 0, bad));
    fails("EINVAL", () => mq_timedreceive(q.mqdes, new Uint8Array(64), undefined, null, bad));
  }
});

Deno.test("poll() tells of a queue whether there is a message, and room for one", () => {
  using q = queue(1);
  const fds = new pollfds([q.mqdes, POLLIN | POLLOUT]);
  assertEquals([poll(fds, 0), fds[0].revents], [1, POLLOUT]);
  mq_send(q.mqdes, "x");
  assertEquals([poll(fds, 0), fds[0].revents], [1, POLLIN]);
});

Deno.test("mq_close() closes once, close() does as well, and neither touches the runtime's descriptors", () => {
  using q = queue();
  const one = mq_open(q.name, O_RDWR);
  mq_close(one);
  fails("EBADF", () => mq_close(one));
  const two = mq_open(q.name, O_RDWR);
  close(two);
  fails("EBADF", () => mq_close(two));
  const runtimes = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name)).find((fd) =>
    fd > 2 && (() => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${fd}`).includes("eventpoll");
      } catch {
        return false;
      }
    })()
  )!;
  for (
    const call of [
      () => mq_close(runtimes),
      () => mq_send(runtimes, "x"),
      () => mq_receive(runtimes, new Uint8Array(8)),
      () => mq_notify(runtimes, null),
    ]
  ) assertStringIncludes(fails("EBADF", call).message, "belongs to the Deno runtime");
});

Deno.test("POSIX queues: all functions fail with EBADF on what is no queue", () => {
  const [reader, writer] = mod.pipe();
  try {
    for (const fd of [-1, NOBODYS, reader]) {
      fails("EBADF", () => mq_send(fd, "x"));
      fails("EBADF", () => mq_timedsend(fd, "x", undefined, 0, null));
      fails("EBADF", () => mq_receive(fd, new Uint8Array(8)));
      fails("EBADF", () => mq_timedreceive(fd, new Uint8Array(8), undefined, null, null));
      fails("EBADF", () => mq_getattr(fd, new mq_attr()));
      fails("EBADF", () => mq_setattr(fd, new mq_attr()));
      fails("EBADF", () => mq_notify(fd, new sigevent()));
      fails("EBADF", () => mq_notify(fd, null));
    }
    for (const fd of [-1, NOBODYS]) fails("EBADF", () => mq_close(fd));
  } finally {
    close(reader);
    close(writer);
  }
  // opened for the other direction only
  using q = queue();
  const [r, w] = [mq_open(q.name, O_RDONLY), mq_open(q.name, O_WRONLY)];
  fails("EBADF", () => mq_send(r, "x"));
  fails("EBADF", () => mq_receive(w, new Uint8Array(64)));
  mq_close(r);
  mq_close(w);
});

Deno.test("POSIX queues: arguments that are no integers of C's fail with EINVAL", () => {
  using q = queue();
  for (const bad of NOT_INTEGERS as Anything[]) {
    fails("EINVAL", () => mq_open(q.name, bad));
    fails("EINVAL", () => mq_open(q.name, O_RDWR, bad));
    for (const call of [mq_close, mq_notify, mq_getattr].map((f) => f as Anything)) {
      fails("EINVAL", () => call(bad, call === mq_notify ? null : new mq_attr()));
    }
    fails("EINVAL", () => mq_setattr(bad, new mq_attr()));
    fails("EINVAL", () => mq_send(bad, "x"));
    fails("EINVAL", () => mq_receive(bad, new Uint8Array(64)));
    fails("EINVAL", () => mq_send(q.mqdes, "x", undefined, bad));
    fails("EINVAL", () => mq_timedsend(q.mqdes, "x", undefined, bad, null));
    fails("EFAULT", () => mq_send(q.mqdes, "x", bad));
    fails("EFAULT", () => mq_receive(q.mqdes, new Uint8Array(64), bad));
  }
  fails("EINVAL", () => mq_send(q.mqdes, "x", undefined, MQ_PRIO_MAX));
  fails("EINVAL", () => mq_send(q.mqdes, "x", undefined, -1));
  for (const bad of [undefined, null, 5, {}, "a\0b", Symbol("s")] as Anything[]) {
    fails("EINVAL", () => mq_open(bad, O_RDWR));
    fails("EINVAL", () => mq_unlink(bad));
  }
  assertEquals(getattr(q.mqdes)[3], 0);
});

Deno.test("POSIX queues: what is no memory of the right kind fails with EFAULT, and nothing is sent or taken", () => {
  using q = queue();
  mq_send(q.mqdes, "stays");
  const detached = new Uint8Array(64);
  detached.buffer.transfer();
  const gone = new Uint32Array(1);
  gone.buffer.transfer();
  const outside = (() => {
    const buffer = new ArrayBuffer(8, { maxByteLength: 16 });
    const view = new Uint32Array(buffer, 4, 1);
    buffer.resize(4);
    return view;
  })();
  for (
    const bad of [null, undefined, 5, {}, [1], new Uint16Array(64), new Proxy(new Uint8Array(64), {})] as Anything[]
  ) {
    fails("EFAULT", () => mq_send(q.mqdes, bad));
    fails("EFAULT", () => mq_receive(q.mqdes, bad));
    fails("EFAULT", () => mq_timedsend(q.mqdes, bad, undefined, 0, 0));
    fails("EFAULT", () => mq_timedreceive(q.mqdes, bad, undefined, null, 0));
  }
  fails("EMSGSIZE", () => mq_receive(q.mqdes, detached));
  fails("EFAULT", () => mq_send(q.mqdes, detached, 1));
  const prios = [gone, outside, new Uint32Array(0), new Int32Array(1), [0], 5, {}, new Proxy(new Uint32Array(1), {})];
  for (const bad of prios as Anything[]) {
    fails("EFAULT", () => mq_receive(q.mqdes, new Uint8Array(64), undefined, bad));
    fails("EFAULT", () => mq_timedreceive(q.mqdes, new Uint8Array(64), undefined, bad, null));
  }
  const attr = new mq_attr();
  attr.bytes.buffer.transfer();
  const event = new sigevent();
  event.bytes.buffer.transfer();
  for (const bad of [undefined, 5, {}, attr, new mod.timeval(), Object.create(mq_attr.prototype)] as Anything[]) {
    fails("EFAULT", () => mq_getattr(q.mqdes, bad));
    fails("EFAULT", () => mq_setattr(q.mqdes, bad));
    if (bad === undefined) continue;
    fails("EFAULT", () => mq_setattr(q.mqdes, new mq_attr(), bad));
    fails("EFAULT", () => mq_open(q.name, O_RDWR | O_CREAT, 0o600, bad));
  }
  fails("EFAULT", () => mq_setattr(q.mqdes, null as Anything));
  for (const bad of [undefined, 5, {}, event, new mq_attr().bytes, Object.create(sigevent.prototype)] as Anything[]) {
    fails("EFAULT", () => mq_notify(q.mqdes, bad));
  }
  assertEquals([getattr(q.mqdes)[3], receive(q.mqdes)], [1, [0, "stays"]]);
});

Deno.test("mq_notify() has a signal tell of a message that comes into the empty queue, once", async () => {
  using q = queue();
  let count = 0;
  signal(SIGUSR1, () => count++);
  try {
    const event = new sigevent();
    event.sigev_signo = SIGUSR1;
    assertEquals([event.sigev_notify, event.sigev_value], [SIGEV_SIGNAL, 0]);
    event.sigev_value = 7;
    mq_notify(q.mqdes, event);
    mq_send(q.mqdes, "one");
    await pause();
    mq_send(q.mqdes, "two");
    receive(q.mqdes);
    receive(q.mqdes);
    mq_notify(q.mqdes, event);
    fails("EBUSY", () => mq_notify(q.mqdes, event));
    mq_notify(q.mqdes, null);
    event.sigev_notify = SIGEV_NONE;
    mq_notify(q.mqdes, event);
    mq_send(q.mqdes, "three");
    // one that was sent after anything that should not have been
    mod.kill(Deno.pid, SIGUSR1);
    await pause();
    assertEquals(count, 2);
  } finally {
    signal(SIGUSR1, SIG_DFL);
  }
});

Deno.test("mq_notify()'s value comes with the signal", async () => {
  using q = queue();
  const action = new struct_sigaction();
  const told: number[] = [];
  action.sa_sigaction = (sig, { si_code, si_int, si_pid }) => told.push(sig, si_code, si_int, si_pid);
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGRTMIN + 3, action);
  try {
    const event = new sigevent();
    event.sigev_signo = SIGRTMIN + 3;
    event.sigev_value = -7;
    mq_notify(q.mqdes, event);
    mq_send(q.mqdes, "x");
    await pause();
    assertEquals(told, [SIGRTMIN + 3, SI_MESGQ, -7, Deno.pid]);
  } finally {
    action.sa_handler = SIG_DFL;
    sigaction(SIGRTMIN + 3, action);
  }
});

Deno.test("mq_notify() fails with EINVAL if it is no signal, or would be a thread", () => {
  using q = queue();
  const event = new sigevent();
  const SIGEV_THREAD = 2, SIGEV_THREAD_ID = 4;
  for (const bad of [SIGEV_THREAD, SIGEV_THREAD_ID, 3, -1]) {
    event.sigev_notify = bad;
    fails("EINVAL", () => mq_notify(q.mqdes, event));
  }
  event.sigev_notify = SIGEV_SIGNAL;
  for (const bad of [65, -1, 1000]) {
    event.sigev_signo = bad;
    fails("EINVAL", () => mq_notify(q.mqdes, event));
  }
  for (const bad of NOT_INTEGERS as Anything[]) {
    fails("EINVAL", () => event.sigev_signo = bad);
    fails("EINVAL", () => event.sigev_notify = bad);
    fails("EINVAL", () => event.sigev_value = bad);
  }
});

Deno.test("mq_notify() takes what it has checked, whatever a trace's listener does to it", () => {
  using q = queue();
  const event = new sigevent();
  event.sigev_notify = SIGEV_NONE;
  const seen: unknown[] = [];
  {
    using _trace = mod.trace((told) => {
      if (told.ev !== "enter" || told.call !== "mq_notify") return;
      seen.push(told.args.sevp);
      event.sigev_notify = 2; // SIGEV_THREAD: libc would call what lies behind it
    });
    mq_notify(q.mqdes, event);
  }
  mq_send(q.mqdes, "nobody is called");
  assertEquals(seen.length, 1);
  assertEquals(receive(q.mqdes), [0, "nobody is called"]);
});

needs("cc")("C receives what mq_send() sends, and the other way round, in the order of priorities", async () => {
  const c = await partner();
  using q = queue(5);
  mq_send(q.mqdes, "low", undefined, 1);
  mq_send(q.mqdes, "high", undefined, 9);
  mq_send(q.mqdes, "größer", undefined, 5);
  assertEquals((await run(c, [q.name, "attr"])).stdout, "0 5 64 3\n");
  assertEquals((await run(c, [q.name, "receive", "3"])).stdout, "9 high\n5 größer\n1 low\n");
  await run(c, [q.name, "send", "3", "drei", "32767", "most", "0", ""]);
  assertEquals([receive(q.mqdes), receive(q.mqdes), receive(q.mqdes)], [[32767, "most"], [3, "drei"], [0, ""]]);
});

needs("cc")("mq_open() opens what C made, and C opens and removes what mq_open() made", async () => {
  const c = await partner();
  const name = freshName();
  using _removed = removed(name);
  assertEquals((await run(c, [name, "make", "2", "16", "600"])).code, 0);
  const mqdes = mq_open(name, O_RDWR);
  assertEquals(getattr(mqdes), [0, 2, 16, 0]);
  assertStringIncludes((await run(c, [name, "make", "2", "16", "600"])).stderr, "File exists");
  assertEquals((await run(c, [name, "remove"])).code, 0);
  fails("ENOENT", () => mq_open(name, O_RDWR));
  mq_close(mqdes);
});

const TIMEDSEND = [242, 182] as const;
const TIMEDRECEIVE = [243, 183] as const;

needs("cc")("mq_send() wakes a C program that blocks in mq_receive, mq_receive() one that finds it full", async () => {
  const c = await partner();
  using q = queue(1);
  await using receiver = new Program(c, [q.name, "receive", "1"]);
  await receiver.ready(() => waitsIn(receiver.pid, ...TIMEDRECEIVE), "it waits for a message");
  mq_send(q.mqdes, "wake up", undefined, 4);
  assertEquals((await receiver.end()).stdout, "4 wake up\n");
  await using sender = new Program(c, [q.name, "send", "1", "first", "2", "second"]);
  await sender.until("sent first");
  await sender.ready(() => waitsIn(sender.pid, ...TIMEDSEND), "it waits for room");
  assertEquals(receive(q.mqdes), [1, "first"]);
  assertEquals(receive(q.mqdes), [2, "second"]);
  assertEquals((await sender.end()).code, 0);
});

needs("python3")("Python receives what mq_send() sends, and the other way round", async () => {
  using q = queue();
  await using peer = new Program("python3", ["-c", `${PYTHON}\nprint(*receive())\nsend("größer", 6)`, q.name]);
  await peer.ready(() => waitsIn(peer.pid, ...TIMEDRECEIVE), "it waits for a message");
  mq_send(q.mqdes, "from Deno", undefined, 2);
  assertEquals((await peer.end()).stdout, "2 from Deno\n");
  assertEquals(receive(q.mqdes), [6, "größer"]);
});

Deno.test("mq_send() and mq_receive() between two programs that wait for each other", async () => {
  using there = queue(1);
  using back = queue(1);
  const peer = runSource(
    `import { mq_open, mq_receive, mq_send, O_RDWR } from "@mod";
     const [there, back] = Deno.args.map((name) => mq_open(name, O_RDWR));
     const buffer = new Uint8Array(64);
     const prio = new Uint32Array(1);
     for (let i = 0; i < 500; i++) {
       const n = mq_receive(there, buffer, undefined, prio);
       mq_send(back, buffer, n, prio[0] + 1);
     }`,
    [there.name, back.name],
  );
  const buffer = new Uint8Array(64);
  const prio = new Uint32Array(1);
  for (let i = 0; i < 500; i++) {
    mq_send(there.mqdes, `message ${i}`, undefined, i);
    const n = mq_timedreceive(back.mqdes, buffer, undefined, prio, soon(20_000));
    assertEquals([prio[0], decoder.decode(buffer.subarray(0, n))], [i + 1, `message ${i}`]);
  }
  assertEquals((await peer).code, 0);
});

Deno.test("a forked child uses its parent's descriptor of a queue", () => {
  enableFork();
  using q = queue();
  const pid = fork();
  if (pid === 0) {
    const [prio, text] = receive(q.mqdes);
    mq_send(q.mqdes, `${text} and back`, undefined, prio + 1);
    mq_close(q.mqdes);
    exit(3);
  }
  mq_send(q.mqdes, "there", undefined, 1);
  const status = new WaitStatus();
  waitpid(pid, status);
  assertEquals([status.exitStatus, receive(q.mqdes)], [3, [2, "there and back"]]);
});

Deno.test("mq_send() and mq_receive() wait on after a signal, as handlers are installed with SA_RESTART", async () => {
  const { code, stdout, stderr } = await runSource(
    `import * as c from "@mod";
     c.enableFork();
     c.signal(c.SIGUSR1, () => {});
     const attr = new c.mq_attr();
     attr.mq_maxmsg = attr.mq_msgsize = 1;
     const queue = c.mq_open(Deno.args[0], c.O_RDWR | c.O_CREAT | c.O_EXCL, 0o600, attr);
     c.mq_unlink(Deno.args[0]);
     const room = new Uint8Array(1);
     const pester = (then) => {
       const parent = c.getpid();
       c.fork(() => {
         for (let i = 0; i < 5; i++) { c.kill(parent, c.SIGUSR1); c.usleep(10_000); }
         then();
       });
     };
     const later = Date.now() / 1000 + 60;
     pester(() => { c.mq_send(queue, "a"); c.mq_send(queue, "b"); });
     const a = c.mq_receive(queue, room);
     const b = c.mq_timedreceive(queue, room, undefined, null, later);
     c.wait();
     c.mq_send(queue, "c");
     pester(() => { c.mq_receive(queue, room); c.mq_receive(queue, room); });
     c.mq_send(queue, "d");
     c.mq_timedsend(queue, "e", undefined, 0, later);
     c.wait();
     console.log(a, b);`,
    [freshName()],
    { flags: ["--v8-flags=--single-threaded"] },
  );
  assertEquals([code, stdout, stderr], [0, "1 1\n", ""]);
});

Deno.test("functions that libc.so.6 lacks are looked for in librt.so.1, where older ones have them", async () => {
  const { stdout, stderr } = await runSource(
    `const { dlopen } = Deno;
     const asked = [];
     Deno.dlopen = (library, symbols) => {
       const [name] = Object.keys(symbols);
       if (!name.startsWith("mq_")) return dlopen(library, symbols);
       asked.push(library + " " + name);
       if (library !== "librt.so.1") throw new TypeError("undefined symbol: " + name);
       return dlopen("libc.so.6", symbols);
     };
     const { mq_close, mq_open, mq_unlink, O_CREAT, O_RDWR } = await import("@mod");
     mq_close(mq_open(Deno.args[0], O_RDWR | O_CREAT));
     mq_unlink(Deno.args[0]);
     console.log(asked.join());`,
    [freshName()],
  );
  const names = ["mq_open", "mq_close", "mq_unlink"];
  assertEquals([stdout.trim(), stderr], [
    names.flatMap((name) => ["libc.so.6", "libpthread.so.0", "librt.so.1"].map((library) => `${library} ${name}`))
      .join(),
    "",
  ]);
});

/** A namespace of its own, in which there may be two queues. */
const FEW = ["--ipc", "sh", "-c", 'echo 2 > /proc/sys/fs/mqueue/queues_max && exec "$@"', "sh"];
const limits = { "limits that may be set": works("unshare", ...FEW, "true") };

needs("root", "unshare", limits)(
  "POSIX queues: another user gets EACCES, and ENOSPC when there are too many",
  async () => {
    using program = file(
      `import * as c from "@mod";
       const libc = Deno.dlopen("libc.so.6", {
         umask: { parameters: ["u32"], result: "u32" },
         setgroups: { parameters: ["usize", "pointer"], result: "i32" },
         setgid: { parameters: ["u32"], result: "i32" },
         setuid: { parameters: ["u32"], result: "i32" },
       }).symbols;
       libc.umask(0);
       const attr = new c.mq_attr();
       attr.mq_maxmsg = attr.mq_msgsize = 8;
       const make = (name, mode) => c.mq_open(name, c.O_RDWR | c.O_CREAT | c.O_EXCL, mode, attr);
       make("/closed", 0o600);
       const shared = make("/shared", 0o622);
       libc.setgroups(0n, null);
       libc.setgid(65534);
       libc.setuid(65534);
       const attempt = (action) => {
         try {
           action();
           console.log("done");
         } catch (error) {
           console.log(error.code);
         }
       };
       attempt(() => c.mq_open("/closed", c.O_WRONLY));
       attempt(() => c.PosixMessageQueue.open("/closed"));
       attempt(() => c.mq_open("/shared", c.O_RDWR));
       attempt(() => c.mq_open("/shared", c.O_RDONLY));
       attempt(() => c.mq_unlink("/shared"));
       attempt(() => make("/third", 0o600));
       const queue = c.PosixMessageQueue.open("/shared"); // to send
       attempt(() => queue.tryReceive());
       attempt(() => queue.sendSync("hello"));
       attempt(() => console.log(c.mq_receive(shared, new Uint8Array(8))));`,
    );
    const { stdout, stderr } = await run("unshare", [...FEW, Deno.execPath(), ...FFI, "--no-check", program.path]);
    const codes = ["EACCES", "EACCES", "EACCES", "EACCES", "EACCES", "ENOSPC", "EBADF", "done", "5", "done"];
    assertEquals([stdout.trim().split("\n"), stderr], [codes, ""]);
  },
);
