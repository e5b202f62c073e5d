import { assert, assertEquals } from "@std/assert";
import * as ipc from "../../../../mod.ts";
import { fails, mod, run, runSource } from "../../../support.ts";
import { needs } from "../../../needs.ts";

const { close, MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, memfd_create, mmap, munmap, peek, poke } = ipc;
const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, PROT_NONE, PROT_READ, write } = ipc;
const BOTH = 3;
const PAGE = 65_536; // no page is larger

let objects = 0;
/** A name of nobody's. */
const freshName = () => `/ipc_playground_${Deno.pid}_${++objects}_${crypto.randomUUID().slice(0, 8)}`;

/** A memory file of some bytes. */
function memoryFile(length: number, flags = 0): number {
  const fd = memfd_create("test", flags);
  if (length > 0) write(fd, new Uint8Array(length));
  return fd;
}

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
});

Deno.test("shm_open(), mmap(): two mappings of an object are the same memory, and a private one is not", () => {
  const name = freshName();
  const fd = ipc.shm_open(name, O_RDWR | O_CREAT | O_EXCL);
  try {
    assertEquals(Deno.statSync(`/dev/shm${name}`).mode! & 0o777, 0o600);
    write(fd, new Uint8Array(100));
    const one = mmap(null, 100, BOTH, MAP_SHARED, fd);
    const two = mmap(null, 100, PROT_READ, MAP_SHARED, ipc.shm_open(name, O_RDONLY));
    const own = mmap(null, 100, BOTH, MAP_PRIVATE, fd);
    poke(one, 7, "*");
    assertEquals([one.length, two.length, own.length], [100, 100, 100]);
    assertEquals([peek(two, 7), peek(own, 7)], [42, 42]);
    own[7] = 1;
    assertEquals([two.read(7, 1)[0], own[7]], [42, 1]);
    one[8] = 9; // own has its copy of the page by now
    assertEquals([peek(two, 8), peek(own, 8)], [9, 0]);
    for (const memory of [one, two, own]) munmap(memory);
  } finally {
    close(fd);
    ipc.shm_unlink(name);
  }
  fails("ENOENT", () => ipc.shm_open(name, O_RDONLY));
});

Deno.test("mmap() with an offset shows the file from there", () => {
  const fd = memoryFile(2 * PAGE);
  const whole = mmap(null, 2 * PAGE, BOTH, MAP_SHARED, fd);
  const half = mmap(null, PAGE, BOTH, MAP_SHARED, fd, PAGE);
  close(fd);
  half[1] = 5;
  assertEquals(whole[PAGE + 1], 5);
  munmap(half);
  munmap(whole);
});

