import { assertEquals } from "@std/assert";
import {
  AF_UNIX,
  chmod,
  close,
  fchmod,
  fstat,
  mkfifo,
  O_CREAT,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  open,
  pipe,
  read,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_IRUSR,
  S_IRWXG,
  S_IRWXO,
  S_IRWXU,
  S_ISGID,
  S_ISUID,
  S_ISVTX,
  S_IWUSR,
  SOCK_STREAM,
  socket,
  struct_stat,
  umask,
  write,
} from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { compile, fails, Program, runSource } from "../../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
const any = (value: unknown) => value as any;

/** A directory that is removed at the end of a `using`. */
function temporary(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** What is known of a file that is opened for this. */
function stat(path: string, flags = O_PATH | O_NOFOLLOW): struct_stat {
  const fd = open(path, flags);
  const statbuf = new struct_stat();
  fstat(fd, statbuf);
  close(fd);
  return statbuf;
}

Deno.test("fstat() tells what Deno tells of a file", () => {
  using directory = temporary();
  const path = `${directory.path}/file`;
  Deno.writeTextFileSync(path, "x".repeat(5000));
  Deno.linkSync(path, `${directory.path}/second`);
  Deno.utimeSync(path, 1_000_000_000.5, 1_700_000_000.25);
  const expected = Deno.statSync(path);
  const found = stat(path, O_RDONLY);
  assertEquals({
    dev: found.st_dev,
    ino: found.st_ino,
    nlink: found.st_nlink,
    mode: found.st_mode,
    uid: found.st_uid,
    gid: found.st_gid,
    rdev: found.st_rdev,
    size: found.st_size,
    blksize: found.st_blksize,
    blocks: found.st_blocks,
    atime: [found.st_atim.tv_sec, found.st_atim.tv_nsec],
    mtime: [found.st_mtim.tv_sec, found.st_mtim.tv_nsec],
    ctime: found.st_ctim.tv_sec,
  }, {
    dev: expected.dev,
    ino: BigInt(expected.ino!),
    nlink: 2,
    mode: S_IFREG | expected.mode! & 0o7777,
    uid: expected.uid!,
    gid: expected.gid!,
    rdev: 0,
    size: 5000,
    blksize: expected.blksize!,
    blocks: expected.blocks!,
    atime: [1_000_000_000, 5e8],
    mtime: [1_700_000_000, 2.5e8],
    ctime: Math.floor(expected.ctime!.getTime() / 1000),
  });
});

Deno.test("fstat() tells the kinds of files apart", () => {
  using directory = temporary();
  const kind = ({ st_mode }: struct_stat) => st_mode & S_IFMT;
  mkfifo(`${directory.path}/fifo`);
  Deno.symlinkSync("none", `${directory.path}/link`);
  Deno.writeTextFileSync(`${directory.path}/file`, "");
  assertEquals(
    [`${directory.path}/fifo`, `${directory.path}/link`, `${directory.path}/file`, directory.path, "/dev/null"]
      .map((path) => kind(stat(path))),
    [S_IFIFO, S_IFLNK, S_IFREG, S_IFDIR, S_IFCHR],
  );
  assertEquals(stat("/dev/null").st_rdev, 0x103); // 1, 3
  const statbuf = new struct_stat();
  const unix = socket(AF_UNIX, SOCK_STREAM, 0);
  const [reader, writer] = pipe();
  fstat(unix, statbuf);
  assertEquals(kind(statbuf), S_IFSOCK);
  fstat(writer, statbuf);
  assertEquals([kind(statbuf), statbuf.st_mode & S_IRWXU], [S_IFIFO, S_IRUSR | S_IWUSR]);
  for (const fd of [unix, reader, writer]) close(fd);
});

Deno.test("mkfifo() makes a FIFO that is its owner's alone, less what umask() says", () => {
  using directory = temporary();
  const mode = (name: string) => Deno.statSync(`${directory.path}/${name}`).mode! & 0o777;
  const before = umask(0o022);
  try {
    mkfifo(`${directory.path}/one`);
    mkfifo(`${directory.path}/two`, 0o666);
    assertEquals(umask(0), 0o022);
    mkfifo(`${directory.path}/three`, 0o666);
    assertEquals(umask(0o7077), 0); // of which only permissions count
    close(open(`${directory.path}/four`, O_RDWR | O_CREAT, 0o666));
    assertEquals(umask(0), 0o077);
  } finally {
    umask(before);
  }
  assertEquals(["one", "two", "three", "four"].map(mode), [0o600, 0o644, 0o666, 0o600]);
  fails("EEXIST", () => mkfifo(`${directory.path}/one`));
  fails("ENOENT", () => mkfifo(`${directory.path}/none/one`));
  fails("ENOTDIR", () => mkfifo(`${directory.path}/one/two`));
  fails("ENXIO", () => open(`${directory.path}/one`, O_WRONLY | O_NONBLOCK)); // nobody reads
});

const COPY = `
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
/* Reads all that comes from one FIFO, and writes it to another. */
int main(int argc, char *argv[])
{
  char buffer[80];
  ssize_t n;
  int in = open(argv[1], O_RDONLY), out = open(argv[2], O_WRONLY);
  if (argc != 3 || in < 0 || out < 0) { perror("open"); return 1; }
  while ((n = read(in, buffer, sizeof buffer)) > 0)
    if (write(out, buffer, n) != n) { perror("write"); return 1; }
  return 0;
}
`;

needs("cc")("a C program reads from a FIFO of mkfifo() what is written to it, and writes to another", async () => {
  using directory = temporary();
  const [to, from] = [`${directory.path}/to`, `${directory.path}/from`];
  mkfifo(to);
  mkfifo(from);
  await compile(COPY, `${directory.path}/copy`);
  await using copy = new Program(`${directory.path}/copy`, [to, from]);
  const writer = open(to, O_WRONLY); // both wait for each other here
  const reader = open(from, O_RDONLY);
  write(writer, "Did you get this?");
  const buffer = new Uint8Array(80);
  assertEquals(new TextDecoder().decode(buffer.subarray(0, read(reader, buffer))), "Did you get this?");
  close(writer);
  assertEquals(read(reader, buffer), 0);
  close(reader);
  assertEquals((await copy.end()).code, 0);
});

needs("python3")("Python's os.mkfifo() makes what open() opens", async () => {
  using directory = temporary();
  const path = `${directory.path}/fifo`;
  await using python = new Program("python3", [
    "-c",
    `import os, sys
os.mkfifo(sys.argv[1], 0o640)
print("made", flush=True)
with open(sys.argv[1], "w") as fifo: fifo.write("from Python")
with open(sys.argv[1]) as fifo: print(fifo.read(), oct(os.stat(sys.argv[1]).st_mode))`,
    path,
  ]);
  await python.until("made");
  const reader = open(path, O_RDONLY);
  const buffer = new Uint8Array(80);
  assertEquals(new TextDecoder().decode(buffer.subarray(0, read(reader, buffer))), "from Python");
  assertEquals(read(reader, buffer), 0);
  close(reader);
  chmod(path, 0o604);
  const writer = open(path, O_WRONLY);
  write(writer, "from Deno");
  close(writer);
  assertEquals((await python.end()).stdout, "made\nfrom Deno 0o10604\n");
});

Deno.test("chmod() and fchmod() set permissions", () => {
  using directory = temporary();
  const path = `${directory.path}/file`;
  Deno.writeTextFileSync(path, "");
  Deno.symlinkSync("file", `${directory.path}/link`);
  const mode = () => Deno.statSync(path).mode! & 0o7777;
  chmod(path, S_IRUSR | S_IWUSR | S_IRWXG);
  assertEquals(mode(), 0o670);
  chmod(`${directory.path}/link`, 0o604);
  assertEquals(mode(), 0o604);
  const fd = open(path, O_RDWR);
  fchmod(fd, S_ISUID | S_ISVTX | 0o640);
  assertEquals(mode(), 0o5640);
  fchmod(fd, 0);
  assertEquals(mode(), 0);
  fchmod(fd, S_ISGID | S_IRWXU | S_IRWXG | S_IRWXO);
  assertEquals(stat(path).st_mode, S_IFREG | Deno.statSync(path).mode! & 0o7777);
  assertEquals(mode() & 0o777, 0o777);
  close(fd);
  const place = open(path, O_PATH);
  fails("EBADF", () => fchmod(place, 0o600));
  close(place);
  fails("ENOENT", () => chmod(`${directory.path}/none`, 0o600));
  fails("ENOTDIR", () => chmod(`${path}/none`, 0o600));
});

Deno.test("umask() is inherited", async () => {
  const source = `import { umask } from "@mod"; umask(0o027);
    const { stdout } = new Deno.Command("sh", { args: ["-c", "umask"] }).outputSync();
    console.log(new TextDecoder().decode(stdout).trim(), umask(0).toString(8));`;
  assertEquals((await runSource(source, [], { flags: ["--allow-run"] })).stdout, "0027 27\n");
});

Deno.test("mkfifo(), chmod(), fchmod(), umask() and fstat() fail with EINVAL or EFAULT on wrong arguments", () => {
  using directory = temporary();
  const [reader, writer] = pipe();
  for (const path of [null, undefined, 5, {}, "a\0b", new Uint8Array(2)]) {
    fails("EINVAL", () => mkfifo(any(path)));
    fails("EINVAL", () => chmod(any(path), 0o600));
  }
  for (const mode of [...NOT_INTEGERS, 2 ** 31]) {
    fails("EINVAL", () => mkfifo(`${directory.path}/fifo`, any(mode)));
    fails("EINVAL", () => chmod(directory.path, any(mode)));
    fails("EINVAL", () => fchmod(reader, any(mode)));
    fails("EINVAL", () => umask(any(mode)));
  }
  fails("EINVAL", () => chmod(directory.path, any(undefined)));
  fails("EINVAL", () => umask(any(undefined)));
  for (const statbuf of [null, undefined, {}, new Uint8Array(144), Object.create(struct_stat.prototype)]) {
    fails("EFAULT", () => fstat(reader, any(statbuf)));
  }
  const gone = new struct_stat();
  gone.bytes.buffer.transfer();
  fails("EFAULT", () => fstat(reader, gone));
  assertEquals([...Deno.readDirSync(directory.path)], []);
  close(reader);
  close(writer);
});
