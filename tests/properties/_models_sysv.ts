/**
 * Models: what segments, queues and sets hold is what a few lines of JavaScript say they hold.
 *
 * @module
 */
import fc from "fast-check";
import { assertEquals } from "@std/assert";
import * as mod from "../../mod.ts";
import { MessageQueue } from "../../ffi/objects/message_queue.ts";
import { SemaphoreSet } from "../../ffi/objects/semaphore_set.ts";
import { SharedMemory } from "../../ffi/objects/shared_memory.ts";
import { m, message, outcome } from "./_world.ts";

export const bytes = (maximum: number) => fc.uint8Array({ maxLength: maximum });

export const segmentModel = fc.property(
  fc.constantFrom(1, 4095, 4096, 4097),
  fc.array(
    fc.oneof(
      fc.record({ op: fc.constant("write" as const), at: fc.integer({ min: -1, max: 4098 }), data: bytes(40) }),
      fc.record({
        op: fc.constant("text" as const),
        at: fc.nat(4098),
        text: fc.string({ unit: "binary", maxLength: 9 }),
      }),
      fc.record({ op: fc.constant("poke" as const), at: fc.integer({ min: -1, max: 4098 }), byte: fc.nat(255) }),
      fc.record({ op: fc.constant("read" as const), at: fc.integer({ min: -1, max: 4098 }), length: fc.nat(4098) }),
      fc.record({ op: fc.constantFrom("attach" as const, "detach" as const, "remove" as const, "resize" as const) }),
    ),
    { maxLength: 40 },
  ),
  (size, steps) => {
    using maker = SharedMemory.create(size);
    using reader = SharedMemory.fromId(maker.id, { readOnly: true });
    const thins: Uint8Array[] = [];
    const model = new Uint8Array(size);
    let attached = true;
    for (const step of steps) {
      const inside = (at: number, length: number) => attached && at >= 0 && at + length <= size;
      if (step.op === "write") {
        const fits = inside(step.at, step.data.length);
        if (fits) model.set(step.data, step.at);
        assertEquals(outcome(() => maker.write(step.data, step.at)), fits ? undefined : "EINVAL");
      } else if (step.op === "text") {
        const encoded = new TextEncoder().encode(step.text + "\0");
        const fits = inside(step.at, encoded.length);
        if (fits) model.set(encoded, step.at);
        assertEquals(outcome(() => maker.writeString(step.text, step.at)), fits ? undefined : "EINVAL");
        if (fits) assertEquals(reader.readString(step.at), step.text.toWellFormed().split("\0")[0]);
      } else if (step.op === "poke") {
        const thin = thins.at(-1);
        if (thin === undefined) continue;
        const fits = step.at >= 0 && step.at < size;
        if (fits) model[step.at] = step.byte;
        assertEquals(outcome(() => m.poke(thin, step.at, step.byte)), fits ? undefined : "EINVAL");
      } else if (step.op === "read") {
        const fits = step.at >= 0 && step.at + step.length <= size;
        const expected = fits ? model.slice(step.at, step.at + step.length) : "EINVAL";
        assertEquals(outcome(() => reader.read(step.at, step.length)), expected);
        assertEquals(outcome(() => maker.read(step.at, step.length)), attached ? expected : "EINVAL");
        for (const thin of thins.filter(() => fits)) {
          assertEquals(m.peek(thin, Math.min(step.at, size - 1)), model[Math.min(step.at, size - 1)]);
        }
      } else if (step.op === "attach") {
        const thin = outcome(() => m.shmat(maker.id));
        if (thin instanceof Uint8Array) thins.push(thin);
      } else if (step.op === "detach") {
        const thin = thins.pop();
        if (thin) {
          m.shmdt(thin);
          assertEquals(outcome(() => m.shmdt(thin)), "EINVAL");
          assertEquals(outcome(() => m.peek(thin, 0)), "EINVAL");
          assertEquals(thin.length, 0);
        } else if (attached) {
          maker.detach();
          attached = false;
        }
      } else if (step.op === "remove") {
        outcome(() => maker.remove());
      }
    }
    for (const thin of thins) {
      assertEquals(thin, model);
      m.shmdt(thin);
    }
  },
);

