import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { IPC_RMID } from "../../../ffi/libc/sys/ipc.ts";
import { shmctl } from "../../../ffi/libc/sys/shm.ts";
import { SharedMemory } from "../../../ffi/objects/shared_memory.ts";
import { freshKey } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { fails, objects, run, runSource } from "../../support.ts";

function exists(id: number): boolean {
  return objects("shm").some((object) => object.id === id);
}

Deno.test("SharedMemory.create() makes a private segment of zeros", () => {
  using segment = SharedMemory.create(100);
  assertEquals([segment.size, segment.mode, segment.key, segment.attachCount], [100, 0o600, 0, 1]);
  assertEquals(
    [segment.uid, segment.gid, segment.cuid, segment.cgid],
    [Deno.uid(), Deno.gid(), Deno.uid(), Deno.gid()],
  );
  assertEquals([segment.creatorPid, segment.lastPid, segment.attached], [Deno.pid, Deno.pid, true]);
  assertEquals(segment.read(), new Uint8Array(100));
  assert(Math.abs(segment.attachedAt!.getTime() - Date.now()) < 60_000);
  assert(Math.abs(segment.changedAt!.getTime() - Date.now()) < 60_000);
  assertEquals(segment.detachedAt, null);
});

Deno.test("SharedMemory is removed at the end of using by who made it only", () => {
  const key = freshKey();
  let id: number;
  {
    using made = SharedMemory.create(10, { key });
    id = made.id;
    for (const find of [() => SharedMemory.open(key), () => SharedMemory.fromId(id)]) {
      using found = find();
      assertEquals([found.id, found.attachCount], [id, 2]);
    }
    {
      using found = SharedMemory.create(5, { key, exclusive: false });
      assertEquals([found.id, found.size], [id, 10]);
    }
    assert(exists(id));
    assertEquals(made.attachCount, 1);
    fails("EEXIST", () => SharedMemory.create(10, { key }));
  }
  assert(!exists(id));
  fails("ENOENT", () => SharedMemory.open(key));
  {
    using made = SharedMemory.create(10, { key, exclusive: false });
    id = made.id;
  }
  assert(!exists(id));
});

Deno.test("SharedMemory can be disposed of when it is gone already", () => {
  {
    using segment = SharedMemory.create(10);
    segment.remove();
    // its memory stays while it is attached
    segment.write("x");
    segment.detach();
    fails("EINVAL", () => segment.remove());
    fails("EINVAL", () => segment.size);
  }
  {
    using segment = SharedMemory.create(10);
    shmctl(segment.id, IPC_RMID);
  }
});

Deno.test("SharedMemory shows at once what others write", () => {
  using one = SharedMemory.create(64);
  using two = SharedMemory.fromId(one.id);
  one.write(new Uint8Array([1, 2, 3]), 10);
  assertEquals([...two.bytes.subarray(9, 14)], [0, 1, 2, 3, 0]);
  two.bytes[11] = 9;
  assertEquals(one.read(10, 3), new Uint8Array([1, 9, 3]));
  const copy = one.read(10, 3);
  copy[0] = 77;
  assertEquals(two.bytes[10], 1);
});

Deno.test("SharedMemory reads and writes text as C does", () => {
  using segment = SharedMemory.create(16);
  segment.bytes.fill(255);
  segment.writeString("grüße", 1);
  assertEquals(segment.readString(1), "grüße");
  assertEquals(segment.bytes[8], 0);
  assertEquals(segment.bytes[9], 255);
  segment.write("0123456789abcdef");
  assertEquals(segment.readString(), "0123456789abcdef", "without a NUL, up to the end");
  assertEquals(segment.readString(16), "");
  fails("EINVAL", () => segment.writeString("0123456789abcdef"));
});

Deno.test("SharedMemory reads text of any length when read-only", () => {
  using writer = SharedMemory.create(10_000);
  using reader = SharedMemory.fromId(writer.id, { readOnly: true });
  for (const length of [0, 1, 4095, 4096, 4097, 9999, 10_000]) {
    writer.bytes.fill(0);
    writer.write("x".repeat(length));
    assertEquals(reader.readString().length, length);
    assertEquals(writer.readString().length, length);
    if (length > 5) assertEquals(reader.readString(5).length, length - 5);
  }
});

Deno.test("SharedMemory fails with EACCES to write what is attached for reading only", () => {
  using made = SharedMemory.create(10);
  using reader = SharedMemory.fromId(made.id, { readOnly: true });
  made.write("hi");
  assertEquals(new TextDecoder().decode(reader.read(0, 2)), "hi");
  fails("EACCES", () => reader.bytes);
  fails("EACCES", () => reader.write("x"));
  fails("EACCES", () => reader.writeString("x"));
});

Deno.test("SharedMemory fails with EINVAL after detach", () => {
  for (const readOnly of [false, true]) {
    using made = SharedMemory.create(10);
    using segment = SharedMemory.fromId(made.id, { readOnly });
    const bytes = readOnly ? undefined : segment.bytes;
    segment.detach();
    assertEquals(segment.attached, false);
    assertEquals(bytes?.length ?? 0, 0);
    fails("EINVAL", () => segment.bytes);
    fails("EINVAL", () => segment.read());
    fails("EINVAL", () => segment.write("x"));
    fails("EINVAL", () => segment.readString());
    fails("EINVAL", () => segment.detach());
    assertEquals(made.attachCount, 1);
    assert(made.detachedAt !== null);
  }
});

