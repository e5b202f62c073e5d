/**
 * The same exchanges as in `asynchronous.ts` by Deno alone: `Deno.listen` and `Deno.connect` over a unix socket.
 *
 * With a further argument it is the partner: the socket's path.
 *
 * @module
 */
import { Partner } from "./partner.ts";
import { type Job, now, serve } from "./peers.ts";
import { answer, ask, Pipeline } from "./streams.ts";

const bytes = new Uint8Array(1 << 20);

// the end of standard input ends it, as it does the others
Deno.addSignalListener("SIGINT", () => {});

async function partner(path: string): Promise<void> {
  using socket = await Deno.connect({ transport: "unix", path });
  using stream = await Deno.connect({ transport: "unix", path });
  const pipeline = new Pipeline(stream);
  const timed = (job: (size: number, n: number) => Promise<void>): Job => async (size, n) => {
    await job(size, n);
    return 0;
  };
  await serve({
    socket: timed((size, n) => answer(socket, bytes.subarray(0, size), n)),
    stream: timed((size, n) => pipeline.drain(size * n)),
  });
}

async function main(): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/socket`;
  const listener = Deno.listen({ transport: "unix", path });
  const other = new Partner(import.meta.url, [path], () => Deno.exit(1));
  using socket = await listener.accept();
  using stream = await listener.accept();
  listener.close();
  await Deno.remove(directory, { recursive: true });
  const pipeline = new Pipeline(stream);
  await serve({
    socket: async (size, n) => {
      const data = bytes.subarray(0, size);
      await other.order("socket", size, n + 1);
      await ask(socket, data, 1);
      const start = now();
      await ask(socket, data, n);
      return now() - start;
    },
    stream: async (size, n) => {
      await other.order("stream", size, n);
      const start = now();
      await pipeline.pour(bytes.subarray(0, size), n);
      return now() - start;
    },
  });
}

const [path] = Deno.args.slice(2);
await (path ? partner(path) : main());
Deno.exit(0); // a process that was started would be waited for