Deno.test("munmap() empties every array, and the functions fail with EINVAL from then on", () => {
  const memory = mmap(null, 100, BOTH, MAP_PRIVATE | MAP_ANONYMOUS);
  const view = memory.subarray(10);
  fails("EINVAL", () => munmap(view));
  munmap(memory);
  assertEquals([memory.length, view.length, memory[0]], [0, 0, undefined]);
  for (const use of [() => peek(memory, 0), () => poke(memory, 0, 1), () => munmap(memory), () => ipc.mlock(memory)]) {
    fails("EINVAL", use);
  }
  const window = mmap(null, 100, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
  munmap(window);
  for (const use of [() => window.read(), () => peek(window, 0), () => munmap(window)]) fails("EINVAL", use);
});

Deno.test("memory without PROT_WRITE is only read, with PROT_NONE not even that", () => {
  const window = mmap(null, 100, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
  assert(window instanceof ipc.ReadOnlyMemory);
  assertEquals(window.read(98).length, 2);
  fails("EACCES", () => poke(window as unknown as Uint8Array, 0, 1));
  munmap(window);
  const none = mmap(null, 100, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
  fails("EACCES", () => none.read());
  fails("EACCES", () => peek(none, 0));
  munmap(none);
});

Deno.test("mprotect() gives the memory anew, and what there was before is empty", () => {
  const memory = mmap(null, 100, BOTH, MAP_PRIVATE | MAP_ANONYMOUS);
  memory[3] = 33;
  const constant = ipc.mprotect(memory, PROT_READ);
  assertEquals([memory.length, constant.read(3, 1)[0]], [0, 33]);
  fails("EINVAL", () => munmap(memory));
  const none = ipc.mprotect(constant, PROT_NONE);
  fails("EINVAL", () => constant.read());
  fails("EACCES", () => none.read());
  const again = ipc.mprotect(none, BOTH);
  assertEquals([again[3], again.length], [33, 100]);
  fails("EINVAL", () => ipc.mprotect(again, 8));
  munmap(again);
});

Deno.test("mprotect() that is traced leaves no array by which one could write", () => {
  const memory = mmap(null, 100, BOTH, MAP_PRIVATE | MAP_ANONYMOUS);
  const seen: unknown[] = [];
  const stop = ipc.trace((event) => {
    if (event.ev === "exit" && event.call === "mprotect") seen.push(memory.length);
    if (event.ev === "enter" && event.call === "mprotect") {
      try {
        munmap(memory);
      } catch (error) {
        seen.push((error as ipc.LibcError).code);
      }
    }
  });
  const constant = ipc.mprotect(memory, PROT_READ);
  stop[Symbol.dispose]();
  assertEquals(seen, ["EBUSY", 0]);
  munmap(constant);
});

Deno.test("a file that becomes shorter than its mapping: zeros are read, and the functions fail with EFAULT", () => {
  const fd = memoryFile(3 * PAGE);
  const memory = mmap(null, 3 * PAGE, BOTH, MAP_SHARED, fd);
  const other = mmap(null, 3 * PAGE, BOTH, MAP_SHARED, fd);
  const window = mmap(null, 3 * PAGE, PROT_READ, MAP_PRIVATE, fd);
  memory.fill(7);
  ipc.ftruncate(fd, PAGE);
  assertEquals([memory[0], memory[2 * PAGE], memory[2 * PAGE + 1]], [7, 0, 0]);
  memory[2 * PAGE] = 1; // it gets nowhere
  assertEquals([memory[2 * PAGE], peek(other, 0)], [1, 7]);
  assertEquals(
    fails("EFAULT", () => peek(memory, 0)).message,
    "peek: Bad address (the file has become shorter than its mapping)",
  );
  fails("EFAULT", () => poke(memory, 0, 1));
  fails("EFAULT", () => ipc.memcpy(memory, new Uint8Array(5), 5));
  fails("EFAULT", () => peek(window, PAGE));
  for (const each of [memory, other, window]) munmap(each);
  // the kernel says so itself
  const third = mmap(null, 3 * PAGE, BOTH, MAP_SHARED, fd);
  const [reader, writer] = ipc.pipe();
  fails("EFAULT", () => write(writer, third.subarray(2 * PAGE, 2 * PAGE + 10)));
  munmap(third);
  for (const each of [fd, reader, writer]) close(each);
});

Deno.test("a file that becomes shorter: also in a forked child and in a Worker", async () => {
  const { code, stdout, stderr } = await runSource(
    `
    import * as ipc from ${JSON.stringify(mod)};
    const PAGE = ${PAGE};
    const fd = ipc.memfd_create("test");
    ipc.write(fd, new Uint8Array(2 * PAGE));
    const memory = ipc.mmap(null, 2 * PAGE, 3, ipc.MAP_SHARED, fd);
    const child = ipc.fork(() => {
      ipc.ftruncate(fd, 0);
      memory[5] = 1;
      return memory[PAGE] === 0 ? 3 : 4;
    });
    const status = new ipc.WaitStatus();
    ipc.waitpid(child, status);
    console.log(status.exitStatus, memory[0]);
    const worker = new Worker(URL.createObjectURL(new Blob([\`
      import * as ipc from ${JSON.stringify(mod)};
      const fd = ipc.memfd_create("test");
      ipc.write(fd, "xyz");
      const memory = ipc.mmap(null, PAGE, 3, ipc.MAP_SHARED, fd);
      const first = memory[0];
      ipc.ftruncate(fd, 0);
      postMessage([first, memory[1]]);
    \`.replaceAll("PAGE", PAGE)], { type: "application/typescript" })), { type: "module" });
    console.log(await new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data)));
    worker.terminate();`,
    [],
    { flags: ["--allow-read", "--v8-flags=--single-threaded"] },
  );
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "3 0\n[ 120, 0 ]\n", stderr: "" });
});

Deno.test("SIGBUS that is no mapping's ends the process as ever", async () => {
  const { signal } = await runSource(`
    import * as ipc from ${JSON.stringify(mod)};
    const fd = ipc.memfd_create("test");
    ipc.munmap(ipc.mmap(null, 1, 3, ipc.MAP_SHARED, fd));
    // Rust's own handler is there before, and takes itself away as well
    for (let i = 0; i < 4; i++) ipc.kill(ipc.getpid(), ipc.SIGBUS);`);
  assertEquals(signal, "SIGBUS");
});

Deno.test("a sealed memory file is not mapped for writing, and does not become shorter", () => {
  const F_ADD_SEALS = 1033, F_SEAL_SHRINK = 2, F_SEAL_WRITE = 8;
  const fd = memoryFile(100, ipc.MFD_ALLOW_SEALING);
  assertEquals(libc.fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE), 0);
  fails("EPERM", () => mmap(null, 100, BOTH, MAP_SHARED, fd));
  fails("EPERM", () => write(fd, "x"));
  const window = mmap(null, 100, PROT_READ, MAP_SHARED, fd);
  assertEquals(window.length, 100);
  munmap(window);
  close(fd);
});

