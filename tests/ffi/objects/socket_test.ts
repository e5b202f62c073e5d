import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { LibcError } from "../../../ffi/errors.ts";
import { POLLIN } from "../../../ffi/libc/poll.ts";
import {
  AF_INET,
  AF_UNIX,
  bind,
  getsockname,
  getsockopt,
  listen,
  setsockopt,
  SHUT_RD,
  SHUT_WR,
  SO_RCVBUF,
  SO_SNDBUF,
  SO_SNDTIMEO,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socket,
  socketpair,
  SOL_SOCKET,
} from "../../../ffi/libc/sys/socket.ts";
import { attempts } from "../../../ffi/libc/sys/_attempts.ts";
import { timeval } from "../../../ffi/libc/sys/time.ts";
import { sockaddr_un } from "../../../ffi/libc/sys/un.ts";
import { waitpid, WaitStatus } from "../../../ffi/libc/sys/wait.ts";
import { close, dup2, fork, pipe, read, write } from "../../../ffi/libc/unistd.ts";
import { ready } from "../../../ffi/objects/_reactor.ts";
import { Listener, Socket } from "../../../ffi/objects/socket.ts";
import { needs } from "../../needs.ts";
import { fails, rejects } from "../../support.ts";

const decoder = new TextDecoder();

async function reason(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then((value) => assert(false, `not rejected but ${Deno.inspect(value)}`), (reason) => reason);
}

/** Lets a wait that has begun get as far as the kernel. */
function moment(): Promise<void> {
  return new Promise((done) => setTimeout(done, 5));
}

async function readText(socket: Socket, size = 256): Promise<string | null> {
  const buf = new Uint8Array(size);
  const n = await socket.read(buf);
  return n === null ? null : decoder.decode(buf.subarray(0, n));
}

function openFds(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => `${name} ${linkOf(name)}`)
    .filter((text) => /socket:|eventfd/.test(text)).sort();
}

