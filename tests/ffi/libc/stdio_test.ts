import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  atoi,
  close,
  cstr,
  errnoCode,
  ERRNOS,
  fgets,
  fprintf,
  LibcError,
  perror,
  pipe,
  rand,
  sprintf,
  srand,
  strcpy,
  strerror,
  strlen,
  write,
} from "../../../mod.ts";
import { needs } from "../../needs.ts";
import { compile, fails, run, runSource } from "../../support.ts";

// deno-lint-ignore no-explicit-any
const any = (value: unknown) => value as any;

/** What sprintf() makes of a template. */
function formatted(template: string, ...args: (string | number | bigint)[]): string {
  const buffer = new Uint8Array(1000);
  const length = sprintf(buffer, template, ...args);
  assertEquals(length, strlen(buffer));
  return cstr(buffer);
}

const FLAGS = ["", "-", "0", "+", " ", "#", "-#", "0#", "+0", "- ", "#+", "+ "];
const WIDTHS = ["", "1", "8", "12"];
const PRECISIONS = ["", ".0", ".1", ".5", "."];
const INTEGERS = [0, 1, -1, 7, 42, -42, 1234, 0x7fffffff, -0x80000000];

/** Formats and an argument for each. */
function cases(): [template: string, arg: string | number][] {
  const list: [string, string | number][] = [];
  for (const flags of FLAGS) {
    for (const width of WIDTHS) {
      for (const precision of PRECISIONS) {
        for (const conversion of "diuxXo") {
          for (const value of INTEGERS) list.push([`%${flags}${width}${precision}${conversion}`, value]);
        }
        if (/^-?$/.test(flags)) {
          for (const text of ["", "x", "hello", "hello, world"]) list.push([`%${flags}${width}${precision}s`, text]);
        }
      }
      if (/^-?$/.test(flags)) list.push([`%${flags}${width}c`, 65]);
    }
  }
  return list;
}

