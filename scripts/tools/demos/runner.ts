/**
 * Runs one demo: starts its processes, lets them talk, checks what came of it, and leaves nothing behind.
 *
 * @module
 */
import { LibcError, MessageQueue, peek, SHM_RDONLY, shmat, shmdt } from "../../../mod.ts";
import { childrenOf, type ProcessEntry, userName } from "../shared/proc.ts";
import {
  endProcesses,
  freePort,
  type IpcObject,
  isDeserted,
  isGone,
  isListening,
  isListeningAt,
  isMine,
  isOf,
  MARKED,
  noteDown,
  objects,
  privateDirectory,
  removeObjects,
  tryToRemove,
} from "./system.ts";

/** An IPC object with a key, which somebody else could have in use. */
export type Use =
  | { kind: "segment"; key: number; size: number }
  /** `holds`: the messages that the demo sends. */
  | { kind: "queue"; key: number; holds: readonly string[] };

/** When the next process may start. */
export type Ready =
  /** It listens on `{tcp}`, has bound `{udp}`, or listens on `{path}`. */
  | "tcp"
  | "udp"
  | "path"
  /** It asks for its input. It is kept waiting for that until all are there; then the last one goes first. */
  | "prompt"
  /** A segment of its own holds this text. */
  | { segment: number; holds: string };

/** One process of a demo. */
export interface Part {
  /** Its name in the demo. */
  who: string;
  /** The script, as seen from `scripts/`. */
  script: string;
  /** Its arguments; `{tcp}` and `{udp}` stand for a free port, `{path}` for a path in a private directory. */
  args?: string[];
  /** What it asks for, and what is typed then. */
  prompt?: string;
  input?: string;
  /** Without it, the next process starts when this one has ended. */
  ready?: Ready;
  /** How it has to end: with this exit code, or not until it is stopped (it is a server). */
  end: number | "stopped";
}

/** Something that has to be so, and whether it is. */
export type Claim = [what: string, holds: boolean];

/** A demo: what it shows, and how. */
export interface Demo {
  name: string;
  /** Numbers of the slide programs. */
  slides: string;
  title: string;
  /** What to look at. */
  notice: string;
  uses?: Use[];
  parts: Part[];
  /** Looks around after all others have ended, while the servers that don't end by themselves are still there. */
  meanwhile?(stage: Stage): Promise<Claim[]>;
  /** Looks at the result. */
  check(stage: Stage): Claim[];
}

/** What happens while a demo runs. */
export type DemoEvent =
  | { type: "start"; who: string; pid: number; script: string; args: string[] }
  /** A line of output; `typed` is the end of it that came from the keyboard. */
  | { type: "line"; who: string; stream: "stdout" | "stderr"; text: string; typed?: string }
  | { type: "end"; who: string; how: string; expected: boolean }
  /** Something that the runner did or saw. */
  | { type: "note"; text: string }
  | { type: "claim"; text: string; holds: boolean };

/** How a demo went. */
export interface Outcome {
  demo: Demo;
  result: "passed" | "failed" | "skipped" | "interrupted";
  /** Why it did not pass. */
  reasons: string[];
  ms: number;
}

/** How to run a demo. */
export interface RunOptions {
  on: (event: DemoEvent) => void;
  /** Ends the demo early. */
  signal?: AbortSignal;
  /** More environment variables for a process. */
  env?: (who: string) => Record<string, string>;
}

const LIMIT = 10_000; // ms that a demo may take: the slowest needs two seconds
const SCRIPTS = new URL("../../", import.meta.url);

/** A process on the stage. */
class Player {
  readonly pid: number;
  readonly out: { stdout: string; stderr: string } = { stdout: "", stderr: "" };
  readonly ended: Promise<void>;
  /** `exit 0`, or `SIGTERM`; empty while it runs. */
  how = "";
  asks = false;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array> | null;

