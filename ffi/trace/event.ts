/**
 * What tracing tells: the events, and what their arguments are made of. All of it is data, ready for JSON; only
 * {@linkcode formatTraceEvent} makes text of it.
 *
 * @module
 */

/** The version of the events' form; the `start` event of each process tells it. */
export const TRACE_VERSION = 2;

/** A number with names: a command, a signal, a family, or a set of flags. */
export interface TracedFlags {
  /** The number that was passed. */
  value: number;
  /** The constants that it is made of: `["IPC_CREAT", "IPC_EXCL"]`. */
  names: string[];
  /** What is left of the number without these; 0 if there is nothing. Permissions, mostly. */
  rest: number;
  /** How the rest reads: 8 or 16; 10 unless given. */
  radix?: 8 | 16;
}

/** Bytes that a call moved: how many, and the first of them. */
export interface TracedBytes {
  /** How many bytes. */
  length: number;
  /** The first of them, at most {@linkcode TRACED_BYTES}: a character of code 0 to 255 for each. */
  bytes: string;
}

/** How many bytes an event has of those that a call moved. */
export const TRACED_BYTES = 128;

/** An address that nothing is known about: the call has not filled what is there, or will not. */
export interface TracedPointer {
  /** The address. */
  pointer: number;
}

/** A number that JSON cannot hold exactly: one beyond 2^53. */
export interface TracedInteger {
  /** The number in decimal digits. */
  integer: string;
}

/** A structure. */
export interface TracedStruct {
  /** C's name for it: `msqid_ds`, `sockaddr_in`, `wstatus`. */
  struct: string;
  /** Its members by their names. */
  fields: Record<string, TracedArgument>;
}

/**
 * A call's argument: an integer, text (a path, a name), `null` for NULL, or one of the others. An array is an array
 * in C: pairs of descriptors, operations, values.
 */
export type TracedArgument =
  | number
  | string
  | null
  | TracedFlags
  | TracedBytes
  | TracedPointer
  | TracedInteger
  | TracedStruct
  | TracedArgument[];

/** Where in the program a call stands. */
export interface TracedPlace {
  /** The file's URL. */
  file: string;
  /** The line, from 1. */
  line: number;
  /** The column, from 1. */
  column: number;
}

/** What all events have. */
export interface TraceEventBase {
  /** When, in microseconds of `CLOCK_MONOTONIC`: one clock for all processes. */
  t: number;
  /** In which process. */
  pid: number;
}

/** The first event of a process. */
export interface StartEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "start";
  /** {@linkcode TRACE_VERSION}. */
  v: number;
  /** The parent. */
  ppid: number;
  /** The program's file name. */
  name: string;
  /** True for a child made by `fork`. */
  forked: boolean;
}

/** A call has begun. Without an `exit` event after it, the process is still in it, or has ended there. */
export interface EnterEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "enter";
  /** The function. */
  call: string;
  /** Its arguments, by their names in the manual page; what the call has yet to fill is a {@linkcode TracedPointer}. */
  args: Record<string, TracedArgument>;
  /** Where it was called, if that is known. */
  at?: TracedPlace;
  /** True if it may make the process wait: it is such a call, and was not told not to. */
  waits?: true;
}

/** A call is back. */
export interface ExitEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "exit";
  /** The function. */
  call: string;
  /** Its arguments, with what it filled. */
  args: Record<string, TracedArgument>;
  /** What it returned; an address of `shmat` too. */
  result: number;
  /** The error's name, if it failed. */
  errno?: string;
  /** How long it took, in microseconds. */
  dur: number;
  /** Descriptors that it gave. */
  opened?: number[];
  /** For `accept` and `connect`: this end of the connection. */
  local?: string;
  /** For `accept` and `connect`: the other end. */
  peer?: string;
  /** Where it was called, if that is known. */
  at?: TracedPlace;
}

/** The file whose bytes a mapping shows; memory without one has none or, if it is shared, one without a name. */
export interface TracedFile {
  /** Its path, as far as it is known; "" for none. */
  path: string;
  /** Its number in its file system; 0 for memory of this process alone. */
  inode: number;
}

/** The program has read or written shared memory through `peek`, `poke`, `sprintf`, `SharedMemory`, a record … */
export interface MemoryEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "memory";
  /** What it did. */
  op: "read" | "write";
  /** The segment, if it is one. */
  shmid?: number;
  /** What is mapped there, if it is a mapping. */
  file?: TracedFile;
  /** The first byte, counted from the beginning of the segment or the file. */
  offset: number;
  /** What was read or written. */
  data: TracedBytes;
  /** Through a record: which of its fields, `Reading.samples[3]`; the record alone for the whole of it. */
  field?: string;
  /** What the field had, or has now. */
  value?: TracedArgument;
  /** Where in the program, if that is known. */
  at?: TracedPlace;
}

/** A handler that was set by `signal` is about to run. */
export interface SignalEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "signal";
  /** The signal's name. */
  sig: string;
}

/**
 * From here on the process has done more than is told: an `IPC_TRACE` file keeps {@linkcode TRACE_LIMIT} events of each process,
 * and then only those of its life: `fork`, `wait`, `exit`.
 */
export interface LostEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "lost";
  /** How many events were left out up to now. The last such event of a process counts. */
  count: number;
}

/** The process ends by itself. There is none if a signal ends it. */
export interface EndEvent extends TraceEventBase {
  /** What kind of event it is. */
  ev: "end";
  /** Its exit status. */
  status: number;
}

/** What tracing tells. As JSON, one a line, this is the format of `IPC_TRACE` files. */
export type TraceEvent = StartEvent | EnterEvent | ExitEvent | MemoryEvent | SignalEvent | LostEvent | EndEvent;

/** How many events an `IPC_TRACE` file keeps of each process, unless `IPC_TRACE_LIMIT` in the environment says otherwise. */
export const TRACE_LIMIT = 50_000;
