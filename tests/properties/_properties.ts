/**
 * Random calls of everything that the library exports, with right and wrong arguments. Whatever happens is a value or
 * a typed error. properties_test.ts runs this as a process of its own, so that a crash is seen.
 *
 *     deno run -A tests/properties/_properties.ts                                # what the tests run
 *     deno run -A tests/properties/_properties.ts --random --seconds 600         # another seed each round
 *     deno run -A tests/properties/_properties.ts --seed 7 --group thin --verbose # once more, naming each call
 *
 * Nothing here may touch what others own: commands that change or remove objects only ever get ids made here (in
 * every spelling), signals are only 0 or none, and what could wait for ever is told not to wait.
 *
 * @module
 */
import fc from "fast-check";
import { assertEquals } from "@std/assert";
import * as mod from "../../mod.ts";
import { MessageQueue } from "../../ffi/objects/message_queue.ts";
import { SemaphoreSet } from "../../ffi/objects/semaphore_set.ts";
import { SharedMemory } from "../../ffi/objects/shared_memory.ts";
import { Listener, Socket } from "../../ffi/objects/socket.ts";

// deno-lint-ignore no-explicit-any -- the point is to pass what the types forbid
const m: any = mod;
const { LibcError } = mod;

const option = (name: string): string | undefined => {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? undefined : Deno.args[at + 1];
};
const verbose = Deno.args.includes("--verbose");
const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));
const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
Deno.chdir(directory);

// ---------------------------------------------------------------------------------------------------------------
// What a run works on

const GUARD = 512; // bytes around each buffer, which no call may touch
const CANARY = 0xa5;

/** A range of a buffer that a call may write to, and the whole, of which it may touch nothing else. */
interface Guarded {
  readonly whole: Uint8Array;
  readonly start: number;
  readonly end: number;
}

const NOBODYS_KEY = 0x7d000000 | crypto.getRandomValues(new Uint32Array(1))[0] & 0xffffff;

/** The objects of one run, all of them made for it. */
class World {
  readonly shmid: number = m.shmget(m.IPC_PRIVATE, 4097, 0o600);
  readonly shm: Uint8Array<ArrayBuffer> = m.shmat(this.shmid);
  readonly readOnly: mod.ReadOnlyMemory = m.shmat(this.shmid, null, m.SHM_RDONLY);
  readonly msqid: number = m.msgget(m.IPC_PRIVATE, 0o600);
  readonly semid: number = m.semget(m.IPC_PRIVATE, 3, 0o600);
  readonly pair: [number, number] = m.socketpair(m.AF_UNIX, m.SOCK_STREAM | m.SOCK_NONBLOCK, 0);
  readonly datagrams: [number, number] = m.socketpair(m.AF_UNIX, m.SOCK_DGRAM | m.SOCK_NONBLOCK, 0);
  readonly listener: number = m.socket(m.AF_INET, m.SOCK_STREAM | m.SOCK_NONBLOCK, 0);
  readonly address: mod.sockaddr_in = m.sockaddr.parse("127.0.0.1:0");
  readonly removed: number = removedId();
  readonly segment: SharedMemory = SharedMemory.create(4097);
  readonly queue: MessageQueue = MessageQueue.create();
  readonly set: SemaphoreSet = SemaphoreSet.create([1, 2, 3]);
  readonly sockets: [Socket, Socket] = Socket.pair();
  readonly acceptor: Listener = Socket.listen("127.0.0.1:0");
  #guarded: Guarded[] = [];
  #fds = new Set<number>();

  constructor() {
    m.bind(this.listener, this.address);
    m.listen(this.listener, 5);
    m.getsockname(this.listener, this.address);
    m.send(this.pair[0], "x".repeat(400)); // something to read, more than the buffers have room for
    m.send(this.datagrams[0], "y".repeat(400));
    m.msgsnd(this.msqid, message(32), 32, m.IPC_NOWAIT);
    this.queue.trySend("z".repeat(40));
  }

