import { assert, assertEquals } from "@std/assert";
import { Frame, Header, READER, VERSION, WRITER } from "../../../ffi/channel/layout.ts";
import { Channel, type LibcError } from "../../../mod.ts";
import { needs } from "../../needs.ts";
import { compile, fails, file, mod, process, Program, root, run, until } from "../../support.ts";

const HEADER = `${root}ffi/channel/ipc_channel.h`;
const PYTHON = `${root}ffi/channel/ipc_channel.py`;
const FLAGS = ["-Wextra", "-Werror", "-O2", "-std=gnu11", "-pthread"];
const FIXED = 8; // bytes of a message before those that follow from its number

/** A name that nobody else has, and by which the census knows whose it is. */
const fresh = () => `/ipc_playground_${Deno.pid}_${crypto.randomUUID()}`;

const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
let compiled: Promise<string> | undefined;

/** Starts the peer in C, compiled when it is first asked for. */
async function peer(...args: string[]): Promise<Program> {
  const source = Deno.readTextFileSync(`${root}tests/c/channel_peer.c`);
  const program = `${directory}/channel_peer`;
  await (compiled ??= compile(source, program, "cc", "-I", `${root}tests/c`, ...FLAGS).then(() => program));
  return new Program(program, args);
}

/** A message as the peer makes it. */
function made(sender: number, number: number, size: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(FIXED + number % (size - 7));
  new Uint32Array(data.buffer, 0, 2).set([sender, number]);
  for (let i = FIXED; i < data.length; i++) data[i] = number + i;
  return data;
}

/** Whose message it is, and which; it has to be one that the peer has made. */
function read(data: Uint8Array<ArrayBuffer>): { sender: number; number: number } {
  const [sender, number] = new Uint32Array(data.buffer, 0, 2);
  for (let i = FIXED; i < data.length; i++) assertEquals(data[i], (number + i) & 0xff);
  return { sender, number };
}

needs("cc")("the bytes of a channel are those of the header for C", async () => {
  const members = Object.entries(Header.offsets).map(([name, at]) => {
    const inC = { readersSleep: "readers_sleep", writersSleep: "writers_sleep" } as Record<string, string>;
    const locks = { readersLock: "readers_lock", writersLock: "writers_lock" } as Record<string, string>;
    return `_Static_assert(offsetof(struct ipc_channel_header, ${inC[name] ?? locks[name] ?? name}) == ${at}, "");`;
  });
  const source = `#include "${HEADER}"
    ${members.join("\n")}
    _Static_assert(sizeof(struct ipc_channel_header) == ${Header.size}, "");
    _Static_assert(sizeof(struct ipc_channel_frame) == ${Frame.size}, "");
    _Static_assert(offsetof(struct ipc_channel_frame, filler) == ${Frame.offsets.filler}, "");
    _Static_assert(IPC_CHANNEL_VERSION == ${VERSION}, "");
    _Static_assert(IPC_CHANNEL_WRITER == ${WRITER} && IPC_CHANNEL_READER == ${READER}, "");`;
  await compile(source, "/dev/null", "cc", "-c", ...FLAGS, "-D_GNU_SOURCE");
});

needs("cc")("the programs in the header's comment are a writer and a reader", async () => {
  const text = Deno.readTextFileSync(HEADER);
  const rows = text.slice(0, text.indexOf("THE BYTES")).split("\n").filter((line) => line.startsWith(" *     "));
  const [writer, reader] = [[7, 58], [58, 200]].map(([from, to]) => rows.map((row) => row.slice(from, to)).join("\n"));
  for (const [name, source] of [["writer", writer], ["reader", reader]]) {
    await compile(source, `${directory}/${name}`, "cc", "-I", `${root}ffi/channel`, "-std=gnu11");
  }
  const name = fresh();
  using _channel = Channel.create(name, { capacity: 1024 });
  assertEquals(await run(`${directory}/writer`, [name]), { code: 0, signal: null, stdout: "", stderr: "" });
  assertEquals(await run(`${directory}/reader`, [name]), { code: 0, signal: null, stdout: "hello\n", stderr: "" });
});

