/**
 * Calls for messages with control data, and for network interfaces.
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";
import { BINARY, fails, KEY, NOWHERE } from "./_support.ts";

const { AF_INET, AF_UNIX, SCM_CREDENTIALS, SCM_RIGHTS, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM, SOL_SOCKET } = ipc;

const bytes = (text: string) => new TextEncoder().encode(text);
const rights = (...fds: number[]) => ({ cmsg_level: SOL_SOCKET, cmsg_type: SCM_RIGHTS, cmsg_data: fds });

function room(controllen: number, ...lengths: number[]): ipc.msghdr {
  const msg = new ipc.msghdr(lengths.map((length) => new Uint8Array(length)));
  msg.msg_controllen = controllen;
  return msg;
}

function receive(fd: number, msg: ipc.msghdr, flags: number): void {
  ipc.recvmsg(fd, msg, flags);
  for (const { cmsg_data } of msg.msg_control) if (Array.isArray(cmsg_data)) cmsg_data.forEach(ipc.close);
}

/** Over a connection. */
function connected(type: number): void {
  const [a, b] = ipc.socketpair(AF_UNIX, type, 0);
  const parts = new ipc.msghdr([bytes("Did "), new Uint8Array(0), bytes("you get"), BINARY]);
  ipc.sendmsg(a, parts, 0);
  receive(b, room(0, 5, 0, 3, 100, 7), 0);
  ipc.sendmsg(a, parts, ipc.MSG_NOSIGNAL | ipc.MSG_DONTWAIT);
  receive(b, room(64, 200), ipc.MSG_DONTWAIT | ipc.MSG_CMSG_CLOEXEC);
  ipc.sendmsg(a, new ipc.msghdr([new Uint8Array(300).fill(113)]), ipc.MSG_EOR);
  receive(b, room(0, 100, 100), ipc.MSG_PEEK);
  receive(b, room(0, 150, 150), ipc.MSG_WAITALL);

  const msg = new ipc.msghdr([bytes("x")]);
  msg.msg_control = [rights(a, b, 0)];
  for (const controllen of [ipc.CMSG_SPACE(12), ipc.CMSG_SPACE(4), 17, 0]) {
    ipc.sendmsg(a, msg, 0);
    receive(b, room(controllen, 10), 0);
  }
  ipc.setsockopt(b, SOL_SOCKET, ipc.SO_PASSCRED, 1);
  const self = new ipc.ucred();
  ipc.getsockopt(a, SOL_SOCKET, ipc.SO_PEERCRED, self);
  msg.msg_control = [{ cmsg_level: SOL_SOCKET, cmsg_type: SCM_CREDENTIALS, cmsg_data: self }, rights(1), rights(2, 0)];
  ipc.sendmsg(a, msg, 0);
  receive(b, room(200, 10), 0);
  ipc.setsockopt(b, SOL_SOCKET, ipc.SO_PASSCRED, 0);
  ipc.sendmsg(a, new ipc.msghdr(), 0);
  fails("EAGAIN", () => ipc.recvmsg(a, room(100, 10), ipc.MSG_DONTWAIT));
  ipc.shutdown(a, ipc.SHUT_WR);
  receive(b, room(100, 10), 0);
  fails("EPIPE", () => ipc.sendmsg(a, msg, ipc.MSG_NOSIGNAL));
  ipc.close(a);
  ipc.close(b);
}

/** From one address to another. */
function datagrams(here: ipc.sockaddr, there: ipc.sockaddr | null, empty: () => ipc.sockaddr): void {
  const [a, b] = [ipc.socket(here.family, SOCK_DGRAM, 0), ipc.socket(here.family, SOCK_DGRAM, 0)];
  ipc.bind(a, here);
  if (there) ipc.bind(b, there);
  const name = empty();
  ipc.getsockname(a, name);
  const msg = new ipc.msghdr([bytes("a "), bytes("datagram")]);
  msg.msg_name = name;
  for (const into of [null, empty(), new ipc.sockaddr_storage(), new ipc.sockaddr_in()]) {
    ipc.sendmsg(b, msg, 0);
    const got = room(0, 5);
    got.msg_name = into;
    receive(a, got, ipc.MSG_TRUNC);
  }
  const got = room(50, 5);
  got.msg_name = empty();
  fails("EAGAIN", () => ipc.recvmsg(a, got, ipc.MSG_DONTWAIT));
  ipc.close(a);
  ipc.close(b);
}

export function messages(): void {
  connected(SOCK_STREAM);
  connected(SOCK_SEQPACKET);
  datagrams(ipc.sockaddr.parse("127.0.0.1:0"), null, () => new ipc.sockaddr_in());
  datagrams(ipc.sockaddr.parse(`@ipc_playground m ${KEY}`), null, () => new ipc.sockaddr_un());
  datagrams(
    ipc.sockaddr.parse(`@ipc_playground n ${KEY}`),
    ipc.sockaddr.parse(`@ipc_playground o ${KEY}`),
    () => new ipc.sockaddr_un(),
  );
  const msg = new ipc.msghdr([bytes("nobody")]);
  msg.msg_name = ipc.sockaddr.parse("127.0.0.1:80");
  msg.msg_control = [rights()];
  fails("EBADF", () => ipc.sendmsg(NOWHERE, msg, 0x1000_0000));
  fails("EBADF", () => ipc.recvmsg(NOWHERE, msg, 0));
  const udp = ipc.socket(AF_INET, SOCK_DGRAM, 0);
  fails("EDESTADDRREQ", () => ipc.sendmsg(udp, new ipc.msghdr([bytes("x")]), 0));
  ipc.close(udp);
}

export function interfaces(): void {
  ipc.getifaddrs();
  ipc.if_indextoname(ipc.if_nametoindex("lo"));
  fails("ENODEV", () => ipc.if_nametoindex("nosuchif"));
  fails("ENXIO", () => ipc.if_indextoname(0x7fff_ffff));
  ipc.getnameinfo(ipc.sockaddr.parse("[::1]:80"), ipc.NI_NUMERICHOST | ipc.NI_NUMERICSERV);
  fails("EAI_NONAME", () => ipc.getnameinfo(ipc.sockaddr.parse("127.0.0.1:80"), 9));
}
