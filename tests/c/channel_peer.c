/*
 * A peer of a channel: channel_peer /name send FROM TO SIZE | receive | echo /other | create CAPACITY MANY
 *
 * What is sent is a number, and as many bytes that follow from it as SIZE says, in turn from 4 bytes on. What is received is
 * printed as number, sender and length; a wrong byte ends it with 3.
 */
#define _GNU_SOURCE
#include "../../ffi/channel/ipc_channel.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static ipc_channel open_by_name(const char *name)
{
    ipc_channel ch;
    struct stat st;
    int fd = shm_open(name, O_RDWR, 0);
    if (fd < 0 || fstat(fd, &st) < 0) {
        perror(name);
        exit(1);
    }
    void *at = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    int result = at == MAP_FAILED ? errno : ipc_channel_open(&ch, at, st.st_size);
    if (result != 0) {
        fprintf(stderr, "ipc_channel_open: %s\n", strerror(result));
        exit(1);
    }
    return ch;
}

static uint32_t fill(unsigned char *data, uint32_t sender, uint32_t number, uint32_t size)
{
    uint32_t length = size < 8 ? 8 : 8 + number % (size - 7);
    memcpy(data, &sender, 4);
    memcpy(data + 4, &number, 4);
    for (uint32_t i = 8; i < length; i++)
        data[i] = (unsigned char) (number + i);
    return length;
}

static int report(long result)
{
    if (result == IPC_CHANNEL_END)
        return puts("end"), 0;
    fprintf(stdout, "%s\n", strerror((int) (result < 0 ? -result : result)));
    fflush(stdout);
    return result == -EOWNERDEAD || result == EOWNERDEAD ? 0 : 2;
}

int main(int argc, char *argv[])
{
    static unsigned char data[1 << 20];
    if (argc < 3)
        return 2;
    if (!strcmp(argv[2], "create") && argc == 5) {
        ipc_channel ch;
        uint32_t capacity = (uint32_t) atoi(argv[3]);
        int fd = shm_open(argv[1], O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd < 0 || ftruncate(fd, (off_t) ipc_channel_size(capacity)) < 0)
            return 1;
        void *at = mmap(NULL, ipc_channel_size(capacity), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        return ipc_channel_create(&ch, at, capacity, (uint32_t) atoi(argv[4]), 0);
    }
    ipc_channel ch = open_by_name(argv[1]);
    if (!strcmp(argv[2], "send") && argc == 7) {
        uint32_t sender = (uint32_t) atoi(argv[3]), from = (uint32_t) atoi(argv[4]), to = (uint32_t) atoi(argv[5]);
        for (uint32_t number = from; number < to; number++) {
            int result = ipc_channel_send(&ch, data, fill(data, sender, number, (uint32_t) atoi(argv[6])), -1);
            if (result != 0)
                return report(result);
        }
    } else if (!strcmp(argv[2], "receive")) {
        static unsigned char wanted[1 << 20];
        for (;;) {
            long n = ipc_channel_receive(&ch, data, sizeof(data), -1);
            if (n < 0) {
                int code = report(n);
                if (n == IPC_CHANNEL_END || code != 0)
                    break;
                continue;
            }
            uint32_t sender, number;
            memcpy(&sender, data, 4);
            memcpy(&number, data + 4, 4);
            memcpy(wanted, data, 8);
            for (long i = 8; i < n; i++)
                wanted[i] = (unsigned char) (number + i);
            if (memcmp(data, wanted, (size_t) n) != 0)
                return 3;
            printf("%u %u %ld\n", sender, number, n);
            fflush(stdout);
        }
    } else if (!strcmp(argv[2], "echo") && argc == 4) {
        ipc_channel back = open_by_name(argv[3]);
        for (long n; (n = ipc_channel_receive(&ch, data, sizeof(data), -1)) >= 0;)
            if (ipc_channel_send(&back, data, (size_t) n, -1) != 0)
                return 1;
        ipc_channel_close(&back);
    } else {
        return 2;
    }
    ipc_channel_close(&ch);
    return 0;
}
