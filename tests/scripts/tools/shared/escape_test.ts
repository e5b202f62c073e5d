import { assert, assertEquals } from "@std/assert";
import {
  asShown,
  escaped,
  json,
  readable,
  Shown,
  shown,
  visible,
  xmlText,
} from "../../../../scripts/tools/shared/escape.ts";

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

/** Every character that has to be escaped, one of each sort, and what it becomes. */
const DANGEROUS: [character: string, shown: string][] = [
  ["\0", "\\0"],
  ["\x07", "\\x07"],
  ["\x1b", "\\e"],
  ["\x7f", "\\x7f"],
  ["\x80", "\\x80"],
  ["\x9b", "\\x9b"], // CSI
  ["\x9f", "\\x9f"],
  ["\xad", "\\xad"], // soft hyphen
  ["\u061c", "\\u061c"],
  ["\u200b", "\\u200b"],
  ["\u200d", "\\u200d"],
  ["\u200e", "\\u200e"],
  ["\u2028", "\\u2028"],
  ["\u202e", "\\u202e"],
  ["\u2066", "\\u2066"],
  ["\u2069", "\\u2069"],
  ["\u3164", "\\u3164"], // a letter that looks like a blank
  ["\ufeff", "\\ufeff"],
  ["\ud800", "\\ud800"], // half a character
  ["\u{e0041}", "\\u{e0041}"], // a tag, which cannot be seen
];

Deno.test("visible() leaves no control code, nothing that turns or hides text, and no half characters", () => {
  for (const [character, expected] of DANGEROUS) assertEquals(visible(`a${character}b`), `a${expected}b`);
  for (const text of ["žluťoučký", "e\u0301", "日本", "❤\ufe0f", "🐎", "שלום", "\ue000"]) {
    assertEquals(visible(text), text);
  }
  for (let point = 0; point <= 0x10ffff; point++) {
    const text = visible(String.fromCodePoint(point));
    // deno-lint-ignore no-control-regex -- these are what is looked for
    assert(!/[\0-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/u.test(text), `${point}`);
  }
});

Deno.test("json() escapes what is beyond 16 bits as JSON does", () => {
  for (const [character] of DANGEROUS) {
    const text = json([character]);
    assertEquals([visible(text), JSON.parse(text)], [text, [character]]);
  }
});

Deno.test("shown escapes what is put into it, once, and asShown() what is no Shown", () => {
  const name = "\x1b]0;pwned\x07\n";
  const line = shown`\x1b[1m${name}\x1b[0m ${7} ${new Shown("\x1b[2m")}`;
  assertEquals(line.text, "\x1b[1m\\e]0;pwned\\x07\\n\x1b[0m 7 \x1b[2m");
  assertEquals(asShown(line), line);
  assertEquals(asShown(name, "\n").text, "\\e]0;pwned\\x07\n");
  // a template that is not shown`` is harmless, too
  assertEquals(asShown(`${line}`).text, "\\e[1m\\e]0;pwned\\x07\\n\\e[0m 7 \\e[2m");
});

Deno.test("xmlText() leaves only what XML 1.0 allows, and the markup", () => {
  assertEquals(
    xmlText('<a b="1">\t\r\n&amp;\x01\x1b\x85\u202e\ud800\ufffe\uffff🐎</a>').replace(/\\\S*?(?=🐎)/, "…"),
    '<a b="1">\t\r\n&amp;…🐎</a>',
  );
  const forbidden = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
  for (let point = 0; point <= 0x10ffff; point++) {
    assert(!forbidden.test(xmlText(String.fromCodePoint(point))), `${point}`);
  }
});

Deno.test("ipc, demos and what they share print through terminal.ts alone, which escapes", () => {
  for (const folder of ["ipc", "demos", "shared"]) {
    const directory = new URL(`../../../../scripts/tools/${folder}/`, import.meta.url);
    for (const { name } of Deno.readDirSync(directory)) {
      if (name === "terminal.ts") continue;
      const printing = /\bconsole\.|\bDeno\.std(out|err)\.(write|writable)|\b(confirm|alert|prompt)\(/.exec(
        Deno.readTextFileSync(new URL(name, directory)),
      );
      assertEquals(printing?.[0], undefined, `${folder}/${name}`);
    }
  }
});
