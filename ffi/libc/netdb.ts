/**
 * `<netdb.h>`: host and service names.
 *
 * @module
 */
import { EAI_ERRORS, type ErrorCode, LibcError } from "../errors.ts";
import { byteLengthOf, plain } from "../native/bytes.ts";
import { asInt, option } from "../native/check.ts";
import { always, call, elsewhere, header, unless } from "../native/header.ts";
import { address, filled, flags, i32, nothing, oneOf, opaque, string, u32, u64 } from "../native/kinds.ts";
import { layout, layoutOf, ownBytes, Struct, struct } from "../native/layout.ts";
import { cstring, errno, text } from "../native/libc.ts";
import { lasting } from "../native/own.ts";
import { bytesAt, pointerOf, textAt } from "../native/pointed.ts";
import { addressIn, addressOf, FAMILIES, type sockaddr, sockaddrFrom, told } from "./sys/_sockaddr.ts";
import { SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from "./sys/socket.ts";

/** Without a node: the address is to be bound, so it is the wildcard address instead of loopback. */
export const AI_PASSIVE = 0x1;
/** Ask for the host's official name. */
export const AI_CANONNAME = 0x2;
/** The node is an address: don't look names up. */
export const AI_NUMERICHOST = 0x4;
/** With `AF_INET6`, and no IPv6 addresses found: give IPv4 addresses mapped into IPv6. */
export const AI_V4MAPPED = 0x8;
/** With `AI_V4MAPPED`: give both kinds. */
export const AI_ALL = 0x10;
/** Only families that this host has an address of. */
export const AI_ADDRCONFIG = 0x20;
/** The service is a port number: don't look names up. */
export const AI_NUMERICSERV = 0x400;

/** {@linkcode getnameinfo}: give the address as text, don't look names up. */
export const NI_NUMERICHOST = 0x1;
/** {@linkcode getnameinfo}: give the port number, don't look names up. */
export const NI_NUMERICSERV = 0x2;
/** {@linkcode getnameinfo}: of hosts of this network give the name alone, without the domain. */
export const NI_NOFQDN = 0x4;
/** {@linkcode getnameinfo}: fail with `EAI_NONAME` where there is no name, instead of giving the address as text. */
export const NI_NAMEREQD = 0x8;
/** {@linkcode getnameinfo}: the service is one of datagrams, whose name can be another. */
export const NI_DGRAM = 0x10;

/** Invalid `ai_flags`. */
export const EAI_BADFLAGS: number = -1;
/** No such node or service. */
export const EAI_NONAME: number = -2;
/** The name server failed for now; try again later. */
export const EAI_AGAIN: number = -3;
/** The name server failed for good. */
export const EAI_FAIL: number = -4;
/** The node exists, but has no addresses. */
export const EAI_NODATA: number = -5;
/** The address family is not supported. */
export const EAI_FAMILY: number = -6;
/** The socket type is not supported. */
export const EAI_SOCKTYPE: number = -7;
/** The service is not available for the socket type. */
export const EAI_SERVICE: number = -8;
/** The node has no addresses of this family. */
export const EAI_ADDRFAMILY: number = -9;
/** Out of memory. */
export const EAI_MEMORY: number = -10;
/** The system failed; {@linkcode getaddrinfo} throws the error that `errno` tells instead. */
export const EAI_SYSTEM: number = -11;
/** A buffer was too small. */
export const EAI_OVERFLOW: number = -12;

/** What kind of addresses `getaddrinfo` shall look for; what is left out stays open. */
export interface addrinfo_hints {
  /** `AI_PASSIVE`, `AI_CANONNAME` … */
  ai_flags?: number;
  /** `AF_INET`, `AF_INET6`, or `AF_UNSPEC` for both. */
  ai_family?: number;
  /** `SOCK_STREAM`, `SOCK_DGRAM` …, or 0 for each of them. */
  ai_socktype?: number;
  /** `IPPROTO_TCP`, `IPPROTO_UDP` …, or 0. */
  ai_protocol?: number;
}

/** One address that `getaddrinfo` found, with what `socket` needs to reach it. */
export interface addrinfo {
  /** `AF_INET` or `AF_INET6`. */
  ai_family: number;
  /** `SOCK_STREAM`, `SOCK_DGRAM` … */
  ai_socktype: number;
  /** `IPPROTO_TCP`, `IPPROTO_UDP` … */
  ai_protocol: number;
  /** The address. */
  ai_addr: sockaddr;
  /** With `AI_CANONNAME`, in the first of the list: the host's official name. */
  ai_canonname?: string;
}

/** One entry of the list, `struct addrinfo`. */
class Entry extends Struct {
  declare ai_flags: number;
  declare ai_family: number;
  declare ai_socktype: number;
  declare ai_protocol: number;
  declare readonly ai_addrlen: number;
  declare readonly ai_addr: bigint;
  declare readonly ai_canonname: bigint;
  declare readonly ai_next: bigint;
}
layout(Entry, "getaddrinfo", {
  ai_flags: flags({
    AI_PASSIVE,
    AI_CANONNAME,
    AI_NUMERICHOST,
    AI_V4MAPPED,
    AI_ALL,
    AI_ADDRCONFIG,
    AI_NUMERICSERV,
  }, { radix: 16 }),
  ai_family: oneOf(FAMILIES),
  ai_socktype: oneOf({ SOCK_STREAM, SOCK_DGRAM, SOCK_RAW }),
  ai_protocol: i32,
  ai_addrlen: u32,
  ai_addr: u64,
  ai_canonname: u64,
  ai_next: u64,
}, ["ai_flags", "ai_family", "ai_socktype", "ai_protocol"]);

const HINTS = ["ai_flags", "ai_family", "ai_socktype", "ai_protocol"] as const;
const ENTRY = layoutOf(Entry).size;

const GETADDRINFO = call(i32, [["node", string], ["service", string], ["hints", struct(Entry)], ["res", opaque]], {
  waits: always,
  failed: () => false, // what it gives is the error's number
});
const c = header({
  getaddrinfo: GETADDRINFO,
  freeaddrinfo: call(nothing, [["res", address]], { quiet: true }),
  getnameinfo: call(i32, [
    ["addr", addressIn],
    ["addrlen", u32],
    ["host", filled(string)],
    ["hostlen", u32],
    ["serv", filled(string)],
    ["servlen", u32],
    ["flags", flags({ NI_NUMERICHOST, NI_NUMERICSERV, NI_NOFQDN, NI_NAMEREQD, NI_DGRAM }, { radix: 16 })],
  ], {
    waits: unless("flags", NI_NUMERICHOST),
    failed: (result) => result !== 0, // what it gives is the error's number
  }),
  gai_strerror: call(address, [["errcode", i32]], { quiet: true }),
});
const later = elsewhere(GETADDRINFO);
const CODES: ReadonlyMap<number, ErrorCode> = new Map(EAI_ERRORS);

/** The error that a status tells of. `systemErrno` is only meant where it is `EAI_SYSTEM`. */
function failure(syscall: string, status: number, systemErrno: number, detail: string): LibcError {
  if (status === EAI_SYSTEM && systemErrno > 0) return new LibcError(syscall, systemErrno, detail);
  return new LibcError(syscall, status, detail, {
    code: CODES.get(status) ?? `${status}`,
    reason: text(c.gai_strerror(status)),
  });
}

/** The arguments of one call, as C wants them. They have to live as long as the call. */
class Query {
  node: Uint8Array<ArrayBuffer> | null;
  service: Uint8Array<ArrayBuffer> | null;
  hints: Uint8Array<ArrayBuffer>;
  result: BigUint64Array<ArrayBuffer> = new BigUint64Array(1);
  readonly #detail: string;

  constructor(node: string | null, service: string | null, hints: addrinfo_hints | undefined) {
    this.node = node === null ? null : cstring(node, "getaddrinfo", "node");
    this.service = service === null ? null : cstring(service, "getaddrinfo", "service");
    const entry = new Entry();
    for (const name of HINTS) {
      const hint = option(hints, name, "getaddrinfo");
      entry[name] = hint === undefined ? 0 : hint;
    }
    this.hints = ownBytes(entry)!;
    this.#detail = [node !== null && `host '${node}'`, service !== null && `service '${service}'`]
      .filter(Boolean).join(", ");
  }

  /** How much memory they take. */
  get size(): number {
    return this.result.byteLength + this.hints.length + (this.node?.length ?? 0) + (this.service?.length ?? 0);
  }

  /** Puts them into other memory. */
  moveTo(memory: ArrayBuffer): void {
    this.result = new BigUint64Array(memory, 0, 1).fill(0n);
    let at = this.result.byteLength;
    const move = (bytes: Uint8Array) => {
      const there = new Uint8Array(memory, at, bytes.length);
      there.set(bytes);
      at += bytes.length;
      return there;
    };
    this.hints = move(this.hints); // these first, as they are words
    if (this.node) this.node = move(this.node);
    if (this.service) this.service = move(this.service);
  }

  /** Copies the list, and gives C's back. `systemErrno` is only meant where `status` is `EAI_SYSTEM`. */
  finish(status: number, systemErrno: number): addrinfo[] {
    if (status !== 0) throw failure("getaddrinfo", status, systemErrno, this.#detail);
    const head = this.result[0];
    try {
      const list: addrinfo[] = [];
      for (let at = head; at !== 0n;) {
        const entry = new Entry();
        ownBytes(entry)!.set(bytesAt(at, ENTRY));
        const { ai_family, ai_socktype, ai_protocol, ai_addr, ai_addrlen } = entry;
        const found: addrinfo = {
          ai_family,
          ai_socktype,
          ai_protocol,
          ai_addr: sockaddrFrom(bytesAt(ai_addr, ai_addrlen)),
        };
        const name = textAt(entry.ai_canonname);
        if (name !== undefined) found.ai_canonname = name;
        list.push(found);
        at = entry.ai_next;
      }
      return list;
    } finally {
      c.freeaddrinfo(pointerOf(head));
    }
  }
}

/**
 * Finds the addresses of a host and a service, `getaddrinfo(3)`. It blocks as long as a name server takes to answer.
 *
 * @param node A host name or an IP address; `null` for this host.
 * @param service A service's name or a port number; `null` leaves the port 0. One of the two has to be there.
 * @param hints What to look for. With `ai_socktype` 0, each address comes once per socket type.
 * @returns The addresses, best first; there is nothing to free.
 * @throws {LibcError} `EAI_NONAME`, `EAI_AGAIN`, `EAI_SERVICE` …; `errno` is the (negative) number of that. `EINVAL` a NUL inside a name.
 *
 * @example
 * ```ts
 * import { AF_INET, getaddrinfo, SOCK_STREAM } from "./mod.ts";
 *
 * const [found] = getaddrinfo("127.0.0.1", "80", { ai_family: AF_INET, ai_socktype: SOCK_STREAM });
 * console.log(`${found.ai_addr}`); // 127.0.0.1:80
 * ```
 */
export function getaddrinfo(node: string | null, service: string | null, hints?: addrinfo_hints): addrinfo[] {
  const query = new Query(node, service, hints);
  const status = c.getaddrinfo(query.node, query.service, query.hints, query.result);
  return query.finish(status, errno());
}

/**
 * The same on another thread, whose memory stays if the worker that asks is ended meanwhile; where the system itself fails, its `errno` stays there and the error is `EAI_SYSTEM`.
 *
 * @ignore
 */
export async function getaddrinfoElsewhere(
  node: string | null,
  service: string | null,
  hints: addrinfo_hints,
): Promise<addrinfo[]> {
  const query = new Query(node, service, hints);
  const { size } = query;
  const free = blocks.findIndex((block) => block.byteLength >= size);
  const block = free < 0 ? lasting(Math.max(size, BLOCK)) : blocks.splice(free, 1)[0];
  query.moveTo(block);
  try {
    return query.finish(await later(query.node, query.service, query.hints, query.result), 0);
  } finally {
    blocks.push(block);
  }
}

const BLOCK = 1024; // bytes: more than names mostly have
/** Memory of lookups on other threads that are over; new ones take it again. */
const blocks: ArrayBuffer[] = [];

const NI_MAXHOST = 1025;
const SERV = 128; // NI_MAXSERV is 32, but paths are longer
const LONGEST_ADDRESS = 2 + SERV;
const decoder = new TextDecoder();

function textIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The names that belong to an address. */
export interface nameinfo {
  /** The host's name, or its address as text if there is none. */
  host: string;
  /** The service's name, or the port number as text if there is none. */
  serv: string;
}

/**
 * Finds the names of a host and a service by an address, `getnameinfo(3)`: the inverse of {@linkcode getaddrinfo}. It blocks as long as a
 * name server takes to answer, but not with `NI_NUMERICHOST`.
 *
 * @param addr The address.
 * @param flags `NI_NUMERICHOST`, `NI_NUMERICSERV`, `NI_NAMEREQD`, `NI_NOFQDN`, `NI_DGRAM`; 0 unless given.
 * @returns The names; of a unix socket this host's name, and the path.
 * @throws {LibcError} `EAI_NONAME`, `EAI_AGAIN`, `EAI_FAMILY`, `EAI_BADFLAGS` …; `errno` is the (negative) number of that. `EFAULT` not an
 * address.
 *
 * @example
 * ```ts
 * import { getnameinfo, NI_NUMERICHOST, NI_NUMERICSERV, sockaddr } from "./mod.ts";
 *
 * const { host, serv } = getnameinfo(sockaddr.parse("[::1]:80"), NI_NUMERICHOST | NI_NUMERICSERV);
 * console.log(host, serv); // ::1 80
 * ```
 */
export function getnameinfo(addr: sockaddr, flags?: number): nameinfo {
  if (flags === undefined) flags = 0;
  flags = asInt(flags, "getnameinfo", "flags");
  const { bytes, length } = addressOf(addr, "getnameinfo");
  // glibc reads a path as far as the service has room, whatever the length says
  const copy = new Uint8Array(LONGEST_ADDRESS);
  const given = Math.min(length, byteLengthOf(bytes), copy.length);
  copy.set(plain(bytes, 0, given));
  const host = new Uint8Array(NI_MAXHOST);
  const serv = new Uint8Array(SERV);
  const status = c.getnameinfo(copy, given, host, host.length, serv, serv.length, flags);
  if (status !== 0) throw failure("getnameinfo", status, errno(), told(addr));
  return { host: textIn(host), serv: textIn(serv) };
}

/**
 * The message of an error of {@linkcode getaddrinfo}, `gai_strerror(3)`.
 *
 * @param errcode An `EAI_…` number.
 * @returns The message.
 *
 * @example
 * ```ts
 * import { EAI_NONAME, gai_strerror } from "./mod.ts";
 *
 * console.log(gai_strerror(EAI_NONAME)); // Name or service not known
 * ```
 */
export function gai_strerror(errcode: number): string {
  return text(c.gai_strerror(asInt(errcode, "gai_strerror", "errcode")));
}
