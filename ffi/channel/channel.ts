/**
 * Channels: messages between processes through shared memory.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { futex, FUTEX_WAIT, FUTEX_WAKE, futexWaitOrNot } from "../libc/linux/futex.ts";
import {
  EOWNERDEAD,
  pthread_mutex_consistent,
  pthread_mutex_t,
  pthread_mutex_timedlock,
  pthread_mutex_trylockOrNot,
  pthread_mutex_unlock,
} from "../libc/pthread.ts";
import { byteLengthOf, isBytes, plain } from "../native/bytes.ts";
import { shown } from "../native/check.ts";
import { beforeExit, generation } from "../native/child.ts";
import { copied, isMemory, lengthOf, type Memory, partOf } from "../native/memory.ts";
import { type Field, tracing } from "../native/observer.ts";
import { known, optionsOf } from "../native/options.ts";
import { keyOf, memoryFor, type SharedPlace, stay, waitForWord } from "../objects/_cells.ts";
import { isCode, waitOptionsOf } from "../objects/_common.ts";
import { wait } from "../objects/_line.ts";
import { removeMade } from "../objects/_made.ts";
import { Mutex } from "../objects/mutex.ts";
import { lookAtOther } from "../objects/_reactor.ts";
import { BUSY, type Deadline, deadline, sleepSync } from "../objects/_time.ts";
import type { WaitOptions, WaitSyncOptions } from "../objects/options.ts";
import { PosixSharedMemory } from "../objects/posix_shared_memory.ts";
import { fieldOfRecord, type RecordType } from "../records/record.ts";
import type { Fields, FieldValues } from "../records/types.ts";
import { Header, MOST, READER, WRITER } from "./layout.ts";
import { Parties, type Role } from "./parties.ts";
import { checkCapacity, type Kind, NOTHING, Ring } from "./ring.ts";
import { type ChannelState, kindOf, stateOf } from "./state.ts";
export type { ChannelState } from "./state.ts";

/** How {@linkcode Channel.open} takes one that is there. */
export interface ChannelOptions<F extends Fields = Fields> {
  /** What the messages are: then they are its values. Bytes unless given. */
  record?: RecordType<F>;
  /** Where in the memory the channel begins, in bytes: a multiple of 64; 0 unless given. */
  offset?: number;
  /**
   * How many microseconds a method that ends in `Sync` looks for itself before it sleeps in the kernel, while nothing else can
   * run on its processor: 50 unless given, 0 where there is only one processor. Looks that were in vain become rarer.
   */
  spin?: number;
  /**
   * Whether this handle waits on when all others have gone, as a server does whose clients come and go: then `receive` never gives
   * `null`, and `send` never fails with `EPIPE`. Not unless given.
   */
  endless?: boolean;
}

/** How {@linkcode Channel.create} makes one. */
export interface ChannelCreateOptions<F extends Fields = Fields> extends ChannelOptions<F> {
  /** The ring's size in bytes, a power of two; 65,536 unless given, or as much as fits into the memory that was given. */
  capacity?: number;
  /** Whether one process writes at a time (unless given), or many do. */
  writers?: "one" | "many";
  /** Whether one process reads at a time (unless given), or many do: each message goes to one of them. */
  readers?: "one" | "many";
  /** Who may use it if it is made by name, as in `chmod(1)`, less the umask; by default only its owner, `0o600`. */
  mode?: number;
  /** With a name: fail with `EEXIST` if there is one already (the default); `false` takes that one, as it is. */
  exclusive?: boolean;
}

const OPEN = known<ChannelOptions>(({ record, offset, spin, endless }) => ({ record, offset, spin, endless }));
const CREATE = known<ChannelCreateOptions>((
  { record, offset, spin, endless, capacity, writers, readers, mode, exclusive },
) => ({ record, offset, spin, endless, capacity, writers, readers, mode, exclusive }));
const WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const WAIT_SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));

const DEFAULT_CAPACITY = 1 << 16;
const DEFAULT_SPIN = 50; // microseconds
const LINE = 64;
const EVERYBODY = 0x7fff_ffff;
// who waits looks after the others so often, in milliseconds
const TICK = 100;
const TICK_TIME = new BigInt64Array([0n, BigInt(TICK) * 1_000_000n]);
// how long others may have the lock before a wait is a wait for it, in seconds: it is held for no more than a copy takes
const LOCK_TIME = 0.01;
const LOOKS = 200;
// what no position ever is, as they are multiples of 8: who waits for this one to move is back at once
const UNSEEN = 1;

const encoder = new TextEncoder();
const now = performance.now.bind(performance);
const { compareExchange, exchange, load, store } = Atomics;

/**
 * Whether the others sleep, right after a position was stored, which they look at after they have said so. On x86-64 a store of
 * `Atomics` lets no later load pass it, so that a plain one will do, which takes a tenth of the time.
 */
const sleeping: (words: Int32Array, index: number) => number = Deno.build.arch === "x86_64"
  ? (words, index) => words[index]
  : load;

