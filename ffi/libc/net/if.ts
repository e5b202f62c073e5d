/**
 * `<net/if.h>`: network interfaces.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asUint } from "../../native/check.ts";
import { call, header } from "../../native/header.ts";
import { address, filled, string, u32 } from "../../native/kinds.ts";
import { cstring, errno } from "../../native/libc.ts";

/** The interface is up. */
export const IFF_UP = 0x1;
/** It has a broadcast address. */
export const IFF_BROADCAST = 0x2;
/** Debugging is on. */
export const IFF_DEBUG = 0x4;
/** It leads to this host itself. */
export const IFF_LOOPBACK = 0x8;
/** It leads to one other host. */
export const IFF_POINTOPOINT = 0x10;
/** No trailers are used. */
export const IFF_NOTRAILERS = 0x20;
/** Its resources are allocated: a cable is in. */
export const IFF_RUNNING = 0x40;
/** It has no ARP. */
export const IFF_NOARP = 0x80;
/** It receives all packets. */
export const IFF_PROMISC = 0x100;
/** It receives all multicast packets. */
export const IFF_ALLMULTI = 0x200;
/** It is the master of a bundle. */
export const IFF_MASTER = 0x400;
/** It is a slave of a bundle. */
export const IFF_SLAVE = 0x800;
/** It can multicast. */
export const IFF_MULTICAST = 0x1000;
/** Its medium can be chosen. */
export const IFF_PORTSEL = 0x2000;
/** Its medium is chosen automatically. */
export const IFF_AUTOMEDIA = 0x4000;
/** Its addresses are lost when it goes down. */
export const IFF_DYNAMIC = 0x8000;

const IF_NAMESIZE = 16;

const none = (result: number) => result === 0;
const c = header({
  if_nametoindex: call(u32, [["ifname", string]], { failed: none }),
  if_indextoname: call(address, [["ifindex", u32], ["ifname", filled(string)]], { failed: none }),
});

const decoder = new TextDecoder();

/**
 * The number of a network interface, `if_nametoindex(3)`.
 *
 * @param ifname Its name, such as `"lo"`.
 * @returns The number, from 1.
 * @throws {LibcError} `ENODEV` there is none of this name; `EINVAL` not a string; `ENOENT` no descriptors are left to ask by.
 *
 * @example
 * ```ts
 * import { if_indextoname, if_nametoindex } from "./mod.ts";
 *
 * console.log(if_indextoname(if_nametoindex("lo"))); // lo
 * ```
 */
export function if_nametoindex(ifname: string): number {
  const index = c.if_nametoindex(cstring(ifname, "if_nametoindex", "ifname"));
  if (index === 0) throw new LibcError("if_nametoindex", errno(), `interface ${ifname}`);
  return index;
}

/**
 * The name of a network interface, `if_indextoname(3)`.
 *
 * @param ifindex Its number.
 * @returns The name.
 * @throws {LibcError} `ENXIO` there is none of this number; `EINVAL` not a number; `ENOENT` no descriptors are left to
 * ask by.
 *
 * @example See {@linkcode if_nametoindex}.
 */
export function if_indextoname(ifindex: number): string {
  const ifname = new Uint8Array(IF_NAMESIZE);
  if (c.if_indextoname(asUint(ifindex, "if_indextoname", "ifindex"), ifname) === null) {
    throw new LibcError("if_indextoname", errno(), `interface ${ifindex}`);
  }
  return decoder.decode(ifname.subarray(0, ifname.indexOf(0)));
}
