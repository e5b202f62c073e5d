/**
 * What tests need that a machine may lack. A test says so, is skipped where it is lacking, and is named at the end of
 * the run:
 *
 *     needs("strace")("strace sees the same calls", async () => { … });
 *     needs("cc", "root", { "an x86-64 processor": Deno.build.arch === "x86_64" })("…", () => { … });
 *
 * @module
 */

/** Tells whether a command can be run, and succeeds. */
export function works(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const CHECKS = {
  cc: () => works("cc", "--version"),
  "aarch64-linux-gnu-gcc": () => works("aarch64-linux-gnu-gcc", "--version"),
  ipcrm: () => works("ipcrm", "-V"),
  ipcs: () => works("ipcs", "-V"),
  perl: () => works("perl", "-e", "1"),
  "perl with IO::Socket": () => works("perl", "-MIO::Socket", "-e", "1"), // not every Perl has its modules
  prlimit: () => works("prlimit", "--version"),
  python3: () => works("python3", "-c", "import os, pty; os.waitstatus_to_exitcode"), // 3.9 and on
  root: () => Deno.uid() === 0,
  rustc: () => works("rustc", "--version"),
  script: () => works("script", "-qec", "true", "/dev/null") && works("stty", "--version"),
  setpriv: () => works("setpriv", "--version"),
  strace: () => works("strace", "-f", "-o", "/dev/null", "true"), // where it is, it may be forbidden
  unshare: () => works("unshare", ...UNSHARE_IPC, "true"),
};

/** A program of the system's, or a right; `script` comes with `stty`, and `unshare` has to give an IPC namespace. */
export type Need = keyof typeof CHECKS;

/** What gives a command an IPC namespace of its own. */
export const UNSHARE_IPC: readonly string[] = Deno.uid() === 0 ? ["--ipc"] : ["--map-root-user", "--ipc"];

const found = new Map<Need, boolean>();

/** Tells whether it is there. */
export function has(need: Need): boolean {
  let there = found.get(need);
  if (there === undefined) found.set(need, there = CHECKS[need]());
  return there;
}

/** The environment variable with the file that the names of skipped tests are written to. */
export const SKIPPED = "IPC_PLAYGROUND_SKIPPED";

const skipped: [lack: string, test: string][] = [];

// without the gate, each file says what it skips
addEventListener("unload", () => {
  if (skipped.length === 0) return;
  const file = Deno.env.get(SKIPPED);
  if (file) Deno.writeTextFileSync(file, skipped.map((skip) => JSON.stringify(skip) + "\n").join(""), { append: true });
  else for (const line of summary(skipped)) console.warn(line);
});

/** Has the test named at the end. */
export function skip(lack: string, test: string): void {
  skipped.push([lack, test]);
}

/** What was skipped, a line for each thing that was lacking. */
export function summary(skipped: readonly [lack: string, test: string][]): string[] {
  const lacks = Map.groupBy(skipped, ([lack]) => lack);
  return [...lacks].toSorted().map(([lack, tests]) =>
    `skipped for lack of ${lack}: ${tests.length} ${tests.length === 1 ? "test" : "tests"}: ${
      tests.map(([, test]) => test).join("; ")
    }`
  );
}

/** Gives a `Deno.test` for tests that need all of this; a record says of things by their names whether they are there. */
export function needs(
  ...wanted: (Need | Readonly<Record<string, boolean>>)[]
): (name: string, fn: (t: Deno.TestContext) => void | Promise<void>) => void {
  const lacking = wanted.flatMap((need) =>
    typeof need === "string" ? has(need) ? [] : [need] : Object.keys(need).filter((name) => !need[name])
  );
  return (name, fn) => {
    if (lacking.length > 0) skip(lacking.join(" and "), name);
    Deno.test({ name, ignore: lacking.length > 0, fn });
  };
}
