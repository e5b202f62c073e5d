/**
 * What kind of namespace a descriptor is of.
 *
 * @module
 */
import { onFirstCall, open } from "./libc.ts";

const NS_GET_NSTYPE = 0xb703n;

/** The `CLONE_NEW…` of a namespace's descriptor; -1 for another one. */
export function namespaceType(fd: number): number {
  onFirstCall("ioctl");
  return open("ioctl", { parameters: ["i32", "u64", "u64"], result: "i32" })(fd, NS_GET_NSTYPE, 0n);
}
