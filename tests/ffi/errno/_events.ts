/**
 * The errors of sets of signals and what waits for signals, of timers, and of the descriptors that tell of events.
 *
 * @module
 */
import * as mod from "../../../mod.ts";
import { at, type Errors, FILES, MEMORY, not } from "./_proofs.ts";
import { interrupting, limiting, unprivileged } from "./_programs.ts";

const CONFINED = limiting(
  "calls that make descriptors of events fail with EMFILE if there are none left",
  "-n 100",
  `
    const set = new c.sigset_t();
    try { while (true) c.pipe(); } catch { /* those were the last two */ }
    try { c.eventfd(0); } catch { /* there was none */ }
    attempt("eventfd", () => c.eventfd(0));
    attempt("timerfd_create", () => c.timerfd_create(c.CLOCK_MONOTONIC));
    attempt("signalfd", () => c.signalfd(-1, set));
    attempt("epoll_create1", () => c.epoll_create1());
    attempt("sigaction", () => {
      const action = new c.struct_sigaction();
      action.sa_handler = () => {};
      c.sigaction(c.SIGUSR2, action);
    });`,
);

const INTERRUPTED = interrupting(
  "calls that wait for events fail with EINTR if a signal comes",
  `
    const action = new c.struct_sigaction();
    action.sa_handler = () => {};
    c.sigaction(c.SIGUSR1, action); // without SA_RESTART
    const set = new c.sigset_t(), events = new c.epoll_events(1);
    c.sigaddset(set, c.SIGUSR2);
    const [fd, full, epoll] = [c.eventfd(0), c.eventfd(0), c.epoll_create1()];
    c.eventfd_write(full, 2n ** 64n - 2n);
    say("ready");
    attempt("eventfd_read", () => c.eventfd_read(fd));
    attempt("eventfd_write", () => c.eventfd_write(full, 1));
    attempt("epoll_wait", () => c.epoll_wait(epoll, events, 60_000));
    attempt("epoll_pwait", () => c.epoll_pwait(epoll, events, 60_000, set));
    attempt("sigwaitinfo", () => c.sigwaitinfo(set));
    attempt("sigtimedwait", () => c.sigtimedwait(set, null, 60));`,
);

const OTHERS = unprivileged(
  "signals and timers fail with EPERM for who is not privileged",
  `
    attempt("sigqueue EPERM", () => c.sigqueue(1, 0, 0));
    attempt("timerfd_create EPERM", () => c.timerfd_create(c.CLOCK_REALTIME_ALARM));
    say("ready");
    c.fgets(new Uint8Array(2), 2, c.stdin);`,
);

const SETS = at(
  "ffi/libc/sigmask",
  "functions of sets fail with EINVAL for what is no signal, and with EFAULT for what is no set",
);
const ACTIONS = at(
  "ffi/libc/sigaction",
  "sigaction() fails with EINVAL or EFAULT on wrong arguments, and changes nothing",
);
const MASKS = at("ffi/libc/sigmask", "sigprocmask() fails with EINVAL for another how, and changes nothing");
const QUEUE = at("ffi/libc/sigmask", "sigqueue() fails with EINVAL or ESRCH for what is no signal, value or process");
const WAIT = at("ffi/libc/sigmask", "sigtimedwait() waits no longer than its timeout, and fails with EAGAIN");
const COUNTERS = at("ffi/libc/sys/eventfd", "eventfd functions fail with EINVAL or EBADF on wrong arguments");
const COUNTS = at("ffi/libc/sys/eventfd", "eventfd() counts: a read takes all, or one with EFD_SEMAPHORE");
const TIMERS = at("ffi/libc/sys/timerfd", "timerfd functions fail with EINVAL, EFAULT or EBADF on wrong arguments");
const SIGNALS = at("ffi/libc/sys/signalfd", "signalfd() fails with EINVAL, EFAULT or EBADF on wrong arguments");
const POLLS = at(
  "ffi/libc/sys/epoll",
  "epoll functions fail with EINVAL, EFAULT, EBADF, EEXIST, ENOENT, EPERM and ELOOP",
);
const ITIMERS = at("ffi/libc/sys/itimer", "setitimer() and getitimer() fail with EINVAL or EFAULT on wrong arguments");
const INODES = not("needs a kernel that cannot mount its anonymous inodes");
const descriptors = { EMFILE: CONFINED, ENFILE: FILES, ENOMEM: MEMORY };

