/**
 * Standard output: its size, whether it takes colours, and what to do when nobody reads it.
 *
 * @module
 */
import { SIGPIPE } from "./signals.ts";

const isTerminal = Deno.stdout.isTerminal() && Deno.env.get("TERM") !== "dumb";

/** Whether control codes are welcome: lines may be written anew. */
export const canControl: boolean = isTerminal && !Deno.noColor;

const encoder = new TextEncoder();

/** Writes all of it; what `Deno.stdout` throws is for the caller. */
export function writeAll(data: string | Uint8Array): void {
  let bytes = typeof data === "string" ? encoder.encode(data) : data;
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

/** Writes bytes or text to standard output. If nobody reads it, the program ends as one that SIGPIPE ends. */
export function write(data: string | Uint8Array): void {
  try {
    writeAll(data);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(128 + SIGPIPE);
    // a full disk: there is nobody to catch it who could still say something
    console.error(`standard output: ${(error as Error).message}`);
    Deno.exit(1);
  }
}

/** Writes a line. */
export function print(line = ""): void {
  write(line + "\n");
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
  return { columns: Number(Deno.env.get("COLUMNS")) || otherwise, rows: Infinity };
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
export function paint(text: string, ...codes: string[]): string {
  return canControl ? painted(text, ...codes) : text;
}

/** Colours a text. */
export function painted(text: string, ...codes: string[]): string {
  return text && codes.length > 0 ? `\x1b[${codes.join(";")}m${text}\x1b[0m` : text;
}
