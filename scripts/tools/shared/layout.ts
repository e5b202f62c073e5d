/**
 * Text in columns: tables, lines that are cut, lines that are wrapped. Whatever comes from outside can go in here as it
 * is: nothing in it gets to steer the terminal.
 *
 * @module
 */
import { type Shown, visible } from "./escape.ts";
import { paint, SGR } from "./terminal.ts";

/** A column of a table. */
export interface Column<T> {
  title: string;
  value: (row: T) => string;
  right?: boolean;
  /** The columns with the highest numbers are left out first where the terminal is narrow; 0 always stays. */
  drop: number;
}

const LEAST = 16; // columns that the last column should have before others give way

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
): Shown[] {
  const cells = columns.map((column) => ({
    ...column,
    texts: rows.map((row) => visible(column.value(row))),
    width: 0,
  }));
  for (const cell of cells) {
    // no Math.max(...): there may be more rows than a call takes arguments
    cell.width = cell.texts.reduce((most, text) => Math.max(most, widthOf(text)), cell.title.length);
  }
  const margin = rows.reduce((most, row) => Math.max(most, mark(row).length), 0);
  const needed = () =>
    margin +
    cells.reduce((sum, cell, i) => sum + (i < cells.length - 1 ? cell.width + 2 : Math.min(cell.width, LEAST)), 0);
  while (needed() > width && cells.some(({ drop }) => drop > 0)) {
    const widest = Math.max(...cells.map(({ drop }) => drop));
    cells.splice(cells.findIndex(({ drop }) => drop === widest), 1);
  }
  const line = (texts: string[], before: string) => {
    const padded = texts.map((text, i) => {
      const room = " ".repeat(cells[i].width - widthOf(text));
      return cells[i].right ? room + text : text + room;
    });
    return cut((before.padEnd(margin) + padded.join("  ")).trimEnd(), width);
  };
  return [
    paint(line(cells.map(({ title }) => title), ""), SGR.bold),
    ...rows.map((row, i) => paint(line(cells.map(({ texts }) => texts[i]), mark(row)), ...style(row))),
  ];
}

// characters of East Asia and emoji take two columns, marks above and below others none
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const MARK = /[\p{Mn}\p{Me}]/u;

function columnsOf(character: string): number {
  if (character < "\u0300") return 1;
  return WIDE.test(character) ? 2 : MARK.test(character) ? 0 : 1;
}

/** How many columns a line takes that has no control codes. */
export function widthOf(line: string): number {
  if (/^[ -~]*$/.test(line)) return line.length; // most are ASCII
  return [...line].reduce((sum, character) => sum + columnsOf(character), 0);
}

/** A line of at most so many columns. */
export function cut(text: string, width: number): string {
  const line = visible(text);
  if (widthOf(line) <= width) return line;
  let kept = "";
  let room = width - 1;
  for (const character of line) {
    room -= columnsOf(character);
    if (room < 0) break;
    kept += character;
  }
  return width < 1 ? "" : kept + "…";
}

/**
 * Breaks a text into lines of at most so many columns: between words where it can, within a word where it must.
 *
 * @param breaks The characters behind which a line may end; blanks are left out there.
 */
export function wrap(text: string, columns: number, breaks = " "): string[] {
  const lines: string[] = [];
  const all = [...visible(text.replaceAll("\t", " "))];
  let from = 0;
  for (;;) {
    let most = from;
    for (let room = columns; most < all.length && (room -= columnsOf(all[most])) >= 0;) most++;
    if (most === from && from < all.length) most++; // a character that is wider than a line
    if (most === all.length) return [...lines, all.slice(from).join("")];
    let at = most;
    // a line that would be shorter than a third is not worth a whole word
    const least = from + (most - from) / 3;
    while (at > least && all[at] !== " " && !breaks.includes(all[at - 1])) at--;
    if (at <= least) at = most;
    lines.push(all.slice(from, at).join("").trimEnd());
    from = all[at] === " " ? at + 1 : at;
  }
}

/** How long ago, in at most four characters: `3s`, `12m`, `5h`, `40d`. */
export function ageText(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}
