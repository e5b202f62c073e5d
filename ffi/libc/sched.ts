/**
 * `<sched.h>`: namespaces, and which processors to run on.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { asInt, shown } from "../native/check.ts";
import { isForked } from "../native/child.ts";
import { fd as asFd } from "../native/descriptors.ts";
import { call, header } from "../native/header.ts";
import { filled, flags, i32, id, memory, size } from "../native/kinds.ts";
import { errno } from "../native/libc.ts";
import { namespaceType } from "../native/namespace.ts";

/** Its own clocks that go on and that say the time since the start, `time_namespaces(7)`: for children. */
export const CLONE_NEWTIME = 0x80;
/** Its own directory and umask, apart from the process's other threads. */
export const CLONE_FS = 0x200;
/** Its own mounts, `mount_namespaces(7)`. */
export const CLONE_NEWNS = 0x20000;
/** Its own list of `SEM_UNDO` operations. */
export const CLONE_SYSVSEM = 0x40000;
/** Its own view of control groups, `cgroup_namespaces(7)`. */
export const CLONE_NEWCGROUP = 0x2000000;
/** Its own host name, `uts_namespaces(7)`. */
export const CLONE_NEWUTS = 0x4000000;
/** Its own System V objects and POSIX message queues, `ipc_namespaces(7)`. */
export const CLONE_NEWIPC = 0x8000000;
/** Its own users and their rights, `user_namespaces(7)`. */
export const CLONE_NEWUSER = 0x10000000;
/** Its own pids, `pid_namespaces(7)`: for children. */
export const CLONE_NEWPID = 0x20000000;
/** Its own network, `network_namespaces(7)`. */
export const CLONE_NEWNET = 0x40000000;

/** After one of these a thread can start no other thread. */
const FOR_CHILDREN = CLONE_NEWPID | CLONE_NEWTIME;

const NAMESPACES = {
  CLONE_NEWTIME,
  CLONE_NEWNS,
  CLONE_NEWCGROUP,
  CLONE_NEWUTS,
  CLONE_NEWIPC,
  CLONE_NEWUSER,
  CLONE_NEWPID,
  CLONE_NEWNET,
};
const SOUND = { ...NAMESPACES, CLONE_FS, CLONE_SYSVSEM };
const ALL = Object.values(SOUND).reduce((all, flag) => all | flag);

const EBADF = 9;

const CPUS = 1024; // of a cpu_set_t
const SET = BigInt(CPUS / 8);

/** The processors of a set. */
function cpusIn(set: Uint8Array): number[] {
  const list: number[] = [];
  for (let cpu = 0; cpu < CPUS; cpu++) if (set[cpu >> 3] & 1 << (cpu & 7)) list.push(cpu);
  return list;
}

const mask = memory(cpusIn);

const c = header({
  unshare: call(i32, [["flags", flags(SOUND, { radix: 16 })]]),
  setns: call(i32, [["fd", id], ["nstype", flags(NAMESPACES, { radix: 16 })]]),
  sched_yield: call(i32, []),
  sched_getaffinity: call(i32, [["pid", id], ["cpusetsize", size], ["mask", filled(mask)]]),
  sched_setaffinity: call(i32, [["pid", id], ["cpusetsize", size], ["mask", mask]]),
});

/** Refuses what would leave Deno without threads. */
function forChildren(types: number, syscall: string): void {
  if (types > 0 && (types & FOR_CHILDREN) !== 0 && !isForked()) {
    throw new LibcError(
      syscall,
      "EOPNOTSUPP",
      "after CLONE_NEWPID and CLONE_NEWTIME this thread could start no others, which Deno does; do it in a forked child",
    );
  }
}

/**
 * Gives the calling thread namespaces of its own, `unshare(2)`.
 *
 * It is **the thread that runs this JavaScript** that has them, and so have all threads that it starts from then on, the
 * library's own for waits among them, and all children. Deno's threads that there are already stay where they were, and with them
 * its asynchronous operations on files and names. After `CLONE_NEWIPC`, System V objects are those of the new namespace
 * for all of this library; `SEM_UNDO` operations are done.
 *
 * The kernel refuses `CLONE_NEWUSER` to a process of several threads, as Deno's is: use it in a child made by `fork`. So does the library
 * with `CLONE_NEWPID` and `CLONE_NEWTIME`, after which a thread can start no others. `CLONE_FILES`, `CLONE_VM`, `CLONE_THREAD` and
 * `CLONE_SIGHAND` are refused: Deno's threads share their descriptors and memory.
 *
 * @param flags `CLONE_NEWIPC`, `CLONE_NEWNET` …
 * @throws {LibcError} `EPERM` not privileged; `EINVAL` another flag, or `CLONE_NEWUSER` with several threads; `EOPNOTSUPP` `CLONE_NEWPID`
 * or `CLONE_NEWTIME` outside of a forked child; `ENOSPC` too many namespaces; `ENOMEM`; `EUSERS`.
 *
 * @example
 * ```ts ignore
 * import { CLONE_NEWIPC, CLONE_NEWUSER, enableFork, fork, IPC_PRIVATE, msgget, unshare, wait } from "./mod.ts";
 *
 * enableFork();
 * fork(() => {
 *   unshare(CLONE_NEWUSER | CLONE_NEWIPC); // needs no privileges
 *   console.log(msgget(IPC_PRIVATE, 0o600)); // 0: a world of its own, gone with its last process
 * });
 * wait();
 * ```
 */