  constructor(readonly part: Part, args: string[], env: Record<string, string>, readonly on: RunOptions["on"]) {
    const url = new URL(part.script, SCRIPTS).href;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-ffi", "--no-prompt", url, ...args],
      env,
      stdin: part.input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = child.pid;
    on({ type: "start", who: part.who, pid: child.pid, script: part.script, args });
    this.#writer = part.input === undefined ? null : child.stdin.getWriter();
    this.ended = this.#live(child);
  }

  async #live(child: Deno.ChildProcess): Promise<void> {
    // children of its own have these pipes, too, so the end of file comes when the last one has ended
    const [status] = await Promise.all([
      child.status,
      this.#listen(child.stdout, "stdout"),
      this.#listen(child.stderr, "stderr"),
    ]);
    await this.#writer?.close().catch(() => {}); // it may have ended without reading
    this.how = status.signal ?? `exit ${status.code}`;
    this.on({ type: "end", who: this.part.who, how: this.how, expected: this.endedWell });
  }

  get endedWell(): boolean {
    return this.how === (this.part.end === "stopped" ? "SIGTERM" : `exit ${this.part.end}`);
  }

  async #listen(stream: ReadableStream<Uint8Array<ArrayBuffer>>, name: "stdout" | "stderr"): Promise<void> {
    const { who, prompt } = this.part;
    let pending = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.out[name] += text;
      const lines = (pending + text).split("\n");
      pending = lines.pop()!;
      for (const line of lines) this.on({ type: "line", who, stream: name, text: line });
      if (name === "stdout" && prompt !== undefined && pending === prompt && !this.asks) {
        this.asks = true;
        pending = ""; // on a terminal, what is typed ends this line
        if (this.part.ready !== "prompt") this.type();
      }
    }
    if (pending) this.on({ type: "line", who, stream: name, text: pending });
  }

  /** Types its input. */
  type(): void {
    const { who, prompt, input } = this.part;
    this.on({ type: "line", who, stream: "stdout", text: prompt!, typed: input! });
    this.#writer!.write(new TextEncoder().encode(input + "\n")).catch(() => {});
  }
}

/** Where a demo's processes play, and what its checks look at. */
export class Stage {
  readonly #players = new Map<string, Player>();
  readonly #words = new Map<string, string>();
  #directory: string | null = null;
  readonly #began = new Set(objects().keys());
  readonly #stop: AbortSignal;

