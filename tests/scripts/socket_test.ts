import { assertEquals } from "@std/assert";
import { needs } from "../needs.ts";
import { compiler, freePort, launch, listening, pairings, Program, received, run, sides, start } from "../support.ts";

const silent = { code: 0, signal: null, stdout: "", stderr: "" };
const PROMPT = "Please enter the message: ";
const ANSWER = "I got your message";

async function ready(server: Program, port: number): Promise<void> {
  await server.ready(() => listening("tcp", port), `somebody listens on port ${port}`);
}

for (const [from, to] of pairings) {
  needs(...compiler(from, to))(
    `socket_server (${from}) and socket_client (${to}) exchange their messages and end`,
    async () => {
      const port = freePort();
      await using server = await launch(from, "socket_server", [String(port)]);
      await ready(server, port);
      await using client = await launch(to, "socket_client", ["localhost", String(port)], { stdin: "hello there\n" });
      assertEquals(await client.end(), { ...silent, stdout: `${PROMPT}${ANSWER}\n` });
      assertEquals(await server.end(), { ...silent, stdout: "Here is the message: hello there\n\n" });
    },
  );
}

for (const side of sides) {
  needs(...compiler(side))(`socket_client (${side}) sends at most 254 bytes, as they are`, async () => {
    const port = freePort();
    const text = "ß".repeat(200);
    await using server = start("socket_server.ts", [String(port)]);
    await ready(server, port);
    await using client = await launch(side, "socket_client", ["127.0.0.1", String(port)], { stdin: text });
    assertEquals((await client.end()).code, 0);
    assertEquals(await server.end(), { ...silent, stdout: `Here is the message: ${"ß".repeat(127)}\n` });
  });

  for (const name of ["socket_server", "socket_server_fork"]) {
    needs(...compiler(side))(`${name} (${side}) without a port says so and exits with 1`, async () => {
      await using server = await launch(side, name);
      assertEquals(await server.end(), { ...silent, code: 1, stderr: "ERROR, no port provided\n" });
    });

    needs(...compiler(side))(`${name} (${side}) on a port in use says so and exits with 1`, async () => {
      using listener = Deno.listen({ port: 0, hostname: "0.0.0.0" });
      await using server = await launch(side, name, [String(listener.addr.port)]);
      assertEquals(await server.end(), { ...silent, code: 1, stderr: "ERROR on binding: Address already in use\n" });
    });
  }

  needs(...compiler(side))(`socket_client (${side}) without a port prints its usage and exits with 1`, async () => {
    await using client = await launch(side, "socket_client", ["localhost"]);
    const { code, stdout, stderr } = await client.end();
    const name = side === "C" ? /^usage \S+client hostname port\n$/ : /^usage socket_client.ts hostname port\n$/;
    assertEquals({ code, stdout, usage: name.test(stderr) }, { code: 1, stdout: "", usage: true });
  });

  needs(...compiler(side))(`socket_client (${side}) says that there is no such host and exits with 1`, async () => {
    // two dots in a row: no name, so nobody is asked for it
    await using client = await launch(side, "socket_client", ["no..host", "1"], { stdin: "hello\n" });
    assertEquals(await client.end(), { ...silent, code: 1, stderr: "ERROR, no such host\n" });
  });

  needs(...compiler(side))(`socket_client (${side}) says that nobody listens and exits with 1`, async () => {
    const port = String(freePort());
    await using client = await launch(side, "socket_client", ["127.0.0.1", port], { stdin: "hello\n" });
    assertEquals(await client.end(), { ...silent, code: 1, stderr: "ERROR connecting: Connection refused\n" });
  });

  needs(...compiler(side))(
    `socket_client (${side}) prints an empty line when the server ends without an answer`,
    async () => {
      using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
      const port = String(listener.addr.port);
      await using client = await launch(side, "socket_client", ["127.0.0.1", port], { stdin: "hello\n" });
      {
        using connection = await listener.accept();
        const buffer = new Uint8Array(256);
        assertEquals(new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0)), "hello\n");
      }
      assertEquals(await client.end(), { ...silent, stdout: `${PROMPT}\n` });
    },
  );

  needs(...compiler(side), "perl")(
    `socket_client (${side}) says so when the server is gone before it has read`,
    async () => {
      const code = `use IO::Socket::INET; $| = 1; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
      print $s->sockport, "\\n"; $c = $s->accept; sleep`;
      await using server = new Program("perl", ["-e", code]);
      await server.until("\n");
      const port = Number(server.stdout);
      await using client = await launch(side, "socket_client", ["127.0.0.1", String(port)], { stdin: "hello\n" });
      await client.ready(() => received(port) === 6, "the message has arrived");
      server.kill(); // what nobody has read is answered with a reset
      const ended = await client.end();
      assertEquals(ended, {
        ...silent,
        code: 1,
        stdout: ended.stdout,
        stderr: "ERROR reading from socket: Connection reset by peer\n",
      });
    },
  );
}

Deno.test("socket_server.ts refuses a port beyond 65535, which C would cut to 16 bits", async () => {
  await using server = start("socket_server.ts", ["65536"]);
  assertEquals(await server.end(), { ...silent, code: 1, stderr: "ERROR on binding: Invalid argument\n" });
});

for (const name of ["socket_server.ts", "socket_server_fork.ts", "socket_server_sigchld.ts", "datagram_server.ts"]) {
  Deno.test(`${name} takes no port that is none, for which C would use any that is free`, async () => {
    for (const port of ["abc", "0", ""]) {
      await using server = start(name, [port]);
      assertEquals(await server.end(), { ...silent, code: 1, stderr: "ERROR, no port provided\n" }, port);
    }
  });
}

needs("perl")("socket_server.ts starts again at once on the same port", async () => {
  const port = freePort();
  for (const text of ["first", "second"]) {
    await using server = start("socket_server.ts", [String(port)]);
    await ready(server, port);
    // the server closes first, so its side stays behind in TIME_WAIT
    const code = `use IO::Socket::INET; $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die $!;
      print $s $ARGV[1]; print <$s>`;
    assertEquals(await run("perl", ["-e", code, String(port), text]), { ...silent, stdout: ANSWER });
    assertEquals(await server.end(), { ...silent, stdout: `Here is the message: ${text}\n` });
  }
});
