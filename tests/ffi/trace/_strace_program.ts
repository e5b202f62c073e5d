/**
 * A program that makes every traced call, in success and in failure, with every kind of argument. strace(1) watches it,
 * and so does our own tracing: `_strace.ts` compares the two.
 *
 *     deno run --allow-ffi --v8-flags=--single-threaded _strace_program.ts DIRECTORY
 *
 * @module
 */
import * as ipc from "../../../mod.ts";

const [directory] = Deno.args;

// Two things that the library has no functions for.
const c = Deno.dlopen("libc.so.6", {
  /** Detaches a segment without the library's knowledge, so that its own `shmdt` comes too late. */
  shmdt: { parameters: ["buffer"], result: "i32" },
  /** With no descriptors to be had, calls fail that never do otherwise. */
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
}).symbols;

/** Makes a call that is to fail. */
function fails(code: string, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (error instanceof ipc.LibcError && error.code === code) return;
    throw error;
  }
  throw new Error(`no ${code}: ${call}`);
}

/** Makes calls while the process may open no descriptors. */
function withoutDescriptors(calls: () => void): void {
  const RLIMIT_NOFILE = 7;
  const limit = new BigUint64Array(2);
  c.getrlimit(RLIMIT_NOFILE, limit);
  c.setrlimit(RLIMIT_NOFILE, new BigUint64Array([0n, limit[1]]));
  try {
    calls();
  } finally {
    c.setrlimit(RLIMIT_NOFILE, limit);
  }
}

/** Makes calls that wait, while signals come again and again until they are done. */
function interrupted(calls: () => void): void {
  const parent = ipc.getpid();
  const [over, end] = ipc.pipe();
  const pester = ipc.fork(() => {
    ipc.close(end);
    while (ipc.poll(new ipc.pollfds([over, ipc.POLLIN]), 20) === 0) ipc.kill(parent, ipc.SIGUSR1);
  });
  ipc.close(over);
  try {
    calls();
  } finally {
    ipc.close(end);
    ipc.waitpid(pester);
  }
}

/** What removes the objects, should the program fail midway. */
const undo: (() => void)[] = [];

const NOWHERE = 777; // no descriptor
const NO_ID = 0x7fff_fff0; // no object
const NO_PID = 0x3fff_ffff; // no process
const room = new Uint8Array(256);
const { IPC_CREAT, IPC_EXCL, IPC_NOWAIT, IPC_PRIVATE, IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO } = ipc;
const KEY = 0x1625_0000 | ipc.getpid() & 0xffff;

function sharedMemory(): void {
  const id = ipc.shmget(IPC_PRIVATE, 27, IPC_CREAT | 0o666);
  undo.push(() => ipc.shmctl(id, IPC_RMID));
  const keyed = ipc.shmget(KEY, 5000, IPC_CREAT | IPC_EXCL | 0o600);
  undo.push(() => ipc.shmctl(keyed, IPC_RMID));
  ipc.shmget(KEY, 0, 0);
  ipc.shmctl(ipc.shmget(IPC_PRIVATE, 1, IPC_CREAT | ipc.SHM_NORESERVE | 0o644), IPC_RMID);
  ipc.shmctl(ipc.shmget(IPC_PRIVATE, 1, 0), IPC_RMID);
  fails("EEXIST", () => ipc.shmget(KEY, 1, IPC_CREAT | IPC_EXCL | 0o600));
  fails("ENOENT", () => ipc.shmget(KEY + 1, 1, 0o600));
  fails("ENOENT", () => ipc.shmget(-KEY, 1, 0o600));
  fails("EINVAL", () => ipc.shmget(KEY, 2 ** 40, 0o600));
  fails("EINVAL", () => ipc.shmget(IPC_PRIVATE, 0, IPC_CREAT | 0o600));

  const memory = ipc.shmat(id);
  const window = ipc.shmat(id, null, ipc.SHM_RDONLY);
  ipc.poke(memory, 3, "*");
  ipc.peek(window, 3);
  ipc.shmdt(memory);
  ipc.shmdt(window);
  fails("EINVAL", () => ipc.shmat(NO_ID));
  fails("EINVAL", () => ipc.shmat(NO_ID, null, ipc.SHM_RDONLY));
  const again = ipc.shmat(id);
  c.shmdt(again);
  fails("EINVAL", () => ipc.shmdt(again));

  const ds = new ipc.shmid_ds();
  ipc.shmctl(id, IPC_STAT, ds);
  ds.shm_perm.mode = 0o640;
  ds.shm_perm.uid = 1;
  ipc.shmctl(id, IPC_SET, ds);
  ipc.shmctl(keyed, IPC_STAT, ds);
  ipc.shmctl(keyed, ipc.SHM_LOCK);
  ipc.shmctl(keyed, IPC_STAT, ds);
  ipc.shmctl(keyed, ipc.SHM_UNLOCK);
  const slot = keyed & 0x7fff;
  ipc.shmctl(slot, ipc.SHM_STAT, ds);
  ipc.shmctl(slot, ipc.SHM_STAT_ANY, ds);
  ipc.shmctl(0, IPC_INFO, new ipc.shminfo());
  ipc.shmctl(0, ipc.SHM_INFO, new ipc.shm_info());
  for (const cmd of [IPC_STAT, IPC_SET]) fails("EINVAL", () => ipc.shmctl(NO_ID, cmd, ds));
  for (const cmd of [IPC_RMID, ipc.SHM_LOCK, ipc.SHM_UNLOCK, 4711]) fails("EINVAL", () => ipc.shmctl(NO_ID, cmd));
  for (const cmd of [ipc.SHM_STAT, ipc.SHM_STAT_ANY]) fails("EINVAL", () => ipc.shmctl(0x7000, cmd, ds));
  fails("EINVAL", () => ipc.shmctl(-1, IPC_INFO, new ipc.shminfo()));
  fails("EINVAL", () => ipc.shmctl(-1, ipc.SHM_INFO, new ipc.shm_info()));
  ipc.shmctl(id, IPC_RMID);
  ipc.shmctl(keyed, IPC_RMID, ds);
}

