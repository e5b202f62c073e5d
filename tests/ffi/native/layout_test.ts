import { assertEquals, assertRejects } from "@std/assert";
import * as mod from "../../../mod.ts";
import { layouts, semidLayouts } from "../../../ffi/native/structs.ts";
import { compile, hasArmC, hasC, run } from "../../support.ts";

const INCLUDES = `
#define _GNU_SOURCE
${
  [
    "arpa/inet.h",
    "errno.h",
    "fcntl.h",
    "netdb.h",
    "netinet/in.h",
    "netinet/tcp.h",
    "poll.h",
    "signal.h",
    "stddef.h",
    "stdio.h",
    "string.h",
    "sys/ipc.h",
    "sys/msg.h",
    "sys/resource.h",
    "sys/sem.h",
    "sys/shm.h",
    "sys/socket.h",
    "sys/stat.h",
    "sys/time.h",
    "sys/un.h",
    "sys/wait.h",
    "time.h",
    "unistd.h",
  ].map((header) => `#include <${header}>`).join("\n")
}
`;

/** The numbers that the library exports under a name of C's. */
const constants = Object.entries(mod).filter((entry): entry is [string, number] =>
  /^[A-Z_][A-Z0-9_]+$/.test(entry[0]) && typeof entry[1] === "number"
);

/** Those that are the library's own. */
const OWN = ["CHILD_FAILED", "TRACE_VERSION"];

/** Every size and offset: the C expression, and what the library thinks. */
function expressions(arch: typeof Deno.build.arch): [expression: string, value: number][] {
  const all = { ...layouts, semid_ds: semidLayouts[arch] };
  return Object.entries(all).flatMap(([struct, fields]) =>
    Object.entries(fields).map(([field, value]): [string, number] => [
      field === "size" ? `sizeof(struct ${struct})` : `offsetof(struct ${struct}, ${field})`,
      value,
    ])
  );
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

const ignore = !hasC;

Deno.test({
  name: "every exported constant has the value that C's headers give it",
  ignore,
  async fn() {
    const values = await ask(
      constants.map(([name]) => `#ifdef ${name}\nprintf("${name}\\t%lld\\n", (long long) ${name});\n#endif`),
    );
    assertEquals(constants.map(([name]) => name).filter((name) => !values.has(name)), OWN);
    const wrong = constants.filter(([name, value]) => {
      // flags of 32 bits are written without a sign here
      const known = values.get(name);
      return known !== undefined && Number(known) !== value && BigInt.asUintN(32, BigInt(known)) !== BigInt(value);
    });
    assertEquals(wrong, []);
  },
});

Deno.test({
  name: "every structure has the size and the offsets that the C compiler gives it",
  ignore,
  async fn() {
    const all = expressions(Deno.build.arch);
    const values = await ask(all.map(([expression]) => `printf("${expression}\\t%zu\\n", (size_t) ${expression});`));
    assertEquals(Object.fromEntries(all), Object.fromEntries([...values].map(([key, value]) => [key, Number(value)])));
  },
});

Deno.test({
  name: "ERRNOS has every error number of the headers, with its name and strerror's message",
  ignore,
  async fn() {
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
  },
});

Deno.test({
  name: "the comparison itself finds a wrong offset",
  ignore,
  async fn() {
    await assertRejects(() =>
      compile(
        `${INCLUDES}\n_Static_assert(offsetof(struct shmid_ds, shm_segsz) == 49, "wrong");`,
        "/dev/null",
        "cc",
        "-c",
      )
    );
  },
});

if (!hasArmC) console.warn("no C compiler for arm64 (aarch64-linux-gnu-gcc) here: its layouts are not compared");

Deno.test({
  name: "arm64's headers give every structure and constant what the library has for arm64",
  ignore: !hasArmC,
  async fn() {
    const sizes = expressions("aarch64").map(([expression, value]) =>
      `_Static_assert(${expression} == ${value}, "${expression}");`
    );
    const values = constants.filter(([name]) => !OWN.includes(name)).map(([name, value]) =>
      `#ifdef ${name}\n_Static_assert((unsigned int) ${name} == (unsigned int) ${value}LL, "${name}");\n#endif`
    );
    await compile([INCLUDES, ...sizes, ...values].join("\n"), "/dev/null", "aarch64-linux-gnu-gcc", "-c");
  },
});
