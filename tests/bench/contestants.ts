/**
 * The programs that take part: each is a process that is asked for rounds through its standard input.
 *
 * @module
 */
import type { Entry } from "./measure.ts";

const here = new URL("./", import.meta.url).pathname;

/** The checkout. */
export const root: string = new URL("../../", import.meta.url).pathname;

/** Where compiled programs are. */
export const directory: string = Deno.makeTempDirSync({ prefix: "ipc_playground_bench_" });

/** Takes away what the benchmark made. */
export function cleanUp(): void {
  Deno.removeSync(directory, { recursive: true });
}

/** The first line that a program prints, such as its version, or `undefined` if it is not there. */
export function firstLine(command: string, ...args: string[]): string | undefined {
  try {
    const { success, stdout } = new Deno.Command(command, { args, stderr: "null" }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim().split("\n")[0] : undefined;
  } catch {
    return undefined;
  }
}

const compiler = firstLine("cc", "--version");
const perl = firstLine("perl", "-e", 'printf "Perl %vd\n", $^V');
const python = firstLine("python3", "--version");

/** What there is on this machine; the others' columns stay empty. */
export const versions: Readonly<Record<string, string | undefined>> = {
  Deno: Deno.version.deno,
  V8: Deno.version.v8,
  C: compiler?.replace(/^cc /, ""),
  Perl: perl?.replace("Perl ", ""),
  Python: python?.replace("Python ", ""),
};

/** Compiles a program of `c/`, and gives its path, or `undefined` without a compiler. */
export function compile(name: string): string | undefined {
  if (!compiler) return undefined;
  const output = `${directory}/${name}`;
  const args = ["-O2", "-o", output, `${here}c/${name}.c`];
  const { success, stderr } = new Deno.Command("cc", { args }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return output;
}

/** Processors that this process may run on: those of the container, not of the machine. */
function allowedCpus(): number[] {
  const [, list] = /^Cpus_allowed_list:\s*(.*)$/m.exec(Deno.readTextFileSync("/proc/self/status"))!;
  return list.split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, n) => from + n);
  });
}

/** The last two of them, as the first one has the most to do besides. */
export const cpus: number[] = allowedCpus().slice(-2).reverse();

/**
 * Where a contestant and its partner run. Those who wait in the kernel for each other do best on one processor; to wake
 * another one takes an interrupt, which in a virtual machine costs more than all the rest. Those who spin need two.
 */
export const places = {
  one: [cpus[0], cpus[0]],
  two: [cpus[0], cpus[1] ?? -1],
  any: [-1, -1],
} as const;

/** A contestant at work. */
export class Contestant implements AsyncDisposable {
  readonly name: string;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  /** Starts it; `first` is what it reads before it is asked for anything. */
  constructor(name: string, command: string[], place: readonly [number, number], first = "") {
    this.name = name;
    this.#child = new Deno.Command(command[0], {
      args: [...command.slice(1), ...place.map(String)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#writer.write(new TextEncoder().encode(first)).catch(() => {}); // what follows it fails, too
  }

  /** Its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Asks for a round. */
  async run(job: string, size: number, n: number): Promise<number | null> {
    await this.#writer.write(new TextEncoder().encode(`${job} ${size} ${n}\n`));
    const timer = setTimeout(() => this.#child.kill(), 60_000); // nothing takes so long
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`${this.name} ended, or was ended, in the middle of '${job} ${size} ${n}'`);
      this.#rest += value;
    }
    clearTimeout(timer);
    const [line] = this.#rest.split("\n");
    this.#rest = this.#rest.slice(line.length + 1);
    return line === "-" ? null : Number(line);
  }

  /** One of its jobs, to be compared. */
  entry(job: string, size: number, name: string = this.name): Entry {
    return { name, run: (n) => this.run(job, size, n) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#child.status;
    await this.#reader.cancel();
  }
}

const bench = compile("bench");
const deno = [Deno.execPath(), "run", "--no-prompt"];

const commands: Record<string, string[] | undefined> = {
  library: [...deno, "--allow-ffi", `${here}library.ts`],
  "library, forking": [...deno, "--allow-ffi", "--v8-flags=--single-threaded,--no-lazy", `${here}library.ts`],
  "library, asynchronous": [...deno, "--allow-all", `${here}asynchronous.ts`],
  C: bench === undefined ? undefined : [bench],
  Perl: perl && ["perl", `${here}bench.pl`] || undefined,
  Python: python && ["python3", `${here}bench.py`] || undefined,
  Deno: [...deno, "--allow-all", `${here}plain.ts`],
  "Deno.connect": [...deno, "--allow-all", `${here}connect.ts`],
};

const LANGUAGES = ["library", "C", "Perl", "Python", "Deno"];

/** The contestants of one part of the benchmark. */
export class Field implements AsyncDisposable {
  readonly #list: Contestant[] = [];

  /** Starts them; those that are not installed are left out. A name may be followed by what kind of program is meant. */
  constructor(place: readonly [number, number], kinds: readonly string[] = LANGUAGES) {
    for (const kind of kinds) {
      const command = commands[kind];
      if (command) this.#list.push(new Contestant(kind.split(",")[0], command, place));
    }
  }

  /** Those that may fork: our program, too. */
  static forking(place: readonly [number, number]): Field {
    return new Field(place, ["library, forking", ...LANGUAGES.slice(1)]);
  }

