import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  Channel,
  char,
  f64,
  formatTraceEvent,
  i32,
  LibcError,
  MAP_ANONYMOUS,
  MAP_SHARED,
  MappedFile,
  mmap,
  munmap,
  PosixSharedMemory,
  PROT_READ,
  PROT_WRITE,
  record,
  SharedMemory,
  trace,
  type TraceEvent,
} from "../../../mod.ts";
import { Header } from "../../../ffi/channel/layout.ts";
import { fails, inChild, rejects } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
type Anything = any;
const Reading = record({ id: i32, value: f64, name: char(8) }, { name: "Reading" });
const text = (bytes: Uint8Array | null) => bytes === null ? null : new TextDecoder().decode(bytes);
const fresh = () => `/ipc_playground_${crypto.randomUUID()}`;
const anonymous = (capacity: number) => PosixSharedMemory.anonymous(Channel.size(capacity));
const left = () => [...Deno.readDirSync("/dev/shm")].map(({ name }) => name).filter((name) => /^ipc_play/.test(name));
const later = (milliseconds = 20) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A channel with as many messages as it has room for. */
function full(capacity = 64): Disposable & { channel: Channel; memory: PosixSharedMemory; count: number } {
  const memory = anonymous(capacity);
  const channel = Channel.create(memory, { capacity });
  let count = 0;
  while (channel.trySend(String(count))) count++;
  return {
    memory,
    channel,
    count,
    [Symbol.dispose]() {
      channel.close();
      memory[Symbol.dispose]();
    },
  };
}

Deno.test("Channel by name: the one who made it removes the name, others leave it", () => {
  const name = fresh();
  {
    using channel = Channel.create(name, { capacity: 128 });
    assertEquals([channel.name, channel.capacity, channel.longest, channel.closed], [name, 128, 56, false]);
    fails("EEXIST", () => Channel.create(name));
    {
      using other = Channel.open(name);
      using third = Channel.create(name, { capacity: 4096, exclusive: false });
      assertEquals([other.name, other.capacity, third.capacity], [name, 128, 128]);
      other.sendSync("from another");
      assertEquals(text(channel.tryReceive()), "from another");
    }
    assert(left().includes(name.slice(1)));
    assertEquals(Deno.statSync(`/dev/shm${name}`).mode! & 0o777, 0o600);
  }
  assert(!left().includes(name.slice(1)));
  fails("ENOENT", () => Channel.open(name));
  using made = Channel.create(name, { exclusive: false });
  assertEquals(made.capacity, 65536);
  inChild(() => made.close());
  assert(left().includes(name.slice(1)), "a forked child does not remove what its parent made");
});

Deno.test("Channel.create() with a mode gives it less the umask, and takes a name's channel back that cannot be made", () => {
  const name = fresh();
  const umask = Deno.umask(0o022);
  try {
    using _channel = Channel.create(name, { capacity: 64, mode: 0o666 });
    assertEquals(Deno.statSync(`/dev/shm${name}`).mode! & 0o777, 0o644);
  } finally {
    Deno.umask(umask);
  }
  for (const options of [{ mode: -1 }, { mode: 0o10000 }, { mode: "600" }, { capacity: 96 }, { offset: 4 }]) {
    fails("EINVAL", () => Channel.create(name, options as Anything));
  }
  assert(!left().includes(name.slice(1)));
  for (const wrong of ["", "/", "a/b", "/a/b", "/a\0b", "/" + "x".repeat(300)]) {
    for (const take of [Channel.create, Channel.open]) {
      let code = "";
      try {
        take(wrong);
      } catch (error) {
        code = (error as { code: string }).code;
      }
      assert(["EINVAL", "EACCES", "ENAMETOOLONG"].includes(code), `${take.name} ${JSON.stringify(wrong)}: ${code}`);
    }
  }
});

