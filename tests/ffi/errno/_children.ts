/**
 * The errors of other programs as children, of users, groups and sessions, and of what processes may do to each other.
 *
 * @module
 */
import * as mod from "../../../mod.ts";
import {
  at,
  BROKEN,
  type Errors,
  FILES,
  LONG,
  MEMORY,
  NO_DIRECTORY,
  NO_POINTER,
  not,
  type Proof,
  RESTARTED,
  withDirectory,
  withFile,
  withLoop,
} from "./_proofs.ts";
import { INTERRUPTED_VECTORS, limiting, unprivileged } from "./_programs.ts";

/** Calls that another user may not make. */
const OTHERS = unprivileged(
  "users, namespaces and other users' processes are closed with EPERM or EACCES to who is not privileged",
  `
    for (const name of ["setuid", "seteuid", "setgid", "setegid"]) attempt(name + " EPERM", () => c[name](0));
    for (const name of ["setreuid", "setregid"]) attempt(name + " EPERM", () => c[name](0, 0));
    for (const name of ["setresuid", "setresgid"]) attempt(name + " EPERM", () => c[name](0, 0, 0));
    attempt("setgroups EPERM", () => c.setgroups([]));
    attempt("unshare EPERM", () => c.unshare(c.CLONE_NEWIPC));
    attempt("setns EPERM", () => c.setns(c.open("/proc/self/ns/ipc", c.O_RDONLY), c.CLONE_NEWIPC));
    attempt("sched_setaffinity EPERM", () => c.sched_setaffinity(1, [0]));
    const pidfd = c.pidfd_open(1);
    attempt("pidfd_send_signal EPERM", () => c.pidfd_send_signal(pidfd, 0));
    attempt("pidfd_getfd EPERM", () => c.pidfd_getfd(pidfd, 0));
    attempt("process_vm_readv EPERM", () => c.process_vm_readv(1, [new Uint8Array(1)], [[4096, 1]]));
    attempt("process_vm_writev EPERM", () => c.process_vm_writev(1, [new Uint8Array(1)], [[4096, 1]]));
    const path = closed + "/x";
    attempt("execv EACCES", () => c.execv(path, []));
    attempt("execvp EACCES", () => c.execvp(path, []));
    attempt("execvpe EACCES", () => c.execvpe(path, [], []));
    attempt("posix_spawn EACCES", () => c.posix_spawn(path, null, null, []));
    attempt("posix_spawnp EACCES", () => c.posix_spawnp(path, null, null, []));
    // the number of processes is limited while this waits
    say("ready");
    c.fgets(new Uint8Array(2), 2, c.stdin);
    attempt("posix_spawn EAGAIN", () => c.posix_spawn("/bin/true", null, null, ["true"]));
    attempt("posix_spawnp EAGAIN", () => c.posix_spawnp("true", null, null, ["true"]));`,
);

/** Descriptors of processes, with none left. */
const CONFINED = limiting(
  "calls that make descriptors of processes fail with EMFILE if there are none left",
  "-n 100",
  `
    const pidfd = c.pidfd_open(c.getpid());
    try { while (true) c.socket(c.AF_UNIX, c.SOCK_STREAM, 0); } catch { /* that was the last one */ }
    attempt("pidfd_open", () => c.pidfd_open(c.getpid()));
    attempt("pidfd_getfd", () => c.pidfd_getfd(pidfd, 0));`,
);

const NEVER_LEAVES = not("never leaves the kernel");
const NO_LIMIT = not("needs a number of processes beyond the limit, which Linux has only execve fail for");
const USERS = at("ffi/libc/identity", "what is no user or group is refused");

const SETS_USER: Record<string, Proof> = { EAGAIN: NO_LIMIT, EINVAL: USERS, EPERM: OTHERS };
const SETS_GROUP: Record<string, Proof> = { EINVAL: USERS, EPERM: OTHERS };

const NO_MAPPING = not("-1 changes nothing; needs a user namespace that lacks the id");
const UNUSED_OPTION = not("for operations that are refused here");

