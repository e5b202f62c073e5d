/**
 * `<sys/mman.h>`: mappings of files and of memory, POSIX shared memory objects, memory files.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt, asLong, asSize, shown } from "../../native/check.ts";
import { generation } from "../../native/child.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { forgetRange, survive } from "../../native/faults.ts";
import { type Blocked, blocking } from "../../native/elsewhere.ts";
import { call, header } from "../../native/header.ts";
import { address, descriptor, flags, i32, id, type Kind, long, mode, named, size, string } from "../../native/kinds.ts";
import { cstring, errno, isFailed, setErrno } from "../../native/libc.ts";
import {
  type Access,
  addressAt,
  attach,
  detach,
  letGo,
  type Memory,
  partOf,
  type ReadOnlyMemory,
  regionOf,
  wholeOf,
} from "../../native/memory.ts";
import { addressOf } from "../../native/pointed.ts";
import { O_CLOEXEC, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "../fcntl.ts";

/** `mmap`, `mprotect`: the memory may not be touched. */
export const PROT_NONE = 0;
/** `mmap`, `mprotect`: it may be read. */
export const PROT_READ = 1;
/** `mmap`, `mprotect`: it may be written. */
export const PROT_WRITE = 2;
/** `mmap`, `mprotect`: it may be executed. */
export const PROT_EXEC = 4;

/** `mmap`: all who map it see what one writes, and so does the file. */
export const MAP_SHARED = 0x01;
/** `mmap`: what is written stays with this process, which gets a copy of each page that it writes to. */
export const MAP_PRIVATE = 0x02;
/** `mmap`: as `MAP_SHARED`, and flags that the kernel does not know are an error. */
export const MAP_SHARED_VALIDATE = 0x03;
/** `mmap`: memory of zeros, without a file. With `MAP_SHARED` children that are forked later share it. */
export const MAP_ANONYMOUS = 0x20;
/** `mmap`: lock it in memory, as `mlock` does. */
export const MAP_LOCKED = 0x2000;
/** `mmap`: reserve no swap space for it. */
export const MAP_NORESERVE = 0x4000;
/** `mmap`: read it in now, so that no access has to wait for that. */
export const MAP_POPULATE = 0x8000;
/** `mmap`: with `MAP_POPULATE`, only what is in memory already. */
export const MAP_NONBLOCK = 0x10000;
/** `mmap`: for a stack; it means nothing. */
export const MAP_STACK = 0x20000;

/** `msync`: write it to the file, and wait for that. */
export const MS_SYNC = 4;
/** `msync`: write it soon. On Linux that is done anyway. */
export const MS_ASYNC = 1;
/** `msync`: have other mappings of the file see it. On Linux they always do; it fails with `EBUSY` if the memory is locked. */
export const MS_INVALIDATE = 2;

/** `memfd_create`: close it on `execve`. */
export const MFD_CLOEXEC = 1;
/** `memfd_create`: it may be sealed, see `F_ADD_SEALS` of `fcntl(2)`. */
export const MFD_ALLOW_SEALING = 2;
/** `memfd_create`: of huge pages. */
export const MFD_HUGETLB = 4;

// MAP_FIXED and its kin would put the mapping over something else, MAP_GROWSDOWN has a page that ends the process, and huge
// pages without a file fail at the first touch
const KNOWN = MAP_SHARED_VALIDATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK |
  MAP_STACK;

const oflag = flags({ O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_CLOEXEC }, { radix: 16, mask: 3 });

const someProt = flags({ PROT_READ, PROT_WRITE, PROT_EXEC }, { radix: 16 });
const prot: Kind<"i32"> = {
  ...someProt,
  decode: (value, call, name) =>
    value === PROT_NONE ? named(0, { PROT_NONE }, { mask: -1 }) : someProt.decode(value, call, name),
};
const offset: Kind<"i64"> = { ...long, decode: (value) => named(Number(value), {}, { radix: 16 }) };

