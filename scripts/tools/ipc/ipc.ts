#!/usr/bin/env -S deno run --allow-all
/**
 * Lists, shows, makes, uses, watches and removes System V objects, and prints records in other languages. As a task:
 * `deno task ipc ls`.
 *
 * @module
 */
import { Argument, type Command, CommanderError, InvalidArgumentError, Option } from "commander";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  LibcError,
  MessageQueue,
  msgget,
  SemaphoreSet,
  SharedMemory,
  shmget,
} from "../../../mod.ts";
import { newCommand } from "../shared/command.ts";
import { json, readable, Shown, utf8 } from "../shared/escape.ts";
import { FAILED, Failure, say, USAGE } from "../shared/failure.ts";
import { type Kind, remove } from "../shared/sysv.ts";
import { ask, complain, print, printAll, terminalSize, write } from "../shared/terminal.ts";
import { completion, SHELLS } from "./completion.ts";
import { hexLines, PIECE } from "./hex.ts";
import { listing, messageJson, MOST, show, type ShowOptions } from "./list.ts";
import {
  allObjects,
  evidence,
  Finder,
  handle,
  isName,
  KINDS,
  nameOf,
  type Obj,
  type Queue,
  type Segment,
  WORDS,
} from "./objects.ts";
import { channelListing, withChannel } from "./channels.ts";
import {
  isPosixName,
  posixHandle,
  posixListing,
  posixMatching,
  posixNameOf,
  type PosixObj,
  posixObjects,
  removePosix,
  showPosix,
} from "./posix.ts";
import { jsonOfRecords, recordsOf, textOfRecords } from "./record.ts";
import { canWatch, watch, watchJson } from "./watch.ts";

/** The object that an argument means. */
function find(argument: string, kinds: readonly Kind[] = KINDS): Obj {
  return findAll([argument], kinds)[0];
}

/** The objects that some arguments mean. */
function findAll(names: string[], kinds: readonly Kind[] = KINDS): Obj[] {
  names.forEach(checkName);
  const finder = new Finder(allObjects(kinds));
  return names.map((argument) => only(finder.matching(argument), argument, kinds));
}

function checkName(argument: string): void {
  if (!isName(argument)) {
    throw new Failure(
      `"${argument}" is no id or key: give 3, 5678, 0x162e, m:3 (segment), q:3 (queue) or s:3 (set)`,
      USAGE,
    );
  }
}

function only(found: Obj[], argument: string, kinds: readonly Kind[]): Obj {
  if (found.length === 1) return found[0];
  if (found.length === 0) {
    throw new Failure(
      `no ${kinds.map((kind) => WORDS[kind]).join(", ").replace(/, (?=[^,]*$)/, " or ")} has the id or key ${argument}`,
    );
  }
  throw new Failure(
    `${argument} is ambiguous: ${found.map((object) => `${nameOf(object)} (${handle(object)})`).join(", ")}`,
  );
}

function key(text: string): number {
  const value = /^(-?\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : NaN;
  if (!(value >= -(2 ** 31) && value < 2 ** 32)) throw new InvalidArgumentError("A key is 5678 or 0x162e.");
  if (value === 0) throw new InvalidArgumentError("0 is IPC_PRIVATE, which is no key: leave the option out.");
  return value;
}

function count(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Not a whole number.");
  if (!Number.isSafeInteger(Number(text))) throw new InvalidArgumentError("Too large.");
  return Number(text);
}

function type(text: string): number | bigint {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError("A type is a whole number.");
  return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
}

function mode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) throw new InvalidArgumentError("A mode is three octal digits, such as 660.");
  return parseInt(text, 8);
}

function values(text: string): number[] {
  return text.split(",").map(count);
}

/**
 * The text that was given, or standard input.
 *
 * @param room How many bytes there is room for: of an input that has no end, what is beyond is left out, but for a byte.
 */
async function input(text: string | undefined, nul: boolean | undefined, room: number): Promise<Uint8Array> {
  const bytes = text === undefined ? await standardInput(room + 1) : new TextEncoder().encode(text);
  if (!nul) return bytes;
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  return longer;
}

/** Reads standard input to its end, or until there are so many bytes. */
async function standardInput(most: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of Deno.stdin.readable) {
    pieces.push(piece.subarray(0, most - length));
    length += pieces.at(-1)!.length;
    if (length >= most) break;
  }
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}

