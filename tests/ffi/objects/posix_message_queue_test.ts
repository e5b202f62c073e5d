import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  enableFork,
  exit,
  fork,
  kill,
  mq_close,
  MQ_PRIO_MAX,
  mq_unlink,
  PosixMessage,
  PosixMessageQueue,
  SIG_DFL,
  signal,
  SIGUSR1,
  trace,
  waitpid,
  WaitStatus,
} from "../../../mod.ts";
import { exists, freshName, partner, PYTHON, removed } from "../../_mqueue.ts";
import { moment } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { fails, FFI, file, mod, Program, rejects, run, runSource, waitsIn } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
type Anything = any;

const SMALL = { maxMessages: 4, messageSize: 64 };
const ONE = { maxMessages: 1, messageSize: 64 };
const POLL = [[7, 271], 73] as const; // poll, ppoll: arm64 has only that, also where it is emulated
const TIMEDSEND = [242, 182] as const;
const TIMEDRECEIVE = [243, 183] as const;

const told = ({ priority, text }: PosixMessage): [number, string] => [priority, text];

Deno.test("PosixMessageQueue: messages come by priority, and in the order in which they were sent", async () => {
  using queue = PosixMessageQueue.create(undefined, SMALL);
  await queue.send("a", { priority: 1 });
  queue.sendSync(new Uint8Array([0, 1, 2, 0]), { priority: MQ_PRIO_MAX - 1 });
  assert(queue.trySend("größer\0", { priority: 1 }));
  await queue.send("");
  assertEquals(queue.messageCount, 4);
  const first = await queue.receive();
  assertEquals([first.priority, [...first.data]], [32767, [0, 1, 2, 0]]);
  assertEquals(told(queue.receiveSync()), [1, "a"]);
  const third = queue.tryReceive()!;
  assertEquals([told(third), third.data.length], [[1, "größer"], 9]);
  assertEquals(told(await queue.receive()), [0, ""]);
  assertEquals(queue.tryReceive(), null);
});

Deno.test("PosixMessageQueue.create() makes a queue that goes with `using`; open() finds one, and leaves it", () => {
  const name = freshName();
  {
    using made = PosixMessageQueue.create(name, { ...SMALL, mode: 0o640 });
    {
      using found = PosixMessageQueue.open(name);
      assertEquals([found.name, found.maxMessages, found.messageSize, found.messageCount], [name, 4, 64, 0]);
      assertEquals([found.mode, found.uid, found.gid], [0o640 & ~Deno.umask(), Deno.uid(), Deno.gid()]);
      const error = fails("EEXIST", () => PosixMessageQueue.create(name));
      assertStringIncludes(error.message, "is taken: open() finds it, exclusive: false takes it");
      using taken = PosixMessageQueue.create(name, { exclusive: false, maxMessages: 1 });
      assertEquals(taken.maxMessages, 4, "as it is");
      taken.sendSync("hello");
    }
    assertEquals(made.receiveSync().text, "hello");
    assertStringIncludes(Deno.inspect(made), name);
  }
  fails("ENOENT", () => PosixMessageQueue.open(name));
  using later = PosixMessageQueue.create(name, { ...SMALL, exclusive: false });
  assert(exists(name));
  later.close();
  later.close();
  assert(!exists(name), "it made this one");
});

Deno.test("PosixMessageQueue.create() without a name makes one that nobody else has, and as the system allows", () => {
  using a = PosixMessageQueue.create();
  using b = PosixMessageQueue.create(undefined, { messageSize: 32 });
  using c = PosixMessageQueue.create(undefined, { maxMessages: 2 });
  assertEquals(new Set([a.name, b.name, c.name]).size, 3);
  assertEquals([b.maxMessages, b.messageSize], [a.maxMessages, 32]);
  assertEquals([c.maxMessages, c.messageSize], [2, a.messageSize]);
});

