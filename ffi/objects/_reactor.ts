/**
 * Waits for descriptors without stopping the event loop. However many there are, they share one `poll(2)` on one
 * thread; when nobody waits there is none, and the process may end.
 *
 * Waking that thread and being woken by it takes longer than the other side often takes to answer. So before a wait is
 * left to it, it looks for itself for a moment.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { abortable } from "../abort.ts";
import { pollfd } from "../libc/poll.ts";
import { isForked } from "../native/child.ts";
import { closing } from "../native/descriptors.ts";
import { layoutOf } from "../native/layout.ts";
import { errno } from "../native/libc.ts";
import { lasting, own, pollElsewhere } from "../native/own.ts";
import { isWorker } from "../native/threads.ts";
import { LONGEST_PAUSE, pause } from "./_time.ts";

const F_GETFD = 1;
const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;
const POLLIN = 0x1;
const POLLERR = 0x8;
const POLLHUP = 0x10;
const POLLNVAL = 0x20;
const EINTR = 4;

interface Waiter {
  readonly fd: number;
  readonly events: number;
  /** Ends it, with an error if there is one. */
  settle(failure?: { reason: unknown }): void;
  /** Why it is to be given up as soon as the poll under way has returned. */
  dropped?: { reason: unknown };
}

const waiters = new Set<Waiter>();
let running = false;
let wakeup = -1;
let woken = false;
// the structures of the poll under way, as 16-bit numbers
let polled: Int16Array<ArrayBuffer> | undefined;

const { size, members } = layoutOf(pollfd);
const WORDS = size / 2;
const EVENTS = members.events.at / 2;
const REVENTS = members.revents.at / 2;

// Nothing tells a thread that the worker it polls for was ended. So it comes back now and then, and nobody sends it again
const LONGEST_POLL = isWorker ? 1000 : -1;

let memory = new ArrayBuffer(0);

/** Room for structures, used for one poll after the other. */
function room(length: number): Int16Array<ArrayBuffer> {
  if (memory.byteLength < length) memory = lasting(Math.max(length, 2 * memory.byteLength, 1024));
  return new Int16Array(memory, 0, length / 2).fill(0);
}

// what tests put in its place later may stand still
const now = performance.now.bind(performance);

// For how many milliseconds a wait looks for itself: as long as it takes to fall asleep and to be woken. Room comes later,
// as a unix socket tells of none before three quarters of what it holds have been read
const LOOK_IN = 0.05;
const LOOK_OUT = 0.2;
// one takes more than half a microsecond, also where the clock stands still
const MOST_LOOKS = 400;
// When some waits in a row have been over without the event loop, and for so long, other tasks get their turn
const ROW = 16;
const TURN = 5;
let row = 0;
let since = 0;

// by descriptor: how many looks in a row were in vain, and how many waits are to go without one
const LIMIT = 1 << 20;
const vain = new Uint8Array(LIMIT + 2);
const without = new Uint8Array(LIMIT + 2);
const MOST_VAIN = 4;

// Where more than a few wait already, none looks for itself, which would hold up the others: all look together
const FEW = 4;
const ALL = LIMIT; // in these arrays
const OTHERS = LIMIT + 1; // what has no descriptor

const one = new Int16Array(WORDS);
const oneFd = new Int32Array(one.buffer, 0, 1);

/**
 * Tells whether a descriptor is ready.
 *
 * @param fd The descriptor.
 * @param events `POLLIN` or `POLLOUT`.
 * @returns What `poll` has to say, `POLLNVAL` also of one below 0; 0 if it isn't.
 */
function look(fd: number, events: number): number {
  if (fd < 0) return POLLNVAL;
  oneFd[0] = fd;
  one[EVENTS] = events;
  return own.poll(one, 1n, 0) > 0 ? one[REVENTS] : 0;
}

function isTurn(): boolean {
  return row >= ROW && now() - since > TURN;
}

