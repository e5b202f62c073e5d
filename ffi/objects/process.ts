/**
 * Processes as objects.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { SIGKILL, SIGPIPE, SIGTERM } from "../libc/_signals.ts";
import { sigset_t } from "../libc/_sigset.ts";
import { O_RDWR } from "../libc/fcntl.ts";
import { POLLIN } from "../libc/poll.ts";
import { kill, sigaddset } from "../libc/signal.ts";
import {
  posix_spawn_file_actions_addchdir_np,
  posix_spawn_file_actions_addclose,
  posix_spawn_file_actions_adddup2,
  posix_spawn_file_actions_addopen,
  posix_spawn_file_actions_destroy,
  posix_spawn_file_actions_init,
  posix_spawn_file_actions_t,
  POSIX_SPAWN_SETSID,
  POSIX_SPAWN_SETSIGDEF,
  posix_spawnattr_setflags,
  posix_spawnattr_setsigdefault,
  posix_spawnattr_t,
  posix_spawnp,
} from "../libc/spawn.ts";
import { pidfd_open, pidfd_send_signal } from "../libc/sys/pidfd.ts";
import { reap } from "../libc/sys/_reap.ts";
import type { rusage } from "../libc/sys/resource.ts";
import { waitpid, type WaitStatus } from "../libc/sys/wait.ts";
import { close, fork } from "../libc/unistd.ts";
import { shown } from "../native/check.ts";
import { fd as asFd } from "../native/descriptors.ts";
import { known, optionsOf } from "../native/options.ts";
import { own } from "../native/own.ts";
import { isCode, waitOptionsOf } from "./_common.ts";
import { waitSync } from "./_descriptor.ts";
import { ready } from "./_reactor.ts";
import { deadline } from "./_time.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";

/** How {@linkcode Process.spawn} starts a program. */
export interface SpawnOptions {
  /** Its arguments, without its name. */
  args?: readonly string[];
  /** Its whole environment; this process's unless given. */
  env?: Readonly<Record<string, string>>;
  /** Its directory; this process's unless given. A program's path that doesn't begin with a slash counts from there. */
  cwd?: string;
  /** Its standard input: a descriptor, or `"null"` for none; this process's unless given. */
  stdin?: number | "null";
  /** Its standard output: a descriptor, or `"null"` for none; this process's unless given. */
  stdout?: number | "null";
  /** Its standard error: a descriptor, or `"null"` for none; this process's unless given. */
  stderr?: number | "null";
  /** Descriptors that it gets under their numbers, also if they close on `execve`. */
  keep?: readonly number[];
  /** Whether it leads a session of its own, without a terminal; false unless given. */
  detached?: boolean;
}

const SPAWN = known<SpawnOptions>(({ args, env, cwd, stdin, stdout, stderr, keep, detached }) => ({
  args,
  env,
  cwd,
  stdin,
  stdout,
  stderr,
  keep,
  detached,
}));
const WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));

function invalid(name: string, what: string, value: unknown): LibcError {
  return new LibcError("posix_spawnp", "EINVAL", `${name} must be ${what}, got ${shown(value)}`);
}

/** A copy of a list, which is read once. */
function listOf<T>(list: readonly T[] | undefined, name: string): T[] {
  if (list === undefined) return [];
  try {
    if (Array.isArray(list)) {
      const length = Number(list.length); // a proxy may give another one each time it is asked
      if (length <= 2 ** 20) return Array.from({ length }, (_, i) => list[i]);
    }
  } catch {
    throw new LibcError("posix_spawnp", "EINVAL", `${name} cannot be read`);
  }
  throw invalid(name, "an array", list);
}

/** An environment as C has it. */
function environment(env: Readonly<Record<string, string>>): string[] {
  const list: string[] = [];
  try {
    if (typeof env === "object" && env !== null) {
      for (const name of Object.keys(env)) {
        const value: unknown = env[name];
        if (typeof value !== "string") throw invalid(`env.${name}`, "a string", value);
        if (name === "" || name.includes("=")) throw invalid("a name in env", "not empty, and without =", name);
        list.push(`${name}=${value}`);
      }
      return list;
    }
  } catch (error) {
    throw error instanceof LibcError ? error : new LibcError("posix_spawnp", "EINVAL", "env cannot be read");
  }
  throw invalid("env", "an object of strings", env);
}

