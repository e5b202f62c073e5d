/** Whatever is done to what the library exports, the kernel and libc stay inside the memory that there is. */
import { assertEquals, assertThrows } from "@std/assert";
import * as mod from "../../../mod.ts";
import {
  AF_INET,
  bind,
  close,
  getsockname,
  getsockopt,
  LibcError,
  linger,
  memcpy,
  msgbuf,
  poll,
  pollfds,
  setsockopt,
  SOCK_STREAM,
  sockaddr,
  sockaddr_in,
  socket,
  Struct,
  timeval,
} from "../../../mod.ts";
import { fails, rejects, runSource } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what no type allows
type Anything = any;

/** Each changes a class for good, so it has a process of its own; before the fix each of them ended with a signal. */
const CHANGES: readonly [what: string, source: string, said: string][] = [
  [
    "a shorter IPv6 address",
    `const a = sockaddr.parse("[::1]:80");
     Object.defineProperty(a, "sin6_addr", { value: { s6_addr: new Uint8Array(0) } });
     console.log(a.hostname);`,
    "::1",
  ],
  [
    "no room for an IPv4 address",
    `Object.defineProperty(sockaddr_in.prototype, "sin_addr", { get: () => ({ bytes: new Uint8Array(0) }) });
     for (let i = 0; i < 100_000; i++) sockaddr.parse("255.255.255.255:80");
     console.log(sockaddr.parse("255.255.255.255:80").hostname);`,
    "255.255.255.255",
  ],
  [
    "no room for an IPv6 address",
    `Object.defineProperty(sockaddr_in6.prototype, "sin6_addr", { get: () => ({ s6_addr: new Uint8Array(0) }) });
     for (let i = 0; i < 100_000; i++) sockaddr.parse("[ff::ffff]:80");
     console.log(sockaddr.parse("[ff::ffff]:80").hostname);`,
    "ff::ffff",
  ],
  [
    "a larger segment",
    `Object.defineProperty(shmid_ds.prototype, "shm_segsz", { get: () => 1 << 30 });
     Object.defineProperty(shmid_ds.prototype, "bytes", { get: () => new Uint8Array(0) });
     const id = shmget(IPC_PRIVATE, 4096, 0o600);
     const shm = shmat(id);
     shmctl(id, IPC_RMID);
     console.log(shm.length);`,
    "4096",
  ],
  [
    "a smaller set",
    `Object.defineProperty(semid_ds.prototype, "sem_nsems", { get: () => 0 });
     const id = semget(IPC_PRIVATE, 30_000, 0o600);
     try {
       for (let i = 0; i < 100; i++) semctl(id, 0, GETALL, new Uint16Array(1));
     } catch (error) {
       console.log(error.code);
     } finally {
       semctl(id, 0, IPC_RMID);
     }`,
    "EFAULT",
  ],
  [
    "a class that isn't one",
    `Object.setPrototypeOf(shmid_ds, class { constructor() { return { bytes: new Uint8Array(1), shm_segsz: 1 << 30 }; } });
     const id = shmget(IPC_PRIVATE, 4096, 0o600);
     try {
       shmat(id);
     } catch (error) {
       console.log(error.code);
     } finally {
       shmctl(id, IPC_RMID);
     }`,
    "EFAULT",
  ],
  [
    "a shorter msginfo",
    `Object.defineProperty(msginfo.prototype, "bytes", { get: () => new Uint8Array(0) });
     const id = msgget(IPC_PRIVATE, 0o600);
     const large = new msgbuf(1 << 20);
     large.mtype = 1;
     try {
       for (let i = 0; i < 1000; i++) {
         try {
           msgsnd(id, large, 1 << 20, 0);
         } catch (error) {
           if (i === 999) console.log(error.message.includes("msgmax"));
         }
       }
     } finally {
       msgctl(id, IPC_RMID);
     }`,
    "true",
  ],
  [
    "a part that is no structure",
    `Object.setPrototypeOf(in_addr, class {});
     new sockaddr_in().sin_addr;
     console.log(new timeval(1, 2).bytes.length, getaddrinfo("127.0.0.1", "80").length > 0);`,
    "16 true",
  ],
  [
    "a message that isn't one",
    `Object.setPrototypeOf(msgbuf, class { constructor() { return { bytes: { buffer: new ArrayBuffer(8) } }; } });
     try {
       new msgbuf(100);
     } catch (error) {
       console.log(error.code);
     }`,
    "EFAULT",
  ],
];

