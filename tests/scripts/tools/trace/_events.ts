/** Events of version 2, for the tests of pictures. */
import type {
  EnterEvent,
  ExitEvent,
  TracedArgument,
  TracedBytes,
  TracedFlags,
  TracedStruct,
  TraceEvent,
} from "../../../../mod.ts";

type Args = Record<string, TracedArgument>;

/** Bytes that are ASCII. */
export function bytes(text: string, length: number = text.length): TracedBytes {
  return { length, bytes: text };
}

/** A number with names. */
export function flags(value: number, names: string[], rest = 0, radix?: 8 | 16): TracedFlags {
  return { value, names, rest, radix };
}

/** A structure. */
export function struct(name: string, fields: Args): TracedStruct {
  return { struct: name, fields };
}

/** An address. */
export function inet(port: number, host = "127.0.0.1"): TracedStruct {
  return struct("sockaddr_in", { sin_family: flags(2, ["AF_INET"]), sin_port: port, sin_addr: host });
}

/** The key that makes an object without one. */
export const PRIVATE: TracedFlags = flags(0, ["IPC_PRIVATE"], 0, 16);

/** Makes events one after the other, a microsecond apart unless the time is set. */
export class Script {
  t = 0;
  readonly events: TraceEvent[] = [];

  #add<T extends TraceEvent>(event: T): T {
    this.events.push(event);
    this.t++;
    return event;
  }

  start(pid: number, name: string, parent?: number): void {
    const forked = parent !== undefined;
    this.#add({ t: this.t, pid, ev: "start", v: 2, ppid: parent ?? 1, name, forked });
  }

  enter(pid: number, call: string, args: Args = {}, waits?: true): EnterEvent {
    return this.#add({ t: this.t, pid, ev: "enter", call, args, waits });
  }

  /** The call comes back. */
  exit(
    { t, pid, call, args }: EnterEvent,
    result: number,
    more: Partial<ExitEvent> = {},
  ): void {
    this.#add({ t: this.t, pid, ev: "exit", call, args, result, dur: this.t - t, ...more });
  }

  /** A call that is back at once. */
  call(pid: number, call: string, args: Args, result: number, more: Partial<ExitEvent> = {}): void {
    this.exit(this.enter(pid, call, args), result, more);
  }

  memory(pid: number, op: "read" | "write", shmid: number, offset: number, text: string): void {
    this.#add({ t: this.t, pid, ev: "memory", op, shmid, offset, data: bytes(text) });
  }

  /** The same through a record. */
  field(pid: number, op: "read" | "write", offset: number, field: string, value: TracedArgument): void {
    this.#add({ t: this.t, pid, ev: "memory", op, shmid: 3, offset, data: bytes("1234"), field, value });
  }

  fork(parent: number, child: number): void {
    const entered = this.enter(parent, "fork");
    this.start(child, "program.ts", parent);
    this.#add({ t: this.t, pid: child, ev: "exit", call: "fork", args: {}, result: 0, dur: 1 });
    this.exit(entered, child);
  }

  end(pid: number, status = 0): void {
    this.enter(pid, "_exit", { status });
    this.#add({ t: this.t, pid, ev: "end", status });
  }

  signal(pid: number, sig: string): void {
    this.#add({ t: this.t, pid, ev: "signal", sig });
  }

  lost(pid: number, count: number): void {
    this.#add({ t: this.t, pid, ev: "lost", count });
  }
}
