/**
 * Calls of the methods of channels.
 *
 * @module
 */
import { Channel } from "../../ffi/channel/channel.ts";
import * as mod from "../../mod.ts";
import { type Call, disposes, given, method, soon } from "./_calls.ts";
import { bad, good, ints, mode, type Spec, wrongInt } from "./_numbers.ts";
import type { World } from "./_world.ts";

const Reading = mod.record({ id: mod.i32, value: mod.f64 });

const timeout: Spec[] = [
  ...ints(0, 1, 0.5, -0),
  ...wrongInt(() => 0).filter(({ name }) => !/2\^|0\.5/.test(name)),
  bad("-1", () => -1),
];
const where: Spec[] = [
  good("segment", (w) => w.segment),
  good("mapping", (w) => w.mapping),
  good("memory", (w) => w.memory),
  bad("other bytes", () => new Uint8Array(4096)),
  bad("read-only", (w) => w.readOnly),
  bad("queue", (w) => w.queue),
  bad("small", (w) => w.mapping.subarray(0, 2000)),
  bad("null", () => null),
  bad("5", () => 5),
  bad("a/b", () => "/a/b"),
  bad("NUL", () => "/a\0b"),
];
const offset: Spec[] = [
  ...ints(undefined, 0, 64, 512),
  bad("4", () => 4),
  bad("-64", () => -64),
  bad("8192", () => 8192),
  bad("2^60", () => 2 ** 60),
  bad("NaN", () => NaN),
  bad("'0'", () => "0"),
];
const capacity: Spec[] = [
  ...ints(undefined, 64, 1024),
  bad("0", () => 0),
  bad("32", () => 32),
  bad("96", () => 96),
  bad("64.5", () => 64.5),
  bad("2^31", () => 2 ** 31),
  bad("-64", () => -64),
  bad("NaN", () => NaN),
  bad("'64'", () => "64"),
  bad("64n", () => 64n),
  bad("[64]", () => [64]),
  bad("Symbol()", () => Symbol("64")),
];
const many: Spec[] = [
  ...["one", "many", undefined].map((value) => good(String(value), () => value)),
  bad("null", () => null),
  bad("2", () => 2),
  bad("Symbol()", () => Symbol("many")),
  bad("'Many'", () => "Many"),
];
const record: Spec[] = [
  good("undefined", () => undefined),
  good("Reading", () => Reading),
  bad("too large", () => mod.record({ text: mod.char(5000) })),
  bad("fields", () => ({ id: mod.i32 })),
  bad("null", () => null),
  bad("field", () => mod.i32),
];
const spin: Spec[] = [
  ...ints(undefined, 0, 1, 0.5, 1e6),
  bad("-1", () => -1),
  bad("1e7", () => 1e7),
  bad("NaN", () => NaN),
  bad("'1'", () => "1"),
  bad("1n", () => 1n),
];
const message: Spec[] = [
  good("view(16)", (w) => w.view(16)),
  good("view(0)", (w) => w.view(0)),
  good("text", () => "text"),
  good("shared", (w) => w.view(16, new SharedArrayBuffer(2000))),
  good("segment", (w) => w.shm.subarray(0, 8)),
  bad("long", (w) => w.view(505)),
  bad("null", () => null),
  bad("5", () => 5),
  bad("Uint16Array", () => new Uint16Array(2)),
  bad("ArrayBuffer", () => new ArrayBuffer(2)),
  bad("Proxy", () => new Proxy(new Uint8Array(2), {})),
];
const reading: Spec[] = [
  good("{ id, value }", () => ({ id: 1, value: 2 })),
  bad("bytes", (w) => w.view(16)),
  bad("text", () => "text"),
  bad("null", () => null),
  bad("too much", () => ({ id: 2 ** 31, value: 2 })),
];
const buffer: Spec[] = [
  good("view(64)", (w) => w.view(64)),
  good("view(700)", (w) => w.view(700)),
  bad("view(1)", (w) => w.view(1)),
  bad("text", () => "text"),
  bad("null", () => null),
  bad("Uint16Array", () => new Uint16Array(64)),
  bad("read-only", (w) => w.readOnly),
];

