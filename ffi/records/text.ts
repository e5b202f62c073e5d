/**
 * Records in other languages: a header of C, `ctypes` and `struct` of Python, `repr(C)` of Rust. Each text says for itself
 * what it relies on: where a compiler lays a field out differently, it fails.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import type { Described, DescribedField, Description } from "./description.ts";

/** The languages that records can be had in. */
export type RecordLanguage = "c" | "python" | "rust";

const LANGUAGES: readonly unknown[] = ["c", "python", "rust"] satisfies RecordLanguage[];

const PYTHON = new Set(
  ("False None True and as assert async await class def del elif except finally from global import in is lambda nonlocal " +
    "not or pass raise try with yield ctypes struct").split(" "),
);
const RUST = new Set(
  ("abstract as async await become box crate dyn final fn impl in let loop macro match mod move mut override priv pub ref " +
    "self Self super trait try true false type unsafe unsized use virtual where yield bool gen").split(" "),
);

/** All records to print, those that others need first, and what each is called. */
class Names {
  readonly records = new Map<Description, string>();
  /** Each constant's name, number and type. */
  readonly constants = new Map<string, { value: number; type: Described & { kind: "enum" } }>();
  readonly #given: ReadonlyMap<Description, string>;

  constructor(given: readonly Named[]) {
    this.#given = new Map(given.map(([name, record]) => [record, name]));
  }

  add(record: Description, name: string): void {
    if (this.records.has(record)) return;
    for (const field of record.fields) this.#type(field.type, `${name}_${field.name}`);
    for (const [other, taken] of this.records) {
      if (taken !== name) continue;
      if (JSON.stringify(other) !== JSON.stringify(record)) fail(`two records are called ${name}`);
    }
    this.records.set(record, name);
  }

  #type(type: Described, name: string): void {
    if (type.kind === "record") this.add(type.of, this.#given.get(type.of) ?? (type.of.name || name));
    if (type.kind === "array") this.#type(type.of, name);
    if (type.kind !== "enum") return;
    for (const [constant, value] of Object.entries(type.values)) {
      const known = this.constants.get(constant);
      if (known && known.value !== value) fail(`${constant} is ${known.value} in one enumeration, ${value} in another`);
      if (!known) this.constants.set(constant, { value, type });
    }
  }

  /** The records to print: one of those that are the same. */
  get printed(): [Description, string][] {
    const seen = new Set<string>();
    return [...this.records].filter(([, name]) => !seen.has(name) && seen.add(name));
  }
}

/** A record and what it is to be called. */
export type Named = readonly [name: string, record: Description];

function fail(why: string): never {
  throw new LibcError("record", "EINVAL", why);
}

/** A field, or bytes that are there to have the next one where it belongs. */
type Piece = DescribedField | { readonly name: string; readonly gap: number };

/** The fields, with what a compiler would not leave room for by itself. */
function piecesOf({ fields, size, align, packed }: Description): Piece[] {
  const names = new Set(fields.map(({ name }) => name));
  const pieces: Piece[] = [];
  let end = 0;
  let count = 0;
  const fill = (to: number, by: number) => {
    if (to === Math.ceil(end / by) * by) return;
    while (names.has(`_padding${count}`)) count++;
    pieces.push({ name: `_padding${count++}`, gap: to - end });
  };
  for (const field of fields) {
    fill(field.at, packed ? 1 : field.align);
    pieces.push(field);
    end = field.at + field.size;
  }
  fill(size, align);
  return pieces;
}

/**
 * Records in another language.
 *
 * @param records Each has a name, or is given one.
 * @param language Which language.
 * @param title What the text is about.
 * @param given The names of others that may be in them.
 */
export function textOf(
  records: readonly (Description | Named)[],
  language: RecordLanguage,
  title?: string,
  given: readonly Named[] = [],
): string {
  if (!LANGUAGES.includes(language)) fail(`language must be one of ${LANGUAGES.join(", ")}, got ${shown(language)}`);
  const list = records.map((one): Named => "fields" in one ? [one.name, one] : one);
  const names = new Names([...given, ...list]);
  for (const [name, record] of list) {
    if (!name) fail("it has no name: give it one, record({ … }, { name })");
    names.add(record, name);
  }
  const lines = { c, python, rust }[language](
    names,
    (title ?? list.map(([name]) => name).join("_")).replaceAll(/[^\w.-]+/g, "_"),
  );
  return lines.join("\n") + "\n";
}

function c(names: Names, title: string): string[] {
  const guard = `${title.replace(/^(?=\d)/, "_").replaceAll(/\W+/g, "_").toUpperCase()}_H`;
  const type = (type: Described, name: string): string => {
    switch (type.kind) {
      case "number":
        return `${type.atomic ? "_Atomic " : ""}${type.names.c} ${name}`;
      case "enum":
        return `${type.names.c} ${name}`;
      case "char":
        return `char ${name}[${type.length}]`;
      case "bytes":
      case "padding":
        return `uint8_t ${name}[${type.length}]`;
      case "array":
        return typeOf(type.of, `${name}[${type.length}]`); // the outer length comes first
      case "record":
        return `struct ${names.records.get(type.of)} ${name}`;
    }
  };
  const typeOf = type;
  const constants = [...names.constants].map(([name, { value }]) => `  ${name} = ${value},`);
  return [
    `/* ${title}: made by \`ipc record\` */`,
    `#ifndef ${guard}`,
    `#define ${guard}`,
    "",
    "#include <stdbool.h>",
    "#include <stddef.h>",
    "#include <stdint.h>",
    ...(constants.length > 0 ? ["", "enum {", ...constants, "};"] : []),
    ...names.printed.flatMap(([record, name]) => [
      "",
      `struct ${record.packed ? "__attribute__((packed)) " : ""}${name} {`,
      ...piecesOf(record).map((piece) =>
        `  ${"gap" in piece ? `uint8_t ${piece.name}[${piece.gap}]` : type(piece.type, piece.name)};`
      ),
      "};",
      `_Static_assert(sizeof(struct ${name}) == ${record.size}, "${name}");`,
      ...record.fields.map((field) =>
        `_Static_assert(offsetof(struct ${name}, ${field.name}) == ${field.at}, "${name}.${field.name}");`
      ),
    ]),
    "",
    "#endif",
  ];
}