function message(type: number | bigint, bytes: string | Uint8Array): ipc.msgbuf {
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  const buffer = new ipc.msgbuf(data.length);
  buffer.mtype = type;
  buffer.mtext.set(data);
  return buffer;
}

const BINARY = new Uint8Array([0, 1, 7, 8, 9, 10, 11, 12, 13, 27, 31, 32, 34, 92, 126, 127, 128, 255, 0, 48, 1, 56, 0]);

function messageQueues(): void {
  const id = ipc.msgget(IPC_PRIVATE, IPC_CREAT | 0o600);
  undo.push(() => ipc.msgctl(id, IPC_RMID));
  const keyed = ipc.msgget(KEY, IPC_CREAT | IPC_EXCL | 0o660);
  undo.push(() => ipc.msgctl(keyed, IPC_RMID));
  ipc.msgget(KEY, 0);
  fails("EEXIST", () => ipc.msgget(KEY, IPC_CREAT | IPC_EXCL | 0o600));
  fails("ENOENT", () => ipc.msgget(KEY + 1, 0o600));

  const send = (type: number | bigint, bytes: string | Uint8Array, flags = 0) => {
    const buffer = message(type, bytes);
    ipc.msgsnd(id, buffer, buffer.mtext.length, flags);
  };
  const into = new ipc.msgbuf(512);
  const receive = (type: number | bigint, flags = 0, size = 512) => ipc.msgrcv(id, into, size, type, flags);
  send(1, "hello");
  receive(1);
  send(1, "");
  receive(0);
  send(2 ** 40, "a type beyond 32 bits");
  receive(2 ** 40);
  send(2n ** 63n - 1n, "the largest type");
  receive(0, IPC_NOWAIT);
  send(7, BINARY, IPC_NOWAIT);
  receive(-7, IPC_NOWAIT);
  send(3, "x".repeat(400));
  receive(-(2 ** 40));
  send(3, "y".repeat(128));
  receive(3);
  send(3, "z".repeat(129));
  receive(3);
  send(4, "too long for it");
  receive(4, ipc.MSG_NOERROR, 8);
  send(5, "five");
  send(6, "six");
  receive(5, ipc.MSG_EXCEPT);
  receive(0, ipc.MSG_COPY | IPC_NOWAIT);
  fails("E2BIG", () => receive(5, IPC_NOWAIT, 1));
  receive(5, IPC_NOWAIT | ipc.MSG_NOERROR, 0);
  fails("ENOMSG", () => receive(0, IPC_NOWAIT));
  fails("ENOMSG", () => receive(-3, IPC_NOWAIT | ipc.MSG_NOERROR));
  fails("ENOMSG", () => receive(3, ipc.MSG_COPY | IPC_NOWAIT));
  fails("EINVAL", () => receive(3, ipc.MSG_COPY));
  fails("EINVAL", () => ipc.msgrcv(NO_ID, into, 10, 1, 0));
  fails("EINVAL", () => send(0, "no type"));
  fails("EINVAL", () => send(-5, "negative type"));
  fails("EINVAL", () => ipc.msgsnd(NO_ID, message(1, "nowhere"), 7, 0));
  fails("EINVAL", () => send(1, new Uint8Array(100_000)));

  const ds = new ipc.msqid_ds();
  send(9, "waits");
  ipc.msgctl(id, IPC_STAT, ds);
  ds.msg_perm.mode = 0o620;
  ds.msg_qbytes = 5;
  ipc.msgctl(id, IPC_SET, ds);
  fails("EAGAIN", () => send(9, "full", IPC_NOWAIT));
  interrupted(() => {
    fails("EINTR", () => send(9, "full"));
    fails("EINTR", () => receive(8));
  });
  ipc.msgctl(keyed, IPC_STAT, ds);
  const slot = keyed & 0x7fff;
  ipc.msgctl(slot, ipc.MSG_STAT, ds);
  ipc.msgctl(slot, ipc.MSG_STAT_ANY, ds);
  ipc.msgctl(0, IPC_INFO, new ipc.msginfo());
  ipc.msgctl(0, ipc.MSG_INFO, new ipc.msginfo());
  for (const cmd of [IPC_STAT, IPC_SET]) fails("EINVAL", () => ipc.msgctl(NO_ID, cmd, ds));
  for (const cmd of [IPC_RMID, 4711]) fails("EINVAL", () => ipc.msgctl(NO_ID, cmd));
  for (const cmd of [ipc.MSG_STAT, ipc.MSG_STAT_ANY]) fails("EINVAL", () => ipc.msgctl(0x7000, cmd, ds));
  for (const cmd of [IPC_INFO, ipc.MSG_INFO]) fails("EINVAL", () => ipc.msgctl(-1, cmd, new ipc.msginfo()));
  ipc.msgctl(id, IPC_RMID);
  ipc.msgctl(keyed, IPC_RMID, ds);
}

