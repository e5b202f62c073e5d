/**
 * `<sys/uio.h>`: several buffers in one call, and the memory of other processes.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { byteLengthOf, plain } from "../../native/bytes.ts";
import { asBytes, asInt, asSize, asUint, shown } from "../../native/check.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { always, call, header } from "../../native/header.ts";
import { type Call, flags, i32, id, type Kind, pointer, size, traced } from "../../native/kinds.ts";
import { type AnyFunction, errno, setErrno } from "../../native/libc.ts";
import { own } from "../../native/own.ts";
import { addressOfBytes } from "../../native/pointed.ts";
import type { TracedArgument } from "../../trace/event.ts";

/** Memory of another process: where, and how many bytes. */
export type RemoteMemory = readonly [address: bigint | number, length: number];

type Local = Uint8Array<ArrayBuffer>;
type Remote = readonly [address: bigint, length: bigint];

function iovec(iov_base: TracedArgument, iov_len: number): TracedArgument {
  return { struct: "iovec", fields: { iov_base, iov_len } };
}

/** A parameter that is a list up to the call itself: whoever is told of the call may transfer memory away. */
function vector<T>(decode: (list: readonly T[], call: Call) => TracedArgument): Kind<"buffer"> {
  return { ffi: "buffer", decode: (list, call) => decode(list as readonly T[], call) };
}

/** Buffers that go out. */
const sent = vector<Local>((list) =>
  list.map((bytes) => iovec(addressOfBytes(bytes) === 0n ? null : traced(bytes), byteLengthOf(bytes)))
);
/** Buffers that are filled one after the other. */
const filled = vector<Local>((list, call) => {
  let left = call.result ?? 0;
  return list.map((bytes) => {
    const length = byteLengthOf(bytes);
    if (!call.done) return iovec(pointer(bytes), length);
    const came = Math.min(left, length);
    left -= came;
    return iovec(traced(bytes, came), length);
  });
});
const remote = vector<Remote>((list) =>
  list.map(([address, length]) => iovec({ pointer: Number(address) }, Number(length)))
);

/** Makes `struct iovec`s of the lists at these places. */
function vectors(...places: number[]): (bare: AnyFunction) => AnyFunction {
  return (bare) => (...args) => {
    const given = [...args];
    for (const at of places) given[at] = iovecs(args[at]);
    return bare(...given);
  };
}

function iovecs(list: readonly (Local | Remote)[]): BigUint64Array<ArrayBuffer> {
  const words = new BigUint64Array(Math.max(1, list.length) * 2);
  list.forEach((item, i) => {
    const [address, length] = ArrayBuffer.isView(item)
      ? [addressOfBytes(item as Local), BigInt(byteLengthOf(item as Local))]
      : item;
    words[2 * i] = address;
    words[2 * i + 1] = length;
  });
  return words;
}

// the kernel moves at most 0x7ffff000 bytes at a time: a 64-bit result would cost a BigInt a call
const c = header({
  readv: call(i32, [["fd", id], ["iov", filled], ["iovcnt", i32]], { waits: always, input: "fd", around: vectors(1) }),
  writev: call(i32, [["fd", id], ["iov", sent], ["iovcnt", i32]], { waits: always, output: "fd", around: vectors(1) }),
  process_vm_readv: call(i32, [
    ["pid", id],
    ["local_iov", filled],
    ["liovcnt", size],
    ["remote_iov", remote],
    ["riovcnt", size],
    ["flags", flags({})],
  ], { around: vectors(1, 3) }),
  process_vm_writev: call(i32, [
    ["pid", id],
    ["local_iov", sent],
    ["liovcnt", size],
    ["remote_iov", remote],
    ["riovcnt", size],
    ["flags", flags({})],
  ], {
    around: (bare) => {
      const made = vectors(1, 3)(bare);
      return (...args) => {
        // who is told of the call may have forked: the pid can be the child's
        if (!isSelf(args[0])) return made(...args);
        setErrno(EPERM);
        return -1;
      };
    },
  }),
});

