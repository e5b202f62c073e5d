/**
 * The errors of mappings, and of what lies in them.
 *
 * @module
 */
import * as mod from "../../../mod.ts";
import { interrupting, limiting, unprivileged } from "./_programs.ts";
import {
  at,
  type Errors,
  FILES,
  LONG,
  MEMORY,
  NO_POINTER,
  not,
  type Proof,
  withDirectory,
  withFile,
} from "./_proofs.ts";

const { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, O_CREAT, O_RDONLY, O_RDWR } = mod;
const BOTH = 3; // PROT_READ | PROT_WRITE

const CONFINED = limiting(
  "calls for memory fail with EMFILE if there are no descriptors left",
  "-n 60",
  `
  const fds = [];
  try { while (true) fds.push(c.memfd_create("x")); } catch { /* that was the last one */ }
  attempt("memfd_create", () => c.memfd_create("x"));
  attempt("shm_open", () => c.shm_open("/ipc_playground_none", c.O_RDONLY));
  attempt("sem_open", () => c.sem_open("/ipc_playground_none", 0));`,
);

const NOBODY = unprivileged(
  "calls for memory fail with EAGAIN or ENOMEM for who is not privileged",
  `
  const memory = c.mmap(null, 1 << 30, 3, c.MAP_PRIVATE | c.MAP_ANONYMOUS);
  attempt("mlock ENOMEM", () => c.mlock(memory));
  attempt("mmap EAGAIN", () => c.mmap(null, 1 << 30, 3, c.MAP_PRIVATE | c.MAP_ANONYMOUS | c.MAP_LOCKED));`,
);

/** Maps a page of memory. */
function withPage(use: (memory: Uint8Array<ArrayBuffer>) => unknown): void {
  const memory = mod.mmap(null, 4096, BOTH, MAP_PRIVATE | MAP_ANONYMOUS);
  try {
    use(memory);
  } finally {
    mod.munmap(memory);
  }
}

function withReadable(use: (fd: number) => unknown): void {
  withDirectory((directory) => {
    mod.close(mod.open(`${directory}/file`, O_RDWR | O_CREAT));
    withFile(`${directory}/file`, O_RDONLY, use);
  });
}

const ARGUMENTS = at(
  "ffi/libc/sys/mman",
  "mmap() fails with EINVAL, EBADF, ENODEV, EACCES or ENOMEM on wrong arguments",
);
const NO_MAPPING = at("ffi/libc/sys/mman", "what is given something else than a mapping fails with EINVAL");
const UNMAPPED: Proof = not("pages that are not mapped: only what is mapped is taken here");

const SEMAPHORES = at(
  "ffi/libc/semaphore",
  "sem_trywait() fails with EAGAIN, sem_timedwait() with ETIMEDOUT, sem_post() with EOVERFLOW",
);
const SEMAPHORES_NAMED = at(
  "ffi/libc/semaphore",
  "sem_open() finds what another has made, and sem_unlink() takes its name away",
);
const SEMAPHORES_WRONG = at(
  "ffi/libc/semaphore",
  "a semaphore is refused where there is no shared memory for it, or what lies there is none",
);
const MUTEXES = at(
  "ffi/libc/pthread",
  "a mutex that checks errors fails with EDEADLK, EPERM and EBUSY; a recursive one is locked as often as one likes",
);
const ATTRIBUTES = at("ffi/libc/pthread", "attributes are as they were set, and refuse what there is not");
const HELD = at(
  "ffi/libc/pthread",
  "a robust mutex that is locked holds its memory; others and those of a forked child's parent do not",
);
const OVERWRITTEN = at(
  "ffi/libc/pthread",
  "a mutex that was overwritten fails with EINVAL, EPERM or EBUSY, and harms nobody",
);
const NO_MUTEX = at("ffi/libc/pthread", "what is no mutex or no condition is refused, also once its memory is gone");
const DEATH = at(
  "ffi/libc/pthread",
  "the death of a C program that had the mutex is told by EOWNERDEAD, and C is told of ours",
);
const CONDITIONS = at(
  "ffi/libc/pthread",
  "pthread_cond_timedwait() fails with ETIMEDOUT, and has the mutex then; with EPERM if it had not",
);
const FUTEXES = at(
  "ffi/libc/linux/futex",
  "futex() fails with EAGAIN if the word has another value, with ETIMEDOUT after its time",
);
const FUTEXES_WRONG = at("ffi/libc/linux/futex", "futex() fails with EFAULT, EINVAL or ENOSYS on wrong arguments");
const SEVERAL = at(
  "ffi/libc/linux/futex",
  "futex_waitv() fails with EAGAIN if one of the words has another value, with ETIMEDOUT after its time",
);
const PRIORITIES = not("for operations with priorities, which are refused");

