/**
 * Runs _properties.ts for as long as one likes, and cleans up behind it however it ends: when it crashes, which is what
 * it is looking for, nothing of it is left to do that itself.
 *
 *     deno task fuzz                       # all groups, once, with a seed of their own
 *     deno task fuzz --seconds 600         # again and again
 *     deno task fuzz --calls 10000000      # calls of everything that is exported
 *
 * @module
 */
import { LibcError, msgctl, semctl, shmctl } from "../../mod.ts";

const IPC_RMID = 0;
const PATIENCE = 15_000; // milliseconds for what is under way to end after a signal

const journal = Deno.makeTempFileSync({ prefix: "ipc_playground_fuzz_" });
const random = Deno.args.includes("--seed") ? [] : ["--random"];
const child = new Deno.Command(Deno.execPath(), {
  args: [
    "run",
    "--allow-all",
    "--v8-flags=--single-threaded",
    new URL("./_properties.ts", import.meta.url).href,
    ...Deno.args.filter((arg) => arg !== "--random"),
    ...random,
  ],
  env: { IPC_PLAYGROUND_JOURNAL: journal },
  stdin: "null",
}).spawn();

let patience: ReturnType<typeof setTimeout> | undefined;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => {
    try {
      child.kill(signal);
    } catch { /* it has ended */ }
    patience ??= setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  });
}
const { code, signal } = await child.status;
clearTimeout(patience);

const lines = Deno.readTextFileSync(journal).split("\n").map((line) => line.split(" "));
Deno.removeSync(journal);
const last = (what: string) => lines.findLast(([name]) => name === what)?.slice(1).join(" ");
if (code !== 0) {
  const remove: Record<string, (id: number) => unknown> = {
    shm: (id) => shmctl(id, IPC_RMID),
    msg: (id) => msgctl(id, IPC_RMID),
    sem: (id) => semctl(id, 0, IPC_RMID),
  };
  for (const [kind, id] of lines) {
    try {
      remove[kind]?.(Number(id));
    } catch (error) {
      if (!(error instanceof LibcError)) throw error; // gone already
    }
  }
  try {
    Deno.removeSync(last("directory") ?? "", { recursive: true });
  } catch { /* gone already */ }
}
if (signal !== null && patience === undefined) {
  console.error(`killed by ${signal}; to see the last call: deno task fuzz ${last("running")} --verbose`);
}
Deno.exit(code);
