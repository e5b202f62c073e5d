import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  _exit,
  Channel,
  exit,
  fork,
  i32,
  kill,
  PosixSharedMemory,
  record,
  SharedMemory,
  SIGCONT,
  SIGKILL,
  SIGSTOP,
  waitpid,
  WaitStatus,
} from "../../../mod.ts";
import { Header, WRITER } from "../../../ffi/channel/layout.ts";
import { fails, FFI, file, mod, process, Program, rejects, until } from "../../support.ts";

const Numbered = record({ writer: i32, n: i32 });
const FLAG = "--v8-flags=--single-threaded";
const text = (bytes: Uint8Array | null) => bytes === null ? null : new TextDecoder().decode(bytes);
const anonymous = (capacity: number) => PosixSharedMemory.anonymous(Channel.size(capacity));
const random = (below: number) => Math.floor(Math.random() * below);

/** Children of a test, which end with it. */
class Children {
  readonly #pids = new Set<number>();

  start(action: () => number | void): number {
    const pid = fork(action);
    this.#pids.add(pid);
    return pid;
  }

  /** Waits for one's end. */
  end(pid: number): string {
    const status = new WaitStatus();
    waitpid(pid, status);
    this.#pids.delete(pid);
    return String(status);
  }

  [Symbol.dispose](): void {
    for (const pid of this.#pids) {
      kill(pid, SIGKILL);
      waitpid(pid);
    }
  }
}

/** A message that says which it is, and whose length and bytes follow from that. */
function numbered(n: number): Uint8Array {
  const data = new Uint8Array(4 + n * 7 % 90).fill(n);
  new DataView(data.buffer).setUint32(0, n);
  return data;
}

Deno.test("a Channel's writer that is killed at any moment has sent all or nothing of each message", async () => {
  using memory = anonymous(512);
  using reader = Channel.create(memory);
  using children = new Children();
  for (let round = 0; round < 15; round++) {
    const child = children.start(() => {
      const writer = Channel.open(memory);
      for (let n = 0;; n++) writer.sendSync(numbered(n));
    });
    await until(() => reader.writers.length > 0, "it takes part");
    const killed = random(60);
    for (let n = 0;; n++) {
      let message: Uint8Array | null;
      try {
        message = round % 2 ? reader.receiveSync({ timeout: 60_000 }) : await reader.receive();
      } catch (error) {
        assertStringIncludes(String(error), `process ${child},`);
        assertEquals((error as { code: string }).code, "EOWNERDEAD");
        assert(n >= killed);
        break;
      }
      assertEquals(message, numbered(n));
      if (n === killed) kill(child, SIGKILL);
    }
    // it is a zombie still, and has been told of
    assertEquals(process(child)?.state, "Z");
    assertEquals([await reader.receive(), reader.receiveSync(), reader.writers], [null, null, []]);
    assertEquals(children.end(child), "killed by SIGKILL");
  }
});

Deno.test("a Channel's reader that is killed at any moment leaves what it has not taken", async () => {
  using memory = anonymous(256);
  using state = SharedMemory.create(4);
  const taken = new Int32Array(state.bytes.buffer, state.bytes.byteOffset, 1);
  using writer = Channel.create(memory, { record: Numbered });
  using children = new Children();
  let n = 0;
  for (let round = 0; round < 15; round++) {
    Atomics.store(taken, 0, -1);
    const child = children.start(() => {
      const reader = Channel.open(memory, { record: Numbered });
      for (;;) Atomics.store(taken, 0, reader.receiveSync()!.n);
    });
    await until(() => writer.readers.length > 0, "it takes part");
    const killed = n + 16 + random(60);
    for (;;) {
      try {
        const message = { writer: round, n };
        if (round % 2) writer.sendSync(message, { timeout: 60_000 });
        else await writer.send(message);
      } catch (error) {
        assertEquals((error as { code: string }).code, "EOWNERDEAD");
        assertStringIncludes(String(error), `process ${child},`);
        break;
      }
      if (++n === killed) kill(child, SIGKILL);
    }
    fails("EPIPE", () => writer.sendSync({ writer: 0, n: 0 }));
    assertEquals(children.end(child), "killed by SIGKILL");
    using reader = Channel.open(memory, { record: Numbered });
    const last = Atomics.load(taken, 0);
    const first = reader.receiveSync()!.n;
    // it may have taken one more than it could say
    assert(first === last + 1 || first === last + 2 || last === -1, `${first} after ${last}`);
    let next = first;
    for (let message = reader.tryReceive(); message !== null; message = reader.tryReceive()) {
      assertEquals(message.n, ++next);
    }
    assertEquals(next, n - 1);
  }
});

