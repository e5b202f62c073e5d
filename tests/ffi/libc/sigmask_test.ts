import { assert, assertEquals } from "@std/assert";
import * as ipc from "../../../mod.ts";
import { NOT_INTEGERS } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { compile, fails, FFI, file, Program, run, runSource } from "../../support.ts";

const { getpid, kill, SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK, SIGRTMIN, sigset_t, SIGUSR1, SIGUSR2 } = ipc;
const ok = { code: 0, signal: null, stderr: "" };

/** A set of signals. */
function setOf(...signals: number[]): ipc.sigset_t {
  const set = new sigset_t();
  for (const sig of signals) ipc.sigaddset(set, sig);
  return set;
}

function signalsIn(set: ipc.sigset_t): number[] {
  return Array.from({ length: 64 }, (_, i) => i + 1).filter((sig) => {
    try {
      return ipc.sigismember(set, sig);
    } catch {
      return false; // one of libc's own
    }
  });
}

/** The masks of the threads of this process, each once. */
function masks(): string[] {
  const found = new Set<string>();
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    try {
      found.add(/^SigBlk:\s+(\w+)/m.exec(Deno.readTextFileSync(`/proc/self/task/${name}/status`))![1]);
    } catch { /* it has ended */ }
  }
  return [...found];
}

/** A thread that begins or ends blocks everything for a moment. */
function assertMasks(...expected: string[]): void {
  const end = performance.now() + 5000;
  let found = masks();
  while (found.sort().join() !== expected.join() && performance.now() < end) {
    ipc.usleep(1000);
    found = masks();
  }
  assertEquals(found.sort(), expected);
}

const maskOf = (...signals: number[]) =>
  signals.reduce((mask, sig) => mask | 1n << BigInt(sig - 1), 0n).toString(16).padStart(16, "0");

/** Blocks signals until the end of the block. */
function blocked(set: ipc.sigset_t): Disposable {
  ipc.sigprocmask(SIG_BLOCK, set);
  return { [Symbol.dispose]: () => ipc.sigprocmask(SIG_UNBLOCK, set) };
}

Deno.test("sigemptyset(), sigfillset(), sigaddset(), sigdelset() and sigismember() work on a set as in C", () => {
  const set = new sigset_t();
  assertEquals(signalsIn(set), []);
  ipc.sigaddset(set, SIGUSR1);
  ipc.sigaddset(set, 64);
  assertEquals(signalsIn(set), [SIGUSR1, 64]);
  ipc.sigdelset(set, SIGUSR1);
  ipc.sigdelset(set, SIGUSR2);
  assertEquals(signalsIn(set), [64]);
  ipc.sigfillset(set);
  assertEquals(signalsIn(set).length, 62); // all but libc's two
  ipc.sigemptyset(set);
  assertEquals(signalsIn(set), []);
});

Deno.test("functions of sets fail with EINVAL for what is no signal, and with EFAULT for what is no set", () => {
  const set = new sigset_t();
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const call of [ipc.sigaddset, ipc.sigdelset, ipc.sigismember] as any[]) {
    for (const sig of [0, -1, 65, 2 ** 31, ...NOT_INTEGERS]) {
      assertEquals(fails("EINVAL", () => call(set, sig)).syscall, call.name);
    }
  }
  const gone = new sigset_t();
  gone.bytes.buffer.transfer();
  for (
    const name of [
      "sigemptyset",
      "sigfillset",
      "sigaddset",
      "sigdelset",
      "sigismember",
      "sigpending",
      "sigwait",
      "sigwaitinfo",
    ] as const
  ) {
    for (const value of [null, undefined, 5, {}, new Uint8Array(128), new ipc.timeval(), Object.create(set), gone]) {
      // deno-lint-ignore no-explicit-any
      fails("EFAULT", () => (ipc[name] as any)(value, SIGUSR1));
    }
  }
  for (const value of [5, {}, new Uint8Array(128), new ipc.timeval(), gone]) {
    // deno-lint-ignore no-explicit-any
    const any = value as any;
    fails("EFAULT", () => ipc.sigprocmask(SIG_BLOCK, any));
    fails("EFAULT", () => ipc.sigprocmask(SIG_BLOCK, null, any));
    fails("EFAULT", () => ipc.pthread_sigmask(SIG_BLOCK, any));
    fails("EFAULT", () => ipc.sigtimedwait(set, any, 0));
    fails("EFAULT", () => ipc.sigtimedwait(any, null, 0));
  }
});