const MSYNC = call(i32, [["addr", address], ["length", size], [
  "flags",
  flags({ MS_SYNC, MS_ASYNC, MS_INVALIDATE }, { radix: 16 }),
]]);
const syncElsewhere = blocking(MSYNC, { x86_64: 26, aarch64: 227 });

const c = header({
  shm_open: call(descriptor, [["name", string], ["oflag", oflag], ["mode", mode]]),
  shm_unlink: call(i32, [["name", string]]),
  memfd_create: call(descriptor, [["name", string], [
    "flags",
    flags({ MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_HUGETLB }, { radix: 16 }),
  ]]),
  mmap: call(address, [
    ["addr", address],
    ["length", size],
    ["prot", prot],
    [
      "flags",
      flags({
        MAP_SHARED,
        MAP_PRIVATE,
        MAP_SHARED_VALIDATE,
        MAP_ANONYMOUS,
        MAP_LOCKED,
        MAP_NORESERVE,
        MAP_POPULATE,
        MAP_NONBLOCK,
        MAP_STACK,
      }, { radix: 16, mask: MAP_SHARED_VALIDATE }),
    ],
    ["fd", id],
    ["offset", offset],
  ]),
  munmap: call(i32, [["addr", address], ["length", size]]),
  mprotect: call(i32, [["addr", address], ["len", size], ["prot", prot]], { around: withArraysGone }),
  msync: MSYNC,
  mlock: call(i32, [["addr", address], ["len", size]]),
  munlock: call(i32, [["addr", address], ["len", size]]),
});

/**
 * Opens a POSIX shared memory object, `shm_open(3)`. A new one has no bytes: {@linkcode ftruncate} gives it a size, and
 * {@linkcode mmap} its memory.
 *
 * It is the system's and outlives the process, until {@linkcode shm_unlink} or the system's end. On Linux it is a file in
 * `/dev/shm`.
 *
 * @param name Its name, `/` and no other slash.
 * @param oflag `O_RDONLY` or `O_RDWR`, with `O_CREAT`, `O_EXCL`, `O_TRUNC`.
 * @param mode Permissions of one that is made; 0600 unless given. The umask takes some away.
 * @returns A descriptor, which is closed on `execve`.
 * @throws {LibcError} `ENOENT` there is none; `EEXIST` with `O_EXCL`; `EACCES`; `EINVAL` no such name; `EMFILE`; `ENAMETOOLONG`.
 *
 * @example
 * ```ts
 * import { close, ftruncate, MAP_SHARED, mmap, munmap, O_CREAT, O_EXCL, O_RDWR, PROT_READ, PROT_WRITE, shm_open, shm_unlink } from "./mod.ts";
 *
 * const name = `/example-${Deno.pid}`;
 * const fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL);
 * ftruncate(fd, 4096);
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
 * close(fd); // the mapping stays
 * memory[0] = 42;
 * munmap(memory);
 * shm_unlink(name);
 * ```
 */
export function shm_open(name: string, oflag: number, mode?: number): number {
  if (mode === undefined) mode = 0o600;
  const path = cstring(name, "shm_open", "name");
  const fd = c.shm_open(path, asInt(oflag, "shm_open", "oflag"), asInt(mode, "shm_open", "mode"));
  if (fd < 0) throw new LibcError("shm_open", errno(), name);
  return fd;
}

/**
 * Removes the name of a POSIX shared memory object, `shm_unlink(3)`. Who has mapped it may go on with it.
 *
 * @param name Its name.
 * @throws {LibcError} `ENOENT` there is none; `EACCES`; `EINVAL` no such name; `ENAMETOOLONG`.
 *
 * @example See {@linkcode shm_open}.
 */
export function shm_unlink(name: string): void {
  if (c.shm_unlink(cstring(name, "shm_unlink", "name")) < 0) throw new LibcError("shm_unlink", errno(), name);
}

