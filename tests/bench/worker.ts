/**
 * The partner on a thread: sends back what it gets, or counts along in memory that it shares.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { pin } from "./peers.ts";

/** What the program sends to its worker. */
export type Order =
  | { cpu: number }
  | { data: Uint8Array }
  | { words: Int32Array; from: number; n: number }
  | Uint8Array;

self.onmessage = ({ data }: MessageEvent<Order>) => {
  if (data instanceof Uint8Array) self.postMessage(data);
  else if ("data" in data) return; // that it came is all
  else if ("cpu" in data) pin(data.cpu);
  else volley(data.words, data.from, data.n);
};

function volley(words: Int32Array, from: number, n: number): void {
  for (let turn = from + 1; turn <= from + n; turn++) {
    while (Atomics.load(words, 0) !== turn);
    Atomics.store(words, 64, turn);
  }
}
