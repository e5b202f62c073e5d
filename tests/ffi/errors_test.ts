import { assertEquals } from "@std/assert";
import { errnoCode, errnoMessage, errnoNumber, ERRNOS, LibcError, shmget } from "../../mod.ts";
import { call, header } from "../../ffi/native/header.ts";
import { flags, i32 } from "../../ffi/native/kinds.ts";
import { layout, Struct } from "../../ffi/native/layout.ts";
import { fails } from "../support.ts";

Deno.test("LibcError has name, number, function, and a message that starts as perror prints it", () => {
  const error = new LibcError("shmget", "ENOENT", "key 0x162e");
  assertEquals([error.name, error.code, error.errno, error.syscall], ["LibcError", "ENOENT", 2, "shmget"]);
  assertEquals(error.message, "shmget: No such file or directory (key 0x162e)");
  assertEquals([error.reason, error.detail], ["No such file or directory", "key 0x162e"]);
  const unknown = new LibcError("shmget", 4095);
  assertEquals([unknown.code, unknown.message], ["4095", "shmget: Unknown error 4095"]);
});

Deno.test("errnoCode(), errnoNumber() and errnoMessage() agree on every error", () => {
  for (const [errno, code, message] of ERRNOS) {
    assertEquals([errnoCode(errno), errnoNumber(code), errnoMessage(errno)], [code, errno, message]);
  }
  assertEquals(errnoNumber("EINVALL"), 0);
});

Deno.test("what is misspelt does not compile", () => {
  // @ts-expect-error no such error
  assertEquals(new LibcError("shmget", "EINVALL").errno, 0);
  const error = fails("ENOENT", () => shmget(0x7e57_0099, 1, 0));
  // @ts-expect-error no such error
  assertEquals(error.code === "ENOENTT", false);
  const declared = {
    // @ts-expect-error no such kind
    nothing: () => header({ f: call(i32, [["a", "int"]]) }),
    // @ts-expect-error a constant that is not there
    flags: () => flags({ IPC_CREATT }, { radix: 8 }),
    member() {
      class S extends Struct {
        declare a: string;
      }
      // @ts-expect-error the member is documented as something else
      layout(S, "f", { a: i32 });
    },
  };
  assertEquals(Object.keys(declared), ["nothing", "flags", "member"]);
});

Deno.test("what tells of errors does not fail itself", () => {
  // deno-lint-ignore no-explicit-any -- what no type allows
  for (const wrong of [Symbol("x"), Object.create(null), 5n, undefined] as any[]) {
    assertEquals(new LibcError(wrong, wrong, wrong) instanceof LibcError, true);
    assertEquals([typeof errnoMessage(wrong), typeof errnoCode(wrong), errnoNumber(wrong)], ["string", "string", 0]);
  }
});
