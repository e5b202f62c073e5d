import { assert, assertEquals } from "@std/assert";
import { cut, table, widthOf, wrap } from "../../../../scripts/tools/shared/layout.ts";

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
  const lines = (width: number) => table(rows, columns, width).map(({ text }) => text);
  assertEquals(lines(Infinity), [
    "ID  MUCH        NAME",
    " 7  xxxxxxxxxx  \\e[31mred\\nand a long name",
  ]);
  assertEquals(lines(20), ["ID  NAME", " 7  \\e[31mred\\nand …"]);
});

Deno.test("cut() counts what is shown", () => {
  assertEquals(cut("\x1b[2J", 5), "\\e[2J");
  assert([...cut("\x1b[2Jmore", 6)].length <= 6);
});

Deno.test("cut(), wrap() and table() count columns, not characters", () => {
  assertEquals([widthOf("abc"), widthOf("日本"), widthOf("e\u0301"), widthOf("🐎x")], [3, 4, 1, 3]);
  assertEquals(cut("日本語日本語", 7), "日本語…");
  assertEquals(cut("日本語", 6), "日本語");
  assertEquals(wrap("日本語日本語", 5), ["日本", "語日", "本語"]);
  assertEquals(wrap("日本", 1), ["日", "本"]);
  assertEquals(wrap("e\u0301e\u0301 e", 2), ["e\u0301e\u0301", "e"]);
  const rows = ["日本", "abc"].map((name) => ({ name }));
  const columns = [
    { title: "N", value: ({ name }: typeof rows[0]) => name, drop: 0 },
    { title: "M", value: () => "m", drop: 0 },
  ];
  assertEquals(table(rows, columns, 80).map(({ text }) => text), ["N     M", "日本  m", "abc   m"]);
});

Deno.test("cut() and wrap() fit any width", () => {
  for (let columns = 0; columns < 12; columns++) {
    for (const text of ["", "one two", "日本語 x", "\x1b[2J\u202e", "a".repeat(30)]) {
      assert(widthOf(cut(text, columns)) <= columns, `${text} ${columns}`);
      for (const line of wrap(text, columns)) assert(widthOf(line) <= Math.max(2, columns), `${text} ${columns}`);
    }
  }
});

Deno.test("table() takes more rows than a call has arguments", () => {
  const rows = Array.from({ length: 200_000 }, () => ({ name: "x" }));
  assertEquals(table(rows, [{ title: "N", value: ({ name }) => name, drop: 0 }], 80).length, rows.length + 1);
});
