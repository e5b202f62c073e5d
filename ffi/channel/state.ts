/**
 * What the beginning of a channel tells.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import { copied, lengthOf, type Memory } from "../native/memory.ts";
import { Header, MAGIC, READER, VERSION, WRITER } from "./layout.ts";
import { checkCapacity, type Kind } from "./ring.ts";

/** What {@linkcode Channel.inspect} finds. */
export interface ChannelState {
  /** The ring's size in bytes. */
  readonly capacity: number;
  /** How many bytes of it are in use. */
  readonly used: number;
  /** How many messages were written. */
  readonly sent: number;
  /** How many messages were read. */
  readonly received: number;
  /** Whether there may be many writers. */
  readonly manyWriters: boolean;
  /** Whether there may be many readers. */
  readonly manyReaders: boolean;
  /** How many bytes each message has; `null` if they differ. */
  readonly messageSize: number | null;
  /** The processes that write. */
  readonly writers: number[];
  /** The processes that read. */
  readonly readers: number[];
}

/** What a channel says of itself; throws if it is none. */
export function kindOf(memory: Memory, offset: number, syscall: string): Kind {
  const room = lengthOf(memory, syscall) - offset;
  const none = (why: string) => new LibcError(syscall, "EINVAL", `no channel at ${offset}: ${why}`);
  if (!(room >= Header.size)) throw none(`${room} bytes are too few`);
  return kindIn(copied(memory, offset, Header.size, syscall), room, offset, syscall);
}

function kindIn(header: Uint8Array, room: number, offset: number, syscall: string): Kind {
  const none = (why: string) => new LibcError(syscall, "EINVAL", `no channel at ${offset}: ${why}`);
  const { magic, version, capacity, many, size, ready } = Header.read(header);
  if (ready !== 1) throw new LibcError(syscall, "EAGAIN", `no channel at ${offset} yet`);
  if (magic !== MAGIC) throw none(`it begins with ${shown(magic)}`);
  if (version !== VERSION) throw none(`its layout is version ${version}, not ${VERSION}`);
  checkCapacity(capacity, syscall, "its capacity");
  if (capacity > room - Header.size) throw none(`${room} bytes are too few for its capacity, ${capacity}`);
  if ((many & ~(WRITER | READER)) !== 0 || size > capacity) throw none("its header is damaged");
  return { capacity, many, size };
}

/**
 * What a channel is like.
 *
 * @param header How it begins: as many bytes as a {@linkcode Header} has.
 * @param room How many bytes there are with the ring.
 * @returns Its state; `null` if it is none.
 */
export function stateOf(header: Uint8Array, room: number): ChannelState | null {
  let kind: Kind;
  try {
    kind = kindIn(header, room, 0, "Channel.inspect");
  } catch {
    return null;
  }
  const { tail, head, places } = Header.read(header) as never as {
    tail: { position: number; count: number[] };
    head: { position: number; count: number[] };
    places: { who: number }[];
  };
  const number = ([low, high]: number[]) => low + high * 2 ** 32;
  const taking = (mark: number) => places.flatMap(({ who }) => who & mark ? [who & WRITER - 1] : []);
  return {
    capacity: kind.capacity,
    used: tail.position - head.position >>> 0,
    sent: number(tail.count),
    received: number(head.count),
    manyWriters: (kind.many & WRITER) !== 0,
    manyReaders: (kind.many & READER) !== 0,
    messageSize: kind.size || null,
    writers: taking(WRITER),
    readers: taking(READER),
  };
}
