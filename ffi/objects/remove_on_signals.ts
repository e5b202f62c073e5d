/**
 * Removing what would outlive a program that is ended by a signal.
 *
 * @module
 */
import { kill, SIG_DFL, SIGHUP, SIGINT, signal, SIGTERM } from "../libc/signal.ts";
import { getpid } from "../libc/unistd.ts";
import { removeAllMade } from "./_made.ts";

const SIGNALS = [SIGHUP, SIGINT, SIGTERM];

/**
 * Has Ctrl-C (`SIGINT`), `SIGTERM` and `SIGHUP` remove what `using` would have removed: the segments, queues, semaphore sets
 * and socket files that objects of this process have made and not disposed of yet. Then the process ends by that signal, so
 * that its parent sees why. One line at the start of a program is enough.
 *
 * A signal that has a handler, or is ignored (as `nohup` does with `SIGHUP`), is left as it is; a later
 * {@linkcode signal} replaces what is done here.
 *
 * This runs on the event loop, as all handlers do here: it reaches a program that waits with `await`, and not one that
 * blocks, in `acceptSync` or `sleep` say: that doesn't hear the signals any more until it goes on. (`receiveSync`,
 * `sendSync` and those of {@linkcode SemaphoreSet} fail with `EINTR` instead: the program ends by that error or by the
 * signal, whichever comes first, and one that catches `EINTR` ends by the signal when it next awaits.) `SIGKILL` cannot be
 * caught by anybody. A forked child starts without it.
 *
 * @throws {LibcError} `EOPNOTSUPP` in a forked child.
 *
 * @example
 * ```ts ignore
 * import { MessageQueue, removeOnSignals } from "./mod.ts";
 *
 * removeOnSignals();
 * using queue = MessageQueue.create({ key: 0x7e57_0008 });
 * console.log((await queue.receive()).text); // Ctrl-C here leaves nothing behind
 * ```
 */
export function removeOnSignals(): void {
  const before = SIGNALS.map((sig) => signal(sig, SIG_DFL));
  SIGNALS.forEach((sig, i) => before[i] === SIG_DFL && signal(sig, removeAndEnd));
  // only now: the first handler makes Deno catch others of these signals, too, even those that were ignored
  SIGNALS.forEach((sig, i) => before[i] !== SIG_DFL && signal(sig, before[i]));
}

function removeAndEnd(sig: number): void {
  for (const error of removeAllMade()) console.error(error instanceof Error ? error.message : error);
  signal(sig, SIG_DFL);
  kill(getpid(), sig);
}