function semaphores(): void {
  const id = ipc.semget(IPC_PRIVATE, 3, IPC_CREAT | 0o600);
  undo.push(() => ipc.semctl(id, 0, IPC_RMID));
  const keyed = ipc.semget(KEY, 1, IPC_CREAT | IPC_EXCL | 0o660);
  undo.push(() => ipc.semctl(keyed, 0, IPC_RMID));
  ipc.semget(KEY, 0, 0);
  fails("EEXIST", () => ipc.semget(KEY, 1, IPC_CREAT | IPC_EXCL | 0o600));
  fails("ENOENT", () => ipc.semget(KEY + 1, 1, 0o600));
  fails("EINVAL", () => ipc.semget(IPC_PRIVATE, -1, IPC_CREAT));

  ipc.semctl(id, 0, ipc.SETVAL, 5);
  ipc.semctl(id, 0, ipc.GETVAL);
  fails("ERANGE", () => ipc.semctl(id, 0, ipc.SETVAL, 99_999));
  fails("ERANGE", () => ipc.semctl(id, 0, ipc.SETVAL, -1));
  fails("EINVAL", () => ipc.semctl(id, 3, ipc.GETVAL));
  ipc.semctl(id, 0, ipc.SETALL, new Uint16Array([1, 2, 3]));
  ipc.semctl(id, 0, ipc.GETALL, new Uint16Array(3));
  ipc.semop(id, new ipc.sembuf([0, -1]));
  ipc.semop(id, new ipc.sembuf([0, 0, IPC_NOWAIT], [1, -2, IPC_NOWAIT | ipc.SEM_UNDO], [2, 4, ipc.SEM_UNDO]));
  ipc.semop(id, new ipc.sembuf([0, 32767, 0o123]));
  for (const cmd of [ipc.GETPID, ipc.GETNCNT, ipc.GETZCNT, ipc.GETVAL]) ipc.semctl(id, 2, cmd);
  fails("EAGAIN", () => ipc.semop(id, new ipc.sembuf([1, -1, IPC_NOWAIT])));
  fails("EAGAIN", () => ipc.semop(id, new ipc.sembuf([1, 1], [0, 0, IPC_NOWAIT])));
  fails("EFBIG", () => ipc.semop(id, new ipc.sembuf([5, 1])));
  fails("ERANGE", () => ipc.semop(id, new ipc.sembuf([0, 1])));
  fails("EINVAL", () => ipc.semop(id, new ipc.sembuf()));
  fails("EINVAL", () => ipc.semop(NO_ID, new ipc.sembuf([0, 1])));
  ipc.semtimedop(id, new ipc.sembuf([2, -1]), null);
  ipc.semtimedop(id, new ipc.sembuf([2, -1], [1, 1]), 1.25);
  fails("EAGAIN", () => ipc.semtimedop(id, new ipc.sembuf([1, -100]), 0.001));
  fails("EAGAIN", () => ipc.semtimedop(id, new ipc.sembuf([1, -100]), 0));
  fails("EINVAL", () => ipc.semtimedop(NO_ID, new ipc.sembuf([1, -100]), 3));
  fails("EINVAL", () => ipc.semtimedop(NO_ID, new ipc.sembuf([1, -100]), null));
  interrupted(() => {
    fails("EINTR", () => ipc.semop(id, new ipc.sembuf([1, -100])));
    fails("EINTR", () => ipc.semtimedop(id, new ipc.sembuf([1, -100]), 100));
  });

  const ds = new ipc.semid_ds();
  ipc.semctl(id, 0, IPC_STAT, ds);
  ds.sem_perm.mode = 0o604;
  ds.sem_perm.gid = 2;
  ipc.semctl(id, 0, IPC_SET, ds);
  ipc.semctl(keyed, 7, IPC_STAT, ds);
  const slot = keyed & 0x7fff;
  ipc.semctl(slot, 0, ipc.SEM_STAT, ds);
  ipc.semctl(slot, 0, ipc.SEM_STAT_ANY, ds);
  ipc.semctl(0, 0, IPC_INFO, new ipc.seminfo());
  ipc.semctl(0, 0, ipc.SEM_INFO, new ipc.seminfo());
  for (const cmd of [IPC_STAT, IPC_SET]) fails("EINVAL", () => ipc.semctl(NO_ID, 0, cmd, ds));
  for (const cmd of [IPC_RMID, 4711, ipc.GETVAL, ipc.GETPID, ipc.GETNCNT, ipc.GETZCNT]) {
    fails("EINVAL", () => ipc.semctl(NO_ID, 0, cmd));
  }
  fails("EINVAL", () => ipc.semctl(NO_ID, 0, ipc.SETVAL, 1));
  for (const cmd of [ipc.SEM_STAT, ipc.SEM_STAT_ANY]) fails("EINVAL", () => ipc.semctl(0x7000, 0, cmd, ds));
  for (const cmd of [IPC_INFO, ipc.SEM_INFO]) fails("EINVAL", () => ipc.semctl(-1, 0, cmd, new ipc.seminfo()));
  ipc.semctl(id, 0, IPC_RMID);
  ipc.semctl(keyed, 5, IPC_RMID);
}