Deno.test("Channel lies in any shared memory, at any multiple of 64 bytes", () => {
  const size = 128 + Channel.size(256);
  using segment = SharedMemory.create(size);
  using memory = PosixSharedMemory.anonymous(size);
  const path = Deno.makeTempFileSync();
  using file = MappedFile.open(path, { size });
  Deno.removeSync(path);
  const mapping = mmap(null, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  try {
    for (const place of [segment, memory, file, mapping, segment.bytes.subarray(0), memory.bytes.subarray(64)]) {
      for (const offset of [undefined, 0, 64]) {
        using writer = Channel.create(place, offset === undefined ? {} : { offset });
        using reader = Channel.open(place, { offset });
        assertEquals([writer.capacity, reader.capacity, reader.name], [256, 256, undefined]);
        writer.sendSync(`at ${offset}`);
        assertEquals(text(reader.receiveSync()), `at ${offset}`);
      }
      fails("EINVAL", () => Channel.create(place, { capacity: 512 }));
      fails("EINVAL", () => Channel.create(place, { offset: 384 }));
      fails("EINVAL", () => Channel.create(place, { offset: 8 }));
      fails("EINVAL", () => Channel.create(place, { mode: 0o600 }));
      fails("EINVAL", () => Channel.create(place, { exclusive: false }));
      fails("EINVAL", () => Channel.open(place, { offset: 1 << 20 }));
      fails("EINVAL", () => Channel.open(place, { offset: -64 }));
    }
  } finally {
    munmap(mapping);
  }
});

Deno.test("Channel refuses what is no memory, and memory that may only be read", () => {
  for (
    const wrong of [null, undefined, 5, {}, [], new Uint8Array(9000), new ArrayBuffer(9000), Symbol("x"), () => {}]
  ) {
    fails("EINVAL", () => Channel.create(wrong as Anything, { capacity: 64 }));
    fails("EINVAL", () => Channel.open(wrong as Anything));
    fails("EINVAL", () => Channel.inspect(wrong as Anything));
  }
  using memory = SharedMemory.create(Channel.size(64));
  using reader = SharedMemory.fromId(memory.id, { readOnly: true });
  fails("EACCES", () => Channel.create(reader, { capacity: 64 }));
  using channel = Channel.create(memory);
  fails("EACCES", () => Channel.open(reader));
  channel.sendSync("abc");
  assertEquals(Channel.inspect(reader)?.used, 16);
});

Deno.test("Channel.size() and capacities are powers of two from 64 to 2^30", () => {
  for (let bits = 6; bits <= 30; bits++) assertEquals(Channel.size(2 ** bits), Header.size + 2 ** bits);
  for (const wrong of [0, 1, 32, 63, 65, 96, 2 ** 31, -64, 64.5, NaN, Infinity, "64", 64n, [64], null, Symbol("64")]) {
    fails("EINVAL", () => Channel.size(wrong as Anything));
    if (wrong !== null) fails("EINVAL", () => Channel.create(fresh(), { capacity: wrong as Anything }));
  }
  for (const spin of [-1, 1e7, NaN, "5", null, 5n]) {
    fails("EINVAL", () => Channel.create(fresh(), { spin: spin as Anything }));
  }
  for (const many of ["Many", 2, null, Symbol("many")]) {
    fails("EINVAL", () => Channel.create(fresh(), { writers: many as Anything }));
    fails("EINVAL", () => Channel.create(fresh(), { readers: many as Anything }));
  }
});

Deno.test("Channel carries bytes and text of every length that fits, and no longer one", async () => {
  using memory = anonymous(1024);
  using channel = Channel.create(memory);
  assertEquals(channel.longest, 504);
  for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257, 503, 504]) {
    const data = crypto.getRandomValues(new Uint8Array(length + 3)).subarray(3);
    channel.sendSync(data);
    assertEquals(channel.receiveSync(), data);
    await channel.send(data);
    assertEquals(await channel.receive(), data);
    const buffer = new Uint8Array(600);
    assert(channel.trySend(data));
    assertEquals(channel.receiveIntoSync(buffer), length);
    assertEquals(buffer.subarray(0, length), data);
    assert(channel.trySend(data.slice()));
    const odd = new Uint8Array(600).subarray(1);
    assertEquals(await channel.receiveInto(odd), length);
    assertEquals(odd.subarray(0, length), data);
  }
  // an array whose memory is gone has no bytes
  const detached = new Uint8Array(16);
  const buffer = new Uint8Array(16);
  for (const one of [detached, buffer]) {
    channel.sendSync(one);
    channel.receiveSync();
    one.buffer.transfer();
    for (let i = 0; i < 3; i++) {
      channel.sendSync(one);
      assertEquals(channel.receiveIntoSync(one), 0);
      await channel.send(one);
      assertEquals(await channel.receiveInto(one), 0);
    }
  }
  channel.sendSync("世界\0");
  assertEquals(text(channel.receiveSync()), "世界\0");
  for (const send of [channel.sendSync, channel.trySend]) {
    assertStringIncludes(fails("EMSGSIZE", () => send.call(channel, new Uint8Array(505))).message, "505");
    for (const wrong of [null, undefined, 5, {}, [1], new Uint16Array(2), new ArrayBuffer(2), Symbol("x")]) {
      fails("EINVAL", () => send.call(channel, wrong as Anything));
    }
  }
  await rejects("EMSGSIZE", channel.send("x".repeat(505)));
  await rejects("EINVAL", channel.send(5 as Anything));
  assertEquals([channel.used, channel.sent, channel.received], [0, 71, 71]);
});