const F_GETFD = 1;

/** What the child does to its descriptors. */
function arrange(
  actions: posix_spawn_file_actions_t,
  streams: readonly (number | "null" | undefined)[],
  keep: readonly number[],
): void {
  const given = [...streams.filter((stream) => typeof stream === "number"), ...keep].map((fd) =>
    asFd(fd, "posix_spawnp")
  );
  let spare = given.reduce((most, fd) => Math.max(most, fd), 2);
  // a standard stream that becomes another one is put aside first, as its own number may be taken before its turn
  const aside = new Map<number, number>();
  streams.forEach((stream, target) => {
    if (typeof stream !== "number" || stream > 2 || stream < 0 || stream === target || aside.has(stream)) return;
    // what is open there is the child's, too
    do spare++; while (own.fcntl(spare, F_GETFD, 0) >= 0);
    aside.set(stream, spare);
    posix_spawn_file_actions_adddup2(actions, stream, spare);
  });
  streams.forEach((stream, target) => {
    if (stream === "null") posix_spawn_file_actions_addopen(actions, target, "/dev/null", O_RDWR);
    else if (stream !== undefined) {
      const from = stream === target ? stream : aside.get(stream) ?? stream;
      posix_spawn_file_actions_adddup2(actions, from, target);
    }
  });
  for (const fd of aside.values()) posix_spawn_file_actions_addclose(actions, fd);
  for (const fd of keep) posix_spawn_file_actions_adddup2(actions, fd, fd);
}

/** Starts a program, and gives its pid. */
function start(command: string, options: SpawnOptions): number {
  const { cwd, detached } = options;
  if (typeof command !== "string") throw invalid("command", "a string", command);
  if (detached !== undefined && typeof detached !== "boolean") throw invalid("detached", "a boolean", detached);
  const args = listOf(options.args, "args");
  const keep = listOf(options.keep, "keep");
  const env = options.env === undefined ? undefined : environment(options.env);
  const attributes = new posix_spawnattr_t();
  const signals = new sigset_t();
  sigaddset(signals, SIGPIPE);
  posix_spawnattr_setsigdefault(attributes, signals);
  posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | (detached ? POSIX_SPAWN_SETSID : 0));
  const actions = new posix_spawn_file_actions_t();
  posix_spawn_file_actions_init(actions);
  try {
    arrange(actions, [options.stdin, options.stdout, options.stderr], keep);
    if (cwd !== undefined) posix_spawn_file_actions_addchdir_np(actions, cwd);
    return posix_spawnp(command, actions, attributes, [command, ...args], env);
  } finally {
    posix_spawn_file_actions_destroy(actions);
  }
}

/** What the next object is made of: only the functions below make any. */
let making: { readonly pid: number; readonly fd: number; readonly child: boolean } | undefined;

/**
 * A process, by a descriptor that stays its own (`pidfd_open(2)`, since Linux 5.4): a child that is started with
 * {@linkcode Process.spawn} or {@linkcode Process.fork}, or another process.
 *
 * Its end is waited for without a handler for `SIGCHLD`, and a signal never reaches another process that has got its pid.
 * A child that this object has made ends with it: `using` sends `SIGKILL` and reaps it, so that nothing is left, unless it has
 * ended. {@linkcode Process.close} lets it go on.
 *
 * @example
 * ```ts
 * import { Process } from "./mod.ts";
 *
 * using child = Process.spawn("sh", { args: ["-c", "exit 3"] });
 * console.log(String(await child.status())); // exited with 3
 * ```
 */
export class Process {
  /** Its pid; another process may have got it once this one was reaped. */
  readonly pid: number;
  readonly #child: boolean;
  /** Whose child it is: in a forked child, this object is only a copy. */
  readonly #parent: number = own.getpid();
  #fd: number;
  #status: WaitStatus | undefined;
  #usage: rusage | undefined;

