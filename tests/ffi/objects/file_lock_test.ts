import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  close,
  F_SETLK,
  F_UNLCK,
  F_WRLCK,
  fcntl,
  FileLock,
  fork,
  O_RDWR,
  open,
  pipe,
  read,
  struct_flock,
  trace,
  type TraceEvent,
  waitpid,
  WaitStatus,
  write,
} from "../../../mod.ts";
import { moment, NOT_INTEGERS } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { fails, Program, rejects, waitsIn } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
const any = (value: unknown) => value as any;

/** A lock on a file that is removed at the end of a `using`. */
function temporary(): { path: string; lock: FileLock } & Disposable {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  const path = `${directory}/lock`;
  return { path, lock: FileLock.create(path), [Symbol.dispose]: () => Deno.removeSync(directory, { recursive: true }) };
}

/** How many descriptors of a file this process has. */
const descriptors = (path: string) =>
  [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === Deno.realPathSync(path);
    } catch {
      return false; // that of the directory that is being read
    }
  }).length;

Deno.test("FileLock: one has it, or many share it, in one process, too", async () => {
  using file = temporary();
  const { lock } = file;
  assertEquals([lock.path, Deno.statSync(file.path).mode! & 0o777], [file.path, 0o600 & ~Deno.umask()]);
  {
    using _held = await lock.lock();
    assertEquals([lock.tryLock(), lock.tryLock({ shared: true }), FileLock.open(file.path).tryLock()], [
      null,
      null,
      null,
    ]);
    fails("ETIMEDOUT", () => lock.lockSync({ timeout: 0 }));
    fails("ETIMEDOUT", () => lock.lockSync({ shared: true, timeout: 5 }));
  }
  {
    using _one = lock.lockSync({ shared: true });
    using two = lock.tryLock({ shared: true });
    using _three = await lock.lock({ shared: true });
    assert(two !== null);
    assertEquals(lock.tryLock(), null);
  }
  const taken = lock.tryLock()!;
  taken[Symbol.dispose]();
  taken[Symbol.dispose](); // once more is nothing
  using _last = lock.lockSync({ timeout: 1000 });
  assertEquals(descriptors(file.path), 1);
});

Deno.test("FileLock.lock() waits for its turn, and the program goes on meanwhile", async () => {
  using file = temporary();
  const { lock } = file;
  const order: string[] = [];
  const held = lock.lockSync();
  const waiting = [1, 2, 3].map(async (n) => {
    using _held = await lock.lock();
    order.push(`begins ${n}`);
    await moment();
    order.push(`ends ${n}`);
  });
  await moment();
  await moment();
  assertEquals(order, []);
  held[Symbol.dispose]();
  await Promise.all(waiting);
  for (let i = 0; i < 6; i += 2) assertEquals(order[i + 1], order[i].replace("begins", "ends"));
  assertEquals(order.toSorted().slice(0, 3), ["begins 1", "begins 2", "begins 3"]);
});

Deno.test("FileLock.lock() that is called off has no lock, and leaves no descriptor", async () => {
  using file = temporary();
  const { lock } = file;
  const held = lock.lockSync();
  await assertRejects(() => lock.lock({ signal: AbortSignal.timeout(20) }), DOMException, "timeout");
  const controller = new AbortController();
  const several = [1, 2, 3].map(() => lock.lock({ signal: controller.signal }));
  await moment();
  controller.abort(new Error("enough"));
  for (const { status, reason } of await Promise.allSettled(several) as PromiseRejectedResult[]) {
    assertEquals([status, reason.message], ["rejected", "enough"]);
  }
  await assertRejects(() => lock.lock({ signal: AbortSignal.abort(new Error("before")) }), Error, "before");
  held[Symbol.dispose]();
  using now = lock.tryLock();
  assert(now !== null);
  assertEquals(descriptors(file.path), 1);
});

needs("python3")("FileLock waits for Python's lock, and Python for FileLock's", async () => {
  using file = temporary();
  await using python = new Program("python3", [
    "-c",
    `import fcntl, sys
file = open(sys.argv[1], "r+b")
def say(*what): print(*what, flush=True)
fcntl.lockf(file, fcntl.LOCK_EX); say("locked"); input()
fcntl.lockf(file, fcntl.LOCK_UN); say("unlocked"); input()
fcntl.lockf(file, fcntl.LOCK_SH); say("shared"); input()`,
    file.path,
  ], { stdin: "open" });
  await python.until("locked");
  assertEquals(file.lock.tryLock({ shared: true }), null);
  const waiting = file.lock.lock();
  await moment();
  await python.type("\n", false);
  {
    using _held = await waiting;
    await python.until("unlocked");
    await python.type("\n", false);
    await python.ready(() => waitsIn(python.pid, 72, 25), "it waits in fcntl");
  }
  await python.until("shared");
  using _shared = file.lock.lockSync({ shared: true });
  assertEquals(file.lock.tryLock(), null);
  await python.type("\n");
  assertEquals((await python.end()).stderr, "");
});

