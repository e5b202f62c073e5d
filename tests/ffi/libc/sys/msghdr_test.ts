import { assert, assertEquals } from "@std/assert";
import type { LibcError } from "../../../../ffi/errors.ts";
import { O_RDONLY, open } from "../../../../ffi/libc/fcntl.ts";
import { sockaddr_in } from "../../../../ffi/libc/netinet/in.ts";
import { memfd_create } from "../../../../ffi/libc/sys/mman.ts";
import {
  accept,
  AF_INET,
  AF_UNIX,
  bind,
  CMSG_SPACE,
  type cmsghdr,
  connect,
  getsockname,
  listen,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  msghdr,
  recv,
  recvmsg,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  send,
  sendmsg,
  setsockopt,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  sockaddr,
  socket,
  socketpair,
  SOL_SOCKET,
  ucred,
} from "../../../../ffi/libc/sys/socket.ts";
import { sockaddr_un } from "../../../../ffi/libc/sys/un.ts";
import { close, lseek, pipe, read, SEEK_SET, write } from "../../../../ffi/libc/unistd.ts";
import { interrupted } from "../../objects/_interrupted.ts";
import { needs } from "../../../needs.ts";
import { compile, fails, Program, run } from "../../../support.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (text: string) => encoder.encode(text);

/** Has descriptors that are closed when the test is over, whatever happens to it. */
class Descriptors {
  readonly #fds = new Set<number>();

  keep<T extends number[]>(...fds: T): T {
    for (const fd of fds) this.#fds.add(fd);
    return fds;
  }
  pair(type: number = SOCK_STREAM): [number, number] {
    return this.keep(...socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0));
  }
  pipe(): [number, number] {
    return this.keep(...pipe());
  }
  close(fd: number): void {
    this.#fds.delete(fd);
    close(fd);
  }
  [Symbol.dispose](): void {
    for (const fd of this.#fds) close(fd);
  }
}

/** The descriptors that are open, with what they are. */
function openFds(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      return [`${name} ${Deno.readLinkSync(`/proc/self/fd/${name}`)}`];
    } catch {
      return []; // that of the directory
    }
  }).filter((text) => !text.endsWith("/fd")).sort();
}

const rights = (...fds: number[]): cmsghdr => ({ cmsg_level: SOL_SOCKET, cmsg_type: SCM_RIGHTS, cmsg_data: fds });

function message(text: string, ...control: cmsghdr[]): msghdr {
  const msg = new msghdr([bytes(text)]);
  msg.msg_control = control;
  return msg;
}

function room(fds: number, length = 256): msghdr {
  const msg = new msghdr([new Uint8Array(length)]);
  msg.msg_controllen = fds === 0 ? 0 : CMSG_SPACE(4 * fds);
  return msg;
}

/** The descriptors of a message that was received. */
function fdsIn({ msg_control }: msghdr): number[] {
  return msg_control.flatMap(({ cmsg_data }) => Array.isArray(cmsg_data) ? cmsg_data : []);
}

function textFrom(fd: number): string {
  const buf = new Uint8Array(256);
  return decoder.decode(buf.subarray(0, read(fd, buf)));
}

/** A connection with a program, over an abstract name of its own, which is its last argument. */
async function withPeer(
  command: string,
  args: string[],
  use: (fd: number, program: Program) => void | Promise<void>,
): Promise<void> {
  using fds = new Descriptors();
  const [sockfd] = fds.keep(socket(AF_UNIX, SOCK_STREAM, 0));
  const name = new sockaddr_un();
  bind(sockfd, name);
  listen(sockfd, 1);
  getsockname(sockfd, name);
  await using program = new Program(command, [...args, name.sun_path.slice(1)], { stdin: "open" });
  const [peer] = fds.keep(accept(sockfd));
  await use(peer, program);
  const { code, stderr } = await program.end();
  assertEquals([code, stderr], [0, ""]);
}

Deno.test("sendmsg() gathers its parts, and recvmsg() fills one after the other", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  assertEquals(sendmsg(a, new msghdr([bytes("Did "), new Uint8Array(0), bytes("you get"), bytes(" this?")]), 0), 17);
  const into = [5, 0, 4, 100, 3].map((length) => new Uint8Array(length).fill(33));
  assertEquals(recvmsg(b, new msghdr(into), 0), 17);
  assertEquals(into.map((part) => decoder.decode(part)), ["Did y", "", "ou g", "et this?" + "!".repeat(92), "!!!"]);
  assertEquals(sendmsg(a, new msghdr()), 0);
  fails("EAGAIN", () => recvmsg(b, new msghdr([new Uint8Array(5)])));
  fds.close(a);
  assertEquals(recvmsg(b, new msghdr([new Uint8Array(5)])), 0);
});

