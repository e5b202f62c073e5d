/**
 * `<netinet/in.h>` and `<netinet/tcp.h>`: IP addresses, byte order, and the options of IP and TCP.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asUint, shown } from "../../native/check.ts";
import { char, u16, u32 } from "../../native/kinds.ts";
import { layout, layoutOf, nested, Struct } from "../../native/layout.ts";
import { cstring, errno, text } from "../../native/libc.ts";
import { own } from "../../native/own.ts";
import { AF_INET, AF_INET6, families, family, memoryOf, sockaddr, tracedFamily } from "../sys/_sockaddr.ts";

/** All of this host's addresses, `0.0.0.0`. */
export const INADDR_ANY = 0;
/** This host itself, `127.0.0.1`, in host byte order. */
export const INADDR_LOOPBACK = 0x7f000001;
/** Every host of the network, `255.255.255.255`. */
export const INADDR_BROADCAST = 0xffffffff;

/** IP itself, for `setsockopt`. */
export const IPPROTO_IP = 0;
/** Control messages, such as ping's. */
export const IPPROTO_ICMP = 1;
/** TCP. */
export const IPPROTO_TCP = 6;
/** UDP. */
export const IPPROTO_UDP = 17;
/** IPv6 itself, for `setsockopt`. */
export const IPPROTO_IPV6 = 41;

/** Level `IPPROTO_IP`: type of service. */
export const IP_TOS = 1;
/** Level `IPPROTO_IP`: how many hops a packet may go. */
export const IP_TTL = 2;
/** Level `IPPROTO_IPV6`: how many hops a packet may go. */
export const IPV6_UNICAST_HOPS = 16;
/** Level `IPPROTO_IPV6`: a socket bound to `[::]` does not take IPv4 as well. */
export const IPV6_V6ONLY = 26;

/** Level `IPPROTO_TCP`: send small writes at once. */
export const TCP_NODELAY = 1;
/** Level `IPPROTO_TCP`: keep partial packets back until it is unset. */
export const TCP_CORK = 3;
/** Level `IPPROTO_TCP`: seconds of silence before the first keep-alive probe. */
export const TCP_KEEPIDLE = 4;
/** Level `IPPROTO_TCP`: seconds between probes. */
export const TCP_KEEPINTVL = 5;
/** Level `IPPROTO_TCP`: unanswered probes until the connection is dropped. */
export const TCP_KEEPCNT = 6;
/** Level `IPPROTO_TCP`: milliseconds that sent data may stay unacknowledged. */
export const TCP_USER_TIMEOUT = 18;

/** The IPv4 address in a {@linkcode sockaddr_in}, `struct in_addr`. */
export class in_addr extends Struct {
  /** The address in network byte order, as `htonl(INADDR_LOOPBACK)` has it. */
  declare s_addr: number;
}
layout(in_addr, "bind", { s_addr: u32 });

/**
 * IPv4 address and port, `struct sockaddr_in` of `ip(7)`. Its numbers are in network byte order, as in C.
 *
 * @example
 * ```ts
 * import { AF_INET, htonl, htons, INADDR_LOOPBACK, sockaddr_in } from "./mod.ts";
 *
 * const serv_addr = new sockaddr_in();
 * serv_addr.sin_family = AF_INET;
 * serv_addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
 * serv_addr.sin_port = htons(1625);
 * console.log(`${serv_addr}`); // 127.0.0.1:1625
 * ```
 */
export class sockaddr_in extends sockaddr {
  /** The IP address. */
  declare readonly sin_addr: in_addr;

  /** Makes `0.0.0.0:0`. */
  constructor() {
    super(AF_INET);
  }
  /** Always 16. */
  override get length(): number {
    return IN.size;
  }
  /** `AF_INET`. */
  declare sin_family: number;
  /** The port in network byte order, as `htons(80)` has it. */
  declare sin_port: number;
}

layout(sockaddr_in, "bind", { sin_family: family, sin_port: u16, sin_addr: nested(in_addr), sin_zero: char(8) }, [
  "sin_family",
  "sin_port",
]);

