/**
 * Anything that a program can hand to a function: numbers of every kind, text, memory in every state, objects that lie
 * or throw, and what the library itself makes, used right or after its end.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { directory } from "./_run.ts";
import { GUARD, message, NOBODYS_KEY, POSIX_NAME, type World } from "./_world.ts";

// deno-lint-ignore no-explicit-any -- anything
type Anything = any;
type Random = (below: number) => number;

/** An argument. */
export interface Value {
  readonly name: string;
  make(w: World, random: Random): unknown;
}

/** What getters and traps of the pool throw. */
export class Mine extends Error {}
const fault = () => {
  throw new Mine("mine");
};

const value = (name: string, make: Value["make"]): Value => ({ name, make });
const fixed = (...list: unknown[]): Value[] => list.map((one) => value(Deno.inspect(one), () => one));

const NUMBERS = [
  ...fixed(-0, 0, 1, -1, 2, 3, 7, 8, 16, 255, 256, 4096, 4097, 0o600, 32767, 32768, 65535, 65536),
  ...fixed(NaN, Infinity, -Infinity, 0.5, -0.5, 1e-300, 5e-324, 1e300),
  ...[31, 32, 53, 62, 63, 64].flatMap((bits) =>
    [-1, 0, 1].flatMap((more) => [
      value(`2^${bits} + ${more}`, () => 2 ** bits + more),
      value(`-(2^${bits}) + ${more}`, () => -(2 ** bits) + more),
      value(`2n^${bits}n + ${more}n`, () => 2n ** BigInt(bits) + BigInt(more)),
      value(`-(2n^${bits}n) + ${more}n`, () => -(2n ** BigInt(bits)) + BigInt(more)),
    ])
  ),
  ...fixed(0n, 1n, -1n, 5n),
  value("1n << 2n^16n", () => 1n << 2n ** 16n),
];

const long = "x".repeat(5000);
const immense = "x".repeat(2 ** 24);
const TEXTS = [
  ...fixed("", "text", "世界", "\0", "a\0b", "5", "-0", " ", "/", ".", "/none/none", "constructor", "__proto__"),
  value("long", () => long),
  value("immense", (_w, random) => random(50) === 0 ? immense : long),
  value("lone surrogate", () => "\ud800"),
  value("cut surrogate", () => "x😀".slice(0, 2)),
  ...fixed("%d %s %c", "%*d", "%.*s", "%1000000000d", "%n%%", "%s%s%s%s"),
  ...fixed("127.0.0.1:0", "[::1]:0", "[fe80::1%lo]:9", "[::1%9]:9", "127.0.0.1:9", "@ipc_playground_none", ":", ":9"),
  value("socket", (_w, random) => `${directory}/socket${random(3)}`),
];

// lazily allocated, and never written to
let vast: Uint8Array | undefined;

class SubView extends Uint8Array<ArrayBuffer> {}
class OtherSpecies extends Uint8Array<ArrayBuffer> {
  static get [Symbol.species](): Anything {
    return Uint16Array;
  }
}

function detached(length: number): Uint8Array<ArrayBuffer> {
  const view = new Uint8Array(length);
  view.buffer.transfer();
  return view;
}

function outside(): Uint8Array<ArrayBuffer> {
  const buffer = new ArrayBuffer(64, { maxByteLength: 128 });
  const view = new Uint8Array(buffer, 32, 16);
  buffer.resize(40);
  return view;
}

