import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { MessageQueue } from "../ffi/objects/message_queue.ts";
import { has, needs } from "./needs.ts";
import { type Ended, root, run, type StartOptions } from "./support.ts";

function gate(command: string[], options: StartOptions = {}): Promise<Ended> {
  const args = ["run", "--no-prompt", "--allow-all", `${root}tests/gate.ts`, "--", ...command];
  return run(Deno.execPath(), args, options);
}

const ISOLATED = "in namespaces of its own: ";

// where it can't be had, the first test has something to say about it, and these don't
const isolated = needs({ namespaces: (await gate(["true"])).stderr.includes(ISOLATED) });

Deno.test("gate gives the command's exit code, and says whether it has namespaces of its own", async () => {
  const { code, stdout, stderr } = await gate(["sh", "-c", "echo hello; exit 3"]);
  assertEquals([code, stdout], [3, "hello\n"]);
  assertMatch(stderr, /^(in namespaces of its own: (user, )?ipc, pid(, net)?|not isolated \(.+\): .+)$/m);
});

isolated("in namespaces of its own the command sees nothing of others, and has a loopback", async () => {
  using queue = MessageQueue.create();
  const code = `
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const [client, connection] = await Promise.all([Deno.connect(listener.addr), listener.accept()]);
    for (const end of [client, connection, listener]) end.close();
    console.log(Deno.uid(), Deno.pid < 20, Deno.readTextFileSync("/proc/sysvipc/msg").split("\\n").length);`;
  const ended = await gate(["deno", "eval", code]);
  // the heading, and what is behind the last line's end
  assertEquals([ended.code, ended.stdout], [0, `${Deno.uid()} true 2\n`], ended.stderr);
  assertEquals(queue.messageCount, 0);
});

isolated("in namespaces of its own everything that is left is the command's, used or not", async () => {
  const left = `perl -e 'print msgget(0, 0600)'; env -i setsid sleep 1000 > /dev/null & exec sleep 0.2`;
  const { code, stdout, stderr } = await gate(["bash", "-c", left]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, `  System V object: msg ${stdout}, key 0\n`);
  assertMatch(stderr, /^ {2}process: \d+ \(sleep\)$/m);
});

Deno.test("gate without unshare runs the command all the same, and says so", async () => {
  using queue = MessageQueue.create({ key: 0x7e5701 + Deno.pid });
  const there = `Deno.exit(Deno.readTextFileSync("/proc/sysvipc/msg").includes(" ${queue.id} ") ? 0 : 1)`;
  const { code, stderr } = await gate(["deno", "eval", there], { env: { PATH: "/none" } });
  assertEquals(code, 0);
  assertStringIncludes(stderr, "not isolated (no unshare here): ");
});

Deno.test("gate names at its end the tests that were skipped, by what they lack", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const test = (text: string) => `import { needs } from "${root}tests/needs.ts";\n${text}`;
    const skip = `needs({ luck: false, time: true })("the first", () => {});`;
    const more = `needs("root", "perl", { luck: false })("the second", () => {}); needs()("passes", () => {});`;
    Deno.writeTextFileSync(`${directory}/a_test.ts`, test(skip));
    Deno.writeTextFileSync(`${directory}/b_test.ts`, test(skip + more));
    const { code, stdout, stderr } = await gate(["deno", "test", "--allow-all", "--no-check", directory]);
    assertEquals(code, 0, stdout + stderr);
    assertStringIncludes(stdout, "the first ... ignored");
    assertStringIncludes(stdout, "passes ... ok");
    const lacks = [...(["root", "perl"] as const).filter((need) => !has(need)), "luck"].join(" and ");
    const lines = lacks === "luck"
      ? ["skipped for lack of luck: 3 tests: the first; the first; the second"]
      : ["skipped for lack of luck: 2 tests: the first; the first", `skipped for lack of ${lacks}: 1 test: the second`];
    assertEquals(stderr.trim().split("\n").slice(-lines.length), lines);
    // and by itself each file says so
    const alone = await run(Deno.execPath(), ["test", "--allow-all", "--no-check", `${directory}/a_test.ts`], {
      env: { IPC_PLAYGROUND_SKIPPED: "" },
    });
    assert((alone.stdout + alone.stderr).includes("skipped for lack of luck: 1 test: the first"), alone.stderr);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
