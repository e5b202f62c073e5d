/**
 * Waiting for what the kernel offers no descriptor for.
 *
 * @module
 */
import { LibcError } from "../errors.ts";

/** What an attempt gives when it would have to wait. */
export const BUSY: unique symbol = Symbol("busy");

interface Waiter {
  attempt(): unknown;
  /** Attempts of the same kind fail together, so one that failed stands for those behind it. */
  kind: string;
  signal?: AbortSignal;
  /** It is in an attempt right now. */
  trying: boolean;
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

const LONGEST_PAUSE = 5; // milliseconds

/**
 * Those who wait, in the order in which they came. A blocking call on another thread could not be
 * broken off without losing what it just got, so the attempts are repeated instead: at once, after 1 ms, 2 ms, up to
 * every 5 ms.
 */
export class Line {
  #waiters: Waiter[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pause = 0;

  /** Repeats an attempt until it gives something, throws, or is aborted. Those who came earlier go first. */
  wait<T>(attempt: () => T | typeof BUSY, kind: string, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const leave = () => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
        signal?.removeEventListener("abort", abort);
      };
      const abort = () => {
        // an attempt under way may have got something already: it decides
        if (waiter.trying) return;
        leave();
        if (this.#waiters.length === 0) this.#stop();
        reject(signal!.reason);
      };
      const waiter: Waiter = {
        attempt,
        kind,
        signal,
        trying: false,
        resolve: (value) => (leave(), resolve(value as T)),
        reject: (reason) => (leave(), reject(reason)),
      };
      signal?.addEventListener("abort", abort);
      this.#waiters.push(waiter);
      this.#pause = 0;
      this.#pump(waiter);
    });
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Lets each try once, in order. */
  #pump(newcomer?: Waiter): void {
    this.#stop();
    const stuck = new Set<string>();
    for (const waiter of [...this.#waiters]) {
      if (stuck.has(waiter.kind)) continue;
      let result: unknown;
      if (waiter.trying || !this.#waiters.includes(waiter)) continue;
      waiter.trying = true;
      try {
        result = waiter.attempt();
      } catch (error) {
        // the kernel says this of a removed object to those who come, and EIDRM to those who have been waiting
        const removed = waiter !== newcomer && error instanceof LibcError && error.code === "EINVAL";
        waiter.reject(removed ? new LibcError(error.syscall, "EIDRM", "removed while waiting") : error);
        continue;
      }
      waiter.trying = false;
      if (result === BUSY) {
        if (waiter.signal?.aborted) {
          waiter.reject(waiter.signal.reason);
          continue;
        }
        stuck.add(waiter.kind);
        continue;
      }
      this.#pause = 0;
      waiter.resolve(result);
    }
    if (this.#waiters.length === 0) return;
    this.#timer = setTimeout(() => this.#pump(), this.#pause);
    this.#pause = Math.min(this.#pause + 1, LONGEST_PAUSE);
  }
}
