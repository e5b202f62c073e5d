/**
 * Calls for sets of signals and what waits for signals, for timers, and for the descriptors that tell of events.
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";
import { fails, interrupted, NO_PID, NOWHERE, withoutDescriptors } from "./_support.ts";

function setOf(...signals: number[]): ipc.sigset_t {
  const set = new ipc.sigset_t();
  for (const sig of signals) ipc.sigaddset(set, sig);
  return set;
}

export function signalSets(): void {
  const { getpid, SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK, SIGRTMIN, SIGUSR2, SIGWINCH } = ipc;
  const set = setOf(SIGUSR2, SIGWINCH, SIGRTMIN, 64);
  const old = new ipc.sigset_t(), pending = new ipc.sigset_t(), info = new ipc.siginfo_t();
  ipc.sigdelset(set, 64);
  ipc.sigismember(set, 64);
  ipc.sigfillset(old);
  ipc.sigemptyset(old);
  fails("EINVAL", () => ipc.sigaddset(set, 65));
  ipc.sigprocmask(SIG_BLOCK, set, old);
  ipc.sigprocmask(SIG_BLOCK, null, old);
  ipc.sigprocmask(SIG_SETMASK, set);
  fails("EINVAL", () => ipc.sigprocmask(5, set, old));
  ipc.pthread_sigmask(SIG_BLOCK, setOf(ipc.SIGURG), old);
  ipc.pthread_sigmask(SIG_UNBLOCK, setOf(ipc.SIGURG));
  fails("EINVAL", () => ipc.pthread_sigmask(-1, set));
  ipc.sigpending(pending);
  ipc.kill(getpid(), SIGUSR2);
  ipc.sigqueue(getpid(), SIGRTMIN, 5);
  ipc.sigqueue(getpid(), SIGRTMIN, -1);
  ipc.sigqueue(getpid(), SIGRTMIN, 2n ** 64n - 16n);
  fails("ESRCH", () => ipc.sigqueue(NO_PID, SIGRTMIN, 1));
  fails("EINVAL", () => ipc.sigqueue(getpid(), 65, 1));
  ipc.sigpending(pending);
  ipc.sigwaitinfo(set, info);
  ipc.sigtimedwait(set, info, 1.5);
  ipc.sigtimedwait(set, info, null);
  ipc.sigwait(set);
  fails("EAGAIN", () => ipc.sigtimedwait(set, info, 0));
  fails("EAGAIN", () => ipc.sigtimedwait(set, null, 0.001));
  interrupted(() => {
    fails("EINTR", () => ipc.sigwaitinfo(set, info));
    fails("EINTR", () => ipc.sigtimedwait(set, null, 100));
  });
  ipc.sigprocmask(SIG_UNBLOCK, set);

  const action = new ipc.struct_sigaction(), before = new ipc.struct_sigaction();
  action.sa_handler = () => {};
  action.sa_flags = ipc.SA_SIGINFO | ipc.SA_RESTART | ipc.SA_RESETHAND;
  ipc.sigaction(SIGRTMIN, action, before);
  ipc.sigaction(SIGRTMIN, null, before);
  action.sa_handler = ipc.SIG_IGN;
  action.sa_flags = ipc.SA_NODEFER;
  ipc.sigaddset(action.sa_mask, SIGUSR2);
  ipc.sigaction(SIGRTMIN, action, before);
  action.sa_handler = ipc.SIG_DFL;
  ipc.sigaction(SIGRTMIN, action);
  fails("EINVAL", () => ipc.sigaction(ipc.SIGKILL, action));
  fails("EINVAL", () => ipc.sigaction(65, null, before));
}

export function timers(): void {
  ipc.alarm(100);
  ipc.alarm(0);
  const when = new ipc.itimerval(), before = new ipc.itimerval();
  when.it_value.tv_sec = 100;
  when.it_interval.tv_usec = 5;
  ipc.setitimer(ipc.ITIMER_PROF, when);
  ipc.getitimer(ipc.ITIMER_REAL, before);
  ipc.setitimer(ipc.ITIMER_PROF, new ipc.itimerval());
  ipc.setitimer(ipc.ITIMER_VIRTUAL, new ipc.itimerval(), before);
  fails("EINVAL", () => ipc.setitimer(7, when));
  fails("EINVAL", () => ipc.getitimer(7, before));

  const spec = new ipc.itimerspec(), old = new ipc.itimerspec();
  const fd = ipc.timerfd_create(ipc.CLOCK_MONOTONIC, ipc.TFD_NONBLOCK | ipc.TFD_CLOEXEC);
  ipc.close(ipc.timerfd_create(ipc.CLOCK_REALTIME));
  fails("EINVAL", () => ipc.timerfd_create(99));
  ipc.timerfd_gettime(fd, old);
  spec.it_value.tv_nsec = 5;
  ipc.timerfd_settime(fd, ipc.TFD_TIMER_ABSTIME, spec, old);
  ipc.timerfd_settime(fd, 0, new ipc.itimerspec());
  spec.it_value.tv_nsec = 1e9;
  fails("EINVAL", () => ipc.timerfd_settime(fd, 0, spec));
  fails("EBADF", () => ipc.timerfd_gettime(NOWHERE, old));
  ipc.close(fd);
}

export function events(): void {
  const counter = ipc.eventfd(3, ipc.EFD_NONBLOCK | ipc.EFD_SEMAPHORE);
  ipc.eventfd_write(counter, 2n ** 40n);
  ipc.eventfd_read(counter);
  ipc.close(counter);
  const fd = ipc.eventfd(0, ipc.EFD_NONBLOCK | ipc.EFD_CLOEXEC);
  fails("EAGAIN", () => ipc.eventfd_read(fd));
  fails("EINVAL", () => ipc.eventfd_write(fd, 2n ** 64n - 1n));
  fails("EINVAL", () => ipc.eventfd(0, 2));

  const set = setOf(ipc.SIGUSR2);
  const signals = ipc.signalfd(-1, set, ipc.SFD_NONBLOCK | ipc.SFD_CLOEXEC);
  ipc.signalfd(signals, setOf());
  fails("EINVAL", () => ipc.signalfd(-1, set, 2));
  ipc.close(signals);

  const epoll = ipc.epoll_create1(ipc.EPOLL_CLOEXEC);
  ipc.close(ipc.epoll_create1());
  fails("EINVAL", () => ipc.epoll_create1(2));
  const event = new ipc.epoll_event(), room = new ipc.epoll_events(4);
  event.events = ipc.EPOLLIN | ipc.EPOLLOUT | ipc.EPOLLRDHUP | ipc.EPOLLET;
  event.data.fd = fd;
  ipc.epoll_wait(epoll, room, 0);
  ipc.epoll_ctl(epoll, ipc.EPOLL_CTL_ADD, fd, event);
  ipc.epoll_wait(epoll, room, -1);
  event.data.u64 = 2n ** 40n;
  ipc.epoll_ctl(epoll, ipc.EPOLL_CTL_MOD, fd, event);
  ipc.epoll_pwait(epoll, room, 1000, set);
  ipc.epoll_pwait(epoll, room, 1, null);
  ipc.epoll_ctl(epoll, ipc.EPOLL_CTL_DEL, fd, null);
  fails("ENOENT", () => ipc.epoll_ctl(epoll, ipc.EPOLL_CTL_DEL, fd));
  fails("EINVAL", () => ipc.epoll_ctl(epoll, 7, fd, event));
  fails("EBADF", () => ipc.epoll_wait(NOWHERE, room, 0));
  fails("EINVAL", () => ipc.epoll_pwait(fd, room, 0, set));
  interrupted(() => fails("EINTR", () => ipc.epoll_wait(epoll, room, 1_000_000)));
  ipc.close(epoll);
  ipc.close(fd);
  withoutDescriptors(() => {
    fails("EMFILE", () => ipc.eventfd(0));
    fails("EMFILE", () => ipc.timerfd_create(ipc.CLOCK_MONOTONIC));
    fails("EMFILE", () => ipc.signalfd(-1, set));
    fails("EMFILE", () => ipc.epoll_create1());
  });
}
