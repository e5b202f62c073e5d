import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { IPC_CREAT, IPC_NOWAIT, IPC_RMID } from "../../../ffi/libc/sys/ipc.ts";
import { SEM_UNDO, sembuf, semctl, semget, semop } from "../../../ffi/libc/sys/sem.ts";
import { SemaphoreSet } from "../../../ffi/objects/semaphore_set.ts";
import { freshKey, moment, perlInBackground } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { fails, objects, rejects, run, runSource, until } from "../../support.ts";
import { interrupted } from "./_interrupted.ts";

function exists(id: number): boolean {
  return objects("sem").some((object) => object.id === id);
}

Deno.test("SemaphoreSet.create() makes a private set with its values", () => {
  using zeros = SemaphoreSet.create(3);
  assertEquals([zeros.length, zeros.values, zeros.mode, zeros.key], [3, [0, 0, 0], 0o600, 0]);
  using set = SemaphoreSet.create([1, 5, 32767]);
  assertEquals([set.length, set.values, set.uid, set.cgid], [3, [1, 5, 32767], Deno.uid(), Deno.gid()]);
  using largest = SemaphoreSet.create([32767]);
  assertEquals(largest.values, [32767]);
  for (const made of [zeros, set, largest]) assert(made.operatedAt !== null, "tells others that it is ready");
  assert(Math.abs(set.changedAt!.getTime() - Date.now()) < 60_000);
});

Deno.test("SemaphoreSet is removed at the end of using by who made it only", () => {
  const key = freshKey();
  let id: number;
  {
    using made = SemaphoreSet.create([1, 2], { key });
    id = made.id;
    for (
      const find of [
        () => SemaphoreSet.openSync(key),
        () => SemaphoreSet.fromId(id),
        () => SemaphoreSet.create([7], { key, exclusive: false }),
      ]
    ) {
      using found = find();
      assertEquals([found.id, found.values], [id, [1, 2]]);
    }
    assert(exists(id));
    fails("EEXIST", () => SemaphoreSet.create(1, { key }));
    fails("EINVAL", () => SemaphoreSet.create(3, { key, exclusive: false }));
  }
  assert(!exists(id));
  fails("ENOENT", () => SemaphoreSet.openSync(key));
  fails("EINVAL", () => SemaphoreSet.fromId(id));
  fails("EINVAL", () => SemaphoreSet.openSync(0));
});

needs("perl")("SemaphoreSet.openSync() waits until the maker has given the values", async () => {
  const key = freshKey();
  await using maker = perlInBackground(
    `$id = semget($ARGV[0], 1, 03600); $| = 1; print "made\\n"; select undef, undef, undef, 0.03;
     semctl($id, 0, 16, 5); sleep 60`,
    key,
  );
  await maker.until("made");
  try {
    using set = SemaphoreSet.openSync(key);
    assertEquals(set.values, [5]);
  } finally {
    semctl(semget(key, 0, 0), 0, IPC_RMID);
  }
});

Deno.test("SemaphoreSet.open() and openSync() take a set that nobody has set, after a while, or if somebody waits", async () => {
  const key = freshKey();
  const id = semget(key, 1, IPC_CREAT | 0o600);
  try {
    const start = performance.now();
    const [set] = await Promise.all([SemaphoreSet.open(key), new Promise((resolve) => setTimeout(resolve, 1))]);
    const took = performance.now() - start;
    assert(took > 1000, `${took} ms`); // 2 seconds after it was made, by a clock of whole seconds
    assertEquals([set.values, SemaphoreSet.openSync(key).values], [[0], [0]]);
  } finally {
    semctl(id, 0, IPC_RMID);
  }
  const waitedFor = semget(key, 1, IPC_CREAT | 0o600);
  try {
    const waiting = SemaphoreSet.fromId(waitedFor).acquire(0);
    await until(() => SemaphoreSet.fromId(waitedFor).getWaitingForIncrease(0) === 1, "it waits");
    SemaphoreSet.openSync(key).release(0);
    await waiting;
  } finally {
    semctl(waitedFor, 0, IPC_RMID);
  }
});

Deno.test("SemaphoreSet acquires and releases", async () => {
  using set = SemaphoreSet.create([2, 0]);
  await set.acquire(0);
  set.acquireSync(0);
  assertEquals([set.tryAcquire(0), set.values], [false, [0, 0]]);
  set.release(1, { by: 5 });
  assertEquals([set.tryAcquire(1, { by: 6 }), set.tryAcquire(1, { by: 2 }), set.values], [false, true, [0, 3]]);
  await set.acquire(1, { by: 3 });
  set.waitZeroSync(1);
  await set.waitZero(1);
  assertEquals([set.values, set.getLastPid(1)], [[0, 0], Deno.pid]);
});

