/**
 * Children that each send numbered messages into one queue, from which other children take them; prints what was
 * lost, came twice, or overtook another of the same sender. `deno run -A tests/stress/_queue.ts PROCESSES MESSAGES`.
 *
 * @module
 */
import {
  enableFork,
  fork,
  IPC_PRIVATE,
  IPC_RMID,
  msgbuf,
  msgctl,
  msgget,
  msgrcv,
  msgsnd,
  wait,
  WaitStatus,
} from "../../mod.ts";

enableFork();
const [processes, messages] = Deno.args.map(Number);
const queue = msgget(IPC_PRIVATE, 0o600);
try {
  for (let sender = 1; sender <= processes; sender++) {
    fork(() => {
      const sbuf = new msgbuf(8);
      const view = new DataView(sbuf.mtext.buffer, sbuf.mtext.byteOffset);
      sbuf.mtype = sender;
      for (let n = 0; n < messages; n++) {
        view.setUint32(0, sender);
        view.setUint32(4, n);
        msgsnd(queue, sbuf, 8, 0);
      }
    });
  }
  const next = new Array<number>(processes + 1).fill(0);
  const wrong: string[] = [];
  const rbuf = new msgbuf(8);
  const view = new DataView(rbuf.mtext.buffer, rbuf.mtext.byteOffset);
  for (let total = processes * messages; total > 0; total--) {
    const length = msgrcv(queue, rbuf, 8, 0, 0);
    const sender = view.getUint32(0);
    const n = view.getUint32(4);
    if (length !== 8 || rbuf.mtype !== sender || n !== next[sender]) {
      wrong.push(`${length} bytes of type ${rbuf.mtype}: ${sender} sent ${n}, expected ${next[sender]}`);
    }
    next[sender] = n + 1;
  }
  const wstat = new WaitStatus();
  let ended = 0;
  for (let i = 0; i < processes; i++) {
    wait(wstat);
    if (wstat.exitStatus === 0) ended++;
  }
  console.log(JSON.stringify({ wrong: wrong.slice(0, 5), ended, received: next.slice(1) }));
} finally {
  msgctl(queue, IPC_RMID);
}
