import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { Message } from "../../../ffi/objects/message.ts";
import { MessageQueue } from "../../../ffi/objects/message_queue.ts";
import { IPC_INFO } from "../../../ffi/libc/sys/ipc.ts";
import { msgctl, msginfo } from "../../../ffi/libc/sys/msg.ts";
import { trace } from "../../../ffi/trace/trace.ts";
import { copies, freshKey, moment, perlInBackground } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { fails, objects, rejects, run } from "../../support.ts";
import { interrupted } from "./_interrupted.ts";

function exists(id: number): boolean {
  return objects("msg").some((object) => object.id === id);
}

function limits(): msginfo {
  const info = new msginfo();
  msgctl(0, IPC_INFO, info);
  return info;
}

/** Sends until the queue is full, and tells how often. */
function fill(queue: MessageQueue, data: Uint8Array | string): number {
  let count = 0;
  while (queue.trySend(data)) count++;
  return count;
}

Deno.test("MessageQueue.create() makes a private queue", () => {
  using queue = MessageQueue.create();
  assertEquals([queue.mode, queue.key, queue.messageCount, queue.byteCount], [0o600, 0, 0, 0]);
  assertEquals([queue.uid, queue.cgid, queue.lastSendPid, queue.lastReceivePid], [Deno.uid(), Deno.gid(), 0, 0]);
  assertEquals([queue.sentAt, queue.receivedAt, queue.maxBytes], [null, null, limits().msgmnb]);
  assert(Math.abs(queue.changedAt!.getTime() - Date.now()) < 60_000);
  queue.sendSync("x");
  assertEquals([queue.messageCount, queue.byteCount, queue.lastSendPid], [1, 1, Deno.pid]);
  assert(queue.sentAt !== null);
  queue.receiveSync();
  assertEquals(queue.lastReceivePid, Deno.pid);
  assert(queue.receivedAt !== null);
});

Deno.test("MessageQueue is removed at the end of using by who made it only", () => {
  const key = freshKey();
  let id: number;
  {
    using made = MessageQueue.create({ key });
    id = made.id;
    for (
      const find of [
        () => MessageQueue.open(key),
        () => MessageQueue.fromId(id),
        () => MessageQueue.create({ key, exclusive: false }),
      ]
    ) {
      using found = find();
      assertEquals(found.id, id);
    }
    assert(exists(id));
    fails("EEXIST", () => MessageQueue.create({ key }));
  }
  assert(!exists(id));
  fails("ENOENT", () => MessageQueue.open(key));
  fails("EINVAL", () => MessageQueue.fromId(id));
  fails("EINVAL", () => MessageQueue.open(0));
  {
    using made = MessageQueue.create({ key, exclusive: false });
    id = made.id;
    made.remove();
  }
  assert(!exists(id));
});

Deno.test("MessageQueue passes bytes and text on, with their types", async () => {
  using queue = MessageQueue.create();
  await queue.send("grüße");
  queue.sendSync(new Uint8Array([1, 2, 0]), { type: 2n ** 60n });
  assertEquals(queue.trySend("Did you get this?\0", { type: 3 }), true);
  queue.sendSync(new Uint8Array());
  const first = await queue.receive();
  assertInstanceOf(first, Message);
  assertEquals([first.type, first.text, first.data.length], [1, "grüße", 7]);
  const second = queue.receiveSync();
  assertEquals([second.type, second.data], [2n ** 60n, new Uint8Array([1, 2, 0])]);
  const third = queue.tryReceive()!;
  assertEquals([third.text, third.data.length, third.data.at(-1)], ["Did you get this?", 18, 0]);
  assertEquals(Deno.inspect(third), 'Message { type: 3, text: "Did you get this?" }');
  assertEquals([...queue.receiveSync().data], []);
  assertEquals(queue.tryReceive(), null);
});

Deno.test("MessageQueue picks by type", async () => {
  using queue = MessageQueue.create();
  for (const type of [5, 3, 9, 3]) queue.sendSync(`t${type}`, { type });
  assertEquals((await queue.receive({ type: 9 })).text, "t9");
  assertEquals(queue.receiveSync({ type: -4 }).text, "t3");
  assertEquals((await queue.receive({ type: 5, except: true })).text, "t3");
  assertEquals(queue.tryReceive({ type: 5, except: true }), null);
  assertEquals(queue.tryReceive({ type: -5 })!.text, "t5");
});

