/**
 * The demos: every slide program, together with its partner, in the slides' order.
 *
 * @module
 */
import type { Claim, Demo, Part, Stage } from "./runner.ts";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz";
const SEGMENT = { kind: "segment", key: 5678, size: 27 } as const;
const QUEUE = { kind: "queue", key: 1234, holds: ["Did you get this?", "Anybody there?"] } as const;
const PROMPT = "Please enter the message: ";

const socketServer: Part = {
  who: "server",
  script: "socket_server.ts",
  args: ["{tcp}"],
  ready: "tcp",
  end: 0,
};

function socketClient(who: string, input: string): Part {
  return { who, script: "socket_client.ts", args: ["localhost", "{tcp}"], prompt: PROMPT, input, end: 0 };
}

const MESSAGES = new Map([
  ["client 1", "I was here first"],
  ["client 2", "I came second"],
  ["client 3", "I came last"],
]);

/** A server that forks, and three clients that are connected to it at the same time. */
function threeClients(script: string): Part[] {
  return [
    { ...socketServer, script, end: "stopped" },
    ...[...MESSAGES].map(([who, input]): Part => ({ ...socketClient(who, input), ready: "prompt" })),
  ];
}

/** What holds for every server that forks. */
function allServed(stage: Stage): Claim[] {
  const printed = stage.stdout("server").split("\n").filter((line) => line.startsWith("Here is the message: "));
  const expected = [...MESSAGES.values()].reverse().map((text) => `Here is the message: ${text}`);
  return [
    ["the server got all three messages, the last client's first", printed.join() === expected.join()],
    [
      "each client got its answer",
      [...MESSAGES.keys()].every((who) => stage.stdout(who) === `${PROMPT}I got your message\n`),
    ],
  ];
}

function zombiesOf(stage: Stage, who: string): number[] {
  return stage.children(who).filter(({ state }) => state === "Z").map(({ pid }) => pid);
}

/** Tells whether the lines come in this order, with others between them perhaps. */
function inOrder(output: string, ...lines: RegExp[]): boolean {
  const found = output.split("\n");
  let at = -1;
  return lines.every((line) => (at = found.findIndex((text, i) => i > at && line.test(text))) >= 0);
}

