import { assertEquals, assertRejects } from "@std/assert";
import { abortable } from "../../ffi/abort.ts";

/** A signal that counts who listens to it. */
function counted(): { controller: AbortController; signal: AbortSignal; listeners(): number } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (count++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (count--, remove(...args));
  return { controller, signal, listeners: () => count };
}

Deno.test("abortable() gives what was begun, and lets go of the signal", async () => {
  const { controller, signal, listeners } = counted();
  let calledOff = 0;
  const finish = Promise.withResolvers<number>();
  const promise = abortable<number>(signal, (resolve, reject) => {
    finish.promise.then(resolve, reject);
    return () => calledOff++;
  });
  assertEquals(listeners(), 1);
  finish.resolve(5);
  assertEquals([await promise, listeners()], [5, 0]);
  controller.abort();
  assertEquals(calledOff, 0);
  assertEquals(await abortable<number>(undefined, (resolve) => (resolve(6), () => {})), 6);
});

Deno.test("abortable() calls it off with the signal's reason", async () => {
  const { controller, signal, listeners } = counted();
  const promise = abortable(signal, (_resolve, reject) => reject);
  controller.abort("enough");
  assertEquals([await promise.catch((reason) => reason), listeners()], ["enough", 0]);
});

Deno.test("abortable() begins nothing if the signal is aborted already", async () => {
  let begun = false;
  const promise = abortable(AbortSignal.abort("before"), (_resolve, reject) => (begun = true, reject));
  assertEquals([await promise.catch((reason) => reason), begun], ["before", false]);
});

Deno.test("abortable() leaves it to what was begun when to give up", async () => {
  const controller = new AbortController();
  let late: (() => void) | undefined;
  const promise = abortable(controller.signal, (_resolve, reject) => (reason) => late = () => reject(reason));
  controller.abort("enough");
  assertEquals(await Promise.race([promise, Promise.resolve("not yet")]), "not yet");
  late!();
  assertEquals(await promise.catch((reason) => reason), "enough");
});

Deno.test("abortable() notices an abort while it begins, unless that has got something", async () => {
  for (const got of [false, true]) {
    const { controller, signal, listeners } = counted();
    const promise = abortable<string>(signal, (resolve, reject) => {
      controller.abort("meanwhile");
      if (got) resolve("got");
      return reject;
    });
    assertEquals([await promise.catch((reason) => reason), listeners()], [got ? "got" : "meanwhile", 0]);
  }
});

Deno.test("abortable() is rejected with what beginning threw", async () => {
  const { signal, listeners } = counted();
  const promise = abortable(signal, () => {
    throw new Error("not begun");
  });
  await assertRejects(() => promise, Error, "not begun");
  assertEquals(listeners(), 0);
});
