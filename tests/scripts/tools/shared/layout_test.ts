import { assert, assertEquals } from "@std/assert";
import { cut, table, wrap } from "../../../../scripts/tools/shared/layout.ts";

Deno.test("wrap() keeps words whole where it can, and shows control codes instead of obeying them", () => {
  assertEquals(wrap("", 10), [""]);
  assertEquals(wrap("one two three", 9), ["one two", "three"]);
  assertEquals(wrap("abcdefghijkl", 5), ["abcde", "fghij", "kl"]);
  assertEquals(wrap("\x1b[2J", 10), ["\\e[2J"]);
  assertEquals(wrap("IPC_CREAT|0666, 27", 12, " |,_"), ["IPC_CREAT|", "0666, 27"]);
});

Deno.test("table() leaves out columns where the terminal is narrow, cuts the last one, and escapes", () => {
  const rows = [{ id: "7", much: "x".repeat(10), name: "\x1b[31mred\nand a long name" }];
  const columns = [
    { title: "ID", value: ({ id }: typeof rows[0]) => id, right: true, drop: 0 },
    { title: "MUCH", value: ({ much }: typeof rows[0]) => much, drop: 1 },
    { title: "NAME", value: ({ name }: typeof rows[0]) => name, drop: 0 },
  ];
  assertEquals(table(rows, columns, Infinity), [
    "ID  MUCH        NAME",
    " 7  xxxxxxxxxx  \\e[31mred\\nand a long name",
  ]);
  assertEquals(table(rows, columns, 20), ["ID  NAME", " 7  \\e[31mred\\nand …"]);
});

Deno.test("cut() counts what is shown", () => {
  assertEquals(cut("\x1b[2J", 5), "\\e[2J");
  assert([...cut("\x1b[2Jmore", 6)].length <= 6);
});
