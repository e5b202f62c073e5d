/**
 * Saying what is wrong.
 *
 * @module
 */
import { visible } from "../shared/escape.ts";

/**
 * Says something on standard error, in a line; whether that can be written is nobody's concern.
 *
 * @param kept Control codes that may stay.
 */
export function complain(text: string, kept?: string): void {
  try {
    console.error(visible(text, kept));
  } catch {
    // there is no other place to say it
  }
}
