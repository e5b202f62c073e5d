/**
 * What the contestants written in TypeScript share: the protocol, and a place on the machine.
 *
 * @module
 */

/** One measured loop: `n` turns with `size` bytes. It gives the nanoseconds that they took. */
export type Job = (size: number, n: number) => number | Promise<number>;

/** A clock in nanoseconds. */
export function now(): number {
  return performance.now() * 1e6;
}

const libc = Deno.dlopen("libc.so.6", {
  sched_setaffinity: { parameters: ["i32", "usize", "buffer"], result: "i32" },
});

/** Keeps the calling thread, which is the one that runs the program, on one processor. */
export function pin(cpu: number): void {
  if (cpu < 0) return;
  const mask = new Uint8Array(128);
  mask[cpu >> 3] = 1 << (cpu & 7);
  libc.symbols.sched_setaffinity(0, 128n, mask);
}

/** Which processors to use, from the command line: our own, and the partner's; −1 for any. */
export const [cpu, partnerCpu]: number[] = Deno.args.map(Number);

/** Reads lines `job size n` until there are no more, and answers each with the nanoseconds that it took, or `-`. */
export async function serve(jobs: Record<string, Job>): Promise<void> {
  pin(cpu);
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const [job, size, n] = line.split(" ");
      const answer = Object.hasOwn(jobs, job) ? String(Math.round(await jobs[job](Number(size), Number(n)))) : "-";
      Deno.stdout.writeSync(new TextEncoder().encode(`${answer}\n`));
    }
  }
}
