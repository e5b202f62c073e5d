/**
 * The errors of System V objects.
 *
 * @module
 */
import * as mod from "../../../mod.ts";
import {
  at,
  type Errors,
  FILES,
  LIMITS,
  LONG,
  MEMORY,
  NO_DIRECTORY,
  NO_POINTER,
  not,
  PERMISSIONS,
  type Proof,
  RACE,
  UNUSED,
  withLoop,
} from "./_proofs.ts";
import { INTERRUPTED, OTHERS } from "./_programs.ts";

const SEMCTL: Record<string, Proof> = {
  EACCES: PERMISSIONS,
  EFAULT: at("ffi/libc/sys/sem", "semctl() fails with EFAULT if the array of GETALL or SETALL has no room for the set"),
  EIDRM: RACE,
  EINVAL: at("ffi/libc/sys/sem", "semctl() fails with EINVAL if there is no such set, semaphore or command"),
  EPERM: PERMISSIONS,
  ERANGE: at("ffi/libc/sys/sem", "semctl() fails with ERANGE if a value is not 0 to 32767"),
};

const SEM_OPERATIONS: Record<string, Proof> = {
  E2BIG: at("ffi/libc/sys/sem", "semop() fails with EFBIG, ERANGE, E2BIG or EINVAL if the operations can't be"),
  EACCES: PERMISSIONS,
  EFAULT: at("ffi/libc/sys/sem", "semop() fails with EINVAL or EFAULT if an argument is bad"),
  EFBIG: at("ffi/libc/sys/sem", "semop() fails with EFBIG, ERANGE, E2BIG or EINVAL if the operations can't be"),
  EIDRM: at("ffi/libc/sys/sem", "semop() blocks until it can go on, and fails with EIDRM if the set goes"),
  EINTR: INTERRUPTED,
  EINVAL: at("ffi/libc/sys/sem", "semop() fails with EFBIG, ERANGE, E2BIG or EINVAL if the operations can't be"),
  ENOMEM: MEMORY,
  ERANGE: at("ffi/libc/sys/sem", "semop() fails with EFBIG, ERANGE, E2BIG or EINVAL if the operations can't be"),
};

