/** Nothing that is done to an object from outside makes it remove something that it has not made. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { IPC_PRIVATE } from "../../../ffi/libc/sys/ipc.ts";
import {
  AF_INET,
  htonl,
  htons,
  INADDR_LOOPBACK,
  type IpcObject,
  LibcError,
  Listener,
  Message,
  MessageQueue,
  SemaphoreSet,
  SharedMemory,
  sockaddr_in,
  Socket,
} from "../../../mod.ts";
import { allMade } from "../../../ffi/objects/_made.ts";
import { fails, freePort, objects, rejects } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what no type allows
type Anything = any;

const kinds: [kind: "shm" | "msg" | "sem", type: Anything, make: () => IpcObject][] = [
  ["shm", SharedMemory, () => SharedMemory.create(10)],
  ["msg", MessageQueue, () => MessageQueue.create()],
  ["sem", SemaphoreSet, () => SemaphoreSet.create(1)],
];

function exists(kind: "shm" | "msg" | "sem", id: number): boolean {
  return objects(kind).some((object) => object.id === id);
}

Deno.test("an object's id cannot be changed: dispose removes what it made, and nothing else", () => {
  for (const [kind, , make] of kinds) {
    using other = make();
    const object = make();
    const { id } = object;
    assertThrows(() => (object as Anything).id = other.id, TypeError);
    assertEquals(object.id, id);
    Object.defineProperty(object, "id", { value: other.id });
    object[Symbol.dispose]();
    assertEquals([exists(kind, id), exists(kind, other.id)], [false, true], kind);
    const second = make();
    const real = second.id;
    Object.defineProperty(second, "id", { value: other.id });
    second.remove();
    second[Symbol.dispose](); // a segment is gone when it is detached
    assertEquals([exists(kind, real), exists(kind, other.id)], [false, true], kind);
  }
});

Deno.test("an object's methods can be replaced without dispose removing something else", () => {
  for (const [kind, , make] of kinds) {
    using other = make();
    const object = make();
    const { id } = object;
    for (
      const name of ["control", "structure", "permissions", "stat", "change", "remove", "attached", "detach", "key"]
    ) {
      Object.defineProperty(object, name, { value: () => other.id });
    }
    object[Symbol.dispose]();
    assertEquals([exists(kind, id), exists(kind, other.id)], [false, true], kind);
  }
});

Deno.test("an object that a constructor was made to give removes nothing", () => {
  for (const [kind, type, make] of kinds) {
    using other = make();
    for (const args of [[other.id, true], [other.id, kind], [other.id, true, IPC_PRIVATE]]) {
      const object = new type(...args);
      object[Symbol.dispose]();
      assert(exists(kind, other.id), kind);
    }
    const borrowed = Object.create(type.prototype);
    assertThrows(() => borrowed.remove.call(other.id), TypeError);
  }
});

Deno.test("a copy, a descendant and a proxy of an object remove nothing", () => {
  for (const [kind, , make] of kinds) {
    using made = make();
    const dispose = made[Symbol.dispose];
    for (const other of [{ ...made }, Object.create(made), new Proxy(made, {})]) {
      try {
        dispose.call(other);
      } catch (error) {
        assert(error instanceof TypeError, "no such private field");
      }
      assert(exists(kind, made.id), kind);
    }
  }
});

Deno.test("a listener removes the file that it made, whatever it is told", () => {
  const directory = Deno.makeTempDirSync();
  try {
    const precious = `${directory}/precious`;
    Deno.writeTextFileSync(precious, "");
    const listener = Socket.listen(`${directory}/socket`);
    const socket = Socket.bind(`${directory}/datagrams`);
    for (const object of [listener, socket] as Anything[]) {
      assertThrows(() => object.fd = 0, TypeError);
      Object.defineProperty(object, "fd", { value: 0 });
      object.path = object.file = precious;
      Object.defineProperty(object, "address", { value: { path: precious } });
      object.close();
    }
    using inner = Socket.listen("127.0.0.1:0");
    const copy = new (Listener as Anything)(inner.fd, precious);
    copy.close();
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["precious"]);
    assertThrows(() => inner.close()); // its descriptor was closed by the copy
    assertEquals(inner.fd, -1);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a socket's type and family cannot be changed", () => {
  const [a, b] = Socket.pair();
  assertThrows(() => (a as Anything).type = 2, TypeError);
  assertThrows(() => (a as Anything).domain = 2, TypeError);
  a.close();
  b.close();
});

Deno.test("what was disposed of or removed is forgotten", () => {
  const before = allMade.size;
  for (const [, , make] of kinds) {
    {
      using _object = make();
      assertEquals(allMade.size, before + 1);
    }
    assertEquals(allMade.size, before);
    make().remove();
    assertEquals(allMade.size, before);
  }
  using listener = Socket.listen("127.0.0.1:0");
  assertEquals(allMade.size, before, "it has no file");
  using made = MessageQueue.create();
  MessageQueue.fromId(made.id);
  assertEquals([allMade.size, listener.fd >= 0], [before + 1, true]);
});

Deno.test("what cannot be read, shown or called is an error of the library's, in the classes as well", async () => {
  const fault = () => {
    throw new TypeError("mine");
  };
  const { proxy: revoked, revoke } = Proxy.revocable([], {});
  revoke();
  const traps = { get: fault, has: fault, getPrototypeOf: fault, ownKeys: fault, getOwnPropertyDescriptor: fault };
  const gone = new Uint8Array(8);
  gone.buffer.transfer();
  using queue = MessageQueue.create();
  using set = SemaphoreSet.create([1]);
  using segment = SharedMemory.create(8);
  const [a, b] = Socket.pair();
  try {
    for (const wrong of [revoked, new Proxy({}, traps), { [Symbol.for("Deno.customInspect")]: fault }] as Anything[]) {
      for (
        const call of [
          () => queue.trySend(wrong),
          () => set.setValues(wrong),
          () => SemaphoreSet.create(wrong),
          () => segment.write(wrong),
          () => segment.writeString(wrong),
          () => a.writeSync(wrong),
          () => Socket.connectSync(wrong),
          () => Socket.listen(wrong),
          () => new Message(1, wrong),
          () => (queue as Anything).change(wrong),
        ]
      ) assertThrows(call, LibcError);
      await assertRejects(() => queue.send(wrong), LibcError);
      await assertRejects(() => set.op(wrong), LibcError);
      await assertRejects(() => a.sendTo("x", wrong), LibcError);
    }
    // a message of no bytes, and nothing to write
    queue.trySend(gone);
    await queue.send(gone);
    assertEquals([queue.tryReceive()?.data.length, queue.byteCount, queue.messageCount], [0, 0, 1]);
    a.writeSync(gone);
    await a.write(Object.setPrototypeOf(new Uint8Array([7]), null));
    const into = Object.defineProperty(new Uint8Array(1), "length", { value: 300 });
    assertEquals([b.readSync(into), into[0]], [1, 7]);
    fails("EINVAL", () => set.setValues({ length: 2 ** 40 }));
    queue.trySend("x", { type: 5 });
    assertEquals((await queue.receive({ type: 1, except: Symbol() as Anything })).type, 5);
    fails("EINVAL", () => new Message(1, new Uint8Array(4), 3, 2));
    fails("EINVAL", () => new Message(1, new Uint8Array(4), 0, 5));
    assertEquals(new Message(1, new Uint8Array([104, 105]), 1).text, "i");
  } finally {
    a.close();
    b.close();
  }
});

Deno.test("Socket.connect() to an address that cannot be shown fails as to any other", async () => {
  // nobody listens on the port, which is found out only after a while: the socket does not wait
  const address = new sockaddr_in();
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(freePort());
  Object.defineProperty(address, "toString", {
    value() {
      throw new Error("in toString");
    },
  });
  await rejects("ECONNREFUSED", Socket.connect(address));
  fails("ECONNREFUSED", () => Socket.connectSync(address));
});
