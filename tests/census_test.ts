import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { needs, works } from "./needs.ts";
import { type Ended, freePort, machine, objects, Program, root, run } from "./support.ts";

/** Counts around a shell command. */
const CENSUS = (command: string): [string, string[]] => [
  Deno.execPath(),
  ["run", "--no-prompt", "--allow-all", `${root}tests/census.ts`, "--", "bash", "-c", command],
];

function census(command: string): Promise<Ended> {
  return run(...CENSUS(command));
}

/** The number at the end of what the command printed. */
const number = ({ stdout }: Ended) => Number(stdout.trim());

Deno.test("census gives the command's exit code when nothing is left", async () => {
  const { code, stdout } = await census("echo hello");
  assertEquals([code, stdout], [0, "hello\n"]);
  assertEquals((await census("exit 3")).code, 3);
});

/** Ends what a test left, unless the end of its process group was faster. */
function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Makes an object of each kind, uses them, prints their ids and gives the census time to see whose they are. */
const MAKE = `perl -e '$| = 1;
  @ids = (shmget(0, 1, 0600), msgget(0, 0600), semget(0, 2, 0600));
  msgsnd($ids[1], pack("l! a", 1, "x"), 0) and semop($ids[2], pack("s3", 1, 1, 0)) or die $!;
  print "@ids"; sleep 1'`;

/** Their lines in the census. */
async function lines(printed: string): Promise<string> {
  const ids = printed.split(" ");
  await run("perl", ["-e", "shmctl($ARGV[0], 0, 0); msgctl($ARGV[1], 0, 0); semctl($ARGV[2], 0, 0, 0)", ...ids]);
  const kinds = ["shm", "msg", "sem"] as const;
  for (const [i, kind] of kinds.entries()) assert(objects(kind).every(({ id }) => id !== Number(ids[i])), "removed");
  return kinds.map((kind, i) => `  System V object: ${kind} ${ids[i]}, key 0\n`).join("");
}

needs("perl")("census finds a segment, a queue and a semaphore set that are left", async () => {
  const { code, stdout, stderr } = await census(MAKE);
  assertStringIncludes(stderr, `\nbash left behind:\n${await lines(stdout)}`);
  assertEquals(code, 1);
});

needs("perl")("census does not blame the command for objects of somebody else's", async () => {
  await using counting = new Program(...CENSUS("echo ready; read"), { stdin: "open" });
  await counting.until("ready");
  const { stdout } = await run("bash", ["-c", MAKE]);
  await counting.type("\n");
  const { code, stderr } = await counting.end();
  assertStringIncludes(stderr, `\nseen, not ours or not known to be:\n${await lines(stdout)}`);
  assertEquals(code, 0);
});

Deno.test("census finds a process that is left, and waits for one that is about to end", async () => {
  const ended = await census("sleep 1000 > /dev/null 2>&1 & echo $!");
  try {
    assertEquals(ended.code, 1);
    assertMatch(ended.stderr, new RegExp(`  process: ${number(ended)} \\(sleep\\)\n`));
  } finally {
    kill(number(ended));
  }
  const patient = await census("sleep 0.3 > /dev/null 2>&1 & echo $!");
  assertEquals(patient.stderr.includes(`process: ${number(patient)} `), false);
});

Deno.test("census finds a process that is left without its environment", async () => {
  const ended = await census("(env -i sleep 1000 > /dev/null 2>&1 & echo $!; sleep 0.5)");
  try {
    assertEquals(ended.code, 1);
    assertMatch(ended.stderr, new RegExp(`  process: ${number(ended)} \\(sleep\\)\n`));
  } finally {
    kill(number(ended));
  }
});

Deno.test("census finds a port that is left, with its process, and none of somebody else's", async () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = freePort();
  const server =
    `Deno.listen({ hostname: "127.0.0.1", port: ${port} }); console.log(Deno.pid); await new Promise(() => setTimeout(() => {}, 1e6))`;
  // it may only end when the server has printed
  const ended = await census(
    `exec 3< <(exec deno eval '${server}' 2>&1); read -u 3 pid; echo $pid`.replace("deno", Deno.execPath()),
  );
  try {
    assertEquals(ended.code, 1);
    assertStringIncludes(ended.stderr, `  process: ${number(ended)} (`);
    assertStringIncludes(ended.stderr, `), listens on tcp port ${port}\n`);
    assertEquals(ended.stderr.includes(` ${(other.addr as Deno.NetAddr).port}`), false);
  } finally {
    kill(number(ended));
  }
});

Deno.test("census finds a temporary file that is left", async () => {
  const ended = await census("mktemp -d");
  const path = ended.stdout.trim();
  assertEquals(ended.code, 1);
  assertMatch(ended.stderr, new RegExp(`  file: ${path}\n`));
  assertEquals(await Deno.lstat(path).catch((error) => error instanceof Deno.errors.NotFound), true);
});

/** An IPC namespace of its own, in which POSIX queues can be listed. */
const LISTED = ["--ipc", "--mount", "sh", "-c", 'mount -t mqueue none "$0" && exec "$@"'];
const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
const mounts = { "a file system that may be mounted": works("unshare", ...LISTED, directory, "true") };

needs("unshare", "perl", mounts)("census finds a POSIX queue that is left, where these can be listed", async () => {
  const number = machine === "aarch64" ? 180 : 240; // mq_open
  const perl =
    `$name = "ipc_playground_$$" . "_left"; syscall(${number}, $name, 0102, 0600, 0) >= 0 or die $!; sleep 1`;
  const command = `exec perl -e '${perl}'`;
  const { code, stderr } = await run("unshare", [...LISTED, directory, ...CENSUS(command).flat()]);
  assertMatch(stderr, /\nbash left behind:\n {2}POSIX queue: \/ipc_playground_\d+_left\n/);
  assertEquals(code, 1);
  const others = command.replace("playground_", "elsewhere_");
  const seen = await run("unshare", [...LISTED, directory, ...CENSUS(others).flat()]);
  assertMatch(seen.stderr, /\nseen, not ours or not known to be:\n {2}POSIX queue: \/ipc_elsewhere_\d+_left\n/);
  assertEquals(seen.code, 0);
});

Deno.test("census finds POSIX shared memory and a named semaphore that are left, and none of somebody else's", async () => {
  const make = (prefix: string, ...options: string[]) => {
    const [program, [...args]] = CENSUS(
      `n=${prefix}_$$_left; touch /dev/shm/$n /dev/shm/sem.$n; echo $n; exec sleep 1`,
    );
    args.splice(args.indexOf("--"), 0, ...options);
    return run(program, args);
  };
  const cases: [ours: boolean, prefix: string, ...options: string[]][] = [
    [true, "ipc_playground"],
    [false, "ipc_elsewhere"],
    [false, "ipc_playground", "--isolated"],
  ];
  for (const [ours, prefix, ...options] of cases) {
    const { code, stdout, stderr } = await make(prefix, ...options);
    const name = stdout.trim();
    const files = [name, `sem.${name}`].map((file) => `/dev/shm/${file}`);
    try {
      const [, blamed = ""] = stderr.split("bash left behind:\n");
      for (const file of files) {
        assertStringIncludes(stderr, `  file: ${file}\n`);
        assertEquals(blamed.includes(file), ours);
      }
      // isolated, all that others have and do meanwhile would be the command's
      if (options.length === 0) assertEquals(code, ours ? 1 : 0);
    } finally {
      for (const file of files) Deno.removeSync(file);
    }
  }
});
