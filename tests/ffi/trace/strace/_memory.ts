/**
 * Calls for mappings, and what lies in them.
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";
import { directory, fails, NOWHERE, undo, withoutDescriptors } from "./_support.ts";

export function mappings(): void {
  const { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC } = ipc;
  const { PROT_EXEC, PROT_NONE, PROT_READ } = ipc;
  const both = 3; // PROT_READ | PROT_WRITE
  const name = `/ipc_playground_${ipc.getpid()}`;
  const object = ipc.shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o640);
  undo.push(() => ipc.shm_unlink(name));
  ipc.close(ipc.shm_open(name, O_RDWR | O_TRUNC));
  fails("EEXIST", () => ipc.shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600));
  fails("ENOENT", () => ipc.shm_open(`${name}_none`, O_RDONLY));
  withoutDescriptors(() => fails("EMFILE", () => ipc.memfd_create("none")));
  ipc.close(ipc.memfd_create('a "name"', ipc.MFD_CLOEXEC | ipc.MFD_ALLOW_SEALING));
  fails("EINVAL", () => ipc.memfd_create("flags", 0x4000));

  ipc.write(object, "x".repeat(8192));
  const memory = ipc.mmap(null, 8192, both, MAP_SHARED, object);
  ipc.poke(memory, 5, "*");
  ipc.peek(memory, 5);
  const window = ipc.mmap(null, 100, PROT_READ, MAP_PRIVATE | ipc.MAP_POPULATE | ipc.MAP_NONBLOCK, object, 4096);
  ipc.peek(window, 7);
  ipc.munmap(window);
  ipc.munmap(ipc.mmap(null, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | ipc.MAP_NORESERVE | ipc.MAP_STACK));
  ipc.munmap(ipc.mmap(null, 4096, both, MAP_SHARED | MAP_ANONYMOUS | ipc.MAP_LOCKED, NOWHERE));
  ipc.munmap(ipc.mmap(null, 4096, both | PROT_EXEC, ipc.MAP_SHARED_VALIDATE, object));
  fails("EINVAL", () => ipc.mmap(null, 0, both, MAP_PRIVATE | MAP_ANONYMOUS));
  fails("EINVAL", () => ipc.mmap(null, 100, both, MAP_ANONYMOUS));
  fails("EINVAL", () => ipc.mmap(null, 100, both, MAP_SHARED, object, 1));
  fails("EBADF", () => ipc.mmap(null, 100, both, MAP_SHARED, NOWHERE));
  fails("ENOMEM", () => ipc.mmap(null, 2 ** 50, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS));

  ipc.mlock(memory);
  fails("EBUSY", () => ipc.msync(memory, ipc.MS_SYNC | ipc.MS_INVALIDATE));
  ipc.munlock(memory.subarray(4096, 4100));
  ipc.munlock(memory);
  ipc.msync(memory, ipc.MS_SYNC);
  ipc.msync(memory.subarray(4096), ipc.MS_ASYNC);
  fails("EINVAL", () => ipc.msync(memory.subarray(1), ipc.MS_SYNC));
  const constant = ipc.mprotect(memory, PROT_READ);
  ipc.peek(constant, 5);
  const none = ipc.mprotect(constant, PROT_NONE);
  fails("ENOMEM", () => ipc.mlock(none));
  ipc.munmap(ipc.mprotect(none, both));
  ipc.shm_unlink(name);
  fails("ENOENT", () => ipc.shm_unlink(name));
  ipc.close(object);

  ipc.close(ipc.open(`${directory}/read`, O_RDWR | O_CREAT));
  const reading = ipc.open(`${directory}/read`, O_RDONLY);
  const readable = ipc.mmap(null, 100, PROT_READ, MAP_SHARED, reading);
  fails("EACCES", () => ipc.mprotect(readable, both));
  fails("EACCES", () => ipc.mmap(null, 100, both, MAP_SHARED, reading));
  ipc.munmap(readable);
  ipc.close(reading);
  ipc.unlink(`${directory}/read`);
}