Deno.test("sigprocmask() blocks in every thread: what is sent to the process stays pending, and ends nothing", () => {
  const old = new sigset_t();
  ipc.sigprocmask(SIG_BLOCK, setOf(SIGUSR1), old);
  try {
    assertEquals(signalsIn(old), []);
    assertMasks(maskOf(SIGUSR1));
    for (let round = 0; round < 20; round++) {
      kill(getpid(), SIGUSR1); // by default this would end the process, on whatever thread it arrives
      const pending = new sigset_t();
      ipc.sigpending(pending);
      assertEquals(signalsIn(pending), [SIGUSR1]);
      const info = new ipc.siginfo_t();
      assertEquals(ipc.sigwaitinfo(setOf(SIGUSR1, SIGUSR2), info), SIGUSR1);
      assertEquals([info.si_signo, info.si_code, info.si_pid, info.si_uid], [
        SIGUSR1,
        ipc.SI_USER,
        getpid(),
        Deno.uid(),
      ]);
    }
    ipc.sigprocmask(SIG_SETMASK, setOf(SIGUSR2), old);
    assertEquals(signalsIn(old), [SIGUSR1]);
    assertMasks(maskOf(SIGUSR2));
    ipc.sigprocmask(SIG_BLOCK, null, old);
    assertEquals(signalsIn(old), [SIGUSR2]);
    ipc.sigprocmask(SIG_UNBLOCK, null);
    assertMasks(maskOf(SIGUSR2));
  } finally {
    ipc.sigprocmask(SIG_UNBLOCK, setOf(SIGUSR1, SIGUSR2));
  }
  assertMasks(maskOf());
});

Deno.test("sigprocmask(): threads that Deno makes later block it, too", async () => {
  using _blocked = blocked(setOf(SIGUSR1));
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 40 }, () => Deno.readTextFile("/proc/self/stat")));
    const worker = new Worker("data:text/javascript,postMessage(1)", { type: "module" });
    await new Promise((resolve) => worker.onmessage = resolve);
    assertMasks(maskOf(SIGUSR1));
    worker.terminate();
    kill(getpid(), SIGUSR1);
    assertEquals(ipc.sigwait(setOf(SIGUSR1)), SIGUSR1);
  }
});

Deno.test("sigprocmask() fails with EINVAL for another how, and changes nothing", () => {
  for (const call of [ipc.sigprocmask, ipc.pthread_sigmask]) {
    for (const how of [3, -1, 2 ** 31 - 1, ...NOT_INTEGERS]) {
      assertEquals(fails("EINVAL", () => call(how as number, setOf(SIGUSR1))).syscall, call.name);
    }
  }
  assertMasks(maskOf());
});

Deno.test("pthread_sigmask() blocks in the calling thread alone", () => {
  const old = new sigset_t();
  ipc.pthread_sigmask(SIG_BLOCK, setOf(SIGUSR1), old);
  try {
    assertMasks(maskOf(), maskOf(SIGUSR1));
    ipc.raise(SIGUSR1);
    const info = new ipc.siginfo_t();
    assertEquals([ipc.sigwaitinfo(setOf(SIGUSR1), info), info.si_signo], [SIGUSR1, SIGUSR1]);
  } finally {
    ipc.pthread_sigmask(SIG_SETMASK, old);
  }
  assertMasks(maskOf());
});

