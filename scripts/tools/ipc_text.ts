/**
 * How `ipc` writes: tables that fit the terminal, bytes that cannot steer it, colours only where they are welcome.
 *
 * @module
 */

const SIGPIPE = 13;

/** Whether colours and other control codes are welcome. */
export const colours: boolean = Deno.stdout.isTerminal() && !Deno.noColor && Deno.env.get("TERM") !== "dumb";

/** Writes bytes or text to standard output. If nobody reads it, the program ends as one that SIGPIPE ends. */
export function write(data: string | Uint8Array): void {
  let bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  try {
    while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(128 + SIGPIPE);
    throw error;
  }
}

/** Writes a line. */
export function print(line = ""): void {
  write(line + "\n");
}

/** Columns and rows of the terminal; into a file or a pipe, lines are as long as they need to be. */
export function terminalSize(): { columns: number; rows: number } {
  if (Deno.stdout.isTerminal()) {
    try {
      const { columns, rows } = Deno.consoleSize();
      if (columns > 0) return { columns, rows };
    } catch {
      // a terminal that does not know its size
    }
    return { columns: 80, rows: 24 };
  }
  return { columns: Number(Deno.env.get("COLUMNS")) || Infinity, rows: Infinity };
}

/** Select Graphic Rendition codes. */
export const SGR = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36" } as const;

/** Colours a text, where colours are welcome. */
export function paint(text: string, ...codes: string[]): string {
  return colours && text && codes.length > 0 ? `\x1b[${codes.join(";")}m${text}\x1b[0m` : text;
}

/** A column of a table. */
export interface Column<T> {
  title: string;
  value: (row: T) => string;
  right?: boolean;
  /** The columns with the highest numbers are left out first where the terminal is narrow; 0 always stays. */
  drop: number;
}

const LEAST = 24; // columns that the last column should have before others give way

/**
 * A table's lines. Columns give way until the others fit; the last one is cut to what is left.
 *
 * @param style Colours of a row's line.
 * @param mark What stands before a row.
 */
export function table<T>(
  rows: T[],
  columns: Column<T>[],
  width: number,
  style: (row: T) => string[] = () => [],
  mark: (row: T) => string = () => "",
): string[] {
  const cells = columns.map((column) => ({
    ...column,
    texts: rows.map(column.value),
    width: 0,
  }));
  for (const cell of cells) cell.width = Math.max(cell.title.length, ...cell.texts.map((text) => [...text].length));
  const margin = Math.max(0, ...rows.map((row) => mark(row).length));
  const needed = () =>
    margin +
    cells.reduce((sum, cell, i) => sum + (i < cells.length - 1 ? cell.width + 2 : Math.min(cell.width, LEAST)), 0);
  while (needed() > width && cells.some(({ drop }) => drop > 0)) {
    const widest = Math.max(...cells.map(({ drop }) => drop));
    cells.splice(cells.findIndex(({ drop }) => drop === widest), 1);
  }
  const line = (texts: string[], before: string) => {
    const padded = texts.map((text, i) => cells[i].right ? text.padStart(cells[i].width) : text.padEnd(cells[i].width));
    return cut((before.padEnd(margin) + padded.join("  ")).trimEnd(), width);
  };
  return [
    paint(line(cells.map(({ title }) => title), ""), SGR.bold),
    ...rows.map((row, i) => paint(line(cells.map(({ texts }) => texts[i]), mark(row)), ...style(row))),
  ];
}

/** A line of at most so many characters. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : characters.slice(0, Math.max(0, width - 1)).join("") + "…";
}

/** How long ago, in at most four characters: `3s`, `12m`, `5h`, `40d`. */
export function ageText(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

const NAMED: Record<string, string> = { "\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x1b": "\\e" };

/** Bytes as UTF-8 text, if they are; else null. */
export function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

// control codes, and what turns the writing direction
// deno-lint-ignore no-control-regex -- they are what must not get to the terminal
const UNSAFE = /[\0-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function code(character: string): string {
  if (NAMED[character]) return NAMED[character];
  const number = character.charCodeAt(0);
  return number < 256 ? `\\x${number.toString(16).padStart(2, "0")}` : `\\u${number.toString(16)}`;
}

/** Bytes as text in which nothing can steer the terminal; of bytes that are no UTF-8, all but ASCII is escaped. */
function safe(bytes: Uint8Array, kept: string): string {
  const text = utf8(bytes);
  if (text !== null) return text.replace(UNSAFE, (character) => kept.includes(character) ? character : code(character));
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