Deno.test("a Channel of many goes on when writers are stopped and killed, also with the lock", async () => {
  using memory = anonymous(1024);
  using reader = Channel.create(memory, { record: Numbered, writers: "many", readers: "many" });
  using children = new Children();
  let count = 0;
  const pids: number[] = [];
  const next = new Map<number, number>();
  const writer = () => {
    const writer = ++count;
    next.set(writer, 0);
    pids.push(children.start(() => {
      const channel = Channel.open(memory, { record: Numbered });
      for (let n = 0;; n++) channel.sendSync({ writer, n });
    }));
  };
  let deaths = 0;
  const receive = async (synchronous: boolean) => {
    try {
      const { writer, n } = (synchronous ? reader.receiveSync({ timeout: 60_000 }) : await reader.receive())!;
      assertEquals(n, next.get(writer));
      next.set(writer, n + 1);
    } catch (error) {
      if ((error as { code?: string }).code !== "EOWNERDEAD") throw error;
      deaths++;
    }
  };
  // as long as this one takes part, the end of those who have come is not that of all
  using present = Channel.open(memory, { record: Numbered });
  next.set(0, 0);
  present.sendSync({ writer: 0, n: 0 });
  for (let i = 0; i < 3; i++) writer();
  for (let round = 0; round < 30; round++) {
    const many = random(200);
    for (let i = 0; i < many; i++) await receive(i % 2 === 0);
    const [victim] = pids.splice(random(pids.length), 1);
    if (round % 2) {
      kill(victim, SIGSTOP);
      if (round % 4 === 1) kill(victim, SIGCONT);
    }
    kill(victim, SIGKILL);
    writer();
    await receive(true);
    children.end(victim);
  }
  for (const pid of pids) kill(pid, SIGKILL);
  present.close();
  for (;;) {
    let message: unknown;
    try {
      message = await reader.receive();
    } catch (error) {
      assertEquals((error as { code?: string }).code, "EOWNERDEAD");
      deaths++;
      continue;
    }
    if (message === null) break;
    const { writer, n } = message as { writer: number; n: number };
    assertEquals(n, next.get(writer));
    next.set(writer, n + 1);
  }
  assert(deaths > 0 && deaths <= 33, String(deaths));
  assertEquals([reader.writers, reader.tryReceive()], [[], null]);
  // and with new ones, as before
  using again = Channel.open(memory, { record: Numbered });
  again.sendSync({ writer: 0, n: 1 });
  assertEquals(await reader.receive(), { writer: 0, n: 1 });
});

Deno.test("a Channel has EOWNERDEAD once for who waits already, and for each handle", async () => {
  using memory = anonymous(64);
  using reader = Channel.create(memory, { readers: "many" });
  using other = Channel.open(memory);
  using children = new Children();
  const child = children.start(() => {
    Channel.open(memory).sendSync("x");
    for (;;);
  });
  assertEquals(text(await reader.receive()), "x");
  const waits = [reader.receive(), reader.receive(), other.receive()];
  kill(child, SIGKILL);
  const results = (await Promise.allSettled(waits)).map((one) =>
    one.status === "rejected" ? one.reason.code : one.value
  );
  assertEquals(results, ["EOWNERDEAD", null, "EOWNERDEAD"]);
  assertEquals([await reader.receive(), await other.receive()], [null, null]);
  using late = Channel.open(memory);
  assertEquals(await late.receive(), null);
});

Deno.test("a Channel that is endless has EOWNERDEAD of each that was killed, and a dead one's place is free", async () => {
  using memory = anonymous(64);
  using reader = Channel.create(memory, { endless: true });
  using children = new Children();
  for (let round = 0; round < 3; round++) {
    const child = children.start(() => {
      Channel.open(memory).sendSync("x");
      for (;;);
    });
    assertEquals(text(await reader.receive()), "x");
    kill(child, SIGKILL);
    if (round < 2) await rejects("EOWNERDEAD", reader.receive());
    else await until(() => process(child)?.state === "Z", "it is a zombie");
  }
  using writer = Channel.open(memory);
  writer.sendSync("in its place");
  assertEquals(text(await reader.receive()), "in its place");
  await rejects("EOWNERDEAD", reader.receive());
  fails("ETIMEDOUT", () => reader.receiveSync({ timeout: 150 }));
});

