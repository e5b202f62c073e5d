import { assert, assertEquals } from "@std/assert";
import {
  close,
  dup2,
  execve,
  fork,
  getpid,
  getppid,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_WRONLY,
  open,
  pipe,
  read,
  sleep,
  unlink,
  usleep,
  waitpid,
  WaitStatus,
  write,
} from "../../../mod.ts";
import { fails, mod, Program } from "../../support.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
// deno-lint-ignore no-explicit-any
const any = (value: unknown) => value as any;

/** A pipe that is closed at the end of a `using`. */
function tube(): { reader: number; writer: number } & Disposable {
  const [reader, writer] = pipe();
  return {
    reader,
    writer,
    [Symbol.dispose]() {
      for (const fd of [reader, writer]) {
        try {
          close(fd);
        } catch {
          // the test has closed it
        }
      }
    },
  };
}

/** The open descriptors of this process that belong to Deno: inherited ones never have `FD_CLOEXEC`. */
function runtimeDescriptors(): number[] {
  const O_CLOEXEC = 0o2000000;
  const list: number[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const flags = /flags:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${name}`))![1];
      if (Number.parseInt(flags, 8) & O_CLOEXEC) list.push(Number(name));
    } catch {
      // the descriptor of the directory that is being read
    }
  }
  return list;
}

Deno.test("write() and read() move bytes through a pipe, and tell how many", () => {
  using t = tube();
  assertEquals(write(t.writer, bytes("hello")), 5);
  const buffer = new Uint8Array(80);
  assertEquals(read(t.reader, buffer), 5);
  assertEquals(buffer.subarray(0, 6), bytes("hello\0"));
  assertEquals(write(t.writer, "Grüße"), 7);
  assertEquals(read(t.reader, buffer, 3), 3);
  assertEquals(read(t.reader, buffer.subarray(10)), 4);
  assertEquals(buffer.subarray(10, 15), new Uint8Array([...bytes("Grüße").subarray(3), 0]));
});

Deno.test("read() and write() move no more than count", () => {
  using t = tube();
  assertEquals(write(t.writer, bytes("hello"), 2), 2);
  assertEquals(write(t.writer, bytes("hello"), 0), 0);
  assertEquals(write(t.writer, "hello", 1), 1);
  const buffer = new Uint8Array(4);
  assertEquals(read(t.reader, buffer, 0), 0);
  assertEquals(read(t.reader, buffer, 4), 3);
  assertEquals(buffer, bytes("heh\0"));
});

Deno.test("read() and write() fail with EFAULT if count exceeds the buffer, and move nothing", () => {
  using t = tube();
  for (const count of [6, 100, 2 ** 31, 2 ** 32, 2 ** 53, -1, 1.5, NaN, Infinity, "3", null]) {
    fails("EFAULT", () => write(t.writer, bytes("hello"), any(count)));
    fails("EFAULT", () => read(t.reader, new Uint8Array(5), any(count)));
  }
  for (
    const buffer of [
      null,
      undefined,
      5,
      {},
      [1, 2],
      new ArrayBuffer(5),
      new DataView(new ArrayBuffer(5)),
      new Uint16Array(5),
    ]
  ) {
    fails("EFAULT", () => write(t.writer, any(buffer)));
    fails("EFAULT", () => read(t.reader, any(buffer)));
  }
  write(t.writer, "x");
  assertEquals(read(t.reader, new Uint8Array(80)), 1);
});

Deno.test("read() and write() with a detached buffer move nothing", () => {
  using t = tube();
  const buffer = new Uint8Array(80);
  buffer.buffer.transfer();
  assertEquals(write(t.writer, buffer), 0);
  fails("EFAULT", () => write(t.writer, buffer, 1));
  write(t.writer, "x");
  assertEquals(read(t.reader, buffer), 0);
  fails("EFAULT", () => read(t.reader, buffer, 1));
  assertEquals(read(t.reader, new Uint8Array(1)), 1);
});

Deno.test("read() returns 0 when all writers are closed, and write() fails with EPIPE without a reader", () => {
  using t = tube();
  close(t.writer);
  assertEquals(read(t.reader, new Uint8Array(1)), 0);
  using u = tube();
  close(u.reader);
  fails("EPIPE", () => write(u.writer, "x"));
});

Deno.test("read() and write() fail with EBADF at the wrong end, and with what is no descriptor", () => {
  using t = tube();
  fails("EBADF", () => write(t.reader, "x"));
  fails("EBADF", () => read(t.writer, new Uint8Array(1)));
  for (const fd of [-1, 1_000_000, 2 ** 31 - 1]) {
    fails("EBADF", () => write(fd, "x"));
    fails("EBADF", () => read(fd, new Uint8Array(1)));
    fails("EBADF", () => close(fd));
    fails("EBADF", () => dup2(fd, t.writer));
  }
  for (const fd of [1.5, NaN, 2 ** 32, "1", null, undefined, {}]) {
    fails("EINVAL", () => write(any(fd), "x"));
    fails("EINVAL", () => read(any(fd), new Uint8Array(1)));
    fails("EINVAL", () => close(any(fd)));
  }
});

Deno.test("close() closes once, and EBADF is the answer the second time", () => {
  const [reader, writer] = pipe();
  close(writer);
  fails("EBADF", () => close(writer));
  assertEquals(read(reader, new Uint8Array(1)), 0);
  close(reader);
  fails("EBADF", () => read(reader, new Uint8Array(1)));
});

Deno.test("the descriptors of the Deno runtime are refused with EBADF by every function", () => {
  const list = runtimeDescriptors();
  assert(list.length > 0, "Deno has at least its epoll set open");
  for (const fd of list) {
    using t = tube();
    for (
      const call of [
        () => close(fd),
        () => read(fd, new Uint8Array(1)),
        () => write(fd, "x"),
        () => dup2(fd, t.writer),
        () => dup2(t.writer, fd),
      ]
    ) {
      const error = fails("EBADF", call);
      assert(error.message.includes(`descriptor ${fd} belongs to the Deno runtime`), error.message);
    }
  }
  assertEquals(runtimeDescriptors(), list);
});

Deno.test("a descriptor that this process was started with can be used", async () => {
  const source = `import { read, write } from ${JSON.stringify(mod)};
    const buffer = new Uint8Array(80); write(1, buffer.subarray(0, read(9, buffer)))`;
  const command = '"$0" eval "$1" 9<<< "inherited"';
  await using program = new Program("bash", ["-c", command, Deno.execPath(), source]);
  assertEquals(await program.end(), { code: 0, signal: null, stdout: "inherited\n", stderr: "" });
});

Deno.test("dup2() gives a second descriptor for the same end, and closes what was there", () => {
  using t = tube();
  using u = tube();
  const spare = dup2(t.writer, u.writer);
  assertEquals(spare, u.writer);
  assertEquals(read(u.reader, new Uint8Array(1)), 0); // its last writer was closed
  write(spare, "x");
  close(t.writer);
  write(spare, "y");
  const buffer = new Uint8Array(80);
  assertEquals([read(t.reader, buffer), buffer[0], buffer[1]], [2, 120, 121]);
  assertEquals(dup2(spare, spare), spare);
});

Deno.test("a descriptor's number stays usable after it was closed and given again", () => {
  for (let n = 0; n < 100; n++) {
    using t = tube();
    write(t.writer, "x");
    assertEquals(read(t.reader, new Uint8Array(1)), 1);
  }
});

Deno.test("pipe(): what was written is there for a child, and the child's answer for the parent", () => {
  using down = tube();
  using up = tube();
  write(down.writer, "hello");
  const pid = fork(() => {
    const buffer = new Uint8Array(80);
    const n = read(down.reader, buffer);
    write(up.writer, buffer.subarray(0, n).reverse());
  });
  const buffer = new Uint8Array(80);
  assertEquals(read(up.reader, buffer), 5);
  assertEquals(buffer.subarray(0, 5), bytes("olleh"));
  const wstat = new WaitStatus();
  waitpid(pid, wstat);
  assertEquals(wstat.exitStatus, 0);
});

Deno.test("pipe() fails with EMFILE when there are no descriptors left", async () => {
  const source = `import { close, pipe } from ${JSON.stringify(mod)};
    let n = 0; try { for (;; n++) pipe(); } catch (error) { console.log(n > 0, error.code, error.syscall); }`;
  await using program = new Program("bash", ["-c", 'ulimit -n 200; "$0" eval "$1"', Deno.execPath(), source]);
  assertEquals(await program.end(), { code: 0, signal: null, stdout: "true EMFILE pipe\n", stderr: "" });
});

Deno.test("open(), unlink(): a file is made, found, refused a second time, and removed", () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const path = `${directory}/grüße`;
    const fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o640);
    write(fd, "hello");
    close(fd);
    assertEquals(Deno.readTextFileSync(path), "hello");
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o640 & ~Deno.umask());
    fails("EEXIST", () => open(path, O_WRONLY | O_CREAT | O_EXCL));
    unlink(path);
    fails("ENOENT", () => unlink(path));
    fails("ENOENT", () => open(path, O_RDONLY));
    fails("EISDIR", () => unlink(directory));
    fails("EINVAL", () => open(`${directory}\0x`, O_RDONLY));
    fails("EINVAL", () => unlink(any(5)));
    fails("EINVAL", () => open(path, 1.5));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("getpid() and getppid() are what Deno says", () => {
  assertEquals([getpid(), getppid()], [Deno.pid, Deno.ppid]);
});

Deno.test("usleep() and sleep() sleep as long as they are told, and refuse what is no time", () => {
  const start = performance.now();
  usleep(20_000);
  const slept = performance.now() - start;
  assert(slept >= 19.9 && slept < 5000, `${slept} ms`);
  assertEquals(sleep(0), 0);
  for (const time of [-1, 1.5, NaN, 2 ** 32, "1", null]) {
    fails("EINVAL", () => sleep(any(time)));
    fails("EINVAL", () => usleep(any(time)));
  }
});

Deno.test("execve() fails with the kernel's reason, and the program goes on", () => {
  fails("ENOENT", () => execve("/no/such/program", ["x"], []));
  fails("EACCES", () => execve("/", ["x"], []));
  fails("EINVAL", () => execve("/bin/true", ["a\0b"], []));
  fails("EINVAL", () => execve(any(3), ["x"], []));
  fails("EINVAL", () => execve("/bin/true", any("x"), []));
  fails("EINVAL", () => execve("/bin/true", ["true"], any(null)));
});
