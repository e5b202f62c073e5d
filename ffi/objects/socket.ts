/**
 * Sockets as objects: {@linkcode Socket} makes a {@linkcode Listener}, which makes sockets, so that both stand here.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import type { addrinfo } from "../libc/netdb.ts";
import { POLLIN, POLLOUT } from "../libc/poll.ts";
import {
  accept4,
  AF_UNIX,
  bind,
  connect,
  getpeername,
  getsockname,
  getsockopt,
  listen,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  recv,
  recvfrom,
  sendto,
  setsockopt,
  SHUT_RDWR,
  SHUT_WR,
  shutdown,
  SO_DOMAIN,
  SO_ERROR,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_REUSEADDR,
  SO_SNDTIMEO,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  type sockaddr,
  socket,
  socketpair,
  SOL_SOCKET,
  ucred,
} from "../libc/sys/socket.ts";
import { attempts } from "../libc/sys/_attempts.ts";
import { told } from "../libc/sys/_sockaddr.ts";
import { timeval } from "../libc/sys/time.ts";
import { close } from "../libc/unistd.ts";
import { abortable } from "../abort.ts";
import { lookup, lookupAsync } from "./_address.ts";
import { checkMode, isCode, waitOptionsOf } from "./_common.ts";
import { addressFor, fileOf, noteFile, release, removeFile, waitSync } from "./_descriptor.ts";
import { byteLengthOf, isBytes, plain } from "../native/bytes.ts";
import { asInt, asString, shown } from "../native/check.ts";
import { setMode, setNonblocking } from "../native/descriptors.ts";
import { known, optionsOf } from "../native/options.ts";
import { undisturbed } from "../native/removal.ts";
import { takeInherited } from "./_inherited.ts";
import { type Arrived, checkMost, closeAll, listOf, MOST_FDS, receiveWith, sendWith } from "./_passing.ts";
import { lookAgain, ready, turn } from "./_reactor.ts";
import { BUSY, type Deadline, deadline, pause, sleepSync } from "./_time.ts";
import type { WaitOptions, WaitSyncOptions } from "./options.ts";

/** Of what type a socket is. */
export interface TypeOptions {
  /** `SOCK_STREAM` unless given; or `SOCK_SEQPACKET`, or where nobody has to listen `SOCK_DGRAM`. */
  type?: number;
}

/** How {@linkcode Socket.listen} listens. */
export interface ListenOptions extends TypeOptions {
  /** How many connections may wait to be accepted; 128 unless given. */
  backlog?: number;
  /** Whether a port that old connections still use can be taken, `SO_REUSEADDR`; true unless given. */
  reuseAddress?: boolean;
  /** Permissions of the file that a path makes, less the umask; 0600 unless given. Who may write to it may connect. */
  mode?: number;
}

/** How {@linkcode Socket.bind} binds. */
export interface BindOptions {
  /** Permissions of the file that a path makes, less the umask; 0600 unless given. Who may write to it may send. */
  mode?: number;
}

/** Where {@linkcode Socket.receiveFrom} puts a datagram. */
export interface ReceiveFromOptions {
  /** Where to put it; a new array of its length unless given. */
  buf?: Uint8Array<ArrayBuffer>;
}

/** Who is at the other end, `struct ucred` of `unix(7)`. */
export interface Credentials {
  /** The process; 0 for one in a PID namespace that cannot be seen from here. */
  readonly pid: number;
  /** Its user id. */
  readonly uid: number;
  /** Its group id. */
  readonly gid: number;
}

/** A datagram, and who sent it. */
export interface Datagram {
  /** Its bytes. */
  data: Uint8Array<ArrayBuffer>;
  /** The sender's address; that of a unix socket without a name is empty. */
  address: sockaddr;
}

/** What {@linkcode Socket.receiveFds} takes. */
export interface ReceiveFdsOptions {
  /** How many descriptors at most, up to 253, as many as can be sent at once; these unless given. */
  max?: number;
  /** Where to put the data; a new array unless given, of a stream for up to 16 KiB. */
  buf?: Uint8Array<ArrayBuffer>;
}

/** What {@linkcode Socket.receiveFds} has got. */
export interface ReceivedFds {
  /** The data. */
  data: Uint8Array<ArrayBuffer>;
  /** The descriptors, which are to be closed; `execve` closes them. */
  fds: number[];
  /** Who has sent it, with {@linkcode Socket.passCredentials}; else `null`. */
  credentials: Credentials | null;
  /** Whether descriptors are missing: more came than `max`, or than this process may have. They are closed. */
  truncated: boolean;
}

/** Which of the sockets that were passed on {@linkcode Listener.inherited} and {@linkcode Socket.inherited} take over. */
export interface InheritedOptions {
  /** Those of this name, `FileDescriptorName=` in a unit of systemd; all unless given. */
  name?: string;
}

const WAIT = known<WaitOptions>(({ signal }) => ({ signal }));
const SYNC = known<WaitSyncOptions>(({ timeout }) => ({ timeout }));
const CONNECT = known<TypeOptions & WaitOptions>(({ type, signal }) => ({ type, signal }));
const CONNECT_SYNC = known<TypeOptions & WaitSyncOptions>(({ type, timeout }) => ({ type, timeout }));
const LISTEN = known<ListenOptions>(({ type, backlog, reuseAddress, mode }) => ({ type, backlog, reuseAddress, mode }));
const BIND = known<BindOptions>(({ mode }) => ({ mode }));
const PAIR = known<TypeOptions>(({ type }) => ({ type }));
const RECEIVE = known<ReceiveFromOptions & WaitOptions>(({ buf, signal }) => ({ buf, signal }));
const RECEIVE_SYNC = known<ReceiveFromOptions & WaitSyncOptions>(({ buf, timeout }) => ({ buf, timeout }));
const FDS = known<ReceiveFdsOptions & WaitOptions>(({ max, buf, signal }) => ({ max, buf, signal }));
const FDS_SYNC = known<ReceiveFdsOptions & WaitSyncOptions>(({ max, buf, timeout }) => ({ max, buf, timeout }));
const INHERITED = known<InheritedOptions>(({ name }) => ({ name }));