function python(names: Names, title: string): string[] {
  const own = (name: string) => PYTHON.has(name) ? `${name}_` : name;
  const type = (type: Described): string => {
    switch (type.kind) {
      case "number":
      case "enum":
        return type.names.python;
      case "char":
        return `ctypes.c_char * ${type.length}`;
      case "bytes":
      case "padding":
        return `ctypes.c_uint8 * ${type.length}`;
      case "array":
        return `${inParentheses(typeOf(type.of))} * ${type.length}`;
      case "record":
        return own(names.records.get(type.of)!);
    }
  };
  const typeOf = type;
  const inParentheses = (text: string) => text.includes(" ") ? `(${text})` : text;
  return [
    `"""${title}: made by \`ipc record\`"""`,
    "import ctypes",
    "import struct",
    ...(names.constants.size > 0 ? [""] : []),
    ...[...names.constants].map(([name, { value }]) => `${own(name)} = ${value}`),
    ...names.printed.flatMap(([record, given]) => {
      const name = own(given);
      const format = formatOf(record);
      return [
        "",
        "",
        `class ${name}(ctypes.Structure):`,
        ...(record.packed ? ["    _pack_ = 1"] : []),
        "    _fields_ = [",
        ...piecesOf(record).map((piece) =>
          `        ("${piece.name}", ${"gap" in piece ? `ctypes.c_uint8 * ${piece.gap}` : type(piece.type)}),`
        ),
        "    ]",
        "",
        "",
        `assert ctypes.sizeof(${name}) == ${record.size}`,
        ...record.fields.map((field) => `assert getattr(${name}, "${field.name}").offset == ${field.at}`),
        ...(format === undefined ? [] : [
          `${name}_struct = struct.Struct("${format}")`,
          `assert ${name}_struct.size == ${record.size}`,
        ]),
      ];
    }),
  ];
}

const LONGEST = 10_000; // characters: for more, ctypes has to do

/** The format for Python's `struct`; undefined if it would be too long. */
function formatOf(record: Description): string | undefined {
  const whole = `<${piecesAsFormat(record)}`;
  return whole.length > LONGEST ? undefined : whole;
}

function piecesAsFormat(record: Description): string {
  let format = "";
  let end = 0;
  for (const field of record.fields) {
    if (field.at > end) format += `${field.at - end}x`;
    format += typeAsFormat(field.type);
    end = field.at + field.size;
    if (format.length > LONGEST) return format;
  }
  return record.size > end ? `${format}${record.size - end}x` : format;
}

function typeAsFormat(type: Described): string {
  switch (type.kind) {
    case "number":
    case "enum":
      return type.names.format;
    case "char":
    case "bytes":
      return `${type.length}s`;
    case "padding":
      return `${type.length}x`;
    case "array": {
      const one = typeAsFormat(type.of);
      if (/^[a-zA-Z?]$/.test(one)) return `${type.length}${one}`;
      return one.repeat(Math.min(type.length, LONGEST + 1));
    }
    case "record":
      return piecesAsFormat(type.of);
  }
}

function rust(names: Names, title: string): string[] {
  const own = (name: string) => {
    if (["self", "Self", "super", "crate", "bool", "_"].includes(name)) return `${name}_`;
    return RUST.has(name) ? `r#${name}` : name;
  };
  // what is packed cannot have in it what has an alignment of its own, as Rust's atomic types do
  const packed = [...names.records.keys()].some(({ packed }) => packed);
  const type = (type: Described): string => {
    switch (type.kind) {
      case "number":
        return type.atomic && !packed ? `core::sync::atomic::${type.names.rustAtomic}` : type.names.rust;
      case "enum":
        return type.names.rust;
      case "char":
      case "bytes":
      case "padding":
        return `[u8; ${type.length}]`;
      case "array":
        return `[${typeOf(type.of)}; ${type.length}]`;
      case "record":
        return own(names.records.get(type.of)!);
    }
  };
  const typeOf = type;
  return [
    `// ${title}: made by \`ipc record\``,
    ...[...names.constants].map(([name, { value, type }]) =>
      `#[allow(dead_code, non_upper_case_globals)]\npub const ${own(name)}: ${type.names.rust} = ${value};`
    ),
    ...names.printed.flatMap(([record, given]) => {
      const name = own(given);
      return [
        "",
        `#[repr(C${record.packed ? ", packed" : ""})]`,
        "#[allow(dead_code, non_camel_case_types, non_snake_case)]",
        `pub struct ${name} {`,
        ...piecesOf(record).map((piece) =>
          `    pub ${own(piece.name)}: ${"gap" in piece ? `[u8; ${piece.gap}]` : type(piece.type)},`
        ),
        "}",
        `const _: () = assert!(core::mem::size_of::<${name}>() == ${record.size});`,
        ...record.fields.map((field) =>
          `const _: () = assert!(core::mem::offset_of!(${name}, ${own(field.name)}) == ${field.at});`
        ),
      ];
    }),
  ];
}
