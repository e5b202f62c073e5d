/**
 * `<sys/msg.h>`: message queues.
 *
 * @module
 */
import { errnoCode, LibcError } from "../../errors.ts";
import { asInt, asKey, asLong, asSize, keyText, shown } from "../../native/check.ts";
import { type Blocked, blocking } from "../../native/elsewhere.ts";
import { call, header, unless } from "../../native/header.ts";
import {
  by,
  type Call,
  cName,
  filled,
  flags,
  i32,
  id,
  type Kind,
  long,
  memory,
  oneOf,
  size,
  traced,
  u16,
  u64,
  viewOn,
} from "../../native/kinds.ts";
import {
  bytesOfNew,
  layout,
  layoutOf,
  memberOf,
  nested,
  settable,
  Struct,
  struct,
  structBytes,
} from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import { own } from "../../native/own.ts";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_INFO,
  IPC_NOWAIT,
  ipc_perm,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
} from "./ipc.ts";

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

/** What the kernel knows about a queue, `struct msqid_ds` of `msgctl(2)`. */
export class msqid_ds extends Struct {
  /** Owner, creator and permissions. */
  declare readonly msg_perm: ipc_perm;
  /** When a message was last sent, in seconds since 1970; 0 for never. */
  declare readonly msg_stime: number;
  /** When a message was last received, in seconds since 1970; 0 for never. */
  declare readonly msg_rtime: number;
  /** When the queue was made or last changed by `IPC_SET`, in seconds since 1970. */
  declare readonly msg_ctime: number;
  /** How many bytes of text wait in the queue. */
  declare readonly msg_cbytes: number;
  /** How many messages wait in the queue. */
  declare readonly msg_qnum: number;
  /** How many bytes of text the queue may hold; `IPC_SET` changes it. */
  declare msg_qbytes: number;
  /** The process that last sent; 0 for none. */
  declare readonly msg_lspid: number;
  /** The process that last received; 0 for none. */
  declare readonly msg_lrpid: number;
}
layout(msqid_ds, "msgctl", {
  msg_perm: nested(ipc_perm),
  msg_stime: long,
  msg_rtime: long,
  msg_ctime: long,
  msg_cbytes: cName("__msg_cbytes", long),
  msg_qnum: long,
  msg_qbytes: size,
  msg_lspid: i32,
  msg_lrpid: i32,
  __glibc_reserved4: u64,
  __glibc_reserved5: u64,
}, ["msg_qbytes"]);

/** The system's limits for queues, `struct msginfo` of `msgctl(2)`, by `IPC_INFO` and `MSG_INFO`. */
export class msginfo extends Struct {
  /** With `MSG_INFO`: how many queues there are. */
  declare readonly msgpool: number;
  /** With `MSG_INFO`: how many messages there are in all queues. */
  declare readonly msgmap: number;
  /** The longest message, in bytes. */
  declare readonly msgmax: number;
  /** How many bytes a new queue may hold. */
  declare readonly msgmnb: number;
  /** How many queues there may be. */
  declare readonly msgmni: number;
  /** With `MSG_INFO`: how many bytes there are in all queues. */
  declare readonly msgtql: number;
}
layout(msginfo, "msgctl", {
  msgpool: i32,
  msgmap: i32,
  msgmax: i32,
  msgmnb: i32,
  msgmni: i32,
  msgssz: i32,
  msgtql: i32,
  msgseg: u16,
}, []);

const MTYPE = 8; // bytes
const E2BIG = 7;
const EAGAIN = 11;
const ENOMSG = 42;
const LARGEST = 0x7fffffff;

/** The type of a message, whatever the property says. */
let typeOf: (message: msgbuf) => number | bigint;
/** The bytes of a message, to hand to the kernel; undefined for anything else than a {@linkcode msgbuf}. */
let ownBytes: (message: msgbuf) => Uint8Array<ArrayBuffer> | undefined;

/**
 * A message as `msgsnd(2)` and `msgrcv(2)` take it: `struct msgbuf { long mtype; char mtext[N]; }`.
 *
 * @example
 * ```ts
 * import { msgbuf } from "./mod.ts";
 *
 * const sbuf = new msgbuf(128);
 * sbuf.mtype = 1;
 * sbuf.mtext.set(new TextEncoder().encode("Did you get this?\0"));
 * ```
 */
