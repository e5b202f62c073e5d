import { assert, assertEquals } from "@std/assert";
import {
  close,
  getpgid,
  getpid,
  getsid,
  O_CLOEXEC,
  O_CREAT,
  O_RDONLY,
  O_WRONLY,
  open,
  pipe,
  posix_spawn,
  posix_spawn_file_actions_addchdir_np,
  posix_spawn_file_actions_addclose,
  posix_spawn_file_actions_adddup2,
  posix_spawn_file_actions_addfchdir_np,
  posix_spawn_file_actions_addopen,
  posix_spawn_file_actions_destroy,
  posix_spawn_file_actions_init,
  posix_spawn_file_actions_t,
  POSIX_SPAWN_RESETIDS,
  POSIX_SPAWN_SETPGROUP,
  POSIX_SPAWN_SETSID,
  POSIX_SPAWN_SETSIGDEF,
  POSIX_SPAWN_SETSIGMASK,
  POSIX_SPAWN_USEVFORK,
  posix_spawnattr_destroy,
  posix_spawnattr_getflags,
  posix_spawnattr_getpgroup,
  posix_spawnattr_getsigdefault,
  posix_spawnattr_getsigmask,
  posix_spawnattr_init,
  posix_spawnattr_setflags,
  posix_spawnattr_setpgroup,
  posix_spawnattr_setsigdefault,
  posix_spawnattr_setsigmask,
  posix_spawnattr_t,
  posix_spawnp,
  read,
  sigaddset,
  SIGINT,
  SIGPIPE,
  sigset_t,
  SIGUSR1,
  timeval,
  trace,
  waitpid,
  WaitStatus,
  write,
} from "../../../mod.ts";
import { NOT_INTEGERS } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { compile, fails, FFI, file, mod, run, runSource, zombies } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what no type allows
const any = (value: unknown) => value as any;

/** File actions that are destroyed at the end of a `using`. */
function actions(): { of: posix_spawn_file_actions_t } & Disposable {
  const of = new posix_spawn_file_actions_t();
  posix_spawn_file_actions_init(of);
  return { of, [Symbol.dispose]: () => posix_spawn_file_actions_destroy(of) };
}

/** Waits for a child, and says how it ended. */
function ended(pid: number): string {
  const wstat = new WaitStatus();
  assertEquals(waitpid(pid, wstat), pid);
  return String(wstat);
}

/** A set of signals. */
function signals(list: number[]): sigset_t {
  const set = new sigset_t();
  for (const sig of list) sigaddset(set, sig);
  return set;
}

/** Everything that comes from a descriptor. */
function drain(fd: number): string {
  const buffer = new Uint8Array(1 << 16);
  let text = "";
  for (let n; (n = read(fd, buffer)) > 0;) text += new TextDecoder().decode(buffer.subarray(0, n));
  close(fd);
  return text;
}

type Prepare = (actions: posix_spawn_file_actions_t) => void;

/** What a program prints, and how it ends. */
function output(
  argv: string[],
  { attributes = null, envp, prepare }: {
    attributes?: posix_spawnattr_t | null;
    envp?: string[];
    prepare?: Prepare;
  } = {},
): [stdout: string, ended: string] {
  const [reader, writer] = pipe();
  using a = actions();
  posix_spawn_file_actions_adddup2(a.of, writer, 1);
  for (const fd of [reader, writer]) posix_spawn_file_actions_addclose(a.of, fd);
  prepare?.(a.of);
  let pid: number;
  try {
    pid = posix_spawnp(argv[0], a.of, attributes, argv, envp);
  } catch (error) {
    close(reader);
    throw error;
  } finally {
    close(writer);
  }
  return [drain(reader), ended(pid)];
}

Deno.test("posix_spawn() starts a program with arguments and an environment, and needs no enableFork()", async () => {
  assertEquals(output(["sh", "-c", 'echo "$0 $1 $NAME"; exit 3', "a b", "Grüße"], { envp: ["NAME=x"] }), [
    "a b Grüße x\n",
    "exited with 3",
  ]);
  // a V8 with all its threads
  using program = file(`
    import { posix_spawn, waitpid, WaitStatus } from "@mod";
    const wstat = new WaitStatus();
    waitpid(posix_spawn("/bin/sh", null, null, ["sh", "-c", "exit 5"]), wstat);
    console.log(String(wstat));`);
  const { stdout, stderr, code } = await run(Deno.execPath(), [...FFI, program.path]);
  assertEquals({ stdout, stderr, code }, { stdout: "exited with 5\n", stderr: "", code: 0 });
});

