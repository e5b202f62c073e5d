import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  close,
  formatTraceEvent,
  getpid,
  getppid,
  IPC_NOWAIT,
  MessageQueue,
  msgbuf,
  msgrcv,
  parseTrace,
  pipe,
  read,
  SharedMemory,
  shmget,
  SIG_DFL,
  signal,
  SIGUSR2,
  trace,
  TRACE_LIMIT,
  type TracedArgument,
  type TraceEvent,
  write,
} from "../../../mod.ts";
import { entries } from "../../../ffi/native/header.ts";
import { tracing } from "../../../ffi/native/observer.ts";
import { freshKey } from "../../_peers.ts";
import { programName } from "../../../ffi/trace/trace.ts";
import { fails, FFI, file, freePort, mod, Program, run, runSource, script } from "../../support.ts";

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

/** Checks that an argument is one of the forms that the documentation promises. */
function checkArgument(value: TracedArgument, shown: string): void {
  if (value === null || typeof value === "string") return;
  if (typeof value === "number") return assert(Number.isSafeInteger(value), shown);
  if (Array.isArray(value)) return value.forEach((item) => checkArgument(item, shown));
  const keys = Object.keys(value).filter((key) => key !== "radix").sort().join();
  assert(["names,rest,value", "bytes,length", "pointer", "integer", "fields,struct"].includes(keys), shown);
  if ("fields" in value) Object.values(value.fields).forEach((field) => checkArgument(field, shown));
  if ("bytes" in value) assert(/^[\0-\xff]*$/.test(value.bytes) && value.length >= value.bytes.length, shown);
}

/** Checks that an event has the form that the documentation promises. */
function checkForm(event: TraceEvent): void {
  const shown = JSON.stringify(event);
  const { t, pid, ev, ...rest } = event;
  assert(typeof t === "number" && t > 0 && Number.isInteger(pid), shown);
  const allowed: Record<string, [required: string[], optional: string[]]> = {
    start: [["v", "ppid", "name", "forked"], []],
    enter: [["call", "args"], ["at", "waits"]],
    exit: [["call", "args", "result", "dur"], ["errno", "local", "peer", "at", "opened"]],
    memory: [["op", "shmid", "offset", "data"], ["at", "field", "value"]],
    signal: [["sig"], []],
    lost: [["count"], []],
    end: [["status"], []],
  };
  assert(ev in allowed, shown);
  const [required, optional] = allowed[ev];
  const names = Object.keys(rest);
  for (const name of required) assert(names.includes(name), `${name} is missing: ${shown}`);
  for (const name of names) assert([...required, ...optional].includes(name), `${name}: ${shown}`);
  if (event.ev === "memory") checkArgument(event.data, shown);
  if (event.ev === "enter" || event.ev === "exit") {
    for (const value of Object.values(event.args)) checkArgument(value, shown);
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
  assert(first.ev === "start" && first.v === 2 && !first.forked && /^ipc_playground_.*\.ts$/.test(first.name));
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
  if (last.ev !== "enter") return;
  const { msqid, msgp, msgsz, msgtyp, msgflg } = last.args;
  assertEquals([msqid, msgsz, msgtyp], [queue.id, 16, 5]);
  assert(typeof msgp === "object" && msgp !== null && "pointer" in msgp && msgp.pointer > 0, "not filled yet");
  assertEquals(msgflg, { value: 0, names: [], rest: 0, radix: 16 });
  assertEquals([last.waits, last.at?.line], [true, 4]);
  waiting.kill();
  assertEquals((await waiting.end()).signal, "SIGKILL");
  const events = log.events();
  events.forEach(checkForm);
  assertEquals(events.at(-1), last);
  // a line that was cut off does no harm
  assertEquals(parseTrace(log.text() + '{"t":1,"pid":2,"ev":"en'), events);
});

