/**
 * The objects that a run works on, all of them made for it, and buffers that nobody may write beside.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { directory, note, noteNothing } from "./_run.ts";
import { MessageQueue } from "../../ffi/objects/message_queue.ts";
import { SemaphoreSet } from "../../ffi/objects/semaphore_set.ts";
import { SharedMemory } from "../../ffi/objects/shared_memory.ts";
import { PosixMessageQueue } from "../../ffi/objects/posix_message_queue.ts";
import { type Listener, Socket } from "../../ffi/objects/socket.ts";

// deno-lint-ignore no-explicit-any -- the point is to pass what the types forbid
export const m: any = { ...mod };
for (const kind of ["shm", "msg", "sem"]) {
  const get = m[`${kind}get`];
  m[`${kind}get`] = (...args: unknown[]) => {
    const id = get(...args);
    note(kind, id);
    return id;
  };
}
export const { LibcError } = mod;

export const GUARD = 512; // bytes around each buffer, which no call may touch
const CANARY = 0xa5;

/** A range of a buffer that a call may write to, and the whole, of which it may touch nothing else. */
interface Guarded {
  readonly whole: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export const NOBODYS_KEY = 0x7d000000 | crypto.getRandomValues(new Uint32Array(1))[0] & 0xffffff;

/** The name of the POSIX queues that calls make. */
export const POSIX_NAME = `/ipc_playground_${NOBODYS_KEY}`;

/** A POSIX queue, whose name is free again: it goes with its descriptor, however this ends. */
function unnamed(): PosixMessageQueue {
  const queue = PosixMessageQueue.create(undefined, { maxMessages: 4, messageSize: 64 });
  queue.remove();
  return queue;
}

/** The same as a descriptor. */
function openUnnamed(): number {
  const attr = Object.assign(new mod.mq_attr(), { mq_maxmsg: 4, mq_msgsize: 64 });
  const name = `${POSIX_NAME}_${crypto.randomUUID()}`;
  const mqdes = m.mq_open(name, mod.O_RDWR | mod.O_CREAT | mod.O_EXCL | mod.O_NONBLOCK, 0o600, attr);
  m.mq_unlink(name);
  return mqdes;
}

function noted<T extends { id: number }>(kind: string, object: T): T {
  note(kind, object.id);
  return object;
}

/** The objects of one run, all of them made for it. */
export class World {
  readonly shmid: number = m.shmget(m.IPC_PRIVATE, 4097, 0o600);
  readonly shm: Uint8Array<ArrayBuffer> = m.shmat(this.shmid);
  readonly readOnly: mod.ReadOnlyMemory = m.shmat(this.shmid, null, m.SHM_RDONLY);
  readonly msqid: number = m.msgget(m.IPC_PRIVATE, 0o600);
  readonly semid: number = m.semget(m.IPC_PRIVATE, 3, 0o600);
  readonly pair: [number, number] = m.socketpair(m.AF_UNIX, m.SOCK_STREAM | m.SOCK_NONBLOCK, 0);
  readonly datagrams: [number, number] = m.socketpair(m.AF_UNIX, m.SOCK_DGRAM | m.SOCK_NONBLOCK, 0);
  readonly listener: number = m.socket(m.AF_INET, m.SOCK_STREAM | m.SOCK_NONBLOCK, 0);
  readonly mqdes: number = openUnnamed();
  readonly address: mod.sockaddr_in = m.sockaddr.parse("127.0.0.1:0");
  readonly removed: number = removedId();
  readonly mapping: Uint8Array<ArrayBuffer> = m.mmap(null, 8192, 3, m.MAP_SHARED | m.MAP_ANONYMOUS);
  readonly sem: mod.sem_t = new mod.sem_t(this.mapping, 0);
  readonly mutex: mod.pthread_mutex_t = new mod.pthread_mutex_t(this.mapping, 64);
  readonly cond: mod.pthread_cond_t = new mod.pthread_cond_t(this.mapping, 192);
  readonly segment: SharedMemory = noted("shm", SharedMemory.create(4097));
  readonly eventFd: mod.EventFd = mod.EventFd.create({ initial: 3 });
  readonly timerFd: mod.TimerFd = mod.TimerFd.every(0.001);
  readonly pipe: mod.Pipe = mod.Pipe.create();
  readonly fifo: mod.Fifo = mod.Fifo.create(`${directory}/fifo`, { exclusive: false });
  readonly memory: mod.PosixSharedMemory = mod.PosixSharedMemory.anonymous(4097);
  readonly mappedFile: mod.MappedFile = mod.MappedFile.open(`${directory}/mapped`, { size: 4097 });
  readonly queue: MessageQueue = noted("msg", MessageQueue.create());
  readonly set: SemaphoreSet = noted("sem", SemaphoreSet.create([1, 2, 3]));
  readonly posix: PosixMessageQueue = unnamed();
  readonly sockets: [Socket, Socket] = Socket.pair();
  readonly datagram: Socket = Socket.bind("127.0.0.1:0");
  readonly acceptor: Listener = Socket.listen("127.0.0.1:0");
  readonly fileLock: mod.FileLock = mod.FileLock.create(`${directory}/lock`);
  readonly mutexes: mod.Mutex = mod.Mutex.create(this.mapping, 1024);
  readonly posixSem: mod.PosixSemaphore = mod.PosixSemaphore.at(this.mapping, 1088, { value: 1 });
  readonly condition: mod.Condition = mod.Condition.create(this.mapping, 1152);
  readonly channelMemory: mod.PosixSharedMemory = mod.PosixSharedMemory.anonymous(mod.Channel.size(1024));
  readonly channel: mod.Channel = mod.Channel.create(this.channelMemory, { writers: "many", readers: "many" });
  readonly channelOfOne: mod.Channel = mod.Channel.create(this.mapping, { offset: 4096, capacity: 1024, spin: 0 });
  #lock: mod.MutexLock | null = this.mutexes.tryLock();
  #guarded: Guarded[] = [];
  #fds = new Set<number>();

