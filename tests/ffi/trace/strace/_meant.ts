/**
 * The differences between our text and strace's that are meant: the one list of them. Whatever else differs is a mistake,
 * and so is an entry here that nothing needs.
 *
 * @module
 */
import { TRACED_BYTES } from "../../../../mod.ts";
import type { Comparison, Difference } from "./_compare.ts";

/** A difference that is meant. */
export interface Meant {
  /** Why it is. */
  why: string;
  /** The functions that it is about; any unless given. */
  calls?: string[];
  /** The arguments that it is about, or `result` or `call`; any unless given. */
  parts?: string[];
  /** Tells whether the texts differ in this, and in nothing else; `result` is what the call gave. */
  same(ours: string, strace: string, result: number): boolean;
}

/** Strace has another name for it. */
function renamed(names: Record<string, string>): Meant["same"] {
  return (ours, strace) => strace.replace(/\b\w+\b/g, (word) => names[word] ?? word) === ours;
}

/** Strace has names for bits that are numbers to us. */
function numbered(bits: Record<string, number>): Meant["same"] {
  const name = `(?:${Object.keys(bits).join("|")})`;
  const names = new RegExp(`${name}(?:\\|${name})*`, "g");
  const number = (list: string) => list.split("|").reduce((sum, name) => sum | bits[name], 0);
  return (ours, strace) => strace.replace(names, (list) => "0x" + number(list).toString(16)) === ours;
}

/** The members of a structure, those of structures in it as `outer.inner`. */
function members(struct: string): Map<string, string> {
  const found = new Map<string, string>();
  let outer = "";
  for (const [, name, value, end] of struct.slice(1).matchAll(/(\w+)=([^,{}]*)([{},]*)/g)) {
    if (value === "" && end === "{") outer = `${name}.`;
    else found.set(outer + name, value);
    if (end.startsWith("}")) outer = "";
  }
  return found;
}

/** The same members with the same values, except those that only one of us shows. */
function exceptFor(onlyOurs: string[], onlyTheirs: string[]): (ours: string, strace: string) => boolean {
  return (ours, strace) => {
    const [own, their] = [members(ours), members(strace)];
    for (const name of onlyOurs) own.delete(name);
    for (const name of onlyTheirs) their.delete(name);
    return own.size > 0 && own.size === their.size && [...own].every(([name, value]) => their.get(name) === value);
  };
}

/** The bytes of a string as C writes it, and whether they are all. */
export function unquote(text: string): { bytes: number[]; whole: boolean } {
  const bytes: number[] = [];
  const escapes: Record<string, string> = { t: "\t", n: "\n", v: "\v", f: "\f", r: "\r" };
  for (
    const [, octal, escaped, plain] of text.slice(1, text.lastIndexOf('"')).matchAll(/\\([0-7]{1,3})|\\(.)|([^\\])/gs)
  ) {
    bytes.push(octal ? parseInt(octal, 8) : (escapes[escaped] ?? escaped ?? plain).charCodeAt(0));
  }
  return { bytes, whole: text.endsWith('"') };
}

/** A message's type and text. */
function message(text: string): { type: string; bytes: number[] } {
  const [, type, quoted] = /^{mtype=(-?\d+), mtext=(.*)}$/s.exec(text) ?? [];
  return quoted === undefined ? { type: text, bytes: [] } : { type, bytes: unquote(quoted).bytes };
}

/** A `struct timeval` as strace shows it: 16 bytes. */
function timeval(quoted: string): string {
  const { buffer } = new Uint8Array(unquote(quoted).bytes);
  if (buffer.byteLength !== 16) return "";
  const [sec, usec] = new BigInt64Array(buffer);
  return `{tv_sec=${sec}, tv_usec=${usec}}`;
}

/** Strace's names of signals of real time as libc has them. */
function realTime(text: string): string {
  return text.replace(/\bSIGRT_(\d+)\b/, (_, n) => n === "2" ? "SIGRTMIN" : `SIGRTMIN+${n - 2}`);
}