Deno.test("trace(), parseTrace() and formatTraceEvent() fail with EINVAL for what is none of theirs", () => {
  const hostile = {
    [Symbol.for("Deno.customInspect")]() {
      throw new Error("mine");
    },
    get ev() {
      throw new Error("mine");
    },
  };
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [undefined, null, 5, {}, [], Symbol("x"), hostile, { ev: "exit" }, { ev: "nothing" }] as any[]) {
    fails("EINVAL", () => trace(value));
    fails("EINVAL", () => parseTrace(value));
    fails("EINVAL", () => formatTraceEvent(value));
  }
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
    fails("ENOENT", () => shmget(key, 27, 0o600));
    getppid();
  });
  events.forEach(checkForm);
  assertEquals(events.filter(({ ev }) => ev === "enter").map(formatTraceEvent), [
    `shmget(0x${key.toString(16)}, 27, 0600 <unfinished ...>`,
    "getppid( <unfinished ...>",
  ]);
  assertEquals(finished(events), [
    `shmget(0x${key.toString(16)}, 27, 0600) = -1 ENOENT (No such file or directory)`,
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
  const functions = () => entries.map(({ functions, name }) => functions[name]);
  getppid(); // libc is loaded
  const untraced = functions();
  let [first, second] = [0, 0];
  {
    using _one = trace(() => first++);
    assert(functions().every((now, i) => now !== untraced[i] || entries[i].declared.quiet));
    {
      using _two = trace(() => second++);
      getppid();
    }
    const then = second;
    getppid();
    assertEquals(second, then);
    assert(first > second);
  }
  assertEquals(functions().findIndex((now, i) => now !== untraced[i]), -1);
  assertEquals([tracing.current, tracing.depth], [undefined, 0]);
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
  assertEquals(stderr.split("trace listener:").length, 2, "it is said once");
});

Deno.test("trace() takes whatever a listener throws, at once or later, and whatever was done to Error", async () => {
  const { code, stdout } = await runSource(`
    import { getppid, trace } from "@mod";
    const refuse = () => { throw 1; };
    const hostile = new Proxy({}, { get: refuse, getPrototypeOf: refuse, ownKeys: refuse, has: refuse });
    const unreadable = new Error("x");
    for (const name of ["stack", "message", "cause", "name"]) Object.defineProperty(unreadable, name, { get: refuse });
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const shown = { toString: refuse, [Symbol.toPrimitive]: refuse, [Symbol.for("Deno.customInspect")]: refuse };
    const thrown = [null, undefined, Symbol("x"), hostile, revoked.proxy, unreadable, shown, Object.create(null)];
    const listeners = thrown.flatMap((what) => [
      () => { throw what; },
      async () => { throw what; },
      async () => { await 0; throw what; },
      () => what,
    ]);
    listeners.push(function again() { again(); });
    let right = 0;
    for (const listener of listeners) {
      using _tracing = trace(listener);
      if (getppid() === Deno.ppid) right++;
    }
    Object.freeze(Error);
    let told = 0;
    using _tracing = trace(() => told++);
    console.log(right === listeners.length, getppid() === Deno.ppid, told);
    await new Promise((resolve) => setTimeout(resolve, 1));
    console.log("end");`);
  assertEquals([code, stdout], [0, "true true 3\nend\n"]);
});

Deno.test("trace() lets its listener call the library, stop, listen anew, and set handlers", () => {
  let told = 0;
  const outer = trace((event) => {
    told++;
    getppid();
    signal(SIGUSR2, SIG_DFL);
    fails("ENOENT", () => shmget(freshKey(), 1, 0o600));
    if (event.ev !== "enter") return;
    outer[Symbol.dispose]();
    const inner: Disposable = trace(() => inner[Symbol.dispose]());
  });
  assertEquals(getppid(), Deno.ppid);
  assertEquals([told, getppid(), told], [2, Deno.ppid, 2]); // start, enter
  // each event brings one listener more, which is told from the next event on
  let listeners = 0;
  using all = new DisposableStack();
  const more = () => {
    if (listeners++ < 100) all.use(trace(more));
  };
  all.use(trace(more));
  assertEquals(getppid(), Deno.ppid);
  assertEquals(listeners, 7);
});

