/** Odd events and odd lines, made at random: whatever has their form, or nearly so. */
import fc from "fast-check";

const CALLS = [
  ..."fork wait waitpid kill signal sleep pause pipe socketpair close dup2 dup socket bind connect listen accept".split(
    " ",
  ),
  ..."shutdown send sendto sendmsg recvmsg write recv read shmget msgget semget shmctl msgctl semctl shmat msgsnd msgrcv semop"
    .split(" "),
  ..."mq_open mq_unlink mq_close mq_send mq_timedsend mq_receive mq_timedreceive mq_notify".split(" "),
  ..."poll open _exit execve getppid toString __proto__ constructor".split(" "),
  "",
  "-",
  "end",
  "a: b; c",
  "%%x",
];

/** Text that might steer a terminal, a diagram or a page. */
const evil = fc.constantFrom(
  "\x1b]0;title\x07",
  "\u009b31m",
  "\u202e\u2066",
  "\ud800",
  "\udc00x",
  "\0",
  "a\nb\r\n",
  "a;b#c<d>&e\"f'g%%h",
  "<br/>",
  "<script>alert(1)</script>",
  "]]>",
  "&#0;",
  "\ufffe\uffff",
  "end",
  "note over P1: x",
  "__proto__",
  "\u{1f40e}".repeat(30),
  "x".repeat(5000),
  "𝕏\u0301\u200d\ufe0f",
);
/** Text of any kind. */
export const text: fc.Arbitrary<string> = fc.oneof(
  evil,
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.array(evil, { maxLength: 3 }).map((parts) => parts.join("")),
);

const number = fc.oneof(
  fc.integer({ min: -3, max: 9 }),
  fc.constantFrom(0, -1, 1e308, -1e308, 2 ** 53, 0.5, -0.5, 5e-324, 2 ** 31, 2 ** 32),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const integer = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.maxSafeInteger());
const pid = fc.oneof(
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 2 ** 31 }),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
);

const NAMES = [
  ..."fd sockfd addr dest_addr buf key shmflg msgflg semflg size nsems msqid shmid semid cmd msgp sops pid sig".split(
    " ",
  ),
  ..."wstatus seconds how backlog pipefd sv oldfd newfd fds mtype mtext sin_family sin_port sin_addr sun_path".split(
    " ",
  ),
  ..."sin6_addr sin6_port WEXITSTATUS WTERMSIG WSTOPSIG WCOREDUMP given filled handler status __proto__ toString".split(
    " ",
  ),
];
const name = fc.oneof(fc.constantFrom(...NAMES), text);
const latin1 = fc.array(fc.nat(255), { maxLength: 60 }).map((codes) => String.fromCharCode(...codes));
const bytes = fc.tuple(latin1, fc.nat(200)).map(([bytes, more]) => ({ length: bytes.length + more, bytes }));

const { argument } = fc.letrec((tie) => ({
  argument: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    number,
    text,
    fc.constant(null),
    fc.record({ value: number, names: fc.array(text, { maxLength: 3 }), rest: number, radix: fc.constantFrom(8, 16) }, {
      requiredKeys: ["value", "names", "rest"],
    }),
    bytes,
    fc.record({ pointer: number }),
    fc.record({ integer: text }),
    fc.array(tie("argument"), { maxLength: 3 }),
    fc.record({
      struct: fc.oneof(fc.constantFrom("wstatus", "socklen_t", "sockaddr_in", "pollfd", "sembuf"), text),
      fields: fc.dictionary(name, tie("argument"), { maxKeys: 4 }),
    }),
  ),
}));

const args = fc.dictionary(name, argument, { maxKeys: 4 });
const call = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...CALLS) }, { weight: 1, arbitrary: text });
const base = { t: number, pid };

/** An event. */
export const event: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  fc.record({ ...base, ev: fc.constant("start"), v: fc.constant(2), ppid: integer, name: text, forked: fc.boolean() }),
  fc.record({ ...base, ev: fc.constant("enter"), call, args, waits: fc.constant(true) }, {
    requiredKeys: ["t", "pid", "ev", "call", "args"],
  }),
  fc.record({
    ...base,
    ev: fc.constant("exit"),
    call,
    args,
    result: number,
    dur: number,
    errno: fc.oneof(fc.constantFrom("ENOENT", "EINTR"), text),
    opened: fc.array(integer, { maxLength: 2 }),
    local: text,
    peer: text,
    at: fc.record({ file: text, line: number, column: number }),
  }, { requiredKeys: ["t", "pid", "ev", "call", "args", "result", "dur"] }),
  fc.record({
    ...base,
    ev: fc.constant("memory"),
    op: fc.constantFrom("read", "write"),
    shmid: integer,
    offset: integer,
    data: bytes,
    field: text,
    value: argument,
  }, { requiredKeys: ["t", "pid", "ev", "op", "shmid", "offset", "data"] }),
  fc.record({ ...base, ev: fc.constant("signal"), sig: fc.oneof(fc.constant("SIGCHLD"), text) }),
  fc.record({ ...base, ev: fc.constant("lost"), count: integer }),
  fc.record({ ...base, ev: fc.constant("end"), status: number }),
);

/** Something that is nearly an event: one with a part that is missing, or of another kind. */
const nearly = fc.tuple(event, fc.jsonValue(), fc.nat()).map(([whole, value, at]) => {
  const keys = Object.keys(whole);
  return { ...whole, [keys[at % keys.length]]: value };
});

/** A line of a file that is no trace, or nearly one. */
export const line: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: event.map((event) => JSON.stringify(event)) },
  { weight: 2, arbitrary: nearly.map((event) => JSON.stringify(event)) },
  { weight: 1, arbitrary: event.map((event) => JSON.stringify(event).slice(0, -7)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: text },
);
