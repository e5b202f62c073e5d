import { assert, assertEquals } from "@std/assert";
import { has, needs } from "../needs.ts";
import { compile, root, run } from "../support.ts";

const bench = `${root}tests/bench/bench.ts`;
// what it imports has been fetched for the tests themselves
const quick = ["run", "--cached-only", "--allow-all", bench, "--quick"];

Deno.test("bench.ts --quick measures every row with every program that is installed, and writes it where it should", async () => {
  const directory = await Deno.makeTempDir();
  const [json, svg, readme] = ["json", "svg", "md"].map((ending) => `${directory}/results.${ending}`);
  await Deno.writeTextFile(readme, "before\n\n<!-- measured -->\nold\n<!-- /measured -->\n\nafter\n");
  const args = [...quick, "--json", json, "--svg", svg, "--readme", readme];
  const { code, stdout, stderr } = await run(Deno.execPath(), args);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const { tables, growth } = JSON.parse(await Deno.readTextFile(json));
  const [picture, text] = [await Deno.readTextFile(svg), await Deno.readTextFile(readme)];
  const formatted = await run(Deno.execPath(), ["fmt", "--no-config", "--line-width=120", "--check", readme]);
  assertEquals(formatted.code, 0, formatted.stderr);
  await Deno.remove(directory, { recursive: true });

  const rows = tables.flatMap((table: { rows: unknown[] }) => table.rows);
  for (const { name, unit, results, goals } of rows) {
    assert(stdout.includes(name), `${name} is in the table`);
    assert(text.includes(`| ${name} `), `${name} is in the README`);
    const idle = ["wakes", "percent"].includes(unit); // whoever waits has to do nothing at all
    assert(idle ? results.library.median >= 0 : results.library.median > 0, `${name}: the library`);
    for (const { against, of, ratio } of goals) {
      const there = against.startsWith("C") ? has("cc") : !["Python", "SIGCHLD"].includes(against) || has("python3");
      if (!there) continue;
      if (of !== "excess") assert(ratio.median > 0, `${name} against ${against}`);
      if (of !== "excess") assert(picture.includes(against), `${name} against ${against} is in the picture`);
    }
  }
  for (const { name, values, series } of growth) {
    assert(stdout.includes(name), `${name} is in the table`);
    for (const list of Object.values<unknown[]>(series)) assertEquals(list.length, values.length);
  }
  for (const line of stdout.split("\n")) {
    if (!/^(machine|programs|alike)/.test(line)) assert(line.length <= 80, line);
  }
  assert(/^before\n\n<!-- measured -->\n\n\| what [^]*\n\n<!-- \/measured -->\n\nafter\n$/.test(text), text);
});

Deno.test("bench.ts --only measures a part alone", async () => {
  const { code, stdout } = await run(Deno.execPath(), [...quick, "--only", "trace,overhead"]);
  assertEquals(code, 0);
  assert(stdout.includes("traced") && stdout.includes("bare symbol"), stdout);
  assert(!stdout.includes("fork +") && !stdout.includes("there and back"), stdout);
});

Deno.test("bench.ts with an option or a part that there is not says how it is used", async () => {
  for (const args of [["--fast"], ["--only", "async,slow"], ["--json"], ["--only", "async", "--readme", "README.md"]]) {
    const { code, stderr } = await run(Deno.execPath(), ["run", "--allow-all", bench, ...args]);
    assertEquals(code, 2);
    assert(stderr.startsWith("usage: "), stderr);
  }
});

needs("cc")("fork_shape.c has the mappings that it is given, and its children as many faults", async () => {
  const directory = await Deno.makeTempDir();
  const program = `${directory}/fork_shape`;
  await compile(await Deno.readTextFile(`${root}tests/bench/c/fork_shape.c`), program);
  const maps = [320, 320, 320, 0].map((written, n) => {
    const start = 0x10000000 + n * 0x100000;
    return `map ${start.toString(16)} ${(start + 0x100000).toString(16)} ${written}\n`;
  });
  const { code, stdout } = await run(program, [], { stdin: `${maps.join("")}faults 60\nfaults 0 1\nfork 0 2\n` });
  await Deno.remove(directory, { recursive: true });
  assertEquals(code, 0);
  const [faults, nanoseconds] = stdout.trim().split("\n").map(Number);
  assert(Math.abs(faults - 60) <= 5, `${faults} faults`);
  assert(nanoseconds > 0);
});
