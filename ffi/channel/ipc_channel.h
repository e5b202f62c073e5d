/*
 * Channels between processes: messages through a ring in shared memory, as the class Channel of the IPC playground has
 * them. Layout version 1. One file, for C11 and Linux; with glibc before 2.34, link with -pthread.
 *
 *     // writer.c                                        // reader.c
 *     #include "ipc_channel.h"                           #include "ipc_channel.h"
 *     #include <fcntl.h>                                 #include <fcntl.h>
 *     #include <stdio.h>                                 #include <stdio.h>
 *     #include <sys/mman.h>                              #include <sys/mman.h>
 *     #include <sys/stat.h>                              #include <sys/stat.h>
 *
 *     int main(int argc, char *argv[])                   int main(int argc, char *argv[])
 *     {                                                  {
 *         int fd = shm_open(argv[1], O_RDWR, 0);             int fd = shm_open(argv[1], O_RDWR, 0);
 *         struct stat st;                                    struct stat st;
 *         fstat(fd, &st);                                    fstat(fd, &st);
 *         void *at = mmap(NULL, st.st_size,                  void *at = mmap(NULL, st.st_size,
 *             PROT_READ | PROT_WRITE,                            PROT_READ | PROT_WRITE,
 *             MAP_SHARED, fd, 0);                                MAP_SHARED, fd, 0);
 *         ipc_channel ch;                                    ipc_channel ch;
 *         if (ipc_channel_open(&ch, at, st.st_size))         if (ipc_channel_open(&ch, at, st.st_size))
 *             return 1;                                          return 1;
 *         ipc_channel_send(&ch, "hello", 5, -1);             char text[4096];
 *         ipc_channel_close(&ch);                            long n;
 *         return 0;                                          while ((n = ipc_channel_receive(&ch, text, 4096, -1)) >= 0)
 *     }                                                          printf("%.*s\n", (int) n, text);
 *                                                            ipc_channel_close(&ch);
 *                                                            return n == IPC_CHANNEL_END ? 0 : 1;
 *                                                        }
 *
 * THE BYTES
 *
 * A struct ipc_channel_header, and behind it the ring: `capacity` bytes, a power of two. All numbers are in the
 * processor's order. What one side writes and the other reads lies in cache lines of 64 bytes of its own.
 *
 * `tail` and `head` count the bytes that were ever written and read, modulo 2^32; their place in the ring is that modulo
 * `capacity`. The ring holds the bytes from head to tail: frames, each at a multiple of 8, of a struct ipc_channel_frame,
 * the message, and as many bytes as it takes to come to a multiple of 8. A frame never goes round the ring's end: where it
 * would, there is one with `filler` 1, whose length is all the rest, and the message is at the beginning of the ring; both
 * are committed together. So a message may have half of the capacity, less 8 bytes.
 *
 *   Writing    A frame is written behind the tail; then one store to the tail makes it a message. Who is killed before has
 *              done nothing.
 *   Reading    The message is copied; then one store to the head gives its room back. Who is killed before has taken
 *              nothing.
 *
 * These stores, and the loads of the other side's position, are sequentially consistent; the rest are ordinary ones. Only the
 * one writer writes to the tail, and only the one reader to the head; where there may be many (`many`), it is whoever has
 * the side's robust mutex, for no longer than that takes. EOWNERDEAD from it means nothing: pthread_mutex_consistent().
 *
 *   Waiting    Who finds the ring empty looks again for a while, then stores the tail that it saw, plus 1, to readers_sleep, and
 *              waits in futex(&tail, FUTEX_WAIT, that tail), not private, for 100 ms at most, as who should wake it may
 *              be dead. Who has moved the tail then loads readers_sleep; if that is neither 0 nor the new tail plus 1, it
 *              makes it 0 by compare and exchange, or looks again, and wakes all who wait for the tail. Where there
 *              may be many readers, who stores there in the place of another tail wakes all, too. The same with head and
 *              writers_sleep for a full ring.
 *
 *   Taking     Who writes or reads has a place: the only writer the first, the only reader the second, many others any of
 *   part       the rest. It is taken by compare and exchange of `who` from 0 to the pid; then start and space are written,
 *              then `who` becomes pid | IPC_CHANNEL_WRITER or _READER, then `came` and `changes` are counted up. It
 *              is left by a compare and exchange to 0, `changes`, and a wake of those who wait for one's position.
 *
 *   Death      Who waits looks every 100 ms for those of the other side: one whose process is gone, a zombie of one thread, or of
 *              another start (/proc/PID/stat, fields 20 and 22) has been killed. Its `who` becomes 0 by compare and exchange; who has done that
 *              stores its pid to `last`, and counts up `died` and `changes`. One of another pid namespace (the number of
 *              /proc/self/ns/pid) is taken to live.
 *              When the ring is empty, readers are told once of each `died` that they have not seen, and then that
 *              the end has come, if there were writers and none is left. The same for writers of a full ring.
 */
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define IPC_CHANNEL_VERSION 1
#define IPC_CHANNEL_PLACES 64
#define IPC_CHANNEL_WRITER (1u << 24)
#define IPC_CHANNEL_READER (1u << 25)

