/**
 * Models of descriptors: socket pairs and pipes hold what a few lines of JavaScript say they hold.
 *
 * @module
 */
import fc from "fast-check";
import { assertEquals } from "@std/assert";
import { bytes } from "./_models_sysv.ts";
import { ignore, m, outcome } from "./_world.ts";

const side = fc.nat(1);
export const streamModel = fc.property(
  fc.constantFrom(m.SOCK_STREAM as number, m.SOCK_DGRAM as number, m.SOCK_SEQPACKET as number),
  fc.array(
    fc.oneof(
      fc.record({ op: fc.constant("send" as const), side, data: bytes(50) }),
      fc.record({ op: fc.constant("recv" as const), side, length: fc.nat(60), peek: fc.boolean() }),
      fc.record({ op: fc.constantFrom("shut" as const, "close" as const), side }),
    ),
    { maxLength: 40 },
  ),
  (type, steps) => {
    const fds: [number, number] = m.socketpair(m.AF_UNIX, type | m.SOCK_NONBLOCK, 0);
    const stream = type === m.SOCK_STREAM;
    /** What waits to be read by each side; for a stream, byte by byte. */
    const waiting: [Uint8Array[], Uint8Array[]] = [[], []];
    const closed = [false, false];
    const shut = [false, false]; // for writing
    try {
      for (const step of steps) {
        const me = step.side;
        const peer = 1 - me;
        if (step.op === "close") {
          const result = outcome(() => m.close(fds[me]));
          assertEquals(result, closed[me] ? "EBADF" : undefined);
          // data that it had not read makes a reset for the other side, where the model ends
          if (!closed[me] && waiting[me].length > 0) return;
          closed[me] = true;
        } else if (closed[me]) {
          assertEquals(outcome(() => m.recv(fds[me], new Uint8Array(1), undefined, m.MSG_DONTWAIT)), "EBADF");
        } else if (step.op === "shut") {
          outcome(() => m.shutdown(fds[me], m.SHUT_WR));
          shut[me] = true;
        } else if (step.op === "send") {
          const result = outcome(() => m.send(fds[me], step.data, undefined, m.MSG_DONTWAIT));
          // it learns that the other one is gone, and forgets what that had sent
          if (closed[peer] && type === m.SOCK_DGRAM) waiting[me] = [];
          if (shut[me]) assertEquals(result, "EPIPE");
          else if (closed[peer]) {
            assertEquals(typeof result, stream && step.data.length === 0 ? typeof result : "string");
          } else {
            if (result === "EAGAIN") continue; // a datagram socket's queue holds ten or so
            assertEquals(result, step.data.length);
            if (stream) waiting[peer].push(...[...step.data].map((byte) => new Uint8Array([byte])));
            else waiting[peer].push(step.data.slice());
          }
        } else if (step.op === "recv") {
          const into = new Uint8Array(step.length);
          const flags = m.MSG_DONTWAIT | (step.peek ? m.MSG_PEEK : 0);
          const result = outcome(() => m.recv(fds[me], into, undefined, flags));
          if (waiting[me].length === 0) {
            const end = (closed[peer] || shut[peer]) && type !== m.SOCK_DGRAM;
            if (stream && step.length === 0) continue;
            assertEquals(result, end ? 0 : type === m.SOCK_DGRAM && (closed[peer] || shut[peer]) ? result : "EAGAIN");
          } else {
            const taken = stream ? waiting[me].slice(0, step.length) : [waiting[me][0].slice(0, step.length)];
            const expected = taken.flatMap((part) => [...part]);
            assertEquals([result, [...into.subarray(0, result as number)]], [expected.length, expected]);
            if (!step.peek) waiting[me].splice(0, stream ? expected.length : 1);
          }
        }
      }
    } finally {
      for (const at of [0, 1]) if (!closed[at]) ignore(() => m.close(fds[at]));
    }
  },
);

export const descriptorModel = fc.property(
  fc.array(
    fc.oneof(
      fc.record({ op: fc.constant("pipe" as const) }),
      fc.record({ op: fc.constantFrom("close" as const, "read" as const), fd: fc.nat(11) }),
      fc.record({ op: fc.constant("write" as const), fd: fc.nat(11), data: bytes(30) }),
      fc.record({ op: fc.constant("dup2" as const), fd: fc.nat(11), to: fc.nat(11) }),
    ),
    { maxLength: 50 },
  ),
  (steps) => {
    const FIRST = 700; // and eleven more: numbers that nobody else has
    type End = { pipe: { held: number[] }; writes: boolean };
    const open = new Map<number, End>();
    const ends = (pipe: End["pipe"], writes: boolean) =>
      [...open.values()].filter((end) => end.pipe === pipe && end.writes === writes).length;
    try {
      for (const step of steps) {
        if (step.op === "pipe") {
          const [reader, writer]: [number, number] = m.pipe();
          const pipe = { held: [] };
          const places = Array.from({ length: 12 }, (_, i) => i).filter((i) => !open.has(i)).slice(0, 2);
          for (const [i, place] of places.entries()) {
            m.dup2([reader, writer][i], FIRST + place);
            open.set(place, { pipe, writes: i === 1 });
          }
          m.close(reader);
          m.close(writer);
        } else if (step.op === "close") {
          assertEquals(outcome(() => m.close(FIRST + step.fd)), open.delete(step.fd) ? undefined : "EBADF");
        } else if (step.op === "dup2") {
          const end = open.get(step.fd);
          assertEquals(outcome(() => m.dup2(FIRST + step.fd, FIRST + step.to)), end ? FIRST + step.to : "EBADF");
          if (end) open.set(step.to, end);
        } else if (step.op === "write") {
          const end = open.get(step.fd);
          const result = outcome(() => m.write(FIRST + step.fd, step.data));
          if (!end?.writes) assertEquals(result, "EBADF");
          else if (ends(end.pipe, false) === 0) assertEquals(result, step.data.length === 0 ? result : "EPIPE");
          else {
            assertEquals(result, step.data.length);
            end.pipe.held.push(...step.data);
          }
        } else {
          const end = open.get(step.fd);
          // it would wait for one who writes
          if (end && !end.writes && end.pipe.held.length === 0 && ends(end.pipe, true) > 0) continue;
          const into = new Uint8Array(20);
          const result = outcome(() => m.read(FIRST + step.fd, into));
          if (!end || end.writes) assertEquals(result, "EBADF");
          else assertEquals([...into.subarray(0, result as number)], end.pipe.held.splice(0, 20));
        }
      }
    } finally {
      for (const fd of open.keys()) m.close(FIRST + fd);
    }
  },
);
