/**
 * Calls of the functions of sets of signals, of timers, and of the descriptors that tell of events.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { type Call, closes, thin } from "./_calls.ts";
import { structs } from "./_memory.ts";
import { bad, fdOf, good, int, ints, nothing, optionalInt, type Spec, uint, wrongInt, wrongUint } from "./_numbers.ts";
import { m, type World } from "./_world.ts";

const sets = structs(() => new mod.sigset_t());
const infos = [nothing, ...structs(() => new mod.siginfo_t())];
const signals = int(mod.SIGUSR1, 0, 32, 64, 65, -1);
const spec = structs(() => new mod.itimerspec());
const timer = structs(() => new mod.itimerval());
const event = structs(() => new mod.epoll_event());
const room = structs(() => new mod.epoll_events(2));
const notNull = (list: Spec[]) => [...list, bad("null", () => null)];
const soon = [
  ...ints(0, 0.001, -0),
  ...[-1, NaN, Infinity, "1", 2 ** 60, 1n, {}, Symbol("s"), undefined].map((value) =>
    bad(Deno.inspect(value), () => value)
  ),
];

/** A descriptor that the world closes. */
const made = (make: () => number) =>
  fdOf((w: World) => {
    const fd = make();
    w.own(fd);
    return fd;
  });
const counter = made(() => m.eventfd(1, mod.EFD_NONBLOCK));
const timers = made(() => m.timerfd_create(mod.CLOCK_MONOTONIC, mod.TFD_NONBLOCK));
const polls = made(() => m.epoll_create1());
const handlers = [
  ...ints(mod.SIG_DFL, mod.SIG_IGN),
  good("function", () => () => {}),
  ...[null, 5, "x", {}, Symbol("s"), NaN, 1n, 2 ** 32, undefined].map((value) => bad(Deno.inspect(value), () => value)),
];

