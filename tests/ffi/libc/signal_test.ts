import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  getpid,
  kill,
  pause,
  raise,
  SIG_DFL,
  SIG_IGN,
  SIGCHLD,
  SIGKILL,
  signal,
  signalName,
  SIGSTOP,
  SIGUSR1,
  SIGUSR2,
  Socket,
} from "../../../mod.ts";
import { needs } from "../../needs.ts";
import { fails, FFI, file, process, Program, run, runSource } from "../../support.ts";

const ok = { code: 0, signal: null, stderr: "" };
const HEAD = `
import { enableFork, exit, fork, getpid, kill, pause, raise, SIG_DFL, SIG_IGN, SIGCHLD, SIGHUP, SIGINT, SIGKILL, signal,
  SIGTERM, SIGUSR1, SIGUSR2, usleep, wait, waitpid, WaitStatus, WNOHANG } from "@mod";
`;

/** The signals that a process ignores and catches, as bit masks of the kernel: bit n-1 for signal n. */
function masks(): { ignored: bigint; caught: bigint } {
  const status = Deno.readTextFileSync("/proc/self/status");
  const mask = (name: string) => BigInt("0x" + new RegExp(`^${name}:\\s+(\\w+)`, "m").exec(status)![1]);
  return { ignored: mask("SigIgn"), caught: mask("SigCgt") };
}

/** What the kernel does with a signal. */
function disposition(sig: number): "ignored" | "caught" | "default" {
  const bit = 1n << BigInt(sig - 1);
  const { ignored, caught } = masks();
  return ignored & bit ? "ignored" : caught & bit ? "caught" : "default";
}

Deno.test("signal() runs the handler on the event loop with the signal's number, each time", async () => {
  const seen: number[] = [];
  signal(SIGUSR1, (sig) => void seen.push(sig));
  try {
    for (let n = 1; n <= 3; n++) {
      raise(SIGUSR1);
      assertEquals(seen.length, n - 1, "not before the program awaits");
      await pause();
      assertEquals(seen.length, n);
    }
    assertEquals(seen, [SIGUSR1, SIGUSR1, SIGUSR1]);
  } finally {
    signal(SIGUSR1, SIG_DFL);
  }
});

Deno.test("signal() gives the handler before, and only the new one runs", async () => {
  const seen: string[] = [];
  const first = () => void seen.push("first");
  const second = () => void seen.push("second");
  assertEquals(signal(SIGUSR1, first), SIG_DFL);
  assertEquals(signal(SIGUSR1, second), first);
  raise(SIGUSR1);
  await pause();
  assertEquals(seen, ["second"]);
  assertEquals(signal(SIGUSR1, SIG_IGN), second);
  assertEquals(signal(SIGUSR1, SIG_DFL), SIG_IGN);
  assertEquals(signal(SIGUSR1, SIG_DFL), SIG_DFL);
});

Deno.test("signal() sets the kernel's disposition, also after SIG_IGN and SIG_DFL", async () => {
  let count = 0;
  assertEquals(disposition(SIGUSR2), "default");
  for (let round = 1; round <= 3; round++) {
    signal(SIGUSR2, () => void count++);
    assertEquals(disposition(SIGUSR2), "caught");
    raise(SIGUSR2);
    await pause();
    assertEquals(count, round);
    signal(SIGUSR2, SIG_IGN);
    assertEquals(disposition(SIGUSR2), "ignored");
    raise(SIGUSR2); // would end the test run
    signal(SIGUSR2, SIG_DFL);
    assertEquals(disposition(SIGUSR2), "default");
  }
});

Deno.test("signal() keeps two signals apart", async () => {
  const seen: string[] = [];
  signal(SIGUSR1, (sig) => void seen.push(signalName(sig)));
  signal(SIGUSR2, (sig) => void seen.push(signalName(sig)));
  raise(SIGUSR2);
  await pause();
  raise(SIGUSR1);
  await pause();
  signal(SIGUSR1, SIG_DFL);
  signal(SIGUSR2, SIG_DFL);
  assertEquals(seen, ["SIGUSR2", "SIGUSR1"]);
});

