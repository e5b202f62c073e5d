/**
 * How methods wait.
 *
 * @module
 */

/**
 * How a method waits that doesn't stop the program. In a forked child, which has no event loop, it fails with `EOPNOTSUPP`
 * before anything has begun.
 *
 * An option that a method doesn't have is an error, here as in all options of the classes: `EINVAL`, which names it.
 */
export interface WaitOptions {
  /** Ends the wait: the promise is rejected with the signal's reason. `AbortSignal.timeout(500)` is a time limit. */
  signal?: AbortSignal;
}

/** How a method waits whose name ends in `Sync`. */
export interface WaitSyncOptions {
  /** For how many milliseconds; then it throws `ETIMEDOUT`. Without it, as long as it takes. 0 waits not at all. */
  timeout?: number;
}