Deno.test("posix_spawn() hands on this process's environment unless told otherwise, as it is now", async () => {
  const source = `
    import { posix_spawn, waitpid } from "@mod";
    Deno.env.set("IPC_LATER", "later");
    waitpid(posix_spawn("/bin/sh", null, null, ["sh", "-c", "echo $IPC_EARLIER $IPC_LATER"]));
    waitpid(posix_spawn("/bin/sh", null, null, ["sh", "-c", "echo [$IPC_EARLIER$IPC_LATER]"], []));`;
  const { stdout } = await runSource(source, [], { flags: ["--allow-env"], env: { IPC_EARLIER: "earlier" } });
  assertEquals(stdout, "earlier later\n[]\n");
});

Deno.test("posix_spawnp() searches PATH, posix_spawn() does not", () => {
  assertEquals(ended(posix_spawnp("true", null, null, ["true"])), "exited with 0");
  fails("ENOENT", () => posix_spawn("true", null, null, ["true"]));
  fails("ENOENT", () => posix_spawnp("no-such-program-anywhere", null, null, ["x"]));
});

Deno.test("posix_spawn() fails with what execve() in the child says, and no child is left", () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    Deno.writeTextFileSync(`${directory}/text`, "no program", { mode: 0o700 });
    Deno.writeTextFileSync(`${directory}/closed`, "#!/bin/sh\n", { mode: 0o600 });
    fails("ENOENT", () => posix_spawn(`${directory}/none`, null, null, ["x"]));
    fails("ENOEXEC", () => posix_spawn(`${directory}/text`, null, null, ["x"]));
    fails("EACCES", () => posix_spawn(`${directory}/closed`, null, null, ["x"]));
    fails("EACCES", () => posix_spawn(directory, null, null, ["x"]));
    fails("ENOTDIR", () => posix_spawn("/dev/null/x", null, null, ["x"]));
    fails("ENAMETOOLONG", () => posix_spawn(`/${"x".repeat(300)}`, null, null, ["x"]));
    fails("E2BIG", () => posix_spawn("/bin/true", null, null, ["x", "y".repeat(1 << 20)]));
    const error = fails("ENOENT", () => posix_spawn("/none/none", null, null, ["x"]));
    assertEquals(error.message, "posix_spawn: No such file or directory (/none/none)");
    assertEquals(zombies(getpid()), []);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("file actions are done one after the other: open, duplicate, close", () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const path = `${directory}/file`;
    using a = actions();
    posix_spawn_file_actions_addopen(a.of, 7, path, O_WRONLY | O_CREAT, 0o640);
    posix_spawn_file_actions_adddup2(a.of, 7, 1);
    posix_spawn_file_actions_addclose(a.of, 7);
    posix_spawn_file_actions_addopen(a.of, 0, "/dev/null", O_RDONLY);
    const script = 'cat; echo text; [ -e /proc/self/fd/7 ] || echo "7 is closed"';
    assertEquals(ended(posix_spawn("/bin/sh", a.of, null, ["sh", "-c", script])), "exited with 0");
    assertEquals(Deno.readTextFileSync(path), "text\n7 is closed\n");
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o640 & ~Deno.umask());
    // the same once more: actions are not used up
    assertEquals(ended(posix_spawn("/bin/sh", a.of, null, ["sh", "-c", "exit 1"])), "exited with 1");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("an action that fails in the child is the error of posix_spawn()", () => {
  using a = actions();
  posix_spawn_file_actions_addopen(a.of, 0, "/none/none", O_RDONLY);
  fails("ENOENT", () => posix_spawn("/bin/true", a.of, null, ["true"]));
  using b = actions();
  posix_spawn_file_actions_adddup2(b.of, 900, 1);
  fails("EBADF", () => posix_spawn("/bin/true", b.of, null, ["true"]));
  using c = actions();
  posix_spawn_file_actions_addchdir_np(c.of, "/none");
  fails("ENOENT", () => posix_spawn("/bin/true", c.of, null, ["true"]));
});

Deno.test("file actions change the directory, by path and by descriptor", () => {
  assertEquals(
    output(["sh", "-c", "pwd -P"], { prepare: (a) => posix_spawn_file_actions_addchdir_np(a, "/usr") })[0],
    "/usr\n",
  );
  const directory = open("/usr", O_RDONLY | O_CLOEXEC);
  try {
    assertEquals(
      output(["sh", "-c", "pwd -P"], { prepare: (a) => posix_spawn_file_actions_addfchdir_np(a, directory) })[0],
      "/usr\n",
    );
  } finally {
    close(directory);
  }
});

Deno.test("adddup2() with the same number twice keeps a descriptor open that closes on exec", () => {
  const fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  try {
    const script = `[ -e /proc/self/fd/${fd} ] && echo open || echo closed`;
    assertEquals(output(["sh", "-c", script])[0], "closed\n");
    assertEquals(
      output(["sh", "-c", script], { prepare: (a) => posix_spawn_file_actions_adddup2(a, fd, fd) })[0],
      "open\n",
    );
  } finally {
    close(fd);
  }
});

Deno.test("a pipeline of three programs", () => {
  const [first, second, last] = [pipe(), pipe(), pipe()];
  const all = [first, second, last].flat();
  const start = (argv: string[], from: number | undefined, to: number) => {
    using a = actions();
    if (from !== undefined) posix_spawn_file_actions_adddup2(a.of, from, 0);
    posix_spawn_file_actions_adddup2(a.of, to, 1);
    for (const fd of all) posix_spawn_file_actions_addclose(a.of, fd);
    return posix_spawnp(argv[0], a.of, null, argv);
  };
  const pids = [
    start(["printf", "b\\na\\nb\\n"], undefined, first[1]),
    start(["sort"], first[0], second[1]),
    start(["uniq", "-c"], second[0], last[1]),
  ];
  for (const fd of [...first, ...second, last[1]]) close(fd);
  assertEquals(drain(last[0]).replace(/ +/g, " "), " 1 a\n 2 b\n");
  assertEquals(pids.map(ended), Array(3).fill("exited with 0"));
});

Deno.test("the child has the program's descriptors, and none of the Deno runtime's", () => {
  const [reader, writer] = pipe();
  try {
    const [list] = output(["sh", "-c", "for fd in /proc/$$/fd/*; do readlink $fd; done"]);
    const pipes = list.split("\n").filter((line) => line === Deno.readLinkSync(`/proc/self/fd/${reader}`));
    assertEquals(pipes.length, 2, list);
    assert(!list.includes("eventpoll"), list);
  } finally {
    close(reader);
    close(writer);
  }
});

/** A descriptor of the Deno runtime. */
function runtimes(): number {
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`) === "anon_inode:[eventpoll]") return Number(name);
    } catch {
      // the directory's own
    }
  }
  throw new Error("no epoll set");
}

Deno.test("the Deno runtime's descriptors are given to no child", () => {
  const fd = runtimes();
  using a = actions();
  fails("EBADF", () => posix_spawn_file_actions_adddup2(a.of, fd, 0));
  fails("EBADF", () => posix_spawn_file_actions_addfchdir_np(a.of, fd));
  // one that an action makes in the child has the number only
  posix_spawn_file_actions_addopen(a.of, fd, "/dev/null", O_RDONLY);
  posix_spawn_file_actions_adddup2(a.of, fd, 0);
  assertEquals(ended(posix_spawn("/bin/sh", a.of, null, ["sh", "-c", "cat"])), "exited with 0");
});

Deno.test("a descriptor that was closed, and has become the Deno runtime's meanwhile, is given to no child", () => {
  const fd = open("/dev/null", O_RDONLY);
  using a = actions();
  posix_spawn_file_actions_adddup2(a.of, fd, 0);
  close(fd);
  const opened: Deno.FsFile[] = [];
  try {
    while (!opened.some((_, i) => i > 20) && !isRuntimes(fd)) opened.push(Deno.openSync("/dev/null"));
    assert(isRuntimes(fd));
    fails("EBADF", () => posix_spawn("/bin/true", a.of, null, ["true"]));
  } finally {
    opened.forEach((file) => file.close());
  }
});

function isRuntimes(fd: number): boolean {
  try {
    return /flags:\s+02/.test(Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`));
  } catch {
    return false;
  }
}