Deno.test("SemaphoreSet.acquire() waits in order", async () => {
  using set = SemaphoreSet.create([0]);
  const order: number[] = [];
  const waiting = [1, 2, 3].map((n) => set.acquire(0).then(() => order.push(n)));
  await moment();
  for (let i = 0; i < 3; i++) {
    assertEquals(order.length, i);
    set.release(0);
    await waiting[i];
  }
  assertEquals([order, set.values], [[1, 2, 3], [0]]);
});

Deno.test("SemaphoreSet.acquire() of different amounts don't block each other", async () => {
  using set = SemaphoreSet.create([0, 0]);
  const much = set.acquire(0, { by: 5 });
  const little = set.acquire(0);
  const zero = set.waitZero(1);
  set.release(0);
  await little;
  await zero;
  set.release(0, { by: 5 });
  await much;
  assertEquals(set.values, [0, 0]);
});

Deno.test("SemaphoreSet.waitZero() waits until the value is 0", async () => {
  using set = SemaphoreSet.create([2]);
  let done = false;
  const zero = set.waitZero(0).then(() => done = true);
  set.acquireSync(0);
  await moment();
  assertEquals(done, false);
  set.acquireSync(0);
  await zero;
});

Deno.test("SemaphoreSet.acquire() takes nothing if it is aborted", async () => {
  using set = SemaphoreSet.create([0]);
  const controller = new AbortController();
  const waits = [
    set.acquire(0, controller),
    set.lock(0, controller),
    set.op(new sembuf([0, -1]), controller),
  ];
  await moment();
  controller.abort(new Error("enough"));
  set.release(0);
  for (const { status, reason } of await Promise.allSettled<unknown>(waits) as PromiseRejectedResult[]) {
    assertEquals([status, reason?.message], ["rejected", "enough"]);
  }
  await assertRejects(() => set.acquire(0, controller), Error, "enough");
  assertEquals(set.values, [1]);
  set.setValues([3]);
  await assertRejects(() => set.waitZero(0, { signal: AbortSignal.timeout(5) }), DOMException);
});

Deno.test("SemaphoreSet.op() does several operations at once, or none", async () => {
  using set = SemaphoreSet.create([1, 0]);
  const both = new sembuf([0, -1], [1, -1]);
  const done = set.op(both);
  await moment();
  assertEquals(set.values, [1, 0]);
  set.release(1);
  await done;
  assertEquals(set.values, [0, 0]);
  await rejects("EAGAIN", set.op(new sembuf([0, -1, IPC_NOWAIT])));
  fails("EAGAIN", () => set.opSync(new sembuf([0, 1], [1, -1, IPC_NOWAIT])));
  set.opSync(new sembuf([0, 1], [1, 1]));
  await set.op(both);
  assertEquals(set.values, [0, 0]);
  await rejects("EFBIG", set.op(new sembuf([2, 1])));
  await rejects("EINVAL", set.op(new sembuf()));
  for (const bad of [null, undefined, [[0, 1]], {}, 5]) {
    await rejects("EINVAL", set.op(bad as unknown as sembuf));
    fails("EFAULT", () => set.opSync(bad as unknown as sembuf));
  }
});

Deno.test("SemaphoreSet.lock() holds as long as the block", async () => {
  using set = SemaphoreSet.create([1, 1]);
  {
    using _lock = await set.lock(1);
    assertEquals([set.values, set.tryAcquire(1)], [[1, 0], false]);
  }
  assertEquals(set.values, [1, 1]);
  const lock = set.lockSync(0);
  assertEquals(set.values, [0, 1]);
  lock[Symbol.dispose]();
  lock[Symbol.dispose]();
  assertEquals(set.values, [1, 1]);
});

Deno.test("SemaphoreSet.lock() lets one in at a time", async () => {
  using set = SemaphoreSet.create([1]);
  let inside = 0;
  await Promise.all(Array.from({ length: 5 }, async () => {
    using _lock = await set.lock(0);
    assertEquals(++inside, 1);
    await Promise.resolve();
    inside--;
  }));
});

Deno.test("SemaphoreSet.lock() can outlive the set", async () => {
  const set = SemaphoreSet.create([1]);
  {
    using _lock = await set.lock(0);
    set.remove();
  }
  set[Symbol.dispose]();
});

