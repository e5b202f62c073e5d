/**
 * A trace's picture as a Mermaid sequence diagram, and that as Unicode art or SVG.
 *
 * @module
 */
import { renderMermaidASCII, renderMermaidSVG } from "beautiful-mermaid";
import type { TracedBytes } from "../../mod.ts";
import type { Lifeline, Picture, Step } from "./trace_model.ts";

const PREVIEW = 44;

/** Text that means nothing to Mermaid: its own signs give way to their likenesses. */
function plain(text: string): string {
  return text.replaceAll("*", "∗").replaceAll(";", ",").replaceAll("#", "＃").replaceAll("%%", "%").replaceAll("<", "‹")
    .replaceAll(">", "›");
}

/** Which bytes of a segment. */
function place({ offset, data }: Pick<Step, "offset" | "data">): string {
  if (offset === undefined) return "";
  return ` [${offset}${data!.length > 1 ? `…${offset + data!.length - 1}` : ""}]`;
}

/** Bytes as text, and how many if they don't all show. */
function quoted({ length, preview }: TracedBytes): string {
  const shown = preview.replaceAll(/ {2,}/g, " ").replace(/(?<=.)\\n$/, "").replaceAll("\\n", "↵").replaceAll(
    '\\"',
    '"',
  );
  const short = [...shown].length > PREVIEW || (length > 48 && preview.length >= 48);
  return ` “${short ? [...shown].slice(0, PREVIEW - 8).join("") + "…" : shown}”${short ? ` ${length} bytes` : ""}`;
}

/** What a step says, as in `msgsnd type 1 “Did you get this?\\0”`. */
export function words(step: Step): string {
  let text = step.text + place(step);
  if (step.data) text += quoted(step.data);
  if (step.last?.data) text += ` …${place(step.last)}${quoted(step.last.data)}`;
  if (step.times > 1 && !step.group) text += ` ×${step.times}`;
  return plain(text);
}

/**
 * The Mermaid source.
 *
 * @param picture What to draw.
 * @param label What to write at a step; its words unless given.
 */
export function mermaid(picture: Picture, label: (step: Step) => string = words): string {
  const lines = ["sequenceDiagram"];
  for (const line of picture.lifelines) {
    lines.push(`  participant ${line.id} as ${line.label.map(plain).join("<br/>")}`);
  }
  let arrows = 0;
  const draw = (step: Step, indent: string) => {
    const { from, to, dashed } = step;
    // the renderer loses notes that come before the first arrow, so these are arrows from a lifeline to itself
    const note = (!to || to === from) && arrows > 0;
    if (!note) arrows++;
    const what = note ? `Note over ${from.id}` : `${from.id}${dashed ? "-->>" : "->>"}${(to ?? from).id}`;
    lines.push(`${indent}${what}: ${label(step)}`);
  };
  for (const step of picture.steps) {
    if (!step.group) {
      draw(step, "  ");
      continue;
    }
    lines.push(`  loop ×${step.times}`);
    for (const part of step.group) draw(part, "    ");
    lines.push("  end");
  }
  return lines.join("\n") + "\n";
}

/** The picture as SVG, with nothing in it that would have to be loaded from somewhere. */
export function svg(picture: Picture): string {
  const source = mermaid(
    picture,
    (step) => step.to ? wrap(words(step), 34 * span(picture, step)).join("<br/>") : words(step),
  );
  const colors = {
    bg: "#ffffff",
    fg: "#1f2328",
    muted: "#1f2328",
    line: "#8c959f",
    border: "#8c959f",
    surface: "#f6f8fa",
  };
  return renderMermaidSVG(source, { ...colors, font: "sans-serif", padding: 16 })
    .replace(/@import url\([^)]*\);/, "")
    // words stay readable where a lifeline runs behind them, and zombies stand out
    .replace(
      "</style>",
      "  .message text, .note text { font-size: 10px; }\n  .message text { paint-order: stroke; stroke: var(--bg); stroke-width: 4px; }\n  .zombie { --bg: #ffebe9; --_node-stroke: #cf222e; }\n</style>",
    )
    .replaceAll(/<g class="note"(?=[^>]*>(?:(?!<\/g>).)*zombie)/gs, '<g class="note zombie"');
}

