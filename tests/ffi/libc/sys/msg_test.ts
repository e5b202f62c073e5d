import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_INFO,
  IPC_NOWAIT,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
} from "../../../../ffi/libc/sys/ipc.ts";
import {
  MSG_COPY,
  MSG_EXCEPT,
  MSG_INFO,
  MSG_NOERROR,
  MSG_STAT,
  MSG_STAT_ANY,
  msgbuf,
  msgctl,
  msgget,
  msginfo,
  msgrcv,
  msgsnd,
  msqid_ds,
} from "../../../../ffi/libc/sys/msg.ts";
import { seminfo } from "../../../../ffi/libc/sys/sem.ts";
import { copies, freshKey, inSlots, NOT_INTEGERS, perlInBackground } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { fails, waitsIn } from "../../../support.ts";

/** A queue for one test. */
function queue(): Disposable & { id: number } {
  const id = msgget(IPC_PRIVATE, IPC_CREAT | 0o600);
  return {
    id,
    [Symbol.dispose]() {
      msgctl(id, IPC_RMID);
    },
  };
}

function stat(id: number): msqid_ds {
  const ds = new msqid_ds();
  assertEquals(msgctl(id, IPC_STAT, ds), 0);
  return ds;
}

function send(id: number, mtype: number | bigint, text: string): void {
  const buf = new msgbuf(text.length);
  buf.mtype = mtype;
  new TextEncoder().encodeInto(text, buf.mtext);
  msgsnd(id, buf, text.length, IPC_NOWAIT);
}

function receive(id: number, msgtyp: number | bigint, flags = 0): [number | bigint, string] {
  const buf = new msgbuf(100);
  const length = msgrcv(id, buf, 100, msgtyp, IPC_NOWAIT | flags);
  return [buf.mtype, new TextDecoder().decode(buf.mtext.subarray(0, length))];
}

Deno.test("msgget() makes a queue that others find by its key", () => {
  const key = freshKey();
  const id = msgget(key, IPC_CREAT | IPC_EXCL | 0o640);
  try {
    assertEquals(msgget(key, 0), id);
    const { msg_perm, msg_qnum, msg_stime } = stat(id);
    assertEquals([msg_perm.key, msg_perm.mode, msg_perm.uid, msg_qnum, msg_stime], [key, 0o640, Deno.uid(), 0, 0]);
    fails("EEXIST", () => msgget(key, IPC_CREAT | IPC_EXCL | 0o600));
  } finally {
    msgctl(id, IPC_RMID);
  }
});

Deno.test("msgget() fails with ENOENT if there is no queue with the key, and says which", () => {
  const error = fails("ENOENT", () => msgget(0x7e57_abcd, 0o666));
  assertEquals(error.message, "msgget: No such file or directory (key 0x7e57abcd)");
});

Deno.test("msgget() fails with EINVAL if an argument is no integer of C's", () => {
  for (const bad of NOT_INTEGERS as number[]) {
    fails("EINVAL", () => msgget(bad, 0o600));
    fails("EINVAL", () => msgget(IPC_PRIVATE, bad));
  }
});

Deno.test("msgsnd() and msgrcv() pass type and bytes on, in order", () => {
  using q = queue();
  send(q.id, 1, "one");
  send(q.id, 1, "");
  send(q.id, 2 ** 40 + 3, "large");
  send(q.id, 2n ** 63n - 1n, "largest");
  const { msg_qnum, msg_cbytes, msg_lspid } = stat(q.id);
  assertEquals([msg_qnum, msg_cbytes, msg_lspid], [4, 15, Deno.pid]);
  assertEquals(receive(q.id, 0), [1, "one"]);
  assertEquals(receive(q.id, 0), [1, ""]);
  assertEquals(receive(q.id, 2 ** 40 + 3), [2 ** 40 + 3, "large"]);
  assertEquals(receive(q.id, 2n ** 63n - 1n), [2n ** 63n - 1n, "largest"]);
  assertEquals(stat(q.id).msg_lrpid, Deno.pid);
});

Deno.test("msgrcv() picks by type: above 0 that one, below 0 the lowest, with MSG_EXCEPT any other", () => {
  using q = queue();
  for (const type of [5, 3, 9, 3]) send(q.id, type, `t${type}`);
  assertEquals(receive(q.id, 9), [9, "t9"]);
  fails("ENOMSG", () => receive(q.id, 9));
  fails("ENOMSG", () => receive(q.id, -2));
  assertEquals(receive(q.id, -4), [3, "t3"]);
  assertEquals(receive(q.id, 5, MSG_EXCEPT), [3, "t3"]);
  fails("ENOMSG", () => receive(q.id, 5, MSG_EXCEPT));
  assertEquals(receive(q.id, -5), [5, "t5"]);
});