function linkOf(fd: string): string {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

/** Runs with a directory of its own. */
async function inDirectory(run: (path: string) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync();
  try {
    await run(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

async function connection(listener: Listener): Promise<[Socket, Socket]> {
  return await Promise.all([Socket.connect(listener.address), listener.accept()]);
}

async function exchange(listener: Listener): Promise<void> {
  const [client, server] = await connection(listener);
  await client.write("Did you get this?");
  assertEquals(await readText(server), "Did you get this?");
  await server.write("I got your message");
  assertEquals(await readText(client), "I got your message");
  assertEquals(`${client.remoteAddress}`, `${listener.address}`);
  assertEquals(`${server.remoteAddress}`, `${client.localAddress}`);
  client.close();
  assertEquals(await readText(server), null);
  server.close();
}

Deno.test("Socket.listen() and Socket.connect() make a connection over IPv4", async () => {
  using listener = Socket.listen("127.0.0.1:0");
  assertMatch(`${listener.address}`, /^127\.0\.0\.1:[1-9]\d*$/);
  await exchange(listener);
});

Deno.test("Socket.listen() and Socket.connect() make a connection over IPv6", async () => {
  let listener: Listener;
  try {
    listener = Socket.listen("[::1]:0");
  } catch (error) {
    return console.log("skipped: this machine has no IPv6:", (error as Error).message);
  }
  await exchange(listener);
  listener.close();
});

Deno.test("Socket.listen() and Socket.connect() make a connection over an abstract name", async () => {
  using listener = Socket.listen(`@ipc_playground_class_test_${Deno.pid}`);
  await exchange(listener);
});

Deno.test("Socket.listen() makes a private file, and close() removes it", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/socket`;
    const listener = Socket.listen(path);
    assertEquals(`${listener.address}`, path);
    assertEquals(Deno.lstatSync(path).mode! & 0o777, 0o600);
    await exchange(listener);
    fails("EADDRINUSE", () => Socket.listen(path));
    assert(Deno.lstatSync(path).isSocket);
    listener.close();
    assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
    const umask = Deno.umask(0);
    try {
      using _open = Socket.listen(path, { mode: 0o666 });
      assertEquals(Deno.lstatSync(path).mode! & 0o777, 0o666);
      Deno.removeSync(path); // that somebody else removed it is fine
    } finally {
      Deno.umask(umask);
    }
  }));

Deno.test("a name is resolved, and each of its addresses tried", async () => {
  using listener = Socket.listen("localhost:0");
  const port = listener.address.port;
  using client = await Socket.connect(`localhost:${port}`);
  using other = Socket.connectSync(`localhost:${port}`);
  for (const socket of [client, other]) {
    using server = await listener.accept();
    assertEquals(`${server.remoteAddress}`, `${socket.localAddress}`);
  }
  await rejects("EAI_SERVICE", Socket.connect("no_such_host:no_such_service"));
  fails("EAI_SERVICE", () => Socket.connectSync("localhost:no_such_service"));
});

Deno.test("Socket.connect() fails with ECONNREFUSED, ENOENT, EINVAL, ENAMETOOLONG or EACCES", async () => {
  const before = openFds();
  const listener = Socket.listen("127.0.0.1:0");
  const address = listener.address;
  listener.close();
  for (
    const [where, code] of [
      [address, "ECONNREFUSED"],
      [`${address}`, "ECONNREFUSED"],
      [`localhost:${address.port}`, "ECONNREFUSED"],
      ["@no such name", "ECONNREFUSED"],
      ["/no/such/socket", "ENOENT"],
      ["nonsense", "EINVAL"],
      ["", "EINVAL"],
      ["/" + "x".repeat(200), "ENAMETOOLONG"],
      ["255.255.255.255:1", "ENETUNREACH|EACCES"],
    ] as const
  ) {
    const code1 = (await assertRejects(() => Socket.connect(where), LibcError) as LibcError).code;
    const code2 = (assertThrows(() => Socket.connectSync(where), LibcError) as LibcError).code;
    assertMatch(code1, new RegExp(`^(${code})$`), `${where}`);
    assertEquals(code2, code1, `${where}`);
  }
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [null, undefined, 80, {}] as any[]) {
    await rejects("EINVAL", Socket.connect(value));
    fails("EINVAL", () => Socket.listen(value));
    fails("EINVAL", () => Socket.bind(value));
  }
  assertEquals(openFds(), before);
});

Deno.test("Socket.listen() fails with EADDRINUSE, EADDRNOTAVAIL, ENOENT or EINVAL, and leaves nothing open", () => {
  const before = openFds();
  {
    using listener = Socket.listen("127.0.0.1:0");
    fails("EADDRINUSE", () => Socket.listen(listener.address));
  }
  fails("EADDRNOTAVAIL", () => Socket.listen("192.0.2.77:0"));
  fails("ENOENT", () => Socket.listen("/no/such/directory"));
  fails("EINVAL", () => Socket.listen("127.0.0.1:0", { backlog: 1.5 }));
  assertEquals(openFds(), before);
});

Deno.test("Socket.listen() takes a port that an old connection still uses", async () => {
  const listener = Socket.listen("127.0.0.1:0");
  const { address } = listener;
  const [client, server] = await connection(listener);
  server.close(); // it closes first, so this end of the connection stays for a while
  assertEquals(await readText(client), null);
  client.close();
  listener.close();
  fails("EADDRINUSE", () => Socket.listen(address, { reuseAddress: false }));
  Socket.listen(address).close();
});

Deno.test("the Sync methods do the same", () => {
  using listener = Socket.listen(new sockaddr_un());
  using client = Socket.connectSync(listener.address);
  using server = listener.acceptSync();
  client.writeSync("hello");
  const buf = new Uint8Array(256);
  assertEquals(server.readSync(buf), 5);
  server.writeSync(buf.subarray(0, 5));
  assertEquals(client.readSync(buf), 5);
  client.shutdown(SHUT_WR);
  assertEquals(server.readSync(buf), null);
});

needs("perl with IO::Socket")("the Sync methods wait", async () => {
  using listener = Socket.listen("127.0.0.1:0");
  const code = `select undef, undef, undef, 0.03; $s = IO::Socket::INET->new("${listener.address}") or die;
    select undef, undef, undef, 0.03; $s->syswrite("hello"); while ($s->sysread($b, 65536)) { $n += length $b } print $n`;
  const perl = new Deno.Command("perl", { args: ["-MIO::Socket::INET", "-e", code], stdin: "null", stdout: "piped" })
    .spawn();
  {
    using server = listener.acceptSync();
    assertEquals(server.readSync(new Uint8Array(256)), 5);
    server.writeSync(new Uint8Array(4 << 20));
  }
  assertEquals(decoder.decode((await perl.output()).stdout), String(4 << 20));
});

Deno.test("Socket.pair() makes two ends, of any type", async () => {
  for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) {
    const [a, b] = Socket.pair({ type });
    assertEquals([a.type, b.type, a.domain, `${a.remoteAddress}`], [type, type, AF_UNIX, ""]);
    await a.write("one");
    await a.write("two");
    assertEquals(await readText(b), type === SOCK_STREAM ? "onetwo" : "one");
    a.close();
    b.close();
  }
});

Deno.test("Socket.fromFd() takes over a descriptor, and fails with ENOTSOCK or EBADF if that's no socket", async () => {
  const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
  using socket = Socket.fromFd(a);
  const pending = socket.read(new Uint8Array(8));
  write(b, "hello");
  assertEquals(await pending, 5);
  close(b);
  const [reader, writer] = pipe();
  fails("ENOTSOCK", () => Socket.fromFd(reader));
  fails("ENOTSOCK", () => Listener.fromFd(reader));
  assertEquals([write(writer, "x"), read(reader, new Uint8Array(1))], [1, 1]);
  close(reader);
  close(writer);
  fails("EBADF", () => Socket.fromFd(reader));
  fails("EBADF", () => Listener.fromFd(-1));
});

Deno.test("Listener.fromFd() takes over a socket that listens", async () => {
  const fd = socket(AF_UNIX, SOCK_STREAM, 0);
  bind(fd, new sockaddr_un());
  listen(fd, 5);
  using listener = Listener.fromFd(fd);
  const address = new sockaddr_un();
  getsockname(fd, address);
  assertEquals(`${listener.address}`, `${address}`);
  await exchange(listener);
});

Deno.test("write() writes everything, however slow the reader is, and one write after the other", async () => {
  const [a, b] = Socket.pair();
  const sent = new Uint8Array(3 << 20).map((_, i) => i * 7 + (i >> 8));
  const writes = [sent.subarray(0, 1 << 20), sent.subarray(1 << 20, 2 << 20), sent.subarray(2 << 20)]
    .map((part) => a.write(part));
  const got = new Uint8Array(sent.length);
  for (let at = 0; at < got.length;) at += (await b.read(got.subarray(at)))!;
  await Promise.all(writes);
  assert(got.every((byte, i) => byte === sent[i]));
  a.close();
  b.close();
});

Deno.test("write() that is given up while it waits its turn sends nothing, and lets nobody pass", async () => {
  const [a, b] = Socket.pair();
  const big = new Uint8Array(1 << 20);
  const stop = new AbortController();
  const first = a.write(big);
  const second = a.write("never", { signal: stop.signal });
  const third = a.write("third");
  stop.abort("enough");
  assertEquals(await reason(second), "enough");
  const got = new Uint8Array(big.length + 5);
  for (let at = 0; at < got.length;) at += (await b.read(got.subarray(at)))!;
  await Promise.all([first, third]);
  assertEquals(decoder.decode(got.subarray(big.length)), "third");
  a.close();
  assertEquals(await readText(b), null);
  b.close();
});

Deno.test("write() fails with EPIPE, ENOTCONN, EDESTADDRREQ or EMSGSIZE", async () => {
  const [a, b] = Socket.pair();
  b.close();
  await rejects("EPIPE", a.write("x"));
  fails("EPIPE", () => a.writeSync("x"));
  a.close();
  using unix = Socket.bind(new sockaddr_un());
  await rejects("ENOTCONN", unix.write("x"));
  using udp = Socket.bind("127.0.0.1:0");
  await rejects("EDESTADDRREQ", udp.write("x"));
  await rejects("EMSGSIZE", udp.sendTo(new Uint8Array(70000), udp.localAddress));
  assertEquals(udp.remoteAddress, null);
});

Deno.test("read() fails with ECONNRESET if the other side threw data away", async () => {
  using listener = Socket.listen("127.0.0.1:0");
  const [client, server] = await connection(listener);
  await client.write("unread");
  await moment();
  server.close();
  await rejects("ECONNRESET", client.read(new Uint8Array(1)));
  client.close();
});

Deno.test("sendTo() and receiveFrom() exchange datagrams over IPv4, IPv6, a path, and abstract names", () =>
  inDirectory(async (directory) => {
    for (
      const [here, there] of [
        ["127.0.0.1:0", "127.0.0.1:0"],
        ["[::1]:0", "[::1]:0"],
        [`${directory}/server`, `${directory}/client`],
        [new sockaddr_un(), new sockaddr_un()],
      ]
    ) {
      let server: Socket;
      try {
        server = Socket.bind(here);
      } catch (error) {
        if (`${here}`.startsWith("[")) {
          console.log("skipped: this machine has no IPv6:", (error as Error).message);
          continue;
        }
        throw error;
      }
      using client = Socket.bind(there);
      const pending = server.receiveFrom();
      await client.sendTo("ping", server.localAddress);
      const { data, address } = await pending;
      assertEquals([decoder.decode(data), `${address}`], ["ping", `${client.localAddress}`]);
      server.sendToSync("pong", address);
      const buf = new Uint8Array(256);
      const answer = client.receiveFromSync({ buf });
      assertStrictEquals(answer.data.buffer, buf.buffer);
      assertEquals([decoder.decode(answer.data), `${answer.address}`], ["pong", `${server.localAddress}`]);
      await client.sendTo("", `${server.localAddress}`);
      assertEquals((await server.receiveFrom()).data.length, 0);
      server.close();
    }
    assertEquals([...Deno.readDirSync(directory)], []);
  }));

Deno.test("sendTo() resolves names", async () => {
  using server = Socket.bind("127.0.0.1:0");
  using client = Socket.bind("127.0.0.1:0");
  await client.sendTo("one", `localhost:${server.localAddress.port}`);
  client.sendToSync("two", `localhost:${server.localAddress.port}`);
  assertEquals([await readText(server), await readText(server)], ["one", "two"]);
});

Deno.test("Socket.connect() with SOCK_DGRAM connects a datagram socket", async () => {
  using server = Socket.bind("127.0.0.1:0");
  using client = await Socket.connect(server.localAddress, { type: SOCK_DGRAM });
  assertEquals([client.domain, client.type, `${client.remoteAddress}`], [
    AF_INET,
    SOCK_DGRAM,
    `${server.localAddress}`,
  ]);
  await client.write("ping");
  const { address } = await server.receiveFrom();
  await server.sendTo("pong", address);
  assertEquals(await readText(client), "pong");
  server.close();
  await client.write("x");
  await rejects("ECONNREFUSED", client.read(new Uint8Array(1)));
});

Deno.test("Socket.bind() makes a private file", () =>
  inDirectory(async (directory) => {
    using server = Socket.bind(`${directory}/socket`);
    assertEquals(Deno.lstatSync(`${directory}/socket`).mode! & 0o777, 0o600);
    await rejects("EPROTOTYPE", Socket.connect(`${directory}/socket`));
    assertEquals(`${server.localAddress}`, `${directory}/socket`);
  }));

Deno.test("a datagram that doesn't fit fails with EMSGSIZE, and stays there", async () => {
  using server = Socket.bind("127.0.0.1:0");
  server.sendToSync("0123456789", server.localAddress);
  await rejects("EMSGSIZE", server.receiveFrom({ buf: new Uint8Array(9) }));
  await rejects("EMSGSIZE", server.read(new Uint8Array(9)));
  fails("EMSGSIZE", () => server.readSync(new Uint8Array(0)));
  assertEquals((await server.receiveFrom({ buf: new Uint8Array(10) })).data.length, 10);
  const large = new Uint8Array(65507).map((_, i) => i);
  await server.sendTo(large, server.localAddress);
  assertEquals((await server.receiveFrom()).data, large);
});

Deno.test("receiveFrom() fails with EOPNOTSUPP on a connection", async () => {
  const [a, b] = Socket.pair();
  await rejects("EOPNOTSUPP", a.receiveFrom());
  fails("EOPNOTSUPP", () => b.receiveFromSync());
  a.close();
  b.close();
});

Deno.test("sendTo() waits while the receiver's queue is full", async () => {
  using server = Socket.bind(new sockaddr_un());
  using client = Socket.bind(new sockaddr_un());
  const count = 600; // more than net.unix.max_dgram_qlen
  const sender = (async () => {
    for (let i = 0; i < count; i++) await client.sendTo(String(i), server.localAddress);
  })();
  await moment();
  for (let i = 0; i < count; i++) assertEquals(decoder.decode((await server.receiveFrom()).data), String(i));
  await sender;
});

Deno.test("Socket.connect() waits while a unix socket's backlog is full", async () => {
  using listener = Socket.listen(new sockaddr_un(), { backlog: 1 });
  const clients = Array.from({ length: 6 }, () => Socket.connect(listener.address));
  await moment();
  const servers: Socket[] = [];
  for await (const server of listener) if (servers.push(server) === clients.length) break;
  for (const socket of [...await Promise.all(clients), ...servers]) socket.close();
});

Deno.test("Socket.connect() can be given up, whatever it waits for", async () => {
  const before = openFds();
  const stop = AbortSignal.abort("before");
  assertEquals(await reason(Socket.connect("127.0.0.1:1", { signal: stop })), "before");
  using listener = Socket.listen(new sockaddr_un(), { backlog: 0 });
  const first = await Socket.connect(listener.address);
  const late = new AbortController();
  const second = Socket.connect(listener.address, { signal: late.signal });
  await moment();
  late.abort("late");
  assertEquals(await reason(second), "late");
  first.close();
  listener.close();
  assertEquals(openFds(), before);
});

Deno.test("an aborted wait is rejected with the signal's reason, and loses nothing", async () => {
  using listener = Socket.listen("127.0.0.1:0");
  const waits: [(signal: AbortSignal) => Promise<unknown>][] = [];
  const [client, server] = await connection(listener);
  using udp = Socket.bind("127.0.0.1:0");
  const buf = new Uint8Array(256);
  waits.push(
    [(signal) => listener.accept({ signal })],
    [(signal) => server.read(buf, { signal })],
    [(signal) => udp.receiveFrom({ buf, signal })],
  );
  for (const [wait] of waits) {
    assertEquals(await reason(wait(AbortSignal.abort("at once"))), "at once");
    const stop = new AbortController();
    const pending = wait(stop.signal);
    await moment();
    stop.abort("later");
    assertEquals(await reason(pending), "later");
    assertEquals(((await reason(wait(AbortSignal.timeout(5)))) as DOMException).name, "TimeoutError");
  }
  await client.write("still here");
  assertEquals(await readText(server), "still here");
  await udp.sendTo("and here", udp.localAddress);
  assertEquals(await readText(udp), "and here");
  const third = Socket.connectSync(listener.address);
  (await listener.accept()).close();
  for (const socket of [client, server, third]) socket.close();
});

Deno.test("an abort and data at the same moment: either the data comes, or it stays", async () => {
  for (let i = 0; i < 50; i++) {
    const [a, b] = Socket.pair();
    const stop = new AbortController();
    const pending = b.read(new Uint8Array(8), { signal: stop.signal }).catch(() => "aborted" as const);
    if (i % 2) await moment();
    if (i % 3) a.writeSync("x");
    stop.abort();
    if (i % 3 === 0) a.writeSync("x");
    if (await pending === "aborted") assertEquals(await readText(b), "x");
    a.close();
    b.close();
  }
});

Deno.test("close() rejects those who wait with EBADF, and so does what comes after it", async () => {
  const before = openFds();
  const listener = Socket.listen("127.0.0.1:0");
  const [client, server] = await connection(listener);
  const udp = Socket.bind("127.0.0.1:0");
  setsockopt(client.fd, SOL_SOCKET, SO_SNDBUF, 4096);
  setsockopt(server.fd, SOL_SOCKET, SO_RCVBUF, 4096);
  const buf = new Uint8Array(256);
  const waits = [listener.accept(), client.read(buf), udp.receiveFrom()].map((wait) => rejects("EBADF", wait));
  const full = rejects("EBADF", client.write(new Uint8Array(64 << 20)));
  await moment();
  for (const socket of [listener, udp, client, server]) socket.close();
  await Promise.all([...waits, full]);
  for (const socket of [listener, udp, client, server]) {
    assertEquals(socket.fd, -1);
    socket.close(); // does nothing
  }
  await rejects("EBADF", listener.accept());
  fails("EBADF", () => listener.acceptSync());
  fails("EBADF", () => listener.address);
  await rejects("EBADF", client.read(buf));
  await rejects("EBADF", client.write("x"));
  fails("EBADF", () => client.readSync(buf));
  fails("EBADF", () => client.writeSync("x"));
  fails("EBADF", () => client.localAddress);
  fails("EBADF", () => client.remoteAddress);
  fails("EBADF", () => client.shutdown());
  await rejects("EBADF", udp.receiveFrom());
  await rejects("EBADF", udp.sendTo("x", "127.0.0.1:9"));
  assertEquals(openFds(), before);
});

Deno.test("after close() the address is free at once, even if somebody was waiting", async () => {
  for (const address of ["127.0.0.1:0", `@ipc_playground_reuse_test_${Deno.pid}`]) {
    let listener = Socket.listen(address);
    const where = listener.address;
    let udp = Socket.bind(address.replace("reuse", "again"));
    const place = udp.localAddress;
    for (let i = 0; i < 20; i++) {
      const waits = [listener.accept(), udp.receiveFrom()].map((wait) => rejects("EBADF", wait));
      if (i % 2) await moment();
      listener.close();
      listener = Socket.listen(where);
      udp.close();
      udp = Socket.bind(place);
      await Promise.all(waits);
    }
    listener.close();
    udp.close();
  }
});

Deno.test("for await takes one connection after the other, until the listener is closed", async () => {
  const listener = Socket.listen("127.0.0.1:0");
  const served = (async () => {
    let count = 0;
    for await (const connection of listener) {
      await connection.write(String(++count));
      connection.close();
    }
    return count;
  })();
  for (let i = 1; i <= 5; i++) {
    using client = await Socket.connect(listener.address);
    assertEquals(await readText(client), String(i));
  }
  listener.close();
  assertEquals(await served, 5);
});

Deno.test("many sockets wait at the same time, and each gets its own", async () => {
  const pairs = Array.from({ length: 100 }, () => Socket.pair());
  const texts = pairs.map(([a]) => readText(a));
  await moment();
  pairs.toReversed().forEach(([, b], i) => b.writeSync(String(99 - i)));
  assertEquals(await Promise.all(texts), pairs.map((_, i) => String(i)));
  for (const pair of pairs) for (const socket of pair) socket.close();
});

Deno.test("two waits for one socket share what comes, and reading doesn't hinder writing", async () => {
  const [a, b] = Socket.pair();
  const both = [readText(a, 1), readText(a, 1)];
  await moment();
  await a.write("meanwhile");
  assertEquals(await readText(b), "meanwhile");
  await b.write("xy");
  assertEquals(await Promise.all(both), ["x", "y"]);
  a.close();
  b.close();
});

Deno.test("a descriptor that was closed underneath ends the wait with EBADF", async () => {
  const [a, b] = Socket.pair();
  // numbers that nobody else will take meanwhile
  const [early, late] = [dup2(a.fd, 501), dup2(a.fd, 502)];
  close(early);
  await rejects("EBADF", ready(early, POLLIN));
  const outcome = rejects("EBADF", ready(late, POLLIN));
  await moment();
  close(late);
  await Promise.all([readText(a), b.write("x")]); // takes the wait round once more
  await outcome;
  a.close();
  b.close();
});

Deno.test("the wait takes no descriptor once nobody waits", async () => {
  const before = openFds();
  const [a, b] = Socket.pair();
  const pending = readText(a);
  await moment();
  assert(openFds().length > before.length + 2, "two sockets and one more");
  await b.write("x");
  await pending;
  a.close();
  b.close();
  await moment();
  assertEquals(openFds(), before);
});

Deno.test("readable and writable are the streams of the web", async () => {
  const [a, b] = Socket.pair();
  const text = new Response(b.readable).text();
  const writer = a.writable.getWriter();
  await writer.write("Did you ");
  await writer.write(new TextEncoder().encode("get this?"));
  await writer.close();
  assertEquals(await text, "Did you get this?");
  assertStrictEquals(a.writable, a.writable);
  await b.write("and back"); // the other direction is still open
  assertEquals(await readText(a), "and back");
  const waiting = a.readable.getReader();
  const chunk = waiting.read();
  await moment();
  await waiting.cancel("enough");
  assertEquals((await chunk).done, true);
  a.close();
  b.close();
});

Deno.test("readable takes small chunks for little data, and large ones for much", async () => {
  const [a, b] = Socket.pair();
  const reader = b.readable.getReader();
  a.writeSync("little");
  const { value } = await reader.read();
  assertEquals(decoder.decode(value), "little");
  assert(value!.buffer.byteLength <= 1 << 14, "not much memory is kept for it");
  const sent = new Uint8Array(2 << 20).map((_, i) => i * 7 + (i >> 8));
  const writing = a.write(sent);
  let at = 0;
  let longest = 0;
  while (at < sent.length) {
    const { value } = await reader.read();
    assert(value!.every((byte, i) => byte === sent[at + i]));
    at += value!.length;
    longest = Math.max(longest, value!.length);
  }
  await writing;
  assert(longest > 1 << 16, `${longest} bytes at a time`);
  a.close();
  b.close();
});

Deno.test("attempts that would have to wait tell so without an error, others fail as the functions do", () => {
  const [a, b] = Socket.pair();
  const buf = new Uint8Array(1 << 20);
  assertEquals(attempts.recv(a.fd, buf), -1);
  const sent = attempts.send(b.fd, buf);
  assert(sent > 0 && sent < buf.length);
  assertEquals(attempts.send(b.fd, buf), -1);
  let got = 0;
  for (let n; (n = attempts.recv(a.fd, buf)) > 0;) got += n;
  assertEquals(got, sent);
  b.close();
  assertEquals(attempts.recv(a.fd, buf), 0);
  assertEquals(fails("EPIPE", () => attempts.send(a.fd, buf)).syscall, "send");
  const { fd } = a;
  a.close();
  assertEquals(fails("EBADF", () => attempts.recv(fd, buf)).message, `recv: Bad file descriptor (descriptor ${fd})`);
});

Deno.test("shutdown() ends a direction, and fails with EINVAL if there is none such", async () => {
  const [a, b] = Socket.pair();
  a.shutdown(SHUT_WR);
  assertEquals(await readText(b), null);
  b.shutdown(SHUT_RD);
  await rejects("EPIPE", a.write("x"));
  await b.write("x");
  assertEquals(await readText(a), "x");
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  fails("EINVAL", () => a.shutdown("write" as any));
  a.shutdown();
  assertEquals(await readText(a), null);
  a.close();
  b.close();
});

Deno.test("a wrong buffer fails with EFAULT", async () => {
  const [a, b] = Socket.pair();
  using udp = Socket.bind("127.0.0.1:0");
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [undefined, null, 1, {}, new Int8Array(4)] as any[]) {
    await rejects("EFAULT", udp.read(value));
    if (value !== undefined) await rejects("EFAULT", udp.receiveFrom({ buf: value }));
    await rejects("EFAULT", a.read(value));
    await rejects("EFAULT", a.write(value));
    fails("EFAULT", () => a.readSync(value));
    fails("EFAULT", () => a.writeSync(value));
    await rejects("EFAULT", a.sendTo(value, "@x"));
  }
  a.close();
  b.close();
});

needs("perl with IO::Socket")(
  "a Perl server answers over a unix path, and a Perl client over UDP",
  () =>
    inDirectory(async (directory) => {
      const path = `${directory}/socket`;
      const perl = (code: string) =>
        new Deno.Command("perl", {
          args: ["-MIO::Socket::UNIX", "-MIO::Socket::INET", "-e", code],
          stdin: "null",
          stdout: "piped",
        })
          .spawn();
      const server = perl(`$| = 1; $l = IO::Socket::UNIX->new(Local => "${path}", Listen => 1) or die; print "ready\\n";
      $c = $l->accept; $c->sysread($b, 256); $c->syswrite(uc $b)`);
      const reader = server.stdout.getReader();
      await reader.read();
      using client = await Socket.connect(path);
      await client.write("hello");
      assertEquals(await readText(client), "HELLO");
      await reader.cancel();
      assert((await server.status).success);

      using udp = Socket.bind("127.0.0.1:0");
      const peer = perl(`$s = IO::Socket::INET->new(Proto => "udp", PeerAddr => "${udp.localAddress}") or die;
      $s->send("ping"); $s->recv($b, 256); print $b`);
      const { data, address } = await udp.receiveFrom();
      await udp.sendTo(`${decoder.decode(data)} from ${address}`, address);
      assertEquals(decoder.decode((await peer.output()).stdout), `ping from ${address}`);
    }),
);

Deno.test("a program ends by itself when nobody waits, also with --allow-ffi alone", async () => {
  const code = `import { Socket } from "${new URL("../../../ffi/objects/socket.ts", import.meta.url)}";
    const listener = Socket.listen("127.0.0.1:0");
    const [client, server] = await Promise.all([Socket.connect(listener.address), listener.accept()]);
    const waits = [listener.accept(), server.read(new Uint8Array(8), { signal: AbortSignal.timeout(20) })];
    setTimeout(() => listener.close(), 20);
    console.log(JSON.stringify((await Promise.allSettled(waits)).map(({ reason }) => reason.code ?? reason.name)));`;
  const { code: status, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--allow-ffi", `data:application/typescript,${encodeURIComponent(code)}`],
  }).output();
  assertEquals([status, decoder.decode(stdout)], [0, '["EBADF",23]\n'], decoder.decode(stderr));
});

Deno.test("a forked child may close what the parent waits for, and the parent keeps its file", () =>
  inDirectory(async (directory) => {
    const from = (path: string) => `"${new URL(path, import.meta.url)}"`;
    const code = `import { Socket } from ${from("../../../ffi/objects/socket.ts")};
      import { fork } from ${from("../../../ffi/libc/unistd.ts")};
      import { wait } from ${from("../../../ffi/libc/sys/wait.ts")};
      using listener = Socket.listen("${directory}/socket");
      const pending = listener.accept();
      await new Promise((done) => setTimeout(done, 5));
      const [a, b] = Socket.pair();
      fork(() => {
        listener.close();
        b.writeSync("x");
      });
      b.close();
      const n = [await a.read(new Uint8Array(8)), await a.read(new Uint8Array(8))];
      wait();
      using client = Socket.connectSync("${directory}/socket");
      using server = await pending;
      console.log(JSON.stringify(n));
      a.close();`;
    const { code: status, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-lock",
        "--allow-ffi",
        "--v8-flags=--single-threaded",
        `data:application/typescript,${encodeURIComponent(code)}`,
      ],
    }).output();
    assertEquals([status, decoder.decode(stdout)], [0, "[1,null]\n"], decoder.decode(stderr));
    assertEquals([...Deno.readDirSync(directory)], []);
  }));

Deno.test("a child that closes a listener leaves the parent's wait for it as it was", async () => {
  using listener = Socket.listen(`@ipc_playground_${crypto.randomUUID()}`);
  const accepted = listener.accept();
  await new Promise((resolve) => setTimeout(resolve, 20)); // the poll is under way
  const status = new WaitStatus();
  waitpid(fork(() => listener.close()), status);
  assertEquals(status.exitStatus, 0);
  const ticks = () =>
    Deno.readTextFileSync("/proc/self/stat").split(" ").slice(13, 15).map(Number).reduce((a, b) => a + b);
  const before = ticks();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert(ticks() - before < 25, "the parent does not spin"); // in hundredths of a second: spinning takes 50
  using _client = await Socket.connect(String(listener.address));
  using _connection = await accepted;
});

Deno.test("Socket.listen() with SOCK_SEQPACKET accepts connections that keep the bounds of messages", async () => {
  const type = SOCK_SEQPACKET;
  await inDirectory(async (directory) => {
    const path = `${directory}/socket`;
    {
      using listener = Socket.listen(path, { type });
      const [client, server] = await Promise.all([Socket.connect(path, { type }), listener.accept()]);
      assertEquals([client.type, server.type], [type, type]);
      await client.write("one");
      await client.write("two");
      assertEquals([await readText(server), await readText(server)], ["one", "two"]);
      client.close();
      assertEquals(await readText(server), null);
      server.close();
      fails("EPROTOTYPE", () => Socket.connectSync(path));
    }
    fails("EOPNOTSUPP", () => Socket.listen(path, { type: SOCK_DGRAM }));
    assertEquals([...Deno.readDirSync(directory)], []);
  });
  const { code } = assertThrows(() => Socket.listen("127.0.0.1:0", { type }), LibcError) as LibcError;
  assertMatch(code, /^E(SOCKTNOSUPPORT|PROTONOSUPPORT)$/);
});

needs("perl with IO::Socket")("peerCredentials tells who is at the other end of a unix socket", async () => {
  const name = `ipc_playground_cred_test_${Deno.pid}`;
  using listener = Socket.listen(`@${name}`);
  const perl = new Deno.Command("perl", {
    args: [
      "-MSocket",
      "-e",
      `socket(S, AF_UNIX, SOCK_STREAM, 0) or die $!; connect(S, pack_sockaddr_un("\\0${name}")) or die $!; sysread(S, $b, 1)`,
    ],
    stdin: "null",
  }).spawn();
  {
    using server = await listener.accept();
    assertEquals(server.peerCredentials, { pid: perl.pid, uid: Deno.uid()!, gid: Deno.gid()! });
  }
  assert((await perl.status).success);
  using client = Socket.connectSync(`@${name}`);
  assertEquals(client.peerCredentials?.pid, Deno.pid);
  using alone = Socket.bind(new sockaddr_un());
  using udp = Socket.bind("127.0.0.1:0");
  assertEquals([alone.peerCredentials, udp.peerCredentials], [null, null]);
  client.close();
  fails("EBADF", () => client.peerCredentials);
});

Deno.test("the Sync methods fail with ETIMEDOUT when the time is over, and lose nothing", async () => {
  const before = openFds();
  using listener = Socket.listen(new sockaddr_un(), { backlog: 0 });
  const waited = performance.now();
  assertEquals(
    fails("ETIMEDOUT", () => listener.acceptSync({ timeout: 20 })).message,
    "accept: Connection timed out (waited for 20 ms)",
  );
  assert(performance.now() - waited >= 19, "it waits");
  const client = Socket.connectSync(listener.address, { timeout: 60_000 });
  fails("ETIMEDOUT", () => Socket.connectSync(listener.address, { timeout: 5 })); // the backlog is full
  const server = listener.acceptSync({ timeout: 0 });
  const buf = new Uint8Array(256);
  assertEquals(fails("ETIMEDOUT", () => server.readSync(buf, { timeout: 5 })).syscall, "recv");
  client.writeSync("x", { timeout: 0 });
  assertEquals(server.readSync(buf, { timeout: 0 }), 1);
  assertEquals(fails("ETIMEDOUT", () => client.writeSync(new Uint8Array(64 << 20), { timeout: 5 })).syscall, "send");
  assert((await server.read(buf))! > 0, "a part was sent");
  using one = Socket.bind(new sockaddr_un());
  using other = Socket.bind(new sockaddr_un());
  assertEquals(fails("ETIMEDOUT", () => one.receiveFromSync({ timeout: 5 })).syscall, "recvfrom");
  let sent = 0;
  fails("ETIMEDOUT", () => {
    for (;; sent++) other.sendToSync("x", one.localAddress, { timeout: 5 });
  });
  for (; sent > 0; sent--) assertEquals(one.receiveFromSync({ buf, timeout: 0 }).data.length, 1);
  for (const bad of [-1, NaN, Infinity, "1", null] as number[]) {
    fails("EINVAL", () => listener.acceptSync({ timeout: bad }));
    fails("EINVAL", () => Socket.connectSync(listener.address, { timeout: bad }));
  }
  for (const socket of [client, server, one, other, listener]) socket.close();
  assertEquals(openFds(), before);
});

Deno.test("Socket.connectSync() with a time limit leaves none on the socket", () => {
  for (const address of ["127.0.0.1:0", new sockaddr_un()]) {
    using listener = Socket.listen(address);
    using client = Socket.connectSync(listener.address, { timeout: 1500 });
    const limit = new timeval(1, 1);
    getsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, limit);
    assertEquals([limit.tv_sec, limit.tv_usec], [0, 0]);
  }
});
