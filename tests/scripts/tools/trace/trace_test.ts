import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { MessageQueue, type TraceEvent } from "../../../../mod.ts";
import { isEvent } from "../../../../ffi/trace/shape.ts";
import { splitCommands } from "../../../../scripts/tools/trace/trace.ts";
import { file, Program, root, run, type StartOptions, until } from "../../../support.ts";
import { bytes, Script, struct } from "./_events.ts";

const TRACE_TS = `${root}scripts/tools/trace/trace.ts`;
const DENO = ["run", "--quiet", "--allow-all", TRACE_TS];
const command = (args: string[], options: StartOptions = {}) => run(Deno.execPath(), [...DENO, ...args], options);

/** A directory with a trace in it, and what plays a program that has left this trace. */
class Place implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "ipc_playground_" });

  constructor(lines: unknown[] = simple().events) {
    const text = lines.map((line) => typeof line === "string" ? line : JSON.stringify(line)).join("\n") + "\n";
    Deno.writeTextFileSync(`${this.path}/given`, text);
    Deno.mkdirSync(`${this.path}/tmp`);
  }

  /** The command: it also runs `more`. */
  program(more = ":"): string[] {
    return ["--", "sh", "-c", `cat "$0/given" >> "$IPC_TRACE"; cd "$0"; ${more}`, this.path];
  }

  /** Directories of traces go there. */
  get env(): Record<string, string> {
    return { TMPDIR: `${this.path}/tmp` };
  }

  names(directory = ""): string[] {
    return [...Deno.readDirSync(`${this.path}/${directory}`)].map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** A process sends a message. */
function simple(name = "a.ts"): Script {
  const script = new Script();
  script.start(1, name);
  const msgp = struct("msgbuf", { mtype: 1, mtext: bytes("hello") });
  script.call(1, "msgsnd", { msqid: 1, msgp, msgsz: 5, msgflg: 0 }, 0);
  script.end(1);
  return script;
}

Deno.test("trace draws, and writes what it is told to", async () => {
  using place = new Place();
  const { code, stdout, stderr } = await command(["--width", "60", ...place.program("exit 0")], { env: place.env });
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "msgsnd type 1 “hello”");
  for (const line of stdout.split("\n")) assert([...line].length <= 60, line);
  const path = (name: string) => `${place.path}/${name}`;
  Deno.writeTextFileSync(path("svg"), "x".repeat(100_000)); // to be overwritten, all of it
  const files = ["--json", path("json"), "--mermaid", path("mermaid"), "--svg", path("svg")];
  const written = await command([...files, ...place.program("exit 3")], { env: place.env });
  assertEquals(written, { code: 1, signal: null, stdout: "", stderr: "" }); // the program's exit code was 3
  const events = Deno.readTextFileSync(path("json")).trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(events, JSON.parse(JSON.stringify(simple().events)));
  assert(events.every(isEvent));
  assertMatch(Deno.readTextFileSync(path("mermaid")), /^sequenceDiagram\n/);
  assertMatch(Deno.readTextFileSync(path("svg")), /^<svg [^]*<\/svg>\s*$/);
  assertEquals(place.names("tmp"), []);
});

Deno.test("trace finds out before it runs anything whether it can write, and says why not in a line", async () => {
  using place = new Place();
  for (
    const [path, why] of [
      ["/nonexistent/x", "No such file or directory"],
      [place.path, "Is a directory"],
      [`${place.path}/given/x`, "Not a directory"],
    ]
  ) {
    for (const option of ["--svg", "--mermaid", "--json"]) {
      const fine = ["--svg", "--json"].filter((other) => other !== option).flatMap((
        other,
      ) => [other, `${place.path}/ok`]);
      const { code, stdout, stderr } = await command([...fine, option, path, ...place.program("touch run")]);
      assertEquals([code, stdout, stderr], [2, "", `trace: ${path}: ${why}\n`]);
      assertEquals(place.names(), ["given", "tmp"]);
    }
  }
});

Deno.test("trace leaves its outputs as they were if there is nothing to write", async () => {
  using place = new Place([]);
  Deno.writeTextFileSync(`${place.path}/old`, "as before");
  const outputs = ["--svg", `${place.path}/old`, "--mermaid", `${place.path}/new`];
  const { code, stderr } = await command([...outputs, "--", "true"]);
  assertEquals([code, stderr], [2, "trace: nothing was traced: no process made a call through this library\n"]);
  assertEquals(Deno.readTextFileSync(`${place.path}/old`), "as before");
  assertEquals(place.names(), ["given", "old", "tmp"]);
});