  /** A view of bytes with others around it that have to stay as they are. */
  view(length: number, buffer: ArrayBufferLike = new ArrayBuffer(length + 2 * GUARD)): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(buffer as ArrayBuffer).fill(CANARY);
    const view = new Uint8Array(buffer as ArrayBuffer, GUARD, length).fill(0);
    this.#guarded.push({ whole, start: GUARD, end: GUARD + length });
    return view;
  }

  /** Takes charge of a descriptor that a call made. */
  own(fd: unknown): void {
    if (typeof fd === "number" && fd > 2) this.#fds.add(fd);
  }

  /** What was written where nothing may be written. */
  checkGuards(text: string): void {
    for (const { whole, start, end } of this.#guarded) {
      const touched = whole.findIndex((byte, at) => (at < start || at >= end) && byte !== CANARY);
      if (touched >= 0) throw new Error(`${text} wrote to byte ${touched} of a buffer of ${start} to ${end}`);
    }
    this.#guarded = [];
  }

  [Symbol.dispose](): void {
    for (const memory of [this.shm, this.readOnly]) ignore(() => m.shmdt(memory));
    ignore(() => m.shmctl(this.shmid, m.IPC_RMID));
    ignore(() => m.msgctl(this.msqid, m.IPC_RMID));
    ignore(() => m.semctl(this.semid, 0, m.IPC_RMID));
    for (const object of [this.segment, this.queue, this.set, ...this.sockets, this.acceptor]) {
      ignore(() => object[Symbol.dispose]());
    }
    // an IPC_SET may have taken it from the one who made it
    for (const object of [this.segment, this.queue, this.set]) ignore(() => object.remove());
    for (const fd of new Set([...this.pair, ...this.datagrams, this.listener, ...this.#fds])) ignore(() => m.close(fd));
    const gone = (what: string, stat: () => unknown) => {
      if (outcome(stat) !== "EINVAL") throw new Error(`${what} is left`);
    };
    for (const id of [this.shmid, this.segment.id]) {
      gone("a segment", () => {
        const ds = new mod.shmid_ds();
        m.shmctl(id, m.IPC_STAT, ds);
        // what was transferred away stays attached until the process ends
        return ds.shm_perm.mode & m.SHM_DEST ? "EINVAL" : "there";
      });
    }
    for (const id of [this.msqid, this.queue.id]) gone("a queue", () => m.msgctl(id, m.IPC_STAT, new mod.msqid_ds()));
    for (const id of [this.semid, this.set.id]) gone("a set", () => m.semctl(id, 0, m.GETVAL));
  }
}

/** Does something that may have been done before. */
function ignore(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
  }
}

function removedId(): number {
  const id = m.shmget(m.IPC_PRIVATE, 1, 0o600);
  m.shmctl(id, m.IPC_RMID);
  return id;
}

function message(size: number, type: number | bigint = 1): mod.msgbuf {
  const made = new mod.msgbuf(size);
  made.mtype = type;
  return made;
}

// ---------------------------------------------------------------------------------------------------------------
// Arguments

/** An argument. */
interface Spec {
  readonly name: string;
  make(w: World): unknown;
  /** No call may take it for a value. */
  readonly bad?: boolean;
  /** JavaScript itself throws a TypeError at some uses: a view whose memory is gone, or options that are no object. */
  readonly typeError?: boolean;
}

const good = (name: string, make: (w: World) => unknown): Spec => ({ name, make });
const bad = (name: string, make: (w: World) => unknown): Spec => ({ name, make, bad: true });
const ints = (...values: unknown[]): Spec[] => values.map((value) => good(Deno.inspect(value), () => value));

/** Other things that JavaScript, or V8's fast path to a native function, would take for the number. */
function lookalikes(base: (w: World) => number): Spec[] {
  return [
    bad("n + 0.5", (w) => base(w) + 0.5),
    bad("'n'", (w) => String(base(w))),
    bad("[n]", (w) => [base(w)]),
    bad("{ valueOf: n }", (w) => ({ valueOf: () => base(w) })),
    bad("new Number(n)", (w) => new Number(base(w))),
    bad("NaN", () => NaN),
    bad("Infinity", () => Infinity),
    bad("-Infinity", () => -Infinity),
    bad("null", () => null),
    bad("true", () => true),
    bad("''", () => ""),
    bad("{}", () => ({})),
    bad("Object.create(null)", () => Object.create(null)),
    bad("Symbol()", () => Symbol("s")),
    bad("() => n", (w) => () => base(w)),
  ];
}

const wrongInt = (base: (w: World) => number): Spec[] => [
  ...lookalikes(base),
  bad("n + 2^32", (w) => base(w) + 2 ** 32),
  bad("n - 2^32", (w) => base(w) - 2 ** 32),
  bad("n + 2^53", (w) => base(w) + 2 ** 53),
  bad("2^31", () => 2 ** 31),
  bad("-2^31 - 1", () => -(2 ** 31) - 1),
  bad("2^60", () => 2 ** 60),
  bad("BigInt(n)", (w) => BigInt(base(w))),
];
const wrongUint = (base: (w: World) => number): Spec[] => [
  ...wrongInt(base).filter(({ name }) => name !== "2^31"),
  bad("-1", () => -1),
];
const wrongKey = wrongUint(() => NOBODYS_KEY).filter(({ name }) => name !== "-1");
const wrongSize = (base: (w: World) => number): Spec[] => [
  ...lookalikes(base),
  bad("-1", () => -1),
  bad("2^64", () => 2 ** 64),
  bad("BigInt(n)", (w) => BigInt(base(w))),
];
const wrongLong = (base: (w: World) => number): Spec[] => [
  ...lookalikes(base),
  bad("2^53", () => 2 ** 53),
  bad("2^64", () => 2 ** 64),
  bad("2n ** 63n", () => 2n ** 63n),
];

const int = (...values: number[]): Spec[] => [...ints(...values), ...wrongInt(() => values[0])];
/** An int where leaving it out means something. */
const optionalInt = (...values: number[]): Spec[] => [...int(...values), ...ints(undefined)];
const uint = (...values: number[]): Spec[] => [...ints(...values), ...wrongUint(() => values[0])];
const flags = int;

const idOf = (own: (w: World) => number): Spec[] => [
  good("own", own),
  good("removed", (w) => w.removed),
  ...ints(-1, 2 ** 31 - 1, -(2 ** 31)),
  ...wrongInt(own),
  bad("undefined", () => undefined),
];
const shmid = idOf((w) => w.shmid);
const msqid = idOf((w) => w.msqid);
const semid = idOf((w) => w.semid);

const fdOf = (own: (w: World) => number): Spec[] => [
  good("own", own),
  ...ints(-1, 4096, 2 ** 31 - 1, -(2 ** 31), (1 << 20) + 1),
  ...wrongInt(own),
  bad("undefined", () => undefined),
];
const stream = fdOf((w) => w.pair[1]);
const datagram = fdOf((w) => w.datagrams[1]);
const listener = fdOf((w) => w.listener);

function detached(length: number): Uint8Array<ArrayBuffer> {
  const view = new Uint8Array(length);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

/** Says that it is longer than it is. */
class Liar extends Uint8Array<ArrayBuffer> {
  override get byteLength(): number {
    return 300;
  }
  override get length(): number {
    return 300;
  }
}

function liar(w: World): Uint8Array {
  const view = w.view(4);
  return new Liar(view.buffer, view.byteOffset, 4);
}

/** Answers more each time it is asked. */
function growing(w: World): Uint8Array {
  const view = w.view(4);
  let asked = 0;
  return Object.defineProperty(view, "byteLength", { get: () => asked++ === 0 ? 4 : 300 });
}

const views: Spec[] = [
  good("Uint8Array(16)", (w) => w.view(16)),
  good("Uint8Array(0)", (w) => w.view(0)),
  good("Uint8Array(1)", (w) => w.view(1)),
  good("Uint8Array(4095)", (w) => w.view(4095)),
  good("Uint8Array(4097)", (w) => w.view(4097)),
  { ...good("segment", (w) => w.shm), typeError: true }, // an earlier call may have detached it
  good("shared", (w) => w.view(16, new SharedArrayBuffer(16 + 2 * GUARD))),
  good("resizable", (w) => w.view(16, new ArrayBuffer(16 + 2 * GUARD, { maxByteLength: 4096 }))),
  {
    ...good("out of bounds", () => {
      const buffer = new ArrayBuffer(64, { maxByteLength: 128 });
      const view = new Uint8Array(buffer, 32, 16);
      buffer.resize(40);
      return view;
    }),
    typeError: true,
  },
  good("shrunk", () => {
    const buffer = new ArrayBuffer(4096, { maxByteLength: 8192 });
    const view = new Uint8Array(buffer);
    buffer.resize(4);
    return view;
  }),
  { ...good("detached", () => detached(64)), typeError: true },
  good("liar", liar),
  good("growing", growing),
];
const noViews: Spec[] = [
  ...[null, true, 5, {}, [1, 2], Symbol("s"), 5n].map((value) => bad(Deno.inspect(value), () => value)),
  bad("undefined", () => undefined),
  bad("Int32Array", () => new Int32Array(4)),
  bad("Float64Array", () => new Float64Array(4)),
  bad("DataView", () => new DataView(new ArrayBuffer(16))),
  bad("ArrayBuffer", () => new ArrayBuffer(16)),
  bad("Proxy", () => new Proxy(new Uint8Array(16), {})),
  bad("no Uint8Array", () => Object.create(Uint8Array.prototype)),
];
const buffer = [...views, ...noViews, bad("'text'", () => "text")];
const data = [...views, ...noViews, good("'text'", () => "text"), good("''", () => ""), good("'世界'", () => "世界")];
const length: Spec[] = [
  ...ints(undefined, 0, 1, 16, 2 ** 31, 2 ** 31 - 1),
  ...wrongUint(() => 16),
];

/** A structure of a class, and what is none. */
function structs(make: () => mod.Struct): Spec[] {
  const withBytes = (name: string, bytes: (w: World) => unknown): Spec =>
    good(name, (w) => Object.assign(make(), { bytes: bytes(w) }));
  const fake = () => Object.create(Object.getPrototypeOf(make()));
  return [
    good(make().constructor.name, make),
    withBytes("bytes: 4", (w) => w.view(4)),
    withBytes("bytes: 0", (w) => w.view(0)),
    { ...withBytes("bytes: detached", () => detached(300)), typeError: true },
    withBytes("bytes: liar", liar),
    withBytes("bytes: growing", growing),
    withBytes("bytes: null", () => null),
    withBytes("bytes: DataView", () => new DataView(new ArrayBuffer(300))),
    withBytes("bytes: Proxy", () => new Proxy(new Uint8Array(300), {})),
    bad("no struct", fake),
    ...[5, "x", {}, [], Symbol("s"), true].map((value) => bad(Deno.inspect(value), () => value)),
  ];
}
const nothing = good("null", () => null);

const operations: Spec[] = [
  good("sembuf P", () => new mod.sembuf([0, -1, mod.IPC_NOWAIT])),
  good("sembuf V", () => new mod.sembuf([0, 1], [1, 1])),
  good("sembuf 0", () => new mod.sembuf([2, 0, mod.IPC_NOWAIT])),
  good("sembuf none", () => new mod.sembuf()),
  good("sembuf 9", () => new mod.sembuf([9, 1])),
  ...structs(() => new mod.sembuf([0, 1])).slice(1),
  bad("null", () => null),
];
const addresses: Spec[] = [
  good("127.0.0.1", (w) => w.address),
  good("::1", () => mod.sockaddr.parse("[::1]:9")),
  good("@name", () => mod.sockaddr.parse(`@ipc_playground_${NOBODYS_KEY}`)),
  good("path", () => mod.sockaddr.parse(`${directory}/none/socket`)),
  good("storage", () => new mod.sockaddr_storage()),
  good("length: 300", (w) => {
    const address = new mod.sockaddr_in();
    address.bytes.set(w.address.bytes);
    return Object.defineProperty(address, "length", { get: () => 300 });
  }),
  good("length: growing", () => {
    let asked = 0;
    return Object.defineProperty(new mod.sockaddr_in(), "length", { get: () => asked++ === 0 ? 16 : 300 });
  }),
  ...[-1, 2 ** 32 + 16, -(2 ** 32) + 300, NaN, 1.5, "16", null].map((value) =>
    good(`length: ${value}`, () => Object.defineProperty(new mod.sockaddr_in(), "length", { get: () => value }))
  ),
  ...structs(() => new mod.sockaddr_in()),
];
const paths: Spec[] = [
  good("none", () => `${directory}/none`),
  good("''", () => ""),
  good("long", () => "x".repeat(5000)),
  good("/", () => "/"),
  bad("NUL", () => "/\0x"),
  ...[null, 5, {}, [], Symbol("s"), 5n, true].map((value) => bad(Deno.inspect(value), () => value)),
  bad("undefined", () => undefined),
];
/** What must stay out of exit, raise and the like: those that mean something. */
const onlyWrong = wrongInt(() => 0);
const memory: Spec[] = [
  { ...good("segment", (w) => w.shm), typeError: true },
  good("read-only", (w) => w.readOnly),
  good("Uint8Array", (w) => w.view(16)),
  { ...good("detached", () => detached(16)), typeError: true },
  bad("no memory", () => Object.create(mod.ReadOnlyMemory.prototype)),
  ...[null, 5, "x", {}, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
  bad("undefined", () => undefined),
];

// ---------------------------------------------------------------------------------------------------------------
// Calls

/** A function to call, what to call it with, and what to do about its result. */
interface Call {
  readonly name: string;
  // deno-lint-ignore no-explicit-any -- as above
  run(w: World, ...args: any[]): unknown;
  readonly params: readonly Spec[][];
  after?(result: unknown, w: World): void;
  /** Which other errors it may throw. */
  readonly allows?: (error: unknown) => boolean;
}

/** The function of this name, with its arguments. */
function thin(name: string, params: Spec[][], after?: Call["after"]): Call {
  if (typeof m[name] !== "function") throw new Error(`no ${name}`);
  return { name, run: (_w, ...args) => m[name](...args), params, after };
}

const closes = (result: unknown) => m.close(result);
const privateKey = [good("IPC_PRIVATE", () => 0)];

const THIN: Call[] = [
  // sys/shm
  thin("shmget", [
    privateKey,
    [...ints(4096, 0, 1, 4095, 4097, 2 ** 31, 2 ** 53, 2 ** 60), ...wrongSize(() => 4096)],
    int(0o600, 0, mod.IPC_CREAT | mod.IPC_EXCL | 0o600),
  ], (id) => m.shmctl(id, m.IPC_RMID)),
  thin("shmget", [[...ints(NOBODYS_KEY), ...wrongKey], ints(1, 0), int(0, 0o600)]),
  thin("shmat", [shmid, [nothing, ...ints(undefined), bad("5", () => 5), bad("{}", () => ({}))], [
    ...int(0, mod.SHM_RDONLY, 2 ** 31 - 1, 0o20000, 0o40000),
    ...ints(undefined),
  ]], (shm) => m.shmdt(shm)),
  thin("shmdt", [[
    good("shm", (w) => w.shm),
    good("read-only", (w) => w.readOnly),
    good("another view", (w) => new Uint8Array(w.shm.length > 0 ? w.shm.buffer : new ArrayBuffer(0))),
    bad("Uint8Array", () => new Uint8Array(1)),
    bad("detached", () => detached(1)),
    ...memory.filter((spec) => spec.bad),
  ]]),
  thin("shmctl", [
    shmid,
    flags(mod.IPC_STAT, mod.IPC_SET, mod.SHM_LOCK, mod.SHM_UNLOCK, 99, 0x102),
    [...structs(() => new mod.shmid_ds()), nothing],
  ]),
  thin("shmctl", [
    shmid,
    ints(mod.IPC_INFO, mod.SHM_INFO, mod.SHM_STAT, mod.SHM_STAT_ANY),
    [...structs(() => new mod.shminfo()), ...structs(() => new mod.shm_info()), nothing],
  ]),
  thin("shmctl", [shmid, int(mod.IPC_RMID), [nothing]]),
  thin("peek", [memory, [...ints(0, 1, 4096, 4097, -1), ...wrongSize(() => 1)]]),
  thin("poke", [memory, [...ints(0, 1, 4096, 4097, -1), ...wrongSize(() => 1)], [
    ...ints(1, 255, -128, 256, "x", ""),
    ...[null, {}, Symbol("s"), 5n, [5], true, NaN, 0.5].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),

  // sys/msg
  thin("msgget", [privateKey, int(0o600, 0)], (id) => m.msgctl(id, m.IPC_RMID)),
  thin("msgget", [[...ints(NOBODYS_KEY), ...wrongKey], int(0, 0o600)]),
  thin("msgsnd", [
    msqid,
    [good("msgbuf(16)", () => message(16)), good("type -1", () => message(16, -1)), ...structs(() => message(16))],
    [...ints(16, 0, 1, 17, 8193, 2 ** 31, 2 ** 53, 2 ** 60), ...wrongSize(() => 16)],
    int(mod.IPC_NOWAIT),
  ]),
  thin("msgrcv", [
    msqid,
    [good("msgbuf(16)", () => message(16)), good("msgbuf(4096)", () => message(4096)), ...structs(() => message(64))],
    [...ints(16, 0, 1, 17, 4096, 2 ** 31, 2 ** 53, 2 ** 60), ...wrongSize(() => 16)],
    [...ints(0, 1, -1, 1n, -(2n ** 63n), 2 ** 53 - 1), ...wrongLong(() => 1)],
    int(mod.IPC_NOWAIT, mod.IPC_NOWAIT | mod.MSG_NOERROR, mod.IPC_NOWAIT | mod.MSG_COPY, -1),
  ]),
  thin("msgctl", [msqid, flags(mod.IPC_STAT, mod.IPC_SET, 99, 0x102), [
    ...structs(() => new mod.msqid_ds()),
    nothing,
  ]]),
  thin("msgctl", [msqid, ints(mod.IPC_INFO, mod.MSG_INFO, mod.MSG_STAT, mod.MSG_STAT_ANY), [
    ...structs(() => new mod.msginfo()),
    nothing,
  ]]),
  thin("msgctl", [msqid, int(mod.IPC_RMID), [nothing]]),

  // sys/sem
  thin("semget", [privateKey, int(3, 0, 1, 32001, -1), int(0o600, 0)], (id) => m.semctl(id, 0, m.IPC_RMID)),
  thin("semget", [[...ints(NOBODYS_KEY), ...wrongKey], int(0, 3), int(0, 0o600)]),
  thin("semop", [semid, operations]),
  thin("semtimedop", [semid, operations, [
    ...ints(0, 0.001, 1e-10),
    ...wrongSize(() => 0).filter(({ name }) => name !== "n + 0.5" && name !== "2^64" && name !== "null"),
    bad("2^53", () => 2 ** 53),
  ]]),
  thin("semctl", [
    semid,
    int(0, 2, 3, -1),
    flags(mod.GETVAL, mod.GETPID, mod.GETNCNT, mod.GETZCNT, 99, 0x10c),
    [nothing, ...ints(undefined)],
  ]),
  thin("semctl", [semid, int(0, 2, 3), ints(mod.SETVAL), int(1, 0, 32767, 32768, -1)]),
  thin("semctl", [semid, int(0), ints(mod.GETALL, mod.SETALL), [
    good("Uint16Array(3)", (w) => new Uint16Array(w.view(6).buffer, GUARD, 3)),
    good("Uint16Array(2)", (w) => new Uint16Array(w.view(4).buffer, GUARD, 2)),
    good("Uint16Array(4)", (w) => new Uint16Array(w.view(8).buffer, GUARD, 4)),
    good("lying Uint16Array", (w) => {
      const values = new Uint16Array(w.view(2).buffer, GUARD, 1);
      return Object.defineProperties(values, { length: { value: 99 }, byteLength: { value: 198 } });
    }),
    bad("Proxy", () => new Proxy(new Uint16Array(3), {})),
    bad("no Uint16Array", () => Object.create(Uint16Array.prototype)),
    bad("Uint8Array", () => new Uint8Array(6)),
    bad("Int16Array", () => new Int16Array(3)),
    ...[null, 5, "x", {}, [1, 2, 3], Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),
  thin("semctl", [semid, int(0), ints(mod.IPC_STAT, mod.IPC_SET, mod.SEM_STAT, mod.SEM_STAT_ANY), [
    ...structs(() => new mod.semid_ds()),
    bad("null", () => null),
  ]]),
  thin("semctl", [semid, int(0), ints(mod.IPC_INFO, mod.SEM_INFO), [
    ...structs(() => new mod.seminfo()),
    bad("null", () => null),
  ]]),
  thin("semctl", [semid, int(0, 99), int(mod.IPC_RMID)]),

  // unistd
  thin("fork", [[
    bad("null", () => null),
    ...[5, "x", {}, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),
  thin("_exit", [onlyWrong]),
  thin("exit", [onlyWrong]),
  thin("getpid", []),
  thin("getppid", []),
  thin("pipe", [], (ends) => (ends as number[]).forEach(closes)),
  thin("read", [stream, buffer, length]),
  thin("write", [stream, data, length]),
  {
    name: "close",
    run: (_w, fd) => m.close(fd),
    // of 0, 1 and 2, and of what counts as them by a mistake, only those that no call takes
    params: [[
      good("new", (w) => {
        const fd = m.socket(m.AF_UNIX, m.SOCK_DGRAM, 0);
        w.own(fd);
        return fd;
      }),
      ...stream,
    ]],
  },
  {
    name: "dup2",
    run: (_w, oldfd, newfd) => m.dup2(oldfd, newfd),
    params: [stream, [...ints(700, 701, -1, 2 ** 31 - 1), ...wrongInt(() => 700)]],
    after: closes,
  },
  thin("sleep", [[...ints(0), ...wrongUint(() => 0)]]),
  thin("usleep", [[...ints(0, 1), ...wrongUint(() => 0)]]),
  thin("open", [
    [...paths, good("/dev/null", () => "/dev/null")],
    int(mod.O_RDONLY, mod.O_RDWR, mod.O_CLOEXEC),
    optionalInt(0o600),
  ], closes),
  thin("unlink", [paths]),
  thin("execve", [[good("none", () => `${directory}/none`), ...paths.filter((spec) => spec.bad)], [
    good("[]", () => []),
    good("['x']", () => ["x"]),
    bad("[NUL]", () => ["a\0b"]),
    bad("[5]", () => [5]),
    bad("null", () => null),
    bad("'x'", () => "x"),
    bad("5", () => 5),
  ], [good("[]", () => []), bad("[Symbol]", () => [Symbol("s")]), bad("null", () => null), bad("{}", () => ({}))]]),

  // sys/wait: this process has no children, so it never waits
  thin("wait", [[nothing, ...structs(() => new mod.WaitStatus())]]),
  thin("waitpid", [int(-1, 1, -(2 ** 31)), [nothing, ...structs(() => new mod.WaitStatus())], int(mod.WNOHANG, 0, -1)]),
  thin("wait3", [[nothing, ...structs(() => new mod.WaitStatus())], int(mod.WNOHANG, 0, -1), [
    nothing,
    ...structs(() => new mod.rusage()),
  ]]),
  thin("wait4", [int(-1, 1, -(2 ** 31)), [nothing], int(mod.WNOHANG, 0, -1), [
    nothing,
    ...structs(() => new mod.rusage()),
  ]]),
  {
    name: "WaitStatus",
    run: (_w, raw) => new mod.WaitStatus(raw).toString(),
    params: [optionalInt(0, 9, 0x7f, 0xffff)],
  },

  // signal: 0 asks whether it could be sent
  thin("kill", [[good("self", () => mod.getpid()), ...ints(2 ** 31 - 1), ...wrongInt(() => mod.getpid())], [
    ...ints(0, 65, -1, 2 ** 31 - 1),
    ...wrongInt(() => 0),
  ]]),
  thin("raise", [[...ints(0, 65, -1), ...wrongInt(() => 0)]]),
  thin("signal", [int(mod.SIGUSR1, 0, 65, -1, 32, mod.SIGKILL), [
    ...ints(mod.SIG_DFL, mod.SIG_IGN),
    good("function", () => () => {}),
    ...[null, 5, "x", {}, Symbol("s"), NaN, 1n, 2 ** 32].map((value) => bad(Deno.inspect(value), () => value)),
  ]], () => m.signal(m.SIGUSR1, m.SIG_DFL)),
  thin("signalName", [int(9, 0, -1, 99)]),

  // sys/socket
  thin("socket", [
    int(mod.AF_UNIX, mod.AF_INET, mod.AF_INET6, -1, 99, 0),
    int(mod.SOCK_STREAM, mod.SOCK_DGRAM, mod.SOCK_SEQPACKET, -1, 99, 0),
    int(0, mod.IPPROTO_TCP, -1, 99),
  ], closes),
  thin("socketpair", [
    int(mod.AF_UNIX, mod.AF_INET, -1),
    int(mod.SOCK_STREAM, mod.SOCK_DGRAM, -1, 0),
    int(0, 99),
  ], (ends) => (ends as number[]).forEach(closes)),
  thin("bind", [datagram, addresses]),
  thin("listen", [listener, int(5, 0, -1, 2 ** 31 - 1)]),
  thin("accept", [listener, [nothing, ...addresses]], closes),
  thin("accept4", [listener, [nothing, ...addresses], int(0, mod.SOCK_NONBLOCK, -1)], closes),
  {
    name: "connect",
    run(_w, addr) {
      const fd = m.socket(m.AF_INET, m.SOCK_STREAM | m.SOCK_NONBLOCK, 0);
      try {
        m.connect(fd, addr);
      } finally {
        m.close(fd);
      }
    },
    params: [addresses],
  },
  thin("connect", [datagram, addresses]),
  thin("send", [stream, data, length, int(mod.MSG_DONTWAIT)]),
  thin("recv", [stream, buffer, length, int(mod.MSG_DONTWAIT, mod.MSG_DONTWAIT | mod.MSG_PEEK)]),
  thin("recv", [datagram, buffer, length, int(mod.MSG_DONTWAIT, mod.MSG_DONTWAIT | mod.MSG_PEEK | mod.MSG_TRUNC)]),
  thin("sendto", [datagram, data, length, int(mod.MSG_DONTWAIT), [nothing, ...addresses]]),
  thin("recvfrom", [datagram, buffer, length, int(mod.MSG_DONTWAIT), [nothing, ...addresses]]),
  thin("shutdown", [stream, int(mod.SHUT_RD, mod.SHUT_WR, mod.SHUT_RDWR, -1, 3)]),
  thin("setsockopt", [
    stream,
    int(mod.SOL_SOCKET, -1, 99),
    int(mod.SO_KEEPALIVE, mod.SO_RCVBUF, mod.SO_TYPE, -1, 9999),
    [
      ...ints(1, 0, true, false, -1, 2 ** 31 - 1),
      ...wrongInt(() => 1).filter(({ name }) => name !== "true"),
      good("timeval", () => new mod.timeval(1)),
      good("linger", () => new mod.linger(0)),
      ...views.filter(({ name }) => name !== "segment"),
      bad("Proxy", () => new Proxy(new Uint8Array(16), {})),
      bad("undefined", () => undefined),
    ],
  ]),
  thin("getsockopt", [
    stream,
    int(mod.SOL_SOCKET, -1, 99),
    int(mod.SO_TYPE, mod.SO_PEERCRED, mod.SO_LINGER, mod.SO_RCVTIMEO, -1, 9999),
    [
      ...ints(undefined),
      good("timeval", () => new mod.timeval()),
      good("linger", () => new mod.linger()),
      ...buffer.filter(({ name }) => name !== "undefined"),
    ],
  ]),
  thin("getsockname", [listener, addresses.slice(1)]),
  thin("getpeername", [stream, addresses.slice(1)]),
  ...["htons", "ntohs"].map((name) =>
    thin(name, [[...ints(0, 1, 65535), ...wrongUint(() => 1), bad("65536", () => 65536)]])
  ),
  ...["htonl", "ntohl"].map((name) => thin(name, [uint(0, 1, 2 ** 32 - 1)])),
  {
    name: "sockaddr.parse",
    run: (_w, text) => `${mod.sockaddr.parse(text)}`,
    params: [[...paths, ...ints("1.2.3.4:99999")]],
  },
  ...(["sin_port", "sin_family"] as const).map((field): Call => ({
    name: `sockaddr_in.${field} =`,
    run: (_w, value) => new mod.sockaddr_in()[field] = value,
    params: [[...ints(0, 1, 65535), ...wrongUint(() => 1), bad("65536", () => 65536)]],
  })),
  {
    name: "sockaddr_un.sun_path =",
    run: (_w, value) => new mod.sockaddr_un().sun_path = value,
    params: [paths],
  },
  {
    name: "new timeval",
    run: (_w, a, b) => new mod.timeval(a, b),
    params: [
      [...ints(1, -1, 2 ** 31), ...wrongLong(() => 1)],
      [...ints(0, 999_999), ...wrongLong(() => 1)],
    ],
  },
  { name: "new linger", run: (_w, a, b) => new mod.linger(a, b), params: [ints(0, 1, true, false), int(0, 1, -1)] },

  // poll, netdb
  thin("poll", [[
    good("pollfds", (w) => new mod.pollfds([w.pair[1], mod.POLLIN], [w.listener, mod.POLLIN], [-1, 0], [4096, 0])),
    good("pollfds none", () => new mod.pollfds()),
    good("length: 40", (w) => {
      const fds = new mod.pollfds([w.pair[1], mod.POLLIN]);
      return Object.assign(fds, { bytes: w.view(8), length: 40 });
    }),
    good("length: growing", (w) => {
      let asked = 0;
      const fds = Object.assign(new mod.pollfds([w.pair[1], mod.POLLIN]), { bytes: w.view(8) });
      return Object.defineProperty(fds, "length", { get: () => asked++ === 0 ? 1 : 40 });
    }),
    ...structs(() => new mod.pollfds([4096, mod.POLLIN])),
    bad("null", () => null),
  ], [...ints(0), ...wrongInt(() => 0)]]),
  ...[0, 1].map((at): Call => ({
    name: `new pollfds([${at === 0 ? "…, POLLIN" : "0, …"}])`,
    run: (_w, value) => new mod.pollfds(at === 0 ? [value, mod.POLLIN] : [0, value]),
    params: [[...int(0, 1, -1), bad("undefined", () => undefined)]],
  })),
  {
    name: "new pollfds",
    run: (_w, value) => new mod.pollfds(value),
    params: [[
      good("[0, POLLIN]", () => [0, mod.POLLIN]),
      ...[null, 5, "x", {}, [], Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
      bad("undefined", () => undefined),
    ]],
  },
  thin("getaddrinfo", [
    [
      ...ints("127.0.0.1", "::1", null),
      ...[5, {}, Symbol("s"), "a\0b", undefined].map((value) => bad(Deno.inspect(value), () => value)),
    ],
    [
      ...ints("80", "", "99999", "-1", null),
      ...[5, {}, Symbol("s"), "8\0"].map((value) => bad(Deno.inspect(value), () => value)),
    ],
    [
      ...ints({}, undefined, { ai_flags: 0x404 }, { ai_flags: -1 }, { ai_family: 99 }, { ai_socktype: 99 }),
      ...wrongInt(() => 0).flatMap(({ name, make }) =>
        ["ai_flags", "ai_family", "ai_socktype", "ai_protocol"].map((field) =>
          bad(`{ ${field}: ${name} }`, (w) => ({ [field]: make(w) }))
        )
      ),
    ],
  ]),
  thin("gai_strerror", [int(-2, 0, 1, -99)]),

  // the rest
  thin("ftok", [paths, int(1, 0, 256, -1)]),
  thin("strerror", [int(2, 0, -1, 9999)]),
  thin("srand", [uint(1, 0, 2 ** 32 - 1)]),
  thin("rand", []),
  thin("atoi", [[
    ...ints("5", "", "x", "99999999999999999999", " -7z"),
    ...[Symbol("s"), 5, null, {}].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),
  thin("strlen", [buffer]),
  thin("cstr", [buffer]),
  thin("strcpy", [buffer, [
    ...ints("", "text", "x".repeat(5000)),
    ...[null, 5, {}, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),
  thin("sprintf", [buffer, [
    ...ints(
      "",
      "%d",
      "%5.3d",
      "%c",
      "%s",
      "%%",
      "%x",
      "%n",
      "%999999999999d",
      "%.999999999999d",
      "%-99999999999s",
      "%.5s",
    ),
    ...[null, 5, {}, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
  ], [
    ...ints(1, -1, 2 ** 31, 2 ** 53, 2 ** 60, 5n, -(2n ** 70n), "text", ""),
    good("bytes", () => new Uint8Array([65, 66, 0, 67])),
    { ...good("detached", () => detached(4)), typeError: true },
    ...ints(NaN, 0.5, null, undefined, {}, [], Object.create(null), Symbol("s"), true),
  ]]),
  thin("fprintf", [
    [...ints(1, 2), ...wrongInt(() => 1), bad("0", () => 0), bad("3", () => 3)],
    ints("", "%s%s", "%d"),
    ints(1, Symbol("s")),
  ]),
  thin("putchar", [ints("\n", Symbol("s"), null, 1n, {}, undefined, NaN, "")]),
  thin("fgets", [buffer, [...ints(1, 2, 16, 5000), ...wrongSize(() => 4)], stream]),
  thin("perror", [ints("", "shmget", Symbol("s"), null, {}), [good("error", () => new LibcError("shmget", 2))]]),

  // structures
  {
    name: "new msgbuf",
    run: (_w, size) => new mod.msgbuf(size),
    params: [[...ints(0, 1, 4097), ...wrongSize(() => 1), bad("2^31", () => 2 ** 31)]],
  },
  {
    name: "msgbuf.mtype =",
    run: (_w, type) => new mod.msgbuf(1).mtype = type,
    params: [
      [...ints(1, 0, -1, 2 ** 53 - 1, 2n ** 63n - 1n), ...wrongLong(() => 1)],
    ],
  },
  ...[0, 1, 2].map((at): Call => ({
    name: `new sembuf: ${["sem_num", "sem_op", "sem_flg"][at]}`,
    run: (_w, value) => new mod.sembuf([0, 1, 0].with(at, value) as [number, number, number]),
    params: [[...ints(0, 1), ...wrongInt(() => 1), bad("65536", () => 65536)]],
  })),
  {
    name: "new sembuf",
    run: (_w, value) => new mod.sembuf(value),
    params: [
      [
        good("[0, 1]", () => [0, 1]),
        ...[null, 5, "x", {}, [], [1], Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
      ],
    ],
  },
  ...(["uid", "gid", "mode"] as const).map((field): Call => ({
    name: `ipc_perm.${field} =`,
    run: (_w, value) => new mod.shmid_ds().shm_perm[field] = value,
    params: [[...ints(0, 1), ...wrongUint(() => 1)].filter(({ name }) => field !== "mode" || name !== "2^31")],
  })),
  {
    name: "msqid_ds.msg_qbytes =",
    run: (_w, value) => new mod.msqid_ds().msg_qbytes = value,
    params: [[...ints(0, 1, 2 ** 53 - 1), ...wrongSize(() => 1), bad("2^53", () => 2 ** 53)]],
  },
];

/** For options, where `null` is as good as nothing. */
const orNull = (list: Spec[]): Spec[] => list.map((spec) => spec.name === "null" ? good("null", () => null) : spec);

/** Waits no longer than this. */
const soon = () => AbortSignal.timeout(1);
const aborted = (error: unknown) => error instanceof DOMException && error.name === "TimeoutError";

function method(
  name: string,
  // deno-lint-ignore no-explicit-any -- as above
  run: (w: World, ...args: any[]) => unknown,
  params: Spec[][],
  after?: Call["after"],
): Call {
  return { name, run, params, after, allows: aborted };
}

const offset = [...ints(undefined, 0, 1, 4096, 4097, -1), ...wrongSize(() => 1).filter(({ name }) => name !== "-1")];
const disposes = (object: unknown) => (object as Disposable)[Symbol.dispose]();
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
const mode = orNull([
  ...ints(undefined, 0o600, 0, 0o777),
  ...wrongUint(() => 0o600),
  bad("0o1000", () => 0o1000),
]);
const type = orNull([...ints(undefined, 1, 2 ** 40, 2n ** 62n, 0, -1), ...wrongLong(() => 1)]);
const host: Spec[] = [
  good("listener", (w) => `${w.address}`),
  ...ints("127.0.0.1:0", "[::1]:0", "@ipc_playground_none", "127.0.0.1:99999", "", ":", "/none/none"),
  ...[null, 5, {}, Symbol("s"), "/\0"].map((value) => bad(Deno.inspect(value), () => value)),
  bad("undefined", () => undefined),
];
const socketType = orNull([
  ...ints(undefined, mod.SOCK_STREAM, mod.SOCK_DGRAM, mod.SOCK_SEQPACKET, 0, 99, -1),
  ...wrongInt(() => mod.SOCK_STREAM),
]);
const given = (name: string, value: unknown) => value === undefined ? {} : { [name]: value };

const CLASSES: Call[] = [
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
      [...ints({}), { ...bad("null", () => null), typeError: true }],
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
  method("SemaphoreSet.open", (_w, key) => SemaphoreSet.open(key), [[...ints(NOBODYS_KEY, 0), ...wrongKey]]),
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

  method("Socket.fromFd", (w, which) => {
    const [a, b] = m.socketpair(m.AF_UNIX, m.SOCK_STREAM, 0);
    w.own(b);
    const value = which.make({ ...w, pair: [a, a] });
    let socket: Socket | undefined;
    try {
      socket = Socket.fromFd(value);
    } finally {
      if (socket?.fd !== a) m.close(a);
      socket?.close();
    }
    if (which.bad) throw new Error("taken");
  }, [fdOf((w) => w.pair[0]).map((spec) => good(spec.name, () => spec))]),
  method("Listener.fromFd", (_w, fd) => Listener.fromFd(fd), [fdOf((w) => w.pair[1]).filter((spec) => spec.bad)]),
  method(
    "Socket.pair",
    (_w, type) => Socket.pair(given("type", type)),
    [socketType],
    (pair) => (pair as Socket[]).forEach(disposes),
  ),
  method("Socket.connect", (_w, address, type) => Socket.connect(address, { ...given("type", type), signal: soon() }), [
    host,
    socketType,
  ], disposes),
  method("Socket.listen", (_w, address, backlog) => Socket.listen(address, given("backlog", backlog)), [
    host.filter(({ name }) => name !== "listener"),
    [...ints(undefined, 0, 5, -1), ...wrongInt(() => 5)],
  ], disposes),
  method(
    "Socket.listen: mode",
    (_w, mode) => Socket.listen(`${directory}/socket`, given("mode", mode)),
    [mode],
    disposes,
  ),
  method(
    "Socket.bind",
    (_w, address) => Socket.bind(address),
    [host.filter(({ name }) => name !== "listener")],
    disposes,
  ),
  method("Socket.bind: mode", (_w, mode) => Socket.bind(`${directory}/socket`, given("mode", mode)), [mode], disposes),
  method("socket.read", (w, buf) => w.sockets[1].read(buf, { signal: soon() }), [buffer]),
  method("socket.write", (w, data) => w.sockets[0].write(data, { signal: soon() }), [data]),
  method("socket.receiveFrom", (w, buf) => w.sockets[1].receiveFrom({ buf, signal: soon() }), [buffer]),
  method("datagram", async (_w, data, buf) => {
    using a = Socket.bind("127.0.0.1:0");
    using b = Socket.bind("127.0.0.1:0");
    await a.sendTo(data, b.localAddress, { signal: soon() });
    return (await b.receiveFrom({ buf, signal: soon() })).data;
  }, [data, [...ints(undefined), ...buffer.filter(({ name }) => name !== "undefined")]]),
  method("socket.shutdown", (w, how) => w.sockets[0].shutdown(how), [
    [
      ...ints(undefined, m.SHUT_RD, m.SHUT_WR, m.SHUT_RDWR),
      ...[5, "write", null, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
    ],
  ]),
  method("socket.close", (w, which) => w.sockets[which].close(), [ints(0, 1)]),
  method("socket.localAddress", (w) => [`${w.sockets[0].localAddress}`, `${w.sockets[0].remoteAddress}`], []),
  method("listener.accept", (w) => w.acceptor.accept({ signal: soon() }), [], disposes),
  method("listener.close", (w) => w.acceptor.close(), []),
  method("listener.address", (w) => `${w.acceptor.address}`, []),
];

/** Does a call and throws if what comes of it is neither a value nor a typed error. */
function perform(call: Call, specs: readonly Spec[], w: World): unknown {
  const text = `${call.name}(${specs.map(({ name }) => name).join(", ")})`;
  if (verbose) say(text);
  const args = specs.map((spec) => spec.make(w));
  const failed = (error: unknown) => {
    w.checkGuards(text);
    if (error instanceof LibcError) {
      if (typeof error.errno !== "number" || !error.code) throw new Error(`${text}: no code`, { cause: error });
      return;
    }
    if (error instanceof TypeError && specs.some((spec) => spec.typeError)) return;
    if (call.allows?.(error)) return;
    throw new Error(`${text} threw ${Deno.inspect(error)}`);
  };
  const succeeded = (result: unknown) => {
    w.checkGuards(text);
    if (result !== undefined) call.after?.(result, w);
    const taken = specs.findIndex((spec) => spec.bad);
    if (taken >= 0) throw new Error(`${text} took argument ${taken + 1} for a value, and gave ${Deno.inspect(result)}`);
  };
  let result: unknown;
  try {
    result = call.run(w, ...args);
  } catch (error) {
    return failed(error);
  }
  if (result instanceof Promise) return result.then(succeeded, failed);
  succeeded(result);
}

// ---------------------------------------------------------------------------------------------------------------
// Models: what the objects hold is what a few lines of JavaScript say they hold

/** Does something, and gives what came of it: a value, or the code of an error. */
function outcome(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    if (error instanceof LibcError) return error.code;
    throw error;
  }
}

const bytes = (maximum: number) => fc.uint8Array({ maxLength: maximum });

const segmentModel = fc.property(
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

const queueModel = fc.property(
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

const semaphoreModel = fc.property(
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

const side = fc.nat(1);
const streamModel = fc.property(
  fc.constantFrom(m.SOCK_STREAM as number, m.SOCK_DGRAM as number, m.SOCK_SEQPACKET as number),
  fc.array(
    fc.oneof(
      fc.record({ op: fc.constant("send" as const), side, data: bytes(50) }),
      fc.record({ op: fc.constant("recv" as const), side, length: fc.nat(60), peek: fc.boolean() }),
      fc.record({ op: fc.constantFrom("shut" as const, "close" as const), side }),
    ),
    { maxLength: 40 },
  ),
  (type, steps) => {
    const fds: [number, number] = m.socketpair(m.AF_UNIX, type | m.SOCK_NONBLOCK, 0);
    const stream = type === m.SOCK_STREAM;
    /** What waits to be read by each side; for a stream, byte by byte. */
    const waiting: [Uint8Array[], Uint8Array[]] = [[], []];
    const closed = [false, false];
    const shut = [false, false]; // for writing
    try {
      for (const step of steps) {
        const me = step.side;
        const peer = 1 - me;
        if (step.op === "close") {
          const result = outcome(() => m.close(fds[me]));
          assertEquals(result, closed[me] ? "EBADF" : undefined);
          // data that it had not read makes a reset for the other side, where the model ends
          if (!closed[me] && waiting[me].length > 0) return;
          closed[me] = true;
        } else if (closed[me]) {
          assertEquals(outcome(() => m.recv(fds[me], new Uint8Array(1), undefined, m.MSG_DONTWAIT)), "EBADF");
        } else if (step.op === "shut") {
          outcome(() => m.shutdown(fds[me], m.SHUT_WR));
          shut[me] = true;
        } else if (step.op === "send") {
          const result = outcome(() => m.send(fds[me], step.data, undefined, m.MSG_DONTWAIT));
          // it learns that the other one is gone, and forgets what that had sent
          if (closed[peer] && type === m.SOCK_DGRAM) waiting[me] = [];
          if (shut[me]) assertEquals(result, "EPIPE");
          else if (closed[peer]) {
            assertEquals(typeof result, stream && step.data.length === 0 ? typeof result : "string");
          } else {
            if (result === "EAGAIN") continue; // a datagram socket's queue holds ten or so
            assertEquals(result, step.data.length);
            if (stream) waiting[peer].push(...[...step.data].map((byte) => new Uint8Array([byte])));
            else waiting[peer].push(step.data.slice());
          }
        } else if (step.op === "recv") {
          const into = new Uint8Array(step.length);
          const flags = m.MSG_DONTWAIT | (step.peek ? m.MSG_PEEK : 0);
          const result = outcome(() => m.recv(fds[me], into, undefined, flags));
          if (waiting[me].length === 0) {
            const end = (closed[peer] || shut[peer]) && type !== m.SOCK_DGRAM;
            if (stream && step.length === 0) continue;
            assertEquals(result, end ? 0 : type === m.SOCK_DGRAM && (closed[peer] || shut[peer]) ? result : "EAGAIN");
          } else {
            const taken = stream ? waiting[me].slice(0, step.length) : [waiting[me][0].slice(0, step.length)];
            const expected = taken.flatMap((part) => [...part]);
            assertEquals([result, [...into.subarray(0, result as number)]], [expected.length, expected]);
            if (!step.peek) waiting[me].splice(0, stream ? expected.length : 1);
          }
        }
      }
    } finally {
      for (const at of [0, 1]) if (!closed[at]) ignore(() => m.close(fds[at]));
    }
  },
);

const descriptorModel = fc.property(
  fc.array(
    fc.oneof(
      fc.record({ op: fc.constant("pipe" as const) }),
      fc.record({ op: fc.constantFrom("close" as const, "read" as const), fd: fc.nat(11) }),
      fc.record({ op: fc.constant("write" as const), fd: fc.nat(11), data: bytes(30) }),
      fc.record({ op: fc.constant("dup2" as const), fd: fc.nat(11), to: fc.nat(11) }),
    ),
    { maxLength: 50 },
  ),
  (steps) => {
    const FIRST = 700; // and eleven more: numbers that nobody else has
    type End = { pipe: { held: number[] }; writes: boolean };
    const open = new Map<number, End>();
    const ends = (pipe: End["pipe"], writes: boolean) =>
      [...open.values()].filter((end) => end.pipe === pipe && end.writes === writes).length;
    try {
      for (const step of steps) {
        if (step.op === "pipe") {
          const [reader, writer]: [number, number] = m.pipe();
          const pipe = { held: [] };
          const places = Array.from({ length: 12 }, (_, i) => i).filter((i) => !open.has(i)).slice(0, 2);
          for (const [i, place] of places.entries()) {
            m.dup2([reader, writer][i], FIRST + place);
            open.set(place, { pipe, writes: i === 1 });
          }
          m.close(reader);
          m.close(writer);
        } else if (step.op === "close") {
          assertEquals(outcome(() => m.close(FIRST + step.fd)), open.delete(step.fd) ? undefined : "EBADF");
        } else if (step.op === "dup2") {
          const end = open.get(step.fd);
          assertEquals(outcome(() => m.dup2(FIRST + step.fd, FIRST + step.to)), end ? FIRST + step.to : "EBADF");
          if (end) open.set(step.to, end);
        } else if (step.op === "write") {
          const end = open.get(step.fd);
          const result = outcome(() => m.write(FIRST + step.fd, step.data));
          if (!end?.writes) assertEquals(result, "EBADF");
          else if (ends(end.pipe, false) === 0) assertEquals(result, step.data.length === 0 ? result : "EPIPE");
          else {
            assertEquals(result, step.data.length);
            end.pipe.held.push(...step.data);
          }
        } else {
          const end = open.get(step.fd);
          // it would wait for one who writes
          if (end && !end.writes && end.pipe.held.length === 0 && ends(end.pipe, true) > 0) continue;
          const into = new Uint8Array(20);
          const result = outcome(() => m.read(FIRST + step.fd, into));
          if (!end || end.writes) assertEquals(result, "EBADF");
          else assertEquals([...into.subarray(0, result as number)], end.pipe.held.splice(0, 20));
        }
      }
    } finally {
      for (const fd of open.keys()) m.close(FIRST + fd);
    }
  },
);

// ---------------------------------------------------------------------------------------------------------------
// Running them

/** Sequences of calls on the objects of one world. */
function sequences(calls: readonly Call[]): fc.IAsyncPropertyWithHooks<[{ call: Call; specs: Spec[] }[]]> {
  const named = (call: Call, specs: Spec[]) => ({
    call,
    specs,
    [fc.toStringMethod]: () => `${call.name}(${specs.map(({ name }) => name).join(", ")})`,
  });
  const spec = (list: readonly Spec[]) => {
    const plain = list.filter((spec) => !spec.bad);
    const wrong = list.filter((spec) => spec.bad);
    if (plain.length === 0) return fc.constantFrom(...wrong);
    if (wrong.length === 0) return fc.constantFrom(...plain);
    return fc.oneof({ arbitrary: fc.constantFrom(...plain), weight: 3 }, {
      arbitrary: fc.constantFrom(...wrong),
      weight: 1,
    });
  };
  const one = fc.constantFrom(...calls).chain((call) =>
    fc.tuple(...call.params.map(spec)).map((specs) => named(call, specs))
  );
  return fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 30 }), async (steps) => {
    using world = new World();
    for (const { call, specs } of steps) {
      const pending = perform(call, specs, world);
      if (pending instanceof Promise) await pending;
    }
  });
}

/**
 * V8 hands a native function its numbers without a look once the caller is hot, so every wrong argument comes once
 * more after thousands of right ones.
 */
async function hot(calls: readonly Call[], times: number, milliseconds: number): Promise<void> {
  for (const call of calls) {
    // the first of each is one that works
    const right = call.params.map((list) => list[0]);
    if (right.some((spec) => spec.bad || spec.name === "long") || right.length === 0) continue;
    if (verbose) say(`hot: ${call.name}`);
    using world = new World();
    const args = right.map((spec) => spec.make(world));
    const end = performance.now() + milliseconds;
    for (let i = 0; i < times && (i % 64 || performance.now() < end); i++) {
      try {
        const result = call.run(world, ...args);
        if (result instanceof Promise) await result;
        else if (result !== undefined) call.after?.(result, world);
      } catch (error) {
        if (!(error instanceof LibcError) && !call.allows?.(error)) throw error;
      }
    }
    for (const [at, list] of call.params.entries()) {
      for (const wrong of list.filter((spec) => spec.bad)) {
        using fresh = new World();
        await perform(call, right.with(at, wrong), fresh);
      }
    }
  }
}

// Deno opens a pair of sockets at the first, and keeps it
Deno.addSignalListener("SIGUSR2", () => {});

function descriptors(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
    try {
      return `${name} ${Deno.readLinkSync(`/proc/self/fd/${name}`)}`;
    } catch {
      return name; // that of reading the directory
    }
  });
}

const seed = Number(option("seed") ?? 4001);
const only = option("group");
const deadline = performance.now() + Number(option("seconds") ?? 0) * 1000;
const random = Deno.args.includes("--random");
const scale = Number(option("scale") ?? 1);

const groups: Record<string, (seed: number) => unknown> = {
  segment: (seed) => fc.assert(segmentModel, { seed, numRuns: 500 * scale }),
  queue: (seed) => fc.assert(queueModel, { seed, numRuns: 500 * scale }),
  semaphores: (seed) => fc.assert(semaphoreModel, { seed, numRuns: 500 * scale }),
  streams: (seed) => fc.assert(streamModel, { seed, numRuns: 1000 * scale }),
  descriptors: (seed) => fc.assert(descriptorModel, { seed, numRuns: 1000 * scale }),
  thin: (seed) => fc.assert(sequences(THIN), { seed, numRuns: 3000 * scale }),
  classes: (seed) => fc.assert(sequences(CLASSES), { seed, numRuns: 1000 * scale }),
  each: async () => {
    // every argument of every call once, with the others as they should be
    const failures: string[] = [];
    for (const call of [...THIN, ...CLASSES]) {
      const first = call.params.map((list) => list[0]);
      const variants = call.params.flatMap((list, at) => list.map((spec) => first.with(at, spec)));
      for (const specs of [first, ...variants]) {
        using world = new World();
        try {
          await perform(call, specs, world);
        } catch (error) {
          failures.push((error as Error).message.split("\n    at ")[0]);
        }
      }
    }
    if (failures.length > 0) throw new Error(failures.join("\n"));
  },
  hot: () => hot(THIN, 20_000 * scale, 100 * scale),
};

for (let round = 0; round === 0 || performance.now() < deadline; round++) {
  const now = random ? crypto.getRandomValues(new Int32Array(1))[0] : seed + round;
  for (const [name, run] of Object.entries(groups)) {
    if (only !== undefined && name !== only) continue;
    const start = performance.now();
    const open = descriptors();
    say(`${name}: seed ${now}`);
    try {
      await run(now);
      if (descriptors().length > open.length) {
        throw new Error(`descriptors are left open: ${descriptors().filter((fd) => !open.includes(fd)).join(", ")}`);
      }
    } catch (error) {
      say(`${name} failed with seed ${now}:\n${Deno.inspect(error)}`);
      Deno.exit(1);
    }
    if (verbose || Deno.args.includes("--times")) say(`${name}: ${Math.round(performance.now() - start)} ms`);
  }
}
// what the process started with is still there
const standard = new mod.pollfds([0, 0], [1, 0], [2, 0]);
m.poll(standard, 0);
if ([0, 1, 2].some((at) => standard[at].revents & mod.POLLNVAL)) {
  say("descriptor 0, 1 or 2 was closed");
  Deno.exit(1);
}
