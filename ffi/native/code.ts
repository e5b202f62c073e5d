/**
 * Machine code, where nothing else will do: what runs where JavaScript cannot.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { errno, isFailed, open } from "./libc.ts";

/** For each processor what `as` makes of a source, and that source: bytes and text in each line. Tests compare the two. */
export type Listing = Readonly<Record<typeof Deno.build.arch, string>>;

/** The bytes of a listing, for this processor. */
export function codeOf(listing: Listing): Uint8Array<ArrayBuffer> {
  const code = listing[Deno.build.arch].match(/^\w+/gm)!.join("");
  return Uint8Array.from(code.match(/../g)!, (hex) => parseInt(hex, 16));
}

/**
 * Puts code into memory of its own, with room behind it for what it works with.
 *
 * @param code The bytes.
 * @param pages How many bytes belong to the code: whole pages, which cannot be written to any more.
 * @param room How many bytes lie behind them.
 * @param purpose What it is for, as an error says it.
 */
export function mapCode(code: Uint8Array, pages: number, room: number, purpose: string): Deno.PointerObject {
  const PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4;
  const MAP_PRIVATE = 0x2, MAP_ANONYMOUS = 0x20, MAP_NORESERVE = 0x4000;
  const mmap = open("mmap", { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" });
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const start = mmap(null, BigInt(pages + room), PROT_READ | PROT_WRITE, flags, -1, 0n);
  if (isFailed(start)) throw new LibcError("mmap", errno(), `room for ${purpose}`);
  new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(start, code.length)).set(code);
  // with this the kernel also brings an arm64 processor's caches up to date
  const mprotect = open("mprotect", { parameters: ["pointer", "usize", "i32"], result: "i32" });
  if (mprotect(start, BigInt(pages), PROT_READ | PROT_EXEC) < 0) {
    throw new LibcError("mprotect", errno(), `${purpose}; this system allows no code to be made`);
  }
  return start;
}