/** What ipc_channel_receive gives when the ring is empty and all writers have gone. */
#define IPC_CHANNEL_END (-1000000L)

struct ipc_channel_place {
    _Atomic uint32_t who; /* its process, and what it is; 0 for nobody */
    uint32_t start[2];    /* when that began, in ticks since the system did: the low half first */
    uint32_t space;       /* the pid namespace that it is a process of */
    uint32_t rest[4];
};

struct ipc_channel_end {
    _Atomic uint32_t position;
    uint32_t unused;
    uint32_t count[2]; /* how many messages went by: the low half first */
};

struct ipc_channel_header {
    char magic[8]; /* "ipcring" */
    uint32_t version;
    uint32_t capacity;
    uint32_t many;         /* IPC_CHANNEL_WRITER, _READER: that there may be many */
    uint32_t size;         /* of each message in bytes; 0 if they differ */
    _Atomic uint32_t ready; /* 1: all of this is there */
    _Atomic uint32_t changes;
    _Atomic uint32_t came[2]; /* writers, and readers */
    _Atomic uint32_t died[2];
    _Atomic uint32_t last[2];
    _Alignas(64) struct ipc_channel_end tail;
    _Alignas(64) struct ipc_channel_end head;
    _Alignas(64) _Atomic uint32_t readers_sleep;
    _Alignas(64) _Atomic uint32_t writers_sleep;
    _Alignas(64) pthread_mutex_t writers_lock;
    _Alignas(64) pthread_mutex_t readers_lock;
    _Alignas(64) uint32_t nothing[16];
    struct ipc_channel_place places[IPC_CHANNEL_PLACES];
};

struct ipc_channel_frame {
    uint32_t length;
    uint32_t filler;
};

_Static_assert(sizeof(struct ipc_channel_header) == 2560, "version 1");
_Static_assert(offsetof(struct ipc_channel_header, tail) == 64, "version 1");
_Static_assert(offsetof(struct ipc_channel_header, head) == 128, "version 1");
_Static_assert(offsetof(struct ipc_channel_header, readers_sleep) == 192, "version 1");
_Static_assert(offsetof(struct ipc_channel_header, writers_sleep) == 256, "version 1");
_Static_assert(offsetof(struct ipc_channel_header, writers_lock) == 320, "version 1");
_Static_assert(offsetof(struct ipc_channel_header, readers_lock) == 384, "version 1");
_Static_assert(offsetof(struct ipc_channel_header, places) == 512, "version 1");
_Static_assert(sizeof(struct ipc_channel_place) == 32, "version 1");
_Static_assert(sizeof(struct ipc_channel_frame) == 8, "version 1");
_Static_assert(sizeof(pthread_mutex_t) <= 64, "version 1");

