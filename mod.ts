/**
 * System V and POSIX inter-process communication on the real kernel: shared memory, message queues, semaphores, mutexes,
 * sockets, processes and signals.
 *
 * The functions that are named as in C block as in C. For those who don't want to think in C there are `SharedMemory`, `MessageQueue`
 * and `SemaphoreSet` of System V, `PosixMessageQueue`, `PosixSemaphore`, `Mutex` and `Condition` of POSIX, `Socket` and `Listener`,
 * `FileLock`, `EventFd`, `TimerFd`, `Pipe`, `Fifo` and `Process`; `record` for data that C and others are to read, and `Channel` for messages through
 * shared memory. All of it needs `--allow-ffi`, which trusts the
 * program as much as `--allow-all` would: through libc it can do whatever its user can.
 *
 * ## Where the thin functions depart from C
 *
 * They have C's names, arguments and order of arguments. What JavaScript says otherwise:
 *
 * | function | in C | here |
 * |---|---|---|
 * | all | −1, and `errno` | throws a {@linkcode LibcError} |
 * | `pipe`, `pipe2`, `socketpair` | fill an array of two | return the two descriptors |
 * | `read`, `write`, `send`, `recv`, `sendto`, `recvfrom` | `count` | may be left out: the whole buffer. What is sent may be a string |
 * | `bind`, `connect`, `sendto`, `accept`, `recvfrom`, `getsockname`, `getpeername` | address and length | a {@linkcode sockaddr}, which knows its length |
 * | `setsockopt` | pointer and length | a number, a boolean or a structure |
 * | `getsockopt` | fills a pointer's memory | returns the number, or fills a structure |
 * | `select` | `fd_set` and macros; `struct timeval`, which Linux overwrites | a {@linkcode fd_set} with the macros as methods; seconds, or `null` for ever |
 * | `fcntl` | variadic | one argument of the kind that the command needs; commands that the library does not know are refused |
 * | `struct flock`, `struct stat` | named as their functions | {@linkcode struct_flock}, {@linkcode struct_stat} |
 * | `lseek` | 64 bits | a number; beyond 2^53 `EOVERFLOW` |
 * | `setrlimit` | any limit | the soft limits of memory, stack, threads and queued signals are not lowered: the runtime would crash |
 * | `poll` | array and count | {@linkcode pollfds}, which know their count; milliseconds, as in C |
 * | `semop`, `semtimedop` | array and count | {@linkcode sembuf}, which knows its count |
 * | `semtimedop` | `struct timespec` | seconds, or `null` for ever |
 * | `semctl` | variadic | one argument of the kind that the command needs |
 * | `msgsnd`, `msgrcv` | `void *` | a {@linkcode msgbuf} |
 * | `mq_open` | `mode` and `attr` are variadic | 0600, and what the system has, unless given |
 * | `mq_send`, `mq_receive` and their timed kin | `msg_len` | may be left out: the whole buffer. What is sent may be a string |
 * | `mq_receive`, `mq_timedreceive` | `unsigned int *` for the priority | a `Uint32Array` |
 * | `mq_timedsend`, `mq_timedreceive` | `struct timespec` since 1970 | seconds since 1970, or `null` for ever |
 * | `mq_notify` | signal, thread or nothing; `union sigval` | signal or nothing; a number, `sival_int` |
 * | `shmat` | an address that one may choose | the segment's bytes; `shmaddr` is always `null` |
 * | `shmdt` | the address | the array that `shmat` gave |
 * | `wait`, `waitpid`, `wait3`, `wait4` | `int *` and macros | a {@linkcode WaitStatus} with the macros as properties |
 * | `open`, `mkfifo` | `mode`, variadic in `open` | 0600 unless given |
 * | `execve`, `execv`, `execvp`, `execvpe`, `fexecve` | arrays that end with NULL | arrays of strings; `execl` and its like, which are variadic, are these |
 * | `posix_spawn`, `posix_spawnp` | fill a `pid_t`; return the error; `envp` | return the pid; throw it; this process's environment unless given |
 * | `posix_spawnattr_getflags`, `posix_spawnattr_getpgroup` | fill a pointer's memory | return the number |
 * | `getresuid`, `getresgid` | fill three numbers | return the three |
 * | `getgroups`, `setgroups` | count and array | an array |
 * | `prctl` | variadic | one argument of the kind that the operation needs; those that take addresses or break the runtime are refused |
 * | `readv`, `writev` | array and count | an array of buffers; what is written may be strings |
 * | `process_vm_readv`, `process_vm_writev` | arrays and counts | an array of buffers, and one of [address, length]; not into this process |
 * | `unshare`, `setns` | any namespace | `CLONE_NEWPID` and `CLONE_NEWTIME` in forked children only: a thread that has done it can start no others |
 * | `sched_getaffinity`, `sched_setaffinity` | `cpu_set_t` and its size | an array of the processors' numbers |
 * | `mmap` | an address that one may choose | the memory's bytes; `addr` is always `null`, and what would put it over something else is refused |
 * | `munmap`, `mprotect` | an address and a length | the whole of what `mmap` gave; `mprotect` gives it anew |
 * | `msync`, `mlock`, `munlock` | an address and a length | what `mmap` or `shmat` gave, or a `subarray()` |
 * | `sem_t`, `pthread_mutex_t`, `pthread_cond_t` | an address in shared memory | a class that is told memory and offset; `sem_open` gives one, too |
 * | `sem_timedwait`, `pthread_mutex_timedlock`, `pthread_cond_timedwait` | `struct timespec` of a clock | its seconds, or `null` for ever |
 * | `pthread_…` | return the error | throw it; locking returns 0, or `EOWNERDEAD`, which is no error |
 * | `pthread_cond_destroy` | waits for those who wait | `EBUSY` |
 * | `futex` | an address; a number in the place of a pointer | an array that begins with the word; a number |
 * | `sendmsg`, `recvmsg` | pointers and lengths; `msg_controllen` is overwritten | {@linkcode msghdr}: a {@linkcode sockaddr}, arrays of bytes, an array of control messages; `msg_controllen` is the room, and stays |
 * | `getnameinfo`, `if_indextoname` | fill buffers | return the names; the error's number of the first is `errno` |
 * | `getifaddrs` | a list to be freed | an array |
 * | `getaddrinfo` | a list to be freed | an array; the error's number is `errno` |
 * | `fork` | returns twice | the same, or runs a function in the child |
 * | `signal`, `sigaction`, `pause` | the handler interrupts | the handler runs on the event loop, so `pause` is awaited |
 * | `sigprocmask` | the calling thread, mostly the only one | all threads of the process; {@linkcode pthread_sigmask} is for the calling one |
 * | `sigtimedwait` | `struct timespec` | seconds, or `null` for ever |
 * | `sigwait`, `eventfd_read` | fill a pointer's memory | return the value |
 * | `sigqueue` | `union sigval` | an int, or a bigint for the pointer |
 * | `epoll_wait`, `epoll_pwait` | array and count | {@linkcode epoll_events}, 1 to 4096 of them |
 * | `perror` | takes `errno` | takes the error that was caught |
 * | `printf`, `fprintf` | a buffer | none: it is written at once |
 *
 * @example
 * ```ts
 * import { MessageQueue } from "./mod.ts";
 *
 * using queue = MessageQueue.create();
 * queue.sendSync("Did you get this?", { type: 1 });
 * console.log((await queue.receive({ type: 1 })).text); // Did you get this?
 * ```
 *
 * @module
 */
