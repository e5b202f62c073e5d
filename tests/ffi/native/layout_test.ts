import { assert, assertEquals, assertRejects } from "@std/assert";
import * as mod from "../../../mod.ts";
import { declaredLayouts, layoutOf } from "../../../ffi/native/layout.ts";
import { entries } from "../../../ffi/native/header.ts";
import { OWN as OWN_FUNCTIONS } from "../../../ffi/native/own.ts";
import { needs } from "../../needs.ts";
import { compile, root, run, runSource } from "../../support.ts";

const INCLUDES = `
#define _GNU_SOURCE
${
  [
    "arpa/inet.h",
    "errno.h",
    "fcntl.h",
    "limits.h",
    "mqueue.h",
    "ifaddrs.h",
    "net/if.h",
    "netdb.h",
    "netinet/in.h",
    "netinet/tcp.h",
    "poll.h",
    "sched.h",
    "signal.h",
    "spawn.h",
    "stddef.h",
    "stdio.h",
    "string.h",
    "sys/epoll.h",
    "sys/eventfd.h",
    "sys/file.h",
    "sys/ipc.h",
    "sys/mman.h",
    "sys/msg.h",
    "sys/pidfd.h",
    "sys/prctl.h",
    "sys/resource.h",
    "sys/select.h",
    "sys/sem.h",
    "sys/shm.h",
    "sys/signalfd.h",
    "sys/socket.h",
    "sys/stat.h",
    "sys/time.h",
    "sys/uio.h",
    "sys/timerfd.h",
    "sys/un.h",
    "sys/wait.h",
    "time.h",
    "unistd.h",
  ].map((header) => `#include <${header}>`).join("\n")
}
${["P_ALL", "P_PGID", "P_PID", "P_PIDFD"].map((name) => `#define ${name} ${name}`).join("\n")}
`; // the last are an enum's

/** The numbers that the library exports under a name of C's. */
function constantsOf(exports: Readonly<Record<string, unknown>>): [name: string, value: number | bigint][] {
  return Object.entries(exports).filter((entry): entry is [string, number | bigint] =>
    /^[A-Z_][A-Z0-9_]+$/.test(entry[0]) && ["number", "bigint"].includes(typeof entry[1])
  );
}
const constants = constantsOf(mod);

/** The same as a program on arm64 gets them. */
async function constantsOnArm64(): Promise<typeof constants> {
  const { stdout, stderr } = await runSource(`
    Object.defineProperty(Deno, "build", { value: { ...Deno.build, arch: "aarch64" } });
    const numbers = Object.entries(await import("@mod")).filter(([, value]) => typeof value === "number");
    console.log(JSON.stringify(numbers));
  `);
  assertEquals(stderr, "");
  return constantsOf(Object.fromEntries(JSON.parse(stdout)));
}

/** Those that are the library's own. */
const OWN = ["CHILD_FAILED", "TRACED_BYTES", "TRACE_LIMIT", "TRACE_VERSION"];

/** What is laid out by hand: room for a `sigaction`, whose first member is the handler, and `semop`'s operations. */
const OTHERS: [string, number][] = [
  ["sizeof(struct sigaction)", 19 * 8],
  ["offsetof(struct sigaction, sa_handler)", 0],
  ["sizeof(posix_spawn_file_actions_t)", 80],
  ["sizeof(struct iovec)", 16],
  ["sizeof(sigset_t)", 128],
  ["sizeof(cpu_set_t)", 128],
  ["sizeof(struct sembuf)", new mod.sembuf([1, 2, 3]).bytes.length],
  ["offsetof(struct sembuf, sem_num)", new mod.sembuf([1, 2, 3]).bytes.indexOf(1)],
  ["offsetof(struct sembuf, sem_op)", new mod.sembuf([1, 2, 3]).bytes.indexOf(2)],
  ["offsetof(struct sembuf, sem_flg)", new mod.sembuf([1, 2, 3]).bytes.indexOf(3)],
];

/** What C calls otherwise than `struct` and our name. */
const C_NAMES: Readonly<Record<string, string>> = {
  Entry: "struct addrinfo",
  Ifaddrs: "struct ifaddrs",
  epoll_data: "epoll_data_t",
  fd_set: "fd_set",
  siginfo_t: "siginfo_t",
  sigset_t: "sigset_t",
  sigval: "union sigval",
  struct_sigaction: "struct sigaction",
};

/** Every size and offset: the C expression, and what the library thinks. */
function expressions(arch: typeof Deno.build.arch): [expression: string, value: number][] {
  const structures = [...declaredLayouts().keys()].filter(({ name }) => name !== "WaitStatus").flatMap((of) => {
    const { name, size, members } = layoutOf(of, arch);
    const struct = C_NAMES[name] ?? `struct ${name}`;
    const named = Object.entries(members).map(([field, { at, member }]) => [member.c ?? field, at] as const);
    return [
      [`sizeof(${struct})`, size] as [string, number],
      // what is there for alignment alone has no name that the headers agree on
      ...named.filter(([field]) => !field.startsWith("__") || /^__(key|seq|msg_cbytes)$/.test(field))
        .map(([field, at]): [string, number] => [`offsetof(${struct}, ${field})`, at]),
    ];
  });
  return [...structures, ...OTHERS];
}

/** Runs a C program that is made of statements, and gives its lines as name and value. */
async function ask(statements: string[]): Promise<Map<string, string>> {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
  try {
    const source = `${INCLUDES}\nint main(void)\n{\n${statements.join("\n")}\nreturn 0;\n}\n`;
    await compile(source, `${directory}/ask`);
    const { code, stdout } = await run(`${directory}/ask`, []);
    assertEquals(code, 0);
    return new Map(stdout.trim().split("\n").map((line) => line.split("\t") as [string, string]));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

needs("cc")("every exported constant has the value that C's headers give it", async () => {
  const values = await ask(
    constants.map(([name]) => `#ifdef ${name}\nprintf("${name}\\t%lld\\n", (long long) ${name});\n#endif`),
  );
  assertEquals(constants.map(([name]) => name).filter((name) => !values.has(name)), OWN);
  const wrong = constants.filter(([name, value]) => {
    // flags of 32 bits are written without a sign here
    const known = values.get(name);
    const bits = typeof value === "bigint" ? 64 : 32;
    return known !== undefined && Number(known) !== value && BigInt.asUintN(bits, BigInt(known)) !== BigInt(value);
  });
  assertEquals(wrong, []);
});

