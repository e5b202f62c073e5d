// Sockets that a service manager has opened: launchers in Python and C do what systemd does.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Listener, Socket } from "../../../ffi/objects/socket.ts";
import { needs } from "../../needs.ts";
import { compile, fails, FFI, file, Program } from "../../support.ts";

/**
 * Opens sockets by its first argument, a letter each, puts them at 3 and on, and becomes the program: `l` listens, `s` is one
 * end of a stream whose other end gets "from the manager", `d` is a datagram socket with a datagram in it, `p` a pipe, `t` a TCP
 * listener. The name of what listens comes second, the variables third.
 */
const LAUNCHER = `
import os, socket, sys
kinds, name, names, pid = sys.argv[1:5]
keep, fds = [], []
for kind in kinds:
    if kind == "l":
        s = socket.socket(socket.AF_UNIX)
        s.bind("\\0" + name)
        s.listen()
    elif kind == "t":
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        s.listen()
    elif kind == "s":
        s, other = socket.socketpair()
        other.send(b"from the manager")
        keep.append(other)
    elif kind == "d":
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind("")
        s.sendto(b"datagram", s.getsockname())
    elif kind == "p":
        s = os.fdopen(os.pipe()[0])
    elif kind == "x":
        continue
    keep.append(s)
    fds.append(os.dup2(s.fileno(), 200 + len(fds), inheritable=False))
for i, fd in enumerate(fds):
    os.dup2(fd, 3 + i)
if pid != "-":
    os.environ["LISTEN_PID"] = str(os.getpid()) if pid == "self" else pid
os.environ["LISTEN_FDS"] = str(len(kinds))
if names != "-":
    os.environ["LISTEN_FDNAMES"] = names
os.execv(sys.argv[5], sys.argv[5:])
`;

const PROGRAM = `
import { Listener, Socket } from "@mod";
const attempt = (name, action) => {
  try {
    console.log(name, action());
  } catch (error) {
    console.log(name, error.code, error.message);
  }
};
const buf = new Uint8Array(100);
const text = (n) => new TextDecoder().decode(buf.subarray(0, n));
`;

