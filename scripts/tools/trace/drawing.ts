/**
 * A trace's picture as a Mermaid sequence diagram, and that as Unicode art or SVG.
 *
 * @module
 */
import { renderMermaidASCII, renderMermaidSVG } from "beautiful-mermaid";
import { visible, xmlText } from "../shared/escape.ts";
import { widthOf, wrap } from "../shared/layout.ts";
import type { Lifeline, Picture, Step } from "./picture.ts";
import { label as labelOf, words } from "./words.ts";

/** Mermaid's own signs, and their likenesses. */
const LIKENESSES: Readonly<Record<string, string>> = { "*": "∗", ";": ",", "#": "♯", "<": "‹", ">": "›" };

const LONGEST_LABEL = 240; // characters

/** Text that can be printed, and that XML can hold; what is too long for a picture is cut. */
function shown(text: string): string {
  const characters = [...xmlText(visible(text))];
  return characters.slice(0, LONGEST_LABEL).join("") + (characters.length > LONGEST_LABEL ? "…" : "");
}

/** The same, and it means nothing to Mermaid. */
function plain(text: string): string {
  return shown(text).replaceAll("%%", "%").replace(/[*;#<>]/g, (sign) => LIKENESSES[sign]);
}

/** How the drawing is labelled: at a lifeline's box, and at a step; rows are apart by `<br/>`. */
interface Labels {
  line: (line: Lifeline) => string[];
  step: (step: Step) => string;
}

const LABELS: Labels = { line: (line) => labelOf(line).map(plain), step: (step) => plain(words(step)) };

const BREAKS = " |,_"; // where a label may be broken

/**
 * The Mermaid source.
 *
 * @param picture What to draw.
 */
export function mermaid(picture: Picture): string {
  return diagram(picture).source;
}

/** The Mermaid source, and the steps that are notes in it, in their order. */
function diagram(picture: Picture, labels: Labels = LABELS): { source: string; notes: Step[] } {
  const notes: Step[] = [];
  const lines = ["sequenceDiagram"];
  for (const line of picture.lifelines) lines.push(`  participant ${line.id} as ${labels.line(line).join("<br/>")}`);
  let arrows = 0;
  const draw = (step: Step, indent: string) => {
    const { from, to, dashed } = step;
    // the renderer loses notes that come before the first arrow, so these are arrows from a lifeline to itself
    const note = (!to || to === from) && arrows > 0;
    if (note) notes.push(step);
    else arrows++;
    const what = note ? `Note over ${from.id}` : `${from.id}${dashed ? "-->>" : "->>"}${(to ?? from).id}`;
    lines.push(`${indent}${what}: ${labels.step(step)}`);
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
  return { source: lines.join("\n") + "\n", notes };
}

const COLORS = {
  bg: "#ffffff",
  fg: "#1f2328",
  muted: "#1f2328",
  line: "#8c959f",
  border: "#8c959f",
  surface: "#f6f8fa",
};

// words stay readable where a lifeline runs behind them, and zombies stand out
const STYLE = `  .message text, .note text { font-size: 10px; }
  .message text { paint-order: stroke; stroke: var(--bg); stroke-width: 4px; }
  .zombie { --bg: #ffebe9; --_node-stroke: #cf222e; }
`;

/** The picture as SVG, with nothing in it that would have to be loaded from somewhere. */
export function svg(picture: Picture): string {
  const step = (step: Step) =>
    step.to ? wrap(LABELS.step(step), 34 * span(picture, step), BREAKS).join("<br/>") : LABELS.step(step);
  const { source, notes } = diagram(picture, { ...LABELS, step });
  const [head, ...parts] = renderMermaidSVG(source, { ...COLORS, font: "sans-serif", padding: 16 })
    .replace(/@import url\([^)]*\);/, "")
    .replace("</style>", `${STYLE}</style>`)
    .split(NOTE);
  return head +
    parts.map((part, i) => `<g class="note${notes[i].deed.kind === "zombie" ? " zombie" : ""}"${part}`).join("");
}

const NOTE = '<g class="note"';

/** How many columns a step's arrow crosses. */
function span({ lifelines }: Picture, { from, to }: Step): number {
  const index = (line: Lifeline) => lifelines.findIndex(({ id }) => id === line.id);
  return to ? Math.max(1, Math.abs(index(from) - index(to))) : 1;
}

const width = (text: string) => Math.max(...text.split("\n").map(widthOf));

/**
 * Labels as the renderer can place them, which takes each UTF-16 code unit for a column: a character of another width, with
 * the marks on it, is drawn as characters of private use, of which one stands for it, and comes back when all is drawn.
 */
class StandIns {
  readonly #numbers = new Map<string, number>();
  readonly #originals: string[] = [];

  encode(label: string): string {
    return label.replace(/.?[\p{Mn}\p{Me}]+|[\u1100-\u{10ffff}]/gu, (original) => {
      const columns = widthOf(original);
      if (columns === original.length && !/\p{Co}/u.test(original)) return original;
      if (columns === 0) return ""; // a mark on nothing
      const number = this.#numbers.getOrInsertComputed(original, () => this.#originals.push(original));
      // one picture hardly has so many
      const sign = number > LAST - FILLER ? "\ufffd" : String.fromCharCode(FILLER + number);
      return sign + String.fromCharCode(FILLER).repeat(columns - 1);
    });
  }

  decode(art: string): string {
    return art.replace(/[\ue000-\uf8ff]/g, (sign) => this.#originals[sign.charCodeAt(0) - FILLER - 1] ?? "");
  }
}

const FILLER = 0xe000, LAST = 0xf8ff; // of those for private use

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
  if (picture.lifelines.length * NARROWEST > columns) return asText(picture, columns);
  const standIns = new StandIns();
  const encode = (rows: string[]) => rows.map((row) => standIns.encode(row));
  const render = ({ line, step }: Labels) => {
    const { source } = diagram(picture, { line: (one) => encode(line(one)), step });
    return standIns.decode(dense(renderMermaidASCII(source, { colorMode: "none" })));
  };
  const full = render({ ...LABELS, step: (step) => standIns.encode(LABELS.step(step)) });
  if (width(full) <= columns) return full + "\n";

  // narrower: the words on several rows, and shorter names
  for (const [step, name] of [[40, 24], [32, 20], [24, 20], [18, 14], [14, 12], [11, 9], [9, 7], [7, 6]]) {
    const art = render({
      line: (line) =>
        LABELS.line(line).flatMap((text) => wrap(name < 9 ? text.replace("pid ", "") : text, name, BREAKS)),
      step: (one) => encode(block(wrap(LABELS.step(one), step * span(picture, one), BREAKS))).join("<br/>"),
    });
    if (width(art) <= columns) return art + "\n";
  }
  return asText(picture, columns);
}

const NARROWEST = 9; // columns of a lifeline: not worth trying, and drawing what is large takes its time

/** The steps as lines, where the columns are too few for a picture. */
function asText(picture: Picture, columns: number): string {
  const notice =
    `(${columns} columns are too few to draw ${picture.lifelines.length} lifelines; --svg FILE draws them.)`;
  return wrap(notice, columns).join("\n") + "\n\n" +
    picture.steps.flatMap((step) => step.group ?? [step]).map((step) => {
      const who = step.to && step.to !== step.from ? `${name(step.from)} → ${name(step.to)}` : name(step.from);
      return wrap(shown(`${who}: ${words(step)}`), columns - 2).join("\n  ");
    }).join("\n") + "\n";
}

function name(line: Lifeline): string {
  const [first, second] = labelOf(line);
  return second ? `${first} (${second})` : first;
}

const BLANK = "\u2800"; // looks like a space, and is not trimmed as one

/** Rows of one width: a lifeline would show behind a shorter one. */
function block(rows: string[]): string[] {
  const longest = Math.max(...rows.map(widthOf));
  return rows.map((row) => row + BLANK.repeat(longest - widthOf(row)));
}
