import { assertEquals } from "@std/assert";
import * as ipc from "../../../mod.ts";
import { needs } from "../../needs.ts";
import { fails, mod, runSource } from "../../support.ts";
import { AT, Shared } from "./_shared.ts";

const { EOWNERDEAD, pthread_cond_broadcast, pthread_cond_signal, pthread_cond_timedwait, pthread_cond_wait } = ipc;
const { pthread_mutex_consistent, pthread_mutex_lock, pthread_mutex_timedlock, pthread_mutex_trylock } = ipc;
const { PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED } = ipc;
const { pthread_mutex_unlock } = ipc;

const soon = () => Date.now() / 1000 + 0.01;

Deno.test("attributes are as they were set, and refuse what there is not", () => {
  const attr = new ipc.pthread_mutexattr_t();
  const condattr = new ipc.pthread_condattr_t();
  ipc.pthread_mutexattr_init(attr);
  ipc.pthread_condattr_init(condattr);
  const all = () => [
    ipc.pthread_mutexattr_gettype(attr),
    ipc.pthread_mutexattr_getpshared(attr),
    ipc.pthread_mutexattr_getrobust(attr),
    ipc.pthread_condattr_getpshared(condattr),
    ipc.pthread_condattr_getclock(condattr),
  ];
  assertEquals(all(), [0, 0, 0, 0, 0]);
  ipc.pthread_mutexattr_settype(attr, PTHREAD_MUTEX_RECURSIVE);
  ipc.pthread_mutexattr_setpshared(attr, ipc.PTHREAD_PROCESS_SHARED);
  ipc.pthread_mutexattr_setrobust(attr, ipc.PTHREAD_MUTEX_ROBUST);
  ipc.pthread_condattr_setpshared(condattr, ipc.PTHREAD_PROCESS_SHARED);
  ipc.pthread_condattr_setclock(condattr, ipc.CLOCK_MONOTONIC);
  assertEquals(all(), [1, 1, 1, 1, 1]);
  const setters = [ipc.pthread_mutexattr_settype, ipc.pthread_mutexattr_setpshared, ipc.pthread_mutexattr_setrobust];
  for (const bad of [-1, 7, NaN, 1.5, "1", undefined] as number[]) {
    for (const set of setters) fails("EINVAL", () => set(attr, bad));
    fails("EINVAL", () => ipc.pthread_condattr_setpshared(condattr, bad));
    fails("EINVAL", () => ipc.pthread_condattr_setclock(condattr, bad));
  }
  // deno-lint-ignore no-explicit-any -- what the types forbid
  for (const bad of [undefined, null, {}, condattr, new Uint8Array(8)] as any[]) {
    for (const set of setters) fails("EINVAL", () => set(bad, 0));
    fails("EINVAL", () => ipc.pthread_mutexattr_init(bad));
    fails("EINVAL", () => ipc.pthread_mutexattr_gettype(bad));
  }
  fails("EINVAL", () => ipc.pthread_condattr_init(attr as unknown as ipc.pthread_condattr_t));
  ipc.pthread_mutexattr_destroy(attr);
  ipc.pthread_condattr_destroy(condattr);
});

Deno.test("a mutex that checks errors fails with EDEADLK, EPERM and EBUSY; a recursive one is locked as often as one likes", () => {
  for (const robust of [PTHREAD_MUTEX_STALLED, ipc.PTHREAD_MUTEX_ROBUST]) {
    using shared = new Shared().make(PTHREAD_MUTEX_ERRORCHECK, robust);
    const { mutex } = shared;
    fails("EPERM", () => pthread_mutex_unlock(mutex));
    assertEquals(pthread_mutex_lock(mutex), 0);
    fails("EDEADLK", () => pthread_mutex_lock(mutex));
    fails(robust ? "EDEADLK" : "EBUSY", () => pthread_mutex_trylock(mutex));
    fails("EDEADLK", () => pthread_mutex_timedlock(mutex, soon()));
    fails("EBUSY", () => ipc.pthread_mutex_destroy(mutex));
    pthread_mutex_unlock(mutex);
    fails("EPERM", () => pthread_mutex_unlock(mutex));
    ipc.pthread_mutex_destroy(mutex);
    fails("EINVAL", () => pthread_mutex_lock(mutex));

    shared.make(PTHREAD_MUTEX_RECURSIVE, robust);
    for (let i = 0; i < 3; i++) pthread_mutex_lock(mutex);
    pthread_mutex_trylock(mutex);
    for (let i = 0; i < 4; i++) pthread_mutex_unlock(mutex);
    fails("EPERM", () => pthread_mutex_unlock(mutex));

    shared.make(PTHREAD_MUTEX_NORMAL, robust);
    pthread_mutex_lock(mutex);
    fails("EBUSY", () => pthread_mutex_trylock(mutex));
    // the robust one would come into the thread's list a second time, should somebody write into it meanwhile
    fails(robust ? "EDEADLK" : "ETIMEDOUT", () => pthread_mutex_timedlock(mutex, soon()));
    if (robust) fails("EDEADLK", () => pthread_mutex_lock(mutex));
    pthread_mutex_unlock(mutex);
    assertEquals(pthread_mutex_timedlock(mutex, null), 0);
    pthread_mutex_unlock(mutex);
  }
});

