/**
 * What the command line says, and where the calls are made: in a directory that is gone at the end.
 *
 * @module
 */

export const option = (name: string): string | undefined => {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? undefined : Deno.args[at + 1];
};
const OPTIONS = ["--seed", "--group", "--seconds", "--scale"];
const FLAGS = ["--random", "--verbose", "--times"];
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
export const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));
export const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
Deno.chdir(directory);
