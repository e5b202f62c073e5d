/**
 * `<sys/resource.h>`: what processes use, and how much they may.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt } from "../../native/check.ts";
import { call, header } from "../../native/header.ts";
import { as, filled, i32, long, oneOf, u64, viewOn } from "../../native/kinds.ts";
import { layout, layoutOf, memberOf, Struct, struct, structBytes } from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import { own } from "../../native/own.ts";
import { seconds } from "./time.ts";

/** `getrusage`: this process. */
export const RUSAGE_SELF = 0;
/** `getrusage`: its children that have ended and were waited for. */
export const RUSAGE_CHILDREN: number = -1;
/** `getrusage`: the thread that calls. */
export const RUSAGE_THREAD = 1;

/** Processor time, in seconds: a process that has used so much gets `SIGXCPU` each second, and `SIGKILL` at the hard limit. */
export const RLIMIT_CPU = 0;
/** The size of a file, in bytes: a process that writes beyond gets `SIGXFSZ`, which ends it. */
export const RLIMIT_FSIZE = 1;
/** Memory for data, in bytes. */
export const RLIMIT_DATA = 2;
/** The size of the stack, in bytes. */
export const RLIMIT_STACK = 3;
/** The size of a file that a crash leaves, in bytes. */
export const RLIMIT_CORE = 4;
/** Memory that is resident, in bytes; Linux does not heed it any more. */
export const RLIMIT_RSS = 5;
/** How many processes and threads the user may have. */
export const RLIMIT_NPROC = 6;
/** One more than the greatest descriptor that can be made. */
export const RLIMIT_NOFILE = 7;
/** Memory that is kept from being swapped out, in bytes. */
export const RLIMIT_MEMLOCK = 8;
/** Addresses, in bytes. */
export const RLIMIT_AS = 9;
/** How many locks; Linux does not heed it any more. */
export const RLIMIT_LOCKS = 10;
/** How many signals may be queued for the user. */
export const RLIMIT_SIGPENDING = 11;
/** How many bytes POSIX message queues may take for the user. */
export const RLIMIT_MSGQUEUE = 12;
/** How high the priority may be made: 20 less the least `nice` value. */
export const RLIMIT_NICE = 13;
/** How high the real-time priority may be made. */
export const RLIMIT_RTPRIO = 14;
/** Processor time of a real-time process without waiting, in microseconds; then it gets `SIGXCPU`. */
export const RLIMIT_RTTIME = 15;

/** No limit. */
export const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

/** What a process used, `struct rusage` of `getrusage(2)`, filled by `wait3` and `wait4`. */
export class rusage extends Struct {
  /** Time spent in user mode, in seconds. */
  declare readonly ru_utime: number;
  /** Time spent in the kernel, in seconds. */
  declare readonly ru_stime: number;
  /** The most memory it ever had resident, in KiB. */
  declare readonly ru_maxrss: number;
  /** Page faults served without reading from a disk. */
  declare readonly ru_minflt: number;
  /** Page faults that had to read from a disk. */
  declare readonly ru_majflt: number;
  /** How many times the file system had to read from a disk. */
  declare readonly ru_inblock: number;
  /** How many times the file system had to write to a disk. */
  declare readonly ru_oublock: number;
  /** How many times it gave the processor away, mostly to wait. */
  declare readonly ru_nvcsw: number;
  /** How many times the processor was taken away from it. */
  declare readonly ru_nivcsw: number;
}
layout(rusage, "wait4", {
  ru_utime: seconds,
  ru_stime: seconds,
  ru_maxrss: long,
  ru_ixrss: long,
  ru_idrss: long,
  ru_isrss: long,
  ru_minflt: long,
  ru_majflt: long,
  ru_nswap: long,
  ru_inblock: long,
  ru_oublock: long,
  ru_msgsnd: long,
  ru_msgrcv: long,
  ru_nsignals: long,
  ru_nvcsw: long,
  ru_nivcsw: long,
}, []);

const RUSAGE = layoutOf(rusage).size;

/** A limit, `struct rlimit` of `getrlimit(2)`. Its members are as wide as the kernel's, so they are bigints. */
export class rlimit extends Struct {
  /** What holds now, the soft limit; `RLIM_INFINITY` for none. */
  declare rlim_cur: bigint;
  /** How far a process may raise that, the hard limit. */
  declare rlim_max: bigint;

  /**
   * Makes a limit, 0 unless given.
   *
   * @param cur The soft limit.
   * @param max The hard limit.
   */
  constructor(cur?: bigint, max?: bigint) {
    super();
    this.rlim_cur = cur === undefined ? 0n : cur;
    this.rlim_max = max === undefined ? 0n : max;
  }
}
const limit = as(u64, {
  decode: (value, call, name) =>
    value === RLIM_INFINITY
      ? { value: Number(value), names: ["RLIM_INFINITY"], rest: 0 }
      : u64.decode(value, call, name),
});
layout(rlimit, "setrlimit", { rlim_cur: limit, rlim_max: limit });
const RLIMIT = layoutOf(rlimit).size;

const resources = {
  RLIMIT_CPU,
  RLIMIT_FSIZE,
  RLIMIT_DATA,
  RLIMIT_STACK,
  RLIMIT_CORE,
  RLIMIT_RSS,
  RLIMIT_NPROC,
  RLIMIT_NOFILE,
  RLIMIT_MEMLOCK,
  RLIMIT_AS,
  RLIMIT_LOCKS,
  RLIMIT_SIGPENDING,
  RLIMIT_MSGQUEUE,
  RLIMIT_NICE,
  RLIMIT_RTPRIO,
  RLIMIT_RTTIME,
};
const resource = oneOf(resources, 16);

