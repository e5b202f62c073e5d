/* tests/c/server2.c with the handler of tests/c/sigchld.c: what scripts/socket_server_sigchld.ts is in C. */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static void error(const char *msg)
{
    perror(msg);
    exit(1);
}

static void dostuff(int sock)
{
    char buffer[256];

    memset(buffer, 0, sizeof(buffer));
    if (read(sock, buffer, 255) < 0)
        error("ERROR reading from socket");
    printf("Here is the message: %s\n", buffer);
    if (write(sock, "I got your message", 18) < 0)
        error("ERROR writing to socket");
}

static void proc_exit(int sig)
{
    int wstat;
    pid_t pid;

    (void) sig;
    while ((pid = wait3(&wstat, WNOHANG, (struct rusage *) NULL)) > 0)
        printf("Return code: %d\n", WEXITSTATUS(wstat));
}

int main(int argc, char *argv[])
{
    int sockfd, newsockfd, yes = 1;
    pid_t pid;
    socklen_t clilen;
    struct sockaddr_in serv_addr, cli_addr;

    if (argc < 2) {
        fprintf(stderr, "ERROR, no port provided\n");
        exit(1);
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* a line at once, as the script writes them; no child inherits half of one */
    signal(SIGCHLD, proc_exit);
    sockfd = socket(AF_INET, SOCK_STREAM, 0);
    if (sockfd < 0)
        error("ERROR opening socket");
    setsockopt(sockfd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    memset(&serv_addr, 0, sizeof(serv_addr));
    serv_addr.sin_family = AF_INET;
    serv_addr.sin_addr.s_addr = INADDR_ANY;
    serv_addr.sin_port = htons(atoi(argv[1]));
    if (bind(sockfd, (struct sockaddr *) &serv_addr, sizeof(serv_addr)) < 0)
        error("ERROR on binding");
    listen(sockfd, 5);
    clilen = sizeof(cli_addr);
    while (1) {
        newsockfd = accept(sockfd, (struct sockaddr *) &cli_addr, &clilen);
        if (newsockfd < 0 && errno == EINTR)
            continue;
        if (newsockfd < 0)
            error("ERROR on accept");
        pid = fork();
        if (pid < 0)
            error("ERROR on fork");
        if (pid == 0) {
            close(sockfd);
            dostuff(newsockfd);
            exit(0);
        } else
            close(newsockfd);
    }
}
