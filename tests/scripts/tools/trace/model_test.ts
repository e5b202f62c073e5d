import { assert, assertEquals } from "@std/assert";
import { picture } from "../../../../scripts/tools/trace/model.ts";
import type { Picture } from "../../../../scripts/tools/trace/picture.ts";
import { label, words } from "../../../../scripts/tools/trace/words.ts";
import { bytes, flags, inet, PRIVATE, Script, struct } from "./_events.ts";

/** What a picture says, a line each: `a.ts → queue 1234: msgsnd type 1 “x”`. */
function told({ steps }: Picture): string[] {
  return steps.flatMap((step) => (step.group ?? [step]).map((one) => [step, one] as const)).map(([whole, step]) => {
    const loop = whole.group ? `[×${whole.times}] ` : "";
    return `${loop}${label(step.from)[0]}${step.to ? ` → ${label(step.to)[0]}` : ""}: ${words(step)}`;
  });
}

const NOTHING = { pointer: 0x1000 };

Deno.test("picture() draws a message before it is received, though the sender's call may be back later", () => {
  const script = new Script();
  const args = { msqid: 1, msgp: struct("msgbuf", { mtype: 7, mtext: bytes("x\0") }), msgsz: 2 };
  const sent = script.enter(1, "msgsnd", args, true);
  const received = script.enter(2, "msgrcv", { msqid: 1, msgp: NOTHING }, true);
  script.exit({ ...received, args }, 2);
  script.exit(sent, 0);
  assertEquals(told(picture(script.events)), [
    "? → queue id 1: msgsnd type 7 “x\\0”",
    "queue id 1 → ?: msgrcv type 7 “x\\0”",
  ]);
});

Deno.test("picture() draws what was received meanwhile after it was sent, though the sender's call took its time", () => {
  const script = new Script();
  const args = (text: string) => ({ msqid: 1, msgp: struct("msgbuf", { mtype: 7, mtext: bytes(text) }), msgsz: 1 });
  const preempted = script.enter(1, "msgsnd", args("x"), true);
  script.call(2, "msgrcv", args("x"), 1);
  script.t = 10_000;
  script.exit(preempted, 0);
  // the queue was full until the other message was taken
  const waiting = script.enter(1, "msgsnd", args("y"), true);
  script.call(2, "msgrcv", args("z"), 1);
  script.t = 20_000;
  script.exit(waiting, 0);
  const arrows = picture(script.events).steps.filter(({ to }) => to).map(words);
  assertEquals(arrows, ["msgsnd type 7 “x”", "msgrcv type 7 “x”", "msgrcv type 7 “z”", "msgsnd type 7 “y”"]);
});

Deno.test("picture() draws a connection before it is accepted, however late the client runs again", () => {
  const script = new Script();
  script.call(1, "bind", { sockfd: 3, addr: inet(80) }, 0);
  const accepting = script.enter(1, "accept", { sockfd: 3, addr: NOTHING }, true);
  const connecting = script.enter(2, "connect", { sockfd: 3, addr: inet(80) }, true);
  script.exit(accepting, 4, { peer: "127.0.0.1:4000" });
  script.t = 10_000;
  script.exit(connecting, 0);
  const arrows = picture(script.events).steps.filter(({ to }) => to).map(words);
  assertEquals(arrows.slice(-2), ["connect(127.0.0.1:80)", "accept() ← 127.0.0.1:4000"]);
});

Deno.test("picture() names objects by their keys, and shows arguments as C has them", () => {
  const script = new Script();
  script.start(1, "a.ts");
  const key = flags(5678, [], 5678, 16);
  script.call(1, "shmget", { key, size: 27, shmflg: flags(0o666, [], 0o666, 8) }, -1, { errno: "ENOENT" });
  script.call(1, "shmget", { key, size: 27, shmflg: flags(0o1666, ["IPC_CREAT"], 0o666, 8) }, 3);
  script.call(1, "shmat", { shmid: 3, shmaddr: null, shmflg: flags(0, []) }, 0x7f0000000000);
  script.memory(1, "write", 3, 0, "ab");
  script.memory(1, "write", 3, 2, "c");
  script.call(1, "shmctl", { shmid: 3, cmd: flags(2, ["IPC_STAT"]), buf: struct("shmid_ds", {}) }, 0);
  script.call(1, "shmctl", { shmid: 3, cmd: flags(0, ["IPC_RMID"]), buf: null }, 0);
  script.call(1, "semget", { key: PRIVATE, nsems: 1, semflg: flags(0o600, [], 0o600, 8) }, 9);
  const sops = [struct("sembuf", { sem_num: 0, sem_op: -1, sem_flg: flags(0o4000, ["IPC_NOWAIT"]) })];
  script.call(1, "semop", { semid: 9, sops, nsops: 1 }, -1, { errno: "EAGAIN" });
  script.end(1, 7);
  assertEquals(told(picture(script.events)), [
    "a.ts → segment 5678: shmget(5678, 27, 0666) = ENOENT",
    "a.ts → segment 5678: shmget(5678, 27, IPC_CREAT|0666) = 3",
    "a.ts → segment 5678: shmat()",
    "a.ts → segment 5678: writes [0…2] “abc”",
    "a.ts → segment 5678: shmctl(IPC_RMID)",
    "a.ts → semaphore set id 9: semget(IPC_PRIVATE, 1, 0600) = 9",
    "a.ts → semaphore set id 9: semop([{0, -1, IPC_NOWAIT}]) = EAGAIN",
    "a.ts: exit(7)",
  ]);
});

