/**
 * What `/proc` and the password files tell of processes and users.
 *
 * @module
 */
import { kill, LibcError } from "../../../mod.ts";

/** What `/proc/PID/stat` says of a process. */
export interface ProcessEntry {
  pid: number;
  command: string;
  /** `R` running, `S` asleep, `Z` zombie … */
  state: string;
  ppid: number;
  /** When it was started, in clock ticks since the machine was. */
  started: string;
}

/** A file of the kernel's, or null where it cannot be read. */
export function textOf(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null; // it has ended meanwhile, or is not ours to look at
  }
}

/** What is in a directory; nothing where it cannot be read. */
export function* namesIn(directory: string): Generator<string> {
  try {
    for (const { name } of Deno.readDirSync(directory)) yield name;
  } catch {
    // it has ended meanwhile, or is not ours to look at
  }
}

function linkOf(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null; // it has ended meanwhile, or is not ours to look at
  }
}

/** A process, or null if there is none (any more). */
export function processEntry(pid: number): ProcessEntry | null {
  const match = /^\d+ \((.*)\) (\S) (\d+) (.*)/s.exec(textOf(`/proc/${pid}/stat`) ?? "");
  if (!match) return null;
  return { pid, command: match[1], state: match[2], ppid: Number(match[3]), started: match[4].split(" ")[17] };
}

/** All processes that can be seen. */
export function* pids(): Generator<number> {
  for (const name of namesIn("/proc")) {
    if (/^\d+$/.test(name)) yield Number(name);
  }
}

/** A process's children, zombies included. */
export function childrenOf(ppid: number): ProcessEntry[] {
  return [...pids()].map(processEntry).filter((entry) => entry !== null).filter((entry) => entry.ppid === ppid);
}

/** Tells whether a process lives: a zombie does not, unless other threads of it go on. */
export function isAlive(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    kill(pid, 0); // /proc may hide other users' processes
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    if (error.code !== "EPERM") return false;
  }
  const entry = processEntry(pid);
  return !entry || !"ZX".includes(entry.state) || [...namesIn(`/proc/${pid}/task`)].length > 1;
}

/** A process's name: its command's, or the script's that it runs. It comes from outside, and is as it is there. */
export function processName(pid: number): string {
  const line = textOf(`/proc/${pid}/cmdline`) ?? "";
  return /(?:^|[/\0])([^/\0]+\.(?:ts|js|mjs|pl|py|rb|sh))(?:\0|$)/.exec(line)?.[1] ?? processEntry(pid)?.command ?? "?";
}

/** The user who runs a process, or owns a file; null if it is gone. */
export function ownerOf(pid: number): number | null {
  try {
    return Deno.statSync(`/proc/${pid}`).uid;
  } catch {
    return null;
  }
}

/** Tells whether a process is a user's in every respect: what a set-user-ID program has from its caller is not. */
export function isWhollyOf(pid: number, uid: number | null): boolean {
  // the real, the effective, the saved and the file system's
  const ids = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$/m.exec(textOf(`/proc/${pid}/status`) ?? "")?.slice(1);
  return ids !== undefined && ids.every((id) => Number(id) === uid) && ownerOf(pid) === uid;
}

/** The namespace that a process is in: `ipc:[4026531839]`; null where one may not look. */
export function namespaceOf(kind: "ipc" | "pid", pid: number | "self" = "self"): string | null {
  return linkOf(`/proc/${pid}/ns/${kind}`);
}

function nameIn(file: string, id: number): string {
  return new RegExp(`^([^:]*):[^:]*:${id}:`, "m").exec(textOf(file) ?? "")?.[1] ?? String(id);
}

/** A user's name, or the number where there is none. */
export function userName(uid: number): string {
  return nameIn("/etc/passwd", uid);
}

/** A group's name, or the number where there is none. */
export function groupName(gid: number): string {
  return nameIn("/etc/group", gid);
}

/** A system call that a thread is in: its number, and its arguments as they were passed. */
export interface CurrentCall {
  number: number;
  args: number[];
}

/** What the threads of a process wait in, as far as one may see that. */
export function* callsOf(pid: number): Generator<CurrentCall> {
  for (const task of namesIn(`/proc/${pid}/task`)) {
    const [number, ...args] = textOf(`/proc/${pid}/task/${task}/syscall`)?.trim().split(" ") ?? [];
    if (/^\d+$/.test(number ?? "")) yield { number: Number(number), args: args.map(Number) };
  }
}

/** A stretch of a process's memory that is a System V segment, or a part of one. */
export interface SegmentMapping {
  shmid: number;
  start: bigint;
  end: bigint;
  /** Where in the segment it begins. */
  offset: number;
}

/** The segments that a process has attached; null where one may not look. */
export function segmentsOf(pid: number): SegmentMapping[] | null {
  const maps = textOf(`/proc/${pid}/maps`);
  if (!maps) return null;
  // the inode of a segment's mapping is its id
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ (\d+) +\/SYSV[0-9a-f]{8}/gm)].map((
    [, start, end, offset, inode],
  ) => ({ shmid: Number(inode), start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), offset: parseInt(offset, 16) }));
}
