/**
 * What the command line says, and where the calls are made: in a directory that is gone at the end.
 *
 * @module
 */

export const option = (name: string): string | undefined => {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? undefined : Deno.args[at + 1];
};
export const verbose = Deno.args.includes("--verbose");
export const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));
export const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
Deno.chdir(directory);