Deno.test("picture() draws POSIX queues by their names, and messages with their priorities", () => {
  const script = new Script();
  script.start(1, "a.ts");
  script.start(2, "b.ts");
  const oflag = flags(0o102, ["O_RDWR", "O_CREAT"]);
  script.call(1, "mq_open", { name: "/q", oflag, mode: flags(0o600, []), attr: null }, 5, { opened: [5] });
  script.call(2, "mq_open", { name: "/other", oflag: flags(2, ["O_RDWR"]) }, -1, { errno: "ENOENT" });
  script.call(2, "mq_open", { name: "/q", oflag: flags(2, ["O_RDWR"]) }, 7, { opened: [7] });
  const message = (text: string) => ({ msg_ptr: bytes(text), msg_len: text.length });
  const receiving = script.enter(2, "mq_receive", { mqdes: 7, msg_ptr: NOTHING, msg_len: 64, msg_prio: NOTHING }, true);
  script.call(1, "mq_send", { mqdes: 5, ...message("first"), msg_prio: 0 }, 0);
  script.exit({ ...receiving, args: { mqdes: 7, ...message("first"), msg_len: 64, msg_prio: [0] } }, 5);
  script.call(1, "mq_timedsend", { mqdes: 5, ...message("second"), msg_prio: 9, abs_timeout: null }, 0);
  script.call(1, "mq_getattr", { mqdes: 5, attr: struct("mq_attr", {}) }, 0);
  script.call(2, "mq_timedreceive", { mqdes: 7, ...message("second"), msg_prio: [9], abs_timeout: null }, 6);
  script.call(2, "mq_receive", { mqdes: 7, msg_ptr: NOTHING, msg_len: 64, msg_prio: null }, -1, { errno: "EAGAIN" });
  script.call(2, "mq_notify", { mqdes: 7, sevp: null }, 0);
  script.call(2, "mq_receive", { mqdes: 8, msg_ptr: NOTHING, msg_len: 64, msg_prio: null }, -1, { errno: "EBADF" });
  script.call(1, "mq_close", { mqdes: 5 }, 0);
  script.call(1, "mq_unlink", { name: "/q" }, 0);
  assertEquals(told(picture(script.events)), [
    "a.ts → queue /q: mq_open(/q, O_RDWR|O_CREAT) = 5",
    "b.ts → queue /other: mq_open(/other, O_RDWR) = ENOENT",
    "b.ts → queue /q: mq_open(/q, O_RDWR) = 7",
    "a.ts → queue /q: mq_send “first”",
    "queue /q → b.ts: mq_receive “first”",
    "a.ts → queue /q: mq_timedsend priority 9 “second”",
    "queue /q → b.ts: mq_timedreceive priority 9 “second”",
    "queue /q → b.ts: mq_receive = EAGAIN",
    "b.ts → queue /q: mq_notify(NULL)",
    "b.ts: mq_receive = EBADF",
    "a.ts → queue /q: mq_unlink(/q)",
  ]);
});

