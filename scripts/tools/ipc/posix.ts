/**
 * The POSIX objects that `ipc ls` lists, `ipc show` shows and `ipc rm` removes: shared memory and named semaphores, which are files in
 * /dev/shm, and message queues, which only a mounted file system of type `mqueue` lists.
 *
 * @module
 */
import { LibcError, mq_unlink, PosixMessageQueue, PosixSemaphore, sem_unlink, shm_unlink } from "../../../mod.ts";
import { json as toJson, type Line, shown } from "../shared/escape.ts";
import { ageText, type Column, cut, table, wrap } from "../shared/layout.ts";
import { namesIn, pids, processName, textOf, userName } from "../shared/proc.ts";
import type { Kind } from "../shared/sysv.ts";
import { paint, print, printAll, SGR, terminalSize } from "../shared/terminal.ts";
import { hexDump } from "./hex.ts";
import { MOST } from "./list.ts";
import type { Use } from "./objects.ts";

/** The kinds, by what System V has for the same. */
const POSIX = { segment: "posix-segment", queue: "posix-queue", semaphores: "posix-semaphore" } as const;

/** The three kinds. */
export type PosixKind = typeof POSIX[Kind];

/** A POSIX object. */
export interface PosixObj {
  kind: PosixKind;
  /** With the slash: `/name`. */
  name: string;
  uid: number;
  owner: string;
  /** As for `chmod(1)`: `600`. */
  mode: string;
  /** Seconds since it was made, written or its permissions were changed. */
  age: number;
  /** Shared memory: bytes. */
  size?: number;
  /** A semaphore's value; null if one may not look, or it is none. */
  value?: number | null;
  /** A queue's messages and limits; null if one may not look. */
  messages?: number | null;
  maxMessages?: number | null;
  messageSize?: number | null;
  /** Processes that have it mapped, as far as one may see them; of a queue that can't be known. */
  processes: Use[];
}

const DIRECTORY = "/dev/shm";
const SEMAPHORE = "sem.";
const SEM_T = 32; // sizeof(sem_t)
const WORDS: Record<PosixKind, string> = {
  "posix-segment": "shared memory",
  "posix-queue": "POSIX queue",
  "posix-semaphore": "named semaphore",
};
const LETTERS: Record<string, PosixKind> = { m: "posix-segment", q: "posix-queue", s: "posix-semaphore" };

/** An object's name in a sentence: `shared memory /name`. */
export function posixNameOf({ kind, name }: Pick<PosixObj, "kind" | "name">): string {
  return `${WORDS[kind]} ${name}`;
}

/** Runs something, or gives null where an object has gone meanwhile, or is not ours to look at. */
function attempt<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof LibcError || error instanceof Deno.errors.NotFound) return null;
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) return null;
    throw error;
  }
}

