/**
 * What a POSIX message queue gives.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { isBytes } from "../native/bytes.ts";
import { shown } from "../native/check.ts";

const decoder = new TextDecoder();

/**
 * A message that was received from a POSIX queue.
 *
 * @example
 * ```ts
 * import { PosixMessageQueue } from "./mod.ts";
 *
 * using queue = PosixMessageQueue.create();
 * queue.sendSync("Did you get this?\0", { priority: 7 });
 * const message = queue.receiveSync();
 * console.log(message.priority, message.data.length, message.text); // 7 18 Did you get this?
 * ```
 */
export class PosixMessage {
  /** The priority that it was sent with, 0 to 32767. */
  readonly priority: number;
  /** Its bytes, in a buffer of their own. */
  readonly data: Uint8Array<ArrayBuffer>;

  /**
   * Makes a message.
   *
   * @param priority The priority that it was sent with.
   * @param data Its bytes.
   * @throws {LibcError} `EINVAL` these are no bytes.
   */
  constructor(priority: number, data: Uint8Array<ArrayBuffer>) {
    if (!isBytes(data)) {
      throw new LibcError("PosixMessage", "EINVAL", `data must be a Uint8Array, got ${shown(data)}`);
    }
    this.priority = priority;
    this.data = data;
  }

  /** Its bytes as UTF-8 text, without the NUL that C programs put at the end. */
  get text(): string {
    try {
      const text = decoder.decode(this.data);
      return text.endsWith("\0") ? text.slice(0, -1) : text;
    } catch {
      throw new LibcError("PosixMessage", "EFAULT", "the memory of the message is gone");
    }
  }

  /** How `console.log` shows it: with its priority and its text. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    return `PosixMessage ${inspect({ priority: this.priority, text: this.text }, options)}`;
  }
}
