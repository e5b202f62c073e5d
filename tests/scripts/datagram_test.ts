import { assertEquals, assertMatch } from "@std/assert";
import { needs } from "../needs.ts";
import { compiler, freePort, launch, listening, pairings, type Program, sides, start } from "../support.ts";

const silent = { code: 0, signal: null, stdout: "", stderr: "" };
const PROMPT = "Please enter the message: ";

async function ready(server: Program, port: number): Promise<void> {
  await server.ready(() => listening("udp", port), `somebody is bound to port ${port}`);
}

for (const [from, to] of pairings) {
  needs(...compiler(from, to))(
    `datagram_server (${from}) answers each datagram of datagram_client (${to})`,
    async () => {
      const port = freePort("udp");
      await using server = await launch(from, "datagram_server", [String(port)]);
      await ready(server, port);
      for (const text of ["one", "two"]) {
        await using client = await launch(to, "datagram_client", ["localhost", String(port)], { stdin: `${text}\n` });
        assertEquals(await client.end(), { ...silent, stdout: `${PROMPT}Got an ack: Got your message\n` });
      }
      // it never ends by itself
      server.kill("SIGTERM");
      const ended = await server.end();
      const stdout = "Received a datagram: one\nReceived a datagram: two\n";
      assertEquals({ ...ended, code: 0 }, { ...silent, signal: "SIGTERM", stdout });
    },
  );
}

for (const side of sides) {
  needs(...compiler(side))(`datagram_server (${side}) without a port says so and exits with 1`, async () => {
    await using server = await launch(side, "datagram_server");
    assertEquals(await server.end(), { ...silent, code: 1, stderr: "ERROR, no port provided\n" });
  });

  needs(...compiler(side))(`datagram_server (${side}) on a port in use says so and exits with 1`, async () => {
    const port = freePort("udp");
    await using first = await launch(side, "datagram_server", [String(port)]);
    await ready(first, port);
    await using second = await launch(side, "datagram_server", [String(port)]);
    assertEquals(await second.end(), { ...silent, code: 1, stderr: "binding: Address already in use\n" });
  });

  needs(...compiler(side))(`datagram_client (${side}) without a port prints its usage and exits with 1`, async () => {
    await using client = await launch(side, "datagram_client", ["localhost"]);
    assertEquals(await client.end(), { ...silent, code: 1, stdout: "Usage: server port\n" });
  });

  needs(...compiler(side))(`datagram_client (${side}) says that there is no such host and exits with 1`, async () => {
    await using client = await launch(side, "datagram_client", ["no..host", "1"], { stdin: "hello\n" });
    const { code, stdout, stderr } = await client.end();
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    assertMatch(stderr, /^Unknown host: .+\n$/);
  });
}

Deno.test("datagram_client.ts refuses a port beyond 65535 before it asks for a message", async () => {
  await using client = start("datagram_client.ts", ["localhost", "65536"], { stdin: "hello\n" });
  assertEquals(await client.end(), { ...silent, code: 1, stderr: "port: Invalid argument\n" });
});
