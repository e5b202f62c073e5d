/**
 * What the demos ask the system: which processes, sockets and IPC objects there are, and whose they are.
 *
 * @module
 */
import {
  AF_INET,
  bind,
  close,
  getsockname,
  LibcError,
  ntohs,
  SOCK_DGRAM,
  SOCK_STREAM,
  sockaddr_in,
  socket,
} from "../../../mod.ts";
import { callsOf, isAlive, isWhollyOf, namesIn, namespaceOf, pids, processEntry, textOf } from "../shared/proc.ts";
import { awaited, queueTable, remove, segmentTable } from "../shared/sysv.ts";

const VARIABLE = "IPC_DEMO_RUN";

// A pid alone could be another's by now, or one of another container that shares /tmp.
function markOf(pid: number): string {
  return `${pidNamespace(pid)}-${pid}-${processEntry(pid)?.started}`;
}

function pidNamespace(pid: number | "self"): string {
  return /\d+/.exec(namespaceOf("pid", pid) ?? "0")![0];
}

/** Names this run. Every process it starts carries the mark in its environment, and so do their children. */
export const MARK: string = markOf(Deno.pid);

/** The environment that carries the mark. Errors that Deno prints come without colours, whoever reads them. */
export const MARKED: Record<string, string> = { [VARIABLE]: MARK, NO_COLOR: "1" };

/** Tells whether a mark is that of a run which is gone. */
function isDead(mark: string): boolean {
  const [namespace, pid] = mark.split("-");
  return namespace === pidNamespace("self") && markOf(Number(pid)) !== mark;
}

/** The living processes whose mark is such. What others have in their environment is not believed. */
function marked(wanted: (mark: string) => boolean): number[] {
  const list: number[] = [];
  const me = Deno.uid();
  for (const pid of pids()) {
    if (!isWhollyOf(pid, me)) continue;
    const environment = textOf(`/proc/${pid}/environ`); // of a zombie it is empty
    const mark = environment && new RegExp(`(?:^|\0)${VARIABLE}=([^\0]*)`).exec(environment)?.[1];
    if (mark && pid !== Deno.pid && wanted(mark)) list.push(pid);
  }
  return list;
}

const PATIENCE = 300; // ms between SIGTERM and SIGKILL