Deno.test("trace() of a process whose listener forks tells of both under their own pids", async () => {
  using log = traceFile();
  const { code, stdout } = await runSource(
    `
    import { exit, fork, getpid, getppid, trace, wait } from "@mod";
    let once = true;
    let child = -1;
    const tracing = trace(() => {
      if (!once) return;
      once = false;
      child = fork();
    });
    const parent = getppid();
    if (child === 0) exit(parent === Deno.ppid ? 3 : 4);
    tracing[Symbol.dispose]();
    trace(() => { if (!once) { once = true; fork(() => 5); } });
    console.log(getpid() === Deno.pid, wait() > 0, wait() > 0);`,
    [],
    { env: { IPC_TRACE: log.path }, flags: ["--v8-flags=--single-threaded"] },
  );
  assertEquals([code, stdout], [0, "true true true\n"]);
  const lives = Map.groupBy(log.events(), ({ pid }) => pid);
  const ends = [...lives.values()].map((events) => {
    const [first, last] = [events[0], events.at(-1)!];
    events.forEach(checkForm);
    return first.ev === "start" && last.ev === "end" && [first.forked, last.status];
  });
  assertEquals(ends.sort(), [[false, 0], [true, 3], [true, 5]]);
});

Deno.test("trace() refuses what is no function", () => {
  for (const wrong of [undefined, null, "x", {}]) fails("EINVAL", () => trace(wrong as () => void));
});

Deno.test("trace() tells where in the program a call stands, also one that a class makes", () => {
  using queue = MessageQueue.create();
  const here = new Error().stack!.match(/trace_test\.ts:(\d+)/)![1];
  const events = traced(() => {
    getppid();
    queue.sendSync("x");
  });
  const places = events.flatMap((event) => event.ev === "enter" ? [event.at] : []);
  assertEquals(places.map((at) => [at?.file, at?.line]), [
    [import.meta.url, Number(here) + 2],
    [import.meta.url, Number(here) + 3],
  ]);
  assertEquals(places[0]!.column, 5);
});

Deno.test("trace() tells where a program began to wait, when the call is made later", async () => {
  using queue = MessageQueue.create();
  const events: TraceEvent[] = [];
  using _tracing = trace((event) => events.push(event));
  const here = Number(new Error().stack!.match(/trace_test\.ts:(\d+)/)![1]);
  const first = queue.receive({ type: 1 });
  const second = queue.receive({ type: 2 });
  setTimeout(() => queue.sendSync("b", { type: 2 }), 20);
  setTimeout(() => queue.sendSync("a", { type: 1 }), 10);
  await Promise.all([first, second]);
  const lines = (type: number) =>
    new Set(events.flatMap((event) => event.ev === "exit" && event.args.msgtyp === type ? [event.at?.line] : []));
  assertEquals([[...lines(1)], [...lines(2)]], [[here + 1], [here + 2]]);
});

Deno.test("trace() finds the place whatever the program has done to Error", () => {
  const { prepareStackTrace, stackTraceLimit } = Error as unknown as Record<string, unknown>;
  try {
    Object.assign(Error, { prepareStackTrace: () => "mine", stackTraceLimit: 0 });
    const [, enter] = traced(() => getppid());
    assert(enter.ev === "enter" && enter.at?.file === import.meta.url);
    assertEquals((Error as unknown as Record<string, unknown>).stackTraceLimit, 0);
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  }
});

Deno.test("trace() tells which descriptors a call gave, and whether it may wait", () => {
  let ends: number[] = [];
  const events = traced(() => {
    ends = pipe();
    write(ends[1], "x");
    read(ends[0], new Uint8Array(8));
    ends.forEach(close);
  });
  const opened = events.flatMap((event) => event.ev === "exit" && event.opened ? event.opened : []);
  assertEquals(opened, ends);
  const waiting = events.flatMap((event) => event.ev === "enter" && event.waits ? [event.call] : []);
  assertEquals(waiting, ["write", "read"]);
  using queue = MessageQueue.create();
  const calls = traced(() => (queue.trySend("x"), queue.sendSync("y"), queue.receiveSync()));
  assertEquals(calls.flatMap((event) => event.ev === "enter" ? [!!event.waits] : []), [false, true, true]);
});

