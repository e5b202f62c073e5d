/**
 * Calls of the functions of processes, descriptors and signals.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { type Call, closes, thin } from "./_calls.ts";
import { buffer, data, length, paths, structs } from "./_memory.ts";
import { bad, good, int, ints, nothing, onlyWrong, optionalInt, stream, wrongInt, wrongUint } from "./_numbers.ts";
import { directory } from "./_run.ts";
import { m } from "./_world.ts";

export const PROCESSES: Call[] = [
  // unistd
  thin("fork", [[
    bad("null", () => null),
    ...[5, "x", {}, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),
  thin("_exit", [onlyWrong]),
  thin("exit", [onlyWrong]),
  thin("getpid", []),
  thin("getppid", []),
  thin("pipe", [], (ends) => (ends as number[]).forEach(closes)),
  thin("read", [stream, buffer, length]),
  thin("write", [stream, data, length]),
  {
    name: "close",
    run: (_w, fd) => m.close(fd),
    // of 0, 1 and 2, and of what counts as them by a mistake, only those that no call takes
    params: [[
      good("new", (w) => {
        const fd = m.socket(m.AF_UNIX, m.SOCK_DGRAM, 0);
        w.own(fd);
        return fd;
      }),
      ...stream,
    ]],
  },
  {
    name: "dup2",
    run: (_w, oldfd, newfd) => m.dup2(oldfd, newfd),
    params: [stream, [...ints(700, 701, -1, 2 ** 31 - 1), ...wrongInt(() => 700)]],
    after: closes,
  },
  thin("sleep", [[...ints(0), ...wrongUint(() => 0)]]),
  thin("usleep", [[...ints(0, 1), ...wrongUint(() => 0)]]),
  thin("open", [
    [...paths, good("/dev/null", () => "/dev/null")],
    int(mod.O_RDONLY, mod.O_RDWR, mod.O_CLOEXEC),
    optionalInt(0o600),
  ], closes),
  thin("unlink", [paths]),
  thin("execve", [[good("none", () => `${directory}/none`), ...paths.filter((spec) => spec.bad)], [
    good("[]", () => []),
    good("['x']", () => ["x"]),
    bad("[NUL]", () => ["a\0b"]),
    bad("[5]", () => [5]),
    bad("null", () => null),
    bad("'x'", () => "x"),
    bad("5", () => 5),
  ], [good("[]", () => []), bad("[Symbol]", () => [Symbol("s")]), bad("null", () => null), bad("{}", () => ({}))]]),

  // sys/wait: this process has no children, so it never waits
  thin("wait", [[nothing, ...structs(() => new mod.WaitStatus())]]),
  thin("waitpid", [int(-1, 1, -(2 ** 31)), [nothing, ...structs(() => new mod.WaitStatus())], int(mod.WNOHANG, 0, -1)]),
  thin("wait3", [[nothing, ...structs(() => new mod.WaitStatus())], int(mod.WNOHANG, 0, -1), [
    nothing,
    ...structs(() => new mod.rusage()),
  ]]),
  thin("wait4", [int(-1, 1, -(2 ** 31)), [nothing], int(mod.WNOHANG, 0, -1), [
    nothing,
    ...structs(() => new mod.rusage()),
  ]]),
  {
    name: "WaitStatus",
    run: (_w, raw) => new mod.WaitStatus(raw).toString(),
    params: [optionalInt(0, 9, 0x7f, 0xffff)],
  },

  // signal: 0 asks whether it could be sent
  thin("kill", [[good("self", () => mod.getpid()), ...ints(2 ** 31 - 1), ...wrongInt(() => mod.getpid())], [
    ...ints(0, 65, -1, 2 ** 31 - 1),
    ...wrongInt(() => 0),
  ]]),
  thin("raise", [[...ints(0, 65, -1), ...wrongInt(() => 0)]]),
  thin("signal", [int(mod.SIGUSR1, 0, 65, -1, 32, mod.SIGKILL), [
    ...ints(mod.SIG_DFL, mod.SIG_IGN),
    good("function", () => () => {}),
    ...[null, 5, "x", {}, Symbol("s"), NaN, 1n, 2 ** 32].map((value) => bad(Deno.inspect(value), () => value)),
  ]], () => m.signal(m.SIGUSR1, m.SIG_DFL)),
  thin("signalName", [int(9, 0, -1, 99)]),
];
