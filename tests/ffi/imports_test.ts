import { assert, assertEquals } from "@std/assert";
import { mod, root, run } from "../support.ts";

interface Module {
  specifier: string;
  dependencies?: { code?: { specifier: string }; type?: { specifier: string } }[];
}

/** What each module of the library imports, types included. */
async function imports(): Promise<Map<string, string[]>> {
  const { stdout } = await run(Deno.execPath(), ["info", "--json", mod]);
  const { modules }: { modules: Module[] } = JSON.parse(stdout);
  const name = (specifier: string) => specifier.replace(`file://${root}`, "");
  return new Map(modules.map(({ specifier, dependencies = [] }) => [
    name(specifier),
    dependencies.map(({ code, type }) => name((code ?? type)!.specifier)),
  ]));
}

/** A way from a module back to itself. */
function circle(graph: Map<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return;
    path.push(name);
    for (const next of graph.get(name) ?? []) {
      const found = visit(next);
      if (found) return found;
    }
    path.pop();
    done.add(name);
  };
  for (const name of graph.keys()) {
    const found = visit(name);
    if (found) return found;
  }
}

Deno.test("no module of ffi/ imports itself by way of others", async () => {
  const graph = await imports();
  assert(graph.get("ffi/objects/message_queue.ts")!.includes("ffi/objects/ipc_object.ts"), "it is the whole graph");
  assertEquals(circle(graph)?.join(" → "), undefined);
  const looped = new Map(graph).set("ffi/errors.ts", ["ffi/objects/socket.ts"]);
  assert(circle(looped), "a circle would be found");
});

Deno.test("pointers, and the opening of libraries, are confined to ffi/native/", () => {
  const unsafe = /Deno\s*\.\s*(dlopen|Unsafe\w+)/;
  const users = (folder: string): string[] =>
    [...Deno.readDirSync(`${root}${folder}`)].flatMap(({ name, isDirectory }) => {
      const path = `${folder}/${name}`;
      if (isDirectory) return users(path);
      return unsafe.test(Deno.readTextFileSync(`${root}${path}`)) ? [path] : [];
    });
  const found = [...users("ffi"), ...users("scripts")];
  assertEquals(found.filter((path) => !path.startsWith("ffi/native/") && !path.endsWith(".svg")), []);
  assert(found.includes("ffi/native/libc.ts"));
});

Deno.test("what is documented is what can be imported, and nothing else", async () => {
  const { stdout } = await run(Deno.execPath(), ["doc", "--json", mod]);
  const { nodes }: { nodes: Record<string, { symbols: { name: string; declarations: { kind: string }[] }[] }> } = JSON
    .parse(stdout);
  const documented = Object.values(nodes).flatMap(({ symbols }) => symbols)
    .filter(({ declarations }) => declarations.some(({ kind }) => kind !== "interface" && kind !== "typeAlias"))
    .map(({ name }) => name);
  assertEquals(Object.keys(await import(mod)).toSorted(), [...new Set(documented)].toSorted());
});