Deno.test("MessageQueue gives each message bytes of its own", () => {
  using queue = MessageQueue.create();
  const sizes = [0, 1, 64, 255, 256, 257, 1000];
  const messages = sizes.flatMap((size) => {
    queue.sendSync(new Uint8Array(size).fill(97));
    queue.sendSync(new Uint8Array(size).fill(1));
    return [queue.receiveSync(), queue.receiveSync()];
  });
  messages.forEach((message, i) => {
    const size = sizes[i >> 1];
    assertEquals(message.text, new TextDecoder().decode(new Uint8Array(size).fill(i % 2 ? 1 : 97)));
    assertEquals(message.data, new Uint8Array(size).fill(i % 2 ? 1 : 97));
    assertEquals(message.data.buffer.byteLength, size);
    assert(message.data === message.data);
    message.data.fill(99);
  });
  // more than fits into what short messages share
  for (let i = 0; i < 500; i++) queue.sendSync(new Uint8Array(64).fill(i)), messages.push(queue.receiveSync());
  messages.slice(-500).forEach(({ data }, i) => assertEquals(data, new Uint8Array(64).fill(i)));
});

Deno.test("MessageQueue receives messages of any length whole", async () => {
  using queue = MessageQueue.create();
  const data = crypto.getRandomValues(new Uint8Array(limits().msgmax));
  await queue.send(data);
  await queue.send(data.subarray(0, 1024));
  using other = MessageQueue.fromId(queue.id);
  assertEquals((await other.receive()).data, data);
  assertEquals(other.receiveSync().data, data.subarray(0, 1024));
  await rejects("EINVAL", queue.send(new Uint8Array(data.length + 1)));
  assertEquals(queue.messageCount, 0);
});

needs(copies())(
  "MessageQueue.peek() and messages() leave the messages in the queue",
  () => {
    using queue = MessageQueue.create();
    assertEquals([queue.peek(), queue.messages()], [null, []]);
    for (const type of [3, 1, 2]) queue.sendSync("x".repeat(type * 1000), { type });
    assertEquals(queue.peek(1)!.type, 1);
    assertEquals(queue.peek(3), null);
    assertEquals(queue.peek(-1), null);
    fails("EINVAL", () => queue.peek(0.5));
    assertEquals(queue.messages().map(({ type, data }) => [type, data.length]), [[3, 3000], [1, 1000], [2, 2000]]);
    assertEquals(queue.messageCount, 3);
  },
);

Deno.test("MessageQueue.receive() waits for a message", async () => {
  using queue = MessageQueue.create();
  const received = queue.receive({ type: 7 });
  await moment();
  queue.sendSync("other", { type: 6 });
  await moment();
  queue.sendSync("this", { type: 7 });
  assertEquals((await received).text, "this");
  assertEquals(queue.messageCount, 1);
});

Deno.test("MessageQueue.receive() serves who came first first", async () => {
  using queue = MessageQueue.create();
  const order: string[] = [];
  const waiting = [1, 2, 3].map(async (n) => order.push(`${n} ${(await queue.receive()).text}`));
  const special = queue.receive({ type: 8 });
  await moment();
  for (const text of ["a", "b", "c"]) queue.sendSync(text);
  // whoever comes now finds messages, but they are for those who wait
  waiting.push(queue.receive().then((message) => order.push(`late ${message.text}`)));
  queue.sendSync("d");
  queue.sendSync("special", { type: 8 });
  await Promise.all(waiting);
  assertEquals(order, ["1 a", "2 b", "3 c", "late d"]);
  assertEquals((await special).text, "special");
});

Deno.test("MessageQueue.receive() of many types begins without each having all others try again", async () => {
  using queue = MessageQueue.create();
  queue.sendSync("nobody's", { type: 9999 });
  const abort = new AbortController();
  let calls = 0;
  const waiting: Promise<unknown>[] = [];
  {
    using _tracing = trace((event) => void (event.ev === "enter" && event.call === "msgrcv" && calls++));
    for (let type = 1; type <= 300; type++) waiting.push(queue.receive({ type, signal: abort.signal }).catch(String));
    await Promise.resolve().then(() => {});
  }
  assert(calls >= 300 && calls < 1000, `${calls} calls`); // 45,150 if each had
  queue.sendSync("for the last", { type: 300 });
  assertEquals(String((await waiting[299] as Message).text), "for the last");
  abort.abort("enough");
  assertEquals(await Promise.all(waiting.slice(0, 299)), Array(299).fill("enough"));
});

Deno.test("MessageQueue.send() waits while the queue is full, in order", async () => {
  using queue = MessageQueue.create();
  const data = new Uint8Array(1000).fill(1);
  const filled = fill(queue, data);
  assert(filled > 0);
  const mine = new Uint8Array(1000).fill(2);
  const sent = [queue.send(mine), queue.send("3")];
  mine.fill(9);
  await moment();
  assertEquals(queue.messageCount, filled);
  for (let i = 0; i < filled; i++) assertEquals((await queue.receive()).data[0], 1);
  await Promise.all(sent);
  assertEquals(queue.receiveSync().data, new Uint8Array(1000).fill(2));
  assertEquals(queue.receiveSync().text, "3");
});

