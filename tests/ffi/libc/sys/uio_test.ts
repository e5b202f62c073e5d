import { assertEquals } from "@std/assert";
import {
  close,
  fork,
  getpid,
  gettid,
  pipe,
  posix_spawn,
  posix_spawn_file_actions_addclose,
  posix_spawn_file_actions_adddup2,
  posix_spawn_file_actions_destroy,
  posix_spawn_file_actions_init,
  posix_spawn_file_actions_t,
  process_vm_readv,
  process_vm_writev,
  read,
  readv,
  trace,
  waitpid,
  WaitStatus,
  write,
  writev,
} from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { compile, fails } from "../../../support.ts";

// deno-lint-ignore no-explicit-any -- what no type allows
const any = (value: unknown) => value as any;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function tube(): { reader: number; writer: number } & Disposable {
  const [reader, writer] = pipe();
  return { reader, writer, [Symbol.dispose]: () => [reader, writer].forEach(close) };
}

Deno.test("writev() writes several buffers as one, and readv() fills one after the other", () => {
  using t = tube();
  assertEquals(writev(t.writer, ["one", new Uint8Array([32, 116, 119, 111]), new Uint8Array(0), "Ü"]), 9);
  const [a, b, c] = [new Uint8Array(2), new Uint8Array(0), new Uint8Array(80)];
  assertEquals(readv(t.reader, [a, b, c]), 9);
  assertEquals([text(a), text(c.subarray(0, 8))], ["on", "e twoÜ\0"]);
  write(t.writer, "xyz");
  const large = new Uint8Array(10);
  assertEquals(readv(t.reader, [large.subarray(2, 4), large.subarray(8)]), 3);
  assertEquals([...large], [0, 0, 120, 121, 0, 0, 0, 0, 122, 0]);
  assertEquals(writev(t.writer, []), 0);
  write(t.writer, "!");
  assertEquals(readv(t.reader, Array.from({ length: 1024 }, () => new Uint8Array(1))), 1);
});

Deno.test("buffers of every kind of memory are filled, and nothing beyond them", () => {
  using t = tube();
  const shared = new Uint8Array(new SharedArrayBuffer(8), 2, 2);
  const growing = new ArrayBuffer(8, { maxByteLength: 16 });
  const tracking = new Uint8Array(growing, 4);
  const small = new Uint8Array(2); // in V8's own heap until somebody looks at its buffer
  class Liar extends Uint8Array<ArrayBuffer> {
    override get byteLength() {
      return 1000;
    }
    override get length() {
      return 1000;
    }
  }
  const liar = new Liar(new ArrayBuffer(6), 2, 2);
  growing.resize(6);
  const gone = new Uint8Array(4);
  gone.buffer.transfer();
  write(t.writer, "abcdefghijkl");
  assertEquals(readv(t.reader, any([shared, tracking, small, liar, gone])), 8);
  assertEquals([...new Uint8Array(shared.buffer)].slice(0, 5), [0, 0, 97, 98, 0]);
  assertEquals([...new Uint8Array(growing)].slice(3), [0, 99, 100]);
  assertEquals(text(small), "ef");
  assertEquals([...new Uint8Array(liar.buffer)], [0, 0, 103, 104, 0, 0]);
});

Deno.test("memory that is transferred away by who traces the call is not written to", () => {
  using t = tube();
  write(t.writer, "abcdef");
  const [a, b] = [new Uint8Array(3), new Uint8Array(3)];
  {
    using _ = trace((event) => {
      if (event.ev === "enter" && event.call === "readv") a.buffer.transfer(1 << 16);
    });
    assertEquals(readv(t.reader, [a, b]), 3);
  }
  assertEquals(text(b), "abc");
});

Deno.test("readv() and writev() fail as read() and write() do, and with what is no list of buffers", () => {
  using t = tube();
  fails("EBADF", () => readv(t.writer, [new Uint8Array(1)]));
  fails("EBADF", () => writev(t.reader, ["x"]));
  fails("EBADF", () => readv(777, [new Uint8Array(1)]));
  for (const fd of [NaN, 1.5, "1", null, undefined]) {
    fails("EINVAL", () => readv(any(fd), []));
    fails("EINVAL", () => writev(any(fd), []));
  }
  const many = Array.from({ length: 1025 }, () => new Uint8Array(1));
  fails("EINVAL", () => readv(t.reader, many));
  fails("EINVAL", () => writev(t.writer, many));
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  for (const bad of [null, undefined, 5, "xyz", {}, { length: 1 }, new Uint8Array(3), proxy]) {
    fails("EINVAL", () => readv(t.reader, any(bad)));
    fails("EINVAL", () => writev(t.writer, any(bad)));
  }
  for (const bad of [null, undefined, 5, {}, [], new ArrayBuffer(3), new Uint16Array(3), new Proxy(many[0], {})]) {
    fails("EFAULT", () => readv(t.reader, [any(bad)]));
    fails("EFAULT", () => writev(t.writer, [any(bad)]));
  }
  using u = tube();
  close(u.reader);
  fails("EPIPE", () => writev(u.writer, ["x"]));
  pipeAgain(u.reader);
});

/** Opens a descriptor again that the end of a `using` closes. */
function pipeAgain(fd: number): void {
  const [a, b] = pipe();
  if (a !== fd && b !== fd) throw new Error(`${fd} is neither ${a} nor ${b}`);
  close(a === fd ? b : a);
}

