// What a record is in C, Python and Rust has the same bytes: their compilers say so, of any record.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  array,
  atOffset,
  atomic,
  bool,
  bytes,
  char,
  enumOf,
  f32,
  f64,
  i32,
  i64,
  LibcError,
  long,
  padding,
  record,
  SharedMemory,
  u16,
  u32,
  u8,
} from "../../../mod.ts";
import { DESCRIPTION, type Description } from "../../../ffi/records/description.ts";
import { type RecordLanguage, textOf } from "../../../ffi/records/text.ts";
import { has, needs } from "../../needs.ts";
import { compile, run } from "../../support.ts";
import { anyRecord } from "./_random.ts";

const descriptionOf = (record: unknown) => (record as { [DESCRIPTION]: Description })[DESCRIPTION];

const Inner = record({ flags: u16, level: enumOf({ LOW: 1, HIGH: 9 }, u8) }, { name: "Inner" });
const Reading = record({
  id: i32,
  value: f64,
  name: char(16),
  samples: array(f32, 8),
  rows: array(array(u16, 3), 2),
  next: Inner,
  parts: array(Inner, 3),
  ok: bool,
  raw: bytes(3),
  far: atOffset(160, long),
  count: atomic(u32),
  type: i64, // a word of Rust's
  _rest: padding(8),
}, { name: "Reading", size: 256 });
const READING = {
  id: -7,
  value: 21.5,
  name: "hällo",
  samples: [1, 2, 3, 4, 5, 6, 7, 8.5],
  rows: [[1, 2, 3], [4, 5, 6]],
  next: { flags: 513, level: "HIGH" },
  parts: [{ flags: 1, level: "LOW" }, { flags: 2, level: 5 }, { flags: 3, level: "HIGH" }],
  ok: true,
  raw: new Uint8Array([7, 8, 9]),
  far: -(2 ** 40),
  count: 2 ** 32 - 1,
  type: -(2n ** 60n),
} as Parameters<typeof Reading.encode>[0];
const Packed = record({ a: u8, b: f64, c: Inner, d: u16 }, { name: "Packed", packed: true });

/** Records that fast-check has made, and those above. */
const many: [string, Description][] = [
  ...fc.sample(anyRecord, { numRuns: 120, seed: 4001 }).map(({ record }, n): [string, Description] => [
    `R${n}`,
    descriptionOf(record),
  ]),
  ["Packed", descriptionOf(Packed)],
];

/** A directory with the text of records in a language. */
function written(records: typeof many, language: RecordLanguage): { path: string; text: string } & Disposable {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_records_" });
  const path = `${directory}/records.${{ c: "h", python: "py", rust: "rs" }[language]}`;
  const text = textOf(records, language, "records");
  Deno.writeTextFileSync(path, text);
  return { path, text, [Symbol.dispose]: () => Deno.removeSync(directory, { recursive: true }) };
}

/** Has every number that a text claims checked, and one that is wrong found. */
async function checked(text: string, check: (text: string) => Promise<unknown>): Promise<void> {
  await check(text);
  const wrong = text.replace(/(Packed.*== )9\b/, "$110");
  assert(wrong !== text);
  await assertRejects(() => check(wrong));
}

for (const compiler of ["cc", "aarch64-linux-gnu-gcc"] as const) {
  needs(compiler)(`${compiler} gives any record the size and the offsets that it has here`, async () => {
    using file = written(many, "c");
    await checked(file.text, (text) => compile(text, "/dev/null", compiler, "-c", "-Werror", "-std=c11"));
  });
}

needs("python3")("Python's ctypes and struct give any record the size and the offsets that it has here", async () => {
  using file = written(many, "python");
  await checked(file.text, async (text) => {
    const { code, stderr } = await run("python3", ["-"], { stdin: text });
    if (code !== 0) throw new Error(stderr);
  });
});

