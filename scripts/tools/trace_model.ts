/**
 * From a trace's events to the steps of a picture: who did what to which kernel object, in the order it happened.
 *
 * @module
 */
import type { ExitEvent, TracedArgument, TracedBytes, TraceEvent } from "../../mod.ts";

/** A lifeline: a process, or an object in the kernel. */
export interface Lifeline {
  /** Unique, and a valid Mermaid name. */
  id: string;
  /** What stands in its box, a line each. */
  label: string[];
  /** A process, or one of the kernel's objects. */
  kind: "process" | "object";
  /** The process that forked it. */
  parent?: Lifeline;
}

/** Something that happened. */
export interface Step {
  /** When, in microseconds. */
  t: number;
  /** Who did it. */
  from: Lifeline;
  /** To whom; undefined for something that concerns `from` alone. */
  to?: Lifeline;
  /** The words. */
  text: string;
  /** Bytes that crossed. */
  data?: TracedBytes;
  /** An answer, or something that only arrived: drawn with a dashed line. */
  dashed?: boolean;
  /** For memory: the first byte. */
  offset?: number;
  /** Steps with the same key may be drawn as one with a count. */
  key: string;
  /** In a repetition: what was different the last time. */
  last?: Pick<Step, "offset" | "data">;
  /** How many times it happened. */
  times: number;
  /** How it took part in a repetition: the pictures say "×12" beside it, or around the group. */
  group?: Step[];
}

/** What a trace shows. */
export interface Picture {
  /** In the order to draw them. */
  lifelines: Lifeline[];
  /** In the order they happened. */
  steps: Step[];
}

/** A wait that is shorter is not worth a remark. */
const NOTABLE_WAIT_US = 5000;

/** Calls that say nothing about communication. */
const NOISE = new Set([
  ..."getpid getppid rand srand open close setsockopt getsockopt getsockname getpeername poll unlink read write usleep getaddrinfo"
    .split(" "),
]);

