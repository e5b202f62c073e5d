/**
 * The errors of messages with control data, of names of addresses, and of network interfaces.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import * as mod from "../../../mod.ts";
import { FFI, run } from "../../support.ts";
import { answer, interrupting, limiting, unprivileged, withProgram } from "./_programs.ts";
import {
  AF_UNIX,
  at,
  type Errors,
  FILES,
  MEMORY,
  NO_POINTER,
  not,
  type Proof,
  withPair,
  withSocket,
} from "./_proofs.ts";

const { SOCK_DGRAM, SOCK_STREAM } = mod;

const INTERRUPTED = interrupting(
  "sendmsg() and recvmsg() fail with EINTR if a signal comes",
  `
  const [a] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM, 0);
  c.setsockopt(a, c.SOL_SOCKET, c.SO_RCVTIMEO, new c.timeval(60));
  c.setsockopt(a, c.SOL_SOCKET, c.SO_SNDTIMEO, new c.timeval(60));
  const msg = new c.msghdr([new Uint8Array(1 << 16)]);
  say("ready");
  attempt("recvmsg", () => c.recvmsg(a, msg));
  attempt("sendmsg", () => { while (true) c.sendmsg(a, msg); });`,
);

const CONFINED = limiting(
  "calls about interfaces fail with EMFILE, or ENOENT, if there are no descriptors left",
  "-n 60",
  `
  try { while (true) c.socket(c.AF_UNIX, c.SOCK_STREAM, 0); } catch { /* that was the last one */ }
  attempt("getifaddrs", () => c.getifaddrs());
  attempt("if_nametoindex", () => c.if_nametoindex("lo"));
  attempt("if_indextoname", () => c.if_indextoname(1));`,
);

const OTHERS = unprivileged(
  "sendmsg() fails with EACCES or EPERM for who is not privileged",
  `
  const msg = new c.msghdr([new Uint8Array(1)]);
  const datagram = c.socket(c.AF_UNIX, c.SOCK_DGRAM, 0);
  msg.msg_name = new c.sockaddr_un();
  msg.msg_name.sun_path = closed + "/socket";
  attempt("sendmsg EACCES", () => c.sendmsg(datagram, msg));
  msg.msg_name = null;
  const [a] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM, 0);
  msg.msg_control = [{ cmsg_level: c.SOL_SOCKET, cmsg_type: c.SCM_CREDENTIALS, cmsg_data: new c.ucred(1, 0, 0) }];
  attempt("sendmsg EPERM", () => c.sendmsg(a, msg));`,
);

/** As many descriptors under way as the process may have. They have all to be another user's, whom nobody else counts for. */
const UNDER_WAY = `
  const msg = new c.msghdr([new Uint8Array(1)]);
  const [a] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM, 0);
  msg.msg_control = [{ cmsg_level: c.SOL_SOCKET, cmsg_type: c.SCM_RIGHTS, cmsg_data: Array(50).fill(0) }];
  attempt("sendmsg ETOOMANYREFS", () => { for (let i = 0; i < 20; i++) c.sendmsg(a, msg, c.MSG_DONTWAIT); });`;

let refs: Promise<Record<string, string>> | undefined;
const TOO_MANY: Proof = {
  program: {
    title: "sendmsg() fails with ETOOMANYREFS if more descriptors are under way than a process may have",
    needs: ["setpriv"],
    run: () =>
      refs ??= withProgram(UNDER_WAY, async (path) => {
        const drop = Deno.uid() === 0 ? "setpriv --bounding-set=-all --inh-caps=-all" : "";
        const limited = ["-c", `ulimit -n 100; exec ${drop} "$@"`, "sh", Deno.execPath(), ...FFI, path];
        const { code, stdout, stderr } = await run("sh", limited);
        assertEquals({ code, stderr }, { code: 0, stderr: "" });
        return answer(stdout);
      }),
  },
};

const one = () => new mod.msghdr([new Uint8Array(1)]);
const control = (cmsg_type: number, cmsg_data: mod.cmsghdr["cmsg_data"]) => {
  const msg = one();
  msg.msg_control = [{ cmsg_level: mod.SOL_SOCKET, cmsg_type, cmsg_data }];
  return msg;
};

function withClosed(use: (fd: number) => unknown): void {
  const fd = mod.socket(AF_UNIX, SOCK_STREAM, 0);
  mod.close(fd);
  use(fd);
}

function withPipe(use: (fd: number) => unknown): void {
  const fds = mod.pipe();
  try {
    use(fds[0]);
  } finally {
    fds.forEach(mod.close);
  }
}

const ARGUMENTS = at("ffi/libc/sys/msghdr", "wrong arguments of sendmsg() and recvmsg() are typed errors");

const INTERFACES: Record<string, Proof> = {
  EMFILE: not("glibc says ENOENT then"),
  ENFILE: not("glibc says ENOENT then"),
  ENOENT: CONFINED,
};

/** Every error of these functions. */
export const errors: Errors = {
  sendmsg: {
    EACCES: OTHERS,
    EAGAIN: () =>
      withPair((a) => {
        for (;;) mod.sendmsg(a, one());
      }),
    EALREADY: not("for TCP Fast Open, which has flags of its own"),
    EBADF: () => withClosed((fd) => mod.sendmsg(fd, one())),
    ECONNRESET: () => {
      const [a, b] = mod.socketpair(AF_UNIX, SOCK_STREAM, 0);
      try {
        mod.send(a, "unread");
        mod.close(b);
        mod.recv(a, new Uint8Array(1)); // the next call would say EPIPE
      } finally {
        mod.close(a);
      }
    },
    EDESTADDRREQ: () => withSocket(mod.AF_INET, SOCK_DGRAM, (fd) => mod.sendmsg(fd, one())),
    EFAULT: ARGUMENTS,
    EINTR: INTERRUPTED,
    EINVAL: ARGUMENTS,
    EISCONN: () =>
      withPair((a) => {
        const msg = one();
        msg.msg_name = mod.sockaddr.parse("@ipc_playground_none");
        mod.sendmsg(a, msg);
      }, SOCK_STREAM),
    EMSGSIZE: () =>
      withSocket(mod.AF_INET, SOCK_DGRAM, (fd) => {
        const msg = new mod.msghdr([new Uint8Array(1 << 17)]);
        msg.msg_name = mod.sockaddr.parse("127.0.0.1:9");
        mod.sendmsg(fd, msg);
      }),
    ENOBUFS: () =>
      withPair((a) => {
        const msg = one();
        msg.msg_control = Array(1025).fill({ cmsg_level: mod.SOL_SOCKET, cmsg_type: mod.SCM_RIGHTS, cmsg_data: [] });
        mod.sendmsg(a, msg);
      }),
    ENOMEM: MEMORY,
    ENOTCONN: () => withSocket(AF_UNIX, SOCK_DGRAM, (fd) => mod.sendmsg(fd, one())),
    ENOTSOCK: () => withPipe((fd) => mod.sendmsg(fd, one())),
    EOPNOTSUPP: ARGUMENTS,
    EPERM: OTHERS,
    EPIPE: () =>
      withPair((a, b) => {
        mod.shutdown(b, mod.SHUT_RD);
        mod.sendmsg(a, one());
      }),
    // unix(7)
    ESRCH: Deno.uid() === 0
      ? () => withPair((a) => mod.sendmsg(a, control(mod.SCM_CREDENTIALS, new mod.ucred(0x7fff_ffff, 0, 0))))
      : not("who is not privileged hears EPERM"),
    ETOOMANYREFS: TOO_MANY,
  },
  recvmsg: {
    EAGAIN: () => withPair((a) => mod.recvmsg(a, one())),
    EBADF: () => withClosed((fd) => mod.recvmsg(fd, one())),
    ECONNREFUSED: () =>
      withSocket(mod.AF_INET, SOCK_DGRAM, (fd) => {
        // a port that was free a moment ago
        const address = mod.sockaddr.parse("127.0.0.1:0");
        withSocket(mod.AF_INET, SOCK_DGRAM, (other) => {
          mod.bind(other, address);
          mod.getsockname(other, address);
        });
        mod.connect(fd, address);
        mod.setsockopt(fd, mod.SOL_SOCKET, mod.SO_RCVTIMEO, new mod.timeval(10));
        mod.send(fd, "x");
        mod.recvmsg(fd, one());
      }),
    EFAULT: ARGUMENTS,
    EINTR: INTERRUPTED,
    EINVAL: ARGUMENTS,
    EMSGSIZE: () => withPair((a) => mod.recvmsg(a, new mod.msghdr(Array(1025).fill(new Uint8Array(1))))),
    ENOMEM: at("ffi/libc/sys/msghdr", "too many parts, too much control data and too much memory are refused"),
    ENOTCONN: () => withSocket(mod.AF_INET, SOCK_STREAM, (fd) => mod.recvmsg(fd, one())),
    ENOTSOCK: () => withPipe((fd) => mod.recvmsg(fd, one())),
  },
  getnameinfo: {
    EAI_AGAIN: not("needs a name server that fails for now"),
    EAI_BADFLAGS: () => mod.getnameinfo(mod.sockaddr.parse("127.0.0.1:80"), 1 << 20),
    EAI_FAIL: not("needs a name server that fails"),
    EAI_FAMILY: () => mod.getnameinfo(new mod.sockaddr_storage(), mod.NI_NUMERICHOST),
    EAI_MEMORY: MEMORY,
    EAI_NONAME: () => mod.getnameinfo(mod.sockaddr.parse("127.0.0.1:80"), mod.NI_NUMERICHOST | mod.NI_NAMEREQD),
    EAI_OVERFLOW: not("there is room for the longest names"),
    EAI_SYSTEM: not("the system would have to fail; its own error is thrown then"),
  },
  getifaddrs: { EFAULT: NO_POINTER, EMFILE: CONFINED, ENFILE: FILES, ENOBUFS: MEMORY, ENOMEM: MEMORY },
  if_nametoindex: { ...INTERFACES, ENODEV: () => mod.if_nametoindex("nosuchif") },
  if_indextoname: { ...INTERFACES, ENXIO: () => mod.if_indextoname(2 ** 31 - 1) },
};
