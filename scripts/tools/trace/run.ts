/**
 * Runs what is to be traced.
 *
 * @module
 */
import { Failure, reasonOf, USAGE } from "../shared/failure.ts";
import { DEMOS } from "../demos/list.ts";
import { runDemo } from "../demos/runner.ts";
import { complain } from "../shared/terminal.ts";
import type { TraceReader } from "./reader.ts";

const LONGEST_START_MS = 3000;
const SETTLED_MS = 100; // a process that is in one call for so long waits there
const PATIENCE_MS = 1000; // between SIGTERM and SIGKILL

/** How it went. */
export interface Outcome {
  /** All that was to end well has done so. */
  ok: boolean;
  /** Why not, as far as that has not been said. */
  reasons: string[];
}

/** Runs demos, one after the other; those that fail are named. */
export async function runDemos(names: string[], file: string, signal: AbortSignal): Promise<Outcome> {
  let ok = true;
  for (const name of names) {
    const demo = DEMOS.find((demo) => demo.name === name)!;
    const { result, reasons } = await runDemo(demo, { on: () => {}, env: () => ({ IPC_TRACE: file }), signal });
    if (result !== "passed") {
      // what interrupted it says that it is interrupted
      const said = result === "interrupted" ? reasons : [result, ...reasons.length ? [reasons.join("; ")] : []];
      complain([name, ...said].join(": "));
    }
    ok &&= result === "passed";
  }
  return { ok, reasons: [] };
}

/** A command that runs. */
class Running {
  readonly child: Deno.ChildProcess;
  readonly status: Promise<Deno.CommandStatus>;
  readonly program: string;
  ended = false;

  constructor([program, ...args]: string[], file: string, stdin: "inherit" | "null") {
    this.program = program;
    try {
      this.child = new Deno.Command(program, {
        args,
        env: { IPC_TRACE: file },
        stdin,
        stdout: "inherit",
        stderr: "inherit",
      }).spawn();
    } catch (error) {
      throw new Failure(`${program}: ${reasonOf(error)}`, USAGE);
    }
    this.status = this.child.status.finally(() => this.ended = true);
  }

  /** Sends it a signal, unless it has ended. */
  kill(signal: Deno.Signal): void {
    if (this.ended) return;
    try {
      this.child.kill(signal);
    } catch (error) {
      // it has ended, but that has not been told yet; or it is another user's by now
      if (!(error instanceof TypeError || error instanceof Deno.errors.PermissionDenied)) throw error;
    }
  }

  /** Asks it to end, and makes it after a while. */
  stop(): void {
    if (this.ended) return;
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), PATIENCE_MS);
    this.status.finally(() => clearTimeout(timer));
  }
}

/** Runs commands at the same time; each starts when the one before it waits for something, or has ended. */
export async function runCommands(
  commands: string[][],
  file: string,
  reader: TraceReader,
  signal: AbortSignal,
): Promise<Outcome> {
  const running: Running[] = [];
  const stop = () => running.forEach((one) => one.stop());
  const kill = () => running.forEach((one) => one.kill("SIGKILL"));
  signal.addEventListener("abort", stop);
  globalThis.addEventListener("unload", kill); // Deno.exit() comes by here
  try {
    for (const [i, command] of commands.entries()) {
      if (signal.aborted) break;
      const last = i === commands.length - 1;
      const one = new Running(command, file, last ? "inherit" : "null");
      running.push(one);
      if (!last) await settled(one, reader, signal);
    }
    const last = running.at(-1);
    // a server may go on for ever: when the last command has ended, the others get a moment to end, too
    const status = await last?.status;
    await Promise.all(running.map(async (one) => {
      const timer = setTimeout(() => one.stop(), LONGEST_START_MS);
      await one.status.finally(() => clearTimeout(timer));
    }));
    const reasons = status?.success === false ? [`${last!.program} ${endOf(status)}`] : [];
    return { ok: !signal.aborted && status?.success === true, reasons };
  } finally {
    stop();
    signal.removeEventListener("abort", stop);
    globalThis.removeEventListener("unload", kill);
  }
}

function endOf({ signal, code }: Deno.CommandStatus): string {
  return signal ? `was ended by ${signal}` : `exited with ${code}`;
}

/** Waits until a process waits for something, or has ended; or for a while, if neither can be seen. */
async function settled(one: Running, reader: TraceReader, signal: AbortSignal): Promise<void> {
  const start = performance.now();
  let [event, since] = [reader.last.get(one.child.pid), start];
  while (!one.ended && !signal.aborted && performance.now() - start < LONGEST_START_MS) {
    reader.read();
    const last = reader.last.get(one.child.pid);
    if (last !== event) [event, since] = [last, performance.now()];
    if (event?.ev === "enter" && event.waits && performance.now() - since >= SETTLED_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
