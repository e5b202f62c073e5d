// Descriptors and credentials through Socket, between processes of every kind.
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { O_RDONLY, open } from "../../../ffi/libc/fcntl.ts";
import {
  AF_INET,
  AF_UNIX,
  bind,
  getsockname,
  getsockopt,
  setsockopt,
  SO_SNDBUF,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socket,
  socketpair,
  SOL_SOCKET,
} from "../../../ffi/libc/sys/socket.ts";
import { sockaddr_un } from "../../../ffi/libc/sys/un.ts";
import { close, pipe, read, write } from "../../../ffi/libc/unistd.ts";
import { Listener, type ReceivedFds, Socket } from "../../../ffi/objects/socket.ts";
import { needs } from "../../needs.ts";
import { fails, FFI, file, Program, rejects } from "../../support.ts";

const decoder = new TextDecoder();

function openFds(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      return [`${name} ${Deno.readLinkSync(`/proc/self/fd/${name}`)}`];
    } catch {
      return []; // that of the directory
    }
  }).filter((text) => !/\/fd$|eventfd/.test(text)).sort();
}

/** Runs something that has to close all that it opens. */
async function closes(run: () => Promise<void>): Promise<void> {
  const before = openFds();
  await run();
  assertEquals(openFds(), before);
}

function textFrom(fd: number): string {
  const buf = new Uint8Array(256);
  return decoder.decode(buf.subarray(0, read(fd, buf)));
}

const text = ({ data }: ReceivedFds) => decoder.decode(data);

/** Something to send: the reading end has what is written through the other. */
function withPipe(use: (reader: number, writer: number) => Promise<void> | void): Promise<void> {
  return closes(async () => {
    const [reader, writer] = pipe();
    try {
      await use(reader, writer);
    } finally {
      close(reader);
      close(writer);
    }
  });
}

/** Tells that a descriptor is the other end of a pipe, and closes it. */
function isWriter(fd: number, reader: number): void {
  write(fd, "there");
  close(fd);
  assertEquals(textFrom(reader), "there");
}

