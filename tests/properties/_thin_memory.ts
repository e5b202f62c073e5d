/**
 * Calls of the functions of mappings, and of what lies in them.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { type Call, closes, thin } from "./_calls.ts";
import { memory, paths } from "./_memory.ts";
import { bad, fdOf, good, int, ints, nothing, type Spec, uint, wrongInt, wrongSize } from "./_numbers.ts";
import { m, type World } from "./_world.ts";

const { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_NONE, PROT_READ } = mod;

/** A memory file of the run's own. */
function file(w: World): number {
  const fd = m.memfd_create("fuzz");
  w.own(fd);
  m.ftruncate(fd, 5000);
  return fd;
}

const files: Spec[] = [...fdOf(file), good("socket", (w) => w.pair[0])];
const mappings: Spec[] = [
  good("mapping", (w) => w.mapping),
  good("subarray", (w) => w.mapping.subarray(Math.min(4096, w.mapping.length))),
  ...memory,
];
const offsets: Spec[] = [...ints(0, 8, 64, 4064, 4088, 4096, -8, 4, undefined), ...wrongSize(() => 0)];
const something: Spec[] = [...[5, "x", {}, Symbol("s"), true].map((value) => bad(Deno.inspect(value), () => value))];
const sems: Spec[] = [good("sem", (w) => w.sem), bad("mutex", (w) => w.mutex), ...something, bad("null", () => null)];
const mutexes: Spec[] = [
  good("mutex", (w) => w.mutex),
  bad("sem", (w) => w.sem),
  ...something,
  bad("null", () => null),
];
const conds: Spec[] = [
  good("cond", (w) => w.cond),
  bad("mutex", (w) => w.mutex),
  ...something,
  bad("null", () => null),
];
const mutexattrs: Spec[] = [
  good("attr", () => {
    const attr = new mod.pthread_mutexattr_t();
    mod.pthread_mutexattr_init(attr);
    return attr;
  }),
  good("attr without init", () => new mod.pthread_mutexattr_t()),
  bad("condattr", () => new mod.pthread_condattr_t()),
  ...something,
];
const condattrs: Spec[] = [
  good("attr", () => new mod.pthread_condattr_t()),
  bad("mutexattr", () => new mod.pthread_mutexattr_t()),
  ...something,
];
const soon: Spec[] = [
  good("soon", () => Date.now() / 1000 + 0.001),
  ...ints(0, 0.5),
  ...[NaN, -1, Infinity, "1", {}, 5n, undefined].map((value) => bad(Deno.inspect(value), () => value)),
];
const words: Spec[] = [
  good("in the mapping", (w) => w.mapping.length > 0 ? new Int32Array(w.mapping.buffer, 128, 4) : new Int32Array(1)),
  good("Uint32Array", () => new Uint32Array(2)),
  good("shared", () => new Int32Array(new SharedArrayBuffer(8))),
  bad("empty", () => new Int32Array(0)),
  bad("Uint8Array", () => new Uint8Array(8)),
  bad("detached", () => {
    const word = new Int32Array(4);
    word.buffer.transfer();
    return word;
  }),
  bad("no Int32Array", () => Object.create(Int32Array.prototype)),
  ...something,
];
/** Unlocks what a call has locked. */
const unlock: Call["after"] = (_result, w) => {
  try {
    m.pthread_mutex_unlock(w.mutex);
  } catch (error) {
    if (!(error instanceof m.LibcError)) throw error;
  }
};

