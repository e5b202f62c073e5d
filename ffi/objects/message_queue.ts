/**
 * Message queues for people who don't want to think in C.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import {
  MSG_COPY,
  MSG_EXCEPT,
  msgbuf,
  msgget,
  msgrcv,
  msgrcvElsewhere,
  msgrcvOrNot,
  msgsnd,
  msgsndElsewhere,
  msgsndOrNot,
  type msqid_ds,
} from "../libc/sys/msg.ts";
import { isCode, waitOptionsOf } from "./_common.ts";
import { wait } from "./_line.ts";
import { byteLengthOf, isBytes, plain } from "../native/bytes.ts";
import { tracing } from "../native/observer.ts";
import { known, optionsOf } from "../native/options.ts";
import { Shelf } from "./_shelf.ts";
import { CREATE, create, date, find } from "./_system_v.ts";
import { BUSY, deadline, retrySync } from "./_time.ts";
import { type CreateOptions, IpcObject } from "./ipc_object.ts";
import type { Message } from "./message.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";

const SEND = known<SendOptions>(({ type }) => ({ type }));
const SEND_WAIT = known<SendOptions & WaitOptions>(({ type, signal }) => ({ type, signal }));
const SEND_SYNC = known<SendOptions & WaitSyncOptions>(({ type, timeout }) => ({ type, timeout }));
const RECEIVE = known<ReceiveOptions>(({ type, except }) => ({ type, except }));
const RECEIVE_WAIT = known<ReceiveOptions & WaitOptions>(({ type, except, signal }) => ({ type, except, signal }));
const RECEIVE_SYNC = known<ReceiveOptions & WaitSyncOptions>(({ type, except, timeout }) => ({
  type,
  except,
  timeout,
}));

const encoder = new TextEncoder();

const MSGMAX = 8192; // the system's limit unless it was changed
const KEPT = 16; // buffers

/** Buffers that no other thread has any more. */
const lent: msgbuf[] = [];

/** A buffer for another thread. A message that is longer stays in the queue: whoever fetches it then has more room the next time. */
function borrow(room: number): msgbuf {
  const buffer = lent.pop();
  return buffer && buffer.mtext.length >= room ? buffer : new msgbuf(Math.max(room, MSGMAX));
}

const isNumber = (value: unknown) => typeof value === "number" || typeof value === "bigint";

/** How to send. */
export interface SendOptions {
  /** The message's type, above 0; 1 unless given. */
  type?: number | bigint;
}

/** Which message to receive. */
export interface ReceiveOptions {
  /**
   * `0` (the default): the oldest message; above 0: the oldest of that type; below 0: of the types up to its
   * amount, the lowest.
   */
  type?: number | bigint;
  /** With a type above 0: the oldest message of any other type. */
  except?: boolean;
}

/**
 * A message queue: see `svipc(7)`, `msgget(2)`, `msgsnd(2)`, `msgrcv(2)`.
 *
 * Messages keep their boundaries and carry a type to pick them by. Methods that wait come in two kinds: those that end in
 * `Sync` block the program as in C; the others leave it running.
 *
 * **What a wait is.** {@linkcode receive} and {@linkcode send} wait in the kernel, in a `msgrcv` or `msgsnd` that blocks on
 * another thread: they are woken at once, get their turn beside others as the kernel gives it, and cost nothing while
 * nothing happens. On one queue, who waits for the same type is served in the order of coming and shares one thread. Before
 * that a wait looks for a moment, of 0.05 ms at most, in which nothing else runs: an answer that comes by then is got in
 * some 10 µs, a later one takes 15 to 50 to be woken for. Where that is in vain again and again, most waits do without.
 * Called off by their signal, they have neither taken nor sent anything; a message that was there first is given all the
 * same, and the signal came too late. The promise is settled once the thread is back, a moment after the signal.
 *
 * Each thing that is waited for takes one thread, up to 1,000 in a process. That it is back is told by one of the 32 threads
 * that Deno has for everything: while a program keeps all of them in calls that block, a message may have been taken and is
 * given only when one of them is free. Beyond 1,000, in a Worker, and where all real-time signals are taken or a program may
 * make no machine code, a wait tries again every few milliseconds: an answer may then be up to 5 ms late, and others who
 * block are served first. A wait keeps the program running; `Deno.exit()` ends it all the same. In a forked child there are
 * none (`EOPNOTSUPP`), and the parent's go on.
 *
 * @example
 * ```ts
 * import { MessageQueue } from "./mod.ts";
 *
 * using queue = MessageQueue.create();
 * await queue.send("second", { type: 2 });
 * await queue.send("first", { type: 1 });
 *
 * console.log((await queue.receive({ type: 1 })).text); // first
 * console.log((await queue.receive()).text); // second
 * console.log(queue.tryReceive()); // null
 * ```
 */
