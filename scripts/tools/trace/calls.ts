/**
 * What each call means: who did it to whom, and what it changes in the world.
 *
 * @module
 */
import type { EnterEvent, ExitEvent, TracedArgument, TracedBytes } from "../../../mod.ts";
import { bytesOf, field, isNamed, numberOf, numbersOf, partsOf } from "./arguments.ts";
import type { Call, Lifeline } from "./picture.ts";
import type { Process, World } from "./world.ts";

/** A wait that is shorter is not worth a remark. */
const NOTABLE_WAIT_US = 5000;

/** A call that is over, as the handlers see it. */
interface Context {
  world: World;
  event: ExitEvent;
  own: Process;
  me: Lifeline;
  args: Record<string, TracedArgument>;
  /** When it was called. */
  began: number;
  /** It stood still for a while. */
  waited: boolean;
  /** The descriptor that it is about, and what that leads to. */
  fd: number | undefined;
  channel: Lifeline | undefined;
}

type Handler = (context: Context) => void;

const LOOK_BACK = 200; // steps

/**
 * When something was sent: it may be received before the sender's call is back, but not while the call waits. One that took
 * its time only because its process was not running is told from that by what was received meanwhile.
 */
function sent({ world, event, began, waited }: Context, to: Lifeline | undefined, data?: TracedBytes): number {
  if (!waited || !to) return began;
  const received = world.steps.slice(-LOOK_BACK).some(({ t, from, deed }) =>
    t >= began && from === to && deed.kind === "call" &&
    (data ? overlap(deed.data, data) : deed.call.startsWith("accept"))
  );
  return received ? began : event.t;
}

/** Tells whether one is the beginning of the other. */
function overlap(one: TracedBytes | undefined, other: TracedBytes): boolean {
  const [a, b] = [one?.bytes ?? "", other.bytes];
  return a !== "" && b !== "" && (a.startsWith(b) || b.startsWith(a));
}

function deed({ event: { call, errno } }: Context, more: Partial<Call> = {}): Call {
  return { kind: "call", call, errno, ...more };
}

/** Tells of something that concerns the process alone. */
function alone(...names: string[]): Handler {
  return (context) => {
    const { world, event, me, args } = context;
    world.step(event.t, me, undefined, deed(context, { args: names.map((name) => args[name]) }));
  };
}

/** As another handler, but only where all is told. */
function noise(handler: Handler): Handler {
  return (context) => context.world.all && handler(context);
}

// ---- processes

const fork: Handler = (context) => {
  const { world, event, me, began } = context;
  if (event.errno) world.step(event.t, me, undefined, deed(context, { args: [] }));
  // the child's own return is the birth that its parent's step shows
  if (event.result <= 0) return;
  world.step(began, me, world.process(event.result).line, deed(context, { args: [], result: event.result }));
};

const wait: Handler = (context) => {
  const { world, event, me, args, began } = context;
  if (event.result <= 0) {
    if (world.all) world.step(event.t, me, undefined, deed(context, { args: [], result: event.result }));
    return;
  }
  const child = world.process(event.result);
  // one that ends while its parent waits for it is none
  if (child.ended !== undefined && child.ended < began) {
    world.step(event.t, child.line, undefined, { kind: "zombie", us: event.t - child.ended });
  }
  child.reap();
  world.step(event.t, child.line, me, { kind: "reap", call: event.call, status: args.wstatus }, true);
};

const kill: Handler = (context) => {
  const { world, event, me, args } = context;
  const target = world.processes.get(numberOf(args.pid) ?? 0)?.line;
  world.step(event.t, me, target, deed(context, { args: [args.pid, args.sig] }));
};

const sleep: Handler = (context) => {
  const { world, me, args, began } = context;
  world.step(began, me, undefined, deed(context, { args: [args.seconds], errno: undefined }));
};

const pause: Handler = ({ world, event, me, began }) => {
  world.step(began, me, undefined, { kind: "wait", call: event.call, us: event.t - began });
};

// ---- descriptors

const pair: Handler = (context) => {
  const { world, event, own, me, args } = context;
  if (event.errno) return alone()(context);
  const type = event.call === "socketpair" ? "socket pair" : "pipe";
  const line = world.object(`${type} ${event.pid} ${event.t}`, { type });
  for (const fd of event.opened ?? numbersOf(args.pipefd ?? args.sv)) own.lead(fd, line);
  world.step(event.t, me, line, deed(context, { args: [] }));
};

const close: Handler = (context) => {
  const { world, event, own, me, fd, channel } = context;
  if (fd === undefined) return;
  if (!event.errno) own.lead(fd);
  if (world.all && channel) world.step(event.t, me, channel, deed(context, { args: [fd] }));
};

const duplicate: Handler = (context) => {
  const { event, own, args } = context;
  const channel = own.channel(numberOf(args.oldfd ?? args.fd));
  if (channel && !event.errno) own.lead(event.result, channel);
  noise(alone("oldfd", "newfd"))(context);
};

