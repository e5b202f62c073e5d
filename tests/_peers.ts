/** What the tests of System V objects share: keys, what they need, Perl on the other side. */
import { MessageQueue } from "../mod.ts";
import { objects, Program, run } from "./support.ts";

/** A key that nobody else is likely to use. */
export function freshKey(): number {
  return 0x7e000000 | crypto.getRandomValues(new Uint32Array(1))[0] & 0xffffff;
}

/** For `needs()`: that nobody uses a key of the slides. */
export function free(kind: "shm" | "msg", key: number): Record<string, boolean> {
  return { [`key ${key}, which somebody uses`]: !objects(kind).some((object) => object.key === key) };
}

/** For `needs()`: that messages can be looked at. Not every kernel is built with `CONFIG_CHECKPOINT_RESTORE`. */
export function copies(): Record<string, boolean> {
  using queue = MessageQueue.create();
  let works = true;
  try {
    queue.peek();
  } catch {
    works = false;
  }
  return { "MSG_COPY in the kernel": works };
}

/** Runs a Perl program to its end and gives its standard output. It uses no module: not every Perl has them. */
export async function perl(code: string, ...args: (string | number)[]): Promise<string> {
  const { code: status, stdout, stderr } = await run("perl", ["-e", code, ...args.map(String)]);
  if (status !== 0) throw new Error(`perl: ${stderr}`);
  return stdout;
}

/** Starts a Perl program. */
export function perlInBackground(code: string, ...args: (string | number)[]): Program {
  return new Program("perl", ["-e", code, ...args.map(String)]);
}

/** What a look into each slot of the kernel's table finds, up to the highest in use. */
export function inSlots<T>(highest: number, look: (slot: number) => T | undefined): T[] {
  return Array.from({ length: highest + 1 }, (_, slot) => {
    try {
      return look(slot);
    } catch {
      return undefined; // an empty slot, or somebody else's
    }
  }).filter((found) => found !== undefined);
}

/** Lets a few rounds of waiting pass. */
export function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 12));
}

/** Values of every wrong kind for an integer argument. */
export const NOT_INTEGERS: readonly unknown[] = [NaN, 1.5, Infinity, 2 ** 33, 2 ** 60, "1", null, {}, [], true, 1n];
