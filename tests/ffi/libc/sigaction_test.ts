import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as ipc from "../../../mod.ts";
import { NOT_INTEGERS } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { compile, fails, FFI, file, process, Program, runSource, until } from "../../support.ts";

const { getpid, kill, pause, SA_RESTART, SA_SIGINFO, SIG_DFL, SIG_IGN, sigaction, SIGRTMIN, SIGUSR1, SIGUSR2 } = ipc;
const ok = { code: 0, signal: null, stderr: "" };
const HEAD = `import * as m from "@mod";
const action = (handler, flags = 0) => Object.assign(new m.struct_sigaction(), { sa_handler: handler, sa_flags: flags });
`;

/** What `sigaction` takes. */
function action(handler: ipc.SigactionHandler, flags = 0): ipc.struct_sigaction {
  const made = new ipc.struct_sigaction();
  made.sa_handler = handler;
  made.sa_flags = flags;
  return made;
}

/** Tells what is to happen on a signal. */
function asked(sig: number): ipc.struct_sigaction {
  const old = new ipc.struct_sigaction();
  sigaction(sig, null, old);
  return old;
}

function isCaught(sig: number): boolean {
  const caught = /^SigCgt:\s+(\w+)/m.exec(Deno.readTextFileSync("/proc/self/status"))![1];
  return (BigInt("0x" + caught) >> BigInt(sig - 1) & 1n) === 1n;
}

Deno.test("sigaction() runs a handler on the event loop; with SA_SIGINFO it is told what came with the signal", async () => {
  const seen: unknown[] = [];
  const handler = (...args: unknown[]) => {
    const [sig, info] = args as [number, ipc.siginfo_t?];
    seen.push([args.length, sig, info?.si_signo, info?.si_code, info?.si_pid, info?.si_int]);
  };
  for (const sig of [SIGUSR1, SIGRTMIN + 3, ipc.SIGURG, ipc.SIGCHLD]) {
    try {
      sigaction(sig, action(handler, SA_SIGINFO));
      assert(isCaught(sig));
      ipc.sigqueue(getpid(), sig, -7);
      assertEquals(seen, [], "not before the program awaits");
      await pause();
      assertEquals(seen.splice(0), [[2, sig, sig, ipc.SI_QUEUE, getpid(), -7]]);
      sigaction(sig, action(handler));
      kill(getpid(), sig);
      await pause();
      assertEquals(seen.splice(0), [[1, sig, undefined, undefined, undefined, undefined]]);
    } finally {
      sigaction(sig, action(SIG_DFL));
    }
    assert(!isCaught(sig));
  }
});

Deno.test("sigaction(): signals of real time come each with its value, others once while they wait", async () => {
  const values: number[] = [];
  let usr1 = 0;
  sigaction(SIGRTMIN, action((_sig, info) => void values.push(info.si_int), SA_SIGINFO));
  sigaction(SIGUSR1, action(() => void usr1++));
  try {
    for (let n = 0; n < 100; n++) ipc.sigqueue(getpid(), SIGRTMIN, n);
    kill(getpid(), SIGUSR1);
    await until(() => usr1 === 1 && values.length === 100, "all have come");
    assertEquals(values.sort((a, b) => a - b), Array.from({ length: 100 }, (_, n) => n));
  } finally {
    sigaction(SIGRTMIN, action(SIG_DFL));
    sigaction(SIGUSR1, action(SIG_DFL));
  }
});

