/**
 * System V and POSIX inter-process communication, on the real kernel: shared memory, message queues, semaphores, sockets, fork, wait and signals.
 *
 * @module
 */
export * from "./ffi/errors.ts";
export * from "./ffi/libc/fcntl.ts";
export * from "./ffi/libc/signal.ts";
export * from "./ffi/libc/stdio.ts";
export * from "./ffi/libc/stdlib.ts";
export * from "./ffi/libc/string.ts";
export * from "./ffi/libc/sys/ipc.ts";
export * from "./ffi/libc/sys/msg.ts";
export * from "./ffi/libc/sys/sem.ts";
export * from "./ffi/libc/sys/shm.ts";
export * from "./ffi/libc/sys/wait.ts";
export * from "./ffi/libc/unistd.ts";
export * from "./ffi/libc/netdb.ts";
export * from "./ffi/libc/netinet/in.ts";
export * from "./ffi/libc/poll.ts";
export * from "./ffi/libc/sys/socket.ts";
export * from "./ffi/trace/trace.ts";