/** How many columns a step's arrow crosses. */
function span({ lifelines }: Picture, { from, to }: Step): number {
  const index = (line: Lifeline) => lifelines.findIndex(({ id }) => id === line.id);
  return to ? Math.max(1, Math.abs(index(from) - index(to))) : 1;
}

const width = (text: string) => Math.max(...text.split("\n").map((line) => [...line].length));

/** Rows that only carry the lifelines on are left out: an arrow needs two rows, not three. */
function dense(art: string): string {
  return art.split("\n").filter((row) => !/^[\s│]*$/.test(row)).map((row) => row.replaceAll(BLANK, " ").trimEnd()).join(
    "\n",
  );
}

/**
 * The picture as Unicode art.
 *
 * @param picture What to draw.
 * @param columns How wide it may be. Where the words do not fit at the arrows, numbers stand there and the words follow below.
 */
export function unicode(picture: Picture, columns: number): string {
  const render = (p: Picture, label?: (step: Step) => string) =>
    dense(renderMermaidASCII(mermaid(p, label), { colorMode: "none" }));
  const full = render(picture);
  if (width(full) <= columns) return full + "\n";

  // narrower: the words on several rows, and shorter names
  for (const [label, name] of [[40, 24], [32, 20], [24, 20], [18, 14], [14, 12], [11, 9], [9, 7], [7, 6]]) {
    const lifelines = new Map(
      picture.lifelines.map((line) => [line, {
        ...line,
        label: line.label.flatMap((text) => wrap(name < 9 ? text.replace("pid ", "") : text, name)),
      }]),
    );
    const narrow = (step: Step): Step => ({
      ...step,
      from: lifelines.get(step.from)!,
      to: step.to && lifelines.get(step.to),
      group: step.group?.map(narrow),
    });
    const art = render(
      { lifelines: [...lifelines.values()], steps: picture.steps.map(narrow) },
      (step) => block(wrap(words(step), label * span(picture, step))),
    );
    if (width(art) <= columns) return art + "\n";
  }
  // too narrow for a picture
  const notice =
    `(${columns} columns are too few to draw ${picture.lifelines.length} lifelines; --svg FILE draws them.)`;
  return wrap(notice, columns).join("\n") + "\n\n" +
    picture.steps.flatMap((step) => step.group ?? [step]).map((step) => {
      const who = step.to && step.to !== step.from ? `${name(step.from)} → ${name(step.to)}` : name(step.from);
      return wrap(`${who}: ${words(step)}`, columns - 2).join("\n  ");
    }).join("\n") + "\n";
}

function name(line: Lifeline): string {
  return line.kind === "object" ? plain(line.label[0]) : plain(`${line.label[0]} (${line.label[1]})`);
}

const BLANK = "\u2800"; // looks like a space, and is not trimmed as one

/** Rows of one width: a lifeline would show behind a shorter one. */
function block(rows: string[]): string {
  const longest = Math.max(...rows.map((row) => [...row].length));
  return rows.map((row) => row + BLANK.repeat(longest - [...row].length)).join("<br/>");
}

/** Breaks a text into rows: between words where it can, within a word where it must. */
function wrap(text: string, columns: number): string[] {
  const rows: string[] = [];
  let row = "";
  for (
    const word of text.match(/[^ |,_]*[ |,_]?/g)!.flatMap((word) =>
      word.match(new RegExp(`.{1,${columns}}`, "gu")) ?? []
    )
  ) {
    if (row && [...(row + word).trimEnd()].length > columns) {
      rows.push(row.trimEnd());
      row = "";
    }
    row += word;
  }
  return [...rows, row.trimEnd()].filter(Boolean);
}
