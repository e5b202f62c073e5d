/**
 * Every libc function that the project calls, declared once.
 *
 * `parameters` and `result` are what `Deno.dlopen` needs. `args` names each parameter and says what
 * it means, as `name:kind`, so that a call can be printed the way strace(1) does:
 * `shmget(5678, 27, IPC_CREAT|0666)`. Entries without `args` are the library's own housekeeping
 * and never show up in a trace.
 *
 * Results are 32 bits wide wherever the kernel caps them there (a `read` moves at most 0x7ffff000
 * bytes): a 64-bit result would cost a BigInt a call.
 *
 * Kinds: `int`, `key`, `id` (of the object kind that the function's name tells), `size`, `fd`, `pid`,
 * `sig`, `status`, `mode`, `flags.SET`, `cmd` (`IPC_STAT` …), `type` (of a message), `struct.NAME`,
 * `sembufs`, `timespec`, `msgbuf`, `bytes` (input), `buffer` (output: as many bytes as the result says),
 * `sockaddr` (input), `sockaddr*` (output), `string`, `pair` (two descriptors), `pollfds`,
 * `domain`, `socktype`, `protocol`, `level`, `sockopt`, `value` (of an option), `how`, `ptr`.
 */
// deno-fmt-ignore-file -- one function a line
export const table = {
  // sys/shm
  shmget: { parameters: ["i32", "usize", "i32"], result: "i32", args: "key:key size:size shmflg:flags.shmget" },
  shmat: { parameters: ["i32", "pointer", "i32"], result: "pointer", args: "shmid:id shmaddr:ptr shmflg:flags.shmat" },
  shmdt: { parameters: ["pointer"], result: "i32", args: "shmaddr:ptr" },
  shmctl: { parameters: ["i32", "i32", "buffer"], result: "i32", args: "shmid:id cmd:cmd buf:struct.shmid_ds" },

  // sys/msg
  msgget: { parameters: ["i32", "i32"], result: "i32", args: "key:key msgflg:flags.msgget" },
  msgsnd: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32", args: "msqid:id msgp:msgbuf msgsz:size msgflg:flags.msgop" },
  msgrcv: { parameters: ["i32", "buffer", "usize", "i64", "i32"], result: "i32", args: "msqid:id msgp:msgbuf* msgsz:size msgtyp:type msgflg:flags.msgop" },
  msgctl: { parameters: ["i32", "i32", "buffer"], result: "i32", args: "msqid:id cmd:cmd buf:struct.msqid_ds" },

  // sys/sem
  semget: { parameters: ["i32", "i32", "i32"], result: "i32", args: "key:key nsems:int semflg:flags.semget" },
  semop: { parameters: ["i32", "buffer", "usize"], result: "i32", args: "semid:id sops:sembufs nsops:size" },
  semtimedop: { parameters: ["i32", "buffer", "usize", "buffer"], result: "i32", args: "semid:id sops:sembufs nsops:size timeout:timespec" },
  // semctl(2) is variadic: its fourth argument is a number or a pointer, and both travel in one register
  semctl: { parameters: ["i32", "i32", "i32", "i64"], result: "i32", args: "semid:id semnum:int cmd:cmd val:int" },
  semctl_buf: { name: "semctl", parameters: ["i32", "i32", "i32", "buffer"], result: "i32", args: "semid:id semnum:int cmd:cmd buf:struct.semid_ds" },

  // unistd
  fork: { parameters: [], result: "i32", args: "" },
  _exit: { parameters: ["i32"], result: "void", args: "status:int" },
  getpid: { parameters: [], result: "i32", args: "" },
  getppid: { parameters: [], result: "i32", args: "" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  pipe: { parameters: ["buffer"], result: "i32", args: "pipefd:pair" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32", args: "fd:fd buf:buffer count:size" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32", args: "fd:fd buf:bytes count:size" },
  close: { parameters: ["i32"], result: "i32", args: "fd:fd" },
  dup2: { parameters: ["i32", "i32"], result: "i32", args: "oldfd:fd newfd:fd" },
  sleep: { parameters: ["u32"], result: "u32", args: "seconds:int" },
  usleep: { parameters: ["u32"], result: "i32", args: "usec:int" },
  open: { parameters: ["buffer", "i32", "i32"], result: "i32", args: "pathname:string flags:flags.open mode:mode" },
  unlink: { parameters: ["buffer"], result: "i32", args: "pathname:string" },
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32", args: "pathname:string argv:strings envp:strings" },

  // sys/wait
  wait: { parameters: ["buffer"], result: "i32", args: "wstatus:status" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32", args: "pid:pid wstatus:status options:flags.wait" },
  wait3: { parameters: ["buffer", "i32", "buffer"], result: "i32", args: "wstatus:status options:flags.wait rusage:struct.rusage" },
  wait4: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32", args: "pid:pid wstatus:status options:flags.wait rusage:struct.rusage" },

  // signal
  kill: { parameters: ["i32", "i32"], result: "i32", args: "pid:pid sig:sig" },
  raise: { parameters: ["i32"], result: "i32", args: "sig:sig" },
  signal: { parameters: ["i32", "usize"], result: "pointer" },
  sigaction: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  sigprocmask: { parameters: ["i32", "buffer", "buffer"], result: "i32" },

  // sys/socket
  socket: { parameters: ["i32", "i32", "i32"], result: "i32", args: "domain:domain type:socktype protocol:protocol" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32", args: "domain:domain type:socktype protocol:protocol sv:pair" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32", args: "sockfd:fd addr:sockaddr addrlen:size" },
  listen: { parameters: ["i32", "i32"], result: "i32", args: "sockfd:fd backlog:int" },
  accept: { parameters: ["i32", "buffer", "buffer"], result: "i32", args: "sockfd:fd addr:sockaddr* addrlen:ptr" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32", args: "sockfd:fd addr:sockaddr addrlen:size" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32", args: "sockfd:fd buf:bytes len:size flags:flags.msg" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32", args: "sockfd:fd buf:buffer len:size flags:flags.msg" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32", args: "sockfd:fd buf:bytes len:size flags:flags.msg dest_addr:sockaddr addrlen:size" },
  recvfrom: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"], result: "i32", args: "sockfd:fd buf:buffer len:size flags:flags.msg src_addr:sockaddr* addrlen:ptr" },
  shutdown: { parameters: ["i32", "i32"], result: "i32", args: "sockfd:fd how:how" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32", args: "sockfd:fd level:level optname:sockopt optval:value optlen:size" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32", args: "sockfd:fd level:level optname:sockopt optval:value optlen:ptr" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32", args: "sockfd:fd addr:sockaddr* addrlen:ptr" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32", args: "sockfd:fd addr:sockaddr* addrlen:ptr" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32", args: "sockfd:fd addr:sockaddr* addrlen:ptr flags:socktype" },
  // the text of addresses is the library's own business
  inet_ntop: { parameters: ["i32", "buffer", "buffer", "u32"], result: "pointer" },
  inet_pton: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  if_indextoname: { parameters: ["u32", "buffer"], result: "pointer" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  sched_yield: { parameters: [], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  eventfd_read: { parameters: ["i32", "buffer"], result: "i32" },
  eventfd_write: { parameters: ["i32", "u64"], result: "i32" },
  close_own: { name: "close", parameters: ["i32"], result: "i32" },

  // poll
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", args: "fds:pollfds nfds:size timeout:int" },
  poll_async: { name: "poll", parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },

  // netdb
  getaddrinfo: { parameters: ["buffer", "buffer", "buffer", "buffer"], result: "i32", args: "node:string service:string hints:struct.addrinfo res:ptr" },
  getaddrinfo_async: { name: "getaddrinfo", parameters: ["buffer", "buffer", "buffer", "buffer"], result: "i32", nonblocking: true },
  freeaddrinfo: { parameters: ["pointer"], result: "void" },
  gai_strerror: { parameters: ["i32"], result: "pointer" },

  // stdlib, string, sys/ipc
  rand: { parameters: [], result: "i32", args: "" },
  srand: { parameters: ["u32"], result: "void", args: "seed:int" },
  strerror: { parameters: ["i32"], result: "pointer" },
  ftok: { parameters: ["buffer", "i32"], result: "i32", args: "pathname:string proj_id:int" },

  // housekeeping
  __errno_location: { parameters: [], result: "pointer" },
  getenv: { parameters: ["buffer"], result: "pointer" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  environ: { type: "pointer" },
} as const;

/** The name of a function in the table. */
export type Name = Exclude<keyof typeof table, "environ">;
