/**
 * Socket addresses: the C structures, and their text.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { byteLengthOf, isBytes } from "./bytes.ts";
import { cstring, errno, libc, text } from "./libc.ts";
import { layouts, Struct } from "./structs.ts";

const { sockaddr_in: IN, sockaddr_in6: IN6, sockaddr_un: UN, sockaddr_storage: SS, timeval: TV, linger: L } = layouts;

const AF_UNSPEC = 0;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function field(value: number, bits: 16 | 32, name: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** bits) return value;
  throw new LibcError(
    "sockaddr",
    "EINVAL",
    `${name} must be an unsigned ${bits}-bit integer, got ${Deno.inspect(value)}`,
  );
}

let setLength: (address: sockaddr, length: number) => void;

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
  }

  /**
   * For the classes of each family.
   *
   * @param size How many bytes there are room for.
   * @param family `AF_INET`, `AF_INET6` or `AF_UNIX`.
   */
  constructor(size: number, family: number) {
    super(size);
    this.#length = size;
    this.view.setUint16(0, family, true);
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
   * import { sockaddr } from "@ipc/playground";
   *
   * const address = sockaddr.parse("161.25.19.8:1625");
   * console.log(address.hostname, address.port); // 161.25.19.8 1625
   * console.log(`${sockaddr.parse("[0:0::1]:80")}`); // [::1]:80
   * ```
   */
  static parse(text: string): sockaddr {
    const address = typeof text === "string" ? parseUnix(text) ?? parseInet(text) ?? parseInet6(text) : undefined;
    if (address) return address;
    throw new LibcError(
      "sockaddr",
      "EINVAL",
      `${Deno.inspect(text)} is not an address such as 161.25.19.8:1625, [::1]:1625, /path or @name`,
    );
  }

  /** How many of the bytes are the address: what C passes as `addrlen`. */
  get length(): number {
    return this.#length;
  }
  /** The address family: `AF_INET`, `AF_INET6`, `AF_UNIX`, or `AF_UNSPEC` as long as there is no address. */
  get family(): number {
    return this.bytes[0] | this.bytes[1] << 8; // 0 if the buffer is gone, too
  }
  /** The IP address as text, with `%interface` if it has one; undefined for other families. */
  get hostname(): string | undefined {
    if (this.family === AF_INET && this.length >= IN.size) return this.bytes.subarray(4, 8).join(".");
    if (this.family === AF_INET6 && this.length >= IN6.size) return inet6Text(this.bytes, this.view);
    return undefined;
  }
  /** The port as a number, in the host's byte order; undefined for families without. */
  get port(): number | undefined {
    if (this.hostname !== undefined) return this.view.getUint16(2, false);
    return undefined;
  }
  /** The socket's path, or `@name` for an abstract one, or `""` for a socket without a name; undefined for other families. */
  get path(): string | undefined {
    if (this.family !== AF_UNIX) return undefined;
    const name = unixName(this);
    return name.startsWith("\0") ? "@" + name.slice(1) : name;
  }

  /** The address as text: `161.25.19.8:1625`, `[::1]:1625`, a path, `@name`, or `""` if there is none. */
  override toString(): string {
    switch (this.family) {
      // an address that the kernel had to cut to fit in here has no text
      case AF_INET:
        return this.hostname === undefined ? "" : `${this.hostname}:${this.port}`;
      case AF_INET6:
        return this.hostname === undefined ? "" : `[${this.hostname}]:${this.port}`;
      case AF_UNIX:
        return this.path!;
      case AF_UNSPEC:
        return "";
      default:
        return `address family ${this.family}`;
    }
  }

  /** Shows the text when an address is logged. */
  [Symbol.for("Deno.customInspect")](): string {
    return `${this.constructor.name} ${this}`;
  }
}

/** The IPv4 address in a {@linkcode sockaddr_in}, `struct in_addr`. */
export class in_addr {
  readonly #view: DataView;

  /**
   * Made by {@linkcode sockaddr_in}.
   *
   * @param view The memory of that.
   */
  constructor(view: DataView) {
    this.#view = view;
  }
  /** The address in network byte order, as `htonl(INADDR_LOOPBACK)` has it. */
  get s_addr(): number {
    return this.#view.getUint32(IN.sin_addr, true);
  }
  set s_addr(value: number) {
    this.#view.setUint32(IN.sin_addr, field(value, 32, "s_addr"), true);
  }
}

/**
 * IPv4 address and port, `struct sockaddr_in` of `ip(7)`. Its numbers are in network byte order, as in C.
 *
 * @example
 * ```ts
 * import { AF_INET, htonl, htons, INADDR_LOOPBACK, sockaddr_in } from "@ipc/playground";
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
  readonly sin_addr: in_addr = new in_addr(this.view);

  /** Makes `0.0.0.0:0`. */
  constructor() {
    super(IN.size, AF_INET);
  }
  /** Always 16. */
  override get length(): number {
    return IN.size;
  }
  /** `AF_INET`. */
  get sin_family(): number {
    return this.view.getUint16(IN.sin_family, true);
  }
  set sin_family(value: number) {
    this.view.setUint16(IN.sin_family, field(value, 16, "sin_family"), true);
  }
  /** The port in network byte order, as `htons(80)` has it. */
  get sin_port(): number {
    return this.view.getUint16(IN.sin_port, true);
  }
  set sin_port(value: number) {
    this.view.setUint16(IN.sin_port, field(value, 16, "sin_port"), true);
  }
}

