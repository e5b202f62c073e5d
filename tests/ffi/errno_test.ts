// Every error that the manual page of a bound function names: provoked here, or by a test that is named, or why not.
import { assert, assertEquals } from "@std/assert";
import { entries } from "../../ffi/native/header.ts";
import * as mod from "../../mod.ts";
import { LibcError } from "../../mod.ts";
import { needs } from "../needs.ts";
import { FFI, mod as modUrl, Program, root, run } from "../support.ts";

/** Where an error is provoked: in this file, in a test of another, or in a program that is interrupted or confined. */
type Proof =
  | (() => unknown)
  | { file: string; test: string }
  | { program: () => Promise<Record<string, string>> }
  | { why: string };

const at = (file: string, test: string): Proof => ({ file: `${file}_test.ts`, test });
const not = (why: string): Proof => ({ why });

const isRoot = Deno.uid() === 0;
const AF_UNIX = mod.AF_UNIX;

// ---------------------------------------------------------------------------------------------------------------
// Programs

const PROLOGUE = `
import * as c from ${JSON.stringify(modUrl)};
const codes = {};
function attempt(name, action) {
  try { action(); codes[name] = "done"; } catch (error) { codes[name] = error.code ?? String(error); }
}
const say = (text) => Deno.stdout.writeSync(new TextEncoder().encode(text + "\\n"));
`;

