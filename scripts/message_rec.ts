#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "message_rec.c": takes a message from the queue, waiting for one if need be, and prints it.
 *
 * In one terminal:    deno run --allow-ffi scripts/message_send.ts
 * then in another:    deno run --allow-ffi scripts/message_rec.ts
 */
import { perror, printf } from "../mod.ts"; // <stdio.h>
import { exit } from "../mod.ts"; // <stdlib.h>
import { IPC_RMID, IPC_STAT } from "../mod.ts"; // <sys/ipc.h>
import { msgbuf, msgctl, msgget, msgrcv, msqid_ds } from "../mod.ts"; // <sys/msg.h>
import { LibcError } from "../mod.ts"; // not in C

const MSGSZ = 128;

const rbuf = new msgbuf(MSGSZ);
let msqid: number;

// Get the message queue id for the "name" 1234, which was created by the sender.
const key = 1234;
try {
  msqid = msgget(key, 0o666);
} catch (error) {
  perror("msgget", error);
  exit(1);
}

// Receive an answer of message type 1.
try {
  msgrcv(msqid, rbuf, MSGSZ, 1, 0);
} catch (error) {
  perror("msgrcv", error);
  exit(1);
}

// Print the answer.
printf("%s\n", rbuf.mtext);

// Not on the slide: an empty queue has nothing left to say; without this it would outlive us both.
try {
  const ds = new msqid_ds();
  msgctl(msqid, IPC_STAT, ds);
  if (ds.msg_qnum === 0) msgctl(msqid, IPC_RMID);
} catch (error) {
  // another receiver was faster, or the queue is not ours to remove
  if (!(error instanceof LibcError)) throw error;
}

exit(0);
