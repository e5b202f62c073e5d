/**
 * `deno task trace`: runs demos, or programs of one's own, and draws what they did.
 *
 * @module
 */
import { CommanderError } from "commander";
import { TRACE_VERSION } from "../../../mod.ts";
import { DEMOS } from "../demos/list.ts";
import { newCommand } from "../shared/command.ts";
import { Failure, say, USAGE } from "../shared/failure.ts";
import { onInterrupt } from "../shared/signals.ts";
import { complain, print, terminalSize } from "../shared/terminal.ts";
import { mermaid, svg, unicode } from "./drawing.ts";
import { picture } from "./model.ts";
import { Output } from "./output.ts";
import { Place } from "./place.ts";
import { TraceReader } from "./reader.ts";
import { runCommands, runDemos } from "./run.ts";

interface Options {
  svg?: string;
  mermaid?: string;
  json?: string;
  all?: boolean;
  width?: number;
}

const NO_TERMINAL = 100; // columns

async function main(names: string[], commands: string[][], options: Options): Promise<number> {
  const unknown = names.filter((name) => !DEMOS.some((demo) => demo.name === name));
  if (unknown.length) {
    throw new Failure(
      `no demo is called ${unknown.join(", ")}; there are ${DEMOS.map((demo) => demo.name).join(", ")}`,
      USAGE,
    );
  }
  if (!names.length && !commands.length) throw new Failure("name a demo, or give a command after --", USAGE);
  if (names.length && commands.length) throw new Failure("name demos or give commands, not both", USAGE);
  using outputs = new DisposableStack();
  const open = (path: string | undefined) => path === undefined ? undefined : outputs.use(new Output(path));
  const files = { json: open(options.json), mermaid: open(options.mermaid), svg: open(options.svg) };

  // what was traced by then is drawn all the same. Commands may take their time to end, demos don't.
  const interrupted = new AbortController();
  let interruptedWith = 0;
  using _signals = onInterrupt((name, code) => {
    if (interrupted.signal.aborted && commands.length) Deno.exit(code);
    interruptedWith ||= code;
    interrupted.abort(`interrupted by ${name}`);
  });
  using place = new Place();
  const file = `${place.path}/trace.jsonl`;
  if (Deno.stderr.isTerminal()) {
    const what = names.join(", ") || commands.map((command) => command.join(" ")).join(" and ");
    complain(`Tracing ${what} …`);
  }
  using reader = new TraceReader(file, (line) => files.json?.write(line + "\n"));
  const { ok, reasons } = names.length
    ? await runDemos(names, file, interrupted.signal)
    : await runCommands(commands, file, reader, interrupted.signal);
  reader.end();
  const { events, malformed, firstMalformed, dropped, otherVersion } = reader;
  if (!events.length && malformed > 0) {
    throw new Failure(`line ${firstMalformed} of what was traced is no event, and there is no other line that is one`);
  }
  if (!events.length && !ok) {
    if (reasons.length) complain(`trace: nothing was traced: ${reasons.join("; ")}`);
    return interruptedWith || 1;
  }
  if (!events.length) throw new Failure("nothing was traced: no process made a call through this library", USAGE);
  if (otherVersion !== undefined) {
    throw new Failure(
      `the trace is in format ${otherVersion}, of another version of the library; this reads ${TRACE_VERSION}`,
    );
  }
  if (malformed === 1) complain(`trace: line ${firstMalformed} of it is no event, and was left out`);
  if (malformed > 1) {
    complain(`trace: ${malformed} lines of it are no events, and were left out; line ${firstMalformed} is the first`);
  }
  if (dropped > 0) complain(`trace: it is long; ${dropped} events in the middle of it are not drawn`);
  const drawn = picture(events, options.all);
  if (!drawn.steps.length) {
    complain(`trace: there is nothing in it to draw${options.all ? "" : "; with --all there may be"}`);
    return ok ? 0 : interruptedWith || 1;
  }
  files.mermaid?.write(mermaid(drawn));
  files.svg?.write(svg(drawn));
  if (!files.json && !files.mermaid && !files.svg) {
    print(unicode(drawn, options.width ?? terminalSize(NO_TERMINAL).columns));
  }
  return ok ? 0 : interruptedWith || 1;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 20) {
    throw new Failure(`--width must be a whole number of columns from 20, got ${text}`, USAGE);
  }
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
  const command = newCommand("trace")
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
    );
  try {
    command.parse(own, { from: "user" });
    return await main(command.args, commands, command.opts());
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode ? USAGE : 0;
    return say("trace", error);
  }
}

if (import.meta.main) Deno.exit(await traceCommand(Deno.args));
