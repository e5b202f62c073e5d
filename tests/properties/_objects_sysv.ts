/**
 * Calls of the methods of segments, queues and semaphore sets.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { MessageQueue } from "../../ffi/objects/message_queue.ts";
import { SemaphoreSet } from "../../ffi/objects/semaphore_set.ts";
import { SharedMemory } from "../../ffi/objects/shared_memory.ts";
import { type Call, disposes, given, method, soon } from "./_calls.ts";
import { data, operations } from "./_memory.ts";
import {
  bad,
  ints,
  mode,
  msqid,
  orNull,
  semid,
  shmid,
  type Spec,
  wrongInt,
  wrongKey,
  wrongLong,
  wrongSize,
  wrongUint,
} from "./_numbers.ts";
import { NOBODYS_KEY } from "./_world.ts";

const offset = [
  ...ints(undefined, 0, 1, 4096, 4097, -1),
  ...wrongSize(() => 1).filter(({ name }) => name !== "-1"),
];
const text: Spec[] = [...ints("", "text", "世界", "x".repeat(9000))];
const by = orNull([
  ...ints(undefined, 1, 2, 32767),
  ...wrongInt(() => 1),
  bad("0", () => 0),
  bad("-1", () => -1),
  bad("32768", () => 32768),
]);
const semaphore = [
  ...ints(0, 2, 3, 65535),
  ...wrongInt(() => 0),
  bad("undefined", () => undefined),
  bad("-1", () => -1),
  bad("65536", () => 65536),
];
export const type = orNull([...ints(undefined, 1, 2 ** 40, 2n ** 62n, 0, -1), ...wrongLong(() => 1)]);
export const SYSV_OBJECTS: Call[] = [
  method("SharedMemory.create", (_w, size, mode) => SharedMemory.create(size, given("mode", mode)), [
    [...ints(4096, 0, 1, 4095, 4097, 2 ** 53, 2 ** 60), ...wrongSize(() => 4096)],
    mode,
  ], disposes),
  method("SharedMemory.create: key", (_w, key) => SharedMemory.create(1, { key }), [
    [...ints(NOBODYS_KEY), ...wrongKey],
  ], disposes),
  method("SharedMemory.create: options", (_w, options) => SharedMemory.create(1, options), [[
    ...ints(undefined, {}, null),
  ]], disposes),
  method("SharedMemory.open", (_w, key) => SharedMemory.open(key), [[...ints(NOBODYS_KEY, 0), ...wrongKey]], disposes),
  method("SharedMemory.fromId", (_w, id, readOnly) => SharedMemory.fromId(id, { readOnly }), [
    shmid,
    ints(true, false),
  ], disposes),
  method("segment.read", (w, offset, length) => w.segment.read(offset, length), [offset, orNull(offset)]),
  method("segment.write", (w, data, offset) => w.segment.write(data, offset), [data, offset]),
  method("segment.readString", (w, offset) => w.segment.readString(offset), [offset]),
  method("read-only", (w, offset) => {
    using segment = SharedMemory.fromId(w.segment.id, { readOnly: true });
    return [segment.readString(offset), segment.read(offset)];
  }, [offset]),
  method("ReadOnlyMemory.read", (w, offset, length) => w.readOnly.read(offset, length), [offset, orNull(offset)]),
  method("new ReadOnlyMemory", (_w, length) => new mod.ReadOnlyMemory(length).read(0, 1), [[
    bad("4096", () => 4096),
    bad("2^60", () => 2 ** 60),
  ]]),
  method("ReadOnlyMemory.length =", (w, length) => {
    try {
      // deno-lint-ignore no-explicit-any -- as above
      (w.readOnly as any).length = length;
    } catch { /* it cannot be set */ }
    return w.readOnly.read(0, length);
  }, [[bad("2^40", () => 2 ** 40)]]),
  method("segment.writeString", (w, text, offset) => w.segment.writeString(text, offset), [text, offset]),
  method("segment.detach", (w) => w.segment.detach(), []),
  method("segment: transferred", (w) => {
    const moved = structuredClone(w.segment.bytes.buffer, { transfer: [w.segment.bytes.buffer as ArrayBuffer] });
    return [w.segment.read(0, 1), moved];
  }, []),
  method("segment.dispose", (w) => w.segment[Symbol.dispose](), []),
  method("queue.dispose", (w) => w.queue[Symbol.dispose](), []),
  method("set.dispose", (w) => w.set[Symbol.dispose](), []),
  ...(["segment", "queue", "set"] as const).flatMap((which): Call[] => [
    method(`${which}.remove`, (w) => w[which].remove(), []),
    method(`${which}.setPermissions`, (w, mode) => w[which].setPermissions(given("mode", mode)), [mode]),
    method(`${which}.setPermissions: uid`, (w, uid) => w[which].setPermissions(given("uid", uid)), [
      [...ints(Deno.uid() ?? 0), ...wrongUint(() => 0).filter(({ name }) => name !== "null")],
    ]),
    method(`${which}.setPermissions: options`, (w, options) => w[which].setPermissions(options), [
      [...ints({}), bad("null", () => null)],
    ]),
    method(`${which}.key`, (w) => [w[which].key, w[which].mode, w[which].uid, w[which].cgid, w[which].changedAt], []),
  ]),

  method("MessageQueue.create", (_w, key, mode) => MessageQueue.create({ key, ...given("mode", mode) }), [
    [...ints(NOBODYS_KEY, 0), ...wrongKey],
    mode,
  ], disposes),
  method("MessageQueue.open", (_w, key) => MessageQueue.open(key), [[...ints(NOBODYS_KEY, 0), ...wrongKey]]),
  method("MessageQueue.fromId", (_w, id) => MessageQueue.fromId(id).id, [msqid]),
  method("queue.trySend", (w, data, type) => w.queue.trySend(data, given("type", type)), [data, type]),
  method("queue.trySend: options", (w, options) => w.queue.trySend("x", options), [
    [...ints(undefined, {}, null)],
  ]),
  method("queue.send", (w, data, type) => w.queue.send(data, { ...given("type", type), signal: soon() }), [data, type]),
  method("queue.tryReceive", (w, type, except) => w.queue.tryReceive({ ...given("type", type), except })?.data, [
    type,
    ints(undefined, true, false),
  ]),
  method("queue.receive", (w, type) => w.queue.receive({ ...given("type", type), signal: soon() }), [type]),
  method("queue.peek", (w, index) => w.queue.peek(index)?.text, [
    [...ints(undefined, 0, 1, 99), ...wrongLong(() => 0).filter(({ name }) => name !== "2n ** 63n")],
  ]),
  method("queue.messages", (w) => w.queue.messages().map(({ text }) => text), []),
  method("queue.setMaxBytes", (w, value) => w.queue.setMaxBytes(value), [
    [...ints(0, 1, 16384), ...wrongSize(() => 1), bad("2^53", () => 2 ** 53)],
  ]),

  method("SemaphoreSet.create", (_w, values) => SemaphoreSet.create(values), [[
    ...ints(1, 3, [1, 2], [0]),
    ...[
      0,
      -1,
      1.5,
      NaN,
      2 ** 32 + 1,
      1n,
      "x",
      null,
      {},
      [1.5],
      ["1"],
      [-1],
      [32768],
      [2 ** 32 + 1],
      [],
      [1n],
      [null],
      Symbol("s"),
    ].map((value) => bad(Deno.inspect(value), () => value)),
    bad("undefined", () => undefined),
  ]], disposes),
  method("SemaphoreSet.openSync", (_w, key) => SemaphoreSet.openSync(key), [[...ints(NOBODYS_KEY, 0), ...wrongKey]]),
  method("SemaphoreSet.fromId", (_w, id) => SemaphoreSet.fromId(id).id, [semid]),
  method("set.tryAcquire", (w, n, by, undo) => w.set.tryAcquire(n, { ...given("by", by), undo }), [
    semaphore,
    by,
    ints(undefined, true, false),
  ]),
  method("set.release", (w, n, by) => w.set.release(n, given("by", by)), [semaphore, by]),
  method("set.acquire", (w, n, by) => w.set.acquire(n, { ...given("by", by), signal: soon() }), [semaphore, by]),
  method("set.waitZero", (w, n) => w.set.waitZero(n, { signal: soon() }), [semaphore]),
  method("set.lock", (w, n) => w.set.lock(n, { signal: soon() }), [semaphore], disposes),
  method("set.op", (w, ops) => w.set.op(ops, { signal: soon() }), [operations]),
  method("set.opSync", (w, ops) => w.set.opSync(ops), [operations]),
  method("set.setValues", (w, values) => w.set.setValues(values), [[
    ...ints([1, 2, 3]),
    ...[[1], [1, 2, 3, 4], [1, 2, 0.5], [1, 2, 32768], [1, 2, "3"], [1, 2, 3n], null, 5, Symbol("s"), {}].map((value) =>
      bad(Deno.inspect(value), () => value)
    ),
    bad("undefined", () => undefined),
  ]]),
  method(
    "set.getLastPid",
    (w, n) => [w.set.getLastPid(n), w.set.getWaitingForIncrease(n), w.set.getWaitingForZero(n)],
    [
      semaphore,
    ],
  ),
  method("set.values", (w) => w.set.values, []),
];
