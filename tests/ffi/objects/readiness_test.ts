import { assertEquals } from "@std/assert";
import { close, pipe, read, write } from "../../../ffi/libc/unistd.ts";
import { readable, writable } from "../../../ffi/objects/readiness.ts";
import { rejects } from "../../support.ts";

Deno.test("readable() and writable() wait until there is something to read, or room", async () => {
  const [reader, writer] = pipe();
  await writable(writer);
  const waiting = readable(reader);
  write(writer, "hello");
  await waiting;
  assertEquals(read(reader, new Uint8Array(80)), 5);
  close(reader);
  close(writer);
});

Deno.test("readable() is rejected with the signal's reason when it is aborted", async () => {
  const [reader, writer] = pipe();
  const stop = new AbortController();
  const waiting = readable(reader, { signal: stop.signal });
  stop.abort("enough");
  assertEquals(await waiting.catch((reason) => reason), "enough");
  close(reader);
  close(writer);
});

Deno.test("readable() is rejected with EBADF when the descriptor is closed", async () => {
  const [reader, writer] = pipe();
  const waiting = readable(reader);
  setTimeout(() => close(reader), 5);
  await rejects("EBADF", waiting);
  close(writer);
  await rejects("EBADF", readable(reader));
});