/** Lets other tasks have their turn, if it is time. */
export function turn(): Promise<void> | undefined {
  if (!isTurn()) return undefined;
  row = 0;
  // the cheapest way round the event loop but for setImmediate(), which loads node's part of Deno
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      port2.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/**
 * Looks whether something gets ready within a moment, in which nothing else runs. Where that was in vain more than once,
 * the next waits go without.
 */
function lookFor(fd: number, longest: number, ask: () => number): number {
  if (without[fd] > 0) {
    without[fd]--;
    return 0;
  }
  const start = now();
  if (row === 0) since = start;
  else if (isTurn()) return 0;
  for (let looks = 0; looks < MOST_LOOKS && (looks === 0 || now() - start < longest); looks++) {
    // the other side may be waiting for this processor
    own.sched_yield();
    const found = ask();
    if (found !== 0) {
      vain[fd] = 0;
      row++;
      return found;
    }
  }
  if (vain[fd] < MOST_VAIN) vain[fd]++;
  without[fd] = (1 << vain[fd] >> 1) - 1;
  return 0;
}

/**
 * Tells whether a descriptor gets ready within a moment.
 *
 * @param fd The descriptor.
 * @param events `POLLIN` or `POLLOUT`.
 * @returns As {@linkcode look}.
 */
export function lookAgain(fd: number, events: number): number {
  if (waiters.size >= FEW) return 0;
  return lookFor(fd, events === POLLIN ? LOOK_IN : LOOK_OUT, () => look(fd, events));
}

/** The same of what has no descriptor, by something to ask. If it doesn't, the wait has to go where others get their turn. */
export function lookAtOther(ask: () => boolean): boolean {
  if (lookFor(OTHERS, LOOK_IN, () => ask() ? 1 : 0) !== 0) return true;
  row = 0;
  return false;
}

/**
 * Waits until a descriptor is ready.
 *
 * @param fd The descriptor.
 * @param events `POLLIN` or `POLLOUT`.
 * @param signal Ends the wait; the promise is rejected with its reason.
 */
export function ready(fd: number, events: number, signal?: AbortSignal): Promise<void> {
  return abortable(signal, (resolve, reject) => {
    // poll passes over those below 0, and is told by others of how many there may be
    if (own.fcntl(fd, F_GETFD, 0) < 0) throw notOpen(fd);
    const waiter: Waiter = {
      fd,
      events,
      settle(failure) {
        waiters.delete(waiter);
        if (failure) reject(failure.reason);
        else resolve();
      },
    };
    waiters.add(waiter);
    if (running) wake();
    else run();
    return (reason) => drop(waiter, reason);
  });
}

// The promise is rejected only when the poll has returned: who gives up a wait should find nothing of it left.
function drop(waiter: Waiter, reason: unknown): void {
  waiter.dropped ??= { reason };
  wake();
}

function wake(): void {
  if (!polled || woken || isForked()) return;
  woken = true;
  own.eventfd_write(wakeup, 1n);
}

closing.run = forget;

/** Ends all waits for a descriptor that is about to be closed. */
function forget(fd: number): void {
  // a forked child has the waiters, but the thread and its eventfd are the parent's
  if (isForked()) return;
  vain[fd] = without[fd] = 0;
  let any = false;
  for (const waiter of waiters) {
    if (waiter.fd !== fd) continue;
    any = true;
    drop(waiter, new LibcError("poll", "EBADF", `descriptor ${fd} was closed`));
  }
  if (!any) return;
  // The poll holds the socket open, and with it its address, until it has returned. It tells that by writing its
  // answers, which takes microseconds; the limit is for a thread that doesn't get to run.
  const limit = performance.now() + 100;
  while (polled && Atomics.load(polled, REVENTS) === 0 && performance.now() < limit) own.sched_yield();
}

function notOpen(fd: number): LibcError {
  return new LibcError("poll", "EBADF", `descriptor ${fd}`);
}

async function run(): Promise<void> {
  running = true;
  woken = false;
  try {
    while (waiters.size > 0) {
      if (wakeup < 0) makeWakeup();
      // those who come meanwhile are not meant by its answers, though they may wait for a descriptor of the same number
      const asked = [...waiters];
      const answers = lookTogether() ?? await pollOnce();
      for (const waiter of asked) {
        if (!waiters.has(waiter) || waiter.dropped) continue;
        const answer = answers.get(waiter.fd)!;
        if (answer instanceof LibcError) waiter.settle({ reason: answer });
        else if (answer & POLLNVAL) waiter.settle({ reason: notOpen(waiter.fd) });
        else if (answer & (waiter.events | POLLERR | POLLHUP)) waiter.settle();
      }
      // those who were waiting mostly come back for more within a few microtasks; that saves waking the thread for it
      for (let i = 0; i < 10; i++) await undefined;
      for (const waiter of waiters) if (waiter.dropped) waiter.settle(waiter.dropped);
    }
  } catch (reason) {
    for (const waiter of waiters) waiter.settle({ reason });
  } finally {
    if (wakeup >= 0) own.close(wakeup);
    wakeup = -1;
    running = false;
  }
}

/** Makes what wakes the thread, unless there are no descriptors left. */
function makeWakeup(): void {
  wakeup = own.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  // who waits for a descriptor that isn't open would wait for this one
  for (const waiter of waiters) if (waiter.fd === wakeup) waiter.settle({ reason: notOpen(wakeup) });
}

/** What `poll` has to say about each descriptor that somebody waits for: bits, or why it says nothing. */
async function pollOnce(): Promise<Map<number, number | LibcError>> {
  const asked = wanted();
  const words = question(asked);
  const possible = wakeup >= 0 && await pollTogether(words);
  row = 0;
  return possible ? answersIn(words, asked) : await pollEach(words);
}

/** What `poll` has to say within a moment, if more than a few wait. */
function lookTogether(): Map<number, number> | undefined {
  if (waiters.size < FEW) return undefined;
  const asked = wanted();
  const words = question(asked);
  const nfds = BigInt(words.length / WORDS);
  return lookFor(ALL, LOOK_IN, () => own.poll(words, nfds, 0)) > 0 ? answersIn(words, asked) : undefined;
}

/** The descriptors that somebody waits for, and for what. */
function wanted(): Map<number, number> {
  const asked = new Map<number, number>();
  for (const { fd, events } of waiters) asked.set(fd, (asked.get(fd) ?? 0) | events);
  return asked;
}

/** What to ask `poll`; the first is what wakes the thread. */
function question(asked: Map<number, number>): Int16Array<ArrayBuffer> {
  const words = room((1 + asked.size) * size);
  const fds = new Int32Array(words.buffer, 0, words.length / 2);
  fds[0] = wakeup;
  words[EVENTS] = POLLIN;
  let at = 0;
  for (const [fd, events] of asked) {
    at += WORDS;
    fds[at / 2] = fd;
    words[at + EVENTS] = events;
  }
  return words;
}

function answersIn(words: Int16Array<ArrayBuffer>, asked: Map<number, number>): Map<number, number> {
  const answers = new Map<number, number>();
  let at = 0;
  for (const fd of asked.keys()) answers.set(fd, words[(at += WORDS) + REVENTS]);
  return answers;
}

/** Waits for all, and tells whether that was possible. */
async function pollTogether(words: Int16Array<ArrayBuffer>): Promise<boolean> {
  const nfds = BigInt(words.length / WORDS);
  polled = words;
  try {
    // its errno is the other thread's, so after a failure the question is put again, without waiting
    if (await pollElsewhere(words, nfds, LONGEST_POLL) < 0 && own.poll(words, nfds, 0) < 0 && errno() !== EINTR) {
      return false;
    }
    if (words[REVENTS]) own.eventfd_read(wakeup, new BigUint64Array(1));
    return true;
  } finally {
    polled = undefined;
    woken = false;
  }
}

/**
 * Asks for one after the other, now and then: where there is no descriptor left to wake a thread by, or there are more than
 * the process may have by now.
 */
async function pollEach(words: Int16Array<ArrayBuffer>): Promise<Map<number, number | LibcError>> {
  await pause(LONGEST_PAUSE);
  const fds = new Int32Array(words.buffer, 0, words.length / 2);
  const answers = new Map<number, number | LibcError>();
  for (let at = WORDS; at < words.length; at += WORDS) {
    const fd = fds[at / 2];
    const failed = own.poll(words.subarray(at, at + WORDS), 1n, 0) < 0 && errno() !== EINTR;
    answers.set(fd, failed ? new LibcError("poll", errno(), `descriptor ${fd}`) : words[at + REVENTS]);
  }
  return answers;
}
