/**
 * `<sys/socket.h>` and `<sys/un.h>`: sockets.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { byteLengthOf, isBytes } from "../../native/bytes.ts";
import { asCount, asInt, asSize, shown } from "../../native/check.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { always, call, header } from "../../native/header.ts";
import {
  array,
  bytes as bytesIn,
  bytesOf,
  type Call,
  descriptor,
  filled,
  flags,
  i32,
  id,
  type Kind,
  memory,
  oneOf,
  received as receivedBytes,
  size,
  traced,
  u32,
  viewOn,
} from "../../native/kinds.ts";
import { layout, ownBytes, Struct, struct } from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import { IPPROTO_ICMP, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP } from "../netinet/in.ts";
import { isGettable, isSettable, ONLY_SET, OPTIONS, SO_PEERPIDFD } from "./_options.ts";
import { attempts } from "./_attempts.ts";
import { MSG_NOSIGNAL, msgFlags, SOL_SOCKET, ucred, unlessDontWait } from "./_msghdr.ts";
import { addressIn, addressOf, addressOut, FAMILIES, received, type sockaddr, socklen, told } from "./_sockaddr.ts";
import { timeval } from "./time.ts";
import "./un.ts"; // addresses of every family can be asked for

export { AF_INET, AF_INET6, AF_LOCAL, AF_UNIX, AF_UNSPEC, sockaddr, sockaddr_storage } from "./_sockaddr.ts";
export {
  CMSG_SPACE,
  type cmsghdr,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTROUTE,
  MSG_DONTWAIT,
  MSG_EOR,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  msghdr,
  recvmsg,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  sendmsg,
  SOL_SOCKET,
  ucred,
} from "./_msghdr.ts";

/** A stream of bytes, both ways, reliable, in order. */
export const SOCK_STREAM = 1;
/** Datagrams: messages without a connection, of limited size, unreliable. */
export const SOCK_DGRAM = 2;
/** Access to the network protocol itself. */
export const SOCK_RAW = 3;
/** A connection that keeps the bounds of messages. */
export const SOCK_SEQPACKET = 5;
/** With a type: calls fail with `EAGAIN` instead of blocking. */
export const SOCK_NONBLOCK = 0o4000;
/** With a type: the descriptor is closed by `execve`. */
export const SOCK_CLOEXEC = 0o2000000;

/** Print debugging information into the kernel's log. */
export const SO_DEBUG = 1;
/** Bind to a port that old connections still use. */
export const SO_REUSEADDR = 2;
/** What type the socket is; can't be set. */
export const SO_TYPE = 3;
/** The pending error, which is cleared by asking; can't be set. */
export const SO_ERROR = 4;
/** Send to hosts that are connected directly only. */
export const SO_DONTROUTE = 5;
/** Datagrams may go to a broadcast address. */
export const SO_BROADCAST = 6;
/** Size of the send buffer in bytes; the kernel doubles what is set. */
export const SO_SNDBUF = 7;
/** Size of the receive buffer in bytes; the kernel doubles what is set. */
export const SO_RCVBUF = 8;
/** Probe silent connections now and then. */
export const SO_KEEPALIVE = 9;
/** Urgent data comes in line. */
export const SO_OOBINLINE = 10;
/** What `close` does with unsent data, a {@linkcode linger}. */
export const SO_LINGER = 13;
/** Several sockets may be bound to one port. */
export const SO_REUSEPORT = 15;
/** Messages carry the sender's credentials. */
export const SO_PASSCRED = 16;
/** Who the other side of a unix socket is, a {@linkcode ucred}; can't be set. */
export const SO_PEERCRED = 17;
/** How many bytes there have to be until a read returns. */
export const SO_RCVLOWAT = 18;
/** How long a read may block, a {@linkcode timeval}. */
export const SO_RCVTIMEO = 20;
/** How long a write may block, a {@linkcode timeval}. */
export const SO_SNDTIMEO = 21;
/** Whether the socket listens; can't be set. */
export const SO_ACCEPTCONN = 30;
/** The socket's protocol; can't be set. */
export const SO_PROTOCOL = 38;
/** The socket's address family; can't be set. */
export const SO_DOMAIN = 39;

/** {@linkcode shutdown}: no more reading. */
export const SHUT_RD = 0;
/** {@linkcode shutdown}: no more writing; the other side sees the end of the file. */
export const SHUT_WR = 1;
/** {@linkcode shutdown}: neither. */
export const SHUT_RDWR = 2;

/** The largest backlog of {@linkcode listen}. */
export const SOMAXCONN = 4096;

/**
 * What `close` does with data not yet sent, for `SO_LINGER`: `struct linger` of `socket(7)`.
 *
 * @example See `setsockopt`.
 */
