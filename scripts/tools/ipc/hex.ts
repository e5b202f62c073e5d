/**
 * Bytes as hexadecimal digits, and as dumps.
 *
 * @module
 */

/** Bytes as hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A hex dump's lines; a `*` stands for lines that are as the one before. */
export function hexDump(bytes: Uint8Array, offset: number, width: number): string[] {
  const digits = Math.max(4, (offset + bytes.length).toString(16).length);
  const perLine = [16, 8, 4].find((n) => digits + 2 + 3 * n + 1 + n <= width) ?? 4;
  const lines: string[] = [];
  let before = "";
  for (let at = 0; at < bytes.length; at += perLine) {
    const row = bytes.subarray(at, at + perLine);
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const last = at + perLine >= bytes.length;
    if (hex === before && !last) {
      if (lines.at(-1) !== "*") lines.push("*");
      continue;
    }
    before = hex;
    const text = Array.from(row, (byte) => byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".").join("");
    lines.push(`${(offset + at).toString(16).padStart(digits, "0")}  ${hex.padEnd(3 * perLine - 1)}  ${text}`);
  }
  return lines;
}
