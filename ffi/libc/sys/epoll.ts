/**
 * `<sys/epoll.h>`: wait for any of many descriptors.
 *
 * @module
 */
import { LibcError } from "../../errors.ts";
import { asInt, shown } from "../../native/check.ts";
import { fd as asFd } from "../../native/descriptors.ts";
import { call, header } from "../../native/header.ts";
import {
  type Call,
  descriptor,
  filled,
  flags,
  flags32,
  i32,
  id,
  type Kind,
  memory,
  oneOf,
  only,
  over,
  u32,
  u64,
  viewOn,
} from "../../native/kinds.ts";
import {
  at,
  bytesOfNew,
  fieldsOf,
  layout,
  layoutOf,
  nested,
  Struct,
  struct,
  structBytes,
} from "../../native/layout.ts";
import { errno } from "../../native/libc.ts";
import { setBytes, sigset, type sigset_t } from "../_sigset.ts";

/** Close it on `execve`. */
export const EPOLL_CLOEXEC = 0o2000000;
/** `epoll_ctl`: wait for a descriptor from now on. */
export const EPOLL_CTL_ADD = 1;
/** `epoll_ctl`: wait for a descriptor no more. */
export const EPOLL_CTL_DEL = 2;
/** `epoll_ctl`: wait for something else. */
export const EPOLL_CTL_MOD = 3;
/** There is something to read, to accept, or the end of the file. */
export const EPOLLIN = 0x1;
/** There is something urgent to read. */
export const EPOLLPRI = 0x2;
/** A write would not block. */
export const EPOLLOUT = 0x4;
/** There is an error; waited for without being asked for. */
export const EPOLLERR = 0x8;
/** The other side hung up; waited for without being asked for. */
export const EPOLLHUP = 0x10;
/** As `EPOLLIN`. */
export const EPOLLRDNORM = 0x40;
/** There is something of higher priority to read. */
export const EPOLLRDBAND = 0x80;
/** As `EPOLLOUT`. */
export const EPOLLWRNORM = 0x100;
/** A write of higher priority would not block. */
export const EPOLLWRBAND = 0x200;
/** The other side closed, or shut down its writing half. */
export const EPOLLRDHUP = 0x2000;
/** Wake only one of several sets that wait for the same. */
export const EPOLLEXCLUSIVE = 0x1000_0000;
/** Keep the machine awake until the event is dealt with; needs `CAP_BLOCK_SUSPEND`. */
export const EPOLLWAKEUP = 0x2000_0000;
/** Tell it once, then not before the next `EPOLL_CTL_MOD`. */
export const EPOLLONESHOT = 0x4000_0000;
/** Tell only what is new since the last time. */
export const EPOLLET = 0x8000_0000;

/** What a program notes beside a descriptor, `epoll_data_t`: the same bytes in three ways. */
export class epoll_data extends Struct {
  /** As a descriptor. */
  declare fd: number;
  /** As 32 bits. */
  declare u32: number;
  /** As 64 bits. */
  declare u64: bigint;
}
// the alignment is that of the structure that it is in, which x86-64 packs
layout(epoll_data, "epoll_ctl", { fd: i32, u32: over("fd", u32), u64: over("fd", { ...u64, align: 4 }) });

/**
 * What to wait for, and what there is, `struct epoll_event` of `epoll_ctl(2)`.
 *
 * @example See {@linkcode epoll_wait}.
 */
export class epoll_event extends Struct {
  /** What to wait for, such as `EPOLLIN`; what there is, in those of `epoll_wait`. */
  declare events: number;
  /** What the program noted, mostly the descriptor. */
  declare readonly data: epoll_data;
}
layout(epoll_event, "epoll_ctl", {
  events: flags32({
    EPOLLIN,
    EPOLLPRI,
    EPOLLOUT,
    EPOLLERR,
    EPOLLHUP,
    EPOLLRDNORM,
    EPOLLRDBAND,
    EPOLLWRNORM,
    EPOLLWRBAND,
    EPOLLRDHUP,
    EPOLLEXCLUSIVE,
    EPOLLWAKEUP,
    EPOLLONESHOT,
    EPOLLET,
  }),
  __pad: only("aarch64", u32),
  // what of it is meant, only the program knows
  data: {
    ...nested(epoll_data),
    trace: (view: DataView, at: number) => ({
      struct: "epoll_data",
      fields: { u32: u32.trace(view, at), u64: u64.trace(view, at) },
    }),
  },
}, ["events"]);
const EVENT = layoutOf(epoll_event);
const MOST = 4096;

