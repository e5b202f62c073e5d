// PosixSharedMemory and what others make of it: programs in C by name, and in C and Python by descriptor.
import { assertEquals } from "@std/assert";
import { PosixSharedMemory } from "../../../ffi/objects/posix_shared_memory.ts";
import { Socket } from "../../../ffi/objects/socket.ts";
import { needs, works } from "../../needs.ts";
import { compile, fails, Program, run } from "../../support.ts";

const exists = (path: string) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
};
const fresh = () => `/ipc_playground_${Deno.pid}_${crypto.randomUUID()}`;

// NAME make TEXT | NAME write TEXT | NAME read | NAME remove
const C = `#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct stat st;
    if (!strcmp(argv[2], "remove"))
        return shm_unlink(argv[1]) < 0;
    int make = !strcmp(argv[2], "make");
    int fd = shm_open(argv[1], O_RDWR | (make ? O_CREAT | O_EXCL : 0), 0640);
    if (fd < 0 || (make && ftruncate(fd, 100) < 0) || fstat(fd, &st) < 0)
        return 1;
    char *memory = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return 1;
    if (argc > 3)
        strcpy(memory, argv[3]);
    printf("%ld %o %s\\n", (long)st.st_size, st.st_mode & 0777, memory);
    return 0;
}
`;

needs("cc")("C and PosixSharedMemory find what the other has made, and write what the other reads", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  using end = new DisposableStack();
  end.defer(() => Deno.removeSync(directory, { recursive: true }));
  const program = `${directory}/peer`;
  await compile(C, program, "cc", "-D_GNU_SOURCE", "-lrt");
  const peer = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(program, args);
    assertEquals(code, 0, stderr);
    return stdout.trim();
  };
  const name = fresh();
  {
    using made = PosixSharedMemory.create(name, 50, { mode: 0o600 });
    made.writeString("from here");
    assertEquals(await peer(name, "read"), "50 600 from here");
    assertEquals(await peer(name, "write", "from C"), "50 600 from C");
    assertEquals(made.readString(), "from C");
    assertEquals((await run(program, [name, "make"])).code, 1); // it is there
  }
  assertEquals((await run(program, [name, "read"])).code, 1);

  assertEquals(await peer(name, "make", "made by C"), "100 640 made by C");
  try {
    using found = PosixSharedMemory.open(name);
    assertEquals([found.size, found.readString()], [100, "made by C"]);
    found.writeString("changed here");
    assertEquals(await peer(name, "read"), "100 640 changed here");
  } finally {
    await peer(name, "remove");
  }
  fails("ENOENT", () => PosixSharedMemory.open(name));
});

// NAME make TEXT | NAME read | NAME remove: Boost's names are without the slash
const BOOST = `#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cstdio>
#include <cstring>
#include <string>
using namespace boost::interprocess;

int main(int argc, char **argv)
{
    const std::string what = argv[2];
    if (what == "remove")
        return !shared_memory_object::remove(argv[1]);
    if (what == "make") {
        shared_memory_object object(create_only, argv[1], read_write, permissions(0600));
        object.truncate(100);
        mapped_region region(object, read_write);
        std::strcpy(static_cast<char *>(region.get_address()), argv[3]);
        return 0;
    }
    shared_memory_object object(open_only, argv[1], read_only);
    mapped_region region(object, read_only);
    std::printf("%zu %s\\n", region.get_size(), static_cast<const char *>(region.get_address()));
    return 0;
}
`;
const boost = exists("/usr/include/boost/interprocess/shared_memory_object.hpp") && works("c++", "--version");