export function unshare(flags: number): void {
  flags = asInt(flags, "unshare", "flags");
  if ((flags & ~ALL) !== 0) {
    const what = `flags 0x${
      ((flags & ~ALL) >>> 0).toString(16)
    } are unknown, or would take from Deno's threads what they share`;
    throw new LibcError("unshare", "EINVAL", what);
  }
  forChildren(flags, "unshare");
  if (c.unshare(flags) < 0) {
    const code = errno();
    const alone = flags & CLONE_NEWUSER && !isForked();
    const what = "CLONE_NEWUSER needs a process of one thread: a child made by fork()";
    throw new LibcError("unshare", code, alone ? what : undefined);
  }
}

/**
 * Puts the calling thread into a namespace, `setns(2)`: the thread that runs this JavaScript, see {@linkcode unshare}.
 *
 * @param fd A descriptor of one of `/proc/PID/ns/`, or with `nstype` one of `pidfd_open`.
 * @param nstype The kind that it has to be, such as `CLONE_NEWIPC`; 0 any. With a descriptor of a process, all kinds that are to be
 * taken from it.
 * @throws {LibcError} `EPERM`; `EINVAL` no namespace, another kind, or one that a process of several threads cannot change;
 * `EOPNOTSUPP` one of pids or times outside of a forked child; `EBADF`; `ESRCH` the process has ended; `ENOMEM`.
 *
 * @example
 * ```ts
 * import { CLONE_NEWIPC, close, LibcError, O_RDONLY, open, setns } from "./mod.ts";
 *
 * const ipc = open("/proc/self/ns/ipc", O_RDONLY);
 * try {
 *   setns(ipc, CLONE_NEWIPC); // it is in there already
 * } catch (error) {
 *   console.log(error instanceof LibcError && error.code); // EPERM, for who is not privileged
 * }
 * close(ipc);
 * ```
 */
export function setns(fd: number, nstype: number): void {
  fd = asFd(fd, "setns");
  nstype = asInt(nstype, "setns", "nstype");
  if (nstype === 0 && !isForked()) {
    // told to the kernel, too: another namespace could have the number by the time of the call
    nstype = namespaceType(fd);
    if (nstype < 0) {
      throw new LibcError("setns", errno() === EBADF ? EBADF : "EINVAL", `descriptor ${fd} is no namespace`);
    }
  }
  // a negative number is no kind, and the kernel says so
  forChildren(nstype, "setns");
  if (c.setns(fd, nstype) < 0) throw new LibcError("setns", errno(), `descriptor ${fd}`);
}

/**
 * Lets other threads run first, `sched_yield(2)`.
 *
 * @example
 * ```ts
 * import { sched_yield } from "./mod.ts";
 *
 * sched_yield();
 * ```
 */
export function sched_yield(): void {
  if (c.sched_yield() < 0) throw new LibcError("sched_yield", errno());
}

/**
 * Tells on which processors a thread may run, `sched_getaffinity(2)`.
 *
 * @param pid A process, of which it is the main thread, or a thread's id; 0 the thread that runs this JavaScript.
 * @returns The processors' numbers.
 * @throws {LibcError} `ESRCH` no such process; `EINVAL` more than 1024 processors.
 *
 * @example
 * ```ts
 * import { sched_getaffinity } from "./mod.ts";
 *
 * console.log(sched_getaffinity(0).length > 0); // true
 * ```
 */
export function sched_getaffinity(pid: number): number[] {
  const set = new Uint8Array(CPUS / 8);
  if (c.sched_getaffinity(asInt(pid, "sched_getaffinity", "pid"), SET, set) < 0) {
    throw new LibcError("sched_getaffinity", errno(), `pid ${pid}`);
  }
  return cpusIn(set);
}

/**
 * Says on which processors a thread may run, `sched_setaffinity(2)`; those that it starts later inherit it.
 *
 * @param pid A process, of which it is the main thread, or a thread's id; 0 the thread that runs this JavaScript.
 * @param mask The processors' numbers.
 * @throws {LibcError} `EINVAL` none of them is there; `ESRCH` no such process; `EPERM`.
 *
 * @example
 * ```ts
 * import { sched_getaffinity, sched_setaffinity } from "./mod.ts";
 *
 * sched_setaffinity(0, sched_getaffinity(0)); // as it was
 * ```
 */
export function sched_setaffinity(pid: number, mask: readonly number[]): void {
  pid = asInt(pid, "sched_setaffinity", "pid");
  const set = new Uint8Array(CPUS / 8);
  try {
    if (!Array.isArray(mask)) {
      throw new LibcError("sched_setaffinity", "EINVAL", `mask must be an array of numbers, got ${shown(mask)}`);
    }
    for (let i = 0; i < mask.length && i <= CPUS; i++) {
      const cpu = asInt(mask[i], "sched_setaffinity", "mask");
      if (cpu < 0 || cpu >= CPUS) throw new LibcError("sched_setaffinity", "EINVAL", `mask has no processor ${cpu}`);
      set[cpu >> 3] |= 1 << (cpu & 7);
    }
  } catch (error) {
    throw error instanceof LibcError ? error : new LibcError("sched_setaffinity", "EINVAL", "mask cannot be read");
  }
  if (c.sched_setaffinity(pid, SET, set) < 0) throw new LibcError("sched_setaffinity", errno(), `pid ${pid}`);
}
