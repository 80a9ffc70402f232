# SPDX-License-Identifier: Apache-2.0
"""Clients that mean harm: each gets a BAD, a NO or a BYE, and the next client is served."""

import socket

import pytest

import clients


def talk(service, data):
    """Everything the server says to `data` until it closes or the client has had enough."""
    with clients.Raw(service, timeout=20, source=service.stranger()) as raw:
        assert raw.line().startswith(b"* OK")
        try:
            raw.send(data + b"\r\nz LOGOUT\r\n")
            # A server that still waits for an announced gigabyte learns that it will not come.
            raw.socket.shutdown(socket.SHUT_WR)
            return raw.rest()
        except (ConnectionResetError, BrokenPipeError):
            # Closed while we were still talking: what it said before that may be lost.
            return raw.buffer


# name: (what is sent before LOGIN, what one line of the answer must hold; None: just survive)
BEFORE_LOGIN = {
    "nul in a quoted string": (b'a LOGIN "de\0mo" "x"', b"BAD"),
    "nul in a literal": (b"a LOGIN {4+}\r\nde\0o x", b"a "),
    "nul as a line": (b"\0\0\0\0", b"BAD"),
    "no tag": (b"   ", b"BAD"),
    "empty lines": (b"\r\n" * 50 + b"a NOOP", None),
    "plus as a tag": (b"+ NOOP", b"BAD"),
    "unknown command": (b"a FROBNICATE", b"a BAD"),
    "command not allowed yet": (b"a FETCH 1 BODY[]", b"a BAD"),
    "a literal of 4 GiB": (b"a LOGIN {4294967296}", None),
    "a literal of 2^64": (b"a LOGIN {18446744073709551616}", b"B"),
    "a literal of -1": (b"a LOGIN {-1}", b"BAD"),
    "a literal+ of 1 GiB": (b"a LOGIN {1073741824+}\r\nabc", None),
    "a literal of letters": (b"a LOGIN {abc} x", b"BAD"),
    "ten thousand parentheses": (b"a ID " + b"(" * 10000, b"BAD"),
    "a tag of 5000 bytes": (b"t" * 5000 + b" NOOP", None),
    "a megabyte without a line end": (b"a LOGIN " + b"x" * (1 << 20), None),
    "every byte value": (bytes(range(256)) * 4, b"BAD"),
    "tls on the plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), None),
    "http": (b"GET / HTTP/1.1\r\nHost: x\r\n\r", b"BAD"),
    "bare cr": (b"a NOOP\rb NOOP\r", None),
    "wrong password": (b"a LOGIN demo wrong", b"a NO"),
    "a user that is a path": (b"a LOGIN ../../etc/passwd x", b"a NO"),
    "authenticate with junk": (b"a AUTHENTICATE PLAIN !!!!", b"a "),
    "authenticate abandoned": (b"a AUTHENTICATE PLAIN\r\n*", b"a BAD"),
    "authenticate without nul": (b"a AUTHENTICATE PLAIN ZGVtbw==", b"a "),
    "unknown mechanism": (b"a AUTHENTICATE FROB", b"a NO"),
}


@pytest.mark.parametrize("name", BEFORE_LOGIN)
def test_before_login(service, name):
    data, wanted = BEFORE_LOGIN[name]
    answer = talk(service, data)
    if wanted is not None:
        assert any(wanted in line for line in answer.split(b"\r\n")), answer[-300:]
    assert b"a OK" not in answer or b"NOOP" in data
    service.check_healthy()


AFTER_LOGIN = {
    "sequence of nonsense": (b"a FETCH 0:* BODY[]", b"a BAD"),
    "sequence too great": (b"a FETCH 4294967296 FLAGS", b"a BAD"),
    "message beyond the end": (b"a FETCH 4294967295 FLAGS", b"a "),
    "thousands of ranges": (b"a UID FETCH " + b",".join(b"%d" % (2 * n + 1) for n in range(8000))
                            + b" (UID)", b"a "),
    "unfinished section": (b"a FETCH 1 BODY[HEADER.FIELDS (", b"a BAD"),
    "part numbers without end": (b"a FETCH 1 BODY[" + b"1." * 3000 + b"1]", b"a "),
    "partial past the end": (b"a FETCH 1 BODY.PEEK[]<4294967290.4294967295>", b"a "),
    "partial of nothing": (b"a FETCH 1 BODY.PEEK[]<0.0>", b"a "),
    "a mailbox that is a path": (b"a EXAMINE ../../../etc/passwd", b"a "),
    "a mailbox with a nul": (b'a EXAMINE "IN\0BOX"', b"a BAD"),
    "broken modified utf-7": (b'a EXAMINE "&&&-"', b"a "),
    "list of stars": (b'a LIST "" "' + b"*%" * 200 + b'"', b"a "),
    "idle and never done": (b"a IDLE\r\nxyz", b"a BAD"),
    "select twice": (b"a EXAMINE INBOX\r\nb EXAMINE INBOX", b"b OK"),
    "items without end": (b"a FETCH 1 (" + b"FLAGS " * 5000 + b"UID)", None),
}


@pytest.mark.parametrize("name", AFTER_LOGIN)
def test_after_login(service, name):
    data, wanted = AFTER_LOGIN[name]
    with service.log_in(mailbox=b"INBOX", timeout=20) as raw:
        try:
            raw.send(data + b"\r\nz LOGOUT\r\n")
            raw.socket.shutdown(socket.SHUT_WR)
            answer = raw.rest()
        except (ConnectionResetError, BrokenPipeError):
            answer = raw.buffer
    if wanted is not None:
        assert any(line.startswith(wanted) for line in answer.split(b"\r\n")), answer[-300:]
    service.check_healthy()


def test_append_is_refused_before_its_literal(service):
    """A gigabyte is announced and not wanted; the connection goes on with the next command."""
    if not service.is_wiremap:
        pytest.skip("Dovecot takes the mail")
    with service.log_in(mailbox=b"INBOX", timeout=20) as raw:
        raw.send(b"a APPEND INBOX {1073741824}\r\n")
        assert raw.until(b"a")[-1].startswith(b"a NO")
        assert raw.command(b"b", b"FETCH 1 FLAGS")[-1].startswith(b"b OK")


def test_starttls_carries_nothing_across(service):
    """Whatever the server makes of STARTTLS, a command in the same segment must not be obeyed as
    if it had come through the tunnel."""
    with clients.Raw(service, timeout=20) as raw:
        assert raw.line().startswith(b"* OK")
        raw.send(b"a STARTTLS\r\nb LOGIN demo secret-demo\r\nc EXAMINE INBOX\r\nd LOGOUT\r\n")
        try:
            answer = raw.rest()
        except ConnectionResetError:
            answer = raw.buffer
    if b"a OK" in answer:
        assert b"b OK" not in answer
    else:
        assert b"a BAD" in answer or b"a NO" in answer
    service.check_healthy()


def test_a_hundred_wrong_passwords_cost_nobody_else(service):
    source = service.stranger()
    guessers = [clients.Raw(service, source=source) for _ in range(20)]
    for raw in guessers:
        raw.send(b"".join(b"g%d LOGIN demo wrong%d\r\n" % (n, n) for n in range(5)))
    for _ in range(5):
        service.check_healthy()
    for raw in guessers:
        raw.close()
    service.check_healthy()