Deno.test("file actions can be used between init and destroy only", () => {
  const a = new posix_spawn_file_actions_t();
  const uses: (() => void)[] = [
    () => posix_spawn_file_actions_addopen(a, 0, "/dev/null", O_RDONLY),
    () => posix_spawn_file_actions_addclose(a, 5),
    () => posix_spawn_file_actions_adddup2(a, 0, 5),
    () => posix_spawn_file_actions_addchdir_np(a, "/"),
    () => posix_spawn_file_actions_addfchdir_np(a, 0),
    () => posix_spawn("/bin/true", a, null, ["true"]),
    () => posix_spawnp("true", a, null, ["true"]),
    () => posix_spawn_file_actions_destroy(a),
  ];
  for (let i = 0; i < 3; i++) {
    for (const use of uses) fails("EINVAL", use);
    posix_spawn_file_actions_init(a);
    fails("EINVAL", () => posix_spawn_file_actions_init(a));
    for (const use of uses.slice(0, 4)) use();
    posix_spawn_file_actions_addchdir_np(a, "/");
    posix_spawn_file_actions_destroy(a);
  }
});

Deno.test("who is told of a call by a trace cannot take its file actions or attributes away", () => {
  const a = new posix_spawn_file_actions_t();
  const refused: string[] = [];
  const attributes = new posix_spawnattr_t();
  {
    using _ = trace((event) => {
      if (event.ev !== "enter" || !event.call.startsWith("posix_spawn")) return;
      for (const use of [posix_spawn_file_actions_destroy, posix_spawn_file_actions_init]) {
        try {
          use(a);
        } catch (error) {
          refused.push((error as Error).message);
        }
      }
      if (event.call === "posix_spawnattr_setflags") attributes.bytes.buffer.transfer();
    });
    posix_spawn_file_actions_init(a);
    posix_spawn_file_actions_addopen(a, 0, "/dev/null", O_RDONLY);
    ended(posix_spawn("/bin/true", a, attributes, ["true"]));
    posix_spawn_file_actions_destroy(a);
    fails("EFAULT", () => posix_spawnattr_setflags(attributes, 0));
    fails("EFAULT", () => posix_spawn("/bin/true", null, attributes, ["true"]));
  }
  assertEquals(refused.filter((message) => message.includes("in another call")).length, 8);
});