Deno.test("sigaction() says what was to happen: handler, flags and mask, also signal()'s, and takes it back", async () => {
  const first = () => {};
  const set = action(first, SA_RESTART | ipc.SA_NODEFER | ipc.SA_RESETHAND | SA_SIGINFO);
  ipc.sigaddset(set.sa_mask, SIGUSR2);
  const old = action(first);
  sigaction(SIGUSR1, set, old);
  assertEquals([old.sa_handler, old.sa_sigaction, old.sa_flags], [SIG_DFL, SIG_DFL, 0]);
  sigaction(SIGUSR1, action(SIG_IGN, SA_RESTART), old);
  assertEquals([old.sa_handler, old.sa_flags, ipc.sigismember(old.sa_mask, SIGUSR2)], [first, set.sa_flags, true]);
  kill(getpid(), SIGUSR1); // ignored
  const ignored = asked(SIGUSR1);
  assertEquals([ignored.sa_handler, ignored.sa_flags], [SIG_IGN, SA_RESTART]);
  assertEquals(ipc.sigismember(ignored.sa_mask, SIGUSR2), false);
  sigaction(SIGUSR1, old);
  assertEquals(asked(SIGUSR1).sa_flags, set.sa_flags);

  // by signal() and back
  let seen = "";
  assertEquals(ipc.signal(SIGUSR1, () => void (seen += "signal ")), first);
  assertEquals(asked(SIGUSR1).sa_flags, SA_RESTART);
  kill(getpid(), SIGUSR1);
  await pause();
  sigaction(SIGUSR1, action(() => void (seen += "sigaction ")), old);
  kill(getpid(), SIGUSR1);
  await pause();
  sigaction(SIGUSR1, old);
  kill(getpid(), SIGUSR1);
  await pause();
  assertEquals(seen, "signal sigaction signal ");
  sigaction(SIGUSR1, action(SIG_DFL));
  assertEquals(ipc.signal(SIGUSR1, SIG_DFL), SIG_DFL);
});

Deno.test("sigaction() with SA_RESETHAND runs the handler once", async () => {
  let count = 0;
  sigaction(SIGUSR1, action(() => void count++, ipc.SA_RESETHAND));
  ipc.raise(SIGUSR1); // to this thread, so that it has come now
  assert(!isCaught(SIGUSR1));
  await pause();
  assertEquals([count, asked(SIGUSR1).sa_handler], [1, SIG_DFL]);
  // and may set itself up again
  const again = action(() => {
    if (++count < 4) sigaction(SIGUSR1, again);
  }, ipc.SA_RESETHAND);
  sigaction(SIGUSR1, again);
  for (const expected of [2, 3, 4]) {
    kill(getpid(), SIGUSR1);
    await pause();
    assertEquals([count, isCaught(SIGUSR1)], [expected, expected < 4]);
  }
});

Deno.test("sigaction() and listeners of Deno.addSignalListener() both hear of a signal, whoever came first", async () => {
  for (const first of ["sigaction", "Deno"]) {
    let ours = 0, denos = 0;
    const listener = () => void denos++;
    if (first === "Deno") Deno.addSignalListener("SIGUSR2", listener);
    sigaction(SIGUSR2, action(() => void ours++));
    if (first === "sigaction") Deno.addSignalListener("SIGUSR2", listener);
    try {
      for (const n of [1, 2, 3]) {
        kill(getpid(), SIGUSR2);
        await until(() => ours === n && denos === n, `both have heard ${n} times`);
      }
    } finally {
      Deno.removeSignalListener("SIGUSR2", listener);
      kill(getpid(), SIGUSR2);
      await until(() => ours === 4, "ours hears alone");
      sigaction(SIGUSR2, action(SIG_DFL));
    }
  }
});

Deno.test("sigaction(): signal() for real-time signals and SIGURG is made of it", async () => {
  const seen: number[] = [];
  const handler = (sig: number) => void seen.push(sig);
  assertEquals(ipc.signal(SIGRTMIN + 1, handler), SIG_DFL);
  ipc.signal(ipc.SIGURG, handler);
  ipc.raise(SIGRTMIN + 1);
  await pause();
  ipc.raise(ipc.SIGURG);
  await pause();
  assertEquals(seen, [SIGRTMIN + 1, ipc.SIGURG]);
  assertEquals(ipc.signal(SIGRTMIN + 1, SIG_IGN), handler);
  ipc.raise(SIGRTMIN + 1);
  assertEquals(ipc.signal(SIGRTMIN + 1, SIG_DFL), SIG_IGN);
  assertEquals(ipc.signal(ipc.SIGURG, SIG_DFL), handler);
});

