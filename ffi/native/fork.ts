/**
 * fork(2) under V8.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { failChild, guardExit, guardMicrotasks, isForked, runChild, setForked, setTrap } from "./child.ts";
import { own, preload, slurp } from "./own.ts";
import { ADD_FLAG, isSingleThreaded } from "./restart.ts";

const MADV_DOFORK = 11;
const SIG_DFL = 0n;

// V8 keeps its memory out of children (MADV_DONTFORK); these are the ranges to give back. The kernel's
// own pages among them ([vvar]) would stop madvise(2), hence the gaps.
let ranges: [start: bigint, length: bigint][] | undefined;

function addressSpace(): [bigint, bigint][] {
  const end = Deno.build.arch === "aarch64" ? 0x1_0000_0000_0000n : 0x7fff_ffff_f000n;
  const list: [bigint, bigint][] = [];
  let at = 0n;
  for (const line of new TextDecoder().decode(slurp("/proc/self/maps")).split("\n")) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) .*\[(vvar|vsyscall)/.exec(line);
    if (!match) continue;
    const [from, to] = [BigInt("0x" + match[1]), BigInt("0x" + match[2])];
    if (from >= end) break;
    if (from > at) list.push([at, from - at]);
    at = to;
  }
  list.push([at, end - at]);
  return list;
}

const action = new BigUint64Array(19); // a struct sigaction; the handler comes first
const SIG_IGN = 1n;
const SIG_SETMASK = 2;
const everySignal = new Uint8Array(128).fill(0xff); // a sigset_t
const signalMask = new Uint8Array(128);

/** The signals that have a handler. */
function handledSignals(): number[] {
  const list: number[] = [];
  for (let sig = 1; sig <= 64; sig++) {
    if (own.sigaction(sig, null, action) === 0 && action[0] > SIG_IGN) list.push(sig);
  }
  return list;
}

/** `fork(2)`, given the bare call: what V8 needs before it, and what a child must not inherit after it. */
export function safely(fork: () => number): number {
  if (!isSingleThreaded()) {
    throw new LibcError("fork", "EOPNOTSUPP", `call enableFork() first thing in the program, or ${ADD_FLAG}`);
  }
  ranges ??= prepare();
  // in the parent, where it touches no page that is still to be copied
  const handled = handledSignals();
  // a signal that reaches the child before becomeChild() would end up with the parent's handler, and be lost
  own.sigprocmask(SIG_SETMASK, everySignal, signalMask);
  // no allocation from here to the fork: V8 could map new memory
  for (let i = 0; i < ranges.length; i++) own.madvise(ranges[i][0], ranges[i][1], MADV_DOFORK);
  const pid = fork();
  if (pid === 0) becomeChild(handled);
  own.sigprocmask(SIG_SETMASK, signalMask, null);
  return pid;
}

function becomeChild(handled: number[]): void {
  setForked(true);
  // handlers run on the event loop, which a child hasn't got: it would ignore what should end it
  for (const sig of handled) own.signal(sig, SIG_DFL);
}

/** What is run before the first fork, because its first run would cost each child more: printing. */
export const rehearsal: { run(): void } = { run() {} };

/** Called once, in the parent, for what a child would else have to do: there every page that is written to is copied first. */
function prepare(): [bigint, bigint][] {
  preload("madvise", "_exit", "signal", "sigprocmask", "read", "write", "close");
  guardExit();
  guardMicrotasks();
  // what a timer's callback or a listener throws comes by here, and no microtask is run after it
  addEventListener("error", (event) => {
    if (isForked()) failChild(event.error);
  }, { capture: true });
  // V8 compiles a function when it is first called; these are first called in a child
  becomeChild([]);
  setForked(false);
  setTrap(true);
  runChild(() => {}, true);
  rehearsal.run();
  return addressSpace();
}