const SMALLEST_CHUNK = 1 << 14;
const LARGEST_CHUNK = 1 << 18;

const encoder = new TextEncoder();
const nothing = new Uint8Array(0);
const NOBODY = 0xffff_ffff; // the uid that the kernel has for no process, -1

function asBytes(buf: Uint8Array<ArrayBuffer>, syscall: string): Uint8Array<ArrayBuffer> {
  if (isBytes(buf)) return buf;
  throw new LibcError(syscall, "EFAULT", `the buffer must be a Uint8Array, got ${shown(buf)}`);
}

/** A type that flags can be added to; `|` would cut another number to fit. */
function asType(type: number): number {
  return asInt(type, "socket", "type");
}

/** Which of the inherited sockets are meant. */
function nameIn(options: InheritedOptions | undefined): string | undefined {
  const { name } = optionsOf(options, INHERITED, "sd_listen_fds");
  return name === undefined ? undefined : asString(name, "sd_listen_fds", "name");
}

/** Makes a socket with an address of its own. */
function bound({ ai_family, ai_protocol, ai_addr }: addrinfo, type: number, reuse: boolean, mode: number): number {
  checkMode(mode, "bind");
  const fd = socket(ai_family, asType(type) | SOCK_NONBLOCK | SOCK_CLOEXEC, ai_protocol);
  try {
    if (reuse && ai_family !== AF_UNIX) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, true);
    if (fileOf(ai_addr) !== undefined) setMode(fd, mode);
    bind(fd, ai_addr);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Connects a socket that blocks. */
function connectWithin(fd: number, address: sockaddr, limit: Deadline | undefined): void {
  if (limit === undefined) return connect(fd, address);
  // the kernel applies this to connections, too; 0 would mean forever
  const us = Math.ceil(limit.left * 1000) || 1;
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, new timeval(Math.floor(us / 1e6), us % 1e6));
  try {
    connect(fd, address);
  } catch (error) {
    // what each family says when the time is over
    throw isCode(error, "EINPROGRESS", "EAGAIN") ? limit.over() : error;
  }
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, new timeval());
}