Deno.test("a Channel's process that ends by itself has left it, and none has died", async () => {
  using memory = anonymous(1024);
  using reader = Channel.create(memory);
  using children = new Children();
  for (
    const [end, status] of [
      [() => {}, "exited with 0"],
      [() => 3, "exited with 3"],
      [() => exit(4), "exited with 4"],
      [() => Deno.exit(5), "exited with 5"],
    ] as const
  ) {
    const child = children.start(() => {
      Channel.open(memory).sendSync("from a child");
      return end() as number | void;
    });
    await until(() => reader.sent > reader.received, "it has sent");
    assertEquals([text(await reader.receive()), await reader.receive()], ["from a child", null]);
    assertEquals(children.end(child), status);
  }
  // what ends it at once does not tell
  const child = children.start(() => {
    Channel.open(memory).sendSync("from a child");
    _exit(6);
  });
  await until(() => reader.sent > reader.received, "it has sent");
  assertEquals(text(await reader.receive()), "from a child");
  await rejects("EOWNERDEAD", reader.receive());
  assertEquals(children.end(child), "exited with 6");
});

Deno.test("a Channel's program that ends, by Deno.exit() too, has left it; one that was killed has not", async () => {
  const name = `/ipc_playground_${crypto.randomUUID()}`;
  using reader = Channel.create(name, { capacity: 1024 });
  for (
    const [end, code, last] of [
      ["", 0, null],
      ["Deno.exit(7);", 7, null],
      ["Deno.kill(Deno.pid, 'SIGKILL');", 137, "EOWNERDEAD"],
    ] as const
  ) {
    using source = file(`import { Channel } from "@mod";
      const channel = Channel.open(${JSON.stringify(name)});
      await channel.send("hello");
      channel.sendSync("and goodbye");
      ${end}`);
    await using program = new Program(Deno.execPath(), ["run", "--no-prompt", "-A", FLAG, source.path]);
    await program.ready(() => reader.sent > reader.received, "it has sent");
    assertEquals([text(await reader.receive()), text(await reader.receive())], ["hello", "and goodbye"]);
    assertEquals(await reader.receive().catch(({ code }) => code), last);
    assertEquals((await program.end()).code, code);
  }
});

Deno.test("a Channel whose writer was killed between leaving its place and saying so comes to its end", async () => {
  using memory = anonymous(64);
  using reader = Channel.create(memory);
  using writer = Channel.open(memory);
  writer.sendSync("x");
  assertEquals(text(await reader.receive()), "x");
  fails("ETIMEDOUT", () => reader.receiveSync({ timeout: 0 })); // it knows the writer
  new Int32Array(memory.bytes.buffer)[Header.offsets.places / 4] = 0;
  assertEquals(await reader.receive({ signal: AbortSignal.timeout(20_000) }), null);
});

Deno.test("a Channel's place whose process began at another time is one of the dead; of other namespaces nobody can tell", async () => {
  using memory = anonymous(64);
  using reader = Channel.create(memory);
  using writer = Channel.open(memory);
  const words = new Int32Array(memory.bytes.buffer, memory.bytes.byteOffset);
  const place = Header.offsets.places / 4;
  writer.sendSync("x");
  assertEquals(words[place], WRITER | Deno.pid);
  await reader.receive();
  words[place + 1]++;
  await rejects("EOWNERDEAD", reader.receive());
  assertEquals([await reader.receive(), reader.writers, words[place]], [null, [], 0]);

  using again = Channel.open(memory);
  again.sendSync("y");
  await reader.receive();
  words[place + 1]++;
  words[place + 3]++;
  fails("ETIMEDOUT", () => reader.receiveSync({ timeout: 250 }));
  assertEquals(reader.writers, [Deno.pid]);
  words[place + 3]--;
  fails("EOWNERDEAD", () => reader.receiveSync());

  // one that was killed before it said what it is
  using children = new Children();
  const child = children.start(() => {
    for (;;);
  });
  words[place] = child;
  using third = Channel.open(memory);
  assertStringIncludes(fails("EBUSY", () => third.sendSync("z")).message, String(child));
  kill(child, SIGKILL);
  await until(() => process(child)?.state === "Z", "it is a zombie");
  third.sendSync("z");
  assertEquals([text(reader.receiveSync()), reader.writers], ["z", [Deno.pid]]);
});

