/**
 * The part of `<sys/socket.h>` that is about messages of several parts, with control data: descriptors, credentials.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { byteLengthOf, plain } from "../../native/bytes.ts";
import { asBytes, asInt, asItems, asUint, option, shown } from "../../native/check.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { call, header } from "../../native/header.ts";
import { type Call, flags, i32, id, type Kind, oneOf, pointer, traced, u32 } from "../../native/kinds.ts";
import { fieldsOf, layout, layoutOf, ownBytes, Struct } from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import {
  Block,
  blockKind,
  blockOf,
  type ControlBytes,
  controlLength,
  controlSpace,
  intsIn,
} from "../../native/message.ts";
import type { TracedArgument } from "../../trace/event.ts";
import { addressOf, isAddress, received, type sockaddr, sockaddrFields, told } from "./_sockaddr.ts";

/** The options and the control messages of sockets in general. */
export const SOL_SOCKET = 1;

/** Urgent data. */
export const MSG_OOB = 0x1;
/** Look at the data, and leave it there. */
export const MSG_PEEK = 0x2;
/** Send to hosts that are connected directly only. */
export const MSG_DONTROUTE = 0x4;
/** Answer of {@linkcode recvmsg} only: there was more control data than room for it. */
export const MSG_CTRUNC = 0x8;
/** Give a datagram's real length, even if the buffer is shorter; as an answer: it was cut. */
export const MSG_TRUNC = 0x20;
/** Fail with `EAGAIN` instead of blocking. */
export const MSG_DONTWAIT = 0x40;
/** The end of a record. */
export const MSG_EOR = 0x80;
/** Wait until the buffer is full. */
export const MSG_WAITALL = 0x100;
/** Receive from the queue of errors. */
export const MSG_ERRQUEUE = 0x2000;
/** No `SIGPIPE` if the other side is gone; Deno ignores that signal anyway. */
export const MSG_NOSIGNAL = 0x4000;
/** More data will follow. */
export const MSG_MORE = 0x8000;
/** {@linkcode recvmsg}: descriptors that arrive are closed by `execve`. */
export const MSG_CMSG_CLOEXEC = 0x4000_0000;

/** A control message with descriptors, an array of numbers: the receiver gets descriptors of its own for the same files. */
export const SCM_RIGHTS = 0x1;
/** A control message with the sender's credentials, a {@linkcode ucred}; to get them, set `SO_PASSCRED`. */
export const SCM_CREDENTIALS = 0x2;
/** One with a descriptor of the sender's process, for who has set `SO_PASSPIDFD`. Headers don't all have it yet. */
const SCM_PIDFD = 0x4;

/** What `flags` can be of all that send and receive. */
export const msgFlags = flags({
  MSG_OOB,
  MSG_PEEK,
  MSG_DONTROUTE,
  MSG_CTRUNC,
  MSG_TRUNC,
  MSG_DONTWAIT,
  MSG_EOR,
  MSG_WAITALL,
  MSG_ERRQUEUE,
  MSG_NOSIGNAL,
  MSG_MORE,
  MSG_CMSG_CLOEXEC,
}, { radix: 16 });

/** A judge of whether one of these waits. */
export const unlessDontWait = (call: Call): boolean => (Number(call.argument("flags")) & MSG_DONTWAIT) === 0;

/**
 * Who a process is, `struct ucred` of `unix(7)`: the other end of a unix socket, for `SO_PEERCRED`, or the sender of a message, for
 * {@linkcode SCM_CREDENTIALS}.
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, getpid, getsockopt, SO_PEERCRED, SOCK_STREAM, socketpair, SOL_SOCKET, ucred } from "./mod.ts";
 *
 * const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
 * const peer = new ucred();
 * getsockopt(a, SOL_SOCKET, SO_PEERCRED, peer);
 * console.log(peer.pid === getpid()); // true
 * close(a);
 * close(b);
 * ```
 */
