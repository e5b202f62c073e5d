/**
 * The errors of sockets and names.
 *
 * @module
 */
import * as mod from "../../../mod.ts";
import {
  AF_UNIX,
  at,
  bindTo,
  connectTo,
  type Errors,
  FILES,
  lookUp,
  MEMORY,
  NO_DIRECTORY,
  NO_POINTER,
  not,
  type Proof,
  SEND_AND_RECEIVE,
  SOCKETS_BAD,
  SOCKETS_EBADF,
  SOCKETS_EFAULT,
  withLoop,
  withPair,
  withSocket,
} from "./_proofs.ts";
import { CONFINED, INTERRUPTED, OTHERS } from "./_programs.ts";

const SEND: Record<string, Proof> = {
  ...SOCKETS_BAD,
  EAGAIN: SEND_AND_RECEIVE,
  EALREADY: not("for TCP Fast Open, which has flags of its own"),
  ECONNRESET: () => {
    const [a, b] = mod.socketpair(AF_UNIX, mod.SOCK_STREAM, 0);
    try {
      mod.send(a, "unread");
      mod.close(b);
      mod.recv(a, new Uint8Array(1)); // the next send would say EPIPE
    } finally {
      mod.close(a);
    }
  },
  EDESTADDRREQ: SEND_AND_RECEIVE,
  EFAULT: SOCKETS_EFAULT,
  EINTR: INTERRUPTED,
  EINVAL: at("ffi/libc/sys/socket", "socket calls fail with EINVAL if a number isn't a C int"),
  EMSGSIZE: SEND_AND_RECEIVE,
  ENOBUFS: not("a network device's queue would have to be full; Linux drops the packet instead"),
  ENOMEM: MEMORY,
  ENOTCONN: SEND_AND_RECEIVE,
  EOPNOTSUPP: () => withPair((a) => mod.send(a, "x", undefined, mod.MSG_OOB), mod.SOCK_DGRAM),
  EPIPE: SEND_AND_RECEIVE,
};

const RECEIVE: Record<string, Proof> = {
  ...SOCKETS_BAD,
  EAGAIN: SEND_AND_RECEIVE,
  ECONNREFUSED: () =>
    withSocket(mod.AF_INET, mod.SOCK_DGRAM, (fd) => {
      // a port that was free a moment ago
      const address = mod.sockaddr.parse("127.0.0.1:0");
      withSocket(mod.AF_INET, mod.SOCK_DGRAM, (other) => {
        mod.bind(other, address);
        mod.getsockname(other, address);
      });
      mod.connect(fd, address);
      mod.setsockopt(fd, mod.SOL_SOCKET, mod.SO_RCVTIMEO, new mod.timeval(10));
      mod.send(fd, "x");
      mod.recv(fd, new Uint8Array(1));
    }),
  EFAULT: SOCKETS_EFAULT,
  EINTR: INTERRUPTED,
  EINVAL: at("ffi/libc/sys/socket", "socket calls fail with EINVAL if a number isn't a C int"),
  ENOMEM: MEMORY,
  ENOTCONN: SEND_AND_RECEIVE,
};

const ACCEPT: Record<string, Proof> = {
  ...SOCKETS_BAD,
  EAGAIN: at("ffi/libc/sys/socket", "accept() fails with EINVAL, EAGAIN or EOPNOTSUPP"),
  ECONNABORTED: not("a connection that is reset before it is accepted is still given out by Linux, and fails then"),
  EFAULT: SOCKETS_EFAULT,
  EINTR: INTERRUPTED,
  EINVAL: at("ffi/libc/sys/socket", "accept() fails with EINVAL, EAGAIN or EOPNOTSUPP"),
  EMFILE: CONFINED,
  ENFILE: FILES,
  ENOBUFS: MEMORY,
  ENOMEM: MEMORY,
  EOPNOTSUPP: at("ffi/libc/sys/socket", "accept() fails with EINVAL, EAGAIN or EOPNOTSUPP"),
  EPERM: not("needs a firewall that forbids it"),
  EPROTO: not("protocols with connections that can be refused at that moment are not among these"),
};

const STREAM = mod.SOCK_STREAM;

