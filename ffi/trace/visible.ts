/**
 * What comes from outside (names of programs, calls, paths) and is printed: nothing of it may steer a terminal.
 *
 * @module
 */

/**
 * Control codes (C0, DEL, C1), line separators, what turns the writing direction, has no width or is a blank that looks
 * like none, and halves of characters. Variation selectors are not among them: they belong to emoji.
 */
export const UNSAFE: RegExp = /[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--[\ufe00-\ufe0f]]/gv;

/** A character by its number: `\x9b`, `\u202e`, `\u{e0041}`. */
export function codeOf(character: string): string {
  const hex = character.codePointAt(0)!.toString(16);
  if (hex.length > 4) return `\\u{${hex}}`;
  return hex.length > 2 ? `\\u${hex.padStart(4, "0")}` : `\\x${hex.padStart(2, "0")}`;
}

const NAMED: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** Text as it can be printed in a line. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (character) => NAMED[character] ?? codeOf(character));
}
