/**
 * What the tests share: programs as subprocesses, free ports, the kernel's own lists, C programs.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type ErrorCode, LibcError } from "../ffi/errors.ts";
import { fork, IPC_RMID, msgctl, shmctl, waitpid, WaitStatus } from "../mod.ts";
import type { Need } from "./needs.ts";

/** The checkout. */
export const root: string = new URL("../", import.meta.url).pathname;
/** What a program imports. */
export const mod: string = new URL("../mod.ts", import.meta.url).href;

/** The path of a slide's script. */
export function script(name: string): string {
  return `${root}scripts/${name}`;
}

/** The environment variable with the processor of the machine, where Deno's is emulated (arm64.ts). */
export const MACHINE = "IPC_PLAYGROUND_MACHINE";
/** The processor that the kernel and other programs run on. */
export const machine: string = Deno.env.get(MACHINE) ?? Deno.build.arch;
/** How many times as long as elsewhere everything may take. */
const patience = machine === Deno.build.arch ? 1 : 4;

/** Waits until a condition holds, and fails if that takes too long. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  milliseconds = 120_000,
): Promise<NonNullable<T>> {
  for (const end = Date.now() + milliseconds * patience;;) {
    const result = await condition();
    if (result) return result as NonNullable<T>;
    if (Date.now() > end) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Runs something that must fail with an errno, and gives the error. */
export function fails(code: ErrorCode, action: () => unknown): LibcError {
  try {
    action();
  } catch (error) {
    if (error instanceof LibcError && error.code === code) return error;
    throw new Error(`expected ${code}`, { cause: error });
  }
  throw new Error(`expected ${code}, but it succeeded`);
}

/** As {@linkcode fails}, for a promise. */
export async function rejects(code: ErrorCode, promise: Promise<unknown>): Promise<LibcError> {
  const [{ status, reason }] = await Promise.allSettled([promise]) as PromiseRejectedResult[];
  return fails(code, () => {
    if (status === "rejected") throw reason;
  });
}

/** How a program ended, and what it printed. */
export type Ended = { code: number; signal: Deno.Signal | null; stdout: string; stderr: string };

/** How to start a program. */
export type StartOptions = { stdin?: string | "open"; env?: Record<string, string>; cwd?: string };

/** Does something in a forked child, so that it is undone at its end; what it throws fails the test. */
export function inChild(action: () => void): void {
  const status = new WaitStatus();
  waitpid(
    fork(() => {
      action();
      return 9;
    }),
    status,
  );
  assertEquals(String(status), "exited with 9");
}

/** A running program. It is killed at the end of an `await using`, unless it has ended. */
export class Program {
  /** What it has printed so far. */
  stdout = "";
  /** What it has printed on standard error so far. */
  stderr = "";
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #pumps: Promise<unknown>;
  readonly #name: string;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>> | undefined;
  #ended: Deno.CommandStatus | undefined;

  constructor(command: string, args: string[], options: StartOptions = {}) {
    this.#name = [command, ...args].join(" ");
    this.#child = new Deno.Command(command, {
      args,
      // the check for a newer Deno takes descriptors, and time, at any moment
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...options.env },
      cwd: options.cwd,
      stdin: options.stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    this.pid = this.#child.pid;
    const pump = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>, to: "stdout" | "stderr") => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) this[to] += text;
    };
    this.#pumps = Promise.all([
      pump(this.#child.stdout, "stdout"),
      pump(this.#child.stderr, "stderr"),
      this.#child.status.then((status) => this.#ended = status),
    ]);
    if (options.stdin === undefined) return;
    this.#stdin = this.#child.stdin.getWriter();
    // it may end without having read all of it
    if (options.stdin !== "open") this.type(options.stdin).catch(() => {});
  }

  /** Writes to its standard input, and closes that unless there is more to come. */
  async type(text: string, close = true): Promise<void> {
    await this.#stdin!.write(new TextEncoder().encode(text));
    if (close) await this.#stdin!.close();
  }

  /** Waits until it has printed something. */
  async until(text: string): Promise<void> {
    await until(() => {
      if ((this.stdout + this.stderr).includes(text)) return true;
      if (this.#ended) throw new Error(`${this.#name} ended without ${JSON.stringify(text)}: ${this.#printed()}`);
    }, `${this.#name} prints ${JSON.stringify(text)}`);
  }

  /** Waits for a condition outside of it, which cannot come true any more once it has ended. */
  async ready(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    await until(async () => {
      if (await condition()) return true;
      if (this.#ended) throw new Error(`${this.#name} ended before ${what}: ${this.#printed()}`);
    }, what);
  }

  #printed(): string {
    return `${JSON.stringify(this.stdout)} ${JSON.stringify(this.stderr)}`;
  }

  /** Sends a signal to it alone, unless it has ended. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    if (this.#ended) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended, but that has not been told yet
    }
  }

  /** Kills it and all its children. */
  #killAll(): void {
    try {
      Deno.kill(-this.pid, "SIGKILL"); // it leads a process group
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Waits for its end, and its children's if they hold its output; if it does not come to one, that fails the test. */
  async end(milliseconds = 300_000): Promise<Ended> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#killAll();
    }, milliseconds * patience);
    await this.#pumps;
    clearTimeout(timer);
    if (late) throw new Error(`${this.#name} did not end: ${this.#printed()}`);
    const { code, signal } = this.#ended!;
    return { code, signal, stdout: this.stdout, stderr: this.stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killAll();
    await this.#pumps.catch(() => {});
    await this.#stdin?.close().catch(() => {});
  }
}