needs("cc")("sprintf() prints every format that C's printf() defines as C does", async () => {
  // flags that C leaves without a meaning are not for programs to use
  const defined = cases().filter(([template]) => {
    const conversion = template.at(-1)!;
    const flags = /^%([-+ #0]*)/.exec(template)![1];
    if ("di".includes(conversion)) return !flags.includes("#");
    return !/[+ ]/.test(flags) && !(conversion === "u" && flags.includes("#"));
  });
  const statements = defined.map(([template, arg]) =>
    `printf(${JSON.stringify(template + "|\n")}, ${typeof arg === "number" ? `(int) ${arg}LL` : JSON.stringify(arg)});`
  );
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
  try {
    const source = `#include <stdio.h>\nint main(void) { ${statements.join("\n")} return 0; }`;
    await compile(source, `${directory}/print`, "cc", "-w", "-O0");
    const { stdout } = await run(`${directory}/print`, []);
    const expected = stdout.split("\n").slice(0, -1);
    assertEquals(expected.length, defined.length);
    const wrong = defined.map(([template, arg], i) => [template, arg, formatted(template + "|", arg), expected[i]])
      .filter(([, , mine, theirs]) => mine !== theirs);
    assertEquals(wrong, []);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

needs("perl")("sprintf() prints like Perl's sprintf, with several arguments and text around them", async () => {
  const formats: [string, (string | number)[]][] = [
    ["msgget(%#x,%#o)", [1234, 0o1666]],
    ["%5d|%-5d|%05d|%+d", [42, 42, 42, 42]],
    ["%s is %d%% of %s", ["a", 50, "b"]],
    ["%8s|%-8s|%.3s", ["hello", "hello", "hello"]],
    ["%x %X %o %u %c%c", [48879, 48879, 511, 4000000000, 72, 105]],
    ["%%d %% %%", []],
    ["", []],
    ["no directive", []],
  ];
  for (const [template, args] of formats) {
    const { stdout } = await run("perl", ["-e", "$t = shift; print sprintf($t, @ARGV)", template, ...args.map(String)]);
    assertEquals(formatted(template, ...args), stdout);
  }
});

Deno.test("sprintf() takes length modifiers, bigints and characters", () => {
  assertEquals(formatted("%ld %lu %lx %lld %hd %zu", -1, 2, 255, 3, 4, 5), "-1 2 ff 3 4 5");
  assertEquals(formatted("%lu", 2n ** 64n - 1n), "18446744073709551615");
  assertEquals(formatted("%ld", -(2n ** 63n)), "-9223372036854775808");
  assertEquals(formatted("%c%c", "H", 105), "Hi");
  assertEquals(formatted("%s", 42), "42");
});

Deno.test("sprintf() takes width and precision from the arguments", () => {
  assertEquals(formatted("%*d|%-*d|%*d|", 5, 42, 5, 42, -5, 42), "   42|42   |42   |");
  assertEquals(formatted("%.*d|%.*s|%*.*s|%.*s", 4, 42, 2, "text", 6, 2, "text", -1, "text"), "0042|te|    te|text");
  fails("EINVAL", () => sprintf(new Uint8Array(80), "%*d", 5));
  for (const width of ["5", 1.5, null, 2 ** 31]) {
    fails("EINVAL", () => sprintf(new Uint8Array(80), "%*d", any(width), 1));
  }
});

Deno.test("sprintf() looks at the room first, whatever width, precision or number is asked for", () => {
  const buffer = new Uint8Array(100);
  const wide = "%200000000d";
  fails("EOVERFLOW", () => sprintf(buffer, "%1000000000d", 1));
  fails("EOVERFLOW", () => sprintf(buffer, "%.1000000000d", 1));
  fails("EOVERFLOW", () => sprintf(buffer, "%*d", -(2 ** 31), 1));
  const { message } = fails("EOVERFLOW", () => sprintf(buffer, "%.200000000d", 1));
  assertEquals(message.includes("200000001 bytes into 100"), true);
  // 100 GB: were it built, the test would not end
  fails("EOVERFLOW", () => sprintf(buffer, wide.repeat(500), ...Array.from({ length: 500 }, () => 1)));
  fails("EOVERFLOW", () => sprintf(buffer, "%d", 1n << 2n ** 24n));
  assertEquals(formatted("%.3s", "x".repeat(2 ** 24)), "xxx");
  assertEquals([formatted("%.1s", "😀"), formatted("%.4s", "😀")], ["\ufffd", "😀"]);
});

Deno.test("printf() prints nothing that is too long", async () => {
  const { code, stdout } = await runSource(
    `import { fprintf, printf, stderr } from "@mod";
     for (const print of [printf, (...args) => fprintf(stderr, ...args)]) {
       for (const format of ["%1000000000d", "%200000000d%200000000d", "%.999999999999999999999d"]) {
         try {
           print(format, 1, 1);
         } catch (error) {
           console.log(error.code);
         }
       }
     }`,
    [],
    { flags: ["--no-check"] },
  );
  assertEquals([code, stdout], [0, "EOVERFLOW\n".repeat(6)]);
});

Deno.test("sprintf() passes the bytes of a C string on as they are, up to the NUL", () => {
  const latin = new Uint8Array([0xe4, 0xff, 0, 65]);
  const buffer = new Uint8Array(10).fill(1);
  assertEquals(sprintf(buffer, "<%s>", latin), 4);
  assertEquals(buffer, new Uint8Array([60, 0xe4, 0xff, 62, 0, 1, 1, 1, 1, 1]));
});

Deno.test("sprintf() fails with EOVERFLOW and writes nothing if the memory is too small", () => {
  const buffer = new Uint8Array(5).fill(1);
  fails("EOVERFLOW", () => sprintf(buffer, "hello"));
  assertEquals(buffer, new Uint8Array(5).fill(1));
  assertEquals(sprintf(buffer, "hell"), 4);
  fails("EFAULT", () => sprintf(any(null), "x"));
});

Deno.test("printf() fails with EINVAL if an argument is missing or cannot be printed that way", () => {
  fails("EINVAL", () => formatted("%d"));
  fails("EINVAL", () => formatted("%s %s", "x"));
  fails("EINVAL", () => formatted("%d", "42"));
  fails("EINVAL", () => formatted("%d", 1.5));
  fails("EINVAL", () => formatted("%d", NaN));
  fails("EINVAL", () => sprintf(new Uint8Array(80), "%d", new Uint8Array(1)));
  fails("EINVAL", () => fprintf(0, "x"));
  fails("EINVAL", () => fprintf(3, "x"));
});

Deno.test("printf(), fprintf(), putchar() and perror() write at once, in order, and count bytes", async () => {
  const { code, stdout, stderr } = await runSource(`
    import { fprintf, LibcError, perror, printf, putchar, stderr, stdout } from "@mod";
    const counts = [printf("%s\\n", "Grüße"), fprintf(stdout, "x"), fprintf(stderr, "err %d\\n", 1), putchar("A"), putchar(256 + 10)];
    perror("shmget", new LibcError("whatever", "ENOENT", "detail"));
    perror("", new LibcError("whatever", 22));
    printf("%s\\n", JSON.stringify(counts));`);
  assertEquals({ code, stdout, stderr }, {
    code: 0,
    stdout: "Grüße\nxA\n[8,1,6,65,10]\n",
    stderr: "err 1\nshmget: No such file or directory\nInvalid argument\n",
  });
});

Deno.test("printf() writes a megabyte whole into a pipe that is read slowly, and -1 into one that nobody reads", async () => {
  const source = `import { fprintf, printf, stderr } from "@mod";
    const n = printf("%s", "x".repeat(1_000_000)); fprintf(stderr, "%d", n);`;
  const { stdout, stderr } = await runSource(source);
  assertEquals([stdout.length, stderr], [1_000_000, "1000000"]);
  using program = (await import("../../support.ts")).file(source);
  const command = '"$0" run --allow-ffi "$1" | true';
  const piped = await run("bash", ["-c", command, Deno.execPath(), program.path]);
  assertEquals(piped.stderr, "-1");
});

Deno.test("perror() throws on what is not a LibcError", () => {
  const error = new TypeError("a mistake");
  assertEquals(assertThrows(() => perror("x", error)), error);
});

Deno.test("fgets() reads lines, keeps the newline, splits long lines, and returns null at the end", () => {
  const [reader, writer] = pipe();
  write(writer, "one\n\nGrüße\nlonger than it\nlast");
  close(writer);
  const buffer = new Uint8Array(10);
  const lines: string[] = [];
  while (fgets(buffer, 10, reader)) lines.push(cstr(buffer));
  assertEquals(lines, ["one\n", "\n", "Grüße\n", "longer th", "an it\n", "last"]);
  const before = buffer.slice();
  assertEquals(fgets(buffer, 10, reader), null);
  assertEquals(buffer, before);
  close(reader);
});

Deno.test("fgets() takes nothing behind the line, and no more than size says", () => {
  const [reader, writer] = pipe();
  write(writer, "ab\ncd");
  const buffer = new Uint8Array(80).fill(1);
  assertEquals(fgets(buffer, 2, reader), buffer);
  assertEquals(buffer.subarray(0, 3), new Uint8Array([97, 0, 1]));
  fgets(buffer, 80, reader);
  assertEquals(cstr(buffer), "b\n");
  close(writer);
  fgets(buffer, 80, reader);
  assertEquals(cstr(buffer), "cd");
  for (const size of [0, -1, 81, 1.5, NaN]) fails("EFAULT", () => fgets(buffer, size, reader));
  close(reader);
  fails("EBADF", () => fgets(buffer, 80, reader));
});

Deno.test("strerror() and ERRNOS say the same, and LibcError carries it", () => {
  for (const [errno, name, message] of ERRNOS) {
    assertEquals(strerror(errno), message);
    assertEquals(errnoCode(errno), name);
    const error = new LibcError("call", errno, "detail");
    assertEquals([error.code, error.errno, error.reason, error.syscall], [name, errno, message, "call"]);
    assertEquals(error.message, `call: ${message} (detail)`);
  }
  assertEquals(strerror(99999), "Unknown error 99999");
});

Deno.test("strcpy(), strlen() and cstr() agree, and fail with EOVERFLOW instead of writing past the end", () => {
  const buffer = new Uint8Array(8).fill(1);
  assertEquals(strcpy(buffer, "Grüße"), buffer);
  assertEquals([strlen(buffer), cstr(buffer)], [7, "Grüße"]);
  fails("EOVERFLOW", () => strcpy(buffer, "Grüße!"));
  assertEquals(cstr(buffer), "Grüße");
  assertEquals([strlen(new Uint8Array([1, 2])), cstr(new Uint8Array(0))], [2, ""]);
});

Deno.test("atoi() reads what C's atoi() reads", () => {
  for (
    const [text, number] of [["8080", 8080], [" 42x", 42], ["-7", -7], ["+7", 7], ["", 0], ["x1", 0], ["0x10", 0], [
      "010",
      10,
    ]]
  ) assertEquals(atoi(text as string), number, text as string);
});

Deno.test("rand() is glibc's, from srand() on", async () => {
  // whatever this process has drawn before, a seed starts it anew
  srand(1);
  assertEquals([rand(), rand(), rand()], [1804289383, 846930886, 1681692777]);
  srand(42);
  const first = [rand(), rand()];
  srand(42);
  assertEquals([rand(), rand()], first);
  assert(first.every((n) => n >= 0 && n < 2 ** 31));
  const { stdout } = await runSource(`import { printf, rand } from "@mod"; printf("%d\\n", rand());`);
  assertEquals(stdout, "1804289383\n");
});
