import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  close,
  dup,
  F_GETFD,
  fcntl,
  FD_CLOEXEC,
  O_RDONLY,
  open,
  Pipe,
  PipeReader,
  PipeWriter,
  Process,
} from "../../../mod.ts";
import { fails, inChild, rejects } from "../../support.ts";

Deno.test("Pipe: more than it holds goes through, and then it ends", async () => {
  using pipe = Pipe.create();
  const sent = crypto.getRandomValues(new Uint8Array(1 << 16));
  const written = (async () => {
    for (let i = 0; i < 4; i++) await pipe.writer.write(sent);
    await pipe.writer.write("é");
    pipe.writer.close();
  })();
  const got: number[] = [];
  const buffer = new Uint8Array(5000);
  for (let n; (n = await pipe.reader.read(buffer)) !== null;) got.push(...buffer.subarray(0, n));
  await written;
  assertEquals(got.length, 4 * sent.length + 2);
  assertEquals(got.slice(3 * sent.length), [...sent, 0xc3, 0xa9]);
});

Deno.test("Pipe: limits, ends that are closed, and what is no pipe", async () => {
  using pipe = Pipe.create();
  const buffer = new Uint8Array(8);
  fails("ETIMEDOUT", () => pipe.reader.readSync(buffer, { timeout: 5 }));
  await assertRejects(() => pipe.reader.read(buffer, { signal: AbortSignal.timeout(5) }), DOMException);
  fails("ETIMEDOUT", () => pipe.writer.writeSync(new Uint8Array(pipe.writer.capacity + 1), { timeout: 5 }));
  pipe.writer.capacity = 1 << 17;
  assert(pipe.reader.capacity >= 1 << 17);
  using other = Pipe.create();
  const waiting = rejects("EBADF", other.reader.read(buffer));
  await new Promise((resolve) => setTimeout(resolve, 5));
  other.reader.close();
  using next = Pipe.create();
  next.writer.writeSync("not for them");
  await waiting;
  await rejects("EPIPE", other.writer.write("x"));
  fails("EPIPE", () => other.writer.writeSync("x"));
  fails("EBADF", () => other.reader.readSync(buffer));
  await rejects("EBADF", other.reader.read(buffer));
  fails("EBADF", () => PipeWriter.fromFd(-1));
  const fd = open("/dev/null", O_RDONLY);
  fails("EINVAL", () => PipeReader.fromFd(fd));
  close(fd);
});

Deno.test("Pipe: what a forked child writes; ends that are taken over, and inherited", async () => {
  using pipe = Pipe.create();
  inChild(() => {
    pipe.reader.close();
    pipe.writer.writeSync("from a child");
  });
  const buffer = new Uint8Array(64);
  assertEquals(await pipe.reader.read(buffer), 12);
  using other = PipeWriter.fromFd(dup(pipe.writer.fd));
  pipe.writer.close();
  await other.write("still open");
  assertEquals(pipe.reader.readSync(buffer), 10);
  other.close();
  assertEquals(await pipe.reader.read(buffer), null);
  const closes = (of: Pipe) => [of.reader, of.writer].map(({ fd }) => fcntl(fd, F_GETFD) & FD_CLOEXEC);
  using own = Pipe.create();
  using shared = Pipe.create({ inherited: true });
  assertEquals([closes(own), closes(shared)], [[FD_CLOEXEC, FD_CLOEXEC], [0, 0]]);
  const script = `echo from a program > /proc/self/fd/${shared.writer.fd}`; // some shells know no numbers above 9
  using program = Process.spawn("sh", { args: ["-c", script] });
  assertEquals(String(program.statusSync()), "exited with 0");
  assertEquals(shared.reader.readSync(buffer), 15);
  assertEquals(Deno.inspect(own.reader), `PipeReader { fd: ${own.reader.fd} }`);
});

Deno.test("Pipe: both ends as streams", async () => {
  using pipe = Pipe.create();
  const text = "all of it, ".repeat(20_000);
  const [got] = await Promise.all([
    new Response(pipe.reader.readable).text(),
    ReadableStream.from([text.slice(0, 100_000), text.slice(100_000)]).pipeTo(pipe.writer.writable),
  ]);
  assertEquals(got, text);
  assertEquals(pipe.writer.fd, -1);
  using other = Pipe.create();
  await other.reader.readable.cancel();
  const { writable } = other.writer;
  const writer = writable.getWriter();
  await writer.write("x");
  other.reader.close();
  assertEquals(await writer.write("y").catch(({ code }) => code), "EPIPE");
});