/** A program's file, in a directory that others may read and write. */
async function withProgram<T>(source: string, use: (path: string, directory: string) => Promise<T>): Promise<T> {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const path = `${directory}/program.ts`;
    Deno.writeTextFileSync(path, `${PROLOGUE}${source}\nsay(JSON.stringify(codes)); Deno.exit(0);`);
    for (const name of [directory, path]) Deno.chmodSync(name, 0o777);
    return await use(path, directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function answer(stdout: string): Record<string, string> {
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => made ??= make();
}

/** What waits, and gets signal after signal. */
const interrupted = once(() =>
  withProgram(
    `
    c.signal(c.SIGUSR1, () => {});
    const limit = (fd, which) => c.setsockopt(fd, c.SOL_SOCKET, which, new c.timeval(60));
    const queue = c.msgget(c.IPC_PRIVATE, 0o600);
    const set = c.semget(c.IPC_PRIVATE, 1, 0o600);
    const buffer = new c.msgbuf(8000);
    buffer.mtype = 1;
    say("ready");
    try {
      attempt("msgrcv", () => c.msgrcv(queue, buffer, 10, 0, 0));
      attempt("msgsnd", () => { while (true) c.msgsnd(queue, buffer, 8000, 0); });
      attempt("semop", () => c.semop(set, new c.sembuf([0, -1])));
      attempt("semtimedop", () => c.semtimedop(set, new c.sembuf([0, -1]), 60));
    } finally {
      c.msgctl(queue, c.IPC_RMID);
      c.semctl(set, 0, c.IPC_RMID);
    }
    attempt("poll", () => c.poll(new c.pollfds(), 60_000));
    attempt("usleep", () => c.usleep(60_000_000));
    attempt("sleep", () => { if (c.sleep(60) > 0) throw { code: "EINTR" }; });
    const [a, b] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM, 0);
    limit(a, c.SO_RCVTIMEO);
    limit(a, c.SO_SNDTIMEO);
    const bytes = new Uint8Array(1 << 20);
    attempt("read", () => c.read(a, bytes));
    attempt("recv", () => c.recv(a, bytes));
    attempt("recvfrom", () => c.recvfrom(a, bytes, undefined, 0));
    attempt("write", () => { while (true) c.write(a, bytes); });
    attempt("send", () => { while (true) c.send(a, bytes); });
    attempt("sendto", () => { while (true) c.sendto(a, bytes, undefined, 0, null); });
    const listener = c.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
    const name = new c.sockaddr_un();
    c.bind(listener, name);
    c.listen(listener, 0);
    c.getsockname(listener, name);
    limit(listener, c.SO_RCVTIMEO);
    attempt("accept", () => c.accept(listener));
    attempt("accept4", () => c.accept4(listener, null, 0));
    attempt("connect", () => {
      for (;;) {
        const client = c.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
        limit(client, c.SO_SNDTIMEO);
        c.connect(client, name);
      }
    });`,
    async (path) => {
      await using program = new Program(Deno.execPath(), [...FFI, path]);
      await program.until("ready");
      const timer = setInterval(() => program.kill("SIGUSR1"), 10);
      try {
        const { code, stdout, stderr } = await program.end();
        assertEquals({ code, stderr }, { code: 0, stderr: "" });
        return answer(stdout);
      } finally {
        clearInterval(timer);
      }
    },
  )
);

/** What has no descriptors left. */
const confined = once(() =>
  withProgram(
    `
    const listener = c.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
    const name = new c.sockaddr_un();
    c.bind(listener, name);
    c.listen(listener, 5);
    c.getsockname(listener, name);
    c.connect(c.socket(c.AF_UNIX, c.SOCK_STREAM, 0), name);
    try { while (true) c.socket(c.AF_UNIX, c.SOCK_STREAM, 0); } catch { /* that was the last one */ }
    attempt("socket", () => c.socket(c.AF_UNIX, c.SOCK_STREAM, 0));
    attempt("socketpair", () => c.socketpair(c.AF_UNIX, c.SOCK_STREAM, 0));
    attempt("pipe", () => c.pipe());
    attempt("open", () => c.open("/", c.O_RDONLY));
    attempt("accept", () => c.accept(listener));
    attempt("accept4", () => c.accept4(listener, null, 0));`,
    async (path) => {
      const limited = ["-c", 'ulimit -n 100; exec "$@"', "sh", Deno.execPath(), ...FFI, path];
      const { code, stdout, stderr } = await run("sh", limited);
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      return answer(stdout);
    },
  )
);

const NOBODY = 65534;

/** What another user, or no privileged one, may not do. */
const unprivileged = once(() =>
  withProgram(
    `
    const [closed, file, directory] = Deno.args;
    const text = c.O_WRONLY;
    attempt("open EACCES", () => c.open(closed + "/x", c.O_RDONLY));
    attempt("unlink EACCES", () => c.unlink(closed + "/x"));
    attempt("unlink EPERM", () => c.unlink(directory + "/program.ts"));
    attempt("execve EACCES", () => c.execve(closed + "/x", [], []));
    attempt("ftok EACCES", () => c.ftok(closed + "/x", 1));
    attempt("kill EPERM", () => c.kill(1, 0));
    attempt("socket EPERM", () => c.socket(c.AF_INET, c.SOCK_RAW, c.IPPROTO_ICMP));
    const unix = c.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
    const address = new c.sockaddr_un();
    address.sun_path = closed + "/socket";
    attempt("bind EACCES", () => c.bind(unix, address));
    attempt("connect EACCES", () => c.connect(unix, address));
    const datagram = c.socket(c.AF_UNIX, c.SOCK_DGRAM, 0);
    attempt("sendto EACCES", () => c.sendto(datagram, "x", undefined, 0, address));
    const huge = c.SHM_HUGETLB | c.IPC_CREAT | 0o600;
    attempt("shmget EPERM", () => c.shmctl(c.shmget(c.IPC_PRIVATE, 1 << 21, huge), c.IPC_RMID));
    // the number of processes is limited while this waits
    say("ready");
    c.fgets(new Uint8Array(2), 2, c.stdin);
    attempt("fork EAGAIN", () => { if (c.fork() === 0) c._exit(0); });`,
    async (path, directory) => {
      const closed = `${directory}/closed`;
      const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
      Deno.mkdirSync(closed, { mode: 0 });
      if (isRoot) Deno.chmodSync(directory, 0o1777); // only owners remove what is in there
      const child = new Deno.Command(Deno.execPath(), {
        args: [...FFI, "--no-config", "--no-check", "--v8-flags=--single-threaded", path, closed, path, directory],
        env: { DENO_DIR: `${directory}/cache`, HOME: directory, NO_COLOR: "1" },
        cwd: directory,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
        ...user,
      }).spawn();
      const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
      let stdout = "";
      const writer = child.stdin.getWriter();
      try {
        for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
          const waited = stdout.includes("ready\n");
          stdout += chunk;
          if (waited || !stdout.includes("ready\n")) continue;
          const limited = await new Deno.Command("prlimit", {
            args: ["--pid", String(child.pid), "--nproc=1"],
            ...user,
          }).output();
          assert(limited.success, new TextDecoder().decode(limited.stderr));
          await writer.write(new TextEncoder().encode("\n"));
          await writer.close();
        }
      } finally {
        clearTimeout(timer);
      }
      const stderr = await new Response(child.stderr).text();
      assert((await child.status).success, stderr);
      Deno.chmodSync(closed, 0o700);
      return answer(stdout);
    },
  )
);

const INTERRUPTED: Proof = { program: interrupted };
const CONFINED: Proof = { program: confined };
const OTHERS: Proof = { program: unprivileged };

// ---------------------------------------------------------------------------------------------------------------
// Small things to provoke errors with

/** Does something with a new socket and closes it. */
function withSocket(domain: number, type: number, use: (fd: number) => unknown): void {
  const fd = mod.socket(domain, type, 0);
  try {
    use(fd);
  } finally {
    mod.close(fd);
  }
}

function withPair(use: (a: number, b: number) => unknown, type: number = mod.SOCK_STREAM | mod.SOCK_NONBLOCK): void {
  const fds = mod.socketpair(AF_UNIX, type, 0);
  try {
    use(...fds);
  } finally {
    fds.forEach(mod.close);
  }
}

function withFile(path: string, flags: number, use: (fd: number) => unknown): void {
  const fd = mod.open(path, flags);
  try {
    use(fd);
  } finally {
    mod.close(fd);
  }
}

function withDirectory(use: (path: string) => unknown): void {
  const path = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    use(path);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

/** A symbolic link to itself. */
function withLoop(use: (path: string) => unknown): void {
  withDirectory((directory) => {
    Deno.symlinkSync("loop", `${directory}/loop`);
    use(`${directory}/loop`);
  });
}

const LONG = `/${"x".repeat(300)}`;
const NO_DIRECTORY = "/dev/null/x";

function unixAt(path: string): mod.sockaddr_un {
  const address = new mod.sockaddr_un();
  address.sun_path = path;
  return address;
}

const bindTo = (path: string) => withSocket(AF_UNIX, mod.SOCK_STREAM, (fd) => mod.bind(fd, unixAt(path)));
const connectTo = (path: string) => withSocket(AF_UNIX, mod.SOCK_STREAM, (fd) => mod.connect(fd, unixAt(path)));
const lookUp = (node: string | null, service: string | null, hints: mod.addrinfo_hints) => () =>
  mod.getaddrinfo(node, service, hints);

// ---------------------------------------------------------------------------------------------------------------
// Why not

const MEMORY = not("the kernel would have to run out of memory");
const FILES = not("the whole system would have to run out of files");
const BROKEN = not("needs hardware or a file system that fails");
const RESTARTED = not(
  "handlers are Deno's, with SA_RESTART: the kernel takes the call up again (see the test of that)",
);
const NO_POINTER = not("needs an address outside of the process's memory; only buffers and structures are taken here");
const UNUSED = not("for flags or file systems that this call does not get here");
const RACE = not("the kernel says EINVAL to who comes after the removal; between lookup and lock it could say this");
const PERMISSIONS = at("scripts/tools/ipc/permissions", "Another user gets EACCES and EPERM, and what he makes is his");
const LIMITS = at("scripts/tools/ipc/permissions", "One object too many is ENOSPC, and nothing is left of it");
const SOCKETS_EBADF = at(
  "ffi/libc/sys/socket",
  "socket calls fail with EBADF if the descriptor isn't open, with ENOTSOCK if it's no socket",
);
const SOCKETS_EFAULT = at(
  "ffi/libc/sys/socket",
  "socket calls fail with EFAULT if a buffer or an address isn't one, or is too short",
);
const SEND_AND_RECEIVE = at(
  "ffi/libc/sys/socket",
  "send() and recv() fail with ENOTCONN, EDESTADDRREQ, EPIPE, EAGAIN or EMSGSIZE",
);
const SOCKETS_BAD = { EBADF: SOCKETS_EBADF, ENOTSOCK: SOCKETS_EBADF };

const SEM_OPERATIONS: Record<string, Proof> = {
  E2BIG: at("ffi/libc/sys/sem", "semop() fails with EFBIG, ERANGE, E2BIG or EINVAL if the operations can't be"),
  EACCES: PERMISSIONS,
  EFAULT: at("ffi/libc/sys/sem", "semop() fails with EINVAL or EFAULT if an argument is bad"),
  EFBIG: at("ffi/libc/sys/sem", "semop() fails with EFBIG, ERANGE, E2BIG or EINVAL if the operations can't be"),
  EIDRM: at("ffi/libc/sys/sem", "semop() blocks until it can go on, and fails with EIDRM if the set goes"),
  EINTR: INTERRUPTED,
  EINVAL: at("ffi/libc/sys/sem", "semop() fails with EFBIG, ERANGE, E2BIG or EINVAL if the operations can't be"),
  ENOMEM: MEMORY,
  ERANGE: at("ffi/libc/sys/sem", "semop() fails with EFBIG, ERANGE, E2BIG or EINVAL if the operations can't be"),
};

const SEND: Record<string, Proof> = {
  ...SOCKETS_BAD,
  EAGAIN: SEND_AND_RECEIVE,
  EALREADY: not("for TCP Fast Open, which has flags of its own"),
  ECONNRESET: () => {
    const [a, b] = mod.socketpair(AF_UNIX, mod.SOCK_STREAM, 0);
    try {
      mod.send(a, "unread");
      mod.close(b);
      mod.recv(a, new Uint8Array(1)); // the next send would say EPIPE
    } finally {
      mod.close(a);
    }
  },
  EDESTADDRREQ: SEND_AND_RECEIVE,
  EFAULT: SOCKETS_EFAULT,
  EINTR: INTERRUPTED,
  EINVAL: at("ffi/libc/sys/socket", "socket calls fail with EINVAL if a number isn't a C int"),
  EMSGSIZE: SEND_AND_RECEIVE,
  ENOBUFS: not("a network device's queue would have to be full; Linux drops the packet instead"),
  ENOMEM: MEMORY,
  ENOTCONN: SEND_AND_RECEIVE,
  EOPNOTSUPP: () => withPair((a) => mod.send(a, "x", undefined, mod.MSG_OOB), mod.SOCK_DGRAM),
  EPIPE: SEND_AND_RECEIVE,
};

const RECEIVE: Record<string, Proof> = {
  ...SOCKETS_BAD,
  EAGAIN: SEND_AND_RECEIVE,
  ECONNREFUSED: () =>
    withSocket(mod.AF_INET, mod.SOCK_DGRAM, (fd) => {
      // a port that was free a moment ago
      const address = mod.sockaddr.parse("127.0.0.1:0");
      withSocket(mod.AF_INET, mod.SOCK_DGRAM, (other) => {
        mod.bind(other, address);
        mod.getsockname(other, address);
      });
      mod.connect(fd, address);
      mod.setsockopt(fd, mod.SOL_SOCKET, mod.SO_RCVTIMEO, new mod.timeval(10));
      mod.send(fd, "x");
      mod.recv(fd, new Uint8Array(1));
    }),
  EFAULT: SOCKETS_EFAULT,
  EINTR: INTERRUPTED,
  EINVAL: at("ffi/libc/sys/socket", "socket calls fail with EINVAL if a number isn't a C int"),
  ENOMEM: MEMORY,
  ENOTCONN: SEND_AND_RECEIVE,
};

const ACCEPT: Record<string, Proof> = {
  ...SOCKETS_BAD,
  EAGAIN: at("ffi/libc/sys/socket", "accept() fails with EINVAL, EAGAIN or EOPNOTSUPP"),
  ECONNABORTED: not("a connection that is reset before it is accepted is still given out by Linux, and fails then"),
  EFAULT: SOCKETS_EFAULT,
  EINTR: INTERRUPTED,
  EINVAL: at("ffi/libc/sys/socket", "accept() fails with EINVAL, EAGAIN or EOPNOTSUPP"),
  EMFILE: CONFINED,
  ENFILE: FILES,
  ENOBUFS: MEMORY,
  ENOMEM: MEMORY,
  EOPNOTSUPP: at("ffi/libc/sys/socket", "accept() fails with EINVAL, EAGAIN or EOPNOTSUPP"),
  EPERM: not("needs a firewall that forbids it"),
  EPROTO: not("protocols with connections that can be refused at that moment are not among these"),
};

const WAIT: Record<string, Proof> = {
  EAGAIN: not("for waitid with a descriptor of a process"),
  ECHILD: () => mod.waitpid(Deno.pid, null, mod.WNOHANG),
  EINTR: RESTARTED,
};

const SEMCTL: Record<string, Proof> = {
  EACCES: PERMISSIONS,
  EFAULT: at("ffi/libc/sys/sem", "semctl() fails with EFAULT if the array of GETALL or SETALL has no room for the set"),
  EIDRM: RACE,
  EINVAL: at("ffi/libc/sys/sem", "semctl() fails with EINVAL if there is no such set, semaphore or command"),
  EPERM: PERMISSIONS,
  ERANGE: at("ffi/libc/sys/sem", "semctl() fails with ERANGE if a value is not 0 to 32767"),
};

const STREAM = mod.SOCK_STREAM;

// ---------------------------------------------------------------------------------------------------------------
// The table

const errors: Record<string, Record<string, Proof>> = {
  shmget: {
    EACCES: PERMISSIONS,
    EEXIST: at("ffi/libc/sys/shm", "shmget() fails with EEXIST if it must make a segment and there is one"),
    EINVAL: at("ffi/libc/sys/shm", "shmget() fails with EINVAL if the size is 0 or above that of the segment"),
    ENFILE: FILES,
    ENOENT: at("ffi/libc/sys/shm", "shmget() fails with ENOENT if there is no segment with the key, and says which"),
    ENOMEM: at("ffi/libc/sys/shm", "shmget() fails if no machine has so much memory"),
    ENOSPC: LIMITS,
    EPERM: OTHERS,
  },
  shmat: {
    EACCES: PERMISSIONS,
    EIDRM: RACE,
    EINVAL: at(
      "ffi/libc/sys/shm",
      "shmat() fails with EINVAL if there is no such segment, an address is given, or an argument is bad",
    ),
    ENOMEM: at("ffi/libc/sys/shm", "shmat() fails with ENOMEM if the address space has no room"),
  },
  shmdt: { EINVAL: at("ffi/libc/sys/shm", "shmdt() fails with EINVAL if it is not given an attached segment") },
  shmctl: {
    EACCES: PERMISSIONS,
    EFAULT: at("ffi/libc/sys/shm", "shmctl() fails with EFAULT if the structure is missing, too short, or gone"),
    EIDRM: RACE,
    EINVAL: at("ffi/libc/sys/shm", "shmctl() fails with EINVAL if there is no such segment or command"),
    ENOMEM: not("SHM_LOCK above RLIMIT_MEMLOCK, which does not bind root, and others get EPERM without it"),
    EOVERFLOW: not("ids and sizes of 16 bits, in programs of 32-bit systems"),
    EPERM: PERMISSIONS,
  },
  msgget: {
    EACCES: PERMISSIONS,
    EEXIST: () => {
      const key = 0x7c000000 | crypto.getRandomValues(new Uint32Array(1))[0] & 0xffffff;
      const flags = mod.IPC_CREAT | mod.IPC_EXCL | 0o600;
      const id = mod.msgget(key, flags);
      try {
        mod.msgget(key, flags);
      } finally {
        mod.msgctl(id, mod.IPC_RMID);
      }
    },
    ENOENT: at("ffi/libc/sys/msg", "msgget() fails with ENOENT if there is no queue with the key, and says which"),
    ENOMEM: MEMORY,
    ENOSPC: LIMITS,
  },
  msgsnd: {
    EACCES: PERMISSIONS,
    EAGAIN: at("ffi/libc/sys/msg", "msgsnd() fails with EAGAIN if the queue is full and it must not wait"),
    EFAULT: at(
      "ffi/libc/sys/msg",
      "msgsnd() and msgrcv() fail with EFAULT if msgsz is beyond the buffer, or there is none",
    ),
    EIDRM: at("stress/faults", "a queue that is removed ends every wait for it with EIDRM"),
    EINTR: INTERRUPTED,
    EINVAL: at("ffi/libc/sys/msg", "msgsnd() fails with EINVAL if the type is below 1 or the message above the limit"),
    ENOMEM: MEMORY,
  },
  msgrcv: {
    E2BIG: at(
      "ffi/libc/sys/msg",
      "msgrcv() fails with E2BIG if the message is longer, and leaves it; MSG_NOERROR cuts it",
    ),
    EACCES: PERMISSIONS,
    EFAULT: at(
      "ffi/libc/sys/msg",
      "msgsnd() and msgrcv() fail with EFAULT if msgsz is beyond the buffer, or there is none",
    ),
    EIDRM: at("ffi/libc/sys/msg", "msgrcv() fails with EIDRM if the queue is removed while it waits"),
    EINTR: INTERRUPTED,
    EINVAL: at(
      "ffi/libc/sys/msg",
      "msgsnd() and msgrcv() fail with EINVAL if an argument is no integer of C's, or there is no queue",
    ),
    ENOMSG: at("ffi/libc/sys/msg", "msgrcv() fails with ENOMSG if nothing is there and it must not wait"),
    ENOSYS: not("MSG_COPY on a kernel without checkpoints; this one either has it or is skipped where it is tested"),
  },
  msgctl: {
    EACCES: PERMISSIONS,
    EFAULT: at("ffi/libc/sys/msg", "msgctl() fails with EFAULT if the structure is missing or too short"),
    EIDRM: RACE,
    EINVAL: at("ffi/libc/sys/msg", "msgctl() fails with EINVAL if there is no such queue or command"),
    EPERM: PERMISSIONS,
  },
  semget: {
    EACCES: PERMISSIONS,
    EEXIST: () => {
      const key = 0x7c000000 | crypto.getRandomValues(new Uint32Array(1))[0] & 0xffffff;
      const flags = mod.IPC_CREAT | mod.IPC_EXCL | 0o600;
      const id = mod.semget(key, 1, flags);
      try {
        mod.semget(key, 1, flags);
      } finally {
        mod.semctl(id, 0, mod.IPC_RMID);
      }
    },
    EINVAL: at(
      "ffi/libc/sys/sem",
      "semget() fails with EINVAL if the count is 0, negative or above the limit, or no integer of C's",
    ),
    ENOENT: at("ffi/libc/sys/sem", "semget() fails with ENOENT if there is no set with the key, and says which"),
    ENOMEM: MEMORY,
    ENOSPC: LIMITS,
  },
  semop: {
    ...SEM_OPERATIONS,
    EAGAIN: () => {
      const id = mod.semget(mod.IPC_PRIVATE, 1, 0o600);
      try {
        mod.semop(id, new mod.sembuf([0, -1, mod.IPC_NOWAIT]));
      } finally {
        mod.semctl(id, 0, mod.IPC_RMID);
      }
    },
  },
  semtimedop: { ...SEM_OPERATIONS, EAGAIN: at("ffi/libc/sys/sem", "semtimedop() gives up with EAGAIN after its time") },
  semctl: SEMCTL,

  fork: {
    EAGAIN: OTHERS,
    ENOMEM: MEMORY,
    ENOSYS: not("for machines without an MMU"),
    ERESTARTNOINTR: not("never leaves the kernel"),
  },
  _exit: {},
  getpid: {},
  getppid: {},
  pipe: { EFAULT: NO_POINTER, EINVAL: UNUSED, EMFILE: CONFINED, ENFILE: FILES, ENOPKG: UNUSED },
  read: {
    EAGAIN: () => withPair((a) => mod.read(a, new Uint8Array(1))),
    EBADF: at("ffi/libc/unistd", "read() and write() fail with EBADF at the wrong end, and with what is no descriptor"),
    EFAULT: at("ffi/libc/unistd", "read() and write() fail with EFAULT if count exceeds the buffer, and move nothing"),
    EINTR: INTERRUPTED,
    EINVAL: at(
      "ffi/libc/unistd",
      "read() and write() fail with EBADF at the wrong end, and with what is no descriptor",
    ),
    EIO: BROKEN,
    EISDIR: () => withFile("/", mod.O_RDONLY, (fd) => mod.read(fd, new Uint8Array(1))),
  },
  write: {
    EAGAIN: () =>
      withPair((a) => {
        while (true) mod.write(a, "x".repeat(1 << 16));
      }),
    EBADF: at("ffi/libc/unistd", "read() and write() fail with EBADF at the wrong end, and with what is no descriptor"),
    EDESTADDRREQ: () => withSocket(mod.AF_INET, mod.SOCK_DGRAM, (fd) => mod.write(fd, "x")),
    EDQUOT: not("needs a file system with quotas"),
    EFAULT: at("ffi/libc/unistd", "read() and write() fail with EFAULT if count exceeds the buffer, and move nothing"),
    EFBIG: not("a limit on the size of files, or the end of the largest: there is no lseek here"),
    EINTR: INTERRUPTED,
    EINVAL: at(
      "ffi/libc/unistd",
      "read() and write() fail with EBADF at the wrong end, and with what is no descriptor",
    ),
    EIO: BROKEN,
    ENOSPC: () => withFile("/dev/full", mod.O_WRONLY, (fd) => mod.write(fd, "x")),
    EPERM: not("needs a file seal (memfd_create)"),
    EPIPE: at(
      "ffi/libc/unistd",
      "read() returns 0 when all writers are closed, and write() fails with EPIPE without a reader",
    ),
  },
  close: {
    EBADF: at("ffi/libc/unistd", "close() closes once, and EBADF is the answer the second time"),
    EDQUOT: not("needs a file system with quotas, over a network"),
    EINTR: not("for file systems over a network; sockets and pipes close without waiting"),
    EIO: BROKEN,
    ENOSPC: not("for file systems over a network that write only now"),
  },
  dup2: {
    EBADF: () => mod.dup2(-1, 600),
    EBUSY: not("a race with open on another thread"),
    EINTR: not("as for close"),
    EINVAL: UNUSED,
    EMFILE: not("for dup; a number beyond the limit is EBADF"),
    ENOMEM: MEMORY,
  },
  sleep: {},
  usleep: {
    EINTR: INTERRUPTED,
    EINVAL: at("ffi/libc/unistd", "usleep() and sleep() sleep as long as they are told, and refuse what is no time"),
  },
  open: {
    EACCES: OTHERS,
    EBADF: UNUSED,
    EBUSY: not("needs a mounted device that is opened with O_EXCL"),
    EDQUOT: not("needs a file system with quotas"),
    EEXIST: at("ffi/libc/unistd", "open(), unlink(): a file is made, found, refused a second time, and removed"),
    EFAULT: NO_POINTER,
    EFBIG: not("for programs of 32-bit systems"),
    EINTR: RESTARTED,
    EINVAL: () => mod.open("/", 0o20200000), // O_TMPFILE, which asks for writing
    EISDIR: () => mod.open("/", mod.O_WRONLY),
    ELOOP: () => withLoop((path) => mod.open(path, mod.O_RDONLY)),
    EMFILE: CONFINED,
    ENAMETOOLONG: () => mod.open(LONG, mod.O_RDONLY),
    ENFILE: FILES,
    ENODEV: not("needs a device file without a device"),
    ENOENT: () => mod.open("/none/none", mod.O_RDONLY),
    ENOMEM: MEMORY,
    ENOSPC: BROKEN,
    ENOTDIR: () => mod.open(NO_DIRECTORY, mod.O_RDONLY),
    ENXIO: () =>
      withDirectory((directory) => {
        bindTo(`${directory}/socket`);
        mod.open(`${directory}/socket`, mod.O_RDONLY);
      }),
    EOPNOTSUPP: UNUSED,
    EOVERFLOW: not("for programs of 32-bit systems"),
    EPERM: UNUSED,
    EROFS: not("needs a file system that is mounted for reading only"),
    ETXTBSY: async () => {
      const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
      Deno.copyFileSync("/bin/sh", `${directory}/sh`);
      const shell = new Deno.Command(`${directory}/sh`, { args: ["-c", "read line"], stdin: "piped" }).spawn();
      try {
        mod.close(mod.open(`${directory}/sh`, mod.O_WRONLY));
      } finally {
        await shell.stdin.close();
        await shell.status;
        Deno.removeSync(directory, { recursive: true });
      }
    },
  },
  unlink: {
    EACCES: OTHERS,
    EBUSY: not("needs a file that something is mounted on"),
    EFAULT: NO_POINTER,
    EIO: BROKEN,
    EISDIR: () => withDirectory((path) => mod.unlink(path)),
    ELOOP: () => withLoop((path) => mod.unlink(`${path}/x`)),
    ENAMETOOLONG: () => mod.unlink(LONG),
    ENOENT: () => mod.unlink("/none/none"),
    ENOMEM: MEMORY,
    ENOTDIR: () => mod.unlink(NO_DIRECTORY),
    EPERM: OTHERS,
    EROFS: not("needs a file system that is mounted for reading only"),
  },
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
  kill: { EINVAL: () => mod.kill(Deno.pid, 65), EPERM: OTHERS, ESRCH: () => mod.kill(2 ** 31 - 1, 0) },
  raise: { EINVAL: () => mod.raise(65) },

  socket: {
    EACCES: not("Linux says EPERM"),
    EAFNOSUPPORT: at("ffi/libc/sys/socket", "socket() fails with EAFNOSUPPORT, EPROTONOSUPPORT or EINVAL"),
    EINVAL: at("ffi/libc/sys/socket", "socket() fails with EAFNOSUPPORT, EPROTONOSUPPORT or EINVAL"),
    EMFILE: CONFINED,
    ENFILE: FILES,
    ENOBUFS: MEMORY,
    ENOMEM: MEMORY,
    EPERM: OTHERS,
    EPROTONOSUPPORT: at("ffi/libc/sys/socket", "socket() fails with EAFNOSUPPORT, EPROTONOSUPPORT or EINVAL"),
  },
  socketpair: {
    EAFNOSUPPORT: () => mod.socketpair(99, STREAM, 0),
    EFAULT: NO_POINTER,
    EMFILE: CONFINED,
    ENFILE: FILES,
    EOPNOTSUPP: () => mod.socketpair(mod.AF_INET, STREAM, 0),
    EPROTONOSUPPORT: () => mod.socketpair(AF_UNIX, STREAM, 99),
  },
  bind: {
    ...SOCKETS_BAD,
    EACCES: OTHERS,
    EADDRINUSE: at(
      "ffi/libc/sys/socket",
      "bind() fails with EADDRINUSE, EADDRNOTAVAIL, EINVAL, EAFNOSUPPORT, ENOENT or ENOTDIR",
    ),
    EADDRNOTAVAIL: at(
      "ffi/libc/sys/socket",
      "bind() fails with EADDRINUSE, EADDRNOTAVAIL, EINVAL, EAFNOSUPPORT, ENOENT or ENOTDIR",
    ),
    EFAULT: SOCKETS_EFAULT,
    EINVAL: at(
      "ffi/libc/sys/socket",
      "bind() fails with EADDRINUSE, EADDRNOTAVAIL, EINVAL, EAFNOSUPPORT, ENOENT or ENOTDIR",
    ),
    ELOOP: () => withLoop((path) => bindTo(`${path}/x`)),
    ENAMETOOLONG: at(
      "ffi/libc/sys/sockaddr",
      "sockaddr_un fails with ENAMETOOLONG beyond sun_path, with EINVAL if a path has a NUL inside",
    ),
    ENOENT: () => bindTo("/none/none"),
    ENOMEM: MEMORY,
    ENOTDIR: () => bindTo(NO_DIRECTORY),
    EROFS: not("needs a file system that is mounted for reading only"),
  },
  listen: {
    ...SOCKETS_BAD,
    EADDRINUSE: at("ffi/libc/sys/socket", "listen() fails with EOPNOTSUPP, EINVAL or EADDRINUSE"),
    EOPNOTSUPP: at("ffi/libc/sys/socket", "listen() fails with EOPNOTSUPP, EINVAL or EADDRINUSE"),
  },
  accept: ACCEPT,
  accept4: ACCEPT,
  connect: {
    ...SOCKETS_BAD,
    EACCES: OTHERS,
    EADDRINUSE: not("Linux says EADDRNOTAVAIL"),
    EADDRNOTAVAIL: () =>
      withSocket(mod.AF_INET, STREAM, (listener) => {
        const address = mod.sockaddr.parse("127.0.0.1:0");
        mod.bind(listener, address);
        mod.listen(listener, 5);
        mod.getsockname(listener, address);
        withSocket(mod.AF_INET, STREAM, (first) => {
          mod.connect(first, address);
          const local = new mod.sockaddr_in();
          mod.getsockname(first, local);
          // a second connection between the same two addresses
          withSocket(mod.AF_INET, STREAM, (second) => {
            for (const fd of [first, second]) mod.setsockopt(fd, mod.SOL_SOCKET, mod.SO_REUSEADDR, true);
            mod.bind(second, local);
            mod.connect(second, address);
          });
        });
      }),
    EAFNOSUPPORT: at(
      "ffi/libc/sys/socket",
      "connect() fails with ECONNREFUSED, EISCONN, EAFNOSUPPORT, ENOENT or EPROTOTYPE",
    ),
    EAGAIN: () =>
      withSocket(AF_UNIX, STREAM, (listener) => {
        const name = new mod.sockaddr_un();
        mod.bind(listener, name);
        mod.listen(listener, 0);
        mod.getsockname(listener, name);
        const clients: number[] = [];
        try {
          while (true) {
            clients.push(mod.socket(AF_UNIX, STREAM | mod.SOCK_NONBLOCK, 0));
            mod.connect(clients.at(-1)!, name);
          }
        } finally {
          clients.forEach(mod.close);
        }
      }),
    EALREADY: not("a connection on loopback is made at once, so that a second call finds it there"),
    ECONNREFUSED: at(
      "ffi/libc/sys/socket",
      "connect() fails with ECONNREFUSED, EISCONN, EAFNOSUPPORT, ENOENT or EPROTOTYPE",
    ),
    EFAULT: SOCKETS_EFAULT,
    EINPROGRESS: at("ffi/libc/sys/socket", "connect() fails with EINPROGRESS on a SOCK_NONBLOCK stream"),
    EINTR: INTERRUPTED,
    EISCONN: at(
      "ffi/libc/sys/socket",
      "connect() fails with ECONNREFUSED, EISCONN, EAFNOSUPPORT, ENOENT or EPROTOTYPE",
    ),
    ENETUNREACH: () =>
      withSocket(mod.AF_INET, mod.SOCK_DGRAM, (fd) => {
        // a class of addresses that no network has
        mod.setsockopt(fd, mod.SOL_SOCKET, mod.SO_DONTROUTE, true);
        mod.connect(fd, mod.sockaddr.parse("240.0.0.1:9"));
      }),
    ENOTSOCK: SOCKETS_EBADF,
    EPERM: not("a broadcast address is EACCES on Linux; EPERM needs a firewall"),
    EPROTOTYPE: at(
      "ffi/libc/sys/socket",
      "connect() fails with ECONNREFUSED, EISCONN, EAFNOSUPPORT, ENOENT or EPROTOTYPE",
    ),
    ETIMEDOUT: not("takes minutes, and a host that does not answer"),
    ENOENT: () => connectTo("/none/none"),
  },
  send: {
    ...SEND,
    EACCES: not("needs an address: see sendto"),
    EISCONN: at("ffi/libc/sys/socket", "sendto() fails with EISCONN, EACCES, EAFNOSUPPORT, ENOENT or ECONNREFUSED"),
  },
  sendto: {
    ...SEND,
    EACCES: OTHERS,
    EISCONN: at("ffi/libc/sys/socket", "sendto() fails with EISCONN, EACCES, EAFNOSUPPORT, ENOENT or ECONNREFUSED"),
  },
  recv: RECEIVE,
  recvfrom: RECEIVE,
  shutdown: {
    ...SOCKETS_BAD,
    EINVAL: () => withPair((a) => mod.shutdown(a, 9)),
    ENOTCONN: () => withSocket(mod.AF_INET, STREAM, (fd) => mod.shutdown(fd, mod.SHUT_WR)),
  },
  setsockopt: {
    ...SOCKETS_BAD,
    EFAULT: at("ffi/libc/sys/socket", "setsockopt() fails with ENOPROTOOPT, EINVAL, EDOM or EFAULT"),
    EINVAL: at("ffi/libc/sys/socket", "setsockopt() fails with ENOPROTOOPT, EINVAL, EDOM or EFAULT"),
    ENOPROTOOPT: at("ffi/libc/sys/socket", "setsockopt() fails with ENOPROTOOPT, EINVAL, EDOM or EFAULT"),
    EOPNOTSUPP: () => withPair((a) => mod.setsockopt(a, mod.SOL_SOCKET, 9999, 1)),
  },
  getsockopt: {
    ...SOCKETS_BAD,
    EFAULT: () => withPair((a) => mod.getsockopt(a, mod.SOL_SOCKET, mod.SO_TYPE, "x" as unknown as mod.timeval)),
    EINVAL: at(
      "ffi/libc/sys/socket",
      "getsockopt() fails with EINVAL if the option is no number and there is nothing to fill",
    ),
    ENOPROTOOPT: () => withPair((a) => mod.getsockopt(a, mod.SOL_SOCKET, 27)), // SO_DETACH_FILTER
    EOPNOTSUPP: () => withPair((a) => mod.getsockopt(a, mod.SOL_SOCKET, 9999)),
  },
  getsockname: { ...SOCKETS_BAD, EFAULT: SOCKETS_EFAULT, EINVAL: NO_POINTER, ENOBUFS: MEMORY },
  getpeername: {
    ...SOCKETS_BAD,
    EFAULT: SOCKETS_EFAULT,
    EINVAL: NO_POINTER,
    ENOBUFS: MEMORY,
    ENOTCONN: () => withSocket(mod.AF_INET, STREAM, (fd) => mod.getpeername(fd, new mod.sockaddr_in())),
  },

  poll: {
    EFAULT: at("ffi/libc/poll", "poll() fails with EINVAL or EFAULT on wrong arguments"),
    EINTR: INTERRUPTED,
    EINVAL: at("ffi/libc/poll", "poll() fails with EINVAL or EFAULT on wrong arguments"),
    ENOMEM: MEMORY,
  },
  getaddrinfo: {
    EAI_ADDRFAMILY: lookUp("127.0.0.1", null, { ai_family: mod.AF_INET6, ai_flags: mod.AI_NUMERICHOST }),
    EAI_AGAIN: not("needs a name server that fails for now"),
    EAI_BADFLAGS: lookUp("127.0.0.1", null, { ai_flags: 1 << 30 }),
    EAI_FAIL: not("needs a name server that fails"),
    EAI_FAMILY: lookUp("127.0.0.1", null, { ai_family: 99 }),
    EAI_MEMORY: MEMORY,
    EAI_NODATA: not("needs a name server that knows a name without addresses"),
    EAI_NONAME: lookUp("none", null, { ai_flags: mod.AI_NUMERICHOST }),
    EAI_SERVICE: lookUp("127.0.0.1", "no such service", { ai_socktype: STREAM }),
    EAI_SOCKTYPE: lookUp("127.0.0.1", null, { ai_socktype: 99 }),
    EAI_SYSTEM: not("the system would have to fail; its own error is thrown then"),
  },
  rand: {},
  srand: {},
  ftok: {
    EACCES: OTHERS,
    EBADF: UNUSED,
    EFAULT: NO_POINTER,
    EINVAL: UNUSED,
    ELOOP: () => withLoop((path) => mod.ftok(path, 1)),
    ENAMETOOLONG: () => mod.ftok(LONG, 1),
    ENOENT: () => mod.ftok("/none/none", 1),
    ENOMEM: MEMORY,
    ENOTDIR: () => mod.ftok(NO_DIRECTORY, 1),
    EOVERFLOW: not("for programs of 32-bit systems"),
  },
};

Deno.test("the table of errors has every function that a header declares", () => {
  const functions = new Set(entries.filter(({ declared }) => !declared.quiet).map(({ declared }) => declared.symbol));
  assertEquals(Object.keys(errors).sort(), [...functions].sort());
});

/** The source of a test, from its name to the next one. */
function sourceOf(file: string, test: string): string {
  const source = Deno.readTextFileSync(`${root}tests/${file}`);
  const start = source.indexOf(JSON.stringify(test));
  assert(start >= 0, `${file} has no test "${test}"`);
  return source.slice(start).split(/\n(?:Deno\.test|needs)\(/)[0];
}

Deno.test("every error that is said to be provoked by another test is named there", () => {
  for (const [name, list] of Object.entries(errors)) {
    for (const [code, proof] of Object.entries(list)) {
      if (!("file" in proof)) continue;
      const source = sourceOf(proof.file, proof.test);
      assert(source.includes(code), `${name}: ${proof.file}, "${proof.test}" does not speak of ${code}`);
    }
  }
});

for (const [name, list] of Object.entries(errors)) {
  const here = Object.entries(list).filter((entry): entry is [string, () => unknown] => typeof entry[1] === "function");
  if (here.length === 0) continue;
  Deno.test(`${name}() fails with ${here.map(([code]) => code).join(", ")}`, async () => {
    for (const [code, provoke] of here) {
      let result: unknown = "nothing was thrown";
      try {
        await provoke();
      } catch (error) {
        result = error instanceof LibcError ? error.code : error;
      }
      assertEquals(result, code);
    }
  });
}

/** Checks what a program says of each error that it is to provoke; its names are `function` or `function error`. */
async function proven(program: () => Promise<Record<string, string>>): Promise<void> {
  const codes = await program();
  for (const [name, list] of Object.entries(errors)) {
    for (const [code, proof] of Object.entries(list)) {
      if ("program" in proof && proof.program === program) {
        assertEquals(codes[`${name} ${code}`] ?? codes[name], code, name);
      }
    }
  }
}

Deno.test("calls that wait fail with EINTR if a signal comes", () => proven(interrupted));
Deno.test("calls that make descriptors fail with EMFILE if there are none left", () => proven(confined));
needs("prlimit")("calls fail with EACCES, EPERM or EAGAIN for who is not privileged", () => proven(unprivileged));

Deno.test("handlers are installed with SA_RESTART, so that read, wait and open wait on", async () => {
  const { code, stdout, stderr } = await withProgram(
    `c.enableFork();
     c.signal(c.SIGUSR1, () => {});
     const [reader, writer] = c.pipe();
     const parent = c.getpid();
     const child = c.fork(() => {
       for (let i = 0; i < 5; i++) { c.kill(parent, c.SIGUSR1); c.usleep(20_000); }
       c.write(writer, "x");
       c.usleep(50_000);
       return 3;
     });
     const wstat = new c.WaitStatus();
     attempt("read", () => c.read(reader, new Uint8Array(1)));
     attempt("waitpid", () => c.waitpid(child, wstat));`,
    (path) => run(Deno.execPath(), [...FFI, path]),
  );
  assertEquals({ code, stderr, codes: answer(stdout) }, {
    code: 0,
    stderr: "",
    codes: { read: "done", waitpid: "done" },
  });
});
