import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import {
  formatTraceEvent,
  getpid,
  getppid,
  IPC_NOWAIT,
  LibcError,
  MessageQueue,
  msgbuf,
  msgrcv,
  parseTrace,
  SharedMemory,
  shmget,
  trace,
  type TraceEvent,
} from "../../../mod.ts";
import { libc } from "../../../ffi/native/libc.ts";
import { access } from "../../../ffi/native/memory.ts";
import { observer } from "../../../ffi/native/observer.ts";
import { DEMOS } from "../../../scripts/tools/demo_list.ts";
import { runDemo } from "../../../scripts/tools/demo_runner.ts";
import { splitCommands } from "../../../scripts/tools/trace.ts";
import { svg, unicode } from "../../../scripts/tools/trace_mermaid.ts";
import { type Picture, picture, type Step } from "../../../scripts/tools/trace_model.ts";
import { fails, freshKey } from "../../_peers.ts";
import { FFI, file, freePort, Program, root, run, runSource, script } from "../../support.ts";

/** A file that `IPC_TRACE` can name; it is removed at the end. */
function traceFile() {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  const path = `${directory}/trace.jsonl`;
  return {
    path,
    /** What it holds so far. */
    text(): string {
      try {
        return Deno.readTextFileSync(path);
      } catch {
        return "";
      }
    },
    events(): TraceEvent[] {
      return parseTrace(this.text());
    },
    [Symbol.dispose]: () => Deno.removeSync(directory, { recursive: true }),
  };
}

/** What a call prints of itself: `shmget(5678, 27, 0666) = 3`. */
const finished = (events: TraceEvent[]) => events.filter(({ ev }) => ev === "exit").map(formatTraceEvent);

/** Collects the events of some calls in this process. */
function traced(action: () => unknown): TraceEvent[] {
  const events: TraceEvent[] = [];
  using _tracing = trace((event) => events.push(event));
  action();
  return events;
}

/** Checks that an event has the form that the documentation promises. */
function checkForm(event: TraceEvent): void {
  const shown = JSON.stringify(event);
  const bytes = (value: unknown) => {
    const { length, preview, ...rest } = value as { length: number; preview: string };
    assert(Number.isInteger(length) && typeof preview === "string" && Object.keys(rest).length === 0, shown);
  };
  const { t, pid, ev, ...rest } = event;
  assert(typeof t === "number" && t > 0 && Number.isInteger(pid), shown);
  const allowed: Record<string, [required: string[], optional: string[]]> = {
    start: [["v", "ppid", "name", "forked"], []],
    enter: [["call", "args"], []],
    exit: [["call", "args", "result", "dur"], ["errno", "local", "peer"]],
    memory: [["op", "shmid", "offset", "data"], []],
    signal: [["sig"], []],
    end: [["status"], []],
  };
  assert(ev in allowed, shown);
  const [required, optional] = allowed[ev];
  const names = Object.keys(rest);
  for (const name of required) assert(names.includes(name), `${name} is missing: ${shown}`);
  for (const name of names) assert([...required, ...optional].includes(name), `${name}: ${shown}`);
  if (event.ev === "memory") bytes(event.data);
  if (event.ev === "enter" || event.ev === "exit") {
    for (const value of Object.values(event.args)) {
      if (typeof value === "object" && value !== null) bytes(value);
      else assert(value === null || ["string", "number"].includes(typeof value), shown);
    }
  }
  if (event.ev === "exit") {
    assert(Number.isInteger(event.result) && event.dur >= 0, shown);
    if (event.errno !== undefined) assertMatch(event.errno, /^E[A-Z0-9]+$/);
  }
}