Deno.test("an array of arguments cannot take the file actions away while it is read", () => {
  const a = new posix_spawn_file_actions_t();
  posix_spawn_file_actions_init(a);
  const argv = Object.defineProperty(["true"], 0, {
    get() {
      posix_spawn_file_actions_destroy(a);
      return "true";
    },
  });
  fails("EINVAL", () => posix_spawn("/bin/true", a, null, argv));
});

Deno.test("signals that this process ignores are ignored by the child, unless POSIX_SPAWN_SETSIGDEF says otherwise", () => {
  const attributes = new posix_spawnattr_t();
  posix_spawnattr_init(attributes);
  posix_spawnattr_setsigdefault(attributes, signals([SIGPIPE]));
  const given = new sigset_t();
  posix_spawnattr_getsigdefault(attributes, given);
  assertEquals(given.bytes, signals([SIGPIPE]).bytes);
  const ignored = () => {
    const [status] = output(["cat", "/proc/self/status"], { attributes });
    return Number.parseInt(/SigIgn:\t(\w+)/.exec(status)![1].slice(-4), 16) & 1 << SIGPIPE - 1;
  };
  assertEquals(ignored(), 1 << SIGPIPE - 1); // Deno does
  posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
  assertEquals(ignored(), 0);
  posix_spawnattr_destroy(attributes);
});