const LIES: readonly (readonly [name: string, make: (w: World) => unknown])[] = [
  ["bytes", (w) => w.view(4)],
  ["bytes", () => null],
  ["bytes", () => new Proxy(new Uint8Array(300), {})],
  ["length", () => 300],
  ["length", () => -1],
  ["length", () => 2 ** 32 + 16],
  ["length", () => "16"],
  ["byteLength", () => 300],
  ["byteOffset", () => 300],
  ["buffer", () => new ArrayBuffer(300)],
  ["buffer", () => null],
  ["constructor", () => null],
  ["constructor", () => OtherSpecies],
  ["subarray", () => () => new Uint8Array(300)],
  ["slice", () => () => null],
  ["set", () => fault],
  ["fill", () => fault],
  ["indexOf", () => () => 300],
  ["toString", () => fault],
  ["valueOf", () => () => 5],
  ["mtext", () => new Uint8Array(300)],
  ["mtype", () => Symbol("mtype")],
  ["sin_addr", () => ({ s6_addr: new Uint8Array(0), bytes: new Uint8Array(0) })],
];

/** Has an object say what is not so. */
function lying(object: Anything, w: World, random: Random): Anything {
  if (typeof object !== "object" || object === null) return object;
  const times = 1 + random(3);
  for (let i = 0; i < times; i++) {
    const [name, make] = LIES[random(LIES.length)];
    let told = 0;
    const says = make(w);
    const descriptor = random(3) === 0
      ? { configurable: true, get: () => told++ === 0 ? 4 : says }
      : random(8) === 0
      ? { configurable: true, get: fault }
      : { configurable: true, writable: true, value: says };
    try {
      Object.defineProperty(object, name, descriptor);
    } catch { /* it is frozen, or a typed array's index */ }
  }
  return object;
}

const truths: Value[] = [
  value("view(16)", (w) => w.view(16)),
  value("view(0)", (w) => w.view(0)),
  value("view(1)", (w) => w.view(1)),
  value("view(4097)", (w) => w.view(4097)),
  value("view(700)", (w) => w.view(700)),
  value("text in memory", () => new TextEncoder().encode("text\0more")),
];
const VIEWS: Value[] = [
  ...truths,
  value("segment", (w) => w.shm),
  value("segment.subarray(1)", (w) => w.shm.length > 0 ? w.shm.subarray(1) : w.shm),
  value("read-only", (w) => w.readOnly),
  value("shared", (w) => w.view(16, new SharedArrayBuffer(16 + 2 * GUARD))),
  value("resizable", (w) => w.view(16, new ArrayBuffer(16 + 2 * GUARD, { maxByteLength: 4096 }))),
  value("out of bounds", outside),
  value("detached", () => detached(64)),
  value("lying view", (w, random) => lying(w.view(16), w, random)),
  value("subclass", (w) => {
    const { buffer, byteOffset, length } = w.view(16);
    return new SubView(buffer, byteOffset, length);
  }),
  value("of another species", (w) => {
    const { buffer, byteOffset, length } = w.view(16);
    return new OtherSpecies(buffer, byteOffset, length);
  }),
  value("without prototype", (w) => Object.setPrototypeOf(w.view(16), null)),
  value("vast", (w, random) => random(200) === 0 ? vast ??= new Uint8Array(2 ** 30) : w.view(16)),
];
const OTHER_VIEWS: Value[] = [
  value("Uint16Array(3)", (w) => new Uint16Array(w.view(6).buffer, GUARD, 3)),
  value("Uint16Array(1)", (w) => new Uint16Array(w.view(2).buffer, GUARD, 1)),
  value("lying Uint16Array", (w, random) => lying(new Uint16Array(w.view(2).buffer, GUARD, 1), w, random)),
  value("Int32Array", () => new Int32Array(4)),
  value("Float64Array", () => new Float64Array(4)),
  value("BigInt64Array", () => new BigInt64Array(4)),
  value("DataView", () => new DataView(new ArrayBuffer(16))),
  value("ArrayBuffer", () => new ArrayBuffer(16)),
  value("SharedArrayBuffer", () => new SharedArrayBuffer(16)),
  value("Proxy of a view", () => new Proxy(new Uint8Array(16), {})),
  value("no Uint8Array", () => Object.create(Uint8Array.prototype)),
];

