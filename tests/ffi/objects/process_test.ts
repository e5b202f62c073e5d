import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  close,
  fork,
  getpid,
  getsid,
  LibcError,
  O_CLOEXEC,
  O_RDONLY,
  open,
  pidfd_send_signal,
  pipe,
  posix_spawnp,
  Process,
  read,
  SIGCONT,
  SIGKILL,
  SIGPIPE,
  SIGSTOP,
  SIGUSR1,
  usleep,
  waitpid,
  WaitStatus,
  write,
} from "../../../mod.ts";
import { needs } from "../../needs.ts";
import { fails, FFI, file, process, Program, rejects, run, runSource, zombies } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what no type allows
const any = (value: unknown) => value as any;

const sleeping = () => Process.spawn("sleep", { args: ["600"] });
/** How many descriptors of processes there are: what waits on the event loop has others, for a while. */
const descriptors = () =>
  [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).includes("pidfd");
    } catch {
      return false; // the directory's own
    }
  }).length;

/** What a program prints, and how it ends. */
async function output(command: string, options: Parameters<typeof Process.spawn>[1]): Promise<[string, string]> {
  const [reader, writer] = pipe();
  try {
    using child = Process.spawn(command, { stdout: writer, ...options });
    close(writer);
    const buffer = new Uint8Array(1 << 16);
    let text = "";
    for (let n; (n = read(reader, buffer)) > 0;) text += new TextDecoder().decode(buffer.subarray(0, n));
    return [text, String(await child.status())];
  } finally {
    close(reader);
  }
}

Deno.test("a child's end is waited for without blocking, and told each time", async () => {
  const before = descriptors();
  const [reader, writer] = pipe();
  using child = Process.spawn("sh", { args: ["-c", "read line; exit 3"], stdin: reader });
  assertEquals([child.fd > 2, descriptors()], [true, before + 1]);
  assertEquals(child.usage, undefined);
  setTimeout(() => write(writer, "\n"), 5); // if anything blocked, it would come to nothing
  const [one, other] = await Promise.all([child.status(), child.status(), child.ended()]);
  for (const fd of [reader, writer]) close(fd);
  assertEquals([one.exitStatus, other.exitStatus, child.statusSync().exitStatus], [3, 3, 3]);
  assertEquals(String(await child.status()), "exited with 3");
  assert(child.usage!.ru_maxrss > 0);
  assertEquals(child.fd, -1);
  assertEquals(process(child.pid), undefined);
  fails("ESRCH", () => child.kill(0));
  await child.ended();
  assertEquals(descriptors(), before);
});

Deno.test("statusSync() blocks until the child ends, or the time is over", () => {
  using child = sleeping();
  fails("ETIMEDOUT", () => child.statusSync({ timeout: 0 }));
  fails("ETIMEDOUT", () => child.statusSync({ timeout: 20 }));
  child.kill();
  assertEquals(String(child.statusSync()), "killed by SIGTERM");
});

Deno.test("a signal reaches the child, and is told if it ends by it", async () => {
  using child = sleeping();
  child.kill(0);
  child.kill(SIGSTOP);
  child.kill(SIGCONT);
  child.kill(SIGUSR1);
  assertEquals((await child.status()).terminatingSignal, "SIGUSR1");
});

needs("python3")("a core dump is told as Python tells it", async () => {
  const cwd = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const code = "import os\nif not (p := os.fork()): os.abort()\nprint(os.WCOREDUMP(os.waitpid(p, 0)[1]))";
    const { stdout } = await run("python3", ["-c", code], { cwd });
    using child = Process.spawn("sh", { args: ["-c", "kill -ABRT $$"], cwd });
    const status = await child.status();
    assertEquals([status.terminatingSignal, status.coreDumped], ["SIGABRT", stdout.trim() === "True"]);
  } finally {
    Deno.removeSync(cwd, { recursive: true });
  }
});

