/**
 * Waiting for what the kernel offers no descriptor for.
 *
 * Who waits has a call that blocks in the kernel, on another thread, and is woken and served as everybody who waits there.
 * Who waits for the same thing shares one. Where no call could be called off, and where there is no thread, attempts that
 * don't wait are repeated instead.
 *
 * @module
 */
import { abortable } from "../abort.ts";
import { LibcError } from "../errors.ts";
import { isForked } from "../native/child.ts";
import { type Blocked, canCallOff } from "../native/elsewhere.ts";
import { tracing } from "../native/observer.ts";
import type { TracedPlace } from "../trace/event.ts";
import { isCode } from "./_common.ts";
import { lookAtOther } from "./_reactor.ts";
import { BUSY, LONGEST_PAUSE } from "./_time.ts";

/** Of the time that repeated attempts take, this many times as much is left to others. */
const REST = 9;

/** What is waited for. */
export interface Want<T> {
  /** The function that waits. */
  readonly syscall: string;
  /** Those with the same key wait in one line. */
  readonly key: string;
  /** What one call gets may go to anybody in the line; else to the one that it was made for. */
  readonly shared: boolean;
  /** Does it at once, or gives {@linkcode BUSY}. */
  attempt(): T | typeof BUSY;
  /** Once it is there, an attempt that fails with `EINVAL` does not mean that it was removed. */
  readonly stays?: boolean;
  /** It has just been looked at for a moment. */
  readonly looked?: boolean;
  /**
   * Does it on another thread, which may block, if there is one. Arguments that are wrong have made an attempt throw
   * before. What does not give the thing itself, but only wakes, has no `got`: an attempt follows, also for who has given up
   * meanwhile.
   */
  block(): { call: Blocked; got?(result: number): T } | undefined;
}

interface Waiter {
  readonly want: Want<unknown>;
  /** Where the program began to wait: no stack shows it any more when it is served. */
  readonly at: TracedPlace | undefined;
  resolve(value: unknown): void;
  reject(reason: unknown): void;
  /** Why it is to be given up, unless the call under way gets something for it. */
  dropped?: { reason: unknown };
}

interface Call {
  readonly blocked: Blocked;
  readonly got: ((result: number) => unknown) | undefined;
  /** Whom it was made for, or who came into that one's place. */
  owner: Waiter;
  calledOff: boolean;
}

const lines = new Map<string, Line>();
/** Lines that try again and again. */
const trying = new Set<Line>();

/** Those who wait for the same thing, in the order in which they came. */
class Line {
  readonly #key: string;
  readonly #waiters: Set<Waiter> = new Set();
  #call: Call | undefined;
  #starting = false;
  /** Who makes an attempt or begins a call right now: a trace's listener may come or give up in the middle of it. */
  #trying: Waiter | undefined;

  constructor(key: string) {
    this.#key = key;
    lines.set(key, this);
  }