Deno.test("Channel.receiveInto() leaves a message that is too long, and refuses what is no Uint8Array", async () => {
  using memory = anonymous(256);
  using channel = Channel.create(memory);
  channel.sendSync("four");
  for (const length of [0, 3]) {
    fails("EMSGSIZE", () => channel.receiveIntoSync(new Uint8Array(length)));
    await rejects("EMSGSIZE", channel.receiveInto(new Uint8Array(length)));
  }
  for (const wrong of [null, "text", 5, new Uint16Array(8), new ArrayBuffer(8), {}]) {
    fails("EINVAL", () => channel.receiveIntoSync(wrong as Anything));
    await rejects("EINVAL", channel.receiveInto(wrong as Anything));
  }
  assertEquals(text(channel.tryReceive()), "four");
});

Deno.test("Channel that was not used yet refuses undefined as a message, and as an array", async () => {
  using memory = anonymous(64);
  using channel = Channel.create(memory) as Anything;
  fails("EINVAL", () => channel.trySend(undefined));
  fails("EINVAL", () => channel.sendSync(undefined));
  await rejects("EINVAL", channel.send(undefined));
  fails("EINVAL", () => channel.receiveIntoSync(undefined, { timeout: 0 }));
  assertEquals(channel.sent, 0);
});

Deno.test("Channel of records has values for messages, and refuses others", async () => {
  const name = fresh();
  using channel = Channel.create(name, { record: Reading, capacity: 128 });
  const one = { id: -1, value: 0.5, name: "one" };
  channel.sendSync(one);
  await channel.send({ ...one, id: 2 });
  assertEquals([channel.receiveSync(), await channel.receive()], [one, { ...one, id: 2 }]);
  assertEquals(channel.tryReceive(), null);
  for (
    const wrong of [null, 5, "text", { ...one, id: 2 ** 31 }, { ...one, id: "1" }, { ...one, name: "x".repeat(9) }]
  ) {
    fails("EINVAL", () => channel.sendSync(wrong as Anything));
    await rejects("EINVAL", channel.send(wrong as Anything));
  }
  fails("EINVAL", () => Channel.open(name, { record: record({ id: i32 }) }));
  fails("EINVAL", () => Channel.open(name, { record: { id: i32 } as Anything }));
  using bytes = Channel.open(name);
  channel.close();
  fails("ENOENT", () => Channel.open(name));
  assertEquals(fails("EINVAL", () => bytes.sendSync("short")).message.includes(String(Reading.size)), true);
  bytes.sendSync(Reading.encode(one));
  assertEquals(bytes.receiveSync(), Reading.encode(one));

  using memory = anonymous(64);
  using ofBytes = Channel.create(memory, { capacity: 64 });
  fails("EINVAL", () => Channel.open(memory, { record: Reading }));
  fails("EINVAL", () => Channel.create(memory, { record: record({ text: char(25) }) }));
  assertEquals(ofBytes.longest, 24);
  assertEquals([Channel.inspect(memory)?.messageSize], [null]);
  using ofReadings = Channel.create(memory, { record: record({ text: char(24) }) });
  ofReadings.sendSync({ text: "x".repeat(24) });
  assertEquals(Channel.inspect(memory)?.messageSize, 24);
});

