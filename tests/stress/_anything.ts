/**
 * Has a child call each function that Deno has, the thread pool being busy, and prints what became of children and
 * parent. stress_test.ts runs it: `deno run -A tests/stress/_anything.ts`.
 *
 * Among them are those that write and remove: no argument may name anything outside of the directory that is made here.
 *
 * @module
 */
import { dup2, enableFork, exit, fork, open } from "../../mod.ts";
import { end } from "./_end.ts";

enableFork();
const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
Deno.chdir(directory);
Deno.env.set("TMPDIR", directory);
Deno.writeTextFileSync("file", "text");
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const { port } = listener.addr as Deno.NetAddr;
const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("answer"));

async function works(): Promise<boolean> {
  const connection = Deno.connect({ port });
  (await listener.accept()).close();
  (await connection).close();
  const answer = await (await fetch(`http://127.0.0.1:${server.addr.port}`)).text();
  return answer === "answer" && (await new Deno.Command("true").output()).success;
}

let stop = false;
const busy = Array.from({ length: 4 }, async () => {
  while (!stop) await Deno.readTextFile("/proc/self/status");
});

const lists: unknown[][] = [
  [],
  ["file"],
  [{ port }],
  ["127.0.0.1", "A"],
  [{ hostname: "127.0.0.1", port: 0 }],
  [new Uint8Array(10)],
  ["true", {}],
];
// deno-lint-ignore no-explicit-any -- whatever there is
const places: Record<string, any> = { Deno, globalThis, subtle: crypto.subtle, stdin: Deno.stdin, stdout: Deno.stdout };
Object.assign(places, { caches, listener, console });
// as with fork(): whom a signal reaches is the program's affair
const EXCEPT = ["kill", "constructor"];

const calls: [name: string, call: () => unknown][] = [];
for (const [place, object] of Object.entries(places)) {
  const names = new Set<string>();
  for (let at = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  for (const name of names) {
    const found = Reflect.getOwnPropertyDescriptor(object, name)?.get ? undefined : read(object, name);
    if (typeof found !== "function" || EXCEPT.includes(name)) continue;
    const isClass = /^[A-Z]/.test(name);
    for (const list of lists) {
      calls.push([`${place}.${name}(${list})`, () => isClass ? new found(...list) : object[name](...list)]);
    }
  }
}

// deno-lint-ignore no-explicit-any
function read(object: any, name: string): any {
  try {
    return object[name];
  } catch {
    return undefined;
  }
}

const wrong: string[] = [];
let n = 0;
for (const [name, call] of calls) {
  const child = () => {
    dup2(open("/dev/null", 2), 0);
    dup2(0, 1);
    dup2(0, 2);
    return call();
  };
  let pid: number;
  if (n++ % 2) {
    pid = fork(() => void child());
  } else if ((pid = fork()) === 0) {
    await child();
    exit(9);
  }
  const was = end(pid);
  if (!was.startsWith("exited")) wrong.push(`${name}: ${was}`);
  if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  if (n % 100 === 0 && !await works()) wrong.push(`the parent, after ${name}`);
}
stop = true;
await Promise.all(busy);
console.log(JSON.stringify({ calls: calls.length > 1000, wrong, works: await works() }));
Deno.removeSync(directory, { recursive: true });
Deno.exit(0);
