import { assert, assertEquals } from "@std/assert";
import {
  close,
  dup2,
  fork,
  getpid,
  kill,
  P_PIDFD,
  pidfd_getfd,
  PIDFD_NONBLOCK,
  pidfd_open,
  pidfd_send_signal,
  pipe,
  poll,
  pollfds,
  POLLIN,
  posix_spawn_file_actions_adddup2,
  posix_spawn_file_actions_destroy,
  posix_spawn_file_actions_init,
  posix_spawn_file_actions_t,
  posix_spawnp,
  read,
  siginfo_t,
  SIGKILL,
  SIGTERM,
  SIGUSR1,
  timeval,
  trace,
  waitid,
  waitpid,
  WaitStatus,
  WEXITED,
  write,
} from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { fails } from "../../../support.ts";

// deno-lint-ignore no-explicit-any -- what no type allows
const any = (value: unknown) => value as any;

/** A Python program as a child, and what it prints; it is killed at the end of a `using`. */
function python(code: string): { pid: number; line(): string } & Disposable {
  const [reader, writer] = pipe();
  const actions = new posix_spawn_file_actions_t();
  posix_spawn_file_actions_init(actions);
  posix_spawn_file_actions_adddup2(actions, writer, 1);
  const pid = posix_spawnp("python3", actions, null, ["python3", "-c", code]);
  posix_spawn_file_actions_destroy(actions);
  close(writer);
  const byte = new Uint8Array(1);
  return {
    pid,
    line() {
      let line = "";
      while (read(reader, byte) === 1 && byte[0] !== 10) line += String.fromCharCode(byte[0]);
      return line;
    },
    [Symbol.dispose]() {
      close(reader);
      try {
        const pidfd = pidfd_open(pid);
        pidfd_send_signal(pidfd, SIGKILL);
        close(pidfd);
        waitpid(pid);
      } catch {
        // it was reaped
      }
    },
  };
}

needs("python3")("a Python child gets signals by its descriptor, which tells its end", () => {
  using child = python(
    "import signal, time, sys\n" +
      "signal.signal(signal.SIGUSR1, lambda *_: print('got it', flush=True))\n" +
      "print('ready', flush=True)\nwhile True: time.sleep(1)",
  );
  const pidfd = pidfd_open(child.pid, PIDFD_NONBLOCK);
  assertEquals(child.line(), "ready");
  pidfd_send_signal(pidfd, 0);
  pidfd_send_signal(pidfd, SIGUSR1);
  assertEquals(child.line(), "got it");
  const fds = new pollfds([pidfd, POLLIN]);
  assertEquals(poll(fds, 0), 0);
  pidfd_send_signal(pidfd, SIGTERM, null, 0);
  assertEquals([poll(fds, -1), fds[0].revents], [1, POLLIN]);
  const info = new siginfo_t();
  waitid(P_PIDFD, pidfd, info, WEXITED);
  assertEquals([info.si_pid, info.si_status], [child.pid, SIGTERM]);
  // it stays that process's
  const error = fails("ESRCH", () => pidfd_send_signal(pidfd, SIGTERM));
  assertEquals(error.message, `pidfd_send_signal: No such process (descriptor ${pidfd}, SIGTERM)`);
  close(pidfd);
});

needs("python3")("a copy of a Python child's descriptor is that pipe", () => {
  using child = python(
    "import os\nr, w = os.pipe()\nprint(r, w, flush=True)\nprint(os.read(r, 80).decode(), flush=True)\nos.read(r, 1)",
  );
  const [theirs] = child.line().split(" ").slice(1).map(Number);
  const pidfd = pidfd_open(child.pid);
  const copy = pidfd_getfd(pidfd, theirs);
  write(copy, "from Deno");
  assertEquals(child.line(), "from Deno");
  fails("EBADF", () => pidfd_getfd(pidfd, 777));
  close(copy);
  close(pidfd);
});

