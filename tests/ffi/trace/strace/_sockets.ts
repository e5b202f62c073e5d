/**
 * Calls for sockets and names.
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";
import { BINARY, directory, fails, KEY, NOWHERE, room, withoutDescriptors } from "./_support.ts";

function inet(text: string): ipc.sockaddr {
  return ipc.sockaddr.parse(text);
}

/** A server, a client, and all that two ends can ask of each other. */
function connected(domain: number, at: ipc.sockaddr, empty: () => ipc.sockaddr): void {
  const { SOCK_STREAM } = ipc;
  const listener = ipc.socket(domain, SOCK_STREAM | ipc.SOCK_CLOEXEC, 0);
  if (domain !== ipc.AF_UNIX) ipc.setsockopt(listener, ipc.SOL_SOCKET, ipc.SO_REUSEADDR, 1);
  ipc.bind(listener, at);
  ipc.listen(listener, 5);
  const name = empty();
  ipc.getsockname(listener, name);
  fails("ENOTCONN", () => ipc.getpeername(listener, empty()));
  const client = ipc.socket(domain, SOCK_STREAM, 0);
  ipc.connect(client, name);
  fails("EISCONN", () => ipc.connect(client, name));
  const server = ipc.accept(listener, empty());
  ipc.getpeername(client, empty());
  ipc.getsockname(client, empty());
  ipc.getpeername(server, empty());
  // addresses that the room is too small, too large, or of the wrong family for
  ipc.getsockname(listener, new ipc.sockaddr_in());
  ipc.getsockname(listener, new ipc.sockaddr_in6());
  ipc.getsockname(listener, new ipc.sockaddr_un());
  ipc.getsockname(listener, new ipc.sockaddr_storage());
  ipc.getpeername(client, new ipc.sockaddr_in());

  for (const [call, shown] of [[ipc.accept, 0], [ipc.accept4, ipc.SOCK_NONBLOCK | ipc.SOCK_CLOEXEC]] as const) {
    const flags = shown;
    for (const address of [null, new ipc.sockaddr_in(), new ipc.sockaddr_storage()]) {
      const one = ipc.socket(domain, SOCK_STREAM, 0);
      ipc.connect(one, name);
      ipc.close(call === ipc.accept ? ipc.accept(listener, address) : ipc.accept4(listener, address, flags));
      ipc.close(one);
    }
  }
  const waits = ipc.socket(domain, SOCK_STREAM | ipc.SOCK_NONBLOCK, 0);
  fails("EINVAL", () => ipc.accept(waits));
  ipc.close(waits);

  ipc.send(server, "hello");
  ipc.recv(client, room, 256, ipc.MSG_PEEK);
  ipc.recv(client, room, 3, ipc.MSG_WAITALL);
  ipc.recv(client, room);
  ipc.send(server, "more", 4, ipc.MSG_MORE | ipc.MSG_NOSIGNAL);
  ipc.send(server, BINARY, BINARY.length, ipc.MSG_DONTWAIT | ipc.MSG_EOR);
  ipc.recvfrom(client, room, 256, ipc.MSG_DONTWAIT, null);
  ipc.send(server, "q".repeat(200));
  ipc.recvfrom(client, room, 256, ipc.MSG_TRUNC | ipc.MSG_PEEK, empty());
  ipc.recvfrom(client, room, 200, ipc.MSG_WAITALL, null);
  ipc.sendto(server, "without address", undefined, 0, null);
  ipc.read(client, room);
  fails("EAGAIN", () => ipc.recv(client, room, 10, ipc.MSG_DONTWAIT));
  fails("EAGAIN", () => ipc.recvfrom(client, room, 10, ipc.MSG_DONTWAIT, empty()));
  ipc.send(server, "");
  ipc.shutdown(server, ipc.SHUT_WR);
  ipc.recv(client, room);
  ipc.shutdown(client, ipc.SHUT_RD);
  ipc.shutdown(client, ipc.SHUT_RDWR);
  fails("EPIPE", () => ipc.send(server, "after the end"));
  ipc.close(client);
  ipc.close(server);
  ipc.close(listener);
}

