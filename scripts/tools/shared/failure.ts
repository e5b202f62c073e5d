/**
 * How a command fails: in one line, with an exit code.
 *
 * @module
 */

/** Exit codes that all commands have in common. */
export const FAILED = 1, USAGE = 2;

/** Something that is said in a line, and ends the command. */
export class Failure extends Error {
  override name = "Failure";

  constructor(message: string, readonly code: number = FAILED) {
    super(message);
  }
}

const REASONS = new Map<unknown, string>([
  [Deno.errors.NotFound, "No such file or directory"],
  [Deno.errors.PermissionDenied, "Permission denied"],
  [Deno.errors.NotADirectory, "Not a directory"],
  [Deno.errors.IsADirectory, "Is a directory"],
  [Deno.errors.FilesystemLoop, "Too many levels of symbolic links"],
]);

/** Why the system refused something, in its own few words. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return REASONS.get(error.constructor) ?? error.message.replace(/ \(os error \d+\).*$/s, "");
}
