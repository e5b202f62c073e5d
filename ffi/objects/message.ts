/**
 * What a message queue gives.
 *
 * @module
 */

import { LibcError } from "../errors.ts";
import { byteLengthOf, isBytes } from "../native/bytes.ts";

const decoder = new TextDecoder();

/**
 * A received message.
 *
 * @example
 * ```ts
 * import { MessageQueue } from "./mod.ts";
 *
 * using queue = MessageQueue.create();
 * queue.sendSync("Did you get this?\0", { type: 7 });
 * const message = queue.receiveSync();
 * console.log(message.type, message.data.length, message.text); // 7 18 Did you get this?
 * ```
 */
export class Message {
  /** The type that it was sent with; a bigint only beyond 2^53. */
  readonly type: number | bigint;
  #bytes: Uint8Array<ArrayBuffer>;
  #start: number;
  #end: number;

  /**
   * Makes a message.
   *
   * @param type The type that it was sent with.
   * @param bytes Where its bytes are. They are copied from there when they are first asked for.
   * @param start Where they start.
   * @param end Where they end; where the array ends unless given.
   * @throws {LibcError} `EINVAL` there are no such bytes.
   */
  constructor(type: number | bigint, bytes: Uint8Array<ArrayBuffer>, start = 0, end?: number) {
    const room = isBytes(bytes) ? byteLengthOf(bytes) : -1;
    if (end === undefined) end = room;
    if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= room)) {
      throw new LibcError("Message", "EINVAL", "the bytes of a message are those of a Uint8Array, from start to end");
    }
    this.type = type;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** Its bytes, in a buffer of their own. */
  get data(): Uint8Array<ArrayBuffer> {
    if (this.#end - this.#start !== this.#bytes.buffer.byteLength) {
      this.#bytes = this.#bytes.slice(this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return this.#bytes;
  }

  /** Its bytes as UTF-8 text, without the NUL that C programs put at the end. */
  get text(): string {
    const bytes = this.#bytes.subarray(this.#start, this.#end);
    return decoder.decode(bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes);
  }

  /** How `console.log` shows it: with its type and its text. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    return `Message ${inspect({ type: this.type, text: this.text }, options)}`;
  }
}
