/**
 * `<sys/select.h>`: wait for any of several descriptors, as it was done before `poll`.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { byteLengthOf } from "../../native/bytes.ts";
import { asInt, shown } from "../../native/check.ts";
import { call, header } from "../../native/header.ts";
import { type Call, char, cName, i32, type Kind, memory } from "../../native/kinds.ts";
import { bytesOfNew, layout, Struct, struct, structBytes } from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import type { TracedStruct } from "../../trace/event.ts";
import { timeval } from "./time.ts";

/** How many descriptors a {@linkcode fd_set} has room for; the greatest is 1023. */
export const FD_SETSIZE = 1024;

/**
 * A set of descriptors, for {@linkcode select}; empty at first. The macros are methods: `FD_SET(fd, &set)` is `set.set(fd)`.
 *
 * @example See {@linkcode select}.
 */
export class fd_set extends Struct {
  readonly #bits: Uint8Array<ArrayBuffer>;

  /** Makes an empty set. */
  constructor() {
    super();
    this.#bits = bytesOfNew(this, "select");
  }

  /**
   * Takes a descriptor into the set, `FD_SET(3)`.
   *
   * @param fd The descriptor, 0 to 1023.
   * @throws {LibcError} `EINVAL` another number: use `poll`.
   */
  set(fd: number): void {
    const bit = placeOf(fd, "FD_SET");
    bits(this.#bits, "FD_SET")[bit >> 3] |= 1 << (bit & 7);
  }

  /**
   * Takes a descriptor out of the set, `FD_CLR(3)`.
   *
   * @param fd The descriptor, 0 to 1023.
   * @throws {LibcError} `EINVAL` another number.
   */
  clear(fd: number): void {
    const bit = placeOf(fd, "FD_CLR");
    bits(this.#bits, "FD_CLR")[bit >> 3] &= ~(1 << (bit & 7));
  }

  /**
   * Tells whether a descriptor is in the set, `FD_ISSET(3)`.
   *
   * @param fd The descriptor, 0 to 1023.
   * @returns Whether it is.
   * @throws {LibcError} `EINVAL` another number.
   */
  isset(fd: number): boolean {
    const bit = placeOf(fd, "FD_ISSET");
    return (bits(this.#bits, "FD_ISSET")[bit >> 3] & 1 << (bit & 7)) !== 0;
  }

  /** Makes the set empty, `FD_ZERO(3)`. */
  zero(): void {
    bits(this.#bits, "FD_ZERO").fill(0);
  }
}
const BYTES = FD_SETSIZE / 8;
layout(fd_set, "select", { __fds_bits: cName("fds_bits", { ...char(BYTES), align: 8 }) }, []);

/** The place of a descriptor in a set: C would write beside the set for a greater one. */
function placeOf(fd: number, syscall: string): number {
  fd = asInt(fd, syscall, "fd");
  if (fd >= 0 && fd < FD_SETSIZE) return fd;
  throw new LibcError(syscall, "EINVAL", `fd must be 0 to ${FD_SETSIZE - 1}, got ${fd}; poll() has no such limit`);
}

function bits(own: Uint8Array<ArrayBuffer>, syscall: string): Uint8Array<ArrayBuffer> {
  if (byteLengthOf(own) === BYTES) return own;
  throw new LibcError(syscall, "EFAULT", "the memory of the set is gone");
}

/** The descriptors of a set below the greatest that is looked at. */
function members(bits: Uint8Array, nfds: number): number[] {
  const list: number[] = [];
  for (let fd = 0; fd < nfds; fd++) if (bits[fd >> 3] & 1 << (fd & 7)) list.push(fd);
  return list;
}

/** A set: which descriptors go in, and which come out. */
const set = memory((bits, call, name) => {
  const list = members(bits, Number(call.argument("nfds")));
  const before = call.before(name) as TracedStruct | undefined;
  const fields: TracedStruct["fields"] = call.done && before ? { ...before.fields, ready: list } : { given: list };
  return { struct: "fd_set", fields };
});

/** What was told before the call: the kernel overwrites it. */
function told(kind: Kind<"buffer">): Kind<"buffer"> {
  return { ...kind, decode: (value, call, name) => call.before(name) ?? kind.decode(value, call, name) };
}

/** Tells whether it may wait: unless the time is none. */
function waits(call: Call): boolean {
  const timeout = call.argument("timeout") as BigInt64Array | null;
  return timeout === null || timeout[0] !== 0n || timeout[1] !== 0n;
}

const c = header({
  select: call(i32, [
    ["nfds", i32],
    ["readfds", set],
    ["writefds", set],
    ["exceptfds", set],
    ["timeout", told(struct(timeval))],
  ], { waits }),
});

function bytesOf(set: fd_set | null, name: string): Uint8Array<ArrayBuffer> | null {
  return set === null ? null : structBytes(set, BYTES, "select", name);
}

/**
 * Waits until one of several descriptors is ready, `select(2)`. `poll` does the same, and for descriptors above 1023, too.
 *
 * @param nfds One more than the greatest descriptor in the sets.
 * @param readfds The descriptors that are to have something to read; those that have are left in it.
 * @param writefds The same, to be written to.
 * @param exceptfds The same, with something urgent.
 * @param timeout How long to wait, in seconds (`0.25` is a quarter of one), where C has a `struct timeval`; `null` for ever.
 * @returns How many descriptors the three sets have together; 0 if the time is over.
 * @throws {LibcError} `EBADF` a descriptor that is not open; `EINTR` a signal came; `EINVAL` `nfds` is negative or above 1024,
 * or `timeout` is no time; `EFAULT` what is no set; `ENOMEM`.
 *
 * @example
 * ```ts
 * import { close, fd_set, pipe, select, write } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * const readfds = new fd_set();
 * readfds.set(reader);
 * console.log(select(reader + 1, readfds, null, null, 0)); // 0
 * write(writer, "x");
 * readfds.set(reader); // it has been taken out
 * console.log(select(reader + 1, readfds, null, null, null), readfds.isset(reader)); // 1 true
 * close(reader);
 * close(writer);
 * ```
 */
export function select(
  nfds: number,
  readfds: fd_set | null,
  writefds: fd_set | null,
  exceptfds: fd_set | null,
  timeout: number | null,
): number {
  nfds = asInt(nfds, "select", "nfds");
  // the kernel takes it on trust that the sets have so many
  if (nfds > FD_SETSIZE) throw new LibcError("select", "EINVAL", `nfds must be at most ${FD_SETSIZE}, got ${nfds}`);
  const [read, write, except] = [
    bytesOf(readfds, "readfds"),
    bytesOf(writefds, "writefds"),
    bytesOf(exceptfds, "exceptfds"),
  ];
  let until: BigInt64Array<ArrayBuffer> | null = null;
  if (timeout !== null) {
    if (typeof timeout !== "number" || !(timeout >= 0 && timeout <= Number.MAX_SAFE_INTEGER)) {
      throw new LibcError("select", "EINVAL", `timeout must be seconds or null, got ${shown(timeout)}`);
    }
    const seconds = Math.floor(timeout);
    until = new BigInt64Array(2); // a struct timeval
    until[0] = BigInt(seconds);
    until[1] = BigInt(Math.floor((timeout - seconds) * 1e6));
  }
  const ready = c.select(nfds, read, write, except, until);
  if (ready < 0) throw new LibcError("select", errno(), `descriptors below ${nfds}`);
  return ready;
}
