/**
 * Being interrupted: a command ends on the signals that a terminal sends, and cleans up first.
 *
 * @module
 */

const NUMBERS: Partial<Record<Deno.Signal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
/** What SIGPIPE is; Deno ignores it, so writing fails instead. */
export const SIGPIPE = 13;

/**
 * Calls back for each signal that should end the command.
 *
 * @param stop Called with the signal's name and the exit code that says so: 128 + its number.
 * @returns A handle that no longer listens.
 */
export function onInterrupt(stop: (name: Deno.Signal, code: number) => void): Disposable {
  const listeners = Object.entries(NUMBERS).map(([name, number]) =>
    [name as Deno.Signal, () => stop(name as Deno.Signal, 128 + number)] as const
  );
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  return {
    [Symbol.dispose]() {
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
    },
  };
}
