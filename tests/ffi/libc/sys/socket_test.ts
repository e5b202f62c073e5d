import { assert, assertEquals, assertMatch } from "@std/assert";
import type { LibcError } from "../../../../ffi/errors.ts";
import { O_RDONLY, open } from "../../../../ffi/libc/fcntl.ts";
import {
  htonl,
  INADDR_BROADCAST,
  INADDR_LOOPBACK,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV6_V6ONLY,
  sockaddr_in,
  sockaddr_in6,
  TCP_NODELAY,
} from "../../../../ffi/libc/netinet/in.ts";
import {
  accept,
  accept4,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  bind,
  connect,
  getpeername,
  getsockname,
  getsockopt,
  linger,
  listen,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  recv,
  recvfrom,
  send,
  sendto,
  setsockopt,
  SHUT_RDWR,
  SHUT_WR,
  shutdown,
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_DOMAIN,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_PEERCRED,
  SO_PROTOCOL,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  sockaddr,
  sockaddr_storage,
  socket,
  socketpair,
  SOL_SOCKET,
} from "../../../../ffi/libc/sys/socket.ts";
import { timeval } from "../../../../ffi/libc/sys/time.ts";
import { sockaddr_un } from "../../../../ffi/libc/sys/un.ts";
import { close, pipe, read, unlink, write } from "../../../../ffi/libc/unistd.ts";
import { trace } from "../../../../ffi/trace/trace.ts";
import { needs } from "../../../needs.ts";
import { fails } from "../../../support.ts";

const decoder = new TextDecoder();

function receive(fd: number, size = 256): string {
  const buf = new Uint8Array(size);
  return decoder.decode(buf.subarray(0, recv(fd, buf, size, 0)));
}

/** Makes sockets that are gone when the test is over, whatever happens to it. */
class Sockets {
  readonly #fds: number[] = [];
  readonly #paths: string[] = [];