const INTERRUPTED = interrupting(
  "calls that wait in memory fail with EINTR if a signal comes",
  `
  // without SA_RESTART
  const action = new c.struct_sigaction();
  action.sa_handler = () => {};
  c.sigaction(c.SIGUSR1, action, null);
  const memory = c.mmap(null, 4096, 3, c.MAP_SHARED | c.MAP_ANONYMOUS);
  const sem = new c.sem_t(memory);
  const word = new Int32Array(memory.buffer, 64, 1);
  c.sem_init(sem, 1, 0);
  say("ready");
  attempt("sem_wait", () => c.sem_wait(sem));
  attempt("sem_timedwait", () => c.sem_timedwait(sem, Date.now() / 1000 + 60));
  attempt("futex", () => c.futex(word, c.FUTEX_WAIT, 0, 60));
  attempt("futex_waitv", () => c.futex_waitv([[word, 0]], null));
  c.signal(c.SIGUSR1, c.SIG_IGN);`,
);

/** Every error of these functions. */
export const errors: Errors = {
  shm_open: {
    EACCES: not("as for any file: see open"),
    EEXIST: () => {
      const name = `/ipc_playground_${Deno.pid}_exists`;
      mod.close(mod.shm_open(name, O_RDWR | O_CREAT));
      try {
        mod.shm_open(name, O_RDWR | O_CREAT | mod.O_EXCL);
      } finally {
        mod.shm_unlink(name);
      }
    },
    EINVAL: () => mod.shm_open("/a/b", O_RDONLY),
    EMFILE: CONFINED,
    ENAMETOOLONG: not("glibc says EINVAL"),
    ENFILE: FILES,
    ENOENT: () => mod.shm_open("/ipc_playground_none", O_RDONLY),
  },
  shm_unlink: {
    EACCES: not("as for any file: see unlink"),
    ENOENT: () => mod.shm_unlink("/ipc_playground_none"),
  },
  memfd_create: {
    EFAULT: NO_POINTER,
    EINVAL: () => mod.memfd_create(LONG),
    EMFILE: CONFINED,
    ENFILE: FILES,
    ENOMEM: MEMORY,
    EPERM: not("huge pages are for members of a group that no test has"),
  },
  mmap: {
    EACCES: () => withReadable((fd) => mod.mmap(null, 10, BOTH, MAP_SHARED, fd)),
    EAGAIN: NOBODY,
    EBADF: ARGUMENTS,
    EEXIST: not("for MAP_FIXED_NOREPLACE, which is refused"),
    EINVAL: ARGUMENTS,
    ENFILE: FILES,
    ENODEV: ARGUMENTS,
    ENOMEM: ARGUMENTS,
    EOVERFLOW: not("for programs of 32-bit systems"),
    EPERM: at("ffi/libc/sys/mman", "a sealed memory file is not mapped for writing, and does not become shorter"),
    ETXTBSY: not("for MAP_DENYWRITE, which means nothing any more and is refused"),
  },
  munmap: { EINVAL: NO_MAPPING },
  mprotect: {
    EACCES: () =>
      withReadable((fd) => {
        const window = mod.mmap(null, 10, mod.PROT_READ, MAP_SHARED, fd);
        try {
          mod.mprotect(window, BOTH);
        } finally {
          mod.munmap(window);
        }
      }),
    EINVAL: NO_MAPPING,
    ENOMEM: UNMAPPED,
  },
  msync: {
    EBUSY: () =>
      withPage((memory) => {
        mod.mlock(memory);
        mod.msync(memory, mod.MS_SYNC | mod.MS_INVALIDATE);
      }),
    EINVAL: NO_MAPPING,
    ENOMEM: UNMAPPED,
  },
  mlock: {
    EAGAIN: not("the kernel would have to run out of memory, or a page be gone meanwhile"),
    EINVAL: NO_MAPPING,
    ENOMEM: NOBODY,
    EPERM: not("a limit of 0, which an unprivileged program has to have set itself"),
  },
  munlock: { EAGAIN: MEMORY, EINVAL: NO_MAPPING, ENOMEM: UNMAPPED, EPERM: not("does not need anything") },

  sem_open: {
    EACCES: not("as for any file: see open"),
    EEXIST: SEMAPHORES_NAMED,
    EINVAL: () => mod.sem_open("/a/b", 0),
    EMFILE: CONFINED,
    ENAMETOOLONG: not("glibc says EINVAL"),
    ENFILE: FILES,
    ENOENT: SEMAPHORES_NAMED,
    ENOMEM: MEMORY,
  },
  sem_close: { EINVAL: SEMAPHORES_NAMED },
  sem_unlink: {
    EACCES: not("as for any file: see unlink"),
    ENAMETOOLONG: not("glibc says EINVAL"),
    ENOENT: SEMAPHORES_NAMED,
  },
  sem_init: { EINVAL: SEMAPHORES, ENOSYS: not("for systems without shared semaphores") },
  sem_destroy: { EINVAL: SEMAPHORES_WRONG },
  sem_wait: { EINTR: INTERRUPTED, EINVAL: SEMAPHORES_WRONG },
  sem_trywait: { EAGAIN: SEMAPHORES, EINVAL: SEMAPHORES_WRONG },
  sem_timedwait: { EINTR: INTERRUPTED, EINVAL: SEMAPHORES, ETIMEDOUT: SEMAPHORES },
  sem_post: { EINVAL: SEMAPHORES_WRONG, EOVERFLOW: SEMAPHORES },
  sem_getvalue: { EINVAL: SEMAPHORES_WRONG },

  pthread_mutexattr_init: { ENOMEM: MEMORY },
  pthread_mutexattr_destroy: { EINVAL: not("glibc has nothing to check here") },
  pthread_mutexattr_settype: { EINVAL: ATTRIBUTES },
  pthread_mutexattr_gettype: { EINVAL: ATTRIBUTES },
  pthread_mutexattr_setpshared: { EINVAL: ATTRIBUTES, ENOTSUP: not("Linux has them") },
  pthread_mutexattr_getpshared: {},
  pthread_mutexattr_setrobust: { EINVAL: ATTRIBUTES },
  pthread_mutexattr_getrobust: {},
  pthread_mutex_init: {
    EAGAIN: MEMORY,
    EBUSY: HELD,
    EINVAL: NO_MUTEX,
    ENOMEM: MEMORY,
    EPERM: not("for protocols of priorities"),
  },
  pthread_mutex_destroy: { EBUSY: MUTEXES, EINVAL: MUTEXES },
  pthread_mutex_lock: {
    EAGAIN: not("locking it 2^32 times takes long"),
    EDEADLK: MUTEXES,
    EINVAL: OVERWRITTEN,
    ENOTRECOVERABLE: DEATH,
    EOWNERDEAD: DEATH,
  },
  pthread_mutex_trylock: {
    EAGAIN: not("locking it 2^32 times takes long"),
    EBUSY: MUTEXES,
    EINVAL: OVERWRITTEN,
    ENOTRECOVERABLE: DEATH,
    EOWNERDEAD: not("as pthread_mutex_lock"),
  },
  pthread_mutex_timedlock: {
    EAGAIN: not("locking it 2^32 times takes long"),
    EDEADLK: MUTEXES,
    EINVAL: OVERWRITTEN,
    ENOTRECOVERABLE: not("as pthread_mutex_lock"),
    EOWNERDEAD: not("as pthread_mutex_lock"),
    ETIMEDOUT: MUTEXES,
  },
  pthread_mutex_unlock: { EINVAL: OVERWRITTEN, EPERM: MUTEXES },
  pthread_mutex_consistent: { EINVAL: DEATH },
  pthread_condattr_init: { ENOMEM: MEMORY },
  pthread_condattr_destroy: { EINVAL: not("glibc has nothing to check here") },
  pthread_condattr_setpshared: { EINVAL: ATTRIBUTES },
  pthread_condattr_getpshared: {},
  pthread_condattr_setclock: { EINVAL: ATTRIBUTES },
  pthread_condattr_getclock: {},
  pthread_cond_init: { EAGAIN: MEMORY, EBUSY: not("glibc does not look"), EINVAL: NO_MUTEX, ENOMEM: MEMORY },
  pthread_cond_destroy: { EBUSY: NO_MUTEX, EINVAL: NO_MUTEX },
  pthread_cond_wait: {
    EINVAL: NO_MUTEX,
    ENOTRECOVERABLE: not("as pthread_mutex_lock"),
    EOWNERDEAD: at("ffi/libc/pthread", "who waits for a condition is told that the owner of the mutex is dead"),
    EPERM: CONDITIONS,
  },
  pthread_cond_timedwait: {
    EINVAL: OVERWRITTEN,
    ENOTRECOVERABLE: not("as pthread_mutex_lock"),
    EOWNERDEAD: at("ffi/libc/pthread", "who waits for a condition is told that the owner of the mutex is dead"),
    EPERM: not("as pthread_cond_wait"),
    ETIMEDOUT: CONDITIONS,
  },
  pthread_cond_signal: { EINVAL: NO_MUTEX },
  pthread_cond_broadcast: { EINVAL: NO_MUTEX },

  futex: {
    EACCES: not("needs memory that may not be read, of which nothing is taken here"),
    EAGAIN: FUTEXES,
    EDEADLK: PRIORITIES,
    EFAULT: FUTEXES_WRONG,
    EINTR: INTERRUPTED,
    EINVAL: FUTEXES_WRONG,
    ENFILE: not("for FUTEX_FD, which Linux has no more"),
    ENOMEM: PRIORITIES,
    ENOSYS: FUTEXES_WRONG,
    EPERM: PRIORITIES,
    ESRCH: PRIORITIES,
    ETIMEDOUT: FUTEXES,
  },
  futex_waitv: {
    EAGAIN: SEVERAL,
    EFAULT: FUTEXES_WRONG,
    EINTR: INTERRUPTED,
    EINVAL: FUTEXES_WRONG,
    ENOMEM: MEMORY,
    ENOSYS: not("before Linux 5.16"),
    ETIMEDOUT: SEVERAL,
  },
};
