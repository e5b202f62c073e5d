import { assert, assertEquals, assertMatch } from "@std/assert";
import { needs } from "../../../needs.ts";
import { compile, type Ended, file, root, run } from "../../../support.ts";

const IPC_TS = `${root}scripts/tools/ipc/ipc.ts`;

function ipc(...args: string[]): Promise<Ended> {
  return run(Deno.execPath(), ["run", "--quiet", "--allow-all", IPC_TS, "record", ...args]);
}

/** Prints something without a word on standard error. */
async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ipc(...args);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return stdout;
}

const SOURCE = `
import { array, char, f64, i32, record, u16 } from "@mod";
export const Zone = record({ flags: u16 });
export const Reading = record({ id: i32, value: f64, name: char(16), zones: array(Zone, 2) });
export const Other = record({ a: i32, b: record({ c: i32 }) }, { name: "Renamed" });
export const none = 5, nothing = null;
`;

Deno.test("ipc record prints all records of a file in C, those that others need first, by their exports' names", async () => {
  using module = file(SOURCE);
  const text = await printed(module.path);
  assertEquals(text, await printed(module.path, "--c"));
  assertEquals([...text.matchAll(/^struct (\w+) \{/gm)].map(([, name]) => name), [
    "Renamed_b",
    "Renamed",
    "Zone",
    "Reading",
  ]);
  assertMatch(text, /^#ifndef IPC_PLAYGROUND_\w+_H\n#define IPC_PLAYGROUND_\w+_H\n[^]*\n#endif\n$/m);
});

needs("cc")("ipc record's header compiles, twice in one file", async () => {
  using module = file(SOURCE);
  const text = await printed(module.path);
  await compile(`${text}${text}int main(void) { struct Reading r = {0}; return r.zones[1].flags; }`, "/dev/null");
});

needs("python3")("ipc record --python prints what Python takes; --name one record, and those in it", async () => {
  using module = file(SOURCE);
  const text = await printed(module.path, "--python", "--name", "Reading");
  assertEquals([...text.matchAll(/^class (\w+)/gm)].map(([, name]) => name), ["Zone", "Reading"]);
  const { code, stdout } = await run("python3", ["-"], { stdin: `${text}\nprint(ctypes.sizeof(Reading))` });
  assertEquals([code, stdout], [0, "40\n"]);
  assertMatch(await printed(module.path, "--name", "Other"), /struct Renamed \{/);
});

Deno.test("ipc record --rust prints structs of repr(C), and --json the offsets", async () => {
  using module = file(SOURCE);
  const text = await printed(module.path, "--rust", "--name", "Reading");
  assertMatch(text, /#\[repr\(C\)\]\n[^]*pub struct Reading \{\n {4}pub id: i32,\n {4}pub value: f64,/);
  assertEquals(JSON.parse(await printed(module.path, "--json", "--name", "Reading")), [{
    name: "Reading",
    size: 40,
    align: 8,
    packed: false,
    fields: [
      { name: "id", offset: 0, size: 4 },
      { name: "value", offset: 8, size: 8 },
      { name: "name", offset: 16, size: 16 },
      { name: "zones", offset: 32, size: 4 },
    ],
  }]);
});

Deno.test("ipc record says in a line what is wrong", async () => {
  using module = file(SOURCE);
  using empty = file("export const none = 5;");
  using broken = file("export const = 5;");
  using throwing = file(`throw new Error("mine");`);
  using unnamed = file(`import { i32, record } from "@mod"; export default record({ a: i32 });`);
  using odd = file(`import { i32, record } from "@mod"; export const $a = record({ a: i32 });`);
  using twice = file(`
    import { i32, record, u8 } from "@mod";
    export const A = record({ a: i32 }, { name: "Same" });
    export const B = record({ a: u8 }, { name: "Same" });`);
  const cases: [args: string[], code: number, why: RegExp][] = [
    [[`${module.path}.none`], 1, /cannot be imported: Module not found/],
    [[empty.path], 1, /exports no record, such as: export const Reading = record/],
    [[broken.path], 1, /cannot be imported: /],
    [[throwing.path], 1, /cannot be imported: mine/],
    [[unnamed.path], 1, /the record exported as default needs a name/],
    [[odd.path], 1, /the record exported as \$a needs a name/],
    [[twice.path], 1, /two records are called Same/],
    [[module.path, "--name", "X"], 2, /exports no record X, only Renamed, Reading, Zone/],
    [[module.path, "--c", "--python"], 2, /cannot be used with/],
    [[module.path, "--python", "--rust"], 2, /cannot be used with/],
    [[], 2, /missing required argument/],
  ];
  for (const [args, code, why] of cases) {
    const ended = await ipc(...args);
    assertEquals([ended.code, ended.stdout], [code, ""], ended.stderr);
    assertMatch(ended.stderr, why);
    assert(code === 2 || ended.stderr.trim().split("\n").length === 1, ended.stderr);
  }
});

Deno.test("ipc record reads records that another copy of the library has made", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_copy_" });
  try {
    await run("cp", ["-r", `${root}ffi`, `${root}mod.ts`, directory]);
    using module = file(SOURCE.replace('"@mod"', JSON.stringify(`file://${directory}/mod.ts`)));
    assertMatch(await printed(module.path, "--name", "Reading"), /struct Reading \{/);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
