/**
 * How a child ends.
 *
 * @module
 */
import { kill, SIGKILL, usleep, waitpid, WaitStatus, WNOHANG } from "../../mod.ts";

const wstat = new WaitStatus();

/** The end of a child, which is not waited for longer than any needs. */
export function end(pid: number): string {
  for (let ms = 0; ms < 30_000; ms += ms < 100 ? 0.2 : 5) {
    if (waitpid(pid, wstat, WNOHANG) === pid) return String(wstat);
    usleep(ms < 100 ? 200 : 5000);
  }
  kill(pid, SIGKILL);
  waitpid(pid);
  return "hangs";
}