export const MEMORY: Call[] = [
  // sys/mman
  thin("mmap", [
    [nothing, bad("0", () => 0), bad("undefined", () => undefined)],
    [...ints(4096, 1, 0, 4097, 2 ** 45, 2 ** 53), ...wrongSize(() => 4096)],
    int(3, PROT_NONE, PROT_READ, 2, 4, 7, 8, -1),
    int(MAP_SHARED, MAP_PRIVATE, MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS, 0, 3, 0x10, 0x40020, -1),
    [...files, good("undefined", () => undefined)].filter(({ name, bad }) => !(bad && name === "undefined")),
    ints(0, 4096, 1, -4096, 2 ** 40, 2 ** 53, undefined),
  ], (mapped) => m.munmap(mapped)),
  thin("munmap", [mappings]),
  thin("mprotect", [mappings, int(PROT_READ, PROT_NONE, 3, 8, -1)], (changed) => m.munmap(changed)),
  thin("msync", [mappings, int(mod.MS_SYNC, mod.MS_ASYNC, mod.MS_INVALIDATE, 7, 0, -1)]),
  thin("mlock", [mappings]),
  thin("munlock", [mappings]),
  thin("memfd_create", [paths, int(0, 1, 2, 1 << 30, -1)], closes),
  thin("shm_open", [paths, int(mod.O_RDONLY, mod.O_RDWR), int(0o600)], closes),
  thin("shm_unlink", [paths]),
  // semaphore
  { name: "new sem_t", run: (_w, memory, at) => void new mod.sem_t(memory, at), params: [mappings, offsets] },
  thin("sem_open", [paths, int(0), int(0o600), uint(0, 1, 2 ** 31)], (sem) => m.sem_close(sem)),
  thin("sem_close", [sems]),
  thin("sem_unlink", [paths]),
  thin("sem_init", [sems, int(1, 0, -1), uint(0, 1, 2 ** 31 - 1, 2 ** 31)]),
  ...["sem_destroy", "sem_trywait", "sem_post", "sem_getvalue"].map((name) => thin(name, [sems])),
  thin("sem_wait", [sems.filter((spec) => spec.bad)]),
  thin("sem_timedwait", [sems, soon]),
  // pthread
  {
    name: "new pthread_mutex_t",
    run: (_w, memory, at) => void new mod.pthread_mutex_t(memory, at),
    params: [mappings, offsets],
  },
  {
    name: "new pthread_cond_t",
    run: (_w, memory, at) => void new mod.pthread_cond_t(memory, at),
    params: [mappings, offsets],
  },
  ...["init", "destroy", "gettype", "getpshared", "getrobust"].map((name) =>
    thin(`pthread_mutexattr_${name}`, [mutexattrs])
  ),
  ...["settype", "setpshared", "setrobust"].map((name) =>
    thin(`pthread_mutexattr_${name}`, [mutexattrs, int(0, 1, 2, 9, -1)])
  ),
  ...["init", "destroy", "getpshared", "getclock"].map((name) => thin(`pthread_condattr_${name}`, [condattrs])),
  ...["setpshared", "setclock"].map((name) => thin(`pthread_condattr_${name}`, [condattrs, int(0, 1, 9, -1)])),
  thin("pthread_mutex_init", [mutexes, [...mutexattrs, nothing]]),
  thin("pthread_mutex_destroy", [mutexes]),
  thin("pthread_mutex_lock", [mutexes.filter((spec) => spec.bad)]),
  thin("pthread_mutex_trylock", [mutexes], unlock),
  thin("pthread_mutex_timedlock", [mutexes, soon], unlock),
  thin("pthread_mutex_unlock", [mutexes]),
  thin("pthread_mutex_consistent", [mutexes]),
  thin("pthread_cond_init", [conds, [...condattrs, nothing]]),
  thin("pthread_cond_destroy", [conds]),
  thin("pthread_cond_wait", [conds.filter((spec) => spec.bad), mutexes]),
  thin("pthread_cond_timedwait", [conds, mutexes, soon], unlock),
  thin("pthread_cond_signal", [conds]),
  thin("pthread_cond_broadcast", [conds]),
  {
    name: "garbage in the mapping",
    run: (w, value) => w.mapping.fill(value as number, 0, 160),
    params: [ints(0, 0xff, 0x55, 128, 16)],
  },
  // linux/futex
  thin("futex", [words, int(mod.FUTEX_WAKE, mod.FUTEX_WAKE | 128, 2, 6, 99, -1), uint(0, 1, 2 ** 31)]),
  thin("futex", [
    words,
    ints(mod.FUTEX_WAIT, mod.FUTEX_WAIT_BITSET),
    [...ints(0, 1, -1), ...wrongInt(() => 0).filter(({ name }) => name !== "2^31")],
    [
      ...ints(0, 0.001),
      ...soon.filter((spec) => spec.bad && spec.name !== "undefined"),
    ],
    [nothing],
    uint(1, 0, 0xffff_ffff),
  ]),
  thin("futex", [
    words,
    ints(mod.FUTEX_REQUEUE, mod.FUTEX_CMP_REQUEUE),
    uint(0, 1),
    uint(1, 0).filter(({ name }) => name !== "null"),
    words,
    [
      ...ints(0, 1, -1),
    ],
  ]),
  {
    name: "futex_waitv",
    run: (_w, word, val, timeout) => m.futex_waitv([[word, val], [new Int32Array(1), 0]], timeout),
    params: [words, [...ints(0, 1, -1)], ints(0, 0.001)],
  },
];
