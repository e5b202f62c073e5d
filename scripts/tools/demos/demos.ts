#!/usr/bin/env -S deno run --allow-all
/**
 * Runs the slides' programs, one demo after the other, and says which did what they should.
 *
 *     deno task demos
 *     deno task demos shm sigchld
 *     deno task demos --list
 *
 * @module
 */
import { CommanderError } from "commander";
import { newCommand } from "../shared/command.ts";
import { type Shown, shown } from "../shared/escape.ts";
import { say, USAGE } from "../shared/failure.ts";
import { onInterrupt, SIGPIPE } from "../shared/signals.ts";
import { canControl, complain, terminalSize, writeAll } from "../shared/terminal.ts";
import { DEMOS } from "./list.ts";
import { type Demo, type Outcome, runDemo } from "./runner.ts";
import { endDeadRuns } from "./system.ts";
import { View } from "./view.ts";

const interrupted = new AbortController();
let exitCode = 0;

function interrupt(why: string, code: number): void {
  if (interrupted.signal.aborted) return;
  exitCode = code;
  interrupted.abort(why);
}

const screen = {
  control: canControl,
  columns: () => terminalSize(80).columns,
  write(text: Shown): void {
    try {
      writeAll(text);
    } catch (error) {
      // as in: deno task demos | head
      if (error instanceof Deno.errors.BrokenPipe) return interrupt("nobody reads this", 128 + SIGPIPE);
      if (!interrupted.signal.aborted) complain(`standard output: ${(error as Error).message}`);
      interrupt("nothing can be printed", 1);
    }
  },
};

/** The demos with these names, or whose names contain them. */
function choose(names: string[]): Demo[] {
  if (names.length === 0) return [...DEMOS];
  const chosen = new Set<Demo>();
  for (const name of names) {
    const exact = DEMOS.filter((demo) => demo.name === name);
    const found = exact.length > 0 ? exact : DEMOS.filter((demo) => demo.name.includes(name));
    if (found.length === 0 || name === "") {
      command.error(`error: there is no demo "${name}". There are: ${DEMOS.map(({ name }) => name).join(", ")}`);
    }
    found.forEach((demo) => chosen.add(demo));
  }
  return DEMOS.filter((demo) => chosen.has(demo));
}

function list(demos: Demo[]): void {
  for (const { name, slides, title } of demos) screen.write(shown`${name.padEnd(13)} ${slides.padEnd(5)} ${title}\n`);
}

async function run(demos: Demo[]): Promise<void> {
  const start = performance.now();
  const view = new View(screen);
  const outcomes: Outcome[] = [];
  using _signals = onInterrupt((name, code) => interrupt(`interrupted by ${name}`, code));
  for (const text of await endDeadRuns(DEMOS.flatMap(({ uses = [] }) => uses))) view.say(text);
  for (const [i, demo] of demos.entries()) {
    if (interrupted.signal.aborted) break;
    view.begin(demo, i + 1, demos.length);
    const outcome = await runDemo(demo, { on: (event) => view.event(event), signal: interrupted.signal });
    view.end(outcome);
    outcomes.push(outcome);
  }
  view.summary(outcomes, performance.now() - start);
  if (exitCode === 0 && outcomes.some(({ result }) => result !== "passed")) exitCode = 1;
}

const command = newCommand("deno task demos")
  .description("Runs the slides' programs, with their partners, and checks what they do.")
  .argument("[names...]", "which demos to run: names, or parts of names (default: all)")
  .option("-l, --list", "print the demos' names, slides and titles, and run none")
  .addHelpText(
    "after",
    `
Examples:
  deno task demos                  all of them, in the slides' order
  deno task demos shm message      these two
  deno task demos server           all with "server" in the name

Signs:  $ command   | standard output   ! standard error   = end   # noticed

Exit code:  0 all passed, 1 some failed or were skipped, 2 wrong usage,
            128 + signal if interrupted.`,
  )
  .action(async (names: string[], options: { list?: true }) => {
    const demos = choose(names);
    if (options.list) list(demos);
    else await run(demos);
  });

/**
 * Runs the command line.
 *
 * @param args The arguments.
 * @returns The exit code.
 */
export async function demosCommand(args: string[]): Promise<number> {
  try {
    await command.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) return say("demos", error);
    exitCode = error.exitCode === 0 ? 0 : USAGE; // 0: --help
  }
  return exitCode;
}

if (import.meta.main) Deno.exit(await demosCommand(Deno.args));