Deno.test("mmap() fails with EINVAL, EBADF, ENODEV, EACCES or ENOMEM on wrong arguments", () => {
  const anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  const MAP_FIXED = 0x10, MAP_GROWSDOWN = 0x100, MAP_HUGETLB = 0x40000;
  for (const flag of [MAP_FIXED, MAP_GROWSDOWN, MAP_HUGETLB, 1 << 30, 1 << 31]) {
    fails("EINVAL", () => mmap(null, 100, BOTH, anonymous | flag));
  }
  // deno-lint-ignore no-explicit-any -- what the types forbid
  const any: any[] = [undefined, NaN, -1, 1.5, "100", {}, 2 ** 64];
  for (const bad of any) {
    fails("EINVAL", () => mmap(null, bad, BOTH, anonymous));
    if (bad !== -1) fails("EINVAL", () => mmap(null, 100, bad ?? null, anonymous));
    if (bad !== undefined) fails(bad === -1 ? "EBADF" : "EINVAL", () => mmap(null, 100, BOTH, MAP_SHARED, bad));
  }
  for (const addr of [0, 4096, undefined, {}]) {
    fails("EINVAL", () => mmap(addr as unknown as null, 100, BOTH, anonymous));
  }
  fails("EINVAL", () => mmap(null, 0, BOTH, anonymous));
  fails("EINVAL", () => mmap(null, 100, 8, anonymous));
  const fd = memoryFile(10);
  fails("EINVAL", () => mmap(null, 100, BOTH, MAP_SHARED, fd, 1));
  fails("EINVAL", () => mmap(null, 100, BOTH, MAP_SHARED, fd, 1.5));
  close(fd);
  fails("EBADF", () => mmap(null, 100, BOTH, MAP_SHARED, 777));
  const [reader, writer] = ipc.pipe();
  fails("ENODEV", () => mmap(null, 100, PROT_READ, MAP_SHARED, reader));
  fails("EACCES", () => mmap(null, 100, BOTH, MAP_SHARED, writer));
  for (const end of [reader, writer]) close(end);
  for (const length of [2 ** 46, 2 ** 60, 2 ** 63]) fails("ENOMEM", () => mmap(null, length, BOTH, anonymous));
});

