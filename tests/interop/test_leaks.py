# SPDX-License-Identifier: Apache-2.0
"""A laboratory that is closed leaves nothing, however it ends; and leaving is seen if it happens.

conftest.py asks the same question once more when the whole suite is done.
"""

import os
import signal
import socket
import subprocess

import pytest

from lab import traces
from lab.server import Server
from lab.wire import NETNS, Wire, inside, run


def test_a_trace_is_seen(tmp_path):
    """The check itself can turn red: a namespace, a process, a file, a socket."""
    before = set(traces.left())
    namespace = f"wm-{traces.RUN}-left"
    path = f"/tmp/wiremap-{traces.RUN}-left"
    run("ip", "netns", "add", namespace)
    process = subprocess.Popen(["sleep", "60"])
    plug = socket.socket(socket.AF_UNIX)
    try:
        plug.bind(path)
        plug.listen()
        left = set(traces.left()) - before
        assert f"/run/netns/{namespace}" in left
        assert f"process {process.pid} sleep" in left
        assert path in left and f"socket {path}" in left
    finally:
        plug.close()
        os.unlink(path)
        process.kill()
        process.wait()
        run("ip", "netns", "del", namespace)
    assert set(traces.left()) == before


def test_wire_takes_its_processes_along():
    before = set(traces.left())
    with Wire() as wire:
        assert (NETNS / wire.client).exists()
        children = [subprocess.Popen(wire.on_client("sh", "-c", script)) for script in
                    ("sleep 60", "trap '' TERM; echo deaf; sleep 60; sleep 60")]
        assert set(traces.left()) - before
    assert all(child.wait(5) < 0 for child in children)
    assert set(traces.left()) == before


def test_wire_is_removed_after_an_error():
    before = set(traces.left())
    with pytest.raises(RuntimeError), Wire():
        raise RuntimeError
    assert set(traces.left()) == before


def test_server_end_is_silent():
    """The kernel on the server's end answers nothing: no IP address, no IPv6."""
    with Wire() as wire:
        addresses = run("ip", "-n", wire.server, "-o", "addr", "show", "dev",
                        wire.server_device).stdout
        assert addresses == ""
        with inside(wire.client), socket.socket() as plug:
            plug.settimeout(0.5)
            with pytest.raises(OSError):
                plug.connect((wire.address, 143))


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT, signal.SIGKILL))
def test_server_ends_without_a_trace(service, build, number):
    """Asked, interrupted or killed in the middle of its work: its helpers go with it too."""
    if not service.is_wiremap:
        pytest.skip("is about wiremapd")
    before = set(traces.left())
    account = service.accounts["demo"]
    with Wire() as wire:
        server = Server(build, wire)
        try:
            server.add(account.user, account.password, account.maildir)
            server.start()
            with inside(wire.client):
                plug = socket.create_connection((server.address, server.port), timeout=10)
            with plug:
                plug.sendall(f"a LOGIN {account.user} {account.password}\r\nb EXAMINE INBOX\r\n"
                             "c FETCH 1:* BODY.PEEK[]\r\n".encode())
                assert plug.recv(4096)
                server.process.send_signal(number)
                status = server.process.wait(20)
            assert status == (-signal.SIGKILL if number == signal.SIGKILL else 0), server.log()
            helpers = [pid for pid, name in traces.processes() if name.startswith("wiremap")]
            assert not set(helpers) & set(wire.pids()), "a helper outlived its server"
            assert number == signal.SIGKILL or not server.runtime_folder().exists()
        finally:
            server.close()
    assert set(traces.left()) == before
