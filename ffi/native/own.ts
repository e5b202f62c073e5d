/**
 * What the library asks of libc for itself: functions that no trace shows, declared by their FFI types alone, and the
 * little that is made of them.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { type AnyFunction, cstring, errno, type Native, onFirstCall, open, openElsewhere, text } from "./libc.ts";

/** FFI types of the functions, `[parameters, result]`. A test compares them with the headers' declarations. */
export const OWN = {
  open: [["buffer", "i32", "i32"], "i32"],
  read: [["i32", "buffer", "usize"], "i32"],
  write: [["i32", "buffer", "usize"], "i32"],
  close: [["i32"], "i32"],
  fcntl: [["i32", "i32", "i32"], "i32"],
  fchmod: [["i32", "i32"], "i32"],
  poll: [["buffer", "usize", "i32"], "i32"],
  eventfd: [["u32", "i32"], "i32"],
  eventfd_read: [["i32", "buffer"], "i32"],
  eventfd_write: [["i32", "u64"], "i32"],
  calloc: [["usize", "usize"], "pointer"],
  getpid: [[], "i32"],
  getppid: [[], "i32"],
  gettid: [[], "i32"],
  syscall: [["i64", "i64", "buffer", "i64"], "i64"],
  epoll_create1: [["i32"], "i32"],
  dup3: [["i32", "i32", "i32"], "i32"],
  pipe2: [["buffer", "i32"], "i32"],
  _exit: [["i32"], "void"],
  execve: [["buffer", "buffer", "buffer"], "i32"],
  readlink: [["buffer", "buffer", "usize"], "i32"],
  madvise: [["usize", "usize", "i32"], "i32"],
  sched_yield: [[], "i32"],
  usleep: [["u32"], "i32"],
  signal: [["i32", "usize"], "pointer"],
  sigaction: [["i32", "buffer", "buffer"], "i32"],
  sigprocmask: [["i32", "buffer", "buffer"], "i32"],
  kill: [["i32", "i32"], "i32"],
  tgkill: [["i32", "i32", "i32"], "i32"],
  clock_gettime: [["i32", "buffer"], "i32"],
  getenv: [["buffer"], "pointer"],
  getsockname: [["i32", "buffer", "buffer"], "i32"],
  getpeername: [["i32", "buffer", "buffer"], "i32"],
  getrlimit: [["i32", "buffer"], "i32"],
  shmctl: [["i32", "i32", "buffer"], "i32"],
  shmdt: [["pointer"], "i32"],
  msgctl: [["i32", "i32", "buffer"], "i32"],
  semctl: [["i32", "i32", "i32", "buffer"], "i32"],
  mq_getattr: [["i32", "buffer"], "i32"],
  inet_ntop: [["i32", "buffer", "buffer", "u32"], "pointer"],
  inet_pton: [["i32", "buffer", "buffer"], "i32"],
  if_nametoindex: [["buffer"], "u32"],
  if_indextoname: [["u32", "buffer"], "pointer"],
} as const;

type Own = { -readonly [K in keyof typeof OWN]: Native<typeof OWN[K][0], typeof OWN[K][1]> };

/** The functions. Each starts as a stub that opens its symbol. */
export const own: Own = stubs();

function stubs(): Own {
  const entries: Record<string, AnyFunction> = {};
  for (const name of Object.keys(OWN) as (keyof Own)[]) {
    entries[name] = (...args) => {
      onFirstCall(name);
      return openOwn(name)(...args);
    };
  }
  return entries as unknown as Own;
}

function openOwn(name: keyof Own): AnyFunction {
  const [parameters, result] = OWN[name];
  const bare = open(name, { parameters, result });
  own[name] = bare as never;
  return bare;
}

/** Opens symbols now, which are going to be called where it would cost more. */
export function preload(...names: (keyof Own)[]): void {
  for (const name of names) openOwn(name);
}

/**
 * Memory of libc's, for what another thread writes to: that of an array would be given back when a worker is ended, while
 * the call still runs. It is never given back.
 */
export function lasting(length: number): ArrayBuffer {
  const address = own.calloc(1n, BigInt(length));
  if (address === null) throw new LibcError("calloc", errno(), `${length} bytes`);
  return Deno.UnsafePointerView.getArrayBuffer(address, length);
}

/** `poll(2)` on another thread. Its `errno` stays there; what it writes to has to be {@linkcode lasting}. */
export const pollElsewhere: (fds: BufferSource, nfds: bigint, timeout: number) => Promise<number> = openElsewhere(
  "poll",
  ...OWN.poll,
);

/** An environment variable, by libc: `Deno.env` would want a permission of its own. */
export function getenv(name: string): string | undefined {
  const pointer = own.getenv(cstring(name, "getenv", "name"));
  return pointer === null ? undefined : text(pointer);
}

/** The whole content of a file, by libc: `Deno.readFile` would want a permission of its own. */
export function slurp(path: string): Uint8Array<ArrayBuffer> {
  const O_RDONLY_CLOEXEC = 0o2000000;
  const fd = own.open(cstring(path, "open", "path"), O_RDONLY_CLOEXEC, 0);
  if (fd < 0) throw new LibcError("open", errno(), path);
  let content = new Uint8Array(1 << 14);
  let length = 0;
  while (true) {
    const n = own.read(fd, content.subarray(length), BigInt(content.length - length));
    if (n < 0) {
      const error = new LibcError("read", errno(), path);
      own.close(fd);
      throw error;
    }
    if (n === 0) break;
    length += n;
    if (length === content.length) {
      const larger = new Uint8Array(length * 2);
      larger.set(content);
      content = larger;
    }
  }
  own.close(fd);
  return content.slice(0, length);
}

const LONGEST_PATH = 4096;

/** Where a symbolic link leads, by libc for the same reason; undefined where that can't be read. */
export function linkTarget(path: string): string | undefined {
  const target = new Uint8Array(LONGEST_PATH);
  const length = own.readlink(cstring(path, "readlink", "path"), target, BigInt(target.length));
  return length < 0 ? undefined : new TextDecoder().decode(target.subarray(0, length));
}