export const EVENTS: Call[] = [
  // signal
  thin("sigemptyset", [notNull(sets)]),
  thin("sigfillset", [notNull(sets)]),
  thin("sigaddset", [notNull(sets), signals]),
  thin("sigdelset", [notNull(sets), signals]),
  thin("sigismember", [notNull(sets), signals]),
  thin("sigprocmask", [int(mod.SIG_UNBLOCK, mod.SIG_BLOCK, mod.SIG_SETMASK, 3, -1), [nothing, ...sets], [
    nothing,
    ...sets,
  ]]),
  thin("pthread_sigmask", [int(mod.SIG_UNBLOCK, mod.SIG_BLOCK, mod.SIG_SETMASK, 3, -1), [nothing, ...sets], [
    nothing,
    ...sets,
  ]]),
  thin("sigpending", [notNull(sets)]),
  thin("sigqueue", [[good("self", () => mod.getpid()), ...ints(2 ** 31 - 1), ...wrongInt(() => mod.getpid())], [
    ...ints(0, 65, -1),
    ...wrongInt(() => 0),
  ], [...ints(1, -1, 2n ** 64n - 1n), ...wrongInt(() => 1).filter(({ name }) => name !== "BigInt(n)")]]),
  // a set that has nothing is not waited for without a limit
  thin("sigwaitinfo", [notNull(sets).filter(({ bad }) => bad), infos]),
  thin("sigwait", [notNull(sets).filter(({ bad }) => bad)]),
  thin("sigtimedwait", [notNull(sets), infos, soon]),
  {
    name: "sigaction",
    run: (_w, sig, act, oldact) => m.sigaction(sig, act, oldact),
    params: [int(mod.SIGUSR1, 0, 65, -1, 32, mod.SIGKILL, mod.SIGSEGV, 62), [
      nothing,
      ...structs(() => new mod.struct_sigaction()),
    ], [nothing, ...structs(() => new mod.struct_sigaction())]],
  },
  {
    name: "struct_sigaction.sa_handler =",
    run: (_w, handler) => new mod.struct_sigaction().sa_handler = handler,
    params: [handlers],
  },
  {
    name: "struct_sigaction.sa_flags =",
    run: (_w, flags) => new mod.struct_sigaction().sa_flags = flags,
    params: [[...ints(0, -1, mod.SA_RESETHAND, mod.SA_RESTART | mod.SA_RESETHAND), ...wrongUint(() => 4)].filter((
      { name },
    ) => name !== "-1")],
  },
  {
    name: "sigaction with a handler",
    run: (_w, sig, flags) => {
      const action = new mod.struct_sigaction();
      action.sa_handler = () => {};
      action.sa_flags = flags;
      m.sigaction(sig, action);
      m.signal(sig, mod.SIG_DFL);
    },
    params: [ints(mod.SIGUSR1, 34, 35, 63, mod.SIGURG), ints(0, mod.SA_SIGINFO, mod.SA_RESTART, 0x400)],
  },

  // timers
  thin("alarm", [[...ints(0), ...wrongUint(() => 0)]]),
  thin("getitimer", [int(mod.ITIMER_REAL, mod.ITIMER_PROF, 3, -1), notNull(timer)]),
  thin("setitimer", [int(mod.ITIMER_PROF, 3, -1), notNull(timer), [nothing, ...timer]]),
  thin("timerfd_create", [int(mod.CLOCK_MONOTONIC, mod.CLOCK_REALTIME, 99), optionalInt(0, 1, -1)], closes),
  thin("timerfd_settime", [timers, int(0, mod.TFD_TIMER_ABSTIME, 4, -1), notNull(spec), [nothing, ...spec]]),
  thin("timerfd_gettime", [timers, notNull(spec)]),
  ...(["tv_sec", "tv_nsec"] as const).map((field): Call => ({
    name: `itimerspec.it_value.${field} =`,
    run: (_w, value) => new mod.itimerspec().it_value[field] = value,
    params: [[...ints(0, 1, 2 ** 53 - 1), ...wrongInt(() => 1).filter(({ name }) => !/^-?2\^31|2\^32/.test(name))]],
  })),

  // descriptors of events
  thin("eventfd", [uint(0, 5, 2 ** 32 - 1), optionalInt(mod.EFD_NONBLOCK, 2, -1)], closes),
  thin("eventfd_read", [counter]),
  thin("eventfd_write", [counter, [
    ...ints(0, 1, 2n ** 64n - 2n, 2n ** 64n - 1n),
    ...[-1, -1n, 2 ** 53, 2n ** 64n, 0.5, "1", null, undefined, NaN, {}, Symbol("s")].map((value) =>
      bad(Deno.inspect(value), () => value)
    ),
  ]]),
  {
    name: "signalfd",
    run: (_w, fd, mask, flags) => {
      const result = m.signalfd(fd, mask, flags);
      if (fd === -1) m.close(result);
    },
    params: [[...ints(-1), ...counter.filter(({ name }) => name !== "-1")], notNull(sets), optionalInt(0, 1, -1)],
  },
  thin("epoll_create1", [optionalInt(0, mod.EPOLL_CLOEXEC, 1, -1)], closes),
  thin("epoll_ctl", [polls, int(mod.EPOLL_CTL_ADD, mod.EPOLL_CTL_MOD, mod.EPOLL_CTL_DEL, 0, 9), counter, [
    nothing,
    ...event,
  ]]),
  thin("epoll_wait", [polls, notNull(room), int(0, 1)]),
  thin("epoll_pwait", [polls, notNull(room), int(0, 1), [nothing, ...sets]]),
  {
    name: "new epoll_events",
    run: (_w, maxevents) => new mod.epoll_events(maxevents),
    params: [[...ints(1, 4096), ...wrongInt(() => 1), ...[0, -1, 4097].map((n) => bad(String(n), () => n))]],
  },
  {
    name: "epoll_event.events =",
    run: (_w, events) => new mod.epoll_event().events = events,
    params: [
      [...ints(0, -1, mod.EPOLLET, mod.EPOLLIN | mod.EPOLLET), ...wrongUint(() => 4)].filter(({ name }) =>
        name !== "-1"
      ),
    ],
  },
];
