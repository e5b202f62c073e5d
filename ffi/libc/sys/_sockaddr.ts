/**
 * Socket addresses of any family. The families are in the files of their headers, and tell of themselves here.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { shown } from "../../native/check.ts";
import { byteLengthOf } from "../../native/bytes.ts";
import {
  as,
  type Call,
  char,
  filled,
  type Kind,
  type Member,
  memory,
  named,
  oneOf,
  pointer,
  traced,
  u16,
  u64,
} from "../../native/kinds.ts";
import { bytesOfNew, layout, ownBytes, Struct } from "../../native/layout.ts";
import type { TracedArgument } from "../../trace/event.ts";

/** No address family; as a hint, any. */
export const AF_UNSPEC = 0;
/** Sockets within this host, `unix(7)`. */
export const AF_UNIX = 1;
/** Another name of `AF_UNIX`. */
export const AF_LOCAL = 1;
/** IPv4, `ip(7)`. */
export const AF_INET = 2;
/** IPv6, `ipv6(7)`. */
export const AF_INET6 = 10;

/** The families by their names. */
export const FAMILIES = { AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6 };

/** An address family, as an argument of two or four bytes. */
export const family: Member<number> = as(u16, oneOf(FAMILIES));

/** What a trace tells of an address's family. */
export function tracedFamily(address: sockaddr): TracedArgument {
  return named(address.family, FAMILIES, { mask: -1, radix: 16 });
}

/** What a family's file tells of it. */
export interface Family {
  /** Its class. */
  class: new () => sockaddr;
  /** Tells whether so many bytes are an address of this family. */
  fits(length: number): boolean;
  /** The text of an address's host. */
  hostname?(address: sockaddr): string;
  /** The text of an address's path. */
  path?(address: sockaddr): string;
  /** The text of a whole address. */
  text(address: sockaddr): string;
  /** What a trace tells of an address. */
  fields(address: sockaddr): Record<string, TracedArgument>;
  /** Makes an address of a text, if it is one of this family. */
  parse(text: string): sockaddr | undefined;
}

/** The families, in the order in which a text is tried. */
export const families: Map<number, Family> = new Map();

const nothing = new Uint8Array(0);

/** An address's bytes; none where somebody has made an object that only looks like one. */
export function memoryOf(address: sockaddr): Uint8Array<ArrayBuffer> {
  return ownBytes(address) ?? nothing;
}

/** Sets how many of an address's bytes count. */
export let setLength: (address: sockaddr, length: number) => void;
/** Tells whether a value was made as an address: its prototype is not enough. */
export let isAddress: (value: unknown) => value is sockaddr;

/**
 * A socket address of any kind, `struct sockaddr`; {@linkcode sockaddr_in}, {@linkcode sockaddr_in6} and
 * {@linkcode sockaddr_un} are what one makes.
 *
 * As text an address is `161.25.19.8:1625`, `[::1]:1625`, a path, or `@name` for a name in Linux's abstract
 * namespace; `String(address)` and {@linkcode sockaddr.parse} agree on that.
 */
export abstract class sockaddr extends Struct {
  #length: number;

  static {
    setLength = (address, length) => address.#length = length;
    isAddress = (value): value is sockaddr => typeof value === "object" && value !== null && #length in value;
  }

  /**
   * For the classes of each family.
   *
   * @param family `AF_INET`, `AF_INET6` or `AF_UNIX`.
   */
  constructor(family: number) {
    super();
    const bytes = bytesOfNew(this, "bind");
    if (typeof family !== "number" || (family & 0xff) !== family) {
      throw new LibcError("bind", "EINVAL", `family must be an address family, got ${shown(family)}`);
    }
    this.#length = bytes.length;
    bytes[0] = family;
  }

  /**
   * Makes an address from its text.
   *
   * @param text `"161.25.19.8:1625"`, `"[::1]:1625"` (link-local ones as `"[fe80::1%eth0]:1625"`), a path with a
   * slash in it, or `"@name"`. Host names are for `getaddrinfo`.
   * @returns A {@linkcode sockaddr_in}, {@linkcode sockaddr_in6} or {@linkcode sockaddr_un}.
   * @throws {LibcError} `EINVAL` not an address; `ENAMETOOLONG` a path of more than 107 bytes; `ENODEV` no such interface.
   *
   * @example
   * ```ts
   * import { sockaddr } from "./mod.ts";
   *
   * const address = sockaddr.parse("161.25.19.8:1625");
   * console.log(address.hostname, address.port); // 161.25.19.8 1625
   * console.log(`${sockaddr.parse("[0:0::1]:80")}`); // [::1]:80
   * ```
   */
  static parse(text: string): sockaddr {
    if (typeof text === "string") {
      for (const { parse } of families.values()) {
        const address = parse(text);
        if (address) return address;
      }
    }
    const what = `${shown(text)} is not an address: 161.25.19.8:1625, [::1]:1625 (ports to 65535), /path or @name`;
    throw new LibcError("inet_pton", "EINVAL", what);
  }