Deno.test("PosixMessageQueue.create() and open() fail with EINVAL, ENOENT or EACCES, and make nothing", () => {
  const name = freshName();
  const bads = [null, "1", {}, NaN, 0.5, -1, 0, 2 ** 31, 2 ** 60];
  for (const bad of bads as Anything[]) {
    fails("EINVAL", () => PosixMessageQueue.create(name, { maxMessages: bad }));
    fails("EINVAL", () => PosixMessageQueue.create(name, { messageSize: bad }));
    if (bad !== 0) fails("EINVAL", () => PosixMessageQueue.create(name, { mode: bad }));
    if (typeof bad !== "string") fails("EINVAL", () => PosixMessageQueue.create(bad));
    if (typeof bad !== "string") fails("EINVAL", () => PosixMessageQueue.open(bad));
  }
  fails("EINVAL", () => PosixMessageQueue.create(name, { size: 5 } as Anything));
  fails("EINVAL", () => PosixMessageQueue.create("no slash"));
  fails("EACCES", () => PosixMessageQueue.create("/a/b"));
  fails("ENOENT", () => PosixMessageQueue.open("/ipc_playground_none"));
  assert(!exists(name));
});

Deno.test("PosixMessageQueue: what cannot be sent is EMSGSIZE or EINVAL, in each of the three ways", async () => {
  using queue = PosixMessageQueue.create(undefined, SMALL);
  for (
    const [code, data, options] of [
      ["EMSGSIZE", "x".repeat(65), {}],
      ["EINVAL", "x", { priority: MQ_PRIO_MAX }],
      ["EINVAL", "x", { priority: -1 }],
      ["EINVAL", "x", { priority: 1.5 }],
      ["EINVAL", "x", { type: 1 }],
      ["EINVAL", 5, {}],
      ["EINVAL", null, {}],
      ["EINVAL", new Uint16Array(2), {}],
    ] as [Anything, Anything, Anything][]
  ) {
    fails(code, () => queue.trySend(data, options));
    fails(code, () => queue.sendSync(data, options));
    await rejects(code, queue.send(data, options));
  }
  for (const options of [{ timeout: 1 }, { type: 1 }, { signal: {} }, null, 5] as Anything[]) {
    await rejects("EINVAL", queue.receive(options));
  }
  for (const options of [{ signal: undefined, timeout: 1 }, { timeout: -1 }, { timeout: "1" }, null] as Anything[]) {
    fails("EINVAL", () => queue.receiveSync(options));
    fails("EINVAL", () => queue.sendSync("x", options));
  }
  assertEquals(queue.messageCount, 0);
});

Deno.test("PosixMessageQueue.receive() waits for a message, send() for room, and others go on meanwhile", async () => {
  using queue = PosixMessageQueue.create(undefined, ONE);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const received = queue.receive();
  await moment();
  assert(turns > 0);
  clearInterval(timer);
  await queue.send("one", { priority: 3 });
  assertEquals(told(await received), [3, "one"]);
  await queue.send("two");
  const data = new Uint8Array([116, 104, 114, 101, 101]);
  const sent = queue.send(data);
  data.fill(0); // it is the caller's again
  let done = false;
  sent.then(() => done = true);
  await moment();
  assert(!done);
  assertEquals(queue.tryReceive()!.text, "two");
  await sent;
  assertEquals(queue.receiveSync().text, "three");
});

Deno.test("PosixMessageQueue: a full queue holds back the sender, and nothing is lost or doubled", async () => {
  using queue = PosixMessageQueue.create(undefined, SMALL);
  const all = Array.from({ length: 300 }, (_, i) => String(i));
  const sending = (async () => {
    for (const text of all) await queue.send(text);
  })();
  const got: string[] = [];
  for await (const { text } of queue) {
    assert(queue.messageCount <= 4);
    if (got.push(text) === all.length) break;
  }
  await sending;
  assertEquals(got, all);
});

Deno.test("PosixMessageQueue: of many who wait each gets one message", async () => {
  using queue = PosixMessageQueue.create(undefined, SMALL);
  const waiting = Array.from({ length: 40 }, () => queue.receive());
  await moment();
  for (let i = 0; i < 40; i++) await queue.send(`${i}`);
  const texts = (await Promise.all(waiting)).map(({ text }) => Number(text)).sort((a, b) => a - b);
  assertEquals(texts, Array.from({ length: 40 }, (_, i) => i));
  assertEquals(queue.messageCount, 0);
});

