/**
 * The C structures that cross into the kernel: where each field lies, and classes to read and write
 * them by the names that C gives them.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { byteLengthOf, isBytes } from "./bytes.ts";

/** The one structure that differs: arm64 has none of the reserved words that x86-64 keeps after the times. */
export const semidLayouts = {
  x86_64: { size: 104, sem_perm: 0, sem_otime: 48, sem_ctime: 64, sem_nsems: 80 },
  aarch64: { size: 88, sem_perm: 0, sem_otime: 48, sem_ctime: 56, sem_nsems: 64 },
} as const;

/** Size of each structure and offset of each field. A test compares this with the C compiler. */
export const layouts = {
  ipc_perm: { size: 48, __key: 0, uid: 4, gid: 8, cuid: 12, cgid: 16, mode: 20, __seq: 24 },
  shmid_ds: {
    size: 112,
    shm_perm: 0,
    shm_segsz: 48,
    shm_atime: 56,
    shm_dtime: 64,
    shm_ctime: 72,
    shm_cpid: 80,
    shm_lpid: 84,
    shm_nattch: 88,
  },
  shminfo: { size: 72, shmmax: 0, shmmin: 8, shmmni: 16, shmseg: 24, shmall: 32 },
  shm_info: { size: 48, used_ids: 0, shm_tot: 8, shm_rss: 16, shm_swp: 24 },
  msqid_ds: {
    size: 120,
    msg_perm: 0,
    msg_stime: 48,
    msg_rtime: 56,
    msg_ctime: 64,
    __msg_cbytes: 72,
    msg_qnum: 80,
    msg_qbytes: 88,
    msg_lspid: 96,
    msg_lrpid: 100,
  },
  msginfo: { size: 32, msgpool: 0, msgmap: 4, msgmax: 8, msgmnb: 12, msgmni: 16, msgssz: 20, msgtql: 24, msgseg: 28 },
  semid_ds: semidLayouts[Deno.build.arch === "aarch64" ? "aarch64" : "x86_64"],
  seminfo: {
    size: 40,
    semmap: 0,
    semmni: 4,
    semmns: 8,
    semmnu: 12,
    semmsl: 16,
    semopm: 20,
    semume: 24,
    semusz: 28,
    semvmx: 32,
    semaem: 36,
  },
  sembuf: { size: 6, sem_num: 0, sem_op: 2, sem_flg: 4 },
  rusage: {
    size: 144,
    ru_utime: 0,
    ru_stime: 16,
    ru_maxrss: 32,
    ru_minflt: 64,
    ru_majflt: 72,
    ru_inblock: 88,
    ru_oublock: 96,
    ru_nvcsw: 128,
    ru_nivcsw: 136,
  },
  sockaddr_in: { size: 16, sin_family: 0, sin_port: 2, sin_addr: 4 },
  sockaddr_in6: { size: 28, sin6_family: 0, sin6_port: 2, sin6_flowinfo: 4, sin6_addr: 8, sin6_scope_id: 24 },
  sockaddr_un: { size: 110, sun_family: 0, sun_path: 2 },
  sockaddr_storage: { size: 128, ss_family: 0 },
  addrinfo: {
    size: 48,
    ai_flags: 0,
    ai_family: 4,
    ai_socktype: 8,
    ai_protocol: 12,
    ai_addrlen: 16,
    ai_addr: 24,
    ai_canonname: 32,
    ai_next: 40,
  },
  pollfd: { size: 8, fd: 0, events: 4, revents: 6 },
  timespec: { size: 16, tv_sec: 0, tv_nsec: 8 },
  timeval: { size: 16, tv_sec: 0, tv_usec: 8 },
  linger: { size: 8, l_onoff: 0, l_linger: 4 },
  sigaction: { size: 152, sa_handler: 0 },
} as const;

const { ipc_perm: P, shmid_ds: M, shminfo: MI, shm_info: MN, msqid_ds: Q, msginfo: QI, seminfo: SI, rusage: R } =
  layouts;
const S = layouts.semid_ds;

/** A block of memory that has the layout of a C structure. */
export abstract class Struct {
  /** The structure's bytes, as they are handed to the kernel. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same bytes, for reading numbers. */
  protected readonly view: DataView;