Deno.test("a robust mutex that is locked holds its memory; others and those of a forked child's parent do not", async () => {
  using shared = new Shared().make();
  pthread_mutex_lock(shared.mutex);
  assertEquals(
    fails("EBUSY", () => ipc.munmap(shared.memory)).message,
    `munmap: Device or resource busy (a robust mutex at ${AT.mutex} is locked)`,
  );
  fails("EBUSY", () => ipc.mprotect(shared.memory, ipc.PROT_READ));
  fails("EBUSY", () => ipc.pthread_mutex_init(shared.mutex, null));
  fails("EBUSY", () => ipc.pthread_mutex_destroy(shared.mutex));
  pthread_mutex_unlock(shared.mutex);
  const { stdout, stderr } = await runSource(
    `
    import * as ipc from ${JSON.stringify(mod)};
    const memory = ipc.mmap(null, 4096, 3, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
    const attr = new ipc.pthread_mutexattr_t();
    ipc.pthread_mutexattr_init(attr);
    ipc.pthread_mutexattr_setpshared(attr, 1);
    ipc.pthread_mutexattr_setrobust(attr, 1);
    const mutex = new ipc.pthread_mutex_t(memory);
    ipc.pthread_mutex_init(mutex, attr);
    ipc.pthread_mutex_lock(mutex);
    ipc.waitpid(ipc.fork(() => {
      try { ipc.pthread_mutex_unlock(mutex); } catch (error) { console.log(error.code); }
      try { ipc.pthread_mutex_trylock(mutex); } catch (error) { console.log(error.code); }
      ipc.munmap(memory);
      console.log("unmapped");
    }));
    ipc.pthread_mutex_unlock(mutex);
    ipc.munmap(memory);`,
    [],
    { flags: ["--v8-flags=--single-threaded"] },
  );
  assertEquals([stdout, stderr], ["EPERM\nEBUSY\nunmapped\n", ""]);
});

Deno.test("a mutex that was overwritten fails with EINVAL, EPERM or EBUSY, and harms nobody", () => {
  using shared = new Shared();
  const { memory, mutex } = shared;
  const bytes = (from: number, to: number) => memory.subarray(AT.mutex + from, AT.mutex + to);
  const uses = [pthread_mutex_lock, pthread_mutex_trylock, pthread_mutex_unlock, pthread_mutex_consistent];
  for (const value of [0xff, 0x55, 0x21]) {
    bytes(0, 40).fill(value);
    for (const use of uses) fails("EINVAL", () => use(mutex));
    fails("EINVAL", () => pthread_mutex_timedlock(mutex, soon()));
    fails("EINVAL", () => pthread_cond_wait(shared.cond, mutex));
    fails("EINVAL", () => ipc.pthread_mutex_destroy(mutex));
  }
  bytes(0, 40).fill(0);
  bytes(16, 17)[0] = 32; // PTHREAD_PRIO_INHERIT
  for (const use of uses) fails("EOPNOTSUPP", () => use(mutex));
  // free, and yet somebody's
  bytes(0, 40).fill(0);
  bytes(8, 9)[0] = 1;
  fails("EINVAL", () => pthread_mutex_lock(mutex));

  // a transaction, which libc would end though it has not begun it
  for (const kind of [256, 257, 384, 768]) {
    bytes(0, 40).fill(0);
    new Int32Array(memory.buffer, AT.mutex + 16, 1)[0] = kind;
    for (const use of uses) fails("EINVAL", () => use(mutex));
  }

  // the list of robust mutexes leads to nowhere: it is mended
  shared.make();
  const list = bytes(24, 40).slice();
  const word = new Int32Array(memory.buffer, AT.mutex, 1);
  for (const at of [0, 8]) {
    pthread_mutex_lock(mutex);
    bytes(24 + at, 32 + at).fill(0x41);
    fails("ETIMEDOUT", () => pthread_cond_timedwait(shared.cond, mutex, soon()));
    bytes(24 + at, 32 + at).fill(0x41);
    pthread_mutex_unlock(mutex);
    assertEquals(bytes(24, 40), list);
  }
  // what it says of its owner is not so, or that it is robust: it is lost, and the memory is not held any more
  const wrongs: (() => void)[] = [
    () => word[0] = 0,
    () => word[0] |= 0x4000_0000,
    () => bytes(16, 17)[0] = 128,
    () => bytes(0, 40).fill(0),
  ];
  for (const wrong of wrongs) {
    pthread_mutex_lock(mutex);
    fails("EBUSY", () => ipc.munmap(memory));
    wrong();
    fails("EINVAL", () => pthread_mutex_lock(mutex));
    fails("EINVAL", () => pthread_mutex_unlock(mutex));
    shared.make();
  }
  // it says that we have it
  word[0] = ipc.gettid();
  for (const use of [pthread_mutex_lock, pthread_mutex_trylock]) fails("EINVAL", () => use(mutex));
  fails("EPERM", () => pthread_mutex_unlock(mutex));
  word[0] = 0;
  shared.make();
});

