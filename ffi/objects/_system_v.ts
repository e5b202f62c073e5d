/**
 * What segments, queues and semaphore sets differ in, and how they are found and made.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { IPC_CREAT, IPC_EXCL, type ipc_perm, IPC_PRIVATE, IPC_RMID } from "../libc/sys/ipc.ts";
import { MSG_STAT_ANY, msgctl, msqid_ds } from "../libc/sys/msg.ts";
import { SEM_STAT_ANY, semctl, semid_ds } from "../libc/sys/sem.ts";
import { SHM_STAT_ANY, shmctl, shmid_ds } from "../libc/sys/shm.ts";
import { type Known, known } from "../native/options.ts";
import { checkMode, isCode } from "./_common.ts";
import { undisturbed } from "../native/removal.ts";
import { noteMade } from "./_made.ts";

/** How to make an object. */
export interface CreateOptions {
  /** The number that other processes find it by; `IPC_PRIVATE` (the default) for none, then they need its id. */
  key?: number;
  /** Who may use it, as in `chmod(1)`; by default only its owner, `0o600`. */
  mode?: number;
  /** Fail with `EEXIST` if there is one with this key already (the default); `false` takes that one. */
  exclusive?: boolean;
}

/** Those options. */
export const CREATE: Known<CreateOptions> = known<CreateOptions>(({ key, mode, exclusive }) => ({
  key,
  mode,
  exclusive,
}));

/** A kind of object; `D` is what the kernel tells about it. */
export interface Kind<D> {
  /** The function that finds and makes it. */
  readonly get: string;
  /** `shmctl`, `msgctl` or `semctl`. */
  control(id: number, cmd: number, ds: D | null): number;
  /** `SHM_STAT_ANY`, `MSG_STAT_ANY` or `SEM_STAT_ANY`. */
  readonly statAny: number;
  /** An empty structure for `control`. */
  structure(): D;
  /** The permissions in such a structure. */
  permissions(ds: D): ipc_perm;
  /** The option of `ipcrm(1)` that takes its key. */
  readonly ipcrm: string;
}

const shm: Kind<shmid_ds> = {
  get: "shmget",
  control: shmctl,
  statAny: SHM_STAT_ANY,
  structure: () => new shmid_ds(),
  permissions: (ds) => ds.shm_perm,
  ipcrm: "-M",
};

const msg: Kind<msqid_ds> = {
  get: "msgget",
  control: msgctl,
  statAny: MSG_STAT_ANY,
  structure: () => new msqid_ds(),
  permissions: (ds) => ds.msg_perm,
  ipcrm: "-Q",
};

const sem: Kind<semid_ds> = {
  get: "semget",
  control: (id, cmd, ds) => semctl(id, 0, cmd, ds),
  statAny: SEM_STAT_ANY,
  structure: () => new semid_ds(),
  permissions: (ds) => ds.sem_perm,
  ipcrm: "-S",
};

/** Segments, queues and semaphore sets. */
export const kinds = { shm, msg, sem };

/** The name of a kind. */
export type KindName = keyof typeof kinds;

/** A call of `shmget`, `msgget` or `semget`, less what makes them differ. */
type Get = (key: number, flags: number) => number;

/** Finds or makes an object, and tells which. */
function obtain(kind: KindName, get: Get, options: CreateOptions): [id: number, made: boolean] {
  const { key = IPC_PRIVATE, mode = 0o600, exclusive = true } = options;
  checkMode(mode, kinds[kind].get);
  while (true) {
    try {
      return [get(key, IPC_CREAT | IPC_EXCL | mode), true];
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
      if (exclusive) throw taken(kind, key);
    }
    try {
      return [get(key, 0), false];
    } catch (error) {
      // somebody removed it between the two calls: make it, then
      if (!isCode(error, "ENOENT")) throw error;
    }
  }
}

/** A program that was ended before it removed its object finds this when it is started again. */
function taken(kind: KindName, key: number): LibcError {
  const { get, ipcrm } = kinds[kind];
  const hex = `0x${(key >>> 0).toString(16)}`;
  return new LibcError(
    get,
    "EEXIST",
    `key ${hex} is taken: open() finds it, exclusive: false takes it, "ipcrm ${ipcrm} ${hex}" removes it`,
  );
}

/**
 * Finds or makes an object.
 *
 * @param kind What it is.
 * @param get The call that does it.
 * @param options Key, permissions, and whether an existing one will do; of `optionsOf`.
 * @param open Makes what stands for it here. If that fails, an object that was just made is removed: nobody else would.
 */
export function create<T extends object>(
  kind: KindName,
  get: Get,
  options: CreateOptions,
  open: (id: number, made: boolean) => T,
): T {
  const found = undisturbed((): T | number => {
    const [id, made] = obtain(kind, get, options);
    if (!made) return id;
    const remove = () => removeId(kind, id);
    try {
      const object = open(id, true);
      noteMade(object, { kind, id }, remove);
      return object;
    } catch (error) {
      remove();
      throw error;
    }
  })();
  return typeof found === "number" ? open(found, false) : found;
}

function removeId(kind: KindName, id: number): void {
  try {
    kinds[kind].control(id, IPC_RMID, null);
  } catch (error) {
    // gone already
    if (!isCode(error, "EINVAL", "EIDRM")) throw error;
  }
}

/** Finds an object by its key. */
export function find(kind: KindName, get: Get, key: number): number {
  if (key === IPC_PRIVATE) {
    throw new LibcError(kinds[kind].get, "EINVAL", "IPC_PRIVATE finds nothing, it makes: use an id instead");
  }
  return get(key, 0);
}

/** A time of the kernel's; `null` for never. */
export function date(seconds: number): Date | null {
  return seconds === 0 ? null : new Date(seconds * 1000);
}
