/**
 * Calls of the functions of sockets.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { type Call, closes, thin } from "./_calls.ts";
import { addresses, buffer, data, length, lying, paths, structs, views } from "./_memory.ts";
import {
  bad,
  datagram,
  good,
  int,
  ints,
  listener,
  nothing,
  stream,
  uint,
  wrongInt,
  wrongLong,
  wrongUint,
} from "./_numbers.ts";
import { m } from "./_world.ts";

export const SOCKETS: Call[] = [
  // sys/socket
  thin("socket", [
    int(mod.AF_UNIX, mod.AF_INET, mod.AF_INET6, -1, 99, 0),
    int(mod.SOCK_STREAM, mod.SOCK_DGRAM, mod.SOCK_SEQPACKET, -1, 99, 0),
    int(0, mod.IPPROTO_TCP, -1, 99),
  ], closes),
  thin("socketpair", [
    int(mod.AF_UNIX, mod.AF_INET, -1),
    int(mod.SOCK_STREAM, mod.SOCK_DGRAM, -1, 0),
    int(0, 99),
  ], (ends) => (ends as number[]).forEach(closes)),
  thin("bind", [datagram, addresses]),
  thin("listen", [listener, int(5, 0, -1, 2 ** 31 - 1)]),
  thin("accept", [listener, [nothing, ...addresses]], closes),
  thin("accept4", [listener, [nothing, ...addresses], int(0, mod.SOCK_NONBLOCK, -1)], closes),
  {
    name: "connect",
    run(_w, addr) {
      const fd = m.socket(m.AF_INET, m.SOCK_STREAM | m.SOCK_NONBLOCK, 0);
      try {
        m.connect(fd, addr);
      } finally {
        m.close(fd);
      }
    },
    params: [addresses],
  },
  thin("connect", [datagram, addresses]),
  thin("send", [stream, data, length, int(mod.MSG_DONTWAIT)]),
  thin("recv", [stream, buffer, length, int(mod.MSG_DONTWAIT, mod.MSG_DONTWAIT | mod.MSG_PEEK)]),
  thin("recv", [datagram, buffer, length, int(mod.MSG_DONTWAIT, mod.MSG_DONTWAIT | mod.MSG_PEEK | mod.MSG_TRUNC)]),
  thin("sendto", [datagram, data, length, int(mod.MSG_DONTWAIT), [nothing, ...addresses]]),
  thin("recvfrom", [datagram, buffer, length, int(mod.MSG_DONTWAIT), [nothing, ...addresses]]),
  thin("shutdown", [stream, int(mod.SHUT_RD, mod.SHUT_WR, mod.SHUT_RDWR, -1, 3)]),
  thin("setsockopt", [
    stream,
    int(mod.SOL_SOCKET, -1, 99),
    int(mod.SO_KEEPALIVE, mod.SO_RCVBUF, mod.SO_TYPE, -1, 9999),
    [
      ...ints(1, 0, true, false, -1, 2 ** 31 - 1),
      ...wrongInt(() => 1).filter(({ name }) => name !== "true"),
      good("timeval", () => new mod.timeval(1)),
      good("linger", () => new mod.linger(0)),
      ...views.filter(({ name }) => name !== "segment"),
      bad("Proxy", () => new Proxy(new Uint8Array(16), {})),
      bad("undefined", () => undefined),
    ],
  ]),
  thin("getsockopt", [
    stream,
    int(mod.SOL_SOCKET, -1, 99),
    int(mod.SO_TYPE, mod.SO_PEERCRED, mod.SO_LINGER, mod.SO_RCVTIMEO, -1, 9999),
    [
      ...ints(undefined),
      good("timeval", () => new mod.timeval()),
      good("linger", () => new mod.linger()),
      ...buffer.filter(({ name }) => name !== "undefined"),
    ],
  ]),
  thin("getsockname", [listener, addresses.slice(1)]),
  thin("getpeername", [stream, addresses.slice(1)]),
  ...["htons", "ntohs"].map((name) =>
    thin(name, [[...ints(0, 1, 65535), ...wrongUint(() => 1), bad("65536", () => 65536)]])
  ),
  ...["htonl", "ntohl"].map((name) => thin(name, [uint(0, 1, 2 ** 32 - 1)])),
  {
    name: "sockaddr.parse",
    run: (_w, text) => `${mod.sockaddr.parse(text)}`,
    params: [[...paths, ...ints("1.2.3.4:99999")]],
  },
  ...(["sin_port", "sin_family"] as const).map((field): Call => ({
    name: `sockaddr_in.${field} =`,
    run: (_w, value) => new mod.sockaddr_in()[field] = value,
    params: [[...ints(0, 1, 65535), ...wrongUint(() => 1), bad("65536", () => 65536)]],
  })),
  {
    name: "sockaddr_un.sun_path =",
    run: (_w, value) => new mod.sockaddr_un().sun_path = value,
    params: [paths],
  },
  {
    name: "new timeval",
    run: (_w, a, b) => new mod.timeval(a, b),
    params: [
      [...ints(1, -1, 2 ** 31), ...wrongLong(() => 1)],
      [...ints(0, 999_999), ...wrongLong(() => 1)],
    ],
  },
  { name: "new linger", run: (_w, a, b) => new mod.linger(a, b), params: [ints(0, 1, true, false), int(0, 1, -1)] },

  // poll, netdb
  thin("poll", [[
    good("pollfds", (w) => new mod.pollfds([w.pair[1], mod.POLLIN], [w.listener, mod.POLLIN], [-1, 0], [4096, 0])),
    good("pollfds none", () => new mod.pollfds()),
    good("length: 40", (w) => {
      const fds = new mod.pollfds([w.pair[1], mod.POLLIN]);
      return lying(fds, { bytes: w.view(8), length: 40 });
    }),
    good("length: growing", (w) => {
      let asked = 0;
      const fds = lying(new mod.pollfds([w.pair[1], mod.POLLIN]), { bytes: w.view(8) });
      return Object.defineProperty(fds, "length", { get: () => asked++ === 0 ? 1 : 40 });
    }),
    ...structs(() => new mod.pollfds([4096, mod.POLLIN])),
    bad("null", () => null),
  ], [...ints(0), ...wrongInt(() => 0)]]),
  ...[0, 1].map((at): Call => ({
    name: `new pollfds([${at === 0 ? "…, POLLIN" : "0, …"}])`,
    run: (_w, value) => new mod.pollfds(at === 0 ? [value, mod.POLLIN] : [0, value]),
    params: [[...int(0, 1, -1), bad("undefined", () => undefined)]],
  })),
  {
    name: "new pollfds",
    run: (_w, value) => new mod.pollfds(value),
    params: [[
      good("[0, POLLIN]", () => [0, mod.POLLIN]),
      ...[null, 5, "x", {}, [], Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
      bad("undefined", () => undefined),
    ]],
  },
  thin("getaddrinfo", [
    [
      ...ints("127.0.0.1", "::1", null),
      ...[5, {}, Symbol("s"), "a\0b", undefined].map((value) => bad(Deno.inspect(value), () => value)),
    ],
    [
      ...ints("80", "", "99999", "-1", null),
      ...[5, {}, Symbol("s"), "8\0"].map((value) => bad(Deno.inspect(value), () => value)),
    ],
    [
      ...ints({}, undefined, { ai_flags: 0x404 }, { ai_flags: -1 }, { ai_family: 99 }, { ai_socktype: 99 }),
      ...wrongInt(() => 0).flatMap(({ name, make }) =>
        ["ai_flags", "ai_family", "ai_socktype", "ai_protocol"].map((field) =>
          bad(`{ ${field}: ${name} }`, (w) => ({ [field]: make(w) }))
        )
      ),
    ],
  ]),
  thin("gai_strerror", [int(-2, 0, 1, -99)]),
];
