// Every error that the manual page of a bound function names: provoked here, or by a test that is named, or why not.
import { assert, assertEquals } from "@std/assert";
import { entries } from "../../../ffi/native/header.ts";
import { LibcError } from "../../../mod.ts";
import { needs } from "../../needs.ts";
import { FFI, root, run } from "../../support.ts";
import { errors as children } from "./_children.ts";
import { errors as events } from "./_events.ts";
import { errors as descriptors } from "./_descriptors.ts";
import { errors as files } from "./_files.ts";
import { errors as memory } from "./_memory.ts";
import { errors as messages } from "./_messages.ts";
import { errors as mqueue } from "./_mqueue.ts";
import { errors as others } from "./_others.ts";
import { errors as processes } from "./_processes.ts";
import { answer, withProgram } from "./_programs.ts";
import type { Errors } from "./_proofs.ts";
import { errors as signals } from "./_signals.ts";
import { errors as sockets } from "./_sockets.ts";
import { errors as sysv } from "./_sysv.ts";

const areas: Errors[] = [
  children,
  sysv,
  processes,
  signals,
  events,
  files,
  descriptors,
  sockets,
  messages,
  memory,
  mqueue,
  others,
];
const errors: Errors = Object.assign({}, ...areas);

Deno.test("the table of errors has every function that a header declares, once", () => {
  assertEquals(Object.keys(errors).length, areas.reduce((sum, list) => sum + Object.keys(list).length, 0));
  const functions = new Set(entries.filter(({ declared }) => !declared.quiet).map(({ declared }) => declared.symbol));
  assertEquals(Object.keys(errors).sort(), [...functions].sort());
});

/** The source of a test, from its name to the next one. */
function sourceOf(file: string, test: string): string {
  const source = Deno.readTextFileSync(`${root}tests/${file}`);
  const start = source.indexOf(JSON.stringify(test));
  assert(start >= 0, `${file} has no test "${test}"`);
  return source.slice(start).split(/\n(?:Deno\.test|needs)\(/)[0];
}

Deno.test("every error that is said to be provoked by another test is named there", () => {
  for (const [name, list] of Object.entries(errors)) {
    for (const [code, proof] of Object.entries(list)) {
      if (!("file" in proof)) continue;
      const source = sourceOf(proof.file, proof.test);
      assert(source.includes(code), `${name}: ${proof.file}, "${proof.test}" does not speak of ${code}`);
    }
  }
});

for (const [name, list] of Object.entries(errors)) {
  const here = Object.entries(list).filter((entry): entry is [string, () => unknown] => typeof entry[1] === "function");
  if (here.length === 0) continue;
  Deno.test(`${name}() fails with ${here.map(([code]) => code).join(", ")}`, async () => {
    for (const [code, provoke] of here) {
      let result: unknown = "nothing was thrown";
      try {
        await provoke();
      } catch (error) {
        result = error instanceof LibcError ? error.code : error;
      }
      assertEquals(result, code);
    }
  });
}

/** Checks what a program says of each error that it is to provoke. */
const programs = new Set(
  Object.values(errors).flatMap((list) => Object.values(list)).flatMap((proof) =>
    "program" in proof ? proof.program : []
  ),
);
for (const program of programs) {
  needs(...program.needs)(program.title, async () => {
    const codes = await program.run();
    for (const [name, list] of Object.entries(errors)) {
      for (const [code, proof] of Object.entries(list)) {
        if ("program" in proof && proof.program === program) {
          assertEquals(codes[`${name} ${code}`] ?? codes[name], code, name);
        }
      }
    }
  });
}

Deno.test("handlers are installed with SA_RESTART, so that read, wait and open wait on", async () => {
  const { code, stdout, stderr } = await withProgram(
    `c.enableFork();
     c.signal(c.SIGUSR1, () => {});
     const [reader, writer] = c.pipe();
     const parent = c.getpid();
     const child = c.fork(() => {
       for (let i = 0; i < 5; i++) { c.kill(parent, c.SIGUSR1); c.usleep(20_000); }
       c.write(writer, "x");
       c.usleep(50_000);
       return 3;
     });
     const wstat = new c.WaitStatus();
     attempt("read", () => c.read(reader, new Uint8Array(1)));
     attempt("waitpid", () => c.waitpid(child, wstat));`,
    (path) => run(Deno.execPath(), [...FFI, path]),
  );
  assertEquals({ code, stderr, codes: answer(stdout) }, {
    code: 0,
    stderr: "",
    codes: { read: "done", waitpid: "done" },
  });
});