Deno.test("signal() fails with EINVAL for what cannot be caught and what is no signal or handler", () => {
  const handler = () => {};
  for (const sig of [SIGKILL, SIGSTOP]) {
    for (const value of [handler, SIG_IGN] as const) {
      assertEquals(fails("EINVAL", () => signal(sig, value)).syscall, "signal");
    }
  }
  for (const sig of [0, -1, 65, 1000, 1.5, NaN, 2 ** 32 + 10]) {
    fails("EINVAL", () => signal(sig, SIG_IGN));
    fails("EINVAL", () => signal(sig, handler));
  }
  for (const value of [2, -1, null, undefined, "SIG_IGN", {}]) {
    // deno-lint-ignore no-explicit-any
    fails("EINVAL", () => signal(SIGUSR1, value as any));
  }
  assertEquals(disposition(SIGUSR1), "default");
});

Deno.test("signal() with SIG_IGN for SIGKILL leaves everything as it is", () => {
  const before = masks();
  fails("EINVAL", () => signal(SIGKILL, SIG_IGN));
  assertEquals(masks(), before);
});

Deno.test("pause() gives up with the AbortSignal's reason", async () => {
  const reason = new Error("enough");
  await assertRejects(() => pause({ signal: AbortSignal.abort(reason) }), Error, "enough");
  const controller = new AbortController();
  const paused = pause({ signal: controller.signal });
  controller.abort(reason);
  assertEquals(await paused.catch((error) => error), reason);
});

Deno.test("pause() that gave up leaves the next one intact", async () => {
  let count = 0;
  signal(SIGUSR1, () => void count++);
  const controller = new AbortController();
  const first = pause({ signal: controller.signal }).catch(() => "aborted");
  const second = pause();
  controller.abort();
  assertEquals(await first, "aborted");
  raise(SIGUSR1);
  await second;
  signal(SIGUSR1, SIG_DFL);
  assertEquals(count, 1);
});

Deno.test("signal(): a handler that throws ends the program with its error", async () => {
  const { code, stderr } = await runSource(`${HEAD}
    signal(SIGUSR1, () => { throw new Error("boom"); });
    raise(SIGUSR1);
    await pause();
    await new Promise((done) => setTimeout(done, 10_000));`);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Error: boom");
});

Deno.test("pause() keeps the program alive, and a handler alone does not", async () => {
  // SIGUSR1 has Deno itself wait for a debugger, if it has begun to listen for it by then
  await using waiting = new Program(Deno.execPath(), [
    "eval",
    `import { pause, signal, SIGUSR2 } from ${JSON.stringify(new URL("../../../mod.ts", import.meta.url).href)};
     signal(SIGUSR2, () => console.log("caught")); setTimeout(() => console.log("ready"), 50); await pause(); console.log("end");`,
  ]);
  await waiting.until("ready");
  waiting.kill("SIGUSR2");
  assertEquals(await waiting.end(), { ...ok, stdout: "ready\ncaught\nend\n" });
  const ended = await runSource(`${HEAD} signal(SIGUSR1, () => {}); console.log("end");`);
  assertEquals(ended, { ...ok, stdout: "end\n" });
});

Deno.test("pause() misses no child that ends before it is called", async () => {
  const ended = await runSource(`${HEAD}
    enableFork();
    let reaped = 0;
    signal(SIGCHLD, () => { try { while (waitpid(-1, null, WNOHANG) > 0) reaped++; } catch {} });
    for (let n = 1; n <= 50; n++) {
      const pid = fork(() => {});
      if (n % 2) try { usleep(20_000); } catch {} // EINTR: the child has ended by now
      await pause();
      if (reaped !== n) { console.log("reaped", reaped, "of", n); exit(1); }
    }
    console.log("all");`);
  assertEquals(ended, { ...ok, stdout: "all\n" });
});