Deno.test("using ends the child and reaps it, also one that is stopped; close() leaves it alone", () => {
  const before = descriptors();
  let pid: number;
  {
    using child = sleeping();
    pid = child.pid;
    child.kill(SIGSTOP);
  }
  assertEquals(process(pid), undefined);
  {
    using child = Process.spawn("true");
    pid = child.pid;
    while (process(pid)?.state !== "Z") usleep(1000);
  }
  assertEquals(process(pid), undefined);
  {
    using child = sleeping();
    pid = child.pid;
    child.close();
    child.close();
    fails("EBADF", () => child.kill());
    fails("EBADF", () => child.statusSync());
  }
  assert(process(pid)?.state !== "Z");
  using again = Process.fromPid(pid);
  again.kill(SIGKILL);
  const status = new WaitStatus();
  waitpid(pid, status);
  assertEquals(status.terminatingSignal, "SIGKILL");
  again.close();
  assertEquals([zombies(getpid()), descriptors()], [[], before]);
});

Deno.test("close() ends waits with EBADF, an abort with the signal's reason", async () => {
  using child = sleeping();
  const reason = new Error("enough");
  const controller = new AbortController();
  const waits = child.status({ signal: controller.signal });
  setTimeout(() => controller.abort(reason), 5);
  assertEquals(await assertRejects(() => waits), reason);
  assertEquals(await assertRejects(() => child.ended({ signal: AbortSignal.abort(reason) })), reason);
  using copy = Process.fromPid(child.pid);
  const [one, other] = [rejects("EBADF", copy.status()), rejects("EBADF", copy.ended())];
  setTimeout(() => copy.close(), 5);
  await Promise.all([one, other]);
});

Deno.test("a child that a wait function has reaped is ECHILD, and disposing of it does no harm", async () => {
  using child = Process.spawn("true");
  waitpid(child.pid);
  fails("ECHILD", () => child.statusSync());
  await rejects("ECHILD", child.status());
  await child.ended();
  fails("ESRCH", () => child.kill());
});

Deno.test("fromPid() takes any process: its end is heard of, not how it ended, and it is left alone", async () => {
  await using program = new Program("sh", ["-c", "sleep 600 & echo $!; wait"]);
  await program.until("\n");
  const pid = Number(program.stdout);
  {
    using other = Process.fromPid(pid);
    await rejects("ECHILD", other.status());
    fails("ECHILD", () => other.statusSync());
  }
  using other = Process.fromPid(pid);
  other.kill(0);
  const ended = other.ended();
  other.kill(SIGKILL);
  await ended;
  fails("ESRCH", () => Process.fromPid(2 ** 31 - 1));
  for (const bad of [0, -1, 1.5, NaN, "1", null, undefined, {}, 2 ** 32]) {
    fails("EINVAL", () => Process.fromPid(any(bad)));
  }
});

Deno.test("fork() runs a function in a child", async () => {
  using child = Process.fork(() => 7);
  assertEquals((await child.status()).exitStatus, 7);
  for (const bad of [undefined, null, 5, "x", {}]) fails("EINVAL", () => Process.fork(any(bad)));
});

Deno.test("in a forked child, its parent's children are left alone", () => {
  using child = sleeping();
  using forked = Process.fork(() => {
    child[Symbol.dispose]();
    return child.fd === -1 ? 9 : 1;
  });
  assertEquals(forked.statusSync().exitStatus, 9);
  child.kill(0);
  assert(process(child.pid)?.state !== "Z");
  using other = Process.fork(() => {
    fails("ECHILD", () => child.statusSync());
    return 8;
  });
  assertEquals(other.statusSync().exitStatus, 8);
});

