import { assertEquals } from "@std/assert";
import { i32, u16, u64, u8 } from "../../../ffi/native/kinds.ts";
import { laidOut, layout, layoutOf, Struct } from "../../../ffi/native/layout.ts";
import { needs } from "../../needs.ts";
import { compile } from "../../support.ts";

class epoll_event extends Struct {}
layout(epoll_event, "epoll_wait", { events: i32, data: u64 }, [], { packed: "x86_64" });

const DENSE = { a: u8, b: u64, c: u16, d: { ...i32, offset: 17 } };
const DENSE_IN_C = "__attribute__((packed)) dense { unsigned char a; long b; short c; char gap[6]; int d; }";

for (const [compiler, arch] of [["cc", Deno.build.arch], ["aarch64-linux-gnu-gcc", "aarch64"]] as const) {
  needs(compiler)(
    `structures that are packed, on one architecture or on all, are as ${compiler} has them`,
    async () => {
      const dense = laidOut("dense", DENSE, arch, { packed: true, size: 24 });
      const event = layoutOf(epoll_event, arch);
      const claims = [
        ...Object.entries(event.members).map(([name, { at }]) => `offsetof(struct epoll_event, ${name}) == ${at}`),
        `sizeof(struct epoll_event) == ${event.size}`,
        ...Object.entries(dense.members).map(([name, { at }]) => `offsetof(struct dense, ${name}) == ${at}`),
        `sizeof(struct dense) + 3 == ${dense.size}`,
      ];
      const source = `#include <stddef.h>\n#include <sys/epoll.h>\nstruct ${DENSE_IN_C};\n`;
      await compile(
        source + claims.map((claim) => `_Static_assert(${claim}, "");\n`).join(""),
        "/dev/null",
        compiler,
        "-c",
      );
      assertEquals(event.size, arch === "aarch64" ? 16 : 12);
    },
  );
}
