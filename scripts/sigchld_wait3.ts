#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "SunOS: Example of catching SIGCHLD and avoiding zombies": the parent is told by a signal that a child
 * has ended, and reaps it in the signal's handler.
 *
 * Run it:    deno run --allow-ffi scripts/sigchld_wait3.ts
 */
import { SIGCHLD, signal } from "../mod.ts"; // <signal.h>
import { perror, printf } from "../mod.ts"; // <stdio.h>
import { exit, rand } from "../mod.ts"; // <stdlib.h>
import { wait3, WNOHANG } from "../mod.ts"; // <sys/wait.h>
import { fork, pause } from "../mod.ts"; // <unistd.h>
import { enableFork, LibcError, WaitStatus } from "../mod.ts"; // not in C

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
