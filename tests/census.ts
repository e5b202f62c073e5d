/**
 * Runs a command and looks what it left behind: System V objects, processes and their ports, temporary files. With
 * that it fails.
 *
 *     deno run --allow-all tests/census.ts [--isolated] -- deno task check
 *
 * Others use the machine, too, so what is new is not the command's for that alone:
 *
 * - **A process** is the command's if it has our mark in its environment, which is inherited, or if its parent is. As
 *   nobody says so who has ended, /proc is read every few milliseconds while the command runs.
 * - **A listening port** belongs to the process that has the socket.
 * - **A segment** belongs to the process that created it, which the kernel remembers.
 * - **A queue or a semaphore set** has no such memory. It is the command's if the last to send, the last to receive,
 *   or the last to change any of its semaphores was one of its processes. One that nobody has used, or only processes
 *   that ended unseen, can't be told from others': it is listed as seen, and no failure.
 * - **A POSIX queue** is the command's if it has the pid of one of its processes in its name, as those of tests do. They can be
 *   listed only where a file system of type `mqueue` is mounted that shows this IPC namespace's.
 * - **POSIX shared memory and a named semaphore** (a file in /dev/shm) are the command's if they have such a name. With
 *   `--isolated` they are only listed as seen: others' are there, too, and pids in their names may be another namespace's.
 * - **A temporary file** is one in the command's `TMPDIR`, which is made for it.
 *
 * With `--isolated`, all processes and all other objects are the command's: gate.ts says so, after it has made namespaces.
 *
 * @module
 */
import { GETPID, PosixMessageQueue, semctl } from "../mod.ts";
import { listeners, process, rows } from "./support.ts";

const MARK = "IPC_PLAYGROUND_TEST";
const nonce = crypto.randomUUID();
const INTERVAL = 20; // milliseconds; Deno takes as long to start, Perl a third
const PATIENCE = 2000; // milliseconds for what is about to end

/** Runs something, or gives nothing where a process, an object or a file has gone in the meantime. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const names = (path: string): string[] => attempt(() => [...Deno.readDirSync(path)].map(({ name }) => name)) ?? [];

/** The processes that have been the command's, and when they started: a number may come again. */
const ours = new Map<number, string>();
/** How often each of the others there are now has been looked at. The second time is for those that just execute. */
let others = new Map<number, number>();
/** Whether there are some whose environment is not there yet, as while they execute. */
let undecided = false;
const start = Number(process(Deno.pid)?.started);

/** Looks which processes there are. */
function look(): void {
  const now = new Map<number, number>();
  undecided = false;
  for (const pid of names("/proc").map(Number).filter((pid) => pid > 0 && pid !== Deno.pid && !ours.has(pid))) {
    const looks = others.get(pid) ?? 0;
    const found = looks < 2 ? process(pid) : undefined;
    const environment = found && attempt(() => Deno.readTextFileSync(`/proc/${pid}/environ`));
    const early = environment === "" && Number(found?.started) >= start;
    if (found && isOurs(pid, found.ppid, environment)) ours.set(pid, found.started);
    else now.set(pid, early ? looks : looks + 1);
    if (early && !ours.has(pid)) undecided = true;
  }
  others = now;
}

function isOurs(pid: number, parent: number, environment = ""): boolean {
  if (isolated) return pid !== 1;
  return ours.has(parent) || environment.includes(nonce);
}

type Verdict = { line: string; ours: boolean };

/** The command's processes that run, and their ports. */
function processes(): Verdict[] {
  look();
  const ports = listeners();
  return [...ours].flatMap(([pid, started]) => {
    const found = process(pid);
    // a zombie's parent is left, too, or about to reap it
    if (found?.started !== started || found.state === "Z") return [];
    const sockets = names(`/proc/${pid}/fd`).map((fd) => attempt(() => Deno.readLinkSync(`/proc/${pid}/fd/${fd}`)));
    const own = ports.filter(({ inode }) => sockets.includes(`socket:[${inode}]`));
    const listens = own.map(({ protocol, port }) => `, listens on ${protocol} port ${port}`).join("");
    return [{ line: `process: ${pid} (${found.command})${listens}`, ours: true }];
  });
}

