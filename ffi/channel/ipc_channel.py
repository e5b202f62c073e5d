#!/usr/bin/env python3
"""Reads channels between processes: messages through a ring in shared memory, layout version 1.

The bytes and the rules are described in ipc_channel.h. This takes part as the only reader, so not in channels that may have
many; it needs nothing but Python's own modules.

    from ipc_channel import Reader

    with Reader("/readings") as reader:     # the name of a POSIX shared memory object, or an mmap
        for message in reader:              # bytes, until all writers have gone
            print(message)

    python3 ipc_channel.py /readings        # prints messages, one a line
"""
import ctypes
import errno
import mmap
import os
import struct
import sys
import time

VERSION = 1
HEADER = 2560
WRITER, READER = 1 << 24, 1 << 25
READY, CHANGES, CAME, DIED, LAST = 24, 28, 32, 40, 48
TAIL, HEAD, WRITERS_SLEEP, PLACES = 64, 128, 256, 512
PLACE = 32  # bytes; the only writer has the first one, the only reader the second
TICK = 0.1  # seconds
FUTEX_WAKE, SYS_FUTEX = 1, {"x86_64": 202, "aarch64": 98}


class OwnerDied(OSError):
    """A writer was killed. It is told once; the reader may go on."""


class Damaged(OSError):
    """Somebody has written nonsense into the ring."""


def _started(pid):
    """When a process began, in ticks; -1 if it has ended, 0 where nobody tells."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        # a zombie's other threads may go on
        return -1 if fields[0] in (b"Z", b"X") and int(fields[17]) <= 1 else int(fields[19])
    except (FileNotFoundError, ProcessLookupError):
        # or it is hidden from this user
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return -1
        except OSError:
            pass
        return 0
    except OSError:
        return 0


def _space():
    """The pid namespace's number; 0 where nobody tells."""
    try:
        return int(os.readlink("/proc/self/ns/pid")[5:-1]) & 0xFFFFFFFF
    except OSError:
        return 0


