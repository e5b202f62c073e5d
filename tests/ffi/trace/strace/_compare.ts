/**
 * strace(1) as the judge of our own tracing: runs a program under both, and finds for each of our events the system call
 * that it tells of.
 *
 * @module
 */
import { entries } from "../../../../ffi/native/header.ts";
import {
  type EnterEvent,
  type ExitEvent,
  formatTraceEvent,
  signalName,
  TRACED_BYTES,
  type TraceEvent,
} from "../../../../mod.ts";
import { FFI, Program } from "../../../support.ts";
import { unquote } from "./_meant.ts";

/** A system call as strace saw it. */
export interface Syscall {
  /** The thread that made it. */
  tid: number;
  /** Its name. */
  name: string;
  /** What strace printed, without the thread's number and the spaces that align the results. */
  text: string;
}

/** The parts of a line of strace's, or of ours. */
export interface Call {
  /** The function. */
  name: string;
  /** The text of each argument. */
  args: string[];
  /** What stands behind the `=`; undefined for a call that did not come back. */
  result?: string;
}

/** Where the bracket at `open` closes, or the end of the text. The brackets in strings are no brackets. */
function closing(text: string, open: number, onComma: (at: number) => void = () => {}): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      while (++at < text.length && text[at] !== '"') if (text[at] === "\\") at++;
    } else if ("([{".includes(char)) {
      depth++;
    } else if (")]}".includes(char)) {
      if (--depth === 0) return at;
    } else if (char === "," && depth === 1) {
      onComma(at);
    }
  }
  return text.length;
}

/** Takes a line apart: `read(3, "a, b", 5) = 4`. */
export function parseCall(line: string): Call {
  const open = line.indexOf("(");
  const commas: number[] = [];
  const close = closing(line, open, (at) => commas.push(at));
  const bounds = [open, ...commas, close];
  const args = bounds.slice(1).map((end, i) => line.slice(bounds[i] + 1, end).trim());
  const result = /^\s*= (.*)$/s.exec(line.slice(close + 1))?.[1];
  return { name: line.slice(0, open), args: args.length === 1 && args[0] === "" ? [] : args, result };
}

const UNFINISHED = " <unfinished ...>";

/** Reads the file that `strace -f -o FILE` wrote. A call stands where it came back, or where it began if it never did. */
export function parseStrace(text: string): Syscall[] {
  const calls: Syscall[] = [];
  const begun = new Map<number, string>();
  const unfinished = (tid: number) => {
    const start = begun.get(tid);
    begun.delete(tid);
    if (start !== undefined) calls.push({ tid, name: start.slice(0, start.indexOf("(")), text: start });
  };
  for (const line of text.split("\n")) {
    const [, digits, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest === undefined) continue;
    const tid = Number(digits);
    if (rest.startsWith("+++ ")) unfinished(tid);
    if (rest.startsWith("+++ ") || rest.startsWith("--- ")) continue;
    if (rest.endsWith(UNFINISHED)) {
      begun.set(tid, rest.slice(0, -UNFINISHED.length));
      continue;
    }
    let whole = rest;
    const resumed = /^<\.\.\. \w+ resumed>/.exec(rest);
    if (resumed) {
      whole = (begun.get(tid) ?? "") + rest.slice(resumed[0].length);
      begun.delete(tid);
    }
    const open = whole.indexOf("(");
    const close = closing(whole, open);
    calls.push({
      tid,
      name: whole.slice(0, open),
      text: whole.slice(0, close + 1) + whole.slice(close + 1).replace(/^ +/, " "),
    });
  }
  for (const tid of begun.keys()) unfinished(tid);
  return calls;
}

/** A call in our trace, and the system calls that were made for it. */
export interface Pair {
  /** Our event: the one at the end of the call; for one that does not come back, that at its beginning. */
  event: EnterEvent | ExitEvent;
  /** What the thread asked of the kernel between our two events; for `signal`, which is told when all is done, before them. */
  syscalls: Syscall[];
}

/** Descriptors from here on are those that our trace is written to. */
const TRACE_FD = 1 << 14;