Deno.test("MessageQueue.receive() takes nothing if it is aborted", async () => {
  using queue = MessageQueue.create();
  const controller = new AbortController();
  const aborted = queue.receive({ signal: controller.signal });
  const other = queue.receive();
  await moment();
  queue.sendSync("message");
  controller.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  assertEquals((await other).text, "message");

  queue.sendSync("another");
  await assertRejects(() => queue.receive({ signal: AbortSignal.abort(new Error("before")) }), Error, "before");
  assertEquals(queue.messageCount, 1);
  assertEquals((await queue.receive({ signal: controller.signal }).catch(() => queue.receive())).text, "another");
});

Deno.test("MessageQueue.receive() gives up after a time", async () => {
  using queue = MessageQueue.create();
  await assertRejects(() => queue.receive({ signal: AbortSignal.timeout(10) }), DOMException, "timeout");
});

Deno.test("MessageQueue.send() sends nothing if it is aborted", async () => {
  using queue = MessageQueue.create();
  const filled = fill(queue, new Uint8Array(1000));
  const controller = new AbortController();
  const aborted = queue.send(new Uint8Array(1000), { signal: controller.signal });
  await moment();
  controller.abort();
  await assertRejects(() => aborted, DOMException);
  queue.receiveSync();
  await moment();
  assertEquals(queue.messageCount, filled - 1);
});

Deno.test("MessageQueue fails with EIDRM if the queue is removed while it waits", async () => {
  const queue = MessageQueue.create();
  const waiting = [queue.receive(), queue.receive({ type: 2 })];
  const full = MessageQueue.create();
  fill(full, "x".repeat(1000));
  waiting.push(full.send("x".repeat(1000)) as Promise<never>);
  await moment();
  queue.remove();
  full.remove();
  await Promise.all(waiting.map((promise) => rejects("EIDRM", promise)));
  await rejects("EINVAL", queue.receive());
  await rejects("EINVAL", queue.send("x"));
  fails("EINVAL", () => queue.tryReceive());
  fails("EINVAL", () => queue.remove());
  queue[Symbol.dispose]();
});

Deno.test("MessageQueue fails with EINVAL if data or type are none", async () => {
  using queue = MessageQueue.create();
  for (const bad of [0, -1, NaN, 0.5, 2n ** 63n, "1", null] as number[]) {
    if (bad === null) continue;
    await rejects("EINVAL", queue.send("x", { type: bad }));
    fails("EINVAL", () => queue.sendSync("x", { type: bad }));
    fails("EINVAL", () => queue.trySend("x", { type: bad }));
  }
  for (const bad of [null, undefined, 5, [1], new ArrayBuffer(2), {}]) {
    await rejects("EINVAL", queue.send(bad as unknown as string));
    fails("EINVAL", () => queue.sendSync(bad as unknown as string));
  }
  for (const bad of [NaN, 0.5, 2n ** 63n, "1"] as number[]) {
    await rejects("EINVAL", queue.receive({ type: bad }));
    fails("EINVAL", () => queue.receiveSync({ type: bad }));
  }
  for (const bad of [NaN, 0.5, "1", 2 ** 40] as number[]) {
    fails("EINVAL", () => MessageQueue.create({ key: bad }));
    fails("EINVAL", () => MessageQueue.open(bad));
    fails("EINVAL", () => MessageQueue.fromId(bad));
  }
  assertEquals(queue.messageCount, 0);
});

Deno.test("MessageQueue.setMaxBytes() changes how much fits", () => {
  using queue = MessageQueue.create();
  queue.setMaxBytes(100);
  assertEquals([queue.maxBytes, queue.mode], [100, 0o600]);
  assertEquals(fill(queue, "0123456789"), 10);
  for (const bad of [-1, NaN, 0.5, "1"] as number[]) fails("EINVAL", () => queue.setMaxBytes(bad));
});

Deno.test("MessageQueue.setPermissions() changes what it is told to", () => {
  using queue = MessageQueue.create({ mode: 0o660 });
  queue.setPermissions({ mode: 0o600 });
  assertEquals([queue.mode, queue.uid], [0o600, Deno.uid()]);
});

