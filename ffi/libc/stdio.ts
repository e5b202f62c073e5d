/**
 * `<stdio.h>`: the little of it that small programs need, on the descriptors themselves, without a buffer.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { byteLengthOf, isBytes } from "../native/bytes.ts";
import { asBytes, asInt, asString, shown } from "../native/check.ts";
import { fd as asFd } from "../native/descriptors.ts";
import { rehearsal } from "../native/fork.ts";
import { read as readMemory, stringLength, write as writeMemory } from "../native/memory.ts";
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

// nothing longer is printed
const LONGEST = 2 ** 28;
// nor a larger number: its digits would take the rest of the day
const LARGEST = 2n ** 4096n;

// %[flags][width][.precision][length]conversion
const DIRECTIVE = /%([-+ #0]*)(\d+|\*)?(?:\.(\d*|\*))?(?:hh|h|ll|l|z)?([diuxXocsp%])/g;

function integer(arg: PrintfArgument, directive: string): bigint {
  if (typeof arg === "number" && Number.isInteger(arg)) return BigInt(arg);
  if (typeof arg === "bigint") {
    if (arg < LARGEST && arg > -LARGEST) return arg;
    throw new LibcError("printf", "EOVERFLOW", `${directive} of a number of thousands of digits`);
  }
  throw new LibcError("printf", "EINVAL", `${directive} cannot print ${shown(arg)}`);
}

/** What is to be printed: bytes, and how often a single one. */
class Output {
  readonly #room: number;
  readonly #parts: (Uint8Array<ArrayBuffer> | { byte: number; count: number })[] = [];
  #length = 0;

  constructor(room: number) {
    this.#room = room;
  }

  /** Text, so much of it as has room. */
  text(text: string): void {
    if (text.length > LONGEST) throw tooLong();
    if (text !== "") this.bytes(encoder.encode(text));
  }

  bytes(bytes: Uint8Array<ArrayBuffer>): void {
    this.#parts.push(bytes);
    this.#count(bytes.length);
  }

  /** A padding takes no memory before it is known that there is room for it. */
  pad(byte: string, count: number): void {
    if (count <= 0) return;
    this.#parts.push({ byte: byte.charCodeAt(0), count });
    this.#count(count);
  }

  #count(length: number): void {
    this.#length += length;
    if (this.#length > LONGEST) throw tooLong();
  }

