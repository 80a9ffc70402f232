# SPDX-License-Identifier: Apache-2.0
"""One wire, one server and its accounts for all tests here; everything is removed at the end.

    pytest tests/interop                       wiremapd (build/ or $WIREMAP_BUILD) on a veth
    pytest tests/interop --server dovecot      Dovecot on the same veth: is the test itself right?
"""

import collections
import os
import pathlib
import signal
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tools"))
from lab import mailfiles, traces  # noqa: E402
from lab.dovecot import Dovecot  # noqa: E402
from lab.server import Server  # noqa: E402
from lab.wire import SERVER, Wire  # noqa: E402

from service import PORT, Service  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WIREMAP_BUILD", TOP / "build")).resolve()
CACHE = TOP / "build" / "mail-cache"

Account = collections.namedtuple("Account", "user password maildir mail")


def pytest_addoption(parser):
    parser.addoption("--server", choices=("wiremap", "dovecot"), default="wiremap")


def pytest_configure():
    # A polite kill unwinds the fixtures, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", 143))


@pytest.hookimpl(trylast=True)  # when the last fixture is gone
def pytest_sessionfinish(session):
    """The suite as a whole: what it leaves behind makes it fail."""
    left = traces.left()
    if left:
        print("\nleft behind: " + "; ".join(left))
        session.exitstatus = 1


def needs_programs():
    for name in ("wiremapd", "wiremapctl"):
        if not (BUILD / "tools" / name / name).exists():
            pytest.skip(f"{name} is not built in {BUILD}")


@pytest.fixture(scope="session")
def top():
    return TOP


@pytest.fixture(scope="session")
def build():
    needs_programs()
    return BUILD


def demo_account(scratch):
    maildir = scratch / "demo"
    subprocess.run([TOP / "tools" / "demo-mail", maildir], check=True, capture_output=True)
    return Account("demo", "secret-demo", maildir, mailfiles.maildir_read(maildir))


def account_of(scratch, name, contents, nul):
    """`nul` is what the server makes of a NUL, which an IMAP4rev1 literal cannot hold."""
    maildir = scratch / name
    mailfiles.maildir_write(maildir, contents)
    mail = {folder: [message._replace(data=message.data.replace(b"\0", nul))
                     for message in messages]
            for folder, messages in mailfiles.maildir_read(maildir).items()}
    return Account(name, f"secret-{name}", maildir, mail)


def big_contents():
    """Messages that take many windows: one of 4 MiB and forty of 128 KiB, no two lines alike."""
    for number, size in enumerate([4 << 20] + [128 << 10] * 40):
        lines = "".join(f"{number:04d} {line:08d} {'.' * 57}\n" for line in range(size // 72))
        yield f"Subject: big {number}\nFrom: a@example.org\n\n{lines}".encode()


@pytest.fixture(scope="session")
def missing():
    """{account: why it could not be made}"""
    return {}


@pytest.fixture(scope="session")
def accounts(request, tmp_path_factory, missing):
    scratch = tmp_path_factory.mktemp("mail")
    nul = b"\x80" if request.config.getoption("server") == "dovecot" else b"\0"
    found = {"demo": demo_account(scratch),
             "big": account_of(scratch, "big", big_contents(), nul)}
    for name, find in (("corpus", lambda: mailfiles.corpus(TOP)),
                       ("spam", lambda: mailfiles.spam_assassin(CACHE))):
        try:
            found[name] = account_of(scratch, name, (path.read_bytes() for path in find()), nul)
        except mailfiles.Unobtainable as reason:
            missing[name] = str(reason)
    return found


@pytest.fixture(scope="session")
def service(request, accounts):
    kind = request.config.getoption("server")
    if kind == "wiremap":
        needs_programs()
    with Wire(server_address=SERVER if kind == "dovecot" else None) as wire:
        if kind == "dovecot":
            server = Dovecot({account.user: (account.password, account.maildir)
                              for account in accounts.values()}, SERVER, PORT,
                             wire.on_server())
        else:
            server = Server(BUILD, wire, PORT)
        try:
            if kind == "wiremap":
                for account in accounts.values():
                    server.add(account.user, account.password, account.maildir)
                server.start()
            yield Service(wire, server, accounts)
        finally:
            server.close()


@pytest.fixture
def account_named(accounts, missing):
    """account_named(name): the account, or a skip that says why there is none."""
    def find(name):
        if name not in accounts:
            pytest.skip(missing[name])
        return accounts[name]
    return find


@pytest.fixture
def dovecot():
    """dovecot({user: (password, Maildir)}): a private Dovecot on 127.0.0.1 until the test ends."""
    running = []

    def start(accounts):
        running.append(Dovecot(accounts))
        return running[-1]

    yield start
    for server in running:
        server.close()