/**
 * Makes a file that is nowhere but in memory, and gone with its last descriptor and mapping, `memfd_create(2)`. Others
 * get at it by inheriting the descriptor, or by being sent it.
 *
 * @param name What `/proc/self/fd` shows of it, for people; it need not be unique.
 * @param flags `MFD_CLOEXEC`, `MFD_ALLOW_SEALING`, `MFD_HUGETLB`.
 * @returns A descriptor of a file without bytes.
 * @throws {LibcError} `EINVAL` a name of more than 249 bytes, or unknown flags; `EMFILE`, `ENFILE`; `ENOMEM`.
 *
 * @example
 * ```ts
 * import { close, ftruncate, MAP_SHARED, memfd_create, mmap, munmap, PROT_READ, PROT_WRITE } from "./mod.ts";
 *
 * const fd = memfd_create("example");
 * ftruncate(fd, 100);
 * const memory = mmap(null, 100, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
 * console.log(memory.length); // 100
 * munmap(memory);
 * close(fd);
 * ```
 */
export function memfd_create(name: string, flags?: number): number {
  if (flags === undefined) flags = 0;
  const fd = c.memfd_create(cstring(name, "memfd_create", "name"), asInt(flags, "memfd_create", "flags"));
  if (fd < 0) throw new LibcError("memfd_create", errno(), name);
  return fd;
}

function accessOf(prot: number): Access {
  return prot & PROT_WRITE ? "write" : prot & PROT_READ ? "read" : "none";
}

/**
 * Maps a file, or memory without one, `mmap(2)`.
 *
 * The array is the memory itself: what it holds changes when another process writes there. It ends with {@linkcode munmap}.
 * Without `PROT_WRITE` it is a {@linkcode ReadOnlyMemory}.
 *
 * A file can become shorter than its mapping, as everybody who may write to it can have it be. In C the access to what is
 * gone ends the process by `SIGBUS`. Here there are zeros then, which no file has, and what is written there is lost; `peek`, `poke` and the
 * classes of this library throw `EFAULT` from then on, a plain `memory[0]` cannot. (A seal, `F_SEAL_SHRINK`, keeps a file from
 * that.)
 *
 * @param addr Always `null`: the kernel chooses the address.
 * @param length How many bytes; the last page may reach beyond the file's end.
 * @param prot `PROT_READ`, `PROT_WRITE`, `PROT_EXEC`, or `PROT_NONE`.
 * @param flags `MAP_SHARED`, `MAP_PRIVATE` or `MAP_SHARED_VALIDATE`, with others. `MAP_FIXED`, `MAP_GROWSDOWN`,
 * `MAP_HUGETLB` and unknown ones are refused.
 * @param fd The file, which may be closed later; with `MAP_ANONYMOUS` -1.
 * @param offset Where in the file it begins, in bytes: a multiple of the page size.
 * @returns The memory.
 * @throws {LibcError} `EACCES` the file is not open for that; `EBADF`; `EINVAL` no length, no such flags, or an offset
 * inside a page; `ENODEV` no file that can be mapped; `ENOMEM`; `EPERM` a seal, or `PROT_EXEC` where that is forbidden;
 * `EAGAIN` too much is locked.
 *
 * @example Memory that is shared with a child
 * ```ts
 * import { MAP_ANONYMOUS, MAP_SHARED, mmap, munmap, PROT_READ, PROT_WRITE } from "./mod.ts";
 *
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
 * memory[0] = 42; // a forked child would see this, and we what it writes
 * munmap(memory);
 * console.log(memory.length); // 0
 * ```
 */
