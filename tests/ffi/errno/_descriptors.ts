/**
 * The errors of what belongs to descriptors and files: flags, locks, positions, sizes, permissions; and of limits.
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
  RESTARTED,
  withDirectory,
  withLoop,
} from "./_proofs.ts";
import { interrupting, unprivileged } from "./_programs.ts";

const INTERRUPTED = interrupting(
  "select() fails with EINTR if a signal comes",
  `say("ready"); attempt("select", () => c.select(0, null, null, null, 60));`,
);

/** Calls that another user may not make. */
export const OTHERS = unprivileged(
  "calls for descriptors and files fail with EACCES or EPERM for who is not privileged",
  `
    attempt("chdir EACCES", () => c.chdir(closed));
    attempt("mkfifo EACCES", () => c.mkfifo(closed + "/x"));
    attempt("chmod EACCES", () => c.chmod(closed + "/x", 0o600));
    attempt("chmod EPERM", () => c.chmod(file, 0o600));
    attempt("open EPERM", () => c.open(file, c.O_RDONLY | c.O_NOATIME));
    const fd = c.open(file, c.O_RDONLY);
    attempt("fchmod EPERM", () => c.fchmod(fd, 0o600));
    const [reader] = c.pipe();
    attempt("fcntl EPERM", () => c.fcntl(reader, c.F_SETPIPE_SZ, 2 ** 30));
    c.setrlimit(c.RLIMIT_CORE, new c.rlimit());
    attempt("setrlimit EPERM", () => c.setrlimit(c.RLIMIT_CORE, new c.rlimit(1n, 1n)));`,
);

const READ_ONLY = not("needs a file system that is mounted for reading only");
const QUOTAS = not("needs a file system with quotas");
const LOCKS = not("the system would have to run out of locks, or the file be on another machine");
const WRONG_FD = at(
  "ffi/libc/unistd_files",
  "what is no descriptor, and what is no number, is EBADF and EINVAL to the functions of files",
);
const FULL = at("ffi/libc/unistd_files", "dup() and pipe2() fail with EMFILE when there are no descriptors left");
const WRONG_FCNTL = at(
  "ffi/libc/fcntl",
  "fcntl() refuses with EINVAL what it does not know, and with EINVAL or EFAULT a wrong argument",
);
const PYTHONS = at(
  "ffi/libc/fcntl",
  "fcntl() tells of Python's lock whose it is, and fails with EAGAIN, or waits for it",
);
const WRONG_STAT = at(
  "ffi/libc/sys/stat",
  "mkfifo(), chmod(), fchmod(), umask() and fstat() fail with EINVAL or EFAULT on wrong arguments",
);
const WRONG_SELECT = at(
  "ffi/libc/sys/select",
  "select() fails with EBADF, EINVAL or EFAULT on wrong arguments, and the sets stay as they are",
);
const WRONG_LIMIT = at(
  "ffi/libc/sys/resource",
  "getrusage(), getrlimit() and setrlimit() fail with EINVAL or EFAULT on wrong arguments",
);
/** What is written beyond a limit. */
export const TOO_LARGE = at(
  "ffi/libc/sys/resource",
  "write() and ftruncate() fail with EFBIG beyond RLIMIT_FSIZE if SIGXFSZ is ignored",
);

/** What is sealed. */
export const SEALED = at("ffi/libc/fcntl", "fcntl() seals a file of memory, which fails with EPERM then to change so");

