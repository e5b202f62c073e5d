import { assert, assertEquals } from "@std/assert";
import { MappedFile } from "../../../ffi/objects/mapped_file.ts";
import { PosixSharedMemory } from "../../../ffi/objects/posix_shared_memory.ts";
import { dup } from "../../../ffi/libc/unistd.ts";
import { i32, record, trace } from "../../../mod.ts";
import { needs } from "../../needs.ts";
import { fails, FFI, file, mod, Program, rejects, runSource } from "../../support.ts";

const fresh = () => `/ipc_playground_${Deno.pid}_${crypto.randomUUID()}`;
const there = (name: string) => {
  try {
    return Deno.statSync(`/dev/shm${name}`).isFile;
  } catch {
    return false;
  }
};
const python = (source: string, ...args: string[]) => {
  const { success, stdout, stderr } = new Deno.Command("python3", { args: ["-c", source, ...args] }).outputSync();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
};

Deno.test("PosixSharedMemory is removed at the end of using by who made it only", () => {
  const name = fresh();
  {
    using made = PosixSharedMemory.create(name, 100);
    assertEquals([made.name, made.size, made.mode, made.attached, made.readOnly], [name, 100, 0o600, true, false]);
    fails("EEXIST", () => PosixSharedMemory.create(name, 100));
    fails("EINVAL", () => PosixSharedMemory.create(name, 101, { exclusive: false }));
    made.writeString("hello");
    {
      using found = PosixSharedMemory.open(name, { readOnly: true });
      assertEquals([found.readString(), found.readOnly], ["hello", true]);
      fails("EACCES", () => found.bytes);
      fails("EACCES", () => found.write("x"));
      using taken = PosixSharedMemory.create(name, 50, { exclusive: false });
      assertEquals(taken.size, 100);
    }
    assert(there(name));
  }
  assert(!there(name));
  fails("ENOENT", () => PosixSharedMemory.open(name));
  {
    using made = PosixSharedMemory.create(name, 1);
    made.remove();
    fails("ENOENT", () => made.remove());
  }
});

Deno.test("PosixSharedMemory.resize() keeps what is there, and empties the arrays of before", () => {
  using memory = PosixSharedMemory.anonymous(100);
  const { bytes } = memory;
  memory.write("hello");
  memory.resize(100_000);
  assertEquals([bytes.length, memory.size, memory.readString()], [0, 100_000, "hello"]);
  memory.bytes[99_999] = 1;
  const Count = record({ n: i32 });
  Count.at(memory).n = 7;
  assertEquals(memory.bytes[0], 7);
  for (const size of [0, -1, NaN, 1.5, 2 ** 60, "1" as never]) fails("EINVAL", () => memory.resize(size));
  memory.detach();
  assertEquals([memory.size, memory.attached], [0, false]);
  fails("EINVAL", () => memory.read());
  fails("EINVAL", () => memory.resize(1));
  fails("EINVAL", () => memory.detach());
});

Deno.test("PosixSharedMemory.seal() keeps all from changing it", () => {
  using memory = PosixSharedMemory.anonymous(100);
  memory.writeString("hello");
  {
    using other = PosixSharedMemory.fromFd(dup(memory.fd));
    fails("EBUSY", () => memory.seal("write"));
    memory.write("H");
    assertEquals(other.readString(), "Hello");
  }
  const { bytes } = memory;
  memory.seal("grow", "shrink", "write");
  assertEquals([memory.readOnly, bytes.length, memory.readString()], [true, 0, "Hello"]);
  fails("EPERM", () => memory.resize(200));
  using other = PosixSharedMemory.fromFd(dup(memory.fd));
  assertEquals([other.readOnly, other.readString(), other.seals], [true, "Hello", ["grow", "shrink", "write"]]);
  memory.seal("seal");
  fails("EPERM", () => memory.seal("grow"));
  fails("EINVAL", () => memory.seal("x" as never));
});

Deno.test("PosixSharedMemory refuses what is no name or size", () => {
  for (const name of ["", "/", "x", "/a/b", "/.", "/..", "/a\0", 1 as never]) {
    fails("EINVAL", () => PosixSharedMemory.create(name, 1));
    fails("EINVAL", () => PosixSharedMemory.open(name));
  }
  for (const size of [0, -1, NaN, 0.5, "1" as never]) {
    fails("EINVAL", () => PosixSharedMemory.create(fresh(), size));
    fails("EINVAL", () => PosixSharedMemory.anonymous(size));
  }
  fails("EBADF", () => PosixSharedMemory.fromFd(-1));
});

