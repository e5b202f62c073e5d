import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { Channel, LibcError, PosixSharedMemory } from "../../../mod.ts";
import { Frame, Header, MAGIC, PLACES, READER, VERSION, WRITER } from "../../../ffi/channel/layout.ts";
import { fails } from "../../support.ts";

const { offsets } = Header;
const anonymous = (capacity: number) => PosixSharedMemory.anonymous(Channel.size(capacity));
const place = (at: number) => offsets.places + at * 32;

/** Has a ring begin at a position, as if as many bytes had gone through it. */
function beginAt(memory: PosixSharedMemory, position: number): void {
  const words = new Uint32Array(memory.bytes.buffer, memory.bytes.byteOffset);
  words[offsets.tail / 4] = words[offsets.head / 4] = position;
}

/** Does something that may fail with an error of the library's; gives its code, or what came of it. */
function outcome(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    if (error instanceof LibcError && error.errno > 0) return error.code;
    throw error;
  }
}

const step = fc.oneof(
  fc.record({ op: fc.constantFrom("send" as const, "sendText" as const), length: fc.nat(260) }),
  fc.record({ op: fc.constantFrom("receive" as const, "into" as const, "odd" as const, "waits" as const) }),
);

Deno.test("a ring gives what was put into it, in order, wherever it begins and however long the messages are", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(64, 128, 256, 512),
      fc.oneof(fc.constant(0), fc.nat(64).map((n) => (-8 * n) >>> 0), fc.constant(2 ** 31 - 8)),
      fc.constantFrom("one" as const, "many" as const),
      fc.array(step, { maxLength: 80 }),
      fc.infiniteStream(fc.nat(255)),
      (capacity, position, many, steps, random) => {
        using memory = anonymous(capacity);
        using writer = Channel.create(memory, { capacity, writers: many, readers: many });
        beginAt(memory, position);
        using reader = Channel.open(memory);
        const queue: Uint8Array[] = [];
        let [sent, received] = [0, 0];
        const into = new Uint8Array(261), odd = new Uint8Array(262).subarray(1);
        for (const step of steps) {
          const before = writer.used;
          if (step.op === "send" || step.op === "sendText") {
            const { length, op } = step;
            const data = new Uint8Array(length).map(() => op === "send" ? random.next().value! : 0x61);
            if (length > writer.longest) {
              assertEquals(outcome(() => writer.trySend(data)), "EMSGSIZE");
              continue;
            }
            const done = writer.trySend(op === "send" ? data : "a".repeat(length));
            const takes = Frame.size + Math.ceil(length / 8) * 8;
            // what is left at the end counts, too, if it does not fit there
            if (!done) assert(before + 2 * takes > capacity, `${length} bytes do not fit beside ${before}`);
            assert(done || before > 0, "there is room for any message in an empty ring");
            if (!done) assertEquals(writer.used, before);
            if (done) sent++, queue.push(data);
          } else {
            const expected = queue.shift();
            let message: Uint8Array | null;
            if (step.op === "receive") message = reader.tryReceive();
            else if (step.op === "waits" || expected === undefined) {
              message = outcome(() => reader.receiveSync({ timeout: 0 })) as Uint8Array;
              if (expected === undefined) assertEquals(message as unknown, "ETIMEDOUT");
              if (expected === undefined) continue;
            } else {
              const buffer = step.op === "into" ? into : odd;
              message = buffer.slice(0, reader.receiveIntoSync(buffer, { timeout: 0 })!);
            }
            assertEquals(message, expected ?? null);
            if (message !== null) received++;
          }
          assertEquals([reader.sent, writer.received], [sent, received]);
          assert(writer.used <= capacity && (queue.length > 0 || writer.used === 0));
        }
        for (const expected of queue) assertEquals(reader.tryReceive(), expected);
        assertEquals([reader.tryReceive(), reader.used], [null, 0]);
      },
    ),
    { numRuns: 400 },
  );
});

Deno.test("a ring has messages of every length behind one of every other", () => {
  for (const capacity of [64, 128]) {
    using memory = anonymous(capacity);
    using channel = Channel.create(memory, { capacity });
    let n = 0;
    for (let first = 0; first <= channel.longest; first++) {
      for (let second = 0; second <= channel.longest; second++) {
        const messages = [first, second].map((length) => new Uint8Array(length).map(() => n++));
        const done = messages.map((message) => channel.trySend(message));
        assert(done[0]);
        for (const [at, message] of messages.entries()) if (done[at]) assertEquals(channel.tryReceive(), message);
        assertEquals(channel.tryReceive(), null);
      }
    }
  }
});