const text = (value: TracedArgument | undefined) => value === null || value === undefined ? "" : String(value);
/** An address, of a long path only the end. */
const address = (value: TracedArgument | undefined) => text(value).replace(/^(?=.{25}).*\//, "…/");
const isBytes = (value: TracedArgument | undefined): value is TracedBytes =>
  typeof value === "object" && value !== null;

function milliseconds(us: number): string {
  return us >= 1e6 ? `${(us / 1e6).toFixed(1)} s` : `${Math.max(1, Math.round(us / 1000))} ms`;
}

class Process {
  readonly descriptors = new Map<number, Lifeline>();
  ended?: { t: number; how: string };
  reaped = false;
  constructor(readonly line: Lifeline) {}
}

/**
 * Reads the events.
 *
 * @param events In any order.
 * @param all Also what is noise by default.
 */
export function picture(events: TraceEvent[], all = false): Picture {
  const sorted = events.map((event, i) => ({ event, i })).sort((a, b) => a.event.t - b.event.t || a.i - b.i).map((
    { event },
  ) => event);
  const processes = new Map<number, Process>();
  const objects = new Map<string, Lifeline>();
  const steps: Step[] = [];
  const entered = new Map<number, TraceEvent>();

  function object(key: string, label: string): Lifeline {
    let line = objects.get(key);
    if (!line) objects.set(key, line = { id: `O${objects.size + 1}`, label: [label], kind: "object" });
    return line;
  }
  function process(pid: number, name = "?"): Process {
    let found = processes.get(pid);
    if (!found) {
      processes.set(pid, found = new Process({ id: `P${pid}`, label: [name, `pid ${pid}`], kind: "process" }));
    }
    return found;
  }
  function step(t: number, from: Lifeline, to: Lifeline | undefined, text: string, more: Partial<Step> = {}): void {
    const key = more.key ?? text;
    steps.push({ t, from, to, text, times: 1, ...more, key: `${from.id} ${to?.id} ${key}` });
  }

  /** The System V object that a call is about, named by its key where one was given. */
  function sysv(event: ExitEvent): Lifeline | undefined {
    const kind = /^(shm|msg|sem)/.exec(event.call)?.[1];
    if (!kind) return undefined;
    const word = { shm: "segment", msg: "queue", sem: "semaphore set" }[kind]!;
    const id = event.call.endsWith("get")
      ? event.result
      : Number(event.args.shmid ?? event.args.msqid ?? event.args.semid);
    if (event.call.endsWith("get")) {
      const key = event.args.key;
      // a key's object may be made anew under another id; without one the key is all that there is to name it by
      if (event.errno) return object(`${kind} key ${key}`, `${word} ${key}`);
      const made = objects.get(`${kind} ${id}`);
      if (made) return made;
      const line = object(
        `${kind} key ${key === 0 ? `private ${id}` : key}`,
        key === 0 ? `${word} id ${id}` : `${word} ${key}`,
      );
      objects.set(`${kind} ${id}`, line);
      return line;
    }
    return objects.get(`${kind} ${id}`) ?? object(`${kind} ${id}`, `${word} id ${id}`);
  }

  function socketByAddress(address: string, label: string): Lifeline {
    // a server that listens on every address is reached under each of them
    const port = /:(\d+)$/.exec(address)?.[1];
    return object(`socket ${port ?? address}`, label);
  }

  function onExit(event: ExitEvent): void {
    const { call, args, result, errno } = event;
    const own = process(event.pid);
    const me = own.line;
    const fd = Number(args.sockfd ?? args.fd);
    const channel = own.descriptors.get(fd);
    const failed = errno ? ` = ${errno}` : "";
    const began = entered.get(event.pid)?.t ?? event.t - event.dur;
    // what is sent may be received before the sender's call is back; but not while the call waits
    const sent = event.dur < NOTABLE_WAIT_US ? began : event.t;

    if (event.dur >= NOTABLE_WAIT_US && !["sleep", "usleep", "fork", "pause"].includes(call)) {
      step(began, me, undefined, `waits ${milliseconds(event.dur)} in ${call}()`, {
        key: `waits ${call}`,
      });
    }

    switch (call) {
      case "fork": {
        if (result <= 0) return errno ? step(event.t, me, undefined, `fork()${failed}`) : undefined;
        return step(event.t - event.dur, me, process(result).line, `fork() = ${result}`);
      }
      case "wait":
      case "waitpid":
      case "wait3":
      case "wait4": {
        if (result <= 0) return all ? step(event.t, me, undefined, `${call}() = ${errno ?? result}`) : undefined;
        const child = process(result);
        if (child.ended && event.t - child.ended.t >= NOTABLE_WAIT_US) {
          step(event.t, child.line, undefined, `zombie for ${milliseconds(event.t - child.ended.t)}`);
        }
        child.reaped = true;
        return step(event.t, child.line, me, `${call}(): ${text(args.wstatus) || "reaped"}`, { dashed: true });
      }
      case "kill":
        return step(event.t, me, processes.get(Number(args.pid))?.line, `kill(${args.pid}, ${args.sig})${failed}`);
      case "signal":
        return step(event.t, me, undefined, `signal(${args.sig}, ${args.handler})`);
      case "sleep":
        return step(event.t, me, undefined, `sleep(${args.seconds})`);
      case "pause":
        return step(event.t, me, undefined, `pause() is over after ${milliseconds(event.dur)}`);

      case "pipe":
      case "socketpair": {
        if (errno) return step(event.t, me, undefined, `${call}()${failed}`);
        const line = object(`${call} ${event.pid} ${event.t}`, call === "pipe" ? "pipe" : "socket pair");
        for (const end of text(args.pipefd ?? args.sv).match(/\d+/g) ?? []) own.descriptors.set(Number(end), line);
        return step(event.t, me, line, `${call}()`);
      }
      case "close":
        own.descriptors.delete(fd);
        if (all && channel) step(event.t, me, channel, `close(${fd})`);
        return;
      case "dup2":
        if (own.descriptors.has(Number(args.oldfd))) {
          own.descriptors.set(Number(args.newfd), own.descriptors.get(Number(args.oldfd))!);
        }
        return all ? step(event.t, me, undefined, `dup2(${args.oldfd}, ${args.newfd})`) : undefined;

      case "socket": // drawn when it gets an address: until then there is nothing to point at
        return errno ? step(event.t, me, undefined, `socket()${failed}`) : undefined;
      case "bind": {
        const line = socketByAddress(text(args.addr), `socket ${address(args.addr)}`);
        if (!errno) own.descriptors.set(fd, line);
        step(event.t, me, line, "socket()", { key: "socket" });
        return step(event.t, me, line, `bind(${address(args.addr)})${failed}`);
      }
      case "listen":
        return step(event.t, me, channel, `listen(${args.backlog})${failed}`);
      case "accept":
      case "accept4":
        if (!errno && channel) own.descriptors.set(result, channel);
        return step(
          event.t,
          channel ?? me,
          channel ? me : undefined,
          `${call}()${errno ? failed : ` ← ${event.peer || "a client"}`}`,
          { key: call, dashed: true },
        );
      case "connect": {
        const line = socketByAddress(event.peer || text(args.addr), `socket ${address(args.addr)}`);
        if (!errno) own.descriptors.set(fd, line);
        step(sent, me, line, "socket()", { key: "socket" });
        return step(sent, me, line, `connect(${address(args.addr)})${failed}`, { key: "connect" });
      }
      case "send":
      case "sendto":
      case "write": {
        const data = isBytes(args.buf) ? args.buf : undefined;
        const dest = text(args.dest_addr);
        const known = dest && objects.get(`socket ${/:(\d+)$/.exec(dest)?.[1] ?? dest}`);
        const line = known || channel || (dest ? socketByAddress(dest, `socket ${address(dest)}`) : undefined);
        if (call === "sendto" && line && !channel && !errno) own.descriptors.set(fd, line);
        if (line) return step(sent, me, line, call + failed, { data, key: call });
        if (fd === 1 || (fd === 2 && all)) return step(event.t, me, undefined, "prints", { data, key: `prints ${fd}` });
        return all ? step(event.t, me, undefined, `${call}(${fd})${failed}`, { data, key: call }) : undefined;
      }
      case "recv":
      case "recvfrom":
      case "read": {
        const data = isBytes(args.buf) ? args.buf : undefined;
        if (channel) {
          return step(event.t, channel, me, result === 0 ? `${call}: end` : call + failed, {
            data: result ? data : undefined,
            key: call,
            dashed: true,
          });
        }
        if (fd === 0 && all) return step(event.t, me, undefined, "reads its input", { data, key: "input" });
        return all && fd ? step(event.t, me, undefined, `${call}(${fd})${failed}`, { data, key: call }) : undefined;
      }
      case "shutdown":
        return step(event.t, me, channel, `shutdown(${args.how})${failed}`);

      case "msgsnd":
        return step(sent, me, sysv(event), `msgsnd type ${args.mtype}${failed}`, {
          data: isBytes(args.msgp) ? args.msgp : undefined,
          key: `msgsnd ${args.mtype} ${failed}`,
        });
      case "msgrcv":
        return step(event.t, sysv(event)!, me, `msgrcv${errno ? failed : ` type ${args.mtype}`}`, {
          data: isBytes(args.msgp) ? args.msgp : undefined,
          key: `msgrcv ${args.mtype} ${failed}`,
          dashed: true,
        });
      case "shmdt":
        return all ? step(event.t, me, undefined, "shmdt()") : undefined;
      case "shmget":
        return step(
          event.t,
          me,
          sysv(event),
          `shmget(${args.key || "IPC_PRIVATE"}, ${args.size}, ${args.shmflg}) = ${errno ?? result}`,
        );
      case "msgget":
        return step(
          event.t,
          me,
          sysv(event),
          `msgget(${args.key || "IPC_PRIVATE"}, ${args.msgflg}) = ${errno ?? result}`,
        );
      case "semget":
        return step(
          event.t,
          me,
          sysv(event),
          `semget(${args.key || "IPC_PRIVATE"}, ${args.nsems}, ${args.semflg}) = ${errno ?? result}`,
        );
      case "semop":
      case "semtimedop":
        return step(event.t, me, sysv(event), `${call}(${text(args.sops)})${failed}`);
    }
    const target = sysv(event);
    if (target) {
      const cmd = args.cmd === undefined ? "" : text(args.cmd);
      if (cmd && !all && !/RMID|SET/.test(cmd)) return;
      return step(event.t, me, target, `${call}(${cmd})${failed}`);
    }
    if (all || !NOISE.has(call)) step(event.t, me, undefined, `${call}(${text(args.node)})${failed}`);
  }

  const births = childrenByFork(sorted);
  for (const event of sorted) {
    switch (event.ev) {
      case "start":
        // a child has its name from its parent's fork
        if (!event.forked) process(event.pid).line.label[0] = event.name;
        break;
      case "enter": {
        entered.set(event.pid, event);
        const born = births.get(event);
        if (born !== undefined) {
          const parent = process(event.pid);
          const child = process(born, "child");
          child.line.parent = parent.line;
          for (const [fd, channel] of parent.descriptors) child.descriptors.set(fd, channel);
        }
        break;
      }
      case "exit":
        // the child's own return from fork is the birth that its parent's step shows
        if (event.call !== "fork" || event.result !== 0) onExit(event);
        entered.delete(event.pid);
        break;
      case "memory": {
        const me = process(event.pid).line;
        const segment = objects.get(`shm ${event.shmid}`) ?? object(`shm ${event.shmid}`, `segment id ${event.shmid}`);
        const write = event.op === "write";
        const [from, to] = write ? [me, segment] : [segment, me];
        step(event.t, from, to, write ? "writes" : "reads", { data: event.data, offset: event.offset, dashed: !write });
        break;
      }
      case "signal": {
        const me = process(event.pid).line;
        const child = [...processes.values()].find((p) => p.line.parent === me && p.ended && !p.reaped);
        step(
          event.t,
          event.sig === "SIGCHLD" && child ? child.line : me,
          event.sig === "SIGCHLD" && child ? me : undefined,
          event.sig,
          { dashed: true },
        );
        break;
      }
      case "end": {
        const own = process(event.pid);
        own.ended = { t: event.t, how: `exit(${event.status})` };
        entered.delete(event.pid);
        step(event.t, own.line, undefined, own.ended.how);
      }
    }
  }
  const last = sorted.at(-1)?.t ?? 0;
  for (const [pid, event] of entered) {
    if (event.ev === "enter" && event.call !== "_exit") {
      step(last, process(pid).line, undefined, `still in ${event.call}() when the trace ends`);
    }
  }
  for (const own of processes.values()) {
    if (own.line.parent && own.ended && !own.reaped) {
      step(last, own.line, undefined, "zombie: nobody has waited for it");
    }
  }
  // waits are told when they are over, and belong where they began
  steps.sort((a, b) => a.t - b.t);
  return {
    lifelines: inOrder([...processes.values()].map((p) => p.line), [...new Set(objects.values())], steps),
    steps: fold(steps),
  };
}

/** Which child came out of which call of fork: a child may well run before its parent is back from the call. */
function childrenByFork(sorted: TraceEvent[]): Map<TraceEvent, number> {
  const births = new Map<TraceEvent, number>();
  const calls = new Map<number, TraceEvent>();
  for (const event of sorted) {
    if (event.ev === "enter" && event.call === "fork") calls.set(event.pid, event);
    if (event.ev === "exit" && event.call === "fork" && event.result > 0) {
      births.set(calls.get(event.pid)!, event.result);
    }
  }
  return births;
}

/** A first process and its children, the kernel's objects, the other processes: so that arrows are short. */
function inOrder(processes: Lifeline[], objects: Lifeline[], steps: Step[]): Lifeline[] {
  const used = new Set(steps.flatMap((step) => [step.from, step.to]));
  const withChildren = (
    line: Lifeline,
  ): Lifeline[] => [line, ...processes.filter((p) => p.parent === line).flatMap(withChildren)];
  const roots = processes.filter((p) => !p.parent);
  // one that came too early and found nothing is not the first
  const first = roots.find((p) => steps.some((step) => step.from === p && step.to && !/ = E[A-Z]+$/.test(step.text))) ??
    roots[0];
  const left = roots.filter((p) => p === first).flatMap(withChildren);
  const right = roots.filter((p) => p !== first).flatMap(withChildren);
  return [...left, ...objects, ...right].filter((line) => used.has(line));
}

/** Draws what happens over and over as one. */
function fold(steps: Step[]): Step[] {
  const joined: Step[] = [];
  for (const step of steps) {
    const before = joined.at(-1);
    if (before && isContinuation(before, step)) append(before, step);
    else joined.push({ ...step });
  }
  const result: Step[] = [];
  for (let at = 0; at < joined.length;) {
    const { size, times } = repetition(joined, at);
    if (times < 2) {
      result.push(joined[at++]);
      continue;
    }
    const group = joined.slice(at, at + size).map((first, i) => {
      const last = joined[at + (times - 1) * size + i];
      const same = last.offset === first.offset && last.data?.preview === first.data?.preview;
      return same ? first : { ...first, last: { offset: last.offset, data: last.data } };
    });
    result.push(size === 1 ? { ...group[0], times: group[0].times * times } : { ...group[0], times, group });
    at += size * times;
  }
  // what was found first may be part of a longer repetition: "reads ×2, prints" ×26
  return result.length < joined.length && result.some((step) => step.times > 1) && !result.some((step) => step.group)
    ? fold(result)
    : result;
}

/** Tells whether a step goes on where another ended, in memory or in a line that is printed. */
function isContinuation(a: Step, b: Step): boolean {
  if (a.key !== b.key || !a.data || !b.data) return false;
  if (a.offset !== undefined) return a.offset + a.data.length === b.offset;
  return a.text === "prints";
}

function append(a: Step, b: Step): void {
  a.data = { length: a.data!.length + b.data!.length, preview: (a.data!.preview + b.data!.preview).slice(0, 200) };
}

/** Tells whether two steps are the same, or the same one place further in memory. */
function isSame(a: Step, b: Step | undefined): boolean {
  if (a.key !== b?.key || a.times !== b.times || a.group || b.group) return false;
  // lines differ; pieces of a line are put together
  if (a.text === "prints" && a.data!.preview.endsWith("\\n")) return a.data!.preview === b.data!.preview;
  return a.offset === undefined || a.offset !== b.offset || a.data!.preview === b.data!.preview;
}

const LONGEST_GROUP = 4;

function repetition(steps: Step[], at: number): { size: number; times: number } {
  let best = { size: 1, times: 1 };
  for (let size = 1; size <= LONGEST_GROUP; size++) {
    // the renderer would draw a note that opens a loop before it
    if (size > 1 && !steps[at].to) continue;
    let times = 1;
    while (
      steps.slice(at, at + size).every((_, i) =>
        isSame(steps[at + size * (times - 1) + i], steps[at + size * times + i])
      )
    ) times++;
    if (times > 1 && size * times > best.size * best.times) best = { size, times };
  }
  return best;
}
