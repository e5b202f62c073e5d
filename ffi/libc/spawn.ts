/**
 * `<spawn.h>`: other programs as children.
 *
 * They need no `enableFork`: the child never runs JavaScript.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { byteLengthOf } from "../native/bytes.ts";
import { asInt, shown } from "../native/check.ts";
import { fd as asFd } from "../native/descriptors.ts";
import { call, type CallOptions, header } from "../native/header.ts";
import {
  array,
  char,
  filled,
  flags,
  i16,
  i32,
  id,
  mode as modeKind,
  opaque,
  string,
  strings,
} from "../native/kinds.ts";
import { layout, layoutOf, Struct, structBytes } from "../native/layout.ts";
import { type AnyFunction, cstring, environment, setErrno } from "../native/libc.ts";
import { pointers } from "../native/pointed.ts";
import { cstrings } from "./_argv.ts";
import { setBytes, sigset, type sigset_t } from "./_sigset.ts";
import { O_APPEND, O_CLOEXEC, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "./fcntl.ts";

/** The child gets its real user and group as effective ones. */
export const POSIX_SPAWN_RESETIDS = 0x01;
/** The child goes to the process group of `posix_spawnattr_setpgroup`, 0 for one of its own. */
export const POSIX_SPAWN_SETPGROUP = 0x02;
/** The child gets the signals of `posix_spawnattr_setsigdefault` with their default actions. */
export const POSIX_SPAWN_SETSIGDEF = 0x04;
/** The child gets the signal mask of `posix_spawnattr_setsigmask`. */
export const POSIX_SPAWN_SETSIGMASK = 0x08;
/** Nothing: glibc always does it as `vfork(2)` would. */
export const POSIX_SPAWN_USEVFORK = 0x40;
/** The child leads a session of its own. */
export const POSIX_SPAWN_SETSID = 0x80;

/** What the class below has. */
interface Actions {
  /** C's structure, whose pointer leads to memory of libc's: nobody else may see it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Between init and destroy. */
  live: boolean;
  /** A call has them. Who traces it is told before it is made, and must not have their memory freed. */
  busy: boolean;
  /** The descriptors of this process that the child is given. */
  readonly given: Set<number>;
  /** Those that an action makes in the child. */
  readonly made: Set<number>;
}

const SIZE = 80; // of the structure

let actionsOf: (value: unknown) => Actions | undefined;

/**
 * What a child does to its descriptors before it runs its program, for {@linkcode posix_spawn}. It can be used between
 * {@linkcode posix_spawn_file_actions_init} and {@linkcode posix_spawn_file_actions_destroy}, which gives its memory back.
 *
 * @example
 * ```ts
 * import {
 *   close,
 *   pipe,
 *   posix_spawn_file_actions_addclose,
 *   posix_spawn_file_actions_adddup2,
 *   posix_spawn_file_actions_destroy,
 *   posix_spawn_file_actions_init,
 *   posix_spawn_file_actions_t,
 *   posix_spawnp,
 *   read,
 *   waitpid,
 * } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * const actions = new posix_spawn_file_actions_t();
 * posix_spawn_file_actions_init(actions);
 * posix_spawn_file_actions_adddup2(actions, writer, 1);
 * posix_spawn_file_actions_addclose(actions, writer);
 * posix_spawn_file_actions_addclose(actions, reader);
 * const pid = posix_spawnp("echo", actions, null, ["echo", "hello"]);
 * posix_spawn_file_actions_destroy(actions);
 * close(writer);
 * console.log(read(reader, new Uint8Array(80))); // 6
 * close(reader);
 * waitpid(pid);
 * ```
 */
export class posix_spawn_file_actions_t {
  readonly #actions: Actions = {
    bytes: new Uint8Array(SIZE),
    live: false,
    busy: false,
    given: new Set(),
    made: new Set(),
  };

  static {
    actionsOf = (value) =>
      typeof value === "object" && value !== null && #actions in value ? value.#actions : undefined;
  }
}

/**
 * How a child begins, for {@linkcode posix_spawn}: a new one says nothing, as after {@linkcode posix_spawnattr_init}.
 *
 * @example See {@linkcode posix_spawnattr_setflags}.
 */
