/**
 * Calls of the functions of messages with control data, of names of addresses, and of network interfaces.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { type Call, thin } from "./_calls.ts";
import { addresses, buffer, structs, views } from "./_memory.ts";
import { bad, datagram, good, int, ints, nothing, type Spec, stream, uint, wrongInt, wrongUint } from "./_numbers.ts";
import { m } from "./_world.ts";

const { SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET } = mod;

// deno-lint-ignore no-explicit-any -- the point is to pass what the types forbid
type Anything = any;

function message(iov: Anything, control: Anything = [], room = 100): mod.msghdr {
  const msg = new mod.msghdr(iov);
  msg.msg_control = control;
  msg.msg_controllen = room;
  return msg;
}
const control = (cmsg_type: Anything, cmsg_data: Anything, cmsg_level: Anything = SOL_SOCKET) => [
  { cmsg_level, cmsg_type, cmsg_data },
];
const controlled = (list: Anything) => message([new Uint8Array(1)], list);
const fault = () => {
  throw new TypeError("mine");
};

/** Messages for both ways. */
const parts: Spec[] = [
  good("msghdr", (w) => message([w.view(16), w.view(0), w.view(1)])),
  good("msghdr()", () => new mod.msghdr()),
  ...views.map(({ name, make }) => good(`[${name}]`, (w) => message([make(w)]))),
  ...views.map(({ name, make }) => good(`[…, ${name}]`, (w) => message([w.view(3), make(w), make(w)]))),
  ...buffer.filter((spec) => spec.bad).map(({ name, make }) => bad(`[${name}]`, (w) => message([w.view(3), make(w)]))),
  ...[null, true, 5, {}, Symbol("s"), "x", new Uint8Array(3)].map((iov) =>
    bad(`msg_iov: ${Deno.inspect(iov)}`, () => message(iov))
  ),
  bad("1025 parts", () => message(Array(1025).fill(new Uint8Array(1)))),
  bad("2^32 - 1 parts", () => message(Object.assign([], { length: 2 ** 32 - 1 }))),
  bad("msg_iov that throws", () => message(new Proxy([], { get: fault }))),
  good("msg_iov that grows", (w) => {
    let asked = 0;
    const list = [w.view(4), w.view(4)];
    return message(new Proxy(list, { get: (_, key) => key === "length" ? ++asked : list[0] }));
  }),
  ...[null, true, 5, "x", {}, [], Symbol("s"), new Uint8Array(56)].map((value) =>
    bad(Deno.inspect(value), () => value)
  ),
  bad("no msghdr", () => Object.create(mod.msghdr.prototype)),
  bad("Proxy of a msghdr", (w) => new Proxy(message([w.view(4)]), {})),
  good("subclass", (w) => {
    class Other extends mod.msghdr {
      override get msg_iov(): Anything {
        return [new Uint8Array(new ArrayBuffer(0), 0, 0)];
      }
      override get msg_controllen(): number {
        return 2 ** 40;
      }
    }
    return new Other([w.view(4)]);
  }),
];

const controls: Spec[] = [
  good("one descriptor", () => controlled(control(SCM_RIGHTS, [0]))),
  good("253 descriptors", () => controlled(control(SCM_RIGHTS, Array(253).fill(1)))),
  good("no descriptor", () => controlled(control(SCM_RIGHTS, []))),
  good("the sockets themselves", (w) => controlled(control(SCM_RIGHTS, [...w.pair, w.listener]))),
  good(
    "credentials",
    () => controlled(control(SCM_CREDENTIALS, new mod.ucred(mod.getpid(), Deno.uid()!, Deno.gid()!))),
  ),
  bad("254 descriptors", () => controlled(control(SCM_RIGHTS, Array(254).fill(1)))),
  bad("a closed descriptor", () => controlled(control(SCM_RIGHTS, [4096]))),
  ...wrongInt(() => 0).map(({ name, make }) => bad(`fd: ${name}`, (w) => controlled(control(SCM_RIGHTS, [make(w)])))),
  ...wrongInt(() => SCM_RIGHTS).map(({ name, make }) =>
    bad(`cmsg_type: ${name}`, (w) => controlled(control(make(w), [0])))
  ),
  ...wrongInt(() => SOL_SOCKET).map(({ name, make }) =>
    bad(`cmsg_level: ${name}`, (w) => controlled(control(SCM_RIGHTS, [0], make(w))))
  ),
  ...[null, true, 5, "x", {}, Symbol("s"), new Int32Array(1), new Uint8Array(4)].map((data) =>
    bad(`fds: ${Deno.inspect(data)}`, () => controlled(control(SCM_RIGHTS, data)))
  ),
  ...structs(() => new mod.ucred()).filter((spec) => spec.bad).map(({ name, make }) =>
    bad(`ucred: ${name}`, (w) => controlled(control(SCM_CREDENTIALS, make(w))))
  ),
  bad("ucred: another structure", () => controlled(control(SCM_CREDENTIALS, new mod.linger()))),
  ...[null, 5, "x", {}].map((list) => bad(`msg_control: ${Deno.inspect(list)}`, () => controlled(list))),
  ...[null, 5, "x", []].map((item) => bad(`msg_control: [${Deno.inspect(item)}]`, () => controlled([item]))),
  ...[3, 4, 37, -1].map((type) => bad(`cmsg_type: ${type}`, () => controlled(control(type, new Uint8Array(64))))),
  bad("a getter that throws", () => controlled([Object.defineProperty({}, "cmsg_level", { get: fault })])),
];

