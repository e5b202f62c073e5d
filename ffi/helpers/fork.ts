/**
 * What a program needs besides `fork()` itself.
 *
 * @module
 */
import { restartSingleThreaded } from "../native/restart.ts";

export { CHILD_FAILED } from "../native/child.ts";

/**
 * Makes `fork` possible. It is the first line of a program that forks.
 *
 * A forked child has only the thread that forked, and V8 would wait for its other threads there now and
 * then. So V8 has to be single-threaded, which it can only become at its start: unless it is, this
 * call starts the program again in place, with the same pid, arguments, permissions and standard streams
 * (it takes some 40 ms, and what ran before this line runs twice).
 *
 * In a program that was started single-threaded it is called all the same: what has been awaited before it would still run in
 * a child that `fork()` gave without a function.
 *
 * @throws {LibcError} `EOPNOTSUPP` where a program cannot start itself again (it came from standard input or a pipe, or it is a
 * test run or a REPL); the message names the flag to start it with: `--v8-flags=--single-threaded`. Also in a Worker,
 * and where the program has frozen `Deno`, `console`, `crypto` or `globalThis` before; `EMFILE`; `ENOENT` without `/proc`.
 *
 * @example
 * ```ts ignore
 * import { enableFork, fork, wait } from "./mod.ts";
 *
 * enableFork();
 * fork(() => console.log("hello from the child"));
 * wait();
 * ```
 */
export function enableFork(): void {
  restartSingleThreaded();
}