Deno.test("an IPC_TRACE file is bounded: then only the processes' life is told, and how much is missing", async () => {
  using log = traceFile();
  const source = `
    import { exit, fork, getppid, wait } from "@mod";
    for (let i = 0; i < 1000; i++) getppid();
    const pid = fork();
    if (pid === 0) { for (let i = 0; i < 1000; i++) getppid(); exit(3); }
    wait();`;
  const options = { flags: ["--v8-flags=--single-threaded"] };
  const env = { IPC_TRACE: log.path, IPC_TRACE_LIMIT: "100" };
  assertEquals((await runSource(source, [], { ...options, env })).code, 0);
  const events = log.events();
  events.forEach(checkForm);
  const [first] = events;
  const parent = events.filter(({ pid }) => pid === first.pid);
  const child = events.filter(({ pid }) => pid !== first.pid);
  const count = (list: TraceEvent[], call: string) =>
    list.filter((event) => "call" in event && event.call === call).length;
  assertEquals([count(parent, "getppid"), count(parent, "fork"), count(parent, "wait")], [100, 2, 2]);
  const lost = (list: TraceEvent[]) => list.flatMap((event) => event.ev === "lost" ? [event.count] : []);
  // each is counted once, or as the two events that it would have been
  assert(lost(parent)[0] >= 950 && lost(parent)[0] <= 1900, `${lost(parent)}`);
  assertEquals(count(child, "getppid"), 100, "a child begins anew");
  assert(lost(child)[0] >= 950 && lost(child)[0] <= 1900 && lost(child).length === 1, `${lost(child)}`);
  assertEquals(child.at(-1)!.ev === "end" && child.at(-1), { ...child.at(-1)!, status: 3 });
  assert(TRACE_LIMIT >= 1000);
});

