/**
 * What the command line says, and where the calls are made: in a directory that is gone at the end.
 *
 * @module
 */
import { close, dup2, LibcError, O_RDWR, open, write } from "../../mod.ts";

export const option = (name: string): string | undefined => {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? undefined : Deno.args[at + 1];
};
const OPTIONS = ["--seed", "--group", "--seconds", "--scale", "--calls"];
const FLAGS = ["--random", "--verbose", "--times", "--go-on"];
const wrong =
  Deno.args.find((arg, i) =>
    OPTIONS.includes(Deno.args[i - 1])
      ? arg.startsWith("--") || (Deno.args[i - 1] !== "--group" && !Number.isFinite(Number(arg)))
      : !OPTIONS.includes(arg) && !FLAGS.includes(arg)
  ) ?? (OPTIONS.includes(Deno.args.at(-1)!) ? Deno.args.at(-1) : undefined);
if (wrong !== undefined) {
  const known = [...OPTIONS.map((name) => `${name} ${name === "--group" ? "NAME" : "N"}`), ...FLAGS];
  console.error(`${wrong} is not understood\nusage: deno task fuzz ${known.map((name) => `[${name}]`).join(" ")}`);
  Deno.exit(2);
}

export const verbose = Deno.args.includes("--verbose");

let out = 2;

/** Says something on standard error, also when that is somewhere else. */
export function say(text: string): void {
  let rest = new TextEncoder().encode(text + "\n");
  while (rest.length > 0) {
    try {
      rest = rest.subarray(write(out, rest));
    } catch (error) {
      if (!(error instanceof LibcError) || (error.code !== "EINTR" && error.code !== "EAGAIN")) throw error;
    }
  }
}

/** Has the standard streams lead nowhere: what is printed with anything in it is for nobody to read. */
export function silence(): Disposable {
  const kept = [900, 901, 902];
  kept.forEach((fd, standard) => dup2(standard, fd));
  const nowhere = open("/dev/null", O_RDWR);
  for (const standard of [0, 1, 2]) dup2(nowhere, standard);
  close(nowhere);
  out = kept[2];
  return {
    [Symbol.dispose]() {
      kept.forEach((fd, standard) => dup2(fd, standard));
      out = 2;
      kept.forEach(close);
    },
  };
}

// who started this reads it where this was ended before it had cleaned up
const journal = Deno.env.get("IPC_PLAYGROUND_JOURNAL");
const file = journal === undefined ? undefined : Deno.openSync(journal, { write: true, append: true });

/** Notes what is there now, and would be left by a crash. */
export function note(what: string, which: number | string): void {
  file?.writeSync(new TextEncoder().encode(`${what} ${which}\n`));
}

/** Nothing of what was noted is left. */
export function noteNothing(): void {
  file?.truncateSync(0);
  note("directory", directory);
}

export const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
noteNothing();
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
Deno.chdir(directory);
