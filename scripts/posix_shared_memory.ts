#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "Posix Shared Memory", steps 1 to 4: make a segment, attach it, write to it, detach it.
 *
 * Run it:    deno run --allow-ffi scripts/posix_shared_memory.ts
 */
import { perror, printf, sprintf } from "../mod.ts"; // <stdio.h>
import { exit } from "../mod.ts"; // <stdlib.h>
import { IPC_PRIVATE, IPC_RMID } from "../mod.ts"; // <sys/ipc.h>
import { shmat, shmctl, shmdt, shmget } from "../mod.ts"; // <sys/shm.h>
import { S_IRUSR, S_IWUSR } from "../mod.ts"; // <sys/stat.h>

const size = 4096;

try {
  // 1. Process first creates shared memory segment
  const id = shmget(IPC_PRIVATE, size, S_IRUSR | S_IWUSR);

  // 2. Process wanting access to the shared memory must attach to it
  const shared_memory = shmat(id, null, 0);

  // 3. Now the process could write to the shared memory
  sprintf(shared_memory, "Writing to shared memory");
  printf("%s\n", shared_memory);

  // 4. When done, a process can detach the shared memory from its address space
  shmdt(shared_memory);

  // Not on the slide: detached is not removed.
  shmctl(id, IPC_RMID);
} catch (error) {
  perror("posix_shared_memory", error);
  exit(1);
}
