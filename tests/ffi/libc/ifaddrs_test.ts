import { assert, assertEquals } from "@std/assert";
import { getifaddrs, type ifaddrs } from "../../../ffi/libc/ifaddrs.ts";
import { IFF_LOOPBACK, IFF_UP } from "../../../ffi/libc/net/if.ts";
import { sockaddr_in, sockaddr_in6 } from "../../../ffi/libc/netinet/in.ts";
import { AF_INET, sockaddr_storage } from "../../../ffi/libc/sys/socket.ts";
import { needs } from "../../needs.ts";
import { compile, run } from "../../support.ts";

const AF_PACKET = 17;

Deno.test("getifaddrs() has the loopback interface with its addresses", () => {
  const list = getifaddrs().filter(({ ifa_name }) => ifa_name === "lo");
  assert(list.length > 0);
  for (const { ifa_flags } of list) assertEquals(ifa_flags & IFF_LOOPBACK, IFF_LOOPBACK);
  const [hardware] = list.filter(({ ifa_addr }) => ifa_addr?.family === AF_PACKET);
  assert(hardware.ifa_addr instanceof sockaddr_storage);
  assertEquals([hardware.ifa_addr?.length, hardware.ifa_netmask], [20, null]);
  const v4 = list.filter(({ ifa_addr }) => ifa_addr?.family === AF_INET);
  if (v4.length === 0) return; // the interface is down, as in a new network namespace
  assertEquals(v4[0].ifa_flags & IFF_UP, IFF_UP);
  const { ifa_addr, ifa_netmask } = v4.find(({ ifa_addr }) => ifa_addr!.hostname === "127.0.0.1")!;
  assert(ifa_addr instanceof sockaddr_in && ifa_netmask instanceof sockaddr_in);
  assertEquals(ifa_netmask?.hostname, "255.0.0.0");
});

/** One line an address, as the C program prints it. */
function line({ ifa_name, ifa_flags, ifa_addr, ifa_netmask, ifa_broadaddr, ifa_dstaddr }: ifaddrs): string {
  const host = (address: typeof ifa_addr | undefined) =>
    (address instanceof sockaddr_in || address instanceof sockaddr_in6 ? address.hostname : undefined)?.split("%")[0] ??
      "-";
  // what statistics are kept of is no address
  return [
    ifa_name,
    ifa_flags,
    ifa_addr?.family ?? -1,
    host(ifa_addr),
    host(ifa_netmask),
    host(ifa_broadaddr),
    host(ifa_dstaddr),
  ].join(" ");
}

const C = `
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>

static const char *host(struct sockaddr *a, char *text)
{
    if (a && a->sa_family == AF_INET) return inet_ntop(AF_INET, &((struct sockaddr_in *) a)->sin_addr, text, 64);
    if (a && a->sa_family == AF_INET6) return inet_ntop(AF_INET6, &((struct sockaddr_in6 *) a)->sin6_addr, text, 64);
    return "-";
}

int main(void)
{
    struct ifaddrs *list, *i;
    char a[64], b[64], c[64], d[64];

    if (getifaddrs(&list) < 0) return 1;
    for (i = list; i; i = i->ifa_next)
        printf("%s %u %d %s %s %s %s\\n", i->ifa_name, i->ifa_flags, i->ifa_addr ? i->ifa_addr->sa_family : -1,
            host(i->ifa_addr, a), host(i->ifa_netmask, b), i->ifa_flags & IFF_BROADCAST ? host(i->ifa_broadaddr, c) : "-",
            !(i->ifa_flags & IFF_BROADCAST) && i->ifa_flags & IFF_POINTOPOINT ? host(i->ifa_dstaddr, d) : "-");
    freeifaddrs(list);
    return 0;
}
`;

needs("cc")("getifaddrs() gives what it gives in C", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
  try {
    await compile(C, `${directory}/list`);
    // an address may come or go in between
    for (let tries = 0;; tries++) {
      const before = getifaddrs().map(line);
      const { code, stdout } = await run(`${directory}/list`, []);
      const after = getifaddrs().map(line);
      if (before.join() !== after.join() && tries < 10) continue;
      assertEquals(code, 0);
      assertEquals(before, stdout.trim().split("\n"));
      break;
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

needs("unshare", "root", { "ip(8)": await hasIp() })(
  "an interface between two ends has ifa_dstaddr, others ifa_broadaddr",
  async () => {
    const program = `
    import { getifaddrs, IFF_POINTOPOINT } from ${JSON.stringify(new URL("../../../mod.ts", import.meta.url).href)};
    for (const { ifa_name, ifa_flags, ifa_addr, ifa_netmask, ifa_dstaddr, ifa_broadaddr } of getifaddrs()) {
      if (ifa_name !== "lo" && ifa_addr?.family === 2) {
        console.log(ifa_name, (ifa_flags & IFF_POINTOPOINT) !== 0, ifa_addr.hostname, ifa_netmask?.hostname, ifa_dstaddr?.hostname, ifa_broadaddr?.hostname);
      }
    }`;
    const path = Deno.makeTempFileSync({ prefix: "ipc_playground_", suffix: ".ts" });
    try {
      Deno.writeTextFileSync(path, program);
      const script = "ip tuntap add tun0 mode tun && ip address add 10.1.2.3 peer 10.1.2.4 dev tun0 && " +
        "ip link add veth0 type veth peer name veth1 && ip address add 10.9.8.7/24 brd 10.9.8.255 dev veth0 && " +
        `exec "$0" run --allow-ffi "$1"`;
      const { code, stdout, stderr } = await run("unshare", ["--net", "sh", "-c", script, Deno.execPath(), path]);
      assertEquals([code, stderr], [0, ""]);
      assertEquals(stdout.trim().split("\n").sort(), [
        "tun0 true 10.1.2.3 255.255.255.255 10.1.2.4 undefined",
        "veth0 false 10.9.8.7 255.255.255.0 undefined 10.9.8.255",
      ]);
    } finally {
      Deno.removeSync(path);
    }
  },
);

/** Whether such interfaces can be made here. */
async function hasIp(): Promise<boolean> {
  try {
    const script = "ip tuntap add tun0 mode tun && ip link add veth0 type veth peer name veth1";
    return (await run("unshare", ["--net", "sh", "-c", script])).code === 0;
  } catch {
    return false;
  }
}

Deno.test("getifaddrs() keeps no memory: thousands of calls take no more than hundreds", () => {
  const resident = () => Number(/VmRSS:\s*(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))![1]);
  for (let i = 0; i < 200; i++) getifaddrs();
  const before = resident();
  for (let i = 0; i < 30_000; i++) getifaddrs();
  assert(resident() - before < 20_000, `${resident() - before} KiB more`);
});