/** Runs a program's source as what a launcher starts. */
async function activated(
  source: string,
  kinds: string,
  { names = "-", pid = "self", permissions = FFI } = {},
  use?: (program: Program, name: string) => Promise<void>,
): Promise<string> {
  using program = file(PROGRAM + source);
  const name = `ipc_playground_inherited_${crypto.randomUUID()}`;
  const args = ["-c", LAUNCHER, kinds, name, names, pid, Deno.execPath(), ...permissions, program.path];
  await using running = new Program("python3", args);
  await use?.(running, name);
  const { code, stdout, stderr } = await running.end();
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

needs("python3")(
  "Listener.inherited() takes over the sockets that listen, and Socket.inherited() the others",
  async () => {
    const stdout = await activated(
      `
    const [listener] = Listener.inherited();
    const [stream, datagram] = Socket.inherited();
    console.log(listener.fd, stream.fd, datagram.fd);
    console.log(text(await stream.read(buf)), text((await datagram.receiveFrom({ buf })).data.length));
    for (const fd of [3, 4, 6]) console.log(parseInt(/flags:\\s*(\\d+)/.exec(Deno.readTextFileSync("/proc/self/fdinfo/" + fd))[1], 8) & 0o2000000);
    console.log("ready");
    const connection = await listener.accept();
    await connection.write("at your service");
    connection.close();
    for (const object of [listener, stream, datagram]) object.close();
    attempt("again", () => Listener.inherited());
    attempt("again", () => Socket.inherited());
    `,
      "lspd",
      { permissions: ["run", "--no-prompt", "--allow-all"] },
      async (program, name) => {
        await program.until("ready");
        using client = await Socket.connect(`@${name}`);
        const buf = new Uint8Array(100);
        assertEquals(await client.read(buf), 15);
      },
    );
    assertEquals(stdout.split("\n").slice(0, -3), [
      "3 4 6",
      "from the manager datagram",
      "524288",
      "524288",
      "524288",
      "ready",
    ]);
    assertMatch(stdout, /again ENOENT sd_listen_fds: No such file or directory \(no socket that listens is left\)/);
    assertMatch(stdout, /again ENOENT .*\(no socket that doesn't listen is left\)/);
  },
);

needs("python3")("the sockets come by their names, and each only once", async () => {
  const stdout = await activated(
    `
    console.log(Listener.inherited({ name: "web" }).map(({ fd }) => fd));
    console.log(Listener.inherited({ name: "control" }).map(({ fd }) => fd));
    console.log(Listener.inherited().map(({ fd }) => fd));
    attempt("none", () => Listener.inherited({ name: "web" }));
    attempt("pipe", () => Socket.inherited({ name: "pipe" }));
    attempt("unknown option", () => Listener.inherited({ nam: "x" }));
    attempt("not a name", () => Socket.inherited({ name: 5 }));
    `,
    "tltpt",
    { names: "web:control:web:pipe:" },
  );
  const [web, control, rest, ...errors] = stdout.trim().split("\n");
  assertEquals([web, control, rest], ["[ 3, 5 ]", "[ 4 ]", "[ 7 ]"]);
  assertEquals(errors.map((line) => line.split("sd_listen_fds")[0]), [
    "none ENOENT ",
    "pipe ENOENT ",
    "unknown option EINVAL ",
    "not a name EINVAL ",
  ]);
  assert(errors[0].includes(`is called "web"`));
});

needs("python3")("sockets for another process, wrong variables and missing descriptors are errors", async () => {
  const both = `attempt("l", () => Listener.inherited().length); attempt("s", () => Socket.inherited().length);`;
  const codes = (stdout: string) => stdout.trim().split("\n").map((line) => line.split(" ")[1]);
  assertEquals(codes(await activated(both, "ls", { pid: "1" })), ["ENOENT", "ENOENT"]);
  assertEquals(codes(await activated(both, "ls", { pid: "-" })), ["ENOENT", "ENOENT"]);
  assertEquals(codes(await activated(both, "ls", { pid: "x" })), ["EINVAL", "EINVAL"]);
  assertEquals(codes(await activated(both, "ls", { names: "one" })), ["EINVAL", "EINVAL"]);
  assertEquals(codes(await activated(both, "ls", { names: "one:two" })), ["1", "1"]);
  assertEquals(codes(await activated(both, "")), ["ENOENT", "ENOENT"]);
  assertEquals(codes(await activated(both, "p")), ["ENOENT", "ENOENT"]);
  // more than there are: what is there instead is the runtime's, or nothing
  assertEquals(codes(await activated(both, "lxx")), ["EBADF", "EBADF"]);
});

needs("python3")("a forked child and one that was restarted for fork() have what they should", async () => {
  const stdout = await activated(
    `
    import { enableFork, fork, wait } from "@mod";
    enableFork();
    fork(() => attempt("child", () => Listener.inherited().length));
    wait();
    attempt("parent", () => Listener.inherited().length);
    `,
    "l",
  );
  assertMatch(stdout, /^child ENOENT .*for another process\)\nparent 1\n$/);
});

const C = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    char pid[16];
    int s = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    strcpy(addr.sun_path + 1, argv[1]);
    if (bind(s, (struct sockaddr *) &addr, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(argv[1])) < 0) return 1;
    if (listen(s, 5) < 0) return 2;
    if (s != 3) {
        dup2(s, 3);
        close(s);
    }
    sprintf(pid, "%d", (int) getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", "packets", 1);
    execv(argv[2], argv + 2);
    return 3;
}
`;

needs("cc")("a launcher in C passes a listener on", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
  try {
    await compile(C, `${directory}/launcher`);
    const name = `ipc_playground_inherited_${crypto.randomUUID()}`;
    using program = file(`${PROGRAM}
      const [listener] = Listener.inherited({ name: "packets" });
      console.log("ready");
      for await (const connection of listener) {
        console.log(connection.type, text(await connection.read(buf)));
        await connection.write("answer");
        connection.close();
        break;
      }`);
    await using running = new Program(`${directory}/launcher`, [name, Deno.execPath(), ...FFI, program.path]);
    await running.until("ready");
    using client = await Socket.connect(`@${name}`, { type: 5 });
    await client.write("packet");
    assertEquals(await client.read(new Uint8Array(10)), 6);
    const { code, stdout, stderr } = await running.end();
    assertEquals([code, stdout, stderr], [0, "ready\n5 packet\n", ""]);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

/** Has the environment say something else until it is disposed of. */
function setEnvironment(variables: Record<string, string | undefined>): Disposable {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  const put = (name: string, value: string | undefined) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  for (const [name, value] of Object.entries(variables)) put(name, value);
  return { [Symbol.dispose]: () => before.forEach(([name, value]) => put(name, value)) };
}

Deno.test("without sockets that were passed on, inherited() fails with ENOENT and says why", () => {
  using _environment = setEnvironment({ LISTEN_PID: undefined, LISTEN_FDS: undefined });
  for (const Class of [Listener, Socket]) {
    const error = fails("ENOENT", () => Class.inherited());
    assertEquals(error.detail, "LISTEN_PID is not set: no socket was passed to this process");
  }
});

Deno.test("numbers in the environment that are none are refused", () => {
  for (const count of ["", "-1", "1e3", "0x1", " 1", "99999999999", "1.5", "65537"]) {
    using _environment = setEnvironment({ LISTEN_PID: `${Deno.pid}`, LISTEN_FDS: count });
    fails("EINVAL", () => Listener.inherited());
  }
  using _environment = setEnvironment({ LISTEN_PID: `${Deno.pid}`, LISTEN_FDS: undefined });
  fails("ENOENT", () => Socket.inherited());
});
