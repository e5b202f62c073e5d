/**
 * The errors of POSIX message queues.
 *
 * @module
 */
import * as mod from "../../../mod.ts";
import { attributes, queue } from "../../_mqueue.ts";
import { at, type Errors, FILES, MEMORY, type Proof } from "./_proofs.ts";
import { interrupting } from "./_programs.ts";

const INTERRUPTED = interrupting(
  "calls that wait for a POSIX queue fail with EINTR if a signal comes without SA_RESTART",
  `
    const action = new c.struct_sigaction();
    action.sa_handler = () => {};
    c.sigaction(c.SIGUSR1, action);
    const name = "/ipc_playground_" + c.getpid();
    const attr = new c.mq_attr();
    attr.mq_maxmsg = attr.mq_msgsize = 1;
    const queue = c.mq_open(name, c.O_RDWR | c.O_CREAT | c.O_EXCL, 0o600, attr);
    c.mq_unlink(name);
    const room = new Uint8Array(1);
    const later = Date.now() / 1000 + 60;
    say("ready");
    attempt("mq_receive", () => c.mq_receive(queue, room));
    attempt("mq_timedreceive", () => c.mq_timedreceive(queue, room, undefined, null, later));
    c.mq_send(queue, "x");
    attempt("mq_send", () => c.mq_send(queue, "y"));
    attempt("mq_timedsend", () => c.mq_timedsend(queue, "y", undefined, 0, later));`,
);

const tests = (test: string) => at("ffi/libc/mqueue", test);
const NAMES = tests(
  "mq_open() fails with ENOENT, EINVAL, EACCES or ENAMETOOLONG if the name is none, and says why",
);
const EBADF = tests("POSIX queues: all functions fail with EBADF on what is no queue");
const EMSGSIZE = tests(
  "mq_send() and mq_receive() fail with EMSGSIZE if the message or the room has not the queue's size",
);
const EAGAIN = tests("mq_setattr() changes whether calls wait; full and empty are EAGAIN then");
const ETIMEDOUT = tests("mq_timedsend() and mq_timedreceive() give up with ETIMEDOUT when the time has come");
const TIMES = tests("mq_timedsend() and mq_timedreceive() fail with EINVAL if the time is none");
const NOTIFY = tests("mq_notify() fails with EINVAL if it is no signal, or would be a thread");
const OTHERS = tests("POSIX queues: another user gets EACCES, and ENOSPC when there are too many");

const MOVES: Record<string, Proof> = { EAGAIN, EBADF, EINTR: INTERRUPTED, EMSGSIZE };

function withQueue(use: (mqdes: number, name: string) => void): void {
  using q = queue();
  use(q.mqdes, q.name);
}

/** Every error of these functions. */
export const errors: Errors = {
  mq_open: {
    EACCES: OTHERS,
    EEXIST: () =>
      withQueue((_, name) => mod.mq_open(name, mod.O_RDWR | mod.O_CREAT | mod.O_EXCL, 0o600, attributes(1, 1))),
    EINVAL: tests("mq_open() fails with EINVAL if the attributes are none, and says what they were"),
    EMFILE: at(
      "ffi/objects/posix_message_queue",
      "PosixMessageQueue: a limit of the user's queues is EMFILE, which says so, and nothing is left",
    ),
    ENAMETOOLONG: NAMES,
    ENFILE: FILES,
    ENOENT: NAMES,
    ENOMEM: MEMORY,
    ENOSPC: OTHERS,
  },
  mq_close: { EBADF },
  mq_unlink: { EACCES: OTHERS, ENAMETOOLONG: NAMES, ENOENT: () => mod.mq_unlink("/ipc_playground_none") },
  mq_getattr: { EBADF },
  mq_setattr: { EBADF, EINVAL: EAGAIN },
  mq_send: {
    ...MOVES,
    EINVAL: () => withQueue((mqdes) => mod.mq_send(mqdes, "x", undefined, mod.MQ_PRIO_MAX)),
  },
  mq_timedsend: { ...MOVES, EINVAL: TIMES, ETIMEDOUT },
  mq_receive: MOVES,
  mq_timedreceive: { ...MOVES, EINVAL: TIMES, ETIMEDOUT },
  mq_notify: {
    EBADF,
    EBUSY: tests("mq_notify() has a signal tell of a message that comes into the empty queue, once"),
    EINVAL: NOTIFY,
    ENOMEM: MEMORY,
  },
};
