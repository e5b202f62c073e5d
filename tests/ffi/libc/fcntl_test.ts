import { assert, assertEquals } from "@std/assert";
import {
  AF_UNIX,
  close,
  F_ADD_SEALS,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GET_SEALS,
  F_GETFD,
  F_GETFL,
  F_GETLK,
  F_GETOWN,
  F_GETPIPE_SZ,
  F_GETSIG,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_RDLCK,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  F_SETFD,
  F_SETFL,
  F_SETLK,
  F_SETLKW,
  F_SETOWN,
  F_SETPIPE_SZ,
  F_SETSIG,
  F_UNLCK,
  F_WRLCK,
  fcntl,
  FD_CLOEXEC,
  ftruncate,
  getpid,
  lseek,
  O_ACCMODE,
  O_APPEND,
  O_ASYNC,
  O_CREAT,
  O_DIRECTORY,
  O_DSYNC,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_TMPFILE,
  O_WRONLY,
  open,
  pipe,
  read,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
  SIG_DFL,
  signal,
  SIGUSR1,
  SOCK_STREAM,
  socketpair,
  struct_flock,
  write,
} from "../../../mod.ts";
import { NOT_INTEGERS } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { fails, mod, Program, run, until, waitsIn } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
const any = (value: unknown) => value as any;

