/**
 * Bytes as hexadecimal digits, and as dumps.
 *
 * @module
 */

/** How much of a segment is read at a time: it may be larger than memory. */
export const PIECE: number = 1 << 20;

/** A hex dump's lines; a `*` stands for lines that are as the one before. */
export function hexDump(bytes: Uint8Array, offset: number, width: number): string[] {
  return [...hexLines((at, length) => bytes.subarray(at, at + length), bytes.length, offset, width)];
}

/**
 * A hex dump's lines, of what is read piece by piece.
 *
 * @param read Gives so many bytes from a place, counted from 0.
 * @param offset What is said to be the first one's place.
 */
export function* hexLines(
  read: (at: number, length: number) => Uint8Array,
  length: number,
  offset: number,
  width: number,
): Generator<string> {
  const digits = Math.max(4, (offset + length).toString(16).length);
  const perLine = [16, 8, 4].find((n) => digits + 2 + 3 * n + 1 + n <= width) ?? 4;
  let before: Uint8Array | undefined;
  let skipped = false;
  for (let start = 0; start < length; start += PIECE) {
    const piece = read(start, Math.min(PIECE, length - start));
    for (let at = 0; at < piece.length; at += perLine) {
      const last = start + at + perLine >= length;
      if (before && !last && startsWith(piece, at, before)) {
        if (!skipped) yield "*";
        skipped = true;
        continue;
      }
      skipped = false;
      const row = before = piece.slice(at, at + perLine);
      const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
      const text = Array.from(row, (byte) => byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".").join("");
      yield `${(offset + start + at).toString(16).padStart(digits, "0")}  ${hex.padEnd(3 * perLine - 1)}  ${text}`;
    }
  }
}

function startsWith(bytes: Uint8Array, at: number, row: Uint8Array): boolean {
  for (let i = 0; i < row.length; i++) if (bytes[at + i] !== row[i]) return false;
  return true;
}