/** One side of a channel, as this handle has it. */
interface Side {
  readonly role: Role;
  readonly other: Role;
  readonly syscall: string;
  /** Its lock, if there may be many. */
  readonly lock: pthread_mutex_t | undefined;
  /** The other side's position, which this one waits for, as an index and as an array that begins there. */
  readonly index: number;
  readonly word: Int32Array<ArrayBuffer>;
  /** Where this side says that it sleeps, and where the other one does. */
  readonly sleeps: number;
  readonly othersSleep: number;
  /** This side's position. */
  readonly own: Int32Array<ArrayBuffer>;
  /** Its place among those who take part; -1 before the first message. */
  place: number;
  /** What the other side's position was before the last attempt. */
  seen: number;
  /** The last attempt failed for the lock. */
  contended: boolean;
  /** When it was looked last whether the others live. */
  looked: number;
  /** How many wait on the event loop. */
  waiting: number;
  // spinning: how often in vain in a row, and how many waits are to go without
  vain: number;
  without: number;
}

/** Who has joined, and has to leave when the program ends. */
const joined = new Set<() => void>();

function leaveAll(): void {
  for (const leave of joined) leave();
}

function remember(leave: () => void): void {
  if (joined.size === 0) {
    beforeExit.add(leaveAll);
    globalThis.addEventListener("unload", leaveAll);
  }
  joined.add(leave);
}

function checkOffset(offset: number, syscall: string): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && offset % LINE === 0) return;
  throw new LibcError(syscall, "EINVAL", `offset must be a multiple of ${LINE}, got ${shown(offset)}`);
}

function checkSpin(spin: number, syscall: string): void {
  if (typeof spin === "number" && spin >= 0 && spin <= 1e6) return;
  throw new LibcError(syscall, "EINVAL", `spin must be 0 to 1000000 microseconds, got ${shown(spin)}`);
}

function isMany(value: unknown, name: string): boolean {
  if (value === "one" || value === "many") return value === "many";
  throw new LibcError("Channel.create", "EINVAL", `${name} must be "one" or "many", got ${shown(value)}`);
}

/** How many bytes a record's messages have; 0 for messages that differ. */
function sizeOf(record: RecordType | undefined, syscall: string): number {
  if (record === undefined) return 0;
  fieldOfRecord(record, undefined, syscall);
  return record.size;
}

/** The memory that is meant. */
function place(memory: SharedPlace, syscall: string): Memory {
  const found = memoryFor(memory);
  if (!isMemory(found)) {
    throw new LibcError(syscall, "EINVAL", `a channel needs a name, or shared memory, got ${shown(memory)}`);
  }
  partOf(found, syscall, "a channel's memory");
  return found;
}

/** What a named channel is in, made now; undefined if there is one already. */
function made(name: string, size: number, mode: number | undefined, exclusive: boolean): PosixSharedMemory | undefined {
  try {
    return PosixSharedMemory.create(name, size, { mode });
  } catch (error) {
    if (exclusive || !isCode(error, "EEXIST")) throw error;
  }
}

/** Finds the memory of a name, once what it is for has been written there. */
function found(name: string, offset: number): { own: PosixSharedMemory; kind: Kind } {
  for (let tries = 0;; tries++) {
    let own: PosixSharedMemory | undefined;
    try {
      own = PosixSharedMemory.open(name);
      return { own, kind: kindOf(memoryFor(own), offset, "Channel.open") };
    } catch (error) {
      const empty = isCode(error, "EINVAL") && (error as LibcError).syscall === "mmap"; // it has no size yet
      own?.[Symbol.dispose]();
      if (tries === 100 || !(empty || isCode(error, "EAGAIN"))) throw error;
    }
    sleepSync(1);
  }
}

/**
 * A channel between processes: messages through a ring in shared memory, without a system call as long as nobody has to wait.
 *
 * Whoever sends takes part as a writer from then on, whoever receives as a reader, until the channel is closed. There may be one of
 * each at a time, which need no lock, or many, if the channel was made so. What does not fit waits for room. Messages that were
 * sent stay when their sender goes; when all writers have gone, `receive` gives `null` once the ring is empty, and when all
 * readers have, `send` fails with `EPIPE` once it is full. Before the first has come, they wait.
 *
 * **Waiting.** Methods that end in `Sync` look for themselves for a moment (see {@linkcode ChannelOptions.spin}), then sleep in a
 * futex; the others look for 0.05 ms, and then sleep on a thread of their own, while the program goes on.
 *
 * **Death.** A process that is killed leaves the ring in order, at whatever instruction: what it has sent is delivered,
 * what it was sending was never sent, what it was receiving is there still. Who waits finds out within about 0.1 s: once all
 * messages are read, `receive` fails once with `EOWNERDEAD`, and then goes on, as `send` does for a dead reader. It cannot be found
 * out about a process of another pid namespace, not about one that has executed another program, and not about a `Worker` that
 * ended without `close` while its process lives on.
 *
 * **Others.** The bytes in memory are those of `ffi/channel/ipc_channel.h`, with which C programs take part; `ipc_channel.py`,
 * beside it, reads in Python. Somebody who writes nonsense into the memory has others fail with `EBADMSG`, no worse.
 *
 * @typeParam T What a message is: bytes, or a record's value.
 *
 * @example
 * ```ts
 * import { Channel, f64, i32, record } from "./mod.ts";
 *
 * const Reading = record({ id: i32, value: f64 });
 * const name = `/example-${crypto.randomUUID()}`;
 * using channel = Channel.create(name, { record: Reading, capacity: 4096 });
 *
 * // another process would
 * const writer = Channel.open(name, { record: Reading });
 * await writer.send({ id: 1, value: 21.5 });
 * writer.sendSync({ id: 2, value: 22 });
 * writer.close();
 *
 * for await (const { id, value } of channel) console.log(id, value); // 1 21.5, then 2 22
 * ```
 */
