import { assertEquals } from "@std/assert";
import { needs } from "./needs.ts";
import { root, run } from "./support.ts";

const arm64 = ["run", "--quiet", "--allow-all", `${root}tests/arm64.ts`];

needs({ "an x86-64 processor": Deno.build.arch === "x86_64" })(
  "where arm64 cannot be emulated, each thing that is missing is named, with its package",
  async () => {
    const { code, stdout, stderr } = await run(Deno.execPath(), arm64, { env: { PATH: "/none" } });
    const lines = stderr.trim().split("\n").filter((line) => !line.includes("/usr/aarch64-linux-gnu"));
    assertEquals([code, stdout, lines], [1, "", [
      "there is no qemu-aarch64: install the package qemu-user",
      "there is no unshare: install the package util-linux",
    ]]);
  },
);

Deno.test("tests of arm64 are not begun without the files that were asked for", async () => {
  const { code, stdout, stderr } = await run(Deno.execPath(), [...arm64, "tests/ffi", "tests/none/"]);
  assertEquals([code, stdout, stderr], [1, "", "there is no tests/none\n"]);
});
