/**
 * `<sys/un.h>`: addresses of sockets within this host.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { shown } from "../../native/check.ts";
import { byteLengthOf } from "../../native/bytes.ts";
import { char, type Member } from "../../native/kinds.ts";
import { layout } from "../../native/layout.ts";
import { AF_UNIX, families, family, lengthOf, memoryOf, setLength, sockaddr, tracedFamily } from "./_sockaddr.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const AT = 2; // where sun_path begins
const ROOM = 108; // its bytes

/**
 * The address of a socket in the file system or in Linux's abstract namespace, `struct sockaddr_un` of `unix(7)`.
 * With an empty `sun_path`, `bind` has the kernel choose an abstract name.
 *
 * @example
 * ```ts
 * import { AF_UNIX, sockaddr_un } from "./mod.ts";
 *
 * const serv_addr = new sockaddr_un();
 * serv_addr.sun_family = AF_UNIX;
 * serv_addr.sun_path = "/tmp/socket";
 * console.log(`${serv_addr}`, serv_addr.length); // /tmp/socket 14
 * ```
 */
export class sockaddr_un extends sockaddr {
  /** Makes an address without a name. */
  constructor() {
    super(AF_UNIX);
    setLength(this, AT);
  }
  /** `AF_UNIX`. */
  declare sun_family: number;
  /** A path of up to 107 bytes; or a NUL and up to 107 bytes of an abstract name, in which NULs count. */
  declare sun_path: string;
}
layout(sockaddr_un, "bind", { sun_family: family, sun_path: char(ROOM) as unknown as Member<string> });

// unlike other members it says how long the address is
Object.defineProperty(sockaddr_un.prototype, "sun_path", {
  configurable: true,
  get: function (this: sockaddr_un) {
    return nameOf(this);
  },
  set: function (this: sockaddr_un, value: string) {
    if (typeof value !== "string" || value.indexOf("\0", 1) > 0 && value[0] !== "\0") {
      throw new LibcError(
        "bind",
        "EINVAL",
        `sun_path must be a string without NUL inside, got ${shown(value)}`,
      );
    }
    const name = encoder.encode(value);
    // a path keeps its NUL, an abstract name has none
    const nul = name.length === 0 || name[0] === 0 ? 0 : 1;
    if (name.length + nul > ROOM) {
      throw new LibcError("bind", "ENAMETOOLONG", `${name.length} bytes, sun_path has ${ROOM}: ${value}`);
    }
    const bytes = memoryOf(this);
    if (byteLengthOf(bytes) === 0) throw gone();
    bytes.fill(0, AT);
    bytes.set(name, AT);
    setLength(this, AT + name.length + nul);
  },
});

function gone(): LibcError {
  return new LibcError("bind", "EFAULT", "the memory of sun_path is gone");
}

/** The name: a path without its NUL, or a NUL and an abstract name. */
function nameOf(address: sockaddr): string {
  const bytes = memoryOf(address);
  if (byteLengthOf(bytes) === 0) throw gone();
  const name = bytes.subarray(AT, Math.max(lengthOf(address), AT));
  if (name[0] === 0) return decoder.decode(name);
  const nul = name.indexOf(0);
  return decoder.decode(nul < 0 ? name : name.subarray(0, nul));
}

function path(address: sockaddr): string {
  const name = nameOf(address);
  return name.startsWith("\0") ? "@" + name.slice(1) : name;
}

families.set(AF_UNIX, {
  class: sockaddr_un,
  fits: (length) => length <= AT + ROOM,
  path,
  text: path,
  fields: (address) => ({
    sun_family: tracedFamily(address),
    // an unnamed socket has an address that ends before it
    ...(lengthOf(address) > AT && { sun_path: path(address) }),
  }),
  parse(text) {
    const abstract = text.startsWith("@");
    if (!abstract && !text.includes("/")) return undefined;
    const address = new sockaddr_un();
    address.sun_path = abstract ? "\0" + text.slice(1) : text;
    return address;
  },
});