/** The errors of what runs a file, by whichever function. */
function runs(exec: (path: string, argv: string[]) => unknown): Record<string, Proof> {
  return {
    E2BIG: () => exec("/bin/sh", ["sh", "-c", ":", "x".repeat(1 << 20)]),
    EAGAIN: not("after setuid beyond the limit of processes"),
    EFAULT: NO_POINTER,
    EINVAL: not("needs a program with two interpreters"),
    EIO: BROKEN,
    EISDIR: not("needs a program whose ELF interpreter is a directory"),
    ELIBBAD: not("needs a program with a broken ELF interpreter"),
    EMFILE: not("Linux opens the program without a descriptor"),
    ENFILE: FILES,
    ENOMEM: MEMORY,
    EPERM: not("needs a file system that is mounted nosuid, and a tracer"),
    ETXTBSY: () =>
      withDirectory((directory) => {
        Deno.copyFileSync("/bin/sh", `${directory}/sh`);
        withFile(`${directory}/sh`, mod.O_WRONLY, () => exec(`${directory}/sh`, ["sh", "-c", ":"]));
      }),
  };
}

/** The same, and those of a path. */
function runsPath(exec: (path: string, argv: string[]) => unknown): Record<string, Proof> {
  return {
    ...runs(exec),
    EACCES: OTHERS,
    ELOOP: () => withLoop((path) => exec(path, [])),
    ENAMETOOLONG: () => exec(LONG, []),
    ENOENT: () => exec("/none/none", []),
    ENOTDIR: () => exec(NO_DIRECTORY, []),
  };
}

const NO_PROGRAM = (exec: (path: string, argv: string[]) => unknown): Proof => () =>
  withDirectory((directory) => {
    Deno.writeTextFileSync(`${directory}/x`, "no program", { mode: 0o700 });
    exec(`${directory}/x`, []);
  });
const TO_THE_SHELL = at("ffi/libc/identity", "execvp() gives what is no program to the shell; execv() does not");

const execv = (path: string, argv: string[]) => mod.execv(path, argv);
const execvp = (path: string, argv: string[]) => mod.execvp(path, argv);
const execvpe = (path: string, argv: string[]) => mod.execvpe(path, argv, []);
const fexecve = (path: string, argv: string[]) =>
  withFile(path, mod.O_RDONLY | mod.O_CLOEXEC, (fd) => mod.fexecve(fd, argv, []));
const spawn = (path: string, argv: string[]) => mod.posix_spawn(path, null, null, argv);
const spawnp = (path: string, argv: string[]) => mod.posix_spawnp(path, null, null, argv);

const ACTIONS = "ffi/libc/spawn";
const BAD_ACTIONS = at(ACTIONS, "posix_spawn() and its relatives refuse what is no argument of theirs");
const ACTION: Record<string, Proof> = { ENOMEM: MEMORY };
const SPAWN: Record<string, Proof> = {
  EAGAIN: OTHERS,
  EBADF: at(ACTIONS, "an action that fails in the child is the error of posix_spawn()"),
  EPERM: at(ACTIONS, "the child leads a process group or a session, or joins a group"),
  ENOSYS: not("for systems without it"),
  ERESTARTNOINTR: NEVER_LEAVES,
};

const AFFINITY_EINVAL = at("ffi/libc/sched", "the functions of affinity refuse what is no argument of theirs");
const NAMESPACES = "ffi/libc/sched";
const VECTORS = at(
  "ffi/libc/sys/uio",
  "readv() and writev() fail as read() and write() do, and with what is no list of buffers",
);
const REMOTE = "ffi/libc/sys/uio";
const withOurs = (use: (pidfd: number) => unknown) => {
  const pidfd = mod.pidfd_open(Deno.pid);
  try {
    use(pidfd);
  } finally {
    mod.close(pidfd);
  }
};
const ENDED = (use: (pidfd: number) => unknown): Proof => () => {
  const pid = mod.posix_spawn("/bin/true", null, null, ["true"]);
  const pidfd = mod.pidfd_open(pid);
  mod.waitpid(pid);
  try {
    use(pidfd);
  } finally {
    mod.close(pidfd);
  }
};
const buffer = new Uint8Array(1);

