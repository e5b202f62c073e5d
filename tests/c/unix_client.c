/* Connects to a path, sends a line from standard input, and prints the answer. */
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
    int sockfd, n;
    socklen_t servlen;
    struct sockaddr_un serv_addr;
    char buffer[82];

    setbuf(stdout, NULL); /* stdio and write() in one order, also into a pipe */
    if (argc < 2) {
        fprintf(stderr, "ERROR, no path provided\n");
        exit(1);
    }
    memset(&serv_addr, 0, sizeof(serv_addr));
    serv_addr.sun_family = AF_UNIX;
    strncpy(serv_addr.sun_path, argv[1], sizeof(serv_addr.sun_path) - 1);
    servlen = strlen(serv_addr.sun_path) + sizeof(serv_addr.sun_family);
    if ((sockfd = socket(AF_UNIX, SOCK_STREAM, 0)) < 0)
        error("Creating socket");
    if (connect(sockfd, (struct sockaddr *) &serv_addr, servlen) < 0)
        error("Connecting");
    printf("Please enter your message: ");
    memset(buffer, 0, sizeof(buffer));
    fgets(buffer, 80, stdin);
    if (write(sockfd, buffer, strlen(buffer)) < 0)
        error("write");
    n = read(sockfd, buffer, 80);
    printf("The return message was\n");
    if (write(1, buffer, n) < 0)
        error("write");
    close(sockfd);
    return 0;
}
