/**
 * The errors of signals and time.
 *
 * @module
 */
import * as mod from "../../../mod.ts";
import { at, type Errors } from "./_proofs.ts";
import { INTERRUPTED, OTHERS } from "./_programs.ts";

/** Every error of these functions. */
export const errors: Errors = {
  kill: { EINVAL: () => mod.kill(Deno.pid, 65), EPERM: OTHERS, ESRCH: () => mod.kill(2 ** 31 - 1, 0) },
  raise: { EINVAL: () => mod.raise(65) },
  sleep: {},
  usleep: {
    EINTR: INTERRUPTED,
    EINVAL: at("ffi/libc/unistd", "usleep() and sleep() sleep as long as they are told, and refuse what is no time"),
  },
};
