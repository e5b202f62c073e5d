import { assert, assertEquals } from "@std/assert";
import { TraceReader } from "../../../../scripts/tools/trace/reader.ts";
import { Script } from "./_events.ts";

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

Deno.test("TraceReader keeps so many events of the beginning and of the end, and births and deaths between", () => {
  const script = new Script();
  script.start(1, "a.ts");
  for (let i = 0; i < 20; i++) script.call(1, "getppid", {}, 1);
  script.fork(1, 2);
  script.end(2);
  for (let i = 0; i < 20; i++) script.call(1, "getppid", {}, 1);
  script.end(1);
  using it = reading(script.events.map(line).join(""), 16);
  it.reader.end();
  const kept = it.reader.events.map((event) => "call" in event ? `${event.ev} ${event.call}` : event.ev);
  const calls = (n: number) => Array.from({ length: n }, () => ["enter getppid", "exit getppid"]).flat();
  assertEquals(kept.slice(0, 8), ["start", ...calls(4)].slice(0, 8));
  assertEquals(kept.slice(8, 13), ["enter fork", "start", "exit fork", "exit fork", "end"]);
  assertEquals(kept.slice(-4), [...calls(1), "enter _exit", "end"]);
  assert(kept.length <= 16 + 5);
  assertEquals(it.reader.dropped, script.events.length - kept.length);
  assertEquals(it.lines.length, script.events.length);
  const times = it.reader.events.map(({ t }) => t);
  assertEquals(times, times.toSorted((a, b) => a - b));
});

Deno.test("TraceReader keeps no more of large events than of many small ones", () => {
  using it = reading("");
  const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`field${i}`, "x".repeat(900)]));
  const args = { large: { struct: "large", fields } };
  const large = line({ t: 1, pid: 1, ev: "enter", call: "ioctl", args });
  for (let i = 0; i < 100; i++) it.append(large);
  it.reader.end();
  assert(it.reader.events.length > 25 && it.reader.events.length < 40, `${it.reader.events.length} MB`);
  assertEquals(it.reader.events.length + it.reader.dropped, 100);
});

Deno.test("TraceReader knows the last event of processes of late, and which line was the first that is none", () => {
  using it = reading(line(end(1)) + "nonsense\nmore\n");
  for (let pid = 1; pid < 3000; pid += 1000) {
    it.append(Array.from({ length: 1000 }, (_, i) => line({ ...end(1), pid: pid + i })).join(""));
  }
  it.append("x".repeat(3 << 20)); // and no end of it
  it.reader.end();
  assertEquals([it.reader.malformed, it.reader.firstMalformed], [3, 2]);
  assertEquals([it.reader.last.has(1), it.reader.last.has(3000), it.reader.last.size], [false, true, 1000]);
});

Deno.test("TraceReader notices another version of the format", () => {
  using it = reading(line({ t: 1, pid: 1, ev: "start", v: 1, ppid: 0, name: "x", forked: false }));
  it.reader.read();
  assertEquals(it.reader.otherVersion, 1);
});