Deno.test("Channel with one writer and one reader refuses a second handle of this process and of another", async () => {
  using memory = anonymous(64);
  using first = Channel.create(memory);
  using second = Channel.open(memory);
  first.sendSync("x");
  assertStringIncludes(fails("EBUSY", () => second.sendSync("y")).message, String(Deno.pid));
  fails("EBUSY", () => second.trySend("y"));
  await rejects("EBUSY", second.send("y"));
  assertEquals(text(second.receiveSync()), "x");
  fails("EBUSY", () => first.tryReceive());
  fails("EBUSY", () => first.receiveSync());
  await rejects("EBUSY", first.receive());
  inChild(() => {
    // a copy of the handle is another writer, too
    fails("EBUSY", () => first.sendSync("y"));
    fails("EBUSY", () => second.receiveSync({ timeout: 0 }));
    fails("EBUSY", () => Channel.open(memory).trySend("y"));
  });
  assertEquals([first.writers, first.readers, first.sent], [[Deno.pid], [Deno.pid], 1]);
  first.close();
  second.sendSync("y");
  assertEquals([text(second.tryReceive()), second.sent, second.received], ["y", 2, 2]);
});

Deno.test("Channel with many has places for 62, and tells that there are no more", () => {
  using memory = anonymous(64);
  using channel = Channel.create(memory, { writers: "many", readers: "many" });
  const others = Array.from({ length: 63 }, () => Channel.open(memory));
  let joined = 0;
  try {
    for (const other of others.slice(0, 62)) {
      assertEquals(other.tryReceive(), null);
      joined++;
    }
    assertEquals(channel.readers.length, 62);
    fails("ENOSPC", () => others[62].tryReceive());
    fails("ENOSPC", () => others[62].sendSync("x"));
    others[0].close();
    others[62].sendSync("x");
    assertEquals([channel.writers, joined], [[Deno.pid], 62]);
    assertEquals(text(others[1].tryReceive()), "x");
  } finally {
    for (const other of others) other.close();
  }
  assertEquals([channel.readers, channel.writers], [[], []]);
});

Deno.test("Channel.inspect() tells what is there, and of what is none, null", () => {
  using memory = PosixSharedMemory.anonymous(64 + Channel.size(1024));
  assertEquals(Channel.inspect(memory), null);
  using channel = Channel.create(memory, { offset: 64, record: Reading, writers: "many" });
  const nothing = {
    capacity: 1024,
    used: 0,
    sent: 0,
    received: 0,
    manyWriters: true,
    manyReaders: false,
    messageSize: Reading.size,
    writers: [],
    readers: [],
  };
  assertEquals([Channel.inspect(memory), Channel.inspect(memory, 64)], [null, nothing]);
  for (let id = 0; id < 3; id++) channel.sendSync({ id, value: 0, name: "" });
  channel.receiveSync();
  const used = 2 * (Reading.size + 8);
  const state = { ...nothing, used, sent: 3, received: 1, writers: [Deno.pid], readers: [Deno.pid] };
  assertEquals(Channel.inspect(memory, 64), state);
  assertEquals([channel.used, channel.sent, channel.received, channel.writers], [used, 3, 1, [Deno.pid]]);
  fails("EINVAL", () => Channel.inspect(memory, 4));
  assertEquals(Channel.inspect(memory, 1 << 20), null);
  channel.close();
  assertEquals(Channel.inspect(memory, 64), { ...nothing, used, sent: 3, received: 1 });
  const counts = [channel.used, channel.sent, channel.received, channel.writers, channel.readers];
  assertEquals(counts, [0, 0, 0, [], []]);
});

