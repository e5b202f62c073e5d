// What is killed, removed or full at a bad moment: those who wait are told, and nothing is left.
import { assert, assertEquals } from "@std/assert";
import { MessageQueue } from "../../ffi/objects/message_queue.ts";
import { SemaphoreSet } from "../../ffi/objects/semaphore_set.ts";
import { free } from "../_peers.ts";
import { needs } from "../needs.ts";
import { objects, process, Program, rejects, root, runSource, until } from "../support.ts";

const long = Deno.args.includes("--long");
const moment = () => new Promise((resolve) => setTimeout(resolve, 5));

/** What the functions do in forked children, whose fates are printed. */
const HEAD = `
import * as c from "@mod";
c.enableFork();
const id = c.msgget(c.IPC_PRIVATE, 0o600);
const wstat = new c.WaitStatus();
const buf = new c.msgbuf(8000);
buf.mtype = 1;
const caught = (action) => { try { return action() ?? "done"; } catch (error) { return error.code; } };
const sleeps = (pid) => {
  // in its system call: the state is the first letter behind the name
  const fd = c.open("/proc/" + pid + "/stat", c.O_RDONLY);
  const line = new Uint8Array(200);
  c.read(fd, line);
  c.close(fd);
  return / S /.test(c.cstr(line));
};
const asleep = (pid) => { for (let quiet = 0; quiet < 20; quiet = sleeps(pid) ? quiet + 1 : 0) c.usleep(1000); };
const end = (pid) => { c.waitpid(pid, wstat); return String(wstat); };
`;

Deno.test("a full queue makes msgsnd() wait, or fail with EAGAIN, until it is drained", async () => {
  const ended = await runSource(`${HEAD}
    try {
      let sent = 0;
      let code;
      while ((code = caught(() => c.msgsnd(id, buf, 4000, c.IPC_NOWAIT))) === "done") sent++;
      const child = c.fork(() => c.msgsnd(id, buf, 4000, 0));
      asleep(child);
      console.log(code, sent > 0, c.waitpid(child, wstat, c.WNOHANG));
      console.log(c.msgrcv(id, buf, 8000, 0, 0), end(child));
      let left = 0;
      while (caught(() => c.msgrcv(id, buf, 8000, 0, c.IPC_NOWAIT)) === 4000) left++;
      console.log(left === sent);
      console.log(caught(() => c.msgsnd(id, buf, 4000, c.IPC_NOWAIT)));
    } finally {
      c.msgctl(id, c.IPC_RMID);
    }`);
  assertEquals(ended, {
    code: 0,
    signal: null,
    stdout: "EAGAIN true 0\n4000 exited with 0\ntrue\ndone\n",
    stderr: "",
  });
});

Deno.test("a queue that is removed ends every wait for it with EIDRM", async () => {
  const ended = await runSource(`${HEAD}
    try {
      while (caught(() => c.msgsnd(id, buf, 8000, c.IPC_NOWAIT)) === "done");
      const said = (action) => () => { console.log(caught(action)); return 3; };
      const sender = c.fork(said(() => c.msgsnd(id, buf, 8000, 0)));
      const receiver = c.fork(said(() => c.msgrcv(id, buf, 8000, 7, 0)));
      asleep(sender);
      asleep(receiver);
      c.msgctl(id, c.IPC_RMID);
      console.log(end(sender), end(receiver));
    } finally {
      caught(() => c.msgctl(id, c.IPC_RMID));
    }`);
  assertEquals(ended, {
    code: 0,
    signal: null,
    stdout: "EIDRM\nEIDRM\nexited with 3 exited with 3\n",
    stderr: "",
  });
});

Deno.test("MessageQueue: a full queue makes send() wait until it is drained, and removing it ends all waits", async () => {
  using queue = MessageQueue.create();
  const data = new Uint8Array(4000);
  let sent = 0;
  while (queue.trySend(data)) sent++;
  let done = false;
  const waiting = queue.send(new Uint8Array(4000).fill(1)).then(() => done = true);
  await moment();
  assertEquals(done, false);
  queue.tryReceive();
  await waiting;
  for (let i = 1; i < sent; i++) assertEquals(queue.receiveSync().data[0], 0);
  assertEquals((await queue.receive()).data[0], 1);
  while (queue.trySend(data));
  const waits = [queue.send(data), queue.send(data), queue.receive({ type: 7 }), queue.receive({ type: 8 })];
  queue.remove();
  await Promise.all(waits.map((wait) => rejects("EIDRM", wait)));
});

Deno.test("a message above the limit is refused, and leaves the queue as it was", async () => {
  const limit = Number(Deno.readTextFileSync("/proc/sys/kernel/msgmax"));
  using queue = MessageQueue.create();
  queue.sendSync("before");
  const large = new Uint8Array(limit + 1);
  await rejects("EINVAL", queue.send(large));
  assertEquals([queue.messageCount, queue.byteCount], [1, 6]);
});