export class msgbuf extends Struct {
  /** The message's type: above 0 to send; a bigint only beyond 2^53, where a number would be off. */
  declare mtype: number | bigint;
  /** The message's text: as many bytes as the structure was made with. */
  readonly mtext: Uint8Array<ArrayBuffer>;
  readonly #own: Uint8Array<ArrayBuffer>;
  readonly #words: Int32Array<ArrayBuffer>; // of the type

  static {
    ownBytes = (message) =>
      typeof message === "object" && message !== null && #own in message ? message.#own : undefined;
    typeOf = (message) => {
      const low = message.#words[0];
      const high = message.#words[1];
      if (high === 0) return low >>> 0;
      const value = high * 2 ** 32 + (low >>> 0);
      if (Number.isSafeInteger(value)) return value;
      if (high === undefined) throw new LibcError("msgrcv", "EFAULT", "the memory of mtype is gone");
      return BigInt(high) << 32n | BigInt(low >>> 0);
    };
    Object.defineProperty(this.prototype, "mtype", {
      configurable: true,
      get(this: msgbuf): number | bigint {
        return typeOf(this);
      },
      set(this: msgbuf, value: number | bigint) {
        if (typeof value === "number" && (value | 0) === value) {
          this.#words[0] = value;
          this.#words[1] = value >> 31;
        } else if (typeof value === "number" && Number.isSafeInteger(value)) {
          this.#words[0] = value | 0;
          this.#words[1] = Math.floor(value / 2 ** 32);
        } else if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) {
          this.#words[0] = Number(BigInt.asIntN(32, value));
          this.#words[1] = Number(BigInt.asIntN(32, value >> 32n));
        } else {
          throw new LibcError(
            "msgsnd",
            "EINVAL",
            `mtype must be a 64-bit integer (a bigint beyond 2^53), got ${shown(value)}`,
          );
        }
      },
    });
  }

  /**
   * Makes an empty message.
   *
   * @param size How many bytes of text it has room for.
   */
  constructor(size: number) {
    if (!Number.isInteger(size) || size < 0 || size > LARGEST) {
      throw new LibcError("msgsnd", "EINVAL", `size must be 0 to 2^31 - 1 bytes, got ${shown(size)}`);
    }
    super(MTYPE + size);
    this.#own = bytesOfNew(this, "msgsnd");
    const { buffer } = this.#own;
    this.mtext = new Uint8Array(buffer, MTYPE);
    this.#words = new Int32Array(buffer, 0, 2);
  }
}

/** A message whose text has as many bytes as an argument or the result says. */
function message(length: (call: Call) => unknown): Kind<"buffer"> {
  return memory((data, call) => {
    const mtype = viewOn(data).getBigInt64(0, true);
    const text = data.subarray(MTYPE);
    const fields = {
      mtype: long.decode(mtype, call, "mtype"),
      mtext: traced(text, Math.min(Number(length(call)), text.length)),
    };
    return { struct: "msgbuf", fields };
  });
}

const stat = filled(struct(msqid_ds));
const info = filled(struct(msginfo));
const buf = by("cmd", {
  [IPC_STAT]: stat,
  [MSG_STAT]: stat,
  [MSG_STAT_ANY]: stat,
  [IPC_SET]: settable(msqid_ds),
  [IPC_INFO]: info,
  [MSG_INFO]: info,
});
const cmd = oneOf({ IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO, MSG_STAT, MSG_INFO, MSG_STAT_ANY }, 16);
const msgflg = flags({ MSG_NOERROR, MSG_EXCEPT, MSG_COPY, IPC_NOWAIT }, { radix: 16 });
const waits = unless("msgflg", IPC_NOWAIT);

const MSGSND = call(i32, [
  ["msqid", id],
  ["msgp", message((call) => call.argument("msgsz"))],
  ["msgsz", size],
  ["msgflg", msgflg],
], { waits });
// the kernel gives at most 0x7fffffff bytes: a 64-bit result would cost a BigInt a call
const MSGRCV = call(i32, [
  ["msqid", id],
  ["msgp", filled(message((call) => call.result))],
  ["msgsz", size],
  ["msgtyp", long],
  ["msgflg", msgflg],
], { waits });