export class linger extends Struct {
  /** 1 if `close` lingers, else 0. */
  declare l_onoff: number;
  /** For how many seconds. */
  declare l_linger: number;

  /**
   * Makes a value, that of not lingering unless given.
   *
   * @param onoff Whether to linger at all.
   * @param seconds How long `close` may wait; 0 resets the connection at once.
   */
  constructor(onoff?: boolean | number, seconds?: number) {
    super();
    this.l_onoff = onoff === undefined ? 0 : onoff === true ? 1 : onoff === false ? 0 : onoff;
    this.l_linger = seconds === undefined ? 0 : seconds;
  }
}
layout(linger, "setsockopt", { l_onoff: i32, l_linger: i32 });

const type = flags({ SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_CLOEXEC, SOCK_NONBLOCK }, {
  mask: 0xf,
  radix: 16,
});
const domain = oneOf(FAMILIES, 16);
const PROTOCOLS = { IPPROTO_IP, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IPV6 };
/** Families whose protocols have names; of the others, 0 is all there is. */
const protocol: Kind<"i32"> = {
  ffi: "i32",
  decode(value, call, name) {
    const domain = Number(call.argument("domain"));
    return domain === FAMILIES.AF_INET || domain === FAMILIES.AF_INET6
      ? named.decode(value, call, name)
      : Number(value);
  },
};
const named = oneOf(PROTOCOLS);
/** The options of each level, by their names. */
const NAMES: Readonly<Record<string, Kind<"i32">>> = Object.fromEntries(
  Object.entries(OPTIONS).map(([level, names]) => [level, oneOf({ ...names, ...ONLY_SET[Number(level)] }, 16)]),
);
const optname: Kind<"i32"> = {
  ffi: "i32",
  decode: (value, call, name) => (NAMES[Number(call.argument("level"))] ?? i32).decode(value, call, name),
};

/** What the values of these options are, where it isn't an `int`. */
const VALUES: Readonly<Record<number, Kind<"buffer">>> = {
  [SO_LINGER]: struct(linger),
  [SO_RCVTIMEO]: struct(timeval),
  [SO_SNDTIMEO]: struct(timeval),
  [SO_PEERCRED]: struct(ucred),
};
const int = array(i32, 1);

/** An option's value, of so many bytes. */
function value(length: (call: Call) => number): Kind<"buffer"> {
  return memory((data, call, name) => {
    const known = call.argument("level") === SOL_SOCKET ? VALUES[Number(call.argument("optname"))] : undefined;
    const bytes = data.subarray(0, length(call));
    if (known) return known.decode(bytes, call, name);
    return bytes.length === 4 ? int.decode(bytes, call, name) : traced(bytes);
  });
}
const optvalIn = value((call) => Number(call.argument("optlen")));
const optvalOut = filled(value((call) => (call.argument("optlen") as Uint32Array)[0]));
const how = oneOf({ SHUT_RD, SHUT_WR, SHUT_RDWR }, 16);

/** The descriptor that this option's value is. */
function peerPidfd([, level, optname, optval]: unknown[]): number[] {
  if (level !== SOL_SOCKET || optname !== SO_PEERPIDFD) return [];
  const bytes = bytesOf(optval as Uint8Array);
  return bytes.length >= 4 ? [i32.read(viewOn(bytes), 0)] : [];
}

const accepts = (_args: unknown[], result: number) => result;
const connects = (args: unknown[]) => args[0] as number;

