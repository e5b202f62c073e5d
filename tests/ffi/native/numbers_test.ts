import { assertEquals } from "@std/assert";
import {
  AF_INET,
  close,
  dup2,
  getpid,
  IPC_PRIVATE,
  IPC_RMID,
  kill,
  LibcError,
  msgbuf,
  msgctl,
  msgget,
  msgrcv,
  msgsnd,
  poke,
  semctl,
  semget,
  SETVAL,
  shmat,
  shmctl,
  shmdt,
  shmget,
  sleep,
  SOCK_DGRAM,
  socket,
  usleep,
} from "../../../mod.ts";

/** What a call gives, or the code of its error; any other error is thrown. */
function outcome(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if (error instanceof LibcError) return error.code;
    throw error;
  }
}

Deno.test("-0 is 0, wherever a number goes to libc", () => {
  const queue = msgget(IPC_PRIVATE, 0o600);
  const set = semget(-0, 1, 0o600);
  const segment = shmget(-0, 8, 0o600);
  const shm = shmat(segment, null, -0 as 0);
  try {
    const buffer = new msgbuf(8);
    buffer.mtype = 1;
    msgsnd(queue, buffer, -0, -0);
    assertEquals(msgrcv(queue, buffer, 8, -0, -0), 0);
    assertEquals(semctl(set, -0, SETVAL, -0), 0);
    poke(shm, -0, -0);
    assertEquals(shm[0], 0);
    assertEquals([sleep(-0), outcome(() => usleep(-0))], [0, undefined]);
    close(socket(AF_INET, SOCK_DGRAM, -0));
    kill(getpid(), -0);
    assertEquals(outcome(() => dup2(-0, -0)), 0);
  } finally {
    shmdt(shm);
    shmctl(segment, IPC_RMID);
    semctl(set, -0, IPC_RMID);
    msgctl(queue, IPC_RMID);
  }
});

Deno.test("shmdt() takes the segment's beginning, as C does, and nothing in the middle of it", () => {
  const segment = shmget(IPC_PRIVATE, 8, 0o600);
  const shm = shmat(segment);
  shmctl(segment, IPC_RMID);
  assertEquals(outcome(() => shmdt(shm.subarray(1))), "EINVAL");
  assertEquals(shm.length, 8);
  shmdt(shm.subarray(0, 4));
  assertEquals([shm.length, outcome(() => shmdt(shm))], [0, "EINVAL"]);
});
