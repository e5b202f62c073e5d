/**
 * What is known of the processes and the kernel's objects while a trace is gone through.
 *
 * @module
 */
import type { EnterEvent, TracedArgument } from "../../../mod.ts";
import { field, isStruct, numberOf } from "./arguments.ts";
import type { Deed, Lifeline, Step, Thing } from "./picture.ts";

/** A process. */
export class Process {
  /** Children that have ended, and that it has not waited for. */
  readonly zombies: Set<Process> = new Set();
  /** The calls that it is in: some wait on other threads. */
  entered: EnterEvent[] = [];
  /** When it ended by itself. */
  ended?: number;
  /** Its parent has waited for it. */
  reaped = false;
  /** The step that tells what the trace has lost. */
  lost?: Step & { deed: { kind: "lost" } };

  #descriptors: Map<number, Lifeline> = new Map();
  /** Others have the same map: it is copied before it is changed. */
  #shared = false;

  /**
   * @param line Its lifeline.
   * @param parent The process that forked it.
   */
  constructor(readonly line: Lifeline, readonly parent?: Process) {
    line.parent = parent?.line;
    if (!parent || parent.#descriptors.size === 0) return;
    this.#descriptors = parent.#descriptors;
    this.#shared = parent.#shared = true;
  }

  /** What a descriptor leads to. */
  channel(fd: number | undefined): Lifeline | undefined {
    return fd === undefined ? undefined : this.#descriptors.get(fd);
  }

  /** A descriptor leads there; nowhere if that is left out. */
  lead(fd: number, channel?: Lifeline): void {
    if (this.#descriptors.get(fd) === channel) return;
    if (this.#shared) this.#descriptors = new Map(this.#descriptors);
    this.#shared = false;
    if (channel) this.#descriptors.set(fd, channel);
    else this.#descriptors.delete(fd);
  }

  /** It ends by itself. */
  end(t: number): void {
    this.ended = t;
    this.entered = [];
    this.#descriptors = new Map();
    this.#shared = false;
    if (!this.reaped) this.parent?.zombies.add(this);
  }

  /** Its parent has waited for it. */
  reap(): void {
    this.reaped = true;
    this.parent?.zombies.delete(this);
  }
}

/** The state of things. */
export class World {
  readonly processes = new Map<number, Process>();
  /** All that there ever were: a pid may be used again. */
  readonly everyone: Process[] = [];
  readonly objects = new Map<string, Lifeline>();
  readonly steps: Step[] = [];

  /** @param all Tell what is noise by default, too. */
  constructor(readonly all: boolean) {}

  /** The process with a pid, as far as it is known by now. */
  process(pid: number): Process {
    return this.processes.get(pid) ?? this.#appear(pid, "?");
  }

  /** A process begins: a program, or a child of this one. */
  begin(pid: number, parent?: Process): Process {
    const known = this.processes.get(pid);
    // one that has ended is another, whose pid was free again
    if (known && known.ended === undefined) return known;
    return this.#appear(pid, parent ? null : "?", parent);
  }

  #appear(pid: number, program: string | null, parent?: Process): Process {
    const again = this.processes.has(pid) ? `x${this.everyone.length}` : "";
    // what a trace says that fork returned need not be a pid
    const id = /^\d+$/.test(String(pid)) ? `P${pid}${again}` : `Q${this.everyone.length}`;
    const process = new Process({ id, thing: { type: "process", pid, program } }, parent);
    this.processes.set(pid, process);
    this.everyone.push(process);
    return process;
  }

  /** The object with a name, which is made if it is new. */
  object(name: string, thing: Thing): Lifeline {
    const known = this.objects.get(name);
    if (known) return known;
    const line = { id: `O${this.objects.size + 1}`, thing };
    this.objects.set(name, line);
    return line;
  }

  /** The socket with an address; undefined if that is none. */
  socket(address: TracedArgument | undefined): Lifeline | undefined {
    const name = socketName(address);
    return name === undefined ? undefined : this.object(name, { type: "socket", address });
  }

  /** The socket with an address, if it is known already. */
  knownSocket(address: TracedArgument | undefined): Lifeline | undefined {
    return this.objects.get(socketName(address) ?? "");
  }

  /** Something happens. */
  step(t: number, from: Lifeline, to: Lifeline | undefined, deed: Deed, dashed?: boolean): Step {
    const step = { t, from, to, deed, dashed, times: 1 };
    this.steps.push(step);
    return step;
  }
}

function socketName(address: TracedArgument | undefined): string | undefined {
  if (!isStruct(address)) return undefined;
  // a server that listens on every address is reached under each of them
  const port = numberOf(field(address, "sin_port") ?? field(address, "sin6_port"));
  if (port !== undefined) return `socket port ${port}`;
  const path = field(address, "sun_path");
  return `socket ${typeof path === "string" ? `path ${path}` : JSON.stringify(address)}`;
}
