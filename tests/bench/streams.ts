/**
 * Exchanges over a stream in both directions, whatever it is made of: a connection of Deno's, or of this library.
 *
 * @module
 */

/** What is read and written a piece at a time. */
export interface Duplex {
  read(p: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** How much of it was written; nothing means all. */
  write(p: Uint8Array<ArrayBuffer>): Promise<number | void>;
}

/** What is read and written as streams. */
export interface Streams {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
}

/** Writes all of it. */
export async function writeAll(to: Duplex, data: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let at = 0; at < data.length;) at += await to.write(data.subarray(at)) ?? data.length;
}

/** Fills the buffer. If the other side has ended, so does this program. */
export async function readAll(from: Duplex, buffer: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let at = 0; at < buffer.length;) {
    const n = await from.read(buffer.subarray(at));
    if (n === null) Deno.exit(0);
    at += n;
  }
}

/** Sends as many messages, and waits for the answer to each. */
export async function ask(stream: Duplex, data: Uint8Array<ArrayBuffer>, n: number): Promise<void> {
  for (let i = 0; i < n; i++) {
    await writeAll(stream, data);
    await readAll(stream, data);
  }
}

/** Sends back as many messages as come. */
export async function answer(stream: Duplex, data: Uint8Array<ArrayBuffer>, n: number): Promise<void> {
  for (let i = 0; i < n; i++) {
    await readAll(stream, data);
    await writeAll(stream, data);
  }
}

/** The two ends of a stream that goes on from round to round. */
export class Pipeline {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;

  constructor({ readable, writable }: Streams) {
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
  }

  /** Writes a piece as many times, and waits until the other side has got all of it. */
  async pour(piece: Uint8Array<ArrayBuffer>, n: number): Promise<void> {
    for (let i = 0; i < n; i++) await this.#writer.write(piece);
    await this.#take(1);
  }

  /** Reads as many bytes, and says so. */
  async drain(bytes: number): Promise<void> {
    await this.#take(bytes);
    await this.#writer.write(new Uint8Array(1));
  }

  async #take(bytes: number): Promise<void> {
    for (let left = bytes; left > 0;) {
      const { value } = await this.#reader.read();
      if (!value) Deno.exit(0);
      left -= value.length;
    }
  }
}