for (const [what, source, said] of CHANGES) {
  Deno.test(`redefined properties do no harm: ${what}`, async () => {
    const all = Object.keys(mod).filter((name) => new RegExp(`\\b${name}\\b`).test(source)).join(", ");
    const { signal, stdout, stderr } = await runSource(`import { ${all} } from "@mod";\n${source}`, [], {
      flags: ["--no-check"],
    });
    assertEquals([signal, stdout.trim(), stderr], [null, said, ""]);
  });
}

Deno.test("what only looks like an address or an array of pollfd is refused before the call", () => {
  const fd = socket(AF_INET, SOCK_STREAM, 0);
  try {
    const looks: Anything[] = [
      Object.create(sockaddr_in.prototype),
      Object.setPrototypeOf(new timeval(), sockaddr_in.prototype),
      new Proxy(new sockaddr_in(), {}),
    ];
    for (const address of looks) {
      fails("EFAULT", () => bind(fd, address));
      fails("EFAULT", () => getsockname(fd, address));
    }
    for (const fds of [null, [], { length: 1 }, Object.create(pollfds.prototype)] as Anything[]) {
      fails("EFAULT", () => poll(fds, 0));
    }
  } finally {
    close(fd);
  }
});

Deno.test("an error tells of an address by its own bytes", () => {
  for (const text of ["127.0.0.1:80", "/x", "[::1]:80"]) {
    const address = sockaddr.parse(text);
    Object.defineProperty(address, "bytes", { value: null });
    assertEquals(assertThrows(() => bind(-1, address), LibcError).message.includes(text), true);
  }
});

Deno.test("poll() asks about as many descriptors as there are, whatever the length is set to", () => {
  const fds = new pollfds([-1, 0], [-1, 0]);
  for (const length of [0, 3, 2 ** 40, 1n, "1", Symbol()]) {
    (fds as Anything).length = length;
    assertEquals(poll(fds, 0), 0);
  }
});

Deno.test("memcpy() and linger() take nothing for something else", () => {
  for (const src of ["abc", { length: 4 }, [1, 2, 3], new Uint16Array(4)] as Anything[]) {
    fails("EFAULT", () => memcpy(new Uint8Array(4), src, 2));
    fails("EFAULT", () => memcpy(src, new Uint8Array(4), 2));
  }
  fails("EFAULT", () => memcpy(new Uint8Array(4), new Uint8Array(4), Symbol() as Anything));
  for (const onoff of [Symbol(), 1n, "1", [1]] as Anything[]) fails("EINVAL", () => new linger(onoff));
  assertEquals([new linger(true).l_onoff, new linger(false).l_onoff, new linger(1).l_onoff], [1, 0, 1]);
});

Deno.test("options by which the kernel writes to an address in a structure are refused", () => {
  const SOL_MPTCP = 284, MPTCP_FULL_INFO = 4, SOL_XDP = 283, XDP_UMEM_REG = 4, IPT_SO_SET_REPLACE = 64;
  const fd = socket(AF_INET, SOCK_STREAM, 0);
  try {
    fails("EOPNOTSUPP", () => getsockopt(fd, SOL_MPTCP, MPTCP_FULL_INFO, new Uint8Array(512)));
    fails("EOPNOTSUPP", () => setsockopt(fd, SOL_XDP, XDP_UMEM_REG, new Uint8Array(32)));
    fails("EOPNOTSUPP", () => setsockopt(fd, 0, IPT_SO_SET_REPLACE, new Uint8Array(96)));
  } finally {
    close(fd);
  }
});

