/**
 * The errors of files, pipes and descriptors in general.
 *
 * @module
 */
import * as mod from "../../../mod.ts";
import {
  at,
  bindTo,
  BROKEN,
  type Errors,
  FILES,
  LONG,
  MEMORY,
  NO_DIRECTORY,
  NO_POINTER,
  not,
  RESTARTED,
  UNUSED,
  withDirectory,
  withFile,
  withLoop,
  withPair,
  withSocket,
} from "./_proofs.ts";
import { OTHERS as NOT_PERMITTED, SEALED, TOO_LARGE } from "./_descriptors.ts";
import { CONFINED, INTERRUPTED, OTHERS } from "./_programs.ts";

/** Every error of these functions. */
export const errors: Errors = {
  pipe: { EFAULT: NO_POINTER, EINVAL: UNUSED, EMFILE: CONFINED, ENFILE: FILES, ENOPKG: UNUSED },
  read: {
    EAGAIN: () => withPair((a) => mod.read(a, new Uint8Array(1))),
    EBADF: at("ffi/libc/unistd", "read() and write() fail with EBADF at the wrong end, and with what is no descriptor"),
    EFAULT: at("ffi/libc/unistd", "read() and write() fail with EFAULT if count exceeds the buffer, and move nothing"),
    EINTR: INTERRUPTED,
    EINVAL: at(
      "ffi/libc/unistd",
      "read() and write() fail with EBADF at the wrong end, and with what is no descriptor",
    ),
    EIO: BROKEN,
    EISDIR: () => withFile("/", mod.O_RDONLY, (fd) => mod.read(fd, new Uint8Array(1))),
  },
  write: {
    EAGAIN: () =>
      withPair((a) => {
        while (true) mod.write(a, "x".repeat(1 << 16));
      }),
    EBADF: at("ffi/libc/unistd", "read() and write() fail with EBADF at the wrong end, and with what is no descriptor"),
    EDESTADDRREQ: () => withSocket(mod.AF_INET, mod.SOCK_DGRAM, (fd) => mod.write(fd, "x")),
    EDQUOT: not("needs a file system with quotas"),
    EFAULT: at("ffi/libc/unistd", "read() and write() fail with EFAULT if count exceeds the buffer, and move nothing"),
    EFBIG: TOO_LARGE,
    EINTR: INTERRUPTED,
    EINVAL: at(
      "ffi/libc/unistd",
      "read() and write() fail with EBADF at the wrong end, and with what is no descriptor",
    ),
    EIO: BROKEN,
    ENOSPC: () => withFile("/dev/full", mod.O_WRONLY, (fd) => mod.write(fd, "x")),
    EPERM: SEALED,
    EPIPE: at(
      "ffi/libc/unistd",
      "read() returns 0 when all writers are closed, and write() fails with EPIPE without a reader",
    ),
  },
  close: {
    EBADF: at("ffi/libc/unistd", "close() closes once, and EBADF is the answer the second time"),
    EDQUOT: not("needs a file system with quotas, over a network"),
    EINTR: not("for file systems over a network; sockets and pipes close without waiting"),
    EIO: BROKEN,
    ENOSPC: not("for file systems over a network that write only now"),
  },
  dup2: {
    EBADF: () => mod.dup2(-1, 600),
    EBUSY: not("a race with open on another thread"),
    EINTR: not("as for close"),
    EINVAL: UNUSED,
    EMFILE: not("for dup; a number beyond the limit is EBADF"),
    ENOMEM: MEMORY,
  },
  open: {
    EACCES: OTHERS,
    EBADF: UNUSED,
    EBUSY: not("needs a mounted device that is opened with O_EXCL"),
    EDQUOT: not("needs a file system with quotas"),
    EEXIST: at("ffi/libc/unistd", "open(), unlink(): a file is made, found, refused a second time, and removed"),
    EFAULT: NO_POINTER,
    EFBIG: not("for programs of 32-bit systems"),
    EINTR: RESTARTED,
    EINVAL: () => mod.open("/", mod.O_TMPFILE), // which asks for writing
    EISDIR: () => mod.open("/", mod.O_WRONLY),
    ELOOP: () => withLoop((path) => mod.open(path, mod.O_RDONLY)),
    EMFILE: CONFINED,
    ENAMETOOLONG: () => mod.open(LONG, mod.O_RDONLY),
    ENFILE: FILES,
    ENODEV: not("needs a device file without a device"),
    ENOENT: () => mod.open("/none/none", mod.O_RDONLY),
    ENOMEM: MEMORY,
    ENOSPC: BROKEN,
    ENOTDIR: () => mod.open(NO_DIRECTORY, mod.O_RDONLY),
    ENXIO: () =>
      withDirectory((directory) => {
        bindTo(`${directory}/socket`);
        mod.open(`${directory}/socket`, mod.O_RDONLY);
      }),
    EOPNOTSUPP: () => mod.open("/proc", mod.O_RDWR | mod.O_TMPFILE),
    EOVERFLOW: not("for programs of 32-bit systems"),
    EPERM: NOT_PERMITTED,
    EROFS: not("needs a file system that is mounted for reading only"),
    ETXTBSY: async () => {
      const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
      Deno.copyFileSync("/bin/sh", `${directory}/sh`);
      const shell = new Deno.Command(`${directory}/sh`, { args: ["-c", "read line"], stdin: "piped" }).spawn();
      try {
        mod.close(mod.open(`${directory}/sh`, mod.O_WRONLY));
      } finally {
        await shell.stdin.close();
        await shell.status;
        Deno.removeSync(directory, { recursive: true });
      }
    },
  },
  unlink: {
    EACCES: OTHERS,
    EBUSY: not("needs a file that something is mounted on"),
    EFAULT: NO_POINTER,
    EIO: BROKEN,
    EISDIR: () => withDirectory((path) => mod.unlink(path)),
    ELOOP: () => withLoop((path) => mod.unlink(`${path}/x`)),
    ENAMETOOLONG: () => mod.unlink(LONG),
    ENOENT: () => mod.unlink("/none/none"),
    ENOMEM: MEMORY,
    ENOTDIR: () => mod.unlink(NO_DIRECTORY),
    EPERM: OTHERS,
    EROFS: not("needs a file system that is mounted for reading only"),
  },
  poll: {
    EFAULT: at("ffi/libc/poll", "poll() fails with EINVAL or EFAULT on wrong arguments"),
    EINTR: INTERRUPTED,
    EINVAL: at("ffi/libc/poll", "poll() fails with EINVAL or EFAULT on wrong arguments"),
    ENOMEM: MEMORY,
  },
};
