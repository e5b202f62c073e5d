import { assert, assertEquals } from "@std/assert";
import { poll, pollfds, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLRDHUP } from "../../../ffi/libc/poll.ts";
import { AF_UNIX, SHUT_WR, shutdown, SOCK_STREAM, socketpair } from "../../../ffi/libc/sys/socket.ts";
import { close, pipe, read, write } from "../../../ffi/libc/unistd.ts";
import { fails } from "../../support.ts";

Deno.test("poll() tells which descriptors are ready", () => {
  const [reader, writer] = pipe();
  const fds = new pollfds([reader, POLLIN], [writer, POLLOUT], [-1, POLLIN]);
  assertEquals([poll(fds, 0), fds[0].revents, fds[1].revents, fds[2].revents], [1, 0, POLLOUT, 0]);
  write(writer, "x");
  assertEquals([poll(fds, -1), fds[0].revents, fds[1].revents], [2, POLLIN, POLLOUT]);
  read(reader, new Uint8Array(1));
  fds[1].fd = -1;
  assertEquals(poll(fds, 0), 0);
  close(writer);
  assertEquals([poll(fds, -1), fds[0].revents], [1, POLLHUP]);
  close(reader);
});

Deno.test("poll() answers POLLNVAL for a descriptor that is not open", () => {
  const [reader, writer] = pipe();
  close(reader);
  close(writer);
  const fds = new pollfds([reader, POLLIN]);
  assertEquals([poll(fds, -1), fds[0].revents], [1, POLLNVAL]);
});

Deno.test("poll() answers POLLRDHUP if the other side shut down its writing half", () => {
  const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0);
  shutdown(b, SHUT_WR);
  const fds = new pollfds([a, POLLIN | POLLRDHUP]);
  assertEquals([poll(fds, -1), fds[0].revents], [1, POLLIN | POLLRDHUP]);
  close(a);
  close(b);
});

Deno.test("poll() waits no longer than its timeout", () => {
  const start = performance.now();
  assertEquals(poll(new pollfds(), 20), 0);
  assert(performance.now() - start >= 19);
});

Deno.test("poll() fails with EINVAL or EFAULT on wrong arguments", () => {
  const fds = new pollfds([0, POLLIN]);
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [1.5, NaN, 2 ** 31, "1", null, undefined] as any[]) {
    fails("EINVAL", () => poll(fds, value));
    fails("EINVAL", () => new pollfds([value, POLLIN]));
    fails("EINVAL", () => new pollfds([0, value]));
  }
  fails("EINVAL", () => new pollfds([0, 0x8000]));
  // deno-lint-ignore no-explicit-any -- what a caller without types may pass
  for (const value of [null, undefined, {}, [], { length: 3, bytes: new Uint8Array(8) }] as any[]) {
    fails("EFAULT", () => poll(value, 0));
  }
  fds.bytes.buffer.transfer();
  fails("EFAULT", () => poll(fds, 0));
});