  /** Those that are not disposed of yet. */
  static readonly live: Set<World> = new Set();

  constructor() {
    World.live.add(this);
    m.bind(this.listener, this.address);
    m.listen(this.listener, 5);
    m.getsockname(this.listener, this.address);
    m.send(this.pair[0], "x".repeat(400)); // something to read, more than the buffers have room for
    m.send(this.datagrams[0], "y".repeat(400));
    m.msgsnd(this.msqid, message(32), 32, m.IPC_NOWAIT);
    this.queue.trySend("z".repeat(40));
    m.mq_send(this.mqdes, "p".repeat(40));
    this.posix.trySend("q".repeat(40));
    for (const channel of [this.channel, this.channelOfOne]) channel.trySend("r".repeat(40));
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

  /** A socket of no connection. */
  newSocket(): number {
    const fd = m.socket(m.AF_INET, m.SOCK_STREAM | m.SOCK_NONBLOCK, 0);
    this.own(fd);
    return fd;
  }

  /** A lock of its mutex. */
  mutexLock(): mod.MutexLock | null {
    ignore(() => this.#lock = this.mutexes.tryLock() ?? this.#lock);
    return this.#lock;
  }

  /** Sees to it that its POSIX queue's calls do not wait, whatever a call has set. */
  doNotWait(): void {
    m.mq_setattr(this.mqdes, Object.assign(new mod.mq_attr(), { mq_flags: mod.O_NONBLOCK }));
  }

  /** Whether something is the world's own, and goes with it. */
  keeps(object: unknown): boolean {
    return [
      this.memory,
      this.eventFd,
      this.timerFd,
      this.pipe,
      this.pipe.reader,
      this.pipe.writer,
      this.fifo,
      this.mappedFile,
      this.segment,
      this.queue,
      this.set,
      this.posix,
      ...this.sockets,
      this.datagram,
      this.acceptor,
      this.channelMemory,
      this.channel,
      this.channelOfOne,
    ].includes(
      object as Socket,
    );
  }

  /** Its objects' ids. */
  get ids(): number[] {
    return [this.shmid, this.msqid, this.semid, this.segment.id, this.queue.id, this.set.id];
  }

  /** Removes what a call has made, unless it is the world's own. */
  remove(get: "shmget" | "msgget" | "semget", id: number): void {
    if (this.ids.includes(id)) return;
    ignore(() => get === "semget" ? m.semctl(id, 0, m.IPC_RMID) : m[`${get.slice(0, 3)}ctl`](id, m.IPC_RMID));
  }

  /** What was written where nothing may be written. */
  checkGuards(text: () => string): void {
    if (this.#guarded.length === 0) return;
    for (const { whole, start, end } of this.#guarded) {
      for (let at = 0; at < whole.length; at++) {
        if (at === start) at = end;
        if (at < whole.length && whole[at] !== CANARY) {
          throw new Error(`${text()} wrote to byte ${at} of a buffer of ${start} to ${end}`);
        }
      }
    }
    this.#guarded = [];
  }

  [Symbol.dispose](): void {
    World.live.delete(this);
    for (const channel of [this.channel, this.channelOfOne]) ignore(() => channel.close());
    for (const memory of [this.shm, this.readOnly]) ignore(() => m.shmdt(memory));
    ignore(() => m.pthread_mutex_unlock(this.mutex));
    ignore(() => this.#lock?.unlock());
    ignore(() => m.munmap(this.mapping));
    ignore(() => m.shmctl(this.shmid, m.IPC_RMID));
    ignore(() => m.msgctl(this.msqid, m.IPC_RMID));
    ignore(() => m.semctl(this.semid, 0, m.IPC_RMID));
    const objects = [this.segment, this.queue, this.set, this.posix, ...this.sockets, this.datagram, this.acceptor];
    for (
      const object of [
        ...objects,
        this.channelMemory,
        this.memory,
        this.mappedFile,
        this.eventFd,
        this.timerFd,
        this.pipe,
        this.fifo,
      ]
    ) {
      ignore(() => object[Symbol.dispose]());
    }
    // an IPC_SET may have taken it from the one who made it
    for (const object of [this.segment, this.queue, this.set]) ignore(() => object.remove());
    for (const fd of new Set([...this.pair, ...this.datagrams, this.listener, this.mqdes, ...this.#fds])) {
      ignore(() => m.close(fd));
    }
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
    if (World.live.size === 0) noteNothing();
  }
}

/** Does something that may have been done before. */
export function ignore(action: () => unknown): void {
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

export function message(size: number, type: number | bigint = 1): mod.msgbuf {
  const made = new mod.msgbuf(size);
  made.mtype = type;
  return made;
}

/** Does something, and gives what came of it: a value, or the code of an error. */
export function outcome(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    if (error instanceof LibcError) return error.code;
    throw error;
  }
}
