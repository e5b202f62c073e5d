import { assertEquals } from "@std/assert";
import {
  close,
  fork,
  getpid,
  getppid,
  gettid,
  kill,
  pipe,
  PR_GET_CHILD_SUBREAPER,
  PR_GET_DUMPABLE,
  PR_GET_KEEPCAPS,
  PR_GET_NAME,
  PR_GET_NO_NEW_PRIVS,
  PR_GET_PDEATHSIG,
  PR_GET_TIMERSLACK,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_DUMPABLE,
  PR_SET_KEEPCAPS,
  PR_SET_NAME,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  PR_SET_PTRACER,
  PR_SET_PTRACER_ANY,
  PR_SET_TIMERSLACK,
  prctl,
  read,
  SIGKILL,
  SIGTERM,
  usleep,
  wait,
  waitpid,
  WaitStatus,
  write,
} from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { fails, inChild, process, run, runSource, until } from "../../../support.ts";

// deno-lint-ignore no-explicit-any -- what no type allows
const any = (value: unknown) => value as any;

Deno.test("prctl() sets what it gives: a signal, a name, a slack, and what is on or off", () => {
  inChild(() => {
    assertEquals(prctl(PR_GET_PDEATHSIG), 0);
    assertEquals(prctl(PR_SET_PDEATHSIG, SIGTERM), 0);
    assertEquals(prctl(PR_GET_PDEATHSIG), SIGTERM);
    prctl(PR_SET_PDEATHSIG, 0);
    prctl(PR_SET_NAME, "a name");
    assertEquals(prctl(PR_GET_NAME), "a name");
    assertEquals(Deno.readTextFileSync(`/proc/self/task/${gettid()}/comm`), "a name\n");
    prctl(PR_SET_NAME, "fifteen bytes and more");
    assertEquals(prctl(PR_GET_NAME), "fifteen bytes a");
    prctl(PR_SET_NAME, "");
    assertEquals(prctl(PR_GET_NAME), "");
    prctl(PR_SET_TIMERSLACK, 70_000);
    assertEquals(prctl(PR_GET_TIMERSLACK), 70_000);
    for (
      const [set, get] of [
        [PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER],
        [PR_SET_KEEPCAPS, PR_GET_KEEPCAPS],
        [PR_SET_DUMPABLE, PR_GET_DUMPABLE],
      ]
    ) {
      for (const value of [1, 0, true, false]) {
        prctl(set, value);
        assertEquals(prctl(get), Number(value));
      }
    }
    assertEquals(prctl(PR_GET_NO_NEW_PRIVS), 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1);
    assertEquals(prctl(PR_GET_NO_NEW_PRIVS), 1);
    fails("EINVAL", () => prctl(PR_SET_NO_NEW_PRIVS, 0));
  });
});

Deno.test("a process gets the signal of PR_SET_PDEATHSIG when its parent ends", async () => {
  const [reader, writer] = pipe();
  const parent = fork(() => {
    fork(() => {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      write(writer, `${getpid()}\n`);
      while (true) usleep(100_000);
    });
    while (true) usleep(100_000);
  });
  close(writer);
  const buffer = new Uint8Array(20);
  const child = Number(new TextDecoder().decode(buffer.subarray(0, read(reader, buffer))));
  close(reader);
  assertEquals(process(child)?.ppid, parent);
  kill(parent, SIGKILL);
  waitpid(parent);
  await until(() => (process(child)?.state ?? "Z") === "Z", "the child has ended");
});

Deno.test("a subreaper becomes the parent of its orphaned descendants, and reaps them", () => {
  inChild(() => {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const [reader, writer] = pipe();
    const child = fork(() => {
      const parent = getpid();
      fork(() => {
        while (getppid() === parent) usleep(1000);
        write(writer, String(getppid()));
        return 6;
      });
    });
    waitpid(child);
    close(writer);
    const buffer = new Uint8Array(20);
    assertEquals(new TextDecoder().decode(buffer.subarray(0, read(reader, buffer))), String(getpid()));
    const status = new WaitStatus();
    wait(status);
    assertEquals(status.exitStatus, 6);
  });
});

