/**
 * Where the bytes of short messages are kept.
 *
 * @module
 */
import type { msgbuf } from "../libc/sys/msg.ts";
import { Message } from "./message.ts";

const SHORT = 256;
const SIZE = 16384;
const MTEXT_WORD = 2; // mtext lies behind an mtype of two words

/**
 * Makes messages of what has been received. A new array costs as much as half a system call, a view of a large one next
 * to nothing: short messages share an array, until somebody asks for their bytes.
 */
export class Shelf {
  #bytes = new Uint8Array(0);
  #words = new Int32Array(0);
  #used = 0;

  /**
   * Makes a message.
   *
   * @param length How many bytes of text were received.
   * @param buffer Where they are.
   * @param from The same memory as 32-bit words: that copies a short message four times as fast.
   */
  message(length: number, buffer: msgbuf, from: Int32Array): Message {
    const { mtype, mtext } = buffer;
    if (length > SHORT) return new Message(mtype, mtext.slice(0, length));
    const start = this.#used;
    const end = start + length;
    if (end > this.#bytes.length) return this.#another(length, buffer, from);
    const to = this.#words;
    for (let i = MTEXT_WORD, at = start >> 2; at << 2 < end; i++, at++) to[at] = from[i];
    this.#used = end + 3 & ~3;
    return new Message(mtype, this.#bytes, start, end);
  }

  #another(length: number, buffer: msgbuf, from: Int32Array): Message {
    this.#bytes = new Uint8Array(SIZE);
    this.#words = new Int32Array(this.#bytes.buffer);
    this.#used = 0;
    return this.message(length, buffer, from);
  }
}
