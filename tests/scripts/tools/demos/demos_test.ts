import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { shmat, shmdt } from "../../../../mod.ts";
import { DEMOS } from "../../../../scripts/tools/demos/list.ts";
import { type Demo, type DemoEvent, type Outcome, type Part, runDemo } from "../../../../scripts/tools/demos/runner.ts";
import { isListening } from "../../../../scripts/tools/demos/system.ts";
import { View } from "../../../../scripts/tools/demos/view.ts";
import { free, freshKey } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { objects, process, Program, removeObject, root, run, until } from "../../../support.ts";

const DEMOS_TS = `${root}scripts/tools/demos/demos.ts`;
const IPC_TS = `${root}scripts/tools/ipc/ipc.ts`;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";
// deno-lint-ignore no-control-regex -- these are what is looked for
const CONTROL = /[\0-\x09\x0b-\x1f\x7f]/;

const segment = () => objects("shm").find(({ key }) => key === 5678);
const queue = () => objects("msg").find(({ key }) => key === 1234);

const unused = { ...free("shm", 5678), ...free("msg", 1234) };

/** What marks the processes of a run that is gone: its pid is beyond all that there are. */
const deadRun = () => `${/\d+/.exec(Deno.readLinkSync("/proc/self/ns/pid"))![0]}-${2 ** 22 + 1}-1`;

const start = (...args: string[]) => new Program(Deno.execPath(), ["run", "--quiet", "--allow-all", DEMOS_TS, ...args]);

async function demos(...args: string[]) {
  await using program = start(...args);
  return await program.end();
}

/** A program in Perl that stays until it is killed, or ends at once; it has made what it prints. */
async function perl(code: string, stay: boolean): Promise<Program> {
  const program = new Program("perl", ["-e", `$| = 1; ${code} or die $!; print "made\\n"; ${stay ? "sleep 60" : ""}`]);
  await program.until("made");
  if (!stay) await program.end();
  return program;
}

const MAKE_SEGMENT = "defined(shmget(5678, 27, 01666))";
const MAKE_QUEUE = `defined($id = msgget(1234, 01666)) && msgsnd($id, pack("l! a*", 1, "Anybody there?\\0"), 0)`;

/** The living processes with a run's mark, and a run's directories. */
function traces(run: number): string[] {
  const mark = RegExp(`IPC_DEMO_RUN=\\d+-${run}-`);
  const list: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    try {
      if (mark.test(Deno.readTextFileSync(`/proc/${name}/environ`))) list.push(`pid ${name}`);
    } catch {
      // not a process, or ended meanwhile
    }
  }
  for (const { name } of Deno.readDirSync(Deno.env.get("TMPDIR") ?? "/tmp")) {
    if (name.startsWith("ipc-demo-") && name.includes(`-${run}-`)) list.push(name);
  }
  return list;
}

needs(unused)("demos run every demo, pass, and leave nothing", async () => {
  const before = [objects("shm"), objects("msg"), objects("sem")];
  await using program = start();
  const { code, stdout, stderr } = await program.end();
  assertEquals({ code, stderr }, { code: 0, stderr: "" }, stdout);
  assert(!CONTROL.test(stdout), "control codes without a terminal");
  DEMOS.forEach(({ name }, i) => {
    assertStringIncludes(stdout, `[${i + 1}/${DEMOS.length}] ${name} - `);
    assertMatch(stdout, RegExp(`^  passed +${name} +\\d+\\.\\d\\d s$`, "m"));
  });
  assertMatch(stdout, RegExp(`^${DEMOS.length} passed in `, "m"));
  for (const line of stdout.split("\n")) assert(line.length <= 80, line);
  assertEquals([objects("shm"), objects("msg"), objects("sem")], before);
  assertEquals(traces(program.pid), []);
  for (const [, port] of stdout.matchAll(/socket_server\w*\.ts (\d+)$/gm)) assert(!isListening("tcp", Number(port)));
});

Deno.test("DEMOS have every program of the slides, in their order", () => {
  const used = new Set(DEMOS.flatMap(({ parts }) => parts.map(({ script }) => script)));
  const scripts = [...Deno.readDirSync(`${root}scripts`)].filter(({ isFile }) => isFile).map(({ name }) => name);
  assertEquals([...used].sort(), scripts.filter((name) => name.endsWith(".ts")).sort());
  const slides = DEMOS.flatMap(({ slides }) => slides.split(", ").map(Number));
  assertEquals(slides, slides.toSorted((a, b) => a - b));
});

