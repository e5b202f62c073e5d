// The buffers that socket calls share are free for a call that a trace's listener makes in the middle of another.
import { assertEquals } from "@std/assert";
import { sockaddr_in } from "../../../../ffi/libc/netinet/in.ts";
import {
  AF_INET,
  AF_UNIX,
  bind,
  getpeername,
  getsockname,
  getsockopt,
  setsockopt,
  SO_REUSEADDR,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  sockaddr_storage,
  socket,
  SOL_SOCKET,
} from "../../../../ffi/libc/sys/socket.ts";
import { sockaddr_un } from "../../../../ffi/libc/sys/un.ts";
import { close } from "../../../../ffi/libc/unistd.ts";
import { interrupted } from "../../objects/_interrupted.ts";
import { fails } from "../../../support.ts";

Deno.test("a trace's listener may ask for socket options and addresses in the middle of such a call", () => {
  const stream = socket(AF_INET, SOCK_STREAM, 0);
  const other = socket(AF_UNIX, SOCK_DGRAM, 0);
  const name = new sockaddr_un();
  name.sun_path = "\0" + `ipc_playground_${crypto.randomUUID()}`.padEnd(107, "A");
  bind(other, name);
  try {
    const ask = () => void getsockopt(other, SOL_SOCKET, SO_TYPE);
    assertEquals(interrupted("getsockopt", ask, () => getsockopt(stream, SOL_SOCKET, SO_TYPE)), SOCK_STREAM);
    const unset = () => setsockopt(other, SOL_SOCKET, SO_REUSEADDR, 0);
    interrupted("setsockopt", unset, () => setsockopt(stream, SOL_SOCKET, SO_REUSEADDR, 1));
    assertEquals(getsockopt(stream, SOL_SOCKET, SO_REUSEADDR), 1);
    const small = new sockaddr_in();
    const fail = () => void fails("ENOTCONN", () => getpeername(other, new sockaddr_storage()));
    interrupted("getsockname", fail, () => getsockname(other, small));
    assertEquals([small.family, small.length], [AF_UNIX, 16]);
  } finally {
    close(stream);
    close(other);
  }
});