Deno.test("a set with all signals blocks all but those that the kernel, libc, the runtime and the library need", async () => {
  const ended = await runSource(`
    import * as m from "@mod";
    const all = new m.sigset_t(), none = new m.sigset_t();
    m.sigfillset(all);
    for (const call of [m.sigprocmask, m.pthread_sigmask]) {
      call(m.SIG_SETMASK, all);
      const now = new m.sigset_t();
      call(m.SIG_BLOCK, none, now);
      const open = [];
      for (let sig = 1; sig <= 64; sig++) if (sig !== 32 && sig !== 33 && !m.sigismember(now, sig)) open.push(sig);
      console.log(...open);
      // WebAssembly's faults are signals
      const code = Uint8Array.from(atob("AGFzbQEAAAABBgFgAX8BfwMCAQAFAwEAAQcFAQFmAAAKCQEHACAAKAIACw=="), (c) => c.charCodeAt(0));
      const { f } = new WebAssembly.Instance(new WebAssembly.Module(code)).exports;
      try { f(2 ** 30); } catch (error) { console.log(error.message); }
      // a wait is called off by a signal
      using queue = m.MessageQueue.create();
      const start = performance.now();
      await queue.receive({ signal: AbortSignal.timeout(20) }).catch((error) => console.log(error.name));
      if (performance.now() - start > 5000) console.log("late");
      call(m.SIG_SETMASK, none);
    }
  `);
  const each = "4 7 8 9 11 19 61 62\nmemory access out of bounds\nTimeoutError\n";
  assertEquals(ended, { ...ok, stdout: each.repeat(2) });
});

Deno.test("the library's own signals are not taken from a program that uses them, nor given to one", async () => {
  const ended = await runSource(`
    import * as m from "@mod";
    const wanted = new m.sigset_t();
    m.sigaddset(wanted, 62);
    m.signal(61, m.SIG_IGN); // before the library needs one
    m.pthread_sigmask(m.SIG_BLOCK, wanted);
    using queue = m.MessageQueue.create();
    await queue.receive({ signal: AbortSignal.timeout(20) }).catch((error) => console.log(error.name));
    m.raise(62);
    console.log(m.sigwait(wanted));
    m.raise(61);
    for (const sig of [60, 59]) {
      try { m.signal(sig, () => {}); console.log(sig); } catch (error) { console.log(error.code); }
      try { m.sigaction(sig, new m.struct_sigaction()); console.log(sig); } catch (error) { console.log(error.code); }
    }
  `);
  // sending one does no harm
  assertEquals(ended, { ...ok, stdout: "TimeoutError\n62\nEINVAL\nEINVAL\n59\n59\n" });
});

Deno.test("sigqueue() hands over an int or a pointer's bits, and sigwaitinfo() takes them in order", () => {
  using _blocked = blocked(setOf(SIGRTMIN, SIGRTMIN + 1));
  const info = new ipc.siginfo_t();
  const values = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)];
  ipc.sigqueue(getpid(), SIGRTMIN + 1, 77);
  for (const value of values) ipc.sigqueue(getpid(), SIGRTMIN, value);
  for (const value of values) {
    assertEquals(ipc.sigwaitinfo(setOf(SIGRTMIN, SIGRTMIN + 1), info), SIGRTMIN);
    assertEquals([info.si_int, info.si_value.sival_int, info.si_code, info.si_pid], [
      value,
      value,
      ipc.SI_QUEUE,
      getpid(),
    ]);
  }
  assertEquals([ipc.sigtimedwait(setOf(SIGRTMIN + 1), info, 0), info.si_int], [SIGRTMIN + 1, 77]);
  for (const value of [2n ** 64n - 1n, 0x1234_5678_9abc_def0n, 0n]) {
    ipc.sigqueue(getpid(), SIGRTMIN, value);
    ipc.sigwaitinfo(setOf(SIGRTMIN), info);
    assertEquals([info.si_ptr, info.si_value.sival_ptr], [value, value]);
  }
  ipc.sigqueue(getpid(), SIGRTMIN, -1n);
  ipc.sigwaitinfo(setOf(SIGRTMIN), info);
  assertEquals(info.si_ptr, 2n ** 64n - 1n);
});

Deno.test("sigqueue() fails with EINVAL or ESRCH for what is no signal, value or process", () => {
  for (const bad of [...NOT_INTEGERS, 2 ** 31]) {
    const any = bad as number;
    fails("EINVAL", () => ipc.sigqueue(any, 0, 0));
    fails("EINVAL", () => ipc.sigqueue(getpid(), any, 0));
    if (typeof bad !== "bigint") fails("EINVAL", () => ipc.sigqueue(getpid(), 0, any));
  }
  fails("EINVAL", () => ipc.sigqueue(getpid(), 0, 2n ** 64n));
  fails("EINVAL", () => ipc.sigqueue(getpid(), 0, -(2n ** 63n) - 1n));
  fails("EINVAL", () => ipc.sigqueue(getpid(), 65, 0));
  fails("ESRCH", () => ipc.sigqueue(2 ** 31 - 1, 0, 0));
  ipc.sigqueue(getpid(), 0, 0);
});

