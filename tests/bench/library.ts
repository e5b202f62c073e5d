/**
 * The measured loops by this library, and by the bare symbols of `Deno.dlopen` that it is built on.
 *
 * Each loop is a function that is run many times, as V8 optimizes those.
 *
 * @module
 */
import {
  _exit,
  AF_UNIX,
  Channel,
  close,
  f64,
  fork,
  getppid,
  i32,
  IPC_PRIVATE,
  IPC_RMID,
  MessageQueue,
  msgbuf,
  msgctl,
  msgget,
  msgrcv,
  msgsnd,
  pipe,
  PosixSharedMemory,
  read,
  record,
  rusage,
  sembuf,
  semctl,
  semget,
  semop,
  SharedMemory,
  SIG_IGN,
  SIGINT,
  signal,
  SOCK_STREAM,
  Socket,
  socketpair,
  trace,
  u16,
  wait3,
  WaitStatus,
  write,
} from "../../mod.ts";
import { type Job, now, partnerCpu, pin, serve } from "./peers.ts";

const LARGEST = 1 << 20;
const LINE = 64; // words: the two sides' counters don't share a cache line

signal(SIGINT, SIG_IGN); // the end of standard input ends it, so that nothing is left behind

const bare = Deno.dlopen("libc.so.6", {
  getppid: { parameters: [], result: "i32" },
  msgsnd: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  msgrcv: { parameters: ["i32", "buffer", "usize", "i64", "i32"], result: "i32" },
  semop: { parameters: ["i32", "buffer", "usize"], result: "i32" },
}).symbols;

const queue = msgget(IPC_PRIVATE, 0o600);
const back = msgget(IPC_PRIVATE, 0o600);
const objects = MessageQueue.create();
const answers = MessageQueue.create();
const set = semget(IPC_PRIVATE, 1, 0o600);
const P = new sembuf([0, -1, 0]);
const V = new sembuf([0, 1, 0]);
const messages = new Map<number, msgbuf>();

function message(size: number): msgbuf {
  const found = messages.get(size);
  if (found) return found;
  const made = new msgbuf(size);
  made.mtype = 1;
  messages.set(size, made);
  return made;
}

let segment: SharedMemory | undefined;

/** A segment that goes with the last process that has it attached. */
function shared(): SharedMemory {
  if (segment) return segment;
  segment = SharedMemory.create(2 * LARGEST + 4096);
  segment.remove();
  return segment;
}

const bytes = new Uint8Array(LARGEST).fill(1);
const heap: unknown[] = [];

/** Reads and writes three fields of one record a thousand times. */
function stay(point: typeof pointViews[number]): void {
  let found = 0;
  for (let i = 0; i < 1000; i++) {
    point.id = i;
    found = 0.5 * (found + point.value) + point.id + point.flags;
    point.value = found;
  }
  sum += found;
}

function stayByHand(view: DataView): void {
  let found = 0;
  for (let i = 0; i < 1000; i++) {
    view.setInt32(96, i, true);
    found = 0.5 * (found + view.getFloat64(104, true)) + view.getInt32(96, true) + view.getUint16(112, true);
    view.setFloat64(104, found, true);
  }
  sum += found;
}

/** Reads and writes three fields of each of a thousand records. */
function sweep(list: typeof pointLists[number]): void {
  let found = 0;
  const cursor = list.cursor();
  for (let i = 0; i < 1000; i++) {
    const point = cursor.get(i);
    found += point.id + point.value;
    point.value += 1;
    point.flags = i & 255;
  }
  sum += found;
}

function sweepByHand(view: DataView): void {
  let found = 0;
  for (let i = 0; i < 1000; i++) {
    const at = i * 32;
    found += view.getInt32(at, true) + view.getFloat64(at + 8, true);
    view.setFloat64(at + 8, view.getFloat64(at + 8, true) + 1, true);
    view.setUint16(at + 16, i & 255, true);
  }
  sum += found;
}

const Point = record({ id: i32, value: f64, flags: u16 }, { name: "Point", size: 32 });
// of two, as V8 would make the address of a single one part of the code
const pointBytes = [0, 1].map(() => new Uint8Array(1000 * Point.size));
const pointLists = pointBytes.map((bytes) => Point.arrayAt(bytes));
const pointViews = pointBytes.map((bytes) => Point.at(bytes, 3 * Point.size));
const dataViews = pointBytes.map(({ buffer }) => new DataView(buffer));
let side = 0;
let sum = 0; // so that nothing is left out

