# SPDX-License-Identifier: Apache-2.0
"""The services of streamd on the kernel's TCP, with which the differential test compares ours."""

import selectors
import socket
import threading

from grammar import CLOSE, DISCARD, ECHO, WAIT
from lab.wire import inside

BACKLOG = 4096
RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: on, no time


class Stream:
    """One connection: takes, and owes what it could not say yet."""

    def __init__(self, port, plug):
        self.port, self.plug = port, plug
        self.owed, self.line, self.saying, self.ended = b"", b"", True, False

    def take(self, data):
        if not data:
            self.ended = True
        elif self.port == ECHO:
            self.owed += data
        elif self.port in (CLOSE, WAIT) and self.saying:
            self.line += data
            self.answer()

    def answer(self):
        while b"\n" in self.line and (self.saying or not self.owed):
            word, _, self.line = self.line.partition(b"\n")
            self.owed += b"." * int(word.strip(b"\r") or b"0")
            self.saying = self.port == WAIT
        if self.saying and self.line and not self.line.strip(b"\r").isdigit():
            raise ValueError

    def say(self):
        """False: nothing is left to say or to hear."""
        while self.owed:
            try:
                self.owed = self.owed[self.plug.send(self.owed):]
            except BlockingIOError:
                return True
        if not self.saying and not self.ended:
            self.plug.shutdown(socket.SHUT_WR)
            self.port, self.saying = DISCARD, True
        return not self.ended


class KernelServices:
    """Serves at `address` in `namespace` from a thread of its own while it is entered."""

    def __init__(self, namespace, address):
        self.selector = selectors.DefaultSelector()
        self.streams = {}
        self.stopping = False
        with inside(namespace):
            for port in (ECHO, DISCARD, CLOSE, WAIT):
                plug = socket.create_server((address, port), backlog=BACKLOG)
                plug.setblocking(False)
                self.selector.register(plug, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _accept(self, listener):
        try:
            plug, _ = listener.accept()
        except OSError:
            return
        plug.setblocking(False)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        self.selector.register(plug, selectors.EVENT_READ,
                               Stream(plug.getsockname()[1], plug))

    def _go_on(self, stream):
        try:
            if not stream.owed:
                stream.take(stream.plug.recv(65536))
            lives = stream.say()
        except BlockingIOError:
            lives = True
        except OSError:
            lives = False
        except ValueError:
            stream.plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            lives = False
        if lives:
            self.selector.modify(stream.plug, selectors.EVENT_WRITE if stream.owed
                                 else selectors.EVENT_READ, stream)
        else:
            self.selector.unregister(stream.plug)
            stream.plug.close()

    def _run(self):
        while not self.stopping:
            for key, _ in self.selector.select(0.2):
                if key.data is None:
                    self._accept(key.fileobj)
                else:
                    self._go_on(key.data)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