/** The IPv6 address in a {@linkcode sockaddr_in6}, `struct in6_addr`. */
export class in6_addr extends Struct {
  /** The address's 16 bytes. */
  declare readonly s6_addr: Uint8Array<ArrayBuffer>;
}
layout(in6_addr, "bind", { s6_addr: char(16) });

/**
 * IPv6 address and port, `struct sockaddr_in6` of `ipv6(7)`. A new one is `[::]:0`.
 *
 * @example
 * ```ts
 * import { htons, sockaddr_in6 } from "./mod.ts";
 *
 * const serv_addr = new sockaddr_in6();
 * serv_addr.sin6_addr.s6_addr[15] = 1;
 * serv_addr.sin6_port = htons(1625);
 * console.log(`${serv_addr}`); // [::1]:1625
 * ```
 */
export class sockaddr_in6 extends sockaddr {
  /** The IP address. */
  declare readonly sin6_addr: in6_addr;

  /** Makes `[::]:0`. */
  constructor() {
    super(AF_INET6);
  }
  /** Always 28. */
  override get length(): number {
    return IN6.size;
  }
  /** `AF_INET6`. */
  declare sin6_family: number;
  /** The port in network byte order, as `htons(80)` has it. */
  declare sin6_port: number;
  /** Traffic class and flow label, in network byte order. */
  declare sin6_flowinfo: number;
  /** For link-local addresses, the interface's index. */
  declare sin6_scope_id: number;
}

layout(sockaddr_in6, "bind", {
  sin6_family: family,
  sin6_port: u16,
  sin6_flowinfo: u32,
  sin6_addr: { ...nested(in6_addr), align: 4 },
  sin6_scope_id: u32,
}, ["sin6_family", "sin6_port", "sin6_flowinfo", "sin6_scope_id"]);

const IN = layoutOf(sockaddr_in);
const IN6 = layoutOf(sockaddr_in6);
const IN_ADDR = IN.members.sin_addr.at;
const IN6_ADDR = IN6.members.sin6_addr.at;

const interfaceName = new Uint8Array(16);
const inet6Buffer = new Uint8Array(46);

function inet6Host(address: sockaddr_in6): string {
  // a copy, as libc reads 16 bytes, whatever length a redefined property has
  const src = new Uint8Array(16);
  src.set(memoryOf(address).subarray(IN6_ADDR, IN6_ADDR + src.length));
  return text(own.inet_ntop(AF_INET6, src, inet6Buffer, inet6Buffer.length));
}

/** `inet_pton(3)` into an address. */
function putHost(address: sockaddr, family: number, host: string, at: number, length: number): boolean {
  const dst = new Uint8Array(length);
  if (own.inet_pton(family, cstring(host, "inet_pton", "src"), dst) !== 1) return false;
  memoryOf(address).set(dst, at);
  return true;
}

function inet6Text(address: sockaddr_in6): string {
  const host = inet6Host(address);
  const scope = address.sin6_scope_id;
  if (scope === 0) return host;
  const known = own.if_indextoname(scope, interfaceName);
  return `${host}%${known === null ? scope : text(known)}`;
}

function inetText(address: sockaddr_in): string {
  return memoryOf(address).subarray(IN_ADDR, IN_ADDR + 4).join(".");
}

function parsePort(digits: string): number | undefined {
  const port = Number(digits);
  return port <= 0xffff ? port : undefined;
}

families.set(AF_INET, {
  class: sockaddr_in,
  fits: (length) => length >= IN.size,
  hostname: (address) => inetText(address as sockaddr_in),
  text: (address) => `${address.hostname}:${address.port}`,
  fields: (address) => ({
    sin_family: tracedFamily(address),
    sin_port: address.port!,
    sin_addr: address.hostname!,
  }),
  parse(text) {
    const [, host, digits] = /^([\d.]+):(\d{1,5})$/.exec(text) ?? [];
    if (host === undefined) return undefined;
    const port = parsePort(digits);
    const address = new sockaddr_in();
    if (port === undefined || !putHost(address, AF_INET, host, IN_ADDR, 4)) return undefined;
    address.sin_port = htons(port);
    return address;
  },
});