/** Every error of these functions. */
export const errors: Errors = {
  sigaction: { EFAULT: ACTIONS, EINVAL: ACTIONS, EMFILE: CONFINED },
  sigemptyset: { EFAULT: SETS },
  sigfillset: { EFAULT: SETS },
  sigaddset: { EFAULT: SETS, EINVAL: SETS },
  sigdelset: { EFAULT: SETS, EINVAL: SETS },
  sigismember: { EFAULT: SETS, EINVAL: SETS },
  sigprocmask: {
    EAGAIN: not("needs a thread that the kernel does not let run"),
    EFAULT: SETS,
    EINVAL: MASKS,
  },
  pthread_sigmask: { EFAULT: SETS, EINVAL: MASKS },
  sigpending: { EFAULT: SETS },
  sigqueue: {
    EAGAIN: at("ffi/libc/sigmask", "sigqueue() fails with EAGAIN if more are queued than RLIMIT_SIGPENDING says"),
    EINVAL: QUEUE,
    EPERM: OTHERS,
    ESRCH: QUEUE,
  },
  sigwaitinfo: { EFAULT: SETS, EINTR: INTERRUPTED },
  sigtimedwait: { EAGAIN: WAIT, EFAULT: SETS, EINTR: INTERRUPTED, EINVAL: WAIT },
  sigwait: { EFAULT: SETS, EINVAL: not("a set has no room for what is no signal") },
  alarm: {},
  getitimer: { EFAULT: ITIMERS, EINVAL: ITIMERS },
  setitimer: { EFAULT: ITIMERS, EINVAL: ITIMERS },
  eventfd: { EINVAL: COUNTERS, ...descriptors, ENODEV: INODES },
  eventfd_read: { EAGAIN: COUNTS, EBADF: COUNTERS, EINTR: INTERRUPTED, EINVAL: COUNTERS },
  eventfd_write: { EAGAIN: COUNTS, EBADF: COUNTERS, EINTR: INTERRUPTED, EINVAL: COUNTERS },
  timerfd_create: { EINVAL: TIMERS, ...descriptors, ENODEV: INODES, EPERM: OTHERS },
  timerfd_settime: {
    EBADF: TIMERS,
    ECANCELED: not("needs somebody who sets the clock"),
    EFAULT: TIMERS,
    EINVAL: TIMERS,
  },
  timerfd_gettime: { EBADF: TIMERS, EFAULT: TIMERS, EINVAL: TIMERS },
  signalfd: { EBADF: SIGNALS, EFAULT: SIGNALS, EINVAL: SIGNALS, ...descriptors, ENODEV: INODES },
  epoll_create1: { EINVAL: POLLS, ...descriptors },
  epoll_ctl: {
    EBADF: POLLS,
    EEXIST: POLLS,
    EFAULT: POLLS,
    EINVAL: POLLS,
    ELOOP: POLLS,
    ENOENT: POLLS,
    ENOMEM: MEMORY,
    ENOSPC: not("needs the limit /proc/sys/fs/epoll/max_user_watches to be reached"),
    EPERM: POLLS,
  },
  epoll_wait: { EBADF: POLLS, EFAULT: POLLS, EINTR: INTERRUPTED, EINVAL: POLLS },
  epoll_pwait: {
    EBADF: () => mod.epoll_pwait(-1, new mod.epoll_events(1), 0, null),
    EFAULT: POLLS,
    EINTR: INTERRUPTED,
    EINVAL: POLLS,
  },
};
