/**
 * Everything that mod.ts exports, called with anything: functions, constructors, methods, accessors. The list is that of
 * the exports, so nothing new is forgotten; what an argument is for is guessed from the parameter's name.
 *
 * @module
 */
import { own } from "../../ffi/native/own.ts";
import * as mod from "../../mod.ts";
import { instanceOf, Mine, POOL, type Value, values } from "./_anything.ts";
import { directory, say, verbose } from "./_run.ts";
import { type Target, targetsOf } from "./_targets.ts";
import { ignore, LibcError, World } from "./_world.ts";

// deno-lint-ignore no-explicit-any -- anything
type Anything = any;

/** Why a call is not made, or is made with something else instead: what would harm, or never come back. */
const number = (value: unknown) => typeof value === "number" && Number.isInteger(value);
const isSignal = (value: unknown) => number(value) && (value as number) >= 1 && (value as number) <= 64;
/** It may be a structure, though it says that it is none. */
const isObject = (value: unknown) => typeof value === "object" && value !== null;
const isEnding = (sig: unknown) =>
  [mod.SIGALRM, mod.SIGINT, mod.SIGTERM, mod.SIGHUP, mod.SIGCHLD].includes(sig as number);
const standard = (fd: unknown) => typeof fd === "number" && fd >= 0 && fd <= 2;
const LEFT_OUT: Readonly<Record<string, (args: Anything[]) => boolean>> = {
  // it would reach processes
  kill: ([, sig]) => isSignal(sig),
  raise: ([sig]) => isSignal(sig),
  sigqueue: ([, sig]) => isSignal(sig),
  // it would keep signals from this process for good
  sigprocmask: ([, set]) => isObject(set),
  pthread_sigmask: ([, set]) => isObject(set),
  // it would wait for a signal, which nobody sends
  sigwaitinfo: ([set]) => isObject(set),
  sigwait: ([set]) => isObject(set),
  sigtimedwait: ([, , timeout]) => timeout === null || typeof timeout === "number" && timeout > 0.01,
  // it would send what ends this one, or not send any more what interrupts it
  alarm: ([seconds]) => number(seconds),
  setitimer: ([which]) => number(which),
  // it would end this one, or go on twice
  exit: ([status]) => number(status),
  _exit: ([status]) => number(status),
  fork: ([child]) => child === undefined || typeof child === "function",
  execve: ([path]) => typeof path === "string" && exists(path),
  execv: ([path]) => isProgram(path),
  execvp: ([file]) => isProgram(file),
  execvpe: ([file]) => isProgram(file),
  fexecve: ([fd]) => standard(fd),
  // it would leave a process
  "Process.spawn": ([command]) => isProgram(command),
  "Process.fork": ([child]) => typeof child === "function",
  posix_spawn: ([path]) => isProgram(path),
  posix_spawnp: ([file]) => isProgram(file),
  // it would be another user's
  ...Object.fromEntries(
    ["setuid", "setgid", "seteuid", "setegid"].map((name) => [name, ([id]: Anything[]) => number(id)]),
  ),
  ...Object.fromEntries(
    ["setreuid", "setregid"].map((
      name,
    ) => [name, ([real, effective]: Anything[]) => number(real) && number(effective)]),
  ),
  ...Object.fromEntries(
    ["setresuid", "setresgid"].map((name) => [name, (args: Anything[]) => args.slice(0, 3).every(number)]),
  ),
  setgroups: ([list]) => Array.isArray(list),
  // it, or another process, would be elsewhere, or run elsewhere
  setpgid: ([pid, pgid]) => number(pid) && number(pgid),
  unshare: ([flags]) => number(flags) && flags !== 0,
  sched_setaffinity: ([, mask]) => Array.isArray(mask),
  // it would reach processes
  pidfd_send_signal: ([, sig]) => isSignal(sig),
  process_vm_writev: ([pid]) => number(pid) && pid > 0 && pid !== mod.getpid(),
  // it could not be undone, or would end with its parent
  prctl: ([option]) =>
    [
      mod.PR_SET_PDEATHSIG,
      mod.PR_SET_DUMPABLE,
      mod.PR_SET_TIMERSLACK,
      mod.PR_SET_CHILD_SUBREAPER,
      mod.PR_SET_NO_NEW_PRIVS,
      mod.PR_SET_PTRACER,
    ].includes(option),
  // its signal would end this one
  mq_notify: ([, sevp]) => sevp instanceof mod.sigevent && sevp.sigev_signo !== 0 && sevp.sigev_notify === 0,
  // it would end it by the next signal, or keep Ctrl-C from it
  signal: ([sig]) => isEnding(sig),
  sigaction: ([sig, act]) => isEnding(sig) && act !== undefined && act !== null,
  // it would take the standard streams from this one
  close: ([fd]) => standard(fd),
  mq_close: ([fd]) => standard(fd),
  dup2: ([, fd]) => standard(fd),
  "Socket.fromFd": ([fd]) => standard(fd),
  "Listener.fromFd": ([fd]) => standard(fd),
  // it would sleep for hours
  sleep: ([seconds]) => number(seconds) && seconds > 0,
  usleep: ([us]) => number(us) && us > 100,
  // it waits for a signal, which nobody sends
  pause: ([options]) => !(options?.signal instanceof AbortSignal),
  // it would take much memory
  mmap: ([, length, , flags]) => length > 2 ** 26 && (flags & (mod.MAP_POPULATE | mod.MAP_LOCKED)) !== 0,
  // it would make, or remove, what is others'
  shm_open: ([, flags]) => (flags & mod.O_CREAT) !== 0,
  sem_open: ([, flags]) => (flags & mod.O_CREAT) !== 0,
  shm_unlink: ([name]) => exists(`/dev/shm/${name}`),
  sem_unlink: ([name]) => exists(`/dev/shm/sem.${String(name).replace(/^\/+/, "")}`),
  "PosixSemaphore.create": ([name]) => typeof name === "string",
  // signals do not end it
  pthread_mutex_lock: ([mutex]) => is(mutex, mod.pthread_mutex_t),
  pthread_mutex_timedlock: ([, moment]) => moment === null || (moment as number) > Date.now() / 1000 + 0.01,
  pthread_cond_wait: ([cond, mutex]) => is(cond, mod.pthread_cond_t) && is(mutex, mod.pthread_mutex_t),
  pthread_cond_timedwait: ([, , moment]) => moment === null || (moment as number) > 1,
  // it would change a file that is not the run's own
  ftruncate: ([fd]) => leadsElsewhere(fd),
  fchmod: ([fd]) => leadsElsewhere(fd),
  chmod: ([path]) => typeof path === "string" && isElsewhere(path),
  mkfifo: ([path]) => typeof path === "string" && isElsewhere(path),
  // it would have signals sent
  fcntl: ([, cmd]) => cmd === mod.F_SETOWN,
  "PosixSharedMemory.create": ([name]) => typeof name === "string",
  "PosixSharedMemory.open": ([name]) => typeof name === "string" && exists(`/dev/shm/${name}`),
  "PosixSharedMemory.anonymous": ([size]) => number(size) && size > 2 ** 26,
  "PosixSharedMemory.prototype.resize": ([size]) => number(size) && size > 2 ** 26,
  "PosixSharedMemory.fromFd": ([fd]) => standard(fd),
  "EventFd.fromFd": ([fd]) => standard(fd),
  "TimerFd.fromFd": ([fd]) => standard(fd),
  "PipeReader.fromFd": ([fd]) => standard(fd),
  "PipeWriter.fromFd": ([fd]) => standard(fd),
  "Fifo.create": ([path]) => typeof path === "string",
  "MappedFile.open": ([path]) => typeof path === "string",
  "FileLock.create": ([path]) => typeof path === "string" && isElsewhere(path),
  "Channel.create": ([where]) => typeof where === "string",
  "Channel.open": ([where]) => typeof where === "string" && exists(`/dev/shm/${where}`),
  // it would limit what the run needs
  setrlimit: ([resource]) => number(resource) && resource >= 0 && resource < 16,
  // it would ask a name server
  getnameinfo: ([, flags]) => flags === undefined || number(flags) && (flags & mod.NI_NUMERICHOST) === 0,
  getaddrinfo: ([node]) => typeof node === "string" && !/^[\d.:]*$/.test(node),
};

