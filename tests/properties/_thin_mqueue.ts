/**
 * Calls of the functions of POSIX message queues, and of the methods of `PosixMessageQueue`.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { PosixMessageQueue } from "../../ffi/objects/posix_message_queue.ts";
import { type Call, disposes, given, method, soon, thin } from "./_calls.ts";
import { buffer, data, detached, length, structs } from "./_memory.ts";
import {
  bad,
  fdOf,
  flags,
  good,
  int,
  ints,
  nothing,
  onlyWrong,
  orNull,
  type Spec,
  wrongInt,
  wrongSize,
  wrongUint,
} from "./_numbers.ts";
import { GUARD, ignore, m, POSIX_NAME } from "./_world.ts";

const mqdes = fdOf((w) => w.mqdes);
const name: Spec[] = [
  good("a queue's", () => POSIX_NAME),
  ...ints("", "/", "none", "/a/b", "/" + "x".repeat(300)),
  ...[null, 5, {}, Symbol("s"), "/\0"].map((value) => bad(Deno.inspect(value), () => value)),
];
const attributes: Spec[] = [
  good("mq_attr", () => Object.assign(new mod.mq_attr(), { mq_flags: mod.O_NONBLOCK, mq_maxmsg: 2, mq_msgsize: 64 })),
  good("mq_attr of 0", () => new mod.mq_attr()),
  good("mq_attr of much", () => Object.assign(new mod.mq_attr(), { mq_maxmsg: 2 ** 53 - 1, mq_msgsize: 2 ** 53 - 1 })),
  ...structs(() => new mod.mq_attr()).slice(1),
];
const prio: Spec[] = [
  good("Uint32Array(1)", (w) => new Uint32Array(w.view(4).buffer, GUARD, 1)),
  nothing,
  ...ints(undefined),
  good("lying Uint32Array", () => Object.defineProperty(new Uint32Array(0), "byteLength", { value: 4 })),
  bad("Uint32Array(0)", () => new Uint32Array(0)),
  bad("detached", () => {
    const words = new Uint32Array(1);
    words.buffer.transfer();
    return words;
  }),
  bad("Uint8Array", (w) => w.view(4)),
  bad("Int32Array", () => new Int32Array(1)),
  bad("Proxy", () => new Proxy(new Uint32Array(1), {})),
  bad("no Uint32Array", () => Object.create(Uint32Array.prototype)),
  bad("detached bytes", () => detached(4)),
  ...[5, "x", {}, [1], Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
];
const priority = [...ints(1, 0, 32767, 32768, undefined), ...wrongUint(() => 1)];
const until = [
  ...ints(0, 1.5, null),
  ...wrongSize(() => 0).filter(({ name }) => !["n + 0.5", "2^64", "null"].includes(name)),
  bad("undefined", () => undefined),
];
/** What a notification does: nothing, as no signal may come. */
const events: Spec[] = [
  good("SIGEV_NONE", () => Object.assign(new mod.sigevent(), { sigev_notify: mod.SIGEV_NONE })),
  good("SIGEV_SIGNAL 0", () => new mod.sigevent()),
  bad("SIGEV_THREAD", () => Object.assign(new mod.sigevent(), { sigev_notify: 2 })),
  ...structs(() => new mod.sigevent()).slice(1),
];
export const MQUEUE: Call[] = [
  thin("mq_open", [
    name,
    flags(mod.O_RDWR | mod.O_CREAT | mod.O_NONBLOCK, mod.O_RDWR | mod.O_NONBLOCK, 0, -1),
    [...int(0o600, 0, -1), ...ints(undefined)],
    [...attributes, nothing, ...ints(undefined)],
  ], (fd) => {
    m.mq_close(fd);
    ignore(() => m.mq_unlink(POSIX_NAME));
  }),
  thin("mq_close", [onlyWrong]),
  thin("mq_unlink", [name]),
  thin("mq_getattr", [mqdes, attributes]),
  {
    name: "mq_setattr",
    run(w, ...args) {
      m.mq_setattr(...args);
      w.doNotWait();
    },
    params: [mqdes, [...attributes, bad("null", () => null)], [nothing, ...ints(undefined), ...attributes]],
  },
  thin("mq_send", [mqdes, data, length, priority]),
  thin("mq_timedsend", [mqdes, data, length, [...ints(1, 0, 32768), ...wrongUint(() => 1)], until]),
  thin("mq_receive", [mqdes, buffer, length, prio]),
  thin("mq_timedreceive", [mqdes, buffer, length, prio, until]),
  thin("mq_notify", [mqdes, [...events, nothing]]),
  {
    name: "mq_attr.mq_flags =",
    run: (_w, value) => new mod.mq_attr().mq_flags = value,
    params: [[...ints(0, mod.O_NONBLOCK, -1), ...wrongSize(() => 1).filter(({ name }) => name !== "-1")]],
  },
  ...(["sigev_value", "sigev_signo", "sigev_notify"] as const).map((field): Call => ({
    name: `sigevent.${field} =`,
    run: (_w, value) => new mod.sigevent()[field] = value,
    params: [[...ints(0, -1), ...wrongInt(() => 1)]],
  })),
];

const count = orNull([
  ...ints(undefined, 1, 2, 0, -1, 2 ** 31),
  ...wrongSize(() => 1).filter(({ name }) => name !== "-1"),
])
  .filter(({ name }) => name !== "null" && name !== "2^64");

export const POSIX_OBJECTS: Call[] = [
  method(
    "PosixMessageQueue.create",
    (_w, name, maxMessages, messageSize) =>
      PosixMessageQueue.create(name, { ...given("maxMessages", maxMessages), ...given("messageSize", messageSize) }),
    [
      [...name, ...ints(undefined)],
      count,
      count,
    ],
    disposes,
  ),
  method("PosixMessageQueue.open", (_w, name) => PosixMessageQueue.open(name), [name], disposes),
  method("posix.trySend", (w, data, priority) => w.posix.trySend(data, given("priority", priority)), [
    data,
    priority,
  ]),
  method("posix.send", (w, data) => w.posix.send(data, { signal: soon() }), [data]),
  method("posix.sendSync", (w, data) => w.posix.sendSync(data, { timeout: 1 }), [data]),
  method("posix.tryReceive", (w) => w.posix.tryReceive()?.text, []),
  method("posix.receive", (w) => w.posix.receive({ signal: soon() }), []),
  method("posix.receiveSync", (w, timeout) => w.posix.receiveSync({ timeout }), [[
    ...ints(1, 0, 0.5),
    ...wrongSize(() => 1).filter(({ name }) => !["n + 0.5", "2^64"].includes(name)),
  ]]),
  method("posix properties", (w) => [w.posix.messageCount, w.posix.maxMessages, w.posix.messageSize, w.posix.mode], []),
  method("posix.remove", (w) => w.posix.remove(), []),
  method("posix.dispose", (w) => w.posix[Symbol.dispose](), []),
  method("new PosixMessage", (_w, data) => new mod.PosixMessage(1, data).text, [buffer]),
];