/** A directory that is removed at the end of a `using`, and a file in it that is opened so. */
function temporary(flags: number = O_RDWR): { directory: string; path: string; fd: number } & Disposable {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  const path = `${directory}/file`;
  const fd = open(path, flags | O_CREAT);
  return {
    directory,
    path,
    fd,
    [Symbol.dispose]() {
      close(fd);
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

/** Waits until another process waits in `fcntl(2)`. */
async function waits(peer: Program): Promise<void> {
  await peer.ready(() => waitsIn(peer.pid, 72, 25), "it waits in fcntl");
}

Deno.test("open() takes the flags that say what a file is to be, and how it is to be written", () => {
  using file = temporary(O_WRONLY | O_SYNC | O_NOCTTY);
  assertEquals(fcntl(file.fd, F_GETFL) & O_SYNC, O_SYNC);
  Deno.symlinkSync("file", `${file.directory}/link`);
  fails("ENOTDIR", () => open(file.path, O_RDONLY | O_DIRECTORY));
  fails("ELOOP", () => open(`${file.directory}/link`, O_RDONLY | O_NOFOLLOW));
  const directory = open(file.directory, O_RDONLY | O_DIRECTORY);
  close(directory);
  const place = open(file.path, O_PATH);
  fails("EBADF", () => read(place, new Uint8Array(1)));
  close(place);
  const dsync = open(file.path, O_RDWR | O_DSYNC | O_NOATIME);
  assertEquals(fcntl(dsync, F_GETFL) & (O_ACCMODE | O_SYNC | O_NOATIME), O_RDWR | O_DSYNC | O_NOATIME);
  close(dsync);
});

Deno.test("open() with O_TMPFILE makes a file that has no name", () => {
  using file = temporary();
  const fd = open(file.directory, O_RDWR | O_TMPFILE);
  assertEquals([write(fd, "hello"), lseek(fd, 0, SEEK_END)], [5, 5]);
  assertEquals(Deno.statSync(`/proc/self/fd/${fd}`).mode! & 0o777, 0o600 & ~Deno.umask());
  assertEquals([...Deno.readDirSync(file.directory)].map(({ name }) => name), ["file"]);
  close(fd);
});

Deno.test("fcntl() gives a second descriptor from a number on, with and without FD_CLOEXEC, which is the program's", () => {
  const [reader, writer] = pipe();
  const plain = fcntl(writer, F_DUPFD, 300);
  const closing = fcntl(writer, F_DUPFD_CLOEXEC, 300);
  assertEquals([plain >= 300, closing > plain], [true, true]);
  assertEquals([fcntl(plain, F_GETFD), fcntl(closing, F_GETFD)], [0, FD_CLOEXEC]);
  for (const fd of [writer, plain, closing]) {
    write(fd, "x");
    close(fd);
  }
  const buffer = new Uint8Array(80);
  assertEquals([read(reader, buffer), read(reader, buffer)], [3, 0]);
  fails("EINVAL", () => fcntl(reader, F_DUPFD, -1));
  fails("EINVAL", () => fcntl(reader, F_DUPFD, 2 ** 31 - 1));
  close(reader);
});

Deno.test("fcntl() fails with EMFILE when there are no descriptors left", async () => {
  const source = `import { F_DUPFD, fcntl, pipe } from ${JSON.stringify(mod)};
    const [fd] = pipe(); try { for (;;) fcntl(fd, F_DUPFD, 0); } catch (error) { console.log(error.code); }`;
  await using program = new Program("bash", ["-c", 'ulimit -n 200; "$0" eval "$1"', Deno.execPath(), source]);
  assertEquals(await program.end(), { code: 0, signal: null, stdout: "EMFILE\n", stderr: "" });
});

Deno.test("fcntl() sets FD_CLOEXEC and clears it: a program that is started has the descriptor, or has not", async () => {
  const [reader, writer] = pipe();
  const echo = () => run("sh", ["-c", `echo x >/proc/self/fd/${writer}`]);
  assertEquals((await echo()).code, 0);
  assertEquals(fcntl(writer, F_SETFD, FD_CLOEXEC), 0);
  assert((await echo()).code !== 0);
  assertEquals(write(writer, "y"), 1); // it is the program's all the same
  fcntl(writer, F_SETFD, 0);
  assertEquals((await echo()).code, 0);
  assertEquals(read(reader, new Uint8Array(80)), 5);
  close(reader);
  close(writer);
});

Deno.test("fcntl(): a descriptor that this process was started with stays the program's with FD_CLOEXEC", async () => {
  const source = `import { F_SETFD, fcntl, read, write } from ${JSON.stringify(mod)};
    fcntl(9, F_SETFD, 1); const buffer = new Uint8Array(80); write(1, buffer.subarray(0, read(9, buffer)))`;
  const command = '"$0" eval "$1" 9<<< "inherited"';
  await using program = new Program("bash", ["-c", command, Deno.execPath(), source]);
  assertEquals(await program.end(), { code: 0, signal: null, stdout: "inherited\n", stderr: "" });
});

Deno.test("fcntl() tells how a file was opened, and sets its flags for all who share it", () => {
  using file = temporary(O_WRONLY);
  const [reader, writer] = pipe();
  assertEquals(fcntl(file.fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_WRONLY);
  write(file.fd, "hello");
  lseek(file.fd, 0, SEEK_SET);
  fcntl(file.fd, F_SETFL, O_APPEND);
  write(file.fd, "!");
  assertEquals(Deno.readTextFileSync(file.path), "hello!");
  const second = fcntl(reader, F_DUPFD, 0);
  assertEquals(fcntl(second, F_SETFL, O_NONBLOCK), 0);
  assertEquals(fcntl(reader, F_GETFL), O_RDONLY | O_NONBLOCK);
  fails("EAGAIN", () => read(reader, new Uint8Array(1)));
  for (const fd of [second, reader, writer]) close(fd);
});

Deno.test("fcntl() sets how many bytes a pipe holds, and fails with EBUSY if there are more in it", () => {
  const [reader, writer] = pipe();
  fcntl(writer, F_SETFL, O_NONBLOCK);
  assertEquals(fcntl(reader, F_SETPIPE_SZ, 1), 4096); // at least a page
  assertEquals(fcntl(writer, F_GETPIPE_SZ), 4096);
  assertEquals(write(writer, new Uint8Array(10_000)), 4096);
  assertEquals(fcntl(writer, F_SETPIPE_SZ, 16_000), 16_384); // a power of two
  assertEquals(write(writer, new Uint8Array(10_000)), 10_000);
  fails("EBUSY", () => fcntl(writer, F_SETPIPE_SZ, 4096));
  fails("EINVAL", () => fcntl(writer, F_SETPIPE_SZ, -1));
  close(reader);
  close(writer);
});

const LOCKER = `import fcntl, sys, struct
file = open(sys.argv[1], "r+b")
def say(*what): print(*what, flush=True)
`;

/** A program in Python with the file, which says and is told lines. */
function locker(path: string, source: string): Program {
  return new Program("python3", ["-c", LOCKER + source, path], { stdin: "open" });
}

needs("python3")("fcntl() tells of Python's lock whose it is, and fails with EAGAIN, or waits for it", async () => {
  using file = temporary();
  await using python = locker(
    file.path,
    `fcntl.lockf(file, fcntl.LOCK_EX, 10, 5); say("locked"); input(); fcntl.lockf(file, fcntl.LOCK_UN, 10, 5)
say("unlocked"); input(); fcntl.lockf(file, fcntl.LOCK_SH); say("shared"); input()`,
  );
  await python.until("locked");
  const lock = new struct_flock(F_WRLCK, SEEK_SET, 0, 8);
  fails("EAGAIN", () => fcntl(file.fd, F_SETLK, lock));
  assertEquals(fcntl(file.fd, F_GETLK, lock), 0);
  assertEquals(
    [lock.l_type, lock.l_whence, lock.l_start, lock.l_len, lock.l_pid],
    [F_WRLCK, SEEK_SET, 5, 10, python.pid],
  );
  fcntl(file.fd, F_SETLK, new struct_flock(F_WRLCK, SEEK_SET, 0, 5)); // beside it
  fcntl(file.fd, F_SETLK, new struct_flock(F_WRLCK, SEEK_SET, 15));
  await python.type("\n", false);
  fcntl(file.fd, F_SETLKW, new struct_flock(F_WRLCK)); // it is given up now, or has been
  fcntl(file.fd, F_SETLK, new struct_flock(F_UNLCK));
  await python.until("unlocked");
  await python.type("\n", false);
  await python.until("shared");
  fcntl(file.fd, F_SETLK, new struct_flock(F_RDLCK));
  fails("EAGAIN", () => fcntl(file.fd, F_SETLK, new struct_flock(F_WRLCK)));
  await python.type("\n");
  assertEquals((await python.end()).stderr, "");
  const free = new struct_flock(F_WRLCK);
  fcntl(file.fd, F_GETLK, free);
  assertEquals(free.l_type, F_UNLCK);
});

needs("python3")("Python waits for a lock of fcntl()'s", async () => {
  using file = temporary();
  fcntl(file.fd, F_SETLK, new struct_flock(F_WRLCK, SEEK_SET, 100, 1));
  await using python = locker(
    file.path,
    `
try: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 95)
except OSError as error: say(error.errno)
fcntl.lockf(file, fcntl.LOCK_EX, 10, 95)
say("locked")`,
  );
  await python.until("11"); // EAGAIN
  await waits(python);
  lseek(file.fd, 100, SEEK_SET);
  fcntl(file.fd, F_SETLK, new struct_flock(F_UNLCK, SEEK_CUR, 0, 1));
  assertEquals((await python.end()).stdout, "11\nlocked\n");
});

needs("python3")("fcntl() fails with EDEADLK if who has the lock waits for this process", async () => {
  using file = temporary();
  fcntl(file.fd, F_SETLK, new struct_flock(F_WRLCK, SEEK_SET, 0, 1));
  await using python = locker(
    file.path,
    `fcntl.lockf(file, fcntl.LOCK_EX, 1, 1); fcntl.lockf(file, fcntl.LOCK_EX, 1, 0)`,
  );
  await waits(python);
  fails("EDEADLK", () => fcntl(file.fd, F_SETLKW, new struct_flock(F_WRLCK, SEEK_SET, 1, 1)));
  fcntl(file.fd, F_SETLK, new struct_flock(F_UNLCK));
  assertEquals((await python.end()).code, 0);
});

Deno.test("fcntl(): a lock of F_OFD_SETLK belongs to what open() made: another open has not got it", () => {
  using file = temporary();
  const second = fcntl(file.fd, F_DUPFD, 0);
  const other = open(file.path, O_RDWR);
  const lock = new struct_flock(F_WRLCK, SEEK_SET, 7, 3);
  fcntl(file.fd, F_OFD_SETLK, lock);
  fcntl(second, F_OFD_SETLKW, lock); // the same one's
  fails("EAGAIN", () => fcntl(other, F_OFD_SETLK, lock));
  const found = new struct_flock(F_RDLCK);
  fcntl(other, F_OFD_GETLK, found);
  assertEquals([found.l_type, found.l_start, found.l_len, found.l_pid], [F_WRLCK, 7, 3, -1]);
  fails("EINVAL", () => fcntl(other, F_OFD_SETLK, found)); // l_pid has to be 0
  fails("EAGAIN", () => fcntl(other, F_SETLK, lock)); // the process's own are others, too
  close(second);
  fails("EAGAIN", () => fcntl(other, F_OFD_SETLK, lock));
  fcntl(file.fd, F_OFD_SETLK, new struct_flock(F_UNLCK));
  fcntl(other, F_OFD_SETLK, lock);
  close(other);
  fcntl(file.fd, F_OFD_SETLK, new struct_flock(F_WRLCK));
});

needs("python3")("Python waits for a lock of F_OFD_SETLK, and has one of its own that fcntl() waits for", async () => {
  using file = temporary();
  fcntl(file.fd, F_OFD_SETLK, new struct_flock(F_WRLCK));
  await using python = locker(
    file.path,
    `
def lock(type): fcntl.fcntl(file, ${F_OFD_SETLKW}, struct.pack("hhxxxxqqixxxx", type, 0, 0, 0, 0))
lock(${F_WRLCK}); say("locked"); input(); say("unlocks"); lock(${F_UNLCK}); input()`,
  );
  await waits(python);
  fcntl(file.fd, F_OFD_SETLK, new struct_flock(F_UNLCK));
  await python.until("locked");
  fails("EAGAIN", () => fcntl(file.fd, F_OFD_SETLK, new struct_flock(F_WRLCK)));
  await python.type("\n", false);
  fcntl(file.fd, F_OFD_SETLKW, new struct_flock(F_WRLCK));
  await python.type("\n");
  assertEquals((await python.end()).stdout, "locked\nunlocks\n");
});

Deno.test("fcntl() fails with EBADF if a lock asks for more than the file was opened for", () => {
  using file = temporary();
  const reader = open(file.path, O_RDONLY);
  const writer = open(file.path, O_WRONLY);
  fails("EBADF", () => fcntl(reader, F_SETLK, new struct_flock(F_WRLCK)));
  fails("EBADF", () => fcntl(writer, F_OFD_SETLK, new struct_flock(F_RDLCK)));
  fails("EINVAL", () => fcntl(reader, F_SETLK, new struct_flock(F_RDLCK, SEEK_SET, -1)));
  fails("EINVAL", () => fcntl(reader, F_SETLK, new struct_flock(3)));
  fails("EINVAL", () => fcntl(reader, F_SETLK, new struct_flock(F_RDLCK, 3)));
  // what begins beyond 2^63
  const far = new struct_flock(F_RDLCK, SEEK_CUR);
  far.bytes.fill(0xff, 8, 15)[15] = 0x7f;
  lseek(reader, 1, SEEK_SET);
  fails("EOVERFLOW", () => fcntl(reader, F_SETLK, far));
  close(reader);
  close(writer);
});

/** A file of memory, which alone can be sealed. */
function memory(): number {
  const MFD_ALLOW_SEALING = 2;
  const libc = Deno.dlopen("libc.so.6", { memfd_create: { parameters: ["buffer", "u32"], result: "i32" } });
  const fd = libc.symbols.memfd_create(new Uint8Array([120, 0]), MFD_ALLOW_SEALING);
  libc.close();
  return fd;
}

Deno.test("fcntl() seals a file of memory, which fails with EPERM then to change so", () => {
  const fd = memory();
  ftruncate(fd, 100);
  assertEquals(fcntl(fd, F_GET_SEALS), 0);
  assertEquals(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
  fails("EPERM", () => ftruncate(fd, 50));
  ftruncate(fd, 200);
  fcntl(fd, F_ADD_SEALS, F_SEAL_GROW);
  fails("EPERM", () => ftruncate(fd, 300));
  write(fd, "x");
  fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL);
  fails("EPERM", () => write(fd, "x"));
  fails("EPERM", () => fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
  assertEquals(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  close(fd);
  const [reader, writer] = pipe();
  fails("EINVAL", () => fcntl(reader, F_GET_SEALS));
  fails("EINVAL", () => fcntl(writer, F_ADD_SEALS, F_SEAL_SEAL));
  close(reader);
  close(writer);
});

Deno.test("fcntl() has a signal sent when there is something to read", async () => {
  const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
  let came = 0;
  signal(SIGUSR1, () => came++);
  assertEquals([fcntl(a, F_GETOWN), fcntl(a, F_GETSIG)], [0, 0]);
  fcntl(a, F_SETOWN, getpid());
  fcntl(a, F_SETSIG, SIGUSR1);
  assertEquals([fcntl(a, F_GETOWN), fcntl(a, F_GETSIG)], [getpid(), SIGUSR1]);
  fcntl(a, F_SETFL, O_ASYNC);
  write(b, "x");
  await until(() => came > 0, "the signal comes");
  close(a);
  close(b);
  signal(SIGUSR1, SIG_DFL);
});

needs("python3")(
  "fcntl() tells a process group as a negative number, and fails with ESRCH where there is none",
  async () => {
    const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
    await using python = new Program("python3", ["-c", "input()"], { stdin: "open" }); // it leads a group
    fcntl(a, F_SETOWN, -python.pid);
    assertEquals(fcntl(a, F_GETOWN), -python.pid);
    fails("ESRCH", () => fcntl(a, F_SETOWN, 2 ** 30 - 1));
    fails("EINVAL", () => fcntl(a, F_SETSIG, 65));
    fails("EINVAL", () => fcntl(a, F_SETOWN, -(2 ** 31)));
    await python.type("\n");
    close(a);
    close(b);
  },
);

Deno.test("fcntl() refuses with EINVAL what it does not know, and with EINVAL or EFAULT a wrong argument", () => {
  using file = temporary();
  const F_SETLEASE = 1024, F_GETOWN_EX = 16, F_SET_RW_HINT = 1036, F_NOTIFY = 1026;
  for (const cmd of [F_SETLEASE, F_GETOWN_EX, F_SET_RW_HINT, F_NOTIFY, -1, 12, 2 ** 31 - 1, ...NOT_INTEGERS]) {
    fails("EINVAL", () => fcntl(file.fd, any(cmd)));
    fails("EINVAL", () => fcntl(file.fd, any(cmd), 0));
  }
  for (const cmd of [F_DUPFD, F_DUPFD_CLOEXEC, F_SETFD, F_SETFL, F_SETOWN, F_SETSIG, F_SETPIPE_SZ, F_ADD_SEALS]) {
    for (const arg of [...NOT_INTEGERS, undefined, 2 ** 31, -(2 ** 31) - 1, new struct_flock()]) {
      fails("EINVAL", () => fcntl(file.fd, cmd, any(arg)));
    }
  }
  for (const cmd of [F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW]) {
    for (const arg of [...NOT_INTEGERS, undefined, 0, new Uint8Array(32), Object.create(struct_flock.prototype)]) {
      fails("EFAULT", () => fcntl(file.fd, cmd, any(arg)));
    }
  }
  const gone = new struct_flock(F_WRLCK);
  gone.bytes.buffer.transfer();
  fails("EFAULT", () => fcntl(file.fd, F_SETLK, gone));
  fails("EFAULT", () => gone.l_type);
  for (const value of [...NOT_INTEGERS, 2 ** 15]) {
    fails("EINVAL", () => new struct_flock(any(value)));
    fails("EINVAL", () => new struct_flock(0, any(value)));
  }
  for (const value of [NaN, 1.5, 2 ** 53, "1", 1n]) {
    fails("EINVAL", () => new struct_flock(0, 0, any(value)));
    fails("EINVAL", () => new struct_flock(0, 0, 0, any(value)));
  }
  for (const fd of NOT_INTEGERS) fails("EINVAL", () => fcntl(any(fd), F_GETFD));
  for (const fd of [-1, 1_000_000]) fails("EBADF", () => fcntl(fd, F_GETFD));
});
