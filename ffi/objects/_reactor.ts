/**
 * Waits for descriptors without stopping the event loop. However many there are, they share one `poll(2)` on one
 * thread; when nobody waits there is none, and the process may end.
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
import { own, pollElsewhere } from "../native/own.ts";

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

/**
 * Waits until a descriptor is ready.
 *
 * @param fd The descriptor.
 * @param events `POLLIN` or `POLLOUT`.
 * @param signal Ends the wait; the promise is rejected with its reason.
 */
export function ready(fd: number, events: number, signal?: AbortSignal): Promise<void> {
  return abortable(signal, (resolve, reject) => {
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
  try {
    wakeup = own.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wakeup < 0) throw new LibcError("eventfd", errno());
    // who waits for a descriptor that isn't open would wait for this one
    for (const waiter of waiters) if (waiter.fd === wakeup) waiter.settle({ reason: notOpen(wakeup) });
    while (waiters.size > 0) {
      // those who come meanwhile are not meant by its answers, though they may wait for a descriptor of the same number
      const asked = [...waiters];
      const answers = await pollOnce();
      for (const waiter of asked) {
        if (!waiters.has(waiter)) continue;
        if (waiter.dropped) continue;
        const revents = answers.get(waiter.fd) ?? 0;
        if (revents & POLLNVAL) {
          waiter.settle({ reason: notOpen(waiter.fd) });
        } else if (revents & (waiter.events | POLLERR | POLLHUP)) {
          waiter.settle();
        }
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

/** What `poll` has to say about each descriptor that somebody waits for. */
async function pollOnce(): Promise<Map<number, number>> {
  const answers = new Map<number, number>();
  for (const { fd, events } of waiters) answers.set(fd, (answers.get(fd) ?? 0) | events);
  const words = new Int16Array((1 + answers.size) * WORDS);
  const fds = new Int32Array(words.buffer);
  fds[0] = wakeup;
  words[EVENTS] = POLLIN;
  let at = 0;
  for (const [fd, events] of answers) {
    at += WORDS;
    fds[at / 2] = fd;
    words[at + EVENTS] = events;
  }
  const nfds = BigInt(1 + answers.size);
  polled = words;
  try {
    // its errno is the other thread's, so after a failure the question is put again, without waiting
    if (await pollElsewhere(fds, nfds, -1) < 0 && own.poll(fds, nfds, 0) < 0 && errno() !== EINTR) {
      throw new LibcError("poll", errno(), `${nfds} descriptors`);
    }
  } finally {
    polled = undefined;
  }
  if (words[REVENTS]) own.eventfd_read(wakeup, new BigUint64Array(1));
  woken = false;
  at = 0;
  for (const fd of answers.keys()) {
    at += WORDS;
    answers.set(fd, words[at + REVENTS]);
  }
  return answers;
}