export class posix_spawnattr_t extends Struct {}

layout(posix_spawnattr_t, "posix_spawn", {
  __flags: i16,
  __pgrp: i32,
  __sd: char(128),
  __ss: char(128),
  __sp: i32,
  __policy: i32,
  __pad: char(64),
}, []);

const ATTRIBUTES = layoutOf(posix_spawnattr_t).size;

const EFAULT = 14;

/** These give the error's number, and set no `errno`. */
const options: CallOptions = {
  failed: (result) => result !== 0,
  around: (bare: AnyFunction): AnyFunction => (...args) => {
    // who is told of the call may have transferred memory away, and libc looks at it without asking the kernel
    const gone = args.some((arg) => ArrayBuffer.isView(arg) && byteLengthOf(arg as Uint8Array) === 0);
    const result = gone ? EFAULT : bare(...args);
    if (result !== 0) setErrno(result);
    return result;
  },
};
const spawning: CallOptions = { ...options, lifecycle: true };

const openFlags = flags(
  { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NONBLOCK, O_CLOEXEC },
  { radix: 16, mask: 3 },
);
const flagsKind = flags({
  POSIX_SPAWN_RESETIDS,
  POSIX_SPAWN_SETPGROUP,
  POSIX_SPAWN_SETSIGDEF,
  POSIX_SPAWN_SETSIGMASK,
  POSIX_SPAWN_USEVFORK,
  POSIX_SPAWN_SETSID,
}, { radix: 16 });
const c = header({
  posix_spawn: call(i32, [
    ["pid", filled(array(id))],
    ["path", string],
    ["file_actions", opaque],
    ["attrp", opaque],
    ["argv", strings],
    ["envp", strings],
  ], spawning),
  posix_spawnp: call(i32, [
    ["pid", filled(array(id))],
    ["file", string],
    ["file_actions", opaque],
    ["attrp", opaque],
    ["argv", strings],
    ["envp", strings],
  ], spawning),
  posix_spawn_file_actions_init: call(i32, [["file_actions", opaque]], options),
  posix_spawn_file_actions_destroy: call(i32, [["file_actions", opaque]], options),
  posix_spawn_file_actions_addopen: call(i32, [
    ["file_actions", opaque],
    ["fildes", id],
    ["path", string],
    ["oflag", openFlags],
    ["mode", modeKind],
  ], options),
  posix_spawn_file_actions_addclose: call(i32, [["file_actions", opaque], ["fildes", id]], options),
  posix_spawn_file_actions_adddup2: call(
    i32,
    [["file_actions", opaque], ["fildes", id], ["newfildes", id]],
    options,
  ),
  posix_spawn_file_actions_addchdir_np: call(i32, [["file_actions", opaque], ["path", string]], options),
  posix_spawn_file_actions_addfchdir_np: call(i32, [["file_actions", opaque], ["fildes", id]], options),
  posix_spawnattr_init: call(i32, [["attr", opaque]], options),
  posix_spawnattr_destroy: call(i32, [["attr", opaque]], options),
  posix_spawnattr_setflags: call(i32, [["attr", opaque], ["flags", flagsKind]], options),
  posix_spawnattr_getflags: call(i32, [["attr", opaque], ["flags", filled(array({ ...flagsKind, size: 2 }))]], options),
  posix_spawnattr_setpgroup: call(i32, [["attr", opaque], ["pgroup", id]], options),
  posix_spawnattr_getpgroup: call(i32, [["attr", opaque], ["pgroup", filled(array(id))]], options),
  posix_spawnattr_setsigdefault: call(i32, [["attr", opaque], ["sigdefault", sigset]], options),
  posix_spawnattr_getsigdefault: call(i32, [["attr", opaque], ["sigdefault", filled(sigset)]], options),
  posix_spawnattr_setsigmask: call(i32, [["attr", opaque], ["sigmask", sigset]], options),
  posix_spawnattr_getsigmask: call(i32, [["attr", opaque], ["sigmask", filled(sigset)]], options),
});

