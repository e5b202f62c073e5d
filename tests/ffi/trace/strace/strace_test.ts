import { assert, assertEquals, assertThrows } from "@std/assert";
import { entries } from "../../../../ffi/native/header.ts";
import { compare, type Comparison, NEVER_FAILS, NO_SYSCALL, pair, parseCall, parseStrace, watch } from "./_compare.ts";
import { copies } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";
import { MEANT, type Meant, meant, unquote } from "./_meant.ts";

/** What a traced program and its child look like to strace: the calls of several threads, halves of calls, signals. */
const STRACE = String.raw`
7     write(16384, "{\"t\":1,\"pid\":7,\"ev\":\"start\"}\n", 28) = 28
7     getpid()                          = 7
7     write(16384, "{\"t\":2,\"pid\":7,\"ev\":\"enter\",\"call\":\"read\",\"arg"..., 99) = 99
7     rt_sigaction(SIGXFSZ, {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, NULL, 8) = 0
7     read(3,  <unfinished ...>
9     futex(0x7f00, FUTEX_WAIT_PRIVATE, 0, NULL <unfinished ...>
9     <... futex resumed>)              = -1 EAGAIN (Resource temporarily unavailable)
9     read(3, "other thread", 80)       = 12
7     <... read resumed>"a) = 3, \"b\"\\", 80) = 12
7     --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=8, si_uid=0, si_status=0} ---
7     write(16384, "{\"t\":3,\"pid\":7,\"ev\":\"exit\",\"call\":\"read\",\"arg"..., 99 <unfinished ...>
8     write(16384, "{\"t\":4,\"pid\":8,\"ev\":\"start\",\"v\":2}\n", 28) = 28
7     <... write resumed>)              = 99
8     write(16384, "{\"t\":5,\"pid\":8,\"ev\":\"enter\",\"call\":\"_exit\",\"arg"..., 99) = 99
8     write(16384, "{\"t\":6,\"pid\":8,\"ev\":\"end\"}\n", 99) = 99
8     exit_group(3)                     = ?
8     +++ exited with 3 +++
7     semop(0, 0x7f00, 1 <unfinished ...>) = ?
7     +++ killed by SIGKILL +++
`;

const read = { fd: 3, buf: { length: 12, bytes: 'a) = 3, "b"\\' }, count: 80 };
const EVENTS = [
  { t: 1, pid: 7, ev: "start" },
  { t: 2, pid: 7, ev: "enter", call: "read", args: { ...read, buf: { pointer: 0x7f00 } } },
  { t: 3, pid: 7, ev: "exit", call: "read", args: read, result: 12, dur: 1 },
  { t: 4, pid: 8, ev: "start", v: 2 },
  { t: 5, pid: 8, ev: "enter", call: "_exit", args: { status: 3 } },
  { t: 6, pid: 8, ev: "end", status: 3 },
];
const lines = (events: unknown[]) => events.map((event) => JSON.stringify(event) + "\n").join("");

Deno.test("strace's output: calls are put together from their halves, thread by thread", () => {
  const calls = parseStrace(STRACE);
  assertEquals(calls.filter(({ name }) => name !== "write"), [
    { tid: 7, name: "getpid", text: "getpid() = 7" },
    {
      tid: 7,
      name: "rt_sigaction",
      text: "rt_sigaction(SIGXFSZ, {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, NULL, 8) = 0",
    },
    {
      tid: 9,
      name: "futex",
      text: "futex(0x7f00, FUTEX_WAIT_PRIVATE, 0, NULL) = -1 EAGAIN (Resource temporarily unavailable)",
    },
    { tid: 9, name: "read", text: 'read(3, "other thread", 80) = 12' },
    { tid: 7, name: "read", text: String.raw`read(3, "a) = 3, \"b\"\\", 80) = 12` },
    { tid: 8, name: "exit_group", text: "exit_group(3) = ?" },
    { tid: 7, name: "semop", text: "semop(0, 0x7f00, 1 <unfinished ...>) = ?" },
  ]);
});

Deno.test("strace's output: a call is taken apart at its own commas and brackets", () => {
  assertEquals(parseCall("getpid() = 7"), { name: "getpid", args: [], result: "7" });
  assertEquals(parseCall(String.raw`poll([{fd=3, events=POLLIN}, {fd=-1}], 2, -1) = 1 ([{fd=3, revents=POLLIN}])`), {
    name: "poll",
    args: ["[{fd=3, events=POLLIN}, {fd=-1}]", "2", "-1"],
    result: "1 ([{fd=3, revents=POLLIN}])",
  });
  assertEquals(parseCall(String.raw`write(1, "), \\", "\"(["..., 9) = -1 EBADF (Bad file descriptor)`).args, [
    "1",
    String.raw`"), \\"`,
    String.raw`"\"(["...`,
    "9",
  ]);
  assertEquals(parseCall("_exit(0) ...").result, undefined);
});

