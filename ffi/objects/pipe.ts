/**
 * Pipes as objects.
 *
 * @module
 */
import { abortable } from "../abort.ts";
import { LibcError } from "../errors.ts";
import { F_GETPIPE_SZ, F_SETPIPE_SZ, fcntl, O_CLOEXEC } from "../libc/fcntl.ts";
import { poll, pollfds, POLLIN, POLLOUT } from "../libc/poll.ts";
import { fstat, struct_stat } from "../libc/sys/stat.ts";
import { close, pipe2, read, write } from "../libc/unistd.ts";
import { byteLengthOf, isBytes, plain } from "../native/bytes.ts";
import { shown } from "../native/check.ts";
import { fd as asFd } from "../native/descriptors.ts";
import { memberOf } from "../native/layout.ts";
import { known, optionsOf } from "../native/options.ts";
import { nonblocking, opened, retry, retrySync } from "./_attempts.ts";
import { waitOptionsOf } from "./_common.ts";
import { BUSY, deadline } from "./_time.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";

/** How {@linkcode Pipe.create} makes one. */
export interface PipeOptions {
  /** Whether programs that this process starts inherit its descriptors; not unless given. */
  inherited?: boolean;
}

const CREATE = known<PipeOptions>(({ inherited }) => ({ inherited }));
const WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));
const S_IFMT = 0o170000;
const S_IFIFO = 0o010000;
const CHUNK = 1 << 16; // bytes: what a pipe mostly holds
const encoder = new TextEncoder();

function asBytes(data: Uint8Array<ArrayBuffer>, syscall: string): Uint8Array<ArrayBuffer> {
  if (isBytes(data)) return data;
  throw new LibcError(syscall, "EFAULT", `the buffer must be a Uint8Array, got ${shown(data)}`);
}

/** The descriptor of an end, for a call that does not wait. */
let use: (end: PipeEnd, syscall: string) => number;

/** What both ends of a pipe have: a {@linkcode PipeReader} or a {@linkcode PipeWriter}. */
export abstract class PipeEnd implements Disposable {
  #fd: number;
  #set = false;

  /**
   * Takes over a descriptor.
   *
   * @param fd The descriptor.
   * @throws {LibcError} `EBADF` it is not open; `EINVAL` it is of something else than a pipe.
   */
  protected constructor(fd: number) {
    const own = asFd(fd, "fstat");
    const statbuf = new struct_stat();
    fstat(own, statbuf);
    if ((memberOf(struct_stat, statbuf, "st_mode") & S_IFMT) !== S_IFIFO) {
      throw new LibcError("fstat", "EINVAL", `descriptor ${own} is of no pipe`);
    }
    this.#fd = own;
  }

