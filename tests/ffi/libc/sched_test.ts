import { assert, assertEquals } from "@std/assert";
import {
  CLONE_FS,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_SYSVSEM,
  close,
  fork,
  getpid,
  gettid,
  msgget,
  O_RDONLY,
  open,
  pidfd_open,
  sched_getaffinity,
  sched_setaffinity,
  sched_yield,
  setns,
  unshare,
  waitpid,
  WaitStatus,
} from "../../../mod.ts";
import { freshKey, NOT_INTEGERS } from "../../_peers.ts";
import { needs } from "../../needs.ts";
import { fails, inChild, runSource } from "../../support.ts";

// deno-lint-ignore no-explicit-any -- what no type allows
const any = (value: unknown) => value as any;

function namespaceOf(name: string): string {
  try {
    return Deno.readLinkSync(`/proc/thread-self/ns/${name}`);
  } catch {
    return "none"; // one of pids is there from its first process on
  }
}

const KINDS: readonly [flag: number, name: string][] = [
  [CLONE_NEWNS, "mnt"],
  [CLONE_NEWUTS, "uts"],
  [CLONE_NEWIPC, "ipc"],
  [CLONE_NEWNET, "net"],
  [CLONE_NEWCGROUP, "cgroup"],
  [CLONE_NEWPID, "pid_for_children"],
  [CLONE_NEWTIME, "time_for_children"],
];

for (const [flag, name] of KINDS) {
  needs("root", "unshare")(
    `unshare() and setns() in a forked child change its namespace: ${name}`,
    () =>
      inChild(() => {
        const [before, fd] = [namespaceOf(name), open(`/proc/self/ns/${name}`, O_RDONLY)];
        unshare(flag);
        assert(namespaceOf(name) !== before);
        setns(fd, flag);
        assertEquals(namespaceOf(name), before);
        unshare(flag);
        setns(fd, 0);
        assertEquals(namespaceOf(name), before);
        close(fd);
      }),
  );
}

needs("unshare")("unshare(CLONE_NEWUSER) in a forked child needs no privileges, and gives a System V world", () => {
  const key = freshKey();
  inChild(() => {
    unshare(CLONE_NEWUSER | CLONE_NEWIPC);
    assertEquals(msgget(key, 0o600 | 0o1000), 0);
  });
  fails("ENOENT", () => msgget(key, 0));
});

needs("root", "unshare")(
  "after unshare(CLONE_NEWPID) in a forked child, its child is the first process",
  () =>
    inChild(() => {
      unshare(CLONE_NEWPID);
      const status = new WaitStatus();
      waitpid(fork(() => getpid() === 1 ? 8 : 1), status);
      assertEquals(status.exitStatus, 8);
    }),
);

needs("root", "unshare")("setns() takes the namespaces of a process by its descriptor", () =>
  inChild(() => {
    const before = namespaceOf("ipc");
    const pidfd = pidfd_open(getpid());
    unshare(CLONE_NEWIPC | CLONE_NEWUTS);
    setns(pidfd, CLONE_NEWIPC | CLONE_NEWUTS);
    assert(namespaceOf("ipc") !== before);
    fails("EINVAL", () => setns(pidfd, 0));
    close(pidfd);
  }));

needs("root", "unshare")(
  "after unshare(CLONE_NEWIPC) in a program, all of the library is in the new namespace",
  async () => {
    const { stdout, stderr } = await runSource(
      `
    import { CLONE_NEWIPC, MessageQueue, O_RDONLY, open, posix_spawnp, SemaphoreSet, setns, SharedMemory, unshare,
      waitpid } from "@mod";
    const before = open("/proc/self/ns/ipc", O_RDONLY);
    const outside = MessageQueue.create();
    const waits = outside.receive(); // on a thread of the library's, which stays where it is
    await new Promise((resolve) => setTimeout(resolve, 50));
    unshare(CLONE_NEWIPC);
    const queue = MessageQueue.create(), set = SemaphoreSet.create([0]), memory = SharedMemory.create(10);
    const all = Promise.all([queue.receive(), set.acquire(0)]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    queue.sendSync("in there");
    set.release(0);
    console.log((await all)[0].text, queue.id, set.id, memory.id);
    waitpid(posix_spawnp("sh", null, null, ["sh", "-c", "wc -l < /proc/sysvipc/msg"]));
    setns(before, CLONE_NEWIPC);
    outside.sendSync("out there");
    console.log((await waits).text);
    outside.remove();`,
      [],
      { flags: ["--no-check"] },
    );
    assertEquals([stdout, stderr], ["in there 0 0 0\n2\nout there\n", ""]);
  },
);