Deno.test("IPC_TRACE=- prints a call that waits in two parts, as strace does", async () => {
  const { stderr } = await runSource(
    `
    import { IPC_PRIVATE, IPC_RMID, msgbuf, msgctl, msgget, msgrcv, msgsnd, strcpy, usleep } from "@mod";
    const id = msgget(IPC_PRIVATE, 0o600);
    const message = new msgbuf(16);
    message.mtype = 3;
    strcpy(message.mtext, "hi");
    msgsnd(id, message, 3, 0);
    msgrcv(id, message, 16, 0, 0);
    usleep(1);
    msgctl(id, IPC_RMID);`,
    [],
    { env: { IPC_TRACE: "-" } },
  );
  const lines = stderr.split("\n").map((line) => line.replace(/^\d+ /, "").replace(/^(msg\w+)\(\d+/, "$1(ID"));
  assertEquals(lines.slice(2, -3), [
    'msgsnd(ID, {mtype=3, mtext="hi\\0"}, 3, 0 <unfinished ...>',
    "<... msgsnd resumed>) = 0",
    "msgrcv(ID,  <unfinished ...>",
    '<... msgrcv resumed> {mtype=3, mtext="hi\\0"}, 16, 0, 0) = 3',
    "usleep(1 <unfinished ...>",
    "<... usleep resumed>) = 0",
  ]);
});

// what a program can see of descriptors: numbers, errors, what arrives in its own sockets
const DESCRIPTORS = `
  import { AF_UNIX, close, dup2, exit, fork, getppid, pipe, poll, POLLIN, pollfds, SOCK_STREAM, socketpair, wait }
    from "@mod";
  const attempt = (action) => { try { return action() ?? "done"; } catch (error) { return error.message; } };
  const print = (...list) => console.log(JSON.stringify(list));
  print(dup2(1, 900), attempt(() => close(900)), attempt(() => close(900)));
  for (let fd = 16380; fd < 16390; fd++) print(attempt(() => close(fd)));
  for (const fd of [16384, 32768, 16384]) print(attempt(() => dup2(1, fd)), attempt(() => close(fd)));
  // Deno's own are wherever its threads come to open them
  print(Array.from({ length: 900 }, (_, i) => 100 + i).filter((fd) => !attempt(() => close(fd)).startsWith("close: Bad")));
  close(2);
  const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
  print(a);
  const quiet = () => print(poll(new pollfds([a, POLLIN], [b, POLLIN]), 0));
  getppid();
  quiet();
  if (fork() === 0) { getppid(); print(attempt(() => dup2(1, 16384))); quiet(); exit(0); }
  wait();
  print(attempt(() => dup2(a, 1000)), attempt(() => dup2(b, 16384)));
  getppid();
  quiet();
  const inherited = new Deno.Command("ls", { args: ["/proc/self/fd"] }).outputSync();
  print(new TextDecoder().decode(inherited.stdout).split("\\n").map(Number).filter((fd) => fd > 16000));`;

Deno.test("IPC_TRACE has descriptors of its own, of which a program that closes and renumbers its own sees nothing", async () => {
  using log = traceFile();
  using program = file(DESCRIPTORS);
  const flags = ["run", "--no-prompt", "--allow-ffi", "--allow-run", "--v8-flags=--single-threaded"];
  const go = (env: Record<string, string> = {}) => run(Deno.execPath(), [...flags, program.path], { env });
  const plain = await go();
  assertEquals([plain.code, plain.stderr], [0, ""]);
  assertStringIncludes(plain.stdout, "\n[2]\n[0]\n"); // what takes the place of standard error
  const [toFile, toStderr] = [await go({ IPC_TRACE: log.path }), await go({ IPC_TRACE: "-" })];
  assertEquals(toFile, plain);
  assertEquals({ ...toStderr, stderr: "" }, plain);
  // the trace itself is whole
  const calls = log.events().flatMap((event) => event.ev === "exit" ? [event.call] : []);
  assertEquals(calls.filter((call) => call === "getppid").length, 3);
  assertEquals(calls.filter((call) => call === "socketpair").length, 1);
  assertEquals(log.events().filter(({ ev }) => ev === "end").length, 2);
  assertEquals(toStderr.stderr.match(/getppid\(\) = \d+\n/g)?.length, 3);
  assertEquals(toStderr.stderr.match(/exited with 0/g)?.length, 2);
});

Deno.test("IPC_TRACE says nothing into what has taken the place of standard error", async () => {
  const { code, stdout, stderr } = await runSource(
    `
    import { AF_UNIX, close, getppid, poll, POLLIN, pollfds, SOCK_STREAM, socketpair, trace } from "@mod";
    getppid();
    close(2);
    const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
    console.log(a);
    using _tracing = trace(() => { throw new Error("broken"); });
    getppid();
    console.log(poll(new pollfds([b, POLLIN]), 0));`,
    [],
    { env: { IPC_TRACE: "-" } },
  );
  assertEquals([code, stdout], [0, "2\n0\n"]);
  assertStringIncludes(stderr, "exited with 0");
});

Deno.test("IPC_TRACE waits for nothing, and says once where it cannot write to", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const at = (name: string) => `${directory}/${name}`;
    await run("mkfifo", [at("fifo")]);
    using _listener = Deno.listen({ transport: "unix", path: at("socket") });
    Deno.symlinkSync("loop", at("loop"));
    using program = file(`
      import { getppid } from "@mod";
      for (let i = 0; i < 3; i++) getppid();
      console.log("done");`);
    const go = (target: string) => run(Deno.execPath(), [...FFI, program.path], { env: { IPC_TRACE: target } });
    const cases = {
      [at("fifo")]: "No such device or address", // nobody reads it
      [at("socket")]: "No such device or address",
      [at("loop")]: "Too many levels of symbolic links",
      [at("none/x")]: "No such file or directory",
      [`${program.path}/x`]: "Not a directory",
      [directory]: "Is a directory",
      ["/dev/full"]: "No space left on device: nothing more is traced",
      [at("x".repeat(300))]: "File name too long",
      [at("\x1b]0;x\x07")]: undefined,
      ["/dev/null"]: undefined,
    };
    for (const [target, why] of Object.entries(cases)) {
      const { code, stdout, stderr } = await go(target);
      assertEquals([code, stdout], [0, "done\n"], target);
      assertEquals(stderr, why ? `IPC_TRACE: ${target}: ${why}\n` : "");
    }
    const { stderr } = await go("/nonexistent/\x1b]0;x\x07");
    assertEquals(stderr, "IPC_TRACE: /nonexistent/\\x1b]0;x\\x07: No such file or directory\n");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("IPC_TRACE into a FIFO whose reader goes ends in a line, also where SIGPIPE is deadly", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    await run("mkfifo", [`${directory}/fifo`]);
    using program = file(`
      import { close, getppid, O_RDONLY, open, signal, SIG_DFL, SIGPIPE } from "@mod";
      getppid();
      signal(SIGPIPE, SIG_DFL);
      close(0);
      await new Promise((resolve) => setTimeout(resolve, 1)); // no frame is left to hold the reader
      console.log("gone");
      for (let i = 0; i < 3; i++) getppid();
      console.log("done");`);
    // the only reader is the program's own standard input
    const { code, stdout, stderr } = await run("sh", [
      "-c",
      'exec 3<>"$0"; exec 0<"$0"; exec 3>&-; exec "$@"',
      `${directory}/fifo`,
      Deno.execPath(),
      ...FFI,
      program.path,
    ], { env: { IPC_TRACE: `${directory}/fifo` } });
    assertEquals([code, stdout], [0, "gone\ndone\n"]);
    assertEquals(stderr, `IPC_TRACE: ${directory}/fifo: Broken pipe: nothing more is traced\n`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("IPC_TRACE into a FIFO whose reader does not read ends in a line", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    await run("mkfifo", [`${directory}/fifo`]);
    using program = file(`
      import { getppid } from "@mod";
      for (let i = 0; i < 1000; i++) getppid();
      console.log("done");`);
    const open = ["-c", 'exec 3<>"$0"; exec "$@"', `${directory}/fifo`, Deno.execPath(), ...FFI, program.path];
    const { code, stdout, stderr } = await run("sh", open, { env: { IPC_TRACE: `${directory}/fifo` } });
    assertEquals([code, stdout], [0, "done\n"]);
    assertEquals(stderr, `IPC_TRACE: ${directory}/fifo: Resource temporarily unavailable: nothing more is traced\n`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("IPC_TRACE beyond the largest file that is allowed ends in a line, and not by SIGXFSZ", async () => {
  using log = traceFile();
  using program = file(`
    import { getppid } from "@mod";
    for (let i = 0; i < 3; i++) getppid();
    console.log("done");`);
  const megabytes = 256; // Deno writes files of its own
  Deno.writeFileSync(log.path, new Uint8Array());
  Deno.truncateSync(log.path, megabytes << 20); // all of it a hole
  const limited = `ulimit -f ${megabytes << 11}; exec "$@"`; // of 512 bytes
  const { code, stdout, stderr } = await run("sh", ["-c", limited, "sh", Deno.execPath(), ...FFI, program.path], {
    env: { IPC_TRACE: log.path },
  });
  assertEquals([code, stdout], [0, "done\n"]);
  assertEquals(stderr, `IPC_TRACE: ${log.path}: File too large: nothing more is traced\n`);
});

Deno.test("IPC_TRACE does without a name where the main module's URL is an odd one", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const source = `import { getppid } from ${JSON.stringify(mod)};\ngetppid();\nconsole.log("done");`;
    const names = ["%FF.ts", "a b#c?.ts", "%C3%28.js", "ž\u202e.ts", "%2F.ts"];
    for (const name of names) Deno.writeTextFileSync(`${directory}/${name}`, source);
    const mains = [
      ...names.map((name) => `${directory}/${name}`),
      `data:text/javascript,${encodeURIComponent(source)}`,
    ];
    for (const [i, main] of mains.entries()) {
      const log = `${directory}/log${i}`;
      const flags = ["run", "--no-prompt", "--allow-ffi", "--allow-import", "--allow-read"];
      const { code, stdout, stderr } = await run(Deno.execPath(), [...flags, main], { env: { IPC_TRACE: log } });
      assertEquals([code, stdout, stderr], [0, "done\n", ""], main);
      const [first, second] = parseTrace(Deno.readTextFileSync(log));
      assert(second.ev === "enter" && second.call === "getppid");
      assertEquals(first.ev === "start" && first.name, names[i] ?? "data:text/javascript,import%20%7");
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("IPC_TRACE traces a worker, which has no main module", async () => {
  using log = traceFile();
  using program = file(`
    import { getppid } from "@mod";
    if (globalThis.name === "worker") {
      postMessage(getppid() === Deno.ppid);
      close();
    } else {
      const worker = new Worker(import.meta.url, { type: "module", name: "worker" });
      console.log(await new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data)), getppid() === Deno.ppid);
    }`);
  const flags = ["run", "--no-prompt", "--allow-ffi", "--allow-read", "--no-check"];
  const { code, stdout, stderr } = await run(Deno.execPath(), [...flags, program.path], {
    env: { IPC_TRACE: log.path },
  });
  assertEquals([code, stdout, stderr], [0, "true true\n", ""]);
  const events = log.events();
  events.forEach(checkForm);
  const names = events.flatMap((event) => event.ev === "start" ? [event.name] : []);
  assertEquals(names, [program.path, program.path].map((path) => path.split("/").pop()));
  assertEquals(finished(events).filter((text) => text.startsWith("getppid()")).length, 2);
});

Deno.test("programName() is the last part of a path, whatever the URL", () => {
  const names: [url: string, name: string][] = [
    ["file:///a/b.ts", "b.ts"],
    ["file:///a/%FF.ts", "%FF.ts"],
    ["file:///a/%C5%BE%20b.ts?x=/y#/z", "ž b.ts"],
    ["https://example.com/", "example.com"],
    ["https://example.com/x/", "x"],
    ["blob:null/1-2", "blob:null/1-2"],
    ["data:text/javascript;base64,AAAA/BBBB/CCCC", "data:text/javascript;base64,AAAA"],
    ["", ""],
    ["nonsense", "nonsense"],
  ];
  for (const [url, name] of names) assertEquals(programName(url), name);
});

Deno.test("IPC_TRACE=- and formatTraceEvent() print nothing that steers a terminal", async () => {
  const evil = "\x1b]0;title\x07\u009b31m\u202e\n";
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const main = `${directory}/${evil}.ts`;
    const source = `
      import { ftok, signal, SIGUSR1, unlink } from ${JSON.stringify(mod)};
      for (const f of [ftok, unlink]) try { f("/nonexistent/" + ${JSON.stringify(evil)}, 1); } catch { /* meant */ }
      const handler = { [${JSON.stringify(evil)}]() {} };
      signal(SIGUSR1, Object.values(handler)[0]);
      signal(SIGUSR1, 0);`;
    Deno.writeTextFileSync(main, source);
    const { code, stderr } = await run(Deno.execPath(), [...FFI, main], { env: { IPC_TRACE: "-" } });
    assertEquals(code, 0, stderr);
    // deno-lint-ignore no-control-regex -- these are what is looked for
    assert(!/[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(stderr), stderr);
    assertStringIncludes(stderr, String.raw`+++ \x1b]0;title\x07\x9b31m\u202e\n.ts started +++`);
    assertStringIncludes(stderr, String.raw`unlink("/nonexistent/\33]0;title\7`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
  const event = { t: 1, pid: 1, ev: "exit", call: evil, args: { x: { value: 1, names: [evil], rest: 0 } } } as const;
  assertEquals(
    formatTraceEvent({
      ...event,
      args: { x: { value: 1, names: ["\ud800", "\u{e0041}"], rest: 0 } },
      result: 0,
      dur: 1,
    }),
    String.raw`\x1b]0;title\x07\x9b31m\u202e\n(\ud800|\u{e0041}) = 0`,
  );
});

Deno.test("IPC_TRACE says once that a disk is full, and the program goes on", async () => {
  const { code, stdout, stderr } = await runSource(
    `
    import { getppid } from "@mod";
    for (let i = 0; i < 3; i++) getppid();
    console.log("done");`,
    [],
    { env: { IPC_TRACE: "/dev/full" } },
  );
  assertEquals([code, stdout], [0, "done\n"]);
  assertEquals(stderr, "IPC_TRACE: /dev/full: No space left on device: nothing more is traced\n");
});

Deno.test("parseTrace() leaves out what has not the form of an event", () => {
  const wrong = [
    { ev: "exit", t: 1, pid: 1 },
    { ev: "exit", t: 1, pid: 1, call: "x", args: null, result: 0, dur: 0 },
    { ev: "enter", t: 1, pid: 1, call: 7, args: {} },
    { ev: "toString", t: 1, pid: 1 },
    { ev: "end", t: null, pid: 1, status: 0 },
  ];
  assertEquals(parseTrace(wrong.map((event) => JSON.stringify(event)).join("\n")), []);
});
