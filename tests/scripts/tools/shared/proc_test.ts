import { assert, assertEquals } from "@std/assert";
import { isAlive, isWhollyOf } from "../../../../scripts/tools/shared/proc.ts";
import { needs, works } from "../../../needs.ts";
import { process, Program, root, run, until } from "../../../support.ts";

needs("perl")("isAlive() is false for zombies, and for what has never been", async () => {
  await using parent = new Program("perl", ["-e", '$| = 1; exit 0 unless $pid = fork; print "$pid\\n"; sleep 60']);
  await parent.until("\n");
  const child = Number(parent.stdout);
  await until(() => process(child)?.state === "Z", "it is a zombie");
  assertEquals([parent.pid, child, 0, -1, 2 ** 22 + 1].map(isAlive), [true, false, false, false, false]);
});

needs("python3")("isAlive() is true for a process whose first thread has ended, and others go on", async () => {
  // what /proc calls a zombie then
  const end = `import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).pthread_exit(None)`;
  await using program = new Program("python3", ["-c", end]);
  await until(() => process(program.pid)?.state === "Z", "its first thread has ended");
  assert(isAlive(program.pid));
});

const hides = {
  "a /proc that hides": works("unshare", "--mount", "mount", "-t", "proc", "-o", "hidepid=2", "proc", "/proc"),
};

needs("root", "setpriv", "unshare", hides)("isAlive() knows of processes that /proc hides", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    // another user, who may not see root's cache
    Deno.writeTextFileSync(
      `${directory}/main.ts`,
      `import { isAlive, textOf } from "${root}scripts/tools/shared/proc.ts";
       console.log(textOf("/proc/1/stat"), isAlive(1), isAlive(${2 ** 22 + 1}));`,
    );
    await run("chown", ["-R", "65534:65534", directory]);
    const command =
      `mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"`;
    const args = ["--mount", "sh", "-c", command, "sh", Deno.execPath(), "run", "--no-config", "--no-check", "-A"];
    const { stdout, stderr } = await run("unshare", [...args, `${directory}/main.ts`], {
      env: { DENO_DIR: `${directory}/cache`, HOME: directory },
      cwd: directory,
    });
    assertEquals(stdout, "null true false\n", stderr);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

needs("root", "setpriv")(
  "isWhollyOf() is false for another user's process, and for one with mixed rights",
  async () => {
    const me = Deno.uid();
    assertEquals([isWhollyOf(Deno.pid, me), isWhollyOf(Deno.pid, 65534), isWhollyOf(2 ** 22 + 1, me)], [
      true,
      false,
      false,
    ]);
    for (const ids of [["--reuid=65534"], ["--ruid=65534"], ["--euid=65534"]]) {
      await using other = new Program("setpriv", [...ids, "--clear-groups", "sleep", "60"]);
      await until(() => process(other.pid)?.command === "sleep", "it runs");
      assertEquals(isWhollyOf(other.pid, me), false, ids.join());
    }
  },
);