/** Every error of these functions. */
export const errors: Errors = {
  execv: { ...runsPath(execv), ENOEXEC: NO_PROGRAM(execv) },
  execvp: { ...runsPath(execvp), ENOEXEC: TO_THE_SHELL },
  execvpe: { ...runsPath(execvpe), ENOEXEC: TO_THE_SHELL },
  fexecve: {
    ...runs(fexecve),
    EACCES: at("ffi/libc/identity", "execv() and its relatives come back only with an error"),
    EINVAL: not("in other libcs; what is no descriptor is EBADF"),
    ENOENT: () =>
      withDirectory((directory) => {
        Deno.writeTextFileSync(`${directory}/x`, "#!/bin/sh\n", { mode: 0o700 });
        fexecve(`${directory}/x`, ["x"]);
      }),
    ENOEXEC: NO_PROGRAM(fexecve),
    ENOSYS: not("for kernels before 3.19 without /proc"),
  },
  posix_spawn: { ...runsPath(spawn), ...SPAWN, ENOEXEC: NO_PROGRAM(spawn) },
  posix_spawnp: { ...runsPath(spawnp), ...SPAWN, ENOEXEC: NO_PROGRAM(spawnp) },
  posix_spawn_file_actions_init: ACTION,
  posix_spawn_file_actions_destroy: {},
  posix_spawn_file_actions_addopen: { ...ACTION, EBADF: BAD_ACTIONS },
  posix_spawn_file_actions_addclose: { ...ACTION, EBADF: BAD_ACTIONS },
  posix_spawn_file_actions_adddup2: { ...ACTION, EBADF: BAD_ACTIONS },
  posix_spawn_file_actions_addchdir_np: ACTION,
  posix_spawn_file_actions_addfchdir_np: {
    ...ACTION,
    EBADF: at(ACTIONS, "the Deno runtime's descriptors are given to no child"),
  },
  posix_spawnattr_init: ACTION,
  posix_spawnattr_destroy: {},
  posix_spawnattr_setflags: { EINVAL: () => mod.posix_spawnattr_setflags(new mod.posix_spawnattr_t(), 0x400) },
  posix_spawnattr_getflags: {},
  posix_spawnattr_setpgroup: {},
  posix_spawnattr_getpgroup: {},
  posix_spawnattr_setsigdefault: {},
  posix_spawnattr_getsigdefault: {},
  posix_spawnattr_setsigmask: {},
  posix_spawnattr_getsigmask: {},
  gettid: {},
  getuid: {},
  geteuid: {},
  getgid: {},
  getegid: {},
  getresuid: { EFAULT: NO_POINTER },
  getresgid: { EFAULT: NO_POINTER },
  getgroups: {
    EFAULT: NO_POINTER,
    EINVAL: not("the size is that of the call before; only another thread could change the groups between the two"),
  },
  setuid: SETS_USER,
  setgid: SETS_GROUP,
  seteuid: { EINVAL: USERS, EPERM: OTHERS },
  setegid: SETS_GROUP,
  setreuid: { EAGAIN: NO_LIMIT, EINVAL: NO_MAPPING, EPERM: OTHERS },
  setregid: { EAGAIN: NO_LIMIT, EINVAL: NO_MAPPING, EPERM: OTHERS },
  setresuid: { EAGAIN: NO_LIMIT, EINVAL: NO_MAPPING, EPERM: OTHERS },
  setresgid: { EAGAIN: NO_LIMIT, EINVAL: NO_MAPPING, EPERM: OTHERS },
  setgroups: { EFAULT: NO_POINTER, EINVAL: USERS, ENOMEM: MEMORY, EPERM: OTHERS },
  getpgid: { ESRCH: () => mod.getpgid(2 ** 31 - 1), EPERM: not("Linux tells it of every process") },
  setpgid: {
    EACCES: () => {
      const pid = mod.posix_spawn("/bin/sleep", null, null, ["sleep", "600"]);
      try {
        mod.setpgid(pid, 0);
      } finally {
        mod.kill(pid, mod.SIGKILL);
        mod.waitpid(pid);
      }
    },
    EINVAL: () => mod.setpgid(0, -1),
    EPERM: at("ffi/libc/identity", "sessions and process groups, and that of another process as ps(1) tells it"),
    ESRCH: () => mod.setpgid(1, 0),
  },
  getpgrp: {},
  setpgrp: {
    EPERM: at("ffi/libc/identity", "sessions and process groups, and that of another process as ps(1) tells it"),
  },
  getsid: { ESRCH: () => mod.getsid(2 ** 31 - 1), EPERM: not("Linux tells it of every process") },
  setsid: {
    EPERM: at("ffi/libc/identity", "sessions and process groups, and that of another process as ps(1) tells it"),
  },
  waitid: {
    EAGAIN: at(
      "ffi/libc/sys/waitid",
      "waitid() waits for any child, for those of a group, and for that of a descriptor",
    ),
    EBADF: () => mod.waitid(mod.P_PIDFD, 777, null, mod.WEXITED),
    ECHILD: () => mod.waitid(mod.P_PID, Deno.pid, null, mod.WEXITED | mod.WNOHANG),
    EINTR: RESTARTED,
    EINVAL: () => mod.waitid(mod.P_ALL, 0, null, 0),
  },
  pidfd_open: {
    EINVAL: () => mod.pidfd_open(0),
    EMFILE: CONFINED,
    ENFILE: FILES,
    ENODEV: not("a kernel that has pidfd_open has it"),
    ENOMEM: MEMORY,
    ESRCH: () => mod.pidfd_open(2 ** 31 - 1),
  },
  pidfd_send_signal: {
    EBADF: () => mod.pidfd_send_signal(0, 0),
    EINVAL: () => withOurs((pidfd) => mod.pidfd_send_signal(pidfd, 65)),
    EPERM: OTHERS,
    ESRCH: ENDED((pidfd) => mod.pidfd_send_signal(pidfd, 0)),
  },
  pidfd_getfd: {
    EBADF: () => withOurs((pidfd) => mod.pidfd_getfd(pidfd, 777)),
    EINVAL: () => withOurs((pidfd) => mod.pidfd_getfd(pidfd, 0, 1)),
    EMFILE: CONFINED,
    ENFILE: FILES,
    EPERM: OTHERS,
    ESRCH: ENDED((pidfd) => mod.pidfd_getfd(pidfd, 0)),
  },
  prctl: {
    EACCES: UNUSED_OPTION,
    EBADF: UNUSED_OPTION,
    EBUSY: UNUSED_OPTION,
    EFAULT: NO_POINTER,
    EINVAL: () => mod.prctl(mod.PR_SET_PDEATHSIG, 65),
    ENODEV: UNUSED_OPTION,
    ENXIO: UNUSED_OPTION,
    EOPNOTSUPP: UNUSED_OPTION,
    EPERM: not("of the operations here only PR_SET_KEEPCAPS, where a securebit forbids it"),
    ERANGE: UNUSED_OPTION,
  },
  readv: {
    EAGAIN: INTERRUPTED_VECTORS,
    EBADF: VECTORS,
    EFAULT: VECTORS,
    EINTR: INTERRUPTED_VECTORS,
    EINVAL: VECTORS,
    EIO: BROKEN,
    EISDIR: () => withFile("/", mod.O_RDONLY, (fd) => mod.readv(fd, [buffer])),
    EOPNOTSUPP: not("for preadv2 and pwritev2"),
  },
  writev: {
    EAGAIN: INTERRUPTED_VECTORS,
    EBADF: VECTORS,
    EFAULT: VECTORS,
    EINTR: INTERRUPTED_VECTORS,
    EINVAL: VECTORS,
    EIO: BROKEN,
    ENOSPC: () => withFile("/dev/full", mod.O_WRONLY, (fd) => mod.writev(fd, ["x"])),
    EPIPE: VECTORS,
    EOPNOTSUPP: not("for preadv2 and pwritev2"),
  },
  process_vm_readv: {
    EFAULT: at(REMOTE, "the memory of a C program is read and written"),
    EINVAL: () => mod.process_vm_readv(1, [buffer], [[4096, 1]], 1),
    ENOMEM: MEMORY,
    EPERM: OTHERS,
    ESRCH: () => mod.process_vm_readv(2 ** 31 - 1, [buffer], [[4096, 1]]),
  },
  process_vm_writev: {
    EFAULT: at(REMOTE, "the memory of a C program is read and written"),
    EINVAL: () => mod.process_vm_writev(1, [buffer], [[4096, 1]], 1),
    ENOMEM: MEMORY,
    EPERM: OTHERS,
    ESRCH: () => mod.process_vm_writev(2 ** 31 - 1, [buffer], [[4096, 1]]),
  },
  unshare: {
    EINVAL: at(NAMESPACES, "in a process of several threads the kernel or the library refuses what they have to share"),
    ENOMEM: MEMORY,
    ENOSPC: not("needs more namespaces than the system's limit"),
    EPERM: OTHERS,
    EUSERS: not("Linux 4.9 and on say ENOSPC"),
  },
  setns: {
    EBADF: () => mod.setns(777, 0),
    EINVAL: () => mod.setns(0, 0),
    ENOMEM: MEMORY,
    EPERM: OTHERS,
    ESRCH: ENDED((pidfd) => mod.setns(pidfd, mod.CLONE_NEWIPC)),
  },
  sched_yield: {},
  sched_getaffinity: {
    EFAULT: NO_POINTER,
    EINVAL: not("needs more than 1024 processors"),
    ESRCH: () => mod.sched_getaffinity(2 ** 31 - 1),
  },
  sched_setaffinity: {
    EFAULT: NO_POINTER,
    EINVAL: AFFINITY_EINVAL,
    EPERM: OTHERS,
    ESRCH: () => mod.sched_setaffinity(2 ** 31 - 1, [0]),
  },
};
