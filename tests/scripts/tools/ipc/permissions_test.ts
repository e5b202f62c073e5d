// What the kernel refuses to other users, and beyond its limits. Root can play both; others skip these.
import { assertEquals } from "@std/assert";
import { MessageQueue } from "../../../../ffi/objects/message_queue.ts";
import { SemaphoreSet } from "../../../../ffi/objects/semaphore_set.ts";
import { SharedMemory } from "../../../../ffi/objects/shared_memory.ts";
import { freshKey } from "../../../_peers.ts";
import { needs, works } from "../../../needs.ts";

const NOBODY = 65534;

const PROLOGUE = ["shared_memory", "message_queue", "semaphore_set"]
  .map((name) => `export * from "${import.meta.resolve(`../../../../ffi/objects/${name}.ts`)}";`).join("\n") +
  ["shm", "msg", "sem", "ipc"].map((name) =>
    `export * from "${import.meta.resolve(`../../../../ffi/libc/sys/${name}.ts`)}";`
  )
    .join("\n");

/** A directory that another user can run programs from: they write Deno's cache, and may not see ours. */
class Place implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "ipc_playground_" });

  constructor(program: string) {
    Deno.writeTextFileSync(`${this.path}/all.ts`, PROLOGUE);
    Deno.writeTextFileSync(
      `${this.path}/main.ts`,
      `import * as ipc from "./all.ts";
       const codes: Record<string, string> = {};
       const attempt = (name: string, action: () => unknown) => {
         try {
           codes[name] = String(action() ?? "ok");
         } catch (error) {
           codes[name] = (error as { code?: string }).code ?? String(error);
         }
       };
       ${program}
       console.log(JSON.stringify(codes));`,
    );
    for (const path of ["", "/all.ts", "/main.ts"]) Deno.chownSync(this.path + path, NOBODY, NOBODY);
  }

  /** Runs the program and gives the error code of each attempt. */
  async run(command: string[], uid: number, ...args: string[]): Promise<Record<string, string>> {
    const [program, ...rest] = [...command, Deno.execPath(), "run", "--no-config", "--no-check", "--allow-ffi"];
    const output = await new Deno.Command(program, {
      args: [...rest, `${this.path}/main.ts`, ...args],
      uid,
      gid: uid,
      env: { DENO_DIR: `${this.path}/cache`, HOME: this.path, NO_COLOR: "1" },
      cwd: this.path,
    }).output();
    if (!output.success) throw new Error(new TextDecoder().decode(output.stderr));
    return JSON.parse(new TextDecoder().decode(output.stdout));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

needs("root")("Another user gets EACCES and EPERM, and what he makes is his", async () => {
  const key = freshKey();
  using segment = SharedMemory.create(10, { key });
  using queue = MessageQueue.create({ key });
  using set = SemaphoreSet.create([5, 6], { key });
  using readable = SharedMemory.create(10, { mode: 0o644 });
  using sendable = MessageQueue.create({ mode: 0o622 });
  using alterable = SemaphoreSet.create([1, 2], { mode: 0o622 });
  queue.sendSync("secret");
  using place = new Place(`
    const [key, shm, msg, sem, readable, sendable, alterable] = Deno.args.map(Number);
    const { MessageQueue, SemaphoreSet, SharedMemory } = ipc;
    attempt("shmget", () => ipc.shmget(key, 10, 0o600));
    attempt("shmat", () => ipc.shmat(shm));
    attempt("shmctl stat", () => ipc.shmctl(shm, ipc.IPC_STAT, new ipc.shmid_ds()));
    attempt("shmctl set", () => ipc.shmctl(shm, ipc.IPC_SET, new ipc.shmid_ds()));
    attempt("shmctl rmid", () => ipc.shmctl(shm, ipc.IPC_RMID));
    attempt("shmctl lock", () => ipc.shmctl(shm, ipc.SHM_LOCK));
    attempt("msgget", () => ipc.msgget(key, 0o600));
    attempt("msgsnd", () => MessageQueue.fromId(msg).sendSync("x"));
    attempt("msgrcv", () => MessageQueue.fromId(msg).receiveSync());
    attempt("msgrcv try", () => MessageQueue.fromId(msg).tryReceive());
    attempt("msgctl stat", () => ipc.msgctl(msg, ipc.IPC_STAT, new ipc.msqid_ds()));
    attempt("msgctl rmid", () => ipc.msgctl(msg, ipc.IPC_RMID));
    attempt("semget", () => ipc.semget(key, 1, 0o600));
    attempt("semop", () => ipc.semop(sem, new ipc.sembuf([0, 1])));
    attempt("semctl getval", () => ipc.semctl(sem, 0, ipc.GETVAL));
    attempt("semctl getall", () => ipc.semctl(sem, 0, ipc.GETALL, new Uint16Array(2)));
    attempt("semctl setval", () => ipc.semctl(sem, 0, ipc.SETVAL, 1));
    attempt("semctl setall", () => ipc.semctl(sem, 0, ipc.SETALL, new Uint16Array(2)));
    attempt("semctl rmid", () => ipc.semctl(sem, 0, ipc.IPC_RMID));

    attempt("open", () => SharedMemory.open(key));
    attempt("size", () => MessageQueue.open(key).messageCount);
    attempt("length", () => SemaphoreSet.openSync(key).length);
    attempt("setPermissions", () => SemaphoreSet.fromId(sem).setPermissions({ mode: 0o666 }));
    attempt("remove", () => MessageQueue.fromId(msg).remove());
    attempt("dispose", () => MessageQueue.fromId(msg)[Symbol.dispose]());

    attempt("read-write", () => SharedMemory.fromId(readable));
    attempt("read-only", () => SharedMemory.fromId(readable, { readOnly: true }).readString());
    attempt("send", () => MessageQueue.fromId(sendable).sendSync("hello"));
    attempt("receive", () => MessageQueue.fromId(sendable).tryReceive());
    attempt("setAll", () => SemaphoreSet.fromId(alterable).setValues([3, 4]));
    attempt("setAll short", () => ipc.semctl(alterable, 0, ipc.SETALL, new Uint16Array(1)));
    attempt("values", () => SemaphoreSet.fromId(alterable).values);

    attempt("unusable", () => SharedMemory.create(10, { mode: 0o200, key: key + 1 }));
    attempt("left behind", () => ipc.shmget(key + 1, 0, 0));
    attempt("unusable set", () => SemaphoreSet.create([1], { mode: 0o400, key: key + 1 }));
    attempt("set left behind", () => ipc.semget(key + 1, 0, 0));
    attempt("locked out", () => {
      using queue = MessageQueue.create();
      queue.setPermissions({ mode: 0 });
      queue.setPermissions({ mode: 0o640 });
      return queue.mode;
    });
    attempt("maxBytes", () => {
      using queue = MessageQueue.create();
      queue.setMaxBytes(2 ** 30);
    });
  `);
  const ids = [key, segment.id, queue.id, set.id, readable.id, sendable.id, alterable.id].map(String);
  const codes = await place.run([], NOBODY, ...ids);
  const expected: Record<string, string> = {
    "shmctl set": "EPERM",
    "shmctl rmid": "EPERM",
    "shmctl lock": "EPERM",
    "msgctl rmid": "EPERM",
    "semctl rmid": "EPERM",
    "size": "1",
    "length": "2",
    "setPermissions": "EPERM",
    "remove": "EPERM",
    "dispose": "ok",
    "read-only": "",
    "send": "ok",
    "setAll": "ok",
    "setAll short": "EFAULT",
    "left behind": "ENOENT",
    "set left behind": "ENOENT",
    "locked out": String(0o640),
    "maxBytes": "EPERM",
  };
  for (const name in codes) expected[name] ??= "EACCES";
  assertEquals(codes, expected);
  assertEquals([set.values, alterable.values, queue.messageCount], [[5, 6], [3, 4], 1]);
  assertEquals(sendable.receiveSync().text, "hello");
});

const LIMITED =
  `echo 1 > /proc/sys/kernel/shmmni && echo 1 > /proc/sys/kernel/msgmni && echo "250 32000 32 1" > /proc/sys/kernel/sem &&
  exec "$@"`;

/** In some containers not even root may write to `/proc/sys`. */
const limits = { "limits that may be set": works("unshare", "--ipc", "sh", "-c", LIMITED, "sh", "true") };

needs("root", "unshare", limits)("One object too many is ENOSPC, and nothing is left of it", async () => {
  using place = new Place(`
    const { MessageQueue, SemaphoreSet, SharedMemory } = ipc;
    using segment = SharedMemory.create(10);
    attempt("shmget", () => SharedMemory.create(10));
    using queue = MessageQueue.create();
    attempt("msgget", () => MessageQueue.create());
    using set = SemaphoreSet.create(1);
    attempt("semget", () => SemaphoreSet.create(1));
  `);
  const codes = await place.run(["unshare", "--ipc", "sh", "-c", LIMITED, "sh"], 0);
  assertEquals(codes, { shmget: "ENOSPC", msgget: "ENOSPC", semget: "ENOSPC" });
});