Deno.test("a ring of many writers is not written over by one that has not looked for 2^32 bytes", () => {
  using memory = PosixSharedMemory.anonymous(Channel.size(64));
  using late = Channel.create(memory, { writers: "many" });
  using other = Channel.open(memory);
  using reader = Channel.open(memory);
  beginAt(memory, 0);
  late.sendSync("1");
  reader.receiveSync();
  // others have written, and read but for the last 64, so much that the tail is where it was
  beginAt(memory, 2 ** 32 - 48);
  for (const length of [8, 24, 8]) assertEquals(other.trySend("x".repeat(length)), true);
  assertEquals([late.used, late.trySend(""), late.used], [64, false, 64]);
});

Deno.test("a ring counts more than 2^32 messages", () => {
  using memory = anonymous(64);
  using channel = Channel.create(memory);
  const words = new Uint32Array(memory.bytes.buffer, memory.bytes.byteOffset);
  for (const side of ["tail", "head"] as const) words[offsets[side] / 4 + 2] = 2 ** 32 - 1;
  channel.sendSync("x");
  assertEquals([channel.sent, channel.received], [2 ** 32, 2 ** 32 - 1]);
  channel.receiveSync();
  assertEquals(Channel.inspect(memory)?.received, 2 ** 32);
});

Deno.test("a ring whose positions, lengths or fillers are wrong is an EBADMSG", async () => {
  const ring = Header.size / 4;
  const damages: [name: string, damage: (words: Uint32Array) => void, side?: "send" | "receive"][] = [
    ["a tail beyond the ring", (words) => words[offsets.tail / 4] += 128],
    ["a tail before the head", (words) => words[offsets.tail / 4] -= 64],
    ["an odd tail", (words) => words[offsets.tail / 4] += 1],
    ["an odd head", (words) => words[offsets.head / 4] += 4],
    ["a head beyond the tail", (words) => words[offsets.head / 4] += 64],
    ["a length beyond the tail", (words) => words[ring] = 20],
    ["a length beyond the longest", (words) => words[ring] = 25],
    ["an immense length", (words) => words[ring] = 2 ** 32 - 1],
    ["a length of 2^31", (words) => words[ring] = 2 ** 31],
    ["a filler at the beginning", (words) => words[ring + 1] = 1],
    ["no filler", (words) => words[ring + 1] = 2],
    ["another no filler", (words) => words[ring + 1] = 2 ** 32 - 1],
  ];
  for (const many of ["one", "many"] as const) {
    for (const [name, damage] of damages) {
      using memory = anonymous(64);
      using channel = Channel.create(memory, { writers: many, readers: many });
      channel.sendSync("message");
      damage(new Uint32Array(memory.bytes.buffer, memory.bytes.byteOffset));
      using other = Channel.open(memory);
      assertEquals(outcome(() => other.tryReceive()), "EBADMSG", name);
      assertEquals(outcome(() => other.receiveSync()), "EBADMSG", name);
      assertEquals(outcome(() => other.receiveIntoSync(new Uint8Array(64))), "EBADMSG", name);
      assertEquals(await other.receive().catch(({ code }) => code), "EBADMSG", name);
      // who sends may not look at what is wrong
      const sent = Array.from({ length: 4 }, () => outcome(() => channel.trySend("x".repeat(24))));
      assert(sent.every((one) => typeof one === "boolean" || one === "EBADMSG"), `${name}: ${sent}`);
      // made anew, it is a channel again
      using again = Channel.create(memory);
      again.sendSync("new");
      assertEquals(new TextDecoder().decode(again.tryReceive()!), "new");
    }
  }
});

