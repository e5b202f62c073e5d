import { assertEquals } from "@std/assert";
import {
  close,
  dup,
  F_SETLK,
  F_WRLCK,
  fcntl,
  flock,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_RDONLY,
  O_RDWR,
  open,
  struct_flock,
} from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { fails, Program, waitsIn } from "../../../support.ts";

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
const any = (value: unknown) => value as any;

/** A file that is removed at the end of a `using`, opened twice. */
function temporary(): { path: string; one: number; two: number } & Disposable {
  const path = Deno.makeTempFileSync({ prefix: "ipc_playground_" });
  const [one, two] = [open(path, O_RDWR), open(path, O_RDONLY)];
  return {
    path,
    one,
    two,
    [Symbol.dispose]() {
      close(one);
      close(two);
      Deno.removeSync(path);
    },
  };
}

Deno.test("flock(): one has LOCK_EX, or many have LOCK_SH; the others get EAGAIN with LOCK_NB", () => {
  using file = temporary();
  flock(file.one, LOCK_EX);
  fails("EAGAIN", () => flock(file.two, LOCK_EX | LOCK_NB));
  fails("EAGAIN", () => flock(file.two, LOCK_SH | LOCK_NB));
  flock(file.one, LOCK_SH);
  flock(file.two, LOCK_SH | LOCK_NB);
  fails("EAGAIN", () => flock(file.one, LOCK_EX | LOCK_NB));
  flock(file.two, LOCK_UN);
  flock(file.two, LOCK_UN);
  flock(file.one, LOCK_EX | LOCK_NB);
  fcntl(file.one, F_SETLK, new struct_flock(F_WRLCK)); // of another kind, which does not see it
});

Deno.test("flock(): a second descriptor has the same lock, which goes with the last", () => {
  using file = temporary();
  const third = open(file.path, O_RDONLY);
  const second = dup(third);
  flock(third, LOCK_EX);
  flock(second, LOCK_EX);
  close(third);
  fails("EAGAIN", () => flock(file.two, LOCK_SH | LOCK_NB));
  close(second);
  flock(file.two, LOCK_SH | LOCK_NB);
});

needs("python3")("flock() waits for Python, and Python for flock()", async () => {
  using file = temporary();
  flock(file.one, LOCK_SH);
  await using python = new Program("python3", [
    "-c",
    `import fcntl, sys
file = open(sys.argv[1])
def say(*what): print(*what, flush=True)
fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB); say("shared")
try: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError: say("waits")
fcntl.flock(file, fcntl.LOCK_EX); say("locked"); input(); fcntl.flock(file, fcntl.LOCK_UN); input()`,
    file.path,
  ], { stdin: "open" });
  await python.until("waits");
  await python.ready(() => waitsIn(python.pid, 73, 32), "it waits in flock");
  flock(file.one, LOCK_UN);
  await python.until("locked");
  fails("EAGAIN", () => flock(file.one, LOCK_SH | LOCK_NB));
  await python.type("\n", false);
  flock(file.one, LOCK_EX);
  await python.type("\n");
  assertEquals((await python.end()).stdout, "shared\nwaits\nlocked\n");
});

Deno.test("flock() fails with EINVAL or EBADF on wrong arguments", () => {
  using file = temporary();
  for (const operation of [...NOT_INTEGERS, undefined, 0, LOCK_SH | LOCK_EX, 16, 2 ** 31]) {
    fails("EINVAL", () => flock(file.one, any(operation)));
  }
  for (const fd of [-1, 1_000_000]) fails("EBADF", () => flock(fd, LOCK_SH));
  for (const fd of [...NOT_INTEGERS, undefined]) fails("EINVAL", () => flock(any(fd), LOCK_SH));
});
