/**
 * The results as tables of at most 80 columns.
 *
 * @module
 */
import { bytes, factor, type Goal, type Growth, reached, type Results, type Row, shown } from "./results.ts";
import type { Summary } from "./measure.ts";

const color = Deno.stdout.isTerminal() && !Deno.noColor;
const paint = (code: number) => (text: string) => color ? `\x1b[${code}m${text}\x1b[0m` : text;
const bold = paint(1);
const dim = paint(2);
const green = paint(32);
const red = paint(31);

const NAME = 21;

/** Each column is wide enough for its name. */
function widthsOf(columns: string[]): number[] {
  return columns.map((column) => Math.max(8, column.length + 1));
}

function spread({ median, q1, q3 }: Summary): string {
  return `±${Math.round((q3 - q1) / 2 / median * 100)}%`;
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${factor(Math.abs(value))}`;
}

function verdict(goal: Goal): [ratio: string, quartiles: string, goal: string] {
  const { of, limit, ratio } = goal;
  const wanted = `${of === "rate" ? "≥" : of === "time" ? "≤" : "≤+"}${limit}`;
  if (ratio === null) return ["–", "", `${wanted} –`];
  if (of === "excess") return [signed(ratio.median), "", `${wanted} ${reached(goal) ? green("✓") : red("✗")}`];
  const mark = reached(goal) ? green("✓") : red("✗");
  return [factor(ratio.median), `${factor(ratio.q1)}–${factor(ratio.q3)}`, `${wanted} ${mark}`];
}

/** How wide a text is without its colors. */
function pad(text: string, width: number): string {
  // deno-lint-ignore no-control-regex -- escape sequences start with one
  return " ".repeat(Math.max(0, width - text.replace(/\x1b\[\d+m/g, "").length)) + text;
}

function line(name: string, cells: string[], widths: number[], [ratio, goal]: [string, string]): string {
  return (name.padEnd(NAME) + cells.map((cell, n) => pad(cell, widths[n])).join("") + pad(ratio, 10) + pad(goal, 8))
    .trimEnd();
}

function* rowLines(row: Row, columns: string[]): Generator<string> {
  const found = columns.map((column) => row.results[column]);
  const values = found.map((one) => one ? shown(one.median, row.unit, row.size) : "–");
  const single = row.unit === "wakes" || row.unit === "percent"; // measured once
  const spreads = found.map((one) => one && !single ? spread(one) : "");
  const widths = widthsOf(columns);
  const [first, ...others] = row.goals.map(verdict);
  yield line(row.name, values, widths, first ? [first[0], first[2]] : ["", ""]);
  if (!single) yield dim(line("", spreads, widths, first ? [first[1], ""] : ["", ""]));
  for (const [n, [ratio, quartiles, goal]] of others.entries()) {
    yield line(`  against ${row.goals[n + 1].against}`, columns.map(() => ""), widths, [ratio, goal]);
    yield dim(line("", columns.map(() => ""), widths, [quartiles, ""]));
  }
}

function* growthLines(growth: Growth): Generator<string> {
  const { name, x, unit, values, series } = growth;
  const heads = values.map((value) => x === "bytes" ? bytes(value) : x === "MiB" ? `${value} MiB` : String(value));
  const width = Math.min(10, Math.floor((80 - NAME) / values.length));
  const row = (label: string, cells: string[]) =>
    label.padEnd(NAME) + cells.map((cell) => cell.padStart(width)).join("");
  yield bold(row(name, heads));
  for (const [label, summaries] of Object.entries(series)) {
    yield row(label, summaries.map((one) => one ? shown(one.median, unit) : "–"));
  }
}

/** All tables, line by line. */
export function* tables(results: Results): Generator<string> {
  for (const { title, columns, rows } of results.tables) {
    if (title.length > NAME) yield bold(title);
    yield bold(
      line(
        title.length > NAME ? "" : title,
        columns,
        widthsOf(columns),
        rows[0].goals.length ? ["ratio", "goal"] : ["", ""],
      ),
    );
    for (const row of rows) yield* rowLines(row, columns);
    yield "";
  }
  for (const growth of results.growth) {
    yield* growthLines(growth);
    yield "";
  }
  if (results.quick) yield red("--quick is too short for V8 to warm up: do not quote these numbers.");
  yield dim(`Medians (of most: ${results.rounds} rounds), taking turns; ± half of the middle 50 %.`);
  yield dim("Ratio: of the library to C (or whom title or line name), and its middle 50 %;");
  yield dim("≥ of the rate, ≤ of the time, ≤+ how much more.");
  for (const [name, value] of Object.entries(results.machine)) yield dim(`${name}: ${value}`);
}
