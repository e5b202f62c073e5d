/** What reviews found: calls of a trace's listener in the middle of another call, segments whose buffers lie. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_INET,
  AF_UNIX,
  bind,
  close,
  ftok,
  getpeername,
  getsockname,
  getsockopt,
  IPC_PRIVATE,
  IPC_RMID,
  LibcError,
  pipe,
  poke,
  ReadOnlyMemory,
  setsockopt,
  shmat,
  shmctl,
  shmdt,
  shmget,
  SO_REUSEADDR,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  sockaddr_in,
  sockaddr_storage,
  sockaddr_un,
  socket,
  SOL_SOCKET,
  trace,
  type TraceEvent,
  write,
} from "../mod.ts";
import { interrupted } from "./ffi/objects/_interrupted.ts";

Deno.test("a trace's listener may ask for socket options and addresses in the middle of such a call", () => {
  const stream = socket(AF_INET, SOCK_STREAM, 0);
  const other = socket(AF_UNIX, SOCK_DGRAM, 0);
  const name = new sockaddr_un();
  name.sun_path = "\0" + `ipc_playground_${crypto.randomUUID()}`.padEnd(107, "A");
  bind(other, name);
  try {
    const ask = () => void getsockopt(other, SOL_SOCKET, SO_TYPE);
    assertEquals(interrupted("getsockopt", ask, () => getsockopt(stream, SOL_SOCKET, SO_TYPE)), SOCK_STREAM);
    const unset = () => setsockopt(other, SOL_SOCKET, SO_REUSEADDR, 0);
    interrupted("setsockopt", unset, () => setsockopt(stream, SOL_SOCKET, SO_REUSEADDR, 1));
    assertEquals(getsockopt(stream, SOL_SOCKET, SO_REUSEADDR), 1);
    const small = new sockaddr_in();
    const fail = () => void assertThrows(() => getpeername(other, new sockaddr_storage()), LibcError);
    interrupted("getsockname", fail, () => getsockname(other, small));
    assertEquals([small.family, small.length], [AF_UNIX, 16]);
  } finally {
    close(stream);
    close(other);
  }
});

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

Deno.test("shmdt() and ReadOnlyMemory.read() do not believe what a buffer says of itself", () => {
  // deno-lint-ignore no-explicit-any -- what no type allows
  const attach = (): any => {
    const id = shmget(IPC_PRIVATE, 4096, 0o600);
    const shm = shmat(id);
    shmctl(id, IPC_RMID);
    return shm;
  };
  const read = attach();
  read.buffer.length = 2 ** 40;
  assertThrows(() => ReadOnlyMemory.prototype.read.call(read.buffer, 1e9, 10), LibcError);
  shmdt(read);
  const transfer = attach();
  transfer.buffer.transfer = () => {};
  shmdt(transfer);
  assertEquals(transfer[0], undefined);
  const proto = attach();
  Object.setPrototypeOf(proto.buffer, Object.prototype);
  shmdt(proto);
  assertEquals(proto[0], undefined);
});

Deno.test("getsockopt() refuses options whose structures would lead the kernel elsewhere", () => {
  const fd = socket(AF_INET, SOCK_DGRAM, 0);
  const IPPROTO_IP = 0, IP_MSFILTER = 41;
  const error = assertThrows(() => getsockopt(fd, IPPROTO_IP, IP_MSFILTER, new Uint8Array(16)), LibcError);
  assertEquals((error as LibcError).code, "EOPNOTSUPP");
  close(fd);
});
