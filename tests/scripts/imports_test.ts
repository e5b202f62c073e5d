import { assert, assertEquals } from "@std/assert";
import { needs } from "../needs.ts";
import { run } from "../support.ts";

const SLIDES = [...Deno.readDirSync(new URL("../../scripts", import.meta.url))].map(({ name }) => name)
  .filter((name) => /^[a-z0-9_]+\.ts$/.test(name) && name !== "ipc.ts");

for (const name of SLIDES) {
  Deno.test(`${name} runs by its name: first line, executable bits, and only mod.ts imported`, () => {
    const url = new URL(`../../scripts/${name}`, import.meta.url);
    const text = Deno.readTextFileSync(url);
    assertEquals(text.split("\n")[0], "#!/usr/bin/env -S deno run --allow-ffi");
    assertEquals(Deno.statSync(url).mode! & 0o111, 0o111);
    assertEquals([...new Set([...text.matchAll(/\bfrom "(.*)";/g)].map((match) => match[1]))], ["../mod.ts"]);
    assert(!/\bimport\(/.test(text), "nothing is imported on the way");
    assert(text.includes(`deno run --allow-ffi scripts/${name}`), "its header says how to run it");
  });
}

needs("cc")("the slide scripts import by header: each name is what C's header declares", async () => {
  const wanted = new Map<string, Set<string>>();
  for (const name of SLIDES) {
    const text = Deno.readTextFileSync(new URL(`../../scripts/${name}`, import.meta.url));
    for (const [, list, comment] of text.matchAll(/^import \{([^}]+)\} from ".*";(.*)$/gm)) {
      const header = /^ \/\/ (<[a-z/]+\.h>|not in C)$/.exec(comment)?.[1] ?? "";
      assert(header !== "", `${name}: no header for ${list}`);
      const names = list.replaceAll("type ", "").match(/\w+/g)!;
      wanted.set(header, new Set([...wanted.get(header) ?? [], ...names]));
    }
  }
  const declared = async (...headers: string[]) => {
    const stdin = headers.map((header) => `#include ${header}\n`).join("");
    const { code, stdout, stderr } = await run("cc", ["-D_GNU_SOURCE", "-x", "c", "-E", "-dD", "-"], { stdin });
    assertEquals(code, 0, stderr);
    return new Set(stdout.match(/\w+/g));
  };
  const ours = wanted.get("not in C")!;
  wanted.delete("not in C");
  for (const [header, names] of wanted) {
    assertEquals([...names.difference(await declared(header))], [], `in ${header}`);
  }
  assertEquals([...ours.intersection(await declared(...wanted.keys()))], [], "not in C");
});
