/**
 * `<stdlib.h>`: ending a program, and its random numbers.
 *
 * @module
 */
import { asInt, asString, asUint } from "../native/check.ts";
import { exitChild, isForked } from "../native/child.ts";
import { call, header } from "../native/header.ts";
import { i32, nothing, u32 } from "../native/kinds.ts";
import { tracing } from "../native/observer.ts";

const c = header({
  rand: call(i32, []),
  srand: call(nothing, [["seed", u32]]),
});

/**
 * Ends the program, `exit(3)`. It is how a forked child ends; there nothing of Deno is run any more.
 *
 * @param status The exit status; its lowest 8 bits count.
 *
 * @example
 * ```ts ignore
 * import { exit } from "./mod.ts";
 *
 * exit(0);
 * ```
 */
export function exit(status: number): never {
  const code = asInt(status, "exit", "status") & 0xff;
  if (isForked()) exitChild(code);
  tracing.current?.exiting(code);
  Deno.exit(code);
}

/**
 * A random number, `rand(3)`. The numbers are libc's: without {@linkcode srand} always the same, starting with 1804289383 under gc.
 *
 * @returns A number from 0 to 2^31 - 1.
 *
 * @example
 * ```ts
 * import { rand, srand } from "./mod.ts";
 *
 * srand(1);
 * console.log(rand()); // 1804289383
 * ```
 */
export function rand(): number {
  return c.rand();
}

/**
 * Starts the random numbers anew, `srand(3)`.
 *
 * @param seed Where to start; 1 is where a program starts that never calls this.
 *
 * @example See {@linkcode rand}.
 */
export function srand(seed: number): void {
  c.srand(asUint(seed, "srand", "seed"));
}

/**
 * The number that a text begins with, `atoi(3)`.
 *
 * @param nptr The text.
 * @returns The number, 0 if there is none.
 *
 * @example
 * ```ts
 * import { atoi } from "./mod.ts";
 *
 * console.log(atoi("8080"), atoi("nonsense")); // 8080 0
 * ```
 */
export function atoi(nptr: string): number {
  return Number.parseInt(asString(nptr, "atoi", "nptr"), 10) | 0;
}
