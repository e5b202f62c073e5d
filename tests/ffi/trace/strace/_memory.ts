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

export function synchronization(): void {
  const memory = ipc.mmap(null, 4096, 3, ipc.MAP_SHARED | ipc.MAP_ANONYMOUS);
  const soon = () => Date.now() / 1000 + 0.01;
  const name = `/ipc_playground_${ipc.getpid()}`;
  const named = ipc.sem_open(name, ipc.O_CREAT | ipc.O_EXCL, 0o600, 1);
  undo.push(() => ipc.sem_unlink(name));
  ipc.sem_wait(named);
  ipc.sem_close(named);
  ipc.sem_unlink(name);
  fails("ENOENT", () => ipc.sem_unlink(name));
  const sem = new ipc.sem_t(memory, 0);
  ipc.sem_init(sem, 1, 0);
  ipc.sem_post(sem);
  ipc.sem_trywait(sem);
  ipc.sem_getvalue(sem);
  fails("ETIMEDOUT", () => ipc.sem_timedwait(sem, soon()));
  ipc.sem_destroy(sem);

  const attr = new ipc.pthread_mutexattr_t();
  ipc.pthread_mutexattr_init(attr);
  ipc.pthread_mutexattr_settype(attr, ipc.PTHREAD_MUTEX_RECURSIVE);
  ipc.pthread_mutexattr_gettype(attr);
  ipc.pthread_mutexattr_setpshared(attr, ipc.PTHREAD_PROCESS_SHARED);
  ipc.pthread_mutexattr_getpshared(attr);
  ipc.pthread_mutexattr_setrobust(attr, ipc.PTHREAD_MUTEX_ROBUST);
  ipc.pthread_mutexattr_getrobust(attr);
  const condattr = new ipc.pthread_condattr_t();
  ipc.pthread_condattr_init(condattr);
  ipc.pthread_condattr_setpshared(condattr, ipc.PTHREAD_PROCESS_SHARED);
  ipc.pthread_condattr_getpshared(condattr);
  ipc.pthread_condattr_setclock(condattr, ipc.CLOCK_REALTIME);
  ipc.pthread_condattr_getclock(condattr);
  const mutex = new ipc.pthread_mutex_t(memory, 64);
  const cond = new ipc.pthread_cond_t(memory, 128);
  ipc.pthread_mutex_init(mutex, attr);
  ipc.pthread_cond_init(cond, condattr);
  ipc.pthread_mutexattr_destroy(attr);
  ipc.pthread_condattr_destroy(condattr);
  ipc.pthread_mutex_lock(mutex);
  ipc.pthread_mutex_trylock(mutex);
  ipc.pthread_mutex_timedlock(mutex, soon());
  ipc.pthread_mutex_unlock(mutex);
  ipc.pthread_mutex_unlock(mutex);
  fails("ETIMEDOUT", () => ipc.pthread_cond_timedwait(cond, mutex, soon()));
  ipc.pthread_mutex_unlock(mutex);
  fails("EINVAL", () => ipc.pthread_mutex_consistent(mutex));
  const garbled = new ipc.pthread_mutex_t(memory, 512);
  ipc.pthread_mutex_init(garbled, null);
  fails("EBUSY", () => {
    ipc.pthread_mutex_lock(garbled);
    ipc.pthread_mutex_destroy(garbled);
  });
  // it is back because somebody signals: a child
  ipc.pthread_mutex_lock(mutex);
  const child = ipc.fork(() => {
    ipc.pthread_mutex_lock(mutex);
    ipc.pthread_cond_signal(cond);
    ipc.pthread_mutex_unlock(mutex);
  });
  ipc.pthread_cond_wait(cond, mutex);
  ipc.waitpid(child);
  ipc.pthread_mutex_unlock(mutex);
  ipc.pthread_cond_broadcast(cond);
  ipc.pthread_cond_destroy(cond);
  ipc.pthread_mutex_destroy(mutex);
  const last = new Int32Array(memory.buffer, 1024, 1);
  const waker = ipc.fork(() => {
    while (ipc.futex(last, ipc.FUTEX_WAKE, 1) === 0) ipc.usleep(1000);
  });
  ipc.futex_waitv([[last, 0]], null);
  ipc.waitpid(waker);
  ipc.munmap(memory);

  const word = new Int32Array([5]);
  const other = new Int32Array(1);
  const any = ipc.FUTEX_BITSET_MATCH_ANY;
  fails("EAGAIN", () => ipc.futex(word, ipc.FUTEX_WAIT, 4));
  fails("EAGAIN", () => ipc.futex(word, ipc.FUTEX_WAIT | ipc.FUTEX_PRIVATE_FLAG, -4, 2.5));
  fails("ETIMEDOUT", () => ipc.futex(word, ipc.FUTEX_WAIT, 5, 0.01));
  ipc.futex(word, ipc.FUTEX_WAKE, 1);
  ipc.futex(word, ipc.FUTEX_WAKE | ipc.FUTEX_PRIVATE_FLAG, 0x7fff_ffff);
  fails("ETIMEDOUT", () => ipc.futex(word, ipc.FUTEX_WAIT_BITSET | ipc.FUTEX_CLOCK_REALTIME, 5, 1, null, any));
  fails("EINVAL", () => ipc.futex(word, ipc.FUTEX_WAIT_BITSET, 5, null, null, 0));
  ipc.futex(word, ipc.FUTEX_WAKE_BITSET, 1, null, null, 6);
  ipc.futex(word, ipc.FUTEX_REQUEUE, 1, 2, other);
  ipc.futex(word, ipc.FUTEX_CMP_REQUEUE, 1, 2, other, 5);
  fails("ETIMEDOUT", () => ipc.futex_waitv([[word, 5], [other, 0]], 1));
  fails("EAGAIN", () => ipc.futex_waitv([[word, 4]], null, ipc.CLOCK_REALTIME));
}
