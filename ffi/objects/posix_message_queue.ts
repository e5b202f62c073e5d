/**
 * POSIX message queues for people who don't want to think in C.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../libc/fcntl.ts";
import { mq_attr, mq_close, mq_getattr, mq_open, mq_receiveOrNot, mq_sendOrNot, mq_unlink } from "../libc/mqueue.ts";
import { POLLIN, POLLOUT } from "../libc/poll.ts";
import { fstat, struct_stat } from "../libc/sys/stat.ts";
import { isBytes, plain } from "../native/bytes.ts";
import { shown } from "../native/check.ts";
import { memberOf } from "../native/layout.ts";
import { tracing } from "../native/observer.ts";
import { known, optionsOf } from "../native/options.ts";
import { slurp } from "../native/own.ts";
import { undisturbed } from "../native/removal.ts";
import { checkMode, isCode, waitOptionsOf } from "./_common.ts";
import { waitSync } from "./_descriptor.ts";
import { forgetMade, noteMade, removeMade } from "./_made.ts";
import { lookAgain, ready, turn } from "./_reactor.ts";
import { BUSY, type Deadline, deadline } from "./_time.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";
import { PosixMessage } from "./posix_message.ts";

/** How {@linkcode PosixMessageQueue.create} makes a queue. */
export interface PosixQueueOptions {
  /** Who may use it, as in `chmod(1)`, less the umask; by default only its owner, `0o600`. */
  mode?: number;
  /** How many messages it may hold; what the system has as default, mostly 10, unless given. */
  maxMessages?: number;
  /** How many bytes a message may have; what the system has as default, mostly 8192, unless given. */
  messageSize?: number;
  /** Fail with `EEXIST` if there is one of this name already (the default); `false` takes that one, as it is. */
  exclusive?: boolean;
}

/** How to send to a POSIX queue. */
export interface PrioritySendOptions {
  /** The message's priority, 0 to 32767; 0 unless given. The higher are received first. */
  priority?: number;
}

const CREATE = known<PosixQueueOptions>(({ mode, maxMessages, messageSize, exclusive }) => ({
  mode,
  maxMessages,
  messageSize,
  exclusive,
}));
const SEND = known<PrioritySendOptions>(({ priority }) => ({ priority }));
const SEND_WAIT = known<PrioritySendOptions & WaitOptions>(({ priority, signal }) => ({ priority, signal }));
const SEND_SYNC = known<PrioritySendOptions & WaitSyncOptions>(({ priority, timeout }) => ({ priority, timeout }));
const RECEIVE_WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const RECEIVE_SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));

const encoder = new TextEncoder();

/** A message's bytes. */
function encoded(data: Uint8Array<ArrayBuffer> | string): Uint8Array<ArrayBuffer> {
  if (typeof data === "string") return encoder.encode(data);
  if (isBytes(data)) return data;
  throw new LibcError("mq_send", "EINVAL", `data must be a Uint8Array or a string, got ${shown(data)}`);
}

/** What the system gives a queue that is made without attributes. */
function systemDefault(name: "msg" | "msgsize", fallback: number): number {
  try {
    const read = (file: string) => Number(new TextDecoder().decode(slurp(`/proc/sys/fs/mqueue/${file}`)));
    return Math.min(read(`${name}_default`), read(`${name}_max`));
  } catch {
    return fallback; // no /proc
  }
}

/** Attributes, of which C wants both or none. */
function attributes(maxMessages: number | undefined, messageSize: number | undefined): mq_attr | null {
  if (maxMessages === undefined && messageSize === undefined) return null;
  const attr = new mq_attr();
  attr.mq_maxmsg = maxMessages === undefined ? systemDefault("msg", 10) : maxMessages;
  attr.mq_msgsize = messageSize === undefined ? systemDefault("msgsize", 8192) : messageSize;
  return attr;
}

/** Finds or makes a queue, and tells which. */
function obtain(name: string, mode: number, attr: mq_attr | null, exclusive: boolean): [mqdes: number, made: boolean] {
  while (true) {
    try {
      return [mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, mode, attr), true];
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
      // a program that was ended before it removed its queue finds this when it is started again
      if (exclusive) {
        const hint = "open() finds it, exclusive: false takes it, mq_unlink() removes it";
        throw new LibcError("mq_open", "EEXIST", `${name} is taken: ${hint}`);
      }
    }
    try {
      return [allowed(name), false];
    } catch (error) {
      // somebody removed it between the two calls: make it, then
      if (!isCode(error, "ENOENT")) throw error;
    }
  }
}

