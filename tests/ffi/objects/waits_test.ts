import { assert, assertEquals } from "@std/assert";
import {
  IPC_CREAT,
  IPC_RMID,
  MessageQueue,
  SemaphoreSet,
  sembuf,
  semctl,
  semget,
  SETALL,
  trace,
  type TraceEvent,
} from "../../../mod.ts";
import { freshKey, moment } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { FFI, file, machine, mod, Program, rejects, run, runSource, until } from "../../support.ts";

const FLAG = "--v8-flags=--single-threaded";
const ok = { code: 0, signal: null, stderr: "" };

const threads = () => [...Deno.readDirSync("/proc/self/task")].length;

/** How often threads of this process that wait in a queue or set have given up the processor. */
function wakeUps(): number {
  let sum = 0;
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    try {
      const call = Deno.readTextFileSync(`/proc/self/task/${name}/syscall`).split(" ")[0];
      if (!WAITING.includes(call)) continue;
      sum += Number(
        /^voluntary_ctxt_switches:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/self/task/${name}/status`))![1],
      );
    } catch { /* it has ended */ }
  }
  return sum;
}
const WAITING = machine === "aarch64" ? ["188", "192", "193"] : ["65", "70", "220"];

/** Starts a program with the library, that prints "ready". */
async function peer(source: string, id: number): Promise<Program> {
  using text = file(source);
  const program = new Program(Deno.execPath(), [...FFI, text.path, String(id)]);
  await program.until("ready");
  return program;
}

Deno.test("a waiter gets its turns beside a holder that takes again at once", async () => {
  using set = SemaphoreSet.create([1, 0]);
  const TURNS = 200;
  // the first wait takes longer than all the others
  set.acquireSync(0);
  const first = set.acquire(0);
  set.release(0);
  await first;
  set.release(0);
  await using _holder = await peer(
    `import { sembuf, semop, usleep } from "@mod";
     const id = Number(Deno.args[0]), P = new sembuf([0, -1]), V = new sembuf([0, 1]);
     console.log("ready");
     for (let i = 0; i < ${TURNS}; i++) { semop(id, P); usleep(1000); semop(id, V); }
     semop(id, new sembuf([1, 1]));`,
    set.id,
  );
  let turns = 0;
  while (!set.tryAcquire(1)) {
    await set.acquire(0);
    turns++;
    set.release(0);
  }
  assert(turns >= TURNS / 10, `${turns} turns beside ${TURNS}`);
});

Deno.test("a receiver gets its messages beside one that blocks in msgrcv", async () => {
  using queue = MessageQueue.create();
  const MESSAGES = 300;
  await using other = await peer(
    `import { MessageQueue } from "@mod";
     const queue = MessageQueue.fromId(Number(Deno.args[0]));
     console.log("ready");
     let got = 0;
     while (queue.receiveSync().text !== "end") got++;
     console.log("got", got);`,
    queue.id,
  );
  const abort = new AbortController();
  let mine = 0;
  const receiving = (async () => {
    for (;; mine++) await queue.receive(abort);
  })().catch(() => {});
  for (let i = 0; i < MESSAGES; i++) {
    queue.sendSync("x");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until(() => queue.messageCount === 0, "all is received");
  abort.abort();
  await receiving;
  queue.sendSync("end");
  const { stdout } = await other.end();
  const got = Number(/got (\d+)/.exec(stdout)![1]);
  assertEquals(mine + got, MESSAGES, "nothing is lost");
  assert(mine >= MESSAGES / 10, `${mine} of ${MESSAGES}`);
});

Deno.test("timers get their turn while answers come within a moment", async () => {
  using queue = MessageQueue.create();
  await using _other = await peer(
    `import { MessageQueue } from "@mod";
     const queue = MessageQueue.fromId(Number(Deno.args[0]));
     console.log("ready");
     for (;;) {
       queue.receiveSync({ type: 1 });
       queue.sendSync("answer", { type: 2 });
     }`,
    queue.id,
  );
  let turns = 0, rounds = 0;
  const timer = setInterval(() => turns++, 1);
  while (turns < 10 && rounds < 1_000_000) {
    await queue.send("question");
    await queue.receive({ type: 2 });
    rounds++;
  }
  clearInterval(timer);
  assert(turns >= 10, `${turns} turns in ${rounds} rounds`); // one await may let several pass
});

Deno.test("a wait that is aborted at any moment loses no message and takes no semaphore", async () => {
  using queue = MessageQueue.create();
  using set = SemaphoreSet.create([0]);
  let sent = 0, received = 0, given = 0, taken = 0;
  for (let round = 0; round < 60; round++) {
    const abort = new AbortController();
    const outcomes = Promise.allSettled([queue.receive(abort), set.acquire(0, abort)]);
    const actions = [() => abort.abort(), () => (queue.sendSync(`${sent++}`), set.release(0), given++)];
    if (round % 2) actions.reverse();
    for (const action of actions) {
      // at once, after microtasks, and when the other threads have begun
      if (round % 3 === 1) await undefined;
      if (round % 3 === 2) await new Promise((resolve) => setTimeout(resolve, round % 5));
      action();
    }
    const [message, semaphore] = await outcomes;
    if (message.status === "fulfilled") received++;
    if (semaphore.status === "fulfilled") taken++;
  }
  assertEquals([received + queue.messageCount, taken + set.getValue(0)], [sent, given]);
  assert(received > 0 && received < sent, `${received} of ${sent}: both happen`);
});

Deno.test("a wait that a trace's listener aborts while it begins on another thread takes nothing", async () => {
  using queue = MessageQueue.create();
  using set = SemaphoreSet.create([0]);
  for (const call of ["msgrcv", "semop"]) {
    const abort = new AbortController();
    let begun = 0;
    const receiving = call === "msgrcv";
    let waiting: Promise<unknown>;
    {
      // the first is the attempt, the second the call that blocks
      using _tracing = trace((event) => {
        if (event.ev === "enter" && event.call === call && ++begun === 2) abort.abort("enough");
      });
      waiting = (receiving ? queue.receive(abort) : set.acquire(0, abort)).catch(String);
      await moment();
    }
    if (receiving) queue.sendSync("x");
    else set.release(0);
    assertEquals(await waiting, "enough");
    await moment();
  }
  assertEquals([queue.messageCount, set.getValue(0)], [1, 1]);
});

Deno.test("500 who wait for the same thing share one thread, which sleeps", async () => {
  using queue = MessageQueue.create();
  using set = SemaphoreSet.create([0]);
  const before = threads();
  const abort = new AbortController();
  const waiting = Array.from({ length: 500 }, (_, i) => i % 2 ? queue.receive(abort) : set.acquire(0, abort));
  await until(() => set.getWaitingForIncrease(0) === 1, "one blocks in the kernel");
  assert(threads() <= before + 4, `${threads()} threads, and ${before} before`);
  const events: TraceEvent[] = [];
  {
    const awake = wakeUps();
    using _tracing = trace((event) => events.push(event));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assertEquals([events, wakeUps() - awake], [[], 0]);
  }
  for (let i = 0; i < 3; i++) {
    queue.sendSync(`${i}`);
    set.release(0);
  }
  const firsts = await Promise.all(waiting.slice(0, 6));
  assertEquals(firsts.map((message) => message?.text), [undefined, "0", undefined, "1", undefined, "2"]);
  abort.abort("enough");
  const rest = await Promise.allSettled(waiting.slice(6));
  assertEquals(new Set(rest.map((outcome) => outcome.status === "rejected" && outcome.reason)), new Set(["enough"]));
  assertEquals([set.getWaitingForIncrease(0), set.getValue(0)], [0, 0]);
});

Deno.test("500 who wait for 500 things sleep, and are served and called off one by one", async () => {
  using queue = MessageQueue.create();
  using set = SemaphoreSet.create(250);
  const abort = new AbortController();
  const messages = Array.from({ length: 250 }, (_, n) => queue.receive({ type: n + 1, signal: abort.signal }));
  const semaphores = Array.from({ length: 250 }, (_, n) => set.acquire(n, abort));
  const blocked = () => set.getWaitingForIncrease(0) + set.getWaitingForIncrease(249);
  await until(() => blocked() === 2, "all block in the kernel");
  const awake = wakeUps();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assertEquals(wakeUps() - awake, 0);
  await Deno.stat("/"); // Deno's own work has threads left
  for (const n of [249, 0, 120, 20, 1, 248]) {
    queue.sendSync(`${n}`, { type: n + 1 });
    set.release(n);
    assertEquals([(await messages[n]).text, await semaphores[n]], [`${n}`, undefined]);
  }
  abort.abort();
  queue.sendSync("too late", { type: 3 });
  set.release(200);
  const outcomes = await Promise.allSettled<unknown>([...messages, ...semaphores]);
  assertEquals(outcomes.filter(({ status }) => status === "fulfilled").length, 12);
  assertEquals([queue.messageCount, set.getValue(200), blocked()], [1, 1, 0]);
});

Deno.test("who waits beyond all threads is served, too", async () => {
  const THREADS = 1000, ALL = 1100;
  using set = SemaphoreSet.create(ALL);
  const before = threads();
  const abort = new AbortController();
  const waiting = Array.from({ length: ALL }, (_, n) => set.acquire(n, abort));
  await until(() => set.getWaitingForIncrease(THREADS - 1) === 1, "as many block as may");
  assert(threads() <= before + THREADS + 1, `${threads()} threads, and ${before} before`);
  assertEquals(set.getWaitingForIncrease(ALL - 1), 0);
  // those with a thread and those without, and those that get one when it is free
  for (const n of [ALL - 1, 0, THREADS, 500, THREADS + 1, 1, ALL - 2]) {
    set.release(n);
    await waiting[n];
  }
  abort.abort();
  const outcomes = await Promise.allSettled(waiting);
  assertEquals(outcomes.filter(({ status }) => status === "fulfilled").length, 7);
  assertEquals(set.values, Array(ALL).fill(0));
});

Deno.test("a wait on a thread of its own fails as any other", async () => {
  using set = SemaphoreSet.create(20);
  const others = Array.from({ length: 20 }, (_, n) => set.acquire(n).catch((error) => error.code));
  const queue = MessageQueue.create();
  const waiting = [queue.receive({ type: 5 }), queue.receive({ type: 6, except: true }), queue.receive({ type: -3 })];
  await until(() => set.getWaitingForIncrease(19) === 1, "they block");
  await moment();
  queue.sendSync("x".repeat(8000), { type: 5 });
  assertEquals((await Promise.any(waiting)).text.length, 8000);
  const events: TraceEvent[] = [];
  {
    using _tracing = trace((event) => events.push(event));
    const last = queue.receive({ type: 7 });
    await moment();
    queue.remove();
    await rejects("EIDRM", last);
  }
  assert(events.some((event) => event.ev === "exit" && event.call === "msgrcv" && event.errno === "EIDRM"));
  const rest = await Promise.allSettled(waiting);
  assertEquals(rest.filter(({ status }) => status === "rejected").length, 2);
  set.remove();
  assertEquals(await Promise.all(others), Array(20).fill("EIDRM"));
});

Deno.test("fork() with waits pending leaves them to the parent", async () => {
  const ended = await runSource(
    `import { fork, MessageQueue, SemaphoreSet, waitpid, WaitStatus } from "@mod";
     using queue = MessageQueue.create();
     using set = SemaphoreSet.create([0]);
     const abort = new AbortController();
     const waits = [queue.receive(), set.acquire(0), queue.receive({ type: 5, signal: abort.signal })];
     await new Promise((resolve) => setTimeout(resolve, 20));
     for (let i = 0; i < 20; i++) {
       const pid = fork(() => {
         abort.abort(); // calls off nothing of the parent's
         return queue.tryReceive() === null && !set.tryAcquire(0) ? 0 : 1;
       });
       const wstatus = new WaitStatus();
       waitpid(pid, wstatus);
       if (wstatus.raw !== 0) console.log(String(wstatus));
     }
     const pid = fork(() => {
       queue.sendSync("from the child");
       set.release(0);
     });
     console.log((await waits[0]).text, await waits[1]);
     waitpid(pid);
     abort.abort("parent");
     console.log(await waits[2].catch(String), queue.messageCount, set.values);`,
    [],
    { flags: [FLAG] },
  );
  assertEquals(ended, { ...ok, stdout: "from the child undefined\nparent 0 [ 0 ]\n" });
});

for (
  const [how, code, end] of [
    ["by Deno.exit()", 7, "Deno.exit(7);"],
    ["by an error", 1, "throw new Error('on purpose');"],
  ] as const
) {
  Deno.test(`a program can end ${how} with waits pending`, async () => {
    using queue = MessageQueue.create();
    using set = SemaphoreSet.create([0]);
    const ended = await runSource(
      `import { MessageQueue, SemaphoreSet } from "@mod";
       const queue = MessageQueue.fromId(${queue.id}), set = SemaphoreSet.fromId(${set.id});
       queue.receive(); set.acquire(0); set.waitZero(0);
       await new Promise((resolve) => setTimeout(resolve, 20));
       ${end}`,
    );
    assertEquals([ended.code, ended.signal], [code, null]);
  });
}

Deno.test("a wait that a test leaves takes nothing from the next files, and these need no signals of their own", async () => {
  using queue = MessageQueue.create();
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const test = (source: string) =>
      `import { MessageQueue } from ${JSON.stringify(mod)};
       Deno.test("waits", async () => {
         const queue = MessageQueue.fromId(${queue.id});
         ${source}
         await new Promise((resolve) => setTimeout(resolve, 50));
         const [, handled] = /SigCgt:\\s+(\\w+)/.exec(Deno.readTextFileSync("/proc/self/status"));
         let ours = 0;
         for (let sig = 34n; sig <= 64n; sig++) if (BigInt("0x" + handled) >> sig - 1n & 1n) ours++;
         console.log(queue.messageCount, ours);
       });`;
    Deno.writeTextFileSync(
      `${directory}/a_test.ts`,
      test("for (let type = 1; type <= 100; type++) queue.receive({ type });"),
    );
    Deno.writeTextFileSync(
      `${directory}/b_test.ts`,
      test(`const others = queue.receive({ type: 101 });
            for (let type = 1; type <= 101; type++) queue.sendSync("x".repeat(64), { type });
            await others;`),
    );
    const ended = await run(Deno.execPath(), ["test", "--allow-all", "--no-check", directory]);
    assertEquals([ended.code, ended.signal, ended.stdout.match(/^\d+ \d+$/gm)], [0, null, ["0 1", "100 1"]]);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

const FALLBACK =
  `import { Channel, Condition, MessageQueue, Mutex, PosixSemaphore, SemaphoreSet, SharedMemory } from "@mod";
  using queue = MessageQueue.create();
  using set = SemaphoreSet.create([0]);
  using memory = SharedMemory.create(256 + Channel.size(1024));
  const mutex = Mutex.create(memory), condition = Condition.create(memory, 64);
  const semaphore = PosixSemaphore.at(memory, 128, { value: 0 });
  using channel = Channel.create(memory, { offset: 256 });
  const abort = new AbortController();
  const text = (bytes) => new TextDecoder().decode(bytes);
  const lock = await mutex.lock();
  const waits = [
    queue.receive(), set.acquire(0), semaphore.wait(), channel.receive(), condition.wait(lock),
    (async () => (await mutex.lock()).unlock())(),
  ];
  const others = [
    queue.receive(abort), set.acquire(0, abort), semaphore.wait(abort), channel.receive(abort),
  ].map((wait) => wait.catch(String));
  await new Promise((resolve) => setTimeout(resolve, 20));
  console.log("blocked", set.getWaitingForIncrease(0));
  queue.sendSync("late");
  set.release(0);
  semaphore.post();
  channel.sendSync("late");
  condition.notify();
  const [message, , , bytes] = await Promise.all(waits);
  console.log(message.text, text(bytes), lock.held);
  lock.unlock();
  abort.abort("enough");
  console.log(...await Promise.all(others), set.values, semaphore.value);`;
const OUTCOME = (blocked: number) => `blocked ${blocked}\nlate late true\nenough enough enough enough [ 0 ] 0\n`;

needs("root", "unshare")("waits need no /proc", async () => {
  using program = file(FALLBACK);
  const command = [Deno.execPath(), ...FFI, program.path];
  const script = 'mount -t tmpfs none /proc && exec "$@"';
  const ended = await run("unshare", ["--mount", "sh", "-c", script, "sh", ...command]);
  assertEquals(ended, { ...ok, stdout: OUTCOME(1) });
});

needs("python3")("waits where all signals are blocked try again and again", async () => {
  using program = file(FALLBACK);
  const script =
    "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, range(34, 65)); os.execv(sys.argv[1], sys.argv[1:])";
  const ended = await run("python3", ["-c", script, Deno.execPath(), ...FFI, program.path]);
  assertEquals(ended, { ...ok, stdout: OUTCOME(0) });
});

Deno.test("waits in a Worker try again and again: no thread stays behind when it is ended", async () => {
  using queue = MessageQueue.create();
  using set = SemaphoreSet.create([0]);
  const before = threads();
  const source = `import { MessageQueue, SemaphoreSet } from ${JSON.stringify(mod)};
    const waits = [MessageQueue.fromId(${queue.id}).receive(), SemaphoreSet.fromId(${set.id}).acquire(0)];
    postMessage("waiting");
    postMessage((await waits[0]).text);`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
  const next = () => new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  assertEquals(await next(), "waiting");
  queue.sendSync("to a worker");
  assertEquals(await next(), "to a worker");
  assertEquals(set.getWaitingForIncrease(0), 0);
  worker.terminate();
  await until(() => threads() <= before, "its threads are gone");
  set.release(0);
  await moment();
  assertEquals(set.getValue(0), 1, "nobody takes it");
});

Deno.test("a signal that the program has taken for itself is left alone", async () => {
  // the one that is taken first, with a handler that the program's parent cannot have set
  const ended = await runSource(
    `import { SemaphoreSet } from "@mod";
     using set = SemaphoreSet.create([0, 0]);
     const first = new AbortController(), second = new AbortController();
     const a = set.acquire(0, first).catch(String);
     await new Promise((resolve) => setTimeout(resolve, 20));
     first.abort("first");
     console.log(await a);
     const { symbols } = Deno.dlopen("libc.so.6", {
       signal: { parameters: ["i32", "usize"], result: "pointer" },
     });
     symbols.signal(62, 1n); // SIG_IGN
     const b = set.acquire(1, second).catch(String);
     await new Promise((resolve) => setTimeout(resolve, 20));
     second.abort("second");
     console.log(await b, Deno.UnsafePointer.value(symbols.signal(62, 1n)));`,
  );
  assertEquals(ended, { ...ok, stdout: "first\nsecond 1n\n" });
});

for (const all of [false, true]) {
  Deno.test(`a wait is called off, or waits, when the program takes ${all ? "all signals" : "the signal"} for itself`, async () => {
    const ended = await runSource(
      `import { SemaphoreSet } from "@mod";
       using set = SemaphoreSet.create([0]);
       const abort = new AbortController();
       const waiting = set.acquire(0, abort).catch(String);
       await new Promise((resolve) => setTimeout(resolve, 20));
       const { symbols } = Deno.dlopen("libc.so.6", { signal: { parameters: ["i32", "usize"], result: "pointer" } });
       for (let sig = ${all ? 34 : 62}; sig <= 64; sig++) symbols.signal(sig, 1n); // SIG_IGN
       abort.abort("called off");
       await new Promise((resolve) => setTimeout(resolve, 20));
       for (let sig = 34; sig <= 64; sig++) symbols.signal(sig, 0n);
       console.log(await waiting, set.values);`,
    );
    assertEquals(ended, { ...ok, stdout: "called off [ 0 ]\n" });
  });
}

needs("root")("waits are called off once the program has dropped its rights", async () => {
  using made = SemaphoreSet.create([0, 0], { mode: 0o666 }); // who has dropped its rights could not remove it
  const ended = await runSource(
    `import { SemaphoreSet } from "@mod";
     const set = SemaphoreSet.fromId(${made.id});
     const abort = new AbortController();
     const waiting = async (...all) => {
       while (!all.every((n) => set.getWaitingForIncrease(n) === 1)) await new Promise((done) => setTimeout(done, 20));
     };
     const before = set.acquire(0, abort).catch(String);
     const { symbols } = Deno.dlopen("libc.so.6", { setuid: { parameters: ["u32"], result: "i32" } });
     await waiting(0);
     if (symbols.setuid(54321) !== 0) throw new Error("setuid");
     const after = set.acquire(1, abort).catch(String);
     await waiting(0, 1); // that it got other rights has woken the first
     abort.abort("called off");
     console.log(await before, await after);`,
  );
  assertEquals(ended, { ...ok, stdout: "called off called off\n" });
});

Deno.test("waits are called off when no descriptor is left, and when Deno's threads are taken", async () => {
  const ended = await runSource(
    `import { close, open, SemaphoreSet } from "@mod";
       using set = SemaphoreSet.create(40);
       const abort = new AbortController();
       const waits = Array.from({ length: 40 }, (_, n) => set.acquire(n, abort).catch(String));
       await new Promise((resolve) => setTimeout(resolve, 50));
       const { symbols } = Deno.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32", nonblocking: true } });
       for (let i = 0; i < 40; i++) symbols.usleep(500_000); // all of Deno's threads and more
       const files = [];
       try { for (;;) files.push(open("/dev/null", 0)); } catch { /* EMFILE */ }
       abort.abort("called off");
       const outcomes = new Set(await Promise.all(waits));
       files.forEach(close); // Deno itself can do little without
       console.log(outcomes);`,
  );
  assertEquals(ended, { ...ok, stdout: 'Set(1) { "called off" }\n' });
});

Deno.test("waits of several programs are all served by the kernel, and it shows them", async () => {
  using set = SemaphoreSet.create([0, 1]);
  const one = set.acquire(0, { by: 2 }), zero = set.waitZero(1);
  const both = set.op(new sembuf([0, -1], [1, 0]));
  await until(() => set.getWaitingForIncrease(0) === 2 && set.getWaitingForZero(1) === 1, "they block");
  set.acquireSync(1);
  await zero;
  set.release(0, { by: 3 });
  await Promise.all([one, both]);
  assertEquals(set.values, [0, 0]);
});

Deno.test("SemaphoreSet.open() and openSync() take a set whose semaphores have been set, at once", async () => {
  const key = freshKey();
  const id = semget(key, 3, IPC_CREAT | 0o600);
  try {
    semctl(id, 0, SETALL, new Uint16Array([1, 0, 2]));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    assertEquals((await SemaphoreSet.open(key)).values, [1, 0, 2]);
    clearInterval(timer);
    assertEquals(SemaphoreSet.openSync(key).values, [1, 0, 2]);
    assertEquals(turns, 0);
  } finally {
    semctl(id, 0, IPC_RMID);
  }
});

needs("perl")("SemaphoreSet.open() leaves the program running while it waits for the maker", async () => {
  const key = freshKey();
  const code = `$id = semget($ARGV[0], 2, 03600); $| = 1; print "made\\n"; <STDIN>;
    semctl($id, 0, 16, 4); select undef, undef, undef, 0.03; semctl($id, 1, 16, 5); sleep 60`;
  await using maker = new Program("perl", ["-e", code, String(key)], { stdin: "open" });
  await maker.until("made");
  const id = semget(key, 0, 0);
  try {
    const opening = SemaphoreSet.open(key);
    const aborted = SemaphoreSet.open(key, { signal: AbortSignal.timeout(5) }).catch((error) => error.name);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    assertEquals(await aborted, "TimeoutError");
    await maker.type("\n");
    assertEquals((await opening).values, [4, 5]);
    clearInterval(timer);
    assert(turns > 0, "others have run meanwhile");
  } finally {
    semctl(id, 0, IPC_RMID);
  }
});