/** Prints where its memory is, waits for a line, and prints what is there then. */
const C = `
#include <stdio.h>
char first[8] = "first", second[8] = "second";
const char fixed[8] = "fixed";
int main(void) {
  char line[8];
  printf("%p %p %p\\n", (void *) first, (void *) second, (void *) fixed);
  fflush(stdout);
  fgets(line, sizeof line, stdin);
  printf("%.8s %.8s %.8s\\n", first, second, fixed);
}`;

needs("cc")("the memory of a C program is read and written", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
  const [[childIn, toChild], [fromChild, childOut]] = [pipe(), pipe()];
  try {
    await compile(C, `${directory}/memory`);
    const actions = new posix_spawn_file_actions_t();
    posix_spawn_file_actions_init(actions);
    posix_spawn_file_actions_adddup2(actions, childIn, 0);
    posix_spawn_file_actions_adddup2(actions, childOut, 1);
    posix_spawn_file_actions_addclose(actions, toChild);
    const pid = posix_spawn(`${directory}/memory`, actions, null, ["memory"]);
    posix_spawn_file_actions_destroy(actions);
    const byte = new Uint8Array(1);
    const line = () => {
      let line = "";
      while (read(fromChild, byte) === 1 && byte[0] !== 10) line += text(byte);
      return line;
    };
    const [first, second, fixed] = line().split(" ").map(BigInt);
    const [a, b] = [new Uint8Array(5), new Uint8Array(8)];
    assertEquals(process_vm_readv(pid, [a, b], [[first, 3], [second, 8], [Number(fixed), 2]]), 13);
    assertEquals([text(a), text(b)], ["firse", "cond\0\0fi"]);
    // as far as it goes: nothing is mapped at the second address
    assertEquals(process_vm_readv(pid, [a, b], [[second, 4], [16, 4]]), 4);
    fails("EFAULT", () => process_vm_readv(pid, [a], [[16, 4]]));
    const written = [new TextEncoder().encode("eins"), new TextEncoder().encode("zwei\0")];
    assertEquals(process_vm_writev(pid, written, [[first, 5], [second, 4]]), 9);
    fails("EFAULT", () => process_vm_writev(pid, written, [[fixed, 4]]));
    write(toChild, "\n");
    assertEquals(line(), "einsz wei fixed");
    const status = new WaitStatus();
    waitpid(pid, status);
    assertEquals(String(status), "exited with 0");
    fails("ESRCH", () => process_vm_readv(pid, [a], [[first, 5]]));
  } finally {
    for (const fd of [childIn, toChild, fromChild, childOut]) close(fd);
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("this process's own memory can be read, and not be written", () => {
  const program = Deno.realPathSync(Deno.execPath());
  const line = Deno.readTextFileSync("/proc/self/maps").split("\n").find((line) => line.endsWith(` ${program}`))!;
  const start = BigInt("0x" + line.split("-")[0]);
  const magic = new Uint8Array(4);
  assertEquals(process_vm_readv(getpid(), [magic], [[start, 4]]), 4);
  assertEquals(magic, new Uint8Array([127, 69, 76, 70]));
  const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => Number(name));
  for (const pid of [getpid(), gettid(), ...threads]) {
    const error = fails("EPERM", () => process_vm_writev(pid, [magic], [[start, 4]]));
    assertEquals(
      error.message,
      `process_vm_writev: Operation not permitted (${pid} is this process, whose memory the runtime uses)`,
    );
  }
  const status = new WaitStatus();
  waitpid(
    fork(() => {
      fails("EPERM", () => process_vm_writev(getpid(), [magic], [[start, 4]]));
      return 9;
    }),
    status,
  );
  assertEquals(status.exitStatus, 9);
});

Deno.test("process_vm_readv() and process_vm_writev() refuse what is no argument of theirs", () => {
  const buffer = new Uint8Array(4);
  for (const call of [process_vm_readv, process_vm_writev]) {
    fails("ESRCH", () => call(2 ** 31 - 1, [buffer], [[0x1000, 4]]));
    fails("ESRCH", () => call(-1, [buffer], [[0x1000, 4]]));
    fails("ESRCH", () => call(0, [buffer], [[0x1000, 4]]));
    for (const flags of [1, 2 ** 32 - 1]) fails("EINVAL", () => call(1, [buffer], [[0x1000, 4]], flags));
    fails("EINVAL", () => call(1, Array(1025).fill(buffer), [[0x1000, 4]]));
    fails("EINVAL", () => call(1, [buffer], Array(1025).fill([0x1000, 4])));
    for (const bad of NOT_INTEGERS) {
      fails("EINVAL", () => call(any(bad), [buffer], [[0x1000, 4]]));
      fails("EINVAL", () => call(1, [buffer], [[0x1000, 4]], any(bad)));
      fails("EINVAL", () => call(1, [buffer], any([bad])));
    }
    for (const bad of [NaN, 1.5, -1, 2 ** 53, -1n, 2n ** 64n, "1", null, undefined, {}, true]) {
      fails("EINVAL", () => call(1, [buffer], [[any(bad), 4]]));
    }
    for (const bad of [NaN, 1.5, -1, 2 ** 65, 1n, "1", null, undefined, {}, true]) {
      fails("EINVAL", () => call(1, [buffer], [[0x1000, any(bad)]]));
    }
    for (const bad of [null, undefined, 5, "x", {}]) {
      fails("EINVAL", () => call(1, any(bad), []));
      fails("EINVAL", () => call(1, [buffer], any(bad)));
      fails("EFAULT", () => call(1, [any(bad)], []));
    }
  }
});