const c = header({
  socket: call(descriptor, [["domain", domain], ["type", type], ["protocol", protocol]]),
  socketpair: call(i32, [["domain", domain], ["type", type], ["protocol", protocol], ["sv", filled(array(id))]], {
    opens: (args) => [...args[3] as Int32Array],
  }),
  bind: call(i32, [["sockfd", id], ["addr", addressIn], ["addrlen", u32]]),
  listen: call(i32, [["sockfd", id], ["backlog", i32]]),
  accept: call(descriptor, [["sockfd", id], ["addr", addressOut], ["addrlen", socklen]], {
    waits: always,
    input: "sockfd",
    connects: accepts,
  }),
  accept4: call(descriptor, [
    ["sockfd", id],
    ["addr", addressOut],
    ["addrlen", socklen],
    ["flags", flags({ SOCK_CLOEXEC, SOCK_NONBLOCK }, { radix: 16 })],
  ], { waits: always, input: "sockfd", connects: accepts }),
  connect: call(i32, [["sockfd", id], ["addr", addressIn], ["addrlen", u32]], { waits: always, connects }),
  send: call(i32, [["sockfd", id], ["buf", bytesIn("len")], ["len", size], ["flags", msgFlags]], {
    waits: unlessDontWait,
    output: "sockfd",
  }),
  recv: call(i32, [["sockfd", id], ["buf", filled(receivedBytes("len"))], ["len", size], ["flags", msgFlags]], {
    waits: unlessDontWait,
    input: "sockfd",
  }),
  sendto: call(i32, [
    ["sockfd", id],
    ["buf", bytesIn("len")],
    ["len", size],
    ["flags", msgFlags],
    ["dest_addr", addressIn],
    ["addrlen", u32],
  ], { waits: unlessDontWait, output: "sockfd" }),
  recvfrom: call(i32, [
    ["sockfd", id],
    ["buf", filled(receivedBytes("len"))],
    ["len", size],
    ["flags", msgFlags],
    ["src_addr", addressOut],
    ["addrlen", socklen],
  ], { waits: unlessDontWait, input: "sockfd" }),
  shutdown: call(i32, [["sockfd", id], ["how", how]]),
  setsockopt: call(i32, [
    ["sockfd", id],
    ["level", oneOf({ SOL_SOCKET, ...PROTOCOLS })],
    ["optname", optname],
    ["optval", optvalIn],
    ["optlen", u32],
  ]),
  getsockopt: call(i32, [
    ["sockfd", id],
    ["level", oneOf({ SOL_SOCKET, ...PROTOCOLS })],
    ["optname", optname],
    ["optval", optvalOut],
    ["optlen", socklen],
  ], { opens: peerPidfd }),
  getsockname: call(i32, [["sockfd", id], ["addr", addressOut], ["addrlen", socklen]]),
  getpeername: call(i32, [["sockfd", id], ["addr", addressOut], ["addrlen", socklen]]),
});

/**
 * Makes a socket, `socket(2)`.
 *
 * @param domain `AF_INET`, `AF_INET6` or `AF_UNIX`.
 * @param type `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_SEQPACKET`, with `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
 * @param protocol 0 for the usual one.
 * @returns A descriptor; end it with `close`.
 * @throws {LibcError} `EAFNOSUPPORT`; `EPROTONOSUPPORT`; `EINVAL` no such type; `EACCES`; `EPERM`; `EMFILE`.
 *
 * @example
 * ```ts
 * import { AF_INET, close, SOCK_STREAM, socket } from "./mod.ts";
 *
 * const sockfd = socket(AF_INET, SOCK_STREAM, 0);
 * close(sockfd);
 * ```
 */
export function socket(domain: number, type: number, protocol: number): number {
  const sockfd = c.socket(
    asInt(domain, "socket", "domain"),
    asInt(type, "socket", "type"),
    asInt(protocol, "socket", "protocol"),
  );
  if (sockfd < 0) throw new LibcError("socket", errno(), `domain ${domain}, type ${type}, protocol ${protocol}`);
  return sockfd;
}

/**
 * Makes two sockets that are connected to each other, `socketpair(2)`.
 *
 * @param domain `AF_UNIX`.
 * @param type `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_SEQPACKET`, with `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
 * @param protocol 0.
 * @returns Both descriptors; end each with `close`.
 * @throws {LibcError} `EOPNOTSUPP` not for this family; `EAFNOSUPPORT`; `EMFILE`.
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, recv, send, SOCK_STREAM, socketpair } from "./mod.ts";
 *
 * const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
 * send(a, "hello", 5, 0);
 * const buf = new Uint8Array(256);
 * const n = recv(b, buf, 256, 0);
 * console.log(new TextDecoder().decode(buf.subarray(0, n))); // hello
 * close(a);
 * close(b);
 * ```
 */
export function socketpair(domain: number, type: number, protocol: number): [number, number] {
  const sv = new Int32Array(2);
  const result = c.socketpair(
    asInt(domain, "socketpair", "domain"),
    asInt(type, "socketpair", "type"),
    asInt(protocol, "socketpair", "protocol"),
    sv,
  );
  if (result < 0) throw new LibcError("socketpair", errno(), `domain ${domain}, type ${type}, protocol ${protocol}`);
  return [sv[0], sv[1]];
}

/**
 * Gives a socket its address, `bind(2)`. A unix path makes a file, which stays until `unlink`.
 *
 * @param sockfd The socket.
 * @param addr The address; port 0, or an empty `sun_path`, lets the kernel choose.
 * @throws {LibcError} `EADDRINUSE`; `EADDRNOTAVAIL` not an address of this host; `EACCES`; `EINVAL` bound already;
 * `EAFNOSUPPORT`; `ENOTSOCK`; `EBADF`; for paths `ENOENT`, `ENOTDIR` …
 *
 * @example
 * ```ts
 * import { AF_INET, bind, close, getsockname, SOCK_DGRAM, sockaddr_in, socket } from "./mod.ts";
 *
 * const sockfd = socket(AF_INET, SOCK_DGRAM, 0);
 * bind(sockfd, new sockaddr_in()); // 0.0.0.0, a port of the kernel's choice
 * const addr = new sockaddr_in();
 * getsockname(sockfd, addr);
 * console.log(addr.port !== 0); // true
 * close(sockfd);
 * ```
 */
