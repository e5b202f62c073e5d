#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "shm server.c": makes a segment, writes the alphabet into it, and waits until a client has read it.
 *
 * In one terminal:    deno run --allow-ffi scripts/shm_server.ts
 * then in another:    deno run --allow-ffi scripts/shm_client.ts
 */
import { perror } from "../mod.ts"; // <stdio.h>
import { exit } from "../mod.ts"; // <stdlib.h>
import { IPC_CREAT, IPC_RMID } from "../mod.ts"; // <sys/ipc.h>
import { shmat, shmctl, shmget } from "../mod.ts"; // <sys/shm.h>
import { sleep } from "../mod.ts"; // <unistd.h>
import { LibcError, peek, poke } from "../mod.ts"; // not in C

const SHMSZ = 27;

// We'll name our shared memory segment "5678".
const key = 5678;
let shmid: number, shm: Uint8Array;

// Create the segment.
try {
  shmid = shmget(key, SHMSZ, IPC_CREAT | 0o666);
} catch (error) {
  perror("shmget", error);
  exit(1);
}

// Now we attach the segment to our data space.
try {
  shm = shmat(shmid, null, 0);
} catch (error) {
  perror("shmat", error);
  exit(1);
}

// Now put some things into the memory for the other process to read.
let s = 0;
for (let c = "a".charCodeAt(0); c <= "z".charCodeAt(0); c++) poke(shm, s++, c);
poke(shm, s, 0);

// Finally, we wait until the other process changes the first character of our memory to '*',
// indicating that it has read what we put there.
while (peek(shm, 0) !== "*".charCodeAt(0)) sleep(1);

// Not on the slide: the client was the last to need the segment; without this it would outlive us both.
try {
  shmctl(shmid, IPC_RMID);
} catch (error) {
  // another server was faster, or the segment is not ours to remove
  if (!(error instanceof LibcError)) throw error;
}

exit(0);
