import { assert, assertEquals } from "@std/assert";
import { escaped, json, readable, visible } from "../../../../scripts/tools/shared/escape.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("escaped() and readable() leave text as it is, but nothing that could steer the terminal", () => {
  assertEquals(escaped(bytes("žluťoučký 🐎\n")), "žluťoučký 🐎\\n");
  assertEquals(readable(bytes("a\tb\n\x1b[0m\u202e")), "a\tb\n\\e[0m\\u202e");
  assertEquals(escaped(new Uint8Array([0x41, 0x9b, 0xff, 0])), "A\\x9b\\xff\\0");
  assertEquals(escaped(new Uint8Array()), "");
});

Deno.test("visible() escapes control codes, and leaves what is escaped already", () => {
  assertEquals(visible("\x1b]0;title\x07\u009b31m\u202e"), "\\e]0;title\\x07\\x9b31m\\u202e");
  assertEquals(visible(visible("a\r\nb")), "a\\r\\nb");
});

Deno.test("json() has no control codes, and means the same", () => {
  const value = { "\u009b31m": ["\u202e", "\x1b\x7f", "ž"], b: 1 };
  for (const indent of [undefined, 2]) {
    const text = json(value, indent);
    // deno-lint-ignore no-control-regex -- these are what is looked for
    assert(!/[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(text), text);
    assertEquals(JSON.parse(text), value);
  }
});