export * from "./ffi/errors.ts";
export * from "./ffi/helpers/fork.ts";
export * from "./ffi/helpers/memory.ts";
export * from "./ffi/libc/fcntl.ts";
export * from "./ffi/libc/ifaddrs.ts";
export {
  type addrinfo,
  type addrinfo_hints,
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  EAI_ADDRFAMILY,
  EAI_AGAIN,
  EAI_BADFLAGS,
  EAI_FAIL,
  EAI_FAMILY,
  EAI_MEMORY,
  EAI_NODATA,
  EAI_NONAME,
  EAI_OVERFLOW,
  EAI_SERVICE,
  EAI_SOCKTYPE,
  EAI_SYSTEM,
  gai_strerror,
  getaddrinfo,
  getnameinfo,
  type nameinfo,
  NI_DGRAM,
  NI_NAMEREQD,
  NI_NOFQDN,
  NI_NUMERICHOST,
  NI_NUMERICSERV,
} from "./ffi/libc/netdb.ts";
export {
  mq_attr,
  mq_close,
  mq_getattr,
  mq_notify,
  mq_open,
  MQ_PRIO_MAX,
  mq_receive,
  mq_send,
  mq_setattr,
  mq_timedreceive,
  mq_timedsend,
  mq_unlink,
} from "./ffi/libc/mqueue.ts";
export * from "./ffi/libc/net/if.ts";
export * from "./ffi/libc/netinet/in.ts";
export {
  futex,
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_CLOCK_REALTIME,
  FUTEX_CMP_REQUEUE,
  FUTEX_PRIVATE_FLAG,
  FUTEX_REQUEUE,
  FUTEX_WAIT,
  FUTEX_WAIT_BITSET,
  futex_waitv,
  FUTEX_WAITV_MAX,
  FUTEX_WAKE,
  FUTEX_WAKE_BITSET,
  type FutexWord,
} from "./ffi/libc/linux/futex.ts";
export * from "./ffi/libc/poll.ts";
export {
  EOWNERDEAD,
  pthread_cond_broadcast,
  pthread_cond_destroy,
  pthread_cond_init,
  pthread_cond_signal,
  pthread_cond_t,
  pthread_cond_timedwait,
  pthread_cond_wait,
  pthread_condattr_destroy,
  pthread_condattr_getclock,
  pthread_condattr_getpshared,
  pthread_condattr_init,
  pthread_condattr_setclock,
  pthread_condattr_setpshared,
  pthread_condattr_t,
  pthread_mutex_consistent,
  PTHREAD_MUTEX_DEFAULT,
  pthread_mutex_destroy,
  PTHREAD_MUTEX_ERRORCHECK,
  pthread_mutex_init,
  pthread_mutex_lock,
  PTHREAD_MUTEX_NORMAL,
  PTHREAD_MUTEX_RECURSIVE,
  PTHREAD_MUTEX_ROBUST,
  PTHREAD_MUTEX_STALLED,
  pthread_mutex_t,
  pthread_mutex_timedlock,
  pthread_mutex_trylock,
  pthread_mutex_unlock,
  pthread_mutexattr_destroy,
  pthread_mutexattr_getpshared,
  pthread_mutexattr_getrobust,
  pthread_mutexattr_gettype,
  pthread_mutexattr_init,
  pthread_mutexattr_setpshared,
  pthread_mutexattr_setrobust,
  pthread_mutexattr_settype,
  pthread_mutexattr_t,
  PTHREAD_PROCESS_PRIVATE,
  PTHREAD_PROCESS_SHARED,
} from "./ffi/libc/pthread.ts";
export {
  sem_close,
  sem_destroy,
  sem_getvalue,
  sem_init,
  sem_open,
  sem_post,
  sem_t,
  sem_timedwait,
  sem_trywait,
  sem_unlink,
  SEM_VALUE_MAX,
  sem_wait,
} from "./ffi/libc/semaphore.ts";
export * from "./ffi/libc/sched.ts";
export {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  CLD_TRAPPED,
  kill,
  pause,
  pthread_sigmask,
  raise,
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SA_SIGINFO,
  SI_ASYNCIO,
  SI_KERNEL,
  SI_MESGQ,
  SI_QUEUE,
  SI_SIGIO,
  SI_TIMER,
  SI_TKILL,
  SI_USER,
  SIG_BLOCK,
  SIG_DFL,
  SIG_IGN,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGABRT,
  sigaction,
  type SigactionHandler,
  sigaddset,
  SIGALRM,
  SIGBUS,
  SIGCHLD,
  SIGCONT,
  sigdelset,
  sigemptyset,
  SIGEV_NONE,
  SIGEV_SIGNAL,
  sigevent,
  sigfillset,
  SIGFPE,
  SIGHUP,
  SIGILL,
  siginfo_t,
  SIGINT,
  SIGIO,
  sigismember,
  SIGKILL,
  signal,
  type SignalHandler,
  signalName,
  sigpending,
  SIGPIPE,
  sigprocmask,
  SIGPROF,
  SIGPWR,
  sigqueue,
  SIGQUIT,
  SIGRTMAX,
  SIGRTMIN,
  SIGSEGV,
  sigset_t,
  SIGSTKFLT,
  SIGSTOP,
  SIGSYS,
  SIGTERM,
  sigtimedwait,
  SIGTRAP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGURG,
  SIGUSR1,
  SIGUSR2,
  sigval,
  SIGVTALRM,
  sigwait,
  sigwaitinfo,
  SIGWINCH,
  SIGXCPU,
  SIGXFSZ,
  struct_sigaction,
} from "./ffi/libc/signal.ts";
export * from "./ffi/libc/spawn.ts";
export * from "./ffi/libc/stdio.ts";
export * from "./ffi/libc/stdlib.ts";
export * from "./ffi/libc/string.ts";
export * from "./ffi/libc/sys/file.ts";
export * from "./ffi/libc/sys/epoll.ts";
export * from "./ffi/libc/sys/eventfd.ts";
export * from "./ffi/libc/sys/ipc.ts";
export {
  MSG_COPY,
  MSG_EXCEPT,
  MSG_INFO,
  MSG_NOERROR,
  MSG_STAT,
  MSG_STAT_ANY,
  msgbuf,
  msgctl,
  msgget,
  msginfo,
  msgrcv,
  msgsnd,
  msqid_ds,
} from "./ffi/libc/sys/msg.ts";
export {
  MAP_ANONYMOUS,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  memfd_create,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_HUGETLB,
  mlock,
  mmap,
  mprotect,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  msync,
  munlock,
  munmap,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  shm_open,
  shm_unlink,
} from "./ffi/libc/sys/mman.ts";
export * from "./ffi/libc/sys/pidfd.ts";
export * from "./ffi/libc/sys/prctl.ts";
export * from "./ffi/libc/sys/resource.ts";
export * from "./ffi/libc/sys/select.ts";
export {
  GETALL,
  GETNCNT,
  GETPID,
  GETVAL,
  GETZCNT,
  SEM_INFO,
  SEM_STAT,
  SEM_STAT_ANY,
  SEM_UNDO,
  sembuf,
  semctl,
  semget,
  semid_ds,
  seminfo,
  semop,
  semtimedop,
  SETALL,
  SETVAL,
} from "./ffi/libc/sys/sem.ts";
export * from "./ffi/libc/sys/shm.ts";
export * from "./ffi/libc/sys/signalfd.ts";
export * from "./ffi/libc/sys/socket.ts";
export * from "./ffi/libc/sys/stat.ts";
export {
  getitimer,
  ITIMER_PROF,
  ITIMER_REAL,
  ITIMER_VIRTUAL,
  itimerval,
  setitimer,
  timeval,
} from "./ffi/libc/sys/time.ts";
export * from "./ffi/libc/sys/timerfd.ts";
export * from "./ffi/libc/sys/uio.ts";
export * from "./ffi/libc/sys/un.ts";
export * from "./ffi/libc/sys/wait.ts";
export {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  timespec,
} from "./ffi/libc/time.ts";
export * from "./ffi/libc/unistd.ts";
export * from "./ffi/channel/channel.ts";
export * from "./ffi/objects/condition.ts";
export type { SharedPlace } from "./ffi/objects/_cells.ts";
export * from "./ffi/objects/event_fd.ts";
export * from "./ffi/objects/fifo.ts";
export * from "./ffi/objects/pipe.ts";
export * from "./ffi/objects/file_lock.ts";
export * from "./ffi/objects/ipc_object.ts";
export * from "./ffi/objects/mapped_file.ts";
export { MappedMemory, type Mapping } from "./ffi/objects/mapped_memory.ts";
export * from "./ffi/objects/memory_object.ts";
export * from "./ffi/objects/message.ts";
export * from "./ffi/objects/message_queue.ts";
export { Mutex, MutexLock } from "./ffi/objects/mutex.ts";
export * from "./ffi/objects/options.ts";
export * from "./ffi/objects/process.ts";
export * from "./ffi/objects/posix_message.ts";
export * from "./ffi/objects/posix_message_queue.ts";
export * from "./ffi/objects/posix_semaphore.ts";
export * from "./ffi/objects/posix_shared_memory.ts";
export * from "./ffi/objects/readiness.ts";
export * from "./ffi/objects/remove_on_signals.ts";
export * from "./ffi/objects/semaphore_set.ts";
export * from "./ffi/objects/shared_memory.ts";
export * from "./ffi/objects/socket.ts";
export * from "./ffi/objects/timer_fd.ts";
export { Struct } from "./ffi/native/layout.ts";
export {
  array,
  type ArrayView,
  atOffset,
  atomic,
  type AtomicArray,
  bool,
  bytes,
  char,
  enumOf,
  type EnumValue,
  f32,
  f64,
  Field,
  type FieldArray,
  i16,
  i32,
  i64,
  i8,
  long,
  padding,
  type RecordArray,
  type RecordCursor,
  size_t,
  u16,
  u32,
  u64,
  u8,
} from "./ffi/records/fields.ts";
export { record, type RecordMemory, type RecordOptions, RecordType } from "./ffi/records/record.ts";
export type { RecordLanguage } from "./ffi/records/text.ts";
export type * from "./ffi/records/types.ts";
export * from "./ffi/trace/event.ts";
export { formatTraceEvent } from "./ffi/trace/format.ts";
export * from "./ffi/trace/parse.ts";
export { trace } from "./ffi/trace/trace.ts";
import "./ffi/trace/environment.ts";
