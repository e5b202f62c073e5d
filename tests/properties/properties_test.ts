// Random calls, right and wrong, of everything there is: whatever happens is a value or a typed error. They run in a
// process of their own (see _properties.ts, also for how to run them for longer), so that a crash is seen.
import { assert, assertEquals } from "@std/assert";
import { Program, root } from "../support.ts";

const SEED = "4001";

async function properties(
  group: string,
  ...args: string[]
): Promise<{ code: number; signal: unknown; stderr: string }> {
  const command = [
    "run",
    "--cached-only",
    "--allow-all",
    "--no-check",
    "--v8-flags=--single-threaded",
    `${root}tests/properties/_properties.ts`,
  ];
  await using program = new Program(Deno.execPath(), [...command, "--seed", SEED, "--group", group, ...args]);
  // half a minute is ten times what it takes
  return await program.end(60_000);
}

const groups: [group: string, name: string][] = [
  ["segment", "a segment's bytes are those that were written, over every attachment"],
  ["queue", "a queue gives each message once, the oldest of its type first, and none that did not fit"],
  ["semaphores", "a semaphore set does all operations or none, and keeps its values from 0 to 32767"],
  ["streams", "a socket pair carries each byte or message once and in order, until it is shut or closed"],
  ["descriptors", "descriptors follow pipe, dup2 and close"],
  ["each", "every call with every wrong argument throws a LibcError, and touches no memory but its own"],
  ["thin", "random sequences of the functions end in values and LibcErrors"],
  ["classes", "random sequences of the classes' methods end in values and LibcErrors"],
  ["hot", "a function that was called thousands of times takes a wrong argument no more than before"],
];

for (const [group, name] of groups) {
  Deno.test(name, async () => {
    const { code, signal, stderr } = await properties(group);
    if (signal !== null) {
      // once more, to see which call it was
      const { stderr } = await properties(group, "--verbose");
      throw new Error(
        `killed by ${signal} (--group ${group} --seed ${SEED}) after: ${stderr.split("\n").slice(-6).join("\n")}`,
      );
    }
    assertEquals(code, 0, stderr);
    assert(stderr.includes(`${group}: seed ${SEED}`), "it ran");
  });
}
