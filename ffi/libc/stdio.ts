/**
 * `<stdio.h>`: the little of it that small programs need, on the descriptors themselves, without a buffer.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { byteLengthOf, isBytes } from "../native/bytes.ts";
import { asBytes, asString } from "../native/check.ts";
import { fd as asFd } from "../native/descriptors.ts";
import { rehearsal } from "../native/fork.ts";
import { read as readMemory, write as writeMemory } from "../native/memory.ts";
import { strlen } from "./string.ts";
import { read, write } from "./unistd.ts";

/** Standard input's descriptor. */
export const stdin = 0;
/** Standard output's descriptor. */
export const stdout = 1;
/** Standard error's descriptor. */
export const stderr = 2;

/** What `printf` prints: text, numbers, and C strings in memory. */
export type PrintfArgument = string | number | bigint | Uint8Array;

const encoder = new TextEncoder();

// more than a string can be long
const LONGEST = 2 ** 28;

// %[flags][width][.precision][length]conversion
const DIRECTIVE = /%([-+ #0]*)(\d+)?(?:\.(\d*))?(?:hh|h|ll|l|z)?([diuxXocsp%])/g;

function integer(arg: PrintfArgument, directive: string): bigint {
  if (typeof arg === "bigint" || Number.isInteger(arg)) return BigInt(arg as number);
  throw new LibcError("printf", "EINVAL", `${directive} cannot print ${Deno.inspect(arg)}`);
}

/** `printf(3)`'s formatting. A C string goes through byte by byte, whatever its encoding. */
function format(template: string, args: PrintfArgument[]): Uint8Array<ArrayBuffer> {
  asString(template, "printf", "format");
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const push = (text: string) => parts.push(encoder.encode(text));
  let at = 0;
  let next = 0;
  for (const match of template.matchAll(DIRECTIVE)) {
    push(template.slice(at, match.index));
    at = match.index + match[0].length;
    const [, flags, width = "0", precision, conversion] = match;
    if (conversion === "%") {
      push("%");
      continue;
    }
    if (next >= args.length) {
      throw new LibcError("printf", "EINVAL", `no argument for ${match[0]} in ${Deno.inspect(template)}`);
    }
    if (Number(width) > LONGEST || Number(precision ?? 0) > LONGEST) {
      throw new LibcError("printf", "EOVERFLOW", match[0]);
    }
    const arg = args[next++];
    const limit = precision === undefined ? undefined : Number(precision); // "%.d" is "%.0d"
    let sign = "";
    let prefix = "";
    let body: Uint8Array<ArrayBuffer>;
    if (isBytes(arg)) {
      if (conversion !== "s") throw new LibcError("printf", "EINVAL", `${match[0]} cannot print bytes`);
      body = readMemory(arg, 0, strlen(arg), "printf").slice(0, limit);
    } else if (typeof arg !== "string" && typeof arg !== "number" && typeof arg !== "bigint") {
      throw new LibcError("printf", "EINVAL", `${match[0]} cannot print ${Deno.inspect(arg)}`);
    } else if (conversion === "s") {
      body = encoder.encode(String(arg)).slice(0, limit);
    } else if (conversion === "c") {
      body = typeof arg === "string"
        ? encoder.encode(arg.slice(0, 1))
        : new Uint8Array([Number(integer(arg, match[0]) & 0xffn)]);
    } else {
      let value = integer(arg, match[0]);
      if (conversion === "d" || conversion === "i") {
        sign = value < 0n ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
        if (value < 0n) value = -value;
      } else if (value < 0n) {
        value = BigInt.asUintN(32, value);
      }
      const radix = conversion === "o" ? 8 : "xXp".includes(conversion) ? 16 : 10;
      if (radix === 16 && value !== 0n && (conversion === "p" || flags.includes("#"))) {
        prefix = conversion === "X" ? "0X" : "0x";
      }
      // C prints no digit at all for a zero of precision 0
      let digits = (limit === 0 && value === 0n ? "" : value.toString(radix)).padStart(limit ?? 0, "0");
      if (radix === 8 && flags.includes("#") && !digits.startsWith("0")) digits = "0" + digits;
      if (flags.includes("0") && !flags.includes("-") && precision === undefined) {
        digits = digits.padStart(Number(width) - sign.length - prefix.length, "0");
      }
      body = encoder.encode(sign + prefix + (conversion === "X" ? digits.toUpperCase() : digits));
    }
    const padding = " ".repeat(Math.max(0, Number(width) - body.length));
    if (!flags.includes("-")) push(padding);
    parts.push(body);
    if (flags.includes("-")) push(padding);
  }
  push(template.slice(at));
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

rehearsal.run = () => put(stdout, format("%s%d", [new Uint8Array(1), 1]).subarray(0, 0));

/** Writes everything, however many calls it takes; −1 as `printf(3)` where nobody listens any more. */
function put(stream: number, bytes: Uint8Array<ArrayBuffer>): number {
  for (let done = 0; done < bytes.length;) {
    const rest = done ? bytes.subarray(done) : bytes;
    try {
      done += write(stream, rest);
    } catch {
      // a non-blocking terminal or pipe that is full: Deno knows how to wait for it
      const deno = stream === stderr ? Deno.stderr : Deno.stdout;
      try {
        done += deno.writeSync(rest);
      } catch {
        return -1;
      }
    }
  }
  return bytes.length;
}

/**
 * Prints on standard output, `printf(3)`, at once: there is no buffer, so nothing appears twice after `fork`.
 *
 * @param template Text with `%d %i %u %x %X %o %c %s %p %%`, flags, width and precision; length modifiers are allowed and mean nothing.
 * @param args What to print. For `%s` also an array of bytes, which ends at its first NUL and is printed as it is.
 * @returns How many bytes were printed, or -1.
 * @throws {LibcError} `EINVAL` an argument is missing or cannot be printed that way.
 *
 * @example
 * ```ts
 * import { printf, strcpy } from "./mod.ts";
 *
 * const buffer = strcpy(new Uint8Array(256), "hello");
 * printf("Here is the message: %s\n", buffer);
 * printf("msgget(%#lx,%#o)\n", 1234, 0o1666); // msgget(0x4d2,01666)
 * ```
 */
export function printf(template: string, ...args: PrintfArgument[]): number {
  return put(stdout, format(template, args));
}

/**
 * Prints on a stream, `fprintf(3)`.
 *
 * @param stream {@linkcode stdout} or {@linkcode stderr}.
 * @param template As for {@linkcode printf}.
 * @param args As for {@linkcode printf}.
 * @returns How many bytes were printed, or -1.
 * @throws {LibcError} `EINVAL` an argument is missing or cannot be printed that way, or no such stream.
 *
 * @example
 * ```ts
 * import { fprintf, stderr } from "./mod.ts";
 *
 * fprintf(stderr, "ERROR, no such host\n");
 * ```
 */
export function fprintf(stream: number, template: string, ...args: PrintfArgument[]): number {
  if (stream !== stdout && stream !== stderr) {
    throw new LibcError("fprintf", "EINVAL", "stream must be stdout or stderr");
  }
  return put(stream, format(template, args));
}

/**
 * Prints into memory, with a NUL behind it, `sprintf(3)`; unlike C's it never writes past the end.
 *
 * @param str Where to.
 * @param template As for {@linkcode printf}.
 * @param args As for {@linkcode printf}.
 * @returns How many bytes were printed, without the NUL.
 * @throws {LibcError} `EOVERFLOW` the memory is too small; `EINVAL` as for {@linkcode printf}.
 *
 * @example
 * ```ts
 * import { cstr, sprintf } from "./mod.ts";
 *
 * const buffer = new Uint8Array(80);
 * sprintf(buffer, "%d segments", 3);
 * console.log(cstr(buffer)); // 3 segments
 * ```
 */
export function sprintf(str: Uint8Array, template: string, ...args: PrintfArgument[]): number {
  const text = format(template, args);
  const bytes = new Uint8Array(text.length + 1);
  bytes.set(text);
  const room = byteLengthOf(asBytes(str, "sprintf", "str"));
  if (bytes.length > room) throw new LibcError("sprintf", "EOVERFLOW", `${bytes.length} bytes into ${room}`);
  writeMemory(str, 0, bytes, "sprintf");
  return text.length;
}

/**
 * Prints one character, `putchar(3)`.
 *
 * @param c A byte, or the first character of a string.
 * @returns The byte, or -1.
 *
 * @example
 * ```ts
 * import { putchar } from "./mod.ts";
 *
 * putchar("\n");
 * ```
 */
export function putchar(c: number | string): number {
  const value = typeof c === "string" ? c.charCodeAt(0) : c;
  if (!Number.isInteger(value)) {
    throw new LibcError("putchar", "EINVAL", `c must be a byte or a character, got ${Deno.inspect(c)}`);
  }
  const byte = value & 0xff;
  return put(stdout, new Uint8Array([byte])) < 0 ? -1 : byte;
}

/**
 * Reads a line, `fgets(3)`: up to a newline, which is kept, or until the buffer is full; a NUL goes behind it. Blocks the whole program.
 *
 * It takes byte by byte from the descriptor, so that nothing behind the line is lost to others.
 *
 * @param s Where to.
 * @param size At most this many bytes, NUL included.
 * @param stream {@linkcode stdin}, or another descriptor.
 * @returns `s`, or `null` if there was nothing more to read.
 * @throws {LibcError} `EFAULT` `size` exceeds the buffer; as for `read(2)`.
 *
 * @example
 * ```ts ignore
 * import { fgets, printf, stdin } from "./mod.ts";
 *
 * const buffer = new Uint8Array(256);
 * printf("Please enter the message: ");
 * fgets(buffer, 255, stdin);
 * ```
 */
export function fgets<T extends Uint8Array>(s: T, size: number, stream: number): T | null {
  const room = byteLengthOf(asBytes(s, "fgets", "s"));
  if (!Number.isInteger(size) || size < 1 || size > room) {
    throw new LibcError("fgets", "EFAULT", `size is ${Deno.inspect(size)}, the buffer has ${room} bytes`);
  }
  asFd(stream, "fgets", "stream");
  const byte = new Uint8Array(1);
  let length = 0;
  while (length < size - 1 && read(stream, byte) > 0) {
    s[length++] = byte[0];
    if (byte[0] === 10) break;
  }
  if (length === 0) return null;
  s[length] = 0;
  return s;
}

/**
 * Prints what went wrong on standard error, `perror(3)`: `shmget: No such file or directory`.
 *
 * C takes the reason from `errno`, which the next call changes; here it comes from the error that was caught.
 *
 * @param s What to put in front; the name of the function that failed, mostly.
 * @param error What was caught. Anything but a {@linkcode LibcError} is a mistake in the program, and thrown on.
 *
 * @example
 * ```ts
 * import { perror, shmget } from "./mod.ts";
 *
 * try {
 *   shmget(0x7e57_0002, 27, 0o666);
 * } catch (error) {
 *   perror("shmget", error); // shmget: No such file or directory
 * }
 * ```
 */
export function perror(s: string, error: unknown): void {
  if (!(error instanceof LibcError)) throw error;
  // what C has no word for has to be explained: fork without enableFork(), or another system
  const unknownToC = error.code === "ENOSYS" || (error.syscall === "fork" && error.code === "EOPNOTSUPP");
  const reason = unknownToC && error.detail ? `${error.reason} (${error.detail})` : error.reason;
  put(stderr, encoder.encode(typeof s === "string" && s ? `${s}: ${reason}\n` : `${reason}\n`));
}
