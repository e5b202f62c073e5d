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
import { fails, freshKey } from "../../_peers.ts";
import { FFI, file, freePort, Program, run, runSource, script } from "../../support.ts";

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
