/**
 * Calls for System V objects.
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";
import { BINARY, fails, interrupted, KEY, NO_ID, shmdtUnseen, undo } from "./_support.ts";

const { IPC_CREAT, IPC_EXCL, IPC_NOWAIT, IPC_PRIVATE, IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO } = ipc;

export function sharedMemory(): void {
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
  shmdtUnseen(again);
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

export function messageQueues(): void {
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

export function semaphores(): void {
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