function files(): void {
  const { O_APPEND, O_CLOEXEC, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = ipc;
  const path = `${directory}/file "with" ünusual\nname`;
  const file = ipc.open(path, O_RDWR | O_CREAT | O_EXCL, 0o640);
  ipc.write(file, 'text\twith "quotes"\n');
  ipc.write(file, "");
  ipc.write(file, BINARY);
  ipc.write(file, new TextEncoder().encode("größer"));
  ipc.write(file, "w".repeat(128));
  ipc.write(file, "v".repeat(1000));
  ipc.close(file);
  ipc.close(ipc.open(path, O_WRONLY | O_APPEND | O_NONBLOCK));
  ipc.close(ipc.open(path, O_RDONLY | O_CLOEXEC));
  const reading = ipc.open(path, O_RDONLY);
  ipc.read(reading, room, 5);
  ipc.read(reading, room, 0);
  ipc.read(reading, room);
  ipc.read(reading, new Uint8Array(4000));
  ipc.read(reading, room);
  fails("EBADF", () => ipc.write(reading, "read only"));
  ipc.dup2(reading, 300);
  ipc.dup2(reading, reading);
  ipc.close(300);
  ipc.close(reading);
  ipc.close(ipc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o4755));
  fails("EEXIST", () => ipc.open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600));
  fails("ENOENT", () => ipc.open(`${directory}/none`, O_RDONLY));
  fails("EISDIR", () => ipc.open(directory, O_RDWR));
  ipc.ftok(path, 27);
  fails("ENOENT", () => ipc.ftok(`${directory}/none`, 27));
  ipc.unlink(path);
  fails("ENOENT", () => ipc.unlink(path));
  fails("EBADF", () => ipc.close(NOWHERE));
  fails("EBADF", () => ipc.dup2(NOWHERE, 300));
  fails("EBADF", () => ipc.read(NOWHERE, room));
  fails("EBADF", () => ipc.write(NOWHERE, "nobody"));
  fails("EBADF", () => ipc.write(-1, "nobody"));

  const [reader, writer] = ipc.pipe();
  ipc.write(writer, "through the pipe", 7);
  ipc.read(reader, room);
  ipc.close(reader);
  fails("EPIPE", () => ipc.write(writer, "nobody reads"));
  ipc.close(writer);
  withoutDescriptors(() => {
    fails("EMFILE", () => ipc.pipe());
    fails("EMFILE", () => ipc.open("/dev/null", O_RDONLY));
  });
  fails("ENOENT", () => ipc.execve(`${directory}/none`, ["none", 'with "quotes"', ""], ["A=1", "B=ü"]));
  fails("EACCES", () => ipc.execve(directory, [], []));
}

function processes(): void {
  const { WCONTINUED, WNOHANG, WUNTRACED } = ipc;
  const status = new ipc.WaitStatus();
  const used = new ipc.rusage();
  ipc.getpid();
  ipc.getppid();

  fails("ECHILD", () => ipc.wait());
  fails("ECHILD", () => ipc.wait(status));
  fails("ECHILD", () => ipc.waitpid(-1, status, 0));
  fails("ECHILD", () => ipc.waitpid(NO_PID, null, WNOHANG));
  fails("ECHILD", () => ipc.wait3(status, 0, used));
  fails("ECHILD", () => ipc.wait4(-1, status, WNOHANG | WUNTRACED, used));
  fails("EINVAL", () => ipc.waitpid(-1, status, 0x40));
  fails("EINVAL", () => ipc.wait4(-1, null, 0x41, null));

  ipc.fork(() => 0);
  ipc.wait();
  ipc.fork(() => 3);
  ipc.wait(status);
  ipc.waitpid(ipc.fork(() => ipc._exit(255)), status, 0);
  ipc.waitpid(ipc.fork(() => ipc._exit(-1)), null, 0);
  ipc.fork(() => 1);
  ipc.wait3(status, 0, used);
  ipc.fork(() => 1);
  ipc.wait3(null, 0, null);
  ipc.wait4(ipc.fork(() => 2), status, 0, used);
  ipc.fork(() => 2);
  ipc.wait4(0, null, 0, used);
  ipc.fork(() => 2);
  ipc.wait4(-1, status, WUNTRACED | WCONTINUED, null);
  ipc.waitpid(ipc.fork(() => ipc.raise(ipc.SIGTERM)), status, 0);

  // it ends by its own hand, so that it is not in the midst of anything then
  const [gate, key] = ipc.pipe();
  const child = ipc.fork(() => {
    ipc.read(gate, room, 1);
    ipc.raise(ipc.SIGSTOP);
    ipc.read(gate, room, 1);
    ipc.kill(ipc.getpid(), ipc.SIGKILL);
  });
  ipc.waitpid(child, status, WNOHANG);
  ipc.wait3(status, WNOHANG, used);
  ipc.wait4(-1, null, WNOHANG, null);
  ipc.kill(child, 0);
  ipc.write(key, "1");
  ipc.waitpid(child, status, WUNTRACED);
  ipc.kill(child, ipc.SIGCONT);
  ipc.waitpid(child, status, WCONTINUED);
  ipc.write(key, "2");
  ipc.wait4(child, status, 0, used);
  ipc.close(gate);
  ipc.close(key);

  ipc.waitpid(ipc.fork(() => ipc.execve("/bin/sh", ["sh", "-c", "exit 3"], ["A=1", "B=ü"])), status, 0);

  fails("ESRCH", () => ipc.kill(NO_PID, ipc.SIGTERM));
  fails("ESRCH", () => ipc.kill(-NO_PID, 0));
  fails("EINVAL", () => ipc.kill(ipc.getpid(), 65));
  fails("EINVAL", () => ipc.kill(ipc.getpid(), -1));
  fails("EINVAL", () => ipc.raise(65));
  ipc.raise(0);
  ipc.signal(ipc.SIGUSR2, ipc.SIG_IGN);
  ipc.raise(ipc.SIGUSR2);
  ipc.kill(ipc.getpid(), ipc.SIGUSR2);
  ipc.signal(ipc.SIGUSR2, ipc.SIG_DFL);
  ipc.signal(35, ipc.SIG_IGN);
  ipc.raise(35); // SIGRTMIN+1
  ipc.signal(64, ipc.SIG_IGN);
  ipc.raise(64); // SIGRTMAX
  fails("EINVAL", () => ipc.signal(ipc.SIGKILL, ipc.SIG_IGN));
  fails("EINVAL", () => ipc.signal(65, ipc.SIG_IGN));
  ipc.signal(ipc.SIGCHLD, function reap() {});
  ipc.signal(ipc.SIGCHLD, ipc.SIG_DFL);

  ipc.sleep(0);
  ipc.usleep(0);
  ipc.usleep(1);
  ipc.usleep(1234);
  interrupted(() => {
    fails("EINTR", () => ipc.usleep(4_000_000_000));
    ipc.sleep(4000);
  });
  ipc.srand(1);
  ipc.srand(4_294_967_295);
  ipc.rand();
}

