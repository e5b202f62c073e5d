/* The measured loops in C. Reads lines "job size n", and answers each with the nanoseconds that n turns took, or "-". */
#define _GNU_SOURCE
#include "../../../ffi/channel/ipc_channel.h"
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST = 1 << 20, LINE = 64 /* bytes of a cache line: the two sides' counters don't share one */ };

struct message {
    long mtype;
    char mtext[LARGEST];
};

static int cpu, partner_cpu; /* −1: wherever the kernel likes */
static int queue = -1, queue_back = -1, set = -1, pair = -1;
static int peer = -1;
static struct message message;
static char bytes[LARGEST];
static volatile char sink;

static long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void pin(int to)
{
    cpu_set_t set;

    if (to < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET(to, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static void need_queues(void)
{
    if (queue >= 0)
        return;
    queue = msgget(IPC_PRIVATE, 0600);
    queue_back = msgget(IPC_PRIVATE, 0600);
    if (queue < 0 || queue_back < 0)
        die("msgget");
}

static char *segment(size_t size)
{
    int id = shmget(IPC_PRIVATE, size, 0600);
    char *memory = id < 0 ? (char *) -1 : shmat(id, NULL, 0);

    if (memory == (char *) -1)
        die("shmget");
    shmctl(id, IPC_RMID, NULL); /* it goes with the last process */
    return memory;
}

/* ---- one process ---- */

static long job_queue(size_t size, long n)
{
    need_queues();
    message.mtype = 1;
    long start = now();
    for (long i = 0; i < n; i++) {
        if (msgsnd(queue, &message, size, 0) < 0)
            die("msgsnd");
        if (msgrcv(queue, &message, size, 1, 0) < 0)
            die("msgrcv");
    }
    return now() - start;
}

static long job_getppid(size_t size, long n)
{
    (void) size;
    long start = now();
    for (long i = 0; i < n; i++)
        sink = getppid();
    return now() - start;
}

static long job_semop(size_t size, long n)
{
    struct sembuf up = { 0, 1, 0 }, down = { 0, -1, 0 };

    (void) size;
    if (set < 0 && (set = semget(IPC_PRIVATE, 1, 0600)) < 0)
        die("semget");
    long start = now();
    for (long i = 0; i < n; i++)
        if (semop(set, &up, 1) < 0 || semop(set, &down, 1) < 0)
            die("semop");
    return now() - start;
}

static char *copy_segment;

static long job_copy_in(size_t size, long n)
{
    if (!copy_segment)
        copy_segment = segment(LARGEST);
    memset(bytes, 1, size);
    long start = now();
    for (long i = 0; i < n; i++) {
        memcpy(copy_segment, bytes, size);
        sink = copy_segment[i % size];
    }
    return now() - start;
}

static long job_copy_out(size_t size, long n)
{
    if (!copy_segment)
        copy_segment = segment(LARGEST);
    long start = now();
    for (long i = 0; i < n; i++) {
        memcpy(bytes, copy_segment, size);
        sink = bytes[i % size];
    }
    return now() - start;
}

static long job_copy_new(size_t size, long n)
{
    if (!copy_segment)
        copy_segment = segment(LARGEST);
    long start = now();
    for (long i = 0; i < n; i++) {
        char *copy = malloc(size);
        memcpy(copy, copy_segment, size);
        sink = copy[i % size];
        free(copy);
    }
    return now() - start;
}

static long job_fork(size_t size, long n)
{
    static size_t had; /* MiB of live memory so far, in small pieces as a heap is */
    int status;
    struct rusage used;

    for (; had < size; had++)
        for (int i = 0; i < 1024; i++)
            memset(malloc(1008), 1, 1008);
    long start = now();
    for (long i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid == 0)
            _exit(0);
        if (wait3(&status, 0, &used) < 0)
            die("wait3");
    }
    return now() - start;
}

/* ---- two processes: the partner sends back what it gets ---- */

typedef void turn_function(size_t size, long n);

struct exchange {
    const char *name;
    turn_function *ping, *pong;
    int control; /* where the partner is told the size and n; 0 before there is a partner */
};

static int *counters; /* ours, and the partner's a few cache lines on */
static char *shared;  /* ours, and the partner's behind it */
static int turn;      /* goes on from round to round, as the counters do */

static void volley_ping(size_t size, long n)
{
    int *mine = counters, *theirs = counters + LINE;

    (void) size;
    for (long i = 0; i < n; i++) {
        turn++;
        __atomic_store_n(mine, turn, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(theirs, __ATOMIC_SEQ_CST) != turn)
            ;
    }
}

static void volley_pong(size_t size, long n)
{
    int *mine = counters + LINE, *theirs = counters;

    (void) size;
    for (long i = 0; i < n; i++) {
        turn++;
        while (__atomic_load_n(theirs, __ATOMIC_SEQ_CST) != turn)
            ;
        __atomic_store_n(mine, turn, __ATOMIC_SEQ_CST);
    }
}

static void segment_ping(size_t size, long n)
{
    int *mine = counters, *theirs = counters + LINE;

    for (long i = 0; i < n; i++) {
        turn++;
        memcpy(shared, bytes, size);
        __atomic_store_n(mine, turn, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(theirs, __ATOMIC_SEQ_CST) != turn)
            ;
        memcpy(bytes, shared + LARGEST, size);
    }
}

static void segment_pong(size_t size, long n)
{
    int *mine = counters + LINE, *theirs = counters;

    for (long i = 0; i < n; i++) {
        turn++;
        while (__atomic_load_n(theirs, __ATOMIC_SEQ_CST) != turn)
            ;
        memcpy(bytes, shared, size);
        memcpy(shared + LARGEST, bytes, size);
        __atomic_store_n(mine, turn, __ATOMIC_SEQ_CST);
    }
}

static void queue_ping(size_t size, long n)
{
    message.mtype = 1;
    for (long i = 0; i < n; i++)
        if (msgsnd(queue, &message, size, 0) < 0 || msgrcv(queue_back, &message, size, 0, 0) < 0)
            die("msgsnd");
}

static void queue_pong(size_t size, long n)
{
    for (long i = 0; i < n; i++)
        if (msgrcv(queue, &message, size, 0, 0) < 0 || msgsnd(queue_back, &message, size, 0) < 0)
            die("msgrcv");
}

static struct sembuf up[2] = { { 0, 1, 0 }, { 1, 1, 0 } }, down[2] = { { 0, -1, 0 }, { 1, -1, 0 } };

static void semaphore_ping(size_t size, long n)
{
    (void) size;
    for (long i = 0; i < n; i++)
        if (semop(pair, &up[0], 1) < 0 || semop(pair, &down[1], 1) < 0)
            die("semop");
}

static void semaphore_pong(size_t size, long n)
{
    (void) size;
    for (long i = 0; i < n; i++)
        if (semop(pair, &down[0], 1) < 0 || semop(pair, &up[1], 1) < 0)
            die("semop");
}

static void write_all(int fd, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, bytes + at, size - at);
        if (n < 0)
            die("write");
        at += n;
    }
}

