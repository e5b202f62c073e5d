import { assertEquals, assertStringIncludes } from "@std/assert";
import { freshKey } from "../../_peers.ts";
import { type Ended, FFI, file, objects, process, Program, run, runSource, waitsIn } from "../../support.ts";

/** Runs a program until it is ready, does something to it, and waits for its end. */
async function ended(
  source: string,
  args: (string | number)[],
  when: (program: Program) => void | Promise<void>,
): Promise<Ended> {
  using program = file(source);
  await using running = new Program(Deno.execPath(), [
    ...FFI,
    "--v8-flags=--single-threaded",
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

/** Interrupts a program that makes a queue and waits for a message by this statement. */
async function interruptedIn(receive: string): Promise<Ended & { left: string[] }> {
  const key = freshKey();
  const how = await ended(
    `import { MessageQueue, removeOnSignals } from "@mod";
     removeOnSignals();
     using queue = MessageQueue.create({ key: Number(Deno.args[0]) });
     console.log("ready");
     ${receive}`,
    [key],
    async (program) => {
      const MSGRCV = [70, 188] as const;
      await program.ready(() => waitsIn(program.pid, ...MSGRCV), "it waits in msgrcv");
      program.kill("SIGINT");
    },
  );
  return { ...how, left: left(key) };
}

Deno.test("a program that blocks in receiveSync() hears of the signal by EINTR, and ends by it once it awaits", async () => {
  const receive = `try { queue.receiveSync(); } catch (error) { console.log(error.code); } await queue.receive();`;
  const { signal, stdout, stderr, left } = await interruptedIn(receive);
  assertEquals([signal, stdout, stderr, left], ["SIGINT", "ready\nEINTR\n", "", []]);
});

Deno.test("a program that does not catch EINTR ends by that or by the signal, and leaves nothing", async () => {
  const { code, signal, stderr, left } = await interruptedIn("queue.receiveSync();");
  // Deno may look for signals once more before it ends because of an error
  if (signal === null) {
    assertEquals(code, 1);
    assertStringIncludes(stderr, "msgrcv: Interrupted system call");
  }
  assertEquals([signal ?? "SIGINT", left], ["SIGINT", []]);
});