Deno.test("fork(): signals end a child although its parent catches them, and ignored ones stay ignored", async () => {
  const ended = await runSource(`${HEAD}
    enableFork();
    const wstat = new WaitStatus();
    for (const sig of [SIGTERM, SIGUSR1, SIGHUP, SIGINT]) signal(sig, () => console.log("NEVER"));
    signal(SIGUSR2, SIG_IGN);
    for (const sig of [SIGTERM, SIGUSR1, SIGHUP, SIGINT]) {
      kill(fork(() => { while (true) usleep(1000); }), sig);
      wait(wstat);
      console.log(String(wstat));
    }
    fork(() => { raise(SIGUSR2); return 3; });
    wait(wstat);
    console.log(String(wstat));
    exit(0);`);
  const stdout = [
    "killed by SIGTERM",
    "killed by SIGUSR1",
    "killed by SIGHUP",
    "killed by SIGINT",
    "exited with 3",
    "",
  ];
  assertEquals(ended, { ...ok, stdout: stdout.join("\n") });
});

Deno.test("fork(): a child may set SIG_IGN and SIG_DFL, and a handler fails with EOPNOTSUPP", async () => {
  const ended = await runSource(`${HEAD}
    enableFork();
    const wstat = new WaitStatus();
    signal(SIGTERM, () => {});
    fork(() => { signal(SIGTERM, SIG_IGN); raise(SIGTERM); signal(SIGTERM, SIG_DFL); raise(SIGTERM); return 1; });
    wait(wstat);
    console.log(String(wstat));
    fork(() => { try { signal(SIGUSR1, () => {}); } catch (error) { console.log(error.code); } });
    wait(wstat);
    raise(SIGTERM);
    await pause();
    console.log("the parent's handler is still there");`);
  assertEquals(ended, {
    ...ok,
    stdout: "killed by SIGTERM\nEOPNOTSUPP\nthe parent's handler is still there\n",
  });
});

/** What becomes of each kind of blocking when a signal comes that has a handler. */
const BLOCKING = {
  EINTR: [
    "MessageQueue.create().receiveSync()",
    "MessageQueue.create().receiveSync({ timeout: 60_000 })",
    "SemaphoreSet.create([0]).acquireSync(0)",
    "usleep(60_000_000)",
    "poll(new pollfds([0, POLLIN]), -1)",
  ],
  "comes back early": ["sleep(60)"],
  "goes on": [
    "read(0, new Uint8Array(1))",
    "listener.acceptSync()",
    "listener.acceptSync({ timeout: 60_000 })",
    "accept(accepting, null)",
  ],
};

for (const [outcome, statements] of Object.entries(BLOCKING)) {
  for (const statement of statements) {
    Deno.test(`signal(): during ${statement} that ${outcome}, and then the handler runs`, async () => {
      const directory = Deno.makeTempDirSync();
      using program = file(`
        import * as mod from "@mod";
        const { MessageQueue, poll, POLLIN, pollfds, read, accept, SemaphoreSet, signal, SIGUSR1, sleep, usleep } = mod;
        using listener = mod.Socket.listen(Deno.args[0] + "/listener");
        const accepting = mod.socket(mod.AF_UNIX, mod.SOCK_STREAM, 0);
        mod.bind(accepting, mod.sockaddr.parse(Deno.args[0] + "/accepting"));
        mod.listen(accepting, 1);
        mod.removeOnSignals();
        let handled = false;
        signal(SIGUSR1, () => (handled = true, console.log("handled")));
        console.log("ready");
        try {
          ${statement.replace(/^(\w+\.create\(.*?\))/, "using made = $1; made")};
          console.log("back");
        } catch (error) {
          console.log(error.code);
        }
        while (!handled) await new Promise((done) => setTimeout(done, 5));`);
      try {
        await using running = new Program(
          Deno.execPath(),
          [...FFI, "--v8-flags=--single-threaded", program.path, directory],
          { stdin: "open" },
        );
        await running.until("ready");
        let seen = 0;
        await running.ready(() => (seen = process(running.pid)?.state === "S" ? seen + 1 : 0) > 3, "it blocks");
        running.kill("SIGUSR1");
        if (outcome === "goes on") {
          seen = 0;
          await running.ready(() => ++seen > 10, "time passes");
          assertEquals(running.stdout, "ready\n");
        }
        using _connections = outcome === "goes on" ? connections(directory) : undefined;
        if (outcome === "goes on") await running.type("x", false);
        // what has a time limit looks up now and then, and a signal that comes just then is not seen to interrupt it
        const again = outcome === "EINTR" ? setInterval(() => running.kill("SIGUSR1"), 1000) : undefined;
        const { stdout, stderr } = await running.end().finally(() => clearInterval(again));
        const expected = `ready\n${outcome === "EINTR" ? outcome : "back"}\nhandled\n`;
        assertEquals([stdout.replace(/(handled\n)+$/, "handled\n"), stderr], [expected, ""]);
      } finally {
        Deno.removeSync(directory, { recursive: true });
      }
    });
  }
}