needs({ "Boost for C++ (libboost-dev, g++)": boost })(
  "Boost's shared_memory_object and PosixSharedMemory find what the other has made",
  async () => {
    const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
    using end = new DisposableStack();
    end.defer(() => Deno.removeSync(directory, { recursive: true }));
    const [source, program] = [`${directory}/peer.cpp`, `${directory}/peer`];
    Deno.writeTextFileSync(source, BOOST);
    const compiled = await run("c++", ["-o", program, source, "-lrt"]);
    assertEquals(compiled.code, 0, compiled.stderr);
    const name = fresh();
    {
      using made = PosixSharedMemory.create(name, 50);
      made.writeString("from here");
      assertEquals((await run(program, [name.slice(1), "read"])).stdout, "50 from here\n");
    }
    assertEquals((await run(program, [name.slice(1), "make", "made by Boost"])).code, 0);
    try {
      using found = PosixSharedMemory.open(name);
      assertEquals([found.size, found.readString()], [100, "made by Boost"]);
      found.writeString("changed here");
      assertEquals((await run(program, [name.slice(1), "read"])).stdout, "100 changed here\n");
    } finally {
      assertEquals((await run(program, [name.slice(1), "remove"])).code, 0);
    }
    fails("ENOENT", () => PosixSharedMemory.open(name));
  },
);

// takes a descriptor, answers into its memory, and passes one of its own
const PYTHON = `
import mmap, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("\\0" + sys.argv[1])
_, fds, _, _ = socket.recv_fds(s, 10, 1)
m = mmap.mmap(fds[0], os.fstat(fds[0]).st_size)
print(len(m), m[:9].decode())
m[:11] = b"from Python"
own = os.memfd_create("peer", os.MFD_CLOEXEC)
os.ftruncate(own, 30)
n = mmap.mmap(own, 30)
n[:14] = b"made by Python"
socket.send_fds(s, [b"x"], [own])
s.recv(1)
print(n[:12].decode())
`;

// the same in C
const PASSING = `#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct msghdr message(struct iovec *iov, char *control)
{
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int)) };
    return msg;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(argv[1]);
    strcpy(address.sun_path + 1, argv[1]);
    int s = socket(AF_UNIX, SOCK_STREAM, 0), fd;
    if (argc != 2 || connect(s, (struct sockaddr *) &address, length) < 0)
        return 1;
    char byte = 'x', control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = message(&iov, control);
    if (recvmsg(s, &msg, 0) != 1 || CMSG_FIRSTHDR(&msg) == NULL)
        return 2;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
    struct stat st;
    fstat(fd, &st);
    char *memory = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    printf("%ld %s\\n", (long) st.st_size, memory);
    strcpy(memory, "from C");
    int own = memfd_create("peer", MFD_CLOEXEC);
    ftruncate(own, 30);
    char *made = mmap(NULL, 30, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
    strcpy(made, "made by C");
    msg = message(&iov, control);
    struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &own, sizeof(own));
    if (sendmsg(s, &msg, 0) != 1 || read(s, &byte, 1) != 1)
        return 3;
    printf("%s\\n", made);
    return 0;
}
`;

/** Passes memory to a peer, and takes some from it. */
async function pass(command: string, args: string[], language: string): Promise<void> {
  const name = `ipc_playground_memfd_${crypto.randomUUID()}`;
  using listener = Socket.listen(`@${name}`);
  await using peer = new Program(command, [...args, name]);
  using socket = await listener.accept();
  using memory = PosixSharedMemory.anonymous(20);
  memory.writeString("from here");
  await socket.sendFds([memory.fd], "x");
  const { fds } = (await socket.receiveFds({ max: 1 }))!;
  assertEquals(memory.readString(), `from ${language}`);
  using theirs = PosixSharedMemory.fromFd(fds[0]);
  assertEquals([theirs.size, theirs.readString()], [30, `made by ${language}`]);
  theirs.writeString("changed here");
  await socket.write("x");
  const { code, stdout, stderr } = await peer.end();
  assertEquals([code, stdout], [0, "20 from here\nchanged here\n"], stderr);
}

needs("cc")("a memfd passed to a C program, and one from there, are the same memory on both sides", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ipc_playground_" });
  try {
    await compile(PASSING, `${directory}/peer`, "cc", "-D_GNU_SOURCE", "-Wno-unused-result");
    await pass(`${directory}/peer`, [], "C");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

needs("python3")(
  "a memfd passed to a Python process, and one from there, are the same memory on both sides",
  () => pass("python3", ["-c", PYTHON], "Python"),
);
