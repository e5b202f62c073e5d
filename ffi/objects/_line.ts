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
  /** It has tried, or one of its kind has. */
  waited: boolean;
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
 * every 5 ms; more rarely if that takes longer than the time in between.
 */
export class Line {
  readonly #syscall: string;
  // in order, and left at any place
  readonly #waiters: Set<Waiter> = new Set();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pause = 0;
  /** When all have tried for the last time, and how long that took. */
  #tried = 0;
  #took = 0;
  #newcomers = false;

  /** @param syscall What they wait in. */
  constructor(syscall: string) {
    this.#syscall = syscall;
  }

  /** Repeats an attempt until it gives something, throws, or is aborted. Those who came earlier go first. */
  wait<T>(attempt: () => T | typeof BUSY, kind: string, signal?: AbortSignal): Promise<T> {
    return abortable<T>(signal, (resolve, reject) => {
      const waiter: Waiter = {
        attempt,
        kind,
        waited: false,
        trying: false,
        at: tracing.current?.here(),
        resolve: (value) => (this.#waiters.delete(waiter), resolve(value as T)),
        reject: (reason) => (this.#waiters.delete(waiter), reject(reason)),
      };
      this.#waiters.add(waiter);
      this.#pause = 0;
      if (this.#waiters.size === 1) this.#pump();
      else this.#pumpSoon();
      return (reason) => {
        // an attempt under way may have got something already: it decides
        if (waiter.trying) {
          waiter.aborted = { reason };
          return;
        }
        waiter.reject(reason);
        if (this.#waiters.size === 0) this.#stop();
      };
    }, this.#syscall);
  }

  /** Has many newcomers wait for one pump: each of its own would have all before it try again. */
  #pumpSoon(): void {
    if (this.#newcomers) return;
    this.#newcomers = true;
    queueMicrotask(() => {
      this.#newcomers = false;
      if (this.#waiters.size > 0 && performance.now() - this.#tried >= this.#took) this.#pump();
    });
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Lets each try once, in order. */
  #pump(): void {
    this.#stop();
    const alone = this.#waiters.size === 1;
    const begin = alone ? 0 : performance.now(); // which takes as long as an attempt
    const stuck = new Set<string>();
    // those who come meanwhile are not in this copy
    for (const waiter of [...this.#waiters]) {
      const newcomer = !waiter.waited;
      waiter.waited = true;
      if (stuck.has(waiter.kind) || waiter.trying || !this.#waiters.has(waiter)) continue;
      let result: unknown;
      waiter.trying = true;
      try {
        tracing.at = waiter.at;
        result = waiter.attempt();
      } catch (error) {
        // the kernel says this of a removed object to those who come, and EIDRM to those who have been waiting
        const removed = !newcomer && isCode(error, "EINVAL");
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
    this.#tried = alone ? 0 : performance.now();
    this.#took = this.#tried - begin;
    if (this.#waiters.size === 0) return;
    this.#timer = setTimeout(() => this.#pump(), Math.max(this.#pause, this.#took));
    this.#pause = Math.min(this.#pause + 1, LONGEST_PAUSE);
  }
}
