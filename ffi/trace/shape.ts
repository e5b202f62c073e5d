/**
 * The form of events: what is read as one is one, in all its parts.
 *
 * @module
 */
import type { TracedArgument, TracedBytes, TraceEvent } from "./event.ts";

type Test = (value: unknown) => boolean;
type Shape = Record<string, Test>;

const text: Test = (value) => typeof value === "string";
const number: Test = (value) => Number.isFinite(value);
const integer: Test = (value) => Number.isSafeInteger(value);
const positive: Test = (value) => integer(value) && (value as number) > 0;
const truth: Test = (value) => typeof value === "boolean";
const listOf = (test: Test): Test => (value) => Array.isArray(value) && value.every(test);
const optional = (test: Test): Test => (value) => value === undefined || test(value);
const shaped = (shape: Shape): Test => (value) =>
  isObject(value) && Object.entries(shape).every(([name, test]) => test(value[name]));
/** The same, and nothing else: what kind of argument it is can be told by one name. */
const exactly = (shape: Shape): Test => {
  const test = shaped(shape);
  return (value) => test(value) && Object.keys(value as object).every((name) => Object.hasOwn(shape, name));
};
const mapOf = (test: Test): Test => (value) => isObject(value) && Object.values(value).every(test);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const latin1: Test = (value) => typeof value === "string" && /^[\0-\xff]*$/.test(value);
const bytesForm = exactly({ length: integer, bytes: latin1 });
const bytes: Test = (value) => bytesForm(value) && (value as TracedBytes).bytes.length <= (value as TracedBytes).length;

const OBJECTS: Test[] = [
  exactly({
    value: number,
    names: listOf(text),
    rest: number,
    radix: (value) => value === undefined || value === 8 || value === 16,
  }),
  bytes,
  exactly({ pointer: number }),
  exactly({ integer: text }),
  exactly({ struct: text, fields: mapOf(isArgument) }),
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
    shmid: optional(integer),
    file: optional(shaped({ path: text, inode: integer })),
    offset: integer,
    data: bytes,
    field: optional(text),
    value: optional(isArgument),
    at: place,
  }),
  signal: shaped({ sig: text }),
  lost: shaped({ count: integer }),
  end: shaped({ status: number }),
};

const base = shaped({ t: number, pid: positive });

/** Tells whether something is an event, in all its parts. */
export function isEvent(value: unknown): value is TraceEvent {
  if (!base(value)) return false;
  const { ev } = value as { ev?: unknown };
  return typeof ev === "string" && Object.hasOwn(SHAPES, ev) && SHAPES[ev as TraceEvent["ev"]](value);
}