Deno.test("in a process of several threads the kernel or the library refuses what they have to share", () => {
  const CLONE = { VM: 0x100, FILES: 0x400, SIGHAND: 0x800, THREAD: 0x10000, VFORK: 0x4000, IO: -0x80000000 };
  for (const flag of Object.values(CLONE)) {
    const error = fails("EINVAL", () => unshare(flag));
    assert(error.message.includes("Deno's threads"), error.message);
    fails("EINVAL", () => unshare(flag | CLONE_NEWIPC));
  }
  for (const flag of [CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWPID | CLONE_NEWIPC]) {
    const error = fails("EOPNOTSUPP", () => unshare(flag));
    assert(error.message.includes("in a forked child"), error.message);
    fails("EOPNOTSUPP", () => setns(0, flag));
  }
  for (const name of ["pid", "pid_for_children", "time", "time_for_children"]) {
    const fd = open(`/proc/self/ns/${name}`, O_RDONLY);
    try {
      fails("EOPNOTSUPP", () => setns(fd, 0));
    } finally {
      close(fd);
    }
  }
});

Deno.test("unshare(CLONE_NEWUSER) outside of a forked child fails with EINVAL, and the error says where it works", () => {
  const error = fails("EINVAL", () => unshare(CLONE_NEWUSER));
  assertEquals(
    error.message,
    "unshare: Invalid argument (CLONE_NEWUSER needs a process of one thread: a child made by fork())",
  );
});

Deno.test("unshare() of what threads can have for themselves", () =>
  inChild(() => {
    unshare(0);
    unshare(CLONE_FS);
    unshare(CLONE_SYSVSEM);
  }));

Deno.test("setns() fails with what is no namespace, or one of another kind", () => {
  const fd = open("/proc/self/ns/uts", O_RDONLY);
  try {
    fails("EINVAL", () => setns(fd, CLONE_NEWIPC));
    fails("EINVAL", () => setns(fd, -1));
    fails("EINVAL", () => setns(0, CLONE_NEWIPC));
    fails("EINVAL", () => setns(0, 0));
    fails("EBADF", () => setns(777, 0));
    fails("EBADF", () => setns(-1, 0));
    for (const bad of NOT_INTEGERS) {
      fails("EINVAL", () => setns(any(bad), 0));
      fails("EINVAL", () => setns(fd, any(bad)));
      fails("EINVAL", () => unshare(any(bad)));
    }
  } finally {
    close(fd);
  }
});

Deno.test("sched_setaffinity() binds the thread to processors, sched_getaffinity() tells them", () => {
  const all = sched_getaffinity(0);
  assert(all.length > 0);
  assertEquals(sched_getaffinity(gettid()), all);
  const said = /Cpus_allowed_list:\t(.*)/.exec(Deno.readTextFileSync(`/proc/self/task/${gettid()}/status`))![1];
  assertEquals(
    all,
    said.split(",").flatMap((range) => {
      const [first, last = first] = range.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    }),
  );
  inChild(() => {
    sched_setaffinity(0, [all[0]]);
    assertEquals(sched_getaffinity(0), [all[0]]);
    sched_yield();
  });
  assertEquals(sched_getaffinity(0), all);
});

Deno.test("the functions of affinity refuse what is no argument of theirs", () => {
  fails("ESRCH", () => sched_getaffinity(2 ** 31 - 1));
  fails("ESRCH", () => sched_setaffinity(2 ** 31 - 1, [0]));
  fails("ESRCH", () => sched_getaffinity(-1));
  fails("EINVAL", () => sched_setaffinity(0, []));
  fails("EINVAL", () => sched_setaffinity(0, [1023]));
  for (const bad of [-1, 1024, 2 ** 31 - 1]) fails("EINVAL", () => sched_setaffinity(0, [bad]));
  for (const bad of NOT_INTEGERS) {
    fails("EINVAL", () => sched_getaffinity(any(bad)));
    fails("EINVAL", () => sched_setaffinity(any(bad), [0]));
    fails("EINVAL", () => sched_setaffinity(0, [any(bad)]));
  }
  const { proxy, revoke } = Proxy.revocable([0], {});
  revoke();
  for (const bad of [null, undefined, 5, "0", {}, new Uint8Array([0]), proxy]) {
    fails("EINVAL", () => sched_setaffinity(0, any(bad)));
  }
});