  constructor(readonly demo: Demo, readonly options: RunOptions, stop: AbortSignal) {
    this.#stop = stop;
    for (const use of demo.uses ?? []) {
      if (use.kind === "queue") noteDown(this.#directory ??= privateDirectory(), use);
    }
  }

  /** A process's pid. */
  pid(who: string): number {
    return this.#player(who).pid;
  }

  /** All that a process has printed on standard output. */
  stdout(who: string): string {
    return this.#player(who).out.stdout;
  }

  /** All that a process has printed on standard error. */
  stderr(who: string): string {
    return this.#player(who).out.stderr;
  }

  /** A process's children, zombies included. */
  children(who: string): ProcessEntry[] {
    return childrenOf(this.pid(who));
  }

  /** Tells whether there is an object with this key. */
  exists(kind: Use["kind"], key: number): boolean {
    return find({ kind, key }) !== undefined;
  }

  /** Tells whether there are segments or queues that this demo's processes have made or used. */
  get littered(): boolean {
    const pids = this.#pids();
    return this.#fresh().some((object) => isOf(object, pids));
  }

  /** Tells whether the unix socket's path is still there. */
  get pathLeft(): boolean {
    return this.#directory !== null && !Deno.readDirSync(this.#directory)[Symbol.iterator]().next().done;
  }

  /** Says what was seen. */
  note(text: string): void {
    this.options.on({ type: "note", text });
  }

  /** Waits until something is so. */
  async until(what: string, holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#stop.aborted) throw new Error(`${this.#stop.reason}, waiting for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #player(who: string): Player {
    const player = this.#players.get(who);
    if (!player) throw new Error(`${who} was never started`);
    return player;
  }

  #pids(): Set<number> {
    return new Set([...this.#players.values()].map(({ pid }) => pid));
  }

  /** The objects that were not there when the demo began. */
  #fresh(): IpcObject[] {
    return [...objects().values()].filter(({ name }) => !this.#began.has(name));
  }

  #word(name: string): string {
    let word = this.#words.get(name);
    if (word === undefined) {
      word = name === "path"
        ? `${this.#directory ??= privateDirectory()}/socket`
        : String(freePort(name as "tcp" | "udp"));
      this.#words.set(name, word);
    }
    return word;
  }

  #isReady(player: Player, ready: Ready): boolean {
    switch (ready) {
      case "tcp":
      case "udp":
        return isListening(ready, Number(this.#word(ready)));
      case "path":
        return isListeningAt(this.#word("path"));
      case "prompt":
        return player.asks;
    }
    const segment = find({ kind: "segment", key: ready.segment });
    if (segment?.kind !== "segment") return false;
    if (segment.creator !== player.pid) throw new Error(`${inUse(segment)}, since just now`);
    const shm = shmat(segment.id, null, SHM_RDONLY);
    try {
      return [...ready.holds].every((char, i) => peek(shm, i) === char.charCodeAt(0));
    } finally {
      shmdt(shm);
    }
  }

  /** Plays the demo. What it throws is why it failed. */
  async play(): Promise<Claim[]> {
    for (const part of this.demo.parts) {
      if (this.#stop.aborted) break;
      this.#giveUp();
      const args = (part.args ?? []).map((arg) => arg.replace(/\{(tcp|udp|path)\}/, (_, name) => this.#word(name)));
      const env = { ...this.options.env?.(part.who), ...MARKED };
      const player = new Player(part, args, env, this.options.on);
      this.#players.set(part.who, player);
      const { ready } = part;
      if (!ready) await this.#end(player);
      else {
        await this.until(`${part.who} to be ready`, () => {
          const isReady = this.#isReady(player, ready) || this.#isOver(player);
          if (!isReady) this.#giveUp();
          return isReady;
        });
      }
    }
    const players = [...this.#players.values()];
    for (const player of players.filter(({ part }) => part.ready === "prompt").reverse()) {
      player.type();
      await this.#end(player);
    }
    for (const player of players.filter(({ part }) => part.end !== "stopped")) await this.#end(player);
    const claims = await this.demo.meanwhile?.(this) ?? [];
    for (const player of players.filter(({ part }) => part.end === "stopped")) {
      if (player.how === "") Deno.kill(player.pid, "SIGTERM");
      await this.#end(player);
    }
    return [...claims, ...this.demo.check(this)];
  }

  #end(player: Player): Promise<void> {
    return this.until(`${player.part.who} to end`, () => {
      if (player.how === "") this.#giveUp();
      return player.how !== "";
    });
  }

  /** Throws if a process has not ended as it should: nobody comes any more to those that wait for it. */
  #giveUp(): void {
    const [bad] = [...this.#players.values()].filter(({ how, endedWell }) => how !== "" && !endedWell);
    if (bad) throw new Error(`given up: ${bad.part.who} has failed`);
  }

  /** Throws if a process has ended that should be ready by now. */
  #isOver({ part, how }: Player): false {
    if (how !== "") throw new Error(`${part.who} ended (${how}) before it was ready`);
    return false;
  }

  /** The processes that did not end as they should. */
  wrongEnds(): string[] {
    return [...this.#players.values()].filter((player) => player.how !== "" && !player.endedWell)
      .map(({ part, how }) => `${part.who}: ${how}, not ${part.end === "stopped" ? "SIGTERM" : `exit ${part.end}`}`);
  }

  /** Removes all that is left: processes and their children, IPC objects, the directory. */
  async strike(): Promise<void> {
    const left = await endProcesses();
    await Promise.all([...this.#players.values()].map(({ ended }) => ended));
    const pids = this.#pids().union(left);
    const fresh = new Set(this.#fresh().map(({ name }) => name));
    const removed = removeObjects((object) => {
      if (!fresh.has(object.name) || !isMine(object)) return false;
      if (object.kind === "segment") return isOf(object, pids);
      // Who made a queue is not known: one with a key could be somebody else's that a process of ours has found. But the
      // demo's own keys were free when it began, and a sender that was ended right after msgget(2) has left no trace.
      const own = !!this.demo.uses?.some(({ kind, key }) => kind === "queue" && key === object.key);
      return isOf(object, pids) && (own || object.key === 0) || own && object.sender === 0 && object.receiver === 0;
    });
    removed.forEach((text) => this.note(text));
    if (this.#directory) Deno.removeSync(this.#directory, { recursive: true });
  }
}

function find({ kind, key }: Pick<Use, "kind" | "key">): IpcObject | undefined {
  return [...objects().values()].find((object) => object.kind === kind && object.key === key);
}

function inUse(object: IpcObject): string {
  const name = (who: string, pid: number) => `${who}pid ${pid}${isGone(pid) ? ", which has ended" : ""}`;
  const by = object.kind === "segment"
    ? name("", object.creator)
    : object.sender
    ? name("last sender ", object.sender)
    : "nobody has sent anything yet";
  return `key ${object.key} is in use by ${object.name} (owner ${userName(object.uid)}, ${by})`;
}

/** Tells whether a deserted object was left by a demo that was killed: it is as ours are. */
function isLeftover(object: IpcObject, use: Use): boolean {
  if (use.kind === "segment") return object.kind === "segment" && object.size === use.size;
  try {
    // a queue that is empty may be that of a server which looks again and again whether a message has come
    const messages = MessageQueue.fromId(object.id).messages();
    return messages.length > 0 && messages.every(({ type, text }) => type === 1 && use.holds.includes(text));
  } catch (error) {
    if (error instanceof LibcError) return false; // not every kernel shows messages
    throw error;
  }
}

/** Makes sure that a key is free, and says why not if it can't. */
function obstacle(use: Use, note: (text: string) => void): string | null {
  const object = find(use);
  if (!object) return null;
  const deserted = isDeserted(object);
  if (!deserted || !isLeftover(object, use) || !tryToRemove(object)) {
    const { kind, id } = object;
    if (!deserted) return inUse(object);
    return `${inUse(object)}; ${
      kind === "segment"
        ? `nobody has it attached: deno task ipc rm m:${id} frees it`
        : `if it is not needed any more, deno task ipc rm q:${id} frees it`
    }`;
  }
  const who = object.kind === "segment" ? `made by pid ${object.creator}` : `last sender pid ${object.sender}`;
  note(`removed ${object.name} with key ${object.key}, a leftover: ${who} is gone, and nobody uses it`);
  return null;
}

/**
 * Runs one demo. Whatever happens, its processes, their children, its IPC objects and its files are gone afterwards.
 *
 * A demo passes if its processes ended as they should and all that it claims was so in this run. It is skipped if
 * somebody else uses one of its keys.
 */
export async function runDemo(demo: Demo, options: RunOptions): Promise<Outcome> {
  const start = performance.now();
  const done = (result: Outcome["result"], reasons: string[]): Outcome => {
    return { demo, result, reasons, ms: performance.now() - start };
  };
  const note = (text: string) => options.on({ type: "note", text });
  const obstacles = (demo.uses ?? []).map((use) => obstacle(use, note)).filter((text) => text !== null);
  if (obstacles.length > 0) return done("skipped", obstacles);

  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(`gave up after ${LIMIT / 1000} s`), LIMIT);
  const stop = AbortSignal.any([limit.signal, ...(options.signal ? [options.signal] : [])]);
  const stage = new Stage(demo, options, stop);
  const reasons: string[] = [];
  try {
    for (const [text, holds] of await stage.play()) {
      options.on({ type: "claim", text, holds });
      if (!holds) reasons.push(`not so: ${text}`);
    }
  } catch (error) {
    reasons.push(error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
    // as they ended by themselves, and not by the cleaning up
    reasons.unshift(...stage.wrongEnds());
    await stage.strike();
  }
  if (options.signal?.aborted) return done("interrupted", [String(options.signal.reason)]);
  return done(reasons.length === 0 ? "passed" : "failed", reasons);
}
