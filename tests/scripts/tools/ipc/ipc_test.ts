// deno-lint-ignore-file no-control-regex -- they are what is looked for
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  Channel,
  GETPID,
  IPC_PRIVATE,
  IPC_RMID,
  MessageQueue,
  PosixSemaphore,
  PosixSharedMemory,
  SemaphoreSet,
  semctl,
  SharedMemory,
  shmctl,
  shmget,
} from "../../../../mod.ts";
import { hexDump } from "../../../../scripts/tools/ipc/hex.ts";
import { copies, freshKey, perlInBackground } from "../../../_peers.ts";
import { needs, UNSHARE_IPC, works } from "../../../needs.ts";
import {
  type Ended,
  file,
  machine,
  objects,
  Program,
  root,
  run,
  type StartOptions,
  until,
  zombies,
} from "../../../support.ts";

const IPC_TS = `${root}scripts/tools/ipc/ipc.ts`;
const DENO = [Deno.execPath(), "run", "--quiet", "--allow-all", IPC_TS];
const CONTROL = /[\0-\x08\x0b-\x1f\x7f]/;

function start(args: string[], options: StartOptions = {}): Program {
  return new Program(DENO[0], [...DENO.slice(1), ...args], options);
}

async function ipc(args: string[], options: StartOptions = {}): Promise<Ended> {
  await using program = start(args, options);
  return await program.end();
}

/** Runs a command that must do its work without a word on standard error. */
async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ipc(args);
  assertEquals({ code, stderr }, { code: 0, stderr: "" }, stdout);
  return stdout;
}

/** Runs a command that must fail, with one line about it. */
async function refuses(code: number, ...args: string[]): Promise<string> {
  const ended = await ipc(args);
  assertEquals({ code: ended.code, stdout: ended.stdout }, { code, stdout: "" }, ended.stderr);
  if (code === 1) assertMatch(ended.stderr, /^ipc: .+\n$/);
  return ended.stderr;
}

// deno-lint-ignore no-explicit-any -- what a program printed
type Json = any;

async function json(...args: string[]): Promise<Json> {
  return JSON.parse(await ok(...args, "--json"));
}

/** A segment, a queue and a set that are gone at the end. */
function scene() {
  const segment = SharedMemory.create(27, { key: freshKey(), mode: 0o640 });
  const queue = MessageQueue.create({ key: freshKey(), mode: 0o622 });
  const set = SemaphoreSet.create([1, 0, 5]);
  segment.writeString("abcdefghijklmnopqrstuvwxyz");
  queue.sendSync("Did you get this?\0", { type: 7 });
  return {
    segment,
    queue,
    set,
    [Symbol.dispose]() {
      for (const object of [segment, queue, set]) object[Symbol.dispose]();
    },
  };
}

needs("ipcs")("ipc ls --json says what ipcs says", async () => {
  using made = scene();
  const listed: Json[] = await json("ls");
  const compare = async (flag: string, id: number, pick: (object: Json) => unknown[]) => {
    // in some locales the headings are others, the columns the same
    const { stdout } = await run("ipcs", [flag], { env: { LC_ALL: "C" } });
    const row = stdout.split("\n").map((line) => line.trim().split(/\s+/)).find((cells) => cells[1] === String(id))!;
    const kind = { "-m": "segment", "-q": "queue", "-s": "semaphores" }[flag];
    const object = listed.find((object) => object.kind === kind && object.id === id);
    assertEquals(pick(object).map(String), row.slice(0, pick(object).length));
  };
  await compare("-m", made.segment.id, (o) => [o.keyHex, o.id, o.owner, o.mode, o.size, o.attached]);
  await compare("-q", made.queue.id, (o) => [o.keyHex, o.id, o.owner, o.mode, o.bytes, o.messages]);
  await compare("-s", made.set.id, (o) => [o.keyHex, o.id, o.owner, o.mode, o.count]);
});

Deno.test("ipc ls lists the kinds that were asked for", async () => {
  using made = scene();
  assertStringIncludes(await ok("ls"), String(made.segment.id));
  const kinds = async (...flags: string[]) => [...new Set((await json("ls", ...flags)).map(({ kind }: Json) => kind))];
  // POSIX objects may be others'
  const { size } = new Set(await kinds("-m")).union(new Set(["segment", "posix-segment"]));
  assertEquals([size, (await kinds("-m"))[0]], [2, "segment"]);
  assertEquals((await kinds("-q", "-s")).filter((kind) => !`${kind}`.startsWith("posix-")), ["queue", "semaphores"]);
  assertEquals((await kinds("-q", "-s")).includes("posix-segment"), false);
});

Deno.test("ipc ls lists POSIX shared memory and named semaphores with their users, ipc rm removes them by name", async () => {
  const name = `/ipc_playground_${Deno.pid}_${crypto.randomUUID()}`;
  using memory = PosixSharedMemory.create(name, 123, { mode: 0o640 });
  using semaphore = PosixSemaphore.create(name, { value: 5 });
  const find = async (kind: string) =>
    (await json("ls")).find((object: Json) => object.kind === kind && object.name === name);
  const { size, mode, uid, processes } = await find("posix-segment");
  assertEquals([size, mode, uid], [123, "640", Deno.uid()]);
  assertEquals(processes.map(({ pid }: Json) => pid), [Deno.pid]);
  assertEquals((await find("posix-semaphore")).value, 5);
  memory.write("hello");
  assertMatch(
    await ok("show", `m:${name}`, "--bytes", "16"),
    /\nsize +123 bytes\n[^]*\n0000 {2}68 65 6c 6c 6f 00 .*\n… 107 bytes more/,
  );
  assertEquals((await json("show", `m:${name}`, "--bytes", "5")).hex, "68656c6c6f");
  assertMatch(await ok("show", `s:${name}`), /\nvalue +5\n/);
  semaphore.post();
  assertMatch(await ok("ls", "-s"), RegExp(`^${name} +6 `, "m"));
  assertStringIncludes(await refuses(1, "rm", name), `ambiguous: m:${name}, s:${name}`);
  assertStringIncludes(await refuses(1, "rm", `m:${name}`), `is used by ${Deno.pid} `);
  assertEquals((await find("posix-segment")).name, name);
  assertEquals(await ok("rm", "--yes", `m:${name}`), `removed shared memory ${name}\n`);
  assertEquals([await find("posix-segment"), (await find("posix-semaphore")).value], [undefined, 6]);
  assertEquals(await json("rm", "--yes", name), [{ kind: "posix-semaphore", name }]);
  assertEquals(await find("posix-semaphore"), undefined);
  assertStringIncludes(await refuses(1, "rm", name), `no POSIX object has the name ${name}`);
  assertEquals(memory.name, name);
});

Deno.test("ipc ls tells no value of a file that is called like a semaphore and is too small for one", async () => {
  const name = `ipc_playground_${Deno.pid}_${crypto.randomUUID()}`;
  const path = `/dev/shm/sem.${name}`;
  Deno.writeFileSync(path, new Uint8Array(), { createNew: true });
  try {
    assertEquals((await json("ls", "-s")).find((object: Json) => object.name === `/${name}`).value, null);
    assertEquals(await ok("rm", `s:/${name}`), `removed named semaphore /${name}\n`);
  } finally {
    await Deno.remove(path).catch(() => {}); // it has been removed
  }
});