Deno.test("what is given something else than a mapping fails with EINVAL", () => {
  const id = ipc.shmget(ipc.IPC_PRIVATE, 100, 0o600);
  const segment = ipc.shmat(id);
  ipc.shmctl(id, ipc.IPC_RMID);
  const moved = mmap(null, 100, BOTH, MAP_PRIVATE | MAP_ANONYMOUS);
  const kept = moved.buffer.transfer();
  // deno-lint-ignore no-explicit-any -- what the types forbid
  const any: any[] = [
    undefined,
    null,
    0,
    new Uint8Array(100),
    {},
    new ipc.ReadOnlyMemory(100),
    moved,
    new Uint8Array(kept),
  ];
  for (const bad of any) {
    for (const use of [munmap, ipc.mlock, ipc.munlock]) fails("EINVAL", () => use(bad));
    fails("EINVAL", () => ipc.msync(bad, ipc.MS_SYNC));
    fails("EINVAL", () => ipc.mprotect(bad, PROT_READ));
    fails("EINVAL", () => ipc.shmdt(bad));
  }
  // a segment may be locked, but not unmapped
  ipc.mlock(segment);
  ipc.munlock(segment);
  fails("EINVAL", () => munmap(segment));
  fails("EINVAL", () => ipc.mprotect(segment, PROT_READ));
  ipc.shmdt(segment);
  const memory = mmap(null, PAGE, BOTH, MAP_PRIVATE | MAP_ANONYMOUS);
  fails("EINVAL", () => ipc.shmdt(memory));
  fails("EINVAL", () => ipc.msync(memory, 5));
  fails("EINVAL", () => ipc.msync(memory.subarray(1), ipc.MS_SYNC));
  munmap(memory);
});

Deno.test("memory that is mapped shows in traces with its file, also from an offset", () => {
  const name = freshName();
  const fd = ipc.shm_open(name, O_RDWR | O_CREAT | O_EXCL);
  const lines: string[] = [];
  write(fd, new Uint8Array(2 * PAGE));
  const memory = mmap(null, PAGE, BOTH, MAP_SHARED, fd, PAGE);
  const anonymous = mmap(null, 100, BOTH, MAP_PRIVATE | MAP_ANONYMOUS);
  const shared = mmap(null, 100, BOTH, MAP_SHARED | MAP_ANONYMOUS);
  const stop = ipc.trace((event) => event.ev === "memory" && lines.push(ipc.formatTraceEvent(event)));
  poke(memory, 3, "*");
  peek(anonymous, 4);
  peek(shared, 5);
  stop[Symbol.dispose]();
  assertEquals(lines.slice(0, 2), [`map /dev/shm${name} [${PAGE + 3}] ← "*"`, String.raw`map anonymous [4] → "\0"`]);
  assert(/^map inode \d+ \[5\] → "\\0"$/.test(lines[2]), lines[2]);
  for (const each of [memory, anonymous, shared]) munmap(each);
  close(fd);
  ipc.shm_unlink(name);
});

needs("python3")("Python's multiprocessing.shared_memory is the same memory, both ways", async () => {
  const name = freshName();
  const fd = ipc.shm_open(name, O_RDWR | O_CREAT | O_EXCL);
  write(fd, new Uint8Array(4096));
  const memory = mmap(null, 4096, BOTH, MAP_SHARED, fd);
  try {
    poke(memory, 0, "!");
    const { code, stdout, stderr } = await run("python3", [
      "-c",
      `
from multiprocessing import resource_tracker, shared_memory
resource_tracker.register = lambda *_: None
memory = shared_memory.SharedMemory(${JSON.stringify(name.slice(1))})
print(bytes(memory.buf[0:1]), memory.size)
memory.buf[1] = 77
memory.close()`,
    ]);
    assertEquals({ code, stdout, stderr }, { code: 0, stdout: "b'!' 4096\n", stderr: "" });
    assertEquals(peek(memory, 1), 77);
  } finally {
    munmap(memory);
    close(fd);
    ipc.shm_unlink(name);
  }
});