  keep(...fds: number[]): number {
    this.#fds.push(...fds);
    return fds[0];
  }
  make(domain: number, type: number, protocol = 0): number {
    return this.keep(socket(domain, type, protocol));
  }
  pair(type = SOCK_STREAM): [number, number] {
    const pair = socketpair(AF_UNIX, type, 0);
    this.keep(...pair);
    return pair;
  }
  path(): string {
    const path = `${Deno.makeTempDirSync()}/socket`;
    this.#paths.push(path);
    return path;
  }
  /** A socket bound to a place of its own, and its address. */
  bound<T extends sockaddr>(type: number, addr: T): [number, T] {
    const fd = this.make(addr.family, type);
    bind(fd, addr);
    getsockname(fd, addr);
    return [fd, addr];
  }
  close(fd: number): void {
    this.#fds.splice(this.#fds.indexOf(fd), 1);
    close(fd);
  }
  [Symbol.dispose](): void {
    for (const fd of this.#fds) close(fd);
    for (const path of this.#paths) Deno.removeSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  }
}

function loopback(): sockaddr_in {
  return sockaddr.parse("127.0.0.1:0") as sockaddr_in;
}

function ipv6(): boolean {
  try {
    using sockets = new Sockets();
    sockets.bound(SOCK_STREAM, sockaddr.parse("[::1]:0"));
    return true;
  } catch (error) {
    console.log("skipped: this machine has no IPv6:", (error as Error).message);
    return false;
  }
}

/** Both ways through a stream, from the address to bind to. */
function exchange(sockets: Sockets, here: sockaddr, there: sockaddr): void {
  const [sockfd, addr] = sockets.bound(SOCK_STREAM, here);
  listen(sockfd, 5);
  const client = sockets.make(addr.family, SOCK_STREAM);
  connect(client, addr);
  const newsockfd = sockets.keep(accept(sockfd, there));
  assertEquals(write(client, "Did you get this?"), 17);
  assertEquals(receive(newsockfd), "Did you get this?");
  assertEquals(send(newsockfd, "I got your message", 18, 0), 18);
  const buf = new Uint8Array(256);
  assertEquals(read(client, buf, 255), 18);
  getpeername(client, addr);
  assertEquals(`${addr}`, `${here}`);
}

Deno.test("a stream goes both ways over IPv4, and accept() tells the client's address", () => {
  using sockets = new Sockets();
  const cli_addr = new sockaddr_in();
  exchange(sockets, loopback(), cli_addr);
  assertMatch(`${cli_addr}`, /^127\.0\.0\.1:[1-9]\d*$/);
  assertEquals([cli_addr.family, cli_addr.sin_addr.s_addr], [AF_INET, htonl(INADDR_LOOPBACK)]);
});

Deno.test("a stream goes both ways over IPv6", () => {
  if (!ipv6()) return;
  using sockets = new Sockets();
  const cli_addr = new sockaddr_in6();
  exchange(sockets, sockaddr.parse("[::1]:0"), cli_addr);
  assertMatch(`${cli_addr}`, /^\[::1\]:[1-9]\d*$/);
});

Deno.test("a stream goes both ways over a unix path, and an unnamed client has an empty address", () => {
  using sockets = new Sockets();
  const cli_addr = new sockaddr_un();
  cli_addr.sun_path = "/what/was/here/before";
  exchange(sockets, sockaddr.parse(sockets.path()), cli_addr);
  assertEquals([`${cli_addr}`, cli_addr.sun_path, cli_addr.length], ["", "", 2]);
});

Deno.test("a stream goes both ways over an abstract name, which the kernel chooses for an empty one", () => {
  using sockets = new Sockets();
  const here = new sockaddr_un();
  exchange(sockets, here, new sockaddr_storage());
  assertMatch(`${here}`, /^@[0-9a-f]{5}$/);
  exchange(sockets, sockaddr.parse(`@ipc_playground_test_${Deno.pid}`), new sockaddr_storage());
});

Deno.test("accept4() sets flags on the connection", () => {
  using sockets = new Sockets();
  const [sockfd, addr] = sockets.bound(SOCK_STREAM, new sockaddr_un());
  listen(sockfd, 5);
  const client = sockets.make(AF_UNIX, SOCK_STREAM);
  connect(client, addr);
  const from = new sockaddr_un();
  const connection = sockets.keep(accept4(sockfd, from, SOCK_NONBLOCK | SOCK_CLOEXEC));
  assertEquals(`${from}`, "");
  fails("EAGAIN", () => recv(connection, new Uint8Array(1)));
  fails("EINVAL", () => accept4(sockfd, null, 1));
  fails("EINVAL", () => accept4(connection, null, 0));
});

Deno.test("recvfrom() tells a datagram's sender, over IPv4 and unix", () => {
  using sockets = new Sockets();
  for (
    const [here, there] of [
      [loopback(), loopback()],
      [sockaddr.parse(sockets.path()), sockaddr.parse(sockets.path())],
      [new sockaddr_un(), new sockaddr_un()],
    ]
  ) {
    const [server, to] = sockets.bound(SOCK_DGRAM, here);
    const [client, me] = sockets.bound(SOCK_DGRAM, there);
    assertEquals(sendto(client, "ping", 4, 0, to), 4);
    const from = new sockaddr_storage();
    const buf = new Uint8Array(256);
    assertEquals(recvfrom(server, buf, 256, 0, from), 4);
    assertEquals(`${from}`, `${me}`);
    assertEquals(sendto(server, buf, 4, 0, from), 4);
    assertEquals(receive(client), "ping");
  }
});

Deno.test("recv() with MSG_PEEK and MSG_TRUNC leaves a datagram there and tells its length", () => {
  using sockets = new Sockets();
  const [a, b] = sockets.pair(SOCK_DGRAM);
  send(a, "0123456789");
  const buf = new Uint8Array(4);
  assertEquals(recv(b, buf, 4, MSG_PEEK), 4);
  assertEquals(recv(b, buf, 0, MSG_PEEK | MSG_TRUNC), 10);
  assertEquals(recv(b, buf, 4, MSG_TRUNC), 10);
  fails("EAGAIN", () => recv(b, buf, 4, MSG_DONTWAIT));
});

Deno.test("send() sends as many bytes as len says, of text as UTF-8", () => {
  using sockets = new Sockets();
  const [a, b] = sockets.pair();
  assertEquals(send(a, "né"), 3);
  assertEquals(send(a, "hello", 2), 2);
  assertEquals(send(a, new TextEncoder().encode("world"), 3, MSG_NOSIGNAL), 3);
  const buf = new Uint8Array(8);
  assertEquals(recv(b, buf, 8, MSG_WAITALL), 8);
  assertEquals(decoder.decode(buf), "néhewor");
});

Deno.test("SOCK_SEQPACKET keeps the bounds of messages", () => {
  using sockets = new Sockets();
  const [a, b] = sockets.pair(SOCK_SEQPACKET);
  send(a, "one");
  send(a, "two");
  assertEquals([receive(b), receive(b)], ["one", "two"]);
});

Deno.test("shutdown() ends one direction", () => {
  using sockets = new Sockets();
  const [a, b] = sockets.pair();
  shutdown(a, SHUT_WR);
  assertEquals(recv(b, new Uint8Array(1)), 0);
  send(b, "still");
  assertEquals(receive(a), "still");
  fails("EPIPE", () => send(a, "x"));
  fails("EINVAL", () => shutdown(a, 3));
  fails("ENOTCONN", () => shutdown(sockets.make(AF_INET, SOCK_STREAM), SHUT_RDWR));
});

Deno.test("getsockopt() gives numbers, and fills structures", () => {
  using sockets = new Sockets();
  const fd = sockets.make(AF_INET, SOCK_STREAM);
  const get = (name: number) => getsockopt(fd, SOL_SOCKET, name);
  assertEquals([SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN, SO_ERROR].map(get), [
    SOCK_STREAM,
    AF_INET,
    IPPROTO_TCP,
    0,
    0,
  ]);
  for (const name of [SO_REUSEADDR, SO_KEEPALIVE]) {
    for (const value of [true, false, 1, 0]) {
      setsockopt(fd, SOL_SOCKET, name, value);
      assertEquals(get(name), Number(value));
    }
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, new linger(1, 5));
  const slow = new linger();
  assertEquals([getsockopt(fd, SOL_SOCKET, SO_LINGER, slow), slow.l_onoff, slow.l_linger], [8, 1, 5]);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, new timeval(3, 0));
  const time = new timeval();
  assertEquals([getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, time), time.tv_sec], [16, 3]);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, Uint8Array.of(1, 0, 0, 0));
  assertEquals(get(SO_REUSEADDR), 1);
  const [a] = sockets.pair();
  const ucred = new Int32Array(3);
  assertEquals(getsockopt(a, SOL_SOCKET, SO_PEERCRED, new Uint8Array(ucred.buffer)), 12);
  assertEquals([...ucred], [Deno.pid, Deno.uid(), Deno.gid()]);
});