Deno.test("Channel that is closed fails with EBADF, also where it was waited for", async () => {
  using memory = anonymous(64);
  const channel = Channel.create(memory);
  const waits = [channel.receive(), channel.receiveInto(new Uint8Array(8)), channel.receive()];
  await later();
  channel.close();
  channel.close();
  await Promise.all(waits.map((one) => rejects("EBADF", one)));
  assertEquals(channel.closed, true);
  for (
    const use of [
      () => channel.sendSync("x"),
      () => channel.trySend("x"),
      () => channel.receiveSync(),
      () => channel.tryReceive(),
      () => channel.receiveIntoSync(new Uint8Array(8)),
    ]
  ) fails("EBADF", use);
  await rejects("EBADF", channel.send("x"));
  await rejects("EBADF", channel.receive());
  for await (const _message of channel) throw new Error("there is none");

  using filled = full();
  const sends = [filled.channel.send("late"), filled.channel.send("later")];
  await later();
  filled.channel.close();
  await Promise.all(sends.map((one) => rejects("EBADF", one)));
  assertEquals(Channel.inspect(filled.memory)?.sent, filled.count);
});

Deno.test("Channel whose name's memory is waited for lets it go once its thread is back", async () => {
  const name = fresh();
  const channel = Channel.create(name, { capacity: 64 });
  const waits = [channel.receive(), channel.receive({ signal: AbortSignal.timeout(5) }).catch(String)];
  await later();
  channel.close();
  await rejects("EBADF", waits[0]);
  await waits[1];
  assert(!left().includes(name.slice(1)));
});

Deno.test("Channel whose memory is gone fails with EINVAL; while it is waited for, the memory stays", async () => {
  const memory = SharedMemory.create(Channel.size(64));
  const channel = Channel.create(memory, { writers: "many", readers: "many" });
  const wait = channel.receive();
  await later();
  fails("EBUSY", () => memory.detach());
  channel.sendSync("x");
  assertEquals(text(await wait), "x");
  const aborted = channel.receive({ signal: AbortSignal.timeout(1) });
  await aborted.catch(() => {});
  memory[Symbol.dispose]();
  for (
    const use of [
      () => channel.sendSync("x"),
      () => channel.trySend("x"),
      () => channel.receiveSync(),
      () => channel.tryReceive(),
      () => channel.receiveIntoSync(new Uint8Array(8)),
      () => Channel.inspect(memory),
      () => Channel.open(memory),
    ]
  ) fails("EINVAL", use);
  await rejects("EINVAL", channel.send("x"));
  await rejects("EINVAL", channel.receive());
  assertEquals([channel.used, channel.sent, channel.writers], [0, 0, []]);
  channel.close();
});