  /** How many of the bytes are the address: what C passes as `addrlen`. */
  get length(): number {
    return this.#length;
  }
  /** The address family: `AF_INET`, `AF_INET6`, `AF_UNIX`, or `AF_UNSPEC` as long as there is no address. */
  get family(): number {
    const bytes = memoryOf(this);
    return bytes[0] | bytes[1] << 8; // 0 if the buffer is gone, too
  }
  /** What its family says of it, if it is there as a whole: the kernel cuts those that have no room. */
  #ask(what: "hostname" | "path" | "text"): string | undefined {
    const known = families.get(this.family);
    if (!known?.fits(lengthOf(this))) return undefined;
    // room for any family, or an address whose family was changed
    const fits: boolean = this instanceof known.class;
    const address = fits ? this : sockaddrFrom(memoryOf(this).subarray(0, lengthOf(this)));
    return known[what]?.(address);
  }
  /** The IP address as text, with `%interface` if it has one; undefined for other families. */
  get hostname(): string | undefined {
    return this.#ask("hostname");
  }
  /** The port as a number, in the host's byte order; undefined for families without. */
  get port(): number | undefined {
    if (this.hostname === undefined) return undefined;
    const bytes = memoryOf(this);
    return bytes[2] << 8 | bytes[3];
  }
  /** The socket's path, or `@name` for an abstract one, or `""` for a socket without a name; undefined for other families. */
  get path(): string | undefined {
    return this.#ask("path");
  }

  /** The address as text: `161.25.19.8:1625`, `[::1]:1625`, a path, `@name`, or `""` if there is none. */
  override toString(): string {
    if (this.family === AF_UNSPEC) return "";
    if (!families.has(this.family)) return `address family ${this.family}`;
    return this.#ask("text") ?? "";
  }

  /** Shows the text when an address is logged. */
  [Symbol.for("Deno.customInspect")](): string {
    return isAddress(this) ? `${this.constructor?.name} ${told(this)}` : "what only looks like a sockaddr";
  }
}

/** Room for an address of any family, `struct sockaddr_storage`: for `accept` and its like, when the family is not known. */
export class sockaddr_storage extends sockaddr {
  /** Makes an empty one. */
  constructor() {
    super(AF_UNSPEC);
    setLength(this, 0);
  }
  /** The family of the address that is in here. */
  declare readonly ss_family: number;
}
layout(sockaddr_storage, "bind", { ss_family: family, __ss_padding: char(118), __ss_align: u64 }, []);

/** Checks that an argument is an address that can be handed to the kernel: its `length` bytes are there. */
export function addressOf(
  address: sockaddr,
  syscall: string,
): { bytes: Uint8Array<ArrayBuffer>; length: number; room: number } {
  if (isAddress(address)) {
    const bytes = ownBytes(address)!;
    // each is asked once: a getter could answer something else the next time
    const room = byteLengthOf(bytes);
    const length = lengthOf(address, syscall);
    // -0 is equal to 0, but no integer to V8
    if (length <= room && (length >>> 0) === length) return { bytes, length: length >>> 0, room };
    throw new LibcError(syscall, "EFAULT", "addr has not the bytes that it says it has");
  }
  throw new LibcError(syscall, "EFAULT", `addr must be a sockaddr, got ${shown(address)}`);
}

/** What an address says of its length, if it does: a class of a program's own may have a getter for it. */
export function lengthOf(address: sockaddr, syscall = "bind"): number {
  try {
    const { length } = address;
    if (typeof length === "number") return length;
  } catch { /* it cannot be asked */ }
  throw new LibcError(syscall, "EFAULT", "addr does not say how long it is");
}

/** An address as an error tells of it, whatever has become of its class. */
export function told(address: sockaddr): string {
  try {
    return `${address}`;
  } catch {
    return "an address without text";
  }
}

/** Notes what the kernel has written into an address: `socklen` bytes, or as many as it has room for. */
export function received(address: sockaddr, socklen: number): void {
  const bytes = ownBytes(address)!;
  const length = Math.min(socklen, byteLengthOf(bytes));
  if (length < byteLengthOf(bytes)) bytes.fill(0, length);
  setLength(address, length);
}

/** An address of the class that its family has, from the bytes of one. */
export function sockaddrFrom(bytes: Uint8Array): sockaddr {
  const known = families.get(bytes.length >= 2 ? bytes[0] | bytes[1] << 8 : AF_UNSPEC);
  const address = known?.fits(bytes.length) ? new known.class() : new sockaddr_storage();
  const into = memoryOf(address);
  const length = Math.min(bytes.length, into.length);
  into.set(bytes.subarray(0, length));
  setLength(address, length);
  return address;
}

/** An address as an argument. */
function addressKind(length: (call: Call) => number): Kind<"buffer"> {
  return memory((data, call) => {
    const bytes = data.subarray(0, Math.min(length(call), data.length));
    return bytes.length < 2 ? pointer(data) : sockaddrFields(bytes);
  });
}

/** What a trace tells of an address's bytes. */
export function sockaddrFields(bytes: Uint8Array): TracedArgument {
  const address = sockaddrFrom(bytes);
  const known = address instanceof sockaddr_storage ? undefined : families.get(address.family);
  const fields = known?.fields(address) ??
    { ss_family: tracedFamily(address), sa_data: traced(bytes.subarray(2, 16)) };
  return { struct: address.constructor.name, fields };
}

/** An address that goes in. */
export const addressIn: Kind<"buffer"> = addressKind((call) => Number(call.argument("addrlen")));

/** An address that comes out, and the length that `addrlen` then has. */
export const addressOut: Kind<"buffer"> = filled(
  addressKind((call) => (call.argument("addrlen") as Uint32Array)[0]),
  (call) => call.argument("addrlen") !== null,
);

/** The room for an address, and then its length. */
export const socklen: Kind<"buffer"> = {
  ffi: "buffer",
  decode(value, call, name) {
    if (!(value instanceof Uint32Array)) return pointer(value);
    const given = call.before(name);
    if (!call.done || !Array.isArray(given) || given[0] === value[0]) return [value[0]];
    return { struct: "socklen_t", fields: { given: given[0], filled: value[0] } };
  },
};
