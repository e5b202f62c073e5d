import { assert, assertEquals } from "@std/assert";
import { free } from "../_peers.ts";
import { needs } from "../needs.ts";
import { compiler, launch, objects, pairings, removeObject, run, script, sides, start } from "../support.ts";

const KEY = 5678;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";
const silent = { code: 0, signal: null, stdout: "", stderr: "" };

const segment = () => objects("shm").find(({ key }) => key === KEY);
const unused = free("shm", KEY);

/** The segment's bytes, read by Perl: once the server has written them all. */
async function content(): Promise<string> {
  const { stdout } = await run("perl", ["-e", `shmread($ARGV[0], $_, 0, 27) or die $!; print`, String(segment()!.id)]);
  return stdout;
}
const ready = async () => segment() !== undefined && await content() === `${ALPHABET}\0`;

for (const [from, to] of pairings) {
  needs(...compiler(from, to), "perl", unused)(
    `shm_server (${from}) and shm_client (${to}) hand over the alphabet and both end`,
    async () => {
      try {
        await using server = await launch(from, "shm_server");
        await server.ready(ready, "the server's segment is filled");
        await using client = await launch(to, "shm_client");
        assertEquals(await client.end(), { ...silent, stdout: `${ALPHABET}\n` });
        assertEquals(await server.end(), silent);
        assertEquals(segment() === undefined, from === "TypeScript", "only the script removes the segment");
      } finally {
        removeObject("shm", KEY);
      }
    },
  );
}

needs("perl", unused)("shm_server makes the segment of the slide: key 5678, 27 bytes, mode 0666", async () => {
  try {
    await using server = start("shm_server.ts");
    await server.ready(ready, "the server's segment is filled");
    const row = Deno.readTextFileSync("/proc/sysvipc/shm").split("\n").find((line) =>
      Number(line.slice(0, 10)) === KEY
    )!;
    const [, , perms, size, cpid] = row.trim().split(/\s+/);
    // a process's umask plays no part in System V permissions
    assertEquals({ perms, size, cpid: Number(cpid) }, { perms: "666", size: "27", cpid: server.pid });
  } finally {
    removeObject("shm", KEY);
  }
});

for (const side of sides) {
  needs(...compiler(side), unused)(`shm_client (${side}) without a server says so and exits with 1`, async () => {
    await using client = await launch(side, "shm_client");
    const stderr = "shmget: No such file or directory\n";
    assertEquals(await client.end(), { ...silent, code: 1, stderr });
  });

  for (const name of ["shm_server", "shm_client"]) {
    needs(...compiler(side), "perl", unused)(
      `${name} (${side}) with a segment that is too small exits with 1`,
      async () => {
        const made = await run("perl", ["-e", `defined(shmget(${KEY}, 1, 0666 | 01000)) or die $!`]);
        assertEquals(made.code, 0, made.stderr);
        try {
          await using program = await launch(side, name);
          assertEquals(await program.end(), { ...silent, code: 1, stderr: "shmget: Invalid argument\n" });
        } finally {
          removeObject("shm", KEY);
        }
      },
    );
  }
}

needs("perl", unused)("shm_client.ts prints what is there, not what it expects", async () => {
  const code = `defined($id = shmget(${KEY}, 27, 0666 | 01000)) && shmwrite($id, "xyz\\0", 0, 4) or die $!`;
  assertEquals((await run("perl", ["-e", code])).code, 0);
  try {
    await using client = start("shm_client.ts");
    assertEquals(await client.end(), { ...silent, stdout: "xyz\n" });
    assertEquals((await content()).slice(0, 4), "*yz\0");
  } finally {
    removeObject("shm", KEY);
  }
});

needs("perl", unused)("shm_client.ts ends with a segment that has no NUL in it", async () => {
  const code = `defined($id = shmget(${KEY}, 27, 0666 | 01000)) && shmwrite($id, "x" x 27, 0, 27) or die $!`;
  assertEquals((await run("perl", ["-e", code])).code, 0);
  try {
    await using client = start("shm_client.ts");
    assertEquals(await client.end(), { ...silent, stdout: "x".repeat(27) + "\n" });
  } finally {
    removeObject("shm", KEY);
  }
});

needs("perl", unused)("shm_server.ts ends as well when somebody else has removed the segment", async () => {
  try {
    await using server = start("shm_server.ts");
    await server.ready(ready, "the server's segment is filled");
    // what is removed stays there for the server, and for Perl to write to by its id
    const code = `shmwrite($ARGV[0], "*", 0, 1) && defined(shmctl($ARGV[0], 0, 0)) or die $!`;
    assertEquals((await run("perl", ["-e", code, String(segment()!.id)])).code, 0);
    assertEquals(await server.end(), silent);
  } finally {
    removeObject("shm", KEY);
  }
});

Deno.test("posix_shared_memory.ts prints what it wrote and leaves no segment", async () => {
  await using program = start("posix_shared_memory.ts");
  assertEquals(await program.end(), { ...silent, stdout: "Writing to shared memory\n" });
  const mine = Deno.readTextFileSync("/proc/sysvipc/shm").split("\n").filter((row) =>
    row.trim().split(/\s+/)[4] === String(program.pid)
  );
  assertEquals(mine, []);
});

Deno.test("the scripts need --allow-ffi and say so without it", async () => {
  const { code, stderr } = await run(Deno.execPath(), ["run", "--no-prompt", script("posix_shared_memory.ts")]);
  assertEquals(code, 1);
  assert(stderr.includes("NotCapable") && stderr.includes("--allow-ffi"), stderr);
});