/** A channel as this process has it. One thread at a time may send, and one receive. */
typedef struct ipc_channel {
    struct ipc_channel_header *header;
    char *ring;
    uint32_t capacity;
    uint32_t mask;
    uint32_t spin;     /* how often to look before sleeping; 0 where there is only one processor */
    int place[2];      /* as a writer, and as a reader; -1 before the first message */
    uint32_t died[2];  /* how many deaths it has been told of */
    uint32_t head;     /* the other side's positions, as they were when they were looked at last */
    uint32_t tail;
    int64_t looked[2]; /* when it was looked last whether the others live, in milliseconds */
} ipc_channel;

#define IPC_CHANNEL_TICK 100 /* milliseconds */

/** How many bytes of memory a channel takes. */
static inline size_t ipc_channel_size(uint32_t capacity)
{
    return sizeof(struct ipc_channel_header) + capacity;
}

/** How many bytes a message may have. */
static inline uint32_t ipc_channel_longest(const ipc_channel *ch)
{
    return ch->capacity / 2 - sizeof(struct ipc_channel_frame);
}

static inline int64_t ipc_channel_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static inline void ipc_channel_set_up(ipc_channel *ch, void *memory)
{
    ch->header = (struct ipc_channel_header *) memory;
    ch->ring = (char *) memory + sizeof(struct ipc_channel_header);
    ch->capacity = ch->header->capacity;
    ch->mask = ch->capacity - 1;
    ch->spin = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 20000 : 0;
    for (int side = 0; side < 2; side++) {
        ch->place[side] = -1;
        ch->died[side] = atomic_load(&ch->header->died[side]);
        ch->looked[side] = 0;
    }
    ch->head = ch->tail = 0;
}

/**
 * Makes a channel in memory that nobody uses, of ipc_channel_size(capacity) bytes, at a multiple of 64.
 *
 * many: IPC_CHANNEL_WRITER, IPC_CHANNEL_READER, both or 0. size: of each message; 0 if they differ.
 * Gives 0, or EINVAL.
 */
static inline int ipc_channel_create(ipc_channel *ch, void *memory, uint32_t capacity, uint32_t many, uint32_t size)
{
    struct ipc_channel_header *h = (struct ipc_channel_header *) memory;
    if (capacity < 64 || capacity > 1u << 30 || (capacity & (capacity - 1)) != 0 || size > capacity / 2 - 8)
        return EINVAL;
    atomic_store(&h->ready, 0);
    memset(memory, 0, sizeof(*h));
    memcpy(h->magic, "ipcring", 8);
    h->version = IPC_CHANNEL_VERSION;
    h->capacity = capacity;
    h->many = many & (IPC_CHANNEL_WRITER | IPC_CHANNEL_READER);
    h->size = size;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    if (many & IPC_CHANNEL_WRITER)
        pthread_mutex_init(&h->writers_lock, &attr);
    if (many & IPC_CHANNEL_READER)
        pthread_mutex_init(&h->readers_lock, &attr);
    pthread_mutexattr_destroy(&attr);
    atomic_store(&h->ready, 1);
    ipc_channel_set_up(ch, memory);
    return 0;
}

/** Takes a channel that is there. Gives 0; EINVAL if there is none in these bytes; EAGAIN if it is not finished. */
static inline int ipc_channel_open(ipc_channel *ch, void *memory, size_t length)
{
    struct ipc_channel_header *h = (struct ipc_channel_header *) memory;
    if (length < sizeof(*h))
        return EINVAL;
    if (atomic_load(&h->ready) != 1)
        return EAGAIN;
    uint32_t capacity = h->capacity;
    if (memcmp(h->magic, "ipcring", 8) != 0 || h->version != IPC_CHANNEL_VERSION || capacity < 64 || capacity > 1u << 30 ||
        (capacity & (capacity - 1)) != 0 || capacity > length - sizeof(*h))
        return EINVAL;
    ipc_channel_set_up(ch, memory);
    return 0;
}

/* ---- who takes part ---- */

