#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "Models of IPC": the same payload crosses from process A to process B (a) by message passing, through the
 * kernel, and (b) through memory that both share. What tells the models apart is how often the processes call the kernel.
 *
 * Run it:    deno run --allow-ffi scripts/ipc_models.ts
 */
import { perror, printf } from "../mod.ts"; // <stdio.h>
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
const payload = new TextEncoder().encode("The quick brown fox jumps over the lazy dog. ".repeat(1456)); // 64 KiB

/** Runs a process's part, and prints which calls it made into the kernel. */
function counted(who: string, part: () => void): void {
  const calls = new Map<string, number>();
  {
    using _tracing = trace((event) => {
      if (event.ev === "enter") calls.set(event.call, (calls.get(event.call) ?? 0) + 1);
    });
    part();
  }
  const list = [...calls].map(([call, times]) => `${call} ×${times}`);
  const total = [...calls.values()].reduce((sum, times) => sum + times, 0);
  printf("  %s: %d calls into the kernel%s\n", who, total, total ? ` (${list.join(", ")})` : "");
}

function report(received: Uint8Array): void {
  const same = received.length === payload.length && received.every((byte, i) => byte === payload[i]);
  const text = new TextDecoder().decode(received.subarray(0, 44));
  printf('  B received %d bytes, %s: "%s …"\n', received.length, same ? "all as sent" : "NOT as sent", text);
}

function messagePassing(): void {
  const msqid = msgget(IPC_PRIVATE, MODE);
  try {
    fork(() => {
      const received = new Uint8Array(payload.length);
      counted("B", () => {
        const rbuf = new msgbuf(PIECE);
        for (let at = 0; at < received.length;) {
          const n = msgrcv(msqid, rbuf, PIECE, 1, 0);
          received.set(rbuf.mtext.subarray(0, n), at);
          at += n;
        }
      });
      report(received);
    });
    counted("A", () => {
      const sbuf = new msgbuf(PIECE);
      sbuf.mtype = 1;
      for (let at = 0; at < payload.length; at += PIECE) {
        const piece = payload.subarray(at, at + PIECE);
        sbuf.mtext.set(piece);
        msgsnd(msqid, sbuf, piece.length, 0);
      }
    });
    wait();
  } finally {
    msgctl(msqid, IPC_RMID);
  }
}

function sharedMemory(): void {
  const READY = payload.length; // the byte behind the payload says that it is there
  let shm!: Uint8Array;
  counted("A and B, once", () => {
    const shmid = shmget(IPC_PRIVATE, payload.length + 1, MODE);
    shm = shmat(shmid);
    shmctl(shmid, IPC_RMID); // it goes when the last process detaches
  });
  fork(() => {
    const received = new Uint8Array(payload.length);
    counted("B", () => {
      while (peek(shm, READY) === 0);
      memcpy(received, shm, received.length);
    });
    report(received);
  });
  counted("A", () => {
    memcpy(shm, payload, payload.length);
    poke(shm, READY, 1);
  });
  wait();
  shmdt(shm);
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