static void read_all(int fd, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = read(fd, bytes + at, size - at);
        if (n <= 0)
            die("read");
        at += n;
    }
}

static void socket_ping(size_t size, long n)
{
    for (long i = 0; i < n; i++) {
        write_all(peer, size);
        read_all(peer, size);
    }
}

static void socket_pong(size_t size, long n)
{
    for (long i = 0; i < n; i++) {
        read_all(peer, size);
        write_all(peer, size);
    }
}

/* ---- channels: ffi/channel/ipc_channel.h ---- */

enum { CAPACITY = 1 << 16 };
static ipc_channel there, returned;

/* Both sides have these in memory that they share, and each takes part by itself. */
static void need_channels(void)
{
    size_t length = ipc_channel_size(CAPACITY);
    char *at = mmap(NULL, 2 * length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        die("mmap");
    if (ipc_channel_create(&there, at, CAPACITY, 0, 0) || ipc_channel_create(&returned, at + length, CAPACITY, 0, 0))
        die("ipc_channel_create");
}

static void channel_send(ipc_channel *ch, size_t size)
{
    if (ipc_channel_send(ch, bytes, size, -1) != 0)
        die("ipc_channel_send");
}

static void channel_receive(ipc_channel *ch)
{
    if (ipc_channel_receive(ch, bytes, LARGEST, -1) < 0)
        die("ipc_channel_receive");
}

/* one way: the answer is only that all have come */
static void channel_ping(size_t size, long n)
{
    for (long i = 0; i < n; i++)
        channel_send(&there, size);
    channel_receive(&returned);
}

static void channel_pong(size_t size, long n)
{
    (void) size;
    for (long i = 0; i < n; i++) {
        channel_receive(&there);
        if (i == 0 || i == n - 1)
            channel_send(&returned, 1);
    }
}

static void asleep_ping(size_t size, long n)
{
    there.spin = returned.spin = 0;
    for (long i = 0; i < n; i++) {
        channel_send(&there, size);
        channel_receive(&returned);
    }
}

static void asleep_pong(size_t size, long n)
{
    there.spin = returned.spin = 0;
    for (long i = 0; i < n; i++) {
        channel_receive(&there);
        channel_send(&returned, size);
    }
}

static struct exchange exchanges[] = {
    { "channel", channel_ping, channel_pong, 0 },
    { "channel-asleep", asleep_ping, asleep_pong, 0 },
    { "volley", volley_ping, volley_pong, 0 },
    { "segment", segment_ping, segment_pong, 0 },
    { "queues", queue_ping, queue_pong, 0 },
    { "semaphores", semaphore_ping, semaphore_pong, 0 },
    { "socket", socket_ping, socket_pong, 0 },
};

static void start_partner(struct exchange *x)
{
    int control[2], ends[2];
    long order[2];

    if (!strcmp(x->name, "queues"))
        need_queues();
    if (pair < 0 && (pair = semget(IPC_PRIVATE, 2, 0600)) < 0)
        die("semget");
    need_channels();
    counters = (int *) segment(4096);
    shared = segment(2 * LARGEST);
    if (pipe(control) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        die("pipe");
    turn = 0;
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        close(control[1]); /* or it would never see the end */
        close(ends[0]);
        pin(partner_cpu);
        peer = ends[1];
        while (read(control[0], order, sizeof(order)) == sizeof(order))
            x->pong(order[0], order[1]);
        _exit(0);
    }
    close(control[0]);
    close(ends[1]);
    peer = ends[0];
    x->control = control[1];
}

static long exchange(struct exchange *x, size_t size, long n)
{
    static struct exchange *last;

    /* one partner at a time: the counters and the socket are the last one's */
    if (last != x) {
        if (last) {
            close(last->control);
            close(peer);
            shmdt(counters);
            shmdt(shared);
        }
        start_partner(x);
        last = x;
    }
    long order[] = { size, n + 1 };
    if (write(x->control, order, sizeof(order)) < 0)
        die("write");
    x->ping(size, 1); /* the partner is awake now */
    long start = now();
    x->ping(size, n);
    return now() - start;
}

static long run(const char *job, size_t size, long n)
{
    static const struct { const char *name; long (*run)(size_t, long); } jobs[] = {
        { "queue", job_queue }, { "object", job_queue }, { "getppid", job_getppid }, { "semop", job_semop },
        { "copy-in", job_copy_in }, { "copy-out", job_copy_out }, { "copy-new", job_copy_new }, { "fork", job_fork },
    };

    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
        if (!strcmp(job, jobs[i].name))
            return jobs[i].run(size, n);
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++)
        if (!strcmp(job, exchanges[i].name))
            return exchange(&exchanges[i], size, n);
    return -1;
}

int main(int argc, char *argv[])
{
    char job[32];
    size_t size;
    long n;

    if (argc < 3)
        return 2;
    signal(SIGINT, SIG_IGN); /* the end of standard input ends it, so that nothing is left behind */
    cpu = atoi(argv[1]);
    partner_cpu = atoi(argv[2]);
    pin(cpu);
    while (scanf("%31s %zu %ld", job, &size, &n) == 3) {
        long ns = run(job, size, n);
        if (ns < 0)
            printf("-\n");
        else
            printf("%ld\n", ns);
        fflush(stdout);
    }
    if (queue >= 0) {
        msgctl(queue, IPC_RMID, NULL);
        msgctl(queue_back, IPC_RMID, NULL);
    }
    if (set >= 0)
        semctl(set, 0, IPC_RMID);
    if (pair >= 0)
        semctl(pair, 0, IPC_RMID);
    return 0;
}
