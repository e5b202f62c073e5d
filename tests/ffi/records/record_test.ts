import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  array,
  atOffset,
  atomic,
  bool,
  bytes,
  char,
  close,
  enumOf,
  f32,
  f64,
  formatTraceEvent,
  ftruncate,
  i16,
  i32,
  i64,
  i8,
  LibcError,
  long,
  MAP_SHARED,
  memfd_create,
  MessageQueue,
  mmap,
  munmap,
  padding,
  PosixMessage,
  PROT_READ,
  PROT_WRITE,
  record,
  RecordType,
  SharedMemory,
  SHM_RDONLY,
  shmat,
  shmdt,
  size_t,
  trace,
  type TraceEvent,
  u16,
  u32,
  u64,
  u8,
  type ValueOf,
  type ViewOf,
} from "../../../mod.ts";
import { isEvent } from "../../../ffi/trace/shape.ts";

/** The message and the code of the error that comes. */
function refused(action: () => unknown): string {
  const error = assertThrows(action, LibcError);
  return `${error.code} ${error.message}`;
}

const Inner = record({ flags: u16 }, { name: "Inner" });
const Reading = record({
  id: i32,
  value: f64,
  name: char(16),
  samples: array(f32, 8),
  next: Inner,
  parts: array(Inner, 3),
}, { name: "Reading" });

const READING: ValueOf<typeof Reading> = {
  id: -7,
  value: 21.5,
  name: "hällo",
  samples: [1, 2, 3, 4, 5, 6, 7, 8.5],
  next: { flags: 65535 },
  parts: [{ flags: 1 }, { flags: 2 }, { flags: 3 }],
};

Deno.test("record() puts each field at a multiple of its alignment, and says where", () => {
  assertEquals(Reading.offsets, { id: 0, value: 8, name: 16, samples: 32, next: 64, parts: 66 });
  assertEquals([Reading.size, Reading.align], [72, 8]);
  assertEquals([Inner.size, Inner.align], [2, 2]);
  assert(Reading instanceof RecordType);
});

Deno.test("record() packs fields, puts them where one wants, and makes itself larger", () => {
  const packed = record({ a: u8, b: u64, c: Reading }, { packed: true });
  assertEquals([packed.offsets, packed.size, packed.align], [{ a: 0, b: 1, c: 9 }, 81, 1]);
  const placed = record({ a: u8, b: atOffset(64, i32), c: u8 }, { size: 128 });
  assertEquals([placed.offsets, placed.size, placed.align], [{ a: 0, b: 64, c: 68 }, 128, 4]);
  const odd = record({ a: u8, b: atOffset(3, f64) }, { packed: true });
  assertEquals([odd.offsets.b, odd.size], [3, 11]);
});