Deno.test("SharedMemory fails with EINVAL outside of the segment", () => {
  using made = SharedMemory.create(10);
  using reader = SharedMemory.fromId(made.id, { readOnly: true });
  for (const segment of [made, reader]) {
    for (const bad of [-1, 11, 0.5, NaN, Infinity, 2 ** 60, "1", null] as number[]) {
      fails("EINVAL", () => segment.read(bad, 1));
      fails("EINVAL", () => segment.readString(bad));
      if (bad !== null) fails("EINVAL", () => segment.read(0, bad));
      if (segment === made) fails("EINVAL", () => segment.write("x", bad));
    }
  }
  fails("EINVAL", () => made.write("0123456789a"));
  for (const bad of [null, 5, [1], new Uint16Array(2), new ArrayBuffer(2)]) {
    fails("EINVAL", () => made.write(bad as unknown as Uint8Array));
  }
});

Deno.test("SharedMemory.setPermissions() changes what it is told to", () => {
  using segment = SharedMemory.create(10);
  segment.setPermissions({ mode: 0o640 });
  assertEquals([segment.mode, segment.uid], [0o640, Deno.uid()]);
  segment.setPermissions({ uid: segment.uid, gid: segment.gid });
  assertEquals(segment.mode, 0o640);
  for (const bad of [-1, 0o1000, NaN, 0.5, "600"] as number[]) {
    fails("EINVAL", () => segment.setPermissions({ mode: bad }));
    fails("EINVAL", () => SharedMemory.create(10, { mode: bad }));
  }
  for (const bad of [-1, 2 ** 32, NaN, 0.5, "0"] as number[]) {
    fails("EINVAL", () => segment.setPermissions({ uid: bad }));
    fails("EINVAL", () => segment.setPermissions({ gid: bad }));
  }
});

Deno.test("SharedMemory fails with EINVAL if size, key or id are none", () => {
  for (const bad of [0, -1, NaN, 0.5, "10"] as number[]) fails("EINVAL", () => SharedMemory.create(bad));
  for (const bad of [NaN, 0.5, 2 ** 40, "1"] as number[]) {
    fails("EINVAL", () => SharedMemory.create(10, { key: bad }));
    fails("EINVAL", () => SharedMemory.open(bad));
    fails("EINVAL", () => SharedMemory.fromId(bad));
  }
  fails("EINVAL", () => SharedMemory.open(0));
  fails("EINVAL", () => SharedMemory.fromId(-1));
});

Deno.test("SharedMemory is not removed by a forked child", async () => {
  const { stdout, stderr } = await runSource(
    `import { enableFork, fork, wait } from "@mod";
     import { SharedMemory } from "${import.meta.resolve("../../../ffi/objects/shared_memory.ts")}";
     enableFork();
     using segment = SharedMemory.create(10);
     fork(() => {
       using copy = segment;
       copy.write("child");
     });
     wait();
     console.log(segment.readString(), segment.attachCount);`,
  );
  assertEquals([stdout, stderr], ["child 1\n", ""]);
});

Deno.test("SharedMemory's errors name the method that was called", () => {
  using made = SharedMemory.create(10);
  using reader = SharedMemory.fromId(made.id, { readOnly: true });
  for (const segment of [made, reader]) {
    assertEquals(
      fails("EINVAL", () => segment.read(8, 5)).message,
      "SharedMemory.read: Invalid argument (5 bytes at 8 are not inside the segment's 10 bytes)",
    );
    assertEquals(fails("EINVAL", () => segment.readString(11)).syscall, "SharedMemory.readString");
  }
  assertEquals(
    fails("EINVAL", () => made.write("0123456789a")).message,
    "SharedMemory.write: Invalid argument (11 bytes at 0 are not inside the segment's 10 bytes)",
  );
  assertEquals(fails("EINVAL", () => made.writeString("0123456789")).syscall, "SharedMemory.writeString");
  assertEquals(fails("EACCES", () => reader.write("x")).syscall, "SharedMemory.write");
  assertEquals(fails("EACCES", () => reader.bytes).syscall, "SharedMemory.bytes");
  reader.detach();
  assertEquals(
    fails("EINVAL", () => reader.read()).message,
    `SharedMemory.read: Invalid argument (shmid ${made.id} is detached)`,
  );
});

needs("ipcrm")("SharedMemory.create() says what to do about a key that is taken", async () => {
  const key = freshKey();
  const left = SharedMemory.create(10, { key });
  const hex = `0x${key.toString(16)}`;
  const { message } = fails("EEXIST", () => SharedMemory.create(10, { key }));
  assertStringIncludes(message, `shmget: File exists (key ${hex} is taken: `);
  const [, command, ...args] = /"(\S+) (\S+) (\S+)"/.exec(message)!;
  assertEquals((await run(command, args)).code, 0);
  left.detach();
  assert(!exists(left.id));
  left[Symbol.dispose]();
});
