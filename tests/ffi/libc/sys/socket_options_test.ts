import { assertEquals } from "@std/assert";
import { ONLY_SET, OPTIONS } from "../../../../ffi/libc/sys/_options.ts";
import { AF_INET, getsockopt, setsockopt, SOCK_STREAM, socket, SOL_SOCKET } from "../../../../ffi/libc/sys/socket.ts";
import { close } from "../../../../ffi/libc/unistd.ts";
import { needs } from "../../../needs.ts";
import { compile, fails, run, runSource } from "../../../support.ts";

const HEADERS = [
  "sys/socket.h",
  "netinet/in.h",
  "linux/in6.h",
  "linux/tcp.h",
  "linux/udp.h",
  "linux/icmp.h",
  "linux/icmpv6.h",
  "linux/if_packet.h",
  "linux/netlink.h",
  "linux/tls.h",
  "linux/vm_sockets.h",
  "linux/mptcp.h",
  "linux/netfilter_ipv4.h",
];

// each header in a program of its own: together they define some structures twice
needs("cc")("every option that is known has the number that C's headers give it", async () => {
  const known = [...Object.values(OPTIONS), ...Object.values(ONLY_SET)].flatMap(Object.entries) as [string, number][];
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
  const seen = new Set<string>();
  try {
    for (const name of HEADERS) {
      const statements = known.map(([option]) =>
        `#ifdef ${option}\nprintf("${option}\\t%d\\n", (int) ${option});\n#endif`
      );
      const source =
        `#include <stdio.h>\n#include <sys/socket.h>\n#if __has_include(<${name}>)\n#include <${name}>\n#endif\n`;
      await compile(`${source}int main(void) {\n${statements.join("\n")}\nreturn 0; }`, `${directory}/ask`);
      const { stdout } = await run(`${directory}/ask`, []);
      for (const line of stdout.trim().split("\n").filter(Boolean)) {
        const [option, value] = line.split("\t");
        seen.add(option);
        assertEquals(known.filter(([name, number]) => name === option && number !== Number(value)), [], name);
      }
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
  // how many of them a header knows depends on its age
  for (const option of ["SO_TXTIME", "IP_MSFILTER", "IPV6_FLOWLABEL_MGR", "TCP_TX_DELAY", "UDP_GRO", "TLS_RX"]) {
    assertEquals([option, seen.has(option)], [option, true]);
  }
});

Deno.test("an option that isn't known to be safe is refused, whatever its level, and the error says where they are told", () => {
  const fd = socket(AF_INET, SOCK_STREAM, 0);
  try {
    const SO_ATTACH_FILTER = 26, SO_ATTACH_REUSEPORT_CBPF = 51, TCP_ZEROCOPY_RECEIVE = 35, SOL_SCTP = 132;
    for (
      const [level, optname] of [
        [SOL_SOCKET, SO_ATTACH_FILTER],
        [SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF],
        [SOL_SOCKET, 9999],
        [SOL_SOCKET, -1],
        [SOL_SOCKET, 2 ** 31 - 1],
        [SOL_SOCKET - 1, 0x1_0000 + 2], // not the next level's
        [6, TCP_ZEROCOPY_RECEIVE],
        [SOL_SCTP, 1],
        [284, 4],
        [-1, 1],
        [2 ** 31 - 1, 1],
      ]
    ) {
      const { message } = fails("EOPNOTSUPP", () => getsockopt(fd, level, optname, new Uint8Array(512)));
      assertEquals(message.includes(`level ${level}, option ${optname} `) && message.includes("setsockopt"), true);
      fails("EOPNOTSUPP", () => setsockopt(fd, level, optname, new Uint8Array(512)));
    }
    const IP_MSFILTER = 41;
    fails("EOPNOTSUPP", () => getsockopt(fd, 0, IP_MSFILTER, new Uint8Array(512)));
    fails("EINVAL", () => setsockopt(fd, 0, IP_MSFILTER, new Uint8Array(4))); // the kernel's answer
  } finally {
    close(fd);
  }
});

Deno.test("a descriptor that getsockopt() would give only a part of is not made", () => {
  const SO_PEERPIDFD = 77;
  const fd = socket(AF_INET, SOCK_STREAM, 0);
  try {
    for (const size of [0, 1, 3]) fails("EINVAL", () => getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, new Uint8Array(size)));
  } finally {
    close(fd);
  }
});

Deno.test("no option has the kernel write outside of its value, even if that is full of addresses", async () => {
  const { code, stdout, stderr } = await runSource(`
    import { close, getsockopt, LibcError, setsockopt, socket, socketpair } from "@mod";

    // what no option may write to, and where it is
    const canary = new Uint8Array(1 << 16).fill(0x5a);
    const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(canary)) + 4096n;
    // a value in the middle of what is checked, too
    const GUARD = 1 << 14;
    const around = new Uint8Array(2 * GUARD + 4096);

    const AF = { UNIX: 1, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17, VSOCK: 40 };
    const STREAM = 1, DGRAM = 2, RAW = 3, SEQPACKET = 5;
    const kinds = [
      [AF.INET, STREAM, 0], [AF.INET, DGRAM, 0], [AF.INET, RAW, 1], [AF.INET, DGRAM, 136], [AF.INET, STREAM, 262],
      [AF.INET, DGRAM, 1], [AF.INET6, STREAM, 0], [AF.INET6, DGRAM, 0], [AF.INET6, RAW, 58], [AF.INET6, STREAM, 262],
      [AF.INET6, DGRAM, 136], [AF.INET, RAW, 255], [AF.INET6, RAW, 255], [AF.NETLINK, RAW, 0], [AF.PACKET, RAW, 0],
      [AF.PACKET, DGRAM, 0], [AF.VSOCK, STREAM, 0], [AF.VSOCK, DGRAM, 0], [AF.UNIX, STREAM, 0], [AF.UNIX, DGRAM, 0],
      [AF.UNIX, SEQPACKET, 0], [AF.INET, STREAM, 132], [AF.INET, SEQPACKET, 132],
    ];

    const fills = [
      (words, bytes) => words.fill(address),
      (words, bytes) => { bytes.fill(0xff); words.fill(address, 1); },
      (words, bytes) => { new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2).fill(64); },
      (words, bytes) => bytes.fill(0),
      // a count in front, addresses behind
      (words, bytes) => { words.fill(address); new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)[0] = 8; },
    ];

    const SIZES = [1, 4, 8, 16, 20, 32, 64, 136, 264, 512, 4096];
    let calls = 0;
    function attempt(fd, level, optname, set, size, fill) {
      const bytes = around.subarray(GUARD, GUARD + size);
      const words = new BigUint64Array(around.buffer, GUARD, size >> 3);
      fills[fill](words, bytes);
      calls++;
      try {
        if (set) setsockopt(fd, level, optname, bytes);
        else {
          getsockopt(fd, level, optname, bytes);
          if (level === 1 && optname === 77) close(new Int32Array(around.buffer, GUARD, 1)[0]);
        }
      } catch (error) {
        if (!(error instanceof LibcError)) throw error;
        if (error.code === "EOPNOTSUPP" && error.message.includes("not known")) return false;
      }
      return true;
    }

    // after many calls, as it takes longer than they do
    function look(...where) {
      const size = where[1];
      const outside = around.findIndex((byte, at) => byte !== 0xa5 && (at < GUARD || at >= GUARD + size));
      const hit = canary.findIndex((byte) => byte !== 0x5a);
      if (outside >= 0 || hit >= 0) console.log(JSON.stringify({ where, outside, hit }));
      canary.fill(0x5a);
      around.fill(0xa5);
    }

    const known = [];
    around.fill(0xa5);
    {
      const fd = socket(AF.INET, STREAM, 0);
      for (let level = 0; level <= 300; level++) {
        for (let optname = 0; optname <= 300; optname++) {
          for (const set of [false, true]) if (attempt(fd, level, optname, set, 4, 0)) known.push([level, optname, set]);
        }
      }
      close(fd);
      look("all levels", 4, 0);
    }
    for (const kind of kinds) {
      for (const size of SIZES) {
        for (let fill = 0; fill < fills.length; fill++) {
          let fd;
          try {
            fd = socket(...kind);
          } catch {
            continue; // not on this system, or not for this user
          }
          for (const [level, optname, set] of known) attempt(fd, level, optname, set, size, fill);
          close(fd);
          look(kind, size, fill);
        }
      }
    }
    console.log(known.length, "known", calls > 100_000);
  `);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.replace(/^\d+/, ""), " known true\n");
});