Deno.test("a header that is none is no channel: each with an error of its own", () => {
  const wrong: [name: string, code: string, write: (bytes: DataView) => void][] = [
    ["not finished", "EAGAIN", (view) => view.setUint32(offsets.ready, 0, true)],
    ["half finished", "EAGAIN", (view) => view.setUint32(offsets.ready, 2, true)],
    ["another magic", "EINVAL", (view) => view.setUint8(offsets.magic, MAGIC.charCodeAt(0) + 1)],
    ["a longer magic", "EINVAL", (view) => view.setUint8(offsets.magic + 7, 1)],
    ["version 0", "EINVAL", (view) => view.setUint32(offsets.version, 0, true)],
    ["the next version", "EINVAL", (view) => view.setUint32(offsets.version, VERSION + 1, true)],
    ...[0, 1, 32, 96, 63, 2 ** 31, 2 ** 32 - 1, 128, 2 ** 30].map((
      capacity,
    ): [string, string, (view: DataView) => void] => [
      `capacity ${capacity}`,
      "EINVAL",
      (view) => view.setUint32(offsets.capacity, capacity, true),
    ]),
    ["many of what is not known", "EINVAL", (view) => view.setUint32(offsets.many, WRITER | READER | 1, true)],
    ["messages larger than the ring", "EINVAL", (view) => view.setUint32(offsets.size, 65, true)],
  ];
  for (const [name, code, write] of wrong) {
    using memory = anonymous(64);
    Channel.create(memory).close();
    write(new DataView(memory.bytes.buffer, memory.bytes.byteOffset));
    assertEquals(outcome(() => Channel.open(memory)), code, name);
    assertEquals(Channel.inspect(memory), null, name);
  }
  using small = PosixSharedMemory.anonymous(Header.size - 64);
  fails("EINVAL", () => Channel.open(small));
  fails("EINVAL", () => Channel.create(small));
  using garbage = PosixSharedMemory.anonymous(Channel.size(64));
  for (let i = 0; i < 200; i++) {
    crypto.getRandomValues(garbage.bytes);
    assert(["EINVAL", "EAGAIN"].includes(outcome(() => Channel.open(garbage)) as string));
  }
});

/** Everything that can be asked of a channel, without waiting. */
function useAll(channel: Channel): void {
  const buffer = new Uint8Array(64);
  for (
    const use of [
      () => channel.trySend("x"),
      () => channel.sendSync("y".repeat(9), { timeout: 0 }),
      () => channel.tryReceive(),
      () => channel.receiveSync({ timeout: 0 }),
      () => channel.receiveIntoSync(buffer, { timeout: 0 }),
      () => [channel.used, channel.sent, channel.received, channel.writers, channel.readers],
    ]
  ) outcome(use);
}

Deno.test("whatever others write into a channel's memory, its methods end in values and errors of the library's", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("one" as const, "many" as const),
      fc.array(
        fc.record({
          // places that mean something more often than others
          at: fc.oneof(
            fc.nat(Header.size / 4 + 15),
            fc.constantFrom(...Object.values(offsets).map((at) => at / 4)),
            fc.constantFrom(...[0, 1, 2, PLACES - 1].flatMap((at) => [0, 1, 2, 3].map((word) => place(at) / 4 + word))),
            fc.integer({ min: Header.size / 4, max: Header.size / 4 + 15 }),
          ),
          value: fc.oneof(
            fc.constantFrom(0, 1, 2, 8, 16, 64, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 8),
            fc.nat(2 ** 32 - 1),
            fc.constantFrom(WRITER | 1, READER | 1, WRITER | READER | 5, WRITER | Deno.pid, READER),
          ),
        }),
        { minLength: 1, maxLength: 12 },
      ),
      async (many, writes) => {
        using memory = anonymous(64);
        using channel = Channel.create(memory, { writers: many, readers: many });
        channel.trySend("first");
        const words = new Uint32Array(memory.bytes.buffer, memory.bytes.byteOffset);
        for (const { at, value } of writes) {
          words[at] = value;
          useAll(channel);
          outcome(() => {
            using other = Channel.open(memory);
            useAll(other);
          });
          outcome(() => Channel.inspect(memory));
        }
        const signal = AbortSignal.timeout(1);
        const waits = [channel.receive({ signal }), channel.send("z", { signal }), channel.receive({ signal })];
        for (const { status, reason } of await Promise.allSettled(waits) as PromiseRejectedResult[]) {
          assert(
            status !== "rejected" as string || reason instanceof LibcError || reason === signal.reason,
            String(reason),
          );
        }
      },
    ),
    { numRuns: 250 },
  );
});
