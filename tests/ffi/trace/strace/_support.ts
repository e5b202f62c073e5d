/**
 * What the parts of the program have in common.
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";

/** The directory that the program may use. */
export const [directory] = Deno.args;

// What the library has no functions for, or would see.
const c = Deno.dlopen("libc.so.6", {
  /** Detaches a segment without the library's knowledge, so that its own `shmdt` comes too late. */
  shmdt: { parameters: ["buffer"], result: "i32" },
  /** With no descriptors to be had, calls fail that never do otherwise. */
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
}).symbols;

/** Detaches a segment without the library's knowledge, so that its own `shmdt` comes too late. */
export function shmdtUnseen(memory: ipc.Memory): void {
  c.shmdt(memory as Uint8Array<ArrayBuffer>);
}

/** Makes a call that is to fail. */
export function fails(code: string, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (error instanceof ipc.LibcError && error.code === code) return;
    throw error;
  }
  throw new Error(`no ${code}: ${call}`);
}

/** Makes calls while the process may open no descriptors. */
export function withoutDescriptors(calls: () => void): void {
  const RLIMIT_NOFILE = 7;
  const limit = new BigUint64Array(2);
  c.getrlimit(RLIMIT_NOFILE, limit);
  c.setrlimit(RLIMIT_NOFILE, new BigUint64Array([0n, limit[1]]));
  try {
    calls();
  } finally {
    c.setrlimit(RLIMIT_NOFILE, limit);
  }
}

/** Makes calls that wait, while signals come again and again until they are done. */
export function interrupted(calls: () => void): void {
  const parent = ipc.getpid();
  const [over, end] = ipc.pipe();
  const pester = ipc.fork(() => {
    ipc.close(end);
    while (ipc.poll(new ipc.pollfds([over, ipc.POLLIN]), 20) === 0) ipc.kill(parent, ipc.SIGUSR1);
  });
  ipc.close(over);
  try {
    calls();
  } finally {
    ipc.close(end);
    ipc.waitpid(pester);
  }
}

/** What removes the objects, should the program fail midway. */
export const undo: (() => void)[] = [];

export const NOWHERE = 777; // no descriptor
export const NO_ID = 0x7fff_fff0; // no object
export const NO_PID = 0x3fff_ffff; // no process
export const room = new Uint8Array(256);
export const KEY = 0x1625_0000 | ipc.getpid() & 0xffff;
export const BINARY = new Uint8Array([
  0,
  1,
  7,
  8,
  9,
  10,
  11,
  12,
  13,
  27,
  31,
  32,
  34,
  92,
  126,
  127,
  128,
  255,
  0,
  48,
  1,
  56,
  0,
]);