Deno.test("parts may overlap, be parts of larger arrays, and of resizable or shared memory", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  const whole = bytes("abcdef");
  const resizable = new Uint8Array(new ArrayBuffer(2, { maxByteLength: 8 }));
  resizable.set(bytes("RS"));
  const shared = new Uint8Array(new SharedArrayBuffer(2)) as unknown as Uint8Array<ArrayBuffer>;
  shared.set(bytes("sh"));
  sendmsg(a, new msghdr([whole.subarray(1, 3), whole, resizable, shared]));
  const buf = new Uint8Array(20).fill(46);
  const into = buf.subarray(1, 10);
  assertEquals(recvmsg(b, new msghdr([into, shared, resizable])), 12);
  assertEquals([buf, shared, resizable].map((part) => decoder.decode(part.slice())), [
    ".bcabcdefR..........",
    "Ss",
    "hS",
  ]);
});

Deno.test("datagrams go to msg_name, and recvmsg() tells where they came from", () => {
  using fds = new Descriptors();
  for (const domain of [AF_UNIX, AF_INET]) {
    const [a, b] = fds.keep(socket(domain, SOCK_DGRAM, 0), socket(domain, SOCK_DGRAM, 0));
    const empty = () => domain === AF_UNIX ? new sockaddr_un() : sockaddr.parse("127.0.0.1:0") as sockaddr_in;
    const [here, there] = [a, b].map((fd) => {
      const name = empty();
      bind(fd, name);
      getsockname(fd, name);
      return name;
    });
    const msg = message("hello");
    msg.msg_name = there;
    assertEquals(sendmsg(a, msg, 0), 5);
    const got = room(0, 3);
    got.msg_name = empty();
    assertEquals(recvmsg(b, got, MSG_TRUNC | MSG_DONTWAIT), 5);
    assertEquals([`${got.msg_name}`, got.msg_flags, decoder.decode(got.msg_iov[0])], [`${here}`, MSG_TRUNC, "hel"]);
  }
});

Deno.test("msg_name has no more room than its class has, and is empty where the sender has no name", () => {
  using fds = new Descriptors();
  const [a, b] = fds.keep(socket(AF_UNIX, SOCK_DGRAM, 0), socket(AF_UNIX, SOCK_DGRAM, 0));
  const name = new sockaddr_un();
  name.sun_path = "\0" + `ipc_playground_${crypto.randomUUID()}`.padEnd(107, "A");
  bind(a, name);
  const msg = message("x");
  msg.msg_name = name;
  const got = room(0);
  for (const sender of [a, b]) {
    sendmsg(sender, msg);
    const small = got.msg_name = sender === a ? new sockaddr_in() : new sockaddr_un();
    recvmsg(a, got);
    assertEquals([small.family, small.length], sender === a ? [AF_UNIX, 16] : [0, 0]);
  }
});

Deno.test("with MSG_TRUNC a TCP socket throws data away, and the parts stay as they were", () => {
  using fds = new Descriptors();
  const [sockfd, client] = fds.keep(socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0));
  const name = sockaddr.parse("127.0.0.1:0");
  bind(sockfd, name);
  listen(sockfd, 1);
  getsockname(sockfd, name);
  connect(client, name);
  const [server] = fds.keep(accept(sockfd));
  send(client, "thrown away, kept");
  const got = new msghdr([bytes("1234"), bytes("56789")]);
  assertEquals(recvmsg(server, got, MSG_TRUNC), 9);
  assertEquals(got.msg_iov.map((part) => decoder.decode(part)), ["1234", "56789"]);
  recvmsg(server, got);
  assertEquals(got.msg_iov.map((part) => decoder.decode(part)), ["ay, ", "kept9"]);
});

