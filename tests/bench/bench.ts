/**
 * `deno task bench`: this library beside C, Perl, Python, and Deno without it.
 *
 *     deno task bench [--quick] [--only PART,…] [--json FILE] [--svg FILE] [--readme FILE]
 *
 * @module
 */
import {
  cleanUp,
  cpus,
  directory,
  Field,
  firstLine,
  places,
  root,
  starting,
  startServers,
  versions,
} from "./contestants.ts";
import { watchAll } from "./idle.ts";
import { insert } from "./markdown.ts";
import { compare, type Effort, type Entry, ratio, type Series, summarize } from "./measure.ts";
import type { Goal, Growth, Results, Row, Table } from "./results.ts";
import { tables } from "./terminal.ts";

/** What can be asked for alone, in the order in which it is measured. */
const PARTS = [
  "sync",
  "async",
  "fair",
  "idle",
  "overhead",
  "records",
  "trace",
  "fork",
  "server",
  "start",
  "spin",
  "channel",
  "sizes",
];

const usage = `usage: deno task bench [--quick] [--only PART,…] [--json FILE] [--svg FILE] [--readme FILE]
parts: ${PARTS.join(", ")}`;

function options(): { quick: boolean; only: string[]; json?: string; svg?: string; readme?: string } {
  const found: ReturnType<typeof options> = { quick: false, only: PARTS };
  const args = [...Deno.args];
  const fail = () => {
    console.error(usage);
    cleanUp();
    Deno.exit(2);
  };
  while (args.length > 0) {
    const arg = args.shift();
    const value = ["--only", "--json", "--svg", "--readme"].includes(arg!) ? args.shift() : undefined;
    const parts = value?.split(",") ?? [];
    if (arg === "--quick") found.quick = true;
    else if (arg === "--only" && value && parts.every((part) => PARTS.includes(part))) found.only = parts;
    else if (arg === "--json" && value) found.json = value;
    else if (arg === "--svg" && value) found.svg = value;
    else if (arg === "--readme" && value) found.readme = value;
    else fail();
  }
  if (found.readme && found.only !== PARTS) fail(); // its table has all of them
  return found;
}

const { quick, only, json, svg, readme } = options();
const full: Effort = quick ? { rounds: 3, milliseconds: 3 } : { rounds: 31, milliseconds: 25 };
const short: Effort = quick ? { rounds: 1, milliseconds: 2 } : { rounds: 7, milliseconds: 15 };
const started = performance.now();

/** Says on a terminal what is being measured; elsewhere only which part, as each would be a line. */
function progress(what: string, part = false): void {
  const seconds = Math.round((performance.now() - started) / 1000);
  const text = what && `${seconds} s  ${what} …`;
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
  else if (part && !quick) console.error(text);
}

type Wanted = [against: string, of: Goal["of"], limit: number];

async function row(
  name: string,
  entries: Entry[],
  wanted: Wanted[],
  unit: Row["unit"] = "time",
  size = 0,
  effort = full,
): Promise<Row> {
  progress(name);
  return rowOf(name, await compare(entries, effort), wanted, unit, size);
}

function rowOf(name: string, series: Series, wanted: Wanted[], unit: Row["unit"] = "time", size = 0): Row {
  const goals = wanted.map(([against, of, limit]): Goal => {
    const [ours, theirs] = [series.library, series[against]];
    const both = ours && theirs;
    return { against, of, limit, ratio: both ? of === "rate" ? ratio(theirs, ours) : ratio(ours, theirs) : null };
  });
  const results = Object.fromEntries(Object.entries(series).map(([name, one]) => [name, summarize(one)]));
  return { name, unit, size, results, goals };
}

const LANGUAGES = ["library", "C", "Perl", "Python", "Deno"];
const MIB = 1 << 20;

/** What a part of the benchmark adds to the results. */
interface Found {
  tables?: Table[];
  growth?: Growth[];
  /** More of how long a message takes there and back, by its size. */
  trips?: Growth["series"];
  machine?: Record<string, string>;
}

async function sideBySide(): Promise<Found> {
  await using field = new Field(places.one);
  const add = (name: string, job: string, size: number, limit: number, unit: Row["unit"] = "time") =>
    row(name, field.entries(job, size), [["C", "rate", limit]], unit, size);
  const rows = [
    await add("msgsnd+msgrcv, 64 B", "queue", 64, 0.95),
    await add("MessageQueue, 64 B", "object", 64, 0.85),
    await add("copy in 1 MiB, GB/s", "copy-in", MIB, 0.97, "bandwidth"),
    await add("copy out 1 MiB, GB/s", "copy-out", MIB, 0.97, "bandwidth"),
    await row("new copy 1 MiB, GB/s", field.entries("copy-new", MIB), [], "bandwidth", MIB),
  ];
  return { tables: [{ title: "side by side", columns: LANGUAGES, rows }] };
}