for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) {
  Deno.test(`sendFds() and receiveFds() pass descriptors over sockets of type ${type}`, () =>
    withPipe(async (reader, writer) => {
      const [a, b] = Socket.pair({ type });
      using _both = both(a, b);
      const waiting = b.receiveFds();
      await a.sendFds([writer, reader], "two");
      const got = (await waiting)!;
      assertEquals([text(got), got.fds.length, got.credentials, got.truncated], ["two", 2, null, false]);
      isWriter(got.fds[0], reader);
      close(got.fds[1]);

      b.sendFdsSync([writer]);
      const { data, fds } = a.receiveFdsSync({ max: 1 })!;
      assertEquals([...data], [0]);
      assert(parseInt(/flags:\s*(\d+)/.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${fds[0]}`))![1], 8) & 0o2000000);
      isWriter(fds[0], reader);

      await a.sendFds([], "none");
      const none = (await b.receiveFds())!;
      assertEquals([text(none), none.fds], ["none", []]);
      a.writeSync("plain");
      assertEquals(text(b.receiveFdsSync()!), "plain");
    }));
}

function both(...sockets: (Socket | Listener)[]): Disposable {
  return { [Symbol.dispose]: () => sockets.forEach((socket) => socket.close()) };
}

Deno.test("receiveFds() tells the end of a stream, and fails with EBADF once it is closed", () =>
  closes(async () => {
    for (const type of [SOCK_STREAM, SOCK_SEQPACKET]) {
      const [a, b] = Socket.pair({ type });
      using _both = both(a, b);
      b.passCredentials = true;
      await a.sendFds([0], "last");
      a.close();
      const got = await b.receiveFds();
      assertEquals(text(got!), "last");
      got!.fds.forEach(close);
      assertEquals([await b.receiveFds(), b.receiveFdsSync()], [null, null]);
      b.close();
      await rejects("EBADF", b.receiveFds());
      fails("EBADF", () => b.sendFdsSync([0]));
    }
    const [a, b] = Socket.pair();
    using _both = both(a, b);
    const waiting = b.receiveFds();
    b.close();
    await rejects("EBADF", waiting);
    await rejects("EPIPE", a.sendFds([0]));
  }));

Deno.test("what is sent together comes together: what was written before it may, what is written later does not", () =>
  withPipe(async (reader, writer) => {
    const [a, b] = Socket.pair();
    using _both = both(a, b);
    a.writeSync("before ");
    await a.sendFds([writer], "with");
    a.writeSync(" after");
    const got = (await b.receiveFds())!;
    assertEquals(text(got), "before with");
    isWriter(got.fds[0], reader);
    assertEquals(text((await b.receiveFds())!), " after");
    // and a buffer that is too short for the data loses none
    await a.sendFds([writer], "abcdef");
    const buf = new Uint8Array(4);
    const first = (await b.receiveFds({ buf }))!;
    assertStrictEquals(first.data.buffer, buf.buffer);
    assertEquals([text(first), first.fds.length], ["abcd", 1]);
    isWriter(first.fds[0], reader);
    const second = (await b.receiveFds({ buf }))!;
    assertEquals([text(second), second.fds.length], ["ef", 0]);
  }));

Deno.test("sendFds() keeps its place among writes, and sends more than the socket holds", () =>
  withPipe(async (reader, writer) => {
    const [a, b] = Socket.pair();
    using _both = both(a, b);
    setsockopt(a.fd, SOL_SOCKET, SO_SNDBUF, 4096);
    const large = new Uint8Array(300_000).fill(1);
    const sent = Promise.all([
      a.write(large),
      a.sendFds([writer], new Uint8Array(300_000).fill(2)),
      a.write(large.map(() => 3)),
    ]);
    const counts = [0, 0, 0, 0];
    let where = -1;
    let total = 0;
    while (total < 900_000) {
      const { data, fds } = (await b.receiveFds())!;
      for (const fd of fds) {
        isWriter(fd, reader);
        where = Math.max(...data);
      }
      for (const byte of data) counts[byte]++;
      assert(counts[2] === 0 || counts[1] === 300_000, "the second before the end of the first");
      assert(counts[3] === 0 || counts[2] === 300_000, "the third before the end of the second");
      total += data.length;
    }
    await sent;
    assertEquals([counts, where], [[0, 300_000, 300_000, 300_000], 2]);
  }));

Deno.test("a signal calls off sendFds() and receiveFds(), and nothing is lost", () =>
  withPipe(async (reader, writer) => {
    const [a, b] = Socket.pair();
    using _both = both(a, b);
    const stop = new AbortController();
    const waiting = b.receiveFds({ signal: stop.signal });
    await new Promise((done) => setTimeout(done, 5));
    stop.abort("enough");
    assertEquals(await waiting.catch((reason) => reason), "enough");
    assertEquals(await b.receiveFds({ signal: stop.signal }).catch((reason) => reason), "enough");
    assertEquals(await a.sendFds([writer], "x", { signal: stop.signal }).catch((reason) => reason), "enough");
    await a.sendFds([writer], "x");
    isWriter((await b.receiveFds())!.fds[0], reader);

    while (sends(a)) { /* until it is full */ }
    const late = new AbortController();
    const full = a.sendFds([writer], "x", { signal: late.signal });
    await new Promise((done) => setTimeout(done, 5));
    late.abort("late");
    assertEquals(await full.catch((reason) => reason), "late");
    fails("ETIMEDOUT", () => a.sendFdsSync([writer], "x", { timeout: 1 }));
    b.close();
  }));

function sends(socket: Socket): boolean {
  try {
    socket.writeSync(new Uint8Array(4096), { timeout: 0 });
    return true;
  } catch {
    return false;
  }
}

Deno.test("receiveFdsSync() fails with ETIMEDOUT when the time is over", () => {
  const [a, b] = Socket.pair();
  using _both = both(a, b);
  fails("ETIMEDOUT", () => b.receiveFdsSync({ timeout: 1 }));
});

Deno.test("descriptors beyond max are closed, and that is told", () =>
  closes(async () => {
    const [a, b] = Socket.pair();
    using _both = both(a, b);
    for (const [sent, max] of [[253, 253], [253, 252], [253, 1], [5, 0], [1, 1], [2, 1]]) {
      await a.sendFds(Array(sent).fill(0), "x");
      const { fds, truncated } = (await b.receiveFds({ max }))!;
      assertEquals([fds.length, truncated], [max, max < sent]);
      fds.forEach(close);
    }
  }));

needs("prlimit")("where the process may have no more descriptors, those that fit come, and that is told", async () => {
  using source = file(`
    import { Socket } from "@mod";
    const [a, b] = Socket.pair();
    a.sendFdsSync(Array(200).fill(0), "x");
    const before = [...Deno.readDirSync("/proc/self/fd")].length;
    const limited = new Deno.Command("prlimit", { args: ["--pid", String(Deno.pid), "--nofile=" + (before + 20)] }).outputSync();
    if (!limited.success) throw new Error("prlimit");
    const { fds, truncated, data } = b.receiveFdsSync();
    console.log(fds.length > 0 && fds.length < 200, truncated, data.length);
    a.sendFdsSync([0], "x");
    const none = b.receiveFdsSync();
    console.log(none.fds.length, none.truncated, none.data.length);
  `);
  await using program = new Program(Deno.execPath(), ["run", "--allow-all", source.path]);
  const { code, stdout, stderr } = await program.end();
  assertEquals([code, stdout, stderr], [0, "true true 1\n0 true 1\n", ""]);
});

Deno.test("who reads gets no descriptors, and none is left open: read, readable, receiveFrom, iteration", () =>
  closes(async () => {
    const buf = new Uint8Array(64);
    for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) {
      const [a, b] = Socket.pair({ type });
      using _both = both(a, b);
      const before = openFds();
      a.sendFdsSync(Array(253).fill(0), "x");
      assertEquals(await b.read(buf), 1);
      a.sendFdsSync([0, 1, 2], "x");
      assertEquals(b.readSync(buf), 1);
      if (type === SOCK_DGRAM) {
        a.sendFdsSync([0, 1, 2], "x");
        assertEquals(b.receiveFromSync().data.length, 1);
      }
      a.sendFdsSync([0], "x");
      const reader = b.readable.getReader();
      assertEquals((await reader.read()).value!.length, 1);
      await reader.cancel();
      assertEquals(openFds(), before);
    }
  }));

Deno.test("a datagram has to fit, and stays there if it doesn't; what it brings stays with it", () =>
  withPipe(async (reader, writer) => {
    const [a, b] = Socket.pair({ type: SOCK_DGRAM });
    using _both = both(a, b);
    await a.sendFds([writer], "too long");
    await rejects("EMSGSIZE", b.receiveFds({ buf: new Uint8Array(4) }));
    fails("EMSGSIZE", () => b.receiveFdsSync({ buf: new Uint8Array(0) }));
    const { data, fds } = (await b.receiveFds())!;
    assertEquals(data.length, 8);
    isWriter(fds[0], reader);
    await a.sendFds([writer], "");
    const empty = (await b.receiveFds())!;
    assertEquals(empty.data.length, 0);
    isWriter(empty.fds[0], reader);
  }));

Deno.test("passCredentials has messages tell who sent them", () =>
  closes(async () => {
    for (const type of [SOCK_STREAM, SOCK_DGRAM]) {
      const [a, b] = Socket.pair({ type });
      using _both = both(a, b);
      assertEquals(b.passCredentials, false);
      b.passCredentials = true;
      assertEquals(b.passCredentials, true);
      const self = { pid: Deno.pid, uid: Deno.uid()!, gid: Deno.gid()! };
      await a.write("x");
      assertEquals((await b.receiveFds())!.credentials, self);
      await a.sendFds([0], "x");
      const { fds, credentials } = (await b.receiveFds({ max: 1 }))!;
      assertEquals([fds.length, credentials], [1, self]);
      fds.forEach(close);
      b.passCredentials = false;
      await a.write("x");
      assertEquals((await b.receiveFds())!.credentials, null);
      // what a program has asked for by itself is not left open
      try {
        setsockopt(b.fd, SOL_SOCKET, 76, 1); // SO_PASSPIDFD
      } catch {
        continue; // not in this kernel
      }
      await a.sendFds([0], "x");
      const more = (await b.receiveFds())!;
      assertEquals(more.fds.length, 1);
      more.fds.forEach(close);
    }
  }));

Deno.test("other sockets than unix ones are refused with EOPNOTSUPP", async () => {
  using listener = Socket.listen("127.0.0.1:0");
  using client = Socket.connectSync(listener.address);
  using server = listener.acceptSync();
  await rejects("EOPNOTSUPP", client.sendFds([0]));
  fails("EOPNOTSUPP", () => client.sendFdsSync([0]));
  await rejects("EOPNOTSUPP", server.receiveFds());
  fails("EOPNOTSUPP", () => server.receiveFdsSync());
  fails("EOPNOTSUPP", () => server.passCredentials = true);
});

Deno.test("wrong arguments of sendFds() and receiveFds() are typed errors, and nothing is sent", async () => {
  const [a, b] = Socket.pair();
  using _both = both(a, b);
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  type Anything = any;
  for (
    const fds of [undefined, null, 5, "0", {}, new Int32Array(1), [null], ["0"], [NaN], [1.5], [2 ** 40]] as Anything[]
  ) {
    await rejects("EINVAL", a.sendFds(fds));
    fails("EINVAL", () => a.sendFdsSync(fds));
  }
  await rejects("EBADF", a.sendFds([-1]));
  await rejects("EINVAL", a.sendFds(Array(254).fill(0)));
  await rejects("EINVAL", a.sendFds([0], ""));
  for (const data of [null, 5, {}, [1], new Uint16Array(1)] as Anything[]) {
    await rejects("EFAULT", a.sendFds([0], data));
  }
  for (const options of [5, "x", { timeout: 1 }, { signal: 5 }] as Anything[]) {
    await rejects("EINVAL", a.sendFds([0], "x", options));
    await rejects("EINVAL", a.receiveFds(options));
  }
  for (const max of [-1, 254, 1.5, NaN, "1", null] as Anything[]) {
    await rejects("EINVAL", b.receiveFds({ max }));
    fails("EINVAL", () => b.receiveFdsSync({ max }));
  }
  for (const buf of [null, 5, "x", [1], new Uint16Array(1)] as Anything[]) {
    await rejects("EFAULT", b.receiveFds({ buf }));
  }
  for (const value of [1, 0, "x", null, undefined] as Anything[]) fails("EINVAL", () => b.passCredentials = value);
  fails("ETIMEDOUT", () => b.readSync(new Uint8Array(1), { timeout: 0 }));
});

// Another program of Deno's: gets a listener, a pipe and a file, and uses each.
const RECEIVER = `
import { close, Listener, read, Socket, write } from "@mod";
const [name] = Deno.args;
using socket = await Socket.connect(name);
const { data, fds } = await socket.receiveFds();
const [sockfd, writer, file] = fds;
write(writer, new TextDecoder().decode(data));
const buf = new Uint8Array(100);
console.log(new TextDecoder().decode(buf.subarray(0, read(file, buf))));
using listener = Listener.fromFd(sockfd);
using connection = await listener.accept();
await connection.write("from the other process");
const [a, b] = Socket.pair();
await socket.sendFds([b.fd], "a pair");
b.close();
await a.write("through the pair");
a.close();
close(writer);
close(file);
`;

Deno.test("descriptors pass between two processes of Deno, both ways", () =>
  withPipe(async (reader, writer) => {
    const name = `@ipc_playground_passing_${crypto.randomUUID()}`;
    const path = Deno.makeTempFileSync();
    Deno.writeTextFileSync(path, "in a file");
    const content = open(path, O_RDONLY);
    Deno.removeSync(path);
    using listener = Socket.listen(name);
    using passed = Socket.listen(`${name}_passed`);
    using source = file(RECEIVER);
    await using program = new Program(Deno.execPath(), [...FFI, source.path, name]);
    using peer = await listener.accept();
    assertEquals(peer.peerCredentials!.pid, program.pid);
    await peer.sendFds([passed.fd, writer, content], "through a pipe");
    close(content);
    using client = await Socket.connect(passed.address);
    const buf = new Uint8Array(100);
    assertEquals(decoder.decode(buf.subarray(0, (await client.read(buf))!)), "from the other process");
    assertEquals(textFrom(reader), "through a pipe");
    const { data, fds } = (await peer.receiveFds())!;
    assertEquals(decoder.decode(data), "a pair");
    using pair = Socket.fromFd(fds[0]);
    assertEquals(decoder.decode(buf.subarray(0, (await pair.read(buf))!)), "through the pair");
    const { code, stdout, stderr } = await program.end();
    assertEquals([code, stdout, stderr], [0, "in a file\n", ""]);
  }));

const PYTHON = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("\\0" + sys.argv[1])
data, fds, flags, _ = socket.recv_fds(s, 100, 4)
assert (data, len(fds), flags) == (b"from Deno", 2, 0), (data, fds, flags)
os.write(fds[0], b"through a pipe")
memory = os.memfd_create("x")
os.write(memory, b"in memory")
os.lseek(memory, 0, 0)
socket.send_fds(s, [b"from Python"], [memory, fds[1]])
`;

needs("python3")(
  "descriptors go both ways with Python's send_fds and recv_fds",
  () =>
    withPipe(async (reader, writer) => {
      const name = `ipc_playground_passing_${crypto.randomUUID()}`;
      using listener = Socket.listen(`@${name}`);
      await using program = new Program("python3", ["-c", PYTHON, name]);
      using peer = await listener.accept();
      peer.passCredentials = true;
      await peer.sendFds([writer, listener.fd], "from Deno");
      assertEquals(textFrom(reader), "through a pipe");
      const { data, fds, credentials } = (await peer.receiveFds())!;
      assertEquals([decoder.decode(data), fds.length, credentials!.uid], ["from Python", 2, Deno.uid()]);
      assertEquals(credentials!.pid, program.pid);
      assertEquals(textFrom(fds[0]), "in memory");
      close(fds[0]);
      using again = Listener.fromFd(fds[1]);
      assertEquals(`${again.address}`, `@${name}`);
      const { code, stderr } = await program.end();
      assertEquals([code, stderr], [0, ""]);
    }),
);

// Somebody who sends what nobody has asked for, as fast as it goes.
const FLOOD = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("\\0" + sys.argv[1])
for size in (1, 10, 253):
    for i in range(20):
        socket.send_fds(s, [b"x" * 1000], [0] * size)
try:
    socket.send_fds(s, [b"x"], [0] * 254)
    print("sent")
except OSError as error:
    print(error.errno)
s.sendmsg([b"y" * 1000], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"")])
`;

needs("python3")(
  "a peer that floods with descriptors leaves none open, whether they are received or read",
  () =>
    closes(async () => {
      const name = `ipc_playground_flood_${crypto.randomUUID()}`;
      for (const receives of [false, true]) {
        using listener = Socket.listen(`@${name}`);
        await using program = new Program("python3", ["-c", FLOOD, name]);
        using peer = await listener.accept();
        const before = openFds();
        let total = 0;
        const buf = new Uint8Array(700);
        for (;;) {
          if (receives) {
            const got = await peer.receiveFds({ buf, max: 2 });
            if (got === null) break;
            total += got.data.length;
            assert(got.fds.length <= 2);
            got.fds.forEach(close);
          } else {
            const n = await peer.read(buf);
            if (n === null) break;
            total += n;
          }
          // those of the program go when it ends
          assertEquals(openFds().filter((fd) => !before.includes(fd)), []);
        }
        assertEquals(total, 61_000);
        const { stdout, stderr } = await program.end();
        assertEquals([stdout, stderr], ["22\n", ""]);
      }
    }),
);

Deno.test("Socket.fromFd() takes over sockets of every kind", () =>
  closes(async () => {
    for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) {
      const [a, b] = socketpair(AF_UNIX, type, 0).map((fd) => Socket.fromFd(fd));
      using _both = both(a, b);
      assertEquals([a.domain, a.type], [AF_UNIX, type]);
      await a.write("hello");
      assertEquals(await b.read(new Uint8Array(10)), 5);
    }
    for (const type of [SOCK_STREAM, SOCK_DGRAM]) {
      const fd = socket(AF_INET, type, 0);
      using taken = Socket.fromFd(fd);
      assertEquals([taken.domain, taken.type, getsockopt(fd, SOL_SOCKET, SO_TYPE)], [AF_INET, type, type]);
    }
    const fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const name = new sockaddr_un();
    bind(fd, name);
    getsockname(fd, name);
    using taken = Socket.fromFd(fd);
    assertEquals(`${taken.localAddress}`, `${name}`);
  }));
