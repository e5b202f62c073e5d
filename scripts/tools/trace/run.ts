/**
 * Runs what is to be traced.
 *
 * @module
 */
import { Failure, reasonOf, USAGE } from "../shared/failure.ts";
import { visible } from "../shared/escape.ts";
import { DEMOS } from "../demos/list.ts";
import { runDemo } from "../demos/runner.ts";
import type { TraceReader } from "./reader.ts";

const LONGEST_START_MS = 3000;
const SETTLED_MS = 100; // a process that is in one call for so long waits there
const PATIENCE_MS = 1000; // between SIGTERM and SIGKILL

/**
 * Runs demos, one after the other.
 *
 * @returns Whether all passed.
 */
export async function runDemos(names: string[], file: string, signal: AbortSignal): Promise<boolean> {
  let ok = true;
  for (const name of names) {
    const demo = DEMOS.find((demo) => demo.name === name)!;
    const { result, reasons } = await runDemo(demo, { on: () => {}, env: () => ({ IPC_TRACE: file }), signal });
    if (result !== "passed") {
      // what interrupted it says that it is interrupted
      const said = result === "interrupted" ? reasons : [result, ...reasons.length ? [reasons.join("; ")] : []];
      console.error(visible([name, ...said].join(": ")));
    }
    ok &&= result === "passed";
  }
  return ok;
}

/** A command that runs. */
class Running {
  readonly child: Deno.ChildProcess;
  readonly code: Promise<number>;
  ended = false;

  constructor([program, ...args]: string[], file: string, stdin: "inherit" | "null") {
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
    this.code = this.child.status.then(({ code }) => (this.ended = true, code));
  }

  /** Asks it to end, and makes it after a while. */
  stop(): void {
    if (this.ended) return;
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.ended || this.child.kill("SIGKILL"), PATIENCE_MS);
    this.code.finally(() => clearTimeout(timer));
  }
}

/**
 * Runs commands at the same time; each starts when the one before it waits for something, or has ended.
 *
 * @returns Whether the last one ended well, and no other failed before it.
 */
export async function runCommands(
  commands: string[][],
  file: string,
  reader: TraceReader,
  signal: AbortSignal,
): Promise<boolean> {
  const running: Running[] = [];
  const stop = () => running.forEach((one) => one.stop());
  const kill = () => running.forEach((one) => one.ended || one.child.kill("SIGKILL"));
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
    const codes = await Promise.all(running.map(async (one, i) => {
      if (i === running.length - 1) return await one.code;
      // a server may go on for ever: when the last command has ended, the others get a moment to end, too
      await running.at(-1)!.code;
      const timer = setTimeout(() => one.stop(), LONGEST_START_MS);
      await one.code.finally(() => clearTimeout(timer));
      return 0;
    }));
    return !signal.aborted && codes.every((code) => code === 0);
  } finally {
    stop();
    signal.removeEventListener("abort", stop);
    globalThis.removeEventListener("unload", kill);
  }
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