/** Bytes as they are, or as text that ends with a line. */
function printBytes(bytes: Uint8Array, raw: boolean | undefined): void {
  if (raw) write(bytes);
  else print(readable(bytes));
}

const program = newCommand("ipc")
  .description("Lists, shows, makes, uses, watches and removes System V shared memory, message queues and semaphores.")
  .addHelpText(
    "after",
    `
Objects are named by id or key: 3, 5678, 0x162e. Where that could be several,
a letter tells: m:3 (shared memory), q:3 (queue), s:3 (semaphores).
ls, show and rm know POSIX objects, too, by name: ipc rm /name, or m:/name.

Examples:
  ipc ls -q                         all queues
  q=$(ipc make queue --key 1234)    a new one
  ipc send $q "Did you get this?"   puts a message into it
  ipc show $q                       shows the message, and leaves it there
  ipc receive $q                    takes it out
  ipc rm $q                         removes the queue

Exit code: 0 done, 1 failed, 2 wrong usage.`,
  )
  .helpCommand(false)
  .showHelpAfterError("(ipc --help tells how to use it)");

/** A subcommand. All of them can answer in JSON. */
function subcommand(name: string, description: string, examples = ""): Command {
  const command = program.command(name).description(description).option("--json", "print JSON");
  return examples ? command.addHelpText("after", `\nExamples:\n${examples}`) : command;
}

interface KindOptions {
  m?: true;
  q?: true;
  s?: true;
}

function chosen({ m, q, s }: KindOptions): readonly Kind[] {
  const wanted = KINDS.filter((_, i) => [m, q, s][i]);
  return wanted.length > 0 ? wanted : KINDS;
}

function withKinds(command: Command): Command {
  return command.option("-m", "shared memory segments").option("-q", "message queues").option("-s", "semaphore sets");
}

withKinds(subcommand("ls", "list what there is, and who uses it"))
  .addHelpText(
    "after",
    `
AGE is since an object was made or its permissions were last changed: the kernel
keeps no more. An orphan is a segment that nobody uses; "orphan?" is a queue or
a set of which that is possible, but can't be known: ipc rm --help tells why.

POSIX objects have names instead: shared memory and semaphores are files in
/dev/shm, where AGE is since one was last written or changed. Queues are listed
where a file system of type mqueue is mounted.

A segment or shared memory that begins with a channel is listed as one, too.`,
  )
  .action((options: KindOptions & { json?: true }) => {
    const kinds = chosen(options);
    const objects = allObjects(kinds);
    const posix = posixObjects(kinds);
    const all = [...objects, ...posix.objects].map(withChannel);
    if (options.json) return print(json(all, 2));
    const { columns } = terminalSize();
    printAll([
      ...listing(objects, kinds, columns),
      ...posixListing(posix, kinds, columns),
      ...channelListing(all, columns),
    ]);
  });

subcommand(
  "show",
  "show one object whole, with what it holds; this takes nothing out, and leaves no mark",
  "  ipc show 5678\n  ipc show m:3 --bytes 64",
)
  .argument("<id>", "its id or key, or a POSIX object's name")
  .option("--bytes <n>", "how much of a segment or a message to show", count, 256)
  .option("--attach", "attach a segment that can't be read otherwise; the kernel notes that")
  .action((id: string, options: ShowOptions) => {
    if (isPosixName(id)) showPosix(findPosix(id), options.bytes, !!options.json);
    else show(find(id), options);
  });

interface MakeOptions {
  key?: number;
  mode?: number;
  size?: number;
  count?: number;
  values?: number[];
  json?: true;
}

