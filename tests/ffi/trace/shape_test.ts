import { assertEquals } from "@std/assert";
import { formatTraceEvent, parseTrace, trace, type TraceEvent } from "../../../mod.ts";
import { isEvent } from "../../../ffi/trace/shape.ts";
import { fails } from "../../support.ts";
import { bytes, flags, inet, Script } from "../../scripts/tools/trace/_events.ts";

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
      { ...enter, args: { a: { ...flags(1, []), radix: 37 } } },
      { ...enter, args: { a: { struct: "x", fields: {}, names: 1 } } },
      { ...enter, args: { a: { ...bytes("x"), length: 0 } } },
      { ...enter, args: { a: bytes("\u0100") } },
      { ...enter, pid: 1.5 },
      { ...enter, pid: -1 },
      { ...enter, call: undefined },
      { ...enter, ev: "exit", result: "0", dur: 1 },
      { ...enter, ev: "exit", result: 0, dur: 1, opened: ["3"] },
      { ...enter, ev: "memory", op: "x", shmid: 1, offset: 0, data: bytes("") },
      { ...enter, ev: "memory", op: "read", shmid: 1, offset: 0 },
      { ...enter, ev: "memory", op: "read", shmid: 1, offset: 0, data: bytes(""), field: 5 },
      { ...enter, ev: "memory", op: "read", shmid: 1, offset: 0, data: bytes(""), field: "R.x", value: { a: 1 } },
      { ...enter, ev: "lost" },
    ]
  ) {
    assertEquals(isEvent(wrong), false, JSON.stringify(wrong).slice(0, 200));
  }
});

Deno.test("formatTraceEvent(), parseTrace() and trace() refuse what is none of theirs", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const events = [null, undefined, 5, "start", {}, [], { ev: "exit" }, { t: 1, pid: 2, ev: "signal", sig: 3 }, proxy];
  for (const event of events) fails("EINVAL", () => formatTraceEvent(event as TraceEvent));
  for (const text of [null, undefined, 5, {}, proxy]) fails("EINVAL", () => parseTrace(text as string));
  for (const listener of [null, undefined, 5, {}]) fails("EINVAL", () => trace(listener as () => void));
});