export class MessageQueue extends IpcObject<msqid_ds> {
  readonly #id: number;
  #buffer: msgbuf = new msgbuf(1024);
  // the same bytes as 32-bit words: that copies a short message four times as fast
  #bufferWords = new Int32Array(this.#buffer.bytes.buffer);
  readonly #shelf = new Shelf();

  private constructor(id: number) {
    super(id, "msg");
    this.#id = id;
  }

  /**
   * Makes a queue.
   *
   * @param options Key, permissions, and whether an existing queue will do.
   * @returns The queue; disposing of it removes it, unless it was there before.
   * @throws {LibcError} `EEXIST`; `EACCES`; `ENOMEM`; `ENOSPC` too many queues.
   *
   * @example
   * ```ts
   * import { MessageQueue } from "./mod.ts";
   *
   * using queue = MessageQueue.create({ key: 0x7e57_0004, mode: 0o660 });
   * console.log(queue.messageCount); // 0
   * ```
   */
  static create(options?: CreateOptions): MessageQueue {
    return create("msg", msgget, optionsOf(options, CREATE, "msgget"), (id) => new MessageQueue(id));
  }

  /**
   * Finds the queue with a key.
   *
   * @param key The key that it was made with.
   * @returns The queue; disposing of it leaves it in the system.
   * @throws {LibcError} `ENOENT` there is none; `EACCES`.
   *
   * @example
   * ```ts
   * import { MessageQueue } from "./mod.ts";
   *
   * using made = MessageQueue.create({ key: 0x7e57_0005 });
   * using found = MessageQueue.open(0x7e57_0005);
   * console.log(found.id === made.id); // true
   * ```
   */
  static open(key: number): MessageQueue {
    return new MessageQueue(find("msg", msgget, key));
  }

  /**
   * Finds the queue with an id.
   *
   * @param id The id, such as a child inherits it.
   * @returns The queue; disposing of it leaves it in the system.
   * @throws {LibcError} `EINVAL` there is none.
   *
   * @example
   * ```ts
   * import { MessageQueue } from "./mod.ts";
   *
   * using made = MessageQueue.create();
   * using found = MessageQueue.fromId(made.id);
   * console.log(found.id === made.id); // true
   * ```
   */
  static fromId(id: number): MessageQueue {
    const queue = new MessageQueue(id);
    queue.stat();
    return queue;
  }

  #grow(size: number): void {
    // doubled, so that a growing series of messages doesn't make a buffer each
    if (size > this.#buffer.mtext.length) this.#renew(Math.max(size + 3 & ~3, 2 * this.#buffer.mtext.length));
  }

