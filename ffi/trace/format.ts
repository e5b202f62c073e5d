/**
 * Events as text, as strace(1) prints them.
 *
 * @module
 */
import { errnoMessage, errnoNumber, LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import type {
  EnterEvent,
  ExitEvent,
  MemoryEvent,
  TracedArgument,
  TracedBytes,
  TracedFlags,
  TracedStruct,
  TraceEvent,
} from "./event.ts";
import { isEvent } from "./shape.ts";
import { visible } from "./visible.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  '"': '\\"',
  "\\": "\\\\",
};

/** Bytes, a character each, as a string of C: other characters than ASCII's in octal, as short as can be. */
function quoted(bytes: string): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    const character = bytes[i];
    const code = bytes.charCodeAt(i);
    if (ESCAPES[character]) text += ESCAPES[character];
    else if (code >= 0x20 && code < 0x7f) text += character;
    else {
      const next = bytes[i + 1];
      text += "\\" + (next >= "0" && next <= "7" ? code.toString(8).padStart(3, "0") : code.toString(8));
    }
  }
  return `"${text}"`;
}

const encoder = new TextEncoder();

function textOf(text: string): string {
  return quoted(Array.from(encoder.encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

function bytesText({ length, bytes }: TracedBytes): string {
  return quoted(bytes) + (length > bytes.length ? "..." : "");
}

function flagsText({ value, names, rest, radix }: TracedFlags): string {
  const parts = [...names];
  if (rest !== 0 || parts.length === 0) {
    if (radix === 8) {
      parts.push((rest === 0 && value === 0 ? "" : "0") + rest.toString(8).padStart(rest < 8 ? 3 : 2, "0"));
    } else if (radix === 16 && rest !== 0) parts.push("0x" + (rest >>> 0).toString(16));
    else parts.push(String(rest));
  }
  return parts.join("|");
}

/** Members that strace prints by the function that makes them. */
const MEMBERS = new Map<string, (value: TracedArgument) => string>(Object.entries({
  sin_family: (value) => `sa_family=${argumentText(value)}`,
  sin6_family: (value) => `sa_family=${argumentText(value)}`,
  sun_family: (value) => `sa_family=${argumentText(value)}`,
  ss_family: (value) => `sa_family=${argumentText(value)}`,
  sin_port: (value) => `sin_port=htons(${argumentText(value)})`,
  sin_addr: (value) => `sin_addr=inet_addr(${argumentText(value)})`,
  sin6_port: (value) => `sin6_port=htons(${argumentText(value)})`,
  sin6_flowinfo: (value) => `sin6_flowinfo=htonl(${argumentText(value)})`,
  sin6_addr: (value) => `inet_pton(AF_INET6, ${argumentText(value)}, &sin6_addr)`,
  msg_namelen: (value) => {
    // what went in and what came out, as of the other lengths, but it is no pointer
    if (typeof value !== "object" || value === null || !("fields" in value)) {
      return `msg_namelen=${argumentText(value)}`;
    }
    return `msg_namelen=${argumentText(value.fields.given)} => ${argumentText(value.fields.filled)}`;
  },
  sun_path: (value) => {
    if (typeof value !== "string") return `sun_path=${argumentText(value)}`;
    return `sun_path=${value.startsWith("@") ? "@" + textOf(value.slice(1)) : textOf(value)}`;
  },
}));

function structText({ struct, fields }: TracedStruct): string {
  switch (struct) {
    case "wstatus":
      return `[{${statusText(fields)}}]`;
    case "socklen_t":
      return `[${argumentText(fields.given)} => ${argumentText(fields.filled)}]`;
    case "fd_set":
      return setText(fields.given);
  }
  return `{${
    Object.entries(fields).map(([name, value]) => MEMBERS.get(name)?.(value) ?? `${name}=${argumentText(value)}`).join(
      ", ",
    )
  }}`;
}

/** Descriptors, as strace prints those of select. */
function setText(list: TracedArgument): string {
  return `[${Array.isArray(list) ? list.map(argumentText).join(" ") : argumentText(list)}]`;
}

function statusText(fields: TracedStruct["fields"]): string {
  const { WIFCONTINUED, WSTOPSIG, WEXITSTATUS, WTERMSIG, WCOREDUMP } = fields;
  if (WIFCONTINUED !== undefined) return "WIFCONTINUED(s)";
  if (WSTOPSIG !== undefined) return `WIFSTOPPED(s) && WSTOPSIG(s) == ${argumentText(WSTOPSIG)}`;
  if (WEXITSTATUS !== undefined) return `WIFEXITED(s) && WEXITSTATUS(s) == ${argumentText(WEXITSTATUS)}`;
  return `WIFSIGNALED(s) && WTERMSIG(s) == ${argumentText(WTERMSIG)}${WCOREDUMP ? " && WCOREDUMP(s)" : ""}`;
}

function argumentText(value: TracedArgument): string {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return textOf(value);
  if (Array.isArray(value)) return `[${value.map(argumentText).join(", ")}]`;
  if ("names" in value) return flagsText(value);
  if ("bytes" in value) return bytesText(value);
  if ("pointer" in value) return value.pointer === 0 ? "NULL" : "0x" + value.pointer.toString(16);
  if ("integer" in value) return value.integer;
  return structText(value);
}

/** Tells whether an argument has a flag of this name. */
function has(value: TracedArgument | undefined, name: string): boolean {
  return value !== undefined && isFlags(value) && value.names.includes(name);
}

/** Tells whether a file is made, which then has the permissions that are given. */
function makes(flags: TracedArgument | undefined): boolean {
  return has(flags, "O_CREAT") || has(flags, "O_TMPFILE");
}

/** The members of each of poll's structures that go in, or come out. */
function pollText(fds: TracedArgument, answered: boolean): string {
  if (!Array.isArray(fds)) return argumentText(fds);
  if (fds.length === 0) return "NULL";
  const list = fds.flatMap((entry) => {
    if (entry === null || typeof entry !== "object" || !("fields" in entry)) return [];
    const { fd, events, revents } = entry.fields;
    const member = `fd=${argumentText(fd)}`;
    if (answered) return isZero(revents) ? [] : [`{${member}, revents=${argumentText(revents)}}`];
    return [typeof fd === "number" && fd < 0 ? `{${member}}` : `{${member}, events=${argumentText(events)}}`];
  });
  return `[${list.join(", ")}]`;
}

function isZero(value: TracedArgument): boolean {
  return typeof value === "object" && value !== null && "value" in value && value.value === 0;
}

/** Tells whether C does not look at an argument: one of those that a file or a queue is made with, where none is. */
function isUnread(call: string, name: string, { flags, oflag }: EnterEvent["args"]): boolean {
  if (call === "open") return name === "mode" && !makes(flags);
  return call === "mq_open" && (name === "mode" || name === "attr") && !has(oflag, "O_CREAT");
}

/** The arguments' texts, in their order. */
function argumentTexts(event: EnterEvent | ExitEvent): string[] {
  const { call, args } = event;
  return Object.entries(args)
    .filter(([name]) => !isUnread(call, name, args))
    .map(([name, value]) => {
      if (name === "fds") return pollText(value, false);
      // a function's name
      if (name === "handler" && typeof value === "string") return value;
      if (Array.isArray(value) && value.length === 0 && name === "sops") return "NULL";
      return argumentText(value);
    });
}

/** Tells whether a call that is back is this one that began. A process may be in several at once: some wait on other threads. */
export function isBackFrom(event: ExitEvent, began: EnterEvent): boolean {
  if (event.call !== began.call) return false;
  return Object.entries(began.args).every(([name, value]) =>
    // the others may have been filled
    !(typeof value === "number" || isFlags(value) || Array.isArray(value) && name !== "fds") ||
    JSON.stringify(value) === JSON.stringify(event.args[name])
  );
}

function isFlags(value: TracedArgument): value is TracedFlags {
  return typeof value === "object" && value !== null && "names" in value;
}

/** How many arguments are told when a call begins: those before the first that it has yet to fill. */
function countBefore({ args }: EnterEvent): number {
  const values = Object.values(args);
  const at = values.findIndex((value) => typeof value === "object" && value !== null && "pointer" in value);
  return at < 0 ? values.length : at;
}

/** The rest of a call that was told when it began: `<... msgrcv resumed> {mtype=1, mtext="x"}, 128, 1, 0) = 1`. */
export function formatResumed(began: EnterEvent, event: ExitEvent): string {
  const rest = argumentTexts(event).slice(countBefore(began)).join(", ");
  return visible(`<... ${event.call} resumed>${rest ? " " : ""}${rest}) = ${resultText(event)}`);
}

/** The descriptors that select has left in its sets. */
function readyText({ readfds, writefds, exceptfds }: ExitEvent["args"]): string {
  return Object.entries({ in: readfds, out: writefds, except: exceptfds }).flatMap(([name, set]) => {
    if (typeof set !== "object" || set === null || !("fields" in set)) return [];
    const { ready } = set.fields;
    return Array.isArray(ready) && ready.length > 0 ? [`${name} ${setText(ready)}`] : [];
  }).join(", ");
}

function resultText({ call, result, errno, args }: ExitEvent): string {
  if (errno !== undefined) return `${result} ${errno} (${errnoMessage(errnoNumber(errno))})`;
  if (call === "shmat" || call === "mmap" || call === "sem_open") return "0x" + result.toString(16);
  if (call === "umask") return flagsText({ value: result, names: [], rest: result, radix: 8 });
  if (call === "select") return result === 0 ? "0 (Timeout)" : `${result} (${readyText(args)})`;
  if (call === "poll") return result === 0 ? "0 (Timeout)" : `${result} (${pollText(args.fds, true)})`;
  return String(result);
}

/**
 * An event in one line, as strace(1) prints it: `shmget(0x162e, 27, IPC_CREAT|0666) = 3`. Whatever is in the event,
 * nothing in the line can steer a terminal.
 *
 * @param event The event.
 * @returns The line, without pid and time.
 * @throws {LibcError} `EINVAL` what is no event.
 *
 * @example See {@linkcode trace}.
 */
export function formatTraceEvent(event: TraceEvent): string {
  let told = false;
  try {
    told = isEvent(event);
  } catch { /* nothing that can be read */ }
  if (!told) throw new LibcError("formatTraceEvent", "EINVAL", `event has not the form of one: ${shown(event)}`);
  return lineOfEvent(event);
}

/** The same, of what is one. */
export function lineOfEvent(event: TraceEvent): string {
  return visible(lineOf(event));
}

/** What memory is called: by the segment's id, or by the file that it shows. */
export function memoryName({ shmid, file }: Pick<MemoryEvent, "shmid" | "file">): string {
  if (shmid !== undefined) return `shm ${shmid}`;
  return `map ${file?.path || (file?.inode ? `inode ${file.inode}` : "anonymous")}`;
}

function lineOf(event: TraceEvent): string {
  switch (event.ev) {
    case "start":
      return `+++ ${event.name} ${event.forked ? `forked by ${event.ppid}` : "started"} +++`;
    case "enter": {
      const texts = argumentTexts(event);
      const told = texts.slice(0, countBefore(event)).map((text, i) => i < texts.length - 1 ? `${text}, ` : text);
      return `${event.call}(${told.join("")} <unfinished ...>`;
    }
    case "exit":
      return `${event.call}(${argumentTexts(event).join(", ")}) = ${resultText(event)}`;
    case "memory": {
      const { offset, op, data, field, value } = event;
      const what = value === undefined ? bytesText(data) : argumentText(value);
      const where = `${memoryName(event)} [${offset}] ${op === "read" ? "→" : "←"}`;
      return field === undefined ? `${where} ${bytesText(data)}` : `${where} ${field} = ${what}`;
    }
    case "signal":
      return `--- ${event.sig} ---`;
    case "lost":
      return `+++ ${event.count} events left out +++`;
    case "end":
      return `+++ exited with ${event.status} +++`;
  }
}