  private constructor() {
    if (!making) throw new LibcError("pidfd_open", "EINVAL", "use Process.spawn, Process.fork or Process.fromPid");
    const { pid, fd, child } = making;
    making = undefined;
    this.pid = pid;
    this.#fd = fd;
    this.#child = child;
  }

  /** Makes the object of a process; a child that cannot have one is ended. */
  static #of(pid: number, child: boolean): Process {
    let fd: number;
    try {
      fd = pidfd_open(pid);
    } catch (error) {
      if (child) {
        kill(pid, SIGKILL);
        waitpid(pid);
      }
      throw error;
    }
    making = { pid, fd, child };
    return new Process();
  }

  /**
   * Starts a program as a child, `posix_spawnp(3)`. It needs no `enableFork`.
   *
   * The child inherits the descriptors that don't close on `execve`: those of `pipe`, `socketpair` and the like. Ignored signals stay
   * ignored, but `SIGPIPE`, which only Deno ignores, ends it.
   *
   * @param command The program's path, or a name that is searched for in `PATH`.
   * @param options Arguments, environment, directory, standard streams.
   * @returns The child.
   * @throws {LibcError} `ENOENT`, `EACCES`, `ENOEXEC`, `E2BIG` … of `execve`; `EBADF` no such descriptor; `EAGAIN` too many processes; `EINVAL`
   * a wrong option; `EMFILE`, `ENFILE`; `ENOSYS` an older kernel.
   *
   * @example
   * ```ts
   * import { close, pipe, Process, read } from "./mod.ts";
   *
   * const [reader, writer] = pipe();
   * using child = Process.spawn("echo", { args: ["hello"], stdout: writer });
   * close(writer);
   * console.log(read(reader, new Uint8Array(80))); // 6
   * close(reader);
   * console.log((await child.status()).exitStatus); // 0
   * ```
   */
  static spawn(command: string, options?: SpawnOptions): Process {
    return Process.#of(start(command, optionsOf(options, SPAWN, "posix_spawnp")), true);
  }

  /**
   * Makes a copy of this process that runs a function, `fork(2)`: see `fork` for what a child can do, and what has to be
   * before.
   *
   * @param child What the child does; it exits with the number that this returns, or 0.
   * @returns The child, in the parent; it never comes back in the child.
   * @throws {LibcError} As `fork`; `EINVAL` not a function; `EMFILE`, `ENFILE`; `ENOSYS` an older kernel.
   *
   * @example
   * ```ts ignore
   * import { enableFork, Process } from "./mod.ts";
   *
   * enableFork();
   * using child = Process.fork(() => 3);
   * console.log((await child.status()).exitStatus); // 3
   * ```
   */
  static fork(child: () => number | void): Process {
    if (typeof child !== "function") {
      throw new LibcError("fork", "EINVAL", `child must be a function, got ${shown(child)}`);
    }
    return Process.#of(fork(child), true);
  }

  /**
   * Takes a process that is there. Nothing happens to it when the object is disposed of.
   *
   * @param pid Its pid.
   * @returns The process.
   * @throws {LibcError} `ESRCH` no such process; `EINVAL` no positive pid; `EMFILE`, `ENFILE`; `ENOSYS` an older kernel.
   *
   * @example
   * ```ts
   * import { Process } from "./mod.ts";
   *
   * using parent = Process.fromPid(Deno.ppid);
   * parent.kill(0); // it is there, and signals may be sent to it
   * ```
   */
  static fromPid(pid: number): Process {
    return Process.#of(pid, false);
  }

  /** Its descriptor, for `poll` and `waitid`; -1 once it was reaped, or the object was closed. */
  get fd(): number {
    return this.#fd;
  }

  /** What it has used, once {@linkcode Process.status} has told how it ended. */
  get usage(): rusage | undefined {
    return this.#usage;
  }

  /**
   * Waits until it ends, and reaps it.
   *
   * @param options `signal`: gives up waiting.
   * @returns How it ended; each time the same.
   * @throws {LibcError} `ECHILD` it is not a child of this process, or was reaped by a `wait` function; `EBADF` closed; `EOPNOTSUPP`
   * in a forked child. As a rejection; also the signal's reason.
   */
  async status(options?: WaitOptions): Promise<WaitStatus> {
    const { signal } = waitOptionsOf(options, WAIT, "waitid");
    signal?.throwIfAborted();
    for (;;) {
      const status = this.#reap();
      if (status) return status;
      await this.#wait(signal);
    }
  }

  /**
   * As {@linkcode Process.status}, but blocks the whole program.
   *
   * @param options `timeout`: for how many milliseconds.
   * @returns How it ended; each time the same.
   * @throws {LibcError} `ECHILD` it is not a child of this process, or was reaped by a `wait` function; `EBADF` closed; `ETIMEDOUT`.
   */
  statusSync(options?: WaitSyncOptions): WaitStatus {
    const limit = deadline(optionsOf(options, SYNC, "waitid").timeout, "waitid");
    for (;;) {
      const status = this.#reap();
      if (status) return status;
      waitSync(this.#fd, POLLIN, limit);
    }
  }

  /**
   * Waits until it ends, also if it is no child: how it ended, only its parent hears. A child is still to be reaped.
   *
   * @param options `signal`: gives up waiting.
   * @returns When it has ended.
   * @throws {LibcError} `EBADF` closed; `EOPNOTSUPP` in a forked child. As a rejection; also the signal's reason.
   *
   * @example
   * ```ts
   * import { posix_spawnp, Process, waitpid } from "./mod.ts";
   *
   * const pid = posix_spawnp("true", null, null, ["true"]);
   * using other = Process.fromPid(pid);
   * await other.ended();
   * waitpid(pid); // does not wait
   * ```
   */
  async ended(options?: WaitOptions): Promise<void> {
    const { signal } = waitOptionsOf(options, WAIT, "waitid");
    signal?.throwIfAborted();
    if (!this.#status) await this.#wait(signal);
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    try {
      await ready(this.#fd, POLLIN, signal);
    } catch (error) {
      // another wait has reaped it, and closed the descriptor
      if (!this.#status || signal?.aborted) throw error;
    }
  }

  #reap(): WaitStatus | undefined {
    if (this.#status) return this.#status;
    if (this.#fd < 0) throw new LibcError("waitid", "EBADF", "the process was closed");
    const reaped = reap(this.#fd);
    if (!reaped) return undefined;
    this.#status = reaped.status;
    this.#usage = reaped.usage;
    this.close();
    return this.#status;
  }

  /**
   * Sends it a signal, `pidfd_send_signal(2)`.
   *
   * @param sig The signal; `SIGTERM` unless given, 0 only asks whether it could be sent.
   * @throws {LibcError} `ESRCH` it has ended and was reaped; `EPERM`; `EINVAL` no such signal; `EBADF` closed.
   *
   * @example
   * ```ts
   * import { Process } from "./mod.ts";
   *
   * using child = Process.spawn("sleep", { args: ["60"] });
   * child.kill();
   * console.log(String(child.statusSync())); // killed by SIGTERM
   * ```
   */
  kill(sig: number = SIGTERM): void {
    if (this.#status) throw new LibcError("pidfd_send_signal", "ESRCH", `pid ${this.pid} has ended`);
    pidfd_send_signal(this.#fd, sig);
  }

  /**
   * Closes its descriptor, and leaves the process alone; whoever waits for it gets `EBADF`. A child that ends after that is a zombie
   * until a `wait` function reaps it. Closing it again does nothing.
   */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    close(fd);
  }

  /** How `console.log` shows it: with its pid, and how it ended. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    const status = this.#status === undefined ? {} : { status: String(this.#status) };
    return `Process ${inspect({ pid: this.pid, ...status }, options)}`;
  }

  /**
   * Ends a child that this object has made by `SIGKILL`, and reaps it, for `using`; blocks until that is done. Any other process is left
   * alone, and so is every one in a forked child.
   */
  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    try {
      if (this.#child && this.#parent === own.getpid() && !this.#reap()) {
        pidfd_send_signal(this.#fd, SIGKILL);
        this.statusSync();
      }
    } catch (error) {
      // a wait function was faster
      if (!isCode(error, "ECHILD", "ESRCH")) throw error;
    } finally {
      this.close();
    }
  }
}
