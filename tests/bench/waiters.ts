/**
 * A process in which many wait for what never comes, until its standard input ends: `waiters.ts KIND COUNT`.
 *
 * @module
 */
import { MessageQueue, SemaphoreSet } from "../../mod.ts";

const [kind, count] = [Deno.args[0], Number(Deno.args[1])];
Deno.addSignalListener("SIGINT", () => {}); // or it would leave its objects behind

const objects: (MessageQueue | SemaphoreSet)[] = [];

/** Makes an object, or takes the one that there is. */
function object<T extends MessageQueue | SemaphoreSet>(make: () => T, many: boolean): T {
  if (many || objects.length === 0) objects.push(make());
  return objects.at(-1) as T;
}

const kinds: Record<string, () => Promise<unknown>> = {
  // what a program does that has nothing to do
  idle: () => new Promise((resolve) => setTimeout(resolve, 1e8)),
  "receive-many": () => object(MessageQueue.create, true).receive(),
  "receive-one": () => object(MessageQueue.create, false).receive(),
  "acquire-many": () => object(() => SemaphoreSet.create(1), true).acquire(0),
  "acquire-one": () => object(() => SemaphoreSet.create(1), false).acquire(0),
};

let over = false;
for (let i = 0; i < count; i++) {
  kinds[kind]().catch((error: unknown) => {
    if (!over) console.error(error); // that of a removed object is to be expected
  });
}
console.log("waiting");
await Deno.stdin.read(new Uint8Array(1));
over = true;
for (const one of objects) one.remove();
Deno.exit(0);
