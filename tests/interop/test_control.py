# SPDX-License-Identifier: Apache-2.0
"""The control socket: what wiremapctl asks a running server for, and what it refuses."""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import time

import pytest

from clients import Raw
from lab.server import Server
from lab.wire import CLIENT, SERVER, Wire
from service import PORT, Service

SECTION, INTERFACE, ENHANCED_PACKET = 0x0A0D0D0A, 1, 6
TCP = 6
FIN = 1


@pytest.fixture
def service(build, accounts):
    """A server of this test's own: some of what is asked for ends it."""
    with Wire() as wire:
        server = Server(build, wire)
        demo = accounts["demo"]
        try:
            server.add(demo.user, demo.password, demo.maildir)
            server.start()
            yield Service(wire, server, {"demo": demo})
        finally:
            server.close()


def frames_of(path):
    """The frames of a pcapng file, and that it is one from end to end."""
    data, at, frames = path.read_bytes(), 0, []
    kinds = []
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0 and length >= 12
        assert struct.unpack_from("<I", data, at + length - 4) == (length,)
        kinds.append(kind)
        if kind == ENHANCED_PACKET:
            captured, = struct.unpack_from("<I", data, at + 20)
            frames.append(data[at + 28:at + 28 + captured])
        at += length
    assert kinds[0] == SECTION and INTERFACE in kinds
    return frames


def ends_of(frame):
    """((source, port), (destination, port)) of a TCP frame."""
    assert frame[12:14] == b"\x08\x00" and frame[23] == TCP
    header = 14 + (frame[14] & 15) * 4
    ports = struct.unpack_from("!HH", frame, header)
    return tuple((socket.inet_ntoa(frame[at:at + 4]), port)
                 for at, port in zip((26, 30), ports))


