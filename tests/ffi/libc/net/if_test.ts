import { assert, assertEquals } from "@std/assert";
import { if_indextoname, if_nametoindex } from "../../../../ffi/libc/net/if.ts";
import { fails } from "../../../support.ts";

/** The interfaces' names and numbers, as the kernel's files have them. */
function interfaces(): [string, number][] {
  return [...Deno.readDirSync("/sys/class/net")].flatMap(({ name, isSymlink }) =>
    isSymlink ? [[name, Number(Deno.readTextFileSync(`/sys/class/net/${name}/ifindex`))]] : []
  );
}

Deno.test("if_nametoindex() and if_indextoname() know the interfaces that the kernel has", () => {
  assertEquals(if_indextoname(if_nametoindex("lo")), "lo");
  // those of another network namespace, where the files are mounted from there
  const known = interfaces().filter(([name]) => name === "lo");
  for (const [name, index] of known) {
    assertEquals([if_nametoindex(name), if_indextoname(index)], [index, name]);
  }
  assert(known.length > 0);
});

Deno.test("an interface that there is not fails with ENODEV or ENXIO", () => {
  for (const name of ["", "nosuchif", "x".repeat(15), "x".repeat(5000), "lo ", "世界"]) {
    fails("ENODEV", () => if_nametoindex(name));
  }
  for (const index of [0, 2 ** 31 - 1]) fails("ENXIO", () => if_indextoname(index));
  assertEquals(
    fails("ENODEV", () => if_nametoindex("nosuchif")).message,
    "if_nametoindex: No such device (interface nosuchif)",
  );
});

Deno.test("what is no name, or no number, fails with EINVAL", () => {
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [undefined, null, 5, {}, "a\0b", Symbol("s")] as any[]) {
    fails("EINVAL", () => if_nametoindex(value));
  }
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [undefined, null, "1", {}, NaN, -1, 1.5, 2 ** 32, 1n] as any[]) {
    fails("EINVAL", () => if_indextoname(value));
  }
});
