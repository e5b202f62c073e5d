/** Whatever is done to what the library exports, the kernel and libc stay inside the memory that there is. */
import { assertEquals, assertThrows } from "@std/assert";
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
import { fails, runSource } from "../../support.ts";

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
];

for (const [what, source, said] of CHANGES) {
  Deno.test(`redefined properties do no harm: ${what}`, async () => {
    const names = ["GETALL", "IPC_PRIVATE", "IPC_RMID", "semctl", "semget", "semid_ds", "shmat", "shmctl", "shmget"];
    const all = [...names, "shmid_ds", "sockaddr", "sockaddr_in", "sockaddr_in6"].join(", ");
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