// drawn when it gets an address: until then there is nothing to point at
const socket: Handler = (context) => {
  if (context.event.errno) alone()(context);
};

const bind: Handler = (context) => {
  const { world, event, own, me, args, fd } = context;
  const line = world.socket(args.addr);
  if (line && fd !== undefined && !event.errno) own.lead(fd, line);
  if (line) world.step(event.t, me, line, { kind: "call", call: "socket", args: [] });
  world.step(event.t, me, line, deed(context, { args: [args.addr] }));
};

const connect: Handler = (context) => {
  const { world, event, own, me, args, fd } = context;
  const line = world.socket(args.addr);
  if (line && fd !== undefined && !event.errno) own.lead(fd, line);
  const t = sent(context, line);
  if (line) world.step(t, me, line, { kind: "call", call: "socket", args: [] });
  world.step(t, me, line, deed(context, { args: [args.addr] }));
};

const listen: Handler = (context) => {
  const { world, event, me, args, channel } = context;
  world.step(event.t, me, channel, deed(context, { args: [args.backlog] }));
};

const accept: Handler = (context) => {
  const { world, event, own, me, channel } = context;
  if (!event.errno && channel) own.lead(event.result, channel);
  const what = deed(context, { args: [], peer: event.errno ? undefined : event.peer || "a client" });
  world.step(event.t, channel ?? me, channel ? me : undefined, what, true);
};

const shutdown: Handler = (context) => {
  const { world, event, me, args, channel } = context;
  world.step(event.t, me, channel, deed(context, { args: [args.how] }));
};

const send: Handler = (context) => {
  const { world, event, own, me, args, fd, channel } = context;
  const data = bytesOf(args.buf) ?? partsOf(args.msg);
  const to = args.dest_addr ?? field(args.msg, "msg_name");
  const line = world.knownSocket(to) ?? channel ?? world.socket(to);
  if (line) {
    if (!channel && fd !== undefined && !event.errno) own.lead(fd, line);
    world.step(sent(context, line, data), me, line, deed(context, { data }));
  } else if (fd === 1 || (fd === 2 && world.all)) {
    world.step(event.t, me, undefined, { kind: "print", data });
  } else if (world.all) {
    world.step(event.t, me, undefined, deed(context, { args: [fd], data }));
  }
};

const receive: Handler = (context) => {
  const { world, event, me, args, fd, channel } = context;
  const data = event.result > 0 ? bytesOf(args.buf) ?? partsOf(args.msg) : undefined;
  if (channel) {
    const end = event.result === 0 ? true : undefined;
    world.step(event.t, channel, me, deed(context, { data, end }), true);
  } else if (world.all) {
    world.step(event.t, me, undefined, deed(context, { args: [fd], data }));
  }
};

// ---- System V

type SystemV = "segment" | "queue" | "semaphore set";

/** The object that a call is about, by its id. */
function byId(world: World, type: SystemV, id: number): Lifeline {
  return world.object(`${type} ${id}`, { type, id });
}

/** A call that gives an object: named by its key where it has one. */
function get(type: SystemV, ...more: string[]): Handler {
  return (context) => {
    const { world, event, me, args } = context;
    const key = numberOf(args.key) ?? 0;
    const line = event.errno ? world.object(`${type} key ${key}`, { type, key }) : made(world, type, key, event.result);
    const shown = [isNamed(args.key, "IPC_PRIVATE") ? args.key : key, ...more.map((name) => args[name])];
    world.step(event.t, me, line, deed(context, { args: shown, result: event.result }));
  };
}

function made(world: World, type: SystemV, key: number, id: number): Lifeline {
  if (key === 0) return byId(world, type, id);
  const known = world.objects.get(`${type} ${id}`);
  if (known) return known;
  // a key's object may be made anew under another id
  const line = world.object(`${type} key ${key}`, { type, key });
  world.objects.set(`${type} ${id}`, line);
  return line;
}

const SHOWN_COMMANDS = ["IPC_RMID", "IPC_SET", "SETVAL", "SETALL"];

function control(type: SystemV, id: string): Handler {
  return (context) => {
    const { world, event, me, args } = context;
    const number = numberOf(args[id]);
    if (number === undefined || (!world.all && !isNamed(args.cmd, ...SHOWN_COMMANDS))) return;
    // some commands take an index in the kernel's table instead
    world.step(event.t, me, byId(world, type, number), deed(context, { args: [args.cmd] }));
  };
}

const attach: Handler = (context) => {
  const { world, event, me, args } = context;
  world.step(event.t, me, byId(world, "segment", numberOf(args.shmid) ?? -1), deed(context, { args: [] }));
};

