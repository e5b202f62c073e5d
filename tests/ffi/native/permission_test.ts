import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { needs } from "../../needs.ts";
import { file, run } from "../../support.ts";

/** Runs a program without permissions on a terminal, and types an answer when it is asked. */
const ON_A_TERMINAL = `
import os, pty, select, signal, sys, time
os.environ.pop("DENO_NO_PROMPT", None)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], [sys.argv[1], *(sys.argv[4:] or ["run"]), sys.argv[2]])
output, end = b"", time.time() + 20
while time.time() < end:
    if select.select([terminal], [], [], 0.3)[0]:
        try:
            output += os.read(terminal, 4096)
        except OSError:
            break
    elif b"Allow?" in output:
        # Deno throws away what was typed before it asked
        os.write(terminal, sys.argv[3].encode() + b"\\n")
else:
    os.kill(pid, signal.SIGKILL)
sys.stdout.buffer.write(output)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

const PROGRAM = `
import { getpid } from "@mod";
console.log("pid known:", getpid() === Deno.pid);
`;

for (const [answer, works] of [["y", true], ["A", true], ["n", false]] as const) {
  needs("python3")(
    `without --allow-ffi, ${answer} at Deno's question ${works ? "lets the program go on" : "ends it"}`,
    async () => {
      using program = file(PROGRAM);
      const { code, stdout } = await run("python3", ["-c", ON_A_TERMINAL, Deno.execPath(), program.path, answer]);
      assertEquals(stdout.match(/Deno requests ffi access/g)?.length, 1, stdout);
      assertEquals(code, works ? 0 : 1, stdout);
      assertEquals(stdout.includes("pid known: true"), works);
      if (!works) assertStringIncludes(stdout, "NotCapable: Requires ffi access");
    },
  );
}

Deno.test("without --allow-ffi and without anybody to ask, the error names the flag; the import alone needs nothing", async () => {
  using program = file(PROGRAM);
  const { code, stderr } = await run(Deno.execPath(), ["run", "--no-prompt", program.path]);
  assertEquals(code, 1);
  assertMatch(stderr, /NotCapable: Requires ffi access, run again with the --allow-ffi flag/);
  using importing = file(`import "@mod"; console.log("imported");`);
  assertEquals((await run(Deno.execPath(), ["run", "--no-prompt", importing.path])).stdout, "imported\n");
});

for (const options of [["run"], ["-q", "run", "--no-check"], ["--no-check"]]) {
  const started = `deno ${options.join(" ")}`;
  needs("python3")(`a permission granted at ${started}'s question is not asked for again by enableFork()`, async () => {
    using program = file(`
      import { enableFork, fork, wait } from "@mod";
      enableFork();
      fork(() => console.log("child", Deno.args.length));
      wait();`);
    const args = ["-c", ON_A_TERMINAL, Deno.execPath(), program.path, "y", ...options];
    const { code, stdout } = await run("python3", args);
    assertEquals(code, 0, stdout);
    assertEquals(stdout.match(/Deno requests ffi access/g)?.length, 1);
    assertMatch(stdout, /child .*0/);
  });
}