  add(waiter: Waiter): void {
    this.#waiters.add(waiter);
    if (!this.#call && !trying.has(this)) this.#advance();
  }

  /** Gives up a wait. What a call has got meanwhile is not lost. */
  drop(waiter: Waiter, reason: unknown): void {
    if (isForked()) return; // the thread is the parent's
    const call = this.#call;
    if (waiter === this.#trying) {
      waiter.dropped = { reason };
      return;
    }
    if (call?.owner !== waiter) return this.#reject(waiter, reason);
    waiter.dropped = { reason };
    const other = waiter.want.shared ? this.#first() : undefined;
    if (other) {
      call.owner = other;
      return this.#reject(waiter, reason);
    }
    call.calledOff = true;
    const callOff = (pause: number) => {
      if (this.#call === call && !call.blocked.callOff()) setTimeout(callOff, pause, Math.min(2 * pause, 100));
    };
    callOff(1);
  }

  /** The first who has not given up. */
  #first(): Waiter | undefined {
    for (const waiter of this.#waiters) if (!waiter.dropped) return waiter;
  }

  #resolve(waiter: Waiter, value: unknown): void {
    pause = 0;
    this.#waiters.delete(waiter);
    waiter.resolve(value);
  }

  #reject(waiter: Waiter, reason: unknown): void {
    this.#waiters.delete(waiter);
    waiter.reject(reason);
    if (this.#waiters.size === 0) this.#close();
  }

  #close(): void {
    if (this.#call || this.#trying) return;
    trying.delete(this);
    if (lines.get(this.#key) === this) lines.delete(this.#key);
  }

  /** Waits for the first in the line, unless that one gives up before the program gets to an `await`. */
  #advance(): void {
    if (this.#starting) return;
    this.#starting = true;
    queueMicrotask(() => {
      this.#starting = false;
      const [owner] = this.#waiters;
      if (owner === undefined || this.#call || trying.has(this)) return;
      if (canCallOff()) this.#start(owner);
      else this.#tryLater();
    });
  }

  #start(owner: Waiter): void {
    this.#trying = owner;
    let begun: ReturnType<typeof owner.want.block>;
    try {
      tracing.at = owner.at;
      begun = owner.want.block();
    } catch (error) {
      this.#trying = undefined;
      this.#reject(owner, error);
      return this.serve(false);
    } finally {
      this.#trying = undefined;
      tracing.at = undefined;
    }
    if (begun === undefined) return this.#tryLater();
    const { call: blocked, got } = begun;
    const call = { blocked, got, owner, calledOff: false };
    this.#call = call;
    blocked.result.then((result) => this.#back(call, result));
    if (owner.dropped) this.drop(owner, owner.dropped.reason);
  }

  #tryLater(): void {
    trying.add(this);
    schedule();
  }

  #back(call: Call, result: number): void {
    const { owner, calledOff, blocked } = call;
    tracing.at = owner.at;
    blocked.back(result);
    tracing.at = undefined;
    this.#call = undefined;
    if (result >= 0) {
      const other = owner.want.shared ? this.#first() : undefined;
      if (call.got) this.#resolve(other ?? owner, call.got(result));
      else this.#woken(other ?? owner);
    }
    for (const waiter of [...this.#waiters]) if (waiter.dropped) this.#reject(waiter, waiter.dropped.reason);
    this.serve(result < 0 && !calledOff);
  }

  /** An attempt by one that was woken. */
  #woken(waiter: Waiter): void {
    this.#trying = waiter;
    tracing.at = waiter.at;
    try {
      const value = waiter.want.attempt();
      if (value !== BUSY) this.#resolve(waiter, value);
    } catch (error) {
      this.#waiters.delete(waiter);
      waiter.reject(error);
    } finally {
      tracing.at = undefined;
      this.#trying = undefined;
    }
  }

  /** Has those in the line try, in order, until one has to wait. */
  serve(pause: boolean): void {
    if (this.#trying) return;
    for (const waiter of this.#waiters) {
      this.#trying = waiter;
      try {
        tracing.at = waiter.at;
        const value = waiter.want.attempt();
        if (value !== BUSY) this.#resolve(waiter, value);
        else if (waiter.dropped) this.#reject(waiter, waiter.dropped.reason);
        else break;
      } catch (error) {
        // the kernel says this of a removed object to those who come, and EIDRM to those who have been waiting
        const { syscall, stays } = waiter.want;
        const removed = isCode(error, "EINVAL") && !stays;
        this.#reject(waiter, removed ? new LibcError(syscall, "EIDRM", "removed while waiting") : error);
      } finally {
        tracing.at = undefined;
      }
    }
    this.#trying = undefined;
    if (this.#waiters.size === 0) return this.#close();
    if (this.#call) return;
    // a call that fails where an attempt says that it would have to wait must not be made at once for ever
    if (pause || !canCallOff()) return this.#tryLater();
    trying.delete(this);
    this.#advance();
  }
}

let timer: ReturnType<typeof setTimeout> | undefined;
let pause = 0;

function schedule(took = 0): void {
  if (timer !== undefined) return;
  pause = Math.min(pause + 1, LONGEST_PAUSE);
  timer = setTimeout(tryAgain, Math.max(pause, REST * took));
}

function tryAgain(): void {
  const before = performance.now();
  for (const line of [...trying]) line.serve(false);
  timer = undefined;
  if (trying.size > 0) schedule(performance.now() - before);
}

/**
 * Waits until something can be had. Those who came earlier for the same thing get it first.
 *
 * @param want What.
 * @param signal Ends the wait; the promise is rejected with its reason, unless it was had by then.
 */
export function wait<T>(want: Want<T>, signal?: AbortSignal): Promise<T> {
  return abortable<T>(signal, (resolve, reject) => {
    const found = lines.get(want.key);
    if (!found) {
      let value = want.attempt();
      // a trace would have each of these attempts
      if (value === BUSY && !tracing.current && !want.looked) lookAtOther(() => (value = want.attempt()) !== BUSY);
      if (value !== BUSY) {
        resolve(value);
        return () => {};
      }
    }
    pause = 0;
    const line = lines.get(want.key) ?? new Line(want.key);
    const waiter: Waiter = { want, at: tracing.current?.here(), resolve: resolve as Waiter["resolve"], reject };
    line.add(waiter);
    return (reason) => line.drop(waiter, reason);
  }, want.syscall);
}