Deno.test("trace leaves out what is no event, and says so in a line", async () => {
  const events = simple().events;
  const wrong = { ...events[1], args: { msqid: { preview: "x" } } };
  using place = new Place([
    events[0],
    wrong,
    "{",
    "nonsense",
    ...events.slice(1),
    JSON.stringify(events[1]).slice(0, 20),
  ]);
  const { code, stdout, stderr } = await command(["--width", "80", ...place.program()]);
  assertEquals([code, stderr], [0, "trace: 4 lines of it are no events, and were left out; line 2 is the first\n"]);
  assertStringIncludes(stdout, "msgsnd type 1 “hello”");
});

Deno.test("trace does not draw what another version of the library has traced, and says so in a line", async () => {
  using place = new Place([{ t: 1, pid: 1, ev: "start", v: 99, ppid: 0, name: "x", forked: false }]);
  const { code, stdout, stderr } = await command(place.program());
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^trace: the trace is in format 99, .+\n$/);
});

Deno.test("trace prints names, paths and messages without what could steer the terminal", async () => {
  const evil = "\x1b[31m\u009b2J\u202e\n";
  const script = simple(evil);
  script.call(1, "connect", { sockfd: 3, addr: struct("sockaddr_un", { sun_path: evil }) }, 0, { peer: evil });
  script.call(1, "write", { fd: 1, buf: bytes("\x1b]0;x\x07\x9b") }, 8);
  using place = new Place(script.events);
  for (const width of ["20", "200"]) {
    const { stdout, stderr } = await command(["--width", width, ...place.program()]);
    // deno-lint-ignore no-control-regex -- these are what is looked for
    assert(!/[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(stdout + stderr), stdout);
    assertStringIncludes(stdout.replaceAll(/\s/g, ""), "\\e[31m");
  }
  const { stderr } = await command(["--", `/nonexistent/${evil}`]);
  assertMatch(stderr, /^trace: [\x20-\x7e]+\n$/);
});

for (const [signal, number] of [["SIGHUP", 1], ["SIGINT", 2], ["SIGTERM", 15]] as const) {
  Deno.test(`trace ends what it runs on ${signal}, draws what was traced by then, and leaves no file`, async () => {
    using place = new Place();
    await using tracing = new Program(
      Deno.execPath(),
      [...DENO, "--width", "80", ...place.program(`trap "" TERM HUP INT; touch run; while :; do sleep 0.1; done`)],
      { env: place.env },
    );
    await tracing.ready(() => place.names().includes("run"), "the program runs");
    tracing.kill(signal);
    const { code, stdout } = await tracing.end();
    assertEquals(code, 128 + number);
    assertStringIncludes(stdout, "msgsnd type 1 “hello”");
    assertEquals(place.names("tmp"), []);
  });
}

Deno.test("trace ends at once on a second signal, with what it runs, and leaves no file", async () => {
  using place = new Place();
  await using tracing = new Program(
    Deno.execPath(),
    [...DENO, ...place.program(`trap "touch asked" TERM; touch run; while :; do sleep 0.1; done`)],
    { env: place.env },
  );
  await tracing.ready(() => place.names().includes("run"), "the program runs");
  tracing.kill("SIGINT");
  await until(() => place.names().includes("asked"), "it was asked to end");
  tracing.kill("SIGTERM");
  assertEquals((await tracing.end()).code, 143); // the end of its output is that of the program's, too
  assertEquals(place.names("tmp"), []);
});

Deno.test("trace leaves no file if nobody reads what it prints", async () => {
  using place = new Place();
  const [program, ...args] = ["sh", "-c", `"$@" | true`, "sh", Deno.execPath(), ...DENO, ...place.program()];
  assertEquals((await run(program, args, { env: place.env })).stderr, "");
  assertEquals(place.names("tmp"), []);
});

Deno.test("trace exits with 2 if it is used wrongly, and says so in a line", async () => {
  const nothing = ["--", "true"];
  for (
    const args of [[], ["nonsense"], ["--nonsense"], ["--width", "x", "shm"], ["--", "/nonexistent"], nothing, [
      "shm",
      ...nothing,
    ]]
  ) {
    const { code, stdout, stderr } = await command(args);
    assertEquals([code, stdout], [2, ""], `${args}: ${stderr}`);
    assertMatch(stderr, /^(trace|error): .+\n$/);
  }
});

Deno.test("splitCommands() tells commands apart by --", () => {
  assertEquals(splitCommands(["shm", "--all"]), { own: ["shm", "--all"], commands: [] });
  assertEquals(splitCommands(["--svg", "x", "--", "a", "-b", "--", "c"]), {
    own: ["--svg", "x"],
    commands: [["a", "-b"], ["c"]],
  });
  assertEquals(splitCommands(["--", "--"]), { own: [], commands: [] });
});

Deno.test("trace says in a line that something is full or closed, and ends", async () => {
  using place = new Place();
  const shell = async (redirected: string, args: string[]) => {
    const line = ["-c", `exec "$@" ${redirected}`, "sh", Deno.execPath(), ...DENO, ...args];
    const { code, stdout, stderr } = await run("sh", line, { env: place.env });
    assertEquals(place.names("tmp"), []);
    return [code, stdout, stderr];
  };
  for (const option of ["--svg", "--mermaid", "--json"]) {
    const full = "trace: /dev/full: No space left on device\n";
    assertEquals(await shell("", [option, "/dev/full", ...place.program()]), [1, "", full]);
  }
  const [code, , stderr] = await shell("> /dev/full", ["--width", "80", ...place.program()]);
  assertEquals(code, 1);
  assertMatch(String(stderr), /^standard output: No space left on device.*\n$/);
  const help = await shell("> /dev/full", ["--help"]);
  assertEquals(help[0], 1);
  assertMatch(String(help[2]), /^standard output: No space left on device.*\n$/);
  for (const args of [["nonsense"], ["--nonsense"], []]) {
    for (const redirected of ["2> /dev/full", "2>&-"]) assertEquals(await shell(redirected, args), [2, "", ""]);
  }
  assertEquals((await shell(">&-", ["--width", "80", ...place.program()]))[2], "");
  const nowhere = await command(["--", "true"], { env: { TMPDIR: "/nonexistent" } });
  assertEquals([nowhere.code, nowhere.stderr], [1, "trace: no place for the trace: No such file or directory\n"]);
});

Deno.test("trace says how a program ended that has traced nothing, and draws one that has", async () => {
  using place = new Place();
  const said = async (program: string[]) => {
    const { code, stdout, stderr } = await command(["--width", "80", ...program], { env: place.env });
    return [code, stdout.includes("msgsnd type 1 “hello”"), stderr];
  };
  const alone = (script: string) => ["--", "sh", "-c", script];
  const nothing = "trace: nothing was traced: sh";
  assertEquals(await said(alone("exit 3")), [1, false, `${nothing} exited with 3\n`]);
  assertEquals(await said(alone("kill -SEGV $$")), [1, false, `${nothing} was ended by SIGSEGV\n`]);
  assertEquals(await said(place.program("kill -KILL $$")), [1, true, ""]);
});

Deno.test("trace says so if there are no steps to draw, or nothing but what is no event", async () => {
  const [start] = simple().events;
  using started = new Place([start]);
  const none = await command(started.program());
  assertEquals([none.code, none.stdout, none.stderr], [
    0,
    "",
    "trace: there is nothing in it to draw; with --all there may be\n",
  ]);
  using wrong = new Place(["nonsense", "null", '{"v":2}']);
  const { code, stdout, stderr } = await command(wrong.program());
  assertEquals([code, stdout], [1, ""]);
  assertEquals(stderr, "trace: line 1 of what was traced is no event, and there is no other line that is one\n");
});

Deno.test("trace draws a million events, and says what it leaves out", async () => {
  using place = new Place();
  // awk is the quickest to write them
  const line = (event: TraceEvent) => JSON.stringify(event).replace('"t":0', '"t":%d').replaceAll('"', '\\"') + "\\n";
  const [, enter, exit] = simple().events.map((event) => line({ ...event, t: 0 }));
  const awk = `BEGIN { for (i = 0; i < 500000; i++) { printf "${enter}", 10 + 2 * i; printf "${exit}", 11 + 2 * i } }`;
  const all = `awk '${awk}' >> "$IPC_TRACE"; cat given >> "$IPC_TRACE"`;
  await using tracing = new Program(Deno.execPath(), [...DENO, "--width", "80", ...place.program(all)], {
    env: { ...place.env, DENO_V8_FLAGS: "--max-old-space-size=600" },
  });
  const { code, stdout, stderr } = await tracing.end();
  assertEquals(code, 0);
  assertMatch(stderr, /^trace: it is long; 9\d{5} events in the middle of it are not drawn\n$/);
  assertMatch(stdout, /×\d+/);
  assertEquals(place.names("tmp"), []);
});

Deno.test("trace removes what one that was killed has left, and nothing else", async () => {
  using place = new Place();
  const start = async (name: string) => {
    const program = place.program(`touch ${name}; while [ ! -e go ]; do sleep 0.05; done`);
    const tracing = new Program(Deno.execPath(), [...DENO, "--width", "80", ...program], { env: place.env });
    await tracing.ready(() => place.names().includes(name), "it runs");
    return tracing;
  };
  await using killed = await start("one");
  const [left] = place.names("tmp");
  killed.kill("SIGKILL");
  await using living = await start("two");
  const after = place.names("tmp");
  assertEquals([after.length, after.includes(left)], [1, false]);

  // as it would be in a directory that all can write to
  const tmp = `${place.path}/tmp`;
  const make = (name: string, mode: number) => {
    Deno.mkdirSync(`${tmp}/${name}`);
    Deno.writeTextFileSync(`${tmp}/${name}/lock`, "");
    Deno.chmodSync(`${tmp}/${name}`, mode);
  };
  make("elsewhere", 0o700);
  Deno.symlinkSync("elsewhere", `${tmp}/ipc-trace-link`);
  make("ipc-trace-open", 0o777); // others can put there what they like
  make("ipc-trace-inside", 0o700);
  Deno.removeSync(`${tmp}/ipc-trace-inside/lock`);
  Deno.symlinkSync("../elsewhere/lock", `${tmp}/ipc-trace-inside/lock`);
  Deno.mkdirSync(`${tmp}/ipc-trace-new`, { mode: 0o700 }); // it is just being made
  Deno.writeTextFileSync(`${tmp}/ipc-trace-file`, "");
  make("ipc-trace-dead", 0o700);
  const foreign = Deno.uid() === 0;
  if (foreign) {
    make("ipc-trace-foreign", 0o700);
    Deno.chownSync(`${tmp}/ipc-trace-foreign`, 65534, 65534);
  }
  const before = place.names("tmp");
  assertEquals((await command(place.program(), { env: place.env })).code, 0);
  assertEquals(place.names("tmp"), before.filter((name) => name !== "ipc-trace-dead"));
  assertEquals(place.names("tmp/elsewhere"), ["lock"]);

  Deno.writeTextFileSync(`${place.path}/go`, "");
  assertEquals((await living.end()).code, 0);
  assertEquals(place.names("tmp").includes(after[0]), false);
});

// what follows needs a library whose traces are in the format that is read here

Deno.test("trace draws a program of one's own", async () => {
  using program = file(`
    import { MessageQueue } from "@mod";
    using queue = MessageQueue.create();
    queue.sendSync(Deno.args.join());`);
  const own = ["--", Deno.execPath(), "run", "--allow-ffi", program.path, "hello", "0"];
  const { code, stdout, stderr } = await command(["--width", "100", ...own]);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "msgsnd type 1 “hello,0”");
});

Deno.test("trace starts several programs, each when the one before it waits", async () => {
  using queue = MessageQueue.create();
  using receiver = file(`
    import { msgbuf, msgrcv } from "@mod";
    msgrcv(${queue.id}, new msgbuf(16), 16, 0, 0);`);
  using sender = file(`
    import { MessageQueue } from "@mod";
    MessageQueue.fromId(${queue.id}).sendSync("hello");`);
  const deno = [Deno.execPath(), "run", "--allow-ffi"];
  const { code, stdout } = await command(["--width", "150", "--", ...deno, receiver.path, "--", ...deno, sender.path]);
  assertEquals(code, 0);
  assertMatch(stdout, /msgsnd type 1 “hello”[^]*msgrcv type 1 “hello”/);
});
