/*
 * Forks with the memory of another process: standard input first has its mappings, a line "map start end dirty" each
 * (hexadecimal addresses, and how many KiB of it have been written to), then a line "faults" with the count of
 * pages that its children fault in, and after that what bench.c reads. Each mapping is made anew, at the same address where that is free,
 * with as many pages written to; each child writes to so many of them that it has as many faults.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 14 };

static char *dirty[MOST][2]; /* where the written pages of a mapping start and end */
static int mappings;
static char *touched[1 << 16]; /* what a child writes to */
static long touches;
static long page;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void map(char *start, char *end, long pages)
{
    static int count;
    /* the kernel joins neighbours that are alike, so every other one differs */
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (count++ % 2 ? MAP_NORESERVE : 0);
    int prot = pages ? PROT_READ | PROT_WRITE : PROT_NONE;
    char *at = mmap(start, end - start, prot, flags | MAP_FIXED_NOREPLACE, -1, 0);

    if (at == MAP_FAILED)
        at = mmap(NULL, end - start, prot, flags, -1, 0);
    if (at == MAP_FAILED)
        die("mmap");
    for (long i = 0; i < pages; i++)
        at[i * page] = 1;
    if (pages && mappings < MOST) {
        dirty[mappings][0] = at;
        dirty[mappings++][1] = at + pages * page;
    }
}

/* One child; gives the faults that it had. */
static long child(void)
{
    int status;
    struct rusage used;
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        for (long i = 0; i < touches; i++)
            *touched[i] = 2;
        _exit(0);
    }
    if (wait3(&status, 0, &used) < 0)
        die("wait3");
    return used.ru_minflt;
}

/* Picks the pages to be written to, from all of the mappings in turn. */
static void touch(long pages)
{
    for (long nth = 0, found = 1; found && touches < pages; nth++) {
        found = 0;
        for (int i = 0; i < mappings && touches < pages; i++) {
            char *at = dirty[i][0] + nth * page;

            if (at >= dirty[i][1])
                continue;
            touched[touches++] = at;
            found = 1;
        }
    }
}

int main(void)
{
    unsigned long start, end;
    char job[32];
    long written, faults, n, own;
    struct timespec a, b;

    page = sysconf(_SC_PAGESIZE);
    while (scanf(" map %lx %lx %ld", &start, &end, &written) == 3)
        map((char *) start, (char *) end, written * 1024 / page);
    if (scanf("faults %ld", &faults) != 1 || faults >= 1 << 16)
        return 2;
    child();
    own = child(); /* those that any child has */
    touch(faults - own);
    while (scanf("%31s %*u %ld", job, &n) == 2) {
        if (!strcmp(job, "faults")) {
            printf("%ld\n", child());
            fflush(stdout);
            continue;
        }
        clock_gettime(CLOCK_MONOTONIC, &a);
        for (long i = 0; i < n; i++)
            child();
        clock_gettime(CLOCK_MONOTONIC, &b);
        printf("%ld\n", (b.tv_sec - a.tv_sec) * 1000000000L + (b.tv_nsec - a.tv_nsec));
        fflush(stdout);
    }
    return 0;
}
