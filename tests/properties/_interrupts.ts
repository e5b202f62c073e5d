/**
 * A signal every few milliseconds, so that what blocks comes back with `EINTR`: then any call may be tried that waits.
 *
 * @module
 */
import { own } from "../../ffi/native/own.ts";
import { SIGALRM } from "../../mod.ts";

const ITIMER_REAL = 0;

/** Begins to interrupt. */
export function interruptEvery(ms: number): void {
  own.getpid(); // makes libc ready
  const { symbols } = Deno.dlopen("libc.so.6", {
    abs: { type: "pointer" },
    setitimer: { parameters: ["i32", "buffer", "pointer"], result: "i32" },
  });
  const action = new BigUint64Array(19); // a struct sigaction without SA_RESTART; abs() does nothing
  action[0] = Deno.UnsafePointer.value(symbols.abs);
  own.sigaction(SIGALRM, action, null);
  const us = BigInt(ms * 1000);
  symbols.setitimer(ITIMER_REAL, new BigInt64Array([0n, us, 0n, us]), null);
}