Deno.test("msgrcv() fails with E2BIG if the message is longer, and leaves it; MSG_NOERROR cuts it", () => {
  using q = queue();
  send(q.id, 1, "0123456789");
  const buf = new msgbuf(4);
  fails("E2BIG", () => msgrcv(q.id, buf, 4, 0, IPC_NOWAIT));
  assertEquals(stat(q.id).msg_qnum, 1);
  assertEquals(msgrcv(q.id, buf, 4, 0, IPC_NOWAIT | MSG_NOERROR), 4);
  assertEquals(new TextDecoder().decode(buf.mtext), "0123");
  assertEquals(stat(q.id).msg_qnum, 0);
});

Deno.test("msgrcv() writes no further than the message", () => {
  using q = queue();
  send(q.id, 1, "ab");
  const buf = new msgbuf(4);
  buf.mtext.fill(7);
  assertEquals(msgrcv(q.id, buf, 4, 0, 0), 2);
  assertEquals([...buf.mtext], [97, 98, 7, 7]);
});

needs(copies())("msgrcv() with MSG_COPY leaves the message in the queue", () => {
  using q = queue();
  send(q.id, 4, "first");
  send(q.id, 5, "second");
  assertEquals(receive(q.id, 1, MSG_COPY), [5, "second"]);
  assertEquals(receive(q.id, 0, MSG_COPY), [4, "first"]);
  fails("ENOMSG", () => receive(q.id, 2, MSG_COPY));
  assertEquals(stat(q.id).msg_qnum, 2);
  fails("EINVAL", () => msgrcv(q.id, new msgbuf(9), 9, 0, MSG_COPY));
  fails("EINVAL", () => receive(q.id, 0, MSG_COPY | MSG_EXCEPT));
});

Deno.test("msgrcv() fails with ENOMSG if nothing is there and it must not wait", () => {
  using q = queue();
  const error = fails("ENOMSG", () => receive(q.id, 1));
  assertStringIncludes(error.message, `msgrcv: No message of desired type (msqid ${q.id}, type 1`);
});

Deno.test("msgsnd() fails with EAGAIN if the queue is full and it must not wait", () => {
  using q = queue();
  const text = "x".repeat(1000);
  fails("EAGAIN", () => {
    for (let i = 0; i < 1e6; i++) send(q.id, 1, text);
  });
  const { msg_cbytes, msg_qbytes } = stat(q.id);
  assert(msg_cbytes <= msg_qbytes && msg_cbytes + text.length > msg_qbytes);
});

Deno.test("msgsnd() fails with EINVAL if the type is below 1 or the message above the limit", () => {
  using q = queue();
  fails("EINVAL", () => send(q.id, 0, "x"));
  fails("EINVAL", () => send(q.id, -1, "x"));
  const info = new msginfo();
  msgctl(0, IPC_INFO, info);
  fails("EINVAL", () => send(q.id, 1, "x".repeat(info.msgmax + 1)));
  send(q.id, 1, "x".repeat(info.msgmax));
});

Deno.test("msgsnd() and msgrcv() fail with EFAULT if msgsz is beyond the buffer, or there is none", () => {
  using q = queue();
  const buf = new msgbuf(10);
  buf.mtype = 1;
  const gone = new msgbuf(10);
  gone.bytes.buffer.transfer();
  for (const [bad, size] of [[buf, 11], [buf, 2 ** 40], [gone, 0], [null, 1], [undefined, 1], [{}, 1], ["x", 1]]) {
    fails("EFAULT", () => msgsnd(q.id, bad as msgbuf, size as number, IPC_NOWAIT));
    fails("EFAULT", () => msgrcv(q.id, bad as msgbuf, size as number, 0, IPC_NOWAIT));
  }
  assertEquals(stat(q.id).msg_qnum, 0);
});

Deno.test("msgsnd() and msgrcv() fail with EINVAL if an argument is no integer of C's, or there is no queue", () => {
  using q = queue();
  const buf = new msgbuf(10);
  buf.mtype = 1;
  for (const bad of [...NOT_INTEGERS, -1] as number[]) {
    fails("EINVAL", () => msgsnd(bad, buf, 1, IPC_NOWAIT));
    fails("EINVAL", () => msgrcv(bad, buf, 1, 0, IPC_NOWAIT));
    if (bad !== -1) {
      fails("EINVAL", () => msgsnd(q.id, buf, 1, bad));
      fails("EINVAL", () => msgrcv(q.id, buf, 1, 0, bad));
    }
    if (bad !== 2 ** 33 && bad !== 2 ** 60) {
      fails("EINVAL", () => msgsnd(q.id, buf, bad, IPC_NOWAIT));
      fails("EINVAL", () => msgrcv(q.id, buf, bad, 0, IPC_NOWAIT));
    }
  }
  for (const bad of [NaN, 0.5, 2 ** 60, 2n ** 63n, "1", null] as number[]) {
    fails("EINVAL", () => msgrcv(q.id, buf, 1, bad, IPC_NOWAIT));
    fails("EINVAL", () => buf.mtype = bad);
  }
  assertEquals(stat(q.id).msg_qnum, 0);
});