/** Functions without arguments, which do something whenever they are called: here it would leave the terminal. */
const NEVER: ReadonlySet<string> = new Set(["setpgrp", "setsid"]);

/** What might be found in `PATH`, or is there. */
function isProgram(path: unknown): boolean {
  return typeof path === "string" && (!path.includes("/") || exists(path));
}

/** Whether a descriptor is that of a file outside of the run's directory. */
function leadsElsewhere(fd: unknown): boolean {
  if (!number(fd)) return false;
  try {
    return isElsewhere(Deno.readLinkSync(`/proc/self/fd/${fd}`));
  } catch {
    return false; // there is none
  }
}

/** Whether a file that exists, or that could be made, lies outside of the run's directory, or is that. */
function isElsewhere(path: string): boolean {
  if (!path.startsWith("/")) return path.includes("/") || path === "." || path === "..";
  return !path.startsWith(`${directory}/`);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** What blocks without a time limit goes on blocking after a signal, so it has to have one. */
function limited(target: Target, args: Anything[]): void {
  if (!/Sync$/.test(target.name)) return;
  const at = target.parameters.indexOf("options");
  if (at < 0) return;
  const options = args[at];
  let timeout: unknown;
  try {
    timeout = options?.timeout;
  } catch { /* it throws there, too */ }
  if (typeof timeout === "number" ? timeout > 2 : timeout === undefined) args[at] = { ...plain(options), timeout: 1 };
}

function plain(options: Anything): object {
  try {
    return { ...options };
  } catch {
    return {};
  }
}

const is = (error: unknown, of: Anything) => {
  try {
    return error instanceof of;
  } catch {
    return false; // a proxy that does not say
  }
};

/** Errors that are no LibcError, and right nevertheless. */
function isRight(error: unknown, target: Target, args: readonly unknown[], foreign: boolean): boolean {
  // what calls off a wait: the signal's own reason
  if (is(error, DOMException) && ["TimeoutError", "AbortError"].includes((error as DOMException).name)) return true;
  // perror: what is not the library's goes on to where it belongs
  if (target.name === "perror" && Object.is(error, args[1])) return true;
  // what a function of the caller's own throws, that was to be called
  if (target.name.endsWith(".change") && typeof args[0] === "function") return true;
  // Deno shows an object by what it says itself
  if (target.name.endsWith("[Deno.customInspect]")) return foreign || is(error, Mine);
  // JavaScript's own, or a proxy's: a method taken from one object and called on another, or on one that was never made
  return foreign && (is(error, TypeError) || is(error, Mine));
}

/** fork(2) with a function that ends it, in the middle of everything: the other ways of calling it are left out. */
function forkOnce(): void {
  const pid = mod.fork(() => 3);
  const status = new mod.WaitStatus();
  for (;;) {
    try {
      mod.waitpid(pid, status);
      break;
    } catch (error) {
      if (!isLibcError(error) || error.code !== "EINTR") throw error;
    }
  }
  if (status.exitStatus !== 3) throw new Error(`a forked child ${status}`);
}

/** What this process does on signals that end it, each with a struct sigaction. */
const ending = [mod.SIGHUP, mod.SIGINT, mod.SIGTERM].map((sig) => [sig, new BigUint64Array(19)] as const);

/** Closes what was received. */
function giveBack(fds: unknown): void {
  for (const fd of Array.isArray(fds) ? fds : []) if (typeof fd === "number") mod.close(fd);
}

/** Functions that make a descriptor. */
const MAKERS = new Set([
  ..."socket open accept accept4 dup dup2 dup3 memfd_create shm_open pidfd_open pidfd_getfd".split(" "),
  ..."eventfd timerfd_create signalfd epoll_create1".split(" "),
]);

/** What has to be put back or given back after a call. */
function after(target: Target, args: Anything[], result: Anything, w: World): void {
  switch (target.name) {
    case "shmget":
    case "msgget":
    case "semget":
      return w.remove(target.name, result);
    case "shmat":
      return mod.shmdt(result);
    case "mmap":
    case "mprotect":
      return mod.munmap(result);
    case "mq_open":
      mod.mq_close(result);
      return ignore(() => mod.mq_unlink(args[0]));
    case "removeOnSignals":
      // Ctrl-C is to be heard of where the rest is cleaned up, too
      for (const [sig, action] of ending) own.sigaction(sig, action, null);
      return;
    case "recvmsg":
      // as of others, its class may say what it likes
      if (args[1] instanceof mod.msghdr) giveBack(args[1].msg_control.flatMap(({ cmsg_data }) => cmsg_data as unknown));
      return;
    case "Socket.prototype.receiveFds":
    case "Socket.prototype.receiveFdsSync":
      return giveBack(result.fds);
    case "umask":
      mod.umask(result);
      return;
    case "signal":
    case "sigaction":
      if (args[1] === undefined || args[1] === null) return; // it was only asked
      mod.signal(args[0], mod.SIG_DFL);
      if (args[0] === mod.SIGPIPE) mod.signal(mod.SIGPIPE, mod.SIG_IGN);
      return;
  }
  if (MAKERS.has(target.name)) w.own(result);
  if (target.name === "fcntl" && [mod.F_DUPFD, mod.F_DUPFD_CLOEXEC].includes(args[1])) w.own(result);
  if (["pipe", "pipe2", "socketpair"].includes(target.name)) result.forEach((fd: number) => w.own(fd));
  if (target.name === "posix_spawn_file_actions_init") mod.posix_spawn_file_actions_destroy(args[0]);
  const list = Array.isArray(result) ? result : [result];
  for (const one of list.slice(0, 10)) {
    if (typeof one === "object" && one !== null && !w.keeps(one)) {
      const dispose = Object.getPrototypeOf(one) === null ? undefined : one[Symbol.dispose];
      if (typeof dispose === "function" && !(one instanceof mod.Struct)) dispose.call(one);
    }
  }
}

/** Numbers that a seed gives, one after the other. */
export function generator(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = state + 0x6D2B79F5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) % below;
  };
}

