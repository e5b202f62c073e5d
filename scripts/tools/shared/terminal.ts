/**
 * Standard output and standard error: what can be written there, the terminal's size, whether it takes colours, and what
 * to do when nobody reads.
 *
 * @module
 */
import { asShown, type Line, Shown, visible } from "./escape.ts";
import { SIGPIPE } from "./signals.ts";

const isTerminal = Deno.stdout.isTerminal() && Deno.env.get("TERM") !== "dumb";

/** Whether control codes are welcome: lines may be written anew. */
export const canControl: boolean = isTerminal && !Deno.noColor;

const encoder = new TextEncoder();

/** Writes all of it to standard output; what `Deno.stdout` throws is for the caller. */
export function writeAll(data: Shown | Uint8Array): void {
  let bytes = data instanceof Shown ? encoder.encode(data.text) : data;
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

/**
 * Writes bytes as they are, or text, to standard output. If nobody reads it, the program ends as one that SIGPIPE ends; if
 * it can't be written, with 1.
 */
export function write(data: Shown | Uint8Array): void {
  try {
    writeAll(data);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(128 + SIGPIPE);
    // a full disk: there is nobody to catch it who could still say something
    complain(`standard output: ${(error as Error).message}`);
    Deno.exit(1);
  }
}

/** Writes a line, or several; of a string, all other control codes are escaped. */
export function print(line: Line = ""): void {
  write(new Shown(asShown(line, "\n\t").text + "\n"));
}

/** Writes many lines, some at a time. */
export function printAll(lines: Iterable<Line>): void {
  let texts: string[] = [];
  const flush = () => {
    write(new Shown(texts.join("")));
    texts = [];
  };
  for (const line of lines) {
    texts.push(asShown(line).text + "\n");
    if (texts.length >= 1000) flush();
  }
  flush();
}

/**
 * Writes a line to standard error; whether that can be written is nobody's concern.
 *
 * @param kept Control codes that may stay; all others are escaped.
 */
export function complain(line: string, kept = ""): void {
  let bytes = encoder.encode(visible(line, kept) + "\n");
  try {
    while (bytes.length > 0) bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
  } catch {
    // there is no other place to say it
  }
}

/** Asks whoever sits at the terminal; anything but y is no. */
export function ask(question: string): boolean {
  return confirm(visible(question));
}

/**
 * Columns and rows of the terminal; into a file or a pipe, lines are as long as they need to be.
 *
 * @param otherwise How many columns there are where neither a terminal nor `COLUMNS` says.
 */
export function terminalSize(otherwise = Infinity): { columns: number; rows: number } {
  if (Deno.stdout.isTerminal()) {
    try {
      const { columns, rows } = Deno.consoleSize();
      if (columns > 0) return { columns, rows };
    } catch {
      // a terminal that does not know its size
    }
    return { columns: 80, rows: 24 };
  }
  const columns = Number(Deno.env.get("COLUMNS"));
  return { columns: columns > 0 ? columns : otherwise, rows: Infinity };
}

/** Select Graphic Rendition codes. */
export const SGR = {
  bold: "1",
  dim: "2",
  red: "31",
  green: "32",
  yellow: "33",
  blue: "34",
  magenta: "35",
  cyan: "36",
} as const;

/** Colours a text, where colours are welcome. */
export function paint(text: Line, ...codes: string[]): Shown {
  return canControl ? painted(text, ...codes) : asShown(text);
}

/** Colours a text. */
export function painted(text: Line, ...codes: string[]): Shown {
  const own = asShown(text);
  return own.text && codes.length > 0 ? new Shown(`\x1b[${codes.join(";")}m${own}\x1b[0m`) : own;
}