const c = header({
  msgget: call(id, [["key", oneOf({ IPC_PRIVATE }, 16)], ["msgflg", flags({ IPC_CREAT, IPC_EXCL }, { radix: 8 })]]),
  msgsnd: MSGSND,
  msgrcv: MSGRCV,
  msgctl: call(i32, [["msqid", id], ["cmd", cmd], ["buf", buf]]),
});

const send = blocking(MSGSND, { x86_64: 69, aarch64: 189 });
const receive = blocking(MSGRCV, { x86_64: 70, aarch64: 188 });

const SIZE = { msqid_ds: layoutOf(msqid_ds).size, msginfo: layoutOf(msginfo).size };

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
 * import { IPC_CREAT, IPC_PRIVATE, IPC_RMID, msgctl, msgget } from "./mod.ts";
 *
 * const id = msgget(IPC_PRIVATE, IPC_CREAT | 0o600);
 * msgctl(id, IPC_RMID);
 * ```
 */
export function msgget(key: number, msgflg: number): number {
  const id = c.msgget(asKey(key, "msgget"), asInt(msgflg, "msgget", "msgflg"));
  if (id < 0) throw new LibcError("msgget", errno(), keyText(key));
  return id;
}

/** The bytes of a message buffer that has room for `msgsz` bytes of text: a byte more, and the kernel would go beyond it. */
function roomFor(msgp: msgbuf, msgsz: number, syscall: string): Uint8Array<ArrayBuffer> {
  const bytes = ownBytes(msgp);
  if (bytes === undefined || msgsz > bytes.byteLength - MTYPE) throw noRoom(bytes, msgp, msgsz, syscall);
  return bytes;
}

function noRoom(bytes: Uint8Array | undefined, msgp: msgbuf, msgsz: number, syscall: string): LibcError {
  const why = bytes
    ? `msgsz is ${msgsz}, the buffer has ${Math.max(bytes.byteLength - MTYPE, 0)} bytes`
    : `msgp must be a msgbuf, got ${shown(msgp)}`;
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
 * import { IPC_NOWAIT, IPC_PRIVATE, IPC_RMID, msgbuf, msgctl, msgget, msgsnd } from "./mod.ts";
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
  const length = asSize(msgsz, "msgsnd", "msgsz");
  const bytes = roomFor(msgp, msgsz, "msgsnd");
  if (c.msgsnd(asInt(msqid, "msgsnd", "msqid"), bytes, length, asInt(msgflg, "msgsnd", "msgflg")) < 0) {
    throw notSent(errno(), msqid, msgp, msgsz);
  }
}

/**
 * The same with `IPC_NOWAIT`. An error for a full queue would cost more than all the rest.
 *
 * @returns Whether it was sent.
 * @ignore
 */
export function msgsndOrNot(msqid: number, msgp: msgbuf, msgsz: number): boolean {
  const length = asSize(msgsz, "msgsnd", "msgsz");
  const bytes = roomFor(msgp, msgsz, "msgsnd");
  if (c.msgsnd(asInt(msqid, "msgsnd", "msqid"), bytes, length, IPC_NOWAIT) === 0) return true;
  const failed = errno();
  if (failed === EAGAIN) return false;
  throw notSent(failed, msqid, msgp, msgsz);
}

/**
 * The same on another thread, which blocks while the queue is full. The message has to be left alone until it is back.
 *
 * @ignore
 */
export function msgsndElsewhere(msqid: number, msgp: msgbuf, msgsz: number): Blocked | undefined {
  const length = asSize(msgsz, "msgsnd", "msgsz");
  return send(asInt(msqid, "msgsnd", "msqid"), roomFor(msgp, msgsz, "msgsnd"), length, 0);
}

/** The kernel says `EINVAL` of a message above its limit, too, and not what that is. */
function notSent(errno: number, msqid: number, msgp: msgbuf, msgsz: number): LibcError {
  const detail = `msqid ${msqid}, type ${typeOf(msgp)}, ${msgsz} bytes`;
  if (errnoCode(errno) !== "EINVAL") return new LibcError("msgsnd", errno, detail);
  const info = new msginfo();
  own.msgctl(0, IPC_INFO, structBytes(info, SIZE.msginfo, "msgctl", "msginfo"));
  const msgmax = memberOf(msginfo, info, "msgmax");
  const limit = msgsz > msgmax ? `: the system's limit, msgmax, is ${msgmax}` : "";
  return new LibcError("msgsnd", errno, detail + limit);
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
 * import { IPC_PRIVATE, IPC_RMID, msgbuf, msgctl, msgget, msgrcv, msgsnd } from "./mod.ts";
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
  const length = asSize(msgsz, "msgrcv", "msgsz");
  const bytes = roomFor(msgp, msgsz, "msgrcv");
  const type = asLong(msgtyp, "msgrcv", "msgtyp");
  const n = c.msgrcv(asInt(msqid, "msgrcv", "msqid"), bytes, length, type, asInt(msgflg, "msgrcv", "msgflg"));
  if (n < 0) throw notReceived(errno(), msqid, msgtyp, msgsz);
  return n;
}