/** The actions, between init and destroy. */
function live(value: posix_spawn_file_actions_t, syscall: string): Actions {
  const actions = known(value, syscall);
  if (actions.live) return actions;
  throw new LibcError(syscall, "EINVAL", "file_actions need posix_spawn_file_actions_init first");
}

function known(value: posix_spawn_file_actions_t, syscall: string): Actions {
  const actions = actionsOf(value);
  if (!actions) {
    const what = `file_actions must be a posix_spawn_file_actions_t, got ${shown(value)}`;
    throw new LibcError(syscall, "EFAULT", what);
  }
  if (actions.busy) throw new LibcError(syscall, "EINVAL", "file_actions are in another call");
  return actions;
}

/** Makes a call that has the actions. */
function having(actions: Actions | null, call: () => number): number {
  if (actions === null) return call();
  actions.busy = true;
  try {
    return call();
  } finally {
    actions.busy = false;
  }
}

/** Notes a descriptor that the child uses: it is one of this process, and not Deno's, unless an action has made it. */
function give(actions: Actions, fildes: number, syscall: string): number {
  return actions.made.has(fildes) ? fildes : asFd(fildes, syscall, "fildes");
}

function attributes(value: posix_spawnattr_t, syscall: string, name = "attr"): Uint8Array<ArrayBuffer> {
  return structBytes(value, ATTRIBUTES, syscall, name);
}

function spawn(
  syscall: "posix_spawn" | "posix_spawnp",
  path: string,
  file_actions: posix_spawn_file_actions_t | null,
  attrp: posix_spawnattr_t | null,
  argv: readonly string[],
  envp: readonly string[] | undefined,
): number {
  const file = cstring(path, syscall, syscall === "posix_spawn" ? "path" : "file");
  const args = cstrings(argv, syscall, "argv");
  const env = envp === undefined ? pointers(environment()) : cstrings(envp, syscall, "envp");
  // these last: an array may have getters
  const actions = file_actions === null ? null : live(file_actions, syscall);
  const attributes = attrp === null ? null : structBytes(attrp, ATTRIBUTES, syscall, "attrp");
  // a number that was the program's may be Deno's by now
  actions?.given.forEach((fd) => asFd(fd, syscall));
  const pid = new Int32Array(1);
  const error = having(actions, () => c[syscall](pid, file, actions && actions.bytes, attributes, args, env));
  if (error !== 0) throw new LibcError(syscall, error, path);
  return pid[0];
}

/**
 * Starts another program as a child, `posix_spawn(3)`.
 *
 * The child has this process's directory, user, signal mask and environment, and a copy of each descriptor that is not closed
 * on `execve` (those of the Deno runtime are), unless `file_actions` or `attrp` say otherwise. Signals with handlers get their
 * default actions; what is ignored stays so, as in C: Deno ignores `SIGPIPE`, and a child that is to end by it needs
 * {@linkcode posix_spawnattr_setsigdefault}.
 *
 * It needs no `enableFork`, and does not depend on how V8 was started. It is back when the program runs, or could not be
 * started.
 *
 * @param path The program's file.
 * @param file_actions What the child does to its descriptors, or `null`.
 * @param attrp How it begins, or `null`.
 * @param argv Its arguments; the first is its name.
 * @param envp Its environment, as `NAME=value`; this process's unless given.
 * @returns The child's pid.
 * @throws {LibcError} `ENOENT`, `EACCES`, `ENOEXEC`, `E2BIG` … of `execve`; `EAGAIN` too many processes; `EBADF`, `ENOENT` … an action
 * failed; `EPERM`, `ESRCH` no such process group; `EINVAL`.
 *
 * @example
 * ```ts
 * import { posix_spawn, waitpid, WaitStatus } from "./mod.ts";
 *
 * const wstat = new WaitStatus();
 * waitpid(posix_spawn("/bin/sh", null, null, ["sh", "-c", "exit 3"]), wstat);
 * console.log(wstat.exitStatus); // 3
 * ```
 */
export function posix_spawn(
  path: string,
  file_actions: posix_spawn_file_actions_t | null,
  attrp: posix_spawnattr_t | null,
  argv: readonly string[],
  envp?: readonly string[],
): number {
  return spawn("posix_spawn", path, file_actions, attrp, argv, envp);
}

