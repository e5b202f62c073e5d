/**
 * Counters that wake who waits for them.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { POLLIN, POLLOUT } from "../libc/poll.ts";
import { EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE, eventfd, eventfd_read, eventfd_write } from "../libc/sys/eventfd.ts";
import { close } from "../libc/unistd.ts";
import { fd as asFd } from "../native/descriptors.ts";
import { known, optionsOf } from "../native/options.ts";
import { attempt, leadsTo, nonblocking, opened, retry, retrySync } from "./_attempts.ts";
import { waitOptionsOf } from "./_common.ts";
import { BUSY, deadline } from "./_time.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";

/** How {@linkcode EventFd.create} makes one. */
export interface EventFdOptions {
  /** What the counter begins with, below 2^32; 0 unless given. */
  initial?: number;
  /** {@linkcode EventFd.take} takes one, as from a semaphore, and not all; not unless given. */
  semaphore?: boolean;
  /** Whether programs that this process starts inherit its descriptor; not unless given. */
  inherited?: boolean;
}

const CREATE = known<EventFdOptions>(({ initial, semaphore, inherited }) => ({ initial, semaphore, inherited }));
const WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));

/**
 * A counter with a descriptor, `eventfd(2)`: one side adds to it, the other waits until there is something, and takes it. It
 * is the cheapest way to wake somebody, in this process or another that has inherited the descriptor or was sent it.
 *
 * A descriptor has one setting for all who share it: an `EventFd` sets `O_NONBLOCK`, so others' `read(2)` fails with `EAGAIN` where it
 * would have waited.
 *
 * @example
 * ```ts
 * import { EventFd } from "./mod.ts";
 *
 * using event = EventFd.create();
 * setTimeout(() => event.addSync(3), 5);
 * console.log(await event.take()); // 3n
 * ```
 */
export class EventFd implements Disposable {
  #fd: number;

  private constructor(fd: number) {
    this.#fd = asFd(fd, "eventfd");
    if (!leadsTo(this.#fd, "[eventfd]")) throw new LibcError("eventfd", "EINVAL", `descriptor ${fd} is of no counter`);
    nonblocking(this.#fd);
  }

  /**
   * Makes a counter.
   *
   * @param options What it begins with, and what taking means.
   * @returns The counter; disposing of it closes it.
   * @throws {LibcError} `EINVAL` no such value; `EMFILE`, `ENFILE` too many descriptors.
   */
  static create(options?: EventFdOptions): EventFd {
    const { initial = 0, semaphore = false, inherited = false } = optionsOf(options, CREATE, "eventfd");
    const flags = EFD_NONBLOCK | (semaphore ? EFD_SEMAPHORE : 0) | (inherited ? 0 : EFD_CLOEXEC);
    return new EventFd(eventfd(initial, flags));
  }

  /**
   * Takes over the descriptor of a counter, such as one that was inherited or received.
   *
   * @param fd The descriptor.
   * @returns The counter, which closes it.
   * @throws {LibcError} `EBADF` it is not open; `EINVAL` it is of something else.
   */
  static fromFd(fd: number): EventFd {
    return new EventFd(fd);
  }

  /** Its descriptor; -1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * Adds to the counter, and waits while it cannot hold so much (2^64 - 2).
   *
   * @param n How much.
   * @param options What may end the wait.
   * @throws {LibcError} `EINVAL` not 0 to 2^64 - 2; `EBADF` closed; `EOPNOTSUPP` in a forked child.
   */
  async add(n: number | bigint = 1, options?: WaitOptions): Promise<void> {
    const { signal } = waitOptionsOf(options, WAIT, "eventfd_write");
    await retry(() => opened(this.#fd, "eventfd_write"), POLLOUT, signal, (fd) => eventfd_write(fd, n));
  }

  /**
   * As {@linkcode add}, but blocks the program while it waits.
   *
   * @param n How much.
   * @param options For how long.
   * @throws {LibcError} `ETIMEDOUT`; otherwise as {@linkcode add}.
   */
  addSync(n: number | bigint = 1, options?: WaitSyncOptions): void {
    const { timeout } = optionsOf(options, SYNC, "eventfd_write");
    const limit = deadline(timeout, "eventfd_write");
    retrySync(() => opened(this.#fd, "eventfd_write"), POLLOUT, limit, (fd) => eventfd_write(fd, n));
  }

  /**
   * Adds to the counter if it can hold so much.
   *
   * @param n How much.
   * @returns Whether it could.
   * @throws {LibcError} As {@linkcode add}.
   */
  tryAdd(n: number | bigint = 1): boolean {
    const fd = opened(this.#fd, "eventfd_write");
    return attempt(() => eventfd_write(fd, n)) !== BUSY;
  }

  /**
   * Takes what is in the counter, or with `semaphore` one of it, and waits while it is 0. Of several who wait, one gets all.
   *
   * @param options What may end the wait; then nothing was taken.
   * @returns What was taken.
   * @throws {LibcError} `EBADF` closed; `EOPNOTSUPP` in a forked child.
   */
  async take(options?: WaitOptions): Promise<bigint> {
    const { signal } = waitOptionsOf(options, WAIT, "eventfd_read");
    return await retry(() => opened(this.#fd, "eventfd_read"), POLLIN, signal, eventfd_read);
  }

  /**
   * As {@linkcode take}, but blocks the program while it waits.
   *
   * @param options For how long.
   * @returns What was taken.
   * @throws {LibcError} `ETIMEDOUT`; otherwise as {@linkcode take}.
   */
  takeSync(options?: WaitSyncOptions): bigint {
    const { timeout } = optionsOf(options, SYNC, "eventfd_read");
    const limit = deadline(timeout, "eventfd_read");
    return retrySync(() => opened(this.#fd, "eventfd_read"), POLLIN, limit, eventfd_read);
  }

  /**
   * Takes what is in the counter.
   *
   * @returns What was taken; 0 if there was nothing.
   * @throws {LibcError} As {@linkcode take}.
   */
  tryTake(): bigint {
    const fd = opened(this.#fd, "eventfd_read");
    const taken = attempt(() => eventfd_read(fd));
    return taken === BUSY ? 0n : taken;
  }

  /** Closes the descriptor; who waits gets `EBADF`. Closing it again does nothing. */
  close(): void {
    const fd = this.#fd;
    this.#fd = -1;
    if (fd >= 0) close(fd);
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