needs("cc")("a writer whose first thread has ended goes on with its others, and has not died", async () => {
  const source = `#include "${HEADER}"
    #include <fcntl.h>
    #include <sys/mman.h>
    static ipc_channel ch;
    static void *work(void *unused)
    {
        ipc_channel_send(&ch, "x", 1, -1);
        (void) getchar();
        ipc_channel_send(&ch, "y", 1, -1);
        ipc_channel_close(&ch);
        return unused;
    }
    int main(int argc, char *argv[])
    {
        int fd = shm_open(argv[argc - 1], O_RDWR, 0);
        void *at = mmap(NULL, ipc_channel_size(64), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        pthread_t thread;
        if (ipc_channel_open(&ch, at, ipc_channel_size(64)) || pthread_create(&thread, NULL, work, NULL))
            return 1;
        pthread_exit(NULL);
    }`;
  await compile(source, `${directory}/threads`, "cc", ...FLAGS, "-D_GNU_SOURCE");
  const name = fresh();
  using channel = Channel.create(name, { capacity: 64 });
  await using program = new Program(`${directory}/threads`, [name], { stdin: "open" });
  const text = new TextDecoder();
  assertEquals(text.decode((await channel.receive())!), "x");
  await until(() => process(program.pid)?.state === "Z", "its first thread has ended");
  fails("ETIMEDOUT", () => channel.receiveSync({ timeout: 250 }));
  await program.type("\n");
  assertEquals(text.decode((await channel.receive())!), "y");
  assertEquals(await channel.receive(), null);
  assertEquals((await program.end()).code, 0);
});

needs("cc")("messages of all sizes go from here to C and back, around the ring, waiting in all ways", async () => {
  const [there, back] = [fresh(), fresh()];
  using out = Channel.create(there, { capacity: 1024 });
  using into = Channel.create(back, { capacity: 512 });
  await using echo = await peer(there, "echo", back);
  const size = 240;
  const count = 2000;
  const sending = (async () => {
    for (let i = 0; i < count; i++) await out.send(made(1, i, size));
  })();
  for (let i = 0; i < count; i++) assertEquals(await into.receive(), made(1, i, size));
  await sending;
  for (let i = 0; i < count; i++) {
    out.sendSync(made(2, i, size));
    assertEquals(into.receiveSync(), made(2, i, size));
  }
  assertEquals([out.sent, out.received, into.sent, into.received], [2 * count, 2 * count, 2 * count, 2 * count]);
  assertEquals(out.readers, [echo.pid]);
  out.close();
  assertEquals(await into.receive(), null, "it has left as well");
  assertEquals((await echo.end()).code, 0);
});

needs("cc")(
  "a channel that C has made, with many writers in both languages: each message once, in each one's order",
  async () => {
    const name = fresh();
    assertEquals((await (await peer(name, "create", "4096", String(WRITER))).end()).code, 0);
    try {
      using channel = Channel.open(name, { endless: true });
      using program = file(`import { Channel } from "@mod";
      const [name, sender, count] = [Deno.args[0], Number(Deno.args[1]), Number(Deno.args[2])];
      using channel = Channel.open(name);
      for (let i = 0; i < count; i++) {
        const data = new Uint8Array(8 + i % 93);
        new Uint32Array(data.buffer, 0, 2).set([sender, i]);
        for (let k = 8; k < data.length; k++) data[k] = i + k;
        if (i % 2) channel.sendSync(data);
        else await channel.send(data);
      }`);
      const count = 1500;
      await using stack = new AsyncDisposableStack();
      const writers = [0, 1, 2, 3].map(async (sender) =>
        stack.use(
          sender % 2
            ? await peer(name, "send", String(sender), "0", String(count), "100")
            : new Program(Deno.execPath(), [
              "run",
              "-A",
              "--no-check",
              program.path,
              name,
              String(sender),
              String(count),
            ]),
        )
      );
      const next = [0, 0, 0, 0];
      for (let i = 0; i < 4 * count; i++) {
        const { sender, number } = read((await channel.receive())!);
        assertEquals(number, next[sender]++);
      }
      for (const writer of writers) {
        assertEquals(await (await writer).end(), {
          code: 0,
          signal: null,
          stdout: "",
          stderr: "",
        });
      }
      assertEquals([next, channel.tryReceive(), channel.sent], [[count, count, count, count], null, 4 * count]);
    } finally {
      Deno.removeSync(`/dev/shm${name}`);
    }
  },
);

needs("cc")(
  "a writer in C that is killed at any moment: all that it sent comes, in order, and its death is told once",
  async () => {
    for (const writers of ["one", "many"] as const) {
      const name = fresh();
      using channel = Channel.create(name, { capacity: 4096, writers, endless: true });
      let next = 0;
      for (let round = 0; round < 10; round++) {
        await using writer = await peer(name, "send", "7", String(next), "4000000000", "60");
        const until = next + 1 + Math.floor(Math.random() * 3000);
        let deaths = 0;
        for (let killed = false; deaths === 0;) {
          try {
            const message = channel.tryReceive() ?? await channel.receive();
            assertEquals(read(message!), { sender: 7, number: next++ });
          } catch (error) {
            assertEquals((error as LibcError).code, "EOWNERDEAD");
            deaths++;
          }
          if (next >= until && !killed) {
            Deno.kill(writer.pid, "SIGKILL");
            killed = true;
          }
        }
        await writer.end();
        const more = channel.receive({ signal: AbortSignal.timeout(20) });
        assertEquals(await more.catch(({ name }) => name), "TimeoutError", "no second death, and no end");
        assertEquals([channel.writers, channel.used], [[], 0]);
      }
    }
  },
);

