/**
 * What comes from outside (names of processes and users, paths, messages, memory) and is printed: nothing of it may
 * steer the terminal.
 *
 * @module
 */

const NAMED: Record<string, string> = { "\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x1b": "\\e" };

// control codes, and what turns the writing direction or hides
// deno-lint-ignore no-control-regex -- they are what must not get to the terminal
const UNSAFE = /[\0-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

function code(character: string): string {
  if (NAMED[character]) return NAMED[character];
  const number = character.charCodeAt(0);
  return number < 256 ? `\\x${number.toString(16).padStart(2, "0")}` : `\\u${number.toString(16).padStart(4, "0")}`;
}

/**
 * Text as it can be printed.
 *
 * @param text Anything.
 * @param kept Control codes that may stay.
 */
export function visible(text: string, kept = ""): string {
  return text.replace(UNSAFE, (character) => kept.includes(character) ? character : code(character));
}

/** Bytes as UTF-8 text, if they are; else null. */
export function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Bytes as text in which nothing can steer the terminal; of bytes that are no UTF-8, all but ASCII is escaped. */
function safe(bytes: Uint8Array, kept: string): string {
  const text = utf8(bytes);
  if (text !== null) return visible(text, kept);
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return kept.includes(character) || (byte >= 32 && byte < 127) ? character : code(character);
  }).join("");
}

/** Bytes in one line, as C would write them: `Did you get this?\0`. */
export function escaped(bytes: Uint8Array): string {
  return safe(bytes, "").replaceAll('"', '\\"');
}

/** Bytes as lines of text. */
export function readable(bytes: Uint8Array): string {
  return safe(bytes, "\n\t");
}

/** JSON that a terminal can't be steered by either: `JSON.stringify` leaves some control codes as they are. */
export function json(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    UNSAFE,
    (character) => character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