const jobs: Record<string, Job> = {
  record(_size, n) {
    const view = pointViews[side++ & 1];
    const start = now();
    for (let i = 0; i < n; i++) stay(view);
    return now() - start;
  },
  "record-dataview"(_size, n) {
    const view = dataViews[side++ & 1];
    const start = now();
    for (let i = 0; i < n; i++) stayByHand(view);
    return now() - start;
  },
  records(_size, n) {
    const list = pointLists[side++ & 1];
    const start = now();
    for (let i = 0; i < n; i++) sweep(list);
    return now() - start;
  },
  "records-dataview"(_size, n) {
    const view = dataViews[side++ & 1];
    const start = now();
    for (let i = 0; i < n; i++) sweepByHand(view);
    return now() - start;
  },
  queue(size, n) {
    const buf = message(size);
    const start = now();
    for (let i = 0; i < n; i++) {
      msgsnd(queue, buf, size, 0);
      msgrcv(queue, buf, size, 1, 0);
    }
    return now() - start;
  },
  "queue-bare"(size, n) {
    const buf = message(size).bytes;
    const length = BigInt(size);
    const start = now();
    for (let i = 0; i < n; i++) {
      if (bare.msgsnd(queue, buf, length, 0) < 0) throw new Error("msgsnd");
      if (bare.msgrcv(queue, buf, length, 1n, 0) < 0) throw new Error("msgrcv");
    }
    return now() - start;
  },
  object(size, n) {
    const data = bytes.subarray(0, size);
    const start = now();
    for (let i = 0; i < n; i++) {
      objects.sendSync(data);
      objects.receiveSync();
    }
    return now() - start;
  },
  getppid(_size, n) {
    const start = now();
    for (let i = 0; i < n; i++) getppid();
    return now() - start;
  },
  "getppid-bare"(_size, n) {
    const start = now();
    for (let i = 0; i < n; i++) bare.getppid();
    return now() - start;
  },
  "getppid-traced"(_size, n) {
    using _ = trace(() => {});
    const start = now();
    for (let i = 0; i < n; i++) getppid();
    return now() - start;
  },
  semop(_size, n) {
    const start = now();
    for (let i = 0; i < n; i++) {
      semop(set, V);
      semop(set, P);
    }
    return now() - start;
  },
  "semop-bare"(_size, n) {
    const [up, down] = [V.bytes, P.bytes];
    const start = now();
    for (let i = 0; i < n; i++) {
      if (bare.semop(set, up, 1n) < 0) throw new Error("semop");
      if (bare.semop(set, down, 1n) < 0) throw new Error("semop");
    }
    return now() - start;
  },
  "copy-in"(size, n) {
    const from = bytes.subarray(0, size);
    const to = shared();
    const start = now();
    for (let i = 0; i < n; i++) to.write(from);
    return now() - start;
  },
  "copy-out"(size, n) {
    const from = shared().bytes.subarray(0, size);
    const start = now();
    for (let i = 0; i < n; i++) bytes.set(from);
    return now() - start;
  },
  "copy-new"(size, n) {
    const from = shared();
    const start = now();
    for (let i = 0; i < n; i++) from.read(0, size);
    return now() - start;
  },
  fork(size, n) {
    // MiB of live objects: about 1000 bytes each
    while (heap.length < size * 1024) heap.push(Array.from({ length: 120 }, (_, i) => i + 0.5));
    const wstat = new WaitStatus();
    const used = new rusage();
    const start = now();
    for (let i = 0; i < n; i++) {
      if (fork() === 0) _exit(0);
      wait3(wstat, 0, used);
    }
    return now() - start;
  },
  // not a time: how many pages each child has to get of its own
  faults(_size, n) {
    const used = new rusage();
    let sum = 0;
    for (let i = 0; i < n; i++) {
      if (fork() === 0) _exit(0);
      wait3(null, 0, used);
      sum += used.ru_minflt;
    }
    return sum / n;
  },
};

// ---- two processes: the partner sends back what it gets ----

interface Exchange {
  ping(size: number, n: number): void;
  pong(size: number, n: number): void;
}

let peer: Socket;
let end: number; // the descriptor of another pair of sockets, which block
let turn = 0; // goes on from round to round, as the counters do

