import { assert, assertEquals } from "@std/assert";
import {
  accept,
  AF_INET,
  bind,
  close,
  connect,
  dup2,
  fd_set,
  FD_SETSIZE,
  getsockname,
  listen,
  mkfifo,
  MSG_OOB,
  O_NONBLOCK,
  O_RDONLY,
  open,
  pipe,
  read,
  select,
  send,
  SOCK_STREAM,
  sockaddr,
  type sockaddr_in,
  socket,
  write,
} from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { compile, fails, Program } from "../../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
const any = (value: unknown) => value as any;

function setOf(...fds: number[]): fd_set {
  const set = new fd_set();
  for (const fd of fds) set.set(fd);
  return set;
}

Deno.test("an fd_set has the descriptors that were set and not cleared", () => {
  const set = setOf(0, 7, 8, 63, 64, 1023);
  set.set(7);
  set.clear(8);
  set.clear(9);
  const members = () => Array.from({ length: FD_SETSIZE }, (_, fd) => fd).filter((fd) => set.isset(fd));
  assertEquals(members(), [0, 7, 63, 64, 1023]);
  set.zero();
  assertEquals(members(), []);
});

Deno.test("an fd_set refuses with EINVAL what there is no room for in it", () => {
  const set = new fd_set();
  for (const fd of [-1, FD_SETSIZE, 2 ** 31 - 1, -(2 ** 31), ...NOT_INTEGERS, undefined]) {
    fails("EINVAL", () => set.set(any(fd)));
    fails("EINVAL", () => set.clear(any(fd)));
    fails("EINVAL", () => set.isset(any(fd)));
  }
  assertEquals(set.bytes, new Uint8Array(128));
  set.bytes.buffer.transfer();
  for (const call of [() => set.set(1), () => set.clear(1), () => set.isset(1), () => set.zero()]) {
    fails("EFAULT", call);
  }
});

needs("cc")("an fd_set has the bits that C's macros set", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
  try {
    const fds = [0, 3, 31, 32, 63, 64, 500, 1023];
    await compile(
      `#include <stdio.h>
#include <sys/select.h>
int main(void)
{
  fd_set set;
  FD_ZERO(&set);
  ${fds.map((fd) => `FD_SET(${fd}, &set);`).join(" ")}
  return fwrite(&set, sizeof set, 1, stdout) != 1;
}`,
      `${directory}/set`,
    );
    const { stdout } = await new Deno.Command(`${directory}/set`).output();
    assertEquals(setOf(...fds).bytes, new Uint8Array(stdout));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("select() leaves the descriptors in the sets that are ready, and counts them", () => {
  const [reader, writer] = pipe();
  const nfds = Math.max(reader, writer) + 1;
  const [readfds, writefds] = [setOf(reader), setOf(writer)];
  assertEquals([select(nfds, readfds, writefds, null, 0), readfds.isset(reader), writefds.isset(writer)], [
    1,
    false,
    true,
  ]);
  write(writer, "x");
  readfds.set(reader);
  assertEquals([select(nfds, readfds, writefds, new fd_set(), null), readfds.isset(reader)], [2, true]);
  // below nfds only
  const both = setOf(reader, writer);
  assertEquals(select(Math.min(reader, writer) + 1, both, null, null, 0), reader < writer ? 1 : 0);
  read(reader, new Uint8Array(1));
  const again = setOf(reader);
  assertEquals([select(nfds, again, null, null, 0), again.isset(reader)], [0, false]);
  close(writer);
  assertEquals(select(nfds, setOf(reader), null, null, null), 1); // the end is there to be read
  close(reader);
});

Deno.test("select() tells of something urgent, and of the largest descriptor", () => {
  const listener = socket(AF_INET, SOCK_STREAM, 0);
  const address = sockaddr.parse("127.0.0.1:0") as sockaddr_in;
  bind(listener, address);
  listen(listener, 1);
  getsockname(listener, address);
  const client = socket(AF_INET, SOCK_STREAM, 0);
  connect(client, address);
  const server = accept(listener);
  dup2(server, FD_SETSIZE - 1);
  send(client, "!", 1, MSG_OOB);
  const [readfds, exceptfds] = [setOf(FD_SETSIZE - 1), setOf(FD_SETSIZE - 1)];
  assertEquals(select(FD_SETSIZE, readfds, null, exceptfds, 5), 1);
  assertEquals([readfds.isset(FD_SETSIZE - 1), exceptfds.isset(FD_SETSIZE - 1)], [false, true]);
  for (const fd of [FD_SETSIZE - 1, server, client, listener]) close(fd);
});

Deno.test("select() waits no longer than its timeout", () => {
  const start = performance.now();
  assertEquals(select(0, null, null, null, 0.02), 0);
  assert(performance.now() - start >= 19);
});

needs("python3")("select() waits for what Python writes to a FIFO, and Python's for what is written here", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const [to, from] = [`${directory}/to`, `${directory}/from`];
    mkfifo(to);
    mkfifo(from);
    const reader = open(from, O_RDONLY | O_NONBLOCK);
    await using python = new Program("python3", [
      "-c",
      `import os, select, sys
out = os.open(sys.argv[2], os.O_WRONLY); file = os.open(sys.argv[1], os.O_RDONLY)
readers, _, _ = select.select([file], [], []); text = os.read(file, 80)
os.write(out, text[::-1])`,
      to,
      from,
    ]);
    const writer = open(to, 1);
    write(writer, "hello");
    const readfds = setOf(reader);
    assertEquals([select(reader + 1, readfds, null, null, null), readfds.isset(reader)], [1, true]);
    const buffer = new Uint8Array(80);
    assertEquals(new TextDecoder().decode(buffer.subarray(0, read(reader, buffer))), "olleh");
    close(reader);
    close(writer);
    assertEquals((await python.end()).code, 0);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("select() fails with EBADF, EINVAL or EFAULT on wrong arguments, and the sets stay as they are", () => {
  const [reader, writer] = pipe();
  close(writer);
  const set = setOf(reader, writer);
  fails("EBADF", () => select(Math.max(reader, writer) + 1, set, null, null, 0));
  assertEquals([set.isset(reader), set.isset(writer)], [true, true]);
  close(reader);
  const none = new fd_set();
  for (const nfds of [-1, FD_SETSIZE + 1, 2 ** 31 - 1, ...NOT_INTEGERS, undefined]) {
    fails("EINVAL", () => select(any(nfds), none, null, null, 0));
  }
  for (const timeout of [-1, NaN, Infinity, 2 ** 60, "1", undefined, {}, 1n, true]) {
    fails("EINVAL", () => select(0, null, null, null, any(timeout)));
  }
  for (
    const wrong of [
      5,
      "x",
      {},
      [],
      undefined,
      new Uint8Array(128),
      Object.create(fd_set.prototype),
      new Proxy(none, {}),
    ]
  ) {
    fails("EFAULT", () => select(1, any(wrong), null, null, 0));
    fails("EFAULT", () => select(1, null, any(wrong), null, 0));
    fails("EFAULT", () => select(1, null, null, any(wrong), 0));
  }
  none.bytes.buffer.transfer();
  fails("EFAULT", () => select(1, none, null, null, 0));
});