export const queueModel = fc.property(
  fc.array(
    fc.oneof(
      fc.record({
        op: fc.constant("send" as const),
        type: fc.integer({ min: -1, max: 4 }),
        data: bytes(60),
        thin: fc.boolean(),
      }),
      fc.record({
        op: fc.constant("big" as const),
        type: fc.integer({ min: 1, max: 4 }),
        size: fc.integer({ min: 4000, max: 9000 }),
      }),
      fc.record({ op: fc.constant("receive" as const), type: fc.integer({ min: -4, max: 4 }), except: fc.boolean() }),
      fc.record({
        op: fc.constant("msgrcv" as const),
        type: fc.integer({ min: -4, max: 4 }),
        size: fc.nat(60),
        cut: fc.boolean(),
      }),
      fc.record({ op: fc.constant("peek" as const), at: fc.nat(5) }),
    ),
    { maxLength: 60 },
  ),
  (steps) => {
    using queue = MessageQueue.create();
    const limit = queue.maxBytes;
    const info = new mod.msginfo();
    m.msgctl(0, m.IPC_INFO, info);
    const model: { type: number; data: Uint8Array }[] = [];
    const total = () => model.reduce((sum, { data }) => sum + data.length, 0);
    const pick = (type: number, except: boolean): number => {
      if (type === 0) return model.length > 0 ? 0 : -1;
      if (type > 0) return model.findIndex((found) => (found.type === type) !== except);
      // the lowest type there is, of those up to −type
      const types = model.map((found) => found.type).filter((found) => found <= -type);
      return types.length ? model.findIndex((found) => found.type === Math.min(...types)) : -1;
    };
    for (const step of steps) {
      if (step.op === "send" || step.op === "big") {
        const data = step.op === "send" ? step.data : new Uint8Array(step.size).fill(step.size);
        const wrong = step.type < 1 || data.length > info.msgmax;
        const full = total() + data.length > limit || model.length + 1 > limit;
        const result = step.op === "send" && step.thin
          ? outcome(() => {
            const buf = message(data.length, step.type);
            buf.mtext.set(data);
            m.msgsnd(queue.id, buf, data.length, m.IPC_NOWAIT);
            return true;
          })
          : outcome(() => queue.trySend(data, { type: step.type }));
        const refused = step.op === "send" && step.thin ? "EAGAIN" : false;
        assertEquals(result, wrong ? "EINVAL" : full ? refused : true);
        if (!wrong && !full) model.push({ type: step.type, data: data.slice() });
      } else if (step.op === "receive") {
        const at = pick(step.type, step.except);
        const message = queue.tryReceive({ type: step.type, except: step.except });
        assertEquals(message && { type: message.type, data: message.data }, at < 0 ? null : model.splice(at, 1)[0]);
      } else if (step.op === "msgrcv") {
        const at = pick(step.type, false);
        const buf = message(step.size);
        const flags = m.IPC_NOWAIT | (step.cut ? m.MSG_NOERROR : 0);
        const n = outcome(() => m.msgrcv(queue.id, buf, step.size, step.type, flags));
        if (at < 0) assertEquals(n, "ENOMSG");
        else if (model[at].data.length > step.size && !step.cut) assertEquals(n, "E2BIG");
        else {
          const [taken] = model.splice(at, 1);
          assertEquals(n, Math.min(taken.data.length, step.size));
          assertEquals([buf.mtype, buf.mtext.subarray(0, n as number)], [
            taken.type,
            taken.data.subarray(0, n as number),
          ]);
        }
      } else {
        const message = outcome(() => queue.peek(step.at));
        if (message === "ENOSYS") continue; // a kernel without MSG_COPY
        const expected = model[step.at] ?? null;
        assertEquals(
          message instanceof Object ? (message as { data: Uint8Array }).data : message,
          expected && expected.data,
        );
      }
      assertEquals([queue.messageCount, queue.byteCount], [model.length, total()]);
    }
  },
);

export const semaphoreModel = fc.property(
  fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }),
  fc.array(
    fc.oneof(
      fc.record({
        op: fc.constant("semop" as const),
        ops: fc.array(fc.tuple(fc.nat(4), fc.oneof(fc.integer({ min: -4, max: 4 }), fc.constantFrom(32767, -32768))), {
          maxLength: 4,
        }),
      }),
      fc.record({
        op: fc.constantFrom("take" as const, "give" as const, "set" as const),
        n: fc.nat(4),
        by: fc.integer({ min: 1, max: 32767 }),
      }),
      fc.record({
        op: fc.constant("setAll" as const),
        values: fc.array(fc.nat(32767), { minLength: 1, maxLength: 4 }),
      }),
    ),
    { maxLength: 40 },
  ),
  (initial, steps) => {
    using set = SemaphoreSet.create(initial);
    let model = [...initial];
    /** All of them or none, in order, none of which waits. */
    const semop = (ops: [number, number][]): string | undefined => {
      if (ops.length === 0) return "EINVAL";
      if (ops.some(([n]) => n >= model.length)) return "EFBIG";
      const after = [...model];
      for (const [n, value] of ops) {
        if (value === 0 && after[n] !== 0) return "EAGAIN";
        if (after[n] + value < 0) return "EAGAIN";
        if (after[n] + value > 32767) return "ERANGE";
        after[n] += value;
      }
      model = after;
    };
    for (const step of steps) {
      if (step.op === "semop") {
        const ops = new mod.sembuf(...step.ops.map(([n, value]): [number, number, number] => [n, value, m.IPC_NOWAIT]));
        assertEquals(outcome(() => m.semop(set.id, ops)), semop(step.ops));
      } else if (step.op === "take") {
        const expected = semop([[step.n, -step.by]]);
        const result = outcome(() => set.tryAcquire(step.n, { by: step.by }));
        assertEquals(result, expected === undefined ? true : expected === "EAGAIN" ? false : expected);
      } else if (step.op === "give") {
        const expected = semop([[step.n, step.by]]);
        assertEquals(outcome(() => set.release(step.n, { by: step.by })), expected);
      } else if (step.op === "setAll") {
        const fits = step.values.length === model.length;
        if (fits) model = [...step.values];
        assertEquals(outcome(() => set.setValues(step.values)), fits ? undefined : "EINVAL");
      } else {
        const there = step.n < model.length;
        if (there) model[step.n] = step.by;
        assertEquals(outcome(() => m.semctl(set.id, step.n, m.SETVAL, step.by)), there ? 0 : "EINVAL");
      }
      assertEquals(set.values, model);
    }
  },
);
