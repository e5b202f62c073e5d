"""The measured loops in Python, with its standard library.

Reads lines "job size n", and answers each with the nanoseconds that n turns took, or "-".
"""
import os
import signal
import socket
import struct
import sys
import time
from multiprocessing import shared_memory

LARGEST = 1 << 20
LINE = 64  # words: the two sides' counters don't share a cache line

signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of standard input ends it, so that nothing is left behind
cpu, partner_cpu = int(sys.argv[1]), int(sys.argv[2])
source = bytearray(b"x" * LARGEST)
segment = None
heap = []


def pin(to):
    if to >= 0:
        os.sched_setaffinity(0, {to})


def memory():
    global segment
    if segment is None:
        segment = shared_memory.SharedMemory(create=True, size=2 * LARGEST + 4096)
        segment.unlink()  # it goes with the last process
    return segment.buf


def getppid(size, n):
    for _ in range(n):
        os.getppid()


def copy_in(size, n):
    buf, data = memory(), memoryview(source)[:size]
    for _ in range(n):
        buf[:size] = data


def copy_out(size, n):
    buf, data = memory(), memoryview(source)[:size]
    for _ in range(n):
        data[:] = buf[:size]


def copy_new(size, n):
    buf = memory()
    for _ in range(n):
        bytes(buf[:size])


def fork(size, n):
    while len(heap) < size * 1024:
        heap.append(bytearray(950))
    for _ in range(n):
        if os.fork() == 0:
            os._exit(0)
        os.wait3(0)


class Volley:
    def __init__(self):
        # a view of C ints: an access is one load or store, and only one process runs in each interpreter
        self.words = memory()[2 * LARGEST:].cast("i")
        self.words[0] = self.words[LINE] = 0
        self.turn = 0

    def ping(self, size, n):
        words, turn = self.words, self.turn
        for _ in range(n):
            turn += 1
            words[0] = turn
            while words[LINE] != turn:
                pass
        self.turn = turn

    def pong(self, size, n):
        words, turn = self.words, self.turn
        for _ in range(n):
            turn += 1
            while words[0] != turn:
                pass
            words[LINE] = turn
        self.turn = turn


class Segment(Volley):
    def ping(self, size, n):
        words, turn, buf, data = self.words, self.turn, memory(), memoryview(source)[:size]
        for _ in range(n):
            turn += 1
            buf[:size] = data
            words[0] = turn
            while words[LINE] != turn:
                pass
            data[:] = buf[LARGEST:LARGEST + size]
        self.turn = turn

    def pong(self, size, n):
        words, turn, buf, data = self.words, self.turn, memory(), memoryview(source)[:size]
        for _ in range(n):
            turn += 1
            while words[0] != turn:
                pass
            data[:] = buf[:size]
            buf[LARGEST:LARGEST + size] = data
            words[LINE] = turn
        self.turn = turn


class Socket:
    def __init__(self):
        self.peer, self.end = socket.socketpair()

    def receive(self, size):
        view = memoryview(source)[:size]
        while len(view):
            view = view[self.peer.recv_into(view):]

    def ping(self, size, n):
        data = memoryview(source)[:size]
        for _ in range(n):
            self.peer.sendall(data)
            self.receive(size)

    def pong(self, size, n):
        data = memoryview(source)[:size]
        for _ in range(n):
            self.receive(size)
            self.peer.sendall(data)


jobs = {"getppid": getppid, "copy-in": copy_in, "copy-out": copy_out, "copy-new": copy_new, "fork": fork}
exchanges = {"volley": Volley, "segment": Segment, "socket": Socket}
last, exchange, control = None, None, None


def start_partner(name):
    global last, exchange, control
    if control is not None:
        os.close(control)  # which ends the one before
    last, exchange = name, exchanges[name]()
    orders, control = os.pipe()
    if os.fork() == 0:
        os.close(control)
        pin(partner_cpu)
        if isinstance(exchange, Socket):
            exchange.peer = exchange.end
        while len(order := os.read(orders, 16)) == 16:
            exchange.pong(*struct.unpack("qq", order))
        os._exit(0)
    os.close(orders)


pin(cpu)
for line in sys.stdin:
    job, size, n = line.split()
    size, n = int(size), int(n)
    if job in exchanges:
        if last != job:
            start_partner(job)
        os.write(control, struct.pack("qq", size, n + 1))
        exchange.ping(size, 1)
        start = time.perf_counter_ns()
        exchange.ping(size, n)
    elif job in jobs:
        jobs[job](size, 1)
        start = time.perf_counter_ns()
        jobs[job](size, n)
    else:
        print("-", flush=True)
        continue
    print(time.perf_counter_ns() - start, flush=True)
os._exit(0)  # a segment with views of it can't be closed, and would complain
