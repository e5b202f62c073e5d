/**
 * Locks on files for people who don't want to think in C.
 *
 * @module
 */
import { locks } from "../libc/_locks.ts";
import {
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_RDLCK,
  F_UNLCK,
  F_WRLCK,
  fcntl,
  O_CLOEXEC,
  O_CREAT,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  open,
  struct_flock,
} from "../libc/fcntl.ts";
import { close, getpid } from "../libc/unistd.ts";
import { asString } from "../native/check.ts";
import { known, optionsOf } from "../native/options.ts";
import { checkMode, isCode, waitOptionsOf } from "./_common.ts";
import { wait } from "./_line.ts";
import { BUSY, deadline, retrySync } from "./_time.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";

const CREATE = known<{ mode?: number }>(({ mode }) => ({ mode }));
const LOCK = known<LockOptions>(({ shared }) => ({ shared }));
const LOCK_WAIT = known<LockOptions & WaitOptions>(({ shared, signal }) => ({ shared, signal }));
const LOCK_SYNC = known<LockOptions & WaitSyncOptions>(({ shared, timeout }) => ({ shared, timeout }));

/** How to lock. */
export interface LockOptions {
  /** Others may have a shared lock at the same time; without it, nobody has one. */
  shared?: boolean;
}

/** What gives a lock back; in a forked child, which has a copy of the descriptor, only that. */
function held(fd: number): Disposable {
  const holder = getpid();
  let holds = true;
  return {
    [Symbol.dispose]() {
      if (!holds) return;
      holds = false;
      try {
        // closing would leave it to the copies that children have
        if (getpid() === holder) fcntl(fd, F_OFD_SETLK, new struct_flock(F_UNLCK));
        close(fd);
      } catch (error) {
        if (!isCode(error, "EBADF")) throw error; // the program has closed it
      }
    },
  };
}

/**
 * A lock on a file, between processes and inside of one: see `fcntl(2)`, `F_OFD_SETLKW`.
 *
 * Exclusive, one has it; shared, any number of those who want no more. What has it is the block of `using`, and with the end
 * of its process the kernel gives it back: none stays behind. The file is there for nothing else, and may be empty. It has to
 * stay: who removes it lets another one make a new file, and both have a lock. The name is looked up at each lock.
 *
 * These are locks that C, Python (`fcntl.lockf`) and others know by `fcntl(2)`, of the whole file; those of `flock(2)` are others.
 * They bind who asks for them, not who only reads and writes. The kernel sees no deadlock between them.
 *
 * {@linkcode lock} waits in the kernel, in an `fcntl` that blocks on another thread, as the waits of `MessageQueue` do: woken at
 * once, at no cost while nothing happens, and one thread for each that waits. Called off by its signal, it has no lock.
 *
 * @example
 * ```ts
 * import { FileLock } from "./mod.ts";
 *
 * const path = Deno.makeTempFileSync();
 * const lock = FileLock.create(path);
 * {
 *   using _lock = await lock.lock();
 *   console.log(lock.tryLock()); // null: somebody has it
 * }
 * using _one = lock.lockSync({ shared: true });
 * using other = lock.tryLock({ shared: true });
 * console.log(other !== null); // true
 * Deno.removeSync(path);
 * ```
 */
export class FileLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Makes the file, unless it is there.
   *
   * @param path Its name.
   * @param options Its permissions; 0600 unless given.
   * @returns The lock, which nobody has yet.
   * @throws {LibcError} `EACCES`; `ENOENT` the directory is not there; `EISDIR`; `EMFILE`; `EINVAL` …
   */
  static create(path: string, options?: { mode?: number }): FileLock {
    const { mode = 0o600 } = optionsOf(options, CREATE, "open");
    checkMode(mode, "open");
    close(open(asString(path, "open", "path"), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode));
    return new FileLock(path);
  }

  /**
   * Takes a file that is there.
   *
   * @param path Its name.
   * @returns The lock. To have it shared, one has to be allowed to read the file, else to write it, too.
   * @throws {LibcError} `ENOENT`; `EACCES`; `EMFILE` …
   */
  static open(path: string): FileLock {
    const found = new FileLock(asString(path, "open", "path"));
    close(found.#open(true));
    return found;
  }

  /** Each lock has an opening of its own, so that two of one process are in each other's way, too. */
  #open(shared: boolean): number {
    return open(this.#path, (shared ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  }

  /** Tries to have it, and closes the descriptor if that fails. */
  #take(shared: boolean, take: (fd: number, lock: struct_flock) => boolean): Disposable | null {
    const fd = this.#open(shared);
    let taken = false;
    try {
      taken = take(fd, new struct_flock(shared ? F_RDLCK : F_WRLCK));
    } finally {
      if (!taken) close(fd);
    }
    return taken ? held(fd) : null;
  }

  /**
   * Waits until the lock is to be had: `using _lock = await lock.lock()`.
   *
   * @param options Whether it is shared, and a signal to end the wait with; then it isn't taken.
   * @returns What gives it back when it is disposed of.
   * @throws {LibcError} `ENOENT` the file was removed; `EACCES`; `EMFILE`; `ENOLCK` no locks on this file system.
   */
  async lock(options?: LockOptions & WaitOptions): Promise<Disposable> {
    const { shared = false, signal } = waitOptionsOf(options, LOCK_WAIT, "fcntl");
    const fd = this.#open(shared);
    try {
      const lock = new struct_flock(shared ? F_RDLCK : F_WRLCK);
      await wait<void>({
        syscall: "fcntl",
        key: `fcntl ${fd}`,
        shared: false,
        attempt: () => locks.orNot(fd, lock) ? undefined : BUSY,
        block: () => {
          const call = locks.elsewhere(fd, lock);
          return call && { call, got: () => {} };
        },
      }, signal);
    } catch (error) {
      close(fd);
      throw error;
    }
    return held(fd);
  }

  /**
   * As {@linkcode lock}, but blocks the program until it is to be had: `using _lock = lock.lockSync()`.
   *
   * @param options Whether it is shared, and for how long to block. The kernel knows no time limit here, so with one this tries
   * again every few milliseconds, and those who block go first.
   * @returns What gives it back when it is disposed of.
   * @throws {LibcError} As {@linkcode lock}; `EINTR` a signal came; `ETIMEDOUT` the time is over.
   */
  lockSync(options?: LockOptions & WaitSyncOptions): Disposable {
    const { shared = false, timeout } = optionsOf(options, LOCK_SYNC, "fcntl");
    const limit = deadline(timeout, "fcntl");
    return this.#take(shared, (fd, lock) => {
      if (limit) return retrySync(() => locks.orNot(fd, lock) || BUSY, limit);
      return fcntl(fd, F_OFD_SETLKW, lock) === 0;
    })!;
  }

  /**
   * Takes the lock unless somebody has it.
   *
   * @param options Whether it is shared.
   * @returns What gives it back when it is disposed of; `null` if it was not to be had.
   * @throws {LibcError} As {@linkcode lock}.
   */
  tryLock(options?: LockOptions): Disposable | null {
    const { shared = false } = optionsOf(options, LOCK, "fcntl");
    return this.#take(shared, locks.orNot);
  }

  /** The file's name. */
  get path(): string {
    return this.#path;
  }
}