/** Every error of these functions. */
export const errors: Errors = {
  socket: {
    EACCES: not("Linux says EPERM"),
    EAFNOSUPPORT: at("ffi/libc/sys/socket", "socket() fails with EAFNOSUPPORT, EPROTONOSUPPORT or EINVAL"),
    EINVAL: at("ffi/libc/sys/socket", "socket() fails with EAFNOSUPPORT, EPROTONOSUPPORT or EINVAL"),
    EMFILE: CONFINED,
    ENFILE: FILES,
    ENOBUFS: MEMORY,
    ENOMEM: MEMORY,
    EPERM: OTHERS,
    EPROTONOSUPPORT: at("ffi/libc/sys/socket", "socket() fails with EAFNOSUPPORT, EPROTONOSUPPORT or EINVAL"),
  },
  socketpair: {
    EAFNOSUPPORT: () => mod.socketpair(99, STREAM, 0),
    EFAULT: NO_POINTER,
    EMFILE: CONFINED,
    ENFILE: FILES,
    EOPNOTSUPP: () => mod.socketpair(mod.AF_INET, STREAM, 0),
    EPROTONOSUPPORT: () => mod.socketpair(AF_UNIX, STREAM, 99),
  },
  bind: {
    ...SOCKETS_BAD,
    EACCES: OTHERS,
    EADDRINUSE: at(
      "ffi/libc/sys/socket",
      "bind() fails with EADDRINUSE, EADDRNOTAVAIL, EINVAL, EAFNOSUPPORT, ENOENT or ENOTDIR",
    ),
    EADDRNOTAVAIL: at(
      "ffi/libc/sys/socket",
      "bind() fails with EADDRINUSE, EADDRNOTAVAIL, EINVAL, EAFNOSUPPORT, ENOENT or ENOTDIR",
    ),
    EFAULT: SOCKETS_EFAULT,
    EINVAL: at(
      "ffi/libc/sys/socket",
      "bind() fails with EADDRINUSE, EADDRNOTAVAIL, EINVAL, EAFNOSUPPORT, ENOENT or ENOTDIR",
    ),
    ELOOP: () => withLoop((path) => bindTo(`${path}/x`)),
    ENAMETOOLONG: at(
      "ffi/libc/sys/sockaddr",
      "sockaddr_un fails with ENAMETOOLONG beyond sun_path, with EINVAL if a path has a NUL inside",
    ),
    ENOENT: () => bindTo("/none/none"),
    ENOMEM: MEMORY,
    ENOTDIR: () => bindTo(NO_DIRECTORY),
    EROFS: not("needs a file system that is mounted for reading only"),
  },
  listen: {
    ...SOCKETS_BAD,
    EADDRINUSE: at("ffi/libc/sys/socket", "listen() fails with EOPNOTSUPP, EINVAL or EADDRINUSE"),
    EOPNOTSUPP: at("ffi/libc/sys/socket", "listen() fails with EOPNOTSUPP, EINVAL or EADDRINUSE"),
  },
  accept: ACCEPT,
  accept4: ACCEPT,
  connect: {
    ...SOCKETS_BAD,
    EACCES: OTHERS,
    EADDRINUSE: not("Linux says EADDRNOTAVAIL"),
    EADDRNOTAVAIL: () =>
      withSocket(mod.AF_INET, STREAM, (listener) => {
        const address = mod.sockaddr.parse("127.0.0.1:0");
        mod.bind(listener, address);
        mod.listen(listener, 5);
        mod.getsockname(listener, address);
        withSocket(mod.AF_INET, STREAM, (first) => {
          mod.connect(first, address);
          const local = new mod.sockaddr_in();
          mod.getsockname(first, local);
          // a second connection between the same two addresses
          withSocket(mod.AF_INET, STREAM, (second) => {
            for (const fd of [first, second]) mod.setsockopt(fd, mod.SOL_SOCKET, mod.SO_REUSEADDR, true);
            mod.bind(second, local);
            mod.connect(second, address);
          });
        });
      }),
    EAFNOSUPPORT: at(
      "ffi/libc/sys/socket",
      "connect() fails with ECONNREFUSED, EISCONN, EAFNOSUPPORT, ENOENT or EPROTOTYPE",
    ),
    EAGAIN: () =>
      withSocket(AF_UNIX, STREAM, (listener) => {
        const name = new mod.sockaddr_un();
        mod.bind(listener, name);
        mod.listen(listener, 0);
        mod.getsockname(listener, name);
        const clients: number[] = [];
        try {
          while (true) {
            clients.push(mod.socket(AF_UNIX, STREAM | mod.SOCK_NONBLOCK, 0));
            mod.connect(clients.at(-1)!, name);
          }
        } finally {
          clients.forEach(mod.close);
        }
      }),
    EALREADY: not("a connection on loopback is made at once, so that a second call finds it there"),
    ECONNREFUSED: at(
      "ffi/libc/sys/socket",
      "connect() fails with ECONNREFUSED, EISCONN, EAFNOSUPPORT, ENOENT or EPROTOTYPE",
    ),
    EFAULT: SOCKETS_EFAULT,
    EINPROGRESS: at("ffi/libc/sys/socket", "connect() fails with EINPROGRESS on a SOCK_NONBLOCK stream"),
    EINTR: INTERRUPTED,
    EISCONN: at(
      "ffi/libc/sys/socket",
      "connect() fails with ECONNREFUSED, EISCONN, EAFNOSUPPORT, ENOENT or EPROTOTYPE",
    ),
    ENETUNREACH: () =>
      withSocket(mod.AF_INET, mod.SOCK_DGRAM, (fd) => {
        // a class of addresses that no network has
        mod.setsockopt(fd, mod.SOL_SOCKET, mod.SO_DONTROUTE, true);
        mod.connect(fd, mod.sockaddr.parse("240.0.0.1:9"));
      }),
    ENOTSOCK: SOCKETS_EBADF,
    EPERM: not("a broadcast address is EACCES on Linux; EPERM needs a firewall"),
    EPROTOTYPE: at(
      "ffi/libc/sys/socket",
      "connect() fails with ECONNREFUSED, EISCONN, EAFNOSUPPORT, ENOENT or EPROTOTYPE",
    ),
    ETIMEDOUT: not("takes minutes, and a host that does not answer"),
    ENOENT: () => connectTo("/none/none"),
  },
  send: {
    ...SEND,
    EACCES: not("needs an address: see sendto"),
    EISCONN: at("ffi/libc/sys/socket", "sendto() fails with EISCONN, EACCES, EAFNOSUPPORT, ENOENT or ECONNREFUSED"),
  },
  sendto: {
    ...SEND,
    EACCES: OTHERS,
    EISCONN: at("ffi/libc/sys/socket", "sendto() fails with EISCONN, EACCES, EAFNOSUPPORT, ENOENT or ECONNREFUSED"),
  },
  recv: RECEIVE,
  recvfrom: RECEIVE,
  shutdown: {
    ...SOCKETS_BAD,
    EINVAL: () => withPair((a) => mod.shutdown(a, 9)),
    ENOTCONN: () => withSocket(mod.AF_INET, STREAM, (fd) => mod.shutdown(fd, mod.SHUT_WR)),
  },
  setsockopt: {
    ...SOCKETS_BAD,
    EFAULT: at("ffi/libc/sys/socket", "setsockopt() fails with ENOPROTOOPT, EINVAL, EDOM or EFAULT"),
    EINVAL: at("ffi/libc/sys/socket", "setsockopt() fails with ENOPROTOOPT, EINVAL, EDOM or EFAULT"),
    ENOPROTOOPT: at("ffi/libc/sys/socket", "setsockopt() fails with ENOPROTOOPT, EINVAL, EDOM or EFAULT"),
    EOPNOTSUPP: () => withPair((a) => mod.setsockopt(a, mod.SOL_SOCKET, 9999, 1)),
  },
  getsockopt: {
    ...SOCKETS_BAD,
    EFAULT: () => withPair((a) => mod.getsockopt(a, mod.SOL_SOCKET, mod.SO_TYPE, "x" as unknown as mod.timeval)),
    EINVAL: at(
      "ffi/libc/sys/socket",
      "getsockopt() fails with EINVAL if the option is no number and there is nothing to fill",
    ),
    ENOPROTOOPT: () => withPair((a) => mod.getsockopt(a, mod.SOL_SOCKET, 27)), // SO_DETACH_FILTER
    EOPNOTSUPP: () => withPair((a) => mod.getsockopt(a, mod.SOL_SOCKET, 9999)),
  },
  getsockname: { ...SOCKETS_BAD, EFAULT: SOCKETS_EFAULT, EINVAL: NO_POINTER, ENOBUFS: MEMORY },
  getpeername: {
    ...SOCKETS_BAD,
    EFAULT: SOCKETS_EFAULT,
    EINVAL: NO_POINTER,
    ENOBUFS: MEMORY,
    ENOTCONN: () => withSocket(mod.AF_INET, STREAM, (fd) => mod.getpeername(fd, new mod.sockaddr_in())),
  },
  getaddrinfo: {
    EAI_ADDRFAMILY: lookUp("127.0.0.1", null, { ai_family: mod.AF_INET6, ai_flags: mod.AI_NUMERICHOST }),
    EAI_AGAIN: not("needs a name server that fails for now"),
    EAI_BADFLAGS: lookUp("127.0.0.1", null, { ai_flags: 1 << 30 }),
    EAI_FAIL: not("needs a name server that fails"),
    EAI_FAMILY: lookUp("127.0.0.1", null, { ai_family: 99 }),
    EAI_MEMORY: MEMORY,
    EAI_NODATA: not("needs a name server that knows a name without addresses"),
    EAI_NONAME: lookUp("none", null, { ai_flags: mod.AI_NUMERICHOST }),
    EAI_SERVICE: lookUp("127.0.0.1", "no such service", { ai_socktype: STREAM }),
    EAI_SOCKTYPE: lookUp("127.0.0.1", null, { ai_socktype: 99 }),
    EAI_SYSTEM: not("the system would have to fail; its own error is thrown then"),
  },
};
