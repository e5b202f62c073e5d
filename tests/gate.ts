/**
 * Runs a command, `deno task check` or the load tests, in IPC, PID and network namespaces of its own where the system
 * allows, so that nobody else's objects, processes and ports are in its way, nor its in theirs; then says what was left
 * behind (census.ts), and which tests were skipped for lack of something (needs.ts).
 *
 *     deno run --allow-all tests/gate.ts -- deno task check
 *
 * @module
 */
import { SKIPPED, summary } from "./needs.ts";

/** A shell's function that gives the network namespace its loopback, with whatever there is. */
const SIOCSIFFLAGS = 0x8914, IFF_UP = 1;
const LOOPBACK = `loopback() {
  ip link set lo up && return
  perl -e 'socket($s, 2, 2, 0) && ioctl($s, ${SIOCSIFFLAGS}, pack("Z16 s x14", "lo", ${IFF_UP})) or exit 1' && return
  python3 -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(2, 2), ${SIOCSIFFLAGS}, struct.pack("16sh14x", b"lo", ${IFF_UP}))'
}`;

type Space = { says: string; command: string[] };

/**
 * What starts a command, given as further arguments, in namespaces. The shell stays as their process 1, which has to
 * reap orphans. Whoever isn't root gets them with a user namespace, and in it the capabilities to set them up, which
 * have to go again: tests would see none of the refusals that an ordinary user meets. (As `root` in that namespace,
 * which is more common, they would even believe to be another user.)
 */
function space(net: boolean): Space {
  const root = Deno.uid() === 0;
  const user = root ? [] : ["--user", "--map-current-user", "--keep-caps"];
  const drop = root ? "" : "setpriv --inh-caps=-all --ambient-caps=-all ";
  const script = `${LOOPBACK}\n${net ? "loopback 2> /dev/null || exit 125" : ""}\n${drop}"$@"\nexit $?`;
  const names = ["--ipc", "--pid", ...net ? ["--net"] : []];
  return {
    says: `in namespaces of its own: ${[...user.slice(0, 1), ...names].map((name) => name.slice(2)).join(", ")}`,
    command: ["unshare", ...user, ...names, "--mount-proc", "--fork", "--kill-child", "sh", "-c", script, "sh"],
  };
}

/** The best there is, or why there is none. */
function isolation(): Space | string {
  let why = "";
  for (const candidate of [space(true), space(false)]) {
    const [program, ...args] = candidate.command;
    try {
      const { success, stderr } = new Deno.Command(program, { args: [...args, "true"], stdin: "null" }).outputSync();
      if (success) return candidate;
      why = new TextDecoder().decode(stderr).trim().split("\n")[0];
    } catch {
      return "no unshare here";
    }
  }
  return why;
}

const [command, ...args] = Deno.args[0] === "--" ? Deno.args.slice(1) : Deno.args;
if (!command) {
  console.error("usage: gate.ts -- COMMAND [ARGUMENT…]");
  Deno.exit(2);
}

// in a namespace there is no way out to where packages come from
await new Deno.Command(Deno.execPath(), { args: ["install", "--quiet"] }).spawn().status;
const isolated = isolation();
console.error(
  typeof isolated === "string"
    ? `not isolated (${isolated}): what is left is told from others' by the processes that used it`
    : isolated.says,
);
const skipped = Deno.makeTempFileSync({ prefix: "ipc_playground_" });
const census = [Deno.execPath(), "run", "--allow-all", `${import.meta.dirname}/census.ts`];
const [program, ...all] = typeof isolated === "string"
  ? [...census, "--", command, ...args]
  : [...isolated.command, ...census, "--isolated", "--", command, ...args];
const { code } = await new Deno.Command(program, { args: all, env: { [SKIPPED]: skipped } }).spawn().status;
const lines = Deno.readTextFileSync(skipped).trim().split("\n").filter((line) => line !== "");
Deno.removeSync(skipped);
for (const line of summary(lines.map((line) => JSON.parse(line)))) console.error(line);
Deno.exit(code);
