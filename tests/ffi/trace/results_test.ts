// A call gives the same, traced or not; and what is said of a segment's bytes is where they are in the segment.
import { assert, assertEquals } from "@std/assert";
import { poke } from "../../../ffi/helpers/memory.ts";
import { SIG_DFL, signal, SIGUSR2 } from "../../../ffi/libc/signal.ts";
import { ftok, IPC_PRIVATE, IPC_RMID } from "../../../ffi/libc/sys/ipc.ts";
import { shmat, shmctl, shmdt, shmget } from "../../../ffi/libc/sys/shm.ts";
import { close, getpid, pipe, write } from "../../../ffi/libc/unistd.ts";
import type { TraceEvent } from "../../../ffi/trace/event.ts";
import { trace } from "../../../ffi/trace/trace.ts";

Deno.test("tracing changes no result: detached buffers, negative keys", () => {
  const [reader, writer] = pipe();
  const events: TraceEvent[] = [];
  try {
    using _tracing = trace((event) => events.push(event));
    const bytes = new Uint8Array(8);
    bytes.buffer.transfer();
    assertEquals(write(writer, bytes), 0);
    assert(ftok("/etc/passwd", 129) < 0, "a key with its highest bit set");
  } finally {
    close(reader);
    close(writer);
  }
  assertEquals(events.filter((event) => event.ev === "exit" && event.errno), []);
});

Deno.test("tracing changes no result: handlers whose name is none, or cannot be read", () => {
  const named = (name: PropertyDescriptor) => Object.defineProperty(() => {}, "name", name);
  const throws = () => {
    throw new Error("name");
  };
  using _tracing = trace(() => {});
  for (const handler of [named({ get: throws }), named({ value: 5 }), new Proxy(() => {}, { get: throws })]) {
    assertEquals(signal(SIGUSR2, handler), SIG_DFL);
    assertEquals(signal(SIGUSR2, SIG_DFL), handler);
  }
});

Deno.test("tracing tells where in the segment a byte is, and introduces the process each time", () => {
  const id = shmget(IPC_PRIVATE, 64, 0o600);
  const shm = shmat(id);
  shmctl(id, IPC_RMID);
  for (let round = 0; round < 2; round++) {
    const events: TraceEvent[] = [];
    using _tracing = trace((event) => events.push(event));
    poke(shm.subarray(10), 5, "x");
    assertEquals(events.map(({ ev }) => ev), ["start", "memory"]);
    assert(events[1].ev === "memory" && events[1].offset === 15);
  }
  shmdt(shm);
});

Deno.test("a listener that goes in the middle of a call does not take the process's introduction with it", () => {
  const tracing = trace((event) => event.ev === "enter" && tracing[Symbol.dispose]());
  getpid();
  const events: TraceEvent[] = [];
  using _tracing = trace((event) => events.push(event));
  getpid();
  assertEquals(events.map(({ ev }) => ev), ["start", "enter", "exit"]);
});
