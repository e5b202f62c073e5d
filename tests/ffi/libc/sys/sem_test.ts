import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_INFO,
  IPC_NOWAIT,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
} from "../../../../ffi/libc/sys/ipc.ts";
import {
  GETALL,
  GETNCNT,
  GETPID,
  GETVAL,
  GETZCNT,
  SEM_INFO,
  SEM_STAT,
  SEM_STAT_ANY,
  SEM_UNDO,
  sembuf,
  semctl,
  semget,
  semid_ds,
  seminfo,
  semop,
  semtimedop,
  SETALL,
  SETVAL,
} from "../../../../ffi/libc/sys/sem.ts";
import { freshKey, inSlots, NOT_INTEGERS, perl, perlInBackground } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { fails } from "../../../support.ts";

/** A set for one test. */
function set(...values: number[]): Disposable & { id: number } {
  const id = semget(IPC_PRIVATE, values.length, IPC_CREAT | 0o600);
  semctl(id, 0, SETALL, Uint16Array.from(values));
  return {
    id,
    [Symbol.dispose]() {
      semctl(id, 0, IPC_RMID);
    },
  };
}

function stat(id: number): semid_ds {
  const ds = new semid_ds();
  assertEquals(semctl(id, 0, IPC_STAT, ds), 0);
  return ds;
}

function values(id: number): number[] {
  const all = new Uint16Array(stat(id).sem_nsems);
  semctl(id, 0, GETALL, all);
  return [...all];
}

function limits(): seminfo {
  const info = new seminfo();
  semctl(0, 0, IPC_INFO, info);
  return info;
}

Deno.test("semget() makes a set that others find by its key", () => {
  const key = freshKey();
  const id = semget(key, 3, IPC_CREAT | IPC_EXCL | 0o640);
  try {
    assertEquals(semget(key, 0, 0), id);
    assertEquals(semget(key, 2, 0), id);
    const { sem_perm, sem_nsems, sem_otime } = stat(id);
    assertEquals([sem_perm.key, sem_perm.mode, sem_nsems, sem_otime], [key, 0o640, 3, 0]);
    assertEquals(values(id), [0, 0, 0]);
    fails("EEXIST", () => semget(key, 3, IPC_CREAT | IPC_EXCL | 0o600));
    fails("EINVAL", () => semget(key, 4, 0));
  } finally {
    semctl(id, 0, IPC_RMID);
  }
});

Deno.test("semget() fails with ENOENT if there is no set with the key, and says which", () => {
  const error = fails("ENOENT", () => semget(0x7e57_abcd, 1, 0o666));
  assertEquals(error.message, "semget: No such file or directory (key 0x7e57abcd, 1 semaphores)");
});

Deno.test("semget() fails with EINVAL if the count is 0, negative or above the limit, or no integer of C's", () => {
  for (const bad of [0, -1, limits().semmsl + 1]) fails("EINVAL", () => semget(IPC_PRIVATE, bad, 0o600));
  for (const bad of NOT_INTEGERS as number[]) {
    fails("EINVAL", () => semget(bad, 1, 0o600));
    fails("EINVAL", () => semget(IPC_PRIVATE, bad, 0o600));
    fails("EINVAL", () => semget(IPC_PRIVATE, 1, bad));
  }
});

Deno.test("semop() does all operations or none", () => {
  using s = set(1, 0, 5);
  semop(s.id, new sembuf([0, -1], [1, 3], [2, -5]));
  assertEquals(values(s.id), [0, 3, 0]);
  semop(s.id, new sembuf([0, 0], [2, 0]));
  fails("EAGAIN", () => semop(s.id, new sembuf([1, -1], [0, -1, IPC_NOWAIT])));
  assertEquals(values(s.id), [0, 3, 0]);
  assertEquals(semctl(s.id, 1, GETPID), Deno.pid);
  assert(stat(s.id).sem_otime > 0);
});

Deno.test("semop() fails with EFBIG, ERANGE, E2BIG or EINVAL if the operations can't be", () => {
  using s = set(1);
  fails("EFBIG", () => semop(s.id, new sembuf([1, 1])));
  fails("ERANGE", () => semop(s.id, new sembuf([0, limits().semvmx])));
  const many = Array.from({ length: limits().semopm + 1 }, (): [number, number] => [0, 1]);
  fails("E2BIG", () => semop(s.id, new sembuf(...many)));
  fails("EINVAL", () => semop(s.id, new sembuf()));
  const gone = new sembuf([0, 1]);
  gone.bytes.buffer.transfer();
  fails("EINVAL", () => semop(s.id, gone));
  assertEquals(values(s.id), [1]);
});