Deno.test("sigqueue() fails with EAGAIN if more are queued than RLIMIT_SIGPENDING says", () => {
  const libc = Deno.dlopen("libc.so.6", {
    getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
    setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  });
  const { symbols } = libc;
  using _blocked = blocked(setOf(SIGRTMIN));
  const RLIMIT_SIGPENDING = 11;
  const limit = new BigUint64Array(2);
  symbols.getrlimit(RLIMIT_SIGPENDING, limit);
  const info = new ipc.siginfo_t();
  try {
    ipc.sigqueue(getpid(), SIGRTMIN, 1);
    symbols.setrlimit(RLIMIT_SIGPENDING, new BigUint64Array([1n, limit[1]]));
    assertEquals(fails("EAGAIN", () => ipc.sigqueue(getpid(), SIGRTMIN, 2)).syscall, "sigqueue");
  } finally {
    symbols.setrlimit(RLIMIT_SIGPENDING, limit);
    libc.close();
  }
  assertEquals([ipc.sigwaitinfo(setOf(SIGRTMIN), info), info.si_int], [SIGRTMIN, 1]);
  fails("EAGAIN", () => ipc.sigtimedwait(setOf(SIGRTMIN), null, 0));
});

Deno.test("sigtimedwait() waits no longer than its timeout, and fails with EAGAIN", () => {
  const start = performance.now();
  assertEquals(fails("EAGAIN", () => ipc.sigtimedwait(setOf(SIGUSR2), null, 0.02)).syscall, "sigtimedwait");
  assert(performance.now() - start >= 19);
  fails("EAGAIN", () => ipc.sigtimedwait(setOf(SIGUSR2), new ipc.siginfo_t(), 0));
  for (const timeout of [-1, NaN, Infinity, "1", {}, 2 ** 60, 1n]) {
    // deno-lint-ignore no-explicit-any
    fails("EINVAL", () => ipc.sigtimedwait(setOf(SIGUSR2), null, timeout as any));
  }
});

/** Sends, as fast as it can, and answers what it gets. */
const C_PEER = `
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
  pid_t pid = atoi(argv[1]);
  int count = atoi(argv[2]);
  sigset_t set;
  siginfo_t info;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  for (int i = 0; i < count; i++) {
    union sigval value = { .sival_int = i };
    while (sigqueue(pid, SIGRTMIN, value) < 0) usleep(1000);
  }
  int sig = sigwaitinfo(&set, &info);
  printf("%d %d %d %d\\n", sig == SIGRTMIN + 1, info.si_code == SI_QUEUE, info.si_pid == pid, info.si_value.sival_int);
  return 0;
}`;