class Reader:
    """The reader of a channel that has only one."""

    def __init__(self, where, offset=0):
        if isinstance(where, str):
            fd = os.open("/dev/shm" + where, os.O_RDWR | os.O_CLOEXEC)
            try:
                self._memory = mmap.mmap(fd, 0)
            finally:
                os.close(fd)
            self._own = True
        else:
            self._memory = where
            self._own = False
        self._view = memoryview(self._memory)[offset:]
        self._words = self._view[: HEADER].cast("I")
        magic, version, self.capacity, many = struct.unpack_from("=8sIII", self._view)
        if self._word(READY) != 1:
            raise BlockingIOError(errno.EAGAIN, "no channel yet")
        if magic != b"ipcring\0" or version != VERSION or self.capacity > len(self._view) - HEADER:
            raise ValueError("no channel, or one of another version")
        if many & READER:
            raise ValueError("a channel with many readers wants a lock, which this does not have")
        self._writers = range(2, 64) if many & WRITER else range(1)
        self._died = self._word(DIED)
        self._looked = 0.0
        # an exchange has to be one instruction, which Python does not have; libc's futex call is all that is needed to wake
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._start = (ctypes.c_char * HEADER).from_buffer(self._memory, offset)
        self._join()

    def _word(self, at):
        return self._words[at // 4]

    def _put(self, at, value):
        self._words[at // 4] = value & 0xFFFFFFFF

    def _join(self):
        at = PLACES + PLACE
        who = self._word(at)
        if who:
            start = self._word(at + 4) | self._word(at + 8) << 32
            found = _started(who & WRITER - 1)
            if self._word(at + 12) != _space() or found >= 0 and (found == start or not found):
                raise OSError(errno.EBUSY, f"process {who & WRITER - 1} is the channel's only reader")
        pid = os.getpid()
        start = max(0, _started(pid))
        self._put(at, pid)
        self._put(at + 4, start)
        self._put(at + 8, start >> 32)
        self._put(at + 12, _space())
        self._put(at, pid | READER)
        self._put(CAME + 4, self._word(CAME + 4) + 1)
        self._put(CHANGES, self._word(CHANGES) + 1)

    def _wake(self):
        number = SYS_FUTEX.get(os.uname().machine)
        if number is not None:
            address = ctypes.addressof(self._start) + HEAD
            self._libc.syscall(number, ctypes.c_void_p(address), FUTEX_WAKE, 0x7FFFFFFF, None, None, 0)

    def try_receive(self):
        """The oldest message, or None."""
        head, tail = self._word(HEAD), self._word(TAIL)
        if head == tail:
            return None
        used = tail - head & 0xFFFFFFFF
        at, skip = head % self.capacity, 0
        if used > self.capacity or (used | head) & 7:
            raise Damaged(errno.EBADMSG, f"{used} bytes are in the ring of {self.capacity}")
        length, filler = struct.unpack_from("=II", self._view, HEADER + at)
        if filler == 1:
            skip, at = self.capacity - at, 0
            length, filler = struct.unpack_from("=II", self._view, HEADER)
        total = 8 + (length + 7 & ~7)
        if length > self.capacity // 2 - 8 or filler or skip + total > used or at + total > self.capacity:
            raise Damaged(errno.EBADMSG, f"a message of {length} bytes in the ring of {self.capacity}")
        message = bytes(self._view[HEADER + at + 8 : HEADER + at + 8 + length])
        self._put(HEAD, head + skip + total)
        low = self._word(HEAD + 8) + 1 & 0xFFFFFFFF
        self._put(HEAD + 8, low)
        if not low:
            self._put(HEAD + 12, self._word(HEAD + 12) + 1)
        if self._word(WRITERS_SLEEP) not in (0, self._word(HEAD) | 1):
            self._wake()
        return message

    def _look(self):
        """What there is to tell of the writers: "died", "gone" or None."""
        now = time.monotonic()
        if now - self._looked >= TICK:
            self._looked = now
            for i in self._writers:
                at = PLACES + PLACE * i
                who = self._word(at)
                start = self._word(at + 4) | self._word(at + 8) << 32
                if not who & WRITER or self._word(at + 12) != _space():
                    continue
                found = _started(who & WRITER - 1)
                if found < 0 or start and found and found != start:
                    self._put(at, 0)
                    self._put(LAST, who & WRITER - 1)
                    self._put(DIED, self._word(DIED) + 1)
                    self._put(CHANGES, self._word(CHANGES) + 1)
        if self._word(DIED) != self._died:
            return "died"
        left = any(self._word(PLACES + PLACE * i) & WRITER for i in self._writers)
        return "gone" if self._word(CAME) and not left else None

    def receive(self, timeout=None):
        """The oldest message; None if all writers have gone. Waits for it, for so many seconds, by looking again and again."""
        end = None if timeout is None else time.monotonic() + timeout
        pause = 0.0
        while True:
            message = self.try_receive()
            if message is not None:
                return message
            found = self._look()
            if found:
                message = self.try_receive()  # they may have sent something before they went
                if message is not None:
                    return message
                if found == "gone":
                    return None
                self._died = self._word(DIED)
                raise OwnerDied(errno.EOWNERDEAD, f"the writer, process {self._word(LAST)}, has ended without closing")
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(errno.ETIMEDOUT, "no message")
            time.sleep(pause)
            pause = min(pause + 0.0001, 0.005)

    def __iter__(self):
        while (message := self.receive()) is not None:
            yield message

    def close(self):
        """Takes part no longer."""
        if self._view is None:
            return
        at = PLACES + PLACE
        if self._word(at) == os.getpid() | READER:
            self._put(at, 0)
            self._put(CHANGES, self._word(CHANGES) + 1)
            self._wake()
        self._words.release()
        self._view.release()
        self._view = None
        del self._start
        if self._own:
            self._memory.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: ipc_channel.py /NAME")
    with Reader(sys.argv[1]) as messages:
        for text in messages:
            sys.stdout.buffer.write(text + b"\n")
            sys.stdout.buffer.flush()
