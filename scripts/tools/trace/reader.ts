/**
 * Reads a trace file, also while it is being written: what is no event is left out, and what is kept has a limit.
 *
 * @module
 */
import { TRACE_VERSION, type TracedArgument, type TraceEvent } from "../../../mod.ts";

const KEPT = 200_000; // events; a picture has some hundred steps
const KEPT_OF_LIVES = 20_000; // events of births and deaths, beyond those
const LONGEST_LINE = 1 << 20; // characters
const CHUNK = 1 << 18; // bytes

/** What a trace file holds. */
export class TraceReader implements Disposable {
  /** The events that are kept, in the order they were written. */
  readonly events: TraceEvent[] = [];
  /** How many lines were no events. */
  malformed = 0;
  /** How many events were not kept. */
  dropped = 0;
  /** Another version of the format that the trace is in. */
  otherVersion: number | undefined;
  /** The last event of each process. */
  readonly last: Map<number, TraceEvent> = new Map();

  readonly #path: string;
  readonly #each: (line: string) => void;
  readonly #kept: number;
  readonly #decoder = new TextDecoder();
  readonly #chunk = new Uint8Array(CHUNK);
  #file: Deno.FsFile | undefined;
  #rest = "";
  #skipping = false;

  /**
   * @param path The file; it need not be there yet.
   * @param each Gets each line that is an event.
   * @param kept How many events to keep.
   */
  constructor(path: string, each: (line: string) => void = () => {}, kept: number = KEPT) {
    this.#path = path;
    this.#each = each;
    this.#kept = kept;
  }

  /** Reads what has been written since the last time. A last line that is torn waits for its end. */
  read(): void {
    try {
      this.#file ??= Deno.openSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    for (let n = this.#file.readSync(this.#chunk); n; n = this.#file.readSync(this.#chunk)) {
      const lines = (this.#rest + this.#decoder.decode(this.#chunk.subarray(0, n), { stream: true })).split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) this.#line(line);
      if (this.#rest.length > LONGEST_LINE) {
        this.#rest = "";
        this.#skipping = true;
      }
    }
  }

  #line(line: string): void {
    if (this.#skipping || line.length > LONGEST_LINE) {
      this.#skipping = false;
      this.malformed++;
      return;
    }
    const event = eventOf(line);
    if (!event) {
      this.malformed++;
      return;
    }
    if (event.ev === "start" && event.v !== TRACE_VERSION) this.otherVersion = event.v;
    this.#each(line);
    this.last.set(event.pid, event);
    const kept = this.events.length < this.#kept ||
      (isOfLife(event) && this.events.length < this.#kept + KEPT_OF_LIVES);
    if (kept) this.events.push(event);
    else this.dropped++;
  }

  [Symbol.dispose](): void {
    this.#file?.close();
  }
}

const LIVES = new Set(["fork", "wait", "waitpid", "wait3", "wait4"]);

/** Tells whether an event is one of a process's birth or death. */
function isOfLife(event: TraceEvent): boolean {
  return event.ev === "enter" || event.ev === "exit" ? LIVES.has(event.call) : event.ev !== "memory";
}

function eventOf(line: string): TraceEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isEvent(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

type Test = (value: unknown) => boolean;
type Shape = Record<string, Test>;

const text: Test = (value) => typeof value === "string";
const number: Test = (value) => Number.isFinite(value);
const integer: Test = (value) => Number.isSafeInteger(value);
const truth: Test = (value) => typeof value === "boolean";
const listOf = (test: Test): Test => (value) => Array.isArray(value) && value.every(test);
const optional = (test: Test): Test => (value) => value === undefined || test(value);
const shaped = (shape: Shape): Test => (value) =>
  isObject(value) && Object.entries(shape).every(([name, test]) => test(value[name]));
const mapOf = (test: Test): Test => (value) => isObject(value) && Object.values(value).every(test);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const bytes = shaped({ length: integer, bytes: text });

const OBJECTS: Test[] = [
  shaped({ value: number, names: listOf(text), rest: number }),
  bytes,
  shaped({ pointer: number }),
  shaped({ integer: text }),
  shaped({ struct: text, fields: mapOf(isArgument) }),
];

const DEEPEST = 8; // arguments in arguments
let depth = 0;

function isArgument(value: unknown): value is TracedArgument {
  if (value === null || text(value) || number(value)) return true;
  if (depth >= DEEPEST) return false;
  depth++;
  try {
    return Array.isArray(value) ? value.every(isArgument) : OBJECTS.some((test) => test(value));
  } finally {
    depth--;
  }
}

const args = mapOf(isArgument);
const place = optional(shaped({ file: text, line: number, column: number }));

const SHAPES: Record<TraceEvent["ev"], Test> = {
  start: shaped({ v: number, ppid: integer, name: text, forked: truth }),
  enter: shaped({ call: text, args, waits: optional(truth), at: place }),
  exit: shaped({
    call: text,
    args,
    result: number,
    errno: optional(text),
    dur: number,
    opened: optional(listOf(integer)),
    local: optional(text),
    peer: optional(text),
    at: place,
  }),
  memory: shaped({
    op: (op) => op === "read" || op === "write",
    shmid: integer,
    offset: integer,
    data: bytes,
    at: place,
  }),
  signal: shaped({ sig: text }),
  lost: shaped({ count: integer }),
  end: shaped({ status: number }),
};

const base = shaped({ t: number, pid: integer });

/** Tells whether something is an event, in all its parts. */
export function isEvent(value: unknown): value is TraceEvent {
  if (!base(value)) return false;
  const { ev } = value as { ev?: unknown };
  return typeof ev === "string" && Object.hasOwn(SHAPES, ev) && SHAPES[ev as TraceEvent["ev"]](value);
}