/** The descriptors of this process that are the Deno runtime's. */
function runtimes(): number[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name)).filter((fd) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${fd}`) === "anon_inode:[eventpoll]";
    } catch {
      return false; // the directory's own
    }
  });
}

Deno.test("pidfd_getfd() copies the program's own descriptors, and none of the Deno runtime's", () => {
  const pidfd = pidfd_open(getpid());
  const [reader, writer] = pipe();
  try {
    const copy = pidfd_getfd(pidfd, writer);
    write(copy, "x");
    assertEquals(read(reader, new Uint8Array(2)), 1);
    close(copy);
    const list = runtimes();
    assert(list.length > 0);
    for (const fd of list) fails("EBADF", () => pidfd_getfd(pidfd, fd));
    fails("EBADF", () => pidfd_getfd(pidfd, 777));
  } finally {
    for (const fd of [pidfd, reader, writer]) close(fd);
  }
});

Deno.test("who is told of pidfd_getfd() by a trace cannot make it copy the runtime's descriptors", () => {
  const child = posix_spawnp("sleep", null, null, ["sleep", "600"]);
  const [theirs, ours] = [pidfd_open(child), pidfd_open(getpid())];
  try {
    using _ = trace((event) => {
      if (event.ev === "enter" && event.call === "pidfd_getfd") dup2(ours, theirs);
    });
    fails("EBADF", () => pidfd_getfd(theirs, runtimes()[0]));
  } finally {
    for (const fd of [theirs, ours]) close(fd);
    kill(child, SIGKILL);
    waitpid(child);
  }
});

Deno.test("a forked child's own descriptor refuses the runtime's, too", () => {
  const status = new WaitStatus();
  waitpid(
    fork(() => {
      const pidfd = pidfd_open(getpid());
      for (const fd of runtimes()) fails("EBADF", () => pidfd_getfd(pidfd, fd));
      return runtimes().length > 0 ? 9 : 1;
    }),
    status,
  );
  assertEquals(status.exitStatus, 9);
});

Deno.test("pidfd_send_signal() tells the process of the signal what it is given, as far as the kernel lets it", () => {
  const pid = posix_spawnp("sleep", null, null, ["sleep", "600"]);
  const pidfd = pidfd_open(pid);
  try {
    const info = new siginfo_t();
    fails("EINVAL", () => pidfd_send_signal(pidfd, SIGTERM, info)); // it is for no signal
    const view = new Int32Array(info.bytes.buffer);
    view[0] = SIGTERM;
    fails("EPERM", () => pidfd_send_signal(pidfd, SIGTERM, info)); // as if kill() had sent it
    view[2] = -1; // SI_QUEUE
    pidfd_send_signal(pidfd, SIGTERM, info);
  } finally {
    const status = new WaitStatus();
    waitpid(pid, status);
    assertEquals(status.terminatingSignal, "SIGTERM");
    close(pidfd);
  }
});

Deno.test("pidfd_open() and its relatives refuse what is no argument of theirs", () => {
  fails("EINVAL", () => pidfd_open(0));
  fails("EINVAL", () => pidfd_open(-1));
  fails("EINVAL", () => pidfd_open(getpid(), 1));
  fails("ESRCH", () => pidfd_open(2 ** 31 - 1));
  const pidfd = pidfd_open(getpid());
  const runtime = runtimes()[0];
  try {
    fails("EINVAL", () => pidfd_send_signal(pidfd, 65));
    fails("EINVAL", () => pidfd_send_signal(pidfd, -1));
    fails("EINVAL", () => pidfd_send_signal(pidfd, 0, null, 2 ** 32 - 1));
    fails("EINVAL", () => pidfd_getfd(pidfd, 0, 1));
    for (const fd of [-1, 777, 0, runtime]) {
      fails("EBADF", () => pidfd_send_signal(fd, 0));
      fails("EBADF", () => pidfd_getfd(fd, 0));
    }
    for (const bad of NOT_INTEGERS) {
      fails("EINVAL", () => pidfd_open(any(bad)));
      fails("EINVAL", () => pidfd_open(getpid(), any(bad)));
      fails("EINVAL", () => pidfd_send_signal(any(bad), 0));
      fails("EINVAL", () => pidfd_send_signal(pidfd, any(bad)));
      fails("EINVAL", () => pidfd_send_signal(pidfd, 0, null, any(bad)));
      fails("EINVAL", () => pidfd_getfd(any(bad), 0));
      fails("EINVAL", () => pidfd_getfd(pidfd, any(bad)));
      fails("EINVAL", () => pidfd_getfd(pidfd, 0, any(bad)));
    }
    for (const bad of [5, {}, new timeval(), new Uint8Array(128)]) {
      fails("EFAULT", () => pidfd_send_signal(pidfd, 0, any(bad)));
    }
  } finally {
    close(pidfd);
  }
});
