import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  htonl,
  htons,
  INADDR_ANY,
  INADDR_BROADCAST,
  INADDR_LOOPBACK,
  ntohl,
  ntohs,
  sockaddr_in,
  sockaddr_in6,
} from "../../../../ffi/libc/netinet/in.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_UNSPEC,
  linger,
  sockaddr,
  sockaddr_storage,
} from "../../../../ffi/libc/sys/socket.ts";
import { sockaddrFrom } from "../../../../ffi/libc/sys/_sockaddr.ts";
import { timeval } from "../../../../ffi/libc/sys/time.ts";
import { sockaddr_un } from "../../../../ffi/libc/sys/un.ts";
import { fails } from "../../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
const wrong: any[] = [-1, 1.5, NaN, Infinity, 2 ** 32, 2 ** 60, "1", null, undefined, 1n, {}];

Deno.test("htons() and its kin change the byte order", () => {
  assertEquals(htons(1625), 0x5906);
  assertEquals(htonl(0x7f000001), 0x0100007f);
  assertEquals(htonl(0x000000ff), 0xff000000);
  for (const port of [0, 1, 255, 256, 1625, 65535]) assertEquals(ntohs(htons(port)), port);
  for (const host of [INADDR_ANY, INADDR_LOOPBACK, INADDR_BROADCAST]) assertEquals(ntohl(htonl(host)), host);
});

Deno.test("htons() and its kin fail with EINVAL instead of cutting a number down", () => {
  for (const value of wrong) for (const f of [htons, ntohs, htonl, ntohl]) fails("EINVAL", () => f(value));
  for (const f of [htons, ntohs]) fails("EINVAL", () => f(65536));
});

Deno.test("sockaddr_in is filled as in C, and has its bytes in network order", () => {
  const serv_addr = new sockaddr_in();
  serv_addr.sin_family = AF_INET;
  serv_addr.sin_addr.s_addr = htonl(0xa1191308);
  serv_addr.sin_port = htons(1625);
  assertEquals([...serv_addr.bytes.subarray(2, 8)], [1625 >> 8, 1625 & 255, 161, 25, 19, 8]);
  assertEquals(`${serv_addr}`, "161.25.19.8:1625");
  assertEquals([serv_addr.hostname, serv_addr.port, serv_addr.path], ["161.25.19.8", 1625, undefined]);
  assertEquals([serv_addr.sin_port, serv_addr.sin_addr.s_addr], [htons(1625), htonl(0xa1191308)]);
});

Deno.test("sockaddr setters fail with EINVAL instead of cutting a number down", () => {
  const v4 = new sockaddr_in();
  const v6 = new sockaddr_in6();
  const un = new sockaddr_un();
  for (const value of wrong) {
    fails("EINVAL", () => v4.sin_port = value);
    fails("EINVAL", () => v4.sin_family = value);
    fails("EINVAL", () => v4.sin_addr.s_addr = value);
    fails("EINVAL", () => v6.sin6_port = value);
    fails("EINVAL", () => v6.sin6_family = value);
    fails("EINVAL", () => v6.sin6_flowinfo = value);
    fails("EINVAL", () => v6.sin6_scope_id = value);
    fails("EINVAL", () => un.sun_family = value);
    if (value !== "1") fails("EINVAL", () => un.sun_path = value);
  }
  fails("EINVAL", () => v4.sin_port = 65536);
});

Deno.test("sockaddr_in6 is filled as in C", () => {
  const serv_addr = new sockaddr_in6();
  serv_addr.sin6_addr.s6_addr[15] = 1;
  serv_addr.sin6_port = htons(1625);
  serv_addr.sin6_flowinfo = htonl(7);
  assertEquals(`${serv_addr}`, "[::1]:1625");
  assertEquals([serv_addr.length, serv_addr.family, serv_addr.sin6_family], [28, AF_INET6, AF_INET6]);
  assertEquals(ntohl(serv_addr.sin6_flowinfo), 7);
});

Deno.test("sockaddr_un counts a path's NUL into its length, and has none for abstract names", () => {
  const address = new sockaddr_un();
  assertEquals([address.length, address.sun_path, `${address}`], [2, "", ""]);
  address.sun_path = "/tmp/socket";
  assertEquals([address.length, address.sun_path, `${address}`], [2 + 11 + 1, "/tmp/socket", "/tmp/socket"]);
  address.sun_path = "\0a\0b";
  assertEquals([address.length, address.sun_path, `${address}`, address.path], [2 + 4, "\0a\0b", "@a\0b", "@a\0b"]);
  address.sun_path = "/é";
  assertEquals([address.length, address.sun_path], [2 + 3 + 1, "/é"]);
  assertEquals(address.bytes.subarray(6).every((byte) => byte === 0), true);
  assertEquals([address.sun_family, address.port, address.hostname], [AF_UNIX, undefined, undefined]);
});

Deno.test("sockaddr_un fails with ENAMETOOLONG beyond sun_path, with EINVAL if a path has a NUL inside", () => {
  const address = new sockaddr_un();
  address.sun_path = "/" + "x".repeat(106);
  assertEquals(address.length, 110);
  fails("ENAMETOOLONG", () => address.sun_path = "/" + "x".repeat(107));
  address.sun_path = "\0" + "x".repeat(107);
  assertEquals(address.length, 110);
  fails("ENAMETOOLONG", () => address.sun_path = "\0" + "x".repeat(108));
  fails("ENAMETOOLONG", () => address.sun_path = "/é".repeat(37));
  fails("EINVAL", () => address.sun_path = "/a\0b");
  fails("ENAMETOOLONG", () => sockaddr.parse("/" + "x".repeat(200)));
});