def ctl(server, *words, **options):
    return subprocess.Popen([str(server.program("wiremapctl")), "--config", str(server.config),
                             *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, **options)


def ask(server, line, descriptors=()):
    """What the socket answers to a line."""
    plug = socket.socket(socket.AF_UNIX)
    with plug:
        plug.settimeout(10)
        plug.connect(str(server.root / "control"))
        socket.send_fds(plug, [line], descriptors)
        answer = b""
        while part := plug.recv(65536):
            answer += part
    return json.loads(answer) if answer else None


def test_stats(service):
    raw = service.log_in("demo", b"INBOX")
    summed = service.server.control("stats")
    counters = dict(line.split() for line in summed.splitlines())
    assert int(counters["tcp.opened_passive"]) >= 2 and counters["session.sessions"] == "1"
    cores = json.loads(service.server.control("stats", "--json"))["cores"]
    assert cores[0]["tcp"]["connections"] == 1
    raw.command(b"x", b"LOGOUT")
    raw.rest()


def test_capture_of_chosen_connections(service, tmp_path):
    file = tmp_path / "capture.pcapng"
    process = ctl(service.server, "capture", file, "--host", CLIENT, "--port", PORT)
    while not file.exists() or file.stat().st_size == 0:  # the section header
        assert process.poll() is None
        time.sleep(0.02)
    raw = service.log_in("demo", b"INBOX")
    client = raw.socket.getsockname()
    raw.command(b"x", b"LOGOUT")
    raw.rest()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    said, complaint = process.communicate(timeout=20)
    assert process.returncode == 0, complaint
    frames = frames_of(file)
    assert said.startswith(f"{len(frames)} frames in ")
    ours = [frame for frame in frames if client in ends_of(frame)]
    assert all({SERVER, CLIENT} == {host for host, _ in ends_of(frame)} for frame in frames)
    from_us = [frame for frame in ours if ends_of(frame)[0] == (SERVER, PORT)]
    assert from_us and len(from_us) < len(ours)
    assert any(b"* OK" in frame for frame in from_us)
    assert any(frame[14 + 20 + 13] & FIN for frame in from_us)


def test_capture_ends_by_itself(service, tmp_path):
    file = tmp_path / "three.pcapng"
    process = ctl(service.server, "capture", file, "--packets", 3, "--seconds", 20)
    while process.poll() is None:
        service.connect().close()
    assert process.returncode == 0
    assert len(frames_of(file)) == 3
    other = ctl(service.server, "capture", tmp_path / "none", "--host", "192.0.2.1", "--seconds", 1)
    assert other.wait(20) == 0
    assert frames_of(tmp_path / "none") == []


def test_one_capture_at_a_time(service, tmp_path):
    first = ctl(service.server, "capture", tmp_path / "first")
    while not (tmp_path / "first").exists() or (tmp_path / "first").stat().st_size == 0:
        time.sleep(0.02)
    second = ctl(service.server, "capture", tmp_path / "second")
    assert second.wait(20) == 1 and "one at a time" in second.stderr.read()
    first.kill()  # without a word: the server notices
    first.wait()
    for _ in range(100):
        third = ctl(service.server, "capture", tmp_path / "third", "--seconds", 1)
        if third.wait(20) == 0:
            return
    pytest.fail("the first capture never ended")


def test_what_is_refused(service, tmp_path):
    server = service.server
    for line in (b"\n", b"{\n", b"[]\n", b"{}\n", b'{"command":"fly"}\n', b"\0\xff\n",
                 b'{"command":7}\n', b'{"command":"capture"}\n',
                 b'{"command":"drain","per_s":-1}\n', b'{"command":"drain","per_s":"x"}\n'):
        assert "error" in ask(server, line), line
    with contextlib.suppress(ConnectionResetError):
        assert ask(server, b"x" * 5000) is None
    with open(tmp_path / "file", "wb") as file:
        for wrong in (b'"host":"nowhere"', b'"host":5', b'"port":65536', b'"packets":-1'):
            assert "error" in ask(server, b'{"command":"capture",' + wrong + b"}\n",
                                  [file.fileno()])
    reading, writing = os.pipe()
    assert "regular" in ask(server, b'{"command":"capture"}\n', [writing])["error"]
    os.close(reading)
    os.close(writing)
    assert server.control("stats")


def test_idle_clients_do_not_keep_others_out(service):
    idle = [socket.socket(socket.AF_UNIX) for _ in range(7)]
    try:
        for plug in idle:
            plug.connect(str(service.server.root / "control"))
            plug.send(b"{")
        assert service.server.control("stats")
    finally:
        for plug in idle:
            plug.close()


def test_only_root_and_the_servers_user(service):
    path = service.server.root / "control"
    assert path.stat().st_mode & 0o777 == 0o600


def test_drain_has_a_pace(service):
    sessions = [Raw(service) for _ in range(6)]
    for raw in sessions:
        assert raw.line().startswith(b"* OK")
    began = time.monotonic()
    process = ctl(service.server, "drain", "--rate", 4)
    ends = []
    for raw in sessions:
        assert raw.line().startswith(b"* BYE")
        ends.append(time.monotonic() - began)
        raw.close()
    assert process.wait(20) == 0
    said = process.stdout.read()
    assert "6 connections to end" in said and "has ended" in said
    assert ends[-1] > 1.0  # five quarters of a second: later on a busy machine, never sooner
    assert service.server.stop() == 0
    assert not (service.server.root / "control").exists()


def test_drain_lets_a_client_finish_and_takes_no_other(service):
    raw = service.log_in("demo", b"INBOX")
    raw.send(b"a FETCH 1:* BODY.PEEK[]\r\n")
    assert raw.line().startswith(b"* 1 FETCH")  # it has begun
    process = ctl(service.server, "drain", "--seconds", 30)
    answered = raw.until(b"a")
    assert answered[-1].startswith(b"a OK")
    assert raw.rest().startswith(b"* BYE")
    raw.close()
    with pytest.raises(OSError):
        service.connect(timeout=5)
    assert process.wait(20) == 0


def test_drain_ends_those_who_stay(service):
    raw = service.log_in("demo", b"INBOX", receive_buffer=4096)
    raw.send(b"a FETCH 1:* BODY.PEEK[]\r\n" * 20)  # and reads nothing
    time.sleep(0.3)
    process = ctl(service.server, "drain", "--seconds", 1)
    assert process.wait(20) == 0
    assert service.server.stop() == 0
    raw.close()


def test_a_stale_socket_is_replaced(service):
    server = service.server
    server.process.kill()
    server.process.wait()
    assert (server.root / "control").exists()
    server.start()
    assert server.control("stats")


def test_reload(service):
    server = service.server
    text = server.config.read_text()
    server.control("reload")
    assert "reloaded" in server.log()
    server.config.write_text(text + "nonsense: 1\n")
    process = ctl(server, "reload")
    assert process.wait(20) == 1
    server.config.write_text(text)


def test_telemetry(build, accounts):
    """rte_telemetry's own socket answers with the same counters."""
    with Wire() as wire:
        server = Server(build, wire)
        try:
            server.add("demo", "secret-demo", accounts["demo"].maildir)
            text = server.config.read_text()
            server.config.write_text(text.replace("eal:\n", "eal:\n  telemetry: true\n"))
            server.start()
            plug = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with plug:
                plug.settimeout(10)
                plug.connect(str(server.runtime_folder() / "dpdk_telemetry.v2"))
                plug.recv(16384)  # who it is
                for command in ("tcp", "net", "loop", "tcp,0"):
                    plug.send(f"/wiremap/{command}".encode())
                    (name, counters), = json.loads(plug.recv(16384)).items()
                    assert name == f"/wiremap/{command.split(',')[0]}"
                    if command.startswith("tcp"):
                        assert counters["opened_passive"] >= 1
                plug.send(b"/wiremap/tcp,7")
                assert json.loads(plug.recv(16384)) == {"/wiremap/tcp": None}
            assert server.stop() == 0
        finally:
            server.close()
