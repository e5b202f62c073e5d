import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_INFO,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
} from "../../../../ffi/libc/sys/ipc.ts";
import {
  ReadOnlyMemory,
  SHM_INFO,
  shm_info,
  SHM_LOCK,
  SHM_LOCKED,
  SHM_NORESERVE,
  SHM_RDONLY,
  SHM_STAT,
  SHM_STAT_ANY,
  SHM_UNLOCK,
  shmat,
  shmctl,
  shmdt,
  shmget,
  shmid_ds,
  shminfo,
} from "../../../../ffi/libc/sys/shm.ts";
import { peek, poke } from "../../../../ffi/helpers/memory.ts";
import { msginfo } from "../../../../ffi/libc/sys/msg.ts";
import { freshKey, inSlots, NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { fails, runSource } from "../../../support.ts";

/** A segment for one test. */
function segment(size = 27, mode = 0o600): Disposable & { id: number } {
  const id = shmget(IPC_PRIVATE, size, IPC_CREAT | mode);
  return {
    id,
    [Symbol.dispose]() {
      shmctl(id, IPC_RMID);
    },
  };
}

function stat(id: number): shmid_ds {
  const ds = new shmid_ds();
  assertEquals(shmctl(id, IPC_STAT, ds), 0);
  return ds;
}

Deno.test("shmget() makes a segment that others find by its key", () => {
  const key = freshKey();
  const id = shmget(key, 100, IPC_CREAT | IPC_EXCL | 0o640);
  try {
    assertEquals(shmget(key, 100, 0), id);
    assertEquals(shmget(key, 0, 0), id, "size 0 takes any");
    const ds = stat(id);
    assertEquals(ds.shm_segsz, 100);
    assertEquals(ds.shm_perm.key, key);
    assertEquals(ds.shm_perm.mode, 0o640);
    assertEquals(ds.shm_cpid, Deno.pid);
    assertEquals(ds.shm_perm.uid, Deno.uid());
    assertEquals(ds.shm_perm.cgid, Deno.gid());
  } finally {
    shmctl(id, IPC_RMID);
  }
});

Deno.test("shmget() takes keys written unsigned", () => {
  const key = (0x80000000 | freshKey()) >>> 0;
  const id = shmget(key, 1, IPC_CREAT | IPC_EXCL | 0o600);
  try {
    assertEquals(shmget(key | 0, 1, 0), id);
    assertEquals(stat(id).shm_perm.key, key | 0);
  } finally {
    shmctl(id, IPC_RMID);
  }
});

Deno.test("shmget() fails with ENOENT if there is no segment with the key, and says which", () => {
  const error = fails("ENOENT", () => shmget(0x7e57_abcd, 27, 0o666));
  assertEquals(error.message, "shmget: No such file or directory (key 0x7e57abcd, 27 bytes)");
});

Deno.test("shmget() fails with EEXIST if it must make a segment and there is one", () => {
  const key = freshKey();
  const id = shmget(key, 1, IPC_CREAT | 0o600);
  try {
    fails("EEXIST", () => shmget(key, 1, IPC_CREAT | IPC_EXCL | 0o600));
  } finally {
    shmctl(id, IPC_RMID);
  }
});

Deno.test("shmget() fails with EINVAL if the size is 0 or above that of the segment", () => {
  fails("EINVAL", () => shmget(IPC_PRIVATE, 0, 0o600));
  const key = freshKey();
  const id = shmget(key, 10, IPC_CREAT | 0o600);
  try {
    fails("EINVAL", () => shmget(key, 11, 0));
  } finally {
    shmctl(id, IPC_RMID);
  }
});

Deno.test("shmget() fails if no machine has so much memory", () => {
  try {
    const id = shmget(IPC_PRIVATE, 2 ** 62, 0o600);
    shmctl(id, IPC_RMID);
  } catch (error) {
    return assert(["EINVAL", "ENOMEM", "ENOSPC"].includes((error as { code: string }).code), String(error));
  }
  throw new Error("it succeeded");
});

Deno.test("shmget() fails with EINVAL if an argument is no integer of C's", () => {
  for (const bad of NOT_INTEGERS as number[]) {
    fails("EINVAL", () => shmget(bad, 1, 0o600));
    fails("EINVAL", () => shmget(IPC_PRIVATE, 1, bad));
    if (!(bad as number >= 0 && Number.isInteger(bad))) fails("EINVAL", () => shmget(IPC_PRIVATE, bad, 0o600));
  }
  for (const bad of [-1, 2 ** 64]) fails("EINVAL", () => shmget(IPC_PRIVATE, bad, 0o600));
});

Deno.test("shmat() gives the memory itself, shared by all who attach it", () => {
  using s = segment();
  const one = shmat(s.id);
  const two = shmat(s.id, null, 0);
  assertEquals([one.length, two.length], [27, 27]);
  one[3] = 42;
  assertEquals(two[3], 42);
  assertEquals(Atomics.add(two, 3, 1), 42);
  assertEquals(one[3], 43);
  assertEquals(stat(s.id).shm_nattch, 2);
  shmdt(one);
  assertEquals(two[3], 43);
  shmdt(two);
  assertEquals(stat(s.id).shm_nattch, 0);
  assertEquals(stat(s.id).shm_lpid, Deno.pid);
});

Deno.test("shmat() with SHM_RDONLY gives copies only", () => {
  using s = segment();
  const writer = shmat(s.id);
  const reader = shmat(s.id, null, SHM_RDONLY);
  assertInstanceOf(reader, ReadOnlyMemory);
  writer[1] = 7;
  assertEquals(reader.read(0, 3), new Uint8Array([0, 7, 0]));
  const copy = reader.read();
  copy[1] = 8;
  assertEquals(writer[1], 7);
  assertEquals(peek(reader, 1), 7);
  fails("EINVAL", () => reader.read(20, 8));
  fails("EINVAL", () => reader.read(-1, 1));
  fails("EINVAL", () => reader.read(NaN, 1));
  fails("EACCES", () => poke(reader as unknown as Uint8Array, 0, 1));
  shmdt(reader);
  fails("EINVAL", () => reader.read(0, 1));
  shmdt(writer);
});

Deno.test("shmat() fails with EINVAL if there is no such segment, an address is given, or an argument is bad", () => {
  const gone = segment();
  gone[Symbol.dispose]();
  const error = fails("EINVAL", () => shmat(gone.id));
  assertEquals([error.syscall, error.errno], ["shmat", 22]);
  fails("EINVAL", () => shmat(-1));
  using s = segment();
  fails("EINVAL", () => shmat(s.id, 4096 as unknown as null));
  for (const bad of NOT_INTEGERS as number[]) {
    fails("EINVAL", () => shmat(bad));
    fails("EINVAL", () => shmat(s.id, null, bad));
  }
  assertEquals(stat(s.id).shm_nattch, 0);
});

Deno.test("shmat() with SHM_RDONLY gives what can't be made longer than the segment", () => {
  using s = segment();
  const reader = shmat(s.id, null, SHM_RDONLY);
  assertThrows(() => (reader as { length: number }).length = 1e9, TypeError);
  fails("EINVAL", () => reader.read(0, 28));
  shmdt(reader);
});

Deno.test("shmat() fails with ENOMEM if the address space has no room", () => {
  // without SHM_NORESERVE the kernel would not even make it
  const id = shmget(IPC_PRIVATE, 2 ** 47, SHM_NORESERVE | 0o600);
  try {
    fails("ENOMEM", () => shmat(id));
    fails("ENOMEM", () => shmat(id, null, SHM_RDONLY));
    assertEquals(stat(id).shm_nattch, 0);
  } finally {
    shmctl(id, IPC_RMID);
  }
});

Deno.test("shmdt() empties every array over the segment", () => {
  using s = segment();
  const shm = shmat(s.id);
  const other = new Uint32Array(shm.buffer, 0, 2);
  const part = shm.subarray(5);
  shm[5] = 1;
  shmdt(shm);
  assertEquals([shm.length, other.length, part.length, part[0]], [0, 0, 0, undefined]);
  shm[0] = 1;
  fails("EINVAL", () => peek(shm, 0));
  fails("EINVAL", () => poke(shm, 0, 1));
});

Deno.test("shmdt() fails with EINVAL if it is not given an attached segment", () => {
  using s = segment();
  const shm = shmat(s.id);
  shmdt(shm);
  fails("EINVAL", () => shmdt(shm));
  for (const bad of [new Uint8Array(27), new ReadOnlyMemory(27), null, undefined, 0, {}, "shm"]) {
    fails("EINVAL", () => shmdt(bad as Uint8Array));
  }
});

Deno.test("peek() and poke() fail with EINVAL outside of the segment", () => {
  using s = segment(4);
  const shm = shmat(s.id);
  poke(shm, 3, "*");
  assertEquals(peek(shm, 3), 42);
  for (const bad of [4, -1, 0.5, NaN, 2 ** 40, "0"] as number[]) {
    fails("EINVAL", () => peek(shm, bad));
    fails("EINVAL", () => poke(shm, bad, 1));
  }
  shmdt(shm);
});

Deno.test("shmctl() IPC_SET changes the permissions", () => {
  using s = segment();
  const ds = stat(s.id);
  ds.shm_perm.mode = 0o640;
  shmctl(s.id, IPC_SET, ds);
  assertEquals(stat(s.id).shm_perm.mode, 0o640);
  for (const bad of [NaN, -1, 2 ** 32, "0"] as number[]) fails("EINVAL", () => ds.shm_perm.uid = bad);
});

Deno.test("shmctl() IPC_RMID keeps the memory until the last one detaches", () => {
  const s = segment();
  const shm = shmat(s.id);
  s[Symbol.dispose]();
  shm[0] = 5;
  assertEquals(shm[0], 5);
  shmdt(shm);
  fails("EINVAL", () => stat(s.id));
});

Deno.test("shmctl() SHM_LOCK and SHM_UNLOCK keep the segment in memory", () => {
  using s = segment();
  shmctl(s.id, SHM_LOCK);
  assertNotEquals(stat(s.id).shm_perm.mode & SHM_LOCKED, 0);
  shmctl(s.id, SHM_UNLOCK);
  assertEquals(stat(s.id).shm_perm.mode & SHM_LOCKED, 0);
});

Deno.test("shmctl() lists segments by SHM_INFO and SHM_STAT", () => {
  using s = segment(12345);
  const info = new shm_info();
  const highest = shmctl(0, SHM_INFO, info);
  assert(info.used_ids >= 1 && info.shm_tot >= 4);
  for (const cmd of [SHM_STAT, SHM_STAT_ANY]) {
    const ds = new shmid_ds();
    assertEquals(inSlots(highest, (slot) => shmctl(slot, cmd, ds) === s.id ? ds.shm_segsz : undefined), [12345]);
  }
});

Deno.test("shmctl() IPC_INFO tells the limits", async () => {
  const info = new shminfo();
  shmctl(0, IPC_INFO, info);
  assertEquals(String(info.shmmax), (await Deno.readTextFile("/proc/sys/kernel/shmmax")).trim());
  assertEquals(String(info.shmmni), (await Deno.readTextFile("/proc/sys/kernel/shmmni")).trim());
  assertEquals(info.shmmin, 1);
});

Deno.test("shmctl() fails with EINVAL if there is no such segment or command", () => {
  fails("EINVAL", () => shmctl(-1, IPC_RMID));
  using s = segment();
  fails("EINVAL", () => shmctl(s.id, 4711));
  for (const bad of NOT_INTEGERS as number[]) {
    fails("EINVAL", () => shmctl(bad, IPC_RMID));
    fails("EINVAL", () => shmctl(s.id, bad));
  }
});

Deno.test("shmctl() fails with EFAULT if the structure is missing, too short, or gone", () => {
  using s = segment();
  for (const cmd of [IPC_STAT, IPC_SET, IPC_INFO, SHM_INFO, SHM_STAT, SHM_STAT_ANY]) {
    fails("EFAULT", () => shmctl(s.id, cmd));
    for (const bad of [new msginfo(), {}, undefined as unknown, 5, new Uint8Array(500)]) {
      if (bad !== undefined) fails("EFAULT", () => shmctl(s.id, cmd, bad as shmid_ds));
    }
  }
  const ds = new shmid_ds();
  ds.bytes.buffer.transfer();
  const error = fails("EFAULT", () => shmctl(s.id, IPC_STAT, ds));
  assertStringIncludes(error.message, "112 bytes");
});

Deno.test("shmdt() and ReadOnlyMemory.read() do not believe what a buffer says of itself", () => {
  // deno-lint-ignore no-explicit-any -- what no type allows
  const attach = (): any => {
    const id = shmget(IPC_PRIVATE, 4096, 0o600);
    const shm = shmat(id);
    shmctl(id, IPC_RMID);
    return shm;
  };
  const read = attach();
  read.buffer.length = 2 ** 40;
  fails("EINVAL", () => ReadOnlyMemory.prototype.read.call(read.buffer, 1e9, 10));
  shmdt(read);
  const transfer = attach();
  transfer.buffer.transfer = () => {};
  shmdt(transfer);
  assertEquals(transfer[0], undefined);
  const proto = attach();
  Object.setPrototypeOf(proto.buffer, Object.prototype);
  shmdt(proto);
  assertEquals(proto[0], undefined);
});

const hugePages = ["nr_hugepages", "nr_overcommit_hugepages"].some((name) => {
  try {
    return Number(Deno.readTextFileSync(`/proc/sys/vm/${name}`)) > 0;
  } catch {
    return false;
  }
});
needs({ "a system without huge pages": !hugePages })(
  "shmat() fails with ENOMEM where a segment's huge pages don't exist, whoever made it, instead of ending the process",
  async () => {
    const { code, stdout, stderr } = await runSource(
      `import {
       IPC_CREAT, IPC_PRIVATE, IPC_RMID, LibcError, SHM_HUGETLB, SHM_NORESERVE, SHM_RDONLY, SharedMemory, shmat, shmctl, shmdt,
       shmget, shmid_ds, IPC_STAT,
     } from "@mod";
     let id: number;
     try {
       id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | SHM_HUGETLB | SHM_NORESERVE | 0o600);
     } catch (error) {
       console.log((error as LibcError).code);
       Deno.exit(2);
     }
     const attempts = [() => shmat(id), () => shmat(id, null, SHM_RDONLY), () => SharedMemory.fromId(id)];
     for (const attempt of attempts) {
       try {
         const memory = attempt();
         if (memory instanceof Uint8Array) memory[0] = 1;
         console.log("attached");
       } catch (error) {
         console.log((error as LibcError).code, (error as LibcError).message.includes("huge pages"));
       }
     }
     const ds = new shmid_ds();
     shmctl(id, IPC_STAT, ds);
     console.log(ds.shm_nattch);
     shmctl(id, IPC_RMID);`,
      [],
      { flags: ["--no-check"] },
    );
    if (code === 2) return; // no such pages, or no right to them
    assertEquals([code, stdout, stderr], [0, "ENOMEM true\nENOMEM true\nENOMEM true\n0\n", ""]);
  },
);