needs("rustc")("Rust's repr(C) gives any record the size and the offsets that it has here", async () => {
  using file = written(many, "rust");
  await checked(file.text, async (text) => {
    Deno.writeTextFileSync(file.path, text);
    const flags = ["--edition=2021", "--crate-type=lib", "--emit=metadata", "-Dwarnings"];
    const { code, stderr } = await run("rustc", [...flags, "-o", `${file.path}.rmeta`, file.path]);
    if (code !== 0) throw new Error(stderr);
  });
});

needs("cc")("C reads from a segment what is written here, and the other way round", async () => {
  using segment = SharedMemory.create(4096);
  const view = Reading.at(segment, 64);
  Reading.write(view, READING);
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_records_" });
  try {
    const source = `${Reading.text("c")}
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
int main(int argc, char *argv[])
{
  char *shm = shmat(atoi(argv[1]), NULL, 0);
  if (shm == (void *) -1) return 1;
  struct Reading *r = (struct Reading *) (shm + 64);
  printf("%d %g %s %g %g %d %d %d %d %d %d %d %d %ld %u %lld\\n", r->id, r->value, r->name, r->samples[0], r->samples[7],
    r->rows[1][0], r->next.flags, r->next.level == HIGH, r->parts[1].flags, r->parts[1].level, r->parts[2].flags, r->ok,
    r->raw[2], r->far, r->count, (long long) r->type);
  r->id = 5; r->value = -0.25; strcpy(r->name, "aus C"); r->samples[3] = 0.5f; r->rows[0][2] = 77; r->next.level = LOW;
  r->parts[2].flags = 65535; r->ok = false; r->raw[0] = 255; r->far = 1L << 50; r->count++; r->type = 6;
  return 0;
}`;
    await compile(source, `${directory}/peer`);
    const { code, stdout } = await run(`${directory}/peer`, [String(segment.id)]);
    assertEquals([code, stdout], [
      0,
      `-7 21.5 hällo 1 8.5 4 513 1 2 5 3 1 9 ${-(2 ** 40)} ${2 ** 32 - 1} ${-(2n ** 60n)}\n`,
    ]);
    assertEquals(Reading.read(view), {
      ...READING,
      id: 5,
      value: -0.25,
      name: "aus C",
      samples: [1, 2, 3, 0.5, 5, 6, 7, 8.5],
      rows: [[1, 2, 77], [4, 5, 6]],
      next: { flags: 513, level: "LOW" },
      parts: [{ flags: 1, level: "LOW" }, { flags: 2, level: 5 }, { flags: 65535, level: "HIGH" }],
      ok: false,
      raw: new Uint8Array([255, 8, 9]),
      far: 2 ** 50,
      count: 0,
      type: 6n,
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

needs("python3")("Python reads the bytes that are made here, and the other way round", async () => {
  const source = `${Reading.text("python")}
import sys
r = Reading.from_buffer_copy(bytes.fromhex("${Reading.encode(READING).toHex()}"))
print(r.id, r.value, r.name.decode(), list(r.samples), [list(row) for row in r.rows], r.next.flags, r.next.level == HIGH,
      [part.flags for part in r.parts], r.ok, list(r.raw), r.far, r.count, r.type)
values = list(Reading_struct.unpack(bytes(r)))
assert values[:3] == [-7, 21.5, "hällo".encode().ljust(16, b"\\0")], values
values[1] = 0.125
print(Reading_struct.pack(*values).hex())
r.name = b"aus Python"
r.rows[1][1] = 9
print(bytes(r).hex())
`;
  const { code, stdout, stderr } = await run("python3", ["-"], { stdin: source });
  assertEquals([code, stderr], [0, ""]);
  const [line, packed, whole] = stdout.trim().split("\n");
  assertEquals(
    line,
    `-7 21.5 hällo [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.5] [[1, 2, 3], [4, 5, 6]] 513 True [1, 2, 3] True [7, 8, 9] ` +
      `${-(2 ** 40)} ${2 ** 32 - 1} ${-(2n ** 60n)}`,
  );
  assertEquals(Reading.read(Uint8Array.fromHex(packed)), { ...READING, value: 0.125 });
  assertEquals(Reading.read(Uint8Array.fromHex(whole)), {
    ...READING,
    name: "aus Python",
    rows: [[1, 2, 3], [4, 9, 6]],
  });
});

Deno.test("what is written of any record is read again, whole and field by field", () => {
  fc.assert(
    fc.property(anyRecord, fc.integer({ min: 0, max: 3 }), ({ record, value }, more) => {
      const memory = new Uint8Array(record.size + 64);
      const at = more * 8;
      record.write(memory, value, at);
      assertEquals(record.read(memory, at), value);
      // an atomic field in a record that is packed may be anywhere
      if (at % record.align !== 0) return;
      const view = record.at(memory, at) as Record<string, unknown>;
      const plain = Object.fromEntries(
        Object.keys(value).map((name) => {
          const one = view[name] as { toArray?(): unknown };
          if (typeof one?.toArray === "function") return [name, one.toArray()];
          return [name, typeof value[name] === "object" && !(one instanceof Uint8Array) ? value[name] : one];
        }),
      );
      assertEquals(plain, value);
      const other = record.at(new Uint8Array(record.size)) as Record<string, unknown>;
      Object.assign(other, value);
      assertEquals(record.read(other), value);
      // nothing beside it was touched
      assert(memory.subarray(0, at).every((byte) => byte === 0));
      assert(memory.subarray(at + record.size).every((byte) => byte === 0));
    }),
    { seed: 4001, numRuns: 300 },
  );
});

Deno.test("a text names each record once, those that others need first, and says what is wrong", () => {
  const text = record({ a: Reading, b: Packed }, { name: "Outer" }).text("c");
  assertEquals([...text.matchAll(/^struct (?:__attribute__\(\(packed\)\) )?(\w+) \{/gm)].map(([, name]) => name), [
    "Inner",
    "Reading",
    "Packed",
    "Outer",
  ]);
  const unnamed = record({ a: record({ b: i32 }), list: array(record({ c: u8 }), 2) }, { name: "Outer" });
  for (const language of ["c", "python", "rust"] as const) {
    assert(/Outer_a\b[^]*Outer_list\b[^]*Outer\b/.test(unnamed.text(language)));
  }
  const refused = (action: () => unknown) => assertThrows(action, LibcError).message;
  assert(refused(() => record({ a: i32 }).text("c")).includes("it has no name"));
  assert(refused(() => Inner.text("java" as "c")).includes("language must be one of c, python, rust"));
  const other = record({ x: u8 }, { name: "Inner" });
  assert(
    refused(() => record({ a: Inner, b: other }, { name: "Two" }).text("c")).includes("two records are called Inner"),
  );
  const enums = record({ a: enumOf({ LOW: 1 }), b: enumOf({ LOW: 2 }) }, { name: "Two" });
  assert(refused(() => enums.text("rust")).includes("LOW is 1 in one enumeration, 2 in another"));
  const same = record({ flags: u16, level: enumOf({ LOW: 1, HIGH: 9 }, u8) }, { name: "Inner" });
  assertEquals(record({ a: Inner, b: same }, { name: "Two" }).text("c").split("struct Inner {").length, 2);
});

Deno.test("words of Python's and Rust's are names of fields all the same", async () => {
  const Words = record({ self: u8, type: u8, from: u8, None: u8, r: enumOf({ pass: 1, fn: 2 }) }, { name: "lambda" });
  if (has("python3")) {
    const { code, stderr } = await run("python3", ["-"], { stdin: Words.text("python") });
    assertEquals([code, stderr], [0, ""]);
  }
  if (has("rustc")) {
    using file = written([["lambda", descriptionOf(Words)]], "rust");
    const flags = ["--edition=2021", "--crate-type=lib", "--emit=metadata"];
    const { code, stderr } = await run("rustc", [...flags, "-o", `${file.path}.rmeta`, file.path]);
    assertEquals([code, stderr], [0, ""]);
  }
});
