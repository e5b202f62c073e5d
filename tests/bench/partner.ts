/**
 * A second process for programs that wait without blocking: it runs the same file, and is told its jobs by a pipe.
 *
 * @module
 */

/** The other side of an exchange. */
export class Partner {
  readonly #orders: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;

  /**
   * Starts it.
   *
   * @param module The file that it runs.
   * @param args What it has to know, after the two processors.
   * @param failed Called when it ends by itself: whoever waits for it would do so for ever.
   */
  constructor(module: string, args: string[], failed: () => void) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", new URL(module).pathname, "-1", "-1", ...args],
      stdin: "piped",
      stdout: "null",
    }).spawn();
    this.#orders = child.stdin.getWriter();
    child.status.then(failed);
  }

  /** Has it do `n` turns of a job. */
  async order(job: string, size: number, n: number): Promise<void> {
    await this.#orders.write(new TextEncoder().encode(`${job} ${size} ${n}\n`));
  }
}
