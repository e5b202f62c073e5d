/**
 * Starting the program again in place, with a V8 of one thread: the only kind that can be forked.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { guard } from "./guards.ts";
import { cstring, environment, errno, permission } from "./libc.ts";
import { getenv, own, slurp } from "./own.ts";
import { pointers, textAt } from "./pointed.ts";
import { isMainThread, isWorker, runtimeArguments, threads } from "./threads.ts";

const V8_FLAGS = "DENO_V8_FLAGS";

/** Why this process cannot start itself again, if it can't. */
function obstacle(): string | undefined {
  const main = Deno.mainModule;
  if (main.endsWith("/$deno$stdin.mts")) return "the program came from standard input, and that has been read";
  if (main.endsWith("/$deno$repl.mts")) return "this is a REPL";
  if (isStream(main)) return "the program came from a pipe, and that has been read";
  if (!isMainThread()) return "this is a test run";
  if (runtimeArguments().some((arg) => /^--v8-flags.*no-?single[-_]threaded/.test(arg))) {
    return "--v8-flags says the contrary of --single-threaded";
  }
  // as it was started, which a program cannot write to
  const started = new TextDecoder().decode(slurp("/proc/self/environ")).split("\0");
  if (started.some((line) => line.startsWith(`${V8_FLAGS}=`) && line.endsWith(FLAGS))) {
    return "V8 has threads of its own though it was started with --single-threaded; does another flag say otherwise?";
  }
}

const O_PATH_CLOEXEC = 0o12000000;
const [FSTAT, ST_MODE] = Deno.build.arch === "aarch64" ? [80n, 16] : [5n, 24];
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

function pathOf(module: string): string {
  const { pathname } = new URL(module);
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname; // not in UTF-8: no file of Deno's has such a URL
  }
}

/** Tells whether a module is not in a file that can be read a second time: `deno run <(...)`, a FIFO. */
function isStream(module: string): boolean {
  if (!module.startsWith("file:")) return false;
  const fd = own.open(cstring(pathOf(module), "open", "path"), O_PATH_CLOEXEC, 0);
  if (fd < 0) return false; // it is in a compiled program
  const stat = new Uint8Array(256);
  own.syscall(FSTAT, BigInt(fd), stat, 0n);
  own.close(fd);
  return (new DataView(stat.buffer).getUint32(ST_MODE, true) & S_IFMT) !== S_IFREG;
}

// without --no-lazy each child would compile anew what only children call
const FLAGS = "--single-threaded,--no-lazy";

/** What to do where the program cannot do it itself. */
export const ADD_FLAG =
  "start deno with --v8-flags=--single-threaded, or with DENO_V8_FLAGS=--single-threaded in the environment";

/** Starts the process again, in place and single-threaded, unless it is so already. */
export function restartSingleThreaded(): void {
  if (isWorker) {
    throw new LibcError("fork", "EOPNOTSUPP", "a Worker cannot fork, nor its program while it runs");
  }
  // the truth: flags are only text, which may be overruled, misspelt, or written after the start
  if (!threads().v8) return guard();
  const why = obstacle();
  if (why) throw new LibcError("fork", "EOPNOTSUPP", `${why}; ${ADD_FLAG}`);
  const flags = getenv(V8_FLAGS);
  const setting = cstring(`${V8_FLAGS}=${flags ? flags + "," : ""}${FLAGS}`, "execve", "environment");
  const environ = environment().filter((address) => !textAt(address)!.startsWith(`${V8_FLAGS}=`));
  const argv = slurp("/proc/self/cmdline");
  const starts: bigint[] = [];
  const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(argv));
  for (let at = 0; at < argv.length; at = argv.indexOf(0, at) + 1) starts.push(base + BigInt(at));
  // what was granted once is not asked for again
  const granted = cstring("--allow-ffi", "execve", "argv");
  // right before the program, as commands and their options differ
  const program = runtimeArguments().length - 1;
  if (permission.asked && program > 0) {
    starts.splice(program, 0, Deno.UnsafePointer.value(Deno.UnsafePointer.of(granted)));
  }
  const path = new Uint8Array(4097);
  // the real path, so that the process keeps its name in ps(1)
  const length = own.readlink(cstring("/proc/self/exe", "readlink", "path"), path, 4096n);
  const exe = length > 0 ? path.subarray(0, length + 1) : cstring("/proc/self/exe", "execve", "path");
  const variables = [...environ, Deno.UnsafePointer.value(Deno.UnsafePointer.of(setting))];
  own.execve(exe, pointers(starts), pointers(variables));
  throw new LibcError("execve", errno(), ADD_FLAG);
}