Deno.test("getsockopt() fails with EINVAL if the option is no number and there is nothing to fill", () => {
  using sockets = new Sockets();
  const fd = sockets.make(AF_INET, SOCK_STREAM);
  fails("EINVAL", () => getsockopt(fd, SOL_SOCKET, SO_LINGER));
  fails("EINVAL", () => getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO));
});

Deno.test("setsockopt() fails with ENOPROTOOPT, EINVAL, EDOM or EFAULT", () => {
  using sockets = new Sockets();
  const fd = sockets.make(AF_INET, SOCK_STREAM);
  fails("ENOPROTOOPT", () => setsockopt(fd, SOL_SOCKET, SO_TYPE, 1));
  const TCP_MD5SIG = 14; // can be set only
  fails("ENOPROTOOPT", () => getsockopt(fd, IPPROTO_TCP, TCP_MD5SIG));
  fails("EINVAL", () => setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, new Uint8Array(1)));
  fails("EINVAL", () => setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, 1));
  fails("EDOM", () => setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, new timeval(0, 1_000_000)));
  for (const value of [1.5, NaN, 2 ** 31]) fails("EINVAL", () => setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, value));
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of ["1", null, {}, [1]] as any[]) {
    fails("EFAULT", () => setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, value));
    fails("EFAULT", () => getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, value));
  }
});

