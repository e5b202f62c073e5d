#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "Socket types", datagram: sends one whole message and waits for the answer.
 *
 * In one terminal:    deno run --allow-ffi scripts/datagram_server.ts 5556
 * then in another:    deno run --allow-ffi scripts/datagram_client.ts localhost 5556
 */
import { type addrinfo, getaddrinfo } from "../mod.ts"; // <netdb.h>
import { htons, sockaddr_in } from "../mod.ts"; // <netinet/in.h>
import { fgets, perror, printf, stdin, stdout } from "../mod.ts"; // <stdio.h>
import { atoi, exit } from "../mod.ts"; // <stdlib.h>
import { strlen } from "../mod.ts"; // <string.h>
import { AF_INET, recvfrom, sendto, SOCK_DGRAM, socket } from "../mod.ts"; // <sys/socket.h>
import { close, write } from "../mod.ts"; // <unistd.h>

function error(msg: string, cause: unknown): never {
  perror(msg, cause);
  exit(1);
}

let sock: number, hp: addrinfo[], n: number;
const buffer = new Uint8Array(256);
const from = new sockaddr_in();

if (Deno.args.length !== 2) {
  printf("Usage: server port\n");
  exit(1);
}
try {
  sock = socket(AF_INET, SOCK_DGRAM, 0);
} catch (e) {
  error("socket", e);
}
try { // gethostbyname() on the slide, which is obsolete
  hp = getaddrinfo(Deno.args[0], null, { ai_family: AF_INET, ai_socktype: SOCK_DGRAM });
} catch (e) {
  error("Unknown host", e);
}
const server = hp[0].ai_addr as sockaddr_in;
try {
  server.sin_port = htons(atoi(Deno.args[1]));
} catch (e) { // Not on the slide: a port beyond 65535, which C would cut off
  error("port", e);
}
printf("Please enter the message: ");
fgets(buffer, 255, stdin);
try {
  sendto(sock, buffer, strlen(buffer), 0, server);
} catch (e) {
  error("Sendto", e);
}
try {
  n = recvfrom(sock, buffer, 256, 0, from);
} catch (e) {
  error("recvfrom", e);
}
write(stdout, "Got an ack: ", 12);
write(stdout, buffer, n);
close(sock);