/** The processes that the kernel remembers to have made or used an object, from its row in the kernel's table. */
const USERS: Record<string, (row: string[]) => number[]> = {
  shm: (row) => [Number(row[4])],
  msg: (row) => [Number(row[5]), Number(row[6])],
  sem: (row) => Array.from({ length: Number(row[3]) }, (_, n) => attempt(() => semctl(Number(row[1]), n, GETPID)) ?? 0),
};

/** Where POSIX queues can be listed: a mount of that type, if it is not another namespace's. */
function queues(): string | undefined {
  return attempt(() => {
    using probe = PosixMessageQueue.create(undefined, { maxMessages: 1, messageSize: 1 });
    const mounts = Deno.readTextFileSync("/proc/self/mounts").split("\n").map((line) => line.split(" "));
    const places = mounts.filter(([, , type]) => type === "mqueue").map(([, place]) => place);
    return places.find((place) => names(place).includes(probe.name.slice(1)));
  });
}

/** Tells whether a POSIX object's name is one that a test gave it which was one of the command's processes. */
function hasOurPid(name: string): boolean {
  return ours.has(Number(/^(?:sem\.)?ipc_playground_(\d+)_/.exec(name)?.[1]));
}

/** What there is now and was not before. */
function left(before: ReadonlySet<string>): Verdict[] {
  const found = Object.entries(USERS).flatMap(([kind, users]) =>
    rows(`/proc/sysvipc/${kind}`).map((row) => ({
      line: `System V object: ${kind} ${row[1]}, key ${row[0]}`,
      ours: isolated || users(row).some((pid) => ours.has(pid)),
    }))
  );
  const files = names(directory).map((name) => ({ line: `file: ${directory}/${name}`, ours: true }));
  const posix = mqueue === undefined ? [] : names(mqueue).map((name) => ({
    line: `POSIX queue: /${name}`,
    ours: isolated || hasOurPid(name),
  }));
  const shared = names("/dev/shm").map((name) => ({
    line: `file: /dev/shm/${name}`,
    ours: !isolated && hasOurPid(name),
  }));
  return [...processes(), ...found, ...posix, ...shared, ...files].filter(({ line }) => !before.has(line));
}

const isolated = Deno.args[0] === "--isolated";
const rest = isolated ? Deno.args.slice(1) : Deno.args;
const [command, ...args] = rest[0] === "--" ? rest.slice(1) : rest;
if (!command) {
  console.error("usage: census.ts [--isolated] -- COMMAND [ARGUMENT…]");
  Deno.exit(2);
}

const mqueue = queues();
const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
Deno.chmodSync(directory, 0o1777); // some tests play other users
look();
const before = new Set(left(new Set()).map(({ line }) => line));
// an outer census, as when this is tested, has to know its own
const marks = [Deno.env.get(MARK), nonce].join(" ");
// the deno that runs this, wherever it is
const program = command === "deno" ? Deno.execPath() : command;
const child = new Deno.Command(program, { args, env: { [MARK]: marks, TMPDIR: directory } }).spawn();
ours.set(child.pid, process(child.pid)?.started ?? "");
const timer = isolated ? undefined : setInterval(look, INTERVAL);
const { code } = await child.status;
let verdicts: Verdict[];
for (const end = Date.now() + PATIENCE;;) {
  verdicts = left(before);
  if ((!undecided && !verdicts.some(({ ours }) => ours)) || Date.now() > end) break;
  await new Promise((resolve) => setTimeout(resolve, 100));
}
clearInterval(timer);
Deno.removeSync(directory, { recursive: true });
const tell = (heading: string, which: boolean) => {
  const lines = verdicts.filter(({ ours }) => ours === which).map(({ line }) => `  ${line}`);
  if (lines.length > 0) console.error(`\n${heading}:\n${lines.join("\n")}`);
  return lines.length;
};
tell("seen, not ours or not known to be", false);
Deno.exit(tell(`${command} left behind`, true) > 0 ? code || 1 : code);
