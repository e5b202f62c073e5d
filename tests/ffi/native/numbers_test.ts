import { assertEquals } from "@std/assert";
import {
  AF_INET,
  bind,
  close,
  dup2,
  getpid,
  htonl,
  htons,
  IPC_PRIVATE,
  IPC_RMID,
  kill,
  LibcError,
  memcpy,
  msgbuf,
  msgctl,
  msgget,
  msgrcv,
  msgsnd,
  poke,
  poll,
  pollfds,
  sembuf,
  semctl,
  semget,
  SETVAL,
  SHM_RDONLY,
  shmat,
  shmctl,
  shmdt,
  shmget,
  signalName,
  sleep,
  SOCK_DGRAM,
  sockaddr_in,
  socket,
  strerror,
  timeval,
  usleep,
  waitpid,
} from "../../../mod.ts";
import { runSource } from "../../support.ts";

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
    const readOnly = shmat(segment, null, SHM_RDONLY);
    assertEquals([readOnly.read(-0, -0).length, memcpy(shm, shm, -0)], [0, shm]);
    shmdt(readOnly);
    assertEquals(poll(new pollfds([-0, -0]), -0), 0);
    assertEquals([strerror(-0), signalName(-0), htons(-0), htonl(-0)].map(String), ["Success", "0", "0", "0"]);
    assertEquals(outcome(() => waitpid(2 ** 31 - 1, null, -0)), "ECHILD");
    const message = new msgbuf(-0);
    const time = new timeval(-0, -0);
    const address = new sockaddr_in();
    message.mtype = address.sin_port = -0;
    for (const zero of [message.mtype, time.tv_sec, address.sin_port]) assertEquals(Object.is(zero, 0), true);
    new sembuf([-0, -0, -0]);
    class Short extends sockaddr_in {
      override get length(): number {
        return -0;
      }
    }
    assertEquals(outcome(() => bind(-1, new Short())), "EBADF");
  } finally {
    shmdt(shm);
    shmctl(segment, IPC_RMID);
    semctl(set, -0, IPC_RMID);
    msgctl(queue, IPC_RMID);
  }
});

Deno.test("-0 is descriptor 0, also once that is closed", async () => {
  const { signal, stdout, stderr } = await runSource(
    `import { close, read, shutdown } from "@mod";
     for (const call of [close, close, (fd) => read(fd, new Uint8Array(1)), (fd) => shutdown(fd, 0)]) {
       try {
         call(-0);
         console.log("done");
       } catch (error) {
         console.log(error.code);
       }
     }`,
    [],
    { flags: ["--no-check"] },
  );
  assertEquals([signal, stdout.trim().split("\n"), stderr], [null, ["done", "EBADF", "EBADF", "EBADF"], ""]);
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