const TRAPS = {
  get: fault,
  set: fault,
  has: fault,
  getPrototypeOf: fault,
  ownKeys: fault,
  getOwnPropertyDescriptor: fault,
};
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const ODD: Value[] = [
  ...fixed(undefined, null, true, false),
  value("Symbol()", () => Symbol("s")),
  value("Symbol.iterator", () => Symbol.iterator),
  value("{}", () => ({})),
  value("[]", () => []),
  value("without prototype", () => Object.create(null)),
  value("() => {}", () => () => {}),
  value("function that throws", () => fault),
  value("async function", () => async () => {}),
  value("class", () => class {}),
  value("promise", () => Promise.resolve(5)),
  value("new Number(5)", () => new Number(5)),
  value("new String('5')", () => new String("5")),
  value("{ valueOf }", () => ({ valueOf: () => 5, toString: () => "5" })),
  value("{ valueOf that throws }", () => ({ valueOf: fault, toString: fault, [Symbol.toPrimitive]: fault })),
  value("not to be shown", () => ({ [Symbol.for("Deno.customInspect")]: fault })),
  value("sparse", () => [, 1, , "x"]),
  value("long and sparse", () => new Array(2 ** 32 - 1)),
  value("[1, 2]", () => [1, 2]),
  value("[0, 1, 0]", () => [0, 1, 0]),
  value("['x']", () => ["x"]),
  value("[-0, NaN]", () => [-0, NaN]),
  value("{ length: 3 }", () => ({ length: 3 })),
  value("{ length: -1 }", () => ({ length: -1 })),
  value("arguments", () =>
    (function (..._args: unknown[]) {
      // deno-lint-ignore no-explicit-any -- an object like an array
      return arguments as any;
    })(1, 2)),
  value("iterator that throws", () => Object.assign([1, 2], { [Symbol.iterator]: fault })),
  value("Proxy of {}", () => new Proxy({}, {})),
  value("Proxy of []", () => new Proxy([1], {})),
  value("Proxy that throws", () => new Proxy({}, TRAPS)),
  value("Proxy of [] that throws", () => new Proxy([], TRAPS)),
  value("Proxy of a function", () => new Proxy(() => {}, TRAPS)),
  value("revoked Proxy", revoked),
  value("Date", () => new Date(NaN)),
  value("Map", () => new Map([[1, 2]])),
  value("RegExp", () => /x/g),
  value("Error", () => new Error("x")),
  value("LibcError", () => new mod.LibcError("shmget", 2)),
  value("AbortSignal", () => AbortSignal.timeout(1)),
  value("aborted", () => AbortSignal.abort()),
];

/** A number of the world's own: what most calls do something with. */
const IDS: Value[] = [
  value("shmid", (w) => w.shmid),
  value("msqid", (w) => w.msqid),
  value("semid", (w) => w.semid),
  value("removed id", (w) => w.removed),
  value("segment.id", (w) => w.segment.id),
  value("queue.id", (w) => w.queue.id),
  value("set.id", (w) => w.set.id),
];
const FDS: Value[] = [
  value("pair[0]", (w) => w.pair[0]),
  value("pair[1]", (w) => w.pair[1]),
  value("datagrams[0]", (w) => w.datagrams[0]),
  value("datagrams[1]", (w) => w.datagrams[1]),
  value("listener", (w) => w.listener),
  value("mqdes", (w) => w.mqdes),
  value("new socket", (w) => w.newSocket()),
  ...fixed(-1, 700, (1 << 20) + 1),
];