Deno.test("a Channel's many writers and readers lose nothing, and have nothing twice", () => {
  const writers = 4, readers = 3, messages = 2000;
  using memory = anonymous(4096);
  using state = SharedMemory.create(4 * writers * messages);
  const seen = new Int32Array(state.bytes.buffer, state.bytes.byteOffset, writers * messages);
  using channel = Channel.create(memory, { record: Numbered, writers: "many", readers: "many" });
  using children = new Children();
  channel.sendSync({ writer: 0, n: 0 }); // as long as it takes part, the others' end is none
  const reading = Array.from({ length: readers }, (_, at) =>
    children.start(() => {
      const reader = Channel.open(memory, { record: Numbered });
      const last = Array(writers).fill(-1);
      const buffer = new Uint8Array(Numbered.size);
      for (;;) {
        let message;
        if (at > 0) message = reader.receiveSync();
        else if (reader.receiveIntoSync(buffer) !== null) message = Numbered.read(buffer);
        if (!message) return 0;
        const { writer, n } = message;
        if (n <= last[writer]) return 1;
        last[writer] = n;
        Atomics.add(seen, writer * messages + n, 1);
      }
    }));
  const writing = Array.from({ length: writers }, (_, writer) =>
    children.start(() => {
      const channel = Channel.open(memory, { record: Numbered });
      for (let n = writer === 0 ? 1 : 0; n < messages; n++) channel.sendSync({ writer, n });
    }));
  for (const pid of writing) assertEquals(children.end(pid), "exited with 0");
  channel.close();
  for (const pid of reading) assertEquals(children.end(pid), "exited with 0");
  assertEquals(seen.findIndex((times) => times !== 1), -1);
  const { sent, received, used } = Channel.inspect(memory)!;
  assertEquals([sent, received, used], [writers * messages, writers * messages, 0]);
});

Deno.test("a Channel joins what waits on the event loop and what blocks, in two programs", async () => {
  const there = `/ipc_playground_${crypto.randomUUID()}`, back = `/ipc_playground_${crypto.randomUUID()}`;
  using requests = Channel.create(there, { capacity: 256 });
  using answers = Channel.create(back, { capacity: 256 });
  using source = file(`import { Channel } from "@mod";
    using requests = Channel.open(${JSON.stringify(there)}), answers = Channel.open(${JSON.stringify(back)});
    let n = 0;
    for await (const message of requests) {
      if (n++ % 3 === 0) await answers.send(message); else answers.sendSync(message);
      if (n % 5 === 0) {
        const next = requests.receiveSync();
        if (next === null) break;
        answers.sendSync(next);
      }
    }
    console.log("end");`);
  await using program = new Program(Deno.execPath(), [...FFI, FLAG, source.path]);
  for (let n = 0; n < 300; n++) {
    const message = numbered(n);
    if (n % 4 < 2) await requests.send(message);
    else requests.sendSync(message);
    assertEquals(n % 2 ? await answers.receive() : answers.receiveSync({ timeout: 60_000 }), message);
  }
  // many at once, more than there is room for
  const all = Array.from({ length: 200 }, (_, n) => numbered(n));
  const sent = Promise.all(all.map((message) => requests.send(message)));
  for (const message of all) assertEquals(await answers.receive(), message);
  await sent;
  requests.close();
  assertEquals(await answers.receive(), null);
  assertEquals(await program.end(), { code: 0, signal: null, stdout: "end\n", stderr: "" });
});

Deno.test("a Channel's other side may be a Worker", async () => {
  const name = `/ipc_playground_${crypto.randomUUID()}`;
  using channel = Channel.create(name, { capacity: 256, readers: "many", writers: "many" });
  const source = `import { Channel } from ${JSON.stringify(mod)};
    const channel = Channel.open(${JSON.stringify(name)});
    const received = [];
    while (received.length < 100) received.push((await channel.receive())[0]);
    postMessage(received);
    channel.close();`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
  try {
    const result = new Promise<number[]>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(event.error ?? new Error(event.message));
    });
    for (let n = 0; n < 100; n++) await channel.send(new Uint8Array(8).fill(n));
    assertEquals(await result, Array.from({ length: 100 }, (_, n) => n));
    await until(() => channel.readers.length === 0, "the Worker has left");
  } finally {
    worker.terminate();
  }
});
