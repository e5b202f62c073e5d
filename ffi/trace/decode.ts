/**
 * What a call's bare arguments mean, by the kinds that the declaration table gives them.
 *
 * @module
 */
import { signalName } from "../libc/signal.ts";
import { WaitStatus } from "../libc/sys/wait.ts";
import { sockaddrFrom } from "../native/sockaddr.ts";
import { layouts } from "../native/structs.ts";
import { type Name, table } from "../native/table.ts";

/** Bytes that a call moved: how many, and the first of them as C would write them. */
export interface TracedBytes {
  /** How many bytes. */
  length: number;
  /** The first of them, with C's escapes. */
  preview: string;
}

/** A call's argument: a number, a name or text, or bytes. */
export type TracedArgument = string | number | null | TracedBytes;

/** An argument's name and kind. */
export interface Parameter {
  /** Its name in the manual page. */
  name: string;
  /** What it means. */
  kind: string;
}

/** The parameters of a function, or undefined for the library's housekeeping. */
export function parametersOf(name: Name): Parameter[] | undefined {
  const entry = table[name];
  if (!("args" in entry)) return undefined;
  return entry.args.split(" ").filter(Boolean).map((pair) => {
    const [name, kind] = pair.split(":");
    return { name, kind };
  });
}

const GET = { 0o1000: "IPC_CREAT", 0o2000: "IPC_EXCL" };
/** The flags of each set; what is left over is printed as a number. */
const FLAGS: Record<string, Record<number, string>> = {
  shmget: { ...GET, 0o4000: "SHM_HUGETLB", 0o10000: "SHM_NORESERVE" },
  shmat: { 0o10000: "SHM_RDONLY" },
  msgget: GET,
  semget: GET,
  msgop: { 0o4000: "IPC_NOWAIT", 0o10000: "MSG_NOERROR", 0o20000: "MSG_EXCEPT", 0o40000: "MSG_COPY" },
  semop: { 0o4000: "IPC_NOWAIT", 0x1000: "SEM_UNDO" },
  wait: { 1: "WNOHANG", 2: "WUNTRACED", 8: "WCONTINUED" },
  open: {
    1: "O_WRONLY",
    2: "O_RDWR",
    0o100: "O_CREAT",
    0o200: "O_EXCL",
    0o1000: "O_TRUNC",
    0o2000: "O_APPEND",
    0o4000: "O_NONBLOCK",
    0o2000000: "O_CLOEXEC",
  },
  msg: {
    1: "MSG_OOB",
    2: "MSG_PEEK",
    0x20: "MSG_TRUNC",
    0x40: "MSG_DONTWAIT",
    0x100: "MSG_WAITALL",
    0x4000: "MSG_NOSIGNAL",
  },
  socktype: { 0o4000: "SOCK_NONBLOCK", 0o2000000: "SOCK_CLOEXEC" },
};

const IPC = ["IPC_RMID", "IPC_SET", "IPC_STAT", "IPC_INFO"];
const COMMANDS: Record<string, Record<number, string>> = {
  shmctl: { ...IPC, 11: "SHM_LOCK", 12: "SHM_UNLOCK", 13: "SHM_STAT", 14: "SHM_INFO", 15: "SHM_STAT_ANY" },
  msgctl: { ...IPC, 11: "MSG_STAT", 12: "MSG_INFO", 13: "MSG_STAT_ANY" },
  semctl: {
    ...IPC,
    11: "GETPID",
    12: "GETVAL",
    13: "GETALL",
    14: "GETNCNT",
    15: "GETZCNT",
    16: "SETVAL",
    17: "SETALL",
    18: "SEM_STAT",
    19: "SEM_INFO",
    20: "SEM_STAT_ANY",
  },
};
const NAMES: Record<string, Record<number, string>> = {
  domain: { 0: "AF_UNSPEC", 1: "AF_UNIX", 2: "AF_INET", 10: "AF_INET6" },
  socktype: { 1: "SOCK_STREAM", 2: "SOCK_DGRAM", 3: "SOCK_RAW", 5: "SOCK_SEQPACKET" },
  protocol: { 0: "0", 6: "IPPROTO_TCP", 17: "IPPROTO_UDP" },
  level: { 1: "SOL_SOCKET", 0: "IPPROTO_IP", 6: "IPPROTO_TCP", 41: "IPPROTO_IPV6" },
  sockopt: {
    2: "SO_REUSEADDR",
    3: "SO_TYPE",
    4: "SO_ERROR",
    6: "SO_BROADCAST",
    7: "SO_SNDBUF",
    8: "SO_RCVBUF",
    9: "SO_KEEPALIVE",
    13: "SO_LINGER",
    15: "SO_REUSEPORT",
    20: "SO_RCVTIMEO",
    21: "SO_SNDTIMEO",
  },
  how: { 0: "SHUT_RD", 1: "SHUT_WR", 2: "SHUT_RDWR" },
};

