/**
 * Prints demos, for terminals of any width and for files.
 *
 * @module
 */
import { asShown, type Line, Shown, shown } from "../shared/escape.ts";
import { wrap } from "../shared/layout.ts";
import { painted, SGR } from "../shared/terminal.ts";
import type { Demo, DemoEvent, Outcome } from "./runner.ts";

/** Where the demos are printed. */
export interface Screen {
  write(text: Shown): void;
  /** Columns of a line; lines are wrapped there. */
  columns(): number;
  /** Whether colours may be used, and a line be written anew: not into a file. */
  control: boolean;
}

const { bold: BOLD, dim: DIM, red: RED, green: GREEN, yellow: YELLOW } = SGR;
const NAMES = [SGR.cyan, SGR.magenta, SGR.yellow, SGR.blue, SGR.green]; // of processes: everything but red

/** Prints what happens. */
export class View {
  readonly #screen: Screen;
  #names: string[] = [];
  #margin = 0;
  #heading = "";
  #ticker: ReturnType<typeof setInterval> | undefined;
  #status = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  #paint(text: string, ...codes: string[]): Shown {
    return this.#screen.control ? painted(text, ...codes) : asShown(text);
  }

  #print(line: Line): void {
    const clear = this.#status ? "\r\x1b[K" : "";
    this.#status = false;
    this.#screen.write(new Shown(`${clear}${asShown(line)}\n`));
  }

  /** Prints text behind a label, wrapped at the words where there are any; further lines start below the text. */
  #item(label: Line, indent: number, text: string, ...codes: string[]): void {
    const lines = wrap(text, Math.max(10, this.#screen.columns() - indent));
    lines.forEach((line, i) =>
      this.#print(shown`${i === 0 ? label : " ".repeat(indent)}${this.#paint(line, ...codes)}`)
    );
  }

  /** Starts a demo. */
  begin(demo: Demo, at: number, of: number): void {
    this.#names = [...new Set(demo.parts.map(({ who }) => who))];
    this.#margin = Math.max(...this.#names.map((name) => name.length));
    this.#heading = `[${at}/${of}] ${demo.name}`;
    const slides = `${demo.slides.includes(",") ? "slides" : "slide"} ${demo.slides}`;
    this.#item("", 0, `${this.#heading} - ${slides}: ${demo.title}`, BOLD);
    this.#item("", 0, demo.notice, DIM);
    if (!this.#screen.control) return;
    const start = performance.now();
    this.#ticker = setInterval(() => {
      const status = `${this.#heading} ... ${((performance.now() - start) / 1000).toFixed(1)} s`;
      // a status that wraps could not be written over
      this.#screen.write(shown`\r\x1b[K${this.#paint(status.slice(0, this.#screen.columns() - 1), DIM)}`);
      this.#status = true;
    }, 100);
  }

  /** Prints what happens in it. */
  event(event: DemoEvent): void {
    switch (event.type) {
      case "start": {
        const args = event.args.map((arg) => /[^\w./:-]/.test(arg) ? `"${arg}"` : arg);
        const command = ["deno run --allow-ffi", `scripts/${event.script}`, ...args].join(" ");
        return this.#line(event.who, "$", command, BOLD);
      }
      case "line":
        if (event.stream === "stderr") return this.#line(event.who, "!", event.text, RED);
        return this.#line(event.who, "|", event.text + (event.typed ?? ""));
      case "end":
        return this.#line(event.who, "=", event.how, ...(event.expected ? [DIM] : [RED, BOLD]));
      case "note":
        return this.#line("", "#", event.text, YELLOW);
      case "claim":
        return this.#item(
          shown`${" ".repeat(this.#margin)} ${event.holds ? this.#paint("ok", GREEN) : this.#paint("NO", RED, BOLD)} `,
          this.#margin + 4,
          event.text,
        );
    }
  }

  #line(who: string, sign: string, text: string, ...codes: string[]): void {
    const color = NAMES[this.#names.indexOf(who) % NAMES.length];
    const label = `${who.padEnd(this.#margin)} ${sign} `;
    this.#item(who ? this.#paint(label, color) : label, label.length, text, ...codes);
  }

  /** Ends a demo. */
  end({ demo, result, reasons, ms }: Outcome): void {
    clearInterval(this.#ticker);
    for (const reason of reasons.filter((reason) => !reason.startsWith("not so: "))) {
      this.#item(`${demo.name}: `, demo.name.length + 2, reason, RED);
    }
    this.#item("", 0, `${result} in ${seconds(ms)}`, COLORS[result], BOLD);
    this.#print("");
  }

  /** Says something that belongs to no demo. */
  say(text: string): void {
    this.#item("", 0, text, YELLOW);
  }

  /** Prints how all went. */
  summary(outcomes: Outcome[], ms: number): void {
    const count = (result: Outcome["result"]) => outcomes.filter((outcome) => outcome.result === result).length;
    const names = Math.max(...outcomes.map(({ demo }) => demo.name.length));
    this.#print(this.#paint("Summary", BOLD));
    for (const { demo, result, reasons, ms } of outcomes) {
      const word = this.#paint(result.padEnd(11), COLORS[result]);
      this.#print(shown`  ${word} ${demo.name.padEnd(names)} ${seconds(ms).padStart(7)}`);
      for (const reason of reasons) this.#item("    ", 4, `${reason}`, COLORS[result]);
    }
    const counts = (["passed", "failed", "skipped", "interrupted"] as const)
      .filter((result) => count(result) > 0 || result === "passed").map((result) => `${count(result)} ${result}`);
    const worst = outcomes.every(({ result }) => result === "passed") ? GREEN : RED;
    this.#item("", 0, `${counts.join(", ")} in ${seconds(ms)}`, worst, BOLD);
  }
}

const COLORS: Record<Outcome["result"], string> = { passed: GREEN, failed: RED, skipped: YELLOW, interrupted: YELLOW };

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
