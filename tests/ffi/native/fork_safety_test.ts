// What a child could do to its parent or to itself: each of these once harmed one of them.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { needs } from "../../needs.ts";
import { type Ended, FFI, file, mod, run, runSource } from "../../support.ts";

const FLAG = "--v8-flags=--single-threaded";
const ok = { code: 0, signal: null, stderr: "" };

const HEAD = `
import { close, dup2, enableFork, exit, fork, getpid, kill, LibcError, open, pipe, read, SIGKILL, usleep, wait, waitpid,
  WaitStatus, WNOHANG, write } from "@mod";
enableFork();
const parent = getpid();
const wstat = new WaitStatus();
/** How a child ended, which is not waited for longer than 20 seconds. */
function end(pid) {
  for (let ms = 0; ms < 20_000; ms++, usleep(1000)) if (waitpid(pid, wstat, WNOHANG) === pid) return String(wstat);
  kill(pid, SIGKILL);
  wait();
  return "hangs";
}
`;

/** Runs a program with all permissions. */
async function all(source: string, ...flags: string[]): Promise<Ended> {
  using program = file(source);
  return await run(Deno.execPath(), ["run", "--no-check", "--allow-all", ...flags, program.path]);
}

// a parent whose event loop has something to do
const SERVER = `
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const { port } = listener.addr;
const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("answer"));
const url = "http://127.0.0.1:" + server.addr.port;
async function works() {
  const connection = Deno.connect({ port });
  (await listener.accept()).close();
  (await connection).close();
  const text = await (await fetch(url)).text();
  const { success } = await new Deno.Command("true").output();
  return text + " " + success;
}
`;

for (
  const [name, child, status, message] of [
    ["fetches", "fetch(url)", "exited with 70", "fetch()"],
    ["connects", "Deno.connect({ port })", "exited with 70", "connect()"],
    ["runs a command", "new Deno.Command('true').output()", "exited with 70", "a child has no event loop"],
    ["starts a command", "new Deno.Command('true').spawn()", "exited with 70", "a child has no event loop"],
    ["reads a file asynchronously", "Deno.readTextFile('/etc/passwd')", "exited with 70", "readTextFile()"],
    ["runs a command synchronously", "new Deno.Command('true').outputSync()", "exited with 0", ""],
    ["listens", "Deno.listen({ hostname: '127.0.0.1', port: 0 })", "exited with 0", ""],
    ["closes the parent's listener", "listener.close()", "exited with 0", ""],
  ]
) {
  Deno.test(`fork(): a child that ${name} ends at once, and its parent's event loop goes on`, async () => {
    const { stdout, stderr, ...ended } = await all(`${HEAD} ${SERVER}
      console.log(await works());
      const ends = new Set();
      for (let i = 0; i < 20; i++) ends.add(end(fork(() => { ${child}; })));
      console.log([...ends].join());
      console.log(await works());
      Deno.exit(0);`);
    assertEquals(
      { ...ended, stdout },
      { code: 0, signal: null, stdout: `answer true\n${status}\nanswer true\n` },
      stderr,
    );
    if (message) assertStringIncludes(stderr, message);
    else assertEquals(stderr, "");
  });
}

Deno.test("fork(): a child prints and reads while its parent's output and input wait", async () => {
  const ended = await runSource(`${HEAD}
    const real = open("/proc/self/fd/1", 1);
    const [, full] = pipe();
    dup2(full, 1);
    const [empty] = pipe();
    dup2(empty, 0);
    Deno.stdout.write(new Uint8Array(1 << 20));
    Deno.stdin.read(new Uint8Array(1));
    await new Promise((done) => setTimeout(done, 50));
    const [told, tell] = pipe();
    console.group();
    const was = end(fork(() => {
      dup2(tell, 1);
      console.log("log %d", 1, { two: 2 });
      console.table([3]);
      Deno.stdout.writeSync(new TextEncoder().encode("writeSync\\n"));
      const [input, output] = pipe();
      write(output, new Uint8Array([4]));
      close(output);
      dup2(input, 0);
      const byte = new Uint8Array(9);
      console.info(Deno.stdin.readSync(byte), byte[0], Deno.stdin.readSync(byte));
      console.error("error");
    }));
    const buffer = new Uint8Array(4096);
    write(real, buffer.subarray(0, read(told, buffer)));
    write(real, new TextEncoder().encode(was));
    exit(0);`);
  const table = [
    "┌───────┬────────┐",
    "│ (idx) │ Values │",
    "├───────┼────────┤",
    "│     0 │      3 │",
    "└───────┴────────┘",
  ];
  assertEquals(ended, {
    ...ok,
    stdout: ["  log 1 { two: 2 }", ...table.map((line) => "  " + line), "writeSync", "  1 4 null", "exited with 0"]
      .join("\n"),
    stderr: "  error\n",
  });
});