  /**
   * Makes an empty structure.
   *
   * @param size The structure's size in bytes.
   */
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** A 64-bit count or time at an offset; none of those kept this way reaches 2^53. */
  protected long(offset: number): number {
    return Number(this.view.getBigInt64(offset, true));
  }

  /** A 32-bit number at an offset. */
  protected int(offset: number): number {
    return this.view.getInt32(offset, true);
  }

  /** An unsigned 32-bit number at an offset. */
  protected uint(offset: number): number {
    return this.view.getUint32(offset, true);
  }
}

/** A number for a field of a structure; a `DataView` would cut it to fit. */
function field(value: number, largest: number, name: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= largest) return value;
  throw new LibcError("IPC_SET", "EINVAL", `${name} must be 0 to ${largest}, got ${Deno.inspect(value)}`);
}

/** Checks that an argument is the structure that a call needs, and gives its bytes. */
export function bytesOf(struct: Struct, size: number, syscall: string, name: string): Uint8Array<ArrayBuffer> {
  const bytes = struct?.bytes;
  if (isBytes(bytes) && byteLengthOf(bytes) >= size) return bytes;
  throw new LibcError(syscall, "EFAULT", `${name} is not a structure of ${size} bytes`);
}

/**
 * Who owns an IPC object and who may use it: `struct ipc_perm`, the first member of
 * {@linkcode shmid_ds}, {@linkcode msqid_ds} and {@linkcode semid_ds}; see `svipc(7)`.
 */
export class ipc_perm {
  readonly #view: DataView;

  /**
   * Lays it over its outer structure.
   *
   * @param view The memory of the structure that this one is the first member of.
   */
  constructor(view: DataView) {
    this.#view = view;
  }

  /** The key that the object was made with, `0` for `IPC_PRIVATE`. */
  get key(): number {
    return this.#view.getInt32(P.__key, true);
  }
  /** The owner's user id; `IPC_SET` changes it. */
  get uid(): number {
    return this.#view.getUint32(P.uid, true);
  }
  set uid(value: number) {
    this.#view.setUint32(P.uid, field(value, 0xffff_ffff, "uid"), true);
  }
  /** The owner's group id; `IPC_SET` changes it. */
  get gid(): number {
    return this.#view.getUint32(P.gid, true);
  }
  set gid(value: number) {
    this.#view.setUint32(P.gid, field(value, 0xffff_ffff, "gid"), true);
  }
  /** The creator's user id. */
  get cuid(): number {
    return this.#view.getUint32(P.cuid, true);
  }
  /** The creator's group id. */
  get cgid(): number {
    return this.#view.getUint32(P.cgid, true);
  }
  /** Permission bits, such as `0o600`; for segments also `SHM_DEST` and `SHM_LOCKED`. `IPC_SET` changes the lower nine. */
  get mode(): number {
    return this.#view.getUint16(P.mode, true);
  }
  set mode(value: number) {
    this.#view.setUint16(P.mode, field(value, 0xffff, "mode"), true);
  }
  /** The sequence number that makes ids of reused slots differ. */
  get seq(): number {
    return this.#view.getUint16(P.__seq, true);
  }
}

/** What the kernel knows about a segment, `struct shmid_ds` of `shmctl(2)`. */
export class shmid_ds extends Struct {
  /** Owner, creator and permissions. */
  readonly shm_perm: ipc_perm = new ipc_perm(this.view);

  /** Makes an empty structure, to be filled by `shmctl`. */
  constructor() {
    super(M.size);
  }
  /** Size in bytes, as asked for when the segment was made. */
  get shm_segsz(): number {
    return this.long(M.shm_segsz);
  }
  /** When it was last attached, in seconds since 1970; 0 for never. */
  get shm_atime(): number {
    return this.long(M.shm_atime);
  }
  /** When it was last detached, in seconds since 1970; 0 for never. */
  get shm_dtime(): number {
    return this.long(M.shm_dtime);
  }
  /** When it was made or last changed by `IPC_SET`, in seconds since 1970. */
  get shm_ctime(): number {
    return this.long(M.shm_ctime);
  }
  /** The process that made it. */
  get shm_cpid(): number {
    return this.int(M.shm_cpid);
  }
  /** The process that last attached or detached it; 0 for none. */
  get shm_lpid(): number {
    return this.int(M.shm_lpid);
  }
  /** How many times it is attached now. */
  get shm_nattch(): number {
    return this.long(M.shm_nattch);
  }
}

