import { assert, assertEquals } from "@std/assert";
import {
  fork,
  getrlimit,
  getrusage,
  RLIM_INFINITY,
  rlimit,
  RLIMIT_AS,
  RLIMIT_CORE,
  RLIMIT_DATA,
  RLIMIT_FSIZE,
  RLIMIT_MEMLOCK,
  RLIMIT_MSGQUEUE,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  RLIMIT_SIGPENDING,
  RLIMIT_STACK,
  rusage,
  RUSAGE_CHILDREN,
  RUSAGE_SELF,
  RUSAGE_THREAD,
  setrlimit,
  waitpid,
} from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { fails, run, runSource } from "../../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
const any = (value: unknown) => value as any;

const CPU = `const busy = (seconds) => {
  const usage = new rusage();
  do getrusage(RUSAGE_THREAD, usage); while (usage.ru_utime + usage.ru_stime < seconds);
};`;

/** Uses the processor for so many seconds. */
function busy(seconds: number): void {
  const usage = new rusage();
  getrusage(RUSAGE_THREAD, usage);
  const end = usage.ru_utime + usage.ru_stime + seconds;
  do getrusage(RUSAGE_THREAD, usage); while (usage.ru_utime + usage.ru_stime < end);
}

/** The processor time of the process, of its children, or of this thread. */
function used(who: number): number {
  const usage = new rusage();
  getrusage(who, usage);
  return usage.ru_utime + usage.ru_stime;
}

Deno.test("getrusage() tells what this thread, this process, and its children used", () => {
  const before = { process: used(RUSAGE_SELF), children: used(RUSAGE_CHILDREN), thread: used(RUSAGE_THREAD) };
  busy(0.05);
  waitpid(fork(() => busy(0.05)));
  const usage = new rusage();
  getrusage(RUSAGE_SELF, usage);
  assert(usage.ru_maxrss > 10_000 && usage.ru_minflt > 100, `${usage.ru_maxrss} ${usage.ru_minflt}`);
  assert(used(RUSAGE_SELF) >= before.process + 0.045);
  assert(used(RUSAGE_THREAD) >= before.thread + 0.045);
  assert(used(RUSAGE_CHILDREN) >= before.children + 0.045);
  assert(used(RUSAGE_THREAD) <= used(RUSAGE_SELF));
});

needs("python3")("getrlimit() tells the limits that Python has from this process", async () => {
  const resources = Array.from({ length: 16 }, (_, n) => n);
  const limits = resources.map((resource) => {
    const rlim = new rlimit();
    getrlimit(resource, rlim);
    return [rlim.rlim_cur, rlim.rlim_max].map((limit) => limit === RLIM_INFINITY ? "-1" : String(limit)).join(" ");
  });
  const { stdout } = await run("python3", [
    "-c",
    `import resource
for n in range(16): print(*resource.getrlimit(n))`,
  ]);
  assertEquals(stdout.trim().split("\n"), limits);
});

Deno.test("setrlimit() limits this process, and what it starts", async () => {
  const source = `import { getrlimit, open, rlimit, RLIMIT_CORE, RLIMIT_NOFILE, setrlimit } from "@mod";
    const rlim = new rlimit(150n, 200n);
    setrlimit(RLIMIT_NOFILE, rlim);
    rlim.rlim_cur = 200n;
    setrlimit(RLIMIT_NOFILE, rlim);
    setrlimit(RLIMIT_CORE, new rlimit());
    const found = new rlimit();
    getrlimit(RLIMIT_NOFILE, found);
    const { stdout } = new Deno.Command("sh", { args: ["-c", "ulimit -n; ulimit -Hn; ulimit -c"] }).outputSync();
    console.log(new TextDecoder().decode(stdout).trim().replaceAll("\\n", " "), found.rlim_cur, found.rlim_max);
    let last; try { for (;;) last = open("/", 0); } catch (error) { console.log(last, error.code); }`;
  const { stdout, stderr } = await runSource(source, [], { flags: ["--allow-run"] });
  assertEquals([stdout, stderr], ["200 200 0 200n 200n\n199 EMFILE\n", ""]);
});

