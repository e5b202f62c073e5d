/**
 * What a process that waits costs: its threads' time on processors, and how often they were woken.
 *
 * @module
 */
const here = new URL("./", import.meta.url).pathname;

/** So far, in all of its threads. */
interface Usage {
  nanoseconds: number;
  wakes: number;
}

const counted = hasFile("/proc/self/schedstat");

function hasFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function usage(pid: number): Usage {
  const sum: Usage = { nanoseconds: counted ? 0 : NaN, wakes: 0 };
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const read = (file: string) => Deno.readTextFileSync(`/proc/${pid}/task/${name}/${file}`);
    try {
      if (counted) sum.nanoseconds += Number(read("schedstat").split(" ")[0]);
      sum.wakes += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(read("status"))![1]);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // a thread that has ended meanwhile
    }
  }
  return sum;
}

/** What a process used while it was watched. */
export interface Rest {
  /** Of one processor, in percent; NaN where the kernel doesn't count so closely. */
  load: number;
  /** Wake-ups per second. */
  wakes: number;
}

const delay = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Watches a process in which many wait. */
async function watch(kind: string, count: number, milliseconds: number): Promise<Rest> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", `${here}waiters.ts`, kind, String(count)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  try {
    const { done } = await reader.read();
    if (done) throw new Error(`${kind} ended before anybody waited`);
    await delay(milliseconds / 2); // what has been started comes to rest
    const start = performance.now();
    const before = usage(child.pid);
    await delay(milliseconds);
    const after = usage(child.pid);
    const seconds = (performance.now() - start) / 1e3;
    return {
      load: Math.max(0, after.nanoseconds - before.nanoseconds) / 1e7 / seconds,
      wakes: Math.max(0, after.wakes - before.wakes) / seconds,
    };
  } finally {
    await child.stdin.close();
    await child.status;
    await reader.cancel();
  }
}

/** Watches several at the same time. */
export async function watchAll<K extends string>(
  kinds: readonly K[],
  count: number,
  milliseconds: number,
): Promise<Record<K, Rest>> {
  const pairs = await Promise.all(kinds.map(async (kind) => [kind, await watch(kind, count, milliseconds)] as const));
  return Object.fromEntries(pairs) as Record<K, Rest>;
}