function notReceived(errno: number, msqid: number, msgtyp: number | bigint, msgsz: number): LibcError {
  return new LibcError("msgrcv", errno, `msqid ${msqid}, type ${msgtyp}, up to ${msgsz} bytes`);
}

/**
 * The same with `IPC_NOWAIT`, but without an error for what is to be expected.
 *
 * @returns How many bytes the message has; -1 there is none, -2 it is longer than the buffer.
 * @ignore
 */
export function msgrcvOrNot(
  msqid: number,
  msgp: msgbuf,
  msgsz: number,
  msgtyp: number | bigint,
  msgflg: number,
): number {
  const length = asSize(msgsz, "msgrcv", "msgsz");
  const bytes = roomFor(msgp, msgsz, "msgrcv");
  const type = asLong(msgtyp, "msgrcv", "msgtyp");
  const flags = asInt(msgflg, "msgrcv", "msgflg") | IPC_NOWAIT;
  const n = c.msgrcv(asInt(msqid, "msgrcv", "msqid"), bytes, length, type, flags);
  if (n >= 0) return n;
  const failed = errno();
  if (failed === ENOMSG) return -1;
  if (failed === E2BIG) return -2;
  throw notReceived(failed, msqid, msgtyp, msgsz);
}

/**
 * The same on another thread, which blocks until there is a message. The buffer has to be left alone until it is back.
 *
 * @ignore
 */
export function msgrcvElsewhere(
  msqid: number,
  msgp: msgbuf,
  msgsz: number,
  msgtyp: number | bigint,
  msgflg: number,
): Blocked | undefined {
  const length = asSize(msgsz, "msgrcv", "msgsz");
  const type = asLong(msgtyp, "msgrcv", "msgtyp");
  const flags = asInt(msgflg, "msgrcv", "msgflg");
  return receive(asInt(msqid, "msgrcv", "msqid"), roomFor(msgp, msgsz, "msgrcv"), length, type, flags);
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
 * import { IPC_PRIVATE, IPC_RMID, IPC_STAT, msgctl, msgget, msqid_ds } from "./mod.ts";
 *
 * const id = msgget(IPC_PRIVATE, 0o600);
 * const ds = new msqid_ds();
 * msgctl(id, IPC_STAT, ds);
 * console.log(ds.msg_qnum, ds.msg_perm.mode.toString(8)); // 0 600
 * msgctl(id, IPC_RMID);
 * ```
 */
export function msgctl(msqid: number, cmd: number, buf?: msqid_ds | msginfo | null): number {
  if (buf === undefined) buf = null;
  const needed = cmd === IPC_INFO || cmd === MSG_INFO ? SIZE.msginfo : SIZE.msqid_ds;
  const bytes = buf === null ? null : structBytes(buf, needed, "msgctl", "buf");
  if (
    bytes === null &&
    (cmd === IPC_STAT || cmd === IPC_SET || cmd === IPC_INFO || cmd === MSG_INFO || cmd === MSG_STAT ||
      cmd === MSG_STAT_ANY)
  ) {
    throw new LibcError("msgctl", "EFAULT", "this command needs a structure");
  }
  const result = c.msgctl(asInt(msqid, "msgctl", "msqid"), asInt(cmd, "msgctl", "cmd"), bytes);
  if (result < 0) throw new LibcError("msgctl", errno(), `msqid ${msqid}`);
  return result;
}
