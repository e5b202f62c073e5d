import { assertEquals, assertStringIncludes } from "@std/assert";
import { unicode } from "../../../../scripts/tools/trace/drawing.ts";
import type { Picture } from "../../../../scripts/tools/trace/picture.ts";
import { widthOf } from "../../../../scripts/tools/shared/layout.ts";

/** What a program of this name prints, and sends to another one. */
function pictureOf(text: string): Picture {
  const from = { id: "P1", thing: { type: "process" as const, pid: 1, program: `${text}.ts` } };
  const to = { id: "P2", thing: { type: "process" as const, pid: 2, program: "other.ts" } };
  const data = (text: string) => ({
    length: 1000,
    bytes: String.fromCharCode(...new TextEncoder().encode(text)),
  });
  return {
    lifelines: [from, to],
    steps: [
      { t: 1, from, to, dashed: false, times: 1, deed: { kind: "signal", sig: `SIG${text}` } },
      { t: 2, from, times: 1, dashed: false, deed: { kind: "print", data: data(text) } },
    ],
  };
}

/** In which columns a row has one of these characters. */
function columnsOf(row: string, signs: string): number[] {
  const characters = [...row];
  return characters.flatMap((sign, i) => signs.includes(sign) ? [widthOf(characters.slice(0, i).join(""))] : []);
}

for (const text of ["plain", "進程間通信", "🐎🐎", "a\u0301e\u0308o\u0323\u0301", "\ue000\ue001x", "❤\ufe0f 한글"]) {
  for (const columns of [120, 40, 24]) {
    Deno.test(`unicode() draws straight boxes around ${text}, within ${columns} columns`, () => {
      const art = unicode(pictureOf(text), columns);
      const rows = art.trimEnd().split("\n");
      // a box's corners, and the sides between them, are below one another
      rows.forEach((row, y) => {
        for (const left of columnsOf(row, "┌")) {
          const right = columnsOf(row, "┐").find((x) => x > left)!;
          const height = rows.slice(y).findIndex((row) => columnsOf(row, "└").includes(left));
          for (const side of rows.slice(y + 1, y + height)) {
            const sides = columnsOf(side, "│");
            assertEquals([sides.includes(left), sides.includes(right)], [true, true], art);
          }
          assertEquals(columnsOf(rows[y + height], "┘").includes(right), true, art);
        }
        assertEquals(widthOf(row) <= columns, true, art);
      });
      assertStringIncludes(art.replaceAll(/[\s│]/g, ""), [...text.replace(" ", "")][0]);
    });
  }
}
