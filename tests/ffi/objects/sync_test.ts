import { assert, assertEquals } from "@std/assert";
import * as ipc from "../../../mod.ts";
import { moment } from "../../_peers.ts";
import { fails, mod, rejects, runSource, until } from "../../support.ts";
import { AT, Shared } from "../libc/_shared.ts";

const { Condition, Mutex, PosixSemaphore, SharedMemory } = ipc;
const ok = { code: 0, signal: null, stderr: "" };

/** How many are counted as waiting. */
const counted = (shared: Shared) => Atomics.load(shared.numbers, AT.sem / 4 + 1);

Deno.test("PosixSemaphore has a value, and is waited for and posted, with a name and inside shared memory", async () => {
  using named = PosixSemaphore.create(undefined, { value: 2 });
  using segment = SharedMemory.create(4096);
  using placed = PosixSemaphore.at(segment, 64, { value: 2 });
  using mine = PosixSemaphore.open(named.name!);
  using found = PosixSemaphore.at(segment.bytes, 64);
  for (const [one, other] of [[named, mine], [placed, found]]) {
    assertEquals([one.value, other.value], [2, 2]);
    await one.wait();
    other.waitSync();
    assertEquals([one.tryWait(), other.value], [false, 0]);
    assertEquals(fails("ETIMEDOUT", () => one.waitSync({ timeout: 5 })).code, "ETIMEDOUT");
    const waiting = one.wait();
    await moment();
    other.post();
    await waiting;
    other.post();
    {
      using _permit = await one.hold();
      assertEquals(one.value, 0);
    }
    {
      using _permit = one.holdSync({ timeout: 0 });
      assertEquals(other.value, 0);
    }
    assertEquals(one.value, 1);
  }
  assertEquals([named.name, placed.name], [mine.name, null]);
});

Deno.test("PosixSemaphore refuses what there is not, and what is closed", async () => {
  using segment = SharedMemory.create(4096);
  fails("EINVAL", () => PosixSemaphore.at(segment, 0));
  fails("EINVAL", () => PosixSemaphore.at(segment, 4, { value: 1 }));
  fails("EINVAL", () => PosixSemaphore.at(segment, 4080, { value: 1 }));
  fails("EINVAL", () => PosixSemaphore.at(segment, 0, { value: 2 ** 31 }));
  fails("EINVAL", () => PosixSemaphore.at(new Uint8Array(64), 0, { value: 1 }));
  fails("ENOENT", () => PosixSemaphore.open("/none_such"));
  const sem = PosixSemaphore.create();
  const name = sem.name!;
  fails("EEXIST", () => PosixSemaphore.create(name));
  PosixSemaphore.create(name, { exclusive: false }).close();
  const waiting = [sem.wait(), sem.wait()];
  await moment();
  sem.close();
  for (const one of waiting) await rejects("EINVAL", one);
  sem.close();
  for (const use of [() => sem.post(), () => sem.tryWait(), () => sem.value, () => sem.waitSync({ timeout: 0 })]) {
    fails("EINVAL", use);
  }
  await rejects("EINVAL", sem.wait());
  fails("ENOENT", () => PosixSemaphore.open(name));
});

Deno.test("memory stays while a semaphore in it is waited for", async () => {
  const segment = SharedMemory.create(4096);
  const sem = PosixSemaphore.at(segment, 0, { value: 0 });
  const abort = new AbortController();
  const waiting = sem.wait(abort).catch(String);
  await moment();
  fails("EBUSY", () => segment.detach());
  abort.abort("enough");
  assertEquals(await waiting, "enough");
  assertEquals(new Int32Array(segment.bytes.buffer)[1], 0, "nobody is counted");
  segment[Symbol.dispose]();
});

Deno.test("C's sem_post wakes who waits here, and post() who waits in C", async () => {
  using shared = new Shared().make();
  using sem = PosixSemaphore.at(shared.memory, AT.sem);
  const waiting = sem.wait();
  await until(() => counted(shared) === 1, "it is counted");
  await using poster = await shared.peer("post");
  await waiting;
  assertEquals([sem.value, counted(shared)], [0, 0]);
  await poster.end();
  await using waiter = await shared.peer("wait");
  await until(() => counted(shared) === 1, "C waits");
  sem.post();
  assertEquals(await waiter.end(), { ...ok, stdout: "wait 0\n" });
});

