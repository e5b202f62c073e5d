/**
 * `ipc ls` and `ipc show`: what there is, as text.
 *
 * @module
 */
import { LibcError, MessageQueue } from "../../../mod.ts";
import { escaped, json as toJson, type Line, shown, utf8 } from "../shared/escape.ts";
import { ageText, type Column, cut, table, wrap } from "../shared/layout.ts";
import { isAlive, processName } from "../shared/proc.ts";
import type { Kind } from "../shared/sysv.ts";
import { paint, print, printAll, SGR, terminalSize } from "../shared/terminal.ts";
import { hexDump } from "./hex.ts";
import { evidence, nameOf, type Obj, type Queue, type Segment, type Semaphores } from "./objects.ts";
import { attachAndRead, peekSegment } from "./segment.ts";

/** What is wrong with an object, or who uses it. */
function remarks(object: Obj): string {
  const list: string[] = [];
  if (object.orphan) list.push("orphan");
  else if (object.idle) list.push("orphan?");
  if (object.kind === "segment" && object.removed) list.push("removed");
  if (object.kind === "segment" && object.locked) list.push("locked");
  const users = new Map<number, string>();
  for (const { pid, name, what } of object.processes) {
    // that those who are listed have it attached needs no saying
    const more = what === "attached" ? "" : what.startsWith("waits") ? " waits" : "";
    users.set(pid, `${pid} ${name}${more}`);
  }
  return [...list, ...users.values()].join(", ");
}

const KEYS: Column<Obj>[] = [
  { title: "ID", value: ({ id }) => String(id), right: true, drop: 0 },
  { title: "KEY", value: ({ key }) => key === 0 ? "-" : String(key), right: true, drop: 0 },
  { title: "HEX", value: ({ key, keyHex }) => key === 0 ? "-" : keyHex, drop: 6 },
  { title: "OWNER", value: ({ owner }) => owner, drop: 4 },
  { title: "MODE", value: ({ mode }) => mode, drop: 3 },
];
const USES: Column<Obj>[] = [
  { title: "AGE", value: ({ age }) => ageText(age), right: true, drop: 5 },
  { title: "USED BY", value: remarks, drop: 0 },
];

// each table has one kind only
const OWN: Record<Kind, Column<Obj>[]> = {
  segment: [
    { title: "BYTES", value: (object) => String((object as Segment).size), right: true, drop: 0 },
    { title: "ATT", value: (object) => String((object as Segment).attached), right: true, drop: 1 },
  ],
  queue: [
    { title: "MSGS", value: (object) => String((object as Queue).messages), right: true, drop: 0 },
    { title: "BYTES", value: (object) => String((object as Queue).bytes), right: true, drop: 2 },
  ],
  semaphores: [
    { title: "SEMS", value: (object) => String((object as Semaphores).count), right: true, drop: 2 },
    { title: "VALUES", value: (object) => valuesText(object as Semaphores), drop: 0 },
  ],
};

const VALUES = 12; // columns

function valuesText({ semaphores }: Semaphores): string {
  if (!semaphores) return "?";
  const all = semaphores.map(({ value }) => value).join(" ");
  return all.length <= VALUES ? all : all.slice(0, VALUES - 1).replace(/ \d*$/, "") + " …";
}

const TITLES: Record<Kind, string> = { segment: "Segments", queue: "Queues", semaphores: "Semaphore sets" };

/** The lines of `ipc ls`. */
export function listing(
  objects: Obj[],
  kinds: readonly Kind[],
  width: number,
  style: (object: Obj) => string[] = (object) => object.orphan ? [SGR.yellow] : [],
  mark?: (object: Obj) => string,
): Line[] {
  return kinds.flatMap((kind, i) => {
    const rows = objects.filter((object) => object.kind === kind);
    const title = [...(i > 0 ? [""] : []), paint(cut(TITLES[kind], width), SGR.bold, SGR.cyan)];
    if (rows.length === 0) return [...title, paint(cut("none", width), SGR.dim)];
    return [...title, ...table(rows, [...KEYS, ...OWN[kind], ...USES], width, style, mark)];
  });
}

function processText(pid: number): string {
  if (pid === 0) return "none";
  if (pid === Deno.pid) return `${pid} (this command)`;
  return isAlive(pid) ? `${pid} (${processName(pid)})` : `${pid} (gone)`;
}

function timeText(date: Date | null): string {
  if (!date) return "never";
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace(
    "T",
    " ",
  );
  return `${local} (${ageText(Math.max(0, Math.floor((Date.now() - date.getTime()) / 1000)))} ago)`;
}

