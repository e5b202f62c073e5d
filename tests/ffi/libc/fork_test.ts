import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CHILD_FAILED } from "../../../mod.ts";
import { needs } from "../../needs.ts";
import { file, mod, Program, run, runSource } from "../../support.ts";

const FLAG = "--v8-flags=--single-threaded";
const ASYNC = "the child's function must not be asynchronous";
const RAN_ON = "fork: the child ran on to the event loop";
const ok = { code: 0, signal: null, stderr: "" };

/** How every program here begins. */
const HEAD = `
import * as mod from "@mod";
import { enableFork, exit, _exit, fork, getpid, LibcError, pause, raise, signal, SIGUSR1, wait, waitpid, WaitStatus } from "@mod";
enableFork();
const parent = getpid();
const wstat = new WaitStatus();
/** What the parent does: waits for the child, and says how it ended. */
function report() { wait(wstat); console.log(String(wstat)); }
`;

/** What a child may do in its own function, and what becomes of it. */
const functions: [name: string, body: string, status: string, stderr: string][] = [
  ["returns nothing", "{}", "exited with 0", ""],
  ["returns 0", "0", "exited with 0", ""],
  ["returns 3", "3", "exited with 3", ""],
  ["returns 255", "255", "exited with 255", ""],
  ["returns 256", "256", "exited with 0", ""],
  ["returns 259", "259", "exited with 3", ""],
  ["returns -1", "-1", "exited with 255", ""],
  ["returns a fraction", "1.5", `exited with ${CHILD_FAILED}`, "must return an exit code or nothing, got 1.5"],
  ["returns a string", "'3'", `exited with ${CHILD_FAILED}`, `must return an exit code or nothing, got "3"`],
  ["calls exit", "{ exit(4); }", "exited with 4", ""],
  ["calls exit with 256 + 4", "{ exit(260); }", "exited with 4", ""],
  ["calls _exit", "{ _exit(5); }", "exited with 5", ""],
  ["calls Deno.exit", "{ Deno.exit(6); }", "exited with 6", ""],
  ["calls Deno.exit after setting Deno.exitCode", "{ Deno.exitCode = 7; Deno.exit(); }", "exited with 7", ""],
  ["calls exit inside try", "{ try { exit(8); } catch { exit(1); } finally { exit(2); } }", "exited with 8", ""],
  ["kills itself", "{ mod.kill(getpid(), mod.SIGKILL); }", "killed by SIGKILL", ""],
  ["throws an Error", "{ throw new Error('boom'); }", `exited with ${CHILD_FAILED}`, "Error: boom"],
  ["throws a LibcError", "{ mod.close(-1); }", `exited with ${CHILD_FAILED}`, "LibcError: close: Bad file descriptor"],
  ["throws what is no Error", "{ throw 42; }", `exited with ${CHILD_FAILED}`, "Uncaught (in forked child) 42"],
  ["throws undefined", "{ throw undefined; }", `exited with ${CHILD_FAILED}`, "Uncaught (in forked child) undefined"],
  ["is asynchronous", "(async () => 3)()", `exited with ${CHILD_FAILED}`, ASYNC],
  [
    "is asynchronous and awaits",
    "(async () => { await 0; console.log('NEVER'); })()",
    `exited with ${CHILD_FAILED}`,
    ASYNC,
  ],
  [
    "is asynchronous and throws",
    "(async () => { throw new Error('boom'); })()",
    `exited with ${CHILD_FAILED}`,
    "Error: boom",
  ],
  [
    "is asynchronous and throws what is no Error",
    "(async () => { throw 42; })()",
    `exited with ${CHILD_FAILED}`,
    "Uncaught (in forked child) 42",
  ],
  ["is asynchronous and exits", "(async () => { exit(9); })()", "exited with 9", ""],
  [
    "throws in a listener",
    "{ addEventListener('x', () => { throw new Error('boom'); }); dispatchEvent(new Event('x')); return 3; }",
    `exited with ${CHILD_FAILED}`,
    "Error: boom",
  ],
  ["starts a timer", "{ setTimeout(() => console.log('NEVER'), 0); }", "exited with 0", ""],
  ["queues a microtask", "{ queueMicrotask(() => console.log('NEVER')); }", "exited with 0", ""],
];