export function bind(sockfd: number, addr: sockaddr): void {
  const { bytes, length } = addressOf(addr, "bind");
  if (c.bind(asFd(sockfd, "bind", "sockfd"), bytes, length) < 0) {
    throw new LibcError("bind", errno(), `descriptor ${sockfd}, ${told(addr)}`);
  }
}

/**
 * Makes a socket wait for connections, `listen(2)`.
 *
 * @param sockfd The socket; it should be bound.
 * @param backlog How many connections may wait to be accepted, up to {@linkcode SOMAXCONN}.
 * @throws {LibcError} `EADDRINUSE` another socket listens there; `EOPNOTSUPP` not for this type; `ENOTSOCK`; `EBADF`.
 *
 * @example
 * ```ts
 * import { AF_UNIX, bind, close, listen, SOCK_STREAM, sockaddr_un, socket } from "./mod.ts";
 *
 * const sockfd = socket(AF_UNIX, SOCK_STREAM, 0);
 * bind(sockfd, new sockaddr_un());
 * listen(sockfd, 5);
 * close(sockfd);
 * ```
 */
export function listen(sockfd: number, backlog: number): void {
  if (c.listen(asFd(sockfd, "listen", "sockfd"), asInt(backlog, "listen", "backlog")) < 0) {
    throw new LibcError("listen", errno(), `descriptor ${sockfd}`);
  }
}

/**
 * Takes the next connection, `accept(2)`. It blocks until there is one.
 *
 * @param sockfd A socket that listens.
 * @param addr Where to put the other side's address.
 * @returns The descriptor of the connection.
 * @throws {LibcError} `EINVAL` does not listen; `EAGAIN` none, and `SOCK_NONBLOCK`; `ECONNABORTED`; `EMFILE`;
 * `EOPNOTSUPP` not for this type; `ENOTSOCK`; `EBADF`; `EINTR`.
 *
 * @example
 * ```ts
 * import { accept, AF_UNIX, bind, close, connect, getsockname, listen, SOCK_STREAM, sockaddr_un, socket } from "./mod.ts";
 *
 * const sockfd = socket(AF_UNIX, SOCK_STREAM, 0);
 * bind(sockfd, new sockaddr_un());
 * listen(sockfd, 5);
 * const addr = new sockaddr_un();
 * getsockname(sockfd, addr);
 *
 * const client = socket(AF_UNIX, SOCK_STREAM, 0);
 * connect(client, addr);
 * const newsockfd = accept(sockfd);
 * for (const fd of [newsockfd, client, sockfd]) close(fd);
 * ```
 */
export function accept(sockfd: number, addr?: sockaddr | null): number {
  if (addr === undefined) addr = null;
  sockfd = asFd(sockfd, "accept", "sockfd");
  let connection: number;
  const socklen = new Uint32Array(1); // one a call: a trace's listener may make calls of its own in between
  if (addr === null) {
    connection = c.accept(sockfd, null, null);
  } else {
    const { bytes, room } = addressOf(addr, "accept");
    socklen[0] = room;
    connection = c.accept(sockfd, bytes, socklen);
  }
  if (connection < 0) throw new LibcError("accept", errno(), `descriptor ${sockfd}`);
  if (addr !== null) received(addr, socklen[0]);
  return connection;
}

/**
 * As {@linkcode accept}, with flags for the connection: `accept4(2)`.
 *
 * @param sockfd A socket that listens.
 * @param addr Where to put the other side's address, or `null`.
 * @param flags `SOCK_NONBLOCK`, `SOCK_CLOEXEC`, or 0.
 * @returns The descriptor of the connection.
 * @throws {LibcError} As {@linkcode accept}.
 *
 * @example See {@linkcode accept}.
 */
export function accept4(sockfd: number, addr: sockaddr | null, flags: number): number {
  sockfd = asFd(sockfd, "accept4", "sockfd");
  flags = asInt(flags, "accept4", "flags");
  let connection: number;
  const socklen = new Uint32Array(1);
  if (addr === null) {
    connection = c.accept4(sockfd, null, null, flags);
  } else {
    const { bytes, room } = addressOf(addr, "accept4");
    socklen[0] = room;
    connection = c.accept4(sockfd, bytes, socklen, flags);
  }
  if (connection < 0) throw new LibcError("accept4", errno(), `descriptor ${sockfd}`);
  if (addr !== null) received(addr, socklen[0]);
  return connection;
}