Deno.test("what is no mutex or no condition is refused, also once its memory is gone", () => {
  const memory = ipc.mmap(null, 4096, 3, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
  const mutex = new ipc.pthread_mutex_t(memory);
  const cond = new ipc.pthread_cond_t(memory, 64);
  // deno-lint-ignore no-explicit-any -- what the types forbid
  const any: any[] = [undefined, null, {}, memory, Object.create(ipc.pthread_mutex_t.prototype)];
  for (const bad of any) {
    fails("EINVAL", () => pthread_mutex_lock(bad));
    fails("EINVAL", () => pthread_mutex_unlock(bad));
    fails("EINVAL", () => ipc.pthread_mutex_init(bad, null));
    fails("EINVAL", () => pthread_cond_signal(bad));
    fails("EINVAL", () => pthread_cond_wait(cond, bad));
    fails("EINVAL", () => pthread_cond_wait(bad, mutex));
    fails("EINVAL", () => new ipc.pthread_mutex_t(bad === memory ? undefined : bad));
    fails("EINVAL", () => new ipc.pthread_cond_t(bad === memory ? undefined : bad));
    if (bad !== null) fails("EINVAL", () => ipc.pthread_mutex_init(mutex, bad));
    if (bad !== null) fails("EINVAL", () => ipc.pthread_cond_init(cond, bad));
  }
  memory[64 + 36] = 8; // one waits, it says
  fails("EBUSY", () => ipc.pthread_cond_destroy(cond));
  for (const offset of [-8, 4, 4060, NaN]) {
    fails("EINVAL", () => new ipc.pthread_mutex_t(memory, offset));
    fails("EINVAL", () => new ipc.pthread_cond_t(memory, offset));
  }
  ipc.munmap(memory);
  for (const use of [pthread_mutex_lock, pthread_mutex_unlock, ipc.pthread_mutex_destroy]) {
    fails("EINVAL", () => use(mutex));
  }
  for (const use of [pthread_cond_signal, pthread_cond_broadcast, ipc.pthread_cond_destroy]) {
    fails("EINVAL", () => use(cond));
  }
  fails("EINVAL", () => pthread_cond_wait(cond, mutex));
});

Deno.test("pthread_cond_timedwait() fails with ETIMEDOUT, and has the mutex then; with EPERM if it had not", () => {
  for (const robust of [PTHREAD_MUTEX_STALLED, ipc.PTHREAD_MUTEX_ROBUST]) {
    using shared = new Shared().make(PTHREAD_MUTEX_ERRORCHECK, robust);
    const { cond, mutex } = shared;
    fails("EPERM", () => pthread_cond_wait(cond, mutex));
    pthread_mutex_lock(mutex);
    fails("ETIMEDOUT", () => pthread_cond_timedwait(cond, mutex, soon()));
    fails("EDEADLK", () => pthread_mutex_lock(mutex));
    const attr = new ipc.pthread_condattr_t();
    ipc.pthread_condattr_init(attr);
    ipc.pthread_condattr_setclock(attr, ipc.CLOCK_MONOTONIC);
    ipc.pthread_cond_destroy(cond);
    ipc.pthread_cond_init(cond, attr);
    fails("ETIMEDOUT", () => pthread_cond_timedwait(cond, mutex, 0.01));
    pthread_mutex_unlock(mutex);
  }
});

Deno.test("several robust mutexes are unlocked in any order, whatever is written over them", () => {
  const memories = Array.from({ length: 3 }, () => ipc.mmap(null, 4096, 3, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS));
  const attr = new ipc.pthread_mutexattr_t();
  ipc.pthread_mutexattr_init(attr);
  ipc.pthread_mutexattr_setpshared(attr, ipc.PTHREAD_PROCESS_SHARED);
  ipc.pthread_mutexattr_setrobust(attr, ipc.PTHREAD_MUTEX_ROBUST);
  const mutexes = memories.map((memory) => {
    const mutex = new ipc.pthread_mutex_t(memory);
    ipc.pthread_mutex_init(mutex, attr);
    return mutex;
  });
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]]) {
    for (const mutex of mutexes) assertEquals(pthread_mutex_lock(mutex), 0);
    for (const i of order) {
      for (const memory of memories) memory.fill(0x41, 24, 40);
      pthread_mutex_unlock(mutexes[i]);
    }
  }
  // one of them is lost
  for (const mutex of mutexes) pthread_mutex_lock(mutex);
  memories[1].fill(0);
  fails("EINVAL", () => pthread_mutex_unlock(mutexes[1]));
  ipc.munmap(memories[1]);
  for (const i of [0, 2]) {
    pthread_mutex_unlock(mutexes[i]);
    ipc.munmap(memories[i]);
  }
});

