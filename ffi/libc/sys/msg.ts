/**
 * `<sys/msg.h>`: message queues.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { int, key as asKey, keyText, long, size } from "../../native/check.ts";
import { errno, libc } from "../../native/libc.ts";
import { bytesOf, layouts, type msgbuf, type msginfo, type msqid_ds, ownBytes } from "../../native/structs.ts";
import { IPC_INFO, IPC_SET, IPC_STAT } from "./ipc.ts";

export { msgbuf, msginfo, msqid_ds } from "../../native/structs.ts";

/** `msgrcv`: cut a message that is longer than the buffer, instead of failing; the rest is lost. */
export const MSG_NOERROR = 0o10000;
/** `msgrcv`: any type except `msgtyp`. */
export const MSG_EXCEPT = 0o20000;
/** `msgrcv`: copy the message at position `msgtyp` and leave it in the queue; only together with `IPC_NOWAIT`. */
export const MSG_COPY = 0o40000;
/** `msgctl`: what the queue in a slot of the kernel's table is, and its id. */
export const MSG_STAT = 11;
/** `msgctl`: what all queues use, and the highest slot in use. */
export const MSG_INFO = 12;
/** `msgctl`: as `MSG_STAT`, for queues that one may not read, too. */
export const MSG_STAT_ANY = 13;

/**
 * Finds or makes a queue, `msgget(2)`.
 *
 * @param key A number that the processes have agreed on, or `IPC_PRIVATE`.
 * @param msgflg Permissions such as `0o600`, with `IPC_CREAT` and `IPC_EXCL`.
 * @returns The queue's id.
 * @throws {LibcError} `ENOENT` there is none; `EEXIST` with `IPC_EXCL`; `EACCES`; `ENOMEM`; `ENOSPC` too many queues.
 *
 * @example
 * ```ts
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, msgctl, msgget } from "@ipc/playground";
 *
 * const id = msgget(IPC_PRIVATE, IPC_CREAT | 0o600);
 * msgctl(id, IPC_RMID);
 * ```
 */
export function msgget(key: number, msgflg: number): number {
  const id = libc.msgget(asKey(key, "msgget"), int(msgflg, "msgget", "msgflg"));
  if (id < 0) throw new LibcError("msgget", errno(), keyText(key));
  return id;
}

const HEADER = 8; // mtype

/** The bytes of a message buffer that has room for `msgsz` bytes of text: a byte more, and the kernel would go beyond it. */
function roomFor(msgp: msgbuf, msgsz: number, syscall: string): Uint8Array<ArrayBuffer> {
  const bytes = ownBytes(msgp);
  if (bytes === undefined || msgsz > bytes.byteLength - HEADER) throw noRoom(bytes, msgp, msgsz, syscall);
  return bytes;
}

function noRoom(bytes: Uint8Array | undefined, msgp: msgbuf, msgsz: number, syscall: string): LibcError {
  const why = bytes
    ? `msgsz is ${msgsz}, the buffer has ${Math.max(bytes.byteLength - HEADER, 0)} bytes`
    : `msgp must be a msgbuf, got ${Deno.inspect(msgp)}`;
  return new LibcError(syscall, "EFAULT", why);
}

/**
 * Puts a message into a queue, `msgsnd(2)`. Waits while the queue is full, unless `IPC_NOWAIT` is given.
 *
 * @param msqid The queue's id.
 * @param msgp The message; its `mtype` must be above 0.
 * @param msgsz How many bytes of `mtext` to send; 0 is fine.
 * @param msgflg `0` or `IPC_NOWAIT`.
 * @throws {LibcError} `EAGAIN` full, with `IPC_NOWAIT`; `EINVAL` no such queue, a type below 1, or a message above the
 * system's limit; `EIDRM` the queue was removed meanwhile; `EACCES`; `EINTR`; `EFAULT` `msgsz` is beyond the buffer.
 *
 * @example
 * ```ts
 * import { IPC_NOWAIT, IPC_PRIVATE, IPC_RMID, msgbuf, msgctl, msgget, msgsnd } from "@ipc/playground";
 *
 * const id = msgget(IPC_PRIVATE, 0o600);
 * const sbuf = new msgbuf(128);
 * sbuf.mtype = 1;
 * const { written } = new TextEncoder().encodeInto("Did you get this?\0", sbuf.mtext);
 * msgsnd(id, sbuf, written, IPC_NOWAIT);
 * msgctl(id, IPC_RMID);
 * ```
 */
export function msgsnd(msqid: number, msgp: msgbuf, msgsz: number, msgflg: number): void {
  const length = size(msgsz, "msgsnd", "msgsz");
  const bytes = roomFor(msgp, msgsz, "msgsnd");
  if (libc.msgsnd(int(msqid, "msgsnd", "msqid"), bytes, length, int(msgflg, "msgsnd", "msgflg")) < 0) {
    throw new LibcError("msgsnd", errno(), `msqid ${msqid}, type ${msgp.mtype}, ${msgsz} bytes`);
  }
}

