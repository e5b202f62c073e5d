/**
 * `<fcntl.h>`: opening files.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { asInt } from "../native/check.ts";
import { always, call, header } from "../native/header.ts";
import { descriptor, flags, mode, string } from "../native/kinds.ts";
import { cstring, errno } from "../native/libc.ts";

/** Open for reading. */
export const O_RDONLY = 0;
/** Open for writing. */
export const O_WRONLY = 1;
/** Open for both. */
export const O_RDWR = 2;
/** Make the file if there is none. */
export const O_CREAT = 0o100;
/** With `O_CREAT`: fail with `EEXIST` if there is one. */
export const O_EXCL = 0o200;
/** Empty the file. */
export const O_TRUNC = 0o1000;
/** Write at the end, wherever that is at each write. */
export const O_APPEND = 0o2000;
/** Fail with `EAGAIN` instead of waiting. */
export const O_NONBLOCK = 0o4000;
/** Close it on `execve`. */
export const O_CLOEXEC = 0o2000000;

const openFlags = flags({
  O_RDONLY,
  O_WRONLY,
  O_RDWR,
  O_CREAT,
  O_EXCL,
  O_TRUNC,
  O_APPEND,
  O_NONBLOCK,
  O_CLOEXEC,
}, { radix: 16, mask: 3 });

const c = header({
  open: call(descriptor, [["pathname", string], ["flags", openFlags], ["mode", mode]], {
    waits: always,
  }),
});

/**
 * Opens a file, `open(2)`.
 *
 * @param pathname Its name.
 * @param flags How, such as `O_RDONLY` or `O_WRONLY | O_CREAT`.
 * @param mode Permissions of a file that is made; 0600 unless given.
 * @returns A descriptor.
 * @throws {LibcError} `ENOENT`, `EACCES`, `EEXIST`, `EISDIR`, `EMFILE` …
 *
 * @example
 * ```ts
 * import { close, O_RDONLY, open, read } from "./mod.ts";
 *
 * const fd = open("/proc/self/comm", O_RDONLY);
 * const buffer = new Uint8Array(16);
 * console.log(read(fd, buffer)); // 5: "deno" and a newline
 * close(fd);
 * ```
 */
export function open(pathname: string, flags: number, mode?: number): number {
  if (mode === undefined) mode = 0o600;
  const path = cstring(pathname, "open", "pathname");
  const fd = c.open(path, asInt(flags, "open", "flags"), asInt(mode, "open", "mode"));
  if (fd < 0) throw new LibcError("open", errno(), pathname);
  return fd;
}