export class ucred extends Struct {
  /** The process; 0 if it cannot be seen from here. At the other end: the one that made the connection or listened for it. */
  declare pid: number;
  /** The user it runs as, or ran as. */
  declare uid: number;
  /** The group it runs as, or ran as. */
  declare gid: number;

  /**
   * Makes a value, all of it 0 unless given.
   *
   * @param pid The process.
   * @param uid Its user.
   * @param gid Its group.
   */
  constructor(pid?: number, uid?: number, gid?: number) {
    super();
    if (pid !== undefined) this.pid = pid;
    if (uid !== undefined) this.uid = uid;
    if (gid !== undefined) this.gid = gid;
  }
}
layout(ucred, "sendmsg", { pid: i32, uid: u32, gid: u32 });
const UCRED = layoutOf(ucred);

/** A control message, `struct cmsghdr` of `cmsg(3)` with its data. */
export interface cmsghdr {
  /** Whose it is: {@linkcode SOL_SOCKET}; of those received also another protocol's. */
  cmsg_level: number;
  /** {@linkcode SCM_RIGHTS} or {@linkcode SCM_CREDENTIALS}; of those received also what else an option has asked for. */
  cmsg_type: number;
  /**
   * The data: of `SCM_RIGHTS` (and what `SO_PASSPIDFD` asks for) an array of descriptors, of `SCM_CREDENTIALS` a
   * {@linkcode ucred}, of others the bytes.
   */
  cmsg_data: number[] | ucred | Uint8Array<ArrayBuffer>;
}

const NO_BYTES = new Uint8Array(0);
const MOST_ROOM = 1 << 20; // bytes: more than the kernel lets anybody send
const MOST_FDS = 253; // SCM_MAX_FD
const MOST_PARTS = 1024; // UIO_MAXIOV
const MOST_CONTROLS = 1024; // more would not fit into what the kernel takes

/**
 * How much room control data take, `CMSG_SPACE` of `cmsg(3)`: for {@linkcode msghdr.msg_controllen}.
 *
 * @param length How many bytes of data: 4 for each descriptor, 12 for credentials.
 * @returns The room in bytes.
 * @throws {LibcError} `EINVAL` not a number of bytes.
 *
 * @example
 * ```ts
 * import { CMSG_SPACE } from "./mod.ts";
 *
 * console.log(CMSG_SPACE(4)); // 24, for one descriptor
 * ```
 */
export function CMSG_SPACE(length: number): number {
  return controlSpace(asUint(length, "CMSG_SPACE", "length"));
}

/** What is asked of a message, whatever its properties say; undefined for what is none. */
let stateOf: (msg: unknown) => State | undefined;

interface State {
  name: sockaddr | null;
  iov: Uint8Array<ArrayBuffer>[];
  control: cmsghdr[];
  controllen: number;
  flags: number;
  /** The memory of its last call, for the next one; none while a call has it: a trace's listener may make another. */
  block: Block | undefined;
}

const KEPT = 1 << 16; // bytes: larger memory is not kept

/** Memory for one call. */
function blockFor(of: State, name: number, parts: readonly Uint8Array[], control: number, syscall: string): Block {
  const kept = of.block;
  of.block = undefined;
  if (kept === undefined || !kept.fits(name, parts, control)) return new Block(name, parts, control, syscall);
  kept.reset();
  return kept;
}

/** Keeps it for the next one. */
function keep(of: State, block: Block): void {
  if (block.size <= KEPT) of.block = block;
}

/**
 * A message, `struct msghdr` of `sendmsg(2)`: data in several parts, an address, and control data.
 *
 * What differs from C: an address and an array know their length, so `msg_namelen` and `msg_iovlen` are not there, and
 * `msg_control` is an array of messages. `msg_controllen` is the room that {@linkcode recvmsg} has for them; it stays as it is.
 *
 * @example See {@linkcode sendmsg}.
 */
export class msghdr {
  readonly #state: State;

  static {
    stateOf = (msg) => typeof msg === "object" && msg !== null && #state in msg ? msg.#state : undefined;
  }

