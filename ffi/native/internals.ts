/**
 * Deno's inner workings, where they can be had. All that uses them does without as well as it can.
 *
 * @module
 */

/** What of the core is used here. */
export interface Core {
  setPromiseHooks?(
    init?: (promise: object) => unknown,
    before?: (promise: object) => unknown,
    after?: (promise: object) => unknown,
    resolve?: (promise: object) => unknown,
  ): void;
  getPromiseDetails?(promise: object): [state: number, result: unknown];
  /** Tells whether `process.nextTick` has been given something that has not run yet, or whether such runs. */
  hasTickScheduled?(): boolean;
  /** What is called around each callback of `process.nextTick` and `setImmediate`. */
  setAsyncHooksEmit?(before: () => void, after: () => void, destroy: () => void): void;
}

const deno = Deno as unknown as { internal?: symbol } & Record<symbol, Record<string, unknown> | undefined>;

/** Everything. */
export const internal: Record<string, unknown> | undefined = deno.internal && deno[deno.internal];

/** The core. */
export const core: Core = (internal?.core ?? {}) as Core;
