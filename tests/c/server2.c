/* Gives each connection a process of its own; nobody waits for those, so each leaves a zombie. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
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

int main(int argc, char *argv[])
{
    int sockfd, newsockfd;
    pid_t pid;
    socklen_t clilen;
    struct sockaddr_in serv_addr, cli_addr;

    if (argc < 2) {
        fprintf(stderr, "ERROR, no port provided\n");
        exit(1);
    }
    sockfd = socket(AF_INET, SOCK_STREAM, 0);
    if (sockfd < 0)
        error("ERROR opening socket");
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
    } /* end of while */
}