const exchanges: Record<string, (words: Int32Array, memory: Uint8Array) => Exchange> = {
  volley: (words) => ({
    ping(_size, n) {
      for (let i = 0; i < n; i++) {
        turn++;
        Atomics.store(words, 0, turn);
        while (Atomics.load(words, LINE) !== turn);
      }
    },
    pong(_size, n) {
      for (let i = 0; i < n; i++) {
        turn++;
        while (Atomics.load(words, 0) !== turn);
        Atomics.store(words, LINE, turn);
      }
    },
  }),
  segment: (words, memory) => ({
    ping(size, n) {
      const [mine, there, back] = views(memory, size);
      for (let i = 0; i < n; i++) {
        turn++;
        there.set(mine);
        Atomics.store(words, 0, turn);
        while (Atomics.load(words, LINE) !== turn);
        mine.set(back);
      }
    },
    pong(size, n) {
      const [mine, there, back] = views(memory, size);
      for (let i = 0; i < n; i++) {
        turn++;
        while (Atomics.load(words, 0) !== turn);
        mine.set(there);
        back.set(mine);
        Atomics.store(words, LINE, turn);
      }
    },
  }),
  channel: () => {
    // one way: the answer is only that all have come
    const { there, back } = channels();
    const stop = new Uint8Array(1);
    return {
      ping(size, n) {
        const data = bytes.subarray(0, size);
        for (let i = 0; i < n; i++) there.sendSync(data);
        back.receiveIntoSync(stop);
      },
      pong(size, n) {
        const data = bytes.subarray(0, size);
        for (const part of [1, n - 1]) {
          for (let i = 0; i < part; i++) there.receiveIntoSync(data);
          back.sendSync(stop);
        }
      },
    };
  },
  "channel-asleep": () => {
    const { there, back } = channels(0);
    return {
      ping(size, n) {
        const data = bytes.subarray(0, size);
        for (let i = 0; i < n; i++) {
          there.sendSync(data);
          back.receiveIntoSync(data);
        }
      },
      pong(size, n) {
        const data = bytes.subarray(0, size);
        for (let i = 0; i < n; i++) {
          there.receiveIntoSync(data);
          back.sendSync(data);
        }
      },
    };
  },
  queues: () => ({
    ping(size, n) {
      const buf = message(size);
      for (let i = 0; i < n; i++) {
        msgsnd(queue, buf, size, 0);
        msgrcv(back, buf, size, 0, 0);
      }
    },
    pong(size, n) {
      const buf = message(size);
      for (let i = 0; i < n; i++) {
        msgrcv(queue, buf, size, 0, 0);
        msgsnd(back, buf, size, 0);
      }
    },
  }),
  "queues-class": () => ({
    ping(size, n) {
      const data = bytes.subarray(0, size);
      for (let i = 0; i < n; i++) {
        objects.sendSync(data);
        answers.receiveSync();
      }
    },
    pong(_size, n) {
      for (let i = 0; i < n; i++) answers.sendSync(objects.receiveSync().data);
    },
  }),
  socket: () => ({
    ping(size, n) {
      const data = bytes.subarray(0, size);
      for (let i = 0; i < n; i++) {
        writeAll(data);
        readAll(size);
      }
    },
    pong(size, n) {
      const data = bytes.subarray(0, size);
      for (let i = 0; i < n; i++) {
        readAll(size);
        writeAll(data);
      }
    },
  }),
  "socket-class": () => ({
    ping(size, n) {
      const data = bytes.subarray(0, size);
      for (let i = 0; i < n; i++) {
        peer.writeSync(data);
        receive(size);
      }
    },
    pong(size, n) {
      const data = bytes.subarray(0, size);
      for (let i = 0; i < n; i++) {
        receive(size);
        peer.writeSync(data);
      }
    },
  }),
};

/** Two channels, one each way, in memory that a forked child shares. */
function channels(spin?: number): { there: Channel; back: Channel } {
  const make = () => Channel.create(PosixSharedMemory.anonymous(Channel.size(1 << 16)), { spin });
  return { there: make(), back: make() };
}

function writeAll(data: Uint8Array<ArrayBuffer>): void {
  let sent = write(end, data);
  while (sent < data.length) sent += write(end, data.subarray(sent));
}

function readAll(size: number): void {
  let got = read(end, bytes, size);
  while (got < size) got += read(end, bytes.subarray(got, size));
}

function views(memory: Uint8Array, size: number): [mine: Uint8Array, there: Uint8Array, back: Uint8Array] {
  return [bytes.subarray(0, size), memory.subarray(0, size), memory.subarray(LARGEST, LARGEST + size)];
}

function receive(size: number): void {
  for (let at = 0; at < size;) at += peer.readSync(bytes.subarray(at, size)) ?? 0;
}

let last = "";
let control = -1;
let exchange: Exchange;

function startPartner(name: string): void {
  if (control >= 0) {
    close(control); // which ends the one before
    close(end);
    peer.close();
  }
  last = name;
  const memory = shared().bytes;
  const words = new Int32Array(memory.buffer, 2 * LARGEST, 1024);
  words.fill(0);
  turn = 0;
  exchange = exchanges[name](words, memory);
  const [ours, theirs] = Socket.pair();
  const [ourEnd, theirEnd] = socketpair(AF_UNIX, SOCK_STREAM, 0);
  const [orders, writer] = pipe();
  if (fork() === 0) {
    close(writer); // or it would never see the end
    close(ourEnd);
    ours.close();
    pin(partnerCpu);
    peer = theirs;
    end = theirEnd;
    const order = new Float64Array(2);
    while (read(orders, new Uint8Array(order.buffer)) === 16) exchange.pong(order[0], order[1]);
    _exit(0);
  }
  close(orders);
  close(theirEnd);
  theirs.close();
  control = writer;
  peer = ours;
  end = ourEnd;
}

for (const name of Object.keys(exchanges)) {
  jobs[name] = (size, n) => {
    if (last !== name) startPartner(name);
    write(control, new Uint8Array(new Float64Array([size, n + 1]).buffer));
    exchange.ping(size, 1); // the partner is awake now
    const start = now();
    exchange.ping(size, n);
    return now() - start;
  };
}

await serve(jobs);
msgctl(queue, IPC_RMID);
msgctl(back, IPC_RMID);
semctl(set, 0, IPC_RMID);
objects.remove();
answers.remove();
