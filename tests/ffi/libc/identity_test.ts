// Users, groups, sessions and threads of <unistd.h>, and exec's relatives.
import { assert, assertEquals } from "@std/assert";
import {
  close,
  execv,
  execvp,
  execvpe,
  fexecve,
  getegid,
  geteuid,
  getgid,
  getgroups,
  getpgid,
  getpgrp,
  getpid,
  getresgid,
  getresuid,
  getsid,
  gettid,
  getuid,
  MessageQueue,
  O_CLOEXEC,
  O_RDONLY,
  open,
  setegid,
  seteuid,
  setgid,
  setgroups,
  setpgid,
  setpgrp,
  setregid,
  setresgid,
  setresuid,
  setreuid,
  setsid,
  setuid,
} from "../../../mod.ts";
import { freshKey, NOT_INTEGERS } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { fails, file, inChild, run, runSource } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what no type allows
const any = (value: unknown) => value as any;

Deno.test("the users and groups of this process are those that Deno and id(1) tell", async () => {
  assertEquals([getuid(), getgid()], [Deno.uid()!, Deno.gid()!]);
  const id = async (...args: string[]) => (await run("id", args)).stdout.trim();
  assertEquals([geteuid(), getegid()], [Number(await id("-u")), Number(await id("-g"))]);
  assertEquals(getresuid(), [getuid(), geteuid(), geteuid()]);
  assertEquals(getresgid(), [getgid(), getegid(), getegid()]);
  const groups = (await id("-G")).split(" ").map(Number);
  assertEquals(new Set([getegid(), ...getgroups()]), new Set(groups));
});

needs("root")("a privileged process takes other users and groups, and goes back while it may", () => {
  inChild(() => {
    setgroups([7, 5, 4_000_000_000]);
    assertEquals(getgroups().sort(), [4_000_000_000, 5, 7]);
    setgroups([]);
    assertEquals(getgroups(), []);
    setegid(12);
    assertEquals(getresgid(), [0, 12, 0]);
    setresgid(-1, 13, -1);
    assertEquals(getresgid(), [0, 13, 0]);
    setregid(-1, 14);
    assertEquals(getegid(), 14);
    seteuid(1234);
    assertEquals(getresuid(), [0, 1234, 0]);
    fails("EPERM", () => setgroups([1]));
    seteuid(0);
    setreuid(-1, 1235);
    assertEquals(geteuid(), 1235);
    setreuid(-1, 0);
    setgid(15);
    assertEquals(getresgid(), [15, 15, 15]);
    setresuid(1, 2, 3);
    assertEquals(getresuid(), [1, 2, 3]);
    setresuid(-1, 3, -1);
    fails("EPERM", () => setuid(0));
    fails("EPERM", () => setresuid(0, 0, 0));
  });
  inChild(() => {
    setuid(65534);
    assertEquals(getresuid(), [65534, 65534, 65534]);
    for (
      const call of [
        () => setuid(0),
        () => seteuid(0),
        () => setreuid(0, 0),
        () => setresuid(0, -1, -1),
        () => setgid(1),
        () => setegid(1),
        () => setregid(1, 1),
        () => setresgid(1, 1, 1),
        () => setgroups([]),
      ]
    ) fails("EPERM", call);
  });
});

