/* Sends a line from standard input as a datagram, and prints the answer. */
#include <netdb.h>
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
    socklen_t length;
    struct sockaddr_in server, from;
    struct hostent *hp;
    char buffer[256];

    setbuf(stdout, NULL); /* stdio and write() in one order, also into a pipe */
    if (argc != 3) {
        printf("Usage: server port\n");
        exit(1);
    }
    sock = socket(AF_INET, SOCK_DGRAM, 0);
    if (sock < 0)
        error("socket");
    memset(&server, 0, sizeof(server));
    server.sin_family = AF_INET;
    hp = gethostbyname(argv[1]);
    if (hp == NULL)
        error("Unknown host");
    memcpy(&server.sin_addr, hp->h_addr_list[0], hp->h_length);
    server.sin_port = htons(atoi(argv[2]));
    printf("Please enter the message: ");
    memset(buffer, 0, sizeof(buffer));
    fgets(buffer, 255, stdin);
    n = sendto(sock, buffer, strlen(buffer), 0, (struct sockaddr *) &server, sizeof(server));
    if (n < 0)
        error("Sendto");
    length = sizeof(from);
    n = recvfrom(sock, buffer, 256, 0, (struct sockaddr *) &from, &length);
    if (n < 0)
        error("recvfrom");
    if (write(1, "Got an ack: ", 12) < 0 || write(1, buffer, n) < 0)
        error("write");
    close(sock);
    return 0;
}
