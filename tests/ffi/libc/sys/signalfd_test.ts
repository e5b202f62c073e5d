import { assertEquals } from "@std/assert";
import * as ipc from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { fails, Program, runSource } from "../../../support.ts";

const { close, getpid, read, SFD_CLOEXEC, SFD_NONBLOCK, SIG_BLOCK, SIG_UNBLOCK, signalfd, SIGRTMIN, SIGUSR1 } = ipc;

function setOf(...signals: number[]): ipc.sigset_t {
  const set = new ipc.sigset_t();
  for (const sig of signals) ipc.sigaddset(set, sig);
  return set;
}

function blocked(set: ipc.sigset_t): Disposable {
  ipc.sigprocmask(SIG_BLOCK, set);
  return { [Symbol.dispose]: () => ipc.sigprocmask(SIG_UNBLOCK, set) };
}

Deno.test("signalfd(): what comes is read, with its values and in order, and poll() waits for it", () => {
  const set = setOf(SIGUSR1, SIGRTMIN);
  using _blocked = blocked(set);
  const fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
  const info = new ipc.signalfd_siginfo();
  fails("EAGAIN", () => read(fd, info.bytes));
  for (const value of [5, -6]) ipc.sigqueue(getpid(), SIGRTMIN, value);
  ipc.kill(getpid(), SIGUSR1);
  assertEquals(ipc.poll(new ipc.pollfds([fd, ipc.POLLIN]), -1), 1);
  const seen: unknown[] = [];
  for (let n = 0; n < 3; n++) {
    assertEquals(read(fd, info.bytes), 128);
    seen.push([info.ssi_signo, info.ssi_code, info.ssi_int, info.ssi_pid]);
  }
  assertEquals(seen, [
    [SIGUSR1, ipc.SI_USER, 0, getpid()],
    [SIGRTMIN, ipc.SI_QUEUE, 5, getpid()],
    [SIGRTMIN, ipc.SI_QUEUE, -6, getpid()],
  ]);
  close(fd);
});

Deno.test("signalfd() gives a descriptor that there is another set", () => {
  const set = setOf(SIGUSR1, SIGRTMIN);
  using _blocked = blocked(set);
  const fd = signalfd(-1, setOf(SIGUSR1), SFD_NONBLOCK);
  ipc.sigqueue(getpid(), SIGRTMIN, 1);
  const info = new ipc.signalfd_siginfo();
  fails("EAGAIN", () => read(fd, info.bytes));
  assertEquals(signalfd(fd, setOf(SIGRTMIN)), fd);
  assertEquals([read(fd, info.bytes), info.ssi_int], [128, 1]);
  close(fd);
});

needs("python3")("signalfd(): signals of Python's come through it, with its pid", async () => {
  const set = setOf(SIGUSR1, SIGRTMIN);
  using _blocked = blocked(set);
  const fd = signalfd(-1, set);
  await using peer = new Program("python3", [
    "-c",
    `import ctypes, os, signal, sys
pid = int(sys.argv[1])
libc = ctypes.CDLL("libc.so.6")
libc.sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
for n in range(100): libc.sigqueue(pid, signal.SIGRTMIN, n)
os.kill(pid, signal.SIGUSR1)`,
    String(getpid()),
  ]);
  const info = new ipc.signalfd_siginfo();
  const values: number[] = [];
  let usr1 = 0;
  const fds = new ipc.pollfds([fd, ipc.POLLIN]);
  while (values.length < 100 || usr1 < 1) {
    assertEquals(ipc.poll(fds, 20_000), 1);
    read(fd, info.bytes);
    assertEquals(info.ssi_pid, peer.pid);
    if (info.ssi_signo === SIGUSR1) usr1++;
    else values.push(info.ssi_int);
  }
  assertEquals(values, Array.from({ length: 100 }, (_, n) => n));
  assertEquals((await peer.end()).code, 0);
  close(fd);
});

Deno.test("signalfd() tells of children", async () => {
  const ended = await runSource(`
    import * as m from "@mod";
    m.enableFork();
    const set = new m.sigset_t();
    m.sigaddset(set, m.SIGCHLD);
    m.sigprocmask(m.SIG_BLOCK, set);
    const fd = m.signalfd(-1, set);
    const pid = m.fork(() => 7);
    const info = new m.signalfd_siginfo();
    m.read(fd, info.bytes);
    console.log(info.ssi_code === m.CLD_EXITED, info.ssi_status, info.ssi_pid === pid, m.wait() === pid);`);
  assertEquals(ended, { code: 0, signal: null, stdout: "true 7 true true\n", stderr: "" });
});

Deno.test("signalfd() fails with EINVAL, EFAULT or EBADF on wrong arguments", () => {
  const set = setOf(SIGUSR1);
  for (const bad of NOT_INTEGERS) fails("EINVAL", () => signalfd(bad as number, set));
  for (const bad of [1, ...NOT_INTEGERS]) fails("EINVAL", () => signalfd(-1, set, bad as number));
  for (const bad of [null, undefined, 5, {}, new Uint8Array(128), new ipc.timeval()]) {
    // deno-lint-ignore no-explicit-any -- what a caller without types may pass
    fails("EFAULT", () => signalfd(-1, bad as any));
  }
  const other = ipc.eventfd(0);
  fails("EINVAL", () => signalfd(other, set));
  close(other);
  fails("EBADF", () => signalfd(other, set));
  fails("EBADF", () => signalfd(-2, set));
});