Deno.test("SO_RCVTIMEO ends a blocking recv() with EAGAIN", () => {
  using sockets = new Sockets();
  const [a] = sockets.pair();
  setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, new timeval(0, 10_000));
  fails("EAGAIN", () => recv(a, new Uint8Array(1)));
});

Deno.test("socket() fails with EAFNOSUPPORT, EPROTONOSUPPORT or EINVAL", () => {
  assertEquals(
    fails("EAFNOSUPPORT", () => socket(999, SOCK_STREAM, 0)).message,
    "socket: Address family not supported by protocol (domain 999, type 1, protocol 0)",
  );
  fails("EPROTONOSUPPORT", () => socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
  fails("EINVAL", () => socket(AF_INET, 99, 0));
  fails("EOPNOTSUPP", () => socketpair(AF_INET, SOCK_STREAM, 0));
  fails("EAFNOSUPPORT", () => socketpair(999, SOCK_STREAM, 0));
});

Deno.test("bind() fails with EADDRINUSE, EADDRNOTAVAIL, EINVAL, EAFNOSUPPORT, ENOENT or ENOTDIR", () => {
  using sockets = new Sockets();
  const [first, addr] = sockets.bound(SOCK_STREAM, loopback());
  listen(first, 5);
  const second = sockets.make(AF_INET, SOCK_STREAM);
  const error = fails("EADDRINUSE", () => bind(second, addr));
  assertEquals(error.message, `bind: Address already in use (descriptor ${second}, ${addr})`);
  fails("EINVAL", () => bind(first, loopback()));
  fails("EADDRNOTAVAIL", () => bind(second, sockaddr.parse("192.0.2.77:0")));
  fails("EAFNOSUPPORT", () => bind(second, sockaddr.parse("[::1]:0")));
  const path = sockets.path();
  sockets.bound(SOCK_STREAM, sockaddr.parse(path));
  const unix = sockets.make(AF_UNIX, SOCK_STREAM);
  fails("EADDRINUSE", () => bind(unix, sockaddr.parse(path)));
  fails("ENOTDIR", () => bind(unix, sockaddr.parse(path + "/below")));
  fails("ENOENT", () => bind(unix, sockaddr.parse("/no/such/directory")));
  unlink(path);
  bind(unix, sockaddr.parse(path));
});

Deno.test("listen() fails with EOPNOTSUPP, EINVAL or EADDRINUSE", () => {
  using sockets = new Sockets();
  fails("EOPNOTSUPP", () => listen(sockets.make(AF_INET, SOCK_DGRAM), 5));
  fails("EINVAL", () => listen(sockets.make(AF_UNIX, SOCK_STREAM), 5)); // has no name
});

Deno.test("accept() fails with EINVAL, EAGAIN or EOPNOTSUPP", () => {
  using sockets = new Sockets();
  const [plain] = sockets.bound(SOCK_STREAM, loopback());
  fails("EINVAL", () => accept(plain));
  const [busy] = sockets.bound(SOCK_STREAM | SOCK_NONBLOCK, loopback());
  listen(busy, 5);
  fails("EAGAIN", () => accept(busy, new sockaddr_in()));
  fails("EOPNOTSUPP", () => accept(sockets.make(AF_INET, SOCK_DGRAM)));
});

Deno.test("connect() fails with ECONNREFUSED, EISCONN, EAFNOSUPPORT, ENOENT or EPROTOTYPE", () => {
  using sockets = new Sockets();
  const [sockfd, addr] = sockets.bound(SOCK_STREAM, loopback());
  fails("ECONNREFUSED", () => connect(sockets.make(AF_INET, SOCK_STREAM), addr)); // bound, but nobody listens
  listen(sockfd, 5);
  const client = sockets.make(AF_INET, SOCK_STREAM);
  connect(client, addr);
  fails("EISCONN", () => connect(client, addr));
  fails("EAFNOSUPPORT", () => connect(sockets.make(AF_INET, SOCK_STREAM), sockaddr.parse("[::1]:1")));
  fails("ENOENT", () => connect(sockets.make(AF_UNIX, SOCK_STREAM), sockaddr.parse("/no/such/socket")));
  fails("ECONNREFUSED", () => connect(sockets.make(AF_UNIX, SOCK_STREAM), sockaddr.parse("@no such name")));
  const path = sockets.path();
  const [unix, where] = sockets.bound(SOCK_STREAM, sockaddr.parse(path));
  fails("EPROTOTYPE", () => connect(sockets.make(AF_UNIX, SOCK_DGRAM), where));
  listen(unix, 5);
  sockets.close(unix); // its file is still there
  fails("ECONNREFUSED", () => connect(sockets.make(AF_UNIX, SOCK_STREAM), where));
});

Deno.test("connect() fails with EINPROGRESS on a SOCK_NONBLOCK stream", () => {
  using sockets = new Sockets();
  const [sockfd, addr] = sockets.bound(SOCK_STREAM, loopback());
  listen(sockfd, 5);
  fails("EINPROGRESS", () => connect(sockets.make(AF_INET, SOCK_STREAM | SOCK_NONBLOCK), addr));
});

Deno.test("send() and recv() fail with ENOTCONN, EDESTADDRREQ, EPIPE, EAGAIN or EMSGSIZE", () => {
  using sockets = new Sockets();
  const stream = sockets.make(AF_INET, SOCK_STREAM);
  fails("ENOTCONN", () => recv(stream, new Uint8Array(1)));
  fails("ENOTCONN", () => getpeername(stream, new sockaddr_in()));
  fails("EPIPE", () => send(stream, "x")); // TCP's answer
  fails("EDESTADDRREQ", () => send(sockets.make(AF_INET, SOCK_DGRAM), "x"));
  fails("ENOTCONN", () => send(sockets.make(AF_UNIX, SOCK_DGRAM), "x"));
  const [a, b] = sockets.pair();
  fails("EAGAIN", () => recv(a, new Uint8Array(1), 1, MSG_DONTWAIT));
  sockets.close(b);
  fails("EPIPE", () => send(a, "x"));
  const [udp, addr] = sockets.bound(SOCK_DGRAM, loopback());
  fails("EMSGSIZE", () => sendto(udp, new Uint8Array(65508), undefined, 0, addr));
  assertEquals(sendto(udp, new Uint8Array(65507), undefined, 0, addr), 65507);
});

Deno.test("sendto() fails with EISCONN, EACCES, EAFNOSUPPORT, ENOENT or ECONNREFUSED", () => {
  using sockets = new Sockets();
  const [udp, addr] = sockets.bound(SOCK_DGRAM, loopback());
  const everybody = new sockaddr_in();
  everybody.sin_addr.s_addr = htonl(INADDR_BROADCAST);
  everybody.sin_port = addr.sin_port;
  assertEquals(getsockopt(udp, SOL_SOCKET, SO_BROADCAST), 0);
  fails("EACCES", () => sendto(udp, "x", 1, 0, everybody));
  fails("EAFNOSUPPORT", () => sendto(udp, "x", 1, 0, sockaddr.parse("/some/path/as/long/as/an/address")));
  fails("ENOENT", () => sendto(sockets.make(AF_UNIX, SOCK_DGRAM), "x", 1, 0, sockaddr.parse("/no/such/socket")));
  const [a] = sockets.pair();
  fails("EISCONN", () => sendto(a, "x", 1, 0, new sockaddr_un()));
  const [gone, where] = sockets.bound(SOCK_DGRAM, loopback());
  sockets.close(gone);
  connect(udp, where);
  send(udp, "x");
  fails("ECONNREFUSED", () => recv(udp, new Uint8Array(1))); // the other side's kernel said so
});

Deno.test("socket calls fail with EBADF if the descriptor isn't open, with ENOTSOCK if it's no socket", () => {
  using sockets = new Sockets();
  const file = sockets.keep(open("/dev/null", O_RDONLY));
  const [reader, writer] = pipe();
  sockets.keep(reader, writer);
  const closed = socket(AF_INET, SOCK_STREAM, 0);
  close(closed);
  const calls: ((fd: number) => unknown)[] = [
    (fd) => bind(fd, loopback()),
    (fd) => listen(fd, 5),
    (fd) => accept(fd),
    (fd) => accept4(fd, null, 0),
    (fd) => connect(fd, loopback()),
    (fd) => send(fd, "x"),
    (fd) => recv(fd, new Uint8Array(1)),
    (fd) => sendto(fd, "x", 1, 0, loopback()),
    (fd) => recvfrom(fd, new Uint8Array(1), 1, 0, new sockaddr_in()),
    (fd) => shutdown(fd, SHUT_RDWR),
    (fd) => setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1),
    (fd) => getsockopt(fd, SOL_SOCKET, SO_TYPE),
    (fd) => getsockname(fd, new sockaddr_in()),
    (fd) => getpeername(fd, new sockaddr_in()),
  ];
  for (const call of calls) {
    for (const fd of [closed, -1, 0x7fffffff]) fails("EBADF", () => call(fd));
    for (const fd of [file, reader, writer]) fails("ENOTSOCK", () => call(fd));
    // deno-lint-ignore no-explicit-any -- what a caller without types may pass
    for (const fd of [1.5, NaN, 2 ** 32, "", "1", String(reader), null, undefined, {}] as any[]) {
      fails("EINVAL", () => call(fd));
    }
  }
});

