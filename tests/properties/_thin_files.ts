/**
 * Calls of the functions of what belongs to descriptors and files, of select and limits.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { type Call, closes, thin } from "./_calls.ts";
import { paths, structs } from "./_memory.ts";
import { bad, fdOf, good, int, ints, nothing, optionalInt, type Spec, wrongInt, wrongUint } from "./_numbers.ts";
import { directory } from "./_run.ts";
import { ignore, m, type World } from "./_world.ts";

/** A file of the run's own. */
function file(w: World): number {
  const fd = m.open(`${directory}/file`, m.O_RDWR | m.O_CREAT);
  w.own(fd);
  return fd;
}

const files: Spec[] = [...fdOf(file), good("socket", (w) => w.pair[0])];
const offsets: Spec[] = [
  ...ints(0, 1, -1, -0, 4096, 2 ** 40, -(2 ** 40), 2 ** 53 - 1, -(2 ** 53) + 1),
  ...wrongInt(() => 0).filter(({ name }) => !/2\^3[12]|BigInt/.test(name)),
];
const locks = structs(() => new mod.struct_flock(mod.F_WRLCK, mod.SEEK_SET, 1, 2));
const numbers = int(0, 1, -1, 4096, mod.O_NONBLOCK, 2 ** 31 - 1, -(2 ** 31));
const permissions = int(0o600, 0, 0o7777, -1, 2 ** 31 - 1, -(2 ** 31));
const sets: Spec[] = [nothing, ...structs(() => new mod.fd_set()), bad("undefined", () => undefined)];

/** A command of fcntl with its arguments. */
function fcntl(name: string, arg: Spec[], after?: Call["after"]): Call {
  return { name: `fcntl ${name}`, run: (_w, fd, arg) => m.fcntl(fd, m[name], arg), params: [files, arg], after };
}

export const FILES: Call[] = [
  fcntl("F_DUPFD", int(100, 0, 4096, -1, 2 ** 31 - 1), closes),
  fcntl("F_DUPFD_CLOEXEC", int(100, 0, 4096, -1), closes),
  ...["F_GETFD", "F_GETFL", "F_GETOWN", "F_GETSIG", "F_GETPIPE_SZ", "F_GET_SEALS"].map((name) =>
    fcntl(name, ints(undefined, null, 1, "x"))
  ),
  ...["F_SETFD", "F_SETPIPE_SZ", "F_ADD_SEALS"].map((name) => fcntl(name, numbers)),
  // with an owner, it would send signals
  fcntl("F_SETFL", numbers),
  fcntl("F_SETSIG", int(0, 10, 64, 65, -1, 2 ** 31 - 1)),
  fcntl("F_SETOWN", [...ints(0, 2 ** 30, -(2 ** 31)), ...wrongInt(() => 0)]),
  ...["F_GETLK", "F_SETLK", "F_SETLKW", "F_OFD_GETLK", "F_OFD_SETLK"].map((name) =>
    fcntl(name, [...locks, bad("undefined", () => undefined)])
  ),
  // another descriptor of this process may have it, and then it would wait for ever
  fcntl("F_OFD_SETLKW", locks.filter((spec) => spec.bad)),
  thin("fcntl", [files, [...ints(1024, 16, 1036, -1, 2 ** 31 - 1), ...wrongInt(() => 1)]]),
  {
    name: "new struct_flock",
    run: (_w, type, whence, start, len) => new mod.struct_flock(type, whence, start, len).l_type,
    params: [optionalInt(1, 0, -1, 32767), optionalInt(0, 9), [...offsets, ...ints(undefined)], [
      ...offsets,
      ...ints(undefined),
    ]],
  },
  thin("flock", [files, [
    ...ints(mod.LOCK_EX | mod.LOCK_NB, mod.LOCK_SH | mod.LOCK_NB, mod.LOCK_UN, 0, 64, 2 ** 31 - 1),
    ...wrongInt(() => mod.LOCK_UN),
  ]]),
  thin("pipe2", [int(mod.O_CLOEXEC, 0, mod.O_NONBLOCK | mod.O_DIRECT, -1, 1)], (ends) => {
    (ends as number[]).forEach(closes);
  }),
  thin("dup", [files], closes),
  {
    name: "dup3",
    run: (_w, oldfd, newfd, flags) => m.dup3(oldfd, newfd, flags),
    params: [
      files,
      [...ints(700, 701, -1, 2 ** 31 - 1), ...wrongInt(() => 700)],
      int(mod.O_CLOEXEC, 0, -1, 1),
    ],
    after: closes,
  },
  thin("lseek", [files, offsets, int(mod.SEEK_SET, mod.SEEK_CUR, mod.SEEK_END, mod.SEEK_DATA, mod.SEEK_HOLE, 99, -1)]),
  thin("ftruncate", [files, offsets]),
  thin("fsync", [files]),
  thin("fstat", [files, structs(() => new mod.struct_stat())]),
  thin("fchmod", [files, permissions]),
  thin("chmod", [paths.filter(({ name }) => name !== "/"), permissions]),
  {
    name: "mkfifo",
    run(_w, path, mode) {
      m.mkfifo(path, mode);
      // who opened it would wait
      ignore(() => m.unlink(path));
    },
    params: [[...paths, good("new", () => `${directory}/fifo`)], optionalInt(0o600, 0, -1, 2 ** 31 - 1)],
  },
  thin("umask", [[...ints(0o22, 0, 0o777, -1), ...wrongInt(() => 0o22)]], (before) => m.umask(before)),
  thin("chdir", [paths.filter(({ name }) => name !== "/")]),
  {
    name: "fd_set",
    run(_w, fd) {
      const set = new mod.fd_set();
      set.set(fd);
      set.clear(fd);
      return set.isset(fd);
    },
    params: [[
      ...ints(0, 1023, 64),
      ...wrongUint(() => 5),
      bad("1024", () => 1024),
      bad("undefined", () => undefined),
    ]],
  },
  {
    name: "fd_set on others",
    run: (_w, set) => mod.fd_set.prototype.isset.call(set, 5),
    params: [structs(() => new mod.fd_set()).filter((spec) => !spec.bad)],
  },
  thin("select", [[...ints(0, 1024, 64, -1), ...wrongInt(() => 0), bad("1025", () => 1025)], sets, sets, sets, [
    ...ints(0, 0.001, 1e-9, -0),
    ...wrongInt(() => 0).filter(({ bad, name }) => bad && !/2\^|0\.5|null/.test(name)),
    bad("-1", () => -1),
    bad("2^60", () => 2 ** 60),
  ]]),
  thin("getrusage", [int(0, 1, -1, 5), structs(() => new mod.rusage())]),
  thin("getrlimit", [int(mod.RLIMIT_NOFILE, 0, 15, 16, -1), structs(() => new mod.rlimit())]),
  // none that could be set
  thin("setrlimit", [
    int(mod.RLIMIT_CORE, mod.RLIMIT_AS, mod.RLIMIT_STACK, 16, -1),
    structs(() => new mod.rlimit(2n, 1n)),
  ]),
  {
    name: "new rlimit",
    run: (_w, cur, max) => new mod.rlimit(cur, max).rlim_max,
    params: [0, 1].map(() => [
      ...ints(0n, 5n, 2n ** 64n - 1n, undefined),
      ...[-1n, 2n ** 64n, 0, 1, NaN, "1", null, {}, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
    ]),
  },
];
