/**
 * Calls of the methods of sockets and listeners.
 *
 * @module
 */
import * as mod from "../../mod.ts";
import { Listener, type ReceivedFds, Socket } from "../../ffi/objects/socket.ts";
import { type Call, disposes, given, method, soon } from "./_calls.ts";
import { buffer, data } from "./_memory.ts";
import { bad, fdOf, good, ints, mode, orNull, type Spec, wrongInt, wrongUint } from "./_numbers.ts";
import { directory } from "./_run.ts";
import { m } from "./_world.ts";

const host: Spec[] = [
  good("listener", (w) => `${w.address}`),
  ...ints("127.0.0.1:0", "[::1]:0", "@ipc_playground_none", "127.0.0.1:99999", "", ":", "/none/none"),
  ...[null, 5, {}, Symbol("s"), "/\0"].map((value) => bad(Deno.inspect(value), () => value)),
  bad("undefined", () => undefined),
];
const socketType = orNull([
  ...ints(undefined, mod.SOCK_STREAM, mod.SOCK_DGRAM, mod.SOCK_SEQPACKET, 0, 99, -1),
  ...wrongInt(() => mod.SOCK_STREAM),
]);

/** Closes the descriptors that were received. */
function closeThose(got: ReceivedFds | null): void {
  got?.fds.forEach(m.close);
}

export const SOCKET_OBJECTS: Call[] = [
  method("Socket.fromFd", (w, which) => {
    const [a, b] = m.socketpair(m.AF_UNIX, m.SOCK_STREAM, 0);
    w.own(b);
    const value = which.make({ ...w, pair: [a, a] });
    let socket: Socket | undefined;
    try {
      socket = Socket.fromFd(value);
    } finally {
      if (socket?.fd !== a) m.close(a);
      socket?.close();
    }
    if (which.bad) throw new Error("taken");
  }, [fdOf((w) => w.pair[0]).map((spec) => good(spec.name, () => spec))]),
  method("Listener.fromFd", (_w, fd) => Listener.fromFd(fd), [fdOf((w) => w.pair[1]).filter((spec) => spec.bad)]),
  method(
    "Socket.pair",
    (_w, type) => Socket.pair(given("type", type)),
    [socketType],
    (pair) => (pair as Socket[]).forEach(disposes),
  ),
  method("Socket.connect", (_w, address, type) => Socket.connect(address, { ...given("type", type), signal: soon() }), [
    host,
    socketType,
  ], disposes),
  method("Socket.listen", (_w, address, backlog) => Socket.listen(address, given("backlog", backlog)), [
    host.filter(({ name }) => name !== "listener"),
    [...ints(undefined, 0, 5, -1), ...wrongInt(() => 5)],
  ], disposes),
  method(
    "Socket.listen: mode",
    (_w, mode) => Socket.listen(`${directory}/socket`, given("mode", mode)),
    [mode],
    disposes,
  ),
  method(
    "Socket.bind",
    (_w, address) => Socket.bind(address),
    [host.filter(({ name }) => name !== "listener")],
    disposes,
  ),
  method("Socket.bind: mode", (_w, mode) => Socket.bind(`${directory}/socket`, given("mode", mode)), [mode], disposes),
  method("socket.read", (w, buf) => w.sockets[1].read(buf, { signal: soon() }), [buffer]),
  method("socket.write", (w, data) => w.sockets[0].write(data, { signal: soon() }), [data]),
  method("socket.receiveFrom", (w, buf) => w.sockets[1].receiveFrom({ buf, signal: soon() }), [buffer]),
  method("datagram", async (_w, data, buf) => {
    using a = Socket.bind("127.0.0.1:0");
    using b = Socket.bind("127.0.0.1:0");
    await a.sendTo(data, b.localAddress, { signal: soon() });
    return (await b.receiveFrom({ buf, signal: soon() })).data;
  }, [data, [...ints(undefined), ...buffer.filter(({ name }) => name !== "undefined")]]),
  method("socket.sendFds", async (w, fds, data) => {
    await w.sockets[0].sendFds(fds, data, { signal: soon() });
    closeThose(await w.sockets[1].receiveFds({ signal: soon() }));
  }, [
    [
      ...ints([0], [0, 1, 2], [], Array(253).fill(0)),
      ...[Array(254).fill(0), [-1], [4096], [null], null, 5, "x", {}, Symbol("s"), new Int32Array(1)].map((value) =>
        bad(Deno.inspect(value), () => value)
      ),
      ...wrongInt(() => 0).map(({ name, make }) => bad(`[${name}]`, (w) => [make(w)])),
    ],
    [...ints(undefined), ...data.filter(({ name }) => name !== "undefined")],
  ]),
  method("socket.receiveFds", async (w, max, buf) => {
    w.sockets[0].sendFdsSync([0, 1, 2], "abc");
    const got = await w.sockets[1].receiveFds({ ...given("max", max), ...given("buf", buf), signal: soon() });
    closeThose(got);
  }, [
    [...ints(undefined, 0, 1, 3, 253), ...wrongUint(() => 3), bad("254", () => 254)],
    [...ints(undefined), ...buffer.filter(({ name }) => name !== "undefined")],
  ]),
  method("socket.passCredentials =", (w, value) => {
    w.sockets[1].passCredentials = value;
    return w.sockets[1].passCredentials;
  }, [[
    ...ints(true, false),
    ...[null, 5, "x", {}, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
    bad("undefined", () => undefined),
  ]]),
  ...[Socket, Listener].map((Class) =>
    // nobody has passed any on
    method(`${Class.name}.inherited`, (_w, name) => Class.inherited(given("name", name)), [
      ["x", "", "unknown", null, 5, {}, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
    ])
  ),
  method("socket.shutdown", (w, how) => w.sockets[0].shutdown(how), [
    [
      ...ints(undefined, m.SHUT_RD, m.SHUT_WR, m.SHUT_RDWR),
      ...[5, "write", null, Symbol("s")].map((value) => bad(Deno.inspect(value), () => value)),
    ],
  ]),
  method("socket.close", (w, which) => w.sockets[which].close(), [ints(0, 1)]),
  method("socket.localAddress", (w) => [`${w.sockets[0].localAddress}`, `${w.sockets[0].remoteAddress}`], []),
  method("listener.accept", (w) => w.acceptor.accept({ signal: soon() }), [], disposes),
  method("listener.close", (w) => w.acceptor.close(), []),
  method("listener.address", (w) => `${w.acceptor.address}`, []),
];
