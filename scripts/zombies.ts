#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slides "The return of the zombies" and "The invasion of the zombies": children that have ended stay in
 * the process table, in state Z, until their parent asks for their end with wait3().
 *
 * Run it:    deno run --allow-ffi scripts/zombies.ts
 */
import { O_RDONLY, open } from "../mod.ts"; // <fcntl.h>
import { perror, printf } from "../mod.ts"; // <stdio.h>
import { exit } from "../mod.ts"; // <stdlib.h>
import { wait3, WNOHANG } from "../mod.ts"; // <sys/wait.h>
import { close, fork, getpid, read, usleep } from "../mod.ts"; // <unistd.h>
import { cstr, enableFork, LibcError, WaitStatus } from "../mod.ts"; // not in C

enableFork();

const ZOMBIES = 3;

/** A process's line of the process table, from /proc/PID/stat: "PID (COMMAND) STATE PPID …". */
function entry(pid: number): { command: string; state: string; ppid: string } | null {
  const buffer = new Uint8Array(512);
  try {
    const fd = open(`/proc/${pid}/stat`, O_RDONLY);
    read(fd, buffer, 511);
    close(fd);
  } catch (error) {
    if (error instanceof LibcError && error.code === "ENOENT") return null; // no such process
    throw error;
  }
  const [, command, state, ppid] = /\((.*)\) (\S) (\d+)/s.exec(cstr(buffer))!;
  return { command, state, ppid };
}

function show(pids: number[]): void {
  printf("%8s %8s %s %s\n", "PID", "PPID", "S", "COMMAND");
  for (const pid of pids) {
    const process = entry(pid);
    if (process === null) continue;
    printf(
      "%8d %8s %s %s%s\n",
      pid,
      process.ppid,
      process.state,
      process.command,
      process.state === "Z" ? " <defunct>" : "",
    );
  }
}

try {
  // Each child ends at once, and nobody waits for it.
  const children: number[] = [];
  for (let i = 1; i <= ZOMBIES; i++) {
    const pid = fork();
    if (pid === 0) exit(i);
    children.push(pid);
  }
  while (children.some((pid) => entry(pid)?.state !== "Z")) usleep(1000);

  printf("%d children have ended, and are still in the process table:\n", ZOMBIES);
  show([getpid(), ...children]);

  printf("\nThe parent reaps them:\n");
  const wstat = new WaitStatus();
  for (let reaped = 0; reaped < ZOMBIES; reaped++) {
    const pid = wait3(wstat, WNOHANG, null);
    printf("wait3() = %d, return code: %d\n", pid, wstat.w_retcode);
  }

  printf("\nNow they are gone:\n");
  show([getpid(), ...children]);
} catch (error) {
  perror("zombies", error);
  exit(1);
}
