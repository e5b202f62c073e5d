// Many of everything. In short here; for as long as it should take once, `deno test -A … tests/stress/stress_test.ts -- --long`.
import { assert, assertEquals } from "@std/assert";
import { linger, setsockopt, SO_LINGER, SOL_SOCKET } from "../../mod.ts";
import { Socket } from "../../ffi/objects/socket.ts";
import { freePort, listening, process, Program, root, start, until, zombies } from "../support.ts";

const long = Deno.args.includes("--long");

function program(name: string, ...args: number[]): Program {
  const flags = ["run", "--allow-all", "--no-check", "--v8-flags=--single-threaded"];
  return new Program(Deno.execPath(), [...flags, `${root}tests/stress/${name}`, ...args.map(String)]);
}

const forks = long ? 100_000 : 5_000;

Deno.test(`fork() ${forks} times, children of every kind beside all that a parent may have going on: nothing hangs, nothing is harmed, no random number is drawn twice`, async () => {
  const seed = long ? Math.floor(Math.random() * 2 ** 32) : 1;
  await using parent = program("_fork.ts", forks, seed);
  const { code, signal, stdout, stderr } = await parent.end(long ? 7_200_000 : 300_000);
  assertEquals({ code, signal }, { code: 0, signal: null }, `seed ${seed}: ${stderr.slice(-2000)}`);
  const { grown, memory, descriptors, pid: _, ...result } = JSON.parse(stdout);
  assertEquals(result, {
    wrong: [],
    repeated: 0,
    drawn: true,
    ticks: true,
    received: "message",
    accepted: 1,
    fetched: "answer",
    kept: 4,
    written: true,
    input: 2,
    heap: 20_000,
  }, `seed ${seed}`);
  // some are just being used; one that stays with each fork would be thousands
  assert(Math.abs(descriptors) < 20, `${descriptors} more descriptors`);
  // the second half of the children made the parent no larger, collections aside
  assert(grown < Math.max(memory / 4, 32_768), `from ${memory} KiB by ${grown} KiB`);
});

Deno.test("fork() for each function that Deno has: the child that calls it ends, and its parent goes on", async () => {
  await using parent = program("_anything.ts");
  const { code, signal, stdout, stderr } = await parent.end(300_000);
  assertEquals({ code, signal }, { code: 0, signal: null }, stderr.slice(-2000));
  assertEquals(JSON.parse(stdout), { calls: true, wrong: [], works: true });
});

const messages = long ? 10_000 : 1_000;

Deno.test(`msgsnd() by 10 processes, ${messages} messages each: none is lost, doubled, or overtaken`, async () => {
  await using parent = program("_queue.ts", 10, messages);
  const { code, signal, stdout, stderr } = await parent.end(long ? 600_000 : 120_000);
  assertEquals({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
  assertEquals(JSON.parse(stdout), { wrong: [], ended: 10, received: new Array(10).fill(messages) });
});

const ANSWER = "I got your message";

/** Reads until the other side closes; what it sent before a reset counts, too. */
async function readAll(connection: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(256);
  try {
    for (let n; (n = await connection.read(buffer)) !== null;) text += new TextDecoder().decode(buffer.subarray(0, n));
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return text;
}

async function talk(port: number, bytes: Uint8Array): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  // the server reads 255 bytes and closes: the rest may find nobody
  const written = (async () => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  })().catch((error) => {
    if (!(error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset)) throw error;
  });
  const text = await readAll(connection);
  await written;
  return text;
}

/** What clients do to a server. */
const clients: ((port: number, silent: Deno.Conn[]) => Promise<void>)[] = [
  async (port) => assertEquals(await talk(port, new TextEncoder().encode("hello")), ANSWER),
  async (port) => assertEquals(await talk(port, new Uint8Array([0xff, 0xfe, 0xc3, 0x28, 0x80])), ANSWER),
  async (port) => {
    await talk(port, new Uint8Array(1 << 20).fill(65)); // a reset may overtake the answer
  },
  async (port, silent) => {
    silent.push(await Deno.connect({ hostname: "127.0.0.1", port }));
  },
  async (port) => {
    using socket = await Socket.connect(`127.0.0.1:${port}`);
    await socket.write("x");
    setsockopt(socket.fd, SOL_SOCKET, SO_LINGER, new linger(true, 0)); // closing resets
  },
];

const connections = long ? 2_000 : 200;

Deno.test(`socket_server_sigchld.ts serves ${connections} clients, silent and rude ones too, and keeps no zombie`, async () => {
  const port = freePort();
  await using server = start("socket_server_sigchld.ts", [String(port)]);
  await server.ready(() => listening("tcp", port), "it listens");
  const open = () => [...Deno.readDirSync(`/proc/${server.pid}/fd`)].length;
  assertEquals(await talk(port, new TextEncoder().encode("first")), ANSWER);
  await until(() => children(server.pid).length === 0, "the first child has ended");
  const before = open();
  const silent: Deno.Conn[] = [];
  const refused: unknown[] = [];
  let next = 0;
  // 50 at a time
  await Promise.all(Array.from({ length: 50 }, async () => {
    while (next < connections) {
      const client = clients[next++ % clients.length];
      await client(port, silent).catch((error) => refused.push(error));
    }
  }));
  assertEquals(refused, []);
  assertEquals(silent.length, connections / clients.length);
  // A silent client has its child wait in read() for as long as it stays, as on the slide; the others have been served
  // meanwhile. (Where the backlog of 5 was full, the kernel lets the client believe that it is connected, and the
  // server hears of it only when the client speaks: such a silent client has no child.)
  await until(() => children(server.pid).length <= silent.length, "only silent clients' children are left", 60_000);
  assert(children(server.pid).length > 0, "silent clients are waited for");
  for (const connection of silent) connection.close();
  await until(() => children(server.pid).length === 0, "all children have ended", 60_000);
  assertEquals(zombies(server.pid), []);
  assertEquals(open(), before, "descriptors");
  assertEquals(await talk(port, new TextEncoder().encode("last")), ANSWER);
  await until(() => server.stdout.includes("Here is the message: last\n"), "it printed the last message");
});

/** The children of a process, zombies among them. */
function children(parent: number): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) =>
    pid > 0 && process(pid)?.ppid === parent
  );
}
