import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Fifo } from "../../../mod.ts";
import { fails, file, Program, rejects, run } from "../../support.ts";

Deno.test("Fifo: a shell writes, a shell reads, and its path goes", async () => {
  const path = `${Deno.makeTempDirSync()}/fifo`;
  {
    using fifo = Fifo.create(path);
    fails("EEXIST", () => Fifo.create(path));
    using _taken = Fifo.create(path, { exclusive: false });
    fails("ETIMEDOUT", () => fifo.openWriterSync({ timeout: 5 }));
    await assertRejects(() => fifo.openWriter({ signal: AbortSignal.timeout(5) }), DOMException);
    {
      using reader = await Fifo.open(path).openReader();
      const buffer = new Uint8Array(64);
      fails("ETIMEDOUT", () => reader.readSync(buffer, { timeout: 5 })); // nobody has written yet
      const reading = reader.read(buffer);
      await run("sh", ["-c", 'echo hello > "$0"', path]);
      assertEquals(await reading, 6);
      assertEquals(await reader.read(buffer), null);
    }
    const cat = run("cat", [path]);
    {
      using writer = await fifo.openWriter();
      await writer.write("to you");
    }
    assertEquals((await cat).stdout, "to you");
    assert(Deno.lstatSync(path).isFifo);
  }
  assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
  fails("ENOENT", () => Fifo.open(path));
  fails("EINVAL", () => Fifo.open("/dev/null"));
  fails("EINVAL", () => Fifo.create(path, { mode: 0o1000 }));
  Deno.removeSync(path.slice(0, -5));
});

Deno.test("Fifo: an end that is gone", async () => {
  const path = `${Deno.makeTempDirSync()}/fifo`;
  using fifo = Fifo.create(path);
  const reader = fifo.openReaderSync();
  using writer = fifo.openWriterSync();
  reader.close();
  await rejects("EPIPE", writer.write("x"));
  fifo.close();
  Deno.removeSync(path.slice(0, -5));
});

Deno.test("Fifo: a signal removes its path, also one that was relative, from wherever the program is by then", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    using program = file(`import { Fifo, removeOnSignals } from "@mod";
      removeOnSignals();
      Deno.chdir(Deno.args[0]);
      using fifo = Fifo.create("relative");
      Deno.chdir("/");
      console.log(fifo.path);
      await fifo.openWriter();`);
    await using running = new Program(Deno.execPath(), ["run", "-A", "--no-check", program.path, directory]);
    await running.until("/relative\n");
    assert(Deno.lstatSync(`${directory}/relative`).isFifo);
    running.kill("SIGTERM");
    const { signal, stdout } = await running.end();
    assertEquals([signal, stdout], ["SIGTERM", `${Deno.realPathSync(directory)}/relative\n`]);
    assertEquals([...Deno.readDirSync(directory)], []);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
