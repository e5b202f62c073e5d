/**
 * Live views of records with anything: whatever is read, written or asked for, of whatever memory, is a value or a typed
 * error, and touches no byte but the record's own.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { placedOf } from "../../ffi/records/live.ts";
import { POOL } from "./_anything.ts";
import { generator } from "./_everything.ts";
import { say, verbose } from "./_run.ts";
import { ignore, LibcError, World } from "./_world.ts";

// deno-lint-ignore no-explicit-any -- anything
type Anything = any;

const Inner = mod.record({ flags: mod.u16, count: mod.atomic(mod.u8) }, { name: "Inner" });
const FIELDS = {
  a: mod.i8,
  b: mod.u16,
  c: mod.i32,
  d: mod.u64,
  e: mod.f32,
  f: mod.f64,
  g: mod.bool,
  text: mod.char(5),
  raw: mod.bytes(3),
  state: mod.enumOf({ IDLE: 0, BUSY: 1 }),
  size: mod.size_t,
  count: mod.atomic(mod.u32),
  large: mod.atomic(mod.i64),
  numbers: mod.array(mod.f32, 3),
  counts: mod.array(mod.atomic(mod.i16), 2),
  texts: mod.array(mod.char(2), 2),
  rows: mod.array(mod.array(mod.u8, 2), 2),
  next: Inner,
  parts: mod.array(Inner, 2),
};
const All = mod.record(FIELDS, { name: "All" });
const { count: _count, large: _large, counts: _counts, next: _next, parts: _parts, ...plain } = FIELDS;
const Packed = mod.record(plain, { name: "Packed", packed: true });
const RECORDS: readonly Anything[] = [All, All, Packed, Inner];
const OPERATIONS = ["add", "sub", "and", "or", "xor", "exchange", "compareExchange"];
const LIVE = ["get", "set", "write", "toArray", "cursor", "length", ...OPERATIONS];

type Random = (below: number) => number;

/** One thing that is done with a record. */
function act(w: World, random: Random, views: Anything[]): string {
  const record = RECORDS[random(RECORDS.length)];
  const pick = <T>(list: readonly T[]) => list[random(list.length)];
  const anything = () => {
    const value = pick(POOL);
    return [value.name, value.make(w, random)] as [string, Anything];
  };
  const index = () => pick([0, 1, 2, -1, 0.5, NaN, 2 ** 32, "0", undefined] as Anything[]);
  const memory = () => pick([w.view(200), w.view(77), w.view(16), w.shm, w.segment, w.readOnly, new Uint8Array(200)]);
  const names = Object.keys(FIELDS);
  const view = views.length > 0 ? pick(views) : undefined;
  const [name, value] = anything();
  const kept = (one: Anything) => {
    if (placedOf(one)) views.push(one); // and not what was put into a view as a property of its own
  };
  switch (random(12)) {
    case 0:
      kept(record.at(memory(), pick([0, 8, 1, 64])));
      return "at";
    case 1:
      kept(record.arrayAt(memory(), pick([0, 8, 1]), pick([undefined, 0, 1, 2])));
      return "arrayAt";
    case 2: {
      const at = pick(["at", "arrayAt", "read", "write", "encode", "bytes", "text", ...OPERATIONS]);
      record[at](value, anything()[1], anything()[1]);
      return `${at}(${name})`;
    }
    case 3:
      record.write(pick([view, memory()]), value, pick([0, 1, 8]));
      return `write(${name})`;
    case 4:
      record[pick(OPERATIONS)](view, pick(names), value, value);
      return `operation ${name}`;
    case 5:
      record.read(pick([view, memory()]));
      return "read";
    case 6:
      Deno.inspect(view);
      return "inspect";
    case 7:
    case 8: {
      if (!view) return "";
      const field = pick(names);
      view[field] = pick([value, 1, 1n, "x"]);
      return `${field} = ${name}`;
    }
    case 9: {
      if (!view) return "";
      const how = pick(LIVE);
      const found = typeof view[how] === "function" ? view[how](index(), pick([value, 1, 1n]), 1) : view[how];
      if (how === "cursor" && typeof found?.get === "function") kept(found.get(index()));
      else kept(found);
      return `${how} ${name}`;
    }
    case 10: {
      // its memory goes, now and then
      if (random(20) > 0) return "";
      if (random(2)) ignore(() => mod.shmdt(w.shm));
      else ignore(() => w.segment.detach());
      return "detach";
    }
    default: {
      if (!view) return "";
      const field = pick(names);
      kept(view[field]);
      return field;
    }
  }
}

/** Does so many things. */
export function records(seed: number, calls: number): void {
  const random = generator(seed);
  const done = new Map<boolean, number>();
  for (let n = 0; n < calls;) {
    using world = new World();
    using _traced = random(8) === 0 ? mod.trace(() => {}) : undefined;
    const views: Anything[] = [];
    for (let i = 0; i < 100; i++, n++) {
      let text = "";
      let fine = true;
      try {
        text = act(world, random, views);
      } catch (error) {
        fine = false;
        if (!isLibcError(error)) throw new Error(`seed ${seed}, call ${n}`, { cause: error });
      }
      if (verbose) say(`${n} ${text}`);
      done.set(fine, (done.get(fine) ?? 0) + 1);
      views.splice(0, views.length - 20);
    }
    world.checkGuards(() => `one of the calls before ${n}`);
  }
  if ((done.get(true) ?? 0) < calls / 3 || (done.get(false) ?? 0) < calls / 20) {
    throw new Error(`of ${calls} calls ${done.get(true)} were right and ${done.get(false)} wrong: both have to be met`);
  }
}

function isLibcError(error: unknown): boolean {
  try {
    return error instanceof LibcError;
  } catch {
    return false;
  }
}
