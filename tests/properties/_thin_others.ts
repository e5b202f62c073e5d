/**
 * Calls of the functions of strings, of structures, and of what remains.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { type Call, thin } from "./_calls.ts";
import { buffer, detached, paths } from "./_memory.ts";
import { bad, good, int, ints, stream, uint, wrongInt, wrongLong, wrongSize, wrongUint } from "./_numbers.ts";
import { LibcError } from "./_world.ts";

export const OTHERS: Call[] = [
  // the rest
  thin("ftok", [paths, int(1, 0, 256, -1)]),
  thin("strerror", [int(2, 0, -1, 9999)]),
  thin("srand", [uint(1, 0, 2 ** 32 - 1)]),
  thin("rand", []),
  thin("atoi", [[
    ...ints("5", "", "x", "99999999999999999999", " -7z"),
    ...[Symbol("s"), 5, null, {}].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),
  thin("strlen", [buffer]),
  thin("cstr", [buffer]),
  thin("strcpy", [buffer, [
    ...ints("", "text", "x".repeat(5000)),
    ...[null, 5, {}, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),
  thin("sprintf", [buffer, [
    ...ints(
      "",
      "%d",
      "%5.3d",
      "%c",
      "%s",
      "%%",
      "%x",
      "%n",
      "%999999999999d",
      "%.999999999999d",
      "%-99999999999s",
      "%.5s",
    ),
    ...[null, 5, {}, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
  ], [
    ...ints(1, -1, 2 ** 31, 2 ** 53, 2 ** 60, 5n, -(2n ** 70n), "text", ""),
    good("bytes", () => new Uint8Array([65, 66, 0, 67])),
    good("detached", () => detached(4)),
    ...ints(NaN, 0.5, null, undefined, {}, [], Object.create(null), Symbol("s"), true),
  ]]),
  thin("fprintf", [
    [...ints(1, 2), ...wrongInt(() => 1), bad("0", () => 0), bad("3", () => 3)],
    ints("", "%s%s", "%d"),
    ints(1, Symbol("s")),
  ]),
  thin("putchar", [ints("\n", Symbol("s"), null, 1n, {}, undefined, NaN, "")]),
  thin("fgets", [buffer, [...ints(1, 2, 16, 5000), ...wrongSize(() => 4)], stream]),
  thin("perror", [ints("", "shmget", Symbol("s"), null, {}), [good("error", () => new LibcError("shmget", 2))]]),

  // structures
  {
    name: "new msgbuf",
    run: (_w, size) => new mod.msgbuf(size),
    params: [[...ints(0, 1, 4097), ...wrongSize(() => 1), bad("2^31", () => 2 ** 31)]],
  },
  {
    name: "msgbuf.mtype =",
    run: (_w, type) => new mod.msgbuf(1).mtype = type,
    params: [
      [...ints(1, 0, -1, 2 ** 53 - 1, 2n ** 63n - 1n), ...wrongLong(() => 1)],
    ],
  },
  ...[0, 1, 2].map((at): Call => ({
    name: `new sembuf: ${["sem_num", "sem_op", "sem_flg"][at]}`,
    run: (_w, value) => new mod.sembuf([0, 1, 0].with(at, value) as [number, number, number]),
    params: [[...ints(0, 1), ...wrongInt(() => 1), bad("65536", () => 65536)]],
  })),
  {
    name: "new sembuf",
    run: (_w, value) => new mod.sembuf(value),
    params: [
      [
        good("[0, 1]", () => [0, 1]),
        ...[null, 5, "x", {}, [], [1], Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
      ],
    ],
  },
  ...(["uid", "gid", "mode"] as const).map((field): Call => ({
    name: `ipc_perm.${field} =`,
    run: (_w, value) => new mod.shmid_ds().shm_perm[field] = value,
    params: [[...ints(0, 1), ...wrongUint(() => 1)].filter(({ name }) => field !== "mode" || name !== "2^31")],
  })),
  {
    name: "msqid_ds.msg_qbytes =",
    run: (_w, value) => new mod.msqid_ds().msg_qbytes = value,
    params: [[...ints(0, 1, 2 ** 53 - 1), ...wrongSize(() => 1), bad("2^53", () => 2 ** 53)]],
  },
];