/**
 * Connects a socket, `connect(2)`. A stream blocks until the other side's kernel has answered; for datagrams it
 * only sets where they go and from where they are taken.
 *
 * @param sockfd The socket.
 * @param addr The other side's address.
 * @throws {LibcError} `ECONNREFUSED` nobody listens there; `EISCONN`; `EINPROGRESS` with `SOCK_NONBLOCK`; `ETIMEDOUT`;
 * `ENETUNREACH`; `EAFNOSUPPORT`; `EPROTOTYPE`; `ENOTSOCK`; `EBADF`; for paths `ENOENT`, `EACCES` …
 *
 * @example See {@linkcode accept}.
 */
export function connect(sockfd: number, addr: sockaddr): void {
  const { bytes, length } = addressOf(addr, "connect");
  if (c.connect(asFd(sockfd, "connect", "sockfd"), bytes, length) < 0) {
    throw new LibcError("connect", errno(), `descriptor ${sockfd}, ${told(addr)}`);
  }
}

const encoder = new TextEncoder();

/**
 * Sends on a connected socket, `send(2)`. It blocks while the send buffer is full.
 *
 * @param sockfd The socket.
 * @param buf The data; a string goes as UTF-8.
 * @param len How many bytes of it; all unless given.
 * @param flags `MSG_DONTWAIT`, `MSG_NOSIGNAL` …
 * @returns How many bytes were sent, which can be fewer.
 * @throws {LibcError} `EPIPE`; `ENOTCONN`; `EDESTADDRREQ`; `EAGAIN`; `EMSGSIZE`; `ECONNRESET`; `ENOTSOCK`; `EBADF`;
 * `EFAULT` more bytes than the buffer has.
 *
 * @example See {@linkcode socketpair}.
 */
export function send(sockfd: number, buf: Uint8Array<ArrayBuffer> | string, len?: number, flags?: number): number {
  if (flags === undefined) flags = 0;
  const bytes = typeof buf === "string" ? encoder.encode(buf) : buf;
  const sent = c.send(
    asFd(sockfd, "send", "sockfd"),
    bytes,
    asSize(asCount(bytes, len, "send"), "send", "len"),
    asInt(flags, "send", "flags"),
  );
  if (sent < 0) throw new LibcError("send", errno(), `descriptor ${sockfd}`);
  return sent;
}

/**
 * Receives from a connected socket, `recv(2)`. It blocks until there is something.
 *
 * @param sockfd The socket.
 * @param buf Where to put the data.
 * @param len How many bytes at most; the buffer's length unless given.
 * @param flags `MSG_PEEK`, `MSG_DONTWAIT`, `MSG_WAITALL` …
 * @returns How many bytes were received; 0 at the end of a stream. With `MSG_TRUNC`, a datagram's full length.
 * @throws {LibcError} `EAGAIN`; `ENOTCONN`; `ECONNREFUSED`; `ECONNRESET`; `ENOTSOCK`; `EBADF`; `EINTR`; `EFAULT` more
 * bytes than the buffer has.
 *
 * @example See {@linkcode socketpair}.
 */
export function recv(sockfd: number, buf: Uint8Array<ArrayBuffer>, len?: number, flags?: number): number {
  if (flags === undefined) flags = 0;
  const n = c.recv(
    asFd(sockfd, "recv", "sockfd"),
    buf,
    asSize(asCount(buf, len, "recv"), "recv", "len"),
    asInt(flags, "recv", "flags"),
  );
  if (n < 0) throw new LibcError("recv", errno(), `descriptor ${sockfd}`);
  return n;
}

const EAGAIN = 11;

attempts.recv = (sockfd, buf) => {
  const n = c.recv(asFd(sockfd, "recv", "sockfd"), buf, asSize(asCount(buf, undefined, "recv"), "recv", "len"), 0);
  if (n < 0 && errno() !== EAGAIN) throw new LibcError("recv", errno(), `descriptor ${sockfd}`);
  return n;
};

attempts.send = (sockfd, buf) => {
  const length = asSize(asCount(buf, undefined, "send"), "send", "len");
  const sent = c.send(asFd(sockfd, "send", "sockfd"), buf, length, MSG_NOSIGNAL);
  if (sent < 0 && errno() !== EAGAIN) throw new LibcError("send", errno(), `descriptor ${sockfd}`);
  return sent;
};

