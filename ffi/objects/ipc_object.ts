/**
 * What segments, queues and semaphore sets have in common: key, id, owner, permissions, and how long they live.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { type ipc_perm, IPC_RMID, IPC_SET, IPC_STAT } from "../libc/sys/ipc.ts";
import { getpid } from "../libc/unistd.ts";
import { checkMode, is } from "./_obtain.ts";

/** How to make an object. */
export interface CreateOptions {
  /** The number that other processes find it by; `IPC_PRIVATE` (the default) for none, then they need its id. */
  key?: number;
  /** Who may use it, as in `chmod(1)`; by default only its owner, `0o600`. */
  mode?: number;
  /** Fail with `EEXIST` if there is one with this key already (the default); `false` takes that one. */
  exclusive?: boolean;
}

/** What {@linkcode IpcObject.setPermissions} can change. */
export interface Permissions {
  /** Who may use it, as in `chmod(1)`. */
  mode?: number;
  /** The owner's user id. */
  uid?: number;
  /** The owner's group id. */
  gid?: number;
}

/** How a call waits. */
export interface WaitOptions {
  /** Ends the wait: the promise is rejected with the signal's reason, and nothing has been taken or changed. */
  signal?: AbortSignal;
}

const SLOT = 0x7fff; // the part of an id that is its place in the kernel's table

/**
 * A System V object: a {@linkcode SharedMemory}, a {@linkcode MessageQueue} or a {@linkcode SemaphoreSet}; see `svipc(7)`.
 *
 * Such an object is the system's, not the process's: it stays, with what it holds, until somebody removes it or the
 * system restarts. `using` removes what this handle made (in the process that made it: not in a forked child), and leaves
 * alone what it only found.
 *
 * The properties ask the kernel each time they are read.
 *
 * @example
 * ```ts
 * import { type IpcObject, MessageQueue, SharedMemory } from "@ipc/playground";
 *
 * const describe = (object: IpcObject) => `id ${object.id}, mode ${object.mode.toString(8)}, owner ${object.uid}`;
 *
 * using segment = SharedMemory.create(4096);
 * using queue = MessageQueue.create();
 * console.log(describe(segment));
 * console.log(describe(queue));
 * ```
 */
export abstract class IpcObject<D = unknown> implements Disposable {
  /** The number that the kernel gave the object; any process of the system can find it by that. */
  readonly id: number;
  readonly #statAny: number;
  #maker: number;

  /**
   * Use `create`, `open` or `fromId` of the classes.
   *
   * @param id The object's id.
   * @param made Whether this process has just made it.
   * @param statAny `SHM_STAT_ANY`, `MSG_STAT_ANY` or `SEM_STAT_ANY`.
   */
  constructor(id: number, made: boolean, statAny: number) {
    this.id = id;
    this.#statAny = statAny;
    this.#maker = made ? getpid() : 0;
  }

  /** `shmctl`, `msgctl` or `semctl`. */
  protected abstract control(id: number, cmd: number, ds: D | null): number;
  /** An empty structure for {@linkcode control}. */
  protected abstract structure(): D;
  /** The permissions in such a structure. */
  protected abstract permissions(ds: D): ipc_perm;

  /** What the kernel knows about the object now. */
  protected stat(): D {
    const ds = this.structure();
    try {
      this.control(this.id, IPC_STAT, ds);
    } catch (error) {
      // the other command asks for no permission to read, but finds the object by its place
      if (!is(error, "EACCES") || this.control(this.id & SLOT, this.#statAny, ds) !== this.id) throw error;
    }
    return ds;
  }

  /** Changes what `IPC_SET` can change. */
  protected change(edit: (ds: D) => void): void {
    const ds = this.stat();
    edit(ds);
    this.control(this.id, IPC_SET, ds);
  }

  /** The key that the object was made with; `IPC_PRIVATE` for none. */
  get key(): number {
    return this.permissions(this.stat()).key;
  }
  /** Who may use it, as in `chmod(1)`; {@linkcode setPermissions} changes it. */
  get mode(): number {
    return this.permissions(this.stat()).mode & 0o777;
  }
  /** The owner's user id. */
  get uid(): number {
    return this.permissions(this.stat()).uid;
  }
  /** The owner's group id. */
  get gid(): number {
    return this.permissions(this.stat()).gid;
  }
  /** The creator's user id. */
  get cuid(): number {
    return this.permissions(this.stat()).cuid;
  }
  /** The creator's group id. */
  get cgid(): number {
    return this.permissions(this.stat()).cgid;
  }

  /**
   * Changes who may use the object.
   *
   * @param changes What to change.
   * @throws {LibcError} `EPERM` not the owner; `EINVAL` the object is gone, or there is no such mode or user.
   */
  setPermissions(changes: Permissions): void {
    const { mode, uid, gid } = changes;
    if (mode !== undefined) checkMode(mode, "setPermissions");
    if (uid !== undefined) checkId(uid, "uid");
    if (gid !== undefined) checkId(gid, "gid");
    this.change((ds) => {
      const perm = this.permissions(ds);
      perm.mode = mode ?? perm.mode;
      perm.uid = uid ?? perm.uid;
      perm.gid = gid ?? perm.gid;
    });
  }

  /**
   * Removes the object from the system. Those who wait for it get `EIDRM`; who has a segment attached may go on with it.
   *
   * @throws {LibcError} `EPERM` not the owner; `EINVAL` it is gone already.
   */
  remove(): void {
    this.control(this.id, IPC_RMID, null);
    this.#maker = 0;
  }

  /** Removes the object if this handle made it, in this process. It is fine if it is gone already. */
  [Symbol.dispose](): void {
    if (this.#maker === 0 || this.#maker !== getpid()) return;
    try {
      this.remove();
    } catch (error) {
      if (!is(error, "EINVAL", "EIDRM")) throw error;
    }
  }
}

function checkId(value: number, name: string): void {
  if (typeof value === "number" && value >>> 0 === value) return;
  throw new LibcError(
    "setPermissions",
    "EINVAL",
    `${name} must be an unsigned 32-bit integer, got ${Deno.inspect(value)}`,
  );
}