Deno.test("semop() counts the operations by their bytes, not by what it is told", () => {
  using s = set(0);
  const one = new sembuf([0, 1]);
  Object.defineProperty(one, "length", { value: 400 });
  semop(s.id, one);
  assertEquals(values(s.id), [1]);
});

Deno.test("semop() fails with EINVAL or EFAULT if an argument is bad", () => {
  using s = set(1);
  const one = new sembuf([0, 1]);
  for (const bad of [...NOT_INTEGERS, -1] as number[]) fails("EINVAL", () => semop(bad, one));
  for (const bad of [null, undefined, {}, [], [0, 1], 5]) fails("EFAULT", () => semop(s.id, bad as sembuf));
  assertEquals(values(s.id), [1]);
});

Deno.test("sembuf fails with EINVAL if an operation doesn't fit its fields", () => {
  const bad: unknown[] = [[-1, 0], [65536, 0], [0, 32768], [0, -32769], [0, NaN], [0, 1, 65536], [0.5, 1], [0], [], 5];
  for (const op of bad) fails("EINVAL", () => new sembuf(op as [number, number]));
  assertEquals(new sembuf([65535, -32768, SEM_UNDO]).length, 1);
});

needs("perl")("semop() with SEM_UNDO is taken back when the process dies", async () => {
  using s = set(2);
  await using child = perlInBackground(
    `semop($ARGV[0], pack("s3", 0, -2, 0x1000)) or die $!; $| = 1; print "taken\\n"; sleep 60`,
    s.id,
  );
  await child.until("taken");
  assertEquals(values(s.id), [0]);
  child.kill();
  await child.end();
  assertEquals(values(s.id), [2]);
});

Deno.test("semtimedop() gives up with EAGAIN after its time", () => {
  using s = set(0, 1);
  const start = performance.now();
  const error = fails("EAGAIN", () => semtimedop(s.id, new sembuf([0, -1]), 0.05));
  const took = performance.now() - start;
  assert(took >= 49 && took < 5000, `${took} ms`);
  assertStringIncludes(error.message, "0.05 seconds");
  fails("EAGAIN", () => semtimedop(s.id, new sembuf([0, -1]), 0));
  semtimedop(s.id, new sembuf([1, -1]), null);
  semtimedop(s.id, new sembuf([0, 1]), 0.9999999999);
  semtimedop(s.id, new sembuf([0, -1]), Number.MAX_SAFE_INTEGER);
  assertEquals(values(s.id), [0, 0]);
});

Deno.test("semtimedop() fails with EINVAL or EFAULT if an argument is bad", () => {
  using s = set(1);
  const one = new sembuf([0, 1]);
  for (const bad of [NaN, -1, Infinity, 2 ** 60, "1", {}, undefined, 1n] as number[]) {
    fails("EINVAL", () => semtimedop(s.id, one, bad));
  }
  for (const bad of NOT_INTEGERS as number[]) fails("EINVAL", () => semtimedop(bad, one, 0));
  fails("EFAULT", () => semtimedop(s.id, null as unknown as sembuf, 0));
  assertEquals(values(s.id), [1]);
});

needs("perl")("semop() blocks until it can go on, and fails with EIDRM if the set goes", async () => {
  const s = set(0);
  await using peer = perlInBackground(
    `select undef, undef, undef, 0.05; semop($ARGV[0], pack("s3", 0, 1, 0)) or die $!;
     select undef, undef, undef, 0.05; semctl($ARGV[0], 0, 0, 0) or die $!`,
    s.id,
  );
  semop(s.id, new sembuf([0, -1]));
  fails("EIDRM", () => semop(s.id, new sembuf([0, -1])));
  await peer.end();
  fails("EINVAL", () => semop(s.id, new sembuf([0, -1])));
});

needs("perl")("semctl() GETNCNT and GETZCNT count those who wait", async () => {
  using s = set(1, 0);
  await using grow = perlInBackground(`semop($ARGV[0], pack("s3", 1, -1, 0))`, s.id);
  await using zero = perlInBackground(`semop($ARGV[0], pack("s3", 0, 0, 0))`, s.id);
  await grow.ready(() => semctl(s.id, 1, GETNCNT) === 1, "one waits for more");
  await zero.ready(() => semctl(s.id, 0, GETZCNT) === 1, "one waits for zero");
  assertEquals([semctl(s.id, 0, GETNCNT), semctl(s.id, 1, GETZCNT)], [0, 0]);
});