/** Classes that cannot simply be made, and how one comes by one of them. */
const SampleInner = mod.record({ flags: mod.u16, list: mod.array(mod.f32, 2) });
const Sample = mod.record({ id: mod.i32, n: mod.atomic(mod.u32), name: mod.char(6), inner: SampleInner }, {
  name: "Sample",
});
const MADE: readonly (readonly [of: unknown, make: (w: World, random: Random) => unknown])[] = [
  [mod.EventFd, (w) => w.eventFd],
  [mod.TimerFd, (w) => w.timerFd],
  [mod.Pipe, (w) => w.pipe],
  [mod.PipeReader, (w) => w.pipe.reader],
  [mod.PipeWriter, (w) => w.pipe.writer],
  [mod.PipeEnd, (w, random) => random(2) === 0 ? w.pipe.reader : w.pipe.writer],
  [mod.Fifo, (w) => w.fifo],
  [mod.SharedMemory, (w) => w.segment],
  [mod.PosixSharedMemory, (w) => w.memory],
  [mod.MappedFile, (w) => w.mappedFile],
  [mod.MappedMemory, (w, random) => [w.memory, w.mappedFile][random(2)]],
  [mod.MessageQueue, (w) => w.queue],
  [mod.SemaphoreSet, (w) => w.set],
  [mod.IpcObject, (w, random) => [w.segment, w.queue, w.set][random(3)]],
  [mod.Socket, (w, random) => random(3) === 0 ? w.datagram : w.sockets[random(2)]],
  [mod.Listener, (w) => w.acceptor],
  [mod.PosixMessageQueue, (w) => w.posix],
  [mod.PosixMessage, (_w, random) => new mod.PosixMessage(1, new Uint8Array(random(8)))],
  [mod.mq_attr, (_w, random) => attributes(random(3))],
  [mod.FileLock, (w) => w.fileLock],
  [mod.PosixSemaphore, (w) => w.posixSem],
  [mod.Mutex, (w) => w.mutexes],
  [mod.MutexLock, (w) => w.mutexLock()],
  [mod.Condition, (w) => w.condition],
  [mod.Channel, (w, random) => [w.channel, w.channelOfOne][random(2)]],
  [mod.ReadOnlyMemory, (w) => w.readOnly],
  [mod.sem_t, (w) => w.sem],
  [mod.pthread_mutex_t, (w) => w.mutex],
  [mod.pthread_cond_t, (w) => w.cond],
  [mod.Message, (_w, random) => new mod.Message(1, new Uint8Array(random(8)))],
  [mod.Field, (_w, random) => [mod.i32, mod.f64, mod.char(3), Sample][random(4)]],
  [mod.RecordType, () => Sample],
  [mod.LibcError, () => new mod.LibcError("shmget", 2)],
  [mod.Struct, () => new mod.timeval(1, 2)],
  [mod.sockaddr, (w, random) => addresses[random(addresses.length)](w)],
  [mod.msgbuf, (_w, random) => message([0, 1, 16, 700, 4096][random(5)])],
  [mod.sembuf, (_w, random) => operations[random(operations.length)]()],
  [mod.msghdr, (w, random) => messages[random(messages.length)](w)],
  [mod.epoll_events, () => new mod.epoll_events(2)],
  [mod.pollfds, (w) => new mod.pollfds([w.pair[0], mod.POLLIN], [-1, 0])],
  [mod.Process, () => ended],
  [mod.posix_spawn_file_actions_t, (_w, random) => fileActions[random(2)]()],
];
function attributes(much: number): mod.mq_attr {
  return Object.assign(new mod.mq_attr(), { mq_flags: mod.O_NONBLOCK, mq_maxmsg: 2 * much, mq_msgsize: 32 * much });
}
const operations = [
  () => new mod.sembuf([0, 1]),
  () => new mod.sembuf([0, -1, mod.IPC_NOWAIT]),
  () => new mod.sembuf([2, 0, mod.IPC_NOWAIT], [1, 1, mod.SEM_UNDO]),
  () => new mod.sembuf([9, 1]),
  () => new mod.sembuf(),
];
/** A child that has ended: a signal to it reaches nobody. */
const ended = mod.Process.spawn("true");
ended.statusSync();