needs("python3")("Python's own prctl tells what was set here", async () => {
  // a name and a signal of death stay on exec
  const { stdout } = await runSource(`
    import { execvp, PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, PR_SET_TIMERSLACK, prctl, SIGTERM } from "@mod";
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_TIMERSLACK, 12345);
    execvp("python3", ["python3", "-c", \`
import ctypes
libc = ctypes.CDLL(None)
n = ctypes.c_int()
libc.prctl(2, ctypes.byref(n))
print(n.value, libc.prctl(30))\`]);`);
  assertEquals(stdout, "15 12345\n");
  const { stdout: none } = await run("python3", ["-c", "import ctypes; print(ctypes.CDLL(None).prctl(3))"]);
  assertEquals(none, "1\n");
});

Deno.test("prctl() refuses other operations, names of V8's and Deno's threads, and what is no argument of its", async () => {
  // PR_SET_MM, PR_SET_SECCOMP, PR_SET_VMA, PR_CAPBSET_DROP, PR_SET_TSC, PR_GET_TID_ADDRESS, PR_SET_FPEXC
  for (const option of [35, 22, 0x53564d41, 24, 26, 40, 12, 0, -1, 2 ** 31 - 1]) {
    fails("EINVAL", () => prctl(option, 1));
    fails("EINVAL", () => prctl(option));
  }
  for (const name of ["V8 DefaultWorker", "worker-1", "serve-worker-0"]) {
    fails("EOPNOTSUPP", () => prctl(PR_SET_NAME, name));
  }
  for (const bad of [5, undefined, null, "a\0b", {}, Symbol("s"), new Uint8Array(16)]) {
    fails("EINVAL", () => prctl(PR_SET_NAME, any(bad)));
  }
  for (const bad of [NaN, 1.5, Infinity, 2 ** 60, "1", null, {}, [], 2n ** 70n]) {
    fails("EINVAL", () => prctl(PR_SET_KEEPCAPS, any(bad)));
    fails("EINVAL", () => prctl(PR_SET_TIMERSLACK, any(bad)));
  }
  for (const bad of NOT_INTEGERS) fails("EINVAL", () => prctl(any(bad)));
  for (const bad of [2, -1]) {
    fails("EINVAL", () => prctl(PR_SET_KEEPCAPS, bad));
    fails("EINVAL", () => prctl(PR_SET_NO_NEW_PRIVS, bad));
  }
  fails("EINVAL", () => prctl(PR_SET_DUMPABLE, 2));
  fails("EINVAL", () => prctl(PR_SET_PDEATHSIG, 65));
  fails("EINVAL", () => prctl(PR_SET_TIMERSLACK, 2 ** 31));
  fails("EINVAL", () => prctl(PR_SET_TIMERSLACK, -1));
  fails("EINVAL", () => prctl(PR_SET_PTRACER, 2 ** 31 - 1)); // no such process, or no Yama
  const { stdout, stderr } = await runSource(
    `
    import { prctl, PR_SET_NAME } from "@mod";
    if (typeof WorkerGlobalScope === "undefined") {
      const worker = new Worker(import.meta.url, { type: "module" });
      worker.onmessage = ({ data }) => { console.log(data); worker.terminate(); };
    } else {
      try { prctl(PR_SET_NAME, "x"); postMessage("done"); } catch (error) { postMessage(error.code); }
    }`,
    [],
    { flags: ["--allow-read", "--no-check"] },
  );
  assertEquals([stdout, stderr], ["EOPNOTSUPP\n", ""]);
});

Deno.test("PR_SET_PTRACER works where Yama is", () => {
  const yama = (() => {
    try {
      return Deno.statSync("/proc/sys/kernel/yama").isDirectory;
    } catch {
      return false;
    }
  })();
  for (const pid of [PR_SET_PTRACER_ANY, 0]) {
    if (yama) assertEquals(prctl(PR_SET_PTRACER, pid), 0);
    else fails("EINVAL", () => prctl(PR_SET_PTRACER, pid));
  }
});