/** Somebody who connects to both sockets. */
function connections(directory: string): Disposable {
  const made = ["listener", "accepting"].map((name) => Socket.connectSync(`${directory}/${name}`));
  return { [Symbol.dispose]: () => made.forEach((socket) => socket.close()) };
}

needs("perl")("kill() sends a signal to another process", async () => {
  await using perl = new Program("perl", [
    "-e",
    '$| = 1; $SIG{USR1} = sub { print "caught"; exit 3 }; print "ready"; sleep',
  ]);
  await perl.until("ready");
  kill(perl.pid, 0);
  kill(perl.pid, SIGUSR1);
  assertEquals(await perl.end(), { code: 3, signal: null, stdout: "readycaught", stderr: "" });
  fails("ESRCH", () => kill(perl.pid, 0));
});

Deno.test("kill() and raise() fail with EINVAL for what is no signal, and for what is no number", () => {
  for (const sig of [-1, 65, 1000, 1.5, NaN, 2 ** 32]) {
    fails("EINVAL", () => kill(getpid(), sig));
    fails("EINVAL", () => raise(sig));
  }
  for (const pid of [NaN, 1.5, 2 ** 32, "1", null, undefined]) {
    // deno-lint-ignore no-explicit-any
    fails("EINVAL", () => kill(pid as any, 0));
  }
});

Deno.test("signalName() has the names that the shell has", async () => {
  const { stdout } = await run("bash", ["-c", "for n in {1..64}; do echo $n $(kill -l $n); done"]);
  for (const line of stdout.trim().split("\n")) {
    const [number, name] = line.split(" ");
    // bash counts the second half of the real-time signals from the end, and skips those that glibc keeps
    if (!name || name.startsWith("RTMAX")) continue;
    assertEquals(signalName(Number(number)), `SIG${name}`);
  }
  assertEquals([signalName(0), signalName(65), signalName(SIGCHLD)], ["0", "65", "SIGCHLD"]);
});

Deno.test("signal() fails with EMFILE where Deno would get no descriptors for its first listener", async () => {
  const source = `import { close, dup, rlimit, RLIMIT_NOFILE, setrlimit, SIG_DFL, signal, SIGUSR1 } from "@mod";
    setrlimit(RLIMIT_NOFILE, new rlimit(100n, 100n));
    const fds = [];
    try { for (;;) fds.push(dup(0)); } catch { /* that was the last one */ }
    const code = () => { try { signal(SIGUSR1, () => {}); return "done"; } catch (error) { return error.code; } };
    const codes = [code()];
    close(fds.pop());
    codes.push(code());
    close(fds.pop());
    codes.push(code());
    signal(SIGUSR1, SIG_DFL);
    console.log(...codes);`;
  const { stdout, stderr } = await runSource(source);
  assertEquals([stdout, stderr], ["EMFILE EMFILE done\n", ""]);
});
