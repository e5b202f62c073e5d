/**
 * Sequences of calls on the objects of one world, and wrong ones after thousands of right ones.
 *
 * @module
 */
import fc from "fast-check";
import { type Call, perform } from "./_calls.ts";
import type { Spec } from "./_numbers.ts";
import { say, verbose } from "./_run.ts";
import { LibcError, World } from "./_world.ts";

/** Sequences of calls on the objects of one world. */
export function sequences(calls: readonly Call[]): fc.IAsyncPropertyWithHooks<[{ call: Call; specs: Spec[] }[]]> {
  const named = (call: Call, specs: Spec[]) => ({
    call,
    specs,
    [fc.toStringMethod]: () => `${call.name}(${specs.map(({ name }) => name).join(", ")})`,
  });
  const spec = (list: readonly Spec[]) => {
    const plain = list.filter((spec) => !spec.bad);
    const wrong = list.filter((spec) => spec.bad);
    if (plain.length === 0) return fc.constantFrom(...wrong);
    if (wrong.length === 0) return fc.constantFrom(...plain);
    return fc.oneof({ arbitrary: fc.constantFrom(...plain), weight: 3 }, {
      arbitrary: fc.constantFrom(...wrong),
      weight: 1,
    });
  };
  const one = fc.constantFrom(...calls).chain((call) =>
    fc.tuple(...call.params.map(spec)).map((specs) => named(call, specs))
  );
  return fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 30 }), async (steps) => {
    using world = new World();
    for (const { call, specs } of steps) {
      const pending = perform(call, specs, world);
      if (pending instanceof Promise) await pending;
    }
  });
}

/**
 * V8 hands a native function its numbers without a look once the caller is hot, so every wrong argument comes once
 * more after thousands of right ones.
 */
export async function hot(calls: readonly Call[], times: number, milliseconds: number): Promise<void> {
  for (const call of calls) {
    // the first of each is one that works
    const right = call.params.map((list) => list[0]);
    if (right.some((spec) => spec.bad || spec.name === "long") || right.length === 0) continue;
    if (verbose) say(`hot: ${call.name}`);
    using world = new World();
    const args = right.map((spec) => spec.make(world));
    const end = performance.now() + milliseconds;
    for (let i = 0; i < times && (i % 64 || performance.now() < end); i++) {
      try {
        const result = call.run(world, ...args);
        if (result instanceof Promise) await result;
        else if (result !== undefined) call.after?.(result, world);
      } catch (error) {
        if (!(error instanceof LibcError) && !call.allows?.(error)) throw error;
      }
    }
    for (const [at, list] of call.params.entries()) {
      for (const wrong of list.filter((spec) => spec.bad)) {
        using fresh = new World();
        await perform(call, right.with(at, wrong), fresh);
      }
    }
  }
}