Deno.test("sigaction() fails with EINVAL or EFAULT on wrong arguments, and changes nothing", () => {
  const handler = () => {};
  for (const sig of [0, -1, 65, 32, 33, ipc.SIGKILL, ipc.SIGSTOP, ...NOT_INTEGERS]) {
    for (const what of [handler, SIG_IGN] as const) {
      assertEquals(fails("EINVAL", () => sigaction(sig as number, action(what))).syscall, "sigaction");
    }
  }
  for (const sig of [ipc.SIGSEGV, ipc.SIGBUS, ipc.SIGFPE, ipc.SIGILL]) {
    for (const what of [handler, SIG_IGN, SIG_DFL] as const) {
      fails("EINVAL", () => sigaction(sig, action(what)));
      assertEquals(fails("EINVAL", () => ipc.signal(sig, what)).syscall, "signal");
    }
    sigaction(sig, null, new ipc.struct_sigaction());
  }
  fails("EINVAL", () => sigaction(0));
  fails("EINVAL", () => sigaction(SIGUSR1, action(handler, 0x400)));
  const gone = action(handler);
  gone.bytes.buffer.transfer();
  for (const value of [5, {}, handler, new ipc.timeval(), new Uint8Array(152), Object.create(gone), gone]) {
    // deno-lint-ignore no-explicit-any -- what a caller without types may pass
    const any = value as any;
    fails("EFAULT", () => sigaction(SIGUSR1, any));
    fails("EFAULT", () => sigaction(SIGUSR1, action(handler), any));
  }
  const made = new ipc.struct_sigaction();
  for (const value of [2, null, undefined, "x", {}, NaN]) {
    // deno-lint-ignore no-explicit-any
    fails("EINVAL", () => made.sa_handler = value as any);
  }
  for (const flags of [2 ** 32, -(2 ** 31) - 1, 0.5, "1"]) fails("EINVAL", () => made.sa_flags = flags as number);
  assertEquals([isCaught(SIGUSR1), asked(SIGUSR1).sa_handler], [false, SIG_DFL]);
});

for (const [flags, outcome] of [["0", "EINTR"], ["m.SA_RESTART", "goes on"]]) {
  Deno.test(`sigaction() with sa_flags ${flags}: read() that a signal interrupts: ${outcome}`, async () => {
    using program = file(`${HEAD}
      const paused = m.pause();
      m.sigaction(m.SIGUSR2, action(() => console.log("handled"), ${flags}));
      console.log("ready");
      try { m.read(0, new Uint8Array(1)); console.log("goes on"); } catch (error) { console.log(error.code); }
      await paused;`);
    await using running = new Program(Deno.execPath(), [...FFI, program.path], { stdin: "open" });
    await running.until("ready");
    let seen = 0;
    await running.ready(() => (seen = process(running.pid)?.state === "S" ? seen + 1 : 0) > 3, "it blocks");
    running.kill("SIGUSR2");
    if (outcome === "goes on") {
      seen = 0;
      await running.ready(() => ++seen > 10, "time passes");
      assertEquals(running.stdout, "ready\n");
      await running.type("x", false);
    }
    assertEquals(await running.end(), { ...ok, stdout: `ready\n${outcome}\nhandled\n` });
  });
}

Deno.test("sigaction() for SIGCHLD: SA_NOCLDWAIT leaves nothing to wait for, SA_NOCLDSTOP tells of ends only", async () => {
  const ended = await runSource(`${HEAD}
    m.enableFork();
    m.sigaction(m.SIGCHLD, action((sig, info) => console.log(info.si_code, info.si_status), m.SA_SIGINFO | m.SA_NOCLDSTOP));
    const pid = m.fork(() => { m.raise(m.SIGSTOP); return 3; });
    m.waitpid(pid, null, m.WUNTRACED);
    m.kill(pid, m.SIGCONT);
    m.waitpid(pid);
    await m.pause();
    m.sigaction(m.SIGCHLD, action(m.SIG_DFL, m.SA_NOCLDWAIT));
    m.fork(() => 3);
    try { m.wait(); } catch (error) { console.log(error.code); }`);
  assertEquals(ended, { ...ok, stdout: "1 3\nECHILD\n" });
});