needs(copies())("MessageQueue may be used by a trace's listener while it is being used", () => {
  using queue = MessageQueue.create();
  let calls = 0;
  const log = () => void (calls++ === 0 && queue.trySend("log", { type: 9 }));
  interrupted("msgsnd", log, () => queue.sendSync("payload", { type: 1 }));
  assertEquals(queue.messages().map(({ type, text }) => [type, text]), [[9, "log"], [1, "payload"]]);
  calls = 0;
  const take = () => void (calls++ === 1 && queue.tryReceive({ type: 9 }));
  assertEquals(interrupted("msgrcv", take, () => queue.receiveSync({ type: 1 })).text, "payload");
  assertEquals(queue.messageCount, 0);
});

Deno.test("MessageQueue.receive() has taken nothing if it is rejected, whenever it is aborted", async () => {
  using queue = MessageQueue.create();
  const abort = new AbortController();
  const waiting = queue.receive({ signal: abort.signal });
  const outcome = waiting.then(({ text }) => text, () => "aborted");
  {
    using _tracing = trace((event) => {
      if (event.ev === "exit" && event.call === "msgrcv" && !event.errno) abort.abort();
    });
    queue.sendSync("precious");
    await outcome;
  }
  assertEquals([await outcome, queue.messageCount], ["precious", 0]);
});

Deno.test("MessageQueue.receive() can be aborted while it begins", async () => {
  using queue = MessageQueue.create();
  const abort = new AbortController();
  let waiting: Promise<Message>;
  {
    using _tracing = trace((event) => {
      if (event.ev === "enter" && event.call === "msgrcv") abort.abort("at once");
    });
    waiting = queue.receive({ signal: abort.signal });
  }
  assertEquals(await waiting.catch((reason) => reason), "at once");
});

Deno.test("MessageQueue.receiveSync() and sendSync() fail with ETIMEDOUT when the time is over", () => {
  using queue = MessageQueue.create();
  const before = performance.now();
  const error = fails("ETIMEDOUT", () => queue.receiveSync({ timeout: 20 }));
  assert(performance.now() - before >= 20, "it waits");
  assertEquals(error.message, "msgrcv: Connection timed out (waited for 20 ms)");
  fails("ETIMEDOUT", () => queue.receiveSync({ timeout: 0 }));
  queue.sendSync("x", { timeout: 0 });
  fails("ETIMEDOUT", () => queue.receiveSync({ type: 1, except: true, timeout: 1 }));
  assertEquals(queue.receiveSync({ timeout: 0 }).text, "x");
  const filled = fill(queue, "x".repeat(1000));
  assertEquals(fails("ETIMEDOUT", () => queue.sendSync("x".repeat(1000), { timeout: 2 })).syscall, "msgsnd");
  assertEquals(queue.messageCount, filled);
  for (const bad of [-1, NaN, Infinity, "1", null] as number[]) {
    fails("EINVAL", () => queue.receiveSync({ timeout: bad }));
    fails("EINVAL", () => queue.sendSync("x", { timeout: bad }));
  }
});

needs("perl")("MessageQueue.receiveSync() with a time limit takes what comes meanwhile", async () => {
  using queue = MessageQueue.create();
  const type = 3;
  await using peer = perlInBackground(
    `select undef, undef, undef, 0.03; msgsnd($ARGV[0], pack("q a*", ${type}, "late"), 0) or die $!`,
    queue.id,
  );
  assertEquals(queue.receiveSync({ type, timeout: 60_000 }).text, "late");
  assertEquals((await peer.end()).code, 0);
});

needs("ipcrm")("MessageQueue.create() says what to do about a key that is taken", async () => {
  const key = freshKey();
  const left = MessageQueue.create({ key });
  const hex = `0x${key.toString(16)}`;
  const { message } = fails("EEXIST", () => MessageQueue.create({ key }));
  assertEquals(
    message,
    `msgget: File exists (key ${hex} is taken: open() finds it, exclusive: false takes it, "ipcrm -Q ${hex}" removes it)`,
  );
  const [, command, ...args] = /"(\S+) (\S+) (\S+)"/.exec(message)!;
  assertEquals((await run(command, args)).code, 0);
  assert(!exists(left.id));
  left[Symbol.dispose]();
});

Deno.test("MessageQueue says which limit a message is above", () => {
  using queue = MessageQueue.create();
  const { msgmax } = limits();
  const { message } = fails("EINVAL", () => queue.sendSync(new Uint8Array(msgmax + 1)));
  const what = `msqid ${queue.id}, type 1, ${msgmax + 1} bytes`;
  assertEquals(message, `msgsnd: Invalid argument (${what}: the system's limit, msgmax, is ${msgmax})`);
  assertEquals(fails("EINVAL", () => queue.trySend(new Uint8Array(msgmax + 1))).message, message);
  assertEquals(fails("EINVAL", () => queue.sendSync("x", { type: 0 })).detail, `msqid ${queue.id}, type 0, 1 bytes`);
});
