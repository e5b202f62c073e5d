import { assertEquals, assertStringIncludes } from "@std/assert";
import { Channel } from "../../../ffi/channel/channel.ts";
import { LibcError } from "../../../ffi/errors.ts";
import { pause } from "../../../ffi/libc/signal.ts";
import { sembuf } from "../../../ffi/libc/sys/sem.ts";
import { close, pipe, write } from "../../../ffi/libc/unistd.ts";
import { EventFd } from "../../../ffi/objects/event_fd.ts";
import { MessageQueue } from "../../../ffi/objects/message_queue.ts";
import { PosixMessageQueue } from "../../../ffi/objects/posix_message_queue.ts";
import { readable, writable } from "../../../ffi/objects/readiness.ts";
import { Process } from "../../../ffi/objects/process.ts";
import { SemaphoreSet } from "../../../ffi/objects/semaphore_set.ts";
import { SharedMemory } from "../../../ffi/objects/shared_memory.ts";
import { Listener, Socket } from "../../../ffi/objects/socket.ts";
import { Fifo } from "../../../ffi/objects/fifo.ts";
import { MappedFile } from "../../../ffi/objects/mapped_file.ts";
import { Pipe } from "../../../ffi/objects/pipe.ts";
import { TimerFd } from "../../../ffi/objects/timer_fd.ts";
import { objects } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
type Anything = any;
type Call = (options: Anything) => unknown;