Deno.test("IPC_TRACE writes every call of a program, in the documented form", async () => {
  using log = traceFile();
  const source = `
    import * as ipc from "@mod";
    const id = ipc.shmget(ipc.IPC_PRIVATE, 27, ipc.IPC_CREAT | 0o600);
    const shm = ipc.shmat(id, null, 0);
    ipc.poke(shm, 3, "*");
    ipc.peek(shm, 3);
    ipc.shmdt(shm);
    ipc.shmctl(id, ipc.IPC_RMID);
    ipc.signal(ipc.SIGCHLD, function gone() {});
    try { ipc.shmget(${freshKey()}, 1, 0o600); } catch {}
    const child = ipc.fork();
    if (child === 0) ipc.exit(3);
    ipc.waitpid(child, null, 0);
    ipc.exit(7);`;
  const { code, stderr } = await runSource(source, [], {
    env: { IPC_TRACE: log.path },
    flags: ["--v8-flags=--single-threaded"],
  });
  assertEquals([code, stderr], [7, ""]);
  const events = log.events();
  assertEquals(log.text().trim().split("\n").length, events.length);
  events.forEach(checkForm);
  const [first] = events;
  assert(first.ev === "start" && first.v === 1 && !first.forked && /^ipc_playground_.*\.ts$/.test(first.name));
  const own = events.filter(({ pid }) => pid === first.pid);
  const told = own.map((event) =>
    event.ev === "enter" || event.ev === "exit"
      ? `${event.ev} ${event.call}`
      : event.ev === "memory"
      ? event.op
      : event.ev
  ).filter((text) => text !== "signal" && !text.endsWith(" getpid"));
  const twice = (...calls: string[]) => calls.flatMap((call) => [`enter ${call}`, `exit ${call}`]);
  assertEquals(told, [
    "start",
    ...twice("shmget", "shmat"),
    "write",
    "read",
    ...twice("shmdt", "shmctl", "signal", "shmget", "fork", "waitpid"),
    "end",
  ]);
  const child = events.filter(({ pid }) => pid !== first.pid);
  assertEquals(child[0].ev === "start" && [child[0].ppid, child[0].forked], [first.pid, true]);
  assertEquals(child.at(-1)!.ev === "end" && child.at(-1), { ...child.at(-1)!, status: 3 });
  assertEquals(own.at(-1), { ...own.at(-1)!, ev: "end", status: 7 });
  const failed = own.find((event) => event.ev === "exit" && event.errno);
  assert(failed?.ev === "exit" && failed.call === "shmget" && failed.errno === "ENOENT" && failed.result === -1);
  const times = events.map(({ t }) => t);
  assertEquals(times, times.toSorted((a, b) => a - b));
});

Deno.test("IPC_TRACE of several processes has no torn lines", async () => {
  using log = traceFile();
  const [processes, calls] = [8, 500];
  using program = file(`
    import { getppid } from "@mod";
    for (let i = 0; i < ${calls}; i++) getppid();`);
  const env = { IPC_TRACE: log.path };
  const ended = await Promise.all(
    Array.from({ length: processes }, () => run(Deno.execPath(), [...FFI, program.path], { env })),
  );
  assertEquals(ended.map(({ code, stderr }) => [code, stderr]), ended.map(() => [0, ""]));
  const lines = log.text().trimEnd().split("\n");
  const events: TraceEvent[] = lines.map((line) => JSON.parse(line));
  events.forEach(checkForm);
  const counts = Map.groupBy(
    events.filter((event) => event.ev === "exit" && event.call === "getppid"),
    ({ pid }) => pid,
  );
  assertEquals([...counts.values()].map(({ length }) => length), Array(processes).fill(calls));
});

Deno.test("IPC_TRACE of a process that was killed can be read, and shows what it waits for", async () => {
  using log = traceFile();
  using queue = MessageQueue.create();
  using program = file(`
    import { getppid, msgbuf, msgrcv } from "@mod";
    getppid();
    msgrcv(${queue.id}, new msgbuf(16), 16, 5, 0);`);
  await using waiting = new Program(Deno.execPath(), [...FFI, program.path], { env: { IPC_TRACE: log.path } });
  const last = await waiting.ready(() => log.text().includes('"msgrcv"'), "it waits").then(() => log.events().at(-1)!);
  assert(last.ev === "enter" && last.call === "msgrcv" && last.pid === waiting.pid);
  assertEquals("args" in last && last.args, { msqid: queue.id, msgp: null, msgsz: 16, msgtyp: 5, msgflg: "0" });
  waiting.kill();
  assertEquals((await waiting.end()).signal, "SIGKILL");
  const events = log.events();
  events.forEach(checkForm);
  assertEquals(events.at(-1), last);
  const { steps } = picture(events);
  assertEquals(steps.at(-1)!.text, "still in msgrcv() when the trace ends");
  // a line that was cut off does no harm
  assertEquals(parseTrace(log.text() + '{"t":1,"pid":2,"ev":"en'), events);
});

