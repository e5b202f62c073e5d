import { assertEquals } from "@std/assert";
import * as ipc from "../../../mod.ts";
import { needs } from "../../needs.ts";
import { fails, mod, runSource } from "../../support.ts";
import { Shared } from "./_shared.ts";

const { O_CREAT, O_EXCL, sem_close, sem_getvalue, sem_init, sem_open, sem_post, sem_t } = ipc;
const { sem_timedwait, sem_trywait, sem_unlink, sem_wait } = ipc;

let made = 0;
const freshName = () => `/ipc_playground_${Deno.pid}_${++made}_${crypto.randomUUID().slice(0, 8)}`;

Deno.test("sem_open() finds what another has made, and sem_unlink() takes its name away", () => {
  const name = freshName();
  const sem = sem_open(name, O_CREAT | O_EXCL, undefined, 2);
  try {
    assertEquals(Deno.statSync(`/dev/shm/sem.${name.slice(1)}`).mode! & 0o777, 0o600);
    fails("EEXIST", () => sem_open(name, O_CREAT | O_EXCL));
    const found = sem_open(name, 0);
    sem_wait(found);
    assertEquals([sem_getvalue(sem), sem_getvalue(found)], [1, 1]);
    sem_close(found);
    // libc has it mapped once; it stays as long as one has it open
    assertEquals(sem_getvalue(sem), 1);
    for (const use of [sem_wait, sem_post, sem_trywait, sem_getvalue, sem_close]) fails("EINVAL", () => use(found));
  } finally {
    sem_unlink(name);
  }
  fails("ENOENT", () => sem_open(name, 0));
  fails("ENOENT", () => sem_unlink(name));
  sem_post(sem);
  assertEquals(sem_getvalue(sem), 2);
  sem_close(sem);
  fails("EINVAL", () => sem_post(sem));
});

Deno.test("sem_trywait() fails with EAGAIN, sem_timedwait() with ETIMEDOUT, sem_post() with EOVERFLOW", () => {
  using shared = new Shared();
  const { sem } = shared;
  sem_init(sem, 1, 1);
  sem_trywait(sem);
  fails("EAGAIN", () => sem_trywait(sem));
  fails("ETIMEDOUT", () => sem_timedwait(sem, Date.now() / 1000 + 0.01));
  fails("ETIMEDOUT", () => sem_timedwait(sem, 0));
  sem_post(sem);
  sem_timedwait(sem, null);
  sem_init(sem, 1, ipc.SEM_VALUE_MAX);
  fails("EOVERFLOW", () => sem_post(sem));
  fails("EINVAL", () => sem_init(sem, 1, ipc.SEM_VALUE_MAX + 1));
  for (const bad of [NaN, -1, "1", null, undefined]) {
    fails("EINVAL", () => sem_init(sem, 1, bad as number));
    fails("EINVAL", () => sem_init(sem, (bad === -1 ? 1.5 : bad) as number, 1));
    if (bad !== null) fails("EINVAL", () => sem_timedwait(sem, bad as number));
  }
});

Deno.test("a semaphore is refused where there is no shared memory for it, or what lies there is none", () => {
  using shared = new Shared();
  const { memory } = shared;
  // deno-lint-ignore no-explicit-any -- what the types forbid
  for (const bad of [undefined, null, 0, {}, new Uint8Array(100), "memory"] as any[]) {
    fails("EINVAL", () => new sem_t(bad));
  }
  for (const offset of [-8, 1, 4, 4095, 4096, 4072, NaN, 2 ** 53]) fails("EINVAL", () => new sem_t(memory, offset));
  fails("EINVAL", () => new sem_t(memory.subarray(1)));
  const window = ipc.mmap(null, 100, ipc.PROT_READ, ipc.MAP_PRIVATE | ipc.MAP_ANONYMOUS);
  fails("EACCES", () => new sem_t(window));
  ipc.munmap(window);
  memory.fill(0xff, 0, 32);
  for (const use of [sem_wait, sem_trywait, sem_post, sem_getvalue, ipc.sem_destroy]) {
    fails("EINVAL", () => use(shared.sem));
    // deno-lint-ignore no-explicit-any -- what the types forbid
    for (const bad of [undefined, null, {}, memory, shared.mutex, Object.create(sem_t.prototype)] as any[]) {
      fails("EINVAL", () => use(bad));
    }
  }
  fails("EINVAL", () => sem_close(shared.sem));
});

Deno.test("a semaphore cannot be used once its memory is gone, nor in a file that has become shorter", () => {
  const memory = ipc.mmap(null, 4096, 3, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
  const sem = new sem_t(memory);
  sem_init(sem, 1, 1);
  ipc.munmap(memory);
  for (const use of [sem_wait, sem_trywait, sem_post, sem_getvalue, ipc.sem_destroy]) fails("EINVAL", () => use(sem));
  fails("EINVAL", () => sem_init(sem, 1, 1));

  const fd = ipc.memfd_create("test");
  ipc.ftruncate(fd, 4096);
  const mapped = ipc.mmap(null, 4096, 3, ipc.MAP_SHARED, fd);
  const other = new sem_t(mapped, 8);
  sem_init(other, 1, 1);
  ipc.ftruncate(fd, 0);
  ipc.close(fd);
  for (const use of [sem_wait, sem_trywait, sem_post, sem_getvalue]) fails("EFAULT", () => use(other));
  ipc.munmap(mapped);
});

needs("cc")("C and we wait for each other by a semaphore in shared memory, whoever made it", async () => {
  using shared = new Shared();
  shared.make();
  {
    await using peer = await shared.peer("wait", "read", "post");
    sem_post(shared.sem);
    await peer.until("ready");
    fails("EAGAIN", () => sem_trywait(shared.sem));
    await peer.type("\n");
    sem_wait(shared.sem);
    assertEquals(await peer.end(), { code: 0, signal: null, stdout: "wait 0\nready\n", stderr: "" });
  }
  await using peer = await shared.peer("make");
  assertEquals((await peer.end()).stdout, "0 0 0\n");
  for (let i = 0; i < 3; i++) sem_trywait(shared.sem);
  fails("EAGAIN", () => sem_trywait(shared.sem));
});

Deno.test("forked children take turns by a semaphore, and a trace shows where it lies", async () => {
  const { code, stdout, stderr } = await runSource(
    `
    import * as ipc from ${JSON.stringify(mod)};
    const memory = ipc.mmap(null, 4096, 3, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
    const sem = new ipc.sem_t(memory, 64);
    ipc.sem_init(sem, 1, 1);
    const counter = new Int32Array(memory.buffer, 0, 1);
    for (let child = 0; child < 4; child++) {
      ipc.fork(() => {
        for (let i = 0; i < 500; i++) {
          ipc.sem_wait(sem);
          counter[0]++;
          ipc.sem_post(sem);
        }
      });
    }
    for (let child = 0; child < 4; child++) ipc.wait();
    console.log(counter[0]);
    using _ = ipc.trace((event) => event.ev === "exit" && console.log(event.call, Object.keys(event.args.sem.fields).join(), event.args.sem.fields.value));
    ipc.sem_wait(sem);`,
    [],
    { flags: ["--v8-flags=--single-threaded"] },
  );
  assertEquals({ code, stdout, stderr }, {
    code: 0,
    stdout: "2000\nsem_wait path,inode,offset,value 0\n",
    stderr: "",
  });
});
