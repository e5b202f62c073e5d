/**
 * fork(2) under V8.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { leaveHandler, realTime } from "./action.ts";
import { setForked } from "./child.ts";
import { isOwned } from "./descriptors.ts";
import { faultHandler } from "./faults.ts";
import { guard } from "./guards.ts";
import { cstring } from "./libc.ts";
import { own, preload, slurp } from "./own.ts";
import { leaveNumbers } from "./random.ts";
import { ADD_FLAG } from "./restart.ts";
import { isMainThread, numbersIn, runtimeArguments, type Threads, threads } from "./threads.ts";
import { armTrap, outcome } from "./traps.ts";

const MADV_DOFORK = 11;
const SIG_DFL = 0n;
const SIGKILL = 9;
const SIGSTOP = 19;
const LAST_SIGNAL = 31;

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

// Rust reports an overflow of the stack by handlers for these, and a process has hardly ever any others
const SIGBUS = 7;
const SIGSEGV = 11;
const byDefault = new BigUint64Array(19);
const onBus = new BigUint64Array(19);
const onSegv = new BigUint64Array(19);

const NONE: number[] = [];

/** The other signals that have a handler: those of real time get none but from `sigaction`. */
function handledSignals(): number[] {
  let list = NONE;
  for (let sig = 1; sig <= LAST_SIGNAL; sig++) {
    if (sig === SIGBUS || sig === SIGSEGV || sig === SIGKILL || sig === SIGSTOP) continue;
    if (own.sigaction(sig, null, action) === 0 && action[0] > SIG_IGN) {
      if (list === NONE) list = [];
      list.push(sig);
    }
  }
  for (const sig of realTime) {
    if (list === NONE) list = [];
    list.push(sig);
  }
  return list;
}

/** A descriptor, and its path as C has it. */
interface Poll {
  fd: number;
  path: Uint8Array<ArrayBuffer>;
}

// Deno's epoll sets
let polls: Poll[] = [];

const EPOLL_SET = new TextEncoder().encode("anon_inode:[eventpoll]");
const target = new Uint8Array(EPOLL_SET.length + 1);
const ROOM = BigInt(target.length);

/** Tells whether there is an epoll set that the program has not made itself. Before each fork, so it allocates nothing. */
function isEpollSet(poll: Poll): boolean {
  if (Number(own.readlink(poll.path, target, ROOM)) !== EPOLL_SET.length || isOwned(poll.fd)) return false;
  for (let i = 0; i < EPOLL_SET.length; i++) if (target[i] !== EPOLL_SET[i]) return false;
  return true;
}

const O_CLOEXEC = 0o2000000;

/**
 * Gives this child epoll sets of its own: those that it has are its parent's, who would miss events, or be told
 * of ones that it does not know, as soon as the child opened or closed anything that Deno waits for.
 *
 * @param fresh An empty one, made in the parent for this child alone; -1 where there was no room for it.
 */
function leaveEpollSets(fresh: number): void {
  if (fresh < 0) {
    for (let i = 0; i < polls.length; i++) own.close(polls[i].fd);
    fresh = own.epoll_create1(O_CLOEXEC); // there is room for it now
  }
  let kept = false;
  for (let i = 0; i < polls.length; i++) {
    if (polls[i].fd === fresh) kept = true;
    else own.dup3(fresh, polls[i].fd, O_CLOEXEC);
  }
  if (!kept) own.close(fresh);
}

const WORKER_ENDS = 100;

/** Why there can be no fork now, if so. */
function obstacle(): string | undefined {
  let now: Threads = threads();
  // one that has been terminated takes a moment to end
  for (let ms = 0; now.javascript && ms < WORKER_ENDS; ms++) {
    own.usleep(1000);
    now = threads();
  }
  if (now.v8) return `V8 has threads of its own; call enableFork() first thing in the program, or ${ADD_FLAG}`;
  if (now.javascript) {
    return "a Worker runs beside it, and what that held locked at the fork would stay locked in the child; " +
      "terminate it first, or fork before it starts";
  }
}

/** `fork(2)`, given the bare call: what V8 needs before it, and what a child must not inherit after it. */
export function safely(fork: () => number): number {
  // looked at each time, as they come and go
  const why = obstacle();
  if (why) throw new LibcError("fork", "EOPNOTSUPP", why);
  needsRoom(ranges ? 100 : 1000);
  ranges ??= prepare();
  // another thread's may be closed, and its number be another file's
  if (!polls.every(isEpollSet)) polls = polls.filter(isEpollSet);
  // in the parent, where it touches no page that is still to be copied
  const handled = handledSignals();
  // each child has one of its own: it is shared with nobody who registers anything
  const fresh = polls.length > 0 ? own.epoll_create1(O_CLOEXEC) : -1;
  // a signal that reaches the child before becomeChild() would end up with the parent's handler, and be lost
  if (handled !== NONE) own.sigprocmask(SIG_SETMASK, everySignal, signalMask);
  // taken away in the parent for this moment, in which whoever overflows a stack ends all the same, but without a message:
  // in a child each call costs the pages that it touches
  own.sigaction(SIGBUS, byDefault, onBus);
  own.sigaction(SIGSEGV, byDefault, onSegv);
  // no allocation from here to the fork: V8 could map new memory
  for (let i = 0; i < ranges.length; i++) own.madvise(ranges[i][0], ranges[i][1], MADV_DOFORK);
  const pid = fork();
  if (pid === 0) {
    becomeChild(handled, fresh);
    leaveHandler();
  } else {
    own.sigaction(SIGBUS, onBus, null);
    own.sigaction(SIGSEGV, onSegv, null);
    if (fresh >= 0) own.close(fresh);
  }
  if (handled !== NONE) own.sigprocmask(SIG_SETMASK, signalMask, null);
  return pid;
}

/** Throws a `RangeError` in the parent if there is not enough of the stack left for a child to end in order. */
function needsRoom(calls: number): number {
  return calls > 0 ? needsRoom(calls - 1) + 1 : 0;
}

function becomeChild(handled: number[], fresh: number): void {
  setForked(true);
  // handlers run on the event loop, which a child hasn't got: it would ignore what should end it
  for (let i = 0; i < handled.length; i++) own.signal(handled[i], SIG_DFL);
  // it has the mappings
  if (faultHandler !== SIG_DFL && onBus[0] === faultHandler) own.sigaction(SIGBUS, onBus, null);
  if (polls.length > 0) leaveEpollSets(fresh);
  leaveNumbers();
}

/** What is run before the first fork, because its first run would cost each child more: printing. */
export const rehearsal: { run(): void } = { run() {} };

/** Called once, in the parent, for what a child would else have to do: there every page that is written to is copied first. */
function prepare(): [bigint, bigint][] {
  if (!isMainThread() && runtimeArguments().includes("--parallel")) {
    throw new LibcError("fork", "EOPNOTSUPP", "other tests run on other threads; leave out --parallel");
  }
  const list = addressSpace();
  const descriptors = numbersIn(cstring("/proc/self/fd", "open", "path"));
  const found = descriptors.map((fd) => ({ fd, path: cstring(`/proc/self/fd/${fd}`, "readlink", "path") })).filter(
    isEpollSet,
  );
  preload("madvise", "_exit", "signal", "sigprocmask", "read", "write", "close", "epoll_create1", "dup3");
  guard();
  try {
    // V8 compiles a function when it is first called; these are first called in a child
    becomeChild(NONE, -1);
    leaveEpollSets(own.epoll_create1(O_CLOEXEC));
    armTrap();
    outcome(() => {});
  } finally {
    setForked(false);
  }
  rehearsal.run();
  polls = found;
  return list;
}
