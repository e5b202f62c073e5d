/**
 * What a Deno program would use without this library: workers, SharedArrayBuffer, sockets, pipes, Deno.Command.
 *
 * With a third argument it is the partner of one that has none: `unix PATH`, `tcp PORT` or `pipe`.
 *
 * @module
 */
import { cpu, type Job, now, partnerCpu, pin, serve } from "./peers.ts";
import { answer, ask, type Duplex, readAll, writeAll } from "./streams.ts";
import type { Order } from "./worker.ts";

const LARGEST = 1 << 20;

/** Sends back what comes: first a head with size and count, then as many messages. */
async function echo(stream: Duplex): Promise<never> {
  const bytes = new Uint8Array(LARGEST);
  const head = new Float64Array(2);
  while (true) {
    await readAll(stream, new Uint8Array(head.buffer));
    const data = bytes.subarray(0, head[0]);
    await answer(stream, data, head[1]);
  }
}

const [, , kind, address] = Deno.args;
if (kind) {
  pin(cpu);
  if (kind === "pipe") await echo({ read: (p) => Deno.stdin.read(p), write: (p) => Deno.stdout.write(p) });
  if (kind === "unix") await echo(await Deno.connect({ transport: "unix", path: address }));
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(address) });
  connection.setNoDelay();
  await echo(connection);
}

function partner(stdin: "null" | "piped", ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", new URL(import.meta.url).pathname, String(partnerCpu), "-1", ...args],
    stdin,
    stdout: stdin === "piped" ? "piped" : "null",
  }).spawn();
}

const starters: Record<string, () => Promise<Duplex>> = {
  async unix() {
    const path = await Deno.makeTempDir() + "/socket";
    using listener = Deno.listen({ transport: "unix", path });
    partner("null", "unix", path);
    const connection = await listener.accept();
    await Deno.remove(path.slice(0, -"/socket".length), { recursive: true });
    return connection;
  },
  async tcp() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    partner("null", "tcp", String(listener.addr.port));
    const connection = await listener.accept();
    connection.setNoDelay();
    return connection;
  },
  // deno-lint-ignore require-await -- as the others
  async pipe() {
    const { stdin, stdout } = partner("piped", "pipe");
    const writer = stdin.getWriter();
    const reader = stdout.getReader({ mode: "byob" });
    // byob takes the buffer away and gives it back, so one is kept for that
    let spare = new Uint8Array(LARGEST);
    return {
      async write(p) {
        await writer.write(p as Uint8Array<ArrayBuffer>);
        return p.length;
      },
      async read(p) {
        const { value } = await reader.read(new Uint8Array(spare.buffer, 0, p.length));
        if (!value) return null;
        p.set(value);
        spare = new Uint8Array(value.buffer);
        return value.length;
      },
    };
  },
};

const streams = new Map<string, Duplex>();

function overStream(name: string): Job {
  return async (size, n) => {
    const stream = streams.get(name) ?? await starters[name]();
    streams.set(name, stream);
    const data = new Uint8Array(size);
    await writeAll(stream, new Uint8Array(new Float64Array([size, n + 1]).buffer));
    await ask(stream, data, 1);
    const start = now();
    await ask(stream, data, n);
    return now() - start;
  };
}

let thread: Worker | undefined;

function worker(): Worker {
  if (thread) return thread;
  thread = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  thread.postMessage({ cpu: partnerCpu } satisfies Order);
  return thread;
}

function answerOf(data: Uint8Array): Promise<Uint8Array> {
  const to = worker();
  return new Promise((resolve) => {
    to.onmessage = (event) => resolve(event.data);
    to.postMessage(data);
  });
}

const words = new Int32Array(new SharedArrayBuffer(4096));
let turn = 0;

function volley(n: number): void {
  for (let i = 0; i < n; i++) {
    turn++;
    Atomics.store(words, 0, turn);
    while (Atomics.load(words, 64) !== turn);
  }
}

const memory = new Uint8Array(new SharedArrayBuffer(LARGEST));
const bytes = new Uint8Array(LARGEST);

await serve({
  worker: async (size, n) => {
    let data = new Uint8Array(size);
    data = await answerOf(data) as Uint8Array<ArrayBuffer>;
    const start = now();
    for (let i = 0; i < n; i++) data = await answerOf(data) as Uint8Array<ArrayBuffer>;
    return now() - start;
  },
  // one way: the answer is only that all have come
  channel: async (size, n) => {
    const data = new Uint8Array(size);
    await answerOf(data);
    const start = now();
    for (let i = 1; i < n; i++) worker().postMessage({ data } satisfies Order);
    await answerOf(data);
    return now() - start;
  },
  unix: overStream("unix"),
  tcp: overStream("tcp"),
  pipe: overStream("pipe"),
  volley: (_size, n) => {
    worker().postMessage({ words, from: turn, n: n + 1 } satisfies Order);
    volley(1);
    const start = now();
    volley(n);
    return now() - start;
  },
  "copy-in": (size, n) => {
    const from = bytes.subarray(0, size);
    const start = now();
    for (let i = 0; i < n; i++) memory.set(from);
    return now() - start;
  },
  "copy-out": (size, n) => {
    const from = memory.subarray(0, size);
    const start = now();
    for (let i = 0; i < n; i++) bytes.set(from);
    return now() - start;
  },
  "copy-new": (size, n) => {
    const start = now();
    for (let i = 0; i < n; i++) new Uint8Array(memory.subarray(0, size));
    return now() - start;
  },
  fork: async (size, n) => {
    if (size > 0) return NaN;
    const command = new Deno.Command("true", { stdin: "null", stdout: "null", stderr: "null" });
    const start = now();
    for (let i = 0; i < n; i++) await command.output();
    return now() - start;
  },
});
Deno.exit(0); // the worker would go on
