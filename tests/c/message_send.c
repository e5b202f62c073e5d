/* Makes a queue and leaves a message in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    int msgflg = IPC_CREAT | 0666;
    key_t key = 1234;
    struct message sbuf;
    size_t buf_length;

    fprintf(stderr, "\nmsgget: Calling msgget(%#lx,%#o)\n", (long) key, msgflg);
    if ((msqid = msgget(key, msgflg)) < 0) {
        perror("msgget");
        exit(1);
    }
    fprintf(stderr, "msgget: msgget succeeded: msqid = %d\n", msqid);

    sbuf.mtype = 1;
    strcpy(sbuf.mtext, "Did you get this?");
    buf_length = strlen(sbuf.mtext) + 1;

    if (msgsnd(msqid, &sbuf, buf_length, IPC_NOWAIT) < 0) {
        printf("%d, %ld, %s, %zu\n", msqid, sbuf.mtype, sbuf.mtext, buf_length);
        perror("msgsnd");
        exit(1);
    }
    printf("Message: \"%s\" Sent\n", sbuf.mtext);
    exit(0);
}