  /**
   * Makes a message without address and control data.
   *
   * @param msg_iov The parts of the data; none unless given.
   */
  constructor(msg_iov?: Uint8Array<ArrayBuffer>[]) {
    const iov = msg_iov === undefined ? [] : msg_iov;
    this.#state = { name: null, iov, control: [], controllen: 0, flags: 0, block: undefined };
  }

  /** Where it goes, or room for where it came from; `null` for neither. */
  get msg_name(): sockaddr | null {
    return this.#state.name;
  }
  set msg_name(value: sockaddr | null) {
    if (value !== null && !isAddress(value)) {
      throw new LibcError("sendmsg", "EFAULT", `msg_name must be a sockaddr or null, got ${shown(value)}`);
    }
    this.#state.name = value;
  }

  /** The parts of the data, or room for them: what is received fills one after the other. At most 1024. */
  get msg_iov(): Uint8Array<ArrayBuffer>[] {
    return this.#state.iov;
  }
  set msg_iov(value: Uint8Array<ArrayBuffer>[]) {
    this.#state.iov = value;
  }

  /** The control messages: what is to be sent with it, or what was received. */
  get msg_control(): cmsghdr[] {
    return this.#state.control;
  }
  set msg_control(value: cmsghdr[]) {
    this.#state.control = value;
  }

  /** How many bytes of control data {@linkcode recvmsg} has room for, up to 1 MiB: sums of {@linkcode CMSG_SPACE}. 0 unless set. */
  get msg_controllen(): number {
    return this.#state.controllen;
  }
  set msg_controllen(value: number) {
    const room = asUint(value, "recvmsg", "msg_controllen");
    if (room > MOST_ROOM) throw new LibcError("recvmsg", "EINVAL", `msg_controllen is ${room}, 1 MiB is the most`);
    this.#state.controllen = room;
  }

  /** What {@linkcode recvmsg} has to say: `MSG_TRUNC` the data were cut, `MSG_CTRUNC` the control data were, `MSG_EOR` … */
  get msg_flags(): number {
    return this.#state.flags;
  }

