/**
 * Records of any fields, and values of theirs.
 *
 * @module
 */
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
  type Field,
  i16,
  i32,
  i64,
  i8,
  long,
  padding,
  record,
  type RecordType,
  size_t,
  u16,
  u32,
  u64,
  u8,
} from "../../../mod.ts";

/** A field and a value that it can have; none for padding. */
export interface Sample {
  readonly field: Field;
  readonly value: unknown;
}

const of = <T>(field: Field, values: fc.Arbitrary<T>): fc.Arbitrary<Sample> =>
  values.map((value) => ({ field, value }));
const float = fc.float({ noNaN: true });
const bits = (field: Field, n: number, signed: boolean) =>
  of(field, fc.integer(signed ? { min: -(2 ** (n - 1)), max: 2 ** (n - 1) - 1 } : { min: 0, max: 2 ** n - 1 }));
const INTEGERS = [
  [i8, 8, true],
  [u8, 8, false],
  [i16, 16, true],
  [u16, 16, false],
  [i32, 32, true],
  [u32, 32, false],
] as const;
const WIDE = [[i64, { min: -(2n ** 63n), max: 2n ** 63n - 1n }], [u64, { min: 0n, max: 2n ** 64n - 1n }]] as const;

let constants = 0; // of C there is one of each name

const text = (size: number) =>
  fc.string({ unit: fc.constantFrom("a", "Z", " ", "ä", "世", "😀"), maxLength: size }).map((text) => {
    let short = text;
    while (new TextEncoder().encode(short).length > size) short = [...short].slice(0, -1).join("");
    return short;
  });

const scalar: fc.Arbitrary<Sample> = fc.oneof(
  ...INTEGERS.map(([field, n, signed]) => bits(field, n, signed)),
  ...WIDE.map(([field, range]) => of(field, fc.bigInt(range))),
  of(f32, float),
  of(f64, fc.double({ noNaN: true })),
  of(bool, fc.boolean()),
  of(long, fc.maxSafeInteger()),
  of(size_t, fc.maxSafeNat()),
  fc.integer({ min: 1, max: 20 }).chain((size) => of(char(size), text(size))),
  fc.integer({ min: 1, max: 20 }).chain((size) =>
    of(bytes(size), fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => new Uint8Array(bytes)))
  ),
  fc.constantFrom(i8, u16, i32).chain((storage) => {
    const name = `CONSTANT_${constants++}`;
    return of(enumOf({ [name]: 7, [`${name}_TOO`]: -0 }, storage), fc.constantFrom(name, `${name}_TOO`, 9));
  }),
);

const atomics: fc.Arbitrary<Sample> = fc.oneof(
  ...INTEGERS.map(([field, n, signed]) => bits(atomic(field), n, signed)),
  ...WIDE.map(([field, range]) => of(atomic(field), fc.bigInt(range))),
);

/** Any field, of so many levels; atomic ones only where they can lie. */
function sample(depth: number, packed: boolean): fc.Arbitrary<Sample> {
  const simple = packed ? scalar : fc.oneof({ weight: 4, arbitrary: scalar }, { weight: 1, arbitrary: atomics });
  if (depth === 0) return simple;
  const inner = sample(depth - 1, packed);
  return fc.oneof(
    { weight: 4, arbitrary: simple },
    {
      weight: 1,
      // all elements are as the first
      arbitrary: fc.tuple(inner, fc.integer({ min: 1, max: 4 })).map(([{ field, value }, length]) => ({
        field: array(field, length),
        value: Array(length).fill(value),
      })),
    },
    { weight: 1, arbitrary: samples(depth - 1, packed).map(({ record, value }) => ({ field: record, value })) },
  );
}

/** A record and a value of it. */
export interface RecordSample {
  readonly record: RecordType;
  readonly value: Record<string, unknown>;
}

function samples(depth: number, packed: boolean): fc.Arbitrary<RecordSample> {
  const gap = fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }) },
  );
  const fields = fc.array(fc.tuple(sample(depth, packed), gap, fc.boolean()), { minLength: 1, maxLength: 8 });
  return fc.tuple(fields, gap).map(([list, rest]) => {
    const fields: Record<string, Field> = {};
    const value: Record<string, unknown> = {};
    let end = 0;
    list.forEach(([{ field, value: one }, gap, explicit], n) => {
      const align = packed ? 1 : field.align;
      const at = Math.ceil((end + gap) / align) * align;
      if (gap > 0 && !explicit) fields[`hole${n}`] = padding(gap);
      fields[`field${n}`] = gap > 0 && explicit ? atOffset(at, field) : field;
      value[`field${n}`] = one;
      end = at + field.size;
    });
    const { size, align } = record(fields, { packed });
    return { record: record(fields, { packed, size: size + rest * align }), value };
  });
}

/** Any record. */
export const anyRecord: fc.Arbitrary<RecordSample> = fc.oneof(
  { weight: 3, arbitrary: samples(2, false) },
  { weight: 1, arbitrary: samples(2, true) },
);