export function mmap(
  addr: null,
  length: number,
  prot: typeof PROT_READ | typeof PROT_NONE,
  flags: number,
  fd?: number,
  offset?: number,
): ReadOnlyMemory;
/** Maps memory for writing: what a number is taken for of which TypeScript knows no more. */
export function mmap(
  addr: null,
  length: number,
  prot: number,
  flags: number,
  fd?: number,
  offset?: number,
): Uint8Array<ArrayBuffer>;
export function mmap(
  addr: null,
  length: number,
  prot: number,
  flags: number,
  fd: number = -1,
  offset: number = 0,
): Memory {
  if (addr !== null) throw new LibcError("mmap", "EINVAL", "addr must be null");
  const bytes = asSize(length, "mmap", "length");
  prot = asInt(prot, "mmap", "prot");
  flags = asInt(flags, "mmap", "flags");
  if ((flags & ~KNOWN) !== 0 || (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)) !== 0) {
    throw new LibcError("mmap", "EINVAL", `prot ${shown(prot)}, flags 0x${(flags >>> 0).toString(16)}`);
  }
  const anonymous = (flags & MAP_ANONYMOUS) !== 0;
  fd = anonymous ? asInt(fd, "mmap", "fd") : asFd(fd, "mmap");
  const from = asLong(offset, "mmap", "offset");
  const found = c.mmap(null, bytes, prot, flags, fd, from);
  if (isFailed(found)) {
    throw new LibcError("mmap", errno(), `${length} bytes${anonymous ? "" : ` of descriptor ${fd}`}`);
  }
  let place: number | undefined;
  try {
    place = anonymous ? undefined : survive(addressOf(found), length, fd);
    return attach(found, length, accessOf(prot), { place, from: Number(from) });
  } catch (error) {
    if (place !== undefined) forgetRange(place);
    c.munmap(found, bytes);
    throw error;
  }
}

/**
 * Ends a mapping, `munmap(2)`. Every array over it is empty from then on. Not while another thread works on it: see {@linkcode shmdt}.
 *
 * @param addr What {@linkcode mmap} gave, the whole of it.
 * @throws {LibcError} `EINVAL` no mapping, or its buffer was transferred to somebody else; `EBUSY` something in it is in use,
 * such as a robust mutex that this process has locked.
 *
 * @example See {@linkcode mmap}.
 */
export function munmap(addr: Memory): void {
  const { address, length, place } = detach(addr, "munmap", "mapping");
  if (place !== undefined) forgetRange(place);
  if (c.munmap(address, asSize(length, "munmap", "length")) < 0) throw new LibcError("munmap", errno());
}

/**
 * Changes what may be done with a mapping, `mprotect(2)`.
 *
 * The arrays over it are empty from then on, as they would let one do what was allowed before: go on with the memory that
 * this gives.
 *
 * @param addr What {@linkcode mmap} gave, the whole of it.
 * @param prot `PROT_READ`, `PROT_WRITE`, `PROT_EXEC`, or `PROT_NONE`.
 * @returns The same memory, to be used so.
 * @throws {LibcError} `EACCES` the file is not open for that; `EINVAL` no mapping, or no such protection; `EBUSY` as
 * {@linkcode munmap}; `ENOMEM`.
 *
 * @example
 * ```ts
 * import { MAP_ANONYMOUS, MAP_PRIVATE, mmap, mprotect, munmap, PROT_READ, PROT_WRITE } from "./mod.ts";
 *
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
 * memory[0] = 42;
 * const constant = mprotect(memory, PROT_READ);
 * console.log(constant.read(0, 1)[0], memory.length); // 42 0
 * munmap(constant);
 * ```
 */
export function mprotect(addr: Memory, prot: typeof PROT_READ | typeof PROT_NONE): ReadOnlyMemory;
/** Allows writing, which a number is taken for of which TypeScript knows no more. */
export function mprotect(addr: Memory, prot: number): Uint8Array<ArrayBuffer>;
export function mprotect(addr: Memory, prot: number): Memory {
  prot = asInt(prot, "mprotect", "prot");
  if ((prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)) !== 0) throw new LibcError("mprotect", "EINVAL", `prot ${prot}`);
  const region = wholeOf(addr, "mprotect", "mapping");
  const { address, length } = region;
  const at = addressOf(address);
  changing.set(at, addr);
  region.held.set(CHANGING, generation); // who is told of the call by a trace may do something, too
  try {
    if (c.mprotect(address, asSize(length, "mprotect", "len"), prot) < 0) throw new LibcError("mprotect", errno());
  } finally {
    region.held.delete(CHANGING);
    changing.delete(at);
  }
  return attach(address, length, accessOf(prot), region);
}

const CHANGING = "mprotect is under way";
/** Memory whose protection changes, by its address. */
const changing = new Map<bigint, Memory>();

