/**
 * Forks many times beside everything that a program may have going on, and prints what became of it. stress_test.ts
 * runs it: `deno run -A tests/stress/_fork.ts COUNT [SEED]`.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import {
  close,
  dup2,
  enableFork,
  exit,
  fork,
  getpid,
  kill,
  LibcError,
  open,
  pipe,
  poll,
  pollfds,
  POLLIN,
  read,
  SIGKILL,
  usleep,
  waitpid,
  write,
} from "../../mod.ts";
import { MessageQueue } from "../../ffi/objects/message_queue.ts";
import { readable } from "../../ffi/objects/readiness.ts";
import { Socket } from "../../ffi/objects/socket.ts";
import { end } from "./_end.ts";

enableFork();
const count = Number(Deno.args[0]);
let state = Number(Deno.args[1] ?? 1) >>> 0;
const random = (below: number) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below;

// what goes on in the parent meanwhile
const heap = Array.from({ length: 20_000 }, (_, n) => ({ n, text: `object ${n}` }));
let ticks = 0;
const timer = setInterval(() => ticks++, 1);
using queue = MessageQueue.create();
const received = queue.receive();
using listener = Socket.listen("127.0.0.1:0");
const accepted = listener.accept();
const denos = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const denosPort = (denos.addr as Deno.NetAddr).port;
const go = Promise.withResolvers<void>();
const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
  if (request.url.endsWith("/slow")) await go.promise;
  return new Response("answer");
});
const address = `http://127.0.0.1:${server.addr.port}/`;
const fetched = fetch(`${address}slow`).then((response) => response.text());
const kept = [Deno.connect({ port: denosPort }), denos.accept()] as const;
const [kept1, kept2] = await Promise.all(kept);
const keptRead = kept1.read(new Uint8Array(8));

// output that nobody takes for as long as this runs, and input that does not come
const results = open("/proc/self/fd/1", 1);
const [blocked, full] = pipe();
dup2(full, 1);
close(full);
const pending = Deno.stdout.write(new Uint8Array(1 << 20));
const [noInput, later] = pipe();
dup2(noInput, 0);
close(noInput);
const input = Deno.stdin.read(new Uint8Array(8));

// the threads of Deno's pool, always busy
let ended = false;
const busy = Array.from({ length: 4 }, async () => {
  while (!ended) await Deno.readTextFile("/proc/self/status");
});

const openDescriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
const resident = () => Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))![1]);

const [told, tell] = pipe();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const numbers = () => `${[...crypto.getRandomValues(new Uint32Array(4))]} ${crypto.randomUUID()} ${randomUUID()}`;
const null0 = () => dup2(open("/dev/null", 0), 0);

const FAILED = "exited with 70";
/** What a child does, how it has to end, and what it tells its parent. `twice`: it returns from `fork()`. */
const kinds: [name: string, child: () => unknown, end: string, told?: RegExp, twice?: "twice"][] = [
  ["allocates", () => {
    const list = [];
    for (let n = 0; n < 50_000; n++) list.push({ n, text: `child ${n}` });
    exit(list.length === 50_000 ? 1 : 2);
  }, "exited with 1"],
  [
    "prints",
    () => {
      dup2(tell, 1);
      console.log("printed by %s", "a child");
      Deno.stdout.writeSync(new TextEncoder().encode("written"));
    },
    "exited with 0",
    /^printed by a child\nwritten$/,
  ],
  [
    "throws",
    () => {
      dup2(tell, 2);
      throw new Error("thrown by a child");
    },
    FAILED,
    /^Uncaught \(in forked child\) Error: thrown by a child/,
  ],
  ["reads", () => exit(null0() === 0 && Deno.stdin.readSync(new Uint8Array(8)) === null ? 3 : 4), "exited with 3"],
  ["sleeps", () => usleep(60_000_000), "killed by SIGKILL"],
  ["allocates until it is killed", () => {
    for (const list = [];; list.length %= 100_000) list.push({ list: [1, 2, 3] });
  }, "killed by SIGKILL"],
  ["answers", () => exit(heap[heap.length - 1].n % 200), "exited with 199"],
  ["draws", () => void write(tell, new TextEncoder().encode(numbers())), "exited with 0", /./],
  ["awaits a file", () => Deno.readTextFile("/etc/passwd"), FAILED, /readTextFile\(\)/, "twice"],
  ["awaits a connection", () => Deno.connect({ port: denosPort }), FAILED, /connect\(\)/, "twice"],
  ["awaits fetch", () => fetch(address), FAILED, /fetch\(\)/, "twice"],
  ["awaits a command", () => new Deno.Command("true").output(), FAILED, /no event loop/, "twice"],
  ["awaits readable", () => readable(told), FAILED, /no event loop|ran on/, "twice"],
  ["runs on", () => {}, FAILED, /ran on to the event loop/, "twice"],
  ["waits for a timer", () => new Promise((done) => setTimeout(done, 1)), FAILED, /ran on/, "twice"],
  ["listens", () => {
    Deno.listen({ hostname: "127.0.0.1", port: 0 });
  }, "exited with 0"],
  ["closes a listener that it inherited", () => denos.close(), "exited with 0"],
  ["runs a command", () => exit(new Deno.Command("true").outputSync().code + 5), "exited with 5"],
  [
    "starts a command",
    () => {
      dup2(tell, 2);
      new Deno.Command("true").spawn();
    },
    FAILED,
    /no event loop/,
  ],
  ["forks", () => exit(waitpid(fork(() => 7)) > 0 ? 8 : 9), "exited with 8"],
];

