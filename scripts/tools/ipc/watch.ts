/**
 * `ipc watch`: what there is, as it changes.
 *
 * @module
 */
import { asShown, json, type Line, Shown } from "../shared/escape.ts";
import { cut } from "../shared/layout.ts";
import { onInterrupt } from "../shared/signals.ts";
import type { Kind } from "../shared/sysv.ts";
import { paint, print, SGR, terminalSize, writeAll } from "../shared/terminal.ts";
import { listing } from "./list.ts";
import { allObjects, handle, type Obj, processTree, type TreeNode } from "./objects.ts";

const INTERVAL = 500; // ms
const MARKED = 2500; // ms that a change stays marked
const CTRL_C = 3, CTRL_D = 4;

/** What has to be the same for an object not to have changed. */
function signature(object: Obj): string {
  return JSON.stringify({ ...object, age: 0 });
}

/** Prints the objects as a line of JSON, again whenever they have changed; without an end. */
export async function watchJson(kinds: readonly Kind[]): Promise<never> {
  let before: string | undefined;
  for (;;) {
    const objects = allObjects(kinds);
    const now = objects.map(signature).join();
    if (now !== before) print(json(objects));
    before = now;
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}

/** Whether there is a terminal to draw on, and a keyboard. */
export function canWatch(): boolean {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal() && Deno.env.get("TERM") !== "dumb";
}

// what ends a program without its finally blocks: Deno.exit(), and errors that nobody catches
const ENDS = ["unload", "error", "unhandledrejection"];

/** The terminal as long as it is ours: its other screen, no cursor, keys as they are pressed. */
class Screen implements Disposable {
  #mine = false;
  readonly #leave = () => this[Symbol.dispose]();

  constructor() {
    for (const end of ENDS) globalThis.addEventListener(end, this.#leave);
    this.#mine = true;
    Deno.stdin.setRaw(true);
    writeAll(new Shown("\x1b[?1049h\x1b[?25l"));
  }

  draw(lines: Line[]): void {
    writeAll(new Shown("\x1b[H" + lines.map((line) => asShown(line).text + "\x1b[K").join("\r\n") + "\x1b[J"));
  }

  [Symbol.dispose](): void {
    if (!this.#mine) return;
    this.#mine = false;
    for (const end of ENDS) globalThis.removeEventListener(end, this.#leave);
    try {
      writeAll(new Shown("\x1b[?25h\x1b[?1049l"));
      Deno.stdin.setRaw(false);
    } catch {
      // the terminal is gone
    }
  }
}

type Mark = "+" | "~" | "-" | " ";

/** Remembers what there was, and so tells what has changed. */
class Changes {
  readonly #known = new Map<string, { object: Obj; signature: string; mark: Mark; since: number }>();
  #first = true;

  /** Takes in what there is now, and gives that together with what has just gone. */
  update(objects: Obj[]): Obj[] {
    const now = performance.now();
    const there = new Set<string>();
    for (const object of objects) {
      const key = handle(object);
      const before = this.#known.get(key);
      const current = signature(object);
      there.add(key);
      if (!before || before.mark === "-") {
        this.#known.set(key, { object, signature: current, mark: this.#first ? " " : "+", since: now });
        continue;
      }
      if (before.signature !== current) {
        // what is new stays so for its while
        if (before.mark !== "+") before.mark = "~";
        before.since = now;
      } else if (now - before.since > MARKED) before.mark = " ";
      before.object = object;
      before.signature = current;
    }
    for (const [key, entry] of this.#known) {
      if (there.has(key)) continue;
      if (entry.mark !== "-") Object.assign(entry, { mark: "-", since: now });
      else if (now - entry.since > MARKED) this.#known.delete(key);
    }
    this.#first = false;
    return [...this.#known.values()].map(({ object }) => object).sort((a, b) => a.id - b.id);
  }

  mark(object: Obj): Mark {
    return this.#known.get(handle(object))!.mark;
  }
}

const STYLES: Record<Mark, string[]> = { "+": [SGR.green], "~": [SGR.bold], "-": [SGR.red], " ": [] };

/** The processes' lines. */
function treeLines(nodes: TreeNode[], width: number, before = "", top = true): Shown[] {
  return nodes.flatMap((node, i) => {
    const last = i === nodes.length - 1;
    const branch = top ? "" : last ? "└─ " : "├─ ";
    const what = node.zombie ? "ZOMBIE, not waited for" : node.uses.join(", ");
    const line = cut(`${before}${branch}${node.pid} ${node.name}${what ? `  ${what}` : ""}`, width);
    const below = before + (top ? "" : last ? "   " : "│  ");
    return [
      paint(line, ...(node.zombie ? [SGR.red, SGR.bold] : [])),
      ...treeLines(node.children, width, below, false),
    ];
  });
}

function frame(changes: Changes, kinds: readonly Kind[]): Line[] {
  const { columns, rows } = terminalSize();
  const objects = allObjects(kinds);
  const shown = changes.update(objects);
  const time = new Date().toTimeString().slice(0, 8);
  const style = (object: Obj) => {
    const own = STYLES[changes.mark(object)];
    return own.length > 0 ? own : object.orphan ? [SGR.yellow] : [];
  };
  const head = [paint(cut(`ipc watch  ${time}  q quits  + new  ~ changed  - gone`, columns), SGR.dim), ""];
  const list = listing(shown, kinds, columns, style, (object) => `${changes.mark(object)} `);
  const tree = treeLines(processTree(objects), columns);
  const below = [
    "",
    paint(cut("Processes that use them, and zombies", columns), SGR.bold, SGR.cyan),
    ...(tree.length > 0 ? tree : [paint(cut("none", columns), SGR.dim)]),
  ];
  // a long list leaves a third of the terminal to the processes
  const room = rows - head.length - Math.min(below.length, Math.ceil(rows / 3));
  const above = [...head, ...shortened(list, room, columns)];
  return [...above, ...shortened(below, rows - above.length, columns)].slice(0, rows);
}

/** At most so many lines, of which the last says how many are left out. */
function shortened(lines: Line[], most: number, columns: number): Line[] {
  if (lines.length <= most) return lines;
  if (most < 1) return [];
  return [...lines.slice(0, most - 1), cut(`… ${lines.length - most + 1} lines more`, columns)];
}

/**
 * Shows the objects until a key or a signal ends it. The terminal is left as it was.
 *
 * @returns The exit code.
 */
export async function watch(kinds: readonly Kind[]): Promise<number> {
  const end = Promise.withResolvers<number>();
  let wake = () => {};
  let code: number | undefined;
  const stop = (status: number) => {
    code ??= status;
    end.resolve(code);
    wake();
  };
  // the listeners go first: a signal that came in between would leave the terminal raw
  using _signals = onInterrupt((_, status) => stop(status));
  Deno.addSignalListener("SIGWINCH", () => wake());
  using screen = new Screen();
  const keys = async () => {
    const key = new Uint8Array(16);
    for (let n = await Deno.stdin.read(key); n !== null; n = await Deno.stdin.read(key)) {
      const pressed = key.subarray(0, n);
      if (pressed.includes(CTRL_C)) return stop(128 + 2);
      if (pressed.includes(CTRL_D) || pressed.includes(0x71) || pressed.includes(0x51)) return stop(0);
    }
    stop(0);
  };
  keys().catch(() => stop(1)); // the terminal is gone
  const changes = new Changes();
  while (code === undefined) {
    screen.draw(frame(changes, kinds));
    const pause = Promise.withResolvers<void>();
    wake = pause.resolve;
    const timer = setTimeout(pause.resolve, INTERVAL);
    await Promise.race([pause.promise, end.promise]);
    clearTimeout(timer);
  }
  return code;
}