/** No array may be left by which one could do what is forbidden as soon as the kernel is back. */
function withArraysGone(bare: (addr: Deno.PointerObject, len: bigint, prot: number) => number): typeof bare {
  return (addr, len, prot) => {
    const memory = changing.get(addressOf(addr));
    const region = memory && regionOf(memory);
    // who was told of the call by a trace may have locked something in it
    if (memory === undefined || region === undefined || region.held.size > 1) {
      const EBUSY = 16;
      setErrno(EBUSY);
      return -1;
    }
    const result = bare(addr, len, prot);
    if (result === 0) letGo(memory);
    else {
      // it may have done a part
      const code = errno();
      const before = { write: PROT_READ | PROT_WRITE, read: PROT_READ, none: PROT_NONE }[region.access];
      if (bare(addr, len, before) < 0) letGo(memory);
      setErrno(code);
    }
    return result;
  };
}

/** The part of a region that an array shows. */
function part(memory: Memory, syscall: string): [Deno.PointerObject, bigint] {
  const { region, at, length } = partOf(memory, syscall, "addr");
  return [addressAt(region, at), asSize(length, syscall, "length")];
}

/**
 * Has what was written to a mapping be in its file, `msync(2)`.
 *
 * @param addr What {@linkcode mmap} gave, or a `subarray()` of it that begins with a page.
 * @param flags `MS_SYNC` or `MS_ASYNC`, with or without `MS_INVALIDATE`.
 * @throws {LibcError} `EINVAL` no mapping, no page's beginning, or no such flags; `EBUSY` locked; `EIO`.
 *
 * @example
 * ```ts
 * import { close, MAP_SHARED, mmap, MS_SYNC, msync, munmap, O_RDWR, open, PROT_READ, PROT_WRITE } from "./mod.ts";
 *
 * const path = Deno.makeTempFileSync();
 * Deno.writeTextFileSync(path, "hello");
 * const fd = open(path, O_RDWR);
 * const memory = mmap(null, 5, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
 * memory[0] = "j".charCodeAt(0);
 * msync(memory, MS_SYNC);
 * console.log(Deno.readTextFileSync(path)); // jello
 * munmap(memory);
 * close(fd);
 * Deno.removeSync(path);
 * ```
 */
export function msync(addr: Memory, flags: number): void {
  const [address, length] = part(addr, "msync");
  if (c.msync(address, length, asInt(flags, "msync", "flags")) < 0) throw new LibcError("msync", errno());
}

/**
 * The same on another thread; undefined if there is none. The memory has to stay until it is back.
 *
 * @ignore
 */
export function msyncElsewhere(addr: Memory, flags: number): Blocked | undefined {
  const [address, length] = part(addr, "msync");
  return syncElsewhere(address, length, flags);
}

/**
 * Keeps memory out of swap, `mlock(2)`.
 *
 * @param addr What {@linkcode mmap} or {@linkcode shmat} gave, or a `subarray()` of it; whole pages are locked.
 * @throws {LibcError} `ENOMEM` more than `RLIMIT_MEMLOCK` allows; `EPERM` that is 0; `EAGAIN`; `EINVAL` no such memory.
 *
 * @example
 * ```ts
 * import { MAP_ANONYMOUS, MAP_PRIVATE, mlock, mmap, munlock, munmap, PROT_READ, PROT_WRITE } from "./mod.ts";
 *
 * const memory = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
 * mlock(memory);
 * munlock(memory);
 * munmap(memory);
 * ```
 */
export function mlock(addr: Memory): void {
  const [address, length] = part(addr, "mlock");
  if (c.mlock(address, length) < 0) throw new LibcError("mlock", errno(), `${length} bytes`);
}

/**
 * Lets memory be swapped again, `munlock(2)`.
 *
 * @param addr As for {@linkcode mlock}.
 * @throws {LibcError} `EINVAL` no such memory; `ENOMEM`.
 *
 * @example See {@linkcode mlock}.
 */
export function munlock(addr: Memory): void {
  const [address, length] = part(addr, "munlock");
  if (c.munlock(address, length) < 0) throw new LibcError("munlock", errno(), `${length} bytes`);
}
