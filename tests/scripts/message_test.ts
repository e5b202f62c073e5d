import { assertEquals } from "@std/assert";
import { free } from "../_peers.ts";
import { needs } from "../needs.ts";
import { compiler, launch, objects, pairings, removeObject, run, sides, start, waitsIn } from "../support.ts";

const KEY = 1234;
const TEXT = "Did you get this?";
const silent = { code: 0, signal: null, stdout: "", stderr: "" };

const queue = () => objects("msg").find(({ key }) => key === KEY);
const unused = free("msg", KEY);

/** What the sender prints on standard error. */
const talk = (id: number) => `\nmsgget: Calling msgget(0x4d2,01666)\nmsgget: msgget succeeded: msqid = ${id}\n`;

/** How many messages and bytes wait in the queue. */
function waiting(): { messages: number; bytes: number } {
  const row = Deno.readTextFileSync("/proc/sysvipc/msg").split("\n").find((line) => Number(line.slice(0, 10)) === KEY)!;
  const [, , , bytes, messages] = row.trim().split(/\s+/).map(Number);
  return { messages, bytes };
}

async function perl(code: string): Promise<string> {
  const { code: status, stdout, stderr } = await run("perl", ["-e", code, String(queue()?.id)]);
  assertEquals(status, 0, stderr);
  return stdout;
}

for (const [from, to] of pairings) {
  needs(...compiler(from, to), unused)(
    `message_send (${from}) leaves a message that message_rec (${to}) takes`,
    async () => {
      try {
        await using sender = await launch(from, "message_send");
        const sent = await sender.end();
        const { id } = queue()!;
        assertEquals(sent, { ...silent, stdout: `Message: "${TEXT}" Sent\n`, stderr: talk(id) });
        assertEquals(waiting(), { messages: 1, bytes: TEXT.length + 1 });
        await using receiver = await launch(to, "message_rec");
        assertEquals(await receiver.end(), { ...silent, stdout: `${TEXT}\n` });
        assertEquals(queue() === undefined, to === "TypeScript", "only the script removes the queue");
      } finally {
        removeObject("msg", KEY);
      }
    },
  );

  needs(...compiler(from, to), "perl", unused)(`message_rec (${to}) waits for message_send (${from})`, async () => {
    await perl(`defined(msgget(${KEY}, 0666 | 01000)) or die $!`);
    try {
      await using receiver = await launch(to, "message_rec");
      await receiver.ready(() => waitsIn(receiver.pid, 70, 188), "the receiver waits in msgrcv()");
      await using sender = await launch(from, "message_send");
      await sender.end();
      assertEquals(await receiver.end(), { ...silent, stdout: `${TEXT}\n` });
    } finally {
      removeObject("msg", KEY);
    }
  });
}

for (const side of sides) {
  needs(...compiler(side), unused)(`message_rec (${side}) without a queue says so and exits with 1`, async () => {
    await using receiver = await launch(side, "message_rec");
    assertEquals(await receiver.end(), { ...silent, code: 1, stderr: "msgget: No such file or directory\n" });
  });

  needs(...compiler(side), "perl", unused)(
    `message_rec (${side}) says so when the queue is removed under it`,
    async () => {
      await perl(`defined(msgget(${KEY}, 0666 | 01000)) or die $!`);
      try {
        await using receiver = await launch(side, "message_rec");
        await receiver.ready(() => waitsIn(receiver.pid, 70, 188), "the receiver waits in msgrcv()");
        removeObject("msg", KEY);
        assertEquals(await receiver.end(), { ...silent, code: 1, stderr: "msgrcv: Identifier removed\n" });
      } finally {
        removeObject("msg", KEY);
      }
    },
  );

  needs(...compiler(side), "perl", unused)(
    `message_send (${side}) does not wait for room in a full queue`,
    async () => {
      // as many messages without text as the queue may hold bytes: the kernel counts both
      await perl(`$id = msgget(${KEY}, 0666 | 01000); defined($id) or die $!;
        $text = "x" x 8000; 1 while msgsnd($id, pack("l! a*", 2, $text), 04000) || ($text = substr($text, 0, length($text) / 2));`);
      const { id } = queue()!;
      try {
        await using sender = await launch(side, "message_send");
        assertEquals(await sender.end(), {
          ...silent,
          code: 1,
          stdout: `${id}, 1, ${TEXT}, 18\n`,
          stderr: talk(id) + "msgsnd: Resource temporarily unavailable\n",
        });
      } finally {
        removeObject("msg", KEY);
      }
    },
  );

  needs(...compiler(side), "perl", unused)(
    `message_rec (${side}) takes type 1 and leaves the rest, and so the queue`,
    async () => {
      await perl(`$id = msgget(${KEY}, 0666 | 01000); defined($id) or die $!;
        for (2, 1) { msgsnd($id, pack("l! a*", $_, "type $_\\0"), 0) or die $! }`);
      try {
        await using receiver = await launch(side, "message_rec");
        assertEquals(await receiver.end(), { ...silent, stdout: "type 1\n" });
        assertEquals(waiting(), { messages: 1, bytes: 7 });
      } finally {
        removeObject("msg", KEY);
      }
    },
  );

  needs(...compiler(side), "perl", unused)(
    `message_rec (${side}) refuses a message above 128 bytes and leaves it there`,
    async () => {
      await perl(`$id = msgget(${KEY}, 0666 | 01000); defined($id) or die $!;
        msgsnd($id, pack("l! a*", 1, "x" x 129), 0) or die $!`);
      try {
        await using receiver = await launch(side, "message_rec");
        assertEquals(await receiver.end(), { ...silent, code: 1, stderr: "msgrcv: Argument list too long\n" });
        assertEquals(waiting(), { messages: 1, bytes: 129 });
      } finally {
        removeObject("msg", KEY);
      }
    },
  );
}

for (const text of ["Anybody there?", "", "Grüße, 世界", "100% %s"]) {
  needs(unused)(`message_send.ts sends another text: ${JSON.stringify(text)}`, async () => {
    try {
      await using sender = start("message_send.ts", [text]);
      const sent = await sender.end();
      assertEquals(sent, { ...silent, stdout: `Message: "${text}" Sent\n`, stderr: talk(queue()!.id) });
      assertEquals(waiting(), { messages: 1, bytes: new TextEncoder().encode(text).length + 1 });
      await using receiver = start("message_rec.ts");
      assertEquals(await receiver.end(), { ...silent, stdout: text + "\n" });
    } finally {
      removeObject("msg", KEY);
    }
  });
}

needs(unused)(
  "message_send.ts takes a text that just fits, and refuses a longer one before it makes a queue",
  async () => {
    try {
      await using long = start("message_send.ts", ["ß".repeat(64)]);
      assertEquals(await long.end(), { ...silent, code: 1, stderr: "ERROR, the text has more than 127 bytes\n" });
      assertEquals(queue(), undefined);
      await using sender = start("message_send.ts", ["ß".repeat(63) + "s"]);
      assertEquals((await sender.end()).code, 0);
      await using receiver = start("message_rec.ts");
      assertEquals(await receiver.end(), { ...silent, stdout: "ß".repeat(63) + "s\n" });
    } finally {
      removeObject("msg", KEY);
    }
  },
);