/** Each method that takes options, such that it would succeed at once with proper ones. */
async function withCalls(use: (calls: Record<string, Call>) => Promise<void>): Promise<void> {
  using queue = MessageQueue.create();
  queue.sendSync("x");
  using posix = PosixMessageQueue.create(undefined, { maxMessages: 2, messageSize: 8 });
  posix.sendSync("x");
  using set = SemaphoreSet.create([5, 0]);
  using segment = SharedMemory.create(10);
  using listener = Socket.listen("127.0.0.1:0");
  using _client = Socket.connectSync(listener.address);
  using datagrams = Socket.bind("127.0.0.1:0");
  datagrams.sendToSync("x", datagrams.localAddress);
  using memory = SharedMemory.create(Channel.size(64));
  using channel = Channel.create(memory);
  channel.sendSync("x");
  const bytes = new Uint8Array(8);
  using event = EventFd.create({ initial: 5, semaphore: true });
  using timer = TimerFd.every(0.001);
  const path = `/tmp/ipc_playground_${Deno.pid}_${crypto.randomUUID()}`;
  using mapped = MappedFile.open(`${path}_mapped`, { size: 10 });
  Deno.removeSync(`${path}_mapped`);
  using piped = Pipe.create();
  piped.writer.writeSync("x".repeat(100));
  using fifo = Fifo.create(`${path}_fifo`);
  using _fifoReader = fifo.openReaderSync();
  using ended = Process.spawn("true");
  ended.statusSync();
  const [a, b] = Socket.pair();
  b.writeSync("x");
  const [reader, writer] = pipe();
  write(writer, "x");
  const buffer = () => new Uint8Array(8);
  const nothing = new sembuf([1, 0]);
  try {
    await use({
      "MessageQueue.create": (options) => MessageQueue.create(options),
      send: (options) => queue.send("x", options),
      sendSync: (options) => queue.sendSync("x", options),
      trySend: (options) => queue.trySend("x", options),
      receive: (options) => queue.receive(options),
      receiveSync: (options) => queue.receiveSync(options),
      tryReceive: (options) => queue.tryReceive(options),
      "EventFd.create": (options) => EventFd.create(options)[Symbol.dispose](),
      add: (options) => event.add(1, options),
      addSync: (options) => event.addSync(1, options),
      take: (options) => event.take(options),
      takeSync: (options) => event.takeSync(options),
      flush: (options) => mapped.flush(options),
      "Pipe.create": (options) => Pipe.create(options).close(),
      "PipeReader.read": (options) => piped.reader.read(buffer(), options),
      "PipeReader.readSync": (options) => piped.reader.readSync(buffer(), options),
      "PipeWriter.write": (options) => piped.writer.write("x", options),
      "PipeWriter.writeSync": (options) => piped.writer.writeSync("x", options),
      "Fifo.create": (options) => Fifo.create(path, options).close(),
      openReader: async (options) => (await fifo.openReader(options)).close(),
      openWriter: async (options) => (await fifo.openWriter(options)).close(),
      openWriterSync: (options) => fifo.openWriterSync(options).close(),
      "TimerFd.every": (options) => TimerFd.every(1, options)[Symbol.dispose](),
      expired: (options) => timer.expired(options),
      expiredSync: (options) => timer.expiredSync(options),
      setPermissions: (options) => queue.setPermissions(options),
      "PosixMessageQueue.create": (options) => PosixMessageQueue.create(undefined, options),
      "PosixMessageQueue.send": (options) => posix.send("x", options),
      "PosixMessageQueue.sendSync": (options) => posix.sendSync("x", options),
      "PosixMessageQueue.trySend": (options) => posix.trySend("x", options),
      "PosixMessageQueue.receive": (options) => posix.receive(options),
      "PosixMessageQueue.receiveSync": (options) => posix.receiveSync(options),
      "SemaphoreSet.create": (options) => SemaphoreSet.create(1, options),
      acquire: (options) => set.acquire(0, options),
      acquireSync: (options) => set.acquireSync(0, options),
      tryAcquire: (options) => set.tryAcquire(0, options),
      release: (options) => set.release(0, options),
      waitZero: (options) => set.waitZero(1, options),
      waitZeroSync: (options) => set.waitZeroSync(1, options),
      op: (options) => set.op(nothing, options),
      opSync: (options) => set.opSync(nothing, options),
      lock: (options) => set.lock(0, options),
      lockSync: (options) => set.lockSync(0, options),
      "SharedMemory.create": (options) => SharedMemory.create(1, options),
      "SharedMemory.fromId": (options) => SharedMemory.fromId(segment.id, options),
      "Socket.connect": (options) => Socket.connect(listener.address, options),
      "Socket.connectSync": (options) => Socket.connectSync(listener.address, options),
      "Socket.listen": (options) => Socket.listen("127.0.0.1:0", options),
      "Socket.bind": (options) => Socket.bind("127.0.0.1:0", options),
      "Socket.pair": (options) => Socket.pair(options),
      read: (options) => a.read(buffer(), options),
      readSync: (options) => a.readSync(buffer(), options),
      write: (options) => a.write("x", options),
      writeSync: (options) => a.writeSync("x", options),
      receiveFrom: (options) => datagrams.receiveFrom(options),
      receiveFromSync: (options) => datagrams.receiveFromSync(options),
      sendTo: (options) => datagrams.sendTo("x", datagrams.localAddress, options),
      sendToSync: (options) => datagrams.sendToSync("x", datagrams.localAddress, options),
      sendFds: (options) => a.sendFds([0], "x", options),
      sendFdsSync: (options) => a.sendFdsSync([0], "x", options),
      receiveFds: (options) => a.receiveFds(options),
      receiveFdsSync: (options) => a.receiveFdsSync(options),
      "Socket.inherited": (options) => Socket.inherited(options),
      "Listener.inherited": (options) => Listener.inherited(options),
      accept: (options) => listener.accept(options),
      acceptSync: (options) => listener.acceptSync(options),
      "Process.spawn": (options) => Process.spawn("true", options)[Symbol.dispose](),
      status: (options) => ended.status(options),
      statusSync: (options) => ended.statusSync(options),
      ended: (options) => ended.ended(options),
      "Channel.create": (options) => Channel.create(segment, options),
      "Channel.open": (options) => Channel.open(memory, options)[Symbol.dispose](),
      "Channel.send": (options) => channel.send("x", options),
      "Channel.sendSync": (options) => channel.sendSync("x", options),
      "Channel.receive": (options) => channel.receive(options),
      "Channel.receiveSync": (options) => channel.receiveSync(options),
      "Channel.receiveInto": (options) => channel.receiveInto(bytes, options),
      "Channel.receiveIntoSync": (options) => channel.receiveIntoSync(bytes, options),
      readable: (options) => readable(reader, options),
      writable: (options) => writable(writer, options),
      pause: (options) => pause(options),
    });
    // what was refused has done nothing
    assertEquals([queue.messageCount, set.values, a.readSync(buffer())], [1, [5, 0], 1]);
    assertEquals(posix.messageCount, 1);
    assertEquals([channel.sent, channel.received], [1, 0]);
    assertEquals(datagrams.receiveFromSync({ timeout: 0 }).data.length, 1);
    listener.acceptSync({ timeout: 0 }).close();
  } finally {
    a.close();
    b.close();
    close(reader);
    close(writer);
  }
}