/** Opens a queue for what its permissions allow. */
function allowed(name: string): number {
  let failure: unknown;
  for (const access of [O_RDWR, O_WRONLY, O_RDONLY]) {
    try {
      return mq_open(name, access | O_NONBLOCK);
    } catch (error) {
      failure ??= error;
      if (!isCode(error, "EACCES")) throw error;
    }
  }
  throw failure;
}

/** Removes a queue's name; it is fine if it is gone already. */
function remove(name: string): void {
  try {
    mq_unlink(name);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
}

/**
 * A POSIX message queue: see `mq_overview(7)`.
 *
 * It has a name, and messages have priorities: the highest is received first, of the same the oldest. Methods that wait come in
 * two kinds: those that end in `Sync` block the program; the others leave it running.
 *
 * Such a queue is the system's, not the process's: it stays, with what it holds, until somebody removes it or the system
 * restarts. `using` closes it, and removes what this handle made (in the process that made it: not in a forked child).
 *
 * **What a wait is.** The queue's descriptor is `O_NONBLOCK` and closed by `execve`; waits `poll` it, as those of {@linkcode Socket}
 * do: all of a program's waits share one thread, and before one is left to that, it looks for a moment (0.05 ms to
 * receive, 0.2 ms to send) in which nothing else runs. So others who block in the kernel, in C's `mq_receive`, are served
 * before who waits here. Called off by their signal, waits have neither taken nor sent anything; a message that was there
 * first is given all the same. A forked child shares the descriptor, and has to use the methods that end in `Sync`, which a signal
 * does not end.
 *
 * What may be made is limited: for all by `/proc/sys/fs/mqueue/msg_max` (mostly 10 messages) and `msgsize_max` (mostly 8192
 * bytes), which only root may exceed; and in all queues of a user together by `RLIMIT_MSGQUEUE` (mostly 819,200 bytes, about
 * nine queues of the default size): beyond it, `create` fails with `EMFILE`.
 *
 * @example
 * ```ts
 * import { PosixMessageQueue } from "./mod.ts";
 *
 * using queue = PosixMessageQueue.create();
 * await queue.send("later");
 * await queue.send("first", { priority: 9 });
 *
 * using found = PosixMessageQueue.open(queue.name);
 * console.log((await found.receive()).text); // first
 * for await (const { text, priority } of queue) {
 *   console.log(priority, text); // 0 later
 *   break;
 * }
 * console.log(queue.tryReceive()); // null
 * ```
 */
export class PosixMessageQueue implements Disposable, AsyncIterable<PosixMessage> {
  #fd: number;
  readonly #name: string;
  readonly #size: number;
  // made at the first message
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  readonly #priority = new Uint32Array(1);

  private constructor(fd: number, name: string) {
    this.#name = name;
    this.#fd = fd;
    this.#size = this.#attribute("mq_msgsize");
  }

  /**
   * Makes a queue.
   *
   * @param name A slash and up to 255 bytes without one; a name that nobody has unless given.
   * @param options Permissions, size, and whether an existing queue will do.
   * @returns The queue; disposing of it removes it, unless it was there before.
   * @throws {LibcError} `EEXIST`; `EACCES`; `EINVAL` no such name, or a size that the system does not allow; `EMFILE` too many
   * descriptors, or bytes in queues (`RLIMIT_MSGQUEUE`); `ENOSPC` too many queues; `ENAMETOOLONG`; `ENOMEM`; `ENOSYS` a kernel
   * without such queues.
   *
   * @example
   * ```ts
   * import { PosixMessageQueue } from "./mod.ts";
   *
   * using queue = PosixMessageQueue.create("/example_create", { maxMessages: 4, messageSize: 64 });
   * console.log(queue.messageCount, queue.maxMessages, queue.messageSize); // 0 4 64
   * ```
   */
  static create(name?: string, options?: PosixQueueOptions): PosixMessageQueue {
    const { mode = 0o600, maxMessages, messageSize, exclusive = true } = optionsOf(options, CREATE, "mq_open");
    checkMode(mode, "mq_open");
    const attr = attributes(maxMessages, messageSize);
    const path = name === undefined ? `/deno_${crypto.randomUUID()}` : name;
    return undisturbed(() => {
      const [fd, made] = obtain(path, mode, attr, exclusive);
      try {
        const queue = PosixMessageQueue.#of(fd, path);
        if (made) noteMade(queue, { queue: path }, () => remove(path));
        return queue;
      } catch (error) {
        if (made) remove(path);
        throw error;
      }
    })();
  }

  /**
   * Finds the queue of a name. It is opened for what its permissions allow: both directions, else to send, else to receive.
   *
   * @param name The name that it was made with.
   * @returns The queue; disposing of it leaves it in the system.
   * @throws {LibcError} `ENOENT` there is none; `EACCES`; `EMFILE`; `EINVAL`, `ENAMETOOLONG` no such name.
   *
   * @example
   * ```ts
   * import { PosixMessageQueue } from "./mod.ts";
   *
   * using made = PosixMessageQueue.create();
   * using found = PosixMessageQueue.open(made.name);
   * found.sendSync("hello");
   * console.log(made.receiveSync().text); // hello
   * ```
   */
  static open(name: string): PosixMessageQueue {
    return PosixMessageQueue.#of(allowed(name), name);
  }

  static #of(fd: number, name: string): PosixMessageQueue {
    try {
      return new PosixMessageQueue(fd, name);
    } catch (error) {
      mq_close(fd);
      throw error;
    }
  }

  /** The name that others find it by. */
  get name(): string {
    return this.#name;
  }

  /**
   * The descriptor, for the functions that are named as in C; -1 once it is closed. It is `O_NONBLOCK`: where they would wait
   * they fail with `EAGAIN`, in a forked child, too.
   */
  get fd(): number {
    return this.#fd;
  }

  #attribute(name: "mq_maxmsg" | "mq_msgsize" | "mq_curmsgs"): number {
    const attr = new mq_attr();
    mq_getattr(this.#fd, attr);
    return memberOf(mq_attr, attr, name);
  }

  #stat(name: "st_mode" | "st_uid" | "st_gid"): number {
    const statbuf = new struct_stat();
    fstat(this.#fd, statbuf);
    return memberOf(struct_stat, statbuf, name);
  }

  /** How many messages wait in the queue. The kernel is asked each time, here and by all that follow. */
  get messageCount(): number {
    return this.#attribute("mq_curmsgs");
  }
  /** How many messages it may hold. */
  get maxMessages(): number {
    return this.#attribute("mq_maxmsg");
  }
  /** How many bytes a message may have. */
  get messageSize(): number {
    return this.#attribute("mq_msgsize");
  }
  /** Who may use it, as in `chmod(1)`. */
  get mode(): number {
    return this.#stat("st_mode") & 0o777;
  }
  /** The owner's user id. */
  get uid(): number {
    return this.#stat("st_uid");
  }
  /** The owner's group id. */
  get gid(): number {
    return this.#stat("st_gid");
  }

  /**
   * Sends a message. Waits while the queue is full.
   *
   * @param data The message: bytes, or text that is sent as UTF-8. C programs may expect a `"\0"` at its end.
   * @param options The priority, and a signal to end the wait with; then nothing has been sent.
   * @throws {LibcError} `EMSGSIZE` longer than {@linkcode messageSize}; `EINVAL` no such priority; `EBADF` closed, also while
   * waiting, or not opened to send.
   */
  async send(data: Uint8Array<ArrayBuffer> | string, options?: PrioritySendOptions & WaitOptions): Promise<void> {
    const { priority = 0, signal } = waitOptionsOf(options, SEND_WAIT, "mq_send");
    signal?.throwIfAborted();
    const bytes = encoded(data);
    if (mq_sendOrNot(this.#fd, bytes, priority)) return;
    // a caller may go on using the array while the message waits for room
    const copy = plain(bytes, 0).slice();
    await this.#wait(POLLOUT, signal, () => this.#put(copy, priority));
  }

  /**
   * Sends a message. Blocks the program while the queue is full.
   *
   * @param data The message: bytes, or text that is sent as UTF-8.
   * @param options The priority, and for how long to block.
   * @throws {LibcError} As {@linkcode send}; `ETIMEDOUT` the time is over.
   */
  sendSync(data: Uint8Array<ArrayBuffer> | string, options?: PrioritySendOptions & WaitSyncOptions): void {
    const { priority = 0, timeout } = optionsOf(options, SEND_SYNC, "mq_send");
    const bytes = encoded(data);
    this.#waitSync(POLLOUT, deadline(timeout, "mq_send"), () => this.#put(bytes, priority));
  }

  /**
   * Sends a message unless the queue is full.
   *
   * @param data The message: bytes, or text that is sent as UTF-8.
   * @param options The priority.
   * @returns Whether it was sent.
   * @throws {LibcError} As {@linkcode send}.
   */
  trySend(data: Uint8Array<ArrayBuffer> | string, options?: PrioritySendOptions): boolean {
    const { priority = 0 } = optionsOf(options, SEND, "mq_send");
    return mq_sendOrNot(this.#fd, encoded(data), priority);
  }

  #put(bytes: Uint8Array<ArrayBuffer>, priority: number): void | typeof BUSY {
    if (!mq_sendOrNot(this.#fd, bytes, priority)) return BUSY;
  }

  /**
   * Receives a message: the oldest of those with the highest priority. Waits until there is one.
   *
   * @param options A signal to end the wait with; then no message has been taken.
   * @returns The message.
   * @throws {LibcError} `EBADF` closed, also while waiting, or not opened to receive.
   */
  async receive(options?: WaitOptions): Promise<PosixMessage> {
    const { signal } = waitOptionsOf(options, RECEIVE_WAIT, "mq_receive");
    signal?.throwIfAborted();
    const message = this.#take();
    if (message !== BUSY) return message;
    return await this.#wait(POLLIN, signal, () => this.#take());
  }

  /**
   * Receives a message. Blocks the program until there is one.
   *
   * @param options For how long to block.
   * @returns The message.
   * @throws {LibcError} As {@linkcode receive}; `ETIMEDOUT` the time is over.
   *
   * @example
   * ```ts
   * import { LibcError, PosixMessageQueue } from "./mod.ts";
   *
   * using queue = PosixMessageQueue.create();
   * try {
   *   queue.receiveSync({ timeout: 10 });
   * } catch (error) {
   *   console.log((error as LibcError).code); // ETIMEDOUT
   * }
   * ```
   */
  receiveSync(options?: WaitSyncOptions): PosixMessage {
    const { timeout } = optionsOf(options, RECEIVE_SYNC, "mq_receive");
    return this.#waitSync(POLLIN, deadline(timeout, "mq_receive"), () => this.#take());
  }

  /**
   * Receives a message if there is one.
   *
   * @returns The message, or `null`.
   * @throws {LibcError} As {@linkcode receive}.
   */
  tryReceive(): PosixMessage | null {
    const message = this.#take();
    return message === BUSY ? null : message;
  }

  #take(): PosixMessage | typeof BUSY {
    let buffer: Uint8Array<ArrayBuffer>;
    let priority = this.#priority;
    if (tracing.depth > 0) {
      // a trace's listener receives in the middle of a call that uses the other ones
      buffer = this.#room();
      priority = new Uint32Array(1);
    } else {
      buffer = this.#buffer ??= this.#room();
    }
    const length = mq_receiveOrNot(this.#fd, buffer, priority);
    return length < 0 ? BUSY : new PosixMessage(priority[0], buffer.slice(0, length));
  }

  #room(): Uint8Array<ArrayBuffer> {
    try {
      return new Uint8Array(this.#size);
    } catch {
      throw new LibcError("mq_receive", "ENOMEM", `${this.#size} bytes`);
    }
  }

  /** Tries again until it need not wait, as it had to before. */
  async #wait<T>(events: number, signal: AbortSignal | undefined, attempt: () => T | typeof BUSY): Promise<T> {
    for (;;) {
      const others = turn();
      if (others) {
        await others;
        signal?.throwIfAborted();
      }
      if (lookAgain(this.#fd, events) === 0) await ready(this.#fd, events, signal);
      const result = attempt();
      if (result !== BUSY) return result;
    }
  }

  #waitSync<T>(events: number, limit: Deadline | undefined, attempt: () => T | typeof BUSY): T {
    for (;;) {
      const result = attempt();
      if (result !== BUSY) return result;
      waitSync(this.#fd, events, limit);
    }
  }

  /** One message after the other, until the queue is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<PosixMessage, void, void> {
    while (this.#fd >= 0) {
      let message: PosixMessage;
      try {
        message = await this.receive();
      } catch (error) {
        if (this.#fd < 0) return;
        throw error;
      }
      yield message;
    }
  }

  /**
   * Removes the queue's name from the system. Who has it open, as this handle, may go on with it.
   *
   * @throws {LibcError} `ENOENT` it is gone already; `EACCES` not the owner.
   */
  remove(): void {
    mq_unlink(this.#name);
    forgetMade(this);
  }

  /** Closes the queue, and removes it if this handle made it, in this process; whoever waits here gets `EBADF`. Closing it again does nothing. */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    try {
      mq_close(fd);
    } finally {
      removeMade(this);
    }
  }

  /** How `console.log` shows it: with its name and its descriptor. The kernel is not asked for more. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    return `PosixMessageQueue ${inspect({ name: this.#name, fd: this.#fd }, options)}`;
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
