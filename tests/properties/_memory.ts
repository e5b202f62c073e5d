/**
 * Arguments that have memory: buffers, structures, segments, and others that only look like it; and paths.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { bad, good, ints, type Spec, wrongUint } from "./_numbers.ts";
import { directory } from "./_run.ts";
import { GUARD, NOBODYS_KEY, type World } from "./_world.ts";

export function detached(length: number): Uint8Array<ArrayBuffer> {
  const view = new Uint8Array(length);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

/** Says that it is longer than it is. */
class Liar extends Uint8Array<ArrayBuffer> {
  override get byteLength(): number {
    return 300;
  }
  override get length(): number {
    return 300;
  }
}

function liar(w: World): Uint8Array {
  const view = w.view(4);
  return new Liar(view.buffer, view.byteOffset, 4);
}

/** Answers more each time it is asked. */
function growing(w: World): Uint8Array {
  const view = w.view(4);
  let asked = 0;
  return Object.defineProperty(view, "byteLength", { get: () => asked++ === 0 ? 4 : 300 });
}

export const views: Spec[] = [
  good("Uint8Array(16)", (w) => w.view(16)),
  good("Uint8Array(0)", (w) => w.view(0)),
  good("Uint8Array(1)", (w) => w.view(1)),
  good("Uint8Array(4095)", (w) => w.view(4095)),
  good("Uint8Array(4097)", (w) => w.view(4097)),
  good("segment", (w) => w.shm), // an earlier call may have detached it
  good("shared", (w) => w.view(16, new SharedArrayBuffer(16 + 2 * GUARD))),
  good("resizable", (w) => w.view(16, new ArrayBuffer(16 + 2 * GUARD, { maxByteLength: 4096 }))),
  good("out of bounds", () => {
    const buffer = new ArrayBuffer(64, { maxByteLength: 128 });
    const view = new Uint8Array(buffer, 32, 16);
    buffer.resize(40);
    return view;
  }),
  good("shrunk", () => {
    const buffer = new ArrayBuffer(4096, { maxByteLength: 8192 });
    const view = new Uint8Array(buffer);
    buffer.resize(4);
    return view;
  }),
  good("detached", () => detached(64)),
  good("liar", liar),
  good("growing", growing),
];
const noViews: Spec[] = [
  ...[null, true, 5, {}, [1, 2], Symbol("s"), 5n].map((value) => bad(Deno.inspect(value), () => value)),
  bad("undefined", () => undefined),
  bad("Int32Array", () => new Int32Array(4)),
  bad("Float64Array", () => new Float64Array(4)),
  bad("DataView", () => new DataView(new ArrayBuffer(16))),
  bad("ArrayBuffer", () => new ArrayBuffer(16)),
  bad("Proxy", () => new Proxy(new Uint8Array(16), {})),
  bad("no Uint8Array", () => Object.create(Uint8Array.prototype)),
];
export const buffer = [...views, ...noViews, bad("'text'", () => "text")];
export const data = [
  ...views,
  ...noViews,
  good("'text'", () => "text"),
  good("''", () => ""),
  good("'世界'", () => "世界"),
];
export const length: Spec[] = [
  ...ints(undefined, 0, 1, 16, 2 ** 31, 2 ** 31 - 1),
  ...wrongUint(() => 16),
];

/** Has a structure say of itself what is not so. */
export function lying<T extends mod.Struct>(struct: T, says: Record<string, unknown>): T {
  for (const [name, value] of Object.entries(says)) Object.defineProperty(struct, name, { value });
  return struct;
}

/** A structure of a class, and what is none. */
export function structs(make: () => mod.Struct): Spec[] {
  const withBytes = (name: string, bytes: (w: World) => unknown): Spec =>
    good(name, (w) => lying(make(), { bytes: bytes(w) }));
  const fake = () => Object.create(Object.getPrototypeOf(make()));
  return [
    good(make().constructor.name, make),
    withBytes("bytes: 4", (w) => w.view(4)),
    withBytes("bytes: 0", (w) => w.view(0)),
    withBytes("bytes: detached", () => detached(300)),
    good("detached", () => {
      const struct = make();
      struct.bytes.buffer.transfer();
      return struct;
    }),
    withBytes("bytes: liar", liar),
    withBytes("bytes: growing", growing),
    withBytes("bytes: null", () => null),
    withBytes("bytes: DataView", () => new DataView(new ArrayBuffer(300))),
    withBytes("bytes: Proxy", () => new Proxy(new Uint8Array(300), {})),
    bad("no struct", fake),
    ...[5, "x", {}, [], Symbol("s"), true].map((value) => bad(Deno.inspect(value), () => value)),
  ];
}
export const operations: Spec[] = [
  good("sembuf P", () => new mod.sembuf([0, -1, mod.IPC_NOWAIT])),
  good("sembuf V", () => new mod.sembuf([0, 1], [1, 1])),
  good("sembuf 0", () => new mod.sembuf([2, 0, mod.IPC_NOWAIT])),
  good("sembuf none", () => new mod.sembuf()),
  good("sembuf 9", () => new mod.sembuf([9, 1])),
  ...structs(() => new mod.sembuf([0, 1])).slice(1),
  bad("null", () => null),
];
export const addresses: Spec[] = [
  good("127.0.0.1", (w) => w.address),
  good("::1", () => mod.sockaddr.parse("[::1]:9")),
  good("@name", () => mod.sockaddr.parse(`@ipc_playground_${NOBODYS_KEY}`)),
  good("path", () => mod.sockaddr.parse(`${directory}/none/socket`)),
  good("storage", () => new mod.sockaddr_storage()),
  good("length: 300", (w) => {
    const address = new mod.sockaddr_in();
    address.bytes.set(w.address.bytes);
    return Object.defineProperty(address, "length", { get: () => 300 });
  }),
  good("length: growing", () => {
    let asked = 0;
    return Object.defineProperty(new mod.sockaddr_in(), "length", { get: () => asked++ === 0 ? 16 : 300 });
  }),
  ...[-1, 2 ** 32 + 16, -(2 ** 32) + 300, NaN, 1.5, "16", null].map((value) =>
    good(`length: ${value}`, () => Object.defineProperty(new mod.sockaddr_in(), "length", { get: () => value }))
  ),
  ...structs(() => new mod.sockaddr_in()),
];
export const paths: Spec[] = [
  good("none", () => `${directory}/none`),
  good("''", () => ""),
  good("long", () => "x".repeat(5000)),
  good("/", () => "/"),
  bad("NUL", () => "/\0x"),
  ...[null, 5, {}, [], Symbol("s"), 5n, true].map((value) => bad(Deno.inspect(value), () => value)),
  bad("undefined", () => undefined),
];
export const memory: Spec[] = [
  good("segment", (w) => w.shm),
  good("read-only", (w) => w.readOnly),
  good("Uint8Array", (w) => w.view(16)),
  good("detached", () => detached(16)),
  bad("no memory", () => Object.create(mod.ReadOnlyMemory.prototype)),
  ...[null, 5, "x", {}, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
  bad("undefined", () => undefined),
];