/** The first address that works, or the last one's error. */
function firstOf<T>(list: addrinfo[], open: (info: addrinfo) => T): T {
  let failure: unknown;
  for (const info of list) {
    try {
      return open(info);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** The same for what may make a file. */
function firstMade<T>(list: addrinfo[], attempt: (info: addrinfo) => T): T {
  return firstOf(list, undisturbed(attempt));
}

/**
 * A socket, `socket(7)`: one end of a connection, or for datagrams an end without one.
 *
 * Addresses are given as text, `"161.25.19.8:1625"`, `"[::1]:1625"`, `"host.name:1625"`, a path (with a slash in it) or `"@name"` in
 * Linux's abstract namespace, or as {@linkcode sockaddr}. Methods wait without stopping the program; those that end in `Sync` stop it.
 *
 * Before a wait is left to another thread, it looks again for a moment, in which nothing else runs: up to 0.05 ms for
 * what there is to read or to accept, 0.2 ms for room to write. An answer that comes by then is got in about 10 µs, a later one
 * takes some 50 µs to be woken for. After several moments in vain the next waits of the socket do without, up to seven
 * in a row; and where nothing but such waits follow each other, timers and other tasks have their turn every 5 ms.
 *
 * The descriptor is `O_NONBLOCK` and closed by `execve`. A forked child shares it, and has to use the `Sync` methods: the
 * others fail there with `EOPNOTSUPP`.
 *
 * @example A connection
 * ```ts
 * import { Socket } from "./mod.ts";
 *
 * using listener = Socket.listen("127.0.0.1:0");
 * using client = await Socket.connect(listener.address);
 * using server = await listener.accept();
 *
 * await client.write("Did you get this?");
 * const buffer = new Uint8Array(256);
 * const n = await server.read(buffer);
 * console.log(new TextDecoder().decode(buffer.subarray(0, n!))); // Did you get this?
 * ```
 *
 * @example Datagrams
 * ```ts
 * import { Socket } from "./mod.ts";
 *
 * using server = Socket.bind("127.0.0.1:0");
 * using client = Socket.bind("127.0.0.1:0");
 * await client.sendTo("ping", server.localAddress);
 * const { data, address } = await server.receiveFrom();
 * console.log(data.length, `${address}` === `${client.localAddress}`); // 4 true
 * ```
 */
export class Socket implements Disposable {
  #fd: number;
  readonly #domain: number;
  readonly #type: number;
  #writing: Promise<void> | undefined;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBuffer> | string> | undefined;

  private constructor(fd: number) {
    this.#domain = getsockopt(fd, SOL_SOCKET, SO_DOMAIN);
    this.#type = getsockopt(fd, SOL_SOCKET, SO_TYPE);
    setNonblocking(fd);
    this.#fd = fd;
  }

  /**
   * Takes over a descriptor. It becomes `O_NONBLOCK`, also for others who share it.
   *
   * @param fd A socket.
   * @returns The object, which closes it.
   * @throws {LibcError} `EBADF`; `ENOTSOCK`.
   *
   * @example
   * ```ts
   * import { AF_UNIX, SOCK_STREAM, Socket, socketpair } from "./mod.ts";
   *
   * const [a, b] = socketpair(AF_UNIX, SOCK_STREAM, 0).map((fd) => Socket.fromFd(fd));
   * await a.write("hello");
   * a.close();
   * b.close();
   * ```
   */
  static fromFd(fd: number): Socket {
    return new Socket(fd);
  }

  /**
   * Takes over the sockets that don't listen among those that a service manager has opened and passed to this process, as systemd
   * does with `Accept=yes` and for datagrams: descriptors from 3 on, as `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES` tell of them,
   * `sd_listen_fds(3)`. {@linkcode Listener.inherited} is for those that listen.
   *
   * @param options Which of them.
   * @returns The sockets, at least one, in their order; a second call gives only what is left. What is no socket is left alone.
   * @throws {LibcError} `ENOENT` none was passed to this process, or none is left; `EINVAL` the environment is wrong; `EBADF` it tells of
   * a descriptor that isn't there.
   */
  static inherited(options?: InheritedOptions): Socket[] {
    return takeInherited(false, nameIn(options)).map((fd) => new Socket(fd));
  }

  /**
   * Connects to an address. If a name has several, each is tried in turn.
   *
   * @param address Where to.
   * @param options The type, and a signal to give up.
   * @returns The connection.
   * @throws {LibcError} `ECONNREFUSED`, `ENOENT` nobody listens there; `EACCES`; `ETIMEDOUT`; `EAI_NONAME` no such host;
   * `EINVAL` not an address … as of the last one that was tried.
   */
  static async connect(address: string | sockaddr, options?: TypeOptions & WaitOptions): Promise<Socket> {
    const { type = SOCK_STREAM, signal } = waitOptionsOf(options, CONNECT, "connect");
    let failure: unknown;
    for (const info of await lookupAsync(address, type, undefined, signal)) {
      signal?.throwIfAborted();
      try {
        return await Socket.#connect(info, type, signal);
      } catch (error) {
        if (signal?.aborted) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  static async #connect({ ai_family, ai_protocol, ai_addr }: addrinfo, type: number, signal?: AbortSignal) {
    const fd = socket(ai_family, asType(type) | SOCK_NONBLOCK | SOCK_CLOEXEC, ai_protocol);
    try {
      for (let wait = 1;; wait = Math.min(wait + 1, 5)) {
        try {
          connect(fd, ai_addr);
          break;
        } catch (error) {
          if (isCode(error, "EINPROGRESS")) {
            await ready(fd, POLLOUT, signal);
            const errno = getsockopt(fd, SOL_SOCKET, SO_ERROR);
            if (errno !== 0) throw new LibcError("connect", errno, told(ai_addr));
            break;
          }
          // a unix socket's backlog is full, and there is no way to poll for that
          if (ai_family !== AF_UNIX || !isCode(error, "EAGAIN")) throw error;
          await pause(wait, signal);
        }
      }
      return new Socket(fd);
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  /**
   * As {@linkcode Socket.connect}, but stops the program until it is done.
   *
   * @param address Where to.
   * @param options The type, and for how long to try, all addresses together. The time that it takes to look up a name
   * doesn't count: nothing can stop that.
   * @returns The connection.
   * @throws {LibcError} As {@linkcode Socket.connect}; `ETIMEDOUT` also if the time is over.
   */
  static connectSync(address: string | sockaddr, options?: TypeOptions & WaitSyncOptions): Socket {
    const { type = SOCK_STREAM, timeout } = optionsOf(options, CONNECT_SYNC, "connect");
    const list = lookup(address, type);
    const limit = deadline(timeout, "connect");
    return firstOf(list, ({ ai_family, ai_protocol, ai_addr }) => {
      const fd = socket(ai_family, asType(type) | SOCK_CLOEXEC, ai_protocol);
      try {
        connectWithin(fd, ai_addr, limit);
        return new Socket(fd);
      } catch (error) {
        close(fd);
        throw error;
      }
    });
  }

  /**
   * Waits for connections at an address. A path must not exist yet (`EADDRINUSE`), not even as the file that a
   * program left behind; the listener removes the file when it is closed.
   *
   * @param address Where; port 0 lets the kernel choose one.
   * @param options Type, backlog, `SO_REUSEADDR`, and permissions.
   * @returns What accepts the connections.
   * @throws {LibcError} `EADDRINUSE`; `EADDRNOTAVAIL` not an address of this host; `EACCES`; `ENOENT` no such directory;
   * `EOPNOTSUPP`, `ESOCKTNOSUPPORT` not with this type; `EAI_NONAME` no such host; `EINVAL` not an address.
   *
   * @example Messages that keep their bounds
   * ```ts
   * import { SOCK_SEQPACKET, Socket } from "./mod.ts";
   *
   * using listener = Socket.listen("@example_packets", { type: SOCK_SEQPACKET });
   * using client = Socket.connectSync("@example_packets", { type: SOCK_SEQPACKET });
   * using server = listener.acceptSync();
   * client.writeSync("one");
   * client.writeSync("two");
   * console.log(server.readSync(new Uint8Array(256))); // 3
   * ```
   */
  static listen(address: string | sockaddr, options?: ListenOptions): Listener {
    const { type = SOCK_STREAM, backlog = 128, reuseAddress = true, mode = 0o600 } = optionsOf(
      options,
      LISTEN,
      "listen",
    );
    return firstMade(lookup(address, type), (info) => {
      const fd = bound(info, type, reuseAddress, mode);
      try {
        listen(fd, backlog);
        const listener = Listener.fromFd(fd);
        noteFile(listener, info.ai_addr);
        return listener;
      } catch (error) {
        close(fd);
        const file = fileOf(info.ai_addr);
        if (file !== undefined) removeFile(file);
        throw error;
      }
    });
  }

  /**
   * Makes a datagram socket that others can send to. The file that a path makes is removed when the socket is closed.
   *
   * @param address Where; port 0, or a `new sockaddr_un()`, lets the kernel choose.
   * @param options Permissions.
   * @returns The socket.
   * @throws {LibcError} As {@linkcode Socket.listen}.
   */
  static bind(address: string | sockaddr, options?: BindOptions): Socket {
    const { mode = 0o600 } = optionsOf(options, BIND, "bind");
    return firstMade(lookup(address, SOCK_DGRAM), (info) => {
      const socket = new Socket(bound(info, SOCK_DGRAM, false, mode));
      noteFile(socket, info.ai_addr);
      return socket;
    });
  }

  /**
   * Makes two sockets that are connected to each other, `socketpair(2)`: for a parent and its child.
   *
   * @param options The type, `SOCK_STREAM` unless given.
   * @returns Both.
   * @throws {LibcError} `EMFILE` too many descriptors.
   *
   * @example
   * ```ts
   * import { Socket } from "./mod.ts";
   *
   * const [a, b] = Socket.pair();
   * a.writeSync("hello");
   * console.log(b.readSync(new Uint8Array(256))); // 5
   * a.close();
   * b.close();
   * ```
   */
  static pair(options?: TypeOptions): [Socket, Socket] {
    const { type = SOCK_STREAM } = optionsOf(options, PAIR, "socketpair");
    const [a, b] = socketpair(AF_UNIX, asType(type) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return [new Socket(a), new Socket(b)];
  }

  /**
   * The descriptor, for the functions that are named as in C; -1 once it is closed. It is `O_NONBLOCK`: where they would
   * wait they fail with `EAGAIN`, in a forked child, too.
   */
  get fd(): number {
    return this.#fd;
  }

  /** The address family: `AF_INET`, `AF_INET6` or `AF_UNIX`. */
  get domain(): number {
    return this.#domain;
  }

  /** `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_SEQPACKET`. */
  get type(): number {
    return this.#type;
  }

  /** The socket's own address. */
  get localAddress(): sockaddr {
    const address = addressFor(this.#domain);
    getsockname(this.#fd, address);
    return address;
  }

  /** The address of the other side, or `null` if the socket isn't connected. */
  get remoteAddress(): sockaddr | null {
    const address = addressFor(this.#domain);
    try {
      getpeername(this.#fd, address);
    } catch (error) {
      if (isCode(error, "ENOTCONN")) return null;
      throw error;
    }
    return address;
  }

  /**
   * Who made the other end of a unix socket: the process that connected, listened, or made the pair, as it was then. `null`
   * if the socket isn't connected, or not a unix socket: a network doesn't tell.
   *
   * @example
   * ```ts
   * import { Socket } from "./mod.ts";
   *
   * const [a, b] = Socket.pair();
   * console.log(a.peerCredentials?.pid === Deno.pid); // true
   * a.close();
   * b.close();
   * ```
   */
  get peerCredentials(): Credentials | null {
    const peer = new ucred();
    getsockopt(this.#fd, SOL_SOCKET, SO_PEERCRED, peer);
    const { pid, uid, gid } = peer;
    return uid === NOBODY ? null : { pid, uid, gid };
  }

  /**
   * Whether what comes over a unix socket tells who has sent it, `SO_PASSCRED`, as {@linkcode Socket.receiveFds} gives it. The kernel
   * vouches for it, but only for what is sent while it is set.
   */
  get passCredentials(): boolean {
    return getsockopt(this.#fd, SOL_SOCKET, SO_PASSCRED) !== 0;
  }
  set passCredentials(value: boolean) {
    if (typeof value !== "boolean") {
      throw new LibcError("setsockopt", "EINVAL", `passCredentials must be a boolean, got ${shown(value)}`);
    }
    this.#passes("setsockopt");
    setsockopt(this.#fd, SOL_SOCKET, SO_PASSCRED, value);
  }

  /**
   * Reads what there is. On a datagram socket that's the next datagram, which has to fit.
   *
   * @param buf Where to put it.
   * @param options A signal to give up; nothing is lost then.
   * @returns How many bytes were read; `null` at the end of a stream.
   * @throws {LibcError} `ECONNRESET`; `ECONNREFUSED`; `ENOTCONN`; `EMSGSIZE` the next datagram is larger, and stays
   * there; `EBADF` closed, also while waiting.
   */
  async read(buf: Uint8Array<ArrayBuffer>, options?: WaitOptions): Promise<number | null> {
    const { signal } = waitOptionsOf(options, WAIT, "recv");
    signal?.throwIfAborted();
    const tried = this.#type === SOCK_STREAM;
    if (tried) {
      // without what it takes to wait
      let result = this.#read(buf);
      if (result === BUSY && lookAgain(this.#fd, POLLIN) !== 0) result = this.#read(buf);
      if (result !== BUSY) return result;
    }
    return await this.#retry(POLLIN, signal, () => this.#read(buf), tried);
  }

  /**
   * As {@linkcode Socket.read}, but stops the program until there is something.
   *
   * @param buf Where to put it.
   * @param options For how long to wait.
   * @returns How many bytes were read; `null` at the end of a stream.
   * @throws {LibcError} As {@linkcode Socket.read}; `ETIMEDOUT` also if the time is over.
   */
  readSync(buf: Uint8Array<ArrayBuffer>, options?: WaitSyncOptions): number | null {
    const { timeout } = optionsOf(options, SYNC, "recv");
    return this.#retrySync(POLLIN, deadline(timeout, "recv"), () => this.#read(buf));
  }

  #read(buf: Uint8Array<ArrayBuffer>): number | null | typeof BUSY {
    asBytes(buf, "recv");
    if (this.#type === SOCK_STREAM) {
      const n = attempts.recv(this.#fd, buf);
      if (n < 0) return BUSY;
      return n === 0 && byteLengthOf(buf) > 0 ? null : n;
    }
    this.#room(byteLengthOf(buf));
    const n = recv(this.#fd, buf);
    return n === 0 && this.#type === SOCK_SEQPACKET ? null : n;
  }

  #send(bytes: Uint8Array<ArrayBuffer>): number | typeof BUSY {
    const sent = attempts.send(this.#fd, bytes);
    return sent < 0 ? BUSY : sent;
  }

  /** How long the next datagram is, if that is not too long. */
  #room(limit: number): number {
    const length = recv(this.#fd, nothing, 0, MSG_PEEK | MSG_TRUNC);
    if (length <= limit) return length;
    throw new LibcError("recv", "EMSGSIZE", `the datagram has ${length} bytes, the buffer ${limit}`);
  }

  /**
   * Writes everything. Writes that overlap are done one after the other; until it is done, the data must stay as it is.
   *
   * @param data The bytes; a string goes as UTF-8.
   * @param options A signal to give up; a part may have been sent by then.
   * @throws {LibcError} `EPIPE` the other side is gone, or this one shut down; `ECONNRESET`; `EDESTADDRREQ`, `ENOTCONN`
   * not connected; `EMSGSIZE` too long for a datagram; `EBADF` closed, also while waiting.
   */
  async write(data: Uint8Array<ArrayBuffer> | string, options?: WaitOptions): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : asBytes(data, "send");
    const { signal } = waitOptionsOf(options, WAIT, "send");
    signal?.throwIfAborted();
    let sent = 0;
    let full = false;
    if (!this.#writing) {
      // mostly there is room for all of it, and nobody has to wait his turn
      let n = this.#send(bytes);
      if (n === BUSY && lookAgain(this.#fd, POLLOUT) !== 0) n = this.#send(bytes);
      if (n === BUSY) full = true;
      else if ((sent = n) === byteLengthOf(bytes)) return;
    }
    await this.#writeRest(bytes, sent, full, signal);
  }

  /** Writes what is left, when it is its turn; the first byte by `first`. `full` is that there is no room now. */
  async #writeRest(
    bytes: Uint8Array<ArrayBuffer>,
    sent: number,
    full: boolean,
    signal: AbortSignal | undefined,
    first?: (bytes: Uint8Array<ArrayBuffer>) => number,
  ): Promise<void> {
    const before = this.#writing;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#writing = promise;
    try {
      if (before) {
        await abortable<void>(signal, (resolve, reject) => {
          before.then(resolve);
          return reject;
        });
      }
      do {
        const rest = plain(bytes, sent);
        const send = first !== undefined && sent === 0 ? () => first(rest) : () => this.#send(rest);
        sent += await this.#retry(POLLOUT, signal, send, full);
        full = false;
      } while (sent < byteLengthOf(bytes));
    } finally {
      const done = () => {
        if (this.#writing === promise) this.#writing = undefined;
        resolve();
      };
      // whoever gave up while it waited its turn does not let the next one pass
      if (before) before.then(done);
      else done();
    }
  }

  /**
   * As {@linkcode Socket.write}, but stops the program until all is written. It doesn't wait for writes under way.
   *
   * @param data The bytes; a string goes as UTF-8.
   * @param options For how long to wait, for all of it.
   * @throws {LibcError} As {@linkcode Socket.write}; `ETIMEDOUT` also if the time is over: a part may have been sent by then.
   */
  writeSync(data: Uint8Array<ArrayBuffer> | string, options?: WaitSyncOptions): void {
    const bytes = typeof data === "string" ? encoder.encode(data) : asBytes(data, "send");
    const limit = deadline(optionsOf(options, SYNC, "send").timeout, "send");
    let sent = 0;
    do {
      const rest = plain(bytes, sent);
      sent += this.#retrySync(POLLOUT, limit, () => this.#send(rest));
    } while (sent < byteLengthOf(bytes));
  }

  /**
   * Receives a datagram.
   *
   * @param options Where to put it, and a signal to give up; no datagram is lost then.
   * @returns The datagram, and the sender's address.
   * @throws {LibcError} `EOPNOTSUPP` not a datagram socket; `EMSGSIZE` it is larger than `buf`, and stays there;
   * `ECONNREFUSED` an earlier one did not arrive; `EBADF` closed, also while waiting.
   */
  async receiveFrom(options?: ReceiveFromOptions & WaitOptions): Promise<Datagram> {
    const { buf, signal } = waitOptionsOf(options, RECEIVE, "recvfrom");
    if (buf !== undefined) asBytes(buf, "recvfrom");
    return await this.#retry(POLLIN, signal, () => this.#receive(buf));
  }

  /**
   * As {@linkcode Socket.receiveFrom}, but stops the program until there is one.
   *
   * @param options Where to put it, and for how long to wait.
   * @returns The datagram, and the sender's address.
   * @throws {LibcError} As {@linkcode Socket.receiveFrom}; `ETIMEDOUT` the time is over.
   */
  receiveFromSync(options?: ReceiveFromOptions & WaitSyncOptions): Datagram {
    const { buf, timeout } = optionsOf(options, RECEIVE_SYNC, "recvfrom");
    return this.#retrySync(POLLIN, deadline(timeout, "recvfrom"), () => this.#receive(buf));
  }

  #receive(buf: Uint8Array<ArrayBuffer> | undefined): Datagram {
    if (this.#type === SOCK_STREAM || this.#type === SOCK_SEQPACKET) {
      throw new LibcError("recvfrom", "EOPNOTSUPP", "this socket has a connection: use read");
    }
    if (buf !== undefined) asBytes(buf, "recvfrom");
    const length = this.#room(buf ? byteLengthOf(buf) : Infinity);
    const into = buf ?? new Uint8Array(length);
    const address = addressFor(this.#domain);
    const n = recvfrom(this.#fd, into, undefined, MSG_TRUNC, address);
    // somebody who shares the socket took the one whose length it was
    const room = byteLengthOf(into);
    if (n > room) throw new LibcError("recvfrom", "EMSGSIZE", `${n} bytes, cut to ${room}`);
    return { data: plain(into, 0, n), address };
  }

  /**
   * Sends a datagram.
   *
   * @param data The bytes; a string goes as UTF-8.
   * @param address Where to.
   * @param options A signal to give up; it has not been sent then.
   * @throws {LibcError} `EMSGSIZE` too long; `ECONNREFUSED`; `ENOENT`; `EACCES`; `EISCONN`; `EAFNOSUPPORT` an address of
   * another family; `EBADF` closed, also while waiting.
   */
  async sendTo(
    data: Uint8Array<ArrayBuffer> | string,
    address: string | sockaddr,
    options?: WaitOptions,
  ): Promise<void> {
    const { signal } = waitOptionsOf(options, WAIT, "sendto");
    const [{ ai_addr }] = await lookupAsync(address, this.#type, this.#domain, signal);
    await this.#retry(POLLOUT, signal, () => sendto(this.#fd, data, undefined, MSG_NOSIGNAL, ai_addr));
  }

  /**
   * As {@linkcode Socket.sendTo}, but stops the program until it is sent.
   *
   * @param data The bytes; a string goes as UTF-8.
   * @param address Where to.
   * @param options For how long to wait.
   * @throws {LibcError} As {@linkcode Socket.sendTo}; `ETIMEDOUT` the time is over.
   */
  sendToSync(data: Uint8Array<ArrayBuffer> | string, address: string | sockaddr, options?: WaitSyncOptions): void {
    const { timeout } = optionsOf(options, SYNC, "sendto");
    const [{ ai_addr }] = lookup(address, this.#type, this.#domain);
    this.#retrySync(
      POLLOUT,
      deadline(timeout, "sendto"),
      () => sendto(this.#fd, data, undefined, MSG_NOSIGNAL, ai_addr),
    );
  }

  /**
   * Sends descriptors over a unix socket, with at least one byte of data. The other side gets descriptors of its own for the same
   * open files; these stay open here, and have to until it is done. It is done in the order of writes.
   *
   * @param fds The descriptors, up to 253.
   * @param data What goes with them; one byte of 0 unless given. A string goes as UTF-8.
   * @param options A signal to give up; a part may have been sent by then, and the descriptors with it.
   * @throws {LibcError} As {@linkcode Socket.write}; `EOPNOTSUPP` not a unix socket; `EBADF` also one of the descriptors; `EINVAL`
   * too many, or no data; `ETOOMANYREFS` too many are under way.
   *
   * @example
   * ```ts
   * import { close, pipe, Socket } from "./mod.ts";
   *
   * const [a, b] = Socket.pair();
   * const [reader, writer] = pipe();
   * await a.sendFds([reader], "a pipe");
   * const { data, fds } = (await b.receiveFds({ max: 1 }))!;
   * console.log(data.length, fds.length); // 6 1
   * for (const fd of [reader, writer, ...fds]) close(fd);
   * a.close();
   * b.close();
   * ```
   */
  async sendFds(fds: number[], data?: Uint8Array<ArrayBuffer> | string, options?: WaitOptions): Promise<void> {
    const bytes = this.#dataWith(data);
    const list = listOf(fds);
    const { signal } = waitOptionsOf(options, WAIT, "sendmsg");
    signal?.throwIfAborted();
    await this.#writeRest(
      bytes,
      0,
      false,
      signal,
      (rest) => sendWith(this.#fd, this.#type === SOCK_STREAM, rest, list),
    );
  }

  /**
   * As {@linkcode Socket.sendFds}, but stops the program until all is sent. It doesn't wait for writes under way.
   *
   * @param fds The descriptors, up to 253.
   * @param data What goes with them; one byte of 0 unless given. A string goes as UTF-8.
   * @param options For how long to wait, for all of it.
   * @throws {LibcError} As {@linkcode Socket.sendFds}; `ETIMEDOUT` also if the time is over: a part may have been sent by then.
   */
  sendFdsSync(fds: number[], data?: Uint8Array<ArrayBuffer> | string, options?: WaitSyncOptions): void {
    const bytes = this.#dataWith(data);
    const list = listOf(fds);
    const limit = deadline(optionsOf(options, SYNC, "sendmsg").timeout, "sendmsg");
    let sent = 0;
    do {
      const rest = plain(bytes, sent);
      const send = sent === 0
        ? () => sendWith(this.#fd, this.#type === SOCK_STREAM, rest, list)
        : () => this.#send(rest);
      sent += this.#retrySync(POLLOUT, limit, send);
    } while (sent < byteLengthOf(bytes));
  }

  /** What goes with descriptors. */
  #dataWith(data: Uint8Array<ArrayBuffer> | string | undefined): Uint8Array<ArrayBuffer> {
    this.#passes("sendmsg");
    if (data === undefined) return new Uint8Array(1);
    const bytes = typeof data === "string" ? encoder.encode(data) : asBytes(data, "sendmsg");
    if (byteLengthOf(bytes) > 0 || this.#type === SOCK_DGRAM) return bytes;
    throw new LibcError("sendmsg", "EINVAL", "descriptors need at least one byte of data to go with");
  }

  /** Other families would drop the descriptors, and say nothing. */
  #passes(syscall: string): void {
    if (this.#domain !== AF_UNIX) {
      throw new LibcError(syscall, "EOPNOTSUPP", "descriptors and credentials go over unix sockets only");
    }
  }

  /**
   * Receives data from a unix socket, and the descriptors that come with them. Those who use {@linkcode Socket.read} instead don't get
   * them: the kernel closes them then.
   *
   * On a stream, data that were sent before may come in the same piece, but not later ones.
   *
   * @param options How many descriptors, where to put the data, and a signal to give up; nothing is lost then.
   * @returns What has come, with or without descriptors; `null` at the end of a stream.
   * @throws {LibcError} As {@linkcode Socket.read}; `EOPNOTSUPP` not a unix socket; `EINVAL` not a number of descriptors.
   *
   * @example See {@linkcode Socket.sendFds}.
   */
  async receiveFds(options?: ReceiveFdsOptions & WaitOptions): Promise<ReceivedFds | null> {
    const { max = MOST_FDS, buf, signal } = waitOptionsOf(options, FDS, "recvmsg");
    this.#passes("recvmsg");
    checkMost(max);
    if (buf !== undefined) asBytes(buf, "recvmsg");
    return await this.#retry(POLLIN, signal, () => this.#receiveFds(buf, max));
  }

  /**
   * As {@linkcode Socket.receiveFds}, but stops the program until there is something.
   *
   * @param options How many descriptors, where to put the data, and for how long to wait.
   * @returns What has come, with or without descriptors; `null` at the end of a stream.
   * @throws {LibcError} As {@linkcode Socket.receiveFds}; `ETIMEDOUT` the time is over.
   */
  receiveFdsSync(options?: ReceiveFdsOptions & WaitSyncOptions): ReceivedFds | null {
    const { max = MOST_FDS, buf, timeout } = optionsOf(options, FDS_SYNC, "recvmsg");
    this.#passes("recvmsg");
    checkMost(max);
    if (buf !== undefined) asBytes(buf, "recvmsg");
    return this.#retrySync(POLLIN, deadline(timeout, "recvmsg"), () => this.#receiveFds(buf, max));
  }

  #receiveFds(buf: Uint8Array<ArrayBuffer> | undefined, max: number): ReceivedFds | null {
    const stream = this.#type === SOCK_STREAM;
    let into = buf;
    if (!stream) {
      const length = this.#room(into ? byteLengthOf(into) : Infinity);
      into ??= new Uint8Array(length);
    }
    into ??= new Uint8Array(SMALLEST_CHUNK);
    const { length, fds, credentials, truncated, cut }: Arrived = receiveWith(this.#fd, into, max);
    if (cut) {
      // somebody who shares the socket took the one whose length it was
      closeAll(fds);
      throw new LibcError("recvmsg", "EMSGSIZE", `cut to ${length} bytes`);
    }
    const end = length === 0 && fds.length === 0 && !truncated;
    if (end && (stream ? byteLengthOf(into) > 0 : this.#type === SOCK_SEQPACKET)) return null;
    const { pid, uid, gid } = credentials ?? {};
    return {
      data: buf === undefined && stream ? into.slice(0, length) : plain(into, 0, length),
      fds,
      credentials: credentials === undefined ? null : { pid: pid!, uid: uid!, gid: gid! },
      truncated,
    };
  }

  /** Tries once; {@linkcode BUSY} is that it would have to wait. */
  #attempt<T>(call: () => T | typeof BUSY): T | typeof BUSY {
    try {
      return call();
    } catch (error) {
      if (isCode(error, "EAGAIN")) return BUSY;
      throw error;
    }
  }

  /** Tries until it need not wait; the first time it waits at once if that was `tried`, and looked for. */
  async #retry<T>(
    events: number,
    signal: AbortSignal | undefined,
    call: () => T | typeof BUSY,
    tried = false,
  ): Promise<T> {
    signal?.throwIfAborted();
    for (let tries = 0;; tries++) {
      const result = tried ? BUSY : this.#attempt(call);
      if (result !== BUSY) return result;
      const others = turn();
      if (others) {
        await others;
        signal?.throwIfAborted();
      }
      if ((tried && !others) || lookAgain(this.#fd, events) === 0) await ready(this.#fd, events, signal);
      tried = false;
      // poll says of a unix datagram socket that it can send even where the receiver's queue is full
      if (events === POLLOUT && tries > 0) await pause(1, signal);
    }
  }

  #retrySync<T>(events: number, limit: Deadline | undefined, call: () => T | typeof BUSY): T {
    for (let tries = 0;; tries++) {
      const result = this.#attempt(call);
      if (result !== BUSY) return result;
      waitSync(this.#fd, events, limit);
      if (events === POLLOUT && tries > 0) sleepSync(1);
    }
  }

  /**
   * Ends one or both directions, `shutdown(2)`; for all processes that share the socket.
   *
   * @param how After `SHUT_WR` the other side reads to the end, `SHUT_RD` ends the own reading, `SHUT_RDWR` (unless given) is both.
   * @throws {LibcError} `ENOTCONN`; `EINVAL` no such way; `EBADF`.
   */
  shutdown(how?: number): void {
    shutdown(this.#fd, how === undefined ? SHUT_RDWR : how);
  }

  /**
   * What the other side sends, as a stream. Nothing is read before it is asked for; then it is at most 16 KiB, and up to
   * 256 KiB where there is that much each time.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const stop = new AbortController();
    // a datagram has to fit; of a stream, as much at a time as it has lately had
    let size = this.#type === SOCK_STREAM ? SMALLEST_CHUNK : 1 << 16;
    return this.#readable ??= new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        const chunk = new Uint8Array(size);
        const n = await this.read(chunk, { signal: stop.signal });
        if (n === null) return controller.close();
        controller.enqueue(chunk.subarray(0, n));
        if (this.#type !== SOCK_STREAM) return;
        if (n === size) size = Math.min(size * 2, LARGEST_CHUNK);
        else if (n < size / 4) size = Math.max(size / 2, SMALLEST_CHUNK);
      },
      cancel: (reason) => stop.abort(reason),
    }, { highWaterMark: 0 });
  }

  /** What is written goes to the other side; closing it ends that direction, but doesn't close the socket. */
  get writable(): WritableStream<Uint8Array<ArrayBuffer> | string> {
    return this.#writable ??= new WritableStream<Uint8Array<ArrayBuffer> | string>({
      write: (chunk, controller) => this.write(chunk, { signal: controller.signal }),
      close: () => this.shutdown(SHUT_WR),
    });
  }

  /** Closes the socket; whoever waits for it gets `EBADF`. Closing it again does nothing. */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    release(fd, this);
  }

  /** How `console.log` shows it: with its descriptor. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    return `Socket ${inspect({ fd: this.#fd }, options)}`;
  }

  /** As {@linkcode Socket.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * A socket that waits for connections; {@linkcode Socket.listen} makes one.
 *
 * @example
 * ```ts
 * import { Socket } from "./mod.ts";
 *
 * using listener = Socket.listen("@example");
 * const client = Socket.connectSync("@example");
 * for await (const connection of listener) {
 *   await connection.write("I got your message");
 *   connection.close();
 *   break;
 * }
 * console.log(await client.read(new Uint8Array(256))); // 18
 * client.close();
 * ```
 */
export class Listener implements Disposable, AsyncIterable<Socket> {
  #fd: number;

  private constructor(fd: number) {
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN);
    setNonblocking(fd);
    this.#fd = fd;
  }

  /**
   * Takes over a descriptor. It becomes `O_NONBLOCK`, also for others who share it.
   *
   * @param fd A socket that listens.
   * @returns The object, which closes it. If it has a file, that stays: it is up to who made it.
   * @throws {LibcError} `EBADF`; `ENOTSOCK`.
   *
   * @example
   * ```ts
   * import { AF_UNIX, bind, listen, Listener, SOCK_STREAM, sockaddr_un, socket } from "./mod.ts";
   *
   * const sockfd = socket(AF_UNIX, SOCK_STREAM, 0);
   * bind(sockfd, new sockaddr_un());
   * listen(sockfd, 5);
   * using listener = Listener.fromFd(sockfd);
   * console.log(`${listener.address}`.startsWith("@")); // true
   * ```
   */
  static fromFd(fd: number): Listener {
    return new Listener(fd);
  }

  /**
   * Takes over the sockets that listen among those that a service manager has opened and passed to this process, as systemd does for a
   * service that a socket activates: descriptors from 3 on, as `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES` tell of them,
   * `sd_listen_fds(3)`. {@linkcode Socket.inherited} is for those that don't listen.
   *
   * @param options Which of them.
   * @returns The listeners, at least one, in their order; a second call gives only what is left. The files of unix sockets stay when
   * they are closed: they are the manager's.
   * @throws {LibcError} As {@linkcode Socket.inherited}.
   *
   * @example
   * ```ts ignore
   * import { Listener } from "./mod.ts";
   *
   * const [listener] = Listener.inherited(); // [Socket] ListenStream=/run/example.sock
   * for await (const connection of listener) {
   *   await connection.write("hello");
   *   connection.close();
   * }
   * ```
   */
  static inherited(options?: InheritedOptions): Listener[] {
    return takeInherited(true, nameIn(options)).map((fd) => new Listener(fd));
  }

  /**
   * The descriptor, for the functions that are named as in C; -1 once it is closed. It is `O_NONBLOCK`: where they would
   * wait they fail with `EAGAIN`, in a forked child, too.
   */
  get fd(): number {
    return this.#fd;
  }

  /** Where it listens. */
  get address(): sockaddr {
    const address = addressFor(getsockopt(this.#fd, SOL_SOCKET, SO_DOMAIN));
    getsockname(this.#fd, address);
    return address;
  }

  /**
   * Takes the next connection.
   *
   * @param options A signal to give up; no connection is lost then.
   * @returns The connection.
   * @throws {LibcError} `EMFILE` too many descriptors; `EINVAL` does not listen; `EBADF` closed, also while waiting.
   */
  async accept(options?: WaitOptions): Promise<Socket> {
    const { signal } = waitOptionsOf(options, WAIT, "accept");
    signal?.throwIfAborted();
    for (;;) {
      const connection = this.#accept();
      if (connection) return connection;
      const others = turn();
      if (others) {
        await others;
        signal?.throwIfAborted();
      }
      if (lookAgain(this.#fd, POLLIN) === 0) await ready(this.#fd, POLLIN, signal);
    }
  }

  /**
   * As {@linkcode Listener.accept}, but stops the program until there is one.
   *
   * @param options For how long to wait.
   * @returns The connection.
   * @throws {LibcError} As {@linkcode Listener.accept}; `ETIMEDOUT` the time is over.
   */
  acceptSync(options?: WaitSyncOptions): Socket {
    const limit = deadline(optionsOf(options, SYNC, "accept").timeout, "accept");
    for (;;) {
      const connection = this.#accept();
      if (connection) return connection;
      waitSync(this.#fd, POLLIN, limit);
    }
  }

  #accept(): Socket | undefined {
    try {
      return Socket.fromFd(accept4(this.#fd, null, SOCK_NONBLOCK | SOCK_CLOEXEC));
    } catch (error) {
      // a connection that was given up before it got here is none
      if (isCode(error, "EAGAIN", "ECONNABORTED")) return undefined;
      throw error;
    }
  }

  /** One connection after the other, until the listener is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Socket, void, void> {
    while (this.#fd >= 0) {
      let connection: Socket;
      try {
        connection = await this.accept();
      } catch (error) {
        if (this.#fd < 0) return;
        throw error;
      }
      yield connection;
    }
  }

  /** Closes the socket and removes its file; whoever waits in `accept` gets `EBADF`. Closing it again does nothing. */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    release(fd, this);
  }

  /** How `console.log` shows it: with its descriptor. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    return `Listener ${inspect({ fd: this.#fd }, options)}`;
  }

  /** As {@linkcode Listener.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
