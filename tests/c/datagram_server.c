/* Receives datagrams from anybody and answers each. */
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

int main(int argc, char *argv[])
{
    int sock, n;
    socklen_t fromlen;
    struct sockaddr_in server, from;
    char buf[1024];

    if (argc < 2) {
        fprintf(stderr, "ERROR, no port provided\n");
        exit(1);
    }
    sock = socket(AF_INET, SOCK_DGRAM, 0);
    if (sock < 0)
        error("Opening socket");
    memset(&server, 0, sizeof(server));
    server.sin_family = AF_INET;
    server.sin_addr.s_addr = INADDR_ANY;
    server.sin_port = htons(atoi(argv[1]));
    if (bind(sock, (struct sockaddr *) &server, sizeof(server)) < 0)
        error("binding");
    while (1) {
        fromlen = sizeof(from);
        n = recvfrom(sock, buf, 1024, 0, (struct sockaddr *) &from, &fromlen);
        if (n < 0)
            error("recvfrom");
        if (write(1, "Received a datagram: ", 21) < 0 || write(1, buf, n) < 0)
            error("write");
        n = sendto(sock, "Got your message\n", 17, 0, (struct sockaddr *) &from, fromlen);
        if (n < 0)
            error("sendto");
    }
}
