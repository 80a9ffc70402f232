# SPDX-License-Identifier: Apache-2.0
"""wiremapd as its operator sees it: check, readiness, signals, statistics, idleness, the end."""

import os
import pathlib
import pwd
import signal
import subprocess
import time

import pytest

import clients
from lab.server import Server
from lab.wire import Wire, run
from service import Service

IDLE_SECONDS = 5
IDLE_SHARE_MAX = 0.02  # of one CPU; measured: 0.0007
USER = "nobody"


@pytest.fixture
def idle_service(request, build, tmp_path):
    """A server of this test's own, with one account of one message."""
    if request.config.getoption("server") != "wiremap":
        pytest.skip("is about wiremapd")
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"Subject: one\r\n\r\nhello\r\n")
    with Wire() as wire:
        server = Server(build, wire)
        try:
            server.add("one", "secret-one", letter, kind="eml")
            yield Service(wire, server, {})
        finally:
            server.close()


def wiremapd(server, *words):
    return subprocess.run([server.program("wiremapd"), "--config", server.config, *words],
                          capture_output=True, text=True, timeout=30)


def log_has(server, text, seconds=5):
    deadline = time.monotonic() + seconds
    while text not in server.log(1 << 20):
        assert time.monotonic() < deadline, f"no `{text}` in the log:\n{server.log()}"
        time.sleep(0.02)


