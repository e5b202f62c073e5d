#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "Connection steps on the client side": socket, connect, write and read.
 *
 * In one terminal:    deno run --allow-ffi scripts/socket_server.ts 5555
 * then in another:    deno run --allow-ffi scripts/socket_client.ts localhost 5555
 */
import { type addrinfo, getaddrinfo } from "../mod.ts"; // <netdb.h>
import { htons, type sockaddr_in } from "../mod.ts"; // <netinet/in.h>
import { fgets, fprintf, perror, printf, stderr, stdin } from "../mod.ts"; // <stdio.h>
import { atoi, exit } from "../mod.ts"; // <stdlib.h>
import { strlen } from "../mod.ts"; // <string.h>
import { AF_INET, connect, SOCK_STREAM, socket } from "../mod.ts"; // <sys/socket.h>
import { close, read, write } from "../mod.ts"; // <unistd.h>
import { LibcError } from "../mod.ts"; // not in C

function error(msg: string, cause: unknown): never {
  perror(msg, cause);
  exit(1);
}

let sockfd: number, server: addrinfo[];
const buffer = new Uint8Array(256);

if (Deno.args.length < 2) {
  fprintf(stderr, "usage socket_client.ts hostname port\n");
  exit(1);
}

// 1. Create a socket with the socket() system call.
try {
  sockfd = socket(AF_INET, SOCK_STREAM, 0);
} catch (e) {
  error("ERROR opening socket", e);
}

try { // gethostbyname() on the slide, which is obsolete
  server = getaddrinfo(Deno.args[0], null, { ai_family: AF_INET, ai_socktype: SOCK_STREAM });
} catch (e) {
  if (!(e instanceof LibcError)) throw e;
  fprintf(stderr, "ERROR, no such host\n");
  exit(1);
}

// 2. Connect the socket to the address of the server using the connect() system call.
try {
  const serv_addr = server[0].ai_addr as sockaddr_in;
  serv_addr.sin_port = htons(atoi(Deno.args[1]));
  connect(sockfd, serv_addr);
} catch (e) {
  error("ERROR connecting", e);
}

// 3. Send and receive data.
printf("Please enter the message: ");
fgets(buffer, 255, stdin);
try {
  write(sockfd, buffer, strlen(buffer));
} catch (e) {
  error("ERROR writing to socket", e);
}
buffer.fill(0);
try {
  read(sockfd, buffer, 255);
} catch (e) {
  error("ERROR reading from socket", e);
}
printf("%s\n", buffer);

close(sockfd);
