/**
 * Calls for other programs as children, users and sessions, and what processes do to each other.
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";
import { directory, fails, NO_PID, NOWHERE } from "./_support.ts";

/** Does something in a child, so that it is undone at its end. */
function inChild(action: () => void): void {
  const status = new ipc.WaitStatus();
  ipc.waitpid(ipc.fork(action), status, 0);
  if (status.exitStatus !== 0) throw new Error(`a child ${status}`);
}

export function spawning(): void {
  const path = `${directory}/spawned`;
  const actions = new ipc.posix_spawn_file_actions_t();
  ipc.posix_spawn_file_actions_init(actions);
  ipc.posix_spawn_file_actions_addopen(actions, 7, path, ipc.O_WRONLY | ipc.O_CREAT, 0o600);
  ipc.posix_spawn_file_actions_adddup2(actions, 7, 8);
  ipc.posix_spawn_file_actions_addclose(actions, 7);
  ipc.posix_spawn_file_actions_addchdir_np(actions, directory);
  ipc.posix_spawn_file_actions_addfchdir_np(actions, 0);
  const attributes = new ipc.posix_spawnattr_t();
  const set = new ipc.sigset_t();
  ipc.posix_spawnattr_init(attributes);
  ipc.posix_spawnattr_setflags(attributes, ipc.POSIX_SPAWN_SETPGROUP | ipc.POSIX_SPAWN_SETSIGMASK);
  ipc.posix_spawnattr_getflags(attributes);
  ipc.posix_spawnattr_setpgroup(attributes, 0);
  ipc.posix_spawnattr_getpgroup(attributes);
  ipc.posix_spawnattr_setsigdefault(attributes, set);
  ipc.posix_spawnattr_getsigdefault(attributes, set);
  ipc.posix_spawnattr_setsigmask(attributes, set);
  ipc.posix_spawnattr_getsigmask(attributes, set);
  fails("EINVAL", () => ipc.posix_spawnattr_setflags(attributes, 0x400));
  // its standard input is no directory
  fails("ENOTDIR", () => ipc.posix_spawn("/bin/true", actions, attributes, ["true"], []));
  ipc.posix_spawn_file_actions_destroy(actions);
  ipc.waitpid(ipc.posix_spawnp("true", null, attributes, ["true"], ["A=1"]), null, 0);
  ipc.posix_spawnattr_destroy(attributes);
  ipc.unlink(path);

  const info = new ipc.siginfo_t();
  const { P_ALL, P_PGID, P_PID, P_PIDFD, WEXITED, WNOHANG, WNOWAIT, WSTOPPED, WCONTINUED } = ipc;
  const exiting = ipc.fork(() => 3);
  ipc.waitid(P_PID, exiting, info, WEXITED | WNOWAIT);
  ipc.waitid(P_PID, exiting, null, WEXITED);
  const killed = ipc.fork(() => ipc.raise(ipc.SIGKILL));
  ipc.waitid(P_PGID, 0, info, WEXITED);
  const [gate, key] = ipc.pipe();
  const child = ipc.fork(() => {
    ipc.raise(ipc.SIGSTOP);
    ipc.read(gate, new Uint8Array(1), 1);
  });
  ipc.waitid(P_PID, child, info, WSTOPPED);
  ipc.waitid(P_ALL, 0, info, WEXITED | WNOHANG);
  const pidfd = ipc.pidfd_open(child);
  ipc.pidfd_send_signal(pidfd, ipc.SIGCONT);
  ipc.waitid(P_PIDFD, pidfd, info, WCONTINUED);
  fails("EAGAIN", () => {
    const nonblocking = ipc.pidfd_open(child, ipc.PIDFD_NONBLOCK);
    try {
      ipc.waitid(P_PIDFD, nonblocking, info, WEXITED);
    } finally {
      ipc.close(nonblocking);
    }
  });
  ipc.close(ipc.pidfd_getfd(pidfd, gate));
  fails("EBADF", () => ipc.pidfd_getfd(pidfd, NOWHERE));
  ipc.pidfd_send_signal(pidfd, 0);
  ipc.write(key, "x");
  ipc.waitid(P_PIDFD, pidfd, info, WEXITED);
  fails("ESRCH", () => ipc.pidfd_send_signal(pidfd, ipc.SIGTERM, null, 0));
  info.bytes.fill(0);
  fails("EINVAL", () => ipc.pidfd_send_signal(pidfd, ipc.SIGTERM, info, 0));
  fails("ESRCH", () => ipc.pidfd_open(NO_PID));
  fails("EINVAL", () => ipc.pidfd_open(child, 3));
  fails("ECHILD", () => ipc.waitid(P_PID, killed, info, WEXITED));
  fails("EINVAL", () => ipc.waitid(P_ALL, 0, null, 0x40));
  for (const fd of [gate, key, pidfd]) ipc.close(fd);

  const sh = ["sh", "-c", "exit 0"];
  inChild(() => ipc.execv("/bin/sh", sh));
  inChild(() => ipc.execvp("/bin/sh", sh));
  inChild(() => ipc.execvpe("/bin/sh", sh, ["A=1"]));
  inChild(() => ipc.fexecve(ipc.open("/bin/sh", ipc.O_RDONLY | ipc.O_CLOEXEC), sh, ["B=2"]));
  fails("ENOENT", () => ipc.execv("/none/none", ["x"]));
  fails("ENOENT", () => ipc.execvp("/none/none", ["x"]));
  fails("ENOENT", () => ipc.execvpe("/none/none", ["x"], []));
  fails("EACCES", () => ipc.fexecve(0, ["x"], []));
}

