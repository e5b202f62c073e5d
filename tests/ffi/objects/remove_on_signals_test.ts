import { assertEquals } from "@std/assert";
import { exists, freshName, removed } from "../../_mqueue.ts";
import { freshKey } from "../../_peers.ts";
import { IPC_RMID, PosixMessageQueue, semctl } from "../../../mod.ts";
import { needs, UNSHARE_IPC } from "../../needs.ts";
import { type Ended, FFI, file, mod, objects, process, Program, run, runSource, until } from "../../support.ts";

/** Runs a program until it is ready, does something to it, and waits for its end. */
async function ended(
  source: string,
  args: (string | number)[],
  when: (program: Program) => void | Promise<void>,
  flags: string[] = [],
): Promise<Ended> {
  using program = file(source);
  await using running = new Program(Deno.execPath(), [
    ...FFI,
    "--v8-flags=--single-threaded",
    ...flags,
    program.path,
    ...args.map(String),
  ]);
  await running.until("ready");
  await when(running);
  return await running.end();
}

function left(key: number): string[] {
  return (["shm", "msg", "sem"] as const).filter((kind) => objects(kind).some((object) => object.key === key));
}

Deno.test("removeOnSignals() removes everything on Ctrl-C, SIGTERM and SIGHUP, and the program ends by that", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    for (const sig of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const key = freshKey();
      const { signal, stderr } = await ended(
        `import { MessageQueue, removeOnSignals, SemaphoreSet, SharedMemory, Socket } from "@mod";
         removeOnSignals();
         removeOnSignals(); // twice is fine
         const key = Number(Deno.args[0]);
         using segment = SharedMemory.create(10, { key });
         using queue = MessageQueue.create({ key });
         using set = SemaphoreSet.create([0], { key });
         using found = MessageQueue.fromId(queue.id);
         using listener = Socket.listen(Deno.args[1] + "/socket");
         using socket = Socket.bind(Deno.args[1] + "/datagrams");
         SharedMemory.create(10)[Symbol.dispose]();
         console.log("ready");
         await queue.receive();`,
        [key, directory],
        (program) => {
          assertEquals(left(key), ["shm", "msg", "sem"]);
          assertEquals([...Deno.readDirSync(directory)].length, 2);
          program.kill(sig);
        },
      );
      assertEquals([signal, stderr, left(key), [...Deno.readDirSync(directory)]], [sig, "", [], []]);
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("removeOnSignals() leaves what others made, and what this program only found", async () => {
  const key = freshKey();
  const made = await ended(
    `import { enableFork, fork, MessageQueue, removeOnSignals, sleep, wait } from "@mod";
     enableFork();
     removeOnSignals();
     const key = Number(Deno.args[0]);
     using queue = MessageQueue.create({ key });
     const child = fork(() => {
       console.log("ready");
       sleep(60);
     });
     console.log("child", child);
     wait();
     console.log("reaped");
     await queue.receive();`,
    [key],
    async (program) => {
      await program.until("child ");
      const child = Number(/child (\d+)/.exec(program.stdout)![1]);
      Deno.kill(child, "SIGINT");
      await program.until("reaped");
      assertEquals(process(child), undefined);
      assertEquals(left(key), ["msg"], "the child's end leaves the parent's queue alone");
      const other = await ended(
        `import { MessageQueue, removeOnSignals } from "@mod";
         removeOnSignals();
         using queue = MessageQueue.open(Number(Deno.args[0]));
         console.log("ready");
         await queue.receive();`,
        [key],
        (program) => program.kill("SIGINT"),
      );
      assertEquals([other.signal, left(key)], ["SIGINT", ["msg"]]);
      program.kill("SIGINT");
    },
  );
  assertEquals([made.signal, left(key)], ["SIGINT", []]);
});

Deno.test("removeOnSignals() leaves signals alone that have a handler or are ignored", async () => {
  const { stdout, stderr } = await runSource(
    `import { removeOnSignals, SIG_DFL, SIG_IGN, SIGHUP, SIGINT, signal, SIGTERM } from "@mod";
     const mine = () => {};
     signal(SIGTERM, mine);
     signal(SIGHUP, SIG_IGN);
     removeOnSignals();
     console.log(signal(SIGHUP, SIG_DFL) === SIG_IGN, signal(SIGTERM, SIG_DFL) === mine);
     console.log(typeof signal(SIGINT, SIG_DFL));`,
  );
  assertEquals([stdout, stderr], ["true true\nfunction\n", ""]);
});

Deno.test("removeOnSignals() leaves a signal ignored that the program was started to ignore", async () => {
  using program = file(
    `import { removeOnSignals, SIG_DFL, SIG_IGN, SIGHUP, signal } from "@mod";
     removeOnSignals();
     console.log(signal(SIGHUP, SIG_DFL) === SIG_IGN);`,
  );
  const { stdout, stderr } = await run("sh", [
    "-c",
    'trap "" HUP; exec "$@"',
    "sh",
    Deno.execPath(),
    ...FFI,
    program.path,
  ]);
  assertEquals([stdout, stderr], ["true\n", ""]);
});

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A statement for each way to be busy, in a program with a segment, a queue, a set, a listener and a socket. */
const WAYS: Readonly<Record<string, string>> = {
  "await queue.receive()": "await queue.receive();",
  "await set.acquire()": "await set.acquire(0);",
  "await listener.accept()": "await listener.accept();",
  "await socket.receiveFrom()": "await socket.receiveFrom();",
  "await pause()": "await mod.pause();",
  "await of something of Deno's": "await new Promise((done) => setTimeout(done, 60_000));",
  "await beside listeners of Deno's": `for (const sig of ["SIGINT", "SIGTERM", "SIGHUP"]) {
      Deno.addSignalListener(sig as Deno.Signal, () => console.log("never"));
    }
    await queue.receive();`,
  "queue.receiveSync()": "queue.receiveSync();",
  "queue.receiveSync() with a time limit": "queue.receiveSync({ timeout: 60_000 });",
  "queue.receiveSync() in try and catch": "for (;;) try { queue.receiveSync(); } catch { /* EINTR, and once more */ }",
  "set.acquireSync()": "set.acquireSync(0);",
  "listener.acceptSync()": "listener.acceptSync();",
  "socket.receiveFromSync()": "socket.receiveFromSync();",
  "msgrcv()": "mod.msgrcv(queue.id, new mod.msgbuf(8), 8, 0, 0);",
  "semop()": "mod.semop(set.id, new mod.sembuf([0, -1]));",
  "accept()": `const fd = mod.socket(mod.AF_INET, mod.SOCK_STREAM, 0);
    mod.listen(fd, 1);
    mod.accept(fd, null);`,
  "read()": "mod.read(mod.pipe()[0], new Uint8Array(1));",
  "poll()": "mod.poll(new mod.pollfds([mod.pipe()[0], mod.POLLIN]), -1);",
  "sleep()": "for (;;) mod.sleep(60);",
  "usleep()": "for (;;) mod.usleep(60_000_000);",
  "wait()": "mod.fork(() => (mod.close(other), mod.read(end, new Uint8Array(1)))); mod.wait();",
  "Atomics.wait()": "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
  "a loop without end": "for (;;);",
  "a loop that makes and removes": "for (;;) mod.SharedMemory.create(8)[Symbol.dispose]();",
};

for (const [way, statement] of Object.entries(WAYS)) {
  Deno.test(`removeOnSignals() removes everything on SIGINT, SIGTERM and SIGHUP during ${way}`, async () => {
    const directory = Deno.makeTempDirSync();
    try {
      for (const sig of SIGNALS) {
        const key = freshKey();
        const { signal, stdout, stderr } = await ended(
          `import * as mod from "@mod";
           ${way === "wait()" ? "mod.enableFork(); const [end, other] = mod.pipe();" : ""}
           mod.removeOnSignals();
           const key = Number(Deno.args[0]);
           using segment = mod.SharedMemory.create(10, { key });
           using queue = mod.MessageQueue.create({ key });
           using set = mod.SemaphoreSet.create([0], { key });
           using listener = mod.Socket.listen(Deno.args[1] + "/socket");
           using socket = mod.Socket.bind(Deno.args[1] + "/datagrams");
           console.log("ready");
           ${statement}`,
          [key, directory],
          async (program) => {
            assertEquals(left(key), ["shm", "msg", "sem"]);
            assertEquals([...Deno.readDirSync(directory)].length, 2);
            const state = way.startsWith("a loop") ? "R" : "S";
            let seen = 0;
            const isThere = () => (seen = process(program.pid)?.state === state ? seen + 1 : 0) > 3;
            await program.ready(isThere, `it is in ${way}`);
            program.kill(sig);
          },
        );
        assertEquals([signal, stdout, stderr], [sig, "ready\n", ""]);
        assertEquals([left(key), [...Deno.readDirSync(directory)]], [[], []]);
      }
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  });
}

/** A program that has a queue, and blocks. */
const BLOCKS = `import { MessageQueue, removeOnSignals } from "@mod";
  removeOnSignals();
  using queue = MessageQueue.create({ key: Number(Deno.args[0]) });
  console.log("ready");
  queue.receiveSync();`;

/** Runs it in a terminal. */
function inTerminal(path: string, key: number): Program {
  const command = [Deno.execPath(), ...FFI, path, key].join(" ");
  return new Program("script", ["-qec", `trap : INT; ${command}; echo "code $?"`, "/dev/null"], { stdin: "open" });
}

needs("script")("removeOnSignals() removes on a terminal's Ctrl-C", async () => {
  using program = file(BLOCKS);
  const key = freshKey();
  await using terminal = inTerminal(program.path, key);
  await terminal.until("ready");
  assertEquals(left(key), ["msg"]);
  await terminal.type("\x03", false);
  await terminal.until("code 130");
  assertEquals(left(key), []);
  await terminal.type("");
  await terminal.end();
});

needs("script")("removeOnSignals() removes when the terminal is closed", async () => {
  using program = file(BLOCKS);
  const key = freshKey();
  await using terminal = inTerminal(program.path, key);
  await terminal.until("ready");
  assertEquals(left(key), ["msg"]);
  terminal.kill("SIGKILL"); // script has the terminal's other end
  await until(() => left(key).length === 0, "the queue is removed");
});

needs("unshare")(
  "removeOnSignals() ends the first process of a PID namespace, which no signal of its own ends",
  async () => {
    const directory = Deno.makeTempDirSync();
    using program = file(
      `import { removeOnSignals, Socket } from "@mod";
     removeOnSignals();
     using listener = Socket.listen(Deno.args[0] + "/socket");
     console.log("ready");
     listener.acceptSync();`,
    );
    try {
      await using first = new Program("unshare", [
        ...UNSHARE_IPC,
        "--pid",
        "--fork",
        Deno.execPath(),
        ...FFI,
        program.path,
        directory,
      ]);
      await first.until("ready");
      const children = Deno.readTextFileSync(`/proc/${first.pid}/task/${first.pid}/children`);
      Deno.kill(Number(children.trim()), "SIGTERM");
      assertEquals([(await first.end()).code, [...Deno.readDirSync(directory)]], [128 + 15, []]);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
);

Deno.test("removeOnSignals() removes what is made before it, and nothing that has been disposed of", async () => {
  const directory = Deno.makeTempDirSync();
  const key = freshKey();
  try {
    const { signal } = await ended(
      `import { MessageQueue, removeOnSignals, SemaphoreSet, SharedMemory, Socket } from "@mod";
       const key = Number(Deno.args[0]);
       using queue = MessageQueue.create({ key });
       removeOnSignals();
       Socket.listen(Deno.args[1] + "/socket").close();
       SharedMemory.create(10)[Symbol.dispose]();
       using set = SemaphoreSet.create(1, { key });
       console.log("ready");
       await queue.receive();`,
      [key, directory],
      (program) => {
        assertEquals(left(key), ["msg", "sem"]);
        Deno.writeTextFileSync(`${directory}/socket`, "somebody else's");
        program.kill("SIGINT");
      },
    );
    assertEquals([signal, left(key), [...Deno.readDirSync(directory)].length], ["SIGINT", [], 1]);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("removeOnSignals() leaves nothing when the signal comes while something is made", async () => {
  for (let round = 0; round < 20; round++) {
    const key = freshKey();
    const { signal } = await ended(
      `import { removeOnSignals, SemaphoreSet } from "@mod";
       removeOnSignals();
       console.log("ready");
       for (;;) SemaphoreSet.create(1, { key: Number(Deno.args[0]) })[Symbol.dispose]();`,
      [key],
      (program) => program.kill(SIGNALS[round % 3]),
    );
    assertEquals([signal, left(key)], [SIGNALS[round % 3], []]);
  }
});

Deno.test("removeOnSignals() stays in force with other signals' handlers, and can be replaced and put back", async () => {
  for (const replaced of ["", "signal(SIGTERM, SIG_DFL); signal(SIGTERM, before);"]) {
    for (
      const other of [
        `signal(SIGCHLD, () => {});`,
        `signal(SIGUSR1, () => {});`,
        `Deno.addSignalListener("SIGUSR1", () => {});`,
      ]
    ) {
      const key = freshKey();
      const { signal, stdout } = await ended(
        `import { getpid, kill, MessageQueue, pause, removeOnSignals, SIG_DFL, SIGCHLD, signal, SIGTERM, SIGUSR1 } from "@mod";
         removeOnSignals();
         ${other}
         const before = signal(SIGTERM, () => console.log("mine"));
         kill(getpid(), SIGTERM);
         await pause();
         signal(SIGTERM, before);
         ${replaced}
         using queue = MessageQueue.create({ key: Number(Deno.args[0]) });
         console.log("ready");
         queue.receiveSync();`,
        [key],
        (program) => program.kill("SIGTERM"),
      );
      assertEquals([signal, stdout, left(key)], ["SIGTERM", "mine\nready\n", []], other);
    }
  }
});

Deno.test("removeOnSignals() in a Worker removes what that has made, whatever either does", async () => {
  const [key, workers] = [freshKey(), freshKey()];
  const { signal } = await ended(
    `import { MessageQueue, removeOnSignals, sleep } from "@mod";
     removeOnSignals();
     const [key, workers] = Deno.args.map(Number);
     using queue = MessageQueue.create({ key });
     const source = \`import { removeOnSignals, MessageQueue, SemaphoreSet } from ${JSON.stringify(mod)};
       removeOnSignals();
       const set = SemaphoreSet.create(1, { key: \${workers} });
       const queue = MessageQueue.create({ key: \${workers} });
       postMessage("made");
       for (;;);\`;
     const worker = new Worker("data:application/typescript," + encodeURIComponent(source), { type: "module" });
     await new Promise((done) => worker.onmessage = done);
     console.log("ready");
     sleep(60);`,
    [key, workers],
    (program) => {
      assertEquals([left(key), left(workers)], [["msg"], ["msg", "sem"]]);
      program.kill("SIGTERM");
    },
    ["--allow-read"], // for the module's file
  );
  assertEquals([signal, left(key), left(workers)], ["SIGTERM", [], []]);
});

Deno.test("removeOnSignals() in a forked child removes what that has made, and nothing of its parent's", async () => {
  const [key, childs] = [freshKey(), freshKey()];
  const { signal, stdout } = await ended(
    `import { enableFork, fork, MessageQueue, removeOnSignals, SemaphoreSet, SharedMemory, wait, WaitStatus } from "@mod";
     enableFork();
     removeOnSignals();
     const [key, childs] = Deno.args.map(Number);
     SharedMemory.create(8)[Symbol.dispose]();
     using queue = MessageQueue.create({ key });
     using set = SemaphoreSet.create(1, { key });
     const child = fork(() => {
       removeOnSignals();
       using queue = MessageQueue.create({ key: childs });
       console.log("ready");
       queue.receiveSync();
     });
     console.log("child", child);
     const status = new WaitStatus();
     wait(status);
     console.log(String(status));
     queue.receiveSync();`,
    [key, childs],
    async (program) => {
      await program.until("child ");
      assertEquals(left(childs), ["msg"]);
      Deno.kill(Number(/child (\d+)/.exec(program.stdout)![1]), "SIGHUP");
      await program.until("killed by SIGHUP");
      assertEquals([left(childs), left(key)], [[], ["msg", "sem"]]);
      program.kill("SIGTERM");
    },
  );
  assertEquals([signal, left(key)], ["SIGTERM", []], stdout);
});

Deno.test("removeOnSignals(): a signal waits while something is made, and the second one does not", async () => {
  const key = freshKey();
  const { signal } = await ended(
    `import { MessageQueue, removeOnSignals, SemaphoreSet, trace } from "@mod";
     removeOnSignals();
     using queue = MessageQueue.create({ key: Number(Deno.args[0]) });
     using _tracing = trace(({ ev, call }) => {
       if (ev !== "exit" || call !== "semget") return;
       console.log("ready");
       for (;;); // in the middle of making a set
     });
     SemaphoreSet.create(1, { key: Number(Deno.args[0]) });`,
    [key],
    async (program) => {
      program.kill("SIGTERM");
      let seen = 0;
      await program.ready(() => ++seen > 20, "time passes");
      assertEquals(left(key), ["msg", "sem"]);
      program.kill("SIGTERM");
      await until(() => !left(key).includes("msg"), "what is known is removed");
    },
  );
  for (const { id } of objects("sem").filter((set) => set.key === key)) semctl(id, 0, IPC_RMID); // nobody knew of it yet
  assertEquals([signal, left(key)], ["SIGTERM", []]);
});

/** A statement for each way to wait for a POSIX queue, or not at all. */
const QUEUE_WAYS: Readonly<Record<string, string>> = {
  "await queue.receive()": "await queue.receive();",
  "await queue.send()": `queue.sendSync("full"); await queue.send("more");`,
  "queue.receiveSync()": "queue.receiveSync();",
  "queue.receiveSync() with a time limit": "queue.receiveSync({ timeout: 60_000 });",
  "mq_receive()": `const mqdes = mod.mq_open(queue.name, mod.O_RDWR); mod.mq_receive(mqdes, new Uint8Array(8));`,
  "a loop without end": "for (;;);",
  "a loop that makes and removes": "for (;;) mod.PosixMessageQueue.create(Deno.args[3], small).close();",
};

for (const [way, statement] of Object.entries(QUEUE_WAYS)) {
  Deno.test(`removeOnSignals() removes POSIX queues on SIGINT, SIGTERM and SIGHUP during ${way}`, async () => {
    for (const sig of SIGNALS) {
      // the longest name that there can be, and one that this program only finds
      const short = freshName();
      const names = [short, short.padEnd(256, "x"), freshName(), freshName()];
      using _short = removed(names[0]);
      using _long = removed(names[1]);
      using others = PosixMessageQueue.create(names[2], { maxMessages: 1, messageSize: 8 });
      const { signal, stdout, stderr } = await ended(
        `import * as mod from "@mod";
         mod.removeOnSignals();
         const small = { maxMessages: 1, messageSize: 8 };
         using queue = mod.PosixMessageQueue.create(Deno.args[0], small);
         using longest = mod.PosixMessageQueue.create(Deno.args[1], small);
         using found = mod.PosixMessageQueue.open(Deno.args[2]);
         mod.PosixMessageQueue.create(undefined, small).close();
         console.log("ready");
         ${statement}`,
        names,
        async (program) => {
          assertEquals(names.slice(0, 3).map(exists), [true, true, true]);
          const state = way.startsWith("a loop") ? "R" : "S";
          let seen = 0;
          const isThere = () => (seen = process(program.pid)?.state === state ? seen + 1 : 0) > 3;
          await program.ready(isThere, `it is in ${way}`);
          program.kill(sig);
        },
      );
      assertEquals([signal, stdout, stderr], [sig, "ready\n", ""]);
      assertEquals(names.map(exists), [false, false, true, false]);
      others.sendSync("whole");
    }
  });
}

Deno.test("removeOnSignals() leaves a parent's POSIX queues when a forked child is ended, and removes the child's", async () => {
  const names = [freshName(), freshName()];
  using _parents = removed(names[0]);
  using _childs = removed(names[1]);
  const { signal } = await ended(
    `import { enableFork, fork, PosixMessageQueue, removeOnSignals, sleep, wait } from "@mod";
     enableFork();
     removeOnSignals();
     const small = { maxMessages: 1, messageSize: 8 };
     using queue = PosixMessageQueue.create(Deno.args[0], small);
     const child = fork(() => {
       removeOnSignals();
       const queue = PosixMessageQueue.create(Deno.args[1], small);
       console.log("ready");
       sleep(60);
       queue.close();
     });
     console.log("child", child);
     wait();
     console.log("reaped");
     await queue.receive();`,
    names,
    async (program) => {
      await program.until("child ");
      assertEquals(names.map(exists), [true, true]);
      Deno.kill(Number(/child (\d+)/.exec(program.stdout)![1]), "SIGTERM");
      await program.until("reaped");
      assertEquals(names.map(exists), [true, false]);
      program.kill("SIGINT");
    },
  );
  assertEquals([signal, names.map(exists)], ["SIGINT", [false, false]]);
});
