"""The exchange of scripts/socket_server_sigchld.ts by Python's socketserver."""
import socketserver
import sys


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        print("Here is the message:", self.request.recv(255).decode(), flush=True)
        self.request.sendall(b"I got your message")


class Server(socketserver.ForkingTCPServer):
    allow_reuse_address = True


with Server(("", int(sys.argv[1])), Handler) as server:
    server.serve_forever()