Deno.test("Channel in a file that has become shorter fails with EFAULT", async () => {
  const path = Deno.makeTempFileSync();
  try {
    const size = Channel.size(1 << 16);
    using file = MappedFile.open(path, { size });
    using channel = Channel.create(file);
    channel.sendSync("x");
    Deno.truncateSync(path, 0);
    fails("EFAULT", () => channel.sendSync("y"));
    await rejects("EFAULT", channel.receive());
    fails("EFAULT", () => channel.receiveSync());
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("Channel gives null once all writers have gone, and EPIPE once all readers have", async () => {
  using memory = anonymous(64);
  using reader = Channel.create(memory);
  fails("ETIMEDOUT", () => reader.receiveSync({ timeout: 0 }));
  {
    using writer = Channel.open(memory);
    writer.sendSync("last");
  }
  assertEquals(text(await reader.receive()), "last");
  assertEquals([await reader.receive(), reader.receiveSync(), reader.receiveIntoSync(new Uint8Array(8))], [
    null,
    null,
    null,
  ]);
  assertEquals(await reader.receiveInto(new Uint8Array(8)), null);
  for await (const _message of reader) throw new Error("there is none");
  const wait = (async () => {
    using writer = Channel.open(memory);
    await later();
    writer.sendSync("again");
  })();
  using endless = Channel.open(memory, { endless: true });
  reader.close();
  assertEquals(text(await endless.receive()), "again");
  await wait;
  fails("ETIMEDOUT", () => endless.receiveSync({ timeout: 150 }));
  endless.close();

  using writer = Channel.open(memory);
  while (writer.trySend("x"));
  fails("EPIPE", () => writer.sendSync("y"));
  await rejects("EPIPE", writer.send("y"));
  assertEquals(writer.trySend("y"), false);
  writer.close();
  using patient = Channel.open(memory, { endless: true });
  fails("ETIMEDOUT", () => patient.sendSync("y", { timeout: 150 }));
});

Deno.test("Channel tells who waits already that the last other has gone", async () => {
  using memory = anonymous(64);
  using reader = Channel.create(memory);
  using writer = Channel.open(memory);
  writer.sendSync("x");
  await reader.receive();
  const waits = [reader.receive(), reader.receive()];
  await later();
  writer.close();
  assertEquals(await Promise.all(waits), [null, null]);
  using other = Channel.open(memory);
  while (other.trySend("x"));
  const sends = [other.send("y"), other.send("z")];
  await later();
  reader.close();
  await Promise.all(sends.map((one) => rejects("EPIPE", one)));
});

Deno.test("Channel waits no longer than it is to, and has done nothing then", async () => {
  using filled = full();
  const { channel, count } = filled;
  for (const timeout of [0, 1, 0.5, 120]) fails("ETIMEDOUT", () => channel.sendSync("late", { timeout }));
  for (const wrong of [-1, NaN, "5", null, 5n]) {
    fails("EINVAL", () => channel.sendSync("late", { timeout: wrong as Anything }));
    fails("EINVAL", () => channel.receiveSync({ timeout: wrong as Anything }));
    fails("EINVAL", () => channel.receiveIntoSync(new Uint8Array(8), { timeout: wrong as Anything }));
  }
  const reason = new Error("enough");
  for (const signal of [AbortSignal.abort(reason), AbortSignal.timeout(10)]) {
    const error = await channel.send("late", { signal }).catch((error) => error);
    assertEquals(error, signal.reason);
  }
  assertEquals(channel.sent, count);
  for (let i = 0; i < count; i++) assertEquals(text(channel.receiveSync({ timeout: 0 })), String(i));
  for (const timeout of [0, 1, 0.5, 120]) {
    fails("ETIMEDOUT", () => channel.receiveSync({ timeout }));
    fails("ETIMEDOUT", () => channel.receiveIntoSync(new Uint8Array(8), { timeout }));
  }
  for (const signal of [AbortSignal.abort(reason), AbortSignal.timeout(10)]) {
    assertEquals(await channel.receive({ signal }).catch((error) => error), signal.reason);
    assertEquals(await channel.receiveInto(new Uint8Array(8), { signal }).catch((error) => error), signal.reason);
  }
  channel.sendSync("there");
  assertEquals(await channel.receive({ signal: AbortSignal.abort(reason) }).catch((error) => error), reason);
  assertEquals(text(await channel.receive()), "there");
});

Deno.test("Channel serves those who wait in order, without the ones that gave up", async () => {
  using memory = anonymous(64);
  using channel = Channel.create(memory);
  const aborts = Array.from({ length: 20 }, () => new AbortController());
  const waits = aborts.map(({ signal }) => channel.receive({ signal }).then(text, () => "gave up"));
  await later();
  aborts.forEach((abort, at) => at % 3 === 0 && abort.abort());
  const expected = aborts.map((_, at) => at % 3 === 0 ? "gave up" : String(at));
  for (const one of expected) if (one !== "gave up") await channel.send(one);
  assertEquals(await Promise.all(waits), expected);
  assertEquals([channel.sent, channel.received, channel.used], [13, 13, 0]);

  using filled = full();
  const { channel: other, count } = filled;
  const buffer = new Uint8Array(8);
  const sends = aborts.map((_, at) => {
    const abort = new AbortController();
    buffer.fill(at); // what it had when it was sent counts
    const sent = other.send(buffer, { signal: abort.signal }).then(() => true, () => false);
    return { abort, sent };
  });
  await later();
  sends.forEach(({ abort }, at) => at % 3 === 0 && abort.abort());
  for (let i = 0; i < count; i++) assertEquals(text(await other.receive()), String(i));
  for (let at = 0; at < 20; at++) if (at % 3 !== 0) assertEquals(await other.receive(), new Uint8Array(8).fill(at));
  assertEquals(await Promise.all(sends.map(({ sent }) => sent)), aborts.map((_, at) => at % 3 !== 0));
  assertEquals(other.tryReceive(), null);
});

Deno.test("Channel serves who waits on the event loop with what was left by who blocked meanwhile", async () => {
  using memory = anonymous(1024);
  using channel = Channel.create(memory);
  const waiting = channel.receive({ signal: AbortSignal.timeout(20_000) });
  channel.sendSync("first");
  channel.sendSync("second");
  assertEquals(text(channel.receiveSync()), "first");
  assertEquals(text(await waiting), "second");
});

Deno.test("Channel is read by for await until all writers have gone, and may be left before", async () => {
  using memory = anonymous(1024);
  using channel = Channel.create(memory);
  const writer = Channel.open(memory);
  for (let i = 0; i < 5; i++) writer.sendSync(String(i));
  for await (const message of channel) {
    assertEquals(text(message), "0");
    break;
  }
  setTimeout(() => writer.close(), 20);
  const rest: unknown[] = [];
  for await (const message of channel) rest.push(text(message));
  assertEquals(rest, ["1", "2", "3", "4"]);
});

Deno.test("Channel is shown with its name and size", () => {
  using memory = anonymous(64);
  using channel = Channel.create(memory);
  assertEquals(Deno.inspect(channel), "Channel { name: undefined, capacity: 64, closed: false }");
});

/** What a trace has of memory while something is done. */
function touched(action: () => void): TraceEvent[] {
  const events: TraceEvent[] = [];
  using _tracing = trace((event) => events.push(event));
  action();
  return events.filter(({ ev }) => ev === "memory");
}

Deno.test("Channel's messages are in a trace, records with their fields' names", () => {
  using segment = SharedMemory.create(Channel.size(256));
  for (const many of ["one", "many"] as const) {
    using channel = Channel.create(segment, { record: Reading, writers: many, readers: many });
    const at = Header.size + 8;
    const events = touched(() => {
      channel.sendSync({ id: 7, value: 2.5, name: "seven" });
      channel.receiveSync();
      channel.sendSync({ id: 8, value: 0, name: "" });
      channel.receiveIntoSync(new Uint8Array(64));
    });
    const second = at + Reading.size + 8;
    const seven = `Reading { id: 7, value: 2.5, name: "seven" }`;
    const eight = `Reading { id: 8, value: 0, name: "" }`;
    assertEquals(
      events.map(({ op, shmid, offset, data, field, value }: Anything) => [
        op,
        shmid,
        offset,
        data.length,
        field,
        value?.fields?.id ?? value,
      ]).map(([op, shmid, offset, length]) => [op, shmid, offset, length]),
      [
        ["write", segment.id, at, Reading.size],
        ["read", segment.id, at, Reading.size],
        ["write", segment.id, second, Reading.size],
        ["read", segment.id, second, Reading.size],
      ],
    );
    const shown = events.map(formatTraceEvent);
    for (const [at, what] of [seven, seven, eight, eight].entries()) {
      for (const part of what.match(/\w+: [^,}]+/g)!) {
        assertStringIncludes(shown[at].replaceAll("=", ": "), part.trim());
      }
    }
  }
  using bytes = Channel.create(segment);
  const lying = Object.defineProperty(new Uint8Array(8), "subarray", { value: () => null });
  assertEquals(
    touched(() => {
      bytes.sendSync("ab");
      bytes.receiveIntoSync(lying);
    }).map(formatTraceEvent),
    [`shm ${segment.id} [${Header.size + 8}] ← "ab"`, `shm ${segment.id} [${Header.size + 8}] → "ab"`],
  );
  using again = Channel.create(segment);
  bytes.close();
  assertEquals(
    touched(() => {
      again.sendSync("plain");
      again.tryReceive();
    }).map(formatTraceEvent),
    [`shm ${segment.id} [${Header.size + 8}] ← "plain"`, `shm ${segment.id} [${Header.size + 8}] → "plain"`],
  );
});

Deno.test("Channel bears whatever a trace's listener does in the midst of its calls", () => {
  type Act = (memory: SharedMemory, channel: Channel, other: Channel) => void;
  const acts: Act[] = [
    (memory) => memory.detach(),
    (_memory, channel) => channel.close(),
    (_memory, channel) => channel.sendSync("from the listener", { timeout: 1 }),
    (_memory, _channel, other) => other.sendSync("from the listener", { timeout: 1 }),
    (_memory, channel) => channel.tryReceive(),
    (memory) => memory.bytes.fill(0),
    (memory) => memory.bytes.fill(0xa5),
  ];
  const outcome = (action: () => unknown) => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof LibcError)) throw error;
      return error.code;
    }
  };
  let acted = 0;
  const codes = new Set<string | undefined>();
  for (const many of ["one", "many"] as const) {
    for (const act of acts) {
      for (let at = 0; at < 12; at++) {
        using memory = SharedMemory.create(Channel.size(256));
        using channel = Channel.create(memory, { writers: many, readers: many });
        using other = Channel.open(memory);
        channel.sendSync("first");
        // as if others were asleep
        const words = new Int32Array(memory.bytes.buffer, memory.bytes.byteOffset);
        words[Header.offsets.readersSleep / 4] = words[Header.offsets.writersSleep / 4] = 1;
        let n = 0;
        const errors: unknown[] = [];
        {
          using _tracing = trace(() => {
            if (n++ !== at) return;
            acted++;
            try {
              codes.add(outcome(() => act(memory, channel, other)));
            } catch (error) {
              errors.push(error);
            }
          });
          outcome(() => channel.sendSync("second", { timeout: 1 }));
          for (let i = 0; i < 3; i++) outcome(() => channel.receiveSync({ timeout: 1 }));
        }
        assertEquals(errors, []);
      }
    }
  }
  assert(acted > 100 && codes.has("EDEADLK"), `${acted}`);
});

Deno.test("Channel made anew, or written over, while somebody waits does not leave that one asleep", async () => {
  for (const many of ["one", "many"] as const) {
    using memory = anonymous(64);
    using reader = Channel.create(memory, { writers: many, readers: many });
    const first = reader.receive();
    await later();
    using again = Channel.create(memory, { writers: many, readers: many });
    again.sendSync("new");
    assertEquals(text(await first), "new");
    const second = reader.receive();
    await later();
    new Int32Array(memory.bytes.buffer, memory.bytes.byteOffset)[Header.offsets.readersSleep / 4] = 0;
    again.sendSync("not told of");
    assertEquals(text(await second), "not told of");
  }
  using memory = anonymous(64);
  using reader = Channel.create(memory);
  const wait = reader.receive();
  await later();
  memory.bytes.fill(0xa5);
  await rejects("EBADMSG", wait);
});