/** What C does instead, under another name. */
const BLOCKING: Record<string, string> = { queue: "queues", channel: "channel-asleep" };

async function asynchronous(): Promise<Found> {
  await using field = Field.asynchronous();
  // wherever the kernel puts them, so a round is seldom like the one before
  const effort = quick ? full : { rounds: 41, milliseconds: 25 };
  const connect = (size: number) => field.entry("Deno.connect", "socket", size);
  const others = (job: string, size: number) => [
    ...field.entry("library", job, size, `library ${job}`),
    ...field.entry("C", BLOCKING[job] ?? job, size, `C ${job}`),
  ];
  /** All of a size take turns, so that each has the same connection beside it. */
  const rows = async (size: number, names: Record<string, [name: string, limit: number]>) => {
    progress(`asynchronous round trips, ${size} bytes`);
    const jobs = Object.keys(names);
    const series = await compare([...jobs.flatMap((job) => others(job, size)), ...connect(size)], effort);
    return jobs.map((job) => {
      const own = {
        library: series[`library ${job}`],
        C: series[`C ${job}`],
        "Deno.connect": series["Deno.connect"],
      };
      const [name, limit] = names[job];
      return rowOf(name, present(own), [["Deno.connect", "time", limit]], "time", size);
    });
  };
  const small = await rows(64, {
    queue: ["async MessageQueue", 6],
    semaphores: ["async SemaphoreSet", 6],
    socket: ["async Socket, 64 B", 1],
    channel: ["async Channel, 64 B", 1],
  });
  const large = await rows(65536, { socket: ["async Socket, 64 KiB", 1] });
  const amount = quick ? 4 * MIB : 256 * MIB;
  const stream = await row(
    "stream 256 MiB, GB/s",
    ["library", "Deno.connect"].flatMap((one) => field.entry(one, "stream", 65536)),
    [["Deno.connect", "time", 1]],
    "bandwidth",
    65536,
    { rounds: quick ? 1 : 15, milliseconds: 0, turns: amount / 65536 },
  );
  const columns = ["library", "C", "Deno.connect"];
  return {
    tables: [{
      title: "asynchronous, there and back, against Deno.connect",
      columns,
      rows: [...small, ...large, stream],
    }],
  };
}

function present(series: Record<string, number[] | undefined>): Series {
  return Object.fromEntries(Object.entries(series).filter((pair): pair is [string, number[]] => pair[1] !== undefined));
}

async function fair(): Promise<Found> {
  await using field = new Field(places.any, ["library, asynchronous"]);
  const milliseconds = quick ? 30 : 400;
  const entries = [
    ...field.entry("library", "waits", milliseconds),
    ...field.entry("library", "blocks", milliseconds, "blocking"),
  ];
  const effort = { rounds: quick ? 1 : 11, milliseconds: 0, turns: 1 };
  const turns = await row("turns/s beside holder", entries, [["blocking", "rate", 0.33]], "rate", 0, effort);
  return {
    tables: [{
      title: "acquire beside a busy holder, against one who blocks",
      columns: ["library", "blocking"],
      rows: [turns],
    }],
  };
}

async function idle(): Promise<Found> {
  const count = quick ? 20 : 500;
  const kinds = ["receive-many", "receive-one", "acquire-many", "acquire-one", "idle"] as const;
  progress(`${count} that wait`);
  const found = await watchAll(kinds, count, quick ? 200 : 4000);
  const beside = (name: string, unit: Row["unit"], ours: number, theirs: number, limit: number): Row => ({
    name,
    unit,
    size: 0,
    results: { library: summarize([ours]), idle: summarize([theirs]) },
    goals: [{ against: "idle", of: "excess", limit, ratio: summarize([ours - theirs]) }],
  });
  const names = {
    "receive-many": `receive, ${count} queues`,
    "receive-one": "receive, one queue",
    "acquire-many": `acquire, ${count} sets`,
    "acquire-one": "acquire, one set",
  };
  const waiting = kinds.filter((kind) => kind !== "idle");
  // none is what is wanted; a wake-up in seconds is some other part of Deno
  const rows = waiting.map((kind) => beside(names[kind], "wakes", found[kind].wakes, found.idle.wakes, 1));
  const load = Math.max(...waiting.map((kind) => found[kind].load));
  if (!Number.isNaN(load)) rows.push(beside("CPU of the busiest", "percent", load, found.idle.load, 0.1));
  return { tables: [{ title: `${count} that wait, against an idle program`, columns: ["library", "idle"], rows }] };
}