/** For how many events there is room, whatever the property says; undefined for anything else than {@linkcode epoll_events}. */
let countOf: (events: unknown) => number | undefined;

/**
 * Room for what {@linkcode epoll_wait} tells, an array of `struct epoll_event`. Make it once and use it often.
 *
 * @example See {@linkcode epoll_wait}.
 */
export class epoll_events extends Struct {
  /** For how many events there is room. */
  readonly length: number;
  /** Each of them, as in C: `events[0].data.fd`. */
  readonly [index: number]: epoll_event;
  readonly #count: number;

  static {
    countOf = (events) => typeof events === "object" && events !== null && #count in events ? events.#count : undefined;
  }

  /**
   * Makes the room.
   *
   * @param maxevents For how many events, 1 to 4096: what finds no room is told by the next call.
   */
  constructor(maxevents: number) {
    const count = asInt(maxevents, "epoll_wait", "maxevents");
    if (count < 1 || count > MOST) {
      throw new LibcError("epoll_wait", "EINVAL", `maxevents must be 1 to ${MOST}, got ${count}`);
    }
    super(count * EVENT.size);
    const bytes = bytesOfNew(this, "epoll_wait");
    this.length = this.#count = count;
    for (let i = 0; i < count; i++) {
      (this as Record<number, epoll_event>)[i] = at(
        epoll_event,
        bytes.subarray(i * EVENT.size, (i + 1) * EVENT.size),
      );
    }
  }
}

const op = oneOf({ EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD }, 16);
/** As many events as the call gives. */
const events: Kind<"buffer"> = filled(
  memory((data, call) =>
    Array.from({ length: call.result ?? 0 }, (_, i) => fieldsOf(EVENT, viewOn(data), i * EVENT.size))
  ),
);
const waits = (call: Call) => Number(call.argument("timeout")) !== 0;

const c = header({
  epoll_create1: call(descriptor, [["flags", flags({ EPOLL_CLOEXEC }, { radix: 16 })]]),
  epoll_ctl: call(i32, [["epfd", id], ["op", op], ["fd", id], ["event", struct(epoll_event)]]),
  epoll_wait: call(i32, [["epfd", id], ["events", events], ["maxevents", i32], ["timeout", i32]], { waits }),
  epoll_pwait: call(i32, [
    ["epfd", id],
    ["events", events],
    ["maxevents", i32],
    ["timeout", i32],
    ["sigmask", sigset],
  ], { waits }),
});

/**
 * Makes an empty set of descriptors to wait for, `epoll_create1(2)`.
 *
 * @param flags `EPOLL_CLOEXEC`; 0 unless given.
 * @returns The set's descriptor.
 * @throws {LibcError} `EINVAL` a flag that is none; `EMFILE`, `ENFILE` too many descriptors; `ENOMEM`.
 *
 * @example See {@linkcode epoll_wait}.
 */
export function epoll_create1(flags?: number): number {
  if (flags === undefined) flags = 0;
  const fd = c.epoll_create1(asInt(flags, "epoll_create1", "flags"));
  if (fd < 0) throw new LibcError("epoll_create1", errno(), `flags ${flags}`);
  return fd;
}

/**
 * Changes what a set waits for, `epoll_ctl(2)`. Neither the Deno runtime's sets nor its descriptors can be reached.
 *
 * @param epfd The set's descriptor.
 * @param op `EPOLL_CTL_ADD`, `EPOLL_CTL_MOD` or `EPOLL_CTL_DEL`.
 * @param fd The descriptor that it is about.
 * @param event What to wait for, and what to tell then; `null` with `EPOLL_CTL_DEL`.
 * @throws {LibcError} `EEXIST` it is in the set; `ENOENT` it is not; `EPERM` a plain file, which is always ready; `EBADF`;
 * `EINVAL` no set, itself, or flags that don't go together; `ELOOP` sets that wait for each other; `ENOMEM`; `ENOSPC` too
 * many; `EFAULT` no event.
 *
 * @example See {@linkcode epoll_wait}.
 */
