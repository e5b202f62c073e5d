/**
 * The kernel's tables of System V objects. What looks at them leaves no mark on them.
 *
 * @module
 */
import {
  IPC_RMID,
  LibcError,
  MSG_INFO,
  MSG_STAT_ANY,
  msgctl,
  msginfo,
  msqid_ds,
  SEM_INFO,
  SEM_STAT_ANY,
  semctl,
  semid_ds,
  seminfo,
  SHM_INFO,
  shm_info,
  SHM_STAT_ANY,
  shmctl,
  shmid_ds,
} from "../../../mod.ts";

/** The three kinds. */
export type Kind = "segment" | "queue" | "semaphores";

/** What is in the slots of one of the tables. */
function* slots<T>(highest: number, look: (slot: number) => T): Generator<T> {
  for (let slot = 0; slot <= highest; slot++) {
    try {
      yield look(slot);
    } catch (error) {
      if (!(error instanceof LibcError)) throw error; // else an empty slot
    }
  }
}

/** All segments. */
export function segmentTable(): Generator<{ id: number; ds: shmid_ds }> {
  return slots(shmctl(0, SHM_INFO, new shm_info()), (slot) => {
    const ds = new shmid_ds();
    return { id: shmctl(slot, SHM_STAT_ANY, ds), ds };
  });
}

/** All queues. */
export function queueTable(): Generator<{ id: number; ds: msqid_ds }> {
  return slots(msgctl(0, MSG_INFO, new msginfo()), (slot) => {
    const ds = new msqid_ds();
    return { id: msgctl(slot, MSG_STAT_ANY, ds), ds };
  });
}

/** All semaphore sets. */
export function setTable(): Generator<{ id: number; ds: semid_ds }> {
  return slots(semctl(0, 0, SEM_INFO, new seminfo()), (slot) => {
    const ds = new semid_ds();
    return { id: semctl(slot, 0, SEM_STAT_ANY, ds), ds };
  });
}

/** Removes an object. */
export function remove({ kind, id }: { kind: Kind; id: number }): void {
  if (kind === "segment") shmctl(id, IPC_RMID);
  else if (kind === "queue") msgctl(id, IPC_RMID);
  else semctl(id, 0, IPC_RMID);
}

// numbers of the system calls that wait
const WAITS: Record<number, [kind: Kind, name: string]> = Deno.build.arch === "aarch64"
  ? { 188: ["queue", "msgrcv"], 189: ["queue", "msgsnd"], 192: ["semaphores", "semop"], 193: ["semaphores", "semop"] }
  : { 69: ["queue", "msgsnd"], 70: ["queue", "msgrcv"], 65: ["semaphores", "semop"], 220: ["semaphores", "semop"] };

/** Which object a thread waits for, if its system call is one of those. */
export function awaited(number: number, id: number): { kind: Kind; id: number; call: string } | undefined {
  return WAITS[number] && { kind: WAITS[number][0], id, call: WAITS[number][1] };
}