for (const [name, body, status, stderr] of functions) {
  Deno.test(`fork(child): a child that ${name} ${status}`, async () => {
    const ended = await runSource(`${HEAD} fork(() => ${body}); report(); console.log("end");`);
    assertEquals({ ...ended, stderr: "" }, { ...ok, stdout: `${status}\nend\n` });
    if (stderr) assertStringIncludes(ended.stderr, stderr);
    else assertEquals(ended.stderr, "");
  });
}

/** Where a program may call `fork()`. */
const places: [place: string, program: (code: string) => string][] = [
  ["at module level", (code) => code],
  ["in a function", (code) => `function f() { ${code} } f();`],
  ["after an await", (code) => `await 0; ${code}`],
  ["in an asynchronous function", (code) => `async function f() { await 0; ${code} } await f();`],
  ["in a timer", (code) => `setTimeout(() => { ${code} }, 0);`],
  ["in an awaited timer", (code) => `await new Promise((done) => setTimeout(done, 1)); ${code}`],
  ["in a promise's callback", (code) => `Promise.resolve().then(() => { ${code} });`],
  ["in a microtask", (code) => `queueMicrotask(() => { ${code} });`],
  ["in an event listener", (code) => `addEventListener("x", () => { ${code} }); dispatchEvent(new Event("x"));`],
  ["in a signal handler", (code) => `signal(SIGUSR1, () => { ${code} }); raise(SIGUSR1); await pause();`],
  ["inside try", (code) =>
    `try { ${code} } finally { if (getpid() !== parent) exit(CHILD_FAILED); }`
      .replace("CHILD_FAILED", "mod.CHILD_FAILED")],
];

/** How a child may end there. */
const endings: [name: string, code: string, status: string, stderr: string][] = [
  ["exits", "exit(3);", "exited with 3", ""],
  ["calls Deno.exit", "Deno.exit(4);", "exited with 4", ""],
  ["throws", "throw new Error('boom');", `exited with ${CHILD_FAILED}`, "Error: boom"],
  ["throws what is no Error", "throw 'boom';", `exited with ${CHILD_FAILED}`, "boom"],
  ["runs on", "return;", `exited with ${CHILD_FAILED}`, RAN_ON],
];

for (const [place, program] of places) {
  Deno.test(`fork() ${place}: a child that exits, throws or runs on ends at once, and the parent goes on`, async () => {
    const all = await Promise.all(endings.map(async ([name, code, status, stderr]) => {
      // a module cannot return: the child skips what is the parent's
      const body = code === "return;" ? `if (fork() !== 0) report();` : `if (fork() === 0) { ${code} } report();`;
      const ended = await runSource(`${HEAD} ${program(body)}`);
      if (place === "inside try" && code.match(/throw|return/)) stderr = "";
      assertEquals({ name, ...ended, stderr: "" }, { name, ...ok, stdout: `${status}\n` });
      assert(
        stderr ? ended.stderr.includes(stderr) : ended.stderr === "" || place === "inside try",
        `${name}: ${ended.stderr}`,
      );
    }));
    assertEquals(all.length, endings.length);
  });
}

Deno.test("fork() returns 0 in the child and the child's pid in the parent", async () => {
  const ended = await runSource(`${HEAD}
    const pid = fork();
    if (pid === 0) exit(getpid() !== parent && mod.getppid() === parent ? 0 : 1);
    console.log(pid > 0 && pid !== parent, waitpid(pid, wstat) === pid, String(wstat));`);
  assertEquals(ended, { ...ok, stdout: "true true exited with 0\n" });
});

const queued = `
queueMicrotask(() => console.log("microtask", getpid() === parent));
Promise.resolve().then(() => console.log("promise", getpid() === parent));
(async () => { await 0; console.log("async function", getpid() === parent); })();
setTimeout(() => console.log("timer", getpid() === parent), 0);
new Promise((_, reject) => reject(0)).catch(() => console.log("catch", getpid() === parent));
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => { console.log("message", getpid() === parent); port1.close(); };
port2.postMessage(0);
addEventListener("unload", () => console.log("unload", getpid() === parent));
`;

