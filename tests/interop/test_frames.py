# SPDX-License-Identifier: Apache-2.0
"""Frames that no honest client sends. After each the server serves the next one as if nothing was,
and a connection that was open before is still open."""

import random
import struct

import pytest

import frames
from frames import ACK, FIN, PSH, RST, SYN, URG, Cable, ip, tcp

PORT = 143
NOBODY = "198.18.0.77"  # an address on the wire that nobody has
PLAYED = "198.18.0.78"  # one that Cable.segments_to() answers for

# name: the payload of an Ethernet frame of type IPv4
HOSTILE = {
    "empty": b"",
    "one byte": b"\x45",
    "header cut short": ip(b"")[:12],
    "version 6": ip(tcp(999, PORT), version=6),
    "header of 0 words": ip(tcp(999, PORT), words=0),
    "header longer than the packet": ip(b"", words=15),
    "total length of 0": ip(tcp(999, PORT), length=0),
    "total length below the header": ip(tcp(999, PORT), length=19),
    "total length beyond the frame": ip(tcp(999, PORT), length=9000),
    "wrong header checksum": ip(tcp(999, PORT), wrong_sum=1),
    "first fragment": ip(tcp(999, PORT), fragment=0x2000),
    "fragment past 65535": ip(b"x" * 64, fragment=0x3fff),
    "fragment of nothing": ip(b"", fragment=0x2001),
    "ip option of length 0": ip(tcp(999, PORT), words=6, options=b"\x44\x00\x00\x00"),
    "source route": ip(tcp(999, PORT), words=7, options=b"\x83\x07\x04\xc6\x12\0\x01\0"),
    "from broadcast": ip(tcp(999, PORT, source="255.255.255.255"), source="255.255.255.255"),
    "from itself": ip(tcp(999, PORT, source="198.18.0.1"), source="198.18.0.1"),
    "from multicast": ip(tcp(999, PORT, source="224.0.0.1"), source="224.0.0.1"),
    "to another host": ip(tcp(999, PORT, target="198.18.0.99"), target="198.18.0.99"),
    "land": ip(tcp(PORT, PORT, source="198.18.0.1"), source="198.18.0.1"),
    "ttl 0": ip(tcp(999, PORT), ttl=0),
    "unknown protocol": ip(b"x" * 40, protocol=253),
    "udp": ip(struct.pack("!HHHH", 1, 143, 8, 0), protocol=17),
    "tcp header cut short": ip(tcp(999, PORT)[:13]),
    "tcp header of 0 words": ip(tcp(999, PORT, words=0)),
    "tcp header beyond the segment": ip(tcp(999, PORT, words=15)),
    "wrong tcp checksum": ip(tcp(999, PORT, wrong_sum=0x1234)),
    "option of length 0": ip(tcp(999, PORT, options=b"\x02\x00\x05\xb4")),
    "option of length 1": ip(tcp(999, PORT, options=b"\x08\x01\x00\x00")),
    "option beyond the header": ip(tcp(999, PORT, options=b"\x01\x01\x02\x28")),
    "mss of 0": ip(tcp(998, PORT, options=b"\x02\x04\x00\x00")),
    "mss of 1": ip(tcp(997, PORT, options=b"\x02\x04\x00\x01")),
    "window scale of 255": ip(tcp(996, PORT, options=b"\x03\x03\xff\x00")),
    "no flags": ip(tcp(995, PORT, flags=0)),
    "all flags": ip(tcp(994, PORT, flags=255)),
    "syn and fin": ip(tcp(993, PORT, flags=SYN | FIN)),
    "syn and rst": ip(tcp(992, PORT, flags=SYN | RST)),
    "syn with data": ip(tcp(991, PORT, payload=b"a LOGOUT\r\n")),
    "ack to nobody": ip(tcp(990, PORT, 5, 5, ACK)),
    "urgent to nobody": ip(tcp(989, PORT, 5, 5, ACK | URG)),
    "port 0": ip(tcp(0, 0)),
    "icmp cut short": ip(b"\x08", protocol=1),
    "icmp echo with a wrong checksum": ip(b"\x08\0\0\0\0\0\0\0", protocol=1),
    "icmp error about nothing": ip(b"\x03\x04\xf8\xf7\0\0\x02\0", protocol=1),
}


@pytest.fixture
def cable(service):
    with Cable(service) as made:
        yield made


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_frame(service, cable, name):
    with service.log_in(mailbox=b"INBOX") as bystander:
        for _ in range(20):
            cable.send(HOSTILE[name])
        service.check_healthy()
        assert bystander.command(b"n", b"NOOP")[-1].startswith(b"n OK")


