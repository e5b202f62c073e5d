/**
 * `deno task trace`: runs demos, or programs of one's own, and draws what they did.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { parseTrace, type TraceEvent } from "../../mod.ts";
import { DEMOS } from "./demo_list.ts";
import { runDemo } from "./demo_runner.ts";
import { mermaid, svg, unicode } from "./trace_mermaid.ts";
import { picture } from "./trace_model.ts";

interface Options {
  svg?: string;
  mermaid?: string;
  json?: string;
  all?: boolean;
  width?: number;
}

class Failure extends Error {}

/** Ends when the program is interrupted; what was traced by then is drawn all the same. */
const interrupted = new AbortController();

function trace(file: string): TraceEvent[] {
  try {
    return parseTrace(Deno.readTextFileSync(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function runDemos(names: string[], file: string): Promise<boolean> {
  let ok = true;
  for (const name of names) {
    const demo = DEMOS.find((demo) => demo.name === name)!;
    const { result, reasons } = await runDemo(demo, {
      on: () => {},
      env: () => ({ IPC_TRACE: file }),
      signal: interrupted.signal,
    });
    if (result !== "passed") console.error(`${name}: ${result}${reasons.length ? `: ${reasons.join("; ")}` : ""}`);
    ok &&= result === "passed";
  }
  return ok;
}

const LONGEST_START_MS = 3000;

/** Runs commands at the same time; each starts when the one before it waits for something, or has ended. */
async function runCommands(commands: string[][], file: string): Promise<boolean> {
  const running: { pid: number; child: Deno.ChildProcess; ended: boolean; code: Promise<number> }[] = [];
  for (const [i, [program, ...args]] of commands.entries()) {
    let child: Deno.ChildProcess;
    try {
      const last = i === commands.length - 1;
      child = new Deno.Command(program, {
        args,
        env: { IPC_TRACE: file },
        stdin: last ? "inherit" : "null",
        stdout: "inherit",
        stderr: "inherit",
      }).spawn();
    } catch (error) {
      for (const { child } of running) child.kill();
      throw new Failure(`${program}: ${(error as Error).message}`);
    }
    const process: (typeof running)[number] = {
      pid: child.pid,
      child,
      ended: false,
      code: child.status.then((status) => (process.ended = true, status.code)),
    };
    running.push(process);
    const start = performance.now();
    while (i < commands.length - 1 && !process.ended && performance.now() - start < LONGEST_START_MS) {
      const last = trace(file).filter((event) => event.pid === child.pid).at(-1);
      if (last?.ev === "enter" && performance.now() - start > 100) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  // a server may go on for ever: when the last command has ended, the others get a moment to end, too
  interrupted.signal.addEventListener("abort", () => {
    for (const { child, ended } of running) if (!ended) child.kill();
  });
  const codes = await Promise.all(running.map(async ({ code, child }, i) => {
    if (i < running.length - 1) {
      await running.at(-1)!.code;
      const timer = setTimeout(() => child.kill(), LONGEST_START_MS);
      code.finally(() => clearTimeout(timer));
      return await code.then(() => 0);
    }
    return await code;
  }));
  return codes.every((code) => code === 0);
}

function consoleWidth(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 100; // no terminal
  }
}

async function main(names: string[], commands: string[][], options: Options): Promise<boolean> {
  const unknown = names.filter((name) => !DEMOS.some((demo) => demo.name === name));
  if (unknown.length) {
    throw new Failure(
      `no demo is called ${unknown.join(", ")}; there are ${DEMOS.map((demo) => demo.name).join(", ")}`,
    );
  }
  if (!names.length && !commands.length) throw new Failure("name a demo, or give a command after --");
  const directory = await Deno.makeTempDir({ prefix: "ipc-trace-" });
  try {
    const file = `${directory}/trace.jsonl`;
    if (Deno.stderr.isTerminal()) {
      console.error(`Tracing ${names.join(", ") || commands.map((command) => command.join(" ")).join(" and ")} …`);
    }
    const ok = names.length ? await runDemos(names, file) : await runCommands(commands, file);
    const events = trace(file);
    if (!events.length && !ok) return false; // and it has been said why
    if (!events.length) throw new Failure("nothing was traced: no process made a call through this library");
    const drawn = picture(events, options.all);
    if (options.json) {
      await Deno.writeTextFile(
        options.json,
        events.map((event) => JSON.stringify(event) + "\n").join(""),
      );
    }
    if (options.mermaid) await Deno.writeTextFile(options.mermaid, mermaid(drawn));
    if (options.svg) await Deno.writeTextFile(options.svg, svg(drawn));
    if (!options.json && !options.mermaid && !options.svg) console.log(unicode(drawn, options.width ?? consoleWidth()));
    return ok;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 20) throw new Failure(`--width must be a whole number from 20, got ${text}`);
  return value;
}

/** The part before the first `--`, and the commands after it, which further `--` tell apart. */
export function splitCommands(args: string[]): { own: string[]; commands: string[][] } {
  const at = args.indexOf("--");
  if (at < 0) return { own: args, commands: [] };
  const commands: string[][] = [[]];
  for (const arg of args.slice(at + 1)) {
    if (arg === "--") commands.push([]);
    else commands.at(-1)!.push(arg);
  }
  return { own: args.slice(0, at), commands: commands.filter((command) => command.length) };
}

/**
 * Runs the command line.
 *
 * @param args The arguments.
 * @returns The exit code.
 */
export async function traceCommand(args: string[]): Promise<number> {
  const { own, commands } = splitCommands(args);
  const command = new Command("trace")
    .description("Run demos, or programs of your own, and draw what they did as a sequence diagram.")
    .argument("[demos...]", `one or more of ${DEMOS.map((demo) => demo.name).join(", ")}`)
    .option("--svg <file>", "write the picture as SVG")
    .option("--mermaid <file>", "write its Mermaid source")
    .option("--json <file>", "write the events as JSON Lines")
    .option("--all", "also show what is left out as noise: closing, options, ids")
    .option("--width <columns>", "how wide the picture may be", positive)
    .addHelpText(
      "after",
      `
Your own program, or several at a time:
  deno task trace -- deno run --allow-ffi mine.ts
  deno task trace -- deno run --allow-ffi server.ts -- deno run --allow-ffi client.ts`,
    )
    .exitOverride();
  const interrupt = () => interrupted.abort("interrupted");
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", interrupt);
  try {
    command.parse(own, { from: "user" });
    return await main(command.args, commands, command.opts()) ? 0 : 1;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode ? 2 : 0;
    if (!(error instanceof Failure)) throw error;
    console.error(`trace: ${error.message}`);
    return 2;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSignalListener("SIGTERM", interrupt);
  }
}

if (import.meta.main) Deno.exit(await traceCommand(Deno.args));