Deno.test("demos --list prints the demos, --help how to use it", async () => {
  const list = await demos("--list");
  assertEquals(list.code, 0);
  assertEquals(list.stdout.trim().split("\n").map((line) => line.split(" ")[0]), DEMOS.map(({ name }) => name));
  assertEquals((await demos("--list", "server")).stdout.match(/^\S+/gm), ["fork-server", "fixed-server"]);
  const help = await demos("--help");
  assertEquals(help.code, 0);
  assertStringIncludes(help.stdout, "deno task demos [options] [names...]");
});

Deno.test("demos exit with 2 if a name or an option is unknown, and run nothing", async () => {
  const name = await demos("posix", "nonsense");
  assertEquals([name.code, name.stdout], [2, ""]);
  assertStringIncludes(name.stderr, `there is no demo "nonsense"`);
  for (const demo of DEMOS) assertStringIncludes(name.stderr, demo.name);
  const option = await demos("--nonsense");
  assertEquals([option.code, option.stdout], [2, ""]);
});

needs(unused)("demos run what is named, in the slides' order", async () => {
  const { code, stdout } = await demos("unix", "shm");
  assertEquals(code, 0, stdout);
  assertEquals(stdout.match(/^\[.*(?= - )/gm), ["[1/2] shm", "[2/2] unix"]);
  assertMatch(stdout, RegExp(`^client \\| ${ALPHABET}$`, "m"));
  assertMatch(stdout, /^client \| Please enter your message: Hello on this machine$/m);
});

needs("perl", unused)("demos skip a demo if a living process made the segment, and leave that alone", async () => {
  await using owner = await perl(MAKE_SEGMENT, true);
  try {
    const made = segment();
    const { code, stdout } = await demos("shm");
    assertEquals(code, 1);
    const flat = stdout.replaceAll(/\s+/g, " ");
    assertStringIncludes(flat, `key 5678 is in use by segment ${made!.id} (owner `);
    assertStringIncludes(flat, `pid ${owner.pid})`);
    assertMatch(stdout, /^ {2}skipped +shm /m);
    assertEquals(segment(), made);
  } finally {
    removeObject("shm", 5678);
  }
});

needs("perl", unused)(
  "demos skip a demo if a living process has the segment attached, though its maker is gone",
  async () => {
    await perl(MAKE_SEGMENT, false);
    try {
      const made = segment()!;
      const memory = shmat(made.id);
      const { code } = await demos("shm");
      shmdt(memory);
      assertEquals([code, segment()], [1, made]);
    } finally {
      removeObject("shm", 5678);
    }
  },
);

needs("perl", unused)("demos skip a demo if a living process used the queue, or waits for it", async () => {
  await using sender = await perl(MAKE_QUEUE, true);
  try {
    const made = queue();
    const { code, stdout } = await demos("message");
    assertEquals([code, queue()], [1, made]);
    assertStringIncludes(stdout.replaceAll(/\s+/g, " "), `last sender pid ${sender.pid})`);
    sender.kill();
    await sender.end();
    const wait = `$| = 1; print "waits\\n"; msgrcv(${made!.id}, $b, 9, 7, 0)`;
    await using receiver = new Program("perl", ["-e", wait]);
    await receiver.until("waits");
    await until(() => process(receiver.pid)?.state === "S", "the receiver waits");
    assertEquals([(await demos("message")).code, queue()], [1, made]);
  } finally {
    removeObject("msg", 1234);
  }
});

needs("perl", unused)("demos remove the segment and the queue of a run that was killed, and say so", async () => {
  await perl(MAKE_SEGMENT, false);
  await perl(MAKE_QUEUE, false);
  try {
    const [oldSegment, oldQueue] = [segment()!, queue()!];
    const { code, stdout } = await demos("shm", "message");
    assertEquals(code, 0, stdout);
    assertStringIncludes(stdout, `removed segment ${oldSegment.id} with key 5678, a leftover`);
    assertStringIncludes(stdout, `removed queue ${oldQueue.id} with key 1234, a leftover`);
    assertEquals([segment(), queue()], [undefined, undefined]);
  } finally {
    removeObject("shm", 5678);
    removeObject("msg", 1234);
  }
});

needs("perl", unused)("demos skip a demo if a segment of another size is left, and say what frees it", async () => {
  await perl("defined(shmget(5678, 28, 01666))", false);
  try {
    const made = segment()!;
    const { code, stdout } = await demos("shm");
    assertEquals([code, segment()], [1, made]);
    const said = stdout.replaceAll(/\s+/g, " ");
    assertMatch(
      said,
      RegExp(`by segment ${made.id} \\(owner \\S+, pid \\d+, which has ended\\); nobody has it attached`),
    );
    assertStringIncludes(said, `deno task ipc rm m:${made.id} frees it`);
    assertEquals((await run(Deno.execPath(), ["run", "-A", IPC_TS, "rm", `m:${made.id}`])).code, 0);
    assertEquals(segment(), undefined);
  } finally {
    removeObject("shm", 5678);
  }
});

needs("perl", unused)("demos leave a queue to whoever may look into it again and again", async () => {
  const other = `defined($id = msgget(1234, 01666)) && msgsnd($id, pack("l! a*", 3, "Old news"), 0)`;
  for (const make of ["defined(msgget(1234, 01666))", other]) {
    await perl(make, false); // the kernel does not remember who looks
    try {
      const made = queue()!;
      const { code, stdout } = await demos("message");
      assertEquals([code, queue()], [1, made]);
      assertStringIncludes(
        stdout.replaceAll(/\s+/g, " "),
        `if it is not needed any more, deno task ipc rm q:${made.id} frees it`,
      );
    } finally {
      removeObject("msg", 1234);
    }
  }
});

needs("perl", unused)(
  "demos remove the queue of a run that was killed, though nobody has used it, and no other",
  async () => {
    const directory = Deno.makeTempDirSync();
    const note = `${directory}/ipc-demo-${deadRun()}-x`;
    const demo = async () => {
      await using program = new Program(Deno.execPath(), ["run", "--quiet", "--allow-all", DEMOS_TS, "message"], {
        env: { TMPDIR: directory },
      });
      return await program.end();
    };
    try {
      // the queue is made after the run has noted its key, at once or much later
      for (const [age, code] of [[0, 0], [3600, 1]]) {
        Deno.mkdirSync(note);
        Deno.writeTextFileSync(`${note}/queue-1234`, "");
        const then = Date.now() / 1000 - age;
        Deno.utimeSync(`${note}/queue-1234`, then, then);
        await perl("defined(msgget(1234, 01666))", false);
        const ended = await demo();
        assertEquals([ended.code, ended.stdout.includes("left by the demo")], [code, code === 0], ended.stdout);
        assertEquals([...Deno.readDirSync(directory)], []);
      }
    } finally {
      removeObject("msg", 1234);
      Deno.removeSync(directory, { recursive: true });
    }
  },
);

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  needs(unused)(`demos leave nothing if ${signal} comes in the middle`, async () => {
    await using program = start("shm", "socket");
    await program.ready(() => segment() !== undefined, "the server has made its segment");
    program.kill(signal);
    const { code: ended, stdout } = await program.end();
    assertEquals(ended, code, stdout);
    assertMatch(stdout, /^ {2}interrupted +shm /m);
    assert(!stdout.includes("socket_server.ts"), "goes on after the signal");
    assertEquals([segment(), traces(program.pid)], [undefined, []]);
  });
}

