/**
 * What the tests of POSIX queues share: names, small queues (what all of a user's queues may hold together is little),
 * and partners in C and Python.
 *
 * @module
 */
import { mq_attr, mq_close, mq_open, mq_unlink, O_CREAT, O_EXCL, O_RDWR } from "../mod.ts";
import { compile } from "./support.ts";

/** A name that nobody else has. */
export function freshName(): string {
  return `/ipc_playground_${Deno.pid}_${crypto.randomUUID().slice(0, 8)}`;
}

/** Attributes of a new queue. */
export function attributes(maxmsg: number, msgsize: number): mq_attr {
  const attr = new mq_attr();
  attr.mq_maxmsg = maxmsg;
  attr.mq_msgsize = msgsize;
  return attr;
}

/** A queue for one test. */
export function queue(maxmsg = 4, msgsize = 64, oflag = 0): Disposable & { name: string; mqdes: number } {
  const name = freshName();
  const mqdes = mq_open(name, O_RDWR | O_CREAT | O_EXCL | oflag, 0o600, attributes(maxmsg, msgsize));
  return {
    name,
    mqdes,
    [Symbol.dispose]() {
      mq_close(mqdes);
      mq_unlink(name);
    },
  };
}

/** A name that is free again at the end of a test, whoever has made a queue of it. */
export function removed(name: string): Disposable {
  return {
    [Symbol.dispose]() {
      try {
        mq_unlink(name);
      } catch {
        // it has been removed
      }
    },
  };
}

/** Tells whether there is a queue of this name. */
export function exists(name: string): boolean {
  try {
    mq_close(mq_open(name, O_RDWR));
    return true;
  } catch {
    return false;
  }
}

// NAME make MAXMSG MSGSIZE MODE | NAME send PRIORITY TEXT… | NAME receive COUNT | NAME attr | NAME remove
const SOURCE = `
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char *argv[])
{
  static char buffer[1 << 16];
  struct mq_attr attr = { 0 };
  const char *what = argv[2];
  int make = strcmp(what, "make") == 0;
  if (make) {
    attr.mq_maxmsg = atoi(argv[3]);
    attr.mq_msgsize = atoi(argv[4]);
  }
  if (strcmp(what, "remove") == 0) return mq_unlink(argv[1]) < 0;
  mqd_t queue = make ? mq_open(argv[1], O_RDWR | O_CREAT | O_EXCL, strtol(argv[5], NULL, 8), &attr)
                     : mq_open(argv[1], O_RDWR);
  if (queue == (mqd_t) -1) {
    perror("mq_open");
    return 1;
  }
  setlinebuf(stdout);
  if (strcmp(what, "send") == 0) {
    for (int i = 3; i + 1 < argc; i += 2) {
      if (mq_send(queue, argv[i + 1], strlen(argv[i + 1]), atoi(argv[i])) < 0) {
        perror("mq_send");
        return 1;
      }
      printf("sent %s\\n", argv[i + 1]);
    }
  } else if (strcmp(what, "receive") == 0) {
    for (int i = atoi(argv[3]); i > 0; i--) {
      unsigned int prio;
      ssize_t n = mq_receive(queue, buffer, sizeof buffer, &prio);
      if (n < 0) {
        perror("mq_receive");
        return 1;
      }
      printf("%u %.*s\\n", prio, (int) n, buffer);
    }
  } else if (strcmp(what, "attr") == 0) {
    mq_getattr(queue, &attr);
    printf("%ld %ld %ld %ld\\n", attr.mq_flags, attr.mq_maxmsg, attr.mq_msgsize, attr.mq_curmsgs);
  }
  return mq_close(queue) < 0;
}
`;

let compiled: Promise<string> | undefined;

/** The path of a program in C that makes, uses and removes queues; see its source. */
export function partner(): Promise<string> {
  return compiled ??= (async () => {
    const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_c_" });
    addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
    // before glibc 2.34 they are in a library of their own
    await compile(SOURCE, `${directory}/partner`, "cc", "-Wno-unused-command-line-argument", "-Wl,--as-needed", "-lrt");
    return `${directory}/partner`;
  })();
}

/** The beginning of a program in Python with libc's functions; `name`, `args` are its arguments. */
export const PYTHON = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
try: libc.mq_open
except AttributeError: libc = ctypes.CDLL("librt.so.1", use_errno=True)
libc.mq_receive.restype = ctypes.c_ssize_t
for f in (libc.mq_send, libc.mq_receive): f.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]
name, args = sys.argv[1], sys.argv[2:]
def check(result):
    if result < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
queue = check(libc.mq_open(name.encode(), os.O_RDWR))
def send(text, priority): check(libc.mq_send(queue, text.encode(), len(text.encode()), priority))
def receive():
    buffer, priority = ctypes.create_string_buffer(65536), ctypes.c_uint()
    n = check(libc.mq_receive(queue, buffer, 65536, ctypes.byref(priority)))
    return priority.value, buffer.raw[:n].decode()
`;