/** Every error of these functions. */
export const errors: Errors = {
  shmget: {
    EACCES: PERMISSIONS,
    EEXIST: at("ffi/libc/sys/shm", "shmget() fails with EEXIST if it must make a segment and there is one"),
    EINVAL: at("ffi/libc/sys/shm", "shmget() fails with EINVAL if the size is 0 or above that of the segment"),
    ENFILE: FILES,
    ENOENT: at("ffi/libc/sys/shm", "shmget() fails with ENOENT if there is no segment with the key, and says which"),
    ENOMEM: at("ffi/libc/sys/shm", "shmget() fails if no machine has so much memory"),
    ENOSPC: LIMITS,
    EPERM: OTHERS,
  },
  shmat: {
    EACCES: PERMISSIONS,
    EIDRM: RACE,
    EINVAL: at(
      "ffi/libc/sys/shm",
      "shmat() fails with EINVAL if there is no such segment, an address is given, or an argument is bad",
    ),
    ENOMEM: at("ffi/libc/sys/shm", "shmat() fails with ENOMEM if the address space has no room"),
  },
  shmdt: { EINVAL: at("ffi/libc/sys/shm", "shmdt() fails with EINVAL if it is not given an attached segment") },
  shmctl: {
    EACCES: PERMISSIONS,
    EFAULT: at("ffi/libc/sys/shm", "shmctl() fails with EFAULT if the structure is missing, too short, or gone"),
    EIDRM: RACE,
    EINVAL: at("ffi/libc/sys/shm", "shmctl() fails with EINVAL if there is no such segment or command"),
    ENOMEM: not("SHM_LOCK above RLIMIT_MEMLOCK, which does not bind root, and others get EPERM without it"),
    EOVERFLOW: not("ids and sizes of 16 bits, in programs of 32-bit systems"),
    EPERM: PERMISSIONS,
  },
  msgget: {
    EACCES: PERMISSIONS,
    EEXIST: () => {
      const key = 0x7c000000 | crypto.getRandomValues(new Uint32Array(1))[0] & 0xffffff;
      const flags = mod.IPC_CREAT | mod.IPC_EXCL | 0o600;
      const id = mod.msgget(key, flags);
      try {
        mod.msgget(key, flags);
      } finally {
        mod.msgctl(id, mod.IPC_RMID);
      }
    },
    ENOENT: at("ffi/libc/sys/msg", "msgget() fails with ENOENT if there is no queue with the key, and says which"),
    ENOMEM: MEMORY,
    ENOSPC: LIMITS,
  },
  msgsnd: {
    EACCES: PERMISSIONS,
    EAGAIN: at("ffi/libc/sys/msg", "msgsnd() fails with EAGAIN if the queue is full and it must not wait"),
    EFAULT: at(
      "ffi/libc/sys/msg",
      "msgsnd() and msgrcv() fail with EFAULT if msgsz is beyond the buffer, or there is none",
    ),
    EIDRM: at("stress/faults", "a queue that is removed ends every wait for it with EIDRM"),
    EINTR: INTERRUPTED,
    EINVAL: at("ffi/libc/sys/msg", "msgsnd() fails with EINVAL if the type is below 1 or the message above the limit"),
    ENOMEM: MEMORY,
  },
  msgrcv: {
    E2BIG: at(
      "ffi/libc/sys/msg",
      "msgrcv() fails with E2BIG if the message is longer, and leaves it; MSG_NOERROR cuts it",
    ),
    EACCES: PERMISSIONS,
    EFAULT: at(
      "ffi/libc/sys/msg",
      "msgsnd() and msgrcv() fail with EFAULT if msgsz is beyond the buffer, or there is none",
    ),
    EIDRM: at("ffi/libc/sys/msg", "msgrcv() fails with EIDRM if the queue is removed while it waits"),
    EINTR: INTERRUPTED,
    EINVAL: at(
      "ffi/libc/sys/msg",
      "msgsnd() and msgrcv() fail with EINVAL if an argument is no integer of C's, or there is no queue",
    ),
    ENOMSG: at("ffi/libc/sys/msg", "msgrcv() fails with ENOMSG if nothing is there and it must not wait"),
    ENOSYS: not("MSG_COPY on a kernel without checkpoints; this one either has it or is skipped where it is tested"),
  },
  msgctl: {
    EACCES: PERMISSIONS,
    EFAULT: at("ffi/libc/sys/msg", "msgctl() fails with EFAULT if the structure is missing or too short"),
    EIDRM: RACE,
    EINVAL: at("ffi/libc/sys/msg", "msgctl() fails with EINVAL if there is no such queue or command"),
    EPERM: PERMISSIONS,
  },
  semget: {
    EACCES: PERMISSIONS,
    EEXIST: () => {
      const key = 0x7c000000 | crypto.getRandomValues(new Uint32Array(1))[0] & 0xffffff;
      const flags = mod.IPC_CREAT | mod.IPC_EXCL | 0o600;
      const id = mod.semget(key, 1, flags);
      try {
        mod.semget(key, 1, flags);
      } finally {
        mod.semctl(id, 0, mod.IPC_RMID);
      }
    },
    EINVAL: at(
      "ffi/libc/sys/sem",
      "semget() fails with EINVAL if the count is 0, negative or above the limit, or no integer of C's",
    ),
    ENOENT: at("ffi/libc/sys/sem", "semget() fails with ENOENT if there is no set with the key, and says which"),
    ENOMEM: MEMORY,
    ENOSPC: LIMITS,
  },
  semop: {
    ...SEM_OPERATIONS,
    EAGAIN: () => {
      const id = mod.semget(mod.IPC_PRIVATE, 1, 0o600);
      try {
        mod.semop(id, new mod.sembuf([0, -1, mod.IPC_NOWAIT]));
      } finally {
        mod.semctl(id, 0, mod.IPC_RMID);
      }
    },
  },
  semtimedop: { ...SEM_OPERATIONS, EAGAIN: at("ffi/libc/sys/sem", "semtimedop() gives up with EAGAIN after its time") },
  semctl: SEMCTL,
  ftok: {
    EACCES: OTHERS,
    EBADF: UNUSED,
    EFAULT: NO_POINTER,
    EINVAL: UNUSED,
    ELOOP: () => withLoop((path) => mod.ftok(path, 1)),
    ENAMETOOLONG: () => mod.ftok(LONG, 1),
    ENOENT: () => mod.ftok("/none/none", 1),
    ENOMEM: MEMORY,
    ENOTDIR: () => mod.ftok(NO_DIRECTORY, 1),
    EOVERFLOW: not("for programs of 32-bit systems"),
  },
};