async function overhead(): Promise<Found> {
  await using field = new Field(places.one, ["library", "C"]);
  // the last per cent are what counts here
  const effort = quick ? full : { rounds: 61, milliseconds: 20 };
  const over = (name: string, job: string, size: number) =>
    row(
      name,
      [
        ...field.entry("library", job, size),
        ...field.entry("library", `${job}-bare`, size, "dlopen"),
        ...field.entry("C", job, size),
      ],
      [["dlopen", "rate", 0.98]],
      "time",
      size,
      effort,
    );
  const rows = [
    await over("msgsnd+msgrcv, 64 B", "queue", 64),
    await over("semop up + down", "semop", 0),
    await over("getppid", "getppid", 0),
  ];
  return { tables: [{ title: "against a bare symbol", columns: ["library", "dlopen", "C"], rows }] };
}

async function records(): Promise<Found> {
  await using field = new Field(places.one, ["library"]);
  const beside = (name: string, job: string) =>
    row(
      name,
      [...field.entry("library", job, 0), ...field.entry("library", `${job}-dataview`, 0, "DataView")],
      [["DataView", "time", 1.2]],
    );
  const rows = [
    await beside("1 record, 5000 fields", "record"),
    await beside("1000 records, 5 each", "records"),
  ];
  return { tables: [{ title: "records, against a DataView by hand", columns: ["library", "DataView"], rows }] };
}

async function traced(): Promise<Found> {
  await using field = new Field(places.one, ["library"]);
  const call = await row("getppid, traced", [
    ...field.entry("library", "getppid-traced", 0),
    ...field.entry("library", "getppid", 0, "untraced"),
  ], []);
  return { tables: [{ title: "a call, traced", columns: ["library", "untraced"], rows: [call] }] };
}

const sizes = quick ? [8, 1024, MIB] : [8, 64, 1024, 8192, 65536, MIB];

async function spinning(): Promise<Found> {
  if (cpus.length < 2) return {}; // each would wait for the other's time slice to end
  await using field = Field.forking(places.two);
  const volley = await row("ping-pong by Atomics", field.entries("volley", 4), [["C", "rate", 0.8]]);
  const trips = await grow(sizes, (size) => [
    ...field.entry("library", "segment", size, "segment, spinning"),
    ...field.entry("C", "segment", size, "segment, C"),
  ]);
  return { tables: [{ title: "spinning", columns: LANGUAGES, rows: [volley] }], trips };
}

async function grow(values: number[], entries: (value: number) => Entry[]): Promise<Growth["series"]> {
  const found: Growth["series"] = {};
  for (const [index, value] of values.entries()) {
    const list = entries(value);
    progress(`${list[0]?.name}, ${value}`);
    for (const [name, series] of Object.entries(await compare(list, short))) {
      found[name] ??= values.map(() => null);
      found[name][index] = summarize(series);
    }
  }
  return found;
}

async function channels(): Promise<Found> {
  const columns = ["library", "C", "Deno"];
  const kinds = ["library, forking", "C", "Deno"];
  const rows: Row[] = [];
  {
    await using field = new Field(places.two, kinds);
    const wanted: Wanted[] = [["C", "rate", 0.8], ["Deno", "rate", 50]];
    rows.push(await row("Channel, 64 B, busy", field.entries("channel", 64), wanted));
  }
  await using field = new Field(places.one, kinds);
  rows.push(await row("Channel, asleep", field.entries("channel-asleep", 64), [["C", "time", 1.3]]));
  return { tables: [{ title: "channels (Deno: Worker.postMessage)", columns, rows }] };
}

async function waiting(): Promise<Found> {
  const longest = Number(Deno.readTextFileSync("/proc/sys/kernel/msgmax"));
  await using field = Field.forking(places.one);
  const queues = (size: number) => [
    ...field.entry("library", "queues", size, "msgsnd + msgrcv"),
    ...field.entry("C", "queues", size, "msgsnd + msgrcv, C"),
  ];
  const sockets = (size: number) => [
    ...field.entry("library", "socket", size, "unix socket"),
    ...field.entry("C", "socket", size, "unix socket, C"),
  ];
  const queueClass = (size: number) => field.entry("library", "queues-class", size, "MessageQueue");
  const socketClass = (size: number) => field.entry("library", "socket-class", size, "Socket");
  const others = [
    ["Deno.connect unix", "unix"],
    ["Deno.connect TCP", "tcp"],
    ["Deno.Command pipes", "pipe"],
    ["Worker.postMessage", "worker"],
  ];
  // one way at a time, as a program keeps only its last partner
  const trips = {
    ...await grow(sizes, (size) => size <= longest ? queues(size) : []),
    ...await grow(sizes, (size) => size <= longest ? queueClass(size) : []),
    ...await grow(sizes, sockets),
    ...await grow(sizes, socketClass),
    ...await grow(sizes, (size) => others.flatMap(([name, job]) => field.entry("Deno", job, size, name))),
  };
  return { trips };
}

