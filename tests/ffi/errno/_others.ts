/**
 * The errors of `<stdlib.h>`.
 *
 * @module
 */
import type { Errors } from "./_proofs.ts";

/** Every error of these functions. */
export const errors: Errors = {
  rand: {},
  srand: {},
};