needs("cc")("C's sigqueue() and sigwaitinfo() and ours: a thousand signals, in order and none lost", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  using _blocked = blocked(setOf(SIGRTMIN));
  try {
    await compile(C_PEER, `${directory}/peer`);
    await using peer = new Program(`${directory}/peer`, [String(getpid()), "1000"]);
    const info = new ipc.siginfo_t();
    for (let n = 0; n < 1000; n++) {
      assertEquals(ipc.sigtimedwait(setOf(SIGRTMIN), info, 20), SIGRTMIN);
      assertEquals([info.si_int, info.si_code, info.si_pid], [n, ipc.SI_QUEUE, peer.pid]);
    }
    ipc.sigqueue(peer.pid, SIGRTMIN + 1, -42);
    assertEquals(await peer.end(), { ...ok, stdout: "1 1 1 -42\n" });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

needs("python3")("Python's signals and ours: sigqueue() by ctypes to us, and ours to sigwaitinfo()", async () => {
  using _blocked = blocked(setOf(SIGRTMIN));
  await using peer = new Program("python3", [
    "-c",
    `import ctypes, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
libc = ctypes.CDLL("libc.so.6", use_errno=True)
libc.sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
libc.sigqueue(int(sys.argv[1]), signal.SIGRTMIN, 4711)
info = signal.sigwaitinfo([signal.SIGRTMIN])
print(info.si_signo == signal.SIGRTMIN, info.si_code, info.si_pid == int(sys.argv[1]))`,
    String(getpid()),
  ]);
  const info = new ipc.siginfo_t();
  assertEquals(ipc.sigtimedwait(setOf(SIGRTMIN), info, 20), SIGRTMIN);
  assertEquals([info.si_int, info.si_code, info.si_pid], [4711, ipc.SI_QUEUE, peer.pid]);
  ipc.sigqueue(peer.pid, SIGRTMIN, 1);
  assertEquals(await peer.end(), { ...ok, stdout: "True -1 True\n" });
});

Deno.test("sigwaitinfo() tells how a child ended, stopped and went on", async () => {
  const ended = await runSource(`
    import * as m from "@mod";
    m.enableFork();
    const set = new m.sigset_t(), info = new m.siginfo_t(), status = new m.WaitStatus();
    m.sigaddset(set, m.SIGCHLD);
    m.sigprocmask(m.SIG_BLOCK, set);
    const tell = (pid) => console.log(m.sigwaitinfo(set, info), info.si_code, info.si_status, info.si_pid === pid);
    const pid = m.fork(() => 3);
    tell(pid);
    m.waitpid(pid);
    const other = m.fork(() => { while (true) m.usleep(1000); });
    m.kill(other, m.SIGSTOP);
    tell(other);
    m.kill(other, m.SIGCONT);
    tell(other);
    m.kill(other, m.SIGKILL);
    tell(other);
    m.waitpid(other);
    // a child has its parent's mask, and its own threads to tell: one
    const third = m.fork(() => {
      const now = new m.sigset_t();
      m.sigprocmask(m.SIG_BLOCK, null, now);
      if (!m.sigismember(now, m.SIGCHLD)) return 1;
      m.sigaddset(set, m.SIGUSR1);
      m.sigprocmask(m.SIG_BLOCK, set);
      m.kill(m.getpid(), m.SIGUSR1);
      if (m.sigwait(set) !== m.SIGUSR1) return 2;
      m.sigprocmask(m.SIG_UNBLOCK, set);
      m.kill(m.getpid(), m.SIGUSR1);
      return 3;
    });
    m.waitpid(third, status);
    console.log(String(status));
  `);
  assertEquals(ended, {
    ...ok,
    stdout: "17 1 3 true\n17 5 19 true\n17 6 18 true\n17 2 9 true\nkilled by SIGUSR1\n",
  });
});

Deno.test("sigwait() and sigwaitinfo() block, and a signal sent from outside ends that, whatever threads there are", async () => {
  using program = file(`
    import * as m from "@mod";
    const set = new m.sigset_t();
    for (const sig of [m.SIGUSR1, m.SIGTERM]) m.sigaddset(set, sig);
    m.sigprocmask(m.SIG_BLOCK, set);
    await Deno.permissions.query({ name: "ffi" });
    console.log("ready");
    let usr1 = 0;
    for (;;) {
      const sig = usr1 % 2 ? m.sigwait(set) : m.sigwaitinfo(set);
      if (sig === m.SIGTERM) break;
      console.log(++usr1);
    }
    console.log("end");
  `);
  await using running = new Program(Deno.execPath(), [...FFI, program.path]);
  await running.until("ready");
  for (let n = 1; n <= 20; n++) {
    running.kill("SIGUSR1");
    await running.until(`\n${n}\n`);
  }
  running.kill("SIGTERM");
  const { code, signal, stdout } = await running.end();
  assertEquals([code, signal, stdout.split("\n").at(-2)], [0, null, "end"]);
});

Deno.test("programs that Deno.Command starts block what this one does, as in C", async () => {
  using _blocked = blocked(setOf(SIGUSR1, SIGRTMIN));
  const { stdout } = await run("grep", ["SigBlk", "/proc/self/status"]);
  assertEquals(stdout.trim().split(/\s+/)[1], maskOf(SIGUSR1, SIGRTMIN));
});
