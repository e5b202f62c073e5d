import { assert, assertEquals, assertMatch } from "@std/assert";
import * as netdb from "../../../ffi/libc/netdb.ts";
import {
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  EAI_NONAME,
  gai_strerror,
  getaddrinfo,
  getnameinfo,
  NI_DGRAM,
  NI_NAMEREQD,
  NI_NOFQDN,
  NI_NUMERICHOST,
  NI_NUMERICSERV,
} from "../../../ffi/libc/netdb.ts";
import { IPPROTO_TCP, IPPROTO_UDP, sockaddr_in } from "../../../ffi/libc/netinet/in.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  SOCK_DGRAM,
  SOCK_STREAM,
  sockaddr,
  sockaddr_storage,
} from "../../../ffi/libc/sys/socket.ts";
import { lookupAsync } from "../../../ffi/objects/_address.ts";
import { getaddrinfoElsewhere } from "../../../ffi/libc/netdb.ts";
import { fails, rejects } from "../../support.ts";

Deno.test("getaddrinfo() gives an address for every socket type", () => {
  const list = getaddrinfo("127.0.0.1", "1625");
  assertEquals(list.slice(0, 2).map(({ ai_socktype, ai_protocol }) => [ai_socktype, ai_protocol]), [
    [SOCK_STREAM, IPPROTO_TCP],
    [SOCK_DGRAM, IPPROTO_UDP],
  ]);
  for (const { ai_family, ai_addr, ai_canonname } of list) {
    assertEquals([ai_family, `${ai_addr}`, ai_canonname], [AF_INET, "127.0.0.1:1625", undefined]);
    assert(ai_addr instanceof sockaddr);
  }
});

Deno.test("getaddrinfo() keeps to the hints", () => {
  const hints = { ai_socktype: SOCK_STREAM };
  const text = (...args: Parameters<typeof getaddrinfo>) => getaddrinfo(...args).map(({ ai_addr }) => `${ai_addr}`);
  assertEquals(text("::1", "80", hints), ["[::1]:80"]);
  assertEquals(text("127.0.0.1", null, hints), ["127.0.0.1:0"]);
  assertEquals(text(null, "80", { ...hints, ai_family: AF_INET }), ["127.0.0.1:80"]);
  assertEquals(text(null, "80", { ...hints, ai_family: AF_INET, ai_flags: AI_PASSIVE }), ["0.0.0.0:80"]);
  assertEquals(text(null, "80", { ...hints, ai_family: AF_INET6, ai_flags: AI_PASSIVE }), ["[::]:80"]);
  assertEquals(text("fe80::1%lo", "80", hints), ["[fe80::1%lo]:80"]);
  const [named] = getaddrinfo("127.0.0.1", null, { ...hints, ai_flags: AI_CANONNAME });
  assertEquals(named.ai_canonname, "127.0.0.1");
});

Deno.test("getaddrinfo() finds localhost", () => {
  const [found] = getaddrinfo("localhost", "80", { ai_family: AF_INET, ai_socktype: SOCK_STREAM });
  assertMatch(`${found.ai_addr}`, /^127\.\d+\.\d+\.\d+:80$/);
});

Deno.test("getaddrinfo() fails with the EAI_ errors, whose numbers are negative", () => {
  const flags = { ai_flags: AI_NUMERICHOST };
  const error = fails("EAI_NONAME", () => getaddrinfo("nosuchhost", null, flags));
  assertEquals(error.errno, EAI_NONAME);
  assertEquals(error.syscall, "getaddrinfo");
  assertEquals(error.reason, "Name or service not known");
  assertEquals(error.message, "getaddrinfo: Name or service not known (host 'nosuchhost')");
  fails("EAI_NONAME", () => getaddrinfo(null, null));
  fails("EAI_NONAME", () => getaddrinfo("127.0.0.1", "http", { ai_flags: AI_NUMERICSERV }));
  fails("EAI_BADFLAGS", () => getaddrinfo("127.0.0.1", null, { ai_flags: 1 << 30 }));
  fails("EAI_FAMILY", () => getaddrinfo("127.0.0.1", null, { ai_family: AF_UNIX }));
  fails("EAI_SOCKTYPE", () => getaddrinfo("127.0.0.1", null, { ai_socktype: 77 }));
  fails("EAI_SERVICE", () => getaddrinfo("127.0.0.1", "no-such-service", { ai_socktype: SOCK_STREAM }));
  fails("EAI_ADDRFAMILY", () => getaddrinfo("::1", null, { ai_family: AF_INET }));
});

Deno.test("getaddrinfo() fails with EINVAL if an argument is no string or number", () => {
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [1, undefined, {}, "a\0b"] as any[]) {
    fails("EINVAL", () => getaddrinfo(value, null));
    fails("EINVAL", () => getaddrinfo(null, value));
  }
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [1.5, NaN, 2 ** 40, "1", null] as any[]) {
    for (const name of ["ai_flags", "ai_family", "ai_socktype", "ai_protocol"]) {
      fails("EINVAL", () => getaddrinfo("127.0.0.1", null, { [name]: value }));
    }
  }
});

Deno.test("gai_strerror() has a message for every EAI_ constant but the one that glibc forgot", () => {
  for (const [name, value] of Object.entries(netdb)) {
    if (/^EAI_(?!OVERFLOW)/.test(name)) assert(gai_strerror(value as number) !== "Unknown error", name);
  }
  fails("EINVAL", () => gai_strerror(1.5));
});

