#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "Models of IPC": the same payload crosses from process A to process B (a) by message passing, through the
 * kernel, and (b) through memory that both share. What tells the models apart is how often the processes call the
 * kernel: for each piece of the payload, or only to set the memory up.
 *
 * Run it:              deno run --allow-ffi scripts/ipc_models.ts
 * with 1 MiB to send:  deno run --allow-ffi scripts/ipc_models.ts 1048576
 */
import { fprintf, perror, printf, stderr } from "../mod.ts"; // <stdio.h>
import { exit } from "../mod.ts"; // <stdlib.h>
import { memcpy } from "../mod.ts"; // <string.h>
import { IPC_PRIVATE, IPC_RMID } from "../mod.ts"; // <sys/ipc.h>
import { msgbuf, msgctl, msgget, msgrcv, msgsnd } from "../mod.ts"; // <sys/msg.h>
import { shmat, shmctl, shmdt, shmget } from "../mod.ts"; // <sys/shm.h>
import { S_IRUSR, S_IWUSR } from "../mod.ts"; // <sys/stat.h>
import { wait } from "../mod.ts"; // <sys/wait.h>
import { fork } from "../mod.ts"; // <unistd.h>
import { enableFork, peek, poke, trace } from "../mod.ts"; // not in C

enableFork();

const MODE = S_IRUSR | S_IWUSR;
const PIECE = 4096; // a message has a limit, /proc/sys/kernel/msgmax, so the payload goes in pieces
const MOST = 256 * 1024 * 1024; // A's copy, B's copy and the segment have to fit into the memory together

// Not on the slide: the payload's size in bytes may be given.
const size = Number(Deno.args[0] ?? 64 * 1024);
if (!Number.isInteger(size) || size < 1 || size > MOST) {
  fprintf(stderr, "ERROR, the size has to be a number of bytes from 1 to %d\n", MOST);
  exit(1);
}
const text = new TextEncoder().encode("The quick brown fox jumps over the lazy dog. ");
const payload = new Uint8Array(size);
for (let at = 0; at < size; at++) payload[at] = text[at % text.length];

type Calls = Map<string, number>;

/** Does a part of the work, and counts its calls into the kernel; fork and wait, the same for both models, are not in any. */
function count<T>(calls: Calls, part: () => T): T {
  using _tracing = trace((event) => {
    if (event.ev === "enter") calls.set(event.call, (calls.get(event.call) ?? 0) + 1);
  });
  return part();
}

function report(who: string, calls: Calls): void {
  const list = [...calls].map(([call, times]) => `${call} ×${times}`);
  const total = [...calls.values()].reduce((sum, times) => sum + times, 0);
  const noun = total === 1 ? "call" : "calls";
  printf("  %s: %d %s into the kernel%s\n", who, total, noun, total ? ` (${list.join(", ")})` : "");
}

function check(received: Uint8Array): void {
  const same = received.every((byte, at) => byte === payload[at]);
  const start = new TextDecoder().decode(received.subarray(0, text.length - 1));
  const more = received.length > start.length ? " …" : "";
  printf('  B received %d bytes, %s: "%s%s"\n', received.length, same ? "all as sent" : "NOT as sent", start, more);
}

function messagePassing(): void {
  const setup: Calls = new Map();
  const msqid = count(setup, () => msgget(IPC_PRIVATE, MODE));
  try {
    fork(() => {
      const calls: Calls = new Map();
      const received = new Uint8Array(size);
      const rbuf = new msgbuf(PIECE);
      count(calls, () => {
        for (let at = 0; at < size;) {
          const n = msgrcv(msqid, rbuf, PIECE, 1, 0);
          received.set(rbuf.mtext.subarray(0, n), at);
          at += n;
        }
      });
      report("B", calls);
      check(received);
    });
    const calls: Calls = new Map();
    const sbuf = new msgbuf(PIECE);
    sbuf.mtype = 1;
    count(calls, () => {
      for (let at = 0; at < size; at += PIECE) {
        const piece = payload.subarray(at, at + PIECE);
        sbuf.mtext.set(piece);
        msgsnd(msqid, sbuf, piece.length, 0);
      }
    });
    report("A", calls);
    wait();
  } finally {
    count(setup, () => msgctl(msqid, IPC_RMID));
  }
  report("set-up and removal", setup);
}

function sharedMemory(): void {
  const READY = size; // the byte behind the payload says that it is there
  const setup: Calls = new Map();
  const shm = count(setup, () => {
    const shmid = shmget(IPC_PRIVATE, size + 1, MODE);
    const shm = shmat(shmid, null, 0);
    shmctl(shmid, IPC_RMID); // it goes when the last process detaches
    return shm;
  });
  fork(() => {
    const calls: Calls = new Map();
    const received = new Uint8Array(size);
    count(calls, () => {
      while (peek(shm, READY) === 0);
      memcpy(received, shm, size);
    });
    report("B", calls);
    check(received);
  });
  const calls: Calls = new Map();
  count(calls, () => {
    memcpy(shm, payload, size);
    poke(shm, READY, 1);
  });
  report("A", calls);
  wait();
  count(setup, () => shmdt(shm));
  report("set-up and removal", setup);
}

try {
  printf("(a) Message passing: A sends, the kernel keeps, B receives\n");
  messagePassing();
  printf("(b) Shared memory: A writes, B reads\n");
  sharedMemory();
} catch (error) {
  perror("ipc_models", error);
  exit(1);
}