/** Who has which file of /dev/shm mapped, by its inode; of other users' only if one is root. */
function mapped(): Map<number, Use[]> {
  const found = new Map<number, Use[]>();
  const { dev = 0 } = attempt(() => Deno.statSync(DIRECTORY)) ?? {};
  // as makedev(3) puts it together: another container has other files of the same names
  const major = (dev >> 8) & 0xfff, minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  const device = [major, minor].map((number) => number.toString(16).padStart(2, "0")).join(":");
  for (const pid of pids()) {
    if (pid === Deno.pid) continue;
    for (
      const [, of, inode] of textOf(`/proc/${pid}/maps`)?.matchAll(/^\S+ \S+ \S+ (\S+) (\d+) +\/dev\/shm\//gm) ?? []
    ) {
      const list = of === device ? found.getOrInsert(Number(inode), []) : [];
      if (!list.some((use) => use.pid === pid)) list.push({ pid, name: processName(pid), what: "attached" });
    }
  }
  return found;
}

function common(file: Deno.FileInfo): Pick<PosixObj, "uid" | "owner" | "mode" | "age"> {
  return {
    uid: file.uid!,
    owner: userName(file.uid!),
    mode: (file.mode! & 0o777).toString(8).padStart(3, "0"),
    age: Math.max(0, Math.floor((Date.now() - file.ctime!.getTime()) / 1000)),
  };
}

function* filesIn(directory: string): Generator<[name: string, file: Deno.FileInfo]> {
  for (const name of namesIn(directory)) {
    const file = attempt(() => Deno.lstatSync(`${directory}/${name}`));
    if (file?.isFile) yield [name, file];
  }
}

function sharedFiles(): PosixObj[] {
  const users = mapped();
  return [...filesIn(DIRECTORY)].map(([file, info]): PosixObj => {
    const processes = users.get(info.ino!) ?? [];
    if (!file.startsWith(SEMAPHORE)) {
      return { kind: "posix-segment", name: `/${file}`, ...common(info), size: info.size, processes };
    }
    const name = `/${file.slice(SEMAPHORE.length)}`;
    // what is smaller can't be looked at: there is no memory behind it
    const value = info.size !== SEM_T ? null : attempt(() => {
      using semaphore = PosixSemaphore.open(name);
      return semaphore.value;
    });
    return { kind: "posix-semaphore", name, ...common(info), value, processes };
  });
}

/** Where queues can be listed: a mount of that type that shows this IPC namespace's, as a queue for the purpose tells. */
function queuePlace(): string | null {
  const mounts = (textOf("/proc/self/mounts") ?? "").split("\n").map((line) => line.split(" "));
  const places = mounts.filter(([, , type]) => type === "mqueue").map(([, place]) => place);
  if (places.length === 0) return null;
  return attempt(() => {
    using probe = PosixMessageQueue.create(undefined, { maxMessages: 1, messageSize: 1 });
    return places.find((place) => [...namesIn(place)].includes(probe.name.slice(1))) ?? null;
  });
}

function queues(place: string): PosixObj[] {
  return [...filesIn(place)].map(([file, info]): PosixObj => {
    const name = `/${file}`;
    const numbers = attempt(() => {
      using queue = PosixMessageQueue.open(name);
      const { messageCount: messages, maxMessages, messageSize } = queue;
      return { messages, maxMessages, messageSize };
    });
    const none = { messages: null, maxMessages: null, messageSize: null };
    return { kind: "posix-queue", name, ...common(info), ...(numbers ?? none), processes: [] };
  });
}

/** All POSIX objects of some kinds, and whether queues could be listed. */
export function posixObjects(kinds: readonly Kind[]): { objects: PosixObj[]; queuesListed: boolean } {
  const place = kinds.includes("queue") ? queuePlace() : null;
  const all = [...sharedFiles(), ...(place === null ? [] : queues(place))];
  const objects = kinds.flatMap((kind) =>
    all.filter((object) => object.kind === POSIX[kind]).sort((a, b) => a.name < b.name ? -1 : 1)
  );
  return { objects, queuesListed: place !== null };
}

const text = (value: number | null | undefined): string => String(value ?? "?");
const TITLES: Record<Kind, string> = {
  segment: "POSIX shared memory",
  queue: "POSIX queues",
  semaphores: "Named semaphores",
};
const OWN: Record<Kind, Column<PosixObj>[]> = {
  segment: [{ title: "BYTES", value: ({ size }) => text(size), right: true, drop: 0 }],
  queue: [
    { title: "MSGS", value: ({ messages }) => text(messages), right: true, drop: 0 },
    { title: "MAX", value: ({ maxMessages }) => text(maxMessages), right: true, drop: 1 },
    { title: "MSGSIZE", value: ({ messageSize }) => text(messageSize), right: true, drop: 2 },
  ],
  semaphores: [{ title: "VALUE", value: ({ value }) => text(value), right: true, drop: 0 }],
};
const USES: Column<PosixObj> = {
  title: "USED BY",
  value: ({ processes }) => processes.map(({ pid, name }) => `${pid} ${name}`).join(", "),
  drop: 0,
};

const BESIDE = 36; // columns for what else there is to say; one long name would leave none in any row

/** Their lines in `ipc ls`. */
export function posixListing(
  { objects, queuesListed }: ReturnType<typeof posixObjects>,
  kinds: readonly Kind[],
  width: number,
): Line[] {
  return kinds.flatMap((kind): Line[] => {
    const title = ["", paint(cut(TITLES[kind], width), SGR.bold, SGR.cyan)];
    if (kind === "queue" && !queuesListed) {
      const how = "can't be listed before mkdir -p /dev/mqueue && mount -t mqueue none /dev/mqueue";
      return [...title, ...wrap(how, width).map((line) => paint(line, SGR.dim))];
    }
    const rows = objects.filter((object) => object.kind === POSIX[kind]);
    if (rows.length === 0) return [...title, paint(cut("none", width), SGR.dim)];
    return [
      ...title,
      ...table(rows, [
        { title: "NAME", value: ({ name }) => cut(name, Math.max(16, width - BESIDE)), drop: 0 },
        ...OWN[kind],
        { title: "OWNER", value: ({ owner }) => owner, drop: 4 },
        { title: "MODE", value: ({ mode }) => mode, drop: 3 },
        { title: "AGE", value: ({ age }) => ageText(age), right: true, drop: 5 },
        ...(kind === "queue" ? [] : [USES]),
      ], width),
    ];
  });
}

/** The first bytes of shared memory, read as a file; null if one may not. */
export function firstBytes({ name }: PosixObj, length: number): Uint8Array | null {
  return attempt(() => {
    using file = Deno.openSync(DIRECTORY + name);
    const data = new Uint8Array(length);
    let at = 0;
    for (let n; at < length && (n = file.readSync(data.subarray(at))) !== null; at += n);
    return data.subarray(0, at);
  });
}

/** Prints one object whole, with so many bytes of shared memory at most. */
export function showPosix(object: PosixObj, bytes: number, json: boolean): void {
  const { kind, size = 0 } = object;
  const data = kind === "posix-segment" ? firstBytes(object, Math.min(bytes, size, MOST)) : undefined;
  if (json) return print(toJson({ ...object, ...(data !== undefined && { hex: data?.toHex() ?? null }) }, 2));
  const { columns } = terminalSize();
  const list: [string, string][] = [
    ["owner", `${object.owner} (${object.uid})`],
    ["permissions", `0${object.mode}`],
    ["changed", `${ageText(object.age)} ago`],
  ];
  if (kind === "posix-segment") list.push(["size", `${size} bytes`]);
  else if (kind === "posix-semaphore") list.push(["value", text(object.value)]);
  else {
    list.push(["holds", `${text(object.messages)} of ${text(object.maxMessages)} messages`]);
    list.push(["message size", `${text(object.messageSize)} bytes at most`]);
  }
  if (kind !== "posix-queue") list.push(["used by", USES.value(object) || "nobody that can be seen"]);
  const name = posixNameOf(object);
  for (const line of wrap(name[0].toUpperCase() + name.slice(1), columns)) print(paint(line, SGR.bold, SGR.cyan));
  for (const [title, value] of list) {
    wrap(value, Math.max(10, columns - 15)).forEach((line, i) =>
      print(shown`${paint((i === 0 ? title : "").padEnd(13), SGR.dim)}  ${line}`)
    );
  }
  if (data === null) printAll(["", ...wrap("Its bytes are not shown: you may not read them.", columns)]);
  else if (data && data.length > 0) {
    printAll(["", ...hexDump(data, 0, columns)]);
    if (size > data.length) print(`… ${size - data.length} bytes more: --bytes ${size}`);
  }
}

const NAME = /^(?:([mqs]):)?(\/[^/]+)$/s;

/** Tells whether an argument is a POSIX object's name: `/name`, `m:/name`. */
export function isPosixName(argument: string): boolean {
  return NAME.test(argument);
}

/** Which of some objects an argument means. */
export function posixMatching(argument: string, objects: PosixObj[]): PosixObj[] {
  const [, letter, name] = NAME.exec(argument)!;
  return objects.filter((object) => object.name === name && (!letter || LETTERS[letter] === object.kind));
}

/** An object's name as an argument: `m:/name`. */
export function posixHandle({ kind, name }: PosixObj): string {
  return `${Object.keys(LETTERS).find((letter) => LETTERS[letter] === kind)}:${name}`;
}

/** Removes an object. */
export function removePosix({ kind, name }: PosixObj): void {
  if (kind === "posix-segment") shm_unlink(name);
  else if (kind === "posix-queue") mq_unlink(name);
  else sem_unlink(name);
}
