/**
 * The standard streams of a forked child. Deno takes a lock for each of its reads and writes on another thread; if
 * the parent has one going on at the fork, the child would wait for ever for a thread that it hasn't got. So a child
 * reads and writes by `read(2)` and `write(2)`.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { isForked } from "./child.ts";
import { internal } from "./internals.ts";
import { errno } from "./libc.ts";
import { own } from "./own.ts";
import { isMainThread } from "./threads.ts";

const EINTR = 4;
const EBADF = 9;
const EAGAIN = 11;
const EPIPE = 32;
const POLLOUT = 4;

/** As `Deno.FsFile.writeSync`. */
function writeSync(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  while (true) {
    const n = own.write(fd, bytes, BigInt(bytes.byteLength));
    if (n >= 0) return n;
    if (errno() === EBADF) return bytes.byteLength; // what is closed takes everything, as in the parent
    if (errno() !== EINTR) throw denoError("write", fd);
  }
}

/** As `Deno.FsFile.readSync`. */
function readSync(fd: number, bytes: Uint8Array<ArrayBuffer>): number | null {
  if (bytes.byteLength === 0) return 0;
  while (true) {
    const n = own.read(fd, bytes, BigInt(bytes.byteLength));
    if (n >= 0) return n === 0 ? null : n;
    if (errno() !== EINTR) throw denoError("read", fd);
  }
}

/** What Deno throws for the same error, as far as programs catch it by its class. */
function denoError(syscall: string, fd: number): Error {
  const error = new LibcError(syscall, errno(), `descriptor ${fd}`);
  if (error.errno === EPIPE) return new Deno.errors.BrokenPipe(error.message);
  if (error.errno === EAGAIN) return new Deno.errors.WouldBlock(error.message);
  return error;
}

const encoder = new TextEncoder();

/** Writes a text, also to a descriptor that does not wait; where nobody reads it, nobody misses it. */
function print(text: string, fd: number): void {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes.subarray(at));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return;
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      own.poll(new Int32Array([fd, POLLOUT]), 1n, -1);
    }
  }
}

type Methods = Record<string, (...args: unknown[]) => void>;

// as they are before the program has put others in their places
const parents = { ...console } as unknown as Methods;
const streams = [
  [Deno.stdin, "readSync", readSync],
  [Deno.stdout, "writeSync", writeSync],
  [Deno.stderr, "writeSync", writeSync],
] as const;
let childs: Methods | undefined;
let groups = 0;

/** The console of a child. */
function childConsole(): Methods {
  if (!childs) {
    const INFO = 1;
    const Console = internal?.Console as new (print: (text: string, level: number) => void) => Methods;
    // a rehearsal prints nothing
    childs = new Console((text, level) => isForked() && print(text, level > INFO ? 2 : 1));
  }
  return childs;
}

let guarded = false;

/** Has children print and read by themselves. In a test run Deno's printing goes elsewhere, and stays as it is. */
export function guardStreams(): void {
  if (!internal?.Console || !isMainThread()) return;
  guarded = true;
  for (const name of Object.keys(parents)) {
    const original = parents[name];
    const methods = console as unknown as Methods;
    if (typeof original !== "function" || methods[name] !== original) continue; // it is the program's
    methods[name] = (...args) => {
      if (name.startsWith("group") && !isForked()) groups = name === "groupEnd" ? Math.max(groups - 1, 0) : groups + 1;
      if (!isForked()) return original(...args);
      // what the parent had indented
      for (; groups > 0; groups--) childConsole().group();
      childConsole()[name](...args);
    };
    Object.defineProperty(methods[name], "name", { value: name });
  }
  streams.forEach(([stream, name, childs], fd) => guard(Object.getPrototypeOf(stream), name, stream, fd, childs));
  childConsole().error("%s", new Error()); // what is first run in a child is compiled in each
}

function guard(
  prototype: Record<string, (bytes: Uint8Array<ArrayBuffer>) => unknown>,
  name: string,
  stream: unknown,
  fd: number,
  childs: (fd: number, bytes: Uint8Array<ArrayBuffer>) => unknown,
): void {
  if (!Object.hasOwn(prototype, name)) return; // the stream is the program's
  const original = prototype[name];
  prototype[name] = function (bytes) {
    // Deno itself refuses what are no bytes
    return isForked() && this === stream && bytes instanceof Uint8Array
      ? childs(fd, bytes)
      : original.call(this, bytes);
  };
}

/** Prints as `console.error` does, whatever the program has made of that. */
export function complain(...args: unknown[]): void {
  (guarded ? childConsole() : parents).error(...args);
}