subcommand(
  "make",
  "make an object, and print its name for the other commands",
  "  ipc make segment --size 4096 --key 0x162e\n  ipc make semaphores --values 1,0 --mode 660",
)
  .addArgument(new Argument("<kind>").choices(KINDS))
  .option("--key <key>", "5678 or 0x162e; without it the object has none", key)
  .option("--mode <mode>", "who may use it, as for chmod: 600 unless given", mode)
  .option("--size <bytes>", "segment: how large", count)
  .addOption(new Option("--count <n>", "semaphores: how many, all 0").argParser(count).conflicts("values"))
  .option("--values <list>", "semaphores: the value of each, such as 1,0", values)
  .action((kind: Kind, options: MakeOptions) => {
    const { size, count, values } = options;
    const own = { segment: ["size"], queue: [], semaphores: ["count", "values"] }[kind] as string[];
    for (const name of ["size", "count", "values"] as const) {
      if (options[name] !== undefined && !own.includes(name)) {
        throw new Failure(`--${name} is not for a ${WORDS[kind]}`, USAGE);
      }
    }
    const common = { key: options.key ?? IPC_PRIVATE, mode: options.mode ?? 0o600 };
    let id: number;
    if (kind === "segment") {
      if (size === undefined) throw new Failure("a segment needs a --size", USAGE);
      // to attach it, as SharedMemory does, may not be allowed by the mode
      id = shmget(common.key, size, IPC_CREAT | IPC_EXCL | common.mode);
    } else if (kind === "queue") id = msgget(common.key, IPC_CREAT | IPC_EXCL | common.mode);
    else {
      if (count === undefined && values === undefined) {
        throw new Failure("a semaphore set needs a --count or --values", USAGE);
      }
      id = SemaphoreSet.create(values ?? count!, common).id; // not `using`: it is to stay
    }
    print(options.json ? json({ kind, id }) : handle({ kind, id }));
  });

subcommand(
  "send",
  "put a message into a queue; waits while it is full",
  '  ipc send 1234 --nul "Did you get this?"\n  ipc send 1234 --type 7 < file',
)
  .argument("<queue>", "its id or key")
  .argument("[text]", "the message; standard input unless given")
  .option("--type <n>", "the message's type, above 0", type, 1)
  .option("-0, --nul", "add the NUL that C programs expect at the end")
  .option("--no-wait", "fail if the queue is full")
  .action(
    async (
      id: string,
      text: string | undefined,
      options: { type: number | bigint; nul?: true; wait: boolean; json?: true },
    ) => {
      const found = find(id, ["queue"]) as Queue;
      const queue = MessageQueue.fromId(found.id);
      const data = await input(text, options.nul, found.maxBytes);
      const { type } = options;
      if (options.wait) queue.sendSync(data, { type });
      else if (!queue.trySend(data, { type })) throw new LibcError("msgsnd", "EAGAIN", `msqid ${queue.id} is full`);
      if (options.json) print(json({ id: queue.id, ...messageJson({ type, data }) }));
    },
  );

subcommand(
  "receive",
  "take a message out of a queue and print it; waits until there is one",
  "  ipc receive 1234\n  ipc receive q:3 --type -2 --no-wait",
)
  .argument("<queue>", "its id or key")
  .option("--type <n>", "0: the oldest; above 0: of that type; below 0: the lowest type up to its amount", type, 0)
  .option("--no-wait", "fail if there is none")
  .addOption(new Option("--raw", "print the bytes as they are, and nothing else").conflicts("json"))
  .action((id: string, options: { type: number | bigint; wait: boolean; raw?: true; json?: true }) => {
    const queue = MessageQueue.fromId(find(id, ["queue"]).id);
    const { type } = options;
    const message = options.wait ? queue.receiveSync({ type }) : queue.tryReceive({ type });
    if (!message) throw new LibcError("msgrcv", "ENOMSG", `msqid ${queue.id}`);
    const { data } = message;
    if (options.json) print(json(messageJson(message)));
    else printBytes(options.raw || data.at(-1) !== 0 ? data : data.subarray(0, -1), options.raw);
  });

subcommand(
  "read",
  "attach a segment and print what it holds: its text up to the NUL",
  "  ipc read 5678\n  ipc read m:3 --offset 16 --length 64 --hex\n  ipc read m:3 --raw > file",
)
  .argument("<segment>", "its id or key")
  .option("--offset <n>", "the first byte", count, 0)
  .option("--length <n>", "how many bytes; to the end unless given", count)
  .addOption(new Option("--raw", "print all bytes as they are").conflicts(["hex", "json"]))
  .option("--hex", "print all bytes as a hex dump")
  .action((id: string, options: { offset: number; length?: number; raw?: true; hex?: true; json?: true }) => {
    using segment = SharedMemory.fromId(find(id, ["segment"]).id, { readOnly: true });
    const { offset } = options;
    const { size } = segment;
    const length = options.length ?? size - offset;
    if (offset + length > size || length < 0) segment.read(offset, Math.max(0, length)); // says why not
    if (options.raw) {
      for (let at = 0; at < length; at += PIECE) write(segment.read(offset + at, Math.min(PIECE, length - at)));
      return;
    }
    if (options.hex && !options.json) {
      return printAll(hexLines((at, n) => segment.read(offset + at, n), length, offset, terminalSize().columns));
    }
    if (options.json) {
      checkMost(length);
      const data = segment.read(offset, length);
      return print(json({ id: segment.id, offset, length, text: utf8(data), hex: data.toHex() }));
    }
    const end = findNul(segment, offset, length);
    checkMost(end);
    printBytes(segment.read(offset, end), false);
  });

