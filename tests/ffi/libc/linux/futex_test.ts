import { assert, assertEquals } from "@std/assert";
import * as ipc from "../../../../mod.ts";
import { needs } from "../../../needs.ts";
import { fails } from "../../../support.ts";
import { AT, Shared } from "../_shared.ts";

const { futex, FUTEX_CLOCK_REALTIME, FUTEX_CMP_REQUEUE, FUTEX_PRIVATE_FLAG, FUTEX_REQUEUE, FUTEX_WAIT } = ipc;
const { FUTEX_WAIT_BITSET, futex_waitv, FUTEX_WAKE, FUTEX_WAKE_BITSET } = ipc;

Deno.test("futex() fails with EAGAIN if the word has another value, with ETIMEDOUT after its time", () => {
  using shared = new Shared();
  for (
    const word of [
      new Int32Array(shared.memory.buffer, 64, 1),
      new Uint32Array(1),
      new Int32Array(new SharedArrayBuffer(8)),
    ]
  ) {
    word[0] = -5;
    fails("EAGAIN", () => futex(word, FUTEX_WAIT, 5));
    for (const value of [-5, 0xffff_fffb]) {
      fails("ETIMEDOUT", () => futex(word, FUTEX_WAIT, value, 0.01));
      fails("ETIMEDOUT", () => futex(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, 0));
    }
    const bits = ipc.FUTEX_BITSET_MATCH_ANY;
    fails("ETIMEDOUT", () => futex(word, FUTEX_WAIT_BITSET, -5, 0.01, null, bits));
    const realtime = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME;
    fails("ETIMEDOUT", () => futex(word, realtime, -5, Date.now() / 1000 + 0.01, null, 1));
    assertEquals(futex(word, FUTEX_WAKE, 1), 0);
    assertEquals(futex(word, FUTEX_WAKE_BITSET, 1, null, null, 6), 0);
    assertEquals(futex(word, FUTEX_REQUEUE, 1, 1, new Int32Array(1)), 0);
    assertEquals(futex(word, FUTEX_CMP_REQUEUE, 1, 1, new Int32Array(1), -5), 0);
    fails("EAGAIN", () => futex(word, FUTEX_CMP_REQUEUE, 1, 1, new Int32Array(1), 4));
  }
});

Deno.test("futex() fails with EFAULT, EINVAL or ENOSYS on wrong arguments", () => {
  const word = new Int32Array(1);
  // deno-lint-ignore no-explicit-any -- what the types forbid
  const any: any[] = [
    undefined,
    null,
    0,
    {},
    new Uint8Array(4),
    new Int32Array(0),
    [0],
    Object.create(Int32Array.prototype),
  ];
  for (const bad of any) {
    fails("EFAULT", () => futex(bad, FUTEX_WAIT, 0));
    fails("EFAULT", () => futex(bad, FUTEX_WAKE, 1));
    fails("EFAULT", () => futex(word, FUTEX_REQUEUE, 1, 1, bad));
    fails(Array.isArray(bad) && bad.length === 0 ? "EINVAL" : "EFAULT", () => futex_waitv([[bad, 0]], 0));
  }
  for (const bad of [NaN, 1.5, "0", undefined, 2 ** 32, -(2 ** 31) - 1]) {
    fails("EINVAL", () => futex(word, FUTEX_WAIT, bad as number, 0));
    fails("EINVAL", () => futex(word, bad as number, 0, 0));
    if (bad !== undefined && bad !== 1.5 && bad !== 2 ** 32) {
      fails("EINVAL", () => futex(word, FUTEX_WAIT, 0, bad as number));
    }
    fails("EINVAL", () => futex_waitv([[word, bad as number]], 0));
    fails("EINVAL", () => futex_waitv(bad as unknown as [], 0));
  }
  const FUTEX_FD = 2, FUTEX_WAKE_OP = 5, FUTEX_LOCK_PI = 6;
  for (const op of [FUTEX_FD, FUTEX_WAKE_OP, FUTEX_LOCK_PI, 99, -1]) fails("ENOSYS", () => futex(word, op, 0, 0));
  fails("EINVAL", () => futex(word, FUTEX_WAIT_BITSET, 0, 0, null, 0));
  fails("EINVAL", () => futex_waitv(Array.from({ length: 129 }, () => [word, 0] as const), 0));
  fails("EINVAL", () => futex_waitv([[word, 0]], 0, 7));
  const memory = ipc.mmap(null, 100, 3, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
  const gone = new Int32Array(memory.buffer, 0, 1);
  ipc.munmap(memory);
  fails("EFAULT", () => futex(gone, FUTEX_WAKE, 1));
  fails("EFAULT", () => futex_waitv([[word, 0], [gone, 0]], 0));
});

Deno.test("futex_waitv() fails with EAGAIN if one of the words has another value, with ETIMEDOUT after its time", () => {
  using shared = new Shared();
  const words = [0, 4, 8].map((at) => new Int32Array(shared.memory.buffer, at, 1));
  words[1][0] = 7;
  const waiters = words.map((word) => [word, word[0]] as const);
  let code = "";
  try {
    futex_waitv(waiters, Date.now() / 1000 + 0.01, ipc.CLOCK_REALTIME);
  } catch (error) {
    code = (error as ipc.LibcError).code;
  }
  if (code === "ENOSYS") return; // before Linux 5.16
  assertEquals(code, "ETIMEDOUT");
  fails("ETIMEDOUT", () => futex_waitv(waiters, 0));
  words[2][0] = 1;
  fails("EAGAIN", () => futex_waitv(waiters, null));
});

needs("cc")("C and we wake each other by a futex", async () => {
  using shared = new Shared();
  const word = new Int32Array(shared.memory.buffer, AT.word, 1);
  {
    await using peer = await shared.peer("futex-wait");
    Atomics.store(word, 0, 1);
    assert(futex(word, FUTEX_WAKE, 1) <= 1);
    assertEquals((await peer.end()).code, 0);
  }
  Atomics.store(word, 0, 0);
  await using peer = await shared.peer("read", "futex-wake");
  await peer.until("ready");
  await peer.type("\n");
  while (Atomics.load(word, 0) === 0) {
    try {
      futex(word, FUTEX_WAIT, 0);
    } catch (error) {
      assertEquals((error as ipc.LibcError).code, "EAGAIN");
    }
  }
  assertEquals((await peer.end()).code, 0);
});
