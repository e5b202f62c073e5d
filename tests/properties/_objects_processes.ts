/**
 * Calls of the methods of processes. None starts a program, and only processes that have ended, or this one, are sent to.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { type Call, disposes, given, method, soon } from "./_calls.ts";
import { paths } from "./_memory.ts";
import { bad, fdOf, good, ints, orNull, type Spec, wrongInt } from "./_numbers.ts";
import { directory } from "./_run.ts";

const strings: Spec[] = [
  ...ints(undefined),
  good("[]", () => []),
  good("['x']", () => ["x"]),
  bad("[NUL]", () => ["a\0b"]),
  bad("[5]", () => [5]),
  ...[null, "x", 5, {}].map((value) => bad(Deno.inspect(value), () => value)),
];
const environment: Spec[] = [
  ...ints(undefined),
  good("{}", () => ({})),
  good("{ A }", () => ({ A: "1" })),
  bad("{ A: 5 }", () => ({ A: 5 })),
  bad("{ '=': '' }", () => ({ "=": "" })),
  ...[null, "x", 5, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
];
const streams: Spec[] = [
  ...ints(undefined, "null"),
  ...fdOf((w) => w.pair[1]).filter(({ name }) => name !== "undefined"),
];
const ended = mod.Process.spawn("true");
ended.statusSync();

export const PROCESS_OBJECTS: Call[] = [
  method(
    "Process.spawn",
    (_w, command, args, env, cwd, stdin, keep) =>
      mod.Process.spawn(command, {
        ...given("args", args),
        ...given("env", env),
        ...given("cwd", cwd),
        ...given("stdin", stdin),
        ...given("keep", keep),
      }),
    [
      [good("none", () => `${directory}/none`), ...paths.filter((spec) => spec.bad)],
      strings,
      environment,
      [...ints(undefined), ...paths.filter(({ name }) => name !== "undefined")],
      streams,
      [
        ...ints(undefined),
        ...streams.slice(2).map(({ name, make, bad }): Spec => ({ name: `[${name}]`, make: (w) => [make(w)], bad })),
        bad("5", () => 5),
      ],
    ],
    disposes,
  ),
  method("Process.fork", (_w, child) => mod.Process.fork(child), [
    [undefined, null, 5, "x", {}].map((value) => bad(Deno.inspect(value), () => value)),
  ]),
  method("Process.fromPid", (_w, pid) => mod.Process.fromPid(pid), [[
    good("self", () => mod.getpid()),
    ...ints(2 ** 31 - 1, 0, -1),
    ...wrongInt(() => mod.getpid()),
  ]], disposes),
  method("Process.kill", (_w, sig) => ended.kill(sig), [[...ints(undefined, 0, 65, -1), ...wrongInt(() => 0)]]),
  method("Process.status", (_w, options) => ended.status(options), [orNull([
    ...ints(undefined),
    good("{}", () => ({})),
    good("{ signal }", () => ({ signal: soon() })),
    bad("{ timeout }", () => ({ timeout: 1 })),
    bad("{ signal: 5 }", () => ({ signal: 5 })),
    bad("5", () => 5),
  ])]),
  method("Process.statusSync", (_w, timeout) => ended.statusSync({ ...given("timeout", timeout) }), [[
    ...ints(undefined, 0, 1),
    ...[-1, NaN, "1", null, {}, Infinity].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),
  method("Process.ended", async (_w, pid) => {
    using self = mod.Process.fromPid(pid);
    await self.ended({ signal: soon() });
  }, [[good("self", () => mod.getpid())]]),
];
