/**
 * What a picture of a trace is made of. All of it is data; `words.ts` makes text of it.
 *
 * @module
 */
import type { TracedArgument, TracedBytes } from "../../../mod.ts";

/** A process, or one of the kernel's objects. */
export type Thing =
  /** `program` is null for a child that was forked. */
  | { type: "process"; pid: number; program: string | null }
  /** Named by its key where one was given. */
  | { type: "segment" | "queue" | "semaphore set"; key?: number; id?: number }
  | { type: "POSIX queue"; name: string }
  /** Named by its path, if it has one. */
  | { type: "mapping"; path: string }
  | { type: "socket"; address: TracedArgument | undefined }
  | { type: "pipe" | "socket pair" };

/** A lifeline. */
export interface Lifeline {
  /** Unique, and a valid Mermaid name. */
  id: string;
  /** What it is the line of. */
  thing: Thing;
  /** The process that forked it. */
  parent?: Lifeline;
}

/** A call that is over. */
export interface Call {
  kind: "call";
  call: string;
  /** The arguments that are worth showing. */
  args?: (TracedArgument | undefined)[];
  /** What it returned, if that is worth showing. */
  result?: number;
  errno?: string;
  /** A message's type. */
  mtype?: TracedArgument;
  /** A message's priority, if it is not 0. */
  priority?: number;
  /** Who was accepted. */
  peer?: string;
  /** The other side has closed its end. */
  end?: true;
  /** Bytes that crossed. */
  data?: TracedBytes;
}

/** What happened. */
export type Deed =
  | Call
  /** `field` is that of a record, `Reading.value`. */
  | {
    kind: "memory";
    op: "read" | "write";
    offset: number;
    data: TracedBytes;
    field?: string;
    value?: TracedArgument;
  }
  | { kind: "print"; data?: TracedBytes }
  /** The process stood still in a call; for so many microseconds, or to the end of the trace. */
  | { kind: "wait"; call: string; us: number | null }
  | { kind: "reap"; call: string; status: TracedArgument | undefined }
  /** A child had ended, and nobody had waited for it for so many microseconds, or to the end of the trace. */
  | { kind: "zombie"; us: number | null }
  | { kind: "signal"; sig: string }
  | { kind: "exit"; status: number }
  /** The trace has no more than the process's births and deaths from here on. */
  | { kind: "lost"; events: number }
  /** The picture would be too large. */
  | { kind: "omitted"; steps: number; lifelines: number };

/** Something that happened. */
export interface Step {
  /** When, in microseconds: when it began, if it took its time. */
  t: number;
  /** Who did it. */
  from: Lifeline;
  /** To whom; undefined for something that concerns `from` alone. */
  to?: Lifeline;
  /** What it was. */
  deed: Deed;
  /** An answer, or something that only arrived: drawn with a dashed line. */
  dashed?: boolean;
  /** In a repetition: the last one, if its bytes were others. */
  last?: Deed;
  /** How many times it happened. */
  times: number;
  /** A repetition of several steps: these. */
  group?: Step[];
}

/** What a trace shows. */
export interface Picture {
  /** In the order to draw them. */
  lifelines: Lifeline[];
  /** In the order they happened. */
  steps: Step[];
}
