/**
 * `<netinet/in.h>` and `<netinet/tcp.h>`: IP addresses, byte order, and the options of IP and TCP.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { uint } from "../../native/check.ts";

export { in6_addr, in_addr, sockaddr_in, sockaddr_in6 } from "../../native/sockaddr.ts";

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

function swap16(value: number, syscall: string): number {
  if (typeof value === "number" && (value & 0xffff) === value) return value >> 8 | (value & 0xff) << 8;
  throw new LibcError(syscall, "EINVAL", `must be an integer of 0 to 65535, got ${Deno.inspect(value)}`);
}

function swap32(value: number, syscall: string): number {
  uint(value, syscall, "value");
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
 * import { htons } from "@ipc/playground";
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
 * import { htons, ntohs } from "@ipc/playground";
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
 * import { htonl, INADDR_LOOPBACK } from "@ipc/playground";
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
 * import { htonl, INADDR_LOOPBACK, ntohl } from "@ipc/playground";
 *
 * console.log(ntohl(htonl(INADDR_LOOPBACK)) === INADDR_LOOPBACK); // true
 * ```
 */
export function ntohl(netlong: number): number {
  return swap32(netlong, "ntohl");
}
