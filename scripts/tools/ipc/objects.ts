/**
 * What `ipc` asks the system: all System V objects there are, who uses them, and which process is whose child.
 *
 * @module
 */
import { GETALL, GETNCNT, GETPID, GETZCNT, LibcError, semctl, SHM_DEST, SHM_LOCKED } from "../../../mod.ts";
import type { ipc_perm } from "../../../mod.ts";
import {
  callsOf,
  groupName,
  isAlive,
  namespaceOf,
  ownerOf,
  pids,
  type ProcessEntry,
  processEntry,
  processName,
  segmentsOf,
  userName,
} from "../shared/proc.ts";
import { awaited, type Kind, queueTable, segmentTable, setTable } from "../shared/sysv.ts";

/** A living process and what it has to do with an object. */
export interface Use {
  pid: number;
  name: string;
  /** `attached`, `made it`, `last sent`, `waits in msgrcv` … */
  what: string;
}

interface Common {
  id: number;
  key: number;
  /** The key as `ipcs` writes it. */
  keyHex: string;
  uid: number;
  owner: string;
  gid: number;
  group: string;
  cuid: number;
  creator: string;
  cgid: number;
  creatorGroup: string;
  /** As for `chmod(1)`: `600`. */
  mode: string;
  /** As `ls(1)` writes it: `rw-------`. */
  permissions: string;
  /** When it was made, or last changed by `IPC_SET` (a set: also by `SETVAL`): the kernel keeps no more. */
  changedAt: Date | null;
  /** Seconds since then. */
  age: number;
  /** Processes that live and use it, as far as one may see them. */
  processes: Use[];
  /** Nobody has it attached or waits for it in the kernel, and all that the kernel remembers to have used it have ended. */
  idle: boolean;
  /**
   * It is idle, and that proves that nobody uses it: a segment. For a queue or a set it proves nothing: the kernel has no
   * list of who uses it, does not remember who made it, and who looks again and again whether there is something leaves
   * no trace.
   */
  orphan: boolean;
}

/** A segment. */
export interface Segment extends Common {
  kind: "segment";
  size: number;
  attached: number;
  creatorPid: number;
  lastPid: number;
  attachedAt: Date | null;
  detachedAt: Date | null;
  /** It was removed, and is gone when the last process detaches it. */
  removed: boolean;
  /** It is kept out of swap. */
  locked: boolean;
}

/** A queue. */
export interface Queue extends Common {
  kind: "queue";
  messages: number;
  bytes: number;
  maxBytes: number;
  lastSendPid: number;
  lastReceivePid: number;
  sentAt: Date | null;
  receivedAt: Date | null;
}

/** One semaphore of a set. */
export interface Semaphore {
  value: number;
  /** The process that last operated on it; 0 for none. */
  lastPid: number;
  waitingForIncrease: number;
  waitingForZero: number;
}

/** A semaphore set. */
export interface Semaphores extends Common {
  kind: "semaphores";
  count: number;
  operatedAt: Date | null;
  /** Null if one may not read the set. */
  semaphores: Semaphore[] | null;
}

/** Any of them. */
export type Obj = Segment | Queue | Semaphores;

/** How people call the kinds. */
export const WORDS: Record<Kind, string> = { segment: "segment", queue: "queue", semaphores: "semaphore set" };
/** The letters that tell them apart in an argument: `m:3`. */
const LETTERS: Record<Kind, string> = { segment: "m", queue: "q", semaphores: "s" };

/** An object's name: `segment 3`. */
export function nameOf({ kind, id }: Pick<Obj, "kind" | "id">): string {
  return `${WORDS[kind]} ${id}`;
}

/** An object's name as an argument: `m:3`. */
export function handle({ kind, id }: Pick<Obj, "kind" | "id">): string {
  return `${LETTERS[kind]}:${id}`;
}

/** A process that is there and no zombie, and not this one. */
function lives(pid: number): boolean {
  return pid !== Deno.pid && isAlive(pid);
}

/** Tells whether a process that the kernel remembers can be known to have ended: pid 0 is one that cannot be seen from here. */
function isGone(pid: number): boolean {
  return pid > 0 && !lives(pid);
}

function date(seconds: number): Date | null {
  return seconds === 0 ? null : new Date(seconds * 1000);
}

function common(id: number, perm: ipc_perm, ctime: number): Omit<Common, "processes" | "idle" | "orphan"> {
  const { key, uid, gid, cuid, cgid, mode } = perm;
  return {
    id,
    key,
    keyHex: hex(key),
    uid,
    owner: userName(uid),
    gid,
    group: groupName(gid),
    cuid,
    creator: userName(cuid),
    cgid,
    creatorGroup: groupName(cgid),
    mode: (mode & 0o777).toString(8).padStart(3, "0"),
    permissions: [..."rwxrwxrwx"].map((letter, i) => mode & (0o400 >> i) ? letter : "-").join(""),
    changedAt: date(ctime),
    age: Math.max(0, Math.floor(Date.now() / 1000 - ctime)),
  };
}

