// What the demos' pictures show. These need a library whose traces are in the format that the pictures are made from.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { TraceEvent } from "../../../../mod.ts";
import { DEMOS } from "../../../../scripts/tools/demos/list.ts";
import { type Demo, runDemo } from "../../../../scripts/tools/demos/runner.ts";
import { svg, unicode } from "../../../../scripts/tools/trace/drawing.ts";
import { dataOf } from "../../../../scripts/tools/trace/fold.ts";
import { picture } from "../../../../scripts/tools/trace/model.ts";
import type { Picture, Step } from "../../../../scripts/tools/trace/picture.ts";
import { TraceReader } from "../../../../scripts/tools/trace/reader.ts";
import { label, words } from "../../../../scripts/tools/trace/words.ts";
import { free } from "../../../_peers.ts";
import { needs } from "../../../needs.ts";

const WIDTHS = [40, 60, 80, 120];

/** Runs a demo and gives its events. */
async function demoEvents(demo: Demo): Promise<TraceEvent[]> {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    const file = `${directory}/trace`;
    const { result, reasons } = await runDemo(demo, { on: () => {}, env: () => ({ IPC_TRACE: file }) });
    assertEquals([result, reasons], ["passed", []]);
    using reader = new TraceReader(file);
    reader.read();
    assertEquals([reader.malformed, reader.dropped, reader.otherVersion], [0, 0, undefined]);
    return reader.events;
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** All steps, those of repetitions once. */
const flat = ({ steps }: Picture): Step[] => steps.flatMap((step) => step.group ?? [step]);

/** Checks that an arrow tells of something that is in the trace. */
function checkArrow(step: Step, events: TraceEvent[]): void {
  const { deed } = step;
  const pids = [step.from, step.to!].flatMap(({ thing }) => thing.type === "process" ? [thing.pid] : []);
  const found = events.some((event) => {
    if (!pids.includes(event.pid)) return false;
    if (deed.kind === "memory") return event.ev === "memory" && event.op === deed.op && event.t === step.t;
    if (deed.kind === "signal") return event.ev === "signal" && event.sig === deed.sig && event.t === step.t;
    if ((event.ev !== "enter" && event.ev !== "exit") || (deed.kind !== "call" && deed.kind !== "reap")) return false;
    // a call is drawn at its begin or at its end; a socket when it gets an address
    const calls = deed.call === "socket" ? ["bind", "connect"] : [deed.call];
    return calls.includes(event.call) && event.t === step.t;
  });
  assert(found, `no event for: ${label(step.from)} → ${label(step.to!)}: ${words(step)}`);
}

/** Finds arrows, in this order: from, to (a process's or an object's name), how the text begins, and the bytes. */
function checkArrows(drawn: Picture, ...wanted: [from: RegExp, to: RegExp, text: RegExp, data?: RegExp][]): void {
  let at = -1;
  const steps = flat(drawn);
  for (const [from, to, text, data] of wanted) {
    at = steps.findIndex((step, i) =>
      i > at && from.test(label(step.from)[0]) && step.to !== undefined && to.test(label(step.to)[0]) &&
      text.test(words(step)) && (!data || data.test(dataOf(step.deed)?.bytes ?? ""))
    );
    assert(at >= 0, `no arrow ${from} → ${to}: ${text} ${data ?? ""} in its place`);
  }
}

/** The notes about zombies, by what they say. */
const zombies = (drawn: Picture) => flat(drawn).filter(({ deed }) => deed.kind === "zombie").map(words);

const ARROWS: Record<string, (drawn: Picture) => void> = {
  shm(drawn) {
    const [server, client, segment] = [/shm_server/, /shm_client/, /^segment 5678$/];
    checkArrows(
      drawn,
      [client, segment, /^shmget\(5678, 27, 0666\) = ENOENT$/],
      [server, segment, /^shmget\(5678, 27, IPC_CREAT\|0666\) = \d+$/],
      [server, segment, /^shmat/],
      [server, segment, /^writes/, /^abcdefghijklmnopqrstuvwxyz\0$/],
      [client, segment, /^shmget\(5678, 27, 0666\) = \d+$/],
      [client, segment, /^shmat/],
      [segment, client, /^reads/, /^a$/],
      [client, segment, /^writes/, /^\*$/],
      [segment, server, /^reads/, /^\*$/],
      [server, segment, /^shmctl\(IPC_RMID\)/],
    );
  },
  message(drawn) {
    const [send, receive, queue] = [/message_send/, /message_rec/, /^queue 1234$/];
    checkArrows(
      drawn,
      [receive, queue, /^msgget.* = ENOENT$/],
      [send, queue, /^msgget\(1234, IPC_CREAT\|0666\) = \d+$/],
      [send, queue, /^msgsnd type 1 /, /^Did you get this\?\0$/],
      [send, queue, /^msgsnd type 1 /, /^Anybody there\?\0$/],
      [queue, receive, /^msgrcv type 1 /, /^Did you get this\?\0$/],
      [queue, receive, /^msgrcv type 1 /, /^Anybody there\?\0$/],
      [receive, queue, /^msgctl\(IPC_RMID\)/],
    );
  },
  socket(drawn) {
    const [server, client, socket] = [/socket_server/, /socket_client/, /^socket 0\.0\.0\.0:\d+$/];
    checkArrows(
      drawn,
      [server, socket, /^bind/],
      [server, socket, /^listen\(5\)/],
      [client, socket, /^connect/],
      [client, socket, /^write/, /^Hello from the client/],
      [socket, server, /^read/, /^Hello from the client/],
      [server, socket, /^write/, /^I got your message/],
      [socket, client, /^read/, /^I got your message/],
    );
    checkArrows(drawn, [client, socket, /^connect/], [socket, server, /^accept/]);
  },
  "fork-server"(drawn) {
    const [server, client, child, socket] = [/socket_server_fork/, /socket_client/, /^child$/, /^socket/];
    const accepted: [RegExp, RegExp, RegExp][] = [[socket, server, /^accept/], [server, child, /^fork\(\) = \d+$/]];
    checkArrows(drawn, [server, socket, /^listen/], ...accepted, ...accepted, ...accepted);
    for (const text of [/^I was here first/, /^I came second/, /^I came last/]) {
      checkArrows(drawn, [client, socket, /^write/, text], [socket, child, /^read/, text], [child, socket, /^write/], [
        socket,
        client,
        /^read/,
      ]);
    }
    assertEquals(zombies(drawn), Array(3).fill("zombie: nobody has waited for it"));
  },
  zombies(drawn) {
    assertEquals(zombies(drawn).filter((text) => /^zombie for \d/.test(text)).length, 3);
  },
  "fixed-server"(drawn) {
    assertEquals(zombies(drawn).filter((text) => /^zombie for \d/.test(text)).length, 3);
  },
  sigchld(drawn) {
    const [parent, child] = [/sigchld_wait3/, /^child$/];
    checkArrows(
      drawn,
      [parent, child, /^fork\(\) = \d+$/],
      [child, parent, /^SIGCHLD$/],
      [child, parent, /^wait3\(\): exited with \d+$/],
    );
  },
};

for (const demo of DEMOS) {
  const { name, uses = [] } = demo;
  const unused = uses.map(({ kind, key }) => free(kind === "segment" ? "shm" : "msg", key));
  needs(...unused)(`picture() of the demo ${name} is in order, true, and fits every width`, async () => {
    const events = await demoEvents(demo);
    const drawn = picture(events);
    const times = drawn.steps.map(({ t }) => t);
    assertEquals(times, times.toSorted((a, b) => a - b));
    for (const step of flat(drawn)) if (step.to) checkArrow(step, events);
    ARROWS[name]?.(drawn);
    for (const columns of WIDTHS) {
      const art = unicode(drawn, columns);
      for (const line of art.split("\n")) assert([...line].length <= columns, `${columns}: ${line}`);
      for (const line of drawn.lifelines) assertStringIncludes(art, label(line)[0].slice(0, 3));
    }
    const image = svg(drawn);
    assertMatch(image, /^<svg /);
    assertEquals(image.split('class="note zombie"').length - 1, zombies(drawn).length);
    const addresses = image.replaceAll(/ xmlns(:\w+)?="[^"]*"/g, "").match(
      /https?:|\/\/\w|@import|\burl\((?!#)|<script/g,
    );
    assertEquals(addresses, null);
  });
}