needs("cc")(
  "a reader in C that is killed: nothing is lost but what it may have had in its hands, and the next goes on",
  async () => {
    const name = fresh();
    using channel = Channel.create(name, { capacity: 1024, endless: true });
    let sent = 0;
    let next = 0;
    for (let round = 0; round < 5; round++) {
      await using reader = await peer(name, "receive");
      const until = sent + 500;
      let killed = false;
      for (let told = false; !told;) {
        try {
          await channel.send(made(3, sent, 60));
          sent++;
        } catch (error) {
          assertEquals((error as LibcError).code, "EOWNERDEAD");
          told = true;
        }
        if (sent >= until && !killed) {
          Deno.kill(reader.pid, "SIGKILL");
          killed = true;
        }
      }
      const { stdout } = await reader.end();
      const numbers = stdout.split("\n").slice(0, -1).map((line) => Number(line.split(" ")[1]));
      // who was killed may have taken one that it could not print any more
      assert(numbers[0] === next || round > 0 && numbers[0] === next + 1, `${numbers[0]} after ${next}, ${round}`);
      for (const [i, number] of numbers.entries()) assertEquals(number, numbers[0] + i);
      next = numbers[0] + numbers.length;
    }
    assert(next <= sent);
  },
);

needs("cc")("C is told of the end, and of a killed writer", async () => {
  const name = fresh();
  using channel = Channel.create(name, { capacity: 1024 });
  await using reader = await peer(name, "receive");
  const writes = (end: string) =>
    file(`import { Channel } from "@mod";
      using channel = Channel.open(Deno.args[0]);
      const data = new Uint8Array(8);
      new Uint32Array(data.buffer).set([5, Number(Deno.args[1])]);
      channel.sendSync(data);
      ${end}`);
  using killed = writes(`console.log("sent"); await new Promise((resolve) => setTimeout(resolve, 1e9));`);
  using ends = writes("");
  {
    await using writer = new Program(Deno.execPath(), ["run", "-A", "--no-check", killed.path, name, "0"]);
    await writer.until("sent");
    Deno.kill(writer.pid, "SIGKILL");
    await writer.end();
    await reader.until("Owner died");
  }
  // with no writer left, that is the end, unless the next one comes first
  const { code } = await run(Deno.execPath(), ["run", "-A", "--no-check", ends.path, name, "1"]);
  assertEquals(code, 0);
  const { stdout } = await reader.end();
  assert(stdout.startsWith("5 0 8\nOwner died\n") && stdout.endsWith("end\n"), stdout);
  assertEquals(channel.closed, false);
});

needs("python3")("Python reads what is sent here, of all sizes, and is told of the end", async () => {
  const name = fresh();
  using channel = Channel.create(name, { capacity: 1024, writers: "many" });
  await using reader = new Program("python3", [PYTHON, name]);
  const texts = Array.from({ length: 500 }, (_, i) => `${i} ${"x".repeat(i)}`);
  for (const text of texts) await channel.send(text);
  assertEquals(channel.readers, [reader.pid]);
  channel.close();
  assertEquals(await reader.end(), { code: 0, signal: null, stdout: texts.join("\n") + "\n", stderr: "" });
});

needs("python3")("Python is told of a killed writer once, and reads on", async () => {
  const name = fresh();
  using channel = Channel.create(name, { capacity: 1024 });
  using program = file(`import { Channel } from ${JSON.stringify(mod)};
    const channel = Channel.open(Deno.args[0]);
    channel.sendSync("from one who is killed");
    console.log("sent");
    await new Promise((resolve) => setTimeout(resolve, 1e9));`);
  await using writer = new Program(Deno.execPath(), ["run", "-A", "--no-check", program.path, name]);
  await writer.until("sent");
  const script = `import sys; sys.path.insert(0, ${JSON.stringify(`${root}ffi/channel`)})
from ipc_channel import OwnerDied, Reader
with Reader(sys.argv[1]) as reader:
    print(reader.receive().decode(), flush=True)
    try:
        reader.receive()
    except OwnerDied as error:
        print(error.strerror, flush=True)
    while (message := reader.receive(60)) is None: pass
    print(message.decode())
    print(reader.receive())`;
  await using reader = new Program("python3", ["-c", script, name], { env: { PYTHONDONTWRITEBYTECODE: "1" } });
  await reader.until("from one who is killed");
  Deno.kill(writer.pid, "SIGKILL");
  await writer.end();
  await reader.until("has ended without closing");
  channel.sendSync("from another");
  await reader.until("from another");
  channel.close();
  const { code, stdout, stderr } = await reader.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.split("\n"), [
    "from one who is killed",
    `the writer, process ${writer.pid}, has ended without closing`,
    "from another",
    "None",
    "",
  ]);
});
