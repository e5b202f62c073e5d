/**
 * What one `sendmsg(2)` or `recvmsg(2)` is handed: a `struct msghdr`, and all that it points to, in one block of memory.
 *
 * The block is the library's own. Addresses of a program's arrays would have to be taken before the call, and until it is
 * made such an array could shrink or be transferred away: by a getter, or by a trace's listener.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { i32, type Kind, u32, u64, viewOn } from "./kinds.ts";
import { at, layout, layoutOf, Struct } from "./layout.ts";
import { onFirstCall } from "./libc.ts";

class msghdr extends Struct {
  declare msg_name: bigint;
  declare msg_namelen: number;
  declare msg_iov: bigint;
  declare msg_iovlen: bigint;
  declare msg_control: bigint;
  declare msg_controllen: bigint;
  declare msg_flags: number;
}
layout(msghdr, "sendmsg", {
  msg_name: u64,
  msg_namelen: u32,
  msg_iov: u64,
  msg_iovlen: u64,
  msg_control: u64,
  msg_controllen: u64,
  msg_flags: i32,
});

class iovec extends Struct {
  declare iov_base: bigint;
  declare iov_len: bigint;
}
layout(iovec, "sendmsg", { iov_base: u64, iov_len: u64 });

class cmsghdr extends Struct {
  declare cmsg_len: bigint;
  declare cmsg_level: number;
  declare cmsg_type: number;
}
layout(cmsghdr, "sendmsg", { cmsg_len: u64, cmsg_level: i32, cmsg_type: i32 });

const MSGHDR = layoutOf(msghdr).size;
const IOVEC = layoutOf(iovec).size;
const CMSGHDR = layoutOf(cmsghdr).size;

function aligned(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** The room that control data of so many bytes take with what stands before them, `CMSG_SPACE`. */
export function controlSpace(length: number): number {
  return CMSGHDR + aligned(length);
}

/** One control message. */
export interface ControlBytes {
  /** Whose it is: `SOL_SOCKET` … */
  readonly level: number;
  /** What it is. */
  readonly type: number;
  /** Its data. */
  readonly data: Uint8Array;
}

/** The blocks by their headers, which is what a call has; they live as long as these. */
const blocks = new WeakMap<object, Block>();

/** The block of a memory, and where it lies. */
export class Block {
  /** The `struct msghdr`. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** Room for an address. */
  readonly name: Uint8Array<ArrayBuffer>;
  /** Room for each part of the data. */
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
  /** Room for control data. */
  readonly control: Uint8Array<ArrayBuffer>;
  readonly #header: msghdr;

  /**
   * Makes one.
   *
   * @param name How long the address may be; 0 for none.
   * @param parts How long each part of the data may be.
   * @param control How much control data there may be.
   * @param syscall For its errors.
   */
  constructor(name: number, parts: readonly number[], control: number, syscall: string) {
    const iov = MSGHDR;
    const names = iov + parts.length * IOVEC;
    const controls = names + aligned(name);
    const first = controls + aligned(control);
    const size = parts.reduce((sum, length) => sum + length, first);
    onFirstCall(syscall);
    let buffer: ArrayBuffer;
    try {
      buffer = new ArrayBuffer(size);
    } catch {
      throw new LibcError(syscall, "ENOMEM", `${size} bytes`);
    }
    const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(buffer)));
    const address = (from: number) => base + BigInt(from);
    this.header = new Uint8Array(buffer, 0, MSGHDR);
    this.name = new Uint8Array(buffer, names, name);
    this.control = new Uint8Array(buffer, controls, control);
    let from = first;
    this.parts = parts.map((length, i) => {
      const entry = at(iovec, new Uint8Array(buffer, iov + i * IOVEC, IOVEC));
      entry.iov_base = address(from);
      entry.iov_len = BigInt(length);
      const part = new Uint8Array(buffer, from, length);
      from += length;
      return part;
    });
    this.#header = at(msghdr, this.header);
    if (name > 0) this.#header.msg_name = address(names);
    this.#header.msg_namelen = name;
    this.#header.msg_iov = address(iov);
    this.#header.msg_iovlen = BigInt(parts.length);
    if (control > 0) this.#header.msg_control = address(controls);
    this.#header.msg_controllen = BigInt(control);
    blocks.set(this.header, this);
  }

  /** How long the address is, also if there was no room for all of it. */
  get namelen(): number {
    return this.#header.msg_namelen;
  }

  /** How much control data there is. */
  get controllen(): number {
    return Math.min(Number(this.#header.msg_controllen), this.control.length);
  }

  /** What the kernel says of what it has received. */
  get flags(): number {
    return this.#header.msg_flags;
  }

  /** Fills the control data. */
  putControl(list: readonly ControlBytes[]): void {
    let from = 0;
    for (const { level, type, data } of list) {
      const head = at(cmsghdr, this.control.subarray(from, from + CMSGHDR));
      head.cmsg_len = BigInt(CMSGHDR + data.length);
      head.cmsg_level = level;
      head.cmsg_type = type;
      this.control.set(data, from + CMSGHDR);
      from += controlSpace(data.length);
    }
  }

  /** The control data there are. */
  controls(): ControlBytes[] {
    const list: ControlBytes[] = [];
    const end = this.controllen;
    for (let from = 0; from + CMSGHDR <= end;) {
      const head = at(cmsghdr, this.control.subarray(from, from + CMSGHDR));
      const length = Number(head.cmsg_len) - CMSGHDR;
      if (length < 0 || from + CMSGHDR + length > end) break;
      const data = this.control.subarray(from + CMSGHDR, from + CMSGHDR + length);
      list.push({ level: head.cmsg_level, type: head.cmsg_type, data });
      from += controlSpace(length);
    }
    return list;
  }
}

/** How long control data of so many bytes say that they are, `CMSG_LEN`. */
export function controlLength(length: number): number {
  return CMSGHDR + length;
}

/** The block whose header is an argument of a call. */
export function blockOf(header: unknown): Block | undefined {
  return blocks.get(header as object);
}

/** The integers that control data are. */
export function intsIn(data: Uint8Array): number[] {
  const view = viewOn(data);
  return Array.from({ length: Math.floor(data.length / 4) }, (_, i) => i32.read(view, i * 4));
}

/** The header of a block as an argument. */
export function blockKind(
  decode: (block: Block, ...rest: Parameters<Kind["decode"]>) => ReturnType<Kind["decode"]>,
): Kind<"buffer"> {
  return {
    ffi: "buffer",
    decode: (value, call, name) => {
      const block = blockOf(value);
      return block === undefined ? null : decode(block, value, call, name);
    },
  };
}
