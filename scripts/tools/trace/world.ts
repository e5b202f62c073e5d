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
  /** What its descriptors lead to. */
  readonly descriptors = new Map<number, Lifeline>();
  /** The call that it is in. */
  entered?: EnterEvent;
  /** When it ended by itself. */
  ended?: number;
  /** Its parent has waited for it. */
  reaped = false;
  /** The step that tells what the trace has lost. */
  lost?: Step & { deed: { kind: "lost" } };

  constructor(readonly line: Lifeline) {}
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
    const process = this.#appear(pid, parent ? null : "?");
    if (!parent) return process;
    process.line.parent = parent.line;
    for (const [fd, channel] of parent.descriptors) process.descriptors.set(fd, channel);
    return process;
  }

  #appear(pid: number, program: string | null): Process {
    const again = this.processes.has(pid) ? `x${this.everyone.length}` : "";
    const process = new Process({ id: `P${pid}${again}`, thing: { type: "process", pid, program } });
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
