/**
 * Waits that an `AbortSignal` can end.
 *
 * @module
 */
import { LibcError } from "./errors.ts";
import { isForked } from "./native/child.ts";

/**
 * Throws in a forked child. What waits there would wait for ever, or keep its parent waiting: the event loop is the parent's,
 * and a lock of the runtime's threads may be held by one that the child doesn't have.
 *
 * @param syscall What was about to wait.
 */
export function needsLoop(syscall: string): void {
  if (!isForked()) return;
  throw new LibcError(syscall, "EOPNOTSUPP", "a forked child has no event loop: use a function that ends in Sync");
}

/**
 * Makes a promise for something that takes time, and calls it off when the signal is aborted. Nobody listens to the
 * signal any more once the promise is settled.
 *
 * @param signal What may end the wait.
 * @param start Begins the wait, and gives what calls it off: that gets the signal's reason, and has to `reject` with it,
 * though maybe later. It is not called once the promise is settled.
 * @param syscall What waits.
 * @returns The promise. If the signal is aborted already, it is rejected and nothing has begun.
 */
export function abortable<T>(
  signal: AbortSignal | undefined,
  start: (resolve: (value: T) => void, reject: (reason: unknown) => void) => (reason: unknown) => void,
  syscall = "poll",
): Promise<T> {
  try {
    needsLoop(syscall);
  } catch (error) {
    return Promise.reject(error);
  }
  if (signal?.aborted) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let callOff = (_reason: unknown) => {};
  let settled = false;
  const abort = () => callOff(signal!.reason);
  const settle = () => {
    settled = true;
    signal?.removeEventListener("abort", abort);
  };
  const fail = (reason: unknown) => (settle(), reject(reason));
  signal?.addEventListener("abort", abort);
  try {
    callOff = start((value) => (settle(), resolve(value)), fail);
    // it was aborted while it began
    if (!settled && signal?.aborted) abort();
  } catch (error) {
    fail(error);
  }
  return promise;
}
