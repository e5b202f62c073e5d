/**
 * What qemu's emulation of a processor for one program cannot do, and so which tests are left out there. arm64.ts has
 * this loaded before each file of tests.
 *
 * @module
 */
import { skip } from "./needs.ts";
import { machine, root } from "./support.ts";

/** Why, and by file the tests: the names of each are checked (arm64.ts). */
export const UNABLE: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "execveat(2) in qemu, in whose place fexecve(3) runs what it should not": {
    "tests/ffi/errno/errno_test.ts": ["fexecve() fails with E2BIG, ETXTBSY, ENOENT, ENOEXEC"],
    "tests/ffi/libc/identity_test.ts": ["execv() and its relatives come back only with an error"],
  },
  "vfork(2) in qemu, whose fork(2) in its place tells posix_spawn(3) of no error": {
    "tests/ffi/errno/errno_test.ts": [
      "posix_spawn() fails with E2BIG, ETXTBSY, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOEXEC",
      "posix_spawnp() fails with E2BIG, ETXTBSY, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOEXEC",
      "users, namespaces and other users' processes are closed with EPERM or EACCES to who is not privileged",
      "setpgid() fails with EACCES, EINVAL, ESRCH",
    ],
    "tests/ffi/libc/spawn_test.ts": [
      "posix_spawnp() searches PATH, posix_spawn() does not",
      "posix_spawn() fails with what execve() in the child says, and no child is left",
      "an action that fails in the child is the error of posix_spawn()",
      "the child leads a process group or a session, or joins a group",
      "posix_spawn() and its relatives refuse what is no argument of theirs",
    ],
    "tests/ffi/objects/process_test.ts": [
      "spawn() fails with what is wrong, and leaves neither a child nor a descriptor",
    ],
  },
  "process_vm_readv(2) and process_vm_writev(2) in qemu": {
    "tests/ffi/errno/errno_test.ts": [
      "process_vm_readv() fails with EINVAL, ESRCH",
      "process_vm_writev() fails with EINVAL, ESRCH",
    ],
    "tests/ffi/libc/sys/uio_test.ts": [
      "the memory of a C program is read and written",
      "this process's own memory can be read, and not be written",
      "process_vm_readv() and process_vm_writev() refuse what is no argument of theirs",
    ],
  },
  "futex_waitv(2) in qemu": {
    "tests/ffi/errno/errno_test.ts": ["calls that wait in memory fail with EINTR if a signal comes"],
    "tests/ffi/libc/linux/futex_test.ts": ["futex() fails with EFAULT, EINVAL or ENOSYS on wrong arguments"],
  },
  "mq_notify(3) in qemu": {
    "tests/ffi/libc/mqueue_test.ts": [
      "POSIX queues: all functions fail with EBADF on what is no queue",
      "mq_notify() has a signal tell of a message that comes into the empty queue, once",
      "mq_notify()'s value comes with the signal",
      "mq_notify() fails with EINVAL if it is no signal, or would be a thread",
      "mq_notify() takes what it has checked, whatever a trace's listener does to it",
    ],
  },
  "a /proc that shows which signals an emulated program blocks and handles": {
    "tests/ffi/libc/sigmask_test.ts": [
      "sigprocmask() blocks in every thread: what is sent to the process stays pending, and ends nothing",
      "sigprocmask(): threads that Deno makes later block it, too",
      "sigprocmask() fails with EINVAL for another how, and changes nothing",
      "pthread_sigmask() blocks in the calling thread alone",
      "a set with all signals blocks all but those that the kernel, libc, the runtime and the library need",
      "sigqueue() hands over an int or a pointer's bits, and sigwaitinfo() takes them in order",
      "sigqueue() fails with EAGAIN if more are queued than RLIMIT_SIGPENDING says",
      "C's sigqueue() and sigwaitinfo() and ours: a thousand signals, in order and none lost",
      "Python's signals and ours: sigqueue() by ctypes to us, and ours to sigwaitinfo()",
      "sigwaitinfo() tells how a child ended, stopped and went on",
      "sigwait() and sigwaitinfo() block, and a signal sent from outside ends that, whatever threads there are",
      "programs that Deno.Command starts block what this one does, as in C",
    ],
    "tests/ffi/libc/sys/signalfd_test.ts": [
      "signalfd(): what comes is read, with its values and in order, and poll() waits for it",
      "signalfd() gives a descriptor that there is another set",
      "signalfd(): signals of Python's come through it, with its pid",
    ],
    "tests/ffi/libc/signal_test.ts": [
      "signal() sets the kernel's disposition, also after SIG_IGN and SIG_DFL",
      "signal() fails with EINVAL for what cannot be caught and what is no signal or handler",
    ],
    "tests/ffi/libc/sigaction_test.ts": [
      "sigaction() runs a handler on the event loop; with SA_SIGINFO it is told what came with the signal",
      "sigaction() with SA_RESETHAND runs the handler once",
      "sigaction() fails with EINVAL or EFAULT on wrong arguments, and changes nothing",
    ],
    "tests/ffi/libc/spawn_test.ts": ["the child begins with the signals of POSIX_SPAWN_SETSIGMASK blocked"],
    "tests/ffi/native/fork_safety_test.ts": [
      "fork(): a child has none of its parent's signal handlers, and the parent keeps all of them and its descriptors",
    ],
    "tests/ffi/objects/waits_test.ts": [
      "a wait that a test leaves takes nothing from the next files, and these need no signals of their own",
    ],
  },
  "SA_NOCLDWAIT and SA_NOCLDSTOP in qemu": {
    "tests/ffi/libc/sigaction_test.ts": [
      "sigaction() for SIGCHLD: SA_NOCLDWAIT leaves nothing to wait for, SA_NOCLDSTOP tells of ends only",
    ],
  },
  "SHM_STAT_ANY, MSG_STAT_ANY and SEM_STAT_ANY in qemu": {
    "tests/ffi/libc/sys/shm_test.ts": ["shmctl() lists segments by SHM_INFO and SHM_STAT"],
    "tests/ffi/libc/sys/msg_test.ts": ["msgctl() lists queues by MSG_INFO and MSG_STAT"],
    "tests/ffi/libc/sys/sem_test.ts": ["semctl() lists sets by SEM_INFO and SEM_STAT"],
  },
  "the last receiver's pid in what qemu tells of a queue": {
    "tests/ffi/libc/sys/msg_test.ts": ["msgsnd() and msgrcv() pass type and bytes on, in order"],
    "tests/ffi/objects/message_queue_test.ts": ["MessageQueue.create() makes a private queue"],
  },
  "huge pages in qemu": {
    "tests/ffi/libc/sys/shm_test.ts": [
      "shmat() fails with ENOMEM where a segment's huge pages don't exist, whoever made it, instead of ending the process",
    ],
  },
  "prctl(2) in qemu for PR_SET_CHILD_SUBREAPER": {
    "tests/ffi/libc/sys/prctl_test.ts": [
      "prctl() sets what it gives: a signal, a name, a slack, and what is on or off",
      "a subreaper becomes the parent of its orphaned descendants, and reaps them",
    ],
  },
  "limits of memory in qemu, which keeps them from the kernel": {
    "tests/ffi/libc/sys/resource_test.ts": [
      "setrlimit() fails with EOPNOTSUPP where the runtime could not live with the limit",
      "getrusage(), getrlimit() and setrlimit() fail with EINVAL or EFAULT on wrong arguments",
    ],
  },
  "semop(2) without operations in qemu": {
    "tests/ffi/libc/sys/sem_test.ts": ["semop() fails with EFBIG, ERANGE, E2BIG or EINVAL if the operations can't be"],
    "tests/ffi/objects/semaphore_set_test.ts": ["SemaphoreSet.op() does several operations at once, or none"],
  },
  "MSG_CTRUNC in qemu where control data is cut off": {
    "tests/ffi/libc/sys/msghdr_test.ts": ["descriptors without room are closed by the kernel, and MSG_CTRUNC says so"],
  },
  "a process with no thread of qemu's": {
    "tests/ffi/libc/identity_test.ts": [
      "all threads of a program get the user, and Deno and the library go on working",
    ],
    "tests/ffi/libc/sched_test.ts": [
      "unshare(CLONE_NEWUSER) in a forked child needs no privileges, and gives a System V world",
      "unshare() and setns() in a forked child change its namespace: time_for_children",
    ],
  },
  "memory that is the program's alone: qemu keeps what it has translated": {
    "tests/ffi/libc/ifaddrs_test.ts": ["getifaddrs() keeps no memory: thousands of calls take no more than hundreds"],
  },
  "ioctl(2) for namespaces in qemu": {
    "tests/ffi/errno/errno_test.ts": ["setns() fails with EBADF, EINVAL, ESRCH"],
    "tests/ffi/libc/sched_test.ts": [
      "in a process of several threads the kernel or the library refuses what they have to share",
      "setns() fails with what is no namespace, or one of another kind",
    ],
  },
  "socket options that qemu does not know": {
    "tests/ffi/libc/sys/socket_options_test.ts": [
      "an option that isn't known to be safe is refused, whatever its level, and the error says where they are told",
    ],
  },
  "kinds of sockets that qemu does not know": {
    "tests/ffi/libc/sys/socket_test.ts": ["socket() fails with EAFNOSUPPORT, EPROTONOSUPPORT or EINVAL"],
  },
  "namespaces to go back to: those outside are not of the user namespace in which qemu runs": {
    "tests/ffi/libc/sched_test.ts": [
      "unshare() and setns() in a forked child change its namespace: uts",
      "unshare() and setns() in a forked child change its namespace: ipc",
      "unshare() and setns() in a forked child change its namespace: net",
      "unshare() and setns() in a forked child change its namespace: cgroup",
      "after unshare(CLONE_NEWIPC) in a program, all of the library is in the new namespace",
    ],
  },
  "threads in qemu after fork(2)": {
    "tests/ffi/native/fork_safety_test.ts": [
      "fork(): a child that runs a command synchronously ends at once, and its parent's event loop goes on",
    ],
  },
  "get_robust_list(2) in qemu, without which the library has no robust mutexes": {
    "tests/ffi/libc/pthread_test.ts": [
      "a mutex that checks errors fails with EDEADLK, EPERM and EBUSY; a recursive one is locked as often as one likes",
      "a robust mutex that is locked holds its memory; others and those of a forked child's parent do not",
      "a mutex that was overwritten fails with EINVAL, EPERM or EBUSY, and harms nobody",
      "pthread_cond_timedwait() fails with ETIMEDOUT, and has the mutex then; with EPERM if it had not",
      "several robust mutexes are unlocked in any order, whatever is written over them",
      "a mutex that is mapped twice is known by its owner, too",
      "who is told of a call by a trace may do anything to the memory before libc gets it",
      "C and we count together under a mutex, whoever made it",
      "the death of a C program that had the mutex is told by EOWNERDEAD, and C is told of ours",
      "C and we wake each other by a condition",
      "who waits for a condition is told that the owner of the mutex is dead",
    ],
    "tests/ffi/objects/sync_test.ts": [
      "Mutex is locked by one, in the order of coming",
      "Mutex and C's pthread_mutex_lock keep each other out",
      "who waits for a Mutex gets it from an owner that is killed, and is told",
      "a program that is killed while it waits for a Mutex or a semaphore leaves both usable",
      "a program may end with waits, which are counted no more",
      "Condition wakes one or all, in this program and beside C",
      "Condition: time limits, signals and locks that are not held",
      "waits in a Worker and in a forked child",
    ],
  },
  "time for what takes a quarter of an hour in qemu": {
    "tests/ffi/libc/sys/socket_options_test.ts": [
      "no option has the kernel write outside of its value, even if that is full of addresses",
    ],
    "tests/ffi/objects/readiness_test.ts": ["bad descriptors, however many, harm nobody else's wait"],
  },
  "a start that is over in a second: after it Deno listens for SIGUSR1, and ends where no descriptor is left for that":
    {
      "tests/ffi/objects/readiness_test.ts": [
        "waits go on where there is no descriptor left, or the process may not have so many any more",
      ],
    },
  "the program's state in the /proc/self/stat that qemu makes up": {
    "tests/scripts/fork_test.ts": ["zombies.ts shows three zombies in the kernel's table, and then none"],
  },
};

/** The tests of a file that are left out, and why. */
export function unable(file: string): Map<string, string> {
  const files = Object.entries(UNABLE);
  return new Map(files.flatMap(([why, tests]) => (tests[file] ?? []).map((test) => [test, why] as const)));
}

if (machine !== Deno.build.arch) {
  const { test } = Deno;
  const left = unable(Deno.mainModule.replace(`file://${root}`, ""));
  const some = (...args: Parameters<typeof test>) => {
    const name = typeof args[0] === "string" ? args[0] : args[0].name;
    const why = left.get(name!);
    if (why === undefined) return test(...args);
    skip(why, name!);
    test({ name: name!, ignore: true, fn() {} });
  };
  Object.defineProperty(Deno, "test", { value: Object.assign(some, test) });
}
