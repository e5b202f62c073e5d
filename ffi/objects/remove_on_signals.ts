/**
 * Removing what would outlive a program that is ended by a signal.
 *
 * @module
 */
import { isDefault, signal } from "../libc/signal.ts";
import { ENDS, prepare, removeAndEnd } from "../native/removal.ts";
import { enterAllMade } from "./_made.ts";

/**
 * Has Ctrl-C (`SIGINT`), `SIGTERM` and the end of a session (`SIGHUP`) remove what `using` would have removed: the segments,
 * queues of both kinds, semaphore sets and socket files that objects of this process have made and not disposed of yet. Then the process ends
 * by that signal, so that its parent sees why. One line at the start of a program is enough.
 *
 * It does not matter what the program does at that moment: whether it awaits, blocks (in `receiveSync`, `acceptSync`, `accept`,
 * `read`, `sleep`, `wait` …) or computes without end. The handler is none of JavaScript's: it is a little machine code that
 * enters the kernel for each object. So nothing else is done either: no `finally` and no `using` is run, and no
 * listener of `Deno.addSignalListener` for these signals.
 *
 * A signal that has a handler of {@linkcode signal}, or is ignored (as `nohup` does with `SIGHUP`), is left as it is; a later
 * `signal` replaces what is done here. `SIGKILL` cannot be caught by anybody. A forked child starts without it, and a
 * `Worker`, too: each may say so for what it makes itself. The first process of a PID namespace, such as a container's, which
 * no signal of its own ends, exits with 128 + the signal's number.
 *
 * @throws {LibcError} `ENOMEM`; `EACCES` the system lets no process make code.
 *
 * @example
 * ```ts ignore
 * import { MessageQueue, removeOnSignals } from "./mod.ts";
 *
 * removeOnSignals();
 * using queue = MessageQueue.create({ key: 0x7e57_0008 });
 * console.log(queue.receiveSync().text); // Ctrl-C here leaves nothing behind
 * ```
 */
export function removeOnSignals(): void {
  prepare();
  enterAllMade();
  for (const sig of ENDS) if (isDefault(sig)) signal(sig, removeAndEnd);
}
