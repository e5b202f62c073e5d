/**
 * Programs that provoke errors by what is done to them: signal after signal, no descriptors left, no privileges.
 *
 * In their source, `c` is the library, `attempt(name, action)` notes the code of an error (`name` is `function` or
 * `function error`), and `say(text)` prints a line.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { FFI, mod as modUrl, Program, run } from "../../support.ts";
import type { Proof, Provoking } from "./_proofs.ts";

const PROLOGUE = `
import * as c from ${JSON.stringify(modUrl)};
const codes = {};
function attempt(name, action) {
  try { action(); codes[name] = "done"; } catch (error) { codes[name] = error.code ?? String(error); }
}
const say = (text) => Deno.stdout.writeSync(new TextEncoder().encode(text + "\\n"));
`;

/** A program's file, in a directory that others may read and write. */
export async function withProgram<T>(source: string, use: (path: string, directory: string) => Promise<T>): Promise<T> {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const path = `${directory}/program.ts`;
    Deno.writeTextFileSync(path, `${PROLOGUE}${source}\nsay(JSON.stringify(codes)); Deno.exit(0);`);
    for (const name of [directory, path]) Deno.chmodSync(name, 0o777);
    return await use(path, directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** What a program said last. */
export function answer(stdout: string): Record<string, string> {
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

function provoking(title: string, needs: Provoking["needs"], make: () => Promise<Record<string, string>>): Proof {
  let made: ReturnType<typeof make> | undefined;
  return { program: { title, needs, run: () => made ??= make() } };
}

/** What says "ready", waits in one call after the other, and gets signal after signal, for which it has a handler. */
export function interrupting(title: string, source: string): Proof {
  return provoking(title, [], () =>
    withProgram(`c.signal(c.SIGUSR1, () => {});\n${source}`, async (path) => {
      await using program = new Program(Deno.execPath(), [...FFI, path]);
      await program.until("ready");
      const timer = setInterval(() => program.kill("SIGUSR1"), 10);
      try {
        const { code, stdout, stderr } = await program.end();
        assertEquals({ code, stderr }, { code: 0, stderr: "" });
        return answer(stdout);
      } finally {
        clearInterval(timer);
      }
    }));
}

/** What runs with these limits of `ulimit(1)`. */
export function limiting(title: string, limits: string, source: string): Proof {
  return provoking(title, [], () =>
    withProgram(source, async (path) => {
      const limited = ["-c", `ulimit ${limits}; exec "$@"`, "sh", Deno.execPath(), ...FFI, path];
      const { code, stdout, stderr } = await run("sh", limited);
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      return answer(stdout);
    }));
}

const isRoot = Deno.uid() === 0;
const NOBODY = 65534;

/**
 * What runs as a user without privileges: `closed` is a directory that it may not enter, `file` and `directory` are others'. When
 * it says "ready", the number of its processes is limited to those that there are, and a line comes on standard input.
 */
export function unprivileged(title: string, source: string): Proof {
  return provoking(title, ["prlimit"], () =>
    withProgram(
      `const [closed, file, directory] = Deno.args;\n${source}`,
      async (path, directory) => {
        const closed = `${directory}/closed`;
        const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
        Deno.mkdirSync(closed, { mode: 0 });
        if (isRoot) Deno.chmodSync(directory, 0o1777); // only owners remove what is in there
        const child = new Deno.Command(Deno.execPath(), {
          args: [...FFI, "--no-config", "--no-check", "--v8-flags=--single-threaded", path, closed, path, directory],
          env: { DENO_DIR: `${directory}/cache`, HOME: directory, NO_COLOR: "1" },
          cwd: directory,
          stdin: "piped",
          stdout: "piped",
          stderr: "piped",
          ...user,
        }).spawn();
        const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
        let stdout = "";
        const writer = child.stdin.getWriter();
        try {
          for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
            const waited = stdout.includes("ready\n");
            stdout += chunk;
            if (waited || !stdout.includes("ready\n")) continue;
            const limited = await new Deno.Command("prlimit", {
              args: ["--pid", String(child.pid), "--nproc=1"],
              ...user,
            }).output();
            assert(limited.success, new TextDecoder().decode(limited.stderr));
            await writer.write(new TextEncoder().encode("\n"));
            await writer.close();
          }
        } finally {
          clearTimeout(timer);
          await writer.close().catch(() => {}); // it is, if the program was ready
        }
        const stderr = await new Response(child.stderr).text();
        assert((await child.status).success, stderr);
        Deno.chmodSync(closed, 0o700);
        return answer(stdout);
      },
    ));
}

/** Calls that wait. */
export const INTERRUPTED = interrupting(
  "calls that wait fail with EINTR if a signal comes",
  `
    const limit = (fd, which) => c.setsockopt(fd, c.SOL_SOCKET, which, new c.timeval(60));
    const queue = c.msgget(c.IPC_PRIVATE, 0o600);
    const set = c.semget(c.IPC_PRIVATE, 1, 0o600);
    const buffer = new c.msgbuf(8000);
    buffer.mtype = 1;
    say("ready");
    try {
      attempt("msgrcv", () => c.msgrcv(queue, buffer, 10, 0, 0));
      attempt("msgsnd", () => { while (true) c.msgsnd(queue, buffer, 8000, 0); });
      attempt("semop", () => c.semop(set, new c.sembuf([0, -1])));
      attempt("semtimedop", () => c.semtimedop(set, new c.sembuf([0, -1]), 60));
    } finally {
      c.msgctl(queue, c.IPC_RMID);
      c.semctl(set, 0, c.IPC_RMID);
    }
    attempt("poll", () => c.poll(new c.pollfds(), 60_000));
    attempt("usleep", () => c.usleep(60_000_000));
    attempt("sleep", () => { if (c.sleep(60) > 0) throw { code: "EINTR" }; });
    const [a, b] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM, 0);
    limit(a, c.SO_RCVTIMEO);
    limit(a, c.SO_SNDTIMEO);
    const bytes = new Uint8Array(1 << 20);
    attempt("read", () => c.read(a, bytes));
    attempt("recv", () => c.recv(a, bytes));
    attempt("recvfrom", () => c.recvfrom(a, bytes, undefined, 0));
    attempt("write", () => { while (true) c.write(a, bytes); });
    attempt("send", () => { while (true) c.send(a, bytes); });
    attempt("sendto", () => { while (true) c.sendto(a, bytes, undefined, 0, null); });
    const listener = c.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
    const name = new c.sockaddr_un();
    c.bind(listener, name);
    c.listen(listener, 0);
    c.getsockname(listener, name);
    limit(listener, c.SO_RCVTIMEO);
    attempt("accept", () => c.accept(listener));
    attempt("accept4", () => c.accept4(listener, null, 0));
    attempt("connect", () => {
      for (;;) {
        const client = c.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
        limit(client, c.SO_SNDTIMEO);
        c.connect(client, name);
      }
    });`,
);

/** Calls that make descriptors. */
export const CONFINED = limiting(
  "calls that make descriptors fail with EMFILE if there are none left",
  "-n 100",
  `
    const listener = c.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
    const name = new c.sockaddr_un();
    c.bind(listener, name);
    c.listen(listener, 5);
    c.getsockname(listener, name);
    c.connect(c.socket(c.AF_UNIX, c.SOCK_STREAM, 0), name);
    try { while (true) c.socket(c.AF_UNIX, c.SOCK_STREAM, 0); } catch { /* that was the last one */ }
    attempt("socket", () => c.socket(c.AF_UNIX, c.SOCK_STREAM, 0));
    attempt("socketpair", () => c.socketpair(c.AF_UNIX, c.SOCK_STREAM, 0));
    attempt("pipe", () => c.pipe());
    attempt("open", () => c.open("/", c.O_RDONLY));
    attempt("accept", () => c.accept(listener));
    attempt("accept4", () => c.accept4(listener, null, 0));`,
);

/** Calls that another user may not make. */
export const OTHERS = unprivileged(
  "calls fail with EACCES, EPERM or EAGAIN for who is not privileged",
  `
    attempt("open EACCES", () => c.open(closed + "/x", c.O_RDONLY));
    attempt("unlink EACCES", () => c.unlink(closed + "/x"));
    attempt("unlink EPERM", () => c.unlink(directory + "/program.ts"));
    attempt("execve EACCES", () => c.execve(closed + "/x", [], []));
    attempt("ftok EACCES", () => c.ftok(closed + "/x", 1));
    attempt("kill EPERM", () => c.kill(1, 0));
    attempt("socket EPERM", () => c.socket(c.AF_INET, c.SOCK_RAW, c.IPPROTO_ICMP));
    const unix = c.socket(c.AF_UNIX, c.SOCK_STREAM, 0);
    const address = new c.sockaddr_un();
    address.sun_path = closed + "/socket";
    attempt("bind EACCES", () => c.bind(unix, address));
    attempt("connect EACCES", () => c.connect(unix, address));
    const datagram = c.socket(c.AF_UNIX, c.SOCK_DGRAM, 0);
    attempt("sendto EACCES", () => c.sendto(datagram, "x", undefined, 0, address));
    const huge = c.SHM_HUGETLB | c.IPC_CREAT | 0o600;
    attempt("shmget EPERM", () => c.shmctl(c.shmget(c.IPC_PRIVATE, 1 << 21, huge), c.IPC_RMID));
    // the number of processes is limited while this waits
    say("ready");
    c.fgets(new Uint8Array(2), 2, c.stdin);
    attempt("fork EAGAIN", () => { if (c.fork() === 0) c._exit(0); });`,
);

/** Several buffers at once. */
export const INTERRUPTED_VECTORS = interrupting(
  "readv() and writev() fail with EINTR if a signal comes, with EAGAIN where they may not wait",
  `
    const pair = (type) => {
      const [a, b] = c.socketpair(c.AF_UNIX, type, 0);
      c.setsockopt(a, c.SOL_SOCKET, c.SO_RCVTIMEO, new c.timeval(60));
      c.setsockopt(a, c.SOL_SOCKET, c.SO_SNDTIMEO, new c.timeval(60));
      return a;
    };
    const bytes = [new Uint8Array(1 << 20)];
    const a = pair(c.SOCK_STREAM), b = pair(c.SOCK_STREAM | c.SOCK_NONBLOCK);
    say("ready");
    attempt("readv EINTR", () => c.readv(a, bytes));
    attempt("writev EINTR", () => { while (true) c.writev(a, bytes); });
    attempt("readv EAGAIN", () => c.readv(b, bytes));
    attempt("writev EAGAIN", () => { while (true) c.writev(b, bytes); });`,
);