/** Runs a program to its end. */
export async function run(command: string, args: string[], options: StartOptions = {}): Promise<Ended> {
  await using program = new Program(command, args, options);
  return await program.end();
}

/** The permission that the library needs, and nothing else. */
export const FFI: readonly string[] = ["run", "--no-prompt", "--allow-ffi"];

/** Starts a slide's script. */
export function start(name: string, args: string[] = [], options: StartOptions = {}): Program {
  return new Program(Deno.execPath(), [...FFI, script(name), ...args], options);
}

/** Writes a program that imports from `"@mod"` to a file; `using` removes it. */
export function file(source: string): { path: string } & Disposable {
  const path = Deno.makeTempFileSync({ prefix: "ipc_playground_", suffix: ".ts" });
  Deno.writeTextFileSync(path, source.replaceAll('"@mod"', JSON.stringify(mod)));
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

/** Runs a program that imports from `"@mod"`, with `--allow-ffi` and nothing else. */
export async function runSource(
  source: string,
  args: string[] = [],
  options: StartOptions & { flags?: string[] } = {},
): Promise<Ended> {
  using program = file(source);
  return await run(Deno.execPath(), [...FFI, ...options.flags ?? [], program.path, ...args], options);
}

/** A port that nobody uses. */
export function freePort(protocol: "tcp" | "udp" = "tcp"): number {
  for (;;) {
    using listener = Deno.listen({ port: 0, hostname: "0.0.0.0" });
    // both protocols have ports of their own
    if (protocol === "tcp" || !listening("udp", listener.addr.port)) return listener.addr.port;
  }
}

const LISTEN = "0A";
const BOUND = "07";

/** Tells whether the kernel has a socket that listens on a TCP port, or is bound to a UDP port. */
export function listening(protocol: "tcp" | "udp", port: number): boolean {
  const suffix = ":" + port.toString(16).toUpperCase().padStart(4, "0");
  return [protocol, `${protocol}6`].some((table) =>
    rows(`/proc/net/${table}`).some((row) =>
      row[1].endsWith(suffix) && row[3] === (protocol === "tcp" ? LISTEN : BOUND)
    )
  );
}

/** What the kernel counts for the sockets of a TCP port in a state: bytes to be read, or connections to be accepted. */
function waiting(port: number, state: string): number {
  const suffix = ":" + port.toString(16).toUpperCase().padStart(4, "0");
  return rows("/proc/net/tcp").filter((row) => row[1].endsWith(suffix) && row[3] === state)
    .reduce((sum, row) => sum + Number.parseInt(row[4].split(":")[1], 16), 0);
}

/** How many bytes wait to be read in the connections to a TCP port. */
export function received(port: number): number {
  const ESTABLISHED = "01";
  return waiting(port, ESTABLISHED);
}

/** How many connections to a TCP port wait to be accepted. */
export function pending(port: number): number {
  return waiting(port, LISTEN);
}

/** Tells whether the kernel has a unix socket that listens at a path. */
export function listeningAt(path: string): boolean {
  const ACCEPTS = "00010000";
  return rows("/proc/net/unix").some((row) => row[7] === path && row[3] === ACCEPTS);
}

/** The rows of a table of the kernel, without its heading. */
export function rows(table: string): string[][] {
  let text: string;
  try {
    text = Deno.readTextFileSync(table);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return []; // no IPv6 here
    throw error;
  }
  return text.trim().split("\n").slice(1).map((line) => line.trim().split(/\s+/));
}

/** The TCP ports that somebody listens on, with the sockets' inodes. */
export function listeners(): { protocol: string; port: number; inode: number }[] {
  return ["tcp", "tcp6"].flatMap((protocol) =>
    rows(`/proc/net/${protocol}`).filter((row) => row[3] === LISTEN).map((row) => ({
      protocol,
      port: Number.parseInt(row[1].split(":").at(-1)!, 16),
      inode: Number(row[9]),
    }))
  );
}

/** The System V objects there are, from the kernel's own list. */
export function objects(kind: "shm" | "msg" | "sem"): { key: number; id: number }[] {
  return rows(`/proc/sysvipc/${kind}`).map((row) => ({ key: Number(row[0]), id: Number(row[1]) }));
}

/** Removes the object with a key, if there is one. */
export function removeObject(kind: "shm" | "msg", key: number): void {
  const found = objects(kind).find((object) => object.key === key);
  if (!found) return;
  if (kind === "shm") shmctl(found.id, IPC_RMID);
  else msgctl(found.id, IPC_RMID);
}

/** What a process is, its state (`R`, `S`, `Z` …) and when it started, or `undefined` if there is none. */
export function process(
  pid: number,
): { state: string; ppid: number; command: string; started: string } | undefined {
  try {
    const [, command, rest] = /\((.*)\) (.*)/s.exec(Deno.readTextFileSync(`/proc/${pid}/stat`))!;
    const fields = rest.split(" "); // the third and on
    return { state: fields[0], ppid: Number(fields[1]), command, started: fields[19] };
  } catch {
    return undefined;
  }
}

/** Tells whether a process waits in a system call, by its numbers on x86-64 and its number on arm64. */
export function waitsIn(pid: number, x86: number | readonly number[], arm: number): boolean {
  try {
    const number = Number.parseInt(Deno.readTextFileSync(`/proc/${pid}/syscall`));
    return [machine === "aarch64" ? arm : x86].flat().includes(number);
  } catch {
    return process(pid)?.state === "S"; // a kernel that does not tell
  }
}

/** The zombies that a process has not reaped. */
export function zombies(parent: number): number[] {
  const list: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!pid) continue;
    const found = process(pid);
    if (found?.state === "Z" && found.ppid === parent) list.push(pid);
  }
  return list;
}

