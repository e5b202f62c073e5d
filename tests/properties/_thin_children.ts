/**
 * Calls of the functions of programs as children, of users and sessions, and of what processes do to each other. None
 * starts a program, changes who this process is, or reaches another one.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { type Call, closes, thin } from "./_calls.ts";
import { buffer, data, paths, structs } from "./_memory.ts";
import {
  bad,
  fdOf,
  good,
  int,
  ints,
  nothing,
  onlyWrong,
  optionalInt,
  type Spec,
  stream,
  uint,
  wrongInt,
  wrongLong,
  wrongSize,
  wrongUint,
} from "./_numbers.ts";
import { directory } from "./_run.ts";

const NOBODY = 2 ** 31 - 1; // no process

const noPaths = paths.filter((spec) => spec.bad);
const program: Spec[] = [good("none", () => `${directory}/none`), ...noPaths];
const strings: Spec[] = [
  good("[]", () => []),
  good("['x']", () => ["x"]),
  good("['']", () => [""]),
  bad("[NUL]", () => ["a\0b"]),
  bad("[5]", () => [5]),
  bad("[hole]", () => [, "x"]),
  ...[null, "x", 5, {}].map((value) => bad(Deno.inspect(value), () => value)),
  bad("getter that throws", () =>
    Object.defineProperty([""], 0, {
      get() {
        throw new Error("mine");
      },
    })),
];
const optional: Spec[] = [...strings, good("undefined", () => undefined)];

/** File actions: ready, not ready, and what are none. */
const actions: Spec[] = [
  good("new", () => new mod.posix_spawn_file_actions_t()),
  bad("no actions", () => Object.create(mod.posix_spawn_file_actions_t.prototype)),
  bad("Proxy", () => new Proxy(new mod.posix_spawn_file_actions_t(), {})),
  ...[5, "x", {}, Symbol("s"), new mod.timeval()].map((value) => bad(Deno.inspect(value), () => value)),
];
const live: Spec[] = [
  good("ready", () => {
    const ready = new mod.posix_spawn_file_actions_t();
    mod.posix_spawn_file_actions_init(ready);
    mod.posix_spawn_file_actions_addopen(ready, 5, "/dev/null", mod.O_RDONLY);
    made.push(ready);
    return ready;
  }),
  ...actions,
];
const made: mod.posix_spawn_file_actions_t[] = [];

/** Gives the memory of file actions back. */
function destroyed(): void {
  for (const one of made.splice(0)) {
    try {
      mod.posix_spawn_file_actions_destroy(one);
    } catch {
      // a call has done it
    }
  }
}

const attributes = structs(() => new mod.posix_spawnattr_t());
const sets = structs(() => new mod.sigset_t());
const info = structs(() => new mod.siginfo_t());
/** Users and groups: none that would change anything. */
const user: Spec[] = wrongUint(() => 1).filter(({ name }) => name !== "-1").concat(bad("-2", () => -2));
const keeps: Spec[] = [good("-1", () => -1), ...user];
const fildes: Spec[] = [...ints(0, 5, -1, 2 ** 31 - 1), ...wrongInt(() => 5)];

const listOf = (items: Spec[]): Spec[] => [
  good("[]", () => []),
  ...items.map(({ name, make, bad }): Spec => ({ name: `[${name}]`, make: (w) => [make(w)], bad })),
  ...[null, undefined, 5, "x", {}, { length: 1 }].map((value) => bad(Deno.inspect(value), () => value)),
];
const remote: Spec[] = [
  good("[]", () => []),
  good("[[0x1000, 4]]", () => [[0x1000, 4]]),
  good("[[2n ** 64n - 1n, 2 ** 63]]", () => [[2n ** 64n - 1n, 2 ** 63]]),
  ...wrongLong(() => 4096).filter(({ name }) => name !== "2n ** 63n").map(({ name, make, bad }): Spec => ({
    name: `[[${name}, 4]]`,
    make: (w) => [[make(w), 4]],
    bad,
  })),
  ...wrongSize(() => 4).map(({ name, make, bad }): Spec => ({
    name: `[[0x1000, ${name}]]`,
    make: (w) => [[0x1000, make(w)]],
    bad,
  })),
  ...[null, undefined, 5, "x", {}, [5], [null]].map((value) => bad(Deno.inspect(value), () => value)),
];
const self: Spec[] = [good("self", () => mod.getpid()), ...ints(NOBODY, -1, 0), ...wrongInt(() => NOBODY)];
const noProcess: Spec[] = [...ints(NOBODY, -(2 ** 31)), ...wrongInt(() => NOBODY)];

