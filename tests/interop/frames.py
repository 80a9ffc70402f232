# SPDX-License-Identifier: Apache-2.0
"""Frames made by hand, right or wrong in any field, put on the wire at the client's end."""

import socket
import struct

from lab.wire import CLIENT, inside, run

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
BROADCAST = b"\xff" * 6


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip(payload, source=CLIENT, target="198.18.0.1", protocol=6, version=4, words=5, length=None,
       fragment=0x4000, ttl=64, options=b"", wrong_sum=0):
    head = struct.pack("!BBHHHBBH4s4s", version << 4 | words, 0,
                       20 + len(options) + len(payload) if length is None else length, 1,
                       fragment, ttl, protocol, 0, socket.inet_aton(source),
                       socket.inet_aton(target)) + options
    total = checksum(head) ^ wrong_sum
    return head[:10] + struct.pack("!H", total) + head[12:] + payload


def tcp(source_port, target_port, sequence=0, acknowledged=0, flags=SYN, window=65535, words=None,
        options=b"", payload=b"", source=CLIENT, target="198.18.0.1", wrong_sum=0):
    words = 5 + len(options) // 4 if words is None else words
    segment = struct.pack("!HHIIBBHHH", source_port, target_port, sequence & 0xffffffff,
                          acknowledged & 0xffffffff, words << 4, flags, window, 0, 0)
    segment += options + payload
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + \
        struct.pack("!BBH", 0, 6, len(segment))
    total = checksum(pseudo + segment) ^ wrong_sum
    return segment[:16] + struct.pack("!H", total) + segment[18:]


class Cable:
    """A packet socket on the client's device."""

    def __init__(self, service):
        wire = service.wire
        with inside(wire.client):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((wire.client_device, 0))
        self.socket.settimeout(3)
        self.own = self.socket.getsockname()[4]
        service.connect().close()  # the neighbour is known afterwards
        known = run("ip", "-n", wire.client, "neigh", "show", service.address).stdout
        self.server = bytes.fromhex(known.split("lladdr ")[1].split()[0].replace(":", ""))

    def send(self, payload, kind=0x0800, target=None):
        try:
            self.socket.send((target or self.server) + self.own + struct.pack("!H", kind) +
                             payload)
        except OSError as error:  # the device itself refuses what is longer than it may be
            assert error.errno == 90, error

    def play_neighbour(self, request, address):
        """Answers an ARP request for `address`, which is nobody's, as if it were ours."""
        wanted = socket.inet_aton(address)
        if request[12:14] == b"\x08\x06" and request[20:22] == b"\0\x01" and \
                request[38:42] == wanted:
            self.send(b"\0\x01\x08\0\x06\x04\0\x02" + self.own + wanted + request[22:32], 0x0806)

    def segments_to(self, port, address=CLIENT):
        """(flags, sequence, acknowledged, payload length) of TCP segments to address:port."""
        while True:
            try:
                frame = self.socket.recv(65536)
            except TimeoutError:
                return
            self.play_neighbour(frame, address)
            if frame[12:14] != b"\x08\x00" or frame[:6] != self.own or frame[23] != 6:
                continue
            packet = frame[14:]
            words = (packet[0] & 15) * 4
            segment = packet[words:struct.unpack("!H", packet[2:4])[0]]
            if struct.unpack("!H", segment[2:4])[0] == port:
                sequence, acknowledged = struct.unpack("!II", segment[4:12])
                yield (segment[13], sequence, acknowledged,
                       len(segment) - (segment[12] >> 4) * 4)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