needs(unused)("demos end what a run that was killed with SIGKILL has left running", async () => {
  await using program = start("shm");
  await program.ready(() => segment() !== undefined, "the server has made its segment");
  program.kill("SIGKILL");
  // its pipes are the server's, too, so its end is not waited for
  await until(() => process(program.pid) === undefined, "it is gone");
  const { code, stdout } = await demos("shm");
  assertEquals(code, 0, stdout);
  assertMatch(stdout, /^ended pid \d+, left by a run that was killed$/m);
  assertEquals([segment(), traces(program.pid)], [undefined, []]);
});

needs("root", "perl", "setpriv")(
  "demos do not believe what another user's process has in its environment, and leave its queue alone",
  async () => {
    const key = freshKey();
    const code = `$id = msgget(${key}, 01600); msgsnd($id, pack("l! a", 1, "x"), 0); $| = 1; print "on"; sleep 60`;
    const as = ["--reuid=65534", "--regid=65534", "--clear-groups", "perl", "-e", code];
    await using other = new Program("setpriv", as, { env: { IPC_DEMO_RUN: deadRun() } });
    await other.until("on");
    try {
      const { code, stdout } = await demos("posix");
      assertEquals(code, 0);
      assert(!stdout.includes("left by a run that was killed"), stdout);
      assertEquals(process(other.pid)?.state, "S");
      assert(objects("msg").some((object) => object.key === key));
    } finally {
      removeObject("msg", key);
    }
  },
);