/** A `struct sigaction` with its flags in alphabetical order, without what libc adds. */
function actionText(text: string): string {
  return text.replace(/, sa_restorer=0x[0-9a-f]+/, "").replace(/sa_flags=([^,}]*)/, (_, flags) => {
    const own = flags.split("|").filter((flag: string) => flag !== "SA_RESTORER" && !flag.startsWith("0xffffffff"));
    return `sa_flags=${own.sort().join("|") || "0"}`;
  });
}

/** The number of a device, `makedev(3)`. */
function device(major: number, minor: number): number {
  const low = minor & 0xff;
  return (minor - low) * 2 ** 12 + major * 2 ** 8 + low;
}

/** The members of a `struct stat` as strace shows them, with C's names and numbers. */
function statMembers(struct: string): Map<string, string> {
  const plain = struct.replace(/ \/\* .*? \*\//g, "")
    .replace(/makedev\((\w+), (\w+)\)/g, (_, major, minor) => String(device(Number(major), Number(minor))));
  return new Map([...members(plain)].map(([name, value]) => {
    const [, time, part] = /^(st_[amc]tim)e(_nsec)?$/.exec(name) ?? [];
    return [time ? `${time}.${part ? "tv_nsec" : "tv_sec"}` : name, value];
  }));
}

/** All differences that are meant. */
export const MEANT: Meant[] = [
  {
    why: "a number without a name is told from one with a name by being a number",
    same: (ours, strace) => strace.replace(/ \/\* \w+\?\?\? \*\//g, "") === ours,
  },
  {
    why: "the kernel's own codes for a call that a signal interrupts never get to a program: libc gives EINTR",
    parts: ["result"],
    same: (ours, strace) =>
      ours === "-1 EINTR (Interrupted system call)" && /^\? ERESTART(NOHAND|_RESTARTBLOCK) \(/.test(strace),
  },
  {
    why: "sleep gives the seconds that are left, rounded by libc; the call under it is interrupted",
    calls: ["sleep"],
    parts: ["result"],
    same: (ours, strace) => /^\d+$/.test(ours) && strace.startsWith("? ERESTART_RESTARTBLOCK "),
  },
  {
    why: "strace 6.1 shows a received message as long as the room for it, whatever came",
    calls: ["msgrcv"],
    parts: ["msgp"],
    same(ours, strace, result) {
      const [own, their] = [message(ours), message(strace)];
      return own.type === their.type && own.bytes.length === Math.min(result, TRACED_BYTES) &&
        own.bytes.every((byte, i) => byte === their.bytes[i]);
    },
  },
  {
    why: "strace does not show the sequence number, nor how many bytes are in a queue, and has its own order",
    calls: ["shmctl", "msgctl", "semctl"],
    parts: ["buf", "arg"],
    same: (ours, strace) => {
      const [perm] = /\w+_perm/.exec(ours) ?? [];
      return perm !== undefined && exceptFor([`${perm}.seq`, "msg_cbytes"], [])(ours, strace);
    },
  },
  {
    why: "Linux has not filled these for long, and the library does not declare them",
    calls: ["shmctl"],
    parts: ["buf"],
    same: exceptFor([], ["swap_attempts", "swap_successes"]),
  },
  {
    why: "a semaphore's value is an int; strace does not know that, and prints the register",
    calls: ["semctl"],
    parts: ["arg"],
    same: (ours, strace) =>
      /^0x/.test(strace) && /^-?\d+$/.test(ours) && BigInt.asIntN(64, BigInt(strace)) === BigInt(ours),
  },
  {
    why: "strace does not know how many semaphores a set has, and so not the values of GETALL and SETALL",
    calls: ["semctl"],
    parts: ["arg"],
    same: (ours, strace) => /^\[\d+(, \d+)*\]$/.test(ours) && /^0x/.test(strace),
  },
  {
    why: "libc refuses a command or a signal that it does not know; the kernel does not hear of it",
    calls: ["semctl", "sigaction"],
    parts: ["call"],
    same: (ours, strace) => ours.endsWith(" = -1 EINVAL (Invalid argument)") && strace === "nothing",
  },
  {
    why: "it is 0, and means nothing",
    calls: ["mmap"],
    parts: ["flags"],
    same: (ours, strace) => strace === `MAP_FILE|${ours}`,
  },
  {
    why: "libc refuses what the kernel, which counts in pages, cannot be told",
    calls: ["mmap"],
    parts: ["call"],
    same: (ours, strace) => ours.endsWith(" = -1 EINVAL (Invalid argument)") && strace === "nothing",
  },
  {
    why: "the child does not call fork, it comes back from it",
    calls: ["fork"],
    parts: ["call"],
    same: (ours, strace) => ours === "fork() = 0" && strace === "nothing",
  },
  {
    why: "libc makes the key from what stat(2) tells",
    calls: ["ftok"],
    parts: ["result"],
    same: (ours, strace) => /^\d+$/.test(ours) && strace === "0",
  },
  {
    why: "flags without permissions read well without them",
    calls: ["semget"],
    parts: ["semflg"],
    same: (ours, strace) => `${ours}|000` === strace,
  },
  {
    why: "it is WUNTRACED in waitpid(2); WSTOPPED is the name that waitid(2) has for it",
    parts: ["options"],
    same: renamed({ WSTOPPED: "WUNTRACED" }),
  },
  {
    why: "libc's signals count from SIGRTMIN, which is the kernel's 34th",
    parts: ["sig", "signum", "arg"],
    same: (ours, strace) => realTime(strace) === ours,
  },
  {
    why: "the same, and a value's bits beyond 2^53 are told in decimal",
    calls: ["sigwaitinfo", "sigtimedwait"],
    parts: ["info"],
    same: (ours, strace) => {
      const own = ours.replace(/si_ptr=(\d{16,})/, (_, n) => `si_ptr=0x${BigInt(n).toString(16)}`);
      return realTime(strace) === own;
    },
  },
  {
    why: "strace names the signal that the call gives",
    calls: ["sigwaitinfo", "sigtimedwait"],
    parts: ["result"],
    same: (ours, strace) => strace.replace(/ \(SIG\w+\)$/, "") === ours,
  },
  {
    why: "libc hands the signal out by a pointer",
    calls: ["sigwait"],
    parts: ["result"],
    same: (ours, strace) => ours === "0" && /^\d+ \(SIG\w+\)$/.test(strace),
  },
  {
    why: "the counter is handed out by a pointer; 8 is how many bytes it has",
    calls: ["eventfd_read", "eventfd_write"],
    parts: ["result"],
    same: (ours, strace) => ours === "0" && strace === "8",
  },
  {
    why: "libc says how a handler comes back; strace has another order, and a sign where there is none",
    calls: ["sigaction"],
    parts: ["act", "oldact"],
    same: (ours, strace) => actionText(ours) === actionText(strace),
  },
  {
    why: "strace does not show the set if the call fails",
    calls: ["epoll_pwait"],
    parts: ["sigmask"],
    same: (ours, strace) => /^\[\w+\]$/.test(ours) && /^0x/.test(strace),
  },
  {
    why: "programs write the protocols' names",
    calls: ["setsockopt", "getsockopt"],
    parts: ["level"],
    same: renamed({ SOL_IP: "IPPROTO_IP", SOL_TCP: "IPPROTO_TCP", SOL_IPV6: "IPPROTO_IPV6" }),
  },
  {
    why:
      "programs write the options' names; these are what the kernel made of them when it got others for longer times",
    calls: ["setsockopt", "getsockopt"],
    parts: ["optname"],
    same: renamed({ SO_RCVTIMEO_OLD: "SO_RCVTIMEO", SO_SNDTIMEO_OLD: "SO_SNDTIMEO" }),
  },
  {
    why: "strace 6.1 shows a timeout as bytes",
    calls: ["setsockopt", "getsockopt"],
    parts: ["optval"],
    same: (ours, strace) => timeval(strace) === ours,
  },
  {
    why: "strace shows the number and not that more bytes were passed; and none of the bytes of less than a number",
    calls: ["setsockopt"],
    parts: ["optval"],
    same: (ours, strace) => /^"/.test(ours) && (/^0x/.test(strace) || `[${unquote(ours).bytes[0]}]` === strace),
  },
  {
    why: "what does not fill a structure is bytes",
    calls: ["getsockopt"],
    parts: ["optval"],
    same: (ours, strace) => ours === String.raw`"\1\0\0\0"` && strace === "{l_onoff=1}",
  },
  {
    why: "the library does not declare these events",
    calls: ["poll"],
    same: numbered({ POLLRDNORM: 0x40, POLLRDBAND: 0x80, POLLWRNORM: 0x100, POLLWRBAND: 0x200, POLLMSG: 0x400 }),
  },
  {
    why: "strace has the kernel's name for this flag",
    calls: ["open", "fcntl"],
    same: renamed({ FASYNC: "O_ASYNC" }),
  },
  {
    why: "a result is a number; strace names what it is made of",
    calls: ["fcntl"],
    parts: ["result"],
    same: (ours, strace) => {
      const [, number] = /^(\w+) \((?:(?:flags|seals) )?[A-Z0-9_|]+\)$/.exec(strace) ?? [];
      return number !== undefined && String(Number(number)) === ours;
    },
  },
  {
    why: "libc asks in another way, in which a group is not taken for an error",
    calls: ["fcntl"],
    parts: ["call"],
    same: (ours, strace) =>
      strace.replace(/F_GETOWN_EX, {type=F_OWNER_PID, pid=(\d+)}\) = 0/, "F_GETOWN) = $1") === ours,
  },
  {
    why: "strace shows whose a lock is only where it is asked",
    calls: ["fcntl"],
    parts: ["arg"],
    same: (ours, strace) => exceptFor(["l_pid"], [])(ours, strace.replace(/ \/\* \w+\?\?\? \*\//g, "")),
  },
  {
    why: "strace has its own order, leaves out what is 0 for most files, and tells the times in two ways",
    calls: ["fstat"],
    parts: ["statbuf"],
    same: (ours, strace) => {
      const [own, their] = [members(ours), statMembers(strace)];
      return [...own].every(([name, value]) =>
        their.get(name) === value || !their.has(name) && ["st_rdev", "st_size"].includes(name) && value === "0"
      ) && [...their.keys()].every((name) => own.has(name));
    },
  },
  {
    why: "how much of the time is left is told to who asks libc for it, and nobody does",
    calls: ["select"],
    parts: ["result"],
    same: (ours, strace) => strace.replace(/, left {tv_sec=\d+, tv_nsec=\d+}\)$/, ")") === ours,
  },
  {
    why: "strace has the kernel's name for no limit, and writes multiples of 1024",
    calls: ["getrlimit", "setrlimit"],
    parts: ["rlim"],
    same: (ours, strace) =>
      strace.replaceAll("RLIM64_INFINITY", "RLIM_INFINITY")
        .replace(/(\d+)\*1024/g, (_, n) => String(Number(n) * 1024)) === ours,
  },
  {
    why: "strace leaves a pair's protocol a number",
    calls: ["socketpair"],
    parts: ["protocol"],
    same: renamed({ 0: "IPPROTO_IP" }),
  },
  {
    why: "the member is a number, and an interface can be renamed",
    parts: ["addr"],
    same: (ours, strace) => strace.replace(/if_nametoindex\("lo"\)/, "1") === ours,
  },
  {
    why: "the manual page has 0 and 1 for it",
    calls: ["prctl"],
    parts: ["arg2"],
    same: renamed({ SUID_DUMP_DISABLE: "0", SUID_DUMP_USER: "1" }),
  },
  {
    why: "strace says what the result means",
    calls: ["prctl"],
    parts: ["result"],
    same: (ours, strace) => strace.replace(/ \(SUID_DUMP_\w+\)$/, "") === ours,
  },
  {
    why: "strace shows sets of processors as it shows sets of signals",
    calls: ["sched_getaffinity", "sched_setaffinity"],
    parts: ["mask"],
    same: (ours, strace) => strace.replaceAll(" ", ", ") === ours,
  },
  {
    why: "the kernel tells how many bytes of the set it has filled; libc fills the rest, and gives 0",
    calls: ["sched_getaffinity"],
    parts: ["result"],
    same: (ours, strace) => ours === "0" && /^\d+$/.test(strace),
  },
];

/** The entry that a difference is meant by. */
export function meant({ call, result }: Comparison, { part, ours, strace }: Difference): Meant | undefined {
  return MEANT.find(({ calls, parts, same }) =>
    (calls?.includes(call) ?? true) && (parts?.includes(part) ?? true) && same(ours, strace, result)
  );
}