export function epoll_ctl(epfd: number, op: number, fd: number, event?: epoll_event | null): void {
  const what = event === undefined || event === null ? null : structBytes(event, EVENT.size, "epoll_ctl", "event");
  epfd = asFd(epfd, "epoll_ctl", "epfd");
  if (c.epoll_ctl(epfd, asInt(op, "epoll_ctl", "op"), asFd(fd, "epoll_ctl"), what) < 0) {
    throw new LibcError("epoll_ctl", errno(), `set ${epfd}, descriptor ${fd}`);
  }
}

function room(events: epoll_events, syscall: string): Uint8Array<ArrayBuffer> {
  const length = countOf(events);
  if (length !== undefined) return structBytes(events, length * EVENT.size, syscall, "events");
  throw new LibcError(syscall, "EFAULT", `events must be epoll_events, got ${shown(events)}`);
}

/**
 * Waits until one of a set's descriptors is ready, `epoll_wait(2)`. Blocks the whole program.
 *
 * @param epfd The set's descriptor.
 * @param events Where to store what there is.
 * @param timeout For how many milliseconds; -1 for ever, 0 not at all.
 * @returns How many of `events` are filled; 0 if the time is over.
 * @throws {LibcError} `EBADF`; `EINTR` a signal came; `EINVAL` no set; `EFAULT` `events` are none.
 *
 * @example
 * ```ts
 * import { close, epoll_create1, epoll_ctl, EPOLL_CTL_ADD, epoll_event, epoll_events, epoll_wait, EPOLLIN, pipe, write } from "./mod.ts";
 *
 * const [reader, writer] = pipe();
 * const set = epoll_create1();
 * const event = new epoll_event();
 * event.events = EPOLLIN;
 * event.data.fd = reader;
 * epoll_ctl(set, EPOLL_CTL_ADD, reader, event);
 * const events = new epoll_events(8);
 * console.log(epoll_wait(set, events, 0)); // 0
 * write(writer, "x");
 * console.log(epoll_wait(set, events, -1), events[0].data.fd === reader); // 1 true
 * [set, reader, writer].forEach(close);
 * ```
 */
export function epoll_wait(epfd: number, events: epoll_events, timeout: number): number {
  const bytes = room(events, "epoll_wait");
  epfd = asFd(epfd, "epoll_wait", "epfd");
  const ready = c.epoll_wait(epfd, bytes, bytes.length / EVENT.size, asInt(timeout, "epoll_wait", "timeout"));
  if (ready < 0) throw new LibcError("epoll_wait", errno(), `set ${epfd}`);
  return ready;
}

/**
 * As {@linkcode epoll_wait}, while this thread blocks certain signals and no others, `epoll_pwait(2)`.
 *
 * @param epfd The set's descriptor.
 * @param events Where to store what there is.
 * @param timeout For how many milliseconds; -1 for ever, 0 not at all.
 * @param sigmask The signals; `null` for those that it blocks anyhow.
 * @returns How many of `events` are filled; 0 if the time is over.
 * @throws {LibcError} As {@linkcode epoll_wait}.
 *
 * @example
 * ```ts
 * import { close, epoll_create1, epoll_events, epoll_pwait, sigfillset, sigset_t } from "./mod.ts";
 *
 * const set = epoll_create1();
 * const all = new sigset_t();
 * sigfillset(all);
 * console.log(epoll_pwait(set, new epoll_events(1), 1, all)); // 0
 * close(set);
 * ```
 */
export function epoll_pwait(epfd: number, events: epoll_events, timeout: number, sigmask: sigset_t | null): number {
  const bytes = room(events, "epoll_pwait");
  const mask = sigmask === null ? null : setBytes(sigmask, "epoll_pwait", "sigmask");
  epfd = asFd(epfd, "epoll_pwait", "epfd");
  timeout = asInt(timeout, "epoll_pwait", "timeout");
  const ready = c.epoll_pwait(epfd, bytes, bytes.length / EVENT.size, timeout, mask);
  if (ready < 0) throw new LibcError("epoll_pwait", errno(), `set ${epfd}`);
  return ready;
}
