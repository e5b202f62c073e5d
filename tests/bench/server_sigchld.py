"""The server of scripts/socket_server_sigchld.ts in Python, with the slide's handler of SIGCHLD."""
import os
import signal
import socket
import sys


def proc_exit(sig, frame):
    while True:
        try:
            pid, status, _ = os.wait3(os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        print("Return code:", os.waitstatus_to_exitcode(status), flush=True)


def dostuff(connection):
    print("Here is the message:", connection.recv(255).decode(), flush=True)
    connection.sendall(b"I got your message")


signal.signal(signal.SIGCHLD, proc_exit)
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("", int(sys.argv[1])))
server.listen(socket.SOMAXCONN)
while True:
    connection, _ = server.accept()
    if os.fork() == 0:
        server.close()
        dostuff(connection)
        os._exit(0)
    connection.close()