Deno.test("FileLock: who dies gives it back", async () => {
  using file = temporary();
  const [told, tell] = pipe();
  const [gate, key] = pipe();
  const pid = fork(() => {
    close(key);
    const _held = file.lock.lockSync();
    write(tell, "x");
    read(gate, new Uint8Array(1)); // until its parent is gone
  });
  try {
    read(told, new Uint8Array(1));
    assertEquals(file.lock.tryLock(), null);
    const waiting = file.lock.lock();
    await moment();
    Deno.kill(pid, "SIGKILL");
    (await waiting)[Symbol.dispose]();
  } finally {
    for (const fd of [told, tell, gate, key]) close(fd);
    waitpid(pid);
  }
});

Deno.test("FileLock: a forked child does not give back its parent's lock, and the parent's goes with the parent's block", () => {
  using file = temporary();
  const [gate, key] = pipe();
  const held = file.lock.lockSync();
  const status = new WaitStatus();
  waitpid(
    fork(() => {
      held[Symbol.dispose]();
      return file.lock.tryLock() === null ? 3 : 4;
    }),
    status,
  );
  assertEquals(status.exitStatus, 3);
  assertEquals(file.lock.tryLock(), null);
  // a child that lives on has a copy of the descriptor
  const child = fork(() => {
    close(key);
    read(gate, new Uint8Array(1));
  });
  held[Symbol.dispose]();
  {
    using now = file.lock.tryLock();
    assert(now !== null);
  }
  close(gate);
  close(key);
  waitpid(child);
});

Deno.test("FileLock is in the way of fcntl()'s locks, and they of its", async () => {
  using file = temporary();
  const fd = open(file.path, O_RDWR);
  {
    using _held = await file.lock.lock();
    fails("EAGAIN", () => fcntl(fd, F_SETLK, new struct_flock(F_WRLCK, 0, 5, 1)));
  }
  fcntl(fd, F_SETLK, new struct_flock(F_WRLCK, 0, 5, 1));
  assertEquals(file.lock.tryLock(), null);
  fcntl(fd, F_SETLK, new struct_flock(F_UNLCK));
  close(fd);
});

Deno.test("FileLock.lock() is traced as an fcntl that waits, and comes back", async () => {
  using file = temporary();
  const events: TraceEvent[] = [];
  const held = file.lock.lockSync();
  {
    using _tracing = trace((event) => events.push(event));
    const waiting = file.lock.lock();
    await moment();
    held[Symbol.dispose]();
    (await waiting)[Symbol.dispose]();
  }
  const commands = events.flatMap((event) => {
    if (event.ev !== "exit" && event.ev !== "enter" || event.call !== "fcntl") return [];
    const [name] = (event.args.cmd as { names: string[] }).names;
    return name === "F_OFD_SETLKW" ? [`${event.ev} ${event.ev === "exit" ? event.result : event.waits}`] : [];
  });
  assertEquals(commands, ["enter true", "exit 0"]);
});

Deno.test("FileLock fails with the kernel's reason, and with EINVAL on wrong arguments", async () => {
  using file = temporary();
  fails("ENOENT", () => FileLock.open(`${file.path}.none`));
  fails("ENOTDIR", () => FileLock.create(`${file.path}/none`));
  fails("EISDIR", () => FileLock.create("/"));
  for (const path of [null, undefined, 5, {}, "a\0b"]) {
    fails("EINVAL", () => FileLock.create(any(path)));
    fails("EINVAL", () => FileLock.open(any(path)));
  }
  for (const mode of [...NOT_INTEGERS, -1, 0o1000]) {
    fails("EINVAL", () => FileLock.create(`${file.path}.none`, { mode: any(mode) }));
  }
  for (const timeout of [-1, NaN, "1", {}, null]) fails("EINVAL", () => file.lock.lockSync({ timeout: any(timeout) }));
  for (const options of [5, "x", null, { signals: 1 }, { signal: 1 }, { signal: {} }]) {
    await rejects("EINVAL", file.lock.lock(any(options)));
  }
  fails("EINVAL", () => file.lock.tryLock(any({ timeout: 5 })));
  fails("EINVAL", () => file.lock.lockSync(any({ signal: AbortSignal.timeout(1) })));
  Deno.removeSync(file.path);
  fails("ENOENT", () => file.lock.tryLock());
  await rejects("ENOENT", file.lock.lock());
});