Deno.test("a structure of one's own has a sensible size, or none", () => {
  class Own extends Struct {
    constructor(size: Anything) {
      super(size);
    }
  }
  assertEquals([new Own(12).bytes.length, new Own(undefined).bytes.length], [12, 0]);
  for (const size of [-1, 1.5, NaN, 2 ** 60, "8", null, Symbol("size"), new Uint8Array(8)]) {
    fails("EINVAL", () => new Own(size));
  }
});

Deno.test("a structure whose memory was transferred away says so, member by member", () => {
  const time = new timeval(1, 2);
  const address = new sockaddr_in();
  const { sin_addr } = address;
  const message = new msgbuf(8);
  message.bytes.buffer.transfer();
  time.bytes.buffer.transfer();
  address.bytes.buffer.transfer();
  for (
    const use of [
      () => message.mtype,
      () => time.tv_sec,
      () => time.tv_sec = 3,
      () => address.sin_port,
      () => address.sin_port = 3,
      () => sin_addr.s_addr,
      () => new sockaddr_in().sin_addr.s_addr + address.sin_addr.s_addr,
    ]
  ) fails("EFAULT", use);
  assertEquals([`${address}`, address.family, address.hostname], ["", 0, undefined]);
});

/** Says something else of itself than what is so, in every way that there is. */
function lying<T extends object>(value: T): T {
  for (const name of ["bytes", "length", "buffer", "byteLength", "byteOffset", "subarray", "slice", "set", "indexOf"]) {
    Object.defineProperty(value, name, { get: () => name === "bytes" ? new Uint8Array(1) : 300 });
  }
  return value;
}

/** Names another class for what is derived from it. */
class Species extends Uint8Array {
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint16Array as Anything;
  }
}

Deno.test("what a structure hands to the kernel is what it was made with", () => {
  const fd = socket(AF_INET, SOCK_STREAM, 0);
  const queue = mod.msgget(mod.IPC_PRIVATE, 0o600);
  const set = mod.semget(mod.IPC_PRIVATE, 1, 0o600);
  try {
    const time = new timeval(3, 0);
    lying(time.bytes);
    setsockopt(fd, mod.SOL_SOCKET, mod.SO_RCVTIMEO, lying(time));
    const back = lying(new timeval());
    assertEquals([getsockopt(fd, mod.SOL_SOCKET, mod.SO_RCVTIMEO, back), back.tv_sec], [16, 3]);
    class Smaller extends linger {
      override get bytes(): Uint8Array<ArrayBuffer> {
        return new Uint8Array(1);
      }
    }
    assertEquals(getsockopt(fd, mod.SOL_SOCKET, mod.SO_LINGER, new Smaller()), 8);
    class Message extends msgbuf {
      override get bytes(): Uint8Array<ArrayBuffer> {
        return new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 }));
      }
    }
    const message = new Message(64);
    message.mtype = 1;
    mod.msgsnd(queue, lying(message), 64, mod.IPC_NOWAIT);
    lying(message.mtext);
    assertEquals(mod.msgrcv(queue, Object.freeze<Anything>(message), 64, 0, mod.IPC_NOWAIT), 64);
    const ops = lying(new mod.sembuf([0, 1]));
    mod.semop(set, Object.setPrototypeOf(ops, null));
    assertEquals(mod.semctl(set, 0, mod.GETVAL), 1);
    const fds = lying(new pollfds([fd, 0]));
    poll(fds, 0);
    assertEquals(mod.semctl(set, 0, mod.IPC_STAT, lying(new mod.semid_ds())), 0);
  } finally {
    close(fd);
    mod.msgctl(queue, mod.IPC_RMID);
    mod.semctl(set, 0, mod.IPC_RMID);
  }
});

