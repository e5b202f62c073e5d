#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "Connection steps on the server side (single connection)": socket, bind, listen, accept, read and write.
 *
 * In one terminal:    deno run --allow-ffi scripts/socket_server.ts 5555
 * then in another:    deno run --allow-ffi scripts/socket_client.ts localhost 5555
 */
import { htons, INADDR_ANY, sockaddr_in } from "../mod.ts"; // <netinet/in.h>
import { fprintf, perror, printf, stderr } from "../mod.ts"; // <stdio.h>
import { atoi, exit } from "../mod.ts"; // <stdlib.h>
import { AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET } from "../mod.ts"; // <sys/socket.h>
import { accept, bind, listen, setsockopt, socket } from "../mod.ts"; // <sys/socket.h>
import { close, read, write } from "../mod.ts"; // <unistd.h>

function error(msg: string, cause: unknown): never {
  perror(msg, cause);
  exit(1);
}

let sockfd: number, newsockfd: number;
const buffer = new Uint8Array(256);
const serv_addr = new sockaddr_in(), cli_addr = new sockaddr_in();

// Not on the slide: 0 is no port either, and it is what atoi() makes of "abc"; bind() would take any that is free.
if (Deno.args.length < 1 || atoi(Deno.args[0]) === 0) {
  fprintf(stderr, "ERROR, no port provided\n");
  exit(1);
}

// 1. Create a socket with the socket() system call.
try {
  sockfd = socket(AF_INET, SOCK_STREAM, 0);
} catch (e) {
  error("ERROR opening socket", e);
}
setsockopt(sockfd, SOL_SOCKET, SO_REUSEADDR, 1); // Not on the slide: lets it start again at once on the same port

// 2. Bind the socket to an address using the bind() system call.
try {
  serv_addr.sin_family = AF_INET;
  serv_addr.sin_addr.s_addr = INADDR_ANY;
  serv_addr.sin_port = htons(atoi(Deno.args[0]));
  bind(sockfd, serv_addr);
} catch (e) {
  error("ERROR on binding", e);
}

// 3. Listen for connections with the listen() system call.
listen(sockfd, 5);

// 4. Accept a connection with the accept() system call. It blocks until a client connects with the server.
try {
  newsockfd = accept(sockfd, cli_addr);
} catch (e) {
  error("ERROR on accept", e);
}

// 5. Send and receive data.
try {
  read(newsockfd, buffer, 255);
} catch (e) {
  error("ERROR reading from socket", e);
}
printf("Here is the message: %s\n", buffer);
try {
  write(newsockfd, "I got your message", 18);
} catch (e) {
  error("ERROR writing to socket", e);
}

close(newsockfd);
close(sockfd);