for (
  const [name, child] of [
    ["exits", "if (pid === 0) exit(0);"],
    ["throws", "if (pid === 0) throw new Error('boom');"],
    ["runs on", "if (pid === 0) {} else"],
    ["awaits", "if (pid === 0) await 0;"],
    ["awaits a promise that never settles", "if (pid === 0) await new Promise(() => {});"],
    ["awaits a timer", "if (pid === 0) await new Promise((done) => setTimeout(done, 1));"],
    ["queues a microtask", "if (pid === 0) queueMicrotask(() => console.log('NEVER')); else"],
  ]
) {
  Deno.test(`fork() leaves what the parent had queued to the parent when the child ${name}`, async () => {
    const ended = await runSource(`${HEAD} ${queued} const pid = fork(); ${child} wait(wstat);
      if (getpid() === parent) console.log("parent goes on");`);
    const sorted = ended.stdout.trim().split("\n").sort();
    const parents = ["async function", "catch", "message", "microtask", "promise", "timer", "unload"];
    assertEquals(sorted, [...parents.map((what) => `${what} true`), "parent goes on"].sort());
    assertEquals(ended.code, 0);
  });
}

Deno.test("fork() in a child: grandchildren work, and their failures are theirs", async () => {
  const ended = await runSource(`${HEAD}
    fork(() => {
      const status = new WaitStatus();
      waitpid(fork(() => 5), status);
      const first = status.exitStatus;
      waitpid(fork(() => { throw new Error("grandchild"); }), status);
      if (fork() === 0) exit(1);
      wait();
      return first * 10 + status.exitStatus / ${CHILD_FAILED};
    });
    report();`);
  assertEquals({ ...ended, stderr: "" }, { ...ok, stdout: "exited with 51\n" });
  assertStringIncludes(ended.stderr, "Error: grandchild");
});

Deno.test("fork() in a child that runs on to the end: only its own end is reported", async () => {
  const ended = await runSource(`${HEAD}
    if (fork() === 0) {
      if (fork() === 0) exit(1);
      report();
      exit(2);
    }
    report();`);
  assertEquals(ended, { ...ok, stdout: "exited with 1\nexited with 2\n" });
});

Deno.test("fork() 1,000 times in a row: children that allocate and print all end as expected", async () => {
  const ended = await runSource(`${HEAD}
    let wrong = 0;
    for (let i = 0; i < 1000; i++) {
      const pid = fork(() => {
        const list = [];
        for (let n = 0; n < (i % 4 === 0 ? 50_000 : 500); n++) list.push({ n, text: "x" + n });
        console.log("child", i, list.length);
        return i % 200;
      });
      if (waitpid(pid, wstat) !== pid || wstat.exitStatus !== i % 200) wrong++;
    }
    console.log("wrong:", wrong);`);
  const lines = Array.from({ length: 1000 }, (_, i) => `child ${i} ${i % 4 === 0 ? 50_000 : 500}`);
  assertEquals(ended, { ...ok, stdout: [...lines, "wrong: 0", ""].join("\n") });
});

Deno.test("fork() beside 50 living children: all of them end as expected", async () => {
  const ended = await runSource(`${HEAD}
    const [reader, writer] = mod.pipe();
    const pids = new Map();
    for (let i = 0; i < 50; i++) {
      pids.set(fork(() => { mod.close(writer); mod.read(reader, new Uint8Array(1)); return i; }), i);
    }
    mod.close(writer); // lets them go
    let right = 0;
    while (pids.size) {
      const pid = wait(wstat);
      if (pids.get(pid) === wstat.exitStatus) right++;
      pids.delete(pid);
    }
    console.log(right);`);
  assertEquals(ended, { ...ok, stdout: "50\n" });
});

Deno.test("fork() fails with EINVAL if the child is not a function, and makes no process", async () => {
  const ended = await runSource(`${HEAD}
    for (const child of [null, 3, "x", {}]) {
      try { fork(child); } catch (error) { console.log(error instanceof LibcError && error.code); }
    }
    try { wait(); } catch (error) { console.log(error.code); }`);
  assertEquals(ended, { ...ok, stdout: "EINVAL\n".repeat(4) + "ECHILD\n" });
});

Deno.test("fork() fails and names the flag without enableFork()", async () => {
  const ended = await runSource(`
    import { fork, LibcError } from "@mod";
    try { fork(); } catch (error) { console.log(error instanceof LibcError, error.code, error.message); }`);
  assertEquals({ ...ended, stdout: "" }, { ...ok, stdout: "" });
  assertStringIncludes(ended.stdout, "true EOPNOTSUPP fork: ");
  assertStringIncludes(ended.stdout, FLAG);
});

