/**
 * Arguments that are numbers, right and wrong.
 *
 * @module
 */
import { NOBODYS_KEY, type World } from "./_world.ts";

/** An argument. */
export interface Spec {
  readonly name: string;
  make(w: World): unknown;
  /** No call may take it for a value. */
  readonly bad?: boolean;
}

export const good = (name: string, make: (w: World) => unknown): Spec => ({ name, make });
export const bad = (name: string, make: (w: World) => unknown): Spec => ({ name, make, bad: true });
export const ints = (...values: unknown[]): Spec[] => values.map((value) => good(Deno.inspect(value), () => value));

/** Other things that JavaScript, or V8's fast path to a native function, would take for the number. */
function lookalikes(base: (w: World) => number): Spec[] {
  return [
    bad("n + 0.5", (w) => base(w) + 0.5),
    bad("'n'", (w) => String(base(w))),
    bad("[n]", (w) => [base(w)]),
    bad("{ valueOf: n }", (w) => ({ valueOf: () => base(w) })),
    bad("new Number(n)", (w) => new Number(base(w))),
    bad("NaN", () => NaN),
    bad("Infinity", () => Infinity),
    bad("-Infinity", () => -Infinity),
    bad("null", () => null),
    bad("true", () => true),
    bad("''", () => ""),
    bad("{}", () => ({})),
    bad("Object.create(null)", () => Object.create(null)),
    bad("Symbol()", () => Symbol("s")),
    bad("() => n", (w) => () => base(w)),
  ];
}

export const wrongInt = (base: (w: World) => number): Spec[] => [
  ...lookalikes(base),
  bad("n + 2^32", (w) => base(w) + 2 ** 32),
  bad("n - 2^32", (w) => base(w) - 2 ** 32),
  bad("n + 2^53", (w) => base(w) + 2 ** 53),
  bad("2^31", () => 2 ** 31),
  bad("-2^31 - 1", () => -(2 ** 31) - 1),
  bad("2^60", () => 2 ** 60),
  bad("BigInt(n)", (w) => BigInt(base(w))),
];
export const wrongUint = (base: (w: World) => number): Spec[] => [
  ...wrongInt(base).filter(({ name }) => name !== "2^31"),
  bad("-1", () => -1),
];
export const wrongKey = wrongUint(() => NOBODYS_KEY).filter(({ name }) => name !== "-1");
export const wrongSize = (base: (w: World) => number): Spec[] => [
  ...lookalikes(base),
  bad("-1", () => -1),
  bad("2^64", () => 2 ** 64),
  bad("BigInt(n)", (w) => BigInt(base(w))),
];
export const wrongLong = (base: (w: World) => number): Spec[] => [
  ...lookalikes(base),
  bad("2^53", () => 2 ** 53),
  bad("2^64", () => 2 ** 64),
  bad("2n ** 63n", () => 2n ** 63n),
];

export const int = (...values: number[]): Spec[] => [...ints(...values), ...wrongInt(() => values[0])];
/** An int where leaving it out means something. */
export const optionalInt = (...values: number[]): Spec[] => [...int(...values), ...ints(undefined)];
export const uint = (...values: number[]): Spec[] => [...ints(...values), ...wrongUint(() => values[0])];
export const flags = int;

const idOf = (own: (w: World) => number): Spec[] => [
  good("own", own),
  good("removed", (w) => w.removed),
  ...ints(-1, 2 ** 31 - 1, -(2 ** 31)),
  ...wrongInt(own),
  bad("undefined", () => undefined),
];
export const shmid = idOf((w) => w.shmid);
export const msqid = idOf((w) => w.msqid);
export const semid = idOf((w) => w.semid);

export const fdOf = (own: (w: World) => number): Spec[] => [
  good("own", own),
  ...ints(-1, 4096, 2 ** 31 - 1, -(2 ** 31), (1 << 20) + 1),
  ...wrongInt(own),
  bad("undefined", () => undefined),
];
export const stream = fdOf((w) => w.pair[1]);
export const datagram = fdOf((w) => w.datagrams[1]);
export const listener = fdOf((w) => w.listener);

export const nothing = good("null", () => null);
/** What must stay out of exit, raise and the like: those that mean something. */
export const onlyWrong = wrongInt(() => 0);
/** For options, where `null` is as good as nothing. */
export const orNull = (list: Spec[]): Spec[] =>
  list.map((spec) => spec.name === "null" ? good("null", () => null) : spec);
export const mode = orNull([
  ...ints(undefined, 0o600, 0, 0o777),
  ...wrongUint(() => 0o600),
  bad("0o1000", () => 0o1000),
]);