Deno.test("socket calls fail with EINVAL if a number isn't a C int", () => {
  using sockets = new Sockets();
  const [a] = sockets.pair();
  const buf = new Uint8Array(4);
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [1.5, NaN, 2 ** 31, 2 ** 60, "1", null] as any[]) {
    fails("EINVAL", () => socket(value, SOCK_STREAM, 0));
    fails("EINVAL", () => socket(AF_UNIX, value, 0));
    fails("EINVAL", () => socket(AF_UNIX, SOCK_STREAM, value));
    fails("EINVAL", () => socketpair(value, SOCK_STREAM, 0));
    fails("EINVAL", () => listen(a, value));
    fails("EINVAL", () => accept4(a, null, value));
    fails("EINVAL", () => send(a, "x", 1, value));
    fails("EINVAL", () => recv(a, buf, 1, value));
    fails("EINVAL", () => sendto(a, "x", 1, value, null));
    fails("EINVAL", () => recvfrom(a, buf, 1, value));
    fails("EINVAL", () => shutdown(a, value));
    fails("EINVAL", () => setsockopt(a, value, SO_TYPE, 1));
    fails("EINVAL", () => setsockopt(a, SOL_SOCKET, value, 1));
    fails("EINVAL", () => getsockopt(a, value, SO_TYPE));
    fails("EINVAL", () => getsockopt(a, SOL_SOCKET, value));
  }
});