Deno.test("parseTrace() gives events by time, and leaves out what is none", () => {
  const end = (t: number) => JSON.stringify({ t, pid: 1, ev: "end", status: 0 });
  const text = [end(2), "", "nonsense", "null", "7", "[]", '{"t":"1"}', end(1), end(3).slice(0, -3)].join("\n");
  assertEquals(parseTrace(text).map(({ t }) => t), [1, 2]);
  assertEquals(parseTrace(""), []);
});

/** Programs that don't need a key of the slides, and what they need to be run with. */
const SCRIPTS: [name: string, args: () => string[]][] = [
  ["posix_shared_memory.ts", () => []],
  ["sigchld_wait3.ts", () => []],
  ["ipc_models.ts", () => []],
  ["socket_server.ts", () => []],
  ["socket_client.ts", () => ["localhost", String(freePort())]],
  ["unix_client.ts", () => ["/nonexistent/socket"]],
];

for (const [name, args] of SCRIPTS) {
  Deno.test(`IPC_TRACE changes nothing that ${name} does`, async () => {
    using log = traceFile();
    const given = args();
    const go = async (env: Record<string, string> = {}) => {
      const ended = await run(Deno.execPath(), [...FFI, script(name), ...given], { env });
      // which of two processes says something first is up to the scheduler
      return { ...ended, stdout: ended.stdout.split("\n").sort().join("\n") };
    };
    const [plain, toFile, toNowhere, toStderr] = [
      await go(),
      await go({ IPC_TRACE: log.path }),
      await go({ IPC_TRACE: "/nonexistent/trace" }),
      await go({ IPC_TRACE: "-" }),
    ];
    assertEquals(toFile, plain);
    assert(log.events().length > 0);
    // a program that forks starts itself anew, and says it twice
    const refused = /^(IPC_TRACE: \/nonexistent\/trace: No such file or directory\n)+/;
    assertMatch(toNowhere.stderr, refused);
    assertEquals({ ...toNowhere, stderr: toNowhere.stderr.replace(refused, "") }, plain);
    assertEquals([toStderr.code, toStderr.stdout], [plain.code, plain.stdout]);
    assertMatch(toStderr.stderr, /^\d+ \+\+\+ \w+\.ts started \+\+\+\n/);
    const untraced = toStderr.stderr.split("\n").filter((line) => !/^\d+ (\+\+\+|---|<\.\.\.|\w+\(|shm )/.test(line));
    assertEquals(untraced.join("\n"), plain.stderr);
  });
}

Deno.test("trace() tells each call of this process when it begins and when it is back", () => {
  const key = freshKey();
  const events = traced(() => {
    assertThrows(() => shmget(key, 27, 0o600), LibcError);
    getppid();
  });
  events.forEach(checkForm);
  assertEquals(events.filter(({ ev }) => ev === "enter").map(formatTraceEvent), [
    `shmget(${key}, 27, 0600) ...`,
    "getppid() ...",
  ]);
  assertEquals(finished(events), [
    `shmget(${key}, 27, 0600) = -1 ENOENT (No such file or directory)`,
    `getppid() = ${getppid()}`,
  ]);
  assert(events.every(({ pid }) => pid === getpid()));
});

Deno.test("trace() tells reads and writes of shared memory, with their place", () => {
  using segment = SharedMemory.create(27);
  const events = traced(() => {
    segment.writeString("ab", 3);
    segment.readString(3);
  }).filter((event) => event.ev === "memory");
  assertEquals(events.map(formatTraceEvent), [
    `shm ${segment.id} [3] ← "ab\\0"`,
    `shm ${segment.id} [3] → "ab"`,
  ]);
  assertEquals(events.map(({ op, shmid, offset, data }) => [op, shmid, offset, data.length]), [
    ["write", segment.id, 3, 3],
    ["read", segment.id, 3, 2],
  ]);
});

Deno.test("trace() ends with its `using`: then the functions are the bare symbols again", () => {
  getppid(); // libc is loaded
  const bare = { ...libc };
  const untouched = { ...access };
  const unobserved = { ...observer };
  let [first, second] = [0, 0];
  {
    using _one = trace(() => first++);
    assert(libc.shmget !== bare.shmget);
    {
      using _two = trace(() => second++);
      getppid();
    }
    const then = second;
    getppid();
    assertEquals(second, then);
    assert(first > second);
  }
  for (const name of Object.keys(bare) as (keyof typeof bare)[]) assert(libc[name] === bare[name], name);
  assertEquals({ ...access }, untouched);
  assertEquals({ ...observer }, unobserved);
  const then = first;
  getppid();
  assertEquals(first, then);
  assertEquals(traced(() => getppid()).filter(({ ev }) => ev === "exit").length, 1); // and it can begin anew
});

Deno.test("trace() keeps errno, whatever its listener does", () => {
  const buffer = new msgbuf(8);
  using queue = MessageQueue.create();
  let failures = 0;
  using _tracing = trace(() => {
    // ENOENT, between the call and the place where its errno is read
    failures += Number(fails("ENOENT", () => shmget(freshKey(), 1, 0)).code === "ENOENT");
  });
  fails("ENOMSG", () => msgrcv(queue.id, buffer, 8, 0, IPC_NOWAIT));
  fails("EINVAL", () => msgrcv(-1, buffer, 8, 0, IPC_NOWAIT));
  assert(failures >= 4);
});

Deno.test("trace() does not let a listener that throws change what the program does", async () => {
  const { code, stdout, stderr } = await runSource(`
    import { getpid, shmget, trace } from "@mod";
    using _tracing = trace(() => { throw new Error("broken"); });
    console.log(getpid() === Deno.pid);
    try { shmget(${freshKey()}, 1, 0); } catch (error) { console.log(error.code); }`);
  assertEquals([code, stdout], [0, "true\nENOENT\n"]);
  assertStringIncludes(stderr, "trace listener: Error: broken");
});

Deno.test("trace() refuses what is no function", () => {
  for (const wrong of [undefined, null, "x", {}]) fails("EINVAL", () => trace(wrong as () => void));
});

// ---- pictures

const WIDTHS = [40, 60, 80, 120];

/** Runs a demo and gives its events; null if somebody else uses its key. */
async function demoEvents(name: string): Promise<TraceEvent[] | null> {
  using log = traceFile();
  const demo = DEMOS.find((demo) => demo.name === name)!;
  const { result, reasons } = await runDemo(demo, { on: () => {}, env: () => ({ IPC_TRACE: log.path }) });
  if (result === "skipped") {
    console.warn(`${name}: ${reasons.join()}`);
    return null;
  }
  assertEquals([result, reasons], ["passed", []]);
  return log.events();
}

/** All steps, those of repetitions once. */
const flat = ({ steps }: Picture): Step[] => steps.flatMap((step) => step.group ?? [step]);

/** Checks that an arrow tells of something that is in the trace. */
function checkArrow(step: Step, events: TraceEvent[]): void {
  const pids = [step.from, step.to!].filter(({ kind }) => kind === "process").map(({ id }) => Number(id.slice(1)));
  const word = /^\w+/.exec(step.text)![0];
  const found = events.some((event) => {
    // a call is drawn at its begin or at its end; a socket when it gets an address
    if (event.ev === "exit" && (event.call === word || (word === "socket" && /bind|connect/.test(event.call)))) {
      const times = [event.t, event.t - event.dur];
      return pids.includes(event.pid) && times.some((t) => Math.abs(t - step.t) < 2000);
    }
    if (event.ev === "memory") return `${event.op}s` === word && pids.includes(event.pid) && event.t === step.t;
    return event.ev === "signal" && event.sig === word && pids.includes(event.pid) && event.t === step.t;
  });
  assert(found, `no event for: ${step.from.label} → ${step.to!.label}: ${step.text}`);
}

/** Finds arrows, in this order: from, to (a process's or an object's name), and how the text begins. */
function checkArrows(drawn: Picture, ...wanted: [from: RegExp, to: RegExp, text: RegExp, data?: RegExp][]): void {
  let at = -1;
  const steps = flat(drawn);
  for (const [from, to, text, data] of wanted) {
    at = steps.findIndex((step, i) =>
      i > at && from.test(step.from.label[0]) && step.to !== undefined && to.test(step.to.label[0]) &&
      text.test(step.text) && (!data || data.test(step.data?.preview ?? ""))
    );
    assert(at >= 0, `no arrow ${from} → ${to}: ${text} ${data ?? ""} in its place`);
  }
}

const ARROWS: Record<string, (drawn: Picture) => void> = {
  shm(drawn) {
    const [server, client, segment] = [/shm_server/, /shm_client/, /^segment 5678$/];
    checkArrows(
      drawn,
      [client, segment, /^shmget\(5678, 27, 0666\) = ENOENT$/],
      [server, segment, /^shmget\(5678, 27, IPC_CREAT\|0666\) = \d+$/],
      [server, segment, /^shmat/],
      [server, segment, /^writes/, /^abcdefghijklmnopqrstuvwxyz\\0$/],
      [client, segment, /^shmget\(5678, 27, 0666\) = \d+$/],
      [client, segment, /^shmat/],
      [segment, client, /^reads/, /^a$/],
      [client, segment, /^writes/, /^\*$/],
      [segment, server, /^reads/, /^\*$/],
      [server, segment, /^shmctl\(IPC_RMID\)/],
    );
  },
  message(drawn) {
    const [send, receive, queue] = [/message_send/, /message_rec/, /^queue 1234$/];
    checkArrows(
      drawn,
      [receive, queue, /^msgget.* = ENOENT$/],
      [send, queue, /^msgget\(1234, IPC_CREAT\|0666\) = \d+$/],
      [send, queue, /^msgsnd type 1$/, /^Did you get this\?\\0$/],
      [send, queue, /^msgsnd type 1$/, /^Anybody there\?\\0$/],
      [queue, receive, /^msgrcv type 1$/, /^Did you get this\?\\0$/],
      [queue, receive, /^msgrcv type 1$/, /^Anybody there\?\\0$/],
      [receive, queue, /^msgctl\(IPC_RMID\)/],
    );
  },
  socket(drawn) {
    const [server, client, socket] = [/socket_server/, /socket_client/, /^socket 0\.0\.0\.0:\d+$/];
    checkArrows(
      drawn,
      [server, socket, /^bind/],
      [server, socket, /^listen\(5\)/],
      [client, socket, /^connect/],
      [client, socket, /^write/, /^Hello from the client/],
      [socket, server, /^read/, /^Hello from the client/],
      [server, socket, /^write/, /^I got your message/],
      [socket, client, /^read/, /^I got your message/],
    );
    checkArrows(drawn, [client, socket, /^connect/], [socket, server, /^accept/]);
  },
  "fork-server"(drawn) {
    const [server, client, child, socket] = [/socket_server_fork/, /socket_client/, /^child$/, /^socket/];
    const accepted: [RegExp, RegExp, RegExp][] = [[socket, server, /^accept/], [server, child, /^fork\(\) = \d+$/]];
    checkArrows(drawn, [server, socket, /^listen/], ...accepted, ...accepted, ...accepted);
    for (const text of [/^I was here first/, /^I came second/, /^I came last/]) {
      checkArrows(drawn, [client, socket, /^write/, text], [socket, child, /^read/, text], [child, socket, /^write/], [
        socket,
        client,
        /^read/,
      ]);
    }
    const zombies = drawn.steps.filter(({ text }) => text === "zombie: nobody has waited for it");
    assertEquals(zombies.map(({ from }) => from.label[0]), ["child", "child", "child"]);
  },
  sigchld(drawn) {
    const [parent, child] = [/sigchld_wait3/, /^child$/];
    checkArrows(
      drawn,
      [parent, child, /^fork\(\) = \d+$/],
      [child, parent, /^SIGCHLD$/],
      [child, parent, /^wait3\(\): exited with \d+$/],
    );
  },
};

for (const { name } of DEMOS) {
  Deno.test(`picture() of the demo ${name} is in order, true, and fits every width`, async () => {
    const events = await demoEvents(name);
    if (!events) return;
    events.forEach(checkForm);
    const drawn = picture(events);
    const times = drawn.steps.map(({ t }) => t);
    assertEquals(times, times.toSorted((a, b) => a - b));
    for (const step of flat(drawn)) if (step.to) checkArrow(step, events);
    ARROWS[name]?.(drawn);
    for (const columns of WIDTHS) {
      const art = unicode(drawn, columns);
      for (const line of art.split("\n")) assert([...line].length <= columns, `${columns}: ${line}`);
      for (const line of drawn.lifelines) assertStringIncludes(art, line.label[0].slice(0, 3));
    }
    const image = svg(drawn);
    assertMatch(image, /^<svg /);
    const addresses = image.replaceAll(/ xmlns(:\w+)?="[^"]*"/g, "").match(
      /https?:|\/\/\w|@import|\burl\((?!#)|<script/g,
    );
    assertEquals(addresses, null);
  });
}

Deno.test("picture() draws a message before it is received, though the sender's call may be back later", () => {
  const call = { call: "msgsnd", args: { msqid: 1, msgp: { length: 1, preview: "x" }, mtype: 1 } };
  const taken = { ...call, call: "msgrcv" };
  const events: TraceEvent[] = [
    { t: 10, pid: 1, ev: "enter", ...call },
    { t: 11, pid: 2, ev: "enter", ...taken },
    { t: 20, pid: 2, ev: "exit", ...taken, result: 1, dur: 9 },
    { t: 30, pid: 1, ev: "exit", ...call, result: 0, dur: 20 },
  ];
  assertEquals(flat(picture(events)).map(({ text }) => text), ["msgsnd type 1", "msgrcv type 1"]);
});

// ---- the command

const TRACE_TS = `${root}scripts/tools/trace.ts`;
const command = (...args: string[]) => run(Deno.execPath(), ["run", "--quiet", "--allow-all", TRACE_TS, ...args]);

Deno.test("deno task trace draws a program of one's own, and writes what it is told to", async () => {
  using program = file(`
    import { MessageQueue } from "@mod";
    using queue = MessageQueue.create();
    queue.sendSync(Deno.args.join());
    queue.receiveSync();
    Deno.exitCode = Number(Deno.args[1]);`);
  const own = (...args: string[]) => ["--", Deno.execPath(), "run", "--allow-ffi", program.path, ...args];
  const { code, stdout, stderr } = await command("--width", "100", ...own("hello", "0"));
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "msgsnd type 1 “hello,0”");
  for (const line of stdout.split("\n")) assert([...line].length <= 100, line);
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const path = (name: string) => `${directory}/${name}`;
    const files = ["--json", path("json"), "--mermaid", path("mermaid"), "--svg", path("svg")];
    const written = await command(...files, ...own("hello", "3"));
    assertEquals(written, { code: 1, signal: null, stdout: "", stderr: "" }); // the program's exit code was 3
    parseTrace(Deno.readTextFileSync(path("json"))).forEach(checkForm);
    assertMatch(Deno.readTextFileSync(path("mermaid")), /^sequenceDiagram\n/);
    assertMatch(Deno.readTextFileSync(path("svg")), /^<svg /);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("deno task trace starts several programs, each when the one before it waits", async () => {
  using queue = MessageQueue.create();
  using receiver = file(`
    import { msgbuf, msgrcv } from "@mod";
    msgrcv(${queue.id}, new msgbuf(16), 16, 0, 0);`);
  using sender = file(`
    import { MessageQueue } from "@mod";
    MessageQueue.fromId(${queue.id}).sendSync("hello");`);
  const deno = [Deno.execPath(), "run", "--allow-ffi"];
  const { code, stdout } = await command("--width", "150", "--", ...deno, receiver.path, "--", ...deno, sender.path);
  assertEquals(code, 0);
  assertMatch(stdout, /msgsnd type 1 “hello”[^]*msgrcv type 1 “hello”/);
});

Deno.test("deno task trace exits with 2 if it is used wrongly, and says so in a line", async () => {
  const nothing = ["--", "true"];
  for (const args of [[], ["nonsense"], ["--nonsense"], ["--width", "x", "shm"], ["--", "/nonexistent"], nothing]) {
    const { code, stdout, stderr } = await command(...args);
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
