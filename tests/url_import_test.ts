import { assertEquals } from "@std/assert";
import { file, root, run } from "./support.ts";

/** The checkout, as a web server has it. */
function serve(): { url: string } & AsyncDisposable {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const path = new URL(request.url).pathname;
    try {
      const text = await Deno.readTextFile(root + path.slice(1));
      return new Response(text, { headers: { "content-type": "application/typescript" } });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
  return { url: `http://127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Runs a program from the web with nothing stored from before, and nothing permitted but FFI and the import. */
async function runFromWeb(program: (url: string) => string[]) {
  await using server = serve();
  const cache = Deno.makeTempDirSync({ prefix: "ipc_playground_cache_" });
  const cwd = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const { host } = new URL(server.url);
    const args = ["run", "--no-prompt", "--no-config", "--allow-ffi", `--allow-import=${host}`, ...program(server.url)];
    const ended = await run(Deno.execPath(), args, { env: { DENO_DIR: cache }, cwd });
    return { ...ended, stderr: ended.stderr.replace(/^Download .*\n/gm, "") };
  } finally {
    Deno.removeSync(cache, { recursive: true });
    Deno.removeSync(cwd, { recursive: true });
  }
}

const ok = { code: 0, signal: null, stderr: "" };

Deno.test("posix_shared_memory.ts runs from a URL", async () => {
  const ended = await runFromWeb((url) => [`${url}/scripts/posix_shared_memory.ts`]);
  assertEquals(ended, { ...ok, stdout: "Writing to shared memory\n" });
});

Deno.test("sigchld_wait3.ts runs from a URL, and starts itself again there", async () => {
  const ended = await runFromWeb((url) => [`${url}/scripts/sigchld_wait3.ts`]);
  assertEquals(ended, { ...ok, stdout: "I'm alive (temporarily)\nReturn code: 103\n" });
});

Deno.test("a program of somebody else's imports mod.ts by its URL", async () => {
  using program = file("");
  const ended = await runFromWeb((url) => {
    Deno.writeTextFileSync(
      program.path,
      `import { getpid, IPC_PRIVATE, IPC_RMID, IPC_STAT, shmctl, shmget, shmid_ds } from "${url}/mod.ts";
      const id = shmget(IPC_PRIVATE, 27, 0o600);
      const ds = new shmid_ds();
      shmctl(id, IPC_STAT, ds);
      shmctl(id, IPC_RMID);
      console.log(ds.shm_segsz, ds.shm_cpid === getpid());`,
    );
    return [program.path];
  });
  assertEquals(ended, { ...ok, stdout: "27 true\n" });
});
