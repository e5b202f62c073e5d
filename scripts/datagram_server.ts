#!/usr/bin/env -S deno run --allow-ffi
/**
 * Slide "Socket types", datagram: receives whole messages from anybody, without a connection, and answers each.
 *
 * In one terminal:    deno run --allow-ffi scripts/datagram_server.ts 5556
 * then in another:    deno run --allow-ffi scripts/datagram_client.ts localhost 5556
 */
import { htons, INADDR_ANY, sockaddr_in } from "../mod.ts"; // <netinet/in.h>
import { fprintf, perror, stderr, stdout } from "../mod.ts"; // <stdio.h>
import { atoi, exit } from "../mod.ts"; // <stdlib.h>
import { AF_INET, bind, recvfrom, sendto, SOCK_DGRAM, socket } from "../mod.ts"; // <sys/socket.h>
import { write } from "../mod.ts"; // <unistd.h>

function error(msg: string, cause: unknown): never {
  perror(msg, cause);
  exit(1);
}

let sock: number, n: number;
const buf = new Uint8Array(1024);
const server = new sockaddr_in(), from = new sockaddr_in();

// Not on the slide: 0 is no port either, and it is what atoi() makes of "abc"; bind() would take any that is free.
if (Deno.args.length < 1 || atoi(Deno.args[0]) === 0) {
  fprintf(stderr, "ERROR, no port provided\n");
  exit(1);
}
try {
  sock = socket(AF_INET, SOCK_DGRAM, 0);
} catch (e) {
  error("Opening socket", e);
}
try {
  server.sin_family = AF_INET;
  server.sin_addr.s_addr = INADDR_ANY;
  server.sin_port = htons(atoi(Deno.args[0]));
  bind(sock, server);
} catch (e) {
  error("binding", e);
}
while (true) {
  try {
    n = recvfrom(sock, buf, 1024, 0, from);
  } catch (e) {
    error("recvfrom", e);
  }
  write(stdout, "Received a datagram: ", 21);
  write(stdout, buf, n);
  try {
    sendto(sock, "Got your message\n", 17, 0, from);
  } catch (e) {
    error("sendto", e);
  }
}