/** Compiles C source to a program, or only checks it, and tells what the compiler had to say. */
export async function compile(source: string, output: string, compiler = "cc", ...flags: string[]): Promise<void> {
  const { code, stderr } = await run(compiler, ["-x", "c", "-Wall", ...flags, "-o", output, "-"], { stdin: source });
  if (code !== 0) throw new Error(stderr);
}

/** What a side of a pair is written in. */
export type Side = "TypeScript" | "C";

/** Every pairing of a script, or the lecture's C program, with a partner. */
export const pairings: readonly [server: Side, client: Side][] = [
  ["TypeScript", "TypeScript"],
  ["TypeScript", "C"],
  ["C", "TypeScript"],
  ["C", "C"],
];

/** The languages that a program can be tested in. */
export const sides: readonly Side[] = ["TypeScript", "C"];

/** What tests of these sides need. */
export function compiler(...sides: Side[]): Need[] {
  return sides.includes("C") ? ["cc"] : [];
}

// the names that the tutorial gave them
const C_NAMES: Record<string, string> = {
  socket_server: "server",
  socket_client: "client",
  socket_server_fork: "server2",
  sigchld_wait3: "sigchld",
};
const compiled = new Map<string, Promise<string>>();
let directory: string | undefined;

/** Starts a slide's script, or its C original, which is compiled when it is first asked for. */
export async function launch(
  side: Side,
  name: string,
  args: string[] = [],
  options: StartOptions = {},
): Promise<Program> {
  if (side === "TypeScript") return start(`${name}.ts`, args, options);
  if (directory === undefined) {
    directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
    addEventListener("unload", () => Deno.removeSync(directory!, { recursive: true }));
  }
  const original = C_NAMES[name] ?? name;
  let program = compiled.get(original);
  if (!program) {
    const output = `${directory}/${original}`;
    program = compile(Deno.readTextFileSync(`${root}tests/c/${original}.c`), output).then(() => output);
    compiled.set(original, program);
  }
  return new Program(await program, args, options);
}