const message: Handler = (context) => {
  const { world, event, me, args } = context;
  const queue = byId(world, "queue", numberOf(args.msqid) ?? -1);
  const mtype = field(args.msgp, "mtype");
  const data = bytesOf(field(args.msgp, "mtext"));
  if (event.call === "msgsnd") world.step(sent(context, queue, data), me, queue, deed(context, { mtype, data }));
  else world.step(event.t, queue, me, deed(context, { mtype, data }), true);
};

const operate: Handler = (context) => {
  const { world, event, me, args } = context;
  world.step(
    event.t,
    me,
    byId(world, "semaphore set", numberOf(args.semid) ?? -1),
    deed(context, { args: [args.sops] }),
  );
};

// ---- POSIX queues

function named(world: World, name: TracedArgument | undefined): Lifeline {
  const text = typeof name === "string" ? name : "?";
  return world.object(`POSIX queue ${text}`, { type: "POSIX queue", name: text });
}

const openQueue: Handler = (context) => {
  const { world, event, own, me, args } = context;
  const line = named(world, args.name);
  if (!event.errno) own.lead(event.result, line);
  world.step(event.t, me, line, deed(context, { args: [args.name, args.oflag], result: event.result }));
};

const unlinkQueue: Handler = (context) => {
  const { world, event, me, args } = context;
  world.step(event.t, me, named(world, args.name), deed(context, { args: [args.name] }));
};

const sendPrior: Handler = (context) => {
  const { world, me, args, channel } = context;
  const data = bytesOf(args.msg_ptr);
  const priority = numberOf(args.msg_prio) || undefined;
  world.step(sent(context, channel, data), me, channel, deed(context, { priority, data }));
};

const receivePrior: Handler = (context) => {
  const { world, event, me, args, channel } = context;
  const data = event.errno ? undefined : bytesOf(args.msg_ptr);
  const priority = numbersOf(args.msg_prio)[0] || undefined;
  const what = deed(context, { priority, data });
  if (channel) world.step(event.t, channel, me, what, true);
  else world.step(event.t, me, undefined, what);
};

const notify: Handler = (context) => {
  const { world, event, me, args, channel } = context;
  world.step(event.t, me, channel, deed(context, { args: [args.sevp] }));
};

// ---- all of them

/** Calls that say nothing about communication. */
const NOISE = new Set([
  ..."getpid getppid rand srand open close setsockopt getsockopt getsockname getpeername poll unlink usleep getaddrinfo shmdt mq_getattr mq_setattr"
    .split(" "),
  ..."getnameinfo getifaddrs if_nametoindex if_indextoname".split(" "),
]);

const HANDLERS = new Map<string, Handler>(Object.entries({
  fork,
  wait,
  waitpid: wait,
  wait3: wait,
  wait4: wait,
  kill,
  signal: alone("sig", "handler"),
  sleep,
  pause,
  pipe: pair,
  pipe2: pair,
  socketpair: pair,
  close,
  dup: duplicate,
  dup2: duplicate,
  socket,
  bind,
  connect,
  listen,
  accept,
  accept4: accept,
  shutdown,
  send,
  sendto: send,
  sendmsg: send,
  write: send,
  recv: receive,
  recvfrom: receive,
  recvmsg: receive,
  read: receive,
  shmget: get("segment", "size", "shmflg"),
  msgget: get("queue", "msgflg"),
  semget: get("semaphore set", "nsems", "semflg"),
  shmctl: control("segment", "shmid"),
  msgctl: control("queue", "msqid"),
  semctl: control("semaphore set", "semid"),
  shmat: attach,
  msgsnd: message,
  msgrcv: message,
  semop: operate,
  semtimedop: operate,
  mq_open: openQueue,
  mq_close: close,
  mq_unlink: unlinkQueue,
  mq_send: sendPrior,
  mq_timedsend: sendPrior,
  mq_receive: receivePrior,
  mq_timedreceive: receivePrior,
  mq_notify: notify,
}));

/** Calls whose own steps say that they took their time. */
const OWN_WAITS = new Set(["sleep", "usleep", "pause"]);

/** Takes in a call that is over, and when it began if that is known. */
export function finish(world: World, own: Process, event: ExitEvent, entered?: EnterEvent): void {
  const began = entered?.t ?? event.t - event.dur;
  const waited = entered?.waits === true && event.dur >= NOTABLE_WAIT_US;
  if (waited && !OWN_WAITS.has(event.call)) {
    world.step(began, own.line, undefined, { kind: "wait", call: event.call, us: event.dur });
  }
  const { args } = event;
  const fd = numberOf(args.sockfd ?? args.fd ?? args.mqdes);
  const channel = own.channel(fd);
  const context = { world, event, own, me: own.line, args, began, waited, fd, channel };
  const handler = HANDLERS.get(event.call);
  if (handler) handler(context);
  else if (world.all || !NOISE.has(event.call)) alone()(context);
}