/** How many calls are made in one world: fewer, and making worlds costs more; more, and most of it is closed by then. */
export const CALLS = 100;

const tick = () => new Promise<symbol>((resolve) => setTimeout(resolve, 2, WAITS));
const WAITS = Symbol("waits");

/** All that can be called, and how often it was. */
export class Everything {
  readonly targets: Target[];
  readonly #counts = new Map<Target, number>();
  readonly #exports: number;
  /** How many calls were made. */
  calls = 0;
  /** What was left out, as it would have harmed. */
  left = 0;

  constructor(exports: Readonly<Record<string, unknown>>) {
    for (const [sig, action] of ending) own.sigaction(sig, null, action);
    const entries = Object.entries(exports);
    this.#exports = entries.length;
    this.targets = entries.flatMap(([name, value]) => targetsOf(name, value));
    const known = new Set(this.targets.map(({ name }) => name));
    for (const name of Object.keys(LEFT_OUT)) {
      if (exports === mod && !known.has(name)) throw new Error(`${name} is left out, and is not there`);
    }
  }

  /** What was never called. */
  get unreached(): string[] {
    return this.targets.filter((target) => !this.#counts.has(target) && !NEVER.has(target.name)).map(({ name }) =>
      name
    );
  }

  /** What came of it, in one line. */
  get summary(): string {
    const made = this.calls.toLocaleString("en");
    return `${made} calls of ${this.targets.length} functions, constructors, methods and accessors of ${this.#exports} exports`;
  }