/**
 * Sends a datagram to an address, `sendto(2)`.
 *
 * @param sockfd The socket.
 * @param buf The data; a string goes as UTF-8.
 * @param len How many bytes of it.
 * @param flags `MSG_DONTWAIT` …, or 0.
 * @param dest_addr Where to send it; `null` if the socket is connected.
 * @returns How many bytes were sent.
 * @throws {LibcError} `EDESTADDRREQ`; `EMSGSIZE`; `ECONNREFUSED`; `EACCES` a broadcast address without `SO_BROADCAST`;
 * `EISCONN`; `EAFNOSUPPORT`; `EAGAIN`; `ENOTSOCK`; `EBADF`; `EFAULT` more bytes than the buffer has; for paths `ENOENT` …
 *
 * @example
 * ```ts
 * import { AF_UNIX, bind, close, getsockname, recvfrom, sendto, SOCK_DGRAM, sockaddr_un, socket } from "./mod.ts";
 *
 * const sockfd = socket(AF_UNIX, SOCK_DGRAM, 0);
 * bind(sockfd, new sockaddr_un());
 * const self = new sockaddr_un();
 * getsockname(sockfd, self);
 *
 * sendto(sockfd, "hello", 5, 0, self);
 * const from = new sockaddr_un();
 * console.log(recvfrom(sockfd, new Uint8Array(256), 256, 0, from), `${from}` === `${self}`); // 5 true
 * close(sockfd);
 * ```
 */
export function sendto(
  sockfd: number,
  buf: Uint8Array<ArrayBuffer> | string,
  len: number | undefined,
  flags: number,
  dest_addr: sockaddr | null,
): number {
  const data = typeof buf === "string" ? encoder.encode(buf) : buf;
  const to = dest_addr === null ? null : addressOf(dest_addr, "sendto");
  const sent = c.sendto(
    asFd(sockfd, "sendto", "sockfd"),
    data,
    asSize(asCount(data, len, "sendto"), "sendto", "len"),
    asInt(flags, "sendto", "flags"),
    to === null ? null : to.bytes,
    to === null ? 0 : to.length,
  );
  if (sent < 0) {
    throw new LibcError("sendto", errno(), `descriptor ${sockfd}${to === null ? "" : `, ${told(dest_addr!)}`}`);
  }
  return sent;
}

/**
 * Receives a datagram and its sender's address, `recvfrom(2)`. It blocks until there is one. What the buffer has no
 * room for is lost, unless `flags` has `MSG_PEEK`.
 *
 * @param sockfd The socket.
 * @param buf Where to put the data.
 * @param len How many bytes at most.
 * @param flags `MSG_PEEK`, `MSG_DONTWAIT`, `MSG_TRUNC` …, or 0.
 * @param src_addr Where to put the sender's address.
 * @returns How many bytes were received; with `MSG_TRUNC`, the datagram's full length.
 * @throws {LibcError} `EAGAIN`; `ECONNREFUSED`; `ENOTCONN`; `ENOTSOCK`; `EBADF`; `EINTR`; `EFAULT` more bytes than the
 * buffer has.
 *
 * @example See {@linkcode sendto}.
 */
export function recvfrom(
  sockfd: number,
  buf: Uint8Array<ArrayBuffer>,
  len: number | undefined,
  flags: number,
  src_addr?: sockaddr | null,
): number {
  if (src_addr === undefined) src_addr = null;
  const from = src_addr === null ? null : addressOf(src_addr, "recvfrom");
  const socklen = new Uint32Array([from === null ? 0 : from.room]);
  const n = c.recvfrom(
    asFd(sockfd, "recvfrom", "sockfd"),
    buf,
    asSize(asCount(buf, len, "recvfrom"), "recvfrom", "len"),
    asInt(flags, "recvfrom", "flags"),
    from === null ? null : from.bytes,
    from === null ? null : socklen,
  );
  if (n < 0) throw new LibcError("recvfrom", errno(), `descriptor ${sockfd}`);
  if (src_addr !== null) received(src_addr, socklen[0]);
  return n;
}

/**
 * Ends one or both directions of a connection, `shutdown(2)`; for all processes that share the socket.
 *
 * @param sockfd The socket.
 * @param how `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR`.
 * @throws {LibcError} `ENOTCONN`; `EINVAL` no such way; `ENOTSOCK`; `EBADF`.
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, recv, SHUT_WR, shutdown, SOCK_STREAM, socketpair } from "./mod.ts";
 *
 * const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
 * shutdown(a, SHUT_WR);
 * console.log(recv(b, new Uint8Array(1), 1, 0)); // 0, the end of the stream
 * close(a);
 * close(b);
 * ```
 */
export function shutdown(sockfd: number, how: number): void {
  if (c.shutdown(asFd(sockfd, "shutdown", "sockfd"), asInt(how, "shutdown", "how")) < 0) {
    throw new LibcError("shutdown", errno(), `descriptor ${sockfd}`);
  }
}

/** A value of an option that is not a number: {@linkcode timeval}, {@linkcode linger}, or the bytes of another structure. */
export type OptionValue = Struct | Uint8Array<ArrayBuffer>;