Deno.test("SemaphoreSet.lock() is given back when its holder dies, what was acquired is not", async () => {
  using set = SemaphoreSet.create([1, 1, 1]);
  const { stdout, signal } = await runSource(
    `import { kill } from "@mod";
     import { SemaphoreSet } from "${import.meta.resolve("../../../ffi/objects/semaphore_set.ts")}";
     const set = SemaphoreSet.fromId(Number(Deno.args[0]));
     await set.lock(0);
     await set.acquire(1);
     await set.acquire(2, { undo: true });
     console.log(set.values.join());
     kill(Deno.pid, 9);`,
    [String(set.id)],
  );
  assertEquals([stdout, signal], ["0,0,0\n", "SIGKILL"]);
  assertEquals(set.values, [1, 0, 1]);
});

Deno.test("SemaphoreSet and its locks are left alone by a forked child", async () => {
  const { stdout, stderr } = await runSource(
    `import { enableFork, fork, wait } from "@mod";
     import { SemaphoreSet } from "${import.meta.resolve("../../../ffi/objects/semaphore_set.ts")}";
     enableFork();
     using set = SemaphoreSet.create([1]);
     using lock = set.lockSync(0);
     fork(() => {
       using copy = set;
       using lockCopy = lock;
     });
     wait();
     console.log(set.values);`,
  );
  assertEquals([stdout, stderr], ["[ 0 ]\n", ""]);
});

Deno.test("SemaphoreSet fails with EIDRM if the set is removed while it waits", async () => {
  const set = SemaphoreSet.create([0, 1]);
  const waiting = [set.acquire(0), set.waitZero(1), set.lock(0), set.op(new sembuf([0, -2]))];
  await moment();
  set.remove();
  await Promise.all(waiting.map((promise) => rejects("EIDRM", promise)));
  await rejects("EINVAL", set.acquire(0));
  fails("EINVAL", () => set.tryAcquire(0));
  fails("EINVAL", () => set.values);
  fails("EINVAL", () => set.remove());
  set[Symbol.dispose]();
});

needs("perl")("SemaphoreSet counts processes that wait", async () => {
  using set = SemaphoreSet.create([0, 1]);
  await using more = perlInBackground(`semop($ARGV[0], pack("s3", 0, -1, 0))`, set.id);
  await using zero = perlInBackground(`semop($ARGV[0], pack("s3", 1, 0, 0))`, set.id);
  await more.ready(() => set.getWaitingForIncrease(0) === 1, "one waits for more");
  await zero.ready(() => set.getWaitingForZero(1) === 1, "one waits for zero");
  set.release(0);
  set.acquireSync(1);
  assertEquals([(await more.end()).code, (await zero.end()).code], [0, 0]);
  assertEquals([set.getWaitingForIncrease(0), set.getWaitingForZero(1), set.getLastPid(0)], [0, 0, more.pid]);
});

Deno.test("SemaphoreSet fails if values, numbers or amounts are none", async () => {
  for (const bad of [0, -1, NaN, 0.5, 2 ** 30] as number[]) fails("EINVAL", () => SemaphoreSet.create(bad));
  for (const bad of [[-1], [0.5], [NaN], ["1"], []] as number[][]) fails("EINVAL", () => SemaphoreSet.create(bad));
  for (const bad of [[32768], [65537]]) fails("ERANGE", () => SemaphoreSet.create(bad));
  using set = SemaphoreSet.create([1]);
  for (const bad of [1, -1, NaN, 0.5, 65536, "0"] as number[]) {
    await rejects("EFBIG", set.acquire(bad));
    await rejects("EFBIG", set.lock(bad));
    fails("EFBIG", () => set.acquireSync(bad));
    fails("EFBIG", () => set.tryAcquire(bad));
    fails("EFBIG", () => set.release(bad));
    fails("EFBIG", () => set.waitZeroSync(bad));
    fails("EINVAL", () => set.getLastPid(bad));
  }
  for (const bad of [0, -1, NaN, 0.5, "1"] as number[]) {
    await rejects("EINVAL", set.acquire(0, { by: bad }));
    fails("EINVAL", () => set.release(0, { by: bad }));
    fails("EINVAL", () => set.tryAcquire(0, { by: bad }));
  }
  fails("ERANGE", () => set.release(0, { by: 32768 }));
  fails("ERANGE", () => set.release(0, { by: 32767 }));
  fails("EINVAL", () => set.setValues([1, 2]));
  fails("ERANGE", () => set.setValues([32768]));
  assertEquals(set.values, [1]);
});