  /** Its descriptor; -1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  /** How many bytes the pipe holds; what is set is rounded up by the kernel, `F_SETPIPE_SZ` in `fcntl(2)`. */
  get capacity(): number {
    return fcntl(opened(this.#fd, "fcntl"), F_GETPIPE_SZ);
  }
  set capacity(bytes: number) {
    fcntl(opened(this.#fd, "fcntl"), F_SETPIPE_SZ, bytes);
  }

  static {
    use = (end, syscall) => {
      const fd = opened(end.#fd, syscall);
      if (!end.#set) nonblocking(fd);
      end.#set = true;
      return fd;
    };
  }

  /** Closes the descriptor; who waits gets `EBADF`. Closing it again does nothing. */
  close(): void {
    const fd = this.#fd;
    this.#fd = -1;
    if (fd >= 0) close(fd);
  }

  /** How `console.log` shows it: with its descriptor. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    return `${this instanceof PipeReader ? "PipeReader" : "PipeWriter"} ${inspect({ fd: this.#fd }, options)}`;
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * The end of a pipe that is read, `pipe(7)`. It becomes `O_NONBLOCK` when it is first read here: for all who share it, whose
 * `read(2)` then fails with `EAGAIN` where it would have waited.
 */
export class PipeReader extends PipeEnd {
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;

  /**
   * Takes over the descriptor of a pipe, such as one that was inherited or received.
   *
   * @param fd The descriptor.
   * @returns The end, which closes it.
   * @throws {LibcError} `EBADF` it is not open; `EINVAL` it is of something else.
   */
  static fromFd(fd: number): PipeReader {
    return new PipeReader(fd);
  }

  /**
   * Reads what there is, and waits until there is something. Of a FIFO that nobody has opened to write yet, it waits for that, too.
   *
   * @param buffer Where to put it.
   * @param options A signal to give up; nothing is lost then.
   * @returns How many bytes; `null` at the end, when nobody has it open to write.
   * @throws {LibcError} `EBADF` closed, also while waiting, or the other end; `EFAULT` no buffer; `EOPNOTSUPP` in a forked child.
   */
  async read(buffer: Uint8Array<ArrayBuffer>, options?: WaitOptions): Promise<number | null> {
    const { signal } = waitOptionsOf(options, WAIT, "read");
    asBytes(buffer, "read");
    return await retry(() => use(this, "read"), POLLIN, signal, (fd) => take(fd, buffer));
  }

  /**
   * As {@linkcode PipeReader.read}, but blocks the program while it waits.
   *
   * @param buffer Where to put it.
   * @param options For how long.
   * @returns As {@linkcode PipeReader.read}.
   * @throws {LibcError} `ETIMEDOUT`; otherwise as {@linkcode PipeReader.read}.
   */
  readSync(buffer: Uint8Array<ArrayBuffer>, options?: WaitSyncOptions): number | null {
    const limit = deadline(optionsOf(options, SYNC, "read").timeout, "read");
    asBytes(buffer, "read");
    return retrySync(() => use(this, "read"), POLLIN, limit, (fd) => take(fd, buffer));
  }

  /** What is written to the pipe, as a stream, in pieces of at most 64 KiB. Nothing is read before it is asked for. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const stop = new AbortController();
    return this.#readable ??= new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        const chunk = new Uint8Array(CHUNK);
        const n = await this.read(chunk, { signal: stop.signal });
        if (n === null) controller.close();
        else controller.enqueue(chunk.subarray(0, n));
      },
      cancel: (reason) => stop.abort(reason),
    }, { highWaterMark: 0 });
  }
}

/** Reads once. */
function take(fd: number, buffer: Uint8Array<ArrayBuffer>): number | null | typeof BUSY {
  const n = read(fd, buffer);
  if (n > 0 || byteLengthOf(buffer) === 0) return n;
  // nobody has opened it to write yet, or somebody has by now, if poll does not tell of an end
  const fds = new pollfds([fd, POLLIN]);
  return poll(fds, 0) === 0 || fds[0].revents & POLLIN ? BUSY : null;
}

/**
 * The end of a pipe that is written, `pipe(7)`. It becomes `O_NONBLOCK` when it is first written here: for all who share it, whose
 * `write(2)` then fails with `EAGAIN` where it would have waited.
 */
export class PipeWriter extends PipeEnd {
  #writable: WritableStream<Uint8Array<ArrayBuffer> | string> | undefined;
  #writing: Promise<void> = Promise.resolve();

  /**
   * Takes over the descriptor of a pipe, such as one that was inherited or received.
   *
   * @param fd The descriptor.
   * @returns The end, which closes it.
   * @throws {LibcError} `EBADF` it is not open; `EINVAL` it is of something else.
   */
  static fromFd(fd: number): PipeWriter {
    return new PipeWriter(fd);
  }

  /**
   * Writes all of something, and waits for room. Of several that are under way, one is written after the other.
   *
   * @param data The bytes, which are to stay as they are until then; a string goes as UTF-8.
   * @param options A signal to give up; a part may have been written by then.
   * @throws {LibcError} `EPIPE` nobody has it open to read; `EBADF` closed, also while waiting, or the other end; `EFAULT` no
   * data; `EOPNOTSUPP` in a forked child.
   */
  async write(data: Uint8Array<ArrayBuffer> | string, options?: WaitOptions): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : asBytes(data, "write");
    const { signal } = waitOptionsOf(options, WAIT, "write");
    signal?.throwIfAborted();
    const before = this.#writing;
    const { promise, resolve } = Promise.withResolvers<void>();
    // whoever gave up while it waited its turn does not let the next one pass
    this.#writing = before.then(() => promise);
    try {
      await abortable<void>(signal, (resolve, reject) => {
        before.then(resolve);
        return reject;
      });
      for (let sent = 0; sent < byteLengthOf(bytes);) {
        sent += await retry(() => use(this, "write"), POLLOUT, signal, (fd) => write(fd, plain(bytes, sent)));
      }
    } finally {
      resolve();
    }
  }

  /**
   * As {@linkcode PipeWriter.write}, but blocks the program while it waits. It doesn't wait for writes under way.
   *
   * @param data The bytes; a string goes as UTF-8.
   * @param options For how long, for all of it.
   * @throws {LibcError} `ETIMEDOUT`; otherwise as {@linkcode PipeWriter.write}.
   */
  writeSync(data: Uint8Array<ArrayBuffer> | string, options?: WaitSyncOptions): void {
    const bytes = typeof data === "string" ? encoder.encode(data) : asBytes(data, "write");
    const limit = deadline(optionsOf(options, SYNC, "write").timeout, "write");
    opened(this.fd, "write");
    for (let sent = 0; sent < byteLengthOf(bytes);) {
      sent += retrySync(() => use(this, "write"), POLLOUT, limit, (fd) => write(fd, plain(bytes, sent)));
    }
  }

  /** What is written to it goes into the pipe; closing it closes this end. */
  get writable(): WritableStream<Uint8Array<ArrayBuffer> | string> {
    return this.#writable ??= new WritableStream<Uint8Array<ArrayBuffer> | string>({
      write: (chunk, controller) => this.write(chunk, { signal: controller.signal }),
      close: () => this.close(),
    });
  }
}

/**
 * A pipe, `pipe(7)`: what is written to one end is read from the other, in this process or one that has inherited or was sent an end.
 *
 * @example
 * ```ts
 * import { Pipe } from "./mod.ts";
 *
 * using pipe = Pipe.create();
 * await pipe.writer.write("hello");
 * console.log(await pipe.reader.read(new Uint8Array(256))); // 5
 * pipe.writer.close();
 * console.log(await pipe.reader.read(new Uint8Array(256))); // null
 * ```
 */
export class Pipe implements Disposable {
  /** The end that is read. */
  readonly reader: PipeReader;
  /** The end that is written. */
  readonly writer: PipeWriter;

  private constructor(reader: number, writer: number) {
    this.reader = PipeReader.fromFd(reader);
    this.writer = PipeWriter.fromFd(writer);
  }

  /**
   * Makes a pipe, `pipe2(2)`.
   *
   * @param options Who inherits it.
   * @returns The pipe; disposing of it closes both ends.
   * @throws {LibcError} `EMFILE`, `ENFILE` too many descriptors.
   */
  static create(options?: PipeOptions): Pipe {
    const { inherited = false } = optionsOf(options, CREATE, "pipe2");
    return new Pipe(...pipe2(inherited ? 0 : O_CLOEXEC));
  }

  /** Closes both ends. Closing them again does nothing. */
  close(): void {
    this.reader.close();
    this.writer.close();
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