async function refusal(name: string, call: Call, options: Anything): Promise<LibcError> {
  try {
    await call(options);
  } catch (error) {
    if (error instanceof LibcError && error.code === "EINVAL") return error;
    throw new Error(`${name} with ${Deno.inspect(options)}`, { cause: error });
  }
  throw new Error(`${name} succeeded with ${Deno.inspect(options)}`);
}

Deno.test("an option that a method doesn't know is an error that names it", async () => {
  await withCalls(async (calls) => {
    const before = objects("shm").length + objects("msg").length + objects("sem").length;
    for (const [name, call] of Object.entries(calls)) {
      for (const unknown of ["tiemout", "Signal", "0"]) {
        assertStringIncludes((await refusal(name, call, { [unknown]: 1 })).message, JSON.stringify(unknown));
      }
      // the other kind's
      const other = /Sync$/.test(name) ? { signal: AbortSignal.timeout(10_000) } : { timeout: 10 };
      assertStringIncludes((await refusal(name, call, other)).message, Object.keys(other)[0]);
    }
    assertStringIncludes((await refusal("receive", calls.receive, { timeout: 5 })).message, "AbortSignal.timeout()");
    assertEquals(objects("shm").length + objects("msg").length + objects("sem").length, before);
  });
});

Deno.test("options that are none, or cannot be read, are an error of the library's", async () => {
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const thrown = new Error("from a getter");
  const hostile = [
    null,
    5,
    "signal",
    true,
    1n,
    Symbol("options"),
    () => {},
    revoked,
    new Proxy({}, {
      ownKeys() {
        throw thrown;
      },
    }),
    new Proxy({}, {
      get() {
        throw thrown;
      },
    }),
  ];
  const names = [
    "key",
    "type",
    "by",
    "signal",
    "timeout",
    "mode",
    "readOnly",
    "buf",
    "args",
    "max",
    "name",
    "priority",
    "initial",
    "first",
    "record",
    "offset",
    "spin",
    "endless",
    "inherited",
    "capacity",
    "writers",
    "readers",
  ];
  await withCalls(async (calls) => {
    for (const [name, call] of Object.entries(calls)) {
      for (const options of hostile) await refusal(name, call, options);
      const getters = Object.defineProperties(
        {},
        Object.fromEntries(names.map((option) => [option, {
          get() {
            throw thrown;
          },
        }])),
      );
      assertEquals((await refusal(name, call, getters)).cause, thrown);
    }
  });
});

Deno.test("a signal that is none is an error of the library's", async () => {
  await withCalls(async (calls) => {
    for (
      const name of ["receive", "send", "acquire", "waitZero", "lock", "op", "read", "write", "accept", "readable"]
    ) {
      for (const signal of [5, {}, new EventTarget(), AbortSignal.prototype]) {
        await refusal(name, calls[name], { signal });
      }
    }
  });
});

Deno.test("options may be inherited, and what pollutes Object.prototype is nobody's option", () => {
  using queue = MessageQueue.create();
  class Options {
    get type() {
      return 7;
    }
  }
  const { prototype } = Object as Anything;
  try {
    prototype.polluted = 1;
    queue.sendSync("x", new Options());
    queue.sendSync("y", Object.create({ type: 8 }));
  } finally {
    delete prototype.polluted;
  }
  assertEquals(queue.messages().map(({ type }) => type), [7, 8]);
});