const EPERM = 1;

/** Tells whether it is this process; a thread's id is as good as a pid. */
function isSelf(pid: number): boolean {
  return own.tgkill(own.getpid(), pid, 0) === 0;
}

const MOST = 1024; // IOV_MAX

/** The items of a list, one more at most than the kernel takes. */
function itemsOf<T>(list: readonly T[], syscall: string, name: string): T[] {
  const items: T[] = [];
  try {
    if (Array.isArray(list)) {
      const length = Math.min(list.length, MOST + 1);
      for (let i = 0; i < length; i++) items.push(list[i]);
      return items;
    }
  } catch {
    throw new LibcError(syscall, "EINVAL", `${name} cannot be read`);
  }
  throw new LibcError(syscall, "EINVAL", `${name} must be an array, got ${shown(list)}`);
}

function buffers(list: readonly Local[], syscall: string, name: string): Local[] {
  return itemsOf(list, syscall, name).map((bytes) => {
    try {
      return plain(asBytes(bytes, syscall, name), 0);
    } catch (error) {
      throw error instanceof LibcError ? error : new LibcError(syscall, "EFAULT", `the memory of ${name} is gone`);
    }
  });
}

function memories(list: readonly RemoteMemory[], syscall: string): Remote[] {
  return itemsOf(list, syscall, "remote_iov").map((item) => {
    const [address, length] = itemsOf(item as readonly (bigint | number)[], syscall, "remote_iov");
    return [asAddress(address, syscall), asSize(length as number, syscall, "remote_iov")];
  });
}

function asAddress(value: bigint | number, syscall: string): bigint {
  if (typeof value === "bigint" ? BigInt.asUintN(64, value) === value : Number.isSafeInteger(value) && value >= 0) {
    return BigInt(value);
  }
  throw new LibcError(syscall, "EINVAL", `remote_iov must have addresses (bigints beyond 2^53), got ${shown(value)}`);
}

const encoder = new TextEncoder();

/**
 * Reads from a descriptor into several buffers, one after the other, `readv(2)`. Blocks the whole program until something
 * comes.
 *
 * @param fd The descriptor.
 * @param iov The buffers, at most 1024.
 * @returns How many bytes were read; 0 at the end.
 * @throws {LibcError} `EBADF`; `EAGAIN`; `EINTR`; `EIO`; `EINVAL` too many buffers; `EFAULT` what is no buffer.
 *
 * @example
 * ```ts
 * import { close, pipe, readv, writev } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * writev(writer, ["head", "body"]);
 * const head = new Uint8Array(4), body = new Uint8Array(80);
 * console.log(readv(reader, [head, body]), new TextDecoder().decode(head)); // 8 head
 * close(reader);
 * close(writer);
 * ```
 */
export function readv(fd: number, iov: readonly Uint8Array<ArrayBuffer>[]): number {
  fd = asFd(fd, "readv");
  const list = buffers(iov, "readv", "iov");
  const n = c.readv(fd, list as never, list.length);
  if (n < 0) throw new LibcError("readv", errno(), `descriptor ${fd}`);
  return n;
}

/**
 * Writes several buffers to a descriptor as one, `writev(2)`. Blocks the whole program while a pipe or socket is full.
 *
 * @param fd The descriptor.
 * @param iov The buffers, or texts to encode as UTF-8, at most 1024.
 * @returns How many bytes were written; it may be fewer.
 * @throws {LibcError} `EBADF`; `EPIPE` nobody reads; `EAGAIN`; `EINTR`; `EINVAL` too many buffers; `EFAULT` what is no buffer.
 *
 * @example See {@linkcode readv}.
 */