Deno.test("a mutex that is mapped twice is known by its owner, too", () => {
  const fd = ipc.memfd_create("test");
  ipc.ftruncate(fd, 4096);
  const [a, b] = [0, 0].map(() => ipc.mmap(null, 4096, 3, ipc.MAP_SHARED, fd));
  ipc.close(fd);
  const lock = ipc.Mutex.create(a).lockSync();
  fails("EBUSY", () => ipc.Mutex.create(b));
  fails("EINVAL", () => pthread_mutex_lock(new ipc.pthread_mutex_t(b)));
  fails("EPERM", () => pthread_mutex_unlock(new ipc.pthread_mutex_t(b)));
  lock.unlock();
  pthread_mutex_lock(new ipc.pthread_mutex_t(b));
  fails("EBUSY", () => ipc.munmap(b));
  pthread_mutex_unlock(new ipc.pthread_mutex_t(b));
  for (const memory of [a, b]) ipc.munmap(memory);
});

Deno.test("who is told of a call by a trace may do anything to the memory before libc gets it", async () => {
  const scene = (call: string, use: string, deed: string) =>
    `{
    const memory = ipc.mmap(null, 4096, 3, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
    const words = new Int32Array(memory.buffer, 0, 64), longs = new BigInt64Array(memory.buffer, 0, 8);
    const attr = new ipc.pthread_mutexattr_t();
    ipc.pthread_mutexattr_init(attr);
    const plain = new ipc.pthread_mutex_t(memory, 128);
    ipc.pthread_mutex_init(plain, attr);
    ipc.pthread_mutexattr_setpshared(attr, 1);
    ipc.pthread_mutexattr_setrobust(attr, 1);
    const mutex = new ipc.pthread_mutex_t(memory, 0);
    ipc.pthread_mutex_init(mutex, attr);
    const sem = new ipc.sem_t(memory, 64);
    ipc.sem_init(sem, 1, 0);
    const named = ipc.PosixSemaphore.create(undefined, { value: 1 });
    {
      using _ = ipc.trace((event) => { if (event.ev === "enter" && event.call === "${call}") { ${deed} } });
      try { ${use} } catch (error) { codes.push(error.code); }
    }
    named.close();
    try { ipc.pthread_mutex_unlock(mutex); } catch { /* it is not locked, or gone */ }
    const other = ipc.mmap(null, 4096, 3, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
    ipc.Mutex.create(other).lockSync().unlock();
  }`;
  const { stdout, stderr, code } = await runSource(`
    import * as ipc from ${JSON.stringify(mod)};
    const codes = [];
    ${scene("sem_post", "ipc.sem_post(sem)", "ipc.munmap(memory)")}
    ${scene("pthread_mutex_lock", "ipc.pthread_mutex_lock(mutex)", "ipc.munmap(memory)")}
    ${scene("sem_post", "named.post()", "named.close()")}
    ${
    scene(
      "pthread_mutex_unlock",
      "ipc.pthread_mutex_lock(mutex); ipc.pthread_mutex_unlock(mutex)",
      "longs[3] = 0x1000n",
    )
  }
    ${scene("sem_timedwait", "ipc.sem_timedwait(sem, 0)", "words[18] = 77")}
    ${scene("pthread_mutex_lock", "ipc.pthread_mutex_lock(plain)", "words[34] = 77")}
    ${scene("mprotect", "ipc.mprotect(memory, ipc.PROT_NONE)", "ipc.pthread_mutex_lock(mutex)")}
    console.log(codes.join());`);
  assertEquals({ stdout, stderr, code }, {
    stdout: "EINVAL,EINVAL,EINVAL,EINVAL,EINVAL,EBUSY\n",
    stderr: "",
    code: 0,
  });
});

