/**
 * Calls for files, pipes and descriptors in general.
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";
import { BINARY, directory, fails, interrupted, NOWHERE, room, withoutDescriptors } from "./_support.ts";

export function files(): void {
  const { O_APPEND, O_CLOEXEC, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = ipc;
  const path = `${directory}/file "with" ünusual\nname`;
  const file = ipc.open(path, O_RDWR | O_CREAT | O_EXCL, 0o640);
  ipc.write(file, 'text\twith "quotes"\n');
  ipc.write(file, "");
  ipc.write(file, BINARY);
  ipc.write(file, new TextEncoder().encode("größer"));
  ipc.write(file, "w".repeat(128));
  ipc.write(file, "v".repeat(1000));
  ipc.close(file);
  ipc.close(ipc.open(path, O_WRONLY | O_APPEND | O_NONBLOCK));
  ipc.close(ipc.open(path, O_RDONLY | O_CLOEXEC));
  const reading = ipc.open(path, O_RDONLY);
  ipc.read(reading, room, 5);
  ipc.read(reading, room, 0);
  ipc.read(reading, room);
  ipc.read(reading, new Uint8Array(4000));
  ipc.read(reading, room);
  fails("EBADF", () => ipc.write(reading, "read only"));
  ipc.dup2(reading, 300);
  ipc.dup2(reading, reading);
  ipc.close(300);
  ipc.close(reading);
  ipc.close(ipc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o4755));
  fails("EEXIST", () => ipc.open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600));
  fails("ENOENT", () => ipc.open(`${directory}/none`, O_RDONLY));
  fails("EISDIR", () => ipc.open(directory, O_RDWR));
  ipc.ftok(path, 27);
  fails("ENOENT", () => ipc.ftok(`${directory}/none`, 27));
  ipc.unlink(path);
  fails("ENOENT", () => ipc.unlink(path));
  fails("EBADF", () => ipc.close(NOWHERE));
  fails("EBADF", () => ipc.dup2(NOWHERE, 300));
  fails("EBADF", () => ipc.read(NOWHERE, room));
  fails("EBADF", () => ipc.write(NOWHERE, "nobody"));
  fails("EBADF", () => ipc.write(-1, "nobody"));

  const [reader, writer] = ipc.pipe();
  ipc.write(writer, "through the pipe", 7);
  ipc.read(reader, room);
  ipc.close(reader);
  fails("EPIPE", () => ipc.write(writer, "nobody reads"));
  ipc.close(writer);
  withoutDescriptors(() => {
    fails("EMFILE", () => ipc.pipe());
    fails("EMFILE", () => ipc.open("/dev/null", O_RDONLY));
  });
  fails("ENOENT", () => ipc.execve(`${directory}/none`, ["none", 'with "quotes"', ""], ["A=1", "B=ü"]));
  fails("EACCES", () => ipc.execve(directory, [], []));
}

export function polls(): void {
  const { POLLIN, POLLOUT, POLLPRI, POLLRDHUP } = ipc;
  const [reader, writer] = ipc.pipe();
  ipc.poll(new ipc.pollfds(), 0);
  ipc.poll(new ipc.pollfds([reader, POLLIN]), 0);
  ipc.poll(new ipc.pollfds([reader, POLLIN]), 1);
  ipc.poll(new ipc.pollfds([reader, POLLIN | POLLPRI], [writer, POLLOUT | POLLRDHUP]), -1);
  ipc.write(writer, "x");
  ipc.poll(new ipc.pollfds([NOWHERE, POLLIN], [-1, POLLIN], [reader, POLLIN], [reader, 0]), 1000);
  ipc.close(reader);
  ipc.poll(new ipc.pollfds([writer, POLLOUT], [writer, 0]), 1000);
  ipc.poll(new ipc.pollfds([writer, 0x1ff | 0x600]), 1000);
  withoutDescriptors(() => fails("EINVAL", () => ipc.poll(new ipc.pollfds([writer, POLLOUT]), 0)));
  interrupted(() => {
    fails("EINTR", () => ipc.poll(new ipc.pollfds([-1, POLLIN]), 100_000));
  });
  ipc.close(writer);
}
