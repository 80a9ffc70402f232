# SPDX-License-Identifier: Apache-2.0
"""Our TCP as Linux's TCP sees it."""

import concurrent.futures
import re
import select
import socket
import struct
import time

import pytest

import clients
from lab import mailfiles
from lab.wire import CLIENT, inside, run

CLOSED_PORT = 9


def test_options_are_agreed(service):
    """Window scaling and timestamps are in the SYN-ACK (RFC 7323)."""
    with clients.Raw(service) as raw:
        assert raw.line().startswith(b"* OK")
        timestamps, _, scale_of_server, scale_of_client = raw.info()
        assert timestamps and scale_of_client > 0
        assert scale_of_server > 0 or not service.is_wiremap


def test_server_closes_in_order_after_logout(service):
    """FIN, not RST: the client reads all, then the end of the stream."""
    for _ in range(50):
        with service.log_in() as raw:
            raw.send(b"q LOGOUT\r\n")
            text = raw.rest()
            assert text.startswith(b"* BYE") and b"\r\nq OK" in text


@pytest.mark.parametrize("octets", [1, 100, 5000])
def test_last_answer_before_the_reset(service, octets):
    """What a client writes behind its LOGOUT is reset, but not before it has the answer."""
    for _ in range(20):
        with service.log_in() as raw:
            raw.send(b"q LOGOUT\r\n" + b"x" * octets)
            try:
                while raw.more():
                    pass
            except ConnectionResetError:
                pass
            text = raw.buffer
            assert text.startswith(b"* BYE") and b"\r\nq OK" in text
    service.check_healthy()


def test_half_close(service, account_named):
    """The client shuts its side down behind its commands and still gets every answer."""
    account = account_named("big")
    with service.log_in("big", b"INBOX") as raw:
        raw.send(b"h FETCH 1 BODY.PEEK[]\r\nq LOGOUT\r\n")
        raw.socket.shutdown(socket.SHUT_WR)
        row = raw.until(b"h")[-2]
        assert mailfiles.digest(clients.literal_of(row)) in clients.digests(account.mail[()])
        assert b"q OK" in raw.rest()


def test_client_closes_without_logout(service):
    before = service.sessions()
    for _ in range(50):
        service.log_in().close()
    service.await_sessions(before)
    service.check_healthy()


def test_closed_port_answers_with_a_reset(service):
    with pytest.raises(ConnectionRefusedError):
        service.connect(port=CLOSED_PORT, timeout=10)


def test_many_connections_at_once(service):
    """Five hundred greeted before the first one leaves."""
    before = service.sessions()
    held = []
    try:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            held = list(pool.map(lambda _: clients.Raw(service), range(500)))
        assert all(raw.line().startswith(b"* OK") for raw in held)
        if before is not None:
            assert service.sessions() >= before + 500
    finally:
        for raw in held:
            raw.close()
    service.await_sessions(before)
    service.check_healthy()


def test_connect_and_reset(service):
    """A thousand connections that live for a moment; half of them end in a RST."""
    before = service.sessions()
    for number in range(1000):
        plug = service.connect()
        if number % 2:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        plug.close()
    service.await_sessions(before)
    service.check_healthy()


def test_same_port_again(service):
    """A client comes back from the port it just left: TIME_WAIT must not refuse it (RFC 6191)."""
    for _ in range(5):
        with inside(service.wire.client):
            plug = socket.socket()
        with plug:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            plug.settimeout(20)
            plug.bind((CLIENT, 40404))
            plug.connect((service.address, service.port))
            assert plug.recv(4) == b"* OK"
            plug.sendall(b"a LOGOUT\r\n")
            while plug.recv(4096):
                pass
        # The server closed first, so it is the server that waits. Linux's SYN has a later
        # timestamp only after a tick of its clock.
        time.sleep(0.05)


def test_zero_window_and_back(service, account_named):
    """A client stops reading for good while, then takes the rest: nothing lost, nothing twice."""
    account = account_named("big")
    raw = service.log_in("big", b"INBOX", receive_buffer=4096)
    raw.send(b"w FETCH 1 BODY.PEEK[]\r\n")
    wanted, got = len(mailfiles.normalised(account.mail[()][0].data)), 0
    for _ in range(4):
        time.sleep(1.5)  # long enough for several window probes
        for _ in range(200):
            raw.buffer += raw.socket.recv(512)
    got = raw.until(b"w")[-2]
    assert len(clients.literal_of(got)) == wanted
    assert mailfiles.digest(clients.literal_of(got)) in clients.digests(account.mail[()])
    raw.close()


def test_idle_connection_stays(service):
    """A silent client is still there after a while, and is answered at once."""
    with service.log_in(mailbox=b"INBOX") as raw:
        raw.send(b"i IDLE\r\n")
        assert raw.line().startswith(b"+")
        assert select.select([raw.socket], [], [], 6)[0] == []
        raw.send(b"DONE\r\n")
        assert raw.until(b"i")[-1].startswith(b"i OK")


def checksum(data):
    words = struct.unpack(f"!{len(data) // 2}H", data)
    total = sum(words)
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def test_echo(service):
    """ICMP echo of several sizes comes back as it went (RFC 792)."""
    with inside(service.wire.client):
        plug = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with plug:
        plug.settimeout(5)
        for number, size in enumerate((0, 8, 56, 512, 1472)):
            body = bytes(index & 0xff for index in range(size))
            head = struct.pack("!BBHHH", 8, 0, 0, 0x574d, number)
            head = struct.pack("!BBHHH", 8, 0, checksum(head + body), 0x574d, number)
            plug.sendto(head + body, (service.address, 0))
            while True:
                packet = plug.recv(65536)
                answer = packet[(packet[0] & 15) * 4:]
                if answer[0] == 0 and answer[4:8] == struct.pack("!HH", 0x574d, number):
                    break
            assert answer[8:] == body and checksum(answer) == 0


def test_nothing_was_resent_on_a_clean_wire(service, account_named):
    """A veth loses nothing: the client's kernel must not have seen a segment twice."""
    with service.log_in("big", b"INBOX") as raw:
        raw.send(b"r FETCH 1:* BODY.PEEK[]\r\n")
        raw.until(b"r")
        port = raw.socket.getsockname()[1]
        text = run(*service.wire.on_client("ss", "-tinH", "sport", "=", f":{port}")).stdout
    duplicates = re.search(r"rcv_ooopack:(\d+)|dsack_dups:(\d+)", text)
    assert duplicates is None, text
