/**
 * System V and POSIX inter-process communication, on the real kernel: shared memory, message queues, semaphores, sockets, fork, wait and signals.
 *
 * @module
 */
export * from "./ffi/errors.ts";
export * from "./ffi/libc/signal.ts";
export * from "./ffi/libc/stdio.ts";
export * from "./ffi/libc/stdlib.ts";
export * from "./ffi/libc/string.ts";
export * from "./ffi/libc/sys/ipc.ts";
export * from "./ffi/libc/sys/shm.ts";
export * from "./ffi/libc/sys/wait.ts";
export * from "./ffi/libc/unistd.ts";
