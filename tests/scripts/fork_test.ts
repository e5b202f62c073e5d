import { assert, assertEquals, assertMatch } from "@std/assert";
import { needs } from "../needs.ts";
import {
  compiler,
  freePort,
  launch,
  listening,
  pending,
  process,
  type Program,
  run,
  sides,
  start,
  until,
  zombies,
} from "../support.ts";

const silent = { code: 0, signal: null, stdout: "", stderr: "" };
const CONNECTIONS = 40;

async function ready(server: Program, port: number): Promise<void> {
  await server.ready(() => listening("tcp", port), `somebody listens on port ${port}`);
}

/** Connects to a port, sends a text, and gives the answer. */
async function exchange(port: number, text: string): Promise<string> {
  const connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  await connection.write(new TextEncoder().encode(text));
  return await new Response(connection.readable).text();
}

/** Sends a server 40 messages at the same time, all connected before the first is sent. */
async function crowd(port: number): Promise<void> {
  const BACKLOG = 5; // as on the slide; beyond it the kernel drops packets, and clients try again after seconds
  const texts = Array.from({ length: CONNECTIONS }, (_, n) => `message ${n}`);
  const connections: Deno.TcpConn[] = [];
  while (connections.length < CONNECTIONS) {
    const wave = Array.from({ length: BACKLOG }, () => Deno.connect({ port, hostname: "127.0.0.1" }));
    connections.push(...await Promise.all(wave));
    await until(() => pending(port) === 0, "the server has accepted them");
  }
  const answers = await Promise.all(
    connections.reverse().map(async (connection, n) => {
      await connection.write(new TextEncoder().encode(texts[n]));
      return await new Response(connection.readable).text();
    }),
  );
  assertEquals(answers, texts.map(() => "I got your message"));
}

/** What a server printed that got the crowd's messages, in the order of their numbers. */
const greetings = Array.from({ length: CONNECTIONS }, (_, n) => `Here is the message: message ${n}`).sort();

for (const side of sides) {
  needs(...compiler(side))(
    `socket_server_fork (${side}) serves ${CONNECTIONS} clients at once and leaves as many zombies`,
    async () => {
      const port = freePort();
      await using server = await launch(side, "socket_server_fork", [String(port)]);
      await ready(server, port);
      await crowd(port);
      await until(() => zombies(server.pid).length === CONNECTIONS, `there are ${CONNECTIONS} zombies`);
      server.kill("SIGTERM");
      const { stdout, stderr, signal } = await server.end();
      assertEquals({ stderr, signal }, { stderr: "", signal: "SIGTERM" });
      assertEquals(stdout.trim().split("\n").sort(), greetings);
    },
  );
}

Deno.test("socket_server_fork.ts serves a client while another one has not said anything yet", async () => {
  const port = freePort();
  await using server = start("socket_server_fork.ts", [String(port)]);
  await ready(server, port);
  const silentOne = await Deno.connect({ port, hostname: "127.0.0.1" });
  assertEquals(await exchange(port, "second"), "I got your message");
  await silentOne.write(new TextEncoder().encode("first"));
  assertEquals(await new Response(silentOne.readable).text(), "I got your message");
  assertEquals(server.stdout, "Here is the message: second\nHere is the message: first\n");
});

for (const name of ["socket_server_fork", "socket_server_sigchld"]) {
  for (const side of sides) {
    needs(...compiler(side))(`${name}.ts answers socket_client (${side})`, async () => {
      const port = freePort();
      await using server = start(`${name}.ts`, [String(port)]);
      await ready(server, port);
      await using client = await launch(side, "socket_client", ["localhost", String(port)], { stdin: "hello\n" });
      assertEquals(await client.end(), { ...silent, stdout: "Please enter the message: I got your message\n" });
      await server.until("Here is the message: hello\n\n");
    });
  }
}

Deno.test(`socket_server_sigchld.ts serves ${CONNECTIONS} clients at once, twice, and leaves no zombie`, async () => {
  const port = freePort();
  await using server = start("socket_server_sigchld.ts", [String(port)]);
  await ready(server, port);
  for (const round of [1, 2]) {
    await crowd(port);
    await until(
      () => server.stdout.split("Return code: 0\n").length - 1 === round * CONNECTIONS,
      "all return codes are printed",
    );
    assertEquals(zombies(server.pid), []);
  }
  assertEquals(server.stderr, "");
  const lines = server.stdout.trim().split("\n").filter((line) => line !== "Return code: 0");
  assertEquals(lines.sort(), [...greetings, ...greetings].sort());
});

Deno.test("socket_server_sigchld.ts without a port and on a port in use exits with 1", async () => {
  await using without = start("socket_server_sigchld.ts");
  assertEquals(await without.end(), { ...silent, code: 1, stderr: "ERROR, no port provided\n" });
  using listener = Deno.listen({ port: 0, hostname: "0.0.0.0" });
  await using taken = start("socket_server_sigchld.ts", [String(listener.addr.port)]);
  assertEquals(await taken.end(), { ...silent, code: 1, stderr: "ERROR on binding: Address already in use\n" });
});