/** The IPv6 address in a {@linkcode sockaddr_in6}, `struct in6_addr`. */
export class in6_addr {
  /** The address's 16 bytes. */
  readonly s6_addr: Uint8Array<ArrayBuffer>;

  /**
   * Made by {@linkcode sockaddr_in6}.
   *
   * @param bytes The address's 16 bytes.
   */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.s6_addr = bytes;
  }
}

/**
 * IPv6 address and port, `struct sockaddr_in6` of `ipv6(7)`. A new one is `[::]:0`.
 *
 * @example
 * ```ts
 * import { htons, sockaddr_in6 } from "@ipc/playground";
 *
 * const serv_addr = new sockaddr_in6();
 * serv_addr.sin6_addr.s6_addr[15] = 1;
 * serv_addr.sin6_port = htons(1625);
 * console.log(`${serv_addr}`); // [::1]:1625
 * ```
 */
export class sockaddr_in6 extends sockaddr {
  /** The IP address. */
  readonly sin6_addr: in6_addr = new in6_addr(this.bytes.subarray(IN6.sin6_addr, IN6.sin6_addr + 16));

  /** Makes `[::]:0`. */
  constructor() {
    super(IN6.size, AF_INET6);
  }
  /** Always 28. */
  override get length(): number {
    return IN6.size;
  }
  /** `AF_INET6`. */
  get sin6_family(): number {
    return this.view.getUint16(IN6.sin6_family, true);
  }
  set sin6_family(value: number) {
    this.view.setUint16(IN6.sin6_family, field(value, 16, "sin6_family"), true);
  }
  /** The port in network byte order, as `htons(80)` has it. */
  get sin6_port(): number {
    return this.view.getUint16(IN6.sin6_port, true);
  }
  set sin6_port(value: number) {
    this.view.setUint16(IN6.sin6_port, field(value, 16, "sin6_port"), true);
  }
  /** Traffic class and flow label, in network byte order. */
  get sin6_flowinfo(): number {
    return this.view.getUint32(IN6.sin6_flowinfo, true);
  }
  set sin6_flowinfo(value: number) {
    this.view.setUint32(IN6.sin6_flowinfo, field(value, 32, "sin6_flowinfo"), true);
  }
  /** For link-local addresses, the interface's index. */
  get sin6_scope_id(): number {
    return this.view.getUint32(IN6.sin6_scope_id, true);
  }
  set sin6_scope_id(value: number) {
    this.view.setUint32(IN6.sin6_scope_id, field(value, 32, "sin6_scope_id"), true);
  }
}

const SUN_PATH = UN.size - UN.sun_path;

