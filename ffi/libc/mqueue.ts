/**
 * `<mqueue.h>`: POSIX message queues, which have names and priorities, and are descriptors.
 *
 * @module
 */
import { errnoCode, LibcError } from "../errors.ts";
import { byteLengthOf, isUints } from "../native/bytes.ts";
import { asCount, asInt, asSize, asUint, shown } from "../native/check.ts";
import { closing, disown, fd as asFd } from "../native/descriptors.ts";
import { always, call, header } from "../native/header.ts";
import {
  array,
  as,
  bytes,
  char,
  descriptor,
  filled,
  flags,
  i32,
  id,
  long,
  mode,
  received,
  size,
  string,
  u32,
} from "../native/kinds.ts";
import { layout, layoutOf, memberOf, Struct, struct, structBytes } from "../native/layout.ts";
import { cstring, errno } from "../native/libc.ts";
import { own } from "../native/own.ts";
import { SIGEV_NONE, SIGEV_SIGNAL, sigevent } from "./_sigevent.ts";
import { O_CLOEXEC, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "./fcntl.ts";
import { momentOf, timespec } from "./time.ts";

/** Priorities are below this, `<limits.h>`. */
export const MQ_PRIO_MAX = 32768;

/** What a queue holds and may hold, `struct mq_attr` of `mq_getattr(3)`. */
export class mq_attr extends Struct {
  /** 0, or `O_NONBLOCK`: calls through this descriptor fail with `EAGAIN` instead of waiting. `mq_setattr` changes it. */
  declare mq_flags: number;
  /** How many messages the queue may hold; only `mq_open` sets it. */
  declare mq_maxmsg: number;
  /** How many bytes a message may have; only `mq_open` sets it. */
  declare mq_msgsize: number;
  /** How many messages wait in the queue. */
  declare readonly mq_curmsgs: number;
}
layout(mq_attr, "mq_open", {
  mq_flags: as(long, flags({ O_NONBLOCK }, { radix: 16 })),
  mq_maxmsg: long,
  mq_msgsize: long,
  mq_curmsgs: long,
  __pad: char(32),
}, ["mq_flags", "mq_maxmsg", "mq_msgsize"]);

const NOTIFY = layoutOf(sigevent).members.sigev_notify.at;
const SIZE = { mq_attr: layoutOf(mq_attr).size, sigevent: layoutOf(sigevent).size };
const oflags = flags(
  { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_NONBLOCK, O_CLOEXEC },
  { radix: 16, mask: 3 },
);
const attributes = struct(mq_attr);
const priority = filled(array(u32, 1));
const abs_timeout = struct(timespec);

const c = header({
  // variadic, of which integers and pointers are passed as ever on both processors
  mq_open: call(descriptor, [["name", string], ["oflag", oflags], ["mode", mode], ["attr", attributes]]),
  mq_close: call(i32, [["mqdes", id]]),
  mq_unlink: call(i32, [["name", string]]),
  mq_getattr: call(i32, [["mqdes", id], ["attr", filled(attributes)]]),
  mq_setattr: call(i32, [["mqdes", id], ["newattr", attributes], ["oldattr", filled(attributes)]]),
  mq_send: call(i32, [["mqdes", id], ["msg_ptr", bytes("msg_len")], ["msg_len", size], ["msg_prio", u32]], {
    waits: always,
    output: "mqdes",
  }),
  mq_timedsend: call(i32, [
    ["mqdes", id],
    ["msg_ptr", bytes("msg_len")],
    ["msg_len", size],
    ["msg_prio", u32],
    ["abs_timeout", abs_timeout],
  ], { waits: always, output: "mqdes" }),
  // no message has 2^31 bytes: a 64-bit result would cost a BigInt a call
  mq_receive: call(i32, [
    ["mqdes", id],
    ["msg_ptr", filled(received("msg_len"))],
    ["msg_len", size],
    ["msg_prio", priority],
  ], { waits: always, input: "mqdes" }),
  mq_timedreceive: call(i32, [
    ["mqdes", id],
    ["msg_ptr", filled(received("msg_len"))],
    ["msg_len", size],
    ["msg_prio", priority],
    ["abs_timeout", abs_timeout],
  ], { waits: always, input: "mqdes" }),
  mq_notify: call(i32, [["mqdes", id], ["sevp", struct(sigevent)]]),
});

const EAGAIN = 11;
const encoder = new TextEncoder();

/**
 * Finds or makes a queue, `mq_open(3)`. It stays, with what it holds, until somebody calls {@linkcode mq_unlink} or the system
 * restarts.
 *
 * @param name A slash and up to 255 bytes without one.
 * @param oflag `O_RDONLY` to receive, `O_WRONLY` to send or `O_RDWR`; with any of `O_CREAT`, `O_EXCL` and `O_NONBLOCK`.
 * @param mode Permissions of a queue that is made, less the umask; 0600 unless given.
 * @param attr With `O_CREAT`: `mq_maxmsg` and `mq_msgsize` of a queue that is made; without it, as the system has it
 * (`/proc/sys/fs/mqueue/msg_default` and `msgsize_default`).
 * @returns A descriptor, for `poll` and `close`, too. `execve` closes it.
 * @throws {LibcError} `ENOENT` there is none; `EEXIST` with `O_EXCL`; `EACCES` not allowed, or a second slash; `EINVAL` no
 * slash, or more messages or bytes than the system allows; `EMFILE` too many descriptors, or more bytes in queues than
 * `RLIMIT_MSGQUEUE` allows; `ENAMETOOLONG`; `ENFILE`; `ENOMEM`; `ENOSPC` too many queues; `ENOSYS` a kernel without them.
 *
 * @example
 * ```ts
 * import { mq_attr, mq_close, mq_open, mq_receive, mq_send, mq_unlink, O_CREAT, O_EXCL, O_RDWR } from "./mod.ts";
 *
 * const attr = new mq_attr();
 * attr.mq_maxmsg = 4;
 * attr.mq_msgsize = 64;
 * const queue = mq_open("/example_mq_open", O_RDWR | O_CREAT | O_EXCL, 0o600, attr);
 * mq_send(queue, "later", undefined, 1);
 * mq_send(queue, "Did you get this?", undefined, 5);
 *
 * const buffer = new Uint8Array(64);
 * const prio = new Uint32Array(1);
 * const length = mq_receive(queue, buffer, undefined, prio);
 * console.log(new TextDecoder().decode(buffer.subarray(0, length)), prio[0]); // Did you get this? 5
 * mq_close(queue);
 * mq_unlink("/example_mq_open");
 * ```
 */
export function mq_open(name: string, oflag: number, mode?: number, attr?: mq_attr | null): number {
  if (mode === undefined) mode = 0o600;
  const path = cstring(name, "mq_open", "name");
  const given = attr === undefined || attr === null ? null : structBytes(attr, SIZE.mq_attr, "mq_open", "attr");
  const mqdes = c.mq_open(path, asInt(oflag, "mq_open", "oflag"), asInt(mode, "mq_open", "mode"), given);
  if (mqdes < 0) throw notOpened(errno(), name, given === null ? undefined : attr as mq_attr);
  return mqdes;
}

/** The kernel does not say which limit it was. */
function notOpened(errno: number, name: string, attr: mq_attr | undefined): LibcError {
  let detail = name;
  switch (errnoCode(errno)) {
    case "EINVAL":
      if (!name.startsWith("/")) detail = `${shown(name)} does not begin with a slash`;
      else if (attr) {
        const maxmsg = memberOf(mq_attr, attr, "mq_maxmsg");
        const msgsize = memberOf(mq_attr, attr, "mq_msgsize");
        detail += `: ${maxmsg} messages of ${msgsize} bytes; /proc/sys/fs/mqueue has the limits`;
      }
      break;
    case "EACCES":
      if (name.lastIndexOf("/") > 0) detail += ": there may be no second slash";
      break;
    case "EMFILE":
      detail += ": too many descriptors, or bytes in queues (RLIMIT_MSGQUEUE, ulimit -q)";
  }
  return new LibcError("mq_open", errno, detail);
}

/**
 * Closes a queue's descriptor, `mq_close(3)`: here, as on all of Linux, it is `close(2)`. The queue stays.
 *
 * @param mqdes The descriptor. Those that belong to the Deno runtime are refused with `EBADF`.
 * @throws {LibcError} `EBADF`.
 *
 * @example See {@linkcode mq_open}.
 */
export function mq_close(mqdes: number): void {
  mqdes = asFd(mqdes, "mq_close", "mqdes");
  closing.run(mqdes);
  const result = c.mq_close(mqdes);
  const code = errno();
  // whatever it says, on Linux the descriptor is closed
  disown(mqdes);
  if (result < 0) throw new LibcError("mq_close", code, `descriptor ${mqdes}`);
}

/**
 * Removes a queue's name, `mq_unlink(3)`. The queue itself goes when nobody has it open any more.
 *
 * @param name The name that it was made with.
 * @throws {LibcError} `ENOENT` there is none; `EACCES` not the owner, or a second slash; `ENAMETOOLONG`; `EINVAL` no slash.
 *
 * @example See {@linkcode mq_open}.
 */
export function mq_unlink(name: string): void {
  const path = cstring(name, "mq_unlink", "name");
  if (c.mq_unlink(path) < 0) throw new LibcError("mq_unlink", errno(), name);
}

/**
 * Tells what a queue holds and may hold, `mq_getattr(3)`.
 *
 * @param mqdes The queue's descriptor.
 * @param attr What is filled.
 * @throws {LibcError} `EBADF` no queue; `EFAULT` not a {@linkcode mq_attr}.
 *
 * @example
 * ```ts
 * import { mq_attr, mq_close, mq_getattr, mq_open, mq_unlink, O_CREAT, O_RDWR } from "./mod.ts";
 *
 * const queue = mq_open("/example_mq_getattr", O_RDWR | O_CREAT);
 * mq_unlink("/example_mq_getattr");
 * const attr = new mq_attr();
 * mq_getattr(queue, attr);
 * console.log(attr.mq_curmsgs, attr.mq_maxmsg > 0, attr.mq_msgsize > 0); // 0 true true
 * mq_close(queue);
 * ```
 */
export function mq_getattr(mqdes: number, attr: mq_attr): void {
  const bytes = structBytes(attr, SIZE.mq_attr, "mq_getattr", "attr");
  if (c.mq_getattr(asFd(mqdes, "mq_getattr", "mqdes"), bytes) < 0) {
    throw new LibcError("mq_getattr", errno(), `descriptor ${mqdes}`);
  }
}

/**
 * Changes whether calls through a descriptor wait, `mq_setattr(3)`; also for others who share it.
 *
 * @param mqdes The queue's descriptor.
 * @param newattr Of this only `mq_flags` counts: 0 or `O_NONBLOCK`.
 * @param oldattr Filled with what {@linkcode mq_getattr} would have told before.
 * @throws {LibcError} `EBADF` no queue; `EINVAL` other flags; `EFAULT` not a {@linkcode mq_attr}.
 *
 * @example
 * ```ts
 * import { LibcError, mq_attr, mq_close, mq_open, mq_receive, mq_setattr, mq_unlink } from "./mod.ts";
 * import { O_CREAT, O_NONBLOCK, O_RDWR } from "./mod.ts";
 *
 * const queue = mq_open("/example_mq_setattr", O_RDWR | O_CREAT);
 * mq_unlink("/example_mq_setattr");
 * const attr = new mq_attr();
 * attr.mq_flags = O_NONBLOCK;
 * mq_setattr(queue, attr);
 * try {
 *   mq_receive(queue, new Uint8Array(8192));
 * } catch (error) {
 *   console.log((error as LibcError).code); // EAGAIN
 * }
 * mq_close(queue);
 * ```
 */
export function mq_setattr(mqdes: number, newattr: mq_attr, oldattr?: mq_attr | null): void {
  const bytes = structBytes(newattr, SIZE.mq_attr, "mq_setattr", "newattr");
  const old = oldattr === undefined || oldattr === null
    ? null
    : structBytes(oldattr, SIZE.mq_attr, "mq_setattr", "oldattr");
  if (c.mq_setattr(asFd(mqdes, "mq_setattr", "mqdes"), bytes, old) < 0) {
    throw new LibcError("mq_setattr", errno(), `descriptor ${mqdes}`);
  }
}

type Priority = Uint32Array<ArrayBuffer> | null;

/** Where the priority goes: one number. */
function roomFor(msg_prio: Priority | undefined, syscall: string): Priority {
  if (msg_prio === undefined || msg_prio === null) return null;
  if (isUints(msg_prio) && byteLengthOf(msg_prio) >= 4) return msg_prio;
  throw new LibcError(syscall, "EFAULT", `msg_prio must be a Uint32Array with one place, got ${shown(msg_prio)}`);
}

/** How many bytes a message of the queue may have; undefined for what is none. */
function largestOf(mqdes: number): number | undefined {
  const attr = new mq_attr();
  if (own.mq_getattr(mqdes, structBytes(attr, SIZE.mq_attr, "mq_getattr", "attr")) < 0) return undefined;
  return memberOf(mq_attr, attr, "mq_msgsize");
}

function notMoved(syscall: string, errno: number, mqdes: number, length: bigint): LibcError {
  const code = errnoCode(errno);
  let detail = `descriptor ${mqdes}, ${length} bytes`;
  if (code === "EMSGSIZE") detail += `; mq_msgsize is ${largestOf(mqdes)}`;
  else if (code === "EINVAL") detail += `; priorities are below ${MQ_PRIO_MAX}`;
  return new LibcError(syscall, errno, detail);
}

/**
 * Puts a message into a queue, `mq_send(3)`. Waits while the queue is full, unless the descriptor is `O_NONBLOCK`.
 *
 * @param mqdes The queue's descriptor.
 * @param msg_ptr The message: bytes, or text to encode as UTF-8.
 * @param msg_len How many bytes of it to send; all unless given. 0 is fine.
 * @param msg_prio Its priority, 0 to 32767; 0 unless given. The higher are received first, of the same the oldest.
 * @throws {LibcError} `EAGAIN` full, with `O_NONBLOCK`; `EBADF` no queue, or not opened for writing; `EMSGSIZE` longer than
 * `mq_msgsize`; `EINTR` a signal came (with `SA_RESTART`, as handlers of `signal` have it, it
 * waits on); `EINVAL` no such priority; `EFAULT` `msg_len` exceeds the buffer.
 *
 * @example See {@linkcode mq_open}.
 */
export function mq_send(
  mqdes: number,
  msg_ptr: Uint8Array<ArrayBuffer> | string,
  msg_len?: number,
  msg_prio?: number,
): void {
  const bytes = typeof msg_ptr === "string" ? encoder.encode(msg_ptr) : msg_ptr;
  const length = asSize(asCount(bytes, msg_len, "mq_send"), "mq_send", "msg_len");
  const prio = msg_prio === undefined ? 0 : asUint(msg_prio, "mq_send", "msg_prio");
  if (c.mq_send(asFd(mqdes, "mq_send", "mqdes"), bytes, length, prio) < 0) {
    throw notMoved("mq_send", errno(), mqdes, length);
  }
}

/**
 * The same of a descriptor that is `O_NONBLOCK`, without an error for a full queue, which would cost more than all the rest.
 *
 * @returns Whether it was sent.
 * @ignore
 */
export function mq_sendOrNot(mqdes: number, bytes: Uint8Array<ArrayBuffer>, msg_prio: number): boolean {
  const length = asSize(asCount(bytes, undefined, "mq_send"), "mq_send", "msg_len");
  const prio = asUint(msg_prio, "mq_send", "msg_prio");
  if (c.mq_send(asFd(mqdes, "mq_send", "mqdes"), bytes, length, prio) === 0) return true;
  const failed = errno();
  if (failed === EAGAIN) return false;
  throw notMoved("mq_send", failed, mqdes, length);
}

/**
 * As {@linkcode mq_send}, but waits no longer than until a point in time, `mq_timedsend(3)`.
 *
 * @param mqdes The queue's descriptor.
 * @param msg_ptr The message: bytes, or text to encode as UTF-8.
 * @param msg_len How many bytes of it to send; all if it is `undefined`.
 * @param msg_prio Its priority.
 * @param abs_timeout Until when, in seconds since 1970 (`Date.now() / 1000 + 0.25` is a quarter of one from now), where C has a
 * `struct timespec` of `CLOCK_REALTIME`; `null` for ever.
 * @throws {LibcError} `ETIMEDOUT` the time is over; else as {@linkcode mq_send}.
 *
 * @example
 * ```ts
 * import { LibcError, mq_attr, mq_close, mq_open, mq_timedsend, mq_unlink, O_CREAT, O_RDWR } from "./mod.ts";
 *
 * const attr = new mq_attr();
 * attr.mq_maxmsg = attr.mq_msgsize = 1;
 * const queue = mq_open("/example_mq_timedsend", O_RDWR | O_CREAT, 0o600, attr);
 * mq_unlink("/example_mq_timedsend");
 * mq_timedsend(queue, "1", undefined, 0, null);
 * try {
 *   mq_timedsend(queue, "2", undefined, 0, Date.now() / 1000 + 0.01);
 * } catch (error) {
 *   console.log((error as LibcError).code); // ETIMEDOUT
 * }
 * mq_close(queue);
 * ```
 */
export function mq_timedsend(
  mqdes: number,
  msg_ptr: Uint8Array<ArrayBuffer> | string,
  msg_len: number | undefined,
  msg_prio: number,
  abs_timeout: number | null,
): void {
  const bytes = typeof msg_ptr === "string" ? encoder.encode(msg_ptr) : msg_ptr;
  const length = asSize(asCount(bytes, msg_len, "mq_timedsend"), "mq_timedsend", "msg_len");
  const prio = asUint(msg_prio, "mq_timedsend", "msg_prio");
  const until = momentOf(abs_timeout, "mq_timedsend");
  if (c.mq_timedsend(asFd(mqdes, "mq_timedsend", "mqdes"), bytes, length, prio, until) < 0) {
    throw notMoved("mq_timedsend", errno(), mqdes, length);
  }
}

/**
 * Takes the oldest of the messages with the highest priority out of a queue, `mq_receive(3)`. Waits until there is one, unless the
 * descriptor is `O_NONBLOCK`.
 *
 * @param mqdes The queue's descriptor.
 * @param msg_ptr Where the message goes: room for the queue's `mq_msgsize`, however long the message is.
 * @param msg_len How much room there is; the buffer's length unless given.
 * @param msg_prio Where its priority goes: `new Uint32Array(1)`. Make it once and use it often.
 * @returns How many bytes the message has.
 * @throws {LibcError} `EAGAIN` none, with `O_NONBLOCK`; `EBADF` no queue, or not opened for reading; `EMSGSIZE` less room than
 * `mq_msgsize`; `EINTR` a signal came (with `SA_RESTART`, as handlers of `signal` have it, it
 * waits on); `EFAULT` `msg_len` exceeds the buffer, or `msg_prio` has no place.
 *
 * @example See {@linkcode mq_open}.
 */
export function mq_receive(
  mqdes: number,
  msg_ptr: Uint8Array<ArrayBuffer>,
  msg_len?: number,
  msg_prio?: Uint32Array<ArrayBuffer> | null,
): number {
  const length = asSize(asCount(msg_ptr, msg_len, "mq_receive"), "mq_receive", "msg_len");
  const prio = roomFor(msg_prio, "mq_receive");
  const n = c.mq_receive(asFd(mqdes, "mq_receive", "mqdes"), msg_ptr, length, prio);
  if (n < 0) throw notMoved("mq_receive", errno(), mqdes, length);
  return n;
}

/**
 * The same of a descriptor that is `O_NONBLOCK`, but without an error for what is to be expected.
 *
 * @returns How many bytes the message has; -1 there is none.
 * @ignore
 */
export function mq_receiveOrNot(
  mqdes: number,
  buffer: Uint8Array<ArrayBuffer>,
  msg_prio: Uint32Array<ArrayBuffer>,
): number {
  const length = asSize(asCount(buffer, undefined, "mq_receive"), "mq_receive", "msg_len");
  const n = c.mq_receive(asFd(mqdes, "mq_receive", "mqdes"), buffer, length, roomFor(msg_prio, "mq_receive"));
  if (n >= 0) return n;
  const failed = errno();
  if (failed === EAGAIN) return -1;
  throw notMoved("mq_receive", failed, mqdes, length);
}

/**
 * As {@linkcode mq_receive}, but waits no longer than until a point in time, `mq_timedreceive(3)`.
 *
 * @param mqdes The queue's descriptor.
 * @param msg_ptr Where the message goes.
 * @param msg_len How much room there is; the buffer's length if it is `undefined`.
 * @param msg_prio Where its priority goes, or `null`.
 * @param abs_timeout Until when, in seconds since 1970, where C has a `struct timespec` of `CLOCK_REALTIME`; `null` for ever.
 * @returns How many bytes the message has.
 * @throws {LibcError} `ETIMEDOUT` the time is over; else as {@linkcode mq_receive}.
 *
 * @example
 * ```ts
 * import { LibcError, mq_close, mq_open, mq_timedreceive, mq_unlink, O_CREAT, O_RDWR } from "./mod.ts";
 *
 * const queue = mq_open("/example_mq_timedreceive", O_RDWR | O_CREAT);
 * mq_unlink("/example_mq_timedreceive");
 * try {
 *   mq_timedreceive(queue, new Uint8Array(8192), undefined, null, Date.now() / 1000 + 0.01);
 * } catch (error) {
 *   console.log((error as LibcError).code); // ETIMEDOUT
 * }
 * mq_close(queue);
 * ```
 */
export function mq_timedreceive(
  mqdes: number,
  msg_ptr: Uint8Array<ArrayBuffer>,
  msg_len: number | undefined,
  msg_prio: Uint32Array<ArrayBuffer> | null,
  abs_timeout: number | null,
): number {
  const length = asSize(asCount(msg_ptr, msg_len, "mq_timedreceive"), "mq_timedreceive", "msg_len");
  const prio = roomFor(msg_prio, "mq_timedreceive");
  const until = momentOf(abs_timeout, "mq_timedreceive");
  const n = c.mq_timedreceive(asFd(mqdes, "mq_timedreceive", "mqdes"), msg_ptr, length, prio, until);
  if (n < 0) throw notMoved("mq_timedreceive", errno(), mqdes, length);
  return n;
}

/**
 * Has a signal tell of the next message that comes into a queue while it is empty and nobody waits for it, `mq_notify(3)`. It is
 * told once; a queue tells one process.
 *
 * @param mqdes The queue's descriptor.
 * @param sevp Which signal, in a {@linkcode sigevent}; `null` gives it up again.
 * @throws {LibcError} `EBADF` no queue; `EBUSY` another process is to be told already; `EINVAL` no such signal, or neither
 * `SIGEV_SIGNAL` nor `SIGEV_NONE`; `EFAULT` not a {@linkcode sigevent}; `ENOMEM`.
 *
 * @example
 * ```ts
 * import { mq_close, mq_notify, mq_open, mq_send, mq_unlink, O_CREAT, O_RDWR, pause } from "./mod.ts";
 * import { SIG_DFL, sigevent, signal, SIGUSR1 } from "./mod.ts";
 *
 * signal(SIGUSR1, () => console.log("there is a message")); // there is a message
 * const queue = mq_open("/example_mq_notify", O_RDWR | O_CREAT);
 * mq_unlink("/example_mq_notify");
 * const sev = new sigevent();
 * sev.sigev_signo = SIGUSR1;
 * mq_notify(queue, sev);
 * mq_send(queue, "hello");
 * await pause();
 * mq_close(queue);
 * signal(SIGUSR1, SIG_DFL);
 * ```
 */
export function mq_notify(mqdes: number, sevp: sigevent | null): void {
  let bytes: Uint8Array<ArrayBuffer> | null = null;
  if (sevp !== null) {
    // a copy: what is checked here nobody can change before the call
    bytes = new Uint8Array(structBytes(sevp, SIZE.sigevent, "mq_notify", "sevp"));
    const notify = new DataView(bytes.buffer).getInt32(NOTIFY, true);
    if (notify !== SIGEV_SIGNAL && notify !== SIGEV_NONE) {
      throw new LibcError("mq_notify", "EINVAL", `sigev_notify must be SIGEV_SIGNAL or SIGEV_NONE, got ${notify}`);
    }
  }
  if (c.mq_notify(asFd(mqdes, "mq_notify", "mqdes"), bytes) < 0) {
    throw new LibcError("mq_notify", errno(), `descriptor ${mqdes}`);
  }
}
