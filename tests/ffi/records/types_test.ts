// The types that follow from a declaration: that this file compiles is the test.
import { assertEquals } from "@std/assert";
import {
  array,
  atOffset,
  atomic,
  type AtomicArray,
  bool,
  bytes,
  char,
  enumOf,
  type EnumValue,
  f64,
  type FieldArray,
  i32,
  padding,
  record,
  type RecordArray,
  u16,
  u64,
  type ValueOf,
  type ViewOf,
} from "../../../mod.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
const sure = <T extends true>(is: T): boolean => is;

const Inner = record({ flags: u16 });
const All = record({
  id: i32,
  value: f64,
  big: u64,
  ok: bool,
  name: char(16),
  raw: bytes(4),
  state: enumOf({ IDLE: 0, BUSY: 1 }),
  samples: array(f64, 8),
  matrix: array(array(i32, 2), 2),
  names: array(char(4), 2),
  next: Inner,
  parts: array(Inner, 3),
  count: atomic(i32),
  large: atomic(u64),
  counts: array(atomic(i32), 2),
  far: atOffset(1024, i32),
  _rest: padding(4),
});
type Value = ValueOf<typeof All>;
type View = ViewOf<typeof All>;
type InnerView = ViewOf<typeof Inner>;

Deno.test("a record's values and views have the types that follow from its fields", () => {
  sure<Same<ValueOf<typeof Inner>, { flags: number }>>(true);
  sure<Same<Value["id"] | Value["value"] | Value["far"], number>>(true);
  sure<Same<Value["big"], bigint>>(true);
  sure<Same<Value["ok"], boolean>>(true);
  sure<Same<Value["name"], string>>(true);
  sure<Same<Value["raw"], Uint8Array<ArrayBuffer>>>(true);
  sure<Same<Value["state"], EnumValue<{ readonly IDLE: 0; readonly BUSY: 1 }>>>(true);
  sure<Same<Value["samples"], number[]>>(true);
  sure<Same<Value["matrix"], number[][]>>(true);
  sure<Same<Value["next"], { flags: number }>>(true);
  sure<Same<Value["parts"], { flags: number }[]>>(true);
  sure<Same<Value["count"], number>>(true);
  sure<Same<Value["large"], bigint>>(true);
  sure<Same<"_rest" extends keyof Value ? true : false, false>>(true);
  sure<Same<View["id"], number>>(true);
  sure<Same<View["samples"], FieldArray<number, number>>>(true);
  sure<Same<View["matrix"], FieldArray<number[], FieldArray<number, number>>>>(true);
  sure<Same<View["names"], FieldArray<string, string>>>(true);
  sure<Same<View["next"]["flags"], number>>(true);
  sure<Same<View["parts"], RecordArray<{ flags: number }, InnerView>>>(true);
  sure<Same<View["counts"], AtomicArray<number>>>(true);
  sure<Same<typeof All.offsets.far, number>>(true);

  const view = All.at(new Uint8Array(All.size));
  view.state = "BUSY";
  view.state = 7;
  All.add(view, "count", 1);
  All.add(view, "large", 1n);
  const wrong = () => {
    // @ts-expect-error -- a number
    view.id = "1";
    // @ts-expect-error -- a bigint
    view.big = 1;
    // @ts-expect-error -- no such constant
    view.state = "DONE";
    // @ts-expect-error -- written by its write()
    view.samples = [];
    // @ts-expect-error -- no such field
    view.none = 1;
    // @ts-expect-error -- not atomic
    All.add(view, "id", 1);
    // @ts-expect-error -- a bigint
    All.add(view, "large", 1);
    // @ts-expect-error -- fields are missing
    All.encode({ id: 1 });
    // @ts-expect-error -- no such field
    Inner.encode({ flags: 1, more: 2 });
    // @ts-expect-error -- another record's view
    All.read(Inner.at(new Uint8Array(2)));
    // @ts-expect-error -- a field with a fraction cannot be atomic
    atomic(bool);
  };
  assertEquals([typeof wrong, view.state], ["function", 7]);
});