for (
  const [where, before] of [
    ["closed", "close(0); close(1); close(2);"],
    ["pipes without another end", "const [from, to] = pipe(); dup2(to, 1); dup2(to, 2); close(from); close(to);"],
    ["full", "const full = open('/dev/full', 1); dup2(full, 1); dup2(full, 2);"],
  ]
) {
  Deno.test(`fork(): streams that are ${where} are to a child what they are to its parent`, async () => {
    const ended = await runSource(`${HEAD}
      const real = open("/proc/self/fd/1", 1);
      const none = new Uint8Array(0);
      const some = new Uint8Array(3);
      const calls = [() => console.log("x"), () => console.error("x"), () => Deno.stdout.writeSync(some),
        () => Deno.stderr.writeSync(some), () => Deno.stdin.readSync(some), () => Deno.stdin.readSync(none)];
      const results = () => calls.map((call) => { try { return call(); } catch (error) { return error instanceof Deno.errors.BrokenPipe ? "EPIPE" : "error"; } }).join();
      ${before}
      const all = results();
      const how = end(fork(() => results() === all ? 3 : 4));
      write(real, how);
      exit(0);`);
    assertEquals(ended, { ...ok, stdout: "exited with 3" });
  });
}

Deno.test("fork(): a child prints to a pipe that does not wait", async () => {
  const ended = await runSource(`${HEAD}
    import { setNonblocking } from ${
    JSON.stringify(new URL("../../../ffi/native/descriptors.ts", import.meta.url).href)
  };
    const [told, tell] = pipe();
    setNonblocking(tell);
    const pid = fork(() => { dup2(tell, 1); console.log("x".repeat(300_000)); });
    close(tell);
    let n, total = 0;
    while ((n = read(told, new Uint8Array(1 << 16))) > 0) { total += n; usleep(1000); }
    console.log(end(pid), total);`);
  assertEquals(ended, { ...ok, stdout: "exited with 0 300001\n" });
});

Deno.test("fork(): what a child throws ends it, however it fails to be shown", async () => {
  const ended = await runSource(`${HEAD}
    const unshowable = { [Symbol.for("Deno.customInspect")]() { throw new Error("in customInspect"); } };
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    for (const thrown of [unshowable, revoked.proxy, null, Symbol("s")]) {
      try { console.log(end(fork(() => { throw thrown; }))); } catch { console.log("caught"); }
      if (getpid() !== parent) write(1, new TextEncoder().encode("a child goes on\\n"));
    }
    console.error = () => { throw new Error("in console.error"); };
    Error.prepareStackTrace = () => { throw new Error("in prepareStackTrace"); };
    try { console.log(end(fork(() => { throw new Error("boom"); }))); } finally {
      if (getpid() !== parent) write(1, new TextEncoder().encode("a child goes on\\n"));
    }`);
  assertEquals({ ...ended, stderr: "" }, { ...ok, stdout: "exited with 70\n".repeat(5) });
  assertStringIncludes(ended.stderr, "Uncaught (in forked child)");
});

Deno.test("fork(child) inside try: the child's failure is not caught there", async () => {
  const ended = await runSource(`${HEAD}
    for (const child of [() => { throw new Error("boom"); }, () => "3", async () => {}, function f() { f(); }]) {
      let pid;
      try { pid = fork(child); } catch { console.log("caught"); } finally { if (getpid() !== parent) console.log("finally"); }
      console.log(end(pid));
    }`);
  assertEquals({ ...ended, stderr: "" }, { ...ok, stdout: "exited with 70\n".repeat(4) });
});

Deno.test("fork() where the stack is nearly full fails in the parent, or gives a child that ends in order", async () => {
  const ended = await runSource(`${HEAD}
    const ends = new Set();
    let level = 0;
    function deep() {
      try { deep(); } catch { /* the stack is full here, and less so further up */ }
      if (level++ < 4000 && level % 40 === 1) {
        try { ends.add(end(fork(() => 3))); } catch (error) { ends.add(error.constructor.name); }
        if (getpid() !== parent) write(1, new TextEncoder().encode("a child goes on\\n"));
      }
    }
    deep();
    console.log([...ends].sort().join());`);
  assertEquals(ended, { ...ok, stdout: "RangeError,exited with 3\n" });
});