Deno.test("setrlimit(): RLIMIT_CPU ends a program by SIGXCPU, and RLIMIT_FSIZE by SIGXFSZ", async () => {
  const imports =
    `import { getrusage, open, rlimit, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_FSIZE, rusage, RUSAGE_THREAD, setrlimit, write }
    from "@mod"; ${CPU} setrlimit(RLIMIT_CORE, new rlimit());`;
  const cpu = await runSource(`${imports} setrlimit(RLIMIT_CPU, new rlimit(1n, 60n)); busy(50);`);
  assertEquals(cpu.signal, "SIGXCPU");
  const path = Deno.makeTempFileSync({ prefix: "ipc_playground_" });
  try {
    const size = await runSource(
      `${imports} setrlimit(RLIMIT_FSIZE, new rlimit(4096n, 4096n));
       const fd = open(Deno.args[0], 1); console.log(write(fd, new Uint8Array(5000))); write(fd, "x");`,
      [path],
    );
    assertEquals([size.stdout, size.signal], ["4096\n", "SIGXFSZ"]);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("write() and ftruncate() fail with EFBIG beyond RLIMIT_FSIZE if SIGXFSZ is ignored", async () => {
  const source =
    `import { ftruncate, open, rlimit, RLIMIT_FSIZE, setrlimit, SIG_IGN, signal, SIGXFSZ, write } from "@mod";
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, new rlimit(4096n, 4096n));
    const fd = open(Deno.args[0], 1);
    const code = (f) => { try { return f(); } catch (error) { return error.code; } };
    console.log(code(() => write(fd, new Uint8Array(5000))), code(() => write(fd, "x")), code(() => ftruncate(fd, 5000)));`;
  const path = Deno.makeTempFileSync({ prefix: "ipc_playground_" });
  try {
    const { stdout, stderr } = await runSource(source, [path]);
    assertEquals([stdout, stderr], ["4096 EFBIG EFBIG\n", ""]);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("setrlimit() fails with EOPNOTSUPP where the runtime could not live with the limit", async () => {
  const rlim = new rlimit();
  for (const resource of [RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_NPROC, RLIMIT_SIGPENDING]) {
    getrlimit(resource, rlim);
    const { rlim_cur: cur, rlim_max: max } = rlim;
    setrlimit(resource, rlim);
    for (const less of [0n, cur - 1n]) {
      const error = fails("EOPNOTSUPP", () => setrlimit(resource, new rlimit(less, max)));
      assert(error.message.includes("is less than now"), error.message);
      const lying = Object.defineProperty(new rlimit(less, max), "rlim_cur", { get: () => cur });
      fails("EOPNOTSUPP", () => setrlimit(resource, lying));
    }
    getrlimit(resource, rlim);
    assertEquals([rlim.rlim_cur, rlim.rlim_max], [cur, max]);
  }
  // they can be raised
  const source = `import { getrlimit, rlimit, RLIMIT_STACK, setrlimit } from "@mod";
    const rlim = new rlimit(); getrlimit(RLIMIT_STACK, rlim); const before = rlim.rlim_cur;
    rlim.rlim_cur += 4096n; rlim.rlim_max = rlim.rlim_cur; setrlimit(RLIMIT_STACK, rlim);
    getrlimit(RLIMIT_STACK, rlim); console.log(rlim.rlim_cur - before, rlim.rlim_cur === rlim.rlim_max);
    try { rlim.rlim_cur -= 1n; setrlimit(RLIMIT_STACK, rlim); } catch (error) { console.log(error.code); }`;
  const { stdout } = await run("sh", [
    "-c",
    `ulimit -Ss 9000; exec "$0" eval "$1"`,
    Deno.execPath(),
    source.replace('"@mod"', JSON.stringify(new URL("../../../../mod.ts", import.meta.url).href)),
  ]);
  assertEquals(stdout, "4096n true\nEOPNOTSUPP\n");
});

Deno.test("getrusage(), getrlimit() and setrlimit() fail with EINVAL or EFAULT on wrong arguments", () => {
  const [usage, rlim] = [new rusage(), new rlimit()];
  for (const who of [2, -2, 99, ...NOT_INTEGERS, undefined, 2 ** 32]) fails("EINVAL", () => getrusage(any(who), usage));
  for (const resource of [-1, 16, 99, ...NOT_INTEGERS, undefined, 2 ** 32]) {
    fails("EINVAL", () => getrlimit(any(resource), rlim));
    fails("EINVAL", () => setrlimit(any(resource), rlim));
  }
  for (const resource of [RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NOFILE, RLIMIT_AS]) {
    getrlimit(resource, rlim);
    if (rlim.rlim_max < RLIM_INFINITY) fails("EINVAL", () => setrlimit(resource, new rlimit(RLIM_INFINITY, 1n)));
    fails("EINVAL", () => setrlimit(resource, new rlimit(RLIM_INFINITY, RLIM_INFINITY - 1n)));
  }
  for (const wrong of [null, undefined, {}, 5, new BigUint64Array(2), Object.create(rlimit.prototype)]) {
    fails("EFAULT", () => getrusage(RUSAGE_SELF, any(wrong)));
    fails("EFAULT", () => getrlimit(RLIMIT_NOFILE, any(wrong)));
    fails("EFAULT", () => setrlimit(RLIMIT_NOFILE, any(wrong)));
  }
  for (const wrong of [-1n, 2n ** 64n, 1, "1", null, {}, NaN]) {
    fails("EINVAL", () => new rlimit(any(wrong)));
    fails("EINVAL", () => new rlimit(0n, any(wrong)));
    fails("EINVAL", () => rlim.rlim_cur = any(wrong));
  }
  rlim.bytes.buffer.transfer();
  fails("EFAULT", () => getrlimit(RLIMIT_NOFILE, rlim));
  fails("EFAULT", () => setrlimit(RLIMIT_AS, rlim));
});
