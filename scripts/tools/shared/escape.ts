/**
 * What comes from outside (names of processes and users, paths, arguments, messages, memory) and is printed: nothing of it
 * may steer the terminal. This is the only place that knows how; what prints (terminal.ts) takes it from here.
 *
 * @module
 */

import { codeOf, UNSAFE } from "../../../ffi/trace/visible.ts";

const NAMED: Record<string, string> = { "\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x1b": "\\e" };

function code(character: string): string {
  return NAMED[character] ?? codeOf(character);
}

/**
 * Text as it can be printed. What is escaped already stays as it is.
 *
 * @param text Anything.
 * @param kept Control codes that may stay.
 */
export function visible(text: string, kept = ""): string {
  return text.replace(UNSAFE, (character) => kept.includes(character) ? character : code(character));
}

/**
 * Text that goes to the terminal as it is: what came from outside is escaped in it, and the control codes are the tools'
 * own. Whatever prints takes this or a string, and escapes the string: so what nobody has thought of is harmless.
 */
export class Shown {
  /** @param text The tools' own words and codes; all else goes through {@linkcode shown}. */
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

/** What can be printed. */
export type Line = string | Shown;

/** Makes a line safe, unless it is. */
export function asShown(line: Line, kept = ""): Shown {
  return line instanceof Shown ? line : new Shown(visible(line, kept));
}

/** A template with the tools' own codes, in which strings are escaped: `` shown`\x1b[1m${name}\x1b[0m` ``. */
export function shown(parts: TemplateStringsArray, ...values: (Line | number)[]): Shown {
  const texts = values.map((value) => typeof value === "number" ? String(value) : asShown(value).text);
  return new Shown(String.raw({ raw: parts }, ...texts));
}

/**
 * Text for XML (and so SVG): of the characters that XML 1.0 does not allow, and those that hide or turn text, the escapes.
 * `<`, `&` and quotes stay as they are, so it can be used on a whole document.
 */
export function xmlText(text: string): string {
  return visible(text, "\t\n\r").replace(/[\ufffe\uffff]/g, code);
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
    (character) => character === "\n" ? character : character.split("").map(unit).join(""),
  );
}

/** A UTF-16 code unit as JSON writes it. */
function unit(half: string): string {
  return `\\u${half.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