/** How many bytes there are before the first NUL. */
function findNul(segment: SharedMemory, offset: number, length: number): number {
  for (let at = 0; at < length; at += PIECE) {
    const found = segment.read(offset + at, Math.min(PIECE, length - at)).indexOf(0);
    if (found >= 0) return at + found;
  }
  return length;
}

function checkMost(length: number): void {
  if (length > MOST) throw new Failure(`${length} bytes are too many for text: give a --length, or --raw or --hex`);
}

subcommand("write", "write into a segment", "  ipc write 5678 --nul hello\n  ipc write m:3 --offset 16 < file")
  .argument("<segment>", "its id or key")
  .argument("[text]", "what to write; standard input unless given")
  .option("--offset <n>", "where the first byte goes", count, 0)
  .option("-0, --nul", "write a NUL behind it, where C programs stop to read")
  .action(async (id: string, text: string | undefined, options: { offset: number; nul?: true; json?: true }) => {
    const found = find(id, ["segment"]) as Segment;
    const data = await input(text, options.nul, Math.max(0, found.size - options.offset));
    using segment = SharedMemory.fromId(found.id);
    segment.write(data, options.offset);
    if (options.json) print(json({ id: segment.id, offset: options.offset, length: data.length }));
  });

/** The objects that some arguments of `rm` mean: POSIX ones go by name. */
function findTargets(names: string[]): Set<Obj | PosixObj> {
  names.filter((name) => !isPosixName(name)).forEach(checkName);
  const finder = new Finder(allObjects());
  const list = names.some(isPosixName) ? posixObjects(KINDS) : undefined;
  return new Set(
    names.map((name) => isPosixName(name) ? findPosix(name, list) : only(finder.matching(name), name, KINDS)),
  );
}

/** The POSIX object that an argument means. */
function findPosix(argument: string, { objects, queuesListed } = posixObjects(KINDS)): PosixObj {
  const found = posixMatching(argument, objects);
  if (found.length === 1) return found[0];
  if (found.length > 1) throw new Failure(`${argument} is ambiguous: ${found.map(posixHandle).join(", ")}`);
  const hidden = queuesListed ? "" : "; queues can't be seen here (ipc ls tells why)";
  throw new Failure(`no POSIX object has the name ${argument}${hidden}`);
}

function isPosix(object: Obj | PosixObj): object is PosixObj {
  return object.kind.startsWith("posix-");
}

/** Why one should think twice before removing an object. */
function objections(object: Obj | PosixObj): string[] {
  const list: string[] = [];
  if (object.uid !== Deno.uid()) list.push(`belongs to ${object.owner}`);
  const users = new Map(object.processes.map(({ pid, name }) => [pid, `${pid} (${name})`]));
  if (users.size > 0) list.push(`is used by ${[...users.values()].join(", ")}`);
  else if (object.kind === "segment" && object.attached > 0) list.push(`is attached ${object.attached} times`);
  return list;
}

/** Asks, where there is somebody to ask. */
function agreed(question: string): boolean {
  if (!Deno.stdin.isTerminal()) throw new Failure(`${question.replace(/: remove.*$/, "")}: not removed without --yes`);
  return ask(question);
}

interface RemoveOptions {
  orphans?: true;
  possible?: true;
  yes?: true;
  json?: true;
}

/** Names of objects, as many as fit into a question. */
function namesOf(objects: Obj[]): string {
  const MOST = 20;
  const names = objects.slice(0, MOST).map(nameOf).join(", ");
  return objects.length > MOST ? `${names} and ${objects.length - MOST} more` : names;
}