/** The environment and arguments of a process as the kernel has them, read with what --allow-ffi permits. */
const IDENTITY = `
import { close, enableFork, fgets, getpid, getppid, open, read, stdin } from "@mod";
function slurp(path) {
  const fd = open(path, 0), buffer = new Uint8Array(1 << 16);
  let text = "", n;
  while ((n = read(fd, buffer)) > 0) text += new TextDecoder().decode(buffer.subarray(0, n));
  close(fd);
  return text;
}
const permissions = ["env", "ffi", "read", "run", "net"].map((name) => Deno.permissions.querySync({ name }).state);
const environment = slurp("/proc/self/environ").split("\\0").sort();
console.log(JSON.stringify({
  pid: getpid(), ppid: getppid(), args: Deno.args, here: slurp("./here"), permissions, comm: slurp("/proc/self/comm"),
  command: slurp("/proc/self/cmdline"), environment: environment.filter((line) => !line.startsWith("DENO_V8_FLAGS=")),
  flags: environment.find((line) => line.startsWith("DENO_V8_FLAGS=")),
}));
enableFork();
const line = fgets(new Uint8Array(80), 80, stdin);
console.log(JSON.stringify({ line: line && new TextDecoder().decode(line).split("\\0")[0] }));
`;

/** Runs {@linkcode IDENTITY} and gives what it printed: a line for each start, and one for the end. */
async function identity(
  flags: string[],
  env: Record<string, string> = {},
): Promise<{ pid: number; lines: Record<string, unknown>[] }> {
  const cwd = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    Deno.writeTextFileSync(`${cwd}/here`, "marker");
    using program = file(IDENTITY);
    const args = ["run", "--no-prompt", "--allow-ffi", ...flags, program.path];
    args.push("", "two words", "Grüße", "世界", "--v8-flags", "*", "'\"", "", "a=b\nc");
    await using started = new Program(Deno.execPath(), args, { cwd, env, stdin: "first line\nsecond line\n" });
    const { code, stdout, stderr } = await started.end();
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    return { pid: started.pid, lines: stdout.trim().split("\n").map((line) => JSON.parse(line)) };
  } finally {
    Deno.removeSync(cwd, { recursive: true });
  }
}

Deno.test("enableFork() keeps pid, name, arguments, directory, environment, permissions and standard input", async () => {
  const { pid, lines } = await identity([], { IPC_PLAYGROUND_WORD: "Grüße=1\n2" });
  assertEquals(lines.length, 3, "one restart");
  const [before, after, { line }] = lines;
  assertEquals(before.pid, pid);
  assertEquals(before.args, ["", "two words", "Grüße", "世界", "--v8-flags", "*", "'\"", "", "a=b\nc"]);
  assertEquals(before.here, "marker");
  assertEquals((before.environment as string[]).includes("IPC_PLAYGROUND_WORD=Grüße=1\n2"), true);
  assertEquals({ ...after, flags: undefined }, { ...before, flags: undefined });
  assertEquals(line, "first line\n");
});

Deno.test("enableFork() adds its flag to those in DENO_V8_FLAGS", async () => {
  const { lines } = await identity([], { DENO_V8_FLAGS: "--max-old-space-size=200,--stack-size=900" });
  assertEquals(lines.slice(0, 2).map(({ flags }) => flags), [
    "DENO_V8_FLAGS=--max-old-space-size=200,--stack-size=900",
    "DENO_V8_FLAGS=--max-old-space-size=200,--stack-size=900,--single-threaded,--no-lazy",
  ]);
});

for (
  const [name, flags, env] of [
    ["--v8-flags", [FLAG], {}],
    ["--v8-flags, among others", ["--v8-flags=--max-old-space-size=200,--single-threaded"], {}],
    ["DENO_V8_FLAGS", [], { DENO_V8_FLAGS: "--single-threaded" }],
    ["DENO_V8_FLAGS, among others", [], { DENO_V8_FLAGS: "--stack-size=900,--single-threaded" }],
  ] as [string, string[], Record<string, string>][]
) {
  Deno.test(`enableFork() does not start the program again if the flag is there by ${name}`, async () => {
    assertEquals((await identity(flags, env)).lines.length, 2);
  });
}

Deno.test("enableFork() starts the program again if only --single-threaded-gc is there", async () => {
  assertEquals((await identity(["--v8-flags=--single-threaded-gc"])).lines.length, 3);
});