Deno.test("picture() follows descriptors from bind and connect over accept and fork", () => {
  const script = new Script();
  script.start(1, "server.ts");
  script.start(2, "client.ts");
  script.call(1, "socket", { domain: flags(2, ["AF_INET"]) }, 3, { opened: [3] });
  script.call(1, "bind", { sockfd: 3, addr: inet(5555, "0.0.0.0"), addrlen: 16 }, 0);
  script.call(1, "listen", { sockfd: 3, backlog: 5 }, 0);
  script.call(2, "connect", { sockfd: 3, addr: inet(5555), addrlen: 16 }, 0);
  script.call(1, "accept", { sockfd: 3, addr: inet(40000), addrlen: [16] }, 4, {
    opened: [4],
    peer: "127.0.0.1:40000",
  });
  script.fork(1, 10);
  script.call(2, "write", { fd: 3, buf: bytes("hi\n"), count: 3 }, 3);
  script.call(10, "read", { fd: 4, buf: bytes("hi\n"), count: 255 }, 3);
  script.call(10, "read", { fd: 4, buf: NOTHING, count: 255 }, 0);
  script.call(1, "close", { fd: 4 }, 0);
  script.call(1, "write", { fd: 4, buf: bytes("x"), count: 1 }, -1, { errno: "EBADF" });
  assertEquals(told(picture(script.events)), [
    "server.ts → socket 0.0.0.0:5555: socket()",
    "server.ts → socket 0.0.0.0:5555: bind(0.0.0.0:5555)",
    "server.ts → socket 0.0.0.0:5555: listen(5)",
    "client.ts → socket 0.0.0.0:5555: socket()",
    "client.ts → socket 0.0.0.0:5555: connect(127.0.0.1:5555)",
    "socket 0.0.0.0:5555 → server.ts: accept() ← 127.0.0.1:40000",
    "server.ts → child: fork() = 10",
    "client.ts → socket 0.0.0.0:5555: write “hi”",
    "socket 0.0.0.0:5555 → child: read “hi”",
    "socket 0.0.0.0:5555 → child: read: end",
  ]);
});

Deno.test("picture() draws a zombie whatever its duration, but none where the parent waits already", () => {
  for (const us of [3, 20_000]) {
    const script = new Script();
    script.start(1, "a.ts");
    script.fork(1, 10);
    script.end(10, 3);
    script.t += us - 2;
    const wstatus = struct("wstatus", { WEXITSTATUS: 3 });
    script.call(1, "wait3", { wstatus, options: flags(1, ["WNOHANG"]), rusage: null }, 10);
    script.fork(1, 11);
    const waiting = script.enter(1, "wait", { wstatus: null }, true);
    script.end(11);
    script.exit(waiting, 11);
    script.fork(1, 12);
    script.end(12);
    script.signal(1, "SIGCHLD");
    assertEquals(told(picture(script.events)), [
      "a.ts → child: fork() = 10",
      "child: exit(3)",
      us === 3 ? "child: zombie for 3 µs" : "child: zombie for 20 ms",
      "child → a.ts: wait3(): exited with 3",
      "a.ts → child: fork() = 11",
      "child: exit(0)",
      "child → a.ts: wait(): reaped",
      "a.ts → child: fork() = 12",
      "child: exit(0)",
      "child → a.ts: SIGCHLD",
      "child: zombie: nobody has waited for it",
    ]);
  }
});

Deno.test("picture() puts what takes its time where it begins", () => {
  const script = new Script();
  script.start(1, "a.ts");
  script.fork(1, 10);
  const [sleeping, pausing] = [script.enter(1, "sleep", { seconds: 2 }, true), script.enter(10, "pause", {}, true)];
  script.call(10, "write", { fd: 1, buf: bytes("meanwhile\n"), count: 10 }, 10);
  script.t += 2_000_000;
  script.exit(sleeping, 0);
  script.exit(pausing, -1, { errno: "EINTR" });
  const reading = script.enter(1, "msgrcv", { msqid: 1, msgp: NOTHING }, true);
  script.call(10, "kill", { pid: 1, sig: flags(17, ["SIGCHLD"]) }, 0);
  script.t += 6000;
  script.exit(reading, -1, { errno: "EINTR" });
  script.enter(1, "accept", { sockfd: 3 }, true);
  script.end(10);
  assertEquals(told(picture(script.events)).slice(1), [
    "a.ts: sleep(2)",
    "child: waits 2.0 s in pause()",
    "child: prints “meanwhile”",
    "a.ts: waits 6 ms in msgrcv()",
    "child → a.ts: kill(1, SIGCHLD)",
    "queue id 1 → a.ts: msgrcv = EINTR",
    "a.ts: waits in accept() to the end",
    "child: exit(0)",
    "child: zombie: nobody has waited for it",
  ]);
});

Deno.test("picture() tells how a child was killed, and that a pid is another process's later", () => {
  const script = new Script();
  script.start(1, "a.ts");
  for (const wstatus of [struct("wstatus", { WTERMSIG: flags(9, ["SIGKILL"]) }), null]) {
    script.fork(1, 10);
    script.end(10);
    script.call(1, "waitpid", { pid: 10, wstatus, options: flags(0, []) }, 10);
  }
  const drawn = picture(script.events);
  assertEquals(drawn.lifelines.length, 3);
  assert(told(drawn).includes("child → a.ts: waitpid(): killed by SIGKILL"));
});

Deno.test("picture() says what a trace has lost", () => {
  const script = new Script();
  script.start(1, "a.ts");
  script.call(1, "write", { fd: 1, buf: bytes("x"), count: 1 }, 1);
  script.lost(1, 10);
  script.lost(1, 123_456);
  script.end(1);
  assertEquals(told(picture(script.events)), [
    "a.ts: prints “x”",
    "a.ts: … 123,456 events more of this process were not kept",
    "a.ts: exit(0)",
  ]);
});