/* When a process began: -1 if it has ended, 0 where nobody tells. */
static inline int64_t ipc_channel_start(uint32_t pid)
{
    char path[32], text[1024];
    snprintf(path, sizeof(path), "/proc/%u/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return kill((pid_t) pid, 0) < 0 && errno == ESRCH ? -1 : 0;
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    char *at = strrchr(text, ')'); /* the name may have anything in it */
    if (n == 0 || at == NULL)
        return -1; /* it ended right now */
    int zombie = at[2] == 'Z' || at[2] == 'X';
    for (int field = 2; field < 22 && at != NULL; field++) {
        at = strchr(at + 1, ' ');
        if (field == 19 && at != NULL && zombie && strtol(at, NULL, 10) <= 1)
            return -1; /* else its other threads go on */
    }
    return at == NULL ? 0 : strtoll(at, NULL, 10);
}

/* The pid namespace's number; 0 where nobody tells. */
static inline uint32_t ipc_channel_space(void)
{
    char text[64];
    ssize_t n = readlink("/proc/self/ns/pid", text, sizeof(text) - 1);
    if (n < 0)
        return 0;
    text[n] = '\0';
    char *at = strchr(text, '[');
    return at == NULL ? 0 : (uint32_t) strtoul(at + 1, NULL, 10);
}

static inline void ipc_channel_futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static inline int ipc_channel_lives(struct ipc_channel_place *place, uint32_t who)
{
    int joined = (who & (IPC_CHANNEL_WRITER | IPC_CHANNEL_READER)) != 0; /* before that, only its number is there */
    if (joined && place->space != ipc_channel_space())
        return 1;
    int64_t found = ipc_channel_start(who & (IPC_CHANNEL_WRITER - 1));
    int64_t start = joined ? (int64_t) place->start[0] | (int64_t) place->start[1] << 32 : 0;
    return found >= 0 && (start == 0 || found == 0 || start == found);
}

/* Frees the place of one that has ended. */
static inline void ipc_channel_bury(struct ipc_channel_header *h, int i)
{
    uint32_t who = atomic_load(&h->places[i].who);
    if (who == 0 || ipc_channel_lives(&h->places[i], who))
        return;
    uint32_t expected = who;
    if (!atomic_compare_exchange_strong(&h->places[i].who, &expected, 0))
        return;
    int side = who & IPC_CHANNEL_WRITER ? 0 : who & IPC_CHANNEL_READER ? 1 : -1;
    if (side >= 0) {
        atomic_store(&h->last[side], who & (IPC_CHANNEL_WRITER - 1));
        atomic_fetch_add(&h->died[side], 1);
    }
    atomic_fetch_add(&h->changes, 1);
}

/* The places that a side has. */
static inline void ipc_channel_range(struct ipc_channel_header *h, int side, int *from, int *to)
{
    int many = (h->many & (side == 0 ? IPC_CHANNEL_WRITER : IPC_CHANNEL_READER)) != 0;
    *from = many ? 2 : side;
    *to = many ? IPC_CHANNEL_PLACES : side + 1;
}

static inline int ipc_channel_join(ipc_channel *ch, int side)
{
    struct ipc_channel_header *h = ch->header;
    uint32_t pid = (uint32_t) getpid();
    int64_t start = ipc_channel_start(pid);
    int from, to;
    if (ch->place[side] >= 0)
        return 0;
    ipc_channel_range(h, side, &from, &to);
    for (int tries = 0; tries < 2; tries++) {
        for (int i = from; i < to; i++) {
            struct ipc_channel_place *place = &h->places[i];
            uint32_t nobody = 0;
            if (!atomic_compare_exchange_strong(&place->who, &nobody, pid))
                continue;
            place->start[0] = (uint32_t) start;
            place->start[1] = (uint32_t) (start >> 32);
            place->space = ipc_channel_space();
            /* in another pid namespace, that number may have been taken for a dead one's */
            uint32_t mine = pid;
            if (!atomic_compare_exchange_strong(&place->who, &mine,
                                                pid | (side == 0 ? IPC_CHANNEL_WRITER : IPC_CHANNEL_READER)))
                continue;
            atomic_fetch_add(&h->came[side], 1);
            atomic_fetch_add(&h->changes, 1);
            ch->place[side] = i;
            ch->head = atomic_load(&h->head.position);
            ch->tail = atomic_load(&h->tail.position);
            return 0;
        }
        for (int i = from; i < to; i++)
            ipc_channel_bury(h, i); /* and try again */
    }
    return to - from > 1 ? ENOSPC : EBUSY;
}

/** Takes part no longer. The memory is the caller's. */
static inline void ipc_channel_close(ipc_channel *ch)
{
    struct ipc_channel_header *h = ch->header;
    for (int side = 0; side < 2; side++) {
        if (ch->place[side] < 0)
            continue;
        uint32_t who = (uint32_t) getpid() | (side == 0 ? IPC_CHANNEL_WRITER : IPC_CHANNEL_READER);
        atomic_compare_exchange_strong(&h->places[ch->place[side]].who, &who, 0);
        atomic_fetch_add(&h->changes, 1);
        ipc_channel_futex_wake(side == 0 ? &h->tail.position : &h->head.position);
        ch->place[side] = -1;
    }
}

/*
 * Looks after the other side, before a wait for it; closely, every 100 ms. Gives 0 if there is nothing to tell, EOWNERDEAD
 * if one was found dead since the last time, or IPC_CHANNEL_END if all have gone.
 */
static inline long ipc_channel_look(ipc_channel *ch, int other, int tell)
{
    struct ipc_channel_header *h = ch->header;
    int64_t now = ipc_channel_now();
    int from, to, left = 0;
    ipc_channel_range(h, other, &from, &to);
    if (now - ch->looked[other] >= IPC_CHANNEL_TICK) {
        ch->looked[other] = now;
        for (int i = from; i < to; i++)
            ipc_channel_bury(h, i);
    }
    uint32_t died = atomic_load(&h->died[other]);
    if (died != ch->died[other]) {
        if (tell)
            ch->died[other] = died;
        return EOWNERDEAD;
    }
    for (int i = from; i < to; i++)
        left |= (atomic_load(&h->places[i].who) & (other == 0 ? IPC_CHANNEL_WRITER : IPC_CHANNEL_READER)) != 0;
    return !left && atomic_load(&h->came[other]) != 0 ? IPC_CHANNEL_END : 0;
}

/* ---- one message, as the only one on this side ---- */

static inline void ipc_channel_count(struct ipc_channel_end *end)
{
    if (++end->count[0] == 0)
        end->count[1]++;
}

/* Writes a message: 0, EAGAIN if there is no room, EBADMSG if the ring is damaged. */
static inline int ipc_channel_put(ipc_channel *ch, const void *data, uint32_t length)
{
    struct ipc_channel_header *h = ch->header;
    uint32_t total = sizeof(struct ipc_channel_frame) + ((length + 7) & ~7u);
    uint32_t tail = atomic_load_explicit(&h->tail.position, memory_order_relaxed);
    uint32_t at = tail & ch->mask;
    uint32_t skip = ch->capacity - at < total ? ch->capacity - at : 0;
    /* where others write, too, more than 2^32 bytes may have gone by since it was looked at */
    if ((h->many & IPC_CHANNEL_WRITER) || tail - ch->head > ch->capacity || skip + total > ch->capacity - (tail - ch->head)) {
        ch->head = atomic_load(&h->head.position);
        uint32_t used = tail - ch->head;
        if (used > ch->capacity || ((tail | ch->head) & 7) != 0)
            return EBADMSG;
        if (skip + total > ch->capacity - used)
            return EAGAIN;
    }
    if ((tail & 7) != 0)
        return EBADMSG;
    if (skip > 0) {
        struct ipc_channel_frame filler = { skip - (uint32_t) sizeof(filler), 1 };
        memcpy(ch->ring + at, &filler, sizeof(filler));
        at = 0;
    }
    struct ipc_channel_frame frame = { length, 0 };
    memcpy(ch->ring + at, &frame, sizeof(frame));
    memcpy(ch->ring + at + sizeof(frame), data, length);
    atomic_store(&h->tail.position, tail + skip + total);
    ipc_channel_count(&h->tail);
    return 0;
}

/* Reads a message: its length, or -EAGAIN, -EMSGSIZE, -EBADMSG. */
static inline long ipc_channel_take(ipc_channel *ch, void *data, size_t room, int alone)
{
    struct ipc_channel_header *h = ch->header;
    struct ipc_channel_frame frame;
    uint32_t head = atomic_load_explicit(&h->head.position, memory_order_relaxed);
    if (!alone || head == ch->tail) {
        ch->tail = atomic_load(&h->tail.position);
        if (head == ch->tail)
            return -EAGAIN;
    }
    uint32_t used = ch->tail - head, at = head & ch->mask, skip = 0;
    if (used > ch->capacity || ((used | head) & 7) != 0)
        return -EBADMSG;
    memcpy(&frame, ch->ring + at, sizeof(frame));
    if (frame.filler == 1) {
        skip = ch->capacity - at;
        at = 0;
        memcpy(&frame, ch->ring, sizeof(frame));
    }
    uint32_t total = sizeof(frame) + ((frame.length + 7) & ~7u);
    if (frame.length > ipc_channel_longest(ch) || frame.filler != 0 || skip + total > used || at + total > ch->capacity)
        return -EBADMSG;
    if (frame.length > room)
        return -EMSGSIZE;
    memcpy(data, ch->ring + at + sizeof(frame), frame.length);
    atomic_store(&h->head.position, head + skip + total);
    ipc_channel_count(&h->head);
    return frame.length;
}

static inline int ipc_channel_lock(pthread_mutex_t *lock)
{
    int result = pthread_mutex_lock(lock);
    if (result == EOWNERDEAD)
        result = pthread_mutex_consistent(lock);
    return result;
}

static inline void ipc_channel_wake(_Atomic uint32_t *sleep, _Atomic uint32_t *position)
{
    uint32_t asleep;
    do {
        asleep = atomic_load(sleep);
        if (asleep == 0 || asleep == (atomic_load(position) | 1))
            return;
    } while (!atomic_compare_exchange_strong(sleep, &asleep, 0));
    ipc_channel_futex_wake(position);
}

/* Waits for a position to move; ETIMEDOUT if there is no time left. */
static inline int ipc_channel_wait(ipc_channel *ch, _Atomic uint32_t *position, uint32_t seen, _Atomic uint32_t *sleep,
                                   int64_t until)
{
    for (uint32_t i = 0; i < ch->spin; i++)
        if (atomic_load(position) != seen)
            return 0;
    int64_t left = IPC_CHANNEL_TICK;
    if (until >= 0) {
        left = until - ipc_channel_now();
        if (left <= 0)
            return ETIMEDOUT;
        if (left > IPC_CHANNEL_TICK)
            left = IPC_CHANNEL_TICK;
    }
    struct timespec time = { 0, left * 1000000 };
    uint32_t before = atomic_exchange(sleep, seen | 1);
    if (before != 0 && before != (seen | 1))
        ipc_channel_futex_wake(position); /* another one sleeps, and would not be seen any more */
    syscall(SYS_futex, position, FUTEX_WAIT, seen, &time, NULL, 0);
    return 0;
}

/* ---- sending and receiving ---- */

/** Sends a message if there is room for it: 0, EAGAIN, or as ipc_channel_send. */
static inline int ipc_channel_try_send(ipc_channel *ch, const void *data, size_t length)
{
    struct ipc_channel_header *h = ch->header;
    int result;
    if (length > ipc_channel_longest(ch))
        return EMSGSIZE;
    if (h->size != 0 && length != h->size)
        return EINVAL;
    if (ch->place[0] < 0 && (result = ipc_channel_join(ch, 0)) != 0)
        return result;
    if (h->many & IPC_CHANNEL_WRITER) {
        if ((result = ipc_channel_lock(&h->writers_lock)) != 0)
            return result;
        result = ipc_channel_put(ch, data, (uint32_t) length);
        pthread_mutex_unlock(&h->writers_lock);
    } else {
        result = ipc_channel_put(ch, data, (uint32_t) length);
    }
    if (result == 0)
        ipc_channel_wake(&h->readers_sleep, &h->tail.position);
    return result;
}

/**
 * Sends a message. Waits while there is no room, for so many milliseconds; -1: as long as it takes.
 *
 * Gives 0; EMSGSIZE more than ipc_channel_longest(); EINVAL not the size that all messages have; EBUSY another process is the only
 * writer; ENOSPC too many are; ETIMEDOUT; EPIPE all readers have gone; EOWNERDEAD one was killed, told once; EBADMSG the
 * ring is damaged.
 */
static inline int ipc_channel_send(ipc_channel *ch, const void *data, size_t length, int timeout)
{
    struct ipc_channel_header *h = ch->header;
    int64_t until = timeout < 0 ? -1 : ipc_channel_now() + timeout;
    for (;;) {
        uint32_t seen = atomic_load(&h->head.position);
        int result = ipc_channel_try_send(ch, data, length);
        if (result != EAGAIN)
            return result;
        if (ipc_channel_look(ch, 1, 0) != 0) {
            /* they may have made room before they went */
            if ((result = ipc_channel_try_send(ch, data, length)) != EAGAIN)
                return result;
            long found = ipc_channel_look(ch, 1, 1);
            if (found != 0)
                return found == IPC_CHANNEL_END ? EPIPE : EOWNERDEAD;
        }
        if ((result = ipc_channel_wait(ch, &h->head.position, seen, &h->writers_sleep, until)) != 0)
            return result;
    }
}

/** Receives a message if there is one: its length, -EAGAIN, or as ipc_channel_receive. */
static inline long ipc_channel_try_receive(ipc_channel *ch, void *data, size_t room)
{
    struct ipc_channel_header *h = ch->header;
    long result;
    if (ch->place[1] < 0 && (result = ipc_channel_join(ch, 1)) != 0)
        return -result;
    if (h->many & IPC_CHANNEL_READER) {
        if ((result = ipc_channel_lock(&h->readers_lock)) != 0)
            return -result;
        result = ipc_channel_take(ch, data, room, 0);
        pthread_mutex_unlock(&h->readers_lock);
    } else {
        result = ipc_channel_take(ch, data, room, 1);
    }
    if (result >= 0)
        ipc_channel_wake(&h->writers_sleep, &h->head.position);
    return result;
}

/**
 * Receives the oldest message. Waits until there is one, for so many milliseconds; -1: as long as it takes.
 *
 * Gives how many bytes it has; IPC_CHANNEL_END all writers have gone; -EMSGSIZE it is longer than `room`, and stays; -EBUSY
 * another process is the only reader; -ENOSPC too many are; -ETIMEDOUT; -EOWNERDEAD a writer was killed, told once;
 * -EBADMSG the ring is damaged.
 */
static inline long ipc_channel_receive(ipc_channel *ch, void *data, size_t room, int timeout)
{
    struct ipc_channel_header *h = ch->header;
    int64_t until = timeout < 0 ? -1 : ipc_channel_now() + timeout;
    for (;;) {
        uint32_t seen = atomic_load(&h->tail.position);
        long result = ipc_channel_try_receive(ch, data, room);
        if (result != -EAGAIN)
            return result;
        if (ipc_channel_look(ch, 0, 0) != 0) {
            /* they may have sent something before they went */
            if ((result = ipc_channel_try_receive(ch, data, room)) != -EAGAIN)
                return result;
            long found = ipc_channel_look(ch, 0, 1);
            if (found != 0)
                return found == IPC_CHANNEL_END ? IPC_CHANNEL_END : -EOWNERDEAD;
        }
        int waited = ipc_channel_wait(ch, &h->tail.position, seen, &h->readers_sleep, until);
        if (waited != 0)
            return -waited;
    }
}

#endif