/**
 * As {@linkcode posix_spawn}, but a name without a slash is searched for in `PATH`, `posix_spawnp(3)`.
 *
 * @param file The program's name or file.
 * @param file_actions What the child does to its descriptors, or `null`.
 * @param attrp How it begins, or `null`.
 * @param argv Its arguments; the first is its name.
 * @param envp Its environment, as `NAME=value`; this process's unless given.
 * @returns The child's pid.
 * @throws {LibcError} As {@linkcode posix_spawn}.
 *
 * @example
 * ```ts
 * import { posix_spawnp, waitpid, WaitStatus } from "./mod.ts";
 *
 * const wstat = new WaitStatus();
 * waitpid(posix_spawnp("true", null, null, ["true"], []), wstat);
 * console.log(String(wstat)); // exited with 0
 * ```
 */
export function posix_spawnp(
  file: string,
  file_actions: posix_spawn_file_actions_t | null,
  attrp: posix_spawnattr_t | null,
  argv: readonly string[],
  envp?: readonly string[],
): number {
  return spawn("posix_spawnp", file, file_actions, attrp, argv, envp);
}

/**
 * Makes file actions ready for use, `posix_spawn_file_actions_init(3)`.
 *
 * @param file_actions The actions: none so far.
 * @throws {LibcError} `EINVAL` they are in use; `EFAULT` what is no {@linkcode posix_spawn_file_actions_t}; `ENOMEM`.
 *
 * @example See {@linkcode posix_spawn_file_actions_t}.
 */
export function posix_spawn_file_actions_init(file_actions: posix_spawn_file_actions_t): void {
  const syscall = "posix_spawn_file_actions_init";
  const actions = known(file_actions, syscall);
  // in C its memory would be lost
  if (actions.live) throw new LibcError(syscall, "EINVAL", "file_actions are in use; destroy them first");
  checked(syscall, having(actions, () => c.posix_spawn_file_actions_init(actions.bytes)));
  actions.live = true;
}

/**
 * Gives the memory of file actions back, `posix_spawn_file_actions_destroy(3)`. After it they can be used only when
 * {@linkcode posix_spawn_file_actions_init} has made them ready again.
 *
 * @param file_actions The actions.
 * @throws {LibcError} `EINVAL` they are not in use; `EFAULT` what is no {@linkcode posix_spawn_file_actions_t}.
 *
 * @example See {@linkcode posix_spawn_file_actions_t}.
 */
export function posix_spawn_file_actions_destroy(file_actions: posix_spawn_file_actions_t): void {
  const actions = live(file_actions, "posix_spawn_file_actions_destroy");
  actions.live = false;
  actions.given.clear();
  actions.made.clear();
  checked("posix_spawn_file_actions_destroy", having(actions, () => c.posix_spawn_file_actions_destroy(actions.bytes)));
}

function checked(syscall: string, error: number, detail?: string): void {
  if (error !== 0) throw new LibcError(syscall, error, detail);
}

/**
 * Has the child open a file, `posix_spawn_file_actions_addopen(3)`.
 *
 * @param file_actions The actions.
 * @param fildes The descriptor that it gets; what was open there is closed.
 * @param path The file.
 * @param oflag As for `open`: `O_RDONLY`, `O_WRONLY | O_CREAT` …
 * @param mode The permissions of a file that is made, less the umask; 0600 unless given.
 * @throws {LibcError} `EBADF` a negative descriptor, or one beyond the limit; `EINVAL`; `EFAULT`; `ENOMEM`.
 *
 * @example
 * ```ts
 * import {
 *   O_RDONLY,
 *   posix_spawn_file_actions_addopen,
 *   posix_spawn_file_actions_destroy,
 *   posix_spawn_file_actions_init,
 *   posix_spawn_file_actions_t,
 *   posix_spawnp,
 *   waitpid,
 * } from "./mod.ts";
 *
 * const actions = new posix_spawn_file_actions_t();
 * posix_spawn_file_actions_init(actions);
 * posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY);
 * waitpid(posix_spawnp("cat", actions, null, ["cat"])); // at its end at once
 * posix_spawn_file_actions_destroy(actions);
 * ```
 */