Deno.test("of thousands of posts of C, none is lost to waits that are called off", async () => {
  using shared = new Shared().make();
  using sem = PosixSemaphore.at(shared.memory, AT.sem);
  await using poster = await shared.peer("posts");
  const POSTS = 5000;
  let taken = 0, rounds = 0;
  const end = performance.now() + 20_000;
  while (taken < POSTS && performance.now() < end) {
    const abort = new AbortController();
    const waits = Array.from({ length: 8 }, (_, i) => sem.wait(i % 2 ? abort : undefined));
    if (taken > POSTS - 16) abort.abort();
    if (rounds++ % 3 === 0) await undefined;
    else await moment();
    abort.abort();
    if (taken + 4 > POSTS - 8) { for (let i = 0; i < 8; i++) sem.post(), taken--; }
    taken += (await Promise.allSettled(waits)).filter(({ status }) => status === "fulfilled").length;
    if (taken + 16 > POSTS) break;
  }
  await poster.end();
  assertEquals([taken + sem.value, counted(shared)], [POSTS, 0]);
});

Deno.test("Mutex is locked by one, in the order of coming", async () => {
  using segment = SharedMemory.create(4096);
  const mutex = Mutex.create(segment, 64);
  const same = Mutex.open(segment, 64);
  const order: number[] = [];
  const first = await mutex.lock();
  assertEquals([first.held, first.ownerDied, same.tryLock()], [true, false, null]);
  fails("EDEADLK", () => same.lockSync());
  fails("EDEADLK", () => mutex.lockSync({ timeout: 5 }));
  const abort = new AbortController();
  const gone = mutex.lock(abort).catch(String);
  const others = [1, 2, 3].map(async (n) => {
    using _lock = await (n % 2 ? mutex : same).lock();
    order.push(n);
    await moment();
  });
  await moment();
  fails("EBUSY", () => segment.detach());
  abort.abort("enough");
  assertEquals(await gone, "enough");
  assertEquals(order, []);
  first.unlock();
  first.unlock();
  await Promise.all(others);
  assertEquals([order, first.held], [[1, 2, 3], false]);
  using last = same.tryLock()!;
  assert(last.held);
  fails("EINVAL", () => last.makeConsistent());
  fails("EINVAL", () => new ipc.MutexLock());
  fails("EINVAL", () => Mutex.open(segment, 256));
});

Deno.test("Mutex and C's pthread_mutex_lock keep each other out", async () => {
  using shared = new Shared().make();
  const mutex = Mutex.open(shared.memory, AT.mutex);
  await using one = await shared.peer("count");
  await using other = await shared.peer("count");
  let mine = 0;
  const counting = [1, 2].map(async () => {
    for (let n = 0; n < 300; n++) {
      using _lock = await mutex.lock();
      shared.numbers[AT.counter / 4]++;
      mine++;
    }
  });
  await Promise.all(counting);
  assertEquals([(await one.end()).code, (await other.end()).code], [0, 0]);
  assertEquals(shared.numbers[AT.counter / 4], 40_000 + mine);
  shared.numbers[AT.counter / 4] = 0;
});

Deno.test("who waits for a Mutex gets it from an owner that is killed, and is told", async () => {
  using shared = new Shared().make();
  const mutex = Mutex.open(shared.memory, AT.mutex);
  for (const kind of ["lock", "lockSync"] as const) {
    await using owner = await shared.peer("lock", "read");
    await owner.until("ready");
    const waiting = kind === "lock" ? mutex.lock() : undefined;
    await moment();
    owner.kill();
    using lock = await (waiting ?? mutex.lockSync());
    assertEquals([lock.ownerDied, lock.held], [true, true]);
    lock.makeConsistent();
    assertEquals(lock.ownerDied, false);
  }
  await using owner = await shared.peer("lock", "read");
  await owner.until("ready");
  owner.kill();
  await owner.end();
  const waits = [mutex.lock(), mutex.lock(), mutex.lock()];
  (await waits[0]).unlock();
  for (const wait of waits.slice(1)) await rejects("ENOTRECOVERABLE", wait);
  fails("ENOTRECOVERABLE", () => mutex.tryLock());
});