Deno.test("an array is as long as its memory, whatever it says, and stays so under whatever class", () => {
  const [reader, writer] = mod.pipe();
  try {
    for (const length of [undefined, 300, 301, 2 ** 31]) {
      const buffer = lying(new Uint8Array(4));
      if (length === undefined) {
        mod.write(writer, buffer);
        assertEquals(mod.read(reader, buffer), 4);
      } else fails("EFAULT", () => mod.write(writer, buffer, length));
    }
    const text = new Species([104, 105, 0, 7]);
    assertEquals([mod.strlen(text), mod.cstr(text)], [2, "hi"]);
    assertEquals(mod.memcpy(new Species(2), text, 2)[1], 105);
    assertEquals(mod.sprintf(lying(new Uint8Array(3)), "%s", text), 2);
    fails("EOVERFLOW", () => mod.strcpy(lying(new Uint8Array(4)), "text"));
    assertEquals([mod.peek(text, 1), mod.peek(lying(new Uint8Array([1, 2])), 1)], [105, 2]);
    fails("EINVAL", () => mod.poke(lying(new Uint8Array(4)), 4, 1));
  } finally {
    close(reader);
    close(writer);
  }
});

Deno.test("memory that is gone is an error, and is empty where nothing of it is wanted", () => {
  const transferred = new Uint8Array(8);
  transferred.buffer.transfer();
  const buffer = new ArrayBuffer(8, { maxByteLength: 16 });
  const outside = new Uint8Array(buffer, 4, 4);
  buffer.resize(2);
  const id = mod.shmget(mod.IPC_PRIVATE, 8, 0o600);
  const segment = mod.shmat(id);
  mod.shmctl(id, mod.IPC_RMID);
  mod.shmdt(segment);
  for (const gone of [transferred, outside, segment]) {
    fails("EFAULT", () => mod.strlen(gone));
    fails("EFAULT", () => mod.cstr(gone));
    fails("EFAULT", () => mod.sprintf(new Uint8Array(8), "%s", gone));
    fails("EOVERFLOW", () => mod.sprintf(gone, "%d", 1));
    fails("EFAULT", () => memcpy(gone, new Uint8Array(8), 1));
    fails("EFAULT", () => memcpy(new Uint8Array(8), gone, 1));
    assertEquals(memcpy(gone, new Uint8Array(8), 0), gone);
    fails("EINVAL", () => mod.peek(gone, 0));
    fails("EINVAL", () => mod.poke(gone, 0, 1));
    fails("EFAULT", () => mod.fgets(gone, 1, 0));
  }
});

Deno.test("a copy for which there is no memory is ENOMEM", () => {
  const size = 2 ** 40;
  let id: number;
  try {
    id = mod.shmget(mod.IPC_PRIVATE, size, mod.SHM_NORESERVE | 0o600);
  } catch {
    return; // not even a promise of it
  }
  try {
    const memory = mod.shmat(id, null, mod.SHM_RDONLY);
    try {
      fails("ENOMEM", () => memory.read());
      fails("EINVAL", () => memory.read(0, size + 1));
      assertEquals(memory.read(size - 2), new Uint8Array(2));
    } finally {
      mod.shmdt(memory);
    }
  } finally {
    mod.shmctl(id, mod.IPC_RMID);
  }
  fails("EINVAL", () => new mod.ReadOnlyMemory(64e9).read());
});

Deno.test("a value that cannot even be shown is an error like any other", () => {
  const fault = () => {
    throw new TypeError("mine");
  };
  const shy = { [Symbol.for("Deno.customInspect")]: fault, toString: fault, valueOf: fault };
  const traps = { get: fault, has: fault, getPrototypeOf: fault, ownKeys: fault, getOwnPropertyDescriptor: fault };
  for (const wrong of [shy, new Proxy({}, traps), new Proxy([], traps), new Proxy(() => {}, traps)] as Anything[]) {
    for (
      const call of [
        () => memcpy(wrong, wrong, wrong),
        () => mod.strlen(wrong),
        () => mod.peek(wrong, 0),
        () => mod.shmdt(wrong),
        () => mod.semop(0, wrong),
        () => mod.msgsnd(0, wrong, 1, 0),
        () => poll(wrong, 0),
        () => bind(-1, wrong),
        () => setsockopt(-1, 1, 1, wrong),
        () => getsockopt(-1, 1, 1, wrong),
        () => mod.execve("/none", wrong, []),
        () => mod.execve("/none", [wrong], []),
        () => mod.sprintf(new Uint8Array(8), "%s", wrong),
        () => mod.putchar(wrong),
        () => mod.signal(mod.SIGUSR1, typeof wrong === "function" ? {} as Anything : wrong),
        () => mod.open(wrong, 0),
        () => mod.htons(wrong),
        () => sockaddr.parse(wrong),
        () => mod.getaddrinfo("127.0.0.1", null, { ai_flags: wrong }),
      ]
    ) assertThrows(call, LibcError);
  }
  // what is thrown on is what was given
  for (const wrong of [shy, null, 5, new Proxy({}, {})]) {
    try {
      mod.perror("x", wrong);
    } catch (error) {
      assertEquals(Object.is(error, wrong), true);
    }
  }
});

