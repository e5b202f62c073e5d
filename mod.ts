/**
 * System V and POSIX inter-process communication on the real kernel: shared memory, message queues, semaphores,
 * sockets, `fork`, `wait` and signals.
 *
 * The functions that are named as in C block as in C; `SharedMemory`, `MessageQueue`, `SemaphoreSet`, `Socket` and
 * `Listener` are for those who don't want to think in C. All of it needs `--allow-ffi`, which trusts the program as
 * much as `--allow-all` would: through libc it can do whatever its user can.
 *
 * ## Where the thin functions depart from C
 *
 * They have C's names, arguments and order of arguments. What JavaScript says otherwise:
 *
 * | function | in C | here |
 * |---|---|---|
 * | all | −1, and `errno` | throws a {@linkcode LibcError} |
 * | `pipe`, `socketpair` | fill an array of two | return the two descriptors |
 * | `read`, `write`, `send`, `recv`, `sendto`, `recvfrom` | `count` | may be left out: the whole buffer. What is sent may be a string |
 * | `bind`, `connect`, `sendto`, `accept`, `recvfrom`, `getsockname`, `getpeername` | address and length | a {@linkcode sockaddr}, which knows its length |
 * | `setsockopt` | pointer and length | a number, a boolean or a structure |
 * | `getsockopt` | fills a pointer's memory | returns the number, or fills a structure |
 * | `poll` | array and count | {@linkcode pollfds}, which know their count; milliseconds, as in C |
 * | `semop`, `semtimedop` | array and count | {@linkcode sembuf}, which knows its count |
 * | `semtimedop` | `struct timespec` | seconds, or `null` for ever |
 * | `semctl` | variadic | one argument of the kind that the command needs |
 * | `msgsnd`, `msgrcv` | `void *` | a {@linkcode msgbuf} |
 * | `mq_open` | `mode` and `attr` are variadic | 0600, and what the system has, unless given |
 * | `mq_send`, `mq_receive` and their timed kin | `msg_len` | may be left out: the whole buffer. What is sent may be a string |
 * | `mq_receive`, `mq_timedreceive` | `unsigned int *` for the priority | a `Uint32Array` |
 * | `mq_timedsend`, `mq_timedreceive` | `struct timespec` since 1970 | seconds since 1970, or `null` for ever |
 * | `mq_notify` | signal, thread or nothing | signal or nothing |
 * | `shmat` | an address that one may choose | the segment's bytes; `shmaddr` is always `null` |
 * | `shmdt` | the address | the array that `shmat` gave |
 * | `wait`, `waitpid`, `wait3`, `wait4` | `int *` and macros | a {@linkcode WaitStatus} with the macros as properties |
 * | `open` | `mode` is variadic | 0600 unless given |
 * | `execve` | arrays that end with NULL | arrays of strings |
 * | `getaddrinfo` | a list to be freed | an array; the error's number is `errno` |
 * | `fork` | returns twice | the same, or runs a function in the child |
 * | `signal`, `pause` | the handler interrupts | the handler runs on the event loop, so `pause` is awaited |
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
export * from "./ffi/libc/netinet/in.ts";
export * from "./ffi/libc/poll.ts";
export * from "./ffi/libc/signal.ts";
export * from "./ffi/libc/stdio.ts";
export * from "./ffi/libc/stdlib.ts";
export * from "./ffi/libc/string.ts";
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
export * from "./ffi/libc/sys/resource.ts";
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
export * from "./ffi/libc/sys/socket.ts";
export { timeval } from "./ffi/libc/sys/time.ts";
export * from "./ffi/libc/sys/un.ts";
export * from "./ffi/libc/sys/wait.ts";
export * from "./ffi/libc/unistd.ts";
export * from "./ffi/objects/ipc_object.ts";
export * from "./ffi/objects/message.ts";
export * from "./ffi/objects/message_queue.ts";
export * from "./ffi/objects/options.ts";
export * from "./ffi/objects/readiness.ts";
export * from "./ffi/objects/remove_on_signals.ts";
export * from "./ffi/objects/semaphore_set.ts";
export * from "./ffi/objects/shared_memory.ts";
export * from "./ffi/objects/socket.ts";
export { Struct } from "./ffi/native/layout.ts";
export * from "./ffi/trace/event.ts";
export { formatTraceEvent } from "./ffi/trace/format.ts";
export * from "./ffi/trace/parse.ts";
export { trace } from "./ffi/trace/trace.ts";
import "./ffi/trace/environment.ts";