Deno.test("a live view reads and writes each kind of field, little-endian, and what is at the ends of its range", () => {
  const All = record({
    i8,
    u8,
    i16,
    u16,
    i32,
    u32,
    i64,
    u64,
    f32,
    f64,
    ok: bool,
    text: char(4),
    raw: bytes(3),
    state: enumOf({ IDLE: 0, BUSY: 7 }, u8),
    far: long,
    size_t,
    count: atomic(u32),
    large: atomic(i64),
    _rest: padding(4),
  });
  const memory = new Uint8Array(All.size + 8);
  const view = All.at(memory, 8);
  const ends = {
    i8: [-128, 127],
    u8: [0, 255],
    i16: [-32768, 32767],
    u16: [0, 65535],
    i32: [-(2 ** 31), 2 ** 31 - 1],
    u32: [0, 2 ** 32 - 1],
    i64: [-(2n ** 63n), 2n ** 63n - 1n],
    u64: [0n, 2n ** 64n - 1n],
    f32: [0.1, Infinity],
    f64: [0.1, -Infinity],
    ok: [true, false],
    text: ["", "ab", "äö"],
    raw: [new Uint8Array([1, 2, 3])],
    state: ["IDLE", "BUSY", 9],
    far: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    size_t: [0, Number.MAX_SAFE_INTEGER],
    count: [0, 2 ** 32 - 1],
    large: [-(2n ** 63n), 2n ** 63n - 1n],
  };
  for (const [name, values] of Object.entries(ends)) {
    for (const value of values) {
      Object.assign(view, { [name]: value });
      const expected = name === "f32" ? Math.fround(value as number) : value;
      assertEquals((view as Record<string, unknown>)[name], expected, name);
    }
  }
  view.u32 = 0x01020304;
  assertEquals([...memory.subarray(8 + All.offsets.u32, 12 + All.offsets.u32)], [4, 3, 2, 1]);
  memory[8 + All.offsets.ok] = 2;
  assertEquals(view.ok, true);
  assertEquals(view.raw === view.raw, false); // copies
  assert(!("_rest" in view) && !("_rest" in All.read(view)));
  // the memory before it is untouched
  assertEquals([...memory.subarray(0, 8)], [0, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("what a field cannot hold is an error that names it, and leaves it as it was", () => {
  const All = record({
    i8,
    u16,
    i32,
    u64,
    f32,
    ok: bool,
    text: char(4),
    raw: bytes(3),
    state: enumOf({ A: 1 }),
    far: long,
    c: atomic(i32),
  });
  const memory = new Uint8Array(All.size).fill(1);
  const view = All.at(memory) as Record<string, unknown>;
  const wrong: Record<string, unknown[]> = {
    i8: [128, -129, 0.5, NaN, "1", null, undefined, 1n, {}, Symbol("s"), { valueOf: () => 1 }],
    u16: [-1, 65536, Infinity],
    i32: [2 ** 31, 1e300],
    u64: [1, -1n, 2n ** 64n, "1"],
    f32: ["1", null, 1n],
    ok: [0, 1, "true", null],
    text: ["12345", "ääx", "a\0b", "\ud800", 5, null],
    raw: [new Uint8Array(2), new Uint8Array(4), [1, 2, 3], "abc", new Proxy(new Uint8Array(3), {})],
    state: ["B", 2 ** 31, "constructor", null],
    far: [2 ** 53, 1n],
    c: [2 ** 31, 0.5, 1n],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const message = refused(() => view[name] = value);
      assert(message.startsWith("EINVAL record: ") && message.includes(name), message);
    }
  }
  assert(memory.every((byte) => byte === 1));
});

Deno.test("−0 is 0 to an integer, and itself to a number with a fraction", () => {
  const view = record({ i: i32, f: f64 }).at(new Uint8Array(16));
  view.i = -0;
  view.f = -0;
  assert(Object.is(view.i, 0) && Object.is(view.f, -0));
});

Deno.test("write() and read() are one another's opposite; with a wrong field nothing is written", () => {
  const { proxy: revoked, revoke } = Proxy.revocable([], {});
  revoke();
  class Lying extends Float32Array {
    override get length(): never {
      throw new Error("mine");
    }
  }
  const Pair = record({ parts: array(Inner, 2) });
  const memory = new Uint8Array(200);
  Reading.write(memory, READING, 100);
  assertEquals(Reading.read(memory, 100), READING);
  assertEquals(Reading.encode(READING), memory.slice(100, 172));
  const before = memory.slice();
  const wrong: [unknown, string][] = [
    [{ ...READING, id: 0.5 }, "id must be"],
    [{ ...READING, next: { flags: -1 } }, "next.flags must be"],
    [{ ...READING, parts: [{ flags: 1 }, { flags: 2 }, { flags: 70000 }] }, "parts[2].flags must be"],
    [{ ...READING, samples: [1, 2] }, "samples must be an array of 8"],
    [{ ...READING, samples: "12345678" }, "samples must be an array of 8"],
    [{ ...READING, samples: revoked }, "samples must be an array of 8"],
    [{ ...READING, samples: new Lying(7) }, "samples must be an array of 8"],
    [{ ...READING, samples: Reading.at(new Uint8Array(Reading.size)).parts }, "samples must be an array of 8"],
    [{ ...READING, parts: Pair.at(new Uint8Array(Pair.size)).parts }, "parts must be an array of 3"],
    [{ ...READING, valu: 1 }, 'value has "valu", which is no field'],
    [{ ...READING, next: { flags: 1, more: 2 } }, 'next has "more", which is no field'],
    [{ ...READING, name: undefined }, "name is missing"],
    [null, "value must be an object"],
    [5, "value must be an object"],
    [
      new Proxy({}, {
        ownKeys: () => {
          throw new Error("mine");
        },
      }),
      "value cannot be read",
    ],
    [
      Object.defineProperty({ ...READING }, "id", {
        get: () => {
          throw new Error("mine");
        },
      }),
      "id cannot be read",
    ],
  ];
  for (const [value, why] of wrong) {
    const message = refused(() => Reading.write(memory, value as typeof READING));
    assert(message.startsWith("EINVAL Reading: ") && message.includes(why), message);
    assertThrows(() => Reading.encode(value as typeof READING), LibcError);
  }
  assertEquals(memory, before);
  Reading.write(memory, { ...READING, samples: new Lying(8) as never }); // its elements are what they are
});

Deno.test("a record's arrays take typed arrays, views of the same, and no others", () => {
  const memory = Reading.encode(READING);
  const view = Reading.at(memory);
  view.samples.write(new Float32Array(8).fill(2));
  assertEquals(view.samples.toArray(), Array(8).fill(2));
  Reading.write(view, { ...READING, samples: new Float64Array(8).fill(3) as unknown as number[] });
  assertEquals([...view.samples], Array(8).fill(3));
  const other = Reading.at(new Uint8Array(Reading.size));
  Object.assign(other, { samples: view.samples, next: view.next });
  assertEquals([other.samples.toArray(), other.next.flags], [Array(8).fill(3), 65535]);
  for (const values of [new Float32Array(7), [1], new DataView(new ArrayBuffer(8)), null, { length: 8 }]) {
    assert(refused(() => view.samples.write(values as number[])).includes("must be an array of 8"));
  }
});

Deno.test("live arrays have elements from 0 to their length, and say so", () => {
  const view = Reading.at(Reading.encode(READING));
  assertEquals([view.samples.length, view.samples.get(7), view.parts.get(2).flags], [8, 8.5, 3]);
  for (const index of [8, -1, 0.5, NaN, "0", undefined, 1n, {}, Symbol("s")] as number[]) {
    const message = refused(() => view.samples.get(index));
    assert(message.startsWith("EINVAL Reading: ") || message.startsWith("EFAULT Reading: "), message);
    assertThrows(() => view.samples.set(index, 1), LibcError);
    assertThrows(() => view.parts.get(index), LibcError);
    assertThrows(() => view.parts.cursor().get(index), LibcError);
  }
  assert(refused(() => view.samples.get(8)).includes("index must be 0 to 7, got 8"));
  assert(refused(() => view.parts.cursor().get(3)).includes("index must be 0 to 2, got 3"));
  view.parts.set(0, { flags: 9 });
  assertEquals(view.parts.toArray(), [{ flags: 9 }, { flags: 2 }, { flags: 3 }]);
  assertEquals([...view.parts].map(({ flags }) => flags), [9, 2, 3]);
});

Deno.test("arrayAt() has as many records as there is room for; a cursor has one view for all of them", () => {
  const memory = new Uint8Array(5 * Inner.size + 1);
  const list = Inner.arrayAt(memory);
  assertEquals(list.length, 5);
  const cursor = list.cursor();
  for (let i = 0; i < list.length; i++) cursor.get(i).flags = i + 1;
  assertStrictEquals(cursor.get(0), cursor.get(1));
  assert(list.get(0) !== list.get(0));
  assertEquals(list.toArray().map(({ flags }) => flags), [1, 2, 3, 4, 5]);
  assertEquals(Inner.arrayAt(memory, 2, 2).toArray(), [{ flags: 2 }, { flags: 3 }]);
  const none = Inner.arrayAt(memory, 11);
  assertEquals([none.length, none.toArray()], [0, []]);
  assert(refused(() => none.get(0)).includes("there are no elements"));
  assert(refused(() => none.cursor().get(0)).includes("there are no elements"));
  for (const [offset, length] of [[12, 0], [0, 6], [11, 1], [0, -1], [0, 0.5], [0, 2 ** 53], [-1, 1], [NaN, 1]]) {
    assertEquals(refused(() => Inner.arrayAt(memory, offset, length)).slice(0, 6), "EINVAL", `${offset} ${length}`);
  }
});

Deno.test("nested views follow the view that they are of", () => {
  const list = Reading.arrayAt(new Uint8Array(3 * Reading.size));
  const cursor = list.cursor();
  const { next, samples } = cursor.get(0);
  next.flags = 1;
  samples.set(0, 0.5);
  assertStrictEquals(cursor.get(2).next, next);
  cursor.get(2).next.flags = 3;
  cursor.get(2).samples.set(0, 2.5);
  assertEquals(list.toArray().map(({ next, samples }) => [next.flags, samples[0]]), [[1, 0.5], [0, 0], [3, 2.5]]);
});

Deno.test("all of a record's functions take a view of it in the place of memory, and no other view", () => {
  const view = Reading.at(Reading.encode(READING));
  assertEquals(Reading.read(view), READING);
  assertEquals(Inner.read(view.next), { flags: 65535 });
  Inner.write(view.parts.get(1), { flags: 8 });
  assertEquals(view.parts.get(1).flags, 8);
  assertEquals(Inner.bytes(view.parts.get(1)), new Uint8Array([8, 0]));
  Inner.bytes(view.parts.get(1))[0] = 5;
  assertEquals(view.parts.get(1).flags, 5);
  const other = view.next as unknown as ViewOf<typeof Reading>;
  for (const action of [() => Reading.read(other), () => Reading.write(other, READING), () => Reading.bytes(other)]) {
    assert(refused(action).includes("not a view of this record"));
  }
  assert(refused(() => Reading.read(view, 8)).includes("a view has no offset"));
});

Deno.test("views lie inside their memory only, and in no other than there is", () => {
  const memory = new Uint8Array(100);
  for (const offset of [29, -1, 0.5, NaN, 2 ** 53, "0", null, {}] as number[]) {
    assertEquals(refused(() => Reading.at(memory, offset)).slice(0, 6), "EINVAL");
    assertEquals(refused(() => Reading.read(memory, offset)).slice(0, 6), "EINVAL");
    assertEquals(refused(() => Reading.write(memory, READING, offset)).slice(0, 6), "EINVAL");
  }
  const none = [
    null,
    undefined,
    5,
    "text",
    {},
    [],
    new ArrayBuffer(99),
    new DataView(new ArrayBuffer(99)),
    new Float64Array(99),
  ];
  for (const value of [...none, new Proxy(memory, {}), Object.create(Uint8Array.prototype)]) {
    assertEquals(refused(() => Reading.at(value as Uint8Array)).slice(0, 6), "EFAULT");
    assertEquals(refused(() => Reading.read(value as Uint8Array)).slice(0, 6), "EFAULT");
  }
  class Liar extends Uint8Array<ArrayBuffer> {
    override get byteLength() {
      return 1000;
    }
    override get length() {
      return 1000;
    }
  }
  assertEquals(refused(() => Reading.at(new Liar(new ArrayBuffer(8)))).slice(0, 6), "EINVAL");
});

Deno.test("a view of what is gone is an error, whatever took it", () => {
  using segment = SharedMemory.create(256);
  const shared = Reading.at(segment);
  const counters = record({ n: atomic(u32), list: array(atomic(i32), 2) });
  const counter = counters.at(segment);
  const buffer = new ArrayBuffer(256, { maxByteLength: 512 });
  const shrunk = Reading.at(new Uint8Array(buffer));
  const given = new Uint8Array(256);
  const transferred = Reading.at(given);
  const elements = Reading.arrayAt(segment);
  const cursor = elements.cursor();
  shared.value = 1;
  segment.detach();
  buffer.resize(10);
  given.buffer.transfer();
  const gone: (() => unknown)[] = [shared, shrunk, transferred].flatMap((view) => [
    () => view.value,
    () => view.value = 2,
    () => view.name,
    () => view.name = "x",
    () => view.samples.get(0),
    () => view.samples.set(0, 1),
    () => view.samples.toArray(),
    () => [...view.samples],
    () => view.next.flags,
    () => view.parts.get(0).flags,
    () => Reading.read(view),
    () => Reading.write(view, READING),
  ]);
  gone.push(
    () => counter.n,
    () => counter.n = 1,
    () => counter.list.get(0),
    () => counter.list.add(0, 1),
    () => counters.add(counter, "n", 1),
    () => counters.compareExchange(counter, "n", 0, 1),
    () => cursor.get(0),
    () => elements.cursor(),
    () => elements.get(0).value,
    () => Reading.at(segment),
    () => Reading.arrayAt(segment, 0, 1),
  );
  for (const action of gone) {
    const message = refused(action);
    assert(/^(EFAULT|EINVAL) /.test(message), `${action}: ${message}`);
  }
  assertEquals(refused(() => shared.value), "EFAULT Reading: Bad address (the memory of value is gone)");
  assertEquals(Reading.bytes(shared).length, 0);
  assert(Deno.inspect(shared).includes("its memory is gone"));
});

Deno.test("records in shared memory: two attachments see one another's writes; one for reading only has views that cannot be set", () => {
  using segment = SharedMemory.create(4096);
  using other = SharedMemory.fromId(segment.id);
  using reader = SharedMemory.fromId(segment.id, { readOnly: true });
  const bytes = shmat(segment.id, null, SHM_RDONLY);
  const view = Reading.at(segment, 64);
  view.value = 0.5;
  assertEquals(Reading.at(other, 64).value, 0.5);
  assertEquals(Reading.read(reader, 64).value, 0.5);
  assertEquals(Reading.read(bytes, 64).value, 0.5);
  const readers = [Reading.at(reader, 64), Reading.at(bytes, 64), Reading.arrayAt(bytes, 64).cursor().get(0)];
  view.value = 0.75;
  view.samples.set(1, 4);
  for (const live of readers) {
    assertEquals([live.value, live.samples.get(1), [...live.samples].length], [0.75, 4, 8]);
    const writes = [
      () => live.value = 1,
      () => live.id = 1,
      () => live.name = "x",
      () => (live as unknown as { next: unknown }).next = READING.next,
      () => live.next.flags = 1,
      () => live.samples.set(0, 1),
      () => live.samples.write([1, 2, 3, 4, 5, 6, 7, 8]),
      () => Reading.write(live, READING),
      () => Reading.bytes(live),
    ];
    for (const write of writes) assertEquals(refused(write).slice(0, 6), "EACCES");
    {
      using _tracing = trace(() => {});
      for (const write of writes) assertEquals(refused(write).slice(0, 6), "EACCES");
      assertEquals(live.value, 0.75);
    }
  }
  assertEquals(refused(() => Reading.write(bytes, READING)).slice(0, 6), "EACCES");
  const Counter = record({ count: atomic(u32), more: array(atomic(i32), 2) });
  const counter = Counter.at(bytes);
  for (
    const write of [
      () => counter.count = 1,
      () => Counter.add(counter, "count", 1),
      () => Counter.compareExchange(counter, "count", 0, 1),
      () => counter.more.set(0, 1),
      () => counter.more.add(0, 1),
      () => counter.more.compareExchange(0, 0, 1),
    ]
  ) assertEquals(refused(write).slice(0, 6), "EACCES");
  Counter.at(segment).count = 7;
  assertEquals(counter.count, 7);
  shmdt(bytes);
  for (const gone of [() => readers[1].value, () => readers[1].samples.get(0), () => counter.count]) {
    assertEquals(refused(gone).slice(0, 6), "EFAULT");
  }
  assertEquals(refused(() => Reading.read(bytes)).slice(0, 6), "EINVAL");
  assertEquals(refused(() => Reading.at(bytes)).slice(0, 6), "EINVAL");
  assertEquals([readers[0].value, view.value], [0.75, 0.75]);
});

Deno.test("records: the setters of other views do not write to what may only be read", () => {
  using segment = SharedMemory.create(4096);
  const bytes = shmat(segment.id, null, SHM_RDONLY);
  try {
    const reader = Reading.at(bytes);
    const writer = Reading.at(new Uint8Array(Reading.size));
    const values: Record<string, unknown> = {
      id: 1,
      value: 2,
      name: "x",
      samples: READING.samples,
      next: READING.next,
    };
    const prototype = Object.getPrototypeOf(writer);
    const views = [reader, Reading.arrayAt(bytes).get(0), reader.samples, reader.parts.cursor(), reader.next];
    for (const [name, value] of Object.entries(values)) {
      const { set } = Object.getOwnPropertyDescriptor(prototype, name)!;
      for (const view of views) assert(/^(EACCES|EFAULT) /.test(refused(() => set!.call(view, value))), name);
    }
    const { set } = writer.samples;
    assert(/^(EACCES|EFAULT) /.test(refused(() => set.call(reader.samples, 0, 1))));
    assertEquals(reader.id, 0);
  } finally {
    shmdt(bytes);
  }
});

Deno.test("records: no class can be put above those that are handed the memory", () => {
  using segment = SharedMemory.create(4096);
  const bytes = shmat(segment.id, null, SHM_RDONLY);
  try {
    const view = Reading.at(bytes);
    let handed = 0;
    class Above {
      constructor() {
        handed++;
      }
    }
    const objects = [
      Reading,
      view,
      view.samples,
      view.parts,
      view.parts.cursor(),
      Reading.arrayAt(bytes).cursor().get(0),
    ];
    for (const object of objects) {
      for (let of = object.constructor; of !== Function.prototype; of = Object.getPrototypeOf(of)) {
        const [before, own] = [Object.getPrototypeOf(of), Reflect.setPrototypeOf(of, Above)];
        try {
          Reading.at(bytes).parts.cursor();
          assert(!own || before === Function.prototype, of.name);
        } finally {
          if (own) Object.setPrototypeOf(of, before);
        }
      }
    }
    assertEquals(handed, 0);
  } finally {
    shmdt(bytes);
  }
});

Deno.test("records: what is redefined of Uint8Array gets no bytes that may only be read", () => {
  using segment = SharedMemory.create(4096);
  const Text = record({ text: char(4) });
  Text.bytes(Text.at(segment)).set([0xff, 0x41]); // no UTF-8
  const bytes = shmat(segment.id, null, SHM_RDONLY);
  const { slice, subarray } = Uint8Array.prototype;
  const lengths: number[] = [];
  try {
    const view = Text.at(bytes);
    for (const [name, was] of Object.entries({ slice, subarray })) {
      Object.defineProperty(Uint8Array.prototype, name, {
        configurable: true,
        writable: true,
        value(this: Uint8Array, ...args: []) {
          lengths.push(this.buffer.byteLength);
          return was.apply(this, args);
        },
      });
    }
    assertEquals(view.text, "\ufffdA");
    using _tracing = trace(() => {});
    assertEquals(view.text, "\ufffdA");
  } finally {
    delete (Uint8Array.prototype as Partial<Uint8Array>).slice;
    delete (Uint8Array.prototype as Partial<Uint8Array>).subarray;
    shmdt(bytes);
  }
  assertEquals(lengths.filter((length) => length >= 4096), []);
});

Deno.test("records in a mapping: shared with others, told by a trace, an error where the file has become shorter", () => {
  const size = 2 * 65536;
  const fd = memfd_create("records");
  try {
    ftruncate(fd, size);
    const memory = mmap(null, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    const other = mmap(null, size, PROT_READ, MAP_SHARED, fd);
    const view = Reading.at(memory, 65536);
    view.value = 4.5;
    assertEquals(Reading.read(other, 65536).value, 4.5);
    const [event] = told(() => view.next.flags = 3);
    assertEquals([event.field, event.value, event.offset, event.shmid], [
      "Reading.next.flags",
      3,
      65536 + Reading.offsets.next,
      undefined,
    ]);
    const list = Reading.arrayAt(memory, 65536, 2);
    ftruncate(fd, 100);
    const gone = [
      () => view.value,
      () => view.value = 1,
      () => view.samples.get(0),
      () => list.get(1).id,
      () => list.cursor().get(1).id,
      () => Reading.read(view),
      () => Reading.write(view, READING),
      () => Reading.read(memory, 65536),
    ];
    for (const action of gone) assertEquals(refused(action).slice(0, 6), "EFAULT", String(action));
    munmap(memory);
    munmap(other);
    for (const action of gone) assert(/^(EFAULT|EINVAL) /.test(refused(action)), String(action));
  } finally {
    close(fd);
  }
});

Deno.test("records of a SharedArrayBuffer", () => {
  const view = Reading.at(new Uint8Array(new SharedArrayBuffer(128)), 8);
  Reading.write(view, READING);
  assertEquals([view.name, Reading.read(view)], ["hällo", READING]);
});

Deno.test("a record is a message's body", async () => {
  using queue = MessageQueue.create();
  queue.sendSync(Reading.encode(READING), { type: 3 });
  assertEquals(Reading.read(queue.receiveSync({ type: 3 })), READING);
  const view = Reading.at(Reading.encode(READING));
  view.id = 9;
  await queue.send(Reading.bytes(view));
  const message = await queue.receive();
  assertEquals(Reading.at(message).id, 9);
  assertEquals(Reading.read(new PosixMessage(1, Reading.encode(READING))), READING);
  queue.sendSync(new Uint8Array(8));
  assertEquals(refused(() => Reading.read(queue.receiveSync())).slice(0, 6), "EINVAL");
});

Deno.test("atomic fields: each operation gives what was before, and wraps around", () => {
  const C = record({ a: u8, n: atomic(u32), big: atomic(i64), list: array(atomic(u8), 2) }, { name: "C" });
  assertEquals(C.offsets, { a: 0, n: 4, big: 8, list: 16 });
  using segment = SharedMemory.create(C.size);
  const view = C.at(segment);
  assertEquals([C.add(view, "n", 5), C.sub(view, "n", 6), view.n], [0, 5, 2 ** 32 - 1]);
  assertEquals([C.and(view, "n", 0xff), C.or(view, "n", 0x100), C.xor(view, "n", 1), view.n], [
    2 ** 32 - 1,
    255,
    511,
    510,
  ]);
  assertEquals([C.exchange(view, "n", 1), C.compareExchange(view, "n", 2, 3), view.n], [510, 1, 1]);
  assertEquals([C.compareExchange(view, "n", 1, 3), view.n], [1, 3]);
  assertEquals([C.add(view, "big", -1n), view.big], [0n, -1n]);
  const { list } = view;
  list.set(1, 250);
  assertEquals([list.add(1, 10), list.get(1), list.sub(1, 5), list.exchange(1, 7), list.compareExchange(1, 7, 9)], [
    250,
    4,
    4,
    255,
    7,
  ]);
  assertEquals([list.and(1, 8), list.or(1, 1), list.xor(1, 1), list.toArray()], [9, 8, 9, [0, 8]]);
  for (const value of [-1, 2 ** 32, 0.5, "1", null, 1n] as number[]) {
    assertEquals(refused(() => C.add(view, "n", value)).slice(0, 6), "EINVAL");
    assertEquals(refused(() => C.compareExchange(view, "n", 1, value)).slice(0, 6), "EINVAL");
    assertEquals(refused(() => list.add(0, value)).slice(0, 6), "EINVAL");
  }
  for (const name of ["a", "list", "none", "constructor", 5, null] as unknown[] as "n"[]) {
    assert(refused(() => C.add(view, name, 1)).includes("no atomic field"));
  }
  assert(refused(() => C.add({} as typeof view, "n", 1)).includes("not a view of this record"));
});

Deno.test("atomic fields lie where they can be, or are an error", () => {
  const C = record({ n: atomic(u32) });
  assert(refused(() => C.at(new Uint8Array(8), 2)).includes("need a multiple of 4, got 2"));
  assert(refused(() => C.at(new Uint8Array(8).subarray(1))).includes("need a multiple of 4, got 1"));
  assertEquals(C.read(new Uint8Array(8), 2), { n: 0 }); // a copy is not atomic
  assert(refused(() => record({ a: u8, n: atomic(u32) }, { packed: true })).includes("n is atomic and at 1"));
  assert(refused(() => record({ a: u8, c: C }, { packed: true })).includes("c is atomic and at 1"));
  const odd = record({ n: atomic(u32), a: u8 }, { packed: true });
  assertEquals(odd.arrayAt(new Uint8Array(7)).length, 1);
  assert(refused(() => odd.arrayAt(new Uint8Array(10))).includes("elements of 5 bytes"));
  assert(refused(() => array(odd, 2)).includes("elements of 5 bytes"));
  for (const kind of [f32, long, bool, char(4), C, null, 5] as unknown[]) {
    assert(refused(() => atomic(kind as typeof i32)).includes("one of i8 to u64"));
  }
});

Deno.test("what cannot be declared is an error", () => {
  const cases: [() => unknown, string][] = [
    [() => record({}), "at least one field"],
    [() => record(null as never), "fields must be an object"],
    [() => record([i32] as never), "fields must be an object"],
    [() =>
      record(
        new Proxy({}, {
          ownKeys: () => {
            throw new Error("mine");
          },
        }),
      ), "fields cannot be read"],
    [() => record({ a: 5 as never }), "a must be the type of a field"],
    [() => record({ a: { size: 4, align: 4 } as never }), "a must be the type of a field"],
    [() => record({ a: Object.create(i32) }), "a must be the type of a field"],
    ...["1a", "a b", "", "int", "__proto__", "constructor", "ä"].map((name): [() => unknown, string] => [
      () => record(Object.fromEntries([[name, i32]])),
      "is no name for a field in C",
    ]),
    [() => record({ a: i32 }, { name: "a b" }), "name must be one that C can have"],
    [() => record({ a: i32 }, { name: 5 as never }), "name must be one that C can have"],
    [() => record({ a: i32 }, { packed: 1 as never }), "packed must be true or false"],
    [() => record({ a: i32 }, { size: 2 }), "size cannot be 2"],
    [() => record({ a: i32 }, { size: 6 }), "size cannot be 6"],
    [() => record({ a: i32 }, { size: NaN }), "size must be"],
    [() => record({ a: i32 }, { pack: true } as never), "no option"],
    [() => record({ a: i32, b: atOffset(2, i32) }), "b cannot be at 2: the fields before it end at 4"],
    [() => record({ a: u8, b: atOffset(2, i32) }), "b cannot be at 2: it has to be at a multiple of 4"],
    [() => atOffset(-1, i32), "offset must be"],
    [() => array(atOffset(4, i32), 2), "has an offset"],
    [() => array(i32, 0), "length must be 1"],
    [() => array(i32, 2 ** 20 + 1), "length must be 1 to 1048576"],
    [() => array(padding(4), 2), "padding has no elements"],
    [() => array(5 as never, 2), "kind must be the type of a field"],
    [() => char(0), "length must be 1"],
    [() => char(1.5), "length must be 1"],
    [() => bytes(NaN), "length must be 1"],
    [() => padding("4" as never), "length must be 1"],
    [() => record({ a: array(u8, 2 ** 22), b: u8 }), "bytes are more than"],
    [() => enumOf({}), "must have a constant"],
    [() => enumOf({ "a b": 1 }), "is no name in C"],
    [() => enumOf({ A: 256 }, u8), "A must be 0 to 255"],
    [() => enumOf({ A: 0.5 }), "A must be"],
    [() => enumOf({ A: 1 }, f64), "storage must be one of i8 to u32"],
    [() => enumOf(null as never), "values must be an object"],
    [() => Reflect.construct(RecordType, []), "made by record()"],
    [() => Reflect.construct(Reading.at(new Uint8Array(99)).constructor, []), "made by the at()"],
    [() => Reflect.construct(Inner.arrayAt(new Uint8Array(2)).cursor().constructor, [{}]), "made by the cursor()"],
    [() => Reflect.construct(Object.getPrototypeOf(RecordType), [{}]), "made by functions"],
  ];
  for (const [action, why] of cases) {
    const message = refused(action);
    assert(message.startsWith("EINVAL ") && message.includes(why), `${why}: ${message}`);
  }
  let deep = record({ a: u8 });
  for (let i = 0; i < 5; i++) deep = record({ a: deep }) as never;
  assert(refused(() => record({ a: deep })).includes("more than 6 levels deep"));
  assert(refused(() => array(deep, 1)).includes("more than 6 levels deep"));
});

Deno.test("large arrays are read element by element, and not whole", () => {
  const Byte = record({ b: u8 }, { name: "Byte" });
  const list = Byte.arrayAt(new Uint8Array(2 ** 23));
  assertEquals(list.get(2 ** 23 - 1).b, 0);
  assertEquals(refused(() => list.toArray()).slice(0, 5), "EFBIG");
});

Deno.test("console.log shows a record and its views", () => {
  assertEquals(Deno.inspect(Inner), "Inner { size: 2, align: 2, offsets: { flags: 0 } }");
  assertEquals(Deno.inspect(Inner.at(new Uint8Array(2))), "Inner { flags: 0 }");
  assertEquals(Deno.inspect(Inner.arrayAt(new Uint8Array(4))), "array of 2 [ { flags: 0 }, { flags: 0 } ]");
  assertEquals(Deno.inspect(Reading.at(Reading.encode(READING)).parts.get(1)), "Reading.parts[1] { flags: 2 }");
});

/** What a trace tells of accesses to a segment. */
function told(action: () => void): (TraceEvent & { ev: "memory" })[] {
  const events: TraceEvent[] = [];
  {
    using _tracing = trace((event) => events.push(event));
    action();
  }
  for (const event of events) assert(isEvent(JSON.parse(JSON.stringify(event))), Deno.inspect(event));
  return events.filter((event) => event.ev === "memory");
}

Deno.test("a trace tells accesses with the field's name and value, also of views that were made before it began", () => {
  using segment = SharedMemory.create(4096);
  const T = record({
    id: i32,
    value: f64,
    ok: bool,
    name: char(8),
    state: enumOf({ IDLE: 0, BUSY: 1 }),
    big: u64,
    samples: array(f32, 4),
    parts: array(Inner, 2),
    n: atomic(u32),
  }, { name: "T" });
  const view = T.at(segment, 8);
  const list = T.arrayAt(segment, 0, 4);
  const cursor = list.cursor();
  const events = told(() => {
    view.value = 1.5;
    assertEquals(view.value, 1.5);
    view.value = NaN;
    view.ok = true;
    view.name = "ä";
    view.state = "BUSY";
    view.big = 2n ** 63n;
    view.samples.set(3, 0.5);
    view.samples.get(3);
    view.parts.get(1).flags = 7;
    view.n = 1;
    T.add(view, "n", 2);
    T.compareExchange(view, "n", 9, 1);
    list.get(2).id = 5;
    cursor.get(3).parts.get(0).flags = 6;
    view.parts.cursor().get(1).flags = 8;
    Inner.write(view.parts.get(0), { flags: 3 });
    Inner.read(segment, 100);
    Inner.write(segment, { flags: 4 }, 102);
    Inner.encode({ flags: 1 });
    Inner.at(new Uint8Array(2)).flags = 1; // no segment
  });
  const at = (field: keyof typeof T.offsets, more = 0) => 8 + T.offsets[field] + more;
  assertEquals(events.map(formatTraceEvent).map((line) => line.replace(`shm ${segment.id} `, "")), [
    `[${at("value")}] ← T.value = 1.5`,
    `[${at("value")}] → T.value = 1.5`,
    `[${at("value")}] ← T.value = NAN`,
    `[${at("ok")}] ← T.ok = true`,
    `[${at("name")}] ← T.name = "\\303\\244"`,
    `[${at("state")}] ← T.state = BUSY`,
    `[${at("big")}] ← T.big = 9223372036854775808`,
    `[${at("samples", 12)}] ← T.samples[3] = 0.5`,
    `[${at("samples", 12)}] → T.samples[3] = 0.5`,
    `[${at("parts", 2)}] ← T.parts[1].flags = 7`,
    `[${at("n")}] ← T.n = 1`,
    `[${at("n")}] ← T.n = 3`,
    `[${at("n")}] → T.n = 3`,
    `[${2 * T.size}] ← T[2].id = 5`,
    `[${3 * T.size + T.offsets.parts}] ← T[3].parts[0].flags = 6`,
    `[${at("parts", 2)}] ← T.parts[1].flags = 8`,
    `[${at("parts")}] ← T.parts[0] = {flags=3}`,
    "[100] → Inner = {flags=0}",
    "[102] ← Inner = {flags=4}",
  ]);
  assertEquals(events[0].field, "T.value");
  assertEquals(events[0].data.length, 8);
  // and no more once it is over
  const quiet: TraceEvent[] = [];
  view.value = 2;
  assertEquals([quiet, view.value], [[], 2]);
});

Deno.test("a trace of a record without a name, of a long array, of a text that is none", () => {
  using segment = SharedMemory.create(4096);
  const L = record({ list: array(u8, 100), text: char(4) });
  const view = L.at(segment);
  segment.write(new Uint8Array([0xff, 0xfe, 0xfd, 0xfc]), 100);
  const events = told(() => {
    assertEquals(view.list.toArray().length, 100);
    assertEquals(view.text, "\ufffd\ufffd\ufffd\ufffd");
    L.read(view);
  });
  assertEquals(events.map(({ field }) => field), ["list", "text", "record"]);
  const [list, text] = events.map(formatTraceEvent);
  assert(list.endsWith(", 0, ...]"), list);
  assert(text.endsWith('text = "\\377\\376\\375\\374"'), text);
});
