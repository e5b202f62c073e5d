import { assert, assertEquals } from "@std/assert";
import { close, dup2, pipe, read, write } from "../../../ffi/libc/unistd.ts";
import { POLLIN } from "../../../ffi/libc/poll.ts";
import { lookAgain, turn } from "../../../ffi/objects/_reactor.ts";
import { readable, writable } from "../../../ffi/objects/readiness.ts";
import { needs } from "../../needs.ts";
import { fails, machine, mod, Program, rejects, runSource, until } from "../../support.ts";

Deno.test("readable() and writable() wait until there is something to read, or room", async () => {
  const [reader, writer] = pipe();
  await writable(writer);
  const waiting = readable(reader);
  write(writer, "hello");
  await waiting;
  assertEquals(read(reader, new Uint8Array(80)), 5);
  close(reader);
  close(writer);
});

Deno.test("what is ready already takes no other thread, and nothing that would wake it", async () => {
  const [reader, writer] = pipe();
  write(writer, "x");
  const fds = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = fds();
  const waits = [readable(reader), writable(writer)];
  assertEquals(fds(), before);
  await Promise.all(waits);
  close(reader);
  close(writer);
});

Deno.test("timers get their turn while waits are over at once", async () => {
  const [reader, writer] = pipe();
  write(writer, "x");
  let fired = 0;
  const timer = setInterval(() => fired++, 1);
  let count = 0;
  while (fired < 5 && count++ < 1_000_000) await readable(reader);
  clearInterval(timer);
  assert(fired >= 5); // some may come together
  close(reader);
  close(writer);
});

Deno.test("timers get their turn, and at once, when looks that succeed have followed each other for long", async () => {
  const [reader, writer] = pipe();
  write(writer, "x");
  let fired = false;
  setTimeout(() => fired = true, 0);
  for (let turns = 0; turns < 20 && !fired; turns++) {
    let others = turn();
    while (!others) {
      if (lookAgain(reader, POLLIN) === POLLIN) others = turn();
      else assert(others = turn(), "nobody looks only when it is the others' turn");
    }
    await others;
  }
  assert(fired);
  close(reader);
  close(writer);
});

Deno.test("readable() is rejected with the signal's reason when it is aborted", async () => {
  const [reader, writer] = pipe();
  const stop = new AbortController();
  const waiting = readable(reader, { signal: stop.signal });
  stop.abort("enough");
  assertEquals(await waiting.catch((reason) => reason), "enough");
  close(reader);
  close(writer);
});

Deno.test("readable() is rejected with EBADF when the descriptor is closed", async () => {
  const [reader, writer] = pipe();
  const waiting = readable(reader);
  setTimeout(() => close(reader), 5);
  await rejects("EBADF", waiting);
  close(writer);
  await rejects("EBADF", readable(reader));
});

Deno.test("readable() and writable() are rejected at once if there is no such descriptor", async () => {
  const signal = AbortSignal.timeout(5000);
  for (const wait of [readable, writable]) {
    for (const fd of [-1, -100, -(2 ** 31), 5000, 2 ** 31 - 1]) await rejects("EBADF", wait(fd, { signal }));
    for (const fd of [2 ** 31, NaN, 0.5, "0", null] as number[]) await rejects("EINVAL", wait(fd, { signal }));
  }
});

Deno.test("bad descriptors, however many, harm nobody else's wait", async () => {
  const [reader, writer] = pipe();
  for (let round = 0; round < 2; round++) {
    const innocent = readable(reader, { signal: AbortSignal.timeout(10_000) });
    const bad = Array.from({ length: 25_000 }, (_, i) => readable(10_000 + i).catch(({ code }) => code));
    assertEquals(new Set(await Promise.all(bad)), new Set(["EBADF"]));
    write(writer, "x");
    await innocent;
    read(reader, new Uint8Array(1));
  }
  close(reader);
  close(writer);
});

needs("prlimit")(
  "waits go on where there is no descriptor left, or the process may not have so many any more",
  async () => {
    const { stdout, stderr } = await runSource(
      `import { close, LibcError, O_RDONLY, open, pipe, readable, read, write } from "@mod";
     const limit = (count: number) =>
       new Deno.Command("prlimit", { args: ["--pid", String(Deno.pid), \`--nofile=\${count}:\`] }).outputSync().code;
     const pipes = Array.from({ length: 100 }, () => pipe());
     const turn = async () => {
       const waiting = pipes.map(([reader]) => readable(reader, { signal: AbortSignal.timeout(10_000) }));
       const first = pipes[50];
       await new Promise((resolve) => setTimeout(resolve, 20));
       write(first[1], "x");
       await waiting[50];
       read(first[0], new Uint8Array(1));
       for (const [, writer] of pipes) write(writer, "x");
       await Promise.all(waiting);
       for (const [reader] of pipes) read(reader, new Uint8Array(1));
     };
     console.log(limit(400)); // half of them are open
     const more = [];
     try {
       for (;;) more.push(...pipe());
     } catch (error) {
       console.log((error as LibcError).code);
     }
     try {
       for (;;) more.push(open("/dev/null", O_RDONLY)); // an odd one
     } catch { /* there is none */ }
     await turn();
     console.log("none left");
     more.forEach(close);
     console.log(limit(60));
     await turn();
     console.log("too many");`,
      [],
      { flags: ["--allow-run", "--no-check"] },
    );
    assertEquals([stdout, stderr], ["0\nEMFILE\nnone left\n0\ntoo many\n", ""]);
  },
);