Deno.test("fork() leaves what was awaited, queued by nextTick() and setImmediate() to the parent", async () => {
  const ended = await all(`${HEAD}
    import process from "node:process";
    const say = (what) => () => console.log(what, getpid() === parent);
    (async () => { await 0; say("await")(); })();
    const { promise, resolve } = Promise.withResolvers();
    (async () => { await promise; say("resolved")(); })();
    resolve();
    Promise.resolve().then(say("then"));
    process.nextTick(say("tick"));
    setImmediate(say("immediate"));
    setTimeout(() => {
      process.nextTick(say("second tick"));
      setImmediate(say("second immediate"));
      const pid = fork();
      if (pid !== 0) say(end(pid))();
    });
    const pid = fork();
    if (pid === 0) await 0;
    else say(end(pid))();`);
  const parents = [
    "await",
    "exited with 70",
    "immediate",
    "resolved",
    "second immediate",
    "second tick",
    "then",
    "tick",
  ];
  const lines = ended.stdout.trim().split("\n").sort();
  assertEquals(lines, [...parents, "exited with 70"].map((what) => `${what} true`).sort());
  assertEquals(ended.code, 0);
});

for (
  const [place, listen] of [
    ["unload", "addEventListener('unload', f)"],
    ["beforeunload", "addEventListener('beforeunload', f)"],
    ["process.on('exit')", "process.on('exit', f)"],
    ["process.on('beforeExit')", "process.once('beforeExit', f)"],
  ]
) {
  Deno.test(`fork() in ${place}: a child ends there, or there is none`, async () => {
    const ended = await all(`${HEAD}
      import process from "node:process";
      function f() {
        console.log(end(fork(() => 3)));
        let pid;
        try { if ((pid = fork()) === 0) return; } catch (error) { console.log(error.code); }
        if (pid) console.log(end(pid));
      }
      ${listen};`);
    const how = place.startsWith("before") || place.includes("before") ? "exited with 70" : "EOPNOTSUPP";
    assertEquals({ ...ended, stderr: "" }, { ...ok, stdout: `exited with 3\n${how}\n` });
  });
}

Deno.test("fork(): children and their parent draw different random numbers", async () => {
  const { stdout, ...ended } = await all(`${HEAD}
    import * as node from "node:crypto";
    const draw = {
      getRandomValues: () => String(crypto.getRandomValues(new Uint32Array(3))),
      randomUUID: () => crypto.randomUUID(),
      nodeUUID: () => node.randomUUID(),
      nodeUUIDs: () => node.randomUUID({ disableEntropyCache: true }),
      randomBytes: () => node.randomBytes(12).toString("hex"),
      randomInt: () => [node.randomInt(2 ** 47), node.randomInt(2 ** 47)].join(),
      randomFill: () => node.randomFillSync(new Uint8Array(12)).join(),
      generateKey: () => node.generateKeySync("hmac", { length: 128 }).export().toString("hex"),
      generateKeyPair: () => node.generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" }).d,
      ecdh: () => node.createECDH("prime256v1").generateKeys("hex"),
      webcrypto: () => String(node.webcrypto.getRandomValues(new Uint32Array(3))),
    };
    const [told, tell] = pipe();
    const buffer = new Uint8Array(4096);
    const text = (bytes) => new TextDecoder().decode(bytes);
    const repeated = new Set();
    for (const name in draw) {
      const drawn = new Set([draw[name]()]);
      let n = 1;
      for (let i = 0; i < 10; i++) {
        wait(wait.pid = fork(() => {
          write(tell, new TextEncoder().encode(draw[name]() + " " + draw[name]()));
          // and a child's child
          if (i === 0) wait(void fork(() => void write(tell, new TextEncoder().encode(" " + draw[name]()))));
        }) && wstat);
        for (const number of text(buffer.subarray(0, read(told, buffer))).split(" ")) drawn.add(number), n++;
        drawn.add(draw[name]()), n++;
      }
      if (drawn.size !== n) repeated.add(name);
      if (name.includes("UUID")) for (const id of drawn) if (!/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)) repeated.add(id);
    }
    console.log("repeated:", ...repeated);`.replace("wait(wait.pid = fork", "wait(fork"));
  assertEquals({ ...ended, stdout }, { ...ok, stdout: "repeated:\n" });
});