export function identities(): void {
  ipc.gettid();
  const [uid, gid] = [ipc.getuid(), ipc.getgid()];
  ipc.geteuid();
  ipc.getegid();
  ipc.getresuid();
  ipc.getresgid();
  const groups = ipc.getgroups();
  inChild(() => {
    if (uid === 0) {
      ipc.setgroups([5, 7]);
      ipc.getgroups();
      ipc.setgroups(groups);
    }
    ipc.setreuid(-1, uid);
    ipc.setregid(-1, gid);
    ipc.setresuid(-1, uid, -1);
    ipc.setresgid(gid, -1, -1);
    ipc.seteuid(uid);
    ipc.setegid(gid);
    ipc.setgid(gid);
    ipc.setuid(uid);
    ipc.setpgid(0, 0);
    ipc.getpgid(0);
    ipc.getsid(0);
    ipc.getpgrp();
    ipc.setpgrp();
  });
  inChild(() => {
    ipc.setsid();
    fails("EPERM", () => ipc.setsid());
    fails("EPERM", () => ipc.setpgrp());
    fails("EPERM", () => ipc.setpgid(0, 0));
    if (uid === 0) ipc.setuid(65534);
    fails("EPERM", () => ipc.setgroups([1]));
    fails("EPERM", () => ipc.setuid(1));
    fails("EPERM", () => ipc.seteuid(1));
    fails("EPERM", () => ipc.setreuid(1, 1));
    fails("EPERM", () => ipc.setresuid(1, 2, 3));
    fails("EPERM", () => ipc.setgid(1));
    fails("EPERM", () => ipc.setegid(1));
    fails("EPERM", () => ipc.setregid(1, 1));
    fails("EPERM", () => ipc.setresgid(1, 2, 3));
  });
  fails("ESRCH", () => ipc.getpgid(NO_PID));
  fails("ESRCH", () => ipc.getsid(NO_PID));
}

export function others(): void {
  inChild(() => {
    ipc.prctl(ipc.PR_SET_PDEATHSIG, ipc.SIGTERM);
    ipc.prctl(ipc.PR_GET_PDEATHSIG);
    ipc.prctl(ipc.PR_SET_NAME, 'a "name"');
    ipc.prctl(ipc.PR_GET_NAME);
    for (const value of [1, 0]) {
      ipc.prctl(ipc.PR_SET_DUMPABLE, value);
      ipc.prctl(ipc.PR_SET_KEEPCAPS, value);
      ipc.prctl(ipc.PR_SET_CHILD_SUBREAPER, value);
    }
    ipc.prctl(ipc.PR_GET_DUMPABLE);
    ipc.prctl(ipc.PR_GET_KEEPCAPS);
    ipc.prctl(ipc.PR_GET_CHILD_SUBREAPER);
    ipc.prctl(ipc.PR_SET_TIMERSLACK, 60_000);
    ipc.prctl(ipc.PR_GET_TIMERSLACK);
    ipc.prctl(ipc.PR_GET_NO_NEW_PRIVS);
    ipc.prctl(ipc.PR_SET_NO_NEW_PRIVS, 1);
    fails("EINVAL", () => ipc.prctl(ipc.PR_SET_PDEATHSIG, 65));
    ipc.unshare(ipc.CLONE_FS | ipc.CLONE_SYSVSEM);
    ipc.unshare(ipc.CLONE_NEWUSER | ipc.CLONE_NEWIPC | ipc.CLONE_NEWNET | ipc.CLONE_NEWUTS);
    const own = ipc.open("/proc/self/ns/ipc", ipc.O_RDONLY);
    ipc.setns(own, ipc.CLONE_NEWIPC);
    ipc.setns(own, 0);
    fails("EINVAL", () => ipc.setns(own, ipc.CLONE_NEWUTS));
    ipc.sched_setaffinity(0, ipc.sched_getaffinity(0));
    ipc.sched_setaffinity(0, ipc.sched_getaffinity(0).slice(0, 1));
    ipc.sched_yield();
  });
  fails("EINVAL", () => ipc.unshare(ipc.CLONE_NEWUSER));
  fails("ESRCH", () => ipc.sched_getaffinity(NO_PID));
  fails("ESRCH", () => ipc.sched_setaffinity(NO_PID, [0, 1]));

  const [reader, writer] = ipc.pipe();
  const [a, b] = [new Uint8Array(3), new Uint8Array(80)];
  ipc.writev(writer, ["head", new Uint8Array([0, 1, 255]), ""]);
  ipc.readv(reader, [a, b]);
  fails("EBADF", () => ipc.readv(writer, [a]));
  fails("EBADF", () => ipc.writev(reader, ["x", a]));
  fails("EBADF", () => ipc.writev(NOWHERE, []));
  // a child that has this process's memory, at the same addresses
  const child = ipc.fork(() => void ipc.read(reader, a));
  const at = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(b)));
  ipc.process_vm_readv(child, [a, b], [[at, 4], [at + 4n, 2]]);
  ipc.process_vm_writev(child, [a, new Uint8Array(3)], [[at, 6]]);
  fails("EFAULT", () => ipc.process_vm_readv(child, [a], [[16, 3]]));
  fails("EFAULT", () => ipc.process_vm_writev(child, [a], [[16, 3]]));
  fails("ESRCH", () => ipc.process_vm_readv(NO_PID, [a], [[at, 3]]));
  fails("ESRCH", () => ipc.process_vm_writev(NO_PID, [a], [[at, 3]]));
  ipc.write(writer, "x");
  ipc.waitpid(child, null, 0);
  ipc.close(reader);
  ipc.close(writer);
}