Deno.test("SEM_UNDO gives back what a process held that is killed", async () => {
  using set = SemaphoreSet.create([5, 1]);
  await using program = runningWith(
    `
    import { semop, sembuf, SEM_UNDO, usleep } from "@mod";
    const id = Number(Deno.args[0]);
    for (let i = 0; i < 3; i++) semop(id, new sembuf([0, -1, SEM_UNDO]));
    semop(id, new sembuf([1, -1, SEM_UNDO]));
    console.log("held");
    usleep(60_000_000);`,
    set.id,
  );
  await program.until("held");
  assertEquals(set.values, [2, 0]);
  const waiting = set.acquire(1);
  program.kill("SIGKILL");
  await waiting;
  assertEquals(set.values, [5, 0]);
});

/** Starts a program that imports from `"@mod"`. */
function runningWith(source: string, ...args: (string | number)[]): Program {
  const code = source.replaceAll('"@mod"', JSON.stringify(`file://${root}mod.ts`));
  return new Program(Deno.execPath(), ["eval", code, "--", ...args.map(String)]);
}

Deno.test("a process that is killed while it waits in a queue or a set leaves them usable", async () => {
  using queue = MessageQueue.create();
  using set = SemaphoreSet.create([0]);
  for (const call of ["msgrcv(queue, new msgbuf(9), 9, 0, 0)", "semop(set, new sembuf([0, -1]))"]) {
    await using program = runningWith(
      `import { msgbuf, msgrcv, sembuf, semop } from "@mod";
       const [queue, set] = Deno.args.map(Number);
       console.log("ready");
       ${call};`,
      queue.id,
      set.id,
    );
    await program.until("ready");
    program.kill("SIGKILL");
    await until(() => process(program.pid) === undefined, "it is gone");
  }
  queue.sendSync("still there");
  set.release(0);
  assertEquals([queue.receiveSync().text, set.tryAcquire(0)], ["still there", true]);
  assertEquals(set.getWaitingForIncrease(0), 0);
});

// ---------------------------------------------------------------------------------------------------------------

const runs = long ? 20 : 2;

/** The keys of the slides' objects that are there. */
function slides(): string[] {
  const keys: Record<string, number> = { shm: 5678, msg: 1234 };
  return (["shm", "msg"] as const).filter((kind) => objects(kind).some(({ key }) => key === keys[kind]));
}

/** Scripts of this checkout that run. */
function scripts(): string[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).flatMap(({ name }) => {
    try {
      const command = Deno.readTextFileSync(`/proc/${name}/cmdline`);
      return command.includes(`${root}scripts/`) && !command.includes("/tools/") && process(Number(name))?.state !== "Z"
        ? [`${name} ${command.replaceAll("\0", " ")}`]
        : [];
    } catch {
      return []; // it has just ended
    }
  });
}

function demos(...names: string[]): Program {
  return new Program(Deno.execPath(), ["run", "--allow-all", `${root}scripts/tools/demos/demos.ts`, ...names], {
    cwd: root,
  });
}

needs(free("msg", 1234))(
  "demos message: a queue that nobody has used may be that of somebody who waits, and is left alone",
  async () => {
    using queue = MessageQueue.create({ key: 1234, mode: 0o666 });
    // who looks from time to time, as here, leaves no trace there
    const looking = setInterval(() => queue.tryReceive(), 5);
    await using next = demos("message");
    const { code, stdout } = await next.end(60_000);
    assertEquals(code, 1, stdout);
    assert(stdout.replace(/\s+/g, " ").includes(`deno task ipc rm q:${queue.id} frees it`), stdout);
    clearInterval(looking);
    assertEquals(queue.messageCount, 0); // it is still there
  },
);

const unused = { ...free("shm", 5678), ...free("msg", 1234) };

for (const names of [["shm"], ["message"], ["sigchld"]]) {
  needs(unused)(
    `demos ${names.join(" ")}: after a kill at any moment the next run works at once and leaves nothing`,
    async () => {
      const start = performance.now();
      {
        await using whole = demos(...names);
        assertEquals((await whole.end(60_000)).code, 0, whole.stdout + whole.stderr);
      }
      const duration = performance.now() - start;
      const [objectsBefore, before] = [slides(), scripts()];
      for (let i = 0; i < runs; i++) {
        // some moment of the whole run
        const after = Math.random() * duration;
        {
          await using killed = demos(...names);
          await new Promise((resolve) => setTimeout(resolve, after));
          killed.kill("SIGKILL");
        }
        await using next = demos(...names);
        const { code, stdout, stderr } = await next.end(60_000);
        assertEquals(code, 0, `killed after ${after} ms: ${stdout}${stderr}`);
        assertEquals(slides(), objectsBefore);
        const left = () => scripts().filter((line) => !before.includes(line));
        await until(() => left().length === 0, `no script is left: ${left().join("; ")}`);
      }
    },
  );
}
