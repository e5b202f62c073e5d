/**
 * The results as the README's table.
 *
 * @module
 */
import { factor, type Goal, type Results, type Row, shown, whom } from "./results.ts";

const [START, END] = ["<!-- measured -->", "<!-- /measured -->"];

/** Those with columns of their own; others are named where they are compared with. */
const COLUMNS = ["library", "C", "Python", "Deno.connect"];

function value(row: Row, name: string): string {
  const found = row.results[name];
  return found ? shown(found.median, row.unit, row.size) : "";
}

function compared(goal: Goal, row: Row): string {
  const { against, of, ratio } = goal;
  if (ratio === null) return "";
  const other = COLUMNS.includes(against) ? against : `${whom(against)} (${value(row, against)})`;
  if (of === "rate") return `${factor(ratio.median)} of ${other}`;
  if (of === "time") return `${factor(ratio.median)} × time of ${other}`;
  return `${factor(Math.max(0, ratio.median))} more than ${other}`;
}

function wanted({ of, limit }: Goal): string {
  return of === "rate" ? `≥ ${limit}` : of === "time" ? `≤ ${limit} ×` : `≤ ${limit} more`;
}

/** The lines of the table, its columns as wide as what is in them. */
function table(results: Results): string[] {
  const rows = results.tables.flatMap(({ rows }) =>
    rows.flatMap((row) => {
      const [first, ...others] = row.goals;
      const goal = (goal?: Goal) => goal ? [compared(goal, row), wanted(goal)] : ["", ""];
      return [
        [row.name, ...COLUMNS.map((name) => value(row, name)), ...goal(first)],
        ...others.map((other) => ["", ...COLUMNS.map(() => ""), ...goal(other)]),
      ];
    })
  );
  const all = [["what", ...COLUMNS, "the library to others", "wanted"], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map((cells) => cells[column].length)));
  const lines = all.map((cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`);
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  return lines;
}

/** How and where it was measured. */
function circumstances({ rounds, machine }: Results): string[] {
  const alike = machine.alike ? ` "C, alike" has the memory of the library's process: ${machine.alike}.` : "";
  const text =
    `Medians of rounds in which all take turns (of most, ${rounds}), on ${machine.machine}; ${machine.programs}.${alike}`;
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= 120) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A text whose table is that of the results. */
export function insert(text: string, results: Results): string {
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`there is no place for the table: ${START} … ${END}`);
  return [
    text.slice(0, start + START.length),
    "",
    ...table(results),
    "",
    ...circumstances(results),
    "",
    text.slice(end),
  ].join("\n");
}
