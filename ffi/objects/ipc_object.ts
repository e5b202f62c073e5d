/**
 * What segments, queues and semaphore sets have in common: key, id, owner, permissions, and how long they live.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import { known, optionsOf } from "../native/options.ts";
import { IPC_RMID, IPC_SET, IPC_STAT } from "../libc/sys/ipc.ts";
import { checkMode, isCode } from "./_common.ts";
import { forgetMade, removeMade } from "./_made.ts";
import { type Kind, type KindName, kinds } from "./_system_v.ts";

export type { CreateOptions } from "./_system_v.ts";

/** What {@linkcode IpcObject.setPermissions} can change. */
export interface Permissions {
  /** Who may use it, as in `chmod(1)`. */
  mode?: number;
  /** The owner's user id. */
  uid?: number;
  /** The owner's group id. */
  gid?: number;
}

const SET_PERMISSIONS = "IpcObject.setPermissions";
const PERMISSIONS = known<Permissions>(({ mode, uid, gid }) => ({ mode, uid, gid }));
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
 * import { type IpcObject, MessageQueue, SharedMemory } from "./mod.ts";
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
  readonly #id: number;
  readonly #kind: Kind<D>;

  /**
   * Use `create`, `open` or `fromId` of the classes.
   *
   * @param id The object's id.
   * @param kind What it is. What is made this way is left alone when it is disposed of.
   */
  constructor(id: number, kind: "shm" | "msg" | "sem") {
    this.#id = id;
    this.#kind = kinds[kind satisfies KindName] as unknown as Kind<D>;
  }

  /** The number that the kernel gave the object; any process of the system can find it by that. */
  get id(): number {
    return this.#id;
  }

  /** What the kernel knows about the object now. */
  protected stat(): D {
    const { control, statAny, structure } = this.#kind;
    const ds = structure();
    try {
      control(this.#id, IPC_STAT, ds);
    } catch (error) {
      // the other command asks for no permission to read, but finds the object by its place
      if (!isCode(error, "EACCES") || control(this.#id & SLOT, statAny, ds) !== this.#id) throw error;
    }
    return ds;
  }

  /** Changes what `IPC_SET` can change. */
  protected change(edit: (ds: D) => void): void {
    if (typeof edit !== "function") throw new LibcError("IpcObject.change", "EINVAL", "edit must be a function");
    const ds = this.stat();
    edit(ds);
    this.#kind.control(this.#id, IPC_SET, ds);
  }

  #permissions() {
    return this.#kind.permissions(this.stat());
  }

  /** The key that the object was made with; `IPC_PRIVATE` for none. */
  get key(): number {
    return this.#permissions().key;
  }
  /** Who may use it, as in `chmod(1)`; {@linkcode setPermissions} changes it. */
  get mode(): number {
    return this.#permissions().mode & 0o777;
  }
  /** The owner's user id. */
  get uid(): number {
    return this.#permissions().uid;
  }
  /** The owner's group id. */
  get gid(): number {
    return this.#permissions().gid;
  }
  /** The creator's user id. */
  get cuid(): number {
    return this.#permissions().cuid;
  }
  /** The creator's group id. */
  get cgid(): number {
    return this.#permissions().cgid;
  }

  /**
   * Changes who may use the object.
   *
   * @param changes What to change.
   * @throws {LibcError} `EPERM` not the owner; `EINVAL` the object is gone, or there is no such mode or user.
   */
  setPermissions(changes: Permissions): void {
    const { mode, uid, gid } = optionsOf(changes, PERMISSIONS, SET_PERMISSIONS);
    if (mode !== undefined) checkMode(mode, SET_PERMISSIONS);
    if (uid !== undefined) checkId(uid, "uid");
    if (gid !== undefined) checkId(gid, "gid");
    this.change((ds) => {
      const perm = this.#kind.permissions(ds);
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
    this.#kind.control(this.#id, IPC_RMID, null);
    forgetMade(this);
  }

  /** How `console.log` shows it: with its id. The kernel is not asked for more. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    return `${this.constructor?.name} ${inspect({ id: this.id }, options)}`;
  }

  /** Removes the object if this handle made it, in this process. It is fine if it is gone already. */
  [Symbol.dispose](): void {
    removeMade(this);
  }
}

function checkId(value: number, name: string): void {
  if (typeof value === "number" && value >>> 0 === value) return;
  throw new LibcError(
    SET_PERMISSIONS,
    "EINVAL",
    `${name} must be an unsigned 32-bit integer, got ${shown(value)}`,
  );
}