needs("root")("all threads of a program get the user, and Deno and the library go on working", async () => {
  using queue = MessageQueue.create({ key: freshKey() });
  using program = file(`
    import { getuid, MessageQueue, setgid, setgroups, setuid } from "@mod";
    // on a thread of the library's; the rights to go on waiting are given up, too
    const lost = MessageQueue.open(${queue.key}).receive().catch((error) => error.code);
    await Deno.readTextFile("/proc/self/status"); // on one of Deno's
    setgroups([]);
    setgid(65534);
    setuid(65534);
    const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) =>
      /Uid:\\t(.*)/.exec(Deno.readTextFileSync("/proc/self/task/" + name + "/status"))[1]);
    console.log(threads.length > 2, new Set(threads).size, threads[0]);
    const own = MessageQueue.create();
    setTimeout(() => own.sendSync("mine"), 20);
    console.log((await own.receive()).text, getuid());
    own.remove();
    await Deno.readTextFile("/etc/shadow").catch((error) => console.log(error.name));
    console.log(await lost);
    Deno.exit(0);`);
  const { code, stdout, stderr } = await run(Deno.execPath(), ["run", "--allow-all", "--no-check", program.path]);
  assertEquals({ code, stdout, stderr }, {
    code: 0,
    stdout: "true 1 65534\t65534\t65534\t65534\nmine 65534\nPermissionDenied\nEACCES\n",
    stderr: "",
  });
});

Deno.test("what is no user or group is refused", () => {
  for (const bad of [NaN, 1.5, -2, 2 ** 32, 2 ** 60, "0", null, undefined, {}, [], true, 1n]) {
    for (const call of [setuid, setgid, seteuid, setegid]) fails("EINVAL", () => call(any(bad)));
    for (const call of [setreuid, setregid]) {
      fails("EINVAL", () => call(any(bad), -1));
      fails("EINVAL", () => call(-1, any(bad)));
    }
    for (const call of [setresuid, setresgid]) {
      fails("EINVAL", () => call(any(bad), -1, -1));
      fails("EINVAL", () => call(-1, any(bad), -1));
      fails("EINVAL", () => call(-1, -1, any(bad)));
    }
    fails("EINVAL", () => setgroups([any(bad)]));
  }
  // no id at all
  for (const call of [setuid, setgid, seteuid, setegid]) fails("EINVAL", () => call(-1));
  setreuid(-1, -1);
  setresgid(-1, -1, -1);
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  for (const bad of [null, undefined, 5, "x", {}, new Uint32Array(1), proxy, Array(65537).fill(0)]) {
    fails("EINVAL", () => setgroups(any(bad)));
  }
});

Deno.test("sessions and process groups, and that of another process as ps(1) tells it", async () => {
  assertEquals([getpgid(0), getpgid(getpid())], [getpgrp(), getpgrp()]);
  const { stdout } = await run("ps", ["-o", "pgid=,sid=", "-p", String(getpid())]);
  assertEquals(stdout.trim().split(/ +/).map(Number), [getpgrp(), getsid(0)]);
  inChild(() => {
    setpgrp();
    assertEquals([getpgrp(), getpgid(0)], [getpid(), getpid()]);
    fails("EPERM", () => setsid());
  });
  inChild(() => {
    assertEquals(setsid(), getpid());
    assertEquals([getsid(0), getpgrp()], [getpid(), getpid()]);
    fails("EPERM", () => setsid());
    fails("EPERM", () => setpgid(0, 0));
    fails("EPERM", () => setpgrp());
  });
  for (const call of [getpgid, getsid]) {
    fails("ESRCH", () => call(2 ** 31 - 1));
    fails("ESRCH", () => call(-1));
    for (const bad of NOT_INTEGERS) fails("EINVAL", () => call(any(bad)));
  }
  fails("ESRCH", () => setpgid(1, 0));
  fails("EINVAL", () => setpgid(0, -1));
  fails("EPERM", () => setpgid(0, 2 ** 30));
  for (const bad of NOT_INTEGERS) {
    fails("EINVAL", () => setpgid(any(bad), 0));
    fails("EINVAL", () => setpgid(0, any(bad)));
  }
});

Deno.test("gettid() tells the thread: the pid on the main one, another in a Worker", async () => {
  assert([...Deno.readDirSync("/proc/self/task")].some(({ name }) => Number(name) === gettid()));
  inChild(() => assertEquals(gettid(), getpid()));
  const { stdout } = await runSource(
    `
    import { getpid, gettid } from "@mod";
    if (typeof WorkerGlobalScope === "undefined") {
      console.log(gettid() === getpid());
      const worker = new Worker(import.meta.url, { type: "module" });
      worker.onmessage = ({ data }) => { console.log(data); worker.terminate(); };
    } else postMessage(gettid() === getpid());`,
    [],
    { flags: ["--allow-read", "--no-check"] },
  );
  assertEquals(stdout, "true\nfalse\n");
});

