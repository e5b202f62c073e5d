/**
 * Reads a trace file, also while it is being written: what is no event is left out, and what is kept has a limit.
 *
 * @module
 */
import { parseTrace, TRACE_VERSION, type TraceEvent } from "../../../mod.ts";

const KEPT = 100_000; // events; a picture has some hundred steps
const KEPT_OF_LIVES = 10_000; // events of births and deaths, beyond those
const KEPT_CHARACTERS = 1 << 25; // of the lines of what is kept
const LONGEST_LINE = 1 << 20; // characters
const CHUNK = 1 << 18; // bytes
const WATCHED = 1000; // processes whose last event is known

/** A part of a trace, with a limit. */
class Part {
  readonly events: TraceEvent[] = [];
  #characters = 0;

  /** @param share How much of what is kept it has. */
  constructor(readonly kept: number, readonly share: number) {}

  get isFull(): boolean {
    return this.events.length >= this.kept * this.share || this.#characters >= KEPT_CHARACTERS * this.share;
  }

  add(event: TraceEvent, characters: number): void {
    this.events.push(event);
    this.#characters += characters;
  }
}

/** What a trace file holds. */
export class TraceReader implements Disposable {
  /** How many lines were no events. */
  malformed = 0;
  /** The number of the first of them, from 1. */
  firstMalformed: number | undefined;
  /** How many events were not kept. */
  dropped = 0;
  /** Another version of the format that the trace is in. */
  otherVersion: number | undefined;
  /** The last event of each process, of those that were heard of lately. */
  readonly last: Map<number, TraceEvent> = new Map();

  // how it begins and how it ends says most: the first half of what is kept, and the last two quarters
  readonly #head: Part;
  readonly #lives: TraceEvent[] = [];
  #older: Part;
  #newer: Part;
  #lines = 0;
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
    this.#head = new Part(kept, 1 / 2);
    this.#older = new Part(kept, 1 / 4);
    this.#newer = new Part(kept, 1 / 4);
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

  /** Nothing more will be written: a last line without an end that is longer than any event is not waited for. */
  end(): void {
    this.read();
    if (this.#skipping) this.#line("");
  }

  /** The events that are kept, in the order they were written. */
  get events(): TraceEvent[] {
    return [...this.#head.events, ...this.#lives, ...this.#older.events, ...this.#newer.events];
  }

  #line(line: string): void {
    this.#lines++;
    const [event] = this.#skipping || line.length > LONGEST_LINE ? [] : parseTrace(line);
    this.#skipping = false;
    if (!event) {
      this.malformed++;
      this.firstMalformed ??= this.#lines;
      return;
    }
    if (event.ev === "start" && event.v !== TRACE_VERSION) this.otherVersion = event.v;
    this.#each(line);
    this.last.delete(event.pid);
    this.last.set(event.pid, event);
    if (this.last.size > WATCHED) this.last.delete(this.last.keys().next().value!);
    this.#keep(event, line.length);
  }

  #keep(event: TraceEvent, characters: number): void {
    if (!this.#head.isFull) return this.#head.add(event, characters);
    if (this.#newer.isFull) {
      for (const old of this.#older.events) {
        if (isOfLife(old) && this.#lives.length < KEPT_OF_LIVES) this.#lives.push(old);
        else this.dropped++;
      }
      this.#older = this.#newer;
      this.#newer = new Part(this.#kept, 1 / 4);
    }
    this.#newer.add(event, characters);
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
