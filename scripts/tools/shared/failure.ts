/**
 * How a command fails: in one line, with an exit code.
 *
 * @module
 */
import { LibcError } from "../../../mod.ts";
import { complain } from "./terminal.ts";

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

/**
 * Says on standard error why a command failed: in a line, unless it is a mistake of the command's own.
 *
 * @returns The exit code.
 */
export function say(command: string, error: unknown): number {
  if (error instanceof Failure || error instanceof LibcError) complain(`${command}: ${error.message}`);
  else if (isSystems(error)) complain(`${command}: ${reasonOf(error)}`);
  else complain(`${command}: ${Deno.inspect(error)}`, "\n");
  return error instanceof Failure ? error.code : FAILED;
}

/** Tells whether Deno passes on what the system has refused. */
function isSystems(error: unknown): boolean {
  return error instanceof Error &&
    (Object.values(Deno.errors).some((type) => error instanceof type) || /\(os error \d+\)/.test(error.message));
}