  /** Everything, and so many NULs. */
  whole(nuls: 0 | 1): Uint8Array<ArrayBuffer> {
    const length = this.#length + nuls;
    if (length > this.#room) throw new LibcError("sprintf", "EOVERFLOW", `${length} bytes into ${this.#room}`);
    const all = new Uint8Array(length);
    let at = 0;
    for (const part of this.#parts) {
      if (part instanceof Uint8Array) {
        all.set(part, at);
        at += part.length;
      } else {
        all.fill(part.byte, at, at += part.count);
      }
    }
    return all;
  }
}

function tooLong(): LibcError {
  return new LibcError("printf", "EOVERFLOW", `more than ${LONGEST} bytes`);
}

/** `printf(3)`'s formatting. A C string goes through byte by byte, whatever its encoding. */
function format(template: string, args: PrintfArgument[], room = Infinity): Output {
  asString(template, "printf", "format");
  const output = new Output(room);
  let at = 0;
  let next = 0;
  const argument = (directive: string) => {
    if (next < args.length) return args[next++];
    throw new LibcError("printf", "EINVAL", `no argument for ${directive} in ${shown(template)}`);
  };
  /** A width or a precision: digits, or an argument that is a C int. */
  const size = (digits: string, directive: string) => {
    const value = digits === "*"
      ? asInt(argument(directive) as number, "printf", `${directive}'s width`)
      : Number(digits);
    if (Math.abs(value) > LONGEST) throw new LibcError("printf", "EOVERFLOW", directive);
    return value;
  };
  for (const match of template.matchAll(DIRECTIVE)) {
    output.text(template.slice(at, match.index));
    at = match.index + match[0].length;
    const [directive, flags, widthDigits = "0", precision, conversion] = match;
    if (conversion === "%") {
      output.text("%");
      continue;
    }
    let width = size(widthDigits, directive);
    const left = flags.includes("-") || width < 0; // a negative one is the flag, too
    width = Math.abs(width);
    let limit = precision === undefined ? undefined : size(precision, directive); // "%.d" is "%.0d"
    if (limit !== undefined && limit < 0) limit = undefined; // and a negative one is none
    const arg = argument(directive);
    let prefix = ""; // the sign, too
    let zeros = 0;
    let body: Uint8Array<ArrayBuffer>;
    if (isBytes(arg)) {
      if (conversion !== "s") throw new LibcError("printf", "EINVAL", `${directive} cannot print bytes`);
      body = readMemory(arg, 0, Math.min(stringLength(arg, "printf"), limit ?? Infinity), "printf");
    } else if (typeof arg !== "string" && typeof arg !== "number" && typeof arg !== "bigint") {
      throw new LibcError("printf", "EINVAL", `${directive} cannot print ${shown(arg)}`);
    } else if (conversion === "s") {
      const text = typeof arg === "bigint" ? String(integer(arg, directive)) : String(arg);
      // a character more than there is room for: it may be the other half of the last one
      const first = text.slice(0, (limit ?? Infinity) + 1);
      if (first.length > LONGEST + 1) throw tooLong();
      body = encoder.encode(first);
      if (limit !== undefined) body = body.subarray(0, limit);
    } else if (conversion === "c") {
      body = typeof arg === "string"
        ? encoder.encode(arg.slice(0, 1))
        : new Uint8Array([Number(integer(arg, directive) & 0xffn)]);
    } else {
      let value = integer(arg, directive);
      if (conversion === "d" || conversion === "i") {
        prefix = value < 0n ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
        if (value < 0n) value = -value;
      } else if (value < 0n) {
        value = BigInt.asUintN(32, value);
      }
      const radix = conversion === "o" ? 8 : "xXp".includes(conversion) ? 16 : 10;
      if (radix === 16 && value !== 0n && (conversion === "p" || flags.includes("#"))) {
        prefix = conversion === "X" ? "0X" : "0x";
      }
      // C prints no digit at all for a zero of precision 0
      const digits = limit === 0 && value === 0n ? "" : value.toString(radix);
      zeros = Math.max(0, (limit ?? 0) - digits.length);
      if (radix === 8 && flags.includes("#") && zeros === 0 && !digits.startsWith("0")) zeros = 1;
      if (flags.includes("0") && !left && limit === undefined) {
        zeros = Math.max(zeros, width - prefix.length - digits.length);
      }
      body = encoder.encode(conversion === "X" ? digits.toUpperCase() : digits);
    }
    const padding = width - prefix.length - zeros - body.length;
    if (!left) output.pad(" ", padding);
    output.text(prefix);
    output.pad("0", zeros);
    output.bytes(body);
    if (left) output.pad(" ", padding);
  }
  output.text(template.slice(at));
  return output;
}

rehearsal.run = () => put(stdout, format("%s%d", [new Uint8Array(1), 1]).whole(0).subarray(0, 0));

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
 * @param template Text with `%d %i %u %x %X %o %c %s %p %%`, flags, width and precision (`*`, too); length modifiers are allowed and mean nothing.
 * @param args What to print. For `%s` also an array of bytes, which ends at its first NUL and is printed as it is.
 * @returns How many bytes were printed, or -1.
 * @throws {LibcError} `EINVAL` an argument is missing or cannot be printed that way; `EOVERFLOW` more than 2^28 bytes.
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
  return put(stdout, format(template, args).whole(0));
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
  return put(stream, format(template, args).whole(0));
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
  const bytes = format(template, args, byteLengthOf(asBytes(str, "sprintf", "str"))).whole(1);
  writeMemory(str, 0, bytes, "sprintf");
  return bytes.length - 1;
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
    throw new LibcError("putchar", "EINVAL", `c must be a byte or a character, got ${shown(c)}`);
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
    throw new LibcError("fgets", "EFAULT", `size is ${shown(size)}, the buffer has ${room} bytes`);
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
  if (!isLibcError(error)) throw error;
  // what C has no word for has to be explained: fork without enableFork(), or another system
  const unknownToC = error.code === "ENOSYS" || (error.syscall === "fork" && error.code === "EOPNOTSUPP");
  const reason = unknownToC && error.detail ? `${error.reason} (${error.detail})` : error.reason;
  put(stderr, encoder.encode(typeof s === "string" && s ? `${s}: ${reason}\n` : `${reason}\n`));
}

function isLibcError(error: unknown): error is LibcError {
  try {
    return error instanceof LibcError;
  } catch {
    return false; // a proxy that does not say
  }
}