function polls(): void {
  const { POLLIN, POLLOUT, POLLPRI, POLLRDHUP } = ipc;
  const [reader, writer] = ipc.pipe();
  ipc.poll(new ipc.pollfds(), 0);
  ipc.poll(new ipc.pollfds([reader, POLLIN]), 0);
  ipc.poll(new ipc.pollfds([reader, POLLIN]), 1);
  ipc.poll(new ipc.pollfds([reader, POLLIN | POLLPRI], [writer, POLLOUT | POLLRDHUP]), -1);
  ipc.write(writer, "x");
  ipc.poll(new ipc.pollfds([NOWHERE, POLLIN], [-1, POLLIN], [reader, POLLIN], [reader, 0]), 1000);
  ipc.close(reader);
  ipc.poll(new ipc.pollfds([writer, POLLOUT], [writer, 0]), 1000);
  ipc.poll(new ipc.pollfds([writer, 0x1ff | 0x600]), 1000);
  withoutDescriptors(() => fails("EINVAL", () => ipc.poll(new ipc.pollfds([writer, POLLOUT]), 0)));
  interrupted(() => {
    fails("EINTR", () => ipc.poll(new ipc.pollfds([-1, POLLIN]), 100_000));
  });
  ipc.close(writer);
}

function inet(text: string): ipc.sockaddr {
  return ipc.sockaddr.parse(text);
}

/** A server, a client, and all that two ends can ask of each other. */
function connected(domain: number, at: ipc.sockaddr, empty: () => ipc.sockaddr): void {
  const { SOCK_STREAM } = ipc;
  const listener = ipc.socket(domain, SOCK_STREAM | ipc.SOCK_CLOEXEC, 0);
  if (domain !== ipc.AF_UNIX) ipc.setsockopt(listener, ipc.SOL_SOCKET, ipc.SO_REUSEADDR, 1);
  ipc.bind(listener, at);
  ipc.listen(listener, 5);
  const name = empty();
  ipc.getsockname(listener, name);
  fails("ENOTCONN", () => ipc.getpeername(listener, empty()));
  const client = ipc.socket(domain, SOCK_STREAM, 0);
  ipc.connect(client, name);
  fails("EISCONN", () => ipc.connect(client, name));
  const server = ipc.accept(listener, empty());
  ipc.getpeername(client, empty());
  ipc.getsockname(client, empty());
  ipc.getpeername(server, empty());
  // addresses that the room is too small, too large, or of the wrong family for
  ipc.getsockname(listener, new ipc.sockaddr_in());
  ipc.getsockname(listener, new ipc.sockaddr_in6());
  ipc.getsockname(listener, new ipc.sockaddr_un());
  ipc.getsockname(listener, new ipc.sockaddr_storage());
  ipc.getpeername(client, new ipc.sockaddr_in());

  for (const [call, shown] of [[ipc.accept, 0], [ipc.accept4, ipc.SOCK_NONBLOCK | ipc.SOCK_CLOEXEC]] as const) {
    const flags = shown;
    for (const address of [null, new ipc.sockaddr_in(), new ipc.sockaddr_storage()]) {
      const one = ipc.socket(domain, SOCK_STREAM, 0);
      ipc.connect(one, name);
      ipc.close(call === ipc.accept ? ipc.accept(listener, address) : ipc.accept4(listener, address, flags));
      ipc.close(one);
    }
  }
  const waits = ipc.socket(domain, SOCK_STREAM | ipc.SOCK_NONBLOCK, 0);
  fails("EINVAL", () => ipc.accept(waits));
  ipc.close(waits);

  ipc.send(server, "hello");
  ipc.recv(client, room, 256, ipc.MSG_PEEK);
  ipc.recv(client, room, 3, ipc.MSG_WAITALL);
  ipc.recv(client, room);
  ipc.send(server, "more", 4, ipc.MSG_MORE | ipc.MSG_NOSIGNAL);
  ipc.send(server, BINARY, BINARY.length, ipc.MSG_DONTWAIT | ipc.MSG_EOR);
  ipc.recvfrom(client, room, 256, ipc.MSG_DONTWAIT, null);
  ipc.send(server, "q".repeat(200));
  ipc.recvfrom(client, room, 256, ipc.MSG_TRUNC | ipc.MSG_PEEK, empty());
  ipc.recvfrom(client, room, 200, ipc.MSG_WAITALL, null);
  ipc.sendto(server, "without address", undefined, 0, null);
  ipc.read(client, room);
  fails("EAGAIN", () => ipc.recv(client, room, 10, ipc.MSG_DONTWAIT));
  fails("EAGAIN", () => ipc.recvfrom(client, room, 10, ipc.MSG_DONTWAIT, empty()));
  ipc.send(server, "");
  ipc.shutdown(server, ipc.SHUT_WR);
  ipc.recv(client, room);
  ipc.shutdown(client, ipc.SHUT_RD);
  ipc.shutdown(client, ipc.SHUT_RDWR);
  fails("EPIPE", () => ipc.send(server, "after the end"));
  ipc.close(client);
  ipc.close(server);
  ipc.close(listener);
}

