/**
 * Exchanges by this library in which both sides wait without blocking their programs, each in a process of its own.
 *
 * With further arguments it is the partner: the ids of two queues and of the semaphores, the sockets' address, and
 * the names of two channels.
 *
 * @module
 */
import { Channel, MessageQueue, SemaphoreSet, Socket } from "../../mod.ts";
import { Partner } from "./partner.ts";
import { type Job, now, serve } from "./peers.ts";
import { answer, ask, Pipeline } from "./streams.ts";

const bytes = new Uint8Array(1 << 20);

/** The set's semaphores: two for the exchange, a lock, and what its holder is told and tells. */
const [PING, PONG, LOCK, STOP, STOPPED] = [0, 1, 2, 3, 4];

/** What whoever holds the lock does with it: a millisecond of work, in which the other comes to wait. */
function work(): void {
  for (const end = now() + 1e6; now() < end;);
}

// the end of standard input ends it, so that nothing is left behind
Deno.addSignalListener("SIGINT", () => {});

async function partner(ids: number[], address: string, names: string[]): Promise<void> {
  const [queue, back] = ids.slice(0, 2).map((id) => MessageQueue.fromId(id));
  const set = SemaphoreSet.fromId(ids[2]);
  const [there, returned] = names.map((name) => Channel.open(name));
  using socket = await Socket.connect(address);
  using stream = await Socket.connect(address);
  const pipeline = new Pipeline(stream);
  const timed = (job: (size: number, n: number) => Promise<void> | void): Job => async (size, n) => {
    await job(size, n);
    return 0;
  };
  await serve({
    queue: timed(async (_size, n) => {
      for (let i = 0; i < n; i++) await back.send((await queue.receive()).data);
    }),
    semaphores: timed(async (_size, n) => {
      for (let i = 0; i < n; i++) {
        await set.acquire(PING);
        set.release(PONG);
      }
    }),
    channel: timed(async (_size, n) => {
      for (let i = 0; i < n; i++) await returned.send((await there.receive())!);
    }),
    socket: timed((size, n) => answer(socket, bytes.subarray(0, size), n)),
    stream: timed((size, n) => pipeline.drain(size * n)),
    // takes again at once: who doesn't wait in the kernel finds the lock taken nearly always
    hold: timed(() => {
      const limit = now() + 20e9; // nobody may be there any more to stop it
      do {
        set.acquireSync(LOCK);
        work();
        set.release(LOCK);
      } while (!set.tryAcquire(STOP) && now() < limit);
      set.release(STOPPED);
    }),
  });
}

async function main(): Promise<void> {
  using queue = MessageQueue.create();
  using back = MessageQueue.create();
  using set = SemaphoreSet.create([0, 0, 1, 0, 0]);
  const address = `@ipc_playground_bench_${Deno.pid}`;
  using listener = Socket.listen(address);
  const names = ["there", "back"].map((way) => `/ipc_playground_${Deno.pid}_${way}`);
  using there = Channel.create(names[0]);
  using returned = Channel.create(names[1]);
  const giveUp = () => {
    for (const object of [queue, back, set]) object.remove(); // and the partner finds that out
    for (const channel of [there, returned]) channel.close();
    Deno.exit(1);
  };
  Deno.addSignalListener("SIGTERM", giveUp);
  const other = new Partner(import.meta.url, [queue.id, back.id, set.id, address, ...names].map(String), giveUp);
  using socket = await listener.accept();
  using stream = await listener.accept();
  const pipeline = new Pipeline(stream);

  /** Times `n` turns, after one that wakes the partner. */
  const timed = (job: string, turns: (size: number, n: number) => Promise<void>): Job => async (size, n) => {
    await other.order(job, size, n + 1);
    await turns(size, 1);
    const start = now();
    await turns(size, n);
    return now() - start;
  };

  /** How long a turn takes that one gets beside another process, which holds the lock whenever it can. */
  const beside = (wait: (end: number) => Promise<number>): Job => async (milliseconds) => {
    await other.order("hold", 0, 1);
    while (set.getValue(LOCK) === 1) await new Promise((resolve) => setTimeout(resolve, 1));
    const turns = await wait(now() + milliseconds * 1e6);
    set.release(STOP);
    await set.acquire(STOPPED);
    return milliseconds * 1e6 / Math.max(1, turns); // none counts as one, as there is no endless time
  };

  await serve({
    queue: timed("queue", async (size, n) => {
      const data = bytes.subarray(0, size);
      for (let i = 0; i < n; i++) {
        await queue.send(data);
        await back.receive();
      }
    }),
    semaphores: timed("semaphores", async (_size, n) => {
      for (let i = 0; i < n; i++) {
        set.release(PING);
        await set.acquire(PONG);
      }
    }),
    channel: timed("channel", async (size, n) => {
      const data = bytes.subarray(0, size);
      for (let i = 0; i < n; i++) {
        await there.send(data);
        await returned.receive();
      }
    }),
    socket: timed("socket", (size, n) => ask(socket, bytes.subarray(0, size), n)),
    // all at once, as the partner answers at the end
    stream: async (size, n) => {
      await other.order("stream", size, n);
      const start = now();
      await pipeline.pour(bytes.subarray(0, size), n);
      return now() - start;
    },
    waits: beside(async (end) => {
      const over = new AbortController();
      const timer = setTimeout(() => over.abort(), (end - now()) / 1e6);
      let turns = 0;
      try {
        for (; now() < end; turns++) {
          await set.acquire(LOCK, { signal: over.signal });
          work();
          set.release(LOCK);
        }
      } catch (error) {
        if (!over.signal.aborted) throw error;
      }
      clearTimeout(timer);
      return turns;
    }),
    // deno-lint-ignore require-await -- as the other
    blocks: beside(async (end) => {
      let turns = 0;
      for (; now() < end; turns++) {
        set.acquireSync(LOCK);
        work();
        set.release(LOCK);
      }
      return turns;
    }),
  });
}

const [queue, back, set, address, ...names] = Deno.args.slice(2);
await (address ? partner([queue, back, set].map(Number), address, names) : main());
Deno.exit(0); // a process that was started would be waited for