Deno.test("spawn() gives arguments, an environment, a directory and a session", async () => {
  assertEquals(await output("sh", { args: ["-c", 'echo "$0 $1"; pwd -P', "a b", "ü"], cwd: "/usr" }), [
    "a b ü\n/usr\n",
    "exited with 0",
  ]);
  assertEquals(await output("env", { env: { A: "1", B: "x=y" } }), ["A=1\nB=x=y\n", "exited with 0"]);
  assertEquals((await output("env", { env: {} }))[0], "");
  using child = Process.spawn("sleep", { args: ["600"], detached: true });
  assertEquals(getsid(child.pid), child.pid);
  using other = Process.spawn("sleep", { args: ["600"], detached: false });
  assertEquals(getsid(other.pid), getsid(0));
});

Deno.test("spawn() connects the standard streams, also crosswise", async () => {
  const [reader, writer] = pipe();
  write(writer, "from the pipe");
  close(writer);
  assertEquals((await output("cat", { stdin: reader }))[0], "from the pipe");
  close(reader);
  assertEquals(
    (await output("sh", { args: ["-c", "cat; echo x >&2; echo y"], stdin: "null", stderr: "null" }))[0],
    "y\n",
  );
  // what is standard error to the child is the pipe, and the other way round
  const script = `
    import { close, pipe, Process, read } from "@mod";
    const [reader, writer] = pipe();
    using inner = Process.spawn("sh", {
      args: ["-c", "echo to 1; echo to 2 >&2; cat <&0 >/dev/null"], stdin: "null", stdout: 2, stderr: 1 });
    inner.statusSync();`;
  const { stdout, stderr } = await runSource(script);
  assertEquals([stdout, stderr], ["to 2\n", "to 1\n"]);
});

Deno.test("spawn() keeps descriptors that close on exec, and no others of those", async () => {
  const fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const args = ["-c", `[ -e /proc/self/fd/${fd} ] && echo open || echo closed`];
  assertEquals((await output("sh", { args }))[0], "closed\n");
  assertEquals((await output("sh", { args, keep: [fd] }))[0], "open\n");
  close(fd);
});

Deno.test("a child of spawn() ends by SIGPIPE, which Deno ignores", async () => {
  const [reader, writer] = pipe();
  close(reader);
  using child = Process.spawn("sh", { args: ["-c", "while echo x; do :; done"], stdout: writer });
  close(writer);
  assertEquals((await child.status()).terminatingSignal, "SIGPIPE");
  assertEquals(SIGPIPE, 13);
});

Deno.test("spawn() fails with what is wrong, and leaves neither a child nor a descriptor", async () => {
  const before = descriptors();
  fails("ENOENT", () => Process.spawn("no-such-program-anywhere"));
  fails("EACCES", () => Process.spawn("/"));
  fails("ENOENT", () => Process.spawn("true", { cwd: "/none" }));
  fails("EBADF", () => Process.spawn("true", { stdin: 777 }));
  fails("EBADF", () => Process.spawn("true", { keep: [777] }));
  fails("EBADF", () => Process.spawn("true", { stdout: -1 }));
  let asked = 0;
  const growing = new Proxy([], { get: (_, name) => name === "length" ? asked++ === 0 ? 1 : 2 ** 31 : "x" });
  fails("ENOENT", () => Process.spawn("/nonexistent", { args: growing })); // the second length would take all memory
  assertEquals(asked, 1);
  fails("E2BIG", () => Process.spawn("true", { args: Array(2 ** 20).fill("") }));
  for (const bad of [null, undefined, 5, {}, "a\0b", Symbol("s")]) fails("EINVAL", () => Process.spawn(any(bad)));
  for (const bad of [null, 5, "x"]) fails("EINVAL", () => Process.spawn("true", any(bad)));
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    return proxy;
  };
  for (
    const options of [
      { timeout: 5 },
      { args: null },
      { args: "x" },
      { args: [5] },
      { args: ["a\0b"] },
      { args: revoked() },
      { env: null },
      { env: "x" },
      { env: { A: 5 } },
      { env: { "": "x" } },
      { env: { "A=B": "x" } },
      { env: { A: "\0" } },
      { env: revoked() },
      { cwd: 5 },
      { cwd: "\0" },
      { stdin: "x" },
      { stdin: null },
      { stdin: 1.5 },
      { stderr: {} },
      { keep: 5 },
      { keep: ["x"] },
      { keep: revoked() },
      { detached: 1 },
    ]
  ) {
    fails("EINVAL", () => Process.spawn("true", any(options)));
  }
  using child = sleeping();
  for (const bad of [null, 5, { timeout: 1 }, { signal: {} }]) {
    await rejects("EINVAL", child.status(any(bad)));
    await rejects("EINVAL", child.ended(any(bad)));
  }
  for (const bad of [null, 5, { signal: undefined }, { timeout: -1 }, { timeout: "1" }]) {
    fails("EINVAL", () => child.statusSync(any(bad)));
  }
  for (const bad of [65, -1, NaN, "9", null]) fails("EINVAL", () => child.kill(any(bad)));
  child[Symbol.dispose]();
  assertEquals([zombies(getpid()), descriptors()], [[], before]);
});