const c = header({
  getrusage: call(i32, [
    ["who", oneOf({ RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD }, 16)],
    ["usage", filled(struct(rusage))],
  ]),
  getrlimit: call(i32, [["resource", resource], ["rlim", filled(struct(rlimit))]]),
  setrlimit: call(i32, [["resource", resource], ["rlim", struct(rlimit)]]),
});

/**
 * Asks what was used, `getrusage(2)`.
 *
 * @param who `RUSAGE_SELF`, `RUSAGE_CHILDREN` or `RUSAGE_THREAD`.
 * @param usage What to fill.
 * @throws {LibcError} `EINVAL` nobody of these; `EFAULT` `usage` is no {@linkcode rusage}.
 *
 * @example
 * ```ts
 * import { getrusage, rusage, RUSAGE_SELF } from "./mod.ts";
 *
 * const usage = new rusage();
 * getrusage(RUSAGE_SELF, usage);
 * console.log(usage.ru_utime + usage.ru_stime, "seconds");
 * ```
 */
export function getrusage(who: number, usage: rusage): void {
  who = asInt(who, "getrusage", "who");
  if (c.getrusage(who, structBytes(usage, RUSAGE, "getrusage", "usage")) < 0) {
    throw new LibcError("getrusage", errno(), `who ${who}`);
  }
}

/**
 * Asks for a limit of this process, `getrlimit(2)`.
 *
 * @param resource Which, such as `RLIMIT_NOFILE`.
 * @param rlim What to fill.
 * @throws {LibcError} `EINVAL` no such limit; `EFAULT` `rlim` is no {@linkcode rlimit}.
 *
 * @example
 * ```ts
 * import { getrlimit, rlimit, RLIMIT_NOFILE, setrlimit } from "./mod.ts";
 *
 * const rlim = new rlimit();
 * getrlimit(RLIMIT_NOFILE, rlim);
 * rlim.rlim_cur = rlim.rlim_max; // as many descriptors as can be had
 * setrlimit(RLIMIT_NOFILE, rlim);
 * ```
 */
export function getrlimit(resource: number, rlim: rlimit): void {
  resource = asInt(resource, "getrlimit", "resource");
  if (c.getrlimit(resource, structBytes(rlim, RLIMIT, "getrlimit", "rlim")) < 0) {
    throw new LibcError("getrlimit", errno(), `resource ${resource}`);
  }
}

/** What the runtime must have, and why: the soft limits of these cannot be lowered. */
const NEEDED: Readonly<Record<number, string>> = {
  [RLIMIT_AS]: "V8 ends the process where it gets no memory",
  [RLIMIT_DATA]: "V8 ends the process where it gets no memory",
  [RLIMIT_STACK]: "the stack that is in use may grow up to it, or the process ends",
  [RLIMIT_NPROC]: "Deno ends the process where it gets no thread",
  [RLIMIT_SIGPENDING]: "waits are called off by signals that are queued",
};

/**
 * Sets a limit of this process and of those that it makes, `setrlimit(2)`.
 *
 * What `RLIMIT_CPU`, `RLIMIT_FSIZE` and `RLIMIT_RTTIME` say is when a process is ended by a signal, as in C. The soft limits of
 * `RLIMIT_AS`, `RLIMIT_DATA`, `RLIMIT_STACK`, `RLIMIT_NPROC` and `RLIMIT_SIGPENDING` can be raised, not lowered: the runtime would
 * crash sooner or later. A program that `execve` starts can be limited by `sh` and its `ulimit`. With few descriptors left by
 * `RLIMIT_NOFILE`, what needs one fails with `EMFILE`; what Deno makes of that is its own.
 *
 * @param resource Which, such as `RLIMIT_NOFILE`.
 * @param rlim The limit. The soft one is at most the hard one, and that only who has the right to raises.
 * @throws {LibcError} `EINVAL` no such limit, or a soft one above the hard one; `EPERM` a hard one above what it was; `EOPNOTSUPP` a
 * limit that the runtime could not live with; `EFAULT` `rlim` is no {@linkcode rlimit}.
 *
 * @example See {@linkcode getrlimit}.
 */
export function setrlimit(resource: number, rlim: rlimit): void {
  resource = asInt(resource, "setrlimit", "resource");
  const bytes = structBytes(rlim, RLIMIT, "setrlimit", "rlim");
  const reason = NEEDED[resource];
  if (reason !== undefined) {
    const now = new rlimit();
    if (own.getrlimit(resource, structBytes(now, RLIMIT, "setrlimit", "rlim")) < 0) {
      throw new LibcError("setrlimit", errno(), `resource ${resource}`);
    }
    // not its property: it may be another structure, or say something else
    const cur = viewOn(bytes).getBigUint64(0, true);
    const least = memberOf(rlimit, now, "rlim_cur");
    if (cur < least) {
      const [name] = Object.entries(resources).find(([, number]) => number === resource)!;
      throw new LibcError("setrlimit", "EOPNOTSUPP", `${name} ${cur} is less than now, ${least}: ${reason}`);
    }
  }
  if (c.setrlimit(resource, bytes) < 0) throw new LibcError("setrlimit", errno(), `resource ${resource}`);
}