function unknownOption(syscall: string, level: number, optname: number): LibcError {
  const what = `level ${level}, option ${optname} is not known to be safe; "deno doc" tells of setsockopt which are`;
  return new LibcError(syscall, "EOPNOTSUPP", what);
}

function optionBytes(value: OptionValue, syscall: string): Uint8Array<ArrayBuffer> {
  const bytes = ownBytes(value) ?? value;
  if (isBytes(bytes)) return bytes;
  throw new LibcError(
    syscall,
    "EFAULT",
    `optval must be a number, a boolean, a structure or a Uint8Array, got ${shown(value)}`,
  );
}

/**
 * Sets an option, `setsockopt(2)`.
 *
 * It can be any whose value is known to be flat. Of others the kernel takes a part for an address, to which it may write, or
 * believes a count in the value instead of its length: they are refused, as is every option that isn't known. Known are:
 *
 * - `SOL_SOCKET`: all `SO_*` of `socket(7)` and `unix(7)`, and newer ones up to `SO_INQ`, but not `SO_ATTACH_FILTER` (also
 *   known as `SO_GET_FILTER`) and `SO_ATTACH_REUSEPORT_CBPF`, and not those of device memory.
 * - `IPPROTO_IP` (0): all `IP_*` and `MCAST_*` of `ip(7)`, and `SO_ORIGINAL_DST`; `IP_MSFILTER` and `MCAST_MSFILTER` can be
 *   set only. Not those of iptables and of multicast routing.
 * - `IPPROTO_IPV6` (41): all `IPV6_*` and `MCAST_*` of `ipv6(7)` and RFC 3542, likewise.
 * - `IPPROTO_TCP` (6): all `TCP_*` of `tcp(7)`, and newer ones up to `TCP_DELACK_MAX_US`, but not `TCP_ZEROCOPY_RECEIVE` and
 *   `TCP_AO_GET_KEYS`.
 * - `IPPROTO_UDP` (17) and `IPPROTO_UDPLITE` (136): all `UDP_*` and `UDPLITE_*`.
 * - `SOL_RAW` (255): `ICMP_FILTER`, `IPV6_CHECKSUM`; `IPPROTO_ICMPV6` (58): `ICMPV6_FILTER`.
 * - `SOL_PACKET` (263): `PACKET_*` of `packet(7)`, but not `PACKET_FANOUT_DATA`; `SOL_NETLINK` (270): `NETLINK_*` of
 *   `netlink(7)`; `AF_VSOCK` (40): `SO_VM_SOCKETS_*` of `vsock(7)`; `SOL_TLS` (282): `TLS_*`.
 * - `SOL_MPTCP` (284): `MPTCP_INFO`, `MPTCP_TCPINFO` and `MPTCP_SUBFLOW_ADDRS`, but not `MPTCP_FULL_INFO`.
 *
 * @param sockfd The socket.
 * @param level `SOL_SOCKET`, `IPPROTO_TCP`, `IPPROTO_IPV6` …
 * @param optname `SO_REUSEADDR`, `TCP_NODELAY` …
 * @param optval A number or a boolean for the many options that are an `int`; else the structure.
 * @throws {LibcError} `EOPNOTSUPP` an option that is not known to be safe; `ENOPROTOOPT` the kernel or the socket has no such
 * option; `EINVAL` a wrong value; `EDOM` a wrong duration; `EPERM`; `ENOTSOCK`; `EBADF`.
 *
 * @example
 * ```ts
 * import { AF_INET, close, linger, setsockopt, SO_LINGER, SO_RCVTIMEO, SO_REUSEADDR, SOCK_STREAM, socket, SOL_SOCKET, timeval } from "./mod.ts";
 *
 * const sockfd = socket(AF_INET, SOCK_STREAM, 0);
 * setsockopt(sockfd, SOL_SOCKET, SO_REUSEADDR, 1);
 * setsockopt(sockfd, SOL_SOCKET, SO_RCVTIMEO, new timeval(2, 500_000));
 * setsockopt(sockfd, SOL_SOCKET, SO_LINGER, new linger(1, 5));
 * close(sockfd);
 * ```
 */
export function setsockopt(
  sockfd: number,
  level: number,
  optname: number,
  optval: number | boolean | OptionValue,
): void {
  level = asInt(level, "setsockopt", "level");
  optname = asInt(optname, "setsockopt", "optname");
  if (!isSettable(level, optname)) throw unknownOption("setsockopt", level, optname);
  let bytes: Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
  if (typeof optval === "number" || typeof optval === "boolean") {
    bytes = new Int32Array([asInt(Number(optval), "setsockopt", "optval")]);
  } else {
    bytes = optionBytes(optval, "setsockopt");
  }
  const result = c.setsockopt(
    asFd(sockfd, "setsockopt", "sockfd"),
    level,
    optname,
    bytes,
    byteLengthOf(bytes),
  );
  if (result < 0) throw new LibcError("setsockopt", errno(), `descriptor ${sockfd}, level ${level}, option ${optname}`);
}