Deno.test("a message can be used again and again, also with other parts, and for both ways", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair(SOCK_SEQPACKET);
  const msg = message("first");
  const got = room(2);
  const sent: [text: string, fds: number][] = [["first", 0], ["other", 2], ["x", 1], ["", 1], ["first", 0], [
    "again",
    0,
  ]];
  for (const [text, count] of sent) {
    msg.msg_iov = [bytes(text)];
    msg.msg_control = count === 0 ? [] : [rights(...Array(count).fill(0))];
    sendmsg(a, msg);
    const n = recvmsg(b, got);
    fds.keep(...fdsIn(got));
    assertEquals([decoder.decode(got.msg_iov[0].subarray(0, n)), fdsIn(got).length, got.msg_flags], [text, count, 0]);
  }
  sendmsg(a, msg);
  msg.msg_iov = [new Uint8Array(2), new Uint8Array(3)];
  recvmsg(b, msg);
  assertEquals(sendmsg(a, msg), 5);
  recvmsg(b, got);
  assertEquals(decoder.decode(got.msg_iov[0].subarray(0, 5)), "again");
});

Deno.test("descriptors get across: a pipe, a file, a memfd, a socket that listens", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  const [reader, writer] = fds.pipe();
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, "in a file");
  const [file, sockfd] = fds.keep(open(path, O_RDONLY), socket(AF_UNIX, SOCK_STREAM, 0));
  Deno.removeSync(path);
  const [memory] = fds.keep(memfd_create("ipc_playground"));
  write(memory, "in memory");
  lseek(memory, 0, SEEK_SET);
  const name = new sockaddr_un();
  bind(sockfd, name);
  listen(sockfd, 1);
  getsockname(sockfd, name);
  assertEquals(sendmsg(a, message("four", rights(writer, file), rights(memory, sockfd))), 4);
  for (const fd of [writer, file, memory, sockfd]) fds.close(fd);
  const got = room(4);
  assertEquals(recvmsg(b, got), 4);
  assertEquals([got.msg_flags, got.msg_control.length], [0, 1]);
  const [there, content, same, listener] = fds.keep(...fdsIn(got));
  write(there, "through a pipe");
  assertEquals([textFrom(reader), textFrom(content), textFrom(same)], ["through a pipe", "in a file", "in memory"]);
  const [client] = fds.keep(socket(AF_UNIX, SOCK_STREAM, 0));
  connect(client, name);
  const [server] = fds.keep(accept(listener));
  send(server, "accepted");
  assertEquals(textFrom(client), "accepted");
});