/** What is done around writing to these, so that it harms nobody. */
const AROUND = /^rt_sigaction\((SIGXFSZ,|SIGPIPE, NULL,)/;

/** What does not come back: of these there is only the beginning in our trace. */
const GONE = new Set(["_exit", "execve", "execv", "execvp", "execvpe", "fexecve"]);

/** What V8 may do for its memory at any moment. */
const ENGINE = new Set(["brk", "madvise", "mmap", "mprotect", "munmap"]);
/** It says where its memory is to be, which nobody else does. */
const BY_ENGINE = /^mmap\(0x/;

/** Finds for each call in our trace what strace saw of it. */
export function pair(strace: string, trace: string): Pair[] {
  const syscalls = Map.groupBy(parseStrace(strace), ({ tid }) => tid);
  const events = trace.split("\n").filter(Boolean).map((line) => ({ line, event: JSON.parse(line) as TraceEvent }));
  const pairs: Pair[] = [];
  // a process's calls are all made by one thread, whose number is the process's
  for (const [pid, own] of Map.groupBy(events, ({ event }) => event.pid)) {
    let next = 0;
    let before: Syscall[] = [];
    let between: Syscall[] = [];
    for (const syscall of syscalls.get(pid) ?? []) {
      if (AROUND.test(syscall.text)) continue;
      if (syscall.name !== "write" || !(Number(parseCall(syscall.text).args[0]) >= TRACE_FD)) {
        between.push(syscall);
        continue;
      }
      const { line, event } = own[next] ?? {};
      // the beginning, which tells the time
      if (event === undefined || !syscall.text.includes(line.slice(0, 20).replaceAll('"', '\\"'))) {
        throw new Error(`strace and our trace part at event ${next} of ${pid}: ${line}, ${syscall.text}`);
      }
      next++;
      // the library itself asks which process it is in
      const call = event.ev === "exit" ? event.call : "";
      const theirs = between.filter(({ name, text }) =>
        name === call ? !BY_ENGINE.test(text) : name !== "getpid" && !ENGINE.has(name)
      );
      if (event.ev === "exit") pairs.push({ event, syscalls: event.call === "signal" ? before : theirs });
      before = between;
      between = [];
    }
    if (next !== own.length) throw new Error(`strace did not see ${own[next].line} written`);
    const last = own.map(({ event }) => event).findLast((event) => event.ev === "enter" || event.ev === "exit");
    if (last?.ev === "enter" && GONE.has(last.call)) pairs.push({ event: last, syscalls: between });
  }
  return pairs;
}

/** Runs the program that makes every call, in a directory of its own, under strace and our own tracing. */
export async function watch(directory: string): Promise<Pair[]> {
  const [strace, trace] = [`${directory}/strace`, `${directory}/trace.jsonl`];
  Deno.mkdirSync(`${directory}/files`);
  const program = new URL("program.ts", import.meta.url).pathname;
  // -v: structures with all their members
  const options = ["-f", "-v", "-s", String(TRACED_BYTES), "-o", strace];
  const deno = [Deno.execPath(), ...FFI, "--v8-flags=--single-threaded", program, `${directory}/files`];
  await using running = new Program("strace", [...options, ...deno], { env: { IPC_TRACE: trace } });
  const { code, stdout, stderr } = await running.end();
  if (code !== 0 || stdout !== "" || stderr !== "") throw new Error(`the program failed: ${code} ${stdout}${stderr}`);
  return pair(Deno.readTextFileSync(strace), Deno.readTextFileSync(trace));
}

/** An argument that strace cannot see, or a result. */
const UNSEEN = undefined;

/** The arguments that a libc function has if it makes this system call; nothing if it is not its. */
type Translation = [syscall: string, translate: (theirs: Call) => (string | undefined)[] | undefined | ""];

/** The arguments without those that libc adds, which are always the same. */
function without(added: Record<number, string>): Translation[1] {
  return ({ args }) =>
    Object.entries(added).every(([i, text]) => args[Number(i)] === text)
      ? args.filter((_, i) => !(i in added))
      : undefined;
}

/** A length of time in libc's units. */
function duration(perSecond: number): Translation[1] {
  return ({ args: [clock, flags, request] }) => {
    const [, seconds, nanoseconds] = /^{tv_sec=(\d+), tv_nsec=(\d+)}$/.exec(request) ?? [];
    if (clock !== "CLOCK_REALTIME" || flags !== "0" || seconds === undefined) return undefined;
    return [String(Number(seconds) * perSecond + Number(nanoseconds) * perSecond / 1e9)];
  };
}

/** A queue's name with the slash that libc leaves out. */
function slashed(name: string): string {
  return name.replace('"', '"/');
}

const NAMES = new Map(Array.from({ length: 64 }, (_, n) => [signalName(n + 1), n + 1]));

/** A signal's number by the name that strace has in sets, where the kernel's first of real time is 32. */
function signalNumber(name: string): number {
  const [, realTime] = /^RT_(\d+)$/.exec(name) ?? [];
  if (realTime !== undefined) return 32 + Number(realTime);
  return name === "RTMIN" ? 32 : NAMES.get(`SIG${name}`)!;
}

/** Strace's sets as we tell them: `[USR1 RT_2]` is `[SIGUSR1, SIGRTMIN]`, and `~[]` has all. */
function sets(text: string): string {
  return text.replace(/(~?)\[((?:[A-Z][A-Z0-9_]*(?: |(?=\])))*)\]/g, (_, not, names) => {
    const listed = new Set(names.split(" ").filter(Boolean).map(signalNumber));
    const all = Array.from({ length: 64 }, (_, n) => n + 1).filter((sig) => listed.has(sig) !== (not === "~"));
    return `[${all.map(signalName).join(", ")}]`;
  });
}

/** The arguments of a call that has sets, up to the one with the size of the kernel's, which libc adds. */
function withSets(at: number, most = Infinity): (theirs: Call) => string[] | undefined {
  return ({ args }) => args[at] === "8" ? args.filter((_, i) => i !== at && i < most).map(sets) : undefined;
}

/** The 8 bytes of a counter, as a number in brackets or without. */
function counter(text: string): string {
  if (!text.startsWith('"')) return text;
  return String(new BigUint64Array(new Uint8Array(unquote(text).bytes).buffer)[0]);
}

/** The functions that libc makes of system calls with other names or arguments. */
const TRANSLATIONS: Record<string, Translation> = {
  fork: ["clone", () => []],
  _exit: ["exit_group", ({ args }) => args],
  pipe: ["pipe2", without({ 1: "0" })],
  open: ["openat", without({ 0: "AT_FDCWD" })],
  sleep: ["clock_nanosleep", duration(1)],
  usleep: ["clock_nanosleep", duration(1e6)],
  wait: ["wait4", without({ 0: "-1", 2: "0", 3: "NULL" })],
  waitpid: ["wait4", without({ 3: "NULL" })],
  wait3: ["wait4", without({ 0: "-1" })],
  raise: ["tgkill", ({ args }) => args.slice(2)], // the process and its thread
  semop: ["semtimedop", without({ 3: "NULL" })],
  send: ["sendto", without({ 4: "NULL", 5: "0" })],
  recv: ["recvfrom", without({ 4: "NULL", 5: "NULL" })],
  // a handler of ours is Deno's own function to the kernel
  signal: ["rt_sigaction", ({ args: [sig, action] }) => {
    const handler = /^{sa_handler=(\w+),/.exec(action)?.[1];
    return handler && [sig, handler.startsWith("0x") ? UNSEEN : handler];
  }],
  sigaction: ["rt_sigaction", withSets(3)],
  sigprocmask: ["rt_sigprocmask", withSets(3)],
  pthread_sigmask: ["rt_sigprocmask", withSets(3)],
  sigpending: ["rt_sigpending", withSets(1)],
  sigqueue: ["rt_sigqueueinfo", ({ args: [pid, sig, info] }) => {
    const pointer = /si_ptr=(NULL|0x[0-9a-f]+)/.exec(info)?.[1];
    return pointer && [pid, sig, String(BigInt.asIntN(64, BigInt(pointer === "NULL" ? 0 : pointer)))];
  }],
  sigwaitinfo: ["rt_sigtimedwait", withSets(3, 2)],
  sigtimedwait: ["rt_sigtimedwait", withSets(3)],
  sigwait: ["rt_sigtimedwait", ({ args: [set] }) => [sets(set), UNSEEN]],
  signalfd: ["signalfd4", withSets(2)],
  epoll_pwait: ["epoll_pwait", withSets(5)],
  eventfd: ["eventfd2", ({ args }) => args],
  eventfd_read: ["read", ({ args: [fd, value] }) => [fd, value.startsWith('"') ? `[${counter(value)}]` : value]],
  eventfd_write: ["write", ({ args: [fd, value] }) => [fd, counter(value)]],
  // on Linux these objects are files
  shm_open: ["openat", ({ args: [, path, flags, mode] }) => [
    path.replace("/dev/shm", ""),
    flags.replace("|O_NOFOLLOW|O_CLOEXEC", ""),
    mode ?? UNSEEN,
  ]],
  // it leaves out what the operation does not take
  futex: ["futex", ({ args }) => {
    if (args[1].startsWith("FUTEX_WAIT_BITSET")) return [...args.slice(0, 4), "NULL", args[4]];
    return args[1].startsWith("FUTEX_WAKE_BITSET") ? [...args.slice(0, 3), "NULL", "NULL", args[3]] : args;
  }],
  sem_unlink: ["unlink", ({ args: [path] }) => [path.replace("/dev/shm/sem.", "/")]],
  shm_unlink: ["unlink", ({ args: [path] }) => [path.replace("/dev/shm", "")]],
  execv: ["execve", ({ args }) => args.slice(0, 2)],
  execvp: ["execve", ({ args }) => args.slice(0, 2)],
  execvpe: ["execve", ({ args }) => args],
  fexecve: ["execveat", without({ 1: '""', 4: "AT_EMPTY_PATH" })],
  // libc makes the others of that of three
  seteuid: ["setresuid", without({ 0: "-1", 2: "-1" })],
  setegid: ["setresgid", without({ 0: "-1", 2: "-1" })],
  setpgrp: ["setpgid", without({ 0: "0", 1: "0" })],
  waitid: ["waitid", without({ 4: "NULL" })],
  // what comes after the arguments that an operation has is 0
  prctl: ["prctl", ({ args }) => /NO_NEW_PRIVS$/.test(args[0]) ? args.slice(0, args[0].includes("SET") ? 2 : 1) : args],
  // the kernel has names without the slash
  mq_open: ["mq_open", ({ args: [name, ...rest] }) => [slashed(name), ...rest]],
  mq_unlink: ["mq_unlink", ({ args: [name] }) => [slashed(name)]],
  mq_close: ["close", ({ args }) => args],
  mq_getattr: ["mq_getsetattr", without({ 1: "NULL" })],
  mq_setattr: ["mq_getsetattr", ({ args }) => args],
  mq_send: ["mq_timedsend", without({ 4: "NULL" })],
  mq_receive: ["mq_timedreceive", without({ 4: "NULL" })],
  // a length of time in nanoseconds, and no signals
  select: [
    "pselect6",
    ({ args: [nfds, read, write, except, timeout, mask] }) =>
      mask === "NULL"
        ? [
          nfds,
          read,
          write,
          except,
          timeout.replace(/tv_nsec=(\d+)/, (_, ns) => `tv_usec=${Math.floor(Number(ns) / 1000)}`),
        ]
        : undefined,
  ],
  mkfifo: [
    "mknodat",
    ({ args: [at, path, mode] }) =>
      at === "AT_FDCWD" && mode.startsWith("S_IFIFO|") ? [path, mode.slice("S_IFIFO|".length)] : undefined,
  ],
  getrlimit: ["prlimit64", without({ 0: "0", 2: "NULL" })],
  setrlimit: ["prlimit64", without({ 0: "0", 3: "NULL" })],
  ftok: ["newfstatat", ({ args: [at, path] }) => at === "AT_FDCWD" ? [path, UNSEEN] : undefined],
};

/** The functions that are no single system call: there is nothing to compare them with. */
export const NO_SYSCALL: Record<string, string> = {
  ...Object.fromEntries(
    entries.map(({ name }) => name).filter((name) =>
      /^(sem|pthread)_/.test(name) && !["sem_unlink", "pthread_sigmask"].includes(name)
    )
      .map((name) => [name, "done in memory; where it has to wait or to wake somebody, by futexes"]),
  ),
  rand: "computed in the process",
  srand: "computed in the process",
  getaddrinfo: "whatever the resolver reads and asks",
  posix_spawn: "a clone, signal masks, and what the child does",
  posix_spawnp: "a clone, signal masks, and what the child does",
  posix_spawn_file_actions_init: "notes in the process's memory",
  posix_spawn_file_actions_destroy: "notes in the process's memory",
  posix_spawn_file_actions_addopen: "notes in the process's memory",
  posix_spawn_file_actions_addclose: "notes in the process's memory",
  posix_spawn_file_actions_adddup2: "notes in the process's memory",
  posix_spawn_file_actions_addchdir_np: "notes in the process's memory",
  posix_spawn_file_actions_addfchdir_np: "notes in the process's memory",
  posix_spawnattr_init: "notes in the process's memory",
  posix_spawnattr_destroy: "notes in the process's memory",
  posix_spawnattr_setflags: "notes in the process's memory",
  posix_spawnattr_getflags: "notes in the process's memory",
  posix_spawnattr_setpgroup: "notes in the process's memory",
  posix_spawnattr_getpgroup: "notes in the process's memory",
  posix_spawnattr_setsigdefault: "notes in the process's memory",
  posix_spawnattr_getsigdefault: "notes in the process's memory",
  posix_spawnattr_setsigmask: "notes in the process's memory",
  posix_spawnattr_getsigmask: "notes in the process's memory",
  getnameinfo: "whatever the resolver reads and asks",
  getifaddrs: "whatever is asked over a socket",
  if_nametoindex: "whatever is asked over a socket",
  if_indextoname: "whatever is asked over a socket",
  sigemptyset: "computed in the process",
  sigfillset: "computed in the process",
  sigaddset: "computed in the process",
  sigdelset: "computed in the process",
  sigismember: "computed in the process",
};

/** The functions that cannot be made to fail here. */
export const NEVER_FAILS: Record<string, string> = {
  fork: "fails for want of memory or processes only",
  _exit: "does not come back",
  getpid: "cannot fail",
  gettid: "cannot fail",
  getuid: "cannot fail",
  geteuid: "cannot fail",
  getgid: "cannot fail",
  getegid: "cannot fail",
  getresuid: "cannot fail",
  getresgid: "cannot fail",
  getgroups: "its size is right",
  getpgrp: "cannot fail",
  sched_yield: "cannot fail",
  umask: "cannot fail",
  getppid: "cannot fail",
  sleep: "what is left of the time is no failure",
  alarm: "cannot fail",
  sigpending: "cannot fail with memory of ours",
  sigwait: "goes on after other signals",
  munmap: "what is passed was mapped",
  munlock: "what is passed is mapped",
};

/** A part of a call that we and strace tell differently. */
export interface Difference {
  /** An argument's name in the manual page, `result`, or `call` if it is another call altogether. */
  part: string;
  /** Our text. */
  ours: string;
  /** Strace's. */
  strace: string;
}

/** A call as we tell it, beside what strace says. */
export interface Comparison {
  /** The function. */
  call: string;
  /** Whether it failed. */
  failed: boolean;
  /** What it gave; not a number if it did not come back. */
  result: number;
  /** Our text. */
  ours: string;
  /** Strace's, of the system call; undefined if there was none. */
  strace: string | undefined;
  /** Where in the program it was called. */
  at: string;
  /** Where the two part. */
  differences: Difference[];
}

function placeOf({ at }: EnterEvent | ExitEvent): string {
  return at ? `${at.file.split("/").pop()}:${at.line}:${at.column}` : "somewhere";
}

/** Holds one of our events against what strace saw. */
export function compare({ event, syscalls }: Pair): Comparison {
  const { call } = event;
  const ours = formatTraceEvent(event);
  const failed = event.ev === "exit" && event.errno !== undefined;
  const [name, translate] = TRANSLATIONS[call] ?? [call, ({ args }: Call) => args];
  const found = syscalls.filter((syscall) => syscall.name === name).flatMap(({ text }) => {
    const theirs = parseCall(text);
    const args = translate(theirs);
    return args ? [{ text, args, result: theirs.result }] : [];
  });
  const result = event.ev === "exit" ? event.result : NaN;
  const comparison = { call, failed, result, ours, at: placeOf(event) };
  const own = parseCall(ours.replace(UNFINISHED, ")"));
  const names = Object.keys(event.args);
  let best: Comparison | undefined;
  for (const { text: strace, args, result: given } of found) {
    if (args.length !== own.args.length) continue;
    const parts = own.args.map((text, i) => ({ part: names[i], ours: text, strace: args[i] ?? text }));
    // what did not come back has no result
    if (event.ev === "exit") parts.push({ part: "result", ours: own.result ?? "", strace: given ?? "" });
    const differences = parts.filter(({ ours, strace }) => ours !== strace);
    // before it, V8 may have done something about its memory, and Deno set up other signals
    if (best === undefined || differences.length <= best.differences.length) {
      best = { ...comparison, strace, differences };
    }
  }
  const strace = syscalls.map(({ text }) => text).join(" ") || "nothing";
  return best ?? { ...comparison, strace: undefined, differences: [{ part: "call", ours, strace }] };
}
