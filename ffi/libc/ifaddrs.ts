/**
 * `<ifaddrs.h>`: the addresses of network interfaces.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { call, header } from "../native/header.ts";
import { address, i32, nothing, opaque, u32, u64 } from "../native/kinds.ts";
import { layout, layoutOf, ownBytes, Struct } from "../native/layout.ts";
import { errno } from "../native/libc.ts";
import { bytesAt, pointerOf, textAt } from "../native/pointed.ts";
import { IFF_BROADCAST, IFF_POINTOPOINT } from "./net/if.ts";
import { AF_INET, AF_INET6, type sockaddr, sockaddrFrom } from "./sys/_sockaddr.ts";
import "./sys/socket.ts"; // the families that there are

/** One address of a network interface, `struct ifaddrs`. */
export interface ifaddrs {
  /** The interface's name. */
  ifa_name: string;
  /** What it is: `IFF_UP`, `IFF_LOOPBACK` … */
  ifa_flags: number;
  /** The address: a `sockaddr_in`, a `sockaddr_in6`, or that of the hardware (`AF_PACKET`, 17); `null` if it has none. */
  ifa_addr: sockaddr | null;
  /** The mask of its network; `null` if it has none. */
  ifa_netmask: sockaddr | null;
  /** With `IFF_BROADCAST`: the broadcast address. */
  ifa_broadaddr?: sockaddr;
  /** With `IFF_POINTOPOINT`: the address at the other end. */
  ifa_dstaddr?: sockaddr;
}

/** One entry of the list. */
class Ifaddrs extends Struct {
  declare readonly ifa_next: bigint;
  declare readonly ifa_name: bigint;
  declare readonly ifa_flags: number;
  declare readonly ifa_addr: bigint;
  declare readonly ifa_netmask: bigint;
  declare readonly ifa_ifu: bigint;
  declare readonly ifa_data: bigint;
}
layout(Ifaddrs, "getifaddrs", {
  ifa_next: u64,
  ifa_name: u64,
  ifa_flags: u32,
  ifa_addr: u64,
  ifa_netmask: u64,
  ifa_ifu: u64,
  ifa_data: u64,
}, []);
const ENTRY = layoutOf(Ifaddrs).size;

const c = header({
  getifaddrs: call(i32, [["ifap", opaque]]),
  freeifaddrs: call(nothing, [["ifa", address]], { quiet: true }),
});

const AF_PACKET = 17;
/** How long the addresses of each family are: nothing else says it. */
const LENGTHS: ReadonlyMap<number, number> = new Map([[AF_INET, 16], [AF_INET6, 28], [AF_PACKET, 20]]);

function addressAt(pointer: bigint): sockaddr | null {
  if (pointer === 0n) return null;
  const [low, high] = bytesAt(pointer, 2);
  const length = LENGTHS.get(low | high << 8);
  return length === undefined ? null : sockaddrFrom(bytesAt(pointer, length));
}

/**
 * Lists the network interfaces of this host, each as often as it has addresses, `getifaddrs(3)`.
 *
 * @returns The addresses; there is nothing to free.
 * @throws {LibcError} `EMFILE` too many descriptors; `ENOMEM`, `ENOBUFS` …
 *
 * @example
 * ```ts
 * import { getifaddrs, IFF_LOOPBACK } from "./mod.ts";
 *
 * for (const { ifa_name, ifa_flags, ifa_addr } of getifaddrs()) {
 *   if (ifa_addr?.hostname && !(ifa_flags & IFF_LOOPBACK)) console.log(ifa_name, ifa_addr.hostname); // eth0 161.25.19.8
 * }
 * ```
 */
export function getifaddrs(): ifaddrs[] {
  const ifap = new BigUint64Array(1);
  if (c.getifaddrs(ifap) < 0) throw new LibcError("getifaddrs", errno());
  const head = ifap[0];
  try {
    const list: ifaddrs[] = [];
    for (let at = head; at !== 0n;) {
      const entry = new Ifaddrs();
      ownBytes(entry)!.set(bytesAt(at, ENTRY));
      const { ifa_name, ifa_flags, ifa_addr, ifa_netmask, ifa_ifu } = entry;
      const found: ifaddrs = {
        ifa_name: textAt(ifa_name) ?? "",
        ifa_flags,
        ifa_addr: addressAt(ifa_addr),
        ifa_netmask: addressAt(ifa_netmask),
      };
      const other = addressAt(ifa_ifu);
      if (other !== null && ifa_flags & IFF_BROADCAST) found.ifa_broadaddr = other;
      else if (other !== null && ifa_flags & IFF_POINTOPOINT) found.ifa_dstaddr = other;
      list.push(found);
      at = entry.ifa_next;
    }
    return list;
  } finally {
    c.freeifaddrs(pointerOf(head));
  }
}
