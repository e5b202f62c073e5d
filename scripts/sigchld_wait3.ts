#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "SunOS: Example of catching SIGCHLD and avoiding zombies": the parent is told by a signal that a child
 * has ended, and reaps it in the signal's handler.
 *
 * Run it:    deno run --allow-ffi scripts/sigchld_wait3.ts
 */
import {
  enableFork,
  exit,
  fork,
  LibcError,
  pause,
  perror,
  printf,
  rand,
  SIGCHLD,
  signal,
  wait3,
  WaitStatus,
  WNOHANG,
} from "../mod.ts";

enableFork();

function proc_exit(): void {
  const wstat = new WaitStatus();
  let pid: number;

  while (true) {
    try {
      pid = wait3(wstat, WNOHANG, null);
    } catch (error) {
      if (!(error instanceof LibcError)) throw error;
      return; // −1 on the slide: there are no children (any more)
    }
    if (pid === 0) return;
    printf("Return code: %d\n", wstat.w_retcode);
  }
}

signal(SIGCHLD, proc_exit);
try {
  switch (fork()) {
    case 0:
      printf("I'm alive (temporarily)\n");
      exit(rand());
      break;
    default:
      await pause();
  }
} catch (error) { // case -1
  perror("main: fork", error);
  exit(0);
}
