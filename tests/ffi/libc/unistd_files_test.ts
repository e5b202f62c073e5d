import { assert, assertEquals } from "@std/assert";
import {
  close,
  dup,
  dup2,
  dup3,
  F_DUPFD,
  F_GETFD,
  F_GETFL,
  fchmod,
  fcntl,
  FD_CLOEXEC,
  flock,
  fstat,
  fsync,
  ftruncate,
  LOCK_UN,
  lseek,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  open,
  pipe,
  pipe2,
  read,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
  struct_stat,
  write,
} from "../../../mod.ts";
import { NOT_INTEGERS } from "../../_peers.ts";
import { fails, run, runSource } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
const any = (value: unknown) => value as any;

const LARGE = 2 ** 40; // bytes

/** A file that is removed at the end of a `using`. */
function temporary(directory?: string): { path: string; fd: number } & Disposable {
  const path = Deno.makeTempFileSync({ prefix: "ipc_playground_", dir: directory });
  const fd = open(path, O_RDWR);
  return {
    path,
    fd,
    [Symbol.dispose]() {
      close(fd);
      Deno.removeSync(path);
    },
  };
}

Deno.test("pipe2() makes ends that don't block, and that no started program has, and they are the program's", async () => {
  const [reader, writer] = pipe2(O_NONBLOCK | O_CLOEXEC);
  assertEquals([fcntl(reader, F_GETFD), fcntl(writer, F_GETFD)], [FD_CLOEXEC, FD_CLOEXEC]);
  assertEquals(fcntl(reader, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  fails("EAGAIN", () => read(reader, new Uint8Array(1)));
  assert((await run("sh", ["-c", `echo x >/proc/self/fd/${writer}`])).code !== 0);
  write(writer, "x");
  assertEquals(read(reader, new Uint8Array(2)), 1);
  close(reader);
  close(writer);
});

Deno.test("pipe2() with O_DIRECT: each write is a packet", () => {
  const [reader, writer] = pipe2(O_DIRECT);
  write(writer, "hello");
  write(writer, "world");
  const buffer = new Uint8Array(3);
  assertEquals([read(reader, buffer), String.fromCharCode(...buffer)], [3, "hel"]);
  assertEquals([read(reader, buffer), String.fromCharCode(...buffer)], [3, "wor"]);
  close(reader);
  close(writer);
  for (const flags of [...NOT_INTEGERS, undefined, O_CREAT, -1]) fails("EINVAL", () => pipe2(any(flags)));
});

Deno.test("dup() gives the lowest free descriptor, without FD_CLOEXEC, and both are the same open file", () => {
  using file = temporary();
  const [reader, writer] = pipe2(O_CLOEXEC);
  close(reader);
  const second = dup(file.fd);
  assertEquals(second, reader);
  assertEquals(fcntl(dup2(writer, writer), F_GETFD), FD_CLOEXEC);
  const third = dup(writer);
  assertEquals(fcntl(third, F_GETFD), 0);
  write(file.fd, "hello");
  assertEquals(lseek(second, 0, SEEK_CUR), 5);
  for (const fd of [second, third, writer]) close(fd);
  for (const fd of [-1, 1_000_000]) fails("EBADF", () => dup(fd));
  for (const fd of [...NOT_INTEGERS, undefined]) fails("EINVAL", () => dup(any(fd)));
});

Deno.test("dup3() closes what was there, sets FD_CLOEXEC, and takes no descriptor twice", () => {
  using file = temporary();
  const [reader, writer] = pipe();
  assertEquals(dup3(file.fd, writer, O_CLOEXEC), writer);
  assertEquals(fcntl(writer, F_GETFD), FD_CLOEXEC);
  assertEquals(read(reader, new Uint8Array(1)), 0); // its last writer was closed
  assertEquals(write(writer, "hello"), 5);
  assertEquals(Deno.readTextFileSync(file.path), "hello");
  assertEquals(fcntl(dup3(file.fd, writer, 0), F_GETFD), 0);
  fails("EINVAL", () => dup3(file.fd, file.fd, 0));
  fails("EINVAL", () => dup3(file.fd, writer, O_NONBLOCK));
  fails("EBADF", () => dup3(-1, writer, 0));
  fails("EBADF", () => dup3(file.fd, -1, 0));
  fails("EBADF", () => dup3(file.fd, 2 ** 31 - 1, 0));
  for (const wrong of [...NOT_INTEGERS, undefined]) {
    fails("EINVAL", () => dup3(any(wrong), writer, 0));
    fails("EINVAL", () => dup3(file.fd, any(wrong), 0));
    fails("EINVAL", () => dup3(file.fd, writer, any(wrong)));
  }
  close(reader);
  close(writer);
});

Deno.test("dup() and pipe2() fail with EMFILE when there are no descriptors left", async () => {
  const source = `import { dup, dup3, pipe2, rlimit, RLIMIT_NOFILE, setrlimit } from "@mod";
    const [fd] = pipe2(0);
    setrlimit(RLIMIT_NOFILE, new rlimit(100n, 100n));
    const code = (f) => { try { for (;;) f(); } catch (error) { return error.code; } };
    console.log(code(() => dup(fd)), code(() => pipe2(0)), code(() => dup3(fd, 100, 0)));`;
  assertEquals((await runSource(source)).stdout, "EMFILE EMFILE EBADF\n");
});

Deno.test("lseek() and ftruncate() go as far as files do", () => {
  using file = temporary();
  ftruncate(file.fd, LARGE);
  assertEquals(lseek(file.fd, 0, SEEK_END), LARGE);
  assertEquals(lseek(file.fd, -2, SEEK_CUR), LARGE - 2);
  assertEquals(write(file.fd, "end"), 3);
  assertEquals(Deno.statSync(file.path).size, LARGE + 1);
  assertEquals(lseek(file.fd, -3, SEEK_END), LARGE - 2);
  const buffer = new Uint8Array(80);
  assertEquals([read(file.fd, buffer), buffer[0]], [3, 101]);
  assertEquals(lseek(file.fd, LARGE - 1, SEEK_SET), LARGE - 1);
  ftruncate(file.fd, 0);
  assertEquals(Deno.statSync(file.path).size, 0);
  fails("EINVAL", () => lseek(file.fd, -1, SEEK_SET));
  fails("EINVAL", () => lseek(file.fd, 0, 99));
  fails("EINVAL", () => ftruncate(file.fd, -1));
});

Deno.test("lseek() finds data and holes, and fails with ENXIO beyond the end", () => {
  using file = temporary("/dev/shm");
  ftruncate(file.fd, 1 << 22);
  lseek(file.fd, 1 << 21, SEEK_SET);
  write(file.fd, "x");
  assertEquals(lseek(file.fd, 0, SEEK_DATA), 1 << 21);
  assertEquals(lseek(file.fd, 0, SEEK_HOLE), 0);
  assert(lseek(file.fd, 1 << 21, SEEK_HOLE) > 1 << 21);
  fails("ENXIO", () => lseek(file.fd, 1 << 22, SEEK_DATA));
});

Deno.test("lseek() fails with EOVERFLOW where no number says the position exactly", () => {
  using file = temporary("/dev/shm"); // a file system of memory has the largest files
  const most = Number.MAX_SAFE_INTEGER;
  assertEquals(lseek(file.fd, most, SEEK_SET), most);
  const error = fails("EOVERFLOW", () => lseek(file.fd, 2, SEEK_CUR));
  assert(error.message.includes("9007199254740993"), error.message);
  assertEquals(lseek(file.fd, -2, SEEK_CUR), most);
});

Deno.test("lseek() fails with ESPIPE, ftruncate() and fsync() with EINVAL on a pipe", () => {
  const [reader, writer] = pipe();
  fails("ESPIPE", () => lseek(reader, 0, SEEK_SET));
  fails("EINVAL", () => ftruncate(writer, 0));
  fails("EINVAL", () => fsync(writer));
  close(reader);
  close(writer);
});

Deno.test("ftruncate() fails with EINVAL on a file that was opened for reading, and fsync() writes", () => {
  using file = temporary();
  const reader = open(file.path, O_RDONLY);
  fails("EINVAL", () => ftruncate(reader, 0));
  write(file.fd, "hello");
  fsync(file.fd);
  fsync(reader);
  close(reader);
  const place = open(file.path, O_PATH);
  fails("EBADF", () => ftruncate(place, 0));
  fails("EBADF", () => fsync(place));
  fails("EBADF", () => lseek(place, 0, SEEK_SET));
  close(place);
});

Deno.test("chdir() sets where names begin", async () => {
  const source = `import { chdir, close, O_RDONLY, open } from "@mod";
    chdir(Deno.args[0]);
    close(open("grüße", O_RDONLY));
    console.log(Deno.cwd() === Deno.args[0]);
    const code = (path) => { try { chdir(path); } catch (error) { return error.code; } };
    console.log(code("grüße"), code("none"), code("/" + "x".repeat(300)), code("loop"), code("a\\0b"), code(5), code(""));`;
  const directory = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "ipc_playground_" }));
  try {
    Deno.writeTextFileSync(`${directory}/grüße`, "");
    Deno.symlinkSync("loop", `${directory}/loop`);
    const { stdout, stderr } = await runSource(source, [directory], { flags: ["--allow-read"] });
    assertEquals([stdout, stderr], ["true\nENOTDIR ENOENT ENAMETOOLONG ELOOP EINVAL EINVAL ENOENT\n", ""]);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("what is no descriptor, and what is no number, is EBADF and EINVAL to the functions of files", () => {
  using file = temporary();
  const statbuf = new struct_stat();
  const calls: ((fd: number) => unknown)[] = [
    (fd) => lseek(fd, 0, SEEK_SET),
    (fd) => ftruncate(fd, 0),
    (fd) => fsync(fd),
    (fd) => fstat(fd, statbuf),
    (fd) => fchmod(fd, 0o600),
    (fd) => flock(fd, LOCK_UN),
    (fd) => fcntl(fd, F_GETFL),
  ];
  for (const call of calls) {
    for (const fd of [-1, 1_000_000, 2 ** 31 - 1]) fails("EBADF", () => call(fd));
    for (const fd of [...NOT_INTEGERS, undefined, 2 ** 32 + file.fd]) fails("EINVAL", () => call(any(fd)));
  }
  for (const wrong of [NaN, 0.5, Infinity, 2 ** 53, "1", null, undefined, {}, true]) {
    fails("EINVAL", () => lseek(file.fd, any(wrong), SEEK_SET));
    fails("EINVAL", () => lseek(file.fd, 0, any(wrong)));
    fails("EINVAL", () => ftruncate(file.fd, any(wrong)));
  }
  assertEquals(lseek(file.fd, -0, SEEK_SET), 0);
  ftruncate(file.fd, -0);
});

Deno.test("the Deno runtime's descriptors are refused with EBADF by the functions of files, too", () => {
  const O = 0o2000000;
  const runtimes = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name)).filter((fd) => {
    try {
      const flags = /flags:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`))![1];
      return Number.parseInt(flags, 8) & O;
    } catch {
      return false; // that of the directory that is being read
    }
  });
  assert(runtimes.length > 0, "Deno has at least its epoll set open");
  const [reader, writer] = pipe();
  for (const fd of runtimes) {
    for (
      const call of [
        () => dup(fd),
        () => dup3(fd, writer, 0),
        () => dup3(writer, fd, 0),
        () => lseek(fd, 0, SEEK_SET),
        () => ftruncate(fd, 0),
        () => fsync(fd),
        () => fstat(fd, new struct_stat()),
        () => fchmod(fd, 0o600),
        () => flock(fd, LOCK_UN),
        () => fcntl(fd, F_DUPFD, 0),
      ]
    ) {
      const error = fails("EBADF", call);
      assert(error.message.includes(`descriptor ${fd} belongs to the Deno runtime`), error.message);
    }
  }
  close(reader);
  close(writer);
});
