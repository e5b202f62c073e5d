/* The parent is told by SIGCHLD that its child has ended, and reaps it in the handler. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static void proc_exit(int sig)
{
    int wstat;
    pid_t pid;

    (void) sig;
    while (1) {
        pid = wait3(&wstat, WNOHANG, (struct rusage *) NULL);
        if (pid == 0)
            return;
        else if (pid == -1)
            return;
        else
            printf("Return code: %d\n", WEXITSTATUS(wstat)); /* wstat.w_retcode in SunOS */
    }
}

int main(void)
{
    signal(SIGCHLD, proc_exit);
    switch (fork()) {
    case -1:
        perror("main: fork");
        exit(0);
    case 0:
        printf("I'm alive (temporarily)\n");
        exit(rand());
    default:
        pause();
    }
    return 0;
}