Deno.test("socket calls fail with EFAULT if a buffer or an address isn't one, or is too short", () => {
  using sockets = new Sockets();
  const [a] = sockets.pair();
  const buf = new Uint8Array(4);
  const detached = new Uint8Array(4);
  detached.buffer.transfer();
  for (const len of [5, -1, 1.5, NaN, 2 ** 40]) {
    fails("EFAULT", () => send(a, buf, len, 0));
    fails("EFAULT", () => send(a, "four", len, 0));
    fails("EFAULT", () => recv(a, buf, len, 0));
    fails("EFAULT", () => sendto(a, buf, len, 0, null));
    fails("EFAULT", () => recvfrom(a, buf, len, 0));
  }
  fails("EFAULT", () => recv(a, detached, 4, 0));
  const gone = loopback();
  gone.bytes.buffer.transfer();
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [undefined, {}, [], "127.0.0.1:80", new Uint8Array(16), gone] as any[]) {
    fails("EFAULT", () => bind(a, value));
    fails("EFAULT", () => connect(a, value));
    if (value !== undefined) fails("EFAULT", () => accept(a, value));
    fails("EFAULT", () => sendto(a, "x", 1, 0, value));
    if (value !== undefined) fails("EFAULT", () => recvfrom(a, buf, 1, 0, value));
    fails("EFAULT", () => getsockname(a, value));
    fails("EFAULT", () => getpeername(a, value));
  }
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [undefined, null, [1], new Int32Array(1), new ArrayBuffer(4)] as any[]) {
    fails("EFAULT", () => send(a, value, 1, 0));
    fails("EFAULT", () => recv(a, value, 1, 0));
  }
});