  /** Shows the members when a message is logged: as accessors of the prototype they would not be seen. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    const found = stateOf(this);
    if (found === undefined) return "what only looks like a msghdr";
    const { name, iov, control, controllen, flags } = found;
    const members = {
      msg_name: name,
      msg_iov: iov,
      msg_control: control,
      msg_controllen: controllen,
      msg_flags: flags,
    };
    return `msghdr ${inspect(members, options)}`;
  }
}

function state(msg: msghdr, syscall: string): State {
  const found = stateOf(msg);
  if (found) return found;
  throw new LibcError(syscall, "EFAULT", `msg must be a msghdr, got ${shown(msg)}`);
}

function partsOf(iov: unknown, syscall: string): Uint8Array<ArrayBuffer>[] {
  const items = asItems(iov, MOST_PARTS + 1, syscall, "msg_iov");
  if (items.length > MOST_PARTS) throw new LibcError(syscall, "EMSGSIZE", `msg_iov has more than ${MOST_PARTS} parts`);
  return items.map((item, i) => asBytes(item as Uint8Array<ArrayBuffer>, syscall, `msg_iov[${i}]`));
}

/** The descriptors of a control message; the runtime's own don't go out. */
function descriptors(list: unknown, name: string): Uint8Array {
  const items = asItems(list, MOST_FDS + 1, "sendmsg", name);
  if (items.length > MOST_FDS) {
    throw new LibcError("sendmsg", "EINVAL", `${name} has more than ${MOST_FDS} descriptors`);
  }
  const fds = new Int32Array(items.length);
  items.forEach((item, i) => fds[i] = asFd(item as number, "sendmsg", `${name}[${i}]`));
  return new Uint8Array(fds.buffer);
}

function credentials(value: unknown, name: string): Uint8Array {
  const bytes = ownBytes(value);
  if (bytes !== undefined && byteLengthOf(bytes) === UCRED.size) return bytes.slice();
  throw new LibcError("sendmsg", "EFAULT", `${name} must be a ucred, got ${shown(value)}`);
}

/** A control message as bytes, which nobody else has. Of other kinds the kernel may take a part for an address. */
function controlBytes(item: unknown, i: number): ControlBytes {
  const name = `msg_control[${i}]`;
  const cmsg = item as cmsghdr;
  const level = asInt(option(cmsg, "cmsg_level", "sendmsg") as number, "sendmsg", `${name}.cmsg_level`);
  const type = asInt(option(cmsg, "cmsg_type", "sendmsg") as number, "sendmsg", `${name}.cmsg_type`);
  const given = option(cmsg, "cmsg_data", "sendmsg");
  if (level === SOL_SOCKET && type === SCM_RIGHTS) {
    return { level, type, data: descriptors(given, `${name}.cmsg_data`) };
  }
  if (level === SOL_SOCKET && type === SCM_CREDENTIALS) {
    return { level, type, data: credentials(given, `${name}.cmsg_data`) };
  }
  const what = `${name}: level ${level}, type ${type}; only SCM_RIGHTS and SCM_CREDENTIALS can be sent`;
  throw new LibcError("sendmsg", "EOPNOTSUPP", what);
}

function controlsOf(control: unknown): ControlBytes[] {
  const items = asItems(control, MOST_CONTROLS + 1, "sendmsg", "msg_control");
  if (items.length > MOST_CONTROLS) {
    throw new LibcError("sendmsg", "ENOBUFS", `msg_control has more than ${MOST_CONTROLS} messages`);
  }
  return items.map(controlBytes);
}

/** A control message that was received. */
function controlFrom({ level, type, data }: ControlBytes): cmsghdr {
  const isDescriptor = level === SOL_SOCKET && (type === SCM_RIGHTS || type === SCM_PIDFD);
  if (isDescriptor) return { cmsg_level: level, cmsg_type: type, cmsg_data: intsIn(data) };
  if (level === SOL_SOCKET && type === SCM_CREDENTIALS && data.length === UCRED.size) {
    const [pid, uid, gid] = intsIn(data);
    return { cmsg_level: level, cmsg_type: type, cmsg_data: new ucred(pid, uid >>> 0, gid >>> 0) };
  }
  return { cmsg_level: level, cmsg_type: type, cmsg_data: new Uint8Array(data) };
}

/** The descriptors that a message has brought. */
function brought([, msg]: unknown[]): number[] {
  return (blockOf(msg)?.controls() ?? []).flatMap(({ level, type, data }) =>
    level === SOL_SOCKET && (type === SCM_RIGHTS || type === SCM_PIDFD) ? intsIn(data).filter((fd) => fd >= 0) : []
  );
}

const levels = oneOf({ SOL_SOCKET });
const types = oneOf({ SCM_RIGHTS, SCM_CREDENTIALS, SCM_PIDFD }, 16);
const NO_CALL: Call = { args: [], done: true, argument: () => undefined, before: () => undefined };

function tracedControl({ level, type, data }: ControlBytes): TracedArgument {
  const ours = level === SOL_SOCKET;
  const cmsg_data = ours && (type === SCM_RIGHTS || type === SCM_PIDFD)
    ? intsIn(data)
    : ours && type === SCM_CREDENTIALS && data.length === UCRED.size
    ? fieldsOf(UCRED, new DataView(data.buffer, data.byteOffset, data.length))
    : traced(data);
  return {
    struct: "cmsghdr",
    fields: {
      cmsg_len: controlLength(data.length),
      cmsg_level: levels.decode(level, NO_CALL, ""),
      cmsg_type: ours ? types.decode(type, NO_CALL, "") : type,
      ...(data.length > 0 && { cmsg_data }),
    },
  };
}

/** What is told of a message of which so many bytes count. */
function tracedMessage(block: Block, length: number, room: number): TracedArgument {
  const { name, parts, namelen } = block;
  const address = name.subarray(0, Math.min(namelen, name.length));
  let rest = length;
  const msg_iov = parts.map((part) => {
    const taken = Math.min(rest, part.length);
    rest -= taken;
    return { struct: "iovec", fields: { iov_base: traced(part, taken), iov_len: part.length } };
  });
  const controls = block.controls();
  return {
    struct: "msghdr",
    fields: {
      msg_name: name.length === 0 ? null : address.length < 2 ? pointer(name) : sockaddrFields(address),
      msg_namelen: namelen === room ? namelen : { struct: "socklen_t", fields: { given: room, filled: namelen } },
      msg_iov,
      msg_iovlen: parts.length,
      ...(controls.length > 0 && { msg_control: controls.map(tracedControl) }),
      msg_controllen: block.controllen,
      msg_flags: msgFlags.decode(block.flags, NO_CALL, ""),
    },
  };
}

const messageIn: Kind<"buffer"> = blockKind((block) => tracedMessage(block, Infinity, block.namelen));
const messageOut: Kind<"buffer"> = blockKind((block, value, call) => {
  if (call.result === undefined) return pointer(value);
  if (call.done) return tracedMessage(block, call.result, block.name.length);
  return { struct: "msghdr", fields: { msg_namelen: block.namelen } };
});

const c = header({
  sendmsg: call(i32, [["sockfd", id], ["msg", messageIn], ["flags", msgFlags]], {
    waits: unlessDontWait,
    output: "sockfd",
  }),
  recvmsg: call(i32, [["sockfd", id], ["msg", messageOut], ["flags", msgFlags]], {
    waits: unlessDontWait,
    input: "sockfd",
    opens: brought,
  }),
});

/**
 * Sends a message: data in several parts, to an address if there is one, with control data. `sendmsg(2)`. It blocks while
 * the send buffer is full.
 *
 * Over unix sockets the control data can be descriptors ({@linkcode SCM_RIGHTS}, up to 253) and credentials
 * ({@linkcode SCM_CREDENTIALS}; others than one's own need privileges). A stream has to have at least one byte of data with them.
 * Other families take no notice of them. Other control messages are refused.
 *
 * @param sockfd The socket.
 * @param msg The message.
 * @param flags `MSG_DONTWAIT`, `MSG_NOSIGNAL` …; 0 unless given.
 * @returns How many bytes were sent, which can be fewer; the descriptors have gone with the first of them.
 * @throws {LibcError} As `send` and `sendto`; `EBADF` also a descriptor that is to be sent; `EINVAL` too many descriptors;
 * `ETOOMANYREFS` too many are under way; `EPERM`, `ESRCH` somebody else's credentials; `ENOBUFS` too much control data; `EMSGSIZE` also too
 * many parts; `EOPNOTSUPP` other control data; `ENOMEM`.
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, CMSG_SPACE, msghdr, pipe, read, recvmsg, SCM_RIGHTS, sendmsg, SOCK_STREAM, socketpair, SOL_SOCKET, write } from "./mod.ts";
 *
 * const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
 * const [reader, writer] = pipe();
 * const msg = new msghdr([new Uint8Array(1)]);
 * msg.msg_control = [{ cmsg_level: SOL_SOCKET, cmsg_type: SCM_RIGHTS, cmsg_data: [writer] }];
 * sendmsg(a, msg);
 *
 * const got = new msghdr([new Uint8Array(1)]);
 * got.msg_controllen = CMSG_SPACE(4);
 * recvmsg(b, got);
 * const [fd] = got.msg_control[0].cmsg_data as number[];
 * write(fd, "hello");
 * console.log(read(reader, new Uint8Array(256))); // 5
 * for (const one of [a, b, reader, writer, fd]) close(one);
 * ```
 */
export function sendmsg(sockfd: number, msg: msghdr, flags?: number): number {
  if (flags === undefined) flags = 0;
  const from = state(msg, "sendmsg");
  const { name, iov, control } = from;
  // all that a program's own classes and getters can do is done before the block is filled
  const to = name === null ? undefined : addressOf(name, "sendmsg");
  const controls = controlsOf(control);
  const parts = partsOf(iov, "sendmsg");
  flags = asInt(flags, "sendmsg", "flags");
  sockfd = asFd(sockfd, "sendmsg", "sockfd");
  for (const { type, data } of controls) {
    // a getter may have closed one that was looked at before, and its number may be the runtime's by now
    if (type === SCM_RIGHTS) { for (const fd of intsIn(data)) asFd(fd, "sendmsg", "msg_control"); }
  }
  const address = to === undefined ? NO_BYTES : plain(to.bytes, 0, Math.min(to.length, byteLengthOf(to.bytes)));
  let room = 0;
  for (const { data } of controls) room += controlSpace(data.length);
  const block = blockFor(from, address.length, parts, room, "sendmsg");
  block.name.set(address);
  block.putControl(controls);
  block.putParts(parts);
  const sent = c.sendmsg(sockfd, block.header, flags);
  keep(from, block);
  if (sent < 0) {
    throw new LibcError("sendmsg", errno(), `descriptor ${sockfd}${name === null ? "" : `, ${told(name)}`}`);
  }
  return sent;
}

/**
 * Receives a message: data in several parts, and where the message has room for it the sender's address and control data.
 * `recvmsg(2)`. It blocks until there is one.
 *
 * Descriptors that arrive ({@linkcode SCM_RIGHTS}) are the program's: each has to be closed, also with `MSG_PEEK`, which gives new ones
 * each time. Those for which there is no room are closed by the kernel, and `msg_flags` has `MSG_CTRUNC`.
 *
 * @param sockfd The socket.
 * @param msg What to fill: its `msg_iov`, its `msg_name` unless that is `null`, `msg_control` and `msg_flags`.
 * @param flags `MSG_CMSG_CLOEXEC`, `MSG_PEEK`, `MSG_DONTWAIT`, `MSG_TRUNC` …; 0 unless given.
 * @returns How many bytes were received; 0 at the end of a stream. With `MSG_TRUNC`, a datagram's full length.
 * @throws {LibcError} `EAGAIN`; `ENOTCONN`; `ECONNREFUSED`; `ECONNRESET`; `ENOTSOCK`; `EBADF`; `EINTR`; `EMSGSIZE` too many parts;
 * `EFAULT` a part's memory is gone; `ENOMEM`.
 *
 * @example See {@linkcode sendmsg}.
 */
export function recvmsg(sockfd: number, msg: msghdr, flags?: number): number {
  if (flags === undefined) flags = 0;
  const to = state(msg, "recvmsg");
  const { name, iov, controllen } = to;
  const from = name === null ? undefined : addressOf(name, "recvmsg");
  const parts = partsOf(iov, "recvmsg");
  flags = asInt(flags, "recvmsg", "flags");
  sockfd = asFd(sockfd, "recvmsg", "sockfd");
  const block = blockFor(to, from === undefined ? 0 : from.room, parts, controllen, "recvmsg");
  if (flags & MSG_TRUNC) block.putParts(parts); // TCP counts bytes that it puts nowhere
  const n = c.recvmsg(sockfd, block.header, flags);
  keep(to, block);
  if (n < 0) throw new LibcError("recvmsg", errno(), `descriptor ${sockfd}`);
  // first what would be lost for ever: descriptors
  to.control = block.controls().map(controlFrom);
  to.flags = block.flags;
  if (name !== null) {
    const bytes = ownBytes(name)!;
    bytes.set(block.name.subarray(0, Math.min(block.namelen, byteLengthOf(bytes))));
    received(name, block.namelen);
  }
  const gone = block.getParts(parts, n);
  if (gone !== undefined) throw new LibcError("recvmsg", "EFAULT", `the memory of msg_iov[${gone}] is gone`);
  return n;
}
