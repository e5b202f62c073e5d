/**
 * How an error of the table is proven, and what the proofs have in common.
 *
 * @module
 */
import * as mod from "../../../mod.ts";
import type { Need } from "../../needs.ts";

/** A program that provokes errors. */
export interface Provoking {
  /** The name of the test that runs it. */
  readonly title: string;
  /** What it needs. */
  readonly needs: readonly Need[];
  /** Runs it, once: the codes that it got, by `function` or `function error`. */
  run(): Promise<Record<string, string>>;
}

/** Where an error is provoked: in the table, in a test of another file, or in a program that is interrupted or confined. */
export type Proof =
  | (() => unknown)
  | { file: string; test: string }
  | { program: Provoking }
  | { why: string };

/** The errors of functions, by their names. */
export type Errors = Record<string, Record<string, Proof>>;

/** Provoked by the test of that name; the file's name is without `_test.ts`. */
export const at = (file: string, test: string): Proof => ({ file: `${file}_test.ts`, test });
/** Not provoked, and why. */
export const not = (why: string): Proof => ({ why });

export const AF_UNIX = mod.AF_UNIX;

/** Does something with a new socket and closes it. */
export function withSocket(domain: number, type: number, use: (fd: number) => unknown): void {
  const fd = mod.socket(domain, type, 0);
  try {
    use(fd);
  } finally {
    mod.close(fd);
  }
}

export function withPair(
  use: (a: number, b: number) => unknown,
  type: number = mod.SOCK_STREAM | mod.SOCK_NONBLOCK,
): void {
  const fds = mod.socketpair(AF_UNIX, type, 0);
  try {
    use(...fds);
  } finally {
    fds.forEach(mod.close);
  }
}

export function withFile(path: string, flags: number, use: (fd: number) => unknown): void {
  const fd = mod.open(path, flags);
  try {
    use(fd);
  } finally {
    mod.close(fd);
  }
}

export function withDirectory(use: (path: string) => unknown): void {
  const path = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    use(path);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

/** A symbolic link to itself. */
export function withLoop(use: (path: string) => unknown): void {
  withDirectory((directory) => {
    Deno.symlinkSync("loop", `${directory}/loop`);
    use(`${directory}/loop`);
  });
}

export const LONG = `/${"x".repeat(300)}`;
export const NO_DIRECTORY = "/dev/null/x";

export function unixAt(path: string): mod.sockaddr_un {
  const address = new mod.sockaddr_un();
  address.sun_path = path;
  return address;
}

export const bindTo = (path: string) => withSocket(AF_UNIX, mod.SOCK_STREAM, (fd) => mod.bind(fd, unixAt(path)));
export const connectTo = (path: string) => withSocket(AF_UNIX, mod.SOCK_STREAM, (fd) => mod.connect(fd, unixAt(path)));
export const lookUp = (node: string | null, service: string | null, hints: mod.addrinfo_hints) => () =>
  mod.getaddrinfo(node, service, hints);

export const MEMORY = not("the kernel would have to run out of memory");
export const FILES = not("the whole system would have to run out of files");
export const BROKEN = not("needs hardware or a file system that fails");
export const RESTARTED = not(
  "handlers are Deno's, with SA_RESTART: the kernel takes the call up again (see the test of that)",
);
export const NO_POINTER = not(
  "needs an address outside of the process's memory; only buffers and structures are taken here",
);
export const UNUSED = not("for flags or file systems that this call does not get here");
export const RACE = not(
  "the kernel says EINVAL to who comes after the removal; between lookup and lock it could say this",
);
export const PERMISSIONS = at(
  "scripts/tools/ipc/permissions",
  "Another user gets EACCES and EPERM, and what he makes is his",
);
export const LIMITS = at("scripts/tools/ipc/permissions", "One object too many is ENOSPC, and nothing is left of it");
export const SOCKETS_EBADF = at(
  "ffi/libc/sys/socket",
  "socket calls fail with EBADF if the descriptor isn't open, with ENOTSOCK if it's no socket",
);
export const SOCKETS_EFAULT = at(
  "ffi/libc/sys/socket",
  "socket calls fail with EFAULT if a buffer or an address isn't one, or is too short",
);
export const SEND_AND_RECEIVE = at(
  "ffi/libc/sys/socket",
  "send() and recv() fail with ENOTCONN, EDESTADDRREQ, EPIPE, EAGAIN or EMSGSIZE",
);
export const SOCKETS_BAD = { EBADF: SOCKETS_EBADF, ENOTSOCK: SOCKETS_EBADF };
