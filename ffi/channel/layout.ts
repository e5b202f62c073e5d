/**
 * The bytes of a channel, version 1. `ipc_channel.h` has the same for C, and says how they are used.
 *
 * @module
 */
import { array, atOffset, atomic, char, padding, u32 } from "../records/fields.ts";
import { record, type RecordType } from "../records/record.ts";
import type { Fields } from "../records/types.ts";

/** What a channel begins with. */
export const MAGIC = "ipcring";
/** Of which version of this layout a channel is. */
export const VERSION = 1;

/** How many processes can take part. The first place is for the only writer, the second for the only reader. */
export const PLACES = 64;
/** The first place of those who are one of many. */
export const FIRST_OF_MANY = 2;
/** In {@linkcode Header}'s `many`, and in a place's `who` beside the process: that it is about writers. */
export const WRITER = 1 << 24;
/** The same of readers. */
export const READER = 1 << 25;
/** The process in a place's `who`. */
export const PID = WRITER - 1;

// what one side writes and the other reads lies in cache lines of its own
const LINE = 64; // bytes

const Place: RecordType<Fields> = record({
  who: atomic(u32), // its process, and what it is; 0 for nobody
  start: array(u32, 2), // when that began, in ticks since the system did
  space: u32, // the pid namespace that it is a process of
  rest: padding(16),
}, { name: "ipc_channel_place" });

const Counts = { count: array(u32, 2) };
const Ending: RecordType<Fields> = record({ position: atomic(u32), unused: u32, ...Counts }, {
  name: "ipc_channel_end",
});

/** How a channel begins; its ring follows. */
export const Header = record({
  magic: char(8),
  version: u32,
  capacity: u32, // of the ring in bytes, a power of two
  many: u32, // WRITER, READER: that there may be many
  size: u32, // of each message in bytes; 0 if they differ
  ready: atomic(u32), // 1: all of this is there
  changes: atomic(u32), // how often somebody came, went, or was found dead
  came: array(atomic(u32), 2), // how many writers, and readers
  died: array(atomic(u32), 2), // how many of them were found dead
  last: array(atomic(u32), 2), // the process that was found last
  tail: atOffset(LINE, Ending), // where the next message goes
  head: atOffset(2 * LINE, Ending), // where the oldest one is
  readersSleep: atOffset(3 * LINE, atomic(u32)), // the tail that they wait to move, plus 1; 0: nobody sleeps
  writersSleep: atOffset(4 * LINE, atomic(u32)), // the same with the head
  writersLock: atOffset(5 * LINE, array(u32, 16)), // a robust pthread_mutex_t, if there may be many
  readersLock: atOffset(6 * LINE, array(u32, 16)),
  places: atOffset(8 * LINE, array(Place, PLACES)),
}, { name: "ipc_channel" });

/** A message in the ring: this, then its bytes, then as many as it takes to come to a multiple of 8. */
export const Frame = record({
  length: u32, // of the message
  filler: u32, // 1: no message, but the rest of the ring, as the next one did not fit there
}, { name: "ipc_channel_frame" });

/** The smallest ring, and the largest, in bytes. */
export const LEAST = 64, MOST = 2 ** 30;
