/**
 * Calls of the functions of shared memory, message queues and semaphores.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { type Call, thin } from "./_calls.ts";
import { detached, memory, operations, structs } from "./_memory.ts";
import {
  bad,
  flags,
  good,
  int,
  ints,
  msqid,
  nothing,
  semid,
  shmid,
  wrongKey,
  wrongLong,
  wrongSize,
} from "./_numbers.ts";
import { GUARD, m, message, NOBODYS_KEY } from "./_world.ts";

const privateKey = [good("IPC_PRIVATE", () => 0)];

export const SYSV: Call[] = [
  // sys/shm
  thin("shmget", [
    privateKey,
    [...ints(4096, 0, 1, 4095, 4097, 2 ** 31, 2 ** 53, 2 ** 60), ...wrongSize(() => 4096)],
    int(0o600, 0, mod.IPC_CREAT | mod.IPC_EXCL | 0o600),
  ], (id) => m.shmctl(id, m.IPC_RMID)),
  thin("shmget", [[...ints(NOBODYS_KEY), ...wrongKey], ints(1, 0), int(0, 0o600)]),
  thin("shmat", [shmid, [nothing, ...ints(undefined), bad("5", () => 5), bad("{}", () => ({}))], [
    ...int(0, mod.SHM_RDONLY, 2 ** 31 - 1, 0o20000, 0o40000),
    ...ints(undefined),
  ]], (shm) => m.shmdt(shm)),
  thin("shmdt", [[
    good("shm", (w) => w.shm),
    good("read-only", (w) => w.readOnly),
    good("another view", (w) => new Uint8Array(w.shm.length > 0 ? w.shm.buffer : new ArrayBuffer(0))),
    bad("Uint8Array", () => new Uint8Array(1)),
    bad("detached", () => detached(1)),
    ...memory.filter((spec) => spec.bad),
  ]]),
  thin("shmctl", [
    shmid,
    flags(mod.IPC_STAT, mod.IPC_SET, mod.SHM_LOCK, mod.SHM_UNLOCK, 99, 0x102),
    [...structs(() => new mod.shmid_ds()), nothing],
  ]),
  thin("shmctl", [
    shmid,
    ints(mod.IPC_INFO, mod.SHM_INFO, mod.SHM_STAT, mod.SHM_STAT_ANY),
    [...structs(() => new mod.shminfo()), ...structs(() => new mod.shm_info()), nothing],
  ]),
  thin("shmctl", [shmid, int(mod.IPC_RMID), [nothing]]),
  thin("peek", [memory, [...ints(0, 1, 4096, 4097, -1), ...wrongSize(() => 1)]]),
  thin("poke", [memory, [...ints(0, 1, 4096, 4097, -1), ...wrongSize(() => 1)], [
    ...ints(1, 255, -128, 256, "x", ""),
    ...[null, {}, Symbol("s"), 5n, [5], true, NaN, 0.5].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),

  // sys/msg
  thin("msgget", [privateKey, int(0o600, 0)], (id) => m.msgctl(id, m.IPC_RMID)),
  thin("msgget", [[...ints(NOBODYS_KEY), ...wrongKey], int(0, 0o600)]),
  thin("msgsnd", [
    msqid,
    [good("msgbuf(16)", () => message(16)), good("type -1", () => message(16, -1)), ...structs(() => message(16))],
    [...ints(16, 0, 1, 17, 8193, 2 ** 31, 2 ** 53, 2 ** 60), ...wrongSize(() => 16)],
    int(mod.IPC_NOWAIT),
  ]),
  thin("msgrcv", [
    msqid,
    [good("msgbuf(16)", () => message(16)), good("msgbuf(4096)", () => message(4096)), ...structs(() => message(64))],
    [...ints(16, 0, 1, 17, 4096, 2 ** 31, 2 ** 53, 2 ** 60), ...wrongSize(() => 16)],
    [...ints(0, 1, -1, 1n, -(2n ** 63n), 2 ** 53 - 1), ...wrongLong(() => 1)],
    int(mod.IPC_NOWAIT, mod.IPC_NOWAIT | mod.MSG_NOERROR, mod.IPC_NOWAIT | mod.MSG_COPY, -1),
  ]),
  thin("msgctl", [msqid, flags(mod.IPC_STAT, mod.IPC_SET, 99, 0x102), [
    ...structs(() => new mod.msqid_ds()),
    nothing,
  ]]),
  thin("msgctl", [msqid, ints(mod.IPC_INFO, mod.MSG_INFO, mod.MSG_STAT, mod.MSG_STAT_ANY), [
    ...structs(() => new mod.msginfo()),
    nothing,
  ]]),
  thin("msgctl", [msqid, int(mod.IPC_RMID), [nothing]]),

  // sys/sem
  thin("semget", [privateKey, int(3, 0, 1, 32001, -1), int(0o600, 0)], (id) => m.semctl(id, 0, m.IPC_RMID)),
  thin("semget", [[...ints(NOBODYS_KEY), ...wrongKey], int(0, 3), int(0, 0o600)]),
  thin("semop", [semid, operations]),
  thin("semtimedop", [semid, operations, [
    ...ints(0, 0.001, 1e-10),
    ...wrongSize(() => 0).filter(({ name }) => name !== "n + 0.5" && name !== "2^64" && name !== "null"),
    bad("2^53", () => 2 ** 53),
  ]]),
  thin("semctl", [
    semid,
    int(0, 2, 3, -1),
    flags(mod.GETVAL, mod.GETPID, mod.GETNCNT, mod.GETZCNT, 99, 0x10c),
    [nothing, ...ints(undefined)],
  ]),
  thin("semctl", [semid, int(0, 2, 3), ints(mod.SETVAL), int(1, 0, 32767, 32768, -1)]),
  thin("semctl", [semid, int(0), ints(mod.GETALL, mod.SETALL), [
    good("Uint16Array(3)", (w) => new Uint16Array(w.view(6).buffer, GUARD, 3)),
    good("Uint16Array(2)", (w) => new Uint16Array(w.view(4).buffer, GUARD, 2)),
    good("Uint16Array(4)", (w) => new Uint16Array(w.view(8).buffer, GUARD, 4)),
    good("lying Uint16Array", (w) => {
      const values = new Uint16Array(w.view(2).buffer, GUARD, 1);
      return Object.defineProperties(values, { length: { value: 99 }, byteLength: { value: 198 } });
    }),
    bad("Proxy", () => new Proxy(new Uint16Array(3), {})),
    bad("no Uint16Array", () => Object.create(Uint16Array.prototype)),
    bad("Uint8Array", () => new Uint8Array(6)),
    bad("Int16Array", () => new Int16Array(3)),
    ...[null, 5, "x", {}, [1, 2, 3], Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),
  thin("semctl", [semid, int(0), ints(mod.IPC_STAT, mod.IPC_SET, mod.SEM_STAT, mod.SEM_STAT_ANY), [
    ...structs(() => new mod.semid_ds()),
    bad("null", () => null),
  ]]),
  thin("semctl", [semid, int(0), ints(mod.IPC_INFO, mod.SEM_INFO), [
    ...structs(() => new mod.seminfo()),
    bad("null", () => null),
  ]]),
  thin("semctl", [semid, int(0, 99), int(mod.IPC_RMID)]),
];
