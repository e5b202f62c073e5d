/**
 * The threads of this process, as the kernel lists them. A forked child has only one of them, and what another held
 * locked at that moment stays locked there: which there are decides whether a fork is safe.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { cstring, errno } from "./libc.ts";
import { own, slurp } from "./own.ts";

const O_RDONLY_CLOEXEC = 0o2000000;
// by their numbers: glibc has functions of these names only since 2.30
const [GETDENTS64, GETTID] = Deno.build.arch === "aarch64" ? [61n, 178n] : [217n, 186n];

// struct linux_dirent64: d_reclen and d_name
const RECLEN = 16;
const NAME = 19;

const entries = new Uint8Array(1 << 14);
const ROOM = BigInt(entries.length);

const ENOENT = 2;
const ESRCH = 3;

/** What is said where `/proc` cannot be read. */
function unlisted(path: string): LibcError {
  const why = errno() === ENOENT ? ": it needs /proc, which tells of this process's threads and memory" : "";
  return new LibcError("fork", errno(), path + why);
}

const TASKS = cstring("/proc/self/task", "open", "path");

/** The names in one of the kernel's directories that are numbers. */
export function numbersIn(path: Uint8Array<ArrayBuffer>): number[] {
  const fd = own.open(path, O_RDONLY_CLOEXEC, 0);
  if (fd < 0) throw unlisted(new TextDecoder().decode(path.subarray(0, -1)));
  const list: number[] = [];
  let size: number;
  while ((size = Number(own.syscall(GETDENTS64, BigInt(fd), entries, ROOM))) > 0) {
    for (let at = 0; at < size; at += entries[at + RECLEN] | entries[at + RECLEN + 1] << 8) {
      const number = decimal(at + NAME);
      if (number >= 0) list.push(number);
    }
  }
  own.close(fd);
  return list;
}

function decimal(at: number): number {
  let value = 0;
  for (; entries[at] !== 0; at++) {
    const digit = entries[at] - 0x30;
    if (digit < 0 || digit > 9) return -1; // "." and ".."
    value = value * 10 + digit;
  }
  return value;
}

/** What runs beside this thread. */
export interface Threads {
  /** V8 has helpers. */
  v8: boolean;
  /** There is another thread that runs JavaScript. */
  javascript: boolean;
}

const name = new Uint8Array(16);

/** What kind of thread this is, by the name that it was given when it was made. */
function kind(tid: number): keyof Threads | "other" {
  const path = `/proc/self/task/${tid}/comm`;
  const fd = own.open(cstring(path, "open", "path"), O_RDONLY_CLOEXEC, 0);
  if (fd < 0) {
    if (errno() === ENOENT || errno() === ESRCH) return "other"; // it has ended
    throw unlisted(path);
  }
  name.fill(0);
  own.read(fd, name, 16n);
  own.close(fd);
  const text = String.fromCharCode(...name);
  // those of Deno's and node's Workers, and of `deno serve --parallel`
  if (text.startsWith("worker-") || text.startsWith("serve-worker")) return "javascript";
  return text.startsWith("V8 ") ? "v8" : "other";
}

let known = new Map<number, ReturnType<typeof kind>>();

/** Looks at the threads that there are now. */
export function threads(): Threads {
  const found = { v8: false, javascript: false };
  const list = numbersIn(TASKS);
  if (list.length !== known.size || !list.every((tid) => known.has(tid))) {
    known = new Map(list.map((tid) => [tid, known.get(tid) ?? kind(tid)]));
  }
  for (const kind of known.values()) if (kind !== "other") found[kind] = true;
  return found;
}

/** The command line of this process, without the program's own arguments. */
export function runtimeArguments(): string[] {
  const line = new TextDecoder().decode(slurp("/proc/self/cmdline")).split("\0").slice(0, -1);
  return line.slice(0, line.length - Deno.args.length);
}

/** Whether this is a Worker. */
export const isWorker: boolean =
  typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope === "function";

/** Tells whether this is the thread that the process was started with: it is not in a Worker or a test run. */
export function isMainThread(): boolean {
  return Number(own.syscall(GETTID, 0n, null, 0n)) === own.getpid();
}