for (const side of sides) {
  needs(...compiler(side))(`sigchld_wait3 (${side}) prints that the child lives, then what it ended with`, async () => {
    const stdout = "I'm alive (temporarily)\nReturn code: 103\n";
    // in C a child may end before its parent comes to pause(), which then waits forever: a fault of the slide's
    for (let attempt = 1;; attempt++) {
      await using program = await launch(side, "sigchld_wait3");
      try {
        assertEquals(await program.end(side === "C" ? 2000 : 30_000), { ...silent, stdout });
        return;
      } catch (error) {
        if (side !== "C" || program.stdout !== stdout || attempt === 5) throw error;
      }
    }
  });
}

Deno.test("zombies.ts shows three zombies in the kernel's table, and then none", async () => {
  const { code, stdout, stderr } = await run(Deno.execPath(), [
    "run",
    "--no-prompt",
    "--allow-ffi",
    new URL("../../scripts/zombies.ts", import.meta.url).pathname,
  ]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const defunct = [...stdout.matchAll(/^ *(\d+) +(\d+) Z .* <defunct>$/gm)];
  assertEquals(defunct.length, 3);
  const [parents, pids] = [new Set(defunct.map((row) => row[2])), defunct.map((row) => row[1])];
  assertEquals(parents.size, 1);
  const reaped = [...stdout.matchAll(/^wait3\(\) = (\d+), return code: (\d+)$/gm)];
  assertEquals(reaped.map((row) => row[1]).sort(), pids.sort());
  assertEquals(reaped.map((row) => row[2]).sort(), ["1", "2", "3"]);
  const after = stdout.slice(stdout.indexOf("Now they are gone:\n"));
  assertMatch(after, /^Now they are gone:\n +PID +PPID S COMMAND\n *\d+ +\d+ R \S+\n$/);
  for (const pid of pids) assertEquals(process(Number(pid)), undefined);
});

Deno.test("cooperating_processes.ts: the second process only goes on with what the first has sent", async () => {
  await using program = start("cooperating_processes.ts");
  const { code, stdout, stderr } = await program.end();
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const [independent, cooperating] = stdout.split("\n\n");
  for (const who of ["P1", "P2"]) {
    const steps = [...independent.matchAll(/^ *\d+ ms {2}(P\d) \(pid \d+\) does step (\d) of its own$/gm)];
    assertEquals(steps.filter((step) => step[1] === who).map((step) => step[2]), ["1", "2", "3"]);
  }
  for (const part of [1, 2, 3]) {
    const made = cooperating.indexOf(`has made part ${part}`);
    assert(made >= 0 && made < cooperating.indexOf(`goes on with part ${part}`), stdout);
  }
  assert(cooperating.endsWith("has all it needs\n"), stdout);
});

for (
  const [args, size, pieces, more] of [
    [[], 65536, "16 calls", " …"],
    [["44"], 44, "1 call", ""],
    [["1000000"], 1_000_000, "245 calls", " …"],
  ] as [args: string[], size: number, pieces: string, more: string][]
) {
  Deno.test(`ipc_models.ts: ${size} bytes cross by ${pieces} a side, and by none through shared memory`, async () => {
    await using program = start("ipc_models.ts", args);
    const { code, stdout, stderr } = await program.end();
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const [passing, sharing] = stdout.split("(b) Shared memory: A writes, B reads\n").map((part) => part.split("\n"));
    const received = `  B received ${size} bytes, all as sent: "The quick brown fox jumps over the lazy dog.${more}"`;
    const times = parseInt(pieces);
    // A and B print whenever they are ready
    assertEquals(
      passing.sort(),
      [
        "",
        "(a) Message passing: A sends, the kernel keeps, B receives",
        `  A: ${pieces} into the kernel (msgsnd ×${times})`,
        `  B: ${pieces} into the kernel (msgrcv ×${times})`,
        "  set-up and removal: 2 calls into the kernel (msgget ×1, msgctl ×1)",
        received,
      ].sort(),
    );
    assertEquals(
      sharing.sort(),
      [
        "",
        "  A: 0 calls into the kernel",
        "  B: 0 calls into the kernel",
        "  set-up and removal: 4 calls into the kernel (shmget ×1, shmat ×1, shmctl ×1, shmdt ×1)",
        received,
      ].sort(),
    );
  });
}

Deno.test("ipc_models.ts refuses what is no size, or more than fits into memory, and exits with 1", async () => {
  for (const size of ["", "lots", "0", "-1", "1.5", "268435457", "1e30", "Infinity"]) {
    await using program = start("ipc_models.ts", [size]);
    const stderr = "ERROR, the size has to be a number of bytes from 1 to 268435456\n";
    assertEquals(await program.end(), { ...silent, code: 1, stderr }, size);
  }
});