function fields(object: Obj): [string, string][] {
  const list: [string, string][] = [
    ["key", object.key === 0 ? "none (IPC_PRIVATE)" : `${object.key} (0x${(object.key >>> 0).toString(16)})`],
    ["owner", `${object.owner} (${object.uid}), group ${object.group} (${object.gid})`],
    ["creator", `${object.creator} (${object.cuid}), group ${object.creatorGroup} (${object.cgid})`],
    ["permissions", `${object.permissions} (0${object.mode})`],
  ];
  switch (object.kind) {
    case "segment":
      list.push(
        ["size", `${object.size} bytes`],
        ["attached", `${object.attached} ${object.attached === 1 ? "time" : "times"}`],
        ["made by", processText(object.creatorPid)],
        ["last user", processText(object.lastPid)],
        ["attached at", timeText(object.attachedAt)],
        ["detached at", timeText(object.detachedAt)],
      );
      break;
    case "queue":
      list.push(
        [
          "holds",
          `${object.messages} ${
            object.messages === 1 ? "message" : "messages"
          }, ${object.bytes} of ${object.maxBytes} bytes`,
        ],
        ["last sender", processText(object.lastSendPid)],
        ["last receiver", processText(object.lastReceivePid)],
        ["sent at", timeText(object.sentAt)],
        ["received at", timeText(object.receivedAt)],
      );
      break;
    case "semaphores":
      list.push(["semaphores", String(object.count)], ["operated at", timeText(object.operatedAt)]);
  }
  list.push(["changed at", timeText(object.changedAt)]);
  const used = object.processes.map(({ pid, name, what }) => `${pid} (${name}) ${what}`);
  list.push(["used by", used.join(", ") || "nobody that can be seen"]);
  if (object.orphan) list.push(["state", `orphan: ${evidence(object)}`]);
  else if (object.idle) {
    list.push(["state", `possibly an orphan: ${evidence(object)}. Who looks again and again can't be known.`]);
  }
  if (object.kind === "segment" && object.removed) {
    list.push(["state", "removed: gone when the last process detaches it"]);
  }
  if (object.kind === "segment" && object.locked) list.push(["state", "locked in memory"]);
  return list;
}

/** How to show an object. */
export interface ShowOptions {
  /** How much of a segment or a message. */
  bytes: number;
  /** Attach a segment if it cannot be read otherwise. */
  attach?: true;
  json?: true;
}

/** Prints one object whole. */
export function show(object: Obj, options: ShowOptions): void {
  const { text, more, failed } = contents(object, options, terminalSize().columns);
  if (options.json) {
    print(toJson({ ...object, ...more }, 2));
  } else {
    const { columns } = terminalSize();
    const title = nameOf(object);
    print(paint(title[0].toUpperCase() + title.slice(1), SGR.bold, SGR.cyan));
    for (const [name, value] of fields(object)) {
      wrap(value, Math.max(10, columns - 15)).forEach((line, i) =>
        print(shown`${paint((i === 0 ? name : "").padEnd(13), SGR.dim)}  ${line}`)
      );
    }
    if (text.length > 0) print();
    printAll(text);
  }
  if (failed) throw failed;
}

interface Contents {
  text: Line[];
  more: Record<string, unknown>;
  failed?: unknown;
}

/** What an object holds, as far as one may read it. */
function contents(object: Obj, { bytes, attach }: ShowOptions, width: number): Contents {
  try {
    switch (object.kind) {
      case "segment":
        return memory(object, bytes, !!attach, width);
      case "queue":
        return messages(object, bytes, width);
      case "semaphores":
        return semaphores(object, width);
    }
  } catch (error) {
    return { text: [], more: {}, failed: error };
  }
}

/** How many bytes are shown as text, as JSON or in one table at most: strings have a limit. */
export const MOST: number = 1 << 26;

function memory({ id, size }: Segment, bytes: number, attach: boolean, width: number): Contents {
  const length = Math.min(bytes, size, MOST);
  if (length === 0) return { text: [], more: {} };
  const data = peekSegment(id, length) ?? (attach ? attachAndRead(id, length) : null);
  if (!data) {
    const notice = "Its bytes are not shown: no process has it attached that this command may look into. " +
      "With --attach it is attached to read them, which makes this command its last user.";
    return { text: wrap(notice, width), more: { hex: null } };
  }
  const rest = size > length ? [`… ${size - length} bytes more: ipc read m:${id} --hex`] : [];
  return { text: [...hexDump(data, 0, width), ...rest], more: { hex: data.toHex() } };
}

/** A message as JSON has it. */
export function messageJson({ type, data }: { type: number | bigint; data: Uint8Array }): Record<string, unknown> {
  // numbers beyond 2^53 would be off
  return {
    type: typeof type === "bigint" ? String(type) : type,
    length: data.length,
    text: utf8(data),
    hex: data.toHex(),
  };
}

function messages({ id }: Queue, bytes: number, width: number): Contents {
  try {
    const list = MessageQueue.fromId(id).messages();
    const text = list.flatMap(({ type, data }, i) => {
      const rest = data.length > bytes ? ` … ${data.length - bytes} bytes more` : "";
      const line = `${i + 1}. type ${type}, ${data.length} bytes: "${escaped(data.subarray(0, bytes))}"${rest}`;
      return wrap(line, width);
    });
    return { text, more: { waiting: list.map(messageJson) } };
  } catch (error) {
    if (!(error instanceof LibcError) || error.code !== "ENOSYS") throw error;
    return { text: ["its messages cannot be listed: this kernel has no MSG_COPY"], more: { waiting: null } };
  }
}

function semaphores({ id, semaphores: list }: Semaphores, width: number): Contents {
  if (!list) throw new LibcError("semctl", "EACCES", `semid ${id}`);
  const rows = list.map((one, n) => ({ ...one, n }));
  const text = table(rows, [
    { title: "SEM", value: ({ n }) => String(n), right: true, drop: 0 },
    { title: "VALUE", value: ({ value }) => String(value), right: true, drop: 0 },
    { title: "WAIT >", value: (one) => String(one.waitingForIncrease), right: true, drop: 0 },
    { title: "WAIT 0", value: (one) => String(one.waitingForZero), right: true, drop: 0 },
    { title: "LAST PID", value: ({ lastPid }) => processText(lastPid), drop: 0 },
  ], width);
  return { text, more: {} };
}
