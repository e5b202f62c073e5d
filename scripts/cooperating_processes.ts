#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "Cooperating Processes": independent processes execute independently; cooperating processes depend on
 * the execution of other processes, which requires inter-process communication.
 *
 * Run it (twice: the order changes in the first half, never in the second):
 *     deno run --allow-ffi scripts/cooperating_processes.ts
 */
import { perror, printf } from "../mod.ts"; // <stdio.h>
import { exit, rand, srand } from "../mod.ts"; // <stdlib.h>
import { wait } from "../mod.ts"; // <sys/wait.h>
import { close, fork, getpid, pipe, read, usleep, write } from "../mod.ts"; // <unistd.h>
import { cstr, enableFork } from "../mod.ts"; // not in C

enableFork();

const start = performance.now();

function say(who: string, what: string): void {
  printf("%6d ms  %s (pid %d) %s\n", Math.round(performance.now() - start), who, getpid(), what);
}

/** Something that takes a while, never the same. */
function work(): void {
  usleep(10_000 + rand() % 40_000);
}

try {
  printf("Independent processes: neither knows of the other\n");
  for (const who of ["P1", "P2"]) {
    fork(() => {
      srand(getpid());
      for (let step = 1; step <= 3; step++) {
        work();
        say(who, `does step ${step} of its own`);
      }
    });
  }
  wait();
  wait();

  printf("\nCooperating processes: P2 needs what P1 makes, and gets it through a pipe\n");
  const [reader, writer] = pipe();
  fork(() => {
    close(reader);
    srand(getpid());
    for (let step = 1; step <= 3; step++) {
      work();
      say("P1", `has made part ${step}, and sends it`);
      write(writer, `part ${step}`);
    }
  });
  fork(() => {
    close(writer);
    const part = new Uint8Array(7); // "part 1" and a NUL
    say("P2", "waits for P1");
    while (true) {
      const n = read(reader, part, 6); // blocks until P1 has sent something
      if (n === 0) break; // P1 has closed its end
      say("P2", `goes on with ${cstr(part)}`);
    }
    say("P2", "has all it needs");
  });
  close(reader);
  close(writer);
  wait();
  wait();
} catch (error) {
  perror("cooperating_processes", error);
  exit(1);
}