/**
 * The address of a socket in the file system or in Linux's abstract namespace, `struct sockaddr_un` of `unix(7)`.
 * With an empty `sun_path`, `bind` has the kernel choose an abstract name.
 *
 * @example
 * ```ts
 * import { AF_UNIX, sockaddr_un } from "@ipc/playground";
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
    super(UN.size, AF_UNIX);
    setLength(this, UN.sun_path);
  }
  /** `AF_UNIX`. */
  get sun_family(): number {
    return this.view.getUint16(UN.sun_family, true);
  }
  set sun_family(value: number) {
    this.view.setUint16(UN.sun_family, field(value, 16, "sun_family"), true);
  }
  /** A path of up to 107 bytes; or a NUL and up to 107 bytes of an abstract name, in which NULs count. */
  get sun_path(): string {
    return unixName(this);
  }
  set sun_path(value: string) {
    if (typeof value !== "string" || value.indexOf("\0", 1) > 0 && value[0] !== "\0") {
      throw new LibcError(
        "sockaddr",
        "EINVAL",
        `sun_path must be a string without NUL inside, got ${Deno.inspect(value)}`,
      );
    }
    const name = encoder.encode(value);
    // a path keeps its NUL, an abstract name has none
    const nul = name.length === 0 || name[0] === 0 ? 0 : 1;
    if (name.length + nul > SUN_PATH) {
      throw new LibcError("sockaddr", "ENAMETOOLONG", `${name.length} bytes, sun_path has ${SUN_PATH}: ${value}`);
    }
    this.bytes.fill(0, UN.sun_path);
    this.bytes.set(name, UN.sun_path);
    setLength(this, UN.sun_path + name.length + nul);
  }
}

/** Room for an address of any family, `struct sockaddr_storage`: for `accept` and its like, when the family is not known. */
export class sockaddr_storage extends sockaddr {
  /** Makes an empty one. */
  constructor() {
    super(SS.size, AF_UNSPEC);
    setLength(this, 0);
  }
  /** The family of the address that is in here. */
  get ss_family(): number {
    return this.family;
  }
}

function unixName(address: sockaddr): string {
  const name = address.bytes.subarray(UN.sun_path, Math.max(address.length, UN.sun_path));
  if (name[0] === 0) return decoder.decode(name);
  const nul = name.indexOf(0);
  return decoder.decode(nul < 0 ? name : name.subarray(0, nul));
}

const interfaceName = new Uint8Array(16);
const inet6Buffer = new Uint8Array(46);

function inet6Text(bytes: Uint8Array<ArrayBuffer>, view: DataView): string {
  const host = text(libc.inet_ntop(AF_INET6, bytes.subarray(IN6.sin6_addr, IN6.sin6_addr + 16), inet6Buffer, 46));
  const scope = view.getUint32(IN6.sin6_scope_id, true);
  if (scope === 0) return host;
  const known = libc.if_indextoname(scope, interfaceName);
  return `${host}%${known === null ? scope : text(known)}`;
}

function parseUnix(text: string): sockaddr_un | undefined {
  const abstract = text.startsWith("@");
  if (!abstract && !text.includes("/")) return undefined;
  const address = new sockaddr_un();
  address.sun_path = abstract ? "\0" + text.slice(1) : text;
  return address;
}

function parsePort(digits: string): number | undefined {
  const port = Number(digits);
  return port <= 0xffff ? port : undefined;
}

function parseInet(text: string): sockaddr_in | undefined {
  const [, host, digits] = /^([\d.]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined) return undefined;
  const port = parsePort(digits);
  const address = new sockaddr_in();
  const into = address.bytes.subarray(IN.sin_addr, IN.sin_addr + 4);
  if (port === undefined || libc.inet_pton(AF_INET, cstring(host, "inet_pton", "src"), into) !== 1) return undefined;
  address.sin_port = port >> 8 | (port & 0xff) << 8;
  return address;
}

function parseInet6(text: string): sockaddr_in6 | undefined {
  const [, host, scope, digits] = /^\[([\da-fA-F:.]+)(?:%([^\]]+))?\]:(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined) return undefined;
  const port = parsePort(digits);
  const address = new sockaddr_in6();
  const into = address.sin6_addr.s6_addr;
  if (port === undefined || libc.inet_pton(AF_INET6, cstring(host, "inet_pton", "src"), into) !== 1) return undefined;
  address.sin6_port = port >> 8 | (port & 0xff) << 8;
  if (scope !== undefined) {
    const index = libc.if_nametoindex(cstring(scope, "if_nametoindex", "ifname"));
    if (index === 0 && !/^\d{1,9}$/.test(scope)) throw new LibcError("if_nametoindex", errno(), scope);
    address.sin6_scope_id = index || Number(scope);
  }
  return address;
}