  /** Calls in one world; that of the next seed goes on with other targets. */
  async world(seed: number): Promise<void> {
    const random = generator(seed);
    const { length } = this.targets;
    const first = ((seed * CALLS) % length + length) % length;
    const pending = new Set<Promise<void>>();
    {
      using world = new World();
      using _traced = seed % 8 === 0 ? mod.trace(() => {}) : undefined;
      if (seed % 128 === 0) forkOnce();
      for (let i = 0; i < CALLS; i++) {
        const target = this.targets[(first + i) % this.targets.length];
        const waits = this.#one(target, random, world);
        if (waits) {
          const done = waits.finally(() => pending.delete(done));
          pending.add(done);
          await Promise.race([done, tick()]);
        }
      }
    }
    // what still waits hears that its object is gone, or is called off
    const end = performance.now() + 3000;
    while (pending.size > 0) {
      await Promise.race([...pending, tick()]);
      if (performance.now() > end) throw new Error(`${pending.size} waits go on after their objects are gone`);
    }
  }

  #one(target: Target, random: (below: number) => number, w: World): Promise<void> | undefined {
    const chosen = target.parameters.map((name) => values(name, random));
    // now and then one too many, or one too few
    if (random(16) === 0) chosen.push(POOL[random(POOL.length)]);
    if (random(16) === 0) chosen.pop();
    const foreign = target.of !== undefined && random(32) === 0;
    const receiver: Value | undefined = target.of === undefined
      ? undefined
      : foreign
      ? POOL[random(POOL.length)]
      : instanceOf(target.of, random);
    const text = () => {
      const of = receiver ? `${receiver.name} . ` : "";
      return `${of}${target.name}(${chosen.map(({ name }) => name).join(", ")})`;
    };
    const args = chosen.map(({ make }) => make(w, random)) as Anything[];
    const self = receiver?.make(w, random);
    if (leftOut(target, args, w)) {
      this.left++;
      return;
    }
    limited(target, args);
    if (verbose) say(text());
    this.calls++;
    this.#note(target);
    const failed = (error: unknown) => {
      w.checkGuards(text);
      if (isLibcError(error)) {
        if (!Number.isInteger(error.errno) || typeof error.code !== "string" || !error.code.trim()) {
          throw new Error(`${text()}: an error without errno or code`, { cause: error });
        }
      } else if (!isRight(error, target, args, foreign)) {
        throw new Error(`${text()} threw what is no LibcError`, { cause: error });
      }
    };
    const succeeded = (result: unknown) => {
      w.checkGuards(text);
      if ((result !== undefined && result !== null) || target.name === "sigaction") after(target, args, result, w);
      // who opened a FIFO would wait, and names begin here
      if (target.name === "mkfifo") mod.unlink(args[0]);
      if (target.name === "chdir") mod.chdir(directory);
    };
    let result: unknown;
    try {
      result = target.call(self, args);
    } catch (error) {
      return void failed(error);
    }
    if (result instanceof Promise && !w.keeps(result)) return result.then(succeeded, failed);
    succeeded(result);
  }

  #note(target: Target): void {
    this.#counts.set(target, (this.#counts.get(target) ?? 0) + 1);
  }
}