/** One in memory of the world's, with a message in it. */
function filled(w: World, text = "message"): Channel {
  const channel = Channel.create(w.mapping, { capacity: 1024 });
  channel.sendSync(text);
  return channel;
}

export const CHANNEL_OBJECTS: Call[] = [
  method("Channel.size", (_w, capacity) => void Channel.size(capacity), [
    capacity.filter(({ name }) => name !== "undefined"),
  ]),
  method(
    "Channel.create",
    (_w, where, offset, capacity, writers, readers) =>
      Channel.create(where, {
        ...given("offset", offset),
        ...given("capacity", capacity),
        ...given("writers", writers),
        ...given("readers", readers),
      }),
    [where, offset, capacity, many, many],
    disposes,
  ),
  method(
    "Channel.create: record",
    (w, record, spin) => Channel.create(w.mapping, { ...given("record", record), ...given("spin", spin) }),
    [record, spin],
    disposes,
  ),
  method(
    "Channel.create: mode",
    (_w, mode) =>
      Channel.create(`/ipc_playground_${crypto.randomUUID()}`, {
        capacity: 64,
        ...given("mode", mode),
      }),
    [mode],
    disposes,
  ),
  method(
    "Channel.open",
    (w, offset, spin) => {
      using _made = Channel.create(w.mapping, { capacity: 64, ...given("offset", offset) });
      return Channel.open(w.mapping, { ...given("offset", offset), ...given("spin", spin) });
    },
    [offset, spin],
    disposes,
  ),
  method(
    "Channel.open: where",
    (w, where) => {
      using _one = Channel.create(w.mapping, { capacity: 64 });
      using _two = Channel.create(w.segment, { capacity: 64 });
      using _three = Channel.create(w.memory, { capacity: 64 });
      return Channel.open(where);
    },
    [where],
    disposes,
  ),
  method("Channel.inspect", (_w, where, offset) => void Channel.inspect(where, offset), [
    [...where.filter(({ name }) => name !== "read-only" && name !== "small"), good("read-only", (w) => w.readOnly)],
    offset.filter(({ name }) => name !== "8192" && name !== "2^60"),
  ]),
  method("channel.send", async (w, message) => {
    using channel = filled(w);
    await channel.send(message, { signal: soon() });
  }, [message]),
  method("channel.send: full", async (w, message) => {
    using channel = filled(w, "x".repeat(504));
    while (channel.trySend("x".repeat(100)));
    await channel.send(message, { signal: soon() });
  }, [message.filter(({ name }) => name !== "view(0)" && name !== "text")]),
  method("channel.sendSync", (w, message, timeout) => {
    using channel = filled(w);
    channel.sendSync(message, { timeout });
  }, [message, timeout]),
  method("channel.trySend", (w, message) => {
    using channel = filled(w);
    channel.trySend(message);
  }, [message]),
  method("channel.trySend: record", (w, reading) => {
    using channel = Channel.create(w.mapping, { record: Reading });
    channel.trySend(reading);
  }, [reading]),
  method("channel.receive", async (w) => {
    using channel = Channel.create(w.mapping);
    await channel.receive({ signal: soon() });
  }, []),
  method("channel.receiveSync", (w, timeout) => {
    using channel = filled(w);
    channel.receiveSync({ timeout });
  }, [timeout]),
  method("channel.receiveInto", async (w, buffer) => {
    using channel = filled(w);
    await channel.receiveInto(buffer, { signal: soon() });
  }, [buffer]),
  method("channel.receiveIntoSync", (w, buffer, timeout) => {
    using channel = filled(w);
    channel.receiveIntoSync(buffer, { timeout });
  }, [buffer, timeout]),
  method("channel.tryReceive", (w) => {
    using channel = filled(w);
    channel.tryReceive();
  }, []),
];