Deno.test("options are an object that can be read, or none", async () => {
  const hidden = {
    get ai_flags(): number {
      throw new TypeError("mine");
    },
    get signal(): AbortSignal {
      throw new TypeError("mine");
    },
  };
  for (const options of [5, "x", Symbol(), () => {}, true, 1n, hidden] as Anything[]) {
    fails("EINVAL", () => mod.getaddrinfo("127.0.0.1", null, options));
    await rejects("EINVAL", mod.pause(options));
  }
  for (const signal of [5, {}, { aborted: false, addEventListener() {} }]) {
    await rejects("EINVAL", mod.pause({ signal: signal as Anything }));
  }
  for (const options of [null, undefined, {}, Object.create(null)] as Anything[]) {
    assertEquals(mod.getaddrinfo("127.0.0.1", null, options).length > 0, true);
  }
});

Deno.test("execve() takes arrays without holes, and not more than the kernel would", () => {
  for (const list of [[, "x"], ["x", , "y"], new Array(1e6), ["\0"], [null], { length: 1 }] as Anything[]) {
    fails("EINVAL", () => mod.execve("/none", list, []));
    fails("EINVAL", () => mod.execve("/none", [], list));
  }
  fails("E2BIG", () => mod.execve("/none", new Array(2 ** 32 - 1), []));
  const iterated = Object.assign(["x"], { [Symbol.iterator]: () => fails("EINVAL", () => {}) });
  fails("ENOENT", () => mod.execve("/none", iterated, []));
});

Deno.test("an error tells of an address that does not let itself be told of", () => {
  class Shy extends sockaddr_in {
    override toString(): string {
      throw new TypeError("mine");
    }
  }
  class Sly extends sockaddr_in {
    override get length(): number {
      throw new TypeError("mine");
    }
  }
  fails("EBADF", () => bind(-1, new Shy()));
  fails("EFAULT", () => bind(-1, new Sly()));
  fails("EBADF", () => mod.sendto(-1, "x", undefined, 0, new Shy()));
});

Deno.test("an address that was made wrong, is gone, or does not say how long it is", () => {
  class Made extends sockaddr {
    constructor(family: Anything) {
      super(family);
    }
  }
  for (const family of [1n, -1, 256, 0.5, "2", Symbol(), null]) fails("EINVAL", () => new Made(family));
  const gone = new mod.sockaddr_un();
  gone.bytes.buffer.transfer();
  fails("EFAULT", () => gone.sun_path);
  fails("EFAULT", () => gone.sun_path = "/x");
  fails("EFAULT", bytesOfGone);
  for (const length of ["16", null, Symbol(), 16n]) {
    const address = Object.defineProperty(sockaddr.parse("/x"), "length", { value: length });
    fails("EFAULT", () => address.path);
    fails("EFAULT", () => bind(-1, address));
    assertEquals(typeof Deno.inspect(address), "string");
  }
});

/** The bytes of a structure that were never asked for before its memory went with that of the one around it. */
function bytesOfGone(): number {
  const address = new sockaddr_in();
  const { sin_addr } = address;
  address.bytes.buffer.transfer();
  return sin_addr.bytes.length;
}