/** The system's limits for segments, `struct shminfo` of `shmctl(2)`, by `IPC_INFO`. */
export class shminfo extends Struct {
  /** Makes an empty structure, to be filled by `shmctl`. */
  constructor() {
    super(MI.size);
  }
  /** The largest segment, in bytes; a bigint, as it is near 2^64 by default. */
  get shmmax(): bigint {
    return this.view.getBigUint64(MI.shmmax, true);
  }
  /** The smallest segment, in bytes. */
  get shmmin(): number {
    return this.long(MI.shmmin);
  }
  /** How many segments there may be. */
  get shmmni(): number {
    return this.long(MI.shmmni);
  }
  /** How many segments a process may attach; unused by Linux. */
  get shmseg(): number {
    return this.long(MI.shmseg);
  }
  /** How much shared memory there may be, in pages; a bigint, as it is near 2^64 by default. */
  get shmall(): bigint {
    return this.view.getBigUint64(MI.shmall, true);
  }
}

/** What the system's segments use, `struct shm_info` of `shmctl(2)`, by `SHM_INFO`. */
export class shm_info extends Struct {
  /** Makes an empty structure, to be filled by `shmctl`. */
  constructor() {
    super(MN.size);
  }
  /** How many segments there are. */
  get used_ids(): number {
    return this.int(MN.used_ids);
  }
  /** All segments together, in pages. */
  get shm_tot(): number {
    return this.long(MN.shm_tot);
  }
  /** How much of that is in memory, in pages. */
  get shm_rss(): number {
    return this.long(MN.shm_rss);
  }
  /** How much of that is swapped out, in pages. */
  get shm_swp(): number {
    return this.long(MN.shm_swp);
  }
}

/** What the kernel knows about a queue, `struct msqid_ds` of `msgctl(2)`. */
export class msqid_ds extends Struct {
  /** Owner, creator and permissions. */
  readonly msg_perm: ipc_perm = new ipc_perm(this.view);

  /** Makes an empty structure, to be filled by `msgctl`. */
  constructor() {
    super(Q.size);
  }
  /** When a message was last sent, in seconds since 1970; 0 for never. */
  get msg_stime(): number {
    return this.long(Q.msg_stime);
  }
  /** When a message was last received, in seconds since 1970; 0 for never. */
  get msg_rtime(): number {
    return this.long(Q.msg_rtime);
  }
  /** When the queue was made or last changed by `IPC_SET`, in seconds since 1970. */
  get msg_ctime(): number {
    return this.long(Q.msg_ctime);
  }
  /** How many bytes of text wait in the queue. */
  get msg_cbytes(): number {
    return this.long(Q.__msg_cbytes);
  }
  /** How many messages wait in the queue. */
  get msg_qnum(): number {
    return this.long(Q.msg_qnum);
  }
  /** How many bytes of text the queue may hold; `IPC_SET` changes it. */
  get msg_qbytes(): number {
    return this.long(Q.msg_qbytes);
  }
  set msg_qbytes(value: number) {
    this.view.setBigInt64(Q.msg_qbytes, BigInt(field(value, Number.MAX_SAFE_INTEGER, "msg_qbytes")), true);
  }
  /** The process that last sent; 0 for none. */
  get msg_lspid(): number {
    return this.int(Q.msg_lspid);
  }
  /** The process that last received; 0 for none. */
  get msg_lrpid(): number {
    return this.int(Q.msg_lrpid);
  }
}

