/**
 * Calls of the methods of POSIX semaphores, mutexes and conditions.
 *
 * @module
 */
import { Condition } from "../../ffi/objects/condition.ts";
import { Mutex } from "../../ffi/objects/mutex.ts";
import { PosixSemaphore } from "../../ffi/objects/posix_semaphore.ts";
import { type Call, disposes, given, method, soon } from "./_calls.ts";
import { bad, good, ints, mode, type Spec, wrongInt, wrongUint } from "./_numbers.ts";

const timeout: Spec[] = [
  ...ints(0, 1, 0.5, -0),
  ...wrongInt(() => 0).filter(({ name }) => !/2\^|0\.5/.test(name)),
  bad("-1", () => -1),
];
const place: Spec[] = [
  good("segment", (w) => w.segment),
  good("mapping", (w) => w.mapping),
  bad("other bytes", () => new Uint8Array(4096)),
  bad("read-only", (w) => w.readOnly),
  bad("queue", (w) => w.queue),
  bad("null", () => null),
];
const offset: Spec[] = [
  ...ints(undefined, 0, 64, 512),
  bad("4", () => 4),
  bad("-8", () => -8),
  bad("8192", () => 8192),
  bad("2^60", () => 2 ** 60),
  bad("NaN", () => NaN),
  bad("'0'", () => "0"),
];
const value: Spec[] = [...ints(0, 1, 2 ** 31 - 1), ...wrongUint(() => 0), bad("2^31", () => 2 ** 31)]
  .filter(({ name }) => name !== "undefined");
const releases = (held: unknown) => held === null || disposes(held);

export const SYNC_OBJECTS: Call[] = [
  method(
    "PosixSemaphore.create",
    (_w, value, mode) => PosixSemaphore.create(undefined, { value, ...given("mode", mode) }),
    [value, mode],
    disposes,
  ),
  method("PosixSemaphore.create: name", (_w, name) => PosixSemaphore.create(name), [[
    bad("a/b", () => "/a/b"),
    bad("NUL", () => "/a\0b"),
    bad("5", () => 5),
    bad("null", () => null),
    bad("long", () => "/" + "x".repeat(300)),
  ]], disposes),
  method("PosixSemaphore.at", (_w, memory, offset, value) => PosixSemaphore.at(memory, offset, { value }), [
    place,
    offset,
    value,
  ], disposes),
  method("sem.wait", (w) => PosixSemaphore.at(w.segment, 0, { value: 0 }).wait({ signal: soon() }), []),
  method("sem.waitSync", (w, timeout) => PosixSemaphore.at(w.segment, 0, { value: 1 }).waitSync({ timeout }), [
    timeout,
  ]),
  method("sem.hold", (w) => PosixSemaphore.at(w.segment, 0, { value: 1 }).hold({ signal: soon() }), [], disposes),
  method("Mutex.create", (_w, memory, offset) => void Mutex.create(memory, offset), [place, offset]),
  method("mutex.lock", (w) => Mutex.create(w.segment, 64).lock({ signal: soon() }), [], releases),
  method(
    "mutex.lock, twice",
    async (w) => {
      using _lock = Mutex.create(w.segment, 64).lockSync();
      return await Mutex.open(w.segment, 64).lock({ signal: soon() });
    },
    [],
    releases,
  ),
  method(
    "mutex.lockSync",
    (w, timeout) => Mutex.create(w.segment, 64).lockSync({ timeout }),
    [timeout],
    releases,
  ),
  method("Condition.create", (_w, memory, offset) => void Condition.create(memory, offset), [place, offset]),
  method("condition.wait", async (w) => {
    using lock = Mutex.create(w.segment, 64).lockSync();
    await Condition.create(w.segment, 512).wait(lock, { signal: soon() });
  }, []),
  method("condition.waitSync", (w, timeout) => {
    using lock = Mutex.create(w.segment, 64).lockSync();
    Condition.create(w.segment, 512).waitSync(lock, { timeout });
  }, [[...timeout.filter(({ bad }) => bad && true)].filter(({ name }) => name !== "undefined")]),
];
