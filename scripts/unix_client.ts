#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "Socket address domains", unix: the address is a path, and only processes of this machine can connect.
 *
 * In one terminal:    deno run --allow-ffi scripts/unix_server.ts /tmp/greeting
 * then in another:    deno run --allow-ffi scripts/unix_client.ts /tmp/greeting
 */
import { fgets, fprintf, perror, printf, stderr, stdin, stdout } from "../mod.ts"; // <stdio.h>
import { exit } from "../mod.ts"; // <stdlib.h>
import { strlen } from "../mod.ts"; // <string.h>
import { AF_UNIX, connect, SOCK_STREAM, socket } from "../mod.ts"; // <sys/socket.h>
import { sockaddr_un } from "../mod.ts"; // <sys/un.h>
import { close, read, write } from "../mod.ts"; // <unistd.h>

function error(msg: string, cause: unknown): never {
  perror(msg, cause);
  exit(1);
}

let sockfd: number, n: number;
const buffer = new Uint8Array(82);
const serv_addr = new sockaddr_un();

if (Deno.args.length < 1) {
  fprintf(stderr, "ERROR, no path provided\n");
  exit(1);
}
try {
  sockfd = socket(AF_UNIX, SOCK_STREAM, 0);
} catch (e) {
  error("Creating socket", e);
}
try {
  serv_addr.sun_family = AF_UNIX;
  serv_addr.sun_path = Deno.args[0];
  connect(sockfd, serv_addr);
} catch (e) {
  error("Connecting", e);
}
printf("Please enter your message: ");
fgets(buffer, 80, stdin);
try {
  write(sockfd, buffer, strlen(buffer));
  n = read(sockfd, buffer, 80);
} catch (e) {
  error("talking to the server", e);
}
printf("The return message was\n");
write(stdout, buffer, n);
close(sockfd);
