// Machine code is what an assembler makes of the source beside it.
import { assertEquals } from "@std/assert";
import { CODE as ACTION } from "../../../ffi/native/action.ts";
import { CODE as FAULTS } from "../../../ffi/native/faults.ts";
import { CODE as MASK } from "../../../ffi/native/mask.ts";
import { CODE as REMOVAL } from "../../../ffi/native/removal.ts";
import { CODE as THREAD } from "../../../ffi/native/thread.ts";
import { needs } from "../../needs.ts";
import { run } from "../../support.ts";

const CODES = { action: ACTION, faults: FAULTS, mask: MASK, removal: REMOVAL, thread: THREAD };
const COMPILERS = { x86_64: "cc", aarch64: "aarch64-linux-gnu-gcc" } as const;

const NAMES = Object.keys(CODES) as (keyof typeof CODES)[];

for (const [name, arch] of NAMES.flatMap((name) => [[name, "x86_64"], [name, "aarch64"]] as const)) {
  const compiler = COMPILERS[arch];
  const code = CODES[name][arch];
  const lack: Record<string, boolean> = arch === "x86_64"
    ? { "an x86-64 processor": Deno.build.arch === "x86_64" }
    : {};
  needs(compiler, lack)(`the code of ${name}.ts for ${arch} is what its source says`, async () => {
    const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
    try {
      const lines = [...code.matchAll(/^(\w+) +(.*)$/gm)];
      const source = lines.map(([, , text]) => `${text}\n`).join("");
      Deno.writeTextFileSync(`${directory}/a.s`, (arch === "x86_64" ? ".intel_syntax noprefix\n" : "") + source);
      const objcopy = arch === "x86_64" ? "objcopy" : "aarch64-linux-gnu-objcopy";
      for (
        const [command, ...args] of [
          [compiler, "-c", "-o", "a.o", "a.s"],
          [objcopy, "-O", "binary", "-j", ".text", "a.o", "a.bin"],
        ]
      ) {
        const { code, stderr } = await run(command, args, { cwd: directory });
        assertEquals([code, stderr], [0, ""]);
      }
      assertEquals(Deno.readFileSync(`${directory}/a.bin`).toHex(), lines.map(([, hex]) => hex).join(""));
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  });
}