needs("root", "perl", "setpriv", unused)(
  "demos do not believe the environment of another user's process that has become root by a set-user-ID program",
  async () => {
    await perl("defined(msgget(1234, 01666))", false);
    const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
    try {
      Deno.chmodSync(directory, 0o755);
      await run("sh", ["-c", 'cp "$(command -v sleep)" "$0" && chmod 4755 "$0/sleep"', directory]);
      const send = `msgsnd(msgget(1234, 0), pack("l! a", 1, "x"), 0) or die $!; exec "${directory}/sleep", 60`;
      const as = ["--reuid=65534", "--regid=65534", "--clear-groups", "perl", "-e", send];
      await using other = new Program("setpriv", as, { env: { IPC_DEMO_RUN: deadRun() } });
      await other.ready(() => process(other.pid)?.command === "sleep", "it sleeps");
      const { code, stdout } = await demos("posix");
      assertEquals(code, 0);
      assert(!stdout.includes("left by a run that was killed"), stdout);
      assertEquals([process(other.pid)?.state, queue() !== undefined], ["S", true]);
    } finally {
      Deno.removeSync(directory, { recursive: true });
      removeObject("msg", 1234);
    }
  },
);

needs("perl")(
  "demos end a process of a run that was killed, but remove only objects with the demos' keys",
  async () => {
    const key = freshKey();
    const code = `$id = msgget(${key}, 01600); msgsnd($id, pack("l! a", 1, "x"), 0); $| = 1; print "on"; sleep 60`;
    await using left = new Program("perl", ["-e", code], { env: { IPC_DEMO_RUN: deadRun() } });
    await left.until("on");
    try {
      assertStringIncludes((await demos("posix")).stdout, `ended pid ${left.pid}, left by a run that was killed`);
      assertEquals((await left.end()).signal, "SIGTERM");
      assert(objects("msg").some((object) => object.key === key));
    } finally {
      removeObject("msg", key);
    }
  },
);

needs(unused)("demos end if nobody reads what they print", async () => {
  const { stdout } = await run("sh", ["-c", `"$@" | head -n 1`, "sh", Deno.execPath(), "run", "-A", DEMOS_TS, "shm"]);
  assertMatch(stdout, /^\[1\/1\] shm - .*\n$/);
  await until(() => segment() === undefined, "its segment is gone");
});