export function writev(fd: number, iov: readonly (Uint8Array<ArrayBuffer> | string)[]): number {
  fd = asFd(fd, "writev");
  const items = itemsOf(iov, "writev", "iov").map((item) => typeof item === "string" ? encoder.encode(item) : item);
  const list = buffers(items, "writev", "iov");
  const n = c.writev(fd, list as never, list.length);
  if (n < 0) throw new LibcError("writev", errno(), `descriptor ${fd}`);
  return n;
}

/**
 * Copies memory of another process into this one, `process_vm_readv(2)`: it may do so if it might debug it (the same user, and what
 * Yama's `ptrace_scope` allows: a child, mostly).
 *
 * @param pid The process.
 * @param local_iov Where to put the bytes: buffers that are filled one after the other, at most 1024.
 * @param remote_iov What to read: addresses there, and how many bytes at each, at most 1024.
 * @param flags 0; there are none.
 * @returns How many bytes were copied: fewer if an address is not mapped there.
 * @throws {LibcError} `EPERM`; `ESRCH` no such process; `EFAULT` nothing is mapped there; `EINVAL` too many; `ENOMEM`; `ENOSYS`.
 *
 * @example
 * ```ts
 * import { getpid, process_vm_readv } from "./mod.ts";
 *
 * // where this process's own program begins
 * const [, start] = /^([0-9a-f]+)-.*\/deno$/m.exec(Deno.readTextFileSync("/proc/self/maps"))!;
 * const magic = new Uint8Array(4);
 * console.log(process_vm_readv(getpid(), [magic], [[BigInt("0x" + start), 4]])); // 4
 * console.log(magic); // 127 and "ELF"
 * ```
 */
export function process_vm_readv(
  pid: number,
  local_iov: readonly Uint8Array<ArrayBuffer>[],
  remote_iov: readonly RemoteMemory[],
  flags?: number,
): number {
  return move("process_vm_readv", pid, local_iov, remote_iov, flags);
}

/**
 * Copies memory of this process into another one, `process_vm_writev(2)`: it may do so if it might debug it.
 *
 * @param pid The process. Not this one: it would change the runtime's own memory.
 * @param local_iov What to write: buffers, at most 1024.
 * @param remote_iov Where to: addresses there, and how many bytes at each, at most 1024.
 * @param flags 0; there are none.
 * @returns How many bytes were copied: fewer if an address is not mapped there, or not to be written to.
 * @throws {LibcError} `EPERM` not allowed, or this process itself; `ESRCH` no such process; `EFAULT` nothing is mapped there; `EINVAL`
 * too many; `ENOMEM`; `ENOSYS`.
 *
 * @example
 * ```ts
 * import { getpid, LibcError, process_vm_writev } from "./mod.ts";
 *
 * try {
 *   process_vm_writev(getpid(), [new Uint8Array(4)], [[0x1000, 4]]);
 * } catch (error) {
 *   console.log(error instanceof LibcError && error.code); // EPERM
 * }
 * ```
 */
export function process_vm_writev(
  pid: number,
  local_iov: readonly Uint8Array<ArrayBuffer>[],
  remote_iov: readonly RemoteMemory[],
  flags?: number,
): number {
  return move("process_vm_writev", pid, local_iov, remote_iov, flags);
}

function move(
  syscall: "process_vm_readv" | "process_vm_writev",
  pid: number,
  local_iov: readonly Uint8Array<ArrayBuffer>[],
  remote_iov: readonly RemoteMemory[],
  flags = 0,
): number {
  pid = asInt(pid, syscall, "pid");
  const local = buffers(local_iov, syscall, "local_iov");
  const remote = memories(remote_iov, syscall);
  flags = asUint(flags, syscall, "flags") | 0;
  if (syscall === "process_vm_writev" && isSelf(pid)) {
    throw new LibcError(syscall, "EPERM", `${pid} is this process, whose memory the runtime uses`);
  }
  const n = c[syscall](pid, local as never, BigInt(local.length), remote as never, BigInt(remote.length), flags);
  if (n < 0) throw new LibcError(syscall, errno(), `pid ${pid}`);
  return n;
}