Deno.test("fork() is refused while a Worker runs, and works once it has ended", async () => {
  for (const kind of ["Deno's", "node's"]) {
    const ended = await all(`${HEAD}
      import { Worker as NodeWorker } from "node:worker_threads";
      const source = "setInterval(() => {}, 1000)";
      const worker = ${kind === "node's"} ? new NodeWorker(source, { eval: true })
        : new Worker("data:text/javascript," + source, { type: "module" });
      for (const child of [undefined, () => {}]) {
        try { fork(child); } catch (error) { console.log(error instanceof LibcError, error.code, /Worker/.test(error.message)); }
      }
      await worker.terminate();
      console.log(end(fork(() => 3)));`);
    assertEquals(ended, { ...ok, stdout: "true EOPNOTSUPP true\n".repeat(2) + "exited with 3\n" }, kind);
  }
});

/** Ways to look single-threaded without being so. */
const FOOLED: [name: string, flags: string[], before: string][] = [
  ["a variable that the program has set", [], `Deno.env.set("DENO_V8_FLAGS", "--single-threaded");`],
  ["a word in another flag", ["--v8-flags=--logfile=x --single-threaded"], ""],
  ["an underscore", ["--v8-flags=--single_threaded"], ""],
];
for (const [name, flags, before] of FOOLED) {
  Deno.test(`fork() is not fooled by ${name}`, async () => {
    const refused = await all(
      `${before}
      import { fork } from ${JSON.stringify(mod)};
      try { fork(() => {}); } catch (error) { console.log(error.code); }`,
      ...flags,
    );
    assertEquals(refused, { ...ok, stdout: "EOPNOTSUPP\n" });
    const enabled = await all(
      `import { enableFork, fork, wait } from ${JSON.stringify(mod)};
      ${before} enableFork(); fork(() => console.log("child")); wait(); console.log("parent");`,
      ...flags,
    );
    assertEquals(enabled, { ...ok, stdout: "child\nparent\n" });
  });
}

Deno.test("enableFork() fails if another flag says the contrary of its own", async () => {
  const ended = await all(
    `import { enableFork } from ${JSON.stringify(mod)};
    console.log("started");
    try { enableFork(); } catch (error) { console.log(error.code, error.message); }`,
    "--v8-flags=--no-single-threaded",
  );
  assertEquals({ ...ended, stdout: "" }, { ...ok, stdout: "" });
  assertStringIncludes(ended.stdout, "started\nEOPNOTSUPP fork: Operation not supported (--v8-flags says the contrary");
});

Deno.test("enableFork() knows a test run by its thread, not by its command line; tests in parallel cannot fork", async () => {
  using program = file(`import { enableFork, fork } from "@mod";
    Deno.test("forks", () => { enableFork(); fork(() => 3); });`);
  const quiet = await run(Deno.execPath(), ["-q", "test", "--no-check", "--allow-ffi", program.path]);
  assertStringIncludes(quiet.stdout + quiet.stderr, "this is a test run");
  const parallel = await run(Deno.execPath(), ["test", "--parallel", "--no-check", "--allow-ffi", FLAG, program.path]);
  assertEquals(parallel.code, 1);
  assertStringIncludes(parallel.stdout + parallel.stderr, "leave out --parallel");
});

Deno.test("fork(): a child's Deno.pid is its own", async () => {
  const ended = await runSource(`${HEAD}
    console.log(end(fork(() => Deno.pid === getpid() && Deno.pid !== parent ? 0 : 1)), Deno.pid === parent);`);
  assertEquals(ended, { ...ok, stdout: "exited with 0 true\n" });
});

Deno.test("fork(): a child may make promises of its own, and load Deno's modules", async () => {
  const ended = await runSource(`${HEAD}
    import process from "node:process";
    console.log(end(fork(() => {
      const promise = new Promise(() => {});
      Promise.resolve(3).then(() => console.log("NEVER"));
      (async () => { await promise; })();
      process.stdout.write("by node\\n");
      return 3;
    })));`);
  assertEquals(ended, { ...ok, stdout: "by node\nexited with 3\n" });
});

const UNGUARDED = HEAD.replace("enableFork();", "");

