import { assertEquals, assertMatch } from "@std/assert";
import { type Ended, objects, root, run } from "./support.ts";

/** Counts around a shell command. */
function census(command: string): Promise<Ended> {
  return run(Deno.execPath(), [
    "run",
    "--no-prompt",
    "--allow-all",
    `${root}tests/census.ts`,
    "--",
    "bash",
    "-c",
    command,
  ]);
}

/** The number at the end of what the command printed. */
const number = ({ stdout }: Ended) => Number(stdout.trim());

Deno.test("census gives the command's exit code when nothing is left", async () => {
  assertEquals(await census("echo hello"), { code: 0, signal: null, stdout: "hello\n", stderr: "" });
  assertEquals((await census("exit 3")).code, 3);
});

Deno.test("census finds a segment that is left", async () => {
  const ended = await census("perl -e 'print shmget(0, 1, 0600)'");
  try {
    assertEquals(ended.code, 1);
    assertMatch(ended.stderr, new RegExp(`left behind:\\n[^]*System V object: shm ${number(ended)}, key 0\\n`));
  } finally {
    await run("perl", ["-e", "shmctl($ARGV[0], 0, 0)", String(number(ended))]);
  }
  assertEquals(objects("shm").some(({ id }) => id === number(ended)), false);
});

Deno.test("census finds a process that is left, and waits for one that is about to end", async () => {
  const ended = await census("sleep 1000 > /dev/null 2>&1 & echo $!");
  try {
    assertEquals(ended.code, 1);
    assertMatch(ended.stderr, new RegExp(`  process: ${number(ended)} \\(sleep\\)`));
  } finally {
    Deno.kill(number(ended), "SIGKILL");
  }
  const patient = await census("sleep 0.3 > /dev/null 2>&1 & echo $!");
  assertEquals(patient.stderr.includes(`process: ${number(patient)} `), false);
});

Deno.test("census finds a file that is left", async () => {
  const ended = await census("mktemp -d /tmp/ipc_playground_XXXXXX");
  const path = ended.stdout.trim();
  Deno.removeSync(path);
  assertEquals(ended.code, 1);
  assertMatch(ended.stderr, new RegExp(`  file: ${path}\n`));
});
