/**
 * What qemu's emulation of a processor for one program cannot do, and so which tests are left out there. arm64.ts has
 * this loaded before each file of tests.
 *
 * @module
 */
import { skip } from "./needs.ts";
import { machine, root } from "./support.ts";

/** Why, and by file the tests: the names of each are checked (arm64.ts). */
export const UNABLE: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "execveat(2) in qemu, in whose place glibc starts the wrong program": {
    "tests/ffi/errno/errno_test.ts": ["fexecve() fails with E2BIG, ETXTBSY, ENOENT, ENOEXEC"],
  },
};

/** The tests of a file that are left out, and why. */
export function unable(file: string): Map<string, string> {
  const files = Object.entries(UNABLE);
  return new Map(files.flatMap(([why, tests]) => (tests[file] ?? []).map((test) => [test, why] as const)));
}

if (machine !== Deno.build.arch) {
  const { test } = Deno;
  const left = unable(Deno.mainModule.replace(`file://${root}`, ""));
  const some = (...args: Parameters<typeof test>) => {
    const name = typeof args[0] === "string" ? args[0] : args[0].name;
    const why = left.get(name!);
    if (why === undefined) return test(...args);
    skip(why, name!);
    test({ name: name!, ignore: true, fn() {} });
  };
  Object.defineProperty(Deno, "test", { value: Object.assign(some, test) });
}