for (
  const [what, source, other] of [
    ["frozen", "Object.freeze(Error);", 3],
    ["replaced", "globalThis.Error = class {};", 3],
    // then it cannot be told from others
    ["set not to tell", "Object.defineProperty(Error, 'stackTraceLimit', { get: () => 0 });", 70],
  ]
) {
  Deno.test(`fork(): a child that calls an asynchronous function ends if Error is ${what}`, async () => {
    const ended = await all(`${HEAD} ${source}
      console.log(end(fork(() => { Deno.readTextFile("/proc/self/stat"); })));
      console.log(end(fork(() => { (async () => {})(); return 3; })));`);
    assertEquals({ ...ended, stderr: "" }, { ...ok, stdout: `exited with 70\nexited with ${other}\n` });
  });
}

Deno.test("fork(): a child does not keep what its promises gave", async () => {
  const ended = await all(`${HEAD}
    const resident = () => Number(/VmRSS:\\s+(\\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))[1]) >> 10;
    console.log(end(fork(() => {
      const before = resident();
      for (let i = 0; i < 4000; i++) (async () => new Uint8Array(100_000).fill(1))();
      return resident() - before > 200 ? 4 : 3;
    })));
    const pid = fork();
    if (pid === 0) {
      Promise.reject(new Error("the reason"));
      Promise.resolve();
    } else console.log(end(pid));`);
  assertEquals({ ...ended, stderr: "" }, { ...ok, stdout: "exited with 3\nexited with 70\n" });
  assertStringIncludes(ended.stderr, "the reason");
});

Deno.test("fork() works with what was frozen after enableFork(), and is refused for what was before", async () => {
  const freeze = `for (const o of [Deno, console, crypto, Object.getPrototypeOf(crypto)]) Object.freeze(o);
    Object.freeze(Object.getPrototypeOf(Deno.stdout));`;
  const after = await runSource(`${HEAD} ${freeze}
    console.log(end(fork(() => Deno.exit(Deno.pid === getpid() ? 3 : 4))));`);
  assertEquals(after, { ...ok, stdout: "exited with 3\n" });
  using program = file(`${UNGUARDED} ${freeze}
    for (let i = 0; i < 2; i++) try { fork(() => {}); } catch (error) { console.log(error.code, error.message); }
    await 0;
    console.log("goes on");`);
  const before = await run(Deno.execPath(), [...FFI, FLAG, program.path]);
  const refusal = "EOPNOTSUPP fork: Operation not supported (Deno, console, crypto or globalThis is frozen, " +
    "or works no more; call enableFork() before)\n";
  assertEquals(before, { ...ok, stdout: refusal.repeat(2) + "goes on\n" });
});

Deno.test("fork() leaves alone what the program has put in the place of Deno's own before", async () => {
  using program = file(`${UNGUARDED}
    const told = [];
    for (const name of ["stdin", "stdout"]) {
      Object.defineProperty(Deno, name, { value: { writeSync: () => told.push(name) } });
    }
    globalThis.addEventListener = () => { throw new Error("a stub"); };
    console.log(end(fork(() => { Deno.stdout.writeSync(); return told.length + 2; })), Object.keys(Object.prototype));`);
  const ended = await run(Deno.execPath(), [...FFI, FLAG, program.path]);
  assertEquals(ended, { ...ok, stdout: "exited with 3 []\n" });
});

Deno.test("fork() after a thread's epoll set was closed: a child keeps what has its number now", async () => {
  const ended = await all(`${HEAD}
    const type = { epoll_create1: { parameters: ["i32"], result: "i32" }, close: { parameters: ["i32"], result: "i32" } };
    const { symbols } = Deno.dlopen("libc.so.6", type);
    const set = symbols.epoll_create1(${0o2000000});
    console.log(end(fork(() => {})));
    symbols.close(set);
    const files = [1, 2, 3].map(() => Deno.openSync("/proc/self/stat"));
    console.log(end(fork(() => files.filter((file) => file.readSync(new Uint8Array(1)) === 1).length)));`);
  assertEquals(ended, { ...ok, stdout: "exited with 0\nexited with 3\n" });
});

Deno.test("fork() with no descriptor left says so, and works with one", async () => {
  const ended = await all(`${HEAD}
    const files = [];
    try { for (;;) files.push(open("/proc/self/stat", 0)); } catch { /* EMFILE */ }
    try { fork(() => {}); } catch (error) { console.log(error.message); }
    close(files.pop());
    console.log(end(fork(() => 3)));`.replace("enableFork();", "enableFork(); fork(() => {}); wait();"));
  assertEquals(ended, { ...ok, stdout: "fork: Too many open files (/proc/self/task)\nexited with 3\n" });
});