  /** Those that wait for each other without blocking their programs, and C, which can only block. */
  static asynchronous(): Field {
    return new Field(places.any, ["library, asynchronous", "C", "Deno.connect"]);
  }

  /** Lets a C program take part whose memory is like that of another contestant, and whose children write to as much. */
  async addShape(name: string, of: string): Promise<string | undefined> {
    const program = compile("fork_shape");
    if (program === undefined) return undefined;
    const model = this.#list.find((one) => one.name === of)!;
    await model.run("faults", 0, 30); // and its first children are not like the others
    const faults = Math.round((await model.run("faults", 0, 30))!);
    const shape = shapeOf(model.pid);
    this.#list.push(new Contestant(name, [program], places.any, `${shape.map}faults ${faults}\n`));
    return `${shape.mappings} mappings, ${shape.written} written to (${
      (shape.kib / 1024).toFixed(1)
    } MiB), ${faults} faults in a child`;
  }

  /** The same job of all of them. */
  entries(job: string, size: number): Entry[] {
    return this.#list.map((contestant) => contestant.entry(job, size));
  }

  /** One job of one of them; none if it is not there. */
  entry(contestant: string, job: string, size: number, name?: string): Entry[] {
    return this.#list.filter((one) => one.name === contestant).map((one) => one.entry(job, size, name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const contestant of this.#list) await contestant[Symbol.asyncDispose]();
  }
}

/** A process's memory, as `c/fork_shape.c` reads it. */
interface Shape {
  map: string;
  mappings: number;
  written: number;
  /** Of its own. */
  kib: number;
}

/** Looks at the memory of a process. What any program has is left out, as the one in C has it, too. */
function shapeOf(pid: number): Shape {
  const shape: Shape = { map: "", mappings: 0, written: 0, kib: 0 };
  const smaps = Deno.readTextFileSync(`/proc/${pid}/smaps`);
  for (const part of smaps.split(/^(?=[\da-f]+-[\da-f]+ )/m)) {
    const [, start, end, path] = /^([\da-f]+)-([\da-f]+) (?:\S+ +){4}(.*)$/m.exec(part)!;
    if (/^\[(stack|vdso|vvar.*|vsyscall)\]$|\/(libc\.so\.6|ld-linux[^/]*)$/.test(path)) continue;
    const kib = Number(/^Private_Dirty: +(\d+) kB$/m.exec(part)![1]);
    shape.map += `map ${start} ${end} ${kib}\n`;
    shape.mappings++;
    shape.kib += kib;
    if (kib > 0) shape.written++;
  }
  return shape;
}

/** A server that forks for each connection, and is asked for a number of them. */
export class Server implements AsyncDisposable {
  readonly name: string;
  readonly #port: number;
  readonly #child: Deno.ChildProcess;

  private constructor(name: string, port: number, child: Deno.ChildProcess) {
    this.name = name;
    this.#port = port;
    this.#child = child;
  }

  /** Starts a server and waits until it answers. */
  static async start(name: string, command: string[]): Promise<Server> {
    const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = probe.addr;
    probe.close();
    const args = [...command.slice(1), String(port)];
    const server = new Server(
      name,
      port,
      new Deno.Command(command[0], { args, stdin: "null", stdout: "null" }).spawn(),
    );
    for (const end = Date.now() + 20_000;;) {
      try {
        await server.#exchange();
        return server;
      } catch (error) {
        if (Date.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  async #exchange(): Promise<void> {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
    await connection.write(new TextEncoder().encode("hello"));
    const answer = new Uint8Array(256);
    let length = 0;
    for (let n; (n = await connection.read(answer.subarray(length))) !== null;) length += n;
    if (length !== 18) throw new Error(`${this.name} answered with ${length} bytes`);
  }

  /** `n` connections, some of them at a time. */
  entry(atATime: number): Entry {
    const run = async (n: number) => {
      let left = n;
      const client = async () => {
        while (left-- > 0) await this.#exchange();
      };
      const start = performance.now();
      await Promise.all(Array.from({ length: atATime }, client));
      return (performance.now() - start) * 1e6;
    };
    return { name: this.name, run };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
  }
}

/** The servers of the comparison; those that are not installed are left out. */
export async function startServers(): Promise<Server[]> {
  const program = compile("server_sigchld");
  const list: [name: string, command: string[] | undefined][] = [
    ["library", [...deno, "--allow-ffi", `${root}scripts/socket_server_sigchld.ts`]],
    ["C", program === undefined ? undefined : [program]],
    ["Python", python ? ["python3", `${here}server.py`] : undefined],
    ["SIGCHLD", python ? ["python3", `${here}server_sigchld.py`] : undefined],
    ["Deno", [...deno, "--allow-net", `${here}server.ts`]],
  ];
  const servers: Server[] = [];
  for (const [name, command] of list) if (command) servers.push(await Server.start(name, command));
  return servers;
}

/** Starting a program and waiting for its end. */
export function starting(name: string, file: string): Entry {
  const command = new Deno.Command(deno[0], {
    args: [...deno.slice(1), "--allow-ffi", file],
    stdin: "null",
    stdout: "null",
  });
  const run = async (n: number) => {
    const start = performance.now();
    for (let i = 0; i < n; i++) {
      const { success } = await command.spawn().status;
      if (!success) throw new Error(`${file} failed`);
    }
    return (performance.now() - start) * 1e6;
  };
  return { name, run };
}