Deno.test("SemaphoreSet.setPermissions() changes what it is told to", () => {
  using set = SemaphoreSet.create([1], { mode: 0o660 });
  set.setPermissions({ mode: 0o600 });
  assertEquals([set.mode, set.uid, set.values], [0o600, Deno.uid(), [1]]);
});

Deno.test("SemaphoreSet leaves operations it is given as they are", async () => {
  using set = SemaphoreSet.create([1]);
  const take = new sembuf([0, -1, SEM_UNDO]);
  const before = take.bytes.slice();
  await set.op(take);
  assertEquals(take.bytes, before);
  semop(set.id, new sembuf([0, 1, SEM_UNDO]));
});

Deno.test("SemaphoreSet may be used by a trace's listener while it is being used", () => {
  using set = SemaphoreSet.create([5, 5]);
  let calls = 0;
  const other = () => void (calls++ === 0 && set.tryAcquire(1, { by: 3 }));
  interrupted("semop", other, () => set.acquireSync(0));
  assertEquals(set.values, [4, 2]);
});

Deno.test("SemaphoreSet.setValue() changes one semaphore, and getValue() reads one", () => {
  using set = SemaphoreSet.create([1, 2, 3]);
  set.setValue(1, 32767);
  assertEquals([set.values, set.getValue(1), set.getValue(2)], [[1, 32767, 3], 32767, 3]);
  set.setValue(0, 0);
  assertEquals(set.getValue(0), 0);
  for (const bad of [-1, NaN, 0.5, "1", null, undefined] as number[]) fails("EINVAL", () => set.setValue(0, bad));
  fails("ERANGE", () => set.setValue(0, 32768));
  for (const bad of [3, -1, NaN, 0.5, "0", undefined] as number[]) {
    fails("EINVAL", () => set.setValue(bad, 1));
    fails("EINVAL", () => set.getValue(bad));
  }
});

Deno.test("SemaphoreSet.tryWaitZero() tells whether a semaphore is 0", () => {
  using set = SemaphoreSet.create([0, 1]);
  assertEquals([set.tryWaitZero(0), set.tryWaitZero(1), set.values], [true, false, [0, 1]]);
  fails("EFBIG", () => set.tryWaitZero(2));
});

Deno.test("SemaphoreSet's Sync methods fail with ETIMEDOUT when the time is over, and take nothing", () => {
  using set = SemaphoreSet.create([1, 2]);
  const before = performance.now();
  const error = fails("ETIMEDOUT", () => set.acquireSync(0, { by: 2, timeout: 20 }));
  assert(performance.now() - before >= 19, "it waits");
  assertEquals(error.message, "semtimedop: Connection timed out (waited for 20 ms)");
  fails("ETIMEDOUT", () => set.waitZeroSync(1, { timeout: 0 }));
  fails("ETIMEDOUT", () => set.opSync(new sembuf([0, -1], [1, -3]), { timeout: 0.5 }));
  assertEquals(set.values, [1, 2]);
  {
    using _lock = set.lockSync(0, { timeout: 0 });
    fails("ETIMEDOUT", () => set.lockSync(0, { timeout: 1 }));
    set.waitZeroSync(0, { timeout: 0 });
  }
  set.acquireSync(1, { by: 2, timeout: 60_000 });
  assertEquals(set.values, [1, 0]);
  fails("EAGAIN", () => set.opSync(new sembuf([1, -1, IPC_NOWAIT]), { timeout: 60_000 }));
  for (const bad of [-1, NaN, Infinity, "1", null] as number[]) {
    fails("EINVAL", () => set.acquireSync(0, { timeout: bad }));
  }
});

needs("perl")("SemaphoreSet.acquireSync() with a time limit takes what comes meanwhile", async () => {
  using set = SemaphoreSet.create([0]);
  await using peer = perlInBackground(
    `select undef, undef, undef, 0.03; semop($ARGV[0], pack("s3", 0, 1, 0)) or die $!`,
    set.id,
  );
  set.acquireSync(0, { timeout: 60_000 });
  assertEquals([set.values, (await peer.end()).code], [[0], 0]);
});

needs("ipcrm")("SemaphoreSet.create() says what to do about a key that is taken", async () => {
  const key = freshKey();
  const left = SemaphoreSet.create(1, { key });
  const hex = `0x${key.toString(16)}`;
  const { message } = fails("EEXIST", () => SemaphoreSet.create(1, { key }));
  assertStringIncludes(message, `semget: File exists (key ${hex} is taken: `);
  const [, command, ...args] = /"(\S+) (\S+) (\S+)"/.exec(message)!;
  assertEquals((await run(command, args)).code, 0);
  assert(!exists(left.id));
  left[Symbol.dispose]();
});