ARP = {
    "cut short": b"\0\x01\x08\0\x06\x04\0\x01",
    "wrong hardware": b"\0\x06\x08\0\x06\x04\0\x01" + bytes(20),
    "lengths that lie": b"\0\x01\x08\0\xff\xff\0\x01" + bytes(20),
    "claims the server's address": b"\0\x01\x08\0\x06\x04\0\x02" + b"\x02\0\0\0\0\x09" +
                                   b"\xc6\x12\0\x01" + b"\xff" * 6 + b"\xc6\x12\0\x01",
    "answers that nobody asked for": b"\0\x01\x08\0\x06\x04\0\x02" + b"\x02\0\0\0\0\x09" +
                                     b"\xc6\x12\0\x63" + b"\xff" * 6 + b"\xc6\x12\0\x01",
}


@pytest.mark.parametrize("name", ARP)
def test_hostile_arp(service, cable, name):
    with service.log_in(mailbox=b"INBOX") as bystander:
        for _ in range(20):
            cable.send(ARP[name], 0x0806, frames.BROADCAST)
        service.check_healthy()
        assert bystander.command(b"n", b"NOOP")[-1].startswith(b"n OK")


def test_many_neighbours(service, cable):
    """Requests from addresses all over the network: the cache has a bound, and the one real
    client keeps its place in it."""
    with service.log_in(mailbox=b"INBOX") as bystander:
        for number in range(600):
            sender = b"\x02\0\0\0" + struct.pack("!H", number)
            cable.send(b"\0\x01\x08\0\x06\x04\0\x01" + sender + b"\xc6\x12" +
                       struct.pack("!H", 0x100 + number) + bytes(6) + b"\xc6\x12\0\x01", 0x0806,
                       frames.BROADCAST)
        service.check_healthy()
        assert bystander.command(b"n", b"NOOP")[-1].startswith(b"n OK")


def test_a_segment_to_nobody_is_reset(service, cable):
    """RFC 9293, 3.10.7.1: the RST carries the sequence number that our ACK named."""
    cable.send(ip(tcp(45678, PORT, 1000, 77777, ACK, source=PLAYED), source=PLAYED))
    flags, sequence, _, _ = next(cable.segments_to(45678, PLAYED))
    assert flags & RST and sequence == 77777


def test_a_lost_ack_brings_the_syn_ack_again(service, cable):
    """And nothing of the greeting before the handshake is complete. (After a flood a server may
    answer with cookies, which it does not repeat: this test stands before that one.)"""
    cable.send(ip(tcp(45680, PORT, 1000, options=b"\x02\x04\x05\xb4", source=PLAYED),
                  source=PLAYED))
    seen = []
    for flags, sequence, acknowledged, length in cable.segments_to(45680, PLAYED):
        assert flags & SYN and acknowledged == 1001 and length == 0
        seen.append(sequence)
        if len(seen) == 2:
            break
    assert len(seen) == 2 and seen[0] == seen[1]
    cable.send(ip(tcp(45680, PORT, 1001, flags=RST, source=PLAYED), source=PLAYED))


def test_syn_flood(service, cable):
    """Three thousand SYNs from an address that never answers; others are served meanwhile."""
    with service.log_in(mailbox=b"INBOX") as bystander:
        for number in range(3000):
            cable.send(ip(tcp(1024 + number, PORT, number, options=b"\x02\x04\x05\xb4",
                              source=NOBODY), source=NOBODY))
            if number % 1000 == 0:
                service.check_healthy()
        service.check_healthy()
        assert bystander.command(b"n", b"NOOP")[-1].startswith(b"n OK")


def test_random_frames(service, cable):
    """Frames with bits turned at random, from a seed."""
    generator = random.Random(5)
    for number in range(5000):
        frame = bytearray(ip(tcp(generator.randrange(65536), PORT, generator.getrandbits(32),
                                 generator.getrandbits(32), generator.randrange(256),
                                 options=generator.randbytes(4 * generator.randrange(10)),
                                 payload=generator.randbytes(generator.randrange(200)))))
        for _ in range(generator.randrange(4)):
            frame[generator.randrange(len(frame))] ^= 1 << generator.randrange(8)
        cable.send(bytes(frame[:generator.randrange(14, len(frame) + 1)] if number % 5 == 0
                         else frame))
    service.check_healthy()


def blind(service, cable, make):
    """Sends `make(port, sequence)` with sequences that are not the connection's, 200 of them."""
    with service.log_in(mailbox=b"INBOX") as victim:
        port = victim.socket.getsockname()[1]
        generator = random.Random(6)
        for _ in range(200):
            cable.send(ip(make(port, generator.getrandbits(32))))
        answer = victim.command(b"n", b"NOOP")
        assert answer[-1].startswith(b"n OK"), "a guess was enough to break the connection"


def test_blind_reset(service, cable):
    """RFC 5961, section 3."""
    blind(service, cable, lambda port, number: tcp(port, PORT, number, flags=RST))


def test_blind_syn(service, cable):
    """RFC 5961, section 4."""
    blind(service, cable, lambda port, number: tcp(port, PORT, number, flags=SYN))


def test_blind_data(service, cable):
    """RFC 5961, section 5: the acknowledgement must fit, too."""
    blind(service, cable, lambda port, number: tcp(
        port, PORT, number, number ^ 0x5a5a5a5a, ACK | PSH, payload=b"q LOGOUT\r\n"))