Deno.test("only its own functions make a Process", () => {
  const error = fails("EINVAL", () => new (any(Process))(1, true));
  assert(error instanceof LibcError);
});

Deno.test("a child for which there is no descriptor left is ended", async () => {
  using program = file(`
    import { pipe, Process, waitpid } from "@mod";
    using first = Process.spawn("true"); // opens what has to be opened
    first.statusSync();
    try { while (true) pipe(); } catch { /* that was the last one but one */ }
    try { while (true) { const [a] = [Deno.openSync("/dev/null")]; globalThis.kept = [globalThis.kept, a]; } } catch { /* and that */ }
    try { Process.spawn("sleep", { args: ["600"] }); } catch (error) { console.log(error.code); }
    try { waitpid(-1); } catch (error) { console.log(error.code); }
    Deno.exit(0);`);
  const deno = [Deno.execPath(), ...FFI, "--allow-read", "--allow-write", "--no-check", program.path];
  const { stdout } = await run("sh", ["-c", 'ulimit -n 100; exec "$@"', "sh", ...deno]);
  assertEquals(stdout, "EMFILE\nECHILD\n");
});

Deno.test("console.log shows the pid, and how it ended", () => {
  using child = Process.spawn("true");
  assertEquals(Deno.inspect(child), `Process { pid: ${child.pid} }`);
  child.statusSync();
  assertEquals(Deno.inspect(child), `Process { pid: ${child.pid}, status: "exited with 0" }`);
});

Deno.test("the thin functions know the descriptor, and many children end at once", async () => {
  using child = sleeping();
  pidfd_send_signal(child.fd, SIGKILL);
  const all = Array.from({ length: 30 }, (_, i) => Process.spawn("sh", { args: ["-c", `exit ${i}`] }));
  const ended = await Promise.all(all.map((one) => one.status()));
  assertEquals(ended.map(({ exitStatus }) => exitStatus), all.map((_, i) => i));
  assertEquals((await child.status()).terminatingSignal, "SIGKILL");
});

Deno.test("status() works in a Worker, and nowhere in a forked child", async () => {
  const { stdout } = await runSource(
    `
    import { Process } from "@mod";
    if (typeof WorkerGlobalScope === "undefined") {
      const worker = new Worker(import.meta.url, { type: "module" });
      worker.onmessage = ({ data }) => { console.log(data); worker.terminate(); };
    } else {
      using child = Process.spawn("sh", { args: ["-c", "sleep 0.05; exit 4"] });
      postMessage(String(await child.status()));
    }`,
    [],
    { flags: ["--allow-read", "--no-check"] },
  );
  assertEquals(stdout, "exited with 4\n");
  const pid = posix_spawnp("true", null, null, ["true"]);
  assertEquals(waitpid(pid), pid);
  const status = new WaitStatus();
  waitpid(fork(() => 0), status);
  assertEquals(status.exitStatus, 0);
});