/** The orphans that are to be removed. Those of which that is only possible have to be asked for by a word of their own. */
function orphans({ possible, yes, json }: RemoveOptions): Obj[] {
  const me = Deno.uid();
  const mine = () => allObjects().filter(({ idle, uid, cuid }) => idle && uid === me && cuid === me);
  const list = mine();
  const wanted = list.filter(({ orphan }) => orphan || possible);
  const kept = list.filter((object) => !wanted.includes(object));
  if (!json) {
    if (list.length === 0) print("there are no orphans");
    for (const object of kept) print(`kept ${nameOf(object)}, which may be in use: ${evidence(object)}`);
    if (kept.length > 0) print("ipc rm --help tells why; with --possible these go, too");
  }
  if (yes || wanted.length === 0) return wanted;
  if (!json) {
    for (const object of wanted.filter(({ orphan }) => !orphan)) print(`${nameOf(object)}: ${evidence(object)}`);
  }
  if (!agreed(`${namesOf(wanted)}: remove ${wanted.length === 1 ? "it" : "them"}?`)) return [];
  // somebody may have come while the question was open
  const still = new Set(mine().map(handle));
  return wanted.filter((object) => still.has(handle(object)));
}

subcommand(
  "rm",
  "remove objects; asks first if another user owns one, or a living process uses it",
  "  ipc rm q:3 0x162e\n  ipc rm /name\n  ipc rm --orphans",
)
  .argument("[ids...]", "their ids or keys, or names of POSIX objects")
  .option("--orphans", "your segments that nobody uses; asks first")
  .option("--possible", "with --orphans: also queues and sets, of which that can't be known")
  .option("--yes", "remove without asking")
  .addHelpText(
    "after",
    `
An orphan is a segment that nobody has attached, which the kernel counts, and
whose maker and last user have ended. (Somebody may still know its id or key,
and mean to attach it later.) --orphans removes those that you made and own.

Of a queue or a set the kernel has no list of users. It remembers the last
sender and receiver, the last process of each semaphore, and who sleeps in a
system call for it; but not who made it, and not who only looks now and then.
So one is at most possibly an orphan ("orphan?" in ls): nobody sleeps for it,
and all that are remembered have ended, or nobody has used it yet. --orphans
names these and keeps them, even with --yes. If you know better, give their
ids, or --orphans --possible.

POSIX objects are never called orphans: nobody counts who uses them.

A process that can't be seen from here, as of another container, counts as
living. Without a terminal to ask on, --yes has to be given.`,
  )
  .action((ids: string[], options: RemoveOptions) => {
    if ((ids.length > 0) === !!options.orphans) throw new Failure("give ids, or --orphans", USAGE);
    if (options.possible && !options.orphans) throw new Failure("--possible goes with --orphans", USAGE);
    const targets = options.orphans ? orphans(options) : findTargets(ids);
    const removed: (Obj | PosixObj)[] = [];
    let failed = false;
    for (const object of targets) {
      const why = objections(object).join(" and ");
      const name = isPosix(object) ? posixNameOf(object) : nameOf(object);
      try {
        if (why && !options.yes && !agreed(`${name} ${why}: remove it?`)) continue;
        if (isPosix(object)) removePosix(object);
        else remove(object);
        removed.push(object);
        if (!options.json) print(`removed ${name}`);
      } catch (error) {
        say("ipc", error);
        failed = true;
      }
    }
    if (options.json) {
      print(
        json(removed.map((one) => isPosix(one) ? { kind: one.kind, name: one.name } : { kind: one.kind, id: one.id })),
      );
    }
    if (failed) exitCode = FAILED;
  });

withKinds(
  subcommand(
    "watch",
    "as ls, live in the terminal, with processes and zombies; with --json a line whenever something has changed",
  ),
)
  .action(async (options: KindOptions & { json?: true }) => {
    if (options.json) await watchJson(chosen(options));
    if (!canWatch()) throw new Failure("watch needs a terminal (without one: ipc watch --json, or ipc ls)", USAGE);
    exitCode = await watch(chosen(options));
  });

