/**
 * Where the lines of a trace go: to a descriptor of its own, of which the program that is traced notices nothing.
 *
 * @module
 */
import { errnoMessage } from "../errors.ts";
import { disown } from "../native/descriptors.ts";
import { cstring, errno } from "../native/libc.ts";
import { tracing } from "../native/observer.ts";
import { own } from "../native/own.ts";
import { visible } from "./visible.ts";

const HIGH = 1 << 14; // beyond what a program opens, or closes in a loop over all that there may be
const LOWEST = 8;

/** A copy of a descriptor, as high as asked for or as its limit allows; −1 where there is no room. */
function copyHigh(fd: number, high = HIGH): number {
  const F_DUPFD_CLOEXEC = 1030;
  for (let least = high; least >= LOWEST; least >>= 1) {
    const copy = own.fcntl(fd, F_DUPFD_CLOEXEC, least);
    if (copy < 0) continue;
    disown(copy); // the program may have had one of this number
    return copy;
  }
  return -1;
}

/**
 * Opens a file for appending. Neither this nor what is written waits for the reader of a FIFO without end, as `O_NONBLOCK`
 * is ours alone here. The error's number, negative, if it cannot be opened.
 */
function openFile(path: string): number {
  const O_WRONLY_CREAT_NOCTTY_APPEND_NONBLOCK_CLOEXEC = 0o1 | 0o100 | 0o400 | 0o2000 | 0o4000 | 0o2000000;
  const opened = own.open(cstring(path, "open", "IPC_TRACE"), O_WRONLY_CREAT_NOCTTY_APPEND_NONBLOCK_CLOEXEC, 0o600);
  if (opened < 0) return -errno();
  const fd = copyHigh(opened);
  const failed = -errno();
  own.close(opened);
  return fd < 0 ? failed : fd;
}

/** What the standard error output is: a terminal, a file, a pipe of this number. */
function standardError(): string {
  const name = new Uint8Array(256);
  const length = own.readlink(cstring("/proc/self/fd/2", "readlink", "path"), name, BigInt(name.length));
  return length > 0 ? new TextDecoder().decode(name.subarray(0, length)) : "";
}

let before = ""; // what it was when tracing began

/** Tells whether descriptor 2 is still what the program was started with; else it may be a connection to somebody. */
export function isStandardError(): boolean {
  return before !== "" && before === standardError();
}

/** Remembers what the standard error output is. */
export function rememberStandardError(): void {
  before = standardError();
}

const SIGPIPE = 13, SIGXFSZ = 25;
const SIG_IGN = 1n;
// each a struct sigaction; the handler comes first
const ignored = new BigUint64Array(19);
ignored[0] = SIG_IGN;
const onPipe = new BigUint64Array(19);
const onLimit = new BigUint64Array(19);

/** `write(2)` that fails where the program's own would end it: nobody reads, or a file has become too large. */
function writeUnharmed(fd: number, data: Uint8Array<ArrayBuffer>): number {
  own.sigaction(SIGXFSZ, ignored, onLimit);
  own.sigaction(SIGPIPE, null, onPipe);
  const harmful = onPipe[0] !== SIG_IGN; // Deno ignores it
  if (harmful) own.sigaction(SIGPIPE, ignored, null);
  const n = own.write(fd, data, BigInt(data.length));
  const code = n < 0 ? -errno() : n;
  if (harmful) own.sigaction(SIGPIPE, onPipe, null);
  own.sigaction(SIGXFSZ, onLimit, null);
  return code;
}

const PATIENCE_S = 5;

/**
 * Writes all of it, mostly at once. Where that can't be, as a pipe is full, somebody has so long to read a part of it; a
 * standard error that blocks does so for the program itself, too. 0, or the error's number.
 */
function writeAll(fd: number, data: Uint8Array<ArrayBuffer>): number {
  const EINTR = 4, EAGAIN = 11, POLLOUT = 4, SECOND = 1000;
  for (let done = 0, waited = 0; done < data.length;) {
    const n = writeUnharmed(fd, data.subarray(done));
    if (n >= 0) {
      done += n;
      waited = 0;
    } else if (n === -EAGAIN && waited++ < PATIENCE_S) own.poll(new Int32Array([fd, POLLOUT]), 1n, SECOND);
    else if (n !== -EINTR) return -n;
  }
  return 0;
}

const encoder = new TextEncoder();

/** Says something on standard error, if that is still what it was. */
export function say(text: string): void {
  if (isStandardError()) writeAll(2, encoder.encode(visible(text) + "\n"));
}

const NO_MORE = ": nothing more is traced";

/** Where lines go. What goes wrong is said once, and never thrown. */
export class Outlet {
  readonly #target: string;
  #fd: number;

  /** Opens a file, or takes standard error for `-`. */
  constructor(target: string) {
    this.#target = target;
    this.#fd = target === "-" ? copyHigh(2) : openFile(target);
    if (this.#fd < 0) this.#end(target === "-" ? errno() : -this.#fd, "");
    tracing.leave = (fd) => {
      const isOwn = fd >= 0 && fd === this.#fd;
      if (isOwn) this.#move();
      return isOwn;
    };
  }

  /** The program wants to use this number: another will do. */
  #move(): void {
    const left = this.#fd;
    const next = copyHigh(left, left * 2);
    if (next < 0) return this.#end(errno(), NO_MORE);
    own.close(left);
    this.#fd = next;
  }

  /** Writes a line, by one call: `O_APPEND` keeps those of several processes whole. */
  put(line: string): void {
    if (this.#fd < 0) return;
    const failed = writeAll(this.#fd, encoder.encode(line + "\n"));
    // a full disk, mostly; a line that is not whole is left out by who reads the trace
    if (failed) this.#end(failed, NO_MORE);
  }

  #end(code: number, more: string): void {
    if (this.#fd >= 0) own.close(this.#fd);
    this.#fd = -1;
    say(`IPC_TRACE: ${this.#target}: ${errnoMessage(code)}${more}`);
  }
}
