/**
 * Calls of the methods of locks on files.
 *
 * @module
 */
import { FileLock } from "../../ffi/objects/file_lock.ts";
import { type Call, disposes, given, method, soon } from "./_calls.ts";
import { paths } from "./_memory.ts";
import { bad, ints, mode, type Spec, wrongInt } from "./_numbers.ts";
import { ignore, m } from "./_world.ts";

const shared: Spec[] = ints(undefined, true, false, 1, "x");
const timeout: Spec[] = [
  ...ints(0, 1, 0.5, -0),
  ...wrongInt(() => 0).filter(({ name }) => !/2\^|0\.5/.test(name)),
  bad("-1", () => -1),
];
const releases = (held: unknown) => held === null || disposes(held);

export const FILE_OBJECTS: Call[] = [
  method("FileLock.create", (_w, path, mode) => {
    FileLock.create(path, given("mode", mode));
    ignore(() => m.unlink(path));
  }, [paths, mode]),
  method("FileLock.open", (_w, path) => FileLock.open(path).path, [paths]),
  method("lock", (w, shared) => w.fileLock.lock({ shared, signal: soon() }), [shared], releases),
  method(
    "lock, twice",
    async (w, shared) => {
      using _held = w.fileLock.lockSync();
      return await w.fileLock.lock({ shared, signal: soon() });
    },
    [shared],
    releases,
  ),
  method("tryLock", (w, shared) => w.fileLock.tryLock({ shared }), [shared], releases),
  method("lockSync", (w, shared, timeout) => w.fileLock.lockSync({ shared, timeout }), [shared, timeout], releases),
];
