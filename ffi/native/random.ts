/**
 * The random numbers of a forked child. Deno's come from states in the memory of the process, which a fork copies:
 * its children would draw what their parent draws next, and each the same.
 *
 * @module
 */
import { isForked } from "./child.ts";

// the rest of a block of 256 bytes is the parent's; the next one is taken from the kernel in a child
const block = new Uint8Array(256);
const draw = crypto.getRandomValues.bind(crypto);

/** Begins this child's own numbers: `crypto`'s and those of `node:crypto`. */
export function leaveNumbers(): void {
  draw(block);
}

/** Has children make their UUIDs one by one: Deno, whose node:crypto comes by here, too, makes many ahead. */
export function guardUUIDs(): void {
  const prototype = Object.getPrototypeOf(crypto) as Pick<Crypto, "randomUUID">;
  const original = prototype.randomUUID;
  prototype.randomUUID = function randomUUID(): ReturnType<Crypto["randomUUID"]> {
    // on anything but `crypto` it throws
    if (!isForked() || this !== crypto) return original.call(this);
    const bytes = draw(new Uint8Array(16));
    bytes[6] = bytes[6] & 0x0f | 0x40; // version 4
    bytes[8] = bytes[8] & 0x3f | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-") as ReturnType<Crypto["randomUUID"]>;
  };
}