/** What a program prints that replaces itself. */
async function replaced(call: string): Promise<string> {
  const { stdout, stderr, code } = await runSource(
    `import { close, execv, execvp, execvpe, fexecve, O_CLOEXEC, O_RDONLY, open } from "@mod";
     const before = Deno.pid;
     ${call}`,
    [],
    { env: { NAME: "inherited" } },
  );
  assertEquals([stderr, code], ["", 3]);
  return stdout;
}

const SCRIPT = '"-c", "echo $0 $1 $NAME; exit 3", "a", "b c"';

Deno.test("execv() and its relatives replace the program, with this environment or another one", async () => {
  assertEquals(await replaced(`execv("/bin/sh", ["sh", ${SCRIPT}]);`), "a b c inherited\n");
  assertEquals(await replaced(`execvp("sh", ["sh", ${SCRIPT}]);`), "a b c inherited\n");
  assertEquals(await replaced(`execvpe("sh", ["sh", ${SCRIPT}], ["NAME=other"]);`), "a b c other\n");
  const descriptor = `open("/bin/sh", O_RDONLY | O_CLOEXEC)`;
  assertEquals(await replaced(`fexecve(${descriptor}, ["sh", ${SCRIPT}], ["NAME=x"]);`), "a b c x\n");
});

Deno.test("execvp() gives what is no program to the shell; execv() does not", async () => {
  const path = Deno.makeTempFileSync({ prefix: "ipc_playground_" });
  try {
    Deno.writeTextFileSync(path, "echo $1; exit 3");
    Deno.chmodSync(path, 0o700);
    assertEquals(await replaced(`execvp(${JSON.stringify(path)}, ["x", "argument"]);`), "argument\n");
    fails("ENOEXEC", () => execv(path, ["x"]));
    const fd = open(path, O_RDONLY);
    try {
      fails("ENOEXEC", () => fexecve(fd, ["x"], []));
    } finally {
      close(fd);
    }
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("execv() and its relatives come back only with an error", () => {
  const error = fails("ENOENT", () => execv("/none/none", ["none"]));
  assertEquals(error.message, "execv: No such file or directory (/none/none)");
  fails("ENOENT", () => execvp("no-such-program-anywhere", ["none"]));
  fails("ENOENT", () => execvpe("no-such-program-anywhere", ["none"], []));
  fails("EACCES", () => execv("/", ["x"]));
  fails("EBADF", () => fexecve(777, ["x"], []));
  const fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  try {
    fails("EACCES", () => fexecve(fd, ["x"], []));
  } finally {
    close(fd);
  }
  const many = Array(2 ** 16 + 1).fill("");
  fails("E2BIG", () => execvp("true", many));
  fails("E2BIG", () => execvpe("true", many, []));
  for (const bad of ["a\0b", 5, null, undefined, {}, Symbol("s")]) {
    fails("EINVAL", () => execv(any(bad), []));
    fails("EINVAL", () => execvp(any(bad), []));
    fails("EINVAL", () => execvpe(any(bad), [], []));
    if (bad !== 5) fails("EINVAL", () => fexecve(any(bad), [], []));
    fails("EINVAL", () => execv("/none/none", [any(bad)]));
    fails("EINVAL", () => execvpe("/none/none", [], [any(bad)]));
    fails("EINVAL", () => fexecve(0, [], [any(bad)]));
  }
  for (const bad of [null, undefined, 5, "x", {}]) {
    fails("EINVAL", () => execv("/none/none", any(bad)));
    fails("EINVAL", () => execvp("none", any(bad)));
    fails("EINVAL", () => execvpe("none", [], any(bad)));
    fails("EINVAL", () => fexecve(0, any(bad), []));
  }
});