families.set(AF_INET6, {
  class: sockaddr_in6,
  fits: (length) => length >= IN6.size,
  hostname: (address) => inet6Text(address as sockaddr_in6),
  text: (address) => `[${address.hostname}]:${address.port}`,
  fields: (address) => ({
    sin6_family: tracedFamily(address),
    sin6_port: address.port!,
    sin6_flowinfo: ntohl((address as sockaddr_in6).sin6_flowinfo),
    sin6_addr: inet6Host(address as sockaddr_in6),
    sin6_scope_id: (address as sockaddr_in6).sin6_scope_id,
  }),
  parse(text) {
    const [, host, scope, digits] = /^\[([\da-fA-F:.]+)(?:%([^\]]+))?\]:(\d{1,5})$/.exec(text) ?? [];
    if (host === undefined) return undefined;
    const port = parsePort(digits);
    const address = new sockaddr_in6();
    if (port === undefined || !putHost(address, AF_INET6, host, IN6_ADDR, 16)) return undefined;
    address.sin6_port = htons(port);
    if (scope !== undefined) {
      const index = own.if_nametoindex(cstring(scope, "if_nametoindex", "ifname"));
      if (index === 0 && !/^\d{1,9}$/.test(scope)) throw new LibcError("if_nametoindex", errno(), scope);
      address.sin6_scope_id = index || Number(scope);
    }
    return address;
  },
});

function swap16(value: number, syscall: string): number {
  if (typeof value === "number" && (value & 0xffff) === value) return value >> 8 | (value & 0xff) << 8;
  throw new LibcError(syscall, "EINVAL", `must be an integer of 0 to 65535, got ${shown(value)}`);
}

function swap32(value: number, syscall: string): number {
  asUint(value, syscall, "value");
  return (value >>> 24 | value >>> 8 & 0xff00 | (value & 0xff00) << 8 | value << 24) >>> 0;
}

/**
 * A port number in network byte order, `htons(3)`.
 *
 * @param hostshort A number of 0 to 65535.
 * @returns The number whose bytes lie in memory in network order.
 * @throws {LibcError} `EINVAL` not such a number; C would cut it down in silence.
 *
 * @example
 * ```ts
 * import { htons } from "./mod.ts";
 *
 * console.log(htons(80) === 0x5000); // true
 * ```
 */
export function htons(hostshort: number): number {
  return swap16(hostshort, "htons");
}

/**
 * A port number back in host byte order, `ntohs(3)`.
 *
 * @param netshort A number in network byte order, such as `sin_port`.
 * @returns The number.
 * @throws {LibcError} `EINVAL` not a number of 0 to 65535.
 *
 * @example
 * ```ts
 * import { htons, ntohs } from "./mod.ts";
 *
 * console.log(ntohs(htons(80))); // 80
 * ```
 */
export function ntohs(netshort: number): number {
  return swap16(netshort, "ntohs");
}

/**
 * An IPv4 address in network byte order, `htonl(3)`.
 *
 * @param hostlong A number of 0 to 2^32 - 1.
 * @returns The number whose bytes lie in memory in network order.
 * @throws {LibcError} `EINVAL` not such a number.
 *
 * @example
 * ```ts
 * import { htonl, INADDR_LOOPBACK } from "./mod.ts";
 *
 * console.log(htonl(INADDR_LOOPBACK) === 0x0100007f); // true
 * ```
 */
export function htonl(hostlong: number): number {
  return swap32(hostlong, "htonl");
}

/**
 * An IPv4 address back in host byte order, `ntohl(3)`.
 *
 * @param netlong A number in network byte order, such as `s_addr`.
 * @returns The number.
 * @throws {LibcError} `EINVAL` not a number of 0 to 2^32 - 1.
 *
 * @example
 * ```ts
 * import { htonl, INADDR_LOOPBACK, ntohl } from "./mod.ts";
 *
 * console.log(ntohl(htonl(INADDR_LOOPBACK)) === INADDR_LOOPBACK); // true
 * ```
 */
export function ntohl(netlong: number): number {
  return swap32(netlong, "ntohl");
}