Deno.test("sigaction(): a forked child has no handlers, and its parent hears nothing of its signals", async () => {
  const ended = await runSource(`${HEAD}
    m.enableFork();
    const status = new m.WaitStatus();
    for (const sig of [m.SIGUSR1, m.SIGRTMIN, m.SIGRTMIN + 5]) {
      m.sigaction(sig, action((sig) => console.log("handled", sig), m.SA_SIGINFO));
    }
    m.sigaction(m.SIGUSR2, action(m.SIG_IGN));
    for (const sig of [m.SIGUSR1, m.SIGRTMIN, m.SIGRTMIN + 5]) {
      m.kill(m.fork(() => { while (true) m.usleep(1000); }), sig);
      m.wait(status);
      console.log(String(status));
    }
    m.fork(() => {
      try { m.sigaction(m.SIGUSR1, action(() => {})); } catch (error) { console.log(error.code); }
      try { m.signal(m.SIGRTMIN, () => {}); } catch (error) { console.log(error.code); }
      const old = new m.struct_sigaction();
      m.sigaction(m.SIGUSR1, null, old);
      console.log(old.sa_handler);
      m.sigaction(m.SIGUSR1, action(m.SIG_IGN));
      m.raise(m.SIGUSR1);
      m.raise(m.SIGUSR2);
      const [a, b] = m.pipe(); // these may get the numbers that the parent's had
      m.write(b, "x");
      m.read(a, new Uint8Array(1));
      return 3;
    });
    m.wait(status);
    console.log(String(status));
    m.raise(m.SIGRTMIN);
    await m.pause();`);
  const lines = ["killed by SIGUSR1", "killed by SIGRTMIN", "killed by SIGRTMIN+5", "EOPNOTSUPP", "EOPNOTSUPP", "0"];
  assertEquals(ended, { ...ok, stdout: [...lines, "exited with 3", "handled 34", ""].join("\n") });
});

Deno.test("sigaction() in a Worker; a handler keeps no program alive, and the descriptors of it are out of reach", async () => {
  const ended = await runSource(
    `${HEAD}
    const worker = "name" in globalThis && self.name === "worker";
    if (worker) {
      m.sigaction(m.SIGRTMIN, action((sig, info) => postMessage([sig, info.si_int]), m.SA_SIGINFO));
      postMessage("ready");
      onmessage = () => {};
    } else {
      const closeAll = () => {
        let closed = 0;
        for (let fd = 3; fd < 100; fd++) try { m.close(fd); closed++; } catch {}
        return closed;
      };
      closeAll(); // what it has inherited
      m.sigaction(m.SIGUSR2, action(() => console.log("main")));
      const closed = closeAll();
      const other = new Worker(import.meta.url, { type: "module", name: "worker" });
      const next = () => new Promise((resolve) => other.onmessage = ({ data }) => resolve(data));
      console.log(closed, await next());
      for (const n of [5, 6]) {
        m.sigqueue(m.getpid(), m.SIGRTMIN, n);
        console.log(...await next());
      }
      m.raise(m.SIGUSR2);
      await m.pause();
      other.terminate();
      m.raise(m.SIGUSR2);
      await m.pause();
    }`,
    [],
    { flags: ["--allow-read"] },
  );
  assertEquals(ended, { ...ok, stdout: "0 ready\n34 5\n34 6\nmain\nmain\n" });
});

Deno.test("sigaction(): a handler that throws ends the program with its error; if that is prevented, the others still run", async () => {
  const ended = await runSource(`${HEAD}
    let count = 0;
    m.sigaction(m.SIGRTMIN, action((sig, info) => { count++; if (info.si_int % 2) throw new Error("boom " + info.si_int); else console.log(info.si_int); }, m.SA_SIGINFO));
    const prevent = (event) => (console.log(event.error.message), event.preventDefault());
    addEventListener("error", prevent);
    for (const n of [0, 1, 2, 3, 4]) m.sigqueue(m.getpid(), m.SIGRTMIN, n);
    while (count < 5) await new Promise((done) => setTimeout(done, 5));
    removeEventListener("error", prevent);
    m.sigqueue(m.getpid(), m.SIGRTMIN, 5);
    await new Promise((done) => setTimeout(done, 10_000));`);
  assertEquals([ended.code, ended.stdout.trim().split("\n").sort()], [1, ["0", "2", "4", "boom 1", "boom 3"]]);
  assertStringIncludes(ended.stderr, "Error: boom 5");
});

Deno.test("sigaction(): more signals than there is room for are told once", async () => {
  const ended = await runSource(`${HEAD}
    let count = 0, without = 0;
    m.sigaction(m.SIGRTMIN, action((sig, info) => { count++; if (info.si_code !== m.SI_QUEUE) without++; }, m.SA_SIGINFO));
    for (let n = 0; n < 20_000; n++) m.sigqueue(m.getpid(), m.SIGRTMIN, n);
    while (without === 0) await new Promise((done) => setTimeout(done, 5));
    const before = count;
    m.sigqueue(m.getpid(), m.SIGRTMIN, 0);
    await m.pause();
    console.log(before > 400, before < 20_000, without, count - before);`);
  assertEquals(ended, { ...ok, stdout: "true true 1 1\n" });
});

