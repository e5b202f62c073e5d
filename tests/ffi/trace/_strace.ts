/**
 * strace(1) as the judge of our own tracing: runs a program under both, and finds for each of our events the system call
 * that it tells of.
 *
 * @module
 */
import { type EnterEvent, type ExitEvent, parseTrace, type TraceEvent } from "../../../mod.ts";

/** A system call as strace saw it. */
export interface Syscall {
  /** The thread that made it. */
  tid: number;
  /** Its name. */
  name: string;
  /** What strace printed, without the thread's number and the spaces that align the results. */
  text: string;
}

/** The parts of a line of strace's, or of ours. */
export interface Call {
  /** The function. */
  name: string;
  /** The text of each argument. */
  args: string[];
  /** What stands behind the `=`; undefined for a call that did not come back. */
  result?: string;
}

/** Where the bracket at `open` closes, or the end of the text. The brackets in strings are no brackets. */
function closing(text: string, open: number, onComma: (at: number) => void = () => {}): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      while (++at < text.length && text[at] !== '"') if (text[at] === "\\") at++;
    } else if ("([{".includes(char)) {
      depth++;
    } else if (")]}".includes(char)) {
      if (--depth === 0) return at;
    } else if (char === "," && depth === 1) {
      onComma(at);
    }
  }
  return text.length;
}

/** Takes a line apart: `read(3, "a, b", 5) = 4`. */
export function parseCall(line: string): Call {
  const open = line.indexOf("(");
  const commas: number[] = [];
  const close = closing(line, open, (at) => commas.push(at));
  const bounds = [open, ...commas, close];
  const args = bounds.slice(1).map((end, i) => line.slice(bounds[i] + 1, end).trim());
  const result = /^\s*= (.*)$/s.exec(line.slice(close + 1))?.[1];
  return { name: line.slice(0, open), args: args.length === 1 && args[0] === "" ? [] : args, result };
}

const UNFINISHED = " <unfinished ...>";

/** Reads the file that `strace -f -o FILE` wrote. A call stands where it came back, or where it began if it never did. */
export function parseStrace(text: string): Syscall[] {
  const calls: Syscall[] = [];
  const begun = new Map<number, string>();
  const unfinished = (tid: number) => {
    const start = begun.get(tid);
    begun.delete(tid);
    if (start !== undefined) calls.push({ tid, name: start.slice(0, start.indexOf("(")), text: start });
  };
  for (const line of text.split("\n")) {
    const [, digits, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest === undefined) continue;
    const tid = Number(digits);
    if (rest.startsWith("+++ ")) unfinished(tid);
    if (rest.startsWith("+++ ") || rest.startsWith("--- ")) continue;
    if (rest.endsWith(UNFINISHED)) {
      begun.set(tid, rest.slice(0, -UNFINISHED.length));
      continue;
    }
    let whole = rest;
    const resumed = /^<\.\.\. \w+ resumed>/.exec(rest);
    if (resumed) {
      whole = (begun.get(tid) ?? "") + rest.slice(resumed[0].length);
      begun.delete(tid);
    }
    const open = whole.indexOf("(");
    const close = closing(whole, open);
    calls.push({
      tid,
      name: whole.slice(0, open),
      text: whole.slice(0, close + 1) + whole.slice(close + 1).replace(/^ +/, " "),
    });
  }
  for (const tid of begun.keys()) unfinished(tid);
  return calls;
}

/** One of our events, and the system calls that were made for it. */
export interface Pair {
  /** Our event: the one at the end of the call, or that at its beginning if it never came back. */
  event: EnterEvent | ExitEvent;
  /** What the thread asked of the kernel between our two events. */
  syscalls: Syscall[];
}

/** Descriptors from here on are those that our trace is written to. */
const TRACE_FD = 900;

/** Finds for each call in our trace what strace saw of it. */
export function pair(strace: string, trace: string): Pair[] {
  const syscalls = Map.groupBy(parseStrace(strace), ({ tid }) => tid);
  const lines = trace.split("\n").filter(Boolean);
  const pairs: Pair[] = [];
  // a process's calls are all made by one thread, whose number is the process's
  for (const [pid, own] of Map.groupBy(lines, (line) => (JSON.parse(line) as TraceEvent).pid)) {
    const events = own.map((line) => JSON.parse(line) as TraceEvent);
    let next = 0;
    let between: Syscall[] = [];
    let entered: EnterEvent | undefined;
    for (const call of syscalls.get(pid) ?? []) {
      if (call.name !== "write" || !(Number(parseCall(call.text).args[0]) >= TRACE_FD)) {
        between.push(call);
        continue;
      }
      const event = events[next];
      const head = own[next]?.slice(0, 20).replaceAll('"', '\\"');
      if (head === undefined || !call.text.includes(head)) {
        throw new Error(`strace and our trace part at event ${next} of ${pid}: ${own[next]}, ${call.text}`);
      }
      next++;
      if (event.ev === "enter") entered = event;
      if (event.ev === "exit") {
        pairs.push({ event, syscalls: between });
        entered = undefined;
      }
      between = [];
    }
    if (next !== events.length) throw new Error(`strace did not see ${own[next]} written`);
    if (entered) pairs.push({ event: entered, syscalls: between });
  }
  return pairs;
}