Deno.test("an address that has no room is cut, and has no text then", () => {
  if (!ipv6()) return;
  using sockets = new Sockets();
  const [fd, addr] = sockets.bound(SOCK_STREAM, sockaddr.parse("[::1]:0"));
  const small = new sockaddr_in();
  getsockname(fd, small);
  assertEquals([small.family, `${small}`], [AF_INET6, ""]);
  const both = sockets.make(AF_INET6, SOCK_STREAM);
  setsockopt(both, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  assertEquals(getsockopt(both, IPPROTO_IPV6, IPV6_V6ONLY), 1);
  const storage = new sockaddr_storage();
  getsockname(fd, storage);
  assertEquals([`${storage}`, storage.length], [`${addr}`, 28]);
});

needs("perl with IO::Socket")(
  "a Perl client talks to a server made of the thin functions, and a Perl server to a client",
  async () => {
    using sockets = new Sockets();
    const [sockfd, addr] = sockets.bound(SOCK_STREAM, loopback());
    listen(sockfd, 5);
    const perl = (code: string) =>
      new Deno.Command("perl", { args: ["-MIO::Socket::INET", "-e", code], stdin: "null", stdout: "piped" });
    const client = perl(
      `$s = IO::Socket::INET->new("${addr}") or die; $s->syswrite("from Perl"); $s->sysread($b, 256); print $b`,
    ).spawn();
    const newsockfd = sockets.keep(accept(sockfd));
    assertEquals(receive(newsockfd), "from Perl");
    send(newsockfd, "I got your message");
    const { stdout } = await client.output();
    assertEquals(decoder.decode(stdout), "I got your message");

    const server = perl(`$| = 1; $l = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
    print $l->sockport, "\\n"; $c = $l->accept; $c->sysread($b, 256); $c->syswrite(uc $b)`).spawn();
    const reader = server.stdout.getReader();
    const port = parseInt(decoder.decode((await reader.read()).value));
    const fd = sockets.make(AF_INET, SOCK_STREAM);
    connect(fd, sockaddr.parse(`127.0.0.1:${port}`));
    write(fd, "hello");
    assertEquals(receive(fd), "HELLO");
    await reader.cancel();
    assert((await server.status).success);
  },
);

Deno.test("getsockopt() refuses options whose structures would lead the kernel elsewhere", () => {
  using sockets = new Sockets();
  const IPPROTO_IP = 0, IP_MSFILTER = 41;
  const fd = sockets.make(AF_INET, SOCK_DGRAM);
  fails("EOPNOTSUPP", () => getsockopt(fd, IPPROTO_IP, IP_MSFILTER, new Uint8Array(16)));
});

Deno.test("the descriptor that SO_PEERPIDFD gives belongs to the program", () => {
  const SO_PEERPIDFD = 77;
  const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
  try {
    const value = new Int32Array(1);
    for (const traced of [false, true]) {
      using _tracing = traced ? trace(() => {}) : undefined;
      try {
        getsockopt(a, SOL_SOCKET, SO_PEERPIDFD, new Uint8Array(value.buffer));
      } catch (error) {
        assertEquals((error as LibcError).code, "ENOPROTOOPT", "an older kernel");
        return;
      }
      close(value[0]); // it closes on exec, as the runtime's do
    }
  } finally {
    close(a);
    close(b);
  }
});
