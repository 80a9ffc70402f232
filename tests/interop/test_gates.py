# SPDX-License-Identifier: Apache-2.0
"""Planted faults: the comparisons that all other tests here rest on can turn red."""

import collections

import pytest

import clients
from lab import mailfiles

Account = collections.namedtuple("Account", "mail")
MAIL = {(): [mailfiles.Message(b"Subject: a\n\nText\n", frozenset(), 0),
             mailfiles.Message(b"Subject: b\n\nMore\n", frozenset(), 0)],
        ("Sent",): [mailfiles.Message(b"Subject: c\n\nMine\n", frozenset(), 0)]}


def pulled():
    return {folder: [(b"", mailfiles.normalised(message.data)) for message in messages]
            for folder, messages in MAIL.items()}


def test_the_same_is_the_same():
    clients.check_pulled(Account(MAIL), pulled())


def flip(got):
    text, data = got[()][1]
    got[()][1] = (text, data.replace(b"M", b"N"))


def twice(got):
    got[()][1] = got[()][0]


def truncate(got):
    text, data = got[("Sent",)][0]
    got[("Sent",)][0] = (text, data[:-1])


@pytest.mark.parametrize("fault", (
    flip, twice, truncate, lambda got: got[()].pop(), lambda got: got.pop(("Sent",)),
    lambda got: got.update({("Spare",): []}),
    lambda got: got[()].append((b"", b"Subject: x\r\n\r\n"))))
def test_a_fault_is_seen(fault):
    got = pulled()
    fault(got)
    with pytest.raises(AssertionError):
        clients.check_pulled(Account(MAIL), got)


def test_line_ends_are_all_that_is_forgiven():
    assert mailfiles.digest(b"a\nb\r\n") == mailfiles.digest(b"a\r\nb\n")
    for other in (b"a\nb", b"a\n\nb\n", b"a\rb\n", b"a\nb\n\n", b"a \nb\n"):
        assert mailfiles.digest(other) != mailfiles.digest(b"a\nb\n")


class Played:
    """A service whose stream is written down here."""

    def __init__(self, data):
        self.pieces = [data[index:index + 3] for index in range(0, len(data), 3)]

    def connect(self):
        return self

    def recv(self, _):
        return self.pieces.pop(0) if self.pieces else b""


def test_lines_hold_their_literals():
    raw = clients.Raw(Played(b"* 1 FETCH (A {7}\r\na {3}\r\n B {0}\r\n)\r\nx OK\r\n"))
    row, done = raw.until(b"x")
    assert row == b"* 1 FETCH (A {7}\r\na {3}\r\n B {0}\r\n)\r\n" and done == b"x OK\r\n"
    assert clients.literal_of(row) == b"a {3}\r\n"
    assert raw.line() is None


def test_a_stream_that_ends_early_is_seen():
    with pytest.raises(AssertionError, match="ended before"):
        clients.Raw(Played(b"* 1 FETCH (A {9}\r\nabc")).until(b"x")