/** The system's limits for queues, `struct msginfo` of `msgctl(2)`, by `IPC_INFO` and `MSG_INFO`. */
export class msginfo extends Struct {
  /** Makes an empty structure, to be filled by `msgctl`. */
  constructor() {
    super(QI.size);
  }
  /** With `MSG_INFO`: how many queues there are. */
  get msgpool(): number {
    return this.int(QI.msgpool);
  }
  /** With `MSG_INFO`: how many messages there are in all queues. */
  get msgmap(): number {
    return this.int(QI.msgmap);
  }
  /** The longest message, in bytes. */
  get msgmax(): number {
    return this.int(QI.msgmax);
  }
  /** How many bytes a new queue may hold. */
  get msgmnb(): number {
    return this.int(QI.msgmnb);
  }
  /** How many queues there may be. */
  get msgmni(): number {
    return this.int(QI.msgmni);
  }
  /** With `MSG_INFO`: how many bytes there are in all queues. */
  get msgtql(): number {
    return this.int(QI.msgtql);
  }
}

/** What the kernel knows about a semaphore set, `struct semid_ds` of `semctl(2)`. */
export class semid_ds extends Struct {
  /** Owner, creator and permissions. */
  readonly sem_perm: ipc_perm = new ipc_perm(this.view);

  /** Makes an empty structure, to be filled by `semctl`. */
  constructor() {
    super(S.size);
  }
  /** When the set was last operated on, in seconds since 1970; 0 for never. */
  get sem_otime(): number {
    return this.long(S.sem_otime);
  }
  /** When the set was made or last changed, in seconds since 1970. */
  get sem_ctime(): number {
    return this.long(S.sem_ctime);
  }
  /** How many semaphores the set has. */
  get sem_nsems(): number {
    return this.long(S.sem_nsems);
  }
}

/** The system's limits for semaphores, `struct seminfo` of `semctl(2)`, by `IPC_INFO` and `SEM_INFO`. */
export class seminfo extends Struct {
  /** Makes an empty structure, to be filled by `semctl`. */
  constructor() {
    super(SI.size);
  }
  /** How many sets there may be. */
  get semmni(): number {
    return this.int(SI.semmni);
  }
  /** How many semaphores there may be in all sets. */
  get semmns(): number {
    return this.int(SI.semmns);
  }
  /** How many semaphores a set may have. */
  get semmsl(): number {
    return this.int(SI.semmsl);
  }
  /** How many operations a `semop` may have. */
  get semopm(): number {
    return this.int(SI.semopm);
  }
  /** The largest value of a semaphore. */
  get semvmx(): number {
    return this.int(SI.semvmx);
  }
  /** With `SEM_INFO`: how many sets there are; else the size of an undo structure. */
  get semusz(): number {
    return this.int(SI.semusz);
  }
  /** With `SEM_INFO`: how many semaphores there are in all sets; else the largest undo value. */
  get semaem(): number {
    return this.int(SI.semaem);
  }
}

/** What a process used, `struct rusage` of `getrusage(2)`, filled by `wait3` and `wait4`. */
export class rusage extends Struct {
  /** Makes an empty structure, to be filled by `wait3` or `wait4`. */
  constructor() {
    super(R.size);
  }
  #seconds(offset: number): number {
    return this.long(offset) + this.long(offset + 8) / 1e6;
  }
  /** Time spent in user mode, in seconds. */
  get ru_utime(): number {
    return this.#seconds(R.ru_utime);
  }
  /** Time spent in the kernel, in seconds. */
  get ru_stime(): number {
    return this.#seconds(R.ru_stime);
  }
  /** The most memory it ever had resident, in KiB. */
  get ru_maxrss(): number {
    return this.long(R.ru_maxrss);
  }
  /** Page faults served without reading from a disk. */
  get ru_minflt(): number {
    return this.long(R.ru_minflt);
  }
  /** Page faults that had to read from a disk. */
  get ru_majflt(): number {
    return this.long(R.ru_majflt);
  }
  /** How many times the file system had to read from a disk. */
  get ru_inblock(): number {
    return this.long(R.ru_inblock);
  }
  /** How many times the file system had to write to a disk. */
  get ru_oublock(): number {
    return this.long(R.ru_oublock);
  }
  /** How many times it gave the processor away, mostly to wait. */
  get ru_nvcsw(): number {
    return this.long(R.ru_nvcsw);
  }
  /** How many times the processor was taken away from it. */
  get ru_nivcsw(): number {
    return this.long(R.ru_nivcsw);
  }
}

