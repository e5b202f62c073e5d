/**
 * `deno task bench`: this library beside C, Perl, Python, and Deno without it.
 *
 *     deno task bench [--quick] [--json FILE] [--svg FILE]
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
import { compare, type Effort, type Entry, ratio, type Series, summarize } from "./measure.ts";
import type { Goal, Growth, Results, Row } from "./results.ts";
import { tables } from "./terminal.ts";

const usage = "usage: deno task bench [--quick] [--json FILE] [--svg FILE]";

function options(): { quick: boolean; json?: string; svg?: string } {
  const found: ReturnType<typeof options> = { quick: false };
  const args = [...Deno.args];
  while (args.length > 0) {
    const arg = args.shift();
    const file = arg === "--json" || arg === "--svg" ? args.shift() : undefined;
    if (arg === "--quick") found.quick = true;
    else if (arg === "--json" && file) found.json = file;
    else if (arg === "--svg" && file) found.svg = file;
    else {
      console.error(usage);
      cleanUp();
      Deno.exit(2);
    }
  }
  return found;
}

const { quick, json, svg } = options();
const full: Effort = quick ? { rounds: 3, milliseconds: 3 } : { rounds: 21, milliseconds: 25 };
const short: Effort = quick ? { rounds: 1, milliseconds: 2 } : { rounds: 7, milliseconds: 15 };
const started = performance.now();

function progress(what: string): void {
  if (Deno.stderr.isTerminal()) {
    const seconds = Math.round((performance.now() - started) / 1000);
    Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${what && `${seconds} s  ${what} …`}`));
  }
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
  const series: Series = await compare(entries, effort);
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

async function sideBySide(): Promise<[rows: Row[], overhead: Row[], tracing: Row[]]> {
  await using field = new Field(places.one);
  const add = (name: string, job: string, size: number, limit: number, unit: Row["unit"] = "time") =>
    row(name, field.entries(job, size), [["C", "rate", limit]], unit, size);
  const rows = [
    await add("msgsnd+msgrcv, 64 B", "queue", 64, 0.95),
    await add("MessageQueue, 64 B", "object", 64, 0.9),
    await add("copy in 1 MiB, GB/s", "copy-in", MIB, 0.97, "bandwidth"),
    await add("copy out 1 MiB, GB/s", "copy-out", MIB, 0.97, "bandwidth"),
    await row("new copy 1 MiB, GB/s", field.entries("copy-new", MIB), [], "bandwidth", MIB),
  ];
  const over = (name: string, job: string, size: number) =>
    row(
      name,
      [
        ...field.entry("library", job, size),
        ...field.entry("library", `${job}-bare`, size, "dlopen"),
        ...field.entry("C", job, size),
      ],
      [["dlopen", "rate", 0.98]],
    );
  const overhead = [
    await over("msgsnd+msgrcv, 64 B", "queue", 64),
    await over("semop up + down", "semop", 0),
    await over("getppid", "getppid", 0),
  ];
  const tracing = [
    await row("getppid", [
      ...field.entry("library", "getppid", 0),
      ...field.entry("library", "getppid-traced", 0, "traced"),
    ], []),
  ];
  return [rows, overhead, tracing];
}

const sizes = quick ? [8, 1024, MIB] : [8, 64, 1024, 8192, 65536, MIB];

async function spinning(): Promise<[volley: Row | null, growth: Growth["series"]]> {
  if (cpus.length < 2) return [null, {}]; // each would wait for the other's time slice to end
  await using field = new Field(places.two, true);
  const volley = await row("ping-pong by Atomics", field.entries("volley", 4), [["C", "rate", 0.8]]);
  return [
    volley,
    await grow(sizes, (size) => [
      ...field.entry("library", "segment", size, "segment, spinning"),
      ...field.entry("C", "segment", size, "segment, C"),
    ]),
  ];
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

async function waiting(): Promise<Growth["series"]> {
  const longest = Number(Deno.readTextFileSync("/proc/sys/kernel/msgmax"));
  await using field = new Field(places.one, true);
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
  return {
    ...await grow(sizes, (size) => size <= longest ? queues(size) : []),
    ...await grow(sizes, (size) => size <= longest ? queueClass(size) : []),
    ...await grow(sizes, sockets),
    ...await grow(sizes, socketClass),
    ...await grow(sizes, (size) => others.flatMap(([name, job]) => field.entry("Deno", job, size, name))),
  };
}

async function forks(): Promise<[row: Row, growth: Growth]> {
  const values = quick ? [0, 16] : [0, 16, 64, 128];
  // fresh programs: what the others have in memory would be copied, too
  await using field = new Field(places.any, true);
  const first = await row("fork + _exit + wait3", field.entries("fork", 0), [["C", "time", 2], ["Python", "rate", 1]]);
  const series = await grow(
    values,
    (size) => ["library", "C", "Python"].flatMap((one) => field.entry(one, "fork", size)),
  );
  return [first, { name: "fork with live memory", x: "MiB", unit: "time", values, series }];
}

async function servers(): Promise<[row: Row, growth: Growth]> {
  const values = quick ? [1, 4] : [1, 2, 4, 8];
  await using stack = new AsyncDisposableStack();
  const list = (await startServers()).map((server) => stack.use(server));
  const wanted: Wanted[] = [["C", "rate", 0.5], ["Python", "rate", 1]];
  const effort = { ...full, milliseconds: 2 * full.milliseconds };
  const first = await row("fork server, conn./s", list.map((server) => server.entry(4)), wanted, "rate", 0, effort);
  const series = await grow(values, (atATime) => list.map((server) => server.entry(atATime)));
  return [first, { name: "conn./s, n at a time", x: "connections", unit: "rate", values, series }];
}

async function starts(): Promise<Row[]> {
  const empty = starting("empty", await emptyProgram());
  const add = (name: string, file: string, limit: number) =>
    row(name, [starting("library", `${root}scripts/${file}`), empty], [["empty", "time", limit]]);
  return [
    await add("posix_shared_memory.ts", "posix_shared_memory.ts", 1.25),
    await add("sigchld_wait3.ts *", "sigchld_wait3.ts", 2),
  ];
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

async function all(): Promise<Results> {
  const [rows, overhead, tracing] = await sideBySide();
  const [volley, segments] = await spinning();
  const [forked, forkGrowth] = await forks();
  const [served, serverGrowth] = await servers();
  const started = await starts();
  const trips = { ...segments, ...await waiting() };
  if (volley) rows.push(volley);
  rows.push(forked, served);
  return {
    version: 1,
    quick,
    rounds: full.rounds,
    machine: machine(),
    tables: [
      { title: "side by side", columns: LANGUAGES, rows },
      { title: "over a bare symbol", columns: ["library", "dlopen", "C"], rows: overhead },
      { title: "a call, traced", columns: ["library", "traced"], rows: tracing },
      { title: "start to end", columns: ["library", "empty"], rows: started },
    ],
    growth: [
      { name: "there and back", x: "bytes", unit: "time", values: sizes, series: trips },
      forkGrowth,
      serverGrowth,
    ],
  };
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
  if (svg) await Deno.writeTextFile(svg, (await import("./plot.ts")).plot(results));
} finally {
  Deno.removeSignalListener("SIGINT", stop);
  cleanUp();
}