/** All demos. */
export const DEMOS: readonly Demo[] = [
  {
    name: "cooperating",
    slides: "1",
    title: "Cooperating Processes",
    notice: "Independent processes run in any order. Of the cooperating ones, P2 goes on only with what P1 has sent.",
    parts: [{ who: "program", script: "cooperating_processes.ts", end: 0 }],
    check(stage) {
      const [independent, cooperating] = stage.stdout("program").split("Cooperating processes");
      const steps = (who: string) => [1, 2, 3].map((step) => RegExp(`${who} .*step ${step}`));
      const parts = [1, 2, 3].map((part) => [RegExp(`P1 .*part ${part}`), RegExp(`P2 .*part ${part}`)]);
      return [
        [
          "the independent processes each did their three steps",
          inOrder(independent, ...steps("P1")) && inOrder(independent, ...steps("P2")),
        ],
        ["P2 went on with each part after P1 had made it", parts.every((pair) => inOrder(cooperating ?? "", ...pair))],
      ];
    },
  },
  {
    name: "models",
    slides: "2",
    title: "Models of IPC",
    notice: "The same payload crosses twice. Message passing calls the kernel for every piece; shared memory only " +
      "to set it up.",
    parts: [{ who: "program", script: "ipc_models.ts", end: 0 }],
    check(stage) {
      const [passing, shared] = stage.stdout("program").split("(b)").map((half) => ({
        whole: /B received \d+ bytes, all as sent/.test(half),
        calls: [...half.matchAll(/: (\d+) calls into the kernel/g)].reduce((sum, [, calls]) => sum + Number(calls), 0),
      }));
      return [
        ["B received all of it, both times", passing.whole && shared?.whole === true],
        [
          `${passing.calls} calls by message passing, ${shared?.calls} by shared memory: fewer`,
          shared !== undefined && shared.calls < passing.calls,
        ],
        ["no segment and no queue is left", !stage.littered],
      ];
    },
  },
  {
    name: "posix",
    slides: "3",
    title: "Posix Shared Memory",
    notice: "Make a segment, attach it, write to it as to any memory, detach it.",
    parts: [{ who: "program", script: "posix_shared_memory.ts", end: 0 }],
    check: (stage) => [
      ["it read back what it had written", stage.stdout("program") === "Writing to shared memory\n"],
      ["the segment is gone", !stage.littered],
    ],
  },
  {
    name: "shm",
    slides: "4, 5",
    title: "shm_server.c and shm_client.c",
    notice: "A client without a server finds no segment. The server prints nothing: what the client prints it has " +
      "read from the server's memory. The client's * lets the server end, within a second.",
    uses: [SEGMENT],
    parts: [
      { who: "early", script: "shm_client.ts", end: 1 },
      { who: "server", script: "shm_server.ts", ready: { segment: SEGMENT.key, holds: `${ALPHABET}\0` }, end: 0 },
      { who: "client", script: "shm_client.ts", end: 0 },
    ],
    check: (stage) => [
      ["the early client found no segment", stage.stderr("early") === "shmget: No such file or directory\n"],
      ["the client printed the alphabet", stage.stdout("client") === `${ALPHABET}\n`],
      ["the server printed nothing", stage.stdout("server") + stage.stderr("server") === ""],
      ["the segment is gone", !stage.littered && !stage.exists("segment", SEGMENT.key)],
    ],
  },
  {
    name: "message",
    slides: "6, 7",
    title: "message_send.c and message_rec.c",
    notice: "A receiver without a queue fails. The queue keeps the messages when their senders have ended, and " +
      "hands out the oldest first.",
    uses: [QUEUE],
    parts: [
      { who: "early", script: "message_rec.ts", end: 1 },
      { who: "send 1", script: "message_send.ts", end: 0 },
      { who: "send 2", script: "message_send.ts", args: [QUEUE.holds[1]], end: 0 },
      { who: "rec 1", script: "message_rec.ts", end: 0 },
      { who: "rec 2", script: "message_rec.ts", end: 0 },
    ],
    check: (stage) => [
      ["the early receiver found no queue", stage.stderr("early") === "msgget: No such file or directory\n"],
      [
        "both senders used the same queue",
        /^\nmsgget: Calling msgget\(0x4d2,01666\)\nmsgget: msgget succeeded: msqid = \d+\n$/.test(
          stage.stderr("send 1"),
        ) && stage.stderr("send 1") === stage.stderr("send 2"),
      ],
      [
        "both messages were sent",
        stage.stdout("send 1") === 'Message: "Did you get this?" Sent\n' &&
        stage.stdout("send 2") === 'Message: "Anybody there?" Sent\n',
      ],
      [
        "they were received, the older one first",
        stage.stdout("rec 1") === "Did you get this?\n" && stage.stdout("rec 2") === "Anybody there?\n",
      ],
      ["the queue is gone", !stage.littered && !stage.exists("queue", QUEUE.key)],
    ],
  },
  {
    name: "socket",
    slides: "8, 9",
    title: "Sockets: server with a single connection, and client",
    notice: "socket, bind, listen, accept on one side, socket, connect on the other; then both read and write. " +
      "The server ends after one connection.",
    parts: [socketServer, socketClient("client", "Hello from the client")],
    check: (stage) => [
      ["the server got the message", stage.stdout("server") === "Here is the message: Hello from the client\n\n"],
      ["the client got its answer", stage.stdout("client") === `${PROMPT}I got your message\n`],
    ],
  },
  {
    name: "fork-server",
    slides: "10",
    title: 'Server forking multiple "handler" processes',
    notice: "Three clients are connected at the same time, and the last one is served first. As nobody waits for " +
      "the handlers, each leaves a zombie.",
    parts: threeClients("socket_server_fork.ts"),
    async meanwhile(stage) {
      const handlers = MESSAGES.size;
      await stage.until(`${handlers} zombies`, () => zombiesOf(stage, "server").length === handlers);
      const zombies = zombiesOf(stage, "server");
      stage.note(`/proc: zombies of the server (pid ${stage.pid("server")}): ${zombies.join(", ")}`);
      return [[`${handlers} connections left ${zombies.length} zombies`, zombies.length === handlers]];
    },
    check: allServed,
  },
  {
    name: "zombies",
    slides: "11",
    title: "The return of the zombies, the invasion of the zombies",
    notice: "Children that have ended stay in the process table, in state Z, until their parent asks for their end.",
    parts: [{ who: "program", script: "zombies.ts", end: 0 }],
    check(stage) {
      const [ended, reaped, gone] = stage.stdout("program").split(/^The parent reaps them:$|^Now they are gone:$/m);
      const zombies = [...ended.matchAll(/^ *(\d+) +\d+ Z .*<defunct>$/gm)].map(([, pid]) => pid);
      const waited = [...(reaped ?? "").matchAll(/^wait3\(\) = (\d+), return code: \d+$/gm)].map(([, pid]) => pid);
      return [
        ["it showed three zombies", zombies.length === 3],
        ["wait3 reaped these three", waited.toSorted().join() === zombies.toSorted().join()],
        [
          "they were gone then",
          gone !== undefined && zombies.every((pid) => !RegExp(`^ *${pid} `, "m").test(gone)),
        ],
      ];
    },
  },
  {
    name: "sigchld",
    slides: "12",
    title: "SunOS: catching SIGCHLD and avoiding zombies",
    notice: "A signal tells the parent that a child has ended, and its handler reaps it. The return code is the " +
      "lowest byte of what rand() gave.",
    parts: [{ who: "program", script: "sigchld_wait3.ts", end: 0 }],
    check(stage) {
      const said = /^I'm alive \(temporarily\)\nReturn code: (\d+)\n$/.exec(stage.stdout("program"));
      return [["the child was alive, and the handler got its return code", said !== null && Number(said[1]) < 256]];
    },
  },
  {
    name: "fixed-server",
    slides: "13",
    title: "The forking server with the SIGCHLD handler",
    notice: "The same as fork-server, but the handler of SIGCHLD reaps each child. No zombie is left.",
    parts: threeClients("socket_server_sigchld.ts"),
    async meanwhile(stage) {
      const codes = () => stage.stdout("server").split("\n").filter((line) => line === "Return code: 0").length;
      await stage.until(`${MESSAGES.size} return codes`, () => codes() === MESSAGES.size);
      const children = stage.children("server");
      stage.note(`/proc: children of the server (pid ${stage.pid("server")}): ${children.length || "none"}`);
      return [[`${codes()} handlers were reaped, and no zombie is left`, children.length === 0]];
    },
    check: allServed,
  },
  {
    name: "datagram",
    slides: "14",
    title: "Socket types: datagram",
    notice: "No listen, no accept, no connect: every message goes on its own, with its sender's address.",
    parts: [
      { who: "server", script: "datagram_server.ts", args: ["{udp}"], ready: "udp", end: "stopped" },
      {
        who: "client",
        script: "datagram_client.ts",
        args: ["localhost", "{udp}"],
        prompt: PROMPT,
        input: "Hello in one piece",
        end: 0,
      },
    ],
    check: (stage) => [
      ["the server received the datagram", stage.stdout("server") === "Received a datagram: Hello in one piece\n"],
      ["the client got its answer", stage.stdout("client") === `${PROMPT}Got an ack: Got your message\n`],
    ],
  },
  {
    name: "unix",
    slides: "15",
    title: "Socket address domains: unix",
    notice: "The same calls as between hosts, but the address is a path that both can see.",
    parts: [
      { who: "server", script: "unix_server.ts", args: ["{path}"], ready: "path", end: 0 },
      {
        who: "client",
        script: "unix_client.ts",
        args: ["{path}"],
        prompt: "Please enter your message: ",
        input: "Hello on this machine",
        end: 0,
      },
    ],
    check: (stage) => [
      [
        "the server got the message",
        stage.stdout("server") === "A connection has been established\nHello on this machine\n",
      ],
      ["the client got its answer", stage.stdout("client").endsWith("The return message was\nI got your message\n")],
      ["the path is gone", !stage.pathLeft],
    ],
  },
];
