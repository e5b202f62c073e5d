/**
 * What one `sendmsg(2)` or `recvmsg(2)` is handed: a `struct msghdr`, and all that it points to, in one block of memory.
 *
 * The block is the library's own. Addresses of a program's arrays would have to be taken before the call, and until it is
 * made such an array could shrink or be transferred away: by a getter, or by a trace's listener.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { byteLengthOf } from "./bytes.ts";
import { i32, type Kind, u32, u64, viewOn } from "./kinds.ts";
import { layout, layoutOf, Struct } from "./layout.ts";
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
const { msg_name, msg_namelen, msg_iov, msg_iovlen, msg_control, msg_controllen, msg_flags } = layoutOf(msghdr).members;
const IOVEC = layoutOf(iovec).size;
const { iov_base, iov_len } = layoutOf(iovec).members;
const CMSGHDR = layoutOf(cmsghdr).size;
const { cmsg_len, cmsg_level, cmsg_type } = layoutOf(cmsghdr).members;

function aligned(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** The room that control data of so many bytes take with what stands before them, `CMSG_SPACE`. */
export function controlSpace(length: number): number {
  return CMSGHDR + aligned(length);
}

/** How long control data of so many bytes say that they are, `CMSG_LEN`. */
export function controlLength(length: number): number {
  return CMSGHDR + length;
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

// taken from the prototype, as a program's own class may have another
const set = Function.prototype.call.bind(Uint8Array.prototype.set) as (to: Uint8Array, from: Uint8Array) => void;

/** A message's memory. */
export class Block {
  /** The `struct msghdr`. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** Room for an address. */
  readonly name: Uint8Array<ArrayBuffer>;
  /** Room for each part of the data. */
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
  /** How many bytes it has. */
  readonly size: number;
  readonly #control: Uint8Array<ArrayBuffer>;
  readonly #room: bigint; // for control data
  readonly #view: DataView<ArrayBuffer>;
  readonly #controls: number; // where they begin

  /**
   * Makes one.
   *
   * @param name How long the address may be; 0 for none.
   * @param parts As long as these are the parts of the data.
   * @param control How much control data there may be.
   * @param syscall For its errors.
   */
  constructor(name: number, parts: readonly Uint8Array[], control: number, syscall: string) {
    const names = MSGHDR + parts.length * IOVEC;
    const controls = this.#controls = names + aligned(name);
    let from = controls + aligned(control);
    const lengths = parts.map(byteLengthOf);
    const size = this.size = lengths.reduce((sum, length) => sum + length, from);
    onFirstCall(syscall);
    let buffer: ArrayBuffer;
    try {
      buffer = new ArrayBuffer(size);
    } catch {
      throw new LibcError(syscall, "ENOMEM", `${size} bytes`);
    }
    const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(buffer)));
    const view = this.#view = new DataView(buffer);
    const address = (at: number, to: number) => view.setBigUint64(at, base + BigInt(to), true);
    const length = (at: number, length: number) => view.setBigUint64(at, BigInt(length), true);
    this.header = new Uint8Array(buffer, 0, MSGHDR);
    this.name = new Uint8Array(buffer, names, name);
    this.#control = new Uint8Array(buffer, controls, control);
    this.#room = BigInt(control);
    this.parts = lengths.map((count, i) => {
      const entry = MSGHDR + i * IOVEC;
      address(entry + iov_base.at, from);
      length(entry + iov_len.at, count);
      const part = new Uint8Array(buffer, from, count);
      from += count;
      return part;
    });
    if (name > 0) address(msg_name.at, names);
    address(msg_iov.at, MSGHDR);
    length(msg_iovlen.at, parts.length);
    if (control > 0) address(msg_control.at, controls);
    this.reset();
    blocks.set(this.header, this);
  }

  /** Tells whether there is as much room as is wanted, and no more. */
  fits(name: number, parts: readonly Uint8Array[], control: number): boolean {
    if (this.name.length !== name || this.#control.length !== control) return false;
    if (this.parts.length !== parts.length) return false;
    for (let i = 0; i < parts.length; i++) if (this.parts[i].length !== byteLengthOf(parts[i])) return false;
    return true;
  }

  /** Has it say what room there is, for the next call. */
  reset(): void {
    this.#view.setUint32(msg_namelen.at, this.name.length, true);
    this.#view.setBigUint64(msg_controllen.at, this.#room, true);
    this.#view.setInt32(msg_flags.at, 0, true);
  }

  /** How long the address is, also if there was no room for all of it. */
  get namelen(): number {
    return this.#view.getUint32(msg_namelen.at, true);
  }

  /** How much control data there is. */
  get controllen(): number {
    return Math.min(Number(this.#view.getBigUint64(msg_controllen.at, true)), this.#control.length);
  }

  /** What the kernel says of what it has received. */
  get flags(): number {
    return this.#view.getInt32(msg_flags.at, true);
  }

  /** Fills the parts, which are as long as these. */
  putParts(from: readonly Uint8Array[]): void {
    for (let i = 0; i < from.length; i++) if (this.parts[i].length > 0) set(this.parts[i], from[i]);
  }

  /** Gives as many bytes as there are, and tells which part had no room any more, if there is one. */
  getParts(to: readonly Uint8Array[], length: number): number | undefined {
    for (let i = 0; i < to.length && length > 0; i++) {
      const part = this.parts[i];
      const taken = Math.min(length, part.length);
      length -= taken;
      try {
        if (taken > 0) set(to[i], taken < part.length ? part.subarray(0, taken) : part);
      } catch {
        return i;
      }
    }
  }

  /** Fills the control data. */
  putControl(list: readonly ControlBytes[]): void {
    let at = this.#controls;
    for (const { level, type, data } of list) {
      this.#view.setBigUint64(at + cmsg_len.at, BigInt(CMSGHDR + data.length), true);
      this.#view.setInt32(at + cmsg_level.at, level, true);
      this.#view.setInt32(at + cmsg_type.at, type, true);
      this.#control.set(data, at - this.#controls + CMSGHDR);
      at += controlSpace(data.length);
    }
  }

  /** The control data there are. */
  controls(): ControlBytes[] {
    const list: ControlBytes[] = [];
    const end = this.#controls + this.controllen;
    for (let at = this.#controls; at + CMSGHDR <= end;) {
      const length = Number(this.#view.getBigUint64(at + cmsg_len.at, true)) - CMSGHDR;
      if (length < 0 || at + CMSGHDR + length > end) break;
      const from = at - this.#controls + CMSGHDR;
      list.push({
        level: this.#view.getInt32(at + cmsg_level.at, true),
        type: this.#view.getInt32(at + cmsg_type.at, true),
        data: this.#control.subarray(from, from + length),
      });
      at += controlSpace(length);
    }
    return list;
  }
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