export class Channel<T = Uint8Array<ArrayBuffer>> implements Disposable, AsyncIterable<T> {
  readonly #ring: Ring;
  readonly #parties: Parties;
  readonly #record: RecordType | undefined;
  readonly #spin: number;
  readonly #endless: boolean;
  readonly #name: string | undefined;
  /** The memory, if it was made or opened by name. */
  readonly #own: PosixSharedMemory | undefined;
  readonly #writer: Side;
  readonly #reader: Side;
  readonly #closing = new AbortController();
  #closed = false;
  #users = 0;
  #since = generation;
  #locked = false;
  /** How many bytes the last message to be sent has. */
  #length = 0;
  readonly #leave: () => void;

  private constructor(memory: Memory, kind: Kind, options: ChannelOptions, ring: Ring, own?: PosixSharedMemory) {
    // JavaScript may call what is private, too
    if (!Ring.is(ring)) throw new LibcError("Channel", "EINVAL", "Channel.create() makes one");
    const { record, spin, endless = false, offset = 0 } = options;
    this.#ring = ring;
    this.#parties = new Parties(ring);
    this.#record = record;
    this.#spin = spin ?? (navigator.hardwareConcurrency > 1 ? DEFAULT_SPIN : 0);
    this.#endless = Boolean(endless);
    this.#own = own;
    this.#name = own?.name;
    const { offsets } = Header;
    const { words } = ring;
    const side = (role: Role): Side => {
      const writes = role === "writer";
      const [mine, its] = writes ? [offsets.tail, offsets.head] : [offsets.head, offsets.tail];
      const [mineSleep, itsSleep] = writes
        ? [offsets.writersSleep, offsets.readersSleep]
        : [offsets.readersSleep, offsets.writersSleep];
      const many = kind.many & (writes ? WRITER : READER);
      const lock = offset + (writes ? offsets.writersLock : offsets.readersLock);
      return {
        role,
        other: writes ? "reader" : "writer",
        syscall: writes ? "Channel.send" : "Channel.receive",
        lock: many ? new pthread_mutex_t(memory, lock) : undefined,
        index: its / 4,
        word: words.subarray(its / 4, its / 4 + 1),
        own: words.subarray(mine / 4, mine / 4 + 1),
        sleeps: mineSleep / 4,
        othersSleep: itsSleep / 4,
        place: -1,
        seen: 0,
        contended: false,
        looked: -TICK,
        waiting: 0,
        vain: 0,
        without: 0,
      };
    };
    this.#writer = side("writer");
    this.#reader = side("reader");
    this.#leave = () => {
      for (const side of [this.#writer, this.#reader]) this.#part(side);
    };
  }

  /**
   * How many bytes of memory a channel takes.
   *
   * @param capacity The ring's size in bytes, a power of two.
   * @returns With all that belongs to it.
   * @throws {LibcError} `EINVAL` no power of two from 64 to 2^30.
   */
  static size(capacity: number): number {
    checkCapacity(capacity, "Channel.size");
    return Header.size + capacity;
  }

  /**
   * Makes a channel, of records.
   *
   * @param where The name of a POSIX shared memory object, `/name`, which is made; or memory, in which there is no channel yet.
   * @param options What its messages are, how large it is, and who takes part.
   * @returns The channel; disposing of it removes a name that was made.
   * @throws {LibcError} `EEXIST` the name is taken; `EINVAL` no such name, memory, capacity; `EACCES` the memory may only be read;
   * `ENOMEM`; `EMFILE`.
   */
  static create<F extends Fields>(
    where: string | SharedPlace,
    options: ChannelCreateOptions<F> & { record: RecordType<F> },
  ): Channel<FieldValues<F>>;
  /**
   * Makes a channel, of bytes.
   *
   * @param where The name of a POSIX shared memory object, `/name`, which is made; or memory, in which there is no channel yet.
   * @param options How large it is, and who takes part.
   * @returns The channel; disposing of it removes a name that was made.
   * @throws {LibcError} `EEXIST` the name is taken; `EINVAL` no such name, memory, capacity; `EACCES` the memory may only be read;
   * `ENOMEM`; `EMFILE`.
   *
   * @example
   * ```ts
   * import { Channel, SharedMemory } from "./mod.ts";
   *
   * using segment = SharedMemory.create(Channel.size(1 << 16)); // System V
   * using channel = Channel.create(segment, { writers: "many" });
   * channel.sendSync("hello");
   * console.log(new TextDecoder().decode(channel.tryReceive()!)); // hello
   * ```
   */
  static create(where: string | SharedPlace, options?: ChannelCreateOptions): Channel;
  static create(where: string | SharedPlace, options?: ChannelCreateOptions): Channel<unknown> {
    const syscall = "Channel.create";
    const taken = optionsOf(options, CREATE, syscall);
    const { record, offset = 0, spin = 0, writers = "one", readers = "one", mode, exclusive = true } = taken;
    checkOffset(offset, syscall);
    checkSpin(spin, syscall);
    const many = (isMany(writers, "writers") ? WRITER : 0) | (isMany(readers, "readers") ? READER : 0);
    const size = sizeOf(record, syscall);
    let { capacity } = taken;
    let memory: Memory;
    let own: PosixSharedMemory | undefined;
    if (typeof where === "string") {
      capacity ??= DEFAULT_CAPACITY;
      checkCapacity(capacity, syscall);
    } else {
      if (mode !== undefined || taken.exclusive !== undefined) {
        throw new LibcError(syscall, "EINVAL", "mode and exclusive are for channels that have a name");
      }
      memory = place(where, syscall);
      const room = lengthOf(memory, syscall) - offset - Header.size;
      capacity ??= Math.min(MOST, 2 ** Math.floor(Math.log2(Math.max(1, room))));
      checkCapacity(
        capacity,
        syscall,
        taken.capacity === undefined ? `${room} bytes have room for a capacity that` : undefined,
      );
    }
    const kind = { capacity, many, size };
    if (size > capacity / 2 - 8) {
      throw new LibcError(syscall, "EINVAL", `a capacity of ${capacity} has no room for records of ${size} bytes`);
    }
    if (typeof where === "string") {
      own = made(where, offset + Header.size + capacity, mode, exclusive);
      if (own === undefined) return Channel.#find(where, { record, offset, spin: taken.spin, endless: taken.endless });
      memory = memoryFor(own);
    }
    try {
      const ring = Ring.make(memory!, offset, kind, syscall);
      if (many & WRITER) Mutex.create(memory!, offset + Header.offsets.writersLock);
      if (many & READER) Mutex.create(memory!, offset + Header.offsets.readersLock);
      store(ring.words, Header.offsets.ready / 4, 1);
      return new Channel(memory!, kind, taken, ring, own);
    } catch (error) {
      own?.[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Takes a channel of records that is there.
   *
   * @param where Its name, or the memory that it is in.
   * @param options What its messages are.
   * @returns The channel; disposing of it leaves it there.
   * @throws {LibcError} `ENOENT` there is none; `EINVAL` no channel, or one of other messages; `EAGAIN` it is not finished;
   * `EACCES` it may only be read.
   */
  static open<F extends Fields>(
    where: string | SharedPlace,
    options: ChannelOptions<F> & { record: RecordType<F> },
  ): Channel<FieldValues<F>>;
  /**
   * Takes a channel that is there.
   *
   * @param where Its name, or the memory that it is in.
   * @param options Where in the memory it is.
   * @returns The channel; disposing of it leaves it there.
   * @throws {LibcError} `ENOENT` there is none; `EINVAL` no channel, or one of records only; `EAGAIN` it is not finished;
   * `EACCES` it may only be read.
   *
   * @example See {@linkcode Channel}.
   */
  static open(where: string | SharedPlace, options?: ChannelOptions): Channel;
  static open(where: string | SharedPlace, options?: ChannelOptions): Channel<unknown> {
    const syscall = "Channel.open";
    const taken = optionsOf(options, OPEN, syscall);
    const { offset = 0, spin = 0, record } = taken;
    checkOffset(offset, syscall);
    checkSpin(spin, syscall);
    sizeOf(record, syscall);
    if (typeof where === "string") return Channel.#find(where, taken);
    const memory = place(where, syscall);
    return Channel.#taken(memory, kindOf(memory, offset, syscall), taken);
  }

  static #find(name: string, options: ChannelOptions): Channel<unknown> {
    const { own, kind } = found(name, options.offset ?? 0);
    try {
      return Channel.#taken(memoryFor(own), kind, options, own);
    } catch (error) {
      own[Symbol.dispose]();
      throw error;
    }
  }

  static #taken(memory: Memory, kind: Kind, options: ChannelOptions, own?: PosixSharedMemory): Channel<unknown> {
    const { record, offset = 0 } = options;
    if (record !== undefined && record.size !== kind.size) {
      const what = kind.size === 0 ? "any size" : `${kind.size} bytes`;
      throw new LibcError("Channel.open", "EINVAL", `its messages have ${what}, the record ${record.size}`);
    }
    return new Channel(memory, kind, options, Ring.find(memory, offset, kind, "Channel.open"), own);
  }

  /**
   * Looks at a channel, without taking part; the memory may be read-only.
   *
   * @param memory Where it may be.
   * @param offset Where in it; 0 unless given.
   * @returns What it is like, as of this moment; `null` if there is none.
   * @throws {LibcError} `EINVAL` no memory.
   *
   * @example
   * ```ts
   * import { Channel, PosixSharedMemory } from "./mod.ts";
   *
   * using memory = PosixSharedMemory.anonymous(Channel.size(1024));
   * console.log(Channel.inspect(memory)); // null
   * using channel = Channel.create(memory);
   * channel.sendSync("hello");
   * console.log(Channel.inspect(memory)?.used); // 16
   * ```
   */
  static inspect(memory: SharedPlace, offset: number = 0): ChannelState | null {
    const syscall = "Channel.inspect";
    const from = place(memory, syscall);
    checkOffset(offset, syscall);
    const room = lengthOf(from, syscall) - offset;
    if (!(room >= Header.size)) return null;
    return stateOf(copied(from, offset, Header.size, syscall), room);
  }

  /** The name that others find it by; `undefined` if it was made in memory that was given. */
  get name(): string | undefined {
    return this.#name;
  }

  /** The ring's size in bytes. */
  get capacity(): number {
    return this.#ring.capacity;
  }

  /** How many bytes a message may have: half of the ring, less 8. */
  get longest(): number {
    return this.#ring.longest;
  }

  /** How many bytes of the ring are in use, with 8 beside each message; 0 once it is closed, as all that follow. */
  get used(): number {
    return this.#gone ? 0 : this.#ring.tail - this.#ring.head >>> 0;
  }

  /** How many messages have been sent by all, since it was made. */
  get sent(): number {
    return this.#gone ? 0 : this.#ring.counted("written");
  }

  /** How many messages have been received by all, since it was made. */
  get received(): number {
    return this.#gone ? 0 : this.#ring.counted("read");
  }

  /** The processes that write, as far as it is known. */
  get writers(): number[] {
    return this.#gone ? [] : this.#parties.list("writer");
  }

  /** The processes that read, as far as it is known. */
  get readers(): number[] {
    return this.#gone ? [] : this.#parties.list("reader");
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  get #gone(): boolean {
    return this.#closed || this.#ring.words.length === 0;
  }

  /** Takes part, if it does not yet. */
  #join(side: Side): void {
    if (this.#closed) throw new LibcError(side.syscall, "EBADF", "the channel is closed");
    this.#ring.mind(side.syscall);
    if (this.#since !== generation) {
      // a forked child has a copy of this object, and does not take part yet
      this.#since = generation;
      this.#users = 0;
      this.#locked = false;
      this.#writer.place = this.#reader.place = -1;
    }
    if (side.place >= 0) return;
    side.place = this.#parties.join(side.role, side.syscall);
    this.#ring.begin();
    remember(this.#leave);
  }

  /** Takes part no longer, and tells those who wait. */
  #part(side: Side): void {
    if (side.place < 0 || this.#since !== generation || this.#ring.words.length === 0) return;
    this.#parties.leave(side.role, side.place);
    side.place = -1;
    futex(side.own, FUTEX_WAKE, EVERYBODY);
  }

  /** Whether all is as it was at the last message. */
  #ready(side: Side): boolean {
    return side.place >= 0 && this.#since === generation && !this.#closed && this.#ring.words.length !== 0;
  }

  /** Has the side for this handle alone; if not at once, gives false. */
  #lock(side: Side, mutex: pthread_mutex_t): boolean {
    if (this.#locked) {
      throw new LibcError(side.syscall, "EDEADLK", "a trace's listener uses the channel in the midst of a call");
    }
    this.#locked = true;
    let result: number | undefined;
    try {
      result = pthread_mutex_trylockOrNot(mutex);
      if (result === undefined) result = pthread_mutex_timedlock(mutex, Date.now() / 1000 + LOCK_TIME);
      // who had it has written nothing that counts
      if (result === EOWNERDEAD) pthread_mutex_consistent(mutex);
    } catch (error) {
      result = undefined;
      if (!isCode(error, "ETIMEDOUT")) throw error;
    } finally {
      if (result === undefined) this.#locked = false;
    }
    side.contended = result === undefined;
    if (side.contended) side.seen = UNSEEN;
    return !side.contended;
  }

  #unlock(mutex: pthread_mutex_t): void {
    this.#locked = false;
    pthread_mutex_unlock(mutex);
  }