export const CHILDREN: Call[] = [
  // spawn
  thin("posix_spawn", [program, [nothing, ...live], [nothing, ...attributes], strings, optional], destroyed),
  thin("posix_spawnp", [program, [nothing, ...live], [nothing, ...attributes], strings, optional], destroyed),
  thin("posix_spawn_file_actions_init", [live]),
  thin("posix_spawn_file_actions_destroy", [live]),
  thin("posix_spawn_file_actions_addopen", [
    live,
    fildes,
    paths,
    int(mod.O_RDONLY, mod.O_WRONLY | mod.O_CREAT, -1),
    optionalInt(0o600),
  ]),
  thin("posix_spawn_file_actions_addclose", [live, fildes]),
  thin("posix_spawn_file_actions_adddup2", [live, stream, fildes]),
  thin("posix_spawn_file_actions_addchdir_np", [live, paths]),
  thin("posix_spawn_file_actions_addfchdir_np", [live, stream]),
  thin("posix_spawnattr_init", [attributes]),
  thin("posix_spawnattr_destroy", [attributes]),
  thin("posix_spawnattr_setflags", [attributes, int(mod.POSIX_SPAWN_SETSID, 0, -1, 0xffff, 2 ** 31 - 1)]),
  thin("posix_spawnattr_getflags", [attributes]),
  thin("posix_spawnattr_setpgroup", [attributes, int(0, -1, 2 ** 31 - 1)]),
  thin("posix_spawnattr_getpgroup", [attributes]),
  thin("posix_spawnattr_setsigdefault", [attributes, sets]),
  thin("posix_spawnattr_getsigdefault", [attributes, sets]),
  thin("posix_spawnattr_setsigmask", [attributes, sets]),
  thin("posix_spawnattr_getsigmask", [attributes, sets]),

  // unistd
  thin("execv", [program, strings]),
  thin("execvp", [program, strings]),
  thin("execvpe", [program, strings, strings]),
  thin("fexecve", [stream, strings, strings]),
  ...["gettid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "getpgrp"].map(
    (name) => thin(name, []),
  ),
  ...["setuid", "setgid", "seteuid", "setegid"].map((name) => thin(name, [keeps])),
  ...["setreuid", "setregid"].map((name) => thin(name, [keeps, keeps])),
  ...["setresuid", "setresgid"].map((name) => thin(name, [keeps, keeps, keeps])),
  thin("setgroups", [listOf(user).slice(1)]),
  thin("getpgid", [int(0, -1, NOBODY)]),
  thin("setpgid", [noProcess, int(0, -1, NOBODY)]),
  thin("getsid", [int(0, -1, NOBODY)]),

  // sys/wait: this process has no children, so it never waits
  thin("waitid", [
    int(mod.P_ALL, mod.P_PID, mod.P_PGID, 7, -1),
    uint(0, 1, 2 ** 32 - 1),
    [nothing, ...info],
    int(mod.WEXITED | mod.WNOHANG, mod.WEXITED, 0, -1),
  ]),
  thin("waitid", [int(mod.P_PIDFD), stream, [nothing, ...info], int(mod.WEXITED | mod.WNOHANG, -1)]),

  // sys/pidfd
  thin("pidfd_open", [self, optionalInt(0, mod.PIDFD_NONBLOCK, -1)], closes),
  thin("pidfd_send_signal", [stream, int(0, 65, -1), [nothing, good("undefined", () => undefined), ...info], [
    ...uint(0, 1, 2 ** 32 - 1),
    good("undefined", () => undefined),
  ]]),
  thin("pidfd_getfd", [stream, int(0, -1, 700), [...uint(0, 1), good("undefined", () => undefined)]], closes),

  // sys/prctl
  thin("prctl", [[
    ...ints(mod.PR_GET_NAME, mod.PR_GET_KEEPCAPS, mod.PR_GET_PDEATHSIG, 35, 22, -1),
    ...wrongInt(() => 3),
  ]]),
  thin("prctl", [[...ints(mod.PR_SET_NAME)], [
    good("'name'", () => "name"),
    good("'V8 x'", () => "V8 x"),
    ...[null, undefined, 5, {}, "a\0b", Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),
  thin("prctl", [
    ints(mod.PR_SET_KEEPCAPS),
    // a boolean is one
    [...ints(0, 1, 2, -1, 2 ** 53 - 1), ...wrongLong(() => 0).filter(({ name }) => name !== "true")],
  ]),

  // sys/uio
  thin("readv", [stream, listOf(buffer)]),
  thin("writev", [stream, listOf(data)]),
  thin("process_vm_readv", [self, listOf(buffer), remote, [...uint(0, 1), good("undefined", () => undefined)]]),
  thin("process_vm_writev", [self, listOf(buffer), remote, [...uint(0, 1), good("undefined", () => undefined)]]),

  // sched
  thin("unshare", [[...ints(0, 0x100, 0x400, 0x10000, -1), ...onlyWrong]]),
  thin("setns", [fdOf((w) => w.pair[1]), int(mod.CLONE_NEWIPC, 0, mod.CLONE_NEWPID, -1)]),
  thin("sched_yield", []),
  thin("sched_getaffinity", [int(0, NOBODY, -1)]),
  thin("sched_setaffinity", [noProcess, listOf([...ints(0, 1023), ...wrongInt(() => 0)])]),
];