const SMALL = `import { enableFork, fork, wait } from ${JSON.stringify(mod)};
enableFork(); fork(() => console.log("child")); wait(); console.log("parent");`;

Deno.test("enableFork() fails and names the flag if the program came from standard input", async () => {
  const args = ["run", "--no-prompt", "--allow-ffi"];
  const failed = await run(Deno.execPath(), [...args, "-"], { stdin: SMALL });
  assertEquals({ code: failed.code, stdout: failed.stdout }, { code: 1, stdout: "" });
  assertStringIncludes(failed.stderr, "standard input");
  assertStringIncludes(failed.stderr, FLAG);
  const helped = await run(Deno.execPath(), [...args, FLAG, "-"], { stdin: SMALL });
  assertEquals(helped, { ...ok, stdout: "child\nparent\n" });
});

Deno.test("enableFork() fails and names the flag if the program came from a pipe", async () => {
  using program = file(SMALL);
  const pipes = `cat "$1" | "$0" run -A /dev/stdin; "$0" run -A <(cat "$1"); "$0" run -A /dev/stdin < "$1"`;
  const { stdout, stderr } = await run("bash", ["-c", pipes, Deno.execPath(), program.path]);
  assertEquals(stdout, "child\nparent\n");
  assertEquals(stderr.split("the program came from a pipe, and that has been read").length - 1, 2, stderr);
  assertStringIncludes(stderr, FLAG);
});

Deno.test("enableFork() works in deno eval", async () => {
  assertEquals(await run(Deno.execPath(), ["eval", SMALL]), { ...ok, stdout: "child\nparent\n" });
});

Deno.test("enableFork() fails and names the flag in a REPL", async () => {
  const { stdout, stderr } = await run(Deno.execPath(), ["repl", "--allow-all", "--eval", SMALL], { stdin: "" });
  const text = stdout + stderr;
  assertStringIncludes(text, "this is a REPL");
  assertStringIncludes(text, FLAG);
});

for (const flags of [[], [FLAG]]) {
  Deno.test(`enableFork() fails in a worker, started with ${flags.length} flags`, async () => {
    using worker = file(`import { enableFork } from "@mod";
    try { enableFork(); postMessage("started again?"); } catch (error) { postMessage(error.message); }`);
    using program = file(
      `const worker = new Worker(${JSON.stringify(new URL(`file://${worker.path}`).href)}, { type: "module" });
    worker.onmessage = ({ data }) => { console.log(data); worker.terminate(); };`,
    );
    const { code, stdout, stderr } = await run(Deno.execPath(), [
      "run",
      "--no-prompt",
      "--allow-ffi",
      "--allow-read",
      ...flags,
      program.path,
    ]);
    const message = "fork: Operation not supported (a Worker cannot fork, nor its program while it runs)\n";
    assertEquals({ code, stdout, stderr }, { code: 0, stdout: message, stderr: "" });
  });
}

Deno.test("enableFork() fails and names the flag in deno test, and works there with it", async () => {
  using program = file(`import { enableFork, fork, waitpid, WaitStatus } from "@mod";
    Deno.test("forks", () => {
      enableFork();
      const status = new WaitStatus();
      waitpid(fork(() => 3), status);
      if (status.exitStatus !== 3) throw new Error(String(status));
    });`);
  const without = await run(Deno.execPath(), ["test", "--no-check", "--allow-ffi", program.path]);
  assertEquals(without.code, 1);
  assertStringIncludes(without.stdout + without.stderr, "this is a test run");
  assertStringIncludes(without.stdout + without.stderr, FLAG);
  const helped = await run(Deno.execPath(), ["test", "--no-check", "--allow-ffi", FLAG, program.path]);
  assertEquals(helped.code, 0, helped.stdout + helped.stderr);
  assertStringIncludes(helped.stdout, "1 passed");
});

needs("perl")("execve() replaces the process: same pid, its own arguments and environment", async () => {
  using program = file(`import { execve } from "@mod";
    execve("/usr/bin/env", ["env", "perl", "-e", 'print "$$ $ENV{WORD} @ARGV"', "--", "a b", "世界"], ["WORD=Grüße", "PATH=/usr/bin:/bin"]);`);
  await using started = new Program(Deno.execPath(), ["run", "--no-prompt", "--allow-ffi", program.path]);
  const ended = await started.end();
  assertEquals(ended, { ...ok, stdout: `${started.pid} Grüße a b 世界` });
});