const fileActions = [
  () => new mod.posix_spawn_file_actions_t(),
  () => {
    const actions = new mod.posix_spawn_file_actions_t();
    mod.posix_spawn_file_actions_init(actions);
    mod.posix_spawn_file_actions_addopen(actions, 5, "/dev/null", mod.O_RDONLY);
    return actions;
  },
];
const controlled = (cmsg_type: number, cmsg_data: mod.cmsghdr["cmsg_data"]) => {
  const msg = new mod.msghdr([new Uint8Array(3)]);
  msg.msg_control = [{ cmsg_level: mod.SOL_SOCKET, cmsg_type, cmsg_data }];
  return msg;
};
const messages: ((w: World) => unknown)[] = [
  (w) => new mod.msghdr([w.view(4), w.view(0), w.view(16)]),
  (w) => {
    const msg = new mod.msghdr([w.view(16)]);
    msg.msg_controllen = 100;
    msg.msg_name = new mod.sockaddr_un();
    return msg;
  },
  () => controlled(mod.SCM_RIGHTS, [0, 1]),
  () => controlled(mod.SCM_RIGHTS, [-1]),
  () => controlled(mod.SCM_CREDENTIALS, new mod.ucred(mod.getpid(), 0, 0)),
  () => new mod.msghdr(),
];
const addresses: ((w: World) => unknown)[] = [
  (w) => w.address,
  () => new mod.sockaddr_in(),
  () => new mod.sockaddr_in6(),
  () => new mod.sockaddr_un(),
  () => new mod.sockaddr_storage(),
  () => mod.sockaddr.parse("[::1]:9"),
  () => mod.sockaddr.parse(`@ipc_playground_${NOBODYS_KEY}`),
  () => mod.sockaddr.parse(`${directory}/none/socket`),
];

const subclasses = new Map<unknown, Anything>();

/** A class that a program derives, and that says what it likes of its memory. */
function subclassOf(of: Anything): Anything {
  let found = subclasses.get(of);
  if (!found) {
    found = class extends of {};
    Object.defineProperty(found.prototype, "bytes", { get: () => new Uint8Array(1) });
    subclasses.set(of, found);
  }
  return found;
}

/** An object of a class, right or after something was done to it. */
export function instanceOf(of: Anything, random: Random): Value {
  const known = MADE.find(([one]) => one === of);
  const make = known ? known[1] : () => new of();
  const struct = of === mod.Struct || of.prototype instanceof mod.Struct;
  switch (random(12)) {
    case 0:
      return value(`lying ${of.name}`, (w, random) => lying(make(w, random), w, random));
    case 1:
      if (struct) {
        return value(`transferred ${of.name}`, (w, random) => {
          const made = make(w, random) as mod.Struct;
          try {
            made.bytes.buffer.transfer();
          } catch { /* it lies, and is the world's own */ }
          return made;
        });
      }
      break;
    case 2:
      if (struct && !known) return value(`class extends ${of.name}`, () => new (subclassOf(of))());
      break;
    case 3:
      if (struct) {
        return value(`frozen ${of.name}`, (w, random) => {
          const made = make(w, random) as object;
          return made === w.address ? made : Object.freeze(made);
        });
      }
      break;
    case 4:
      if (struct) {
        return value(`${of.name} of another prototype`, (w, random) => {
          const made = make(w, random) as object;
          return made === w.address ? made : Object.setPrototypeOf(made, random(2) ? null : mod.rusage.prototype);
        });
      }
      break;
  }
  return value(of.name, make);
}

const STRUCTS = Object.values(mod).filter((one): one is Anything =>
  typeof one === "function" && one.prototype instanceof mod.Struct
);
const structure = value(
  "a structure",
  (w, random) => instanceOf(STRUCTS[random(STRUCTS.length)], random).make(w, random),
);
const OBJECTS: Value[] = [
  structure,
  structure,
  ...MADE.map(([of, make]) => value((of as { name: string }).name, make)),
  value("made to look like one", (_w, random) => Object.create(STRUCTS[random(STRUCTS.length)].prototype)),
];

