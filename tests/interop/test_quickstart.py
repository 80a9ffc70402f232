# SPDX-License-Identifier: Apache-2.0
"""tools/quickstart as a person runs it: from the outside, and what is there when it is gone."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from lab import traces

SECONDS_MAX = 300


def start(top, *arguments):
    return subprocess.Popen([top / "tools" / "quickstart", *map(str, arguments)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, start_new_session=True)


def quickstart(top, *arguments):
    process = start(top, *arguments)
    out, err = process.communicate(timeout=SECONDS_MAX)
    return process.returncode, out, err


def pages():
    return pathlib.Path("/proc/sys/vm/nr_hugepages").read_text()


@pytest.fixture
def clean(request, top, build):
    """Nothing of this run is there that was not there before, and hugepages are as they were."""
    if request.config.getoption("server") != "wiremap":
        pytest.skip("starts wiremapd itself")
    if build != top / "build":
        pytest.skip("builds into build/")
    before, reserved = set(traces.left()), pages()
    yield before
    assert set(traces.left()) - before == set()
    assert pages() == reserved
    assert not (top / "build" / "quickstart.json").exists()


def test_once(top, clean):
    status, out, err = quickstart(top)
    assert status == 0, err
    assert "400 messages in 10 mailboxes" in out
    assert re.search(r"net_af_packet0 .*core \d", out)
    assert re.search(r"whole: \d+ bytes in \d+ ms", out)


def test_keep_and_stop(top, clean):
    status, out, err = quickstart(top, "--keep")
    assert status == 0, err
    try:
        record = json.loads((top / "build" / "quickstart.json").read_text())
        assert set(record) == {"namespace", "address", "port", "user", "password", "mailbox",
                               "pid", "stop"}
        os.kill(record["pid"], 0)
        url = (f"imap://{record['user']}:{record['password']}@{record['address']}:"
               f"{record['port']}/{record['mailbox']};MAILINDEX=1")
        done = subprocess.run(["ip", "netns", "exec", record["namespace"], "curl", "-sS", url],
                              capture_output=True, timeout=60)
        assert done.returncode == 0 and b"\r\n\r\n" in done.stdout, done.stderr
        assert quickstart(top, "--keep")[0] == 1, "a second one must be refused"
    finally:
        assert quickstart(top, "--stop")[0] == 0
    with pytest.raises(ProcessLookupError):
        os.kill(record["pid"], 0)


def messages(number):
    return [f"From: a@example.org\nSubject: own {index}\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
            f"\nText {index}\n" for index in range(number)]


def test_own_mbox(top, clean, tmp_path):
    path = tmp_path / "archive"
    path.write_text("".join(f"From a@example.org Mon Jan  1 00:00:00 2024\n{text}\n"
                            for text in messages(7)))
    status, out, err = quickstart(top, "--mail", path)
    assert status == 0, err
    assert "7 messages in" in out and "own 6" in out


def test_own_folder_of_eml(top, clean, tmp_path):
    for index, text in enumerate(messages(3)):
        (tmp_path / f"{index}.eml").write_text(text)
    status, out, err = quickstart(top, "--mail", tmp_path)
    assert status == 0, err
    assert "3 messages in" in out and "Text" in out


def test_wrong_path_is_refused_at_once(top, clean, tmp_path):
    status, _, err = quickstart(top, "--mail", tmp_path / "nothing")
    assert status == 1 and "no such file" in err


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
@pytest.mark.parametrize("after", ("memory", "mail", "server", "client"))
def test_interrupted(top, clean, after, number):
    """Whenever it is told to go, it takes everything with it."""
    process = start(top)
    try:
        for line in process.stdout:
            if line.strip().startswith(after):
                break
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode in (0, 130, 128 + number)
    deadline = time.monotonic() + 5
    while set(traces.left()) - clean and time.monotonic() < deadline:
        time.sleep(0.1)
