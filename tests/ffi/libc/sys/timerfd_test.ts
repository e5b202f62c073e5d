import { assert, assertEquals } from "@std/assert";
import * as ipc from "../../../../mod.ts";
import { NOT_INTEGERS } from "../../../_peers.ts";
import { fails } from "../../../support.ts";

const { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME, close, itimerspec, timerfd_create, timerfd_gettime } = ipc;
const { timerfd_settime, TFD_CLOEXEC, TFD_NONBLOCK, TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET } = ipc;

function spec(ns: number, interval = 0): ipc.itimerspec {
  const made = new itimerspec();
  made.it_value.tv_sec = Math.floor(ns / 1e9);
  made.it_value.tv_nsec = ns % 1e9;
  made.it_interval.tv_nsec = interval;
  return made;
}

function times(fd: number): bigint {
  const count = new BigUint64Array(1);
  ipc.read(fd, new Uint8Array(count.buffer));
  return count[0];
}

Deno.test("timerfd: a timer is over once, or again and again, and a read says how often", () => {
  for (const clock of [CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME]) {
    const fd = timerfd_create(clock, TFD_CLOEXEC);
    const start = performance.now();
    timerfd_settime(fd, 0, spec(20_000_000));
    assertEquals(times(fd), 1n);
    assert(performance.now() - start >= 19);
    timerfd_settime(fd, 0, spec(1, 1_000_000));
    ipc.usleep(20_000);
    assert(times(fd) >= 15n);
    close(fd);
  }
});

Deno.test("timerfd_settime() tells what was left and timerfd_gettime() what is, and 0 stops the timer", () => {
  const fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  const before = new itimerspec();
  timerfd_settime(fd, 0, spec(3600e9, 5), before);
  assertEquals([before.it_value.tv_sec, before.it_value.tv_nsec], [0, 0]);
  const left = new itimerspec();
  timerfd_gettime(fd, left);
  assertEquals([left.it_value.tv_sec, left.it_interval.tv_nsec], [3599, 5]);
  timerfd_settime(fd, 0, new itimerspec(), before);
  assertEquals(before.it_value.tv_sec, 3599);
  timerfd_gettime(fd, left);
  assertEquals([left.it_value.tv_sec, left.it_value.tv_nsec], [0, 0]);
  fails("EAGAIN", () => times(fd));
  close(fd);
});

Deno.test("timerfd_settime() with TFD_TIMER_ABSTIME waits for a moment of the clock", () => {
  const fd = timerfd_create(CLOCK_REALTIME);
  const moment = new itimerspec();
  moment.it_value.tv_sec = Math.floor(Date.now() / 1000) - 5; // it is over
  timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, moment);
  assertEquals(times(fd), 1n);
  close(fd);
});

Deno.test("timerfd functions fail with EINVAL, EFAULT or EBADF on wrong arguments", () => {
  const fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  for (const bad of [99, -1, ...NOT_INTEGERS]) fails("EINVAL", () => timerfd_create(bad as number));
  for (const bad of [1, ...NOT_INTEGERS]) fails("EINVAL", () => timerfd_create(CLOCK_MONOTONIC, bad as number));
  for (const bad of [4, -1, ...NOT_INTEGERS]) fails("EINVAL", () => timerfd_settime(fd, bad as number, spec(1)));
  const wrong = spec(1);
  wrong.it_value.tv_nsec = 1_000_000_000;
  fails("EINVAL", () => timerfd_settime(fd, 0, wrong));
  const gone = spec(1);
  gone.bytes.buffer.transfer();
  for (const bad of [null, undefined, {}, new Uint8Array(32), new ipc.timeval(), gone]) {
    // deno-lint-ignore no-explicit-any -- what a caller without types may pass
    const any = bad as any;
    fails("EFAULT", () => timerfd_settime(fd, 0, any));
    fails("EFAULT", () => timerfd_gettime(fd, any));
    if (bad !== null && bad !== undefined) fails("EFAULT", () => timerfd_settime(fd, 0, spec(1), any));
  }
  for (const bad of NOT_INTEGERS) {
    fails("EINVAL", () => timerfd_settime(bad as number, 0, spec(1)));
    fails("EINVAL", () => timerfd_gettime(bad as number, spec(1)));
  }
  const other = ipc.eventfd(0);
  fails("EINVAL", () => timerfd_settime(other, 0, spec(1)));
  fails("EINVAL", () => timerfd_gettime(other, spec(1)));
  close(other);
  close(fd);
  fails("EBADF", () => timerfd_settime(fd, 0, spec(1)));
  fails("EBADF", () => timerfd_gettime(fd, spec(1)));
});
