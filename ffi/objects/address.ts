/**
 * The addresses that a text stands for.
 *
 * @module
 */
import { AF_UNSPEC, sockaddr } from "../libc/sys/socket.ts";
import { type addrinfo, type addrinfo_hints, resolve, resolveAsync } from "../native/resolve.ts";

// paths, abstract names and IP addresses, which nobody has to be asked about
const LITERAL = /^@|\/|^\[|^[\d.]+:\d+$/;

function known(address: string | sockaddr, type: number): addrinfo[] | undefined {
  const found = typeof address === "string" && !LITERAL.test(address) && NAME.test(address)
    ? undefined
    : address instanceof sockaddr
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
  return known(address, type) ?? resolve(...question(address as string, type, family));
}

/** The same; names are looked up on another thread. */
export async function lookupAsync(
  address: string | sockaddr,
  type: number,
  family: number = AF_UNSPEC,
  signal?: AbortSignal,
): Promise<addrinfo[]> {
  signal?.throwIfAborted();
  const list = known(address, type);
  if (list) return list;
  const answer = resolveAsync(...question(address as string, type, family));
  if (!signal) return await answer;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    // who gave up doesn't want to hear how it ends
    answer.catch(() => {});
  }
}