Deno.test("the child begins with the signals of POSIX_SPAWN_SETSIGMASK blocked", () => {
  const attributes = new posix_spawnattr_t();
  const blocked = () => /SigBlk:\t(\w+)/.exec(output(["cat", "/proc/self/status"], { attributes })[0])![1];
  posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setsigmask(attributes, signals([SIGINT, SIGUSR1, 64]));
  const given = new sigset_t();
  posix_spawnattr_getsigmask(attributes, given);
  assertEquals(given.bytes, signals([SIGINT, SIGUSR1, 64]).bytes);
  assertEquals(BigInt(`0x${blocked()}`), 1n << 1n | 1n << 9n | 1n << 63n);
  posix_spawnattr_setsigmask(attributes, signals([]));
  assertEquals(BigInt(`0x${blocked()}`), 0n);
});

Deno.test("the child leads a process group or a session, or joins a group", () => {
  const leader = new posix_spawnattr_t();
  posix_spawnattr_setflags(leader, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_USEVFORK);
  assertEquals(posix_spawnattr_getflags(leader), POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_USEVFORK);
  const [reader, writer] = pipe();
  using a = actions();
  posix_spawn_file_actions_adddup2(a.of, reader, 0);
  posix_spawn_file_actions_addclose(a.of, writer);
  const start = (attributes: posix_spawnattr_t) => posix_spawnp("cat", a.of, attributes, ["cat"]);
  const first = start(leader);
  const follower = new posix_spawnattr_t();
  posix_spawnattr_setflags(follower, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(follower, first);
  assertEquals(posix_spawnattr_getpgroup(follower), first);
  const second = start(follower);
  const session = new posix_spawnattr_t();
  posix_spawnattr_setflags(session, POSIX_SPAWN_SETSID | POSIX_SPAWN_RESETIDS);
  const third = start(session);
  try {
    assertEquals([getpgid(first), getpgid(second), getpgid(third)], [first, first, third]);
    assertEquals([getsid(first), getsid(third)], [getsid(0), third]);
  } finally {
    close(writer);
    close(reader);
    assertEquals([first, second, third].map(ended), Array(3).fill("exited with 0"));
  }
  const wrong = new posix_spawnattr_t();
  posix_spawnattr_setflags(wrong, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(wrong, 2 ** 30);
  fails("EPERM", () => posix_spawnp("true", null, wrong, ["true"]));
});

Deno.test("attributes of a new posix_spawnattr_t are those that init() leaves", () => {
  const attributes = new posix_spawnattr_t();
  const fresh = attributes.bytes.slice();
  posix_spawnattr_init(attributes);
  assertEquals(attributes.bytes, fresh);
  assertEquals([posix_spawnattr_getflags(attributes), posix_spawnattr_getpgroup(attributes)], [0, 0]);
});

Deno.test("posix_spawn() and its relatives refuse what is no argument of theirs", () => {
  using a = actions();
  const attributes = new posix_spawnattr_t();
  const proxy = new Proxy(a.of, {});
  for (const bad of [undefined, 5, {}, [], proxy, Object.create(posix_spawn_file_actions_t.prototype), new timeval()]) {
    fails("EFAULT", () => posix_spawn("/bin/true", any(bad), null, ["true"]));
    fails("EFAULT", () => posix_spawn_file_actions_init(any(bad)));
    fails("EFAULT", () => posix_spawn_file_actions_destroy(any(bad)));
    fails("EFAULT", () => posix_spawn_file_actions_addclose(any(bad), 5));
  }
  for (const bad of [undefined, 5, {}, new Proxy(attributes, {}), new timeval(), a.of]) {
    fails("EFAULT", () => posix_spawn("/bin/true", null, any(bad), ["true"]));
    for (const use of [posix_spawnattr_init, posix_spawnattr_destroy, posix_spawnattr_getflags]) {
      fails("EFAULT", () => use(any(bad)));
    }
    fails("EFAULT", () => posix_spawnattr_getpgroup(any(bad)));
    for (
      const use of [
        posix_spawnattr_setsigdefault,
        posix_spawnattr_getsigdefault,
        posix_spawnattr_setsigmask,
        posix_spawnattr_getsigmask,
      ]
    ) {
      fails("EFAULT", () => use(any(bad), new sigset_t()));
      if (bad !== a.of) fails("EFAULT", () => use(attributes, bad === undefined ? any(null) : any(new timeval())));
    }
    fails("EFAULT", () => posix_spawnattr_setflags(any(bad), 0));
    fails("EFAULT", () => posix_spawnattr_setpgroup(any(bad), 0));
  }
  for (const bad of NOT_INTEGERS) {
    fails("EINVAL", () => posix_spawn_file_actions_addclose(a.of, any(bad)));
    fails("EINVAL", () => posix_spawn_file_actions_adddup2(a.of, any(bad), 0));
    fails("EINVAL", () => posix_spawn_file_actions_adddup2(a.of, 0, any(bad)));
    fails("EINVAL", () => posix_spawn_file_actions_addfchdir_np(a.of, any(bad)));
    fails("EINVAL", () => posix_spawn_file_actions_addopen(a.of, any(bad), "/dev/null", O_RDONLY));
    fails("EINVAL", () => posix_spawn_file_actions_addopen(a.of, 0, "/dev/null", any(bad)));
    fails("EINVAL", () => posix_spawn_file_actions_addopen(a.of, 0, "/dev/null", O_RDONLY, any(bad)));
    fails("EINVAL", () => posix_spawnattr_setflags(attributes, any(bad)));
    fails("EINVAL", () => posix_spawnattr_setpgroup(attributes, any(bad)));
  }
  for (const fd of [-1, -(2 ** 31)]) {
    fails("EBADF", () => posix_spawn_file_actions_addclose(a.of, fd));
    fails("EBADF", () => posix_spawn_file_actions_adddup2(a.of, fd, 0));
    fails("EBADF", () => posix_spawn_file_actions_adddup2(a.of, 0, fd));
    fails("EBADF", () => posix_spawn_file_actions_addopen(a.of, fd, "/dev/null", O_RDONLY));
    using b = actions();
    posix_spawn_file_actions_addfchdir_np(b.of, fd); // it is the child that does not find it
    fails("EBADF", () => posix_spawn("/bin/true", b.of, null, ["true"]));
  }
  for (const flags of [0x8000, 0x10002, -1, 0x400]) fails("EINVAL", () => posix_spawnattr_setflags(attributes, flags));
  for (const bad of [null, undefined, 5, "x", {}, Proxy.revocable([], {})]) {
    if (bad && "revoke" in Object(bad)) any(bad).revoke();
    const value = bad && "proxy" in Object(bad) ? any(bad).proxy : bad;
    fails("EINVAL", () => posix_spawn("/bin/true", null, null, value));
    if (value !== undefined) fails("EINVAL", () => posix_spawn("/bin/true", null, null, ["true"], value));
  }
  for (const bad of ["a\0b", 5, null, undefined, {}]) {
    fails("EINVAL", () => posix_spawn(any(bad), null, null, ["true"]));
    fails("EINVAL", () => posix_spawnp(any(bad), null, null, ["true"]));
    fails("EINVAL", () => posix_spawn("/bin/true", null, null, [any(bad)]));
    fails("EINVAL", () => posix_spawn("/bin/true", null, null, ["true"], [any(bad)]));
    fails("EINVAL", () => posix_spawn_file_actions_addopen(a.of, 0, any(bad), O_RDONLY));
    fails("EINVAL", () => posix_spawn_file_actions_addchdir_np(a.of, any(bad)));
  }
  let asked = 0;
  const length = { valueOf: () => asked++ === 0 ? 1 : asked < 100 ? 100 : 0 };
  const growing = new Proxy([], { get: (_, name) => name === "length" ? length : "x" });
  fails("ENOENT", () => posix_spawn("/nonexistent", null, null, growing));
  assertEquals(asked, 1);
  fails("E2BIG", () => posix_spawn("/bin/true", null, null, Array(2 ** 20 + 1).fill("")));
});

needs("cc")("a C program gets what it would get from a C program", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
  try {
    // what a program sees of how it was started, and one that starts it by posix_spawn(3)
    await compile(
      `#include <stdio.h>
       #include <signal.h>
       #include <unistd.h>
       int main(int argc, char **argv) {
         sigset_t mask;
         sigprocmask(SIG_BLOCK, NULL, &mask);
         for (int i = 0; i < argc; i++) printf("%s\\n", argv[i]);
         printf("%d %d %d\\n", getpgrp() == getpid(), sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2));
         return 7;
       }`,
      `${directory}/seen`,
    );
    await compile(
      `#include <spawn.h>
       #include <signal.h>
       #include <sys/wait.h>
       int main(int argc, char **argv) {
         posix_spawnattr_t attr;
         sigset_t mask;
         pid_t pid;
         int status;
         char *args[] = { "seen", "a", "b c", 0 }, *env[] = { 0 };
         posix_spawnattr_init(&attr);
         posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
         sigemptyset(&mask);
         sigaddset(&mask, SIGUSR1);
         posix_spawnattr_setsigmask(&attr, &mask);
         if (posix_spawn(&pid, argv[1], 0, &attr, args, env)) return 1;
         waitpid(pid, &status, 0);
         return WEXITSTATUS(status);
       }`,
      `${directory}/spawns`,
    );
    const expected = await run(`${directory}/spawns`, [`${directory}/seen`]);
    assertEquals([expected.code, expected.stdout], [7, "seen\na\nb c\n1 1 0\n"]);
    const attributes = new posix_spawnattr_t();
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(attributes, signals([SIGUSR1]));
    const [reader, writer] = pipe();
    using a = actions();
    posix_spawn_file_actions_adddup2(a.of, writer, 1);
    const pid = posix_spawn(`${directory}/seen`, a.of, attributes, ["seen", "a", "b c"], []);
    close(writer);
    assertEquals([drain(reader), ended(pid)], [expected.stdout, "exited with 7"]);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

needs("python3")("a Python program talks through pipes that it was given", () => {
  const [toChild, fromChild] = [pipe(), pipe()];
  using a = actions();
  posix_spawn_file_actions_adddup2(a.of, toChild[0], 0);
  posix_spawn_file_actions_adddup2(a.of, fromChild[1], 1);
  for (const fd of [...toChild, ...fromChild]) posix_spawn_file_actions_addclose(a.of, fd);
  const code = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)";
  const pid = posix_spawnp("python3", a.of, null, ["python3", "-c", code]);
  close(toChild[0]);
  close(fromChild[1]);
  write(toChild[1], "hello\n");
  const byte = new Uint8Array(1);
  let answer = "";
  while (!answer.endsWith("\n") && read(fromChild[0], byte) === 1) answer += String.fromCharCode(byte[0]);
  assertEquals(answer, "olleh\n");
  close(toChild[1]);
  assertEquals(drain(fromChild[0]), "");
  assertEquals(ended(pid), "exited with 0");
});

Deno.test("a child that Deno's own signal listeners are not for: it has the default actions", async () => {
  const { stdout } = await runSource(`
    import { kill, posix_spawnp, SIGUSR1, waitpid, WaitStatus } from "@mod";
    Deno.addSignalListener("SIGUSR1", () => {});
    const pid = posix_spawnp("sleep", null, null, ["sleep", "60"]);
    kill(pid, SIGUSR1);
    const wstat = new WaitStatus();
    waitpid(pid, wstat);
    console.log(String(wstat));
    Deno.exit(0);`);
  assertEquals(stdout, "killed by SIGUSR1\n");
});

Deno.test("posix_spawn() works in a Worker, and a hundred children leave nothing", async () => {
  const before = [...Deno.readDirSync("/proc/self/fd")].length;
  for (let i = 0; i < 100; i++) ended(posix_spawnp("true", null, null, ["true"]));
  assertEquals([...Deno.readDirSync("/proc/self/fd")].length, before);
  const { stdout } = await runSource(
    `
    const worker = new Worker("data:text/javascript," + encodeURIComponent(\`
      import { posix_spawnp, waitpid, WaitStatus } from ${JSON.stringify(mod)};
      const wstat = new WaitStatus();
      waitpid(posix_spawnp("sh", null, null, ["sh", "-c", "exit 4"]), wstat);
      postMessage(String(wstat));
    \`), { type: "module" });
    worker.onmessage = ({ data }) => { console.log(data); worker.terminate(); };`,
    [],
    { flags: ["--allow-import", "--allow-read"] },
  );
  assertEquals(stdout, "exited with 4\n");
});