Deno.test("semctl() sets and gets values", () => {
  using s = set(0, 0, 0);
  assertEquals(semctl(s.id, 1, SETVAL, 32767), 0);
  assertEquals(semctl(s.id, 1, GETVAL), 32767);
  const roomy = new Uint16Array(5).fill(9);
  semctl(s.id, 0, GETALL, roomy);
  assertEquals([...roomy], [0, 32767, 0, 9, 9]);
  semctl(s.id, 0, SETALL, Uint16Array.of(1, 2, 3));
  assertEquals(values(s.id), [1, 2, 3]);
  assert(stat(s.id).sem_ctime > 0);
});

Deno.test("semctl() fails with EFAULT if the array of GETALL or SETALL has no room for the set", () => {
  using s = set(1, 2, 3);
  const gone = new Uint16Array(3);
  gone.buffer.transfer();
  for (const cmd of [GETALL, SETALL]) {
    const bad: unknown[] = [new Uint16Array(2), new Uint8Array(6), gone, [1, 2, 3], null, undefined, 5, new semid_ds()];
    for (const arg of bad) fails("EFAULT", () => semctl(s.id, 0, cmd, arg as Uint16Array));
    fails("EINVAL", () => semctl(-1, 0, cmd, new Uint16Array(3)));
  }
  assertEquals(values(s.id), [1, 2, 3]);
});

Deno.test("semctl() fails with ERANGE if a value is not 0 to 32767", () => {
  using s = set(1);
  for (const bad of [-1, 32768, 2 ** 31 - 1]) fails("ERANGE", () => semctl(s.id, 0, SETVAL, bad));
  fails("ERANGE", () => semctl(s.id, 0, SETALL, Uint16Array.of(32768)));
  assertEquals(values(s.id), [1]);
});

Deno.test("semctl() fails with EINVAL if there is no such set, semaphore or command", () => {
  using s = set(1);
  fails("EINVAL", () => semctl(-1, 0, IPC_RMID));
  for (const num of [1, -1]) {
    fails("EINVAL", () => semctl(s.id, num, GETVAL));
    fails("EINVAL", () => semctl(s.id, num, SETVAL, 1));
  }
  fails("EINVAL", () => semctl(s.id, 0, 4711));
  for (const bad of NOT_INTEGERS as number[]) {
    fails("EINVAL", () => semctl(bad, 0, GETVAL));
    fails("EINVAL", () => semctl(s.id, bad, GETVAL));
    fails("EINVAL", () => semctl(s.id, 0, bad));
    fails("EINVAL", () => semctl(s.id, 0, SETVAL, bad));
  }
});

Deno.test("semctl() fails with EFAULT if the structure is missing or too short", () => {
  using s = set(1);
  for (const cmd of [IPC_STAT, IPC_SET, SEM_STAT, SEM_STAT_ANY, IPC_INFO, SEM_INFO]) {
    for (const bad of [null, 5, {}, new Uint16Array(500)]) {
      fails("EFAULT", () => semctl(s.id, 0, cmd, bad as unknown as semid_ds));
    }
  }
  fails("EFAULT", () => semctl(s.id, 0, IPC_STAT, new seminfo()));
});

Deno.test("semctl() IPC_SET changes the permissions", () => {
  using s = set(1);
  const ds = stat(s.id);
  ds.sem_perm.mode = 0o640;
  semctl(s.id, 0, IPC_SET, ds);
  assertEquals(stat(s.id).sem_perm.mode, 0o640);
});

Deno.test("semctl() lists sets by SEM_INFO and SEM_STAT", () => {
  using s = set(1, 2, 3);
  const info = new seminfo();
  const highest = semctl(0, 0, SEM_INFO, info);
  assert(info.semusz >= 1 && info.semaem >= 3);
  for (const cmd of [SEM_STAT, SEM_STAT_ANY]) {
    const ds = new semid_ds();
    assertEquals(inSlots(highest, (slot) => semctl(slot, 0, cmd, ds) === s.id ? ds.sem_nsems : undefined), [3]);
  }
});

Deno.test("semctl() IPC_INFO tells the limits", async () => {
  const info = limits();
  const text = await Deno.readTextFile("/proc/sys/kernel/sem");
  assertEquals([info.semmsl, info.semmns, info.semopm, info.semmni], text.trim().split(/\s+/).map(Number));
});

needs("perl")("semctl() GETPID tells who operated last", async () => {
  using s = set(1);
  const pid = await perl(`semop($ARGV[0], pack("s3", 0, 1, 0)) or die $!; print $$`, s.id);
  assertEquals(semctl(s.id, 0, GETPID), Number(pid));
});