Deno.test("getaddrinfoElsewhere() does the same on another thread", async () => {
  const hints = { ai_family: AF_INET, ai_socktype: SOCK_STREAM };
  const lists = await Promise.all([0, 1, 2, 3].map((i) => getaddrinfoElsewhere("localhost", String(80 + i), hints)));
  lists.forEach(([{ ai_addr }], i) => assertEquals(ai_addr.port, 80 + i));
  await rejects("EAI_NONAME", getaddrinfoElsewhere("no such host", null, { ai_flags: AI_NUMERICHOST }));
});

Deno.test("getaddrinfoElsewhere() keeps the questions of many apart, whatever their length", async () => {
  const hints = { ai_family: AF_INET, ai_flags: AI_NUMERICHOST, ai_socktype: SOCK_STREAM };
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 50 }, async (_, i) => {
      const [{ ai_addr }] = await getaddrinfoElsewhere(`127.0.0.${i}`, String(1000 + i), hints);
      assertEquals(`${ai_addr}`, `127.0.0.${i}:${1000 + i}`);
      await rejects("EAI_NONAME", getaddrinfoElsewhere("x".repeat(100 * i), null, hints));
    }));
  }
});

Deno.test("lookupAsync() rejects with the signal's reason", async () => {
  const stop = new AbortController();
  const answer = lookupAsync("localhost:80", SOCK_STREAM, AF_INET, stop.signal);
  stop.abort("enough");
  const reason = await answer.then(() => "found", (reason) => reason);
  assertEquals(reason, "enough");
  // the thread is done when a second question has been answered, which keeps this test's operations its own
  await getaddrinfoElsewhere("localhost", null, {});
});

const NUMERIC = NI_NUMERICHOST | NI_NUMERICSERV;

Deno.test("getnameinfo() gives host and service, as numbers or by name", () => {
  const ask = (text: string, flags?: number) => Object.values(getnameinfo(sockaddr.parse(text), flags));
  assertEquals(ask("127.0.0.1:1625", NUMERIC), ["127.0.0.1", "1625"]);
  assertEquals(ask("[::1]:65535", NUMERIC), ["::1", "65535"]);
  assertEquals(ask("[fe80::1%lo]:0", NUMERIC), ["fe80::1%lo", "0"]);
  assertEquals(ask("[::ffff:1.2.3.4]:9", NUMERIC), ["::ffff:1.2.3.4", "9"]);
  // names come from /etc/hosts and /etc/services, which not every machine has
  const [host] = ask("127.0.0.1:1625");
  assertMatch(host, /^[\w.-]+$/);
  assertEquals(ask("127.0.0.1:1625", NI_NOFQDN | NI_NUMERICSERV), [host, "1625"]);
  const tcp = ask("127.0.0.1:512", NI_NUMERICHOST)[1];
  const udp = ask("127.0.0.1:512", NI_NUMERICHOST | NI_DGRAM)[1];
  if (tcp === "512") return console.log("skipped: this machine has no names of services");
  assertEquals([tcp, udp], ["exec", "biff"]);
});

Deno.test("getnameinfo() and getaddrinfo() are each other's inverse", () => {
  for (const text of ["192.0.2.1:9", "[2001:db8::5]:443"]) {
    const { host, serv } = getnameinfo(sockaddr.parse(text), NUMERIC);
    const [{ ai_addr }] = getaddrinfo(host, serv, { ai_flags: AI_NUMERICHOST | AI_NUMERICSERV });
    assertEquals(`${ai_addr}`, text);
  }
});

Deno.test("getnameinfo() of a unix socket gives the whole path, and reads none that isn't there", () => {
  const path = "/" + "p".repeat(106);
  const { host, serv } = getnameinfo(sockaddr.parse(path), 0);
  assertEquals(serv, path);
  assert(host.length > 0);
  // an address of another class with this family: what lies behind it is nobody's
  const short = new sockaddr_in();
  short.sin_family = AF_UNIX;
  short.bytes.fill(120, 2);
  assertEquals(getnameinfo(short, 0).serv, "x".repeat(14));
});

Deno.test("getnameinfo() fails with the EAI_ errors", () => {
  const address = sockaddr.parse("127.0.0.1:80");
  const error = fails("EAI_BADFLAGS", () => getnameinfo(address, 1 << 20));
  assertEquals([error.errno, error.syscall, error.detail], [-1, "getnameinfo", "127.0.0.1:80"]);
  assertEquals(error.reason, gai_strerror(-1));
  fails("EAI_NONAME", () => getnameinfo(address, NI_NUMERICHOST | NI_NAMEREQD));
  fails("EAI_FAMILY", () => getnameinfo(new sockaddr_storage(), NUMERIC));
  const other = new sockaddr_in();
  other.sin_family = 77;
  fails("EAI_FAMILY", () => getnameinfo(other, NUMERIC));
  // room for an IPv4 address is too short for one of IPv6
  other.sin_family = AF_INET6;
  fails("EAI_FAMILY", () => getnameinfo(other, NUMERIC));
});

Deno.test("getnameinfo() fails with EFAULT or EINVAL if an argument is no address or no number", () => {
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  type Anything = any;
  for (const value of [undefined, null, 5, "127.0.0.1:80", {}, Object.create(sockaddr_in.prototype)] as Anything[]) {
    fails("EFAULT", () => getnameinfo(value, NUMERIC));
  }
  const address = sockaddr.parse("127.0.0.1:80");
  for (const value of [null, NaN, 1.5, 2 ** 31, "1", {}] as Anything[]) {
    fails("EINVAL", () => getnameinfo(address, value));
  }
  address.bytes.buffer.transfer();
  fails("EFAULT", () => getnameinfo(address, NUMERIC));
});