subcommand(
  "record",
  "print the records that a file exports in C, Python or Rust; the file is run for that",
  "  ipc record reading.ts --c > reading.h\n  ipc record reading.ts --python --name Reading",
)
  .argument("<file>", "a module that exports what record() gave")
  .addOption(
    new Option("--c", "a header of C; this is what is printed unless told otherwise").conflicts(["python", "rust"]),
  )
  .addOption(new Option("--python", "classes of ctypes, and formats of struct").conflicts(["rust"]))
  .option("--rust", "structs of repr(C)")
  .option("--name <name>", "only this one, and those that it has in it")
  .action(async (file: string, options: { c?: true; python?: true; rust?: true; name?: string; json?: true }) => {
    const records = await recordsOf(file, options.name);
    if (options.json) return print(jsonOfRecords(records));
    const language = options.python ? "python" : options.rust ? "rust" : "c";
    write(new TextEncoder().encode(textOfRecords(records, language, file)));
  });

/** Those that have a command line of their own. */
const PASSED_ON: Record<string, { description: string; run: (args: string[]) => Promise<number> }> = {
  trace: {
    description: "run a demo or a program of your own, and draw the calls it made",
    run: async (args) => await (await import("../trace/trace.ts")).traceCommand(args),
  },
  demos: {
    description: "run the slides' programs",
    run: async (args) => await (await import("../demos/demos.ts")).demosCommand(args),
  },
};
for (const [name, { description }] of Object.entries(PASSED_ON)) {
  program.command(name).description(description).helpOption(false).usage("[arguments...]");
}

const AGAIN = 3000; // ms between two Ctrl-C that mean it

program.command("repl")
  .description("a Deno prompt with the library in scope; fork() is for programs, and refuses to work there")
  .action(async () => {
    if (Deno.stdin.isTerminal()) {
      print(
        'Try:\n  const q = MessageQueue.create()\n  q.sendSync("hello")\n  q.messages()\n  q.remove()\n' +
          "fork() is for programs: it refuses to work at a prompt. Ctrl-D leaves, and\n" +
          "Ctrl-C twice during an await; what was made stays until it is removed.",
      );
    }
    const library = new URL("../../../mod.ts", import.meta.url);
    // what a prompt imports needs permission; the program's own modules don't
    const allowed = library.protocol === "file:"
      ? `--allow-read=${decodeURIComponent(new URL(".", library).pathname).replaceAll(",", ",,")}`
      : `--allow-import=${library.host}`;
    // At the prompt, Ctrl-C is a key that the prompt reads. While something waits it is a signal, which Deno's prompt
    // does not heed: it would have to be killed from elsewhere.
    let last = -Infinity;
    let ended = false;
    Deno.addSignalListener("SIGINT", () => {
      ended ||= performance.now() - last < AGAIN;
      last = performance.now();
      if (ended) child.kill("SIGTERM");
      else complain(" (again to leave the prompt)");
    });
    // not single-threaded, as fork would need it: then Deno's completion crashes on Tab
    const { DENO_V8_FLAGS = "", ...env } = Deno.env.toObject();
    const flags = DENO_V8_FLAGS.split(",").filter((flag) => flag && !/^--single[-_]threaded$/.test(flag));
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "repl",
        "--quiet",
        "--allow-ffi",
        allowed,
        "--eval",
        `Object.assign(globalThis, await import(${JSON.stringify(library.href)})); undefined`,
      ],
      clearEnv: true,
      env: flags.length > 0 ? { ...env, DENO_V8_FLAGS: flags.join() } : env,
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    const { code } = await child.status;
    exitCode = ended ? 128 + 2 : code;
  });

program.command("completion").description("print a script that completes these commands in a shell")
  .addArgument(new Argument("<shell>").choices(SHELLS))
  .addHelpText(
    "after",
    `\nIt is for a command called ipc, such as\n  alias ipc="deno run --allow-all .../scripts/tools/ipc/ipc.ts"\n  eval "$(ipc completion bash)"`,
  )
  .action((shell: typeof SHELLS[number]) => write(new Shown(completion(program, shell))));

let exitCode = 0;

/**
 * Runs the command line.
 *
 * @param args The arguments.
 * @returns The exit code.
 */
async function ipcCommand(args: string[]): Promise<number> {
  const other = PASSED_ON[args[0]];
  if (other && Object.hasOwn(PASSED_ON, args[0])) return await other.run(args.slice(1));
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE; // 0: --help
    return say("ipc", error);
  }
  return exitCode;
}

if (import.meta.main) Deno.exit(await ipcCommand(Deno.args));
