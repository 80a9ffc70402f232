# SPDX-License-Identifier: Apache-2.0
"""An account that moves between Dovecot and Wiremap: a client that knew it at the one fetches
nothing again at the other, because UIDVALIDITY and UIDs went along."""

import shutil
import socket
import subprocess

import pytest

import clients
from lab.traces import RUN
from test_whole_account import MBSYNC, PULL_SECONDS_MAX

USER, PASSWORD = "mover", "secret-mover"


class Client:
    """mbsync with one memory, whatever server it is sent to."""

    def __init__(self, folder):
        self.folder = folder

    def fetched(self, address, port, prefix=()):
        """Synchronises all; how many bodies it asked for."""
        script = self.folder / "mbsyncrc"
        script.write_text(MBSYNC.format(address=address, port=port, user=USER, password=PASSWORD,
                                        near=self.folder / f"near-{RUN}"))
        done = subprocess.run([*prefix, "mbsync", "-Dn", "-c", script, "-a"], capture_output=True,
                              timeout=PULL_SECONDS_MAX, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr[-800:]
        return (done.stdout + done.stderr).count(b"BODY.PEEK[])")

    def flags(self):
        """{mailbox: sorted flags of its messages} as the client has them, but for a Maildir's P,
        which Dovecot does not read and an import makes $Forwarded."""
        return {str(folder.relative_to(self.folder)):
                sorted(file.name.partition(":2,")[2].replace("P", "") for file in
                       folder.iterdir())
                for folder in (self.folder / f"near-{RUN}").rglob("cur")}


class Local:
    """A server of this machine, as clients.Imap wants it."""

    def __init__(self, server):
        self.address, self.port = server.address, server.port

    def connect(self, timeout):
        return socket.create_connection((self.address, self.port), timeout)


def known(server):
    """{hierarchy: (UIDVALIDITY, UIDs)}. mbsync forgives another UIDVALIDITY where Message-IDs are
    the same, so that it fetches nothing shows less than this."""
    found = {}
    client = clients.Imap(server)
    client.login(USER, PASSWORD)
    for name, path in client.folders().items():
        assert client.select(f'"{name}"', readonly=True)[0] == "OK"
        validity = client.response("UIDVALIDITY")[1]
        found[path] = validity, client.uid("SEARCH", "ALL")[1]
    client.logout()
    return found


@pytest.fixture
def stopped(service):
    """The server, stopped, so that tools may have its volume; it runs again afterwards."""
    if not service.is_wiremap:
        pytest.skip("it is Wiremap that an account moves to")
    service.server.stop()
    yield service.server
    if service.server.process.poll() is not None:
        service.server.start()
    service.server.control("user", "list")


def test_from_dovecot_and_back(stopped, service, dovecot, account_named, tmp_path):
    account, client = account_named("demo"), Client(tmp_path)
    messages = sum(map(len, account.mail.values()))
    first = dovecot({USER: (PASSWORD, account.maildir)})
    assert client.fetched(first.address, first.port) == messages
    assert client.fetched(first.address, first.port) == 0
    flags, left, was = client.flags(), tmp_path / "left", known(Local(first))
    shutil.copytree(first.root / "mail" / USER, left, copy_function=shutil.copy2)

    said = stopped.add(USER, PASSWORD, left, "maildir")
    assert f"{messages} messages imported" in said and "kept their UIDs" in said
    stopped.control("export", "maildir", USER, tmp_path / "back")
    stopped.control("export", "mbox", USER, tmp_path / "mbox")
    second = dovecot({USER: (PASSWORD, tmp_path / "back")})
    assert known(Local(second)) == was
    assert client.fetched(second.address, second.port) == 0
    assert client.flags() == flags

    stopped.start()
    prefix = service.wire.on_client()
    assert known(service) == was
    assert client.fetched(service.address, service.port, prefix) == 0
    assert client.flags() == flags