const NAMES = [
  ..."shared signal type by undo timeout mode key exclusive readOnly except backlog reuseAddress buf uid gid max name"
    .split(
      " ",
    ),
  ..."record offset spin endless capacity writers readers".split(" "),
  ..."ai_flags ai_family ai_socktype ai_protocol".split(" "),
];

/** An object of options: right, wrong, and such as cannot be read. */
function optionsFor(w: World, random: Random): unknown {
  const options: Anything = random(8) === 0 ? Object.create(null) : {};
  if (random(2) === 0) options.signal = AbortSignal.timeout(1 + random(2));
  const count = random(4);
  for (let i = 0; i < count; i++) {
    const name = NAMES[random(NAMES.length)];
    const descriptor = random(12) === 0 ? { get: fault } : { value: values(name, random).make(w, random) };
    Object.defineProperty(options, name, { ...descriptor, enumerable: true, configurable: true });
  }
  return random(16) === 0 ? new Proxy(options, random(2) ? {} : TRAPS) : options;
}
const OPTIONS = [value("options", optionsFor), ...fixed(undefined), value("{ timeout: 1 }", () => ({ timeout: 1 }))];

/** Everything, whatever it is for. */
export const POOL: readonly Value[] = [
  ...NUMBERS,
  ...TEXTS,
  ...VIEWS,
  ...OTHER_VIEWS,
  ...ODD,
  ...IDS,
  ...FDS,
  ...OBJECTS,
  ...OPTIONS,
];

const CONSTANTS: Value[] = Object.entries(mod)
  .filter(([name, one]) => typeof one === "number" && /^[A-Z]/.test(name))
  .map(([name, one]) => value(name, () => one));
const named = (prefix: RegExp) => CONSTANTS.filter(({ name }) => prefix.test(name));
const sizes = fixed(0, 1, 2, 4, 16, 4096, undefined);
const counts = fixed(0, 1, 2, 3, undefined);
const structs = (...of: Anything[]) =>
  of.map((one) => value(one.name, (w, random) => instanceOf(one, random).make(w, random)));
const address = structs(mod.sockaddr);
const key = [...fixed(mod.IPC_PRIVATE, NOBODYS_KEY)];
const commands = named(/^(IPC_(STAT|SET|RMID|INFO)|(SHM|MSG|SEM)_(STAT|STAT_ANY|INFO)|GET|SET|SHM_(UN)?LOCK)/);

const FIELD_TYPES = [mod.i8, mod.u32, mod.i64, mod.f32, mod.bool, mod.char(3), Sample].map((field) =>
  value("a field", () => field)
);
const sampleView = (w: World) => Sample.at(w.view(64), 8);

