# SPDX-License-Identifier: Apache-2.0
"""Clients on the far end of the wire: Python's imaplib, bare sockets, curl and mbsync."""

import collections
import imaplib
import re
import socket
import struct

from lab import mailfiles
from lab.wire import inside

TIMEOUT = 60  # of one read; a silence this long is a failure, not slowness


class Imap(imaplib.IMAP4):
    """imaplib, its socket opened in a namespace."""

    def __init__(self, service):
        self.service = service
        super().__init__(service.address, service.port, TIMEOUT)

    def _create_socket(self, timeout):
        return self.service.connect(timeout=timeout)

    def folders(self):
        """{wire name: hierarchy as a tuple} of all that can be selected."""
        status, lines = self.list()
        assert status == "OK", lines
        found = {}
        for line in lines:
            attributes, mark, name = re.fullmatch(
                rb'\(([^)]*)\) (?:"(\\?.)"|NIL) "?([^"]*)"?', line).groups()
            if b"\\Noselect" in attributes or b"\\NonExistent" in attributes:
                continue
            text = name.decode()
            path = tuple(text.split(mark.decode())) if mark else (text,)
            found[text] = () if path == ("INBOX",) else path[path[0] == "INBOX":]
        return found

    def open(self, host="", port=imaplib.IMAP4_PORT, timeout=None):
        super().open(host, port, timeout)

    def rows(self, items, sequence="1:*"):
        """[(uid, text of the row, [literals])] of a UID FETCH."""
        status, data = self.uid("FETCH", sequence, f"(UID {items})")
        assert status == "OK", data
        rows, text, literals = [], b"", []
        for piece in data:
            if piece is None:
                continue
            if isinstance(piece, tuple):
                text += piece[0]
                literals.append(piece[1])
                continue
            text += piece
            rows.append((int(re.search(rb"\bUID (\d+)", text).group(1)), text, literals))
            text, literals = b"", []
        return rows


class Raw:
    """A socket and the least IMAP that is needed to read what comes."""

    def __init__(self, service, **options):
        self.socket = service.connect(**options)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        """False at the end of the stream."""
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def line(self):
        """One line with its literals in it, CRLF included; None at the end of the stream."""
        done = 0
        while True:
            end = self.buffer.find(b"\n", done)
            if end < 0:
                if not self.more():
                    return None
                continue
            literal = re.search(rb"\{(\d+)\}\r\n$", self.buffer[done:end + 1])
            if literal is None:
                line, self.buffer = self.buffer[:end + 1], self.buffer[end + 1:]
                return line
            done = end + 1 + int(literal.group(1))
            while len(self.buffer) < done:
                if not self.more():
                    return None

    def until(self, tag):
        """Lines up to and with the tagged one; fails at the end of the stream."""
        lines = []
        while not lines or not lines[-1].startswith(tag + b" "):
            line = self.line()
            assert line is not None, f"the stream ended before {tag!r}; last: {lines[-3:]!r}"
            lines.append(line)
        return lines

    def rest(self):
        """All that still comes until the peer closes; a reset raises."""
        while self.more():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def command(self, tag, text):
        self.send(tag + b" " + text + b"\r\n")
        return self.until(tag)

    def login(self, user, password):
        assert self.line().startswith(b"* OK")
        last = self.command(b"l", f"LOGIN {user} {password}".encode())[-1]
        assert last.startswith(b"l OK"), last

    def info(self):
        """(timestamps, sack, window scale of the peer, of this end): Linux's own view."""
        raw = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
        options, scales = raw[5], raw[6]
        return bool(options & 1), bool(options & 2), scales & 15, scales >> 4

    def reset(self):
        """Closes with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def literal_of(line):
    """The bytes of the one literal in a line."""
    found = re.search(rb"\{(\d+)\}\r\n", line)
    return line[found.end():found.end() + int(found.group(1))]


def digests(messages):
    return collections.Counter(mailfiles.digest(message.data) for message in messages)


def pull(service, account, batch=200):
    """{folder: [(row text, bytes)]}: the whole account through imaplib, folders in any order."""
    pulled = {}
    client = Imap(service)
    try:
        client.login(account.user, account.password)
        for wire_name, folder in client.folders().items():
            status, data = client.select(f'"{wire_name}"', readonly=True)
            assert status == "OK", data
            uids = [uid for uid, _, _ in client.rows("FLAGS")] if data != [b"0"] else []
            assert len(uids) == int(data[0]) and uids == sorted(set(uids))
            pulled[folder] = []
            for begin in range(0, len(uids), batch):
                some = uids[begin:begin + batch]
                rows = client.rows("FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]",
                                   ",".join(map(str, some)))
                assert [uid for uid, _, _ in rows] == some
                pulled[folder] += [(text, literals[0]) for _, text, literals in rows]
    finally:
        service.leave(client)
    return pulled


def check_pulled(account, pulled):
    """Every folder, and in each every message, byte for byte."""
    assert set(pulled) == {folder for folder in account.mail}
    for folder, messages in account.mail.items():
        got = collections.Counter(mailfiles.digest(data) for _, data in pulled[folder])
        wanted = digests(messages)
        assert got == wanted, f"{folder}: {sum((wanted - got).values())} messages differ"