/** A key as `ipcs(1)` writes it. */
export function hex(key: number): string {
  return "0x" + (key >>> 0).toString(16).padStart(8, "0");
}

/** What each process has attached or waits for, by the object's name; of other users' only if one is root. */
function uses(): Map<string, Use[]> {
  const found = new Map<string, Use[]>();
  const add = (kind: Kind, id: number, pid: number, what: string) => {
    const list = found.getOrInsert(nameOf({ kind, id }), []);
    if (!list.some((use) => use.pid === pid && use.what === what)) list.push({ pid, name: processName(pid), what });
  };
  const namespace = namespaceOf("ipc");
  for (const pid of pids()) {
    if (pid === Deno.pid) continue;
    const mappings = segmentsOf(pid);
    // ids of another namespace are other objects'
    if (!mappings || namespaceOf("ipc", pid) !== namespace) continue;
    for (const { shmid } of mappings) add("segment", shmid, pid, "attached");
    for (const { number, args } of callsOf(pid)) {
      const wait = awaited(number, args[0]);
      if (wait) add(wait.kind, wait.id, pid, `waits in ${wait.call}`);
    }
  }
  return found;
}

/** Adds those that the kernel remembers, unless they are known already. */
function withRemembered(known: Use[], remembered: [pid: number, what: string][]): Use[] {
  const list = [...known];
  for (const [pid, what] of remembered) {
    if (lives(pid) && !list.some((use) => use.pid === pid)) list.push({ pid, name: processName(pid), what });
  }
  return list;
}

/** Tells whether a process that used an object, at a time if ever, can be known to have ended. */
function isOver(pid: number, time: number): boolean {
  return pid === 0 ? time === 0 : isGone(pid);
}

function segments(used: Map<string, Use[]>): Segment[] {
  return [...segmentTable()].map(({ id, ds }): Segment => {
    const { mode } = ds.shm_perm;
    const idle = ds.shm_nattch === 0 && isGone(ds.shm_cpid) && isOver(ds.shm_lpid, ds.shm_atime);
    return {
      kind: "segment",
      ...common(id, ds.shm_perm, ds.shm_ctime),
      size: ds.shm_segsz,
      attached: ds.shm_nattch,
      creatorPid: ds.shm_cpid,
      lastPid: ds.shm_lpid,
      attachedAt: date(ds.shm_atime),
      detachedAt: date(ds.shm_dtime),
      removed: (mode & SHM_DEST) !== 0,
      locked: (mode & SHM_LOCKED) !== 0,
      processes: withRemembered(used.get(`segment ${id}`) ?? [], [[ds.shm_cpid, "made it"], [
        ds.shm_lpid,
        "last user",
      ]]),
      idle,
      orphan: idle, // who uses a segment has it attached
    };
  });
}

function queues(used: Map<string, Use[]>): Queue[] {
  return [...queueTable()].map(({ id, ds }): Queue => {
    const processes = withRemembered(used.get(`queue ${id}`) ?? [], [
      [ds.msg_lspid, "last sent"],
      [ds.msg_lrpid, "last received"],
    ]);
    return {
      kind: "queue",
      ...common(id, ds.msg_perm, ds.msg_ctime),
      messages: ds.msg_qnum,
      bytes: ds.msg_cbytes,
      maxBytes: ds.msg_qbytes,
      lastSendPid: ds.msg_lspid,
      lastReceivePid: ds.msg_lrpid,
      sentAt: date(ds.msg_stime),
      receivedAt: date(ds.msg_rtime),
      processes,
      idle: processes.length === 0 && isOver(ds.msg_lspid, ds.msg_stime) && isOver(ds.msg_lrpid, ds.msg_rtime),
      orphan: false,
    };
  });
}

/** The semaphores of a set; null if one may not look, undefined if it has gone meanwhile. */
function semaphoresOf(id: number, count: number): Semaphore[] | null | undefined {
  try {
    const values = new Uint16Array(count);
    semctl(id, 0, GETALL, values);
    return Array.from(values, (value, n) => ({
      value,
      lastPid: semctl(id, n, GETPID),
      waitingForIncrease: semctl(id, n, GETNCNT),
      waitingForZero: semctl(id, n, GETZCNT),
    }));
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    return error.code === "EACCES" ? null : undefined;
  }
}

function sets(used: Map<string, Use[]>): Semaphores[] {
  return [...setTable()].flatMap(({ id, ds }): Semaphores[] => {
    const semaphores = semaphoresOf(id, ds.sem_nsems);
    if (semaphores === undefined) return [];
    const last = [...new Set((semaphores ?? []).map(({ lastPid }) => lastPid))].filter((pid) => pid > 0);
    const processes = withRemembered(
      used.get(`semaphore set ${id}`) ?? [],
      last.map((pid) => [pid, "last operated"]),
    );
    const waiting = (semaphores ?? []).some((one) => one.waitingForIncrease + one.waitingForZero > 0);
    return [{
      kind: "semaphores",
      ...common(id, ds.sem_perm, ds.sem_ctime),
      count: ds.sem_nsems,
      operatedAt: date(ds.sem_otime),
      semaphores,
      processes,
      idle: semaphores !== null && processes.length === 0 && !waiting && last.every(isGone) &&
        (last.length > 0 || ds.sem_otime === 0),
      orphan: false,
    }];
  });
}