/**
 * Asks for an option, `getsockopt(2)`.
 *
 * @param sockfd The socket.
 * @param level `SOL_SOCKET`, `IPPROTO_TCP`, `IPPROTO_IPV6` …
 * @param optname `SO_ERROR`, `SO_TYPE`, `TCP_NODELAY` …
 * @param optval For options that are not an `int`: what to fill.
 * @returns The number; or with `optval`, how many bytes of it were filled.
 * @throws {LibcError} `EOPNOTSUPP` an option that is not known to be safe, such as `SO_GET_FILTER`: {@linkcode setsockopt}
 * tells which are; `ENOPROTOOPT` the kernel or the socket has no such option; `EINVAL` not a number, and nothing given to
 * fill; `ENOTSOCK`; `EBADF`.
 *
 * @example
 * ```ts
 * import { AF_INET, close, getsockopt, linger, SO_LINGER, SO_TYPE, SOCK_STREAM, socket, SOL_SOCKET } from "./mod.ts";
 *
 * const sockfd = socket(AF_INET, SOCK_STREAM, 0);
 * console.log(getsockopt(sockfd, SOL_SOCKET, SO_TYPE) === SOCK_STREAM); // true
 * const optval = new linger();
 * getsockopt(sockfd, SOL_SOCKET, SO_LINGER, optval);
 * console.log(optval.l_onoff); // 0
 * close(sockfd);
 * ```
 */
export function getsockopt(sockfd: number, level: number, optname: number, optval?: OptionValue): number {
  level = asInt(level, "getsockopt", "level");
  optname = asInt(optname, "getsockopt", "optname");
  if (!isGettable(level, optname)) throw unknownOption("getsockopt", level, optname);
  // more room than an int, to notice options that are something else
  const value = new Int32Array(64);
  const bytes = optval === undefined ? value : optionBytes(optval, "getsockopt");
  const socklen = new Uint32Array([byteLengthOf(bytes)]);
  // half a descriptor could not be closed
  if (level === SOL_SOCKET && optname === SO_PEERPIDFD && socklen[0] < 4) {
    throw new LibcError("getsockopt", "EINVAL", "optval must have the 4 bytes of a descriptor");
  }
  const result = c.getsockopt(
    asFd(sockfd, "getsockopt", "sockfd"),
    level,
    optname,
    bytes,
    socklen,
  );
  if (result < 0) throw new LibcError("getsockopt", errno(), `descriptor ${sockfd}, level ${level}, option ${optname}`);
  if (optval !== undefined) return socklen[0];
  if (socklen[0] !== 4) {
    throw new LibcError("getsockopt", "EINVAL", `option ${optname} is no number but ${socklen[0]} bytes: give optval`);
  }
  return value[0];
}

/**
 * Asks for the address of a socket, `getsockname(2)`.
 *
 * @param sockfd The socket.
 * @param addr Where to put the address.
 * @throws {LibcError} `ENOTSOCK`; `EBADF`; `EFAULT` not an address.
 *
 * @example See {@linkcode bind}.
 */
export function getsockname(sockfd: number, addr: sockaddr): void {
  const { bytes, room } = addressOf(addr, "getsockname");
  const socklen = new Uint32Array([room]);
  if (c.getsockname(asFd(sockfd, "getsockname", "sockfd"), bytes, socklen) < 0) {
    throw new LibcError("getsockname", errno(), `descriptor ${sockfd}`);
  }
  received(addr, socklen[0]);
}

/**
 * Asks for the address that a socket is connected to, `getpeername(2)`.
 *
 * @param sockfd The socket.
 * @param addr Where to put the address.
 * @throws {LibcError} `ENOTCONN`; `ENOTSOCK`; `EBADF`; `EFAULT` not an address.
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, getpeername, SOCK_STREAM, sockaddr_storage, socketpair } from "./mod.ts";
 *
 * const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
 * const addr = new sockaddr_storage();
 * getpeername(a, addr);
 * console.log(`${addr}` === ""); // true: the other side has no name
 * close(a);
 * close(b);
 * ```
 */
export function getpeername(sockfd: number, addr: sockaddr): void {
  const { bytes, room } = addressOf(addr, "getpeername");
  const socklen = new Uint32Array([room]);
  if (c.getpeername(asFd(sockfd, "getpeername", "sockfd"), bytes, socklen) < 0) {
    throw new LibcError("getpeername", errno(), `descriptor ${sockfd}`);
  }
  received(addr, socklen[0]);
}