needs("root", "unshare")("fork() without /proc says that it needs it", async () => {
  using program = file(`import { enableFork, fork } from "@mod";
    for (const call of [enableFork, fork]) try { call(() => {}); } catch (error) { console.log(error.message); }`);
  const command = [Deno.execPath(), ...FFI, FLAG, program.path];
  const script = 'mount -t tmpfs none /proc && exec "$@"';
  const ended = await run("unshare", ["--mount", "sh", "-c", script, "sh", ...command]);
  const line =
    "fork: No such file or directory (/proc/self/task: it needs /proc, which tells of this process's threads and memory)";
  assertEquals(ended, { ...ok, stdout: `${line}\n${line}\n` });
  assert(ended.stdout);
});

Deno.test("fork(): a child has none of its parent's signal handlers, and the parent keeps all of them and its descriptors", async () => {
  const ended = await all(`${HEAD}
    // without 32 and 33, which are glibc's own
    const caught = () => (BigInt("0x" + /SigCgt:\\t(\\w+)/.exec(Deno.readTextFileSync("/proc/self/status"))[1]) & ~(3n << 31n));
    const blocked = () => /SigBlk:\\t(\\w+)/.exec(Deno.readTextFileSync("/proc/self/status"))[1];
    const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name).sort().join();
    fork(() => {}); // what is set up once
    wait();
    const SEGV_AND_BUS = 1n << 10n | 1n << 6n;
    for (const listens of [false, true]) {
      if (listens) Deno.addSignalListener("SIGUSR1", () => {});
      const before = [caught(), blocked(), descriptors()].join(" ");
      const numbers = descriptors();
      const how = end(fork(() => {
        if (caught() !== 0n || blocked() !== "0".repeat(16)) return 1;
        return descriptors() === numbers ? 0 : 2;
      }));
      console.log(how, [caught(), blocked(), descriptors()].join(" ") === before);
      console.log((caught() & SEGV_AND_BUS) === SEGV_AND_BUS);
    }
    exit(0);`);
  assertEquals(ended, { ...ok, stdout: "exited with 0 true\ntrue\n".repeat(2) });
});

for (const where of ["queueMicrotask", "process.nextTick", "setTimeout", "setImmediate"]) {
  Deno.test(`fork(): a child made in ${where} that runs on ends there, and so does the next one`, async () => {
    const ended = await all(`${HEAD}
      import process from "node:process";
      import { setImmediate } from "node:timers";
      let immediates = 0;
      ${where}(() => {
        for (let i = 0; i < 2; i++) {
          process.nextTick(() => write(1, "tick\\n"));
          setImmediate(() => (immediates++, write(1, "immediate\\n")));
          if (fork() === 0) return;
        }
      });
      // forks may take longer than any time that one would wait
      while (immediates < 2) await new Promise((done) => setTimeout(done, 10));
      wait(wstat);
      write(1, String(wstat) + "\\n");
      wait(wstat);
      write(1, String(wstat) + "\\n");
      exit(0);`);
    const lines = ended.stdout.trim().split("\n").sort();
    assertEquals(lines, [
      "exited with 70",
      "exited with 70",
      "immediate",
      "immediate",
      "tick",
      "tick",
    ], ended.stderr);
  });
}

Deno.test("a child that calls an asynchronous function of Deno ends before that hands anything to other threads", async () => {
  // those with a synchronous twin, so that functions of later versions are among them
  const ended = await all(`${HEAD}
    const directory = Deno.makeTempDirSync();
    Deno.chdir(directory);
    Deno.env.set("TMPDIR", directory);
    const names = Object.keys(Deno).filter((name) => typeof Deno[name + "Sync"] === "function");
    const [reader, writer] = pipe();
    let refused = 0;
    for (const name of names) {
      const pid = fork(() => {
        dup2(writer, 2);
        Deno[name]("127.0.0.1", "A");
      });
      end(pid);
      write(writer, "."); // there may be nothing
      const buffer = new Uint8Array(60_000);
      const stack = new TextDecoder().decode(buffer.subarray(0, read(reader, buffer)));
      if (stack.includes("which " + name + "() needs")) refused++;
      if (/ at op_/.test(stack)) console.log(name, stack);
    }
    Deno.removeSync(directory, { recursive: true });
    console.log(refused > 15);`);
  assertEquals(ended, { ...ok, stdout: "true\n" });
});