/** Two sockets that send each other datagrams. */
function datagrams(domain: number, here: ipc.sockaddr, there: ipc.sockaddr | null, empty: () => ipc.sockaddr): void {
  const [a, b] = [ipc.socket(domain, ipc.SOCK_DGRAM, 0), ipc.socket(domain, ipc.SOCK_DGRAM | ipc.SOCK_NONBLOCK, 0)];
  ipc.bind(a, here);
  if (there) ipc.bind(b, there);
  const name = empty();
  ipc.getsockname(a, name);
  ipc.getsockname(b, empty());
  const send = (text: string) => ipc.sendto(b, text, undefined, 0, name);
  send("datagram");
  ipc.recvfrom(a, room, 256, 0, empty());
  send("");
  ipc.recvfrom(a, room, 256, 0, empty());
  send("cut to three");
  ipc.recvfrom(a, room, 3, ipc.MSG_TRUNC, new ipc.sockaddr_in());
  send("cut again");
  ipc.recv(a, room, 3, ipc.MSG_TRUNC | ipc.MSG_PEEK);
  ipc.recvfrom(a, room, 3, 0, new ipc.sockaddr_storage());
  ipc.connect(b, name);
  ipc.send(b, "connected");
  ipc.recvfrom(a, room, 256, 0, null);
  fails("EAGAIN", () => ipc.recvfrom(b, room, 256, 0, empty()));
  ipc.close(a);
  ipc.close(b);
}

function sockets(): void {
  const { AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM } = ipc;
  connected(AF_INET, inet("127.0.0.1:0"), () => new ipc.sockaddr_in());
  connected(AF_INET6, inet("[::1]:0"), () => new ipc.sockaddr_in6());
  connected(AF_UNIX, ipc.sockaddr.parse(`${directory}/socket`), () => new ipc.sockaddr_un());
  connected(AF_UNIX, ipc.sockaddr.parse(`@ipc_playground ${KEY}`), () => new ipc.sockaddr_storage());
  datagrams(AF_INET, inet("127.0.0.1:0"), null, () => new ipc.sockaddr_in());
  datagrams(AF_INET6, inet("[::1]:0"), inet("[::1]:0"), () => new ipc.sockaddr_storage());
  datagrams(AF_UNIX, ipc.sockaddr.parse(`${directory}/datagram`), null, () => new ipc.sockaddr_un());
  datagrams(
    AF_UNIX,
    ipc.sockaddr.parse(`@ipc_playground a ${KEY}`),
    ipc.sockaddr.parse(`@ipc_playground b ${KEY}`),
    () => new ipc.sockaddr_storage(),
  );
  ipc.unlink(`${directory}/socket`);
  ipc.unlink(`${directory}/datagram`);

  for (const [type, protocol] of [[SOCK_STREAM, 0], [SOCK_DGRAM | ipc.SOCK_NONBLOCK, 0], [SOCK_SEQPACKET, 0]]) {
    for (const end of ipc.socketpair(AF_UNIX, type, protocol)) ipc.close(end);
  }
  fails("EOPNOTSUPP", () => ipc.socketpair(AF_INET, SOCK_STREAM, 0));
  fails("EPROTONOSUPPORT", () => ipc.socketpair(AF_UNIX, SOCK_STREAM, 17));
  withoutDescriptors(() => {
    fails("EMFILE", () => ipc.socketpair(AF_UNIX, SOCK_STREAM, 0));
    fails("EMFILE", () => ipc.socket(AF_UNIX, SOCK_STREAM, 0));
  });
  ipc.close(ipc.socket(AF_INET, SOCK_STREAM, ipc.IPPROTO_TCP));
  ipc.close(ipc.socket(AF_INET6, SOCK_DGRAM, ipc.IPPROTO_UDP));
  fails("EPROTONOSUPPORT", () => ipc.socket(AF_UNIX, SOCK_STREAM, 17));
  fails("EPROTONOSUPPORT", () => ipc.socket(AF_INET, SOCK_STREAM, ipc.IPPROTO_UDP));
  fails("EAFNOSUPPORT", () => ipc.socket(AF_UNSPEC, SOCK_STREAM, 0));
  fails("EAFNOSUPPORT", () => ipc.socket(4711, SOCK_RAW, 4712));
  fails("EINVAL", () => ipc.socket(AF_INET, 0o70, 0));

  const tcp = ipc.socket(AF_INET, SOCK_STREAM, 0);
  const unix = ipc.socket(AF_UNIX, SOCK_STREAM | ipc.SOCK_NONBLOCK, 0);
  ipc.getsockname(unix, new ipc.sockaddr_un());
  ipc.getsockname(unix, new ipc.sockaddr_in());
  fails("ENOTCONN", () => ipc.getpeername(unix, new ipc.sockaddr_un()));
  ipc.bind(unix, new ipc.sockaddr_un()); // without a name: the kernel chooses an abstract one
  ipc.getsockname(unix, new ipc.sockaddr_storage());
  const other = ipc.socket(AF_UNIX, SOCK_STREAM, 0);
  fails("ECONNREFUSED", () => ipc.connect(other, ipc.sockaddr.parse(`@ipc_playground none ${KEY}`)));
  const odd = ipc.sockaddr.parse("@odd");
  odd.bytes.set([0, 7, 34, 92, 255], 2); // the name holds whatever bytes
  fails("ECONNREFUSED", () => ipc.connect(other, odd));
  fails("ENOENT", () => ipc.connect(other, ipc.sockaddr.parse(`${directory}/none`)));
  fails("ENOENT", () => ipc.connect(other, ipc.sockaddr.parse(`./"quoted" ünusual\n`)));
  fails("ENOENT", () => ipc.connect(other, ipc.sockaddr.parse("/" + "p".repeat(106))));
  fails("ENOENT", () => ipc.bind(other, ipc.sockaddr.parse(`${directory}/none/none`)));
  fails("EINVAL", () => ipc.connect(other, inet("127.0.0.1:80")));
  fails("EINVAL", () => ipc.connect(other, inet("[::1]:80")));
  fails("EADDRNOTAVAIL", () => ipc.bind(tcp, inet("192.0.2.1:80")));
  fails("EAFNOSUPPORT", () => ipc.bind(tcp, inet("[fe80::1%lo]:80")));
  fails("EAFNOSUPPORT", () => ipc.connect(tcp, inet("[1:2::3:4]:65535")));
  fails("EINVAL", () => ipc.connect(other, new ipc.sockaddr_storage())); // no byte of an address
  fails("EBADF", () => ipc.sendto(NOWHERE, "x", 1, 0, new ipc.sockaddr_storage()));
  const strange = inet("127.0.0.1:80");
  strange.bytes.set([0x67, 0x12]); // family 4711
  fails("EAFNOSUPPORT", () => ipc.bind(tcp, strange));
  strange.bytes.set([0, 0]); // family AF_UNSPEC: dissolves a connection
  ipc.connect(tcp, strange);
  fails("ECONNREFUSED", () => ipc.connect(tcp, inet("127.0.0.1:1")));
  fails("ENOTCONN", () => ipc.shutdown(tcp, ipc.SHUT_WR));
  fails("EINVAL", () => ipc.shutdown(tcp, 7));
  fails("EOPNOTSUPP", () => ipc.listen(ipc.socketpair(AF_UNIX, SOCK_DGRAM, 0)[0], 1));

  const some = inet("127.0.0.1:80");
  fails("EBADF", () => ipc.bind(NOWHERE, some));
  fails("EBADF", () => ipc.listen(NOWHERE, -1));
  fails("EBADF", () => ipc.connect(NOWHERE, some));
  fails("EBADF", () => ipc.accept(NOWHERE, new ipc.sockaddr_in()));
  fails("EBADF", () => ipc.accept4(NOWHERE, new ipc.sockaddr_un(), ipc.SOCK_CLOEXEC));
  fails("EBADF", () => ipc.accept4(NOWHERE, null, 0));
  fails("EINVAL", () => ipc.accept4(unix, null, 0o70));
  fails("EBADF", () => ipc.getsockname(NOWHERE, new ipc.sockaddr_in6()));
  fails("EBADF", () => ipc.getpeername(NOWHERE, new ipc.sockaddr_storage()));
  fails("EBADF", () => ipc.send(NOWHERE, "nobody", 6, ipc.MSG_OOB | ipc.MSG_DONTROUTE));
  fails("EBADF", () => ipc.recv(NOWHERE, room, 6, 0));
  fails("EBADF", () => ipc.sendto(NOWHERE, "nobody", 6, 0, some));
  fails("EBADF", () => ipc.sendto(NOWHERE, "nobody", 6, 0x1000_0000, inet("[::1]:1")));
  fails("EBADF", () => ipc.recvfrom(NOWHERE, room, 6, ipc.MSG_DONTWAIT, new ipc.sockaddr_in()));
  fails("EBADF", () => ipc.recvfrom(NOWHERE, room, 6, 0, null));
  fails("EBADF", () => ipc.shutdown(NOWHERE, ipc.SHUT_RD));
  fails("EBADF", () => ipc.getsockopt(NOWHERE, ipc.SOL_SOCKET, ipc.SO_TYPE));
  fails("EBADF", () => ipc.setsockopt(NOWHERE, ipc.SOL_SOCKET, ipc.SO_KEEPALIVE, true));
  for (const fd of [tcp, unix, other]) ipc.close(fd);
}