const C_PEER = `
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
  for (int i = 0; i < 500; i++) {
    union sigval value = { .sival_int = i };
    while (sigqueue(atoi(argv[1]), SIGRTMIN + i % 3, value) < 0) usleep(1000);
  }
  return 0;
}`;

needs("cc")("sigaction(): of five hundred signals that C sends as fast as it can, none is lost", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  const seen = new Set<string>();
  let pid = 0;
  const signals = [0, 1, 2].map((n) => SIGRTMIN + n);
  for (const sig of signals) {
    sigaction(sig, action((sig, info) => void seen.add(`${sig} ${info.si_int} ${info.si_pid === pid}`), SA_SIGINFO));
  }
  try {
    await compile(C_PEER, `${directory}/peer`);
    await using peer = new Program(`${directory}/peer`, [String(getpid())]);
    pid = peer.pid;
    assertEquals(await peer.end(), { ...ok, stdout: "" });
    await until(() => seen.size === 500, "all have come");
    assertEquals(seen, new Set(Array.from({ length: 500 }, (_, i) => `${SIGRTMIN + i % 3} ${i} true`)));
  } finally {
    for (const sig of signals) sigaction(sig, action(SIG_DFL));
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("removeOnSignals() leaves a handler of sigaction() alone, and the other way round it is replaced and comes back", async () => {
  const ended = await runSource(`${HEAD}
    const old = new m.struct_sigaction();
    m.sigaction(m.SIGTERM, action((sig, info) => console.log("handled", info.si_pid === m.getpid()), m.SA_SIGINFO));
    m.removeOnSignals();
    m.raise(m.SIGTERM);
    await m.pause();
    m.sigaction(m.SIGINT, action(() => console.log("instead")), old);
    m.raise(m.SIGINT);
    await m.pause();
    m.sigaction(m.SIGINT, old);
    m.raise(m.SIGINT);
    await new Promise((done) => setTimeout(done, 10_000));`);
  assertEquals(ended, { code: 130, signal: "SIGINT", stdout: "handled true\ninstead\n", stderr: "" });
});

Deno.test("sigaction(): the first listener of Deno's leaves handlers as they are, and SA_RESTART is not added", async () => {
  const ended = await runSource(`${HEAD}
    m.signal(m.SIGHUP, m.SIG_IGN);
    m.sigaction(m.SIGINT, action(() => console.log("handled")));
    m.raise(m.SIGHUP);
    m.signal(m.SIGUSR2, () => {});
    m.enableFork();
    const parent = m.getpid();
    const [reader] = m.pipe();
    const pid = m.fork(() => { while (true) { m.usleep(50_000); m.kill(parent, m.SIGINT); } });
    try { m.read(reader, new Uint8Array(1)); } catch (error) { console.log(error.code); }
    m.kill(pid, m.SIGKILL);
    for (;;) try { m.waitpid(pid); break; } catch { /* EINTR */ }
    await m.pause();`);
  assertEquals({ ...ended, stdout: ended.stdout.replace(/(handled\n)+/, "handled\n") }, {
    ...ok,
    stdout: "EINTR\nhandled\n",
  });
});

Deno.test("sigaction() is traced as the kernel sees it, and so is the signal", async () => {
  const lines: string[] = [];
  {
    using _tracing = ipc.trace((event) => lines.push(ipc.formatTraceEvent(event)));
    sigaction(SIGRTMIN, action(() => {}, SA_SIGINFO));
    ipc.raise(SIGRTMIN);
    await pause();
    sigaction(SIGRTMIN, action(SIG_DFL), new ipc.struct_sigaction());
  }
  const told = lines.map((line) => line.replace(/0x[0-9a-f]+/, "0x…")).filter((line) =>
    /sigaction.* = |---/.test(line)
  );
  assertStringIncludes(told[0], "sigaction(SIGRTMIN, {sa_handler=0x…, sa_mask=[SIGHUP, ");
  assertStringIncludes(told[0], "sa_flags=SA_SIGINFO|SA_ONSTACK}, NULL) = 0");
  assertEquals(told[1], "--- SIGRTMIN ---");
  assertStringIncludes(told[2], "sigaction(SIGRTMIN, {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, {sa_handler=0x…, ");
});