async function forks(): Promise<Found> {
  const values = quick ? [0, 16] : [0, 16, 64, 128];
  // fresh programs: what the others have in memory would be copied, too
  await using field = Field.forking(places.any);
  progress("fork");
  const shape = await field.addShape("C, alike", "library");
  const wanted: Wanted[] = [["C, alike", "rate", 0.8], ["Python", "rate", 1]];
  const first = await row("fork + _exit + wait3", field.entries("fork", 0), wanted);
  const series = await grow(
    values,
    (size) => ["library", "C", "Python"].flatMap((one) => field.entry(one, "fork", size)),
  );
  return {
    tables: [{
      title: "children, against C with memory alike",
      columns: ["library", "C", "C, alike", "Perl", "Python"],
      rows: [first],
    }],
    growth: [{ name: "fork with live memory", x: "MiB", unit: "time", values, series }],
    machine: shape === undefined ? {} : { alike: shape },
  };
}

async function servers(): Promise<Found> {
  const values = quick ? [1, 4] : [1, 2, 4, 8];
  await using stack = new AsyncDisposableStack();
  const list = (await startServers()).map((server) => stack.use(server));
  const wanted: Wanted[] = [["C", "rate", 0.5], ["Python", "rate", 1], ["SIGCHLD", "rate", 1]];
  const effort = { ...full, milliseconds: 2 * full.milliseconds };
  const first = await row("fork server, conn./s", list.map((server) => server.entry(4)), wanted, "rate", 0, effort);
  const series = await grow(values, (atATime) => list.map((server) => server.entry(atATime)));
  return {
    tables: [{
      title: "the fixed server (SIGCHLD: Python with the slide's handler)",
      columns: ["library", "C", "Python", "SIGCHLD", "Deno"],
      rows: [first],
    }],
    growth: [{ name: "conn./s, n at a time", x: "connections", unit: "rate", values, series }],
  };
}

async function starts(): Promise<Found> {
  const empty = starting("empty", await emptyProgram());
  const add = (name: string, file: string, limit: number) =>
    row(name, [starting("library", `${root}scripts/${file}`), empty], [["empty", "time", limit]]);
  const rows = [
    await add("start of a script", "posix_shared_memory.ts", 1.6),
    await add("start with a restart", "sigchld_wait3.ts", 3.5),
  ];
  return { tables: [{ title: "start, against empty", columns: ["library", "empty"], rows }] };
}

async function emptyProgram(): Promise<string> {
  const file = `${directory}/empty.ts`;
  await Deno.writeTextFile(file, "");
  return file;
}

function machine(): Record<string, string> {
  const [, model = Deno.build.arch] = /^model name\s*:\s*(.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo")) ?? [];
  const kernel = firstLine("uname", "-sr") ?? "Linux";
  const programs = Object.entries(versions).filter(([, version]) => version).map((pair) => pair.join(" "));
  return { machine: `${model}, ${navigator.hardwareConcurrency} processors, ${kernel}`, programs: programs.join(", ") };
}

const parts: Record<string, () => Promise<Found>> = {
  sync: sideBySide,
  async: asynchronous,
  fair,
  idle,
  overhead,
  records,
  trace: traced,
  fork: forks,
  server: servers,
  start: starts,
  spin: spinning,
  channel: channels,
  sizes: waiting,
};

async function all(): Promise<Results> {
  const results: Results = { version: 2, quick, rounds: full.rounds, machine: machine(), tables: [], growth: [] };
  const trips: Growth["series"] = {};
  for (const part of PARTS) {
    if (!only.includes(part)) continue;
    progress(part, true);
    const found = await parts[part]();
    results.tables.push(...found.tables ?? []);
    results.growth.push(...found.growth ?? []);
    Object.assign(results.machine, found.machine);
    Object.assign(trips, found.trips);
  }
  if (Object.keys(trips).length > 0) {
    results.growth.unshift({ name: "there and back", x: "bytes", unit: "time", values: sizes, series: trips });
  }
  return results;
}

const stop = () => {
  cleanUp();
  Deno.exit(130);
};
Deno.addSignalListener("SIGINT", stop);
try {
  const results = await all();
  progress("");
  for (const line of tables(results)) console.log(line);
  if (json) await Deno.writeTextFile(json, JSON.stringify(results, null, 2) + "\n");
  if (readme) await Deno.writeTextFile(readme, insert(await Deno.readTextFile(readme), results));
  if (svg) await Deno.writeTextFile(svg, (await import("./plot.ts")).plot(results));
} finally {
  Deno.removeSignalListener("SIGINT", stop);
  cleanUp();
}