function flags(value: number, set: string, radix = 8): string {
  const names: string[] = [];
  for (const [bit, name] of Object.entries(FLAGS[set] ?? {})) {
    if (value & Number(bit)) {
      names.push(name);
      value &= ~Number(bit);
    }
  }
  if (value || !names.length) {
    names.push(value ? (radix === 8 ? "0" : "0x") + value.toString(radix) : set === "open" ? "O_RDONLY" : "0");
  }
  return names.join("|");
}

const PREVIEW = 48;
const ESCAPES: Record<number, string> = {
  0: "\\0",
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

/** Bytes as an event has them. */
export function bytes(data: Uint8Array, length: number = data.length): TracedBytes {
  let preview = "";
  for (const byte of data.subarray(0, Math.min(length, PREVIEW))) {
    preview += ESCAPES[byte] ??
      (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "\\x" + byte.toString(16).padStart(2, "0"));
  }
  return { length, preview };
}

function cstring(data: Uint8Array): string {
  return new TextDecoder().decode(data.subarray(0, data.indexOf(0)));
}

function structure(name: string, data: Uint8Array): string {
  const layout: Record<string, number> | undefined = layouts[name as keyof typeof layouts];
  if (!layout || data.length < layout.size) return "{…}";
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const fields: string[] = [];
  const list = Object.entries(layout).filter(([field]) => field !== "size");
  for (const [i, [field, offset]] of list.entries()) {
    const width = (list[i + 1]?.[1] ?? layout.size) - offset;
    if (field.endsWith("_perm")) {
      fields.push(`mode=0${view.getUint16(offset + layouts.ipc_perm.mode, true).toString(8)}`);
    } else if (width === 16 && name === "rusage") {
      fields.push(
        `${field}=${Number(view.getBigInt64(offset, true)) + Number(view.getBigInt64(offset + 8, true)) / 1e6}`,
      );
    } else fields.push(`${field}=${width >= 8 ? view.getBigInt64(offset, true) : view.getInt32(offset, true)}`);
  }
  return `{${fields.join(", ")}}`;
}

function sembufs(data: Uint8Array): string {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const ops: string[] = [];
  for (let at = 0; at + layouts.sembuf.size <= data.length; at += layouts.sembuf.size) {
    ops.push(
      `{${view.getUint16(at, true)}, ${view.getInt16(at + 2, true)}, ${flags(view.getUint16(at + 4, true), "semop")}}`,
    );
  }
  return `[${ops.join(", ")}]`;
}

/**
 * One argument.
 *
 * @param fn The function that was called.
 * @param kind The parameter's kind.
 * @param args All its bare arguments.
 * @param i Which one.
 * @param result What the call gave; undefined before it is back, when there is nothing yet in what it fills.
 */
export function argument(fn: string, kind: string, args: unknown[], i: number, result?: number): TracedArgument {
  const value = args[i];
  const [base, set] = kind.split(".");
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array || ArrayBuffer.isView(value)) {
    const data = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const done = result !== undefined && result >= 0;
    switch (base) {
      case "bytes":
        return bytes(data, Number(args[i + 1]));
      case "value":
        return data.length === 4 ? view.getInt32(0, true) : bytes(data);
      case "string":
        return cstring(data);
      case "sembufs":
        return sembufs(data);
      case "timespec":
        return structure("timespec", data);
      case "sockaddr":
        return String(sockaddrFrom(data.subarray(0, Number(args[i + 1]))));
      case "msgbuf":
        return bytes(data.subarray(8), Number(args[i + 1]));
      case "strings":
      case "pollfds":
        return "[…]";
    }
    // the others are filled by the call
    if (!done) return null;
    switch (base) {
      case "buffer":
        return bytes(data, result);
      case "msgbuf*":
        return bytes(data.subarray(8), result);
      case "status":
        return result > 0 ? String(new WaitStatus(view.getInt32(0, true))) : null;
      case "struct":
        // GETALL and SETALL have the values there, and some commands a structure of another name
        return COMMANDS[fn]?.[Number(args[fn === "semctl" ? 2 : 1])]?.endsWith("STAT") || set === "rusage"
          ? structure(set, data)
          : "{…}";
      case "pair":
        return `[${view.getInt32(0, true)}, ${view.getInt32(4, true)}]`;
      case "sockaddr*":
        return String(sockaddrFrom(data));
      default:
        return null;
    }
  }
  if (typeof value !== "number" && typeof value !== "bigint") {
    return "0x" + Deno.UnsafePointer.value(value as Deno.PointerObject).toString(16);
  }
  const number = Number(value);
  switch (base) {
    case "flags":
      return flags(number, set, set === "msg" || set === "wait" ? 16 : 8);
    case "cmd":
      return COMMANDS[fn]?.[number] ?? String(number);
    case "sig":
      return signalName(number);
    case "mode":
      return number === 0 ? "0" : "0" + number.toString(8);
    case "socktype": {
      const type = NAMES.socktype[number & 0xf] ?? String(number & 0xf);
      return number > 0xf ? `${type}|${flags(number & ~0xf, "socktype")}` : type;
    }
    case "sockopt":
      return Number(args[1]) === 1 ? NAMES.sockopt[number] ?? String(number) : String(number);
    default:
      return NAMES[base]?.[number] ?? number;
  }
}
