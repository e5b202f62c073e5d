/**
 * Arrays of strings, as `execve(2)` and its relatives take them.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import { cstring } from "../native/libc.ts";
import { pointersTo } from "../native/pointed.ts";

const MOST = 2 ** 20; // strings: the kernel has room for fewer

/** The strings as C wants them: an array of pointers with a null at its end. */
export function cstrings(
  list: readonly string[],
  syscall: string,
  name: string,
  most: number = MOST,
): BigUint64Array<ArrayBuffer> {
  const strings: Uint8Array<ArrayBuffer>[] = [];
  try {
    if (!Array.isArray(list)) {
      throw new LibcError(syscall, "EINVAL", `${name} must be an array of strings, got ${shown(list)}`);
    }
    const length = Number(list.length); // a proxy may have an object there, which counts anew each time it is asked
    if (length > most) throw new LibcError(syscall, "E2BIG", `${name} has ${length} strings`);
    // by index: a hole is undefined here, and nobody's iterator is asked
    for (let i = 0; i < length; i++) strings.push(cstring(list[i], syscall, name));
  } catch (error) {
    throw error instanceof LibcError ? error : new LibcError(syscall, "EINVAL", `${name} cannot be read`);
  }
  return pointersTo(strings);
}
