#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "Socket address domains", unix: the address is a path, and only processes of this machine can connect.
 *
 * In one terminal:    deno run --allow-ffi scripts/unix_server.ts /tmp/greeting
 * then in another:    deno run --allow-ffi scripts/unix_client.ts /tmp/greeting
 * If the server was stopped before a client came, its path is in the way next time:    rm /tmp/greeting
 */
import { fprintf, perror, printf, stderr, stdout } from "../mod.ts"; // <stdio.h>
import { exit } from "../mod.ts"; // <stdlib.h>
import { accept, AF_UNIX, bind, listen, SOCK_STREAM, socket } from "../mod.ts"; // <sys/socket.h>
import { sockaddr_un } from "../mod.ts"; // <sys/un.h>
import { close, read, unlink, write } from "../mod.ts"; // <unistd.h>

function error(msg: string, cause: unknown): never {
  perror(msg, cause);
  exit(1);
}

let sockfd: number, newsockfd: number, n: number;
const buf = new Uint8Array(80);
const serv_addr = new sockaddr_un(), cli_addr = new sockaddr_un();

// Not on the slide: "" is no path either; bind() would take any name that is free.
if (Deno.args.length < 1 || Deno.args[0] === "") {
  fprintf(stderr, "ERROR, no path provided\n");
  exit(1);
}
try {
  sockfd = socket(AF_UNIX, SOCK_STREAM, 0);
} catch (e) {
  error("creating socket", e);
}
try {
  serv_addr.sun_family = AF_UNIX;
  serv_addr.sun_path = Deno.args[0];
  bind(sockfd, serv_addr);
} catch (e) {
  error("binding socket", e);
}
listen(sockfd, 5);
try {
  newsockfd = accept(sockfd, cli_addr);
} catch (e) {
  error("accepting", e);
}
// Not on the slide: the one connection is made, so nobody needs the path any more. It would be in the way next time.
unlink(Deno.args[0]);

try {
  n = read(newsockfd, buf, 80);
  printf("A connection has been established\n");
  write(stdout, buf, n);
  write(newsockfd, "I got your message\n", 19);
} catch (e) {
  error("talking to the client", e);
}
close(newsockfd);
close(sockfd);