Deno.test("sockaddr.parse() and toString() agree", () => {
  const same = [
    "161.25.19.8:1625",
    "0.0.0.0:0",
    "255.255.255.255:65535",
    "[::1]:1625",
    "[::]:0",
    "[2001:db8::1:0:0:1]:1",
  ]
    .concat("[::ffff:1.2.3.4]:80", "[fe80::1%lo]:80", "/tmp/x", "./x", "../x", "/a:1", "@name", "@", "@a/b", "@a\0b");
  for (const text of same) assertEquals(`${sockaddr.parse(text)}`, text);
});

Deno.test("sockaddr.parse() gives the class of the family", () => {
  for (
    const [text, type, family] of [
      ["1.2.3.4:5", sockaddr_in, AF_INET],
      ["[::1]:5", sockaddr_in6, AF_INET6],
      ["/tmp/x", sockaddr_un, AF_UNIX],
      ["@x", sockaddr_un, AF_UNIX],
    ] as const
  ) {
    const address = sockaddr.parse(text);
    assert(address instanceof type);
    assertEquals(address.family, family);
  }
});

Deno.test("sockaddr.toString() writes IPv6 addresses in RFC 5952's form", () => {
  for (
    const [text, canonical] of [
      ["[2001:0DB8:0:0:0:0:0:1]:80", "[2001:db8::1]:80"],
      ["[2001:db8:0:1:1:1:1:1]:80", "[2001:db8:0:1:1:1:1:1]:80"], // a single group of zeros stays
      ["[2001:0:0:1:0:0:0:1]:80", "[2001:0:0:1::1]:80"], // the longest run goes
      ["[2001:db8:0:0:1:0:0:1]:80", "[2001:db8::1:0:0:1]:80"], // the first of two
      ["[0:0:0:0:0:FFFF:7f00:0001]:00080", "[::ffff:127.0.0.1]:80"],
    ]
  ) assertEquals(`${sockaddr.parse(text)}`, canonical);
});

Deno.test("sockaddr.parse() fails with EINVAL unless it's an address", () => {
  const texts = ["", "x", "localhost:80", "1.2.3.4", "1.2.3.4:", ":80", "1.2.3:80", "1.2.3.256:80", "1.2.3.4:65536"]
    .concat(
      "01.2.3.4:80",
      "1.2.3.4:-1",
      "1.2.3.4: 1",
      "[::1]",
      "[::1]:65536",
      "[::1:80",
      "::1:80",
      "[:::1]:80",
      "[1.2.3.4]:80",
    );
  for (const text of texts) fails("EINVAL", () => sockaddr.parse(text));
  for (const value of wrong) fails("EINVAL", () => sockaddr.parse(value));
  fails("EINVAL", () => sockaddr.parse("/a\0b"));
});

Deno.test("sockaddr.parse() takes an interface by name or number, and fails with ENODEV if there is none", () => {
  const lo = sockaddr.parse("[fe80::1%lo]:80") as sockaddr_in6;
  assert(lo.sin6_scope_id > 0);
  assertEquals(`${sockaddr.parse(`[fe80::1%${lo.sin6_scope_id}]:80`)}`, "[fe80::1%lo]:80");
  assertEquals(`${sockaddr.parse("[fe80::1%987654]:80")}`, "[fe80::1%987654]:80");
  fails("ENODEV", () => sockaddr.parse("[fe80::1%nosuch0]:80"));
});

Deno.test("sockaddr_storage is empty at first", () => {
  const address = new sockaddr_storage();
  assertEquals([address.length, address.ss_family, `${address}`, address.hostname], [0, AF_UNSPEC, "", undefined]);
  assertMatch(Deno.inspect(sockaddr.parse("1.2.3.4:5")), /sockaddr_in 1\.2\.3\.4:5/);
});

Deno.test("sockaddrFrom() takes any bytes", () => {
  const v4 = sockaddr.parse("1.2.3.4:5");
  assertEquals(`${sockaddrFrom(v4.bytes)}`, "1.2.3.4:5");
  const un = sockaddr.parse("@x");
  assertEquals(`${sockaddrFrom(un.bytes.subarray(0, un.length))}`, "@x");
  assertEquals(`${sockaddrFrom(new Uint8Array(0))}`, "");
  assertEquals(`${sockaddrFrom(Uint8Array.of(AF_INET, 0, 1))}`, "");
  assertEquals(`${sockaddrFrom(Uint8Array.of(AF_INET6, 0, 1))}`, "");
  assertEquals(`${sockaddrFrom(Uint8Array.of(16, 0, 1, 1))}`, "address family 16");
  assertEquals(sockaddrFrom(new Uint8Array(1000).fill(1)).length, 128);
});

Deno.test("timeval and linger hold what they're given, and fail with EINVAL otherwise", () => {
  const time = new timeval(2, 500_000);
  assertEquals([time.tv_sec, time.tv_usec, new timeval().tv_sec], [2, 500_000, 0]);
  const slow = new linger(true, 5);
  assertEquals([slow.l_onoff, slow.l_linger, new linger().l_onoff], [1, 5, 0]);
  for (const value of [1.5, NaN, 2 ** 60, "1", null, {}]) {
    // deno-lint-ignore no-explicit-any -- what a caller without types may pass
    fails("EINVAL", () => new timeval(value as any));
    // deno-lint-ignore no-explicit-any -- what a caller without types may pass
    if (typeof value === "number") fails("EINVAL", () => new linger(1, value as any));
  }
});