function options(): void {
  const { SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP } = ipc;
  const tcp = ipc.socket(ipc.AF_INET, ipc.SOCK_STREAM, 0);
  const six = ipc.socket(ipc.AF_INET6, ipc.SOCK_DGRAM, 0);
  const [unix, far] = ipc.socketpair(ipc.AF_UNIX, ipc.SOCK_STREAM, 0);
  const both = (fd: number, level: number, name: number, value: number) => {
    ipc.setsockopt(fd, level, name, value);
    ipc.getsockopt(fd, level, name);
  };
  both(tcp, SOL_SOCKET, ipc.SO_REUSEADDR, 1);
  both(tcp, SOL_SOCKET, ipc.SO_REUSEPORT, 1);
  both(tcp, SOL_SOCKET, ipc.SO_DEBUG, 0);
  both(tcp, SOL_SOCKET, ipc.SO_DONTROUTE, 0);
  both(tcp, SOL_SOCKET, ipc.SO_BROADCAST, 1);
  both(tcp, SOL_SOCKET, ipc.SO_SNDBUF, 10_000);
  both(tcp, SOL_SOCKET, ipc.SO_RCVBUF, 10_000);
  both(tcp, SOL_SOCKET, ipc.SO_KEEPALIVE, 1);
  both(tcp, SOL_SOCKET, ipc.SO_OOBINLINE, 1);
  both(tcp, SOL_SOCKET, ipc.SO_RCVLOWAT, 2);
  both(unix, SOL_SOCKET, ipc.SO_PASSCRED, 1);
  for (const name of [ipc.SO_TYPE, ipc.SO_DOMAIN, ipc.SO_PROTOCOL, ipc.SO_ERROR, ipc.SO_ACCEPTCONN]) {
    ipc.getsockopt(tcp, SOL_SOCKET, name);
    ipc.getsockopt(unix, SOL_SOCKET, name);
  }
  both(tcp, IPPROTO_TCP, ipc.TCP_NODELAY, 1);
  both(tcp, IPPROTO_TCP, ipc.TCP_CORK, 1);
  both(tcp, IPPROTO_TCP, ipc.TCP_KEEPIDLE, 30);
  both(tcp, IPPROTO_TCP, ipc.TCP_KEEPINTVL, 5);
  both(tcp, IPPROTO_TCP, ipc.TCP_KEEPCNT, 4);
  both(tcp, IPPROTO_TCP, ipc.TCP_USER_TIMEOUT, 1000);
  both(tcp, IPPROTO_IP, ipc.IP_TTL, 42);
  both(tcp, IPPROTO_IP, ipc.IP_TOS, 16);
  both(six, IPPROTO_IPV6, ipc.IPV6_V6ONLY, 1);
  both(six, IPPROTO_IPV6, ipc.IPV6_UNICAST_HOPS, 12);

  for (const name of [ipc.SO_RCVTIMEO, ipc.SO_SNDTIMEO]) {
    ipc.setsockopt(unix, SOL_SOCKET, name, new ipc.timeval(2, 500_000));
    ipc.getsockopt(unix, SOL_SOCKET, name, new ipc.timeval());
    fails("EINVAL", () => ipc.getsockopt(unix, SOL_SOCKET, name)); // without its structure
    ipc.getsockopt(unix, SOL_SOCKET, name, new Uint8Array(8)); // with too little room
  }
  ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_LINGER, new ipc.linger(true, 7));
  ipc.getsockopt(tcp, SOL_SOCKET, ipc.SO_LINGER, new ipc.linger());
  ipc.getsockopt(tcp, SOL_SOCKET, ipc.SO_LINGER, new Uint8Array(4));
  ipc.getsockopt(unix, SOL_SOCKET, ipc.SO_PEERCRED, new Uint8Array(12));
  ipc.getsockopt(unix, SOL_SOCKET, ipc.SO_PEERCRED, new Uint8Array(40));
  ipc.getsockopt(tcp, SOL_SOCKET, ipc.SO_TYPE, new Uint8Array(1));
  ipc.getsockopt(tcp, SOL_SOCKET, ipc.SO_TYPE, new Uint8Array(4));
  ipc.getsockopt(tcp, SOL_SOCKET, ipc.SO_TYPE, new Uint8Array(16));
  ipc.getsockopt(tcp, IPPROTO_TCP, 13, new Uint8Array(16)); // TCP_CONGESTION, a name
  ipc.setsockopt(tcp, IPPROTO_TCP, 13, new TextEncoder().encode("reno"));
  ipc.setsockopt(tcp, IPPROTO_IP, ipc.IP_TTL, new Uint8Array([64, 0, 0, 0])); // the bytes of an int
  ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_KEEPALIVE, new Uint8Array([1, 0, 0, 0, 9, 9]));

  fails("ENOPROTOOPT", () => ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_TYPE, 1));
  fails("ENOPROTOOPT", () => ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_PROTOCOL, -1));
  fails("ENOPROTOOPT", () => ipc.getsockopt(tcp, SOL_SOCKET, 27)); // SO_DETACH_FILTER
  fails("ENOPROTOOPT", () => ipc.getsockopt(tcp, IPPROTO_TCP, 14)); // TCP_MD5SIG
  fails("EOPNOTSUPP", () => ipc.getsockopt(unix, IPPROTO_TCP, ipc.TCP_NODELAY));
  fails("EOPNOTSUPP", () => ipc.setsockopt(unix, IPPROTO_TCP, ipc.TCP_NODELAY, 1));
  fails("EINVAL", () => ipc.setsockopt(tcp, IPPROTO_IP, ipc.IP_TTL, 4711));
  fails("EINVAL", () => ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_LINGER, 1));
  fails("EINVAL", () => ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_KEEPALIVE, new Uint8Array(2)));
  fails("EINVAL", () => ipc.setsockopt(tcp, IPPROTO_TCP, ipc.TCP_KEEPCNT, 4711));
  fails("EDOM", () => ipc.setsockopt(unix, SOL_SOCKET, ipc.SO_RCVTIMEO, new ipc.timeval(0, 9_999_999)));
  fails("EBADF", () => ipc.getsockopt(NOWHERE, SOL_SOCKET, ipc.SO_LINGER, new ipc.linger()));
  fails("EBADF", () => ipc.getsockopt(NOWHERE, SOL_SOCKET, ipc.SO_RCVTIMEO, new ipc.timeval()));
  fails("EBADF", () => ipc.getsockopt(NOWHERE, SOL_SOCKET, ipc.SO_PEERCRED, new Uint8Array(12)));
  for (const fd of [tcp, six, unix, far]) ipc.close(fd);
}

function names(): void {
  ipc.getaddrinfo("127.0.0.1", "80", {
    ai_flags: ipc.AI_NUMERICHOST | ipc.AI_NUMERICSERV,
    ai_socktype: ipc.SOCK_STREAM,
  });
  ipc.getaddrinfo(null, "80", { ai_flags: ipc.AI_PASSIVE, ai_family: ipc.AF_INET6, ai_protocol: ipc.IPPROTO_TCP });
  fails("EAI_NONAME", () => ipc.getaddrinfo("no address", "80", { ai_flags: ipc.AI_NUMERICHOST }));
}

ipc.signal(ipc.SIGUSR1, () => {}); // what interrupts calls
try {
  sharedMemory();
  messageQueues();
  semaphores();
  files();
  processes();
  polls();
  sockets();
  options();
  names();
} catch (error) {
  for (const remove of undo) {
    try {
      remove();
    } catch {
      // it is removed already
    }
  }
  throw error;
}
ipc._exit(0);