const wrong: string[] = [];
const drawn = new Set<string>();
let expected = 0;
const buffer = new Uint8Array(1 << 12);
const ready = new pollfds([told, POLLIN]);

/** What a child has told. */
function heard(): string {
  let all = "";
  while (poll(ready, 0) > 0) all += text(buffer.subarray(0, read(told, buffer)));
  return all;
}

async function live(): Promise<void> {
  const connection = await Deno.connect({ port: denosPort });
  (await denos.accept()).close();
  connection.close();
  if (await (await fetch(address)).text() !== "answer") wrong.push("the parent's server");
  if (!(await new Deno.Command("true").output()).success) wrong.push("the parent's command");
}

/** A fork is refused for as long as another thread runs JavaScript. */
async function beside(): Promise<void> {
  const source =
    "onmessage = () => { const a = []; for (let n = 0; n < 10000; n++) a.push({ n }); postMessage(a.length); }";
  const worker = new Worker(URL.createObjectURL(new Blob([source])), { type: "module" });
  worker.postMessage(0);
  await new Promise((done) => worker.onmessage = done);
  try {
    if (fork(() => {}) > 0) wrong.push("a fork beside a worker");
  } catch (error) {
    if (!(error instanceof LibcError && error.code === "EOPNOTSUPP")) wrong.push(String(error));
  }
  worker.terminate();
}

let descriptors = 0;
let memory = 0;
for (let i = 0; i < count; i++) {
  const [name, child, how, says, twice] = kinds[random(kinds.length)];
  let pid: number;
  if (twice) {
    if ((pid = fork()) === 0) {
      dup2(tell, 2);
      await child();
      exit(99);
    }
  } else {
    pid = fork(() => void child());
  }
  if (how === "killed by SIGKILL") {
    usleep(random(3000));
    kill(pid, SIGKILL);
  }
  const was = end(pid);
  const said = heard();
  if (was !== how || !(says ?? /^$/).test(said)) wrong.push(`${i}: ${name}: ${was}, not ${how}: ${said.slice(0, 500)}`);
  if (name === "draws") {
    for (const number of [...said.split(" "), ...numbers().split(" ")]) {
      drawn.add(number);
      expected++;
    }
  }
  if (i % 5 === 4) await new Promise((resolve) => setTimeout(resolve, 0));
  if (i % 100 === 50) await live();
  if (i % 500 === 250) await beside();
  if (i === count >> 1) [descriptors, memory] = [openDescriptors(), resident()];
  if (i % 1000 === 999) console.error(`${i + 1} forks, ${wrong.length} wrong ${wrong.slice(0, 3).join("\n")}`);
}

// all that was going on is still there
queue.trySend("message");
using client = await Socket.connect(listener.address);
await client.write("x");
using connection = await accepted;
go.resolve();
ended = true;
await Promise.all(busy);
await kept2.write(new TextEncoder().encode("kept"));
const taken = openDescriptors() - descriptors - 2; // less the connection
write(later, new TextEncoder().encode("in"));
// a signal may have cut the write short
let written: number | undefined;
pending.then((n) => written = n);
const output = new pollfds([blocked, POLLIN]);
while (written === undefined) {
  while (poll(output, 0) > 0) read(blocked, new Uint8Array(1 << 16));
  await new Promise((resolve) => setTimeout(resolve, 1));
}
const parent = {
  wrong: wrong.slice(0, 5),
  repeated: expected - drawn.size,
  drawn: drawn.size > 0,
  descriptors: taken,
  grown: resident() - memory,
  memory,
  ticks: ticks > 0,
  received: (await received).text,
  accepted: await connection.read(new Uint8Array(1)),
  fetched: await fetched,
  kept: await keptRead,
  written: written > 0,
  input: await input,
  heap: heap.length,
  pid: getpid(),
};
write(results, new TextEncoder().encode(JSON.stringify(parent) + "\n"));
clearInterval(timer);
for (const conn of [kept1, kept2, denos]) conn.close();
await server.shutdown();
