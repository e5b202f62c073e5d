/**
 * Random calls of everything that the library exports, with right and wrong arguments. Whatever happens is a value or
 * a typed error. properties_test.ts runs this as a process of its own, so that a crash is seen.
 *
 *     deno run -A tests/properties/_properties.ts                                # what the tests run
 *     deno run -A tests/properties/_properties.ts --random --seconds 600         # another seed each round
 *     deno run -A tests/properties/_properties.ts --seed 7 --group thin --verbose # once more, naming each call
 *     deno run -A tests/properties/_properties.ts --calls 1000000                 # so many of everything exported
 *
 * fuzz.ts runs it such that nothing is left even by a crash.
 *
 * Nothing here may touch what others own: commands that change or remove objects only ever get ids made here (in
 * every spelling), signals are only 0 or none, and what could wait for ever is told not to wait.
 *
 * @module
 */
import fc from "fast-check";
import * as mod from "../../mod.ts";
import { perform } from "./_calls.ts";
import { descriptorModel, streamModel } from "./_models_descriptors.ts";
import { queueModel, segmentModel, semaphoreModel } from "./_models_sysv.ts";
import { FILE_OBJECTS } from "./_objects_files.ts";
import { SYNC_OBJECTS } from "./_objects_sync.ts";
import { CHANNEL_OBJECTS } from "./_objects_channel.ts";
import { SOCKET_OBJECTS } from "./_objects_sockets.ts";
import { PROCESS_OBJECTS } from "./_objects_processes.ts";
import { SYSV_OBJECTS } from "./_objects_sysv.ts";
import { Everything } from "./_everything.ts";
import { interruptEvery } from "./_interrupts.ts";
import { records } from "./_records.ts";
import { note, option, say, silence, verbose } from "./_run.ts";
import { hot, sequences } from "./_sequences.ts";
import { CHILDREN } from "./_thin_children.ts";
import { EVENTS } from "./_thin_events.ts";
import { FILES } from "./_thin_files.ts";
import { MEMORY } from "./_thin_memory.ts";
import { MESSAGES } from "./_thin_messages.ts";
import { MQUEUE, POSIX_OBJECTS } from "./_thin_mqueue.ts";
import { OTHERS } from "./_thin_others.ts";
import { PROCESSES } from "./_thin_processes.ts";
import { SOCKETS } from "./_thin_sockets.ts";
import { SYSV } from "./_thin_sysv.ts";
import { allMade } from "../../ffi/objects/_made.ts";
import { m, World } from "./_world.ts";

// Deno opens a pair of sockets at the first, and keeps it
Deno.addSignalListener("SIGUSR2", () => {});
// as the library does a pipe, for what comes with signals
mod.signal(mod.SIGRTMIN, () => {});
mod.signal(mod.SIGRTMIN, mod.SIG_DFL);
// and the first wait on the event loop begins a thread with a descriptor
const ends: [number, number] = mod.pipe();
await mod.writable(ends[1]);
ends.forEach(mod.close);

function descriptors(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
    try {
      return `${name} ${Deno.readLinkSync(`/proc/self/fd/${name}`)}`;
    } catch {
      return name; // that of reading the directory
    }
  });
}

// in the order in which seeds have always met them
const THIN = [
  ...SYSV,
  ...PROCESSES,
  ...SOCKETS,
  ...OTHERS,
  ...MEMORY,
  ...CHILDREN,
  ...EVENTS,
  ...MESSAGES,
  ...MQUEUE,
  ...FILES,
];
const CLASSES = [
  ...SYSV_OBJECTS,
  ...SOCKET_OBJECTS,
  ...PROCESS_OBJECTS,
  ...POSIX_OBJECTS,
  ...FILE_OBJECTS,
  ...SYNC_OBJECTS,
  ...CHANNEL_OBJECTS,
];

const seed = Number(option("seed") ?? 4001);
const calls = option("calls");
const only = option("group") ?? (calls === undefined ? undefined : "everything");
const deadline = performance.now() + Number(option("seconds") ?? 0) * 1000;
const random = Deno.args.includes("--random") && option("seed") === undefined;
const scale = Number(option("scale") ?? 1);

for (const [signal, number] of [["SIGHUP", 1], ["SIGINT", 2], ["SIGTERM", 15]] as const) {
  Deno.addSignalListener(signal, () => {
    for (const world of World.live) {
      try {
        world[Symbol.dispose]();
      } catch { /* it is in the middle of a call */ }
    }
    for (const { remove } of allMade) {
      try {
        remove();
      } catch { /* somebody else's by now */ }
    }
    Deno.exit(128 + number);
  });
}