/** Runs a demo whose programs are written here. */
async function play(demo: Partial<Demo>, ...programs: ({ source: string } & Omit<Part, "script" | "who">)[]) {
  const directory = Deno.makeTempDirSync();
  const events: DemoEvent[] = [];
  try {
    const parts = programs.map(({ source, ...rest }, i): Part => {
      Deno.writeTextFileSync(`${directory}/${i}.ts`, source.replaceAll('"@mod"', JSON.stringify(`${root}mod.ts`)));
      return { who: `p${i}`, script: new URL(`file://${directory}/${i}.ts`).href, ...rest };
    });
    const whole: Demo = { name: "made up", slides: "0", title: "", notice: "", parts, check: () => [], ...demo };
    const outcome = await runDemo(whole, { on: (event) => events.push(event) });
    return { outcome, events };
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("runDemo() fails if a process ends otherwise, or a claim is not so", async () => {
  const { outcome, events } = await play(
    { check: (stage) => [["it says no", stage.stdout("p0") === "no\n"], ["it is sorry", stage.stderr("p0") !== ""]] },
    { source: `console.log("no"); Deno.exit(3);`, end: 0 },
  );
  assertEquals(outcome.result, "failed");
  assertEquals(outcome.reasons, ["p0: exit 3, not exit 0", "not so: it is sorry"]);
  assertEquals(events.filter(({ type }) => type === "line").length, 1);
});

Deno.test("runDemo() of a failing demo ends its servers and their children, and removes their objects", async () => {
  const key = freshKey();
  const server = `
    import { enableFork, fork, getpid, IPC_CREAT, poke, shmat, shmget, sleep, write } from "@mod";
    enableFork();
    const shm = shmat(shmget(${key}, 1, IPC_CREAT | 0o600));
    const pid = fork();
    if (pid !== 0) {
      write(1, \`\${getpid()} \${pid}\\n\`);
      poke(shm, 0, "!");
    }
    while (true) sleep(1);
  `;
  const before = Deno.readDirSync("/proc/self/fd").toArray().length;
  let pids: number[] = [];
  const { outcome } = await play(
    {
      async meanwhile(stage) {
        await stage.until("two pids", () => stage.stdout("p0").includes("\n"));
        pids = stage.stdout("p0").trim().split(" ").map(Number);
        assertEquals(stage.children("p0").map(({ pid }) => pid), pids.slice(1));
        assert(stage.exists("segment", key) && stage.littered);
        throw new Error("on purpose");
      },
    },
    { source: server, end: "stopped", ready: { segment: key, holds: "!" } },
  );
  assertEquals([outcome.result, outcome.reasons], ["failed", ["on purpose"]]);
  assertEquals(pids.length, 2);
  assertEquals(pids.map(process).filter((entry) => entry && entry.state !== "Z"), []);
  assertEquals(objects("shm").filter((segment) => segment.key === key), []);
  assertEquals(Deno.readDirSync("/proc/self/fd").toArray().length, before);
});

Deno.test("runDemo() fails if a server ends before it is ready", async () => {
  const { outcome } = await play({}, { source: "Deno.exit(7)", end: "stopped", ready: "tcp" });
  assertEquals(outcome.reasons, ["p0: exit 7, not SIGTERM", "p0 ended (exit 7) before it was ready"]);
});

Deno.test("runDemo() gives up as soon as a process has failed, and does not wait for its partner", async () => {
  const server = { source: `Deno.stdout.writeSync(new TextEncoder().encode("? ")); setInterval(() => {}, 1000)` };
  const { outcome, events } = await play(
    {},
    { ...server, prompt: "? ", input: "", ready: "prompt", end: 0 },
    { source: "Deno.exit(9)", end: 0 },
    { source: "", end: 0 },
  );
  assertEquals(outcome.reasons, ["p1: exit 9, not exit 0", "given up: p1 has failed"]);
  assertEquals(events.filter(({ type }) => type === "start").length, 2);
  const last = await play(
    {},
    { ...server, prompt: "? ", input: "", ready: "prompt", end: 0 },
    { source: "", end: 0 },
    { source: "Deno.exit(9)", end: 0 },
  );
  assertEquals(last.outcome.reasons, ["p2: exit 9, not exit 0", "given up: p2 has failed"]);
});

Deno.test("View prints nothing from outside that could steer the terminal", () => {
  const text = "a\x1b]0;pwned\x07\n\u009b2J\u202e";
  for (const control of [false, true]) {
    let printed = "";
    const view = new View({ control, columns: () => 80, write: (text) => printed += text });
    const demo = { ...DEMOS[0], parts: [{ ...DEMOS[0].parts[0], who: text }] };
    view.begin(demo, 1, 1);
    view.event({ type: "start", who: text, pid: 1, script: text, args: [text] });
    view.event({ type: "line", who: text, stream: "stdout", text, typed: text });
    view.event({ type: "line", who: text, stream: "stderr", text });
    view.event({ type: "end", who: text, how: text, expected: true });
    view.event({ type: "note", text });
    view.event({ type: "claim", text, holds: true });
    view.say(text);
    const outcome: Outcome = { demo, result: "failed", reasons: [text], ms: 1 };
    view.end(outcome);
    view.summary([outcome], 1);
    // deno-lint-ignore no-control-regex -- these are what is looked for
    assert(!/[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(printed.replaceAll(/\x1b\[[\d;]*[mK]|\r/g, "")), printed);
    assertStringIncludes(printed, "a\\e]0;pwned\\x07\\n\\x9b2J\\u202e");
  }
});

for (const columns of [40, 80]) {
  Deno.test(`View prints no line of more than ${columns} columns`, () => {
    for (const control of [false, true]) {
      let printed = "";
      const view = new View({ control, columns: () => columns, write: (text) => printed += text });
      const outcomes: Outcome[] = DEMOS.map((demo, i) => {
        view.begin(demo, i + 1, DEMOS.length);
        for (const { who, script, args = [] } of demo.parts) {
          view.event({ type: "start", who, pid: 1, script, args });
          view.event({ type: "line", who, stream: "stdout", text: "a word or two ".repeat(10), typed: "and more" });
          view.event({ type: "line", who, stream: "stderr", text: "x".repeat(100) });
        }
        view.event({ type: "note", text: "something that takes more than one line to say, if it is a short line" });
        view.event({ type: "claim", text: "the same", holds: false });
        const outcome: Outcome = { demo, result: "failed", reasons: ["for this ".repeat(12)], ms: 12345 };
        view.end(outcome);
        return outcome;
      });
      view.summary(outcomes, 1);
      // deno-lint-ignore no-control-regex -- colours take no room
      const lines = printed.replaceAll(/\x1b\[[\d;]*[mK]|\r/g, "").split("\n");
      for (const line of lines) assert(line.length <= columns, JSON.stringify(line));
      assertEquals(CONTROL.test(printed), control);
    }
  });
}