Deno.test("MSG_CMSG_CLOEXEC has execve() close what arrives, and nothing else does", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair(SOCK_SEQPACKET);
  for (const flags of [0, MSG_CMSG_CLOEXEC]) {
    sendmsg(a, message("x", rights(0)));
    const got = room(1);
    recvmsg(b, got, flags);
    const [fd] = fds.keep(...fdsIn(got));
    const info = Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`);
    assertEquals((parseInt(/flags:\s*(\d+)/.exec(info)![1], 8) & 0o2000000) !== 0, flags !== 0);
    close(fd); // it is the program's also with FD_CLOEXEC, as the runtime's own are
    fails("EBADF", () => fds.close(fd));
  }
});

Deno.test("descriptors without room are closed by the kernel, and MSG_CTRUNC says so", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  const before = openFds();
  for (const [sent, size] of [[5, 2], [5, 1], [5, 0], [1, 0], [3, 3]]) {
    sendmsg(a, message("x", rights(...Array(sent).fill(0))));
    const got = room(size);
    assertEquals(recvmsg(b, got), 1);
    // the room for one descriptor has to be aligned, and so has room for a second one
    const fits = Math.min(sent, size + size % 2);
    assertEquals([fdsIn(got).length, got.msg_flags & MSG_CTRUNC], [fits, fits < sent ? MSG_CTRUNC : 0]);
    fdsIn(got).forEach(close);
    assertEquals(openFds(), before);
  }
  // room that no control message has a place in
  for (const controllen of [1, 15, 16, 19]) {
    sendmsg(a, message("x", rights(0)));
    const got = room(0);
    got.msg_controllen = controllen;
    recvmsg(b, got);
    assertEquals([got.msg_flags, got.msg_control], [MSG_CTRUNC, []]);
    assertEquals(openFds(), before);
  }
});

Deno.test("who reads without room for control data gets no descriptors, and none is left open", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  const before = openFds();
  const buf = new Uint8Array(8);
  for (const take of [() => recv(b, buf), () => read(b, buf), () => recv(b, buf, 8, MSG_PEEK) - 1 + recv(b, buf)]) {
    sendmsg(a, message("x", rights(...Array(253).fill(0))));
    assertEquals(take(), 1);
    assertEquals(openFds(), before);
  }
});

Deno.test("MSG_PEEK gives descriptors each time, and they have to be closed each time", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  const before = openFds();
  sendmsg(a, message("x", rights(0)));
  const got = [MSG_PEEK, MSG_PEEK, 0].map((flags) => {
    const msg = room(1);
    recvmsg(b, msg, flags);
    return fdsIn(msg)[0];
  });
  assertEquals(new Set(got).size, 3);
  got.forEach(close);
  assertEquals(openFds(), before);
});

Deno.test("up to 253 descriptors go at once; more, none, closed ones and the runtime's own are refused", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  sendmsg(a, message("x", rights(...Array(253).fill(1))));
  const got = room(253);
  recvmsg(b, got);
  fds.keep(...fdsIn(got));
  assertEquals(fdsIn(got).length, 253);
  fails("EINVAL", () => sendmsg(a, message("x", rights(...Array(254).fill(1)))));
  fails("EINVAL", () => sendmsg(a, message("x", rights(...Array(200).fill(1)), rights(...Array(54).fill(1)))));
  fails("EBADF", () => sendmsg(a, message("x", rights(1, -1))));
  const [closed] = pipe().map((fd) => (close(fd), fd));
  fails("EBADF", () => sendmsg(a, message("x", rights(closed))));
  const runtimes = openFds().map((text) => text.split(" ")).filter(([, what]) => what === "anon_inode:[eventpoll]");
  assert(runtimes.length > 0);
  for (const [fd] of runtimes) {
    const error = fails("EBADF", () => sendmsg(a, message("x", rights(Number(fd)))));
    assertEquals(error.detail, `descriptor ${fd} belongs to the Deno runtime`);
    fails("EBADF", () => sendmsg(Number(fd), message("x")));
    fails("EBADF", () => recvmsg(Number(fd), room(1)));
  }
  assertEquals(sendmsg(a, message("x", rights())), 1);
});

Deno.test("SO_PASSCRED has messages bring credentials, the kernel's or those that were given", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair(SOCK_DGRAM);
  setsockopt(b, SOL_SOCKET, SO_PASSCRED, 1);
  const self = [Deno.pid, Deno.uid()!, Deno.gid()!] as const;
  const given: cmsghdr = { cmsg_level: SOL_SOCKET, cmsg_type: SCM_CREDENTIALS, cmsg_data: new ucred(...self) };
  for (const msg of [message("x"), message("x", given), message("x", rights(0), given)]) {
    sendmsg(a, msg);
    const got = room(1);
    got.msg_controllen += CMSG_SPACE(12);
    recvmsg(b, got);
    fds.keep(...fdsIn(got));
    const credentials = got.msg_control[0].cmsg_data as ucred;
    assert(credentials instanceof ucred);
    assertEquals([credentials.pid, credentials.uid, credentials.gid], [...self]);
    assertEquals(got.msg_control.length, msg.msg_control.length === 2 ? 2 : 1);
  }
  setsockopt(b, SOL_SOCKET, SO_PASSCRED, 0);
  sendmsg(a, message("x"));
  const got = room(1);
  recvmsg(b, got);
  assertEquals(got.msg_control, []);
});

needs("root")("with privileges other credentials can be given, but only of a process that there is", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  setsockopt(b, SOL_SOCKET, SO_PASSCRED, 1);
  const of = (...ids: number[]) => ({
    cmsg_level: SOL_SOCKET,
    cmsg_type: SCM_CREDENTIALS,
    cmsg_data: new ucred(...ids),
  });
  sendmsg(a, message("x", of(1, 65534, 4_000_000_000)));
  const got = room(4);
  recvmsg(b, got);
  const { pid, uid, gid } = got.msg_control[0].cmsg_data as ucred;
  assertEquals([pid, uid, gid], [1, 65534, 4_000_000_000]);
  fails("ESRCH", () => sendmsg(a, message("x", of(0x7fff_ffff, 0, 0))));
});

Deno.test("what an option asks for comes as bytes, and a process's descriptor as a descriptor", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair(SOCK_DGRAM);
  const SO_TIMESTAMP = 29;
  setsockopt(b, SOL_SOCKET, SO_TIMESTAMP, 1);
  sendmsg(a, message("x"));
  const got = room(16);
  recvmsg(b, got);
  const [{ cmsg_level, cmsg_type, cmsg_data }] = got.msg_control;
  assertEquals([cmsg_level, cmsg_type], [SOL_SOCKET, SO_TIMESTAMP]);
  assert(cmsg_data instanceof Uint8Array && cmsg_data.length === 16);
  const seconds = Number(new DataView((cmsg_data as Uint8Array).buffer).getBigInt64(0, true));
  assert(Math.abs(seconds - Date.now() / 1000) < 60);
  setsockopt(b, SOL_SOCKET, SO_TIMESTAMP, 0);

  const SO_PASSPIDFD = 76;
  try {
    setsockopt(b, SOL_SOCKET, SO_PASSPIDFD, 1);
  } catch (error) {
    return console.log("skipped: this kernel has no SO_PASSPIDFD:", (error as LibcError).message);
  }
  sendmsg(a, message("x"));
  recvmsg(b, got);
  const [pidfd] = fdsIn(got);
  assert(Deno.readTextFileSync(`/proc/self/fdinfo/${pidfd}`).includes(`Pid:\t${Deno.pid}\n`));
  close(pidfd);
});

Deno.test("a trace's listener that gives memory away, or makes calls of its own, changes nothing that is sent", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  const [c, d] = fds.pair();
  for (const away of [(view: Uint8Array<ArrayBuffer>) => view.buffer.transfer(), resized]) {
    const view = new Uint8Array(new ArrayBuffer(5, { maxByteLength: 8 }));
    view.set(bytes("hello"));
    const msg = new msghdr([view]);
    interrupted("sendmsg", () => {
      if (view.byteLength === 5) away(view);
      sendmsg(c, message("other", rights(0)));
    }, () => sendmsg(a, msg));
    const got = room(0);
    interrupted("recvmsg", () => {
      const inner = room(1);
      recvmsg(d, inner);
      fds.keep(...fdsIn(inner));
      assertEquals([decoder.decode(inner.msg_iov[0].subarray(0, 5)), fdsIn(inner).length], ["other", 1]);
    }, () => recvmsg(b, got));
    assertEquals([decoder.decode(got.msg_iov[0].subarray(0, 5)), got.msg_control], ["hello", []]);
  }
});

const resized = (view: Uint8Array<ArrayBuffer>) => view.buffer.resize(1);

Deno.test("recvmsg() fails with EFAULT if memory has gone meanwhile, and its descriptors can be closed", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  for (const away of [(view: Uint8Array<ArrayBuffer>) => view.buffer.transfer(), resized]) {
    sendmsg(a, message("hello", rights(0)));
    const got = room(1);
    const view = new Uint8Array(new ArrayBuffer(5, { maxByteLength: 8 }));
    got.msg_iov = [view];
    fails(
      "EFAULT",
      () => interrupted("recvmsg", () => void (view.byteLength === 5 && away(view)), () => recvmsg(b, got)),
    );
    assertEquals(fdsIn(got).length, 1);
    fdsIn(got).forEach(close);
  }
});

Deno.test("an address whose memory was given away is no address", () => {
  using fds = new Descriptors();
  const [a] = fds.pair(SOCK_DGRAM);
  const msg = message("x");
  const name = new sockaddr_un();
  msg.msg_name = name;
  name.bytes.buffer.transfer();
  fails("EFAULT", () => sendmsg(a, msg));
  fails("EFAULT", () => recvmsg(a, msg));
});

Deno.test("getters and proxies are asked once, and what they throw is no error of theirs", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  let asked = 0;
  const growing = new Proxy([0], {
    get: (target, key) => key === "length" ? (asked++ === 0 ? 1 : 100) : Reflect.get(target, key),
  });
  sendmsg(a, message("x", { cmsg_level: SOL_SOCKET, cmsg_type: SCM_RIGHTS, cmsg_data: growing }));
  const got = room(10);
  recvmsg(b, got);
  assertEquals(fdsIn(got).length, 1);
  fds.keep(...fdsIn(got));

  let told = 0;
  const lying = {
    cmsg_level: SOL_SOCKET,
    get cmsg_type() {
      return told++ === 0 ? SCM_RIGHTS : SCM_CREDENTIALS;
    },
    cmsg_data: [0],
  };
  sendmsg(a, message("x", lying));
  assertEquals(told, 1);
  recvmsg(b, got);
  fds.keep(...fdsIn(got));

  const fault = () => {
    throw new Error("mine");
  };
  const throwing = new Proxy([], { get: fault });
  fails("EFAULT", () => sendmsg(a, message("x", { ...rights(), cmsg_data: throwing })));
  fails("EINVAL", () => sendmsg(a, message("x", Object.defineProperty(rights(), "cmsg_data", { get: fault }))));
  const msg = message("x");
  msg.msg_iov = throwing;
  fails("EFAULT", () => sendmsg(a, msg));
  fails("EFAULT", () => recvmsg(a, msg));
});

Deno.test("a number that becomes the runtime's while the control data are looked at is not sent", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  const [reader, writer] = fds.pipe();
  const files: Deno.FsFile[] = [];
  try {
    const msg = new msghdr([bytes("x")]);
    const later = {
      cmsg_type: SCM_RIGHTS,
      get cmsg_level() {
        fds.close(writer);
        do files.push(Deno.openSync("/dev/null")); while (!openFds().some((fd) => fd.startsWith(`${writer} `)));
        return SOL_SOCKET;
      },
      cmsg_data: [reader],
    };
    msg.msg_control = [{ cmsg_level: SOL_SOCKET, cmsg_type: SCM_RIGHTS, cmsg_data: [writer] }, later];
    fails("EBADF", () => sendmsg(a, msg));
    fails("EAGAIN", () => recv(b, new Uint8Array(1), 0));
  } finally {
    for (const file of files) file.close();
  }
});

Deno.test("a subclass that says something else does not change what is sent and received", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  class Other extends msghdr {
    override get msg_iov(): Uint8Array<ArrayBuffer>[] {
      return [new Uint8Array(1 << 20)];
    }
    override get msg_controllen(): number {
      return 1 << 30;
    }
  }
  class Longer extends Uint8Array<ArrayBuffer> {
    override get byteLength(): number {
      return 1 << 20;
    }
    override get length(): number {
      return 1 << 20;
    }
  }
  assertEquals(sendmsg(a, new Other([new Longer(new ArrayBuffer(3))])), 3);
  assertEquals(recvmsg(b, new Other([new Longer(new ArrayBuffer(5))])), 3);
});

Deno.test("wrong arguments of sendmsg() and recvmsg() are typed errors", () => {
  using fds = new Descriptors();
  const [a] = fds.pair();
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  type Anything = any;
  const values = [
    undefined,
    null,
    5,
    "x",
    {},
    [],
    Symbol("s"),
    Object.create(msghdr.prototype),
    new Proxy(room(1), {}),
  ];
  for (const value of values as Anything[]) {
    fails("EFAULT", () => sendmsg(a, value));
    fails("EFAULT", () => recvmsg(a, value));
  }
  for (const value of [NaN, 1.5, 2 ** 31, "1", null, {}] as Anything[]) {
    fails("EINVAL", () => sendmsg(a, message("x"), value));
    fails("EINVAL", () => recvmsg(a, room(0), value));
    fails("EINVAL", () => sendmsg(value, message("x")));
    fails("EINVAL", () => recvmsg(value, room(0)));
    fails("EINVAL", () => sendmsg(a, message("x", rights(value))));
    fails("EINVAL", () => sendmsg(a, message("x", { ...rights(0), cmsg_level: value })));
    fails("EINVAL", () => sendmsg(a, message("x", { ...rights(0), cmsg_type: value })));
  }
  for (const value of [-1, NaN, 1.5, (1 << 20) + 1, 2 ** 53, "1", null] as Anything[]) {
    fails("EINVAL", () => room(0).msg_controllen = value);
  }
  for (const value of [5, "x", [], {}, undefined, Object.create(sockaddr_un.prototype)] as Anything[]) {
    fails("EFAULT", () => room(0).msg_name = value);
  }
  for (const iov of [5, "x", {}, null, new Uint8Array(5)] as Anything[]) {
    const msg = new msghdr(iov);
    fails("EINVAL", () => sendmsg(a, msg));
    fails("EINVAL", () => recvmsg(a, msg));
  }
  for (const part of [5, "x", null, new Uint16Array(2), new Proxy(new Uint8Array(1), {}), [1]] as Anything[]) {
    fails("EFAULT", () => sendmsg(a, new msghdr([part])));
    fails("EFAULT", () => recvmsg(a, new msghdr([part])));
  }
  for (const control of [5, "x", {}, null] as Anything[]) {
    const msg = message("x");
    msg.msg_control = control;
    fails("EINVAL", () => sendmsg(a, msg));
  }
  for (const item of [5, "x", null, undefined, []] as Anything[]) fails("EINVAL", () => sendmsg(a, message("x", item)));
  for (const data of [5, "x", null, new Uint8Array(4), {}] as Anything[]) {
    fails("EINVAL", () => sendmsg(a, message("x", { ...rights(), cmsg_data: data })));
  }
  for (const data of [5, null, [0, 0, 0], new Uint8Array(12), new sockaddr_un()] as Anything[]) {
    fails("EFAULT", () => sendmsg(a, message("x", { ...rights(), cmsg_type: SCM_CREDENTIALS, cmsg_data: data })));
  }
  for (const [level, type] of [[SOL_SOCKET, 4], [SOL_SOCKET, 37], [0, 8], [276, 1], [-1, SCM_RIGHTS]]) {
    const other = { cmsg_level: level, cmsg_type: type, cmsg_data: new Uint8Array(48) };
    fails("EOPNOTSUPP", () => sendmsg(a, message("x", other)));
  }
  for (const value of [-1, NaN, 1.5, "1", null] as Anything[]) {
    fails("EINVAL", () => CMSG_SPACE(value));
    fails("EINVAL", () => new ucred(value < 0 ? 2 ** 31 : value));
    fails("EINVAL", () => new ucred(0, value, 0));
    fails("EINVAL", () => new ucred(0, 0, value));
  }
});

Deno.test("too many parts, too much control data and too much memory are refused", () => {
  using fds = new Descriptors();
  const [a, b] = fds.pair();
  const one = new Uint8Array(1);
  assertEquals(sendmsg(a, new msghdr(Array(1024).fill(one))), 1024);
  assertEquals(recvmsg(b, new msghdr(Array(1024).fill(one))), 1024);
  fails("EMSGSIZE", () => sendmsg(a, new msghdr(Array(1025).fill(one))));
  fails("EMSGSIZE", () => recvmsg(a, new msghdr(Array(1025).fill(one))));
  const endless = new msghdr(Object.assign([], { length: 2 ** 32 - 1 }));
  fails("EMSGSIZE", () => sendmsg(a, endless));
  const msg = message("x");
  msg.msg_control = Array(1025).fill(rights());
  fails("ENOBUFS", () => sendmsg(a, msg));
  const vast = new Uint8Array(2 ** 30);
  fails("ENOMEM", () => recvmsg(a, new msghdr(Array(1024).fill(vast))));
});

Deno.test("a message is logged with its members", () => {
  assertEquals(
    Deno.inspect(message("x", rights(0))).replaceAll(/\s+/g, " "),
    "msghdr { msg_name: null, msg_iov: [ Uint8Array(1) [ 120 ] ], msg_control: [ { cmsg_level: 1, cmsg_type: 1, cmsg_data: [ 0 ] } ], msg_controllen: 0, msg_flags: 0 }",
  );
  assertEquals(Deno.inspect(Object.create(msghdr.prototype)), "what only looks like a msghdr");
});

// The peers connect to the abstract name that is their last argument.
const PYTHON_SENDS = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("\\0" + sys.argv[1])
r, w = os.pipe()
memory = os.memfd_create("x")
os.write(memory, b"in memory")
os.lseek(memory, 0, 0)
listener = socket.socket(socket.AF_UNIX)
listener.bind("")
listener.listen()
name = listener.getsockname()
socket.send_fds(s, [b"descriptors", name], [w, memory, listener.fileno()])
os.close(w)
listener.close()
c = socket.socket(socket.AF_UNIX)
c.connect(name)
assert c.recv(100) == b"accepted", "accepted"
assert os.read(r, 100) == b"through a pipe", "pipe"
`;

needs("python3")(
  "descriptors of Python's arrive: a pipe, a memfd, a socket that listens",
  () =>
    withPeer("python3", ["-c", PYTHON_SENDS], (peer) => {
      using fds = new Descriptors();
      const got = new msghdr([new Uint8Array(11), new Uint8Array(100)]);
      got.msg_controllen = CMSG_SPACE(4 * 3);
      recvmsg(peer, got);
      assertEquals(decoder.decode(got.msg_iov[0]), "descriptors");
      const [writer, memory, listener] = fds.keep(...fdsIn(got));
      assertEquals(textFrom(memory), "in memory");
      const [connection] = fds.keep(accept(listener));
      send(connection, "accepted");
      write(writer, "through a pipe");
    }),
);

const PYTHON_RECEIVES = `
import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect("\\0" + sys.argv[1])
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.send(b"ready")
data, control, flags, _ = s.recvmsg(100, socket.CMSG_SPACE(12) + socket.CMSG_SPACE(8))
assert data == b"two", data
fds = []
for level, type, content in control:
    if type == socket.SCM_CREDENTIALS:
        print(*struct.unpack("iII", content))
    elif type == socket.SCM_RIGHTS:
        fds = struct.unpack("2i", content)
os.write(fds[0], b"through a pipe")
print(os.read(fds[1], 100).decode())
`;

needs("python3")(
  "descriptors and credentials get to Python",
  () =>
    withPeer("python3", ["-c", PYTHON_RECEIVES], async (peer, program) => {
      using fds = new Descriptors();
      assertEquals(textFrom(peer), "ready");
      const [reader, writer] = fds.pipe();
      const path = Deno.makeTempFileSync();
      Deno.writeTextFileSync(path, "in a file");
      const [file] = fds.keep(open(path, O_RDONLY));
      Deno.removeSync(path);
      sendmsg(peer, message("two", rights(writer, file)));
      assertEquals(textFrom(reader), "through a pipe");
      await program.until("in a file");
      assertEquals(program.stdout, `${Deno.pid} ${Deno.uid()} ${Deno.gid()}\nin a file\n`);
    }),
);

const C = `
#define _GNU_SOURCE
#include <stdio.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int s = socket(AF_UNIX, SOCK_STREAM, 0), one = 1, p[2], got[3];
    char data[16], more[16], text[64];
    union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof got)]; } control;
    struct iovec iov[2] = {{ data, 3 }, { more, sizeof more }};
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control };
    struct cmsghdr *c;
    struct ucred cred;

    memcpy(addr.sun_path + 1, argv[1], strlen(argv[1]));
    if (connect(s, (struct sockaddr *) &addr, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(argv[1])) < 0) return 1;
    if (setsockopt(s, SOL_SOCKET, SO_PASSCRED, &one, sizeof one) < 0) return 2;
    if (write(s, "ready", 5) != 5) return 3;
    if (recvmsg(s, &msg, 0) != 7 || memcmp(data, "one", 3) || memcmp(more, "part", 4) || msg.msg_flags) return 4;
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level != SOL_SOCKET) return 5;
        if (c->cmsg_type == SCM_CREDENTIALS) {
            memcpy(&cred, CMSG_DATA(c), sizeof cred);
            printf("%d %d %d\\n", (int) cred.pid, (int) cred.uid, (int) cred.gid);
        } else if (c->cmsg_type == SCM_RIGHTS) {
            if (c->cmsg_len != CMSG_LEN(sizeof got)) return 6;
            memcpy(got, CMSG_DATA(c), sizeof got);
        }
    }
    for (int i = 0; i < 3; i++) if (write(got[i], "C", 1) != 1) return 7;

    if (pipe(p) < 0) return 8;
    iov[0] = (struct iovec) { "from", 4 };
    iov[1] = (struct iovec) { " C", 2 };
    msg.msg_controllen = CMSG_SPACE(2 * sizeof(int));
    c = CMSG_FIRSTHDR(&msg);
    *c = (struct cmsghdr) { CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
    memcpy(CMSG_DATA(c), p, sizeof p);
    if (sendmsg(s, &msg, 0) != 6) return 9;
    close(p[1]);
    ssize_t n = read(p[0], text, sizeof text);
    printf("%.*s\\n", (int) n, text);
    return 0;
}
`;

needs("cc")("descriptors and credentials go both ways with C", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
  try {
    await compile(C, `${directory}/peer`);
    await withPeer(`${directory}/peer`, [], async (peer, program) => {
      using fds = new Descriptors();
      assertEquals(textFrom(peer), "ready");
      const pipes = [fds.pipe(), fds.pipe(), fds.pipe()];
      const msg = message("one", rights(...pipes.map(([, writer]) => writer)));
      msg.msg_iov.push(bytes("part"));
      sendmsg(peer, msg);
      for (const [reader] of pipes) assertEquals(textFrom(reader), "C");
      const got = room(2);
      assertEquals(recvmsg(peer, got), 6);
      const [, writer] = fds.keep(...fdsIn(got));
      write(writer, "from TypeScript");
      await program.until("from TypeScript");
      assertEquals(program.stdout, `${Deno.pid} ${Deno.uid()} ${Deno.gid()}\nfrom TypeScript\n`);
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

needs("python3")("CMSG_SPACE() is C's", async () => {
  const lengths = [0, 1, 4, 7, 8, 9, 12, 16, 1012, 65536];
  const code = `import socket; print([socket.CMSG_SPACE(n) for n in [${lengths}]])`;
  const { stdout } = await run("python3", ["-c", code]);
  assertEquals(lengths.map(CMSG_SPACE), JSON.parse(stdout));
});