/** The bytes of a message, to hand to the kernel; undefined for anything else than a {@linkcode msgbuf}. */
export let ownBytes: (message: msgbuf) => Uint8Array<ArrayBuffer> | undefined;

/**
 * A message as `msgsnd(2)` and `msgrcv(2)` take it: `struct msgbuf { long mtype; char mtext[N]; }`.
 *
 * @example
 * ```ts
 * import { msgbuf } from "@ipc/playground";
 *
 * const sbuf = new msgbuf(128);
 * sbuf.mtype = 1;
 * sbuf.mtext.set(new TextEncoder().encode("Did you get this?\0"));
 * ```
 */
export class msgbuf extends Struct {
  /** The message's text: as many bytes as the structure was made with. */
  readonly mtext: Uint8Array<ArrayBuffer>;
  // nobody else has this view: what it says of its length is true, also when the memory was transferred away
  readonly #own: Uint8Array<ArrayBuffer>;

  static {
    ownBytes = (message) =>
      typeof message === "object" && message !== null && #own in message ? message.#own : undefined;
  }

  /**
   * Makes an empty message.
   *
   * @param size How many bytes of text it has room for.
   */
  constructor(size: number) {
    if (!Number.isInteger(size) || size < 0 || size > 0x7fffffff) {
      throw new LibcError("msgbuf", "EINVAL", `size must be 0 to 2^31 - 1 bytes, got ${Deno.inspect(size)}`);
    }
    super(8 + size);
    this.mtext = this.bytes.subarray(8);
    this.#own = new Uint8Array(this.bytes.buffer);
  }
  /** The message's type: above 0 to send; a bigint only beyond 2^53, where a number would be off. */
  get mtype(): number | bigint {
    const low = this.view.getUint32(0, true);
    const high = this.view.getInt32(4, true);
    const value = high * 2 ** 32 + low;
    return Number.isSafeInteger(value) ? value : this.view.getBigInt64(0, true);
  }
  set mtype(value: number | bigint) {
    if (typeof value === "number" && Number.isSafeInteger(value)) {
      this.view.setUint32(0, value >>> 0, true);
      this.view.setInt32(4, Math.floor(value / 2 ** 32), true);
    } else if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) {
      this.view.setBigInt64(0, value, true);
    } else {
      throw new LibcError(
        "msgsnd",
        "EINVAL",
        `mtype must be a 64-bit integer (a bigint beyond 2^53), got ${Deno.inspect(value)}`,
      );
    }
  }
}

/**
 * The operations of one `semop(2)`, an array of `struct sembuf`. Make it once and use it often: the
 * call hands it over as it is.
 *
 * @example
 * ```ts
 * import { SEM_UNDO, sembuf } from "@ipc/playground";
 *
 * const P = new sembuf([0, -1, SEM_UNDO]); // wait for semaphore 0, take one
 * const V = new sembuf([0, +1, SEM_UNDO]); // give it back
 * const both = new sembuf([0, -1], [1, -1]); // all or nothing
 * ```
 */
export class sembuf extends Struct {
  /** How many operations there are. */
  readonly length: number;

  /**
   * Makes the operations.
   *
   * @param ops For each operation `[sem_num, sem_op, sem_flg]`; flags are `IPC_NOWAIT` and `SEM_UNDO`.
   */
  constructor(...ops: [sem_num: number, sem_op: number, sem_flg?: number][]) {
    super(ops.length * layouts.sembuf.size);
    this.length = ops.length;
    ops.forEach((op, i) => {
      const [num, value, flags = 0] = Array.isArray(op) ? op : [];
      const at = i * layouts.sembuf.size;
      if (
        typeof num !== "number" || typeof value !== "number" || typeof flags !== "number" || (num & 0xffff) !== num ||
        (value << 16 >> 16) !== value ||
        (flags << 16 >> 16) !== flags
      ) {
        throw new LibcError(
          "semop",
          "EINVAL",
          `${Deno.inspect(op)} is not [semaphore 0 to 65535, 16-bit value, flags]`,
        );
      }
      this.view.setUint16(at, num, true);
      this.view.setInt16(at + 2, value, true);
      this.view.setInt16(at + 4, flags, true);
    });
  }
}
