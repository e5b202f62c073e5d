/**
 * Waiting for what the kernel offers no descriptor for.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { abortable } from "../abort.ts";
import { tracing } from "../native/observer.ts";
import type { TracedPlace } from "../trace/event.ts";
import { isCode } from "./_common.ts";
import { BUSY, LONGEST_PAUSE } from "./_time.ts";

interface Waiter {
  /** Where the program began to wait: no stack shows it any more when a timer has the attempt repeated. */
  at?: TracedPlace;
  attempt(): unknown;
  /** Attempts of the same kind fail together, so one that failed stands for those behind it. */
  kind: string;
  /** It is in an attempt right now. */
  trying: boolean;
  /** Why it is to be given up, unless the attempt that it is in gets something. */
  aborted?: { reason: unknown };
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

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
    return abortable<T>(signal, (resolve, reject) => {
      const leave = () => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
      };
      const waiter: Waiter = {
        attempt,
        kind,
        trying: false,
        at: tracing.current?.here(),
        resolve: (value) => (leave(), resolve(value as T)),
        reject: (reason) => (leave(), reject(reason)),
      };
      this.#waiters.push(waiter);
      this.#pause = 0;
      this.#pump(waiter);
      return (reason) => {
        // an attempt under way may have got something already: it decides
        if (waiter.trying) {
          waiter.aborted = { reason };
          return;
        }
        waiter.reject(reason);
        if (this.#waiters.length === 0) this.#stop();
      };
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
        tracing.at = waiter.at;
        result = waiter.attempt();
      } catch (error) {
        // the kernel says this of a removed object to those who come, and EIDRM to those who have been waiting
        const removed = waiter !== newcomer && isCode(error, "EINVAL");
        waiter.reject(removed ? new LibcError((error as LibcError).syscall, "EIDRM", "removed while waiting") : error);
        continue;
      } finally {
        tracing.at = undefined;
      }
      waiter.trying = false;
      if (result === BUSY) {
        if (waiter.aborted) {
          waiter.reject(waiter.aborted.reason);
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