const LIST_QUEUES = ["--ipc", "--mount", "sh", "-c", 'mount -t mqueue none "$0" && exec "$@"'];
const queueDirectory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
addEventListener("unload", () => Deno.removeSync(queueDirectory));
const mqueueMounts = { "a file system that may be mounted": works("unshare", ...LIST_QUEUES, queueDirectory, "true") };

Deno.test("ipc ls shows channels as such, wherever they lie", async () => {
  const name = `/ipc_playground_${Deno.pid}_${crypto.randomUUID()}`;
  using named = Channel.create(name, { capacity: 4096 });
  using segment = SharedMemory.create(Channel.size(1024));
  using placed = Channel.create(segment, { writers: "many" });
  for (const channel of [named, placed]) {
    for (const text of ["one", "two"]) channel.sendSync(text);
    channel.tryReceive();
  }
  const state = {
    used: 16,
    sent: 2,
    received: 1,
    manyReaders: false,
    messageSize: null,
    writers: [Deno.pid],
    readers: [Deno.pid],
  };
  const list = await json("ls", "-m") as unknown as { name?: string; id?: number; channel?: unknown }[];
  const found = [list.find((object) => object.name === name), list.find(({ id }) => id === segment.id)];
  assertEquals(found.map((object) => object?.channel), [
    { capacity: 4096, manyWriters: false, ...state },
    { capacity: 1024, manyWriters: true, ...state },
  ]);
  using _none = SharedMemory.create(8192);
  const stdout = await ok("ls", "-m");
  const [, rows] = stdout.split("\nChannels\n");
  for (const where of [name, `segment ${segment.id}`]) {
    const row = rows.split("\n").find((line) => line.startsWith(where));
    assertMatch(row ?? rows, /^.{20,} +16 +2 +1 +\d+ .* +\d+ /);
  }
  assertEquals(rows.includes(`segment ${_none.id} `), false);
});

needs("unshare", mqueueMounts)("ipc ls lists POSIX queues where these can be listed, ipc rm removes them", async () => {
  const program = `import { PosixMessageQueue } from "${root}mod.ts";
    using queue = PosixMessageQueue.create("/queue", { maxMessages: 3, messageSize: 20 });
    queue.sendSync("hello");
    for (const args of [["ls", "-q", "--json"], ["rm", "q:/queue", "--json"], ["ls", "-q", "--json"]]) {
      const { stdout } = new Deno.Command(${JSON.stringify(DENO[0])}, { args: [...${
    JSON.stringify(DENO.slice(1))
  }, ...args] }).outputSync();
      console.log(JSON.stringify(JSON.parse(new TextDecoder().decode(stdout))));
    }`;
  const args = [...LIST_QUEUES, queueDirectory, DENO[0], "eval", program];
  const { code, stdout, stderr } = await run("unshare", args);
  assertEquals(code, 0, stderr);
  const [[queue], removed, after] = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const { name, messages, maxMessages, messageSize } = queue;
  assertEquals([name, messages, maxMessages, messageSize], ["/queue", 1, 3, 20]);
  assertEquals([removed, after], [[{ kind: "posix-queue", name }], []]);
});

Deno.test("ipc ls names the processes that have a segment attached", async () => {
  using segment = SharedMemory.create(100);
  const [found] = (await json("ls", "-m")).filter(({ id }: Json) => id === segment.id);
  assertEquals([found.attached, found.orphan], [1, false]);
  assertEquals(found.processes.map(({ pid, what }: Json) => [pid, what]), [[Deno.pid, "attached"]]);
});

Deno.test("ipc ls marks a segment as an orphan if its maker and its last user are gone and nobody has it attached", async () => {
  const id = Number((await json("make", "segment", "--size", "10")).id);
  using segment = SharedMemory.fromId(id);
  try {
    const orphan = async () => (await json("ls", "-m")).find((object: Json) => object.id === id).orphan;
    assertEquals(await orphan(), false); // attached here
    segment.detach();
    assertEquals(await orphan(), false); // this process was the last user, and could come again
    await ok("read", `m:${id}`);
    assertEquals(await orphan(), true);
    assertMatch(await ok("ls", "-m"), RegExp(`^ *${id} .* orphan$`, "m"));
    assertMatch(
      await ok("show", `m:${id}`),
      /^state +orphan: nobody has it attached, its maker \d+ and last user \d+ have/m,
    );
  } finally {
    segment.remove();
  }
});

