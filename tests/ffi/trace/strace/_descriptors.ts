/**
 * Calls for what belongs to descriptors and files, for select and limits.
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";
import { directory, fails, interrupted, NO_PID, NOWHERE, withoutDescriptors } from "./_support.ts";

export function descriptors(): void {
  const { O_CLOEXEC, O_CREAT, O_DIRECT, O_NONBLOCK, O_RDWR, SEEK_CUR, SEEK_END, SEEK_SET } = ipc;
  const path = `${directory}/descriptors`;
  const file = ipc.open(path, O_RDWR | O_CREAT | ipc.O_NOCTTY | ipc.O_SYNC, 0o640);
  for (
    const flags of [ipc.O_DSYNC, ipc.O_DIRECTORY | ipc.O_NOFOLLOW, ipc.O_PATH | O_CLOEXEC, ipc.O_NOATIME]
  ) {
    ipc.close(ipc.open(flags & ipc.O_DIRECTORY ? directory : path, flags));
  }
  const unnamed = ipc.open(directory, O_RDWR | ipc.O_TMPFILE, 0o600);
  ipc.close(unnamed);

  const [reader, writer] = ipc.pipe2(O_NONBLOCK | O_CLOEXEC);
  ipc.close(ipc.pipe2(O_DIRECT).reduce((a, b) => (ipc.close(a), b)));
  fails("EINVAL", () => ipc.pipe2(8));
  const second = ipc.dup(reader);
  fails("EBADF", () => ipc.dup(NOWHERE));
  ipc.dup3(writer, second, O_CLOEXEC);
  ipc.dup3(writer, second, 0);
  fails("EINVAL", () => ipc.dup3(second, second, 0));
  fails("EINVAL", () => ipc.dup3(writer, second, O_NONBLOCK));
  ipc.close(second);

  ipc.write(file, "hello");
  ipc.lseek(file, 0, SEEK_SET);
  ipc.lseek(file, 2 ** 40, SEEK_CUR);
  ipc.lseek(file, -2, SEEK_END);
  ipc.lseek(file, 0, ipc.SEEK_DATA);
  ipc.lseek(file, 0, ipc.SEEK_HOLE);
  fails("ESPIPE", () => ipc.lseek(reader, 0, SEEK_SET));
  fails("EINVAL", () => ipc.lseek(file, -1, SEEK_SET));
  fails("EINVAL", () => ipc.lseek(file, 0, 99));
  ipc.ftruncate(file, 2 ** 33);
  ipc.ftruncate(file, 3);
  fails("EINVAL", () => ipc.ftruncate(writer, 0));
  ipc.fsync(file);
  fails("EINVAL", () => ipc.fsync(writer));

  const { F_RDLCK, F_UNLCK, F_WRLCK } = ipc;
  ipc.close(ipc.fcntl(reader, ipc.F_DUPFD, 100));
  ipc.close(ipc.fcntl(reader, ipc.F_DUPFD_CLOEXEC, 100));
  fails("EINVAL", () => ipc.fcntl(reader, ipc.F_DUPFD, -1));
  ipc.fcntl(reader, ipc.F_GETFD);
  ipc.fcntl(reader, ipc.F_SETFD, 0);
  ipc.fcntl(reader, ipc.F_GETFD);
  ipc.fcntl(reader, ipc.F_SETFD, ipc.FD_CLOEXEC);
  fails("EBADF", () => ipc.fcntl(NOWHERE, ipc.F_GETFD));
  ipc.fcntl(reader, ipc.F_GETFL);
  ipc.fcntl(file, ipc.F_GETFL);
  ipc.fcntl(reader, ipc.F_SETFL, 0);
  ipc.fcntl(reader, ipc.F_SETFL, O_NONBLOCK | ipc.O_ASYNC);
  ipc.fcntl(file, ipc.F_SETFL, ipc.O_APPEND | ipc.O_NOATIME);
  ipc.fcntl(writer, ipc.F_GETPIPE_SZ);
  ipc.fcntl(writer, ipc.F_SETPIPE_SZ, 4097);
  fails("EINVAL", () => ipc.fcntl(writer, ipc.F_SETPIPE_SZ, -1));
  fails("EINVAL", () => ipc.fcntl(file, ipc.F_GET_SEALS));
  const sealed = ipc.memfd_create("sealed", ipc.MFD_ALLOW_SEALING);
  ipc.fcntl(sealed, ipc.F_GET_SEALS);
  ipc.fcntl(sealed, ipc.F_ADD_SEALS, ipc.F_SEAL_SHRINK | ipc.F_SEAL_GROW);
  ipc.fcntl(sealed, ipc.F_ADD_SEALS, ipc.F_SEAL_SEAL | ipc.F_SEAL_WRITE | ipc.F_SEAL_FUTURE_WRITE);
  fails("EPERM", () => ipc.fcntl(sealed, ipc.F_ADD_SEALS, 0));
  ipc.fcntl(sealed, ipc.F_GET_SEALS);
  ipc.close(sealed);
  ipc.fcntl(reader, ipc.F_SETOWN, ipc.getpid());
  ipc.fcntl(reader, ipc.F_GETOWN);
  ipc.fcntl(reader, ipc.F_SETSIG, ipc.SIGUSR1);
  ipc.fcntl(reader, ipc.F_SETSIG, 35);
  ipc.fcntl(reader, ipc.F_GETSIG);
  ipc.fcntl(reader, ipc.F_SETSIG, 0);
  fails("ESRCH", () => ipc.fcntl(reader, ipc.F_SETOWN, NO_PID));
  ipc.fcntl(reader, ipc.F_SETOWN, 0);

  const lock = new ipc.struct_flock(F_WRLCK, SEEK_SET, 5, 10);
  ipc.fcntl(file, ipc.F_SETLK, lock);
  ipc.fcntl(file, ipc.F_SETLKW, new ipc.struct_flock(F_RDLCK, SEEK_END, -1, 1));
  const other = ipc.open(path, O_RDWR);
  ipc.fcntl(other, ipc.F_GETLK, lock); // its own are in nobody's way
  fails("EAGAIN", () => ipc.fcntl(other, ipc.F_OFD_SETLK, new ipc.struct_flock(F_WRLCK)));
  ipc.fcntl(other, ipc.F_OFD_GETLK, new ipc.struct_flock(F_WRLCK, SEEK_SET, 7));
  ipc.fcntl(other, ipc.F_OFD_SETLKW, new ipc.struct_flock(F_RDLCK, SEEK_CUR, 100));
  ipc.fcntl(other, ipc.F_OFD_SETLK, new ipc.struct_flock(F_UNLCK));
  fails("EINVAL", () => ipc.fcntl(other, ipc.F_SETLK, new ipc.struct_flock(9, 9)));
  ipc.flock(file, ipc.LOCK_SH);
  ipc.flock(file, ipc.LOCK_EX | ipc.LOCK_NB);
  fails("EAGAIN", () => ipc.flock(other, ipc.LOCK_SH | ipc.LOCK_NB));
  fails("EINVAL", () => ipc.flock(other, 0x10));
  ipc.flock(file, ipc.LOCK_UN);
  ipc.close(other);

  const statbuf = new ipc.struct_stat();
  ipc.fstat(file, statbuf);
  ipc.fstat(reader, statbuf);
  const place = ipc.open("/dev/null", ipc.O_PATH);
  ipc.fstat(place, statbuf);
  fails("EBADF", () => ipc.fchmod(place, 0o600));
  ipc.close(place);
  fails("EBADF", () => ipc.fstat(NOWHERE, statbuf));
  ipc.fchmod(file, 0o4755);
  ipc.fstat(file, statbuf);
  ipc.chmod(path, 0);
  fails("ENOENT", () => ipc.chmod(`${directory}/none`, 0o600));
  ipc.umask(ipc.umask(0o077));
  ipc.mkfifo(`${directory}/fifo`);
  fails("EEXIST", () => ipc.mkfifo(`${directory}/fifo`, 0o666));
  ipc.chdir(directory);
  fails("ENOENT", () => ipc.chdir("none"));
  ipc.close(reader);
  ipc.close(writer);
  ipc.close(file);
  ipc.unlink(`${directory}/fifo`);
  ipc.unlink(path);
}

export function selects(): void {
  const [reader, writer] = ipc.pipe();
  const nfds = Math.max(reader, writer) + 1;
  const setOf = (...fds: number[]) => {
    const set = new ipc.fd_set();
    fds.forEach((fd) => set.set(fd));
    return set;
  };
  ipc.select(0, null, null, null, 0);
  ipc.select(0, null, null, null, 0.001234);
  ipc.select(nfds, setOf(reader), null, new ipc.fd_set(), 0);
  ipc.select(nfds, setOf(reader, 1000), setOf(writer), setOf(reader), null);
  ipc.write(writer, "x");
  ipc.select(nfds, setOf(0, reader), setOf(writer), null, 1.5);
  ipc.select(1024, setOf(reader), null, null, null);
  fails("EBADF", () => ipc.select(1024, setOf(reader, NOWHERE), null, null, 0));
  fails("EINVAL", () => ipc.select(-1, null, null, null, 0));
  interrupted(() => fails("EINTR", () => ipc.select(0, null, null, null, 100)));
  ipc.close(reader);
  ipc.close(writer);
}

export function limits(): void {
  const usage = new ipc.rusage();
  for (const who of [ipc.RUSAGE_SELF, ipc.RUSAGE_CHILDREN, ipc.RUSAGE_THREAD]) ipc.getrusage(who, usage);
  fails("EINVAL", () => ipc.getrusage(5, usage));
  const rlim = new ipc.rlimit();
  for (let resource = 0; resource < 16; resource++) {
    ipc.getrlimit(resource, rlim);
    ipc.setrlimit(resource, rlim);
  }
  fails("EINVAL", () => ipc.getrlimit(16, rlim));
  fails("EINVAL", () => ipc.setrlimit(ipc.RLIMIT_CORE, new ipc.rlimit(2n, 1n)));
  ipc.setrlimit(ipc.RLIMIT_CORE, new ipc.rlimit());
  withoutDescriptors(() => {
    fails("EMFILE", () => ipc.pipe2(0));
    fails("EMFILE", () => ipc.dup(0));
    fails("EINVAL", () => ipc.fcntl(0, ipc.F_DUPFD, 0));
  });
}