Deno.test("picture() draws what happens over and over as one", () => {
  const script = new Script();
  script.start(1, "a.ts");
  for (let i = 0; i < 26; i++) {
    script.memory(1, "read", 3, i, "abcdefghijklmnopqrstuvwxyz"[i]);
    script.call(1, "write", { fd: 1, buf: bytes("abcdefghijklmnopqrstuvwxyz"[i]), count: 1 }, 1);
  }
  for (let i = 0; i < 5; i++) script.call(1, "getuid", {}, 0);
  for (const value of ["0", "0", "1"]) script.memory(1, "read", 3, 0, value);
  assertEquals(told(picture(script.events)), [
    "[×26] segment id 3 → a.ts: reads [0] “a” … [25] “z”",
    "[×26] a.ts: prints “a” … “z”",
    "a.ts: getuid() ×5",
    "segment id 3 → a.ts: reads [0] “0” ×2",
    "segment id 3 → a.ts: reads [0] “1”",
  ]);
});

/** Processes that take and give a semaphore in an order that repeats nowhere. */
function contention(processes: number, operations: number): Script {
  const script = new Script();
  for (let pid = 1; pid <= processes; pid++) script.start(pid, "a.ts");
  let random = 1;
  const args = (op: number) => ({ semid: 1, sops: [struct("sembuf", { sem_num: 0, sem_op: op, sem_flg: 0 })] });
  for (let i = 0; i < operations; i++) {
    random = random * 48271 % 2147483647;
    script.call(1 + random % processes, "semop", args(random & 1024 ? 1 : -1), 0);
  }
  return script;
}

Deno.test("picture() of much is small, and says what is left out", () => {
  const drawn = picture(contention(100, 200_000).events); // would not come back in a minute if it were quadratic
  assertEquals(drawn.steps.length, 301);
  assert(drawn.lifelines.length <= 40);
  const [said] = told(drawn).filter((line) => line.includes("left out"));
  const [, steps, lifelines] = /… ([\d,]+) steps and (\d+) lifelines more are left out/.exec(said)!;
  const shown = drawn.steps.filter(({ deed }) => deed.kind !== "omitted")
    .reduce((sum, { times, group }) => sum + times * (group?.length ?? 1), 0);
  assertEquals(Number(steps.replaceAll(",", "")) + shown, 200_000);
  assertEquals(Number(lifelines), 61);
});

Deno.test("picture() names a record's fields, keeps neighbours apart, and puts a loop's together", () => {
  const script = new Script();
  script.start(1, "a.ts");
  script.field(1, "write", 0, "Reading.id", 5);
  script.field(1, "write", 4, "Reading.name", bytes("x\xc3\xa4"));
  script.field(1, "read", 8, "Reading.next", struct("Inner", { flags: 1, ok: flags(1, ["true"]) }));
  script.field(1, "write", 12, "Reading.note", "text");
  for (let i = 0; i < 4; i++) script.field(1, "write", 100 + 32 * i, `Point[${i}].value`, i / 2);
  script.field(1, "read", 8, "Long.list", Array.from({ length: 40 }, (_, i) => i));
  assertEquals(told(picture(script.events)), [
    "a.ts → segment id 3: writes Reading.id = 5",
    "a.ts → segment id 3: writes Reading.name = “xä”",
    "segment id 3 → a.ts: reads Reading.next = {1, true}",
    "a.ts → segment id 3: writes Reading.note = “text”",
    "a.ts → segment id 3: writes Point[0].value = 0 … Point[3].value = 1.5 ×4",
    "segment id 3 → a.ts: reads Long.list = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, …",
  ]);
});

Deno.test("picture() draws messages of several parts as what they are together", () => {
  const script = new Script();
  script.call(1, "socketpair", { domain: 1, type: 1, protocol: 0, sv: [3, 4] }, 0);
  const part = (text: string) => struct("iovec", { iov_base: bytes(text), iov_len: text.length });
  const msg = (...texts: string[]) =>
    struct("msghdr", { msg_name: null, msg_iov: texts.map(part), msg_flags: flags(0, []) });
  script.call(1, "sendmsg", { sockfd: 3, msg: msg("Did ", "you", " get this?"), flags: flags(0, []) }, 17);
  script.call(1, "recvmsg", { sockfd: 4, msg: msg("Did you", " get this?"), flags: flags(0, []) }, 17);
  script.call(1, "recvmsg", { sockfd: 4, msg: msg(""), flags: flags(0, []) }, 0);
  const arrows = picture(script.events).steps.filter(({ to }) => to).map(words);
  assertEquals(arrows.slice(-3), ["sendmsg “Did you get this?”", "recvmsg “Did you get this?”", "recvmsg: end"]);
});
