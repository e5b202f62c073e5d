import { assertEquals } from "@std/assert";
import { isEvent, TraceReader } from "../../../../scripts/tools/trace/reader.ts";
import { bytes, flags, inet, Script } from "./_events.ts";

/** A file with a text, and a reader of it. */
function reading(text: string, kept?: number) {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  const path = `${directory}/trace`;
  if (text) Deno.writeTextFileSync(path, text);
  const lines: string[] = [];
  const reader = new TraceReader(path, (line) => lines.push(line), kept);
  return {
    reader,
    lines,
    append: (more: string) => Deno.writeTextFileSync(path, more, { append: true }),
    [Symbol.dispose]() {
      reader[Symbol.dispose]();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

const end = (t: number) => ({ t, pid: 1, ev: "end", status: 0 });
const line = (event: unknown) => JSON.stringify(event) + "\n";

Deno.test("TraceReader reads on as the file grows, and waits for the end of a line", () => {
  using it = reading("");
  it.reader.read();
  assertEquals(it.reader.events, []);
  const whole = line(end(2));
  it.append(line(end(1)) + whole.slice(0, 9));
  it.reader.read();
  assertEquals(it.reader.events.map(({ t }) => t), [1]);
  it.append(whole.slice(9) + "ž torn");
  it.reader.read();
  assertEquals([it.reader.events.map(({ t }) => t), it.reader.malformed], [[1, 2], 0]);
  assertEquals(it.lines.map((text) => JSON.parse(text).t), [1, 2]);
});

Deno.test("TraceReader leaves out what is no event, and counts it", () => {
  const wrong = [
    "",
    "nonsense",
    "null",
    "7",
    "[]",
    '{"t":"1"}',
    "x".repeat(3 << 20),
    JSON.stringify({ ...end(1), t: null }),
  ];
  using it = reading(wrong.map((text) => text + "\n").join("") + line(end(3)));
  it.reader.read();
  assertEquals([it.reader.events.length, it.reader.malformed], [1, wrong.length]);
});

Deno.test("TraceReader keeps so many events, and births and deaths beyond", () => {
  const script = new Script();
  script.start(1, "a.ts");
  for (let i = 0; i < 50; i++) script.call(1, "getppid", {}, 1);
  script.fork(1, 2);
  script.end(2);
  using it = reading(script.events.map(line).join(""), 10);
  it.reader.read();
  assertEquals(it.reader.events.slice(10).map(({ ev }) => ev), ["enter", "start", "exit", "exit", "end"]);
  assertEquals(it.reader.dropped, script.events.length - 15);
  assertEquals(it.lines.length, script.events.length);
});

Deno.test("TraceReader notices another version of the format", () => {
  using it = reading(line({ t: 1, pid: 1, ev: "start", v: 1, ppid: 0, name: "x", forked: false }));
  it.reader.read();
  assertEquals(it.reader.otherVersion, 1);
});

Deno.test("isEvent() looks at all parts of an event", () => {
  const script = new Script();
  script.start(1, "a.ts");
  script.call(1, "bind", { sockfd: 3, addr: inet(1), list: [1, { pointer: 7 }], big: { integer: "9" }, none: null }, 0);
  script.memory(1, "read", 1, 0, "x");
  script.signal(1, "SIGCHLD");
  script.lost(1, 2);
  script.end(1);
  for (const event of script.events) {
    assertEquals(isEvent(JSON.parse(JSON.stringify(event))), true, JSON.stringify(event));
  }
  const enter = { t: 1, pid: 1, ev: "enter", call: "x", args: {} };
  const deep = JSON.parse('{"struct":"a","fields":{"a":'.repeat(2000) + "1" + "}}".repeat(2000));
  for (
    const wrong of [
      { ...enter, ev: "toString" },
      { ...enter, ev: "other" },
      { ...enter, args: [] },
      { ...enter, args: { a: true } },
      { ...enter, args: { a: {} } },
      { ...enter, args: { a: { bytes: 1, length: 1 } } },
      { ...enter, args: { a: { ...flags(1, []), names: [1] } } },
      { ...enter, args: { a: { struct: "x", fields: { y: false } } } },
      { ...enter, args: { a: deep } },
      { ...enter, pid: 1.5 },
      { ...enter, call: undefined },
      { ...enter, ev: "exit", result: "0", dur: 1 },
      { ...enter, ev: "exit", result: 0, dur: 1, opened: ["3"] },
      { ...enter, ev: "memory", op: "x", shmid: 1, offset: 0, data: bytes("") },
      { ...enter, ev: "memory", op: "read", shmid: 1, offset: 0 },
      { ...enter, ev: "lost" },
    ]
  ) {
    assertEquals(isEvent(wrong), false, JSON.stringify(wrong).slice(0, 200));
  }
});