/** Two sockets that send each other datagrams. */
function datagrams(domain: number, here: ipc.sockaddr, there: ipc.sockaddr | null, empty: () => ipc.sockaddr): void {
  const [a, b] = [ipc.socket(domain, ipc.SOCK_DGRAM, 0), ipc.socket(domain, ipc.SOCK_DGRAM | ipc.SOCK_NONBLOCK, 0)];
  ipc.bind(a, here);
  if (there) ipc.bind(b, there);
  const name = empty();
  ipc.getsockname(a, name);
  ipc.getsockname(b, empty());
  const send = (text: string) => ipc.sendto(b, text, undefined, 0, name);
  send("datagram");
  ipc.recvfrom(a, room, 256, 0, empty());
  send("");
  ipc.recvfrom(a, room, 256, 0, empty());
  send("cut to three");
  ipc.recvfrom(a, room, 3, ipc.MSG_TRUNC, new ipc.sockaddr_in());
  send("cut again");
  ipc.recv(a, room, 3, ipc.MSG_TRUNC | ipc.MSG_PEEK);
  ipc.recvfrom(a, room, 3, 0, new ipc.sockaddr_storage());
  ipc.connect(b, name);
  ipc.send(b, "connected");
  ipc.recvfrom(a, room, 256, 0, null);
  fails("EAGAIN", () => ipc.recvfrom(b, room, 256, 0, empty()));
  ipc.close(a);
  ipc.close(b);
}