needs("perl")("msgrcv() fails with EIDRM if the queue is removed while it waits", async () => {
  const q = queue();
  // the library blocks as C does, so somebody else has to wait
  await using waiter = perlInBackground(
    `$| = 1; print "waiting\\n"; msgrcv($ARGV[0], $buf, 10, 0, 0) and exit 1; print $! + 0`,
    q.id,
  );
  await waiter.until("waiting");
  await waiter.ready(() => waitsIn(waiter.pid, 70, 188), "it waits in msgrcv");
  q[Symbol.dispose]();
  assertEquals((await waiter.end()).stdout, "waiting\n43"); // EIDRM
  fails("EINVAL", () => receive(q.id, 0));
});

needs("perl")("msgrcv() blocks until a message comes, and fails with EIDRM if the queue goes", async () => {
  const q = queue();
  await using peer = perlInBackground(
    `select undef, undef, undef, 0.05; msgsnd($ARGV[0], pack("q a*", 3, "hello"), 0) or die $!;
     select undef, undef, undef, 0.05; msgctl($ARGV[0], 0, 0) or die $!`,
    q.id,
  );
  const buf = new msgbuf(10);
  assertEquals([msgrcv(q.id, buf, 10, 0, 0), buf.mtype], [5, 3]);
  fails("EIDRM", () => msgrcv(q.id, buf, 10, 0, 0));
  await peer.end();
});

Deno.test("msgctl() IPC_SET changes permissions and size", () => {
  using q = queue();
  const ds = stat(q.id);
  ds.msg_perm.mode = 0o640;
  ds.msg_qbytes = 100;
  msgctl(q.id, IPC_SET, ds);
  assertEquals([stat(q.id).msg_perm.mode, stat(q.id).msg_qbytes], [0o640, 100]);
  fails("EAGAIN", () => send(q.id, 1, "x".repeat(101)));
  for (const bad of [NaN, -1, 0.5, "1", 2 ** 60] as number[]) fails("EINVAL", () => ds.msg_qbytes = bad);
});

Deno.test("msgctl() lists queues by MSG_INFO and MSG_STAT", () => {
  using q = queue();
  send(q.id, 1, "0123456");
  const info = new msginfo();
  const highest = msgctl(0, MSG_INFO, info);
  assert(info.msgpool >= 1 && info.msgmap >= 1 && info.msgtql >= 7);
  for (const cmd of [MSG_STAT, MSG_STAT_ANY]) {
    const ds = new msqid_ds();
    assertEquals(inSlots(highest, (slot) => msgctl(slot, cmd, ds) === q.id ? ds.msg_cbytes : undefined), [7]);
  }
});

Deno.test("msgctl() IPC_INFO tells the limits", async () => {
  const info = new msginfo();
  msgctl(0, IPC_INFO, info);
  for (const name of ["msgmax", "msgmnb", "msgmni"] as const) {
    assertEquals(String(info[name]), (await Deno.readTextFile(`/proc/sys/kernel/${name}`)).trim());
  }
});

Deno.test("msgctl() fails with EINVAL if there is no such queue or command", () => {
  fails("EINVAL", () => msgctl(-1, IPC_RMID));
  using q = queue();
  fails("EINVAL", () => msgctl(q.id, 4711));
  for (const bad of NOT_INTEGERS as number[]) {
    fails("EINVAL", () => msgctl(bad, IPC_RMID));
    fails("EINVAL", () => msgctl(q.id, bad));
  }
});

Deno.test("msgctl() fails with EFAULT if the structure is missing or too short", () => {
  using q = queue();
  for (const cmd of [IPC_STAT, IPC_SET, MSG_STAT, MSG_STAT_ANY, IPC_INFO, MSG_INFO]) {
    fails("EFAULT", () => msgctl(q.id, cmd));
    for (const bad of [{}, 5, new Uint8Array(500), { bytes: new Uint8Array(31) }]) {
      fails("EFAULT", () => msgctl(q.id, cmd, bad as unknown as msqid_ds));
    }
  }
  for (const bad of [new msginfo(), new seminfo()]) {
    fails("EFAULT", () => msgctl(q.id, IPC_STAT, bad as unknown as msqid_ds));
  }
});

Deno.test("msgbuf fails with EINVAL if the size is none", () => {
  for (const bad of [-1, 0.5, NaN, 2 ** 31, "4", undefined] as number[]) fails("EINVAL", () => new msgbuf(bad));
  assertEquals(new msgbuf(0).mtext.length, 0);
});