Deno.test("a program that is killed while it waits for a Mutex or a semaphore leaves both usable", async () => {
  using shared = new Shared().make();
  const mutex = Mutex.open(shared.memory, AT.mutex);
  using sem = PosixSemaphore.at(shared.memory, AT.sem);
  const lock = await mutex.lock();
  const ended = await runSource(
    `import { close, mmap, Mutex, O_RDWR, PosixSemaphore, shm_open, kill, getpid } from "@mod";
     const fd = shm_open(${JSON.stringify(shared.name)}, O_RDWR);
     const memory = mmap(null, 4096, 3, 1, fd);
     close(fd);
     Mutex.open(memory, ${AT.mutex}).lock();
     PosixSemaphore.at(memory, ${AT.sem}).wait();
     setTimeout(() => kill(getpid(), 9), 50);`,
  );
  assertEquals(ended.signal, "SIGKILL");
  lock.unlock();
  (await mutex.lock()).unlock();
  const waiting = sem.wait();
  await moment();
  sem.post();
  await waiting;
});

Deno.test("a program may end with waits, which are counted no more", async () => {
  using shared = new Shared().make();
  const ended = await runSource(
    `import { close, Condition, mmap, Mutex, O_RDWR, PosixSemaphore, shm_open } from "@mod";
     const fd = shm_open(${JSON.stringify(shared.name)}, O_RDWR);
     const memory = mmap(null, 4096, 3, 1, fd);
     close(fd);
     PosixSemaphore.at(memory, ${AT.sem}).wait();
     const lock = await Mutex.open(memory, ${AT.mutex}).lock();
     Mutex.open(memory, ${AT.mutex}).lock();
     setTimeout(() => Deno.exit(3), 30);`,
  );
  assertEquals(ended, { ...ok, code: 3, stdout: "" });
  assertEquals(counted(shared), 0);
  using lock = await Mutex.open(shared.memory, AT.mutex).lock();
  assert(lock.ownerDied);
});

Deno.test("Condition wakes one or all, in this program and beside C", async () => {
  using shared = new Shared().make();
  const mutex = Mutex.open(shared.memory, AT.mutex);
  const condition = Condition.create(shared.memory, AT.word);
  const flag = AT.flag / 4;
  {
    await using _peer = await shared.peer("notify");
    using lock = await mutex.lock();
    while (shared.numbers[flag] === 0) await condition.wait(lock);
    assertEquals([shared.numbers[flag], lock.held], [7, true]);
  }
  let back = 0;
  const waiting = Array.from({ length: 20 }, async () => {
    using lock = await mutex.lock();
    await condition.wait(lock);
    back++;
  });
  await moment();
  condition.notify();
  await until(() => back === 1, "one is back");
  await moment();
  assertEquals(back, 1);
  condition.notify();
  condition.notify();
  await until(() => back === 3, "two more are back");
  await moment();
  condition.notifyAll();
  await Promise.all(waiting);
  assertEquals(back, 20);
});

Deno.test("Condition: time limits, signals and locks that are not held", async () => {
  using segment = SharedMemory.create(4096);
  const mutex = Mutex.create(segment), condition = Condition.create(segment, 64);
  using lock = await mutex.lock();
  fails("ETIMEDOUT", () => condition.waitSync(lock, { timeout: 5 }));
  assert(lock.held);
  const abort = new AbortController();
  const waiting = condition.wait(lock, abort).catch(String);
  await moment();
  assertEquals(lock.held, false);
  await rejects("EPERM", condition.wait(lock));
  using other = mutex.tryLock()!;
  abort.abort("enough");
  await moment();
  assertEquals(lock.held, false, "another one has the mutex");
  other.unlock();
  assertEquals(await waiting, "enough");
  assert(lock.held);
  lock.unlock();
  fails("EPERM", () => condition.waitSync(lock));
  fails("EINVAL", () => condition.waitSync({} as ipc.MutexLock));
});