/** Every error of these functions. */
export const errors: Errors = {
  fcntl: {
    EACCES: not("Linux says EAGAIN"),
    EAGAIN: PYTHONS,
    EBADF: at("ffi/libc/fcntl", "fcntl() fails with EBADF if a lock asks for more than the file was opened for"),
    EBUSY: at(
      "ffi/libc/fcntl",
      "fcntl() sets how many bytes a pipe holds, and fails with EBUSY if there are more in it",
    ),
    EDEADLK: at("ffi/libc/fcntl", "fcntl() fails with EDEADLK if who has the lock waits for this process"),
    EFAULT: WRONG_FCNTL,
    EINTR: RESTARTED,
    EINVAL: WRONG_FCNTL,
    EMFILE: at("ffi/libc/fcntl", "fcntl() fails with EMFILE when there are no descriptors left"),
    ENOLCK: LOCKS,
    ENOTDIR: not("for F_NOTIFY, which the library does not know"),
    EOVERFLOW: at("ffi/libc/fcntl", "fcntl() fails with EBADF if a lock asks for more than the file was opened for"),
    EPERM: OTHERS,
    ESRCH: at(
      "ffi/libc/fcntl",
      "fcntl() tells a process group as a negative number, and fails with ESRCH where there is none",
    ),
  },
  flock: {
    EAGAIN: at(
      "ffi/libc/sys/file",
      "flock(): one has LOCK_EX, or many have LOCK_SH; the others get EAGAIN with LOCK_NB",
    ),
    EBADF: at("ffi/libc/sys/file", "flock() fails with EINVAL or EBADF on wrong arguments"),
    EINTR: RESTARTED,
    EINVAL: at("ffi/libc/sys/file", "flock() fails with EINVAL or EBADF on wrong arguments"),
    ENOLCK: LOCKS,
  },
  pipe2: {
    EFAULT: NO_POINTER,
    EINVAL: () => mod.pipe2(mod.O_APPEND),
    EMFILE: FULL,
    ENFILE: FILES,
    ENOPKG: not("for a flag that this library does not declare, where the kernel is built without what it is for"),
  },
  dup: { EBADF: () => mod.dup(-1), EMFILE: FULL, ENOMEM: MEMORY },
  dup3: {
    EBADF: () => mod.dup3(-1, 600, 0),
    EBUSY: not("a race with open on another thread"),
    EINTR: not("as for close"),
    EINVAL: () => mod.dup3(1, 1, 0),
    EMFILE: not("for dup; a number beyond the limit is EBADF"),
    ENOMEM: MEMORY,
  },
  lseek: {
    EBADF: WRONG_FD,
    EINVAL: at("ffi/libc/unistd_files", "lseek() and ftruncate() go as far as files do"),
    ENXIO: at("ffi/libc/unistd_files", "lseek() finds data and holes, and fails with ENXIO beyond the end"),
    EOVERFLOW: at("ffi/libc/unistd_files", "lseek() fails with EOVERFLOW where no number says the position exactly"),
    ESPIPE: at("ffi/libc/unistd_files", "lseek() fails with ESPIPE, ftruncate() and fsync() with EINVAL on a pipe"),
  },
  ftruncate: {
    EBADF: WRONG_FD,
    EFBIG: TOO_LARGE,
    EINTR: not("a file on another machine, or one that is leased"),
    EINVAL: at("ffi/libc/unistd_files", "lseek() fails with ESPIPE, ftruncate() and fsync() with EINVAL on a pipe"),
    EIO: BROKEN,
    EPERM: SEALED,
    EROFS: READ_ONLY,
    ETXTBSY: not("a program that runs cannot be opened for writing"),
  },
  fsync: {
    EBADF: WRONG_FD,
    EDQUOT: QUOTAS,
    EINTR: not("a file on another machine"),
    EINVAL: at("ffi/libc/unistd_files", "lseek() fails with ESPIPE, ftruncate() and fsync() with EINVAL on a pipe"),
    EIO: BROKEN,
    ENOSPC: not("for file systems over a network that write only now"),
    EROFS: not("for what is no regular file, where it cannot be written"),
  },
  chdir: {
    EACCES: OTHERS,
    EFAULT: NO_POINTER,
    EIO: BROKEN,
    ELOOP: () => withLoop((path) => mod.chdir(path)),
    ENAMETOOLONG: () => mod.chdir(LONG),
    ENOENT: () => mod.chdir("/none/none"),
    ENOMEM: MEMORY,
    ENOTDIR: () => mod.chdir("/dev/null"),
  },
  fstat: { EBADF: WRONG_FD, EFAULT: WRONG_STAT, ENOMEM: MEMORY, EOVERFLOW: not("for programs of 32-bit systems") },
  mkfifo: {
    EACCES: OTHERS,
    EDQUOT: QUOTAS,
    EEXIST: () => mod.mkfifo("/"),
    ELOOP: () => withLoop((path) => mod.mkfifo(`${path}/x`)),
    ENAMETOOLONG: () => mod.mkfifo(LONG),
    ENOENT: () => withDirectory((path) => mod.mkfifo(`${path}/none/x`)),
    ENOSPC: BROKEN,
    ENOTDIR: () => mod.mkfifo(NO_DIRECTORY),
    EROFS: READ_ONLY,
  },
  chmod: {
    EACCES: OTHERS,
    EFAULT: NO_POINTER,
    EIO: BROKEN,
    ELOOP: () => withLoop((path) => mod.chmod(path, 0o600)),
    ENAMETOOLONG: () => mod.chmod(LONG, 0o600),
    ENOENT: () => withDirectory((path) => mod.chmod(`${path}/none`, 0o600)),
    ENOMEM: MEMORY,
    ENOTDIR: () => mod.chmod(NO_DIRECTORY, 0o600),
    EPERM: OTHERS,
    EROFS: READ_ONLY,
  },
  fchmod: { EBADF: WRONG_FD, EIO: BROKEN, EPERM: OTHERS, EROFS: READ_ONLY },
  umask: {},
  select: { EBADF: WRONG_SELECT, EFAULT: WRONG_SELECT, EINTR: INTERRUPTED, EINVAL: WRONG_SELECT, ENOMEM: MEMORY },
  getrusage: { EFAULT: WRONG_LIMIT, EINVAL: WRONG_LIMIT },
  getrlimit: { EFAULT: WRONG_LIMIT, EINVAL: WRONG_LIMIT },
  setrlimit: {
    EFAULT: WRONG_LIMIT,
    EINVAL: WRONG_LIMIT,
    EOPNOTSUPP: at(
      "ffi/libc/sys/resource",
      "setrlimit() fails with EOPNOTSUPP where the runtime could not live with the limit",
    ),
    EPERM: OTHERS,
  },
};
