/**
 * Calls for processes, signals and time.
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";
import { fails, interrupted, NO_PID, room } from "./_support.ts";

export function processes(): void {
  const { WCONTINUED, WNOHANG, WUNTRACED } = ipc;
  const status = new ipc.WaitStatus();
  const used = new ipc.rusage();
  ipc.getpid();
  ipc.getppid();

  fails("ECHILD", () => ipc.wait());
  fails("ECHILD", () => ipc.wait(status));
  fails("ECHILD", () => ipc.waitpid(-1, status, 0));
  fails("ECHILD", () => ipc.waitpid(NO_PID, null, WNOHANG));
  fails("ECHILD", () => ipc.wait3(status, 0, used));
  fails("ECHILD", () => ipc.wait4(-1, status, WNOHANG | WUNTRACED, used));
  fails("EINVAL", () => ipc.waitpid(-1, status, 0x40));
  fails("EINVAL", () => ipc.wait4(-1, null, 0x41, null));

  ipc.fork(() => 0);
  ipc.wait();
  ipc.fork(() => 3);
  ipc.wait(status);
  ipc.waitpid(ipc.fork(() => ipc._exit(255)), status, 0);
  ipc.waitpid(ipc.fork(() => ipc._exit(-1)), null, 0);
  ipc.fork(() => 1);
  ipc.wait3(status, 0, used);
  ipc.fork(() => 1);
  ipc.wait3(null, 0, null);
  ipc.wait4(ipc.fork(() => 2), status, 0, used);
  ipc.fork(() => 2);
  ipc.wait4(0, null, 0, used);
  ipc.fork(() => 2);
  ipc.wait4(-1, status, WUNTRACED | WCONTINUED, null);
  ipc.waitpid(ipc.fork(() => ipc.raise(ipc.SIGTERM)), status, 0);

  // it ends by its own hand, so that it is not in the midst of anything then
  const [gate, key] = ipc.pipe();
  const child = ipc.fork(() => {
    ipc.read(gate, room, 1);
    ipc.raise(ipc.SIGSTOP);
    ipc.read(gate, room, 1);
    ipc.kill(ipc.getpid(), ipc.SIGKILL);
  });
  ipc.waitpid(child, status, WNOHANG);
  ipc.wait3(status, WNOHANG, used);
  ipc.wait4(-1, null, WNOHANG, null);
  ipc.kill(child, 0);
  ipc.write(key, "1");
  ipc.waitpid(child, status, WUNTRACED);
  ipc.kill(child, ipc.SIGCONT);
  ipc.waitpid(child, status, WCONTINUED);
  ipc.write(key, "2");
  ipc.wait4(child, status, 0, used);
  ipc.close(gate);
  ipc.close(key);

  ipc.waitpid(ipc.fork(() => ipc.execve("/bin/sh", ["sh", "-c", "exit 3"], ["A=1", "B=ü"])), status, 0);

  fails("ESRCH", () => ipc.kill(NO_PID, ipc.SIGTERM));
  fails("ESRCH", () => ipc.kill(-NO_PID, 0));
  fails("EINVAL", () => ipc.kill(ipc.getpid(), 65));
  fails("EINVAL", () => ipc.kill(ipc.getpid(), -1));
  fails("EINVAL", () => ipc.raise(65));
  ipc.raise(0);
  ipc.signal(ipc.SIGUSR2, ipc.SIG_IGN);
  ipc.raise(ipc.SIGUSR2);
  ipc.kill(ipc.getpid(), ipc.SIGUSR2);
  ipc.signal(ipc.SIGUSR2, ipc.SIG_DFL);
  ipc.signal(35, ipc.SIG_IGN);
  ipc.raise(35); // SIGRTMIN+1
  ipc.signal(64, ipc.SIG_IGN);
  ipc.raise(64); // SIGRTMAX
  fails("EINVAL", () => ipc.signal(ipc.SIGKILL, ipc.SIG_IGN));
  fails("EINVAL", () => ipc.signal(65, ipc.SIG_IGN));
  ipc.signal(ipc.SIGCHLD, function reap() {});
  ipc.signal(ipc.SIGCHLD, ipc.SIG_DFL);

  ipc.sleep(0);
  ipc.usleep(0);
  ipc.usleep(1);
  ipc.usleep(1234);
  interrupted(() => {
    fails("EINTR", () => ipc.usleep(4_000_000_000));
    ipc.sleep(4000);
  });
  ipc.srand(1);
  ipc.srand(4_294_967_295);
  ipc.rand();
}