Deno.test("a trace shows what PosixSemaphore, Mutex and Condition ask of libc and of the kernel, and when they wait", async () => {
  using segment = SharedMemory.create(4096);
  const mutex = Mutex.create(segment), condition = Condition.create(segment, 64);
  const semaphore = PosixSemaphore.at(segment, 128, { value: 0 });
  const events: ipc.TraceEvent[] = [];
  using _tracing = ipc.trace((event) => events.push(event));
  const taken = () => events.splice(0).flatMap((event) => event.ev === "exit" ? [`${event.call} ${event.result}`] : []);

  const lock = await mutex.lock();
  assertEquals(taken(), ["pthread_mutex_trylock 0"]);
  const second = mutex.lock();
  await until(
    () => events.some(({ ev, ...event }) => ev === "enter" && "call" in event && event.call === "futex"),
    "a wait",
  );
  const wait = events.find((event) => event.ev === "enter" && event.call === "futex");
  assertEquals(wait?.ev === "enter" && wait.waits, true);
  lock.unlock();
  (await second).unlock();
  const calls = taken();
  for (const call of ["futex 0", "pthread_mutex_trylock 0", "pthread_mutex_unlock 0"]) {
    assert(calls.includes(call), call);
  }

  const again = await mutex.lock();
  const notified = condition.wait(again);
  await until(() => events.some((event) => event.ev === "enter" && event.call === "futex"), "a wait");
  condition.notify();
  await notified;
  again.unlock();
  const during = taken();
  assertEquals(during.filter((call) => call.startsWith("pthread")), [
    "pthread_mutex_trylock 0", // lock
    "pthread_mutex_unlock 0", // wait
    "pthread_mutex_trylock 0",
    "pthread_mutex_unlock 0",
  ]);
  assert(during.includes("futex 0"), "the wait is over");

  const down = semaphore.wait();
  await until(() => events.some((event) => event.ev === "enter" && event.call === "futex"), "a wait");
  semaphore.post();
  await down;
  const last = taken();
  for (const call of ["sem_post 0", "sem_trywait 0"]) assert(last.includes(call), call);
});

Deno.test("waits in a Worker and in a forked child", async () => {
  using shared = new Shared().make();
  using sem = PosixSemaphore.at(shared.memory, AT.sem);
  const source = `import { close, mmap, O_RDWR, PosixSemaphore, shm_open } from ${JSON.stringify(mod)};
    const fd = shm_open(${JSON.stringify(shared.name)}, O_RDWR);
    const memory = mmap(null, 4096, 3, 1, fd);
    close(fd);
    const waiting = PosixSemaphore.at(memory, ${AT.sem}).wait();
    postMessage("waiting");
    await waiting;
    postMessage("done");`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
  const next = () => new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  assertEquals(await next(), "waiting");
  sem.post();
  assertEquals(await next(), "done");
  worker.terminate();
  const ended = await runSource(
    `import { fork, MAP_ANONYMOUS, MAP_SHARED, mmap, Mutex, PosixSemaphore, wait, WaitStatus } from "@mod";
     const memory = mmap(null, 4096, 3, MAP_SHARED | MAP_ANONYMOUS);
     const mutex = Mutex.create(memory, 0);
     using sem = PosixSemaphore.create();
     const lock = mutex.lockSync();
     const waiting = sem.wait();
     fork(() => {
       lock.unlock(); // the parent's
       sem.post();
       using mine = mutex.lockSync({ timeout: 5000 });
       return mine.ownerDied ? 1 : 0;
     });
     await waiting;
     lock.unlock();
     const status = new WaitStatus();
     wait(status);
     console.log(status.exitStatus, sem.value);`,
    [],
    { flags: ["--v8-flags=--single-threaded"] },
  );
  assertEquals(ended, { ...ok, stdout: "0 0\n" });
});
