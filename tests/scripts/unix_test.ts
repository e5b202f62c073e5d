import { assertEquals } from "@std/assert";
import { needs } from "../needs.ts";
import { compiler, launch, listeningAt, pairings, sides, start } from "../support.ts";

const silent = { code: 0, signal: null, stdout: "", stderr: "" };
const PROMPT = "Please enter your message: ";

/** A directory for sockets, removed at the end of a `using`. */
function directory(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "ipc_playground_unix_" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** The names in a directory. */
const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name);

for (const [from, to] of pairings) {
  needs(...compiler(from, to))(
    `unix_server (${from}) and unix_client (${to}) exchange their messages and end`,
    async () => {
      using place = directory();
      const path = `${place.path}/grüße`;
      await using server = await launch(from, "unix_server", [path]);
      await server.ready(() => listeningAt(path), `somebody listens at ${path}`);
      await using client = await launch(to, "unix_client", [path], { stdin: "hello there\n" });
      assertEquals(await client.end(), { ...silent, stdout: `${PROMPT}The return message was\nI got your message\n` });
      assertEquals(await server.end(), { ...silent, stdout: "A connection has been established\nhello there\n" });
      assertEquals(names(place.path), from === "C" ? ["grüße"] : [], "only the script removes the socket");
    },
  );
}

for (const side of sides) {
  for (const name of ["unix_server", "unix_client"]) {
    needs(...compiler(side))(`${name} (${side}) without a path says so and exits with 1`, async () => {
      await using server = await launch(side, name);
      assertEquals(await server.end(), { ...silent, code: 1, stderr: "ERROR, no path provided\n" });
    });
  }

  needs(...compiler(side))(
    `unix_server (${side}) at a path in use says so, leaves it there and exits with 1`,
    async () => {
      using place = directory();
      const path = `${place.path}/taken`;
      Deno.writeTextFileSync(path, "precious");
      await using server = await launch(side, "unix_server", [path]);
      assertEquals(await server.end(), { ...silent, code: 1, stderr: "binding socket: Address already in use\n" });
      assertEquals(Deno.readTextFileSync(path), "precious");
    },
  );

  needs(...compiler(side))(
    `unix_server (${side}) in a directory that is not there says so and exits with 1`,
    async () => {
      using place = directory();
      await using server = await launch(side, "unix_server", [`${place.path}/missing/socket`]);
      assertEquals(await server.end(), { ...silent, code: 1, stderr: "binding socket: No such file or directory\n" });
    },
  );

  needs(...compiler(side))(`unix_client (${side}) without a server says so and exits with 1`, async () => {
    using place = directory();
    await using client = await launch(side, "unix_client", [`${place.path}/nobody`], { stdin: "hello\n" });
    assertEquals(await client.end(), { ...silent, code: 1, stderr: "Connecting: No such file or directory\n" });
  });

  needs(...compiler(side))(
    `unix_client (${side}) at a path whose server is gone says so and exits with 1`,
    async () => {
      using place = directory();
      const path = `${place.path}/left`;
      {
        await using server = await launch(side, "unix_server", [path]);
        await server.ready(() => listeningAt(path), `somebody listens at ${path}`);
      } // killed, so that its path stays behind
      await using client = await launch(side, "unix_client", [path], { stdin: "hello\n" });
      assertEquals(await client.end(), { ...silent, code: 1, stderr: "Connecting: Connection refused\n" });
    },
  );
}

Deno.test("unix_server.ts says that a path is too long, which C would cut off", async () => {
  await using server = start("unix_server.ts", ["/tmp/" + "x".repeat(108)]);
  const { code, stdout, stderr } = await server.end();
  assertEquals({ code, stdout, stderr }, { code: 1, stdout: "", stderr: "binding socket: File name too long\n" });
});

Deno.test("unix_server.ts takes no empty path, for which C would use any name that is free", async () => {
  await using server = start("unix_server.ts", [""]);
  assertEquals(await server.end(), { ...silent, code: 1, stderr: "ERROR, no path provided\n" });
});