/** Checks that an argument is an address that can be handed to the kernel: its `length` bytes are there. */
export function addressOf(
  address: sockaddr,
  syscall: string,
): { bytes: Uint8Array<ArrayBuffer>; length: number; room: number } {
  if (address instanceof sockaddr) {
    const { bytes } = address;
    // each is asked once: a getter could answer something else the next time
    const room = isBytes(bytes) ? byteLengthOf(bytes) : -1;
    const length = room >= 0 ? address.length : 0;
    if (length <= room && (length >>> 0) === length) return { bytes, length, room };
    throw new LibcError(syscall, "EFAULT", "addr has not the bytes that it says it has");
  }
  throw new LibcError(syscall, "EFAULT", `addr must be a sockaddr, got ${Deno.inspect(address)}`);
}

/** Notes what the kernel has written into an address: `socklen` bytes, or as many as it has room for. */
export function received(address: sockaddr, socklen: number): void {
  const length = Math.min(socklen, address.bytes.byteLength);
  address.bytes.fill(0, length);
  setLength(address, length);
}

/** An address of the class that its family has, from the bytes of one. */
export function sockaddrFrom(bytes: Uint8Array): sockaddr {
  const family = bytes.length >= 2 ? bytes[0] | bytes[1] << 8 : AF_UNSPEC;
  const address = family === AF_INET && bytes.length >= IN.size
    ? new sockaddr_in()
    : family === AF_INET6 && bytes.length >= IN6.size
    ? new sockaddr_in6()
    : family === AF_UNIX && bytes.length <= UN.size
    ? new sockaddr_un()
    : new sockaddr_storage();
  const length = Math.min(bytes.length, address.bytes.length);
  address.bytes.set(bytes.subarray(0, length));
  setLength(address, length);
  return address;
}

/**
 * A duration for `SO_RCVTIMEO` and `SO_SNDTIMEO`, `struct timeval`.
 *
 * @example See `setsockopt`.
 */
export class timeval extends Struct {
  /**
   * Makes a duration, 0 unless given.
   *
   * @param sec Seconds.
   * @param usec And microseconds, 0 to 999999.
   */
  constructor(sec: number = 0, usec: number = 0) {
    super(TV.size);
    this.tv_sec = sec;
    this.tv_usec = usec;
  }
  /** Seconds. */
  get tv_sec(): number {
    return this.long(TV.tv_sec);
  }
  set tv_sec(value: number) {
    this.view.setBigInt64(TV.tv_sec, whole(value, "tv_sec"), true);
  }
  /** Microseconds. */
  get tv_usec(): number {
    return this.long(TV.tv_usec);
  }
  set tv_usec(value: number) {
    this.view.setBigInt64(TV.tv_usec, whole(value, "tv_usec"), true);
  }
}

function whole(value: number, name: string): bigint {
  if (Number.isSafeInteger(value)) return BigInt(value);
  throw new LibcError("timeval", "EINVAL", `${name} must be an integer, got ${Deno.inspect(value)}`);
}

/**
 * What `close` does with data not yet sent, for `SO_LINGER`: `struct linger` of `socket(7)`.
 *
 * @example See `setsockopt`.
 */
export class linger extends Struct {
  /**
   * Makes a value, that of not lingering unless given.
   *
   * @param onoff Whether to linger at all.
   * @param seconds How long `close` may wait; 0 resets the connection at once.
   */
  constructor(onoff: boolean | number = 0, seconds: number = 0) {
    super(L.size);
    this.l_onoff = Number(onoff);
    this.l_linger = seconds;
  }
  /** 1 if `close` lingers, else 0. */
  get l_onoff(): number {
    return this.int(L.l_onoff);
  }
  set l_onoff(value: number) {
    this.#set(L.l_onoff, value, "l_onoff");
  }
  /** For how many seconds. */
  get l_linger(): number {
    return this.int(L.l_linger);
  }
  set l_linger(value: number) {
    this.#set(L.l_linger, value, "l_linger");
  }

  #set(offset: number, value: number, name: string): void {
    if (typeof value !== "number" || (value | 0) !== value) {
      throw new LibcError("linger", "EINVAL", `${name} must be a 32-bit integer, got ${Deno.inspect(value)}`);
    }
    this.view.setInt32(offset, value, true);
  }
}