export function posix_spawn_file_actions_addopen(
  file_actions: posix_spawn_file_actions_t,
  fildes: number,
  path: string,
  oflag: number,
  mode?: number,
): void {
  const syscall = "posix_spawn_file_actions_addopen";
  if (mode === undefined) mode = 0o600;
  const actions = live(file_actions, syscall);
  fildes = asInt(fildes, syscall, "fildes");
  const file = cstring(path, syscall, "path");
  oflag = asInt(oflag, syscall, "oflag");
  mode = asInt(mode, syscall, "mode");
  checked(
    syscall,
    having(actions, () => c.posix_spawn_file_actions_addopen(actions.bytes, fildes, file, oflag, mode)),
    `${path} as ${fildes}`,
  );
  actions.made.add(fildes);
}

/**
 * Has the child close a descriptor, `posix_spawn_file_actions_addclose(3)`.
 *
 * @param file_actions The actions.
 * @param fildes The descriptor.
 * @throws {LibcError} `EBADF` a negative descriptor, or one beyond the limit; `EINVAL`; `EFAULT`; `ENOMEM`.
 *
 * @example See {@linkcode posix_spawn_file_actions_t}.
 */
export function posix_spawn_file_actions_addclose(file_actions: posix_spawn_file_actions_t, fildes: number): void {
  const syscall = "posix_spawn_file_actions_addclose";
  const actions = live(file_actions, syscall);
  fildes = asInt(fildes, syscall, "fildes");
  checked(
    syscall,
    having(actions, () => c.posix_spawn_file_actions_addclose(actions.bytes, fildes)),
    `descriptor ${fildes}`,
  );
  // what is closed and then used is an error in the child, and nothing of Deno's
}

/**
 * Has the child give a descriptor a second number, `posix_spawn_file_actions_adddup2(3)`. With twice the same number it
 * stays open in the child, even one with `FD_CLOEXEC`.
 *
 * @param file_actions The actions.
 * @param fildes The descriptor. The Deno runtime's are refused with `EBADF`, here and when the child is started.
 * @param newfildes Its second number.
 * @throws {LibcError} `EBADF` a negative descriptor, or one beyond the limit; `EINVAL`; `EFAULT`; `ENOMEM`.
 *
 * @example See {@linkcode posix_spawn_file_actions_t}.
 */
export function posix_spawn_file_actions_adddup2(
  file_actions: posix_spawn_file_actions_t,
  fildes: number,
  newfildes: number,
): void {
  const syscall = "posix_spawn_file_actions_adddup2";
  const actions = live(file_actions, syscall);
  fildes = give(actions, fildes, syscall);
  newfildes = asInt(newfildes, syscall, "newfildes");
  const given = !actions.made.has(fildes);
  checked(
    syscall,
    having(actions, () => c.posix_spawn_file_actions_adddup2(actions.bytes, fildes, newfildes)),
    `${fildes} to ${newfildes}`,
  );
  if (given) actions.given.add(fildes);
  actions.made.add(newfildes);
}

/**
 * Has the child change its directory, `posix_spawn_file_actions_addchdir_np(3)`: what comes after it, and a program's file
 * that is no whole path, are looked for there.
 *
 * @param file_actions The actions.
 * @param path The directory.
 * @throws {LibcError} `EINVAL`; `EFAULT`; `ENOMEM`.
 *
 * @example
 * ```ts
 * import {
 *   posix_spawn_file_actions_addchdir_np,
 *   posix_spawn_file_actions_destroy,
 *   posix_spawn_file_actions_init,
 *   posix_spawn_file_actions_t,
 *   posix_spawn,
 *   waitpid,
 * } from "./mod.ts";
 *
 * const actions = new posix_spawn_file_actions_t();
 * posix_spawn_file_actions_init(actions);
 * posix_spawn_file_actions_addchdir_np(actions, "/");
 * waitpid(posix_spawn("/bin/sh", actions, null, ["sh", "-c", "pwd >&2"])); // /
 * posix_spawn_file_actions_destroy(actions);
 * ```
 */