export function sockets(): void {
  const { AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM } = ipc;
  connected(AF_INET, inet("127.0.0.1:0"), () => new ipc.sockaddr_in());
  connected(AF_INET6, inet("[::1]:0"), () => new ipc.sockaddr_in6());
  connected(AF_UNIX, ipc.sockaddr.parse(`${directory}/socket`), () => new ipc.sockaddr_un());
  connected(AF_UNIX, ipc.sockaddr.parse(`@ipc_playground ${KEY}`), () => new ipc.sockaddr_storage());
  datagrams(AF_INET, inet("127.0.0.1:0"), null, () => new ipc.sockaddr_in());
  datagrams(AF_INET6, inet("[::1]:0"), inet("[::1]:0"), () => new ipc.sockaddr_storage());
  datagrams(AF_UNIX, ipc.sockaddr.parse(`${directory}/datagram`), null, () => new ipc.sockaddr_un());
  datagrams(
    AF_UNIX,
    ipc.sockaddr.parse(`@ipc_playground a ${KEY}`),
    ipc.sockaddr.parse(`@ipc_playground b ${KEY}`),
    () => new ipc.sockaddr_storage(),
  );
  ipc.unlink(`${directory}/socket`);
  ipc.unlink(`${directory}/datagram`);

  for (const [type, protocol] of [[SOCK_STREAM, 0], [SOCK_DGRAM | ipc.SOCK_NONBLOCK, 0], [SOCK_SEQPACKET, 0]]) {
    for (const end of ipc.socketpair(AF_UNIX, type, protocol)) ipc.close(end);
  }
  fails("EOPNOTSUPP", () => ipc.socketpair(AF_INET, SOCK_STREAM, 0));
  fails("EPROTONOSUPPORT", () => ipc.socketpair(AF_UNIX, SOCK_STREAM, 17));
  withoutDescriptors(() => {
    fails("EMFILE", () => ipc.socketpair(AF_UNIX, SOCK_STREAM, 0));
    fails("EMFILE", () => ipc.socket(AF_UNIX, SOCK_STREAM, 0));
  });
  ipc.close(ipc.socket(AF_INET, SOCK_STREAM, ipc.IPPROTO_TCP));
  ipc.close(ipc.socket(AF_INET6, SOCK_DGRAM, ipc.IPPROTO_UDP));
  fails("EPROTONOSUPPORT", () => ipc.socket(AF_UNIX, SOCK_STREAM, 17));
  fails("EPROTONOSUPPORT", () => ipc.socket(AF_INET, SOCK_STREAM, ipc.IPPROTO_UDP));
  fails("EAFNOSUPPORT", () => ipc.socket(AF_UNSPEC, SOCK_STREAM, 0));
  fails("EAFNOSUPPORT", () => ipc.socket(4711, SOCK_RAW, 4712));
  fails("EINVAL", () => ipc.socket(AF_INET, 0o70, 0));

  const tcp = ipc.socket(AF_INET, SOCK_STREAM, 0);
  const unix = ipc.socket(AF_UNIX, SOCK_STREAM | ipc.SOCK_NONBLOCK, 0);
  ipc.getsockname(unix, new ipc.sockaddr_un());
  ipc.getsockname(unix, new ipc.sockaddr_in());
  fails("ENOTCONN", () => ipc.getpeername(unix, new ipc.sockaddr_un()));
  ipc.bind(unix, new ipc.sockaddr_un()); // without a name: the kernel chooses an abstract one
  ipc.getsockname(unix, new ipc.sockaddr_storage());
  const other = ipc.socket(AF_UNIX, SOCK_STREAM, 0);
  fails("ECONNREFUSED", () => ipc.connect(other, ipc.sockaddr.parse(`@ipc_playground none ${KEY}`)));
  const odd = ipc.sockaddr.parse("@odd");
  odd.bytes.set([0, 7, 34, 92, 255], 2); // the name holds whatever bytes
  fails("ECONNREFUSED", () => ipc.connect(other, odd));
  fails("ENOENT", () => ipc.connect(other, ipc.sockaddr.parse(`${directory}/none`)));
  fails("ENOENT", () => ipc.connect(other, ipc.sockaddr.parse(`./"quoted" ünusual\n`)));
  fails("ENOENT", () => ipc.connect(other, ipc.sockaddr.parse("/" + "p".repeat(106))));
  fails("ENOENT", () => ipc.bind(other, ipc.sockaddr.parse(`${directory}/none/none`)));
  fails("EINVAL", () => ipc.connect(other, inet("127.0.0.1:80")));
  fails("EINVAL", () => ipc.connect(other, inet("[::1]:80")));
  fails("EADDRNOTAVAIL", () => ipc.bind(tcp, inet("192.0.2.1:80")));
  fails("EAFNOSUPPORT", () => ipc.bind(tcp, inet("[fe80::1%lo]:80")));
  fails("EAFNOSUPPORT", () => ipc.connect(tcp, inet("[1:2::3:4]:65535")));
  fails("EINVAL", () => ipc.connect(other, new ipc.sockaddr_storage())); // no byte of an address
  fails("EBADF", () => ipc.sendto(NOWHERE, "x", 1, 0, new ipc.sockaddr_storage()));
  const strange = inet("127.0.0.1:80");
  strange.bytes.set([0x67, 0x12]); // family 4711
  fails("EAFNOSUPPORT", () => ipc.bind(tcp, strange));
  strange.bytes.set([0, 0]); // family AF_UNSPEC: dissolves a connection
  ipc.connect(tcp, strange);
  fails("ECONNREFUSED", () => ipc.connect(tcp, inet("127.0.0.1:1")));
  fails("ENOTCONN", () => ipc.shutdown(tcp, ipc.SHUT_WR));
  fails("EINVAL", () => ipc.shutdown(tcp, 7));
  fails("EOPNOTSUPP", () => ipc.listen(ipc.socketpair(AF_UNIX, SOCK_DGRAM, 0)[0], 1));

  const some = inet("127.0.0.1:80");
  fails("EBADF", () => ipc.bind(NOWHERE, some));
  fails("EBADF", () => ipc.listen(NOWHERE, -1));
  fails("EBADF", () => ipc.connect(NOWHERE, some));
  fails("EBADF", () => ipc.accept(NOWHERE, new ipc.sockaddr_in()));
  fails("EBADF", () => ipc.accept4(NOWHERE, new ipc.sockaddr_un(), ipc.SOCK_CLOEXEC));
  fails("EBADF", () => ipc.accept4(NOWHERE, null, 0));
  fails("EINVAL", () => ipc.accept4(unix, null, 0o70));
  fails("EBADF", () => ipc.getsockname(NOWHERE, new ipc.sockaddr_in6()));
  fails("EBADF", () => ipc.getpeername(NOWHERE, new ipc.sockaddr_storage()));
  fails("EBADF", () => ipc.send(NOWHERE, "nobody", 6, ipc.MSG_OOB | ipc.MSG_DONTROUTE));
  fails("EBADF", () => ipc.recv(NOWHERE, room, 6, 0));
  fails("EBADF", () => ipc.sendto(NOWHERE, "nobody", 6, 0, some));
  fails("EBADF", () => ipc.sendto(NOWHERE, "nobody", 6, 0x1000_0000, inet("[::1]:1")));
  fails("EBADF", () => ipc.recvfrom(NOWHERE, room, 6, ipc.MSG_DONTWAIT, new ipc.sockaddr_in()));
  fails("EBADF", () => ipc.recvfrom(NOWHERE, room, 6, 0, null));
  fails("EBADF", () => ipc.shutdown(NOWHERE, ipc.SHUT_RD));
  fails("EBADF", () => ipc.getsockopt(NOWHERE, ipc.SOL_SOCKET, ipc.SO_TYPE));
  fails("EBADF", () => ipc.setsockopt(NOWHERE, ipc.SOL_SOCKET, ipc.SO_KEEPALIVE, true));
  for (const fd of [tcp, unix, other]) ipc.close(fd);
}

