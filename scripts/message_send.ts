#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "message_send.c": makes a queue and leaves a message in it.
 *
 * In one terminal:    deno run --allow-ffi scripts/message_send.ts
 * then in another:    deno run --allow-ffi scripts/message_rec.ts
 * With another text:  deno run --allow-ffi scripts/message_send.ts "Anybody there?"
 */
import { fprintf, perror, printf, stderr } from "../mod.ts"; // <stdio.h>
import { exit } from "../mod.ts"; // <stdlib.h>
import { strcpy, strlen } from "../mod.ts"; // <string.h>
import { IPC_CREAT, IPC_NOWAIT } from "../mod.ts"; // <sys/ipc.h>
import { msgbuf, msgget, msgsnd } from "../mod.ts"; // <sys/msg.h>

const MSGSZ = 128;

const msgflg = IPC_CREAT | 0o666;
const sbuf = new msgbuf(MSGSZ);
let msqid: number;

// Not on the slide: another text may be given, if the receiver has room for it and its NUL.
const text = Deno.args[0] ?? "Did you get this?";
if (new TextEncoder().encode(text).length >= MSGSZ) {
  fprintf(stderr, "ERROR, the text has more than %d bytes\n", MSGSZ - 1);
  exit(1);
}

// Get the message queue id for the "name" 1234.
const key = 1234;
fprintf(stderr, "\nmsgget: Calling msgget(%#lx,%#o)\n", key, msgflg);
try {
  msqid = msgget(key, msgflg);
} catch (error) {
  perror("msgget", error);
  exit(1);
}
fprintf(stderr, "msgget: msgget succeeded: msqid = %d\n", msqid);

// We'll send message type 1
sbuf.mtype = 1;
strcpy(sbuf.mtext, text);
const buf_length = strlen(sbuf.mtext) + 1;

// Send a message.
try {
  msgsnd(msqid, sbuf, buf_length, IPC_NOWAIT);
} catch (error) {
  printf("%d, %d, %s, %d\n", msqid, sbuf.mtype, sbuf.mtext, buf_length);
  perror("msgsnd", error);
  exit(1);
}
printf('Message: "%s" Sent\n', sbuf.mtext);

exit(0);