  /** Wakes those of the other side who sleep, unless they have seen where this one's position is now. */
  #wake(side: Side): void {
    const { words } = this.#ring;
    if (words.length === 0) return; // a trace's listener has given the memory back
    for (;;) {
      const asleep = load(words, side.othersSleep);
      if (asleep === 0 || asleep === (load(side.own, 0) | 1)) return;
      if (compareExchange(words, side.othersSleep, asleep, 0) === asleep) break;
    }
    futex(side.own, FUTEX_WAKE, EVERYBODY);
  }

  /** Says that this side is about to sleep until the other one's position is not that any more. */
  #sleep(side: Side, seen: number): void {
    const before = exchange(this.#ring.words, side.sleeps, seen | 1);
    // another one who sleeps for another position would not be seen any more
    if (side.lock !== undefined && before !== 0 && before !== (seen | 1)) futex(side.word, FUTEX_WAKE, EVERYBODY);
  }

  /** Tells a trace of a message. */
  #told(op: "read" | "write", data: Uint8Array): void {
    const { bytes, at } = this.#ring;
    const field: Field | undefined = this.#record && fieldOfRecord(this.#record, data, "Channel");
    tracing.current?.touched(op, bytes, at, data, field);
  }

  /** Writes a message if there is room, and if it can be done now. */
  #put(data: Uint8Array, length: number): boolean {
    const side = this.#writer;
    if (!this.#ready(side)) this.#join(side);
    const ring = this.#ring;
    let done: boolean;
    if (side.lock === undefined) {
      done = ring.put(data, length, side.syscall);
    } else {
      done = false;
      if (this.#lock(side, side.lock)) {
        try {
          done = ring.put(data, length, side.syscall);
        } finally {
          this.#unlock(side.lock);
        }
      }
      if (!done) ring.mind(side.syscall); // a trace's listener may have given the memory back
    }
    if (!done) return false;
    if (sleeping(ring.words, side.othersSleep) !== 0) this.#wake(side);
    if (tracing.current !== undefined) this.#told("write", data);
    return true;
  }

  /** Reads a message, if there is one and if it can be done now: a copy, or into an array, and then how many bytes. */
  #take(into: undefined): Uint8Array<ArrayBuffer> | typeof BUSY;
  #take(into: Uint8Array): number | typeof BUSY;
  #take(into: Uint8Array | undefined): Uint8Array<ArrayBuffer> | number | typeof BUSY {
    const side = this.#reader;
    if (!this.#ready(side)) this.#join(side);
    const ring = this.#ring;
    let result: Uint8Array<ArrayBuffer> | number | typeof BUSY;
    if (side.lock === undefined) {
      result = this.#takeOne(into, true);
    } else {
      result = BUSY;
      if (this.#lock(side, side.lock)) {
        try {
          result = this.#takeOne(into, false);
        } finally {
          this.#unlock(side.lock);
        }
      }
      if (result === BUSY) ring.mind(side.syscall); // as above
    }
    if (result === BUSY) return BUSY;
    if (sleeping(ring.words, side.othersSleep) !== 0) this.#wake(side);
    if (tracing.current !== undefined) {
      this.#told("read", typeof result === "number" ? plain(into!, 0, result) : result);
    }
    return result;
  }

  #takeOne(into: Uint8Array | undefined, alone: boolean): Uint8Array<ArrayBuffer> | number | typeof BUSY {
    const ring = this.#ring;
    const { syscall } = this.#reader;
    const length = ring.look(alone, syscall);
    if (length === NOTHING) return BUSY;
    let result: Uint8Array<ArrayBuffer> | number = length;
    if (into === undefined) result = ring.copy(length);
    else if (length <= byteLengthOf(into)) ring.copyInto(into, length);
    else {throw new LibcError(
        syscall,
        "EMSGSIZE",
        `a message of ${length} bytes, for an array of ${byteLengthOf(into)}`,
      );}
    ring.take(syscall);
    return result;
  }

  /** Whether the others have something to tell, before a wait for them. */
  #look(side: Side): boolean {
    const time = now();
    const closely = time - side.looked >= TICK;
    if (closely) side.looked = time;
    return this.#parties.look(side.other, closely);
  }

  /** A message's bytes; throws unless it is one. */
  #bytes(message: unknown): Uint8Array {
    let data: Uint8Array;
    if (this.#record !== undefined) data = this.#record.encode(message as never);
    else if (this.#ring.isLast(message) || isBytes(message)) data = message;
    else if (typeof message === "string") data = encoder.encode(message);
    else {
      throw new LibcError(
        "Channel.send",
        "EINVAL",
        `a message must be a Uint8Array or a string, got ${shown(message)}`,
      );
    }
    const { longest, size } = this.#ring;
    const length = this.#length = byteLengthOf(data);
    if (length > longest) {
      throw new LibcError(
        "Channel.send",
        "EMSGSIZE",
        `${length} bytes are more than ${longest}, half of the ring less 8`,
      );
    }
    if (size !== 0 && length !== size) {
      throw new LibcError("Channel.send", "EINVAL", `the channel's messages have ${size} bytes, not ${length}`);
    }
    return data;
  }

  #value(data: Uint8Array<ArrayBuffer>): T {
    if (this.#record === undefined) return data as T;
    if (data.length === this.#record.size) return this.#record.read(data) as T;
    throw new LibcError(
      "Channel.receive",
      "EBADMSG",
      `a message of ${data.length} bytes is no record of ${this.#record.size}`,
    );
  }

  #tryPut(data: Uint8Array, length: number): true | typeof BUSY {
    const side = this.#writer;
    if (!this.#ready(side)) this.#join(side);
    side.seen = load(this.#ring.words, side.index);
    if (this.#put(data, length)) return true;
    if (side.contended || !this.#look(side)) return BUSY;
    // they may have made room before they went
    if (this.#put(data, length)) return true;
    if (this.#parties.tell(side.other, side.syscall) && !this.#endless) {
      throw new LibcError(side.syscall, "EPIPE", "the ring is full, and all readers have gone");
    }
    return BUSY;
  }

  #tryTake<R>(take: () => R | typeof BUSY): R | null | typeof BUSY {
    const side = this.#reader;
    if (!this.#ready(side)) this.#join(side);
    side.seen = load(this.#ring.words, side.index);
    const result = take();
    if (result !== BUSY || side.contended || !this.#look(side)) return result;
    // they may have sent something before they went
    const last = take();
    if (last !== BUSY || side.contended) return last;
    return this.#parties.tell(side.other, side.syscall) && !this.#endless ? null : BUSY;
  }

  /** Looks for a moment whether the other side's position moves. */
  #spinFor(side: Side): boolean {
    if (this.#spin === 0) return false;
    if (side.without > 0) {
      side.without--;
      return false;
    }
    const { words } = this.#ring;
    const { index, seen } = side;
    const until = now() + this.#spin / 1000;
    do {
      for (let i = 0; i < LOOKS; i++) {
        if (load(words, index) !== seen) {
          side.vain = 0;
          return true;
        }
      }
    } while (now() < until);
    if (side.vain < 4) side.vain++;
    side.without = (1 << side.vain >> 1) - 1;
    return false;
  }

  #waitSync<R>(side: Side, limit: Deadline | undefined, attempt: () => R | typeof BUSY): R {
    try {
      for (;;) {
        const result = attempt();
        if (result !== BUSY) return result;
        if (!side.contended && this.#spinFor(side)) continue;
        const left = limit === undefined ? TICK : limit.left;
        if (left === 0) throw limit!.over();
        if (side.contended) continue;
        this.#sleep(side, side.seen);
        const time = left >= TICK ? TICK_TIME : new BigInt64Array([0n, BigInt(Math.floor(left * 1e6))]);
        futexWaitOrNot(side.word, side.seen, time);
      }
    } finally {
      // who waits on the event loop, and is about to sleep, has not seen that
      side.seen = UNSEEN;
    }
  }

  async #wait<R>(side: Side, signal: AbortSignal | undefined, attempt: () => R | typeof BUSY): Promise<R> {
    signal?.throwIfAborted();
    if (side.waiting === 0) {
      const result = attempt();
      if (result !== BUSY) return result;
      // to ask for the position alone takes a tenth of the time of an attempt
      if (!side.contended && lookAtOther(() => load(this.#ring.words, side.index) !== side.seen)) {
        const result = attempt();
        if (result !== BUSY) return result;
      }
    }
    const closing = this.#closing.signal;
    const unused = this.#use();
    side.waiting++;
    try {
      return await wait<R>({
        syscall: side.syscall,
        key: keyOf(side.role, this.#ring.cell),
        shared: false,
        stays: true,
        looked: true,
        attempt,
        block: () => this.#block(side),
      }, signal ? AbortSignal.any([signal, closing]) : closing);
    } finally {
      side.waiting--;
      unused();
    }
  }

  /** Waits on another thread until the other side's position has moved, or somebody has gone. */
  #block(side: Side) {
    if (side.contended) return undefined;
    const unused = this.#use();
    const { seen, word } = side;
    this.#sleep(side, seen);
    const timer = setInterval(() => {
      // who has moved it may have been stopped or killed before it could wake anybody
      const moved = load(word, 0) !== seen;
      if (moved || this.#parties.look(side.other, true)) futex(word, FUTEX_WAKE, EVERYBODY);
    }, TICK);
    const back = () => {
      clearInterval(timer);
      unused();
    };
    const begun = waitForWord(word, FUTEX_WAIT, seen, back);
    if (begun === undefined) back();
    return begun;
  }

  /** Notes that the memory is in use; what this gives says that it isn't any more, and lets it go if that has been put off. */
  #use(): () => void {
    this.#users++;
    const since = this.#since;
    const release = stay(this.#ring.cell, "a channel");
    return () => {
      if (since !== generation) return;
      release();
      if (--this.#users === 0 && this.#closed) this.#own?.[Symbol.dispose]();
    };
  }

  /**
   * Sends a message. Waits while there is no room for it.
   *
   * @param message A record's value, or bytes, or text that is sent as UTF-8.
   * @param options A signal to end the wait with; then nothing has been sent.
   * @throws {LibcError} `EMSGSIZE` more than {@linkcode longest}; `EINVAL` not what the channel's messages are; `EBUSY` another process is
   * the only writer; `ENOSPC` too many are; `EPIPE` all readers have gone; `EOWNERDEAD` one was killed: told once; `EBADMSG`
   * the ring is damaged; `EBADF` closed, also while waiting.
   */
  async send(message: T | ChannelMessage<T>, options?: WaitOptions): Promise<void> {
    const { signal } = waitOptionsOf(options, WAIT, "Channel.send");
    signal?.throwIfAborted();
    const data = this.#bytes(message);
    const side = this.#writer;
    if (side.waiting === 0 && this.#put(data, this.#length)) return;
    // a caller may go on using the array while the message waits for room
    const copy = this.#record === undefined ? plain(data, 0).slice() : data;
    await this.#wait(side, signal, () => this.#tryPut(copy, copy.length));
  }

  /**
   * Sends a message. Blocks the program while there is no room for it; signals do not end that.
   *
   * @param message As for {@linkcode send}.
   * @param options For how long to block.
   * @throws {LibcError} As {@linkcode send}; `ETIMEDOUT` the time is over.
   */
  sendSync(message: T | ChannelMessage<T>, options?: WaitSyncOptions): void {
    const data = this.#bytes(message);
    const length = this.#length;
    let limit: Deadline | undefined;
    if (options !== undefined) limit = deadline(optionsOf(options, WAIT_SYNC, "Channel.send").timeout, "Channel.send");
    if (!this.#put(data, length)) this.#waitSync(this.#writer, limit, () => this.#tryPut(data, length));
  }

  /**
   * Sends a message if there is room for it.
   *
   * @param message As for {@linkcode send}.
   * @returns Whether it was sent. In a channel with many writers, it may not be, too, as another one is just sending for long.
   * @throws {LibcError} As {@linkcode send}, but for those who have gone.
   */
  trySend(message: T | ChannelMessage<T>): boolean {
    return this.#put(this.#bytes(message), this.#length);
  }

  /**
   * Receives the oldest message. Waits until there is one.
   *
   * @param options A signal to end the wait with; then no message has been taken.
   * @returns The message; `null` if there is none, and all writers have gone.
   * @throws {LibcError} `EOWNERDEAD` a writer was killed: told once, when there is no message left; `EBUSY` another process is the only
   * reader; `ENOSPC` too many are; `EBADMSG` the ring is damaged, or a message is no record of the channel's; `EBADF` closed,
   * also while waiting.
   */
  async receive(options?: WaitOptions): Promise<T | null> {
    const { signal } = waitOptionsOf(options, WAIT, "Channel.receive");
    const data = await this.#wait(this.#reader, signal, () => this.#tryTake(this.#copy));
    return data === null ? null : this.#value(data);
  }

  /**
   * Receives the oldest message. Blocks the program until there is one; signals do not end that.
   *
   * @param options For how long to block.
   * @returns As {@linkcode receive}.
   * @throws {LibcError} As {@linkcode receive}; `ETIMEDOUT` the time is over.
   */
  receiveSync(options?: WaitSyncOptions): T | null {
    const { timeout } = optionsOf(options, WAIT_SYNC, "Channel.receive");
    const limit = deadline(timeout, "Channel.receive");
    const data = this.#waitSync(this.#reader, limit, () => this.#tryTake(this.#copy));
    return data === null ? null : this.#value(data);
  }

  /**
   * Receives the oldest message if there is one.
   *
   * @returns The message, or `null`.
   * @throws {LibcError} As {@linkcode receive}, but for those who have gone.
   */
  tryReceive(): T | null {
    const data = this.#take(undefined);
    return data === BUSY ? null : this.#value(data);
  }

  readonly #copy = () => this.#take(undefined);

  /**
   * Receives the oldest message into an array of the caller's, which makes no new one: for loops that are to be fast.
   *
   * @param buffer Where its bytes go, those of a record, too.
   * @param options For how long to block.
   * @returns How many bytes it has; `null` as for {@linkcode receive}.
   * @throws {LibcError} As {@linkcode receiveSync}; `EMSGSIZE` the message is longer, and stays; `EINVAL` no `Uint8Array`.
   *
   * @example
   * ```ts
   * import { Channel, f64, i32, PosixSharedMemory, record } from "./mod.ts";
   *
   * const Reading = record({ id: i32, value: f64 });
   * using memory = PosixSharedMemory.anonymous(Channel.size(4096));
   * using channel = Channel.create(memory, { record: Reading });
   * channel.sendSync({ id: 1, value: 21.5 });
   *
   * const buffer = new Uint8Array(Reading.size);
   * const reading = Reading.at(buffer); // one view for all messages
   * channel.receiveIntoSync(buffer);
   * console.log(reading.value); // 21.5
   * ```
   */
  receiveIntoSync(buffer: Uint8Array<ArrayBuffer>, options?: WaitSyncOptions): number | null {
    if (!this.#ring.isLast(buffer) && !isBytes(buffer)) {
      throw new LibcError("Channel.receive", "EINVAL", `buffer must be a Uint8Array, got ${shown(buffer)}`);
    }
    let limit: Deadline | undefined;
    if (options !== undefined) {
      limit = deadline(optionsOf(options, WAIT_SYNC, "Channel.receive").timeout, "Channel.receive");
    }
    const length = this.#take(buffer);
    if (length !== BUSY) return length;
    return this.#waitSync(this.#reader, limit, () => this.#tryTake(() => this.#take(buffer)));
  }

  /**
   * Receives the oldest message into an array of the caller's. Waits until there is one.
   *
   * @param buffer Where its bytes go; it is written to when the promise is about to be resolved.
   * @param options A signal to end the wait with.
   * @returns As {@linkcode receiveIntoSync}.
   * @throws {LibcError} As {@linkcode receiveIntoSync}.
   */
  async receiveInto(buffer: Uint8Array<ArrayBuffer>, options?: WaitOptions): Promise<number | null> {
    const { signal } = waitOptionsOf(options, WAIT, "Channel.receive");
    if (!isBytes(buffer)) {
      throw new LibcError("Channel.receive", "EINVAL", `buffer must be a Uint8Array, got ${shown(buffer)}`);
    }
    return await this.#wait(this.#reader, signal, () => this.#tryTake(() => this.#take(buffer)));
  }

  /** One message after the other, until all writers have gone or the channel is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    while (!this.#closed) {
      let message: T | null;
      try {
        message = await this.receive();
      } catch (error) {
        if (this.#closed) return;
        throw error;
      }
      if (message === null) return;
      yield message;
    }
  }

  /**
   * Takes part no longer, and removes the name if this handle made it, in this process; whoever waits here gets `EBADF`. Others may go
   * on. Closing it again does nothing.
   */
  close(): void {
    if (this.#closed) return;
    this.#leave();
    joined.delete(this.#leave);
    this.#closed = true;
    this.#closing.abort(new LibcError("Channel", "EBADF", "the channel was closed"));
    const own = this.#own;
    if (own === undefined) return;
    try {
      removeMade(own);
    } finally {
      // a thread that is not back yet uses the memory
      if (this.#users === 0 || this.#since !== generation) own[Symbol.dispose]();
    }
  }

  /** How `console.log` shows it: with its name and its size. The ring is not looked at. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    return `Channel ${inspect({ name: this.#name, capacity: this.capacity, closed: this.#closed }, options)}`;
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** What can be sent beside the channel's own values: text, where those are bytes. */
export type ChannelMessage<T> = T extends Uint8Array ? Uint8Array | string : never;
