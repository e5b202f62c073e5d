#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "shm_client.c": finds the server's segment, prints what is in it, and tells the server so.
 *
 * In one terminal:    deno run --allow-ffi scripts/shm_server.ts
 * then in another:    deno run --allow-ffi scripts/shm_client.ts
 */
import { perror, putchar } from "../mod.ts"; // <stdio.h>
import { exit } from "../mod.ts"; // <stdlib.h>
import { shmat, shmget } from "../mod.ts"; // <sys/shm.h>
import { peek, poke } from "../mod.ts"; // not in C

const SHMSZ = 27;

// We need to get the segment named "5678", created by the server.
const key = 5678;
let shmid: number, shm: Uint8Array;

// Locate the segment.
try {
  shmid = shmget(key, SHMSZ, 0o666);
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

// Now read what the server put in the memory.
// Not on the slide: it ends with the segment, if there is no NUL in it.
for (let s = 0; s < shm.length && peek(shm, s) !== 0; s++) putchar(peek(shm, s));
putchar("\n");

// Finally, change the first character of the segment to '*', indicating we have read the segment.
poke(shm, 0, "*");

exit(0);
