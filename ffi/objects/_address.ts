/**
 * The addresses that a text stands for.
 *
 * @module
 */
import { type addrinfo, type addrinfo_hints, getaddrinfo, getaddrinfoElsewhere } from "../libc/netdb.ts";
import { isAddress } from "../libc/sys/_sockaddr.ts";
import { AF_UNSPEC, sockaddr } from "../libc/sys/socket.ts";
import { abortable } from "../abort.ts";

// paths, abstract names and IP addresses, which nobody has to be asked about
const LITERAL = /^@|\/|^\[|^[\d.]+:\d+$/;

function known(address: string | sockaddr, type: number): addrinfo[] | undefined {
  const found = typeof address === "string" && !LITERAL.test(address) && NAME.test(address)
    ? undefined
    : isAddress(address)
    ? address
    : sockaddr.parse(address);
  return found && [{ ai_family: found.family, ai_socktype: type, ai_protocol: 0, ai_addr: found }];
}

const NAME = /^([^:]+):([^:]+)$/;

function question(address: string, type: number, family: number): [string, string, addrinfo_hints] {
  const [, host, service] = NAME.exec(address)!;
  return [host, service, { ai_family: family, ai_socktype: type }];
}

/** An address, or all that `host:port` stands for. */
export function lookup(address: string | sockaddr, type: number, family: number = AF_UNSPEC): addrinfo[] {
  return known(address, type) ?? getaddrinfo(...question(address as string, type, family));
}

/** The same; names are looked up on another thread. */
export function lookupAsync(
  address: string | sockaddr,
  type: number,
  family: number = AF_UNSPEC,
  signal?: AbortSignal,
): Promise<addrinfo[]> {
  return abortable(signal, (resolve, reject) => {
    const list = known(address, type);
    if (list) resolve(list);
    // who gave up doesn't hear how it ends
    else getaddrinfoElsewhere(...question(address as string, type, family)).then(resolve, reject);
    return reject;
  }, "getaddrinfo");
}
