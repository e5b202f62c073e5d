#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "server forking multiple handler processes": each connection gets a process of its own. As on the slide, nobody
 * waits for the handlers, so each leaves a zombie.
 *
 * In one terminal:    deno run --allow-ffi scripts/socket_server_fork.ts 5555
 * then in another, as often as you like:
 *                     deno run --allow-ffi scripts/socket_client.ts localhost 5555
 * Look at the zombies:    ps -e | grep defunct
 */
import { htons, INADDR_ANY, sockaddr_in } from "../mod.ts"; // <netinet/in.h>
import { fprintf, perror, printf, stderr } from "../mod.ts"; // <stdio.h>
import { atoi, exit } from "../mod.ts"; // <stdlib.h>
import { AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, SOMAXCONN } from "../mod.ts"; // <sys/socket.h>
import { accept, bind, listen, setsockopt, socket } from "../mod.ts"; // <sys/socket.h>
import { close, fork, read, write } from "../mod.ts"; // <unistd.h>
import { enableFork } from "../mod.ts"; // not in C

enableFork();

function error(msg: string, cause: unknown): never {
  perror(msg, cause);
  exit(1);
}

/** Handles one connection: the exchange of the single-connection server. */
function dostuff(sock: number): void {
  const buffer = new Uint8Array(256);
  try {
    read(sock, buffer, 255);
  } catch (e) {
    error("ERROR reading from socket", e);
  }
  printf("Here is the message: %s\n", buffer);
  try {
    write(sock, "I got your message", 18);
  } catch (e) {
    error("ERROR writing to socket", e);
  }
}

let sockfd: number, newsockfd: number, pid: number;
const serv_addr = new sockaddr_in(), cli_addr = new sockaddr_in();

// Not on the slide: 0 is no port either, and it is what atoi() makes of "abc"; bind() would take any that is free.
if (Deno.args.length < 1 || atoi(Deno.args[0]) === 0) {
  fprintf(stderr, "ERROR, no port provided\n");
  exit(1);
}
try {
  sockfd = socket(AF_INET, SOCK_STREAM, 0);
} catch (e) {
  error("ERROR opening socket", e);
}
setsockopt(sockfd, SOL_SOCKET, SO_REUSEADDR, 1); // Not on the slide: lets it start again at once on the same port
try {
  serv_addr.sin_family = AF_INET;
  serv_addr.sin_addr.s_addr = INADDR_ANY;
  serv_addr.sin_port = htons(atoi(Deno.args[0]));
  bind(sockfd, serv_addr);
} catch (e) {
  error("ERROR on binding", e);
}
// Not on the slide, which has 5: forking takes longer here, and clients that find the queue full have to try again.
listen(sockfd, SOMAXCONN);

while (true) {
  try {
    newsockfd = accept(sockfd, cli_addr);
  } catch (e) {
    error("ERROR on accept", e);
  }
  try {
    pid = fork();
  } catch (e) {
    error("ERROR on fork", e);
  }
  if (pid === 0) {
    close(sockfd);
    dostuff(newsockfd);
    exit(0);
  } else {
    close(newsockfd);
  }
} /* end of while */