/** All kinds, in the order in which they are shown. */
export const KINDS: readonly Kind[] = ["segment", "queue", "semaphores"];

/** All objects of some kinds, by kind and id. */
export function allObjects(kinds: readonly Kind[] = KINDS): Obj[] {
  const used = uses();
  const lists: Record<Kind, (used: Map<string, Use[]>) => Obj[]> = {
    segment: segments,
    queue: queues,
    semaphores: sets,
  };
  return kinds.flatMap((kind) => lists[kind](used).sort((a, b) => a.id - b.id));
}

/** What speaks for an idle object's being an orphan: all that the kernel remembers of it. */
export function evidence(object: Obj): string {
  const ended = (roles: [role: string, pid: number][]) => {
    const known = roles.filter(([, pid], i) => pid > 0 && roles.findIndex((one) => one[1] === pid) === i);
    const named = known.map(([role, pid]) => `${role} ${pid}`);
    return `${named.join(" and ")} ${named.length === 1 ? "has" : "have"} ended`;
  };
  switch (object.kind) {
    case "segment":
      return `nobody has it attached, ${ended([["its maker", object.creatorPid], ["last user", object.lastPid]])}`;
    case "queue": {
      const holds = `it holds ${object.messages} ${object.messages === 1 ? "message" : "messages"}`;
      const { lastSendPid, lastReceivePid } = object;
      if (lastSendPid + lastReceivePid === 0) return `nobody has ever sent or received, ${holds}`;
      return `${ended([["last sender", lastSendPid], ["last receiver", lastReceivePid]])}, ${holds}`;
    }
    case "semaphores": {
      const last = [...new Set((object.semaphores ?? []).map(({ lastPid }) => lastPid))].filter((pid) => pid > 0);
      if (last.length === 0) return "nobody has ever operated on it";
      return ended(last.slice(0, 3).map((pid) => ["last user", pid]));
    }
  }
}

/** Finds objects by what an argument calls them: of many arguments, each without a look at all objects. */
export class Finder {
  readonly #ids: Map<number, Obj[]>;
  readonly #keys: Map<number, Obj[]>;

  constructor(objects: Obj[]) {
    this.#ids = Map.groupBy(objects, ({ id }) => id);
    this.#keys = Map.groupBy(objects.filter(({ key }) => key !== 0), ({ key }) => key);
  }

  /** Which objects an argument means. */
  matching(argument: string): Obj[] {
    const [, letter, number] = NAME.exec(argument) ?? [];
    const value = Number(number);
    const among = (list: Obj[] = []) => list.filter(({ kind }) => !letter || LETTERS[kind] === letter);
    const byId = /^0x/i.test(number) ? [] : among(this.#ids.get(value));
    // with a letter, an id goes before a key
    if (letter && byId.length > 0) return byId;
    return [...new Set([...byId, ...among(this.#keys.get(value | 0))])];
  }
}

const NAME = /^(?:([mqs]):)?(-?\d+|0[xX][0-9a-fA-F]+)$/;

/** Tells whether an argument can be an id or a key at all. */
export function isName(argument: string): boolean {
  const number = NAME.exec(argument)?.[2];
  return number !== undefined && Number(number) < 2 ** 32 && Number(number) >= -(2 ** 31);
}

/** A process of the tree, with those of its children that belong there. */
export interface TreeNode {
  pid: number;
  name: string;
  zombie: boolean;
  /** What it does with which objects. */
  uses: string[];
  children: TreeNode[];
}

/** The processes that use objects, and all zombies of this user's, under their parents. */
export function processTree(objects: Obj[]): TreeNode[] {
  const me = Deno.uid();
  const entries = new Map(
    [...pids()].map((pid) => [pid, processEntry(pid)]).filter((pair) => pair[1] !== null) as [
      number,
      ProcessEntry,
    ][],
  );
  const nodes = new Map<number, TreeNode>();
  const node = (pid: number): TreeNode => {
    const zombie = entries.get(pid)?.state === "Z";
    const name = zombie ? entries.get(pid)!.command : processName(pid);
    return nodes.getOrInsertComputed(pid, () => ({ pid, name, zombie, uses: [], children: [] }));
  };
  for (const object of objects) {
    for (const { pid, what } of object.processes) node(pid).uses.push(`${handle(object)} ${what}`);
  }
  for (const [pid, { state, ppid }] of entries) {
    if (state !== "Z" || ownerOf(pid) !== me) continue;
    node(pid);
    if (entries.has(ppid)) node(ppid);
  }
  const roots: TreeNode[] = [];
  for (const own of [...nodes.values()].sort((a, b) => a.pid - b.pid)) {
    let up = entries.get(own.pid)?.ppid ?? 0;
    while (up > 0 && !nodes.has(up)) up = entries.get(up)?.ppid ?? 0;
    (nodes.get(up)?.children ?? roots).push(own);
  }
  return roots;
}
