/**
 * Forks many times beside everything that a program may have going on, and prints what became of it. stress_test.ts
 * runs it: `deno run -A tests/stress/_fork.ts COUNT`.
 *
 * @module
 */
import {
  close,
  enableFork,
  exit,
  fork,
  getpid,
  kill,
  pipe,
  read,
  SIGKILL,
  usleep,
  waitpid,
  WaitStatus,
} from "../../mod.ts";
import { MessageQueue } from "../../ffi/objects/message_queue.ts";
import { Socket } from "../../ffi/objects/socket.ts";

enableFork();
const count = Number(Deno.args[0]);

// what goes on in the parent meanwhile
const heap = Array.from({ length: 200_000 }, (_, n) => ({ n, text: `object ${n}` }));
let ticks = 0;
const timer = setInterval(() => ticks++, 1);
const worker = new Worker(
  URL.createObjectURL(
    new Blob([
      "let n = 0; setInterval(() => { n++; [...Array(1000).keys()].map(String); }, 1); onmessage = () => postMessage(n);",
    ]),
  ),
  { type: "module" },
);
using queue = MessageQueue.create();
const received = queue.receive();
using listener = Socket.listen("127.0.0.1:0");
const accepted = listener.accept();
const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
  await go.promise;
  return new Response("answer");
});
const go = Promise.withResolvers<void>();
const fetched = fetch(`http://127.0.0.1:${server.addr.port}/`).then((response) => response.text());

const open = () => [...Deno.readDirSync("/proc/self/fd")].length;
const resident = () => Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))![1]);

/** What a child does, and how it has to end. */
const kinds: [child: () => number | void, end: string][] = [
  [() => {
    const list = [];
    for (let n = 0; n < 50_000; n++) list.push({ n, text: `child ${n}` });
    return list.length === 50_000 ? 1 : 2;
  }, "exited with 1"],
  [() => console.log("printed by a child"), "exited with 0"],
  [() => {
    throw new Error("thrown by a child");
  }, "exited with 70"],
  [() => {
    usleep(60_000_000);
  }, "killed by SIGKILL"],
  [() => exit(heap[heap.length - 1].n % 200), "exited with 199"],
];

const wstat = new WaitStatus();
const wrong: string[] = [];
let descriptors = 0;
let memory = 0;
for (let i = 0; i < count; i++) {
  // all the children's pipes are closed again: a descriptor that stays would be seen
  const [reader, writer] = pipe();
  const [child, end] = kinds[i % kinds.length];
  const pid = fork(() => {
    close(reader);
    return child();
  });
  close(writer);
  if (end === "killed by SIGKILL") kill(pid, SIGKILL);
  else read(reader, new Uint8Array(1)); // until the child has ended
  close(reader);
  if (waitpid(pid, wstat) !== pid || String(wstat) !== end) wrong.push(`${i}: ${wstat}, not ${end}`);
  if (i % 5 === 4) await new Promise((resolve) => setTimeout(resolve, 0));
  if (i === count >> 1) [descriptors, memory] = [open(), resident()];
}

// all that was going on is still there
queue.trySend("message");
using client = await Socket.connect(listener.address);
await client.write("x");
using connection = await accepted;
const worked = new Promise<number>((resolve) => worker.onmessage = ({ data }) => resolve(data));
worker.postMessage("how far?");
go.resolve();
const parent = {
  wrong: wrong.slice(0, 5),
  descriptors: open() - descriptors - 2, // less the connection
  grown: resident() - memory,
  memory,
  ticks: ticks > 0,
  worker: await worked > 0,
  received: (await received).text,
  accepted: await connection.read(new Uint8Array(1)),
  fetched: await fetched,
  heap: heap.length,
  pid: getpid(),
};
console.log(JSON.stringify(parent));
clearInterval(timer);
worker.terminate();
await server.shutdown();