needs("cc")("C and we count together under a mutex, whoever made it", async () => {
  for (const robust of [PTHREAD_MUTEX_STALLED, ipc.PTHREAD_MUTEX_ROBUST, undefined]) {
    using shared = new Shared();
    if (robust !== undefined) shared.make(PTHREAD_MUTEX_NORMAL, robust);
    await using peer = await shared.peer(...robust === undefined ? ["make"] : [], "read", "count", "read");
    await peer.until("ready");
    await peer.type("\n", false);
    for (let i = 0; i < 20_000; i++) {
      pthread_mutex_lock(shared.mutex);
      shared.numbers[AT.counter / 4]++;
      pthread_mutex_unlock(shared.mutex);
    }
    await peer.until("ready\nready");
    await peer.type("\n");
    assertEquals((await peer.end()).code, 0);
    assertEquals(shared.numbers[AT.counter / 4], 40_000);
  }
});

needs("cc")("the death of a C program that had the mutex is told by EOWNERDEAD, and C is told of ours", async () => {
  using shared = new Shared().make();
  const { mutex } = shared;
  {
    await using peer = await shared.peer("lock", "read");
    await peer.until("ready");
    fails("EBUSY", () => pthread_mutex_trylock(mutex));
    peer.kill("SIGKILL");
    assertEquals(pthread_mutex_lock(mutex), EOWNERDEAD);
    await peer.end();
  }
  pthread_mutex_consistent(mutex);
  fails("EINVAL", () => pthread_mutex_consistent(mutex));
  pthread_mutex_unlock(mutex);
  const { code } = await runSource(`
    import * as ipc from ${JSON.stringify(mod)};
    const fd = ipc.shm_open(${JSON.stringify(shared.name)}, ipc.O_RDWR);
    const memory = ipc.mmap(null, 4096, 3, ipc.MAP_SHARED, fd);
    ipc.pthread_mutex_lock(new ipc.pthread_mutex_t(memory, ${AT.mutex}));`);
  assertEquals(code, 0);
  await using peer = await shared.peer("lock", "unlock");
  assertEquals((await peer.end()).stdout, `lock ${EOWNERDEAD}\nunlock 0\n`);
  // it was not made consistent
  fails("ENOTRECOVERABLE", () => pthread_mutex_lock(mutex));
  fails("ENOTRECOVERABLE", () => pthread_mutex_trylock(mutex));
  ipc.pthread_mutex_destroy(mutex);
});

needs("cc")("C and we wake each other by a condition", async () => {
  using shared = new Shared().make();
  const { cond, mutex, numbers } = shared;
  {
    await using peer = await shared.peer("read", "until");
    await peer.until("ready");
    await peer.type("\n");
    pthread_mutex_lock(mutex);
    numbers[AT.flag / 4] = 5;
    pthread_cond_signal(cond);
    pthread_mutex_unlock(mutex);
    assertEquals((await peer.end()).stdout, "ready\nflag 5\n");
  }
  pthread_mutex_lock(mutex);
  numbers[AT.flag / 4] = 0;
  pthread_mutex_unlock(mutex);
  await using peer = await shared.peer("read", "set");
  await peer.until("ready");
  await peer.type("\n");
  pthread_mutex_lock(mutex);
  while (numbers[AT.flag / 4] === 0) assertEquals(pthread_cond_wait(cond, mutex), 0);
  assertEquals(numbers[AT.flag / 4], 7);
  pthread_mutex_unlock(mutex);
  assertEquals((await peer.end()).code, 0);
});

needs("cc")("who waits for a condition is told that the owner of the mutex is dead", async () => {
  using shared = new Shared().make();
  const { cond, mutex } = shared;
  await using peer = await shared.peer("read", "lock"); // and ends
  await peer.until("ready");
  pthread_mutex_lock(mutex);
  await peer.type("\n");
  let result: number | undefined;
  while (result === undefined) {
    try {
      result = pthread_cond_timedwait(cond, mutex, soon());
    } catch (error) {
      assertEquals((error as ipc.LibcError).code, "ETIMEDOUT");
    }
  }
  assertEquals(result, EOWNERDEAD);
  pthread_mutex_consistent(mutex);
  pthread_mutex_unlock(mutex);
  assertEquals((await peer.end()).stdout, "ready\nlock 0\n");
});
