// Random calls, right and wrong, of everything there is: whatever happens is a value or a typed error. They run in a
// process of their own (see _properties.ts, also for how to run them for longer), so that a crash is seen.
import { assert, assertEquals } from "@std/assert";
import { objects, process, Program, root, rows, until } from "../support.ts";
import { parametersOf, targetsOf } from "./_targets.ts";

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
  ["records", "views of records, with anything, end in values and LibcErrors, and touch no other byte"],
  ["everything", "anything that is exported, called with anything, ends in a value or a LibcError"],
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

Deno.test("whatever is exported is found, with all that can be called of it, and its parameters", () => {
  class Base {
    inherited(_options = { a: [1, 2] }, ..._rest: unknown[]) {}
  }
  class Made extends Base {
    static of(_first: number, [_a, _b]: unknown[]) {}
    #value = 0;
    get value() {
      return this.#value;
    }
    set value(value) {
      this.#value = value;
    }
    [Symbol.dispose]() {}
  }
  const found = targetsOf("Made", Made).map(({ name, parameters }) => `${name}(${parameters.join(", ")})`);
  assertEquals(found.sort(), [
    "Made.of(_first, options)",
    "Made.prototype.[Symbol.dispose]()",
    "Made.prototype.inherited(_options, _rest, _rest, _rest)",
    "get Made.prototype.value()",
    "new Made()",
    "set Made.prototype.value(value)",
  ]);
  assertEquals(targetsOf("made", (sockfd: number) => sockfd).map(({ name }) => name), ["made"]);
  assertEquals(parametersOf(async (_fd: number, { signal }: { signal?: unknown } = {}) => await signal), [
    "_fd",
    "options",
  ]);
  assertEquals(targetsOf("CONSTANT", 5), []);
});

/** What a process has left: segments that it made, queues that it sent to. */
const leftBy = (pid: number) => [
  ...rows("/proc/sysvipc/shm").filter((row) => Number(row[4]) === pid).map((row) => `shm ${row[1]}`),
  ...rows("/proc/sysvipc/msg").filter((row) => Number(row[5]) === pid).map((row) => `msg ${row[1]}`),
];

/** Semaphore sets: the kernel doesn't tell whose they are. */
const sets = () => objects("sem").map(({ id }) => `sem ${id}`);

for (
  const [what, victim, signal, code] of [
    ["interrupted", "it", "SIGINT", 130],
    ["terminated", "it", "SIGTERM", 143],
    ["killed in the middle of a call", "child", "SIGKILL", 137],
  ] as const
) {
  Deno.test(`a fuzzer that is ${what} leaves nothing behind`, async () => {
    const before = new Set(sets());
    const directory = Deno.makeTempDirSync();
    await using program = new Program(Deno.execPath(), [
      "run",
      "--cached-only",
      "--allow-all",
      "--no-check",
      `${root}tests/properties/fuzz.ts`,
      "--seed",
      SEED,
      "--calls",
      "100000000",
    ], { env: { TMPDIR: directory } });
    await program.until("everything: seed");
    const [child] = Deno.readTextFileSync(`/proc/${program.pid}/task/${program.pid}/children`).trim().split(" ").map(
      Number,
    );
    const journal = () =>
      [...Deno.readDirSync(directory)].find(({ name }) => name.startsWith("ipc_playground_fuzz_"))!.name;
    const noted = () =>
      Deno.readTextFileSync(`${directory}/${journal()}`).split("\n").filter((line) => /^\w{3} /.test(line));
    await until(() => noted().length >= 6 && leftBy(child).length > 0, "it has made its objects");
    let made: string[] = [];
    // between the making of an object and its note, nobody could know whose it is
    const isAllNoted = async () => {
      Deno.kill(child, "SIGSTOP");
      await until(() => process(child)?.state === "T", "it has stopped");
      made = [...leftBy(child), ...sets().filter((line) => !before.has(line))];
      const lines = noted();
      if (made.every((line) => lines.includes(line))) return true;
      Deno.kill(child, "SIGCONT");
    };
    if (victim === "child") {
      await until(isAllNoted, "all that it has made is noted");
      Deno.kill(child, signal);
    } else {
      program.kill(signal);
    }
    const ended = await program.end(60_000);
    assertEquals([ended.code, leftBy(child)], [code, []], ended.stderr);
    assertEquals(sets().filter((line) => made.includes(line)), []);
    if (victim === "child") {
      assert(/killed by SIGKILL.*--seed \d+ --calls 1 --verbose/.test(ended.stderr), ended.stderr);
    }
    Deno.removeSync(directory); // it is empty
  });
}
