/**
 * A program that makes every traced call, in success and in failure, with every kind of argument. strace(1) watches it,
 * and so does our own tracing: `_compare.ts` compares the two.
 *
 *     deno run --allow-ffi --v8-flags=--single-threaded program.ts DIRECTORY
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";
import { identities, others, spawning } from "./_children.ts";
import { events, signalSets, timers } from "./_events.ts";
import { descriptors, limits, selects } from "./_descriptors.ts";
import { files, polls } from "./_files.ts";
import { mappings, synchronization } from "./_memory.ts";
import { interfaces, messages } from "./_messages.ts";
import { posixQueues } from "./_mqueue.ts";
import { processes } from "./_processes.ts";
import { names, options, sockets } from "./_sockets.ts";
import { undo } from "./_support.ts";
import { messageQueues, semaphores, sharedMemory } from "./_sysv.ts";

const PARTS = [
  sharedMemory,
  messageQueues,
  semaphores,
  files,
  processes,
  spawning,
  identities,
  others,
  mappings,
  synchronization,
  polls,
  signalSets,
  timers,
  events,
  descriptors,
  selects,
  limits,
  sockets,
  options,
  names,
  messages,
  interfaces,
  posixQueues,
];

ipc.signal(ipc.SIGUSR1, () => {}); // what interrupts calls
try {
  for (const part of PARTS) part();
} catch (error) {
  for (const remove of undo) {
    try {
      remove();
    } catch {
      // it is removed already
    }
  }
  throw error;
}
ipc._exit(0);
