# SPDX-License-Identifier: Apache-2.0
"""Clients that come together, are slow, are in a hurry or die."""

import collections
import concurrent.futures
import re
import signal
import subprocess
import sys
import threading
import time

import clients
from lab import mailfiles

BIG = 4 << 20  # at least: the first message of the account `big`


def test_eight_at_once(service, account_named):
    """Eight clients in two accounts, each pulling all of it at the same time."""
    work = [account_named(name) for name in ("demo", "big")] * 4
    with concurrent.futures.ThreadPoolExecutor(len(work)) as pool:
        for account, future in [(account, pool.submit(clients.pull, service, account))
                                for account in work]:
            clients.check_pulled(account, future.result())


def trickle(raw, stop):
    """Reads 1 KiB a second, in quarters, until told to stop."""
    while not stop.is_set():
        raw.buffer += raw.socket.recv(256)
        stop.wait(0.25)


def test_slow_reader_harms_nobody(service, account_named):
    """One client reads 1 KiB a second; eight others meanwhile finish all they want, again and
    again. Then the slow one, whose answer must be unfinished, finds every byte right."""
    account = account_named("big")
    raw = service.log_in("big", b"INBOX", receive_buffer=4096)
    raw.send(b"s FETCH 1 BODY.PEEK[]\r\n")
    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        slow = pool.submit(trickle, raw, stop)
        try:
            while len(raw.buffer) < 4096 and not slow.done():
                others = [account_named(name) for name in ("demo", "big") * 4]
                for other, pulled in zip(others, pool.map(
                        lambda other: clients.pull(service, other), others)):
                    clients.check_pulled(other, pulled)
        finally:
            stop.set()
        slow.result()
    assert 4096 <= len(raw.buffer) < BIG // 4
    line, done = raw.until(b"s")[-2:]
    assert done.startswith(b"s OK")
    assert mailfiles.digest(clients.literal_of(line)) in clients.digests(account.mail[()])
    raw.close()


def test_many_slow_readers(service, account_named):
    """Forty clients ask for 4 MiB each and read nothing; a forty-first is served."""
    account_named("big")
    silent = [service.log_in("big", b"INBOX", receive_buffer=4096) for _ in range(40)]
    for raw in silent:
        raw.send(b"s FETCH 1 BODY.PEEK[]\r\n")
    for _ in range(3):
        service.check_healthy()
    for raw in silent[::2]:
        raw.reset()
    service.check_healthy()
    line = silent[1].until(b"s")[-2]
    assert len(clients.literal_of(line)) >= BIG
    for raw in silent[1::2]:
        raw.close()


def test_reset_in_mid_fetch(service, account_named):
    """The client's kernel says RST while the server still has megabytes to send."""
    account_named("big")
    before = service.sessions()
    for _ in range(20):
        raw = service.log_in("big", b"INBOX")
        raw.send(b"k FETCH 1:* BODY.PEEK[]\r\n")
        assert raw.more()
        raw.reset()
    service.check_healthy()
    service.await_sessions(before)


KILLED = """
import imaplib, sys
client = imaplib.IMAP4(sys.argv[1], int(sys.argv[2]))
client.login(sys.argv[3], sys.argv[4])
client.select("INBOX")
client.send(b"k UID FETCH 1:* BODY.PEEK[]\\r\\n")
client.read(100000)
print("reading", flush=True)
client.read(1 << 40)
"""


def test_killed_in_mid_fetch(service, account_named):
    """kill -9 of a client that is reading."""
    account = account_named("big")
    before = service.sessions()
    for _ in range(3):
        process = subprocess.Popen(
            service.wire.on_client(sys.executable, "-c", KILLED, service.address, service.port,
                                   account.user, account.password), stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"reading\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    service.check_healthy()
    service.await_sessions(before)


def answers(raw, tags):
    """The rows that come until every tag has been answered OK. RFC 9051 5.5 lets a server work on
    several commands at once, so rows may come in any order."""
    rows, waiting = [], set(tags)
    while waiting:
        line = raw.line()
        assert line is not None, f"the stream ended; {len(waiting)} commands have no answer"
        if b" FETCH (" in line[:40]:
            rows.append(line)
        elif not line.startswith(b"*"):
            tag, status, _ = line.split(b" ", 2)
            assert status == b"OK", line
            waiting.remove(tag)
    return rows


def test_pipelined(service, account_named):
    """Four hundred commands in one go are all answered, each right."""
    account = account_named("demo")
    raw = service.log_in(mailbox=b"INBOX")
    count = len(account.mail[()])
    wanted = collections.Counter(number % count + 1 for number in range(400))
    raw.send(b"".join(b"p%d FETCH %d BODY.PEEK[]\r\n" % (number, number % count + 1)
                      for number in range(400)))
    rows = answers(raw, (b"p%d" % number for number in range(400)))
    assert collections.Counter(int(row.split()[1]) for row in rows) == wanted
    bodies = collections.Counter(mailfiles.digest(clients.literal_of(row)) for row in rows)
    assert set(bodies) == set(clients.digests(account.mail[()]))
    raw.close()


def test_pipelined_before_login(service, account_named):
    """A whole session in one segment, LOGOUT included; the server then closes."""
    account = account_named("demo")
    with clients.Raw(service) as raw:
        raw.send(f"a LOGIN {account.user} {account.password}\r\nb EXAMINE INBOX\r\n"
                 "c FETCH 1 BODY.PEEK[]\r\nd LOGOUT\r\n".encode())
        text = raw.rest()
    tags = re.findall(rb"^([abcd]) OK", text, re.M)
    assert tags == [b"a", b"b", b"c", b"d"]
    row = text[text.index(b"* 1 FETCH"):]
    assert mailfiles.digest(clients.literal_of(row)) in clients.digests(account.mail[()])


def test_byte_at_a_time(service):
    """A session whose every byte comes in a segment of its own."""
    with clients.Raw(service) as raw:
        raw.socket.setsockopt(6, 1, 1)  # TCP_NODELAY
        assert raw.line().startswith(b"* OK")
        for octet in b"a LOGIN demo {11+}\r\nsecret-demo\r\nb EXAMINE INBOX\r\nc LOGOUT\r\n":
            raw.send(bytes([octet]))
            time.sleep(0.001)
        text = raw.rest()
    assert re.findall(rb"^([abc]) OK", text, re.M) == [b"a", b"b", b"c"]


def test_partial_fetches(service, account_named):
    """Ten thousand bytes at a time, deeply pipelined, as phones do; the slices make the whole."""
    account = account_named("big")
    raw = service.log_in("big", b"INBOX")
    size, step = len(mailfiles.normalised(max((message.data for message in account.mail[()]),
                                              key=len))), 10024
    offsets = range(0, size, step)
    raw.send(b"".join(b"o%d FETCH 1 BODY.PEEK[]<%d.%d>\r\n" % (offset, offset, step)
                      for offset in offsets))
    slices = {}
    for row in answers(raw, (b"o%d" % offset for offset in offsets)):
        slices[int(re.search(rb"BODY\[\]<(\d+)> \{", row).group(1))] = clients.literal_of(row)
    assert sorted(slices) == list(offsets)
    whole = b"".join(slices[offset] for offset in offsets)
    assert len(whole) == size
    assert mailfiles.digest(whole) in clients.digests(account.mail[()])
    raw.close()