Deno.test("each of our calls is paired with what its thread did in between", () => {
  assertEquals(
    pair(STRACE, lines(EVENTS)).map(({ event, syscalls }) => [event.call, syscalls.map(({ text }) => text)]),
    [
      ["read", [String.raw`read(3, "a) = 3, \"b\"\\", 80) = 12`]],
      ["_exit", ["exit_group(3) = ?"]],
    ],
  );
  // a line too many, one too few, another one
  assertThrows(() => pair(STRACE, lines([...EVENTS, { t: 9, pid: 7, ev: "end" }])), Error, "strace did not see");
  assertThrows(() => pair(STRACE, lines(EVENTS.filter(({ t }) => t !== 6))), Error, "part at event 2 of 8");
  assertThrows(() => pair(STRACE, lines(EVENTS.map((event) => ({ ...event, t: 1 })))), Error, "part at event 1 of 7");
});

Deno.test("a call is compared part by part", () => {
  const [one, two] = pair(STRACE, lines(EVENTS));
  assertEquals(compare(one).differences, []);
  assertEquals(compare(two).differences, []);
  const other = { ...one.event, args: { ...read, count: 81 }, result: -1, errno: "EIO" } as typeof one.event;
  assertEquals(compare({ event: other, syscalls: one.syscalls }).differences, [
    { part: "count", ours: "81", strace: "80" },
    { part: "result", ours: "-1 EIO (Input/output error)", strace: "12" },
  ]);
  const { differences } = compare({ event: one.event, syscalls: two.syscalls });
  assertEquals(differences, [
    { part: "call", ours: String.raw`read(3, "a) = 3, \"b\"\\", 80) = 12`, strace: "exit_group(3) = ?" },
  ]);
});

Deno.test("strings of C are read byte by byte", () => {
  assertEquals(unquote(String.raw`"\0\1a\377\0009\t\"\\"`), { bytes: [0, 1, 97, 255, 0, 57, 9, 34, 92], whole: true });
  assertEquals(unquote('"ab"...'), { bytes: [97, 98], whole: false });
});

/** How a difference is reported: ours over strace's, and where in the program. */
function report({ call, at, differences }: Comparison): string {
  return differences.map(({ part, ours, strace }) => `${call}, ${part} (${at})\n  ours   ${ours}\n  strace ${strace}`)
    .join("\n");
}

// elsewhere libc makes other system calls, dup3 for dup2 and so on
const comparable = { "an x86-64 processor": Deno.build.arch === "x86_64" };

needs("strace", comparable, copies())("every traced call reads as strace prints it", async (t) => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  const pairs = await watch(directory).finally(() => Deno.removeSync(directory, { recursive: true }));
  const compared = pairs.filter(({ event }) => !(event.call in NO_SYSCALL)).map(compare);
  const needed = new Set<Meant>();
  const wrong: Comparison[] = [];
  for (const comparison of compared) {
    const differences = comparison.differences.filter((difference) => {
      const entry = meant(comparison, difference);
      if (entry) needed.add(entry);
      return !entry;
    });
    if (differences.length > 0) wrong.push({ ...comparison, differences });
  }

  await t.step("no difference but those that are meant", () => {
    assert(wrong.length === 0, `${wrong.length} calls differ:\n${wrong.map(report).join("\n")}`);
  });

  await t.step("every difference that is meant is there", () => {
    assertEquals(MEANT.filter((entry) => !needed.has(entry)).map(({ why }) => why), []);
  });

  await t.step("every traced function is compared, in success and in failure", () => {
    const traced = entries.filter(({ declared }) => !declared.quiet).map(({ declared }) => declared.symbol);
    const missing = [...new Set(traced)].filter((name) => !(name in NO_SYSCALL)).flatMap((name) => {
      const with_ = compared.filter(({ call, strace }) => call === name && strace !== undefined);
      return [
        ...(with_.some(({ failed }) => !failed) ? [] : [`${name} in success`]),
        ...(with_.some(({ failed }) => failed) || name in NEVER_FAILS ? [] : [`${name} in failure`]),
      ];
    });
    assertEquals(missing, []);
    const reasons = [...Object.keys(NO_SYSCALL), ...Object.keys(NEVER_FAILS)];
    assertEquals(reasons.filter((name) => !traced.includes(name)), [], "they are no traced functions");
    assertEquals(compared.filter(({ call, failed }) => failed && call in NEVER_FAILS), [], "they do fail");
  });

  await t.step("what is no system call was called, and rand() and srand() made none", () => {
    for (const name of Object.keys(NO_SYSCALL)) {
      const calls = pairs.filter(({ event }) => event.call === name);
      assert(calls.length > 0, name);
      if (name === "rand" || name === "srand") assertEquals(calls.flatMap(({ syscalls }) => syscalls), [], name);
    }
  });
});
