/**
 * Text in columns: tables, lines that are cut, lines that are wrapped. Whatever comes from outside can go in here as it
 * is: nothing in it gets to steer the terminal.
 *
 * @module
 */
import { visible } from "./escape.ts";
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
): string[] {
  const cells = columns.map((column) => ({
    ...column,
    texts: rows.map((row) => visible(column.value(row))),
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
  const line = visible(text);
  const characters = [...line];
  return characters.length <= width ? line : characters.slice(0, Math.max(0, width - 1)).join("") + "…";
}

/**
 * Breaks a text into lines of at most so many characters: between words where it can, within a word where it must.
 *
 * @param breaks The characters behind which a line may end; blanks are left out there.
 */
export function wrap(text: string, columns: number, breaks = " "): string[] {
  const lines: string[] = [];
  let rest = [...visible(text.replaceAll("\t", " "))];
  while (rest.length > columns) {
    let at = columns;
    // a line that would be shorter than a third is not worth a whole word
    while (at > columns / 3 && rest[at] !== " " && !breaks.includes(rest[at - 1])) at--;
    if (at <= columns / 3) at = columns;
    lines.push(rest.slice(0, at).join("").trimEnd());
    rest = rest.slice(rest[at] === " " ? at + 1 : at);
  }
  return [...lines, rest.join("")];
}

/** How long ago, in at most four characters: `3s`, `12m`, `5h`, `40d`. */
export function ageText(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}
