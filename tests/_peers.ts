/** What the tests of System V objects share: expecting errors, keys, Perl on the other side. */
import { LibcError } from "../ffi/errors.ts";
import { Program, run } from "./support.ts";

/** Runs something that must fail with an errno, and gives the error. */
export function fails(code: string, action: () => unknown): LibcError {
  try {
    action();
  } catch (error) {
    if (error instanceof LibcError && error.code === code) return error;
    throw new Error(`expected ${code}`, { cause: error });
  }
  throw new Error(`expected ${code}, but it succeeded`);
}

/** As {@linkcode fails}, for a promise. */
export async function rejects(code: string, promise: Promise<unknown>): Promise<LibcError> {
  const [{ reason }] = await Promise.allSettled([promise]) as PromiseRejectedResult[];
  return fails(code, () => {
    if (reason !== undefined) throw reason;
  });
}

/** A key that nobody else is likely to use. */
export function freshKey(): number {
  return 0x7e000000 | crypto.getRandomValues(new Uint32Array(1))[0] & 0xffffff;
}

/** Runs a Perl program to its end and gives its standard output. It uses no module: not every Perl has them. */
export async function perl(code: string, ...args: (string | number)[]): Promise<string> {
  const { code: status, stdout, stderr } = await run("perl", ["-e", code, ...args.map(String)]);
  if (status !== 0) throw new Error(`perl: ${stderr}`);
  return stdout;
}

/** Starts a Perl program. */
export function perlInBackground(code: string, ...args: (string | number)[]): Program {
  return new Program("perl", ["-e", code, ...args.map(String)]);
}

/** Lets a few rounds of waiting pass. */
export function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 12));
}

/** Values of every wrong kind for an integer argument. */
export const NOT_INTEGERS: readonly unknown[] = [NaN, 1.5, Infinity, 2 ** 33, 2 ** 60, "1", null, {}, [], true, 1n];