needs("python3")("PosixSharedMemory and Python's shared_memory find each other's", () => {
  const name = fresh();
  using made = PosixSharedMemory.create(name, 100);
  made.write("hello");
  // its resource tracker would remove it when Python ends
  const open = `
import sys
from multiprocessing import shared_memory, resource_tracker
m = shared_memory.SharedMemory(sys.argv[1])
resource_tracker.unregister(m._name, "shared_memory")
print(bytes(m.buf[:5]).decode())
m.buf[:5] = b"HELLO"
m.close()`;
  assertEquals(python(open, name.slice(1)), "hello");
  assertEquals(made.readString(), "HELLO");
  const make = `
from multiprocessing import shared_memory, resource_tracker
m = shared_memory.SharedMemory(create=True, size=50)
resource_tracker.unregister(m._name, "shared_memory")
m.buf[:6] = b"python"
print(m._name)
m.close()`;
  using found = PosixSharedMemory.open(python(make));
  assertEquals(found.readString(), "python");
  found.remove();
});

Deno.test("MappedFile.flush() waits on another thread, which keeps the memory; abort and errors are told", async () => {
  const path = Deno.makeTempFileSync();
  try {
    using file = MappedFile.open(path, { size: 1 << 20 });
    file.write("hello");
    const calls: string[] = [];
    {
      using _tracing = trace((event) => void ("call" in event && calls.push(`${event.ev} ${event.call}`)));
      const flushed = [file.flush(), file.flush()];
      fails("EBUSY", () => file.detach());
      await Promise.all(flushed);
    }
    assertEquals(
      calls.filter((call) => call.endsWith("msync")),
      ["enter", "enter", "exit", "exit"].map((ev) => `${ev} msync`),
    );
    assertEquals(Deno.readTextFileSync(path).slice(0, 5), "hello");
    const abort = new AbortController();
    const given = file.flush(abort);
    abort.abort("enough");
    assertEquals(await given.catch(String), "enough");
    assertEquals(await file.flush(abort).catch(String), "enough");
    await file.flush();
    file.detach();
    await rejects("EINVAL", file.flush());
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("MappedFile shows a file, also one that becomes shorter", () => {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, "x".repeat(10_000));
  {
    using file = MappedFile.open(path);
    file.write("hello");
    file.flushSync();
    assertEquals(Deno.readTextFileSync(path).slice(0, 6), "hellox");
    using own = MappedFile.open(path, { private: true, offset: 4096, length: 10 });
    own.write("mine");
    assertEquals([own.size, own.readOnly, Deno.readTextFileSync(path).includes("mine")], [10, false, false]);
    using constant = MappedFile.open(path, { readOnly: true });
    fails("EACCES", () => constant.write("x"));
    assertEquals([constant.readString().length, constant.path], [10_000, path]);
    constant.lock();
    constant.unlock();
    assertEquals(file.truncated, false);
    Deno.truncateSync(path, 10);
    assertEquals([file.truncated, own.truncated], [true, true]);
    fails("EFAULT", () => file.read());
  }
  fails("EINVAL", () => MappedFile.open(path, { length: 11 }));
  fails("EINVAL", () => MappedFile.open(path, { size: 11, readOnly: true }));
  using longer = MappedFile.open(path, { size: 20 });
  assertEquals(longer.size, 20);
  fails("ENODEV", () => MappedFile.open("/dev/null"));
  Deno.removeSync(path);
  fails("ENOENT", () => MappedFile.open(path));
});

Deno.test("PosixSharedMemory is shared with a forked child, which does not remove it", async () => {
  const { stdout, stderr } = await runSource(
    `
    import * as ipc from ${JSON.stringify(mod)};
    const name = ${JSON.stringify(fresh())};
    using memory = ipc.PosixSharedMemory.create(name, 100);
    ipc.waitpid(ipc.fork(() => {
      memory.writeString("from the child");
      memory[Symbol.dispose]();
    }));
    using found = ipc.PosixSharedMemory.open(name);
    console.log(memory.readString(), found.readString());`,
    [],
    { flags: ["--v8-flags=--single-threaded"] },
  );
  assertEquals([stdout, stderr], ["from the child from the child\n", ""]);
});

Deno.test("PosixSharedMemory is removed by Ctrl-C, if the program says removeOnSignals()", async () => {
  const name = fresh();
  using program = file(`
    import * as ipc from ${JSON.stringify(mod)};
    ipc.removeOnSignals();
    ipc.PosixSharedMemory.create(${JSON.stringify(name)}, 100);
    console.log("ready");
    await new Promise((done) => setTimeout(done, 1e6));`);
  await using running = new Program(Deno.execPath(), [...FFI, program.path]);
  await running.until("ready");
  assert(there(name));
  running.kill("SIGINT");
  assertEquals((await running.end()).signal, "SIGINT");
  assert(!there(name));
});
