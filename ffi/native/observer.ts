/**
 * What happens in a program besides libc calls. Tracing puts its functions here; without it nobody looks.
 *
 * @module
 */
export const observer = {
  /** How many calls are being told of right now: what they use must not be used by a listener's own calls. */
  depth: 0,
  /** `signal` was called: with a function's name, `SIG_DFL` or `SIG_IGN`. */
  installed(_sig: string, _handler: string): void {},
  /** A handler is about to run. */
  delivered(_sig: string): void {},
  /** The program waits in `pause`, or has come back from it. */
  paused(_waiting: boolean): void {},
  /** The program is about to end. */
  exiting(_status: number): void {},
};