export function options(): void {
  const { SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP } = ipc;
  const tcp = ipc.socket(ipc.AF_INET, ipc.SOCK_STREAM, 0);
  const six = ipc.socket(ipc.AF_INET6, ipc.SOCK_DGRAM, 0);
  const [unix, far] = ipc.socketpair(ipc.AF_UNIX, ipc.SOCK_STREAM, 0);
  const both = (fd: number, level: number, name: number, value: number) => {
    ipc.setsockopt(fd, level, name, value);
    ipc.getsockopt(fd, level, name);
  };
  both(tcp, SOL_SOCKET, ipc.SO_REUSEADDR, 1);
  both(tcp, SOL_SOCKET, ipc.SO_REUSEPORT, 1);
  both(tcp, SOL_SOCKET, ipc.SO_DEBUG, 0);
  both(tcp, SOL_SOCKET, ipc.SO_DONTROUTE, 0);
  both(tcp, SOL_SOCKET, ipc.SO_BROADCAST, 1);
  both(tcp, SOL_SOCKET, ipc.SO_SNDBUF, 10_000);
  both(tcp, SOL_SOCKET, ipc.SO_RCVBUF, 10_000);
  both(tcp, SOL_SOCKET, ipc.SO_KEEPALIVE, 1);
  both(tcp, SOL_SOCKET, ipc.SO_OOBINLINE, 1);
  both(tcp, SOL_SOCKET, ipc.SO_RCVLOWAT, 2);
  both(unix, SOL_SOCKET, ipc.SO_PASSCRED, 1);
  for (const name of [ipc.SO_TYPE, ipc.SO_DOMAIN, ipc.SO_PROTOCOL, ipc.SO_ERROR, ipc.SO_ACCEPTCONN]) {
    ipc.getsockopt(tcp, SOL_SOCKET, name);
    ipc.getsockopt(unix, SOL_SOCKET, name);
  }
  both(tcp, IPPROTO_TCP, ipc.TCP_NODELAY, 1);
  both(tcp, IPPROTO_TCP, ipc.TCP_CORK, 1);
  both(tcp, IPPROTO_TCP, ipc.TCP_KEEPIDLE, 30);
  both(tcp, IPPROTO_TCP, ipc.TCP_KEEPINTVL, 5);
  both(tcp, IPPROTO_TCP, ipc.TCP_KEEPCNT, 4);
  both(tcp, IPPROTO_TCP, ipc.TCP_USER_TIMEOUT, 1000);
  both(tcp, IPPROTO_IP, ipc.IP_TTL, 42);
  both(tcp, IPPROTO_IP, ipc.IP_TOS, 16);
  both(six, IPPROTO_IPV6, ipc.IPV6_V6ONLY, 1);
  both(six, IPPROTO_IPV6, ipc.IPV6_UNICAST_HOPS, 12);

  for (const name of [ipc.SO_RCVTIMEO, ipc.SO_SNDTIMEO]) {
    ipc.setsockopt(unix, SOL_SOCKET, name, new ipc.timeval(2, 500_000));
    ipc.getsockopt(unix, SOL_SOCKET, name, new ipc.timeval());
    fails("EINVAL", () => ipc.getsockopt(unix, SOL_SOCKET, name)); // without its structure
    ipc.getsockopt(unix, SOL_SOCKET, name, new Uint8Array(8)); // with too little room
  }
  ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_LINGER, new ipc.linger(true, 7));
  ipc.getsockopt(tcp, SOL_SOCKET, ipc.SO_LINGER, new ipc.linger());
  ipc.getsockopt(tcp, SOL_SOCKET, ipc.SO_LINGER, new Uint8Array(4));
  ipc.getsockopt(unix, SOL_SOCKET, ipc.SO_PEERCRED, new Uint8Array(12));
  ipc.getsockopt(unix, SOL_SOCKET, ipc.SO_PEERCRED, new Uint8Array(40));
  ipc.getsockopt(tcp, SOL_SOCKET, ipc.SO_TYPE, new Uint8Array(1));
  ipc.getsockopt(tcp, SOL_SOCKET, ipc.SO_TYPE, new Uint8Array(4));
  ipc.getsockopt(tcp, SOL_SOCKET, ipc.SO_TYPE, new Uint8Array(16));
  ipc.getsockopt(tcp, IPPROTO_TCP, 13, new Uint8Array(16)); // TCP_CONGESTION, a name
  ipc.setsockopt(tcp, IPPROTO_TCP, 13, new TextEncoder().encode("reno"));
  ipc.setsockopt(tcp, IPPROTO_IP, ipc.IP_TTL, new Uint8Array([64, 0, 0, 0])); // the bytes of an int
  ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_KEEPALIVE, new Uint8Array([1, 0, 0, 0, 9, 9]));

  fails("ENOPROTOOPT", () => ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_TYPE, 1));
  fails("ENOPROTOOPT", () => ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_PROTOCOL, -1));
  fails("ENOPROTOOPT", () => ipc.getsockopt(tcp, SOL_SOCKET, 27)); // SO_DETACH_FILTER
  fails("ENOPROTOOPT", () => ipc.getsockopt(tcp, IPPROTO_TCP, 14)); // TCP_MD5SIG
  fails("EOPNOTSUPP", () => ipc.getsockopt(unix, IPPROTO_TCP, ipc.TCP_NODELAY));
  fails("EOPNOTSUPP", () => ipc.setsockopt(unix, IPPROTO_TCP, ipc.TCP_NODELAY, 1));
  fails("EINVAL", () => ipc.setsockopt(tcp, IPPROTO_IP, ipc.IP_TTL, 4711));
  fails("EINVAL", () => ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_LINGER, 1));
  fails("EINVAL", () => ipc.setsockopt(tcp, SOL_SOCKET, ipc.SO_KEEPALIVE, new Uint8Array(2)));
  fails("EINVAL", () => ipc.setsockopt(tcp, IPPROTO_TCP, ipc.TCP_KEEPCNT, 4711));
  fails("EDOM", () => ipc.setsockopt(unix, SOL_SOCKET, ipc.SO_RCVTIMEO, new ipc.timeval(0, 9_999_999)));
  fails("EBADF", () => ipc.getsockopt(NOWHERE, SOL_SOCKET, ipc.SO_LINGER, new ipc.linger()));
  fails("EBADF", () => ipc.getsockopt(NOWHERE, SOL_SOCKET, ipc.SO_RCVTIMEO, new ipc.timeval()));
  fails("EBADF", () => ipc.getsockopt(NOWHERE, SOL_SOCKET, ipc.SO_PEERCRED, new Uint8Array(12)));
  for (const fd of [tcp, six, unix, far]) ipc.close(fd);
}

export function names(): void {
  ipc.getaddrinfo("127.0.0.1", "80", {
    ai_flags: ipc.AI_NUMERICHOST | ipc.AI_NUMERICSERV,
    ai_socktype: ipc.SOCK_STREAM,
  });
  ipc.getaddrinfo(null, "80", { ai_flags: ipc.AI_PASSIVE, ai_family: ipc.AF_INET6, ai_protocol: ipc.IPPROTO_TCP });
  fails("EAI_NONAME", () => ipc.getaddrinfo("no address", "80", { ai_flags: ipc.AI_NUMERICHOST }));
}
