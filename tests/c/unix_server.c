/* Takes one connection at a path, prints the message that comes through it, and answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

static void error(const char *msg)
{
    perror(msg);
    exit(1);
}

int main(int argc, char *argv[])
{
    int sockfd, newsockfd, n;
    socklen_t servlen, clilen;
    struct sockaddr_un serv_addr, cli_addr;
    char buf[80];

    setbuf(stdout, NULL); /* stdio and write() in one order, also into a pipe */
    if (argc < 2) {
        fprintf(stderr, "ERROR, no path provided\n");
        exit(1);
    }
    if ((sockfd = socket(AF_UNIX, SOCK_STREAM, 0)) < 0)
        error("creating socket");
    memset(&serv_addr, 0, sizeof(serv_addr));
    serv_addr.sun_family = AF_UNIX;
    strncpy(serv_addr.sun_path, argv[1], sizeof(serv_addr.sun_path) - 1);
    servlen = strlen(serv_addr.sun_path) + sizeof(serv_addr.sun_family);
    if (bind(sockfd, (struct sockaddr *) &serv_addr, servlen) < 0)
        error("binding socket");
    listen(sockfd, 5);
    clilen = sizeof(cli_addr);
    newsockfd = accept(sockfd, (struct sockaddr *) &cli_addr, &clilen);
    if (newsockfd < 0)
        error("accepting");
    n = read(newsockfd, buf, 80);
    printf("A connection has been established\n");
    if (write(1, buf, n) < 0 || write(newsockfd, "I got your message\n", 19) < 0)
        error("write");
    close(newsockfd);
    close(sockfd);
    return 0;
}
