/* Takes a message from the queue, waiting for one if need be, and prints it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/types.h>

#define MSGSZ 128

struct message {
    long mtype;
    char mtext[MSGSZ];
};

int main(void)
{
    int msqid;
    key_t key = 1234;
    struct message rbuf;

    if ((msqid = msgget(key, 0666)) < 0) {
        perror("msgget");
        exit(1);
    }
    if (msgrcv(msqid, &rbuf, MSGSZ, 1, 0) < 0) {
        perror("msgrcv");
        exit(1);
    }
    printf("%s\n", rbuf.mtext);
    exit(0);
}