export function posix_spawn_file_actions_addchdir_np(file_actions: posix_spawn_file_actions_t, path: string): void {
  const syscall = "posix_spawn_file_actions_addchdir_np";
  const actions = live(file_actions, syscall);
  checked(
    syscall,
    having(actions, () => c.posix_spawn_file_actions_addchdir_np(actions.bytes, cstring(path, syscall, "path"))),
    path,
  );
}

/**
 * The same by a descriptor of the directory, `posix_spawn_file_actions_addfchdir_np(3)`.
 *
 * @param file_actions The actions.
 * @param fildes The directory's descriptor. The Deno runtime's are refused with `EBADF`.
 * @throws {LibcError} `EBADF` one of the Deno runtime's; `EINVAL`; `EFAULT`; `ENOMEM`.
 *
 * @example
 * ```ts
 * import {
 *   close,
 *   O_RDONLY,
 *   open,
 *   posix_spawn_file_actions_addfchdir_np,
 *   posix_spawn_file_actions_destroy,
 *   posix_spawn_file_actions_init,
 *   posix_spawn_file_actions_t,
 *   posix_spawn,
 *   waitpid,
 * } from "./mod.ts";
 *
 * const directory = open("/", O_RDONLY);
 * const actions = new posix_spawn_file_actions_t();
 * posix_spawn_file_actions_init(actions);
 * posix_spawn_file_actions_addfchdir_np(actions, directory);
 * waitpid(posix_spawn("/bin/sh", actions, null, ["sh", "-c", "pwd >&2"])); // /
 * posix_spawn_file_actions_destroy(actions);
 * close(directory);
 * ```
 */
export function posix_spawn_file_actions_addfchdir_np(file_actions: posix_spawn_file_actions_t, fildes: number): void {
  const syscall = "posix_spawn_file_actions_addfchdir_np";
  const actions = live(file_actions, syscall);
  fildes = give(actions, fildes, syscall);
  const given = !actions.made.has(fildes);
  checked(
    syscall,
    having(actions, () => c.posix_spawn_file_actions_addfchdir_np(actions.bytes, fildes)),
    `descriptor ${fildes}`,
  );
  if (given) actions.given.add(fildes);
}

/**
 * Empties attributes, `posix_spawnattr_init(3)`.
 *
 * @param attr The attributes.
 * @throws {LibcError} `EFAULT` what is no {@linkcode posix_spawnattr_t}; `ENOMEM`.
 *
 * @example See {@linkcode posix_spawnattr_setflags}.
 */
export function posix_spawnattr_init(attr: posix_spawnattr_t): void {
  checked("posix_spawnattr_init", c.posix_spawnattr_init(attributes(attr, "posix_spawnattr_init")));
}

/**
 * Does away with attributes, `posix_spawnattr_destroy(3)`: nothing, on Linux.
 *
 * @param attr The attributes.
 * @throws {LibcError} `EFAULT` what is no {@linkcode posix_spawnattr_t}.
 *
 * @example See {@linkcode posix_spawnattr_setflags}.
 */
export function posix_spawnattr_destroy(attr: posix_spawnattr_t): void {
  checked("posix_spawnattr_destroy", c.posix_spawnattr_destroy(attributes(attr, "posix_spawnattr_destroy")));
}