/** Whether a number would reach an object that is somebody else's. */
function reachesOthers(target: Target, args: Anything[], w: World): boolean {
  const ids = target.parameters.flatMap((name, at) =>
    ["shmid", "msqid", "semid", "id"].includes(name) ? [args[at]] : []
  );
  return ids.some((id) => typeof id === "number" && !w.ids.includes(id) && KINDS.some((is) => is(id | 0)));
}

const stat = (get: () => unknown) => {
  try {
    get();
    return true;
  } catch (error) {
    return !(isLibcError(error) && ["EINVAL", "EIDRM"].includes(error.code));
  }
};
const KINDS: ((id: number) => boolean)[] = [
  (id) => stat(() => mod.shmctl(id, mod.IPC_STAT, new mod.shmid_ds())),
  (id) => stat(() => mod.msgctl(id, mod.IPC_STAT, new mod.msqid_ds())),
  (id) => stat(() => mod.semctl(id, 0, mod.IPC_STAT, new mod.semid_ds())),
];

function leftOut(target: Target, args: Anything[], w: World): boolean {
  try {
    return NEVER.has(target.name) || (LEFT_OUT[target.name]?.(args) ?? false) || reachesOthers(target, args, w);
  } catch {
    return true; // it cannot be told
  }
}

const isLibcError = (error: unknown): error is mod.LibcError => is(error, LibcError);