Deno.test("a dup2() that fails leaves those alone who wait for the other number", async () => {
  const [reader, writer] = pipe();
  const waiting = readable(reader, { signal: AbortSignal.timeout(5000) });
  fails("EBADF", () => dup2(9999, reader));
  write(writer, "x");
  await waiting;
  read(reader, new Uint8Array(1));

  const replaced = readable(reader, { signal: AbortSignal.timeout(5000) });
  dup2(writer, reader);
  await rejects("EBADF", replaced);
  close(reader);
  close(writer);
});

for (const way of ["terminate()", "close()"]) {
  Deno.test(`a worker that is ended by ${way} while it waits leaves no thread in poll`, async () => {
    const worker = `
      import { pipe, readable } from ${JSON.stringify(mod)};
      readable(pipe()[0]);
      onmessage = () => self.close();
      setTimeout(() => postMessage("waits"), 50);`;
    const path = Deno.makeTempFileSync({ prefix: "ipc_playground_", suffix: ".ts" });
    try {
      Deno.writeTextFileSync(
        path,
        `const url = "data:application/typescript," + encodeURIComponent(${JSON.stringify(worker)});
         for (let i = 0; i < 3; i++) {
           const worker = new Worker(url, { type: "module" });
           await new Promise((resolve) => worker.onmessage = resolve);
           ${way === "close()" ? `worker.postMessage("close")` : "worker.terminate()"};
         }
         console.log("ended");
         setInterval(() => {}, 1000);`,
      );
      await using program = new Program(Deno.execPath(), ["run", "--no-prompt", "--allow-ffi", "--allow-read", path]);
      await program.until("ended\n");
      await until(() => polling(program.pid) === 0, "no thread is in poll");
      program.kill();
    } finally {
      Deno.removeSync(path);
    }
  });
}

/** How many threads of a process are in `poll(2)`. */
function polling(pid: number): number {
  const poll = machine === "aarch64" ? ["73"] : ["7", "271"]; // arm64 has only ppoll, also where it is emulated
  return [...Deno.readDirSync(`/proc/${pid}/task`)].filter(({ name }) => {
    try {
      return poll.includes(Deno.readTextFileSync(`/proc/${pid}/task/${name}/syscall`).split(" ")[0]);
    } catch {
      return false; // it has just ended
    }
  }).length;
}

Deno.test("what would wait on the event loop fails at once in a forked child, and does nothing", async () => {
  const { stdout, stderr } = await runSource(
    `import {
       close, enableFork, FileLock, fork, LibcError, MessageQueue, O_RDONLY, open, pause, pipe, read, readable, sembuf, SemaphoreSet,
       Socket, wait, writable, write,
     } from "@mod";
     enableFork();
     // deno-lint-ignore no-explicit-any
     const { core } = (Deno as any)[(Deno as any).internal];
     using queue = MessageQueue.create();
     using set = SemaphoreSet.create([1]);
     using listener = Socket.listen("127.0.0.1:0");
     using client = Socket.connectSync(listener.address);
     const [a, b] = Socket.pair();
     using datagrams = Socket.bind("127.0.0.1:0");
     const [reader, writer] = pipe();
     write(writer, "x");
     queue.sendSync("message");
     b.writeSync("hello");
     fork(() => {
       const threads = () => {
         const status = open("/proc/self/status", O_RDONLY), text = new Uint8Array(4096);
         const length = read(status, text);
         close(status);
         return /Threads:.*/.exec(new TextDecoder().decode(text.subarray(0, length)))![0];
       };
       const before = threads();
       const calls: Record<string, () => Promise<unknown>> = {
         readable: () => readable(reader),
         writable: () => writable(writer),
         pause: () => pause(),
         receive: () => queue.receive(),
         send: () => queue.send("x"),
         acquire: () => set.acquire(0),
         lock: () => set.lock(0),
         "lock of a file": () => FileLock.open("/proc/self/status").lock(),
         waitZero: () => set.waitZero(0),
         op: () => set.op(new sembuf([0, -1])),
         "op without waiting": () => set.op(new sembuf([0, -1, 0o4000])),
         accept: () => listener.accept(),
         next: () => listener[Symbol.asyncIterator]().next(),
         connect: () => Socket.connect("127.0.0.1:1"),
         "connect by name": () => Socket.connect("localhost:1"),
         read: () => a.read(new Uint8Array(8)),
         write: () => a.write("x"),
         receiveFrom: () => datagrams.receiveFrom(),
         sendTo: () => datagrams.sendTo("x", datagrams.localAddress),
       };
       for (const [name, call] of Object.entries(calls)) {
         let error: unknown;
         try {
           [, error] = core.getPromiseDetails(call());
         } catch (thrown) {
           error = thrown;
         }
         const { code, message } = (error ?? {}) as LibcError;
         if (name !== "next" && (code !== "EOPNOTSUPP" || !message.includes("event loop"))) {
           console.log(name, error);
         }
       }
       console.log(threads() === before, queue.messageCount, set.values, a.readSync(new Uint8Array(8)));
     });
     wait();
     a.close();
     b.close();`,
    [],
    { flags: ["--v8-flags=--single-threaded"] },
  );
  assertEquals([stdout, stderr], ["true 1 [ 1 ] 5\n", ""]);
});
