/**
 * What a picture says, in words.
 *
 * @module
 */
import type { TracedArgument, TracedBytes, TracedFlags, TracedStruct } from "../../../mod.ts";
import { utf8, visible } from "../shared/escape.ts";
import { field, isBytes, isFlags, isInteger, isPointer, isStruct, numberOf } from "./arguments.ts";
import { dataOf } from "./fold.ts";
import type { Deed, Lifeline, Step } from "./picture.ts";

const PREVIEW = 44; // characters of bytes
const LONG_PATH = 25; // characters; of a longer one, only the last part is shown

/** What stands in a lifeline's box, a line each. */
export function label({ thing }: Lifeline): string[] {
  switch (thing.type) {
    case "process":
      return [thing.program ?? "child", `pid ${thing.pid}`];
    case "segment":
    case "queue":
    case "semaphore set":
      return [`${thing.type} ${thing.key ?? `id ${thing.id}`}`];
    case "POSIX queue":
      return [`queue ${thing.name}`];
    case "mapping":
      return [`mapping ${thing.path || "without a name"}`];
    case "socket":
      return [`socket ${argument(thing.address)}`];
    default:
      return [thing.type];
  }
}

/** What a step says, as in `msgsnd type 1 “Did you get this?\0”`. */
export function words({ deed, last, times, group }: Step): string {
  const text = action(deed) + place(deed) + content(deed);
  const rest = last ? ` …${place(last)}${content(last)}` : "";
  return visible(text + rest + (times > 1 && !group ? ` ×${times}` : ""));
}

function action(deed: Deed): string {
  switch (deed.kind) {
    case "call": {
      const { call, args, mtype, priority, peer, end, errno, result } = deed;
      const outcome = errno ?? result;
      return call + (args ? `(${args.filter((arg) => arg !== undefined).map(argument).join(", ")})` : "") +
        (mtype === undefined ? "" : ` type ${argument(mtype)}`) +
        (priority === undefined ? "" : ` priority ${priority}`) + (end ? ": end" : "") + (peer ? ` ← ${peer}` : "") +
        (outcome === undefined ? "" : ` = ${outcome}`);
    }
    case "memory":
      return `${deed.op}s`;
    case "print":
      return "prints";
    case "wait":
      return deed.us === null ? `waits in ${deed.call}() to the end` : `waits ${time(deed.us)} in ${deed.call}()`;
    case "reap":
      return `${deed.call}(): ${status(deed.status)}`;
    case "zombie":
      return deed.us === null ? "zombie: nobody has waited for it" : `zombie for ${time(deed.us)}`;
    case "signal":
      return deed.sig;
    case "exit":
      return `exit(${deed.status})`;
    case "lost":
      return `… ${count(deed.events, "event")} more of this process were not kept`;
    case "omitted": {
      const what = deed.lifelines > 0 ? `${count(deed.steps, "step")} and ${count(deed.lifelines, "lifeline")}` : "";
      return `… ${what || count(deed.steps, "step")} more are left out`;
    }
  }
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

function time(us: number): string {
  if (us >= 1e6) return `${(us / 1e6).toFixed(1)} s`;
  return us >= 1000 ? `${Math.round(us / 1000)} ms` : `${Math.max(1, Math.round(us))} µs`;
}

/** What was moved: bytes, or what a record's field has. */
function content(deed: Deed): string {
  if (deed.kind !== "memory" || deed.field === undefined || deed.value === undefined) return quoted(dataOf(deed));
  return ` = ${shortened(typeof deed.value === "string" ? `“${deed.value}”` : argument(deed.value))}`;
}

/** A text of which the end may be left out. */
function shortened(text: string): string {
  const characters = [...text];
  return characters.length > PREVIEW ? characters.slice(0, PREVIEW - 1).join("") + "…" : text;
}

/** Which bytes of a segment, or which field of a record there. */
function place(deed: Deed): string {
  if (deed.kind !== "memory") return "";
  if (deed.field !== undefined) return ` ${deed.field}`;
  const { offset, data: { length } } = deed;
  return ` [${offset}${length > 1 ? `…${offset + length - 1}` : ""}]`;
}

/** Bytes as text, and how many if they don't all show. */
function quoted(data: TracedBytes | undefined): string {
  if (!data) return "";
  const all = printable(data);
  const shown = [...all.replaceAll(/ {2,}/g, " ").replace(/(?<=.)\n$/s, "").replaceAll("\n", "↵")];
  const short = shown.length > PREVIEW || data.bytes.length < data.length;
  return ` “${short ? shown.slice(0, PREVIEW - 8).join("") + "…" : shown.join("")}”${
    short ? ` ${data.length} bytes` : ""
  }`;
}

/** Bytes as UTF-8, if they are that; with escapes for what can't be printed, but lines. */
function printable({ bytes, length }: TracedBytes): string {
  const raw = Uint8Array.from(bytes, (character) => character.charCodeAt(0));
  // a character may be cut at the end
  for (let cut = 0; cut <= (length > raw.length ? 3 : 0); cut++) {
    const text = utf8(raw.subarray(0, raw.length - cut));
    if (text !== null) return visible(text, "\n");
  }
  return bytes.replace(/[^\n\x20-\x7e]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** How a child ended. */
function status(value: TracedArgument | undefined): string {
  const exited = numberOf(field(value, "WEXITSTATUS"));
  if (exited !== undefined) return `exited with ${exited}`;
  const killed = field(value, "WTERMSIG");
  if (killed !== undefined) return `killed by ${argument(killed)}`;
  const stopped = field(value, "WSTOPSIG");
  if (stopped !== undefined) return `stopped by ${argument(stopped)}`;
  return isStruct(value) ? argument(value) : "reaped";
}

/** An argument, as C would write it. */
export function argument(value: TracedArgument | undefined): string {
  if (value === undefined) return "?";
  if (value === null) return "NULL";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(argument).join(", ")}]`;
  if (isFlags(value)) return flags(value);
  if (isBytes(value)) return quoted(value).trim();
  if (isPointer(value)) return `0x${value.pointer.toString(16)}`;
  if (isInteger(value)) return value.integer;
  return address(value) ?? `{${Object.values(value.fields).map(argument).join(", ")}}`;
}

function flags({ names, rest, radix }: TracedFlags): string {
  const prefix = radix === 8 ? "0" : radix === 16 ? "0x" : "";
  if (names.length > 0 && rest === 0) return names.join("|");
  return [...names, rest === 0 ? "0" : prefix + (rest >>> 0).toString(radix)].join("|");
}

/** A socket's address. */
function address(value: TracedStruct): string | undefined {
  const path = field(value, "sun_path");
  if (typeof path === "string") return path.length < LONG_PATH ? path : path.replace(/^.*\//s, "…/");
  const host = field(value, "sin_addr");
  if (typeof host === "string") return `${host}:${numberOf(field(value, "sin_port"))}`;
  const host6 = field(value, "sin6_addr");
  if (typeof host6 === "string") return `[${host6}]:${numberOf(field(value, "sin6_port"))}`;
}