def cpu_seconds(pid):
    """Of all threads, by the scheduler's own account."""
    return sum(int((task / "schedstat").read_text().split()[0]) / 1e9
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def daemon_pid(server):
    """What Popen knows may be a wrapper's pid; the statistics say whose they are."""
    return server.stats()["pid"]


def log_in(service, **options):
    """A client that has opened the one mailbox there is."""
    raw = clients.Raw(service, **options)
    raw.login("one", "secret-one")
    assert raw.command(b"e", b"EXAMINE INBOX")[-1].startswith(b"e OK")
    return raw


def check_healthy(service):
    with log_in(service) as raw:
        line = raw.command(b"f", b"FETCH 1 BODY.PEEK[TEXT]")[0]
        assert clients.literal_of(line) == b"hello\r\n"


def change(server, old, new):
    text = server.config.read_text()
    assert old in text
    server.config.write_text(text.replace(old, new))


def test_check(idle_service):
    server = idle_service.server
    good = wiremapd(server, "--check")
    assert good.returncode == 0 and ": OK: 1 volumes, 1 users" in good.stdout, good.stderr
    server.start()
    running = wiremapd(server, "--check")
    assert running.returncode == 0 and ": OK:" in running.stdout, running.stderr
    assert "not looked at" in running.stderr


@pytest.mark.parametrize("old, new, says", [
    ("users:", "userz:", "userz"),
    ("cores: [", "cores: [4000, ", ":6: eal.cores: this process may not run on CPU 4000"),
    ("/users\"", "/nothing-here\"", "wiremapctl user add"),
    ("/volume\"", "/nothing-here\"", "make that directory"),
    ("users:", "user: no-such-user-here\nusers:", "useradd"),
    ("device: net_af_packet0", "device: net_af_packet0\n    queues: 0", "queues"),
])
def test_check_names_the_remedy(idle_service, old, new, says):
    server = idle_service.server
    change(server, old, new)
    bad = wiremapd(server, "--check")
    assert bad.returncode == 1 and says in bad.stderr, bad.stdout + bad.stderr
    assert "OK" not in bad.stdout


def test_missing_interface(idle_service):
    """The line of the configuration, the device, and what to do about it; nothing is left over."""
    server = idle_service.server
    change(server, "iface=", "iface=no-")
    bad = wiremapd(server)
    assert bad.returncode == 1
    assert "wiremap.yaml:" in bad.stderr and "ip link add" in bad.stderr, bad.stderr


def test_ready_descriptor(idle_service):
    server = idle_service.server
    read_end, write_end = os.pipe()
    with open(server.log_path, "ab") as log:
        server.process = subprocess.Popen(
            idle_service.wire.on_server(server.program("wiremapd"), "--config", server.config,
                                        "--ready-fd", str(write_end)),
            pass_fds=[write_end], stdout=log, stderr=log, start_new_session=True)
    os.close(write_end)
    with open(read_end, encoding="ascii") as ready:
        assert ready.read() == "ready\n"
    with clients.Raw(idle_service) as raw:
        assert raw.line().startswith(b"* OK")


def test_second_server_is_refused(idle_service):
    server = idle_service.server
    server.start()
    second = subprocess.run(
        idle_service.wire.on_server(server.program("wiremapd"), "--config", server.config),
        capture_output=True, text=True, timeout=30)
    assert second.returncode == 1 and "in use" in second.stderr
    check_healthy(idle_service)


def test_signals(idle_service):
    server = idle_service.server
    server.start()
    pid = daemon_pid(server)
    os.kill(pid, signal.SIGUSR1)
    log_has(server, '"turns":')
    log_has(server, '"opened_passive":')
    change(server, "volumes:", "log: {level: warning}\nvolumes:")
    os.kill(pid, signal.SIGHUP)
    deadline = time.monotonic() + 5
    while True:  # at level `warning` the counters are not logged any more
        before = server.log(1 << 20).count('"turns":')
        os.kill(pid, signal.SIGUSR1)
        time.sleep(0.2)
        if server.log(1 << 20).count('"turns":') == before:
            break
        assert time.monotonic() < deadline, "SIGHUP did not take log.level"
    change(server, "log: {level: warning}", "log: {level: nonsense}")
    os.kill(pid, signal.SIGHUP)
    log_has(server, "not reloaded:")
    check_healthy(idle_service)


def test_statistics(idle_service):
    server = idle_service.server
    server.start()
    before = server.stats()
    with clients.Raw(idle_service) as raw:
        raw.line()
        after = server.stats()
        core, earlier = after["cores"][0], before["cores"][0]
        assert core["tcp"]["opened_passive"] == earlier["tcp"]["opened_passive"] + 1
        assert core["session"]["sessions"] == 1
        assert core["loop"]["frames_in"] > earlier["loop"]["frames_in"]
        assert after["ports"][0]["rx_frames"] > before["ports"][0]["rx_frames"]
        assert after["uptime_s"] >= before["uptime_s"]


def test_idle_server_lets_go_of_its_core(idle_service):
    server = idle_service.server
    server.start()
    pid = daemon_pid(server)
    with clients.Raw(idle_service) as raw:
        raw.line()
        begun = cpu_seconds(pid)
        time.sleep(IDLE_SECONDS)
        share = (cpu_seconds(pid) - begun) / IDLE_SECONDS
        assert share < IDLE_SHARE_MAX
        # And it is not asleep for good.
        asked = time.monotonic()
        raw.command(b"a", b"NOOP")
        assert time.monotonic() - asked < 0.5


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_end_says_bye(idle_service, which):
    server = idle_service.server
    server.start()
    pid = daemon_pid(server)
    raws = [clients.Raw(idle_service) for _ in range(20)]
    try:
        for raw in raws:
            raw.line()
        begun = time.monotonic()
        os.kill(pid, which)
        for raw in raws:
            assert b"* BYE" in raw.rest()
        assert server.process.wait(timeout=10) == 0
        assert time.monotonic() - begun < 5
    finally:
        for raw in raws:
            raw.close()


def test_end_does_not_wait_for_a_client_that_does_not_read(idle_service, tmp_path):
    """Its grace is three seconds."""
    server = idle_service.server
    big = tmp_path / "big.eml"
    big.write_bytes(b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 200000)
    server.control("import", "eml", big, "--user", "one")
    server.start()
    pid = daemon_pid(server)
    with log_in(idle_service, receive_buffer=4096) as raw:
        raw.send(b"c FETCH 1:* BODY[]\r\n")
        time.sleep(0.3)
        begun = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        assert server.process.wait(timeout=10) == 0
        assert 2 < time.monotonic() - begun < 6


def test_runs_as_its_user(idle_service):
    server = idle_service.server
    change(server, "users:", f"user: {USER}\nusers:")
    refused = wiremapd(server, "--check")
    assert refused.returncode == 1 and "chown" in refused.stderr
    run("chown", "-R", USER, server.root)
    run("chmod", "711", server.root)
    server.start()
    pid, uid = daemon_pid(server), pwd.getpwnam(USER).pw_uid
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines()
                      if ":\t" in line)
        assert status["Uid"].split() == [str(uid)] * 4
        assert int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1"
    check_healthy(idle_service)
