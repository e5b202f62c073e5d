/**
 * Calls for POSIX message queues.
 *
 * @module
 */
import * as ipc from "../../../../mod.ts";
import { BINARY, fails, NOWHERE, room, undo, withoutDescriptors } from "./_support.ts";

const { O_CLOEXEC, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = ipc;

export function posixQueues(): void {
  const name = `/ipc_playground_${ipc.getpid()}`;
  const other = `${name} "ü"`;
  undo.push(() => ipc.mq_unlink(name), () => ipc.mq_unlink(other));
  const attr = new ipc.mq_attr();
  attr.mq_maxmsg = 2;
  attr.mq_msgsize = 200;
  const queue = ipc.mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0o640, attr);
  ipc.mq_close(ipc.mq_open(other, O_WRONLY | O_CREAT | O_NONBLOCK));
  ipc.mq_unlink(other);
  const reading = ipc.mq_open(name, O_RDONLY | O_CLOEXEC);
  fails("EEXIST", () => ipc.mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600, attr));
  fails("ENOENT", () => ipc.mq_open(other, O_RDWR));
  fails("ENOENT", () => ipc.mq_unlink(other));
  fails("EACCES", () => ipc.mq_open("/a/b", O_RDWR));
  fails("EACCES", () => ipc.mq_unlink("/a/b"));
  fails("EINVAL", () => ipc.mq_open(other, O_RDWR | O_CREAT, 0o600, new ipc.mq_attr()));
  withoutDescriptors(() => fails("EMFILE", () => ipc.mq_open(name, O_RDONLY)));

  const prio = new Uint32Array(1);
  const into = new Uint8Array(200);
  ipc.mq_send(queue, "hello", undefined, 3);
  ipc.mq_getattr(queue, attr);
  ipc.mq_receive(queue, into, undefined, prio);
  ipc.mq_send(queue, BINARY);
  ipc.mq_receive(reading, into, undefined, null);
  ipc.mq_send(queue, "");
  ipc.mq_receive(queue, into, 200, prio);
  ipc.mq_timedsend(queue, "x".repeat(128), undefined, ipc.MQ_PRIO_MAX - 1, 2.25);
  ipc.mq_timedsend(queue, "x".repeat(129), 129, 0, null);
  ipc.mq_timedreceive(queue, into, undefined, prio, 1.5);
  ipc.mq_timedreceive(queue, into, undefined, null, null);
  fails("ETIMEDOUT", () => ipc.mq_timedreceive(queue, into, undefined, prio, 0));
  attr.mq_flags = O_NONBLOCK;
  ipc.mq_setattr(queue, attr);
  ipc.mq_setattr(queue, attr, new ipc.mq_attr());
  fails("EAGAIN", () => ipc.mq_receive(queue, into, undefined, prio));
  fails("EAGAIN", () => ipc.mq_timedreceive(queue, into, undefined, null, null));
  fails("EMSGSIZE", () => ipc.mq_receive(queue, room.subarray(0, 3)));
  fails("EMSGSIZE", () => ipc.mq_send(queue, "y".repeat(201)));
  fails("EINVAL", () => ipc.mq_send(queue, "z", undefined, ipc.MQ_PRIO_MAX));
  fails("EBADF", () => ipc.mq_send(reading, "only to receive"));
  attr.mq_flags = O_NONBLOCK | 1;
  fails("EINVAL", () => ipc.mq_setattr(queue, attr, new ipc.mq_attr()));

  const event = new ipc.sigevent();
  event.sigev_signo = ipc.SIGUSR1;
  event.sigev_value = 7;
  ipc.mq_notify(queue, event);
  fails("EBUSY", () => ipc.mq_notify(reading, event));
  ipc.mq_notify(queue, null);
  event.sigev_notify = ipc.SIGEV_NONE;
  ipc.mq_notify(queue, event);
  ipc.mq_notify(queue, null);
  event.sigev_notify = ipc.SIGEV_SIGNAL;
  event.sigev_signo = 65;
  fails("EINVAL", () => ipc.mq_notify(queue, event));

  for (
    const call of [
      () => ipc.mq_close(NOWHERE),
      () => ipc.mq_send(NOWHERE, "nobody"),
      () => ipc.mq_timedsend(NOWHERE, "nobody", undefined, 1, 3),
      () => ipc.mq_receive(NOWHERE, room),
      () => ipc.mq_timedreceive(NOWHERE, room, undefined, prio, 3),
      () => ipc.mq_getattr(NOWHERE, attr),
      () => ipc.mq_setattr(NOWHERE, new ipc.mq_attr()),
      () => ipc.mq_notify(NOWHERE, null),
    ]
  ) fails("EBADF", call);
  ipc.mq_close(reading);
  ipc.mq_close(queue);
  ipc.mq_unlink(name);
}