/**
 * Says which attributes count, `posix_spawnattr_setflags(3)`.
 *
 * @param attr The attributes.
 * @param flags `POSIX_SPAWN_SETPGROUP`, `POSIX_SPAWN_SETSIGDEF`, `POSIX_SPAWN_SETSIGMASK`, `POSIX_SPAWN_SETSID`, `POSIX_SPAWN_RESETIDS`.
 * @throws {LibcError} `EINVAL` another flag; `EFAULT` what is no {@linkcode posix_spawnattr_t}.
 *
 * @example A child that `SIGPIPE` ends, in a process group of its own
 * ```ts
 * import {
 *   POSIX_SPAWN_SETPGROUP,
 *   POSIX_SPAWN_SETSIGDEF,
 *   posix_spawnattr_destroy,
 *   posix_spawnattr_init,
 *   posix_spawnattr_setflags,
 *   posix_spawnattr_setpgroup,
 *   posix_spawnattr_setsigdefault,
 *   posix_spawnattr_t,
 *   posix_spawnp,
 *   sigaddset,
 *   SIGPIPE,
 *   sigset_t,
 *   waitpid,
 * } from "./mod.ts";
 *
 * const attributes = new posix_spawnattr_t();
 * posix_spawnattr_init(attributes);
 * posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
 * const set = new sigset_t();
 * sigaddset(set, SIGPIPE);
 * posix_spawnattr_setsigdefault(attributes, set);
 * posix_spawnattr_setpgroup(attributes, 0);
 * waitpid(posix_spawnp("true", null, attributes, ["true"]));
 * posix_spawnattr_destroy(attributes);
 * ```
 */
export function posix_spawnattr_setflags(attr: posix_spawnattr_t, flags: number): void {
  const syscall = "posix_spawnattr_setflags";
  const bytes = attributes(attr, syscall);
  flags = asInt(flags, syscall, "flags");
  // C's parameter is a short, which would lose the rest
  if (flags < 0 || flags > 0x7fff) throw new LibcError(syscall, "EINVAL", `flags ${flags}`);
  checked(syscall, c.posix_spawnattr_setflags(bytes, flags), `flags ${flags}`);
}

/**
 * Tells which attributes count, `posix_spawnattr_getflags(3)`.
 *
 * @param attr The attributes.
 * @returns The flags.
 * @throws {LibcError} `EFAULT` what is no {@linkcode posix_spawnattr_t}.
 *
 * @example
 * ```ts
 * import { posix_spawnattr_getflags, posix_spawnattr_t } from "./mod.ts";
 *
 * console.log(posix_spawnattr_getflags(new posix_spawnattr_t())); // 0
 * ```
 */
export function posix_spawnattr_getflags(attr: posix_spawnattr_t): number {
  const flags = new Int16Array(1);
  checked(
    "posix_spawnattr_getflags",
    c.posix_spawnattr_getflags(attributes(attr, "posix_spawnattr_getflags"), flags),
  );
  return flags[0];
}

/**
 * Sets the process group, `posix_spawnattr_setpgroup(3)`; it counts with `POSIX_SPAWN_SETPGROUP`.
 *
 * @param attr The attributes.
 * @param pgroup The group; 0 for one that the child leads.
 * @throws {LibcError} `EINVAL` no integer; `EFAULT` what is no {@linkcode posix_spawnattr_t}.
 *
 * @example See {@linkcode posix_spawnattr_setflags}.
 */
export function posix_spawnattr_setpgroup(attr: posix_spawnattr_t, pgroup: number): void {
  const syscall = "posix_spawnattr_setpgroup";
  checked(syscall, c.posix_spawnattr_setpgroup(attributes(attr, syscall), asInt(pgroup, syscall, "pgroup")));
}

/**
 * Tells the process group, `posix_spawnattr_getpgroup(3)`.
 *
 * @param attr The attributes.
 * @returns The group.
 * @throws {LibcError} `EFAULT` what is no {@linkcode posix_spawnattr_t}.
 *
 * @example
 * ```ts
 * import { posix_spawnattr_getpgroup, posix_spawnattr_t } from "./mod.ts";
 *
 * console.log(posix_spawnattr_getpgroup(new posix_spawnattr_t())); // 0
 * ```
 */
export function posix_spawnattr_getpgroup(attr: posix_spawnattr_t): number {
  const pgroup = new Int32Array(1);
  checked(
    "posix_spawnattr_getpgroup",
    c.posix_spawnattr_getpgroup(attributes(attr, "posix_spawnattr_getpgroup"), pgroup),
  );
  return pgroup[0];
}

/**
 * Sets the signals that get their default actions, `posix_spawnattr_setsigdefault(3)`; they count with `POSIX_SPAWN_SETSIGDEF`.
 *
 * @param attr The attributes.
 * @param sigdefault The signals.
 * @throws {LibcError} `EFAULT` what is no {@linkcode posix_spawnattr_t}, or no {@linkcode sigset_t}.
 *
 * @example See {@linkcode posix_spawnattr_setflags}.
 */