const groups: Record<string, (seed: number) => unknown> = {
  segment: (seed) => fc.assert(segmentModel, { seed, numRuns: 500 * scale }),
  queue: (seed) => fc.assert(queueModel, { seed, numRuns: 500 * scale }),
  semaphores: (seed) => fc.assert(semaphoreModel, { seed, numRuns: 500 * scale }),
  streams: (seed) => fc.assert(streamModel, { seed, numRuns: 1000 * scale }),
  descriptors: (seed) => fc.assert(descriptorModel, { seed, numRuns: 1000 * scale }),
  thin: (seed) => fc.assert(sequences(THIN), { seed, numRuns: 3000 * scale }),
  classes: (seed) => fc.assert(sequences(CLASSES), { seed, numRuns: 1000 * scale }),
  each: async () => {
    // every argument of every call once, with the others as they should be
    const failures: string[] = [];
    for (const call of [...THIN, ...CLASSES]) {
      const first = call.params.map((list) => list[0]);
      const variants = call.params.flatMap((list, at) => list.map((spec) => first.with(at, spec)));
      for (const specs of [first, ...variants]) {
        using world = new World();
        try {
          await perform(call, specs, world);
        } catch (error) {
          failures.push((error as Error).message.split("\n    at ")[0]);
        }
      }
    }
    if (failures.length > 0) throw new Error(failures.join("\n"));
  },
  hot: () => hot(THIN, 20_000 * scale, 100 * scale),
  records: (seed) => records(seed, 20_000 * scale),
  everything: async (seed) => {
    using _quiet = silence();
    const everything = new Everything(mod);
    const most = Number(calls ?? 30_000 * scale);
    const start = performance.now();
    interruptEvery(2);
    try {
      let told = start;
      for (let at = seed; everything.calls < most; at++) {
        try {
          note("running", `--group everything --seed ${at} --calls 1`);
          await everything.world(at);
        } catch (error) {
          const failure = new Error(`--group everything --seed ${at} --calls 1`, { cause: error });
          if (!Deno.args.includes("--go-on")) throw failure;
          say(Deno.inspect(failure));
        }
        if (performance.now() - told > 5000) {
          told = performance.now();
          const rate = Math.round(everything.calls / (told - start) * 1000);
          say(
            `${everything.calls.toLocaleString("en")} of ${
              most.toLocaleString("en")
            } calls, ${rate} a second, seed ${at}`,
          );
          await new Promise((resolve) => setTimeout(resolve)); // for signals
        }
      }
    } finally {
      interruptEvery(0);
    }
    const { unreached } = everything;
    if (most >= 10_000 && unreached.length > 0) throw new Error(`never called: ${unreached.join(", ")}`);
    say(`${everything.summary}${unreached.length > 0 ? "" : ", each of which was reached"}`);
  },
};

for (let round = 0; round === 0 || performance.now() < deadline; round++) {
  const now = random ? crypto.getRandomValues(new Int32Array(1))[0] : seed + round;
  for (const [name, run] of Object.entries(groups)) {
    if (only !== undefined && name !== only) continue;
    const start = performance.now();
    const open = descriptors();
    say(`${name}: seed ${now}`);
    try {
      await run(now);
      // a wait that was called off has its descriptor until its thread is back
      for (let i = 0; i < 500 && descriptors().length > open.length; i++) await new Promise((go) => setTimeout(go, 10));
      if (descriptors().length > open.length) {
        throw new Error(`descriptors are left open: ${descriptors().filter((fd) => !open.includes(fd)).join(", ")}`);
      }
    } catch (error) {
      say(`${name} failed with seed ${now}:\n${Deno.inspect(error)}`);
      Deno.exit(1);
    }
    if (verbose || Deno.args.includes("--times")) say(`${name}: ${Math.round(performance.now() - start)} ms`);
  }
}
// what the process started with is still there
const standard = new mod.pollfds([0, 0], [1, 0], [2, 0]);
m.poll(standard, 0);
if ([0, 1, 2].some((at) => standard[at].revents & mod.POLLNVAL)) {
  say("descriptor 0, 1 or 2 was closed");
  Deno.exit(1);
}
say("no crash, and no error of another class");
