/**
 * Runs a command and looks what it left behind: System V objects, processes, zombies, listening ports, and files of
 * the tests in /tmp.
 *
 *     deno run --allow-all tests/census.ts -- deno task check
 *
 * @module
 */
import { objects } from "./support.ts";

const MARKER = "IPC_PLAYGROUND_TEST";
const nonce = crypto.randomUUID();
const PATIENCE = 2000; // milliseconds for what is about to end
const LISTEN = "0A";

/** Runs something, or gives nothing where a process or a file has gone in the meantime. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const names = (path: string): string[] => [...attempt(() => [...Deno.readDirSync(path)]) ?? []].map(({ name }) => name);

/** What there is, each by a line that says what it is. */
function census(): Set<string> {
  const found: string[] = [];
  for (const kind of ["shm", "msg", "sem"] as const) {
    for (const { id, key } of objects(kind)) found.push(`System V object: ${kind} ${id}, key ${key}`);
  }
  const marked = new Set([Deno.pid]);
  const zombies: [pid: number, command: string, parent: number][] = [];
  for (const pid of names("/proc").map(Number).filter((pid) => pid > 0 && pid !== Deno.pid)) {
    const stat = attempt(() => Deno.readTextFileSync(`/proc/${pid}/stat`));
    const [, command, state, parent] = stat?.match(/\((.*)\) (\S) (\d+)/s) ?? [];
    if (state === "Z") {
      zombies.push([pid, command, Number(parent)]);
    } else if (attempt(() => Deno.readTextFileSync(`/proc/${pid}/environ`))?.includes(`${MARKER}=${nonce}`)) {
      marked.add(pid);
      found.push(`process: ${pid} (${command})`);
    }
  }
  // those of others are for others to reap: init's, above all, which in a container may never do so
  for (const [pid, command, parent] of zombies) {
    if (marked.has(parent)) found.push(`zombie: ${pid} (${command}) of ${parent}`);
  }
  for (const table of ["tcp", "tcp6"]) {
    for (const line of attempt(() => Deno.readTextFileSync(`/proc/net/${table}`))?.trim().split("\n").slice(1) ?? []) {
      const [, address, , state] = line.trim().split(/\s+/);
      if (state === LISTEN) found.push(`listening port: ${table} ${Number.parseInt(address.split(":").at(-1)!, 16)}`);
    }
  }
  for (const name of names("/tmp").filter((name) => name.startsWith("ipc_playground_"))) {
    found.push(`file: /tmp/${name}`);
  }
  return new Set(found);
}

const [command, ...args] = Deno.args[0] === "--" ? Deno.args.slice(1) : Deno.args;
if (!command) {
  console.error("usage: census.ts -- COMMAND [ARGUMENT…]");
  Deno.exit(2);
}

const before = census();
// the deno that runs this, wherever it is
const program = command === "deno" ? Deno.execPath() : command;
const { code } = await new Deno.Command(program, { args, env: { [MARKER]: nonce } }).spawn().status;
let left: string[];
for (const end = Date.now() + PATIENCE;;) {
  left = [...census()].filter((line) => !before.has(line));
  if (left.length === 0 || Date.now() > end) break;
  await new Promise((resolve) => setTimeout(resolve, 100));
}
if (left.length > 0) {
  console.error(`\n${command} left behind:\n${left.map((line) => `  ${line}`).join("\n")}`);
}
Deno.exit(code || (left.length > 0 ? 1 : 0));