const wrongFlags = int(mod.MSG_DONTWAIT, mod.MSG_DONTWAIT | mod.MSG_NOSIGNAL);

/** Receives, and closes the descriptors that it got. */
function receive(fd: Anything, msg: Anything, flags: Anything): unknown {
  try {
    return m.recvmsg(fd, msg, flags);
  } finally {
    const real = msg instanceof mod.msghdr && Object.getPrototypeOf(msg) === mod.msghdr.prototype;
    try {
      const list = real ? msg.msg_control : [];
      for (const { cmsg_data } of list) if (Array.isArray(cmsg_data)) cmsg_data.forEach((fd) => m.close(fd));
    } catch { /* it was made to look like one */ }
  }
}

export const MESSAGES: Call[] = [
  thin("sendmsg", [stream, [...parts, ...controls], wrongFlags]),
  thin("sendmsg", [datagram, parts, wrongFlags]),
  {
    name: "recvmsg",
    run: (_w, fd, msg, flags) => receive(fd, msg, flags),
    params: [stream, parts, int(mod.MSG_DONTWAIT, mod.MSG_DONTWAIT | mod.MSG_PEEK)],
  },
  {
    name: "recvmsg of descriptors",
    run(_w, sent, room, controllen) {
      const [a, b] = m.socketpair(m.AF_UNIX, m.SOCK_STREAM | m.SOCK_NONBLOCK, 0);
      try {
        m.sendmsg(a, controlled(control(SCM_RIGHTS, Array(sent).fill(0))), 0);
        const msg = message([new Uint8Array(room)]);
        msg.msg_controllen = controllen;
        receive(b, msg, m.MSG_CMSG_CLOEXEC);
      } finally {
        m.close(a);
        m.close(b);
      }
    },
    params: [ints(1, 0, 5, 253), ints(1, 0, 100), [...ints(0, 1, 16, 20, 24, 1000, 1 << 20), ...wrongUint(() => 24)]],
  },
  {
    name: "datagrams with msg_name",
    run(w, name, room) {
      const msg = message([new Uint8Array(4)]);
      msg.msg_name = name;
      try {
        m.sendmsg(w.datagrams[0], msg, m.MSG_DONTWAIT);
      } catch (error) {
        if (!(error instanceof mod.LibcError)) throw error;
      }
      msg.msg_name = room;
      return m.recvmsg(w.datagrams[1], msg, m.MSG_DONTWAIT);
    },
    params: [[nothing, ...addresses].flat().filter((spec) => !spec.bad), [nothing, ...addresses].flat()],
  },
  ...(["msg_controllen"] as const).map((field): Call => ({
    name: `msghdr.${field} =`,
    run: (_w, value) => new mod.msghdr()[field] = value,
    params: [[...ints(0, 24, 1 << 20), ...wrongUint(() => 24), bad("2^20 + 1", () => (1 << 20) + 1)]],
  })),
  {
    name: "new ucred",
    run: (_w, pid, uid, gid) => new mod.ucred(pid, uid, gid),
    params: [[...int(1, -1), ...ints(undefined)], [...uint(1), ...ints(undefined)], [...uint(1), ...ints(undefined)]],
  },
  thin("CMSG_SPACE", [uint(4, 0, 12, 2 ** 32 - 1)]),
  thin("getnameinfo", [
    addresses,
    [
      ...ints(mod.NI_NUMERICHOST | mod.NI_NUMERICSERV, mod.NI_NUMERICHOST | mod.NI_DGRAM, 0x7fff_ffff),
      ...wrongInt(() => 3),
    ],
  ]),
  thin("getifaddrs", []),
  thin("if_nametoindex", [[
    ...ints("lo", "", "x".repeat(16), "x".repeat(5000)),
    ...[5, {}, null, Symbol("s"), "l\0"].map((value) => bad(Deno.inspect(value), () => value)),
  ]]),
  thin("if_indextoname", [uint(1, 0, 2 ** 32 - 1)]),
];