/** What a parameter of a name is for. */
const MEANT: Readonly<Record<string, readonly Value[]>> = {
  shmid: IDS,
  msqid: IDS,
  semid: IDS,
  id: IDS,
  fd: FDS,
  sockfd: FDS,
  mqdes: [value("mqdes", (w) => w.mqdes), value("posix.fd", (w) => w.posix.fd), ...FDS],
  name: [value("queue's name", () => POSIX_NAME)],
  oflag: [value("to make", () => mod.O_RDWR | mod.O_CREAT | mod.O_NONBLOCK), ...named(/^O_/)],
  newattr: structs(mod.mq_attr),
  oldattr: structs(mod.mq_attr),
  msg_ptr: [...truths, ...TEXTS],
  msg_len: sizes,
  msg_prio: [value("Uint32Array(1)", (w) => new Uint32Array(w.view(4).buffer, GUARD, 1)), ...fixed(0, 1, 32767, null)],
  abs_timeout: fixed(0, 1, null),
  sevp: [...structs(mod.sigevent), ...fixed(null)],
  oldfd: FDS,
  newfd: fixed(700, 701),
  stream: [...FDS, ...fixed(1, 2)],
  key,
  cmd: [...commands, ...named(/^F_(DUP|GET|SET|OFD|ADD)/)],
  level: named(/^(SOL_|IPPROTO_)/),
  optname: named(/^(SO_|TCP_|IP_|IPV6_)/),
  domain: named(/^AF_/),
  type: [...named(/^SOCK_/), ...fixed(1, 2, 2n ** 62n)],
  how: named(/^SHUT_/),
  flags: [...named(/^(MSG_|SOCK_NON|O_)/), ...fixed(0)],
  msgflg: [...named(/^(IPC_NOWAIT|MSG_)/), ...fixed(mod.IPC_NOWAIT, mod.IPC_CREAT | 0o600)],
  shmflg: fixed(0, mod.SHM_RDONLY, mod.IPC_CREAT | 0o600),
  semflg: fixed(0, mod.IPC_CREAT | 0o600),
  shmaddr: [...fixed(null), value("attached", (w) => w.shm)],
  shm: [value("segment", (w) => w.shm), value("read-only", (w) => w.readOnly)],
  options: OPTIONS,
  hints: OPTIONS,
  changes: OPTIONS,
  signal: [value("soon", () => AbortSignal.timeout(1)), value("aborted", () => AbortSignal.abort())],
  addr: address,
  src_addr: address,
  dest_addr: address,
  address: [...address, ...TEXTS],
  buf: [...truths, ...structs(mod.shmid_ds, mod.msqid_ds, mod.semid_ds, mod.shminfo, mod.msginfo)],
  arg: [...structs(mod.semid_ds, mod.seminfo, mod.struct_flock), ...OTHER_VIEWS.slice(0, 2), ...fixed(1)],
  msgp: structs(mod.msgbuf),
  sops: structs(mod.sembuf),
  ops: structs(mod.sembuf),
  fds: [...structs(mod.pollfds), ...fixed([0], [0, 1, 2], [], [-1])],
  msg: structs(mod.msghdr),
  msg_iov: [value("[view(4)]", (w) => [w.view(4)]), ...fixed([])],
  ifname: fixed("lo", "nosuchif"),
  ifindex: fixed(1, 0),
  wstatus: structs(mod.WaitStatus),
  infop: structs(mod.siginfo_t),
  file_actions: structs(mod.posix_spawn_file_actions_t),
  attr: structs(mod.mq_attr, mod.posix_spawnattr_t),
  attrp: structs(mod.posix_spawnattr_t),
  sigdefault: structs(mod.sigset_t),
  sigmask: structs(mod.sigset_t),
  fildes: [...FDS, ...fixed(0, 5)],
  newfildes: [...FDS, ...fixed(0, 5)],
  idtype: named(/^P_/),
  pidfd: FDS,
  option: named(/^PR_/),
  iov: [value("[view]", (w) => [w.view(16)]), value("[segment, detached]", (w) => [w.shm, detached(8)])],
  local_iov: [value("[view]", (w) => [w.view(16), w.view(1)])],
  remote_iov: [value("[[0x1000, 4]]", () => [[0x1000, 4], [2n ** 64n - 1n, 2 ** 62]])],
  used: structs(mod.rusage),
  usage: structs(mod.rusage),
  who: named(/^RUSAGE_/),
  resource: named(/^RLIMIT_/),
  rlim: structs(mod.rlimit),
  statbuf: structs(mod.struct_stat),
  operation: named(/^LOCK_/),
  whence: named(/^SEEK_/),
  path: TEXTS,
  nfds: fixed(0, 1, 64, 1024),
  readfds: [...structs(mod.fd_set), ...fixed(null)],
  writefds: [...structs(mod.fd_set), ...fixed(null)],
  exceptfds: [...structs(mod.fd_set), ...fixed(null)],
  optval: [...structs(mod.timeval, mod.linger, mod.ucred), ...fixed(1, true), ...truths],
  dest: truths,
  src: [...truths, ...TEXTS],
  s: [...truths, ...TEXTS],
  str: truths,
  data: [...truths, ...TEXTS],
  bytes: truths,
  template: TEXTS,
  args: [...NUMBERS, ...TEXTS, ...truths],
  text: TEXTS,
  pathname: [...TEXTS, value("/proc/self/status", () => "/proc/self/status")],
  argv: fixed(["x"], []),
  envp: fixed(["A=B"], []),
  n: counts,
  count: sizes,
  size: sizes,
  len: sizes,
  length: sizes,
  msgsz: sizes,
  offset: counts,
  index: counts,
  timeout: fixed(0, 0.001, 1, -0),
  mode: fixed(0o600, 0o777, 0, undefined),
  values: [value("[1, 2, 3]", () => [1, 2, 3]), value("[0, 32767, 1]", () => [0, 32767, 1])],
  semaphores: [...fixed(1, 3), value("[1, 2]", () => [1, 2])],
  nsems: counts,
  semnum: counts,
  command: fixed("/none/none", "/", ""),
  pid: [value("own pid", () => mod.getpid()), ...fixed(-1, 2 ** 31 - 1)],
  sig: [...named(/^SIG/), ...fixed(0, 64)],
  set: structs(mod.sigset_t),
  oldset: structs(mod.sigset_t),
  mask: [...structs(mod.sigset_t), ...fixed(0, 0o22, 0o777)],
  info: structs(mod.siginfo_t),
  act: structs(mod.struct_sigaction),
  oldact: structs(mod.struct_sigaction),
  epfd: [
    value("epoll", (w) => {
      const fd = mod.epoll_create1();
      w.own(fd);
      return fd;
    }),
    ...FDS,
  ],
  op: fixed(1, 2, 3),
  events: structs(mod.epoll_events),
  maxevents: fixed(1, 4, 4096),
  clockid: named(/^CLOCK_/),
  which: named(/^ITIMER_/),
  new_value: structs(mod.itimerspec, mod.itimerval),
  old_value: structs(mod.itimerspec, mod.itimerval),
  curr_value: structs(mod.itimerspec, mod.itimerval),
  initval: counts,
  handler: [...fixed(mod.SIG_DFL, mod.SIG_IGN), value("handler", () => () => {})],
  listener: [value("listener", () => () => {})],
  event: [value("event", () => ({ t: 1, pid: 7, ev: "end", status: 0 })), ...structs(mod.epoll_event)],
  error: [value("LibcError", () => new mod.LibcError("shmget", 2))],
  memory: [
    ...truths,
    value("segment", (w) => w.shm),
    value("SharedMemory", (w) => w.segment),
    value("sample", sampleView),
  ],
  view: [value("sample", sampleView)],
  value: [value("sample's", () => ({ id: 1, n: 2, name: "x", inner: { flags: 1, list: [1, 2] } })), ...fixed(1)],
  fields: [value("fields", () => ({ id: mod.i32, inner: SampleInner })), ...FIELD_TYPES],
  kind: FIELD_TYPES,
  storage: FIELD_TYPES,
  language: fixed("c", "python", "rust"),
  field: fixed("n", "id", "inner"),
  where: [
    value("mapping", (w) => w.mapping),
    value("channel's memory", (w) => w.channelMemory),
    value("SharedMemory", (w) => w.segment),
  ],
  message: [...truths, ...TEXTS],
  buffer: truths,
  capacity: fixed(64, 128, 1024, undefined),
  record: [value("Sample", () => Sample), ...fixed(undefined)],
  spin: fixed(0, 10, undefined),
  writers: fixed("one", "many"),
  readers: fixed("one", "many"),
};

/** A value for a parameter: mostly what it is for, if its name says so, and else anything. */
export function values(name: string, random: Random): Value {
  const meant = MEANT[name];
  if (meant !== undefined && meant.length > 0 && random(3) > 0) return meant[random(meant.length)];
  return POOL[random(POOL.length)];
}