export function posix_spawnattr_setsigdefault(attr: posix_spawnattr_t, sigdefault: sigset_t): void {
  const syscall = "posix_spawnattr_setsigdefault";
  checked(
    syscall,
    c.posix_spawnattr_setsigdefault(attributes(attr, syscall), setBytes(sigdefault, syscall, "sigdefault")),
  );
}

/**
 * Tells the signals that get their default actions, `posix_spawnattr_getsigdefault(3)`.
 *
 * @param attr The attributes.
 * @param sigdefault Where to store the signals.
 * @throws {LibcError} `EFAULT` what is no {@linkcode posix_spawnattr_t}, or no {@linkcode sigset_t}.
 *
 * @example
 * ```ts
 * import { posix_spawnattr_getsigdefault, posix_spawnattr_t, sigismember, SIGINT, sigset_t } from "./mod.ts";
 *
 * const set = new sigset_t();
 * posix_spawnattr_getsigdefault(new posix_spawnattr_t(), set);
 * console.log(sigismember(set, SIGINT)); // false
 * ```
 */
export function posix_spawnattr_getsigdefault(attr: posix_spawnattr_t, sigdefault: sigset_t): void {
  const syscall = "posix_spawnattr_getsigdefault";
  checked(
    syscall,
    c.posix_spawnattr_getsigdefault(attributes(attr, syscall), setBytes(sigdefault, syscall, "sigdefault")),
  );
}

/**
 * Sets the signals that the child begins with blocked, `posix_spawnattr_setsigmask(3)`; they count with `POSIX_SPAWN_SETSIGMASK`.
 *
 * @param attr The attributes.
 * @param sigmask The signals.
 * @throws {LibcError} `EFAULT` what is no {@linkcode posix_spawnattr_t}, or no {@linkcode sigset_t}.
 *
 * @example
 * ```ts
 * import {
 *   POSIX_SPAWN_SETSIGMASK,
 *   posix_spawnattr_setflags,
 *   posix_spawnattr_setsigmask,
 *   posix_spawnattr_t,
 *   posix_spawnp,
 *   sigaddset,
 *   SIGINT,
 *   sigset_t,
 *   waitpid,
 * } from "./mod.ts";
 *
 * const attributes = new posix_spawnattr_t();
 * posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK);
 * const set = new sigset_t();
 * sigaddset(set, SIGINT);
 * posix_spawnattr_setsigmask(attributes, set);
 * waitpid(posix_spawnp("true", null, attributes, ["true"])); // Ctrl-C does not end it
 * ```
 */
export function posix_spawnattr_setsigmask(attr: posix_spawnattr_t, sigmask: sigset_t): void {
  const syscall = "posix_spawnattr_setsigmask";
  checked(syscall, c.posix_spawnattr_setsigmask(attributes(attr, syscall), setBytes(sigmask, syscall, "sigmask")));
}

/**
 * Tells the signals that the child begins with blocked, `posix_spawnattr_getsigmask(3)`.
 *
 * @param attr The attributes.
 * @param sigmask Where to store the signals.
 * @throws {LibcError} `EFAULT` what is no {@linkcode posix_spawnattr_t}, or no {@linkcode sigset_t}.
 *
 * @example
 * ```ts
 * import { posix_spawnattr_getsigmask, posix_spawnattr_t, sigismember, SIGINT, sigset_t } from "./mod.ts";
 *
 * const set = new sigset_t();
 * posix_spawnattr_getsigmask(new posix_spawnattr_t(), set);
 * console.log(sigismember(set, SIGINT)); // false
 * ```
 */
export function posix_spawnattr_getsigmask(attr: posix_spawnattr_t, sigmask: sigset_t): void {
  const syscall = "posix_spawnattr_getsigmask";
  checked(syscall, c.posix_spawnattr_getsigmask(attributes(attr, syscall), setBytes(sigmask, syscall, "sigmask")));
}