needs("perl")("ipc ls shows names of processes without what could steer the terminal", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const name = `${directory}/a\x1b[31m\u009b2J\u202eb.pl`;
    Deno.writeTextFileSync(name, `$| = 1; $id = shmget(0, 9, 01600); print "on $id"; sleep 60; shmctl($id, 0, 0)`);
    await using owner = new Program("perl", [name]);
    await owner.until("on ");
    const id = Number(owner.stdout.slice(3));
    try {
      for (const args of [["ls"], ["ls", "--json"], ["show", `m:${id}`]]) {
        const text = await ok(...args);
        assert(!/[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(text), text);
        assertStringIncludes(text, args[1] === "--json" ? "a\\u001b[31m\\u009b2J" : "a\\e[31m\\x9b2J\\u202eb.pl");
      }
      assertStringIncludes(await refuses(1, "rm", `m:${id}`), "a\\e[31m");
    } finally {
      await ok("rm", "--yes", `m:${id}`);
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

const TITLE = "\x1b]0;pwned\x07";

Deno.test("ipc and demos show arguments that errors quote without what could steer the terminal", async () => {
  const arg = `a${TITLE}\n\u009b2J\u202e`;
  const wrong = [[arg], ["ls", `--${arg}`], ["show", arg], ["make", "segment", "--size", arg], [
    "make",
    arg,
  ]];
  for (const args of [...wrong, ["completion", arg], ["demos", arg], ["demos", `--${arg}`]]) {
    const { code, stdout, stderr } = await ipc(args);
    assertEquals([code, stdout], [2, ""], stderr);
    assert(!/[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(stderr), JSON.stringify(stderr));
    assertStringIncludes(stderr, "\\e]0;pwned\\x07\\n\\x9b2J\\u202e");
  }
  // what commander suggests has a line of its own
  assertMatch((await ipc(["shw"])).stderr, /^error: unknown command 'shw'\n\(Did you mean show\?\)\n/);
});

needs("perl", "script")(
  "ipc watch, and the question of ipc rm, show names without what could steer the terminal",
  async () => {
    // perl gives its process a name, as prctl(PR_SET_NAME) does
    await using owner = perlInBackground(
      `$0 = $ARGV[0]; $| = 1; $id = shmget(0, 9, 01600); print "on $id"; sleep 60; shmctl($id, 0, 0)`,
      TITLE,
    );
    await owner.until("on ");
    const id = owner.stdout.slice(3);
    try {
      assertEquals(Deno.readTextFileSync(`/proc/${owner.pid}/comm`), `${TITLE}\n`);
      await using terminal = inTerminal(`${DENO.join(" ")} watch -m; ${DENO.join(" ")} rm m:${id}`, 200, {}, 1000);
      await terminal.until(`${owner.pid} \\e]0;pwned\\x07`);
      await terminal.type("q", false);
      await terminal.until("remove it?");
      await terminal.type("n\n");
      const { stdout } = await terminal.end();
      assertMatch(stdout, RegExp(`segment ${id} is used by ${owner.pid} \\(\\\\e\\]0;pwned\\\\x07\\): remove it\\?`));
      assert(!stdout.includes("\x1b]0;"), JSON.stringify(stdout));
      assert(!stdout.includes("\x07"), JSON.stringify(stdout));
    } finally {
      await ok("rm", "--yes", `m:${id}`);
    }
  },
);

Deno.test("ipc and demos say in one line that nothing can be written", async () => {
  using made = scene();
  const demos = [DENO[0], "run", "--quiet", "-A", `${root}scripts/tools/demos/demos.ts`];
  for (
    const args of [
      ...["--help", "ls", "ls --json", "rm --help", "completion bash", `show m:${made.segment.id}`, "watch --json"].map(
        (
          args,
        ) => [...DENO, ...args.split(" ")],
      ),
      ...["--help", "--list", "posix"].map((args) => [...demos, args]),
    ]
  ) {
    const { code, stderr } = await run("sh", ["-c", 'exec "$@" > /dev/full', "sh", ...args]);
    assertEquals([code, stderr], [1, "standard output: No space left on device (os error 28)\n"], args.join(" "));
    // nor is it a mistake if there is no place for the error either
    const { code: both } = await run("sh", ["-c", 'exec "$@" > /dev/full 2>&1', "sh", ...args]);
    assertEquals(both, 1, args.join(" "));
  }
});

needs("perl")("ipc ls does not take a queue for an orphan while a process waits for it", async () => {
  using queue = MessageQueue.create();
  await run(Deno.execPath(), [...DENO.slice(1), "send", `q:${queue.id}`, "x"]);
  queue.receiveSync();
  await using waiter = perlInBackground(`$| = 1; print "on"; msgrcv($ARGV[0], $_, 10, 9, 0)`, queue.id);
  await waiter.until("on");
  const { processes, orphan } = await until(async () => {
    const found = (await json("ls", "-q")).find(({ id }: Json) => id === queue.id);
    return found.processes.some(({ what }: Json) => what === "waits in msgrcv") && found;
  }, "it waits");
  assertEquals(orphan, false);
  assertEquals(processes.find(({ pid }: Json) => pid === waiter.pid).name, "perl");
});

Deno.test("ipc show shows a segment, with its first bytes", async () => {
  using made = scene();
  const { segment } = made;
  const text = await ok("show", String(segment.key));
  assertStringIncludes(text, `Segment ${segment.id}\n`);
  assertMatch(text, RegExp(`^key +${segment.key} \\(0x${segment.key.toString(16)}\\)$`, "m"));
  assertMatch(text, /^permissions +rw-r----- \(0640\)$/m);
  assertMatch(text, /^size +27 bytes$/m);
  assertMatch(text, RegExp(`^made by +${Deno.pid} \\(.+\\)$`, "m"));
  assertMatch(text, /^0000 {2}61 62 63 .* {2}abcdefghijklmnop$/m);
  const short = await json("show", "0x" + segment.key.toString(16), "--bytes", "3");
  assertEquals([short.id, short.hex], [segment.id, "616263"]);
});

needs(copies())("ipc show shows a queue's messages and leaves them there", async () => {
  using made = scene();
  const { queue } = made;
  queue.sendSync(new Uint8Array([27, 91, 51, 49, 109, 255]), { type: 2 ** 40 });
  const text = await ok("show", `q:${queue.id}`);
  assertMatch(text, /^1\. type 7, 18 bytes: "Did you get this\?\\0"$/m);
  assertMatch(text, /^2\. type 1099511627776, 6 bytes: "\\e\[31m\\xff"$/m);
  assert(!CONTROL.test(text));
  const { waiting, messages } = await json("show", `q:${queue.id}`);
  assertEquals(messages, 2);
  assertEquals(waiting[0], { type: 7, length: 18, text: "Did you get this?\0", hex: waiting[0].hex });
  assertEquals([waiting[1].text, waiting[1].hex], [null, "1b5b33316dff"]);
  assertEquals([queue.messageCount, queue.receiveSync().text, queue.lastReceivePid], [
    2,
    "Did you get this?",
    Deno.pid,
  ]);
});

needs("perl")("ipc show shows a set's values, waiters and last processes", async () => {
  using set = SemaphoreSet.create([1, 0]);
  await using waiter = perlInBackground(`$| = 1; print "on"; semop($ARGV[0], pack("s*", 1, -1, 0))`, set.id);
  await waiter.until("on");
  await until(() => set.getWaitingForIncrease(1) === 1, "it waits");
  const { semaphores, processes } = await json("show", `s:${set.id}`);
  assertEquals(semaphores, [
    { value: 1, lastPid: Deno.pid, waitingForIncrease: 0, waitingForZero: 0 },
    { value: 0, lastPid: Deno.pid, waitingForIncrease: 1, waitingForZero: 0 },
  ]);
  assert(processes.some(({ pid, what }: Json) => pid === waiter.pid && what === "waits in semop"));
  assertMatch(await ok("show", `s:${set.id}`), RegExp(`^ +1 +0 +1 +0 +${Deno.pid} \\(`, "m"));
});

Deno.test("ipc show says how to tell objects apart if an argument means several", async () => {
  const key = freshKey();
  using segment = SharedMemory.create(1, { key });
  using queue = MessageQueue.create({ key });
  const said = await refuses(1, "show", String(key));
  assertStringIncludes(said, `segment ${segment.id} (m:${segment.id}), queue ${queue.id} (q:${queue.id})`);
  assertEquals((await json("show", `q:${key}`)).id, queue.id);
});

Deno.test("ipc commands exit with 1 if there is no such object, and with 2 if it can't be one", async () => {
  const key = String(freshKey());
  for (const command of ["show", "receive", "read", "rm", "send", "write"]) {
    assertStringIncludes(await refuses(1, command, key, ...(/send|write/.test(command) ? ["x"] : [])), key);
  }
  for (const id of ["nonsense", "m:", "x:1", "1.5", "0xg", "", "99999999999"]) {
    assertStringIncludes(await refuses(2, "show", id), "is no id or key");
  }
});

Deno.test("ipc exits with 2 if it is used wrongly", async () => {
  const wrong = [
    ["nonsense"],
    ["ls", "--nonsense"],
    ["ls", "superfluous"],
    ["make"],
    ["make", "nonsense"],
    ["make", "segment"],
    ["make", "segment", "--size", "-1"],
    ["make", "segment", "--size", "1", "--values", "1"],
    ["make", "queue", "--size", "1"],
    ["make", "queue", "--mode", "999"],
    ["make", "queue", "--key", "0"],
    ["make", "queue", "--key", "-0x0"],
    ["make", "segment", "--size", "9007199254740993"],
    ["read", "1", "--raw", "--json"],
    ["receive", "1", "--raw", "--json"],
    ["make", "queue", "--key", "4294967296"],
    ["make", "semaphores"],
    ["make", "semaphores", "--count", "1", "--values", "1"],
    ["send", "1", "x", "--type", "x"],
    ["read", "1", "--raw", "--hex"],
    ["rm"],
    ["rm", "1", "--orphans"],
    ["rm", "1", "--possible"],
    ["rm", "--possible"],
    ["watch"],
    ["completion", "nonsense"],
    ["trace"],
    ["demos", "nonsense"],
  ];
  for (const args of wrong) {
    const { code, stdout, stderr } = await ipc(args);
    assertEquals([code, stdout], [2, ""], `${args.join(" ")}: ${stderr}`);
    assert(stderr.length > 0, args.join(" "));
  }
});

Deno.test("ipc --help and every subcommand's --help say how to use it", async () => {
  const help = await ok("--help");
  assertStringIncludes(help, "Examples:");
  const names = [...help.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name).filter((name) => name !== "ipc");
  assertEquals(
    names,
    "ls show make send receive read write rm watch record trace demos repl completion".split(" "),
  );
  for (const name of names) assertStringIncludes(await ok(name, "--help"), "Usage: ");
  for (const line of help.split("\n")) assert(line.length <= 80, line);
});

needs(copies())("ipc make, send, receive and rm work on one queue", async () => {
  const key = freshKey();
  const name = (await ok("make", "queue", "--key", "0x" + key.toString(16), "--mode", "660")).trim();
  const queue = MessageQueue.open(key);
  try {
    assertEquals(name, `q:${queue.id}`);
    assertEquals(queue.mode, 0o660);
    assertStringIncludes(await refuses(1, "make", "queue", "--key", String(key)), "msgget: File exists");
    assertEquals(await ok("send", name, "--nul", "Did you get this?"), "");
    assertEquals(await json("send", name, "--type", "9", "zwei"), {
      id: queue.id,
      type: 9,
      length: 4,
      text: "zwei",
      hex: "7a776569",
    });
    const bytes = await ipc(["send", name, "--type", "3"], { stdin: "\x1b[2J\0x" });
    assertEquals(bytes.code, 0, bytes.stderr);
    assertEquals(queue.messages().map(({ type, text }) => [type, text]), [
      [1, "Did you get this?"],
      [9, "zwei"],
      [3, "\x1b[2J\0x"],
    ]);
    assertEquals(await ok("receive", name, "--type", "-3"), "Did you get this?\n");
    assertEquals(await json("receive", name, "--type", "9"), { type: 9, length: 4, text: "zwei", hex: "7a776569" });
    queue.sendSync("\x1b[2J\0x");
    assertEquals(await ok("receive", name, "--type", "1"), "\\e[2J\\0x\n");
    assertEquals(await ok("receive", name, "--raw"), "\x1b[2J\0x");
    assertStringIncludes(await refuses(1, "receive", name, "--no-wait"), "msgrcv: No message of desired type");
    queue.setMaxBytes(4);
    assertStringIncludes(await refuses(1, "send", name, "--no-wait", "12345"), "msgsnd: ");
    assertStringIncludes(await refuses(1, "send", name, "--type", "0", "x"), "msgsnd: Invalid argument");
    await using waiting = start(["receive", name]);
    await until(() => objects("msg").some(({ id }) => id === queue.id) && waiting.pid, "it runs");
    queue.sendSync("late");
    assertEquals((await waiting.end()).stdout, "late\n");
    assertEquals(await ok("rm", name, "--yes"), `removed queue ${queue.id}\n`);
    assert(!objects("msg").some(({ id }) => id === queue.id));
  } finally {
    if (objects("msg").some(({ id }) => id === queue.id)) queue.remove();
  }
});

Deno.test("ipc receive exits with 1 if the queue is removed under it", async () => {
  const queue = MessageQueue.create();
  await using waiting = start(["receive", `q:${queue.id}`]);
  try {
    await until(async () => {
      const found = (await json("ls", "-q")).find(({ id }: Json) => id === queue.id);
      return found.processes.some(({ pid }: Json) => pid === waiting.pid);
    }, "it waits");
  } finally {
    queue.remove();
  }
  const { code, stderr } = await waiting.end();
  assertEquals(code, 1);
  assertMatch(stderr, /^ipc: msgrcv: Identifier removed .*\n$/);
});

Deno.test("ipc make, write and read work on one segment", async () => {
  const { id } = await json("make", "segment", "--size", "27");
  using segment = SharedMemory.fromId(id);
  try {
    assertEquals([segment.size, segment.mode], [27, 0o600]);
    assertEquals(await ok("write", `m:${id}`, "--nul", "hello"), "");
    assertEquals(segment.readString(), "hello");
    assertEquals(await ok("read", `m:${id}`), "hello\n");
    assertEquals(await json("write", `m:${id}`, "\x1b!", "--offset", "25"), { id, offset: 25, length: 2 });
    assertEquals(await ok("read", `m:${id}`, "--offset", "25"), "\\e!\n");
    assertEquals(await ok("read", `m:${id}`, "--raw"), "hello" + "\0".repeat(20) + "\x1b!");
    assertEquals(
      await ok("read", `m:${id}`, "--offset", "24", "--hex"),
      "0018  00 1b 21" + " ".repeat(41) + "..!\n",
    );
    assertEquals((await json("read", `m:${id}`, "--length", "2")).hex, "6865");
    assertEquals((await ipc(["write", `m:${id}`], { stdin: "from stdin\n" })).code, 0);
    assertEquals(segment.readString(), "from stdin\n");
    assertStringIncludes(await refuses(1, "read", `m:${id}`, "--length", "28"), "not inside the segment's 27 bytes");
    assertStringIncludes(await refuses(1, "read", `m:${id}`, "--offset", "28"), "not inside");
    assertStringIncludes(await refuses(1, "write", `m:${id}`, "--offset", "26", "xx"), "not inside");
    assertStringIncludes(await refuses(1, "make", "segment", "--size", "0"), "shmget: Invalid argument");
  } finally {
    segment.remove();
  }
});

/** What the kernel notes of an object, all of it: its row in the kernel's list, and who last operated on semaphores. */
function marks(kind: "shm" | "msg" | "sem", id: number): string {
  const row = Deno.readTextFileSync(`/proc/sysvipc/${kind}`).split("\n").find((row) =>
    row.trim().split(/ +/)[1] === String(id)
  )!;
  return row + (kind === "sem" ? [0, 1, 2].map((n) => semctl(id, n, GETPID)) : "");
}

/** Lets the clock go on: times are noted in seconds, and a mark must not be one of the same second. */
async function nextSecond(): Promise<void> {
  const end = Date.now() + 1100;
  await until(() => Date.now() > end, "a second has passed");
}

// others may not look into this process
needs("root", "perl")("ipc ls and show leave no mark on what they show", async () => {
  using queue = MessageQueue.create();
  queue.sendSync("one");
  queue.receiveSync();
  queue.sendSync("another");
  using set = SemaphoreSet.create([1, 0, 5]);
  set.tryAcquire(2);
  // not this process: those that it starts would have the segment attached for a moment
  const hold = "$id = shmget(0, 27, 01600); shmwrite($id, 'abcdefghijklmnopqrstuvwxyz', 0, 27);" +
    `$| = 1; syscall(${machine === "aarch64" ? 196 : 30}, $id, 0, 0); print "on $id"; sleep 60`; // shmat(2)
  await using holder = perlInBackground(hold);
  await holder.until("on ");
  const segment = Number(holder.stdout.slice(3));
  shmctl(segment, IPC_RMID); // it goes with its holder
  await nextSecond();
  const all = [["shm", "m", segment], ["msg", "q", queue.id], ["sem", "s", set.id]] as const;
  const before = all.map(([kind, _, id]) => marks(kind, id));
  await ok("ls");
  for (const [_, letter, id] of all) await ok("show", `${letter}:${id}`);
  assertMatch(await ok("show", `m:${segment}`), /abcdefghijklmnop$/m);
  assertEquals(all.map(([kind, _, id]) => marks(kind, id)), before);
});

Deno.test("ipc show does not attach a segment that nobody has attached, unless it is told to", async () => {
  const { id } = await json("make", "segment", "--size", "3");
  try {
    await ok("write", `m:${id}`, "abc");
    await nextSecond();
    const before = marks("shm", id);
    assertMatch(await ok("show", `m:${id}`), /^Its bytes are not shown: /m);
    assertEquals((await json("show", `m:${id}`)).hex, null);
    assertEquals(marks("shm", id), before);
    assertMatch(await ok("show", `m:${id}`, "--attach"), /^0000 {2}61 62 63 .* {2}abc$/m);
    assert(marks("shm", id) !== before);
  } finally {
    await ok("rm", "--yes", `m:${id}`);
  }
});

needs("root")("ipc show reads a whole segment out of a process that has it attached", async () => {
  const size = 3 * 65536;
  using segment = SharedMemory.create(size);
  segment.writeString("first", 0);
  segment.writeString("last", size - 5);
  const { hex } = await json("show", `m:${segment.id}`, "--bytes", String(size));
  const bytes = Uint8Array.fromHex(hex);
  assertEquals(bytes.length, size);
  assertEquals(new TextDecoder().decode(bytes.subarray(-5)), "last\0");
});

Deno.test("ipc read attaches for reading only", async () => {
  const { id } = await json("make", "segment", "--size", "5");
  try {
    for (const command of [["read", `m:${id}`], ["write", `m:${id}`, "x"]]) {
      const { stderr } = await ipc(command, { env: { IPC_TRACE: "-" } });
      const attached = [...stderr.matchAll(/shmat\(\d+, NULL, (\w+)\)/g)].map(([, flag]) => flag);
      assertEquals(attached, [command[0] === "write" ? "0" : "SHM_RDONLY"]);
    }
  } finally {
    await ok("rm", "--yes", `m:${id}`);
  }
});

Deno.test("ipc make semaphores gives them their values", async () => {
  const { id } = await json("make", "semaphores", "--values", "1,0,32767", "--mode", "0640");
  const set = SemaphoreSet.fromId(id);
  try {
    assertEquals([set.values, set.mode], [[1, 0, 32767], 0o640]);
  } finally {
    set.remove();
  }
  const counted = SemaphoreSet.fromId((await json("make", "semaphores", "--count", "2")).id);
  try {
    assertEquals(counted.values, [0, 0]);
  } finally {
    counted.remove();
  }
  assertStringIncludes(await refuses(1, "make", "semaphores", "--values", "32768"), "32768");
});

Deno.test("ipc rm does not remove what a living process uses, unless --yes is given", async () => {
  using made = scene();
  const { segment, queue } = made;
  assertStringIncludes(await refuses(1, "rm", `m:${segment.id}`), `is used by ${Deno.pid} (`);
  assertEquals(segment.size, 27);
  // the one that it may not does not keep it from the others
  const { id } = await json("make", "queue");
  const { code, stdout, stderr } = await ipc(["rm", `q:${queue.id}`, `q:${id}`]);
  assertEquals([code, stdout], [1, `removed queue ${id}\n`]);
  assertStringIncludes(stderr, `queue ${queue.id} is used by ${Deno.pid}`);
  assertEquals(await json("rm", "--yes", `q:${queue.id}`), [{ kind: "queue", id: queue.id }]);
  assertEquals(await ok("rm", "--yes", `m:${segment.id}`), `removed segment ${segment.id}\n`);
  assertEquals(segment.readString(), "abcdefghijklmnopqrstuvwxyz"); // attached here until it is detached
});

/** Runs shell commands in a namespace of their own: other tests' objects are orphans, too, at times. */
async function apart(commands: string): Promise<Ended & { list: (name: string) => Json[] }> {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const [program, ...args] = ["unshare", ...UNSHARE_IPC, "--pid", "--fork", "--mount-proc", "sh", "-c"];
    const ended = await run(program, [...args, `i="${DENO.join(" ")}"; cd "$0"\n${commands}`, directory]);
    const files = new Map(
      [...Deno.readDirSync(directory)].filter(({ name }) => name.endsWith(".json"))
        .map(({ name }) => [name, JSON.parse(Deno.readTextFileSync(`${directory}/${name}`))]),
    );
    // POSIX shared memory is no namespace's: others' is there, too
    const list = (name: string) => files.get(`${name}.json`).filter(({ kind }: Json) => !kind.startsWith("posix-"));
    return { ...ended, list };
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

needs("unshare")(
  "ipc rm --orphans removes segments that nobody uses; queues and sets it names, and removes with --possible",
  async () => {
    const { stdout, stderr, list } = await apart(`
    $i make segment --size 10 > /dev/null; $i make queue; $i make semaphores --values 1
    $i send "$($i make queue)" x
    $i rm --orphans; echo "without --yes: $?"
    $i ls --json > before.json
    $i rm --orphans --yes; echo "with --yes: $?"
    $i ls --json > between.json
    $i rm --orphans --possible; echo "possible, without --yes: $?"
    $i rm --orphans --possible --yes; echo "possible: $?"
    $i ls --json > after.json
    $i rm --orphans; echo "again: $?"
  `);
    const found = (name: string) => list(name).map(({ kind, idle, orphan }) => [kind, idle, orphan]);
    const possible = [["queue", true, false], ["queue", true, false], ["semaphores", true, false]];
    assertEquals(found("before"), [["segment", true, true], ...possible], stderr);
    assertEquals(found("between"), possible);
    assertEquals(list("after"), []);
    assertMatch(stdout, /without --yes: 1\nkept queue \d+, which may be in use: nobody has ever sent or received, /);
    assertMatch(stdout, /^kept queue \d+, which may be in use: last sender \d+ has ended, it holds 1 message$/m);
    assertMatch(stdout, /^removed segment \d+\nwith --yes: 0\n/m);
    assertMatch(stdout, /possible: 0\nthere are no orphans\nagain: 0\n$/);
    assertMatch(
      stderr,
      /^ipc: segment \d+: not removed without --yes\nipc: queue \d+, queue \d+, semaphore set \d+: not removed without --yes\n$/,
    );
  },
);

needs("unshare")(
  "ipc rm --orphans --yes leaves a server in await receive() and a worker in await acquire() what they wait for",
  async () => {
    // a partner made them and has ended, so the kernel remembers nobody who lives; of containers that share their
    // objects, one does not even see the other's processes
    using waiter = file(`
      import { MessageQueue, SemaphoreSet } from "@mod";
      const queue = MessageQueue.open(0x5f), set = SemaphoreSet.openSync(0x60);
      setTimeout(() => Deno.writeTextFileSync("ready", ""), 100);
      await Promise.all([queue.receive({ type: 7 }), set.acquire(0)]);`);
    const { stdout, stderr, list } = await apart(`
    $i make queue --key 0x5f; $i make semaphores --key 0x60 --values 0
    ${Deno.execPath()} run --allow-all ${waiter.path} &
    while [ ! -e ready ]; do sleep 0.02; done
    $i rm --orphans --yes; echo "code $?"
    unshare --pid --fork --mount-proc $i rm --orphans --yes; echo "code $?"
    $i ls --json > after.json
    kill $!
  `);
    assertEquals(list("after").map(({ key }) => key), [0x5f, 0x60], stderr);
    assert(!stdout.includes("removed"), stdout);
    assertEquals(stdout.match(/^code 0$/gm)?.length, 2);
  },
);

needs("unshare", "root", "perl")("ipc rm --orphans --possible leaves what another user has made", async () => {
  // the second one was given away: root owns it, but somebody else made it
  const give = "msgctl($id, 2, $_); substr($_, 4, 4) = pack(q(L), 0); msgctl($id, 1, $_) or die $!";
  const { list } = await apart(`
    perl -e '$> = 65534; shmget(0x5e, 9, 01600); $id = msgget(0x5f, 01600); ${give}'
    $i make queue --key 0x60 > /dev/null
    $i rm --orphans --possible --yes
    $i ls --json > after.json
  `);
  assertEquals(list("after").map(({ key, uid }) => [key, uid]), [[0x5e, 65534], [0x5f, 0]]);
});

needs("unshare")("ipc rm takes many names of the same object, and finds each of many objects once", async () => {
  const { stdout, stderr } = await apart(`
    q=$($i make queue --key 7)
    for n in 1 2 3; do $i make queue > /dev/null; done
    IPC_TRACE=trace $i rm 7 $q 0x7 q:1 q:2; echo "code $?"
    grep -c '"exit".*MSG_INFO' trace
  `);
  assertEquals([stdout, stderr], ["removed queue 0\nremoved queue 1\nremoved queue 2\ncode 0\n1\n", ""]);
});

needs("unshare", "perl")(
  "ipc rm --orphans leaves what was made or last used by a process that lives, or is waited for",
  async () => {
    const { stdout, list } = await apart(`
    perl -e '$id = shmget(0x5e, 9, 01600); open F, ">", "1"; sleep 60' &
    perl -e '$id = msgget(0x5f, 01600); open F, ">", "2"; msgrcv($id, $_, 9, 7, 0)' &
    perl -e '$id = msgget(0x60, 01600); msgsnd($id, pack("l! a", 1, "x"), 0); open F, ">", "3"; sleep 60' &
    while [ ! -e 1 -o ! -e 2 -o ! -e 3 ]; do sleep 0.02; done
    while ! $i ls -q --json | grep -q waits; do sleep 0.02; done
    $i ls --json > before.json
    $i rm --orphans --yes
    $i ls --json > after.json
  `);
    const sorted = (name: string) => list(name).toSorted((a, b) => a.key - b.key);
    assertEquals(sorted("before").map(({ key, idle }) => [key, idle]), [[0x5e, false], [0x5f, false], [0x60, false]]);
    assertEquals(sorted("after").map(({ key }) => key), [0x5e, 0x5f, 0x60]);
    assertEquals(stdout, "there are no orphans\n");
  },
);

needs("root", "setpriv", copies())("ipc says in one line what another user may not do", async () => {
  using made = scene(); // 0640, 0622, 0600
  // as nobody, who may not look into root's cache, with a copy of it: packages may be out of reach
  const path = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  using _directory = { [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
  const { npmCache } = JSON.parse((await run(Deno.execPath(), ["info", "--json"])).stdout);
  assertEquals((await run("cp", ["-R", npmCache, `${path}/npm`])).code, 0);
  assertEquals((await run("chown", ["-R", "65534:65534", path])).code, 0);
  const other = (...args: string[]) =>
    run("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", ...DENO, ...args], {
      env: { DENO_DIR: path, HOME: path },
    });
  const list = await other("ls", "--json");
  assertEquals(list.code, 0, list.stderr);
  const found: Json[] = JSON.parse(list.stdout);
  assert(found.some(({ kind, id }) => kind === "segment" && id === made.segment.id));
  assertEquals(found.find(({ kind, id }) => kind === "semaphores" && id === made.set.id).semaphores, null);
  const denied: [string[], string][] = [
    [["read", `m:${made.segment.id}`], "shmat: Permission denied"],
    [["write", `m:${made.segment.id}`, "x"], "shmat: Permission denied"],
    [["receive", `q:${made.queue.id}`], "msgrcv: Permission denied"],
    [["rm", "--yes", `s:${made.set.id}`], "semctl: Operation not permitted"],
    [["rm", `s:${made.set.id}`], "belongs to root"],
  ];
  for (const [args, message] of denied) {
    const { code, stdout, stderr } = await other(...args);
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^ipc: .+\n$/);
    assertStringIncludes(stderr, message);
  }
  // what is known is shown all the same
  const plain = await other("show", `m:${made.segment.id}`);
  assertEquals([plain.code, plain.stderr], [0, ""]);
  assertStringIncludes(plain.stdout, "Its bytes are not shown");
  const shown = await other("show", `m:${made.segment.id}`, "--attach");
  assertEquals([shown.code, shown.stderr.split("\n").length], [1, 2]);
  assertStringIncludes(shown.stderr, "shmat: Permission denied");
  assertStringIncludes(shown.stdout, "rw-r----- (0640)");
  assertEquals((await other("send", `q:${made.queue.id}`, "from nobody")).code, 0);
  assertEquals(made.queue.messages().map(({ text }) => text), ["Did you get this?", "from nobody"]);
});

Deno.test("ipc writes no control codes into a pipe, whatever an object holds, and fits 40 columns", async () => {
  using made = scene();
  const { segment, queue } = made;
  segment.write("\x1b[2J\x07\r\u202e");
  queue.sendSync("\x1b]0;title\x07 \u009b31m");
  const wide = await ok("ls");
  assert(
    wide.split("\n").some((line) => line.includes("0x" + segment.key.toString(16)) && line.includes("HEX") === false),
  );
  for (const args of [["ls"], ["show", `m:${segment.id}`], ["show", `q:${queue.id}`], ["show", `s:${made.set.id}`]]) {
    for (const columns of ["40", "80"]) {
      const { stdout, code } = await ipc(args, { env: { COLUMNS: columns, FORCE_COLOR: "1" } });
      assertEquals(code, 0);
      assert(!/[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(stdout), stdout);
      for (const line of stdout.split("\n")) assert([...line].length <= Number(columns), line);
      if (args[0] === "ls") assertMatch(stdout, RegExp(`^ *${segment.id} .* 27 `, "m"));
    }
  }
});

Deno.test("ipc ends quietly if nobody reads what it prints", async () => {
  using _made = scene();
  const { stdout, stderr } = await run("sh", ["-c", `${DENO.join(" ")} ls | head -n 1; ${DENO.join(" ")} ls | true`]);
  assertEquals([stdout, stderr], ["Segments\n", ""]);
  using segment = SharedMemory.create(1 << 20);
  const raw = await run("sh", [
    "-c",
    `(${DENO.join(" ")} read m:${segment.id} --raw; echo $? >&2) | head -c 1 | wc -c`,
  ]);
  assertEquals([raw.stdout.trim(), raw.stderr], ["1", "141\n"]);
});

Deno.test("ipc send and write stop reading an input that has no end", async () => {
  using made = scene();
  const endless = (...args: string[]) => run("sh", ["-c", 'exec "$@" < /dev/zero', "sh", ...DENO, ...args]);
  const sent = await endless("send", `q:${made.queue.id}`);
  assertEquals([sent.code, sent.stdout], [1, ""]);
  assertMatch(sent.stderr, /^ipc: msgsnd: Invalid argument .*\n$/);
  const written = await endless("write", `m:${made.segment.id}`, "--offset", "20");
  assertEquals([written.code, written.stdout], [1, ""]);
  assertMatch(written.stderr, /^ipc: .* not inside the segment's 27 bytes\)\n$/);
  const directory = await run("sh", ["-c", 'exec "$@" < /', "sh", ...DENO, "send", `q:${made.queue.id}`]);
  assertEquals([directory.code, directory.stderr], [1, "ipc: Is a directory\n"]);
});

Deno.test("ipc read of a segment that is larger than any string", async () => {
  const size = 2 ** 30 + 8;
  const id = shmget(IPC_PRIVATE, size, 0o600); // its pages cost nothing until they are written
  try {
    assertEquals(await ok("read", `m:${id}`), "\n");
    assertStringIncludes(await refuses(1, "read", `m:${id}`, "--json"), `${size} bytes are too many for text`);
    assertEquals(
      await ok("read", `m:${id}`, "--hex", "--offset", String(2 ** 30 - 24), "--length", "32"),
      `3fffffe8  ${"00 ".repeat(16)} ${".".repeat(16)}\n3ffffff8  ${"00 ".repeat(16)} ${".".repeat(16)}\n`,
    );
  } finally {
    shmctl(id, IPC_RMID);
  }
});

Deno.test("ipc watch --json prints a line once if there is nothing, and goes on", async () => {
  if (objects("sem").length > 0) return; // somebody has some: what is there is printed, and changes
  await using watching = start(["watch", "-s", "--json"]);
  await watching.until("[]\n");
  const end = Date.now() + 1200; // two rounds
  await until(() => Date.now() > end || watching.stdout !== "[]\n", "time passes");
  if (objects("sem").length === 0) assertEquals(watching.stdout, "[]\n");
});

Deno.test("ipc watch --json prints a line whenever something has changed", async () => {
  const key = freshKey();
  await using watching = start(["watch", "-q", "--json"]);
  const seen = (test: (object: Json) => boolean, there = true) =>
    until(() => {
      const lines = watching.stdout.split("\n").slice(0, -1);
      return lines.length > 0 &&
        JSON.parse(lines.at(-1)!).some((object: Json) => object.key === key && test(object)) === there;
    }, "it is seen");
  await seen(() => true, false);
  {
    using queue = MessageQueue.create({ key });
    await seen(({ messages }) => messages === 0);
    queue.sendSync("x");
    await seen(({ messages }) => messages === 1);
  }
  await seen(() => true, false);
});

/**
 * Runs commands in a terminal of so many columns. Ctrl-C reaches the shell, too, and may end it, depending on which shell
 * it is and on who is faster; a trap is not inherited by what the shell runs.
 */
function inTerminal(commands: string, columns = 80, env: Record<string, string> = {}, rows = 24): Program {
  return new Program("script", ["-qec", `trap : INT; stty cols ${columns} rows ${rows}; ${commands}`, "/dev/null"], {
    stdin: "open",
    env: { TERM: "xterm", ...env },
  });
}

const WATCH = `stty -g; ${DENO.join(" ")} watch; echo "code $?"; stty -g`;
const BOTH_SCREENS = /\x1b\[\?1049h\x1b\[\?25l.*\x1b\[\?25h\x1b\[\?1049l/s;

/** What must be true of a terminal when the command in it has ended. */
function restored(stdout: string): void {
  const lines = stdout.split(/\r?\n/);
  assertEquals(lines.at(-2), lines[0], "stty"); // the state before and after
  assertMatch(stdout, BOTH_SCREENS);
  assert(!stdout.split("\x1b[?1049l")[1].includes("\x1b[?"), "nothing but text after it");
}

/** The process that runs a file, somewhere below another. */
function below(ancestor: number, argument: string): number | undefined {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (!Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0").includes(argument)) continue;
      for (let pid = Number(name); pid > 1;) {
        pid = Number(/\) \S (\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/stat`))![1]);
        if (pid === ancestor && Deno.readTextFileSync(`/proc/${name}/comm`) === "deno\n") return Number(name);
      }
    } catch {
      // it has ended meanwhile
    }
  }
}

for (const [key, code] of [["q", 0], ["\x03", 130]] as const) {
  needs("script")(`ipc watch leaves the terminal as it was on ${key === "q" ? "q" : "Ctrl-C"}`, async () => {
    await using terminal = inTerminal(WATCH, 80, { NO_COLOR: "" });
    await terminal.until("Processes that use them");
    await terminal.type(key);
    const { stdout } = await terminal.end();
    restored(stdout);
    assertStringIncludes(stdout, `code ${code}\r\n`);
  });
}

needs("script")("ipc watch leaves the terminal as it was on SIGTERM", async () => {
  await using terminal = inTerminal(WATCH);
  await terminal.until("Processes that use them");
  Deno.kill(below(terminal.pid, IPC_TS)!, "SIGTERM");
  await terminal.until("code 143");
  await terminal.type("");
  restored((await terminal.end()).stdout);
});

needs("script")(
  "ipc watch leaves the terminal as it was if it crashes, and the error is on the main screen",
  async () => {
    using program = file(`
    import { watch } from "${root}scripts/tools/ipc/watch.ts";
    setTimeout(() => { throw new Error("a mistake"); }, 500);
    await watch(["queue"]);`);
    await using terminal = inTerminal(`stty -g; ${Deno.execPath()} run -A ${program.path}; echo "code $?"; stty -g`);
    await terminal.until("code 1");
    await terminal.type("");
    const { stdout } = await terminal.end();
    restored(stdout);
    assertStringIncludes(stdout.split("\x1b[?1049l")[1], "a mistake");
  },
);

needs("script", "unshare", "perl")("ipc watch marks what comes, changes and goes, and shows zombies", async () => {
  // quiet: in a namespace of its own
  const perl = `perl -e '$id = shmget(0x5f, 9, 01600); exit 0 if fork == 0; sleep 60' &`;
  const later =
    `(sleep 2; ipc make queue --key 0x60; sleep 1; ipc write 0x5f x; sleep 1; ipc rm --yes 0x60) > /dev/null &`;
  await using terminal = inTerminal(
    `unshare ${UNSHARE_IPC.join(" ")} bash -c 'ipc() { ${DENO.join(" ")} "$@"; }; ${
      (perl + later).replaceAll("'", `'\\''`)
    } ipc watch'`,
    80,
    {},
    1000,
  );
  // the processes are everybody's, and others may have zombies, too
  const tree = /\d+ perl {2}m:\d+ made it(\x1b\[\d*[Km]|\s)*└─ \d+ perl {2}ZOMBIE, not waited for/;
  await until(() => tree.test(terminal.stdout), "the zombie is shown");
  for (const [mark, key] of [["+", 0x60], ["~", 0x5f], ["-", 0x60]]) {
    await until(() => RegExp(`\\${mark} +\\d+ +${key} `).test(terminal.stdout), `a ${mark}`);
  }
  await terminal.type("q");
  await terminal.end();
  assertEquals(zombies(Deno.pid), []);
});

needs("script")("ipc ls and watch fit a terminal of 40 columns, with and without colours", async () => {
  using made = scene();
  for (const NO_COLOR of ["", "1"]) {
    await using terminal = inTerminal(`${DENO.join(" ")} ls; ${DENO.join(" ")} watch -m`, 40, { NO_COLOR });
    await terminal.until("Processes that use them");
    await terminal.type("q");
    const { stdout } = await terminal.end();
    assertEquals(/\x1b\[\d+(;\d+)*m/.test(stdout), NO_COLOR === "");
    // the codes take no columns
    const lines = stdout.replaceAll(/\x1b\[\??[\d;]*[A-Za-z]/g, "\n").split(/\r?\n/);
    for (const line of lines) assert([...line].length <= 40, line);
    assert(lines.some((line) => RegExp(`^ *${made.segment.id} .* 27 `).test(line)));
  }
});

needs("script")("ipc rm asks in a terminal, and takes no for an answer", async () => {
  for (const answer of ["n", "y"]) {
    using segment = SharedMemory.create(10);
    await using terminal = inTerminal(`${DENO.join(" ")} rm m:${segment.id}; echo "code $?"`);
    await terminal.until("remove it?");
    await terminal.type(`${answer}\n`);
    assertStringIncludes((await terminal.end()).stdout, "code 0");
    assertEquals(objects("shm").some(({ id }) => id === segment.id), true); // attached here
    const removed = (await json("ls", "-m")).find(({ id }: Json) => id === segment.id).removed;
    assertEquals(removed, answer === "y");
  }
});

needs("script")("ipc watch shows the keys in a terminal of 40, 80 and 120 columns", async () => {
  using made = scene();
  for (const columns of [40, 80, 120]) {
    await using terminal = inTerminal(`${DENO.join(" ")} watch`, columns);
    await terminal.until("Processes that use them");
    await terminal.type("q");
    const lines = (await terminal.end()).stdout.replaceAll(/\x1b\[\??[\d;]*[A-Za-z]/g, "\n").split(/\r?\n/);
    for (const { id, key } of [made.segment, made.queue]) {
      assert(lines.some((line) => RegExp(`^ +${id} +${key} `).test(line)), `${columns} columns: ${lines.join("\n")}`);
    }
  }
});

needs("script")("ipc watch draws no more lines and columns than there are, however few", async () => {
  using _made = scene();
  for (const [columns, rows] of [[20, 24], [80, 5], [80, 2], [5, 3], [1, 1]]) {
    await using terminal = inTerminal(WATCH, columns, {}, rows);
    await terminal.until("\x1b[J"); // the end of a frame
    await terminal.type("q");
    const { stdout } = await terminal.end();
    restored(stdout);
    for (const frame of stdout.split("\x1b[?25h")[0].split("\x1b[H").slice(1)) {
      const lines = frame.split("\x1b[J")[0].replaceAll(/\x1b\[[\d;]*[A-Za-z]|\r/g, "").split("\n");
      assert(lines.length <= rows, `${lines.length} lines in ${rows}`);
      for (const line of lines) assert([...line].length <= columns, `${columns} columns: ${line}`);
    }
  }
});

needs("script")("ipc repl completes on Tab, and lives", async () => {
  for (const env of [{}, { DENO_V8_FLAGS: "--single-threaded" }] as Record<string, string>[]) {
    await using terminal = inTerminal(`${DENO.join(" ")} repl; echo "code $?"`, 80, env);
    await terminal.until("> ");
    // the word is completed, or the result would be no other
    await terminal.type("SharedMemory.creat\t.name.length * 7\r", false);
    await terminal.until("42\r\n");
    await terminal.type("fork()\r", false);
    await terminal.until("fork: Operation not supported");
    await terminal.type("\x04");
    assertMatch((await terminal.end()).stdout, /code 0/);
  }
});

needs("script")("ipc repl ends on Ctrl-C twice during an await, and leaves the terminal as it was", async () => {
  await using terminal = inTerminal(`stty -g; ${DENO.join(" ")} repl; echo "code $?"; stty -g`);
  await terminal.until("> ");
  await terminal.type(`console.log("wait".length + 38); await new Promise((r) => setTimeout(r, 60_000))\r`, false);
  await terminal.until("42\r\n");
  await terminal.type("\x03", false);
  await terminal.until("again to leave");
  await terminal.type("\x03", false);
  await terminal.until("code 130");
  await terminal.type("");
  const lines = (await terminal.end()).stdout.split(/\r?\n/);
  assertEquals(lines.at(-2), lines[0], "stty");
});

Deno.test("ipc repl has the library in scope", async () => {
  const { code, stdout } = await ipc(["repl"], {
    stdin: "console.log(typeof shmget, new LibcError('x', 2).code, fork.name)\nclose\n",
  });
  assertEquals(code, 0);
  assertMatch(stdout, /^function ENOENT fork$/m);
});

Deno.test("ipc trace and ipc demos take their own arguments", async () => {
  assertStringIncludes(await ok("trace", "--help"), "--mermaid");
  assertStringIncludes(await ok("demos", "--list"), "fork-server");
  using program = file(`
    import { MessageQueue } from "@mod";
    using queue = MessageQueue.create();
    queue.sendSync(Deno.args.join());`);
  const drawn = await ok(
    "trace",
    "--width",
    "200",
    "--",
    Deno.execPath(),
    "run",
    "--allow-ffi",
    program.path,
    "--json",
    "--",
  );
  assertStringIncludes(drawn, "msgsnd type 1 “--json");
});

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`ipc completion ${shell} prints a script with commands and options`, async () => {
    const text = await ok("completion", shell);
    assertStringIncludes(text, "receive");
    assertStringIncludes(text, "orphans");
  });

  needs({ [shell]: works(shell, "-c", "true") })(`ipc completion ${shell} prints what the shell takes`, async () => {
    const text = await ok("completion", shell);
    const checked = await run(shell, shell === "fish" ? ["--no-execute"] : ["-n"], { stdin: text });
    assertEquals([checked.code, checked.stderr], [0, ""]);
    if (shell !== "bash") return;
    const { stdout } = await run("bash", ["--norc"], {
      stdin: `${text}\nCOMP_WORDS=(ipc ma); COMP_CWORD=1; _ipc; echo "\${COMPREPLY[@]}"
        COMP_WORDS=(ipc make q); COMP_CWORD=2; _ipc; echo "\${COMPREPLY[@]}"`,
    });
    assertEquals(stdout, "make\nqueue\n");
  });
}

Deno.test("hexDump() leaves out lines that repeat, and fits its width", () => {
  const dump = hexDump(new Uint8Array(64), 0, Infinity);
  assertEquals(dump.map((line) => line.slice(0, 4).trim()), ["0000", "*", "0030"]);
  assertEquals(hexDump(new Uint8Array(20).map((_, i) => i + 60), 0, 40).map((line) => line.length), [39, 39, 35]);
});
