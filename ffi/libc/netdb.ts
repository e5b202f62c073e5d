/**
 * `<netdb.h>`: host and service names.
 *
 * @module
 */
import { int } from "../native/check.ts";
import { libc, text } from "../native/libc.ts";
import { type addrinfo, type addrinfo_hints, resolve } from "../native/resolve.ts";

export type { addrinfo, addrinfo_hints } from "../native/resolve.ts";

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
 * import { AF_INET, getaddrinfo, SOCK_STREAM } from "@ipc/playground";
 *
 * const [found] = getaddrinfo("127.0.0.1", "80", { ai_family: AF_INET, ai_socktype: SOCK_STREAM });
 * console.log(`${found.ai_addr}`); // 127.0.0.1:80
 * ```
 */
export function getaddrinfo(node: string | null, service: string | null, hints: addrinfo_hints = {}): addrinfo[] {
  return resolve(node, service, hints);
}

/**
 * The message of an error of {@linkcode getaddrinfo}, `gai_strerror(3)`.
 *
 * @param errcode An `EAI_…` number.
 * @returns The message.
 *
 * @example
 * ```ts
 * import { EAI_NONAME, gai_strerror } from "@ipc/playground";
 *
 * console.log(gai_strerror(EAI_NONAME)); // Name or service not known
 * ```
 */
export function gai_strerror(errcode: number): string {
  return text(libc.gai_strerror(int(errcode, "gai_strerror", "errcode")));
}
