/**
 * The errors of mappings, and of what lies in them.
 *
 * @module
 */
import * as mod from "../../../mod.ts";
import { limiting, unprivileged } from "./_programs.ts";
import {
  at,
  type Errors,
  FILES,
  LONG,
  MEMORY,
  NO_POINTER,
  not,
  type Proof,
  withDirectory,
  withFile,
} from "./_proofs.ts";

const { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, O_CREAT, O_RDONLY, O_RDWR } = mod;
const BOTH = 3; // PROT_READ | PROT_WRITE

const CONFINED = limiting(
  "calls for memory fail with EMFILE if there are no descriptors left",
  "-n 60",
  `
  const fds = [];
  try { while (true) fds.push(c.memfd_create("x")); } catch { /* that was the last one */ }
  attempt("memfd_create", () => c.memfd_create("x"));
  attempt("shm_open", () => c.shm_open("/ipc_playground_none", c.O_RDONLY));`,
);

const NOBODY = unprivileged(
  "calls for memory fail with EAGAIN or ENOMEM for who is not privileged",
  `
  const memory = c.mmap(null, 1 << 30, 3, c.MAP_PRIVATE | c.MAP_ANONYMOUS);
  attempt("mlock ENOMEM", () => c.mlock(memory));
  attempt("mmap EAGAIN", () => c.mmap(null, 1 << 30, 3, c.MAP_PRIVATE | c.MAP_ANONYMOUS | c.MAP_LOCKED));`,
);

/** Maps a page of memory. */
function withPage(use: (memory: Uint8Array<ArrayBuffer>) => unknown): void {
  const memory = mod.mmap(null, 4096, BOTH, MAP_PRIVATE | MAP_ANONYMOUS);
  try {
    use(memory);
  } finally {
    mod.munmap(memory);
  }
}

function withReadable(use: (fd: number) => unknown): void {
  withDirectory((directory) => {
    mod.close(mod.open(`${directory}/file`, O_RDWR | O_CREAT));
    withFile(`${directory}/file`, O_RDONLY, use);
  });
}

const ARGUMENTS = at(
  "ffi/libc/sys/mman",
  "mmap() fails with EINVAL, EBADF, ENODEV, EACCES or ENOMEM on wrong arguments",
);
const NO_MAPPING = at("ffi/libc/sys/mman", "what is given something else than a mapping fails with EINVAL");
const UNMAPPED: Proof = not("pages that are not mapped: only what is mapped is taken here");

/** Every error of these functions. */
export const errors: Errors = {
  shm_open: {
    EACCES: not("as for any file: see open"),
    EEXIST: () => {
      const name = `/ipc_playground_${Deno.pid}_exists`;
      mod.close(mod.shm_open(name, O_RDWR | O_CREAT));
      try {
        mod.shm_open(name, O_RDWR | O_CREAT | mod.O_EXCL);
      } finally {
        mod.shm_unlink(name);
      }
    },
    EINVAL: () => mod.shm_open("/a/b", O_RDONLY),
    EMFILE: CONFINED,
    ENAMETOOLONG: not("glibc says EINVAL"),
    ENFILE: FILES,
    ENOENT: () => mod.shm_open("/ipc_playground_none", O_RDONLY),
  },
  shm_unlink: {
    EACCES: not("as for any file: see unlink"),
    ENOENT: () => mod.shm_unlink("/ipc_playground_none"),
  },
  memfd_create: {
    EFAULT: NO_POINTER,
    EINVAL: () => mod.memfd_create(LONG),
    EMFILE: CONFINED,
    ENFILE: FILES,
    ENOMEM: MEMORY,
    EPERM: not("huge pages are for members of a group that no test has"),
  },
  mmap: {
    EACCES: () => withReadable((fd) => mod.mmap(null, 10, BOTH, MAP_SHARED, fd)),
    EAGAIN: NOBODY,
    EBADF: ARGUMENTS,
    EEXIST: not("for MAP_FIXED_NOREPLACE, which is refused"),
    EINVAL: ARGUMENTS,
    ENFILE: FILES,
    ENODEV: ARGUMENTS,
    ENOMEM: ARGUMENTS,
    EOVERFLOW: not("for programs of 32-bit systems"),
    EPERM: at("ffi/libc/sys/mman", "a sealed memory file is not mapped for writing, and does not become shorter"),
    ETXTBSY: not("for MAP_DENYWRITE, which means nothing any more and is refused"),
  },
  munmap: { EINVAL: NO_MAPPING },
  mprotect: {
    EACCES: () =>
      withReadable((fd) => {
        const window = mod.mmap(null, 10, mod.PROT_READ, MAP_SHARED, fd);
        try {
          mod.mprotect(window, BOTH);
        } finally {
          mod.munmap(window);
        }
      }),
    EINVAL: NO_MAPPING,
    ENOMEM: UNMAPPED,
  },
  msync: {
    EBUSY: () =>
      withPage((memory) => {
        mod.mlock(memory);
        mod.msync(memory, mod.MS_SYNC | mod.MS_INVALIDATE);
      }),
    EINVAL: NO_MAPPING,
    ENOMEM: UNMAPPED,
  },
  mlock: {
    EAGAIN: not("the kernel would have to run out of memory, or a page be gone meanwhile"),
    EINVAL: NO_MAPPING,
    ENOMEM: NOBODY,
    EPERM: not("a limit of 0, which an unprivileged program has to have set itself"),
  },
  munlock: { EAGAIN: MEMORY, EINVAL: NO_MAPPING, ENOMEM: UNMAPPED, EPERM: not("does not need anything") },
};