needs("cc")("every structure has the size and the offsets that the C compiler gives it", async () => {
  const all = expressions(Deno.build.arch);
  const values = await ask(all.map(([expression]) => `printf("${expression}\\t%zu\\n", (size_t) ${expression});`));
  assertEquals(Object.fromEntries(all), Object.fromEntries([...values].map(([key, value]) => [key, Number(value)])));
});

needs("cc")("ERRNOS has every error number of the headers, with its name and strerror's message", async () => {
  const known = mod.ERRNOS.map(([number, name, message]) => `${number}\t${name}\t${message}`);
  const names = mod.ERRNOS.map(([, name]) => name);
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
  try {
    const statements = names.map((name) => `printf("%d\\t${name}\\t%s\\n", ${name}, strerror(${name}));`);
    // numbers that strerror knows, so that none is missing
    statements.push(
      `for (int n = 1; n < 4096; n++) if (strncmp(strerror(n), "Unknown error", 13)) printf("%d ", n);`,
    );
    await compile(`${INCLUDES}\nint main(void) { ${statements.join("\n")} return 0; }`, `${directory}/errnos`);
    const { stdout } = await run(`${directory}/errnos`, []);
    const lines = stdout.split("\n");
    assertEquals(lines.slice(0, -1), known);
    assertEquals(lines.at(-1)!.trim().split(" ").map(Number), mod.ERRNOS.map(([number]) => number));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

needs("cc")("the comparison itself finds a wrong offset", async () => {
  await assertRejects(() =>
    compile(
      `${INCLUDES}\n_Static_assert(offsetof(struct shmid_ds, shm_segsz) == 49, "wrong");`,
      "/dev/null",
      "cc",
      "-c",
    )
  );
});

needs("aarch64-linux-gnu-gcc")(
  "arm64's headers give every structure and constant what the library has for arm64",
  async () => {
    const sizes = expressions("aarch64").map(([expression, value]) =>
      `_Static_assert(${expression} == ${value}, "${expression}");`
    );
    const arm = await constantsOnArm64();
    assertEquals(
      arm.map(([name]) => name),
      constants.filter(([, value]) => typeof value === "number").map(([name]) => name),
    );
    const calls = ["SIGRTMIN", "SIGRTMAX"]; // these are no constants there: libc is asked
    const values = arm.filter(([name]) => !OWN.includes(name) && !calls.includes(name)).map(([name, value]) =>
      `#ifdef ${name}\n_Static_assert((unsigned int) ${name} == (unsigned int) ${value}LL, "${name}");\n#endif`
    );
    await compile([INCLUDES, ...sizes, ...values].join("\n"), "/dev/null", "aarch64-linux-gnu-gcc", "-c");
  },
);

Deno.test("what the library calls for itself is declared as in the headers", () => {
  for (const [name, types] of Object.entries(OWN_FUNCTIONS)) {
    const forms = entries.filter(({ declared }) => declared.symbol === name)
      .map(({ declared: { parameters, result } }) => [parameters.map(([, { ffi }]) => ffi), result.ffi]);
    // a variadic one has several
    if (forms.length > 1) assert(forms.some((form) => JSON.stringify(form) === JSON.stringify(types)), name);
    else if (forms.length === 1) assertEquals(forms[0], [[...types[0]], types[1]], name);
  }
});

Deno.test("every property that a structure is documented with is there, and the documentation shows it", async () => {
  const { stdout } = await run(Deno.execPath(), ["doc", "--json", `${root}mod.ts`]);
  // deno-lint-ignore no-explicit-any -- the form of deno doc's output
  const nodes: any[] = Object.values(JSON.parse(stdout).nodes as Record<string, any>).flatMap((node) =>
    node.symbols ?? node
  );
  const missing: string[] = [];
  let seen = 0;
  for (const { name, declarations } of nodes) {
    const found = (mod as Record<string, unknown>)[name];
    if (typeof found !== "function" || !(found.prototype instanceof mod.Struct)) continue;
    for (const { kind, def } of declarations) {
      if (kind !== "class") continue;
      for (const property of def.properties ?? []) {
        seen++;
        const made = ["msgbuf", "sembuf", "pollfds", "epoll_events"].includes(name); // these set some in their constructors
        if (!(property.name in found.prototype) && !made) missing.push(`${name}.${property.name}`);
      }
    }
  }
  assertEquals(missing, []);
  assert(seen > 50, `${seen} properties are documented`);
});