async function end(wanted: (mark: string) => boolean): Promise<Set<number>> {
  const ended = new Set<number>();
  const start = performance.now();
  // again and again: a process may have started another one between being found and being ended
  for (let found = marked(wanted); found.length > 0; found = marked(wanted)) {
    const signal = performance.now() - start < PATIENCE ? "SIGTERM" : "SIGKILL";
    for (const pid of found) {
      if (signal === "SIGTERM" && ended.has(pid)) continue;
      ended.add(pid);
      try {
        Deno.kill(pid, signal);
      } catch {
        // it was faster
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return ended;
}

/** Ends all processes of this run, and says which there were. */
export function endProcesses(): Promise<Set<number>> {
  return end((mark) => mark === MARK);
}

/**
 * Ends the processes of runs that were killed, and removes their objects and directories.
 *
 * @param keys The keys that demos use, and for what.
 */
export async function endDeadRuns(keys: readonly Pick<IpcObject, "kind" | "key">[]): Promise<string[]> {
  const before = objects();
  const ended = await end(isDead);
  const said = [...ended].map((pid) => `ended pid ${pid}, left by a run that was killed`);
  if (ended.size > 0) {
    // what such a process has used may be somebody else's
    said.push(...removeObjects((object) =>
      isOf(object, ended) && before.has(object.name) && isMine(object) &&
      keys.some(({ kind, key }) => kind === object.kind && key === object.key)
    ));
  }
  const parent = temporary();
  for (const name of namesIn(parent)) {
    const mark = name.startsWith(PREFIX) && /^\d+-\d+-\d+(?=-)/.exec(name.slice(PREFIX.length))?.[0];
    if (!mark || !isDead(mark)) continue;
    try {
      if (Deno.lstatSync(`${parent}/${name}`).uid !== Deno.uid()) continue;
      said.push(...removeNoted(`${parent}/${name}`, keys));
      Deno.removeSync(`${parent}/${name}`, { recursive: true });
      said.push(`removed ${parent}/${name}, left by a run that was killed`);
    } catch {
      // it has gone meanwhile
    }
  }
  return said;
}

const LONGEST = 12; // seconds that a demo may take, and some more

/** Notes in a run's directory that a key was free, and is now about to be used. */
export function noteDown(directory: string, { kind, key }: Pick<IpcObject, "kind" | "key">): void {
  Deno.writeTextFileSync(`${directory}/${kind}-${key}`, "");
}

/**
 * Removes the queues of a run that was killed. Nothing in an empty queue tells whose it is; but one that has been made
 * since the run noted its key down, and before it would have ended, is the run's.
 */
function removeNoted(directory: string, keys: readonly Pick<IpcObject, "kind" | "key">[]): string[] {
  return removeObjects((object) => {
    if (object.kind !== "queue" || !keys.some(({ kind, key }) => kind === "queue" && key === object.key)) return false;
    const noted = [...namesIn(directory)].includes(`queue-${object.key}`);
    if (!noted || !isDeserted(object)) return false;
    const begun = Deno.lstatSync(`${directory}/queue-${object.key}`).mtime!.getTime() / 1000;
    // the kernel has whole seconds, from a clock that may lag behind
    return object.changed >= Math.floor(begun) - 1 && object.changed <= begun + LONGEST;
  });
}

const PREFIX = "ipc-demo-";

function temporary(): string {
  const directory = Deno.env.get("TMPDIR") || "/tmp";
  return directory.length > 40 ? "/tmp" : directory; // the path of a unix socket has 107 bytes at most
}

/** Makes a directory that nobody else can enter. */
export function privateDirectory(): string {
  return Deno.makeTempDirSync({ dir: temporary(), prefix: `${PREFIX}${MARK}-` });
}

/** A port that nobody uses, chosen by the kernel. */
export function freePort(protocol: "tcp" | "udp"): number {
  const sock = socket(AF_INET, protocol === "tcp" ? SOCK_STREAM : SOCK_DGRAM, 0);
  try {
    const address = new sockaddr_in();
    address.sin_family = AF_INET;
    bind(sock, address);
    getsockname(sock, address);
    return ntohs(address.sin_port);
  } finally {
    close(sock);
  }
}

/**
 * Tells whether somebody listens on a port. To try to connect would be the simpler way, but a server for a single
 * connection would be served by that.
 */
export function isListening(protocol: "tcp" | "udp", port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const state = protocol === "tcp" ? "0A" : "07"; // TCP_LISTEN; TCP_CLOSE is what a bound UDP socket has
  return new RegExp(`^ *\\d+: [0-9A-F]{8}:${hex} \\S+ ${state} `, "m").test(textOf(`/proc/net/${protocol}`) ?? "");
}

/** Tells whether somebody listens on a path: the path alone is there before `listen(2)`. */
export function isListeningAt(path: string): boolean {
  const SO_ACCEPTCON = "00010000";
  return (textOf("/proc/net/unix") ?? "").split("\n").some((line) =>
    line.endsWith(` ${path}`) && line.split(/ +/)[3] === SO_ACCEPTCON
  );
}

/** A segment or a queue. */
export type IpcObject =
  & { name: string; id: number; key: number; uid: number; cuid: number }
  & ({ kind: "segment"; size: number; attached: number; creator: number; lastUser: number | null } | {
    kind: "queue";
    messages: number;
    sender: number;
    receiver: number;
    /** When it was made or last changed, in seconds. */
    changed: number;
  });

/** All segments and queues there are, by name: `segment 3`. */
export function objects(): Map<string, IpcObject> {
  const found: IpcObject[] = [];
  for (const { id, ds } of segmentTable()) {
    const { key, uid, cuid } = ds.shm_perm;
    const [size, attached, creator] = [ds.shm_segsz, ds.shm_nattch, ds.shm_cpid];
    const lastUser = ds.shm_atime === 0 ? null : ds.shm_lpid;
    found.push({ kind: "segment", name: `segment ${id}`, id, key, uid, cuid, size, attached, creator, lastUser });
  }
  for (const { id, ds } of queueTable()) {
    const { key, uid, cuid } = ds.msg_perm;
    const [messages, sender, receiver] = [ds.msg_qnum, ds.msg_lspid, ds.msg_lrpid];
    const changed = ds.msg_ctime;
    found.push({ kind: "queue", name: `queue ${id}`, id, key, uid, cuid, messages, sender, receiver, changed });
  }
  return new Map(found.map((object) => [object.name, object]));
}

/** Tells whether this user made an object, and still owns it. */
export function isMine({ uid, cuid }: IpcObject): boolean {
  return uid === Deno.uid() && cuid === Deno.uid();
}

/** Tells whether one of these processes made a segment, or was the last to use a queue. */
export function isOf(object: IpcObject, pids: Set<number>): boolean {
  if (object.kind === "segment") return pids.has(object.creator);
  return pids.has(object.sender) || pids.has(object.receiver);
}

/** Tells whether a process waits in msgrcv(2) for a message of a queue. */
function isAwaited(msqid: number): boolean {
  for (const pid of pids()) {
    for (const { number, args } of callsOf(pid)) {
      if (args[0] === msqid && awaited(number, msqid)?.call === "msgrcv") return true;
    }
  }
  return false;
}

/** Tells whether a process is known to have ended. Pid 0 is one that can't be seen from here: it may well live. */
export function isGone(pid: number): boolean {
  return pid !== 0 && !isAlive(pid);
}

/** Tells whether all have ended who are known to have used an object of ours: of a queue that need not be all. */
export function isDeserted(object: IpcObject): boolean {
  if (!isMine(object)) return false;
  if (object.kind === "segment") {
    const { attached, creator, lastUser } = object;
    return attached === 0 && isGone(creator) && (lastUser === null || isGone(lastUser));
  }
  return (object.sender === 0 || isGone(object.sender)) && (object.receiver === 0 || isGone(object.receiver)) &&
    !isAwaited(object.id);
}

/** Removes an object; false if it is not ours to remove, or gone already. */
export function tryToRemove(object: IpcObject): boolean {
  try {
    remove(object);
    return true;
  } catch (error) {
    if (error instanceof LibcError) return false;
    throw error;
  }
}

/** Removes such objects, unless a process has them attached, and says which. */
export function removeObjects(wanted: (object: IpcObject) => boolean): string[] {
  return [...objects().values()]
    .filter((object) => wanted(object) && !(object.kind === "segment" && object.attached > 0))
    .filter(tryToRemove)
    .map(({ name }) => `removed ${name}, left by the demo`);
}