  /** Another buffer: for longer messages, or for the calls of a trace's listener in the middle of one that uses this one. */
  #renew(size: number): void {
    this.#buffer = new msgbuf(size);
    this.#bufferWords = new Int32Array(this.#buffer.bytes.buffer);
  }

  /** Writes data and type into the buffer, and tells the length. */
  #fill(data: Uint8Array | string, type: number | bigint): number {
    if (tracing.depth > 0) this.#renew(this.#buffer.mtext.length);
    let length: number;
    if (typeof data === "string") {
      this.#grow(3 * data.length);
      length = encoder.encodeInto(data, this.#buffer.mtext).written;
    } else if (isBytes(data)) {
      length = byteLengthOf(data);
      if (length > this.#buffer.mtext.length) this.#grow(length);
      if (length > 0) this.#buffer.mtext.set(data); // of none the memory may be gone
    } else {
      throw new LibcError("msgsnd", "EINVAL", `data must be a Uint8Array or a string, got ${shown(data)}`);
    }
    this.#buffer.mtype = type;
    return length;
  }

  /** Receives into the buffer, which grows until the message fits; a message that doesn't fit stays in the queue. */
  #take(type: number | bigint, flags: number): Message {
    if (tracing.depth > 0) this.#renew(this.#buffer.mtext.length);
    const buffer = this.#buffer;
    const words = this.#bufferWords;
    const room = buffer.mtext.length;
    let length: number;
    try {
      length = msgrcv(this.#id, buffer, room, type, flags);
    } catch (error) {
      if (!isCode(error, "E2BIG")) throw error;
      this.#grow(room + 1);
      return this.#take(type, flags);
    }
    return this.#shelf.message(length, buffer, words);
  }

  #putOrNot(data: Uint8Array | string, type: number | bigint): boolean {
    const length = this.#fill(data, type); // this may make another buffer
    return msgsndOrNot(this.#id, this.#buffer, length);
  }

  /**
   * Sends a message. Waits while the queue is full.
   *
   * @param data The message: bytes, or text that is sent as UTF-8. C programs may expect a `"\0"` at its end.
   * @param options The type, and a signal to end the wait with; then nothing has been sent.
   * @throws {LibcError} `EINVAL` a type below 1, longer than the system allows (`/proc/sys/kernel/msgmax`), or the queue is
   * gone; `EIDRM` the queue was removed meanwhile; `EACCES`.
   */
  async send(data: Uint8Array | string, options?: SendOptions & WaitOptions): Promise<void> {
    const { type = 1, signal } = waitOptionsOf(options, SEND_WAIT, "msgsnd");
    // a caller may go on using the array while the message waits for its turn
    const copy = isBytes(data) ? plain(data, 0).slice() : data;
    await wait<void>({
      syscall: "msgsnd",
      key: `msgsnd ${this.#id}`,
      shared: false,
      attempt: () => this.#putOrNot(copy, type) ? undefined : BUSY,
      block: () => {
        const length = this.#fill(copy, type);
        const own = new msgbuf(length);
        own.mtype = type;
        own.mtext.set(this.#buffer.mtext.subarray(0, length));
        const call = msgsndElsewhere(this.#id, own, length);
        return call && { call, got: () => {} };
      },
    }, signal);
  }

  /**
   * Sends a message. Blocks the program while the queue is full.
   *
   * @param data The message: bytes, or text that is sent as UTF-8.
   * @param options The type, and for how long to block. The kernel knows no time limit here, so with one this tries again
   * every few milliseconds, and those who block go first.
   * @throws {LibcError} As {@linkcode send}; `EINTR` a signal came; `ETIMEDOUT` the time is over.
   */
  sendSync(data: Uint8Array | string, options?: SendOptions & WaitSyncOptions): void {
    const { type = 1, timeout } = optionsOf(options, SEND_SYNC, "msgsnd");
    const limit = deadline(timeout, "msgsnd");
    if (limit) return retrySync(() => this.#putOrNot(data, type) ? undefined : BUSY, limit);
    const length = this.#fill(data, type); // this may make another buffer
    msgsnd(this.#id, this.#buffer, length, 0);
  }

  /**
   * Sends a message unless the queue is full.
   *
   * @param data The message: bytes, or text that is sent as UTF-8.
   * @param options The type.
   * @returns Whether it was sent.
   * @throws {LibcError} As {@linkcode send}.
   */
  trySend(data: Uint8Array | string, options?: SendOptions): boolean {
    const { type = 1 } = optionsOf(options, SEND, "msgsnd");
    return this.#putOrNot(data, type);
  }

  /**
   * Receives a message. Waits until there is one.
   *
   * @param options Which message, and a signal to end the wait with; then no message has been taken.
   * @returns The message.
   * @throws {LibcError} `EINVAL` the queue is gone; `EIDRM` it was removed meanwhile; `EACCES`.
   */
  async receive(options?: ReceiveOptions & WaitOptions): Promise<Message> {
    const { type = 0, except = false, signal } = waitOptionsOf(options, RECEIVE_WAIT, "msgrcv");
    const flags = except ? MSG_EXCEPT : 0;
    return await wait<Message>({
      syscall: "msgrcv",
      key: `msgrcv ${this.#id} ${isNumber(type) ? type : ""} ${flags}`, // what is no type will be told at once
      shared: true,
      attempt: () => this.#takeOrNull(type, flags) ?? BUSY,
      block: () => {
        const buffer = borrow(this.#buffer.mtext.length);
        const call = msgrcvElsewhere(this.#id, buffer, buffer.mtext.length, type, flags);
        if (!call) return;
        return {
          call,
          got: (length) => {
            const message = this.#shelf.message(length, buffer, new Int32Array(buffer.bytes.buffer));
            if (lent.length < KEPT) lent.push(buffer);
            return message;
          },
        };
      },
    }, signal);
  }

  /**
   * Receives a message. Blocks the program until there is one.
   *
   * @param options Which message, and for how long to block. The kernel knows no time limit here, so with one this tries
   * again every few milliseconds, and those who block go first.
   * @returns The message.
   * @throws {LibcError} As {@linkcode receive}; `EINTR` a signal came; `ETIMEDOUT` the time is over.
   *
   * @example
   * ```ts
   * import { LibcError, MessageQueue } from "./mod.ts";
   *
   * using queue = MessageQueue.create();
   * try {
   *   queue.receiveSync({ timeout: 10 });
   * } catch (error) {
   *   console.log((error as LibcError).code); // ETIMEDOUT
   * }
   * ```
   */
  receiveSync(options?: ReceiveOptions & WaitSyncOptions): Message {
    const { type = 0, except, timeout } = optionsOf(options, RECEIVE_SYNC, "msgrcv");
    const flags = except ? MSG_EXCEPT : 0;
    const limit = deadline(timeout, "msgrcv");
    if (limit === undefined) return this.#take(type, flags);
    return retrySync(() => this.#takeOrNull(type, flags) ?? BUSY, limit);
  }

  /**
   * Receives a message if there is one.
   *
   * @param options Which message.
   * @returns The message, or `null`.
   * @throws {LibcError} As {@linkcode receive}.
   */
  tryReceive(options?: ReceiveOptions): Message | null {
    const { type = 0, except } = optionsOf(options, RECEIVE, "msgrcv");
    return this.#takeOrNull(type, except ? MSG_EXCEPT : 0);
  }

  /** The same if there is one. */
  #takeOrNull(type: number | bigint, flags: number): Message | null {
    if (tracing.depth > 0) this.#renew(this.#buffer.mtext.length);
    const buffer = this.#buffer;
    const words = this.#bufferWords;
    const room = buffer.mtext.length;
    const length = msgrcvOrNot(this.#id, buffer, room, type, flags);
    if (length >= 0) return this.#shelf.message(length, buffer, words);
    if (length === -1) return null;
    this.#grow(room + 1);
    return this.#takeOrNull(type, flags);
  }

  /**
   * Looks at a message without taking it out of the queue.
   *
   * @param index Its position; 0, which is the oldest, unless given.
   * @returns A copy of the message, or `null` if there are not so many.
   * @throws {LibcError} `ENOSYS` a kernel without `MSG_COPY` (it is built with `CONFIG_CHECKPOINT_RESTORE`); `EINVAL` the queue
   * is gone; `EACCES`.
   */
  peek(index?: number): Message | null {
    return this.#takeOrNull(index === undefined ? 0 : index, MSG_COPY);
  }

  /**
   * Lists the waiting messages, the oldest first, without taking them out of the queue. If others receive meanwhile, a
   * message may be missing.
   *
   * @returns Copies of the messages.
   * @throws {LibcError} As {@linkcode peek}.
   */
  messages(): Message[] {
    const list: Message[] = [];
    for (let message = this.peek(0); message !== null; message = this.peek(list.length)) list.push(message);
    return list;
  }

  /** How many messages wait in the queue. */
  get messageCount(): number {
    return this.stat().msg_qnum;
  }
  /** How many bytes their texts have. */
  get byteCount(): number {
    return this.stat().msg_cbytes;
  }
  /** How many bytes the queue may hold; {@linkcode setMaxBytes} changes it. */
  get maxBytes(): number {
    return this.stat().msg_qbytes;
  }

  /**
   * Changes how many bytes the queue may hold.
   *
   * @param bytes How many; what waits in the queue stays there, even if it is more.
   * @throws {LibcError} `EPERM` not the owner, or above the system's limit (`/proc/sys/kernel/msgmnb`) and not root; `EINVAL`
   * not a count of bytes, or the queue is gone.
   */
  setMaxBytes(bytes: number): void {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new LibcError("msgctl", "EINVAL", `maxBytes must be a count of bytes, got ${shown(bytes)}`);
    }
    this.change((ds) => ds.msg_qbytes = bytes);
  }

  /** The process that last sent; 0 for none. */
  get lastSendPid(): number {
    return this.stat().msg_lspid;
  }
  /** The process that last received; 0 for none. */
  get lastReceivePid(): number {
    return this.stat().msg_lrpid;
  }
  /** When a message was last sent, to the second. */
  get sentAt(): Date | null {
    return date(this.stat().msg_stime);
  }
  /** When a message was last received, to the second. */
  get receivedAt(): Date | null {
    return date(this.stat().msg_rtime);
  }
  /** When the queue was made or its permissions or size last changed, to the second. */
  get changedAt(): Date | null {
    return date(this.stat().msg_ctime);
  }
}
