/**
 * Tracing, seen from below: who is told of what happens, if anybody is. Without tracing nothing here is asked but
 * whether it is there.
 *
 * @module
 */
import type { TracedArgument, TracedPlace } from "../trace/event.ts";

/** What bytes are to a program. */
export interface Field {
  /** A record's field: `Reading.samples[3]`. */
  readonly name: string;
  /** What it has. */
  readonly value: TracedArgument;
}

/** Who looks. */
export interface Observer {
  /** A header has declared a function, whose calls are to be seen: an `Entry` of header.ts, which builds on this. */
  declared(entry: unknown): void;
  /** A declared function, a `Declared` of header.ts, begins to block on another thread; the result is to be told of its end. */
  blocks(declared: unknown, args: readonly unknown[]): ((result: number, errno: number) => void) | undefined;
  /** Shared memory was read or written: a `Memory` of memory.ts, as a record's field or as bytes. */
  touched(op: "read" | "write", memory: unknown, offset: number, data: Uint8Array, field?: Field): void;
  /** `signal` was called: with a function's name, or `SIG_DFL` or `SIG_IGN`. */
  installed(sig: number, handler: string | number): void;
  /** A handler is about to run. */
  delivered(sig: string): void;
  /** The program waits in `pause`, or has come back from it. */
  paused(waiting: boolean): void;
  /** Where in the program this is called from. */
  here(): TracedPlace | undefined;
  /** The process is about to end. */
  exiting(status: number): void;
}

/** The state of tracing. */
export const tracing: {
  /** The one who looks now. */
  current: Observer | undefined;
  /** What to do when somebody begins to look, or looks no more. */
  readonly changes: (() => void)[];
  /** How many calls are being told of right now: what they use must not be used by a listener's own calls. */
  depth: number;
  /** Where in the program the next calls belong, if not where they are made from. */
  at?: TracedPlace;
  /** Begins what the environment asks for; run before the first call of all. */
  start(): void;
  /** If this is the trace's own descriptor, that takes another number, and this one is free for the program. */
  leave(fd: number): boolean;
} = { current: undefined, changes: [], depth: 0, start() {}, leave: () => false };