Deno.test("PosixMessageQueue: a wait that is called off has taken and sent nothing", async () => {
  using queue = PosixMessageQueue.create(undefined, ONE);
  const reason = new Error("mine");
  for (let i = 0; i < 20; i++) {
    const abort = new AbortController();
    const received = queue.receive({ signal: abort.signal });
    if (i % 2 > 0) await moment();
    abort.abort(reason);
    assertEquals(await received.catch((error) => error), reason);
    await queue.send(`message ${i}`);
    const again = new AbortController();
    const sent = queue.send("too much", { signal: again.signal });
    if (i % 2 > 0) await moment();
    again.abort(reason);
    assertEquals(await sent.catch((error) => error), reason);
    assertEquals([queue.messageCount, queue.receiveSync().text], [1, `message ${i}`]);
  }
  await assertRejects(() => queue.receive({ signal: AbortSignal.abort(reason) }), Error, "mine");
  await assertRejects(() => queue.send("x", { signal: AbortSignal.abort(reason) }), Error, "mine");
  await assertRejects(() => queue.receive({ signal: AbortSignal.timeout(1) }), DOMException);
  assertEquals(queue.messageCount, 0);
});

Deno.test("PosixMessageQueue: however often waits are called off while messages come, none is lost", async () => {
  using queue = PosixMessageQueue.create(undefined, SMALL);
  const sending = (async () => {
    for (let i = 0; i < 200; i++) {
      await queue.send(`${i}`);
      if (i % 3 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
  })();
  const got: number[] = [];
  while (got.length < 200) {
    const abort = new AbortController();
    const received = queue.receive({ signal: abort.signal });
    if (got.length % 2) setTimeout(() => abort.abort());
    try {
      got.push(Number((await received).text));
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    }
  }
  await sending;
  assertEquals(got, Array.from({ length: 200 }, (_, i) => i));
});

Deno.test("PosixMessageQueue: the methods that end in Sync give up with ETIMEDOUT when their time is over", () => {
  using queue = PosixMessageQueue.create(undefined, ONE);
  const start = performance.now();
  assertEquals(
    fails("ETIMEDOUT", () => queue.receiveSync({ timeout: 20 })).message,
    "mq_receive: Connection timed out (waited for 20 ms)",
  );
  queue.sendSync("x", { timeout: 0 });
  fails("ETIMEDOUT", () => queue.sendSync("y", { timeout: 20 }));
  assert(performance.now() - start >= 39);
  fails("ETIMEDOUT", () => queue.sendSync("y", { timeout: 0 }));
  assertEquals(queue.receiveSync({ timeout: 0 }).text, "x");
  fails("ETIMEDOUT", () => queue.receiveSync({ timeout: 0 }));
  assert(!queue.trySend("z") || !queue.trySend("z"));
});

Deno.test("PosixMessageQueue: after close() all is EBADF, who waits hears of it, and the loop ends", async () => {
  const queue = PosixMessageQueue.create(undefined, ONE);
  const { name } = queue;
  const loop = (async () => {
    for await (const _ of queue) throw new Error("nothing was sent");
  })();
  const received = queue.receive();
  await moment();
  queue.close();
  await rejects("EBADF", received);
  await loop;
  assertEquals(queue.fd, -1);
  assert(!exists(name));
  await rejects("EBADF", queue.receive());
  await rejects("EBADF", queue.send("x"));
  for (
    const call of [
      () => queue.tryReceive(),
      () => queue.receiveSync({ timeout: 1 }),
      () => queue.trySend("x"),
      () => queue.sendSync("x", { timeout: 1 }),
      () => queue.messageCount,
      () => queue.maxMessages,
      () => queue.mode,
    ]
  ) fails("EBADF", call);
  fails("ENOENT", () => queue.remove());
});

Deno.test("PosixMessageQueue: a full queue's sender hears of close(), too", async () => {
  const queue = PosixMessageQueue.create(undefined, ONE);
  await queue.send("x");
  const sent = queue.send("y");
  await moment();
  queue.close();
  await rejects("EBADF", sent);
});

Deno.test("PosixMessageQueue.remove() takes the name away, and disposing of it is fine then", () => {
  using queue = PosixMessageQueue.create(undefined, SMALL);
  queue.remove();
  assert(!exists(queue.name));
  queue.sendSync("still here");
  // a queue of that name is somebody else's
  using other = PosixMessageQueue.create(queue.name, SMALL);
  queue.close();
  assert(exists(other.name));
  fails("EBADF", () => queue.tryReceive());
});

Deno.test("PosixMessageQueue: its queue is removed though its descriptor was closed by somebody else", () => {
  const queue = PosixMessageQueue.create(undefined, SMALL);
  mq_close(queue.fd);
  fails("EBADF", () => queue.close());
  assert(!exists(queue.name));
});

Deno.test("PosixMessageQueue: a signal does not end a wait that ends in Sync", async () => {
  const { stdout, stderr, code } = await runSource(
    `import { enableFork, fork, getppid, kill, PosixMessageQueue, signal, SIGUSR1, usleep, wait } from "@mod";
     enableFork();
     signal(SIGUSR1, () => {});
     using queue = PosixMessageQueue.create(undefined, { maxMessages: 1, messageSize: 64 });
     fork(() => {
       for (let i = 0; i < 5; i++) {
         usleep(5000);
         kill(getppid(), SIGUSR1);
       }
       queue.sendSync("there");
     });
     console.log(queue.receiveSync().text);
     wait();`,
    [],
    { flags: ["--v8-flags=--single-threaded"] },
  );
  assertEquals([stdout, stderr, code], ["there\n", "", 0]);
});

Deno.test("PosixMessageQueue: a wait goes on while a handler runs", async () => {
  using queue = PosixMessageQueue.create(undefined, ONE);
  const { promise, resolve } = Promise.withResolvers<void>();
  signal(SIGUSR1, () => resolve());
  try {
    const received = queue.receive();
    await moment();
    kill(Deno.pid, SIGUSR1);
    await promise;
    await queue.send("x");
    assertEquals((await received).text, "x");
  } finally {
    signal(SIGUSR1, SIG_DFL);
  }
});

Deno.test("PosixMessageQueue: a forked child has to use the methods that end in Sync, and removes nothing", async () => {
  enableFork();
  using queue = PosixMessageQueue.create(undefined, SMALL);
  using back = PosixMessageQueue.create(undefined, SMALL);
  const pid = fork();
  if (pid === 0) {
    // the promise is rejected before anything has begun; a child can't wait to hear of it
    queue.receive().catch(() => {});
    const { priority, text } = queue.receiveSync();
    back.sendSync(`${text} and back`, { priority: priority + 1 });
    queue.close();
    back[Symbol.dispose]();
    exit(3);
  }
  await moment();
  await queue.send("there", { priority: 1 });
  assertEquals(told(await back.receive()), [2, "there and back"]);
  const status = new WaitStatus();
  waitpid(pid, status);
  assertEquals(status.exitStatus, 3);
  assert(exists(queue.name) && exists(back.name));
});

Deno.test("PosixMessageQueue: in a forked child what waits fails with EOPNOTSUPP", async () => {
  const { stdout } = await runSource(
    `import { enableFork, fork, PosixMessageQueue, wait } from "@mod";
     enableFork();
     using queue = PosixMessageQueue.create(undefined, { maxMessages: 1, messageSize: 64 });
     fork(() => {
       for (const call of [() => queue.receive(), () => queue.send("x")]) {
         console.log(Deno.inspect(call()).includes("EOPNOTSUPP") || Deno.inspect(call()).includes("not supported"));
       }
     });
     wait();`,
    [],
    { flags: ["--v8-flags=--single-threaded"] },
  );
  assertEquals(stdout, "true\ntrue\n");
});

Deno.test("PosixMessageQueue: a trace has its calls, also those of a listener in the middle of one", async () => {
  using queue = PosixMessageQueue.create(undefined, SMALL);
  queue.sendSync("one", { priority: 5 });
  queue.sendSync("two", { priority: 1 });
  const calls: string[] = [];
  let inner: PosixMessage | null = null;
  {
    using _trace = trace((event) => {
      if (event.ev !== "exit") return;
      if (event.call === "mq_receive" && inner === null) inner = queue.tryReceive();
      calls.push(event.call);
    });
    const outer = await queue.receive();
    assertEquals([told(outer), told(inner!)], [[5, "one"], [1, "two"]]);
    await queue.send("three");
    assertEquals(queue.messageCount, 1);
  }
  assertEquals(calls, ["mq_receive", "mq_send", "mq_getattr"]);
});

needs("cc")("C receives what PosixMessageQueue sends, and the other way round", async () => {
  const c = await partner();
  using queue = PosixMessageQueue.create(undefined, SMALL);
  await using receiver = new Program(c, [queue.name, "receive", "3"]);
  await receiver.ready(() => waitsIn(receiver.pid, ...TIMEDRECEIVE), "it waits for a message");
  await queue.send("first", { priority: 1 });
  await receiver.until("1 first");
  await queue.send("second", { priority: 2 });
  queue.sendSync("größer", { priority: 32767 });
  const { stdout } = await receiver.end();
  assertEquals(stdout.split("\n").toSorted(), ["", "1 first", "2 second", "32767 größer"]);

  const waiting = queue.receive();
  await run(c, [queue.name, "send", "4", "from C"]);
  assertEquals(told(await waiting), [4, "from C"]);
});

needs("cc")("PosixMessageQueue makes room for a C program that blocks, and waits for one to make room", async () => {
  const c = await partner();
  using queue = PosixMessageQueue.create(undefined, ONE);
  await using sender = new Program(c, [queue.name, "send", "1", "a", "2", "b", "3", "c"]);
  await sender.until("sent a");
  await sender.ready(() => waitsIn(sender.pid, ...TIMEDSEND), "it waits for room");
  assertEquals(
    [told(await queue.receive()), told(queue.receiveSync()), told(await queue.receive())],
    [[1, "a"], [2, "b"], [3, "c"]],
  );
  assertEquals((await sender.end()).code, 0);
  await queue.send("full");
  const sent = queue.send("later", { priority: 7 });
  assertEquals((await run(c, [queue.name, "receive", "2"])).stdout, "0 full\n7 later\n");
  await sent;
});

needs("cc")("PosixMessageQueue opens what C made, and remove() removes it", async () => {
  const c = await partner();
  const name = freshName();
  using _removed = removed(name);
  await run(c, [name, "make", "3", "16", "600"]);
  {
    using queue = PosixMessageQueue.open(name);
    assertEquals([queue.maxMessages, queue.messageSize, queue.mode], [3, 16, 0o600]);
    queue.sendSync("x");
  }
  assertEquals((await run(c, [name, "attr"])).stdout, "0 3 16 1\n");
  using again = PosixMessageQueue.open(name);
  again.remove();
  assert(!exists(name));
});

needs("python3")("Python and PosixMessageQueue answer each other", async () => {
  using there = PosixMessageQueue.create(undefined, SMALL);
  using back = PosixMessageQueue.create(undefined, SMALL);
  await using peer = new Program("python3", [
    "-c",
    `${PYTHON}
answers = check(libc.mq_open(args[0].encode(), os.O_WRONLY))
for _ in range(20):
    priority, text = receive()
    text = (text + "!").encode()
    check(libc.mq_send(answers, text, len(text), priority + 1))
print("done")`,
    there.name,
    back.name,
  ]);
  for (let i = 0; i < 20; i++) {
    if (i % 2) there.sendSync(`${i}`, { priority: i });
    else await there.send(`${i}`, { priority: i });
    const answer = i % 3 ? await back.receive() : back.receiveSync({ timeout: 20_000 });
    assertEquals(told(answer), [i + 1, `${i}!`]);
  }
  assertEquals((await peer.end()).stdout, "done\n");
});

Deno.test("PosixMessageQueue: several programs share the work of one queue, each message once", async () => {
  using work = PosixMessageQueue.create(undefined, SMALL);
  using done = PosixMessageQueue.create(undefined, SMALL);
  using program = file(
    `import { PosixMessageQueue } from "@mod";
     const [work, done] = Deno.args.map((name) => PosixMessageQueue.open(name));
     for await (const { text, priority } of work) {
       await done.send(text, { priority });
       if (text === "end") Deno.exit(0);
     }`,
  );
  const workers = [1, 2, 3].map(() => new Program(Deno.execPath(), [...FFI, program.path, work.name, done.name]));
  try {
    const sending = (async () => {
      for (let i = 0; i < 120; i++) await work.send(`${i}`, { priority: 5 });
    })();
    const got = new Set<string>();
    while (got.size < 120) got.add((await done.receive()).text);
    await sending;
    for (const _ of workers) await work.send("end");
    for (const _ of workers) assertEquals((await done.receive()).text, "end");
    assertEquals(done.messageCount, 0);
    for (const worker of workers) assertEquals((await worker.end()).code, 0);
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
  }
});

Deno.test("PosixMessageQueue.receiveSync() blocks in poll until another program sends", async () => {
  using queue = PosixMessageQueue.create(undefined, ONE);
  using program = file(
    `import { PosixMessageQueue } from "@mod";
     using queue = PosixMessageQueue.open(Deno.args[0]);
     console.log(queue.receiveSync().text);`,
  );
  await using peer = new Program(Deno.execPath(), [...FFI, program.path, queue.name]);
  await peer.ready(() => waitsIn(peer.pid, ...POLL), "it waits");
  await queue.send("wake up");
  assertEquals((await peer.end()).stdout, "wake up\n");
});

Deno.test("PosixMessageQueue: a Worker that is ended while it waits takes no message with it", async () => {
  using queue = PosixMessageQueue.create(undefined, SMALL);
  const source = `import { PosixMessageQueue } from ${JSON.stringify(mod)};
    const queue = PosixMessageQueue.open(${JSON.stringify(queue.name)});
    postMessage((await queue.receive()).text);
    await queue.receive();
    postMessage("never");`;
  const worker = new Worker("data:application/typescript," + encodeURIComponent(source), { type: "module" });
  const told: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  worker.onmessage = ({ data }) => resolve(void told.push(data));
  await queue.send("for the worker");
  await promise;
  await moment();
  worker.terminate();
  await moment();
  await queue.send("for us");
  assertEquals([(await queue.receive()).text, told], ["for us", ["for the worker"]]);
});

Deno.test("PosixMessage takes bytes and nothing else, and says so when they are gone", () => {
  assertEquals(new PosixMessage(3, new Uint8Array([104, 105, 0])).text, "hi");
  for (const bad of [null, undefined, "x", [], new Uint16Array(1)] as Anything[]) {
    fails("EINVAL", () => new PosixMessage(0, bad));
  }
  const message = new PosixMessage(3, new Uint8Array([104]));
  assertEquals(Deno.inspect(message), 'PosixMessage { priority: 3, text: "h" }');
  message.data.buffer.transfer();
  let text: string | undefined;
  try {
    text = message.text;
  } catch (error) {
    fails("EFAULT", () => {
      throw error;
    });
  }
  assert(text === undefined || text === "");
});

needs("prlimit")(
  "PosixMessageQueue: a limit of the user's queues is EMFILE, which says so, and nothing is left",
  async () => {
    const name = freshName();
    using _removed = removed(name);
    using program = file(
      `import { PosixMessageQueue } from "@mod";
     try {
       PosixMessageQueue.create(Deno.args[0]);
     } catch (error) {
       console.log(error.message);
     }`,
    );
    const { stdout } = await run("prlimit", ["--msgqueue=1000", Deno.execPath(), ...FFI, program.path, name]);
    assertStringIncludes(stdout, `mq_open: Too many open files (${name}: too many descriptors, or bytes in queues`);
    fails("ENOENT", () => mq_unlink(name));
  },
);