/**
 * Takes a message out of a queue, `msgrcv(2)`. Waits until there is one, unless `IPC_NOWAIT` is given.
 *
 * @param msqid The queue's id.
 * @param msgp Where the message goes.
 * @param msgsz How many bytes of text to accept at most.
 * @param msgtyp `0`: the oldest message; above 0: the oldest of that type; below 0: the lowest type up to `-msgtyp`.
 * With `MSG_COPY`: a position in the queue, from 0.
 * @param msgflg `0`, or any of `IPC_NOWAIT`, `MSG_NOERROR`, `MSG_EXCEPT`, `MSG_COPY`.
 * @returns How many bytes of `mtext` the message fills.
 * @throws {LibcError} `ENOMSG` none, with `IPC_NOWAIT`; `E2BIG` longer than `msgsz` (it stays in the queue); `EINVAL` no
 * such queue; `EIDRM` the queue was removed meanwhile; `EACCES`; `EINTR`; `ENOSYS` a kernel without `MSG_COPY`;
 * `EFAULT` `msgsz` is beyond the buffer.
 *
 * @example
 * ```ts
 * import { IPC_PRIVATE, IPC_RMID, msgbuf, msgctl, msgget, msgrcv, msgsnd } from "@ipc/playground";
 *
 * const id = msgget(IPC_PRIVATE, 0o600);
 * const buf = new msgbuf(128);
 * buf.mtype = 1;
 * buf.mtext.set([104, 105]);
 * msgsnd(id, buf, 2, 0);
 *
 * const length = msgrcv(id, buf, 128, 1, 0);
 * console.log(new TextDecoder().decode(buf.mtext.subarray(0, length))); // hi
 * msgctl(id, IPC_RMID);
 * ```
 */
export function msgrcv(msqid: number, msgp: msgbuf, msgsz: number, msgtyp: number | bigint, msgflg: number): number {
  const length = size(msgsz, "msgrcv", "msgsz");
  const bytes = roomFor(msgp, msgsz, "msgrcv");
  const type = long(msgtyp, "msgrcv", "msgtyp");
  const n = libc.msgrcv(int(msqid, "msgrcv", "msqid"), bytes, length, type, int(msgflg, "msgrcv", "msgflg"));
  if (n < 0) throw new LibcError("msgrcv", errno(), `msqid ${msqid}, type ${msgtyp}, up to ${msgsz} bytes`);
  return n;
}

/**
 * Controls a queue, `msgctl(2)`.
 *
 * @param msqid The queue's id; for `MSG_STAT` and `MSG_STAT_ANY` a slot of the kernel's table; for `IPC_INFO` and
 * `MSG_INFO` anything.
 * @param cmd `IPC_STAT`, `IPC_SET`, `IPC_RMID`, `MSG_STAT`, `MSG_STAT_ANY`, `IPC_INFO` or `MSG_INFO`.
 * @param buf What is read or filled: {@linkcode msqid_ds}, for `IPC_INFO` and `MSG_INFO` {@linkcode msginfo}.
 * @returns For `MSG_STAT` and `MSG_STAT_ANY` the id, for `IPC_INFO` and `MSG_INFO` the highest slot in use, else 0.
 * @throws {LibcError} `EINVAL` no such queue or command; `EIDRM`; `EACCES`; `EPERM` not the owner, or `msg_qbytes` above
 * the system's limit; `EFAULT` the wrong structure.
 *
 * @example
 * ```ts
 * import { IPC_PRIVATE, IPC_RMID, IPC_STAT, msgctl, msgget, msqid_ds } from "@ipc/playground";
 *
 * const id = msgget(IPC_PRIVATE, 0o600);
 * const ds = new msqid_ds();
 * msgctl(id, IPC_STAT, ds);
 * console.log(ds.msg_qnum, ds.msg_perm.mode.toString(8)); // 0 600
 * msgctl(id, IPC_RMID);
 * ```
 */
export function msgctl(msqid: number, cmd: number, buf: msqid_ds | msginfo | null = null): number {
  const needed = cmd === IPC_INFO || cmd === MSG_INFO ? layouts.msginfo.size : layouts.msqid_ds.size;
  const bytes = buf === null ? null : bytesOf(buf, needed, "msgctl", "buf");
  if (
    bytes === null &&
    (cmd === IPC_STAT || cmd === IPC_SET || cmd === IPC_INFO || cmd === MSG_INFO || cmd === MSG_STAT ||
      cmd === MSG_STAT_ANY)
  ) {
    throw new LibcError("msgctl", "EFAULT", "this command needs a structure");
  }
  const result = libc.msgctl(int(msqid, "msgctl", "msqid"), int(cmd, "msgctl", "cmd"), bytes);
  if (result < 0) throw new LibcError("msgctl", errno(), `msqid ${msqid}`);
  return result;
}
