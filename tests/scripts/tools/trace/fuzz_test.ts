// Whatever the bytes of a trace are: what is read of them is drawn, and what is drawn is harmless.
import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { formatTraceEvent, parseTrace } from "../../../../mod.ts";
import { mermaid, svg, unicode } from "../../../../scripts/tools/trace/drawing.ts";
import { picture } from "../../../../scripts/tools/trace/model.ts";
import { TraceReader } from "../../../../scripts/tools/trace/reader.ts";
import { event, line } from "./_odd.ts";

const SEED = 4001;

/** What steers a terminal, turns the writing direction, or is half a character. */
// deno-lint-ignore no-control-regex -- these are what is looked for
const HARMFUL = /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u;

function checkHarmless(text: string): void {
  const found = HARMFUL.exec(text);
  assert(!found, `${JSON.stringify(found?.[0])} in ${JSON.stringify(text.slice(0, 500))}`);
}

const XML =
  /<(?<tag>[a-zA-Z][\w:-]*)(?:\s+[\w:-]+="[^"<&]*(?:&(?:amp|lt|gt|quot|apos|#\d+);[^"<&]*)*")*\s*(?<empty>\/?)>|<\/(?<end>[a-zA-Z][\w:-]*)>|[^<&]+|&(?:amp|lt|gt|quot|apos|#\d+);/y;

/** Checks that a text is XML: tags that are closed in their order, no stray sign, no character that XML has not got. */
function checkXml(text: string): void {
  const open: string[] = [];
  XML.lastIndex = 0;
  for (let at = 0; at < text.length; at = XML.lastIndex) {
    const match = XML.exec(text);
    if (!match) throw new Error(`no XML from ${text.slice(at, at + 200)}`);
    const { tag, empty, end } = match.groups!;
    if (tag && !empty) open.push(tag);
    if (end) assertEquals(open.pop(), end);
  }
  assertEquals(open, []);
  assert(!/[\ufffe\uffff]/.test(text), "no characters for XML");
}

const lines = fc.array(line, { minLength: 1, maxLength: 12 });

Deno.test("parseTrace() takes every event in its form, and formatTraceEvent() makes a harmless line of it", () => {
  fc.assert(
    fc.property(event, (one) => {
      const [parsed] = parseTrace(JSON.stringify(one));
      const text = formatTraceEvent(parsed);
      checkHarmless(text);
      assert(!text.includes("\n"));
    }),
    { seed: SEED, numRuns: 2000 },
  );
  fc.assert(fc.property(line, (text) => parseTrace(text).forEach(formatTraceEvent)), { seed: SEED, numRuns: 2000 });
});

Deno.test("TraceReader and what draws make a harmless picture of whatever lines there are", () => {
  fc.assert(
    fc.property(lines, fc.boolean(), fc.constantFrom(40, 100), (texts, all, columns) => {
      const drawn = picture(parseTrace(texts.join("\n")), all);
      checkHarmless(unicode(drawn, columns));
      checkHarmless(mermaid(drawn));
      const image = svg(drawn);
      checkHarmless(image);
      checkXml(image);
      // names that Mermaid takes, on every line
      for (const row of mermaid(drawn).split("\n").slice(1, -1)) {
        assert(
          /^ {2,4}(participant \w+ as |loop ×\d+$|end$|Note over \w+: |\w+--?>>\w+: )[^;#<>%]*$/.test(
            row.replaceAll("<br/>", "").replaceAll(/(?<!%)%(?!%)/g, ""),
          ),
          row,
        );
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});

Deno.test("TraceReader reads any bytes to their end", () => {
  const path = Deno.makeTempFileSync({ prefix: "ipc_playground_" });
  try {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      lines.map((texts) => new TextEncoder().encode(texts.join("\n"))),
    );
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 4 }), (parts) => {
        Deno.writeFileSync(path, new Uint8Array());
        using reader = new TraceReader(path);
        for (const part of parts) {
          Deno.writeFileSync(path, part as Uint8Array<ArrayBuffer>, { append: true });
          reader.read();
        }
        reader.end();
        unicode(picture(reader.events), 80);
      }),
      { seed: SEED, numRuns: 200 },
    );
  } finally {
    Deno.removeSync(path);
  }
});
