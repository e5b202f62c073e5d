/**
 * The errors of processes.
 *
 * @module
 */
import * as mod from "../../../mod.ts";
import {
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
import { OTHERS } from "./_programs.ts";

const WAIT: Record<string, Proof> = {
  EAGAIN: not("for waitid with a descriptor of a process"),
  ECHILD: () => mod.waitpid(Deno.pid, null, mod.WNOHANG),
  EINTR: RESTARTED,
};

/** Every error of these functions. */
export const errors: Errors = {
  fork: {
    EAGAIN: OTHERS,
    ENOMEM: MEMORY,
    ENOSYS: not("for machines without an MMU"),
    ERESTARTNOINTR: not("never leaves the kernel"),
  },
  _exit: {},
  getpid: {},
  getppid: {},
  execve: {
    E2BIG: () => mod.execve("/bin/sh", ["sh", "-c", ":", "x".repeat(1 << 20)], []),
    EACCES: OTHERS,
    EAGAIN: not("after setuid beyond the limit of processes"),
    EFAULT: NO_POINTER,
    EINVAL: not("needs a program with two interpreters"),
    EIO: BROKEN,
    EISDIR: not("needs a program whose ELF interpreter is a directory"),
    ELIBBAD: not("needs a program with a broken ELF interpreter"),
    ELOOP: () => withLoop((path) => mod.execve(path, [], [])),
    EMFILE: not("Linux opens the program without a descriptor"),
    ENAMETOOLONG: () => mod.execve(LONG, [], []),
    ENFILE: FILES,
    ENOENT: () => mod.execve("/none/none", [], []),
    ENOEXEC: () =>
      withDirectory((directory) => {
        Deno.writeTextFileSync(`${directory}/x`, "no program", { mode: 0o700 });
        mod.execve(`${directory}/x`, [], []);
      }),
    ENOMEM: MEMORY,
    ENOTDIR: () => mod.execve(NO_DIRECTORY, [], []),
    EPERM: not("needs a file system that is mounted nosuid, and a tracer"),
    ETXTBSY: () =>
      withDirectory((directory) => {
        Deno.copyFileSync("/bin/sh", `${directory}/sh`);
        withFile(`${directory}/sh`, mod.O_WRONLY, () => mod.execve(`${directory}/sh`, ["sh", "-c", ":"], []));
      }),
  },
  wait: WAIT,
  waitpid: {
    ...WAIT,
    EINVAL: () => mod.waitpid(-1, null, 0x40),
    ESRCH: () => mod.waitpid(-(2 ** 31), null, mod.WNOHANG),
  },
  wait3: { ...WAIT, EINVAL: () => mod.wait3(null, 0x40) },
  wait4: {
    ...WAIT,
    EINVAL: () => mod.wait4(-1, null, 0x40),
    ESRCH: () => mod.wait4(-(2 ** 31), null, mod.WNOHANG),
  },
};
