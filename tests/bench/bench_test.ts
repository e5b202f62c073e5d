import { assert, assertEquals } from "@std/assert";
import { has } from "../needs.ts";
import { root, run } from "../support.ts";

Deno.test("bench.ts --quick measures every row with every program that is installed, and writes it as JSON", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  // what it imports has been fetched for the tests themselves
  const args = ["run", "--cached-only", "--allow-all", `${root}tests/bench/bench.ts`, "--quick", "--json", file];
  const { code, stdout, stderr } = await run(Deno.execPath(), args);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const { tables, growth } = JSON.parse(await Deno.readTextFile(file));
  await Deno.remove(file);

  const rows = tables.flatMap((table: { rows: unknown[] }) => table.rows);
  for (const { name, results, goals } of rows) {
    assert(stdout.includes(name), `${name} is in the table`);
    assert(results.library.median > 0, `${name}: the library`);
    for (const { against, ratio } of goals) {
      if (against !== "C" && against !== "Python" || against === "C" && has("cc")) assert(ratio.median > 0, name);
    }
  }
  for (const { name, values, series } of growth) {
    assert(stdout.includes(name), `${name} is in the table`);
    for (const list of Object.values<unknown[]>(series)) assertEquals(list.length, values.length);
  }
  for (const line of stdout.split("\n")) {
    if (!line.startsWith("machine") && !line.startsWith("programs")) assert(line.length <= 80, line);
  }
});

Deno.test("bench.ts with an unknown option says how it is used", async () => {
  const { code, stderr } = await run(Deno.execPath(), ["run", "--allow-all", `${root}tests/bench/bench.ts`, "--fast"]);
  assertEquals(code, 2);
  assert(stderr.startsWith("usage: "), stderr);
});
